"""float8: conversions from and to the bits, and operators that move elements.

Eager has no more arithmetic for these dtypes than that. Bits are computed by the same steps as
eager's (`torch/headeronly/util/Float8_*.h`): rounding to nearest, ties to even; what is too large
becomes the greatest number (e4m3fn), infinity (e5m2) or NaN (the types without infinities and
negative zero, fnuz).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from xdsl.ir import Attribute, SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import F32, I1, I32, UI8
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.encoded import Encoded
from fxlower.frontend.parts import MOVES, by_parts, operator_named
from fxlower.frontend.registry import NotLowered, lowers_float8
from fxlower.frontend.types import OPAQUE_ELEMENT

aten = torch.ops.aten
prims = torch.ops.prims


@dataclass(frozen=True, kw_only=True)
class Format:
    """A sign bit, an exponent and `mantissa_bits`, from the highest bit on."""

    mantissa_bits: int
    bias: int
    first_too_large: int
    """The bits as f32 of the least number that no longer rounds to a finite one by its bits."""
    too_large: int
    """What that and all above it become, but for the sign."""
    nan: int
    infinity: int | None = None
    greatest: int = 0x80
    """Rounding must not go beyond these bits."""
    has_negative_zero: bool = True


FORMATS: dict[Attribute, Format] = {
    OPAQUE_ELEMENT[torch.float8_e4m3fn]: Format(
        mantissa_bits=3, bias=7, first_too_large=1087 << 20, too_large=0x7E, nan=0x7F, greatest=0x7E
    ),
    OPAQUE_ELEMENT[torch.float8_e5m2]: Format(
        mantissa_bits=2, bias=15, first_too_large=143 << 23, too_large=0x7C, nan=0x7F, infinity=0x7C
    ),
    OPAQUE_ELEMENT[torch.float8_e4m3fnuz]: Format(
        mantissa_bits=3,
        bias=8,
        first_too_large=135 << 23,
        too_large=0x80,
        nan=0x80,
        has_negative_zero=False,
    ),
    OPAQUE_ELEMENT[torch.float8_e5m2fnuz]: Format(
        mantissa_bits=2,
        bias=16,
        first_too_large=143 << 23,
        too_large=0x80,
        nan=0x80,
        has_negative_zero=False,
    ),
}
"""By element; e8m0fnu has no lowering but of its moves."""


def format_of(element: Attribute | None) -> Format:
    if element not in FORMATS:
        raise NotLowered(f"no conversion of {element}")
    return FORMATS[element]


def decoded(b: RuleBuilder, x: Encoded) -> SSAValue:
    """As f32, exactly. (Numbers below the normal ones are made from their integer, so that no
    arithmetic on subnormal f32 is done, which the processor may flush to zero.)"""
    f = format_of(x.element)
    bits = b.cast(x.parts[0], I32)
    size = b.binary(fxt.AndOp, bits, b.full_like(0x7F, bits))
    shifted = b.binary(fxt.ShlOp, size, b.full_like(23 - f.mantissa_bits, size))
    normal = b.bitcast(b.add(shifted, b.full_like(127 - f.bias << 23, size)), F32)
    whole = b.cast(size, F32)
    small = b.mul(whole, b.full_like(2.0 ** (1 - f.bias - f.mantissa_bits), whole))
    is_small = b.compare("lt", size, b.full_like(1 << f.mantissa_bits, size))
    value = b.select(is_small, small, normal)
    if f.infinity is not None:
        least = b.full_like(f.infinity, size)
        infinite = b.full_like(math.inf, value)
        value = b.select(b.compare("eq", size, least), infinite, value)
        is_nan = b.compare("gt", size, least)
    else:
        of = size if f.nan < 0x80 else bits
        is_nan = b.compare("eq", of, b.full_like(f.nan, of))
    value = b.select(is_nan, b.full_like(math.nan, value), value)
    negative = b.compare("gt", bits, b.full_like(0x7F, bits))
    return b.select(negative, b.neg(value), value)


def rounded(b: RuleBuilder, x: SSAValue, element: Attribute | None) -> SSAValue:
    """The bits of an f32."""
    f = format_of(element)
    dropped = 23 - f.mantissa_bits
    all_bits = b.bitcast(x, I32)
    bits = b.binary(fxt.AndOp, all_bits, b.full_like(0x7FFFFFFF, all_bits))
    # Normal numbers: a new bias, and half of what is dropped, a little less if that makes it even.
    odd = b.binary(fxt.ShrOp, bits, b.full_like(dropped, bits))
    odd = b.binary(fxt.AndOp, odd, b.full_like(1, bits))
    half = b.full_like((f.bias - 127 << 23) + (1 << dropped - 1) - 1, bits)
    normal = b.binary(fxt.ShrOp, b.add(b.add(bits, half), odd), b.full_like(dropped, bits))
    normal = b.min(normal, b.full_like(f.greatest, bits))
    # Below them: the sum with a power of two has just the bits that stay in its last places.
    power = (127 - f.bias) + dropped + 1 << 23
    shift = b.bitcast(b.full_like(power, bits), F32)
    small = b.sub(b.bitcast(b.add(b.bitcast(bits, F32), shift), I32), b.full_like(power, bits))
    is_small = b.compare("lt", bits, b.full_like(128 - f.bias << 23, bits))
    result = b.select(is_small, small, normal)
    too_large = b.compare("ge", bits, b.full_like(f.first_too_large, bits))
    result = b.select(too_large, b.full_like(f.too_large, bits), result)
    is_nan = b.compare("gt", bits, b.full_like(0x7F800000, bits))
    result = b.select(is_nan, b.full_like(f.nan, bits), result)
    negative = b.compare("lt", all_bits, b.full_like(0, bits))
    signed = b.binary(fxt.OrOp, result, b.full_like(0x80, bits))
    if not f.has_negative_zero:
        signed = b.select(b.compare("eq", result, b.full_like(0, bits)), result, signed)
    return b.cast(b.select(negative, signed, result), UI8)


@lowers_float8(aten._to_copy.default, prims.convert_element_type.default)
def convert(b: RuleBuilder, x: SSAValue | Encoded, *args: Any, **kwargs: Any) -> SSAValue | Encoded:
    """By way of f32, as eager does."""
    element = b.elements[0]
    if isinstance(x, Encoded) and x.element == element:
        return x
    value = decoded(b, x) if isinstance(x, Encoded) else b.cast(x, F32)
    if element in FORMATS:
        assert element is not None
        return Encoded(element, (rounded(b, value, element),))
    if element == I1:
        return b.compare("ne", value, b.full_like(0, value))
    if element != b.result.element:
        raise NotLowered(f"no conversion to {element}")
    return b.to_result(value)


@lowers_float8(aten.copy.default)
def copy(b: RuleBuilder, x: Any, src: Any, non_blocking: bool = False) -> SSAValue | Encoded:
    """`src` in the dtype and the dims of `x`."""
    value = convert(b, src)
    if isinstance(value, Encoded):
        return Encoded(value.element, (b.to_result(value.parts[0]),))
    return b.to_result(value)


@lowers_float8(aten.view.dtype)
def view_dtype(b: RuleBuilder, x: SSAValue | Encoded, dtype: torch.dtype) -> SSAValue | Encoded:
    """Of types of 8 bits."""
    bits = x.parts[0] if isinstance(x, Encoded) else x
    if b.dims(bits) != b.result.dims or b.element(bits) == I1 or b.result.element == I1:
        raise NotLowered("a view as a dtype of another width")
    made = b.bitcast(bits, b.result.element)
    element = b.elements[0]
    assert element is not None
    return made if element == b.result.element else Encoded(element, (made,))


for _name in MOVES:
    _operator = operator_named(_name)
    lowers_float8(_operator)(by_parts(_operator))
lowers_float8(aten.cat.default)(by_parts(aten.cat.default, 0))
lowers_float8(aten.stack.default)(by_parts(aten.stack.default, 0))
