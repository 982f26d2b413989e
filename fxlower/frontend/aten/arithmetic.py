"""Elementwise arithmetic: sums, products, quotients, powers, extrema.

f16 and bf16 are computed in f32 and rounded once for each operator, as in eager mode.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from xdsl.ir import SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import F64, FLOATS, I1
from fxlower.frontend.builder import Operand, RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers, lowers_named
from fxlower.frontend.types import compute_element, is_signed

aten = torch.ops.aten
prims = torch.ops.prims


def in_result_type(b: RuleBuilder, *args: Operand) -> list[SSAValue]:
    """`args` in the type that an operator computes in whose operands are promoted to the
    result's dtype, with the result's dims."""
    return b.operands(*args, element=compute_element(b.result.element))


# ------------------------------------------------------------------- sums and products


@lowers(aten.add.Tensor, aten.add.Scalar, prims.add.default)
def add(b: RuleBuilder, lhs: Operand, rhs: Operand, alpha: Operand = 1) -> SSAValue:
    x, y = in_result_type(b, lhs, rhs)
    return b.to_result(b.add(x, _scaled(b, y, alpha)))


@lowers(aten.sub.Tensor, aten.sub.Scalar, prims.sub.default)
def sub(b: RuleBuilder, lhs: Operand, rhs: Operand, alpha: Operand = 1) -> SSAValue:
    x, y = in_result_type(b, lhs, rhs)
    return b.to_result(b.sub(x, _scaled(b, y, alpha)))


@lowers(aten.rsub.Tensor, aten.rsub.Scalar)
def rsub(b: RuleBuilder, lhs: Operand, rhs: Operand, alpha: Operand = 1) -> SSAValue:
    return sub(b, rhs, lhs, alpha)


def _scaled(b: RuleBuilder, x: SSAValue, factor: Operand) -> SSAValue:
    return x if _is_one(factor) else b.mul(x, b.operand(factor, b.element(x)))


def _is_one(factor: Operand) -> bool:
    return isinstance(factor, (int, float)) and factor == 1


@lowers(aten.mul.Tensor, aten.mul.Scalar, prims.mul.default)
def mul(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    return b.to_result(b.mul(*in_result_type(b, lhs, rhs)))


@lowers(aten.square.default)
def square(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return mul(b, x, x)


@lowers(aten.addcmul.default)
def addcmul(
    b: RuleBuilder, x: SSAValue, lhs: SSAValue, rhs: SSAValue, *, value: Operand = 1
) -> SSAValue:
    start, first, second = in_result_type(b, x, lhs, rhs)
    return b.to_result(b.add(start, b.mul(_scaled(b, first, value), second)))


@lowers_named("prims.fma.default")
def fma(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue, start: SSAValue) -> SSAValue:
    """What addcmul and lerp are decomposed into; eager mode rounds twice there, too."""
    first, second, third = in_result_type(b, lhs, rhs, start)
    return b.to_result(b.add(b.mul(first, second), third))


@lowers(aten.addcdiv.default)
def addcdiv(
    b: RuleBuilder, x: SSAValue, lhs: SSAValue, rhs: SSAValue, *, value: Operand = 1
) -> SSAValue:
    start, first, second = in_result_type(b, x, lhs, rhs)
    return b.to_result(b.add(start, b.div(_scaled(b, first, value), second)))


@lowers(aten.lerp.Scalar, aten.lerp.Tensor)
def lerp(b: RuleBuilder, start: SSAValue, end: SSAValue, weight: Operand) -> SSAValue:
    """From the nearer end, so that weights 0 and 1 give the ends exactly."""
    x, y, w = in_result_type(b, start, end, weight)
    distance = b.sub(y, x)
    from_start = b.add(x, b.mul(w, distance))
    from_end = b.sub(y, b.mul(distance, b.sub(b.full_like(1, w), w)))
    near = b.compare("lt", b.abs(w), b.full_like(0.5, w))
    return b.to_result(b.select(near, from_start, from_end))


# --------------------------------------------------------------------------- division


@lowers(aten.div.Tensor, aten.div.Scalar, aten.true_divide.Tensor)
def div(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    return b.to_result(b.div(*in_result_type(b, lhs, rhs)))


@lowers(prims.div.default)
def prims_div(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    """Unlike `aten.div`, of integers the quotient towards zero."""
    return div(b, lhs, rhs) if b.result.element in FLOATS else div_trunc(b, lhs, rhs)


@lowers(aten.div.Tensor_mode, aten.div.Scalar_mode)
def div_mode(
    b: RuleBuilder, lhs: Operand, rhs: Operand, *, rounding_mode: str | None = None
) -> SSAValue:
    match rounding_mode:
        case None:
            return div(b, lhs, rhs)
        case "trunc":
            return div_trunc(b, lhs, rhs)
        case "floor":
            return floor_divide(b, lhs, rhs)
        case _:
            raise NotLowered(f"unknown rounding mode {rounding_mode!r}")


def div_trunc(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    x, y = in_result_type(b, lhs, rhs)
    if b.element(x) in FLOATS:
        quotient = b.to_result(b.div(x, y))  # rounded to f16 and bf16 first, as eager does
        return b.to_result(b.unary(fxt.TruncOp, b.compute(quotient)))
    return b.to_result(_integer_division(b, fxt.DivOp, x, y, rhs))


@lowers(aten.floor_divide.default, aten.floor_divide.Scalar)
def floor_divide(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    x, y = in_result_type(b, lhs, rhs)
    if b.element(x) in FLOATS:
        return b.to_result(_floor_divide_floats(b, x, y))
    return b.to_result(_integer_division(b, fxt.FloordivOp, x, y, rhs))


def _floor_divide_floats(b: RuleBuilder, x: SSAValue, y: SSAValue) -> SSAValue:
    """`at::native::div_floor_floating`: from the exact remainder, because x / y may round up to
    the next integer."""
    zero, one = b.full_like(0, x), b.full_like(1, x)
    quotient = b.div(x, y)
    remainder = b.binary(fxt.RemOp, x, y)
    exact = b.div(b.sub(x, remainder), y)
    exact = b.select(_wrong_sign(b, remainder, y), b.sub(exact, one), exact)
    floored = b.unary(fxt.FloorOp, exact)
    above = b.compare("gt", b.sub(exact, floored), b.full_like(0.5, x))
    floored = b.select(above, b.add(floored, one), floored)
    signed_zero = b.binary(fxt.CopysignOp, zero, quotient)
    result = b.select(b.compare("ne", exact, zero), floored, signed_zero)
    return b.select(b.compare("eq", y, zero), quotient, result)


def _wrong_sign(b: RuleBuilder, remainder: SSAValue, divisor: SSAValue) -> SSAValue:
    """Whether a remainder is not zero and has not the sign of the divisor."""
    zero = b.full_like(0, remainder)
    differ = b.binary(fxt.XorOp, b.compare("lt", remainder, zero), b.compare("lt", divisor, zero))
    return b.logical_and(b.compare("ne", remainder, zero), differ)


def _integer_division(
    b: RuleBuilder, op: type[fxt.BinaryOp], x: SSAValue, y: SSAValue, divisor: Operand
) -> SSAValue:
    """An integer division that no operands make undefined: a zero divisor sets the trap, and
    the least integer by -1 wraps around."""
    if isinstance(divisor, int) and divisor not in (0, -1):
        return b.binary(op, x, y)
    y = b.nonzero_divisor(y)
    if not is_signed(b.element(x)):
        return b.binary(op, x, y)
    minus_one = b.compare("eq", y, b.full_like(-1, y))
    quotient = b.binary(op, x, b.select(minus_one, b.full_like(1, y), y))
    if op is fxt.RemOp:
        return quotient  # of a division by 1 or by -1: 0
    return b.select(minus_one, b.neg(x), quotient)


@lowers(aten.fmod.Tensor, aten.fmod.Scalar, prims.fmod.default)
def fmod(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    """The remainder with the sign of the dividend."""
    x, y = in_result_type(b, lhs, rhs)
    return b.to_result(_remainder(b, x, y, rhs))


def _remainder(b: RuleBuilder, x: SSAValue, y: SSAValue, divisor: Operand) -> SSAValue:
    if b.element(x) in FLOATS:
        return b.binary(fxt.RemOp, x, y)
    return _integer_division(b, fxt.RemOp, x, y, divisor)


@lowers(
    aten.remainder.Tensor,
    aten.remainder.Scalar,
    aten.remainder.Scalar_Tensor,
    prims.remainder.default,
)
def remainder(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    """The remainder with the sign of the divisor, as Python's %."""
    x, y = in_result_type(b, lhs, rhs)
    rest = _remainder(b, x, y, rhs)
    if not is_signed(b.element(x)):
        return b.to_result(rest)
    return b.to_result(b.select(_wrong_sign(b, rest, y), b.add(rest, y), rest))


