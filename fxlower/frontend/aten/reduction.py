"""Reductions and scans. Sums of f16 and bf16 are made in f32, those of integers in i64."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import F64, FLOATS, I1, I64, Dim
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers
from fxlower.frontend.types import accumulate_element, compute_element

aten = torch.ops.aten
prims = torch.ops.prims

Axes = int | Sequence[int] | None


def count(b: RuleBuilder, x: SSAValue, axes: Sequence[int]) -> Dim:
    """How many elements are reduced to one."""
    shape = b.dims(x)
    return symbols.product(shape[a] for a in axes)


def accumulated(b: RuleBuilder, x: SSAValue) -> SSAValue:
    """`x` converted to the result's dtype, in the type that its sums are made in."""
    element = b.result.element
    return b.cast(b.cast(x, element), accumulate_element(element))


# -------------------------------------------------------------------- sums and products


@lowers(aten.sum.dim_IntList)
def sum_dims(
    b: RuleBuilder,
    x: SSAValue,
    dim: Axes = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    return b.to_result(b.sum(accumulated(b, x), axes, keepdim))


@lowers(aten.sum.default)
def sum_all(b: RuleBuilder, x: SSAValue, *, dtype: torch.dtype | None = None) -> SSAValue:
    return sum_dims(b, x)


@lowers(prims.sum.default)
def prims_sum(
    b: RuleBuilder, x: SSAValue, dims: Sequence[int], *, output_dtype: torch.dtype | None = None
) -> SSAValue:
    return b.to_result(b.sum(accumulated(b, x), dims))


@lowers(aten.mean.dim)
def mean_dims(
    b: RuleBuilder,
    x: SSAValue,
    dim: Axes = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    return b.to_result(mean_of(b, accumulated(b, x), axes, keepdim))


@lowers(aten.mean.default)
def mean_all(b: RuleBuilder, x: SSAValue, *, dtype: torch.dtype | None = None) -> SSAValue:
    return mean_dims(b, x)


def mean_of(b: RuleBuilder, x: SSAValue, axes: Sequence[int], keepdim: bool) -> SSAValue:
    """The mean of floats over axes; NaN of none."""
    total = b.sum(x, axes, keepdim)
    number = b.cast(b.size_scalar(count(b, x, axes)), F64)
    return b.div(total, b.operand(number, b.element(x), b.dims(total)))


@lowers(aten.prod.dim_int)
def prod_dim(
    b: RuleBuilder,
    x: SSAValue,
    dim: Axes,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    return b.to_result(b.reduce(fxt.ProdOp, accumulated(b, x), axes, keepdim))


@lowers(aten.prod.default)
def prod_all(b: RuleBuilder, x: SSAValue, *, dtype: torch.dtype | None = None) -> SSAValue:
    return prod_dim(b, x, None)


# --------------------------------------------------------------------------- extrema


def extremum(
    b: RuleBuilder,
    op: type[fxt.ReductionOp],
    x: SSAValue,
    axes: Sequence[int],
    keepdim: bool = False,
) -> SSAValue:
    """The largest or smallest element; there is none of an empty axis."""
    if any(b.dims(x)[a] == 0 for a in axes):
        raise NotLowered("an extremum of no elements is an error of eager mode")
    return b.reduce(op, x, axes, keepdim)


@lowers(aten.amax.default, prims.amax.default)
def amax(b: RuleBuilder, x: SSAValue, dim: Axes = (), keepdim: bool = False) -> SSAValue:
    return extremum(b, fxt.AmaxOp, x, b.axes(_all_if_empty(dim), len(b.dims(x))), keepdim)


@lowers(aten.amin.default, prims.amin.default)
def amin(b: RuleBuilder, x: SSAValue, dim: Axes = (), keepdim: bool = False) -> SSAValue:
    return extremum(b, fxt.AminOp, x, b.axes(_all_if_empty(dim), len(b.dims(x))), keepdim)


def _all_if_empty(dim: Axes) -> Axes:
    return None if not isinstance(dim, int) and not dim else dim


@lowers(aten.max.default)
def max_all(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return amax(b, x)


@lowers(aten.min.default)
def min_all(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return amin(b, x)


@lowers(aten.aminmax.default)
def aminmax(
    b: RuleBuilder, x: SSAValue, *, dim: int | None = None, keepdim: bool = False
) -> tuple[SSAValue, SSAValue]:
    return amin(b, x, dim, keepdim), amax(b, x, dim, keepdim)


@lowers(aten.max.dim)
def max_dim(
    b: RuleBuilder, x: SSAValue, dim: int, keepdim: bool = False
) -> tuple[SSAValue, SSAValue]:
    return with_index(b, fxt.AmaxOp, x, dim, keepdim)


@lowers(aten.min.dim)
def min_dim(
    b: RuleBuilder, x: SSAValue, dim: int, keepdim: bool = False
) -> tuple[SSAValue, SSAValue]:
    return with_index(b, fxt.AminOp, x, dim, keepdim)


@lowers(aten.argmax.default)
def argmax(b: RuleBuilder, x: SSAValue, dim: int | None = None, keepdim: bool = False) -> SSAValue:
    return _index_of(b, fxt.AmaxOp, x, dim, keepdim)


@lowers(aten.argmin.default)
def argmin(b: RuleBuilder, x: SSAValue, dim: int | None = None, keepdim: bool = False) -> SSAValue:
    return _index_of(b, fxt.AminOp, x, dim, keepdim)


def _index_of(
    b: RuleBuilder, op: type[fxt.ReductionOp], x: SSAValue, dim: int | None, keepdim: bool
) -> SSAValue:
    if dim is None:
        flat = b.reshape(x, (symbols.product(b.dims(x)),))
        _, index = with_index(b, op, flat, 0, keepdim=False)
        return b.reshape(index, b.result.dims)
    return with_index(b, op, x, dim, keepdim)[1]


def with_index(
    b: RuleBuilder, op: type[fxt.ReductionOp], x: SSAValue, dim: int, keepdim: bool
) -> tuple[SSAValue, SSAValue]:
    """An extremum along one axis and the first index that holds it. NaN is the extremum where
    there is one, and equals nothing, so that it is looked for by itself."""
    shape = b.dims(x)
    if not shape:
        return x, b.full(0, I64, ())
    axis = b.axis(dim, len(shape))
    best = extremum(b, op, x, (axis,), keepdim=True)
    found = b.compare("eq", x, b.broadcast_to(best, shape))
    if b.element(x) in FLOATS:
        found = b.logical_or(found, b.is_nan(x))
    beyond = b.full(2**63 - 1, I64, shape)
    index = b.amin(b.select(found, b.iota(axis, shape), beyond), (axis,), keepdim)
    kept = b.dims(index)
    return b.reshape(best, kept), index


@lowers(aten.any.default)
def any_all(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return any_dims(b, x)


@lowers(aten.any.dim, aten.any.dims)
def any_dims(b: RuleBuilder, x: SSAValue, dim: Axes = None, keepdim: bool = False) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    return b.cast(b.amax(b.cast(x, I1), axes, keepdim), b.result.element)


@lowers(aten.all.default)
def all_all(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return all_dims(b, x)


@lowers(aten.all.dim, aten.all.dims)
def all_dims(b: RuleBuilder, x: SSAValue, dim: Axes = None, keepdim: bool = False) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    return b.cast(b.amin(b.cast(x, I1), axes, keepdim), b.result.element)


@lowers(aten.count_nonzero.dim_IntList, aten.count_nonzero.default)
def count_nonzero(b: RuleBuilder, x: SSAValue, dim: Axes = None) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    return b.sum(b.cast(b.cast(x, I1), I64), axes)


# ------------------------------------------------------------------------ variances


def variance(
    b: RuleBuilder, x: SSAValue, axes: Sequence[int], correction: float, keepdim: bool
) -> tuple[SSAValue, SSAValue]:
    """Variance and mean of floats, in two passes; a divisor below 0 counts as 0."""
    shape = b.dims(x)
    mean = mean_of(b, x, axes, keepdim=True)
    distance = b.sub(x, b.broadcast_to(mean, shape))
    total = b.sum(b.mul(distance, distance), axes, keepdim)
    number = b.cast(b.size_scalar(count(b, x, axes)), F64)
    divisor = b.max(b.sub(number, b.full_like(correction, number)), b.full_like(0, number))
    kept = b.dims(total)
    quotient = b.div(total, b.operand(divisor, b.element(x), kept))
    return quotient, b.reshape(mean, kept)


def _variance(
    b: RuleBuilder, x: SSAValue, dim: Axes, correction: float | None, keepdim: bool
) -> tuple[SSAValue, SSAValue]:
    axes = b.axes(_all_if_empty(dim), len(b.dims(x)))
    return variance(b, b.compute(x), axes, 1 if correction is None else correction, keepdim)


@lowers(aten.var.correction)
def var(
    b: RuleBuilder,
    x: SSAValue,
    dim: Axes = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> SSAValue:
    return b.to_result(_variance(b, x, dim, correction, keepdim)[0])


@lowers(prims.var.default)
def prims_var(
    b: RuleBuilder,
    x: SSAValue,
    dims: Sequence[int],
    correction: float | None = 1,
    *,
    output_dtype: torch.dtype | None = None,
) -> SSAValue:
    return var(b, x, dims, correction=correction)


@lowers(aten.var.default)
def var_default(b: RuleBuilder, x: SSAValue, unbiased: bool = True) -> SSAValue:
    return var(b, x, correction=float(unbiased))


@lowers(aten.var.dim)
def var_dim(
    b: RuleBuilder, x: SSAValue, dim: Axes, unbiased: bool = True, keepdim: bool = False
) -> SSAValue:
    return var(b, x, dim, correction=float(unbiased), keepdim=keepdim)


@lowers(aten.std.correction)
def std(
    b: RuleBuilder,
    x: SSAValue,
    dim: Axes = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> SSAValue:
    return b.to_result(b.unary(fxt.SqrtOp, _variance(b, x, dim, correction, keepdim)[0]))


@lowers(aten.std.default)
def std_default(b: RuleBuilder, x: SSAValue, unbiased: bool = True) -> SSAValue:
    return std(b, x, correction=float(unbiased))


@lowers(aten.std.dim)
def std_dim(
    b: RuleBuilder, x: SSAValue, dim: Axes, unbiased: bool = True, keepdim: bool = False
) -> SSAValue:
    return std(b, x, dim, correction=float(unbiased), keepdim=keepdim)


@lowers(aten.var_mean.correction)
def var_mean(
    b: RuleBuilder,
    x: SSAValue,
    dim: Axes = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> tuple[SSAValue, SSAValue]:
    spread, mean = _variance(b, x, dim, correction, keepdim)
    return b.to_result(spread), b.to_result(mean)


@lowers(aten.std_mean.correction)
def std_mean(
    b: RuleBuilder,
    x: SSAValue,
    dim: Axes = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> tuple[SSAValue, SSAValue]:
    spread, mean = _variance(b, x, dim, correction, keepdim)
    return b.to_result(b.unary(fxt.SqrtOp, spread)), b.to_result(mean)


# ---------------------------------------------------------------------------- norms


@lowers(aten.linalg_vector_norm.default)
def vector_norm(
    b: RuleBuilder,
    x: SSAValue,
    ord: float = 2,
    dim: Axes = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> SSAValue:
    axes = b.axes(_all_if_empty(dim), len(b.dims(x)))
    compute = compute_element(b.result.element)
    size = b.abs(b.cast(b.cast(x, b.result.element), compute))
    match ord:
        case math.inf:
            norm = extremum(b, fxt.AmaxOp, size, axes, keepdim)
        case _ if ord == -math.inf:
            norm = extremum(b, fxt.AminOp, size, axes, keepdim)
        case 0:
            nonzero = b.compare("ne", size, b.full_like(0, size))
            norm = b.sum(b.cast(nonzero, compute), axes, keepdim)
        case 1:
            norm = b.sum(size, axes, keepdim)
        case 2:
            norm = b.unary(fxt.SqrtOp, b.sum(b.mul(size, size), axes, keepdim))
        case _:
            power = b.binary(fxt.PowOp, size, b.full_like(ord, size))
            total = b.sum(power, axes, keepdim)
            norm = b.binary(fxt.PowOp, total, b.full_like(1 / ord, total))
    return b.to_result(norm)


@lowers(aten.norm.Scalar)
def norm_all(b: RuleBuilder, x: SSAValue, p: float = 2) -> SSAValue:
    return vector_norm(b, x, p)


@lowers(aten.norm.ScalarOpt_dim, aten.norm.ScalarOpt_dim_dtype)
def norm_dims(
    b: RuleBuilder,
    x: SSAValue,
    p: float | None,
    dim: Axes,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> SSAValue:
    return vector_norm(b, x, 2 if p is None else p, dim, keepdim)


@lowers(aten.logsumexp.default)
def logsumexp(b: RuleBuilder, x: SSAValue, dim: Axes, keepdim: bool = False) -> SSAValue:
    """From the largest element, unless that is infinite."""
    value = b.cast(x, compute_element(b.result.element))
    shape = b.dims(value)
    axes = b.axes(dim, len(shape))
    best = extremum(b, fxt.AmaxOp, value, axes, keepdim=True)
    infinite = b.compare("eq", b.abs(best), b.full_like(math.inf, best))
    offset = b.select(infinite, b.full_like(0, best), best)
    total = b.sum(b.exp(b.sub(value, b.broadcast_to(offset, shape))), axes, keepdim=True)
    return b.cast(b.reshape(b.add(b.log(total), offset), b.result.dims), b.result.element)


# ---------------------------------------------------------------------------- scans


@lowers(aten.cumsum.default)
def cumsum(b: RuleBuilder, x: SSAValue, dim: int, *, dtype: torch.dtype | None = None) -> SSAValue:
    return _scan(b, fxt.CumsumOp, x, dim)


@lowers(aten.cumprod.default)
def cumprod(b: RuleBuilder, x: SSAValue, dim: int, *, dtype: torch.dtype | None = None) -> SSAValue:
    return _scan(b, fxt.CumprodOp, x, dim)


@lowers(aten.logcumsumexp.default)
def logcumsumexp(b: RuleBuilder, x: SSAValue, dim: int) -> SSAValue:
    shape = b.dims(x)
    return b.scan(fxt.CumlogaddexpOp, x, b.axis(dim, len(shape))) if shape else x


def _scan(b: RuleBuilder, op: type[fxt.ScanOp], x: SSAValue, dim: int) -> SSAValue:
    value = accumulated(b, x)
    shape = b.dims(value)
    if shape:
        value = b.scan(op, value, b.axis(dim, len(shape)))
    return b.to_result(value)
