"""Rules for `memref`: a memref becomes a pointer and what is known of its sizes and strides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from xdsl.dialects import memref
from xdsl.dialects.builtin import DenseArrayBase, MemRefType, NoneAttr, StridedLayoutAttr
from xdsl.ir import Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import llvm
from fxlower.dialects.build import DYNAMIC, I8, I32, int_attr
from fxlower.dialects.memref import PrefetchOp
from fxlower.passes.to_llvm.builder import (
    FunctionBuilder,
    Index,
    MemRef,
    aligned,
    intrinsic_name,
    segments,
)
from fxlower.passes.to_llvm.types import convert_type, element_bytes

Rule = Callable[[FunctionBuilder, Any], None]


def argument_memref(pointer: SSAValue, type_: MemRefType[Any]) -> MemRef:
    """What the type of an argument tells; dynamic sizes come as a 0-d memref and a cast."""
    shape = type_.get_shape()
    strides, offset = _layout(type_)
    if DYNAMIC in strides or (DYNAMIC in shape and len(shape) > 1):
        raise PassFailedException(
            f"convert-to-llvm: the strides of argument type {type_} are not known;"
            " pass a 0-d memref and use memref.reinterpret_cast"
        )
    if offset != 0:
        raise PassFailedException(
            f"convert-to-llvm: arguments point to their first element, got {type_}"
        )
    return MemRef(pointer, convert_type(type_.element_type), 0, shape, strides)


def _layout(type_: MemRefType[Any]) -> tuple[tuple[int, ...], int]:
    """Strides and offset of a type, `DYNAMIC` where the type does not tell."""
    layout = type_.layout
    if isinstance(layout, StridedLayoutAttr):
        strides = tuple(DYNAMIC if isinstance(s, NoneAttr) else s.data for s in layout.strides)
        return strides, DYNAMIC if isinstance(layout.offset, NoneAttr) else layout.offset.data
    if not isinstance(layout, NoneAttr):
        raise PassFailedException(f"convert-to-llvm: layouts must be strided, got {type_}")
    strides_of: list[int] = []
    step = 1
    for size in reversed(type_.get_shape()):
        strides_of.append(step)
        step = DYNAMIC if DYNAMIC in (step, size) else step * size
    return tuple(reversed(strides_of)), 0


def _mixed(
    b: FunctionBuilder, static: DenseArrayBase[Any], dynamic: Iterable[SSAValue]
) -> list[Index]:
    """A list of which some are numbers and the others operands, in order."""
    operands = iter(dynamic)
    return [_known(b, b.value(next(operands))) if n == DYNAMIC else n for n in static.get_values()]


def _known(b: FunctionBuilder, value: SSAValue) -> Index:
    """The number that a value is, where it is a constant."""
    number = b.numbers.get(value)
    return value if number is None else number


def product(b: FunctionBuilder, x: Index, y: Index) -> Index:
    if isinstance(x, int) and isinstance(y, int):
        return x * y
    return _known(b, b.mul(b.index(x), y))


def total(b: FunctionBuilder, x: Index, y: Index) -> Index:
    if isinstance(x, int) and isinstance(y, int):
        return x + y
    return _known(b, b.add(b.index(x), b.index(y)))


def contiguous(b: FunctionBuilder, sizes: Sequence[Index]) -> tuple[Index, ...]:
    strides: list[Index] = []
    step: Index = 1
    for size in reversed(sizes):
        strides.append(step)
        step = product(b, step, size)
    return tuple(reversed(strides))


def _sizes(
    b: FunctionBuilder, type_: MemRefType[Any], dynamic: Sequence[SSAValue]
) -> tuple[Index, ...]:
    operands = iter(dynamic)
    return tuple(
        _known(b, b.value(next(operands))) if n == DYNAMIC else n for n in type_.get_shape()
    )


def _load(b: FunctionBuilder, op: memref.LoadOp) -> None:
    source, *indices = op._operands
    where = b.memref(source)
    pointer = b.address(where, [b.value(i) for i in indices])
    alignment = aligned(element_bytes(where.element))
    b.values[op.results[0]] = b.read(llvm.LoadOp, (pointer,), where.element, alignment)


def _store(b: FunctionBuilder, op: memref.StoreOp) -> None:
    value, target, *indices = op._operands
    where = b.memref(target)
    pointer = b.address(where, [b.value(i) for i in indices])
    b.effect(llvm.StoreOp, (b.value(value), pointer), (), aligned(element_bytes(where.element)))


def _prefetch(b: FunctionBuilder, op: PrefetchOp) -> None:
    pointer = b.address(b.memref(op.memref), [b.value(i) for i in op.indices])
    write, data = bool(op.isWrite.value.data), bool(op.isDataCache.value.data)
    hints = (write, op.localityHint.value.data, data)
    operands = (pointer, *(b.constant(int_attr(int(h), I32), I32) for h in hints))
    properties = {
        "intrin": intrinsic_name("prefetch.p0"),
        "fastmathFlags": llvm.NO_FASTMATH,
        "operandSegmentSizes": segments(len(operands), 0),
    }
    b.effect(llvm.CallIntrinsicOp, operands, (), properties)


def _alloca(b: FunctionBuilder, op: memref.AllocaOp) -> None:
    type_ = op.memref.type
    assert isinstance(type_, MemRefType)
    count = 1
    for size in type_.get_shape():
        if size == DYNAMIC:
            raise PassFailedException(
                f"convert-to-llvm: stack memory must have a fixed size, got {type_}"
            )
        count *= size
    strides, offset = _layout(type_)
    if DYNAMIC in strides or offset != 0:
        raise PassFailedException(f"convert-to-llvm: stack memory must be contiguous, got {type_}")
    element = convert_type(type_.element_type)
    pointer = b.alloca(llvm.LLVMArrayType(count, element))
    b.memrefs[op.memref] = MemRef(pointer, element, 0, type_.get_shape(), strides)


def _reinterpret_cast(b: FunctionBuilder, op: memref.ReinterpretCastOp) -> None:
    source = b.memref(op.source)
    (offset,) = _mixed(b, op.static_offsets, op.offsets)
    b.memrefs[op.result] = MemRef(
        source.pointer,
        source.element,
        offset,
        tuple(_mixed(b, op.static_sizes, op.sizes)),
        tuple(_mixed(b, op.static_strides, op.strides)),
    )


def _subview(b: FunctionBuilder, op: memref.SubviewOp) -> None:
    source = b.memref(op.source)
    offset = source.offset
    for start, stride in zip(_mixed(b, op.static_offsets, op.offsets), source.strides, strict=True):
        offset = total(b, offset, product(b, start, stride))
    sizes = _mixed(b, op.static_sizes, op.sizes)
    steps = _mixed(b, op.static_strides, op.strides)
    strides = [product(b, s, t) for s, t in zip(source.strides, steps, strict=True)]
    result = op.result.type
    assert isinstance(result, MemRefType)
    kept = _kept_dims(op.static_sizes.get_values(), result.get_shape())
    b.memrefs[op.result] = MemRef(
        source.pointer,
        source.element,
        offset,
        tuple(sizes[d] for d in kept),
        tuple(strides[d] for d in kept),
    )


def _kept_dims(sizes: Sequence[int], shape: Sequence[int]) -> list[int]:
    """The dims of a subview that its result has: some of size 1 may be dropped."""
    kept: list[int] = []
    drop = len(sizes) - len(shape)
    for dim, size in enumerate(sizes):
        if drop and size == 1 and (len(kept) == len(shape) or shape[len(kept)] != 1):
            drop -= 1
        else:
            kept.append(dim)
    if len(kept) != len(shape):
        raise PassFailedException(
            f"convert-to-llvm: a subview of sizes {list(sizes)} cannot have shape {list(shape)}"
        )
    return kept


def _view(b: FunctionBuilder, op: memref.ViewOp) -> None:
    memory, byte_shift, *dynamic = op._operands
    (result,) = op.results
    source, type_ = b.memref(memory), result.type
    assert isinstance(type_, MemRefType)
    shift = total(b, source.offset, _known(b, b.value(byte_shift)))
    pointer = source.pointer
    if shift != 0:
        pointer = b.offset(pointer, b.index(shift), I8)
    sizes = _sizes(b, type_, dynamic)
    element = convert_type(type_.element_type)
    b.memrefs[result] = MemRef(pointer, element, 0, sizes, contiguous(b, sizes))


def _cast(b: FunctionBuilder, op: memref.CastOp) -> None:
    b.memrefs[op.dest] = b.memref(op.source)


def _dim(b: FunctionBuilder, op: memref.DimOp) -> None:
    index = b.numbers.get(b.value(op.index))
    if index is None:
        raise PassFailedException("convert-to-llvm: memref.dim needs a constant dimension")
    b.values[op.result] = b.index(b.memref(op.source).sizes[index])


def _assume_alignment(b: FunctionBuilder, op: Operation) -> None:
    """Promises nothing that is used; the result, where there is one, is the operand."""
    for result in op.results:
        b.memrefs[result] = b.memref(op.operands[0])


RULES: dict[type[Operation], Rule] = {
    memref.LoadOp: _load,
    memref.StoreOp: _store,
    PrefetchOp: _prefetch,
    memref.AllocaOp: _alloca,
    memref.ReinterpretCastOp: _reinterpret_cast,
    memref.SubviewOp: _subview,
    memref.ViewOp: _view,
    memref.CastOp: _cast,
    memref.DimOp: _dim,
    memref.AssumeAlignmentOp: _assume_alignment,
}
