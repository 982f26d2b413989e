"""Fit the polynomials of `math_expansions`: `python -m fxlower.tools.minimax [NAME ...]`.

Remez's exchange algorithm in arithmetic of 60 digits (mpmath). Each fit says which function of
which variable a polynomial stands for and how much its error weighs in the result. Prints the
coefficients, the highest power first, and the greatest error that they cause before rounding:

    SIN, degree 5, error 2**-57.9
        1.5896197852552307e-10,
        ...
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mpmath import mp, mpf

mp.dps = 60
GRID = 40
"""Points between two extrema of the error on which the next ones are looked for."""


@dataclass(frozen=True)
class Fit:
    """`function` on [low, high]; an error there, times `weight`, is that of the result."""

    function: Callable[[Any], Any]
    weight: Callable[[Any], Any]
    low: Any
    high: Any
    degree: int


def _odd(f: Callable[[Any], Any], degree: int, greatest: Any, least: Any = "1e-8") -> Fit:
    """f(x) = x + x**3 p(x**2), for least relative error of f."""

    def rest(z: Any) -> Any:
        x = mp.sqrt(z)
        return (f(x) - x) / (z * x)

    def weight(z: Any) -> Any:
        x = mp.sqrt(z)
        return z * x / f(x)

    return Fit(rest, weight, mpf(least), mpf(greatest) ** 2, degree)


def _scaled_erfc(t: Any) -> Any:
    """exp(a**2) erfc(a) (1 + 2 a), for t = (a - 4) / (a + 4)."""
    a = 4 * (1 + t) / (1 - t)
    return mp.exp(a * a) * mp.erfc(a) * (1 + 2 * a)


_HALF_LN2 = mp.log(2) / 2 * mpf("1.0001")

FITS: dict[str, Fit] = {
    "EXP": Fit(
        lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: r**2 / mp.exp(r),
        -_HALF_LN2,
        _HALF_LN2 + mpf("1e-9"),
        9,
    ),
    "LOG": Fit(
        lambda z: (mp.atanh(mp.sqrt(z)) * 2 / mp.sqrt(z) - 2) / z,
        lambda z: z / 2,
        mpf("1e-8"),
        (mp.sqrt(2) - 1) ** 2 / (mp.sqrt(2) + 1) ** 2,
        6,
    ),
    "LOG_AFTER_CUBE": Fit(
        lambda z: ((mp.atanh(mp.sqrt(z)) * 2 / mp.sqrt(z) - 2) / z - mpf(2) / 3) / z,
        lambda z: z**2 / 2,
        mpf("1e-6"),
        (mp.sqrt(2) - 1) ** 2 / (mp.sqrt(2) + 1) ** 2,
        6,
    ),
    "SIN": _odd(mp.sin, 5, mp.pi / 4 * mpf("1.0001")),
    "COS": Fit(
        lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2,
        lambda z: z**2 / mp.cos(mp.sqrt(z)),
        mpf("1e-6"),
        (mp.pi / 4) ** 2 * mpf("1.0001"),
        5,
    ),
    "TAN": _odd(mp.tan, 13, mp.pi / 4 * mpf("1.0001")),
    "ASIN": _odd(mp.asin, 11, mpf("0.5")),
    "ATAN": _odd(mp.atan, 19, mpf(1)),
    "SINH": _odd(mp.sinh, 6, mpf(1)),
    "TANH": _odd(mp.tanh, 10, mpf("0.625")),
    "ERF": Fit(
        lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1,
        lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z)),
        mpf("1e-8"),
        mpf(1),
        11,
    ),
    "ERFC": Fit(_scaled_erfc, lambda t: 1 / _scaled_erfc(t), mpf(1 - 4) / 5, mpf(28 - 4) / 32, 20),
}


def minimax(fit: Fit) -> tuple[list[Any], Any]:
    """Coefficients, the highest power first, and the greatest weighted error."""
    count = fit.degree + 2
    nodes = _chebyshev(fit.low, fit.high, count)
    coefficients: list[Any] = []
    for _ in range(8):
        rows = mp.matrix(count, count)
        values = mp.matrix(count, 1)
        for i, x in enumerate(nodes):
            for power in range(fit.degree + 1):
                rows[i, power] = x**power * fit.weight(x)
            rows[i, count - 1] = (-1) ** i
            values[i] = fit.function(x) * fit.weight(x)
        solution = mp.lu_solve(rows, values)
        coefficients = [solution[i] for i in range(fit.degree, -1, -1)]
        nodes = _extrema(fit, coefficients, count)
    return coefficients, max(abs(_error(fit, coefficients, x)) for x in nodes)


def _chebyshev(low: Any, high: Any, count: int) -> list[Any]:
    angles = [mp.pi * i / (count - 1) for i in range(count)]
    return [(low + high) / 2 - (high - low) / 2 * mp.cos(a) for a in angles]


def _error(fit: Fit, coefficients: list[Any], x: Any) -> Any:
    return (mp.polyval(coefficients, x) - fit.function(x)) * fit.weight(x)


def _extrema(fit: Fit, coefficients: list[Any], count: int) -> list[Any]:
    """The greatest error of each sign in turn, as many as there are unknowns."""
    points = _chebyshev(fit.low, fit.high, GRID * count)
    found: list[tuple[Any, Any]] = []
    for x in points:
        error = _error(fit, coefficients, x)
        if found and (found[-1][0] > 0) == (error > 0):
            if abs(error) > abs(found[-1][0]):
                found[-1] = (error, x)
        else:
            found.append((error, x))
    while len(found) > count:
        found.pop(0 if abs(found[0][0]) < abs(found[-1][0]) else -1)
    return [x for _, x in found]


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the polynomials of math expansions.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FITS)}")
    for name in parser.parse_args().names or FITS:
        coefficients, error = minimax(FITS[name])
        bits = mp.nstr(mp.log(error, 2), 3)
        print(f"{name}, degree {FITS[name].degree}, error 2**{bits}")
        for coefficient in coefficients:
            print(f"    {float(coefficient)!r},")


if __name__ == "__main__":
    main()
