"""Decompositions that PyTorch lacks or has in a form that fxlower compiles less well."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, _refs
from torch._prims_common import get_computation_dtype, suggest_memory_format
from torch.utils._python_dispatch import _disable_current_modes

from fxlower.frontend.attention import additive, in_groups, reciprocal_root

aten = torch.ops.aten


def nll_loss_backward(
    grad_output: Tensor,
    self: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: int,
    ignore_index: int,
    total_weight: Tensor,
) -> Tensor:
    """-grad at the class of each row, 0 elsewhere: a comparison instead of a scatter, so that it
    fuses with the backward of log_softmax."""
    channel = 0 if self.dim() < 2 else 1
    if reduction == 1:  # mean
        grad_output = grad_output / total_weight
    if self.dim() == 1 and target.dim() > 0:
        target = target[0]
    target = target.unsqueeze(channel)
    spread = [1] * self.dim()
    spread[channel] = self.shape[channel]
    classes = torch.arange(self.shape[channel], device=self.device).view(spread)
    if self.dim() > grad_output.dim() > 0:
        grad_output = grad_output.unsqueeze(channel)
    if weight is not None:
        grad_output = grad_output * weight.view(spread)
    chosen = (classes == target) & (target != ignore_index)
    return torch.where(chosen, -grad_output, 0.0)


def flash_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Output and logsumexp, of graphs traced outside of `math_attention` (exported ones)."""
    dtype = query.dtype
    scores = _scores(query, key, is_causal, attn_mask, scale)
    wide_value = value.to(scores.dtype)
    logsumexp = torch.logsumexp(scores, -1)
    weights = torch._safe_softmax(scores, -1)
    result = torch.empty_like(query)
    product = (in_groups(weights, value) @ wide_value).view(query.shape)
    return torch.ops.aten.copy(result, product.to(dtype)), logsumexp


