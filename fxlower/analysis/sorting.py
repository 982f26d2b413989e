"""How the rows of a sort are sorted, by their length and by how many of the first are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from fxlower.dialects.build import Dim

RANKED = 128
"""Elements of a row up to which each is compared with every other one: quadratic, but in lanes."""

DIGIT_BITS = 8
"""Of a key, by which one pass of a radix sort distributes."""

MAX_SELECTED = 512
"""How many of the first are kept in order while a row is read."""

ASSUMED_SIZE = 4096
SLOTS_PER_CORE = 4
"""Rows that are sorted in scratch memory of their own, shared among the cores."""

_KEPT_COST = 0.4
_READ_COST = 0.3
_DIGIT_COST = 2.0
"""Nanoseconds for: one step of an insertion, an element that is only looked at, and one that is
moved by one digit."""


@dataclass(frozen=True)
class SortPlan:
    """`size` is that of a row, `count` how many of the first are wanted, `bits` those of a key."""

    size: Dim
    count: Dim
    bits: int

    @property
    def ranks(self) -> bool:
        """Whether a row may be short enough to be ranked."""
        return (isinstance(self.size, str) or self.size <= RANKED) and not self.selects

    @property
    def distributes(self) -> bool:
        """Whether a row may need a radix sort, and scratch memory for it."""
        return (isinstance(self.size, str) or self.size > RANKED) and not self.selects

    @property
    def selects(self) -> bool:
        """Whether the first are inserted one by one into a short sorted list."""
        if isinstance(self.count, str) or self.count > MAX_SELECTED:
            return False
        if isinstance(self.size, int) and self.size <= RANKED:
            return False
        size = max(self.size if isinstance(self.size, int) else ASSUMED_SIZE, self.count)
        if not self.count:
            return True
        inserted = self.count * (1 + log(size / self.count))
        selected = inserted * self.count * _KEPT_COST + size * _READ_COST
        return selected < size * self.bits / DIGIT_BITS * _DIGIT_COST

    @property
    def words(self) -> int:
        """Of 64 bits for each element in the scratch memory, which holds two copies."""
        return 2 if self.bits == 64 else 1

    def slots(self, rows: Dim, cores: int) -> int:
        """How many rows may be in scratch memory at once."""
        most = SLOTS_PER_CORE * cores
        return most if isinstance(rows, str) else max(1, min(rows, most))
