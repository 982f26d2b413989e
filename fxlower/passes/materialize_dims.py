"""Symbolic sizes as `arith` on `index`, computed once per function from its symbol arguments.

Before: the dim `2*s0 + 1`, and the argument `%s0: index {fxt.symbol = "s0"}`
After:

    %c2 = arith.constant 2 : index
    %c1 = arith.constant 1 : index
    %0 = arith.muli %c2, %s0 : index
    %1 = arith.addi %0, %c1 : index

Sizes are never negative, but differences on the way to them may be, as in `max(0, s0 - 5)`: extrema
are signed, and a quotient or remainder of a difference rounds down, as in Python. Those of sums and
products are unsigned.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from xdsl.dialects.builtin import StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith
from fxlower.dialects.build import INDEX, Dim, emit1, int_attr

_OPERATORS = {
    ast.Add: arith.AddiOp,
    ast.Sub: arith.SubiOp,
    ast.Mult: arith.MuliOp,
}

_DIVISIONS = {ast.FloorDiv: arith.DivUIOp, ast.Mod: arith.RemUIOp}

_EXTREMA = {"max": arith.MaxSIOp, "min": arith.MinSIOp}


class DimEmitter:
    """Appends to `block` what computes dims; equal expressions and parts of them once."""

    def __init__(self, block: Block, symbol_values: Mapping[str, SSAValue]):
        self.block = block
        self.symbol_values = symbol_values
        self._memo: dict[Dim, SSAValue] = {}

    def constant(self, value: int) -> SSAValue:
        """`value` as an `index`."""
        known = self._memo.get(value)
        if known is None:
            known = emit1(
                self.block, arith.ConstantOp, (), INDEX, {"value": int_attr(value, INDEX)}
            )
            known.name_hint = f"c{value}" if value >= 0 else f"cm{-value}"
            self._memo[value] = known
        return known

    def value(self, dim: Dim) -> SSAValue:
        """`dim` as an `index`.

        Raises:
            PassFailedException: it has a symbol that is no argument of the function.
        """
        if isinstance(dim, int):
            return self.constant(dim)
        known = self._memo.get(dim)
        if known is None:
            known = self._memo[dim] = self._node(ast.parse(dim, mode="eval").body)
        return known

    def _node(self, node: ast.expr) -> SSAValue:
        match node:
            case ast.Constant(int(number)):
                return self.constant(number)
            case ast.Name(name):
                if name not in self.symbol_values:
                    raise PassFailedException(
                        f"size uses the symbol '{name}', but the function has only the symbol "
                        f"arguments {list(self.symbol_values)}"
                    )
                return self.symbol_values[name]
            case ast.UnaryOp(ast.USub(), operand):
                return self._combine(arith.SubiOp, self.constant(0), self._node(operand), node)
            case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
                cls = _OPERATORS[type(operator)]
                return self._combine(cls, self._node(left), self._node(right), node)
            case ast.BinOp(left, operator, right) if type(operator) in _DIVISIONS:
                a, b = self._node(left), self._node(right)
                if not _may_be_negative(left):
                    return self._combine(_DIVISIONS[type(operator)], a, b, node)
                whole = ast.BinOp(left, ast.FloorDiv(), right)
                quotient = self._combine(arith.FloorDivSIOp, a, b, whole)
                if isinstance(operator, ast.FloorDiv):
                    return quotient
                multiple = self._combine(
                    arith.MuliOp, quotient, b, ast.BinOp(whole, ast.Mult(), right)
                )
                return self._combine(arith.SubiOp, a, multiple, node)
            case ast.Call(ast.Name("max" | "min" as name), args):
                values = [self._node(a) for a in args]
                result = values[0]
                for value in values[1:]:
                    result = emit1(self.block, _EXTREMA[name], (result, value), INDEX)
                return result
            case _:
                raise PassFailedException(f"not a symbolic size: {ast.unparse(node)!r}")

    def _combine(self, cls: type, lhs: SSAValue, rhs: SSAValue, node: ast.expr) -> SSAValue:
        key = ast.unparse(node)
        known = self._memo.get(key)
        if known is None:
            known = self._memo[key] = emit1(self.block, cls, (lhs, rhs), INDEX)
        return known


def _may_be_negative(node: ast.expr) -> bool:
    """Whether there is a difference in an expression of sizes."""
    return any(isinstance(n, ast.Sub | ast.USub) for n in ast.walk(node))


def symbol_arguments(function: FuncOp) -> dict[str, SSAValue]:
    """The arguments of `function` that carry `fxt.symbol`, by the name of the symbol."""
    found: dict[str, SSAValue] = {}
    if function.arg_attrs is not None:
        for argument, attributes in zip(function.body.block.args, function.arg_attrs):
            symbol = attributes.data.get("fxt.symbol")
            if isinstance(symbol, StringAttr):
                found[symbol.data] = argument
    return found
