"""Sorting one row: by rank, by radix, and by keeping the first few in order.

Each method is made where its buffers are to be, and sorts rows in loops inside of that. What it
compares are *words* of 64 bits. Where keys have 32 bits or less, a word is the key above the
position in the row, so that no two are equal; a key of 64 bits is a word by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from fxlower.analysis.sorting import DIGIT_BITS, RANKED
from fxlower.dialects import arith
from fxlower.dialects.build import I1, I32, I64, INDEX
from fxlower.passes.destination_style import Buffer
from fxlower.passes.loop_builder import Index, LoopBuilder, vector_loop
from fxlower.passes.order_keys import OrderKeys, compare

UNROLL = 2
POSITION_BITS = 32
"""Low bits of a word that is a key and a position. A row of 2^32 elements would need 64 GiB of
scratch memory, which is not there."""

BLOCK = 64
"""Elements whose smallest is compared with the last one kept."""

_DIGITS = 1 << DIGIT_BITS
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True)
class Row:
    """One row: where it is, and where the positions of its first elements go."""

    source: Buffer
    result: Buffer
    keys: OrderKeys
    axis: int
    place: Sequence[Index]
    lanes: int

    @property
    def size(self) -> Index:
        return self.source.size(self.axis)

    @property
    def count(self) -> Index:
        return self.result.size(self.axis)

    @property
    def is_whole(self) -> bool:
        """Whether all positions are wanted."""
        return self.source.sizes[self.axis] == self.result.sizes[self.axis]

    def marks(self):
        """Of a loop over the row that handles words."""
        return vector_loop(self.lanes, UNROLL)

    def key(self, at: LoopBuilder, i: Index) -> SSAValue:
        place = self._at(i)
        return self.keys.of(at, at.load_element(self.source.view, place, self.keys.element))

    def word(self, at: LoopBuilder, i: Index) -> SSAValue:
        return word_of(at, self.key(at, i), at.op(arith.IndexCastOp, (at.value(i),), I64))

    def store(self, at: LoopBuilder, position: SSAValue, rank: Index) -> None:
        """Element `position` (of i64) of the row is number `rank`."""
        at.store(position, self.result.view, self._at(rank))

    def _at(self, i: Index) -> list[Index]:
        return [*self.place[: self.axis], i, *self.place[self.axis + 1 :]]


def word_of(at: LoopBuilder, key: SSAValue, position: SSAValue) -> SSAValue:
    if key.type == I64:
        return key
    wide = at.op(arith.ExtSIOp, (key,), I64)
    high = at.op(arith.ShLIOp, (wide, at.constant(POSITION_BITS, I64)), I64)
    return at.op(arith.OrIOp, (high, position), I64)


class Ranking:
    """The rank of an element is how many others come before it. For rows of at most RANKED."""

    def __init__(self, at: LoopBuilder, keys: OrderKeys):
        self.unique = keys.type == I32
        self.words = at.scratch(I64, (RANKED,), "words")
        self.ranks = at.scratch(I64, (RANKED,), "ranks")

    def sort(self, at: LoopBuilder, row: Row) -> None:
        def fill(inner: LoopBuilder, i: SSAValue) -> None:
            inner.store(row.word(inner, i), self.words, [i])

        def rank(outside: LoopBuilder, i: SSAValue) -> None:
            own = outside.load(self.words, [i])

            def count(inner: LoopBuilder, j: SSAValue, carried: Sequence[SSAValue]):
                before = self._before(inner, j, i, own)
                one = inner.op(arith.ExtUIOp, (before,), I64)
                return [inner.op(arith.AddiOp, (carried[0], one), I64)]

            zero = [outside.constant(0, I64)]
            (found,) = outside.for_(row.size, count, zero, name="j")
            outside.store(found, self.ranks, [i])

        def place(inner: LoopBuilder, i: SSAValue) -> None:
            found = inner.op(arith.IndexCastOp, (inner.load(self.ranks, [i]),), INDEX)
            position = inner.op(arith.IndexCastOp, (i,), I64)
            if row.is_whole:
                row.store(inner, position, found)
                return

            def wanted(branch: LoopBuilder) -> tuple[()]:
                row.store(branch, position, found)
                return ()

            inner.if_(inner.compare("slt", found, row.count), wanted)

        at.serial(row.size, fill, attributes=row.marks(), name="i")
        at.serial(row.size, rank, attributes=row.marks(), name="i")
        at.serial(row.size, place, name="i")

    def _before(self, at: LoopBuilder, j: SSAValue, i: SSAValue, own: SSAValue) -> SSAValue:
        """Whether element j comes before element i."""
        other = at.load(self.words, [j])
        less = compare(at, "slt", other, own)
        if self.unique:
            return less
        first = at.compare("slt", j, i)
        tie = at.op(arith.AndIOp, (compare(at, "eq", other, own), first), I1)
        return at.op(arith.OrIOp, (less, tie), I1)


class Selection:
    """The first `count` elements are kept in order while the row is read. Of a block of the row
    only the smallest key is looked at, unless that is before the last one kept.

    Number s of what is kept is entry s + 1: before the first there is one that is never passed.
    """

    def __init__(self, at: LoopBuilder, keys: OrderKeys, count: int, lanes: int):
        self.keys = keys
        self.unique = keys.type == I32
        self.count = count
        self.marks = vector_loop(lanes, UNROLL)
        names = ["kept"] if self.unique else ["kept", "positions"]
        self.buffers = [
            (at.scratch(I64, (count + 1,), name), at.scratch(I64, (count + 1,), f"next_{name}"))
            for name in names
        ]
        self.kept = self.buffers[0][0]

    def sort(self, at: LoopBuilder, row: Row) -> None:
        if not self.count:
            return

        def clear(inner: LoopBuilder, s: SSAValue) -> None:
            inner.store(inner.constant(_LARGEST, I64), self.kept, [inner.add(s, 1)])

        def block(outside: LoopBuilder, start: SSAValue) -> None:
            end = outside.min(outside.add(start, BLOCK), row.size)
            may = self._may_enter(outside, row, start, end)

            def one(inner: LoopBuilder, i: SSAValue) -> None:
                word = row.word(inner, i)

                def enter(branch: LoopBuilder) -> tuple[()]:
                    self._insert(branch, word, i)
                    return ()

                inner.if_(self._comes_before(inner, word, self.count - 1, i), enter)

            def look(branch: LoopBuilder) -> tuple[()]:
                branch.serial(end, one, lower=start, name="i")
                return ()

            outside.if_(may, look)

        def store(inner: LoopBuilder, s: SSAValue) -> None:
            word = inner.load(self.buffers[-1][0], [inner.add(s, 1)])
            if self.unique:
                mask = inner.constant((1 << POSITION_BITS) - 1, I64)
                word = inner.op(arith.AndIOp, (word, mask), I64)
            row.store(inner, word, s)

        at.store(at.constant(-1 - _LARGEST, I64), self.kept, [0])
        at.serial(self.count, clear, attributes=self.marks, name="s")
        at.serial(row.size, block, step=BLOCK, name="block")
        at.serial(self.count, store, name="s")

    def _may_enter(self, at: LoopBuilder, row: Row, start: SSAValue, end: Index) -> SSAValue:
        """Whether an element from `start` on comes before the last one kept."""
        type_ = self.keys.type
        init = at.constant(_LARGEST if type_ == I64 else _LARGEST >> 32, type_)

        def least(inner: LoopBuilder, i: SSAValue, carried: Sequence[SSAValue]):
            return [inner.op(arith.MinSIOp, (carried[0], row.key(inner, i)), type_)]

        marks = vector_loop(row.lanes if type_ == I64 else 2 * row.lanes, UNROLL)
        (smallest,) = at.for_(end, least, [init], lower=start, attributes=marks, name="i")
        word = word_of(at, smallest, at.constant(0, I64))
        return self._comes_before(at, word, self.count - 1, start)

    def _comes_before(self, at: LoopBuilder, word: SSAValue, s: Index, i: SSAValue) -> SSAValue:
        """Whether element i, with `word`, comes before number `s` of those before i."""
        less = compare(at, "slt", word, at.load(self.kept, [at.add(s, 1)]))
        if self.unique:
            return less
        return at.op(arith.OrIOp, (less, at.compare("sle", i, s)), I1)

    def _insert(self, at: LoopBuilder, word: SSAValue, i: SSAValue) -> None:
        new = [word, at.op(arith.IndexCastOp, (i,), I64)]

        def shift(inner: LoopBuilder, s: SSAValue) -> None:
            passes = self._comes_before(inner, word, inner.sub(s, 1), i)
            here = self._comes_before(inner, word, s, i)
            for (buffer, other), value in zip(self.buffers, new):
                old = inner.load(buffer, [inner.add(s, 1)])
                entry = inner.op(arith.SelectOp, (here, value, old), I64)
                moved = inner.load(buffer, [s])
                entry = inner.op(arith.SelectOp, (passes, moved, entry), I64)
                inner.store(entry, other, [s])

        def back(inner: LoopBuilder, s: SSAValue) -> None:
            for buffer, other in self.buffers:
                inner.store(inner.load(other, [s]), buffer, [inner.add(s, 1)])

        at.serial(self.count, shift, attributes=self.marks, name="s")
        at.serial(self.count, back, attributes=self.marks, name="s")


class RadixSort:
    """By one digit after the other, from the last: elements move between two copies of the row in
    row `slot` of the scratch memory."""

    def __init__(self, at: LoopBuilder, keys: OrderKeys, scratch: Buffer, slot: Index, lanes: int):
        self.keys = keys
        self.passes = keys.bits // DIGIT_BITS
        self.scratch = scratch
        self.slot = slot
        self.apart = keys.type == I64
        self.counts = at.scratch(I64, (self.passes * _DIGITS,), "counts")
        self.lanes = lanes

    def sort(self, at: LoopBuilder, row: Row) -> None:
        self._fill(at, row)
        self._count(at, row)

        def one(inner: LoopBuilder, digit: SSAValue, carried: Sequence[SSAValue]):
            return [self._distribute(inner, row, digit, carried[0])]

        (source,) = at.for_(self.passes, one, [at.constant(0)], name="digit")

        def store(inner: LoopBuilder, i: SSAValue) -> None:
            word = self._load(inner, inner.add(source, i), row, position=True)
            if not self.apart:
                mask = inner.constant((1 << POSITION_BITS) - 1, I64)
                word = inner.op(arith.AndIOp, (word, mask), I64)
            row.store(inner, word, i)

        at.serial(row.count, store, attributes=row.marks(), name="i")

    def _fill(self, at: LoopBuilder, row: Row) -> None:
        """Words whose digits are in order: the sign of the keys is inverted."""
        sign = 1 << (self.keys.bits - 1)

        def fill(inner: LoopBuilder, i: SSAValue) -> None:
            key = row.key(inner, i)
            flip = inner.constant(sign - (1 << self.keys.bits), key.type)
            key = inner.op(arith.XOrIOp, (key, flip), key.type)
            position = inner.op(arith.IndexCastOp, (i,), I64)
            self._store(inner, word_of(inner, key, position), i, row)
            if self.apart:
                self._store(inner, position, i, row, position=True)

        def clear(inner: LoopBuilder, d: SSAValue) -> None:
            inner.store(inner.constant(0, I64), self.counts, [d])

        at.serial(row.size, fill, attributes=row.marks(), name="i")
        at.serial(self.passes * _DIGITS, clear, attributes=row.marks(), name="d")

    def _count(self, at: LoopBuilder, row: Row) -> None:
        """How often each digit occurs at each place."""

        def count(inner: LoopBuilder, i: SSAValue) -> None:
            word = self._load(inner, i, row)
            for place in range(self.passes):
                entry = self._entry(inner, word, place)
                old = inner.load(self.counts, [entry])
                one = inner.constant(1, I64)
                inner.store(inner.op(arith.AddiOp, (old, one), I64), self.counts, [entry])

        at.serial(row.size, count, name="i")

    def _distribute(self, at: LoopBuilder, row: Row, place: SSAValue, source: SSAValue) -> SSAValue:
        """Order by the digit at `place` what lies from `source` on; where it then lies."""
        word = self._load(at, source, row)
        common = at.load(self.counts, [self._entry(at, word, place)])
        size = at.op(arith.IndexCastOp, (at.value(row.size),), I64)

        def move(branch: LoopBuilder) -> tuple[SSAValue]:
            def start(inner: LoopBuilder, d: SSAValue, carried: Sequence[SSAValue]):
                entry = inner.add(inner.mul(place, _DIGITS), d)
                count = inner.load(self.counts, [entry])
                inner.store(carried[0], self.counts, [entry])
                return [inner.op(arith.AddiOp, (carried[0], count), I64)]

            target = branch.value(branch.sub(row.size, source))
            branch.for_(_DIGITS, start, [branch.constant(0, I64)], name="d")

            def element(inner: LoopBuilder, i: SSAValue) -> None:
                at_source = inner.add(source, i)
                word = self._load(inner, at_source, row)
                entry = self._entry(inner, word, place)
                first = inner.load(self.counts, [entry])
                one = inner.constant(1, I64)
                inner.store(inner.op(arith.AddiOp, (first, one), I64), self.counts, [entry])
                goal = inner.add(target, inner.op(arith.IndexCastOp, (first,), INDEX))
                self._store(inner, word, goal, row)
                if self.apart:
                    position = self._load(inner, at_source, row, position=True)
                    self._store(inner, position, goal, row, position=True)

            branch.serial(row.size, element, name="i")
            return (target,)

        def keep(branch: LoopBuilder) -> tuple[SSAValue]:
            return (source,)

        differ = compare(at, "ne", common, size)
        return at.if_(differ, move, keep, (INDEX,))[0]

    def _entry(self, at: LoopBuilder, word: SSAValue, place: int | SSAValue) -> Index:
        """Where the count of a word's digit at `place` is."""
        lowest = 0 if self.apart else POSITION_BITS
        if isinstance(place, int):
            distance = at.constant(lowest + DIGIT_BITS * place, I64)
        else:
            index = at.add(at.mul(place, DIGIT_BITS), lowest)
            distance = at.op(arith.IndexCastOp, (at.value(index),), I64)
        shifted = at.op(arith.ShRUIOp, (word, distance), I64)
        digit = at.op(arith.AndIOp, (shifted, at.constant(_DIGITS - 1, I64)), I64)
        return at.add(at.mul(place, _DIGITS), at.op(arith.IndexCastOp, (digit,), INDEX))

    def _load(self, at: LoopBuilder, i: Index, row: Row, position: bool = False) -> SSAValue:
        return at.load(self.scratch.view, [self.slot, self._column(at, i, row, position)])

    def _store(
        self, at: LoopBuilder, word: SSAValue, i: Index, row: Row, position: bool = False
    ) -> None:
        at.store(word, self.scratch.view, [self.slot, self._column(at, i, row, position)])

    def _column(self, at: LoopBuilder, i: Index, row: Row, position: bool) -> Index:
        """Two copies of the keys come first, then where they are not parts of the words two copies
        of the positions."""
        return at.add(at.mul(row.size, 2), i) if position and self.apart else i
