"""Activation functions and their derivatives."""

from __future__ import annotations

import math

import torch
from xdsl.ir import SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import FLOATS
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers

aten = torch.ops.aten

# ------------------------------------------------------------------- building blocks


def _sigmoid(b: RuleBuilder, x: SSAValue) -> SSAValue:
    one = b.full_like(1, x)
    return b.div(one, b.add(one, b.exp(b.neg(x))))


def _between(b: RuleBuilder, x: SSAValue, least: float, greatest: float) -> SSAValue:
    return b.min(b.max(x, b.full_like(least, x)), b.full_like(greatest, x))


def _scale(b: RuleBuilder, x: SSAValue, factor: float) -> SSAValue:
    return x if factor == 1 else b.mul(x, b.full_like(factor, x))


def _softplus(b: RuleBuilder, x: SSAValue) -> SSAValue:
    """log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|))."""
    rest = b.unary(fxt.Log1POp, b.exp(b.neg(b.abs(x))))
    return b.add(b.max(x, b.full_like(0, x)), rest)


def _inside(
    b: RuleBuilder, x: SSAValue, low: str, least: float, high: str, greatest: float
) -> SSAValue:
    return b.logical_and(
        b.compare(low, x, b.full_like(least, x)), b.compare(high, x, b.full_like(greatest, x))
    )


def _zero_outside(b: RuleBuilder, condition: SSAValue, x: SSAValue) -> SSAValue:
    return b.select(condition, x, b.full_like(0, x))


# ---------------------------------------------------------------------------- sigmoid


@lowers(aten.sigmoid.default)
def sigmoid(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: _sigmoid(b, v), x)


@lowers(aten.sigmoid_backward.default)
def sigmoid_backward(b: RuleBuilder, grad: SSAValue, output: SSAValue) -> SSAValue:
    return b.map(lambda g, y: b.mul(g, b.mul(b.sub(b.full_like(1, y), y), y)), grad, output)


@lowers(aten.tanh_backward.default)
def tanh_backward(b: RuleBuilder, grad: SSAValue, output: SSAValue) -> SSAValue:
    return b.map(lambda g, y: b.mul(g, b.sub(b.full_like(1, y), b.mul(y, y))), grad, output)


@lowers(aten.logit.default)
def logit(b: RuleBuilder, x: SSAValue, eps: float | None = None) -> SSAValue:
    def build(v: SSAValue) -> SSAValue:
        if eps is not None:
            v = _between(b, v, eps, 1 - eps)
        return b.log(b.div(v, b.sub(b.full_like(1, v), v)))

    return b.map(build, x)


@lowers(aten.log_sigmoid.default)
def log_sigmoid(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: b.neg(_softplus(b, b.neg(v))), x)


@lowers(aten.silu.default)
def silu(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: b.mul(v, _sigmoid(b, v)), x)


@lowers(aten.silu_backward.default)
def silu_backward(b: RuleBuilder, grad: SSAValue, x: SSAValue) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        s = _sigmoid(b, v)
        one = b.full_like(1, v)
        return b.mul(b.mul(g, s), b.add(one, b.mul(v, b.sub(one, s))))

    return b.map(build, grad, x)


@lowers(aten.mish.default)
def mish(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: b.mul(v, b.unary(fxt.TanhOp, _softplus(b, v))), x)


@lowers(aten.mish_backward.default)
def mish_backward(b: RuleBuilder, grad: SSAValue, x: SSAValue) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        t = b.unary(fxt.TanhOp, _softplus(b, v))
        slope = b.sub(b.full_like(1, t), b.mul(t, t))
        return b.mul(g, b.add(t, b.mul(b.mul(v, _sigmoid(b, v)), slope)))

    return b.map(build, grad, x)


@lowers(aten.softplus.default)
def softplus(b: RuleBuilder, x: SSAValue, beta: float = 1, threshold: float = 20) -> SSAValue:
    def build(v: SSAValue) -> SSAValue:
        scaled = _scale(b, v, beta)
        linear = b.compare("gt", scaled, b.full_like(threshold, v))
        curve = b.unary(fxt.Log1POp, b.exp(scaled))
        return b.select(linear, v, _divided(b, curve, beta))

    return b.map(build, x)


def _divided(b: RuleBuilder, x: SSAValue, divisor: float) -> SSAValue:
    return x if divisor == 1 else b.div(x, b.full_like(divisor, x))


@lowers(aten.softplus_backward.default)
def softplus_backward(
    b: RuleBuilder, grad: SSAValue, x: SSAValue, beta: float, threshold: float
) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        scaled = _scale(b, v, beta)
        linear = b.compare("gt", scaled, b.full_like(threshold, v))
        return b.select(linear, g, b.mul(g, _sigmoid(b, scaled)))

    return b.map(build, grad, x)


