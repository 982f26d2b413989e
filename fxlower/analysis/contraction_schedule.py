"""How a contraction is computed, from facts of the target: its schedule.

Products of floats are computed in register tiles (`fxlower/analysis/tile_schedule.py`); `mc = 0`
stands for plain loops on the operands where they are (few rows, tiny, or of integers): `mr` rows
and `nc` columns at a time, and dot products of `nr` columns at once where lanes run along depth.
"""

from __future__ import annotations

from fxlower.analysis.contraction import Contraction
from fxlower.analysis.panels import panel_format
from fxlower.analysis.tile_schedule import (
    DOT_CYCLES,
    PARALLEL_CYCLES,
    TRANSPOSE_CYCLES,
    assumed,
    ceil_div,
    dot_tile,
    schedule_tiles,
)
from fxlower.dialects.build import ELEMENT_BITS
from fxlower.targets.spec import TargetSpec

SMALL_ROWS = 4
"""With no more rows than this, packing the other operand costs more than it saves: where it cannot
be read as it is, plain loops are better than tiles."""

TINY = 24 * 24 * 24
"""Multiplications below which packing does not pay."""


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
    """All keys of the schedule (docs/design.md, section 4) of the product on the target."""
    in_panels = contraction.left.panels or contraction.right.panels
    tiled = orient(contraction, True)
    panels = panel_format(tiled, target)
    if panels is None or (_is_small(tiled) and not in_panels):
        return _direct(orient(contraction, False), target)
    return schedule_tiles(tiled, panels, target)


def _is_small(contraction: Contraction) -> bool:
    m, n, k = contraction.rows, contraction.columns, contraction.depth
    if _is_dots(contraction):
        return True
    known = [d for d in (m, n) if isinstance(d, int)]
    if k == 0 or (isinstance(n, int) and n <= SMALL_ROWS):
        return True
    if isinstance(m, int) and m <= SMALL_ROWS and not _streams(contraction):
        return True
    return len(known) == 2 and isinstance(k, int) and m * n * k <= TINY  # type: ignore[operator]


def _streams(contraction: Contraction) -> bool:
    """Whether tiles of few rows can read the right operand where it is, in vectors."""
    left, right, element = contraction.left, contraction.right, contraction.element
    return left.element == right.element == element and right.lane == 1


def has_dot_products(contraction: Contraction) -> bool:
    """Whether plain loops of the oriented product have their lanes along the depth."""
    return contraction.right.depth == 1 and contraction.right.lane != 1


def _is_dots(contraction: Contraction) -> bool:
    """Whether dot products along the depth cost less than to transpose the right operand: as many
    sums to add up for each of its columns as there are rows."""
    left, right, element = contraction.left, contraction.right, contraction.element
    return (
        isinstance(contraction.rows, int)
        and has_dot_products(contraction)
        and left.depth == 1
        and left.element == right.element == element
        and contraction.rows * DOT_CYCLES <= assumed(contraction.depth) * TRANSPOSE_CYCLES
    )


def _direct(contraction: Contraction, target: TargetSpec) -> dict[str, int]:
    lanes = target.lanes(max(8, ELEMENT_BITS[contraction.element]))
    columns = max(1, assumed(contraction.columns))
    depth = max(1, assumed(contraction.depth))
    # Lanes along the depth read a row for each column; along the columns, a strip of each row.
    if has_dot_products(contraction):
        rows, across = dot_tile(contraction, target)
        strip = ceil_div(lanes, across) * across
    else:
        rows, across = min(SMALL_ROWS, assumed(contraction.rows)) or 1, lanes
        strip = max(1, 8 // rows) * lanes
    nc = min(strip, columns)
    block_cycles = 8 + rows * nc * depth // lanes
    return {
        "mr": rows,
        "nr": across,
        "mc": 0,
        "nc": nc,
        "kc": 0,
        "grain": max(1, ceil_div(PARALLEL_CYCLES, block_cycles)),
        "pack_left": 0,
        "pack_right": 0,
        "prefetch": 0,
    }
