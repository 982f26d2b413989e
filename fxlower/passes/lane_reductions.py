"""Reductions of lanes: neutral elements, accumulators combined, all lanes of a vector to one value,
and those of several vectors to one vector.

The last of these is a transposition that combines as it goes: where `vector_transpose` makes two
vectors of two by shuffles, here they are combined to one. For 16 vectors of 16 lanes that is 45
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


def reduce_rows(block: Block, op: Operation, rows: Sequence[SSAValue]) -> SSAValue:
    """The vector whose lane i is all lanes of `rows[i]`; both counts are powers of two, and there
    are no more rows than lanes."""
    type_ = rows[0].type
    assert isinstance(type_, VectorType)
    element, width = type_.element_type, type_.get_shape()[0]
    if element == I1:  # a byte each: masks have no shuffles
        bytes_ = vector_type(I8, width)
        wide = [emit1(block, arith.ExtUIOp, (row,), bytes_) for row in rows]
        result = reduce_rows(block, op, wide)
        return emit1(block, arith.TruncIOp, (result,), vector_type(I1, len(rows)))
    bits = ELEMENT_BITS[element]
    vectors = [rows[i] for i in _order(len(rows), width, bits)]
    for _, low, high in transpose_stages(width, bits):
        if len(vectors) == 1:
            break
        vectors = [
            combine(block, op, _shuffle(block, a, b, low), _shuffle(block, a, b, high))
            for a, b in zip(vectors[::2], vectors[1::2])
        ]
    (total,) = vectors
    while width > len(rows):
        width //= 2
        low, high = tuple(range(width)), tuple(range(width, 2 * width))
        halves = [_shuffle(block, total, total, mask) for mask in (low, high)]
        total = combine(block, op, *halves)
    return total


@cache
def _order(rows: int, width: int, bits: int) -> tuple[int, ...]:
    """In which order the rows come in, so that their results come out in order: found by running
    the shuffles on names."""
    names = [(i,) * width for i in range(rows)]
    for _, low, high in transpose_stages(width, bits):
        if len(names) == 1:
            break
        pairs = [a + b for a, b in zip(names[::2], names[1::2])]
        assert all([p[i] for i in low] == [p[i] for i in high] for p in pairs)
        names = [tuple(p[i] for i in low) for p in pairs]
    (found,) = names
    assert found == found[:rows] * (width // rows), "what remains is folded by halves"
    order = [0] * rows
    for lane, name in enumerate(found[:rows]):
        order[name] = lane
    return tuple(order)


def _shuffle(block: Block, a: SSAValue, b: SSAValue, mask: Mask) -> SSAValue:
    type_ = vector_type(a.type.element_type, len(mask))  # type: ignore[attr-defined]
    return emit1(block, vector.ShuffleOp, (a, b), type_, _mask(mask))


@cache
def _mask(mask: Mask) -> dict[str, Attribute]:
    return {"mask": DenseArrayBase.from_list(i64, mask)}
