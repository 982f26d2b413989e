"""sin, cos and tan, by polynomials on [-pi/4, pi/4]; `angle` reduces other arguments."""

from __future__ import annotations

from fxlower.passes.math_expansions.angle import reduced
from fxlower.passes.math_expansions.expression import F32, F64, Expr, Expression

SIN = {
    F32: (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1),  # Cephes
    F64: (
        1.5896197852552307e-10,
        -2.505074722283639e-08,
        2.7557313618053753e-06,
        -0.00019841269829580293,
        0.008333333333322108,
        -0.1666666666666663,
    ),
}
"""(sin(r) - r) / r**3 in r**2, by minimax SIN."""

COS = {
    F32: (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2),  # Cephes
    F64: (
        -1.1358525210245223e-11,
        2.087570063067246e-09,
        -2.7557314177802574e-07,
        2.4801587288846784e-05,
        -0.001388888888887305,
        0.041666666666666595,
    ),
}
"""(cos(r) - 1 + r**2 / 2) / r**4 in r**2, by minimax COS."""

TAN = {
    F32: (
        4.376830334e-3,
        8.842888437e-5,
        1.083667126e-2,
        2.128186236e-2,
        5.405997821e-2,
        1.333266280e-1,
        3.333334977e-1,
    ),
    F64: (
        2.0860826455057344e-05,
        -4.4866402100451426e-05,
        8.94334032317686e-05,
        -2.6365365027009022e-05,
        0.00013651055610923747,
        0.00022238726511858393,
        0.0005950621224277805,
        0.0014547586170269293,
        0.0035922889674900762,
        0.008863219176998952,
        0.0218694896080729,
        0.053968253926707455,
        0.13333333333414538,
        0.33333333333332776,
    ),
}
"""(tan(r) - r) / r**3 in r**2, by minimax TAN."""


def _sine(e: Expression, r: Expr, square: Expr) -> Expr:
    return e.fma(e.polynomial(square, e.pick(SIN)) * square, r, r)


def _cosine(e: Expression, square: Expr) -> Expr:
    polynomial = e.polynomial(square, e.pick(COS))
    return e.fma(polynomial, square * square, e.fma(square, -0.5, 1.0))


def _sine_of_quadrant(e: Expression, q: Expr, r: Expr) -> Expr:
    """sin(r + q pi/2)"""
    square = r * r
    y = e.select((q & 1).differs(0), _cosine(e, square), _sine(e, r, square))
    to_sign = e.format.sign_bit - 1
    return e.from_bits(e.bits(y) ^ ((q & 2) << to_sign))


def sin(e: Expression, x: Expr) -> Expr:
    q, r = reduced(e, e.absolute(x))
    return e.with_sign_of(_sine_of_quadrant(e, q, r), x)


def cos(e: Expression, x: Expr) -> Expr:
    q, r = reduced(e, e.absolute(x))
    return _sine_of_quadrant(e, q + 1, r)


def tan(e: Expression, x: Expr) -> Expr:
    q, r, low = reduced(e, e.absolute(x), precise=True)
    square = r * r
    tail = e.fma(e.polynomial(square, e.pick(TAN)) * square, r, e.fma(low, square, low))
    tangent = r + tail
    inverse = 1.0 / tangent
    error = e.fma(-inverse, tail, e.fma(-inverse, r, 1.0))  # of 1 / (r + tail), not rounded
    cotangent = e.fma(inverse, error, inverse)
    return e.with_sign_of(e.select((q & 1).differs(0), -cotangent, tangent), x)
