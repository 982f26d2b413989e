"""Algebraic identities of elementwise ops.

Every one is exact: bit for bit, for NaN, infinities and signed zeros. So `x + 0.0` stays (it
turns -0.0 into 0.0) while `x + -0.0` and `x - 0.0` are x, and `x * 0.0` is never 0.
"""

from __future__ import annotations

import math

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, Operation, SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import BF16, F16, F32, F64, I1, dims_of, is_float
from fxlower.dialects.fxt import element
from fxlower.passes.fxt_folds.constants import full_value
from fxlower.passes.fxt_folds.number import Number, wrap
from fxlower.passes.fxt_folds.rebuild import Rebuilder, Request


def _inner(value: SSAValue, cls: type[Operation]) -> SSAValue | None:
    """x if `value` is `cls(x)`."""
    owner = value.owner
    return owner._operands[0] if isinstance(owner, Operation) and type(owner) is cls else None


def _is(number: Number | None, wanted: Number) -> bool:
    """Equal including the sign of zero."""
    if number is None or number != wanted:
        return False
    return math.copysign(1, number) == math.copysign(1, wanted)


def _zero(r: Rebuilder, q: Request) -> SSAValue:
    return r.full(0, q.type.element_type, dims_of(q.type))  # type: ignore[attr-defined]


def fold_add(r: Rebuilder, q: Request) -> SSAValue | None:
    floating = is_float(element(q.operands[0]))
    for x, y in (q.operands, q.operands[::-1]):
        number = full_value(y)
        if number is not None and (_is(number, -0.0) if floating else number == 0):
            return x
        negated = _inner(y, fxt.NegOp)
        if negated is not None:
            return r.like(fxt.SubOp, x, negated)
    return None


def fold_sub(r: Rebuilder, q: Request) -> SSAValue | None:
    x, y = q.operands
    number = full_value(y)
    if number is not None and _is(number, 0):
        return x
    if x is y and not is_float(element(x)):
        return _zero(r, q)
    negated = _inner(y, fxt.NegOp)
    return r.like(fxt.AddOp, x, negated) if negated is not None else None


def fold_mul(r: Rebuilder, q: Request) -> SSAValue | None:
    elements = element(q.operands[0])
    for x, y in (q.operands, q.operands[::-1]):
        number = full_value(y)
        if number is None:
            continue
        if number == 1:
            return x
        if number == 0 and not is_float(elements):
            return y
        if number == -1 and elements != I1:
            return r.like(fxt.NegOp, x)
    return None


_MIN_EXPONENT = {F16: -14, BF16: -126, F32: -126, F64: -1022}


def fold_div(r: Rebuilder, q: Request) -> SSAValue | None:
    x, y = q.operands
    number = full_value(y)
    if number is None:
        return None
    if number == 1:
        return x
    if not isinstance(number, float) or not math.isfinite(number) or number == 0:
        return None
    elements = element(x)
    fraction, exponent = math.frexp(number)
    # A power of two whose reciprocal is a normal number: multiplying is as exact, and faster.
    if abs(fraction) == 0.5 and _MIN_EXPONENT[elements] < exponent <= 1 - _MIN_EXPONENT[elements]:
        return r.like(fxt.MulOp, x, r.full(1 / number, elements, dims_of(q.type)))
    return None


def fold_floordiv(r: Rebuilder, q: Request) -> SSAValue | None:
    return q.operands[0] if full_value(q.operands[1]) == 1 else None


def fold_neg(r: Rebuilder, q: Request) -> SSAValue | None:
    return _inner(q.operands[0], fxt.NegOp)


def fold_abs(r: Rebuilder, q: Request) -> SSAValue | None:
    (x,) = q.operands
    if _inner(x, fxt.AbsOp) is not None:
        return x
    negated = _inner(x, fxt.NegOp)
    return r.like(fxt.AbsOp, negated) if negated is not None else None


