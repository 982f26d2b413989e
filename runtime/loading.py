"""A compiled graph as data, which may come from disk, and from there to something that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

from fxlower.runtime.executable import ENTRY_TYPE, Entry, Executable
from fxlower.runtime.jit import LoadedCode, library_symbols, load
from fxlower.runtime.kept_values import KeptValue
from fxlower.runtime.memory import shared_pool
from fxlower.runtime.plan import HostPlan, Shape
from fxlower.targets.machines import ensure_runs_here, machine

KernelKey = tuple[str, str, str]
"""What tells apart the kernels of a process: name (which holds a hash of what it computes),
machine, and schedule if that was measured."""


@dataclass(frozen=True, eq=False)
class KernelObject:
    """A kernel as object code, with its signature at stage `loops` as text."""

    key: KernelKey
    signature: str
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

    @property
    def address(self) -> int:
        return self.code.address(self.object.name)


KERNELS: WeakValueDictionary[KernelKey, Kernel] = WeakValueDictionary()
"""Kernels alive in this process. An executable keeps those that it calls."""


def load_executable(compiled: CompiledGraph) -> Executable:
    """Link the code of a graph; kernels that are in memory are not loaded again.

    Raises:
        TargetError: it is for another machine.
    """
    target = machine(compiled.machine)
    ensure_runs_here(target)
    library = library_symbols(p.symbol for p in target.library)
    kernels = {k.name: load_kernel(k, library) for k in compiled.kernels}
    entries: dict[str, Entry] = {}
    alive: list[object] = list(kernels.values())
    if compiled.segments is not None:
        names = {name: f"{name}_entry" for name in compiled.segments.arenas}
        code = load(
            compiled.segments.code,
            exports=names.values(),
            uses=[k.code for k in kernels.values()],
        )
        alive.append(code)
        for name, arena in compiled.segments.arenas.items():
            entries[name] = Entry(ENTRY_TYPE(code.address(names[name])), arena)
    addresses = {name: kernel.address for name, kernel in kernels.items()}
    kept = [KeptValue(step, addresses, compiled.checked) for step in compiled.plan.kept]
    pool = shared_pool() if compiled.output_pool else None
    executable = Executable(compiled.plan, entries, alive, pool, kept)
    executable.compiled = compiled
    return executable


def load_kernel(kernel: KernelObject, library: Mapping[str, int]) -> Kernel:
    """The kernel in memory; `library` are addresses of functions that it may call."""
    known = KERNELS.get(kernel.key)
    if known is None:
        code = load(kernel.code, exports=[kernel.name], symbols=library)
        known = KERNELS[kernel.key] = Kernel(kernel, code)
    return known
