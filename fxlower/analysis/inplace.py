"""Whether a kernel may write a result to the memory of one of its arguments.

A kernel runs each point of its loops once, in any order. It may therefore overwrite what it reads
only at the point that it writes: there all that it needs of the old element is in registers by then
(`fxlower/passes/point_emitter.py` sees to it). Nests run one after the other, and so do the phases
of a row, which is one task; what a later one reads must not be overwritten. Nests that share a
parallel loop do not run one after the other: those that read what another one overwrites share none
(`NestEmitter.may_share`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, IntegerAttr, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.linalg.ops import FillOp, GenericOp, YieldOp
from xdsl.dialects.tensor import CollapseShapeOp, EmptyOp, ExtractOp, InsertSliceOp
from xdsl.ir import Operation, SSAValue

from fxlower.analysis.layout import canonical
from fxlower.analysis.loop_space import Access, Kernel, Nest, Step, read_kernel
from fxlower.analysis.phases import plan_phases
from fxlower.analysis.symbols import add, mul, sub
from fxlower.dialects import arith, fxt
from fxlower.dialects.build import Dim


def traps(function: FuncOp) -> bool:
    """Whether the kernel may find an error in its operands."""
    return any(
        isinstance(op, fxt.NormalizeIndexOp | fxt.NonzeroDivisorOp) for op in function.walk()
    )


def kind_of(function: FuncOp) -> str:
    kind = function.attributes.get("fxlower.kernel")
    return kind.data if isinstance(kind, StringAttr) else ""


def returned_value(function: FuncOp, result: int) -> SSAValue:
    last = function.body.block.last_op
    assert isinstance(last, ReturnOp)
    return last.operands[result]


def may_overwrite(function: FuncOp, result: int, argument: int) -> bool:
    """Whether `result` of a kernel may be written to the memory of `argument`, which has the same
    sizes and strides, as far as the kernel itself is concerned."""
    old = function.body.block.args[argument]
    if kind_of(function) == "scatter":
        scatter = returned_value(function, result).owner
        return isinstance(scatter, fxt.ScatterOp) and scatter.dest is old and old.has_one_use()
    return kind_of(function) == "loops" and _may_overwrite_in_loops(function, result, old)


def _may_overwrite_in_loops(function: FuncOp, result: int, old: SSAValue) -> bool:
    kernel = read_kernel(function)
    value = returned_value(function, result)
    nest = next((n for n in kernel.nests if _writer(n, value) is not None), None)
    if nest is None or isinstance(value.owner, InsertSliceOp):
        return False
    step = _writer(nest, value)
    assert step is not None
    write = next(w for w in step.writes if w.value is value)
    before = True
    for other in kernel.nests:
        if other is nest:
            before = False
            if not _reads_only_where_it_writes(kernel, nest, old, step, write):
                return False
        elif any(r.value is value for s in other.steps for r in s.reads):
            return False  # a load of what was there before may be taken for one of the result
        elif not before and any(reads(s, old) for s in other.steps):
            return False
    layout, memory = kernel.results[result], kernel.layouts[old]
    return layout.sizes == memory.sizes and (
        canonical(layout.sizes, layout.strides) == canonical(memory.sizes, memory.strides)
    )


def _writer(nest: Nest, value: SSAValue) -> Step | None:
    return next((s for s in nest.steps for w in s.writes if w.value is value), None)


def reads(step: Step, value: SSAValue) -> bool:
    """Whether `step` reads elements of `value`, at its point or elsewhere."""
    return any(r.value is value for r in step.reads) or _extracts(step, value)


def _extracts(step: Step, value: SSAValue) -> bool:
    return isinstance(step.op, GenericOp) and any(
        isinstance(op, ExtractOp) and op.tensor is value for op in step.op.body.block.ops
    )


def _reads_only_where_it_writes(
    kernel: Kernel, nest: Nest, old: SSAValue, writer: Step, write: Access
) -> bool:
    phases = plan_phases(kernel, nest, ("rows",), 0)  # no buffers: a map is computed in any phase
    for step in nest.steps:
        if _extracts(step, old):
            return False
        for read in step.reads:
            if read.value is not old:
                continue
            if read.dims != write.dims:
                return False
            # What is written once for a row is written before the rows of its phase are run.
            last, written = max(phases.emitted[step]), phases.phase[writer]
            late = step in phases.in_rows and writer not in phases.in_rows
            if last > written or (last == written and late):
                return False
    return True


# ------------------------------------------------------------------------------ joined pieces


@dataclass(frozen=True)
class Piece:
    """A slice of a result, which a nest of the kernel makes."""

    source: SSAValue
    """With a dim for each loop of that nest."""
    offsets: tuple[Dim, ...]
    """In the kernel's symbols, as `sizes` is."""
    sizes: tuple[Dim, ...]
    copied: int
    """The argument that the slice is a plain copy of; -1 where it is none."""


