"""`hoist-constants`: mark the calls whose operands seldom change, so that the host makes them once.

Before:

    func.func @main(%x: tensor<128x768xbf16>, %w: tensor<3072x768xf32> {fxt.constant}) -> ... {
      %c = fxt.call @cast_1a2b(%w) : (tensor<3072x768xf32>) -> tensor<3072x768xbf16>
      %y = fxt.call @matmul_3c4d(%x, %c) : ...

After:

      %c = fxt.call @cast_1a2b(%w) {fxt.constant} : (tensor<3072x768xf32>) -> tensor<3072x768xbf16>
      %y = fxt.call @matmul_3c4d(%x, %c) : ...

An argument is marked `fxt.constant` by who knows that it seldom changes: a parameter, where no
gradients are wanted. Under autocast, these are the casts of all weights. What comes of such calls
is kept, so it may be no larger than a few times the operands, must not be returned to the caller
or be seen by operators in eager mode, and is left alone if it is small.

Needs functions as `form-kernels` and `update-in-place` leave them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from fxlower.analysis.constants import (
    CONSTANT,
    constant_arguments,
    is_static_argument,
    is_static_view,
    root_of,
)
from fxlower.analysis.inplace import traps
from fxlower.dialects.build import ELEMENT_BITS, dims_of, signless
from fxlower.dialects.fxt.call import CallOp
from fxlower.dialects.fxt.view import VIEWS

LEAST_BYTES = 1 << 13
"""Smaller results are made in no time."""

MOST_GROWTH = 4
"""Results are kept only if they are at most so many times as large as what they are made from."""


def hoist(function: FuncOp, kernels: dict[str, FuncOp]) -> None:
    """Mark the calls in `function`, in order, so that what follows from one may follow."""
    constants = constant_arguments(function)
    if not constants:
        return
    for op in function.body.block.ops:
        if isinstance(op, CallOp) and _is_constant(
            op, kernels[op.callee.string_value()], constants
        ):
            op.attributes[CONSTANT] = UnitAttr()
            constants.update(op.results)


def _is_constant(call: CallOp, kernel: FuncOp, constants: set[SSAValue]) -> bool:
    if not call.operands or any(at >= 0 for at in call.inplace) or traps(kernel):
        return False
    if not all(is_static_argument(kernel, i) for i in range(len(call.operands))):
        return False
    if any(root_of(v) not in constants or not is_static_view(v) for v in call.operands):
        return False
    read, written = _bytes(call.operands), _bytes(call.results)
    if read is None or written is None or not LEAST_BYTES <= written <= MOST_GROWTH * read:
        return False
    return all(_stays_inside(result) for result in call.results)


def _bytes(values: Iterable[SSAValue]) -> int | None:
    """Bytes of tensors; None where a size is symbolic."""
    total = 0
    for value in values:
        assert isinstance(value.type, TensorType)
        size = ELEMENT_BITS[signless(value.type.element_type)]
        for n in dims_of(value.type):
            if not isinstance(n, int):
                return None
            size *= n
        total += size // 8
    return total


def _stays_inside(value: SSAValue) -> bool:
    """Whether kernels alone see `value` and its views, and write to none of them."""
    return all(_only_reads(use.operation, use.index) for use in value.uses)


def _only_reads(op: Operation, operand: int) -> bool:
    if isinstance(op, VIEWS):
        return _stays_inside(op.results[0])
    return isinstance(op, CallOp) and operand not in op.inplace


@dataclass(frozen=True)
class HoistConstantsPass(ModulePass):
    """Mark the calls whose operands seldom change."""

    name = "hoist-constants"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = {f.sym_name.data: f for f in op.body.block.ops if isinstance(f, FuncOp)}
        for function in functions.values():
            if "fxlower.kernel" not in function.attributes and function.body.blocks:
                hoist(function, functions)
