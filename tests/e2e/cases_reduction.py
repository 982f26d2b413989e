"""Cases of reductions and scans."""

from __future__ import annotations

import torch
from case import LOW_PRECISION, M, N, between, bools, case, floats, integers, special

SUMS = [
    case("sum_rows", lambda x: x.sum(-1), floats(M, N), dtypes=LOW_PRECISION),
    case("sum_columns", lambda x: x.sum(0), floats(M, N)),
    case("sum_all", lambda x: x.sum(), floats(M, N)),
    case(
        "sum_columns_long_body",
        lambda x, y: ((e := (x.erf() * y).sin()), e.sum(0), e.amax(0)),
        floats(40, 301),
        floats(301),
        dtypes=LOW_PRECISION,
    ),
    case(
        "sum_columns_of_batches",
        lambda x: (x.tanh().exp().sum(1) * 2, (x.sin().tanh() > 0.5).any(1)),
        floats(3, 40, 37),
    ),
    case("sum_keepdim", lambda x: x.sum(1, keepdim=True), floats(M, N, 3)),
    case("sum_two_axes", lambda x: x.sum((0, 2)), floats(M, N, 3)),
    case("sum_middle", lambda x: x.sum(1), floats(3, N, M)),
    case("sum_long", lambda x: x.sum(-1), floats(2, 10007), dynamic=False),
    case("sum_transposed", lambda x: x.sum(-1), floats(M, N, layout=lambda x: x.t())),
    case("sum_strided", lambda x: x.sum(), floats(M, 74, layout=lambda x: x[:, ::2])),
    case("sum_expanded", lambda x: x.sum(0), floats(1, N, layout=lambda x: x.expand(4, -1))),
    case("sum_0d", lambda x: x.sum(), floats()),
    case("sum_empty", lambda x: (x.sum(0), x.sum(1), x.sum()), floats(0, N)),
    case("sum_ints", lambda x: (x.sum(), x.sum(0)), integers(-99, 99, M, N, dtype=torch.int32)),
    case("sum_bools", lambda x: x.sum(-1), bools(M, N)),
    case("sum_dtype", lambda x: x.sum(-1, dtype=torch.float64), floats(M, N)),
    case("sum_special", lambda x: x.sum(-1), special(M, N), grad=False),
    case("mean", lambda x: x.mean(-1), floats(M, N), dtypes=LOW_PRECISION),
    case("mean_all", lambda x: x.mean(), floats(M, N)),
    case("mean_empty", lambda x: x.mean(1), floats(M, 0)),
    case("prod", lambda x: x.prod(-1), between(0.5, 1.5, M, N)),
    case("prod_all", lambda x: x.prod(), between(0.5, 1.5, N)),
    case("var", lambda x: x.var(-1), floats(M, N)),
    case("var_biased", lambda x: x.var(-1, unbiased=False), floats(M, N)),
    case("var_offset", lambda x: (x + 1000).var(-1), floats(M, N), grad=False),
    case("var_mean", lambda x: torch.var_mean(x, (0, 2), correction=0), floats(M, N, 3)),
    case("std", lambda x: x.std(-1), floats(M, N)),
    case("logsumexp", lambda x: x.logsumexp(-1), floats(M, N)),
    case("logsumexp_special", lambda x: x.logsumexp(-1), special(M, N), grad=False),
    case("norm", lambda x: torch.linalg.vector_norm(x, dim=-1), floats(M, N)),
    case("norm_1", lambda x: torch.linalg.vector_norm(x, 1, dim=0), floats(M, N)),
    case(
        "sum_of_transposed",
        lambda x, y: x.transpose(-1, -2).sum(1) * y,
        floats(3, 2, 11, 8),
        floats(8, 11),
    ),
]

EXTREMES = [
    case("amax", lambda x: x.amax(-1), floats(M, N), dtypes=LOW_PRECISION),
    case("amin", lambda x: x.amin((0, 1)), floats(M, N, 3)),
    case("amax_special", lambda x: (x.amax(-1), x.amin(0)), special(M, N), grad=False),
    case("amax_ints", lambda x: (x.amax(), x.amin(0)), integers(-99, 99, M, N)),
    case(
        "amax_unsigned",
        lambda x: (x.amax(-1), x.amin(0), x.argmax(-1)),
        integers(0, 256, M, N, dtype=torch.uint8),
    ),
    case("max_all", lambda x: x.max(), floats(M, N)),
    case("max_indices", lambda x: x.max(-1), floats(M, N), dtypes=LOW_PRECISION),
    case("min_indices", lambda x: x.min(0), floats(M, N)),
    case("max_ties", lambda x: x.max(-1), integers(0, 3, M, N)),
    case("min_ties", lambda x: x.min(-1), integers(0, 3, M, N)),
    case("max_nan", lambda x: x.max(-1), special(M, N), grad=False),
    case("argmax", lambda x: x.argmax(-1), floats(M, N)),
    case("argmax_all", lambda x: x.argmax(), floats(M, N)),
    case("argmin", lambda x: x.argmin(0), floats(M, N)),
    case("argmax_keepdim", lambda x: x.argmax(1, keepdim=True), integers(0, 4, M, N)),
    case("any", lambda x: (x.any(), x.any(-1), x.any(0)), bools(M, N)),
    case("all", lambda x: (x.all(), x.all(-1), x.all(0)), bools(M, N)),
    case("any_float", lambda x: ((x > 2).any(-1), x.any(0)), special(M, N), grad=False),
    case(
        "any_all_of_numbers",
        lambda x: (x.any(), x.all(), x.any(-1), x.relu().all(0), x.relu().bool()),
        special(M, N),
        grad=False,
        dtypes=LOW_PRECISION,
    ),
]

SCANS = [
    case("cumsum", lambda x: x.cumsum(-1), floats(M, N), dtypes=LOW_PRECISION),
    case("cumsum_columns", lambda x: x.cumsum(0), floats(N, M)),
    case("cumsum_ints", lambda x: x.cumsum(1), integers(-9, 9, M, N, dtype=torch.int32)),
    case("cumsum_bools", lambda x: x.cumsum(-1), bools(M, N)),
    case("cumprod", lambda x: x.cumprod(-1), between(0.5, 1.5, M, N)),
    case("softmax_of_sum", lambda x: (x - x.mean(-1, keepdim=True)).exp().sum(-1), floats(M, N)),
    case("two_statistics", lambda x: (x.amax(-1) - x.amin(-1), x.mean(-1)), floats(M, N)),
    case("sum_then_broadcast", lambda x: x / x.abs().sum(0, keepdim=True), floats(M, N)),
]

CASES = [*SUMS, *EXTREMES, *SCANS]
