"""Block sizes of a contraction in register tiles, from facts of the target.

A thread takes a block of `mc x nc` of the result and goes through the depth in steps of `kc`. In a
step it takes panel after panel of `nr` columns of the right operand, and multiplies each with all
panels of `mr` rows of the left one, `mr x nr` accumulators at a time. What the innermost loop reads
from: the panel of columns in the second cache, one panel of rows after the other from wherever they
are, at `lanes / nr` elements a cycle.

An operand is packed into panels where it has to be, or where that pays:

- the left one has to if its type is not the accumulators', or where its rows end is not known; it
  pays if it has no unit stride along the depth, or if its rows share too few sets of the first
  cache;
- the right one has to if it has no unit stride along its columns, or a type of its own; it pays if
  so many rows use a panel that the copy is nothing beside them, or if it is slow to read in place.

The sizes minimize an estimate of the cycles of the busiest core. Symbolic sizes count as
each of `ASSUMED_SIZES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from fxlower.analysis.contraction import Contraction, Factor
from fxlower.analysis.panels import PanelFormat
from fxlower.dialects.build import ELEMENT_BITS, Dim
from fxlower.targets.spec import TargetSpec

ASSUMED_SIZES = (128, 1024)
ASSUMED_SIZE = ASSUMED_SIZES[-1]

PARALLEL_CYCLES = 30_000
"""Work worth waking another core for."""

BLOCK_CYCLES = 200
"""What entering a block costs."""

EDGE_FACTOR = 1.02
"""What the code for tiles at edges costs a product."""

LATE_SHARE = 0.15
"""How much of a block the busiest core is late by, on average, if there are others."""

PACKED_ROWS, FAR_PACKED_ROWS, CROWDED_PACKED_ROWS = 512, 32, 16
"""Rows from which it pays to copy panels of columns: they are read in order then, by one stream.
The others are for operands that are slow to read where they are: larger than twice the second
cache, or with rows that share few sets of the first one."""

PAGE_BYTES, LINE_BYTES = 4096, 64
"""Addresses a page apart share a set of the first cache, which is indexed by what is the same in
virtual and physical addresses."""

TRANSPOSE_CYCLES, _COPY_CYCLES, _READ_CYCLES = 0.4, 0.15, 0.15
"""Cycles to pack one element, along the lanes and across them, or to fetch it in place."""

DOT_CYCLES = 5
"""What it costs to add up the lanes of a sum, and to start it."""

_TLB_PAGES, _WALK_CYCLES = 2048, 11.0
"""Pages whose addresses a core keeps at hand, and the least that a step of depth takes if it begins
with a row on a page that it has to look up."""

_PANEL_SHARE = 4
"""The panels that are multiplied may take this part of the second cache."""

_MOST_PANELS = 256
"""Panels along a side of a block; more would save nothing."""

_PACKED_LEFT_ROWS = 96
"""Rows of a packed left operand that there should be room for: that many uses make up for packing
the right one again for each block."""


def assumed(dim: Dim, size: int = ASSUMED_SIZE) -> int:
    return dim if isinstance(dim, int) else size


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def schedule_tiles(
    contraction: Contraction, panels: PanelFormat, target: TargetSpec
) -> dict[str, int]:
    """The schedule of a product that is oriented for tiles, with operands in such panels."""
    return _TileSchedule(contraction, panels, target).choose()


def tile_of(contraction: Contraction, target: TargetSpec) -> tuple[int, int]:
    """Rows and columns of the register tile that a tiled, oriented product would have."""
    lanes = target.lanes(ELEMENT_BITS[contraction.element])
    mr, vectors = _register_tile(contraction, lanes, target)
    return mr, vectors * lanes


def dot_tile(contraction: Contraction, target: TargetSpec) -> tuple[int, int]:
    """Rows and columns of which dot products are computed at once. Edges are computed as whole
    rows, and column by column."""
    rows, columns = max(1, assumed(contraction.rows)), max(1, assumed(contraction.columns))
    best: tuple[float, int, int] | None = None
    for across in range(1, min(4, columns) + 1):
        most = max(1, (target.vector_registers - 1 - across) // across)
        for high in _row_counts(rows, most):
            whole, rest = divmod(columns, across)
            steps = whole * _step_cycles(high, across) + rest * _step_cycles(high, 1)
            cost = ceil_div(rows, high) * steps
            if best is None or cost < best[0]:
                best = (cost, high, across)
    assert best is not None
    return best[1], best[2]


class _TileSchedule:
    def __init__(self, contraction: Contraction, panels: PanelFormat, target: TargetSpec):
        self.contraction, self.target = contraction, target
        # Depth counts in groups, which one instruction multiplies.
        self.bytes, self.group = panels.step_bytes, panels.group
        self.depth: Dim = contraction.depth
        if isinstance(contraction.depth, int):
            self.depth = ceil_div(contraction.depth, self.group)
        self.mr, self.nr = tile_of(contraction, target)
        vectors = self.nr // target.lanes(ELEMENT_BITS[contraction.element])
        self.step_cycles = _step_cycles(self.mr, vectors)
        self.packs_left, self.packs_right = self._packs_left(), self._packs_right()
        self.scratch_bytes = min(target.scratchpad_bytes, target.l2_bytes)
        self.kc = self._depth_step()

    def choose(self) -> dict[str, int]:
        c, mr, nr = self.contraction, self.mr, self.nr
        row_panels = max(1, ceil_div(assumed(c.rows), mr))
        column_panels = max(1, ceil_div(assumed(c.columns), nr))
        blocks = self._fitting(_shares(row_panels), _shares(column_panels))
        if not blocks:  # even the smallest shares of a large product are too large
            blocks = self._fitting(_SMALL_BLOCKS, _SMALL_BLOCKS)
        pm, pn = min(blocks, key=lambda b: sum(self._slowdown(size, *b) for size in ASSUMED_SIZES))
        return {
            "mr": mr,
            "nr": nr,
            "mc": pm * mr,
            "nc": pn * nr,
            "kc": self.kc * self.group,
            "grain": max(1, ceil_div(PARALLEL_CYCLES, int(self._block_cycles(pm, pn)))),
            "pack_left": int(self.packs_left),
            "pack_right": int(self.packs_right),
            "prefetch": int(self._prefetches()),
        }

    def _fitting(self, rows: Sequence[int], columns: Sequence[int]) -> list[tuple[int, int]]:
        """Blocks of so many panels of rows and of columns that fit in the scratchpad, or are the
        smallest there is."""
        return [
            (pm, pn)
            for pm in rows
            for pn in columns
            if self._scratch(pm, pn) <= self.scratch_bytes or (pm, pn) == (1, 1)
        ]

    # ------------------------------------------------------------------------- operands

    def _packs_left(self) -> bool:
        left = self.contraction.left
        if left.panels:
            return False
        if left.element != self.contraction.element or not isinstance(self.contraction.rows, int):
            return True
        if left.depth != 1 or not isinstance(left.lane, int):
            return True
        ways = self.target.l1_bytes // PAGE_BYTES
        return self.mr > _places(left.lane * self.bytes) * ways

    def _packs_right(self) -> bool:
        right, columns = self.contraction.right, self.contraction.columns
        if right.panels:
            return False
        if right.element != self.contraction.element or right.lane != 1:
            return True
        if not self.target.masks and not _divides(self.nr, columns):
            return True
        least = PACKED_ROWS
        if isinstance(right.depth, int) and _places(right.depth * self.bytes) <= 2:
            least = CROWDED_PACKED_ROWS
        elif assumed(self.depth) * assumed(columns) * self.bytes > 2 * self.target.l2_bytes:
            least = FAR_PACKED_ROWS
        return assumed(self.contraction.rows, ASSUMED_SIZES[0]) >= least

    def _prefetches(self) -> bool:
        """Whether the panel of columns comes from beyond the second cache, and can be asked for in
        time: where it has unit stride, and hardware sees only jumps from row to row. To copy it is
        to have it at hand."""
        c = self.contraction
        if self.packs_right:
            return False
        size = assumed(self.depth) * assumed(c.columns) * self.bytes
        lines = c.right.lane == 1 or c.right.panels > 0
        return self.group == 1 and lines and size > self.target.l2_bytes // 2

    # ---------------------------------------------------------------------------- sizes

    def _depth_step(self) -> int:
        """Equal steps of depth, the longer the fewer trips accumulators make. The panels that are
        multiplied stay in the second cache."""
        panels = (self.mr + self.nr) * self.bytes
        most = self.target.l2_bytes // _PANEL_SHARE // panels
        packed = self.nr * self.packs_right + _PACKED_LEFT_ROWS * self.packs_left
        if packed:
            most = min(most, self.scratch_bytes // (packed * self.bytes))
        most = max(64, most // 16 * 16)
        depth = assumed(self.depth, most)
        return min(most, ceil_div(ceil_div(depth, ceil_div(max(1, depth), most)), 16) * 16) or 16

    def _scratch(self, pm: int, pn: int) -> int:
        """Bytes in the scratchpad for a block of so many panels."""
        c, elements, accumulators = self.contraction, 0, 0
        if self.packs_left:
            elements += pm * self.mr * self.kc
        if self.packs_right:
            elements += self.nr * self.kc
        is_one_step = isinstance(self.depth, int) and self.depth <= self.kc
        if not c.writes_accumulator and not is_one_step:
            accumulators = pm * self.mr * pn * self.nr
        return elements * self.bytes + accumulators * ELEMENT_BITS[c.element] // 8

    def _block_cycles(self, pm: int, pn: int) -> float:
        c = self.contraction
        step = pm * pn * self.step_cycles
        if self.packs_left:
            step += pm * self.mr * _pack_cycles(c.left) * self.group
        fetch = _pack_cycles(c.right) * self.group if self.packs_right else _READ_CYCLES
        step += pn * self.nr * fetch
        return assumed(self.depth) * step + BLOCK_CYCLES

    def _slowdown(self, size: int, pm: int, pn: int) -> float:
        """Cycles of the busiest core for each multiplication of its share, where symbolic sizes are
        `size`."""
        c, cycles = self.contraction, self._block_cycles(pm, pn)
        m, n = assumed(c.rows, size), assumed(c.columns, size)
        batch = 1
        for b in c.batch:
            batch *= max(1, assumed(b, size // 16))
        across = max(1, ceil_div(m, pm * self.mr)) * max(1, ceil_div(n, pn * self.nr))
        blocks = batch * across
        cores = max(1, min(self.target.cores, int(blocks * cycles // PARALLEL_CYCLES)))
        late = LATE_SHARE if cores > 1 else 0.0
        return (ceil_div(blocks, cores) + late) * cycles * cores / max(1, batch * m * n)


def _places(stride: int) -> int:
    """At how many places of their pages rows of that stride in bytes begin."""
    return PAGE_BYTES // gcd(stride, PAGE_BYTES)


def _pack_cycles(factor: Factor) -> float:
    """To pack one element."""
    return _COPY_CYCLES if factor.lane == 1 else TRANSPOSE_CYCLES


_SMALL_BLOCKS = (16, 8, 4, 2, 1)


def _shares(panels: int) -> list[int]:
    """Panels in a block when they are dealt evenly to 1, 2, 3, ... blocks."""
    counts = {ceil_div(panels, parts) for parts in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)}
    return sorted((c for c in counts if c <= _MOST_PANELS), reverse=True) or [_MOST_PANELS]


def _step_cycles(mr: int, vectors: int) -> float:
    """Cycles for one step of depth: two multiply-adds and two loads a cycle, and a latency of four.
    Loads that the multiplications hide still count a little, more so those from the second cache.
    """
    loads = (mr + vectors) / 2
    return max(mr * vectors / 2, loads, 4.0) + 0.05 * (loads + vectors)


def _register_tile(contraction: Contraction, lanes: int, target: TargetSpec) -> tuple[int, int]:
    """Rows and vectors of the accumulator tile: no more than fit beside the operands' registers,
    with the least work, and best without edges, which cost code as well. Operands in panels have
    decided already."""
    rows, columns = contraction.rows, contraction.columns
    in_panels, fixed = contraction.right.panels, contraction.left.panels
    best: tuple[float, int, int] | None = None
    least = _least_step_cycles(contraction)
    widths = [2, 3, 4, 1]
    if isinstance(rows, int) and 0 < rows <= 4:
        # Few rows: long runs of columns, so that memory is read in order.
        widths.append(target.vector_registers // 2 // rows)
    for vectors in [in_panels // lanes] if in_panels else widths:
        most = (target.vector_registers - 1 - vectors) // vectors
        if rows == 1 and vectors < target.vector_registers:
            most = 1  # each vector of the right operand is used once, right from memory
        if most < 1:
            continue
        for mr in [fixed] if fixed else _row_counts(rows, most):
            cost = sum(
                down * across * max(_step_cycles(high, wide), least)
                for down, high in _tiles(rows, mr)
                for across, wide in _tiles(_vectors(columns, lanes), vectors)
            )
            if not (_divides(mr, rows) and _divides(vectors * lanes, columns)):
                cost *= EDGE_FACTOR
            if best is None or cost < best[0]:
                best = (cost, mr, vectors)
    assert best is not None
    return best[1], best[2]


def _least_step_cycles(contraction: Contraction) -> float:
    """For each panel of rows a panel of columns in place is read again. If its rows are on pages of
    their own, and a multiple of a power of two apart, few of these pages are kept at hand."""
    right = contraction.right
    if right.panels or right.lane != 1 or not isinstance(right.depth, int):
        return 0.0
    pages = right.depth * ELEMENT_BITS[right.element] // 8 // PAGE_BYTES
    kept = _TLB_PAGES // max(1, gcd(pages, _TLB_PAGES))
    return _WALK_CYCLES if pages and assumed(contraction.depth) > kept else 0.0


def _vectors(columns: Dim, lanes: int) -> Dim:
    return ceil_div(columns, lanes) if isinstance(columns, int) else columns


def _tiles(size: Dim, width: int) -> list[tuple[float, int]]:
    """How many tiles there are along an axis, and how long they are: an edge is as small as it is
    where that is known."""
    if not isinstance(size, int):
        return [(ASSUMED_SIZE / width, width)]
    whole, rest = divmod(max(1, size), width)
    return [(whole, width), (1, rest)] if rest else [(whole, width)]


def _row_counts(rows: Dim, most: int) -> list[int]:
    """Candidates: divisors of the rows, and the least that needs as many panels as `most` does."""
    if not isinstance(rows, int) or rows < 1:
        return [most]
    balanced = ceil_div(rows, ceil_div(rows, most))
    return [balanced, *(mr for mr in range(min(most, rows), 1, -1) if rows % mr == 0)]


def _divides(step: int, size: Dim) -> bool:
    return isinstance(size, int) and size % step == 0
