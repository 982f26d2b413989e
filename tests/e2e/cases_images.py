"""Cases of convolutions, and of reading images between their pixels."""

# ruff: noqa: E501 (a case is a line)

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from case import LOW_PRECISION, M, N, Size, between, case, floats


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.to(memory_format=torch.channels_last)


def conv(rank: int, *shape: int, transposed: bool = False, **options: Any) -> Any:
    """A convolution whose weight has the static sizes `shape`, whatever is dynamic."""
    operator = getattr(F, f"conv_transpose{rank}d" if transposed else f"conv{rank}d")
    return lambda x, w, b=None: operator(x, w.view(shape), b, **options)


POINTWISE = [
    case("conv2d_1x1", conv(2, 6, 4, 1, 1), floats(2, 4, M, N), floats(24), floats(6), dtypes=LOW_PRECISION),
    case("conv2d_1x1_without_bias", conv(2, 6, 4, 1, 1), floats(2, 4, M, N), floats(24)),
    case("conv2d_1x1_one_image", conv(2, 6, 4, 1, 1), floats(1, 4, M, N), floats(24), floats(6)),
    case("conv2d_1x1_one_pixel", conv(2, 6, 4, 1, 1), floats(M, 4, 1, 1), floats(24), floats(6), dtypes=LOW_PRECISION),
    case("conv2d_1x1_few_pixels", conv(2, 65, 70, 1, 1), floats(3, 70, 3, 3), floats(65 * 70), floats(65), dynamic=False),
    case("conv2d_1x1_channels_last", conv(2, 6, 4, 1, 1), floats(2, 4, M, N, layout=channels_last), floats(24), floats(6), dtypes=LOW_PRECISION),
    case("conv2d_1x1_in_steps", conv(2, 6, 4, 1, 1, stride=2), floats(2, 4, M, N), floats(24), floats(6)),
    case("conv2d_1x1_in_steps_channels_last", conv(2, 6, 4, 1, 1, stride=2), floats(2, 4, M, N, layout=channels_last), floats(24), floats(6)),
    case("conv2d_1x1_groups", conv(2, 6, 2, 1, 1, groups=2), floats(2, 4, M, N), floats(12), floats(6)),
    case("conv2d_1x1_each_channel", conv(2, 8, 1, 1, 1, groups=4), floats(2, 4, M, N), floats(8), floats(8)),
    case("conv2d_1x1_padded", conv(2, 6, 4, 1, 1, padding=1), floats(2, 4, 5, 37), floats(24), floats(6), dynamic=False),
    case("conv2d_1x1_padded_dynamic", conv(2, 6, 4, 1, 1, padding=1), floats(2, 4, M, N), floats(24), floats(6)),
    case("conv2d_1x1_epilogue", lambda x, w, y: F.silu(F.conv2d(x, w.view(6, 4, 1, 1)) + y), floats(2, 4, M, N), floats(24), floats(2, 6, M, N)),
    case("conv2d_1x1_of_transposed", lambda x, w: F.conv2d(x.transpose(1, 3), w.view(6, 4, 1, 1)), floats(2, N, M, 4), floats(24)),
    case("conv2d_1x1_empty", conv(2, 6, 4, 1, 1), floats(0, 4, M, N), floats(24), floats(6)),
    case("conv2d_1x1_padded_in_steps", conv(2, 6, 4, 1, 1, padding=1, stride=(2, 3)), floats(2, 4, M, N), floats(24), floats(6)),
    case("conv1d_1", conv(1, 6, 4, 1), floats(2, 4, N), floats(24), floats(6)),
    case("conv1d_1_unbatched", conv(1, 6, 4, 1), floats(4, N), floats(24), floats(6)),
    case("conv3d_1", conv(3, 6, 4, 1, 1, 1), floats(2, 4, 3, M, N), floats(24), floats(6)),
]  # fmt: skip

