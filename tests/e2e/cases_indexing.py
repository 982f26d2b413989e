"""Cases of reading and writing at computed positions."""

# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

import torch
import torch.nn.functional as F
from case import LOW_PRECISION, M, N, bools, case, floats, integers, permutation

READS = [
    case("embedding", F.embedding, integers(0, N, 4, M), floats(N, 7), dtypes=LOW_PRECISION),
    case("embedding_wide", F.embedding, integers(0, M, N), floats(M, 64)),
    case("embedding_padding", lambda i, w: F.embedding(i, w, padding_idx=2), integers(0, 5, N), floats(5, 7)),
    case("embedding_by_frequency", lambda i, w: F.embedding(i, w, scale_grad_by_freq=True), integers(0, 5, N), floats(5, 7)),
    case("embedding_int32", F.embedding, integers(0, 5, N, dtype=torch.int32), floats(5, 7)),
    case("embedding_sum", lambda i, j, w, p: F.embedding(i, w) + F.embedding(j, p), integers(0, 5, N), integers(0, 3, N), floats(5, 8), floats(3, 8)),
    case("embedding_bag", lambda i, w: F.embedding_bag(i, w, mode="sum"), integers(0, 9, M, 3), floats(9, 7)),
    case("index_select", lambda x, i: x.index_select(1, i), floats(M, N), integers(0, 21, 9)),
    case("index_select_rows", lambda x, i: x.index_select(0, i) * 2, floats(5, N), integers(0, 5, M)),
    case("gather", lambda x, i: x.gather(1, i), floats(M, N), integers(0, 21, M, 9)),
    case("gather_rows", lambda x, i: x.gather(0, i), floats(N, M), integers(0, 21, 4, M)),
    case("gather_0d", lambda x, i: x.gather(0, i), floats(), integers(0, 1)),
    case("gather_computed", lambda x, i: (x * 2).gather(1, i + 1).exp(), floats(M, N), integers(0, 20, M, 9)),
    case("gather_of_softmax", lambda x, i: x.log_softmax(1).gather(1, i), floats(M, N), integers(0, 21, M, 1)),
    case("gather_of_shared", lambda x, y, i: ((x * y).gather(1, i), (x * y).sum(1)), floats(M, 64), floats(M, 64), integers(0, 64, M, 1)),
    case("gather_of_mask", lambda x, i: (x > 0).gather(1, i), floats(M, N, grad=False), integers(0, 21, M, 1)),
    case("gather_of_rows", lambda x, b, i: (x + b[:, None])[i] * 2, floats(64, N), floats(64), integers(-64, 64, M)),
    case("take", lambda x, i: x.take(i), floats(M, N), integers(-100, 100, 9)),
    case("take_0d", lambda x, i: x.take(i), floats(M, N), integers(0, 100)),
    case("take_along_dim", lambda x, i: x.take_along_dim(i, 1), floats(M, N), integers(0, 21, M, 2)),
    case("index_one", lambda x, i: x[i], floats(N, M), integers(-21, 21, 9)),
    case("index_second", lambda x, i: x[:, i], floats(M, N), integers(-21, 21, 9)),
    case("index_two", lambda x, i, j: x[i, j], floats(M, N), integers(0, 5, 9), integers(0, 21, 9)),
    case("index_outer", lambda x, i, j: x[i[:, None], j], floats(M, N), integers(0, 5, 4), integers(0, 21, 9)),
    case("index_around", lambda x, i, j: x[i, :, j], floats(4, N, 6), integers(0, 4, 3), integers(0, 6, 3)),
    case("index_inner", lambda x, i, j: x[:, i, j], floats(N, 4, 6), integers(0, 4, 2, 3), integers(0, 6, 3)),
    case("index_with_slice", lambda x, i: x[1:, i, ::2], floats(M, 4, N), integers(0, 4, 3)),
    case("index_0d", lambda x, i: torch.ops.aten.index(x, [i]), floats(N, M), integers(0, 21)),
    case("index_empty_rows", lambda x, i: (x[i], x[i].sum(-1) + 1), floats(N, 0), integers(0, 21, 9)),
    case("index_empty", lambda x, i: x[i] + 1, floats(N, M), integers(0, 21, 0)),
    case("index_int32", lambda x, i: x[i], floats(N, M), integers(0, 21, 9, dtype=torch.int32)),
    case("index_strided", lambda x, i: x[i], floats(M, N, layout=lambda x: x.t()), integers(0, 21, 9)),
    case("index_integers", lambda x, i: x[i] * 2, integers(0, 99, N), integers(0, 21, 9)),
]  # fmt: skip


def _put(accumulate: bool):
    return lambda x, i, v: x.index_put((i,), v, accumulate=accumulate)


