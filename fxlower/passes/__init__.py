"""Passes: one per file, named as on the command line with underscores."""
