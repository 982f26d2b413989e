"""Binary searches, histograms, membership."""

from __future__ import annotations

from collections.abc import Callable

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects.build import F32, F64, FLOATS, I1, I64, Dim
from fxlower.frontend.builder import Operand, RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers
from fxlower.frontend.types import compute_element

aten = torch.ops.aten

SYMBOLIC_STEPS = 32
"""Of a binary search where the number of elements is symbolic: for fewer than 2^32."""


@lowers(aten.searchsorted.Tensor, aten.searchsorted.Scalar)
def searchsorted(
    b: RuleBuilder,
    sorted_sequence: SSAValue,
    x: Operand,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: SSAValue | None = None,
) -> SSAValue:
    dims, shape = b.result.dims, b.dims(sorted_sequence)
    if not shape:
        raise NotLowered("a sequence without dims")
    size = shape[-1]
    if size != 0 and b.may_be_empty(size):
        raise NotLowered("a sequence that may have no elements")
    if len(shape) > 1 and (shape[:-1] != dims[:-1] or len(shape) != len(dims)):
        raise NotLowered("sizes of sequences and values are not known to agree")
    element = b.promote(sorted_sequence, x)
    element = compute_element(element) if element in FLOATS else element
    value = b.operand(x, element, dims)
    sequence = b.cast(sorted_sequence, element)
    rows: list[SSAValue] = [b.iota(axis, dims) for axis in range(len(shape) - 1)]

    def at(place: SSAValue) -> SSAValue:
        if sorter is not None:
            place = b.normalize_index(b.cast(b.gather(sorter, [*rows, place]), I64), size)
        return b.gather(sequence, [*rows, place])

    predicate = "gt" if right or side == "right" else "ge"
    return b.cast(_search(b, at, size, value, predicate), b.result.element)


def _search(
    b: RuleBuilder,
    at: Callable[[SSAValue], SSAValue],
    size: Dim,
    value: SSAValue,
    predicate: str,
) -> SSAValue:
    """The first place of `size` whose element is ge (gt, not lt) to the value, as eager mode looks
    for it, so that sequences which are not in order give the same."""
    dims = b.dims(value)
    begin: SSAValue = b.full(0, I64, dims)
    if size == 0:
        return begin
    end: SSAValue = b.broadcast_to(b.size_scalar(size), dims)
    one, last = b.full(1, I64, dims), b.sub(end, b.full(1, I64, dims))
    steps = size.bit_length() if isinstance(size, int) else SYMBOLIC_STEPS
    for _ in range(steps):
        middle = b.add(begin, b.div(b.sub(end, begin), b.full(2, I64, dims)))
        here = at(b.max(b.min(middle, last), b.full(0, I64, dims)))
        stop = b.compare(predicate.removeprefix("not "), here, value)
        if predicate.startswith("not"):
            stop = b.logical_not(stop)
        searching = b.compare("lt", begin, end)
        after = b.logical_and(searching, b.logical_not(stop))
        begin = b.select(after, b.add(middle, one), begin)
        end = b.select(b.logical_and(searching, stop), middle, end)
    return begin


@lowers(aten.bucketize.Tensor, aten.bucketize.Scalar)
def bucketize(
    b: RuleBuilder,
    x: Operand,
    boundaries: SSAValue,
    *,
    out_int32: bool = False,
    right: bool = False,
) -> SSAValue:
    return searchsorted(b, boundaries, x, out_int32=out_int32, right=right)


@lowers(aten.histc.default)
def histc(b: RuleBuilder, x: SSAValue, bins: int = 100, min: float = 0, max: float = 0) -> SSAValue:
    """Ones added up at the bins, and after them at a place for what is outside of the range. That
    of data which are not finite is an error, raised as that of an index."""
    element = b.element(x)
    if element not in (F32, F64):
        raise NotLowered(f"a histogram of {element}")
    if not all(isinstance(number, int | float) for number in (bins, min, max)):
        raise NotLowered("symbolic bins")
    dims = b.dims(x)
    low, high = b.full(min, element, ()), b.full(max, element, ())
    finite: SSAValue = b.full(True, I1, dims)
    if min == max and 0 not in dims:
        low, high, finite = _range_of_data(b, x)
    spread_low, spread_high = b.broadcast_to(low, dims), b.broadcast_to(high, dims)
    number = b.full(bins, element, dims)
    scaled = b.div(b.mul(b.sub(x, spread_low), number), b.sub(spread_high, spread_low))
    inside = b.logical_and(b.compare("ge", x, spread_low), b.compare("le", x, spread_high))
    place = b.cast(b.select(inside, scaled, b.full(0, element, dims)), I64)
    place = b.min(place, b.full(bins - 1, I64, dims))
    place = b.select(inside, place, b.full(bins, I64, dims))
    place = b.select(finite, place, b.full(bins + 1, I64, dims))
    place = b.normalize_index(place, bins + 1)
    counts = b.full(0, element, (bins + 1,))
    counts = b.scatter("add", counts, b.full(1, element, dims), [0], [place])
    return b.slice_axis(counts, 0, 0, bins)


def _range_of_data(b: RuleBuilder, x: SSAValue) -> tuple[SSAValue, SSAValue, SSAValue]:
    """The smallest and the largest element, or one more on both sides where these are one; and for
    each element whether they are finite."""
    axes = range(len(b.dims(x)))
    low, high = b.amin(x, axes), b.amax(x, axes)
    one, same = b.full_like(1, low), b.compare("eq", low, high)
    width = b.sub(high, low)
    finite = b.broadcast_to(b.logical_not(b.is_nan(b.sub(width, width))), b.dims(x))
    return b.select(same, b.sub(low, one), low), b.select(same, b.add(high, one), high), finite


COMPARED = 32
"""Elements up to which each is compared with what is looked for."""


@lowers(aten.isin.Tensor_Tensor, aten.isin.Tensor_Scalar, aten.isin.Scalar_Tensor)
def isin(
    b: RuleBuilder,
    elements: Operand,
    test_elements: Operand,
    *,
    assume_unique: bool = False,
    invert: bool = False,
) -> SSAValue:
    """PyTorch's decomposition looks for elements among NaN, which have no order there."""
    dims = b.result.dims
    element = b.promote(elements, test_elements)
    element = compute_element(element) if element in FLOATS else element
    x = b.operand(elements, element, dims)
    tests = (
        b.operand(test_elements, element, ())
        if not b.is_tensor(test_elements)
        else (
            b.cast(test_elements, element)  # type: ignore[arg-type]
        )
    )
    count = symbols.product(b.dims(tests))
    tests = b.reshape(tests, (count,))
    if count == 0:
        found: SSAValue = b.full(False, I1, dims)
    elif isinstance(count, int) and count <= COMPARED:
        wide, last = (*dims, count), len(dims)
        pairs = b.compare("eq", b.broadcast(x, range(last), wide), b.broadcast(tests, [last], wide))
        found = b.amax(pairs, [last])
    elif b.may_be_empty(count):
        raise NotLowered("elements to look among of which there may be none")
    else:
        order = b.normalize_index(b.argsort(tests, 0, count), count)
        ordered = b.gather(tests, [order])
        place = _search(b, lambda p: b.gather(ordered, [p]), count, x, "not lt")
        last = b.broadcast_to(b.size_scalar(symbols.sub(count, 1)), dims)
        place = b.normalize_index(b.min(place, last), count)
        found = b.compare("eq", b.gather(ordered, [place]), x)
    return b.logical_not(found) if invert else found
