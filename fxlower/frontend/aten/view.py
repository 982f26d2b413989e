"""Views, and the joining and padding of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.fx import Node
from xdsl.ir import Block, SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers

aten = torch.ops.aten
prims = torch.ops.prims

# --------------------------------------------------------------- the same elements


@lowers(
    aten.view.default,
    aten._unsafe_view.default,
    aten.reshape.default,
    aten._reshape_alias.default,
    aten._reshape_copy.default,
    aten.view_copy.default,
    aten.view_as.default,
    aten.reshape_as.default,
    aten.flatten.using_ints,
    aten.unflatten.int,
    aten.squeeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.squeeze_copy.dim,
    aten.unsqueeze.default,
    aten.unsqueeze_copy.default,
    aten.ravel.default,
    prims.reshape.default,
    prims.squeeze.default,
    prims.collapse_view.default,
    prims.split_dim.default,
)
def reshape(b: RuleBuilder, x: SSAValue, *args: Any, **kwargs: Any) -> SSAValue:
    """The elements in row-major order under the dims of the result."""
    return b.reshape(x, b.result.dims)


@lowers(aten.permute.default, aten.permute_copy.default, prims.transpose.default)
def permute(b: RuleBuilder, x: SSAValue, dims: Sequence[int]) -> SSAValue:
    rank = len(b.dims(x))
    return b.permute(x, [b.axis(d, rank) for d in dims])


@lowers(aten.transpose.int, aten.swapaxes.default, aten.transpose_copy.int)
def transpose(b: RuleBuilder, x: SSAValue, first: int, second: int) -> SSAValue:
    axes = list(range(len(b.dims(x))))
    if axes:
        i, j = b.axis(first, len(axes)), b.axis(second, len(axes))
        axes[i], axes[j] = axes[j], axes[i]
    return b.permute(x, axes)


@lowers(aten.t.default, aten.numpy_T.default, aten.t_copy.default)
def reverse_axes(b: RuleBuilder, x: SSAValue) -> SSAValue:
    return b.permute(x, list(reversed(range(len(b.dims(x))))))


@lowers(aten.movedim.int, aten.movedim.intlist)
def movedim(
    b: RuleBuilder, x: SSAValue, source: int | Sequence[int], destination: int | Sequence[int]
) -> SSAValue:
    rank = len(b.dims(x))
    sources = [source] if isinstance(source, int) else source
    targets = [destination] if isinstance(destination, int) else destination
    moved = {b.axis(t, rank): b.axis(s, rank) for s, t in zip(sources, targets)}
    rest = iter(a for a in range(rank) if a not in moved.values())
    return b.permute(x, [moved[a] if a in moved else next(rest) for a in range(rank)])


@lowers(
    aten.expand.default,
    aten.expand_copy.default,
    aten.expand_as.default,
    aten.broadcast_to.default,
)
def expand(b: RuleBuilder, x: SSAValue, *args: Any, **kwargs: Any) -> SSAValue:
    return b.broadcast_to(x, b.result.dims)


@lowers(prims.broadcast_in_dim.default)
def broadcast_in_dim(
    b: RuleBuilder, x: SSAValue, shape: Sequence[Dim], axes: Sequence[int]
) -> SSAValue:
    dims = b.result.dims
    aligned: list[Dim] = [1] * len(dims)
    for size, axis in zip(b.dims(x), axes):
        aligned[axis] = size
    return b.broadcast_to(b.reshape(x, aligned), dims)


@lowers(aten.repeat.default)
def repeat(b: RuleBuilder, x: SSAValue, repeats: Sequence[Dim]) -> SSAValue:
    """Each axis is repeated by a new axis before it."""
    shape = b.dims(x)
    padded = (1,) * (len(repeats) - len(shape)) + shape
    spread = [d for pair in zip(repeats, padded) for d in pair]
    spread = [str(d) if isinstance(d, Sym) else d for d in spread]
    axes = [2 * i + 1 for i in range(len(padded))]
    return b.reshape(b.broadcast(b.reshape(x, padded), axes, spread), b.result.dims)


# -------------------------------------------------------------------- some elements


@lowers(aten.select.int, aten.select_copy.int)
def select(b: RuleBuilder, x: SSAValue, dim: int, index: int | Sym) -> SSAValue:
    shape = b.dims(x)
    axis = b.axis(dim, len(shape))
    start = index_from_front(b, index, shape[axis])
    return b.reshape(b.slice_axis(x, axis, start, 1), b.result.dims)


def index_from_front(b: RuleBuilder, index: int | Sym, size: Dim) -> Dim:
    """`index` counted from the front."""
    if isinstance(index, int):
        return index if index >= 0 else symbols.add(size, index)
    if b.is_nonnegative(index):
        return str(index)
    if b.is_nonnegative(symbols.sub(-1, str(index))):
        return symbols.add(size, str(index))
    raise NotLowered(f"the sign of the index {index} is not known")


def slice_end(b: RuleBuilder, end: int | Sym | None, size: Dim) -> Dim:
    """`end` of a slice, counted from the front, before it is clamped. A slice from `first` on that
    has `slice_end - first` elements was not clamped."""
    if end is None or (isinstance(end, int) and end >= 2**62):
        return size
    return index_from_front(b, end, size)


@lowers(aten.slice.Tensor, aten.slice_copy.Tensor)
def slice_(
    b: RuleBuilder,
    x: SSAValue,
    dim: int = 0,
    start: int | Sym | None = None,
    end: int | Sym | None = None,
    step: int | Sym = 1,
) -> SSAValue:
    shape = b.dims(x)
    axis = b.axis(dim, len(shape))
    size, count = shape[axis], b.result.dims[axis]
    if not isinstance(step, int):
        raise NotLowered(f"a slice with the symbolic step {step}")
    first = _slice_start(b, 0 if start is None else start, end, step, size, count)
    return b.slice_axis(x, axis, first, count, step)


def _slice_start(
    b: RuleBuilder, start: int | Sym, end: int | Sym | None, step: int, size: Dim, count: Dim
) -> Dim:
    """The first element of a slice of `count` elements; a start out of range is clamped."""
    if isinstance(start, int) and isinstance(size, int):
        return min(max(start + size if start < 0 else start, 0), size)
    if count in (0, size):
        return 0
    if isinstance(start, int) and start >= 0:
        return start
    if isinstance(start, int):
        if b.is_nonnegative(first := symbols.add(size, start)):
            return first
        raise NotLowered(f"whether {size} elements include the last {-start} is not known")
    first = index_from_front(b, start, size)
    left = symbols.sub(symbols.sub(size, first), count)
    if b.is_nonnegative(first) and b.is_nonnegative(left):
        return first
    if step != 1 or symbols.sub(slice_end(b, end, size), first) != count:
        raise NotLowered(f"whether a slice from {start} lies in {size} elements is not known")
    return first


@lowers(aten.narrow.default)
def narrow(b: RuleBuilder, x: SSAValue, dim: int, start: int | Sym, length: Dim) -> SSAValue:
    shape = b.dims(x)
    axis = b.axis(dim, len(shape))
    return b.slice_axis(x, axis, index_from_front(b, start, shape[axis]), b.result.dims[axis])


@lowers(
    aten.split.Tensor,
    aten.split.sizes,
    aten.split_with_sizes.default,
    aten.split_copy.Tensor,
    aten.split_with_sizes_copy.default,
    aten.chunk.default,
    aten.tensor_split.sections,
    aten.tensor_split.indices,
    aten.unsafe_split.Tensor,
    aten.unsafe_chunk.default,
)
def split(b: RuleBuilder, x: SSAValue, sizes: Any, dim: int = 0) -> list[SSAValue]:
    """Slices one after the other, of the sizes that the results have."""
    axis = b.axis(dim, len(b.dims(x)))
    start: Dim = 0
    pieces: list[SSAValue] = []
    for info in b.results:
        assert info is not None
        pieces.append(b.slice_axis(x, axis, start, info.dims[axis]))
        start = symbols.add(start, info.dims[axis])
    return pieces


@lowers(aten.unbind.int, aten.unbind_copy.int)
def unbind(b: RuleBuilder, x: SSAValue, dim: int = 0) -> list[SSAValue]:
    shape = b.dims(x)
    axis = b.axis(dim, len(shape))
    kept = (*shape[:axis], *shape[axis + 1 :])
    return [b.reshape(b.slice_axis(x, axis, i, 1), kept) for i in range(len(b.results))]


@lowers(aten.flip.default, prims.rev.default)
def flip(b: RuleBuilder, x: SSAValue, dims: Sequence[int]) -> SSAValue:
    shape = b.dims(x)
    axes = [b.axis(d, len(shape)) for d in dims] if shape else []
    starts = [symbols.sub(d, 1) if i in axes else 0 for i, d in enumerate(shape)]
    if 0 in shape or not axes:
        return x
    return b.slice(x, starts, [-1 if i in axes else 1 for i in range(len(shape))], shape)


@lowers(aten.diagonal.default, aten.diagonal_copy.default)
def diagonal(
    b: RuleBuilder, x: SSAValue, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> SSAValue:
    """A gather by the position along the diagonal, which is the last axis of the result."""
    dims = b.result.dims
    rank = len(b.dims(x))
    row, column = b.axis(dim1, rank), b.axis(dim2, rank)
    along = b.iota(len(dims) - 1, dims)
    rest = iter(range(len(dims) - 1))
    indices: list[SSAValue] = []
    for axis in range(rank):
        if axis == row:
            indices.append(_shifted(b, along, max(-offset, 0)))
        elif axis == column:
            indices.append(_shifted(b, along, max(offset, 0)))
        else:
            indices.append(b.iota(next(rest), dims))
    return b.gather(x, indices)


def _shifted(b: RuleBuilder, index: SSAValue, offset: int) -> SSAValue:
    return b.add(index, b.full_like(offset, index)) if offset else index


@lowers(aten.as_strided.default, aten.as_strided_copy.default)
def as_strided(
    b: RuleBuilder,
    x: SSAValue,
    size: Sequence[Dim],
    stride: Sequence[Dim],
    storage_offset: int | Sym | None = None,
) -> SSAValue:
    """A view of memory where it is an input's or that of a result, else a gather from what would
    be there: `x` may be a view here, or even an input, of which eager mode made a copy."""
    source: Node = b.node.args[0]  # type: ignore[assignment]
    held = source.meta["val"]
    shape = b.result.dims
    numbers = [*shape, *stride, *held.shape, *held.stride(), held.storage_offset()]
    if storage_offset is not None:
        numbers.append(storage_offset)
    if not all(type(n) is int for n in numbers):
        raise NotLowered("as_strided with symbolic sizes")
    strides = [s for s in stride if isinstance(s, int)]
    elements = held.untyped_storage().nbytes() // held.element_size()
    first = held.storage_offset()
    is_input = source.op in ("placeholder", "get_attr")
    if not is_input and (first != 0 or elements != held.numel()):
        raise NotLowered("as_strided of a part of a tensor")
    offset = 0 if storage_offset is None else storage_offset - first  # type: ignore[operator]
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides))  # type: ignore[operator]
    if offset < 0 or (0 not in shape and last >= elements - first):
        raise NotLowered("as_strided beyond the tensor's first or last element")
    if 0 in shape:
        return b.full(0, b.result.element, shape)
    is_computed = not isinstance(x.owner, (Block, fxt.ViewOp))
    if is_input or (is_computed and held.is_contiguous()):
        return b.as_strided(x, shape, strides, offset)
    order = sorted(range(held.dim()), key=lambda a: (-held.stride(a), held.shape[a] != 1))
    stored = b.permute(x, order)
    packed = symbols.contiguous_strides(b.dims(stored))
    if any(held.stride(a) != s for a, s in zip(order, packed) if held.shape[a] != 1):
        raise NotLowered("as_strided of a tensor with gaps")
    return b.gather(b.reshape(stored, (elements,)), [b.positions(shape, strides, offset)])


# ------------------------------------------------------------------ joining, padding


@lowers(aten.cat.default, aten.concat.default, prims.cat.default)
def cat(b: RuleBuilder, tensors: Sequence[SSAValue], dim: int = 0) -> SSAValue:
    """Empty 1-d tensors are skipped whatever the other shapes are."""
    rank = len(b.result.dims)
    kept = [t for t in tensors if b.dims(t) != (0,) or rank == 1]
    pieces = [b.cast(t, b.result.element) for t in kept]
    return b.concat(pieces, b.axis(dim, rank))


@lowers(aten.stack.default)
def stack(b: RuleBuilder, tensors: Sequence[SSAValue], dim: int = 0) -> SSAValue:
    axis = b.axis(dim, len(b.result.dims))
    pieces = [b.unsqueeze(b.cast(t, b.result.element), axis) for t in tensors]
    return b.concat(pieces, axis)


@lowers(aten.constant_pad_nd.default)
def constant_pad_nd(
    b: RuleBuilder, x: SSAValue, pad: Sequence[int | Sym], value: float = 0
) -> SSAValue:
    """`pad` is (before, after) of the last axis, then of the one before it...; what is negative
    cuts elements off."""
    shape = b.dims(x)
    starts, low, sizes = [0] * len(shape), [0] * len(shape), list(shape)
    low_dims: list[Dim] = list(low)
    for pair in range(len(pad) // 2):
        axis = len(shape) - 1 - pair
        before, after = pad[2 * pair], pad[2 * pair + 1]
        for amount in (before, after):
            if isinstance(amount, Sym) and not b.is_nonnegative(amount):
                raise NotLowered(f"the sign of the padding {amount} is not known")
            if isinstance(amount, int) and amount < 0:
                sizes[axis] = symbols.add(sizes[axis], amount)
        if isinstance(before, int) and before < 0:
            starts[axis] = -before
        else:
            low_dims[axis] = str(before) if isinstance(before, Sym) else before
    if not all(b.is_nonnegative(new) for new, old in zip(sizes, shape) if new != old):
        raise NotLowered("padding that may cut off more than there is")
    cut = b.slice(x, starts, [1] * len(shape), sizes)
    return b.pad(cut, value, low_dims, b.result.dims)
