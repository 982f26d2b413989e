"""Reductions of lanes: neutral elements, accumulators combined, all lanes of a vector to one value,
and those of several vectors to one vector.

The last of these is a transposition that combines as it goes: where `vector_transpose` makes two
vectors of two by shuffles, here they are combined to one. For 16 vectors of 16 lanes that is 46
instructions instead of 16 * 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from xdsl.dialects.arith import FastMathFlagsAttr
from xdsl.dialects.builtin import DenseArrayBase, IntegerType, VectorType, i64
from xdsl.dialects.utils import FastMathFlag
from xdsl.dialects.vector import CombiningKindAttr, CombiningKindFlag
from xdsl.ir import Attribute, Block, Operation, SSAValue

from fxlower.dialects import arith, vector
from fxlower.dialects.build import ELEMENT_BITS, I1, I8, emit1, vector_type
from fxlower.passes.vector_transpose import Mask, transpose_stages


def _lowest(type_: Attribute) -> int:
    assert isinstance(type_, IntegerType)
    return -1 << (type_.width.data - 1)


NEUTRAL = {
    arith.AddfOp: lambda t: 0.0,
    arith.MulfOp: lambda t: 1.0,
    arith.MaximumfOp: lambda t: float("-inf"),
    arith.MinimumfOp: lambda t: float("inf"),
    arith.AddiOp: lambda t: 0,
    arith.MuliOp: lambda t: 1,
    arith.MaxSIOp: _lowest,
    arith.MinSIOp: lambda t: -1 - _lowest(t),
    arith.MaxUIOp: lambda t: 0,
    arith.MinUIOp: lambda t: -1,
    arith.OrIOp: lambda t: 0,
    arith.AndIOp: lambda t: -1,
    arith.XOrIOp: lambda t: 0,
}
"""The associative ops, each with its neutral element in a type."""

_KINDS = {
    cls: CombiningKindAttr(CombiningKindFlag(kind))
    for cls, kind in {
        arith.AddfOp: "add",
        arith.MulfOp: "mul",
        arith.MaximumfOp: "maximumf",
        arith.MinimumfOp: "minimumf",
        arith.AddiOp: "add",
        arith.MuliOp: "mul",
        arith.MaxSIOp: "maxsi",
        arith.MinSIOp: "minsi",
        arith.MaxUIOp: "maxui",
        arith.MinUIOp: "minui",
        arith.OrIOp: "or",
        arith.AndIOp: "and",
        arith.XOrIOp: "xor",
    }.items()
}

_NO_FASTMATH = FastMathFlagsAttr("none")
_REASSOCIATE = FastMathFlagsAttr([FastMathFlag.REASSOC])


def neutral_of(op: Operation) -> float | int:
    return NEUTRAL[type(op)](op.results[0].type)


def is_neutral(op: Operation, value: SSAValue) -> bool:
    """Whether `value` is the neutral constant of `op`."""
    owner = value.owner
    if not isinstance(owner, arith.ConstantOp):
        return False
    found = owner.properties["value"].value.data  # type: ignore[attr-defined]
    neutral = neutral_of(op)
    if value.type == I1:
        return bool(found) == bool(neutral)
    return found == neutral


def combine(block: Block, op: Operation, a: SSAValue, b: SSAValue) -> SSAValue:
    return emit1(block, type(op), (a, b), a.type, op.properties)


def combine_all(block: Block, op: Operation, parts: Sequence[SSAValue]) -> SSAValue:
    """One of several accumulators, as a tree."""
    parts = list(parts)
    while len(parts) > 1:
        odd = parts[-1:] if len(parts) % 2 else []
        parts = [combine(block, op, a, b) for a, b in zip(parts[::2], parts[1::2])] + odd
    return parts[0]


def reduce_lanes(block: Block, op: Operation, lanes: SSAValue) -> SSAValue:
    """All lanes of a vector as one value."""
    fast = isinstance(op, arith.AddfOp | arith.MulfOp)
    properties = {"kind": _KINDS[type(op)], "fastmath": _REASSOCIATE if fast else _NO_FASTMATH}
    element = lanes.type.element_type  # type: ignore[attr-defined]
    return emit1(block, vector.ReductionOp, (lanes,), element, properties)


# ------------------------------------------------------------------- several vectors at once


class RowReduction:
    """Makes the vector whose lane i is all lanes of row i. `rows` is a power of two, and no more
    than a row has lanes; they are added in turn. Each pair is combined as soon as it is there, so
    that few vectors live at a time."""

    def __init__(self, op: Operation, rows: int):
        self.op = op
        self.rows = rows
        self.waiting: list[SSAValue | None] = []
        """For each stage the first vector of a pair."""

    def add(self, block: Block, row: SSAValue) -> SSAValue | None:
        """All rows, after the last one."""
        type_ = row.type
        assert isinstance(type_, VectorType)
        (width,) = type_.get_shape()
        if type_.element_type == I1:  # a byte each: masks have no shuffles
            row = emit1(block, arith.ExtUIOp, (row,), vector_type(I8, width))
        bits = ELEMENT_BITS[type_.element_type]
        stages = transpose_stages(width, bits, width)
        self.waiting = self.waiting or [None] * len(stages)
        paired = self.rows.bit_length() - 1
        for stage, (_, low, high) in enumerate(stages):
            other = self.waiting[stage]
            if other is None and stage < paired:
                self.waiting[stage] = row
                return None
            self.waiting[stage] = None
            # What is left when all rows are in one vector is combined with itself.
            first = row if other is None else other
            halves = [_shuffle(block, first, row, mask) for mask in (low, high)]
            row = combine(block, self.op, *halves)
        places = _places(self.rows, width, bits)
        if places != tuple(range(width)):
            row = _shuffle(block, row, row, places)
        if type_.element_type == I1:
            row = emit1(block, arith.TruncIOp, (row,), vector_type(I1, self.rows))
        return row


@cache
def _places(rows: int, width: int, bits: int) -> Mask:
    """The lane of each row in the end, found by running the shuffles on names."""
    names = [(i,) * width for i in range(rows)]
    for _, low, high in transpose_stages(width, bits, width):
        pairs = [a + b for a, b in zip(names[::2], names[1::2] or names)]
        assert all([p[i] for i in low] == [p[i] for i in high] for p in pairs)
        names = [tuple(p[i] for i in low) for p in pairs]
    (found,) = names
    return tuple(found.index(row) for row in range(rows))


def _shuffle(block: Block, a: SSAValue, b: SSAValue, mask: Mask) -> SSAValue:
    type_ = vector_type(a.type.element_type, len(mask))  # type: ignore[attr-defined]
    return emit1(block, vector.ShuffleOp, (a, b), type_, _mask(mask))


@cache
def _mask(mask: Mask) -> dict[str, Attribute]:
    return {"mask": DenseArrayBase.from_list(i64, mask)}
