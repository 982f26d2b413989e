"""The nests of a kernel one after the other, several in one parallel loop where they allow it."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from fxlower.dialects.build import INDEX
from fxlower.passes.nest_emitter import NestEmitter


def emit_nests(nests: Sequence[NestEmitter]) -> None:
    """The nests of a kernel in order. Neighbours that write pieces of the same tensors and have as
    many parallel iterations share one parallel loop."""
    first = 0
    while first < len(nests):
        run = _sharing(nests[first:])
        if len(run) == 1:
            run[0].emit()
        else:
            grain = max(1, ceil(1 / sum(1 / n.schedule.grain for n in run)))
            total, builder = run[0].spread().total, run[0].builder
            (index,) = builder.open((INDEX,))
            for nest in run:
                nest.iteration(index)
            builder.close_parallel(run[0]._size(total), grain)
        first += len(run)


def _sharing(nests: Sequence[NestEmitter]) -> Sequence[NestEmitter]:
    """The first nest, with those behind it that may share its parallel loop."""
    total = nests[0].spread().total
    count, work = 0, 0.0
    for nest in nests:
        if not nest.may_share() or nest.spread().total != total:
            break
        count += 1
        work += 1 / nest.schedule.grain
    worth = not isinstance(total, int) or total * work > 1
    return nests[: count if count > 1 and worth else 1]
