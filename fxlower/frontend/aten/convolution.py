"""Convolutions that are products of matrices, and those of one channel at a time.

Where windows do not overlap (kernels of 1, patches, transposed convolutions that do not overlap)
every element of the input is in one window at most, so a convolution moves elements to columns,
or from columns, and multiplies:

    columns = unfold(input)             y = weight @ columns
    grad_weight = grad @ columns^T      grad_input = fold(weight^T @ grad)

A transposed convolution is the gradient of one: it folds `weight^T @ input`. Where each group has
one channel, windows of a few taps are added up where they lie (`depthwise.py`).

All others run in eager mode, in which oneDNN has blocked layouts and kernels for them: columns
that overlap are read as often as the kernel has taps, which a product does not make up for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects.build import FLOATS, Dim
from fxlower.frontend.aten.depthwise import Depthwise
from fxlower.frontend.builder import RuleBuilder, TensorInfo
from fxlower.frontend.registry import NotLowered, Sym, lowers
from fxlower.frontend.types import accumulate_element, compute_element
from fxlower.frontend.windows import Sliding

aten = torch.ops.aten

_OVERLAP = "windows overlap"


@dataclass(frozen=True)
class DisjointAxis:
    """An axis of `size` elements with `count` windows of `kernel` taps, `stride` apart, the first
    at `-padding`; stride >= kernel."""

    size: Dim
    count: Dim
    kernel: int
    stride: int
    padding: int

    @property
    def period(self) -> Dim:
        """Elements that the windows take, with the gaps after them."""
        return symbols.mul(self.count, self.stride)

    @property
    def end(self) -> Dim:
        """Where the last window ends, counted from the start of the first."""
        return symbols.add(symbols.mul(symbols.sub(self.count, 1), self.stride), self.kernel)

    @property
    def fits(self) -> bool:
        """Whether all of `period` is known to be in the axis."""
        if self.padding:
            return False
        return self.kernel == self.stride or _at_least(self.size, self.period)


def _at_least(a: Dim, b: Dim) -> bool:
    difference = symbols.sub(a, b)
    return isinstance(difference, int) and difference >= 0


class Windows:
    """The windows of a convolution along the last axes of the tensor that has the larger ones, of
    which `channels` are in `groups`."""

    def __init__(
        self, b: RuleBuilder, batch: Dim, channels: Dim, groups: int, axes: Sequence[DisjointAxis]
    ):
        members = symbols.exact_div(channels, groups)
        if members is None:
            raise NotLowered(f"{channels} channels in {groups} groups")
        self.b = b
        self.batch = batch
        self.channels = channels
        self.groups = groups
        self.members = members
        self.axes = axes
        self.counts = tuple(axis.count for axis in axes)
        self.taps = tuple(axis.kernel for axis in axes if axis.kernel > 1)
        self.inner = [i for i, axis in enumerate(axes) if axis.kernel > 1]

    @property
    def depth(self) -> Dim:
        """Elements of a window, of all channels of its group."""
        return symbols.product([self.members, *self.taps])

    @property
    def places(self) -> Dim:
        return symbols.product(self.counts)

    # --------------------------------------------------------------- to windows and back

    def split(self, x: SSAValue) -> SSAValue:
        """`x` as (batch, group, channel, count, taps, count, taps, ...), without taps where there
        is one only."""
        b = self.b
        lead = (self.batch, self.channels)
        for i, axis in enumerate(self.axes, 2):
            x = self._only_windows(x, i, axis)
        dims: list[Dim] = [self.batch, self.groups, self.members]
        kept: list[Dim] = [self.batch, self.groups, self.members]
        for axis in self.axes:
            dims.append(axis.count)
            kept.append(axis.count)
            if axis.kernel > 1:
                dims.append(axis.stride)
                kept.append(axis.kernel)
        assert b.dims(x)[:2] == lead
        x = b.reshape(x, dims)
        return b.slice(x, [0] * len(dims), [1] * len(dims), kept)

    def _only_windows(self, x: SSAValue, position: int, axis: DisjointAxis) -> SSAValue:
        b = self.b
        if not axis.fits:
            size = symbols.add(axis.size, 2 * axis.padding)
            if axis.kernel > 1 and not _at_least(size, axis.period):
                # The last window ends within the padding; the gap after it may not.
                size = symbols.add(size, axis.stride - axis.kernel)
            low = [axis.padding if i == position else 0 for i in range(len(b.dims(x)))]
            shape = b.dims(x)
            x = b.pad(x, 0, low, (*shape[:position], size, *shape[position + 1 :]))
        if axis.kernel == 1:
            return b.slice_axis(x, position, 0, axis.count, axis.stride)
        return b.slice_axis(x, position, 0, axis.period)

    def join(self, parts: SSAValue) -> SSAValue:
        """The inverse of `split`: 0 where there is no window."""
        b = self.b
        dims: list[Dim] = [self.batch, self.groups, self.members]
        padded: list[Dim] = list(dims)
        for axis in self.axes:
            dims += [axis.count, axis.kernel]
            padded += [axis.count, axis.stride]
        parts = b.pad(b.reshape(parts, dims), 0, [0] * len(dims), padded)
        x = b.reshape(parts, (self.batch, self.channels, *(a.period for a in self.axes)))
        for i, axis in enumerate(self.axes, 2):
            shape = b.dims(x)
            end = symbols.add(axis.size, axis.padding)
            if not _at_least(axis.period, end):
                if not (axis.fits or _at_least(end, axis.period)):
                    # The last window may end in the padding after the axis, and not beyond it.
                    x = b.slice_axis(x, i, 0, axis.end)
                    end = symbols.add(end, axis.padding)
                x = b.pad(x, 0, [0] * len(shape), (*shape[:i], end, *shape[i + 1 :]))
            x = b.slice_axis(x, i, axis.padding, axis.size)
        return x

    # ------------------------------------------------------------------------- products

    def columns(self, parts: SSAValue) -> SSAValue:
        """(batch, group, depth, places) of what `split` makes."""
        order = [0, 1, 2, *self._tap_axes(), *self._count_axes()]
        dims = (self.batch, self.groups, self.depth, self.places)
        return self.b.reshape(self.b.permute(parts, order), dims)

    def rows(self, parts: SSAValue) -> SSAValue:
        """(group, batch * places, depth) of what `split` makes."""
        order = [1, 0, *self._count_axes(), 2, *self._tap_axes()]
        dims = (self.groups, symbols.mul(self.batch, self.places), self.depth)
        return self.b.reshape(self.b.permute(parts, order), dims)

    def of_columns(self, columns: SSAValue) -> SSAValue:
        """What `columns` were made of."""
        order = [0, 1, 2, *self._tap_axes(), *self._count_axes()]
        dims = (self.batch, self.groups, self.members, *self.taps, *self.counts)
        return self.b.permute(self.b.reshape(columns, dims), _inverse(order))

    def of_rows(self, rows: SSAValue) -> SSAValue:
        order = [1, 0, *self._count_axes(), 2, *self._tap_axes()]
        dims = (self.groups, self.batch, *self.counts, self.members, *self.taps)
        return self.b.permute(self.b.reshape(rows, dims), _inverse(order))

    def _count_axes(self) -> list[int]:
        axes, position = [], 3
        for axis in self.axes:
            axes.append(position)
            position += 1 if axis.kernel == 1 else 2
        return axes

    def _tap_axes(self) -> list[int]:
        return [
            position + 1 for position, axis in zip(self._count_axes(), self.axes) if axis.kernel > 1
        ]


def _inverse(order: Sequence[int]) -> list[int]:
    return [order.index(axis) for axis in range(len(order))]


class Product:
    """`y = weight @ columns` and its transposes. `x` has the windows, `y` one element for each.

    With `in_rows` the channels of both are taken to be innermost in memory, as in channels_last,
    and all images are rows of one product; else each image is one, with its pixels as columns."""

    def __init__(self, windows: Windows, weight: SSAValue | None, outer: Dim, in_rows: bool):
        self.b = windows.b
        self.windows = windows
        self.in_rows = in_rows
        self.outer = outer
        """Channels of y in each group."""
        groups, depth = windows.groups, windows.depth
        self.weight = None
        if weight is not None:
            self.weight = self.b.reshape(weight, (groups, outer, depth))

    def y_of(self, x: SSAValue) -> SSAValue:
        b, w = self.b, self.windows
        parts = w.split(x)
        assert self.weight is not None
        if self.in_rows:
            transposed = b.permute(self.weight, (0, 2, 1))
            return self._of_rows(self._multiply(w.rows(parts), transposed))
        return self._of_columns(self._multiply(self._for_images(self.weight), w.columns(parts)))

    def x_of(self, y: SSAValue) -> SSAValue:
        b, w = self.b, self.windows
        assert self.weight is not None
        if self.in_rows:
            return w.join(w.of_rows(self._multiply(self._rows(y), self.weight)))
        transposed = self._for_images(b.permute(self.weight, (0, 2, 1)))
        return w.join(w.of_columns(self._multiply(transposed, self._columns(y))))

    def weight_of(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """The sum of `y @ columns^T` over the images: of a product for each where that is little to
        add up, else one product along all pixels, which are joined first."""
        b, w = self.b, self.windows
        parts = w.split(x)
        if self.in_rows:
            return self._multiply(b.permute(self._rows(y), (0, 2, 1)), w.rows(parts))
        y, columns = self._columns(y), w.columns(parts)
        if w.batch == 1 or self._has_many_places():
            return b.sum(self._multiply(y, b.permute(columns, (0, 1, 3, 2))), (0,))
        # Pixels stay innermost: whole rows are copied.
        depth = symbols.mul(w.batch, w.places)
        left = b.reshape(b.permute(y, (1, 2, 0, 3)), (w.groups, self.outer, depth))
        right = b.reshape(b.permute(columns, (1, 2, 0, 3)), (w.groups, w.depth, depth))
        return self._multiply(left, b.permute(right, (0, 2, 1)))

    def _has_many_places(self) -> bool:
        """Whether products of single images have fewer elements than their operands."""
        places, outer, depth = self.windows.places, self.outer, self.windows.depth
        if not (isinstance(places, int) and isinstance(outer, int) and isinstance(depth, int)):
            return False
        return places * (outer + depth) > 2 * outer * depth

    def _multiply(self, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        """Without batch dims of 1, of which there may be one or two."""
        b = self.b
        left, right = b.dims(lhs), b.dims(rhs)
        batch = tuple(d for d in left[:-2] if d != 1)
        lhs = b.reshape(lhs, (*batch, *left[-2:]))
        rhs = b.reshape(rhs, (*batch, *right[-2:]))
        element = accumulate_element(b.element(lhs))
        made = b.matmul(lhs, rhs, element)
        return b.reshape(made, (*left[:-2], left[-2], right[-1]))

    def _for_images(self, weight: SSAValue) -> SSAValue:
        dims = (self.windows.batch, *self.b.dims(weight))
        return self.b.broadcast(weight, (1, 2, 3), dims)

    def _columns(self, y: SSAValue) -> SSAValue:
        w = self.windows
        return self.b.reshape(y, (w.batch, w.groups, self.outer, w.places))

    def _rows(self, y: SSAValue) -> SSAValue:
        b, w = self.b, self.windows
        y = b.reshape(y, (w.batch, w.groups, self.outer, *w.counts))
        y = b.permute(y, (1, 0, *range(3, 3 + len(w.counts)), 2))
        return b.reshape(y, (w.groups, symbols.mul(w.batch, w.places), self.outer))

    def _of_columns(self, columns: SSAValue) -> SSAValue:
        w = self.windows
        return self.b.reshape(columns, (w.batch, self._channels(), *w.counts))

    def _of_rows(self, rows: SSAValue) -> SSAValue:
        b, w = self.b, self.windows
        y = b.reshape(rows, (w.groups, w.batch, *w.counts, self.outer))
        rank = len(w.counts)
        y = b.permute(y, (1, 0, rank + 2, *range(2, rank + 2)))
        return b.reshape(y, (w.batch, self._channels(), *w.counts))

    def _channels(self) -> Dim:
        return symbols.mul(self.windows.groups, self.outer)


# ------------------------------------------------------------------------------------ rules


def _each(values: Sequence[int | Sym], rank: int, what: str) -> list[int]:
    if any(not isinstance(v, int) for v in values):
        raise NotLowered(f"a symbolic {what}")
    return [int(v) for v in (values if len(values) > 1 else [*values] * rank)]


@dataclass(frozen=True)
class Convolution:
    """The arguments of a convolution but for the tensors."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    output_padding: list[int]
    transposed: bool
    groups: int


