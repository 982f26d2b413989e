"""Reductions with lanes across them, run through memory row by row: part of
`fxlower/passes/nest_emitter.py`.

With one vector of columns at a time, each row of a tall operand is on another page, and neither
prefetcher nor TLB follow. A strip of many columns is therefore reduced a few rows at a time: its
accumulators are in a buffer, loaded and stored once for ROW_BLOCK rows. Long sums have a buffer for
blocks, one for blocks of blocks, and so on.

    for block of rows                        // scf.for, ROW_BLOCK rows
      for lane of the strip                  // scf.for, marked for vectors
        part = for row of block              // scf.for, part in registers
        total[lane] = total[lane] + part

What maps over the outer loops compute is kept in such buffers too, between the loops over lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import Operation, SSAValue

from fxlower.analysis.loop_space import Loop, Nest, NestSchedule, Step
from fxlower.analysis.phases import combiners
from fxlower.dialects import arith
from fxlower.dialects.build import INDEX
from fxlower.passes.loop_builder import memory_element, vector_loop
from fxlower.passes.point_emitter import PointEmitter

ROW_BLOCK = 8
"""Rows in one block: as many streams as a prefetcher follows with ease."""

BLOCKS = 32
"""Blocks that one buffer of a sum adds up before a larger one takes over."""


class StripEmitter(PointEmitter):
    """The phases of a nest over a strip of lanes."""

    nest: Nest
    schedule: NestSchedule
    inner: list[Loop]
    strip_start: SSAValue | None
    totals: dict[SSAValue, list[SSAValue]]
    """For each reduction the buffers that it is added up in, smallest blocks first."""

    # ---------------------------------------------------------------------------- buffers

    def _allocate_lanes(self) -> None:
        """Buffers with an element for each lane of a strip."""
        rows = [s for s in self.nest.steps if s in self.phases.in_rows]
        needed = {read.value for step in rows for read in step.reads}
        needed |= {
            read.value
            for step in self.nest.steps
            for read in step.reads
            if (producer := self.phases.producer.get(read.value)) is not None
            and self.phases.phase[producer] != self.phases.phase[step]
        }
        for step in self.nest.steps:
            for write in step.writes:
                if step.reduces:
                    levels = range(len(block_sizes(self.inner[-1], self._beside(step))))
                    self.totals[write.value] = [self._lane_buffer(write.value) for _ in levels]
                elif step not in self.phases.in_rows and write.value in needed:
                    self.lane_buffers[write.value] = self._lane_buffer(write.value)

    def _beside(self, step: Step) -> list[Operation]:
        """What combines the reductions of the phase of `step`."""
        phase = self.phases.phase
        return combiners([s for s in self.nest.steps if s.reduces and phase[s] == phase[step]])

    def _lane_buffer(self, value: SSAValue) -> SSAValue:
        element = memory_element(value.type.element_type)  # type: ignore[attr-defined]
        size = self.schedule.chunk
        if self.vector is not None and isinstance(self.vector.size, int):
            size = min(size, self.vector.size)
        buffer = self.builder.scopes[-1].builder.scratch(element, (size,), "lanes")
        return self.builder.enter(buffer)

    def _lane_index(self) -> SSAValue:
        assert self.vector is not None and self.strip_start is not None
        lane = (self.indices[self.vector], self.strip_start)
        return self.builder.pure(arith.SubiOp, lane, INDEX)

    # ------------------------------------------------------------------------------ lanes

    def _lanes(self, bounds: tuple[SSAValue, SSAValue], body: Callable[[], None]) -> None:
        """A loop over the lanes of the strip."""
        builder = self.builder
        assert self.vector is not None
        (self.indices[self.vector],) = builder.open((INDEX,))
        self.values = {}
        body()
        marks = vector_loop(self.schedule.width, self.schedule.unroll)
        builder.close_for((*bounds, builder.constant(1)), (), (), marks)
        self.values = {}

    def _strip_phases(self, lower: SSAValue, upper: SSAValue) -> None:
        """All phases for the lanes from `lower` to `upper`."""
        bounds = (lower, upper)
        for phase in range(self.phases.count):
            self.current_phase = phase
            steps = [s for s in self.nest.steps if self.phases.phase[s] == phase]
            maps = [s for s in steps if s not in self.phases.in_rows]
            rows = [
                s for s in steps if s in self.phases.in_rows and (s.reduces or self._has_memory(s))
            ]
            if maps:
                self._lanes(bounds, lambda maps=maps: self._lane_maps(maps))
            if rows:
                self._strip_rows(rows, bounds)

    def _lane_maps(self, steps: list[Step]) -> None:
        for step in steps:
            self._map(step, self.values)
            for write in step.writes:
                buffer = self.lane_buffers.get(write.value)
                if buffer is not None:
                    self.builder.store(self.values[write.value], buffer, (self._lane_index(),))

    # ------------------------------------------------------------------------------- rows

    def _strip_rows(self, steps: list[Step], bounds: tuple[SSAValue, SSAValue]) -> None:
        """One phase over the inner loops."""
        builder = self.builder
        reductions = [s for s in steps if s.reduces]
        self.neutral = [self._scalar(o) for s in reductions for o in s.op.outputs]
        writes = [w for s in reductions for w in s.writes]
        combine = combiners(reductions)
        *around, loop = self.inner
        sizes = block_sizes(loop, combine)
        levels = [[self.totals[w.value][k] for w in writes] for k in range(len(sizes))]

        def fill(buffers: Sequence[SSAValue]) -> None:
            for value, buffer in zip(self.neutral, buffers):
                builder.store(value, buffer, (self._lane_index(),))

        def load(buffers: Sequence[SSAValue]) -> list[SSAValue]:
            lane = (self._lane_index(),)
            return [builder.load(b, lane, v.type) for b, v in zip(buffers, self.neutral)]

        def add(parts: Sequence[SSAValue], buffers: Sequence[SSAValue]) -> None:
            for op, total, part, buffer in zip(combine, load(buffers), parts, buffers):
                made = builder.pure(type(op), (total, part), part.type, op.properties)
                builder.store(made, buffer, (self._lane_index(),))

        def blocks(level: int, lower: SSAValue, upper: SSAValue) -> None:
            """Add the rows from `lower` to `upper` to the buffers of `level`."""
            size, buffers = sizes[level], levels[level]
            (start,) = builder.open((INDEX,))
            end = builder.pure(arith.AddiOp, (start, builder.constant(size)), INDEX)
            if not isinstance(loop.size, int) or loop.size % size:
                end = builder.pure(arith.MinUIOp, (end, upper), INDEX)
            if level == 0:
                self._lanes(bounds, lambda: add(self._row_block(steps, loop, start, end), buffers))
            else:
                smaller = levels[level - 1]
                self._lanes(bounds, lambda: fill(smaller))
                blocks(level - 1, start, end)
                self._lanes(bounds, lambda: add(load(smaller), buffers))
            builder.close_for((lower, upper, builder.constant(size)), (), ())

        if reductions:
            self._lanes(bounds, lambda: fill(levels[-1]))
        for outer in around:
            (self.indices[outer],) = builder.open((INDEX,))
        blocks(len(sizes) - 1, self._zero(), self._size(loop.size))
        for outer in reversed(around):
            builder.close_for((self._zero(), self._size(outer.size), builder.constant(1)), (), ())
        for write, buffer in zip(writes, levels[-1]):
            self.lane_buffers[write.value] = buffer
        stored = [w for w in writes if w.value in self.kernel.destinations]

        def store() -> None:
            for write in stored:
                self._store(write, self._read(write))

        if stored:
            self._lanes(bounds, store)

    def _row_block(
        self, steps: list[Step], loop: Loop, start: SSAValue, end: SSAValue
    ) -> Sequence[SSAValue]:
        """The rows of one block at the current lane."""
        builder = self.builder
        self.indices[loop], *carried = builder.open((INDEX, *(v.type for v in self.neutral)))
        self.row_values = {}
        results = self._row_body(steps, [s for s in steps if s.reduces], carried)
        bounds = (start, end, builder.constant(1))
        return builder.close_for(bounds, self.neutral, results)


def block_sizes(loop: Loop, combine: Sequence[Operation]) -> list[int]:
    """The rows of `loop` whose results are added up in each buffer."""
    sizes = [ROW_BLOCK]
    if not any(isinstance(op, arith.AddfOp) for op in combine):
        return sizes
    if not isinstance(loop.size, int):
        return [ROW_BLOCK, ROW_BLOCK * BLOCKS, ROW_BLOCK * BLOCKS**2]
    while loop.size > 2 * BLOCKS * sizes[-1]:
        sizes.append(sizes[-1] * BLOCKS)
    return sizes
