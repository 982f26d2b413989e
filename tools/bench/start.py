"""The first call of a model in a new process, with an empty cache on disk and with a full one.

Each start is a process of its own (`python -m fxlower.tools.bench.start NAME forward|training`),
that makes the model and calls it once. Of the first call, the backend's part is AOTAutograd's and
fxlower's; what is left is Dynamo's, but for a few milliseconds in which the model runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from rich.console import Console
from rich.table import Table

from fxlower.tools.bench import models

KINDS = ("forward", "training")
STARTS = ("cold", "warm", "warm")
GOAL = 0.15
"""Seconds of the backend in a warm start."""


@dataclass
class Start:
    """Seconds, each of wall time and of processor time."""

    loading: tuple[float, float]
    """Imports, and the model."""

    call: tuple[float, float]
    """All of the first call; of it:"""
    backend: tuple[float, float]
    """AOTAutograd and fxlower; of it:"""
    fxlower: tuple[float, float]
    """Compiling, or finding and loading what was compiled."""

    kernels: int
    """How many were compiled."""

    found: int
    """Graphs that were found on disk."""


def run(names: Sequence[str]) -> list[tuple[str, str, Start]]:
    """Print cold and warm starts of the models whose name contains one of `names`."""
    made: list[tuple[str, str, Start]] = []
    for case in models.cases(names):
        for kind in KINDS:
            with TemporaryDirectory() as folder:
                for number, name in enumerate(STARTS):
                    print(f"{case.name} {kind}: {name}", file=sys.stderr)
                    label = f"{name} {number}" if STARTS.count(name) > 1 else name
                    made.append((f"{case.name} {kind}", label, measure(case.name, kind, folder)))
    console = Console(width=max(120, Console().width))
    console.print(table(made))
    console.print(verdict(made), highlight=False)
    return made


def measure(name: str, kind: str, folder: str) -> Start:
    """A start in a new process, with the caches in `folder`."""
    variables = {
        "FXLOWER_CACHE": "1",
        "FXLOWER_CACHE_DIR": os.path.join(folder, "fxlower"),
        "TORCHINDUCTOR_CACHE_DIR": os.path.join(folder, "torch"),
    }
    shown = subprocess.run(
        [sys.executable, "-m", "fxlower.tools.bench.start", name, kind],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return Start(**json.loads(shown.splitlines()[-1]))


def table(starts: Sequence[tuple[str, str, Start]]) -> Table:
    made = Table(title="seconds of the first call in a new process (of them processor time)")
    for heading in ("model", "start", "loading", "first call", "Dynamo", "AOTAutograd", "fxlower"):
        made.add_column(heading, justify="left" if heading in ("model", "start") else "right")
    made.add_column("kernels compiled", justify="right")
    for name, label, start in starts:
        dynamo = _less(start.call, start.backend)
        aot = _less(start.backend, start.fxlower)
        seconds = (start.loading, start.call, dynamo, aot, start.fxlower)
        shown = [f"{wall:.2f} ({busy:.2f})" for wall, busy in seconds]
        made.add_row(name, label, *shown, str(start.kernels))
    return made


def _less(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return a[0] - b[0], a[1] - b[1]


def verdict(starts: Sequence[tuple[str, str, Start]]) -> str:
    lines: list[str] = []
    for name in dict.fromkeys(name for name, _, _ in starts):
        warm = [s for n, label, s in starts if n == name and label.startswith("warm")]
        best = min(warm, key=lambda s: s.backend[0])
        lines.append(
            f"{name}: warm, the backend takes {best.backend[0]:.3f} s ({best.backend[1]:.3f} s of "
            f"processor time), goal {GOAL} s; {best.kernels} kernels compiled"
        )
    return "\n".join(lines)


# --------------------------------------------------------------------------- in the process


class Clock:
    """Wall and processor time spent in some functions, but for calls of one by another."""

    def __init__(self) -> None:
        self.spent = 0.0, 0.0
        self.depth = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        start = perf_counter(), process_time()
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            if not self.depth:
                wall, busy = self.spent
                self.spent = wall + perf_counter() - start[0], busy + process_time() - start[1]

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.running():
                return function(*args, **kwargs)

        return call


def main(name: str, kind: str) -> None:
    loading = Clock()
    with loading.running():
        import torch
        from torch._dynamo.output_graph import OutputGraph
        from torch._dynamo.utils import counters

        from fxlower import backend, graph_cache
        from fxlower.graph_cache import KeptGraph

        torch.manual_seed(0)
        (case,) = (c for c in models.cases() if c.name == name)
        model, inputs = case.make()
        model.train(kind == "training")
        compiled = torch.compile(model, backend="fxlower")
    ours, theirs, call = Clock(), Clock(), Clock()
    OutputGraph.call_user_compiler = theirs.timed(OutputGraph.call_user_compiler)  # type: ignore[method-assign]
    backend.build_aten_graph = theirs.timed(ours.timed(backend.build_aten_graph))
    KeptGraph.post_compile = ours.timed(KeptGraph.post_compile)  # type: ignore[method-assign]
    graph_cache._key = ours.timed(graph_cache._key)
    backend.salt_of = ours.timed(backend.salt_of)
    with call.running(), torch.set_grad_enabled(kind == "training"):
        result = compiled(**inputs)[0]
        if kind == "training":
            result.sum().backward()
    compiled_kernels = counters["fxlower"]["kernels_compiled"]
    found = counters["fxlower"]["graphs_from_cache"]
    start = Start(loading.spent, call.spent, theirs.spent, ours.spent, compiled_kernels, found)
    print(json.dumps(asdict(start)))


if __name__ == "__main__":
    main(*sys.argv[1:])
