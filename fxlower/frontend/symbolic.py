"""Symbolic integers and floats of FX graphs: SymPy expressions to dims, and to host functions.

Nothing here asks a `SymInt` for its value or compares one: that would add a guard, and so a
recompilation, for every size met.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch.fx import Node
from torch.utils._sympy import functions as sym
from torch.utils._sympy.functions import FloorDiv, Max, Min, Mod, PythonMod

from fxlower.analysis import symbols
from fxlower.dialects.build import Dim
from fxlower.frontend.program import SymbolSource

_FLOOR_DIVISIONS = (FloorDiv, sym.CleanDiv)
_MODULI = (Mod, PythonMod)


class _NotADim(Exception):
    """The expression is outside the grammar of `fxlower.analysis.symbols`."""


def expression_of(value: Any) -> Any:
    """The SymPy expression of a `SymInt`, `SymFloat` or `SymBool`; a number as it is."""
    return (
        value.node.expr
        if isinstance(value, (torch.SymInt, torch.SymFloat, torch.SymBool))
        else value
    )


def _text(expr: sympy.Basic) -> str:
    """`expr` in the grammar of `fxlower.analysis.symbols`."""
    if isinstance(expr, sympy.Integer):
        return str(int(expr))
    if isinstance(expr, sympy.Symbol):
        return expr.name
    args = [f"({_text(a)})" for a in expr.args]
    if isinstance(expr, sympy.Add):
        return " + ".join(args)
    if isinstance(expr, sympy.Mul):
        return "*".join(args)
    if isinstance(expr, (sympy.Pow, sym.PowByNatural)) and expr.args[1] in (0, 1, 2, 3, 4):
        return "**".join(args)
    if isinstance(expr, _FLOOR_DIVISIONS):
        return "//".join(args)
    if isinstance(expr, _MODULI):
        return "%".join(args)
    if isinstance(expr, (Max, sympy.Max)):
        return f"max({', '.join(args)})"
    if isinstance(expr, (Min, sympy.Min)):
        return f"min({', '.join(args)})"
    if isinstance(expr, sym.Identity):
        return args[0]
    raise _NotADim


@dataclass(frozen=True)
class Evaluator:
    """`expr` as a function of the values of its symbols, by name."""

    expr: sympy.Basic

    def __call__(self, values: Mapping[str, int]) -> Any:
        free = self.expr.free_symbols
        result = self.expr.xreplace({s: _number(values[s.name]) for s in free})  # type: ignore[attr-defined]
        if result in (sympy.true, sympy.false):
            return result == sympy.true
        return int(result) if result.is_integer else float(result)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Quotient:
    """A size that divides another without remainder, as a function of the symbols' values."""

    dividend: Dim
    divisor: Dim

    def __call__(self, values: Mapping[str, int]) -> int:
        return symbols.evaluate(self.dividend, values) // symbols.evaluate(self.divisor, values)


def _number(value: float) -> sympy.Number:
    return sympy.Float(value) if isinstance(value, float) else sympy.Integer(value)


