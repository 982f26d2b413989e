"""Block sizes of a contraction, from facts of the target.

The product is computed in register tiles of `mr x nr` accumulators, over panels of the operands
packed in the scratchpad: a thread takes a block of `mc x nc` of the result, goes through the depth
in steps of `kc`, packs `mc x kc` of the left operand once for each step, and `kc x nr` of the right
one, panel after panel. `mc = 0` stands for loops on the operands where they are, without packing.

The sizes minimize an estimate of the cycles of the busiest core. Symbolic sizes count as
each of `ASSUMED_SIZES`.
"""

from __future__ import annotations

from math import gcd

from fxlower.analysis.contraction import Contraction, Factor
from fxlower.analysis.panels import PanelFormat, panel_format
from fxlower.dialects.build import ELEMENT_BITS, Dim
from fxlower.targets.spec import TargetSpec

ASSUMED_SIZES = (128, 1024)
ASSUMED_SIZE = ASSUMED_SIZES[-1]
BLOCK_CYCLES = 200
"""What entering a block costs."""

SMALL_ROWS = 4
"""With no more rows than this, packing the other operand costs more than it saves."""

TINY = 24 * 24 * 24
"""Multiplications below which packing does not pay."""

EDGE_FACTOR = 1.04
"""What loads and stores with bounds cost a product."""

PARALLEL_CYCLES = 30_000
"""Work worth waking another core for."""

PACKED_USES = 16
"""Panels of the left operand from which it pays to pack the right one against conflicts."""

PAGE_BYTES, LINE_BYTES = 4096, 64

_TRANSPOSE_CYCLES, _COPY_CYCLES = 0.4, 0.15
"""Cycles to pack one element, along the lanes and across them."""


def orient(contraction: Contraction, tiled: bool) -> Contraction:
    """Rows and columns as they are computed: tiles want unit stride of the result along columns,
    plain loops want few rows."""
    rows, columns = contraction.rows, contraction.columns
    if tiled:
        exchange = contraction.column_stride != 1 and contraction.row_stride == 1
    elif isinstance(columns, int) and columns <= SMALL_ROWS:
        exchange = not isinstance(rows, int) or rows > columns
    else:
        exchange = False
    return contraction.transposed() if exchange else contraction


def schedule_contraction(contraction: Contraction, target: TargetSpec) -> dict[str, int]:
    """`{mr, nr, mc, nc, kc, grain}` for the product on the target; see the module."""
    in_panels = contraction.left.panels or contraction.right.panels
    tiled = orient(contraction, True)
    panels = panel_format(tiled, target)
    if panels is None or (_is_small(contraction) and not in_panels):
        return _direct(orient(contraction, False), target)
    return _tiled(tiled, panels, target)


def tile_of(contraction: Contraction, target: TargetSpec) -> tuple[int, int]:
    """Rows and columns of the register tile that a tiled, oriented product would have."""
    lanes = target.lanes(ELEMENT_BITS[contraction.element])
    mr, vectors = _register_tile(contraction, lanes, target)
    return mr, vectors * lanes


def _assumed(dim: Dim, size: int = ASSUMED_SIZE) -> int:
    return dim if isinstance(dim, int) else size


def _is_small(contraction: Contraction) -> bool:
    m, n, k = contraction.rows, contraction.columns, contraction.depth
    known = [d for d in (m, n) if isinstance(d, int)]
    if k == 0 or any(d <= SMALL_ROWS for d in known):
        return True
    return len(known) == 2 and isinstance(k, int) and m * n * k <= TINY  # type: ignore[operator]


