"""`choose-schedule`: decide how each kernel runs, written down as `fxlower.schedule`.

Before:

    func.func private @add(%a: tensor<4096x512xf32>, %b: tensor<512xf32>) -> tensor<4096x512xf32>
        attributes {fxlower.kernel = "loops"}

After:

    func.func private @add(%a: tensor<4096x512xf32>, %b: tensor<512xf32>) -> tensor<4096x512xf32>
        attributes {fxlower.kernel = "loops", fxlower.schedule = [
            {vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64,
             grain = 106 : i64, chunk = 512 : i64}]}

Needs kernels as `form-kernels` makes them (docs/design.md, section 4). Leaves everything else
alone, and leaves a schedule that is there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2, prod

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.dialects.linalg.ops import GenericOp, IndexOp
from xdsl.dialects.tensor import ExtractOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from fxlower.analysis import cost
from fxlower.analysis.contraction import read_contraction
from fxlower.analysis.contraction_schedule import schedule_contraction
from fxlower.analysis.loop_space import (
    Access,
    Kernel,
    Loop,
    Loops,
    Nest,
    NestSchedule,
    Step,
    estimate,
    loops_of,
    read_kernel,
    shares_lines,
)
from fxlower.analysis.phases import reduces_columns
from fxlower.analysis.transposition import transposition
from fxlower.dialects.arith import IndexCastOp
from fxlower.dialects.build import Dim, int_attr
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

MAX_LANES = 64
MAX_UNROLL = 4
LONGEST_REDUCTION = 60.0
"""Instructions of reductions with lanes along another loop up to which they are unrolled."""
MAX_MAP_UNROLL = 2
"""Without accumulators there is no latency to hide, and more loads before the first store keep
short rows waiting for memory."""
MAX_CHUNK = 1 << 16
LEAST_TASKS = 64

TASKS_PER_CORE = 4
"""Strips of columns for each core at least, where there are as many."""

LEAST_ROW_BYTES = 512
"""Bytes of a row that a strip of columns takes at least: lines that are fetched together."""


def schedule_nest(kernel: Kernel, nest: Nest, target: TargetSpec) -> NestSchedule:
    """The schedule of one nest of a `loops` kernel on `target`."""
    loops = loops_of(kernel, nest)
    lanes = min(target.lanes(cost.compute_bits(nest)), MAX_LANES)
    chosen = _vector_loop(kernel, nest, loops, lanes, target)
    if chosen is None or lanes <= 1:
        return NestSchedule(-1, 1, 1, _grain(sum(cost.point_nanoseconds(nest))), 1)
    width = lanes
    if isinstance(chosen.size, int):
        while width // 2 >= max(chosen.size, 2):
            width //= 2
    unroll = _unroll(nest, chosen, width, target.scratchpad_bytes)
    outer_time, inner_time = cost.point_nanoseconds(nest)
    tiles = transposition(kernel, nest, loops, chosen, width * unroll, _side(target, width))
    tile = 0 if tiles is None else tiles.iterations
    transpose = 0 if tiles is None else tiles.columns
    trips = [
        ceil(estimate(g.size) / (tiles.iterations if tiles is not None and g is tiles.loop else 1))
        for g in loops.outer
        if g is not chosen
    ]
    columns = 0
    if tiles is None and unroll == 1 and chosen in loops.outer:
        # Short bodies go down several vectors of columns at once instead, with sums in registers.
        columns = _columns(kernel, nest, loops, chosen, target)
    if chosen in loops.inner:
        task, chunk = outer_time + inner_time / width, 1
    else:
        point = (outer_time + inner_time) / width
        if tiles is not None:
            chunk = tiles.lanes
        elif columns > width:
            chunk = columns
        elif shares_lines(kernel, nest, loops, chosen):
            chunk = width * MAX_UNROLL
        else:
            chunk = _chunk(nest, chosen.size, width * unroll, point)
        size = estimate(chosen.size)
        task = point * min(chunk, size)
        trips.append(ceil(size / chunk))
    task *= max(tile, 1)
    block = _block(task, trips)
    return NestSchedule(
        chosen.dims[-1],
        width,
        1 if transpose else unroll,
        _grain(task * block),
        chunk,
        tile,
        block,
        transpose,
        int(columns > width),
    )


def _block(task: float, trips: list[int]) -> int:
    """How many points one parallel iteration takes. Where the parallel index is that of several
    loops, so many that taking it apart does not show, but enough are left for all threads."""
    if sum(t > 1 for t in trips) < 2:
        return 1
    enough = ceil(cost.BLOCK_NANOSECONDS / max(task, 0.1))
    return max(1, min(enough, prod(trips) // LEAST_TASKS))


def _side(target: TargetSpec, lanes: int) -> int:
    """Columns of a square that registers transpose: half of them hold it."""
    return min(lanes, 1 << (target.vector_registers.bit_length() - 2))


def _grain(task: float) -> int:
    """How many tasks of so many nanoseconds are worth a thread."""
    return max(1, ceil(cost.TASK_NANOSECONDS / max(task, 0.1)))


def _unroll(nest: Nest, loop: Loop, width: int, scratchpad_bytes: int) -> int:
    body = sum(cost.step_cost(s) for s in nest.steps if len(s.sizes) == len(nest.sizes))
    if any(loop.dims[-1] >= s.parallel for s in nest.steps if s.reduces):
        unroll = MAX_UNROLL
    elif any(s.reduces for s in nest.steps):
        # Each vector has accumulators of its own, and reads lines next to those of the others.
        unroll = MAX_UNROLL if body <= LONGEST_REDUCTION else cost.unroll_limit(body)
        row = prod(estimate(s) for s in nest.sizes[nest.outer :]) * cost.compute_bits(nest) // 8
        while unroll > 1 and row * width * unroll > scratchpad_bytes:
            unroll //= 2
    else:
        unroll = min(cost.unroll_limit(body), MAX_MAP_UNROLL)
    if isinstance(loop.size, int):
        while unroll > 1 and width * unroll > loop.size:
            unroll //= 2
    return unroll


def _chunk(nest: Nest, size: Dim, step: int, point: float) -> int:
    """Elements of the vector loop, an outer one, that one parallel iteration takes: as many as keep
    a thread busy, and with reductions one step, so that there are many iterations."""
    if any(s.reduces for s in nest.steps):
        return step
    busy = 1 << ceil(log2(max(cost.TASK_NANOSECONDS / max(point, 1e-3), step)))
    if isinstance(size, int) and size <= busy:
        return max(ceil(size / step), 1) * step
    return max(min(busy, MAX_CHUNK), step)


def _columns(kernel: Kernel, nest: Nest, loops: Loops, lanes: Loop, target: TargetSpec) -> int:
    """Columns that one parallel iteration of a column reduction takes, with its loops interchanged
    (`fxlower/passes/column_emitter.py`): enough to run along whole cache lines, few enough for all
    threads to have some and for the accumulators to stay near. 0 where that cannot be."""
    if not reduces_columns(kernel, nest):
        return 0
    element = cost.compute_bits(nest) // 8
    sums = sum(len(s.writes) for s in nest.steps if s.reduces)
    others = prod(estimate(g.size) for g in loops.outer if g is not lanes)
    strips = ceil(TASKS_PER_CORE * target.cores / others)
    least = LEAST_ROW_BYTES // element
    most = max(target.l1_bytes // (4 * element * max(sums, 1)), least)
    size = estimate(lanes.size)
    return min(max(-(-size // strips // least) * least, least), most - most % least)


# ------------------------------------------------------------------- the loop that becomes lanes


def _vector_loop(
    kernel: Kernel, nest: Nest, loops: Loops, lanes: int, target: TargetSpec
) -> Loop | None:
    """The loop with the cheapest lanes; of equals the innermost. None where there is no loop."""
    best: Loop | None = None
    least = 0.0
    for loop in loops.outer + loops.inner:
        found = _lane_cost(kernel, nest, loops, loop, lanes, target)
        if best is None or found <= least:
            best, least = loop, found
    return best


def _lane_cost(
    kernel: Kernel, nest: Nest, loops: Loops, loop: Loop, lanes: int, target: TargetSpec
) -> float:
    """Cost of all accesses of the nest with the iterations of `loop` as lanes."""
    dim = loop.dims[-1]
    tiles = transposition(kernel, nest, loops, loop, lanes, _side(target, lanes))
    transposed = () if tiles is None else [(a.value, a.dims) for a in tiles.accesses]
    total = 0.0
    for access, strides, writes in kernel.in_memory(nest):
        stride = dict(zip(access.dims, strides)).get(dim, 0)
        factor = _stride_cost(stride, writes, lanes, target.masks)
        if not writes and (access.value, access.dims) in transposed:
            factor = cost.TRANSPOSED_LOAD
        total += _points(access, nest) * factor
    for step in nest.steps:
        if isinstance(step.op, GenericOp):
            total += _gather_cost(step, nest, dim)
        if step.reduces and dim >= step.parallel:
            rows = prod(estimate(s) for s in nest.sizes[: nest.outer])
            total += rows * cost.HORIZONTAL_REDUCTION
    extent = max(estimate(loop.size), 1)
    utilization = extent / (ceil(extent / lanes) * lanes)
    # Fewer lanes than the register has are chosen for short loops, so half of the loss remains.
    return total / (0.5 + 0.5 * utilization)


def _points(access: Access, nest: Nest) -> int:
    return prod(estimate(nest.sizes[d]) for d in access.dims)


def _stride_cost(stride: Dim, writes: bool, lanes: int, masks: bool) -> float:
    if stride == 1:
        return 1.0
    if stride == 0:
        return cost.UNIFORM_LOAD
    worst = cost.STRIDED_STORE if writes else cost.STRIDED_LOAD
    if not cost.is_short_stride(stride, lanes) or (writes and not masks):
        return worst
    factor = cost.SHUFFLED_STORE if writes else cost.SHUFFLED_LOAD
    return min(1 + factor * max(abs(int(stride)) - 1, 1), worst)


def _gather_cost(step: Step, nest: Nest, dim: int) -> float:
    """Cost of the `tensor.extract`s of a step: contiguous where only the last index follows the
    lanes, and as itself."""
    op = step.op
    assert isinstance(op, GenericOp)
    depends: dict[SSAValue, bool] = {
        argument: dim in access.dims
        for argument, access in zip(op.body.block.args, (*step.reads, *step.writes))
    }
    total = 0.0
    for inner in op.body.block.ops:
        if isinstance(inner, IndexOp):
            depends[inner.results[0]] = inner.dim.value.data == dim
            continue
        if isinstance(inner, ExtractOp):
            follows = [depends.get(index, False) for index in inner.indices]
            if not any(follows):
                factor = cost.UNIFORM_LOAD
            elif not any(follows[:-1]) and _is_loop_index(inner.indices[-1]):
                factor = 1.0
            else:
                factor = cost.STRIDED_LOAD
            total += factor * prod(estimate(s) for s in nest.sizes)
        follows_lanes = any(depends.get(o, False) for o in inner.operands)
        for result in inner.results:
            depends[result] = follows_lanes
    return total


def _is_loop_index(value: SSAValue) -> bool:
    while isinstance(value.owner, IndexCastOp):
        value = value.owner.operands[0]
    return isinstance(value.owner, IndexOp)


_DEFAULTS = {"tile": 0, "block": 1, "transpose": 0, "interchange": 0}
"""Keys of a schedule that are left out where they say nothing."""


def _integers(values: Mapping[str, int]) -> DictionaryAttr:
    return DictionaryAttr({key: int_attr(value) for key, value in values.items()})


def schedule_loops(function: FuncOp, target: TargetSpec) -> Attribute:
    """The attribute `fxlower.schedule` of a `loops` kernel."""
    kernel = read_kernel(function)
    return ArrayAttr(
        [
            _integers(
                {
                    k: v
                    for k, v in vars(schedule_nest(kernel, n, target)).items()
                    if k not in _DEFAULTS or v != _DEFAULTS[k]
                }
            )
            for n in kernel.nests
        ]
    )


@dataclass(frozen=True)
class ChooseSchedulePass(ModulePass):
    """Attach `fxlower.schedule` to every kernel without one."""

    name = "choose-schedule"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for function in op.body.block.ops:
            if not isinstance(function, FuncOp) or "fxlower.schedule" in function.attributes:
                continue
            kind = function.attributes.get("fxlower.kernel")
            if not isinstance(kind, StringAttr):
                continue
            if kind.data == "loops":
                function.attributes["fxlower.schedule"] = schedule_loops(function, target)
            elif kind.data == "contraction":
                sizes = schedule_contraction(read_contraction(function), target)
                function.attributes["fxlower.schedule"] = _integers(sizes)
