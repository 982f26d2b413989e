"""Reading at computed positions: `embedding`, `gather`, `index`, and views that repeat elements.

All become `fxt.gather` with one index tensor for each axis of the source. Axes that run along are
`fxt.iota`, which folds to the loop index; an index is checked before it is broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import I1, I64, UI8, Dim
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers

aten = torch.ops.aten


def checked_index(
    b: RuleBuilder, index: SSAValue, size: Dim, *, negative: bool = False
) -> SSAValue:
    """`index` as valid positions in `size` elements. What is out of range raises IndexError after
    the kernel, and so do negative positions unless they count from the end (`negative`)."""
    element = b.element(index)
    if not isinstance(element, IntegerType) or element == I1:
        raise NotLowered(f"indices must be integers, got {element}")
    index = b.cast(index, I64)
    if not negative:
        shape = b.dims(index)
        zero = b.full(0, I64, shape)
        beyond = b.broadcast_to(b.size_scalar(size), shape)
        index = b.select(b.compare("lt", index, zero), beyond, index)
    return b.normalize_index(index, size)


def as_vector(b: RuleBuilder, x: SSAValue) -> SSAValue:
    """`x`, or a 0-d tensor as one of a single element, as torch's indexing treats it."""
    return x if b.dims(x) else b.reshape(x, (1,))


def gather_along(b: RuleBuilder, x: SSAValue, axis: int, index: SSAValue) -> SSAValue:
    """Element p of the result is `x` at p with `index[p]` in place of p's `axis`."""
    shape = b.dims(index)
    return b.gather(x, [index if a == axis else b.iota(a, shape) for a in range(len(shape))])


# ------------------------------------------------------------------------- one index tensor


@lowers(aten.gather.default)
def gather(
    b: RuleBuilder, x: SSAValue, dim: int, index: SSAValue, *, sparse_grad: bool = False
) -> SSAValue:
    x, index = as_vector(b, x), as_vector(b, index)
    axis = b.axis(dim, len(b.dims(x)))
    index = checked_index(b, index, b.dims(x)[axis])
    return b.reshape(gather_along(b, x, axis, index), b.result.dims)


@lowers(aten.take.default)
def take(b: RuleBuilder, x: SSAValue, index: SSAValue) -> SSAValue:
    """Positions count in row-major order."""
    count = symbols.product(b.dims(x))
    position = checked_index(b, as_vector(b, index), count, negative=True)
    return b.reshape(b.gather(b.reshape(x, (count,)), [position]), b.result.dims)


@lowers(aten.index_select.default)
def index_select(b: RuleBuilder, x: SSAValue, dim: int, index: SSAValue) -> SSAValue:
    x, index = as_vector(b, x), as_vector(b, index)
    shape = b.dims(x)
    axis = b.axis(dim, len(shape))
    index = checked_index(b, index, shape[axis])
    taken = (*shape[:axis], *b.dims(index), *shape[axis + 1 :])
    chosen = gather_along(b, x, axis, b.broadcast(index, [axis], taken))
    return b.reshape(chosen, b.result.dims)