def _ceil(a: int, b: int) -> int:
    return -(-a // b)


def _direct(contraction: Contraction, target: TargetSpec) -> dict[str, int]:
    lanes = target.lanes(max(8, ELEMENT_BITS[contraction.element]))
    rows = min(SMALL_ROWS, _assumed(contraction.rows)) or 1
    columns = max(1, _assumed(contraction.columns))
    depth = max(1, _assumed(contraction.depth))
    # Lanes along the depth read a row for each column; along the columns, a strip of each row.
    along_depth = contraction.right.depth == 1 and contraction.right.lane != 1
    strip = 16 if along_depth else max(1, 8 // rows) * lanes
    nc = min(strip, columns)
    block_cycles = 8 + rows * nc * depth // lanes
    return {
        "mr": rows,
        "nr": lanes,
        "mc": 0,
        "nc": nc,
        "kc": 0,
        "grain": max(1, _ceil(PARALLEL_CYCLES, block_cycles)),
        "pack_left": 0,
        "pack_right": 0,
    }


def _tiled(contraction: Contraction, panels: PanelFormat, target: TargetSpec) -> dict[str, int]:
    bits = ELEMENT_BITS[contraction.element]
    lanes = target.lanes(bits)
    m, n = _assumed(contraction.rows), _assumed(contraction.columns)
    # Depth counts in groups, which one instruction multiplies.
    size, group = panels.step_bytes, panels.group
    k = _ceil(_assumed(contraction.depth), group)
    mr, vectors = _register_tile(contraction, lanes, target)
    nr = vectors * lanes

    # A panel of the right operand is read once for each panel of the left: it should stay in L1,
    # though streaming a part of it from L2 costs nothing beside the multiplications.
    kc_most = max(64, min(512, target.l1_bytes * 3 // 2 // (nr * size)))
    kc = (
        _ceil(_ceil(k, _ceil(k, kc_most)), 16) * 16
        if isinstance(contraction.depth, int)
        else kc_most
    )
    kc = min(kc, kc_most // 16 * 16)

    row_panels, column_panels = max(1, _ceil(m, mr)), max(1, _ceil(n, nr))
    step = _step_cycles(mr, vectors)
    pack_left, pack_right = (
        mr * _pack_cycles(contraction.left),
        nr * _pack_cycles(contraction.right),
    )
    budget = min(target.scratchpad_bytes, target.l2_bytes) - nr * kc * size

    best: tuple[float, int, int] | None = None
    for pm in _shares(row_panels):
        for pn in _shares(column_panels):
            scratch = pm * mr * kc * size
            if not contraction.writes_accumulator:
                scratch += pm * mr * pn * nr * bits // 8
            if scratch > budget and (pm, pn) != (1, 1):
                continue
            block = k * (pm * pn * step + pm * pack_left + pn * pack_right) + BLOCK_CYCLES
            cost = sum(
                _slowdown(contraction, target, assumed, (pm * mr, pn * nr), block)
                for assumed in ASSUMED_SIZES
            )
            if best is None or cost < best[0]:
                best = (cost, pm, pn)
    assert best is not None
    _, pm, pn = best
    block = k * (pm * pn * step + pm * pack_left + pn * pack_right) + BLOCK_CYCLES
    grain = max(1, _ceil(PARALLEL_CYCLES, int(block)))
    return {
        "mr": mr,
        "nr": nr,
        "mc": pm * mr,
        "nc": pn * nr,
        "kc": kc * group,
        "grain": grain,
        "pack_left": int(_packs_left(contraction, mr, target)),
        "pack_right": int(_packs_right(contraction, mr, nr, kc, target)),
    }


def _pack_cycles(factor: Factor) -> float:
    """To pack one element."""
    if factor.panels:
        return 0.0
    return _COPY_CYCLES if factor.lane == 1 else _TRANSPOSE_CYCLES


def _packs_left(contraction: Contraction, mr: int, target: TargetSpec) -> bool:
    """Whether the left operand is packed: else its rows are read where they are, one element of
    each in turn, and should stay in the first cache between an element and the next."""
    left = contraction.left
    if left.panels:
        return False
    if left.element != contraction.element or not isinstance(contraction.rows, int):
        return True
    if left.depth != 1 or not isinstance(left.lane, int):
        return True
    return _conflict(left.lane, mr, contraction, target)


def _packs_right(contraction: Contraction, mr: int, nr: int, kc: int, target: TargetSpec) -> bool:
    """Whether the right operand is packed: else each panel of rows reads its rows where they
    are."""
    right = contraction.right
    if right.panels:
        return False
    if right.element != contraction.element or right.lane != 1:
        return True
    if not target.masks and not _divides(nr, contraction.columns):
        return True
    if isinstance(contraction.rows, int) and contraction.rows <= PACKED_USES * mr:
        return False
    if not isinstance(right.depth, int):
        return True
    return _conflict(right.depth, kc, contraction, target)


def _conflict(stride: int, count: int, contraction: Contraction, target: TargetSpec) -> bool:
    """Whether `count` pieces of memory, so many elements apart, fight for the sets of the first
    cache: a set holds what is a multiple of a page apart, as caches are indexed by what addresses
    in memory and in a page share."""
    stride_bytes = stride * ELEMENT_BITS[contraction.element] // 8
    ways = target.l1_bytes // PAGE_BYTES
    places = PAGE_BYTES // gcd(stride_bytes, PAGE_BYTES)
    return min(count, PAGE_BYTES // LINE_BYTES) > places * ways // 2


def _slowdown(
    contraction: Contraction,
    target: TargetSpec,
    assumed: int,
    block_size: tuple[int, int],
    block_cycles: float,
) -> float:
    """Cycles of the busiest core for each multiplication of its share, where symbolic sizes are
    `assumed`."""
    m, n = _assumed(contraction.rows, assumed), _assumed(contraction.columns, assumed)
    batch = 1
    for b in contraction.batch:
        batch *= max(1, _assumed(b, assumed // 16))
    blocks = batch * max(1, _ceil(m, block_size[0])) * max(1, _ceil(n, block_size[1]))
    cores = max(1, min(target.cores, int(blocks * block_cycles // PARALLEL_CYCLES)))
    return _ceil(blocks, cores) * block_cycles * cores / max(1, batch * m * n)


def _shares(panels: int) -> list[int]:
    """Panels in a block when they are dealt evenly to 1, 2, 3, ... blocks; at most 64 a block."""
    counts = {_ceil(panels, parts) for parts in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)}
    return sorted((c for c in counts if c <= 64), reverse=True) or [64]


def _step_cycles(mr: int, vectors: int) -> float:
    """Cycles for one step of depth: two multiply-adds and two loads a cycle, and a latency of four.
    Loads that the multiplications hide still count a little."""
    loads = (mr + vectors) / 2
    return max(mr * vectors / 2, loads, 4.0) + 0.05 * loads


def _register_tile(contraction: Contraction, lanes: int, target: TargetSpec) -> tuple[int, int]:
    """Rows and vectors of the accumulator tile: no more than fit beside the operands' registers,
    with the least work beyond the edges, and best without edges, which cost code as well. Operands
    in panels have decided already."""
    rows, columns = contraction.rows, contraction.columns
    in_panels = contraction.right.panels
    best: tuple[float, int, int] | None = None
    for vectors in [in_panels // lanes] if in_panels else (2, 3, 4, 1):
        most = (target.vector_registers - 1 - vectors) // vectors
        if most < 1:
            continue
        nr = vectors * lanes
        fixed = contraction.left.panels
        for mr in [fixed] if fixed else _row_counts(rows, most):
            row_tiles = _ceil(rows, mr) if isinstance(rows, int) else ASSUMED_SIZE / mr
            column_tiles = _ceil(columns, nr) if isinstance(columns, int) else ASSUMED_SIZE / nr
            cost = row_tiles * column_tiles * _step_cycles(mr, vectors)
            if not (_divides(mr, rows) and _divides(nr, columns)):
                cost *= EDGE_FACTOR
            if best is None or cost < best[0]:
                best = (cost, mr, vectors)
    assert best is not None
    return best[1], best[2]


def _row_counts(rows: Dim, most: int) -> list[int]:
    """Candidates: divisors of the rows, and the least that needs as many panels as `most` does."""
    if not isinstance(rows, int):
        return [most]
    balanced = _ceil(rows, _ceil(rows, most))
    return [balanced, *(mr for mr in range(min(most, rows), 1, -1) if rows % mr == 0)]


def _divides(step: int, size: Dim) -> bool:
    return isinstance(size, int) and size % step == 0
