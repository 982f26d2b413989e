"""Convolutions by disjoint windows, imported once and interpreted at other sizes.

The interpreter refuses padding that has no room for its operand, and slices out of bounds; machine
code writes such rows over each other and beyond a buffer, which results need not show.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from tracing import traced

from fxlower.dialects import fxt
from fxlower.reference.fxt import run

SIZES = [*range(7, 19)]


def geometries() -> list[tuple[int, int, int]]:
    """Kernel, stride and padding of windows that do not overlap."""
    return [(k, s, p) for k, s, p in product((1, 2, 3), (1, 2, 3, 5), (0, 1)) if k <= s]


@pytest.mark.parametrize(("kernel", "stride", "padding"), geometries())
@pytest.mark.parametrize("transposed", [False, True])
def test_later_sizes(kernel: int, stride: int, padding: int, transposed: bool) -> None:
    def convolution(x: Tensor, w: Tensor) -> Tensor:
        weight = w.view(2, 2, kernel)
        sizes = [stride], [padding], [1], transposed, [0], 1
        return torch.ops.aten.convolution(x, weight, None, *sizes)

    def backward(grad: Tensor, x: Tensor, w: Tensor) -> Any:
        weight = w.view(2, 2, kernel)
        sizes = None, [stride], [padding], [1], transposed, [0], 1
        mask = [True, True, False]
        return torch.ops.aten.convolution_backward(grad, x, weight, *sizes, mask)[:2]

    def arguments(size: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(size)
        shapes = (3, 2, size), (4 * kernel,)
        x, w = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)
        return [torch.randn(convolution(x, w).shape, dtype=torch.float64), x, w]

    forward = traced(convolution, *arguments(29)[1:], dynamic=True)
    gradients = traced(backward, *arguments(29), dynamic=True)
    for program in (forward, gradients):
        assert not any(isinstance(op, fxt.AtenOp) for op in program.module.walk())
    for size in SIZES:
        args = arguments(size)
        torch.testing.assert_close(run(forward, args[1:]), [convolution(*args[1:])])
        torch.testing.assert_close(tuple(run(gradients, args)), tuple(backward(*args)))
