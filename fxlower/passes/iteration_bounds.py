"""For which iterations of a loop a linear index stays within a bound.

An index is *linear* in a loop if it is made of the loop's index by casts, additions and
subtractions of what does not change in the loop, multiplications and divisions by positive
constants. Such an index grows (or falls) with the iteration, so that a bound on it is a bound on
the iteration: `2 * i - 1 >= 0` is `i >= 1`.
"""

from __future__ import annotations

from xdsl.dialects import scf
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation, SSAValue

from fxlower.dialects import arith
from fxlower.dialects.build import INDEX
from fxlower.passes.loop_builder import Index, LoopBuilder

_CASTS = (arith.IndexCastOp, arith.IndexCastUIOp)
CLAMPS = (arith.MaxSIOp, arith.MinSIOp)


def constant_of(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None


class LinearIndices:
    """Questions about the integers of the body of `loop`; answers are made by `builder`, before
    the loop."""

    def __init__(self, loop: scf.ForOp, builder: LoopBuilder):
        self.block = loop.body.block
        self.index = self.block.args[0]
        self.builder = builder
        self.linear: dict[SSAValue, bool] = {}

    def invariant(self, value: SSAValue) -> bool:
        """Whether `value` is made outside the loop, or a constant."""
        owner = value.owner
        if isinstance(owner, arith.ConstantOp):
            return True
        block = owner.parent if isinstance(owner, Operation) else owner
        while block is not None:
            if block is self.block:
                return False
            block = block.parent_block()
        return True

    def number(self, value: SSAValue) -> Index:
        """An invariant integer, as an index."""
        known = constant_of(value)
        if known is not None:
            return known
        if value.type == INDEX:
            return value
        return self.builder.op(arith.IndexCastOp, (value,), INDEX)

    def is_linear(self, value: SSAValue) -> bool:
        known = self.linear.get(value)
        if known is None:
            known = self.linear[value] = self._is_linear(value)
        return known

    def _is_linear(self, value: SSAValue) -> bool:
        if value is self.index:
            return True
        op = value.owner
        if not isinstance(op, Operation) or op.parent is not self.block:
            return False
        if isinstance(op, _CASTS):
            return self.is_linear(op.operands[0])
        if isinstance(op, (arith.AddiOp, arith.SubiOp, *CLAMPS)):
            a, b = op.operands
            if self.is_linear(a):
                return self.invariant(b)
            return self.invariant(a) and self.is_linear(b)
        if isinstance(op, arith.MuliOp | arith.DivSIOp):
            a, b = op.operands
            factor = constant_of(b)
            return factor is not None and factor > 0 and self.is_linear(a)
        return False

    def unclamped(self, value: SSAValue) -> SSAValue:
        """A linear index without the clamps around it."""
        while isinstance(value.owner, CLAMPS) and self.is_linear(value):
            a, b = value.owner.operands
            value = a if self.is_linear(a) else b
        return value

    # ------------------------------------------------------------------------ solutions

    def at_least(self, value: SSAValue, bound: Index) -> tuple[bool, Index]:
        """`(True, first)` if the linear `value >= bound` holds at all iterations from `first` on;
        `(False, end)` if it holds at all before `end`. Clamps are taken to change nothing."""
        return self._solve(value, bound, True)

    def below(self, value: SSAValue, bound: Index) -> tuple[bool, Index]:
        """The same for `value < bound`."""
        return self._solve(value, bound, False)

    def _solve(self, value: SSAValue, bound: Index, at_least: bool) -> tuple[bool, Index]:
        b = self.builder
        while True:
            value = self.unclamped(value)
            if value is self.index:
                return at_least, bound
            op = value.owner
            assert isinstance(op, Operation)
            if isinstance(op, _CASTS):
                value = op.operands[0]
                continue
            left, right = op.operands
            match op:
                case arith.AddiOp():
                    linear, other = (left, right) if self.is_linear(left) else (right, left)
                    bound = b.sub(bound, self.number(other))
                case arith.SubiOp() if self.is_linear(left):
                    linear = left
                    bound = b.add(bound, self.number(right))
                case arith.SubiOp():
                    # number - linear >= bound is linear < number - bound + 1, and so on.
                    linear = right
                    bound = b.add(b.sub(self.number(left), bound), 1)
                    at_least = not at_least
                case _:
                    linear = left
                    factor = constant_of(right)
                    assert factor is not None
                    divides = isinstance(op, arith.DivSIOp)
                    bound = self._divided(bound, factor, at_least, divides)
            value = linear

    def _divided(self, bound: Index, factor: int, at_least: bool, divides: bool) -> Index:
        """The bound on x of a bound on `x * factor`, or on `x / factor` rounded towards zero. Of
        bounds that are not known now it may be a little too strict."""
        b = self.builder
        if not divides:
            if isinstance(bound, int):
                return -(-bound // factor)
            # Rounded towards zero this is no more than the bound, if it is not negative.
            above = b.add(bound, factor - 1) if at_least else bound
            return b.op(arith.DivSIOp, (b.value(above), b.constant(factor)), INDEX)
        if at_least or (isinstance(bound, int) and bound > 0):
            return b.mul(bound, factor)
        return b.add(b.mul(b.sub(bound, 1), factor), 1)
