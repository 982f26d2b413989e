"""What `python -m fxlower` runs: a small language model, trained beside eager PyTorch."""
