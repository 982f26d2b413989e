"""What bodies and accesses cost, in the unit of one vector instruction, as far as the choice of a
schedule needs it. The numbers were measured on x86-64 with AVX-512; other machines have about the
same ratios."""

from __future__ import annotations

from xdsl.dialects.builtin import IndexType, IntegerType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue

from fxlower.analysis.loop_space import Nest, Step, estimate
from fxlower.dialects.build import ELEMENT_BITS, is_float

TRANSCENDENTAL = 20.0
"""An inlined polynomial such as exp, tanh, log."""

SLOW = 6.0
"""Division, square root."""

LIBRARY_CALL = 200.0
"""A function without expansion: one call of libm for each lane."""

STRIDED_LOAD = 4.0
"""A gather, per lane, against one lane of a contiguous load."""

TRANSPOSED_LOAD = 1.5
"""A load through a tile that registers transpose, per lane."""

SHUFFLED_LOAD = 0.8
"""A load of lanes a few elements apart, per lane and element apart: so many vectors are loaded, and
all but one shuffled."""

SHUFFLED_STORE = 1.6
"""The same of a store on targets with masks: what is between the lanes must stay."""

LONGEST_STRIDE = 8
"""Elements between lanes up to which vectors are loaded and shuffled, and not gathered."""

STRIDED_STORE = 8.0
"""A store that is taken apart lane by lane."""

UNIFORM_LOAD = 0.3
"""A scalar load and broadcast; most are hoisted."""

HORIZONTAL_REDUCTION = 32.0
"""Combining the lanes of an accumulator, in lanes of one vector instruction."""

NANOSECONDS_PER_INSTRUCTION = 0.25

TASK_NANOSECONDS = 10_000
"""The least work worth another thread: waking one takes 1 to 30 us."""

BLOCK_NANOSECONDS = 2_000
"""Work beside which it does not count to take the index of a parallel loop apart."""

COSTS: dict[str, float] = {
    "linalg.yield": 0.0,
    "linalg.index": 0.0,
    "arith.constant": 0.0,
    "arith.index_cast": 0.0,
    "arith.divf": SLOW,
    "arith.divsi": 4 * SLOW,
    "arith.divui": 4 * SLOW,
    "arith.remsi": 4 * SLOW,
    "arith.remui": 4 * SLOW,
    "arith.floordivsi": 4 * SLOW,
    "arith.remf": TRANSCENDENTAL,
    "math.sqrt": SLOW,
    "math.rsqrt": SLOW,
    "math.absf": 1.0,
    "math.fma": 1.0,
    "math.floor": 1.0,
    "math.ceil": 1.0,
    "math.trunc": 1.0,
    "math.roundeven": 1.0,
    "math.copysign": 2.0,
    "math.powf": 3 * TRANSCENDENTAL,
    "tensor.extract": STRIDED_LOAD,
}


def is_short_stride(step: object, lanes: int) -> bool:
    """Whether `lanes` that are `step` elements apart are loaded as a few vectors and shuffled."""
    return isinstance(step, int) and (step == -1 or 2 <= abs(step) <= min(LONGEST_STRIDE, lanes))


def op_cost(op: Operation) -> float:
    """Instructions of `op` on one vector."""
    known = COSTS.get(op.name)
    if known is not None:
        return known
    return TRANSCENDENTAL if op.name.startswith("math.") else 1.0


def step_cost(step: Step) -> float:
    """Instructions of the body of `step` on one vector, with its loads and stores."""
    if not isinstance(step.op, GenericOp):
        return 1.0
    body = sum(op_cost(op) for op in step.op.body.block.ops)
    return body + len(step.reads) + (0 if step.reduces else len(step.writes))


def compute_bits(nest: Nest) -> int:
    """Width of the widest element that the nest computes with, which decides the lanes.

    Where there are floats they decide: i64 next to them is index arithmetic or is read once.
    """
    floats, integers = 0, 8
    for step in nest.steps:
        values: list[SSAValue] = [*step.op.operands]
        if isinstance(step.op, GenericOp):
            block = step.op.body.block
            values = [*block.args, *(r for op in block.ops for r in op.results)]
        for value in values:
            type_ = value.type
            if is_float(type_):
                # Low precision is read and written, but computed in f32.
                floats = max(floats, 32, ELEMENT_BITS[type_])
            elif isinstance(type_, IntegerType | IndexType):
                integers = max(integers, ELEMENT_BITS.get(type_, 8))
    return floats or integers


def point_nanoseconds(nest: Nest) -> tuple[float, float]:
    """Time of one point of the outer loops in scalar code: of the steps over these loops alone,
    and of the steps over all loops."""
    outer = inner = 0.0
    for step in nest.steps:
        if len(step.sizes) == len(nest.sizes):
            inner += step_cost(step)
        else:
            outer += step_cost(step)
    for size in nest.sizes[nest.outer :]:
        inner *= max(estimate(size), 1)
    return outer * NANOSECONDS_PER_INSTRUCTION, inner * NANOSECONDS_PER_INSTRUCTION


def unroll_limit(instructions: float) -> int:
    """How often a body may be repeated: short ones to hide latency, long ones not at all, because
    they hide it themselves and their repetition costs compile time."""
    return 4 if instructions <= 8 else 2 if instructions <= 20 else 1
