"""`convert-scatter-to-scf`: turn scatter kernels into a copy and loops over the updates.

Before:

    func.func private @scatter_1a2b(%dest: tensor<9x8xf32>, %updates: tensor<4x8xf32>,
        %i: tensor<4xi64>) -> tensor<9x8xf32> attributes {fxlower.kernel = "scatter"} {
      %r = fxt.scatter "add", %dest, %updates, array<i64: 0>[%i]
        : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4xi64>) -> tensor<9x8xf32>
      func.return %r : tensor<9x8xf32>
    }

After:

    "scf.parallel" ... %out[...] = %dest[...]                   a copy, marked for `vectorize`
    "scf.parallel"(%c0, %strips, %c1) ({                        strips of columns
    ^bb0(%strip: index):
      scf.for %u = %c0 to %c4 step %c1 {                        updates, in order
        %row = memref.load %i[%u], arith.index_cast
        scf.for %j = %c0 to %columns step %c1 {
          %out[%row, %j] = arith.addf %out[%row, %j], %updates[%u, %j]
        } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}

A result in the memory of the destination (`fxt.inplace`) is not copied: only what the updates touch
is read and written. Nothing is written where an indexed axis of the result is empty: an update is
an error there, which the kernel that checked the index has reported.

The result does not depend on the number of threads. Parallel are only the columns, and the dims of
the updates that an `fxt.iota` sends to places of their own; the rest runs in row-major order. f16
and bf16 combine in f32 and round each time. `fxlower.unsigned` on the `fxt.scatter` says that
integers compare as unsigned ones, which a signless type cannot.

Needs kernels of kind `scatter` (docs/design.md, section 4) whose indices are valid. The destination
and the updates may be `fxt.full` and `fxt.iota`. Leaves no `fxt` op in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.symbols import contiguous_strides
from fxlower.dialects import arith, fxt
from fxlower.dialects.build import (
    BF16,
    F16,
    F32,
    I1,
    INDEX,
    Dim,
    dims_of,
    is_float,
)
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.loop_builder import Index, LoopBuilder, bits_of, memory_element, vector_loop
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

UNROLL = 4
COPY_CHUNK = 4096
PARALLEL_ELEMENTS = 32 * 1024
"""Elements worth waking another core for."""

ASSUMED_SIZE = 1024

_NO_FASTMATH = {"fastmath": arith.FastMathFlagsAttr("none")}

_FLOAT_OPS = {
    "add": arith.AddfOp,
    "mul": arith.MulfOp,
    "max": arith.MaximumfOp,
    "min": arith.MinimumfOp,
}
_SIGNED_OPS = {
    "add": arith.AddiOp,
    "mul": arith.MuliOp,
    "max": arith.MaxSIOp,
    "min": arith.MinSIOp,
}
_UNSIGNED_OPS = _SIGNED_OPS | {"max": arith.MaxUIOp, "min": arith.MinUIOp}
_BOOL_OPS = {"add": arith.OrIOp, "mul": arith.AndIOp, "max": arith.OrIOp, "min": arith.AndIOp}


class ScatterLowering:
    """Builds the loops of one scatter in `function`."""

    def __init__(self, function: DestinationFunction, scatter: fxt.ScatterOp, target: TargetSpec):
        self.function = function
        self.scatter = scatter
        self.result = function.results[0]
        self.element = self.result.element
        self.mode = scatter.mode.data
        self.lanes = max(1, target.lanes(bits_of(memory_element(self.element))))
        self.rank = len(self.result.sizes)
        self.index_sizes = dims_of(scatter.indices[0].type)
        self.axes = scatter.axes
        self.through = [d for d in range(self.rank) if d not in self.axes]

    def build(self) -> None:
        if self.result is not self.function.arguments.get(self.scatter.dest):
            self._copy()
        self._update()

    # ------------------------------------------------------------------------ copy

    def _copy(self) -> None:
        """The result starts as the destination: one flat run where both lie in memory like that."""
        at, result = self.function.builder, self.result
        dest = self.function.arguments.get(self.scatter.dest)
        flat = contiguous_strides(result.sizes)
        made = dest is None and isinstance(self.scatter.dest.owner, fxt.IotaOp)
        if result.strides == flat and not made and (dest is None or dest.strides == flat):
            total: Index = 1
            for axis in range(self.rank):
                total = at.mul(total, result.size(axis))
            target = at.view(result.base, 0, (total,), (1,))
            source = None if dest is None else at.view(dest.base, 0, (total,), (1,))
            lengths: list[Index] = [total]
        else:
            target, source = result.view, None if dest is None else dest.view
            lengths = [result.size(axis) for axis in range(self.rank)]
        *outer, inner_length = lengths or [1]
        space = [*outer, at.ceil_div(inner_length, COPY_CHUNK)]

        def chunk(inner: LoopBuilder, index: SSAValue) -> None:
            *point, last = inner.split(index, space)
            first = inner.mul(last, COPY_CHUNK)
            count = inner.min(COPY_CHUNK, inner.sub(inner_length, first))

            def element(body: LoopBuilder, j: SSAValue) -> None:
                place = [*point, body.add(first, j)] if lengths else []
                if source is None:
                    value = self._made_value(body, self.scatter.dest, place)
                    body.store_element(value, target, place)
                else:
                    body.store(body.load(source, place), target, place)

            inner.serial(count, element, attributes=vector_loop(self.lanes, UNROLL), name="j")

        run = inner_length if isinstance(inner_length, int) else COPY_CHUNK
        self._parallel(space, chunk, min(run, COPY_CHUNK))

    def _parallel(
        self, space: Sequence[Index], body, elements: int, empty: SSAValue | None = None
    ) -> None:
        """One parallel loop over `space`, whose iterations take so many elements each; over
        nothing where `empty` holds."""
        at = self.function.builder
        total: Index = 1
        for size in space:
            total = at.mul(total, size)
        if empty is not None:
            total = at.op(arith.SelectOp, (empty, at.constant(0), at.value(total)), INDEX)
        at.parallel(total, body, max(1, PARALLEL_ELEMENTS // max(1, elements)))

    # ---------------------------------------------------------------------- update

    def _update(self) -> None:
        """Loops from the outside: dims that are parallel and strips of the last through dim; other
        dims of the indices, in order; other through dims; the columns of the strip."""
        if any(self.result.sizes[axis] == 0 for axis in self.axes):
            return
        at = self.function.builder
        index_sizes = [self.function.size(d) for d in self.index_sizes]
        own = self._own_places()
        serial = [d for d in range(len(index_sizes)) if d not in own]
        rows, column = self.through[:-1], self.through[-1] if self.through else None
        space: list[Index] = [index_sizes[d] for d in own]
        work = 1
        for d in serial:
            work *= _assumed(self.index_sizes, d)
        for d in self.through:
            work *= _assumed(self.result.sizes, d)
        strip = self._strip(work) if column is not None else 1
        if column is not None:
            space.append(at.ceil_div(self.result.size(column), strip))
            work = work * strip // max(1, _assumed(self.result.sizes, column))

        def strip_of_columns(inner: LoopBuilder, index: SSAValue) -> None:
            parts = inner.split(index, space)
            point: dict[int, Index] = dict(zip(own, parts))
            self._nest(
                inner,
                serial,
                index_sizes,
                point,
                lambda b: self._element(b, point, rows, column, parts[-1] if parts else 0, strip),
            )

        self._parallel(space, strip_of_columns, work, self._no_place())

    def _no_place(self) -> SSAValue | None:
        """Whether an indexed axis is empty: then no index is valid, not even the one that
        `fxt.normalize_index` went on with. None where that cannot be."""
        at = self.function.builder
        empty: SSAValue | None = None
        for axis in self.axes:
            if isinstance(self.result.sizes[axis], str):
                here = at.compare("eq", self.result.size(axis), 0)
                empty = here if empty is None else at.op(arith.OrIOp, (empty, here), I1)
        return empty

    def _own_places(self) -> list[int]:
        """Dims of the indices along which an `fxt.iota` gives each element a place of its own."""
        own: list[int] = []
        for index in self.scatter.indices:
            if isinstance(index.owner, fxt.IotaOp) and index.owner.axis.value.data not in own:
                own.append(index.owner.axis.value.data)
        return sorted(own)

    def _strip(self, work: int) -> int:
        """Columns that one thread takes: all, unless there is work for several threads."""
        size = self.result.sizes[self.through[-1]]
        least = self.lanes * UNROLL
        if isinstance(size, int):
            if work < 2 * PARALLEL_ELEMENTS or size < 2 * least:
                return max(1, size)
            return -(-size // (4 * least)) * least
        return 16 * least

    def _nest(
        self,
        at: LoopBuilder,
        dims: Sequence[int],
        sizes: Sequence[Index],
        point: dict[int, Index],
        body,
    ) -> None:
        """Serial loops over `dims`, which set their entries of `point`."""
        if not dims:
            body(at)
            return

        def loop(inner: LoopBuilder, index: SSAValue) -> None:
            point[dims[0]] = index
            self._nest(inner, dims[1:], sizes, point, body)

        at.serial(sizes[dims[0]], loop, name="i")

    def _element(
        self,
        at: LoopBuilder,
        point: dict[int, Index],
        rows: Sequence[int],
        column: int | None,
        strip_index: Index,
        strip: int,
    ) -> None:
        """All through elements of one place in the index space."""
        where = [point[d] for d in range(len(self.index_sizes))]
        place: list[Index] = [0] * self.rank
        for axis, index in zip(self.axes, self.scatter.indices):
            place[axis] = self._index(at, index, where)
        sizes = [self.result.size(d) for d in range(self.rank)]
        through: dict[int, Index] = {}

        def columns(inner: LoopBuilder) -> None:
            if column is None:
                self._combine(inner, place, where)
                return
            last: int = column
            first = inner.mul(strip_index, strip)
            count = inner.min(strip, inner.sub(sizes[last], first))

            def element(body: LoopBuilder, j: SSAValue) -> None:
                through[last] = body.add(first, j)
                full = [through.get(d, i) for d, i in enumerate(place)]
                self._combine(body, full, [*where, *[full[d] for d in self.through]])

            attributes = vector_loop(self.lanes, UNROLL) if self._has_lanes(last) else None
            inner.serial(count, element, attributes=attributes, name="j")

        self._nest(at, rows, sizes, through, columns)

    def _has_lanes(self, column: int) -> bool:
        """Whether stores along the last through dim are vectors."""
        size = self.result.sizes[column]
        return self.result.strides[column] == 1 and (not isinstance(size, int) or size >= 4)

    def _index(self, at: LoopBuilder, index: SSAValue, where: Sequence[Index]) -> Index:
        if isinstance(index.owner, fxt.IotaOp):
            return where[index.owner.axis.value.data]
        if isinstance(index.owner, fxt.FullOp):
            value = index.owner.value
            assert isinstance(value, IntegerAttr)
            return value.value.data
        buffer = self.function.arguments[index]
        return at.op(arith.IndexCastOp, (at.load(buffer.view, where),), INDEX)

    def _combine(
        self, at: LoopBuilder, place: Sequence[Index], update_place: Sequence[Index]
    ) -> None:
        """Combine one update into the result."""
        updates = self.function.arguments.get(self.scatter.updates)
        if updates is None:
            value = self._made_value(at, self.scatter.updates, update_place)
        else:
            value = at.load_element(updates.view, update_place, self.element)
        target = self.result.view
        if self.mode != "set":
            value = self._reduce(at, at.load_element(target, place, self.element), value)
        at.store_element(value, target, place)

    def _reduce(self, at: LoopBuilder, old: SSAValue, new: SSAValue) -> SSAValue:
        element = self.element
        if element == I1:
            return at.op(_BOOL_OPS[self.mode], (old, new), element)
        if not is_float(element):
            ops = _UNSIGNED_OPS if "fxlower.unsigned" in self.scatter.attributes else _SIGNED_OPS
            return at.op(ops[self.mode], (old, new), element)
        cls = _FLOAT_OPS[self.mode]
        if element not in (F16, BF16):
            return at.op(cls, (old, new), element, _NO_FASTMATH)
        wide = [at.op(arith.ExtFOp, (v,), F32) for v in (old, new)]
        return at.op(arith.TruncFOp, (at.op(cls, wide, F32, _NO_FASTMATH),), element)

    def _made_value(self, at: LoopBuilder, value: SSAValue, place: Sequence[Index]) -> SSAValue:
        """The element at `place` of an `fxt.full` or `fxt.iota` made in the kernel."""
        match value.owner:
            case fxt.FullOp(value=FloatAttr() | IntegerAttr() as attribute):
                return self.function.builder.constant(attribute.value.data, self.element)
            case fxt.IotaOp(axis=axis):
                index = at.value(place[axis.value.data])
                return at.op(arith.IndexCastOp, (index,), self.element)
            case owner:
                found = f"'{owner.name}'" if isinstance(owner, Operation) else "an index"
                raise PassFailedException(
                    f"convert-scatter-to-scf: kernel '{self.function.kernel.sym_name.data}' may "
                    f"hold arguments, fxt.full and fxt.iota beside its fxt.scatter, got {found}"
                )


def _assumed(sizes: Sequence[Dim], axis: int) -> int:
    if not sizes:
        return 1
    size = sizes[axis]
    return size if isinstance(size, int) else ASSUMED_SIZE


@dataclass(frozen=True)
class ConvertScatterToScfPass(ModulePass):
    """Turn scatter kernels into loops."""

    name = "convert-scatter-to-scf"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for kernel in kernels_of_kind(op, "scatter"):
            scatters = [o for o in kernel.body.block.ops if isinstance(o, fxt.ScatterOp)]
            if len(scatters) != 1:
                raise PassFailedException(
                    f"{self.name}: kernel '{kernel.sym_name.data}' must hold one fxt.scatter, got "
                    f"{[o.name for o in kernel.body.block.ops]}"
                )
            function = DestinationFunction(kernel)
            ScatterLowering(function, scatters[0], target).build()
            function.finish()
