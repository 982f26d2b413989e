"""Windows of pooling operators: which elements of a source axis each element of a result reads.

A window is a few *taps*, numbered from 0 on. The position of a tap is arithmetic on the index
along the result's axis, clamped to the source, so that no padded copy of the source is made and
every load is valid; whether the tap is inside the window is a condition beside it. Both are the
same along all other axes. `peel-borders` later takes the clamps out of the loops, but for the
border of a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects.build import Dim, dims_of
from fxlower.frontend.builder import RuleBuilder


@dataclass(frozen=True)
class Tap:
    """One tap of the windows along an axis."""

    position: SSAValue
    """A valid index into the source, in the window itself wherever the window reaches it."""
    inside: SSAValue | None = None
    """Whether the tap belongs to the window; None where all do."""


class WindowAxis(ABC):
    """One axis of a source that is read in windows."""

    source: Dim
    """Its size."""
    result: Dim
    """The number of windows."""
    count: Dim
    """Taps of the largest window."""
    may_be_empty: bool = False
    """Whether there may be windows without any tap inside."""

    @abstractmethod
    def tap(self, b: RuleBuilder, window: SSAValue, number: SSAValue) -> Tap:
        """Tap `number` of each window: both are i64 and of the same dims."""


class CountedAxis(WindowAxis):
    """An axis whose windows tell how many taps they have, as a mean asks."""

    @abstractmethod
    def length(self, b: RuleBuilder, window: SSAValue) -> int | SSAValue:
        """The number of taps that are inside."""


def number(b: RuleBuilder, value: Dim, like: SSAValue) -> SSAValue:
    """A size at every point of `like`."""
    return b.broadcast_to(b.size_scalar(value), dims_of(like.type))


def both(b: RuleBuilder, x: SSAValue | None, y: SSAValue | None) -> SSAValue | None:
    """The conjunction of two conditions, of which None always holds."""
    if x is None or y is None:
        return x if y is None else y
    return b.logical_and(x, y)


def _clamped(
    b: RuleBuilder, position: SSAValue, size: Dim, below: bool, beyond: bool
) -> tuple[SSAValue, SSAValue | None]:
    """`position` clamped to `size` elements, and whether that changes nothing. It may be less than
    0 only if `below`, and `size` or more only if `beyond`."""
    clamped, inside = position, None
    if below:
        first = b.full_like(0, position)
        clamped = b.max(clamped, first)
        inside = b.compare("ge", position, first)
    if beyond:
        last = number(b, symbols.sub(size, 1), position)
        clamped = b.min(clamped, last)
        inside = both(b, inside, b.compare("le", position, last))
    return clamped, inside


@dataclass(frozen=True)
class Sliding(CountedAxis):
    """`kernel` taps, `dilation` apart, in windows `stride` apart, the first at `-padding`."""

    source: Dim
    result: Dim
    kernel: int
    stride: int
    padding: int
    dilation: int = 1
    rounds_up: bool = False
    """Whether the last window may end beyond the padding."""

    @property
    def count(self) -> int:
        return self.kernel

    @property
    def span(self) -> int:
        return (self.kernel - 1) * self.dilation + 1

    @property
    def reaches_beyond(self) -> bool:
        """Whether a window may end beyond the source."""
        if isinstance(self.source, int) and isinstance(self.result, int):
            return (self.result - 1) * self.stride - self.padding + self.span > self.source
        return self.padding > 0 or self.rounds_up

    @property
    def may_be_empty(self) -> bool:  # type: ignore[override]
        return self.dilation > 1

    @property
    def is_plain(self) -> bool:
        """Whether all taps of all windows are elements of the source."""
        return self.padding == 0 and not self.reaches_beyond

    def tap(self, b: RuleBuilder, window: SSAValue, number: SSAValue) -> Tap:
        start = self._start(b, window)
        position = b.add(start, b.mul(number, b.full_like(self.dilation, number)))
        below = self.padding > 0
        clamped, inside = _clamped(b, position, self.source, below, self.reaches_beyond)
        if self.dilation > 1 and inside is not None:
            clamped = self._clamped_to_taps(b, start, position)
        return Tap(clamped, inside)

    def _start(self, b: RuleBuilder, window: SSAValue) -> SSAValue:
        start = b.mul(window, b.full_like(self.stride, window))
        return b.sub(start, b.full_like(self.padding, start)) if self.padding else start

    def _clamped_to_taps(self, b: RuleBuilder, start: SSAValue, position: SSAValue) -> SSAValue:
        """`position` clamped to the first and the last tap that the source has; any valid position
        where it has none, as when taps lie on both sides of a source that fits between them."""
        step, zero = b.full_like(self.dilation, start), b.full_like(0, start)
        above = b.add(b.max(b.neg(start), zero), b.full_like(self.dilation - 1, start))
        first = b.add(start, b.mul(b.div(above, step), step))
        end = number(b, symbols.sub(self.source, 1), start)
        room = b.max(b.sub(end, start), zero)
        last = b.add(start, b.mul(b.div(room, step), step))
        return b.min(b.max(b.min(b.max(position, first), last), zero), end)

    def length(self, b: RuleBuilder, window: SSAValue) -> int | SSAValue:
        return self._length(b, window, 0)

    def padded_length(self, b: RuleBuilder, window: SSAValue) -> int | SSAValue:
        """The number of taps in the source and its padding."""
        return self._length(b, window, self.padding)

    def _length(self, b: RuleBuilder, window: SSAValue, padding: int) -> int | SSAValue:
        """Taps in the source with `padding` around it; the dilation is 1."""
        below = self.padding > padding
        if padding and isinstance(self.source, int) and isinstance(self.result, int):
            last = (self.result - 1) * self.stride - self.padding + self.span
            beyond = last > self.source + padding
        else:
            beyond = self.rounds_up if padding else self.reaches_beyond
        if not below and not beyond:
            return self.kernel
        start = self._start(b, window)
        end = b.add(start, b.full_like(self.kernel, start))
        if beyond:
            end = b.min(end, number(b, symbols.add(self.source, padding), end))
        if below:
            start = b.max(start, b.full_like(-padding, start))
        return b.sub(end, start)


@dataclass(frozen=True)
class Covering(WindowAxis):
    """The windows of `sliding` that an element of its source is in: their gradients add up to its
    own. Tap 0 is the last of them."""

    sliding: Sliding
    exact: bool = True
    """Whether windows that end before the element are told apart; those beyond the ends are."""

    @property
    def source(self) -> Dim:
        return self.sliding.result

    @property
    def result(self) -> Dim:
        return self.sliding.source

    @property
    def count(self) -> int:
        return -(-self.sliding.span // self.sliding.stride)

    def tap(self, b: RuleBuilder, window: SSAValue, number: SSAValue) -> Tap:
        s = self.sliding
        place = b.add(window, b.full_like(s.padding, window)) if s.padding else window
        stride = b.full_like(s.stride, place)
        last = b.div(place, stride) if s.stride > 1 else place
        position = b.sub(last, number)
        below = s.padding // s.stride < self.count - 1
        beyond = True
        if isinstance(self.result, int) and isinstance(self.source, int):
            beyond = (self.result - 1 + s.padding) // s.stride > self.source - 1
        clamped, inside = _clamped(b, position, self.source, below, beyond)
        if (
            self.exact and s.span % s.stride
        ):  # the first of `count` windows may end before the element
            distance = b.sub(place, b.mul(position, stride))
            ends = b.compare("lt", distance, b.full_like(s.span, distance))
            inside = both(b, inside, ends)
        return Tap(clamped, inside)


@dataclass(frozen=True)
class Adaptive(CountedAxis):
    """`result` windows that divide the source as evenly as overlapping ones can: window i is
    `[i * source // result, ceil((i + 1) * source / result))`.

    Element j is in window i if `i * source < (j + 1) * result` and `j * result < (i + 1) * source`.
    That is the same statement with both exchanged, so the windows that an element is in are those
    of `Adaptive(result, source)`."""

    source: Dim
    result: Dim

    @property
    def count(self) -> Dim:
        if isinstance(self.source, int) and isinstance(self.result, int):
            ends = [
                (-(-(i + 1) * self.source // self.result), i * self.source // self.result)
                for i in range(self.result)
            ]
            return max((end - start for end, start in ends), default=1)
        return symbols.add(symbols.ceil_div(self.source, self.result), 1)

    def bounds(self, b: RuleBuilder, window: SSAValue) -> tuple[SSAValue, SSAValue]:
        """The first element of each window and the one after its last."""
        size, windows = number(b, self.source, window), number(b, self.result, window)
        if not isinstance(self.result, int):
            windows = b.nonzero_divisor(windows)
        start = b.div(b.mul(window, size), windows)
        next_ = b.add(window, b.full_like(1, window))
        rounding = b.sub(windows, b.full_like(1, windows))
        return start, b.div(b.add(b.mul(next_, size), rounding), windows)

    def tap(self, b: RuleBuilder, window: SSAValue, number: SSAValue) -> Tap:
        start, end = self.bounds(b, window)
        last = b.sub(end, b.full_like(1, end))
        position = b.add(start, number)
        return Tap(b.min(position, last), b.compare("le", position, last))

    def length(self, b: RuleBuilder, window: SSAValue) -> int | SSAValue:
        start, end = self.bounds(b, window)
        return b.sub(end, start)