def pieces_of(function: FuncOp, result: int) -> list[Piece]:
    """The slices that `result` is joined of, if none is written over another; none where it is made
    otherwise."""
    value = returned_value(function, result)
    names = symbol_names(function)
    arguments: list[SSAValue] = list(function.body.block.args)
    found: list[Piece] = []
    while isinstance(insert := value.owner, InsertSliceOp):
        source = insert.source
        if isinstance(source.owner, CollapseShapeOp):
            source = source.owner.src
        offsets = _dims(insert.static_offsets, insert.offsets, names)
        sizes = _dims(insert.static_sizes, insert.sizes, names)
        steps = insert.static_strides.get_values()
        made = isinstance(source.owner, GenericOp | FillOp)
        if offsets is None or sizes is None or not made or any(s != 1 for s in steps):
            return []
        copied = _copied(source)
        at = arguments.index(copied) if copied in arguments else -1  # type: ignore[arg-type]
        found.append(Piece(source, offsets, sizes, at))
        value = insert.dest
    found.reverse()
    return found if isinstance(value.owner, EmptyOp) and _are_disjoint(found) else []


def symbol_names(function: FuncOp) -> dict[SSAValue, str]:
    """The symbol that each index argument is."""
    names: dict[SSAValue, str] = {}
    if function.arg_attrs is not None:
        for argument, attributes in zip(function.body.block.args, function.arg_attrs.data):
            name = attributes.data.get("fxt.symbol")
            if isinstance(name, StringAttr):
                names[argument] = name.data
    return names


def _copied(value: SSAValue) -> SSAValue | None:
    """What `value` is a plain copy of."""
    op = value.owner
    if not isinstance(op, GenericOp) or len(op.inputs) != 1 or len(op.results) != 1:
        return None
    yielded = op.body.block.last_op
    source, target = (m.data for m in op.indexing_maps)
    same = isinstance(yielded, YieldOp) and yielded.operands[0] is op.body.block.args[0]
    same = same and op.inputs[0].type == value.type
    return op.inputs[0] if same and source == target else None


def _dims(
    static: DenseArrayBase[Any], dynamic: Iterable[SSAValue], names: Mapping[SSAValue, str]
) -> tuple[Dim, ...] | None:
    values = iter(dynamic)
    dims = [_dim(next(values), names) if d == DYNAMIC_INDEX else d for d in static.get_values()]
    return None if None in dims else tuple(dims)  # type: ignore[arg-type]


_TEXT = {arith.AddiOp: add, arith.MuliOp: mul, arith.SubiOp: sub}


def _dim(value: SSAValue, names: Mapping[SSAValue, str]) -> Dim | None:
    """The size that arithmetic on symbols computes; None where it is beyond sums and products."""
    if value in names:
        return names[value]
    op = value.owner
    if isinstance(op, arith.ConstantOp) and isinstance(op.value, IntegerAttr):
        return op.value.value.data
    if not isinstance(op, Operation) or type(op) not in _TEXT:
        return None
    left, right = (_dim(v, names) for v in op.operands)
    return None if left is None or right is None else _TEXT[type(op)](left, right)


def _are_disjoint(pieces: Sequence[Piece]) -> bool:
    """Whether of any two slices one lies behind the other along some axis, as far as sizes tell or
    slices between them, each of which begins where the one before ends."""
    count = len(pieces)
    apart = [0] * count
    for axis in range(len(pieces[0].offsets) if pieces else 0):
        starts = [p.offsets[axis] for p in pieces]
        ends = [add(p.offsets[axis], p.sizes[axis]) for p in pieces]
        behind = [sum(1 << j for j, s in enumerate(starts) if _at_most(end, s)) for end in ends]
        for i in range(count):
            behind = [b | behind[i] if b >> i & 1 else b for b in behind]
        apart = [a | b for a, b in zip(apart, behind)]
        for i, b in enumerate(behind):
            apart = [a | (b >> j & 1) << i for j, a in enumerate(apart)]
    return all(a | 1 << i == (1 << count) - 1 for i, a in enumerate(apart))


def _at_most(first: Dim, second: Dim) -> bool:
    if isinstance(first, int) and isinstance(second, int):
        return first <= second
    return first == second
