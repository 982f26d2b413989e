"""Writing at computed positions: functional updates of a tensor.

Each is an `fxt.scatter` into a copy of the destination. Sums of f16 and bf16 are made in f32, and
rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from xdsl.ir import Attribute, Block, SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import FLOATS, I1, I64, UI8, Dim
from fxlower.frontend.aten.indexing import Indexing, as_vector, checked_index
from fxlower.frontend.aten.view import index_from_front, slice_end
from fxlower.frontend.builder import Operand, RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers
from fxlower.frontend.types import compute_element, integer_range

aten = torch.ops.aten


def combine(
    b: RuleBuilder,
    mode: str,
    dest: SSAValue,
    updates: SSAValue,
    axes: Sequence[int],
    indices: Sequence[SSAValue],
) -> SSAValue:
    """`fxt.scatter` in the precision that sums and products are made in."""
    element = b.element(dest)
    updates = b.cast(updates, element)
    if mode == "set":
        return b.scatter(mode, dest, updates, axes, indices)
    if element == I1:
        raise NotLowered(f"scatter {mode!r} of bools")
    wide = compute_element(element) if mode in ("add", "mul") else element
    result = b.scatter(mode, b.cast(dest, wide), b.cast(updates, wide), axes, indices)
    return b.cast(result, element)


def reduce_into(
    b: RuleBuilder,
    reduction: str,
    dest: SSAValue,
    updates: SSAValue,
    axes: Sequence[int],
    indices: Sequence[SSAValue],
    include_self: bool,
) -> SSAValue:
    """torch's reductions by name; without `include_self` what `dest` holds at the indices does
    not take part."""
    mode = {
        "sum": "add", "add": "add", "mean": "add",
        "prod": "mul", "multiply": "mul",
        "amax": "max", "amin": "min",
    }[reduction]  # fmt: skip
    element = b.element(dest)
    original = dest
    if not include_self:
        neutral = b.full_like(neutral_element(mode, element), updates)
        dest = b.scatter("set", dest, neutral, axes, indices)
    result = combine(b, mode, dest, updates, axes, indices)
    if reduction != "mean":
        return result
    ones = b.full(1, compute_element(element), b.dims(updates))
    own = b.full(int(include_self), compute_element(element), b.dims(original))
    count = b.scatter("add", own, ones, axes, indices)
    count = b.max(count, b.full_like(1, count))  # 1 where nothing was added
    if element not in FLOATS:  # rounded down, as eager mode does
        return b.binary(fxt.FloordivOp, result, count)
    return b.cast(b.div(b.compute(result), count), element)


def neutral_element(mode: str, element: Attribute) -> float | int:
    """The value that `mode` leaves every other value as it is with."""
    if mode == "add":
        return 0
    if mode == "mul":
        return 1
    if element in FLOATS:
        return float("-inf") if mode == "max" else float("inf")
    least, greatest = integer_range(element)
    return least if mode == "max" else greatest


# ------------------------------------------------------------------- index_put and relatives


@lowers(aten.index_put.default, aten._unsafe_index_put.default)
def index_put(
    b: RuleBuilder,
    x: SSAValue,
    indices: Sequence[SSAValue | None],
    values: SSAValue,
    accumulate: bool = False,
) -> SSAValue:
    given = [index for index in indices if index is not None]
    if any(b.element(index) in (I1, UI8) for index in given):
        return _put_masked(b, x, indices, values, accumulate)
    how = Indexing(b, x, indices)
    updates = b.broadcast_to(_fitting(b, values, how.result), how.result, checked=False)
    updates = b.permute(updates, [*how.axes_of_shape(), *how.axes_of_rest()])
    return combine(b, "add" if accumulate else "set", x, updates, how.axes, how.indices)


def _put_masked(
    b: RuleBuilder,
    x: SSAValue,
    indices: Sequence[SSAValue | None],
    values: SSAValue,
    accumulate: bool,
) -> SSAValue:
    """One mask over adjacent axes, and values that are the same wherever it holds, are a select."""
    masks = [(axis, index) for axis, index in enumerate(indices) if index is not None]
    if len(masks) != 1 or b.element(masks[0][1]) != I1:
        raise NotLowered("indexing with a mask and other indices, or a mask of uint8")
    first, mask = masks[0]
    shape = b.dims(x)
    last = first + len(b.dims(mask))
    # Values have the dims before the mask, then one entry for each element that it selects, then
    # the dims after the mask; only broadcast values do not depend on how many there are.
    from_end = len(shape) - last
    value_dims = b.dims(values)
    entry = len(value_dims) - 1 - from_end
    if entry >= 0 and value_dims[entry] != 1:
        raise NotLowered("values for each selected element depend on the mask")
    if entry >= 0:
        ones = (1,) * (last - first)
        before, after = value_dims[:entry], value_dims[entry + 1 :]
        values = b.reshape(values, (*before, *ones, *after))
    new = b.broadcast_to(b.cast(values, b.element(x)), shape, checked=False)
    if accumulate:
        if b.element(x) == I1:
            raise NotLowered("accumulation of bools")
        new = b.cast(b.add(b.compute(x), b.compute(new)), b.element(x))
    return b.select(b.broadcast(mask, range(first, last), shape), new, x)


def _fitting(b: RuleBuilder, values: SSAValue, dims: tuple[Dim, ...]) -> SSAValue:
    """`values` without leading axes of size 1 beyond the rank of `dims`, which torch ignores."""
    shape = b.dims(values)
    extra = len(shape) - len(dims)
    if extra > 0 and all(size == 1 for size in shape[:extra]):
        return b.reshape(values, shape[extra:])
    return values


@lowers(aten.put.default)
def put(
    b: RuleBuilder, x: SSAValue, index: SSAValue, source: SSAValue, accumulate: bool = False
) -> SSAValue:
    """Positions count in row-major order."""
    count = symbols.product(b.dims(x))
    position = checked_index(b, index, count, negative=True)
    b.expect_equal([symbols.product(b.dims(source))], [symbols.product(b.dims(index))])
    flat, updates = b.reshape(x, (count,)), b.reshape(source, b.dims(index))
    mode = "add" if accumulate else "set"
    return b.reshape(combine(b, mode, flat, updates, [0], [position]), b.dims(x))


@lowers(aten.index_reduce.default)
def index_reduce(
    b: RuleBuilder,
    x: SSAValue,
    dim: int,
    index: SSAValue,
    source: SSAValue,
    reduce: str,
    *,
    include_self: bool = True,
) -> SSAValue:
    dest, updates, index = as_vector(b, x), as_vector(b, source), as_vector(b, index)
    axis = b.axis(dim, len(b.dims(dest)))
    position = checked_index(b, index, b.dims(dest)[axis])
    order = [axis, *(a for a in range(len(b.dims(dest))) if a != axis)]
    updates = b.permute(updates, order)
    result = reduce_into(b, reduce, dest, updates, [axis], [position], include_self)
    return b.reshape(result, b.dims(x))


@lowers(aten.embedding_dense_backward.default)
def embedding_dense_backward(
    b: RuleBuilder,
    grad: SSAValue,
    indices: SSAValue,
    num_weights: int,
    padding_idx: int,
    scale_grad_by_freq: bool,
) -> SSAValue:
    """Rows of `grad` added up by index, without those of the padding index."""
    shape, rank = b.dims(grad), len(b.dims(indices))
    position = checked_index(b, indices, num_weights)
    updates = b.compute(grad)
    element = b.element(updates)
    if scale_grad_by_freq:
        ones = b.full(1.0, element, b.dims(indices))
        counts = b.scatter("add", b.full(0.0, element, (num_weights,)), ones, [0], [position])
        own = b.gather(counts, [position])
        updates = b.div(updates, b.broadcast(own, range(rank), shape))
    if padding_idx >= 0:
        pad = b.full(padding_idx, I64, b.dims(indices))
        ignored = b.broadcast(b.compare("eq", position, pad), range(rank), shape)
        updates = b.select(ignored, b.full_like(0.0, updates), updates)
    zeros = b.full(0.0, element, b.result.dims)
    return b.to_result(b.scatter("add", zeros, updates, [0], [position]))


# --------------------------------------------------------------------- scatter and relatives


def _scatter(
    b: RuleBuilder,
    reduction: str | None,
    x: SSAValue,
    dim: int,
    index: SSAValue,
    source: Operand,
    include_self: bool = True,
) -> SSAValue:
    """`x[..., index[p], ...] = source[p]` for each p of the index, combined by `reduction`."""
    dest, index = as_vector(b, x), as_vector(b, index)
    axis, shape = b.axis(dim, len(b.dims(dest))), b.dims(index)
    if 0 in shape:
        return x  # such an index may even have another rank
    position = checked_index(b, index, b.dims(dest)[axis])
    if isinstance(source, SSAValue):
        source = as_vector(b, source)
        updates = b.slice(source, [0] * len(shape), [1] * len(shape), shape)
    else:
        updates = b.operand(source, b.element(dest), shape)
    axes = range(len(shape))
    indices = [position if a == axis else b.iota(a, shape) for a in axes]
    if reduction is None:
        result = combine(b, "set", dest, updates, axes, indices)
    else:
        result = reduce_into(b, reduction, dest, updates, axes, indices, include_self)
    return b.reshape(result, b.dims(x))


@lowers(aten.scatter.src, aten.scatter.value)
def scatter(b: RuleBuilder, x: SSAValue, dim: int, index: SSAValue, src: Operand) -> SSAValue:
    return _scatter(b, None, x, dim, index, src)


@lowers(aten.scatter.reduce, aten.scatter.value_reduce)
def scatter_by_name(
    b: RuleBuilder, x: SSAValue, dim: int, index: SSAValue, src: Operand, *, reduce: str
) -> SSAValue:
    return _scatter(b, reduce, x, dim, index, src)


@lowers(aten.scatter_add.default)
def scatter_add(b: RuleBuilder, x: SSAValue, dim: int, index: SSAValue, src: SSAValue) -> SSAValue:
    return _scatter(b, "sum", x, dim, index, src)


@lowers(aten.scatter_reduce.two)
def scatter_reduce(
    b: RuleBuilder,
    x: SSAValue,
    dim: int,
    index: SSAValue,
    src: SSAValue,
    reduce: str,
    *,
    include_self: bool = True,
) -> SSAValue:
    return _scatter(b, reduce, x, dim, index, src, include_self)


# ------------------------------------------------------------------ updates of a regular part


@lowers(aten.slice_scatter.default)
def slice_scatter(
    b: RuleBuilder,
    x: SSAValue,
    src: SSAValue,
    dim: int = 0,
    start: int | Sym | None = None,
    end: int | Sym | None = None,
    step: int | Sym = 1,
) -> SSAValue:
    if not isinstance(step, int):
        raise NotLowered(f"a slice with the symbolic step {step}")
    shape = b.dims(x)
    axis = b.axis(dim, len(shape))
    size, count = shape[axis], b.dims(src)[axis]
    b.expect_equal(b.dims(src), [*shape[:axis], count, *shape[axis + 1 :]])
    src = b.cast(src, b.element(x))
    if count == 0:
        return x
    first = _first(b, size, count, start, end, step)
    if first == 0 and count == size and step == 1:
        return src
    if step != 1:
        position = b.add(
            b.mul(b.iota(0, (count,)), b.full(step, I64, (count,))),
            b.broadcast_to(b.size_scalar(first), (count,)),
        )
        position = b.normalize_index(position, size)
        order = [axis, *(a for a in range(len(shape)) if a != axis)]
        return b.scatter("set", x, b.permute(src, order), [axis], [position])
    return _with_part(b, x, src, axis, first)


@lowers(aten.select_scatter.default)
def select_scatter(
    b: RuleBuilder, x: SSAValue, src: SSAValue, dim: int, index: int | Sym
) -> SSAValue:
    """In an input that the graph changes, which may be written in place, a part of its own; else a
    choice at each element, which fuses with what is around it."""
    shape = b.dims(x)
    axis = b.axis(dim, len(shape))
    b.expect_equal(b.dims(src), [*shape[:axis], *shape[axis + 1 :]])
    part = b.unsqueeze(b.cast(src, b.element(x)), axis)
    first = index_from_front(b, index, shape[axis])
    if _memory_of(x) in b.changed:
        return _with_part(b, x, part, axis, first)
    count = (shape[axis],)
    here = b.compare("eq", b.iota(0, count), b.broadcast_to(b.size_scalar(first), count))
    return b.select(b.broadcast(here, [axis], shape), b.broadcast_to(part, shape), x)


def _memory_of(x: SSAValue) -> SSAValue:
    """What `x` is a view of."""
    while isinstance(x.owner, fxt.ViewOp):
        x = x.owner.input
    return x


def _with_part(b: RuleBuilder, x: SSAValue, part: SSAValue, axis: int, first: Dim) -> SSAValue:
    """`x` with `part` from `first` on along `axis`: the parts before and after are joined to it,
    which pads a constant `x`. What is made of an input that the graph changes may be that input."""
    shape = b.dims(x)
    size, count = shape[axis], b.dims(part)[axis]
    if isinstance(x.owner, fxt.FullOp):
        low = [first if a == axis else 0 for a in range(len(shape))]
        return b.pad(part, x.owner.value.value.data, low, shape)  # type: ignore[attr-defined]
    after = symbols.add(first, count)
    rest = symbols.sub(size, after)
    parts = [part]
    if first != 0:
        parts.insert(0, b.slice_axis(x, axis, 0, first))
    if rest != 0:
        parts.append(b.slice_axis(x, axis, after, rest))
    made = b.concat(parts, axis)
    if _memory_of(x) in b.changed:
        b.changed.add(made)
    return made


def _first(
    b: RuleBuilder,
    size: Dim,
    count: Dim,
    start: int | Sym | None,
    end: int | Sym | None,
    step: int,
) -> Dim:
    """The first position of a slice, from bounds as Python's slices clamp; it has `count` elements,
    which PyTorch has not checked where it is given another tensor's."""
    begin = 0 if start is None else start
    if isinstance(size, int) and isinstance(begin, int) and not isinstance(end, Sym):
        positions = range(*slice(begin, end, step).indices(size))
        b.expect_equal([count], [len(positions)])
        return positions.start
    if step != 1 and isinstance(begin, int) and begin >= 0:
        return begin  # positions are checked one by one
    first = index_from_front(b, begin, size)
    ends = [size, slice_end(b, end, size)]
    if step != 1 or count not in [symbols.sub(e, first) for e in ends]:
        raise NotLowered(f"the slice {start}:{end}:{step} of {size} elements may be clamped")
    return first


