"""`tile-contractions`: turn contraction kernels into loops over register tiles of packed panels.

Before:

    func.func private @matmul_1a2b(%a: tensor<64x32xf32>, %b: tensor<32x96xf32>)
        -> tensor<64x96xf32> attributes {fxlower.kernel = "contraction", fxlower.schedule = {...}} {
      %c = linalg.generic {...} ins(%a, %b) outs(%zeros) {mulf, addf}
      func.return %c

After:

    func.func private @matmul_1a2b(%a: memref<64x32xf32>, %b: memref<32x96xf32>,
        %out: memref<64x96xf32>) {
      "scf.parallel"(%c0, %c1, %c1) ({
      ^bb0(%block: index):
        %a_panels = memref.alloca() : memref<8x32x8xf32>
        %b_panel = memref.alloca() : memref<1x32x48xf32>
        tile.pack %left[%c0, %c0] bounds %c64, %c32 into %a_panels
        scf.for %j = %c0 to %c96 step %c48 {
          tile.pack %right[%j, %c0] bounds %c48, %c32 into %b_panel
          scf.for %p = %c0 to %c8 step %c1 {
            %1 = tile.zero : !tile.acc<8x48xf32>
            %2 = tile.mma %a_panels[%p, %c0], %b_panel[%c0, %c0], %c32, %1
            tile.store %2, %result[%i, %j]

This is a schedule of 8 x 48 tiles in one block, with types and casts left out. Where the depth is
larger than `kc`, a loop over steps of it is around all this, and each step but the first begins
with a `tile.load`; tiles at edges have bounds. An epilogue, and a result that is rounded or has no
unit stride, go through a block of accumulators in the scratchpad.

Products whose schedule says `mc = 0` (few rows, tiny, or of integers) become plain loops without
packing, marked for `vectorize`: see `fxlower/passes/direct_contractions.py`.

Needs kernels of kind `contraction` as docs/design.md, section 4 states; a missing
`fxlower.schedule` is chosen here. Leaves the kernel on memrefs, with no `linalg` and no `tensor`
op in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.contraction import read_contraction
from fxlower.analysis.contraction_schedule import orient, schedule_contraction
from fxlower.dialects import tile
from fxlower.dialects.build import ELEMENT_BITS, I32, emit, emit1
from fxlower.passes.contraction_builder import ContractionBuilder
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.direct_contractions import build_direct
from fxlower.passes.loop_builder import Index, LoopBuilder, vector_loop
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

_KEYS = ("mr", "nr", "mc", "nc", "kc", "grain")


@dataclass(frozen=True)
class BlockSizes:
    """A contraction's schedule; `fxlower.analysis.contraction_schedule` says what it means."""

    mr: int
    nr: int
    mc: int
    nc: int
    kc: int
    grain: int


