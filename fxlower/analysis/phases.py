"""In which order the steps of a nest run at a point of the outer loops.

A step that needs the result of a reduction runs in a later *phase* than the reduction; a phase is
one trip over the inner loops. A map whose result a later phase needs is read back from the memory
of the kernel's result if it is one, or computed again if that is cheap, or kept in a row buffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis import cost
from fxlower.analysis.loop_space import Kernel, Nest, Step
from fxlower.dialects.build import ELEMENT_BITS, Dim

CHEAP = 5.0
"""A map that costs less is computed again rather than kept in a row buffer."""


@dataclass(frozen=True)
class Phases:
    """The phase of each step, and how maps reach later ones."""

    producer: dict[SSAValue, Step]
    phase: dict[Step, int]
    in_rows: frozenset[Step]
    """Steps over the inner loops too."""
    buffered: tuple[Step, ...]
    """Maps that are kept in row buffers."""
    emitted: dict[Step, frozenset[int]]
    """The phases in which each step is computed: of maps without memory, those of their users."""

    @property
    def count(self) -> int:
        return max(self.phase.values()) + 1


def plan_phases(
    kernel: Kernel, nest: Nest, row_shape: Sequence[Dim], scratchpad_bytes: int
) -> Phases:
    """Phases of `nest`, where a row buffer has `row_shape` (empty: there are no inner loops)."""
    producers: dict[SSAValue, Step] = {}
    phases: dict[Step, int] = {}
    for step in nest.steps:
        phase = 0
        for read in step.reads:
            producer = producers.get(read.value)
            if producer is not None:
                phase = max(phase, phases[producer] + producer.reduces)
        phases[step] = phase
        for write in step.writes:
            producers[write.value] = step
    rank = len(nest.sizes)
    in_rows = frozenset(s for s in nest.steps if len(s.sizes) == rank > nest.outer)

    needed: dict[SSAValue, set[int]] = {}
    buffered: list[Step] = []
    all_emitted: dict[Step, frozenset[int]] = {}
    for step in reversed(nest.steps):
        phase = phases[step]
        emitted = {phase}
        if row_shape and step in in_rows and not step.reduces:
            later = {q for w in step.writes for q in needed.get(w.value, ()) if q > phase}
            if later and not all(w.value in kernel.destinations for w in step.writes):
                size = _row_bytes(step, row_shape)
                if _body_cost(step) > CHEAP and size is not None and size <= scratchpad_bytes:
                    buffered.append(step)
                    scratchpad_bytes -= size
                else:
                    emitted |= later
        for read in step.reads:
            needed.setdefault(read.value, set()).update(emitted)
        all_emitted[step] = frozenset(emitted)
    return Phases(producers, phases, in_rows, tuple(buffered), all_emitted)


def _row_bytes(step: Step, shape: Sequence[Dim]) -> int | None:
    """Bytes of the row buffers of `step`; None if they are not known."""
    if not all(isinstance(d, int) for d in shape):
        return None
    elements = [w.value.type.element_type for w in step.writes]  # type: ignore[attr-defined]
    return prod(shape) * sum(ELEMENT_BITS[e] // 8 for e in elements)  # type: ignore[arg-type]


def _body_cost(step: Step) -> float:
    if not isinstance(step.op, GenericOp):
        return 0.0
    return sum(cost.op_cost(op) for op in step.op.body.block.ops)


def combiners(reductions: list[Step]) -> list[Operation]:
    """The op of each reduction that combines the accumulator with the next value."""
    combiners: list[Operation] = []
    for step in reductions:
        block = step.op.regions[0].block
        terminator = block.last_op
        assert terminator is not None
        for value, accumulator in zip(terminator.operands, block.args[len(step.reads) :]):
            op = value.owner
            if not isinstance(op, Operation) or accumulator not in op.operands:
                raise PassFailedException(
                    "linalg.generic: a reduction must yield its accumulator combined with the "
                    f"next value by one op, got {value.type} from {value.owner}"
                )
            combiners.append(op)
    return combiners
