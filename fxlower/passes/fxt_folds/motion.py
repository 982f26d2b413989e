"""Views meet memory: moving them through elementwise ops.

A view of a value in memory is free; one between two elementwise ops keeps them out of one loop
nest. Views therefore move *up*, towards their operand, through elementwise ops that nothing else
uses, if they come to rest on values in memory (arguments, results of products, joins, gathers,
opaque calls) and generators:

    exp(a + broadcast(b)), permuted   ->   exp(permute(a) + broadcast(b'))

The elementwise users of a product or a reduction stay at its dims instead, where they are its
epilogue or the scalar part of its nest. There views move *down*:

    reshape(matmul(a, b)) * 2.0       ->   reshape(matmul(a, b) * 2.0)

unless the elementwise ops end up in the loops of another reduction (a softmax, a normalization)
at the dims of the view; those then read the product from memory.

A broadcast never moves: it would multiply the work of the ops it passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue

from fxlower.analysis.reassociation import reassociation
from fxlower.dialects.build import Dim, dims_from, dims_of, tensor_type
from fxlower.dialects.fxt import (
    REDUCTIONS,
    VIEWS,
    BroadcastOp,
    DenseOp,
    FullOp,
    IotaOp,
    NonzeroDivisorOp,
    NormalizeIndexOp,
    PermuteOp,
    ReshapeOp,
    SizeOp,
    SliceOp,
    axes_attr,
    axes_of,
    dims,
    element,
)
from fxlower.passes.fxt_folds.rebuild import (
    ELEMENTWISE_SET,
    POINTWISE,
    Rebuilder,
    Request,
    in_memory,
)
from fxlower.passes.fxt_folds.views import (
    permute_after_reshape,
    permuted_broadcast,
    reshaped_broadcast,
    reshaped_iota,
)

MOVING = (ReshapeOp, PermuteOp, SliceOp)

MAX_DEPTH = 100
"""Elementwise ops that a view moves through at most; bounds Python's recursion."""

_VIEWS = frozenset(VIEWS)
_REDUCTIONS = frozenset(REDUCTIONS)
_FUSABLE = ELEMENTWISE_SET | _REDUCTIONS
_SINKING = frozenset((ReshapeOp, PermuteOp))
_TRAPPING = (NonzeroDivisorOp, NormalizeIndexOp)


@dataclass(frozen=True)
class View:
    """A reshape, permute or slice, apart from the value it is applied to."""

    cls: type[Operation]
    shape: tuple[Dim, ...]
    properties: Mapping[str, Attribute] = field(default_factory=dict)

    def of(self, r: Rebuilder, value: SSAValue) -> SSAValue:
        return r.build(self.cls, (value,), tensor_type(element(value), self.shape), self.properties)


def feeding_loops(block: Block) -> set[Operation]:
    """The views of `block` whose result an elementwise op or a reduction reads, possibly through
    further views."""
    found: set[Operation] = set()
    for op in reversed(list(block.ops)):
        if type(op) in _VIEWS:
            users = (use.operation for use in op.results[0].uses)
            if any(type(user) in _FUSABLE or user in found for user in users):
                found.add(op)
    return found


def move_up(r: Rebuilder, value: SSAValue, siblings: int) -> SSAValue | None:
    """`value`, a new view, with the view moved up to memory; None where it should stay.

    `siblings` is the number of uses to come of its operand that will move just as well.
    """
    op = value.owner
    if not isinstance(op, MOVING):
        return None
    base = op._operands[0]
    if type(base.owner) not in POINTWISE:
        return None
    assert isinstance(op, Operation)
    view = View(type(op), dims(value), op.properties)
    if not movable(r, view, base, op, siblings, MAX_DEPTH):
        return None
    return moved(r, view, base)


def movable(
    r: Rebuilder, view: View, value: SSAValue, user: Operation | None, siblings: int, depth: int
) -> bool:
    """Whether `value`, which `user` (None: an op being built) uses, can be computed under `view`
    instead: from views of memory, and nothing twice."""
    owner = value.owner
    match owner:
        case FullOp() | SizeOp():
            return True
        case DenseOp():
            return True
        case IotaOp():
            return view.cls is not ReshapeOp or reshaped_iota(owner, view.shape) is not None
        case BroadcastOp():
            return _broadcast_movable(r, view, owner, depth)
        case _:
            pass
    if type(owner) in POINTWISE:
        assert isinstance(owner, Operation)
        return (
            depth > 0
            and not (view.cls is SliceOp and isinstance(owner, _TRAPPING))
            and value not in r.anchored
            and r.used_only_by(value, user, siblings)
            and all(movable(r, view, v, owner, 0, depth - 1) for v in owner._operands)
        )
    if type(owner) in _REDUCTIONS:
        return False
    return _is_free(r, view, value) and in_memory(value)