class TiledContraction(ContractionBuilder):
    """Builds the blocked product."""

    sizes: BlockSizes

    def build(self, sizes: BlockSizes) -> None:
        self.sizes = sizes
        self.acc_type = tile.acc_type(sizes.mr, sizes.nr, self.contraction.element)
        at = self.function.builder
        grid = [at.ceil_div(self.rows, sizes.mc), at.ceil_div(self.columns, sizes.nc)]
        space = [*self.batch, *grid]
        blocks: Index = 1
        for size in space:
            blocks = at.mul(blocks, size)

        def block(inner: LoopBuilder, index: SSAValue) -> None:
            *batch, row_block, column_block = inner.split(index, space)
            self._block(inner, batch, row_block, column_block)

        at.parallel(blocks, block, sizes.grain, "block")

    def _block(
        self, at: LoopBuilder, batch: Sequence[Index], row_block: Index, column_block: Index
    ) -> None:
        s, c = self.sizes, self.contraction
        row_panels = s.mc // s.mr
        a_panels = at.scratch(c.element, (row_panels, s.kc, s.mr), "a_panels")
        b_panel = at.scratch(c.element, (1, s.kc, s.nr), "b_panel")
        row, column = at.mul(row_block, s.mc), at.mul(column_block, s.nc)
        rows = self._extent(at, s.mc, self.rows, row)
        columns = self._extent(at, s.nc, self.columns, column)
        left, right = self.left(at, batch), self.right(at, batch)
        if c.writes_accumulator:
            target, origin = self.result(at, batch), (row, column)
            bounded = (not self._divides(s.mr, self.rows), not self._divides(s.nr, self.columns))
        else:
            target, origin = at.scratch(c.element, (s.mc, s.nc), "accumulators"), (0, 0)
            bounded = (False, False)

        def panel_row(inner: LoopBuilder, p: SSAValue, j: Index, depth: Index, first) -> None:
            i = inner.mul(p, s.mr)
            place = (inner.value(inner.add(origin[0], i)), inner.value(inner.add(origin[1], j)))
            bounds: tuple[SSAValue, ...] = ()
            if any(bounded):
                bounds = (
                    inner.value(inner.min(inner.sub(rows, i), s.mr) if bounded[0] else s.mr),
                    inner.value(inner.min(inner.sub(columns, j), s.nr) if bounded[1] else s.nr),
                )
            acc = self._accumulators(inner, first, target, place, bounds)
            zero = inner.constant(0)
            sum_ = emit(
                inner.block,
                tile.MmaOp,
                (a_panels, p, zero, b_panel, zero, zero, inner.value(depth), acc),
                (self.acc_type,),
                {"operandSegmentSizes": _segments(1, 2, 1, 2, 1, 1)},
            ).results[0]
            emit(
                inner.block,
                tile.StoreOp,
                (sum_, target, *place, *bounds),
                (),
                {"operandSegmentSizes": _segments(1, 1, 2, len(bounds))},
            )

        def step(inner: LoopBuilder, k: Index, depth: Index, first: bool | SSAValue) -> None:
            self._pack(inner, left, row, k, rows, depth, a_panels)

            def panel_column(inner: LoopBuilder, j: SSAValue) -> None:
                width: Index = s.nr
                if not self._divides(s.nr, self.columns):
                    width = inner.min(inner.sub(columns, j), s.nr)
                self._pack(inner, right, inner.add(column, j), k, width, depth, b_panel)
                inner.serial(
                    inner.ceil_div(rows, s.mr),
                    lambda body, p: panel_row(body, p, j, depth, first),
                    name="p",
                )

            inner.serial(columns, panel_column, step=s.nr, name="j")

        self._steps(at, step)
        if not c.writes_accumulator:
            self._epilogue(at, batch, (row, column), (rows, columns), target)

    def _steps(self, at: LoopBuilder, step) -> None:
        """The loop over depth. It runs at least once, so that a product without depth gives 0."""
        kc = self.sizes.kc
        if isinstance(self.depth, int) and self.depth <= kc:
            step(at, 0, self.depth, True)
            return

        def body(inner: LoopBuilder, k: SSAValue) -> None:
            depth = self._extent(inner, kc, self.depth, k)
            step(inner, k, depth, inner.compare("eq", k, 0))

        at.serial(at.max(self.depth, 1), body, step=kc, name="k")

    def _accumulators(
        self,
        at: LoopBuilder,
        first: bool | SSAValue,
        source: SSAValue,
        place: tuple[SSAValue, SSAValue],
        bounds: tuple[SSAValue, ...],
    ) -> SSAValue:
        """Zeros in the first step of depth, then what the step before stored."""

        def zeros(inner: LoopBuilder) -> SSAValue:
            return emit1(inner.block, tile.ZeroOp, (), self.acc_type)

        def loaded(inner: LoopBuilder) -> SSAValue:
            return emit1(
                inner.block,
                tile.LoadOp,
                (source, *place, *bounds),
                self.acc_type,
                {"operandSegmentSizes": _segments(1, 2, len(bounds))},
            )

        if not isinstance(first, SSAValue):
            return zeros(at)
        return at.if_(first, lambda i: (zeros(i),), lambda i: (loaded(i),), (self.acc_type,))[0]

    def _pack(
        self,
        at: LoopBuilder,
        source: SSAValue,
        lane: Index,
        k: Index,
        lanes: Index,
        depth: Index,
        panels: SSAValue,
    ) -> None:
        operands = (
            source,
            at.value(lane),
            at.value(k),
            at.value(lanes),
            at.value(depth),
            panels,
        )
        emit(at.block, tile.PackOp, operands, (), {"operandSegmentSizes": _segments(1, 2, 1, 1, 1)})

    def _epilogue(
        self,
        at: LoopBuilder,
        batch: Sequence[Index],
        origin: tuple[Index, Index],
        extent: tuple[Index, Index],
        block: SSAValue,
    ) -> None:
        lanes = self.target.lanes(ELEMENT_BITS[self.contraction.element])

        def row(inner: LoopBuilder, i: SSAValue) -> None:
            def element(body: LoopBuilder, j: SSAValue) -> None:
                acc = body.load(block, (i, j))
                place = (body.add(origin[0], i), body.add(origin[1], j))
                self.finish_element(body, batch, *place, acc)

            inner.serial(extent[1], element, attributes=vector_loop(lanes, 2), name="j")

        at.serial(extent[0], row, name="i")

    @staticmethod
    def _divides(step: int, size: Index) -> bool:
        return isinstance(size, int) and size % step == 0

    def _extent(self, at: LoopBuilder, step: int, size: Index, start: Index) -> Index:
        """Elements of the piece of `step` elements from `start` that lie below `size`."""
        if self._divides(step, size):
            return step
        return at.min(step, at.sub(size, start))


