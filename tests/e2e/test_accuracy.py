"""Long reductions: as accurate as eager mode, judged by float64, and the same for any threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

FUNCTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "sum": lambda x, dim: x.sum(dim),
    "mean": lambda x, dim: x.mean(dim),
    "var": lambda x, dim: x.var(dim),
    "norm": lambda x, dim: torch.linalg.vector_norm(x, dim=dim),
    "logsumexp": lambda x, dim: x.logsumexp(dim),
    "dot": lambda x, dim: (x * x).sum(dim),
    "cumsum": lambda x, dim: x.cumsum(dim),
}

VALUES: dict[str, Callable[..., Tensor]] = {
    "equal": lambda *shape: torch.full(shape, 0.1),
    "near 1": lambda *shape: 1 + 0.01 * torch.randn(shape),
    "mixed": lambda *shape: torch.randn(shape),
}

SHAPES = {"all": ((3_000_000,), 0), "rows": ((2, 1_000_003), 1), "columns": ((300_001, 10), 0)}

ULPS = 8
"""Units of the last place of the result that are nobody's fault."""


def compiled(function: Callable[[Tensor], Any], dynamic: bool = False) -> Callable[[Tensor], Any]:
    torch._dynamo.reset()
    return torch.compile(function, backend="fxlower", dynamic=dynamic)


def error(found: Tensor, exact: Tensor, scale: Tensor) -> float:
    return ((found.double() - exact).abs() / scale).max().item()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dynamic", [False, True])
def test_long_reductions(name: str, values: str, shape: str, dynamic: bool) -> None:
    torch.manual_seed(0)
    dims, dim = SHAPES[shape]
    x = VALUES[values](*dims)
    function = FUNCTIONS[name]
    exact = function(x.double(), dim)
    scale = exact.abs()
    exact_squares = x.double().square().mean(dim)
    if name in ("sum", "mean", "cumsum"):  # terms may cancel
        scale = function(x.double().abs(), dim)
    elif name == "var":
        scale = scale + 1e-6 * exact_squares  # that of equal values is 0
    found = compiled(lambda x: function(x, dim), dynamic)(x)
    eager = error(function(x, dim), exact, scale)
    assert error(found, exact, scale) <= max(2 * eager, ULPS * torch.finfo(x.dtype).eps)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_summed_in_more(dtype: torch.dtype) -> None:
    x = torch.full((2, 1_000_001), 0.01, dtype=dtype)
    exact = x.double().sum(1)
    found = compiled(lambda x: x.sum(1))(x)
    assert error(found, exact, exact) <= torch.finfo(dtype).eps


@pytest.mark.parametrize("dynamic", [False, True])
def test_results_do_not_depend_on_threads(dynamic: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(4100, 1024)

    def function(x: Tensor):
        return x.sum(), x.sum(0), x.sum(1), x.var(), x.logsumexp(0)

    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(compiled(function, dynamic)(x))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            assert torch.equal(a, b)


@pytest.mark.parametrize("dynamic", [False, True])
def test_long_extremes_and_flags(dynamic: bool) -> None:
    """What is reduced in parts finds what is in the last, and NaN."""
    x = torch.zeros(300_007)
    x[-1] = 2.0
    x[100_000] = -1.0

    def function(x: Tensor):
        return x.max(), x.min(), x.argmax(), x.argmin(), (x > 1).any(), (x < 2).all()

    run = compiled(function, dynamic)
    for change in (None, 299_999):
        if change is not None:
            x[change] = float("nan")
        for found, wanted in zip(run(x), function(x)):
            torch.testing.assert_close(found, wanted, rtol=0, atol=0, equal_nan=True)
