"""Loads and stores of lanes: the memory of `fxlower/passes/widening.py`.

Lanes that follow each other in memory are a `vector.load` or `vector.store`; lanes a few elements
apart are shuffled out of vectors; the others are gathered, or stored one by one. Under a mask
nothing is accessed for lanes that are not set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import DenseArrayBase, MemRefType, VectorType
from xdsl.dialects.builtin import i64 as I64_ELEMENT
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis import cost
from fxlower.dialects import arith, vector
from fxlower.dialects.build import (
    DYNAMIC,
    I1,
    I32,
    I64,
    INDEX,
    emit,
    emit1,
    memref_type,
    vector_type,
)
from fxlower.passes.lane_values import LINEAR, PATTERN, UNIFORM, VARYING, Lanes, LaneValues
from fxlower.passes.loop_builder import strides_of


@dataclass(frozen=True, eq=False)
class Address:
    """`base[indices]`: the first of contiguous lanes, or what `lanes` counts from."""

    base: SSAValue
    indices: list[SSAValue]
    lanes: SSAValue | None = None
    step: int | None = None
    """From lane to lane, where `lanes` is a constant ramp."""


def _position(lane: int) -> dict[str, Attribute]:
    return {"static_position": DenseArrayBase.from_list(I64_ELEMENT, [lane])}


class LaneMemory(LaneValues):
    """Widens `memref.load` and `memref.store`."""

    def load(self, op: Operation) -> None:
        source, *indices = op.operands
        result = op.results[0]
        if all(self.lanes(i).kind == UNIFORM for i in indices):
            self.uniform(op)
            return
        parts = [
            self._load(source, address, result.type) for address in self._addresses(op, source)
        ]
        for part in parts:
            part.name_hint = result.name_hint
        self.values[result] = Lanes(VARYING, parts)

    def _load(self, source: SSAValue, address: Address, element: Attribute) -> SSAValue:
        type_ = vector_type(element, self.width)
        block = self.block
        base, indices = address.base, address.indices
        if address.lanes is None:
            if self.mask is None:
                return emit1(block, vector.LoadOp, (base, *indices), type_)
            operands = (base, *indices, self.mask, self.constants.splat(0, element, self.width))
            return emit1(block, vector.MaskedLoadOp, operands, type_)
        if self.mask is None and cost.is_short_stride(address.step, self.width):
            return self._load_shuffled(address, element)
        mask = self.mask if self.mask is not None else self.constants.mask(self.width, self.width)
        zero = self.constants.splat(0, element, self.width)
        operands = (base, *indices, address.lanes, mask, zero)
        return emit1(block, vector.GatherOp, operands, type_)

    def _load_shuffled(self, address: Address, element: Attribute) -> SSAValue:
        """Lanes a few elements apart: vectors from the first lane to the last, no further, of which
        shuffles take what is wanted."""
        width, step = self.width, address.step
        assert step is not None
        first = min((width - 1) * step, 0)
        places = [lane * step - first for lane in range(width)]
        type_ = vector_type(element, width)
        result: SSAValue | None = None
        chosen = [0] * width
        for begin in range(0, max(places) + 1, width):
            offset = min(begin, max(places) + 1 - width)  # the last one ends with the last lane
            start = self._offset(address.indices[-1], first + offset)
            part = emit1(self.block, vector.LoadOp, (address.base, start), type_)
            inside = [begin <= p < begin + width for p in places]
            if result is None:
                result = part
                chosen = [p - offset if i else 0 for p, i in zip(places, inside)]
                continue
            mask = [p - offset + width if i else c for p, i, c in zip(places, inside, chosen)]
            result = emit1(
                self.block, vector.ShuffleOp, (result, part), type_, {"mask": numbers(tuple(mask))}
            )
            chosen = list(range(width))
        assert result is not None
        if chosen != list(range(width)):
            mask = numbers(tuple(chosen))
            result = emit1(self.block, vector.ShuffleOp, (result, result), type_, {"mask": mask})
        return result

    def _offset(self, start: SSAValue, offset: int) -> SSAValue:
        if offset == 0:
            return start
        return emit1(self.block, arith.AddiOp, (start, self.constants.number(offset)), INDEX)

    def store(self, op: Operation) -> None:
        value, target, *indices = op.operands
        if all(self.lanes(i).kind == UNIFORM for i in indices):
            raise PassFailedException(
                f"vectorize: all lanes store to the same element of {target.type}; iterations of a "
                "vectorized loop must be independent"
            )
        vectors = self.vectors(value)
        for part, address in zip(vectors, self._addresses(op, target)):
            short = self.mask is None and cost.is_short_stride(address.step, self.width)
            if short and self.preheader.masks:
                self._store_shuffled(part, address)
            elif address.lanes is not None:
                self._store_lanes(part, address)
            elif self.mask is None:
                emit(self.block, vector.StoreOp, (part, address.base, *address.indices))
            else:
                operands = (address.base, *address.indices, self.mask, part)
                emit(self.block, vector.MaskedStoreOp, operands)

    def _store_shuffled(self, value: SSAValue, address: Address) -> None:
        """Lanes a few elements apart: spread over so many vectors, with masks for what is between
        them."""
        assert isinstance(value.type, VectorType) and address.step is not None
        width, step = self.width, abs(address.step)
        first = min((width - 1) * address.step, 0)
        for begin in range(0, (width - 1) * step + 1, width):
            lanes = [min(-(-(begin + m) // step), width - 1) for m in range(width)]
            if address.step < 0:
                lanes = [width - 1 - lane for lane in lanes]
            mask = self.constants.every(step, -begin % step, width)
            shuffle = {"mask": numbers(tuple(lanes))}
            spread = emit1(self.block, vector.ShuffleOp, (value, value), value.type, shuffle)
            start = self._offset(address.indices[-1], first + begin)
            emit(self.block, vector.MaskedStoreOp, (address.base, start, mask, spread))

    def _store_lanes(self, value: SSAValue, address: Address) -> None:
        """Lane by lane."""
        assert isinstance(value.type, VectorType)
        start = address.indices[-1]
        for lane in range(self.width):
            block = self.block
            if self.mask is not None:
                inside = emit1(block, vector.ExtractOp, (self.mask,), I1, _position(lane))
                block = Block()
                regions = (Region(block), Region())
                emit(self.block, scf.IfOp, (inside,), regions=regions)
            at = _position(lane)
            element = emit1(block, vector.ExtractOp, (value,), value.type.element_type, at)
            if address.step is not None:
                offset = self.constants.number(lane * address.step)
            else:
                assert address.lanes is not None
                offset = emit1(block, vector.ExtractOp, (address.lanes,), I64, at)
                offset = emit1(block, arith.IndexCastOp, (offset,), INDEX)
            index = emit1(block, arith.AddiOp, (start, offset), INDEX)
            emit(block, memref.StoreOp, (element, address.base, index))
            if self.mask is not None:
                emit(block, scf.YieldOp)

    # ---------------------------------------------------------------------- addresses

    def _addresses(self, op: Operation, source: SSAValue) -> list[Address]:
        """Where the lanes of each copy are."""
        type_ = source.type
        assert isinstance(type_, MemRefType)
        indices = [self.lanes(i) for i in op.operands[-type_.get_num_dims() :]]
        for i, index in enumerate(indices):
            if index.kind == PATTERN:
                value = op.operands[i - type_.get_num_dims()]
                indices[i] = Lanes(VARYING, self.vectors(value))
        strides = element_strides(source)
        last = indices[-1]
        if (
            all(i.kind == UNIFORM for i in indices[:-1])
            and last.kind == LINEAR
            and last.step == 1
            and strides[-1] == 1
        ):
            rows = [i.parts[0] for i in indices[:-1]]
            return [Address(source, [*rows, part]) for part in last.parts]
        flat = self._flat(source, strides)
        return [self._flat_address(flat, indices, strides, copy) for copy in range(self.copies)]

    def _flat(self, source: SSAValue, strides: list[int | SSAValue]) -> SSAValue:
        """The memory of `source` with one dimension of stride 1."""
        if strides == [1]:
            return source
        known = self.preheader.flat.get(source)
        if known is None:
            type_ = source.type
            assert isinstance(type_, MemRefType)
            shape = type_.get_shape()
            if DYNAMIC not in shape and all(isinstance(s, int) and s >= 0 for s in strides):
                size = 1 + sum((n - 1) * s for n, s in zip(shape, strides))  # type: ignore[misc]
                size, sizes = max(size, 1), ()
            else:  # its end is not known here, and nobody asks for it
                size, sizes = DYNAMIC, (self.constants.number((1 << 63) - 1),)
            offset, offsets = offset_of(source)
            known = self.preheader.flat[source] = emit1(
                self.preheader.block,
                memref.ReinterpretCastOp,
                (source, *offsets, *sizes),
                memref_type(type_.element_type, (size,))
                if offset == 0
                else memref_type(
                    type_.element_type, (size,), (1,), None if offset == DYNAMIC else offset
                ),
                {
                    "static_offsets": DenseArrayBase.from_list(I64_ELEMENT, [offset]),
                    "static_sizes": DenseArrayBase.from_list(I64_ELEMENT, [size]),
                    "static_strides": DenseArrayBase.from_list(I64_ELEMENT, [1]),
                    "operandSegmentSizes": DenseArrayBase.from_list(
                        I32, [1, len(offsets), len(sizes), 0]
                    ),
                },
            )
        return known

    def _flat_address(
        self, flat: SSAValue, indices: list[Lanes], strides: list[int | SSAValue], copy: int
    ) -> Address:
        """Scalar part of the offset as the index, the rest as a vector of offsets."""
        block = self.block
        start: SSAValue | None = None
        step = 0
        vectors: list[SSAValue] = []
        type_ = vector_type(I64, self.width)
        for index, stride in zip(indices, strides):
            if stride == 0:
                continue
            if index.kind == VARYING:
                part = index.parts[copy]
                if stride != 1:
                    factor = self._stride_vector(stride)
                    part = emit1(block, arith.MuliOp, (part, factor), type_)
                vectors.append(part)
                continue
            scalar = index.parts[0 if index.kind == UNIFORM else copy]
            if stride != 1:
                factor = stride if isinstance(stride, SSAValue) else self.constants.number(stride)
                scalar = emit1(block, arith.MuliOp, (scalar, factor), INDEX)
            start = scalar if start is None else emit1(block, arith.AddiOp, (start, scalar), INDEX)
            if index.kind == LINEAR:
                if isinstance(stride, int):
                    step += index.step * stride
                else:
                    ramp = self.constants.ramp(index.step, I64, self.width)
                    factor = self._stride_vector(stride)
                    vectors.append(emit1(block, arith.MuliOp, (ramp, factor), type_))
        if start is None:
            start = self.constants.number(0)
        if not vectors:
            if step == 1:
                return Address(flat, [start])
            narrow = abs(step) * self.width < 1 << 31
            ramp = self.constants.ramp(step, I32 if narrow else I64, self.width)
            return Address(flat, [start], ramp, step)
        if step:
            vectors.append(self.constants.ramp(step, I64, self.width))
        total = vectors[0]
        for part in vectors[1:]:
            total = emit1(block, arith.AddiOp, (total, part), type_)
        return Address(flat, [start], total)

    def _stride_vector(self, stride: int | SSAValue) -> SSAValue:
        if isinstance(stride, int):
            return self.constants.splat(stride, I64, self.width)
        return self.broadcast(stride)


@cache
def numbers(values: tuple[int, ...]) -> DenseArrayBase:
    """The attribute of `values`, such as the lanes of a shuffle, made once."""
    return DenseArrayBase.from_list(I64_ELEMENT, values)


def element_strides(source: SSAValue) -> list[int | SSAValue]:
    """Strides of a memref: numbers from its type, values from the cast that made it.

    Raises:
        PassFailedException: a stride is dynamic and no `memref.reinterpret_cast` tells it.
    """
    type_ = source.type
    assert isinstance(type_, MemRefType)
    known = strides_of(type_)
    if None not in known:
        return list(known)  # type: ignore[arg-type]
    owner = source.owner
    if not isinstance(owner, memref.ReinterpretCastOp):
        raise PassFailedException(
            f"vectorize: {type_} has dynamic strides; only memref.reinterpret_cast tells them"
        )
    dynamic = iter(owner.strides)
    return [next(dynamic) if s == DYNAMIC else s for s in owner.static_strides.get_values()]


def offset_of(source: SSAValue) -> tuple[int, tuple[SSAValue, ...]]:
    """The offset of a view from its buffer, as `memref.reinterpret_cast` has it: a cast of a view
    counts from the buffer again."""
    owner = source.owner
    if not isinstance(owner, memref.ReinterpretCastOp):
        return 0, ()
    return owner.static_offsets.get_values()[0], tuple(owner.offsets)
