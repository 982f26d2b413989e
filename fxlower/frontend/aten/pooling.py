"""Pooling: reductions over windows of the last axes, and their gradients.

A window of few elements is unrolled: one load for each tap, combined in the order of eager mode.
Larger ones, and those whose size is symbolic, become inner loops that are reduced over. Gradients
are gathered as well, by the windows that an element is in: no two iterations write one element.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects.build import FLOATS, I32, I64, Dim
from fxlower.frontend.aten.scatter import combine, neutral_element
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers
from fxlower.frontend.types import integer_range
from fxlower.frontend.windows import Adaptive, Covering, Sliding, Tap, WindowAxis, both

aten = torch.ops.aten

MAX_UNROLLED = 36
"""Taps of a window that are unrolled at most: compile time grows with them."""

MAX_COVERING = 16
"""Windows around an element up to which gradients are gathered: each costs a comparison at every
element of the input, a scatter one addition at every element of the result."""


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
        """Of the loops over all windows: with one for each axis of a window that is not unrolled."""
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

    def _sum(self, axis: int, taps: list[Tap], read) -> SSAValue:  # type: ignore[no-untyped-def]
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


def each(values: int | Sequence[int], axes: int) -> list[int]:
    """One value for each axis, of a list that may be of a single one for all."""
    if isinstance(values, int):
        return [values] * axes
    return list(values) if len(values) > 1 else [*values] * axes


def _sliding(
    b: RuleBuilder,
    x: SSAValue,
    results: tuple[Dim, ...],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> list[Sliding]:
    """The windows of the last `rank(kernel)` axes of `x`; `results` are the dims of the result."""
    n = RANKS[b.node.target]
    sizes = b.dims(x)[-n:]
    kernel = each(kernel, n)
    strides = each(stride, n) if stride else kernel
    return [
        Sliding(*axis, rounds_up=ceil_mode)
        for axis in zip(
            sizes, results[-n:], kernel, strides, each(padding, n), each(dilation, n), strict=True
        )
    ]


RANKS = {
    overload: n
    for n, overloads in {
        2: (
            aten.max_pool2d_with_indices.default,
            aten.max_pool2d_with_indices_backward.default,
            aten.avg_pool2d.default,
            aten.avg_pool2d_backward.default,
            aten._adaptive_avg_pool2d.default,
            aten._adaptive_avg_pool2d_backward.default,
            aten.adaptive_max_pool2d.default,
            aten.adaptive_max_pool2d_backward.default,
        ),
        3: (
            aten.max_pool3d_with_indices.default,
            aten.max_pool3d_with_indices_backward.default,
            aten.avg_pool3d.default,
            aten.avg_pool3d_backward.default,
            aten._adaptive_avg_pool3d.default,
            aten._adaptive_avg_pool3d_backward.default,
            aten.adaptive_max_pool3d.default,
            aten.adaptive_max_pool3d_backward.default,
        ),
    }.items()
    for overload in overloads
}
"""The number of axes that an operator has windows along."""


# ------------------------------------------------------------------------------ max pooling


@lowers(aten.max_pool2d_with_indices.default, aten.max_pool3d_with_indices.default)
def max_pool_with_indices(
    b: RuleBuilder,
    x: SSAValue,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> tuple[SSAValue, SSAValue]:
    axes = _sliding(b, x, b.result.dims, kernel_size, stride, padding, dilation, ceil_mode)
    return Windows(b, x, axes).max()


@lowers(
    aten.max_pool2d_with_indices_backward.default, aten.max_pool3d_with_indices_backward.default
)
def max_pool_with_indices_backward(
    b: RuleBuilder,
    grad: SSAValue,
    x: SSAValue,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,
    indices: SSAValue,
) -> SSAValue:
    results = b.dims(grad)
    axes = _sliding(b, x, results, kernel_size, stride, padding, dilation, ceil_mode)
    return _max_backward(b, grad, indices, [Covering(axis, exact=False) for axis in axes])


@lowers(aten.adaptive_max_pool2d.default, aten.adaptive_max_pool3d.default)
def adaptive_max_pool(
    b: RuleBuilder, x: SSAValue, output_size: Sequence[int]
) -> tuple[SSAValue, SSAValue]:
    return Windows(b, x, _adaptive(b, b.dims(x), b.result.dims)).max()


@lowers(aten.adaptive_max_pool2d_backward.default, aten.adaptive_max_pool3d_backward.default)
def adaptive_max_pool_backward(
    b: RuleBuilder, grad: SSAValue, x: SSAValue, indices: SSAValue
) -> SSAValue:
    return _max_backward(b, grad, indices, _adaptive(b, b.dims(grad), b.dims(x)))


def _max_backward(
    b: RuleBuilder, grad: SSAValue, indices: SSAValue, axes: Sequence[WindowAxis]
) -> SSAValue:
    """Each element of the input gets the gradients of the windows around it that chose it."""
    windows = Windows(b, grad, axes)
    shape = b.result.dims
    counts = [axis.count for axis in axes]
    few = all(isinstance(c, int) for c in counts) and prod(counts) <= MAX_COVERING  # type: ignore[arg-type]
    if not few:
        return _scattered(b, grad, indices, len(axes))
    own: SSAValue | None = None
    for axis in range(len(axes)):
        index = windows.index(axis)
        if own is not None:
            size = b.broadcast_to(b.size_scalar(axes[axis].result), shape)
            index = b.add(b.mul(own, size), index)
        own = index
    assert own is not None
    wide = b.compute(grad)
    return b.cast(windows.sum_where(wide, indices, own), b.element(grad))


def _scattered(b: RuleBuilder, grad: SSAValue, indices: SSAValue, n: int) -> SSAValue:
    shape = b.result.dims
    lead, sizes = shape[:-n], shape[-n:]
    flat = (*lead, symbols.product(sizes))
    updates = (*lead, symbols.product(b.dims(grad)[-n:]))
    where = [b.iota(axis, updates) for axis in range(len(lead))]
    index = b.normalize_index(b.reshape(indices, updates), flat[-1])
    zeros = b.full(0, b.element(grad), flat)
    axes = range(len(flat))
    sums = combine(b, "add", zeros, b.reshape(grad, updates), axes, [*where, index])
    return b.reshape(sums, shape)


# -------------------------------------------------------------------------- average pooling


@lowers(aten.avg_pool2d.default, aten.avg_pool3d.default)
def avg_pool(
    b: RuleBuilder,
    x: SSAValue,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> SSAValue:
    _require_floats(b, x)
    axes = _sliding(b, x, b.result.dims, kernel_size, stride, padding, (1,), ceil_mode)
    windows = Windows(b, b.compute(x), axes)
    divisor = _divisor(b, axes, windows.result, count_include_pad, divisor_override)
    return b.cast(_quotient(b, windows.sum(), divisor), b.element(x))


@lowers(aten.avg_pool2d_backward.default, aten.avg_pool3d_backward.default)
def avg_pool_backward(
    b: RuleBuilder,
    grad: SSAValue,
    x: SSAValue,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> SSAValue:
    _require_floats(b, x)
    axes = _sliding(b, x, b.dims(grad), kernel_size, stride, padding, (1,), ceil_mode)
    divisor = _divisor(b, axes, b.dims(grad), count_include_pad, divisor_override)
    share = _quotient(b, b.compute(grad), divisor)
    return b.cast(Windows(b, share, [Covering(axis) for axis in axes]).sum(), b.element(grad))


def _require_floats(b: RuleBuilder, x: SSAValue) -> None:
    if b.element(x) not in FLOATS:
        raise NotLowered("an average of integers")


def _divisor(
    b: RuleBuilder,
    axes: Sequence[Sliding],
    dims: tuple[Dim, ...],
    count_include_pad: bool,
    override: int | None,
) -> int | SSAValue:
    """What the sum over each window is divided by."""
    if override is not None:
        return override
    lengths: list[int | SSAValue] = []
    for i, axis in enumerate(axes):
        window = b.iota(len(dims) - len(axes) + i, dims)
        length = axis.padded_length if count_include_pad else axis.length
        lengths.append(length(b, window))
    return _product(b, lengths)


def _product(b: RuleBuilder, lengths: Sequence[int | SSAValue]) -> int | SSAValue:
    known = prod(n for n in lengths if isinstance(n, int))
    total: SSAValue | None = None
    for length in lengths:
        if isinstance(length, SSAValue):
            total = length if total is None else b.mul(total, length)
    if total is None:
        return known
    return total if known == 1 else b.mul(total, b.full_like(known, total))


def _quotient(b: RuleBuilder, value: SSAValue, divisor: int | SSAValue) -> SSAValue:
    if isinstance(divisor, int):
        return value if divisor == 1 else b.div(value, b.full_like(divisor, value))
    return b.div(value, b.cast(divisor, b.element(value)))


# ----------------------------------------------------------------- adaptive average pooling


def _adaptive(
    b: RuleBuilder, sources: tuple[Dim, ...], results: tuple[Dim, ...]
) -> list[WindowAxis]:
    n = RANKS[b.node.target]
    return [Adaptive(*axis) for axis in zip(sources[-n:], results[-n:], strict=True)]


def _even(sources: Sequence[Dim], results: Sequence[Dim]) -> list[Dim] | None:
    """The lengths of windows that divide their axes exactly."""
    lengths = [symbols.exact_div(size, count) for size, count in zip(sources, results)]
    return None if None in lengths else lengths  # type: ignore[return-value]


@lowers(aten._adaptive_avg_pool2d.default, aten._adaptive_avg_pool3d.default)
def adaptive_avg_pool(b: RuleBuilder, x: SSAValue, output_size: Sequence[int | Sym]) -> SSAValue:
    _require_floats(b, x)
    n = RANKS[b.node.target]
    shape, results = b.dims(x), b.result.dims
    lengths = _even(shape[-n:], results[-n:])
    wide = b.compute(x)
    if lengths is not None:
        # Each axis as windows and their elements.
        lead = len(shape) - n
        split = [d for pair in zip(results[-n:], lengths) for d in pair]
        parts = b.reshape(wide, (*shape[:lead], *split))
        sums = b.sum(parts, range(lead + 1, lead + 2 * n, 2))
        count = b.cast(
            b.broadcast_to(b.size_scalar(symbols.product(lengths)), results), b.element(wide)
        )
        return b.cast(b.div(sums, count), b.element(x))
    axes = _adaptive(b, shape, results)
    windows = Windows(b, wide, axes)
    divisor = _adaptive_divisor(b, axes, results)
    return b.cast(_quotient(b, windows.sum(), divisor), b.element(x))


@lowers(aten._adaptive_avg_pool2d_backward.default, aten._adaptive_avg_pool3d_backward.default)
def adaptive_avg_pool_backward(b: RuleBuilder, grad: SSAValue, x: SSAValue) -> SSAValue:
    _require_floats(b, x)
    n = RANKS[b.node.target]
    shape, windows = b.dims(x), b.dims(grad)
    lengths = _even(shape[-n:], windows[-n:])
    wide = b.compute(grad)
    if lengths is not None:
        lead = len(shape) - n
        count = b.cast(
            b.broadcast_to(b.size_scalar(symbols.product(lengths)), windows), b.element(wide)
        )
        share = b.cast(b.div(wide, count), b.element(grad))
        split = (*shape[:lead], *[d for pair in zip(windows[-n:], lengths) for d in pair])
        axes = [*range(lead), *range(lead, lead + 2 * n, 2)]
        return b.reshape(b.broadcast(share, axes, split), shape)
    forward = _adaptive(b, shape, windows)
    share = _quotient(b, wide, _adaptive_divisor(b, forward, windows))
    sums = Windows(b, share, _adaptive(b, windows, shape)).sum()
    return b.cast(sums, b.element(grad))


def _adaptive_divisor(
    b: RuleBuilder, axes: Sequence[WindowAxis], dims: tuple[Dim, ...]
) -> int | SSAValue:
    first = len(dims) - len(axes)
    return _product(b, [axis.length(b, b.iota(first + i, dims)) for i, axis in enumerate(axes)])
