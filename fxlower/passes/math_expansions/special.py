"""erf, pow and rsqrt."""

from __future__ import annotations

from fxlower.dialects import arith
from fxlower.dialects.build import F64
from fxlower.passes.math_expansions.exponential import exp_of_small
from fxlower.passes.math_expansions.expression import FORMATS, Expr, Expression

# N. Juffa, https://stackoverflow.com/questions/35148198: minimax, below 1 ulp each.
ERF_NEAR = (
    -5.96761703e-4,
    4.99119423e-3,
    -2.67681349e-2,
    1.12819925e-1,
    -3.76125336e-1,
    1.28379166e-1,
)
"""(erf(x) - x) / x in x**2, for |x| < 0.93"""

ERF_FAR = (
    -1.72853470e-5,
    3.83197126e-4,
    -3.88396438e-3,
    2.42546219e-2,
    -1.06777877e-1,
    -6.34846687e-1,
    -1.28717512e-1,
)
"""(log(1 - erf(x)) + x) / x, for x in [0.92, 4]"""


def erf(e: Expression, x: Expr) -> Expr:
    near = e.fma(e.polynomial(x * x, ERF_NEAR), x, x)
    a = e.absolute(x)
    bounded = e.at_most(a, 4.0)
    exponent = e.fma(e.polynomial(bounded, ERF_FAR), bounded, -bounded)
    far = e.copysign(1.0 - exp_of_small(e, exponent), x)
    return e.select(a > 0.927734375, far, near)


def rsqrt(e: Expression, x: Expr) -> Expr:
    return 1.0 / e.sqrt(x)


LOG2_OVER_T = tuple(2 / ((2 * k + 1) * 0.693147180559945309) for k in range(8, -1, -1))
"""log2((1 + t) / (1 - t)) / t in t**2: the series of the area tangent"""

EXP2 = tuple(
    0.693147180559945309**k / f
    for k, f in ((9, 362880), (8, 40320), (7, 5040), (6, 720), (5, 120), (4, 24), (3, 6), (2, 2))
) + (0.693147180559945309, 1.0)

SQRT_HALF_BITS = 0x3FE6A09E667F3BCD


def powf(e: Expression, base: Expr, exponent: Expr) -> Expr:
    """|x|**y = 2**(y log2|x|) in f64, whose excess of precision covers the product, and whose
    range makes denormals normal; then the many special cases of C's pow."""
    d = e.with_floats(F64)
    f = FORMATS[F64]
    x = d.op(arith.ExtFOp, (base,), d.type)
    y = d.op(arith.ExtFOp, (exponent,), d.type)
    a = d.absolute(x)

    bits = d.bits(a)
    whole = (bits - SQRT_HALF_BITS) >> f.mantissa_bits
    mantissa = d.from_bits(bits - (whole << f.mantissa_bits))
    t = (mantissa - 1.0) / (mantissa + 1.0)
    log2 = d.fma(d.polynomial(t * t, LOG2_OVER_T), t, d.to_float(whole))
    log2 = d.select(a.equals(0.0), -d.inf(), log2)
    log2 = d.select(a.equals(d.inf()), d.inf(), log2)

    product = d.clamp(y * log2, -160.0, 130.0)
    n, integer = d.round_to_integer(product)
    power = d.polynomial(product - n, EXP2)
    scaled = d.from_bits(d.bits(power) + (integer << f.mantissa_bits))
    result = e.op(arith.TruncFOp, (scaled,), e.type)

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
