"""Contractions as plain loops on the operands where they are: few rows, tiny products, integers.

A group of rows shares the loads of the right operand. Where that has unit stride along the depth,
lanes run along the depth and each element is a reduction (a dot product):

    scf.for %j { %sum = scf.for %k iter_args(%acc) {...} {fxlower.vector}; store }

Otherwise lanes run along the columns, and depth is a serial loop inside (a sum of scaled rows):

    scf.for %j { %sum = scf.for %k iter_args(%acc) {...}; store } {fxlower.vector}
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import math
from xdsl.ir import SSAValue

from fxlower.analysis.contraction import Contraction
from fxlower.dialects import arith
from fxlower.dialects.build import ELEMENT_BITS
from fxlower.passes.contraction_builder import ContractionBuilder
from fxlower.passes.destination_style import DestinationFunction
from fxlower.passes.loop_builder import Index, LoopBuilder, vector_loop
from fxlower.passes.pack_lowering import widen
from fxlower.targets.spec import TargetSpec

_NONE = arith.FastMathFlagsAttr("none")
_CONTRACT = arith.FastMathFlagsAttr([arith.FastMathFlag.ALLOW_CONTRACT])


class DirectContraction(ContractionBuilder):
    """Builds the loops without packing."""

    def build(self, group: int, strip: int, grain: int) -> None:
        at = self.function.builder
        grid = [at.ceil_div(self.rows, group), at.ceil_div(self.columns, strip)]
        space = [*self.batch, *grid]
        total: Index = 1
        for size in space:
            total = at.mul(total, size)
        right = self.contraction.right
        self.lanes_along_depth = right.depth == 1 and right.lane != 1
        self.group = group

        def body(inner: LoopBuilder, index: SSAValue) -> None:
            *batch, row_group, column_strip = inner.split(index, space)
            self._strip(inner, batch, inner.mul(row_group, group), column_strip, strip)

        at.parallel(total, body, grain, "strip")

    def _strip(
        self, at: LoopBuilder, batch: Sequence[Index], row: Index, column_strip: Index, strip: int
    ) -> None:
        """`group` rows from `row` on. Where fewer are left, the last row is computed again."""
        left, right = self.left(at, batch), self.right(at, batch)
        rows = [at.add(row, r) for r in range(self.group)]
        if not (isinstance(self.rows, int) and self.rows % self.group == 0):
            last = at.sub(self.rows, 1)
            rows = [at.min(r, last) for r in rows]
        column = at.mul(column_strip, strip)
        columns = at.min(strip, at.sub(self.columns, column))
        if isinstance(self.columns, int) and self.columns % strip == 0:
            columns = strip
        bits = ELEMENT_BITS[self.contraction.element]
        lanes = self.target.lanes(max(8, bits))
        attributes = vector_loop(lanes, max(1, (4 if self.lanes_along_depth else 8) // self.group))

        def element(inner: LoopBuilder, offset: SSAValue) -> None:
            j = inner.add(column, offset)
            sums = self._sums(
                inner, left, right, rows, j, batch, attributes if self.lanes_along_depth else None
            )
            for i, acc in zip(rows, sums):
                self.finish_element(inner, batch, i, j, acc)

        across = None if self.lanes_along_depth else attributes
        at.serial(columns, element, attributes=across, name="j")

    def _sums(
        self,
        at: LoopBuilder,
        left: SSAValue,
        right: SSAValue,
        rows: Sequence[Index],
        column: Index,
        batch: Sequence[Index],
        attributes,
    ) -> Sequence[SSAValue]:
        """The elements of one column in the given rows."""
        c = self.contraction
        zero = at.constant(0.0 if c.is_float_product else 0, c.element)

        def step(inner: LoopBuilder, k: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
            y = inner.load(right, (column, k))
            terms: list[SSAValue] = []
            for row, acc in zip(rows, sums):
                x = inner.load(left, (row, k))
                if c.is_float_product:
                    terms.append(self._multiply_add(inner, x, y, acc))
                    continue
                pair = (x, y) if c.left_operand == 0 else (y, x)
                point: list[Index] = c.point(batch, row, column, k)
                terms.append(self.emit_body(inner, c.generic, (*pair, acc), point))
            return terms

        return at.for_(self.depth, step, [zero] * len(rows), attributes=attributes, name="k")

    def _multiply_add(self, at: LoopBuilder, x: SSAValue, y: SSAValue, acc: SSAValue) -> SSAValue:
        type_, c = acc.type, self.contraction
        x, y = (
            v if v.type == type_ else widen(at, v, type_, f.unsigned)
            for v, f in ((x, c.left), (y, c.right))
        )
        if self.target.fma and not self.lanes_along_depth:
            return at.op(math.FmaOp, (x, y, acc), type_, {"fastmath": _NONE})
        # A reduction over lanes must show what combines: an addition, which may yet be fused.
        flags = {"fastmath": _CONTRACT if self.target.fma else _NONE}
        return at.op(arith.AddfOp, (acc, at.op(arith.MulfOp, (x, y), type_, flags)), type_, flags)


def build_direct(
    function: DestinationFunction,
    contraction: Contraction,
    target: TargetSpec,
    schedule: dict[str, int],
) -> None:
    """The loops of a contraction whose schedule says `mc = 0`: groups of `mr` rows, strips of `nc`
    columns."""
    builder = DirectContraction(function, contraction, target)
    builder.build(max(1, schedule["mr"]), max(1, schedule["nc"]), max(1, schedule["grain"]))
