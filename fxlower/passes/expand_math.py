"""Replace functions of `math` and trapping ops by arithmetic.

Before:

    %y = math.exp2 %x : vector<16xf32>
    %d = fxt.nonzero_divisor %n : i32

After:

    %0 = arith.constant dense<0x4b400000> : vector<16xf32>
    %1 = arith.addf %x, %0 : vector<16xf32>
    ...
    %zero = arith.cmpi eq, %n, %c0 : i32
    scf.if %zero { memref.store %c2, %trap[%c0] : memref<1xi64> }
    %d = arith.select %zero, %c1, %n : i32

Every function with an expansion in `math_expansions` goes, in f32 and f64, on scalars and on
vectors of any width; errors stay below 2 ulp over the whole range, and NaN, infinities, signed
zeros and denormals are as in C. What is left (cbrt) is called from libm by `convert-to-llvm`.

Needs: nothing. Leaves: no `fxt`; of `math` instructions and functions without expansion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func, math
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from fxlower.dialects import arith
from fxlower.dialects.arith import element_of
from fxlower.dialects.build import F32, F64, operations
from fxlower.dialects.fxt import NonzeroDivisorOp, NormalizeIndexOp
from fxlower.passes.legality import require_lowered
from fxlower.passes.math_expansions import (
    error_function,
    exponential,
    inverse_trigonometric,
    logarithm,
    power,
    remainder,
    traps,
    trigonometric,
)
from fxlower.passes.math_expansions.expression import Constants, Expr, Expression
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

EXPANSIONS: dict[type[Operation], Callable[..., Expr]] = {
    arith.RemfOp: remainder.fmod,
    math.AcosOp: inverse_trigonometric.acos,
    math.AcoshOp: logarithm.acosh,
    math.AsinOp: inverse_trigonometric.asin,
    math.AsinhOp: logarithm.asinh,
    math.AtanOp: inverse_trigonometric.atan,
    math.Atan2Op: inverse_trigonometric.atan2,
    math.AtanhOp: logarithm.atanh,
    math.CosOp: trigonometric.cos,
    math.CoshOp: exponential.cosh,
    math.ErfOp: error_function.erf,
    math.ExpOp: exponential.exp,
    math.Exp2Op: exponential.exp2,
    math.ExpM1Op: exponential.expm1,
    math.LogOp: logarithm.log,
    math.Log10Op: logarithm.log10,
    math.Log1pOp: logarithm.log1p,
    math.Log2Op: logarithm.log2,
    math.PowFOp: power.powf,
    math.RsqrtOp: power.rsqrt,
    math.SinOp: trigonometric.sin,
    math.SinhOp: exponential.sinh,
    math.TanOp: trigonometric.tan,
    math.TanhOp: exponential.tanh,
}

TRAPS: dict[type[Operation], Callable[..., SSAValue]] = {
    NonzeroDivisorOp: traps.nonzero_divisor,
    NormalizeIndexOp: traps.normalize_index,
}


def expands(op: Operation) -> bool:
    cls = type(op)
    if cls in TRAPS:
        return True
    return cls in EXPANSIONS and element_of(op.results[0].type) in (F32, F64)


def expand_function(function: func.FuncOp, target: TargetSpec) -> None:
    """Expand every op of `function` that has an expansion, in place."""
    blocks = {op.parent for op in operations(function) if expands(op)}
    for block in blocks:
        assert block is not None
        _expand_block(block, function, target)


def _expand_block(block: Block, function: func.FuncOp, target: TargetSpec) -> None:
    """Take all ops out and put them back in order, with expansions built in between."""
    constants: Constants = {}
    ops = list(block.ops)
    for op in ops:
        op.detach()
    for op in ops:
        if not expands(op):
            block.add_op(op)
            continue
        trap = TRAPS.get(type(op))
        if trap is not None:
            result = trap(block, function, op)
        else:
            e = Expression(block, op.results[0].type, target=target, constants=constants)
            result = EXPANSIONS[type(op)](e, *map(e.argument, op.operands)).value
        op.results[0].replace_all_uses_with(result)
        op.erase()


@dataclass(frozen=True)
class ExpandMathPass(ModulePass):
    """Replace functions of `math` by polynomials, and trapping ops by checks."""

    name = "expand-math"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for function in op.body.block.ops:
            if isinstance(function, func.FuncOp) and function.body.blocks:
                expand_function(function, target)
        require_lowered(op, dialect="fxt", by=self.name)
