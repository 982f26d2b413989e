"""Offsets of temporaries in one arena, so that buffers that live at different times share memory.

Buffers of static size are placed by best fit in order of time, with freed neighbours merged.
Buffers of symbolic size cannot be compared: they reuse only a freed buffer of the same size text,
behind the static part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fxlower.analysis.symbols import add, ceil_div, mul
from fxlower.dialects.build import Dim

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""


@dataclass(frozen=True)
class Lifetime:
    """A buffer of `size` bytes that is written at step `first` and last read at step `last`."""

    size: Dim
    first: int
    last: int


def place(buffers: Sequence[Lifetime]) -> tuple[list[Dim], Dim]:
    """The offset of each buffer, a multiple of `ALIGNMENT`, and the bytes of the whole arena.

    `buffers` are in order of `first`.
    """
    offsets: list[Dim] = [0] * len(buffers)
    static = _FreeList()
    slots: dict[str, list[int]] = {}
    slot_sizes: list[str] = []
    slot_of: dict[int, int] = {}
    ending: dict[int, list[int]] = {}
    freed = 0
    for index, buffer in enumerate(buffers):
        while freed < buffer.first:  # what was read last before this step is free now
            for done in ending.pop(freed, ()):
                size = buffers[done].size
                if isinstance(size, int):
                    start = offsets[done]
                    assert isinstance(start, int)
                    static.release(start, align(size))
                else:
                    slots[size].append(slot_of[done])
            freed += 1
        if isinstance(buffer.size, int):
            offsets[index] = static.take(align(buffer.size))
        else:
            free = slots.setdefault(buffer.size, [])
            if free:
                slot_of[index] = free.pop()
            else:
                slot_of[index] = len(slot_sizes)
                slot_sizes.append(buffer.size)
        ending.setdefault(buffer.last, []).append(index)
    starts: list[Dim] = []
    total: Dim = static.high
    for size in slot_sizes:
        starts.append(total)
        total = add(total, mul(ceil_div(size, ALIGNMENT), ALIGNMENT))
    for index, slot in slot_of.items():
        offsets[index] = starts[slot]
    return offsets, total


def align(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


class _FreeList:
    """Free ranges below the high-water mark, disjoint and never adjacent, in order."""

    def __init__(self) -> None:
        self.high = 0
        self.ranges: list[tuple[int, int]] = []  # (start, size)

    def take(self, size: int) -> int:
        fitting = [(length, start) for start, length in self.ranges if length >= size]
        if fitting:
            length, start = min(fitting)
            self.ranges.remove((start, length))
            if length > size:
                self.ranges.append((start + size, length - size))
                self.ranges.sort()
            return start
        if self.ranges and sum(self.ranges[-1]) == self.high:  # extend the last free range
            start, _ = self.ranges.pop()
        else:
            start = self.high
        self.high = start + size
        return start

    def release(self, start: int, size: int) -> None:
        if size == 0:
            return
        merged: list[tuple[int, int]] = []
        for other, length in sorted([*self.ranges, (start, size)]):
            if merged and sum(merged[-1]) == other:
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            else:
                merged.append((other, length))
        self.ranges = merged