@lowers(aten.reciprocal.default, prims.reciprocal.default)
def reciprocal(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: b.div(b.full_like(1, v), v), x)


# ----------------------------------------------------------------------------- powers


@lowers(aten.pow.Tensor_Scalar)
def pow_scalar(b: RuleBuilder, base: SSAValue, exponent: Operand) -> SSAValue:
    (x,) = in_result_type(b, base)
    if isinstance(exponent, (int, float)):
        known = _power(b, x, exponent)
        if known is not None:
            return b.to_result(known)
    return pow_(b, base, exponent)


def _power(b: RuleBuilder, x: SSAValue, exponent: float) -> SSAValue | None:
    """x to a constant power by a few multiplications; None if that takes too many."""
    if b.element(x) not in FLOATS:
        if exponent < 0:
            raise NotLowered("a negative power of integers is an error of eager mode")
        return _integer_power(b, x, int(exponent))
    match exponent:
        case 0:
            return b.full_like(1, x)
        case 0.5:
            return b.unary(fxt.SqrtOp, x)
        case -0.5:
            return b.unary(fxt.RsqrtOp, x)
        case 1 | 2 | 3:
            return _integer_power(b, x, int(exponent))
        case -1 | -2:
            return b.div(b.full_like(1, x), _integer_power(b, x, int(-exponent)))
        case _:
            return None


