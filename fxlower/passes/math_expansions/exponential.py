"""exp, exp2, expm1, and the hyperbolic functions made of them, in f32.

`x = n ln 2 + r` with an integer n and |r| <= ln 2 / 2; then exp(x) = 2**n exp(r). ln 2 is two
constants, the first short enough that n times it is exact. Factors of 2 move between 2**n and the
rest, so that 2**n neither overflows before the product does nor makes denormal results zero.
"""

from __future__ import annotations

from fxlower.passes.math_expansions.expression import FORMATS, Expr, Expression, element_of

LOG2_E = 1.44269504088896341
LN2 = 0.693147180559945309
LN2_HIGH = 0.693359375
LN2_LOW = -2.12194440e-4

EXP = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
"""(exp(r) - 1 - r) / r**2"""


def _reduced(e: Expression, x: Expr) -> tuple[Expr, Expr]:
    """n as an integer, and r."""
    n, integer = e.round_to_integer(x * LOG2_E)
    return integer, e.fma(n, -LN2_LOW, e.fma(n, -LN2_HIGH, x))


def _exp_minus_one(e: Expression, r: Expr) -> Expr:
    """exp(r) - 1 for a reduced r, with full relative precision."""
    return e.fma(e.polynomial(r, EXP), r * r, r)


def _scaled(e: Expression, x: Expr, n: Expr) -> Expr:
    """x * 2**n for x near 1; n may be twice as large as an exponent."""
    half = n >> 1
    return x * e.power_of_two(half) * e.power_of_two(n - half)


def _shifted(e: Expression, x: Expr) -> tuple[Expr, Expr]:
    """n in the lowest bits of a float's representation, whatever is above, and r."""
    magic = 1.5 * 2.0 ** FORMATS[element_of(e.type)].mantissa_bits
    shifted = e.fma(x, LOG2_E, magic)
    n = shifted - magic
    return e.bits(shifted), e.fma(n, -LN2_LOW, e.fma(n, -LN2_HIGH, x))


def exp(e: Expression, x: Expr, *, doublings: int = 0) -> Expr:
    """exp(x) * 2**doublings, of which -1 and 0 are possible."""
    f = FORMATS[element_of(e.type)]
    x = e.clamp(x, -104.0, 89.5 - doublings * LN2)  # within, n - 1 + doublings is at most 128
    n, r = _shifted(e, x)
    twice = e.polynomial(r, [2.0 * c for c in (*EXP, 1.0, 1.0)])
    exponent = (n << f.mantissa_bits) + f.bits_of(2.0 ** (doublings - 1))
    tiny = x < -80.0
    exponent = e.select(tiny, exponent + (64 << f.mantissa_bits), exponent)
    result = twice * e.from_bits(exponent)
    return e.select(tiny, result * 2.0**-64, result)


def exp_of_small(e: Expression, x: Expr) -> Expr:
    """exp(x) for x from -87 to 88."""
    f = FORMATS[element_of(e.type)]
    n, r = _shifted(e, x)
    scale = e.from_bits((n << f.mantissa_bits) + f.bits_of(1.0))
    return e.polynomial(r, (*EXP, 1.0, 1.0)) * scale


def exp2(e: Expression, x: Expr) -> Expr:
    x = e.clamp(x, -151.0, 129.0)
    whole, n = e.round_to_integer(x)
    r = (x - whole) * LN2
    return _scaled(e, _exp_minus_one(e, r) + 1.0, n)


def expm1(e: Expression, x: Expr) -> Expr:
    """2**n (exp(r) - 1) + (2**n - 1), all halved and doubled at the end, for n = 128."""
    clamped = e.clamp(x, -18.0, 89.0)
    n, r = _reduced(e, clamped)
    scale = e.power_of_two(n - 1)
    result = e.fma(_exp_minus_one(e, r), scale, scale - 0.5) * 2.0
    return e.select(x.equals(0.0), x, result)  # keeps the sign of zero


SINH = (2.03721912945e-4, 8.33028376239e-3, 1.66667160211e-1)
TANH = (
    -5.70498872745e-3,
    2.06390887954e-2,
    -5.37397155531e-2,
    1.33314422036e-1,
    -3.33332819422e-1,
)


def sinh(e: Expression, x: Expr) -> Expr:
    a = e.absolute(x)
    square = x * x
    small = e.fma(e.polynomial(square, SINH) * square, x, x)
    half = exp(e, a, doublings=-1)
    large = e.copysign(half - 0.25 / half, x)
    return e.select(a < 1.0, small, large)


def cosh(e: Expression, x: Expr) -> Expr:
    half = exp(e, e.absolute(x), doublings=-1)
    return half + 0.25 / half


def tanh(e: Expression, x: Expr) -> Expr:
    a = e.absolute(x)
    square = x * x
    small = e.fma(e.polynomial(square, TANH) * square, a, a)
    large = 1.0 - 2.0 / (exp_of_small(e, e.at_most(a + a, 20.0)) + 1.0)
    return e.copysign(e.select(a < 0.625, small, large), x)
