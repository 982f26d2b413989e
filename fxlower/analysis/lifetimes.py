"""Where, in `@main` made of calls, memory that the host holds is needed for the last time."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from fxlower.dialects.build import ELEMENT_BITS, dims_of
from fxlower.dialects.fxt.view import VIEWS

DYING = "fxt.dying"
"""Marks an argument of `@main` that nobody else holds: memory that a graph saved for another."""


class LastUses:
    """The last call that needs each value which makes memory, and those that end in it."""

    def __init__(self, main: FuncOp, root_of: Callable[[SSAValue], SSAValue]) -> None:
        last: dict[SSAValue, Operation] = {}
        for op in main.body.block.ops:
            if not isinstance(op, VIEWS):
                last.update((root_of(v), op) for v in op.operands if is_tensor(v))
        self.of: dict[Operation, list[SSAValue]] = {}
        for root, op in last.items():
            if not isinstance(op, ReturnOp) and dies(root, main):
                self.of.setdefault(op, []).append(root)


def dies(root: SSAValue, main: FuncOp) -> bool:
    """Whether the memory is free when the host lets go of it."""
    if not isinstance(root, BlockArgument):
        return True
    attributes = main.arg_attrs
    return attributes is not None and DYING in attributes.data[root.index].data


def static_bytes(value: SSAValue) -> int:
    """Bytes of a tensor's elements; 0 where that is not known."""
    size = 1
    for dim in dims_of(value.type):
        if not isinstance(dim, int):
            return 0
        size *= dim
    return size * ELEMENT_BITS[value.type.element_type] // 8  # type: ignore[attr-defined]


def is_tensor(value: SSAValue) -> bool:
    return isinstance(value.type, TensorType)
