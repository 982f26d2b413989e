"""Rules for what `expand-math` leaves of `math`: instructions, and calls of libm lane by lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xdsl.dialects import math
from xdsl.ir import Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import llvm
from fxlower.dialects.arith import element_of
from fxlower.dialects.build import BF16, F32, F64, I1
from fxlower.passes.to_llvm.arith import fastmath_of, suffix
from fxlower.passes.to_llvm.builder import FunctionBuilder
from fxlower.passes.to_llvm.types import convert_type, lanes_of

Rule = Callable[[FunctionBuilder, Any], None]


def _intrinsic(name: str) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        operands = [b.value(o) for o in op._operands]
        type_ = operands[0].type
        b.values[op.results[0]] = b.intrinsic(
            name + suffix(type_), operands, type_, fastmath_of(op)
        )

    return rule


def _intrinsic_with_flag(name: str) -> Rule:
    """Integer intrinsics with an `i1` that tells whether an exceptional operand is poison."""

    def rule(b: FunctionBuilder, op: Operation) -> None:
        value = b.value(op.operands[0])
        no = b.integer(0, I1)
        b.values[op.results[0]] = b.intrinsic(name + suffix(value.type), (value, no), value.type)

    return rule


def _rsqrt(b: FunctionBuilder, op: math.RsqrtOp) -> None:
    value = b.value(op.operand)
    root = b.intrinsic("sqrt" + suffix(value.type), (value,), value.type)
    b.values[op.result] = b.pure(llvm.FDivOp, (b.like(1.0, value.type), root), value.type)


def _call_intrinsic(b: FunctionBuilder, op: llvm.CallIntrinsicOp) -> None:
    """One that a pass chose for the target. It takes vectors of bf16 as such."""
    operands: list[SSAValue] = []
    for operand in op._operands:
        value, type_ = b.value(operand), operand.type
        if element_of(type_) == BF16:
            value = b.pure(llvm.BitcastOp, (value,), type_)
        operands.append(value)
    (result,) = op.results
    type_ = convert_type(result.type)
    b.values[result] = b.pure(llvm.CallIntrinsicOp, operands, type_, op.properties)


def _libm(name: str) -> Rule:
    """A call for each lane: right on every target, and slow."""

    def rule(b: FunctionBuilder, op: Operation) -> None:
        operands = [b.value(o) for o in op._operands]
        type_ = operands[0].type
        element = element_of(type_)
        if element not in (F32, F64):
            raise PassFailedException(
                f"convert-to-llvm: '{op.name}' computes in f32 or f64, got {op.operands[0].type}"
            )
        function = name + ("f" if element == F32 else "")

        def call(arguments: list[SSAValue]) -> SSAValue:
            result = b.call(function, arguments, element)
            assert result is not None
            return result

        lanes = lanes_of(type_)
        if lanes is None:
            b.values[op.results[0]] = call(operands)
            return
        result = b.poison(type_)
        for lane in range(lanes):
            at = b.integer(lane)
            elements = [
                b.pure(llvm.ExtractElementOp, (operand, at), element) for operand in operands
            ]
            result = b.pure(llvm.InsertElementOp, (result, call(elements), at), type_)
        b.values[op.results[0]] = result

    return rule


RULES: dict[type[Operation], Rule] = {
    math.FmaOp: _intrinsic("fma"),
    math.SqrtOp: _intrinsic("sqrt"),
    math.AbsFOp: _intrinsic("fabs"),
    math.FloorOp: _intrinsic("floor"),
    math.CeilOp: _intrinsic("ceil"),
    math.RoundEvenOp: _intrinsic("roundeven"),
    math.RoundOp: _intrinsic("round"),
    math.TruncOp: _intrinsic("trunc"),
    math.CopySignOp: _intrinsic("copysign"),
    math.CtPopOp: _intrinsic("ctpop"),
    math.AbsIOp: _intrinsic_with_flag("abs"),
    math.CountLeadingZerosOp: _intrinsic_with_flag("ctlz"),
    math.CountTrailingZerosOp: _intrinsic_with_flag("cttz"),
    math.RsqrtOp: _rsqrt,
    **{
        op: _libm(op.name.removeprefix("math."))
        for op in (
            math.AcosOp,
            math.AcoshOp,
            math.AsinOp,
            math.AsinhOp,
            math.AtanOp,
            math.Atan2Op,
            math.AtanhOp,
            math.CbrtOp,
            math.CosOp,
            math.CoshOp,
            math.ErfOp,
            math.ExpOp,
            math.Exp2Op,
            math.ExpM1Op,
            math.LogOp,
            math.Log10Op,
            math.Log1pOp,
            math.Log2Op,
            math.SinOp,
            math.SinhOp,
            math.TanOp,
            math.TanhOp,
        )
    },
    math.PowFOp: _libm("pow"),
    llvm.CallIntrinsicOp: _call_intrinsic,
}
