"""Softmax, normalizations and losses: results, and the steps that make one kernel."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from test_indexing import assert_same, ops
from torch import Tensor
from tracing import traced

from fxlower.dialects import fxt
from fxlower.frontend.program import Imported

aten = torch.ops.aten

DTYPES = [torch.float32, torch.bfloat16, torch.float64]


def step_names(program: Imported) -> list[str]:
    """The ops of a program without the ones that cost nothing in a kernel."""
    free = (fxt.FullOp, fxt.BroadcastOp, fxt.IotaOp, fxt.CastOp)
    block = next(iter(program.module.body.block.ops)).regions[0].block
    return [op.name.removeprefix("fxt.") for op in block.ops if not isinstance(op, free)][:-1]


def special(dtype: torch.dtype) -> Tensor:
    x = torch.randn(7, 5).to(dtype)
    x[2, 1], x[3, 0] = float("nan"), float("inf")
    x[4], x[5, 2] = -float("inf"), -float("inf")
    return x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [0, -1])
def test_softmax(dtype: torch.dtype, dim: int) -> None:
    x = special(dtype)
    assert_same(lambda x: aten._softmax(x, dim, False), x)
    assert_same(lambda x: aten._log_softmax(x, dim, False), x)
    assert_same(lambda x: aten._safe_softmax(x, dim), x)


def test_softmax_of_0d() -> None:
    assert_same(lambda x: aten._softmax(x, -1, False), torch.randn(()))


def test_softmax_is_one_row_of_steps() -> None:
    x = torch.randn(7, 5, dtype=torch.bfloat16)
    program = assert_same(lambda x: aten._softmax(x, -1, False), x)
    assert step_names(program) == ["amax", "sub", "exp", "sum", "div", "mul"]
    # PyTorch's own rewriting, whose reshapes keep the reduced dim.
    program = assert_same(lambda x: aten._log_softmax(x, -1, False), x)
    steps = [name for name in step_names(program) if name != "reshape"]
    assert steps == ["amax", "sub", "exp", "sum", "log", "sub"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_norm(dtype: torch.dtype) -> None:
    x, w = torch.randn(2, 6, 5).to(dtype), torch.randn(5).to(dtype)
    assert_same(lambda x, w: aten.native_layer_norm(x, [5], w, w, 1e-5), x, w)
    assert_same(lambda x: aten.native_layer_norm(x, [6, 5], None, None, 1e-5), x)


def test_layer_norm_does_not_reshape_rows() -> None:
    program = traced(lambda x, w: F.layer_norm(x, (5,), w, w), torch.randn(7, 5), torch.randn(5))
    assert step_names(program).count("sum") == 2
    assert all(len(fxt.dims(op.input)) == 1 for op in ops(program, fxt.ReshapeOp))


@pytest.mark.parametrize("dtype", DTYPES)
def test_group_norm(dtype: torch.dtype) -> None:
    x, w = torch.randn(2, 6, 5).to(dtype), torch.randn(6).to(dtype)
    assert_same(lambda x, w: aten.native_group_norm(x, w, w, 2, 6, 5, 3, 1e-5), x, w)
    assert_same(lambda x: aten.native_group_norm(x, None, None, 2, 6, 5, 2, 1e-5), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(dtype: torch.dtype, training: bool) -> None:
    x, w, mean = torch.randn(2, 6, 5).to(dtype), torch.randn(6).to(dtype), torch.randn(6).to(dtype)
    assert_same(
        lambda x, w, m, v: aten._native_batch_norm_legit_functional(
            x, w, w, m, v, training, 0.1, 1e-5
        ),
        x,
        w,
        mean,
        mean.abs(),
    )


def test_batch_norm_without_statistics() -> None:
    x = torch.randn(2, 6, 5)
    assert_same(lambda x: aten._native_batch_norm_legit(x, None, None, True, 0.1, 1e-5), x)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(7, 5), (2, 5, 3)])
def test_cross_entropy_backward_has_no_scatter(reduction: str, shape: tuple[int, ...]) -> None:
    target = torch.randint(0, 5, (shape[0], *shape[2:]))
    weight = torch.rand(5)

    def gradient(x: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        loss = F.cross_entropy(x, target, weight, ignore_index=1, reduction=reduction)
        return torch.autograd.grad(loss.sum(), x)[0]

    program = assert_same(gradient, torch.randn(shape), target, weight)
    assert not ops(program, fxt.ScatterOp)
