"""Where the values of a function between calls are: which argument or result they are views of."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation, SSAValue

from fxlower.analysis.layout import (
    Strides,
    declared_strides,
    result_strides,
    view_offset,
    view_strides,
)
from fxlower.analysis.symbols import add
from fxlower.dialects.build import Dim, dims_of, emit1
from fxlower.dialects.fxt.view import VIEWS


@dataclass(frozen=True)
class Place:
    """Where a value in memory is: elements of `root` from `offset` on, by `strides`."""

    root: SSAValue
    offset: Dim
    strides: Strides


class Places:
    """Of each value of `function`, which holds calls and views, and of views made here, which stand
    in a block of their own."""

    def __init__(self, function: FuncOp):
        self.views = Block()
        self.of: dict[SSAValue, Place] = {}
        self.uses: dict[SSAValue, list[tuple[Operation, int]]] = {}
        """Of each argument, the operands that are views of it."""
        block = function.body.block
        for i, argument in enumerate(block.args):
            if isinstance(argument.type, TensorType):
                strides = declared_strides(argument.type, function.arg_attrs, i)
                self.of[argument] = Place(argument, 0, strides)
                self.uses[argument] = []
        for op in block.ops:
            if isinstance(op, VIEWS):
                self._add_view(op)
                continue
            for i, operand in enumerate(op.operands):
                place = self.of.get(operand)
                if place is not None and place.root in self.uses:
                    self.uses[place.root].append((op, i))
            for i, result in enumerate(op.results):
                if isinstance(result.type, TensorType):
                    self.of[result] = Place(result, 0, result_strides(op, i))

    def _add_view(self, op: Operation) -> bool:
        source, result = self.of[op.operands[0]], op.results[0]
        strides = view_strides(op, source.strides)
        if strides is None:
            return False
        offset = add(source.offset, view_offset(op, source.strides))
        self.of[result] = Place(source.root, offset, strides)
        return True

    def view(
        self, cls: type[Operation], source: SSAValue, type_: Attribute, **properties: Attribute
    ) -> SSAValue | None:
        """A new view of `source`; None where strides cannot express it."""
        made = emit1(self.views, cls, (source,), type_, properties)
        return made if self._add_view(made.owner) else None  # type: ignore[arg-type]

    def same(self, a: SSAValue, b: SSAValue) -> bool:
        """Whether two values are the same elements of the same memory."""
        return self.of[a] == self.of[b] and dims_of(a.type) == dims_of(b.type)
