"""Questions that fusion asks of an operation or a value by itself: which loops its axes run over,
and when its turn comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from fxlower.analysis.fusion_costs import is_column_reduction
from fxlower.analysis.loop_dims import Axes, LoopDims, flatten, refine, unify
from fxlower.dialects import fxt
from fxlower.dialects.build import (
    BF16,
    ELEMENT_BITS,
    F16,
    F32,
    F64,
    I8,
    I16,
    UI8,
    UI16,
    Dim,
    dims_of,
    is_float,
)
from fxlower.dialects.fxt.view import axes_of


def sweep_order(function: FuncOp) -> list[Operation]:
    """Program order, with column reductions and what follows from them last: the loops of a row
    reduction suit the maps around it better, so it has the first say."""
    now: list[Operation] = []
    later: list[Operation] = []
    postponed: set[SSAValue] = set()
    host_postponed = False
    for op in function.body.block.ops:
        if isinstance(op, ReturnOp):
            continue
        wait = is_column_reduction(op) or any(v in postponed for v in op._operands)
        if isinstance(op, fxt.AtenOp):
            host_postponed = wait = wait or host_postponed
        if wait:
            later.append(op)
            postponed.update(op.results)
        else:
            now.append(op)
    return now + later


def combine(axes: list[LoopDims | None], found: Axes | None) -> bool:
    """Take the axes of one more operand of a pointwise operation, which must be the same loops."""
    if found is None:
        return False
    pairs = [(a, b) for a, b in zip(axes, found) if a is not None and b is not None]
    if not unify(pairs, merge=False):
        return False
    for i, axis in enumerate(found):
        if axes[i] is None:
            axes[i] = axis
    return True


def reshape_axes(axes: Axes, old: Sequence[Dim], new: Sequence[Dim]) -> Axes | None:
    """The axes of a reshape from sizes `old` to `new`."""
    if None not in axes:
        return refine(flatten(axes), new)
    if not same_but_for_ones(old, new):
        return None
    rest = iter([a for a, n in zip(axes, old) if n != 1])
    return tuple(() if n == 1 else next(rest) for n in new)


def same_but_for_ones(old: Sequence[Dim], new: Sequence[Dim]) -> bool:
    return [n for n in old if n != 1] == [n for n in new if n != 1]


def renames_only(value: SSAValue, base: SSAValue) -> bool:
    """Whether `value` is `base` with dims permuted, repeated, or of size 1 added or dropped."""
    while value is not base:
        op = value.owner
        if isinstance(op, fxt.ReshapeOp):
            if not same_but_for_ones(dims_of(op.input.type), dims_of(value.type)):
                return False
        elif not isinstance(op, fxt.PermuteOp | fxt.BroadcastOp):
            return False
        value = op.input
    return True


def widened_source(value: SSAValue, depth: int) -> SSAValue | None:
    """What `value`, or that of which it renames the dims, is cast from, if its numbers are those of
    a narrower type: a product reads it instead, and widens while it does. It must have the axis
    `depth` of the value, so that operands tell how deep the product is."""
    while isinstance(value.owner, fxt.PermuteOp | fxt.BroadcastOp | fxt.ReshapeOp):
        op = value.owner
        if isinstance(op, fxt.ReshapeOp) and not same_but_for_ones(
            dims_of(op.input.type), dims_of(value.type)
        ):
            return None
        if dims_of(value.type)[depth] == 1:
            return None
        if isinstance(op, fxt.ReshapeOp):
            before = sum(n != 1 for n in dims_of(value.type)[:depth])
            depth = [i for i, n in enumerate(dims_of(op.input.type)) if n != 1][before]
        elif isinstance(op, fxt.PermuteOp):
            depth = op.axes[depth]
        elif depth in op.axes:
            depth = op.axes.index(depth)
        else:
            return None
        value = op.input
    cast = value.owner
    if isinstance(cast, fxt.CastOp) and is_exact(fxt.element(cast.input), fxt.element(cast.result)):
        return cast.input
    return None


_SIGNIFICANT_BITS = {
    **dict.fromkeys((I8, UI8, BF16), 8),
    **dict.fromkeys((I16, UI16), 16),
    F16: 11,
    F32: 24,
    F64: 53,
}


def is_exact(narrow: Attribute, wide: Attribute) -> bool:
    """Whether floats of type `wide` hold every number of the smaller type `narrow`."""
    if narrow not in _SIGNIFICANT_BITS or not is_float(wide) or wide == narrow:
        return False
    if is_float(narrow):  # f16 and bf16 do not hold each other's
        return wide in (F32, F64) and ELEMENT_BITS[narrow] < ELEMENT_BITS[wide]
    return _SIGNIFICANT_BITS[narrow] <= _SIGNIFICANT_BITS.get(wide, 0)


def made_in_scatter(operand: SSAValue) -> bool:
    """Whether a scatter's kernel makes this operand itself."""
    return isinstance(operand.owner, fxt.IotaOp | fxt.FullOp)


def runs_backwards(value: SSAValue, roots: Mapping[SSAValue, SSAValue]) -> bool:
    """Whether `value` is a view with some negative stride, which torch does not have. (What a
    symbolic stride looks like does not tell its sign: `-(s0//2) + s0` is positive.)"""
    while value is not roots.get(value, value):
        op = value.owner
        if isinstance(op, fxt.AsStridedOp) or not isinstance(op, fxt.VIEWS):
            return False
        if isinstance(op, fxt.SliceOp) and any(k < 0 for k in axes_of(op.steps)):
            return True
        value = op.operands[0]
    return False
