"""The loops of a kernel of kind `loops`: its nests, what each reads and writes, and in which order
and grouping its loops run best.

Vocabulary (docs/design.md, section 4): a *step* is one `linalg.generic` (or a `linalg.fill` that is
stored); a *nest* is a run of steps over one loop space; its first `outer` loop dims are parallel in
every step, the others are reduced over by some step. A *loop* is one or more adjacent loop dims
that every access in memory can traverse with one stride.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    TensorType,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.linalg.attrs import IteratorType
from xdsl.dialects.linalg.ops import FillOp, GenericOp, IndexOp
from xdsl.dialects.tensor import CollapseShapeOp, EmptyOp, InsertSliceOp
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineDimExpr
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis import symbols
from fxlower.analysis.layout import reshape_strides
from fxlower.dialects.build import Dim, dims_from, dims_of
from fxlower.dialects.fxt.call import inplace_results

TYPICAL_SIZE = 512
"""What a symbol is taken for where a decision needs a number; no decision depends on it for
correctness."""


def estimate(dim: Dim) -> int:
    """`dim` as a number, with the typical size for every symbol, or a smaller one where that would
    divide by zero, as in `256//(256//s0)`."""
    if isinstance(dim, int):
        return dim
    names = symbols.symbols_of(dim)
    size = TYPICAL_SIZE
    while size:
        try:
            return max(symbols.evaluate(dim, dict.fromkeys(names, size)), 1)
        except ZeroDivisionError:
            size //= 4
    return TYPICAL_SIZE


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the elements of an argument or result lie: element p is at sum(p[i] * strides[i])."""

    sizes: tuple[Dim, ...]
    strides: tuple[Dim, ...]


@dataclass(frozen=True, eq=False)
class Access:
    """One operand or result of a step: dimension k of `value` is indexed by loop dim `dims[k]`."""

    value: SSAValue
    dims: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Destination:
    """Memory that a tensor is written to: a slice of result number `result` of the kernel."""

    result: int
    layout: Layout
    offset: tuple[tuple[SSAValue | int, Dim], ...] = ()
    """Terms `index * stride`, whose sum is the first element of the slice."""


@dataclass(frozen=True, eq=False)
class Step:
    """One `linalg.generic`, or a `linalg.fill` whose result is stored."""

    op: GenericOp | FillOp
    sizes: tuple[Dim, ...]
    parallel: int
    """Loop dims before the reduced ones; all of them in a map."""
    reads: tuple[Access, ...]
    writes: tuple[Access, ...]

    @property
    def reduces(self) -> bool:
        return self.parallel < len(self.sizes)


@dataclass(eq=False)
class Nest:
    """Steps over one loop space."""

    sizes: tuple[Dim, ...] = ()
    outer: int = -1
    """How many leading dims are parallel in every step; -1 while no step reduces."""
    steps: list[Step] = field(default_factory=list)

    def accepts(self, step: Step) -> bool:
        shorter = min(len(self.sizes), len(step.sizes))
        if not self.steps or self.sizes[:shorter] != step.sizes[:shorter]:
            return not self.steps
        rank = max(len(self.sizes), len(step.sizes))
        outer = self.outer if self.outer >= 0 else (step.parallel if step.reduces else -1)
        if outer < 0:
            return len(self.sizes) == len(step.sizes)
        if step.reduces and step.parallel != outer:
            return False
        # Dims beyond the outer ones are the same in all steps that have any.
        return all(len(s.sizes) in (outer, rank) for s in (*self.steps, step))

    def add(self, step: Step) -> None:
        self.steps.append(step)
        if len(step.sizes) > len(self.sizes):
            self.sizes = step.sizes
        if step.reduces:
            self.outer = step.parallel

    def close(self) -> None:
        if self.outer < 0:
            self.outer = len(self.sizes)


