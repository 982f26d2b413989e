"""fxlower: PyTorch FX graphs to machine code, in Python.

`torch.compile(model, backend="fxlower")` needs no import of this package. Importing it costs
nothing: what is named below is loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fxlower.bisection import bisect
    from fxlower.explanation import explain, stages
    from fxlower.frontend.registry import NotLowered, lowers, register_lowering
    from fxlower.options import Options
    from fxlower.profile_report import profiles
    from fxlower.profiling import profile
    from fxlower.standalone import compile, import_fx

_HOMES = {
    "NotLowered": "fxlower.frontend.registry",
    "Options": "fxlower.options",
    "bisect": "fxlower.bisection",
    "compile": "fxlower.standalone",
    "explain": "fxlower.explanation",
    "import_fx": "fxlower.standalone",
    "lowers": "fxlower.frontend.registry",
    "profile": "fxlower.profiling",
    "profiles": "fxlower.profile_report",
    "register_lowering": "fxlower.frontend.registry",
    "stages": "fxlower.explanation",
}

__all__ = [
    "NotLowered",
    "Options",
    "bisect",
    "compile",
    "explain",
    "import_fx",
    "lowers",
    "profile",
    "profiles",
    "register_lowering",
    "stages",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fxlower' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
