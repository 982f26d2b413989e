"""A notation for expansions: Python operators that build `arith` on scalars and vectors alike.

x = e.argument(op.operand)
n = e.round_to_integer(x * LOG2_E)
r = e.fma(n, -LN2_HIGH, x)
y = e.polynomial(r, (1 / 24, 1 / 6, 0.5, 1.0, 1.0))
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from xdsl.dialects import math
from xdsl.dialects.builtin import FloatAttr, IndexType, IntegerType, VectorType
from xdsl.ir import Attribute, Block, Operation, SSAValue

from fxlower.dialects import arith, vector
from fxlower.dialects.arith import element_of, with_element
from fxlower.dialects.build import F32, F64, I1, I32, I64, emit1, int_attr, splat
from fxlower.targets.spec import TargetSpec

T = TypeVar("T")

_constants: dict[tuple[str, Attribute], Attribute] = {}


def constant_attr(value: float | int, type_: Attribute) -> Attribute:
    """A finite number as the value of an `arith.constant` of a scalar or vector type."""
    key = (repr(value), type_)
    attr = _constants.get(key)
    if attr is None:
        if isinstance(type_, VectorType):
            attr = splat(value, type_)
        elif isinstance(type_, IntegerType | IndexType):
            attr = int_attr(int(value), type_)
        else:
            attr = FloatAttr(value, type_)  # type: ignore[arg-type]
        _constants[key] = attr
    return attr


_shared_types: dict[Attribute, Attribute] = {}

Constants = dict[tuple[str, int], SSAValue]
"""The constants of a block, by the text of the number and the identity of the type."""


class Expr:
    """A value in a formula. Mixed with numbers, those become constants of its type."""

    __slots__ = ("e", "value")

    def __init__(self, e: Expression, value: SSAValue):
        self.e = e
        self.value = value

    def __add__(self, other: Operand) -> Expr:
        return self.e.binary(arith.AddfOp, arith.AddiOp, self, other)

    def __sub__(self, other: Operand) -> Expr:
        return self.e.binary(arith.SubfOp, arith.SubiOp, self, other)

    def __mul__(self, other: Operand) -> Expr:
        return self.e.binary(arith.MulfOp, arith.MuliOp, self, other)

    def __truediv__(self, other: Operand) -> Expr:
        return self.e.binary(arith.DivfOp, None, self, other)

    def __radd__(self, other: float) -> Expr:
        return self.e.like(other, self) + self

    def __rsub__(self, other: float) -> Expr:
        return self.e.like(other, self) - self

    def __rmul__(self, other: float) -> Expr:
        return self.e.like(other, self) * self

    def __rtruediv__(self, other: float) -> Expr:
        return self.e.like(other, self) / self

    def __neg__(self) -> Expr:
        return self.e.op(arith.NegfOp, (self,))

    def __and__(self, other: Operand) -> Expr:
        return self.e.binary(None, arith.AndIOp, self, other)

    def __or__(self, other: Operand) -> Expr:
        return self.e.binary(None, arith.OrIOp, self, other)

    def __xor__(self, other: Operand) -> Expr:
        return self.e.binary(None, arith.XOrIOp, self, other)

    def __lshift__(self, bits: int) -> Expr:
        return self.e.binary(None, arith.ShLIOp, self, bits)

    def __rshift__(self, bits: int) -> Expr:
        """Arithmetic shift."""
        return self.e.binary(None, arith.ShRSIOp, self, bits)

    def logical_shift(self, bits: int) -> Expr:
        return self.e.binary(None, arith.ShRUIOp, self, bits)

    # Comparisons are ordered, so false for a NaN. `==` stays Python's.

    def __lt__(self, other: Operand) -> Expr:
        return self.e.compare("olt", "slt", self, other)

    def __le__(self, other: Operand) -> Expr:
        return self.e.compare("ole", "sle", self, other)

    def __gt__(self, other: Operand) -> Expr:
        return self.e.compare("ogt", "sgt", self, other)

    def __ge__(self, other: Operand) -> Expr:
        return self.e.compare("oge", "sge", self, other)

    def equals(self, other: Operand) -> Expr:
        return self.e.compare("oeq", "eq", self, other)

    def differs(self, other: Operand) -> Expr:
        """Also true for a NaN."""
        return self.e.compare("une", "ne", self, other)

    def unordered(self, other: Operand) -> Expr:
        """Whether either is a NaN."""
        return self.e.compare("uno", None, self, other)


Operand = Expr | float | int


class Expression:
    """Builds one expansion at the end of `block`, in floats of `type_`, scalar or vector."""

    def __init__(
        self,
        block: Block,
        type_: Attribute,
        *,
        target: TargetSpec,
        constants: Constants,
    ):
        type_ = _shared_types.setdefault(type_, type_)
        self.block = block
        self.type = type_
        self.element = element_of(type_)
        self.format = FORMATS[self.element]
        self.target = target
        self.has_fma = target.fma
        self.constants = constants
        self.integer_type = with_element(type_, I32 if self.element == F32 else I64)

    def with_floats(self, element: Attribute) -> Expression:
        """The same place and shape, computing in another float type."""
        return Expression(
            self.block,
            with_element(self.type, element),
            target=self.target,
            constants=self.constants,
        )

    def in_block(self, block: Block) -> Expression:
        """The same computation at the end of another block."""
        return Expression(block, self.type, target=self.target, constants={})

    def pick(self, choices: Mapping[Attribute, T]) -> T:
        """Of numbers for each float type, those of this one."""
        return choices[self.element]

    # --------------------------------------------------------------------------- building

    def argument(self, value: SSAValue) -> Expr:
        return Expr(self, value)

    def op(
        self,
        cls: type[Operation],
        operands: Sequence[Expr],
        type_: Attribute | None = None,
        properties: dict[str, Attribute] | None = None,
    ) -> Expr:
        values = [o.value for o in operands]
        result = type_ if type_ is not None else values[0].type
        return Expr(self, emit1(self.block, cls, values, result, properties))

    def binary(
        self,
        float_class: type[Operation] | None,
        integer_class: type[Operation] | None,
        lhs: Expr,
        rhs: Operand,
    ) -> Expr:
        cls = integer_class if _is_integer(lhs.value.type) else float_class
        assert cls is not None
        return self.op(cls, (lhs, self.like(rhs, lhs)))

    def compare(self, floats: str, integers: str | None, lhs: Expr, rhs: Operand) -> Expr:
        type_ = lhs.value.type
        operands = (lhs, self.like(rhs, lhs))
        if _is_integer(type_):
            assert integers is not None
            predicate, cls = arith.CMPI_COMPARISON_OPERATIONS.index(integers), arith.CmpiOp
        else:
            predicate, cls = arith.CMPF_COMPARISON_OPERATIONS.index(floats), arith.CmpfOp
        properties: dict[str, Attribute] = {"predicate": int_attr(predicate)}
        return self.op(cls, operands, with_element(type_, I1), properties)

    def constant(self, value: float | int, type_: Attribute) -> Expr:
        key = (repr(value), id(type_))  # the text tells -0.0 from 0.0, and 1.0 from 1
        known = self.constants.get(key)
        if known is None:
            properties = {"value": constant_attr(value, type_)}
            known = emit1(self.block, arith.ConstantOp, (), type_, properties)
            self.constants[key] = known
        return Expr(self, known)

    def like(self, value: Operand, other: Expr) -> Expr:
        return value if isinstance(value, Expr) else self.constant(value, other.value.type)

    # -------------------------------------------------------------------------- functions

    def fma(self, a: Expr, b: Operand, c: Operand) -> Expr:
        """a * b + c, rounded once where the target can."""
        b, c = self.like(b, a), self.like(c, a)
        if self.has_fma:
            return self.op(math.FmaOp, (a, b, c))
        return a * b + c

    def two_sum(self, a: Expr, b: Expr) -> tuple[Expr, Expr]:
        """a + b, and what rounding took from it (Knuth)."""
        total = a + b
        part = total - a
        return total, (a - (total - part)) + (b - part)

    def fast_two_sum(self, a: Expr, b: Expr) -> tuple[Expr, Expr]:
        """The same for |a| >= |b| (Dekker)."""
        total = a + b
        return total, b - (total - a)

    def two_product(self, a: Expr, b: Operand) -> tuple[Expr, Expr]:
        """a * b, and what rounding took from it; without `fma` by Dekker's halves of the digits."""
        b = self.like(b, a)
        product = a * b
        if self.has_fma:
            return product, self.fma(a, b, -product)
        (ah, al), (bh, bl) = self._halves(a), self._halves(b)
        return product, ((ah * bh - product) + ah * bl + al * bh) + al * bl

    def _halves(self, x: Expr) -> tuple[Expr, Expr]:
        high = self.from_bits(self.bits(x) & (-1 << (self.format.mantissa_bits // 2 + 1)))
        return high, x - high

    def polynomial(self, x: Expr, coefficients: Sequence[float]) -> Expr:
        """Horner's rule, the coefficient of the highest power first."""
        result = self.like(coefficients[0], x)
        for coefficient in coefficients[1:]:
            result = self.fma(result, x, coefficient)
        return result

    def select(self, condition: Expr, then: Operand, otherwise: Operand) -> Expr:
        if not isinstance(then, Expr):
            assert isinstance(otherwise, Expr)
            then = self.like(then, otherwise)
        return self.op(
            arith.SelectOp, (condition, then, self.like(otherwise, then)), then.value.type
        )

    def any(self, condition: Expr) -> Expr:
        """Whether it holds in any lane."""
        if not isinstance(condition.value.type, VectorType):
            return condition
        kind = vector.CombiningKindAttr(vector.CombiningKindFlag.OR)
        properties: dict[str, Attribute] = {"kind": kind}
        return self.op(vector.ReductionOp, (condition,), I1, properties)

    def clamp(self, x: Expr, low: float, high: float) -> Expr:
        """x within [low, high]; a NaN stays one."""
        return self.at_least(self.at_most(x, high), low)

    def at_most(self, x: Expr, high: float) -> Expr:
        bound = self.like(high, x)
        return self.select(bound < x, bound, x)

    def at_least(self, x: Expr, low: float) -> Expr:
        bound = self.like(low, x)
        return self.select(bound > x, bound, x)

    def absolute(self, x: Expr) -> Expr:
        return self.op(math.AbsFOp, (x,))

    def sqrt(self, x: Expr) -> Expr:
        return self.op(math.SqrtOp, (x,))

    def trunc(self, x: Expr) -> Expr:
        return self.op(math.TruncOp, (x,))

    def copysign(self, magnitude: Expr, sign: Expr) -> Expr:
        return self.op(math.CopySignOp, (magnitude, sign))

    def bits(self, x: Expr) -> Expr:
        """The representation of floats as integers of the same width."""
        return self.op(arith.BitcastOp, (x,), self.integer_type)

    def from_bits(self, bits: Expr) -> Expr:
        return self.op(arith.BitcastOp, (bits,), self.type)

    def to_float(self, integers: Expr) -> Expr:
        return self.op(arith.SIToFPOp, (integers,), self.type)

    def inf(self) -> Expr:
        return self.from_bits(self.constant(self.format.exponent_mask, self.integer_type))

    def nan(self) -> Expr:
        f = self.format
        quiet = f.exponent_mask | 1 << (f.mantissa_bits - 1)
        return self.from_bits(self.constant(quiet, self.integer_type))

    def power_of_two(self, exponent: Expr) -> Expr:
        """2 ** exponent for integers that give a normal number."""
        f = self.format
        return self.from_bits((exponent + f.bias) << f.mantissa_bits)

    def with_sign_of(self, y: Expr, x: Expr) -> Expr:
        """y, negated where the sign bit of x is set."""
        return self.from_bits(self.bits(y) ^ (self.bits(x) & self.format.sign_mask))

    def round_to_integer(self, x: Expr) -> tuple[Expr, Expr]:
        """The nearest integer, as a float and as an integer, for x far smaller than 2 ** mantissa
        bits: adding 1.5 * 2 ** mantissa bits leaves no room for a fraction."""
        f = self.format
        shifted = x + f.magic
        return shifted - f.magic, self.bits(shifted) - f.bits_of(f.magic)


def _is_integer(type_: Attribute) -> bool:
    return isinstance(element_of(type_), IntegerType)


class FloatFormat:
    """An IEEE format: the numbers that tricks with exponents need."""

    def __init__(self, code: str, mantissa_bits: int, bias: int):
        self.code = code
        self.mantissa_bits = mantissa_bits
        self.bias = bias
        self.exponent_mask = (2 * bias + 1) << mantissa_bits
        self.sign_bit = mantissa_bits + bias.bit_length() + 1
        self.sign_mask = -1 << self.sign_bit
        self.smallest_normal = 2.0 ** (1 - bias)
        self.magic = 1.5 * 2.0**mantissa_bits

    def bits_of(self, value: float) -> int:
        """The representation of `value`, as a signed integer."""
        integer = {"<f": "<i", "<d": "<q"}[self.code]
        return struct.unpack(integer, struct.pack(self.code, value))[0]


FORMATS: dict[Any, FloatFormat] = {
    F32: FloatFormat("<f", 23, 127),
    F64: FloatFormat("<d", 52, 1023),
}
