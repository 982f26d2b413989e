"""Cases of embedding bags, distances between rows, and forms with three tensors."""

# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from case import LOW_PRECISION, M, N, case, constant, floats, integers

_MODES = ("sum", "mean", "max")
_STARTS = constant(torch.tensor([0, 3, 3, 7]))
_ENDS = constant(torch.tensor([0, 3, 3, 7, 12]))


def bag(**options: Any) -> Any:
    return lambda w, i, o=None: F.embedding_bag(i, w, o, **options)


BAGS = [
    *(case(f"embedding_bag_{mode}", bag(mode=mode), floats(10, N), integers(0, 10, 12), _STARTS) for mode in _MODES),
    *(case(f"embedding_bag_{mode}_matrix", bag(mode=mode), floats(10, N), integers(0, 10, M, 3)) for mode in _MODES),
    *(case(f"embedding_bag_{mode}_padding", bag(mode=mode, padding_idx=3), floats(6, N), integers(0, 6, 12), _STARTS) for mode in _MODES),
    *(case(f"embedding_bag_{mode}_all_padding", bag(mode=mode, padding_idx=3), floats(6, N), integers(3, 4, M, 3)) for mode in _MODES),
    *(case(f"embedding_bag_{mode}_last", bag(mode=mode, include_last_offset=True), floats(10, N), integers(0, 10, 12), _ENDS) for mode in _MODES),
    *(case(f"embedding_bag_{mode}_ints", lambda w, i, o, mode=mode: F.embedding_bag(i, w, o.int(), mode=mode), floats(10, N), integers(0, 10, 12, dtype=torch.int32), _STARTS) for mode in _MODES),
    case("embedding_bag_weights", lambda w, p, i, o: F.embedding_bag(i, w, o, mode="sum", per_sample_weights=p), floats(10, N), floats(12), integers(0, 10, 12), _STARTS),
    case("embedding_bag_weights_padding", lambda w, p, i: F.embedding_bag(i, w, mode="sum", per_sample_weights=p, padding_idx=2), floats(10, N), floats(M, 3), integers(0, 10, M, 3)),
    case("embedding_bag_frequency", bag(mode="sum", scale_grad_by_freq=True), floats(10, N), integers(0, 10, 12), _STARTS),
    case("embedding_bag_empty", bag(mode="mean"), floats(10, N), integers(0, 10, 0), constant(torch.tensor([0, 0]))),
    case("embedding_renorm", lambda w, i: (F.embedding(i, w, max_norm=1.0), w), floats(10, N), integers(0, 10, M, 3), grad=False),
    case("embedding_renorm_by_sums", lambda w, i: F.embedding(i, w, max_norm=3.0, norm_type=1.0), floats(10, N), integers(0, 10, M, 3), grad=False),
    case("embedding_bag_of_map", lambda w, i: F.embedding_bag(i, w * 2, mode="mean").relu(), floats(10, N), integers(0, 10, M, 3)),
]  # fmt: skip

_NORMS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, float("inf"))

DISTANCES = [
    *(case(f"cdist_{p}", lambda x, y, p=p: torch.cdist(x, y, p=p), floats(2, M, 9), floats(2, N, 9)) for p in _NORMS),
    *(case(f"pdist_{p}", lambda x, p=p: F.pdist(x, p=p), floats(M, N)) for p in _NORMS),
    case("cdist_product", torch.cdist, floats(2, N, 9), floats(2, 40, 9)),
    case("cdist_differences", lambda x, y: torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist"), floats(N, 9), floats(40, 9)),
    case("cdist_broadcast", torch.cdist, floats(2, 1, 9, 5), floats(3, 7, 5)),
    case("cdist_equal_rows", lambda x: torch.cdist(x, x * 1), floats(1, 5, layout=lambda x: x.expand(4, 5))),
    case("cdist_empty", torch.cdist, floats(0, 5), floats(3, 5)),
    case("cdist_without_depth", lambda x, y: torch.cdist(x, y, p=float("inf")), floats(4, 0), floats(3, 0)),
    case("pdist_many", F.pdist, floats(130, 3), dynamic=False),
    case("pdist_one", F.pdist, floats(1, 3), dynamic=False),
    case("pdist_equal_rows", F.pdist, floats(1, 5, layout=lambda x: x.expand(4, 5)), dynamic=False),
]  # fmt: skip

FORMS = [
    case("bilinear", F.bilinear, floats(N, 4), floats(N, 5), floats(6, 4, 5), floats(6), dtypes=LOW_PRECISION),
    case("bilinear_without_bias", F.bilinear, floats(2, M, 4), floats(2, M, 5), floats(6, 4, 5)),
]  # fmt: skip

CASES = [*BAGS, *DISTANCES, *FORMS]
