"""`pack-weights`: have products read operands that never change from panels, moved there once.

Before:

    func.func @main(%x: tensor<128x768xf32>, %w: tensor<3072x768xf32> {fxt.constant}) -> ... {
      %y = fxt.call @matmul_1a2b(%x, %w) : (tensor<128x768xf32>, tensor<3072x768xf32>) -> ...
    }

After:

    func.func @main(%x: tensor<128x768xf32>, %w: tensor<3072x768xf32> {fxt.constant}) -> ... {
      %p = fxt.call @pack_3c4d(%w) {fxt.constant} : (tensor<3072x768xf32>) -> tensor<96x768x32xf32>
      %y = fxt.call @matmul_5e6f(%x, %p) : (tensor<128x768xf32>, tensor<96x768x32xf32>) -> ...
    }
    func.func private @pack_3c4d(%w: tensor<3072x768xf32>) -> tensor<96x768x32xf32>
        attributes {fxlower.kernel = "pack"} {
      %p = tile.to_panels %w, 0, 1 : tensor<3072x768xf32> -> tensor<96x768x32xf32>
      func.return %p : tensor<96x768x32xf32>
    }
    func.func private @matmul_5e6f(%0: tensor<128x768xf32>, %1: tensor<96x768x32xf32>) -> ... {
      %w = tile.from_panels %1, 0, 1 : tensor<96x768x32xf32> -> tensor<3072x768xf32>
      ...

The host makes a call with `fxt.constant` again only when its operand has changed. An argument is
marked `fxt.constant` by who knows that it seldom does: a parameter, where no gradients are wanted.
Panels lie in memory beside the parameter. Where very many rows use each of them, the product packs
them itself, in each call, and they are gone after it.

Needs functions as `form-kernels`, `update-in-place` and `hoist-constants` leave them. A single row
reads the weights once, wherever they are, and is left alone; so is a product that a library will
compute.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    ModuleOp,
    SymbolRefAttr,
    TensorType,
    UnitAttr,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Attribute, Block, BlockArgument, Region, SSAValue
from xdsl.passes import ModulePass

from fxlower.analysis.constants import (
    CONSTANT,
    constant_values,
    is_static_argument,
    is_static_view,
    root_of,
)
from fxlower.analysis.contraction import Contraction, map_axes, read_contraction
from fxlower.analysis.contraction_schedule import orient
from fxlower.analysis.kernel_program import digest_of
from fxlower.analysis.library_products import library_call
from fxlower.analysis.panels import PanelFormat, panel_format
from fxlower.analysis.tile_schedule import tile_of
from fxlower.dialects import tile
from fxlower.dialects.build import (
    ELEMENT_BITS,
    dims_of,
    emit,
    emit1,
    int_attr,
    is_float,
    string_attr,
    tensor_type,
)
from fxlower.dialects.fxt.call import CallOp
from fxlower.dialects.tile_panels import panel_dims
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

LEAST_ELEMENTS = 1 << 12
"""Smaller operands are packed in no time, and need no memory for it."""

MOST_USES = 1024
"""So many rows make up for packing a panel again: 1 to 3 % of the time of their products, measured
for depths of 768 and 3072 with operands of 768 and 3072 columns."""


@dataclass(frozen=True)
class Move:
    """An operand of a product that may lie in panels: argument of the kernel, the dims of it across
    the lanes and along the depth, and the type of the panels."""

    argument: int
    lane: int
    depth: int
    panels: TensorType[Attribute]

    @property
    def properties(self) -> dict[str, Attribute]:
        return {"lane": int_attr(self.lane), "depth": int_attr(self.depth)}


class _Packer:
    def __init__(self, module: ModuleOp, target: TargetSpec):
        self.module = module
        self.target = target
        self.functions = {f.sym_name.data: f for f in module.ops if isinstance(f, FuncOp)}
        self.moves: dict[str, list[Move]] = {}
        self.made: dict[str, FuncOp] = {}

    def function(self, function: FuncOp) -> None:
        """Rewrite the calls of products in `function`, the host's plan."""
        constants = constant_values(function)
        if not constants:
            return
        packed: dict[tuple[SSAValue, str], SSAValue] = {}
        for call in list(function.body.block.ops):
            if not isinstance(call, CallOp):
                continue
            kernel = self.functions[call.callee.string_value()]
            if kernel.attributes.get("fxlower.kernel") != string_attr("contraction"):
                continue
            moves = [
                m
                for m in self._moves(kernel)
                if root_of(call.operands[m.argument]) in constants
                and is_static_view(call.operands[m.argument])
            ]
            if moves:
                self._rewrite(call, kernel, moves, packed)

    def _moves(self, kernel: FuncOp) -> list[Move]:
        name = kernel.sym_name.data
        if name not in self.moves:
            self.moves[name] = _possible_moves(kernel, self.target)
        return self.moves[name]

    def _rewrite(
        self,
        call: CallOp,
        kernel: FuncOp,
        moves: list[Move],
        packed: dict[tuple[SSAValue, str], SSAValue],
    ) -> None:
        block = call.parent
        assert block is not None
        operands = list(call.operands)
        for move in moves:
            weight = operands[move.argument]
            pack = self._pack_kernel(kernel, move)
            key = (weight, pack.sym_name.data)
            if key not in packed:
                properties = {"callee": SymbolRefAttr(pack.sym_name.data)}
                made = CallOp.create(
                    operands=(weight,),
                    result_types=(move.panels,),
                    properties=properties,
                    attributes={CONSTANT: UnitAttr()},
                )
                block.insert_op_before(made, call)
                made.results[0].name_hint = weight.name_hint
                packed[key] = made.results[0]
            operands[move.argument] = packed[key]
        callee = self._in_panels(kernel, moves)
        made = CallOp.create(
            operands=operands,
            result_types=[r.type for r in call.results],
            properties={**call.properties, "callee": SymbolRefAttr(callee.sym_name.data)},
            attributes=call.attributes,
        )
        block.insert_op_before(made, call)
        for old, new in zip(call.results, made.results):
            new.name_hint = old.name_hint
            old.replace_all_uses_with(new)
        call.detach()
        call.erase()

    def _once(self, name: str, function: FuncOp) -> FuncOp:
        self.made[name] = function
        self.module.body.block.add_op(function)
        return function

    def _pack_kernel(self, kernel: FuncOp, move: Move) -> FuncOp:
        type_ = kernel.function_type.inputs.data[move.argument]
        attributes = _argument_attributes(kernel)[move.argument]
        name = f"pack_{digest_of((str(type_), str(attributes), str(move)))}"
        if name in self.made:
            return self.made[name]
        block = Block(arg_types=(type_,))
        made = emit1(block, tile.ToPanelsOp, block.args, move.panels, move.properties)
        emit(block, ReturnOp, (made,))
        properties: dict[str, Attribute] = {
            "sym_name": string_attr(name),
            "sym_visibility": string_attr("private"),
            "function_type": FunctionType.from_lists((type_,), (move.panels,)),
        }
        if attributes.data:
            properties["arg_attrs"] = ArrayAttr([attributes])
        shape = "x".join(map(str, dims_of(type_)))
        described: dict[str, Attribute] = {
            "fxlower.kernel": string_attr("pack"),
            "fxlower.ops": string_attr("pack"),
            "fxlower.shape": string_attr(shape),
        }
        regions = [Region(block)]
        return self._once(
            name, FuncOp.create(properties=properties, attributes=described, regions=regions)
        )

    def _in_panels(self, kernel: FuncOp, moves: list[Move]) -> FuncOp:
        """The kernel with the operands of `moves` in panels."""
        old = kernel.sym_name.data
        stem, _, digest = old.rpartition("_")
        name = f"{stem}_{digest_of((digest, str(moves)))}"
        if name in self.made:
            return self.made[name]
        made = kernel.clone()
        block = made.body.block
        first = block.first_op
        assert first is not None
        attributes = list(_argument_attributes(kernel))
        for move in moves:
            whole = block.args[move.argument]
            panels = block.insert_arg(move.panels, move.argument)
            panels.name_hint = whole.name_hint
            op = tile.FromPanelsOp.create(
                operands=(panels,), result_types=(whole.type,), properties=move.properties
            )
            block.insert_op_before(op, first)
            whole.replace_all_uses_with(op.result)
            block.erase_arg(whole)
            attributes[move.argument] = DictionaryAttr({})
        made.properties["sym_name"] = string_attr(name)
        made.properties["function_type"] = FunctionType.from_lists(
            [a.type for a in block.args], made.function_type.outputs.data
        )
        made.properties.pop("arg_attrs", None)
        if any(d.data for d in attributes):
            made.properties["arg_attrs"] = ArrayAttr(attributes)
        return self._once(name, made)


