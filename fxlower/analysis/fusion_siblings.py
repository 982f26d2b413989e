"""Groups that read the same tensor and do not depend on each other become one kernel.

    %0 = fxt.exp %x                                %0, %1 = one kernel that loads each element
    %1 = fxt.sum %x, array<i64: 1>        ->                of %x once

What is saved is the tensor read once more, and a launch. Runs after the sweep of
`fxlower/analysis/fusion.py`, which fuses along dependencies, so that it never stands in its way.
"""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType
from xdsl.ir import SSAValue

from fxlower.analysis.fusion_costs import (
    MAX_MEMBERS,
    SIBLING_SHARE,
    FusionCosts,
    is_column_reduction,
)
from fxlower.analysis.fusion_units import Partition, Unit, try_merge
from fxlower.analysis.kernel_program import memory_reads
from fxlower.analysis.layout import Strides
from fxlower.analysis.loop_dims import Axes, LoopDim, resolve
from fxlower.analysis.traffic import tensor_bytes
from fxlower.dialects.build import ELEMENT_BITS, is_float


def merge_siblings(partition: Partition, costs: FusionCosts) -> None:
    """Merge groups of `partition` where that saves memory traffic."""
    readers: dict[SSAValue, list[Unit]] = {}
    for unit in partition.units:
        if unit.op is None and not unit.is_product:
            for root in _roots_read(unit, partition):
                readers.setdefault(root, []).append(unit)
    shared = [units for units in readers.values() if len(units) > 1]
    if not shared:
        return
    known: dict[Unit, dict[SSAValue, Axes]] = {}
    merged = False
    for units in shared:
        done: set[Unit] = set()
        for i, first in enumerate(units):
            kept = _final(first)
            if kept in done:  # it was tried with all that follow
                continue
            done.add(kept)
            tried: set[Unit] = {kept}
            for second in units[i + 1 :]:
                streams = len(_reads(partition, kept, known)) + len(kept.results)
                if not costs.may_stream(streams + 1):  # no other fits any more
                    break
                gone = _final(second)
                if gone not in tried:
                    tried.add(gone)
                    merged |= _try(partition, costs, kept, gone, known)
    if merged:
        partition.units = [u for u in partition.graph.in_order() if u.op is not None or u.results]


def _final(unit: Unit) -> Unit:
    while unit.absorbed is not None:
        unit = unit.absorbed
    return unit


def _roots_read(unit: Unit, partition: Partition) -> dict[SSAValue, None]:
    """Whole tensors that the operands of members are in, a cheap superset of what is read."""
    roots = partition.roots
    return {
        roots[v]: None
        for member in unit.members.values()
        for v in member.op._operands
        if v in roots and roots[v] not in unit.members
    }


def _try(
    partition: Partition,
    costs: FusionCosts,
    kept: Unit,
    gone: Unit,
    known: dict[Unit, dict[SSAValue, Axes]],
) -> bool:
    graph = partition.graph
    written = len(kept.results) + len(gone.results)
    if len(kept.members) + len(gone.members) > MAX_MEMBERS:
        return False
    if graph.follows(kept, gone) or graph.follows(gone, kept):
        return False
    if not _same_kind(kept, gone, costs):
        return False
    mine, theirs = _reads(partition, kept, known), _reads(partition, gone, known)
    both = [v for v in theirs if v in mine]
    if not costs.may_stream(len(mine) + len(theirs) - len(both) + written):
        return False
    whole = [v for v in both if kept.covers(mine[v]) == gone.covers(theirs[v]) == "full"]
    saved = sum(tensor_bytes(v.type) for v in whole)
    least = min(_traffic(kept, mine), _traffic(gone, theirs))
    if not whole or saved * SIBLING_SHARE < least:
        return False
    if _transposes(partition, kept, mine, whole[0]) or _transposes(
        partition, gone, theirs, whole[0]
    ):
        return False
    if not try_merge(graph, kept, mine[whole[0]], gone, theirs[whole[0]]):
        return False
    known.pop(kept, None)
    return True


def _reads(
    partition: Partition, unit: Unit, known: dict[Unit, dict[SSAValue, Axes]]
) -> dict[SSAValue, Axes]:
    if unit not in known:
        known[unit] = memory_reads(unit, partition)
    return known[unit]


def _same_kind(kept: Unit, gone: Unit, costs: FusionCosts) -> bool:
    """Whether the loops of one suit the other as well: they have as many lanes, and maps do not
    come to run down the columns of a reduction, or one row after the other."""
    if _float_bits(kept) != _float_bits(gone):
        return False
    if bool(kept.inner) == bool(gone.inner):
        return True
    reducing = kept if kept.inner else gone
    if any(is_column_reduction(m.op) for m in reducing.members.values()):
        return False
    return costs.may_run_in_rows(reducing.outer, reducing.inner)


def _transposes(
    partition: Partition, unit: Unit, reads: dict[SSAValue, Axes], value: SSAValue
) -> bool:
    """Whether some result of `unit` runs through memory along other loops than `value`: lanes
    along `value`'s would be stored one by one."""
    lane = _contiguous_loop(partition.strides[value], reads[value])
    for result in unit.results:
        axes = unit.members[result].axes
        if unit.covers(axes) == "full":
            found = _contiguous_loop(partition.strides[result], axes)
            if found is not lane:
                return True
    return False


def _contiguous_loop(strides: Strides, axes: Axes) -> LoopDim | None:
    """The loop along which elements are neighbours in memory; None if there is no such loop."""
    for stride, axis in zip(strides, axes):
        if stride == 1 and axis:
            return resolve(axis)[-1]
    return None


def _float_bits(unit: Unit) -> int:
    """Bits of the widest floats that the unit computes with; 0 without any."""
    elements = [v.type.element_type for v in unit.members if isinstance(v.type, TensorType)]
    return max((max(32, ELEMENT_BITS[e]) for e in elements if is_float(e)), default=0)


def _traffic(unit: Unit, reads: dict[SSAValue, Axes]) -> int:
    return sum(tensor_bytes(v.type) for v in (*reads, *unit.results))
