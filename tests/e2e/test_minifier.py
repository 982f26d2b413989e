"""PyTorch's minifier finds a smallest program for a bug of fxlower, by the backend's name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = """
import os
import torch
import fxlower

def rule(b, x):
    assert os.environ["BUG"] == "wrong", "cannot lower cos"
    return b.neg(x)

fxlower.register_lowering(torch.ops.aten.cos.default, rule, override=True)
"""

PROGRAM = """
import plugin
import torch

def function(x, y):
    z = (x @ y).relu()
    z = z * 2 + z.exp()
    z = z.cos()
    return (z - 1).softmax(-1), y.sum()

torch.compile(function, backend="fxlower")(torch.randn(5, 7), torch.randn(7, 6))
"""


def launch(file: Path) -> list[str]:
    """Run a program where the bug is, without arguments."""
    return ["-c", f"import plugin, runpy; runpy.run_path({str(file)!r}, run_name='__main__')"]


@pytest.mark.parametrize("level,bug", [(2, "fails"), (3, "fails"), (4, "wrong")])
def test_a_smallest_program_is_found(tmp_path: Path, level: int, bug: str) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "ir").mkdir()
    environment = {
        **os.environ,
        "BUG": bug,
        "FXLOWER_DUMP_IR": str(tmp_path / "ir"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)]),
        "TORCH_COMPILE_DEBUG_DIR": str(tmp_path),
    }

    def run(args: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *args],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    first = run(
        ["program.py"], TORCHDYNAMO_REPRO_AFTER="dynamo", TORCHDYNAMO_REPRO_LEVEL=str(level)
    )
    assert first.returncode != 0
    expected = "AccuracyError" if level == 4 else "cannot lower cos"
    assert expected in first.stderr
    (launcher,) = tmp_path.rglob("minifier_launcher.py")
    if level == 3:  # differs from 2 in when it writes the launcher
        return
    second = run(launch(launcher))
    found = tmp_path / "repro.py"
    assert found.exists(), second.stderr[-3000:]
    text = found.read_text()
    forward = text[text.index("def forward") : text.index("mod = Repro()")]
    assert ".cos()" in forward
    for other in ("@", "matmul", "relu", "exp", "softmax", "sum"):
        assert other not in forward, forward
    third = run(launch(found))
    assert third.returncode != 0 and expected in third.stderr
