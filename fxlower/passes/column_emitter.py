"""Reductions of columns with the loops interchanged: rows outside, lanes inside.

    scf.for %lane = ... {                     scf.for %row = ... {
      %s = scf.for %row = ... {                 scf.for %lane = ... {
        %v = memref.load %x[%row, %lane]          %v = memref.load %x[%row, %lane]
        %n = arith.addf %acc, %v         =>       %a = memref.load %sums[%lane - %strip]
        scf.yield %n                              %n = arith.addf %a, %v
      }                                           memref.store %n, %sums[%lane - %strip]
      memref.store %s, %out[%lane]              } {fxlower.vector = 16}
    } {fxlower.vector = 16}                   }

On the left a core goes down the rows a few lines at a time, a page or more apart, for every tensor
that the body reads. On the right it runs along the rows, as prefetchers and TLBs want it, and the
accumulators of a strip stay in the first-level cache.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

from xdsl.ir import Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.loop_space import Loop, Nest, NestSchedule, Step
from fxlower.dialects import arith
from fxlower.dialects.build import INDEX, signless
from fxlower.passes.loop_builder import memory_element, vector_loop
from fxlower.passes.point_emitter import PointEmitter

Bounds = tuple[SSAValue, SSAValue]


class ColumnEmitter(PointEmitter):
    """Emits a strip of columns that a nest reduces in one phase."""

    nest: Nest
    schedule: NestSchedule
    inner: list[Loop]
    neutral: list[SSAValue]

    @abstractmethod
    def _row_body(
        self, steps: list[Step], reductions: list[Step], carried: list[SSAValue]
    ) -> list[SSAValue]:
        """The steps of one phase at one inner point; the next values of the reductions."""

    @abstractmethod
    def _sum_blocks(self, steps: list[Step]) -> list[tuple[int, ...]]:
        """The blocks in which each inner loop is summed."""

    @abstractmethod
    def _unroll(self, steps: list[Step]) -> int:
        """Vectors per iteration of the loop over the lanes."""

    # ---------------------------------------------------------------------------- strips

    def _reduced_columns(self, lanes: Bounds) -> None:
        """The columns from `lanes[0]` to `lanes[1]`: all rows, then what follows from them."""
        self.strip = lanes
        steps = [s for s in self.nest.steps if self.phases.phase[s] == 0]
        rows = [s for s in steps if s.reduces or self._has_memory(s)]
        reductions = [s for s in rows if s.reduces]
        self.neutral = [self._scalar(o) for s in reductions for o in s.op.outputs]
        self.marks = vector_loop(self.schedule.width, self._unroll(rows))
        self.blocks = self._sum_blocks(rows)
        self.current_phase = 0
        sums = self._cleared()
        self._add_rows(rows, reductions, sums, 0)
        written = [w for s in reductions for w in s.writes]

        def finish() -> None:
            for write, value in zip(written, self._loaded(sums)):
                self.values[write.value] = value
                self._store(write, value)
            for phase in range(1, self.phases.count):
                self.current_phase = phase
                for step in self.nest.steps:
                    if self.phases.phase[step] == phase:
                        self._map(step, self.values)

        self._along_lanes(finish)
        self.values = {}

    def _add_rows(
        self,
        steps: list[Step],
        reductions: list[Step],
        sums: Sequence[SSAValue],
        level: int,
    ) -> None:
        """Add what inner loop `level` and those below it reduce to `sums`."""
        if level == len(self.inner):

            def point() -> None:
                self.row_values = {}
                carried = self._loaded(sums)
                self._stored(self._row_body(steps, reductions, carried), sums)

            self._along_lanes(point)
            self.row_values = {}
            return
        bounds = (self._zero(), self._size(self.inner[level].size))
        self._add_block(steps, reductions, sums, level, bounds, self.blocks[level])

    def _add_block(
        self,
        steps: list[Step],
        reductions: list[Step],
        sums: Sequence[SSAValue],
        level: int,
        bounds: Bounds,
        blocks: tuple[int, ...],
    ) -> None:
        """Inner loop `level` within `bounds`, in `blocks`, the largest last, each with sums of its
        own that are added to `sums` at its end."""
        builder, loop = self.builder, self.inner[level]
        *smaller, block = blocks or (0,)
        (index,) = builder.open((INDEX,))
        own = self._cleared() if block else sums
        if block > 1:
            end = builder.pure(arith.AddiOp, (index, builder.constant(block)), INDEX)
            if not isinstance(loop.size, int) or loop.size % block:
                end = builder.pure(arith.MinUIOp, (end, bounds[1]), INDEX)
            self._add_block(steps, reductions, own, level, (index, end), tuple(smaller))
        else:
            self.indices[loop] = index
            self._add_rows(steps, reductions, own, level + 1)
        if block:

            def combine() -> None:
                pairs = zip(combiners_of(reductions), self._loaded(sums), self._loaded(own))
                totals = [
                    builder.pure(type(op), (total, part), total.type, op.properties)
                    for op, total, part in pairs
                ]
                self._stored(totals, sums)

            self._along_lanes(combine)
        builder.close_for((*bounds, builder.constant(max(block, 1))), (), ())

    # ----------------------------------------------------------------------- accumulators

    def _along_lanes(self, body: Callable[[], None]) -> None:
        """`body` at each lane of the strip."""
        builder = self.builder
        assert self.vector is not None
        (index,) = builder.open((INDEX,))
        self.indices[self.vector] = index
        body()
        builder.close_for((*self.strip, builder.constant(1)), (), (), self.marks)

    def _cleared(self) -> list[SSAValue]:
        """New accumulators in the scratchpad, neutral in each lane."""
        builder = self.builder.scopes[-1].builder
        made = [
            self.builder.enter(
                builder.scratch(memory_element(signless(n.type)), (self.schedule.chunk,), "sums")
            )
            for n in self.neutral
        ]
        self._along_lanes(lambda: self._stored(self.neutral, made))
        return made

    def _loaded(self, sums: Sequence[SSAValue]) -> list[SSAValue]:
        at = self._at()
        return [self.builder.load(m, at, n.type) for m, n in zip(sums, self.neutral)]

    def _stored(self, values: Sequence[SSAValue], sums: Sequence[SSAValue]) -> None:
        at = self._at()
        for value, memory in zip(values, sums):
            self.builder.store(value, memory, at)

    def _at(self) -> list[SSAValue]:
        assert self.vector is not None
        lane = (self.indices[self.vector], self.strip[0])
        return [self.builder.pure(arith.SubiOp, lane, INDEX)]


def combiners_of(reductions: list[Step]) -> list[Operation]:
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
