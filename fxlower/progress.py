"""A bar on the terminal while a compilation takes long, gone when it is done."""

from __future__ import annotations

import sys
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0
"""Seconds of a compilation before anything is shown."""


class CompileProgress:
    """Tells how many of the kernels of `graph` are compiled, on standard error if that is a
    terminal. Use it as a context, which the bar does not outlive."""

    def __init__(self, graph: str, *, wanted: bool, start: float) -> None:
        self.graph = graph
        self.start = start
        self.wanted = wanted
        self.kernels = 0
        self.bar: Progress | None = None

    def __enter__(self) -> CompileProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def update(self, begun: int, done: int) -> None:
        """So many kernels are half way down the levels, and so many are machine code."""
        if not self.wanted:
            return
        if self.bar is None:
            if perf_counter() - self.start < PATIENCE:
                return
            if not is_terminal(sys.stderr):
                self.wanted = False
                return
            self.bar = _bar(self.graph)
        (task,) = self.bar.task_ids
        self.bar.update(
            task, total=2 * self.kernels, completed=begun + done, done=done, kernels=self.kernels
        )
        self.bar.start()  # does nothing if it has been
        self.bar.refresh()


def is_terminal(stream: Any) -> bool:
    """Whether a bar can be drawn, and taken away again."""
    try:
        if not stream.isatty():
            return False
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False
    from rich.console import Console

    return not Console(file=stream).is_dumb_terminal


def _bar(graph: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    made = Progress(
        TextColumn("fxlower: {task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]} of {task.fields[kernels]} kernels"),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,  # it may be a file
    )
    made.add_task(graph, done=0, kernels=0)
    return made