# ------------------------------------------------------------------------------- gelu

_TANH_SCALE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


@lowers(aten.gelu.default)
def gelu(b: RuleBuilder, x: SSAValue, *, approximate: str = "none") -> SSAValue:
    def build(v: SSAValue) -> SSAValue:
        half, one = b.full_like(0.5, v), b.full_like(1, v)
        if approximate == "tanh":
            inner = b.unary(fxt.TanhOp, _tanh_argument(b, v))
        else:
            inner = b.unary(fxt.ErfOp, b.mul(v, b.full_like(math.sqrt(0.5), v)))
        return b.mul(b.mul(v, half), b.add(inner, one))

    return b.map(build, x)


def _tanh_argument(b: RuleBuilder, x: SSAValue) -> SSAValue:
    cube = b.mul(b.mul(x, x), x)
    inner = b.add(x, b.mul(b.full_like(_CUBIC, x), cube))
    return b.mul(b.full_like(_TANH_SCALE, x), inner)


@lowers(aten.gelu_backward.default)
def gelu_backward(
    b: RuleBuilder, grad: SSAValue, x: SSAValue, *, approximate: str = "none"
) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        half, one = b.full_like(0.5, v), b.full_like(1, v)
        square = b.mul(v, v)
        if approximate == "tanh":
            t = b.unary(fxt.TanhOp, _tanh_argument(b, v))
            slope = b.mul(
                b.full_like(_TANH_SCALE, v),
                b.add(one, b.mul(b.full_like(3 * _CUBIC, v), square)),
            )
            left = b.mul(half, b.add(one, t))
            right = b.mul(b.mul(b.mul(half, v), b.sub(one, b.mul(t, t))), slope)
            return b.mul(g, b.add(left, right))
        inner = b.unary(fxt.ErfOp, b.mul(v, b.full_like(math.sqrt(0.5), v)))
        cdf = b.mul(half, b.add(one, inner))
        pdf = b.mul(
            b.exp(b.mul(square, b.full_like(-0.5, v))),
            b.full_like(1 / math.sqrt(2 * math.pi), v),
        )
        return b.mul(g, b.add(cdf, b.mul(v, pdf)))

    return b.map(build, grad, x)


# ------------------------------------------------------------------- piecewise linear


