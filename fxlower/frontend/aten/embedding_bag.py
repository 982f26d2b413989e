"""`embedding_bag`: rows of a table added up, averaged or maximized by bag, and its gradients.

Bags are runs of indices. Where all have one length (a matrix of indices) they are an axis that is
reduced over; else each row is scattered to its bag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.fx import Node
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import I64, Dim
from fxlower.frontend.aten.distances import norm_along
from fxlower.frontend.aten.indexing import checked_index
from fxlower.frontend.aten.normalization import as_result
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers
from fxlower.frontend.windows import number

aten = torch.ops.aten

SUM, MEAN, MAX = range(3)


class Bags:
    """`count` bags of the `items` indices."""

    def __init__(self, b: RuleBuilder, indices: SSAValue, offsets: SSAValue, count: Dim):
        if len(b.dims(indices)) != 1 or len(b.dims(offsets)) != 1:
            raise NotLowered("indices or offsets that are no vectors")
        self.b = b
        self.items = b.dims(indices)[0]
        self.count = count
        self.length = _length(b, self.items, count)
        """Of each bag, where all have one."""
        self.outside: SSAValue | None = None
        """Which items are after the last bag."""
        self.of = self._regular() if self.length is not None else self._irregular(offsets)
        """The bag of each item."""

    def _regular(self) -> SSAValue:
        b, item = self.b, self.b.iota(0, (self.items,))
        length = number(b, self.length, item)  # type: ignore[arg-type]
        return b.div(item, length if isinstance(self.length, int) else b.nonzero_divisor(length))

    def _irregular(self, offsets: SSAValue) -> SSAValue:
        """As many bags as begin at an item or before it, less 1."""
        b = self.b
        ends = symbols.add(self.items, 1)
        starts = checked_index(b, offsets, ends)
        zeros, ones = b.full(0, I64, (ends,)), b.full(1, I64, b.dims(starts))
        begun = b.scan(fxt.CumsumOp, b.scatter("add", zeros, ones, [0], [starts]), 0)
        begun = b.slice_axis(begun, 0, 0, self.items)
        bag: SSAValue = b.sub(begun, b.full_like(1, begun))
        if b.dims(offsets)[0] != self.count:  # there is the end of the last bag too
            last = number(b, symbols.sub(self.count, 1), bag)
            self.outside = b.compare("gt", bag, last)
            bag = b.min(bag, last)
        return checked_index(b, bag, self.count)

    def without(self, condition: SSAValue | None) -> SSAValue | None:
        """`condition`, or that an item is in no bag."""
        if condition is None or self.outside is None:
            return self.outside if condition is None else condition
        return self.b.logical_or(condition, self.outside)

    def rows(self, value: SSAValue) -> SSAValue:
        """`value` of each bag (and column), for each item."""
        b = self.b
        dims = (self.items, *b.dims(value)[1:])
        along = [b.iota(axis, dims) for axis in range(1, len(dims))]
        return b.gather(value, [b.broadcast(self.of, [0], dims), *along])

    def combined(self, mode: str, values: SSAValue, neutral: float) -> SSAValue:
        """`values` of each item (and column) reduced by bag."""
        b = self.b
        rest = b.dims(values)[1:]
        if self.length is not None:
            parts = b.reshape(values, (self.count, self.length, *rest))
            op = {"add": fxt.SumOp, "max": fxt.AmaxOp, "min": fxt.AminOp}[mode]
            return b.reduce(op, parts, (1,))
        start = b.full(neutral, b.element(values), (self.count, *rest))
        return b.scatter(mode, start, values, [0], [self.of])


def _length(b: RuleBuilder, items: Dim, count: Dim) -> Dim | None:
    """The length of all bags, if the offsets are `arange(0, items, length)`."""
    offsets: Any = b.node.args[2]
    if not isinstance(offsets, Node) or offsets.target is not aten.arange.start_step:
        return None
    first, _, step = offsets.args[:3]
    if first != 0 or not isinstance(step, int) or step < 1:
        return None
    return step if symbols.mul(count, step) == items else None


def _ignored(
    b: RuleBuilder, bags: Bags, index: SSAValue, padding_idx: int, dims: Sequence[Dim]
) -> SSAValue | None:
    """Which elements of `dims`, of an item each row, take no part; None if all do."""
    padding: SSAValue | None = None
    if padding_idx >= 0:
        padding = b.compare("eq", index, b.full_like(padding_idx, index))
    ignored = bags.without(padding)
    return None if ignored is None else b.broadcast(ignored, [0], dims)


@lowers(aten._embedding_bag.default, aten._embedding_bag_forward_only.default)
def embedding_bag(
    b: RuleBuilder,
    weight: SSAValue,
    indices: SSAValue,
    offsets: SSAValue,
    scale_grad_by_freq: bool = False,
    mode: int = SUM,
    sparse: bool = False,
    per_sample_weights: SSAValue | None = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> list[SSAValue]:
    """Output, bag of each item, items in each bag, and of maxima the rows that they are from."""
    rows, columns = b.dims(weight)
    count = b.result.dims[0]
    if 0 in (count, columns) or b.dims(indices)[0] == 0:
        return [b.full(0, info.element, info.dims) for info in b.results if info is not None]
    bags = Bags(b, indices, offsets, count)
    index = checked_index(b, indices, rows)
    dims = (bags.items, columns)
    values: SSAValue = b.gather(weight, [b.broadcast(index, [0], dims), b.iota(1, dims)])
    values = b.compute(values)
    if per_sample_weights is not None:
        values = b.mul(values, b.broadcast(b.compute(per_sample_weights), [0], dims))
    ignored = _ignored(b, bags, index, padding_idx, dims)
    sizes = _sizes(b, bags, index, padding_idx)
    chosen: SSAValue | None = None
    if mode == MAX:
        output, chosen = _maxima(b, bags, values, index, ignored, sizes)
    else:
        if ignored is not None:
            values = b.select(ignored, b.full_like(0, values), values)
        output = bags.combined("add", values, 0)
        if mode == MEAN:
            output = b.div(output, _divisor(b, sizes, output))
    return [
        as_result(b, 0, output),
        _integers(b, 1, bags.of),
        _integers(b, 2, sizes),
        _integers(b, 3, sizes if chosen is None else chosen),
    ]


def _integers(b: RuleBuilder, number: int, value: SSAValue) -> SSAValue:
    """Result `number`, which may be left empty."""
    info = b.results[number]
    if info is not None and info.dims == (0,):
        return b.full(0, info.element, info.dims)
    return as_result(b, number, value)


def _sizes(b: RuleBuilder, bags: Bags, index: SSAValue, padding_idx: int) -> SSAValue:
    """The number of items in each bag."""
    ones = b.full(1, I64, (bags.items,))
    ignored = _ignored(b, bags, index, padding_idx, (bags.items,))
    if ignored is not None:
        ones = b.select(ignored, b.full_like(0, ones), ones)
    elif bags.length is not None:
        return b.broadcast_to(b.size_scalar(bags.length), (bags.count,))
    return bags.combined("add", ones, 0)


def _divisor(b: RuleBuilder, sizes: SSAValue, like: SSAValue) -> SSAValue:
    least_one = b.max(sizes, b.full_like(1, sizes))
    return b.broadcast(b.cast(least_one, b.element(like)), [0], b.dims(like))


def _maxima(
    b: RuleBuilder,
    bags: Bags,
    values: SSAValue,
    index: SSAValue,
    ignored: SSAValue | None,
    sizes: SSAValue,
) -> tuple[SSAValue, SSAValue]:
    """The maximum of each column, 0 of a bag without items, and the row of its first item."""
    if ignored is not None:
        values = b.select(ignored, b.full_like(float("-inf"), values), values)
    greatest = bags.combined("max", values, float("-inf"))
    dims = b.dims(values)
    item = b.iota(0, dims)
    none = number(b, bags.items, item)
    equal = b.compare("eq", values, bags.rows(greatest))
    if ignored is not None:
        equal = b.logical_and(equal, b.logical_not(ignored))
    first = bags.combined("min", b.select(equal, item, none), 2**62)
    last = number(b, symbols.sub(bags.items, 1), first)
    if b.may_be_empty(bags.items):
        raise NotLowered("maxima where there may be no items")
    row = b.gather(index, [b.min(first, last)])
    shape = b.dims(greatest)
    empty = b.broadcast(b.compare("eq", sizes, b.full_like(0, sizes)), [0], shape)
    output = b.select(empty, b.full_like(0, greatest), greatest)
    return output, b.select(empty, b.full_like(0, row), row)


# ---------------------------------------------------------------------------------- gradients


@lowers(aten._embedding_bag_backward.default)
def embedding_bag_backward(
    b: RuleBuilder,
    grad: SSAValue,
    indices: SSAValue,
    offsets: SSAValue,
    offset2bag: SSAValue,
    bag_size: SSAValue,
    maximum_indices: SSAValue,
    num_weights: int | Sym,
    scale_grad_by_freq: bool,
    mode: int,
    sparse: bool,
    per_sample_weights: SSAValue | None,
    padding_idx: int = -1,
) -> SSAValue:
    if sparse:
        raise NotLowered("a sparse gradient")
    if scale_grad_by_freq and mode != MAX:
        # Eager mode divides by the frequencies of other indices than a row's own.
        raise NotLowered("a gradient scaled by frequency")
    rows, columns = b.result.dims
    count = b.dims(grad)[0]
    grad = b.compute(grad)
    zeros = b.full(0, b.element(grad), (rows, columns))
    if 0 in (count, columns, rows) or b.dims(indices)[0] == 0:
        return b.to_result(zeros)
    sizes = b.cast(bag_size, I64)
    if mode == MAX:
        dims = b.dims(grad)
        some = b.compare("gt", sizes, b.full_like(0, sizes))
        grad = b.select(b.broadcast(some, [0], dims), grad, b.full_like(0, grad))
        chosen = checked_index(b, maximum_indices, rows)
        return b.to_result(b.scatter("add", zeros, grad, [0, 1], [chosen, b.iota(1, dims)]))
    bags = Bags(b, indices, offsets, count)
    index = checked_index(b, indices, rows)
    if mode == MEAN:
        grad = b.div(grad, _divisor(b, sizes, grad))
    updates = bags.rows(grad)
    dims = b.dims(updates)
    if per_sample_weights is not None:
        updates = b.mul(updates, b.broadcast(b.compute(per_sample_weights), [0], dims))
    ignored = _ignored(b, bags, index, padding_idx, dims)
    if ignored is not None:
        updates = b.select(ignored, b.full_like(0, updates), updates)
    return b.to_result(b.scatter("add", zeros, updates, [0], [index]))


@lowers(aten._embedding_bag_per_sample_weights_backward.default)
def per_sample_weights_backward(
    b: RuleBuilder,
    grad: SSAValue,
    weight: SSAValue,
    indices: SSAValue,
    offsets: SSAValue,
    offset2bag: SSAValue,
    mode: int,
    padding_idx: int = -1,
) -> SSAValue:
    """The product of each item's row with the gradient of its bag."""
    rows, columns = b.dims(weight)
    count = b.dims(grad)[0]
    if 0 in (count, columns) or b.dims(indices)[0] == 0:
        return b.full(0, b.result.element, b.result.dims)
    bags = Bags(b, indices, offsets, count)
    index = checked_index(b, indices, rows)
    dims = (bags.items, columns)
    values = b.gather(weight, [b.broadcast(index, [0], dims), b.iota(1, dims)])
    total = b.sum(b.mul(b.compute(values), bags.rows(b.compute(grad))), (1,))
    ignored = _ignored(b, bags, index, padding_idx, (bags.items,))
    if ignored is not None:
        total = b.select(ignored, b.full_like(0, total), total)
    return b.to_result(total)


# ------------------------------------------------------------------------------ renormalization


@lowers(aten.embedding_renorm.default)
def embedding_renorm(
    b: RuleBuilder, weight: SSAValue, indices: SSAValue, max_norm: float, norm_type: float
) -> SSAValue:
    """The rows that are named, shortened to `max_norm`. A row that is named twice is written twice,
    with the same numbers."""
    rows, columns = b.dims(weight)
    items = symbols.product(b.dims(indices))
    index = checked_index(b, b.reshape(indices, (items,)), rows)
    dims = (items, columns)
    values: SSAValue = b.gather(weight, [b.broadcast(index, [0], dims), b.iota(1, dims)])
    values = b.compute(values)
    norm = norm_along(b, values, norm_type, 1)
    limit = b.full_like(max_norm, norm)
    factor = b.div(limit, b.add(norm, b.full_like(1e-7, norm)))
    factor = b.select(b.compare("gt", norm, limit), factor, b.full_like(1, factor))
    shortened = b.mul(values, b.broadcast(factor, [0], dims))
    return b.scatter("set", weight, b.cast(shortened, b.element(weight)), [0], [index])
