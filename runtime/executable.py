"""A compiled graph: runs a `HostPlan` on torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.autograd import profiler

from fxlower.errors import UnsupportedInput
from fxlower.runtime.host_program import HostProgram, pooled_memory
from fxlower.runtime.kept_values import KeptValue, KeptValues
from fxlower.runtime.launcher import launcher, segment_function
from fxlower.runtime.memory import MemoryPool
from fxlower.runtime.plan import HostPlan, SegmentStep, Symbols, SymbolStep
from fxlower.runtime.segment import Entry, Layout, SegmentCall


class Executable:
    """Call it with the graph's arguments as a list; it clears the list, so that arguments may
    die as early as in eager mode, and returns the outputs as a list.

    Raises:
        IndexError: an index was out of range.
        RuntimeError: an integer was divided by zero, or an operator run in eager mode raised.
    """

    def __init__(
        self,
        plan: HostPlan,
        entries: Mapping[str, Entry],
        keep_alive: object,
        pool: MemoryPool | None = None,
        kept: Sequence[KeptValue] = (),
    ) -> None:
        self._boxed_call = True  # in the instance, where functools.wraps finds it
        self.plan = plan
        self.entries = entries
        self.keep_alive = keep_alive  # native code is freed with it
        self.pool = pool
        self.kept = KeptValues(kept)
        self.layouts = {
            step.segment: Layout(
                step,
                entries[step.segment].arena,
                *pooled_memory(step, entries[step.segment].arena, pool is not None),
            )
            for step in plan.steps
            if isinstance(step, SegmentStep)
        }
        self.traced: Callable[[list[Any]], list[Any]] | None = None
        """What runs instead of this while torch's profiler is on: the same, with ranges."""
        self.compiled: Any = None
        """What there is to keep of it on disk (`fxlower.runtime.loading.CompiledGraph`)."""
        self.host_program = HostProgram(plan, self.layouts)
        self.run = self.host_program.function(self.segments(), pool, self.kept)
        if launcher() is not None:
            launcher().hold_arenas(self)
        if pool is not None:
            pool.hold(self)

    def __call__(self, args: list[Any]) -> list[Any]:
        if profiler._is_profiler_enabled and self.traced is not None:
            return self.traced(args)
        return self.run(args)

    def segments(self) -> dict[str, Callable[..., Any]]:
        """How each segment is called: by the launcher, or in Python where there is none."""
        native = launcher()
        calls = {n: SegmentCall(layout, self.entries[n]) for n, layout in self.layouts.items()}
        if native is None:
            return {**calls}
        return {n: segment_function(native, c, self.entries[n].address) for n, c in calls.items()}

    def observe(self, watch: Callable[[Callable[[int], None]], Callable[[int], None]]) -> None:
        """Call every segment in Python, with `watch` around its native entry."""
        calls: dict[str, Callable[..., Any]] = {}
        for name, layout in self.layouts.items():
            call = calls[name] = SegmentCall(layout, self.entries[name])
            call.entry = watch(call.entry)
        self.run = self.host_program.function(calls, self.pool, self.kept)

    def check(self, args: list[Any]) -> Symbols:
        """Refuse arguments that the graph was not compiled for; the symbols' values otherwise.

        Raises:
            UnsupportedInput: names the argument, what it is and what it must be.
        """
        for position, buffer in zip(self.plan.tensor_inputs, self.plan.inputs, strict=True):
            if not isinstance(args[position], torch.Tensor):
                found = type(args[position]).__name__
                raise UnsupportedInput(f"input {position} must be a tensor, got {found}")
            check_tensor(args[position], f"input {position}")
            if args[position].dim() != buffer.rank or args[position].dtype != buffer.dtype:
                raise UnsupportedInput(
                    f"input {position} must be a {buffer.rank}-d tensor of {buffer.dtype}, "
                    f"got {args[position].dim()}-d of {args[position].dtype}"
                )
        symbols = symbols_of(self.plan.symbols, args)
        for position, buffer in zip(self.plan.tensor_inputs, self.plan.inputs, strict=True):
            found = args[position]
            sizes, strides = buffer.sizes.value(symbols), buffer.strides.value(symbols)
            same = tuple(found.shape) == sizes and all(
                n <= 1 or a == b for n, a, b in zip(sizes, found.stride(), strides, strict=True)
            )
            if not same:
                raise UnsupportedInput(
                    f"input {position} must have sizes {list(sizes)} and strides {list(strides)}, "
                    f"got {list(found.shape)} and {list(found.stride())}"
                )
        return symbols


def symbols_of(steps: Sequence[SymbolStep], args: Sequence[Any]) -> dict[str, int]:
    """The values of those symbols that are known from the arguments."""
    symbols: dict[str, int] = {}
    for step in steps:
        if all(name in symbols for name in step.needs):
            symbols[step.symbol] = step.read(args, symbols)
    return symbols


def check_tensor(tensor: torch.Tensor, what: str) -> None:
    """Refuse tensors whose memory compiled code cannot read.

    Raises:
        UnsupportedInput: says what was found, what was expected, and what to do.
    """
    if tensor.device.type != "cpu":
        raise UnsupportedInput(
            f"{what} is on device '{tensor.device}'; fxlower compiles for the CPU: move it there"
        )
    if tensor.layout is not torch.strided:
        raise UnsupportedInput(
            f"{what} has layout {tensor.layout}, expected torch.strided: use .to_dense()"
        )
    if tensor.is_neg():
        raise UnsupportedInput(
            f"{what} has torch's negative bit (its memory holds minus its value): "
            "use .resolve_neg()"
        )
    if tensor.is_quantized:
        raise UnsupportedInput(
            f"{what} is quantized ({tensor.dtype}): convert it with .dequantize()"
        )
