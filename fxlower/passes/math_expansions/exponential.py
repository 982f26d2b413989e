"""exp, exp2, expm1, and the hyperbolic functions made of them.

`x = n ln 2 + r` with an integer n and |r| <= ln 2 / 2; then exp(x) = 2**n exp(r). ln 2 is two
constants, the first short enough that n times it is exact (Cody and Waite). Factors of 2 move
between 2**n and the rest, so that 2**n neither overflows before the product does nor makes denormal
results zero.
"""

from __future__ import annotations

from fxlower.passes.math_expansions import avx512
from fxlower.passes.math_expansions.expression import F32, F64, Expr, Expression

LOG2_E = 1.44269504088896341
LN2 = 0.693147180559945309
LN2_PARTS = {
    F32: (0.693359375, -2.12194440e-4),
    F64: (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}

EXP = {
    F32: (
        1.381459054679263e-3,
        8.36871699391222e-3,
        4.1668388476841844e-2,
        1.6666520533580806e-1,
        4.9999993444156143e-1,
    ),
    F64: (
        2.500004077606645e-08,
        2.7630248058017157e-07,
        2.7557586445737618e-06,
        2.4801493100125966e-05,
        0.0001984126950648959,
        0.0013888888943628568,
        0.008333333333494508,
        0.04166666666653017,
        0.16666666666666413,
        0.5000000000000011,
    ),
}
"""(exp(r) - 1 - r) / r**2, by minimax EXP."""

EXP_RANGE = {F32: (-104.0, 89.5), F64: (-745.2, 710.2)}
"""What is beyond rounds to 0 or infinity."""
TINY = {F32: -80.0, F64: -700.0}
"""Results below exp of this may be denormal, or 2**n of them."""


def _reduced(e: Expression, x: Expr) -> tuple[Expr, Expr, Expr]:
    """n in the lowest bits of a float's representation, whatever is above; n; and r."""
    high, low = e.pick(LN2_PARTS)
    shifted = e.fma(x, LOG2_E, e.format.magic)
    n = shifted - e.format.magic
    return e.bits(shifted), n, e.fma(n, -low, e.fma(n, -high, x))


def exp(e: Expression, x: Expr, *, doublings: int = 0) -> Expr:
    """exp(x) * 2**doublings, of which -1 and 0 are possible."""
    low, high = e.pick(EXP_RANGE)
    x = e.clamp(x, low, high - doublings * LN2)  # n - 1 + doublings has an exponent, or infinity's
    bits, n, r = _reduced(e, x)
    return _power(e, x, e.pick(TINY), (*e.pick(EXP), 1.0, 1.0), bits, n, r, doublings)


def _power(
    e: Expression,
    x: Expr,
    smallest: float,
    polynomial: tuple[float, ...],
    bits: Expr,
    n: Expr,
    r: Expr,
    doublings: int = 0,
) -> Expr:
    """2**(n + doublings) times the polynomial of r, which may be denormal for x < `smallest`."""
    if avx512.fits(e):
        return avx512.scale(e, e.polynomial(r, [2.0**doublings * c for c in polynomial]), n)
    f = e.format
    twice = e.polynomial(r, [2.0 * c for c in polynomial])
    exponent = (bits << f.mantissa_bits) + f.bits_of(2.0 ** (doublings - 1))
    tiny = x < smallest
    exponent = e.select(tiny, exponent + (64 << f.mantissa_bits), exponent)
    result = twice * e.from_bits(exponent)
    return e.select(tiny, result * 2.0**-64, result)


def exp_of_small(e: Expression, x: Expr) -> Expr:
    """exp(x) for an x whose result is normal."""
    bits, n, r = _reduced(e, x)
    power = e.polynomial(r, (*e.pick(EXP), 1.0, 1.0))
    if avx512.fits(e):
        return avx512.scale(e, power, n)
    f = e.format
    return power * e.from_bits((bits << f.mantissa_bits) + f.bits_of(1.0))


EXP2_RANGE = {F32: (-151.0, 129.0), F64: (-1076.0, 1025.0)}
TINY2 = {F32: -120.0, F64: -1010.0}


def exp2(e: Expression, x: Expr) -> Expr:
    x = e.clamp(x, *e.pick(EXP2_RANGE))
    shifted = x + e.format.magic
    n = shifted - e.format.magic
    r = (x - n) * LN2
    return _power(e, x, e.pick(TINY2), (*e.pick(EXP), 1.0, 1.0), e.bits(shifted), n, r)


EXPM1_RANGE = {F32: (-18.0, 89.0), F64: (-40.0, 709.9)}


def expm1(e: Expression, x: Expr) -> Expr:
    """2**n (r + q) + (2**n - 1) for q = exp(r) - 1 - r and what rounding took from r. All is halved
    and doubled at the end, for the greatest n."""
    f = e.format
    x_high = e.clamp(x, *e.pick(EXPM1_RANGE))
    bits, n, r = _reduced(e, x_high)
    high, low = e.pick(LN2_PARTS)
    lost = e.fma(n, -low, e.fma(n, -high, x_high) - r)
    q = e.fma(e.polynomial(r, e.pick(EXP)), r * r, lost)
    scale = e.from_bits((bits << f.mantissa_bits) + f.bits_of(0.5))
    result = e.fma(q, scale, e.fma(r, scale, scale - 0.5)) * 2.0
    return e.select(x.equals(0.0), x, result)  # keeps the sign of zero


SINH = {
    F32: (2.03721912945e-4, 8.33028376239e-3, 1.66667160211e-1),  # Cephes
    F64: (
        7.758748612701761e-13,
        1.6057259776389092e-10,
        2.5052123136597123e-08,
        2.755731915707292e-06,
        0.00019841269841431867,
        0.008333333333333148,
        0.16666666666666669,
    ),
}
"""(sinh(x) - x) / x**3 in x**2 on [0, 1], by minimax SINH."""

TANH = {
    F32: (  # Cephes
        -5.70498872745e-3,
        2.06390887954e-2,
        -5.37397155531e-2,
        1.33314422036e-1,
        -3.33332819422e-1,
    ),
    F64: (
        -1.607247045544343e-05,
        7.714415993006608e-05,
        -0.0002285640260184066,
        0.000586316447162256,
        -0.0014549588490177718,
        0.003591989168052776,
        -0.008863221001894317,
        0.021869487576035285,
        -0.053968253931264816,
        0.13333333333262085,
        -0.33333333333332854,
    ),
}
"""(tanh(x) - x) / x**3 in x**2 on [0, 0.625], by minimax TANH."""

TANH_IS_ONE = {F32: 10.0, F64: 20.0}


def sinh(e: Expression, x: Expr) -> Expr:
    a = e.absolute(x)
    square = x * x
    small = e.fma(e.polynomial(square, e.pick(SINH)) * square, x, x)
    half = exp(e, a, doublings=-1)
    large = e.copysign(half - 0.25 / half, x)
    return e.select(a < 1.0, small, large)


def cosh(e: Expression, x: Expr) -> Expr:
    half = exp(e, e.absolute(x), doublings=-1)
    return half + 0.25 / half


def tanh(e: Expression, x: Expr) -> Expr:
    a = e.absolute(x)
    square = x * x
    small = e.fma(e.polynomial(square, e.pick(TANH)) * square, a, a)
    bounded = e.at_most(a, e.pick(TANH_IS_ONE))
    large = 1.0 - 2.0 / (exp_of_small(e, bounded + bounded) + 1.0)
    return e.copysign(e.select(a < 0.625, small, large), x)