PATCHES = [
    case("conv2d_patches", conv(2, 6, 4, 3, 3, stride=3), floats(2, 4, 9, 36), floats(216), floats(6), dtypes=LOW_PRECISION, dynamic=False),
    case("conv2d_patches_dynamic", conv(2, 6, 4, 3, 3, stride=3), floats(2, 4, M, N), floats(216), floats(6)),
    case("conv2d_patches_and_rest", conv(2, 6, 4, 3, 3, stride=3), floats(2, 4, 10, 38), floats(216), floats(6), dynamic=False),
    case("conv2d_patches_channels_last", conv(2, 6, 4, 3, 3, stride=3), floats(2, 4, M, N, layout=channels_last), floats(216), floats(6)),
    case("conv2d_patches_padded", conv(2, 6, 4, 3, 3, stride=3, padding=1), floats(2, 4, 10, 38), floats(216), floats(6), dynamic=False),
    case("conv2d_patches_padded_dynamic", conv(2, 6, 4, 3, 3, stride=3, padding=1), floats(2, 4, M, N), floats(216), floats(6)),
    case("conv2d_patches_far_apart", conv(2, 6, 4, 2, 2, stride=3), floats(2, 4, 10, 37), floats(96), floats(6), dynamic=False),
    case("conv2d_patches_far_apart_dynamic", conv(2, 6, 4, 2, 2, stride=3), floats(2, 4, M, N), floats(96), floats(6)),
    case("conv2d_patches_far_apart_transposed", lambda x, w: F.conv2d(x.transpose(2, 3), w.view(6, 4, 8, 8), stride=10), floats(2, 4, Size(64, 87, 77), Size(16, 17, 30)), floats(1536)),
    case("conv2d_patches_far_apart_padded_dynamic", conv(2, 6, 4, 2, 2, stride=4, padding=1), floats(2, 4, M, N), floats(96), floats(6)),
    case("conv2d_patches_uneven", conv(2, 6, 4, 1, 3, stride=(2, 3)), floats(2, 4, M, N), floats(72), floats(6)),
    case("conv2d_patches_groups", conv(2, 6, 2, 2, 2, stride=2, groups=2), floats(2, 4, M, N), floats(48), floats(6)),
    case("conv2d_patch_is_image", conv(2, 6, 4, 3, 5), floats(M, 4, 3, 5), floats(360), floats(6)),
    case("conv2d_vit", lambda x, w, p: F.conv2d(x, w.view(8, 3, 4, 4), stride=4).flatten(2).transpose(1, 2) + p, floats(2, 3, 16, 16), floats(384), floats(16, 8), dtypes=LOW_PRECISION, dynamic=False),
    case("conv1d_patches", conv(1, 6, 4, 3, stride=3), floats(2, 4, N), floats(72), floats(6)),
    case("conv3d_patches", conv(3, 6, 4, 2, 2, 2, stride=2), floats(2, 4, 4, M, N), floats(192), floats(6)),
]  # fmt: skip

TRANSPOSED = [
    case("conv_transpose2d", conv(2, 4, 6, 2, 2, transposed=True, stride=2), floats(2, 4, M, N), floats(96), floats(6), dtypes=LOW_PRECISION),
    case("conv_transpose2d_1x1", conv(2, 4, 6, 1, 1, transposed=True), floats(2, 4, M, N), floats(24), floats(6)),
    case("conv_transpose2d_channels_last", conv(2, 4, 6, 2, 2, transposed=True, stride=2), floats(2, 4, M, N, layout=channels_last), floats(96), floats(6)),
    case("conv_transpose2d_cut", conv(2, 4, 6, 3, 3, transposed=True, stride=3, padding=1, output_padding=1), floats(2, 4, 5, 37), floats(216), floats(6), dynamic=False),
    case("conv_transpose2d_longer", conv(2, 4, 6, 2, 2, transposed=True, stride=2, output_padding=1), floats(2, 4, 5, 37), floats(96), floats(6), dynamic=False),
    case("conv_transpose2d_far_apart", conv(2, 4, 6, 2, 2, transposed=True, stride=3), floats(2, 4, M, N), floats(96), floats(6)),
    case("conv_transpose2d_groups", conv(2, 4, 3, 2, 2, transposed=True, stride=2, groups=2), floats(2, 4, M, N), floats(48), floats(6)),
    case("conv_transpose2d_overlapping", conv(2, 4, 6, 3, 3, transposed=True, stride=2), floats(2, 4, M, N), floats(216), floats(6)),
    case("conv_transpose1d", conv(1, 4, 6, 2, transposed=True, stride=2), floats(2, 4, N), floats(48), floats(6)),
    case("conv_transpose3d", conv(3, 4, 6, 2, 2, 2, transposed=True, stride=2), floats(2, 4, 2, 3, M), floats(192), floats(6)),
]  # fmt: skip

