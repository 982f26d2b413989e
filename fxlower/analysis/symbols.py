"""Symbolic sizes: integer polynomials in the symbols of a graph, as canonical text.

A dimension is a number or the text of an expression (`fxlower.dialects.build.Dim`). Two dims are
the same size exactly when they are equal as Python values, because every expression is written
by this module in one canonical form: expanded, terms sorted, `2*s0*s1 + s1 + 1`. Divisions that do
not come out are atoms in parentheses, `((s0 + 1)//2)` and `((s0 + 1)%2)`, as are `max(...)` and
`min(...)`.

Symbols are sizes: they are never negative, but may be 0 or 1.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterable, Mapping
from functools import cache
from math import gcd

from fxlower.dialects.build import Dim

Monomial = tuple[str, ...]
"""Atoms of a product, sorted, repeated for powers; () is the constant term."""

Polynomial = tuple[tuple[Monomial, int], ...]
"""Terms sorted by descending degree, then text; no zero coefficients."""


@cache
def polynomial(dim: Dim) -> Polynomial:
    """The terms of `dim`.

    Raises:
        ValueError: the text is not an expression of this module's grammar.
    """
    if isinstance(dim, int):
        return (((), dim),) if dim else ()
    try:
        return _of_node(ast.parse(dim, mode="eval").body)
    except SyntaxError:
        raise ValueError(f"not a symbolic size: {dim!r}") from None


def text(terms: Polynomial) -> Dim:
    """The canonical dim of a polynomial: an int if it is constant."""
    if not terms:
        return 0
    if len(terms) == 1 and terms[0][0] == ():
        return terms[0][1]
    out = ""
    for monomial, coefficient in terms:
        size = abs(coefficient)
        factors = [str(size)] if size != 1 or not monomial else []
        sign = "-" if coefficient < 0 else "+"
        out += f" {sign} " if out else ("-" if sign == "-" else "")
        out += "*".join([*factors, *monomial])
    return out


def _normal(terms: Mapping[Monomial, int]) -> Polynomial:
    kept = [(m, c) for m, c in terms.items() if c]
    return tuple(sorted(kept, key=lambda t: (-len(t[0]), t[0])))


def _add(a: Polynomial, b: Polynomial, sign: int = 1) -> Polynomial:
    terms = dict(a)
    for monomial, coefficient in b:
        terms[monomial] = terms.get(monomial, 0) + sign * coefficient
    return _normal(terms)


def _mul(a: Polynomial, b: Polynomial) -> Polynomial:
    terms: dict[Monomial, int] = {}
    for ma, ca in a:
        for mb, cb in b:
            product = tuple(sorted(ma + mb))
            terms[product] = terms.get(product, 0) + ca * cb
    return _normal(terms)


def _divide(a: Polynomial, b: Polynomial) -> Polynomial | None:
    """a / b when b is a single term that divides every term of a, or equals a."""
    if a == b:
        return (((), 1),)
    if len(b) != 1:
        return _divide_long(a, b)
    ((divisor, factor),) = b
    terms: dict[Monomial, int] = {}
    for monomial, coefficient in a:
        rest = list(monomial)
        for atom in divisor:
            if atom not in rest:
                return None
            rest.remove(atom)
        if coefficient % factor:
            return None
        terms[tuple(rest)] = coefficient // factor
    return _normal(terms)


def _divide_long(a: Polynomial, b: Polynomial) -> Polynomial | None:
    """Polynomial long division by leading terms; None unless it comes out."""
    if not b:
        return None
    quotient: Polynomial = ()
    for _ in range(8):
        if not a:
            return quotient
        step = _divide(a[:1], b[:1])
        if step is None:
            return None
        quotient = _add(quotient, step)
        a = _add(a, _mul(step, b), -1)
    return None


def _atom(name: str) -> Polynomial:
    return (((name,), 1),)


def _floordiv(a: Polynomial, b: Polynomial) -> Polynomial:
    exact = _divide(a, b)
    if exact is not None:
        return exact
    return _atom(f"(({text(a)})//{_operand(b)})")


def _mod(a: Polynomial, b: Polynomial) -> Polynomial:
    if _divide(a, b) is not None:
        return ()
    return _atom(f"(({text(a)})%{_operand(b)})")


def _operand(terms: Polynomial) -> str:
    written = text(terms)
    return str(written) if isinstance(written, int) else f"({written})"


def _of_node(node: ast.expr) -> Polynomial:
    match node:
        case ast.Name(name):
            return _atom(name)
        case ast.Constant(value) if type(value) is int:  # True is an int, too
            return polynomial(value)
        case ast.UnaryOp(ast.USub(), operand):
            return _add((), _of_node(operand), -1)
        case ast.BinOp(left, operator, right):
            a, b = _of_node(left), _of_node(right)
            match operator:
                case ast.Add():
                    return _add(a, b)
                case ast.Sub():
                    return _add(a, b, -1)
                case ast.Mult():
                    return _mul(a, b)
                case ast.FloorDiv() if b:
                    constant = _constants(a, b)
                    return polynomial(constant[0] // constant[1]) if constant else _floordiv(a, b)
                case ast.Mod() if b:
                    constant = _constants(a, b)
                    return polynomial(constant[0] % constant[1]) if constant else _mod(a, b)
                case ast.Pow() if (power := text(b)) in (0, 1, 2, 3, 4):
                    result = polynomial(1)
                    for _ in range(int(power)):
                        result = _mul(result, a)
                    return result
                case _:
                    pass
        case ast.Call(ast.Name(("max" | "min") as name), args) if args:
            values = [text(_of_node(a)) for a in args]
            if all(isinstance(v, int) for v in values):
                return polynomial((max if name == "max" else min)(values))  # type: ignore[type-var]
            unique = sorted({str(v) for v in values})
            return _atom(f"{name}({', '.join(unique)})") if unique[1:] else polynomial(values[0])
        case _:
            pass
    raise ValueError(f"not a symbolic size: {ast.unparse(node)!r}")


def _constants(a: Polynomial, b: Polynomial) -> tuple[int, int] | None:
    x, y = text(a), text(b)
    return (x, y) if isinstance(x, int) and isinstance(y, int) else None


# ------------------------------------------------------------------------ arithmetic on dims


@cache
def canonical(expression: Dim) -> Dim:
    """The canonical dim of any expression of the grammar; ValueError if it is not one."""
    return text(polynomial(expression))


@cache
def add(a: Dim, b: Dim) -> Dim:
    return (
        a + b
        if isinstance(a, int) and isinstance(b, int)
        else text(_add(polynomial(a), polynomial(b)))
    )


@cache
def sub(a: Dim, b: Dim) -> Dim:
    return text(_add(polynomial(a), polynomial(b), -1))


@cache
def mul(a: Dim, b: Dim) -> Dim:
    return (
        a * b
        if isinstance(a, int) and isinstance(b, int)
        else text(_mul(polynomial(a), polynomial(b)))
    )


@cache
def exact_div(a: Dim, b: Dim) -> Dim | None:
    """a / b if it comes out for all values of the symbols, as far as terms show; else None."""
    if b == 0:
        return None
    quotient = _divide(polynomial(a), polynomial(b))
    return None if quotient is None else text(quotient)


@cache
def ceil_div(a: Dim, b: Dim) -> Dim:
    return text(_of_node(ast.parse(f"({a} + {b} - 1)//({b})", mode="eval").body))


def product(sizes: Iterable[Dim]) -> Dim:
    total: Dim = 1
    for size in sizes:
        total = mul(total, size)
    return total


@cache
def contiguous_strides(sizes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Row-major strides; sizes of 0 count as 1, as in torch."""
    strides: list[Dim] = []
    step: Dim = 1
    for size in reversed(sizes):
        strides.append(step)
        step = mul(step, size if size != 0 else 1)
    return tuple(reversed(strides))