def flash_attention_backward(
    grad_out: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    logsumexp: Tensor,
    dropout_p: float,
    is_causal: bool,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients by query, key and value; the weights are made anew from the logsumexp."""
    scores = _scores(query, key, is_causal, attn_mask, scale)
    wide = scores.dtype
    pivot = logsumexp.to(wide).unsqueeze(-1)
    pivot = torch.where(pivot == -torch.inf, 0.0, pivot)  # rows with all positions masked
    weights = torch.exp(scores - pivot)
    grad = in_groups(grad_out.to(wide), value)
    grad_value = in_groups(weights, value).transpose(-2, -1) @ grad
    grad_weights = (grad @ value.to(wide).transpose(-2, -1)).view(weights.shape)
    along = (grad_out.to(wide) * out.to(wide)).sum(-1, keepdim=True)
    grad_scores = weights * (grad_weights - along) * _scale(query, scores, scale)
    grad_scores = in_groups(grad_scores, key)
    grad_query = (grad_scores @ key.to(wide)).view(query.shape)
    grad_key = grad_scores.transpose(-2, -1) @ in_groups(query.to(wide), key)
    return grad_query.to(query.dtype), grad_key.to(key.dtype), grad_value.to(value.dtype)


def trilinear(
    i1: Tensor,
    i2: Tensor,
    i3: Tensor,
    expand1: list[int],
    expand2: list[int],
    expand3: list[int],
    sumdim: list[int],
    unroll_dim: int = 1,
) -> Tensor:
    """The sum of a product of three tensors, each of which lacks the dims `expand`: two products of
    matrices. What is summed over and the third lacks goes first."""
    rank = i1.dim() + len(expand1)
    letters = "abcdefghijklmnopqrstuvwxyz"[:rank]
    names = [
        "".join(n for axis, n in enumerate(letters) if axis not in expand)
        for expand in (expand1, expand2, expand3)
    ]
    kept = "".join(n for axis, n in enumerate(letters) if axis not in sumdim)
    pair = "".join(n for n in letters if n in names[0] + names[1] and n in kept + names[2])
    product = torch.einsum(f"{names[0]},{names[1]}->{pair}", i1, i2)
    present = "".join(n for n in kept if n in pair + names[2])
    result = torch.einsum(f"{pair},{names[2]}->{present}", product, i3)
    for axis, name in enumerate(kept):
        if name not in present:
            result = result.unsqueeze(axis)
    return result


def _scores(
    query: Tensor, key: Tensor, is_causal: bool, attn_mask: Tensor | None, scale: float | None
) -> Tensor:
    """Scaled and masked, in the precision that is computed in."""
    if query.dtype in (torch.float16, torch.bfloat16):
        query, key = query.float(), key.float()
    scores = in_groups(query, key) @ key.transpose(-2, -1)
    scores = scores.view(*query.shape[:-1], key.shape[-2])
    scores = scores * _scale(query, scores, scale)
    if is_causal:
        shape = (query.shape[-2], key.shape[-2])
        attn_mask = torch.ones(shape, dtype=torch.bool, device=query.device).tril()
    return scores if attn_mask is None else scores + additive(attn_mask, scores.dtype)


def _scale(query: Tensor, scores: Tensor, scale: float | None) -> float | Tensor:
    return reciprocal_root(query.shape[-1], scores) if scale is None else scale


def native_dropout(x: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """As eager mode does it, with the mask from torch's generator: that is the only call. Eager
    mode fills the mask in the order of its memory, or not, as the processor's vendor has it."""
    if not x.is_contiguous():
        return NotImplemented
    if train is False:
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    keep = 1.0 - p
    mask = aten.bernoulli.p(torch.empty_like(x, dtype=torch.bool), keep)
    with _disable_current_modes():  # a number, of the precision that eager mode has it in
        scale = torch.tensor(1.0 / keep if keep else 0.0, dtype=x.dtype).item()
    return x * (mask.to(x.dtype) * scale), mask


def batch_norm_backward(
    grad_out: Tensor,
    input: Tensor,
    weight: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    save_mean: Tensor | None,
    save_invstd: Tensor | None,
    train: bool,
    eps: float,
    output_mask: list[bool],
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The mean of the gradients is subtracted ahead of their projection, as eager mode does it. All
    three may be nearly equal, with a small difference: mean and gradient then differ by an exact
    number, and a channel of two elements has gradients that add up to 0. PyTorch's subtracts the
    mean last, from what was rounded already."""
    wide = get_computation_dtype(input.dtype)
    spread = [1, -1, *[1] * (input.dim() - 2)]
    axes = [0, *range(2, input.dim())]
    if train:
        assert save_mean is not None and save_invstd is not None
        mean, invstd = save_mean.to(wide), save_invstd.to(wide)
    else:
        assert running_mean is not None and running_var is not None
        mean, invstd = running_mean.to(wide), torch.rsqrt(running_var.to(wide) + eps)
    grad, distance = grad_out.to(wide), input.to(wide) - mean.view(spread)
    total, along = grad.sum(axes), (grad * distance).sum(axes)
    result = grad
    if train:
        count = math.prod(input.shape[a] for a in axes)
        slope = along / count * (invstd * invstd)
        result = (grad - (total / count).view(spread)) - distance * slope.view(spread)
    scale = invstd if weight is None else invstd * weight.to(wide)
    kept = input.dtype if weight is None else weight.dtype
    return (
        (result * scale.view(spread)).to(input.dtype),
        (along * invstd).to(kept) if output_mask[1] else None,
        total.to(kept) if output_mask[2] else None,
    )


def weight_norm_backward(
    grad: Tensor, v: Tensor, g: Tensor, norms: Tensor, dim: int
) -> tuple[Tensor, Tensor]:
    """Gradients of `v * (g / norms)`, where the norms are over all axes but `dim`."""
    axes = [i for i in range(v.dim()) if i != dim]
    norms = norms.to(g.dtype)
    along = (grad * v).sum(axes, keepdim=True)
    return g / norms * (grad - v * (along / (norms * norms))), along / norms


def max_unpool(self: Tensor, indices: Tensor, output_size: list[int]) -> Tensor:
    """A scatter into each plane, which is laid out as eager mode lays it out; PyTorch's own takes
    an index beyond a plane for one of the next."""
    axes = len(output_size)
    torch._check(
        indices.dtype == torch.int64 and self.shape == indices.shape,
        lambda: "expected int64 indices of the shape of the values",
    )
    torch._check(
        self.dim() in (axes + 1, axes + 2) and all(size > 0 for size in self.shape[1:]),
        lambda: f"expected {axes + 1} or {axes + 2} dims that are not empty, got {self.shape}",
    )
    outer = self.shape[:-axes]
    plane = self.new_zeros((*outer, math.prod(output_size)))
    spread = plane.scatter(-1, indices.flatten(-axes), self.flatten(-axes))
    result = spread.view((*outer, *output_size))
    return result.contiguous(memory_format=suggest_memory_format(self)) if axes == 2 else result


EXTRA: dict[Any, Callable[..., Any]] = {
    aten.max_unpool2d.default: max_unpool,
    aten.nll_loss_backward.default: nll_loss_backward,
    aten.nll_loss2d_backward.default: nll_loss_backward,
    aten._trilinear.default: trilinear,
    aten.native_dropout.default: native_dropout,
    aten.native_batch_norm_backward.default: batch_norm_backward,
    aten._weight_norm_interface_backward.default: weight_norm_backward,
    aten.tril_indices.default: _refs.tril_indices,
    aten.triu_indices.default: _refs.triu_indices,
    aten._scaled_dot_product_flash_attention_for_cpu.default: flash_attention,
    aten._scaled_dot_product_flash_attention_for_cpu_backward.default: flash_attention_backward,
}
"""Decompositions by operator overload; they replace PyTorch's."""