_INVERSE = {"eq": "ne", "ne": "eq", "lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}


def _compare(r: Rebuilder, predicate: str, x: SSAValue, y: SSAValue, type_: Attribute) -> SSAValue:
    return r.build(fxt.CmpOp, (x, y), type_, {"predicate": StringAttr(predicate)})


def fold_not(r: Rebuilder, q: Request) -> SSAValue | None:
    (x,) = q.operands
    if (inner := _inner(x, fxt.NotOp)) is not None:
        return inner
    owner = x.owner
    if isinstance(owner, fxt.CmpOp):
        a, b = owner._operands
        predicate = owner.predicate.data
        # With a NaN both `lt` and `ge` are false; `eq` and `ne` remain opposites.
        if predicate in ("eq", "ne") or not is_float(element(a)):
            return _compare(r, _INVERSE[predicate], a, b, q.type)
    return None


def fold_and(r: Rebuilder, q: Request) -> SSAValue | None:
    if q.operands[0] is q.operands[1]:
        return q.operands[0]
    for x, y in (q.operands, q.operands[::-1]):
        number = full_value(y)
        if number == 0:
            return y
        if number is not None and number == _ones(element(x)):
            return x
    return None


def fold_or(r: Rebuilder, q: Request) -> SSAValue | None:
    if q.operands[0] is q.operands[1]:
        return q.operands[0]
    for x, y in (q.operands, q.operands[::-1]):
        number = full_value(y)
        if number == 0:
            return x
        if number is not None and number == _ones(element(x)):
            return y
    return None


def fold_xor(r: Rebuilder, q: Request) -> SSAValue | None:
    if q.operands[0] is q.operands[1]:
        return _zero(r, q)
    for x, y in (q.operands, q.operands[::-1]):
        number = full_value(y)
        if number == 0:
            return x
        if number is not None and number == _ones(element(x)):
            return r.like(fxt.NotOp, x)
    return None


def _ones(elements: Attribute) -> int:
    return 1 if elements == I1 else wrap(-1, elements)


def fold_shift(r: Rebuilder, q: Request) -> SSAValue | None:
    return q.operands[0] if full_value(q.operands[1]) == 0 else None


def fold_max(r: Rebuilder, q: Request) -> SSAValue | None:
    return _extremum(q, -math.inf)


def fold_min(r: Rebuilder, q: Request) -> SSAValue | None:
    return _extremum(q, math.inf)


def _extremum(q: Request, neutral: float) -> SSAValue | None:
    if q.operands[0] is q.operands[1]:
        return q.operands[0]
    for x, y in (q.operands, q.operands[::-1]):
        if full_value(y) == neutral:
            return x
    return None


def fold_pow(r: Rebuilder, q: Request) -> SSAValue | None:
    """The exponents that eager mode computes without `pow` as well."""
    x, y = q.operands
    number = full_value(y)
    if number is None:
        return None
    one = lambda: r.full(1.0, element(x), dims_of(q.type))  # noqa: E731
    if number == 0:
        return one()
    if number == 1:
        return x
    if number == 2:
        return r.like(fxt.MulOp, x, x)
    if number == 3:
        return r.like(fxt.MulOp, r.like(fxt.MulOp, x, x), x)
    if number == 0.5:
        return r.like(fxt.SqrtOp, x)
    if number == -0.5:
        return r.like(fxt.RsqrtOp, x)
    if number == -1:
        return r.like(fxt.DivOp, one(), x)
    if number == -2:
        return r.like(fxt.DivOp, one(), r.like(fxt.MulOp, x, x))
    return None


_REFLEXIVE = {"eq": 1, "le": 1, "ge": 1, "ne": 0, "lt": 0, "gt": 0}


def fold_cmp(r: Rebuilder, q: Request) -> SSAValue | None:
    x, y = q.operands
    predicate = q.properties["predicate"].data  # type: ignore[attr-defined]
    if x is y and not is_float(element(x)):
        return r.full(_REFLEXIVE[predicate], I1, dims_of(q.type))
    number = full_value(y)
    if number is None or predicate not in ("eq", "ne"):
        return None
    if element(x) != I1:
        source = _inner(x, fxt.CastOp)
        if source is None or element(source) != I1 or number not in (0, 1):
            return None
        x = source
    return x if (predicate == "eq") == (number == 1) else r.like(fxt.NotOp, x)


def fold_select(r: Rebuilder, q: Request) -> SSAValue | None:
    condition, x, y = q.operands
    if x is y:
        return x
    number = full_value(condition)
    if number is not None:
        return x if number else y
    if (inner := _inner(condition, fxt.NotOp)) is not None:
        return r.build(fxt.SelectOp, (inner, y, x), q.type)
    if element(x) == I1:
        arms = full_value(x), full_value(y)
        if arms == (1, 0):
            return condition
        if arms == (0, 1):
            return r.like(fxt.NotOp, condition)
    return None


_ROUNDING = (fxt.FloorOp, fxt.CeilOp, fxt.RoundOp, fxt.TruncOp)


def fold_rounding(r: Rebuilder, q: Request) -> SSAValue | None:
    """Integers are rounded already."""
    (x,) = q.operands
    owner = x.owner
    if isinstance(owner, _ROUNDING):
        return x
    if isinstance(owner, fxt.CastOp) and not is_float(element(owner._operands[0])):
        return x
    return None


def fold_nonzero_divisor(r: Rebuilder, q: Request) -> SSAValue | None:
    (x,) = q.operands
    return x if isinstance(x.owner, fxt.NonzeroDivisorOp) else None
