"""The judgements of fusion that are not about correctness, in one place: bytes saved against work
done again, by the facts of the target."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue

from fxlower.analysis.loop_dims import LoopDims
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim
from fxlower.targets.spec import TargetSpec

MAX_MEMBERS = 200
"""Operations in one group: a bound on the time that later levels spend on one kernel."""

SIBLING_SHARE = 8
"""Siblings are merged if what they share is at least an eighth of what the smaller one moves."""

SERIAL_ELEMENTS = 1 << 15
"""Elements of maps that are not worth other threads."""

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


def is_column_reduction(op: Operation) -> bool:
    """Whether a reduction keeps the innermost dim, so that the elements it combines are far apart
    in memory."""
    if not isinstance(op, fxt.ReductionOp):
        return False
    sizes = fxt.dims(op.input)
    innermost = max((i for i, n in enumerate(sizes) if n != 1), default=-1)
    return innermost >= 0 and innermost not in op.axes


@dataclass(frozen=True)
class FusionCosts:
    """The judgements that depend on the machine."""

    target: TargetSpec

    def is_cheap(self, recipe: Recipe) -> bool:
        """Whether computing a value again costs no more than to write it once and read it at each
        use. One source that is read anyway, as most are, costs nothing; what comes from no memory
        at all (a causal mask) may take more operations than one round trip."""
        if not recipe.sources:
            return recipe.operations <= 8
        if len(recipe.sources) == 1 and recipe.operations <= 4:
            return True
        byte = self.target.operations_per_byte
        kept = byte * recipe.value_bytes * (WRITE / max(recipe.uses, 1) + 1)
        return recipe.operations + byte * recipe.source_bytes <= kept

    def may_reduce_columns(self, kept: LoopDims) -> bool:
        """Whether a group of maps may run in the loops of a column reduction: it then writes its
        results in pieces along the innermost dim that is kept, of some vectors each."""
        size = kept[-1].size if kept else 1
        return isinstance(size, str) or size >= 4 * self.target.lanes(32)

    def may_run_in_rows(self, outer: LoopDims, inner: LoopDims) -> bool:
        """Whether maps over everything may share the loops of a reduction. Only outer dims run in
        parallel, so a sum of a big tensor to a few numbers would make the maps serial."""
        rows, columns = _count(outer), _count(inner)
        if rows is None or columns is None or columns < SERIAL_ELEMENTS:
            return True
        return rows >= 8 * self.target.cores

    def may_stream(self, tensors: int) -> bool:
        """Whether a kernel that siblings are merged into may read and write so many tensors."""
        return tensors <= self.target.memory_streams


def _count(dims: LoopDims) -> int | None:
    total = 1
    for dim in dims:
        size: Dim = dim.size
        if isinstance(size, str):
            return None
        total *= size
    return total
