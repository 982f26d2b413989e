"""Many calls and compilations: nothing is wrong, and nothing is kept. `tools/soak.py` does more."""

from __future__ import annotations

import subprocess
import sys

from fxlower.tools import soak


def test_calls_from_four_threads_are_right() -> None:
    assert soak.call_often(2000, 4) == 0


def test_memory_of_compilations_is_given_back() -> None:
    """LLVM's part of a compilation alone was 50 KiB when it was kept. In a process of its own:
    pytest keeps what is logged."""
    program = "from fxlower.tools import soak; print(soak.grown(some, some))".replace(
        "some", "lambda: soak.compile_often(40)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    assert float(done.stdout) < 40 * 0.03  # MiB
