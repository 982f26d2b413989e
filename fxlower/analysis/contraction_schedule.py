"""How a contraction is computed, from facts of the target: its schedule.

Products of floats are computed in register tiles (`fxlower/analysis/tile_schedule.py`); `mc = 0`
stands for plain loops on the operands where they are (few rows, tiny, or of integers).
"""

from __future__ import annotations

from fxlower.analysis.contraction import Contraction
from fxlower.analysis.panels import panel_format
from fxlower.analysis.tile_schedule import PARALLEL_CYCLES, assumed, ceil_div, schedule_tiles
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


def _direct(contraction: Contraction, target: TargetSpec) -> dict[str, int]:
    lanes = target.lanes(max(8, ELEMENT_BITS[contraction.element]))
    rows = min(SMALL_ROWS, assumed(contraction.rows)) or 1
    columns = max(1, assumed(contraction.columns))
    depth = max(1, assumed(contraction.depth))
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
        "grain": max(1, ceil_div(PARALLEL_CYCLES, block_cycles)),
        "pack_left": 0,
        "pack_right": 0,
        "prefetch": 0,
    }