@lowers(aten.embedding.default)
def embedding(
    b: RuleBuilder,
    weight: SSAValue,
    indices: SSAValue,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> SSAValue:
    index = checked_index(b, indices, b.dims(weight)[0])
    rank, shape = len(b.dims(indices)), b.result.dims
    row = b.broadcast(index, range(rank), shape)
    return b.gather(weight, [row, b.iota(rank, shape)])


# ---------------------------------------------------------------------- several index tensors


class Indexing:
    """What `x[indices]` means: `indices` has an integer tensor, or None, for each leading axis."""

    axes: list[int]
    """The axes of x that are indexed."""
    indices: list[SSAValue]
    """A valid index for each, all of the shape `shape`."""
    shape: tuple[Dim, ...]
    position: int
    """The axis of the result where `shape` begins: in place of the indexed axes where these are
    adjacent, else in front."""

    def __init__(self, b: RuleBuilder, x: SSAValue, indices: Sequence[SSAValue | None]):
        given = [(axis, index) for axis, index in enumerate(indices) if index is not None]
        if not given:
            raise NotLowered("no axis is indexed")
        if any(b.element(index) in (I1, UI8) for _, index in given):
            raise NotLowered("the size of the result depends on a mask")
        sizes = b.dims(x)
        self.axes = [axis for axis, _ in given]
        self.shape = broadcast_dims([b.dims(index) for _, index in given])
        self.indices = [
            b.broadcast_to(checked_index(b, index, sizes[axis], negative=True), self.shape)
            for axis, index in given
        ]
        adjacent = self.axes == list(range(self.axes[0], self.axes[-1] + 1))
        self.position = self.axes[0] if adjacent else 0
        self.kept = [axis for axis in range(len(sizes)) if axis not in self.axes]
        rest = [sizes[axis] for axis in self.kept]
        self.result = (*rest[: self.position], *self.shape, *rest[self.position :])

    def axes_of_shape(self) -> range:
        """The axes of the result that `shape` takes."""
        return range(self.position, self.position + len(self.shape))

    def axes_of_rest(self) -> list[int]:
        """The axes of the result that run along `kept`."""
        taken = self.axes_of_shape()
        return [axis for axis in range(len(self.result)) if axis not in taken]


def broadcast_dims(shapes: Sequence[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """The shape that tensors of `shapes` broadcast to."""
    rank = max(len(shape) for shape in shapes)
    aligned = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result: list[Dim] = []
    for sizes in zip(*aligned):
        wide = dict.fromkeys(size for size in sizes if size != 1)
        if len(wide) > 1:
            raise NotLowered(f"sizes {list(wide)} of indices are not known to agree")
        result.append(next(iter(wide), 1))
    return tuple(result)


@lowers(aten.index.Tensor, aten._unsafe_index.Tensor)
def index(b: RuleBuilder, x: SSAValue, indices: Sequence[SSAValue | None]) -> SSAValue:
    how = Indexing(b, x, indices)
    positions = dict(zip(how.axes, how.indices))
    along = dict(zip(how.kept, how.axes_of_rest()))
    spread = how.axes_of_shape()
    return b.gather(
        x,
        [
            b.broadcast(positions[axis], spread, how.result)
            if axis in positions
            else b.iota(along[axis], how.result)
            for axis in range(len(b.dims(x)))
        ],
    )


# ------------------------------------------------------------------------------ regular ones


@lowers(aten.unfold.default)
def unfold(b: RuleBuilder, x: SSAValue, dimension: int, size: int, step: int) -> SSAValue:
    """Windows along an axis: `step * window + offset` exists for every window and offset."""
    if not b.dims(x):
        return b.broadcast_to(b.reshape(x, (1,)), b.result.dims)
    shape = b.result.dims
    axis = b.axis(dimension, len(b.dims(x)))
    start = b.mul(b.iota(axis, shape), b.full(step, I64, shape))
    inside = b.add(start, b.iota(len(shape) - 1, shape))
    return b.gather(x, [inside if a == axis else b.iota(a, shape) for a in range(len(b.dims(x)))])


@lowers(aten.roll.default)
def roll(
    b: RuleBuilder, x: SSAValue, shifts: Sequence[int | Sym], dims: Sequence[int] = ()
) -> SSAValue:
    """Two slices joined; gathered where it is not known that the shift is less than the size."""
    if not dims:
        flat = b.reshape(x, (symbols.product(b.dims(x)),))
        return b.reshape(_roll_axis(b, flat, 0, shifts[0]), b.dims(x))
    for shift, dim in zip(shifts, dims):
        if b.dims(x):
            x = _roll_axis(b, x, b.axis(dim, len(b.dims(x))), shift)
    return x


def _roll_axis(b: RuleBuilder, x: SSAValue, axis: int, shift: int | Sym) -> SSAValue:
    shape = b.dims(x)
    size = shape[axis]
    if isinstance(size, int) and isinstance(shift, int):
        head = shift % size if size else 0
        if head == 0:
            return x
        tail = size - head
        parts = [b.slice_axis(x, axis, tail, head), b.slice_axis(x, axis, 0, tail)]
        return b.concat(parts, axis)
    distance = b.broadcast_to(b.size_scalar(shift), shape)
    divisor = b.nonzero_divisor(b.broadcast_to(b.size_scalar(size), shape))
    position = b.binary(fxt.RemOp, b.sub(b.iota(axis, shape), distance), divisor)
    return gather_along(b, x, axis, b.normalize_index(position, size))