@cache
def _segments(*sizes: int) -> DenseArrayBase:
    return DenseArrayBase.from_list(I32, sizes)


def _schedule_of(kernel: FuncOp) -> dict[str, int] | None:
    """The kernel's schedule, if it has one."""
    attribute = kernel.attributes.get("fxlower.schedule")
    if attribute is None:
        return None
    found = (
        {k: v.value.data for k, v in attribute.data.items() if isinstance(v, IntegerAttr)}
        if isinstance(attribute, DictionaryAttr)
        else {}
    )
    if sorted(found) != sorted(_KEYS):
        raise PassFailedException(
            f"tile-contractions: the schedule of '{kernel.sym_name.data}' must have the integers "
            f"{', '.join(_KEYS)}, got {attribute}"
        )
    if found["mc"] and (
        min(found.values()) < 1 or found["mc"] % found["mr"] or found["nc"] % found["nr"]
    ):
        raise PassFailedException(
            f"tile-contractions: the schedule of '{kernel.sym_name.data}' must have positive sizes "
            f"with mc a multiple of mr and nc of nr, got {attribute}"
        )
    return found


def tile_contraction(kernel: FuncOp, target: TargetSpec) -> None:
    """Replace one contraction kernel by its loops."""
    contraction = read_contraction(kernel)
    schedule = _schedule_of(kernel) or schedule_contraction(contraction, target)
    tiled = schedule["mc"] > 0
    if tiled and not contraction.is_float_product:
        raise PassFailedException(
            f"tile-contractions: '{kernel.sym_name.data}' accumulates in {contraction.element}, "
            "which has no register tiles; give it a schedule with mc = 0"
        )
    contraction = orient(contraction, tiled)
    function = DestinationFunction(kernel, trap=contraction.may_trap)
    if tiled:
        TiledContraction(function, contraction, target).build(BlockSizes(**schedule))
    else:
        build_direct(function, contraction, target, schedule)
    function.finish()


@dataclass(frozen=True)
class TileContractionsPass(ModulePass):
    """Turn contraction kernels into loops over register tiles."""

    name = "tile-contractions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for kernel in kernels_of_kind(op, "contraction"):
            tile_contraction(kernel, target)
