"""Types of the `vector` stage as types of the `llvm` dialect."""

from __future__ import annotations

import struct

from xdsl.dialects.builtin import (
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    MemRefType,
    VectorType,
)
from xdsl.ir import Attribute
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects.build import BF16, I1, I16, I64, cached_by_identity, int_attr, vector_type
from fxlower.dialects.llvm import PTR


@cached_by_identity
def convert_type(type_: Attribute) -> Attribute:
    """`index` is `i64`, a memref a pointer, vectors are one-dimensional, the rest is unchanged; but
    `bf16` is `i16`: LLVM takes vectors of it apart where a machine has no arithmetic on them."""
    if isinstance(type_, IndexType):
        return I64
    if isinstance(type_, BFloat16Type):
        return I16
    if isinstance(type_, MemRefType):
        if type_.element_type == I1:
            raise PassFailedException(
                f"convert-to-llvm: {type_} is not addressable; bools in memory are i8"
            )
        return PTR
    if isinstance(type_, VectorType):
        shape = type_.get_shape()
        if len(shape) != 1:
            raise PassFailedException(
                f"convert-to-llvm: vectors must have one dimension, got {type_}"
            )
        return vector_type(convert_type(type_.element_type), shape[0])
    return type_


def convert_constant(value: Attribute) -> Attribute:
    """The value of an `arith.constant` with its type converted."""
    if isinstance(value, IntegerAttr) and isinstance(value.type, IndexType):
        return int_attr(value.value.data, I64)
    if isinstance(value, FloatAttr) and value.type == BF16:
        return int_attr(bf16_bits(value.value.data), I16)
    if isinstance(value, DenseIntOrFPElementsAttr):
        type_ = convert_type(value.type)
        if value.get_element_type() == BF16:
            numbers = map(bf16_bits, value.get_values())
            return DenseIntOrFPElementsAttr.from_list(type_, list(numbers))  # type: ignore[arg-type]
        if type_ != value.type:
            return DenseIntOrFPElementsAttr.from_list(type_, value.get_values())  # type: ignore[arg-type]
    return value


def bf16_bits(value: float) -> int:
    """The representation of a number that is exact in bf16, as a signed integer."""
    return struct.unpack("<i", struct.pack("<f", value))[0] >> 16


def lanes_of(type_: Attribute) -> int | None:
    """The number of lanes of a vector, None for a scalar."""
    return type_.get_shape()[0] if isinstance(type_, VectorType) else None


@cached_by_identity
def element_bytes(element: Attribute) -> int:
    """Bytes of one element in memory."""
    return (getattr(element, "bitwidth", 64) + 7) // 8  # pointers have no width in xDSL
