"""torch dtypes and element types of `fxt`, both ways."""

from __future__ import annotations

from functools import cache

import torch
from xdsl.dialects.builtin import (
    ComplexType,
    Float8E4M3FNType,
    Float8E4M3FNUZType,
    Float8E5M2FNUZType,
    Float8E5M2Type,
    Float8E8M0FNUType,
    IntegerType,
    Signedness,
)
from xdsl.ir import Attribute

from fxlower.dialects.build import (
    BF16,
    F16,
    F32,
    F64,
    FLOATS,
    I1,
    I8,
    I16,
    I32,
    I64,
    UI8,
    UI16,
    UI32,
    UI64,
)
from fxlower.dialects.fxt import OpaqueType

ELEMENT: dict[torch.dtype, Attribute] = {
    torch.bool: I1,
    torch.int8: I8,
    torch.int16: I16,
    torch.int32: I32,
    torch.int64: I64,
    torch.uint8: UI8,
    torch.uint16: UI16,
    torch.uint32: UI32,
    torch.uint64: UI64,
    torch.float16: F16,
    torch.bfloat16: BF16,
    torch.float32: F32,
    torch.float64: F64,
}
"""The dtypes that `fxt` computes in."""

OPAQUE_ELEMENT: dict[torch.dtype, Attribute] = {
    torch.complex32: ComplexType(F16),
    torch.complex64: ComplexType(F32),
    torch.complex128: ComplexType(F64),
    torch.float8_e4m3fn: Float8E4M3FNType(),
    torch.float8_e4m3fnuz: Float8E4M3FNUZType(),
    torch.float8_e5m2: Float8E5M2Type(),
    torch.float8_e5m2fnuz: Float8E5M2FNUZType(),
    torch.float8_e8m0fnu: Float8E8M0FNUType(),
}
"""Dtypes that no `fxt` op but `fxt.aten` takes."""

PART: dict[Attribute, Attribute] = {
    OPAQUE_ELEMENT[torch.complex64]: F32,
    OPAQUE_ELEMENT[torch.complex128]: F64,
    OPAQUE_ELEMENT[torch.float8_e4m3fn]: UI8,
    OPAQUE_ELEMENT[torch.float8_e4m3fnuz]: UI8,
    OPAQUE_ELEMENT[torch.float8_e5m2]: UI8,
    OPAQUE_ELEMENT[torch.float8_e5m2fnuz]: UI8,
    OPAQUE_ELEMENT[torch.float8_e8m0fnu]: UI8,
}
"""Of elements that rules compute with in parts (`fxlower.frontend.encoded`), that of the parts.
complex32 is not among them: eager itself has little arithmetic for it on the CPU."""

OPAQUE = OpaqueType()
"""The element type of a value that is no strided tensor of a dtype above: sparse, quantized..."""

DTYPE: dict[Attribute, torch.dtype] = {
    element: dtype for dtype, element in (ELEMENT | OPAQUE_ELEMENT).items()
}


@cache
def compute_element(element: Attribute) -> Attribute:
    """The element type that arithmetic is done in: f32 for f16 and bf16, as eager does."""
    return F32 if element in (F16, BF16) else element


@cache
def accumulate_element(element: Attribute) -> Attribute:
    """The element type that sums are made in: f32 for f16 and bf16, i64 for integers."""
    return compute_element(element) if element in FLOATS else I64


def is_signed(element: Attribute) -> bool:
    """Whether values may be negative; false of bools and unsigned integers."""
    return (
        element in FLOATS
        or isinstance(element, IntegerType)
        and element != I1
        and element.signedness.data != Signedness.UNSIGNED
    )


def is_integer(element: Attribute) -> bool:
    """An integer that is no bool."""
    return isinstance(element, IntegerType) and element != I1


@cache
def integer_range(element: Attribute) -> tuple[int, int]:
    """The least and the greatest value of an integer or bool type."""
    assert isinstance(element, IntegerType)
    bits = element.width.data
    if element == I1 or not is_signed(element):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


@cache
def promote_elements(a: Attribute, b: Attribute) -> Attribute:
    """The element type of an operation of `a` and `b`, by torch's table."""
    return ELEMENT[torch.promote_types(DTYPE[a], DTYPE[b])]
