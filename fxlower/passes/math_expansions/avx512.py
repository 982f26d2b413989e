"""Instructions of AVX-512 that shorten expansions, as LLVM's intrinsics on one full register."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, StringAttr, VectorType
from xdsl.ir import Attribute

from fxlower.dialects import arith, llvm
from fxlower.dialects.build import F32, I8, I16, I32, emit1
from fxlower.passes.math_expansions.expression import Expr, Expression
from fxlower.passes.to_llvm.builder import segments

REGISTER_BITS = 512
_CURRENT_ROUNDING = 4


def fits(e: Expression) -> bool:
    """Whether the target has these instructions, and a value of `e` is one register."""
    if not e.target.avx512 or not isinstance(e.type, VectorType):
        return False
    return e.type.get_shape()[0] * e.element.bitwidth == REGISTER_BITS  # type: ignore[attr-defined]


def scale(e: Expression, x: Expr, exponent: Expr) -> Expr:
    """x * 2**floor(exponent), rounded once, for any exponent: `vscalefps`."""
    every = e.constant(-1, I16 if e.element == F32 else I8)
    rounding = e.constant(_CURRENT_ROUNDING, I32)
    name = "mask.scalef.ps.512" if e.element == F32 else "mask.scalef.pd.512"
    return _intrinsic(e, name, (x, exponent, x, every, rounding))


def lookup(e: Expression, table: tuple[float, ...], index: Expr) -> Expr:
    """The numbers at `index`, of which the lowest bits count, in a table of as many as there are
    lanes: `vpermps`."""
    values = {"value": _table(table, e.type)}
    register = e.argument(emit1(e.block, arith.ConstantOp, (), e.type, values))
    name = "permvar.sf.512" if e.element == F32 else "permvar.df.512"
    return _intrinsic(e, name, (register, index))


@cache
def _table(values: tuple[float, ...], type_: Attribute) -> Attribute:
    return DenseIntOrFPElementsAttr.from_list(type_, values)  # type: ignore[arg-type]


def _intrinsic(e: Expression, name: str, operands: Sequence[Expr]) -> Expr:
    properties = {
        "intrin": StringAttr(f"llvm.x86.avx512.{name}"),
        "fastmathFlags": llvm.NO_FASTMATH,
        "operandSegmentSizes": segments(len(operands), 0),
    }
    return e.op(llvm.CallIntrinsicOp, operands, e.type, properties)
