"""Cases of products, normalizations, attention and losses."""

# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

import torch
import torch.nn.functional as F
from case import LOW_PRECISION, M, N, between, bools, case, floats, integers, special

PRODUCTS = [
    case("mm", torch.mm, floats(M, N), floats(N, 19), dtypes=LOW_PRECISION),
    case("mm_large", torch.mm, floats(130, 70), floats(70, 259), dynamic=False),
    case("mm_transposed_left", lambda x, y: x.t() @ y, floats(N, M), floats(N, 19)),
    case("mm_transposed_right", lambda x, y: x @ y.t(), floats(M, N), floats(19, N)),
    case("mm_empty_inner", torch.mm, floats(M, 0), floats(0, 7)),
    case("mm_empty_outer", torch.mm, floats(0, N), floats(N, 7)),
    case("mm_one", torch.mm, floats(1, N), floats(N, 1)),
    case("mm_strided", torch.mm, floats(M, 74, layout=lambda x: x[:, ::2]), floats(37, 7)),
    case("mm_expanded", torch.mm, floats(M, 1, layout=lambda x: x.expand(-1, 8)), floats(8, 7)),
    case("mm_ints", torch.mm, integers(-9, 9, M, N), integers(-9, 9, N, 7)),
    case("int_mm", torch._int_mm, integers(-128, 128, M, N, dtype=torch.int8), integers(-128, 128, N, 7, dtype=torch.int8)),
    case("mm_of_bytes", lambda x, y: x.int() @ y.int(), integers(0, 256, M, N, dtype=torch.uint8), integers(-128, 128, N, 7, dtype=torch.int8)),
    case("mm_f64", lambda x, y: x.double() @ y.double(), floats(M, N), floats(N, 7)),
    case("mm_special", torch.mm, special(M, N), special(N, 7), grad=False),
    case("addmm", torch.addmm, floats(19), floats(M, N), floats(N, 19), dtypes=LOW_PRECISION),
    case("addmm_scaled", lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2), floats(M, 19), floats(M, N), floats(N, 19)),
    case("addmm_beta_zero", lambda c, x, y: torch.addmm(c, x, y, beta=0), special(M, 19), floats(M, N), floats(N, 19), grad=False),
    case("bmm", torch.bmm, floats(4, M, N), floats(4, N, 7), dtypes=LOW_PRECISION),
    case("bmm_dynamic_batch", torch.bmm, floats(N, M, 8), floats(N, 8, 7)),
    case("baddbmm", torch.baddbmm, floats(4, M, 7), floats(4, M, N), floats(4, N, 7)),
    case("mv", torch.mv, floats(M, N), floats(N)),
    case("dot", torch.dot, floats(N), floats(N)),
    case("outer", torch.outer, floats(M), floats(N)),
    case("matmul_broadcast", torch.matmul, floats(3, 1, M, 8), floats(4, 8, N)),
    case("matmul_vector", torch.matmul, floats(3, M, N), floats(N)),
    case("einsum", lambda x, y: torch.einsum("bij,bkj->bik", x, y), floats(3, M, 8), floats(3, N, 8)),
    case("linear", F.linear, floats(M, 3, N), floats(19, N), floats(19), dtypes=LOW_PRECISION),
    case("linear_gelu", lambda x, w, b: F.gelu(F.linear(x, w, b)), floats(M, N), floats(19, N), floats(19)),
    case("linear_residual", lambda x, w: x + F.linear(x, w).relu(), floats(M, N), floats(N, N)),
    case("mlp", lambda x, w, v: F.linear(F.silu(F.linear(x, w)), v), floats(M, N), floats(19, N), floats(7, 19)),
    case("linear_row", lambda x, w, b: F.gelu(F.linear(x, w, b)), floats(1, N), floats(19, N), floats(19)),
    case("linear_column", lambda x, w, b: F.linear(x, w, b).sigmoid(), floats(M, N), floats(1, N), floats(1)),
    case("linear_number", lambda x, w: x @ w.t() + 1, floats(1, N), floats(1, N)),
    case("linear_two_results", lambda x, w, b: (lambda y: (y, F.silu(y), (y * 2).sum(1)))(F.linear(x, w, b)), floats(M, N), floats(19, N), floats(19)),
    case("linear_tall", lambda x, w, b: F.gelu(F.linear(x, w, b)), floats(67, N), floats(150, N), floats(150), dtypes=LOW_PRECISION),
    case("linear_mask", lambda x, w, m: F.linear(x, w).masked_fill(m, 0.5) * 0.125, floats(M, N), floats(33, N), bools(M, 33)),
    case("linear_heads", lambda x, w: F.linear(x, w).view(5, 4, 8).transpose(0, 1).softmax(-1), floats(5, N), floats(32, N), dynamic=False),
    case("linear_rotated", lambda x, w, c: (F.linear(x, w).view(5, 4, 8) * c[:, None]).relu(), floats(5, N), floats(32, N), floats(5, 8), dynamic=False),
    case("linear_transposed_result", lambda x, w: F.linear(x, w).relu().t().contiguous(), floats(M, N), floats(33, N)),
    case("linear_softmax", lambda x, w: F.linear(x, w).float().softmax(-1), floats(M, N), floats(33, N), dtypes=LOW_PRECISION),
    case("linear_of_int8", lambda x, w, s: F.linear(x, w.to(x.dtype)) * s, floats(M, N), integers(-128, 128, 33, N, dtype=torch.int8), floats(33), dtypes=LOW_PRECISION),
    case("linear_of_uint8", lambda x, w: x @ w.to(x.dtype), floats(40, N), integers(0, 256, N, 50, dtype=torch.uint8)),
    case("linear_depth_of_one", lambda x, w, b: F.relu(F.linear(x, w, b)), floats(M, 1), floats(33, 1), floats(33)),
    case("linear_without_depth", lambda x, w, b: F.gelu(F.linear(x, w, b)), floats(M, 0), floats(33, 0), floats(33), grad=False),
    case("residual_made_by_the_operand", lambda x, w: x.exp() @ w + x.exp(), floats(M, 20), floats(20, 20)),
    case("product_of_products", lambda x, y: (x @ y + y @ x) * (x @ x), floats(20, 20), floats(20, 20)),
    case("attention_heads", lambda q, k, v, m: ((q @ k.transpose(-1, -2) * 0.25 + m).softmax(-1) @ v).transpose(1, 2).reshape(2, 9, 64), floats(2, 4, 9, 16), floats(2, 4, N, 16), floats(2, 4, N, 16), floats(9, N)),
    case("mm_reversed_rows", lambda x, y: x.flip(0) @ y.flip(1), floats(M, N), floats(N, 19)),
    case("mm_offset", lambda x, y: x[1:, 3:] @ y[3:, 1:18], floats(M, N), floats(N, 19)),
    case("mm_in_place_residual", lambda x, w, h: h.add_(F.linear(x, w)), floats(M, N), floats(33, N), floats(M, 33), grad=False),
    case("conv1d", F.conv1d, floats(2, 3, 37), floats(4, 3, 3), floats(4), dynamic=False),
    case("conv2d", lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), floats(2, 3, 9, 11), floats(4, 3, 3, 3), floats(4), dynamic=False),
]  # fmt: skip

