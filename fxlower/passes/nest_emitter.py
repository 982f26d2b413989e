"""One nest of a `loops` kernel as fused scalar loops: the work of `convert-linalg-to-scf`.

At each point of the outer loops the steps run in *phases*: a step that needs the result of a
reduction runs in a later phase than the reduction. A phase is one loop nest over the inner loops
with all its steps fused; maps over the outer loops alone run between phases. A map that a later
phase needs is read back from the result it was stored to, or computed again if that is cheap, or
kept in a row buffer.
"""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type
from xdsl.dialects.linalg.ops import FillOp, GenericOp, IndexOp, YieldOp
from xdsl.dialects.tensor import ExtractOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis import cost, symbols
from fxlower.analysis.loop_space import (
    Access,
    Destination,
    Kernel,
    Layout,
    Loop,
    Nest,
    NestSchedule,
    Step,
    is_strided,
    loops_of,
)
from fxlower.dialects import arith
from fxlower.dialects.build import ELEMENT_BITS, I1, I64, INDEX, Dim, dims_of, signless
from fxlower.passes.destination_style import Buffer, DestinationFunction
from fxlower.passes.loop_builder import Index, LoopBuilder, memory_element, vector_loop
from fxlower.passes.scoped_builder import ScopedBuilder

INDEX_TRAP = 1
"""What is stored to `%trap` where an index is out of range (docs/design.md, section 6)."""

CHEAP = 5.0
"""A map that costs less is computed again rather than kept in a row buffer."""

SUM_BLOCK = 16 * 1024
"""Elements that a sum adds up before it starts new partial sums; keeps the rounding error of long
sums below that of pairwise summation in practice."""

SERIAL_SUM_BLOCK = 512
"""The same where each lane adds up by itself."""


