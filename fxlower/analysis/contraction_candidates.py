"""Schedules of a contraction worth measuring: the model's choice, and its neighbours.

A neighbour differs in one respect: another register tile, steps of depth or blocks half or twice as
large, an operand packed or read in place, work for more or fewer threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fxlower.analysis.contraction import Contraction
from fxlower.analysis.contraction_schedule import (
    has_dot_products,
    orient,
    schedule_contraction,
)
from fxlower.analysis.panels import PanelFormat, panel_format
from fxlower.dialects.build import ELEMENT_BITS
from fxlower.targets.spec import TargetSpec

Schedule = dict[str, int]


def candidates(contraction: Contraction, target: TargetSpec) -> list[Schedule]:
    """The model's choice for a product as `read_contraction` gives it, and its neighbours. All of
    them compute the same but for the order of additions."""
    chosen = schedule_contraction(contraction, target)
    neighbours = _tiled if chosen["mc"] else _direct
    found = [chosen]
    for changed in neighbours(orient(contraction, chosen["mc"] > 0), chosen, target):
        if changed not in found and is_valid(contraction, changed, target):
            found.append(changed)
    return found


def is_valid(contraction: Contraction, schedule: Mapping[str, int], target: TargetSpec) -> bool:
    """Whether `tile-contractions` takes the schedule, and its scratch memory is no more than the
    target has or than what the model chose."""
    chosen = schedule_contraction(contraction, target)
    if schedule == chosen:
        return True
    if schedule.keys() != chosen.keys() or (schedule["mc"] > 0) != (chosen["mc"] > 0):
        return False
    if min(schedule["mr"], schedule["nr"], schedule["nc"], schedule["grain"]) < 1:
        return False
    if not schedule["mc"]:
        registers = (schedule["mr"] + 1) * schedule["nr"]
        if has_dot_products(orient(contraction, False)) and registers >= target.vector_registers:
            return False
        return schedule["kc"] == schedule["pack_left"] == schedule["pack_right"] == 0
    c = orient(contraction, True)
    panels = panel_format(c, target)
    assert panels is not None
    return _is_tiling(c, schedule, panels, target) and _scratch(c, schedule, panels) <= max(
        min(target.scratchpad_bytes, target.l2_bytes), _scratch(c, chosen, panels)
    )


def _is_tiling(
    c: Contraction, schedule: Mapping[str, int], panels: PanelFormat, target: TargetSpec
) -> bool:
    mr, nr = schedule["mr"], schedule["nr"]
    lanes = target.lanes(ELEMENT_BITS[c.element])
    if schedule["prefetch"] not in (0, 1):
        return False
    if schedule["mc"] % mr or schedule["nc"] % nr or nr % lanes:
        return False
    if schedule["kc"] < 1 or schedule["kc"] % panels.group:
        return False
    if (mr + 1) * (nr // lanes) >= target.vector_registers:
        return False
    for key, factor, lane in (("pack_left", c.left, mr), ("pack_right", c.right, nr)):
        if schedule[key] not in (0, 1) or (factor.panels and (factor.panels != lane)):
            return False
        if factor.panels and schedule[key]:
            return False
    left_reads = c.left.element == c.element and isinstance(c.rows, int)
    right_reads = c.right.element == c.element and c.right.lane == 1
    return bool(
        (c.left.panels or schedule["pack_left"] or left_reads)
        and (c.right.panels or schedule["pack_right"] or right_reads)
    )


def _scratch(c: Contraction, schedule: Mapping[str, int], panels: PanelFormat) -> int:
    """Bytes of panels and of accumulators that wait for the epilogue."""
    step = panels.step_bytes * schedule["kc"] // panels.group
    accumulators = schedule["mc"] * schedule["nc"] * ELEMENT_BITS[c.element] // 8
    packed = (schedule["mc"] + schedule["nr"]) * step
    return packed + (0 if c.writes_accumulator else accumulators)


def _tiled(c: Contraction, chosen: Schedule, target: TargetSpec) -> Iterator[Schedule]:
    mr, nr = chosen["mr"], chosen["nr"]
    lanes = target.lanes(ELEMENT_BITS[c.element])
    for vectors in (1, 2, 3, 4):
        most = max(1, (target.vector_registers - 1 - vectors) // vectors)
        rows = _balanced(c.rows, most) if isinstance(c.rows, int) else most
        for height in {rows, most, max(1, most // 2)}:
            yield _retiled(chosen, height, vectors * lanes)
    for key, step in (("kc", 16), ("mc", mr), ("nc", nr)):
        for factor in (0.5, 2.0):
            size = max(step, round(chosen[key] * factor) // step * step)
            yield _with_work(chosen, {key: size})
    for key in ("pack_left", "pack_right", "prefetch"):
        yield chosen | {key: 1 - chosen[key]}
    yield chosen | {"grain": max(1, chosen["grain"] // 4)}
    yield chosen | {"grain": chosen["grain"] * 4}


def _direct(c: Contraction, chosen: Schedule, target: TargetSpec) -> Iterator[Schedule]:
    for mr in (1, 2, 3, 4, 6, 8):
        if not isinstance(c.rows, int) or mr <= c.rows:
            yield _with_work(chosen, {"mr": mr})
    if has_dot_products(c):
        for across in (1, 2, 3, 4):
            yield chosen | {"nr": across}
    for factor in (0.25, 0.5, 2.0, 4.0):
        yield _with_work(chosen, {"nc": max(1, round(chosen["nc"] * factor))})
    yield chosen | {"grain": max(1, chosen["grain"] // 4)}
    yield chosen | {"grain": chosen["grain"] * 4}


def _balanced(rows: int, most: int) -> int:
    """The least height that needs as many panels as `most` does."""
    return max(1, -(-rows // max(1, -(-rows // most))))


def _retiled(chosen: Schedule, mr: int, nr: int) -> Schedule:
    """Blocks of about the same size, in other tiles."""
    mc, nc = -(-chosen["mc"] // mr) * mr, -(-chosen["nc"] // nr) * nr
    return chosen | {"mr": mr, "nr": nr, "mc": mc, "nc": nc}


def _with_work(chosen: Schedule, changes: Schedule) -> Schedule:
    """Other blocks, of which a thread gets about as much work at least."""
    made = chosen | changes

    def work(schedule: Schedule) -> int:
        return (schedule["mc"] or schedule["mr"]) * schedule["nc"]

    return made | {"grain": max(1, round(chosen["grain"] * work(chosen) / work(made)))}