def _integer_power(b: RuleBuilder, x: SSAValue, exponent: int) -> SSAValue:
    """By repeated squaring; integers wrap around."""
    result: SSAValue | None = None
    while exponent:
        if exponent & 1:
            result = x if result is None else b.mul(result, x)
        exponent >>= 1
        if exponent:
            x = b.mul(x, x)
    return b.full_like(1, x) if result is None else result


@lowers(aten.pow.Tensor_Tensor, aten.pow.Scalar, prims.pow.default)
def pow_(b: RuleBuilder, base: Operand, exponent: Operand) -> SSAValue:
    if b.result.element not in FLOATS:
        raise NotLowered("integer powers with exponents from a tensor")
    x, y = in_result_type(b, base, exponent)
    if isinstance(base, (int, float)) and base == 2:
        return b.to_result(b.unary(fxt.Exp2Op, y))
    return b.to_result(b.binary(fxt.PowOp, x, y))


# -------------------------------------------------------------------- signs, extrema


@lowers(aten.neg.default, prims.neg.default, aten._neg_view.default)
def neg(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.neg(x)


@lowers(aten.abs.default, prims.abs.default)
def abs_(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.abs(x) if is_signed(b.element(x)) else x


@lowers(aten.sign.default, aten.sgn.default, prims.sign.default)
def sign(b: RuleBuilder, x: SSAValue) -> SSAValue:
    element = b.element(x)
    if element == I1:
        return x
    zero, one = b.full_like(0, x), b.full_like(1, x)
    positive = b.select(b.compare("gt", x, zero), one, zero)
    if not is_signed(element):
        return positive
    return b.select(b.compare("lt", x, zero), b.full_like(-1, x), positive)


@lowers(aten.maximum.default, prims.maximum.default)
def maximum(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    return b.max(*b.operands(lhs, rhs, element=b.result.element))


@lowers(aten.minimum.default, prims.minimum.default)
def minimum(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    return b.min(*b.operands(lhs, rhs, element=b.result.element))


@lowers(aten.fmax.default)
def fmax(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    return _ignoring_nan(b, fxt.MaxOp, lhs, rhs)


@lowers(aten.fmin.default)
def fmin(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    return _ignoring_nan(b, fxt.MinOp, lhs, rhs)


def _ignoring_nan(b: RuleBuilder, op: type[fxt.BinaryOp], lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    x, y = b.operands(lhs, rhs, element=b.result.element)
    best = b.binary(op, x, y)
    if b.result.element not in FLOATS:
        return best
    return b.select(b.is_nan(x), y, b.select(b.is_nan(y), x, best))


@lowers(aten.clamp.default, aten.clamp.Tensor)
def clamp(
    b: RuleBuilder, x: SSAValue, least: Operand | None = None, greatest: Operand | None = None
) -> SSAValue:
    """`greatest` wins over `least`, and NaN over both."""
    element = b.result.element
    value = b.operand(x, element)
    if least is not None:
        value = b.max(value, b.operand(least, element))
    if greatest is not None:
        value = b.min(value, b.operand(greatest, element))
    return value


@lowers(aten.clamp_min.default, aten.clamp_min.Tensor)
def clamp_min(b: RuleBuilder, x: SSAValue, least: Operand) -> SSAValue:
    return clamp(b, x, least)


@lowers(aten.clamp_max.default, aten.clamp_max.Tensor)
def clamp_max(b: RuleBuilder, x: SSAValue, greatest: Operand) -> SSAValue:
    return clamp(b, x, None, greatest)


# ------------------------------------------------------- functions of two numbers


@lowers(aten.atan2.default, prims.atan2.default)
def atan2(b: RuleBuilder, y: Operand, x: Operand) -> SSAValue:
    return b.map(lambda u, v: b.binary(fxt.Atan2Op, u, v), y, x)


@lowers(aten.copysign.Tensor, aten.copysign.Scalar)
def copysign(b: RuleBuilder, magnitude: Operand, sign: Operand) -> SSAValue:
    return b.map(lambda u, v: b.binary(fxt.CopysignOp, u, v), magnitude, sign)


@lowers(aten.hypot.default, prims.hypot.default)
def hypot(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    """In f64, where squares of f32 neither overflow nor round; f64 is scaled instead."""
    x, y = (b.abs(v) for v in b.operands(lhs, rhs, element=F64))
    if b.result.element != F64:
        length: Any = b.unary(fxt.SqrtOp, b.add(b.mul(x, x), b.mul(y, y)))
    else:
        long, short = b.max(x, y), b.min(x, y)
        ratio = b.div(short, long)
        one = b.full_like(1, x)
        length = b.mul(long, b.unary(fxt.SqrtOp, b.add(one, b.mul(ratio, ratio))))
        length = b.select(b.compare("eq", long, b.full_like(0, x)), long, length)
    infinity = b.full_like(math.inf, x)
    infinite = b.logical_or(b.compare("eq", x, infinity), b.compare("eq", y, infinity))
    return b.to_result(b.select(infinite, infinity, length))


@lowers(aten.logaddexp.default)
def logaddexp(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    return b.map(lambda x, y: _log_of_sum(b, x, y, base_two=False), lhs, rhs)


@lowers(aten.logaddexp2.default)
def logaddexp2(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    return b.map(lambda x, y: _log_of_sum(b, x, y, base_two=True), lhs, rhs)


def _log_of_sum(b: RuleBuilder, x: SSAValue, y: SSAValue, *, base_two: bool) -> SSAValue:
    best = b.max(x, y)
    distance = b.neg(b.abs(b.sub(x, y)))
    exponential = b.unary(fxt.Exp2Op if base_two else fxt.ExpOp, distance)
    rest: SSAValue = b.unary(fxt.Log1POp, exponential)
    if base_two:
        rest = b.mul(rest, b.full_like(1 / math.log(2), rest))
    # Equal infinities have no distance: the sum is the infinity itself.
    infinite = b.logical_and(
        b.compare("eq", x, y), b.compare("eq", b.abs(x), b.full_like(math.inf, x))
    )
    return b.select(infinite, x, b.add(best, rest))


@lowers(aten.xlogy.Tensor, aten.xlogy.Scalar_Other, aten.xlogy.Scalar_Self)
def xlogy(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
    """x * log(y), 0 where x is 0 unless y is NaN."""

    def build(x: SSAValue, y: SSAValue) -> SSAValue:
        zero = b.full_like(0, x)
        product = b.select(b.compare("eq", x, zero), zero, b.mul(x, b.log(y)))
        return b.select(b.is_nan(y), y, product)

    return b.map(build, lhs, rhs)