def _possible_moves(kernel: FuncOp, target: TargetSpec) -> list[Move]:
    """The operands of a product for which panels would pay, if they were moved there once."""
    if library_call(kernel, target.library) is not None:
        return []
    contraction = orient(read_contraction(kernel), True)
    if not contraction.is_float_product or contraction.rows == 1 or contraction.columns == 1:
        return []
    panels = panel_format(contraction, target)
    assert panels is not None, "floats have panels on every target"
    mr, nr = tile_of(contraction, target)
    found: list[Move] = []
    for is_left, lanes, uses in ((False, nr, contraction.rows), (True, mr, contraction.columns)):
        if isinstance(uses, int) and uses >= MOST_USES and panels.group == 1:
            continue
        move = _move(kernel, contraction, panels, is_left, lanes)
        if move is not None:
            found.append(move)
    return found


def _move(
    kernel: FuncOp, contraction: Contraction, panels: PanelFormat, is_left: bool, lanes: int
) -> Move | None:
    factor = contraction.left if is_left else contraction.right
    argument = factor.argument
    if not isinstance(argument, BlockArgument) or factor.panels or not _used_once(argument):
        return None
    if not is_static_argument(kernel, argument.index):
        return None
    sizes = dims_of(argument.type)
    if prod(sizes) < LEAST_ELEMENTS:  # type: ignore[type-var]
        return None
    operand = contraction.left_operand if is_left else 1 - contraction.left_operand
    axes = map_axes(contraction.generic.indexing_maps.data[operand].data)
    lane_axis = contraction.row_axis if is_left else contraction.column_axis
    depth_axis = len(contraction.generic.iterator_types) - 1
    if lane_axis not in axes or depth_axis not in axes:
        return None
    lane, depth = axes.index(lane_axis), axes.index(depth_axis)
    dims = panel_dims(sizes, lane, depth, lanes, panels.group)
    element = panels.left if is_left else panels.right
    if ELEMENT_BITS[element] > 2 * ELEMENT_BITS[factor.element] or not is_float(factor.element):
        return None  # is kept short to save memory
    return Move(argument.index, lane, depth, tensor_type(element, dims))


def _used_once(argument: SSAValue) -> bool:
    """Whether the product is all that reads the argument."""
    uses = list(argument.uses)
    return len(uses) == 1 and isinstance(uses[0].operation, GenericOp)


def _argument_attributes(function: FuncOp) -> list[DictionaryAttr]:
    if function.arg_attrs is None:
        return [DictionaryAttr({})] * len(function.function_type.inputs)
    return list(function.arg_attrs.data)


@dataclass(frozen=True)
class PackWeightsPass(ModulePass):
    """Have products read operands that never change from panels."""

    name = "pack-weights"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        packer = _Packer(op, target_of(op))
        called: set[str] = set()
        for function in list(op.body.block.ops):
            if isinstance(function, FuncOp) and "fxlower.kernel" not in function.attributes:
                packer.function(function)
                called |= {
                    c.callee.string_value() for c in function.walk() if isinstance(c, CallOp)
                }
        if not packer.made:
            return
        for name, function in packer.functions.items():
            if "fxlower.kernel" in function.attributes and name not in called:
                function.detach()
                function.erase()
