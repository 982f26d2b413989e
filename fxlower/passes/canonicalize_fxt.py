"""Bring a graph of `fxt` ops into canonical form: the stage `tensor`.

Before:

    %two = fxt.full 2.000000e+00 : f32 : tensor<3x2xf32>
    %one = fxt.full 1.000000e+00 : f32 : tensor<3x2xf32>
    %p = fxt.permute %x, array<i64: 1, 0> : (tensor<2x3xf32>) -> tensor<3x2xf32>
    %a = fxt.div %p, %two : tensor<3x2xf32>
    %b = fxt.mul %a, %one : tensor<3x2xf32>
    %q = fxt.permute %b, array<i64: 1, 0> : (tensor<3x2xf32>) -> tensor<2x3xf32>
    %r = fxt.exp %q : tensor<2x3xf32>

After:

    %half = fxt.full 5.000000e-01 : f32 : tensor<2x3xf32>
    %a = fxt.mul %x, %half : tensor<2x3xf32>
    %r = fxt.exp %a : tensor<2x3xf32>

Needs nothing. Leaves every function with views composed and next to values in memory, constants
folded, casts of casts folded, no common subexpressions and nothing dead. Every rule keeps each
bit of the result, except that f32 is no longer rounded on a round trip through bf16 or f16
(`fxt_folds/casts.py`), that the sum of a single -0.0 is -0.0, and that traps of unused results
are gone.

One forward walk rebuilds the body; the rules are in `fxt_folds`, a family to a file. Functions
with control flow or nested regions are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.traits import Pure

from fxlower.analysis.symbols import product
from fxlower.dialects.build import emit
from fxlower.dialects.fxt import (
    ELEMENTWISE,
    REDUCTIONS,
    VIEWS,
    AsStridedOp,
    AtenOp,
    PermuteOp,
    ReshapeOp,
    SliceOp,
    dims,
)
from fxlower.passes.fxt_folds import FOLDS
from fxlower.passes.fxt_folds.motion import MOVING, feeding_loops, move_up
from fxlower.passes.fxt_folds.rebuild import Fold, Rebuilder

_VIEWS = frozenset(VIEWS)
_REDUCTIONS = frozenset(REDUCTIONS)
_SAME_SIZE = frozenset((*ELEMENTWISE, ReshapeOp, PermuteOp))


@dataclass(frozen=True)
class CanonicalizeFxtPass(ModulePass):
    """Simplify `fxt`: views, constants, casts, common subexpressions, dead code."""

    name = "canonicalize-fxt"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and len(function.body.blocks) == 1:
                canonicalize(function)


def canonicalize(
    function: FuncOp, folds: Mapping[type[Operation], tuple[Fold, ...]] = FOLDS
) -> None:
    """Replace the body of `function` by its canonical form."""
    old = function.body.block
    if any(op.regions for op in old.ops):
        return
    new = Block(arg_types=[a.type for a in old.args])
    r = Rebuilder(new, folds)
    values: dict[SSAValue, SSAValue] = dict(zip(old.args, new.args))
    for before, after in values.items():
        after.name_hint = before.name_hint
    r.strided.update(new.args[i] for i in _strided_arguments(function))
    # `fxt.as_strided` sees the memory of its operand: that op must stay what it is.
    in_memory = {op._operands[0] for op in old.ops if isinstance(op, AsStridedOp)}

    near_reduction = _near_reduction(old)
    feeding = feeding_loops(old)

    for op in old.ops:
        r.near_reduction = op in near_reduction
        operands = tuple(values[v] for v in op._operands)
        for value in operands:
            if value in r.pending:
                r.pending[value] -= 1
        result = op.results[0] if len(op.results) == 1 else None
        if result is not None and is_pure(op):
            if result.first_use is not None:
                may_move = isinstance(op, SliceOp) or op in feeding
                value = _rebuild(r, op, operands, result in in_memory, may_move)
                values[result] = value
                r.pending[value] = r.pending.get(value, 0) + result.uses.get_length()
        else:
            copy = emit(
                new,
                type(op),
                operands,
                [v.type for v in op.results],
                op.properties,
                op.attributes,
            )
            for before, after in zip(op.results, copy.results):
                after._name = before._name
                values[before] = after
        for value in operands:
            r.erase_if_dead(value, is_pure)

    for op in reversed(list(new.ops)):
        if is_pure(op) and all(v.first_use is None for v in op.results):
            op.detach()
            op.erase()
    function.body.detach_block(old)
    function.body.add_block(new)


def _rebuild(
    r: Rebuilder,
    op: Operation,
    operands: tuple[SSAValue, ...],
    as_it_is: bool,
    may_move: bool,
) -> SSAValue:
    """The value of `op` on `operands` in the new function. A view `may_move` up to memory."""
    type_ = op.results[0].type
    last = r.block.last_op
    if as_it_is:
        value = emit(r.block, type(op), operands, (type_,), op.properties, op.attributes).results[0]
    else:
        value = r.build(type(op), operands, type_, op.properties, op.attributes)
        if (
            may_move
            and type(op) in _VIEWS
            and isinstance(value.owner, MOVING)
            and value.first_use is None
            and not r.pending.get(value, 0)
        ):
            moved = move_up(r, value, _siblings(op))
            if moved is not None:
                # The elementwise op may come out as it was (a counter seen backwards along
                # another axis): it must outlive the view.
                r.pending[moved] = r.pending.get(moved, 0) + 1
                r.erase_if_dead(value, is_pure)
                r.pending[moved] -= 1
                value = moved
    if r.block.last_op is not last and value._name is None:
        value._name = op.results[0]._name
    return value


def _near_reduction(block: Block) -> set[Operation]:
    """Elementwise ops and views of `block` whose results a reduction reads, directly or through
    other such ops at as many elements."""
    found: set[Operation] = set()
    for op in reversed(list(block.ops)):
        if type(op) not in _REDUCTIONS and op not in found:
            continue
        for value in op._operands:
            owner = value.owner
            if isinstance(owner, Operation) and type(owner) in _SAME_SIZE:
                found.add(owner)
    return found


def _siblings(op: Operation) -> int:
    """How many more uses of the operand of the view `op` will move up as it does: equal views,
    and slices that together are no more than the operand."""
    operand = op._operands[0]
    first = operand.first_use
    assert first is not None
    if first._next_use is None:
        return 0
    users = [use.operation for use in operand.uses]
    if all(
        type(u) is type(op)
        and u.results[0].type == op.results[0].type
        and u.properties == op.properties
        for u in users
    ):
        return len(users)
    if all(isinstance(u, SliceOp) for u in users):
        total = product(dims(operand))
        parts = [product(dims(u.results[0])) for u in users]
        if isinstance(total, int) and all(isinstance(p, int) for p in parts):
            return len(users) if sum(parts) <= total else 0  # type: ignore[arg-type]
    return 0


@cache
def _is_pure_class(cls: type[Operation]) -> bool:
    return bool(cls.has_trait(Pure, value_if_unregistered=False))


def is_pure(op: Operation) -> bool:
    """Whether `op` may be merged with an equal one, and dropped where nothing uses it."""
    return _is_pure_class(type(op)) or (isinstance(op, AtenOp) and "pure" in op.attributes)


def _strided_arguments(function: FuncOp) -> list[int]:
    attributes = function.arg_attrs
    if not isinstance(attributes, ArrayAttr):
        return []
    return [
        i
        for i, a in enumerate(attributes)
        if isinstance(a, DictionaryAttr) and "fxt.strides" in a.data
    ]
