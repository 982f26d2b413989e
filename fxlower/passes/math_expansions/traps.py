"""Operations that may fail at run time: they go on with a safe value and store to `%trap`.

%safe = fxt.nonzero_divisor %d        %zero = arith.cmpi eq, %d, %c0
                                      %safe = arith.select %zero, %c1, %d
                                      scf.if %zero { memref.store %c2, %trap[%c0] }
"""

from __future__ import annotations

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import IndexType, UnitAttr, VectorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, llvm, vector
from fxlower.dialects.arith import element_of
from fxlower.dialects.build import I1, I64, INDEX, dim_of, emit, emit1, int_attr, splat
from fxlower.dialects.fxt import NonzeroDivisorOp, NormalizeIndexOp
from fxlower.passes.materialize_dims import DimEmitter, symbol_arguments

INDEX_TRAP = 1
DIVISOR_TRAP = 2


def nonzero_divisor(block: Block, function: FuncOp, op: NonzeroDivisorOp) -> SSAValue:
    value = op.operands[0]
    zero = _compare(block, "eq", value, _integer(block, 0, value))
    _trap(block, function, zero, DIVISOR_TRAP)
    return emit1(block, arith.SelectOp, (zero, _integer(block, 1, value), value), value.type)


def normalize_index(block: Block, function: FuncOp, op: NormalizeIndexOp) -> SSAValue:
    value = op.input
    dims = DimEmitter(block, symbol_arguments(function))
    size = _like(block, dims.value(dim_of(op.size)), value)
    zero = _integer(block, 0, value)
    negative = _compare(block, "slt", value, zero)
    from_end = emit1(block, arith.AddiOp, (value, size), value.type)
    wrapped = emit1(block, arith.SelectOp, (negative, from_end, value), value.type)
    outside = _compare(block, "uge", wrapped, size)
    _trap(block, function, outside, INDEX_TRAP)
    return emit1(block, arith.SelectOp, (outside, zero, wrapped), value.type)


def _compare(block: Block, predicate: str, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    number = arith.CMPI_COMPARISON_OPERATIONS.index(predicate)
    type_ = arith.with_element(lhs.type, I1)
    return emit1(block, arith.CmpiOp, (lhs, rhs), type_, {"predicate": int_attr(number)})


def _integer(block: Block, number: int, like: SSAValue) -> SSAValue:
    type_ = like.type
    value = splat(number, type_) if isinstance(type_, VectorType) else int_attr(number, type_)
    return emit1(block, arith.ConstantOp, (), type_, {"value": value})


def _like(block: Block, size: SSAValue, like: SSAValue) -> SSAValue:
    """A size, of type `index`, in the type of `like`."""
    element = element_of(like.type)
    if not isinstance(element, IndexType):
        size = emit1(block, arith.IndexCastOp, (size,), element)
    if isinstance(like.type, VectorType):
        size = emit1(block, vector.BroadcastOp, (size,), like.type)
    return size


def _trap(block: Block, function: FuncOp, failed: SSAValue, code: int) -> None:
    """Store `code` if `failed` in any lane. Threads may store at once: any code will do."""
    if isinstance(failed.type, VectorType):
        properties = {"kind": vector.CombiningKindAttr(vector.CombiningKindFlag.OR)}
        failed = emit1(block, vector.ReductionOp, (failed,), I1, properties)
    inside = Block()
    value = emit1(inside, arith.ConstantOp, (), I64, {"value": int_attr(code, I64)})
    zero = emit1(inside, arith.ConstantOp, (), INDEX, {"value": int_attr(0, INDEX)})
    emit(inside, memref.StoreOp, (value, _trap_argument(function), zero))
    emit(inside, scf.YieldOp)
    rare = {llvm.RARE: UnitAttr()}
    emit(block, scf.IfOp, (failed,), regions=(Region(inside), Region()), attributes=rare)


def _trap_argument(function: FuncOp) -> SSAValue:
    if function.arg_attrs is not None:
        for argument, attributes in zip(function.body.block.args, function.arg_attrs):
            if "fxt.trap" in attributes.data:
                return argument
    raise PassFailedException(
        f"expand-math: @{function.sym_name.data} may trap and needs an argument"
        " %trap: memref<1xi64> {fxt.trap}"
    )
