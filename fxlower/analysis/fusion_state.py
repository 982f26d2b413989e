"""What the sweep of `fxlower/analysis/fusion.py` knows: which group computes a value, at which
loops, and where in memory it is or would be."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from fxlower.analysis.fusion_axes import (
    renames_only,
    reshape_axes,
)
from fxlower.analysis.fusion_costs import (
    CHEAP,
    FusionCosts,
    Recipe,
)
from fxlower.analysis.fusion_units import (
    Member,
    Unit,
    UnitGraph,
)
from fxlower.analysis.layout import (
    Strides,
    declared_strides,
    view_strides,
)
from fxlower.analysis.loop_dims import Axes, LoopDims, flatten, new_axes, refine, regroup
from fxlower.analysis.loop_space import estimate
from fxlower.analysis.result_layouts import ResultLayouts
from fxlower.analysis.symbols import contiguous_strides
from fxlower.analysis.traffic import element_bytes
from fxlower.dialects import fxt
from fxlower.dialects.build import dims_of


class FusionState:
    """The groups so far, and the values that they compute, read and put into memory."""

    def __init__(self, function: FuncOp, costs: FusionCosts):
        self.function = function
        self.costs = costs
        self.block = function.body.block
        self.graph = UnitGraph()
        self.unit_of: dict[SSAValue, Unit] = {}
        self.base: dict[SSAValue, SSAValue] = {}
        """Of members, generators and views of them: the member or generator."""
        self.roots: dict[SSAValue, SSAValue] = {}
        self.strides: dict[SSAValue, Strides] = {}
        self.recipes: dict[SSAValue, Recipe] = {}
        self.reductions: dict[tuple[SSAValue, tuple[int, ...]], Unit] = {}
        self.read: set[SSAValue] = set()
        self.last_host_call: Unit | None = None
        for i, argument in enumerate(self.block.args):
            if isinstance(argument.type, TensorType):
                self.roots[argument] = argument
                self.strides[argument] = declared_strides(argument.type, function.arg_attrs, i)
        self.results = ResultLayouts(function, self.strides)
        self.demanded = self.results.demands()

    # ----------------------------------------------------------------------------- members

    def _new_unit(self, space: LoopDims) -> Unit:
        unit = self.graph.new()
        unit.space = space
        return unit

    def _new_group(
        self, op: Operation, result: SSAValue, axes: Axes, operands: Sequence[SSAValue]
    ) -> None:
        unit = self._new_unit(flatten(axes))
        for operand in operands:
            self._read(unit, operand)
        self._add(unit, op, axes, axes)

    def _add(self, unit: Unit, op: Operation, axes: Axes, domain: Axes) -> None:
        result = op.results[0]
        unit.members[result] = Member(op, axes, domain)
        self.unit_of[result] = unit
        self.base[result] = result

    def _group_of(self, value: SSAValue) -> Unit | None:
        """The group that computes `value` or what it is a view of."""
        base = self.base.get(value)
        if base is None:
            return None
        return self._unit(base)

    def _unit(self, value: SSAValue) -> Unit | None:
        unit = self.unit_of.get(value)
        while unit is not None and unit.absorbed is not None:
            unit = unit.absorbed
        return unit

    def _supplier(self, value: SSAValue) -> Unit | None:
        """The unit that `value` would be read from."""
        base = self.base.get(value)
        return self._unit(self.roots[value] if base is None else base)

    def _axes(self, value: SSAValue) -> Axes | None:
        """The axes of `value`, a member of a group or a view of one; None where the view cannot
        be expressed in loop dims."""
        base = self.base.get(value)
        if base is None:
            return None  # was copied, and can only be read from memory
        unit = self._group_of(base)
        axes = None if unit is None else unit.members[base].axes
        for op in views_between(value, base):  # a loop: chains of views may be long
            if axes is None:
                return None
            axes = self._axes_of_view(op, axes, unit)
        return axes

    def _axes_of_view(self, op: Operation, axes: Axes, unit: Unit | None) -> Axes | None:
        match op:
            case fxt.PermuteOp():
                return tuple(axes[a] for a in op.axes)
            case fxt.BroadcastOp():
                out: list[LoopDims | None] = [None] * len(dims_of(op.result.type))
                for axis, dims in zip(op.axes, axes):
                    out[axis] = dims
                return tuple(out)
            case fxt.ReshapeOp():
                old, new = dims_of(op.input.type), dims_of(op.result.type)
                if unit.is_product and None not in axes:  # type: ignore[union-attr]
                    return regroup(flatten(axes), new)  # rows and columns stay one loop each
                return reshape_axes(axes, old, new)
            case _:
                return None

    # ------------------------------------------------------------------------------ memory

    def _strides_of_result(self, value: SSAValue) -> Strides:
        return self.demanded.get(value) or contiguous_strides(dims_of(value.type))

    def in_memory(self, value: SSAValue) -> Unit | None:
        """Have `value` in memory; the unit that puts it there, None for arguments."""
        if value not in self.roots:
            self._materialize(value)
        self.read.add(self.roots[value])
        return self._unit(self.roots[value])

    def _materialize(self, value: SSAValue) -> None:
        if value is self.base[value]:
            unit = self._unit(value)
            if unit is None:  # a generator, which nobody needed in memory so far
                axes = new_axes(dims_of(value.type))
                unit = self._new_unit(flatten(axes))
                self._add(unit, value.owner, axes, axes)  # type: ignore[arg-type]
            unit.results[value] = None
            self.roots[value] = value
            self.strides[value] = self._strides_of_result(value)
            return
        op = value.owner
        assert isinstance(op, Operation)
        source = op.operands[0]
        strides = view_strides(op, self._strides_if_in_memory(source))
        if strides is not None:
            self.in_memory(source)
            self.roots[value] = self.roots[source]
            self.strides[value] = strides
            return
        unit = self._group_of(value)
        axes = self._axes(value) if unit is not None else None
        if unit is not None and axes is not None and None not in axes and unit.covers(axes):
            self._add(unit, op, axes, axes)
        else:
            self.in_memory(source)
            self._copy_reshaped(op, source)
        self.in_memory(value)

    def _strides_if_in_memory(self, value: SSAValue) -> Strides:
        views: list[Operation] = []
        while value not in self.strides and value is not self.base[value]:
            assert isinstance(value.owner, Operation)
            views.append(value.owner)
            value = value.owner.operands[0]
        strides = self.strides.get(value) or self._strides_of_result(value)
        for op in reversed(views):
            strides = view_strides(op, strides) or contiguous_strides(dims_of(op.results[0].type))
        return strides

    def _recipe(self, value: SSAValue) -> Recipe | None:
        """How to compute `value` again where it is used, if that is better than to read it."""
        base = self.base.get(value)
        if base is None or value in self.roots:
            return None
        recipe = self.recipes.get(base)
        return recipe if recipe is not None and renames_only(value, base) else None

    def _read(self, unit: Unit, value: SSAValue) -> None:
        """`unit` uses `value`, which is not of the unit."""
        recipe = self._recipe(value)
        if recipe is None:
            self._depend(unit, self.in_memory(value))
            return
        self._clone(unit, self.base[value])
        for source in recipe.sources:
            self._depend(unit, self.in_memory(source))

    def _clone(self, unit: Unit, base: SSAValue) -> None:
        """`unit` computes `base` again, and what of its operands has no memory for it."""
        if base in unit.clones:
            return
        unit.clones.add(base)
        assert isinstance(base.owner, Operation)
        for operand in base.owner._operands:
            inner = self.base.get(operand)
            if inner is not None and inner in self.recipes:
                self._clone(unit, inner)

    def _depend(self, unit: Unit, earlier: Unit | None) -> None:
        if earlier is not None:
            self.graph.add_edge(earlier, unit)

    def _would_follow(self, unit: Unit, value: SSAValue) -> bool:
        """Whether reading `value` would make `unit` follow itself."""
        recipe = self._recipe(value)
        if recipe is not None:
            return any(self._would_follow(unit, s) for s in recipe.sources)
        supplier = self._supplier(value)
        return supplier is not None and (supplier is unit or self.graph.follows(supplier, unit))

    # ---------------------------------------------------------------------------- recipes

    def _note_recipe(self, op: Operation, result: SSAValue) -> None:
        if type(op) not in CHEAP:
            return
        count = 1
        sources: dict[SSAValue, None] = {}
        for operand in op._operands:
            base = self.base.get(operand)
            if base is None or self._is_narrower(op, base):
                sources[operand] = None
                continue
            recipe = self.recipes.get(base)
            if recipe is None or not renames_only(operand, base) or self._is_epilogue(base):
                return
            count += recipe.operations
            sources.update(dict.fromkeys(recipe.sources))
        count_of, own = self._elements, element_bytes(result.type)
        read = sum(count_of(v, self.strides.get(v)) * element_bytes(v.type) for v in sources)
        share = read / max(count_of(result, None), 1)
        recipe = Recipe(count, tuple(sources), share, own, uses=sum(1 for _ in result.uses))
        if self.costs.is_cheap(recipe):
            self.recipes[result] = recipe

    def _is_epilogue(self, base: SSAValue) -> bool:
        unit = self._unit(base)
        return unit is not None and unit.is_product

    def _is_narrower(self, op: Operation, base: SSAValue) -> bool:
        """Whether `op` only widens something of a product's group: who needs that reads the narrow
        one, so that the product does not write twice as many bytes."""
        if not isinstance(op, fxt.CastOp) or not self._is_epilogue(base):
            return False
        return element_bytes(base.type) < element_bytes(op.results[0].type)

    def _elements(self, value: SSAValue, strides: Strides | None) -> int:
        """Elements in memory; those of dims with stride 0 are there once."""
        sizes = dims_of(value.type)
        once = [s == 0 for s in strides] if strides is not None else [False] * len(sizes)
        return prod(1 if o else estimate(n) for o, n in zip(once, sizes))

    # ----------------------------------------------------------------------------- copies

    def _copy_reshaped(self, op: Operation, source: SSAValue) -> None:
        """A group for a reshape that is no view. Its loops are the dims of the operand; members
        see the dims of the result where those are products of the operand's."""
        result = op.results[0]
        loops = new_axes(dims_of(source.type))
        unit = self._new_unit(flatten(loops))
        self._read(unit, source)
        axes = refine(flatten(loops), dims_of(result.type))
        if axes is not None:
            self._add(unit, op, axes, loops)
            return
        # No loop dims tell the result's: it can only be read from memory.
        unit.members[result] = Member(op, loops, loops)
        unit.results[result] = None
        self.unit_of[result] = unit
        self.base.pop(result, None)
        self.roots[result] = result
        self.strides[result] = contiguous_strides(dims_of(result.type))


def views_between(value: SSAValue, base: SSAValue) -> list[Operation]:
    """The views that make `value` of `base`, in order."""
    found: list[Operation] = []
    while value is not base:
        assert isinstance(value.owner, Operation)
        found.append(value.owner)
        value = value.owner.operands[0]
    return found[::-1]
