"""Reductions over the windows of a tensor, for pooling and its gradients.

A window of few elements is unrolled: one load for each tap, combined in the order of eager mode.
Larger ones, and those whose size is symbolic, become inner loops that are reduced over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod

from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects.build import FLOATS, I32, I64
from fxlower.frontend.aten.scatter import neutral_element
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.types import integer_range
from fxlower.frontend.windows import Sliding, Tap, WindowAxis, both

MAX_UNROLLED = 36
"""Taps of a window that are unrolled at most: compile time grows with them."""


class Windows:
    """The windows of `x` along its last axes."""

    def __init__(self, b: RuleBuilder, x: SSAValue, axes: Sequence[WindowAxis]):
        self.b = b
        self.x = x
        self.axes = axes
        self.lead = len(b.dims(x)) - len(axes)
        self.counts = [axis.count for axis in axes]
        self.result = (*b.dims(x)[: self.lead], *[axis.result for axis in axes])
        unrolls = all(isinstance(count, int) for count in self.counts)
        self.unrolls = unrolls and prod(self.counts) <= MAX_UNROLLED  # type: ignore[arg-type]
        self.dims = self.result if self.unrolls else (*self.result, *self.counts)
        """Of the loops over all windows; with axes for their taps where these are not unrolled."""
        self.inner = range(len(self.result), len(self.dims))

    def index(self, axis: int) -> SSAValue:
        """The window along `axis`."""
        return self.b.iota(self.lead + axis, self.dims)

    def tap(self, axis: int, number: int) -> Tap:
        """Tap `number` along `axis`; of loops, the tap at their point."""
        if self.unrolls:
            at: SSAValue = self.b.full(number, I64, self.dims)
        else:
            at = self.b.iota(len(self.result) + axis, self.dims)
        return self.axes[axis].tap(self.b, self.index(axis), at)

    def taps(self, axis: int) -> list[Tap]:
        if not self.unrolls:
            return [self.tap(axis, 0)]
        count = self.counts[axis]
        assert isinstance(count, int)
        return [self.tap(axis, number) for number in range(count)]

    def read(self, source: SSAValue, taps: Sequence[Tap]) -> SSAValue:
        """`source`, of the dims of `x`, at one tap of each axis."""
        leading = [self.b.iota(axis, self.dims) for axis in range(self.lead)]
        return self.b.gather(source, [*leading, *[tap.position for tap in taps]])

    def pieces(self) -> list[SSAValue] | None:
        """`x` at each tap as a slice, where windows neither overlap nor reach beyond `x`: each
        element is read once, so that what computes `x` can be fused."""
        b = self.b
        sliding = [axis for axis in self.axes if isinstance(axis, Sliding)]
        if not self.unrolls or len(sliding) < len(self.axes):
            return None
        if not all(axis.is_plain and axis.span <= axis.stride for axis in sliding):
            return None
        steps = [1] * self.lead + [axis.stride for axis in sliding]
        return [
            b.slice(
                self.x,
                [0] * self.lead + [n * a.dilation for n, a in zip(numbers, sliding)],
                steps,
                self.result,
            )
            for numbers in product(*[range(axis.kernel) for axis in sliding])
        ]

    # ------------------------------------------------------------------------------ sums

    def sum(self) -> SSAValue:
        """Sums over the taps that are inside, in the element type of `x`."""
        b = self.b
        pieces = self.pieces()
        if pieces is not None:
            total = pieces[0]
            for piece in pieces[1:]:
                total = b.add(total, piece)
            return total
        value = self._sum(0, [], lambda taps: self.read(self.x, taps))
        return b.sum(value, self.inner) if self.inner else value

    def _sum(self, axis: int, taps: list[Tap], read: Callable[[list[Tap]], SSAValue]) -> SSAValue:
        """The sum over the taps of `axis` and those after it. Each condition is applied to as few
        values as it can be: that of a row to the sum of the row."""
        if axis == len(self.axes):
            return read(taps)
        b = self.b
        total: SSAValue | None = None
        for tap in self.taps(axis):
            value = self._sum(axis + 1, [*taps, tap], read)
            if tap.inside is not None:
                value = b.select(tap.inside, value, b.full_like(0, value))
            total = value if total is None else b.add(total, value)
        assert total is not None
        return total

    def sum_where(self, source: SSAValue, chooses: SSAValue, own: SSAValue) -> SSAValue:
        """As `sum`, of `source` where `chooses` is the value `own` of the result's element."""
        b = self.b

        def read(taps: list[Tap]) -> SSAValue:
            value = self.read(source, taps)
            chosen = b.compare("eq", self.read(chooses, taps), own)
            return b.select(chosen, value, b.full_like(0, value))

        value = self._sum(0, [], read)
        return b.sum(value, self.inner) if self.inner else value

    # --------------------------------------------------------------------------- maxima

    def max(self) -> tuple[SSAValue, SSAValue]:
        """The maximum of each window and where it is, as an index into the flattened last axes:
        the first of equals, and the last NaN if there is one, as in eager mode."""
        return self._max_of_taps() if self.unrolls else self._max_of_loops()

    def _max_of_taps(self) -> tuple[SSAValue, SSAValue]:
        b = self.b
        sizes = [axis.source for axis in self.axes]
        total = symbols.product(sizes)
        small = isinstance(total, int) and total <= integer_range(I32)[1]
        values = iter(self.pieces() or ())
        best: tuple[SSAValue, SSAValue] | None = None
        for taps in product(*[self.taps(axis) for axis in range(len(self.axes))]):
            value = next(values, None)
            if value is None:
                value = self._read_or_least(taps)
            place = self._place(taps, small)
            if best is None:
                best = value, place
                continue
            greater = b.compare("gt", value, best[0])
            if b.element(value) in FLOATS:
                greater = b.logical_or(greater, b.is_nan(value))
            best = b.select(greater, value, best[0]), b.select(greater, place, best[1])
        assert best is not None
        return best[0], b.cast(best[1], I64)

    def _read_or_least(self, taps: Sequence[Tap]) -> SSAValue:
        """`x` at a tap; in windows that may have no tap in `x` at all, -inf at those outside. In
        others a tap outside repeats one inside, which changes no maximum."""
        b = self.b
        value = self.read(self.x, taps)
        inside: SSAValue | None = None
        for axis, tap in zip(self.axes, taps):
            if axis.may_be_empty:
                inside = both(b, inside, tap.inside)
        if inside is None:
            return value
        return b.select(inside, value, b.full_like(neutral_element("max", b.element(value)), value))

    def _place(self, taps: Sequence[Tap], small: bool = False) -> SSAValue:
        """The index of a tap, as i32 if that is enough: twice as many fit in a vector."""
        b = self.b
        element = I32 if small else I64
        total: SSAValue | None = None
        for tap, axis in zip(taps, self.axes):
            position = b.cast(tap.position, element)
            if total is not None:
                size = b.cast(b.broadcast_to(b.size_scalar(axis.source), self.dims), element)
                position = b.add(b.mul(total, size), position)
            total = position
        assert total is not None
        return total

    def _max_of_loops(self) -> tuple[SSAValue, SSAValue]:
        b = self.b
        taps = [self.tap(axis, 0) for axis in range(len(self.axes))]
        value, place = self._read_or_least(taps), self._place(taps)
        greatest = b.amax(value, self.inner)
        everywhere = b.broadcast(greatest, range(len(self.result)), self.dims)
        beyond = b.full_like(integer_range(I64)[1], place)
        equal = b.compare("eq", value, everywhere)
        first = b.amin(b.select(equal, place, beyond), self.inner)
        if b.element(value) not in FLOATS:
            return greatest, first
        nan = b.amax(b.select(b.is_nan(value), place, b.full_like(-1, place)), self.inner)
        has_nan = b.compare("ge", nan, b.full_like(0, nan))
        return greatest, b.select(has_nan, nan, first)
