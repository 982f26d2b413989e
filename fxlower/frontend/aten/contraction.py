"""Products: `mm` and what is made of it."""

from __future__ import annotations

import torch
from xdsl.ir import SSAValue

from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.registry import lowers

aten = torch.ops.aten


@lowers(aten.mm.default)
def mm(b: RuleBuilder, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    return b.matmul(lhs, rhs)