@dataclass(frozen=True)
class NestSchedule:
    """How a nest runs: an entry of `fxlower.schedule` (docs/design.md, section 4)."""

    vector_dim: int
    width: int
    unroll: int
    grain: int
    chunk: int
    tile: int = 0
    """Iterations of another loop, with those of the lanes, that operands transposed against the
    lanes are read in (`fxlower/analysis/transposition.py`); 0 where they are gathered."""
    block: int = 1
    """Points of the outer loops that one parallel iteration runs through, by loops of its own."""
    transpose: int = 0
    """Iterations of that loop that registers transpose at once, straight into the computation; 0
    where a tile goes through the scratchpad."""
    rows: int = 0
    """Points of the last outer loop taken at once, so that lanes of several reductions are combined
    together; 0 for one."""


@dataclass(eq=False)
class Kernel:
    """What the passes need to know of a kernel."""

    function: FuncOp
    layouts: dict[SSAValue, Layout]
    """Of the tensor arguments."""
    results: tuple[Layout, ...]
    result_elements: tuple[Attribute, ...]
    destinations: dict[SSAValue, list[Destination]]
    nests: list[Nest]

    def in_memory(self, nest: Nest) -> list[tuple[Access, tuple[Dim, ...], bool]]:
        """The accesses of `nest` to memory, their strides, and whether they write."""
        made = {id(w.value) for s in nest.steps for w in s.writes}
        found: list[tuple[Access, tuple[Dim, ...], bool]] = []
        for step in nest.steps:
            for access in step.reads:
                layout = self.layouts.get(access.value)
                if layout is not None:
                    found.append((access, layout.strides, False))
                elif id(access.value) not in made and access.value in self.destinations:
                    found.append((access, self.destinations[access.value][0].layout.strides, False))
            for access in step.writes:
                for destination in self.destinations.get(access.value, ()):
                    found.append((access, destination.layout.strides, True))
        return found


# ------------------------------------------------------------------------------- reading


def read_kernel(function: FuncOp) -> Kernel:
    """The nests and destinations of a kernel of kind `loops`.

    Raises:
        PassFailedException: it is not of the form that docs/design.md, section 4 describes.
    """
    block = function.body.block
    layouts: dict[SSAValue, Layout] = {
        argument: _layout(argument.type, function.arg_attrs, i)
        for i, argument in enumerate(block.args)
        if isinstance(argument.type, TensorType)
    }
    function_type: FunctionType = function.function_type
    outputs = tuple(function_type.outputs)
    results = tuple(_layout(t, function.res_attrs, i) for i, t in enumerate(outputs))
    destinations = _destinations(function, results)
    return Kernel(
        function,
        layouts,
        results,
        tuple(t.element_type for t in outputs),  # type: ignore[attr-defined]
        destinations,
        _nests(function, destinations),
    )


def _layout(type_: Attribute, attributes: ArrayAttr[DictionaryAttr] | None, index: int) -> Layout:
    sizes = dims_of(type_)
    if attributes is not None:
        strides = attributes.data[index].data.get("fxt.strides")
        if strides is not None:
            return Layout(sizes, dims_from(strides))
    return Layout(sizes, symbols.contiguous_strides(sizes))


def _destinations(
    function: FuncOp, results: tuple[Layout, ...]
) -> dict[SSAValue, list[Destination]]:
    """The memory of each tensor, from the return backwards through the slices it is joined of."""
    destinations: dict[SSAValue, list[Destination]] = {}
    op = function.body.block.last_op
    if not isinstance(op, ReturnOp):
        raise PassFailedException(f"@{function.sym_name.data}: a kernel must end in func.return")
    for i, value in enumerate(op.operands):
        destinations.setdefault(value, []).append(Destination(i, results[i]))
    while (op := op.prev_op) is not None:
        if isinstance(op, CollapseShapeOp):
            for whole in destinations.get(op.result, ()):
                destinations.setdefault(op.src, []).append(_expanded(op, whole))
        if not isinstance(op, InsertSliceOp):
            continue
        whole = destinations.get(op.result, [])
        if whole:
            destinations.setdefault(op.dest, []).extend(whole)
            destinations.setdefault(op.source, []).extend(_slice(op, d) for d in whole)
    return destinations