SOFTMAX = [
    case("softmax", lambda x: x.softmax(-1), floats(M, N), dtypes=LOW_PRECISION),
    case("softmax_columns", lambda x: x.softmax(0), floats(N, M)),
    case("softmax_middle", lambda x: x.softmax(1), floats(3, N, M)),
    case("softmax_long", lambda x: x.softmax(-1), floats(3, 5003), dynamic=False),
    case("softmax_special", lambda x: x.softmax(-1), special(M, N), grad=False),
    case("softmax_large", lambda x: (x * 1e4).softmax(-1), floats(M, N), grad=False),
    case("softmax_masked", lambda x, m: x.masked_fill(m, float("-inf")).softmax(-1), floats(M, N), bools(M, N), grad=False),
    case("softmax_0d", lambda x: x.softmax(0), floats()),
    case("softmax_empty", lambda x: x.softmax(-1), floats(M, 0)),
    case("softmax_upcast", lambda x: x.softmax(-1, dtype=torch.float64), floats(M, N)),
    case("softmax_scaled", lambda x, y: (x * 0.125 + y).softmax(-1) * 2, floats(2, M, N), floats(N)),
    case("log_softmax", lambda x: x.log_softmax(-1), floats(M, N), dtypes=LOW_PRECISION),
    case("log_softmax_columns", lambda x: x.log_softmax(0), floats(N, M)),
    case("log_softmax_special", lambda x: x.log_softmax(-1), special(M, N), grad=False),
    case("gumbel_like", lambda x, g: ((x + g) / 0.7).softmax(-1), floats(M, N), floats(M, N)),
]  # fmt: skip