class SymbolTable:
    """The symbols of one graph: canonical text of expressions, and where values come from."""

    def __init__(self) -> None:
        self._dims: dict[Any, Dim] = {}
        self._strides: dict[Any, Dim] = {}
        self._shapes: list[tuple[str, int, int, Dim]] = []
        self.used: dict[str, None] = {}
        """Symbols in order of first appearance."""
        self.sources: dict[str, SymbolSource] = {}
        self._shape_env: Any = None
        self.divisors: dict[Dim, None] = {}
        """What sizes are divided by, and may be 0."""
        self.sizes: set[str] = set()
        """Symbols that are known to be some tensor's size, so not negative."""

    def dim(self, value: Any) -> Dim:
        """The canonical dim of an `int` or `SymInt`."""
        if type(value) is int:
            return value
        if self._shape_env is None and isinstance(value, torch.SymInt):
            self._shape_env = value.node.shape_env
        return self.dim_of_expression(expression_of(value))

    def is_nonnegative(self, dim: Dim) -> bool:
        """Whether `dim` is known to be 0 or more, by the ranges of its symbols; adds no guard."""
        if isinstance(dim, int):
            return dim >= 0
        names = symbols.symbols_of(dim)
        if symbols.is_nonnegative(dim, self.sizes):
            return True
        if self._shape_env is None:
            return False
        known = {s.name: s for s in self._shape_env.var_to_range}
        if not all(n in known for n in names) or "//" in dim or "%" in dim or "(" in dim:
            return False
        expr = eval(dim, {"__builtins__": {}}, {n: known[n] for n in names})
        return bool(self._shape_env.bound_sympy(expr).lower >= 0)

    def note_division(self, node: Node) -> None:
        """Remember what a node divides a size by, if that may be 0. Kernels and sizes are computed
        without looking."""
        if node.target not in (operator.floordiv, operator.mod):
            return
        divisor = node.args[1]
        value = divisor.meta.get("val") if isinstance(divisor, Node) else divisor
        if isinstance(value, torch.SymInt):
            dim = self.dim(value)
            if self._shape_env.bound_sympy(expression_of(value)).lower < 1:
                self.divisors.setdefault(dim)

    def needed_size(self, old: Dim, new: Dim, *, repeats: bool) -> Dim:
        """What the size `old` of an operand is known to be where an operator needs `new`: that, or
        1 if it `repeats` what has one element; `old` where neither is known.

        PyTorch has compared the sizes and guards what it found for the sizes that it was given, so
        those tell what it found. Sizes that are read from data it has not compared.
        """
        if old == new or (isinstance(old, int) and isinstance(new, int)):
            return old
        given, wanted = self._given(old), self._given(new)
        if given is None or wanted is None:
            return old
        if not repeats or given != 1:
            return new if given == wanted else old
        # Of two symbolic sizes that are 1, one may be free to be another size later.
        return 1 if wanted != 1 or new == 1 else old

    def _given(self, dim: Dim) -> int | None:
        """The number that `dim` is for the sizes that PyTorch was given; None if it has none."""
        if isinstance(dim, int):
            return dim
        if self._shape_env is None:
            return None
        given = self._shape_env.backed_var_to_val.items()
        known = {s.name: int(v) for s, v in given if isinstance(v, (int, sympy.Integer))}
        for name in symbols.symbols_of(dim):
            if name in known:
                continue
            source = self.sources.get(name)
            if source is None or source.expression is None:
                return None
            if any(read not in known for read in source.symbols):
                return None
            known[name] = source.expression(known)
        return symbols.evaluate(dim, known)

    def dim_of_expression(self, expr: Any) -> Dim:
        known = self._dims.get(expr)
        if known is None:
            known = self._dims[expr] = self._make(expr)
        return known

    def _make(self, expr: Any) -> Dim:
        if isinstance(expr, int):
            return expr
        try:
            dim = symbols.canonical(_text(expr))
        except (_NotADim, ValueError):
            dim = self._opaque(expr)
        for name in symbols.symbols_of(dim):
            self.used.setdefault(name)
        return dim

    def _opaque(self, expr: sympy.Expr) -> str:
        """A fresh symbol for an expression that dims cannot say."""
        reads = tuple(sorted(s.name for s in expr.free_symbols))  # type: ignore[attr-defined]
        for name in reads:
            self.used.setdefault(name)
        number = sum(1 for s in self.sources.values() if s.kind == "expression")
        fresh = f"e{number}"
        self.sources[fresh] = SymbolSource("expression", expression=Evaluator(expr), symbols=reads)
        return fresh

    def stride(self, value: Any) -> Dim:
        """The canonical dim of a stride, where `max(1, size)` is `size`: the stride of a dimension
        above one of size 0 means nothing."""
        if type(value) is int:
            return value
        expr = expression_of(value)
        known = self._strides.get(expr)
        if known is None:
            simple = expr
            for clamp in getattr(expr, "atoms", lambda *_: ())(Max, sympy.Max):
                rest = [a for a in clamp.args if a != 1]
                if len(rest) == 1 != len(clamp.args):
                    simple = simple.xreplace({clamp: rest[0]})
            known = self._strides[expr] = self.dim_of_expression(simple)
        return known

    # ------------------------------------------------------------------ where symbols come from

    def add_number(self, position: int, value: Any) -> None:
        """Placeholder `position` is the symbolic integer `value`."""
        self._shapes.append(("value", position, -1, self.dim(value)))

    def add_tensor(self, position: int, dims: tuple[Dim, ...], strides: tuple[Dim, ...]) -> None:
        """Placeholder `position` is a tensor with these sizes and strides."""
        for axis, dim in enumerate(dims):
            if isinstance(dim, str):
                self._shapes.append(("size", position, axis, dim))
                self.sizes.update(symbols.symbols_of(dim) if dim.isidentifier() else ())
        for axis, stride in enumerate(strides):
            if isinstance(stride, str):
                self._shapes.append(("stride", position, axis, stride))

    def find_sources(self) -> None:
        """Give every symbol of the inputs the cheapest source: a number, a size, a stride, or the
        solution of a size such as `2*s0 + 1`."""
        for kind in ("value", "size", "stride"):
            for found, position, axis, dim in self._shapes:
                if found == kind and isinstance(dim, str) and dim.isidentifier():
                    self.sources.setdefault(dim, SymbolSource(kind, position, axis))
        progress = True
        while progress:
            progress = False
            for kind, position, axis, dim in self._shapes:
                progress |= self._solve(kind, position, axis, dim)

    def _solve(self, kind: str, position: int, axis: int, dim: Dim) -> bool:
        """Find the one unknown symbol s of `dim` = a*s + b, where a and b are known."""
        unknown = [s for s in symbols.symbols_of(dim) if s not in self.sources]
        if len(unknown) != 1:
            return False
        (name,) = unknown
        terms = symbols.polynomial(dim)
        factor = symbols.text(
            tuple((tuple(a for a in m if a != name), c) for m, c in terms if name in m)
        )
        rest = symbols.text(tuple((m, c) for m, c in terms if name not in m))
        left = {s for part in (factor, rest) for s in symbols.symbols_of(part)}
        if name in left or any(m.count(name) > 1 for m, _ in terms) or factor == 0:
            return False
        whole = f"v{len(self.sources)}"
        self.sources[whole] = SymbolSource(kind, position, axis)
        solve = Quotient(symbols.sub(whole, rest), factor)
        reads = tuple(dict.fromkeys((whole, *sorted(left))))
        self.sources[name] = SymbolSource("expression", expression=solve, symbols=reads)
        return True

    def needed_sources(self, used: list[str]) -> dict[str, SymbolSource]:
        """The sources of `used` and of what their expressions read; those come first."""
        needed: dict[str, SymbolSource] = {}

        def visit(name: str) -> None:
            if name not in needed:
                source = self.sources[name]
                for read in source.symbols:
                    visit(read)
                needed[name] = source

        for name in used:
            visit(name)
        return needed
