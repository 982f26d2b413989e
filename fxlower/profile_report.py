"""What `fxlower.profile` and `fxlower.profiles` print: where the time of calls went, kernel by
kernel, beside what the machine could do."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO

from rich.console import Console
from rich.table import Table

from fxlower.report import GraphReport, KernelReport
from fxlower.runtime.kernel_timers import Counted, KernelTimers
from fxlower.runtime.stopwatch import Stopwatch
from fxlower.runtime.timed_executable import TimedFallback
from fxlower.tuning import roofline
from fxlower.tuning.roofline import LEVELS, Roofline


@dataclass(eq=False)
class GraphProfile:
    """What one graph counts, for as long as something can call it."""

    report: GraphReport
    timers: KernelTimers
    fallbacks: list[TimedFallback]
    cache_dir: str | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    """Of calls of the graph, but for operators in eager mode."""

    def __post_init__(self) -> None:
        with _LOCK:
            GRAPHS.add(self)

    def reset(self) -> None:
        self.timers.reset()
        for watch in (self.stopwatch, *(f.stopwatch for f in self.fallbacks)):
            watch.reset()


GRAPHS: weakref.WeakSet[GraphProfile] = weakref.WeakSet()
"""Every graph of this process that was compiled with the option `profile` and is alive."""

_LOCK = threading.Lock()


@dataclass(frozen=True)
class Row:
    """A kernel, or an operator in eager mode, or what remains. `limit` are the seconds that the
    machine needs at least, by the roofline; 0 is unknown."""

    name: str
    graph: str
    details: tuple[str, ...]
    calls: int
    seconds: float
    bytes: int = 0
    operations: int = 0
    limit: float = 0.0

    @property
    def lost(self) -> float:
        """Seconds above the limit: what could be gained."""
        return self.seconds - self.limit

    @property
    def share_of_roofline(self) -> float | None:
        return self.limit / self.seconds if self.limit and self.seconds else None


@dataclass(repr=False)
class Profile:
    """What `graphs` counted, as it was when this was made; print it.

    `calls` of a function took `seconds` in all, where that is known.
    """

    graphs: Sequence[GraphProfile]
    calls: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.counted = [
            (g.timers.read(), g.stopwatch.calls, g.stopwatch.nanoseconds) for g in self.graphs
        ]
        self.eager = [
            (g, f, f.stopwatch.calls, f.stopwatch.nanoseconds)
            for g in self.graphs
            for f in g.fallbacks
        ]

    @cached_property
    def roofline(self) -> Roofline:
        """What this machine can do; measured, for a second or two, when first asked for."""
        return roofline.known(next((g.cache_dir for g in self.graphs), None))

    @cached_property
    def kernels(self) -> list[Row]:
        """Kernels that were called, the one first in which most time could be gained."""
        found = [
            self._kernel(kernel, graph.report.name, counted[kernel.name])
            for graph, (counted, _, _) in zip(self.graphs, self.counted, strict=True)
            for kernel in graph.report.kernels
            if kernel.name in counted and counted[kernel.name].calls
        ]
        return sorted(found, key=lambda row: -row.lost)

    @cached_property
    def operators(self) -> list[Row]:
        """Calls of operators in eager mode, the slowest first."""
        found = [
            Row(str(f.call.target), g.report.name, (f.call.reason, f.call.source), calls, ns / 1e9)
            for g, f, calls, ns in self.eager
            if calls
        ]
        return sorted(found, key=lambda row: -row.seconds)

    @cached_property
    def remainders(self) -> list[Row]:
        """What of each graph's calls is neither: allocating results, reading sizes, launching; and
        what of the function's is in no graph."""
        found: list[Row] = []
        inside = sum(row.seconds for row in self.operators)
        for graph, (counted, calls, ns) in zip(self.graphs, self.counted, strict=True):
            inside += ns / 1e9
            if calls:
                in_kernels = sum(c.nanoseconds for c in counted.values())
                rest = max(ns - in_kernels, 0) / 1e9
                found.append(Row("host", graph.report.name, (), calls, rest))
        if self.seconds:
            outside = max(self.seconds - inside, 0.0)
            name = "outside of graphs: Dynamo, autograd, the caller"
            found.append(Row(name, "", (), self.calls, outside))
        return sorted(found, key=lambda row: -row.seconds)

    @property
    def total_seconds(self) -> float:
        return sum(row.seconds for row in (*self.kernels, *self.operators, *self.remainders))

    def reset(self) -> None:
        """Have the graphs count from 0 again; what this profile says stays."""
        for graph in self.graphs:
            graph.reset()

    def _kernel(self, kernel: KernelReport, graph: str, counted: Counted) -> Row:
        is_double = kernel.work is not None and kernel.work.is_double
        calls = counted.calls
        reads, writes = counted.reads // calls, counted.writes // calls
        each = self.roofline.kernel_seconds(
            reads, writes, counted.operations // calls, is_double=is_double
        )
        seconds = counted.nanoseconds / 1e9
        details = (", ".join(kernel.ops), *kernel.sources)
        return Row(
            kernel.name,
            graph,
            details,
            calls,
            seconds,
            counted.reads + counted.writes,
            counted.operations,
            each * calls,
        )

    def table(self) -> Table:
        limits = self.roofline
        copies = ", ".join(f"{limits.copies[n] / 1e9:.0f} in {n}" for n in LEVELS)
        made = Table(
            title=self._title(),
            caption=f"roofline: {limits.operations / 1e9:.0f} GFLOP/s in f32, "
            f"{limits.double / 1e9:.0f} in f64; copies, GB/s: {copies}",
        )
        made.add_column("kernel", overflow="fold")
        made.add_column("graph")
        for heading in ("calls", "us", "share", "MB", "Mflop", "GB/s", "GFLOP/s", "roofline"):
            made.add_column(heading, justify="right", no_wrap=True)
        total = self.total_seconds or 1.0
        for rows in (self.kernels, self.operators, self.remainders):
            for row in rows:
                made.add_row(*cells(row, total))
            made.add_section()
        return made

    def _title(self) -> str:
        if not self.seconds:
            return "where the time in graphs went: us, MB and Mflop of one call"
        each = self.seconds / self.calls * 1e6
        return (
            f"{self.calls} calls of {each:.1f} us each; us, MB and Mflop of one call of the kernel"
        )

    def __rich__(self) -> Table | str:
        return self.table() if self.graphs else EMPTY

    def __str__(self) -> str:
        text = StringIO()
        console = Console(file=text, width=max(160, Console().width), color_system=None)
        console.print(self.__rich__())
        return text.getvalue().rstrip("\n")

    __repr__ = __str__  # at a prompt there is no need to print it


EMPTY = "nothing was compiled with the option 'profile', or what was compiled is gone"


def cells(row: Row, total: float) -> Iterator[str]:
    yield "\n  ".join(filter(None, (row.name, *row.details)))
    yield row.graph
    yield f"{row.calls:,}"
    each = row.seconds / row.calls * 1e6
    yield f"{each:,.{2 if each < 10 else 1 if each < 1000 else 0}f}"
    yield f"{row.seconds / total:.1%}"
    yield f"{row.bytes / row.calls / 1e6:.3g}" if row.bytes else ""
    yield f"{row.operations / row.calls / 1e6:.3g}" if row.operations else ""
    yield f"{row.bytes / row.seconds / 1e9:.1f}" if row.bytes else ""
    yield f"{row.operations / row.seconds / 1e9:.1f}" if row.operations else ""
    share = row.share_of_roofline
    yield "" if share is None else f"{share:.0%}"


def profiles() -> Profile:
    """What graphs compiled with `options={"profile": True}` have counted up to now, all that can
    still be called; `.reset()` begins anew."""
    with _LOCK:
        found = list(GRAPHS)
    return Profile(sorted(found, key=lambda g: -g.stopwatch.nanoseconds))
