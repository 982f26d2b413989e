"""The IR tests of tests/filecheck, which are lit's, one pytest test for each file."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent / "filecheck"
FILES = sorted(f for f in TESTS.rglob("*.mlir") if not {"Inputs", "Output"} & set(f.parts))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(TESTS).as_posix())
def test_file(file: Path) -> None:
    program = "from lit.main import main; main()"  # lit.main is no program since lit 23
    run = subprocess.run(
        [sys.executable, "-c", program, "-v", "-j1", file], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    if "Unsupported: 1" in run.stdout:
        pytest.skip("needs a feature that is not installed")
    assert "Passed: 1" in run.stdout, run.stdout + run.stderr
