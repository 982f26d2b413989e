"""What the host does for one call of a compiled graph: a straight line of steps over values.

Values are tensors, numbered; the first ones are the inputs and the tensors the graph holds.
Sizes are `Shape`: a tuple of numbers, or a function of the symbols' values. A plan is data, so that
it can be kept on disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import Any

import torch

from fxlower.analysis.symbols import polynomial
from fxlower.dialects.build import Dim
from fxlower.frontend.program import SymbolSource
from fxlower.runtime.memory import bytes_of

Symbols = Mapping[str, int]


@dataclass(frozen=True)
class Shape:
    """Sizes or strides: numbers, and expressions of symbols."""

    dims: tuple[Dim, ...]

    @classmethod
    def of(cls, dims: tuple[Dim, ...]) -> Shape:
        for dim in dims:
            polynomial(dim)  # rejects text that is not a size before it is made executable
        return cls(dims)

    @cached_property
    def static(self) -> tuple[int, ...] | None:
        """The numbers, where all are known."""
        return self.dims if all(isinstance(d, int) for d in self.dims) else None  # type: ignore[return-value]

    @property
    def text(self) -> str:
        """A tuple in Python's syntax, of the symbols as variables."""
        return "(" + "".join(f"{d}, " for d in self.dims) + ")"

    @cached_property
    def code(self) -> CodeType:
        return compile(self.text, "<sizes>", "eval")

    def value(self, symbols: Symbols) -> tuple[int, ...]:
        if self.static is not None:
            return self.static
        return eval(self.code, {"__builtins__": {}, "max": max, "min": min}, symbols)  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[type[Shape], tuple[tuple[Dim, ...]]]:
        return Shape, (self.dims,)  # without what is derived, of which code has no such form


@dataclass(frozen=True)
class Buffer:
    """A tensor that the host allocates for a segment to write, or is given as an input."""

    value: int
    rank: int
    sizes: Shape
    strides: Shape
    dtype: torch.dtype

    @cached_property
    def static_bytes(self) -> int | None:
        """Bytes that it takes, where that is known."""
        sizes, strides = self.sizes.static, self.strides.static
        if sizes is None or strides is None:
            return None
        return bytes_of(sizes, strides, self.dtype)


@dataclass(frozen=True)
class SegmentStep:
    """Call native code: operands, results, arena and trap as pointers, then symbols."""

    segment: str
    operands: tuple[int, ...]
    results: tuple[Buffer, ...]
    symbols: tuple[str, ...]
    release: tuple[int, ...] = ()
    """Values not needed after this step."""


@dataclass(frozen=True)
class AtenStep:
    """Call an operator in eager mode. `operand_strides` are what it would get in eager mode (None
    where that is no layout of its own); `sizes`, `strides` and `dtypes` are what later steps expect
    of each result (None where it is no strided tensor, or no kernel reads it)."""

    call: Any
    operands: tuple[int, ...]
    operand_strides: tuple[Shape | None, ...]
    results: tuple[int, ...]
    sizes: tuple[Shape | None, ...]
    strides: tuple[Shape, ...]
    dtypes: tuple[torch.dtype | None, ...]
    numbers: tuple[tuple[int, Shape], ...]
    """Where the flat output has numbers that are known from sizes or checks: position, value."""

    release: tuple[int, ...] = ()


@dataclass(frozen=True)
class ViewStep:
    """`value` is a view of `base`, by sizes, strides and offset in elements from base's first."""

    value: int
    base: int
    sizes: Shape
    strides: Shape
    offset: Shape
    release: tuple[int, ...] = ()


@dataclass(frozen=True)
class KeptTensor:
    """A tensor that the host allocates for a `KernelCall`."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class KernelCall:
    """A call of `kernel` by the host: for each operand a slot and how many bytes behind its first
    element the operand begins. Results go to new slots, in order."""

    kernel: str
    operands: tuple[tuple[int, int], ...]
    results: tuple[KeptTensor, ...]


@dataclass(frozen=True)
class KeepStep:
    """`value` is in `slot` after `calls`, where the first slots are the values `roots`: weights.
    It is kept, and made again when one of them has changed."""

    value: int
    roots: tuple[int, ...]
    calls: tuple[KernelCall, ...]
    slot: int
    bytes: int


@dataclass(frozen=True)
class SymbolStep:
    """How a symbol is found, as soon as the symbols that it `needs` are known."""

    symbol: str
    source: SymbolSource

    @property
    def needs(self) -> tuple[str, ...]:
        return self.source.symbols

    def read(self, args: Sequence[Any], symbols: Mapping[str, int]) -> int:
        """The value, where `args` are the arguments of the call."""
        source = self.source
        match source.kind:
            case "value":
                return int(args[source.input])
            case "size":
                return args[source.input].shape[source.axis]
            case "stride":
                return args[source.input].stride(source.axis)
            case "expression" if source.expression is not None:
                return source.expression(symbols)
            case _:
                raise ValueError(f"no way to read a symbol from '{source.kind}'")


@dataclass(frozen=True)
class HostPlan:
    """One call of a compiled graph, in order.

    `tensor_inputs` are positions among the arguments of the call; values are numbered from there
    on (inputs, then `attributes`, then what the steps make). `held` are arguments, by position,
    that are needed as they were passed. `outputs` holds ("tensor", value), ("copy", value),
    ("copies", (values that are copied together, one of them)), ("number", value of a 0-d tensor),
    ("size", Shape of one), ("expression", ExpressionSlot), ("input", position) or
    ("constant", anything). `mutations` are (input value, new value, whether
    that must be copied before any input is written) that the host makes; `written` are
    values, inputs or attributes, that kernels change themselves. `assigned` are arguments, by
    position, that then become (`set_`) the last outputs, which are not returned.
    """

    arguments: int
    """How many the graph has."""

    tensor_inputs: tuple[int, ...]
    inputs: tuple[Buffer, ...]
    """What each tensor input must be, for callers that have no guards in front."""

    attributes: tuple[torch.Tensor, ...]
    held: tuple[int, ...]
    symbols: tuple[SymbolStep, ...]
    divisors: tuple[Shape, ...]
    """Numbers that sizes are divided by. Where one is 0, a call raises as Python does."""
    kept: tuple[KeepStep, ...]
    """Before all steps."""
    steps: tuple[SegmentStep | AtenStep | ViewStep, ...]
    outputs: tuple[tuple[str, Any], ...]
    mutations: tuple[tuple[int, int, bool], ...]
    written: tuple[int, ...]
    assigned: tuple[int, ...]
    values: int
