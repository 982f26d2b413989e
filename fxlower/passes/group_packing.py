"""Lowering of `tile.pack` to panels in groups of depth, as dot product instructions take them.

A group is a *word* of the target's vectors. Where depth has unit stride in the source, words lie
there as they are: squares of words are transposed. Where lanes have, the vectors of the rows of a
group are interleaved: with groups of 4, rows 0 and 2, rows 1 and 3, then what came of these.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerType, MemRefType
from xdsl.ir import Attribute, SSAValue

from fxlower.dialects import arith, tile, vector
from fxlower.dialects.build import (
    I1,
    emit,
    is_float,
    splat,
    vector_type,
)
from fxlower.passes.dot_products import flat_panels, group_of
from fxlower.passes.lane_memory import numbers
from fxlower.passes.loop_builder import Index, LoopBuilder, bits_of, folded, vector_loop
from fxlower.passes.pack_lowering import PackLowering, first_lanes
from fxlower.passes.vector_transpose import transpose
from fxlower.targets.spec import TargetSpec


class GroupPacking(PackLowering):
    """One `tile.pack` whose panels are `memref<panels x groups x lanes x group>`."""

    def __init__(self, op: tile.PackOp, operands: Sequence[SSAValue], target: TargetSpec):
        super().__init__(op, operands, target)
        panels = self.panels.type
        assert isinstance(panels, MemRefType)
        self.group = group_of(self.panels)
        self.word_bits = self.group * bits_of(self.element)
        self.vector = target.lanes(self.word_bits)
        self.elements = self.vector * self.group
        self.masks = target.masks
        self.whole_squares = panels.get_shape()[1] % self.vector == 0
        self.offset = op.offset.value.data if op.offset is not None else 0
        self.depth, self.lanes = folded(self.depth), folded(self.lanes)
        self.fills_groups = isinstance(self.depth, int) and self.depth % self.group == 0

    def emit(self, at: LoopBuilder) -> None:
        self.flat = flat_panels(at, self.panels)
        super().emit(at)

    def _panel(self, at: LoopBuilder, p: Index, left: Index) -> None:
        first = at.add(self.lane, at.mul(p, self.width))
        if self.strides[1] == 1 and self.strides[0] != 1:
            self._transposed(at, p, first, left)
        elif self.strides[0] == 1 and self.masks:
            self._interleaved(at, p, first, left)
        elif self.strides[0] == 1:
            at.if_(
                at.compare("sge", left, self.width),
                lambda inner: self._interleaved(inner, p, first, None),
                lambda inner: self._elements(inner, p, first, left),
            )
        else:
            self._elements(at, p, first, at.min(left, self.width))

    # --------------------------------------------------------- unit stride along lanes

    def _interleaved(
        self, at: LoopBuilder, p: Index, first: Index, left: Index | None
    ) -> Sequence[SSAValue]:
        """Vectors of the rows of a group, of which `left` lanes are read if that is given."""
        by_depth = self._by_depth(at)
        pieces: list[tuple[int, int, SSAValue | None]] = []
        for offset, count in self._pieces(self.width):
            mask = None
            if left is not None and not (isinstance(left, int) and left >= offset + count):
                lanes = at.min(at.sub(left, offset), count)
                mask = self._mask(at, lanes, self.vector)
            elif self.masks and count < self.vector:
                mask = first_lanes(at, count, self.vector)
            pieces.append((offset, count, mask))

        def step(inner: LoopBuilder, g: SSAValue, whole: bool = True) -> None:
            k = inner.mul(g, self.group)
            for offset, count, mask in pieces:
                lanes = self.vector if self.masks else count
                rows: list[SSAValue] = []
                for j in range(self.group):
                    place = (inner.add(k, j), inner.add(first, offset))
                    rows.append(self._row(inner, by_depth, place, lanes, mask, whole or j == 0))
                while len(rows) > 1:
                    half = len(rows) // 2
                    rows = [_interleave(inner, a, b) for a, b in zip(rows[:half], rows[half:])]
                self._store_words(inner, rows[0], (p, g), offset, count)

        groups = at.div(self.depth, self.group)
        at.serial(groups, step, name="g")
        if not self.fills_groups:
            every = at.ceil_div(self.depth, self.group)
            at.serial(every, lambda inner, g: step(inner, g, False), lower=groups, name="g")
        return ()

    def _row(
        self,
        at: LoopBuilder,
        by_depth: SSAValue,
        place: tuple[Index, Index],
        lanes: int,
        mask: SSAValue | None,
        inside: bool,
    ) -> SSAValue:
        """A vector at a depth, from a lane on; zeros beyond the depth, if it is not `inside`."""
        k, lane = place
        if inside:
            return self._read(at, by_depth, (at.add(self.k, k), lane), lanes, mask)
        last = at.sub(self.depth, 1)
        row = self._read(at, by_depth, (at.add(self.k, at.min(k, last)), lane), lanes, mask)
        below = at.compare("slt", k, self.depth)
        return at.op(arith.SelectOp, (below, row, self._zeros(at, row.type)), row.type)

    # --------------------------------------------------------- unit stride along depth

    def _group(
        self, at: LoopBuilder, p: Index, offset: Index, first: Index, last: Index, count: int
    ) -> None:
        start = at.add(first, offset)
        rows = [at.min(at.add(start, i), last) for i in range(count)]
        squares = at.mul(at.div(self.depth, self.elements), self.elements)

        def square(inner: LoopBuilder, k: SSAValue, mask: SSAValue | None = None) -> None:
            source_k = inner.add(self.k, k)
            type_ = vector_type(IntegerType(self.word_bits), self.vector)
            words: list[SSAValue] = []
            for row in rows:
                vector_ = self._read(inner, self.source, (row, source_k), self.elements, mask)
                words.append(inner.op(vector.BitcastOp, (vector_,), type_))
            columns = transpose(
                words, self.vector, self.word_bits, lambda a, b, m: _shuffle(inner, a, b, m)
            )
            g = inner.div(k, self.group)
            packed = vector_type(self.element, self.elements)
            for i, column in enumerate(columns):
                value = inner.op(vector.BitcastOp, (column,), packed)
                self._store_words(inner, value, (p, inner.add(g, i)), offset, count)

        def masked(inner: LoopBuilder, k: SSAValue) -> None:
            left = inner.sub(self.depth, k)
            square(inner, k, self._mask(inner, left, self.elements))

        def rest(inner: LoopBuilder, k: SSAValue) -> None:
            g = inner.div(k, self.group)
            for i, row in enumerate(rows):
                for j in range(self.group):
                    place = (p, g, inner.add(offset, i), j)
                    inner.store(self._element(inner, row, inner.add(k, j)), self.panels, place)

        at.serial(squares, square, step=self.elements, name="k")
        if isinstance(self.depth, int) and self.depth % self.elements == 0:
            return
        if self.masks and self.whole_squares:
            at.serial(self.depth, masked, lower=squares, step=self.elements, name="k")
        else:
            at.serial(self.depth, rest, lower=squares, step=self.group, name="k")

    # ------------------------------------------------------------- element by element

    def _elements(
        self, at: LoopBuilder, p: Index, first: Index, count: Index
    ) -> Sequence[SSAValue]:
        def step(inner: LoopBuilder, g: SSAValue) -> None:
            k = inner.mul(g, self.group)
            for j in range(self.group):

                def element(body: LoopBuilder, i: SSAValue, j: int = j) -> None:
                    value = self._element(body, body.add(first, i), body.add(k, j))
                    body.store(value, self.panels, (p, g, i, j))

                inner.serial(count, element, attributes=vector_loop(self.vector), name="i")

        at.serial(at.ceil_div(self.depth, self.group), step, name="g")
        return ()

    def _element(self, at: LoopBuilder, row: Index, k: Index) -> SSAValue:
        """One element for the panels; zero beyond the depth."""
        source_k = at.add(self.k, k if self.fills_groups else at.min(k, at.sub(self.depth, 1)))
        value = self._converted(at, at.load(self.source, (row, source_k)), self.element)
        if self.fills_groups:
            return value
        inside = at.compare("slt", k, self.depth)
        zero = at.constant(0.0 if is_float(self.element) else 0, self.element)
        return at.op(arith.SelectOp, (inside, value, zero), self.element)

    # ------------------------------------------------------------------------- vectors

    def _read(
        self,
        at: LoopBuilder,
        source: SSAValue,
        place: Sequence[Index],
        lanes: int,
        mask: SSAValue | None,
    ) -> SSAValue:
        """A vector of so many lanes of the source, widened."""
        type_, base = vector_type(self.source_element, lanes), (source, *map(at.value, place))
        if mask is None:
            value = at.op(vector.LoadOp, base, type_)
        else:
            zeros = self._zeros(at, type_)
            value = at.op(vector.MaskedLoadOp, (*base, mask, zeros), type_)
        return self._converted(at, value, vector_type(self.element, lanes))

    def _converted(self, at: LoopBuilder, value: SSAValue, type_: Attribute) -> SSAValue:
        """Widened, with the offset added."""
        if self.source_element != self.element:
            cls = arith.ExtUIOp if self.unsigned else arith.ExtSIOp
            value = at.op(arith.ExtFOp if is_float(self.element) else cls, (value,), type_)
        if not self.offset:
            return value
        bits = bits_of(self.element)
        offset = (self.offset + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
        if type_ == self.element:
            number = at.constant(offset, self.element)
        else:
            number = at.op(arith.ConstantOp, (), type_, {"value": splat(offset, type_)})  # type: ignore[arg-type]
        return at.op(arith.AddiOp, (value, number), type_)

    def _zeros(self, at: LoopBuilder, type_: Attribute) -> SSAValue:
        number = 0.0 if is_float(type_.element_type) else 0  # type: ignore[attr-defined]
        return at.op(arith.ConstantOp, (), type_, {"value": splat(number, type_)})  # type: ignore[arg-type]

    def _mask(self, at: LoopBuilder, count: Index, lanes: int) -> SSAValue:
        if isinstance(count, int):
            return first_lanes(at, max(0, min(count, lanes)), lanes)
        return at.op(vector.CreateMaskOp, (count,), vector_type(I1, lanes))

    def _store_words(
        self, at: LoopBuilder, value: SSAValue, place: Sequence[Index], lane: Index, count: int
    ) -> None:
        """`count` words from a lane of the panel on."""
        panel = (self.flat, *map(at.value, place))
        if self.masks and count < self.vector:
            base = (*panel, at.value(at.mul(lane, self.group)))
            mask = first_lanes(at, count * self.group, self.elements)
            emit(at.block, vector.MaskedStoreOp, (*base, mask, value))
            return
        have = value.type.get_shape()[0]  # type: ignore[attr-defined]
        for first, lanes in self._pieces(count):
            part, start, length = value, first * self.group, lanes * self.group
            if length < have:
                lanes_mask = {"mask": numbers(tuple(range(start, start + length)))}
                type_ = vector_type(self.element, length)
                part = at.op(vector.ShuffleOp, (value, value), type_, lanes_mask)
            base = (*panel, at.value(at.mul(at.add(lane, first), self.group)))
            emit(at.block, vector.StoreOp, (part, *base))

    def _pieces(self, lanes: int) -> list[tuple[int, int]]:
        """Lanes as vectors, each by its first lane and how many it has: whole ones, then what is
        left; in powers of two where the target has no masks."""
        found: list[tuple[int, int]] = []
        start = 0
        while start < lanes:
            count = min(self.vector, lanes - start)
            if not self.masks:
                count = 1 << (count.bit_length() - 1)
            found.append((start, count))
            start += count
        return found


def _interleave(at: LoopBuilder, a: SSAValue, b: SSAValue) -> SSAValue:
    """a[0], b[0], a[1], b[1], ..."""
    type_ = a.type
    lanes = type_.get_shape()[0]  # type: ignore[attr-defined]
    mask = tuple(source + i for i in range(lanes) for source in (0, lanes))
    result = vector_type(type_.element_type, 2 * lanes)  # type: ignore[attr-defined]
    return at.op(vector.ShuffleOp, (a, b), result, {"mask": numbers(mask)})


def _shuffle(at: LoopBuilder, a: SSAValue, b: SSAValue, mask: tuple[int, ...]) -> SSAValue:
    return at.op(vector.ShuffleOp, (a, b), a.type, {"mask": numbers(mask)})