class NestEmitter:
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
        self.kernel = kernel
        self.nest = nest
        self.schedule = schedule
        self.function = function
        self.builder = builder
        self.scratchpad_bytes = scratchpad_bytes
        if schedule.vector_dim >= len(nest.sizes):
            raise PassFailedException(
                f"@{kernel.function.sym_name.data}: vector_dim must be one of the "
                f"{len(nest.sizes)} loop dims of its nest or -1, got {schedule.vector_dim}"
            )
        loops = loops_of(kernel, nest, schedule.vector_dim)
        self.vector = loops.with_dim(schedule.vector_dim) if schedule.width > 1 else None
        self.outer = [g for g in loops.outer if g is not self.vector]
        self.inner = [g for g in loops.inner if g is not self.vector]
        self.lanes_in_rows = self.vector is not None and self.vector in loops.inner
        if self.vector is not None and self.lanes_in_rows:
            self.inner.append(self.vector)
        self.loop_of = {d: g for g in loops.outer + loops.inner for d in g.dims}
        self.indices: dict[Loop, SSAValue] = {}
        self.strip_start: SSAValue | None = None
        self.values: dict[SSAValue, SSAValue] = {}  # tensors at this point, in registers
        self.row_values: dict[SSAValue, SSAValue] = {}  # the same, at this inner point
        self.buffers: dict[SSAValue, SSAValue] = {}
        self.views: dict[object, SSAValue] = {}
        self.current_phase = 0
        self.strip_at = 0
        self.gather_floor = 0
        """Depth above which gathers may not move: their source may be empty there."""
        self.neutral: list[SSAValue] = []
        self._plan_phases()

    # ----------------------------------------------------------------------- phases

    def _plan_phases(self) -> None:
        """Assigns phases, and how maps reach later ones: `recomputed` or `buffered`."""
        rank = len(self.nest.sizes)
        self.producer: dict[SSAValue, Step] = {}
        self.phase: dict[Step, int] = {}
        for step in self.nest.steps:
            phase = 0
            for read in step.reads:
                producer = self.producer.get(read.value)
                if producer is not None:
                    phase = max(phase, self.phase[producer] + producer.reduces)
            self.phase[step] = phase
            for write in step.writes:
                self.producer[write.value] = step
        self.in_rows = {s for s in self.nest.steps if len(s.sizes) == rank > self.nest.outer}

        needed: dict[SSAValue, set[int]] = {}
        self.buffered: list[Step] = []
        buffer_bytes = 0
        for step in reversed(self.nest.steps):
            phase = self.phase[step]
            emitted = {phase}
            if step in self.in_rows and not step.reduces and self.inner:
                later = {q for w in step.writes for q in needed.get(w.value, ()) if q > phase}
                if later and not all(w.value in self.kernel.destinations for w in step.writes):
                    size = self._buffer_bytes(step)
                    if (
                        _body_cost(step) > CHEAP
                        and size is not None
                        and buffer_bytes + size <= self.scratchpad_bytes
                    ):
                        self.buffered.append(step)
                        buffer_bytes += size
                    else:
                        emitted |= later
            for read in step.reads:
                needed.setdefault(read.value, set()).update(emitted)

    def _row_shape(self) -> list[Dim]:
        shape = [g.size for g in self.inner]
        if self.vector is not None and not self.lanes_in_rows:
            size = self.vector.size
            chunk = self.schedule.chunk
            shape.append(min(size, chunk) if isinstance(size, int) else chunk)
        return shape

    def _buffer_bytes(self, step: Step) -> int | None:
        shape = self._row_shape()
        if not all(isinstance(d, int) for d in shape):
            return None
        elements = [w.value.type.element_type for w in step.writes]  # type: ignore[attr-defined]
        return prod(shape) * sum(ELEMENT_BITS[e] // 8 for e in elements)  # type: ignore[arg-type]

    # -------------------------------------------------------------------- outer loops

    def emit(self) -> None:
        """The whole nest, appended to the function's entry block."""
        sizes = [g.size for g in self.outer]
        strips: Dim = 1
        if self.vector is not None and not self.lanes_in_rows:
            size, chunk = self.vector.size, self.schedule.chunk
            strips = 1 if isinstance(size, int) and size <= chunk else symbols.ceil_div(size, chunk)
            # Strips come last, that is fastest, so that memory is run through in its order. Where an
            # access jumps along the lanes they come first: the next point of the other loops then
            # finds the lines of that access in the cache.
            self.strip_at = 0 if is_strided(self.kernel, self.nest, self.vector) else len(sizes)
            sizes.insert(self.strip_at, strips)
        total = symbols.product(sizes)
        builder = self.builder
        guarded = self._guarded_total(total)
        if guarded is not None:
            self.gather_floor = 1
            (index,) = builder.open((INDEX,))
            self._allocate()
            self._point(self._split(index, sizes))
            builder.close_parallel(guarded, self.schedule.grain)
        elif total == 1:
            self._allocate()
            self._point([self._zero() for _ in sizes])
        elif isinstance(total, int) and total <= self.schedule.grain:
            self._allocate()
            kept = [s for s in sizes if s != 1]
            opened = iter([builder.open((INDEX,))[0] for _ in kept])
            self._point([self._zero() if s == 1 else next(opened) for s in sizes])
            for size in reversed(kept):
                bounds = (self._zero(), self._size(size), builder.constant(1))
                builder.close_for(bounds, (), ())
        else:
            (index,) = builder.open((INDEX,))
            self._allocate()
            self._point(self._split(index, sizes))
            builder.close_parallel(self._size(total), self.schedule.grain)

    def _guarded_total(self, total: Dim) -> SSAValue | None:
        """The number of iterations, 0 if a gather's source is empty: then there is no valid index
        to read it at, and any iteration is an error. None if no source can be empty."""
        trap, sizes = self.function.trap, self._gathered_sizes()
        if trap is None or not sizes:
            return None
        entry, count = self.builder.entry, self._size(total)
        empty = entry.compare("eq", sizes[0], 0)
        for size in sizes[1:]:
            empty = entry.op(arith.OrIOp, (empty, entry.compare("eq", size, 0)), I1)
        fails = entry.op(arith.AndIOp, (empty, entry.compare("ne", count, 0)), I1)

        def report(inner: LoopBuilder) -> tuple[()]:
            inner.store(inner.constant(INDEX_TRAP, I64), trap, (0,))
            return ()

        entry.if_(fails, report)
        return entry.op(arith.SelectOp, (empty, self._zero(), count), INDEX)

    def _gathered_sizes(self) -> list[Index]:
        """Sizes of gathered sources that may be 0."""
        sources = {
            op.tensor: None
            for step in self.nest.steps
            if isinstance(step.op, GenericOp)
            for op in step.op.body.block.ops
            if isinstance(op, ExtractOp)
        }
        dims = {d: None for source in sources for d in dims_of(source.type)}
        return [self.function.size(d) for d in dims if d == 0 or isinstance(d, str)]

    def _zero(self) -> SSAValue:
        return self.builder.constant(0)

    def _size(self, dim: Dim) -> SSAValue:
        return self.builder.value(self.function.size(dim))

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
        for step in self.buffered:
            for write in step.writes:
                element = memory_element(write.value.type.element_type)  # type: ignore[attr-defined]
                buffer = builder.scratch(element, shape, "row")  # type: ignore[arg-type]
                self.buffers[write.value] = self.builder.enter(buffer)

    def _point(self, parts: list[SSAValue]) -> None:
        """Everything at one point of the outer loops; with lanes in an outer loop, of one strip."""
        if self.vector is None or self.lanes_in_rows:
            self.indices.update(zip(self.outer, parts))
            self._phases()
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
        (index,) = builder.open((INDEX,))
        self.indices[self.vector] = index
        self._phases()
        marks = vector_loop(self.schedule.width, self.schedule.unroll)
        builder.close_for((lower, upper, builder.constant(1)), (), (), marks)

    # ---------------------------------------------------------------------- phases

    def _phases(self) -> None:
        steps = self.nest.steps
        for phase in range(max(self.phase[s] for s in steps) + 1):
            self.current_phase = phase
            rows: list[Step] = []
            for step in steps:
                if self.phase[step] != phase:
                    continue
                if step in self.in_rows:
                    rows.append(step)
                else:
                    self._map(step, self.values)
            if rows:
                self._rows(rows)

    def _rows(self, steps: list[Step]) -> None:
        """One phase: the loops over the inner dims with `steps` fused in them."""
        reductions = [s for s in steps if s.reduces]
        init = self.neutral = [self._scalar(o) for s in reductions for o in s.op.outputs]
        results = self._row_loops(steps, reductions, init, 0) if self.inner else None
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
        self, steps: list[Step], reductions: list[Step], init: list[SSAValue], level: int
    ) -> list[SSAValue]:
        """Opens inner loop `level` and all below it; the reductions' results."""
        builder = self.builder
        loop = self.inner[level]
        innermost = level == len(self.inner) - 1
        lower, upper = self._zero(), self._size(loop.size)
        block = self._sum_block(reductions, loop) if innermost else 0
        outer_init: list[SSAValue] = []
        if block:
            start, *outer_init = builder.open((INDEX, *(v.type for v in init)))
            end = builder.pure(arith.AddiOp, (start, builder.constant(block)), INDEX)
            lower, block_upper = start, upper
            upper = builder.pure(arith.MinUIOp, (end, upper), INDEX)
        index, *carried = builder.open((INDEX, *(v.type for v in init)))
        self.indices[loop] = index
        if innermost:
            self.row_values = {}
            results = self._row_body(steps, reductions, carried)
        else:
            results = self._row_loops(steps, reductions, carried, level + 1)
        marks = None
        if loop is self.vector:
            limit = cost.unroll_limit(sum(cost.step_cost(s) for s in steps))
            marks = vector_loop(self.schedule.width, min(self.schedule.unroll, limit))
        one = builder.constant(1)
        start_values = self.neutral if block else init
        results = list(builder.close_for((lower, upper, one), start_values, results, marks))
        if block:
            combined = [
                builder.pure(type(op), (total, part), total.type, op.properties)
                for op, total, part in zip(_combiners(reductions), outer_init, results)
            ]
            bounds = (self._zero(), block_upper, builder.constant(block))
            results = list(builder.close_for(bounds, init, combined))
        return results

    def _sum_block(self, reductions: list[Step], loop: Loop) -> int:
        """Length of the blocks in which `loop` is summed; 0 for a single one."""
        block = SUM_BLOCK if loop is self.vector else SERIAL_SUM_BLOCK
        if isinstance(loop.size, int) and loop.size <= 2 * block:
            return 0
        sums = (op for op in _combiners(reductions) if isinstance(op, arith.AddfOp))
        return block if any(isinstance(op.results[0].type, _SHORT_FLOATS) for op in sums) else 0

    def _row_body(
        self, steps: list[Step], reductions: list[Step], carried: list[SSAValue]
    ) -> list[SSAValue]:
        """The steps of one phase at one inner point; the next values of the reductions."""
        results: list[SSAValue] = []
        accumulators = iter(carried)
        for step in steps:
            if step.reduces:
                own = [next(accumulators) for _ in step.writes]
                results += self._body(step, own)
            elif any(
                w.value in self.kernel.destinations or w.value in self.buffers for w in step.writes
            ):
                self._map(step, self.row_values)
        return results

    # ----------------------------------------------------------------------- steps

    def _map(self, step: Step, into: dict[SSAValue, SSAValue]) -> None:
        """Computes a map at this point and stores what has memory."""
        self._compute(step, into)
        for write in step.writes:
            value = into[write.value]
            self._store(write, value)
            if write.value in self.buffers:
                self.builder.store(value, self.buffers[write.value], self._row_index())

    def _compute(self, step: Step, into: dict[SSAValue, SSAValue]) -> None:
        if step.writes[0].value in into:
            return
        if isinstance(step.op, FillOp):
            into[step.writes[0].value] = self._scalar_value(step.op.inputs[0])
            return
        for write, value in zip(step.writes, self._body(step, [])):
            into[write.value] = value

    def _row_index(self) -> list[SSAValue]:
        indices = [self.indices[g] for g in self.inner]
        if self.vector is not None and not self.lanes_in_rows:
            assert self.strip_start is not None
            lane = (self.indices[self.vector], self.strip_start)
            indices.append(self.builder.pure(arith.SubiOp, lane, INDEX))
        return indices

    def _store(self, write: Access, value: SSAValue) -> None:
        for destination in self.kernel.destinations.get(write.value, ()):
            self.builder.store(value, *self._result_address(write, destination))

    def _body(self, step: Step, accumulators: list[SSAValue]) -> list[SSAValue]:
        """The body of `step` inlined at this point; what it yields."""
        op = step.op
        assert isinstance(op, GenericOp)
        block = op.body.block
        environment: dict[SSAValue, SSAValue] = {}
        count = len(step.reads)
        for argument, read in zip(block.args, step.reads):
            if argument.first_use is not None:
                environment[argument] = self._read(read)
        environment.update(zip(block.args[count:], accumulators))
        results: list[SSAValue] = []
        for inner in block.ops:
            if isinstance(inner, YieldOp):
                results = [self._lookup(o, environment) for o in inner.operands]
            elif isinstance(inner, IndexOp):
                environment[inner.results[0]] = self._loop_index(inner.dim.value.data)
            elif isinstance(inner, ExtractOp):
                environment[inner.results[0]] = self._extract(inner, environment)
            else:
                self._clone(inner, environment)
        return results

    def _clone(self, op: Operation, environment: dict[SSAValue, SSAValue]) -> None:
        if len(op.results) != 1 or op.regions:
            raise PassFailedException(
                f"convert-linalg-to-scf: '{op.name}' in the body of a linalg.generic; bodies hold "
                "ops with one result and no regions"
            )
        result = op.results[0]
        operands = tuple(self._lookup(o, environment) for o in op.operands)
        environment[result] = self.builder.pure(
            type(op), operands, result.type, op.properties, result.name_hint
        )

    def _lookup(self, value: SSAValue, environment: dict[SSAValue, SSAValue]) -> SSAValue:
        known = environment.get(value)
        return known if known is not None else self._scalar_value(value)

    def _scalar_value(self, value: SSAValue) -> SSAValue:
        """A scalar made outside the generics: a symbol, or arithmetic on symbols and constants."""
        known = self.function.symbols.get(value)
        if known is not None:
            return known
        owner = value.owner
        if not isinstance(owner, Operation):
            raise PassFailedException(
                f"convert-linalg-to-scf: {value.type} argument used as a scalar; it has no "
                "fxt.symbol"
            )
        environment: dict[SSAValue, SSAValue] = {}
        self._clone(owner, environment)
        return environment[value]

    def _loop_index(self, dim: int) -> SSAValue:
        loop = self.loop_of.get(dim)
        return self._zero() if loop is None else self.indices[loop]

    # ---------------------------------------------------------------------- operands

    def _scalar(self, tensor: SSAValue) -> SSAValue:
        """The element of a filled tensor."""
        owner = tensor.owner
        if not isinstance(owner, FillOp):
            raise PassFailedException(
                "convert-linalg-to-scf: the init of a reduction must be a linalg.fill with the "
                f"neutral element, got {tensor.type}"
            )
        return self._scalar_value(owner.inputs[0])

    def _read(self, read: Access) -> SSAValue:
        """The element of an operand at this point."""
        value = read.value
        if not hasattr(value.type, "element_type"):
            return self._scalar_value(value)
        element = signless(value.type.element_type)  # type: ignore[attr-defined]
        layout = self.kernel.layouts.get(value)
        if layout is not None:
            address = self._address(read, self.function.arguments[value], layout)
            return self.builder.load(*address, element, value.name_hint)
        known = self.row_values.get(value)
        if known is None:
            known = self.values.get(value)
        if known is not None:
            return known
        producer = self.producer.get(value)
        if producer is None:
            return self._read_elsewhere(read, element)
        if producer not in self.in_rows or producer.reduces:
            raise PassFailedException("convert-linalg-to-scf: steps of a nest are out of order")
        if self.phase[producer] < self.current_phase:
            if value in self.buffers:
                return self.builder.load(self.buffers[value], self._row_index(), element)
            if value in self.kernel.destinations:
                return self._read_elsewhere(read, element)
        self._compute(producer, self.row_values)
        return self.row_values[value]

    def _read_elsewhere(self, read: Access, element: Attribute) -> SSAValue:
        """The element of a tensor that is filled, or in the memory of a result."""
        if isinstance(read.value.owner, FillOp):
            return self._scalar(read.value)
        destinations = self.kernel.destinations.get(read.value)
        if not destinations:
            raise PassFailedException(
                f"convert-linalg-to-scf: {read.value.type} is made in another nest and not "
                "returned, so that it has no memory"
            )
        return self.builder.load(*self._result_address(read, destinations[0]), element)

    def _extract(self, op: ExtractOp, environment: dict[SSAValue, SSAValue]) -> SSAValue:
        buffer = self.function.arguments.get(op.tensor)
        if buffer is None:
            raise PassFailedException(
                f"tensor.extract of {op.tensor.type}: the source must be an argument of the kernel"
            )
        indices = [self._lookup(i, environment) for i in op.indices]
        hint = op.results[0].name_hint
        return self.builder.load(buffer.view, indices, buffer.element, hint, self.gather_floor)

    # --------------------------------------------------------------------- addresses

    def _result_address(
        self, access: Access, destination: Destination
    ) -> tuple[SSAValue, list[SSAValue]]:
        buffer = self.function.results[destination.result]
        return self._address(access, buffer, destination.layout, destination.offset)

    def _address(
        self,
        access: Access,
        buffer: Buffer,
        layout: Layout,
        offset: tuple[tuple[SSAValue | int, Dim], ...] = (),
    ) -> tuple[SSAValue, list[SSAValue]]:
        """The memref and indices of the element of `buffer` that `access` means at this point."""
        whole = not offset and (layout.sizes, layout.strides) == (buffer.sizes, buffer.strides)
        loops: list[Loop | None] = []
        for dim, stride in zip(access.dims, layout.strides):
            loop = self.loop_of.get(dim)
            if stride == 0 and loop is not None and isinstance(loop.size, int) and loop.size > 0:
                loop = None  # the same element throughout; an empty loop must stay around its load
            loops.append(loop)
            whole = whole and (loop is None or len(loop.dims) == 1)
        if whole:
            return buffer.view, [self._zero() if g is None else self.indices[g] for g in loops]
        strides = {
            loop: stride
            for loop, dim, stride in zip(loops, access.dims, layout.strides)
            if loop is not None and dim == loop.dims[-1]
        }
        if self.vector is not None and strides.get(self.vector) == 1:
            strides[self.vector] = strides.pop(self.vector)  # lanes last
        view = self._view(buffer, strides, offset)
        return view, [self.indices[g] for g in strides]

    def _view(
        self,
        buffer: Buffer,
        strides: dict[Loop, Dim],
        offset: tuple[tuple[SSAValue | int, Dim], ...],
    ) -> SSAValue:
        """`buffer` with one dimension for each loop, from `offset` on."""
        key = (buffer.base, tuple(strides.items()), offset)
        known = self.views.get(key)
        if known is None:
            size, entry = self.function.size, self.builder.entry
            start: Index = 0
            for index, stride in offset:
                term = index if isinstance(index, int) else self._scalar_value(index)
                start = entry.add(start, entry.mul(term, size(stride)))
            sizes = [size(g.size) for g in strides]
            steps = [size(s) for s in strides.values()]
            known = entry.view(buffer.base, start, sizes, steps, buffer.base.name_hint)
            self.views[key] = known
        return known


_SHORT_FLOATS = (Float16Type, BFloat16Type, Float32Type)


def _body_cost(step: Step) -> float:
    if not isinstance(step.op, GenericOp):
        return 0.0
    return sum(cost.op_cost(op) for op in step.op.body.block.ops)


def _combiners(reductions: list[Step]) -> list[Operation]:
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