def _masked_write(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[mask] = 1.5
    return y * 2


def _row_write(x: torch.Tensor, i: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[:, i] = v
    return y


WRITES = [
    case("one_hot_product", lambda i, x: F.one_hot(i, 7) * x, integers(0, 7, N), floats(N, 7)),
    case("scatter_one_of_row", lambda x, i, v: (x * 2).scatter(1, i, v) + 1, floats(M, N), integers(0, 21, M, 1), floats(M, 1)),
    case("scatter_one_of_column", lambda i: torch.zeros(7, 6, dtype=torch.int64).scatter(0, i, 3), integers(0, 7, 1, 6)),
    case("scatter_add_one_of_row", lambda i, v: torch.zeros(9, 21, dtype=v.dtype).scatter_add(1, i, v) * 2, integers(0, 21, 9, 1), floats(9, 1)),
    case("pick_by_row", lambda x, i: x[torch.arange(x.shape[0]), i] * 2, floats(N, M), integers(0, 5, N)),
    case("index_put", _put(False), floats(N, M), permutation(21), floats(21, M)),
    case("index_put_add", _put(True), floats(N, M), integers(-21, 21, 64), floats(64, M), dtypes=LOW_PRECISION),
    case("index_put_broadcast", _put(True), floats(N, M), integers(0, 21, 9), floats(M)),
    case("index_put_scalar", _put(False), floats(N, M), integers(0, 21, 9), floats()),
    case("index_put_two", lambda x, i, j, v: x.index_put((i, j), v, accumulate=True), floats(M, N), integers(0, 5, 9), integers(0, 21, 9), floats(9)),
    case("index_put_around", lambda x, i, j, v: torch.ops.aten.index_put(x, [i, None, j], v, True), floats(4, N, 6), integers(0, 4, 3), integers(0, 6, 3), floats(3, N)),
    case("index_put_ints", _put(True), integers(0, 9, N), integers(0, 21, 64), integers(0, 9, 64)),
    case("masked_write", _masked_write, floats(M, N), bools(M, N)),
    case("masked_write_rows", _masked_write, floats(M, N), bools(M)),
    case("row_write", _row_write, floats(M, N), permutation(9), floats(M, 9)),
    case("index_add", lambda x, i, v: x.index_add(1, i, v, alpha=2), floats(M, N), integers(0, 21, 9), floats(M, 9)),
    case("index_copy", lambda x, i, v: x.index_copy(0, i, v), floats(N, M), permutation(21), floats(21, M)),
    case("index_fill", lambda x, i: x.index_fill(1, i, 2.0), floats(M, N), integers(0, 21, 4)),
    case("index_reduce", lambda x, i, v: x.index_reduce(0, i, v, "amax"), floats(N, M), integers(0, 21, 9), floats(9, M), grad=False),
    case("scatter", lambda x, i, v: x.scatter(0, i[:, None].expand(-1, v.shape[1]), v), floats(N, M), permutation(21), floats(21, M)),
    case("scatter_value", lambda x, i: x.scatter(1, i, 2.0), floats(M, N), integers(0, 21, M, 3)),
    case("scatter_add", lambda x, i, v: x.scatter_add(1, i, v), floats(M, N), integers(0, 21, M, 64), floats(M, 64), dtypes=LOW_PRECISION),
    case("scatter_add_rows", lambda x, i, v: x.scatter_add(0, i, v), floats(N, M), integers(0, 21, 64, M), floats(64, M)),
    *(
        case(f"scatter_reduce_{how}{'' if own else '_only'}", lambda x, i, v, how=how, own=own: x.scatter_reduce(1, i, v, how, include_self=own),
             floats(M, N), integers(0, 21, M, 64), floats(M, 64), grad=how in ("sum", "mean"))
        for how in ("sum", "prod", "amax", "amin", "mean")
        for own in (True, False)
    ),
    case("scatter_mean_ints", lambda x, i, v: x.scatter_reduce(1, i, v, "mean"),
         integers(-50, 50, M, N), integers(0, 21, M, 64), integers(-9, 9, M, 64)),
    *(
        case(f"scatter_{how}_unsigned", lambda x, i, v, how=how: x.scatter_reduce(1, i, v, how),
             integers(0, 256, M, N, dtype=torch.uint8), integers(0, 21, M, 64), integers(0, 256, M, 64, dtype=torch.uint8))
        for how in ("sum", "prod", "amax", "amin")
    ),
    case("inverse_permutation", lambda p: torch.empty_like(p).scatter(0, p, torch.arange(p.shape[0])), permutation(N)),
    case("scatter_into_iota", lambda p, v: torch.arange(37).scatter(0, p, v), integers(0, 37, N), integers(0, 9, N)),
    case("scatter_into_iota_columns",
         lambda p, v: torch.arange(5).expand(37, 5).scatter_add(0, p[:, None].expand(-1, 5), v),
         integers(0, 37, N), integers(0, 9, N, 5)),
    case("slice_scatter", lambda x, v: x.slice_scatter(v, 1, 2, 11), floats(M, N), floats(M, 9)),
    case("slice_scatter_step", lambda x, v: x.slice_scatter(v, 1, 1, 11, 2), floats(M, N), floats(M, 5)),
    case("slice_scatter_end", lambda x, v: x.slice_scatter(v, 1, -4), floats(M, N), floats(M, 4)),
    case("select_scatter", lambda x, v: x.select_scatter(v, 1, -2), floats(M, N), floats(M)),
    case("select_scatter_of_a_value", lambda x, v: (x * 2).select_scatter(v, 0, 3) + 1, floats(M, N), floats(N)),
    case("diagonal_scatter", lambda x, v: x.diagonal_scatter(v), floats(5, N), floats(5)),
    case("put", lambda x, i, v: x.put(i, v, accumulate=True), floats(M, N), integers(-100, 100, 9), floats(9)),
    case("one_hot_scatter", lambda i: torch.zeros(i.shape[0], 9).scatter(1, i[:, None], 1.0), integers(0, 9, N)),
]  # fmt: skip

CASES = [*READS, *WRITES]
