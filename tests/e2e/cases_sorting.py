"""Cases of sorting, selecting, searching and running extrema."""

# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

from collections.abc import Callable

import torch
from case import LOW_PRECISION, M, N, bools, case, floats, integers, special
from torch import Tensor


def chosen(select: Callable[..., tuple[Tensor, Tensor]], axis: int) -> Callable[..., object]:
    """Values, and what the indices point at: of equal elements eager mode may choose others."""

    def check(x: Tensor, *args: Tensor) -> tuple[Tensor, Tensor]:
        values, indices = select(x, *args)
        if indices.dim() < x.dim():
            return values, x.gather(axis, indices.unsqueeze(axis)).squeeze(axis)
        return values, x.gather(axis, indices)

    return check


SORTS = [
    case("sort", lambda x: torch.sort(x, stable=True), floats(M, N), dtypes=LOW_PRECISION),
    case("sort_descending", lambda x: x.sort(0, descending=True), floats(N, M)),
    case("sort_middle", lambda x: x.sort(1), floats(M, N, 6)),
    case("sort_special", lambda x: torch.sort(x, stable=True), special(M, N), dtypes=LOW_PRECISION),
    case("sort_special_descending", lambda x: torch.sort(x, stable=True, descending=True), special(N), dtypes=LOW_PRECISION),
    case("sort_of_long_rows", lambda x: torch.sort(x, stable=True), special(3, 700), dtypes=LOW_PRECISION),
    case("sort_of_long_rows_dynamic", lambda x: torch.sort(torch.cat([x, x, x, x, x]), stable=True, dim=0, descending=True), floats(N, M)),
    case("sort_of_long_columns", lambda x: x.sort(0), floats(300, M)),
    *(
        case(f"sort_{str(dtype).removeprefix('torch.')}",
             lambda x: (torch.sort(x, stable=True), torch.sort(x, stable=True, dim=0, descending=True)),
             integers(0 if dtype == torch.uint8 else -99, 99, 300, M, dtype=dtype))
        for dtype in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)
    ),
    case("sort_extreme", lambda x: torch.sort(torch.cat([x, ~x, x * 0 + 2**63 - 1, x * 0 - 2**63]), stable=True), integers(-9, 9, 64)),
    case("sort_double", lambda x: torch.sort(x.double(), stable=True), special(M, N)),
    case("sort_long_double", lambda x: torch.sort(x.double(), stable=True, descending=True), special(2, 300)),
    case("sort_bool", lambda x: torch.sort(x, stable=True), bools(M, N)),
    case("sort_long_bool", lambda x: torch.sort(x, stable=True, descending=True), bools(500)),
    case("sort_strided", lambda x: x.sort(), floats(N, M, layout=lambda x: x.t())),
    case("sort_expanded", lambda x: torch.sort(x, dim=1, stable=True), floats(N, 1, layout=lambda x: x.expand(-1, 4), grad=False)),
    case("sort_one", lambda x: (x.sort(1), x.sort(0)), floats(N, 1)),
    case("sort_0d", lambda x: x.sort(), floats()),
    case("sort_empty", lambda x: (x.sort(0), x.sort(1)), floats(N, 0)),
    case("argsort", lambda x: x.argsort(descending=True), floats(M, N)),
    case("argsort_of_sums", lambda x: torch.argsort((x * 2).sum(1), stable=True), floats(N, M)),
    case("argsort_experts", lambda i: torch.argsort(i, stable=True), integers(0, 8, 500)),
    case("msort", torch.msort, floats(N, M)),
    case("sorted_then_summed", lambda x: (x * 2).sort().values[:, ::2].cumsum(1).exp(), floats(M, 9)),
]  # fmt: skip


