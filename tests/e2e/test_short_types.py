"""Products in short types through torch.compile: bf16 and f16 as accurate as eager, bytes exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fxlower

SIZES = [(64, 64, 64), (33, 100, 129), (17, 129, 31), (5, 15, 200), (130, 1031, 40), (2, 300, 70)]
LOW = [torch.bfloat16, torch.float16]


def compiled(function: Callable[..., Any], dynamic: bool = False) -> Callable[..., Any]:
    torch._dynamo.reset()
    options = {"fallback": "error"}
    return torch.compile(function, backend="fxlower", dynamic=dynamic, options=options)


def assert_as_accurate(found: Tensor, eager: Tensor, exact: Tensor) -> None:
    assert found.dtype == eager.dtype and found.shape == eager.shape
    error, allowed = ((x.double() - exact).abs() for x in (found, eager))
    rounding = torch.finfo(found.dtype).eps * exact.abs().amax()
    assert error.amax() <= allowed.amax() + rounding


@pytest.mark.parametrize("dtype", LOW, ids=str)
@pytest.mark.parametrize("dynamic", [False, True])
def test_low_precision(dtype: torch.dtype, dynamic: bool) -> None:
    functions = [
        torch.mm,
        lambda x, y: x.t().contiguous().t() @ y,
        lambda x, y: F.gelu(x @ y.t().contiguous().t()) * 0.5,
        lambda x, y: (x @ y).t().contiguous(),
    ]
    for function in functions:
        run = compiled(function, dynamic)
        for m, k, n in SIZES[:3] if dynamic else SIZES[1:3]:
            torch.manual_seed(0)
            x, y = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)
            assert_as_accurate(run(x, y), function(x, y), function(x.double(), y.double()))


@pytest.mark.parametrize("dtype", LOW, ids=str)
def test_layers(dtype: torch.dtype) -> None:
    """Weights that are packed once, a batch, and what follows."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(100, 150), torch.nn.GELU(), torch.nn.Linear(150, 33)
    )
    exact = model.double()
    inputs = [torch.randn(*dims, 100, dtype=torch.float64) for dims in [(7, 9), (64,), (3, 2)]]
    wanted = [exact(x) for x in inputs]
    model.to(dtype)
    run = compiled(model)
    with torch.no_grad():
        for x, w in zip(inputs, wanted):
            assert_as_accurate(run(x.to(dtype)), model(x.to(dtype)), w)


def test_low_precision_special_values() -> None:
    x, y = torch.randn(40, 33).bfloat16(), torch.randn(33, 50).bfloat16()
    x[3, 32], y[32, 7], x[5, 0] = torch.inf, -torch.inf, torch.nan
    found, eager = compiled(torch.mm)(x, y), x @ y
    assert torch.equal(found.isnan(), eager.isnan())
    assert torch.equal(found.isinf(), eager.isinf())


@pytest.mark.parametrize("dynamic", [False, True])
def test_bytes(dynamic: bool) -> None:
    functions = [
        torch._int_mm,
        lambda x, y: torch._int_mm(x, y.t().contiguous().t()),
        lambda x, y: torch._int_mm(x.t().contiguous().t(), y).float() * 0.1,
        lambda x, y: (x.int() @ y.int()).t().contiguous(),
    ]
    for function in functions:
        run = compiled(function, dynamic)
        for m, k, n in SIZES:
            torch.manual_seed(0)
            x, y = (torch.randint(-128, 128, s, dtype=torch.int8) for s in ((m, k), (k, n)))
            x[0], y[:, 0] = -128, -128
            assert torch.equal(run(x, y), function(x, y))


@pytest.mark.parametrize("left", [torch.uint8, torch.int8, torch.int16], ids=str)
@pytest.mark.parametrize("right", [torch.uint8, torch.int8, torch.int16], ids=str)
def test_mixed_integers(left: torch.dtype, right: torch.dtype) -> None:
    """Exact, and modulo 2**32 where that is too small."""

    def function(x: Tensor, y: Tensor) -> Tensor:
        return x.int() @ y.int()

    def numbers(dtype: torch.dtype, *sizes: int) -> Tensor:
        info = torch.iinfo(dtype)
        return torch.randint(info.min, info.max + 1, sizes).to(dtype)

    torch.manual_seed(0)
    run = compiled(function)
    x, y = numbers(left, 33, 100), numbers(right, 100, 70)
    x[0], y[:, 0] = torch.iinfo(left).min, torch.iinfo(right).min
    assert torch.equal(run(x, y), function(x, y))


def test_int_mm_is_lowered() -> None:
    x = torch.zeros(32, 32, dtype=torch.int8)
    assert not fxlower.explain(torch._int_mm, x, x).fallbacks
