"""Cases of the loop benchmark at the sizes that models have."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional as F

from fxlower.tools.bench import programs as p
from fxlower.tools.bench.case import (
    DIVIDE,
    ERF,
    EXP,
    LOG,
    SIGMOID,
    SIN,
    TANH,
    Case,
    integers,
    leaf,
    mask,
    normal,
    positive,
)

LOW = torch.bfloat16
M = 1 << 20


def cases() -> list[Case]:
    """All of them, by what they are about."""
    return [
        *rows(),
        *normalizations(),
        *activations(),
        *reductions(),
        *layouts(),
        *pointwise(),
        *indexing(),
        *training(),
        *any_sizes(),
    ]


def rows() -> list[Case]:
    softmax = EXP + DIVIDE + 3
    return [
        Case("softmax 4096x512", p.softmax, (normal(4096, 512),), softmax),
        Case("softmax 4095x509", p.softmax, (normal(4095, 509),), softmax),
        Case("softmax bf16 4096x512", p.softmax, (normal(4096, 512, dtype=LOW),), softmax),
        Case("softmax bf16 4095x509", p.softmax, (normal(4095, 509, dtype=LOW),), softmax),
        Case("softmax dim 1 64x512x64", lambda x: x.softmax(1), (normal(64, 512, 64),), softmax),
        Case("causal softmax 12x256x256", p.causal_softmax, (normal(12, 256, 256),), softmax + 1),
        Case("log_softmax 4096x512", lambda x: x.log_softmax(-1), (normal(4096, 512),), EXP + 4),
        Case("cross entropy 256x32000", F.cross_entropy,
             (normal(256, 32000), integers(32000, 256)), EXP + 3),
        Case("cross entropy bf16 256x32000", F.cross_entropy,
             (normal(256, 32000, dtype=LOW), integers(32000, 256)), EXP + 3),
    ]  # fmt: skip


def normalizations() -> list[Case]:
    x, wide = normal(2048, 768), (normal(768), normal(768))
    low = tuple(normal(*shape, dtype=LOW) for shape in ((2048, 768), (768,), (768,)))
    half = tuple(normal(*s, dtype=torch.float16) for s in ((2048, 768), (768,), (768,)))
    image, channels = normal(16, 64, 32, 32), (normal(64), normal(64))
    low_rms = (normal(2048, 1024, dtype=LOW), normal(1024, dtype=LOW))
    return [
        Case("layer norm 2048x768", p.layer_norm, (x, *wide), 8),
        Case("layer norm 2047x769", p.layer_norm, (normal(2047, 769), normal(769), normal(769)), 8),
        Case("layer norm bf16 2048x768", p.layer_norm, low, 8),
        Case("layer norm f16 2048x768", p.layer_norm, half, 8),
        Case("layer norm+gelu 2048x768", p.layer_norm_gelu, (x, *wide), 12 + ERF),
        Case("layer norm+residual 2048x768", p.layer_norm_residual, (x, x, *wide), 9),
        Case("rms norm 2048x1024", p.rms_norm, (normal(2048, 1024), normal(1024)), 4),
        Case("rms norm bf16 2048x1024", p.rms_norm, low_rms, 4),
        Case("group norm 16x64x32x32", lambda x, w, b: F.group_norm(x, 8, w, b),
             (image, *channels), 8),
        Case("batch norm+relu 16x64x32x32", p.batch_norm_relu,
             (image, normal(64), positive(64), *channels), 5),
        Case("batch norm training 16x64x32x32",
             lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
             (image, *channels), 8),
    ]  # fmt: skip


def activations() -> list[Case]:
    x, b = normal(2048, 3072), normal(3072)
    angles = (lambda: torch.randn(512, 64).cos(), lambda: torch.randn(512, 64).sin())
    return [
        Case("bias+gelu 2048x3072", p.bias_gelu, (x, b), 5 + ERF),
        Case("bias+tanh gelu 2048x3072", lambda x, b: F.gelu(x + b, approximate="tanh"),
             (x, b), 8 + TANH),
        Case("bias+gelu bf16 2048x3072", p.bias_gelu,
             (normal(2048, 3072, dtype=LOW), normal(3072, dtype=LOW)), 5 + ERF),
        Case("gelu 1000003", F.gelu, (normal(1_000_003),), 4 + ERF),
        Case("geglu 1024x4096", p.geglu, (normal(1024, 4096),), 3 + ERF // 2),
        Case("silu*x 1024x2048", p.silu_product, (normal(1024, 2048),) * 2, SIGMOID + 2),
        Case("silu*x bf16 1024x2048", p.silu_product, (normal(1024, 2048, dtype=LOW),) * 2,
             SIGMOID + 2),
        Case("rotary 2x12x512x64", p.rotary, (normal(2, 12, 512, 64), *angles), 4),
        Case("rotary bf16 2x12x512x64", p.rotary,
             (normal(2, 12, 512, 64, dtype=LOW), *(normal(512, 64, dtype=LOW),) * 2), 4),
    ]  # fmt: skip


def reductions() -> list[Case]:
    x = normal(4096, 1024)
    return [
        Case("row sums 4096x1024", p.row_sums, (x,)),
        Case("row sums 4095x1021", p.row_sums, (normal(4095, 1021),)),
        Case("row sums bf16 4096x1024", p.row_sums, (normal(4096, 1024, dtype=LOW),)),
        Case("column sums 4096x1024", p.column_sums, (x,)),
        Case("full sum 4096x1024", p.full_sum, (x,)),
        Case("mean of squares 4096x1024", lambda x, y: F.mse_loss(x, y), (x, x), 3),
        Case("column max 4096x1024", lambda x: x.amax(0), (x,)),
        Case("sums over 0 and 2 16x64x1024", lambda x: x.sum((0, 2)), (normal(16, 64, 1024),)),
        Case("argmax 4096x1024", lambda x: x.argmax(-1), (x,), 2),
        Case("column argmax 1024x1024", lambda x: x.argmax(0), (normal(1024, 1024),), 2),
        Case("variance 4096x1024", lambda x: x.var(-1), (x,), 4),
        Case("norm 4096x1024", lambda x: x.norm(dim=-1), (x,), 2),
        Case("cumsum 1024x1024", lambda x: x.cumsum(-1), (normal(1024, 1024),)),
        Case("column cumsum 1024x1024", lambda x: x.cumsum(0), (normal(1024, 1024),)),
        Case("max pool 16x64x56x56", lambda x: F.max_pool2d(x, 3, 2, 1),
             (normal(16, 64, 56, 56),), 2),
        Case("mean pool 16x512x7x7", lambda x: x.mean((2, 3)), (normal(16, 512, 7, 7),)),
    ]  # fmt: skip


def layouts() -> list[Case]:
    square = normal(1024, 1024)
    return [
        Case("transpose+add 2048x1024", p.transposed_sum, (normal(1024, 2048), normal(2048, 1024))),
        Case("transpose+add 2047x1023", p.transposed_sum, (normal(1023, 2047), normal(2047, 1023))),
        Case("transposed copy 2048x1024", lambda x: x.t().contiguous(), (normal(2048, 1024),), 0),
        Case("transposed copy bf16 2048x1024", lambda x: x.t().contiguous(),
             (normal(2048, 1024, dtype=LOW),), 0),
        Case("transposed softmax 1024x1024", lambda x: x.t().softmax(-1), (square,),
             EXP + DIVIDE + 3),
        Case("NCHW to NHWC 16x64x32x32", lambda x: (x * 2).permute(0, 2, 3, 1).contiguous(),
             (normal(16, 64, 32, 32),)),
        Case("heads 8x512x12x64", lambda x: x.view(8, 512, 12, 64).transpose(1, 2).contiguous(),
             (normal(8, 512, 768),), 0),
        Case("cat 1024x1536", lambda x, y: torch.cat([x, y * 2], 1), (normal(1024, 768),) * 2),
        Case("pad 64x128x128", lambda x: F.pad(x, (1, 1, 1, 1)), (normal(64, 128, 128),), 0),
        Case("transposed copy 1023x1025", lambda x: x.t().contiguous(), (normal(1023, 1025),), 0),
        Case("transposed copy int8 2048x1024", lambda x: x.t().contiguous(),
             (lambda: torch.randint(-99, 99, (2048, 1024), dtype=torch.int8),), 0),
        Case("NHWC to NCHW 16x32x32x64", lambda x: (x * 2).permute(0, 3, 1, 2).contiguous(),
             (normal(16, 32, 32, 64),)),
        Case("images to NCHW uint8 16x128x128x3",
             lambda x: (x / 255.0).permute(0, 3, 1, 2).contiguous(),
             (lambda: torch.randint(255, (16, 128, 128, 3), dtype=torch.uint8),)),
        Case("reversed dims 16x32x32x64", lambda x: x.permute(3, 2, 1, 0).contiguous(),
             (normal(16, 32, 32, 64),), 0),
        Case("short transposes 8192x8x16", lambda x: x.transpose(1, 2).contiguous(),
             (normal(8192, 8, 16),), 0),
        Case("patches 8x3x224x224",
             lambda x: x.view(8, 3, 14, 16, 14, 16).permute(0, 2, 4, 1, 3, 5).reshape(8, 196, 768),
             (normal(8, 3, 224, 224),), 0),
        Case("interleaved swiglu 1024x4096", lambda x: F.silu(x[..., ::2]) * x[..., 1::2],
             (normal(1024, 4096),), SIGMOID),
        Case("every third column 1024x2049", lambda x: x[:, ::3] * 2, (normal(1024, 2049),)),
        Case("flipped rows 1024x2048", lambda x: x.flip(-1) + 1, (normal(1024, 2048),)),
    ]  # fmt: skip


def pointwise() -> list[Case]:
    x, low = normal(M), normal(M, dtype=LOW)
    return [
        Case("chain 1M", p.chain, (x,), 30),
        Case("chain 999999", p.chain, (normal(999_999),), 30),
        Case("chain bf16 1M", p.chain, (low,), 30),
        Case("chain of 20 1M", p.chain_of_20, (x, x), 20),
        Case("exp 1M", torch.exp, (x,), EXP),
        Case("log 1M", torch.log, (positive(M),), LOG),
        Case("sin+tanh 1M", lambda x: x.sin() + x.tanh(), (x,), SIN + TANH + 1),
        Case("add 1M", torch.add, (x, x)),
        Case("add bf16 1M", torch.add, (low, low)),
        Case("masks 1M", p.masks, (x, x), 6),
        Case("bool masks 4M", p.mask_chain, (mask(4 * M),) * 3, 8),
        Case("where 1M", lambda m, x, y: torch.where(m, x, y * 2), (mask(M), x, x), 2),
        Case("int64 chain 1M", lambda x: (x * 3 + 1) & 255, (integers(1000, M),), 3),
        Case("float to uint8 1M", lambda x: (x * 255).to(torch.uint8), (lambda: torch.rand(M),), 2),
        Case("x+1, 16 elements", lambda x: x + 1, (normal(16),)),
    ]


def indexing() -> list[Case]:
    table, wide = normal(30000, 768), (normal(768), normal(768))
    return [
        Case("embedding+layer norm 4096x768", p.embed,
             (integers(30000, 4096), table, *wide), operations=1,
             traffic=4096 * (8 + 2 * 768 * 4) + 2 * 768 * 4),
        Case("gather 1024x1024", lambda x, i: x.gather(1, i),
             (normal(1024, 1024), integers(1024, 1024, 1024)), 0),
    ]  # fmt: skip


def training() -> list[Case]:
    x, dy = leaf(normal(2048, 768)), normal(2048, 768)
    wide = (leaf(normal(768)), leaf(normal(768)))
    long, long_dy = leaf(normal(2048, 3072)), normal(2048, 3072)

    def trains(name: str, function: object, makes: tuple, operations: int) -> Case:
        return Case(name, p.with_gradients(function), makes, operations, trains=True)  # type: ignore[arg-type]

    return [
        trains("layer norm+backward 2048x768", p.layer_norm, (x, *wide, dy), 24),
        trains("rms norm+backward 2048x768", p.rms_norm, (x, wide[0], dy), 16),
        trains("softmax+backward 2048x768", p.softmax, (x, dy), EXP + DIVIDE + 7),
        trains("gelu+backward 2048x3072", F.gelu, (long, long_dy), 2 * ERF + EXP + 10),
        trains("bias+gelu+backward 2048x3072", p.bias_gelu,
               (long, leaf(normal(3072)), long_dy), 2 * ERF + EXP + 12),
        trains("layer norm bf16+backward 2048x768", p.layer_norm,
               (*(leaf(normal(*s, dtype=LOW)) for s in ((2048, 768), (768,), (768,))),
                normal(2048, 768, dtype=LOW)), 24),
        Case("cross entropy+backward 256x32000", p.cross_entropy_grad,
             (leaf(normal(256, 32000)), integers(32000, 256)), 2 * EXP + 6, trains=True),
        adam("adam 3.5M", ((768, 768), (768, 3072), (768,), (3072,))),
        adam("adam 40 tensors", ((256, 256), (256,), (256, 64), (64,)) * 10),
        Case("x.add_(1) 1M", lambda x: x.add_(1), (normal(1 << 20),), traffic=8 << 20,
             mutates=True),
        Case("row of a cache 1x8x4096x64", p.set_row,
             (normal(1, 8, 4096, 64), normal(1, 8, 1, 64), lambda: torch.tensor([77])),
             traffic=2 * 4 * 8 * 64, mutates=True),
        Case("batch norm statistics 16x64x32x32", p.batch_norm_training,
             (normal(16, 64, 32, 32), normal(64), positive(64), normal(64), normal(64)), 8,
             mutates=True),
    ]  # fmt: skip


def adam(name: str, shapes: tuple[tuple[int, ...], ...]) -> Case:
    """Four tensors are read for each parameter and three written. A case counts operations by the
    largest tensor, hence the scale."""
    sizes = [torch.Size(shape).numel() for shape in shapes]
    makes = []
    for s in shapes:
        makes += [normal(*s), normal(*s), normal(*s), lambda s=s: torch.randn(s).abs()]
    operations = (12 + 2 * DIVIDE) * sum(sizes) // max(sizes)
    return Case(name, p.adam, tuple(makes), operations, traffic=7 * 4 * sum(sizes), mutates=True)


def any_sizes() -> list[Case]:
    """Cases from above, compiled for any sizes."""
    wanted = ("softmax 4095x509", "layer norm+gelu 2048x768", "column sums 4096x1024",
              "chain 999999", "transpose+add 2047x1023")  # fmt: skip
    fixed = [*rows(), *normalizations(), *reductions(), *pointwise(), *layouts()]
    return [replace(c, name=f"{c.name}, dynamic", dynamic=True) for c in fixed if c.name in wanted]
