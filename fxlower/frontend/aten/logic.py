"""Elementwise comparisons, logic, bits, choices and conversions."""

from __future__ import annotations

import math
from typing import Any

import torch
from xdsl.ir import SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import ELEMENT_BITS, FLOATS, I1
from fxlower.frontend.builder import Operand, RuleBuilder
from fxlower.frontend.registry import NotLowered, Rule, lowers
from fxlower.frontend.types import DTYPE

aten = torch.ops.aten
prims = torch.ops.prims

# ------------------------------------------------------------------------ comparisons


def _comparison(predicate: str) -> Rule:
    def compare(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
        x, y = b.operands(lhs, rhs, element=b.promote(lhs, rhs))
        return b.compare(predicate, x, y)

    return compare


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _packet = getattr(aten, _name)
    lowers(_packet.Tensor, _packet.Scalar, getattr(prims, _name).default)(_comparison(_name))


@lowers(aten.isnan.default)
def isnan(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.is_nan(x) if b.element(x) in FLOATS else b.full(False, I1, b.result.dims)


@lowers(aten.isinf.default)
def isinf(b: RuleBuilder, x: SSAValue) -> SSAValue:
    if b.element(x) not in FLOATS:
        return b.full(False, I1, b.result.dims)
    return b.compare("eq", b.abs(x), b.full_like(math.inf, x))


@lowers(aten.isposinf.default)
def isposinf(b: RuleBuilder, x: SSAValue) -> SSAValue:
    if b.element(x) not in FLOATS:
        return b.full(False, I1, b.result.dims)
    return b.compare("eq", x, b.full_like(math.inf, x))


@lowers(aten.isneginf.default)
def isneginf(b: RuleBuilder, x: SSAValue) -> SSAValue:
    if b.element(x) not in FLOATS:
        return b.full(False, I1, b.result.dims)
    return b.compare("eq", x, b.full_like(-math.inf, x))


@lowers(aten.isfinite.default, prims.isfinite.default)
def isfinite(b: RuleBuilder, x: SSAValue) -> SSAValue:
    if b.element(x) not in FLOATS:
        return b.full(True, I1, b.result.dims)
    return b.compare("lt", b.abs(x), b.full_like(math.inf, x))


@lowers(aten.signbit.default, prims.signbit.default)
def signbit(b: RuleBuilder, x: SSAValue) -> SSAValue:
    """Of floats that of the number, so that -0.0 and NaN have one."""
    if b.element(x) in FLOATS:
        one = b.full_like(1, x)
        x = b.binary(fxt.CopysignOp, one, x)
    elif b.element(x) == I1:
        return b.full(False, I1, b.result.dims)
    return b.compare("lt", x, b.full_like(0, x))


# --------------------------------------------------------------------- logic and bits


def _logical(op: type[fxt.BinaryOp]) -> Rule:
    def logical(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
        return b.binary(op, *b.operands(lhs, rhs, element=I1))

    return logical


lowers(aten.logical_and.default)(_logical(fxt.AndOp))
lowers(aten.logical_or.default)(_logical(fxt.OrOp))
lowers(aten.logical_xor.default)(_logical(fxt.XorOp))


@lowers(aten.logical_not.default)
def logical_not(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.logical_not(b.cast(x, I1))


def _bitwise(op: type[fxt.BinaryOp]) -> Rule:
    def bitwise(b: RuleBuilder, lhs: Operand, rhs: Operand) -> SSAValue:
        if b.result.element in FLOATS:
            raise NotLowered("bitwise operations of floats")
        return b.binary(op, *b.operands(lhs, rhs, element=b.result.element))

    return bitwise


_BITWISE: dict[type[fxt.BinaryOp], tuple[Any, ...]] = {
    fxt.AndOp: (aten.bitwise_and, aten.__and__),
    fxt.OrOp: (aten.bitwise_or, aten.__or__),
    fxt.XorOp: (aten.bitwise_xor, aten.__xor__),
}
for _op, _packets in _BITWISE.items():
    _rule = _bitwise(_op)
    for _packet in _packets:
        lowers(_packet.Tensor, _packet.Scalar)(_rule)
    lowers(_packets[0].Scalar_Tensor)(_rule)
    lowers(getattr(prims, _packets[0].__name__).default)(_rule)

_SHIFTS: dict[type[fxt.BinaryOp], tuple[Any, ...]] = {
    fxt.ShlOp: (aten.bitwise_left_shift, aten.__lshift__),
    fxt.ShrOp: (aten.bitwise_right_shift, aten.__rshift__),
}
for _op, (_bitwise_packet, _python_packet) in _SHIFTS.items():
    _rule = _bitwise(_op)
    lowers(
        _bitwise_packet.Tensor,
        _bitwise_packet.Tensor_Scalar,
        _bitwise_packet.Scalar_Tensor,
        _python_packet.Tensor,
        _python_packet.Scalar,
    )(_rule)


@lowers(aten.bitwise_not.default, prims.bitwise_not.default)
def bitwise_not(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.unary(fxt.NotOp, x)


# ---------------------------------------------------------------------------- choices


@lowers(
    aten.where.self,
    aten.where.ScalarSelf,
    aten.where.ScalarOther,
    aten.where.Scalar,
    prims.where.default,
)
def where(b: RuleBuilder, condition: SSAValue, lhs: Operand, rhs: Operand) -> SSAValue:
    x, y = b.operands(lhs, rhs, element=b.result.element)
    return b.select(b.operand(condition, I1), x, y)


@lowers(aten.masked_fill.Scalar, aten.masked_fill.Tensor)
def masked_fill(b: RuleBuilder, x: SSAValue, mask: SSAValue, value: Operand) -> SSAValue:
    return where(b, mask, value, x)


@lowers(aten.nan_to_num.default)
def nan_to_num(
    b: RuleBuilder,
    x: SSAValue,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> SSAValue:
    element = b.element(x)
    if element not in FLOATS:
        return x
    limits = torch.finfo(DTYPE[element])
    high = b.full_like(limits.max if posinf is None else posinf, x)
    low = b.full_like(limits.min if neginf is None else neginf, x)
    value = b.select(b.is_nan(x), b.full_like(nan or 0.0, x), x)
    value = b.select(b.compare("eq", x, b.full_like(math.inf, x)), high, value)
    return b.select(b.compare("eq", x, b.full_like(-math.inf, x)), low, value)


@lowers(aten.heaviside.default)
def heaviside(b: RuleBuilder, x: SSAValue, values: SSAValue) -> SSAValue:
    v, middle = b.operands(x, values, element=b.result.element)
    zero, one = b.full_like(0, v), b.full_like(1, v)
    negative = b.compare("lt", v, zero)
    if b.element(v) in FLOATS:
        negative = b.logical_or(negative, b.is_nan(v))
    outside = b.select(negative, zero, one)
    return b.select(b.compare("eq", v, zero), middle, outside)


# ------------------------------------------------------------------------ conversions


@lowers(
    aten._to_copy.default,
    prims.convert_element_type.default,
    aten.to.dtype,
    aten.type_as.default,
)
def convert(b: RuleBuilder, x: SSAValue, *args: Any, **kwargs: Any) -> SSAValue:
    """To the dtype of the result; memory formats show in the strides of results only."""
    return b.cast(x, b.result.element)


@lowers(
    aten.clone.default,
    aten.alias.default,
    aten.detach.default,
    aten.lift.default,
    aten.lift_fresh.default,
    aten.lift_fresh_copy.default,
    aten.contiguous.default,
    aten.detach_copy.default,
    aten.alias_copy.default,
    prims.view_of.default,
    prims.clone.default,
    aten.resolve_conj.default,
    aten.resolve_neg.default,
)
def identity(b: RuleBuilder, x: SSAValue, *args: Any, **kwargs: Any) -> SSAValue:
    """Values are immutable, so that copies and aliases are one thing."""
    return x


@lowers(aten.view.dtype)
def view_dtype(b: RuleBuilder, x: SSAValue, dtype: torch.dtype) -> SSAValue:
    source, target = b.element(x), b.result.element
    if ELEMENT_BITS[source] != ELEMENT_BITS[target] or I1 in (source, target):
        raise NotLowered("a view as a dtype of another width")
    return b.bitcast(x, target)
