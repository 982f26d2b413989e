"""A compiled graph: runs a `HostPlan` on torch tensors."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import profiler
from torch.utils._pytree import tree_flatten, tree_map

from fxlower.errors import UnsupportedInput
from fxlower.frontend.program import (
    OFFSET,
    ExpressionSlot,
    FallbackCall,
    InputSlot,
    ScalarSlot,
    SizeSlot,
    TensorSlot,
)
from fxlower.runtime.kept_values import KeptValue
from fxlower.runtime.memory import LEAST_BYTES, StoragePool, bytes_of, empty_strided, reinterpreted
from fxlower.runtime.plan import (
    AtenStep,
    Buffer,
    HostPlan,
    SegmentStep,
    Shape,
    Symbols,
    SymbolStep,
    ViewStep,
)


@dataclass(frozen=True)
class Entry:
    """A segment in memory: a function of one pointer, the table of `docs/design.md` section 7,
    and the bytes of arena that it needs."""

    function: Any
    arena: Shape


ENTRY_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

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

    def __init__(
        self,
        plan: HostPlan,
        entries: Mapping[str, Entry],
        keep_alive: object,
        pool: StoragePool | None = None,
        kept: Sequence[KeptValue] = (),
    ) -> None:
        self._boxed_call = True  # in the instance, where functools.wraps finds it
        self.plan = plan
        self.entries = entries
        self.keep_alive = keep_alive  # native code is freed with it
        self.pool = pool
        self.kept = kept
        """What makes the values of the plan's `kept`."""
        self.traced: Callable[[list[Any]], list[Any]] | None = None
        """What runs instead of this while torch's profiler is on: the same, with ranges."""
        self.arenas: list[torch.Tensor] = []
        """Arenas not in use. `pop` and `append` are atomic, so two threads may call at once."""

    def __call__(self, args: list[Any]) -> list[Any]:
        if profiler._is_profiler_enabled and self.traced is not None:
            return self.traced(args)
        plan = self.plan
        call = Call(args, plan)
        args.clear()
        values = call.values
        for kept in self.kept:
            values[kept.step.value] = kept.get(values)
        for step in plan.steps:
            if type(step) is SegmentStep:
                self.run_segment(step, values, call.symbols)
            elif type(step) is ViewStep:
                base = values[step.base]
                values[step.value] = reinterpreted(
                    base,
                    step.sizes.value(call.symbols),
                    step.strides.value(call.symbols),
                    step.offset.value(call.symbols)[0],
                )
            else:
                call.run_operator(step)
            for dead in step.release:
                values[dead] = None
        outputs = [
            values[what] if kind == "tensor" else call.output(kind, what)
            for kind, what in plan.outputs
        ]
        if plan.mutations:
            sources = [copied(values[v]) if apart else values[v] for _, v, apart in plan.mutations]
            for (target, _, _), source in zip(plan.mutations, sources, strict=True):
                values[target].copy_(source)
        if plan.assigned:
            first = len(outputs) - len(plan.assigned)
            for position, value in zip(plan.assigned, outputs[first:], strict=True):
                call.inputs[position].set_(value)
            del outputs[first:]
        return outputs

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
        symbols = Call(args, self.plan).symbols
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

    def run_segment(self, step: SegmentStep, values: list[Any], symbols: Symbols) -> None:
        """Allocate results, fill the table, call native code, raise its traps."""
        slots = [values[v].data_ptr() for v in step.operands]
        for buffer in step.results:
            made = values[buffer.value] = self.allocate(buffer, symbols)
            slots.append(made.data_ptr())
        entry = self.entries[step.segment]
        needed = entry.arena.value(symbols)[0]
        arena = self.take_arena(needed) if needed else None
        slots.append(0 if arena is None else arena.data_ptr())
        trap = len(slots)
        slots.append(0)
        for symbol in step.symbols:
            slots.append(symbols[symbol])
        slots.append(0)  # one word behind the arguments, for the trap
        table = array("q", slots)
        address, count = table.buffer_info()
        table[trap] = address + 8 * (count - 1)
        entry.function(address)
        if arena is not None:
            self.arenas.append(arena)
        if code := table[-1]:
            error, message = TRAPS[code]
            raise error(message)

    def allocate(self, buffer: Buffer, symbols: Symbols) -> torch.Tensor:
        """Memory for a result, large ones from the pool."""
        sizes, strides = buffer.sizes.value(symbols), buffer.strides.value(symbols)
        size = buffer.static_bytes
        if size is None:
            size = bytes_of(sizes, strides, buffer.dtype)
        if size >= LEAST_BYTES and self.pool is not None:
            made = self.pool.empty_strided(size, sizes, strides, buffer.dtype)
            if made is not None:
                return made
        return empty_strided(sizes, strides, buffer.dtype)

    def take_arena(self, size: int) -> torch.Tensor:
        """An arena of at least `size` bytes that no other call uses now."""
        try:
            arena = self.arenas.pop()
        except IndexError:
            return torch.empty(size, dtype=torch.uint8)
        return arena if arena.numel() >= size else torch.empty(size, dtype=torch.uint8)


