"""The remainder of a division, exact as C's fmod."""

from __future__ import annotations

from xdsl.dialects import scf
from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Block, Region

from fxlower.dialects import llvm
from fxlower.dialects.build import F32, F64, INDEX, emit
from fxlower.passes.math_expansions.expression import Expr, Expression

STEPS = {F32: 28, F64: 84}
"""The bits that a quotient has at most, 277 and 2098, over those of a step, and some more."""
LEVEL = {F32: 2.0**90, F64: 2.0**700}
"""Quotients by multiples of the divisor stay below 2 LEVEL**3, those in a step do not overflow."""


def fmod(e: Expression, x: Expr, y: Expr) -> Expr:
    """|x| - trunc(|x| / |y|) |y|, which is exact while the quotient has no more bits than a float;
    the rare vector with a larger one takes a loop. A quotient that was rounded up to an integer is
    one too large."""
    a, b = e.absolute(x), e.absolute(y)
    quotient = e.trunc(a / b)
    near = _minus_product(e, a, quotient, b)
    valid = (b > 0.0) & (a < e.inf())
    large = valid & (quotient >= 2.0**e.format.mantissa_bits)

    rare, usual = Block(), Block()
    inside = e.in_block(rare)
    far = inside.select(large, _by_steps(inside, a, b), near)
    emit(rare, scf.YieldOp, (far.value,))
    emit(usual, scf.YieldOp, (near.value,))
    branch = emit(
        e.block,
        scf.IfOp,
        (e.any(large).value,),
        (e.type,),
        attributes={llvm.RARE: UnitAttr()},
        regions=(Region(rare), Region(usual)),
    )
    rest = e.argument(branch.results[0])
    rest = e.select(rest < 0.0, rest + b, rest)
    rest = e.select(a < b, a, rest)  # of infinity too
    return e.copysign(e.select(valid, rest, e.nan()), x)


def _minus_product(e: Expression, a: Expr, q: Expr, b: Expr) -> Expr:
    """a - q b, where that is a float."""
    if e.has_fma:
        return e.fma(-q, b, a)
    product, error = e.two_product(q, b)
    return (a - product) - error


def _by_steps(e: Expression, a: Expr, b: Expr) -> Expr:
    """Each step takes as many bits of the quotient as make its product with b exact, half of those
    of a float. What is left may be negative, by a quotient that was rounded up."""
    block = Block(arg_types=[INDEX, e.type])
    step = e.in_block(block)
    a, b, rest = e.argument(a.value), e.argument(b.value), step.argument(block.args[1])
    level = e.pick(LEVEL)
    high, higher = b * level, b * level * level
    size = step.absolute(rest)
    divisor = step.select(size >= high, high, b)
    divisor = step.select(size >= higher, higher, divisor)
    kept = -1 << (e.format.mantissa_bits // 2 + 1)
    quotient = step.from_bits(step.bits(rest / divisor) & kept)
    left = _minus_product(step, rest, step.trunc(quotient), divisor)
    emit(block, scf.YieldOp, (left.value,))
    bounds = [e.constant(n, INDEX).value for n in (0, e.pick(STEPS), 1)]
    loop = emit(e.block, scf.ForOp, (*bounds, a.value), (e.type,), regions=(Region(block),))
    return e.argument(loop.results[0])
