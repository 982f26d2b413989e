"""Distances between the rows of matrices, `cdist` and `pdist`, and their gradients: reductions of
a function of differences, in the precision of eager mode."""

from __future__ import annotations

import math

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import F64, FLOATS, I64, Dim
from fxlower.frontend.aten.indexing import broadcast_dims
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers
from fxlower.frontend.windows import number

aten = torch.ops.aten

_FEW_ROWS = 25
"""Up to so many rows eager mode takes differences where it may choose; else it multiplies, which
is less exact. Tracing tells the two apart for symbolic sizes: those here are of few rows."""


def norm_along(b: RuleBuilder, difference: SSAValue, p: float, axis: int) -> SSAValue:
    """The p-norm along `axis`."""
    size = b.abs(difference)
    if p == 0:
        zero = b.full_like(0, size)
        return b.sum(b.cast(b.compare("ne", size, zero), b.element(size)), (axis,))
    if p == 1:
        return b.sum(size, (axis,))
    if math.isinf(p):
        zeros = b.full_like(0, size)  # the maximum of no elements
        return b.sum(zeros, (axis,)) if b.dims(size)[axis] == 0 else b.amax(size, (axis,))
    if p == 2:
        return b.unary(fxt.SqrtOp, b.sum(b.mul(size, size), (axis,)))
    total = b.sum(b.binary(fxt.PowOp, size, b.full_like(p, size)), (axis,))
    return b.binary(fxt.PowOp, total, b.full_like(1 / p, total))


def _derivative(
    b: RuleBuilder, difference: SSAValue, grad: SSAValue, distance: SSAValue, p: float
) -> SSAValue:
    """What `grad` by the distance is by an element of the difference; all are of the same dims."""
    zero = b.full_like(0, difference)
    size = b.abs(difference)
    signed = _signed(b, grad, difference)
    if p == 0:
        return zero
    if p == 1:
        return signed
    if math.isinf(p):
        return b.select(b.compare("eq", size, distance), signed, zero)
    none = b.compare("eq", distance, zero)
    if p == 2:
        return b.select(none, zero, b.div(b.mul(grad, difference), distance))
    if p < 1:
        none = b.logical_or(none, b.compare("eq", difference, zero))
    exponent = b.full_like(p - 1, size)
    share = b.binary(fxt.PowOp, size, exponent)
    whole = b.binary(fxt.PowOp, distance, exponent)
    return b.select(none, zero, b.div(b.mul(signed, share), whole))


def _signed(b: RuleBuilder, value: SSAValue, sign: SSAValue) -> SSAValue:
    """`value` with the sign of `sign` as a factor, 0 where that is 0."""
    zero = b.full_like(0, value)
    negative = b.select(b.compare("lt", sign, zero), b.neg(value), zero)
    return b.select(b.compare("gt", sign, zero), value, negative)


# ------------------------------------------------------------------------ of two matrices


@lowers(aten._cdist_forward.default)
def cdist(
    b: RuleBuilder, x: SSAValue, y: SSAValue, p: float, compute_mode: int | None = None
) -> SSAValue:
    if b.element(x) not in FLOATS or b.element(x) != b.element(y):
        raise NotLowered("distances of integers")
    rows, columns = b.dims(x)[-2], b.dims(y)[-2]
    many = any(isinstance(n, int) and n > _FEW_ROWS for n in (rows, columns))
    if p == 2 and (compute_mode == 1 or (compute_mode in (None, 0) and many)):
        return b.to_result(_euclidean(b, b.compute(x), b.compute(y)))
    difference = _differences(b, b.compute(x), b.compute(y))
    return b.to_result(norm_along(b, difference, p, len(b.dims(difference)) - 1))


def _lead(b: RuleBuilder, x: SSAValue, y: SSAValue) -> tuple[Dim, ...]:
    return broadcast_dims([b.dims(x)[:-2], b.dims(y)[:-2]])


def _differences(b: RuleBuilder, x: SSAValue, y: SSAValue) -> SSAValue:
    """(..., row of x, row of y, element)."""
    rows, depth = b.dims(x)[-2:]
    columns = b.dims(y)[-2]
    dims = (*_lead(b, x, y), rows, columns, depth)
    x = b.unsqueeze(x, len(b.dims(x)) - 1)
    y = b.unsqueeze(y, len(b.dims(y)) - 2)
    return b.sub(b.broadcast_to(x, dims), b.broadcast_to(y, dims))


