"""asin, acos, atan and atan2."""

from __future__ import annotations

from fxlower.passes.math_expansions.expression import F32, F64, Expr, Expression

PI = 3.14159265358979323846
HALF_PI = PI / 2
PI_LOW = {F32: -8.74227800037e-8, F64: 1.2246467991473532e-16}
"""pi minus the nearest float."""

ASIN = {
    F32: (  # Cephes
        4.2163199048e-2,
        2.4181311049e-2,
        4.5470025998e-2,
        7.4953002686e-2,
        1.6666752422e-1,
    ),
    F64: (
        0.03191206468632562,
        -0.01622394915699727,
        0.019528068608620483,
        0.006528048406119404,
        0.012169194360562921,
        0.013885238175675477,
        0.017359704477145316,
        0.02237175807058388,
        0.030381959136057953,
        0.044642856828352534,
        0.07500000000336982,
        0.16666666666665408,
    ),
}
"""(asin(s) - s) / s**3 in s**2 on [0, 1/2], by minimax ASIN."""

ATAN = {
    F32: (
        -1.793620306e-3,
        1.091459954e-2,
        -3.117783443e-2,
        5.795758228e-2,
        -8.403449680e-2,
        1.095218556e-1,
        -1.426424164e-1,
        1.999854828e-1,
        -3.333329909e-1,
    ),
    F64: (
        1.322505812339381e-05,
        -0.00015216076446046897,
        0.0008313217516315508,
        -0.0028849193331774597,
        0.007196507348609405,
        -0.013900569791466559,
        0.02198486811738077,
        -0.029903874493947824,
        0.03664192372797123,
        -0.042191797274010776,
        0.04722322568829984,
        -0.05253518674322234,
        0.05880527846010404,
        -0.06666404063550949,
        0.07692279840105617,
        -0.09090907003067163,
        0.11111111007030723,
        -0.14285714282575274,
        0.19999999999951465,
        -0.3333333333333307,
    ),
}
"""(atan(t) - t) / t**3 in t**2 on [0, 1], by minimax ATAN."""


def _arc_sine_parts(e: Expression, x: Expr) -> tuple[Expr, Expr, Expr]:
    """Whether |x| > 1/2, and the arc sine of s as s plus a tail, where s is |x|, or
    sqrt((1 - |x|) / 2) if |x| > 1/2: then asin |x| = pi/2 - 2 asin(s)."""
    a = e.absolute(x)
    large = a > 0.5
    square = e.select(large, e.fma(a, -0.5, 0.5), a * a)
    s = e.select(large, e.sqrt(square), a)
    return large, s, e.polynomial(square, e.pick(ASIN)) * square * s


def asin(e: Expression, x: Expr) -> Expr:
    large, s, tail = _arc_sine_parts(e, x)
    # pi/2 in two steps, since pi/2 - 2 s may be above 1 and round more than the result.
    rest = e.fma(s, -2.0, HALF_PI / 2) - (tail + tail - e.pick(PI_LOW) / 2)
    far = rest + HALF_PI / 2
    return e.with_sign_of(e.select(large, far, s + tail), x)


def acos(e: Expression, x: Expr) -> Expr:
    large, s, tail = _arc_sine_parts(e, x)
    low = e.pick(PI_LOW)
    y = s + tail
    twice = y + y
    far = e.select(x < 0.0, PI - (twice - low), twice)
    near = HALF_PI - (e.with_sign_of(y, x) - low / 2)
    return e.select(large, far, near)


def _arc_tangent(e: Expression, t: Expr) -> Expr:
    """atan(t) for 0 <= t <= 1."""
    square = t * t
    return e.fma(e.polynomial(square, e.pick(ATAN)) * square, t, t)


def atan(e: Expression, x: Expr) -> Expr:
    a = e.absolute(x)
    steep = a > 1.0
    angle = _arc_tangent(e, e.select(steep, 1.0 / a, a))
    angle = e.select(steep, HALF_PI - (angle - e.pick(PI_LOW) / 2), angle)
    return e.with_sign_of(angle, x)


def atan2(e: Expression, y: Expr, x: Expr) -> Expr:
    """The arc tangent of the smaller over the larger magnitude, reflected into its octant."""
    a, b = e.absolute(y), e.absolute(x)
    low = e.pick(PI_LOW)
    steep = a > b
    smaller, larger = e.select(steep, b, a), e.select(steep, a, b)
    ratio = e.select(smaller.equals(larger), 1.0, smaller / larger)  # infinities too
    ratio = e.select(larger.equals(0.0), 0.0, ratio)
    angle = _arc_tangent(e, ratio)
    angle = e.select(steep, HALF_PI - (angle - low / 2), angle)
    behind = e.bits(x) < 0  # -0.0 too
    angle = e.select(behind, PI - (angle - low), angle)
    angle = e.with_sign_of(angle, y)
    return e.select(y.unordered(x), x + y, angle)
