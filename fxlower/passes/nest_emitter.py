"""One nest of a `loops` kernel as fused scalar loops: the work of `convert-linalg-to-scf`.

At each point of the outer loops the steps run in phases (`fxlower/analysis/phases.py`). A phase is
one loop nest over the inner loops with all its steps fused; maps over the outer loops alone run
between phases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import BFloat16Type, DenseArrayBase, Float16Type, Float32Type
from xdsl.dialects.linalg.ops import FillOp, GenericOp
from xdsl.dialects.tensor import ExtractOp
from xdsl.ir import SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis import cost, symbols
from fxlower.analysis.loop_space import (
    Access,
    Kernel,
    Loop,
    Loops,
    Nest,
    NestSchedule,
    Step,
    loops_of,
    shares_lines,
)
from fxlower.analysis.phases import combiners, plan_phases
from fxlower.analysis.transposition import Transposition, transposition
from fxlower.dialects import arith
from fxlower.dialects.build import I1, I32, I64, INDEX, Dim, dims_of, emit, int_attr, signless
from fxlower.dialects.fxt.call import inplace_results
from fxlower.dialects.tile import PackOp
from fxlower.passes.destination_style import DestinationFunction
from fxlower.passes.loop_builder import (
    TRANSPOSE,
    Index,
    LoopBuilder,
    memory_element,
    vector_loop,
)
from fxlower.passes.scoped_builder import ScopedBuilder
from fxlower.passes.strip_emitter import StripEmitter

INDEX_TRAP = 1
"""What is stored to `%trap` where an index is out of range (docs/design.md, section 6)."""

SUM_TERMS = 32
"""Terms that one accumulator of a sum adds up at most; more are summed in blocks of half as many,
blocks of blocks, ... so that rounding errors grow like those of pairwise summation."""

DYNAMIC_SUM_LEVELS = 3
"""Sizes of blocks of a loop whose size is not known: enough for 100000 terms to an accumulator, of
which there are as many as lanes."""


_PACK = {"operandSegmentSizes": DenseArrayBase.from_list(I32, [1, 2, 1, 1, 1])}


@dataclass(frozen=True)
class Spread:
    """The outer loops of a nest with its strips: `sizes`, and how many iterations of each are in
    one parallel iteration, 0 for all."""

    sizes: tuple[Dim, ...]
    cut: tuple[int, ...]

    @property
    def tasks(self) -> list[Dim]:
        """The sizes of the space that the parallel index is taken apart into."""
        return [
            symbols.ceil_div(s, length) if length else 1 for s, length in zip(self.sizes, self.cut)
        ]

    @property
    def total(self) -> Dim:
        """Parallel iterations."""
        return symbols.product(self.tasks)


class NestEmitter(StripEmitter):
    """Emits `nest` of `kernel` into `function`."""

    def __init__(
        self,
        kernel: Kernel,
        nest: Nest,
        schedule: NestSchedule,
        function: DestinationFunction,
        builder: ScopedBuilder,
        scratchpad_bytes: int,
    ):
        if schedule.vector_dim >= len(nest.sizes):
            raise PassFailedException(
                f"@{kernel.function.sym_name.data}: vector_dim must be one of the "
                f"{len(nest.sizes)} loop dims of its nest or -1, got {schedule.vector_dim}"
            )
        loops = loops_of(kernel, nest, schedule.vector_dim)
        super().__init__(kernel, function, builder, loops)
        self.nest = nest
        self.schedule = schedule
        self.vector = loops.with_dim(schedule.vector_dim) if schedule.width > 1 else None
        self.lanes_in_rows = self.vector is not None and self.vector in loops.inner
        self.outer = [g for g in loops.outer if g is not self.vector]
        self.inner = [g for g in loops.inner if g is not self.vector]
        if self.vector is not None and self.lanes_in_rows:
            self.inner.append(self.vector)
        self.tiles = self._transposition(loops)
        self.lines_shared = (
            self.vector is not None
            and self.tiles is None
            and shares_lines(kernel, nest, loops, self.vector)
        )
        self.grouped = self._grouped_loop()
        self.group_start: SSAValue | None = None
        self.totals = {}
        self.strip_at = 0
        self.strip_start: SSAValue | None = None
        self.tile_start: tuple[SSAValue, ...] = ()
        row_shape = self._row_shape() if self.inner else ()
        self.phases = plan_phases(kernel, nest, row_shape, scratchpad_bytes)

    # ------------------------------------------------------------------------ rows

    def _row_shape(self) -> list[Dim]:
        shape: list[Dim] = [] if self.grouped is None else [self.schedule.rows]
        shape += [g.size for g in self.inner]
        if self.vector is not None and not self.lanes_in_rows:
            size = self.vector.size
            chunk = self.schedule.chunk
            shape.append(min(size, chunk) if isinstance(size, int) else chunk)
        return shape

    def _row_index(self) -> list[SSAValue]:
        indices = [self.indices[g] for g in self.inner]
        if self.grouped is not None:
            assert self.group_start is not None
            row = (self.indices[self.grouped], self.group_start)
            indices.insert(0, self.builder.pure(arith.SubiOp, row, INDEX))
        if self.vector is not None and not self.lanes_in_rows:
            indices.append(self._lane_index())
        return indices

    def _tile_index(self) -> list[SSAValue]:
        assert self.tiles is not None and self.vector is not None
        at = zip((self.indices[self.tiles.loop], self.indices[self.vector]), self.tile_start)
        return [self._zero(), *(self.builder.pure(arith.SubiOp, p, INDEX) for p in at)]

    # -------------------------------------------------------------------- outer loops

    def spread(self) -> Spread:
        """What runs in parallel."""
        sizes = [self._trips(g) for g in self.outer]
        strips: Dim = 1
        if self.vector is not None and not self.lanes_in_rows:
            size, chunk = self.vector.size, self.schedule.chunk
            strips = 1 if isinstance(size, int) and size <= chunk else symbols.ceil_div(size, chunk)
            # Strips come last, that is fastest, so that memory is run through in its order. Where
            # an access jumps along the lanes they come first, if the next point of the other loops
            # then finds the lines of that access in the cache.
            self.strip_at = 0 if self.lines_shared else len(sizes)
            sizes.insert(self.strip_at, strips)
        return Spread(tuple(sizes), tuple(self._cut(sizes)))

    def emit(self) -> None:
        """The whole nest, appended to the function's entry block."""
        spread = self.spread()
        tasks, total = spread.tasks, spread.total
        builder = self.builder
        guarded = self._guarded_total(total)
        if guarded is not None:
            self.gathers_stay = True
            (index,) = builder.open((INDEX,))
            self.iteration(index)
            builder.close_parallel(guarded, self.schedule.grain)
        elif total == 1:
            self._allocate()
            self._task([self._zero() for _ in tasks], spread)
        elif isinstance(total, int) and total <= self.schedule.grain:
            self._allocate()
            kept = [s for s in tasks if s != 1]
            opened = iter([builder.open((INDEX,))[0] for _ in kept])
            parts = [self._zero() if s == 1 else next(opened) for s in tasks]
            self._task(parts, spread)
            for size in reversed(kept):
                bounds = (self._zero(), self._size(size), builder.constant(1))
                builder.close_for(bounds, (), ())
        else:
            (index,) = builder.open((INDEX,))
            self.iteration(index)
            builder.close_parallel(self._size(total), self.schedule.grain)

    def iteration(self, index: SSAValue) -> None:
        """One iteration of the parallel loop."""
        self._allocate()
        spread = self.spread()
        self._task(self._split(index, spread.tasks), spread)

    def may_share(self) -> bool:
        """Whether the parallel loop may be that of other nests too: nothing is written twice, over
        an argument, or read from what a nest of the kernel writes, and the loop need not be
        guarded."""
        kernel = self.kernel
        if any(isinstance(s.op, FillOp) for nest in kernel.nests for s in nest.steps):
            return False
        if any(at >= 0 for at in inplace_results(kernel.function)):
            return False  # a nest may read what a later one writes, as long as it runs before
        made = {w.value for s in self.nest.steps for w in s.writes}
        if any(r.value in kernel.destinations for s in self.nest.steps for r in s.reads
               if r.value not in made):  # fmt: skip
            return False
        return self.function.trap is None or not self._uncertain_gathers()

    def _cut(self, sizes: list[Dim]) -> list[int]:
        """How many iterations of each outer loop, of `sizes`, are in one parallel iteration; 0 for
        all. The last loops are, as far as a block goes: taking the parallel index apart for every
        point costs as much as a short row."""
        cut, left = [1] * len(sizes), self.schedule.block
        for i in range(len(sizes) - 1, -1, -1):
            size = sizes[i]
            if not isinstance(size, int) or size > left:
                cut[i] = left
                break
            cut[i] = 1 if size == 1 else 0
            left //= max(size, 1)
        return cut

    def _task(self, parts: list[SSAValue], spread: Spread) -> None:
        """One iteration of the parallel loop: its points, one by one."""
        builder = self.builder
        opened: list[tuple[SSAValue, SSAValue]] = []
        points = list(parts)
        for i, (size, length) in enumerate(zip(spread.sizes, spread.cut)):
            if length == 1:
                continue
            lower, upper = self._zero(), self._size(size)
            if length:
                rows = builder.constant(length)
                lower = builder.pure(arith.MuliOp, (parts[i], rows), INDEX)
                end = builder.pure(arith.AddiOp, (lower, rows), INDEX)
                whole = isinstance(size, int) and size % length == 0
                upper = end if whole else builder.pure(arith.MinUIOp, (end, upper), INDEX)
            opened.append((lower, upper))
            (points[i],) = builder.open((INDEX,))
        self._point(points)
        for bounds in reversed(opened):
            builder.close_for((*bounds, builder.constant(1)), (), ())

    def _guarded_total(self, total: Dim) -> SSAValue | None:
        """The number of iterations, 0 if some gather is to read an empty source: then there is no
        valid index to read it at, and any iteration is an error. None if no source can be empty."""
        trap, gathers = self.function.trap, self._uncertain_gathers()
        if trap is None or not gathers:
            return None
        entry = self.builder.entry
        fails: SSAValue | None = None
        for domain, source in gathers:
            reads = entry.compare("ne", self._size(symbols.product(domain)), 0)
            for size in source:
                empty = entry.compare("eq", self.function.size(size), 0)
                fail = entry.op(arith.AndIOp, (empty, reads), I1)
                fails = fail if fails is None else entry.op(arith.OrIOp, (fails, fail), I1)
        assert fails is not None

        def report(inner: LoopBuilder) -> tuple[()]:
            inner.store(inner.constant(INDEX_TRAP, I64), trap, (0,))
            return ()

        entry.if_(fails, report)
        return entry.op(arith.SelectOp, (fails, self._zero(), self._size(total)), INDEX)

    def _uncertain_gathers(self) -> list[tuple[tuple[Dim, ...], tuple[Dim, ...]]]:
        """Gathers from sources that may be empty, each once: the sizes of the loops around it, and
        those of its source that may be 0."""
        found: dict[tuple[tuple[Dim, ...], tuple[Dim, ...]], None] = {}
        for step in self.nest.steps:
            if not isinstance(step.op, GenericOp):
                continue
            for op in step.op.body.block.ops:
                if isinstance(op, ExtractOp):
                    source = [d for d in dims_of(op.tensor.type) if d == 0 or isinstance(d, str)]
                    if source:
                        found[step.sizes, tuple(dict.fromkeys(source))] = None
        return list(found)

    def _split(self, index: SSAValue, sizes: list[Dim]) -> list[SSAValue]:
        """The parallel index taken apart, last size fastest."""
        pure = self.builder.pure
        parts: list[SSAValue] = []
        rest = [i for i, s in enumerate(sizes) if s != 1]
        for i in range(len(sizes) - 1, -1, -1):
            if sizes[i] == 1:
                parts.append(self._zero())
            elif i == rest[0]:
                parts.append(index)
            else:
                size = self._size(sizes[i])
                parts.append(pure(arith.RemUIOp, (index, size), INDEX))
                index = pure(arith.DivUIOp, (index, size), INDEX)
        return parts[::-1]

    def _allocate(self) -> None:
        """Row buffers, at the top of the task that uses them."""
        builder = self.builder.scopes[-1].builder
        shape = tuple(self._row_shape())
        for step in self.phases.buffered:
            for write in step.writes:
                element = memory_element(write.value.type.element_type)  # type: ignore[attr-defined]
                buffer = builder.scratch(element, shape, "row")  # type: ignore[arg-type]
                self.buffers[write.value] = self.builder.enter(buffer)
        if self._row_by_row():
            self._allocate_lanes()
        tile = self.tiles
        if tile is None or tile.columns:
            return
        for access in tile.accesses:
            element = memory_element(signless(access.value.type.element_type))  # type: ignore[attr-defined]
            buffer = builder.scratch(element, (1, tile.iterations, tile.lanes), "tile")
            self.tile_buffers[access.value, access.dims] = self.builder.enter(buffer)

    def _point(self, parts: list[SSAValue]) -> None:
        """Everything at one point of the outer loops; with lanes in an outer loop, of one strip."""
        if self.vector is None or self.lanes_in_rows:
            self.indices.update(zip(self.outer, parts))
            if self.grouped is not None:
                self._row_group(self.grouped)
            elif self.tiles is None or self.vector is None:
                self._run_phases()
            else:
                self._tiled(self._zero(), self._size(self.vector.size), self._run_phases)
            return
        strip = parts.pop(self.strip_at)
        self.indices.update(zip(self.outer, parts))
        builder, size, chunk = self.builder, self.vector.size, self.schedule.chunk
        if isinstance(size, int) and size <= chunk:
            lower, upper = self._zero(), self._size(size)
        else:
            lower = builder.pure(arith.MuliOp, (strip, builder.constant(chunk)), INDEX)
            upper = builder.pure(arith.AddiOp, (lower, builder.constant(chunk)), INDEX)
            if not isinstance(size, int) or size % chunk:
                upper = builder.pure(arith.MinUIOp, (upper, self._size(size)), INDEX)
        self.strip_start = lower
        if self._row_by_row():
            self._strip_phases(lower, upper)
        else:
            self._tiled(lower, upper, lambda: self._strip(lower, upper))

    def _row_by_row(self) -> bool:
        """Whether strips are wider than one iteration of the loop over lanes, and reduced."""
        if self.vector is None or self.lanes_in_rows or self.tiles is not None:
            return False
        wide = self.schedule.chunk > self.schedule.width * self.schedule.unroll
        return wide and any(s.reduces for s in self.nest.steps)

    def _strip(self, lower: SSAValue, upper: SSAValue) -> None:
        """The loop over the lanes of one strip."""
        builder = self.builder
        assert self.vector is not None
        (index,) = builder.open((INDEX,))
        self.indices[self.vector] = index
        if self.tiles is not None and self.tiles.columns:
            self._columns(self.tiles)
        else:
            self._run_phases()
        marks = vector_loop(self.schedule.width, self.schedule.unroll)
        builder.close_for((lower, upper, builder.constant(1)), (), (), marks)

    # ---------------------------------------------------------------- several rows at once

    def _grouped_loop(self) -> Loop | None:
        """The outer loop whose points are taken several at once, where the schedule wants it."""
        if self.schedule.rows < 2 or not self.lanes_in_rows or self.tiles is not None:
            return None
        return self.outer[-1] if self.outer else None

    def _row_group(self, loop: Loop) -> None:
        """The points of one group, as a loop that `vectorize` takes at once."""
        builder = self.builder
        rows = builder.constant(self.schedule.rows)
        start = builder.pure(arith.MuliOp, (self.indices[loop], rows), INDEX)
        end = builder.pure(arith.AddiOp, (start, rows), INDEX)
        if not isinstance(loop.size, int) or loop.size % self.schedule.rows:
            end = builder.pure(arith.MinUIOp, (end, self._size(loop.size)), INDEX)
        self.group_start = start
        (self.indices[loop],) = builder.open((INDEX,))
        self._run_phases()
        marks = {"fxlower.rows": int_attr(self.schedule.rows)}
        builder.close_for((start, end, builder.constant(1)), (), (), marks)

    # ----------------------------------------------------------------- transposed tiles

    def _transposition(self, loops: Loops) -> Transposition | None:
        """How transposed operands are read, where the schedule wants it."""
        if self.vector is None or not self.schedule.tile:
            return None
        schedule = self.schedule
        step = schedule.width * schedule.unroll
        columns = max(schedule.transpose, 1)
        found = transposition(self.kernel, self.nest, loops, self.vector, step, columns)
        if found is None:
            return None
        lanes = found.lanes if self.lanes_in_rows else schedule.chunk
        return replace(found, iterations=schedule.tile, lanes=lanes, columns=schedule.transpose)

    def _trips(self, loop: Loop) -> Dim:
        """Parallel iterations of an outer loop."""
        if loop is self.grouped:
            return symbols.ceil_div(loop.size, self.schedule.rows)
        if self.tiles is None or loop is not self.tiles.loop:
            return loop.size
        return symbols.ceil_div(loop.size, self.tiles.iterations)

    def _tiled(self, lower: SSAValue, upper: SSAValue, body: Callable[[], None]) -> None:
        """`body` at each point of a tile, whose lanes are from `lower` to `upper`, after its
        operands have been transposed; just `body` where there are no tiles."""
        tile, builder = self.tiles, self.builder
        if tile is None:
            body()
            return
        rows = builder.constant(tile.iterations)
        start = builder.pure(arith.MuliOp, (self.indices[tile.loop], rows), INDEX)
        end = builder.pure(arith.AddiOp, (start, rows), INDEX)
        if not isinstance(tile.loop.size, int) or tile.loop.size % tile.iterations:
            end = builder.pure(arith.MinUIOp, (end, self._size(tile.loop.size)), INDEX)
        if tile.columns:
            self.tile_start = (start, end)
            body()
            return
        lanes = builder.pure(arith.SubiOp, (upper, lower), INDEX)
        depth = builder.pure(arith.SubiOp, (end, start), INDEX)
        for access in tile.accesses:
            self._transpose(access, (lower, start, lanes, depth))
        self.tile_start = (start, lower)
        (index,) = builder.open((INDEX,))
        self.indices[tile.loop] = index
        body()
        builder.close_for((start, end, builder.constant(1)), (), ())

    def _columns(self, tile: Transposition) -> None:
        """The loop along which transposed operands run, inside that over the lanes."""
        builder = self.builder
        start, end = self.tile_start
        (index,) = builder.open((INDEX,))
        self.indices[tile.loop] = index
        self._run_phases()
        marks = {TRANSPOSE: int_attr(tile.columns)}
        builder.close_for((start, end, builder.constant(1)), (), (), marks)

    def _transpose(self, access: Access, bounds: tuple[SSAValue, ...]) -> None:
        """Copy the tile of one operand into its buffer."""
        tile, builder = self.tiles, self.builder
        assert tile is not None and self.vector is not None
        layout = self.kernel.layouts[access.value]
        source = self.function.arguments[access.value]
        size = self.function.size
        across: Dim = 0
        offset: Index = 0
        for dim, stride in zip(access.dims, layout.strides):
            loop = self.loop_of.get(dim)
            if loop is None or dim != loop.dims[-1] or loop is tile.loop:
                continue
            if loop is self.vector:
                across = stride
                continue
            part = (self.indices[loop], builder.value(size(stride)))
            term = builder.pure(arith.MuliOp, part, INDEX)
            offset = term if offset == 0 else builder.pure(arith.AddiOp, (offset, term), INDEX)  # type: ignore[arg-type]
        at = builder.scopes[-1].builder
        sizes = [size(self.vector.size), size(tile.loop.size)]
        view = at.view(source.base, offset, sizes, [size(across), 1], source.base.name_hint)
        buffer = self.tile_buffers[access.value, access.dims]
        emit(at.block, PackOp, (view, *bounds, buffer), (), _PACK)

    # ---------------------------------------------------------------------- phases

    def _run_phases(self) -> None:
        steps = self.nest.steps
        for phase in range(self.phases.count):
            self.current_phase = phase
            rows: list[Step] = []
            for step in steps:
                if self.phases.phase[step] != phase:
                    continue
                if step in self.phases.in_rows:
                    if step.reduces or self._has_memory(step):
                        rows.append(step)
                else:
                    self._map(step, self.values)
            if rows:
                self._rows(rows)

    def _rows(self, steps: list[Step]) -> None:
        """One phase: the loops over the inner dims with `steps` fused in them."""
        reductions = [s for s in steps if s.reduces]
        init = self.neutral = [self._scalar(o) for s in reductions for o in s.op.outputs]
        results = self._row_loops(steps, reductions, init) if self.inner else None
        if results is None:
            self.row_values = self.values
            results = self._row_body(steps, reductions, init)
        else:
            self.row_values = {}
        for value, result in zip((w.value for s in reductions for w in s.writes), results):
            self.values[value] = result
        for step in reductions:
            for write in step.writes:
                self._store(write, self.values[write.value])

    def _row_loops(
        self, steps: list[Step], reductions: list[Step], init: list[SSAValue], level: int = 0
    ) -> list[SSAValue]:
        """Opens inner loop `level` and all below it; the reductions' results."""
        if level == len(self.inner):
            self.row_values = {}
            return self._row_body(steps, reductions, init)
        loop = self.inner[level]
        bounds = (self._zero(), self._size(loop.size))
        blocks = self._sum_blocks(steps)[level]
        return self._blocks(steps, reductions, init, level, bounds, blocks)

    def _blocks(
        self,
        steps: list[Step],
        reductions: list[Step],
        init: list[SSAValue],
        level: int,
        bounds: tuple[SSAValue, SSAValue],
        blocks: tuple[int, ...],
    ) -> list[SSAValue]:
        """Inner loop `level` within `bounds`, in `blocks`, the largest last: each begins from
        the neutral elements, and its results are combined with those of the ones before."""
        builder, loop = self.builder, self.inner[level]
        lower, upper = bounds
        index, *carried = builder.open((INDEX, *(v.type for v in init)))
        *smaller, block = blocks or (0,)
        marks = None
        if block > 1:
            end = builder.pure(arith.AddiOp, (index, builder.constant(block)), INDEX)
            if not isinstance(loop.size, int) or loop.size % block:
                end = builder.pure(arith.MinUIOp, (end, upper), INDEX)
            part = (index, end)
            results = self._blocks(steps, reductions, self.neutral, level, part, tuple(smaller))
        else:
            self.indices[loop] = index
            if loop is self.vector:
                marks = vector_loop(self.schedule.width, self._unroll(steps))
            start = self.neutral if block else carried
            results = self._row_loops(steps, reductions, start, level + 1)
        if block:
            results = [
                builder.pure(type(op), (total, part), total.type, op.properties)
                for op, total, part in zip(combiners(reductions), carried, results)
            ]
        step = builder.constant(max(block, 1))
        return list(builder.close_for((lower, upper, step), init, results, marks))

    def _unroll(self, steps: list[Step]) -> int:
        limit = cost.unroll_limit(sum(cost.step_cost(s) for s in steps))
        return min(self.schedule.unroll, limit)

    def _sum_blocks(self, steps: list[Step]) -> list[tuple[int, ...]]:
        """For each inner loop the sizes, in iterations, of the blocks in which it is summed: an
        accumulator is to add up no more than SUM_TERMS terms. None where it does not anyway; 1
        where each iteration is summed by itself."""
        combine = combiners([s for s in steps if s.reduces])
        sums = (op for op in combine if isinstance(op, arith.AddfOp))
        if not any(isinstance(op.results[0].type, _SHORT_FLOATS) for op in sums):
            return [()] * len(self.inner)
        found: list[tuple[int, ...]] = []
        terms = 1
        """What one iteration adds to an accumulator."""
        for loop in reversed(self.inner):
            step = self.schedule.width * self._unroll(steps) if loop is self.vector else 1
            count = -(-loop.size // step) if isinstance(loop.size, int) else None
            if count is not None and count * terms <= SUM_TERMS:
                found.append(())
                terms *= max(count, 1)
                continue
            blocks = [max(SUM_TERMS // 2 // terms, 1)]
            if count is None:
                blocks += [blocks[0] * (SUM_TERMS // 2) ** i for i in range(1, DYNAMIC_SUM_LEVELS)]
                terms = SUM_TERMS
            else:
                while count > SUM_TERMS * blocks[-1]:
                    blocks.append(blocks[-1] * SUM_TERMS // 2)
                terms = -(-count // blocks[-1])
            found.append(tuple(b * step for b in blocks))
        return found[::-1]


_SHORT_FLOATS = (Float16Type, BFloat16Type, Float32Type)
