"""A compiled graph: runs a `HostPlan` on torch tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map

from fxlower.errors import UnsupportedInput
from fxlower.frontend.program import FallbackCall, SizeSlot, TensorSlot
from fxlower.runtime.plan import AtenStep, HostPlan, SegmentStep, Shape, Symbols, ViewStep


@dataclass(frozen=True)
class Entry:
    """A segment in memory: a function of one pointer, the table of `docs/design.md` section 7,
    and the bytes of arena that it needs."""

    function: Any
    arena: Shape


ENTRY_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_empty_strided = torch._C._dynamo.guards._empty_strided_cpu

TRAPS = {
    1: (
        IndexError,
        "index out of range: an index tensor holds a value outside the indexed dimension",
    ),
    2: (RuntimeError, "ZeroDivisionError: integer division by zero"),
}


class Executable:
    """Call it with the graph's arguments as a list; it clears the list, so that arguments may
    die as early as in eager mode, and returns the outputs as a list.

    Raises:
        IndexError: an index was out of range.
        RuntimeError: an integer was divided by zero, or an operator run in eager mode raised.
    """

    _boxed_call = True

    def __init__(self, plan: HostPlan, entries: Mapping[str, Entry], keep_alive: object) -> None:
        self.plan = plan
        self.entries = entries
        self.keep_alive = keep_alive  # native code is freed with it
        self.arenas: list[torch.Tensor] = []
        """Arenas not in use. `pop` and `append` are atomic, so two threads may call at once."""

    def __call__(self, args: list[Any]) -> list[Any]:
        plan = self.plan
        values: list[Any] = [None] * plan.values
        symbols: dict[str, int] = {}
        for step in plan.symbols:
            symbols[step.symbol] = step.read(args, symbols)
        for value, position in enumerate(plan.tensor_inputs):
            values[value] = args[position]
        count = len(plan.tensor_inputs)
        values[count : count + len(plan.attributes)] = plan.attributes
        args.clear()
        for step in plan.steps:
            if type(step) is SegmentStep:
                self.run_segment(step, values, symbols)
            elif type(step) is ViewStep:
                base = values[step.base]
                values[step.value] = torch.as_strided(
                    base,
                    step.sizes.value(symbols),
                    step.strides.value(symbols),
                    base.storage_offset() + step.offset.value(symbols)[0],
                )
            else:
                run_operator(step, values, symbols)
            for dead in step.release:
                values[dead] = None
        for target, value in plan.mutations:
            values[target].copy_(values[value])
        return [
            values[what] if kind == "tensor" else what.value(symbols)[0] if kind == "size" else what
            for kind, what in plan.outputs
        ]

    def check(self, args: list[Any]) -> None:
        """Refuse arguments that the graph was not compiled for.

        Raises:
            UnsupportedInput: names the argument, what it is and what it must be.
        """
        symbols: dict[str, int] = {}
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
        for step in self.plan.symbols:
            symbols[step.symbol] = step.read(args, symbols)
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

    def run_segment(self, step: SegmentStep, values: list[Any], symbols: Symbols) -> None:
        """Allocate results, fill the table, call native code, raise its traps."""
        pointers = [values[v].data_ptr() for v in step.operands]
        for buffer in step.results:
            made = _empty_strided(
                buffer.sizes.value(symbols), buffer.strides.value(symbols), buffer.dtype
            )
            values[buffer.value] = made
            pointers.append(made.data_ptr())
        entry = self.entries[step.segment]
        arena = self.take_arena(entry.arena.value(symbols)[0])
        symbol_values = [symbols[s] for s in step.symbols]
        slots = len(pointers) + 2 + len(symbol_values)
        table = (ctypes.c_int64 * (slots + 1))()
        trap = ctypes.addressof(table) + 8 * slots  # one word behind the arguments
        table[:slots] = [*pointers, arena.data_ptr(), trap, *symbol_values]
        entry.function(ctypes.addressof(table))
        self.arenas.append(arena)
        if code := table[slots]:
            error, message = TRAPS[code]
            raise error(message)

    def take_arena(self, size: int) -> torch.Tensor:
        """An arena of at least `size` bytes that no other call uses now."""
        try:
            arena = self.arenas.pop()
        except IndexError:
            return torch.empty(size, dtype=torch.uint8)
        return arena if arena.numel() >= size else torch.empty(size, dtype=torch.uint8)


def run_operator(step: AtenStep, values: list[Any], symbols: dict[str, int]) -> None:
    """Call the operator of an `fxt.aten` in eager mode and give its results the strides that
    were compiled against."""
    call: FallbackCall = step.call
    operands = [values[v] for v in step.operands]

    def fill(slot: Any) -> Any:
        if isinstance(slot, TensorSlot):
            return operands[slot.index]
        if isinstance(slot, SizeSlot):
            return Shape.of((slot.size,)).value(symbols)[0]
        return slot

    args, kwargs = tree_map(fill, (call.args, call.kwargs))
    flat = tree_flatten(call.target(*args, **kwargs))[0]
    for symbol, position, axis in call.symbols:
        found = flat[position]
        symbols[symbol] = int(found) if axis is None else found.shape[axis]
    for position, result in enumerate(call.results):
        if result is None:
            continue
        tensor = flat[position]
        values[step.results[result]] = with_strides(tensor, step.strides[result].value(symbols))


def with_strides(tensor: torch.Tensor, strides: tuple[int, ...]) -> torch.Tensor:
    """`tensor`, copied if its strides are not `strides` (those of dims of size 1 do not matter)."""
    if tensor.layout is not torch.strided or tensor.stride() == strides:
        return tensor
    if all(
        n <= 1 or a == b for n, a, b in zip(tensor.shape, tensor.stride(), strides, strict=True)
    ):
        return tensor
    copy = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=tensor.device)
    return copy.copy_(tensor)


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
            f"{what} has layout {tensor.layout}, expected torch.strided: convert it with .to_dense()"
        )
    if tensor.is_quantized:
        raise UnsupportedInput(
            f"{what} is quantized ({tensor.dtype}): convert it with .dequantize()"
        )
