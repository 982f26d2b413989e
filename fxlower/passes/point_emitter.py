"""What happens at one point of a nest's loops: bodies inlined, operands read, results stored.

The other half of `fxlower/passes/nest_emitter.py`, which opens the loops around the points.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from xdsl.dialects.linalg.ops import FillOp, GenericOp, IndexOp, YieldOp
from xdsl.dialects.tensor import ExtractOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.loop_space import (
    Access,
    Destination,
    Kernel,
    Layout,
    Loop,
    Loops,
    Nest,
    Step,
)
from fxlower.analysis.phases import Phases
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim, signless
from fxlower.passes.destination_style import Buffer, DestinationFunction
from fxlower.passes.loop_builder import Index
from fxlower.passes.scoped_builder import ScopedBuilder


class PointEmitter(ABC):
    """The state of a nest at the current point, and what can be emitted there."""

    nest: Nest
    phases: Phases
    vector: Loop | None

    def __init__(
        self, kernel: Kernel, function: DestinationFunction, builder: ScopedBuilder, loops: Loops
    ):
        self.kernel = kernel
        self.function = function
        self.builder = builder
        self.loop_of = {d: g for g in loops.outer + loops.inner for d in g.dims}
        self.may_be_empty = not all(
            isinstance(g.size, int) and g.size for g in self.loop_of.values()
        )
        self.indices: dict[Loop, SSAValue] = {}
        self.values: dict[SSAValue, SSAValue] = {}
        """Tensors at this point of the outer loops, in registers."""
        self.row_values: dict[SSAValue, SSAValue] = {}
        """The same, at this point of the inner loops."""
        self.buffers: dict[SSAValue, SSAValue] = {}
        self.tile_buffers: dict[tuple[SSAValue, tuple[int, ...]], SSAValue] = {}
        """Where operands that are transposed against the lanes are read."""
        self.lane_buffers: dict[SSAValue, SSAValue] = {}
        """Tensors over the outer loops that have an element for each lane of a strip."""
        self.neutral: list[SSAValue] = []
        """Where the reductions of this phase begin."""
        self.views: dict[object, SSAValue] = {}
        self.current_phase = 0
        self.gathers_stay = False
        """Whether gathers stay in their loops: where these are empty, so may be the source."""

    @abstractmethod
    def _row_index(self) -> list[SSAValue]:
        """Indices of this point in a row buffer."""

    @abstractmethod
    def _tile_index(self) -> list[SSAValue]:
        """Indices of this point in a transposed tile."""

    @abstractmethod
    def _lane_index(self) -> SSAValue:
        """Index of this point in a buffer of lanes."""

    def _zero(self) -> SSAValue:
        return self.builder.constant(0)

    def _size(self, dim: Dim) -> SSAValue:
        return self.builder.value(self.function.size(dim))

    def _has_memory(self, step: Step) -> bool:
        return any(
            w.value in self.kernel.destinations or w.value in self.buffers for w in step.writes
        )

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

    def _store(self, write: Access, value: SSAValue) -> None:
        for destination in self.kernel.destinations.get(write.value, ()):
            replaced = self.function.replaced[destination.result]
            if replaced is not None:
                self._read_before(replaced, write.value)
            self.builder.store(value, *self._result_address(write, destination))

    def _read_before(self, argument: SSAValue, value: SSAValue) -> None:
        """Load what other steps still read of `argument` at this point, which `value` is about to
        overwrite: they find it in the register."""
        phases = self.phases
        written_in_rows = phases.producer[value] in phases.in_rows
        for step in self.nest.steps:
            if step is phases.producer[value]:
                continue
            if written_in_rows and self.current_phase not in phases.emitted[step]:
                continue
            for read in step.reads:
                if read.value is argument:
                    self._read(read)

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
            else:
                self._map(step, self.row_values)
        return results

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
        floor = self.builder.depth if self._may_trap_wrongly(op, operands) else 0
        environment[result] = self.builder.pure(
            type(op), operands, result.type, op.properties, result.name_hint, floor
        )

    def _may_trap_wrongly(self, op: Operation, operands: tuple[SSAValue, ...]) -> bool:
        """Whether `op` must stay in its loop: what it reports is no error where that is empty."""
        if isinstance(op, fxt.NonzeroDivisorOp):
            return True
        return (
            isinstance(op, fxt.NormalizeIndexOp)
            and self.may_be_empty
            and not self.builder.depth_of(operands[0])
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
            tile = self.tile_buffers.get((value, read.dims))
            if tile is not None:
                return self.builder.load(tile, self._tile_index(), element, value.name_hint)
            address = self._address(read, self.function.arguments[value], layout)
            return self.builder.load(*address, element, value.name_hint)
        known = self.row_values.get(value)
        if known is None:
            known = self.values.get(value)
        if known is not None:
            return known
        if value in self.lane_buffers:
            return self.builder.load(self.lane_buffers[value], (self._lane_index(),), element)
        producer = self.phases.producer.get(value)
        if producer is None:
            return self._read_elsewhere(read, element)
        if producer not in self.phases.in_rows or producer.reduces:
            raise PassFailedException("convert-linalg-to-scf: steps of a nest are out of order")
        if self.phases.phase[producer] < self.current_phase:
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
        floor = len(self.builder.scopes) - 1 if self.gathers_stay else 0
        return self.builder.load(buffer.view, indices, buffer.element, hint, floor)

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
