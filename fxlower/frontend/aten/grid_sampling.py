"""`grid_sample`: reading images between their pixels, at computed places.

A place is a coordinate along each axis; a few *taps* around it are read, each with a weight. Taps
outside of the image count as 0, and so nothing outside is read whatever the grid holds. The
gradient of the image is scattered to the taps; that of the grid sums over the channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import FLOATS, I64, Dim
from fxlower.frontend.aten.normalization import count
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers

aten = torch.ops.aten

LINEAR, NEAREST, CUBIC = range(3)
ZEROS, BORDER, REFLECTION = range(3)

_A = -0.75
"""The parameter of cubic convolution."""


@dataclass(frozen=True)
class Tap:
    position: SSAValue
    """A valid index."""
    inside: SSAValue
    """Whether it is that of the tap."""
    weight: SSAValue | None
    """None where it is 1."""
    slope: SSAValue | None
    """The derivative of the weight by the grid's coordinate; None where it is not asked for."""


class Axis:
    """The places along an axis of `size` elements; all values have the dims of `grid`, which is
    from -1 to 1."""

    def __init__(
        self,
        b: RuleBuilder,
        grid: SSAValue,
        size: Dim,
        padding: int,
        align_corners: bool,
        slopes: bool,
    ):
        self.b = b
        self.padding = padding
        self.align_corners = align_corners
        self.slopes = slopes
        self.size = count(b, size, b.element(grid), b.dims(grid))
        self.last = count(b, symbols.sub(size, 1), b.element(grid), b.dims(grid))
        half = b.full_like(0.5, grid)
        self.scale = b.mul(self.last if align_corners else self.size, half)
        """Of the coordinate by that of the grid."""
        self.coordinate = b.add(b.mul(grid, self.scale), b.mul(self.last, half))

    def like(self, value: float) -> SSAValue:
        return self.b.full_like(value, self.size)

    def taps(self, mode: int) -> list[Tap]:
        if mode == CUBIC:
            return self._cubic()
        place, factor = self._padded(self.coordinate)
        if mode == NEAREST:
            position, inside = self._valid(self.b.unary(fxt.RoundOp, place))
            return [Tap(position, inside, None, None)]
        return self._linear(place, factor)

    def _linear(self, place: SSAValue, factor: SSAValue | None) -> list[Tap]:
        b = self.b
        first = b.unary(fxt.FloorOp, place)
        second = b.add(first, self.like(1))
        weights = b.sub(second, place), b.sub(place, first)
        slopes: list[SSAValue | None] = [None, None]
        if self.slopes:
            slope = self.scale if factor is None else b.mul(self.scale, factor)
            slopes = [b.neg(slope), slope]
        return [
            Tap(*self._valid(at), weight, slope)
            for at, weight, slope in zip((first, second), weights, slopes)
        ]

    def _cubic(self) -> list[Tap]:
        b = self.b
        first = b.unary(fxt.FloorOp, self.coordinate)
        fraction = b.sub(self.coordinate, first)
        taps: list[Tap] = []
        for number in range(4):
            offset = number - 1
            at, _ = self._padded(b.add(first, self.like(offset)))
            distance = b.add(fraction, self.like(-offset))
            if offset > 0:
                distance = b.neg(distance)
            coefficients = _NEAR if offset in (0, 1) else _FAR
            slope: SSAValue | None = None
            if self.slopes:
                derivative = [n * c for n, c in enumerate(coefficients)][1:]
                sign = -1.0 if offset > 0 else 1.0
                slope = self._polynomial(distance, [sign * c for c in derivative])
                slope = b.mul(slope, self.scale)
            weight = self._polynomial(distance, coefficients)
            taps.append(Tap(*self._valid(at), weight, slope))
        return taps

    def _polynomial(self, x: SSAValue, coefficients: Sequence[float]) -> SSAValue:
        b = self.b
        value: SSAValue = self.like(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            value = b.add(b.mul(value, x), self.like(coefficient))
        return value

    def _valid(self, place: SSAValue) -> tuple[SSAValue, SSAValue]:
        """An index for a whole number, and whether it is that number; no NaN is converted."""
        b = self.b
        zero = self.like(0)
        inside = b.logical_and(b.compare("ge", place, zero), b.compare("le", place, self.last))
        return b.cast(b.select(inside, place, zero), I64), inside

    # --------------------------------------------------------------------------- padding

    def _padded(self, place: SSAValue) -> tuple[SSAValue, SSAValue | None]:
        """`place` moved into the image as the padding mode says, and the derivative of that."""
        if self.padding == ZEROS:
            return place, None
        b = self.b
        factor: SSAValue | None = None
        if self.padding == REFLECTION:
            place, factor = self._reflected(place)
        zero, one = self.like(0), self.like(1)
        moves = b.logical_and(b.compare("gt", place, zero), b.compare("lt", place, self.last))
        stays = b.select(moves, one if factor is None else factor, zero)
        positive = b.select(b.compare("gt", place, zero), place, zero)  # also for NaN
        return b.min(positive, self.last), stays

    def _reflected(self, place: SSAValue) -> tuple[SSAValue, SSAValue]:
        b = self.b
        zero, one = self.like(0), self.like(1)
        low, span = (zero, self.last) if self.align_corners else (self.like(-0.5), self.size)
        distance = b.sub(place, low)
        factor = b.select(b.compare("lt", distance, zero), self.like(-1), one)
        distance = b.abs(distance)
        flips = b.unary(fxt.FloorOp, b.div(distance, span))
        extra = b.sub(distance, b.mul(flips, span))
        pairs = b.unary(fxt.FloorOp, b.mul(flips, self.like(0.5)))
        even = b.compare("eq", flips, b.add(pairs, pairs))
        there, back = b.add(extra, low), b.add(b.sub(span, extra), low)
        reflected = b.select(even, there, back)
        factor = b.select(even, factor, b.neg(factor))
        # An axis of a single element, at whose only place nothing changes.
        empty = b.compare("eq", span, zero)
        return b.select(empty, zero, reflected), b.select(empty, zero, factor)


_NEAR = [1.0, 0.0, -(_A + 3), _A + 2]
_FAR = [-4 * _A, 8 * _A, -5 * _A, _A]
"""Weights of taps at distances below 1 and from 1 to 2, by powers of the distance."""


class Sampling:
    """The taps of a grid of (batch, ..., axes) on an image of (batch, channel, ...), in the dims of
    the result."""

    def __init__(
        self,
        b: RuleBuilder,
        image: SSAValue,
        grid: SSAValue,
        mode: int,
        padding: int,
        align_corners: bool,
        slopes: bool = False,
    ):
        if b.element(image) not in FLOATS:
            raise NotLowered("samples of integers")
        self.b = b
        self.image = b.compute(image)
        shape = b.dims(image)
        rank = len(shape) - 2
        places = b.dims(grid)[:-1]
        self.dims = (places[0], shape[1], *places[1:])
        grid = b.compute(grid)
        self.axes: list[list[Tap]] = []
        for axis in range(rank):  # the grid has the last axis first
            part = b.slice_axis(grid, rank + 1, rank - 1 - axis, 1)
            part = b.broadcast(b.reshape(part, places), [0, *range(2, rank + 2)], self.dims)
            along = Axis(b, part, shape[2 + axis], padding, align_corners, slopes)
            self.axes.append(along.taps(mode))

    def indices(self, taps: Sequence[Tap]) -> list[SSAValue]:
        return [self.b.iota(0, self.dims), self.b.iota(1, self.dims), *(t.position for t in taps)]

    def inside(self, taps: Sequence[Tap]) -> SSAValue:
        found = taps[0].inside
        for tap in taps[1:]:
            found = self.b.logical_and(found, tap.inside)
        return found

    def read(self, taps: Sequence[Tap]) -> SSAValue:
        b = self.b
        value = b.gather(self.image, self.indices(taps))
        return b.select(self.inside(taps), value, b.full_like(0, value))

    def sum(self, weight: Callable[[int, Tap], SSAValue | None]) -> SSAValue:
        """The image at all taps, with a weight of each along each axis."""
        return self._sum([], weight)

    def _sum(self, taps: list[Tap], weight: Callable[[int, Tap], SSAValue | None]) -> SSAValue:
        axis = len(taps)
        if axis == len(self.axes):
            return self.read(taps)
        b = self.b
        total: SSAValue | None = None
        for tap in self.axes[axis]:
            value = self._sum([*taps, tap], weight)
            factor = weight(axis, tap)
            value = value if factor is None else b.mul(value, factor)
            total = value if total is None else b.add(total, value)
        assert total is not None
        return total


@lowers(aten.grid_sampler_2d.default, aten.grid_sampler_3d.default)
def grid_sampler(
    b: RuleBuilder,
    image: SSAValue,
    grid: SSAValue,
    interpolation_mode: int,
    padding_mode: int,
    align_corners: bool,
) -> SSAValue:
    sampling = Sampling(b, image, grid, interpolation_mode, padding_mode, align_corners)
    return b.to_result(sampling.sum(lambda axis, tap: tap.weight))


@lowers(aten.grid_sampler_2d_backward.default, aten.grid_sampler_3d_backward.default)
def grid_sampler_backward(
    b: RuleBuilder,
    grad: SSAValue,
    image: SSAValue,
    grid: SSAValue,
    interpolation_mode: int,
    padding_mode: int,
    align_corners: bool,
    output_mask: Sequence[bool],
) -> list[SSAValue | None]:
    slopes = interpolation_mode != NEAREST
    sampling = Sampling(b, image, grid, interpolation_mode, padding_mode, align_corners, slopes)
    grad = b.compute(grad)
    results: list[SSAValue | None] = [None, None]
    if output_mask[0]:
        made = _image_gradient(b, sampling, grad)
        results[0] = b.cast(made, b.element(image))
    if output_mask[1] or b.results[1] is not None:
        results[1] = b.cast(_grid_gradient(b, sampling, grad, grid, slopes), b.element(grid))
    return results


def _image_gradient(b: RuleBuilder, sampling: Sampling, grad: SSAValue) -> SSAValue:
    total: SSAValue = b.full_like(0, sampling.image)
    for taps in product(*sampling.axes):
        update = grad
        for tap in taps:
            update = update if tap.weight is None else b.mul(update, tap.weight)
        update = b.select(sampling.inside(taps), update, b.full_like(0, update))
        axes = range(len(b.dims(total)))
        total = b.scatter("add", total, update, axes, sampling.indices(taps))
    return total


def _grid_gradient(
    b: RuleBuilder, sampling: Sampling, grad: SSAValue, grid: SSAValue, slopes: bool
) -> SSAValue:
    shape = b.dims(grid)
    if not slopes:
        return b.full(0, b.element(grad), shape)
    parts: list[SSAValue] = []
    for axis in reversed(range(len(sampling.axes))):

        def weight(other: int, tap: Tap, axis: int = axis) -> SSAValue | None:
            return tap.slope if other == axis else tap.weight

        along = b.sum(b.mul(sampling.sum(weight), grad), (1,))
        parts.append(b.reshape(along, (*shape[:-1], 1)))
    return b.concat(parts, len(shape) - 1)
