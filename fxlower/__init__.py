"""fxlower: PyTorch FX graphs to machine code, in Python."""

__version__ = "0.1.0"
