"""From a kernel on tensors to a function on memory: the signature that all kernels share.

Before:

    func.func @k(%a: tensor<4x?xf32, [4 : i64, "d0"]>, %d0: index {fxt.symbol = "d0"})
        -> tensor<4xf32>

After:

    func.func @k(%a: memref<f32>, %out: memref<4xf32>, %d0: index {fxt.symbol = "d0"})

Arguments and results become memrefs, static ones with their strides; where a size or stride is
symbolic, a 0-d memref stands for the pointer and `Buffer.view` gives it sizes and strides. A result
with `fxt.inplace` is in the memory of an argument: one pointer, marked `fxt.written`, for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    MemRefType,
    ModuleOp,
    StringAttr,
    TensorType,
    UnitAttr,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue

from fxlower.analysis.symbols import contiguous_strides
from fxlower.dialects.build import (
    I64,
    INDEX,
    Dim,
    dims_from,
    dims_of,
    emit,
    memref_type,
    signless,
)
from fxlower.dialects.fxt.call import inplace_results
from fxlower.passes.loop_builder import Index, LoopBuilder, memory_element, view_type
from fxlower.passes.materialize_dims import DimEmitter

_PLAIN = DictionaryAttr({})
_TRAP = DictionaryAttr({"fxt.trap": UnitAttr()})
_WRITTEN = DictionaryAttr({"fxt.written": UnitAttr()})


@dataclass
class Buffer:
    """A tensor in memory: its base pointer, and sizes and strides in elements."""

    function: DestinationFunction
    base: SSAValue
    element: Attribute
    sizes: tuple[Dim, ...]
    strides: tuple[Dim, ...]

    def size(self, axis: int) -> Index:
        return self.function.size(self.sizes[axis])

    def stride(self, axis: int) -> Index:
        return self.function.size(self.strides[axis])

    @cached_property
    def view(self) -> SSAValue:
        """The memref with all dims, made at the function's entry."""
        type_ = self.base.type
        assert isinstance(type_, MemRefType)
        if len(type_.get_shape()) == len(self.sizes):
            return self.base
        function = self.function
        return function.builder.view(
            self.base,
            0,
            [function.size(d) for d in self.sizes],
            [function.size(d) for d in self.strides],
            self.base.name_hint,
        )


def kernels_of_kind(module: ModuleOp, kind: str) -> list[FuncOp]:
    """The functions of `module` with `fxlower.kernel = kind`; a list, so that they may be replaced
    meanwhile."""
    found: list[FuncOp] = []
    for function in module.body.block.ops:
        if isinstance(function, FuncOp) and function.body.blocks:
            attribute = function.attributes.get("fxlower.kernel")
            if isinstance(attribute, StringAttr) and attribute.data == kind:
                found.append(function)
    return found


def tensor_strides(type_: Attribute, attributes: DictionaryAttr | None) -> tuple[Dim, ...]:
    """The strides of an argument or result: `fxt.strides`, or row-major."""
    if attributes is not None and (strides := attributes.data.get("fxt.strides")) is not None:
        return dims_from(strides)
    return contiguous_strides(dims_of(type_))


def _pointer_type(
    element: Attribute, sizes: tuple[Dim, ...], strides: tuple[Dim, ...]
) -> MemRefType[Any]:
    if any(isinstance(d, str) for d in (*sizes, *strides)):
        return memref_type(element, ())
    return view_type(element, sizes, strides)  # type: ignore[arg-type]


class DestinationFunction:
    """The function on memory being made from `kernel`; `finish` puts it in the kernel's place.

    `arguments` gives the buffer of each tensor argument, `results` that of each result (the very
    buffer of an argument where it is in place), `builder` appends to the body. `trap` adds the
    argument for out-of-range indices, and is its value.
    """

    def __init__(self, kernel: FuncOp, *, trap: bool = False):
        self.kernel = kernel
        old = kernel.body.block
        inputs, outputs = kernel.function_type.inputs, kernel.function_type.outputs
        attributes = kernel.arg_attrs.data if kernel.arg_attrs else (_PLAIN,) * len(inputs)
        result_attributes = kernel.res_attrs.data if kernel.res_attrs else (_PLAIN,) * len(outputs)

        tensors = [i for i, t in enumerate(inputs) if t != INDEX]
        symbols = [i for i, t in enumerate(inputs) if t == INDEX]
        inplace = inplace_results(kernel)
        declared = [*((inputs.data[i], attributes[i]) for i in tensors)]
        declared += [
            (t, a) for t, a, at in zip(outputs, result_attributes, inplace, strict=True) if at < 0
        ]
        shapes = [(dims_of(t), tensor_strides(t, a)) for t, a in declared]
        elements = [signless(t.element_type) for t, _ in declared if isinstance(t, TensorType)]
        types: list[Attribute] = [
            _pointer_type(memory_element(e), *s) for e, s in zip(elements, shapes)
        ]
        traps = [memref_type(I64, (1,))] if trap else []
        self._types = [*types, *traps, *[INDEX] * len(symbols)]
        self._attributes = [
            *[_WRITTEN if i in inplace else _PLAIN for i in range(len(types))],
            *[_TRAP] * len(traps),
            *[attributes[i] for i in symbols],
        ]
        self.block = Block(arg_types=self._types)
        self.trap: SSAValue | None = self.block.args[len(types)] if trap else None
        names = [old.args[i].name_hint for i in tensors]
        own = [i for i, at in enumerate(inplace) if at < 0]
        names += ["out" if len(outputs) == 1 else f"out{i}" for i in own]
        names += ["trap"] * trap + [old.args[i].name_hint for i in symbols]
        for argument, name in zip(self.block.args, names):
            argument.name_hint = name

        self.builder = LoopBuilder(self.block)
        self.symbols: dict[SSAValue, SSAValue] = dict(
            zip([old.args[i] for i in symbols], self.block.args[len(types) + len(traps) :])
        )
        self._dims = DimEmitter(
            self.block,
            {
                attributes[i].data["fxt.symbol"].data: self.symbols[old.args[i]]  # type: ignore[attr-defined]
                for i in symbols
            },
        )
        buffers = [
            Buffer(self, value, element, *shape)
            for value, element, shape in zip(self.block.args, elements, shapes)
        ]
        self.arguments: dict[SSAValue, Buffer] = {old.args[i]: b for i, b in zip(tensors, buffers)}
        made = iter(buffers[len(tensors) :])
        self.results = [next(made) if at < 0 else buffers[at] for at in inplace]
        self.replaced = [None if at < 0 else old.args[at] for at in inplace]
        """For each result the argument whose memory it takes over."""

    def size(self, dim: Dim) -> Index:
        """A size or stride: a number, or the value computed at the function's entry."""
        return dim if isinstance(dim, int) else self._dims.value(dim)

    def sizes(self, dims: Sequence[Dim]) -> list[Index]:
        return [self.size(d) for d in dims]

    def finish(self) -> FuncOp:
        emit(self.block, ReturnOp)
        old = self.kernel
        attributes = {k: v for k, v in old.attributes.items() if k != "fxlower.schedule"}
        properties = dict(old.properties)
        properties.pop("res_attrs", None)
        properties["function_type"] = FunctionType.from_lists(self._types, [])
        properties["arg_attrs"] = ArrayAttr(self._attributes)
        made = FuncOp.create(
            properties=properties, attributes=attributes, regions=[Region(self.block)]
        )
        block = old.parent
        assert block is not None
        block.insert_op_before(made, old)
        old.detach()
        old.erase()
        return made