def _expanded(op: CollapseShapeOp, merged: Destination) -> Destination:
    """The memory of the operand of `op`: each stride for as many dims as were merged."""
    sizes = dims_of(op.src.type)
    strides = reshape_strides(merged.layout.sizes, merged.layout.strides, sizes)
    assert strides is not None, "dims can always be split"
    return Destination(merged.result, Layout(sizes, strides), merged.offset)


def _slice(op: InsertSliceOp, whole: Destination) -> Destination:
    sizes = dims_of(op.source.type)
    offsets, dynamic = op.static_offsets.get_values(), iter(op.offsets)
    steps = op.static_strides.get_values()
    taken = op.static_sizes.get_values()
    axes = range(len(taken))
    if len(sizes) < len(taken):
        axes = [a for a in axes if taken[a] != 1]
    if len(sizes) != len(axes) or DYNAMIC_INDEX in steps:
        raise PassFailedException(
            f"tensor.insert_slice of {op.source.type} into {op.dest.type}: needs the rank of the "
            "slice, with or without its dims of size 1, and static strides"
        )
    terms = tuple(
        (next(dynamic) if offset == DYNAMIC_INDEX else offset, stride)
        for offset, stride in zip(offsets, whole.layout.strides)
    )
    strides = tuple(symbols.mul(whole.layout.strides[a], steps[a]) for a in axes)
    kept = tuple(t for t in terms if t[0] != 0)
    return Destination(whole.result, Layout(sizes, strides), whole.offset + kept)


def _nests(function: FuncOp, destinations: dict[SSAValue, list[Destination]]) -> list[Nest]:
    nests: list[Nest] = []
    current = Nest()
    replaced = [function.body.block.args[k] for k in inplace_results(function) if k >= 0]
    fills: list[Nest] = []  # first, because slices are written over them

    def close() -> None:
        nonlocal current
        if current.steps:
            current.close()
            nests.append(current)
        current = Nest()

    for op in function.body.block.ops:
        if isinstance(op, GenericOp):
            step = _step(op)
            if not current.accepts(step):
                close()
            current.add(step)
        elif isinstance(op, FillOp):
            if op.results[0] in destinations:
                nest = Nest()
                nest.add(_fill_step(op))
                nest.close()
                fills.append(nest)
        elif isinstance(op, InsertSliceOp):
            close()
            if not (
                isinstance(op.dest.owner, EmptyOp | FillOp | InsertSliceOp) or op.dest in replaced
            ):
                raise PassFailedException(
                    f"tensor.insert_slice into {op.dest.type}: the destination must be "
                    "tensor.empty, linalg.fill, another tensor.insert_slice or the argument in "
                    "whose memory the result is"
                )
    close()
    return fills + nests


def _fill_step(op: FillOp) -> Step:
    value = op.results[0]
    sizes = dims_of(value.type)
    write = Access(value, tuple(range(len(sizes))))
    return Step(op, sizes, len(sizes), (), (write,))


def _step(op: GenericOp) -> Step:
    iterators = [t.data for t in op.iterator_types]
    rank = len(iterators)
    parallel = sum(i == IteratorType.PARALLEL for i in iterators)
    if any(i != IteratorType.PARALLEL for i in iterators[:parallel]):
        raise PassFailedException(
            "linalg.generic: parallel iterators must come before reductions, got "
            f"{[str(i) for i in iterators]}"
        )
    accesses: list[Access] = []
    sizes: list[Dim | None] = [None] * rank
    for value, map_ in zip((*op.inputs, *op.results), op.indexing_maps):
        positions: list[int] = []
        for expression in map_.data.results:
            if not isinstance(expression, AffineDimExpr) or expression.position in positions:
                raise PassFailedException(
                    f"linalg.generic: maps must be projected permutations, got {map_.data}"
                )
            positions.append(expression.position)
        accesses.append(Access(value, tuple(positions)))
        if isinstance(value.type, TensorType):
            for position, size in zip(positions, dims_of(value.type)):
                if sizes[position] is None:
                    sizes[position] = size
    if None in sizes:
        raise PassFailedException(f"linalg.generic: no operand tells the size of loop {sizes}")
    count = len(op.inputs)
    return Step(
        op,
        tuple(sizes),  # type: ignore[arg-type]
        parallel,
        tuple(accesses[:count]),
        tuple(accesses[count:]),
    )


