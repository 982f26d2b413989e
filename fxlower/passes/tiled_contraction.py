"""Contractions in register tiles: blocks of the result, steps of depth, panels, tiles.

    for each block of mc x nc                       one iteration of the parallel loop
      for each step of kc in depth
        for each panel of nr columns
          for each panel of mr rows
            tile.mma, from zeros
            what the steps before left is added
            the tile goes to the result; or to a tile in the first cache, on which the epilogue runs

A sum of partial sums has a smaller error than one long sum.

Where the panels are is a matter of `fxlower.passes.panel_sources`. A tile at an edge is as small as
the edge where that is known, else of full size and stored with bounds.

An epilogue sees one tile of the result at a time, after the last step of depth. One that needs
whole rows (a maximum, a sum) would need blocks as wide as the result (nc >= columns), and its
phases around the loop over panels of columns, with row buffers of mr elements beside the tile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from fxlower.analysis.contraction import Factor
from fxlower.analysis.panels import PanelFormat
from fxlower.dialects import tile
from fxlower.dialects.build import ELEMENT_BITS, emit, emit1
from fxlower.passes.contraction_builder import ContractionBuilder
from fxlower.passes.loop_builder import Index, LoopBuilder, vector_loop
from fxlower.passes.panel_products import OffsetSums, multiply, segments
from fxlower.passes.panel_sources import (
    InPanels,
    InPlace,
    OperandBlock,
    PackedBlock,
    PackedPanel,
    PanelSource,
)

LINE_BITS = 512
"""A cache line, as on all targets."""

STEPS_AHEAD = 32
"""Steps of depth from asking for memory to its use: some hundred cycles, and few lines."""


@dataclass(frozen=True)
class BlockSizes:
    """A contraction's schedule; `fxlower.analysis.contraction_schedule` says what it means."""

    mr: int
    nr: int
    mc: int
    nc: int
    kc: int
    grain: int
    pack_left: int
    pack_right: int
    prefetch: int


@dataclass(frozen=True)
class Panels:
    """Panels of one form along an axis of a block: which of them, and the accumulators across."""

    begin: Index
    end: Index
    size: int
    bound: int | None = None
    """How many of the accumulators count, where that is known and not all."""
    is_bounded: bool = False
    """Whether that is for the extent of the block to say."""

    def extent(self, at: LoopBuilder, block: Index, begin: Index) -> Index:
        """Accumulators that count in the panel that begins at `begin` in a block of that extent."""
        if self.is_bounded:
            return at.min(at.sub(block, begin), self.size)
        return self.size if self.bound is None else self.bound


@dataclass(frozen=True)
class Step:
    """A step of depth: its length, and whether it is the first and the last."""

    depth: Index
    first: bool | SSAValue
    last: bool | SSAValue


class TiledContraction(ContractionBuilder):
    """Builds the blocked product."""

    sizes: BlockSizes
    panels: PanelFormat

    def build(self, sizes: BlockSizes, panels: PanelFormat) -> None:
        self.sizes, self.panels = sizes, panels
        self.lanes = self.target.lanes(ELEMENT_BITS[self.contraction.element])
        at = self.function.builder
        grid = [at.ceil_div(self.rows, sizes.mc), at.ceil_div(self.columns, sizes.nc)]
        space = [*self.batch, *grid]
        blocks: Index = 1
        for size in space:
            blocks = at.mul(blocks, size)

        def block(inner: LoopBuilder, index: SSAValue) -> None:
            *batch, row_block, column_block = inner.split(index, space)
            start = (inner.mul(row_block, sizes.mc), inner.mul(column_block, sizes.nc))
            TileBlock(self, inner, batch, start).emit(inner)

        at.parallel(blocks, block, sizes.grain, "block")

    @property
    def is_one_step(self) -> bool:
        return isinstance(self.depth, int) and self.depth <= self.sizes.kc