def _euclidean(b: RuleBuilder, x: SSAValue, y: SSAValue) -> SSAValue:
    """The root of |x|^2 + |y|^2 - 2 x y, from a product of matrices."""
    lead = _lead(b, x, y)
    (rows, depth), columns = b.dims(x)[-2:], b.dims(y)[-2]
    x = b.broadcast_to(x, (*lead, rows, depth))
    y = b.broadcast_to(y, (*lead, columns, depth))
    rank = len(lead)
    of_x, of_y = (b.sum(b.mul(v, v), (rank + 1,)) for v in (x, y))
    swapped = b.permute(y, (*range(rank), rank + 1, rank))
    product = b.matmul(x, swapped)
    dims = b.dims(product)
    norms = b.add(
        b.broadcast(of_x, range(rank + 1), dims), b.broadcast(of_y, (*range(rank), rank + 1), dims)
    )
    squares = b.sub(norms, b.mul(product, b.full_like(2, product)))
    return b.unary(fxt.SqrtOp, b.max(squares, b.full_like(0, squares)))


@lowers(aten._cdist_backward.default)
def cdist_backward(
    b: RuleBuilder, grad: SSAValue, x: SSAValue, y: SSAValue, p: float, distance: SSAValue
) -> SSAValue:
    element = b.element(x)
    difference = _differences(b, b.compute(x), b.compute(y))
    dims = b.dims(difference)
    along = range(len(dims) - 1)
    lead = dims[:-1]
    grad = b.broadcast(b.broadcast_to(b.compute(grad), lead), along, dims)
    distance = b.broadcast(b.broadcast_to(b.compute(distance), lead), along, dims)
    total = b.sum(_derivative(b, difference, grad, distance, p), (len(dims) - 2,))
    return b.reshape(b.cast(total, element), b.result.dims)


# ------------------------------------------------------------------ of the rows of a matrix


@lowers(aten._pdist_forward.default)
def pdist(b: RuleBuilder, x: SSAValue, p: float = 2.0) -> SSAValue:
    """Of rows i < j, in the order of i, then j."""
    rows, depth = b.dims(x)
    if rows == 0 or b.result.dims[0] == 0:
        return b.full(0, b.result.element, b.result.dims)
    pairs = b.result.dims
    # Pairs with a lower i than the k-th are less than k + 1: a quadratic inequality for i.
    k = b.iota(0, pairs)
    wide = b.cast(k, F64)
    n = b.cast(number(b, rows, k), F64)
    middle = b.sub(n, b.full_like(0.5, n))
    square = b.mul(middle, middle)
    beyond = b.add(b.add(wide, wide), b.full_like(1, n))
    root = b.unary(fxt.SqrtOp, b.sub(square, beyond))
    i = _below(b, b.cast(b.sub(middle, root), I64), rows)
    j = _below(b, b.add(b.sub(k, _first_pair(b, i, rows)), b.add(i, b.full_like(1, i))), rows)
    dims = (*pairs, depth)
    column = b.iota(1, dims)
    first, second = (
        b.gather(b.compute(x), [b.broadcast(row, [0], dims), column]) for row in (i, j)
    )
    return b.to_result(norm_along(b, b.sub(first, second), p, 1))


def _first_pair(b: RuleBuilder, i: SSAValue, rows: Dim) -> SSAValue:
    """The number of pairs whose lower row is before `i`."""
    n = number(b, rows, i)
    one = b.full_like(1, i)
    return b.sub(b.mul(i, n), b.div(b.mul(i, b.add(i, one)), b.full_like(2, i)))


def _below(b: RuleBuilder, index: SSAValue, size: Dim) -> SSAValue:
    last = number(b, symbols.sub(size, 1), index)
    return b.min(b.max(index, b.full_like(0, index)), last)


@lowers(aten._pdist_backward.default)
def pdist_backward(
    b: RuleBuilder, grad: SSAValue, x: SSAValue, p: float, distance: SSAValue
) -> SSAValue:
    """Each row with every other one."""
    rows, depth = b.dims(x)
    if b.dims(grad)[0] == 0:
        return b.full(0, b.result.element, b.result.dims)
    table = (rows, rows)
    i, j = b.iota(0, table), b.iota(1, table)
    low, high = b.min(i, j), b.max(i, j)
    step = b.sub(b.sub(high, low), b.full_like(1, low))
    pair = _below(b, b.add(_first_pair(b, low, rows), step), b.dims(grad)[0])
    dims = (rows, rows, depth)

    def spread(value: SSAValue) -> SSAValue:
        return b.broadcast(b.gather(b.compute(value), [pair]), (0, 1), dims)

    wide = b.compute(x)
    difference = b.sub(b.broadcast(wide, (0, 2), dims), b.broadcast(wide, (1, 2), dims))
    made = _derivative(b, difference, spread(grad), spread(distance), p)
    other = b.broadcast(b.compare("ne", i, j), (0, 1), dims)
    return b.to_result(b.sum(b.select(other, made, b.full_like(0, made)), (1,)))
