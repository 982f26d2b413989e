"""Padding that repeats elements, and its gradient.

The result is read at positions that are clamped to the operand, which `peel-borders` takes out of
the loops but for the padding itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects.build import Dim
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers

aten = torch.ops.aten


@lowers(
    aten.replication_pad1d.default, aten.replication_pad2d.default, aten.replication_pad3d.default
)
def replication_pad(b: RuleBuilder, x: SSAValue, padding: Sequence[int | Sym]) -> SSAValue:
    return _padded(b, x, padding, mirrored=False)


@lowers(aten.reflection_pad1d.default, aten.reflection_pad2d.default, aten.reflection_pad3d.default)
def reflection_pad(b: RuleBuilder, x: SSAValue, padding: Sequence[int | Sym]) -> SSAValue:
    return _padded(b, x, padding, mirrored=True)


def _padded(
    b: RuleBuilder, x: SSAValue, padding: Sequence[int | Sym], *, mirrored: bool
) -> SSAValue:
    """`padding` is (before, after) of the last axis, then of the one before it..."""
    if not all(isinstance(n, int) for n in padding):
        raise NotLowered("padding by a symbolic size")
    dims = b.result.dims
    rank = len(dims)
    indices: list[SSAValue] = []
    for axis, size in enumerate(b.dims(x)):
        index = b.iota(axis, dims)
        pair = rank - 1 - axis
        before, after = (int(n) for n in padding[2 * pair : 2 * pair + 2] or (0, 0))
        if before or after:
            position = b.sub(index, b.full_like(before, index))
            last = b.broadcast_to(b.size_scalar(symbols.sub(size, 1)), dims)
            index = b.min(b.max(position, b.full_like(0, position)), last)
            if mirrored:  # as far to the other side of the end as the position is beyond it
                index = b.sub(b.add(index, index), position)
        indices.append(index)
    return b.gather(x, indices)


@lowers(
    aten.replication_pad1d_backward.default,
    aten.replication_pad2d_backward.default,
    aten.replication_pad3d_backward.default,
)
def replication_pad_backward(
    b: RuleBuilder, grad: SSAValue, x: SSAValue, padding: Sequence[int | Sym]
) -> SSAValue:
    """Along each axis the gradients of the copies are added to that of the element they copy."""
    if not all(isinstance(n, int) for n in padding):
        raise NotLowered("padding by a symbolic size")
    sizes = b.dims(x)
    rank = len(sizes)
    total = b.compute(grad)
    for i in range(len(padding) // 2):
        axis = rank - 1 - i
        low, high = padding[2 * i : 2 * i + 2]
        total = _without_copies(b, total, axis, int(low), int(high), sizes[axis])
    return b.cast(total, b.element(grad))


def _without_copies(
    b: RuleBuilder, grad: SSAValue, axis: int, low: int, high: int, size: Dim
) -> SSAValue:
    """The gradient before `low` copies of the first and `high` of the last of `size` elements;
    negative numbers cut off so many instead."""
    if min(low, high) < 0 and not (isinstance(size, int) and size + min(low, 0) + min(high, 0) > 0):
        raise NotLowered("padding that may cut off all there is")
    shape = b.dims(grad)
    kept = symbols.add(size, min(low, 0) + min(high, 0))
    total = b.slice_axis(grad, axis, max(low, 0), kept)
    dims = (*shape[:axis], size, *shape[axis + 1 :])
    total = b.pad(total, 0, [max(-low, 0) if i == axis else 0 for i in range(len(dims))], dims)
    index = b.iota(axis, dims)
    for start, count, place in (
        (0, low, 0),
        (symbols.sub(shape[axis], high), high, symbols.sub(size, 1)),
    ):
        if count > 0:
            copies = b.slice_axis(grad, axis, start, count)
            sums = b.broadcast_to(b.sum(copies, (axis,), keepdim=True), dims)
            at = b.compare("eq", index, b.broadcast_to(b.size_scalar(place), dims))
            total = b.add(total, b.select(at, sums, b.full_like(0, sums)))
    return total
