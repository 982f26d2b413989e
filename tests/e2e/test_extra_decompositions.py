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
