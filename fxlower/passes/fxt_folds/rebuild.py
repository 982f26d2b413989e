"""Rebuilding a function with every op simplified as it is made.

`Rebuilder.build` is asked for an op over values of the new function. It answers with a value
that already exists (a common subexpression), with what a fold makes of the request, or with a new
op. Operands are simplified before their users, so that one forward walk reaches a fixed point for
rules that look from an op at its operands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Attribute, Block, BlockArgument, Operation, OpResult, SSAValue

from fxlower.dialects.build import Dim, dims_attr, emit, float_attr, int_attr, is_float
from fxlower.dialects.build import tensor_type as tensor
from fxlower.dialects.fxt import (
    ELEMENTWISE,
    REDUCTIONS,
    VIEWS,
    AsStridedOp,
    BroadcastOp,
    FullOp,
    MatmulOp,
    NormalizeIndexOp,
    PermuteOp,
    ReshapeOp,
    SliceOp,
    axes_attr,
    dims,
    element,
)

_NONE: Mapping[str, Attribute] = {}

ELEMENTWISE_SET = frozenset(ELEMENTWISE)
POINTWISE = ELEMENTWISE_SET | {NormalizeIndexOp}
_REDUCTIONS = frozenset(REDUCTIONS)
_VIEWS = frozenset(VIEWS)


def in_memory(value: SSAValue) -> bool:
    """Whether `value` is a view of something that no fused loop nest makes."""
    while True:
        owner = value.owner
        if isinstance(value, BlockArgument) or type(owner) is AsStridedOp:
            return True
        if type(owner) in POINTWISE or type(owner) in _REDUCTIONS:
            return False
        if type(owner) not in _VIEWS:
            return True
        assert isinstance(owner, Operation)
        value = owner._operands[0]


class Request(NamedTuple):
    """An op with one result that is to be built."""

    cls: type[Operation]
    operands: tuple[SSAValue, ...]
    type: Attribute
    properties: Mapping[str, Attribute]


Fold: TypeAlias = Callable[["Rebuilder", Request], SSAValue | None]


class Rebuilder:
    """The new block, what is in it, and who will still ask for it."""

    def __init__(self, block: Block, folds: Mapping[type[Operation], tuple[Fold, ...]]):
        self.block = block
        self.folds = folds
        self.anchored: dict[SSAValue, bool] = {}
        """Elementwise values at the dims of a reduction (False) or of a product (True)."""
        self.near_reduction = False
        """Whether what is being built ends up in the loops of a reduction."""
        self.strided: set[SSAValue] = set()
        """Arguments that are not contiguous in memory."""
        self.pending: dict[SSAValue, int] = {}
        """Uses by ops of the old function that are still to be rebuilt."""
        self._known: dict[tuple[object, ...], SSAValue] = {}
        self._erased: set[SSAValue] = set()

    # ------------------------------------------------------------------------- making ops

    def build(
        self,
        cls: type[Operation],
        operands: tuple[SSAValue, ...],
        type_: Attribute,
        properties: Mapping[str, Attribute] = _NONE,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> SSAValue:
        """The value of the pure op `cls(operands)`, simplified."""
        if len(properties) > 1:
            properties = dict(sorted(properties.items()))
        key = (cls, operands, type_, *properties.values())
        known = self._known.get(key)
        if known is not None and known not in self._erased:
            return known
        value = None
        request = Request(cls, operands, type_, properties)
        for fold in self.folds.get(cls, ()):
            value = fold(self, request)
            if value is not None:
                break
        else:
            value = emit(
                self.block, cls, operands, (type_,), properties or None, attributes
            ).results[0]
            if cls in ELEMENTWISE_SET:
                anchors = [a for v in operands if (a := self.anchor(v)) is not None]
                if anchors:
                    self.anchored[value] = any(anchors)
        assert value is not None
        self._known[key] = value
        return value

    def full(self, value: float | int, elements: Attribute, shape: tuple[Dim, ...]) -> SSAValue:
        """`value` must be representable in `elements`."""
        if is_float(elements):
            attr: Attribute = float_attr(value, elements)
        else:
            assert isinstance(elements, IntegerType)
            attr = int_attr(int(value), elements)
        return self.build(FullOp, (), tensor(elements, shape), {"value": attr})

    def like(self, cls: type[Operation], *operands: SSAValue) -> SSAValue:
        """An elementwise op whose result has the type of its first operand."""
        return self.build(cls, operands, operands[0].type)

    def reshape(self, value: SSAValue, shape: tuple[Dim, ...]) -> SSAValue:
        return self.build(ReshapeOp, (value,), tensor(element(value), shape))

    def permute(self, value: SSAValue, axes: tuple[int, ...]) -> SSAValue:
        shape = dims(value)
        type_ = tensor(element(value), tuple(shape[a] for a in axes))
        return self.build(PermuteOp, (value,), type_, {"permutation": axes_attr(axes)})

    def broadcast(self, value: SSAValue, axes: tuple[int, ...], shape: tuple[Dim, ...]) -> SSAValue:
        type_ = tensor(element(value), shape)
        return self.build(BroadcastOp, (value,), type_, {"mapping": axes_attr(axes)})

    def slice(
        self,
        value: SSAValue,
        starts: tuple[Dim, ...],
        steps: tuple[int, ...],
        shape: tuple[Dim, ...],
    ) -> SSAValue:
        properties = {"starts": dims_attr(starts), "steps": axes_attr(steps)}
        return self.build(SliceOp, (value,), tensor(element(value), shape), properties)

    # ------------------------------------------------------------------------------ uses

    def anchor(self, value: SSAValue) -> bool | None:
        """Whether `value` is a result of a product (True) or a reduction (False), or elementwise
        on one at the same dims; None for all others."""
        cls = type(value.owner)
        if cls is MatmulOp:
            return True
        return False if cls in _REDUCTIONS else self.anchored.get(value)

    def used_only_by(self, value: SSAValue, user: Operation | None, siblings: int = 0) -> bool:
        """Nothing but `user` (None: an op being built) uses `value` or will, except for `siblings`
        uses yet to come."""
        if self.pending.get(value, 0) > siblings:
            return False
        use = value.first_use
        while use is not None:
            if use.operation is not user:
                return False
            use = use._next_use
        return True

    def erase_if_dead(self, value: SSAValue, is_pure: Callable[[Operation], bool]) -> None:
        """Erase the op of `value`, and what dies with it, if nothing uses or will use it."""
        worklist = [value]
        while worklist:
            value = worklist.pop()
            if (
                not isinstance(value, OpResult)
                or value.first_use is not None
                or self.pending.get(value, 0)
                or value in self._erased
            ):
                continue
            op = value.op
            if len(op.results) != 1 or not is_pure(op):
                continue
            worklist.extend(op._operands)
            self._erased.add(value)
            op.detach()
            op.erase()
