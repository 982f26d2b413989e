"""Integers in the order of elements: what sorts and running extrema compare.

Signed integers are their own keys. The bits of a float are in its order where it is positive, and
in the opposite one where it is negative; -0 has the key of 0, and every NaN the largest one.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Attribute, SSAValue

from fxlower.dialects import arith
from fxlower.dialects.build import BF16, F16, F32, F64, I1, I16, I32, I64, int_attr, is_float
from fxlower.passes.loop_builder import LoopBuilder, bits_of

_BITS: dict[Attribute, Attribute] = {F16: I16, BF16: I16, F32: I32, F64: I64}
_INTEGER_PREDICATES = {n: int_attr(i) for i, n in enumerate(arith.CMPI_COMPARISON_OPERATIONS)}
_FLOAT_PREDICATES = {n: int_attr(i) for i, n in enumerate(arith.CMPF_COMPARISON_OPERATIONS)}


@dataclass(frozen=True)
class OrderKeys:
    """Keys of `element`, in ascending or descending order of the elements."""

    element: Attribute
    unsigned: bool = False
    descending: bool = False

    @property
    def bits(self) -> int:
        """How many low bits of a key differ; the others repeat the sign."""
        return bits_of(self.element)

    @property
    def type(self) -> Attribute:
        """Of a key, as signed integers compare."""
        return I64 if self.bits == 64 else I32

    def of(self, at: LoopBuilder, x: SSAValue) -> SSAValue:
        """The key of the element `x`."""
        if self.element == I1:
            key = at.op(arith.ExtUIOp, (x,), self.type)
        elif is_float(self.element):
            key = self._of_float(at, x)
        else:
            if self.unsigned:
                sign = at.constant(-(1 << (self.bits - 1)), self.element)
                x = at.op(arith.XOrIOp, (x, sign), self.element)
            key = self._extended(at, x)
        if self.descending:
            key = at.op(arith.XOrIOp, (key, at.constant(-1, self.type)), self.type)
        return key

    def _extended(self, at: LoopBuilder, x: SSAValue) -> SSAValue:
        return x if x.type == self.type else at.op(arith.ExtSIOp, (x,), self.type)

    def _of_float(self, at: LoopBuilder, x: SSAValue) -> SSAValue:
        type_, largest = self.type, (1 << (self.bits - 1)) - 1
        raw = self._extended(at, at.op(arith.BitcastOp, (x,), _BITS[self.element]))
        value = x if self.bits >= 32 else at.op(arith.ExtFOp, (x,), F32)
        sign = at.op(arith.ShRSIOp, (raw, at.constant(self.bits - 1, type_)), type_)
        flips = at.op(arith.AndIOp, (sign, at.constant(largest, type_)), type_)
        key = at.op(arith.XOrIOp, (raw, flips), type_)
        zero = at.constant(0.0, value.type)
        for predicate, other, number in (("oeq", zero, 0), ("uno", value, largest)):
            condition = compare(at, predicate, value, other)
            key = at.op(arith.SelectOp, (condition, at.constant(number, type_), key), type_)
        return key


def compare(at: LoopBuilder, predicate: str, a: SSAValue, b: SSAValue) -> SSAValue:
    """`arith.cmpf` or `arith.cmpi` of two values of one type."""
    if is_float(a.type):
        return at.op(arith.CmpfOp, (a, b), I1, {"predicate": _FLOAT_PREDICATES[predicate]})
    return at.op(arith.CmpiOp, (a, b), I1, {"predicate": _INTEGER_PREDICATES[predicate]})
