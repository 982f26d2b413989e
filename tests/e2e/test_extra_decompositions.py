"""Decompositions of our own against the operators that they stand for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import fxlower


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout_is_eagers_bit_by_bit(dtype: torch.dtype, p: float) -> None:
    x = torch.randn(6, 5, 7).to(dtype).requires_grad_()

    def twice(x: Tensor) -> Tensor:
        return F.dropout(F.dropout(x, p).relu(), p)

    torch.manual_seed(0)
    eager = twice(x)
    torch.manual_seed(0)
    explanation = fxlower.explain(twice, x)
    assert torch.equal(explanation.result, eager)
    assert {str(c.target) for c in explanation.fallbacks} <= {"aten.bernoulli.p"}
    weights = torch.randn_like(x)
    found, expected = (torch.autograd.grad(y, x, weights)[0] for y in (explanation.result, eager))
    torch.testing.assert_close(found, expected)


def test_dropout_of_a_transposed_tensor() -> None:
    x = torch.randn(6, 5, 7).transpose(0, 2)
    torch.manual_seed(0)
    eager = F.dropout(x, 0.4)
    torch.manual_seed(0)
    assert torch.equal(torch.compile(F.dropout, backend="fxlower")(x, 0.4), eager)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.histc(x, 7, -1, 1.5),
        lambda x: torch.histc(x.round(), bins=4, min=0, max=2),
        lambda x: torch.tril_indices(5, 37, -1) + torch.triu_indices(5, 8, 1).sum(),
    ],
    ids=["histc", "histc_edges", "triangles"],
)
def test_without_fallback(function: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(5, 37)
    x[1, 2], x[3, 4] = float("nan"), float("inf")
    found = torch.compile(function, backend="fxlower", options={"fallback": "error"})(x)
    assert torch.equal(found, function(x))


@pytest.mark.parametrize("dim", [0, 2])
def test_weight_norm(dim: int) -> None:
    def norm(v: Tensor, g: Tensor) -> Tensor:
        return torch._weight_norm(v, g, dim)

    v = torch.randn(4, 3, 5, requires_grad=True)
    g = torch.randn(4, 1, 1) if dim == 0 else torch.randn(1, 1, 5)
    g.requires_grad_()
    assert not fxlower.explain(norm, v, g, backward=True).fallbacks
    torch._dynamo.reset()
    compiled = torch.compile(norm, backend="fxlower")
    weights = torch.randn(4, 3, 5)
    found, expected = (
        [y, *torch.autograd.grad(y, (v, g), weights)] for y in (compiled(v, g), norm(v, g))
    )
    torch.testing.assert_close(found, expected)


def batch_norm_gradient(function: Callable[..., Tensor], x: Tensor, grad: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    function(x, torch.ones(x.shape[1], dtype=x.dtype)).backward(grad)
    assert x.grad is not None
    return x.grad


def batch_norm(x: Tensor, weight: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, weight, None, True)


def test_gradients_of_a_batch_norm_over_two_elements_add_up_to_0() -> None:
    """As in eager mode: so do they where a ReLU behind it stops one of the two."""
    torch.manual_seed(0)
    x, grad = torch.randn(1, 512, 1, 1), torch.randn(2, 512, 1, 1)
    x, grad[1] = torch.cat((x, -x)), 0
    for function in (batch_norm, torch.compile(batch_norm, backend="fxlower")):
        sums = batch_norm_gradient(function, x, grad).sum(0)
        assert torch.equal(sums, torch.zeros_like(sums))


@pytest.mark.parametrize(("mean", "times"), [(0, 2), (100, 3)])
@pytest.mark.parametrize("shape", [(2, 512, 1, 1), (6, 64, 5, 7), (8, 32, 28, 28), (40, 16)])
def test_gradients_of_a_batch_norm_are_as_exact_as_eager_modes(
    shape: tuple[int, ...], mean: int, times: int
) -> None:
    """Gradients with a great mean depend on that of `x`, which eager mode adds up in float64."""
    torch.manual_seed(0)
    x, grad = torch.randn(shape) + mean / 20, torch.randn(shape) + mean
    exact = batch_norm_gradient(batch_norm, x.double(), grad.double())

    def error(function: Callable[..., Tensor]) -> float:
        return float((batch_norm_gradient(function, x, grad) - exact).norm() / exact.norm())

    compiled = torch.compile(batch_norm, backend="fxlower")
    assert error(compiled) < times * error(batch_norm)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_other_types_and_without_parameters(
    dtype: torch.dtype, training: bool
) -> None:
    torch.manual_seed(0)
    mean, variance = torch.randn(6), torch.rand(6) + 0.5

    def norm(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        return F.batch_norm(x, mean.clone(), variance.clone(), weight, bias, training)

    compiled = torch.compile(norm, backend="fxlower")
    x, grad = torch.randn(4, 6, 9).to(dtype).requires_grad_(), torch.randn(4, 6, 9).to(dtype)
    weight, bias = torch.randn(6, requires_grad=True), torch.randn(6)
    tolerance = {} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 2e-2}
    for parameters in ((weight, bias), (weight, bias.requires_grad_()), (None, None)):
        leaves = [t for t in (x, *parameters) if t is not None and t.requires_grad]
        found, expected = (
            torch.autograd.grad(f(x, *parameters), leaves, grad) for f in (compiled, norm)
        )
        for f, e in zip(found, expected, strict=True):
            torch.testing.assert_close(f, e, **tolerance)
