"""Numbers among the arguments of operators that change from call to call: with `dynamic=True` they
are symbols in the graph, and one compilation serves them all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

FUNCTIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "softplus": lambda x, n: F.softplus(x, beta=n, threshold=2 * n),
    "elu": lambda x, n: F.elu(x, alpha=n),
    "celu": lambda x, n: F.celu(x, n),
    "leaky_relu": lambda x, n: F.leaky_relu(x, n * 0.1),
    "hardtanh": lambda x, n: F.hardtanh(x, -n, n),
    "threshold": lambda x, n: F.threshold(x, n, -n),
    "softshrink": lambda x, n: F.softshrink(x, n * 0.1),
    "clamp": lambda x, n: x.clamp(-n, n),
    "add": lambda x, n: torch.add(x, x, alpha=n),
    "addmm": lambda x, n: torch.addmm(x[:5, :5], x[:5], x[:5].t(), alpha=n, beta=n),
    "logit": lambda x, n: torch.logit(x, eps=n * 0.01),
    "layer_norm": lambda x, n: F.layer_norm(x, (7,), eps=n * 0.1),
    "huber_loss": lambda x, n: F.huber_loss(x, x * 2, delta=n),
    "vector_norm": lambda x, n: torch.linalg.vector_norm(x, n),
    "masked_fill": lambda x, n: x.masked_fill(x > 0, n),
    "pad": lambda x, n: F.pad(x, (1, 2), value=n),
}


@pytest.mark.parametrize("first", [3, 3.5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_numbers_change(name: str, first: float) -> None:
    function = FUNCTIONS[name]
    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower", dynamic=True)
    for more in (0, 1):
        x = torch.randn(13 + more, 7, requires_grad=True)
        found, wanted = compiled(x, first + more), function(x, first + more)
        torch.testing.assert_close(found, wanted)
        (mine,), (eagers,) = (torch.autograd.grad(y.sum(), x) for y in (found, wanted))
        torch.testing.assert_close(mine, eagers)


def with_zeros(x: Tensor, step: int) -> Tensor:
    y = x.clone()
    y[0:20:step] = 0
    return y


WHOLE: dict[str, Callable[[Tensor, int], Tensor]] = {
    "slice": lambda x, n: x[0:20:n] + 1,
    "slices": lambda x, n: x[-n:] + x[:n],
    "slice_scatter": lambda x, n: torch.slice_scatter(x, x[n : 2 * n], 0, n, 2 * n),
    "slice_scatter_step": lambda x, n: torch.slice_scatter(x, x[0:20:n].clone(), 0, 0, 20, n),
    "setitem": with_zeros,
    "select": lambda x, n: x[n] + x[-n],
    "select_scatter": lambda x, n: torch.select_scatter(x, x[n], 0, -n),
    "diagonal_scatter": lambda x, n: torch.diagonal_scatter(x[0], x[0].diagonal(n), n),
    "narrow": lambda x, n: x.narrow(0, n, 5),
    "roll": lambda x, n: x.roll(n, 0),
    "triu": lambda x, n: x.triu(n),
    "diagonal": lambda x, n: x[0].diag(n),
    "unfold": lambda x, n: x.unfold(0, 3, n),
    "as_strided": lambda x, n: x.as_strided((3, 3), (n, 1)),
    "arange": lambda x, n: torch.arange(0, 20, n) + x[0, 0, 0],
    "reflect": lambda x, n: F.pad(x, (n, 1), mode="reflect"),
    "nearest": lambda x, n: F.interpolate(x[None], size=(n * 5, n * 3)),
    "adaptive": lambda x, n: F.adaptive_avg_pool2d(x, n),
    "max_pool": lambda x, n: F.max_pool2d(x[None], 2, n),
    "convolution": lambda x, n: F.conv2d(x[None], torch.ones(2, 20, n, n), stride=n),
    "group_norm": lambda x, n: F.group_norm(x.repeat(n, 1, 1)[None], n),
    "pixel_shuffle": lambda x, n: F.pixel_shuffle(x.repeat(n * n, 1, 1)[None], n),
    "topk": lambda x, n: x.topk(n)[0],
    "chunk": lambda x, n: x.chunk(n)[0] + 1,
    "one_hot": lambda x, n: F.one_hot(x[0].abs().long().clamp(max=0), n),
    "eye": lambda x, n: torch.eye(n) + x[0, 0, 0],
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_change(name: str) -> None:
    """Numbers that were compiled as they are, then as symbols."""
    function = WHOLE[name]
    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower")
    x = torch.randn(20, 20, 20)
    for n in (2, 3, 4):
        torch.testing.assert_close(compiled(x, n), function(x, n), rtol=1e-5, atol=3e-5)


def in_a_kernel(x: Tensor) -> Tensor:
    return x * (256 // (x.shape[0] // 8))


def of_elements(x: Tensor) -> Tensor:
    return x + torch.arange(x.shape[0])[:, None] // (x.shape[0] // 8)


@pytest.mark.parametrize("function", [in_a_kernel, of_elements])
def test_a_size_that_divides_by_zero_raises(function: Callable[[Tensor], Tensor]) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower", dynamic=True)
    for rows in (16, 64, 4, 24):
        x = torch.randn(rows, 4)
        if rows >= 8:
            torch.testing.assert_close(compiled(x), function(x))
            continue
        with pytest.raises((ZeroDivisionError, RuntimeError), match="division"):
            compiled(x)
