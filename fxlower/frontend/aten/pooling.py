"""Pooling: reductions over windows of the last axes, and their gradients.

Gradients are gathered, by the windows that an element is in: no two iterations write one element.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from xdsl.ir import SSAValue

from fxlower.analysis import symbols
from fxlower.dialects.build import FLOATS, Dim
from fxlower.frontend.aten.scatter import combine
from fxlower.frontend.aten.window_reductions import Windows
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, Sym, lowers
from fxlower.frontend.windows import Adaptive, CountedAxis, Covering, Sliding, WindowAxis

aten = torch.ops.aten

MAX_COVERING = 16
"""Windows around an element up to which gradients are gathered: each costs a comparison at every
element of the input, a scatter one addition at every element of the result."""


def _each(values: int | Sequence[int], axes: int) -> list[int]:
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
    n = _rank(b)
    sizes = b.dims(x)[-n:]
    kernel = _each(kernel, n)
    strides = _each(stride, n) if stride else kernel
    return [
        Sliding(*axis, rounds_up=ceil_mode)
        for axis in zip(
            sizes, results[-n:], kernel, strides, _each(padding, n), _each(dilation, n), strict=True
        )
    ]


def _rank(b: RuleBuilder) -> int:
    """The number of axes that the operator has windows along: 2 of `max_pool2d_with_indices`."""
    return 2 if "2d" in str(b.node.target) else 3


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
    _require_floats(b, x)
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
        return scattered_by_place(b, grad, indices, len(axes))
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


def scattered_by_place(b: RuleBuilder, grad: SSAValue, indices: SSAValue, n: int) -> SSAValue:
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


def _quotient(b: RuleBuilder, value: SSAValue, divisor: Dim | SSAValue) -> SSAValue:
    if divisor == 1:
        return value
    if isinstance(divisor, int):
        return b.div(value, b.full_like(divisor, value))
    if isinstance(divisor, str):
        divisor = b.broadcast_to(b.size(divisor), b.dims(value))
    return b.div(value, b.cast(divisor, b.element(value)))


# ----------------------------------------------------------------- adaptive average pooling


def _adaptive(
    b: RuleBuilder, sources: tuple[Dim, ...], results: tuple[Dim, ...]
) -> list[CountedAxis]:
    n = _rank(b)
    return [Adaptive(*axis) for axis in zip(sources[-n:], results[-n:], strict=True)]


def _even(sources: Sequence[Dim], results: Sequence[Dim]) -> list[Dim] | None:
    """The lengths of windows that divide their axes exactly."""
    lengths = [symbols.exact_div(size, count) for size, count in zip(sources, results)]
    return None if None in lengths else lengths  # type: ignore[return-value]


@lowers(aten._adaptive_avg_pool2d.default, aten._adaptive_avg_pool3d.default)
def adaptive_avg_pool(b: RuleBuilder, x: SSAValue, output_size: Sequence[int | Sym]) -> SSAValue:
    _require_floats(b, x)
    n = _rank(b)
    shape, results = b.dims(x), b.result.dims
    lengths = _even(shape[-n:], results[-n:])
    wide = b.compute(x)
    if lengths is not None:
        # Each axis as windows and their elements.
        lead = len(shape) - n
        split = [d for pair in zip(results[-n:], lengths) for d in pair]
        parts = b.reshape(wide, (*shape[:lead], *split))
        sums = b.sum(parts, range(lead + 1, lead + 2 * n, 2))
        return b.cast(_quotient(b, sums, symbols.product(lengths)), b.element(x))
    axes = _adaptive(b, shape, results)
    windows = Windows(b, wide, axes)
    divisor = _adaptive_divisor(b, axes, results)
    return b.cast(_quotient(b, windows.sum(), divisor), b.element(x))


@lowers(aten._adaptive_avg_pool2d_backward.default, aten._adaptive_avg_pool3d_backward.default)
def adaptive_avg_pool_backward(b: RuleBuilder, grad: SSAValue, x: SSAValue) -> SSAValue:
    _require_floats(b, x)
    n = _rank(b)
    shape, windows = b.dims(x), b.dims(grad)
    lengths = _even(shape[-n:], windows[-n:])
    wide = b.compute(grad)
    if lengths is not None:
        lead = len(shape) - n
        share = b.cast(_quotient(b, wide, symbols.product(lengths)), b.element(grad))
        split = (*shape[:lead], *[d for pair in zip(windows[-n:], lengths) for d in pair])
        axes = [*range(lead), *range(lead, lead + 2 * n, 2)]
        return b.reshape(b.broadcast(share, axes, split), shape)
    forward = _adaptive(b, shape, windows)
    share = _quotient(b, wide, _adaptive_divisor(b, forward, windows))
    sums = Windows(b, share, _adaptive(b, windows, shape)).sum()
    return b.cast(sums, b.element(grad))


def _adaptive_divisor(
    b: RuleBuilder, axes: Sequence[CountedAxis], dims: tuple[Dim, ...]
) -> int | SSAValue:
    first = len(dims) - len(axes)
    return _product(b, [axis.length(b, b.iota(first + i, dims)) for i, axis in enumerate(axes)])
