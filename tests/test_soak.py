"""Many calls and compilations: nothing is wrong, and nothing is kept. `tools/soak.py` does more."""

from __future__ import annotations

from fxlower.tools import soak


def test_calls_from_four_threads_are_right() -> None:
    assert soak.call_often(2000, 4) == 0


def test_memory_of_compilations_is_given_back() -> None:
    grown = soak.grown(lambda: soak.compile_often(60), lambda: soak.compile_often(40))
    assert grown < 60 * 0.05  # MiB; LLVM's part alone was 50 KiB for each when it was kept
