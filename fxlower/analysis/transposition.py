"""Operands that are transposed against the lanes of a nest: they jump through memory from lane to
lane, but run along another loop. Such an operand is read in tiles of that loop and the lanes:
registers transpose squares much faster than a gather reads lanes one by one, and every cache line
is read once.

Where the computation is short, it takes the columns from the registers, the body once for each
(`fxlower/passes/lane_squares.py`). Otherwise `tile.pack` transposes a whole tile in the scratchpad.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from fxlower.analysis import cost
from fxlower.analysis.loop_space import Access, Kernel, Loop, Loops, Nest, estimate
from fxlower.dialects.build import ELEMENT_BITS, signless

TILE = 64
"""Iterations of both loops of a tile of maps."""

STRIP = 1024
"""Lanes, a vector after the other, for which the same columns are transposed in registers. Along
them the results lie in memory, and the machine sees so many streams as there are columns; two
squares beside each other would be twice as many."""

ROWS = 16
"""Rows of reductions in a tile; their length is that of the lanes' loop."""

ROWS_BYTES = 96 * 1024
"""The most that all tiles of a nest with reductions take."""

LEAST = 8
"""Iterations of a loop below which a tile is not worth it."""

LEAST_COLUMNS = 4
"""The same of squares in registers."""

MOST_OPERANDS = 4
"""Operands read through tiles at once; others are gathered."""

BITS = (16, 32, 64)
"""Of elements that `tile.pack` transposes in few steps."""

LONGEST_BODY = 24.0
"""Instructions of a computation that is repeated for each column of a square."""


@dataclass(frozen=True)
class Transposition:
    """Tiles of `iterations` of `loop`, the one along which `accesses` have stride 1, by `lanes`."""

    loop: Loop
    accesses: tuple[Access, ...]
    iterations: int
    lanes: int
    columns: int = 0
    """Iterations of `loop` that registers transpose at once; 0 for tiles in the scratchpad."""


def transposition(
    kernel: Kernel, nest: Nest, loops: Loops, vector: Loop, step: int, side: int
) -> Transposition | None:
    """How operands of `nest` can be read in transposed tiles, with lanes along `vector`, `step` at
    a time; None if none are transposed, or not so that tiles help. Registers hold `side` columns.
    """
    short = not loops.inner and _instructions(nest) <= LONGEST_BODY
    found: dict[Loop, dict[object, Access]] = {}
    for access, strides, writes in kernel.in_memory(nest):
        along = dict(zip(access.dims, strides))
        if writes or along.get(vector.dims[-1], 0) in (0, 1) or access.value not in kernel.layouts:
            continue
        bits = ELEMENT_BITS[signless(access.value.type.element_type)]  # type: ignore[attr-defined]
        if bits not in BITS and not short:
            continue
        if vector in loops.outer and any(d in along for g in loops.inner for d in g.dims):
            continue  # a tile is filled before the loops of the reduction begin
        for loop in loops.outer:
            if loop is not vector and along.get(loop.dims[-1]) == 1:
                found.setdefault(loop, {})[access.value, access.dims] = access
    if not found:
        return None
    loop = max(found, key=lambda g: len(found[g]))
    accesses = tuple(found[loop].values())[:MOST_OPERANDS]
    if short:
        columns = side
        while columns > estimate(loop.size):
            columns //= 2
        if columns >= LEAST_COLUMNS and estimate(vector.size) >= LEAST_COLUMNS:
            lanes = ceil(STRIP / step) * step
            return Transposition(loop, accesses, columns, lanes, columns)
    if min(estimate(loop.size), estimate(vector.size)) < LEAST:
        return None
    if vector in loops.outer:
        lanes = ceil(TILE / step) * step
        return Transposition(loop, accesses, TILE, lanes)
    if loops.inner != (vector,) or not isinstance(vector.size, int):
        return None
    row = sum(
        vector.size * ELEMENT_BITS[signless(a.value.type.element_type)] // 8  # type: ignore[attr-defined]
        for a in accesses
    )
    if row * ROWS > ROWS_BYTES:
        return None
    return Transposition(loop, accesses, ROWS, vector.size)


def _instructions(nest: Nest) -> float:
    return sum(cost.step_cost(s) for s in nest.steps)
