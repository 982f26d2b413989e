"""Loop dims of a group of tensor operations, refined as the operations ask for it.

Each dim of each tensor of a group is an ordered product of loop dims: `[[n], [c1, c2], [h, w]]`
says that dim 1 of the tensor runs over `c1` and, faster, `c2`. A reshape that splits or merges
dims only regroups them, after splitting some. Dims of size 1 have no loop dims.

A loop dim is an object with identity. Splitting one leaves its parts in its place, and making two
the same leaves one as the other's only part; `resolve` follows both, so nobody needs to be told.
"""

from __future__ import annotations

from collections.abc import Sequence

from fxlower.analysis.symbols import exact_div
from fxlower.dialects.build import Dim


class LoopDim:
    """One loop of a group, or what it has been split into."""

    __slots__ = ("parts", "size")

    def __init__(self, size: Dim):
        self.size = size
        self.parts: tuple[LoopDim, ...] | None = None

    def __repr__(self) -> str:
        return f"{self.size}" if self.parts is None else f"({self.size}={list(self.parts)})"


LoopDims = tuple[LoopDim, ...]

Axis = LoopDims | None
"""The loop dims of one tensor dim, outermost first; None: the tensor repeats along it, and any
loops will do (a dim that `fxt.broadcast` made)."""

Axes = tuple[Axis, ...]


def resolve(dims: LoopDims) -> LoopDims:
    """`dims` with what has been split replaced by its parts."""
    for dim in dims:
        if dim.parts is not None:
            break
    else:
        return dims
    out: list[LoopDim] = []
    for dim in dims:
        if dim.parts is None:
            out.append(dim)
        else:
            out += resolve(dim.parts)
    return tuple(out)


def flatten(axes: Axes) -> LoopDims:
    """All loop dims of a tensor, in row-major order; axes that are None give none."""
    return tuple(d for a in axes if a is not None for d in resolve(a))


def new_axes(sizes: Sequence[Dim]) -> tuple[LoopDims, ...]:
    """One fresh loop dim for each tensor dim; none for those of size 1."""
    return tuple(() if n == 1 else (LoopDim(n),) for n in sizes)


def same_loops(pairs: Sequence[tuple[LoopDims, LoopDims]]) -> bool:
    """Whether both sides of every pair have equally many loop dims, of the same sizes, so that
    `unify` would split none."""
    return all(
        [d.size for d in resolve(left)] == [d.size for d in resolve(right)] for left, right in pairs
    )


def regroup(dims: LoopDims, sizes: Sequence[Dim]) -> Axes | None:
    """`dims` regrouped so that group i has size `sizes[i]`; None where that would split one."""
    rest = list(reversed(resolve(dims)))
    out: list[LoopDims] = []
    for size in sizes:
        axis: list[LoopDim] = []
        while size != 1:
            left = exact_div(size, rest[-1].size) if rest and size != 0 else None
            if left is None:
                return None
            axis.append(rest.pop())
            size = left
        out.append(tuple(axis))
    return None if rest else tuple(out)


class _Splits:
    """Splits that are done when all of them are known to be possible."""

    def __init__(self) -> None:
        self.planned: list[tuple[LoopDim, LoopDims]] = []

    def split(self, dim: LoopDim, first: Dim, second: Dim) -> tuple[LoopDim, LoopDim]:
        parts = (LoopDim(first), LoopDim(second))
        self.planned.append((dim, parts))
        return parts

    def commit(self) -> None:
        for dim, parts in self.planned:
            dim.parts = parts


def refine(dims: LoopDims, sizes: Sequence[Dim]) -> Axes | None:
    """`dims` regrouped, and split where needed, so that group i has size `sizes[i]`: the axes of a
    reshape. None where some dim would have to be split at no divisor (6x4 as 4x6)."""
    splits = _Splits()
    rest = list(reversed(resolve(dims)))
    out: list[LoopDims] = []
    for size in sizes:
        axis: list[LoopDim] = []
        while size != 1:
            if not rest or size == 0:
                return None
            dim = rest.pop()
            left = exact_div(size, dim.size)
            if left is None:
                inner = exact_div(dim.size, size)
                if inner is None:
                    return None
                dim, second = splits.split(dim, size, inner)
                rest.append(second)
                left = 1
            axis.append(dim)
            size = left
        out.append(tuple(axis))
    if rest:
        return None
    splits.commit()
    return tuple(out)


def unify(pairs: Sequence[tuple[LoopDims, LoopDims]], *, merge: bool) -> bool:
    """Make the two sides of every pair the same loop dims, splitting where sizes differ. With
    `merge`, the sides are of different groups and dims on the right become those on the left;
    without, dims that are not identical cannot be made so. Does nothing if it is not possible.
    """
    splits = _Splits()
    joined: list[tuple[LoopDim, LoopDim]] = []
    for left_dims, right_dims in pairs:
        left, right = list(reversed(resolve(left_dims))), list(reversed(resolve(right_dims)))
        while left and right:
            a, b = left.pop(), right.pop()
            if a is b:
                continue
            if a.size == b.size:
                if not merge:
                    return False
                joined.append((a, b))
            elif (ratio := exact_div(a.size, b.size)) is not None and b.size != 0:
                left += reversed(splits.split(a, b.size, ratio))
                right.append(b)
            elif (ratio := exact_div(b.size, a.size)) is not None and a.size != 0:
                right += reversed(splits.split(b, a.size, ratio))
                left.append(a)
            else:
                return False
        if left or right:
            return False
    lefts, rights = {id(a) for a, _ in joined}, {id(b) for _, b in joined}
    if not len(lefts) == len(rights) == len(joined) or lefts & rights:
        return False
    splits.commit()
    for a, b in joined:
        b.parts = (a,)
    return True