def _broadcast_movable(r: Rebuilder, view: View, op: BroadcastOp, depth: int) -> bool:
    """A broadcast of memory can be any view; one of a value made in a loop nest must stay the
    broadcast of that very value."""
    operand = op._operands[0]
    if in_memory(operand):
        if view.cls is not ReshapeOp:
            return True
        inner = reshaped_broadcast(op, view.shape)
        return inner is not None and _is_free(r, View(ReshapeOp, inner[0]), operand)
    if view.cls is ReshapeOp:
        inner = reshaped_broadcast(op, view.shape)
        return inner is not None and inner[0] == dims(operand)
    if view.cls is PermuteOp:
        order, _ = permuted_broadcast(op, axes_of(view.properties["permutation"]))
        return order == tuple(range(len(order)))
    starts, steps = dims_from(view.properties["starts"]), axes_of(view.properties["steps"])
    source = dims(operand)
    return all(
        starts[a] == 0 and steps[a] == 1 and view.shape[a] == d for a, d in zip(op.axes, source)
    )


def _is_free(r: Rebuilder, view: View, value: SSAValue) -> bool:
    """Whether the view is one of strides. Splitting an axis always is; merging axes needs them
    to be next to each other in memory."""
    if view.cls is not ReshapeOp:
        return True
    source = dims(value)
    groups = reassociation(source, view.shape)
    if groups is None:
        return False
    if all(sum(source[a] != 1 for a in before) <= 1 for before, _ in groups):
        return True
    owner = value.owner
    if isinstance(owner, ReshapeOp):
        return _is_free(r, view, owner._operands[0])
    if isinstance(owner, PermuteOp):
        found = permute_after_reshape(owner, view.shape)
        return found is not None and _is_free(r, View(ReshapeOp, found[0]), owner._operands[0])
    if isinstance(value, BlockArgument):
        return value not in r.strided
    return type(owner) not in _VIEWS


def moved(r: Rebuilder, view: View, value: SSAValue) -> SSAValue:
    """`value` under `view`, computed from views of memory; `movable` holds."""
    owner = value.owner
    if type(owner) not in POINTWISE:
        return view.of(r, value)
    assert isinstance(owner, Operation)
    operands = tuple(moved(r, view, v) for v in owner._operands)
    type_ = tensor_type(element(value), view.shape)
    return r.build(type(owner), operands, type_, owner.properties)


# ---------------------------------------------------------------------------------- down


def fold_sink_views(r: Rebuilder, q: Request) -> SSAValue | None:
    """An elementwise op on equal views of values at the dims of a product or reduction."""
    for value in q.operands:
        op = value.owner
        if type(op) in _SINKING and _is_view_of_anchor(r, value):
            break
    else:
        return None
    assert isinstance(op, Operation)
    base = dims(op._operands[0])
    if type(op) is ReshapeOp:
        inverse = View(ReshapeOp, base)
    else:
        axes = axes_of(op.properties["permutation"])
        back = tuple(axes.index(a) for a in range(len(axes)))
        inverse = View(PermuteOp, base, {"permutation": axes_attr(back)})
    if not all(_sinks(inverse, op, v) for v in q.operands):
        return None
    operands = tuple(inverse.of(r, v) for v in q.operands)
    elements = q.type.element_type  # type: ignore[attr-defined]
    result = r.build(q.cls, operands, tensor_type(elements, base), q.properties)
    return View(type(op), dims_of(q.type), op.properties).of(r, result)


def _is_view_of_anchor(r: Rebuilder, value: SSAValue) -> bool:
    """Whether ops on `value` belong to a product or a reduction: not to a product where they end
    up in the loops of a reduction at the dims of the view."""
    while type(value.owner) in _SINKING:
        value = value.owner._operands[0]  # type: ignore[union-attr]
    anchor = r.anchor(value)
    return anchor is not None and not (anchor and r.near_reduction)


def _sinks(inverse: View, op: Operation, value: SSAValue) -> bool:
    owner = value.owner
    if isinstance(owner, FullOp):
        return True
    if type(owner) is type(op):
        return (
            dims(owner._operands[0]) == inverse.shape  # type: ignore[union-attr]
            and owner.properties == op.properties  # type: ignore[union-attr]
        )
    if not isinstance(owner, BroadcastOp) or not in_memory(owner._operands[0]):
        return False
    return inverse.cls is PermuteOp or reshaped_broadcast(owner, inverse.shape) is not None
