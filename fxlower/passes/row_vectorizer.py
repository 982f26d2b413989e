"""Loops over rows, several at a time: the lanes of what each row reduces to are combined together.

Before:

    scf.for %i = %c0 to %c16 step %c1 {
      %s = scf.for %j = %c0 to %c64 step %c1 iter_args(%acc = %zero) -> (f32) {
        ...
      } {fxlower.vector = 16 : i64}
      %r = math.sqrt %s : f32
      memref.store %r, %out[%i]
    } {fxlower.rows = 16 : i64}

After:

    %lanes0 = scf.for %j = ... -> (vector<16xf32>)      // 16 loops, one for each row
    ...
    %s = ...                                            // one vector of 16 sums, by shuffles
    %r = math.sqrt %s : vector<16xf32>
    vector.store %r, %out[%c0]

Loops in a row stay as they are, row by row; what is between them has a lane for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects import scf
from xdsl.dialects.builtin import DenseArrayBase, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, vector
from fxlower.dialects.build import INDEX, emit, emit1, vector_type
from fxlower.passes.lane_reductions import RowReduction, combine, is_neutral
from fxlower.passes.lane_values import LINEAR, VARYING, Constants, Preheader, extent_of
from fxlower.passes.loop_vectorizer import (
    LoopVectorizer,
    combiner,
    marked_nest,
    positive_mark,
    round_down,
)
from fxlower.passes.widening import Widening
from fxlower.targets.spec import TargetSpec

ROWS = "fxlower.rows"

VectorizeBlock = Callable[[Block, Constants, TargetSpec], None]


def vectorize_rows(
    loop: scf.ForOp,
    block: Block,
    constants: Constants,
    target: TargetSpec,
    vectorize_block: VectorizeBlock,
) -> None:
    """Append to `block` what `loop`, which carries `fxlower.rows`, becomes. `vectorize_block` is
    the pass itself, for what is done row by row."""
    if loop.iter_args:
        raise PassFailedException("vectorize: a loop with fxlower.rows carries no values")
    rows = positive_mark(loop, ROWS)
    lower, upper = loop.lb, loop.ub
    extent = extent_of(lower, upper)
    old = loop.body.block

    def group(into: Block, first: SSAValue) -> None:
        first.name_hint = first.name_hint or old.args[0].name_hint
        widening = RowWidening(
            Preheader(into, constants, target.masks), rows, into, constants, target, vectorize_block
        )
        widening.bind_linear(old.args[0], [first])
        widening.body(old)

    if extent == rows:
        group(block, lower)
        return
    end = upper
    if extent is None or extent % rows:
        end = round_down(block, constants, lower, upper, rows)
    body = Block(arg_types=[INDEX])
    group(body, body.args[0])
    emit(body, scf.YieldOp)
    step = constants.number(rows)
    emit(block, scf.ForOp, (lower, end, step), (), regions=(Region(body),))
    if end is upper:
        return
    rest = loop.clone()
    body = rest.detach_region(rest.body)
    vectorize_block(body.block, constants, target)
    emit(block, scf.ForOp, (end, upper, loop.step), (), regions=(body,))
    rest.erase()


class RowWidening(Widening):
    """The body of a loop over rows, with a lane for each row."""

    def __init__(
        self,
        preheader: Preheader,
        rows: int,
        block: Block,
        constants: Constants,
        target: TargetSpec,
        vectorize_block: VectorizeBlock,
    ):
        super().__init__(preheader, rows, 1, None, block)
        self.target = target
        self.vectorize_block = vectorize_block

    def widen(self, op: Operation) -> None:
        if isinstance(op, scf.ForOp):
            self._row_by_row(op)
        else:
            super().widen(op)

    def _row_by_row(self, loop: scf.ForOp) -> None:
        nest = marked_nest(loop)
        if not nest:
            rows = [self._apart(loop, row) for row in range(self.width)]
            for i, result in enumerate(loop.results):
                self.bind_vectors(result, [self._vector([row[i] for row in rows])])
            return
        totals: list[SSAValue | None] = [None] * len(loop.results)
        reductions = [RowReduction(combiner(nest[-1], i), self.width) for i in range(len(totals))]
        scalars: list[list[SSAValue]] = [[] for _ in totals]
        for row in range(self.width):
            environment = self._environment(loop, row)
            vectorizer = LoopVectorizer(nest, self.block, self.constants, self.target, environment)
            for i, (lanes, value) in enumerate(zip(*vectorizer.lanes())):
                totals[i] = reductions[i].add(self.block, lanes)
                scalars[i].append(value)
        for reduction, total, values, result in zip(reductions, totals, scalars, loop.results):
            assert total is not None
            if not all(is_neutral(reduction.op, value) for value in values):
                total = combine(self.block, reduction.op, self._vector(values), total)
            total.name_hint = result.name_hint
            self.bind_vectors(result, [total])

    def _apart(self, loop: scf.ForOp, row: int) -> list[SSAValue]:
        """`loop` as it is for one row, with the marked loops in it widened; its results."""
        copy = loop.clone(self._environment(loop, row))
        holder = Block([copy])
        self.vectorize_block(holder, self.constants, self.target)
        for op in list(holder.ops):
            op.detach()
            self.block.add_op(op)
        return list(copy.results)

    # ------------------------------------------------------------------------------ lanes

    def _environment(self, loop: scf.ForOp, row: int) -> dict[SSAValue, SSAValue]:
        """What the values that `loop` uses are in one row."""
        used = {o: None for op in loop.walk() for o in op.operands if o in self.values}
        return {value: self._in_row(value, row) for value in used}

    def _in_row(self, value: SSAValue, row: int) -> SSAValue:
        lanes = self.values[value]
        part = lanes.parts[0]
        if lanes.kind == LINEAR:
            if row == 0:
                return part
            offset = self.constants.number(row * lanes.step, value.type)
            return emit1(self.block, arith.AddiOp, (part, offset), value.type)
        if lanes.kind != VARYING:
            return part
        element = self.element(value.type)
        scalar = emit1(self.block, vector.ExtractOp, (part,), element, _position(row))
        if value.type == INDEX:
            scalar = emit1(self.block, arith.IndexCastOp, (scalar,), INDEX)
        return scalar

    def _vector(self, scalars: Sequence[SSAValue]) -> SSAValue:
        element = scalars[0].type
        type_ = vector_type(element, self.width)
        made = emit1(self.block, vector.BroadcastOp, (scalars[0],), type_)
        for row, scalar in enumerate(scalars[1:], 1):
            made = emit1(self.block, vector.InsertOp, (scalar, made), type_, _position(row))
        return made


def _position(lane: int) -> dict[str, Attribute]:
    return {"static_position": DenseArrayBase.from_list(i64, [lane])}