def _read(
    rank: int,
    stride: Sequence[int | Sym],
    padding: Sequence[int | Sym],
    dilation: Sequence[int | Sym],
    transposed: bool,
    output_padding: Sequence[int | Sym],
    groups: int | Sym,
) -> Convolution:
    if not isinstance(groups, int):
        raise NotLowered("a symbolic number of groups")
    return Convolution(
        _each(stride, rank, "stride"),
        _each(padding, rank, "padding"),
        _each(dilation, rank, "dilation"),
        _each(output_padding, rank, "output padding"),
        transposed,
        groups,
    )


def _product(
    b: RuleBuilder,
    convolution: Convolution,
    x: tuple[Dim, ...],
    y: tuple[Dim, ...],
    weight: SSAValue,
    layout: TensorInfo | None,
) -> Product:
    """The product of a convolution: `x` are the dims of the tensor with windows, `y` its peer."""
    shape = b.dims(weight)
    kernel = shape[2:]
    axes: list[DisjointAxis] = []
    for i, taps in enumerate(kernel):
        if not isinstance(taps, int):
            raise NotLowered("a kernel of symbolic size")
        stride = convolution.stride[i]
        if taps > 1 and convolution.dilation[i] > 1:
            raise NotLowered("taps of a window that lie apart")
        if taps > stride and y[2 + i] != 1:
            raise NotLowered(_OVERLAP)
        axes.append(
            DisjointAxis(x[2 + i], y[2 + i], taps, max(stride, taps), convolution.padding[i])
        )
    groups = convolution.groups
    windows = Windows(b, x[0], x[1], groups, axes)
    outer = symbols.exact_div(y[1], groups)
    if outer is None:
        raise NotLowered(f"{y[1]} channels in {groups} groups")
    return Product(windows, weight, outer, windows.places == 1 or _channels_last(layout))