# ------------------------------------------------------------------------------ walking


@cache
def symbols_of(dim: Dim) -> tuple[str, ...]:
    """The symbols in `dim`, each once, in order of appearance in its text."""
    if isinstance(dim, int):
        return ()
    names = [n.id for n in ast.walk(ast.parse(dim, mode="eval")) if isinstance(n, ast.Name)]
    found = dict.fromkeys(n for n in names if n not in ("max", "min"))
    return tuple(sorted(found, key=lambda name: (dim.index(name), name)))


def is_nonnegative(dim: Dim, known: Container[str]) -> bool:
    """Whether `dim` is made so that it is 0 or more where the symbols in `known` are."""
    return all(
        coefficient > 0 and all(_is_nonnegative_atom(atom, known) for atom in monomial)
        for monomial, coefficient in polynomial(dim)
    )


def _is_nonnegative_atom(atom: str, known: Container[str]) -> bool:
    def one(node: ast.expr) -> bool:
        return is_nonnegative(text(_of_node(node)), known)

    match ast.parse(atom, mode="eval").body:
        case ast.Name(name):
            return name in known
        case ast.BinOp(left, ast.FloorDiv(), right):
            return one(left) and one(right)
        case ast.BinOp(_, ast.Mod(), right):
            return one(right)
        case ast.Call(ast.Name("max"), args):
            return any(one(a) for a in args)
        case ast.Call(_, args):
            return all(one(a) for a in args)
        case _:
            return False


def substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """`dim` with symbols replaced by other dims, in canonical form."""
    if isinstance(dim, int):
        return dim
    tree = ast.parse(dim, mode="eval")

    class Replace(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            if node.id not in values:
                return node
            return ast.parse(f"({values[node.id]})", mode="eval").body

    return text(_of_node(Replace().visit(tree).body))


def evaluate(dim: Dim, values: Mapping[str, int]) -> int:
    """The number that `dim` is under `values`; NameError names a symbol without a value."""
    if isinstance(dim, int):
        return dim
    return compiled(dim)(values)


@cache
def compiled(dim: Dim) -> Callable[[Mapping[str, int]], int]:
    """A function from symbol values to the number; the text is of this module's grammar."""
    polynomial(dim)  # rejects anything else before it is executed
    code = compile(ast.parse(str(dim), mode="eval"), "<symbolic size>", "eval")
    return lambda values: eval(code, {"__builtins__": {}, "max": max, "min": min}, values)  # type: ignore[arg-type]


def divisor(dim: Dim) -> int:
    """The largest number known to divide `dim`; 0 for 0."""
    return gcd(*(c for _, c in polynomial(dim))) if dim != 0 else 0
