"""Bodies of scalar loops on vectors: the work of `vectorize`.

A scalar of the body becomes, for each of `copies` vectors of consecutive iterations,

- *uniform*: the same in all lanes; stays one scalar, broadcast where a vector needs it;
- *linear*: an integer that grows by a constant from lane to lane; stays a scalar, that of lane 0,
  for addresses, and becomes a vector where one is needed;
- *varying*: a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    MemRefType,
    VectorType,
)
from xdsl.dialects.builtin import i64 as I64_ELEMENT
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, vector
from fxlower.dialects.build import (
    DYNAMIC,
    ELEMENT_BITS,
    I1,
    I32,
    I64,
    INDEX,
    emit,
    emit1,
    int_attr,
    memref_type,
    splat,
    vector_type,
)
from fxlower.dialects.fxt import NonzeroDivisorOp, NormalizeIndexOp
from fxlower.passes.loop_builder import strides_of

UNIFORM, LINEAR, VARYING = range(3)


@dataclass(eq=False)
class Lanes:
    """What a scalar of the body has become."""

    kind: int
    parts: list[SSAValue]
    """One scalar if uniform; else a scalar (linear) or vector (varying) for each copy."""
    step: int = 0
    """Of a linear value: how much it grows from lane to lane."""
    vectors: list[SSAValue] = field(default_factory=list)
    """The vectors of a linear value, once made."""


class Constants:
    """Vector constants, once for a function, at its entry."""

    def __init__(self) -> None:
        self.block = Block()
        self._made: dict[object, SSAValue] = {}

    def get(self, attr: Attribute, type_: Attribute) -> SSAValue:
        key = (attr, type_)
        known = self._made.get(key)
        if known is None:
            known = emit1(self.block, arith.ConstantOp, (), type_, {"value": attr})
            self._made[key] = known
        return known

    def number(self, value: int, type_: Attribute = INDEX) -> SSAValue:
        """A scalar."""
        made = self.get(int_attr(value, type_), type_)
        made.name_hint = f"c{value}" if value >= 0 else None
        return made

    def splat(self, value: float | int, element: Attribute, lanes: int) -> SSAValue:
        """A vector with `value` in all lanes."""
        key = (repr(value), element, lanes)
        known = self._made.get(key)
        if known is None:
            type_ = vector_type(element, lanes)
            known = self._made[key] = self.get(splat(value, type_), type_)
        return known

    def ramp(self, step: int, element: Attribute, lanes: int) -> SSAValue:
        """0, step, 2 * step, ..."""
        key = ("ramp", step, element, lanes)
        known = self._made.get(key)
        if known is None:
            type_ = vector_type(element, lanes)
            values = DenseIntOrFPElementsAttr.from_list(type_, [step * i for i in range(lanes)])
            known = self._made[key] = self.get(values, type_)
            known.name_hint = "ramp"
        return known

    def mask(self, lanes_set: int, lanes: int) -> SSAValue:
        """True in the first `lanes_set` lanes."""
        key = ("mask", lanes_set, lanes)
        known = self._made.get(key)
        if known is None:
            sizes = DenseArrayBase.from_list(I64_ELEMENT, [lanes_set])
            known = self._made[key] = emit1(
                self.block,
                vector.ConstantMaskOp,
                (),
                vector_type(I1, lanes),
                {"mask_dim_sizes": sizes},
            )
            known.name_hint = "mask"
        return known


class Preheader:
    """The block before the widened loops of one scalar loop, and what they share in it."""

    def __init__(self, block: Block, constants: Constants):
        self.block = block
        self.constants = constants
        self.broadcasts: dict[object, SSAValue] = {}
        self.flat: dict[SSAValue, SSAValue] = {}


class Widening:
    """Emits the body of a scalar loop for `copies` vectors of `width` lanes into a block."""

    def __init__(
        self, preheader: Preheader, width: int, copies: int, mask: SSAValue | None, block: Block
    ):
        self.preheader = preheader
        self.constants = preheader.constants
        self.width = width
        self.copies = copies
        self.mask = mask
        self.blocks = [preheader.block, block]
        self.depths: dict[SSAValue, int] = {}
        self.local: dict[object, SSAValue] = {}  # broadcasts inside the loop
        self.values: dict[SSAValue, Lanes] = {}
        if mask is not None:
            assert copies == 1

    # ----------------------------------------------------------------------- values

    @property
    def block(self) -> Block:
        return self.blocks[-1]

    def bind_linear(self, value: SSAValue, parts: list[SSAValue], step: int = 1) -> None:
        self.values[value] = Lanes(LINEAR, parts, step)
        for part in parts:
            self.depths[part] = len(self.blocks) - 1

    def bind_vectors(self, value: SSAValue, parts: list[SSAValue]) -> None:
        self.values[value] = Lanes(VARYING, parts)

    def lanes(self, value: SSAValue) -> Lanes:
        known = self.values.get(value)
        if known is None:
            known = self.values[value] = Lanes(UNIFORM, [value])
        return known

    def scalar(self, value: SSAValue) -> SSAValue:
        """A value that must be uniform, such as the bound of a loop."""
        lanes = self.lanes(value)
        if lanes.kind != UNIFORM:
            raise PassFailedException(
                f"vectorize: {value.type} must be the same in all lanes here, but depends on the "
                "loop that is vectorized"
            )
        return lanes.parts[0]

    def element(self, type_: Attribute) -> Attribute:
        """The element type of the vectors of a scalar type; indices are i64 in vectors."""
        return I64 if type_ == INDEX else type_

    def vectors(self, value: SSAValue) -> list[SSAValue]:
        """A vector for each copy."""
        lanes = self.lanes(value)
        if lanes.kind == VARYING:
            return lanes.parts
        if lanes.kind == UNIFORM:
            return [self.broadcast(lanes.parts[0])] * self.copies
        if not lanes.vectors:
            element = self.element(value.type)
            ramp = self.constants.ramp(lanes.step, element, self.width)
            type_ = vector_type(element, self.width)
            for part in lanes.parts:
                base = self.broadcast(part)
                depth = self.depths.get(part, 0)
                lanes.vectors.append(emit1(self.blocks[depth], arith.AddiOp, (base, ramp), type_))
        return lanes.vectors

    def broadcast(self, scalar: SSAValue) -> SSAValue:
        """A vector with `scalar` in all lanes, made where the scalar is made, once."""
        owner = scalar.owner
        if isinstance(owner, arith.ConstantOp):
            attr = owner.value
            if isinstance(attr, IntegerAttr | FloatAttr):
                element = self.element(scalar.type)
                return self.constants.splat(attr.value.data, element, self.width)
        depth = self.depths.get(scalar, 0)
        memo = self.local if depth else self.preheader.broadcasts
        key = (scalar, self.width)
        known = memo.get(key)
        if known is None:
            block = self.blocks[depth]
            source = scalar
            if scalar.type == INDEX:
                source = emit1(block, arith.IndexCastOp, (scalar,), I64)
            type_ = vector_type(source.type, self.width)
            known = memo[key] = emit1(block, vector.BroadcastOp, (source,), type_)
            known.name_hint = scalar.name_hint
        return known

    # -------------------------------------------------------------------------- bodies

    def body(self, block: Block) -> Operation:
        """Emits all ops of `block` but its terminator, which it returns."""
        for op in block.ops:
            if isinstance(op, scf.YieldOp):
                return op
            handler = _HANDLERS.get(type(op))
            if handler is not None:
                handler(self, op)
            else:
                self.elementwise(op)
        raise PassFailedException("vectorize: a loop body must end in scf.yield")

    def elementwise(self, op: Operation) -> None:
        """Any op that computes each lane for itself."""
        if all(self.lanes(o).kind == UNIFORM for o in op.operands):
            self.uniform(op)
            return
        if op.regions or not op.results:
            raise PassFailedException(f"vectorize: no rule widens '{op.name}'")
        operands = [self.vectors(o) for o in op.operands]
        types = [vector_type(self.element(r.type), self.width) for r in op.results]
        made = [emit(self.block, type(op), parts, types, op.properties) for parts in zip(*operands)]
        for i, result in enumerate(op.results):
            self.values[result] = Lanes(VARYING, [m.results[i] for m in made])
            for m in made:
                m.results[i].name_hint = result.name_hint

    def uniform(self, op: Operation) -> None:
        """An op whose operands are the same in all lanes stays as it is."""
        operands = [self.lanes(o).parts[0] for o in op.operands]
        types = [r.type for r in op.results]
        made = emit(self.block, type(op), operands, types, op.properties, op.attributes)
        for old, new in zip(op.results, made.results):
            new.name_hint = old.name_hint
            self.depths[new] = len(self.blocks) - 1
            self.values[old] = Lanes(UNIFORM, [new])

    def scalar_constant(self, op: Operation) -> None:
        result = op.results[0]
        value = self.constants.get(op.properties["value"], result.type)
        self.values[result] = Lanes(UNIFORM, [value])

    # ------------------------------------------------------------------ index arithmetic

    def index_arithmetic(self, op: Operation) -> None:
        """`addi`, `subi`, `muli`: linear where possible."""
        a, b = (self.lanes(o) for o in op.operands)
        step = self._step(op, a, b)
        if step is None:
            self.elementwise(op)
            return
        result = op.results[0]
        count = self.copies
        parts = zip(
            a.parts * (count if a.kind == UNIFORM else 1),
            b.parts * (count if b.kind == UNIFORM else 1),
        )
        made = [emit1(self.block, type(op), p, result.type, op.properties) for p in parts]
        self.bind_linear(result, made, step)

    def _step(self, op: Operation, a: Lanes, b: Lanes) -> int | None:
        kinds = (a.kind, b.kind)
        if LINEAR not in kinds or VARYING in kinds:
            return None
        if isinstance(op, arith.AddiOp):
            return a.step + b.step
        if isinstance(op, arith.SubiOp):
            return a.step - b.step
        linear, factor = (a, b) if a.kind == LINEAR else (b, a)
        number = _number(factor.parts[0]) if factor.kind == UNIFORM else None
        return None if number is None else linear.step * number

    def index_cast(self, op: Operation) -> None:
        """Between `index`, which is i64 in vectors, and integers."""
        source, result = op.operands[0], op.results[0]
        lanes = self.lanes(source)
        if lanes.kind == UNIFORM:
            self.uniform(op)
            return
        before, after = ELEMENT_BITS[source.type], ELEMENT_BITS[result.type]
        if lanes.kind == LINEAR and after == before:
            made = [emit1(self.block, type(op), (p,), result.type) for p in lanes.parts]
            self.bind_linear(result, made, lanes.step)
            return
        vectors = self.vectors(source)
        if before != after:
            extend = arith.ExtUIOp if isinstance(op, arith.IndexCastUIOp) else arith.ExtSIOp
            cls = arith.TruncIOp if after < before else extend
            type_ = vector_type(self.element(result.type), self.width)
            vectors = [emit1(self.block, cls, (v,), type_) for v in vectors]
        self.values[result] = Lanes(VARYING, vectors)

    def guarded(self, op: Operation) -> None:
        """`fxt.normalize_index` and `fxt.nonzero_divisor`: lanes beyond the end must not trap."""
        source = op.operands[0]
        if self.mask is None or self.lanes(source).kind == UNIFORM:
            self.elementwise(op)
            return
        (lanes,) = self.vectors(source)
        type_ = lanes.type
        safe = 0 if isinstance(op, NormalizeIndexOp) else 1
        neutral = self.constants.splat(safe, self.element(source.type), self.width)
        value = emit1(self.block, arith.SelectOp, (self.mask, lanes, neutral), type_)
        made = emit1(self.block, type(op), (value,), type_, op.properties)
        self.values[op.results[0]] = Lanes(VARYING, [made])

    # ------------------------------------------------------------------- control flow

    def loop(self, op: Operation) -> None:
        """A loop inside: its bounds are uniform; what it carries becomes vectors."""
        assert isinstance(op, scf.ForOp)
        bounds = [self.scalar(b) for b in (op.lb, op.ub, op.step)]
        init = [v for a in op.iter_args for v in self.vectors(a)]
        old = op.body.block
        block = Block(arg_types=[old.args[0].type, *(v.type for v in init)])
        self.blocks.append(block)
        self.depths[block.args[0]] = len(self.blocks) - 1
        self.values[old.args[0]] = Lanes(UNIFORM, [block.args[0]])
        self._bind_carried(old.args[1:], block.args[1:])
        terminator = self.body(old)
        emit(block, scf.YieldOp, [v for o in terminator.operands for v in self.vectors(o)])
        self.blocks.pop()
        types = [v.type for v in init]
        made = emit(self.block, scf.ForOp, (*bounds, *init), types, regions=(Region(block),))
        self._bind_carried(op.results, made.results)

    def _bind_carried(self, old: Sequence[SSAValue], new: Sequence[SSAValue]) -> None:
        for i, value in enumerate(old):
            self.bind_vectors(value, list(new[i * self.copies : (i + 1) * self.copies]))

    def branch(self, op: Operation) -> None:
        """An `scf.if` with a uniform condition."""
        assert isinstance(op, scf.IfOp)
        condition = self.scalar(op.cond)
        regions: list[Region] = []
        for region in op.regions:
            if not region.blocks:
                regions.append(Region())
                continue
            block = Block()
            self.blocks.append(block)
            terminator = self.body(region.block)
            emit(block, scf.YieldOp, [v for o in terminator.operands for v in self.vectors(o)])
            self.blocks.pop()
            regions.append(Region(block))
        types = [
            vector_type(self.element(r.type), self.width)
            for r in op.results
            for _ in range(self.copies)
        ]
        made = emit(self.block, scf.IfOp, (condition,), types, regions=regions)
        self._bind_carried(op.results, made.results)

    # ------------------------------------------------------------------------- memory

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
        mask = self.mask if self.mask is not None else self.constants.mask(self.width, self.width)
        zero = self.constants.splat(0, element, self.width)
        operands = (base, *indices, address.lanes, mask, zero)
        return emit1(block, vector.GatherOp, operands, type_)

    def store(self, op: Operation) -> None:
        value, target, *indices = op.operands
        if all(self.lanes(i).kind == UNIFORM for i in indices):
            raise PassFailedException(
                f"vectorize: all lanes store to the same element of {target.type}; iterations of a "
                "vectorized loop must be independent"
            )
        vectors = self.vectors(value)
        for part, address in zip(vectors, self._addresses(op, target)):
            if address.lanes is not None:
                self._store_lanes(part, address)
            elif self.mask is None:
                emit(self.block, vector.StoreOp, (part, address.base, *address.indices))
            else:
                operands = (address.base, *address.indices, self.mask, part)
                emit(self.block, vector.MaskedStoreOp, operands)

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
            offset, offsets = _offset_of(source)
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


def _number(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None


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


def _offset_of(source: SSAValue) -> tuple[int, tuple[SSAValue, ...]]:
    """The offset of a view from its buffer, as `memref.reinterpret_cast` has it: a cast of a view
    counts from the buffer again."""
    owner = source.owner
    if not isinstance(owner, memref.ReinterpretCastOp):
        return 0, ()
    return owner.static_offsets.get_values()[0], tuple(owner.offsets)


_HANDLERS: dict[type[Operation], Callable[[Widening, Any], None]] = {
    arith.ConstantOp: Widening.scalar_constant,
    arith.AddiOp: Widening.index_arithmetic,
    arith.SubiOp: Widening.index_arithmetic,
    arith.MuliOp: Widening.index_arithmetic,
    arith.IndexCastOp: Widening.index_cast,
    arith.IndexCastUIOp: Widening.index_cast,
    NormalizeIndexOp: Widening.guarded,
    NonzeroDivisorOp: Widening.guarded,
    scf.ForOp: Widening.loop,
    scf.IfOp: Widening.branch,
    memref.LoadOp: Widening.load,
    memref.StoreOp: Widening.store,
}
