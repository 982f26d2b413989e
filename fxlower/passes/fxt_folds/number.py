"""Scalar arithmetic at compile time, exactly as the machine would do it.

Numbers are Python `int` (bool: 0 or 1) and `float`. f32 operations are done in double and rounded
once more, which is exact for + - * / and sqrt (53 >= 2 * 24 + 2 bits). What cannot be answered
bit for bit is not answered.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from ctypes import c_float

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, IntegerType, Signedness
from xdsl.ir import Attribute, Operation

from fxlower.dialects import fxt
from fxlower.dialects.build import BF16, F16, F32, F64, I1, is_float

Number = int | float


def number_of(attr: Attribute) -> Number | None:
    """The number in an attribute; a bool is 0 or 1 (xDSL has -1 for true)."""
    if isinstance(attr, FloatAttr):
        return attr.value.data
    if isinstance(attr, IntegerAttr):
        value = attr.value.data
        return value & 1 if attr.type == I1 else value
    return None


def round_to(value: float, element: Attribute) -> float:
    """`value` in the float type `element`, to nearest even; too large becomes infinite."""
    if element == F64 or not math.isfinite(value):
        return value
    if element == F16:
        try:
            return struct.unpack("<e", struct.pack("<e", value))[0]
        except OverflowError:
            return math.copysign(math.inf, value)
    single = c_float(value).value
    if element == F32 or not math.isfinite(single):
        return single
    assert element == BF16
    bits = struct.unpack("<I", struct.pack("<f", single))[0]
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def wrap(value: int, element: Attribute) -> int:
    """`value` modulo the range of the integer type `element`."""
    assert isinstance(element, IntegerType)
    width = element.width.data
    value &= (1 << width) - 1
    if element.signedness.data != Signedness.UNSIGNED and width > 1 and value >> (width - 1):
        value -= 1 << width
    return value


def convert(value: Number, source: Attribute, target: Attribute) -> Number | None:
    """`fxt.cast`; None where the machine's answer is unspecified."""
    if target == I1:
        return int(value != 0)
    if is_float(target):
        if is_float(source) and source == F64 and target in (F16, BF16):
            value = round_to(float(value), F32)  # torch rounds twice
        if isinstance(value, int) and abs(value) > 1 << 53:
            return None  # a second rounding, from double, could differ
        return round_to(float(value), target)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        whole = math.trunc(value)
        return whole if wrap(whole, target) == whole else None
    return wrap(value, target)


def compare(predicate: str, a: Number, b: Number) -> int:
    """`fxt.cmp`."""
    return int(_COMPARE[predicate](a, b))


_COMPARE: dict[str, Callable[[Number, Number], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def evaluate(cls: type[Operation], element: Attribute, args: tuple[Number, ...]) -> Number | None:
    """The elementwise op `cls` on numbers of type `element`; None where it is not folded."""
    if is_float(element):
        rule = _FLOAT.get(cls)
        value = rule(*args) if rule is not None else None
        if value is None:
            return None
        # f16 and bf16 compute in f32, as in torch.
        if element in (F16, BF16):
            value = round_to(value, F32)
        return round_to(value, element)
    rule = (_BOOL if element == I1 else _INTEGER).get(cls)
    value = rule(*args) if rule is not None else None
    return None if value is None else wrap(int(value), element)


def _div(a: float, b: float) -> float | None:
    return a / b if b != 0 else None


def _sqrt(a: float) -> float | None:
    return math.sqrt(a) if a >= 0 and a != math.inf else None


def _choose(pick: Callable[..., Number]) -> Callable[[Number, Number], Number | None]:
    def rule(a: Number, b: Number) -> Number | None:
        if a != a or b != b:
            return math.nan
        return None if a == b == 0 and isinstance(a, float) else pick(a, b)

    return rule


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda a: math.copysign(function(a), a) if math.isfinite(a) else a


def _quotient(a: int, b: int) -> int | None:
    if b == 0:
        return None
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_FLOAT: dict[type[Operation], Callable[..., float | None]] = {
    fxt.NegOp: lambda a: -a,
    fxt.AbsOp: lambda a: abs(a),
    fxt.FloorOp: _whole(math.floor),
    fxt.CeilOp: _whole(math.ceil),
    fxt.RoundOp: _whole(round),
    fxt.TruncOp: _whole(math.trunc),
    fxt.SqrtOp: _sqrt,
    fxt.AddOp: lambda a, b: a + b,
    fxt.SubOp: lambda a, b: a - b,
    fxt.MulOp: lambda a, b: a * b,
    fxt.DivOp: _div,
    fxt.MaxOp: _choose(max),
    fxt.MinOp: _choose(min),
}

_LOGIC: dict[type[Operation], Callable[..., int | None]] = {
    fxt.AndOp: lambda a, b: a & b,
    fxt.OrOp: lambda a, b: a | b,
    fxt.XorOp: lambda a, b: a ^ b,
    fxt.MaxOp: max,
    fxt.MinOp: min,
}

_BOOL: dict[type[Operation], Callable[..., int | None]] = {
    **_LOGIC,
    fxt.NotOp: lambda a: a ^ 1,
    fxt.AddOp: lambda a, b: a | b,
    fxt.MulOp: lambda a, b: a & b,
}

_INTEGER: dict[type[Operation], Callable[..., int | None]] = {
    **_LOGIC,
    fxt.NotOp: lambda a: ~a,
    fxt.NegOp: lambda a: -a,
    fxt.AbsOp: lambda a: abs(a),
    fxt.AddOp: lambda a, b: a + b,
    fxt.SubOp: lambda a, b: a - b,
    fxt.MulOp: lambda a, b: a * b,
    fxt.DivOp: _quotient,
    fxt.FloordivOp: lambda a, b: a // b if b else None,
    fxt.RemOp: lambda a, b: a - b * q if (q := _quotient(a, b)) is not None else None,
}
