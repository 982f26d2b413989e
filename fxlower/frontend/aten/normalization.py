"""Softmax and the normalizations: a statistic of each row, then a map over it.

Rules keep to the row space of the operand (a statistic is broadcast back along the reduced axes,
and never reshaped), so that each becomes one kernel. f16 and bf16 are computed in f32 and rounded
once; variances take two passes over the row, as eager does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from xdsl.ir import Attribute, SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers

aten = torch.ops.aten


def spread(
    b: RuleBuilder, statistic: SSAValue, axes: Sequence[int], dims: tuple[Dim, ...]
) -> SSAValue:
    """A statistic of rows back in the row space: repeated along the reduced `axes`."""
    return b.broadcast(statistic, [a for a in range(len(dims)) if a not in axes], dims)


def per_row(
    b: RuleBuilder, op: type[fxt.ReductionOp], x: SSAValue, axes: Sequence[int]
) -> SSAValue:
    """`x` reduced over `axes`, in the dims of `x`."""
    return spread(b, b.reduce(op, x, axes), axes, b.dims(x))


def count(b: RuleBuilder, n: Dim, element: Attribute, dims: tuple[Dim, ...]) -> SSAValue:
    """A number of elements as a floating-point tensor of `dims`."""
    if isinstance(n, int):
        return b.full(float(n), element, dims)
    return b.broadcast_to(b.cast(b.size_scalar(n), element), dims)


def mean(b: RuleBuilder, x: SSAValue, axes: Sequence[int]) -> SSAValue:
    total = b.sum(x, axes)
    n = symbols.product(b.dims(x)[a] for a in axes)
    return b.div(total, count(b, n, b.element(x), b.dims(total)))


def centered(
    b: RuleBuilder, x: SSAValue, axes: Sequence[int]
) -> tuple[SSAValue, SSAValue, SSAValue]:
    """The mean over `axes`, the distance of each element from it, and the (biased) variance."""
    average = mean(b, x, axes)
    distance = b.sub(x, spread(b, average, axes, b.dims(x)))
    return average, distance, mean(b, b.mul(distance, distance), axes)


def reciprocal_deviation(b: RuleBuilder, variance: SSAValue, eps: float) -> SSAValue:
    return b.unary(fxt.RsqrtOp, b.add(variance, b.full_like(eps, variance)))


def scale_and_shift(
    b: RuleBuilder,
    x: SSAValue,
    weight: SSAValue | None,
    bias: SSAValue | None,
    placed: Callable[[SSAValue], SSAValue],
) -> SSAValue:
    """`x * weight + bias`, with each of these in the dims of `x` as `placed` puts it there."""
    if weight is not None:
        x = b.mul(x, placed(b.cast(weight, b.element(x))))
    if bias is not None:
        x = b.add(x, placed(b.cast(bias, b.element(x))))
    return x


def as_result(b: RuleBuilder, number: int, value: SSAValue) -> SSAValue:
    """`value` in the element type and dims of result `number` of the node."""
    info = b.results[number]
    if info is None:
        raise NotLowered(f"result {number} is no tensor")
    return b.reshape(b.cast(value, info.element), info.dims)


# ------------------------------------------------------------------------------- softmax


@lowers(aten._softmax.default)
def softmax(b: RuleBuilder, x: SSAValue, dim: int, half_to_float: bool) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    x = b.compute(x)
    exponential = b.exp(b.sub(x, per_row(b, fxt.AmaxOp, x, axes)))
    return b.to_result(_normalized(b, exponential, b.sum(exponential, axes), axes))


def _normalized(b: RuleBuilder, x: SSAValue, total: SSAValue, axes: Sequence[int]) -> SSAValue:
    """x / total by one division for each row: a total of exponentials, one of which is 1, has a
    reciprocal as exact as any."""
    inverse = b.div(b.full_like(1.0, total), total)
    return b.mul(x, spread(b, inverse, axes, b.dims(x)))


@lowers(aten._log_softmax.default)
def log_softmax(b: RuleBuilder, x: SSAValue, dim: int, half_to_float: bool) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    x = b.compute(x)
    shifted = b.sub(x, per_row(b, fxt.AmaxOp, x, axes))
    total = b.log(b.sum(b.exp(shifted), axes))
    return b.to_result(b.sub(shifted, spread(b, total, axes, b.dims(x))))


@lowers(aten._safe_softmax.default)
def safe_softmax(
    b: RuleBuilder, x: SSAValue, dim: int, dtype: torch.dtype | None = None
) -> SSAValue:
    """Softmax, but 0 instead of NaN in rows of nothing but -inf (all positions masked)."""
    axes = b.axes(dim, len(b.dims(x)))
    x = b.compute(x if dtype is None else b.cast(x, b.element_of(dtype)))
    greatest = b.amax(x, axes)
    masked = b.compare("eq", greatest, b.full_like(float("-inf"), greatest))
    pivot = b.select(masked, b.full_like(0.0, greatest), greatest)
    exponential = b.exp(b.sub(x, spread(b, pivot, axes, b.dims(x))))
    total = b.sum(exponential, axes)
    total = b.select(masked, b.full_like(1.0, total), total)
    return b.to_result(_normalized(b, exponential, total, axes))


# ---------------------------------------------------------------- layer, group, batch norm


@lowers(aten.native_layer_norm.default)
def layer_norm(
    b: RuleBuilder,
    x: SSAValue,
    normalized_shape: Sequence[Dim],
    weight: SSAValue | None,
    bias: SSAValue | None,
    eps: float,
) -> list[SSAValue]:
    x = b.compute(x)
    shape = b.dims(x)
    axes = range(len(shape) - len(normalized_shape), len(shape))
    average, distance, variance = centered(b, x, axes)
    rstd = reciprocal_deviation(b, variance, eps)
    y = scale_and_shift(
        b,
        b.mul(distance, spread(b, rstd, axes, shape)),
        weight,
        bias,
        lambda parameter: b.broadcast(parameter, axes, shape),
    )
    return [as_result(b, 0, y), as_result(b, 1, average), as_result(b, 2, rstd)]


@lowers(aten.native_group_norm.default)
def group_norm(
    b: RuleBuilder,
    x: SSAValue,
    weight: SSAValue | None,
    bias: SSAValue | None,
    N: Dim,
    C: Dim,
    HxW: Dim,
    group: int,
    eps: float,
) -> list[SSAValue]:
    members = symbols.exact_div(C, group)
    if members is None:
        raise NotLowered(f"{C} channels in {group} groups")
    shape = (N, group, members, HxW)
    x, axes = b.reshape(b.compute(x), shape), (2, 3)
    average, distance, variance = centered(b, x, axes)
    rstd = reciprocal_deviation(b, variance, eps)
    y = scale_and_shift(
        b,
        b.mul(distance, spread(b, rstd, axes, shape)),
        weight,
        bias,
        lambda parameter: b.broadcast(b.reshape(parameter, shape[1:3]), (1, 2), shape),
    )
    return [as_result(b, 0, y), as_result(b, 1, average), as_result(b, 2, rstd)]


class BatchNorm:
    """Normalization of each channel (axis 1) over all other axes."""

    def __init__(self, b: RuleBuilder, x: SSAValue):
        self.b = b
        self.x = b.compute(x)
        self.dims = b.dims(x)
        self.axes = (0, *range(2, len(self.dims)))

    def normalized(
        self,
        distance: SSAValue,
        rstd: SSAValue,
        weight: SSAValue | None,
        bias: SSAValue | None,
    ) -> SSAValue:
        def placed(parameter: SSAValue) -> SSAValue:
            return self.b.broadcast(parameter, [1], self.dims)

        y = self.b.mul(distance, placed(rstd))
        return as_result(self.b, 0, scale_and_shift(self.b, y, weight, bias, placed))

    def train(
        self, weight: SSAValue | None, bias: SSAValue | None, eps: float
    ) -> tuple[list[SSAValue], SSAValue, SSAValue]:
        """Results 0 to 2 by the statistics of the batch (output, mean, reciprocal deviation); and
        mean and variance before these are rounded."""
        b = self.b
        average, distance, variance = centered(b, self.x, self.axes)
        rstd = reciprocal_deviation(b, variance, eps)
        y = self.normalized(distance, rstd, weight, bias)
        return [y, as_result(b, 1, average), as_result(b, 2, rstd)], average, variance

    def infer(
        self,
        weight: SSAValue | None,
        bias: SSAValue | None,
        running_mean: SSAValue,
        running_var: SSAValue,
        eps: float,
    ) -> SSAValue:
        """The output by the running statistics."""
        b, element = self.b, self.b.element(self.x)
        average = b.broadcast(b.cast(running_mean, element), [1], self.dims)
        rstd = reciprocal_deviation(b, b.cast(running_var, element), eps)
        return self.normalized(b.sub(self.x, average), rstd, weight, bias)

    def updated(self, number: int, running: SSAValue, batch: SSAValue, momentum: float) -> SSAValue:
        """Result `number`: a running statistic moved towards that of the batch."""
        b, element = self.b, self.b.element(batch)
        old = b.mul(b.cast(running, element), b.full_like(1.0 - momentum, batch))
        return as_result(b, number, b.add(old, b.mul(batch, b.full_like(momentum, batch))))

    def unbiased(self, variance: SSAValue) -> SSAValue:
        """The variance by n - 1 instead of n elements."""
        b, element, dims = self.b, self.b.element(variance), self.b.dims(variance)
        n = symbols.product(self.dims[a] for a in self.axes)
        total = b.mul(variance, count(b, n, element, dims))
        return b.div(total, count(b, symbols.sub(n, 1), element, dims))


def _no_statistics(b: RuleBuilder, *numbers: int) -> list[SSAValue]:
    """Results that inference leaves empty."""
    values: list[SSAValue] = []
    for number in numbers:
        info = b.results[number]
        if info is None or 0 not in info.dims:
            raise NotLowered(f"result {number} is expected to be an empty tensor")
        values.append(b.full(0, info.element, info.dims))
    return values


@lowers(aten._native_batch_norm_legit_functional.default)
def batch_norm_functional(
    b: RuleBuilder,
    x: SSAValue,
    weight: SSAValue | None,
    bias: SSAValue | None,
    running_mean: SSAValue,
    running_var: SSAValue,
    training: bool,
    momentum: float,
    eps: float,
) -> list[SSAValue]:
    norm = BatchNorm(b, x)
    if not training:
        y = norm.infer(weight, bias, running_mean, running_var, eps)
        return [y, *_no_statistics(b, 1, 2), running_mean, running_var]
    results, average, variance = norm.train(weight, bias, eps)
    return [
        *results,
        norm.updated(3, running_mean, average, momentum),
        norm.updated(4, running_var, norm.unbiased(variance), momentum),
    ]


@lowers(aten._native_batch_norm_legit.no_stats)
def batch_norm_no_stats(
    b: RuleBuilder,
    x: SSAValue,
    weight: SSAValue | None,
    bias: SSAValue | None,
    training: bool,
    momentum: float,
    eps: float,
) -> list[SSAValue]:
    return BatchNorm(b, x).train(weight, bias, eps)[0]


@lowers(aten._native_batch_norm_legit_no_training.default)
def batch_norm_inference(
    b: RuleBuilder,
    x: SSAValue,
    weight: SSAValue | None,
    bias: SSAValue | None,
    running_mean: SSAValue,
    running_var: SSAValue,
    momentum: float,
    eps: float,
) -> list[SSAValue]:
    y = BatchNorm(b, x).infer(weight, bias, running_mean, running_var, eps)
    return [y, *_no_statistics(b, 1, 2)]
