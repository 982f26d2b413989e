"""Cases of matrix products: plain ones, and linear layers with what follows them.

Names give the sizes of the result and the depth, as `MxNxK`; of a layer that is `M` rows from `K`
to `N` features.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from fxlower.tools.bench.case import Case, integers, normal

SQUARES = ((64, 64, 64), (512, 512, 512), (1024, 1024, 1024))
LAYERS = ((128, 768, 768), (128, 3072, 768), (128, 768, 3072), (197, 768, 768))
"""BERT's and a vision transformer's."""

FEW_ROWS = tuple((m, n, n) for n in (768, 4096) for m in (1, 2, 4, 8, 16))
"""As in the decoding of one or several texts."""

ODD = (100, 77, 333)
LOW = torch.bfloat16


def cases() -> list[Case]:
    sizes = (*SQUARES, *LAYERS, *FEW_ROWS, ODD)
    return [
        *(product(*size) for size in sizes),
        *(layer(*size, bias=False) for size in sizes),
        *(layer(*size, bias=True) for size in sizes),
        *(layer(*size, follows="gelu") for size in LAYERS),
        *(layer(*size, follows="add") for size in LAYERS),
        *(product(*size, dtype=LOW) for size in (SQUARES[1], *LAYERS)),
        *(layer(*size, dtype=LOW) for size in LAYERS),
        product(*SQUARES[1], dtype=torch.float64),
        int8(*SQUARES[1]),
        batched(12, 128, 128, 64),
        batched(12, 128, 64, 128),
    ]


def label(m: int, n: int, k: int, dtype: torch.dtype) -> str:
    short = {torch.float32: "", LOW: " bf16", torch.float64: " f64"}[dtype]
    return f"{m}x{n}x{k}{short}"


def product(m: int, n: int, k: int, dtype: torch.dtype = torch.float32) -> Case:
    makes = normal(m, k, dtype=dtype), normal(k, n, dtype=dtype)
    return Case(f"mm {label(m, n, k, dtype)}", torch.mm, makes, total=2 * m * n * k)


def layer(
    m: int,
    n: int,
    k: int,
    *,
    bias: bool = True,
    follows: str = "none",
    dtype: torch.dtype = torch.float32,
) -> Case:
    """A linear layer with its weight and bias as parameters; `follows` as for `Case.layer`."""
    kind = {"none": "linear", "gelu": "linear+gelu", "add": "linear+residual"}[follows]
    function = {"none": F.linear, "gelu": linear_gelu, "add": linear_residual}[follows]
    residual = (normal(m, n, dtype=dtype),) if follows == "add" else ()
    return Case(
        f"{kind}{'' if bias else ' without bias'} {label(m, n, k, dtype)}",
        function,
        (normal(m, k, dtype=dtype), *residual),
        constants=(normal(n, k, dtype=dtype), *((normal(n, dtype=dtype),) if bias else ())),
        total=2 * m * n * k,
        layer=follows,
    )


def int8(m: int, n: int, k: int) -> Case:
    def make(*shape: int):
        return lambda: integers(256, *shape)().sub(128).to(torch.int8)

    name = f"int_mm {m}x{n}x{k} int8"
    return Case(name, torch._int_mm, (make(m, k), make(k, n)), total=2 * m * n * k)


def batched(batch: int, m: int, n: int, k: int) -> Case:
    makes = normal(batch, m, k), normal(batch, k, n)
    return Case(f"bmm {batch} of {m}x{n}x{k}", torch.bmm, makes, total=2 * batch * m * n * k)


def linear_gelu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return F.gelu(F.linear(x, weight, bias))


def linear_residual(
    x: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    return F.linear(x, weight, bias) + residual
