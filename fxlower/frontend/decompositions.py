"""Which ATen operators PyTorch rewrites into others before fxlower sees the graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from fxlower.frontend.extra_decompositions import EXTRA

aten = torch.ops.aten

KEPT: tuple[Any, ...] = (
    aten._safe_softmax.default,
    aten._unsafe_index.Tensor,
    aten._unsafe_index_put.default,
    aten.embedding_dense_backward.default,
    aten.roll.default,
)
"""Operators that PyTorch would decompose, but whose lowering here is better."""


@cache
def decomposition_table() -> dict[Any, Callable[..., Any]]:
    """Decompositions for AOTAutograd, `make_fx` and `ExportedProgram.run_decompositions`."""
    table = dict(torch._decomp.core_aten_decompositions())
    for overload in KEPT:
        table.pop(overload, None)
    return table | EXTRA