DEPTHWISE = [
    case("depthwise2d", conv(2, 4, 1, 3, 3, padding=1, groups=4), floats(2, 4, M, N), floats(36), floats(4), dtypes=LOW_PRECISION),
    case("depthwise2d_unpadded", conv(2, 4, 1, 3, 3, groups=4), floats(2, 4, M, N), floats(36), floats(4)),
    case("depthwise2d_dilated", conv(2, 4, 1, 3, 3, padding=1, dilation=2, groups=4), floats(2, 4, M, N), floats(36), floats(4)),
    case("depthwise2d_padded_far", conv(2, 4, 1, 3, 3, padding=4, groups=4), floats(2, 4, 5, 37), floats(36), floats(4), dynamic=False),
    case("depthwise2d_in_steps", conv(2, 4, 1, 3, 3, padding=1, stride=2, groups=4), floats(2, 4, M, N), floats(36), floats(4)),
    case("depthwise2d_two_of_each", conv(2, 8, 1, 3, 3, padding=1, groups=4), floats(2, 4, M, N), floats(72), floats(8)),
    case("depthwise2d_narrow", conv(2, 4, 1, 3, 3, padding=1, groups=4), floats(2, 4, 7, 7), floats(36), floats(4), dynamic=False),
    case("depthwise2d_large", conv(2, 4, 1, 7, 7, padding=3, groups=4), floats(2, 4, 9, N), floats(196), floats(4)),
    case("depthwise2d_channels_last", conv(2, 4, 1, 3, 3, padding=1, groups=4), floats(2, 4, M, N, layout=channels_last), floats(36), floats(4)),
    case("depthwise1d_causal", lambda x, w, b: F.silu(F.conv1d(x, w.view(4, 1, 4), b, padding=3, groups=4)[..., :-3]), floats(2, 4, N), floats(16), floats(4), dtypes=LOW_PRECISION),
    case("depthwise1d_long", conv(1, 4, 1, 31, padding=15, groups=4), floats(2, 4, 64), floats(124), floats(4), dynamic=False),
]  # fmt: skip

OVERLAPPING = [
    case("conv2d_grouped", conv(2, 8, 2, 3, 3, padding=1, groups=2), floats(2, 4, M, N), floats(144), floats(8)),
    case("conv2d_dilated", conv(2, 6, 4, 3, 3, padding=2, dilation=2), floats(2, 4, M, N), floats(216), floats(6)),
    case("conv2d_relu_channels_last", lambda x, w: F.conv2d(x, w.view(6, 4, 3, 3), padding=1).relu(), floats(2, 4, M, N, layout=channels_last), floats(216)),
]  # fmt: skip


def sample(**options: Any) -> Any:
    return lambda x, g: F.grid_sample(x, g, **{"align_corners": False, **options})


SAMPLES = [
    *(
        case(f"grid_sample_{mode}_{padding}{'_corners' * corners}", sample(mode=mode, padding_mode=padding, align_corners=corners), floats(2, 3, 7, 9), floats(2, 5, 21, 2), dynamic=False)
        for mode in ("bilinear", "nearest", "bicubic")
        for padding in ("zeros", "border", "reflection")
        for corners in (False, True)
    ),
    case("grid_sample_dynamic", sample(padding_mode="border"), floats(2, 3, M, N), between(-1.2, 1.2, 2, M, N, 2)),
    case("grid_sample_reflection_dynamic", sample(padding_mode="reflection", align_corners=True), floats(2, 3, M, N), floats(2, M, N, 2)),
    case("grid_sample_one_pixel", sample(padding_mode="reflection", align_corners=True), floats(2, 3, 1, 1), floats(2, 5, 21, 2), dynamic=False),
    case("grid_sample_channels_last", sample(), floats(2, 3, 7, 9, layout=channels_last), floats(2, 5, 21, 2), dynamic=False),
    case("grid_sample_empty", sample(), floats(0, 3, 7, 9), floats(0, 5, 21, 2), dynamic=False),
    case("grid_sample_infinite", lambda x, g: sample(padding_mode="border")(x, g / g.new_tensor([0.0, 1.0])), floats(2, 3, 7, 9), floats(2, 5, 21, 2), grad=False, dynamic=False),
    case("grid_sample_3d", sample(), floats(2, 3, 4, 5, 6), floats(2, 3, 4, 9, 3), dynamic=False),
    case("grid_sample_3d_border", sample(padding_mode="border"), floats(2, 3, 4, 5, 6), floats(2, 3, 4, 9, 3), dynamic=False),
    case("grid_sample_3d_nearest", sample(mode="nearest", padding_mode="reflection"), floats(2, 3, 4, 5, 6), floats(2, 3, 4, 9, 3), dynamic=False),
]  # fmt: skip