@lowers(aten.diagonal_scatter.default)
def diagonal_scatter(
    b: RuleBuilder, x: SSAValue, src: SSAValue, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> SSAValue:
    rank = len(b.dims(x))
    axes = [b.axis(dim1, rank), b.axis(dim2, rank)]
    count = b.dims(src)[-1]
    shape = b.dims(x)
    rest = [d for a, d in enumerate(shape) if a not in axes]
    b.expect_equal(b.dims(src), [*rest, count])
    if count == 0:
        return x
    along = b.iota(0, (count,))
    row = b.add(along, b.full(max(-offset, 0), I64, (count,)))
    column = b.add(along, b.full(max(offset, 0), I64, (count,)))
    last = len(b.dims(src)) - 1
    updates = b.permute(src, [last, *range(last)])
    row, column = b.normalize_index(row, shape[axes[0]]), b.normalize_index(column, shape[axes[1]])
    if axes[0] > axes[1]:
        axes, row, column = axes[::-1], column, row
    return b.scatter("set", x, b.cast(updates, b.element(x)), axes, [row, column])


@lowers(aten.as_strided_scatter.default)
def as_strided_scatter(
    b: RuleBuilder,
    x: SSAValue,
    src: SSAValue,
    size: Sequence[int | Sym],
    stride: Sequence[int | Sym],
    storage_offset: int | Sym | None = None,
) -> SSAValue:
    """Positions in memory are positions in row-major order where that is how `x` is laid out, and
    where its memory is its own."""
    if isinstance(x.owner, (Block, fxt.ViewOp)):
        raise NotLowered("a destination that may be a view")
    shape = b.dims(x)
    numbers = (*shape, *size, *stride, storage_offset or 0)
    if not all(isinstance(n, int) for n in numbers):
        raise NotLowered("symbolic sizes, strides or offset")
    if b.result.strides != symbols.contiguous_strides(shape):
        raise NotLowered("a destination that is not contiguous")
    offset, count = int(storage_offset or 0), symbols.product(shape)
    dims = b.dims(src)
    b.expect_equal(dims, size)  # type: ignore[arg-type]
    if 0 in dims:
        return x
    last = offset + sum((int(n) - 1) * int(s) for n, s in zip(size, stride))
    if not 0 <= offset <= last < int(count):
        raise NotLowered("elements outside the destination")
    position = b.positions(dims, [int(s) for s in stride], offset)
    flat, updates = b.reshape(x, (count,)), b.cast(src, b.element(x))
    return b.reshape(b.scatter("set", flat, updates, [0], [position]), shape)


@lowers(aten.copy.default)
def copy(b: RuleBuilder, x: SSAValue, src: SSAValue, non_blocking: bool = False) -> SSAValue:
    return b.to_result(src)
