"""float8: the bits that eager makes, of every code and around every tie, and what builds on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

FLOAT8 = [
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
]
OTHERS = [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int32, torch.bool]
EVERY_CODE = torch.arange(256, dtype=torch.uint8)


def compiled(function: Callable[..., Any], fallback: str = "error") -> Callable[..., Any]:
    torch._dynamo.reset()
    return torch.compile(function, backend="fxlower", options={"fallback": fallback})


def plain(x: Tensor) -> Tensor:
    """Something that can be compared: all NaN are one."""
    if x.dtype not in FLOAT8:
        return x
    return torch.where(x.float().isnan(), 255, x.view(torch.uint8).int())


def assert_same(found: Tensor, eager: Tensor) -> None:
    assert found.dtype == eager.dtype and found.shape == eager.shape
    torch.testing.assert_close(plain(found), plain(eager), rtol=0, atol=0, equal_nan=True)


def numbers(dtype: torch.dtype) -> Tensor:
    """All of its numbers, the ties between them with their neighbours, and any bits."""
    exact = EVERY_CODE.view(dtype).float()
    ordered = exact[exact.isfinite()].sort()[0]
    ties = (ordered[1:] + ordered[:-1]) / 2
    above, below = (torch.nextafter(ties, torch.tensor(s * torch.inf)) for s in (1, -1))
    generator = torch.Generator().manual_seed(0)
    bits = torch.randint(-(2**31), 2**31, (20000,), generator=generator).int()
    ends = [0.0, -0.0, torch.inf, -torch.inf, torch.nan, 464, 480, 1e6, 65536, 61440, 256, 248, 240]
    return torch.cat([exact, ties, above, below, bits.view(torch.float32), torch.tensor(ends)])


@pytest.mark.parametrize("other", OTHERS, ids=str)
@pytest.mark.parametrize("dtype", FLOAT8, ids=str)
def test_conversions(dtype: torch.dtype, other: torch.dtype) -> None:
    codes = EVERY_CODE.view(dtype)
    if other == torch.int32:
        codes = codes[codes.float().isfinite()]
        wide = torch.arange(-500, 500, dtype=torch.int32)
    else:
        wide = numbers(dtype).to(other)
    assert_same(compiled(lambda x: x.to(other))(codes), codes.to(other))
    assert_same(compiled(lambda x: x.to(dtype))(wide), wide.to(dtype))


@pytest.mark.parametrize("to", FLOAT8, ids=str)
def test_between(to: torch.dtype) -> None:
    for dtype in FLOAT8:
        codes = EVERY_CODE.view(dtype)
        assert_same(compiled(lambda x: x.to(to))(codes), codes.to(to))


@pytest.mark.parametrize("dtype", FLOAT8, ids=str)
def test_views(dtype: torch.dtype) -> None:
    def function(x: Tensor) -> tuple[Tensor, ...]:
        moved = x.t(), x[1:, ::2].clone(), x.reshape(-1)[3:], x[0].expand(3, -1), x.flip(0)
        joined = torch.cat([x, x[1:]]), torch.stack([x, x])
        return *moved, *joined, x.view(torch.int8) + 1, x[torch.tensor([2, 0])]

    x = torch.randn(5, 8).to(dtype)
    for found, eager in zip(compiled(function)(x), function(x), strict=True):
        assert_same(found, eager)


@pytest.mark.parametrize("dtype", FLOAT8, ids=str)
def test_dequantized_products(dtype: torch.dtype) -> None:
    def function(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        return x @ (weight.float() * scale)

    x, weight, scale = torch.randn(5, 33), torch.randn(33, 65).to(dtype), torch.rand(65)
    torch.testing.assert_close(compiled(function)(x, weight, scale), function(x, weight, scale))


def test_training_through_a_rounding() -> None:
    def function(x: Tensor, w: Tensor) -> Tensor:
        return (x.to(torch.float8_e4m3fn).float() * w).sum()

    x, w = torch.randn(5, 6, requires_grad=True), torch.randn(6, requires_grad=True)
    found = torch.autograd.grad(compiled(function)(x, w), [x, w])
    for f, e in zip(found, torch.autograd.grad(function(x, w), [x, w]), strict=True):
        torch.testing.assert_close(f, e)


def test_written_in_place() -> None:
    def function(x: Tensor, cache: Tensor) -> Tensor:
        cache.copy_(x * 2)
        return x + 1

    x = torch.randn(3, 40)
    caches = [torch.zeros(3, 40, dtype=torch.float8_e5m2) for _ in range(2)]
    torch.testing.assert_close(compiled(function)(x, caches[0]), function(x, caches[1]))
    assert_same(*caches)


def test_operators_in_eager_mode() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        one = torch.tensor(1.0)
        x8, y8 = x.to(torch.float8_e4m3fn), y.to(torch.float8_e4m3fn)
        return torch._scaled_mm(x8, y8.t(), one, one, out_dtype=torch.bfloat16) * 2

    x, y = torch.randn(16, 32), torch.randn(16, 32)
    torch.testing.assert_close(compiled(function, "aten")(x, y), function(x, y))


def test_powers_of_two() -> None:
    """float8_e8m0fnu, whose conversions run in eager mode."""
    x = torch.rand(50) * 100
    found = compiled(lambda x: x.to(torch.float8_e8m0fnu).float()[::2], "aten")(x)
    assert torch.equal(found, x.to(torch.float8_e8m0fnu).float()[::2])
