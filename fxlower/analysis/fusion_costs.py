"""The judgements of fusion that are not about correctness, in one place.

Numbers are for a CPU with caches; a target that wants others would bring them in its `TargetSpec`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue

from fxlower.analysis.loop_dims import LoopDims
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim

MAX_MEMBERS = 200
"""Operations in one group: a bound on the time that later levels spend on one kernel."""

MAX_STREAMS = 16
"""Tensors read and written by a kernel that siblings are merged into: hardware prefetches few
streams at once, and addresses take registers."""

SIBLING_SHARE = 8
"""Siblings are merged if what they share is at least an eighth of what the smaller one moves."""

MIN_ROW_OF_COLUMNS = 64
"""Elements, along the innermost dim, that one step of a column reduction reads together."""

CHEAP = frozenset(
    {
        fxt.NegOp,
        fxt.AbsOp,
        fxt.NotOp,
        fxt.AddOp,
        fxt.SubOp,
        fxt.MulOp,
        fxt.MaxOp,
        fxt.MinOp,
        fxt.AndOp,
        fxt.OrOp,
        fxt.XorOp,
        fxt.CmpOp,
        fxt.SelectOp,
        fxt.CastOp,
        fxt.BitcastOp,
        fxt.NormalizeIndexOp,
    }
)
"""Operations of about one instruction, which cost less than a load and store of their result."""


OPERATIONS_PER_BYTE = 2.0
"""Simple operations on an element that take as long as moving one byte of it: a core that runs
two vector instructions a cycle gets some 16 bytes a cycle from beyond its own caches."""

WRITE = 2.0
"""Bytes moved for each byte written: the line is read first."""


@dataclass(frozen=True)
class Recipe:
    """How to compute a value again: how many operations, from which values in memory."""

    operations: int
    sources: tuple[SSAValue, ...] = ()
    source_bytes: float = 0.0
    """Bytes of the sources for each element of the value."""
    value_bytes: float = 0.0
    """Bytes of an element of the value."""
    uses: int = 1

    @property
    def is_cheap(self) -> bool:
        """Whether computing the value again costs no more than to write it once and read it at
        each use. One source that is read anyway, as most are, costs nothing; what comes from no
        memory at all (a causal mask) may take more operations than one round trip."""
        if not self.sources:
            return self.operations <= 8
        if len(self.sources) == 1 and self.operations <= 4:
            return True
        kept = OPERATIONS_PER_BYTE * self.value_bytes * (WRITE / max(self.uses, 1) + 1)
        again = self.operations + OPERATIONS_PER_BYTE * self.source_bytes
        return again <= kept


def is_column_reduction(op: Operation) -> bool:
    """Whether a reduction keeps the innermost dim, so that the elements it combines are far apart
    in memory."""
    if not isinstance(op, fxt.ReductionOp):
        return False
    sizes = fxt.dims(op.input)
    innermost = max((i for i, n in enumerate(sizes) if n != 1), default=-1)
    return innermost >= 0 and innermost not in op.axes


def may_reduce_columns(kept: LoopDims) -> bool:
    """Whether a group of maps may run in the loops of a column reduction: it then writes its
    results in pieces along the innermost dim that is kept."""
    size = kept[-1].size if kept else 1
    return isinstance(size, str) or size >= MIN_ROW_OF_COLUMNS


def may_run_in_rows(outer: LoopDims, inner: LoopDims) -> bool:
    """Whether maps over everything may share the loops of a reduction. Only outer dims run in
    parallel, so a sum of a big tensor to a few numbers would make the maps serial."""
    rows, columns = _count(outer), _count(inner)
    return columns is None or rows is None or columns < 1 << 15 or rows >= 16


def _count(dims: LoopDims) -> int | None:
    total = 1
    for dim in dims:
        size: Dim = dim.size
        if isinstance(size, str):
            return None
        total *= size
    return total