class Call:
    """What one call of a graph knows: its values, and symbols as they become known."""

    def __init__(self, args: list[Any], plan: HostPlan) -> None:
        self.symbols: dict[str, Any] = {}
        self.copies: dict[int, torch.Tensor] = {}
        self.inputs = {position: args[position] for position in plan.held} if plan.held else {}
        self.values: list[Any] = [args[p] for p in plan.tensor_inputs]
        self.values += plan.attributes
        self.values += [None] * (plan.values - len(self.values))
        self.unknown = self.find_symbols(plan.symbols, args) if plan.symbols else []

    def find_symbols(self, steps: Sequence[SymbolStep], args: Sequence[Any]) -> list[SymbolStep]:
        """Read the symbols that can be read now; returns the others."""
        later: list[SymbolStep] = []
        for step in steps:
            if all(name in self.symbols for name in step.needs):
                self.symbols[step.symbol] = step.read(args, self.symbols)
            else:
                later.append(step)
        return later

    def run_operator(self, step: AtenStep) -> None:
        """Call the operator of an `fxt.aten` in eager mode, and give its results the strides that
        were compiled against."""
        call: FallbackCall = step.call
        operands = [
            self.values[v]
            if strides is None
            else with_exact_strides(self.values[v], strides.value(self.symbols))
            for v, strides in zip(step.operands, step.operand_strides, strict=True)
        ]

        def fill(slot: Any) -> Any:
            match slot:
                case TensorSlot(index):
                    return operands[index]
                case ScalarSlot(index):
                    return operands[index].item()
                case SizeSlot(size):
                    return Shape.of((size,)).value(self.symbols)[0]
                case InputSlot(index):
                    return self.inputs[index]
                case ExpressionSlot():
                    return slot.evaluate(self.symbols)
                case _:
                    return slot

        args, kwargs = tree_map(fill, (call.args, call.kwargs))
        flat = tree_flatten(call.target(*args, **kwargs))[0]
        for position, result in enumerate(call.results):
            if result is None:
                continue
            for symbol, of, axis in call.symbols:
                if axis is not None and axis <= OFFSET and of == result:
                    assert operands[0] is not None
                    moved = operands[0].storage_offset() - (OFFSET - axis)
                    self.symbols[symbol] = flat[position].storage_offset() - moved
                elif axis is not None and of == result:
                    self.symbols[symbol] = flat[position].shape[axis]
        for symbol, position, axis in call.symbols:
            if axis is None:
                number = flat[position]
                self.symbols[symbol] = number if isinstance(number, float) else int(number)
        if call.symbols and self.unknown:
            self.unknown = self.find_symbols(self.unknown, ())
        for position, number in step.numbers:
            (expected,) = number.value(self.symbols)
            if int(flat[position]) != expected:
                raise unlike_traced(call, f"{flat[position]}", f"{expected}")
        for position, result in enumerate(call.results):
            if result is not None:
                tensor = self.as_traced(step, result, flat[position])
                strides = step.strides[result].value(self.symbols)
                made = resolved(tensor)
                self.values[step.results[result]] = with_strides(made, strides)

    def as_traced(self, step: AtenStep, result: int, tensor: Any) -> Any:
        """A result that is what the graph was compiled for: kernels would read outside of another.

        Fake implementations of some of torch's own operators are wrong about the dtype
        (`_batch_norm_with_update` on bf16); later steps were told the one that they give.
        """
        sizes, dtype = step.sizes[result], step.dtypes[result]
        if tensor is None or sizes is None:
            return tensor
        expected = sizes.value(self.symbols)
        is_other = dtype not in (None, tensor.dtype)
        is_own = getattr(step.call.target, "namespace", "") == "aten"
        if tensor.shape != expected or (is_other and not is_own):
            found = f"a tensor of {list(tensor.shape)} {tensor.dtype}"
            raise unlike_traced(step.call, found, f"one of {list(expected)} {dtype}")
        return tensor.to(dtype) if is_other else tensor

    def output(self, kind: str, what: Any) -> Any:
        match kind:
            case "tensor":
                return self.values[what]
            case "copy":
                return copied(self.values[what])
            case "copies":
                group, number = what
                if number not in self.copies:
                    made = copied_together([self.values[n] for n in group])
                    self.copies.update(zip(group, made, strict=True))
                return self.copies[number]
            case "number":
                return self.values[what].item()
            case "size":
                return what.value(self.symbols)[0]
            case "expression":
                return what.evaluate(self.symbols)
            case "input":
                return self.inputs[what]
            case _:
                return what


