"""Which dims of a reshape belong together.

A reshape from `[4, 6, 5]` to `[24, 5]` groups axes (0, 1) with axis 0, and axis 2 with axis 1.
Inside a group elements are renumbered; across groups nothing moves. MLIR calls this the
reassociation of `expand_shape` and `collapse_shape`; here both sides of a group may have several
axes.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

from fxlower.analysis.symbols import exact_div, mul
from fxlower.dialects.build import Dim

Group: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""Axes of the source, and the axes of the target that hold the same elements."""


@cache
def reassociation(source: tuple[Dim, ...], target: tuple[Dim, ...]) -> tuple[Group, ...] | None:
    """The finest groups in order, or None where the dims do not show them.

    Axes of size 1 form no groups of their own: they go to the group before them, or, ahead of
    all others, to a group with an empty other side. Tensors of no elements have no groups.
    """
    if 0 in source or 0 in target:
        return None
    groups: list[Group] = []
    i = j = 0
    while True:
        ones_source, ones_target = _ones(source, i), _ones(target, j)
        if ones_source or ones_target:
            groups.append((ones_source, ones_target))
            i += len(ones_source)
            j += len(ones_target)
        if i == len(source) or j == len(target):
            break
        end_i, end_j = i + 1, j + 1
        left, right = source[i], target[j]
        while left != right:
            if _divides(left, right):
                if end_i == len(source):
                    return None
                left = mul(left, source[end_i])
                end_i += 1
            elif _divides(right, left) or (
                isinstance(left, int) and isinstance(right, int) and right < left
            ):
                if end_j == len(target):
                    return None
                right = mul(right, target[end_j])
                end_j += 1
            elif isinstance(left, int) and isinstance(right, int) and end_i < len(source):
                left = mul(left, source[end_i])
                end_i += 1
            else:
                return None
        groups.append((tuple(range(i, end_i)), tuple(range(j, end_j))))
        i, j = end_i, end_j
    return tuple(groups) if i == len(source) and j == len(target) else None


def _ones(dims: tuple[Dim, ...], start: int) -> tuple[int, ...]:
    end = start
    while end < len(dims) and dims[end] == 1:
        end += 1
    return tuple(range(start, end))


def _divides(a: Dim, b: Dim) -> bool:
    return exact_div(b, a) is not None
