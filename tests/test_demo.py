"""`python -m fxlower` shows what it should, in a few steps."""

import pytest

from fxlower.demo.show import main, sparkline


def test_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--steps", "3"]) == 0
    shown = capsys.readouterr().out
    for wanted in ("forward: ", "backward: ", "compiled in ", "the curves agree", "time per step"):
        assert wanted in shown
    for level in ("fxt", "linalg", "loops", "vector", "llvm", "s"):
        assert f"\n{level} " in shown
    assert "func.func private @" in shown and "llvm.func " in shown


def test_sparkline() -> None:
    assert sparkline([3.0, 2.0, 1.0]) == "█▅▁"
    assert len(sparkline([1.0] * 1000)) <= 60
