"""Arguments to call a kernel with: memory of its own for each tensor, and values for symbols."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects.builtin import StringAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute

from fxlower.analysis.symbols import evaluate
from fxlower.analysis.tile_schedule import ASSUMED_SIZES
from fxlower.dialects.build import BF16, ELEMENT_BITS, F16, F32, F64, INDEX, Dim, dims_of
from fxlower.dialects.fxt.call import inplace_results
from fxlower.passes.destination_style import tensor_strides

MOST_BYTES = 1 << 29
"""Symbolic sizes are assumed to be large, unless tensors would be larger than this."""

LINE = 64


@dataclass
class Arguments:
    """What a kernel is called with; the memory lives as long as this does."""

    values: list[int]
    memory: list[np.ndarray]

    def call_of(self, address: int) -> Callable[[], None]:
        function = ctypes.CFUNCTYPE(None, *([ctypes.c_int64] * len(self.values)))(address)
        values = [ctypes.c_int64(v) for v in self.values]
        return lambda: function(*values)


def arguments_of(kernel: FuncOp, *, trap: bool) -> Arguments:
    """Arguments of a kernel at stage `linalg`, as its code takes them (docs/design.md, section 5):
    floats are random, all else is 0."""
    tensors, symbols = _signature(kernel)
    sizes: dict[str, int] = {}
    for assumed in sorted(ASSUMED_SIZES, reverse=True):
        sizes = dict.fromkeys(symbols, assumed)
        if sum(_bytes(*t, sizes) for t in tensors) <= MOST_BYTES:
            break
    made = Arguments([], [])
    for tensor in tensors:
        _place(made, *tensor, sizes)
    if trap:
        memory = np.zeros(1, np.int64)
        made.memory.append(memory)
        made.values.append(memory.ctypes.data)
    made.values += sizes.values()
    return made


Tensor = tuple[Attribute, tuple[Dim, ...], tuple[Dim, ...]]
"""Element, sizes and strides."""


def _signature(kernel: FuncOp) -> tuple[list[Tensor], list[str]]:
    inputs, outputs = kernel.function_type.inputs.data, kernel.function_type.outputs.data
    attributes = kernel.arg_attrs.data if kernel.arg_attrs else (None,) * len(inputs)
    results = kernel.res_attrs.data if kernel.res_attrs else (None,) * len(outputs)
    declared = [(t, a) for t, a in zip(inputs, attributes, strict=True) if t != INDEX]
    declared += [
        (t, a) for t, a, at in zip(outputs, results, inplace_results(kernel), strict=True) if at < 0
    ]
    tensors = [
        (t.element_type, dims_of(t), tensor_strides(t, a))
        for t, a in declared
        if isinstance(t, TensorType)
    ]
    symbols = [a.data["fxt.symbol"] for t, a in zip(inputs, attributes) if t == INDEX and a]
    return tensors, [s.data for s in symbols if isinstance(s, StringAttr)]


def _extent(
    sizes: tuple[Dim, ...], strides: tuple[Dim, ...], symbols: Mapping[str, int]
) -> tuple[int, int]:
    """Elements from the first to the last in memory, and where the tensor's first one is."""
    shape = [evaluate(n, symbols) for n in sizes]
    steps = [evaluate(s, symbols) for s in strides]
    if prod(shape) == 0:
        return 1, 0
    before = sum((n - 1) * -s for n, s in zip(shape, steps) if s < 0)
    return 1 + before + sum((n - 1) * s for n, s in zip(shape, steps) if s > 0), before


def _bytes(
    element: Attribute,
    sizes: tuple[Dim, ...],
    strides: tuple[Dim, ...],
    symbols: Mapping[str, int],
) -> int:
    return _extent(sizes, strides, symbols)[0] * ELEMENT_BITS[element] // 8


def _place(
    made: Arguments,
    element: Attribute,
    sizes: tuple[Dim, ...],
    strides: tuple[Dim, ...],
    symbols: Mapping[str, int],
) -> None:
    elements, first = _extent(sizes, strides, symbols)
    width = ELEMENT_BITS[element] // 8
    memory = np.zeros(elements * width + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    content = memory[start : start + elements * width]
    if (dtype := FLOATS.get(element)) is not None:
        random = np.random.default_rng(0).standard_normal(elements, np.float32)
        if element == BF16:
            content[:] = (random.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        else:
            content[:] = random.astype(dtype).view(np.uint8)
    made.memory.append(memory)
    made.values.append(content.ctypes.data + first * width)


FLOATS: dict[Attribute, type] = {
    F16: np.float16,
    BF16: np.uint16,
    F32: np.float32,
    F64: np.float64,
}
