"""Element-wise operations of `fxt`. Operands and result have one shape; nothing broadcasts."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from fxlower.dialects.build import ELEMENT_BITS, I1, tensor_type
from fxlower.dialects.fxt.base import (
    BinaryOp,
    FloatBinaryOp,
    FloatUnaryOp,
    IntegerBinaryOp,
    UnaryOp,
    dims,
    element,
    expect,
    expect_dims,
)


@irdl_op_definition
class NegOp(UnaryOp):
    """-x; integers wrap around."""

    name = "fxt.neg"


@irdl_op_definition
class AbsOp(UnaryOp):
    """Absolute value."""

    name = "fxt.abs"


@irdl_op_definition
class NotOp(UnaryOp):
    """Bitwise complement of integers, logical of bools."""

    name = "fxt.not"


@irdl_op_definition
class FloorOp(FloatUnaryOp):
    """Largest integer not above x."""

    name = "fxt.floor"


@irdl_op_definition
class CeilOp(FloatUnaryOp):
    """Smallest integer not below x."""

    name = "fxt.ceil"


@irdl_op_definition
class RoundOp(FloatUnaryOp):
    """Nearest integer, halves to even."""

    name = "fxt.round"


@irdl_op_definition
class TruncOp(FloatUnaryOp):
    """Integer part, towards zero."""

    name = "fxt.trunc"


@irdl_op_definition
class SqrtOp(FloatUnaryOp):
    """Square root."""

    name = "fxt.sqrt"


@irdl_op_definition
class RsqrtOp(FloatUnaryOp):
    """1 / sqrt(x)."""

    name = "fxt.rsqrt"


@irdl_op_definition
class ExpOp(FloatUnaryOp):
    """e to the power x."""

    name = "fxt.exp"


@irdl_op_definition
class Exp2Op(FloatUnaryOp):
    """2 to the power x."""

    name = "fxt.exp2"


@irdl_op_definition
class Expm1Op(FloatUnaryOp):
    """exp(x) - 1, exact near 0."""

    name = "fxt.expm1"


@irdl_op_definition
class LogOp(FloatUnaryOp):
    """Natural logarithm."""

    name = "fxt.log"


@irdl_op_definition
class Log2Op(FloatUnaryOp):
    """Logarithm to base 2."""

    name = "fxt.log2"


@irdl_op_definition
class Log10Op(FloatUnaryOp):
    """Logarithm to base 10."""

    name = "fxt.log10"


@irdl_op_definition
class Log1POp(FloatUnaryOp):
    """log(1 + x), exact near 0."""

    name = "fxt.log1p"


@irdl_op_definition
class SinOp(FloatUnaryOp):
    """Sine of radians."""

    name = "fxt.sin"


@irdl_op_definition
class CosOp(FloatUnaryOp):
    """Cosine of radians."""

    name = "fxt.cos"


@irdl_op_definition
class TanOp(FloatUnaryOp):
    """Tangent of radians."""

    name = "fxt.tan"


@irdl_op_definition
class AsinOp(FloatUnaryOp):
    """Arc sine in radians."""

    name = "fxt.asin"


@irdl_op_definition
class AcosOp(FloatUnaryOp):
    """Arc cosine in radians."""

    name = "fxt.acos"


@irdl_op_definition
class AtanOp(FloatUnaryOp):
    """Arc tangent in radians."""

    name = "fxt.atan"


@irdl_op_definition
class SinhOp(FloatUnaryOp):
    """Hyperbolic sine."""

    name = "fxt.sinh"


@irdl_op_definition
class CoshOp(FloatUnaryOp):
    """Hyperbolic cosine."""

    name = "fxt.cosh"


@irdl_op_definition
class TanhOp(FloatUnaryOp):
    """Hyperbolic tangent."""

    name = "fxt.tanh"


@irdl_op_definition
class AsinhOp(FloatUnaryOp):
    """Inverse hyperbolic sine."""

    name = "fxt.asinh"


@irdl_op_definition
class AcoshOp(FloatUnaryOp):
    """Inverse hyperbolic cosine."""

    name = "fxt.acosh"


@irdl_op_definition
class AtanhOp(FloatUnaryOp):
    """Inverse hyperbolic tangent."""

    name = "fxt.atanh"


@irdl_op_definition
class ErfOp(FloatUnaryOp):
    """Error function."""

    name = "fxt.erf"


@irdl_op_definition
class AddOp(BinaryOp):
    """a + b; `or` for bools."""

    name = "fxt.add"


@irdl_op_definition
class SubOp(BinaryOp):
    """a - b."""

    name = "fxt.sub"


@irdl_op_definition
class MulOp(BinaryOp):
    """a * b; `and` for bools."""

    name = "fxt.mul"


@irdl_op_definition
class DivOp(BinaryOp):
    """a / b; of integers the quotient towards zero.

    A zero divisor of integers must be ruled out by `fxt.nonzero_divisor`.
    """

    name = "fxt.div"


@irdl_op_definition
class FloordivOp(IntegerBinaryOp):
    """Integer quotient towards minus infinity; see `fxt.div` for zero."""

    name = "fxt.floordiv"


@irdl_op_definition
class RemOp(BinaryOp):
    """Remainder with the sign of a, as C's fmod and %."""

    name = "fxt.rem"


@irdl_op_definition
class MaxOp(BinaryOp):
    """The larger one; NaN if either is."""

    name = "fxt.max"


@irdl_op_definition
class MinOp(BinaryOp):
    """The smaller one; NaN if either is."""

    name = "fxt.min"


@irdl_op_definition
class AndOp(IntegerBinaryOp):
    """Bitwise and."""

    name = "fxt.and"


