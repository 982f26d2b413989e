"""Scalars of a loop body as lanes of vectors: the values of `fxlower/passes/widening.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
)
from xdsl.dialects.builtin import i64 as I64_ELEMENT
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, vector
from fxlower.dialects.build import I1, I64, INDEX, emit, emit1, int_attr, splat, vector_type

UNIFORM, LINEAR, VARYING, PATTERN = range(4)


@dataclass(eq=False)
class Lanes:
    """What a scalar of the body has become."""

    kind: int
    parts: list[SSAValue]
    """One scalar if uniform; else a scalar (linear, pattern) or vector (varying) for each copy."""
    step: int = 0
    """Of a linear value: how much it grows from lane to lane."""
    vectors: list[SSAValue] = field(default_factory=list)
    """The vectors of a linear value or a pattern, once made."""
    offsets: tuple[int, ...] = ()
    """Of a pattern: what is added in each lane."""


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
        made = self.table(tuple(step * i for i in range(lanes)), element)
        made.name_hint = "ramp"
        return made

    def table(self, numbers: tuple[int, ...], element: Attribute) -> SSAValue:
        """A vector of `numbers`."""
        key = ("table", numbers, element)
        known = self._made.get(key)
        if known is None:
            type_ = vector_type(element, len(numbers))
            values = DenseIntOrFPElementsAttr.from_list(type_, numbers)
            known = self._made[key] = self.get(values, type_)
        return known

    def every(self, step: int, first: int, lanes: int) -> SSAValue:
        """True in lanes first, first + step, ..."""
        type_ = vector_type(I1, lanes)
        values = [int(lane >= first and (lane - first) % step == 0) for lane in range(lanes)]
        made = self.get(DenseIntOrFPElementsAttr.from_list(type_, values), type_)
        made.name_hint = "mask"
        return made

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

    def __init__(self, block: Block, constants: Constants, masks: bool):
        self.block = block
        self.constants = constants
        self.masks = masks
        """Whether the target stores under masks as fast as without."""
        self.broadcasts: dict[object, SSAValue] = {}
        self.flat: dict[SSAValue, SSAValue] = {}


class LaneValues:
    """What the scalars of a loop body have become, for `copies` vectors of `width` lanes.

    `blocks` are the preheader and the blocks that are open in it.
    """

    def __init__(
        self,
        preheader: Preheader,
        width: int,
        copies: int,
        mask: SSAValue | None,
        block: Block,
        left: SSAValue | int | None = None,
    ):
        self.preheader = preheader
        self.constants = preheader.constants
        self.width = width
        self.copies = copies
        self.mask = mask
        self.left = left
        """How many iterations are left for the lanes, where there is a mask."""
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

    def bind_linear(self, value: SSAValue, parts: Sequence[SSAValue], step: int = 1) -> None:
        self.values[value] = Lanes(LINEAR, list(parts), step)
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
            if lanes.kind == PATTERN:
                ramp = self.constants.table(lanes.offsets, element)
            else:
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

    def uniform(self, op: Operation) -> None:
        """An op whose operands are the same in all lanes stays as it is."""
        operands = [self.lanes(o).parts[0] for o in op.operands]
        types = [r.type for r in op.results]
        made = emit(self.block, type(op), operands, types, op.properties, op.attributes)
        for old, new in zip(op.results, made.results):
            new.name_hint = old.name_hint
            self.depths[new] = len(self.blocks) - 1
            self.values[old] = Lanes(UNIFORM, [new])


# ----------------------------------------------------------------------------- questions


def number_of(value: SSAValue) -> int | None:
    """The number that `value` is, where it is a constant."""
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None


def extent_of(lower: SSAValue, upper: SSAValue) -> int | None:
    """How much `upper` is more than `lower`, where it is known."""
    a, b = number_of(lower), number_of(upper)
    if a is not None and b is not None:
        return b - a
    owner = upper.owner
    if isinstance(owner, arith.AddiOp) and owner.lhs is lower:
        return number_of(owner.rhs)
    return None
