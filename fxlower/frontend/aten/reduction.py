"""Reductions and scans."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from xdsl.ir import SSAValue

from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import lowers
from fxlower.frontend.types import accumulate_element

aten = torch.ops.aten


@lowers(aten.sum.dim_IntList)
def sum_(
    b: RuleBuilder,
    x: SSAValue,
    dim: Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> SSAValue:
    axes = b.axes(dim, len(b.dims(x)))
    summands = b.cast(x, accumulate_element(b.result.element))
    return b.to_result(b.sum(summands, axes, keepdim))
