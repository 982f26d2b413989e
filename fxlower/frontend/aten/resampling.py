"""Resampling with antialiasing: each axis by a matrix of which a row has a few elements.

An image that shrinks is read through a filter as wide as its pixels move together. Forward, the
taps of each filter are a small axis that is reduced over; the gradient multiplies with the whole
matrix, since an element may be in any number of filters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from xdsl.ir import SSAValue

from fxlower.dialects.build import FLOATS, I64, Dim
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers

aten = torch.ops.aten

_A = -0.5
"""The parameter of the cubic filter."""


class Filter:
    """Of an axis: result i is a mean of the source around `scale * (i + 0.5)`."""

    def __init__(
        self,
        b: RuleBuilder,
        source: Dim,
        result: Dim,
        align_corners: bool,
        factor: float | None,
        cubic: bool,
        like: SSAValue,
    ):
        if not isinstance(source, int) or not isinstance(result, int):
            raise NotLowered("a filter for symbolic sizes")
        if factor is not None and not isinstance(factor, (int, float)):
            raise NotLowered("a symbolic scale")
        self.b = b
        self.source, self.result = source, result
        self.element = b.element(like)
        self.cubic = cubic
        if align_corners:
            self.scale = (source - 1) / (result - 1) if result > 1 else 0.0
        else:
            self.scale = 1 / factor if factor else source / result
        self.shrinks = max(self.scale, 1.0)
        self.support = (2.0 if cubic else 1.0) * self.shrinks
        self.taps = min(2 * math.ceil(self.support) + 1, source)

    def _weights(self, center: SSAValue, position: SSAValue, inside: SSAValue) -> SSAValue:
        """The filter around `center` at `position`, not normalized; all of the same dims."""
        b = self.b

        def like(value: float) -> SSAValue:
            return b.full_like(value, center)

        place = b.sub(b.add(b.cast(position, self.element), like(0.5)), center)
        x = b.abs(b.mul(place, like(1 / self.shrinks)))
        zero, one = like(0), like(1)
        if not self.cubic:
            value = b.max(b.sub(one, x), zero)
        else:
            near = b.sub(b.mul(x, like(_A + 2)), like(_A + 3))
            near = b.add(b.mul(b.mul(near, x), x), one)
            far = b.add(b.mul(b.sub(x, like(5)), x), like(8))
            far = b.mul(b.sub(b.mul(far, x), like(4)), like(_A))
            far = b.select(b.compare("lt", x, like(2)), far, zero)
            value = b.select(b.compare("lt", x, one), near, far)
        return b.select(inside, value, zero)

    def _around(self, dims: Sequence[Dim]) -> tuple[SSAValue, SSAValue, SSAValue]:
        """The center of each result (axis 0 of `dims`), its first tap and where they end."""
        b = self.b
        index = b.cast(b.iota(0, dims), self.element)
        center = b.mul(b.add(index, b.full_like(0.5, index)), b.full_like(self.scale, index))
        reach, half = b.full_like(self.support, center), b.full_like(0.5, center)
        first = b.cast(b.add(b.sub(center, reach), half), I64)
        end = b.cast(b.add(b.add(center, reach), half), I64)
        first = b.max(first, b.full_like(0, first))
        return center, first, b.min(end, b.full_like(self.source, end))

    def _normalized(self, weights: SSAValue) -> SSAValue:
        b = self.b
        total = b.sum(weights, (1,))
        total = b.select(
            b.compare("eq", total, b.full_like(0, total)), b.full_like(1, total), total
        )
        return b.div(weights, b.broadcast(total, [0], b.dims(weights)))

    def applied(self, x: SSAValue, axis: int) -> SSAValue:
        b = self.b
        table = (self.result, self.taps)
        center, first, end = self._around(table)
        position = b.add(first, b.iota(1, table))
        inside = b.compare("lt", position, end)
        weights = self._normalized(self._weights(center, position, inside))
        position = b.min(position, b.full_like(self.source - 1, position))
        shape = b.dims(x)
        dims = (*shape[:axis], self.result, *shape[axis + 1 :], self.taps)
        last = len(shape)
        spread = [axis, last]
        indices = [
            b.broadcast(position, spread, dims) if a == axis else b.iota(a, dims)
            for a in range(last)
        ]
        return b.sum(b.mul(b.gather(x, indices), b.broadcast(weights, spread, dims)), (last,))

    def matrix(self) -> SSAValue:
        """(result, source)."""
        b = self.b
        table = (self.result, self.source)
        center, first, end = self._around(table)
        position = b.iota(1, table)
        inside = b.logical_and(b.compare("ge", position, first), b.compare("lt", position, end))
        return self._normalized(self._weights(center, position, inside))


def _filters(
    b: RuleBuilder,
    sources: Sequence[Dim],
    results: Sequence[Dim],
    align_corners: bool,
    factors: Sequence[float | None],
    like: SSAValue,
) -> list[Filter]:
    if b.element(like) not in FLOATS:
        raise NotLowered("antialiasing of integers")
    if 0 in (*sources, *results):
        raise NotLowered("an empty image")
    cubic = "bicubic" in str(b.node.target)
    return [
        Filter(b, source, result, align_corners, factor, cubic, like)
        for source, result, factor in zip(sources, results, factors, strict=True)
    ]


@lowers(aten._upsample_bilinear2d_aa.default, aten._upsample_bicubic2d_aa.default)
def upsample_antialiased(
    b: RuleBuilder,
    x: SSAValue,
    output_size: Sequence[int | Sym],
    align_corners: bool,
    scales_h: float | None = None,
    scales_w: float | None = None,
) -> SSAValue:
    wide = b.compute(x)
    sizes = b.dims(x)[2:], b.result.dims[2:]
    filters = _filters(b, *sizes, align_corners, (scales_h, scales_w), wide)
    for axis in (3, 2):
        wide = filters[axis - 2].applied(wide, axis)
    return b.to_result(wide)


@lowers(aten._upsample_bilinear2d_aa_backward.default, aten._upsample_bicubic2d_aa_backward.default)
def upsample_antialiased_backward(
    b: RuleBuilder,
    grad: SSAValue,
    output_size: Sequence[int | Sym],
    input_size: Sequence[int | Sym],
    align_corners: bool,
    scales_h: float | None = None,
    scales_w: float | None = None,
) -> SSAValue:
    wide = b.compute(grad)
    sizes = b.result.dims[2:], b.dims(grad)[2:]
    rows, columns = _filters(b, *sizes, align_corners, (scales_h, scales_w), wide)
    lead = b.dims(grad)[:2]

    def spread(matrix: SSAValue) -> SSAValue:
        return b.broadcast(matrix, (2, 3), (*lead, *b.dims(matrix)))

    wide = b.matmul(wide, spread(columns.matrix()))
    return b.to_result(b.matmul(spread(b.permute(rows.matrix(), (1, 0))), wide))
