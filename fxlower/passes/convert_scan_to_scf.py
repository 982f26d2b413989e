"""`convert-scan-to-scf`: turn scan kernels into loops.

Before:

    func.func private @cumsum_1a2b(%a: tensor<64x512xf32>) -> tensor<64x512xf32>
        attributes {fxlower.kernel = "scan"} {
      %r = fxt.cumsum %a, 0 : (tensor<64x512xf32>) -> tensor<64x512xf32>
      func.return %r : tensor<64x512xf32>
    }

After:

    func.func private @cumsum_1a2b(%a: memref<64x512xf32>, %out: memref<64x512xf32>) {
      "scf.parallel"(%c0, %strips, %c1) ({
      ^bb0(%strip: index):
        %running = memref.alloca() : memref<256xf64>
        ...                                                  // filled with 0
        scf.for %block = %c0 to %c64 step %c4 {
          scf.for %j = %c0 to %lanes step %c1 {
            %first = memref.load %running[%j]
            %last = scf.for %k = %block to %end step %c1 iter_args(%sum = %first) -> (f64) {
              %x = memref.load %a[%k, %column]
              %s = arith.addf %sum, (arith.extf %x) : f64
              memref.store (arith.truncf %s), %out[%k, %column]
              scf.yield %s : f64
            }
            memref.store %last, %running[%j]
          } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
        }
      }) {fxlower.grain = 2 : i64}

Across the axis of unit stride, lanes run over the other one: a few rows at a time, with running
values in a buffer. Along it a row is one loop that `vectorize` scans. A few long rows are scanned
in PARTS parts, each from the sum of those before, which are summed first.

What is carried from element to element is said by `fxlower/passes/scan_steps.py`. Scans that are no
sums and products run along their axis one by one.

Needs kernels of kind `scan` (docs/design.md, section 4). Leaves no `fxt` op in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import fxt
from fxlower.dialects.build import Dim
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.loop_builder import Index, LoopBuilder, vector_loop
from fxlower.passes.scan_steps import Fold, step_of
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

UNROLL = 2
PARALLEL_ELEMENTS = 32 * 1024
"""Elements worth waking another core for."""

STRIP = 1024
MIN_STRIP = 128
ROW_BLOCK = 4
"""Lanes of a strip, and rows that they run through before the running values are stored."""

PARTS = 64
LONG = 1 << 16
"""Parts of a long row: enough for any number of cores; and how long it is at least."""

ASSUMED_SIZE = 1024


class ScanLowering:
    """Builds the loops of one scan in `function`."""

    def __init__(
        self,
        function: DestinationFunction,
        scan: fxt.ScanOp,
        target: TargetSpec,
    ):
        self.function = function
        self.source = function.arguments[scan.input]
        self.target_buffer = function.results[0]
        self.axis = scan.axis.value.data
        self.step = step_of(scan, self.source.element)
        self.fold = self.step if isinstance(self.step, Fold) and self.step.is_associative else None
        self.lanes = max(1, target.lanes(self.step.bits))
        self.cores = target.cores

    def build(self) -> None:
        sizes = self.source.sizes
        lane_axis, length = self._lane_axis(), sizes[self.axis]
        outer = [d for d in range(len(sizes)) if d not in (self.axis, lane_axis)]
        known = [d for d in (sizes[d] for d in outer) if isinstance(d, int)]
        few = len(known) == len(outer) and prod(known) < 4 * self.cores
        if lane_axis is not None:
            self._across(outer, lane_axis)
        elif self.fold is not None and few and (isinstance(length, str) or length >= LONG):
            self._in_parts(outer, prod(known), self.fold)
        else:
            self._along(outer)

    def _lane_axis(self) -> int | None:
        """The axis across which lanes run: not scanned, and not too short; with unit stride, or the
        longest one where elements take long and cannot be lanes along the axis of the scan."""
        others = [d for d in range(len(self.source.sizes)) if d != self.axis]
        for d in others:
            if _assumed(self.source.sizes[d]) >= 4 and self._has_unit_stride(d):
                return d
        if self.step.is_slow:
            longest = max(others, key=lambda d: _assumed(self.source.sizes[d]), default=None)
            if longest is not None and _assumed(self.source.sizes[longest]) >= self.lanes:
                return longest
        return None

    def _has_unit_stride(self, axis: int) -> bool:
        return self.source.strides[axis] == 1 and self.target_buffer.strides[axis] == 1

    def _point(self, at: LoopBuilder, index: SSAValue, outer: Sequence[int], more: Index = 1):
        """A place with the index of each axis of `outer`, and the index of what varies faster."""
        space = [*self.function.sizes([self.source.sizes[d] for d in outer]), more]
        parts = at.split(index, space)
        place: list[Index] = [0] * len(self.source.sizes)
        for d, part in zip(outer, parts):
            place[d] = part
        return place, parts[-1]

    def _total(self, outer: Sequence[int]) -> Index:
        total: Index = 1
        for d in outer:
            total = self.function.builder.mul(total, self.source.size(d))
        return total

    # ----------------------------------------------------------------------- across lanes

    def _across(self, outer: Sequence[int], lane_axis: int) -> None:
        at, columns = self.function.builder, self.source.sizes[lane_axis]
        share = prod(_assumed(self.source.sizes[d]) for d in (*outer, lane_axis))
        strip = max(MIN_STRIP, min(share // (2 * self.cores), STRIP))
        strip = -(-strip // (self.lanes * UNROLL)) * self.lanes * UNROLL
        strips = at.ceil_div(self.function.size(columns), strip)
        work = _assumed(self.source.sizes[self.axis]) * min(strip, _assumed(columns))

        def body(inner: LoopBuilder, index: SSAValue) -> None:
            place, part = self._point(inner, index, outer, strips)
            first = inner.mul(part, strip)
            count = inner.min(strip, inner.sub(self.function.size(columns), first))
            self._strip(inner, place, (lane_axis, first, count), strip)

        total = at.mul(self._total(outer), strips)
        at.parallel(total, body, max(1, PARALLEL_ELEMENTS // max(1, work)), "strip")

    def _strip(
        self,
        at: LoopBuilder,
        place: Sequence[Index],
        lanes: tuple[int, Index, Index],
        strip: int,
    ) -> None:
        """The lanes of one strip, given by their axis, the first and their number."""
        lane_axis, first, count = lanes
        running = [at.scratch(t, (strip,), "running") for t in self.step.carried]
        length = self.source.size(self.axis)

        def over_lanes(outside: LoopBuilder, body: Callable[..., None]) -> None:
            marks = vector_loop(self.lanes, UNROLL)
            outside.serial(count, body, attributes=marks, name="j")

        def fill(inner: LoopBuilder, j: SSAValue) -> None:
            for value, buffer in zip(self.step.neutral(at), running):
                inner.store(value, buffer, [j])

        def block(outside: LoopBuilder, start: SSAValue) -> None:
            end = outside.min(outside.add(start, ROW_BLOCK), length)

            def lane(inner: LoopBuilder, j: SSAValue) -> None:
                point = list(place)
                point[lane_axis] = inner.add(first, j)
                init = [inner.load(buffer, [j]) for buffer in running]
                last = self._row(inner, point, (start, end), init)
                for value, buffer in zip(last, running):
                    inner.store(value, buffer, [j])

            over_lanes(outside, lane)

        over_lanes(at, fill)
        at.serial(length, block, step=ROW_BLOCK, name="block")

    # ------------------------------------------------------------------------------- along

    def _along(self, outer: Sequence[int]) -> None:
        """Each row by itself."""
        at, length = self.function.builder, self.source.size(self.axis)

        def body(inner: LoopBuilder, index: SSAValue) -> None:
            place, _ = self._point(inner, index, outer)
            marks = self._marks() if self.fold is not None else None
            self._row(inner, place, (0, length), self.step.neutral(inner), marks)

        work = _assumed(self.source.sizes[self.axis])
        at.parallel(self._total(outer), body, max(1, PARALLEL_ELEMENTS // max(1, work)), "row")

    def _in_parts(self, outer: Sequence[int], rows: int, fold: Fold) -> None:
        """A few long rows: the sums of all parts, then of those before each, then the scans."""
        at, length = self.function.builder, self.source.size(self.axis)
        part = at.ceil_div(length, PARTS)
        sums = at.scratch(self.step.carried[0], (rows * PARTS,), "sums")

        def bounds(inner: LoopBuilder, p: Index) -> tuple[Index, Index]:
            first = inner.min(inner.mul(p, part), length)
            return first, inner.min(inner.add(first, part), length)

        def add_up(inner: LoopBuilder, index: SSAValue) -> None:
            place, p = self._point(inner, index, outer, PARTS)
            total = self._sum(inner, place, bounds(inner, p))
            inner.store(total, sums, [index])

        def before(outside: LoopBuilder, row: SSAValue) -> None:
            def step(inner: LoopBuilder, p: SSAValue, carried: Sequence[SSAValue]):
                index = inner.add(inner.mul(row, PARTS), p)
                own = inner.load(sums, [index])
                inner.store(carried[0], sums, [index])
                return [fold.combine(inner, carried[0], own)]

            outside.for_(PARTS, step, self.step.neutral(outside), name="part")

        def scan(inner: LoopBuilder, index: SSAValue) -> None:
            place, p = self._point(inner, index, outer, PARTS)
            init = [inner.load(sums, [index])]
            self._row(inner, place, bounds(inner, p), init, self._marks())

        work = max(1, _assumed(self.source.sizes[self.axis]) // PARTS)
        grain = max(1, PARALLEL_ELEMENTS // work)
        at.parallel(rows * PARTS, add_up, grain, "part")
        at.serial(rows, before, name="row")
        at.parallel(rows * PARTS, scan, grain, "part")

    def _marks(self) -> dict[str, Attribute] | None:
        """Of a loop along the axis: lanes, where they follow each other in memory."""
        return vector_loop(self.lanes, UNROLL) if self._has_unit_stride(self.axis) else None

    # -------------------------------------------------------------------------------- rows

    def _row(
        self,
        at: LoopBuilder,
        point: Sequence[Index],
        bounds: tuple[Index, Index],
        init: Sequence[SSAValue],
        attributes: dict[str, Attribute] | None = None,
    ) -> Sequence[SSAValue]:
        """Scan along the axis through `point` within `bounds`; what is carried at the end."""
        target = self.target_buffer.view

        def step(inner: LoopBuilder, k: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            found = self.step.next(inner, carried, self._load(inner, point, k), k)
            inner.store_element(self.step.result(inner, found), target, self._at(point, k))
            return found

        lower, upper = bounds
        return at.for_(upper, step, init, lower=lower, attributes=attributes, name="k")

    def _sum(
        self, at: LoopBuilder, point: Sequence[Index], bounds: tuple[Index, Index]
    ) -> SSAValue:
        """All elements along the axis through `point` within `bounds`, combined."""

        def step(inner: LoopBuilder, k: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            return self.step.next(inner, carried, self._load(inner, point, k), k)

        lower, upper, init = *bounds, self.step.neutral(at)
        return at.for_(upper, step, init, lower=lower, attributes=self._marks(), name="k")[0]

    def _at(self, point: Sequence[Index], k: SSAValue) -> list[Index]:
        return [*point[: self.axis], k, *point[self.axis + 1 :]]

    def _load(self, at: LoopBuilder, point: Sequence[Index], k: SSAValue) -> SSAValue:
        return at.load_element(self.source.view, self._at(point, k), self.source.element)


def _assumed(dim: Dim) -> int:
    return dim if isinstance(dim, int) else ASSUMED_SIZE


@dataclass(frozen=True)
class ConvertScanToScfPass(ModulePass):
    """Turn scan kernels into loops."""

    name = "convert-scan-to-scf"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for kernel in kernels_of_kind(op, "scan"):
            scans = [o for o in kernel.body.block.ops if isinstance(o, fxt.SCANS)]
            if len(scans) != 1 or scans[0].input not in kernel.body.block.args:
                raise PassFailedException(
                    f"{self.name}: kernel '{kernel.sym_name.data}' must hold one scan of an "
                    f"argument, got {[o.name for o in kernel.body.block.ops]}"
                )
            function = DestinationFunction(kernel)
            ScanLowering(function, scans[0], target).build()
            function.finish()
