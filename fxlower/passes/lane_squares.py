"""Loads that jump from lane to lane but run along a loop inside: squares transposed in registers.

    scf.for %v = ... {                        scf.for %v = ... step %c16 {
      scf.for %t = ... {                        scf.for %t = ... step %c16 {
        %x = memref.load %a[%v, %t]     =>        %r0 = vector.load %a[%v, %t] ...
        memref.store %x, %b[%t, %v]               %x0 = vector.shuffle ...
      } {fxlower.transpose = 16}                  vector.store %x0, %b[%t, %v] ...

The loop inside goes on in steps: for each lane one vector is loaded that runs along it, these rows
are transposed, and the body follows once for each column. Every cache line is read once and at
once, whatever the distance between the lanes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import IntegerAttr, MemRefType
from xdsl.ir import Block, Operation, Region, SSAValue

from fxlower.dialects import arith, vector
from fxlower.dialects.build import ELEMENT_BITS, INDEX, emit, emit1, vector_type
from fxlower.passes.lane_memory import LaneMemory, element_strides, numbers
from fxlower.passes.lane_values import LINEAR, UNIFORM, VARYING, Lanes, extent_of, number_of
from fxlower.passes.loop_builder import TRANSPOSE
from fxlower.passes.vector_transpose import transpose_short

LEAST_COLUMNS = 4
"""Of the squares that take what is left of either loop; the last columns are gathered."""


class LaneSquares(LaneMemory):
    """Widens loops inside that carry `fxlower.transpose`."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self.columns: dict[Operation, list[SSAValue]] = {}
        """What loads that were transposed read at this iteration of the loop inside."""

    @abstractmethod
    def body(self, block: Block) -> Operation:
        """Emits all ops of `block` but its terminator, which it returns."""

    def load(self, op: Operation) -> None:
        columns = self.columns.get(op)
        if columns is None:
            super().load(op)
            return
        self.values[op.results[0]] = Lanes(VARYING, columns)

    def loop(self, op: Operation) -> None:
        """A loop inside: its bounds are uniform; what it carries becomes vectors."""
        assert isinstance(op, scf.ForOp)
        lower, upper, step = (self.scalar(b) for b in (op.lb, op.ub, op.step))
        carried = [v for a in op.iter_args for v in self.vectors(a)]
        mark = op.attributes.get(TRANSPOSE)
        side = mark.value.data if isinstance(mark, IntegerAttr) else 1
        loads = self._transposable(op.body.block) if side > 1 else []
        sides = (side, LEAST_COLUMNS) if self.mask is None else (LEAST_COLUMNS,)
        for columns in dict.fromkeys(min(s, side) for s in sides) if loads else ():
            end = self._whole(lower, upper, columns)
            if end is lower:
                continue
            carried = self._squares(op, (lower, end), columns, loads, carried)
            lower = end
        if lower is not upper:

            def plain(index: SSAValue, values: list[SSAValue]) -> list[SSAValue]:
                return self._iteration(op, index, values)

            carried = self._repeated(op, (lower, upper, step), carried, plain)
        self.bind_carried(op.results, carried)

    def _squares(
        self,
        op: scf.ForOp,
        bounds: tuple[SSAValue, SSAValue],
        side: int,
        loads: list[memref.LoadOp],
        carried: list[SSAValue],
    ) -> list[SSAValue]:
        """The loop in steps of `side`, with `loads` transposed."""
        squares = [self._square(load, side) for load in loads]

        def body(index: SSAValue, values: list[SSAValue]) -> list[SSAValue]:
            columns = [columns_at(index) for columns_at in squares]
            for k in range(side):
                at = self._sum(index, self.constants.number(k))
                self.columns = {
                    load: [copy[k] for copy in found] for load, found in zip(loads, columns)
                }
                values = self._iteration(op, at, values)
            self.columns = {}
            return values

        return self._repeated(op, (*bounds, self.constants.number(side)), carried, body)

    def _whole(self, lower: SSAValue, upper: SSAValue, side: int) -> SSAValue:
        """The end of as many whole steps of `side` as there are from `lower` to `upper`."""
        extent = extent_of(lower, upper)
        if extent is not None:
            whole = max(extent, 0) // side * side
            return upper if whole == extent else self._sum(lower, self.constants.number(whole))
        length = emit1(self.block, arith.SubiOp, (upper, lower), INDEX)
        rest = emit1(self.block, arith.RemUIOp, (length, self.constants.number(side)), INDEX)
        return emit1(self.block, arith.SubiOp, (upper, rest), INDEX)

    def _repeated(
        self,
        op: scf.ForOp,
        bounds: tuple[SSAValue, SSAValue, SSAValue],
        carried: list[SSAValue],
        body: Callable[[SSAValue, list[SSAValue]], list[SSAValue]],
    ) -> list[SSAValue]:
        types = [v.type for v in carried]
        block = Block(arg_types=[INDEX, *types])
        index = block.args[0]
        index.name_hint = op.body.block.args[0].name_hint
        self.blocks.append(block)
        self.depths[index] = len(self.blocks) - 1
        results = body(index, list(block.args[1:]))
        emit(block, scf.YieldOp, results)
        self.blocks.pop()
        made = emit(self.block, scf.ForOp, (*bounds, *carried), types, regions=(Region(block),))
        return list(made.results)

    def _iteration(self, op: scf.ForOp, index: SSAValue, carried: list[SSAValue]) -> list[SSAValue]:
        """The body once at `index`; what it carries on."""
        old = op.body.block
        self.depths[index] = len(self.blocks) - 1
        self.values[old.args[0]] = Lanes(UNIFORM, [index])
        self.bind_carried(old.args[1:], carried)
        terminator = self.body(old)
        return [v for o in terminator.operands for v in self.vectors(o)]

    def bind_carried(self, old: Sequence[SSAValue], new: Sequence[SSAValue]) -> None:
        """Values that loops and branches hand on: a vector for each copy."""
        for i, value in enumerate(old):
            self.bind_vectors(value, list(new[i * self.copies : (i + 1) * self.copies]))

    # ------------------------------------------------------------------------ squares

    def _transposable(self, body: Block) -> list[memref.LoadOp]:
        """Loads that have stride 1 along the loop with `body`, and another one along the lanes."""
        found: list[memref.LoadOp] = []
        for op in body.ops:
            if not isinstance(op, memref.LoadOp):
                continue
            along, across = 0, False
            for index, stride in zip(op.indices, element_strides(op.memref)):
                lanes = self.lanes(index)
                if index is body.args[0]:
                    along = along + 1 if stride == 1 else 2
                elif lanes.kind == VARYING or _is_inside(index, body):
                    along = 2
                elif lanes.kind == LINEAR and stride != 0:
                    across = across or lanes.step != 1 or stride != 1
            if along == 1 and across:
                found.append(op)
        return found

    def _square(self, op: memref.LoadOp, side: int) -> Callable[[SSAValue], list[list[SSAValue]]]:
        """Emits where the rows of `op` begin; a function of the index of the loop inside that
        emits the columns from there on, for each copy."""
        strides = element_strides(op.memref)
        flat = self._flat(op.memref, strides)
        type_ = flat.type
        assert isinstance(type_, MemRefType)
        along = op.parent_block().args[0]  # type: ignore[union-attr]
        starts: list[SSAValue] = [self.constants.number(0)] * self.copies
        step, steps = 0, []
        for index, stride in zip(op.indices, strides):
            if index is along or stride == 0:
                continue
            lanes = self.lanes(index)
            if lanes.kind == LINEAR and isinstance(stride, int):
                step += lanes.step * stride
            elif lanes.kind == LINEAR:
                steps.append((lanes.step, stride))
            parts = lanes.parts * (self.copies if lanes.kind == UNIFORM else 1)
            starts = [self._sum(s, self._product(p, stride)) for s, p in zip(starts, parts)]
        offsets = self._row_offsets(step, steps)
        element, bits = type_.element_type, ELEMENT_BITS[type_.element_type]
        row_type = vector_type(element, side)

        def shuffle(a: SSAValue, b: SSAValue, mask: tuple[int, ...]) -> SSAValue:
            lanes = {"mask": numbers(mask)}
            made = vector_type(element, len(mask))
            return emit1(self.block, vector.ShuffleOp, (a, b), made, lanes)

        def columns(index: SSAValue) -> list[list[SSAValue]]:
            made: list[list[SSAValue]] = []
            for start in starts:
                base = self._sum(start, index)
                places = [self._sum(base, offset) for offset in offsets]
                rows = [emit1(self.block, vector.LoadOp, (flat, p), row_type) for p in places]
                made.append(transpose_short(rows, side, bits, shuffle))
            return made

        return columns

    def _row_offsets(self, step: int, steps: list[tuple[int, SSAValue]]) -> list[SSAValue]:
        """From the first row to each. Rows of lanes that are not set are the last one again, so
        that nothing is read outside."""
        preheader, left = self.preheader.block, self.left
        distance = self.constants.number(step)
        for factor, stride in steps:
            part = stride
            if factor != 1:
                part = emit1(preheader, arith.MuliOp, (part, self.constants.number(factor)), INDEX)
            distance = self._sum(distance, part, preheader)
        block = preheader if left is None else self.block
        offsets: list[SSAValue] = []
        for lane in range(self.width):
            row: SSAValue = self.constants.number(lane)
            if isinstance(left, int):
                row = self.constants.number(min(lane, left - 1))
            elif left is not None:
                last = self._sum(left, self.constants.number(-1))
                row = emit1(block, arith.MinSIOp, (row, last), INDEX)
            offsets.append(self._product(row, distance, block))
        return offsets

    def _sum(self, a: SSAValue, b: SSAValue, block: Block | None = None) -> SSAValue:
        x, y = number_of(a), number_of(b)
        if x is not None and y is not None:
            return self.constants.number(x + y)
        if x == 0:
            return b
        return a if y == 0 else emit1(block or self.block, arith.AddiOp, (a, b), INDEX)

    def _product(self, a: SSAValue, b: SSAValue | int, block: Block | None = None) -> SSAValue:
        b = self.constants.number(b) if isinstance(b, int) else b
        x, y = number_of(a), number_of(b)
        if x is not None and y is not None:
            return self.constants.number(x * y)
        if x == 1:
            return b
        return a if y == 1 else emit1(block or self.block, arith.MuliOp, (a, b), INDEX)


def _is_inside(value: SSAValue, body: Block) -> bool:
    """Whether `value` changes from iteration to iteration of the loop with `body`."""
    owner = value.owner
    return owner is body or (isinstance(owner, Operation) and owner.parent_block() is body)
