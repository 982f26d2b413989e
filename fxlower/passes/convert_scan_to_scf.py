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
        scf.for %j = %c0 to %c64 step %c1 {
          %last = scf.for %k = %c0 to %c64 step %c1 iter_args(%sum = %zero) -> (f32) {
            %x = memref.load %a[%k, %column]
            %s = arith.addf %sum, %x : f32
            memref.store %s, %out[%k, %column]
            scf.yield %s : f32
          }
        } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
      }) {fxlower.grain = 4 : i64}

The running value is carried along the axis, lanes run across it. A scan along the only dim with
unit stride is serial in each row. f16 and bf16 are carried in f32.

Needs kernels of kind `scan` (docs/design.md, section 4). Leaves no `fxt` op in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, fxt
from fxlower.dialects.build import BF16, F16, F32, Dim, is_float
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.loop_builder import Index, LoopBuilder, bits_of, vector_loop
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

UNROLL = 4
PARALLEL_ELEMENTS = 32 * 1024
"""Elements worth waking another core for."""

ASSUMED_SIZE = 1024

_NO_FASTMATH = arith.FastMathFlagsAttr("none")


class ScanLowering:
    """Builds the loops of one scan in `function`."""

    def __init__(self, function: DestinationFunction, scan: fxt.ScanOp, target: TargetSpec):
        self.function = function
        self.source = function.arguments[scan.input]
        self.target_buffer = function.results[0]
        self.axis = scan.axis.value.data
        self.is_sum = isinstance(scan, fxt.CumsumOp)
        self.element = self.source.element
        self.carried: Attribute = F32 if self.element in (F16, BF16) else self.element
        self.lanes = max(1, target.lanes(bits_of(self.carried)))

    def build(self) -> None:
        sizes, axis = self.source.sizes, self.axis
        at = self.function.builder
        lane_axis = self._lane_axis()
        outer = [d for d in range(len(sizes)) if d not in (axis, lane_axis)]
        space = [self.function.size(sizes[d]) for d in outer]
        strip = self.lanes * UNROLL
        if lane_axis is not None:
            space.append(at.ceil_div(self.function.size(sizes[lane_axis]), strip))
        total: Index = 1
        for size in space:
            total = at.mul(total, size)
        work = _assumed(sizes[axis]) * (strip if lane_axis is not None else 1)
        grain = max(1, PARALLEL_ELEMENTS // max(1, work))

        def body(inner: LoopBuilder, index: SSAValue) -> None:
            parts = inner.split(index, space)
            point: list[Index] = [0] * len(sizes)
            for d, part in zip(outer, parts):
                point[d] = part
            if lane_axis is None:
                self._row(inner, point)
                return
            axis_of_lanes: int = lane_axis
            first = inner.mul(parts[-1], strip)
            count = inner.min(strip, inner.sub(self.function.size(sizes[lane_axis]), first))

            def lane(deeper: LoopBuilder, j: SSAValue) -> None:
                place = list(point)
                place[axis_of_lanes] = deeper.add(first, j)
                self._row(deeper, place)

            inner.serial(count, lane, attributes=vector_loop(self.lanes, UNROLL), name="j")

        at.parallel(total, body, grain, "strip")

    def _lane_axis(self) -> int | None:
        """The axis across which lanes run: not scanned, with unit stride, and not too short."""
        for d, size in enumerate(self.source.sizes):
            long = not isinstance(size, int) or size >= 4
            unit = self.source.strides[d] == 1 and self.target_buffer.strides[d] == 1
            if d != self.axis and unit and long:
                return d
        return None

    def _row(self, at: LoopBuilder, point: Sequence[Index]) -> None:
        """Scan along the axis through `point`."""
        neutral = 0 if self.is_sum else 1
        first = at.constant(float(neutral) if is_float(self.carried) else neutral, self.carried)
        source, target = self.source.view, self.target_buffer.view

        def step(inner: LoopBuilder, k: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            place = [*point[: self.axis], k, *point[self.axis + 1 :]]
            value = inner.load_element(source, place, self.element)
            if self.carried != self.element:
                value = inner.op(arith.ExtFOp, (value,), self.carried)
            total = self._combine(inner, carried[0], value)
            stored = total
            if self.carried != self.element:
                stored = inner.op(arith.TruncFOp, (total,), self.element)
            inner.store_element(stored, target, place)
            return [total]

        at.for_(self.source.size(self.axis), step, [first], name="k")

    def _combine(self, at: LoopBuilder, a: SSAValue, b: SSAValue) -> SSAValue:
        if is_float(self.carried):
            cls = arith.AddfOp if self.is_sum else arith.MulfOp
            return at.op(cls, (a, b), self.carried, {"fastmath": _NO_FASTMATH})
        return at.op(arith.AddiOp if self.is_sum else arith.MuliOp, (a, b), self.carried)


def _assumed(dim: Dim) -> int:
    return dim if isinstance(dim, int) else ASSUMED_SIZE


@dataclass(frozen=True)
class ConvertScanToScfPass(ModulePass):
    """Turn scan kernels into loops."""

    name = "convert-scan-to-scf"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for kernel in kernels_of_kind(op, "scan"):
            scans = [o for o in kernel.body.block.ops if isinstance(o, fxt.ScanOp)]
            if len(scans) != 1 or scans[0].input not in kernel.body.block.args:
                raise PassFailedException(
                    f"{self.name}: kernel '{kernel.sym_name.data}' must hold one fxt.cumsum or "
                    f"fxt.cumprod of an argument, got {[o.name for o in kernel.body.block.ops]}"
                )
            function = DestinationFunction(kernel)
            ScanLowering(function, scans[0], target).build()
            function.finish()
