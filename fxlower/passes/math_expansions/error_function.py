"""erf.

In f32 by N. Juffa's polynomials (https://stackoverflow.com/questions/35148198), below 1 ulp each.
In f64 by a polynomial for |x| < 1, and 1 - erfc(|x|) above, where exp(a**2) erfc(a) (1 + 2 a) is a
polynomial in (a - 4) / (a + 4) (M. Shepherd and J. Laframboise, Math. Comp. 36, 1981).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from fxlower.passes.math_expansions import avx512
from fxlower.passes.math_expansions.exponential import exp_of_small
from fxlower.passes.math_expansions.expression import F32, F64, Expr, Expression

ERF = {
    F32: (
        -5.96761703e-4,
        4.99119423e-3,
        -2.67681349e-2,
        1.12819925e-1,
        -3.76125336e-1,
        1.28379166e-1,
    ),
    F64: (
        -7.779458919593056e-10,
        1.3710975127957151e-08,
        -1.6206312505023823e-07,
        1.6447131402923476e-06,
        -1.4924712287999693e-05,
        0.00012055293576155043,
        -0.0008548325929289217,
        0.005223977606117947,
        -0.026866170643111406,
        0.11283791670944185,
        -0.3761263890318352,
        0.12837916709551256,
    ),
}
"""(erf(x) - x) / x in x**2, for |x| < 0.93 in f32, and |x| < 1 in f64, by minimax ERF."""
NEAR = {F32: 0.927734375, F64: 1.0}

FAR_F32 = (
    -1.72853470e-5,
    3.83197126e-4,
    -3.88396438e-3,
    2.42546219e-2,
    -1.06777877e-1,
    -6.34846687e-1,
    -1.28717512e-1,
)
"""(log(1 - erf(x)) + x) / x, for x in [0.92, 4]"""

ERFC = (
    -2.5626604510226715e-08,
    8.856792364485749e-08,
    9.26800070048674e-08,
    -8.110399448638054e-07,
    2.7840991387226973e-07,
    5.704523586145397e-06,
    -1.1214933654642588e-05,
    -2.4398138273740547e-05,
    0.00015061970465609663,
    -0.00019925681674260948,
    -0.0007577729477564669,
    0.005031969984037886,
    -0.016197734094055716,
    0.03716751553755601,
    -0.06633036580997072,
    0.09373283499833138,
    -0.10103906603637625,
    0.06809705425469319,
    0.015379652102620652,
    -0.13962111684056253,
    1.2329951186255526,
)
"""By minimax ERFC, for a in [1, 28]."""


PIECE = 0.25390625
"""Width of the pieces of erf on registers as tables: 16 of them reach 3.93, where f32 has 1."""
PIECES = 16
PIECE_DEGREE = 5


@cache
def _pieces() -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    """For each piece a factor k of few bits, near erf(a) / a; then for each power, the highest
    first, the coefficients of polynomials in t = a - i PIECE that agree with erf(a) - k a at the
    zeros of a Chebyshev polynomial. They are so small that only the sum with k a rounds."""
    count = PIECE_DEGREE + 1
    zeros = [PIECE / 2 * math.cos(math.pi * (n + 0.5) / count) for n in range(count)]
    factors, columns = [], []
    for i in range(PIECES):
        middle = i * PIECE
        k = round(256 * math.erf(middle) / middle) / 256 if i else 1.125
        values = [math.erf(middle + t) - k * (middle + t) for t in zeros]
        factors.append(k)
        columns.append(interpolated(zeros, values))
    columns[0][-1] = 0.0  # for least relative error
    return tuple(factors), list(zip(*columns))


def interpolated(nodes: Sequence[float], values: Sequence[float]) -> list[float]:
    """Coefficients, the highest power first, of the polynomial through some points (Newton)."""
    differences = list(values)
    for k in range(1, len(nodes)):
        for i in range(len(nodes) - 1, k - 1, -1):
            step = nodes[i] - nodes[i - k]
            differences[i] = (differences[i] - differences[i - 1]) / step
    result = [differences[-1]]
    for node, difference in zip(reversed(nodes[:-1]), reversed(differences[:-1])):
        shifted = [*result, 0.0]
        for i, coefficient in enumerate(result):
            shifted[i + 1] -= node * coefficient
        shifted[-1] += difference
        result = shifted
    return result


def _erf_by_pieces(e: Expression, x: Expr) -> Expr:
    """Polynomials whose coefficients are looked up in registers."""
    a = e.at_most(e.absolute(x), PIECE * (PIECES - 0.51))
    shifted = e.fma(a, 1 / PIECE, e.format.magic)
    piece = e.bits(shifted)
    t = e.fma(shifted - e.format.magic, -PIECE, a)
    factors, tables = _pieces()
    y, *coefficients = (avx512.lookup(e, table, piece) for table in tables)
    for coefficient in coefficients:
        y = e.fma(y, t, coefficient)
    y = e.fma(avx512.lookup(e, factors, piece), a, y)
    return e.copysign(y, x)


def erf(e: Expression, x: Expr) -> Expr:
    if e.element == F32 and avx512.fits(e):
        return _erf_by_pieces(e, x)
    near = e.fma(e.polynomial(x * x, e.pick(ERF)), x, x)
    a = e.absolute(x)
    if e.element == F32:
        bounded = e.at_most(a, 4.0)
        decay = exp_of_small(e, e.fma(e.polynomial(bounded, FAR_F32), bounded, -bounded))
    else:
        decay = _complement(e, e.at_most(a, 6.0))
    far = e.copysign(1.0 - decay, x)
    return e.select(a > e.pick(NEAR), far, near)


def _complement(e: Expression, a: Expr) -> Expr:
    """erfc(a) for 1 <= a <= 26 in f64."""
    scaled = e.polynomial((a - 4.0) / (a + 4.0), ERFC) / e.fma(a, 2.0, 1.0)
    square, error = e.two_product(a, a)
    decay = exp_of_small(e, -square)
    return scaled * e.fma(-error, decay, decay)