def _route(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """The router of a mixture of experts."""
    weights, experts = torch.topk((x @ w).softmax(-1), 2)
    return weights / weights.sum(-1, keepdim=True), experts


SELECTIONS = [
    case("topk", chosen(lambda x: x.topk(3), 1), floats(M, N), dtypes=LOW_PRECISION),
    case("topk_smallest", lambda x: x.topk(3, 0, largest=False), floats(N, M)),
    case("topk_unsorted", lambda x: x.topk(4, sorted=False)[0].sum(-1), floats(M, N)),
    case("topk_one", lambda x: (x.topk(1), x.topk(1, 0, largest=False)), floats(M, N)),
    case("topk_all", lambda x: x.topk(x.shape[1]), floats(M, N)),
    case("topk_none", lambda x: x.topk(0), floats(M, N)),
    case("topk_0d", lambda x: x.topk(1), floats()),
    case("topk_half", lambda x: x.topk(x.shape[1] // 2), floats(M, N)),
    case("topk_router", _route, floats(N, 16), floats(16, 8)),
    case("topk_of_long_rows", lambda x: x.topk(50), floats(3, 4000)),
    case("topk_of_many_equal", chosen(lambda x: x.topk(50), 1), floats(3, 4000, grad=False), dtypes=LOW_PRECISION),
    case("topk_of_many", lambda x: x.topk(600), floats(1000)),
    case("topk_special", chosen(lambda x: x.topk(9), 1), special(M, 300), dtypes=LOW_PRECISION),
    case("topk_special_smallest", chosen(lambda x: x.topk(9, largest=False), 1), special(M, 300)),
    case("topk_ties", chosen(lambda x: x.topk(5), 1), floats(M, 500, layout=torch.round, grad=False)),
    case("topk_ints", lambda x: x.topk(5), integers(-9, 9, M, 500)),
    case("topk_equal", lambda x: torch.topk((x > 99).float(), 5)[0], floats(300, grad=False)),
    case("topk_columns", lambda x: x.topk(3, 1), floats(2, 200, M)),
    case("kthvalue", chosen(lambda x: x.kthvalue(3), 1), floats(M, N), dtypes=LOW_PRECISION),
    case("kthvalue_keepdim", lambda x: x.kthvalue(2, 0, keepdim=True), floats(N, M)),
    case("kthvalue_last", lambda x: x.kthvalue(x.shape[1]), floats(M, N)),
    case("kthvalue_ints", lambda x: x.kthvalue(7), integers(-9, 9, M, N)),
    case("kthvalue_ties", chosen(lambda x: x.kthvalue(7), 1), floats(M, N, layout=torch.round, grad=False)),
    case("median", chosen(lambda x: x.median(1), 1), floats(M, N), dtypes=LOW_PRECISION),
    case("median_all", lambda x: x.median(), floats(M, N)),
    case("median_special", chosen(lambda x: x.median(1), 1), special(M, N)),
    case("median_special_all", lambda x: (x.median(), x.nanmedian(), x[:, 8:].median()), special(M, N)),
    case("median_ints", chosen(lambda x: x.median(0), 0), integers(-9, 9, N, M)),
    case("median_empty", lambda x: (x.median(), x.nanmedian()), floats(0, grad=False)),
    case("nanmedian", lambda x: x.nanmedian(0, keepdim=True), floats(N, M)),
    case("nanmedian_special", chosen(lambda x: x.nanmedian(1), 1), special(M, N)),
    case("nanmedian_of_nan", lambda x: (x * torch.nan).nanmedian(1)[0], floats(M, N, grad=False)),
    case("mode", chosen(lambda x: x.mode(1), 1), integers(0, 5, M, N)),
    case("mode_columns", chosen(lambda x: x.mode(0), 0), integers(0, 5, N, M, dtype=torch.int32)),
    case("mode_floats", lambda x: x.round().mode(1)[0], floats(M, N)),
    case("mode_one", lambda x: x.mode(1, keepdim=True), floats(N, 1)),
    case("quantile", lambda x, q: torch.quantile(x, q, dim=1), floats(M, N), floats(3, layout=lambda x: x.sigmoid(), grad=False)),
    case("quantile_lower", lambda x: x.quantile(0.3, interpolation="lower"), floats(M, N)),
    case("nanquantile", lambda x: x.nanquantile(0.7, dim=0), special(N, M)),
]  # fmt: skip

RUNNING = [
    case("cummax", lambda x: x.cummax(1), floats(M, N), dtypes=LOW_PRECISION),
    case("cummax_columns", lambda x: x.cummax(0), floats(N, M)),
    case("cummax_ties", lambda x: (x.cummax(1), x.cummin(0)), integers(-3, 3, M, N)),
    case("cummax_bytes", lambda x: (x.cummax(0), x.cummin(1)), integers(0, 256, N, M, dtype=torch.uint8)),
    case("cummax_special", lambda x: (x.cummax(1), x.cummin(1), x.cummax(0), x.cummin(0)), special(M, N), dtypes=LOW_PRECISION),
    case("cummin", lambda x: x.cummin(1), floats(M, N)),
    case("cummax_0d", lambda x: x.cummax(0), floats()),
    case("cummax_empty", lambda x: (x.cummax(1), x.cummin(0)), floats(N, 0, grad=False)),
    case("cummax_bools", lambda x: (x.cummax(1), x.cummin(0)), bools(M, N)),
    case("logcumsumexp", lambda x: x.logcumsumexp(1), floats(M, N), dtypes=LOW_PRECISION),
    case("logcumsumexp_columns", lambda x: x.logcumsumexp(0), floats(N, M)),
    case("logcumsumexp_one_row", lambda x: x.logcumsumexp(0), floats(N)),
    case("logcumsumexp_far_apart", lambda x: (x * 100).logcumsumexp(1), floats(M, N)),
    case("logcumsumexp_special", lambda x: (x.logcumsumexp(1), x.logcumsumexp(0)), special(M, N)),
    case("logcumsumexp_infinite", lambda x: (x - torch.inf).logcumsumexp(1), floats(M, N, grad=False)),
]  # fmt: skip


def _sorted(*sizes: int):
    return floats(*sizes, layout=lambda x: x.sort()[0], grad=False)


SEARCHES = [
    case("searchsorted", lambda s, x: torch.searchsorted(s, x), _sorted(N), floats(M, 9), dtypes=LOW_PRECISION),
    case("searchsorted_right", lambda s, x: torch.searchsorted(s, x, right=True), integers(0, 9, N, layout=lambda x: x.sort()[0]), integers(-1, 10, M, 5)),
    case("searchsorted_rows", lambda s, x: torch.searchsorted(s, x, side="right", out_int32=True), _sorted(M, N), floats(M, 4)),
    case("searchsorted_special", lambda s, x: torch.searchsorted(s.sort()[0], x), special(N), special(N)),
    case("searchsorted_number", lambda s: torch.searchsorted(s, 0.25), _sorted(N)),
    case("searchsorted_sorter", lambda s, x: torch.searchsorted(s, x, sorter=s.argsort()), floats(M, N, grad=False), floats(M, 4)),
    case("searchsorted_empty", lambda s, x: torch.searchsorted(s[:0], x), _sorted(N), floats(M)),
    case("bucketize", lambda x, s: torch.bucketize(x, s), floats(M, N), _sorted(7)),
    case("bucketize_right", lambda x, s: torch.bucketize(x, s, right=True), integers(0, 9, M, N), integers(0, 9, 5, layout=lambda x: x.sort()[0])),
    case("histc", lambda x: torch.histc(x, 10, -1, 1.5), floats(M, N, grad=False)),
    case("histc_of_range", lambda x: torch.histc(x * 2, 7), floats(M, N, grad=False)),
    case("histc_of_one", lambda x: torch.histc(x * 0 + 3, 7), floats(M, N, grad=False)),
    case("histc_empty", lambda x: torch.histc(x, 7), floats(0, grad=False)),
    case("isin", torch.isin, integers(0, 99, M, N), integers(0, 99, 9)),
    case("isin_many", lambda x, t: torch.isin(x, t, invert=True), integers(0, 99, M, N), integers(0, 99, N, 2)),
    case("isin_special", lambda x, t: (torch.isin(x, t), torch.isin(x, t[:, :3].clone())), special(M, N), special(2, 40)),
    case("isin_number", lambda x: (torch.isin(x, 5), torch.isin(5, x)), integers(0, 9, M, N)),
]  # fmt: skip

MASKS = [
    case("masked_scatter", lambda x, m, s: x.masked_scatter(m, s), floats(M, N), bools(M, N), floats(M, N)),
    case("masked_scatter_broadcast", lambda x, m, s: x.masked_scatter(m, s), floats(N), bools(M, 1), floats(700)),
    case("masked_scatter_ints", lambda x, m, s: x.masked_scatter(m[:, None], s * 2), integers(0, 9, N, M), bools(N), integers(0, 9, 700)),
    case("masked_scatter_embeddings", lambda x, m, s: (x + 1).masked_scatter(m[..., None].expand_as(x), s) * 2, floats(M, N, 4), bools(M, N), floats(M, N, 4)),
]  # fmt: skip

CASES = [*SORTS, *SELECTIONS, *RUNNING, *SEARCHES, *MASKS]
