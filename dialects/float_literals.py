"""Hexadecimal floats in dense literals, which xDSL 0.74 prints as bits and reads as a number.

    dense<0xFF800000> : vector<16xf32>    is -inf, and not 4286578688.0

MLIR reads the bits, as xDSL itself does for scalars. Without this, text that comes out of
`fxlower-opt` would mean something else when it goes in again. Importing the module corrects xDSL's
parser; `tests/filecheck/dialects/arith.mlir` tells when that is no longer needed.
"""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import AnyFloat
from xdsl.parser.attribute_parser import AttrParser

_Element = AttrParser._TensorLiteralElement
_to_type = _Element.to_type


def _to_type_with_bits(self: Any, parser: AttrParser, type: Any) -> Any:
    if isinstance(type, AnyFloat) and self.span.text.lower().startswith("0x"):
        size = type.compile_time_size
        if not 0 <= self.value < 1 << 8 * size:
            parser.raise_error(f"expected {2 * size} hexadecimal digits for {type}", self.span)
        return type.unpack(self.value.to_bytes(size, "little"), 1)[0]
    return _to_type(self, parser, type)


_Element.to_type = _to_type_with_bits