@irdl_op_definition
class OrOp(IntegerBinaryOp):
    """Bitwise or."""

    name = "fxt.or"


@irdl_op_definition
class XorOp(IntegerBinaryOp):
    """Bitwise exclusive or."""

    name = "fxt.xor"


@irdl_op_definition
class ShlOp(IntegerBinaryOp):
    """a shifted left by b bits; 0 when b is not in [0, width), as in torch."""

    name = "fxt.shl"


@irdl_op_definition
class ShrOp(IntegerBinaryOp):
    """a shifted right by b bits, arithmetic for signed;

    a shift out of range shifts every bit out.
    """

    name = "fxt.shr"


@irdl_op_definition
class PowOp(FloatBinaryOp):
    """a to the power b."""

    name = "fxt.pow"


@irdl_op_definition
class Atan2Op(FloatBinaryOp):
    """Angle of the point (b, a) in radians."""

    name = "fxt.atan2"


@irdl_op_definition
class CopysignOp(FloatBinaryOp):
    """Magnitude of a with the sign of b."""

    name = "fxt.copysign"


PREDICATES = ("eq", "ne", "lt", "le", "gt", "ge")


@irdl_op_definition
class CmpOp(IRDLOperation):
    """Comparison to bool. Ordered, except `ne`: a NaN is unequal to everything.

    %c = fxt.cmp "lt", %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    """

    name = "fxt.cmp"

    T: ClassVar = VarConstraint("T", AnyAttr())

    predicate = prop_def(StringAttr)
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def()

    traits = traits_def(Pure())

    assembly_format = (
        "$predicate `,` $lhs `,` $rhs attr-dict `:` functional-type(operands, results)"
    )

    def __init__(self, predicate: str, lhs: SSAValue, rhs: SSAValue):
        super().__init__(
            operands=[lhs, rhs],
            result_types=[tensor_type(I1, dims(lhs))],
            properties={"predicate": StringAttr(predicate)},
        )

    def verify_(self) -> None:
        expect(
            self.predicate.data in PREDICATES,
            f"predicate must be one of {', '.join(PREDICATES)}, got {self.predicate.data!r}",
        )
        expect(element(self.result) == I1, f"result must be of bools, got {self.result.type}")
        expect_dims(self.result, dims(self.lhs))


@irdl_op_definition
class SelectOp(IRDLOperation):
    """`a` where the condition holds, else `b`.

    %r = fxt.select %c, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    """

    name = "fxt.select"

    T: ClassVar = VarConstraint("T", AnyAttr())

    condition = operand_def()
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())

    assembly_format = (
        "$condition `,` $lhs `,` $rhs attr-dict `:` functional-type(operands, results)"
    )

    def __init__(self, condition: SSAValue, lhs: SSAValue, rhs: SSAValue):
        super().__init__(operands=[condition, lhs, rhs], result_types=[lhs.type])

    def verify_(self) -> None:
        expect(element(self.condition) == I1, f"condition must be bools, got {self.condition.type}")
        expect_dims(self.condition, dims(self.result), "condition")


@irdl_op_definition
class CastOp(IRDLOperation):
    """Conversion of the element type as torch's `.to(dtype)`: float to int towards zero, any to
    bool by `!= 0`, float to narrower float to nearest even.

    %r = fxt.cast %a : (tensor<4xf32>) -> tensor<4xbf16>
    """

    name = "fxt.cast"

    input = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, element_type: Attribute):
        super().__init__(operands=[input], result_types=[tensor_type(element_type, dims(input))])

    def verify_(self) -> None:
        expect_dims(self.result, dims(self.input))


@irdl_op_definition
class BitcastOp(IRDLOperation):
    """The same bits as another element type of the same width.

    %r = fxt.bitcast %a : (tensor<4xf32>) -> tensor<4xi32>
    """

    name = "fxt.bitcast"

    input = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, element_type: Attribute):
        super().__init__(operands=[input], result_types=[tensor_type(element_type, dims(input))])

    def verify_(self) -> None:
        expect_dims(self.result, dims(self.input))
        expect(
            ELEMENT_BITS.get(element(self.result)) == ELEMENT_BITS.get(element(self.input)),
            f"element widths must agree, got {self.input.type} and {self.result.type}",
        )


@irdl_op_definition
class NonzeroDivisorOp(UnaryOp):
    """The divisor of an integer division, or 1 where it is 0, which also raises the trap
    "ZeroDivisionError" after the kernel. On tensors, and on scalars and vectors in bodies.
    """

    name = "fxt.nonzero_divisor"

    def verify_(self) -> None:
        pass


ELEMENTWISE = (
    NegOp,
    AbsOp,
    NotOp,
    FloorOp,
    CeilOp,
    RoundOp,
    TruncOp,
    SqrtOp,
    RsqrtOp,
    ExpOp,
    Exp2Op,
    Expm1Op,
    LogOp,
    Log2Op,
    Log10Op,
    Log1POp,
    SinOp,
    CosOp,
    TanOp,
    AsinOp,
    AcosOp,
    AtanOp,
    SinhOp,
    CoshOp,
    TanhOp,
    AsinhOp,
    AcoshOp,
    AtanhOp,
    ErfOp,
    AddOp,
    SubOp,
    MulOp,
    DivOp,
    FloordivOp,
    RemOp,
    MaxOp,
    MinOp,
    AndOp,
    OrOp,
    XorOp,
    ShlOp,
    ShrOp,
    PowOp,
    Atan2Op,
    CopysignOp,
    CmpOp,
    SelectOp,
    CastOp,
    BitcastOp,
    NonzeroDivisorOp,
)
