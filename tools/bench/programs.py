"""The functions of the loop benchmark that are more than one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F


def layer_norm(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-1:], w, b)


def layer_norm_gelu(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.gelu(layer_norm(x, w, b))


def layer_norm_residual(
    x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    total = x + y
    return total, layer_norm(total, w, b)


def rms_norm(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * w


def batch_norm_relu(x: torch.Tensor, m: Any, v: Any, w: Any, b: Any) -> torch.Tensor:
    return F.relu(F.batch_norm(x, m, v, w, b))


def softmax(x: torch.Tensor) -> torch.Tensor:
    return x.softmax(-1)


def causal_softmax(x: torch.Tensor) -> torch.Tensor:
    n = x.shape[-1]
    keep = torch.ones(n, n, dtype=torch.bool).tril()
    return x.masked_fill(~keep, float("-inf")).softmax(-1)


def bias_gelu(x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.gelu(x + b)


def geglu(x: torch.Tensor) -> torch.Tensor:
    value, gate = x.chunk(2, -1)
    return value * F.gelu(gate)


def silu_product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.silu(x) * y


def rotary(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([-high, low], -1) * sin


def chain(x: torch.Tensor) -> torch.Tensor:
    """30 operators."""
    for i in range(10):
        x = x * (1.0 + i / 16) + 0.5
        x = torch.clamp(x, -3.0, 3.0) if i % 3 else x.abs()
    return x


def chain_of_20(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """20 operators on two tensors, none of them a function of more than a few instructions."""
    z = x
    for i in range(4):
        z = z * y
        z = z - 0.25 * (i + 1)
        z = torch.maximum(z, x)
        z = z.abs()
        z = torch.minimum(z, y) if i % 2 else z.neg()
    return z


def masks(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return ((x > 0) & (y < 0.5)) | ~(x > y)


def mask_chain(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """On bool tensors alone."""
    return ((a & b) | ~c) ^ (b & ~a) | (c ^ b)


def transposed_sum(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x.t() + y


def row_sums(x: torch.Tensor) -> torch.Tensor:
    return x.sum(-1)


def column_sums(x: torch.Tensor) -> torch.Tensor:
    return x.sum(0)


def full_sum(x: torch.Tensor) -> torch.Tensor:
    return x.sum()


def embed(i: torch.Tensor, table: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return layer_norm(F.embedding(i, table), w, b)


def set_row(cache: torch.Tensor, row: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    return cache.index_copy_(2, position, row)


def batch_norm_training(x: torch.Tensor, m: Any, v: Any, w: Any, b: Any) -> torch.Tensor:
    return F.batch_norm(x, m, v, w, b, training=True)


def adam(*state: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """One step on tensors (parameter, gradient, first moment, second moment) by turns."""
    results: list[torch.Tensor] = []
    for p, g, m, v in zip(*(state[i::4] for i in range(4)), strict=True):
        m.lerp_(g, 0.1)
        v.mul_(0.999).addcmul_(g, g, value=0.001)
        p.addcdiv_(m, (v / 0.02).sqrt() + 1e-8, value=-1e-3)
        results.append(p)
    return tuple(results)


def cross_entropy_grad(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    loss = F.cross_entropy(x, t)
    (gradient,) = torch.autograd.grad(loss, x)
    return gradient


def with_gradients(
    function: Callable[..., torch.Tensor],
) -> Callable[..., tuple[torch.Tensor, ...]]:
    """`function` and its gradients for a given gradient of the result, the last argument."""

    def call(*args: torch.Tensor) -> tuple[torch.Tensor, ...]:
        *inputs, gradient = args
        result = function(*inputs)
        return (result.detach(), *torch.autograd.grad(result, inputs, gradient))

    return call
