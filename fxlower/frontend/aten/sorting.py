"""Sorting and selecting along an axis. All become `fxt.argsort`, which gives positions, and gathers
at them: values are those of the operand, to the sign of a zero and the bits of a NaN."""

from __future__ import annotations

import math

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import FLOATS, I64, Dim
from fxlower.frontend.aten.indexing import as_vector, gather_along
from fxlower.frontend.aten.reduction import with_index
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers

aten = torch.ops.aten

Pair = tuple[SSAValue, SSAValue]


def _plain(size: int | Sym) -> Dim:
    return size if isinstance(size, int) else str(size)


def _first(b: RuleBuilder, x: SSAValue, axis: int, count: Dim, descending: bool) -> Pair:
    """The first `count` elements in order along an axis, and where they are."""
    if count == 0 or b.dims(x)[axis] == 0:
        shape = b.dims(x)
        shape = (*shape[:axis], 0, *shape[axis + 1 :])
        return b.full(0, b.element(x), shape), b.full(0, I64, shape)
    order = _argsort(b, x, axis, count, descending)
    return gather_along(b, x, axis, order), order


def _argsort(
    b: RuleBuilder, x: SSAValue, axis: int, count: Dim, descending: bool = False
) -> SSAValue:
    """`fxt.argsort`, whose positions are checked where a symbolic size may be less than `count`."""
    order: SSAValue = b.argsort(x, axis, count, descending)
    size = b.dims(x)[axis]
    return b.normalize_index(order, size) if isinstance(size, str) and count != size else order


def _to_results(b: RuleBuilder, values: SSAValue, positions: SSAValue) -> Pair:
    """With the dims of the node's results, where these lack axes of size 1."""
    dims = b.result.dims
    return b.reshape(values, dims), b.reshape(positions, dims)


# ------------------------------------------------------------------------- sort and topk


@lowers(aten.sort.stable)
def sort_stable(
    b: RuleBuilder,
    x: SSAValue,
    *,
    stable: bool | None = None,
    dim: int = -1,
    descending: bool = False,
) -> Pair:
    """Always stable."""
    vector = as_vector(b, x)
    axis = b.axis(dim, len(b.dims(vector)))
    pair = _first(b, vector, axis, b.dims(vector)[axis], descending)
    return _to_results(b, *pair)


@lowers(aten.sort.default)
def sort(b: RuleBuilder, x: SSAValue, dim: int = -1, descending: bool = False) -> Pair:
    return sort_stable(b, x, dim=dim, descending=descending)


def _expect_few_ties(b: RuleBuilder, x: SSAValue) -> None:
    """Integers are often equal, and users see which ones are taken."""
    if b.element(x) not in FLOATS:
        raise NotLowered("which of equal integers eager mode takes is up to its algorithm")


@lowers(aten.topk.default)
def topk(
    b: RuleBuilder,
    x: SSAValue,
    k: int | Sym,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
) -> Pair:
    """Of equal elements the first ones."""
    _expect_few_ties(b, x)
    vector = as_vector(b, x)
    axis = b.axis(dim, len(b.dims(vector)))
    # The smallest is no reduction: `fxt.amin` prefers NaN, which is the largest here.
    if k == 1 and largest and b.dims(vector)[axis] != 0:
        return _to_results(b, *with_index(b, fxt.AmaxOp, vector, axis, keepdim=True))
    return _to_results(b, *_first(b, vector, axis, _plain(k), largest))


# ---------------------------------------------------------------------- one of the order


def _at_rank(b: RuleBuilder, x: SSAValue, order: SSAValue, axis: int, rank: SSAValue) -> Pair:
    """Along an axis the element whose number in the order is `rank`, which has size 1 there. Ranks
    are checked, as there is none of an axis without elements."""
    shape = b.dims(x)
    rank = b.normalize_index(rank, b.dims(order)[axis])
    position = b.normalize_index(gather_along(b, order, axis, rank), shape[axis])
    return gather_along(b, x, axis, position), position


@lowers(aten.kthvalue.default)
def kthvalue(
    b: RuleBuilder, x: SSAValue, k: int | Sym, dim: int = -1, keepdim: bool = False
) -> Pair:
    _expect_few_ties(b, x)
    vector = as_vector(b, x)
    shape = b.dims(vector)
    axis = b.axis(dim, len(shape))
    if 0 in shape:
        raise NotLowered("an element of none is an error of eager mode, or nothing")
    order = _argsort(b, vector, axis, _plain(k))
    if isinstance(k, int):
        position = b.slice_axis(order, axis, k - 1, 1)
        return _to_results(b, gather_along(b, vector, axis, position), position)
    ones = (*shape[:axis], 1, *shape[axis + 1 :])
    rank = b.broadcast_to(b.size_scalar(symbols.sub(str(k), 1)), ones)
    return _to_results(b, *_at_rank(b, vector, order, axis, rank))


