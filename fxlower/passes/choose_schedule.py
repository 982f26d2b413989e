"""`choose-schedule`: decide how each kernel runs, written down as `fxlower.schedule`.

Before:

    func.func private @add(%a: tensor<4096x512xf32>, %b: tensor<512xf32>) -> tensor<4096x512xf32>
        attributes {fxlower.kernel = "loops"}

After:

    func.func private @add(%a: tensor<4096x512xf32>, %b: tensor<512xf32>) -> tensor<4096x512xf32>
        attributes {fxlower.kernel = "loops", fxlower.schedule = [
            {vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64,
             grain = 106 : i64, chunk = 512 : i64}]}

A module may bring schedules of contraction kernels that were measured, by the kernel's name:

    builtin.module attributes {fxlower.tuned = {matmul_1a2b = {mr = 14 : i64, ...}}}

They are used where they fit the kernel on this target.

Needs kernels as `form-kernels` makes them (docs/design.md, section 4). Leaves everything else
alone, and leaves a schedule that is there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2, prod

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.dialects.linalg.ops import GenericOp, IndexOp
from xdsl.dialects.tensor import ExtractOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from fxlower.analysis import cost
from fxlower.analysis.contraction import read_contraction
from fxlower.analysis.contraction_candidates import is_valid
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
from fxlower.analysis.phases import plan_phases
from fxlower.analysis.transposition import transposition
from fxlower.dialects.arith import IndexCastOp
from fxlower.dialects.build import ELEMENT_BITS, Dim, int_attr
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
MAX_STRIP = 1024
MIN_STRIP = 256
STRIP_UNROLL = 2
LEAST_STRIP_ROWS = 16
MAX_ROWS = 16
MAX_ROW_CODE = 512
MAX_ROWS_NANOSECONDS = 1000
"""Rows that are taken at once, vector instructions in their code, and what they take: of long rows
the combination of lanes is a small part."""


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
    if chosen in loops.inner:
        task, chunk = outer_time + inner_time / width, 1
    else:
        point = (outer_time + inner_time) / width
        if tiles is not None:
            chunk = tiles.lanes
        elif shares_lines(kernel, nest, loops, chosen):
            chunk = width * MAX_UNROLL
        elif strip := _strip(kernel, nest, loops, chosen, width * STRIP_UNROLL, target):
            chunk, unroll = strip, min(unroll, STRIP_UNROLL)
        else:
            chunk = _chunk(nest, chosen.size, width * unroll, point)
        size = estimate(chosen.size)
        task = point * min(chunk, size)
        trips.append(ceil(size / chunk))
    task *= max(tile, 1)
    rows = 0
    if tiles is None and chosen in loops.inner:
        rows = _rows(kernel, nest, loops, chosen, width, unroll, task, target)
    block = 1 if rows else _block(task, trips)
    return NestSchedule(
        chosen.dims[-1],
        width,
        1 if transpose else unroll,
        _grain(task * max(rows, block)),
        chunk,
        tile,
        block,
        transpose,
        rows,
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


def _strip(
    kernel: Kernel, nest: Nest, loops: Loops, lanes: Loop, step: int, target: TargetSpec
) -> int:
    """How many lanes of a reduction across them run through its rows together: many, so that rows
    are read on, but not so many that cores have no work. 0 for a reduction of few rows or lanes."""
    if not any(s.reduces for s in nest.steps):
        return 0
    rows = prod(estimate(loop.size) for loop in loops.inner)
    if rows < LEAST_STRIP_ROWS or estimate(lanes.size) <= step:
        return 0
    others = prod(estimate(loop.size) for loop in loops.outer if loop is not lanes)
    share = others * estimate(lanes.size) // (2 * target.cores)
    strip = ceil(max(min(share, MAX_STRIP), MIN_STRIP) / step) * step

    def kept(lanes: int) -> int:
        """How many maps are in row buffers, which take space for each lane."""
        shape = (*(loop.size for loop in loops.inner), lanes)
        return len(plan_phases(kernel, nest, shape, target.scratchpad_bytes).buffered)

    if wanted := kept(step):
        while strip > step and kept(strip) < wanted:
            strip = ceil(strip // 2 / step) * step
    return strip if strip > step else 0


def _rows(
    kernel: Kernel,
    nest: Nest,
    loops: Loops,
    lanes: Loop,
    width: int,
    unroll: int,
    point: float,
    target: TargetSpec,
) -> int:
    """How many points of the last outer loop to take at once, so that the lanes of their reductions
    are combined together: as many as there are lanes, unless rows are long, more than the nearest
    cache holds until the next phase, or much code. 0 for one."""
    if not loops.outer or not any(s.reduces for s in nest.steps):
        return 0
    size = loops.outer[-1].size
    code = _vectors_in_code(lanes.size, width, unroll) * sum(
        cost.step_cost(s) for s in nest.steps if len(s.sizes) == len(nest.sizes)
    )
    rows = min(width, MAX_ROWS)
    while rows > 1 and (
        (isinstance(size, int) and rows > size)
        or rows * code > MAX_ROW_CODE
        or rows * point > MAX_ROWS_NANOSECONDS
        or rows * _row_bytes(kernel, nest) > target.l1_bytes // 8
    ):
        rows //= 2
    return rows if rows > 1 else 0


def _vectors_in_code(size: Dim, width: int, unroll: int) -> int:
    """How often the body of a loop over lanes is written down."""
    step = width * unroll
    if not isinstance(size, int):
        return unroll + 1
    return (unroll if size >= step else 0) + ceil(size % step / width)


def _row_bytes(kernel: Kernel, nest: Nest) -> int:
    """Bytes that all phases of one row read and write; 0 where there is one phase, which needs
    them once."""
    reductions = {w.value for s in nest.steps if s.reduces for w in s.writes}
    if not any(r.value in reductions for s in nest.steps for r in s.reads):
        return 0
    total = 0
    for access, _, _ in kernel.in_memory(nest):
        if any(d >= nest.outer for d in access.dims):
            element = access.value.type.element_type  # type: ignore[attr-defined]
            bytes_ = ELEMENT_BITS[element] // 8
            total += bytes_ * prod(estimate(nest.sizes[d]) for d in access.dims if d >= nest.outer)
    return total


def _chunk(nest: Nest, size: Dim, step: int, point: float) -> int:
    """Elements of the vector loop, an outer one, that one parallel iteration takes: as many as keep
    a thread busy, and with reductions one step, so that there are many iterations."""
    if any(s.reduces for s in nest.steps):
        return step
    busy = 1 << ceil(log2(max(cost.TASK_NANOSECONDS / max(point, 1e-3), step)))
    if isinstance(size, int) and size <= busy:
        return max(ceil(size / step), 1) * step
    return max(min(busy, MAX_CHUNK), step)


# ------------------------------------------------------------------- the loop that becomes lanes


def _vector_loop(
    kernel: Kernel, nest: Nest, loops: Loops, lanes: int, target: TargetSpec
) -> Loop | None:
    """The loop with the cheapest lanes; of equals the innermost. None where there is no loop, and
    where along all of them something is written to one element again and again."""
    best: Loop | None = None
    least = 0.0
    for loop in loops.outer + loops.inner:
        if _writes_again(kernel, nest, loop):
            continue
        found = _lane_cost(kernel, nest, loops, loop, lanes, target)
        if best is None or found <= least:
            best, least = loop, found
    return best


def _writes_again(kernel: Kernel, nest: Nest, loop: Loop) -> bool:
    """Whether all iterations of `loop` write to one element: it has a stride of 0 there."""
    return any(
        writes and dim in loop.dims and stride == 0
        for access, strides, writes in kernel.in_memory(nest)
        for dim, stride in zip(access.dims, strides)
    )


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


_DEFAULTS = {"tile": 0, "block": 1, "transpose": 0, "rows": 0}
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


TUNED = "fxlower.tuned"


def schedule_of_product(
    kernel: FuncOp, target: TargetSpec, tuned: Attribute | None
) -> Mapping[str, int]:
    """The schedule of a contraction kernel: the one in `tuned`, if it fits, or the model's."""
    contraction = read_contraction(kernel)
    if isinstance(tuned, DictionaryAttr):
        found = tuned.data.get(kernel.sym_name.data)
        if isinstance(found, DictionaryAttr):
            sizes = {k: v.value.data for k, v in found.data.items() if isinstance(v, IntegerAttr)}
            if is_valid(contraction, sizes, target):
                return sizes
    return schedule_contraction(contraction, target)


@dataclass(frozen=True)
class ChooseSchedulePass(ModulePass):
    """Attach `fxlower.schedule` to every kernel without one."""

    name = "choose-schedule"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        tuned = op.attributes.get(TUNED)
        for function in op.body.block.ops:
            if not isinstance(function, FuncOp) or "fxlower.schedule" in function.attributes:
                continue
            kind = function.attributes.get("fxlower.kernel")
            if not isinstance(kind, StringAttr):
                continue
            if kind.data == "loops":
                function.attributes["fxlower.schedule"] = schedule_loops(function, target)
            elif kind.data == "contraction":
                sizes = schedule_of_product(function, target, tuned)
                function.attributes["fxlower.schedule"] = _integers(sizes)
