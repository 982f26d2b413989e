"""Command-line tools of fxlower."""
