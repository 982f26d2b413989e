"""Casts of casts.

A round trip of f32 through bf16 or f16 is dropped: `cast(cast(x: f32 -> bf16) -> f32)` is x.
Autocast and low-precision decompositions make such pairs between every two ops; computing with
the value that was not rounded is what fused kernels of other compilers do as well, and is never
less precise. All other folds keep every bit.
"""

from __future__ import annotations

from functools import cache

from xdsl.dialects.builtin import IntegerType, Signedness
from xdsl.ir import Attribute, SSAValue

from fxlower.dialects.build import BF16, F16, F32, F64, I1, is_float
from fxlower.dialects.fxt import BitcastOp, CastOp, element
from fxlower.passes.fxt_folds.rebuild import Rebuilder, Request

_SIGNIFICANT_BITS = {BF16: 8, F16: 11, F32: 24, F64: 53}


@cache
def is_exact(source: Attribute, target: Attribute) -> bool:
    """Whether `target` has every value of `source`."""
    if source in (target, I1):
        return True
    if is_float(source):
        return (source, target) in ((F16, F32), (BF16, F32), (F16, F64), (BF16, F64), (F32, F64))
    if target == I1:
        return False
    bits, signed = _integer(source)
    if is_float(target):
        return bits - signed <= _SIGNIFICANT_BITS[target]
    wide, wide_signed = _integer(target)
    return wide - wide_signed >= bits - signed and wide_signed >= signed


def _integer(element_: Attribute) -> tuple[int, bool]:
    assert isinstance(element_, IntegerType)
    return element_.width.data, element_.signedness.data != Signedness.UNSIGNED


@cache
def _skips(a: Attribute, b: Attribute, c: Attribute) -> bool:
    """Whether a -> b -> c is a -> c."""
    if a == c == F32 and b in (BF16, F16):
        return True
    if c in (BF16, F16) and a in (BF16, F16) and a != c:
        return False  # there is no such conversion without f32 between
    if is_exact(a, b):
        return True
    if is_float(a) or is_float(b) or is_float(c) or I1 in (b, c):
        return False
    # Integers wrap around: the low bits of a, whatever b was, as long as b has as many.
    return _integer(c)[0] <= _integer(b)[0]


def fold_cast(r: Rebuilder, q: Request) -> SSAValue | None:
    (value,) = q.operands
    if value.type == q.type:
        return value
    owner = value.owner
    if isinstance(owner, CastOp):
        source = owner._operands[0]
        if _skips(element(source), element(value), q.type.element_type):  # type: ignore[attr-defined]
            return r.build(CastOp, (source,), q.type)
    return None


def fold_bitcast(r: Rebuilder, q: Request) -> SSAValue | None:
    (value,) = q.operands
    if value.type == q.type:
        return value
    owner = value.owner
    if isinstance(owner, BitcastOp):
        return r.build(BitcastOp, (owner._operands[0],), q.type)
    return None
