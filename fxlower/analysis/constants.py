"""Values of `@main` that seldom change from call to call: arguments marked `fxt.constant`, and the
results of calls that are."""

from __future__ import annotations

from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from fxlower.dialects.fxt.call import CallOp
from fxlower.dialects.fxt.view import VIEWS

CONSTANT = "fxt.constant"


def constant_arguments(function: FuncOp) -> set[SSAValue]:
    """The arguments that are marked."""
    if function.arg_attrs is None:
        return set()
    attributes = function.arg_attrs.data
    return {v for v, a in zip(function.body.block.args, attributes) if CONSTANT in a.data}


def constant_values(function: FuncOp) -> set[SSAValue]:
    """The arguments, and results of calls, that are marked."""
    found = constant_arguments(function)
    for op in function.body.block.ops:
        if isinstance(op, CallOp) and CONSTANT in op.attributes:
            found.update(op.results)
    return found


def root_of(value: SSAValue) -> SSAValue:
    """What `value` is a view of."""
    while isinstance(value.owner, VIEWS):
        value = value.owner.operands[0]
    return value