def _depthwise(
    b: RuleBuilder,
    how: Convolution,
    x: tuple[Dim, ...],
    y: tuple[Dim, ...],
    weight: SSAValue,
    layout: TensorInfo | None,
) -> Depthwise | None:
    """The convolution of each channel by itself, if it is one."""
    kernel = b.dims(weight)[2:]
    if how.transposed or how.groups == 1 or how.groups != x[1] or symbols.product(kernel) == 1:
        return None
    multiplier = symbols.exact_div(b.dims(weight)[0], how.groups)
    if not isinstance(multiplier, int):
        return None
    axes: list[Sliding] = []
    for i, taps in enumerate(kernel):
        if not isinstance(taps, int):
            raise NotLowered("a kernel of symbolic size")
        axes.append(
            Sliding(x[2 + i], y[2 + i], taps, how.stride[i], how.padding[i], how.dilation[i])
        )
    if _channels_last(layout):
        raise NotLowered("windows across channels that are innermost in memory")
    depthwise = Depthwise(b, weight, axes, multiplier)
    depthwise.require_fast()
    return depthwise


def _channels_last(info: TensorInfo | None) -> bool:
    return info is not None and info.strides[1] == 1 and info.dims[1] != 1


@lowers(aten.convolution.default)
def convolution(
    b: RuleBuilder,
    x: SSAValue,
    weight: SSAValue,
    bias: SSAValue | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> SSAValue:
    if b.element(x) not in FLOATS or b.element(weight) != b.element(x):
        raise NotLowered("a convolution of integers")
    rank = len(b.dims(x)) - 2
    how = _read(rank, stride, padding, dilation, transposed, output_padding, groups)
    shapes = b.dims(x), b.result.dims
    if (depthwise := _depthwise(b, how, shapes[0], shapes[1], weight, b.result)) is not None:
        made = depthwise.y_of(x)
    elif transposed:
        made = _product(b, how, shapes[1], shapes[0], weight, b.result).x_of(x)
    else:
        made = _product(b, how, shapes[0], shapes[1], weight, b.result).y_of(x)
    made = b.cast(made, compute_element(b.element(x)))
    if bias is not None:
        made = b.add(made, b.broadcast(b.compute(bias), [1], b.dims(made)))
    return b.cast(made, b.result.element)


@lowers(aten.convolution_backward.default)
def convolution_backward(
    b: RuleBuilder,
    grad: SSAValue,
    x: SSAValue,
    weight: SSAValue,
    bias_sizes: Sequence[int] | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    output_mask: Sequence[bool],
) -> list[SSAValue | None]:
    if b.element(x) not in FLOATS or b.element(weight) != b.element(x):
        raise NotLowered("a convolution of integers")
    rank = len(b.dims(x)) - 2
    how = _read(rank, stride, padding, dilation, transposed, output_padding, groups)
    shapes = b.dims(x), b.dims(grad)
    layout = b.results[0]
    results: list[SSAValue | None] = [None, None, None]
    depthwise = _depthwise(b, how, shapes[0], shapes[1], weight, layout)
    if depthwise is not None:
        if output_mask[0]:
            results[0] = b.cast(depthwise.x_of(grad), b.element(x))
        if output_mask[1]:
            made = b.reshape(depthwise.weight_of(x, grad), b.dims(weight))
            results[1] = b.cast(made, b.element(weight))
    elif output_mask[0] or output_mask[1]:
        if transposed:
            product = _product(b, how, shapes[1], shapes[0], weight, layout)
        else:
            product = _product(b, how, shapes[0], shapes[1], weight, layout)
        if output_mask[0]:
            made = product.y_of(grad) if transposed else product.x_of(grad)
            results[0] = b.cast(made, b.element(x))
        if output_mask[1]:
            made = product.weight_of(grad, x) if transposed else product.weight_of(x, grad)
            results[1] = b.cast(b.reshape(made, b.dims(weight)), b.element(weight))
    if output_mask[2]:
        axes = [0, *range(2, rank + 2)]
        results[2] = b.cast(b.sum(b.compute(grad), axes), b.element(grad))
    return results