def _batch_norm(x, w, b, mean, var, training=True):
    return F.batch_norm(x, mean, var, w, b, training=training, momentum=0.1)


NORMALIZATION = [
    case("layer_norm", lambda x, w, b: F.layer_norm(x, (x.shape[-1],), w, b), floats(M, N), floats(N), floats(N), dtypes=LOW_PRECISION),
    case("layer_norm_plain", lambda x: F.layer_norm(x, (x.shape[-1],)), floats(2, M, N)),
    case("layer_norm_two_axes", lambda x: F.layer_norm(x, x.shape[1:]), floats(M, 4, N)),
    case("layer_norm_offset", lambda x: F.layer_norm(x + 100, (x.shape[-1],)), floats(M, N), grad=False),
    case("layer_norm_residual", lambda x, y, w, b: F.gelu(F.layer_norm(x + y, (64,), w, b)), floats(M, 64), floats(M, 64), floats(64), floats(64)),
    case("rms_norm", lambda x, w: F.rms_norm(x, (x.shape[-1],), w), floats(M, N), floats(N), dtypes=LOW_PRECISION),
    case("rms_norm_llama", lambda x, w: w * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)), floats(2, M, N), floats(N)),
    case("batch_norm", lambda x, w, b, m, v: _batch_norm(x, w, b, m.clone(), v.clone()), floats(4, 6, M, 7), floats(6), floats(6), floats(6, grad=False), between(0.5, 2, 6, grad=False)),
    case("batch_norm_updates", _batch_norm, floats(4, 6, M, 7), floats(6), floats(6), floats(6), between(0.5, 2, 6), grad=False),
    case("batch_norm_1d", lambda x, w, b, m, v: _batch_norm(x, w, b, m.clone(), v.clone()), floats(N, 6), floats(6), floats(6), floats(6, grad=False), between(0.5, 2, 6, grad=False)),
    case("batch_norm_eval", lambda x, w, b, m, v: _batch_norm(x, w, b, m.detach(), v.detach(), False), floats(4, 6, M, 7), floats(6), floats(6), floats(6), between(0.5, 2, 6)),
    case("instance_norm", F.instance_norm, floats(3, 4, M, 7)),
    case("group_norm", lambda x, w, b: F.group_norm(x, 3, w, b), floats(2, 6, M, 7), floats(6), floats(6), dtypes=LOW_PRECISION),
    case("group_norm_plain", lambda x: F.group_norm(x, 2), floats(4, 6, N)),
    case("normalize", lambda x: F.normalize(x, dim=-1), floats(M, N)),
    case("cosine_similarity", lambda x, y: F.cosine_similarity(x, y, -1), floats(M, N), floats(M, N)),
    case("l2_weight_norm", lambda v, g: v * (g / v.norm(dim=1, keepdim=True)), floats(M, N), floats(M, 1)),
]  # fmt: skip

_attend = F.scaled_dot_product_attention
_QKV = (floats(2, 4, N, 8), floats(2, 4, M, 8), floats(2, 4, M, 8))


