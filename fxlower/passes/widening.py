"""Bodies of scalar loops on vectors: the work of `vectorize`.

A scalar of the body becomes, for each of `copies` vectors of consecutive iterations,

- *uniform*: the same in all lanes; stays one scalar, broadcast where a vector needs it;
- *linear*: an integer that grows by a constant from lane to lane; stays a scalar, that of lane 0,
  for addresses, and becomes a vector where one is needed;
- *pattern*: an integer that differs from that of lane 0 by a constant for each lane, as `i / 2`;
- *varying*: a vector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xdsl.dialects import memref, scf
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith
from fxlower.dialects.build import ELEMENT_BITS, emit, emit1, vector_type
from fxlower.dialects.fxt import NonzeroDivisorOp, NormalizeIndexOp
from fxlower.passes.lane_patterns import LanePatterns
from fxlower.passes.lane_squares import LaneSquares
from fxlower.passes.lane_values import LINEAR, PATTERN, UNIFORM, VARYING, Lanes, number_of


class Widening(LaneSquares, LanePatterns):
    """Emits the body of a scalar loop into a block."""

    # -------------------------------------------------------------------------- bodies

    def body(self, block: Block) -> Operation:
        """Emits all ops of `block` but its terminator, which it returns."""
        for op in block.ops:
            if isinstance(op, scf.YieldOp):
                return op
            self.widen(op)
        raise PassFailedException("vectorize: a loop body must end in scf.yield")

    def widen(self, op: Operation) -> None:
        handler = _HANDLERS.get(type(op))
        if handler is not None:
            handler(self, op)
        else:
            self.elementwise(op)

    def elementwise(self, op: Operation) -> None:
        """Any op that computes each lane for itself."""
        if all(self.lanes(o).kind == UNIFORM for o in op.operands):
            self.uniform(op)
            return
        if op.regions or not op.results:
            raise PassFailedException(f"vectorize: no rule widens '{op.name}'")
        operands = [self.vectors(o) for o in op.operands]
        types = [vector_type(self.element(r.type), self.width) for r in op.results]
        made = [emit(self.block, type(op), parts, types, op.properties) for parts in zip(*operands)]
        for i, result in enumerate(op.results):
            self.values[result] = Lanes(VARYING, [m.results[i] for m in made])
            for m in made:
                m.results[i].name_hint = result.name_hint

    def scalar_constant(self, op: Operation) -> None:
        result = op.results[0]
        value = self.constants.get(op.properties["value"], result.type)
        self.values[result] = Lanes(UNIFORM, [value])

    # ------------------------------------------------------------------ index arithmetic

    def index_arithmetic(self, op: Operation) -> None:
        """`addi`, `subi`, `muli`: linear, or a pattern, where possible."""
        if self.pattern_arithmetic(op):
            return
        a, b = (self.lanes(o) for o in op.operands)
        step = self._step(op, a, b)
        if step is None:
            self.elementwise(op)
            return
        result = op.results[0]
        count = self.copies
        parts = zip(
            a.parts * (count if a.kind == UNIFORM else 1),
            b.parts * (count if b.kind == UNIFORM else 1),
        )
        made = [emit1(self.block, type(op), p, result.type, op.properties) for p in parts]
        self.bind_linear(result, made, step)

    def _step(self, op: Operation, a: Lanes, b: Lanes) -> int | None:
        kinds = (a.kind, b.kind)
        if LINEAR not in kinds or VARYING in kinds or PATTERN in kinds:
            return None
        if isinstance(op, arith.AddiOp):
            return a.step + b.step
        if isinstance(op, arith.SubiOp):
            return a.step - b.step
        linear, factor = (a, b) if a.kind == LINEAR else (b, a)
        number = number_of(factor.parts[0]) if factor.kind == UNIFORM else None
        return None if number is None else linear.step * number

    def quotient(self, op: Operation) -> None:
        """`divsi`: a pattern where possible."""
        if not self.division(op):
            self.elementwise(op)

    def truncation(self, op: Operation) -> None:
        """`trunci` of an integer that is linear: so is the result, as both wrap around."""
        source, result = op.operands[0], op.results[0]
        lanes = self.lanes(source)
        if lanes.kind != LINEAR:
            self.elementwise(op)
            return
        made = [emit1(self.block, type(op), (p,), result.type) for p in lanes.parts]
        self.bind_linear(result, made, lanes.step)

    def index_cast(self, op: Operation) -> None:
        """Between `index`, which is i64 in vectors, and integers."""
        source, result = op.operands[0], op.results[0]
        lanes = self.lanes(source)
        if lanes.kind == UNIFORM:
            self.uniform(op)
            return
        before, after = ELEMENT_BITS[source.type], ELEMENT_BITS[result.type]
        if lanes.kind == LINEAR and after == before:
            made = [emit1(self.block, type(op), (p,), result.type) for p in lanes.parts]
            self.bind_linear(result, made, lanes.step)
            return
        if lanes.kind == PATTERN and after == before:
            parts: list[SSAValue] = [
                emit1(self.block, type(op), (p,), result.type) for p in lanes.parts
            ]
            self.bind_pattern(result, parts, lanes.offsets)
            return
        vectors = self.vectors(source)
        if before != after:
            extend = arith.ExtUIOp if isinstance(op, arith.IndexCastUIOp) else arith.ExtSIOp
            cls = arith.TruncIOp if after < before else extend
            type_ = vector_type(self.element(result.type), self.width)
            vectors = [emit1(self.block, cls, (v,), type_) for v in vectors]
        self.values[result] = Lanes(VARYING, vectors)

    def guarded(self, op: Operation) -> None:
        """`fxt.normalize_index` and `fxt.nonzero_divisor`: lanes beyond the end must not trap."""
        source = op.operands[0]
        if self.mask is None or self.lanes(source).kind == UNIFORM:
            self.elementwise(op)
            return
        (lanes,) = self.vectors(source)
        type_ = lanes.type
        safe = 0 if isinstance(op, NormalizeIndexOp) else 1
        neutral = self.constants.splat(safe, self.element(source.type), self.width)
        value = emit1(self.block, arith.SelectOp, (self.mask, lanes, neutral), type_)
        made = emit1(self.block, type(op), (value,), type_, op.properties)
        self.values[op.results[0]] = Lanes(VARYING, [made])

    # ------------------------------------------------------------------- control flow

    def branch(self, op: Operation) -> None:
        """An `scf.if` with a uniform condition."""
        assert isinstance(op, scf.IfOp)
        condition = self.scalar(op.cond)
        regions: list[Region] = []
        for region in op.regions:
            if not region.blocks:
                regions.append(Region())
                continue
            block = Block()
            self.blocks.append(block)
            terminator = self.body(region.block)
            emit(block, scf.YieldOp, [v for o in terminator.operands for v in self.vectors(o)])
            self.blocks.pop()
            regions.append(Region(block))
        types = [
            vector_type(self.element(r.type), self.width)
            for r in op.results
            for _ in range(self.copies)
        ]
        made = emit(self.block, scf.IfOp, (condition,), types, regions=regions)
        self.bind_carried(op.results, made.results)


_HANDLERS: dict[type[Operation], Callable[[Widening, Any], None]] = {
    arith.ConstantOp: Widening.scalar_constant,
    arith.AddiOp: Widening.index_arithmetic,
    arith.SubiOp: Widening.index_arithmetic,
    arith.MuliOp: Widening.index_arithmetic,
    arith.DivSIOp: Widening.quotient,
    arith.TruncIOp: Widening.truncation,
    arith.IndexCastOp: Widening.index_cast,
    arith.IndexCastUIOp: Widening.index_cast,
    NormalizeIndexOp: Widening.guarded,
    NonzeroDivisorOp: Widening.guarded,
    scf.ForOp: Widening.loop,
    scf.IfOp: Widening.branch,
    memref.LoadOp: Widening.load,
    memref.StoreOp: Widening.store,
}