def resize(mode: str, **options: Any) -> Any:
    return lambda x: F.interpolate(x, mode=mode, **options)


RESIZED = [
    *(
        case(f"interpolate_{mode}_{name}".replace("-", "_"), resize(mode, **sizes), floats(2, 3, 9, 11), dynamic=False)
        for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
        for name, sizes in {"twice": {"scale_factor": 2}, "odd": {"size": (7, 13)}, "less": {"scale_factor": 0.4}, "one": {"size": (1, 1)}}.items()
    ),
    case("interpolate_dynamic", lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear"), floats(2, 3, M, N), dtypes=LOW_PRECISION),
    case("interpolate_nearest_dynamic", lambda x: F.interpolate(x, scale_factor=2.0), floats(2, 3, M, N), dtypes=LOW_PRECISION),
    case("interpolate_nearest_by_4_and_2", lambda x: F.interpolate(x.relu(), (4 * 9, 2 * 11)) * 2, floats(2, 3, 9, 11), dynamic=False),
    case("interpolate_nearest_channels_last", lambda x: F.interpolate(x, scale_factor=2.0), floats(2, 3, M, N, layout=channels_last)),
    case("interpolate_nearest_1d", lambda x: F.interpolate(x, scale_factor=4.0), floats(2, 3, N)),
    case("interpolate_nearest_3d", lambda x: F.interpolate(x, scale_factor=2.0), floats(2, 3, 4, M, N)),
    case("interpolate_corners", resize("bilinear", size=(7, 13), align_corners=True), floats(2, 3, 9, 11), dynamic=False),
    case("interpolate_cubic_corners", resize("bicubic", size=(7, 13), align_corners=True), floats(2, 3, 9, 11), dynamic=False),
    case("interpolate_linear", resize("linear", size=13), floats(2, 3, 9), dynamic=False),
    case("interpolate_trilinear", resize("trilinear", size=(5, 7, 6)), floats(2, 3, 4, 5, 6), dynamic=False),
    *(
        case(f"antialias_{mode}_{name}{'_corners' * corners}", resize(mode, antialias=True, align_corners=corners, **sizes), floats(2, 3, 9, 11), dynamic=False)
        for mode in ("bilinear", "bicubic")
        for corners in (False, True)
        for name, sizes in {"twice": {"scale_factor": 2}, "odd": {"size": (7, 13)}, "less": {"scale_factor": 0.3}, "one": {"size": (1, 1)}}.items()
    ),
    case("antialias_batch", resize("bilinear", antialias=True, size=(4, 5)), floats(M, 3, 9, 11)),
    case("antialias_size_dynamic", resize("bilinear", antialias=True, size=(4, 5)), floats(2, 3, M, N)),
    case("col2im", lambda x: F.fold(x, (9, 11), 3, padding=1, stride=2), floats(2, 36, 30), dynamic=False),
    case("im2col", lambda x: F.unfold(x, 3, padding=1, stride=2), floats(2, 3, M, N)),
    case("affine_grid", lambda x, t: F.grid_sample(x, F.affine_grid(t, (2, 3, 5, 6), align_corners=False), align_corners=False), floats(2, 3, 7, 9), floats(2, 2, 3), dynamic=False),
]  # fmt: skip


def fractional(rank: int, kernel: Any, size: Any) -> Any:
    pool = getattr(F, f"fractional_max_pool{rank}d")
    return lambda x, s: pool(x, kernel, output_size=size, _random_samples=s.detach(), return_indices=True)  # fmt: skip


FRACTIONAL = [
    case("fractional_max_pool2d", fractional(2, 2, (4, 5)), floats(2, 3, 9, 11), between(0, 1, 2, 3, 2), dynamic=False),
    case("fractional_max_pool2d_uneven", fractional(2, (2, 3), (1, 5)), floats(2, 3, 9, 11), between(0, 1, 2, 3, 2), dynamic=False),
    case("fractional_max_pool2d_unbatched", fractional(2, 2, (3, 4)), floats(3, 6, 7), between(0, 1, 1, 3, 2), dynamic=False),
    case("fractional_max_pool3d", fractional(3, 2, (2, 3, 4)), floats(2, 3, 5, 6, 7), between(0, 1, 2, 3, 3), dynamic=False),
]  # fmt: skip

CASES = [
    *POINTWISE,
    *PATCHES,
    *TRANSPOSED,
    *DEPTHWISE,
    *OVERLAPPING,
    *SAMPLES,
    *RESIZED,
    *FRACTIONAL,
]
