"""Which ATen operators PyTorch rewrites into others before fxlower sees the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from typing import Any

import torch

import fxlower.frontend.aten  # noqa: F401  (registers the shipped rules)
from fxlower.frontend.extra_decompositions import EXTRA
from fxlower.frontend.registry import RULES


@cache
def _core() -> dict[Any, Callable[..., Any]]:
    from torch._decomp import core_aten_decompositions, get_decompositions  # 0.2 s, torch.export

    return dict(core_aten_decompositions()) | dict(get_decompositions(list(RECOMPUTED)))


def decomposition_table() -> dict[Any, Callable[..., Any]]:
    """Decompositions for AOTAutograd, `make_fx` and `ExportedProgram.run_decompositions`: those to
    core ATen and our own, except of operators that have a lowering, which is better: it computes
    f16 and bf16 in f32 without a rounding after each step. `RECOMPUTED` are rewritten all the
    same."""
    table = _core() | EXTRA
    return {
        overload: d
        for overload, d in table.items()
        if overload not in RULES or overload in RECOMPUTED
    }


RECOMPUTED = {
    torch.ops.aten._log_softmax.default,
    torch.ops.aten.detach.default,
    torch.ops.aten.transpose.int,
}
"""Operators with lowerings that PyTorch's partitioner would rather save the results of than compute
them again, as it does not know them. Of the logits of a language model, two numbers for each row
are saved instead of as much memory again."""


class DecompositionTable(Mapping[Any, Callable[..., Any]]):
    """`decomposition_table()`, made when it is first looked at: not for graphs from a cache."""

    def __getitem__(self, overload: Any) -> Callable[..., Any]:
        return self._table[overload]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    @cached_property
    def _table(self) -> dict[Any, Callable[..., Any]]:
        return decomposition_table()
