"""Values of `@main` that seldom change from call to call: arguments marked `fxt.constant`, and the
results of calls that are."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from fxlower.analysis.layout import declared_strides
from fxlower.dialects.build import dim_of, dims_from, dims_of
from fxlower.dialects.fxt import AsStridedOp, SliceOp
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


def is_static_view(value: SSAValue) -> bool:
    """Whether the place of a view in its root is known: no size or position on the way depends on
    a symbol."""
    while isinstance(op := value.owner, VIEWS):
        places = dims_of(value.type)
        if isinstance(op, SliceOp):
            places += dims_from(op.starts)
        elif isinstance(op, AsStridedOp):
            places += (*dims_from(op.strides), dim_of(op.offset))
        if not all(isinstance(n, int) for n in places):
            return False
        value = op.operands[0]
    return all(isinstance(n, int) for n in dims_of(value.type))


def is_static_argument(kernel: FuncOp, argument: int) -> bool:
    """Whether sizes and strides of a kernel's argument are numbers."""
    type_ = kernel.function_type.inputs.data[argument]
    if not isinstance(type_, TensorType):
        return False
    strides = declared_strides(type_, kernel.arg_attrs, argument)
    return all(isinstance(n, int) for n in (*dims_of(type_), *strides))
