"""Contractions as plain loops on the operands where they are: few rows, tiny products, integers.

A group of rows shares the loads of the right operand. Where that has unit stride along the depth,
lanes run along the depth and each element is a reduction (a dot product), of which a group of rows
and some columns are computed at once:

    scf.for %j step 3 { %sums:24 = scf.for %k iter_args(%accs) {...} {fxlower.vector}; store }

Otherwise lanes run along the columns, and depth is a serial loop inside (a sum of scaled rows):

    scf.for %j { %sum = scf.for %k iter_args(%acc) {...}; store } {fxlower.vector}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects import math
from xdsl.ir import Attribute, SSAValue

from fxlower.analysis.contraction import Contraction
from fxlower.analysis.contraction_schedule import has_dot_products
from fxlower.dialects import arith
from fxlower.dialects.build import ELEMENT_BITS
from fxlower.passes.contraction_builder import ContractionBuilder
from fxlower.passes.destination_style import DestinationFunction
from fxlower.passes.loop_builder import Index, LoopBuilder, vector_loop
from fxlower.passes.pack_lowering import widen
from fxlower.targets.spec import TargetSpec

_NONE = arith.FastMathFlagsAttr("none")
_CONTRACT = arith.FastMathFlagsAttr([arith.FastMathFlag.ALLOW_CONTRACT])

_CHAINS = 4
"""Sums that it takes to hide the latency of a multiply-add."""


class DirectContraction(ContractionBuilder):
    """Builds the loops without packing."""

    def build(self, group: int, across: int, strip: int, grain: int) -> None:
        at = self.function.builder
        self.lanes_along_depth = has_dot_products(self.contraction)
        self.group = group
        self.across = across if self.lanes_along_depth else 1
        # Groups of rows that read the same strip follow each other.
        grid = [at.ceil_div(self.columns, strip), at.ceil_div(self.rows, group)]
        space = [*self.batch, *grid]
        total: Index = 1
        for size in space:
            total = at.mul(total, size)

        def body(inner: LoopBuilder, index: SSAValue) -> None:
            *batch, column_strip, row_group = inner.split(index, space)
            self._strip(inner, batch, inner.mul(row_group, group), column_strip, strip)

        at.parallel(total, body, grain, "strip")

    def _strip(
        self, at: LoopBuilder, batch: Sequence[Index], row: Index, column_strip: Index, strip: int
    ) -> None:
        """`group` rows from `row` on. Where fewer are left, the last row is computed again."""
        rows = [at.add(row, r) for r in range(self.group)]
        if not (isinstance(self.rows, int) and self.rows % self.group == 0):
            last = at.sub(self.rows, 1)
            rows = [at.min(r, last) for r in rows]
        column = at.mul(column_strip, strip)
        columns = at.min(strip, at.sub(self.columns, column))
        if isinstance(self.columns, int) and self.columns % strip == 0:
            columns = strip
        if self.lanes_along_depth:
            self._dot_products(at, batch, rows, column, columns, strip)
        else:
            self._scaled_rows(at, batch, rows, column, columns)

    def _dot_products(
        self,
        at: LoopBuilder,
        batch: Sequence[Index],
        rows: Sequence[Index],
        first: Index,
        count: Index,
        strip: int,
    ) -> None:
        """Dot products of the rows with `across` columns at a time. The epilogue has to wait for a
        row of them, to be in vectors."""
        left, right = self.left(at, batch), self.right(at, batch)
        dots = self.group * self.across
        attributes = vector_loop(self._lanes(), max(1, _CHAINS // dots))
        type_ = self.contraction.element
        finished = self.contraction.writes_accumulator
        sums = None if finished else at.scratch(type_, (self.group, strip), "sums")

        def products(inner: LoopBuilder, offset: Index, number: int) -> None:
            places = [inner.add(offset, j) for j in range(number)]
            columns = [inner.add(first, place) for place in places]
            found = iter(self._sums(inner, left, right, rows, columns, batch, attributes))
            for r, row in enumerate(rows):
                for place, column in zip(places, columns):
                    if sums is None:
                        self.finish_element(inner, batch, row, column, next(found))
                    else:
                        inner.store(next(found), sums, (r, place))

        whole = at.mul(at.div(count, self.across), self.across)
        at.serial(whole, lambda i, j: products(i, j, self.across), step=self.across, name="j")
        if whole != count:
            at.serial(count, lambda i, j: products(i, j, 1), lower=whole, name="j")
        if sums is None:
            return

        def finish(outer: LoopBuilder, r: SSAValue) -> None:
            def element(inner: LoopBuilder, offset: SSAValue) -> None:
                acc = inner.load(sums, (r, offset))
                place = (inner.add(rows[0], r), inner.add(first, offset))
                self.finish_element(inner, batch, *place, acc)

            attributes = self._across_columns(1)
            outer.serial(count, element, attributes=attributes, name="j")

        left_rows: Index = self.group
        if not (isinstance(self.rows, int) and self.rows % self.group == 0):
            left_rows = at.min(self.group, at.sub(self.rows, rows[0]))
        at.serial(left_rows, finish, name="i")

    def _scaled_rows(
        self,
        at: LoopBuilder,
        batch: Sequence[Index],
        rows: Sequence[Index],
        first: Index,
        count: Index,
    ) -> None:
        """Sums of rows of the right operand, lanes along the columns."""
        left, right = self.left(at, batch), self.right(at, batch)

        def element(inner: LoopBuilder, offset: SSAValue) -> None:
            column = inner.add(first, offset)
            sums = self._sums(inner, left, right, rows, [column], batch, None)
            for row, acc in zip(rows, sums):
                self.finish_element(inner, batch, row, column, acc)

        attributes = self._across_columns(max(1, 8 // self.group))
        at.serial(count, element, attributes=attributes, name="j")

    def _across_columns(self, unroll: int) -> Mapping[str, Attribute] | None:
        """The attributes of a loop with lanes along the columns; none for a result without, whose
        lanes would all be stored to one place."""
        if self.contraction.column_axis is None:
            return None
        return vector_loop(self._lanes(), unroll)

    def _lanes(self) -> int:
        return self.target.lanes(max(8, ELEMENT_BITS[self.contraction.element]))

    def _sums(
        self,
        at: LoopBuilder,
        left: SSAValue,
        right: SSAValue,
        rows: Sequence[Index],
        columns: Sequence[Index],
        batch: Sequence[Index],
        attributes: Mapping[str, Attribute] | None,
    ) -> Sequence[SSAValue]:
        """The elements of the rows, in the given columns of each."""
        c = self.contraction
        zero = at.constant(0.0 if c.is_float_product else 0, c.element)

        def step(inner: LoopBuilder, k: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
            ys = [inner.load(right, (column, k)) for column in columns]
            terms: list[SSAValue] = []
            accumulators = iter(sums)
            for row in rows:
                x = inner.load(left, (row, k))
                for column, y in zip(columns, ys):
                    acc = next(accumulators)
                    if c.is_float_product:
                        terms.append(self._multiply_add(inner, x, y, acc))
                        continue
                    pair = (x, y) if c.left_operand == 0 else (y, x)
                    point: list[Index] = c.point(batch, row, column, k)
                    terms.append(self.emit_body(inner, c.generic, (*pair, acc), point))
            return terms

        zeros = [zero] * (len(rows) * len(columns))
        return at.for_(self.depth, step, zeros, attributes=attributes, name="k")

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
    columns, dot products for `nr` columns at a time."""
    builder = DirectContraction(function, contraction, target)
    sizes = (max(1, schedule[key]) for key in ("mr", "nr", "nc", "grain"))
    builder.build(*sizes)
