"""log, log2, log10, log1p, and the inverse hyperbolic functions made of them, in f32.

x = 2**n m with sqrt(1/2) <= m < sqrt(2), taken apart in integers; log(m) is a polynomial in m - 1.
Denormal numbers are scaled up first.
"""

from __future__ import annotations

from fxlower.passes.math_expansions.exponential import LN2, LN2_HIGH, LN2_LOW
from fxlower.passes.math_expansions.expression import F32, FORMATS, Expr, Expression

LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
"""(log(1 + f) - f + f**2 / 2) / f**3"""

SQRT_HALF_BITS = 0x3F3504F3


def _split(e: Expression, x: Expr) -> tuple[Expr, Expr]:
    """n as a float, and m - 1."""
    f = FORMATS[F32]
    denormal = x < f.smallest_normal
    scaled = e.select(denormal, x * 2.0**f.mantissa_bits, x)
    bits = e.bits(scaled)
    above = bits - SQRT_HALF_BITS
    whole = above >> f.mantissa_bits
    n = e.to_float(whole)
    mantissa = e.from_bits(bits - (whole << f.mantissa_bits))
    n = e.select(denormal, n - float(f.mantissa_bits), n)
    return n, mantissa - 1.0


def _correction(e: Expression, f: Expr) -> Expr:
    """log(1 + f) - f for |f| below 0.42."""
    square = f * f
    return e.fma(square, -0.5, e.polynomial(f, LOG) * square * f)


def _special(e: Expression, x: Expr, result: Expr) -> Expr:
    """The values that have no mantissa: zero, infinity, NaN, and negative numbers."""
    result = e.select(x.equals(e.inf()), x, result)
    result = e.select(x.equals(0.0), -e.inf(), result)
    result = e.select(x < 0.0, e.nan(), result)
    return e.select(x.unordered(x), x, result)


def log(e: Expression, x: Expr) -> Expr:
    n, f = _split(e, x)
    tail = e.fma(n, LN2_LOW, _correction(e, f))
    return _special(e, x, e.fma(n, LN2_HIGH, f + tail))


LOG2_E_MINUS_1 = 0.44269504088896340736


def log2(e: Expression, x: Expr) -> Expr:
    n, f = _split(e, x)
    y = _correction(e, f)
    tail = e.fma(f, LOG2_E_MINUS_1, y * LOG2_E_MINUS_1)
    return _special(e, x, (tail + y) + f + n)


LOG10_2_HIGH = 3.0078125e-1
LOG10_2_LOW = 2.48745663981195213739e-4
LOG10_E_HIGH = 4.3359375e-1
LOG10_E_LOW = 7.00731903251827651129e-4


def log10(e: Expression, x: Expr) -> Expr:
    n, f = _split(e, x)
    y = _correction(e, f)
    tail = e.fma(f + y, LOG10_E_LOW, n * LOG10_2_LOW)
    tail = e.fma(y, LOG10_E_HIGH, tail)
    tail = e.fma(f, LOG10_E_HIGH, tail)
    return _special(e, x, e.fma(n, LOG10_2_HIGH, tail))


def log1p(e: Expression, x: Expr) -> Expr:
    """log(u) for u = 1 + x, and what rounding of u lost, divided by u."""
    u = x + 1.0
    n, f = _split(e, u)
    lost = (x - (u - 1.0)) / u
    tail = e.fma(n, LN2_LOW, lost) + _correction(e, f)
    result = _special(e, u, e.fma(n, LN2_HIGH, f + tail))
    return e.select(x.equals(0.0), x, result)  # keeps the sign of zero


def asinh(e: Expression, x: Expr) -> Expr:
    """log1p(a + a**2 / (1 + sqrt(a**2 + 1))), or log(2 a) where the square may overflow."""
    a = e.absolute(x)
    large = a > 2.0**30
    square = a * a
    near = a + square / (e.sqrt(square + 1.0) + 1.0)
    y = log1p(e, e.select(large, a, near))
    return e.copysign(e.select(large, y + LN2, y), x)


def acosh(e: Expression, x: Expr) -> Expr:
    """log1p(t + sqrt(2 t + t**2)) for t = x - 1, or log(2 x) where the square may overflow."""
    large = x > 2.0**30
    t = x - 1.0
    near = t + e.sqrt(e.fma(t, t, t + t))
    y = log1p(e, e.select(large, x, near))
    return e.select(x < 1.0, e.nan(), e.select(large, y + LN2, y))


def atanh(e: Expression, x: Expr) -> Expr:
    """log1p(2 a / (1 - a)) / 2"""
    a = e.absolute(x)
    return e.copysign(log1p(e, (a + a) / (1.0 - a)) * 0.5, x)
