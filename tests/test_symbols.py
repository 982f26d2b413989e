"""Symbolic sizes: one text for one polynomial, and arithmetic that agrees with numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlower.analysis import symbols
from fxlower.dialects.build import Dim

NAMES = ("s0", "s1", "s2")


def _leaf() -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(NAMES), st.integers(0, 9).map(str))


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    divisor = st.one_of(st.integers(1, 6).map(str), st.just("(s0 + 1)"))
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from(("//", "%")), divisor).map(
            lambda t: f"({t[0]}){t[1]}{t[2]}"
        ),
        st.tuples(st.sampled_from(("max", "min")), inner, inner).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]})"
        ),
        inner.map(lambda t: f"-({t})"),
        st.tuples(inner, st.integers(0, 3)).map(lambda t: f"({t[0]})**{t[1]}"),
    )


expressions = st.recursive(_leaf(), _grow, max_leaves=6)
valuations = st.fixed_dictionaries({name: st.integers(0, 12) for name in NAMES})


@settings(deadline=None)
@given(expressions, valuations)
def test_canonical_text_is_stable_and_keeps_the_value(
    expression: str, values: dict[str, int]
) -> None:
    dim = symbols.canonical(expression)
    assert symbols.canonical(dim) == dim
    assert symbols.evaluate(dim, values) == eval(expression, {"max": max, "min": min}, values)
    assert set(symbols.symbols_of(dim)) <= set(NAMES)


@settings(deadline=None)
@given(expressions, expressions, valuations)
def test_arithmetic_agrees_with_numbers(a: str, b: str, values: dict[str, int]) -> None:
    x, y = symbols.canonical(a), symbols.canonical(b)

    def number(dim: Dim) -> int:
        return symbols.evaluate(dim, values)

    assert number(symbols.add(x, y)) == number(x) + number(y)
    assert number(symbols.sub(x, y)) == number(x) - number(y)
    assert number(symbols.mul(x, y)) == number(x) * number(y)
    assert number(symbols.product((x, y, 2))) == number(x) * number(y) * 2
    if number(y) > 0:
        assert number(symbols.ceil_div(x, y)) == -(-number(x) // number(y))
    quotient = symbols.exact_div(x, y)
    if quotient is not None and number(y) != 0:
        assert number(quotient) * number(y) == number(x)


@settings(deadline=None)
@given(expressions, expressions)
def test_equal_values_have_equal_text(a: str, b: str) -> None:
    """Terms in any order and grouping are one text."""
    x, y = symbols.canonical(a), symbols.canonical(b)
    assert symbols.add(x, y) == symbols.add(y, x) == symbols.canonical(f"({y}) + ({x})")
    assert symbols.mul(x, y) == symbols.mul(y, x) == symbols.canonical(f"({y}) * ({x})")
    assert symbols.sub(symbols.add(x, y), y) == x
    if y != 0:
        assert symbols.exact_div(symbols.mul(x, y), y) == x


@settings(deadline=None)
@given(expressions, expressions, valuations)
def test_substitute(a: str, b: str, values: dict[str, int]) -> None:
    dim, by = symbols.canonical(a), symbols.canonical(b)
    try:
        replaced = symbols.substitute(dim, {"s1": by})
    except ValueError:
        return  # a divisor became 0
    inner = values | {"s1": symbols.evaluate(by, values)}
    try:
        expected = symbols.evaluate(dim, inner)
    except ZeroDivisionError:
        return
    assert symbols.evaluate(replaced, values) == expected
    assert symbols.canonical(replaced) == replaced
    # All at once, not one after another.
    assert symbols.substitute("s0 - s1", {"s0": "s1", "s1": "s0"}) == "-s0 + s1"


@settings(deadline=None)
@given(expressions, valuations)
def test_divisor_divides(a: str, values: dict[str, int]) -> None:
    dim = symbols.canonical(a)
    known = symbols.divisor(dim)
    number = symbols.evaluate(dim, values)
    assert number == 0 if known == 0 else number % known == 0


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("s0*2", "2*s0"),
        ("1 + s1 + 2*s1*s0", "2*s0*s1 + s1 + 1"),
        ("s0 - s0", 0),
        ("(s0 + 1)//2", "((s0 + 1)//2)"),
        ("(4*s0 + 2)//2", "2*s0 + 1"),
        ("(4*s0)%2", 0),
        ("7//2 + 7%2", 4),
        ("max(s1, s0)", "max(s0, s1)"),
        ("max(s0, s0)", "s0"),
        ("max(2, 3)", 3),
        ("(s0 + 1)**2", "s0*s0 + 2*s0 + 1"),
    ],
)
def test_canonical_text(expression: str, expected: Dim) -> None:
    assert symbols.canonical(expression) == expected


@pytest.mark.parametrize(
    ("a", "b", "quotient"),
    [
        ("8*s0", 8, "s0"),
        ("8*s0", "s0", 8),
        ("s0*s1 + s1", "s1", "s0 + 1"),
        ("s0*s1 + s1", "s0 + 1", "s1"),
        ("s0*s0 - 1", "s0 + 1", "s0 - 1"),
        ("s0 + 1", 2, None),
        ("s0", "s1", None),
        ("s0", 0, None),
        (0, "s0", 0),
    ],
)
def test_exact_div(a: Dim, b: Dim, quotient: Dim | None) -> None:
    assert symbols.exact_div(a, b) == quotient


@pytest.mark.parametrize(
    "text",
    [
        "s0 +",
        "f(s0)",
        "s0/2",
        "1.5",
        "s0[1]",
        "__import__('os')",
        "s0//0",
        "s0 if s1 else 2",
        "True",
    ],
)
def test_other_text_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not a symbolic size"):
        symbols.canonical(text)


def test_contiguous_strides() -> None:
    assert symbols.contiguous_strides(("s0", 4, "s1")) == ("4*s1", "s1", 1)
    assert symbols.contiguous_strides((2, 0, 3)) == (3, 3, 1)
    assert symbols.contiguous_strides(()) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2*s0*s1 + 3", True),
        ("s0 - 1", False),
        ("-s0", False),
        ("(s0 + 7)//8", True),
        ("(s0 - 5)//2", False),
        ("3*(s0//(s1//8))", True),
        ("(s0 - 5)%s1", True),
        ("max(s0 - 5, 0)", True),
        ("min(s0 - 5, s1)", False),
        ("u0", False),
    ],
)
def test_is_nonnegative(text: str, expected: bool) -> None:
    assert symbols.is_nonnegative(symbols.canonical(text), {"s0", "s1"}) is expected
