"""A segment and how it is called: the table that its entry reads, and the call in plain Python.

A call of a segment has the arguments

    operands, numbers, given, arena

where `numbers` are the values of those sizes, strides and symbols that are not known beforehand,
`given` are large results that the caller has allocated, or None where it has not, and so is
`arena`, if there is a large one. It returns the results: None, the only one, or a tuple.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from fxlower.dialects.build import Dim
from fxlower.runtime.memory import empty_strided
from fxlower.runtime.plan import Buffer, SegmentStep, Shape

TRAPS = {
    1: (
        IndexError,
        "index out of range: an index tensor holds a value outside the indexed dimension",
    ),
    2: (RuntimeError, "ZeroDivisionError: integer division by zero"),
}
"""What native code may report: the exception that it becomes."""

LONG_BYTES = 32 << 10
"""A segment that touches as much memory may run for microseconds: other Python threads run then."""

ENTRY_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@dataclass(frozen=True)
class Entry:
    """A segment in memory: the address of a function of one pointer, the table of `docs/design.md`
    section 7, and the bytes of arena that it needs."""

    address: int
    arena: Shape

    @cached_property
    def function(self) -> Callable[[int], None]:
        return ENTRY_TYPE(self.address)


@dataclass(frozen=True)
class ResultWords:
    """Where, in words of the table, the pointer to a result is, and where its sizes and strides."""

    pointer: int
    sizes: int
    strides: int


class Layout:
    """The table of a segment, in words of 8 bytes: pointers to operands, results, arena and trap,
    then symbols. Behind what the segment reads are sizes and strides of the results, and the bytes
    of arena.

    `known` has the values that are the same in each call, `numbers` the others, in the order in
    which a call passes them, and `places` says where these go: (word, index in `numbers`).
    """

    def __init__(
        self, step: SegmentStep, arena: Shape, pooled: Sequence[bool], arena_pooled: bool
    ) -> None:
        self.step = step
        self.known = [0] * (len(step.operands) + len(step.results) + 2)
        self.numbers: list[Dim] = []
        self.places: list[tuple[int, int]] = []
        self.arena = len(self.known) - 2
        self.trap = len(self.known) - 1
        self.extend(step.symbols)
        self.table_words = len(self.known)
        self.results = tuple(
            ResultWords(
                len(step.operands) + i, self.extend(b.sizes.dims), self.extend(b.strides.dims)
            )
            for i, b in enumerate(step.results)
        )
        self.arena_bytes = self.extend(arena.dims)
        self.pooled = tuple(i for i, is_pooled in enumerate(pooled) if is_pooled)
        """Results that the caller allocates."""
        self.arena_size = arena
        self.arena_pooled = arena_pooled
        """Whether the caller allocates the arena."""

    def extend(self, dims: Sequence[Dim]) -> int:
        """Words for `dims` at the end; returns the first."""
        first = len(self.known)
        for dim in dims:
            if not isinstance(dim, int):
                if dim not in self.numbers:
                    self.numbers.append(dim)
                self.places.append((len(self.known), self.numbers.index(dim)))
            self.known.append(dim if isinstance(dim, int) else 0)
        return first

    @property
    def arguments(self) -> int:
        given = len(self.pooled) + self.arena_pooled
        return len(self.step.operands) + len(self.numbers) + given

    @property
    def given_arena(self) -> int:
        """Which argument of a call the arena is; -1 if the call allocates it."""
        return self.arguments - 1 if self.arena_pooled else -1

    def given(self, result: int) -> int:
        """Which argument of a call result number `result` is; -1 if the call allocates it."""
        if result not in self.pooled:
            return -1
        return len(self.step.operands) + len(self.numbers) + self.pooled.index(result)

    @property
    def is_long(self) -> bool:
        """Whether a call may take long enough for another thread to take over."""
        sizes = [buffer.static_bytes for buffer in self.step.results]
        return None in sizes or sum(filter(None, sizes)) + self.known[self.arena_bytes] > LONG_BYTES


class SegmentCall:
    """Calls a segment on tensors of any kind that have an address.

    Raises:
        IndexError: an index was out of range.
        RuntimeError: an integer was divided by zero, or an operand has no memory.
    """

    def __init__(self, layout: Layout, entry: Entry) -> None:
        self.layout = layout
        self.entry = entry.function

    def __call__(self, *args: Any) -> Any:
        layout = self.layout
        step = layout.step
        if len(args) != layout.arguments:
            raise TypeError(f"{step.segment} takes {layout.arguments} arguments, got {len(args)}")
        words = array("q", layout.known)
        for i, operand in enumerate(args[: len(step.operands)]):
            words[i] = address_of(operand)
        numbers = args[len(step.operands) :]
        for word, number in layout.places:
            words[word] = numbers[number]
        made: list[torch.Tensor] = []
        for i, (buffer, at) in enumerate(zip(step.results, layout.results, strict=True)):
            given = layout.given(i)
            result = args[given] if given >= 0 else None
            if result is None:
                result = allocate(buffer, words, at)
            words[at.pointer] = result.data_ptr()
            made.append(result)
        size = words[layout.arena_bytes]
        arena = args[layout.given_arena] if layout.arena_pooled else None
        if arena is None and size:
            arena = allocate_arena(size)
        if arena is not None:
            words[layout.arena] = arena.data_ptr()
        trap = array("q", [0])
        words[layout.trap] = trap.buffer_info()[0]
        self.entry(words.buffer_info()[0])
        if trap[0]:
            error, message = TRAPS[trap[0]]
            raise error(message)
        if len(made) == 1:
            return made[0]
        return tuple(made) if made else None


def address_of(tensor: torch.Tensor) -> int:
    """Where the elements are.

    Raises:
        RuntimeError: a fake tensor, or another one that has no memory.
    """
    address = tensor.data_ptr()
    if address == 0 and tensor.numel() > 0:
        raise RuntimeError(
            f"compiled code got {type(tensor).__name__} of {list(tensor.shape)}, which has no "
            "memory; expected a tensor with its elements in memory"
        )
    return address


def allocate(buffer: Buffer, words: Sequence[int], at: ResultWords) -> torch.Tensor:
    sizes = tuple(words[at.sizes : at.sizes + buffer.rank])
    strides = tuple(words[at.strides : at.strides + buffer.rank])
    return empty_strided(sizes, strides, buffer.dtype)


def allocate_arena(size: int) -> torch.Tensor:
    return torch.empty(size, dtype=torch.uint8)
