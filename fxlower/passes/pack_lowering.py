"""Lowering of `tile.pack`: copies of vectors where lanes have unit stride in the source, transposed
squares of vectors where depth has, else a loop for `vectorize` to gather in."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import MemRefType, VectorType
from xdsl.ir import Attribute, SSAValue

from fxlower.dialects import arith, tile, vector
from fxlower.dialects.build import DYNAMIC, I1, emit, is_float, splat, vector_type
from fxlower.passes.lane_memory import element_strides, numbers, offset_of
from fxlower.passes.loop_builder import Index, LoopBuilder, bits_of, strides_of, vector_loop
from fxlower.passes.vector_transpose import transpose
from fxlower.targets.spec import TargetSpec

UNBOUNDED = (1 << 63) - 1


class PackLowering:
    """One `tile.pack`, its operands given by the values they became."""

    def __init__(self, op: tile.PackOp, operands: Sequence[SSAValue], target: TargetSpec):
        self.source, self.lane, self.k, self.lanes, self.depth, self.panels = operands
        source, panels = self.source.type, self.panels.type
        assert isinstance(source, MemRefType) and isinstance(panels, MemRefType)
        self.strides = strides_of(source)
        self.unsigned = op.unsigned is not None
        self.source_element, self.element = source.element_type, panels.element_type
        self.width = panels.get_shape()[2]
        self.one_panel = panels.get_shape()[0] == 1
        self.vector = target.lanes(bits_of(self.element))

    def emit(self, at: LoopBuilder) -> None:
        if self.one_panel:
            self._panel(at, 0, self.lanes)
            return

        def panel(inner: LoopBuilder, p: SSAValue) -> None:
            self._panel(inner, p, inner.sub(self.lanes, inner.mul(p, self.width)))

        at.serial(at.ceil_div(self.lanes, self.width), panel, name="p")

    def _panel(self, at: LoopBuilder, p: Index, left: Index) -> None:
        """Panel `p`, for which `left` lanes remain."""
        first = at.add(self.lane, at.mul(p, self.width))
        if self.strides[1] == 1 and self.strides[0] != 1:
            self._transposed(at, p, first, left)
        elif self.strides[0] == 1:
            full = at.compare("sge", left, self.width)
            at.if_(
                full,
                lambda inner: self._copied(inner, p, first),
                lambda inner: self._elements(inner, p, first, left),
            )
        else:
            self._elements(at, p, first, at.min(left, self.width))

    # --------------------------------------------------------- unit stride along lanes

    def _copied(self, at: LoopBuilder, p: Index, first: Index) -> Sequence[SSAValue]:
        by_depth = self._by_depth(at)

        def step(inner: LoopBuilder, k: SSAValue) -> None:
            source_k = inner.add(self.k, k)
            for offset in range(0, self.width, self.vector):
                count = min(self.vector, self.width - offset)
                place = (source_k, inner.add(first, offset))
                value = self._load(inner, by_depth, place, count)
                self._store(inner, value, (p, k, offset), count)

        at.serial(self.depth, step, name="k")
        return ()

    def _by_depth(self, at: LoopBuilder) -> SSAValue:
        """The source with its dims exchanged: `vector.load` runs along the last one."""
        type_ = self.source.type
        assert isinstance(type_, MemRefType)
        # A size that is not in the type is not needed either: loads do not ask for it.
        lanes, depth = (
            at.value(UNBOUNDED) if size == DYNAMIC else size for size in type_.get_shape()
        )
        offset, offsets = offset_of(self.source)
        return at.view(
            self.source,
            offsets[0] if offsets else offset,
            (depth, lanes),
            (element_strides(self.source)[1], 1),
        )

    def _elements(
        self, at: LoopBuilder, p: Index, first: Index, count: Index
    ) -> Sequence[SSAValue]:
        """Element by element, for `vectorize` to widen across the lanes."""

        def step(inner: LoopBuilder, k: SSAValue) -> None:
            source_k = inner.add(self.k, k)

            def element(body: LoopBuilder, i: SSAValue) -> None:
                value = body.load(self.source, (body.add(first, i), source_k))
                body.store(self._widened(body, value, self.element), self.panels, (p, k, i))

            inner.serial(count, element, attributes=vector_loop(self.vector), name="i")

        at.serial(self.depth, step, name="k")
        return ()

    # --------------------------------------------------------- unit stride along depth

    def _transposed(self, at: LoopBuilder, p: Index, first: Index, left: Index) -> None:
        """Squares of vectors. Lanes beyond the last repeat it, so that no row is read outside."""
        last = at.sub(at.add(first, left), 1)
        whole = self.width // self.vector
        if whole > 1:
            at.serial(
                whole,
                lambda inner, g: self._group(
                    inner, p, inner.mul(g, self.vector), first, last, self.vector
                ),
            )
        elif whole:
            self._group(at, p, 0, first, last, self.vector)
        if rest := self.width % self.vector:
            self._group(at, p, whole * self.vector, first, last, rest)

    def _group(
        self, at: LoopBuilder, p: Index, offset: Index, first: Index, last: Index, count: int
    ) -> None:
        """`count` lanes from lane `offset` of the panel on, through all depth."""
        start = at.add(first, offset)
        rows = [at.min(at.add(start, i), last) for i in range(count)]
        squares = at.mul(at.div(self.depth, self.vector), self.vector)

        def square(inner: LoopBuilder, k: SSAValue) -> None:
            source_k = inner.add(self.k, k)
            vectors = [self._load(inner, self.source, (row, source_k), self.vector) for row in rows]
            columns = transpose(
                vectors,
                self.vector,
                bits_of(self.element),
                lambda a, b, mask: _shuffle(inner, a, b, mask),
            )
            for i, column in enumerate(columns):
                self._store(inner, column, (p, inner.add(k, i), offset), count)

        def rest(inner: LoopBuilder, k: SSAValue) -> None:
            source_k = inner.add(self.k, k)
            for i, row in enumerate(rows):
                value = self._widened(inner, inner.load(self.source, (row, source_k)), self.element)
                inner.store(value, self.panels, (p, k, inner.add(offset, i)))

        at.serial(squares, square, step=self.vector, name="k")
        if not (isinstance(self.depth, int) and self.depth % self.vector == 0):
            at.serial(self.depth, rest, lower=squares, name="k")

    # ------------------------------------------------------------------------- vectors

    def _load(
        self, at: LoopBuilder, source: SSAValue, place: Sequence[Index], count: int
    ) -> SSAValue:
        type_ = vector_type(self.source_element, self.vector)
        operands = (source, *[at.value(i) for i in place])
        if count == self.vector:
            value = at.op(vector.LoadOp, operands, type_)
        else:
            number = 0.0 if is_float(self.source_element) else 0
            zeros = at.op(arith.ConstantOp, (), type_, {"value": splat(number, type_)})
            mask = first_lanes(at, count, self.vector)
            value = at.op(vector.MaskedLoadOp, (*operands, mask, zeros), type_)
        return self._widened(at, value, vector_type(self.element, self.vector))

    def _widened(self, at: LoopBuilder, value: SSAValue, type_: Attribute) -> SSAValue:
        if self.source_element == self.element:
            return value
        return widen(at, value, type_, self.unsigned)

    def _store(self, at: LoopBuilder, value: SSAValue, place: Sequence[Index], count: int) -> None:
        base = (self.panels, *[at.value(i) for i in place])
        if count == self.vector:
            emit(at.block, vector.StoreOp, (value, *base))
        else:
            mask = first_lanes(at, count, self.vector)
            emit(at.block, vector.MaskedStoreOp, (*base, mask, value))


def widen(at: LoopBuilder, value: SSAValue, type_: Attribute, unsigned: bool) -> SSAValue:
    """The float of type `type_`, of scalars or of vectors, that a narrower number is."""
    given = value.type
    if is_float(given.element_type if isinstance(given, VectorType) else given):
        return at.op(arith.ExtFOp, (value,), type_)
    return at.op(arith.UIToFPOp if unsigned else arith.SIToFPOp, (value,), type_)


def first_lanes(at: LoopBuilder, count: int, lanes: int) -> SSAValue:
    """The constant mask of the first `count` lanes."""
    sizes = {"mask_dim_sizes": numbers((count,))}
    return at.op(vector.ConstantMaskOp, (), vector_type(I1, lanes), sizes)


def _shuffle(at: LoopBuilder, a: SSAValue, b: SSAValue, mask: tuple[int, ...]) -> SSAValue:
    return at.op(vector.ShuffleOp, (a, b), a.type, {"mask": numbers(mask)})
