"""Convolutions of one channel at a time: sums over windows with weights.

The gradient of the input is such a convolution too, with the windows that an element is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects.build import I64, Dim
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered
from fxlower.frontend.windows import Sliding, Tap

MAX_TAPS = 9
MAX_TAPS_OF_ROWS = 36
"""Taps of a window of several axes, and of one axis only, that are unrolled at most: of more,
which lie in many rows, oneDNN's blocks read each row once."""

MIN_WIDTH = 14
"""Results in a row at least: vectors lie along it, and its borders are made one by one."""


@dataclass(frozen=True)
class Depthwise:
    """`y[n, o] = sum of weight[o, 0, tap] * x[n, o // multiplier, tap of the window]`."""

    b: RuleBuilder
    weight: SSAValue
    axes: Sequence[Sliding]
    multiplier: int

    def require_fast(self) -> None:
        """Raises:
        NotLowered: eager mode is faster.
        """
        limit = MAX_TAPS_OF_ROWS if len(self.axes) == 1 else MAX_TAPS
        if prod(axis.kernel for axis in self.axes) > limit:
            raise NotLowered("windows of many taps, a channel at a time")
        width = self.axes[-1].result
        if isinstance(width, int) and width < MIN_WIDTH:
            raise NotLowered("windows in short rows, a channel at a time")

    def y_of(self, x: SSAValue) -> SSAValue:
        b = self.b
        batch, channels = b.dims(x)[:2]
        outer = symbols.mul(channels, self.multiplier)
        dims = (batch, outer, *(axis.result for axis in self.axes))
        return self._sum(b.compute(x), b.compute(self.weight), dims, [])

    def _sum(
        self, x: SSAValue, weight: SSAValue, dims: tuple[Dim, ...], taps: list[tuple[int, Tap]]
    ) -> SSAValue:
        """The sum over the taps of the axes after `taps`. Each condition is applied to as few
        values as it can be: that of a row to the sum of the row."""
        b = self.b
        axis = len(taps)
        if axis == len(self.axes):
            return self._product(x, weight, dims, taps)
        window = b.iota(2 + axis, dims)
        total: SSAValue | None = None
        for number in range(self.axes[axis].kernel):
            tap = self.axes[axis].tap(b, window, b.full(number, I64, dims))
            value = self._sum(x, weight, dims, [*taps, (number, tap)])
            if tap.inside is not None:
                value = b.select(tap.inside, value, b.full_like(0, value))
            total = value if total is None else b.add(total, value)
        assert total is not None
        return total

    def _product(
        self, x: SSAValue, weight: SSAValue, dims: tuple[Dim, ...], taps: list[tuple[int, Tap]]
    ) -> SSAValue:
        b = self.b
        channel: SSAValue = b.iota(1, dims)
        if self.multiplier > 1:
            channel = b.div(channel, b.full_like(self.multiplier, channel))
        value = b.gather(x, [b.iota(0, dims), channel, *(tap.position for _, tap in taps)])
        starts = [0, 0, *(number for number, _ in taps)]
        ones = [1] * len(taps)
        factor = b.slice(weight, starts, [1, 1, *ones], (dims[1], 1, *ones))
        return b.mul(value, b.broadcast(b.reshape(factor, dims[1:2]), [1], dims))

    def x_of(self, grad: SSAValue) -> SSAValue:
        """The gradient of the input."""
        b = self.b
        if self.multiplier > 1 or any(axis.stride > 1 for axis in self.axes):
            raise NotLowered("the gradient of windows that skip elements, a channel at a time")
        axes = [
            Sliding(a.result, a.source, a.kernel, 1, a.span - 1 - a.padding, a.dilation)
            for a in self.axes
        ]
        shape = b.dims(self.weight)
        last = [0, 0, *(a.kernel - 1 for a in self.axes)]
        flipped = b.slice(self.weight, last, [1, 1, *[-1] * len(axes)], shape)
        return Depthwise(b, flipped, axes, 1).y_of(grad)

    def weight_of(self, x: SSAValue, grad: SSAValue) -> SSAValue:
        """The gradient of the weight: for each tap a sum of what it read, times the gradient."""
        b = self.b
        shape = b.dims(x)
        low = [0, 0, *(a.padding for a in self.axes)]
        sizes = (symbols.add(a.source, 2 * a.padding) for a in self.axes)
        x = b.pad(b.compute(x), 0, low, (*shape[:2], *sizes))
        grad = b.compute(grad)
        batch, outer, *results = b.dims(grad)
        rank = len(self.axes)
        dims = (outer, *(a.kernel for a in self.axes), batch, *results)
        positions: list[SSAValue] = []
        for i, axis in enumerate(self.axes):
            tap, window = b.iota(1 + i, dims), b.iota(2 + rank + i, dims)
            tap = b.mul(tap, b.full_like(axis.dilation, tap))
            positions.append(b.add(b.mul(window, b.full_like(axis.stride, window)), tap))
        channel: SSAValue = b.iota(0, dims)
        if self.multiplier > 1:
            channel = b.div(channel, b.full_like(self.multiplier, channel))
        read = b.gather(x, [b.iota(1 + rank, dims), channel, *positions])
        spread = b.broadcast(grad, [1 + rank, 0, *range(2 + rank, 2 + 2 * rank)], dims)
        return b.sum(b.mul(read, spread), range(1 + rank, 2 + 2 * rank))