def _heads(x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(-1, (4, 8)).transpose(1, 2)


ATTENTION = [
    case("sdpa", _attend, *_QKV),
    case("sdpa_low_precision", _attend, *_QKV, dtypes=(torch.bfloat16, torch.float16), dynamic=False),
    case("sdpa_causal", lambda q, k, v: _attend(q, k, v, is_causal=True), *(floats(2, 4, N, 8),) * 3),
    case("sdpa_causal_wide", lambda q, k, v: _attend(q, k, v, is_causal=True), floats(2, 4, M, 8), floats(2, 4, N, 8), floats(2, 4, N, 8)),
    case("sdpa_mask", lambda q, k, v, m: _attend(q, k, v, attn_mask=m), *_QKV, bools(N, M)),
    case("sdpa_mask_rows", lambda q, k, v: _attend(q, k, v, attn_mask=(torch.arange(q.shape[2]) > 3)[:, None]), *_QKV),
    case("sdpa_bias", lambda q, k, v, m: _attend(q, k, v, attn_mask=m), *_QKV, floats(2, 1, N, M, grad=False)),
    case("sdpa_scale", lambda q, k, v: _attend(q, k, v, scale=0.3), *_QKV),
    case("sdpa_grouped", lambda q, k, v: _attend(q, k, v, enable_gqa=True), floats(2, 8, N, 8), floats(2, 2, M, 8), floats(2, 2, M, 8)),
    case("sdpa_heads", lambda q, k, v: _attend(_heads(q), _heads(k), _heads(v)).transpose(1, 2).flatten(2), *(floats(2, N, 32),) * 3),
    case("attention_by_hand", lambda q, k, v: ((q @ k.transpose(-2, -1)) * 0.35).softmax(-1) @ v, *_QKV),
    case("rope", lambda x, c, s: x * c + torch.cat([-x[..., 4:], x[..., :4]], -1) * s, floats(2, 4, N, 8), floats(N, 8), floats(N, 8)),
]  # fmt: skip

LOSSES = [
    case("cross_entropy", F.cross_entropy, floats(N, 11), integers(0, 11, N), dtypes=LOW_PRECISION),
    case("cross_entropy_sum", lambda x, t: F.cross_entropy(x, t, reduction="sum"), floats(N, 11), integers(0, 11, N)),
    case("cross_entropy_none", lambda x, t: F.cross_entropy(x, t, reduction="none"), floats(N, 11), integers(0, 11, N)),
    case("cross_entropy_ignore", lambda x, t: F.cross_entropy(x, t, ignore_index=3), floats(N, 11), integers(0, 11, N)),
    case("cross_entropy_weight", F.cross_entropy, floats(N, 11), integers(0, 11, N), between(0.5, 2, 11), grad=False),
    case("cross_entropy_weight_grad", lambda x, t: F.cross_entropy(x, t, torch.arange(1.0, 12.0, dtype=x.dtype)), floats(N, 11), integers(0, 11, N)),
    case("cross_entropy_smoothing", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1), floats(N, 11), integers(0, 11, N)),
    case("cross_entropy_2d", F.cross_entropy, floats(2, 11, M, 4), integers(0, 11, 2, M, 4)),
    case("cross_entropy_probabilities", lambda x, t: F.cross_entropy(x, t.softmax(-1)), floats(N, 11), floats(N, 11)),
    case("cross_entropy_one", F.cross_entropy, floats(11), integers(0, 11)),
    case("nll_loss", lambda x, t: F.nll_loss(x.log_softmax(-1), t), floats(N, 11), integers(0, 11, N)),
    case("mse_loss", F.mse_loss, floats(M, N), floats(M, N)),
    case("mse_loss_none", lambda x, y: F.mse_loss(x, y, reduction="none"), floats(M, N), floats(M, N)),
    case("l1_loss", F.l1_loss, floats(M, N), floats(M, N)),
    case("smooth_l1_loss", F.smooth_l1_loss, floats(M, N), floats(M, N, grad=False)),
    case("huber_loss", F.huber_loss, floats(M, N), floats(M, N, grad=False)),
    case("bce", lambda x, y: F.binary_cross_entropy(x.sigmoid(), y.detach()), floats(M, N), between(0, 1, M, N)),
    case("bce_with_logits", lambda x, y: F.binary_cross_entropy_with_logits(x, y.detach()), floats(M, N), between(0, 1, M, N)),
    case("kl_div", lambda x, y: F.kl_div(x.log_softmax(-1), y.softmax(-1), reduction="batchmean"), floats(M, N), floats(M, N)),
    case("cosine_embedding_loss", lambda x, y: F.cosine_embedding_loss(x, y, torch.ones(x.shape[0])), floats(M, N), floats(M, N)),
    case("focal", lambda x, y: (F.binary_cross_entropy_with_logits(x, y.detach(), reduction="none") * (1 - x.sigmoid()) ** 2).mean(), floats(N), between(0, 1, N)),
]  # fmt: skip

CASES = [*PRODUCTS, *SOFTMAX, *NORMALIZATION, *ATTENTION, *LOSSES]
