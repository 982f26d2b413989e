"""sin, cos, tan and their inverses in f32.

x = q pi/2 + r with |r| <= pi/4, with pi/2 as three constants (Cody and Waite). That is accurate
while |x| <= 1e5; the rare vector with a larger element takes a branch to libm, lane by lane.
"""

from __future__ import annotations

from xdsl.dialects import math, scf
from xdsl.dialects.builtin import VectorType
from xdsl.ir import Block, Operation, Region

from fxlower.dialects import vector
from fxlower.dialects.build import I1, emit, emit1
from fxlower.passes.math_expansions.expression import F32, FORMATS, Expr, Expression

TWO_OVER_PI = 0.63661977236758134308
PI = 3.14159265358979323846
PI_LOW = -8.74227800037e-8  # pi minus the nearest float
HALF_PI = PI / 2

HALF_PI_FMA = (1.5707963705062866, -4.371138828673793e-08, -1.7151245100059e-15)
"""pi/2 as three floats: a fused multiply-add keeps all bits of q times the first."""

HALF_PI_SHORT = (
    1.5703125,
    4.8351287841796875e-4,
    3.13855707645416259765e-7,
    6.077100628276710381e-11,
)
"""pi/2 in parts with so few bits that products with q < 2**13 are exact (from SLEEF)."""

SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
TAN = (
    4.376830334e-3,
    8.842888437e-5,
    1.083667126e-2,
    2.128186236e-2,
    5.405997821e-2,
    1.333266280e-1,
    3.333334977e-1,
)
"""(tan(r) - r) / r**3 in r**2 on [0, pi/4], fitted for least relative error of tan(r)"""


def _reduced(e: Expression, x: Expr) -> tuple[Expr, Expr]:
    """q as an integer, and r."""
    q, integer = e.round_to_integer(x * TWO_OVER_PI)
    r = x
    for part in HALF_PI_FMA if e.has_fma else HALF_PI_SHORT:
        r = e.fma(q, -part, r)
    return integer, r


def _sine(e: Expression, r: Expr) -> Expr:
    square = r * r
    return e.fma(e.polynomial(square, SIN) * square, r, r)


def _cosine(e: Expression, r: Expr) -> Expr:
    square = r * r
    return e.fma(e.polynomial(square, COS), square * square, e.fma(square, -0.5, 1.0))


def _sine_of_quadrant(e: Expression, q: Expr, r: Expr) -> Expr:
    """sin(r + q pi/2)"""
    odd = (q & 1).differs(0)
    y = e.select(odd, _cosine(e, r), _sine(e, r))
    return e.from_bits(e.bits(y) ^ ((q & 2) << 30))


def _with_sign_of(e: Expression, y: Expr, x: Expr) -> Expr:
    """y, negated where x is negative."""
    return e.from_bits(e.bits(y) ^ (e.bits(x) & FORMATS[F32].sign_mask))


def _unless_large(e: Expression, x: Expr, near: Expr, function: type[Operation]) -> Expr:
    """`near`, and `function` itself, a call of libm, where |x| is too large for the reduction."""
    limit = 1e5 if e.has_fma else 8192.0
    large = e.absolute(x) > limit
    any_large = large.value
    if isinstance(large.value.type, VectorType):
        properties = {"kind": vector.CombiningKindAttr(vector.CombiningKindFlag.OR)}
        any_large = emit1(e.block, vector.ReductionOp, (large.value,), I1, properties)
    rare, usual = Block(), Block()
    far = emit1(rare, function, (x.value,), e.type)
    emit(rare, scf.YieldOp, (far,))
    emit(usual, scf.YieldOp, (near.value,))
    branch = emit(e.block, scf.IfOp, (any_large,), (e.type,), regions=(Region(rare), Region(usual)))
    return e.argument(branch.results[0])


def sin(e: Expression, x: Expr) -> Expr:
    q, r = _reduced(e, e.absolute(x))
    near = _with_sign_of(e, _sine_of_quadrant(e, q, r), x)
    return _unless_large(e, x, near, math.SinOp)


