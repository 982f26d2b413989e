"""What the operations of `fxt` share: shapes, and the checks on them."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from xdsl.dialects.builtin import IntegerType, TensorType
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_attr_definition,
    operand_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects.build import Dim, dims_of, is_float


@irdl_attr_definition
class OpaqueType(ParametrizedAttribute, TypeAttribute):
    """The element of what only operators in eager mode know: sparse, quantized, on no CPU...

    %r = fxt.aten "aten.to_sparse.default", 0(%a) {strides = [[]]}
      : (tensor<4xf32>) -> tensor<!fxt.opaque>
    """

    name = "fxt.opaque"


def dims(value: SSAValue) -> tuple[Dim, ...]:
    """The dimensions of a tensor value; numbers, or the text of a symbolic expression."""
    return dims_of(value.type)


def element(value: SSAValue) -> Attribute:
    """The element type of a tensor value; of a scalar or vector in a body, that of the value."""
    type_ = value.type
    return type_.element_type if isinstance(type_, TensorType) else type_


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise VerifyException(message)


def expect_dims(value: SSAValue, expected: tuple[Dim, ...], what: str = "result") -> None:
    """The shape rule of an op, stated once: `value` must have the dims `expected`."""
    if (found := dims(value)) != expected:
        raise VerifyException(f"{what} must have dims {list(expected)}, got {list(found)}")


def expect_axes(axes: tuple[int, ...], rank: int, what: str) -> None:
    if any(not 0 <= a < rank for a in axes) or len(set(axes)) != len(axes):
        raise VerifyException(
            f"{what} must be distinct axes of a rank-{rank} tensor, got {list(axes)}"
        )


class UnaryOp(IRDLOperation, ABC):
    """One tensor in, one out, same type, element by element."""

    T: ClassVar = VarConstraint("T", AnyAttr())

    input = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())

    assembly_format = "$input attr-dict `:` type($result)"

    def __init__(self, input: SSAValue):
        super().__init__(operands=[input], result_types=[input.type])

    def verify_(self) -> None:
        dims(self.result)


class FloatUnaryOp(UnaryOp, ABC):
    """A unary op of floating-point numbers only."""

    def verify_(self) -> None:
        super().verify_()
        expect(
            is_float(element(self.input)), f"operand must be floating point, got {self.input.type}"
        )


class BinaryOp(IRDLOperation, ABC):
    """Two tensors of one type in, one of the same type out, element by element.

    Broadcasting and promotion are explicit: see `fxt.broadcast` and `fxt.cast`.
    """

    T: ClassVar = VarConstraint("T", AnyAttr())

    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())

    assembly_format = "$lhs `,` $rhs attr-dict `:` type($result)"

    def __init__(self, lhs: SSAValue, rhs: SSAValue):
        super().__init__(operands=[lhs, rhs], result_types=[lhs.type])

    def verify_(self) -> None:
        dims(self.result)


class FloatBinaryOp(BinaryOp, ABC):
    def verify_(self) -> None:
        super().verify_()
        expect(is_float(element(self.lhs)), f"operands must be floating point, got {self.lhs.type}")


class IntegerBinaryOp(BinaryOp, ABC):
    def verify_(self) -> None:
        super().verify_()
        expect(
            isinstance(element(self.lhs), IntegerType),
            f"operands must be integers or bools, got {self.lhs.type}",
        )