@lowers(aten.relu.default)
def relu(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.max(x, b.full_like(0, x))


@lowers(aten.relu6.default)
def relu6(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return _between(b, x, 0, 6)


@lowers(aten.threshold.default)
def threshold(b: RuleBuilder, x: SSAValue, bound: float, value: float) -> SSAValue:
    below = b.compare("le", x, b.full_like(bound, x))
    return b.select(below, b.full_like(value, x), x)


@lowers(aten.threshold_backward.default)
def threshold_backward(b: RuleBuilder, grad: SSAValue, x: SSAValue, bound: float) -> SSAValue:
    g, v = b.operands(grad, x, element=b.result.element)
    return b.select(b.compare("le", v, b.full_like(bound, v)), b.full_like(0, g), g)


@lowers(aten.leaky_relu.default)
def leaky_relu(b: RuleBuilder, x: SSAValue, slope: float = 0.01) -> SSAValue:
    def build(v: SSAValue) -> SSAValue:
        return b.select(b.compare("gt", v, b.full_like(0, v)), v, _scale(b, v, slope))

    return b.map(build, x)


@lowers(aten.leaky_relu_backward.default)
def leaky_relu_backward(
    b: RuleBuilder, grad: SSAValue, x: SSAValue, slope: float, self_is_result: bool
) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        return b.select(b.compare("gt", v, b.full_like(0, v)), g, _scale(b, g, slope))

    return b.map(build, grad, x)


@lowers(aten.hardtanh.default)
def hardtanh(b: RuleBuilder, x: SSAValue, least: float = -1, greatest: float = 1) -> SSAValue:
    return _between(b, x, least, greatest)


@lowers(aten.hardtanh_backward.default)
def hardtanh_backward(
    b: RuleBuilder, grad: SSAValue, x: SSAValue, least: float, greatest: float
) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        return _zero_outside(b, _inside(b, v, "gt", least, "lt", greatest), g)

    return b.map(build, grad, x)


@lowers(aten.hardsigmoid.default)
def hardsigmoid(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.map(lambda v: _hardsigmoid(b, v), x)


def _hardsigmoid(b: RuleBuilder, x: SSAValue) -> SSAValue:
    shifted = b.add(x, b.full_like(3, x))
    return b.div(_between(b, shifted, 0, 6), b.full_like(6, x))


@lowers(aten.hardsigmoid_backward.default)
def hardsigmoid_backward(b: RuleBuilder, grad: SSAValue, x: SSAValue) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        return _zero_outside(b, _inside(b, v, "gt", -3, "lt", 3), _scale(b, g, 1 / 6))

    return b.map(build, grad, x)


@lowers(aten.hardswish.default)
def hardswish(b: RuleBuilder, x: SSAValue) -> SSAValue:
    def build(v: SSAValue) -> SSAValue:
        shifted = _between(b, b.add(v, b.full_like(3, v)), 0, 6)
        return b.div(b.mul(v, shifted), b.full_like(6, v))

    return b.map(build, x)


@lowers(aten.hardswish_backward.default)
def hardswish_backward(b: RuleBuilder, grad: SSAValue, x: SSAValue) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        slope = b.add(b.div(v, b.full_like(3, v)), b.full_like(0.5, v))
        inner = b.select(b.compare("le", v, b.full_like(3, v)), b.mul(g, slope), g)
        return _zero_outside(b, b.compare("ge", v, b.full_like(-3, v)), inner)

    return b.map(build, grad, x)


# ------------------------------------------------------------------------ exponential


@lowers(aten.elu.default)
def elu(
    b: RuleBuilder, x: SSAValue, alpha: float = 1, scale: float = 1, input_scale: float = 1
) -> SSAValue:
    return b.map(lambda v: _elu(b, v, alpha, scale, input_scale), x)


def _elu(b: RuleBuilder, x: SSAValue, alpha: float, scale: float, input_scale: float) -> SSAValue:
    curve = b.unary(fxt.Expm1Op, _scale(b, x, input_scale))
    positive = b.compare("gt", x, b.full_like(0, x))
    return b.select(positive, _scale(b, x, scale), _scale(b, curve, alpha * scale))


@lowers(aten.elu_backward.default)
def elu_backward(
    b: RuleBuilder,
    grad: SSAValue,
    alpha: float,
    scale: float,
    input_scale: float,
    is_result: bool,
    self_or_result: SSAValue,
) -> SSAValue:
    def build(g: SSAValue, v: SSAValue) -> SSAValue:
        if is_result:
            curve = b.add(v, b.full_like(alpha * scale, v))
            factor = _scale(b, curve, input_scale)
        else:
            curve = b.exp(_scale(b, v, input_scale))
            factor = _scale(b, curve, input_scale * alpha * scale)
        negative = b.compare("le", v, b.full_like(0, v))
        return b.select(negative, b.mul(g, factor), _scale(b, g, scale))

    return b.map(build, grad, self_or_result)


@lowers(aten.celu.default)
def celu(b: RuleBuilder, x: SSAValue, alpha: float = 1) -> SSAValue:
    return b.map(lambda v: _elu(b, v, alpha, 1, 1 / alpha), x)


@lowers(aten.selu.default)
def selu(b: RuleBuilder, x: SSAValue) -> SSAValue:
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return b.map(lambda v: _elu(b, v, alpha, scale, 1), x)


# --------------------------------------------------------------------------- shrinking


@lowers(aten.softshrink.default)
def softshrink(b: RuleBuilder, x: SSAValue, lambd: float = 0.5) -> SSAValue:
    def build(v: SSAValue) -> SSAValue:
        bound, zero = b.full_like(lambd, v), b.full_like(0, v)
        low = b.select(b.compare("lt", v, b.neg(bound)), b.add(v, bound), b.mul(v, zero))
        return b.select(b.compare("gt", v, bound), b.sub(v, bound), low)

    return b.map(build, x)


@lowers(aten.hardshrink.default)
def hardshrink(b: RuleBuilder, x: SSAValue, lambd: float = 0.5) -> SSAValue:
    def build(v: SSAValue) -> SSAValue:
        inside = _inside(b, v, "ge", -lambd, "le", lambd)
        return b.select(inside, b.full_like(0, v), v)

    return b.map(build, x)


@lowers(aten.prelu.default, aten._prelu_kernel.default)
def prelu(b: RuleBuilder, x: SSAValue, weight: SSAValue) -> SSAValue:
    if b.result.element not in FLOATS:
        raise NotLowered("prelu of integers")
    shape, weights = b.dims(x), b.dims(weight)
    if len(weights) == 1 and len(shape) > 1:  # prelu: one weight for each channel
        weight = b.reshape(weight, (1, weights[0], *(1 for _ in shape[2:])))

    def build(v: SSAValue, w: SSAValue) -> SSAValue:
        return b.select(b.compare("gt", v, b.full_like(0, v)), v, b.mul(w, v))

    return b.map(build, x, weight)
