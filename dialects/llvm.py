"""`llvm` with the ops of MLIR that xDSL 0.74 lacks, and vector forms where it has scalars only.

Everything of `xdsl.dialects.llvm` is here under its own name. Intrinsics without an op of their
own are `llvm.call_intrinsic "llvm.fma.v16f32"(...)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects import llvm as upstream
from xdsl.dialects.builtin import (
    AnyFloatConstr,
    DenseArrayBase,
    IntegerAttr,
    IntegerType,
    VectorType,
    container_of,
    i1,
    i32,
    i64,
)
from xdsl.dialects.llvm import *  # type: ignore[assignment]  # noqa: F403
from xdsl.dialects.llvm import (
    ALL_FCMP_FLAGS,
    GEP_USE_SSA_VAL,
    FastMathAttr,
    FCmpPredicateFlag,
    GenericCastOp,
    LLVMPointerType,
)
from xdsl.dialects.utils import (
    parse_dynamic_index_list_without_types,
    print_dynamic_index_list,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    base,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import NoMemoryEffect, Pure
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects.arith import replace_operations, with_element

PTR = LLVMPointerType()
NO_FASTMATH = FastMathAttr(None)
RARE = "fxlower.rare"
"""The attribute of an `scf.if`, and of the `llvm.cond_br` made of it, that is rarely taken."""
boolLike = container_of(i1)
pointerLike = container_of(base(LLVMPointerType))


@irdl_op_definition
class FPToSIOp(GenericCastOp):
    """Towards zero to a signed integer; poison where it does not fit."""

    name = "llvm.fptosi"


@irdl_op_definition
class FPToUIOp(GenericCastOp):
    """Towards zero to an unsigned integer; poison where it does not fit."""

    name = "llvm.fptoui"


@irdl_op_definition
class UIToFPOp(GenericCastOp):
    """Unsigned integer to the nearest float."""

    name = "llvm.uitofp"


@irdl_op_definition
class ZeroOp(IRDLOperation):
    """The zero of any type: `%z = llvm.mlir.zero : vector<4xf32>`."""

    name = "llvm.mlir.zero"

    res = result_def()

    traits = traits_def(NoMemoryEffect())

    assembly_format = "attr-dict `:` type($res)"

    def __init__(self, type_: Attribute):
        super().__init__(result_types=[type_])


@irdl_op_definition
class PoisonOp(IRDLOperation):
    """A value that must not be observed: `%p = llvm.mlir.poison : vector<4xf32>`."""

    name = "llvm.mlir.poison"

    res = result_def()

    traits = traits_def(NoMemoryEffect())

    assembly_format = "attr-dict `:` type($res)"

    def __init__(self, type_: Attribute):
        super().__init__(result_types=[type_])


@irdl_op_definition
class FreezeOp(IRDLOperation):
    """The operand, or some fixed value if it is poison: `%f = llvm.freeze %x : i32`."""

    name = "llvm.freeze"

    T: ClassVar = VarConstraint("T", AnyAttr())

    val = operand_def(T)
    res = result_def(T)

    traits = traits_def(Pure())

    assembly_format = "$val attr-dict `:` type($val)"

    def __init__(self, val: SSAValue | Operation):
        super().__init__(operands=[val], result_types=[SSAValue.get(val).type])


@irdl_op_definition
class ExtractElementOp(IRDLOperation):
    """One lane: `%e = llvm.extractelement %v[%i : i64] : vector<4xf32>`."""

    name = "llvm.extractelement"

    T: ClassVar = VarConstraint("T", AnyAttr())

    vector = operand_def(VectorType.constr(T))
    position = operand_def(IntegerType)
    res = result_def(T)

    traits = traits_def(Pure())

    assembly_format = "$vector `[` $position `:` type($position) `]` attr-dict `:` type($vector)"

    def __init__(self, vector: SSAValue | Operation, position: SSAValue | Operation):
        type_ = SSAValue.get(vector).type
        assert isinstance(type_, VectorType)
        super().__init__(operands=[vector, position], result_types=[type_.element_type])


@irdl_op_definition
class SelectOp(IRDLOperation):
    """`lhs` where the condition holds, else `rhs`; for whole values or for each lane.

    %r = llvm.select %c, %a, %b : vector<4xi1>, vector<4xf32>
    """

    name = "llvm.select"

    T: ClassVar = VarConstraint("T", AnyAttr())

    cond = operand_def(boolLike)
    lhs = operand_def(T)
    rhs = operand_def(T)
    res = result_def(T)

    fastmathFlags = prop_def(FastMathAttr, default_value=NO_FASTMATH)

    traits = traits_def(Pure())

    assembly_format = "$cond `,` $lhs `,` $rhs attr-dict `:` type($cond) `,` type($res)"

    irdl_options = (ParsePropInAttrDict(),)

    def __init__(
        self, cond: SSAValue | Operation, lhs: SSAValue | Operation, rhs: SSAValue | Operation
    ):
        super().__init__(operands=[cond, lhs, rhs], result_types=[SSAValue.get(lhs).type])

    def verify_(self) -> None:
        condition = self.cond.type
        if condition != i1 and condition != with_element(self.res.type, i1):
            raise VerifyException(
                f"'{self.name}': condition and values must have one shape,"
                f" got {condition} and {self.res.type}"
            )


@irdl_op_definition
class FCmpOp(IRDLOperation):
    """Comparison of floats: `%c = llvm.fcmp "olt" %a, %b : vector<4xf32>`."""

    name = "llvm.fcmp"

    T: ClassVar = VarConstraint("T", AnyFloatConstr | VectorType.constr(AnyFloatConstr))

    lhs = operand_def(T)
    rhs = operand_def(T)
    res = result_def(boolLike)
    predicate = prop_def(IntegerAttr)
    fastmathFlags = prop_def(FastMathAttr, default_value=NO_FASTMATH)

    traits = traits_def(Pure())

    def __init__(
        self,
        lhs: SSAValue | Operation,
        rhs: SSAValue | Operation,
        predicate: str | IntegerAttr[Any],
        fastmath: FastMathAttr = NO_FASTMATH,
    ):
        if isinstance(predicate, str):
            predicate = IntegerAttr(FCmpPredicateFlag(predicate).to_int(), i64)
        super().__init__(
            operands=[lhs, rhs],
            result_types=[with_element(SSAValue.get(lhs).type, i1)],
            properties={"predicate": predicate, "fastmathFlags": fastmath},
        )

    def verify_(self) -> None:
        expected = with_element(self.lhs.type, i1)
        if self.res.type != expected:
            raise VerifyException(
                f"'{self.name}': result type must be {expected}, got {self.res.type}"
            )

    @classmethod
    def parse(cls, parser: Parser) -> FCmpOp:
        predicate = parser.parse_str_literal()
        lhs = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        rhs = parser.parse_unresolved_operand()
        attributes = parser.parse_optional_attr_dict()
        fastmath = attributes.pop("fastmathFlags", NO_FASTMATH)
        assert isinstance(fastmath, FastMathAttr)
        parser.parse_punctuation(":")
        type_ = parser.parse_type()
        operands = parser.resolve_operands([lhs, rhs], [type_, type_], parser.pos)
        op = cls(operands[0], operands[1], predicate, fastmath)
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(f' "{ALL_FCMP_FLAGS[self.predicate.value.data]}" ')
        printer.print_operand(self.lhs)
        printer.print_string(", ")
        printer.print_operand(self.rhs)
        attributes = dict(self.attributes)
        if self.fastmathFlags != NO_FASTMATH:
            attributes["fastmathFlags"] = self.fastmathFlags
        printer.print_op_attributes(attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.lhs.type)


@irdl_op_definition
class GEPOp(IRDLOperation):
    """Address arithmetic. A vector of indices gives a vector of pointers.

    %q = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    """

    name = "llvm.getelementptr"

    ptr = operand_def(pointerLike)
    ssa_indices = var_operand_def(container_of(IntegerType))
    elem_type = prop_def()
    rawConstantIndices = prop_def(DenseArrayBase.constr(i32))
    noWrapFlags = prop_def(IntegerAttr, default_value=IntegerAttr(0, i32))
    result = result_def(pointerLike)

    traits = traits_def(NoMemoryEffect())

    def __init__(
        self,
        ptr: SSAValue | Operation,
        indices: Sequence[int],
        elem_type: Attribute,
        ssa_indices: Sequence[SSAValue | Operation] = (),
        result_type: Attribute = PTR,
    ):
        super().__init__(
            operands=[ptr, ssa_indices],
            result_types=[result_type],
            properties={
                "rawConstantIndices": DenseArrayBase.from_list(i32, indices),
                "elem_type": elem_type,
            },
        )

    @classmethod
    def parse(cls, parser: Parser) -> GEPOp:
        ptr = parser.parse_unresolved_operand()
        dynamic, indices = parse_dynamic_index_list_without_types(parser, GEP_USE_SSA_VAL)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        pos = parser.pos
        type_ = parser.parse_function_type()
        parser.parse_punctuation(",")
        elem_type = parser.parse_type()
        operands = parser.resolve_operands([ptr, *dynamic], type_.inputs.data, pos)
        op = cls(operands[0], list(indices), elem_type, operands[1:], type_.outputs.data[0])
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.ptr)
        print_dynamic_index_list(
            printer, GEP_USE_SSA_VAL, self.ssa_indices, self.rawConstantIndices.iter_values()
        )
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_function_type([o.type for o in self.operands], [self.result.type])
        printer.print_string(", ")
        printer.print_attribute(self.elem_type)


@irdl_op_definition
class MaskedLoadOp(IRDLOperation):
    """Consecutive elements where the mask is set, else those of `pass_thru`.

    %v = llvm.intr.masked.load %p, %m, %z {alignment = 4 : i32}
        : (!llvm.ptr, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
    """

    name = "llvm.intr.masked.load"

    T: ClassVar = VarConstraint("T", VectorType.constr(AnyAttr()))

    data = operand_def(LLVMPointerType)
    mask = operand_def(VectorType.constr(i1))
    pass_thru = operand_def(T)
    res = result_def(T)
    alignment = prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "operands attr-dict `:` functional-type(operands, results)"

    def __init__(self, data: SSAValue, mask: SSAValue, pass_thru: SSAValue, alignment: int):
        super().__init__(
            operands=[data, mask, pass_thru],
            result_types=[pass_thru.type],
            properties={"alignment": IntegerAttr(alignment, i32)},
        )


@irdl_op_definition
class MaskedStoreOp(IRDLOperation):
    """Store consecutive elements where the mask is set.

    llvm.intr.masked.store %v, %p, %m {alignment = 4 : i32}
        : vector<4xf32>, vector<4xi1> into !llvm.ptr
    """

    name = "llvm.intr.masked.store"

    value = operand_def(VectorType)
    data = operand_def(LLVMPointerType)
    mask = operand_def(VectorType.constr(i1))
    alignment = prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$value `,` $data `,` $mask attr-dict `:` type($value) `,` type($mask) `into` type($data)"
    )

    def __init__(self, value: SSAValue, data: SSAValue, mask: SSAValue, alignment: int):
        super().__init__(
            operands=[value, data, mask],
            properties={"alignment": IntegerAttr(alignment, i32)},
        )


@irdl_op_definition
class MaskedGatherOp(IRDLOperation):
    """Elements at a vector of addresses where the mask is set, else those of `pass_thru`.

    %v = llvm.intr.masked.gather %p, %m, %z {alignment = 4 : i32}
        : (vector<4x!llvm.ptr>, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
    """

    name = "llvm.intr.masked.gather"

    T: ClassVar = VarConstraint("T", VectorType.constr(AnyAttr()))

    ptrs = operand_def(VectorType.constr(base(LLVMPointerType)))
    mask = operand_def(VectorType.constr(i1))
    pass_thru = operand_def(T)
    res = result_def(T)
    alignment = prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "operands attr-dict `:` functional-type(operands, results)"

    def __init__(self, ptrs: SSAValue, mask: SSAValue, pass_thru: SSAValue, alignment: int):
        super().__init__(
            operands=[ptrs, mask, pass_thru],
            result_types=[pass_thru.type],
            properties={"alignment": IntegerAttr(alignment, i32)},
        )


@irdl_op_definition
class MaskedScatterOp(IRDLOperation):
    """Store to a vector of addresses where the mask is set, in order of lanes.

    llvm.intr.masked.scatter %v, %p, %m {alignment = 4 : i32}
        : vector<4xf32>, vector<4xi1> into vector<4x!llvm.ptr>
    """

    name = "llvm.intr.masked.scatter"

    value = operand_def(VectorType)
    ptrs = operand_def(VectorType.constr(base(LLVMPointerType)))
    mask = operand_def(VectorType.constr(i1))
    alignment = prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$value `,` $ptrs `,` $mask attr-dict `:` type($value) `,` type($mask) `into` type($ptrs)"
    )

    def __init__(self, value: SSAValue, ptrs: SSAValue, mask: SSAValue, alignment: int):
        super().__init__(
            operands=[value, ptrs, mask],
            properties={"alignment": IntegerAttr(alignment, i32)},
        )


LLVM = replace_operations(
    upstream.LLVM,
    (
        FPToSIOp,
        FPToUIOp,
        UIToFPOp,
        ZeroOp,
        PoisonOp,
        FreezeOp,
        ExtractElementOp,
        SelectOp,
        FCmpOp,
        GEPOp,
        MaskedLoadOp,
        MaskedStoreOp,
        MaskedGatherOp,
        MaskedScatterOp,
    ),
)
