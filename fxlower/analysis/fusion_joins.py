"""Tensors that are written in pieces: what `fxt.concat` and `fxt.pad` are made of.

A join inside another one (the columns of a padded image) is no tensor of its own: its pieces are
pieces of the outer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.ir import Operation, SSAValue

from fxlower.analysis.symbols import add, sub
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim, dims_from, dims_of, emit1, tensor_type

JOINS = (fxt.ConcatOp, fxt.PadOp)


def is_part_of_join(op: Operation) -> bool:
    """Whether a join is nothing but a piece of another one."""
    use = op.results[0].first_use
    return use is not None and use._next_use is None and isinstance(use.operation, JOINS)


def pieces_of(op: Operation) -> list[tuple[SSAValue, tuple[Dim, ...]]]:
    """The values that the result of a join is made of, and where each begins. Padding is made for
    it, as `fxt.full` before `op`."""
    found: list[tuple[SSAValue, tuple[Dim, ...]]] = []
    for value, offsets in _operands(op):
        owner = value.owner
        if isinstance(owner, JOINS) and is_part_of_join(owner):
            for inner, more in pieces_of(owner):
                found.append((inner, tuple(add(a, b) for a, b in zip(offsets, more))))
        elif 0 not in dims_of(value.type):
            found.append((value, offsets))
    return found


def _operands(op: Operation) -> Iterator[tuple[SSAValue, tuple[Dim, ...]]]:
    rank = len(dims_of(op.results[0].type))
    if isinstance(op, fxt.ConcatOp):
        axis = op.axis.value.data
        offset: Dim = 0
        for value in op._operands:
            yield value, tuple(offset if a == axis else 0 for a in range(rank))
            offset = add(offset, dims_of(value.type)[axis])
        return
    assert isinstance(op, fxt.PadOp)
    yield from _padding(op)
    yield op.input, dims_from(op.low)


def _padding(op: fxt.PadOp) -> Iterator[tuple[SSAValue, tuple[Dim, ...]]]:
    """Boxes around the operand: those before and after it along an axis are as wide as the
    operand along the axes before, and as the result along those behind."""
    low, size, total = dims_from(op.low), dims_of(op.input.type), dims_of(op.result.type)
    for axis in range(len(total)):
        after = add(low[axis], size[axis])
        for start, count in ((0, low[axis]), (after, sub(total[axis], after))):
            sizes = (*size[:axis], count, *total[axis + 1 :])
            if 0 in sizes:
                continue
            offsets = (*low[:axis], start, *[0] * (len(total) - axis - 1))
            yield _full(op, sizes), offsets


def _full(op: fxt.PadOp, sizes: Sequence[Dim]) -> SSAValue:
    block = op.parent
    assert block is not None
    element = op.result.type.element_type  # type: ignore[attr-defined]
    made = emit1(block, fxt.FullOp, (), tensor_type(element, tuple(sizes)), {"value": op.value})
    made.op.detach()
    block.insert_op_before(made.op, op)
    return made
