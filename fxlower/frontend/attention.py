"""Attention as two products and a softmax: how `scaled_dot_product_attention` is traced.

PyTorch dispatches the operator to one opaque fused kernel, or to a composite that scales both
operands and searches the scores for masked rows. Traced under `math_attention`, it is

    softmax(query @ key^T * scale + mask) @ value

where scale, mask and softmax are one kernel over rows of scores, forward and backward. f16 and
bf16 are computed in f32. Heads of the query that share one of the key (`enable_gqa`) are rows of
one product, so that keys and values are not repeated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import SymInt, Tensor
from torch._prims_common import compute_elementwise_output_logical_to_physical_perm
from torch.nn.attention import SDPBackend, sdpa_kernel

from fxlower.frontend.replacement import Replacing

_OPERATORS = (
    torch.nn.functional.scaled_dot_product_attention,
    torch.ops.aten.scaled_dot_product_attention.default,
)


@contextmanager
def math_attention() -> Iterator[None]:
    """Graphs traced in this context have attention as products and a softmax.

    Both the mode and PyTorch's choice of kernels are as before on exit, so nothing that guards of
    a compiled graph look at has changed.
    """
    with sdpa_kernel(SDPBackend.MATH), Replacing(_in_products):
        yield


def _in_products(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if func not in _OPERATORS or not _is_plain(*args, **kwargs):
        return NotImplemented
    return attention(*args, **kwargs)


def _is_plain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **options: Any,
) -> bool:
    """Whether `attention` takes these arguments; PyTorch reports what is wrong with others."""
    tensors = [query, key, value] if attn_mask is None else [query, key, value, attn_mask]
    return (
        all(type(t).__name__ != "NestedTensor" and t.layout == torch.strided for t in tensors)
        and all(t.dim() >= 2 for t in (query, key, value))
        and query.dtype == key.dtype == value.dtype
        and query.is_floating_point()
        and not (is_causal and attn_mask is not None)
    )


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """`scaled_dot_product_attention` of dense tensors."""
    dtype, layout = query.dtype, query
    if dtype in (torch.float16, torch.bfloat16):
        query, key, value = query.float(), key.float(), value.float()
    rows, columns = query.shape[-2], key.shape[-2]
    if enable_gqa:
        scores = (in_groups(query, key) @ key.transpose(-2, -1)).view(*query.shape[:-1], columns)
    else:
        scores = query @ key.transpose(-2, -1)
    scores = scores * (reciprocal_root(query.shape[-1], scores) if scale is None else scale)
    if is_causal:
        # Each row has a position that is not masked, the first.
        allowed = torch.ones(rows, columns, dtype=torch.bool, device=query.device).tril()
        weights = torch.softmax(scores + additive(allowed, scores.dtype), -1)
    elif attn_mask is not None:
        weights = torch._safe_softmax(scores + additive(attn_mask, scores.dtype), -1)
    else:
        weights = torch.softmax(scores, -1)
    if dropout_p > 0.0:
        weights = torch.dropout(weights, dropout_p, train=True)
    if enable_gqa:
        result = (in_groups(weights, value) @ value).view(*query.shape[:-1], value.shape[-1])
    else:
        result = weights @ value
    return _laid_out_like(layout, result.to(dtype))


def in_groups(x: Tensor, shared: Tensor) -> Tensor:
    """`(..., heads, rows, n)` as `(..., shared heads, rows of all heads that share one, n)`.

    Numbers of heads are made static: quotients of symbols would keep sizes from being compared.
    """
    *batch, heads, rows, width = x.shape
    groups = int(shared.shape[-3])
    return x.reshape(*batch, groups, int(heads) // groups * rows, width)


def reciprocal_root(size: int | SymInt, like: Tensor) -> float | Tensor:
    """1 / sqrt(size); as a tensor where a number would make a guard on the size."""
    if isinstance(size, int):
        return 1.0 / math.sqrt(size)
    # A SymInt is traced as a number; torch's signature does not say so.
    return torch.scalar_tensor(
        size,  # type: ignore[arg-type]
        dtype=like.dtype,
        device=like.device,
    ).rsqrt()


def additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as what is added to the scores. Adding needs nothing for its gradient, a select
    would need the mask."""
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    zero = torch.zeros((), dtype=dtype, device=mask.device)
    return torch.where(mask, zero, zero - math.inf)


def _laid_out_like(query: Tensor, result: Tensor) -> Tensor:
    """`result` with its axes in memory in the order of those of `query`: the layout of eager's
    fused kernel, by which the views that come after it in the graph were chosen."""
    if query.dim() != 4 or result.shape[-1] != query.shape[-1]:
        return result
    order, _ = compute_elementwise_output_logical_to_physical_perm(query)
    if order == [0, 1, 2, 3]:
        return result
    inverse = [order.index(axis) for axis in range(4)]
    return result.permute(order).contiguous().permute(inverse)
