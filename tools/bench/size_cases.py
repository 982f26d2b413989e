"""Cases of the loop benchmark that are one program at four sizes: inputs and results together fit
in the usual first, second and third level of cache, or in none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from fxlower.tools.bench import programs as p
from fxlower.tools.bench.case import DIVIDE, ERF, EXP, Case, Make, normal

KIB, MIB = 1 << 10, 1 << 20
SIZES = {"8 KiB": 8 * KIB, "256 KiB": 256 * KIB, "8 MiB": 8 * MIB, "256 MiB": 256 * MIB}

LOW = torch.bfloat16


def cases() -> list[Case]:
    return [case for name, size in SIZES.items() for case in of_size(name, size)]


def of_size(name: str, size: int) -> list[Case]:
    """Programs whose inputs and results have about `size` bytes together."""
    third, half, all_ = size // 12, size // 8, size // 4  # elements of f32

    def case(program: str, f: Callable[..., Any], makes: tuple[Make, ...], operations: int) -> Case:
        return Case(f"{program}, {name}", f, makes, operations)

    def matrix(elements: int, columns: int, dtype: torch.dtype = torch.float32) -> Make:
        return normal(max(1, elements // columns), columns, dtype=dtype)

    row = min(512, half // 2)
    side = 1 << (third.bit_length() - 1) // 2
    return [
        case("add", torch.add, (normal(third),) * 2, 1),
        case("add bf16", torch.add, (normal(2 * third, dtype=LOW),) * 2, 1),
        case("chain", p.chain, (normal(half),), 30),
        case("bias+gelu", p.bias_gelu, (matrix(half, row), normal(row)), 5 + ERF),
        case("softmax", p.softmax, (matrix(half, row),), EXP + DIVIDE + 3),
        case("layer norm", p.layer_norm, (matrix(half, row), normal(row), normal(row)), 8),
        case("rms norm bf16", p.rms_norm, (matrix(2 * half, row, LOW), normal(row, dtype=LOW)), 4),
        case("row sums", p.row_sums, (matrix(all_, 2 * row),), 1),
        case("column sums", p.column_sums, (matrix(all_, 2 * row),), 1),
        case("full sum", p.full_sum, (normal(all_),), 1),
        case("transpose+add", p.transposed_sum, (normal(side, side),) * 2, 1),
    ]
