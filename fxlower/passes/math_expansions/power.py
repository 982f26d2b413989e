"""pow and rsqrt."""

from __future__ import annotations

from fxlower.dialects import arith
from fxlower.passes.math_expansions.exponential import EXP, LN2, LOG2_E
from fxlower.passes.math_expansions.expression import F32, F64, Expr, Expression
from fxlower.passes.math_expansions.logarithm import exponent_and_mantissa

LOG2_OVER_T = tuple(2 / ((2 * k + 1) * LN2) for k in range(8, -1, -1))
"""log2((1 + t) / (1 - t)) / t in t**2: the series of the area tangent"""

EXP2 = tuple(
    LN2**k / f
    for k, f in ((9, 362880), (8, 40320), (7, 5040), (6, 720), (5, 120), (4, 24), (3, 6), (2, 2))
) + (LN2, 1.0)

LOG_AFTER_CUBE = (
    0.1319621263805255,
    0.1325682977427955,
    0.15386756836349458,
    0.18181784377373075,
    0.22222222519811632,
    0.28571428570100166,
    0.40000000000002256,
)
"""(log((1 + s) / (1 - s)) - 2 s - 2/3 s**3) / s**5 in s**2, by minimax LOG_AFTER_CUBE."""
TWO_THIRDS, TWO_THIRDS_LOW = 2 / 3, 3.700743415417188e-17
LOG2_E_LOW = 2.0355273740931033e-17


def rsqrt(e: Expression, x: Expr) -> Expr:
    return 1.0 / e.sqrt(x)


def powf(e: Expression, base: Expr, exponent: Expr) -> Expr:
    """|x|**y = 2**(y log2|x|), then the many special cases of C's pow."""
    magnitude = _f32_magnitude if e.element == F32 else _f64_magnitude
    result = magnitude(e, e.absolute(base), exponent)

    half = exponent * 0.5
    is_integer = e.trunc(exponent).equals(exponent)
    is_odd = is_integer & e.trunc(half).differs(half)
    negative = e.bits(base) < 0
    result = e.select(negative & is_odd, -result, result)
    finite_negative = (base < 0.0) & (base > -e.inf())
    result = e.select(finite_negative & is_integer.equals(0), e.nan(), result)
    result = e.select(base.unordered(exponent), base + exponent, result)
    one = e.absolute(base).equals(1.0) & e.absolute(exponent).equals(e.inf())
    return e.select(one | base.equals(1.0) | exponent.equals(0.0), 1.0, result)


def _f32_magnitude(e: Expression, base: Expr, exponent: Expr) -> Expr:
    """In f64, whose excess of precision covers the product, and whose range makes denormals
    normal."""
    d = e.with_floats(F64)
    f = d.format
    a = d.op(arith.ExtFOp, (base,), d.type)
    y = d.op(arith.ExtFOp, (exponent,), d.type)
    whole, mantissa = exponent_and_mantissa(d, a, normal=True)
    t = (mantissa - 1.0) / (mantissa + 1.0)
    log2 = d.fma(d.polynomial(t * t, LOG2_OVER_T), t, whole)
    log2 = _of_zero_and_infinity(d, a, log2)
    product = d.clamp(y * log2, -160.0, 130.0)
    n, integer = d.round_to_integer(product)
    power = d.polynomial(product - n, EXP2)
    scaled = d.from_bits(d.bits(power) + (integer << f.mantissa_bits))
    return e.op(arith.TruncFOp, (scaled,), e.type)


def _of_zero_and_infinity(e: Expression, a: Expr, log: Expr) -> Expr:
    log = e.select(a.equals(0.0), -e.inf(), log)
    return e.select(a.equals(e.inf()), e.inf(), log)


def _f64_magnitude(e: Expression, a: Expr, y: Expr) -> Expr:
    """With the logarithm as a sum of two f64, because its product with y may be 1000, of which 53
    bits behind the point count. log(m) = s (2 + 2/3 s**2 + ...), the first two terms in twice the
    precision (as in SLEEF's pow)."""
    n, m = exponent_and_mantissa(e, a)
    d, d_low = e.two_sum(m, e.like(1.0, m))
    inverse = 1.0 / d
    s = (m - 1.0) * inverse
    product, error = e.two_product(s, d)
    s_low = (((m - 1.0) - product) - error - s * d_low) * inverse
    z, z_low = e.two_product(s, s)
    z_low = e.fma(s + s, s_low, z_low)
    c, c_low = e.fast_two_sum(e.like(TWO_THIRDS, z), z * e.polynomial(z, LOG_AFTER_CUBE))
    p, p_low = _product(e, (z, z_low), (c, c_low + TWO_THIRDS_LOW))
    g, g_low = e.fast_two_sum(e.like(2.0, p), p)
    log = _product(e, (s, s_low), (g, g_low + p_low))
    log2, log2_low = _product(e, log, (e.like(LOG2_E, s), e.like(LOG2_E_LOW, s)))
    log2, low = e.two_sum(n, log2)

    v, v_low = e.two_product(y, _of_zero_and_infinity(e, a, log2))
    v_low = e.fma(y, low + log2_low, v_low)
    limited = e.clamp(v, -1080.0, 1030.0)
    v_low = e.select(limited.equals(v), v_low, 0.0)
    whole, integer = e.round_to_integer(limited)
    power = e.polynomial(((limited - whole) + v_low) * LN2, (*e.pick(EXP), 1.0, 1.0))
    half = (integer + 2048).logical_shift(1) - 1024
    return power * e.power_of_two(half) * e.power_of_two(integer - half)


def _product(e: Expression, a: tuple[Expr, Expr], b: tuple[Expr, Expr]) -> tuple[Expr, Expr]:
    """Of sums of two."""
    high, low = e.two_product(a[0], b[0])
    return high, e.fma(a[0], b[1], e.fma(a[1], b[0], low))
