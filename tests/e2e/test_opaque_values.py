"""Values in a graph that are no strided tensors (sparse, quantized): operators on them run in eager
mode, between kernels, and they may be results and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F


def gather(x: Tensor, i: Tensor) -> Tensor:
    return torch.gather(x, 1, i[:, :3], sparse_grad=True) * 2


def embedding(x: Tensor, i: Tensor) -> Tensor:
    return F.embedding(i, x, sparse=True).sigmoid()


def embedding_of_a_product(x: Tensor, i: Tensor) -> Tensor:
    return F.embedding(i, x * 3, sparse=True).sigmoid()


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("function", [gather, embedding, embedding_of_a_product])
def test_gradients_may_be_sparse(function: Callable[..., Any], dynamic: bool) -> None:
    torch._dynamo.reset()
    index = torch.randint(0, 5, (7, 9), generator=torch.Generator().manual_seed(0))
    gradients: list[Tensor] = []
    for run in (function, torch.compile(function, backend="fxlower", dynamic=dynamic)):
        x = torch.linspace(-2, 2, 55).reshape(11, 5).requires_grad_()
        run(x, index).sum().backward()
        assert x.grad is not None
        gradients.append(x.grad)
    expected, found = gradients
    assert found.layout == expected.layout
    torch.testing.assert_close(found.to_dense(), expected.to_dense())


def sparse_within(x: Tensor) -> Tensor:
    return (x.relu().to_sparse() * 2).to_dense() + 1


def sparse_result(x: Tensor) -> tuple[Tensor, Tensor]:
    return (x * 2).to_sparse(), x + 1


def quantized_within(x: Tensor) -> Tensor:
    return torch.quantize_per_tensor(x.tanh(), 0.1, 3, torch.quint8).dequantize() * 2


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("function", [sparse_within, sparse_result, quantized_within])
def test_values_inside_a_graph(function: Callable[..., Any]) -> None:
    torch._dynamo.reset()
    x = torch.linspace(-2, 2, 55).reshape(11, 5)
    found, expected = torch.compile(function, backend="fxlower")(x), function(x)
    torch.testing.assert_close(found, expected)
