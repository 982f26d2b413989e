"""Cases of views and joins, alone (the result is a view or a copy) and under arithmetic."""

# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

import torch
import torch.nn.functional as F
from case import M, N, case, constant, floats, integers

VIEWS = [
    case("view", lambda x: x.view(-1) + 1, floats(M, N)),
    case("view_split", lambda x: x.view(x.shape[0], 4, 3) * 2, floats(N, 12)),
    case("reshape_copies", lambda x: x.t().reshape(-1), floats(M, N)),
    case("reshape_empty", lambda x: x.reshape(0, 3) + 1, floats(0, 6)),
    case("flatten", lambda x: x.flatten(1).sum(-1), floats(N, M, 3)),
    case("unflatten", lambda x: x.unflatten(1, (2, 6)).exp(), floats(N, 12)),
    case("permute", lambda x: x.permute(2, 0, 1) * 2, floats(3, M, N)),
    case("permute_alone", lambda x: x.permute(2, 0, 1), floats(3, M, N)),
    case("transpose_add", lambda x, y: x.t() + y, floats(M, N), floats(N, M)),
    case("transpose_contiguous", lambda x: x.t().contiguous(), floats(M, N)),
    case("transpose_squares", lambda x, y: x.t() + y, floats(65, 67), floats(67, 65)),
    case("transpose_low", lambda x: x.t().contiguous(), floats(37, 70)),
    case("transpose_bytes", lambda x: x.t().contiguous(), integers(-99, 99, 70, 83, dtype=torch.int8)),
    case("transpose_short", lambda x: x.transpose(1, 2).contiguous(), floats(9, 33, 6)),
    case("transpose_long_body", lambda x, y: x.t().exp().tanh().sin() + y, floats(65, 67), floats(67, 65)),
    case("permute_reversed", lambda x: x.permute(3, 2, 1, 0).contiguous(), floats(17, 5, 4, 18)),
    case("heads", lambda x: x.view(3, 5, 7, 24).transpose(1, 2).contiguous(), floats(3, 5, 168)),
    case("channels_last", lambda x: (x * 2).permute(0, 2, 3, 1).contiguous(), floats(2, 3, 9, 11)),
    case("channels_first", lambda x: x.permute(0, 3, 1, 2).contiguous(), floats(2, 9, 11, 3)),
    case("pairs", lambda x: x[..., ::2] * x[..., 1::2], floats(M, 70)),
    case("every_fifth", lambda x: x[:, 3::5].contiguous(), floats(M, 201)),
    case("pairs_stacked", lambda x, y: torch.stack((x - y, x * y), -1), floats(M, 37), floats(M, 37)),
    case("flip_long", lambda x: x.flip(-1)[:, ::3] + 1, floats(M, 121)),
    case("movedim", lambda x: x.movedim(0, -1).exp(), floats(3, M, N)),
    case("expand", lambda x: x.expand(4, -1) * 2, floats(N)),
    case("expand_alone", lambda x: x.expand(4, -1, -1), floats(M, 1)),
    case("expand_as", lambda x, y: x.expand_as(y) + y, floats(M, 1), floats(M, N)),
    case("squeeze", lambda x: x.squeeze(1) + 1, floats(M, 1, N)),
    case("unsqueeze", lambda x: x.unsqueeze(1) + x.unsqueeze(0), floats(N)),
    case("slice", lambda x: x[1:, 2:-3] + 1, floats(M, N)),
    case("slice_step", lambda x: x[::2, 1::3] + 1, floats(M, N)),
    case("slice_clamped", lambda x: x[:, -100:1000] + 1, floats(M, N)),
    case("slice_empty", lambda x: x[3:3] + 1, floats(M, N)),
    case("slice_alone", lambda x: x[:, 3:9], floats(M, N)),
    case("slice_of_the_last", lambda x, y: torch.cat([x, y], 1)[:, -y.shape[1] :] * 2 + x[:, -x.shape[1] :].sum(), floats(M, 5), floats(M, N)),
    case("select", lambda x: x[1] + x[-1] + x[:, 2].sum(), floats(M, N)),
    case("select_alone", lambda x: x[:, -1], floats(M, N)),
    case("narrow", lambda x: x.narrow(1, 2, 5) * x.narrow(1, 7, 5), floats(M, N)),
    case("split", lambda x: [p * 2 for p in x.split(8, 1)], floats(M, 37)),
    case("split_sizes", lambda x: [p.exp() for p in x.split([3, 30, 4], -1)], floats(M, 37)),
    case("chunk", lambda x: x.chunk(3, -1)[1] * 2, floats(M, 37)),
    case("unbind", lambda x: sum(x.unbind(0)), floats(4, N)),
    case("tensor_split", lambda x: [p + 1 for p in x.tensor_split(3, 1)], floats(M, 37)),
    case("diagonal", lambda x: x.diagonal() * 2, floats(M, N)),
    case("diagonal_offset", lambda x: x.diagonal(-2, 0, 2) + 1, floats(6, M, 7)),
    case("as_strided", lambda x: x.as_strided((3, 4), (2, 5), 1) + 1, floats(5, 37), dynamic=False),
    case("as_strided_windows", lambda x: x.as_strided((35, 3), (1, 1)).sum(-1), floats(37), dynamic=False),
    case("as_strided_product", lambda x: (x @ x.T).T.as_strided((4, 3), (2, 1), 3) * 2, floats(5, 37), dynamic=False),
    case("as_strided_permuted", lambda x: torch.empty_permuted((3, 4, 5), (2, 0, 1)).copy_(x).as_strided((4, 3, 8), (12, 4, 1)) * 2,
         floats(3, 4, 5), dynamic=False),
    case("as_strided_copied", lambda x: x.T.contiguous().as_strided((4, 3), (2, 1), 3) * 2,
         floats(5, 37), dynamic=False),
    case("unfold", lambda x: x.unfold(1, 3, 2) * 2, floats(M, N)),
    case("unfold_sum", lambda x: x.unfold(0, 4, 1).mean(-1), floats(N)),
    case("view_as_bits", lambda x: x.view(torch.int32) + 1, floats(M, N), grad=False),
    case("bits_as_float", lambda x: x.view(torch.float32) * 2, integers(0, 10**9, N, dtype=torch.int32)),
    case("identity", lambda x: x, floats(M, N)),
    case("same_twice", lambda x: (x + 1, x.t(), x.t()), floats(M, N)),
    case("alias_of_result", lambda x: (lambda y: (y, y.t(), y[1:]))(x * 2), floats(M, N)),
    case("clone", lambda x: x.t().clone(), floats(M, N)),
    case("detach", lambda x: x.detach() * x, floats(M, N)),
]  # fmt: skip

