"""log, log2, log10, log1p, and the inverse hyperbolic functions made of them.

x = 2**n m with sqrt(1/2) <= m < sqrt(2), taken apart in integers. log(m) is in f32 a polynomial in
f = m - 1 (Cephes), in f64 one of s = f / (2 + f), since log(m) = log((1 + s) / (1 - s)) is odd in s
(fdlibm, e_log.c). Denormal numbers are scaled up first.
"""

from __future__ import annotations

from fxlower.passes.math_expansions.exponential import LN2, LN2_PARTS
from fxlower.passes.math_expansions.expression import F32, F64, Expr, Expression

LOG = {
    F32: (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    ),
    F64: (
        0.14795973011953076,
        0.15314048202730693,
        0.1818356441805426,
        0.22222198571436905,
        0.28571428742404,
        0.3999999999941461,
        0.6666666666666734,
    ),
}
"""f32: (log(1 + f) - f + f**2 / 2) / f**3. f64: (log(m) / s - 2) / s**2 in s**2, by minimax LOG."""

SQRT_HALF = 0.70710678118654752


def exponent_and_mantissa(e: Expression, x: Expr, *, normal: bool = False) -> tuple[Expr, Expr]:
    """n as a float, and m, of a positive x. Only positive integers are shifted and converted: few
    machines have instructions for signed ones of 64 bits."""
    f = e.format
    root = f.bits_of(SQRT_HALF)
    unit = 2.0**f.mantissa_bits  # or-ing a small integer to its representation adds it
    bias: float | Expr = unit + f.bias
    if not normal:
        denormal = x < f.smallest_normal
        x = e.select(denormal, x * unit, x)
        bias = e.select(denormal, e.like(bias + f.mantissa_bits, x), bias)
    above = e.bits(x) + ((f.bias << f.mantissa_bits) - root)
    mantissa = e.from_bits((above & ((1 << f.mantissa_bits) - 1)) + root)
    biased = e.from_bits(above.logical_shift(f.mantissa_bits) | f.bits_of(unit))
    return biased - bias, mantissa


def _split(e: Expression, x: Expr) -> tuple[Expr, Expr]:
    """n as a float, and f = m - 1."""
    n, mantissa = exponent_and_mantissa(e, x)
    return n, mantissa - 1.0


def _correction(e: Expression, f: Expr) -> Expr:
    """log(1 + f) - f for |f| below 0.42."""
    square = f * f
    if e.element == F32:
        return e.fma(square, -0.5, e.polynomial(f, e.pick(LOG)) * square * f)
    s = f / (f + 2.0)
    z = s * s
    half = square * 0.5
    return e.fma(e.fma(e.polynomial(z, e.pick(LOG)), z, half), s, -half)


def _special(e: Expression, x: Expr, result: Expr) -> Expr:
    """The values that have no mantissa: zero, infinity, NaN, and negative numbers."""
    result = e.select(x < e.inf(), result, x)
    outside = e.select(x.equals(0.0), -e.inf(), e.nan())
    return e.select(x <= 0.0, outside, result)


def log(e: Expression, x: Expr) -> Expr:
    n, f = _split(e, x)
    high, low = e.pick(LN2_PARTS)
    tail = e.fma(n, low, _correction(e, f))
    return _special(e, x, e.fma(n, high, f + tail))


LOG2_E_MINUS_1 = 0.44269504088896340736


def log2(e: Expression, x: Expr) -> Expr:
    n, f = _split(e, x)
    y = _correction(e, f)
    tail = e.fma(f, LOG2_E_MINUS_1, y * LOG2_E_MINUS_1)
    return _special(e, x, (tail + y) + f + n)


LOG10_2 = {
    F32: (3.0078125e-1, 2.48745663981195213739e-4),
    F64: (0.3010299955494702, 1.1451100898021838e-10),
}
LOG10_E = {
    F32: (4.3359375e-1, 7.00731903251827651129e-4),
    F64: (0.4342944818781689, 2.5082946711645275e-11),
}
"""Each in two parts, the first short."""


def log10(e: Expression, x: Expr) -> Expr:
    n, f = _split(e, x)
    y = _correction(e, f)
    (high_2, low_2), (high_e, low_e) = e.pick(LOG10_2), e.pick(LOG10_E)
    tail = e.fma(f + y, low_e, n * low_2)
    tail = e.fma(y, high_e, tail)
    tail = e.fma(f, high_e, tail)
    return _special(e, x, e.fma(n, high_2, tail))


def log1p(e: Expression, x: Expr) -> Expr:
    """log(u) for u = 1 + x, and what rounding of u lost, divided by u."""
    u = x + 1.0
    n, f = _split(e, u)
    lost = (x - (u - 1.0)) / u
    high, low = e.pick(LN2_PARTS)
    tail = e.fma(n, low, lost) + _correction(e, f)
    result = _special(e, u, e.fma(n, high, f + tail))
    return e.select(x.equals(0.0), x, result)  # keeps the sign of zero


SQUARE_OVERFLOWS = {F32: 2.0**30, F64: 2.0**500}


def asinh(e: Expression, x: Expr) -> Expr:
    """log1p(a + a**2 / (1 + sqrt(a**2 + 1))), or log(2 a) where the square may overflow."""
    a = e.absolute(x)
    large = a > e.pick(SQUARE_OVERFLOWS)
    square = a * a
    near = a + square / (e.sqrt(square + 1.0) + 1.0)
    y = log1p(e, e.select(large, a, near))
    return e.copysign(e.select(large, y + LN2, y), x)


def acosh(e: Expression, x: Expr) -> Expr:
    """log1p(t + sqrt(2 t + t**2)) for t = x - 1, or log(2 x) where the square may overflow."""
    large = x > e.pick(SQUARE_OVERFLOWS)
    t = x - 1.0
    near = t + e.sqrt(e.fma(t, t, t + t))
    y = log1p(e, e.select(large, x, near))
    return e.select(x < 1.0, e.nan(), e.select(large, y + LN2, y))


def atanh(e: Expression, x: Expr) -> Expr:
    """log1p(2 a / (1 - a)) / 2"""
    a = e.absolute(x)
    return e.copysign(log1p(e, (a + a) / (1.0 - a)) * 0.5, x)