def _median(b: RuleBuilder, x: SSAValue, axis: int, ignore_nan: bool) -> Pair:
    """The lower one of the middle elements, in an axis of size 1. NaN is last in order: the number
    of numbers is the place of the first NaN."""
    shape = b.dims(x)
    size = shape[axis]
    if 0 in shape:
        raise NotLowered("a median of no elements")
    ones = (*shape[:axis], 1, *shape[axis + 1 :])
    order = b.argsort(x, axis, size)
    middle = b.broadcast_to(b.size_scalar(symbols.canonical(f"({size} - 1)//2")), ones)
    if b.element(x) in FLOATS:
        numbers = b.cast(b.logical_not(b.is_nan(x)), I64)
        count = b.sum(numbers, (axis,), keepdim=True)
        if ignore_nan:
            last = b.max(b.sub(count, b.full_like(1, count)), b.full_like(0, count))
            middle = b.div(last, b.full_like(2, last))
        else:
            every = b.broadcast_to(b.size_scalar(size), ones)
            middle = b.select(b.compare("lt", count, every), count, middle)
    return _at_rank(b, x, order, axis, middle)


def _median_along(b: RuleBuilder, x: SSAValue, dim: int, ignore_nan: bool) -> Pair:
    vector = as_vector(b, x)
    axis = b.axis(dim, len(b.dims(vector)))
    return _to_results(b, *_median(b, vector, axis, ignore_nan))


def _median_of_all(b: RuleBuilder, x: SSAValue, ignore_nan: bool) -> SSAValue:
    count = symbols.product(b.dims(x))
    if count == 0 and b.element(x) in FLOATS:
        return b.full(math.nan, b.element(x), ())
    value, _ = _median(b, b.reshape(x, (count,)), 0, ignore_nan)
    return b.reshape(value, ())


@lowers(aten.median.dim)
def median_dim(b: RuleBuilder, x: SSAValue, dim: int, keepdim: bool = False) -> Pair:
    return _median_along(b, x, dim, ignore_nan=False)


@lowers(aten.nanmedian.dim)
def nanmedian_dim(b: RuleBuilder, x: SSAValue, dim: int, keepdim: bool = False) -> Pair:
    return _median_along(b, x, dim, ignore_nan=True)


@lowers(aten.median.default)
def median(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return _median_of_all(b, x, ignore_nan=False)


@lowers(aten.nanmedian.default)
def nanmedian(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return _median_of_all(b, x, ignore_nan=True)


@lowers(aten.mode.default)
def mode(b: RuleBuilder, x: SSAValue, dim: int = -1, keepdim: bool = False) -> Pair:
    """The smallest of the most frequent elements: the first place in order that is as far from the
    beginning of its run of equal ones as any. No NaN equals another, and all come first here."""
    vector = as_vector(b, x)
    shape = b.dims(vector)
    axis = b.axis(dim, len(shape))
    if 0 in shape:
        raise NotLowered("the mode of no elements is an error of eager mode, or nothing")
    if b.element(x) in FLOATS:
        order = b.argsort(b.neg(vector), axis, shape[axis], descending=True)
    else:
        order = b.argsort(vector, axis, shape[axis])
    ordered = gather_along(b, vector, axis, order)
    place = b.iota(axis, shape)
    one, none = b.full(1, I64, shape), b.full(0, I64, shape)
    before = gather_along(b, ordered, axis, b.max(b.sub(place, one), none))
    begins = b.logical_or(b.compare("eq", place, none), b.compare("ne", ordered, before))
    begin = b.position_scan(fxt.CumargmaxOp, b.select(begins, b.add(place, one), none), axis)
    _, rank = with_index(b, fxt.AmaxOp, b.sub(place, begin), axis, keepdim=True)
    return _to_results(b, *_at_rank(b, vector, order, axis, rank))


# --------------------------------------------------------------------- running extrema


@lowers(aten.cummax.default)
def cummax(b: RuleBuilder, x: SSAValue, dim: int) -> Pair:
    return _running(b, fxt.CumargmaxOp, x, dim)


@lowers(aten.cummin.default)
def cummin(b: RuleBuilder, x: SSAValue, dim: int) -> Pair:
    return _running(b, fxt.CumargminOp, x, dim)


def _running(b: RuleBuilder, op: type[fxt.PositionScanOp], x: SSAValue, dim: int) -> Pair:
    vector = as_vector(b, x)
    axis = b.axis(dim, len(b.dims(vector)))
    position = b.position_scan(op, vector, axis)
    return _to_results(b, gather_along(b, vector, axis, position), position)
