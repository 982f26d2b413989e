"""`arith` with the vector forms that MLIR has and xDSL 0.74 lacks.

Everything of `xdsl.dialects.arith` is here under its own name. Comparisons, select, and the
conversions from, to and between integers are defined anew, with upstream's syntax and properties,
so that they take vectors (and tensors) as well; `arith.remf` and `arith.index_castui` are added.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar

from xdsl.dialects import arith as upstream
from xdsl.dialects.arith import *  # type: ignore[assignment]  # noqa: F403
from xdsl.dialects.arith import (
    CMPF_COMPARISON_OPERATIONS,
    CMPI_COMPARISON_OPERATIONS,
    FastMathFlagsAttr,
    FloatingPointLikeBinaryOperation,
    boolLike,
    floatingPointLike,
    signlessIntegerLike,
)
from xdsl.dialects.builtin import (
    AnyFloat,
    FixedBitwidthType,
    IndexType,
    IntegerAttr,
    IntegerType,
    TensorType,
    VectorType,
    container_of,
    i1,
    i64,
)
from xdsl.ir import Attribute, Dialect, Operation, SSAValue
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
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

import fxlower.dialects.float_literals  # noqa: F401  corrects the parser of constants

NO_FASTMATH = FastMathFlagsAttr("none")


def element_of(type_: Attribute) -> Attribute:
    """The element type of a vector or tensor; a scalar type is its own."""
    return type_.element_type if isinstance(type_, VectorType | TensorType) else type_


@cache
def with_element(type_: Attribute, element: Attribute) -> Attribute:
    """`type_` with another element type: `vector<4xf32>` and `i1` give `vector<4xi1>`."""
    if isinstance(type_, VectorType):
        return VectorType(element, type_.shape, type_.scalable_dims)
    if isinstance(type_, TensorType):
        return TensorType(element, type_.shape, type_.encoding)  # type: ignore[arg-type]
    return element


def _verify_same_shape(op: Operation, a: Attribute, b: Attribute) -> None:
    if with_element(a, i1) != with_element(b, i1):
        raise VerifyException(f"'{op.name}': shapes must agree, got {a} and {b}")


class _ComparisonOp(IRDLOperation, ABC):
    """A predicate on two equal types; one bool for each element."""

    PREDICATES: ClassVar[list[str]]

    predicate = prop_def(IntegerAttr)
    result = result_def(boolLike)

    traits = traits_def(Pure())

    @classmethod
    def _predicate_attr(cls, predicate: int | str) -> IntegerAttr[Any]:
        if isinstance(predicate, str):
            if predicate not in cls.PREDICATES:
                raise VerifyException(
                    f"'{cls.name}': predicate must be one of {', '.join(cls.PREDICATES)},"
                    f" got '{predicate}'"
                )
            predicate = cls.PREDICATES.index(predicate)
        return IntegerAttr(predicate, i64)

    def verify_(self) -> None:
        lhs, rhs = self.operands
        if lhs.type != rhs.type:
            raise VerifyException(
                f"'{self.name}': operand types must agree, got {lhs.type} and {rhs.type}"
            )
        expected = with_element(lhs.type, i1)
        if self.result.type != expected:
            raise VerifyException(
                f"'{self.name}': result type must be {expected}, got {self.result.type}"
            )
        if not 0 <= self.predicate.value.data < len(self.PREDICATES):
            raise VerifyException(
                f"'{self.name}': predicate must be below {len(self.PREDICATES)},"
                f" got {self.predicate.value.data}"
            )

    @classmethod
    def _parse_head(cls, parser: Parser) -> tuple[IntegerAttr[Any], list[Any]]:
        pos = parser.pos
        name = parser.parse_identifier()
        if name not in cls.PREDICATES:
            parser.raise_error(f"expected one of {', '.join(cls.PREDICATES)}", pos)
        parser.parse_punctuation(",")
        operands = [parser.parse_unresolved_operand()]
        parser.parse_punctuation(",")
        operands.append(parser.parse_unresolved_operand())
        return cls._predicate_attr(name), operands

    def _print_head(self, printer: Printer) -> None:
        printer.print_string(f" {self.PREDICATES[self.predicate.value.data]}, ")
        printer.print_operand(self.operands[0])
        printer.print_string(", ")
        printer.print_operand(self.operands[1])

    def _print_tail(self, printer: Printer) -> None:
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.operands[0].type)


@irdl_op_definition
class CmpiOp(_ComparisonOp):
    """Comparison of integers; `s` and `u` in the predicate tell how they are read.

    %c = arith.cmpi slt, %a, %b : vector<4xi32>
    """

    name = "arith.cmpi"
    PREDICATES: ClassVar = CMPI_COMPARISON_OPERATIONS

    lhs = operand_def(signlessIntegerLike)
    rhs = operand_def(signlessIntegerLike)

    def __init__(
        self,
        operand1: Operation | SSAValue,
        operand2: Operation | SSAValue,
        arg: int | str,
    ):
        super().__init__(
            operands=[operand1, operand2],
            result_types=[with_element(SSAValue.get(operand1).type, i1)],
            properties={"predicate": self._predicate_attr(arg)},
        )

    @classmethod
    def parse(cls, parser: Parser) -> CmpiOp:
        predicate, unresolved = cls._parse_head(parser)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        type_ = parser.parse_type()
        return cls.create(
            operands=parser.resolve_operands(unresolved, [type_, type_], parser.pos),
            result_types=[with_element(type_, i1)],
            properties={"predicate": predicate},
            attributes=attributes,
        )

    def print(self, printer: Printer) -> None:
        self._print_head(printer)
        self._print_tail(printer)


@irdl_op_definition
class CmpfOp(_ComparisonOp):
    """Comparison of floats; `o` predicates are false for a NaN, `u` predicates true.

    %c = arith.cmpf olt, %a, %b : vector<4xf32>
    """

    name = "arith.cmpf"
    PREDICATES: ClassVar = CMPF_COMPARISON_OPERATIONS

    lhs = operand_def(floatingPointLike)
    rhs = operand_def(floatingPointLike)
    fastmath = prop_def(FastMathFlagsAttr, default_value=NO_FASTMATH)

    def __init__(
        self,
        operand1: Operation | SSAValue,
        operand2: Operation | SSAValue,
        arg: int | str,
        fastmath: FastMathFlagsAttr = NO_FASTMATH,
    ):
        super().__init__(
            operands=[operand1, operand2],
            result_types=[with_element(SSAValue.get(operand1).type, i1)],
            properties={"predicate": self._predicate_attr(arg), "fastmath": fastmath},
        )

    @classmethod
    def parse(cls, parser: Parser) -> CmpfOp:
        predicate, unresolved = cls._parse_head(parser)
        fastmath = NO_FASTMATH
        if parser.parse_optional_keyword("fastmath"):
            fastmath = FastMathFlagsAttr(FastMathFlagsAttr.parse_parameter(parser))
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        type_ = parser.parse_type()
        return cls.create(
            operands=parser.resolve_operands(unresolved, [type_, type_], parser.pos),
            result_types=[with_element(type_, i1)],
            properties={"predicate": predicate, "fastmath": fastmath},
            attributes=attributes,
        )

    def print(self, printer: Printer) -> None:
        self._print_head(printer)
        if self.fastmath != NO_FASTMATH:
            printer.print_string(" fastmath")
            self.fastmath.print_parameter(printer)
        self._print_tail(printer)


@irdl_op_definition
class SelectOp(IRDLOperation):
    """`lhs` where the condition holds, else `rhs`. One bool chooses whole values, a vector of
    bools chooses for each element.

    %r = arith.select %c, %a, %b : f32
    %r = arith.select %m, %x, %y : vector<4xi1>, vector<4xf32>
    """

    name = "arith.select"

    _T: ClassVar = VarConstraint("_T", AnyAttr())

    cond = operand_def(boolLike)
    lhs = operand_def(_T)
    rhs = operand_def(_T)
    result = result_def(_T)

    traits = traits_def(Pure())

    def __init__(
        self,
        operand1: Operation | SSAValue,
        operand2: Operation | SSAValue,
        operand3: Operation | SSAValue,
    ):
        super().__init__(
            operands=[operand1, operand2, operand3],
            result_types=[SSAValue.get(operand2).type],
        )

    def verify_(self) -> None:
        if self.cond.type != i1:
            _verify_same_shape(self, self.cond.type, self.result.type)

    @classmethod
    def parse(cls, parser: Parser) -> SelectOp:
        unresolved = [parser.parse_unresolved_operand()]
        for _ in range(2):
            parser.parse_punctuation(",")
            unresolved.append(parser.parse_unresolved_operand())
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        condition, type_ = i1, parser.parse_type()
        if parser.parse_optional_punctuation(","):
            condition, type_ = type_, parser.parse_type()
        return cls.create(
            operands=parser.resolve_operands(unresolved, [condition, type_, type_], parser.pos),
            result_types=[type_],
            attributes=attributes,
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_operand)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        if self.cond.type != i1:
            printer.print_attribute(self.cond.type)
            printer.print_string(", ")
        printer.print_attribute(self.result.type)


@irdl_op_definition
class RemfOp(FloatingPointLikeBinaryOperation):
    """Remainder with the sign of the first operand, as C's fmod.

    %r = arith.remf %a, %b : vector<4xf32>
    """

    name = "arith.remf"

    traits = traits_def(Pure())


class _CastOp(IRDLOperation, ABC):
    """A conversion of one value, or of each element of a vector."""

    traits = traits_def(Pure())

    assembly_format = "$input attr-dict `:` type($input) `to` type($result)"

    def __init__(self, op: SSAValue | Operation, target_type: Attribute):
        super().__init__(operands=[op], result_types=[target_type])

    def verify_(self) -> None:
        source, target = self.operands[0].type, self.results[0].type
        _verify_same_shape(self, source, target)
        self.verify_elements(element_of(source), element_of(target))

    def verify_elements(self, source: Attribute, target: Attribute) -> None:
        """Requirements on the element types beyond their kind."""


integerLike = container_of(IntegerType)


class _FloatToIntegerOp(_CastOp, ABC):
    input = operand_def(floatingPointLike)
    result = result_def(integerLike)


class _IntegerToFloatOp(_CastOp, ABC):
    input = operand_def(integerLike)
    result = result_def(container_of(AnyFloat))


class _IntegerWidthOp(_CastOp, ABC):
    WIDENS: ClassVar[bool]

    input = operand_def(integerLike)
    result = result_def(integerLike)

    def verify_elements(self, source: Attribute, target: Attribute) -> None:
        assert isinstance(source, FixedBitwidthType) and isinstance(target, FixedBitwidthType)
        if not (
            source.bitwidth < target.bitwidth if self.WIDENS else source.bitwidth > target.bitwidth
        ):
            wanted = "wider" if self.WIDENS else "narrower"
            raise VerifyException(
                f"'{self.name}': the result must be {wanted} than {source}, got {target}"
            )


class _IndexCastOp(_CastOp, ABC):
    input = operand_def(signlessIntegerLike)
    result = result_def(signlessIntegerLike)

    def verify_elements(self, source: Attribute, target: Attribute) -> None:
        if isinstance(source, IndexType) == isinstance(target, IndexType):
            raise VerifyException(
                f"'{self.name}': exactly one side must be index, got {source} and {target}"
            )


@irdl_op_definition
class FPToSIOp(_FloatToIntegerOp):
    """Towards zero to a signed integer: `%i = arith.fptosi %x : vector<4xf32> to vector<4xi32>`."""

    name = "arith.fptosi"


@irdl_op_definition
class FPToUIOp(_FloatToIntegerOp):
    """Towards zero to an unsigned integer."""

    name = "arith.fptoui"


@irdl_op_definition
class SIToFPOp(_IntegerToFloatOp):
    """Signed integer to the nearest float."""

    name = "arith.sitofp"


@irdl_op_definition
class UIToFPOp(_IntegerToFloatOp):
    """Unsigned integer to the nearest float."""

    name = "arith.uitofp"


@irdl_op_definition
class ExtSIOp(_IntegerWidthOp):
    """Sign extension: `%w = arith.extsi %x : vector<4xi8> to vector<4xi32>`."""

    name = "arith.extsi"
    WIDENS: ClassVar = True


@irdl_op_definition
class ExtUIOp(_IntegerWidthOp):
    """Zero extension."""

    name = "arith.extui"
    WIDENS: ClassVar = True


@irdl_op_definition
class TruncIOp(_IntegerWidthOp):
    """The low bits."""

    name = "arith.trunci"
    WIDENS: ClassVar = False


@irdl_op_definition
class IndexCastOp(_IndexCastOp):
    """Between `index` and a signed integer: `%i = arith.index_cast %x : i32 to index`."""

    name = "arith.index_cast"


@irdl_op_definition
class IndexCastUIOp(_IndexCastOp):
    """Between `index` and an unsigned integer."""

    name = "arith.index_castui"


def replace_operations(dialect: Dialect, operations: Iterable[type[Operation]]) -> Dialect:
    """`dialect` with the given operations added, in place of those of the same names."""
    replaced = {op.name: op for op in operations}
    kept = [op for op in dialect.operations if op.name not in replaced]
    interfaces = dialect._interfaces  # xDSL has no public way to list them
    return Dialect(dialect.name, [*kept, *replaced.values()], list(dialect.attributes), interfaces)


ARITH = replace_operations(
    upstream.Arith,
    (
        CmpiOp,
        CmpfOp,
        SelectOp,
        RemfOp,
        FPToSIOp,
        FPToUIOp,
        SIToFPOp,
        UIToFPOp,
        ExtSIOp,
        ExtUIOp,
        TruncIOp,
        IndexCastOp,
        IndexCastUIOp,
    ),
)
