"""Symbolic floats and bools, and the arguments of rules.

A symbolic float such as `1 / math.sqrt(s0)` has no dim. Where a rule takes it, it is computed by
`fxt` ops on 0-d tensors of f64; what these cannot compute stays on the host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch.fx import Node
from torch.utils._sympy import functions as sym
from xdsl.ir import SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import F64
from fxlower.frontend.builder import RuleBuilder
from fxlower.frontend.program import ExpressionSlot, InputSlot
from fxlower.frontend.registry import NotLowered
from fxlower.frontend.symbolic import Evaluator, SymbolTable, expression_of

_BINARY: dict[type, type[fxt.BinaryOp]] = {
    sympy.Add: fxt.AddOp,
    sympy.Mul: fxt.MulOp,
    sym.FloatTrueDiv: fxt.DivOp,
    sym.IntTrueDiv: fxt.DivOp,
    sym.FloatPow: fxt.PowOp,
    sym.PowByNatural: fxt.PowOp,
    sympy.Pow: fxt.PowOp,
    sym.Max: fxt.MaxOp,
    sym.Min: fxt.MinOp,
}

_UNARY: dict[type, type[fxt.UnaryOp]] = {
    sym.OpaqueUnaryFn_sqrt: fxt.SqrtOp,
    sym.OpaqueUnaryFn_exp: fxt.ExpOp,
    sym.OpaqueUnaryFn_log: fxt.LogOp,
    sym.OpaqueUnaryFn_log2: fxt.Log2Op,
    sym.OpaqueUnaryFn_sin: fxt.SinOp,
    sym.OpaqueUnaryFn_cos: fxt.CosOp,
    sym.OpaqueUnaryFn_tan: fxt.TanOp,
    sym.OpaqueUnaryFn_tanh: fxt.TanhOp,
    sym.TruncToFloat: fxt.TruncOp,
}


@dataclass(frozen=True)
class Scalar:
    """A symbolic float or bool."""

    expr: sympy.Basic
    is_float: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(s.name for s in self.expr.free_symbols))  # type: ignore[attr-defined]

    def is_computable(self, scalars: ScalarBuilder) -> bool:
        """Whether `ScalarBuilder.emit` can build it."""
        return self.is_float and scalars.can_emit(self.expr)

    def is_nonnegative_size(self, sizes: set[str]) -> bool:
        """Whether it is the condition `u0 >= 0` on a size."""
        match self.expr:
            case sympy.GreaterThan(args=(left, right)):
                return right == 0 and isinstance(left, sympy.Symbol) and left.name in sizes
            case sympy.LessThan(args=(left, right)):
                return left == 0 and isinstance(right, sympy.Symbol) and right.name in sizes
            case _:
                return self.expr == sympy.true

    def slot(self, table: SymbolTable) -> ExpressionSlot:
        for name in self.names:
            table.used.setdefault(name)
        return ExpressionSlot(self.names, Evaluator(self.expr))


def scalar_of(value: Any) -> Any:
    """The `Scalar` of a `SymFloat` or `SymBool`; the number itself if it is a constant."""
    expr = expression_of(value)
    if not isinstance(expr, sympy.Basic):
        return expr
    if isinstance(value, torch.SymBool):
        if expr in (sympy.true, sympy.false):
            return expr == sympy.true
        return Scalar(expr, is_float=False)
    return float(expr) if expr.is_number else Scalar(expr, is_float=True)  # type: ignore[arg-type]


class ScalarBuilder:
    """Emits symbolic floats of one graph, and prepares the arguments of rules."""

    def __init__(self, builder: RuleBuilder, table: SymbolTable):
        self.builder = builder
        self.table = table
        self.items: dict[str, SSAValue] = {}
        """0-d tensors of f64 for the symbols of floats read from tensors (`.item()`)."""
        self._emitted: dict[sympy.Basic, SSAValue] = {}

    def item(self, source: SSAValue, value: torch.SymFloat) -> Any:
        """The float that `source`, a tensor of one element, holds."""
        expr = expression_of(value)
        element = self.builder.cast(self.builder.reshape(source, ()), F64)
        self.builder.numbers.add(element)
        self._emitted[expr] = element
        if isinstance(expr, sympy.Symbol):
            self.items[expr.name] = element
        return Scalar(expr, is_float=True)

    def can_emit(self, expr: sympy.Basic) -> bool:
        if expr in self._emitted or expr.is_number or isinstance(expr, sympy.Symbol):
            return True
        if expr.is_integer and not self._reads_items(expr):
            return True
        known = isinstance(expr, sym.ToFloat) or type(expr) in _BINARY or type(expr) in _UNARY
        return known and all(self.can_emit(a) for a in expr.args)

    def _reads_items(self, expr: sympy.Basic) -> bool:
        return any(s.name in self.items for s in expr.free_symbols)  # type: ignore[attr-defined]

    def emit(self, scalar: Scalar) -> SSAValue:
        """A 0-d tensor of f64; `scalar.is_computable` must hold."""
        value = self._emit(scalar.expr)
        self.builder.numbers.add(value)
        return value

    def _emit(self, expr: sympy.Basic) -> SSAValue:
        known = self._emitted.get(expr)
        if known is None:
            known = self._emitted[expr] = self._make(expr)
        return known

    def _make(self, expr: sympy.Basic) -> SSAValue:
        b = self.builder
        if expr.is_number:
            return b.full(float(expr), F64, ())  # type: ignore[arg-type]
        if isinstance(expr, sympy.Symbol) and expr.name in self.items:
            return self.items[expr.name]
        if isinstance(expr, sym.ToFloat):
            return self._emit(expr.args[0])
        if expr.is_integer and not self._reads_items(expr):
            return b.cast(b.size_scalar(self.table.dim_of_expression(expr)), F64)
        if type(expr) in _UNARY:
            return b.unary(_UNARY[type(expr)], self._emit(expr.args[0]))
        value = self._emit(expr.args[0])
        for other in expr.args[1:]:
            value = b.binary(_BINARY[type(expr)], value, self._emit(other))
        return value

    def arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], values: Mapping[Node, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of an FX node as rules take them.

        Raises:
            NotLowered: one of them exists on the host only.
        """

        def convert(arg: Any) -> Any:
            if isinstance(arg, Node):
                value = values[arg]
                if isinstance(value, Scalar):
                    if not value.is_computable(self):
                        raise NotLowered(f"{value.expr} is only known on the host")
                    return self.emit(value)
                if isinstance(value, InputSlot):
                    raise NotLowered(f"argument {arg.name} is only known on the host")
                return value
            if isinstance(arg, (list, tuple)):
                return [convert(a) for a in arg]
            return arg

        return [convert(a) for a in args], {k: convert(v) for k, v in kwargs.items()}


def has_symbolic_number(node: Node) -> bool:
    """Whether a number that the operator computes with, no size, is symbolic: a tensor of rank 0 or
    a `Sym` where its rule may want a number of Python."""
    parameters = node.target._schema.arguments  # type: ignore[union-attr]
    given = [*zip(parameters, node.args)]
    given += [(p, node.kwargs[p.name]) for p in parameters if p.name in node.kwargs]
    return any(
        isinstance(value, Node)
        and isinstance(value.meta.get("val"), (torch.SymInt, torch.SymFloat))
        and str(parameter.type) in ("number", "float", "Optional[number]", "Optional[float]")
        for parameter, value in given
    )
