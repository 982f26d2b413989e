"""Which operations of `@main` become one kernel.

One sweep over the operations, producers first. An operation joins the group of an operand when it
fits that group's loop space: its result exists at every point of the space, or, after a reduction,
at every point of the outer dims. It brings the groups of its other operands along where those fit
as well; what does not fit is read from memory. A group never needs what needs the group.

A joined tensor (`fxt.concat`, `fxt.pad`) is a unit that needs the groups which make its pieces. At
the end these become nests of its kernel, unless something has to run between them and the join.

Views of values in memory are free and belong to no unit; views of values inside a group only
rename loop dims. Generators (`fxt.full`, `fxt.iota`, ...) and cheap recipes are computed again
wherever they are used.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, BlockArgument, Operation, OpResult, SSAValue

from fxlower.analysis.fusion_axes import (
    combine,
    made_in_scatter,
    runs_backwards,
    sweep_order,
    widened_source,
)
from fxlower.analysis.fusion_costs import (
    MAX_MEMBERS,
    FusionCosts,
    Recipe,
    is_column_reduction,
)
from fxlower.analysis.fusion_joins import JOINS, is_part_of_join, pieces_of
from fxlower.analysis.fusion_state import FusionState
from fxlower.analysis.fusion_units import (
    Join,
    Partition,
    Piece,
    Unit,
    try_merge,
)
from fxlower.analysis.layout import (
    Strides,
    canonical,
    result_strides,
    view_strides,
)
from fxlower.analysis.loop_dims import (
    Axes,
    LoopDim,
    LoopDims,
    flatten,
    new_axes,
    refine,
    resolve,
)
from fxlower.analysis.symbols import contiguous_strides
from fxlower.dialects import fxt
from fxlower.dialects.build import dims_attr, dims_of, emit1, tensor_type
from fxlower.dialects.fxt.view import axes_attr

GENERATORS = (fxt.FullOp, fxt.DenseOp, fxt.IotaOp, fxt.SizeOp)
_POINTWISE = {*fxt.ELEMENTWISE, fxt.NormalizeIndexOp, fxt.GatherOp}
_FREE_IN_GROUPS = (fxt.PermuteOp, fxt.BroadcastOp, fxt.ReshapeOp)


def partition(function: FuncOp, costs: FusionCosts) -> Partition:
    """Divide `function` (`@main` at stage `tensor`) into units.

    Appends `fxt.reshape` operations without effect to it where a result must be copied.
    """
    positions = {op: i for i, op in enumerate(function.body.block.ops)}
    sweep = _Sweep(function, costs)
    for op in sweep_order(function):
        sweep.visit(op)
    outputs = sweep.outputs()
    sweep.join()

    def position(unit: Unit) -> int:
        # Copies for results were appended: they come with what they are copies of.
        found = [positions[op] for op in unit.operations() if op in positions]
        return max(found, default=len(positions))

    # The user's order keeps values no longer than the user's program does.
    units = [u for u in sweep.graph.in_order(position) if u.op is not None or u.results]
    return Partition(
        units, sweep.strides, sweep.roots, sweep.base, sweep.read, outputs, sweep.graph
    )


class _Sweep(FusionState):
    """Visits the operations in turn and decides which group each joins."""

    # --------------------------------------------------------------------- results of @main

    def outputs(self) -> list[SSAValue]:
        """What `@main` returns, in memory with the strides required."""
        out: list[SSAValue] = []
        for i, (value, wanted) in enumerate(zip(self.results.operands, self.results.required)):
            value = self._written_once(value, wanted)
            self.in_memory(value)
            same = self.strides[value] == wanted
            # A view of an argument that is written into an argument may overlap it.
            of_input = isinstance(self.roots[value], BlockArgument)
            if not same or (self.results.mutated_argument(i) is not None and of_input):
                value = self._copy(value, wanted)
            out.append(value)
        return out

    def _written_once(self, value: SSAValue, wanted: Strides) -> SSAValue:
        """`value`, or where it shall have strides of 0 that no view of it has, a broadcast of its
        first slice along these dims: no kernel may write an element more than once."""
        sizes = dims_of(value.type)
        repeated = [i for i, (n, s) in enumerate(zip(sizes, wanted)) if s == 0 and n != 1]
        if not repeated or self._strides_if_in_memory(value) == wanted:
            return value
        first = tuple(1 if i in repeated else n for i, n in enumerate(sizes))
        type_ = tensor_type(value.type.element_type, first)  # type: ignore[attr-defined]
        if isinstance(value.owner, fxt.FullOp | fxt.IotaOp) and value not in self.roots:
            once = self._last(type(value.owner), (), type_, **value.owner.properties)
        else:
            starts = dims_attr((0,) * len(sizes))
            steps = axes_attr([1] * len(sizes))
            once = self._last(fxt.SliceOp, (value,), type_, starts=starts, steps=steps)
        self.in_memory(once)
        strides = canonical(first, wanted)
        if self.strides[once] != strides:
            if any(isinstance(sizes[i], str) for i in repeated):
                return value  # which may be empty, and has no first slice to copy then
            once = self._copy(once, strides)
        kept = [i for i in range(len(sizes)) if i not in repeated]
        type_ = tensor_type(value.type.element_type, tuple(sizes[i] for i in kept))  # type: ignore[attr-defined]
        once = self._last(fxt.ReshapeOp, (once,), type_)
        return self._last(fxt.BroadcastOp, (once,), value.type, mapping=axes_attr(kept))

    def _last(
        self,
        kind: type[Operation],
        operands: tuple[SSAValue, ...],
        type_: Attribute,
        **properties: Attribute,
    ) -> OpResult:
        """The result of a new operation at the end."""
        made = emit1(self.block, kind, operands, type_, properties)
        made.op.detach()
        self.block.insert_op_before(made.op, self.results.terminator)
        self.visit(made.op)
        return made

    def _copy(self, value: SSAValue, strides: Strides | None) -> SSAValue:
        """A copy of `value` with the given strides, or row-major."""
        copied = self._copy_before(self.results.terminator, value)
        if strides is not None:
            self.demanded[copied] = strides
        self._new_group(copied.op, copied, new_axes(dims_of(value.type)), [value])
        self.in_memory(copied)
        return copied

    # ---------------------------------------------------------------------------- dispatch

    def visit(self, op: Operation) -> None:
        kind = type(op)
        if kind in _POINTWISE:
            self._visit_pointwise(op)
        elif kind in fxt.VIEWS:
            self._visit_view(op)
        elif kind in GENERATORS:
            self.base[op.results[0]] = op.results[0]
            self.recipes[op.results[0]] = Recipe(0)
        elif kind in fxt.REDUCTIONS:
            self._visit_reduction(op)  # type: ignore[arg-type]
        elif kind is fxt.MatmulOp:
            self._visit_product(op)  # type: ignore[arg-type]
        elif kind in JOINS:
            if not is_part_of_join(op):
                self._visit_join(op)
        else:
            self._visit_opaque(op)

    def _visit_opaque(self, op: Operation) -> None:
        """An operation with a kernel of its own, or a call of the host."""
        unit = self.graph.new(op)
        for i, operand in enumerate(op.operands):
            if isinstance(op, fxt.ScatterOp) and made_in_scatter(operand):
                continue
            if isinstance(operand.type, TensorType):
                supplier = self.in_memory(operand)
                if isinstance(op, fxt.AtenOp) and runs_backwards(operand, self.roots):
                    op.operands[i] = operand = self._copy(operand, None)
                    supplier = self.in_memory(operand)
                self._depend(unit, supplier)
        if isinstance(op, fxt.AtenOp):
            if self.last_host_call is not None:
                self._depend(unit, self.last_host_call)
            self.last_host_call = unit
        for i, result in enumerate(op.results):
            self.unit_of[result] = unit
            self.roots[result] = result
            self.strides[result] = (
                result_strides(op, i)
                if isinstance(op, fxt.AtenOp)
                else self._strides_of_result(result)
            )

    def _visit_product(self, op: fxt.MatmulOp) -> None:
        """A group around a product: maps of its result may join, its operands are in memory, in a
        narrower type where they are cast from one."""
        loops = new_axes(dims_of(op.result.type))
        depth = (LoopDim(dims_of(op.lhs.type)[-1]),)
        unit = self._new_unit((*flatten(loops), *depth))
        unit.inner, unit.is_product = depth, True
        rank = len(loops)
        for operand, axis in ((op.lhs, rank - 1), (op.rhs, rank - 2)):
            source = widened_source(operand, axis)
            if source is None or source not in self.roots or operand in self.roots:
                self._depend(unit, self.in_memory(operand))
                continue
            unit.clones.add(self.base[operand])
            self._depend(unit, self.in_memory(source))
        self._add(unit, op, loops, loops)

    # ------------------------------------------------------------------------------- joins

    def _visit_join(self, op: Operation) -> None:
        """A unit for a tensor that is written in pieces, each a result of some group."""
        result = op.results[0]
        unit = self.graph.new(op)
        pieces: list[Piece] = []
        for value, offsets in pieces_of(op):
            if isinstance(value.owner, fxt.FullOp):
                self.visit(value.owner)  # may be padding, made just now
            member = self._piece(op, value)
            self._depend(unit, self._unit(member))
            pieces.append(Piece(member, offsets))
        unit.joins.append(Join(result, tuple(pieces)))
        self.unit_of[result] = unit
        self.roots[result] = result
        self.strides[result] = self._strides_of_result(result)

    def _piece(self, op: Operation, value: SSAValue) -> SSAValue:
        """`value` as a result of a group; where it is none, a copy in the group that it is a view
        of, or in one of its own."""
        base = self.base.get(value)
        if value is not base or isinstance(value.owner, GENERATORS):
            unit, found = self._group_of(value), self._axes(value)
            axes: Axes | None = None
            if unit is not None and found is not None:
                axes = self._bind(unit, list(found), dims_of(value.type))
            value = self._copy_before(op, value)
            if unit is not None and axes is not None and unit.covers(axes):
                self._add(unit, value.owner, axes, axes)  # type: ignore[arg-type]
            else:
                self._new_group(
                    value.owner,  # type: ignore[arg-type]
                    value,
                    new_axes(dims_of(value.type)),
                    [value.owner.operands[0]],  # type: ignore[union-attr]
                )
        unit = self._unit(value)
        assert unit is not None
        unit.results[value] = None
        return value

    def join(self) -> None:
        """Have the groups of pieces write them where they belong: they become nests of the kernel
        of the join. What cannot is read from memory by a nest that copies."""
        for unit in list(self.graph.units):
            if unit.joins and unit.absorbed is None:
                made = unit.joins[0]
                pieces = [Piece(self._joined(unit, p.value), p.offsets) for p in made.pieces]
                at = next(i for i, j in enumerate(unit.joins) if j is made)
                unit.joins[at] = Join(made.value, tuple(pieces))

    def _joined(self, unit: Unit, value: SSAValue) -> SSAValue:
        """`value`, or a copy of it, made in a nest of `unit`."""
        self.roots.setdefault(value, value)
        self.strides.setdefault(value, self._strides_of_result(value))
        producer = self._unit(value)
        assert producer is not None
        if producer is unit:
            return value
        members = sum(len(n.members) for n in (*unit.nests, *(producer.nests or [producer])))
        if members <= MAX_MEMBERS and self.graph.join(unit, producer):
            return value
        assert unit.op is not None
        copied = self._copy_before(unit.op, value)
        self._new_group(copied.owner, copied, new_axes(dims_of(value.type)), [value])  # type: ignore[arg-type]
        copy = self._unit(copied)
        assert copy is not None
        copy.results[copied] = None
        self.roots[copied] = copied
        self.strides[copied] = contiguous_strides(dims_of(copied.type))
        self._depend(unit, copy)
        joined = self.graph.join(unit, copy)
        assert joined
        return copied

    def _copy_before(self, op: Operation, value: SSAValue) -> OpResult:
        copied = emit1(self.block, fxt.ReshapeOp, (value,), value.type)
        copied.op.detach()
        self.block.insert_op_before(copied.op, op)
        return copied

    def _visit_view(self, op: Operation) -> None:
        source, result = op.operands[0], op.results[0]
        base = self.base.get(source)
        if base is not None:
            if isinstance(op, _FREE_IN_GROUPS):
                self.base[result] = base
                return
            self.in_memory(source)
        strides = view_strides(op, self.strides[source])
        if strides is not None:
            self.roots[result] = self.roots[source]
            self.strides[result] = strides
            return
        self._copy_reshaped(op, source)

    # -------------------------------------------------------------------------- pointwise

    def _visit_pointwise(self, op: Operation) -> None:
        result = op.results[0]
        operands: list[SSAValue] = list(op._operands)
        if isinstance(op, fxt.GatherOp):
            source, *operands = operands
            self.in_memory(source)
            sources = [source]
        else:
            sources = []
            self._note_recipe(op, result)
        groups: dict[int, Unit] = {}
        for operand in operands:
            unit = self._group_of(operand)
            if unit is not None:
                groups[unit.index] = unit
        for index in sorted(groups, reverse=True):
            unit = groups[index]
            if unit.absorbed is None and self._try_join(op, unit, operands, sources):
                return
        self._new_group(op, result, new_axes(dims_of(result.type)), [*operands, *sources])

    def _try_join(
        self, op: Operation, unit: Unit, operands: Sequence[SSAValue], sources: Sequence[SSAValue]
    ) -> bool:
        """Make `op` a member of `unit`, with the groups of its other operands where they fit."""
        if len(unit.members) >= MAX_MEMBERS:
            return False
        axes: list[LoopDims | None] = [None] * len(dims_of(op.results[0].type))
        others: list[SSAValue] = []
        for operand in operands:
            if self._group_of(operand) is not unit:
                others.append(operand)
                continue
            if not combine(axes, self._axes(operand)):
                return False
        if any(self._would_follow(unit, v) for v in (*others, *sources)):
            return False
        at = self._bind(unit, axes, dims_of(op.results[0].type))
        if at is None or (level := unit.covers(at)) is None:
            return False
        if level == "full" and (
            unit.is_product or not self.costs.may_run_in_rows(unit.outer, unit.inner)
        ):
            return False
        self._bring_along(unit, at, others, sources)
        for value in others:
            if self._group_of(value) is not unit:
                self._read(unit, value)
        for value in sources:
            self._read(unit, value)
        self._add(unit, op, at, at)
        return True

    def _bring_along(
        self, unit: Unit, at: Axes, others: Sequence[SSAValue], sources: Sequence[SSAValue]
    ) -> None:
        """Merge the groups of `others` into `unit` where all that is read of them fits."""
        suppliers = [(v, self._supplier(v)) for v in (*others, *sources)]
        for _, other in suppliers:
            while other is not None and other.absorbed is not None:
                other = other.absorbed
            if other is None or other is unit or other.op is not None:
                continue
            if len(unit.members) + len(other.members) > MAX_MEMBERS:
                continue
            axes: list[LoopDims | None] = [None] * len(at)
            fits = True
            for value, supplier in suppliers:
                while supplier is not None and supplier.absorbed is not None:
                    supplier = supplier.absorbed
                if supplier is other:
                    found = self._axes(value) if value in self.base else None
                    fits = fits and value not in sources and combine(axes, found)
                elif supplier is not None and supplier is not unit:
                    fits = fits and not self.graph.follows(supplier, other)
            if fits:
                try_merge(self.graph, unit, at, other, tuple(axes))

    def _bind(
        self, unit: Unit, axes: list[LoopDims | None], sizes: Sequence
    ) -> tuple[LoopDims, ...] | None:
        """Loop dims for the axes along which every operand of the group repeats: a row's result
        goes back over the row."""
        free = [i for i, axis in enumerate(axes) if axis is None]
        if free:
            if all(sizes[i] == 1 for i in free):
                found: Axes | None = ((),) * len(free)
            elif unit.inner and not unit.is_product and unit.covers(tuple(axes)) == "outer":
                found = refine(unit.inner, [sizes[i] for i in free])
            else:
                found = None
            if found is None:
                return None
            for i, axis in zip(free, found):
                axes[i] = axis
        return tuple(resolve(a) for a in axes)  # type: ignore[arg-type]

    # --------------------------------------------------------------------------- reductions

    def _visit_reduction(self, op: fxt.ReductionOp) -> None:
        operand = op.input
        unit = self._group_of(operand)
        if unit is not None and self._try_reduce(op, unit, self._axes(operand)):
            return
        key = (operand, op.axes)
        unit = self.reductions.get(key)
        if unit is not None and unit.absorbed is None and not self._would_follow(unit, operand):
            loops = next(m.domain for m in unit.members.values() if m.op.operands[0] is operand)
        else:
            loops = new_axes(dims_of(operand.type))
            unit = self._new_unit(flatten(loops))
            self._read(unit, operand)
            unit.inner = tuple(d for a in op.axes for d in loops[a])
            self.reductions[key] = unit
        axes = tuple(a for i, a in enumerate(loops) if i not in op.axes)
        self._add(unit, op, axes, loops)

    def _try_reduce(self, op: fxt.ReductionOp, unit: Unit, domain: Axes | None) -> bool:
        if domain is None or None in domain or len(unit.members) >= MAX_MEMBERS:
            return False
        if unit.is_product:
            return False
        kept = tuple(a for i, a in enumerate(domain) if i not in op.axes)
        reduced = flatten(tuple(domain[i] for i in op.axes))
        if reduced:
            if unit.covers(domain) != "full":
                return False
            if unit.inner:
                if set(map(id, resolve(unit.inner))) != set(map(id, reduced)):
                    return False
            else:
                outer = flatten(kept)
                if is_column_reduction(op) and not self.costs.may_reduce_columns(outer):
                    return False
                if unit.results and not self.costs.may_run_in_rows(outer, reduced):
                    return False
                unit.inner = reduced
        self._add(unit, op, kept, domain)
        return True
