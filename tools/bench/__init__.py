"""Benchmarks: `python -m fxlower.tools.bench --help`.

Every figure is a ratio of medians taken in turn in one process: machines differ and are noisy.
"""
