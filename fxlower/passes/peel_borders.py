"""`peel-borders`: split vector loops where clamped indices leave the range they are clamped to.

Before:

    scf.for %j = %c0 to %c28 step %c1 {
      %i = arith.muli %j, %c2 : index
      %below = arith.subi %i, %c1 : index
      %clamped = arith.maxsi %below, %c0 : index
      %v = memref.load %x[%clamped] : memref<56xf32>
      memref.store %v, %out[%j] : memref<28xf32>
    } {fxlower.vector = 16 : i64}

After:

    scf.for %j = %c0 to %c1 step %c1 {
      ... as before ...
    }
    scf.for %j = %c1 to %c28 step %c1 {
      %i = arith.muli %j, %c2 : index
      %below = arith.subi %i, %c1 : index
      %v = memref.load %x[%below] : memref<56xf32>
      memref.store %v, %out[%j] : memref<28xf32>
    } {fxlower.vector = 16 : i64}

The index of a load in the middle grows by a constant from lane to lane, which is not a gather. The
same comparisons hold there as the clamps state, so that what they choose is known.

Needs loops as docs/design.md, section 5, describes them, and looks at those with `fxlower.vector`
that carry nothing. Borders are scalar loops, unless they are known to be longer than a vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import lcm

from xdsl.context import Context
from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from fxlower.dialects import arith
from fxlower.dialects.build import I1, INDEX, emit
from fxlower.passes.iteration_bounds import CLAMPS, LinearIndices, constant_of
from fxlower.passes.loop_builder import Index, LoopBuilder

_AT_LEAST = arith.CMPI_COMPARISON_OPERATIONS.index("sge")
_AT_MOST = arith.CMPI_COMPARISON_OPERATIONS.index("sle")

MIN_SHARE = 2
"""The middle must be at least this part of a loop (1/2): else there is little to win."""


class BorderPeeler:
    """Splits one loop, `builder` appending to the block it was taken from."""

    def __init__(self, loop: scf.ForOp, builder: LoopBuilder):
        self.loop = loop
        self.block = loop.body.block
        self.builder = builder
        self.indices = LinearIndices(loop, builder)
        self.clamps = self._clamps()
        self.facts = {self._fact(op) for op in self.clamps}

    def _clamps(self) -> list[Operation]:
        """The clamps of linear indices that addresses depend on."""
        needed: set[SSAValue] = set()
        found: list[Operation] = []
        for op in reversed(list(self.block.ops)):
            if isinstance(op, memref.LoadOp):
                needed.update(op.operands[1:])
            elif any(result in needed for result in op.results):
                needed.update(op.operands)
                if isinstance(op, CLAMPS) and self.indices.is_linear(op.results[0]):
                    found.append(op)
        return found[::-1]

    def _fact(self, op: Operation) -> tuple[SSAValue, bool, object]:
        """What holds where a clamp changes nothing: of which index, whether it is at least or at
        most, what."""
        a, b = op.operands
        linear, limit = (a, b) if self.indices.is_linear(a) else (b, a)
        return self.indices.unclamped(linear), isinstance(op, arith.MaxSIOp), _key(limit)

    def _divisor(self) -> int:
        """A multiple of what linear indices are divided by."""
        divisors = [
            constant_of(op.rhs) or 1
            for op in self.block.ops
            if isinstance(op, arith.DivSIOp) and self.indices.is_linear(op.result)
        ]
        return lcm(*divisors)

    # -------------------------------------------------------------------------- the ranges

    def run(self) -> bool:
        """Whether the loop has been replaced."""
        if not self.clamps:
            return False
        loop, b = self.loop, self.builder
        lower, upper = _index(loop.lb), _index(loop.ub)
        first, end = lower, upper
        for op in self.clamps:
            left, right = op.operands
            linear, limit = (left, right) if self.indices.is_linear(left) else (right, left)
            bound = self.indices.number(limit)
            if isinstance(op, arith.MaxSIOp):
                is_first, at = self.indices.at_least(linear, bound)
            else:
                is_first, at = self.indices.below(linear, b.add(bound, 1))
            if is_first:
                first = b.max(first, at) if at != first else first
            else:
                end = b.min(end, at) if at != end else end
        if isinstance(first, int):
            # Divisions of indices are cheap where vectors begin at multiples of the divisor.
            divisor = self._divisor()
            first = -(-first // divisor) * divisor
        first, end = _within(b, first, lower, upper), _within(b, end, lower, upper)
        end = b.max(end, first)
        known = all(isinstance(n, int) for n in (lower, upper, first, end))
        if known and (end - first) * MIN_SHARE < upper - lower:  # type: ignore[operator]
            return False
        self._border(lower, first)
        self._middle(first, end)
        self._border(end, upper)
        return True

    def _border(self, lower: Index, upper: Index) -> None:
        """The loop as it is over a part of its range."""
        if isinstance(lower, int) and isinstance(upper, int):
            if lower >= upper:
                return
            vector = self.loop.attributes["fxlower.vector"]
            assert isinstance(vector, IntegerAttr)
            marks = self.loop.attributes if upper - lower > vector.value.data else {}
        else:
            if lower is upper:
                return
            marks = {}
        copy = self.loop.body.clone()
        self._emit(lower, upper, copy, marks)

    def _emit(self, lower: Index, upper: Index, body: Region, marks: dict[str, Attribute]) -> None:
        b = self.builder
        bounds = (b.value(lower), b.value(upper), b.constant(1))
        emit(b.block, scf.ForOp, bounds, (), None, dict(marks), regions=(body,))

    # -------------------------------------------------------------------------- the middle

    def _middle(self, lower: Index, upper: Index) -> None:
        """The loop where no clamp changes anything."""
        values: dict[SSAValue, SSAValue] = {}
        block = Block(arg_types=[INDEX])
        index = self.block.args[0]
        block.args[0].name_hint = index.name_hint
        values[index] = block.args[0]
        true = self.builder.constant(1, I1)
        for op in self.block.ops:
            known = self._known(op, values, true)
            if known is not None:
                values[op.results[0]] = known
            else:
                block.add_op(op.clone(values))
        _erase_unused(block)
        if not true.uses:
            true.owner.detach()  # type: ignore[union-attr]
        self._emit(lower, upper, Region(block), self.loop.attributes)

    def _known(
        self, op: Operation, values: dict[SSAValue, SSAValue], true: SSAValue
    ) -> SSAValue | None:
        """The value of an op that is one made before."""

        def now(value: SSAValue) -> SSAValue:
            return values.get(value, value)

        match op:
            case arith.MaxSIOp() | arith.MinSIOp() if op in self.clamps:
                a, b = op.operands
                return now(a if self.indices.is_linear(a) else b)
            case arith.CmpiOp():
                predicate = op.predicate.value.data
                fact = (op.lhs, predicate == _AT_LEAST, _key(op.rhs))
                if predicate in (_AT_LEAST, _AT_MOST) and fact in self.facts:
                    return true
            case arith.AndIOp() if true in (now(op.lhs), now(op.rhs)):
                return now(op.rhs) if now(op.lhs) is true else now(op.lhs)
            case arith.SelectOp() if now(op.cond) is true:
                return now(op.lhs)
            case _:
                pass
        return None


def _key(value: SSAValue) -> object:
    """Equal for what is known to be equal: the number of a constant, else the value."""
    known = constant_of(value)
    return value if known is None else known


def _index(value: SSAValue) -> Index:
    known = constant_of(value)
    return value if known is None else known


def _within(b: LoopBuilder, value: Index, lower: Index, upper: Index) -> Index:
    if value is lower or value is upper:
        return value
    return b.min(b.max(value, lower), upper)


def _erase_unused(block: Block) -> None:
    """Erase what only served conditions that are known."""
    for op in reversed(list(block.ops)):
        if op.results and not op.regions and not any(r.uses for r in op.results):
            op.detach()
            op.erase()


def _marked(block: Block) -> Iterator[scf.ForOp]:
    """The loops to look at; those in the bodies of others too, but nothing in themselves."""
    for op in list(block.ops):
        if "fxlower.vector" in op.attributes:
            if isinstance(op, scf.ForOp) and not op.iter_args and constant_of(op.step) == 1:
                yield op
            continue
        for region in op.regions:
            for inner in region.blocks:
                yield from _marked(inner)


def peel_function(function: FuncOp) -> None:
    for block in function.body.blocks:
        for loop in list(_marked(block)):
            _peel(loop)


def _peel(loop: scf.ForOp) -> None:
    made = Block()
    builder = LoopBuilder(made)
    if BorderPeeler(loop, builder).run():
        parent = loop.parent
        assert parent is not None
        ops = list(made.ops)
        for op in ops:
            op.detach()
        parent.insert_ops_before(ops, loop)
        loop.detach()
        loop.erase()


@dataclass(frozen=True)
class PeelBordersPass(ModulePass):
    """Split vector loops at the borders of clamped indices."""

    name = "peel-borders"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                peel_function(function)
