"""A compiled graph as data, which may come from disk, and from there to something that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from weakref import WeakValueDictionary

from fxlower.analysis.traffic import Work
from fxlower.runtime.executable import Executable
from fxlower.runtime.jit import LoadedCode, library_symbols, load
from fxlower.runtime.kept_values import KeptValue
from fxlower.runtime.kernel_timers import KernelTimers, TimedKernel
from fxlower.runtime.memory import shared_pool
from fxlower.runtime.plan import HostPlan, Shape
from fxlower.runtime.segment import Entry
from fxlower.runtime.timed_executable import MadeWhenCalled
from fxlower.targets.machines import ensure_runs_here, machine

KernelKey = tuple[str, str, str]
"""What tells apart the kernels of a process: name (which holds a hash of what it computes),
machine, and schedule if that was measured."""


@dataclass(frozen=True, eq=False)
class KernelObject:
    """A kernel as object code, with its signature at stage `loops` as text, and of each argument
    whether it is an index."""

    key: KernelKey
    signature: str
    indices: tuple[bool, ...]
    code: bytes

    @property
    def name(self) -> str:
        return self.key[0]


@dataclass(frozen=True, eq=False)
class SegmentsObject:
    """The segments of a graph, which call its kernels, as object code, and the bytes of arena that
    each needs."""

    arenas: Mapping[str, Shape]
    code: bytes


@dataclass(frozen=True, eq=False)
class CompiledGraph:
    """All that is needed to run a graph on `machine`."""

    machine: str
    plan: HostPlan
    kernels: tuple[KernelObject, ...]
    segments: SegmentsObject | None
    """None where the host does everything."""

    checked: bool
    """Whether changes of weights are looked for."""

    output_pool: bool


@dataclass(eq=False)
class Kernel:
    """A kernel in memory."""

    object: KernelObject
    code: LoadedCode

    def timed(self, work: Work | None) -> TimedKernel:
        """As `KernelTimers` takes it."""
        indices = self.object.indices
        symbols = tuple(f"d{i}" for i, is_index in enumerate(indices) if is_index)
        pointers = len(indices) - len(symbols)
        if work is None:
            return TimedKernel(self.object.name, self.code, pointers, symbols)
        assert len(work.symbols) == len(symbols)
        moved = work.reads, work.writes
        return TimedKernel(
            self.object.name, self.code, pointers, work.symbols, *moved, work.operations
        )


KERNELS: WeakValueDictionary[KernelKey, Kernel] = WeakValueDictionary()
"""Kernels alive in this process. An executable keeps those that it calls."""


def load_kernel(kernel: KernelObject, library: Mapping[str, int]) -> Kernel:
    """The kernel in memory; `library` are addresses of functions that it may call."""
    known = KERNELS.get(kernel.key)
    if known is None:
        code = load(kernel.code, exports=[kernel.name], symbols=library)
        known = KERNELS[kernel.key] = Kernel(kernel, code)
    return known


@dataclass(eq=False)
class SegmentCode:
    """Segments in memory: the entry function of each by name, the addresses of the kernels that
    they call, and what keeps all that alive."""

    entries: dict[str, Entry]
    addresses: dict[str, int]
    code: list[object]


Around = Callable[[str], AbstractContextManager[object]]
"""A context for the linking of a kernel, by name."""


def nothing_around(name: str) -> AbstractContextManager[object]:
    return nullcontext()


class LoadedGraph:
    """A graph whose kernels are in memory; those that were are not loaded again.

    Raises:
        TargetError: it is for another machine.
    """

    def __init__(self, compiled: CompiledGraph, around: Around = nothing_around) -> None:
        target = machine(compiled.machine)
        ensure_runs_here(target)
        library = library_symbols(p.symbol for p in target.library)
        self.compiled = compiled
        self.kernels: dict[str, Kernel] = {}
        for kernel in compiled.kernels:
            with around(kernel.name):
                self.kernels[kernel.name] = load_kernel(kernel, library)
        self.pool = shared_pool() if compiled.output_pool else None

    def executable(self) -> Executable:
        def traced() -> Executable:
            code, _ = self.timed({})
            return Executable(self.compiled.plan, code.entries, code, self.pool, self.kept(code))

        code = self._linked({n: k.code for n, k in self.kernels.items()})
        executable = Executable(self.compiled.plan, code.entries, code, self.pool, self.kept(code))
        executable.trace_with(MadeWhenCalled(traced))
        executable.compiled = self.compiled
        return executable

    def kept(self, code: SegmentCode) -> list[KeptValue]:
        """What makes the plan's `kept`."""
        compiled = self.compiled
        return [KeptValue(step, code.addresses, compiled.checked) for step in compiled.plan.kept]

    def timed(self, works: Mapping[str, Work]) -> tuple[SegmentCode, KernelTimers]:
        """The segments, calling timers, which add up the kernels' work where that is known."""
        timers = KernelTimers([k.timed(works.get(k.object.name)) for k in self.kernels.values()])
        return self._linked(dict.fromkeys(self.kernels, timers.code)), timers

    def _linked(self, callees: Mapping[str, LoadedCode]) -> SegmentCode:
        segments = self.compiled.segments
        if segments is None:
            return SegmentCode({}, {}, [])
        names = {name: f"{name}_entry" for name in segments.arenas}
        code = load(segments.code, exports=names.values(), uses=dict.fromkeys(callees.values()))
        entries = {n: Entry(code.address(names[n]), arena) for n, arena in segments.arenas.items()}
        addresses = {n: c.address(n) for n, c in callees.items()}
        return SegmentCode(entries, addresses, [code, *self.kernels.values()])


def load_executable(compiled: CompiledGraph) -> Executable:
    """Link the code of a graph."""
    return LoadedGraph(compiled).executable()
