"""Elementwise arithmetic."""

from __future__ import annotations

import torch
from xdsl.ir import SSAValue

from fxlower.frontend.builder import Operand, RuleBuilder
from fxlower.frontend.registry import lowers
from fxlower.frontend.types import compute_element

aten = torch.ops.aten


@lowers(aten.add.Tensor, aten.add.Scalar)
def add(b: RuleBuilder, lhs: Operand, rhs: Operand, *, alpha: Operand = 1) -> SSAValue:
    compute = compute_element(b.result.element)
    x, y = b.operands(lhs, rhs, element=compute)
    if alpha != 1:
        y = b.mul(y, b.operand(alpha, compute))
    return b.to_result(b.add(x, y))
