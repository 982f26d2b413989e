"""`vectorize`: scalar loops that carry `fxlower.vector` become loops over vectors.

Before:

    %s = scf.for %j = %c0 to %n step %c1 iter_args(%acc = %zero) -> (f32) {
      %v = memref.load %x[%j] : memref<?xf32>
      %next = arith.addf %v, %acc : f32
      scf.yield %next : f32
    } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}

After:

    %rest = arith.remui %n, %c16 : index
    %end = arith.subi %n, %rest : index
    %main = scf.for %j = %c0 to %end step %c16 iter_args(%acc = %zeros) -> (vector<16xf32>) {
      %v = vector.load %x[%j] : memref<?xf32>, vector<16xf32>
      %next = arith.addf %v, %acc : vector<16xf32>
      scf.yield %next : vector<16xf32>
    }
    %tail = scf.for %j = %end to %n step %c16 iter_args(%acc = %main) -> (vector<16xf32>) {
      %left = arith.subi %n, %j : index
      %mask = vector.create_mask %left : vector<16xi1>
      %v = vector.maskedload %x[%j], %mask, %zeros : ...
      %sum = arith.addf %v, %acc : vector<16xf32>
      %next = arith.select %mask, %sum, %acc : vector<16xi1>, vector<16xf32>
      scf.yield %next : vector<16xf32>
    }
    %s = vector.reduction <add>, %tail fastmath<reassoc> : vector<16xf32> into f32

With `fxlower.unroll = U` the main loop takes U vectors an iteration, with as many accumulators;
what is left runs a vector at a time. Nothing is made for remainders that cannot occur. Loops
around that only carry its accumulators carry vectors too (`fxlower/passes/loop_vectorizer.py`). A
loop with `fxlower.rows = R` runs R rows at once (`fxlower/passes/row_vectorizer.py`). Where running
values of a reduction are used it is a scan (`fxlower/passes/scan_vectorizer.py`).

Needs loops as docs/design.md, section 5, describes them: step 1, iterations independent but for
`iter_args` that an associative op combines. Leaves neither mark; loops without one stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import scf
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.passes.lane_values import Constants
from fxlower.passes.loop_vectorizer import VECTOR, LoopVectorizer, marked_nest
from fxlower.passes.row_vectorizer import ROWS, vectorize_rows
from fxlower.passes.scan_vectorizer import ScanVectorizer, is_scan
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec


def _vectorize_block(block: Block, constants: Constants, target: TargetSpec) -> None:
    ops = list(block.ops)
    marked = [_is_widened(op) for op in ops]
    first = marked.index(True) if True in marked else len(ops)
    for op in ops[first:]:
        op.detach()
    for i, op in enumerate(ops):
        if not marked[i]:
            if i > first:
                block.add_op(op)
            for region in op.regions:
                for inner in region.blocks:
                    _vectorize_block(inner, constants, target)
            continue
        assert isinstance(op, scf.ForOp)
        if ROWS in op.attributes:
            vectorize_rows(op, block, constants, target, _vectorize_block)
        else:
            if is_scan(op):
                made = ScanVectorizer(op, block, constants, target).run()
            else:
                made = LoopVectorizer(marked_nest(op), block, constants, target).run()
            for old, new in zip(op.results, made):
                old.replace_all_uses_with(new)
                new.name_hint = new.name_hint or old.name_hint
        op.erase()


def _is_widened(op: Operation) -> bool:
    """Whether `op` is the outermost of loops that are widened together."""
    if isinstance(op, scf.ForOp):
        return ROWS in op.attributes or bool(marked_nest(op))
    for mark in (VECTOR, ROWS):
        if mark in op.attributes:
            raise PassFailedException(f"vectorize: {mark} on '{op.name}', not on scf.for")
    return False


def vectorize_function(function: FuncOp, target: TargetSpec) -> None:
    """Widen every marked loop of `function`."""
    constants = Constants()
    for block in function.body.blocks:
        _vectorize_block(block, constants, target)
    made = list(constants.block.ops)
    if not made:
        return
    entry = function.body.blocks[0]
    for op in made:
        op.detach()
    if entry.first_op is None:
        entry.add_ops(made)
    else:
        entry.insert_ops_before(made, entry.first_op)


@dataclass(frozen=True)
class VectorizePass(ModulePass):
    """Widen loops that carry `fxlower.vector`."""

    name = "vectorize"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                vectorize_function(function, target)
