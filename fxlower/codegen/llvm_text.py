"""Types, constants and parameter attributes as LLVM IR text."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from xdsl.dialects.builtin import (
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    UnitAttr,
    VectorType,
)
from xdsl.ir import Attribute

from fxlower.dialects import llvm
from fxlower.dialects.build import cached_by_identity


@cached_by_identity
def type_text(type_: Attribute) -> str:
    """`vector<16xf32>` is `<16 x float>`."""
    match type_:
        case Float32Type():
            return "float"
        case Float64Type():
            return "double"
        case Float16Type():
            return "half"
        case BFloat16Type():
            return "bfloat"
        case IntegerType():
            return f"i{type_.width.data}"
        case VectorType():
            (lanes,) = type_.get_shape()
            return f"<{lanes} x {type_text(type_.element_type)}>"
        case llvm.LLVMPointerType():
            return "ptr"
        case llvm.LLVMVoidType():
            return "void"
        case llvm.LLVMArrayType():
            return f"[{type_.size.data} x {type_text(type_.type)}]"
        case llvm.LLVMStructType():
            return f"{{ {', '.join(map(type_text, type_.types.data))} }}"
        case _:
            raise ValueError(f"type {type_} has no LLVM IR; convert-to-llvm lowers it")


def constant_text(value: Attribute) -> str:
    """The text of a constant without its type."""
    match value:
        case IntegerAttr(type=IntegerType(width=width)) if width.data == 1:
            return "true" if value.value.data else "false"
        case IntegerAttr():
            return str(value.value.data)
        case FloatAttr():
            return _float_text(value.value.data, value.type)
        case DenseIntOrFPElementsAttr():
            element = value.get_element_type()
            prefix, raw = type_text(element), value.data.data
            size = element.compile_time_size  # type: ignore[attr-defined]
            if raw == raw[:size] * (len(raw) // size):
                (first,) = value.type.element_type.unpack(raw[:size], 1)  # type: ignore[attr-defined]
                return f"splat ({prefix} {_element_text(first, element)})"
            texts = (f"{prefix} {_element_text(v, element)}" for v in value.get_values())
            return f"<{', '.join(texts)}>"
        case _:
            raise ValueError(f"constant {value} has no LLVM IR")


def _element_text(value: object, element: Attribute) -> str:
    if isinstance(value, float):
        return _float_text(value, element)
    assert isinstance(value, int)
    if isinstance(element, IntegerType) and element.width.data == 1:
        return "true" if value else "false"
    return str(value)


def _float_text(value: float, type_: Attribute) -> str:
    """The exact bits in hexadecimal: LLVM rejects decimals that are not exact."""
    match type_:
        case Float16Type():
            return f"0xH{int.from_bytes(struct.pack('<e', value), 'little'):04X}"
        case BFloat16Type():
            return f"0xR{int.from_bytes(struct.pack('<f', value)[2:], 'little'):04X}"
        case _:
            return f"0x{int.from_bytes(struct.pack('<d', value), 'little'):016X}"


def quoted(text: str) -> str:
    """A string literal; LLVM escapes as a backslash and two hexadecimal digits."""
    escaped = "".join(
        c if c.isprintable() and c not in '"\\' and c.isascii() else _escape(c) for c in text
    )
    return f'"{escaped}"'


def _escape(character: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in character.encode())


def attribute_text(attributes: Mapping[str, Attribute]) -> str:
    """Parameter attributes: `{llvm.noalias, llvm.align = 64 : i64}` is ` noalias align 64`."""
    words = []
    for name, value in attributes.items():
        word = name.removeprefix("llvm.")
        if isinstance(value, UnitAttr):
            words.append(f" {word}")
        elif word == "align" and isinstance(value, IntegerAttr):
            words.append(f" align {value.value.data}")
    return "".join(words)
