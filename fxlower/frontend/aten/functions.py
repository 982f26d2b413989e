"""Elementwise mathematical functions of one number."""

from __future__ import annotations

import math
from typing import Any

import torch
from xdsl.ir import SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import F64, FLOATS
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Rule, lowers

aten = torch.ops.aten
prims = torch.ops.prims

FUNCTIONS: dict[type[fxt.UnaryOp], tuple[Any, ...]] = {
    fxt.ExpOp: (aten.exp.default, prims.exp.default),
    fxt.Exp2Op: (aten.exp2.default, prims.exp2.default),
    fxt.Expm1Op: (aten.expm1.default, prims.expm1.default),
    fxt.LogOp: (aten.log.default, prims.log.default),
    fxt.Log2Op: (aten.log2.default, prims.log2.default),
    fxt.Log10Op: (aten.log10.default, prims.log10.default),
    fxt.Log1POp: (aten.log1p.default, prims.log1p.default),
    fxt.SqrtOp: (aten.sqrt.default, prims.sqrt.default),
    fxt.RsqrtOp: (aten.rsqrt.default, prims.rsqrt.default),
    fxt.SinOp: (aten.sin.default, prims.sin.default),
    fxt.CosOp: (aten.cos.default, prims.cos.default),
    fxt.TanOp: (aten.tan.default, prims.tan.default),
    fxt.AsinOp: (aten.asin.default, prims.asin.default),
    fxt.AcosOp: (aten.acos.default, prims.acos.default),
    fxt.AtanOp: (aten.atan.default, prims.atan.default),
    fxt.SinhOp: (aten.sinh.default, prims.sinh.default),
    fxt.CoshOp: (aten.cosh.default, prims.cosh.default),
    fxt.TanhOp: (aten.tanh.default, prims.tanh.default),
    fxt.AsinhOp: (aten.asinh.default, prims.asinh.default),
    fxt.AcoshOp: (aten.acosh.default, prims.acosh.default),
    fxt.AtanhOp: (aten.atanh.default, prims.atanh.default),
    fxt.ErfOp: (aten.erf.default, prims.erf.default),
}
"""Functions that are one op; of integers they give floats."""

ROUNDINGS: dict[type[fxt.UnaryOp], tuple[Any, ...]] = {
    fxt.FloorOp: (aten.floor.default, prims.floor.default),
    fxt.CeilOp: (aten.ceil.default, prims.ceil.default),
    fxt.TruncOp: (aten.trunc.default, aten.fix.default, prims.trunc.default),
    fxt.RoundOp: (aten.round.default, prims.round.default),
}
"""Functions that keep the dtype, and integers as they are."""


def _function(op: type[fxt.UnaryOp]) -> Rule:
    def function(b: RuleBuilder, x: SSAValue) -> SSAValue:
        return b.map(lambda v: b.unary(op, v), x)

    return function


def _rounding(op: type[fxt.UnaryOp]) -> Rule:
    def rounding(b: RuleBuilder, x: SSAValue) -> SSAValue:
        return b.map(lambda v: b.unary(op, v), x) if b.element(x) in FLOATS else x

    return rounding


for _op, _overloads in FUNCTIONS.items():
    lowers(*_overloads)(_function(_op))
for _op, _overloads in ROUNDINGS.items():
    lowers(*_overloads)(_rounding(_op))


@lowers(aten.round.decimals)
def round_decimals(b: RuleBuilder, x: SSAValue, *, decimals: int) -> SSAValue:
    if b.element(x) not in FLOATS:
        return x
    power = 10.0 ** abs(decimals)

    def build(v: SSAValue) -> SSAValue:
        scale = b.full_like(power, v)
        if decimals < 0:
            return b.mul(b.unary(fxt.RoundOp, b.div(v, scale)), scale)
        return b.div(b.unary(fxt.RoundOp, b.mul(v, scale)), scale)

    return b.map(build, x) if decimals else b.map(lambda v: b.unary(fxt.RoundOp, v), x)


@lowers(aten.frac.default)
def frac(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: b.sub(v, b.unary(fxt.TruncOp, v)), x)


@lowers(aten.deg2rad.default)
def deg2rad(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: b.mul(v, b.full_like(math.pi / 180, v)), x)


@lowers(aten.rad2deg.default)
def rad2deg(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: b.mul(v, b.full_like(180 / math.pi, v)), x)


_ERFC = (
    -1.26551223,
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
)


@lowers(aten.erfc.default, aten.special_erfc.default)
def erfc(b: RuleBuilder, x: SSAValue) -> SSAValue:
    """By a Chebyshev fit with a relative error of 1.2e-7 everywhere (Numerical Recipes, 6.2), in
    f64: 1 - erf(x) has no digits left above 4."""
    if b.result.element == F64:
        raise NotLowered("erfc of f64 has no expansion that is exact enough")
    (v,) = b.operands(x, element=F64)
    size, one = b.abs(v), b.full_like(1, v)
    t = b.div(one, b.add(one, b.mul(b.full_like(0.5, v), size)))
    fit: SSAValue = b.full_like(_ERFC[-1], v)
    for coefficient in reversed(_ERFC[:-1]):
        fit = b.add(b.mul(fit, t), b.full_like(coefficient, v))
    tail = b.mul(t, b.exp(b.sub(fit, b.mul(v, v))))
    negative = b.compare("lt", v, b.full_like(0, v))
    return b.to_result(b.select(negative, b.sub(b.full_like(2, v), tail), tail))