def unlike_traced(call: FallbackCall, found: str, expected: str) -> RuntimeError:
    return RuntimeError(
        f"{call.target} at {call.source} gave {found}, expected {expected}: what the graph checks "
        "of it, or what its fake implementation says, does not hold"
    )


def with_strides(tensor: torch.Tensor | None, strides: tuple[int, ...]) -> torch.Tensor | None:
    """`tensor`, copied if its strides are not `strides` (those of dims of size 1 do not matter).

    None stands for the token of an operator with side effects, which is a tensor only in tracing.
    """
    if tensor is None or tensor.layout is not torch.strided or tensor.device.type != "cpu":
        return tensor
    if tensor.stride() == strides:
        return tensor
    if all(
        n <= 1 or a == b for n, a, b in zip(tensor.shape, tensor.stride(), strides, strict=True)
    ):
        return tensor
    copy = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=tensor.device)
    return copy.copy_(tensor)


def with_exact_strides(
    tensor: torch.Tensor | None, strides: tuple[int, ...]
) -> torch.Tensor | None:
    """As `with_strides`, with those of dims of size 1 too: an operator may look at them."""
    made = with_strides(tensor, strides)
    if made is None or made.layout is not torch.strided or made.stride() == strides:
        return made
    return reinterpreted(made, made.shape, strides, 0)


def resolved(result: torch.Tensor | None) -> torch.Tensor | None:
    """`result` with its value in memory, where torch's negative bit would say to negate that."""
    return result.resolve_neg() if result is not None and result.is_neg() else result


def copied(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of its own with the elements and, where memory can have them, the strides."""
    return tensor.clone(memory_format=torch.preserve_format)


def copied_together(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Copies of views of one storage that are views of one storage in the same way."""
    dtype = tensors[0].dtype
    if any(t.dtype is not dtype or t.numel() == 0 for t in tensors):
        return [copied(t) for t in tensors]
    first = min(t.storage_offset() for t in tensors)
    end = 1 + max(
        t.storage_offset() + sum((n - 1) * s for n, s in zip(t.shape, t.stride())) for t in tensors
    )
    copy = tensors[0].as_strided((end - first,), (1,), first).clone()
    return [copy.as_strided(t.shape, t.stride(), t.storage_offset() - first) for t in tensors]


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
