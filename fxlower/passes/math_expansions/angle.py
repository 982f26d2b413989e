"""Reduction of an angle: x = q pi/2 + r with |r| <= pi/4, for any x.

Usually by Cody and Waite: q times pi/2 in three parts is subtracted, which is accurate while
|x| <= 1e5. The rare vector with a larger element takes a branch to the method of Payne and Hanek:
of the digits of 2/pi only those matter whose products with x are neither multiples of 4 nor beyond
the precision of r. They come from a table, and their products are sums of two f64 each.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import math, memref, scf
from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    MemRefType,
    UnitAttr,
    VectorType,
    i32,
)
from xdsl.ir import Block, Region

from fxlower.dialects import arith, llvm, vector
from fxlower.dialects.arith import with_element
from fxlower.dialects.build import F32, F64, I1, INDEX, emit, emit1, vector_type
from fxlower.passes.math_expansions.expression import Expr, Expression

TWO_OVER_PI = 0.63661977236758134308
HALF_PI = 1.57079632679489661923
HALF_PI_LOW = 6.123233995736766e-17

HALF_PI_FMA = {
    F32: (1.5707963705062866, -4.371138828673793e-08, -1.7151245100059e-15),
    F64: (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
"""pi/2 as three floats: a fused multiply-add keeps all bits of q times the first."""

HALF_PI_SHORT = {
    F32: (1.5703125, 4.8351287841796875e-4, 3.13855707645416259765e-7, 6.077100628276710381e-11),
    F64: (
        1.5707963267341256,
        6.077100506303966e-11,
        2.0222662487111665e-21,
        8.4784276603689e-32,
    ),
}
"""pi/2 in parts with so few bits that products with q are exact (f32: from SLEEF)."""


def reduced(e: Expression, a: Expr, *, precise: bool = False) -> list[Expr]:
    """q modulo 4 as an integer, and r, of a >= 0; NaN of infinity. `precise` adds what rounding
    took from r."""
    q, integer = e.round_to_integer(a * TWO_OVER_PI)
    near = [integer, *(_precise_rest if precise else _rest)(e, a, q)]
    large = a > (1e5 if e.has_fma or e.element == F64 else 8192.0)
    rare, usual = Block(), Block()
    inside = e.in_block(rare)
    far = _reduced_by_table(inside, a)
    yielded = [inside.select(large, x, y).value for x, y in zip(far, near)]
    emit(rare, scf.YieldOp, yielded)
    emit(usual, scf.YieldOp, [v.value for v in near])
    types = [v.type for v in yielded]
    branch = emit(
        e.block,
        scf.IfOp,
        (e.any(large).value,),
        types,
        attributes={llvm.RARE: UnitAttr()},
        regions=(Region(rare), Region(usual)),
    )
    return [e.argument(r) for r in branch.results]


def _rest(e: Expression, a: Expr, q: Expr) -> tuple[Expr, ...]:
    """a - q pi/2"""
    r = a
    for part in e.pick(HALF_PI_FMA if e.has_fma else HALF_PI_SHORT):
        r = e.fma(q, -part, r)
    return (r,)


def _precise_rest(e: Expression, a: Expr, q: Expr) -> tuple[Expr, ...]:
    """a - q pi/2 as a sum of two."""
    first, second, *others = e.pick(HALF_PI_FMA if e.has_fma else HALF_PI_SHORT)
    product, error = e.two_product(q, second)
    r, low = e.two_sum(e.fma(q, -first, a), -product)
    low = low - error
    for part in others:
        low = e.fma(q, -part, low)
    return e.fast_two_sum(r, low)


DIGITS = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e0"
    "06492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f4"
    "9c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d"
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
    16,
)
BITS = 1280
"""2/pi is DIGITS / 2**BITS."""

STEP = 16
"""Bits from one entry of the table to the next; each has the 48 bits from there on."""
BEFORE = 48
"""Bits of the table before the point."""
ENTRIES = 80
SCALE = 2.0**128
"""Entries are larger by this, and x smaller, lest the last entries be denormal."""

COARSE = 1.5 * 2.0**24
"""Adding and subtracting it rounds to a multiple of 2**-28, for less than 2**23."""

_TABLE_TYPE = MemRefType(F64, (ENTRIES,))
_ROW_TYPE = vector_type(F64, 8)
_NO_SIZES = {"operandSegmentSizes": DenseArrayBase.from_list(i32, (0, 0))}


def _entry(index: int) -> float:
    end = STEP * index - BEFORE + 48
    return float(DIGITS >> (BITS - end) & ((1 << 48) - 1)) * 2.0 ** (128 - end)


_ROWS = [
    DenseIntOrFPElementsAttr.from_list(_ROW_TYPE, [_entry(i + k) for k in range(8)])
    for i in range(0, ENTRIES, 8)
]


def _reduced_by_table(e: Expression, a: Expr) -> tuple[Expr, Expr, Expr]:
    """x is a multiple of 2**E: its product with bit j of 2/pi, which counts 2**-j, is a multiple of
    4 for j <= E - 2. From there on 144 bits are enough for a result of f64, and 96 for one of f32.
    """
    single = e.element == F32
    d = e.with_floats(F64)
    x = d.op(arith.ExtFOp, (a,), d.type) if single else d.argument(a.value)
    f = d.format
    skipped = f.bias + f.mantissa_bits + 2 - BEFORE
    above = d.bits(x).logical_shift(f.mantissa_bits) - skipped
    first = d.op(arith.MaxSIOp, (above, d.like(0, above))).logical_shift(4)
    x = x * (1 / SCALE)
    (p0, l0), (p1, l1), (p2, l2), *last = (
        d.two_product(x, part) for part in _lookup(d, first, (0, 3, 6) if single else (0, 3, 6, 9))
    )
    # What is added here counts multiples of 2**-46 below 16, so that sums are exact.
    p1_high = (p1 + COARSE) - COARSE
    turns = _modulo_4(d, p0) + _modulo_4(d, l0) + _modulo_4(d, p1_high)
    q = d.op(math.RoundEvenOp, (turns,))
    r = turns - q
    small = (p2, l1, p1 - p1_high)  # below 2**-24
    if single:
        q = e.op(arith.TruncFOp, (q,), e.type)
        r = (small[0] + small[1] + small[2] + r) * HALF_PI
        high = e.op(arith.TruncFOp, (r,), e.type)
        rest = r - d.op(arith.ExtFOp, (high,), d.type)
        return e.round_to_integer(q)[1], high, e.op(arith.TruncFOp, (rest,), e.type)
    low = l2 + last[0][0]
    for term in small:
        r, error = d.two_sum(r, term)
        low = low + error
    r, low = d.fast_two_sum(r, low)
    high, error = d.two_product(r, HALF_PI)
    low = d.fma(r, HALF_PI_LOW, d.fma(low, HALF_PI, error))
    r, low = d.fast_two_sum(high, low)
    return e.round_to_integer(q)[1], r, low


def _modulo_4(d: Expression, x: Expr) -> Expr:
    """In [-2, 2]; exact."""
    return x - d.op(math.RoundEvenOp, (x * 0.25,)) * 4.0


def _lookup(d: Expression, index: Expr, offsets: Sequence[int]) -> list[Expr]:
    """The entries of the table, which is put on the stack, at `index` plus each offset."""
    block = d.block
    table = emit1(block, memref.AllocaOp, (), _TABLE_TYPE, _NO_SIZES)
    for i, row in enumerate(_ROWS):
        values = emit1(block, arith.ConstantOp, (), _ROW_TYPE, {"value": row})
        emit(block, vector.StoreOp, (values, table, d.constant(8 * i, INDEX).value))
    places = [d.constant(offset, INDEX).value for offset in offsets]
    if not isinstance(d.type, VectorType):
        at = emit1(block, arith.IndexCastOp, (index.value,), INDEX)
        sums = [emit1(block, arith.AddiOp, (at, place), INDEX) for place in places]
        return [d.argument(emit1(block, memref.LoadOp, (table, s), F64)) for s in sums]
    every = d.constant(1, with_element(d.type, I1)).value
    zero = d.constant(0.0, d.type).value
    return [
        d.argument(emit1(block, vector.GatherOp, (table, place, index.value, every, zero), d.type))
        for place in places
    ]
