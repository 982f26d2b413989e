"""Rules for `scf` and `func`: loops, branches, parallel bodies, calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from xdsl.dialects import func, scf
from xdsl.dialects.builtin import IntegerAttr, MemRefType, SymbolRefAttr
from xdsl.ir import Block, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import llvm
from fxlower.dialects.build import I32, I64, emit1, int_attr
from fxlower.dialects.llvm import PTR
from fxlower.passes.to_llvm import arith, math, memref, vector
from fxlower.passes.to_llvm.arith import compare_integers
from fxlower.passes.to_llvm.builder import FunctionBuilder
from fxlower.passes.to_llvm.types import convert_type

Rule = Callable[[FunctionBuilder, Any], None]

_NO_SIGNED_WRAP = int_attr(1, I32)


def lower_block(b: FunctionBuilder, block: Block) -> None:
    """Lower every op of `block` but its terminator."""
    last = block.last_op
    for op in block.ops:
        if op is last and op.name in ("scf.yield", "scf.reduce", "func.return"):
            return
        rule = RULES.get(type(op))
        if rule is None:
            raise PassFailedException(f"convert-to-llvm: no rule lowers '{op.name}' in @{b.name}")
        rule(b, op)


def _yielded(b: FunctionBuilder, block: Block) -> list[SSAValue]:
    last = block.last_op
    return [] if last is None else [b.value(o) for o in last._operands]


# -------------------------------------------------------------------------------------- loops


def build_loop(
    b: FunctionBuilder,
    begin: SSAValue,
    end: SSAValue,
    step: SSAValue,
    initial: Sequence[SSAValue],
    body: Callable[[Sequence[SSAValue]], Sequence[SSAValue]],
    *,
    runs: bool = False,
) -> Sequence[SSAValue]:
    """A loop that tests at its end, behind a test whether it runs at all.

    `body` gets the induction variable and the carried values and returns the next ones.
    """
    first, last = b.numbers.get(begin), b.numbers.get(end)
    if first is not None and last is not None:
        if first >= last:
            return initial
        runs = True
    types = [v.type for v in initial]
    loop, after = Block(arg_types=[I64, *types]), Block(arg_types=types)
    b.push(loop, barrier=False)
    carried = body(loop.args)
    index = loop.args[0]
    advanced = b.read(llvm.AddOp, (index, step), I64, {"overflowFlags": _NO_SIGNED_WRAP})
    again = compare_integers(b, "slt", advanced, end)
    b.conditional_branch(again, (loop, (advanced, *carried)), (after, carried))
    b.pop()
    if runs:
        b.branch(loop, (begin, *initial))
    else:
        some = compare_integers(b, "slt", begin, end)
        b.conditional_branch(some, (loop, (begin, *initial)), (after, initial))
    b.block = after
    b.define(after)
    return after.args


def _for(b: FunctionBuilder, op: scf.ForOp) -> None:
    source = op.body.block

    def body(arguments: Sequence[SSAValue]) -> Sequence[SSAValue]:
        b.values.update(zip(source.args, arguments, strict=True))
        lower_block(b, source)
        return _yielded(b, source)

    begin, end, step, *initial = (b.value(o) for o in op._operands)
    results = build_loop(b, begin, end, step, initial, body)
    b.values.update(zip(op.results, results, strict=True))


def _if(b: FunctionBuilder, op: scf.IfOp) -> None:
    condition = b.value(op.cond)
    after = Block(arg_types=[convert_type(r.type) for r in op.results])
    targets: list[tuple[Block, Sequence[SSAValue]]] = []
    for region in (op.true_region, op.false_region):
        if not region.blocks:
            targets.append((after, ()))
            continue
        branch = Block()
        b.push(branch, barrier=True)
        lower_block(b, region.block)
        b.branch(after, _yielded(b, region.block))
        b.pop()
        targets.append((branch, ()))
    b.conditional_branch(condition, *targets, rare=llvm.RARE in op.attributes)
    b.block = after
    b.define(after)
    b.values.update(zip(op.results, after.args, strict=True))


# ----------------------------------------------------------------------------------- parallel


def _parallel(b: FunctionBuilder, op: scf.ParallelOp) -> None:
    """Take the body out into a function of a range, and have the run time call it.

    A loop that is known to be too short for two threads is one call of that function.
    """
    if len(op.lowerBound) != 1 or op.initVals:
        raise PassFailedException(
            "convert-to-llvm: scf.parallel must have one dimension and no results,"
            f" got {len(op.lowerBound)} and {len(op.initVals)} in @{b.name}"
        )
    begin, end, step = (b.value(o) for o in op._operands)
    if b.numbers.get(step) != 1:
        raise PassFailedException(f"convert-to-llvm: scf.parallel must have step 1 in @{b.name}")
    first, last = b.numbers.get(begin), b.numbers.get(end)
    count = last - first if first is not None and last is not None else None
    if count is not None and count <= 0:
        return
    grain = op.attributes.get("fxlower.grain")
    threshold = max(grain.value.data, 1) if isinstance(grain, IntegerAttr) else 1

    root = b
    while root.parent is not None:
        root = root.parent
    name = f"{root.name}_parallel_{root.outlined}"
    root.outlined += 1
    inner = FunctionBuilder(b.module, name, [I64, I64, PTR], parent=b)
    source = op.body.block

    def body(arguments: Sequence[SSAValue]) -> Sequence[SSAValue]:
        inner.values[source.args[0]] = arguments[0]
        lower_block(inner, source)
        return ()

    from_, to, context = inner.head.args
    from_.name_hint, to.name_hint, context.name_hint = "begin", "end", "captured"
    build_loop(inner, from_, to, inner.integer(1), (), body, runs=True)
    inner.effect(llvm.ReturnOp, ())
    context = b.store_captured(inner)
    inner.finish(linkage="internal")
    if count is not None and count <= threshold:
        b.call(name, (begin, end, context), None)
        return
    address = emit1(b.head, llvm.AddressOfOp, (), PTR, {"global_name": SymbolRefAttr(name)})
    b.depth[address] = 0
    b.call("fxlower_parallel_for", (begin, end, b.integer(threshold), address, context), None)


# ---------------------------------------------------------------------------------- functions


def pointer_to(b: FunctionBuilder, source: SSAValue) -> SSAValue:
    """The pointer to the first element of a memref."""
    where = b.memref(source)
    if where.offset == 0:
        return where.pointer
    return b.offset(where.pointer, b.index(where.offset), where.element)


def _call(b: FunctionBuilder, op: func.CallOp) -> None:
    arguments = [
        pointer_to(b, o) if isinstance(o.type, MemRefType) else b.value(o) for o in op._operands
    ]
    if len(op.results) > 1:
        raise PassFailedException(
            f"convert-to-llvm: @{op.callee.string_value()} must return one value at most"
        )
    type_ = convert_type(op.results[0].type) if op.results else None
    result = b.call(op.callee.string_value(), arguments, type_)
    if result is not None:
        b.values[op.results[0]] = result


def lower_function(b: FunctionBuilder, body: Block) -> None:
    """Lower the body of a `func.func`, whose arguments `b` has."""
    for source, argument in zip(body.args, b.head.args, strict=True):
        argument.name_hint = source.name_hint
        if isinstance(source.type, MemRefType):
            b.memrefs[source] = memref.argument_memref(argument, source.type)
        else:
            b.values[source] = argument
    lower_block(b, body)
    b.effect(llvm.ReturnOp, _yielded(b, body))


def _merge(tables: Iterable[dict[type[Operation], Rule]]) -> dict[type[Operation], Rule]:
    return {op: rule for table in tables for op, rule in table.items()}


RULES: dict[type[Operation], Rule] = _merge(
    (
        arith.RULES,
        math.RULES,
        memref.RULES,
        vector.RULES,
        {scf.ForOp: _for, scf.IfOp: _if, scf.ParallelOp: _parallel, func.CallOp: _call},
    )
)
