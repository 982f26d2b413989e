"""The bar of long compilations: on terminals only, and gone afterwards."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter

import pytest
import torch

from fxlower import progress
from fxlower.explanation import isolated
from fxlower.progress import CompileProgress

ERASED_LINE = "\x1b[2K"


class Terminal(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)


def shown_on_terminal(run: Callable[[], object], *, is_terminal: bool = True) -> str:
    """What `run` writes to standard error."""
    stream = Terminal(is_terminal)
    before, sys.stderr = sys.stderr, stream
    try:
        run()
    finally:
        assert sys.stderr is stream
        sys.stderr = before
    return stream.getvalue()


def compile_something(**options: bool) -> None:
    torch._dynamo.reset()
    f = isolated(lambda x: x.sin().sort()[0].cumsum(0))
    torch.compile(f, backend="fxlower", options=options or None)(torch.ones(3, 4))


def test_a_long_compilation_tells_how_far_it_is() -> None:
    text = shown_on_terminal(compile_something)
    assert "fxlower: inference" in text and "4 of 4 kernels" in text
    assert text.endswith(ERASED_LINE)


def test_a_short_one_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 1e6)
    assert not shown_on_terminal(compile_something)


@pytest.mark.parametrize("how", ["option", "CI", "dumb", "a file"])
def test_it_can_be_unwanted(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    if how == "CI":
        monkeypatch.setenv("CI", "true")
    elif how == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    options = {"progress": False} if how == "option" else {}
    run = partial(compile_something, **options)
    assert not shown_on_terminal(run, is_terminal=how != "a file")


def test_the_bar_ends_where_the_compilation_fails() -> None:
    def fail() -> None:
        with (
            pytest.raises(KeyboardInterrupt),
            CompileProgress("graph", wanted=True, start=perf_counter()) as bar,
        ):
            bar.kernels = 4
            bar.update(2, 1)
            raise KeyboardInterrupt

    text = shown_on_terminal(fail)
    assert "1 of 4 kernels" in text and text.endswith(ERASED_LINE)


@pytest.mark.parametrize("stream", [None, object()])
def test_without_a_stream_there_is_no_terminal(stream: object) -> None:
    assert not progress.is_terminal(stream)
