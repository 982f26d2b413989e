"""Schedules by measurement: `options={"autotune": True}` and `python -m fxlower.tools.tune`."""
