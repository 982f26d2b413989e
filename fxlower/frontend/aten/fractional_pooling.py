"""Max pooling in windows that begin at random places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from xdsl.ir import SSAValue

from fxlower.dialects.build import FLOATS, I64, dims_of
from fxlower.frontend.aten.pooling import scattered_by_place
from fxlower.frontend.aten.window_reductions import Windows
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import NotLowered, lowers
from fxlower.frontend.windows import Tap, WindowAxis

aten = torch.ops.aten


@dataclass(frozen=True)
class RandomAxis(WindowAxis):
    """`result` windows of `count` taps, of which the last ends with the source. `samples` has a
    number in [0, 1) for each plane, which moves its other windows."""

    source: int
    result: int
    count: int
    samples: SSAValue

    def tap(self, b: RuleBuilder, window: SSAValue, number: SSAValue) -> Tap:
        dims = dims_of(window.type)
        last = b.full_like(self.source - self.count, window)
        start: SSAValue = last
        if self.result > 1:
            planes = range(len(dims_of(self.samples.type)))
            sample = b.broadcast(self.samples, planes, dims)
            step = b.div(
                b.full_like(self.source - self.count, sample), b.full_like(self.result - 1, sample)
            )
            there = b.mul(b.add(b.cast(window, b.element(sample)), sample), step)
            start = b.sub(b.cast(there, I64), b.cast(b.mul(sample, step), I64))
            start = b.min(b.max(start, b.full_like(0, start)), last)
            is_last = b.compare("eq", window, b.full_like(self.result - 1, window))
            start = b.select(is_last, last, start)
        return Tap(b.add(start, number))


@lowers(aten.fractional_max_pool2d.default, aten.fractional_max_pool3d.default)
def fractional_max_pool(
    b: RuleBuilder,
    x: SSAValue,
    kernel_size: Sequence[int],
    output_size: Sequence[int],
    random_samples: SSAValue,
) -> tuple[SSAValue, SSAValue]:
    rank = len(output_size)
    shape, results = b.dims(x), b.result.dims[-rank:]
    sizes = shape[-rank:]
    if not all(isinstance(n, int) for n in (*sizes, *results, *kernel_size)):
        raise NotLowered("symbolic sizes")
    if b.element(x) not in FLOATS:
        raise NotLowered("random windows on integers")
    lead = shape[:-rank]
    samples = b.reshape(random_samples, (*lead, rank))
    axes: list[WindowAxis] = []
    for axis in range(rank):
        column = rank - 1 - axis if rank == 2 else axis  # that of two axes has the last one first
        sample = b.reshape(b.slice_axis(samples, len(lead), column, 1), lead)
        axes.append(RandomAxis(sizes[axis], results[axis], kernel_size[axis], sample))  # type: ignore[arg-type]
    return Windows(b, x, axes).max()


@lowers(aten.fractional_max_pool2d_backward.default, aten.fractional_max_pool3d_backward.default)
def fractional_max_pool_backward(
    b: RuleBuilder,
    grad: SSAValue,
    x: SSAValue,
    kernel_size: Sequence[int],
    output_size: Sequence[int],
    indices: SSAValue,
) -> SSAValue:
    return scattered_by_place(b, grad, indices, len(output_size))