def cos(e: Expression, x: Expr) -> Expr:
    q, r = _reduced(e, e.absolute(x))
    return _unless_large(e, x, _sine_of_quadrant(e, q + 1, r), math.CosOp)


def tan(e: Expression, x: Expr) -> Expr:
    q, r = _reduced(e, e.absolute(x))
    square = r * r
    tail = e.polynomial(square, TAN) * square * r
    tangent = r + tail
    inverse = 1.0 / tangent
    error = e.fma(-inverse, tail, e.fma(-inverse, r, 1.0))  # of 1 / (r + tail), not rounded
    cotangent = e.fma(inverse, error, inverse)
    y = e.select((q & 1).differs(0), -cotangent, tangent)
    return _unless_large(e, x, _with_sign_of(e, y, x), math.TanOp)


ASIN = (
    4.2163199048e-2,
    2.4181311049e-2,
    4.5470025998e-2,
    7.4953002686e-2,
    1.6666752422e-1,
)
ATAN = (
    -1.793620306e-3,
    1.091459954e-2,
    -3.117783443e-2,
    5.795758228e-2,
    -8.403449680e-2,
    1.095218556e-1,
    -1.426424164e-1,
    1.999854828e-1,
    -3.333329909e-1,
)
"""(atan(t) - t) / t**3 in t**2 on [0, 1], fitted for least relative error of atan(t)"""


def _arc_sine_parts(e: Expression, x: Expr) -> tuple[Expr, Expr, Expr]:
    """Whether |x| > 1/2, and the arc sine of s as s plus a tail, where s is |x|, or
    sqrt((1 - |x|) / 2) if |x| > 1/2: then asin |x| = pi/2 - 2 asin(s)."""
    a = e.absolute(x)
    large = a > 0.5
    square = e.select(large, e.fma(a, -0.5, 0.5), a * a)
    s = e.select(large, e.sqrt(square), a)
    return large, s, e.polynomial(square, ASIN) * square * s


def asin(e: Expression, x: Expr) -> Expr:
    large, s, tail = _arc_sine_parts(e, x)
    far = e.fma(s, -2.0, HALF_PI) - (tail + tail - PI_LOW / 2)
    return _with_sign_of(e, e.select(large, far, s + tail), x)


def acos(e: Expression, x: Expr) -> Expr:
    large, s, tail = _arc_sine_parts(e, x)
    y = s + tail
    twice = y + y
    far = e.select(x < 0.0, PI - (twice - PI_LOW), twice)
    near = HALF_PI - (_with_sign_of(e, y, x) - PI_LOW / 2)
    return e.select(large, far, near)


def _arc_tangent(e: Expression, t: Expr) -> Expr:
    """atan(t) for 0 <= t <= 1."""
    square = t * t
    return e.fma(e.polynomial(square, ATAN) * square, t, t)


def atan(e: Expression, x: Expr) -> Expr:
    a = e.absolute(x)
    steep = a > 1.0
    angle = _arc_tangent(e, e.select(steep, 1.0 / a, a))
    angle = e.select(steep, HALF_PI - (angle - PI_LOW / 2), angle)
    return _with_sign_of(e, angle, x)


def atan2(e: Expression, y: Expr, x: Expr) -> Expr:
    """The arc tangent of the smaller over the larger magnitude, reflected into its octant."""
    a, b = e.absolute(y), e.absolute(x)
    steep = a > b
    smaller, larger = e.select(steep, b, a), e.select(steep, a, b)
    ratio = e.select(smaller.equals(larger), 1.0, smaller / larger)  # infinities too
    ratio = e.select(larger.equals(0.0), 0.0, ratio)
    angle = _arc_tangent(e, ratio)
    angle = e.select(steep, HALF_PI - (angle - PI_LOW / 2), angle)
    behind = e.bits(x) < 0  # -0.0 too
    angle = e.select(behind, PI - (angle - PI_LOW), angle)
    angle = _with_sign_of(e, angle, y)
    return e.select(y.unordered(x), x + y, angle)