JOINS = [
    case("cat", lambda x, y: torch.cat([x, y], -1), floats(M, N), floats(M, 3)),
    case("cat_rows", lambda x, y: torch.cat([x, y, x]) + 1, floats(M, N), floats(3, N)),
    case("cat_computed", lambda x, y: torch.cat([x.exp(), y * 2], 1).sum(-1), floats(M, N), floats(M, 3)),
    case("cat_empty", lambda x: torch.cat([x, x.new_empty(0)], 0), floats(N)),
    case("cat_promotes", lambda x, y: torch.cat([x, y]), floats(N), integers(0, 9, 4)),
    case("cat_transposed", lambda x, y: torch.cat([x.t(), y]), floats(N, M), floats(3, N)),
    case("stack", lambda x, y: torch.stack([x, y], 1), floats(M, N), floats(M, N)),
    case("stack_last", lambda x, y: torch.stack([x, -y], -1).flatten(-2), floats(M, N), floats(M, N)),
    case("cat_consumed", lambda x, y, z: (torch.cat([x.exp(), y], 1) * z).tanh(), floats(M, N), floats(M, 3), floats(M, 1)),
    case("cat_of_softmax", lambda x, y: torch.stack([x.softmax(-1), y + 1, x.sum(1, keepdim=True).expand_as(x)], 2) * 2, floats(M, N), floats(M, N)),
    case("cat_needed", lambda x, y: (torch.cat([x, y], 1), torch.cat([x, y], 1).exp() + x.sum()), floats(M, N), floats(M, 3)),
    case("cat_twice", lambda x, y: (torch.cat([x.exp(), y.sin()], 1), torch.cat([y.sin(), x.exp()], 1), x.exp()), floats(M, N), floats(M, 3)),
    case("cat_of_cat", lambda x, y: torch.cat([torch.cat([x.exp(), y], 1), F.pad(x, (3, 0))], 0) + y.sum(), floats(M, N), floats(M, 3)),
    case("cat_depends", lambda x: torch.cat([x.exp(), x.exp() @ x.t()], 1), floats(M, 8)),
    case("cat_reads_shared", lambda x, y: torch.cat([x.exp(), (x.exp() * y).sum(-1, keepdim=True)], 1), floats(M, N), floats(M, N)),
    case("cat_bools", lambda x, y: torch.cat([x > 0, y < 0], 1) | (x.sum() > 0), floats(M, N, grad=False), floats(M, 3, grad=False)),
    case("cat_of_iota", lambda x: torch.cat([torch.arange(3), torch.arange(4)]) * x, floats(M, 7)),
    case("interleave", lambda x, y: torch.stack([x * y, x + y], -1).flatten(-2) * 2, floats(M, N), floats(M, N)),
    case("pad_sum", lambda x, y: (F.pad(x, (0, 4)) + F.pad(y, (4, 0))) * 2, floats(M, 4), floats(M, 4)),
    case("pad_image", lambda x, y: (F.pad(x, (1, 2, 3, 1), value=-0.0) + y).relu(), floats(2, M, 4), floats(7)),
    case("pad_axes", lambda x, y: F.pad(x, (1, 3)) * F.pad(y, (0, 0, 1, 2), value=1.0), floats(7, 3), floats(4, 7)),
    case("pad_seams", lambda x, y: F.pad(x, (1, 3)) + F.pad(y, (2, 1)), floats(M, 3), floats(M, 4)),
    case("chunks_meet", lambda x: x[:, :4].exp() * x[:, 4:], floats(M, 8)),
    case("pad", lambda x: F.pad(x, (1, 2)), floats(M, N)),
    case("pad_value", lambda x: F.pad(x, (1, 2, 3, 0), value=1.5) * 2, floats(M, N)),
    case("pad_negative", lambda x: F.pad(x, (-1, 2, 0, -1)), floats(M, N)),
    case("pad_reflect", lambda x: F.pad(x, (2, 3), mode="reflect"), floats(M, N)),
    case("pad_replicate", lambda x: F.pad(x, (2, 3), mode="replicate"), floats(M, 2, N)),
    case("pad_circular", lambda x: F.pad(x, (2, 3), mode="circular"), floats(M, 2, N)),
    case("flip", lambda x: x.flip(-1) + x.flip(0, 1), floats(M, N)),
    case("flip_alone", lambda x: x.flip(0), floats(M, N)),
    case("repeat", lambda x: x.repeat(2, 3), floats(M, N)),
    case("repeat_more_dims", lambda x: x.repeat(2, 1, 1) + 1, floats(M, N)),
    case("repeat_interleave", lambda x: x.repeat_interleave(3, 0), floats(M, N)),
    case("tile", lambda x: x.tile(2), floats(M, N)),
    case("roll", lambda x: x.roll(3, -1), floats(M, N)),
    case("roll_two", lambda x: x.roll((-1, 2), (0, 1)) * 2, floats(M, N)),
    case("roll_flat", lambda x: x.roll(5), floats(M, N)),
    case("roll_far", lambda x: x.roll(100, -1), floats(M, N)),
    case("tril", lambda x: x.tril(), floats(M, N)),
    case("triu", lambda x: x.triu(1) + 1, floats(N, N)),
    case("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), floats(2, 8, M, 3)),
    case("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), floats(2, 3, 4, 6)),
    case("rotate_half", lambda x: torch.cat([-x[..., 4:], x[..., :4]], -1) * x, floats(M, N, 8)),
    case("meshgrid", lambda x, y: torch.meshgrid(x, y, indexing="ij")[0] * 2, floats(N), floats(M)),
    case("one_hot", lambda i: (i.unsqueeze(-1) == torch.arange(9)).long(), integers(0, 9, N)),
    case("upsample_nearest", lambda x: F.interpolate(x, scale_factor=2), floats(2, 3, 4, M), dynamic=False),
    case("upsample_bilinear", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), floats(2, 3, 4, M), dynamic=False),
]  # fmt: skip


def _writes(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x.copy_(y * 2)
    return x + 1


def _writes_slice(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x[:, 1:4] = y
    return x.sum()


MUTATIONS = [
    case("copy_into_input", _writes, floats(M, N), floats(M, N), grad=False),
    case("copy_casts", _writes, integers(0, 9, M, N), integers(0, 9, N, dtype=torch.int32)),
    case("copy_into_strided", _writes, floats(M, N, layout=lambda x: x.t()), floats(N, M), grad=False),
    case("copy_into_slice", _writes_slice, floats(M, N), floats(M, 3), grad=False),
    case("add_in_place", lambda x, y: x.add_(y).sum(), floats(M, N), floats(N), grad=False),
    case("two_inputs_written", lambda x, y: (x.mul_(2), y.add_(x)), floats(N), floats(N), grad=False),
    case("written_then_read", lambda x: (x.zero_(), x + 1), floats(M, N), grad=False),
    case("swapped", lambda x, y: (x.clone(), x.copy_(y), y.copy_(x * 0 + 3)), floats(N), floats(N), grad=False),
    case("counter", lambda n, x: (n.add_(1), x * 2)[1], integers(0, 9), floats(N)),
    case("python_number", lambda x, n: x * n, floats(N), constant(3)),
]  # fmt: skip

CASES = [*VIEWS, *JOINS, *MUTATIONS]
