"""Cases of operators that read in windows: pooling, resampling, and padding that repeats elements."""

# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from case import LOW_PRECISION, M, N, case, floats, integers, special


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.to(memory_format=torch.channels_last)


def mirrored(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(-1, -2)[..., ::2]


def max2(*args: Any, **options: Any) -> Any:
    """Values and indices."""
    return lambda x: F.max_pool2d(x, *args, return_indices=True, **options)


MAX = [
    case("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), floats(2, M, N)),
    case("max_pool2d", max2(2), floats(2, 3, 8, N), dtypes=LOW_PRECISION),
    case("max_pool2d_values", lambda x: F.max_pool2d(x, 3, 2, 1), floats(2, 3, M, N)),
    case("max_pool2d_overlapping", max2(3, 2, 1), floats(2, 3, M, N), dtypes=LOW_PRECISION),
    case("max_pool2d_of_map", lambda x: F.max_pool2d((x * 2).relu(), 2), floats(2, 3, 8, N)),
    case("max_pool2d_stride_1", max2(5, 1, 2), floats(1, 2, 7, N)),
    case("max_pool2d_uneven", max2((3, 2), (1, 3), (1, 0)), floats(2, 3, M, N)),
    case("max_pool2d_ceil", max2(3, 2, ceil_mode=True), floats(2, 3, 8, N)),
    case("max_pool2d_ceil_padded", max2(3, 4, 1, ceil_mode=True), floats(2, 3, 10, N)),
    case("max_pool2d_dilated", max2(2, 1, 1, 2), floats(2, 3, 8, N)),
    case("max_pool2d_dilated_ends", max2(3, 2, 0, 3), floats(2, 3, 8, N)),
    case("max_pool2d_dilated_around", lambda x: F.max_pool2d(x, 2, 1, 1, 3), floats(2, 3, 2, N), grad=False),
    case("max_pool2d_gaps", max2(1, 3), floats(2, 3, 8, N)),
    case("max_pool2d_large", max2(7, 3, 3), floats(2, 3, 14, N)),
    case("max_pool2d_larger", max2(9, 2, 4), floats(1, 2, 14, N)),
    case("max_pool2d_whole", max2((4, 33)), floats(2, 3, 4, 33), dynamic=False),
    case("max_pool2d_special", max2(3, 2, 1), special(2, 3, M, N), grad=False),
    case("max_pool2d_special_large", max2(7, 3, 3), special(2, 3, 14, N), grad=False),
    case("max_pool2d_infinite", lambda x: max2(3, 2, 1)(x * 0 - torch.inf), floats(2, 3, M, N), grad=False),
    case("max_pool2d_ties", lambda x: max2(3, 2, 1)(x.round()), floats(2, 3, M, N)),
    case("max_pool2d_ints", max2(3, 2, 1), integers(-9, 9, 2, 3, M, N)),
    case("max_pool2d_f64", lambda x: max2(3, 2, 1)(x.double()), floats(2, 3, M, N)),
    case("max_pool2d_unbatched", max2(3, 2, 1), floats(3, M, N)),
    case("max_pool2d_channels_last", max2(3, 2, 1), floats(2, 3, M, N, layout=channels_last)),
    case("max_pool2d_strided", max2(3, 2, 1), floats(2, 3, N, M, layout=mirrored)),
    case("max_pool2d_empty", max2(3, 2, 1), floats(0, 3, M, N)),
    case("max_pool3d", lambda x: F.max_pool3d(x, 2, return_indices=True), floats(2, 2, 4, 6, N)),
    case("max_pool3d_overlapping", lambda x: F.max_pool3d(x, 3, 2, 1), floats(2, 2, M, 7, N)),
    case("max_unpool2d", lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), (2, 2)), floats(2, 3, 8, 10), dynamic=False),
    case("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 5), floats(2, 3, N)),
    case("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (3, 5), return_indices=True), floats(2, 3, 7, 37), dynamic=False),
    case("adaptive_max_pool2d_dynamic", lambda x: F.adaptive_max_pool2d(x, (3, 5)), floats(2, 3, M, N)),
    case("adaptive_max_pool2d_larger", lambda x: F.adaptive_max_pool2d(x, (9, 40)), floats(2, 3, 7, 37), dynamic=False),
    case("adaptive_max_pool2d_special", lambda x: F.adaptive_max_pool2d(x, (3, 5), return_indices=True), special(2, 3, 7, 37), grad=False, dynamic=False),
    case("adaptive_max_pool3d", lambda x: F.adaptive_max_pool3d(x, (2, 3, 4)), floats(2, 3, 5, 7, 9), dynamic=False),
]  # fmt: skip

AVERAGE = [
    case("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1), floats(2, M, N)),
    case("avg_pool2d", lambda x: F.avg_pool2d(x, 2), floats(2, 3, 8, N), dtypes=LOW_PRECISION),
    case("avg_pool2d_of_map", lambda x: F.avg_pool2d((x * 2).relu(), 2), floats(2, 3, 8, N)),
    case("avg_pool2d_overlapping", lambda x: F.avg_pool2d(x, 3, 2, 1), floats(2, 3, M, N), dtypes=LOW_PRECISION),
    case("avg_pool2d_without_padding", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), floats(2, 3, M, N)),
    case("avg_pool2d_ceil", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), floats(2, 3, 8, N)),
    case("avg_pool2d_ceil_without_padding", lambda x: F.avg_pool2d(x, 3, 2, 1, True, False), floats(2, 3, 8, N)),
    case("avg_pool2d_ceil_unpadded", lambda x: F.avg_pool2d(x, 3, 2, 0, True), floats(2, 3, 8, N)),
    case("avg_pool2d_divisor", lambda x: F.avg_pool2d(x, 3, 2, 1, divisor_override=2), floats(2, 3, M, N)),
    case("avg_pool2d_negative_divisor", lambda x: F.avg_pool2d(x, 2, divisor_override=-3), floats(2, 3, M, N)),
    case("avg_pool2d_stride_1", lambda x: F.avg_pool2d(x, 5, 1, 2), floats(1, 2, 7, N)),
    case("avg_pool2d_uneven", lambda x: F.avg_pool2d(x, (3, 2), (1, 3), (1, 0)), floats(2, 3, M, N)),
    case("avg_pool2d_gaps", lambda x: F.avg_pool2d(x, 1, 3), floats(2, 3, 8, N)),
    case("avg_pool2d_large", lambda x: F.avg_pool2d(x, 9, 2, 4), floats(1, 2, 14, N)),
    case("avg_pool2d_special", lambda x: F.avg_pool2d(x, 3, 2, 1), special(2, 3, M, N), grad=False),
    case("avg_pool2d_unbatched", lambda x: F.avg_pool2d(x, 3, 2, 1), floats(3, M, N)),
    case("avg_pool2d_channels_last", lambda x: F.avg_pool2d(x, 3, 2, 1), floats(2, 3, M, N, layout=channels_last)),
    case("avg_pool2d_strided", lambda x: F.avg_pool2d(x, 3, 2, 1), floats(2, 3, N, M, layout=mirrored)),
    case("avg_pool2d_empty", lambda x: F.avg_pool2d(x, 3, 2, 1), floats(0, 3, M, N)),
    case("avg_pool3d", lambda x: F.avg_pool3d(x, 3, 2, 1), floats(2, 2, M, 7, N)),
    case("lp_pool2d", lambda x: F.lp_pool2d(x, 2, 2), floats(2, 3, 8, N)),
    case("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 5), floats(2, 3, N)),
    case("adaptive_avg_pool2d_mean", lambda x: F.adaptive_avg_pool2d(x, 1), floats(2, 3, M, N), dtypes=LOW_PRECISION),
    case("adaptive_avg_pool2d_even", lambda x: F.adaptive_avg_pool2d(x, (4, None)), floats(2, 3, 8, N), dtypes=LOW_PRECISION),
    case("adaptive_avg_pool2d_uneven", lambda x: F.adaptive_avg_pool2d(x, (3, 5)), floats(2, 3, 7, 37), dtypes=LOW_PRECISION, dynamic=False),
    case("adaptive_avg_pool2d_dynamic", lambda x: F.adaptive_avg_pool2d(x, (3, 5)), floats(2, 3, M, N)),
    case("adaptive_avg_pool2d_larger", lambda x: F.adaptive_avg_pool2d(x, (9, 40)), floats(2, 3, 7, 37), dynamic=False),
    case("adaptive_avg_pool2d_to_symbolic", lambda x, y: F.adaptive_avg_pool2d(x, y.shape), floats(2, 3, 12, 38), floats(M, N)),
    case("adaptive_avg_pool2d_channels_last", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), floats(2, 3, 8, 37, layout=channels_last), dynamic=False),
    case("adaptive_avg_pool3d", lambda x: F.adaptive_avg_pool3d(x, (2, 3, 4)), floats(2, 3, 5, 7, 9), dynamic=False),
]  # fmt: skip

REPEATED = [
    case("pad_replicate_1d", lambda x: F.pad(x, (2, 3), mode="replicate"), floats(2, M, N)),
    case("pad_replicate_2d", lambda x: F.pad(x, (1, 0, 2, 3), mode="replicate"), floats(2, 3, M, N), dtypes=LOW_PRECISION),
    case("pad_replicate_3d", lambda x: F.pad(x, (1, 0, 2, 3, 4, 5), mode="replicate"), floats(2, 3, 2, M, N)),
    case("pad_replicate_one", lambda x: F.pad(x, (2, 3, 1, 1), mode="replicate"), floats(2, 3, 1, 1), dynamic=False),
    case("pad_replicate_negative", lambda x: F.pad(x, (-2, 3, 1, -1), mode="replicate"), floats(2, 3, 8, 11), dynamic=False),
    case("pad_reflect_2d", lambda x: F.pad(x, (1, 0, 2, 3), mode="reflect"), floats(2, 3, M, N), dtypes=LOW_PRECISION),
    case("pad_reflect_3d", lambda x: F.pad(x, (1, 0, 1, 1, 2, 3), mode="reflect"), floats(2, 2, 4, M, N)),
    case("pad_reflect_negative", lambda x: F.pad(x, (-2, 3, 1, -1), mode="reflect"), floats(2, 3, 8, 11), dynamic=False),
    case("pad_reflect_unbatched", lambda x: F.pad(x, (4, 4), mode="reflect"), floats(M, N)),
    case("pad_replicate_channels_last", lambda x: F.pad(x, (1, 2, 1, 2), mode="replicate"), floats(2, 3, M, N, layout=channels_last)),
]  # fmt: skip

CASES = [*MAX, *AVERAGE, *REPEATED]