class TileBlock:
    """One block of the result, from `start` (row, column) on."""

    def __init__(
        self,
        product: TiledContraction,
        at: LoopBuilder,
        batch: Sequence[Index],
        start: tuple[Index, Index],
    ):
        s, c = product.sizes, product.contraction
        self.product, self.batch, self.start = product, batch, start
        self.row_panels, self.column_panels = s.mc // s.mr, s.nc // s.nr
        self.rows = _extent(at, s.mc, product.rows, start[0])
        self.columns = _extent(at, s.nc, product.columns, start[1])
        self.left = self._left(at)
        self.right = self._right(at)
        self.offset = None
        if product.panels.left_offset:
            self.offset = OffsetSums(at, c.element, s.nr, product.panels)
        self.partial, self.partial_start, self.tile = None, start, None
        if c.writes_accumulator:
            self.partial = product.result(at, batch)
            return
        self.tile = at.scratch(c.element, (s.mr, s.nr), "tile")
        if not product.is_one_step:
            self.partial = at.scratch(c.element, (s.mc, s.nc), "accumulators")
            self.partial_start = (0, 0)

    # ------------------------------------------------------------------------- operands

    def _left(self, at: LoopBuilder) -> PanelSource:
        p, s = self.product, self.product.sizes
        block = self._operand(at, p.contraction.left, p.rows, 0, "left")
        if p.contraction.left.panels:
            return InPanels(at, block, p.panels.group)
        if not s.pack_left:
            return InPlace(at, block, self.row_panels)
        shape = p.panels.shape(self.row_panels, s.kc, s.mr)
        panels = at.scratch(p.panels.left, shape, "a_panels")
        return PackedBlock(at, block, panels, p.contraction.left.unsigned, p.panels.left_offset)

    def _right(self, at: LoopBuilder) -> PanelSource:
        p, s = self.product, self.product.sizes
        block = self._operand(at, p.contraction.right, p.columns, 1, "right")
        if p.contraction.right.panels:
            return InPanels(at, block, p.panels.group)
        if not s.pack_right:
            return InPlace(at, block, self.column_panels)
        panels = at.scratch(p.panels.right, p.panels.shape(1, s.kc, s.nr), "b_panel")
        return PackedPanel(at, block, panels, p.contraction.right.unsigned)

    def _operand(
        self, at: LoopBuilder, factor: Factor, lanes: Index, axis: int, name: str
    ) -> OperandBlock:
        p, s = self.product, self.product.sizes
        function = p.function
        return OperandBlock(
            function.arguments[factor.argument].base,
            p.offset(at, factor.batch, self.batch),
            (lanes, p.depth),
            (function.size(factor.lane), function.size(factor.depth)),
            self.start[axis],
            (self.rows, self.columns)[axis],
            (s.mr, s.nr)[axis],
            name,
        )

    # ---------------------------------------------------------------------------- loops

    def emit(self, at: LoopBuilder) -> None:
        """The steps of depth. There is at least one, so that a product without depth gives 0."""
        depth, kc = self.product.depth, self.product.sizes.kc
        if self.product.is_one_step:
            self._step(at, 0, Step(depth, True, True))
            return
        end = at.max(depth, 1)

        def body(inner: LoopBuilder, k: SSAValue) -> None:
            last = inner.compare("sge", inner.add(k, kc), end)
            length = _extent(inner, kc, depth, k)
            self._step(inner, k, Step(length, inner.compare("eq", k, 0), last))

        at.serial(end, body, step=kc, name="k")

    def _step(self, at: LoopBuilder, k: Index, step: Step) -> None:
        s = self.product.sizes
        self.left.begin_step(at, k, step.depth)
        self.right.begin_step(at, k, step.depth)

        rows = _panels(at, self.product.rows, self.rows, s.mr, 1, False)
        inside = isinstance(self.right, InPlace)
        columns = _panels(at, self.product.columns, self.columns, s.nr, self.product.lanes, inside)

        def across(inner: LoopBuilder, q: SSAValue, form: Panels) -> None:
            self.right.begin_panel(inner, q)
            if self.offset is not None:
                self.offset.sum(inner, self.right.panel(inner, q, s.nr), step.depth)
            for found in rows:
                _each(inner, found, lambda body, p, f: self._tile(body, (p, q), (f, form), step))

        for found in columns:
            _each(at, found, across)

    # ----------------------------------------------------------------------------- tiles

    def _tile(
        self,
        at: LoopBuilder,
        panels: tuple[SSAValue, SSAValue],
        forms: tuple[Panels, Panels],
        step: Step,
    ) -> None:
        """The product of two panels, added to what the step before stored, and stored."""
        s = self.product.sizes
        place = (at.mul(panels[0], s.mr), at.mul(panels[1], s.nr))
        extent = (
            forms[0].extent(at, self.rows, place[0]),
            forms[1].extent(at, self.columns, place[1]),
        )
        bounds: tuple[SSAValue, ...] = ()
        if extent != (forms[0].size, forms[1].size):
            bounds = tuple(at.value(e) for e in extent)
        total = self._product(at, panels, place, forms, bounds, step)

        def keep(inner: LoopBuilder) -> None:
            assert self.partial is not None
            _store(inner, total, self.partial, self._in_partial(inner, place), bounds)

        def finish(inner: LoopBuilder) -> None:
            assert self.tile is not None
            zero = inner.constant(0)
            _store(inner, total, self.tile, (zero, zero), ())
            origin = (inner.add(self.start[0], place[0]), inner.add(self.start[1], place[1]))
            self._epilogue(inner, origin, extent)

        if self.tile is None:
            keep(at)
        else:
            _when(at, step.last, finish, keep)

    def _in_partial(self, at: LoopBuilder, place: tuple[Index, Index]) -> list[SSAValue]:
        """Where the accumulators at `place` in the block are kept between steps."""
        return [at.value(at.add(start, offset)) for start, offset in zip(self.partial_start, place)]

    def _product(
        self,
        at: LoopBuilder,
        panels: tuple[SSAValue, SSAValue],
        place: tuple[Index, Index],
        forms: tuple[Panels, Panels],
        bounds: tuple[SSAValue, ...],
        step: Step,
    ) -> SSAValue:
        rows, columns = forms
        type_ = tile.acc_type(rows.size, columns.size, self.product.contraction.element)
        acc = emit1(at.block, tile.ZeroOp, (), type_)
        if self.offset is not None:
            acc = self.offset.subtract(at, acc)
        a = self.left.panel(at, panels[0], rows.size)
        b = self.right.panel(at, panels[1], columns.size)
        readable: tuple[SSAValue, ...] = ()
        if isinstance(self.right, InPlace) and (columns.bound or columns.is_bounded):
            readable = bounds[1:]
        ahead = self._ahead(at, panels)
        total = multiply(at, a, b, step.depth, acc, self.product.panels, readable, ahead)
        return self._with_steps_before(at, total, place, bounds, step)

    def _ahead(self, at: LoopBuilder, panels: tuple[SSAValue, SSAValue]) -> tuple[SSAValue, ...]:
        """What to prefetch while the panels are multiplied, by steps of depth: the next panel of
        columns, of which each panel of rows asks for some lines; or, where one panel of rows is
        all, this panel some steps ahead."""
        s = self.product.sizes
        if not s.prefetch:
            return ()
        line = LINE_BITS // ELEMENT_BITS[self.product.contraction.element]
        count = max(1, s.nr // line)
        k: Index = self.right.k
        panel: Index = panels[1]
        first: Index = 0
        if self.row_panels == 1:
            k = at.add(k, STEPS_AHEAD)
        else:
            share = -(-count // self.row_panels)
            first = at.mul(at.min(at.mul(panels[0], share), count - share), line)
            panel, count = at.add(panel, 1), share
        offset, stride = self.right.place(at, panel)
        sizes, strides = (count, self.product.depth), (line, stride)
        base, offset = self.right.block.base, at.add(offset, first)
        return at.view(base, offset, sizes, strides, "ahead"), at.value(k)

    def _with_steps_before(
        self,
        at: LoopBuilder,
        total: SSAValue,
        place: tuple[Index, Index],
        bounds: tuple[SSAValue, ...],
        step: Step,
    ) -> SSAValue:
        """`total`, after the first step of depth with what the steps before stored."""
        if not isinstance(step.first, SSAValue):
            return total

        def summed(inner: LoopBuilder) -> tuple[SSAValue, ...]:
            assert self.partial is not None
            before = emit1(
                inner.block,
                tile.LoadOp,
                (self.partial, *self._in_partial(inner, place), *bounds),
                total.type,
                {"operandSegmentSizes": segments(1, 2, len(bounds))},
            )
            return (emit1(inner.block, tile.AddOp, (before, total), total.type),)

        return at.if_(step.first, lambda _: (total,), summed, (total.type,))[0]

    def _epilogue(
        self, at: LoopBuilder, origin: tuple[Index, Index], extent: tuple[Index, Index]
    ) -> None:
        """From the tile's accumulators to results, a row of it at a time."""
        assert self.tile is not None
        tile_ = self.tile

        def row(inner: LoopBuilder, i: SSAValue) -> None:
            def element(body: LoopBuilder, j: SSAValue) -> None:
                acc = body.load(tile_, (i, j))
                place = (body.add(origin[0], i), body.add(origin[1], j))
                self.product.finish_element(body, self.batch, *place, acc)

            lanes = self.product.lanes
            vectors = self.product.sizes.nr // lanes
            inner.serial(extent[1], element, attributes=vector_loop(lanes, vectors), name="j")

        at.serial(extent[0], row, name="i")


def _store(
    at: LoopBuilder,
    value: SSAValue,
    target: SSAValue,
    place: Sequence[SSAValue],
    bounds: Sequence[SSAValue],
) -> None:
    properties = {"operandSegmentSizes": segments(1, 1, 2, len(bounds))}
    emit(at.block, tile.StoreOp, (value, target, *place, *bounds), (), properties)


def _when(
    at: LoopBuilder,
    condition: bool | SSAValue,
    then: Callable[[LoopBuilder], None],
    otherwise: Callable[[LoopBuilder], None] | None = None,
) -> None:
    """A branch, if the condition is not known."""

    def branch(body: Callable[[LoopBuilder], None]):
        def emitted(inner: LoopBuilder) -> Sequence[SSAValue]:
            body(inner)
            return ()

        return emitted

    if isinstance(condition, SSAValue):
        at.if_(condition, branch(then), branch(otherwise) if otherwise else None)
    elif condition:
        then(at)
    elif otherwise is not None:
        otherwise(at)


def _panels(
    at: LoopBuilder, total: Index, extent: Index, width: int, granule: int, inside: bool
) -> list[Panels]:
    """The panels of a block of `extent`: those that are whole, and what is left at the edge of the
    `total`, rounded up to granules.

    Loops of their own for each form keep the others' vectors out of their registers. `inside` says
    that nothing beyond the edge may be read, though its size is not known."""
    count = at.ceil_div(extent, width)
    if _divides(width, total):
        return [Panels(0, count, width)]
    if not isinstance(total, int) and not inside:
        return [Panels(0, count, width, is_bounded=True)]
    whole = at.div(extent, width)
    if not isinstance(total, int):
        return [Panels(0, whole, width), Panels(whole, count, width, is_bounded=True)]
    rest = total % width
    size = -(-rest // granule) * granule
    edge = Panels(whole, count, size, rest if size != rest else None)
    return [edge] if total < width else [Panels(0, whole, width), edge]


def _each(
    at: LoopBuilder, panels: Panels, body: Callable[[LoopBuilder, SSAValue, Panels], None]
) -> None:
    """A loop over the panels."""
    at.serial(
        panels.end, lambda inner, index: body(inner, index, panels), lower=panels.begin, name="p"
    )


def _divides(step: int, size: Index) -> bool:
    return isinstance(size, int) and size % step == 0


def _extent(at: LoopBuilder, step: int, size: Index, start: Index) -> Index:
    """Elements of the piece of `step` elements from `start` that lie below `size`."""
    if _divides(step, size):
        return step
    return at.min(step, at.sub(size, start))
