"""Rules for `arith`. All are pure, and hold for scalars and vectors alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float64Type, IntegerType, VectorType
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, llvm
from fxlower.dialects.arith import element_of, with_element
from fxlower.dialects.build import BF16, F32, I1, I16, I32, I64, cached_by_identity, int_attr
from fxlower.passes.to_llvm.builder import FunctionBuilder
from fxlower.passes.to_llvm.types import convert_constant, convert_type, lanes_of

Rule = Callable[[FunctionBuilder, Any], None]

_FASTMATH: dict[Attribute, Attribute] = {}


def fastmath_of(op: Operation) -> Attribute:
    """The fast-math flags of an `arith` or `vector` op as those of `llvm`."""
    flags = op.properties.get("fastmath")
    if flags is None or flags is arith.NO_FASTMATH or not flags.data:  # type: ignore[attr-defined]
        return llvm.NO_FASTMATH
    if flags not in _FASTMATH:
        _FASTMATH[flags] = llvm.FastMathAttr(flags.data)  # type: ignore[attr-defined]
    return _FASTMATH[flags]


@cached_by_identity
def suffix(type_: Attribute) -> str:
    """How a type ends the name of an intrinsic: `.v16f32`."""
    if isinstance(type_, VectorType):
        return f".v{type_.get_shape()[0]}{type_.element_type}"
    return f".{type_}"


def _operands(b: FunctionBuilder, op: Operation) -> list[SSAValue]:
    return [b.value(o) for o in op._operands]


def _integer_binary(cls: type[Operation]) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        lhs, rhs = _operands(b, op)
        b.values[op.results[0]] = b.pure(cls, (lhs, rhs), lhs.type)

    return rule


def _addi(b: FunctionBuilder, op: arith.AddiOp) -> None:
    lhs, rhs = _operands(b, op)
    b.values[op.results[0]] = (
        b.add(lhs, rhs) if lhs.type == I64 else b.pure(llvm.AddOp, (lhs, rhs), lhs.type)
    )


def _muli(b: FunctionBuilder, op: arith.MuliOp) -> None:
    lhs, rhs = _operands(b, op)
    b.values[op.result] = (
        b.mul(lhs, rhs) if lhs.type == I64 else b.pure(llvm.MulOp, (lhs, rhs), lhs.type)
    )


def _float_binary(cls: type[Operation]) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        lhs, rhs = _operands(b, op)
        properties = {"fastmathFlags": fastmath_of(op)}
        b.values[op.results[0]] = b.pure(cls, (lhs, rhs), lhs.type, properties)

    return rule


def _intrinsic(name: str) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        operands = _operands(b, op)
        type_ = operands[0].type
        b.values[op.results[0]] = b.intrinsic(
            name + suffix(type_), operands, type_, fastmath_of(op)
        )

    return rule


def _cast(cls: type[Operation]) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        b.values[op.results[0]] = b.pure(cls, _operands(b, op), convert_type(op.results[0].type))

    return rule


def _constant(b: FunctionBuilder, op: arith.ConstantOp) -> None:
    value = convert_constant(op.properties["value"])
    (result,) = op.results
    b.values[result] = b.constant(value, convert_type(result.type))


def _negf(b: FunctionBuilder, op: arith.NegfOp) -> None:
    (operand,) = _operands(b, op)
    properties = {"fastmathFlags": fastmath_of(op)}
    b.values[op.result] = b.pure(llvm.FNegOp, (operand,), operand.type, properties)


def _compare(cls: type[Operation]) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        lhs, rhs = _operands(b, op)
        properties = {"predicate": op.properties["predicate"]}
        if cls is llvm.FCmpOp:
            properties["fastmathFlags"] = fastmath_of(op)
        b.values[op.results[0]] = b.pure(cls, (lhs, rhs), with_element(lhs.type, I1), properties)

    return rule


def compare_integers(b: FunctionBuilder, predicate: str, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    number = llvm.ICmpPredicateFlag(predicate).to_int()
    return b.pure(
        llvm.ICmpOp, (lhs, rhs), with_element(lhs.type, I1), {"predicate": int_attr(number)}
    )


def compare_floats(b: FunctionBuilder, predicate: str, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
    number = llvm.FCmpPredicateFlag(predicate).to_int()
    return b.pure(
        llvm.FCmpOp, (lhs, rhs), with_element(lhs.type, I1), {"predicate": int_attr(number)}
    )


def select(
    b: FunctionBuilder, condition: SSAValue, then: SSAValue, otherwise: SSAValue
) -> SSAValue:
    return b.pure(llvm.SelectOp, (condition, then, otherwise), then.type)


def _select(b: FunctionBuilder, op: arith.SelectOp) -> None:
    b.values[op.result] = select(b, *_operands(b, op))


# --------------------------------------------------------------------------------- divisions


def _constant_divisor(b: FunctionBuilder, divisor: SSAValue) -> bool:
    """Whether the divisor is known to be neither 0 nor -1 in any lane."""
    owner = divisor.owner
    if not isinstance(owner, llvm.ConstantOp):
        return False
    value = owner.value
    numbers = (
        (value.value.data,) if isinstance(value, llvm.IntegerAttr) else value.get_values()  # type: ignore[union-attr]
    )
    return all(n not in (0, -1) for n in numbers)


def divide(b: FunctionBuilder, lhs: SSAValue, rhs: SSAValue, *, signed: bool) -> SSAValue:
    """Quotient towards zero. The hardware stops the process for a divisor of 0 and for the
    least number divided by -1: the former gives lhs, the latter wraps around."""
    type_ = lhs.type
    cls = llvm.SDivOp if signed else llvm.UDivOp
    if _constant_divisor(b, rhs):
        return b.pure(cls, (lhs, rhs), type_)
    one = b.like(1, type_)
    if not signed:
        zero = compare_integers(b, "eq", rhs, b.like(0, type_))
        return b.pure(cls, (lhs, select(b, zero, one, rhs)), type_)
    quotient = b.pure(cls, (lhs, _safe_divisor(b, rhs)), type_)
    minus_one = compare_integers(b, "eq", rhs, b.like(-1, type_))
    negated = b.pure(llvm.SubOp, (b.like(0, type_), lhs), type_)
    return select(b, minus_one, negated, quotient)


def remainder(b: FunctionBuilder, lhs: SSAValue, rhs: SSAValue, *, signed: bool) -> SSAValue:
    """Remainder with the sign of lhs; 0 for a divisor of 0."""
    type_ = lhs.type
    cls = llvm.SRemOp if signed else llvm.URemOp
    if _constant_divisor(b, rhs):
        return b.pure(cls, (lhs, rhs), type_)
    if signed:
        return b.pure(cls, (lhs, _safe_divisor(b, rhs)), type_)
    zero = compare_integers(b, "eq", rhs, b.like(0, type_))
    return b.pure(cls, (lhs, select(b, zero, b.like(1, type_), rhs)), type_)


def _safe_divisor(b: FunctionBuilder, divisor: SSAValue) -> SSAValue:
    """The divisor, or 1 where it is 0 or -1."""
    one = b.like(1, divisor.type)
    above = b.pure(llvm.AddOp, (divisor, one), divisor.type)
    unsafe = compare_integers(b, "ult", above, b.like(2, divisor.type))
    return select(b, unsafe, one, divisor)


def _division(compute: Callable[..., SSAValue], *, signed: bool) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        lhs, rhs = _operands(b, op)
        b.values[op.results[0]] = compute(b, lhs, rhs, signed=signed)

    return rule


def _rounded_division(*, up: bool) -> Rule:
    """Signed quotient towards minus or plus infinity: one less or more than that towards zero
    when it does not come out and has that sign."""

    def rule(b: FunctionBuilder, op: Operation) -> None:
        lhs, rhs = _operands(b, op)
        type_ = lhs.type
        quotient = divide(b, lhs, rhs, signed=True)
        product = b.pure(llvm.MulOp, (quotient, rhs), type_)
        inexact = compare_integers(b, "ne", product, lhs)
        signs = b.pure(llvm.XOrOp, (lhs, rhs), type_)
        wanted = compare_integers(b, "sge" if up else "slt", signs, b.like(0, type_))
        step = b.pure(llvm.AndOp, (inexact, wanted), inexact.type)
        stepped = b.pure(llvm.AddOp, (quotient, b.like(1 if up else -1, type_)), type_)
        b.values[op.results[0]] = select(b, step, stepped, quotient)

    return rule


def _ceildivui(b: FunctionBuilder, op: Operation) -> None:
    lhs, rhs = _operands(b, op)
    type_ = lhs.type
    quotient = divide(b, lhs, rhs, signed=False)
    product = b.pure(llvm.MulOp, (quotient, rhs), type_)
    inexact = compare_integers(b, "ne", product, lhs)
    stepped = b.pure(llvm.AddOp, (quotient, b.like(1, type_)), type_)
    b.values[op.results[0]] = select(b, inexact, stepped, quotient)


# ------------------------------------------------------------------------------ float extremes


def extreme(b: FunctionBuilder, lhs: SSAValue, rhs: SSAValue, *, maximum: bool) -> SSAValue:
    """The larger or smaller one; NaN if either is. Zeros of unlike sign compare equal, as in
    torch. On x86, LLVM's own `llvm.maximum` takes 6 or 7 instructions, this one 3, and 1 where
    one side is a constant: `a > b ? a : b` is `vmaxps`, which gives b if either is NaN. The sum
    is NaN as well, but of two selections of the same value LLVM would make a slower one."""
    name = "maximum" if maximum else "minimum"
    if not b.module.target.triple.startswith("x86"):
        return b.intrinsic(name + suffix(lhs.type), (lhs, rhs), lhs.type)
    if isinstance(rhs.owner, llvm.ConstantOp):
        lhs, rhs = rhs, lhs
    predicate = "ogt" if maximum else "olt"
    if isinstance(lhs.owner, llvm.ConstantOp) and not _has_nan(lhs.owner.value):
        return select(b, compare_floats(b, predicate, lhs, rhs), lhs, rhs)
    chosen = select(b, compare_floats(b, predicate, rhs, lhs), rhs, lhs)
    twice = b.pure(llvm.FAddOp, (rhs, rhs), rhs.type, {"fastmathFlags": llvm.NO_FASTMATH})
    return select(b, compare_floats(b, "uno", rhs, rhs), twice, chosen)


def _has_nan(value: Any) -> bool:
    if isinstance(value, llvm.FloatAttr):
        return value.value.data != value.value.data
    return any(v != v for v in value.get_values())


def _extreme(*, maximum: bool) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        lhs, rhs = _operands(b, op)
        b.values[op.results[0]] = extreme(b, lhs, rhs, maximum=maximum)

    return rule


# -------------------------------------------------------------------------------- conversions


def _extf(b: FunctionBuilder, op: arith.ExtFOp) -> None:
    (value,) = _operands(b, op)
    type_ = convert_type(op.result.type)
    if isinstance(element_of(op.input.type), BFloat16Type):
        bits32 = with_element(type_, I32)
        wide = b.pure(llvm.ZExtOp, (value,), bits32)
        high = b.pure(llvm.ShlOp, (wide, b.like(16, bits32)), bits32)
        value = b.pure(llvm.BitcastOp, (high,), with_element(type_, F32))
    extended = value if value.type == type_ else b.pure(llvm.FPExtOp, (value,), type_)
    b.values[op.result] = extended


def _truncf(b: FunctionBuilder, op: arith.TruncFOp) -> None:
    (value,) = _operands(b, op)
    target = element_of(op.result.type)
    single = with_element(value.type, F32)
    if isinstance(element_of(value.type), Float64Type):
        # torch rounds twice where the result has 16 bits, through float.
        value = b.pure(llvm.FPTruncOp, (value,), single)
    if isinstance(target, BFloat16Type):
        value = _round_to_bf16(b, value)
    elif target != F32:
        value = b.pure(llvm.FPTruncOp, (value,), with_element(value.type, target))
    b.values[op.result] = value


_DENORMAL = 0x20


def _round_to_bf16(b: FunctionBuilder, value: SSAValue) -> SSAValue:
    """To nearest even. The instruction of AVX512-BF16 makes denormal numbers zero, which torch does
    not: vectors that have some take a branch."""
    if not b.module.target.avx512_bf16 or lanes_of(value.type) != 16:
        return _round_to_bf16_in_integers(b, value)
    type_ = with_element(value.type, I16)
    name = "x86.avx512.fpclass.ps.512"
    kind = b.integer(_DENORMAL, I32)
    found = b.intrinsic(name, (value, kind), with_element(type_, I1))
    bits = b.pure(llvm.BitcastOp, (found,), I16)
    rare = compare_integers(b, "ne", bits, b.integer(0, I16))
    name = "x86.avx512bf16.cvtneps2bf16.512"
    usual = b.intrinsic(name, (value,), with_element(type_, BF16))
    usual = b.pure(llvm.BitcastOp, (usual,), type_)
    slow, after = Block(), Block(arg_types=[type_])
    b.push(slow, barrier=True)
    b.branch(after, (_round_to_bf16_in_integers(b, value),))
    b.pop()
    b.conditional_branch(rare, (slow, ()), (after, (usual,)), rare=True)
    b.block = after
    b.define(after)
    return after.args[0]


def _round_to_bf16_in_integers(b: FunctionBuilder, value: SSAValue) -> SSAValue:
    bits32 = with_element(value.type, I32)
    bits = b.pure(llvm.BitcastOp, (value,), bits32)
    high = b.pure(llvm.LShrOp, (bits, b.like(16, bits32)), bits32)
    odd = b.pure(llvm.AndOp, (high, b.like(1, bits32)), bits32)
    biased = b.pure(llvm.AddOp, (bits, b.like(0x7FFF, bits32)), bits32)
    rounded = b.pure(llvm.AddOp, (biased, odd), bits32)
    kept = b.pure(llvm.LShrOp, (rounded, b.like(16, bits32)), bits32)
    nan = compare_floats(b, "uno", value, value)
    result = select(b, nan, b.like(0x7FC0, bits32), kept)
    return b.pure(llvm.TruncOp, (result,), with_element(value.type, I16))


def _to_integer(cls: type[Operation]) -> Rule:
    """The value of a float that does not fit is poison to LLVM, and whatever the instruction
    gives to torch: `freeze` keeps it at the latter. Narrow integers go through i32, as in C."""

    def rule(b: FunctionBuilder, op: Operation) -> None:
        (value,) = _operands(b, op)
        type_ = convert_type(op.results[0].type)
        element = element_of(type_)
        assert isinstance(element, IntegerType)
        if isinstance(element_of(value.type), Float16Type):
            value = b.pure(llvm.FPExtOp, (value,), with_element(type_, F32))
        narrow = element.width.data < 32
        wide = with_element(type_, I32) if narrow else type_
        opcode = llvm.FPToSIOp if narrow else cls
        converted = b.pure(llvm.FreezeOp, (b.pure(opcode, (value,), wide),), wide)
        b.values[op.results[0]] = b.pure(llvm.TruncOp, (converted,), type_) if narrow else converted

    return rule


def resized(b: FunctionBuilder, value: SSAValue, type_: Attribute, *, signed: bool) -> SSAValue:
    """An integer with more, fewer or equally many bits."""
    source, target = element_of(value.type), element_of(type_)
    assert isinstance(source, IntegerType) and isinstance(target, IntegerType)
    if source.width.data == target.width.data:
        return value
    if source.width.data > target.width.data:
        return b.pure(llvm.TruncOp, (value,), type_)
    number = b.numbers.get(value)
    if number is not None and (signed or number >= 0):
        return b.integer(number, type_)
    return b.pure(llvm.SExtOp if signed else llvm.ZExtOp, (value,), type_)


def _index_cast(*, signed: bool) -> Rule:
    def rule(b: FunctionBuilder, op: Operation) -> None:
        (value,) = _operands(b, op)
        b.values[op.results[0]] = resized(b, value, convert_type(op.results[0].type), signed=signed)

    return rule


def _bitcast(b: FunctionBuilder, op: arith.BitcastOp) -> None:
    (value,) = _operands(b, op)
    type_ = convert_type(op.result.type)
    if type_ == llvm.PTR:
        raise PassFailedException("convert-to-llvm: arith.bitcast of a memref is not supported")
    b.values[op.result] = value if value.type == type_ else b.pure(llvm.BitcastOp, (value,), type_)


def _extended_multiplication(extend: type[Operation]) -> Rule:
    """The low and the high half of a product of twice the width."""

    def rule(b: FunctionBuilder, op: Operation) -> None:
        lhs, rhs = _operands(b, op)
        type_ = lhs.type
        element = element_of(type_)
        assert isinstance(element, IntegerType)
        bits = element.width.data
        wide = with_element(type_, IntegerType(2 * bits))
        product = b.pure(
            llvm.MulOp, (b.pure(extend, (lhs,), wide), b.pure(extend, (rhs,), wide)), wide
        )
        shifted = b.pure(llvm.LShrOp, (product, b.like(bits, wide)), wide)
        b.values[op.results[0]] = b.pure(llvm.TruncOp, (product,), type_)
        b.values[op.results[1]] = b.pure(llvm.TruncOp, (shifted,), type_)

    return rule


RULES: dict[type[Operation], Rule] = {
    arith.ConstantOp: _constant,
    arith.AddiOp: _addi,
    arith.SubiOp: _integer_binary(llvm.SubOp),
    arith.MuliOp: _muli,
    arith.DivSIOp: _division(divide, signed=True),
    arith.DivUIOp: _division(divide, signed=False),
    arith.RemSIOp: _division(remainder, signed=True),
    arith.RemUIOp: _division(remainder, signed=False),
    arith.FloorDivSIOp: _rounded_division(up=False),
    arith.CeilDivSIOp: _rounded_division(up=True),
    arith.CeilDivUIOp: _ceildivui,
    arith.MulUIExtendedOp: _extended_multiplication(llvm.ZExtOp),
    arith.MulSIExtendedOp: _extended_multiplication(llvm.SExtOp),
    arith.AndIOp: _integer_binary(llvm.AndOp),
    arith.OrIOp: _integer_binary(llvm.OrOp),
    arith.XOrIOp: _integer_binary(llvm.XOrOp),
    arith.ShLIOp: _integer_binary(llvm.ShlOp),
    arith.ShRUIOp: _integer_binary(llvm.LShrOp),
    arith.ShRSIOp: _integer_binary(llvm.AShrOp),
    arith.MinSIOp: _intrinsic("smin"),
    arith.MaxSIOp: _intrinsic("smax"),
    arith.MinUIOp: _intrinsic("umin"),
    arith.MaxUIOp: _intrinsic("umax"),
    arith.AddfOp: _float_binary(llvm.FAddOp),
    arith.SubfOp: _float_binary(llvm.FSubOp),
    arith.MulfOp: _float_binary(llvm.FMulOp),
    arith.DivfOp: _float_binary(llvm.FDivOp),
    arith.RemfOp: _float_binary(llvm.FRemOp),
    arith.NegfOp: _negf,
    arith.MaximumfOp: _extreme(maximum=True),
    arith.MinimumfOp: _extreme(maximum=False),
    arith.MaxnumfOp: _intrinsic("maxnum"),
    arith.MinnumfOp: _intrinsic("minnum"),
    arith.CmpiOp: _compare(llvm.ICmpOp),
    arith.CmpfOp: _compare(llvm.FCmpOp),
    arith.SelectOp: _select,
    arith.ExtFOp: _extf,
    arith.TruncFOp: _truncf,
    arith.FPToSIOp: _to_integer(llvm.FPToSIOp),
    arith.FPToUIOp: _to_integer(llvm.FPToUIOp),
    arith.SIToFPOp: _cast(llvm.SIToFPOp),
    arith.UIToFPOp: _cast(llvm.UIToFPOp),
    arith.ExtSIOp: _cast(llvm.SExtOp),
    arith.ExtUIOp: _cast(llvm.ZExtOp),
    arith.TruncIOp: _cast(llvm.TruncOp),
    arith.IndexCastOp: _index_cast(signed=True),
    arith.IndexCastUIOp: _index_cast(signed=False),
    arith.BitcastOp: _bitcast,
}