# --------------------------------------------------------------------------- loop structure


@dataclass(frozen=True)
class Loop:
    """Adjacent loop dims traversed as one; `dims[-1]` has the stride of the whole."""

    dims: tuple[int, ...]
    size: Dim


@dataclass(frozen=True)
class Loops:
    """The loops of a nest, outermost first. Dims of size 1 belong to none."""

    outer: tuple[Loop, ...]
    inner: tuple[Loop, ...]

    def with_dim(self, dim: int) -> Loop | None:
        """The loop whose lanes are those of `dim`."""
        return next((g for g in self.outer + self.inner if g.dims[-1] == dim), None)


def loops_of(kernel: Kernel, nest: Nest, vector_dim: int = -1) -> Loops:
    """The loops of `nest` in the order of memory, collapsed where every access allows.

    `vector_dim`, where given, stays the last dim of its loop.
    """
    accesses = [dict(zip(access.dims, strides)) for access, strides, _ in kernel.in_memory(nest)]
    pinned = _indexed_dims(nest)
    reference = _reference(kernel, nest)

    def section(dims: range) -> tuple[Loop, ...]:
        kept = [d for d in dims if nest.sizes[d] != 1]
        kept.sort(key=lambda d: -abs(reference.get(d, 1 << 62)))
        loops: list[Loop] = []
        for dim in kept:
            size = nest.sizes[dim]
            last = loops[-1].dims[-1] if loops else None
            if (
                last is not None
                and last != vector_dim
                and dim not in pinned
                and last not in pinned
                and all(a.get(last, 0) == symbols.mul(a.get(dim, 0), size) for a in accesses)
            ):
                merged = loops.pop()
                loops.append(Loop((*merged.dims, dim), symbols.mul(merged.size, size)))
            else:
                loops.append(Loop((dim,), size))
        return tuple(loops)

    return Loops(section(range(nest.outer)), section(range(nest.outer, len(nest.sizes))))


def shares_lines(kernel: Kernel, nest: Nest, loops: Loops, loop: Loop) -> bool:
    """Whether some access jumps through memory along `loop` and less along another outer one, as
    that of a transposed operand: iterations of the other loop then find its lines in the cache."""
    others = [g.dims[-1] for g in loops.outer if g is not loop]
    for access, strides, _ in kernel.in_memory(nest):
        along = {d: abs(estimate(s)) for d, s in zip(access.dims, strides)}
        jump = along.get(loop.dims[-1], 0)
        if any(0 < along.get(d, 0) < jump for d in others):
            return True
    return False


def _indexed_dims(nest: Nest) -> set[int]:
    """Dims whose index is used as a number; they keep a loop of their own."""
    return {
        op.dim.value.data
        for step in nest.steps
        for region in step.op.regions
        for op in region.walk()
        if isinstance(op, IndexOp)
    }


def _reference(kernel: Kernel, nest: Nest) -> dict[int, int]:
    """Strides by dim of the access that decides the order of the loops: what a map writes, what a
    reduction reads; the one with most dims."""
    wants_write = not any(s.reduces for s in nest.steps)
    best: dict[int, int] = {}
    rank = (-1, False)
    for access, strides, writes in kernel.in_memory(nest):
        found = (len(access.dims), writes == wants_write)
        if found > rank:
            rank = found
            best = {d: estimate(s) for d, s in zip(access.dims, strides)}
    return best
