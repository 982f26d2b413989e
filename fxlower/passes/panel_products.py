"""Products of panels, and the correction for an offset of the left ones."""

from __future__ import annotations

from functools import cache

from xdsl.dialects.builtin import DenseArrayBase, UnitAttr
from xdsl.ir import Attribute, SSAValue

from fxlower.analysis.panels import PanelFormat
from fxlower.dialects import tile
from fxlower.dialects.build import I32, emit, emit1
from fxlower.passes.loop_builder import Index, LoopBuilder
from fxlower.passes.panel_sources import Panel


@cache
def segments(*sizes: int) -> DenseArrayBase:
    return DenseArrayBase.from_list(I32, sizes)


def multiply(
    at: LoopBuilder,
    left: Panel,
    right: Panel,
    depth: Index,
    acc: SSAValue,
    panels: PanelFormat,
    readable: tuple[SSAValue, ...] = (),
    ahead: tuple[SSAValue, ...] = (),
) -> SSAValue:
    """`acc` and the product of two panels, of which so many lanes of the right one are `readable`
    if that is not all. `ahead` is memory to prefetch (lines, depth), and the depth to begin at."""
    asked = len(ahead) // 2
    sizes = segments(1, 2, 1, 2, 1, 1, len(readable), asked, asked)
    properties: dict[str, Attribute] = {"operandSegmentSizes": sizes}
    if panels.left_unsigned:
        properties["a_unsigned"] = UnitAttr()
    if panels.right_unsigned:
        properties["b_unsigned"] = UnitAttr()
    (a, *of_a), (b, *of_b) = left, right
    panel_operands = (a, *map(at.value, of_a), b, *map(at.value, of_b))
    operands = (*panel_operands, at.value(depth), acc, *readable, *ahead)
    return emit1(at.block, tile.MmaOp, operands, acc.type, properties)


class OffsetSums:
    """What the offset of the left operand's elements adds to a tile: as much in every row.

    `sum (a + offset) * b = sum a * b + sum offset * b`: the last sum is the product of a row of
    offsets.
    """

    def __init__(self, at: LoopBuilder, element: Attribute, columns: int, panels: PanelFormat):
        self.panels = panels
        self.sums = at.scratch(element, (1, columns), "offset_sums")
        self.acc_type = tile.acc_type(1, columns, element)
        self.row = at.scratch(panels.left, (1, 1, 1, panels.group), "offset_row")
        # As signless bytes are printed: 128 is -128.
        bits = panels.step_bytes // panels.group * 8
        half = 1 << (bits - 1)
        number = at.constant((panels.left_offset + half) % (2 * half) - half, panels.left)
        for j in range(panels.group):
            at.store(number, self.row, (0, 0, 0, j))

    def sum(self, at: LoopBuilder, right: Panel, depth: Index) -> None:
        """Sum the right operand's panel, of so many elements in depth."""
        group = self.panels.group
        row = at.view(self.row, 0, (1, at.ceil_div(depth, group), 1, group), (0, 0, 0, 1))
        zeros = emit1(at.block, tile.ZeroOp, (), self.acc_type)
        sums = multiply(at, (row, 0, 0), right, depth, zeros, self.panels)
        place = (at.constant(0), at.constant(0))
        properties = {"operandSegmentSizes": segments(1, 1, 2, 0)}
        emit(at.block, tile.StoreOp, (sums, self.sums, *place), (), properties)

    def subtract(self, at: LoopBuilder, acc: SSAValue) -> SSAValue:
        operands = (acc, self.sums, at.constant(0), at.constant(0))
        return emit1(at.block, tile.SubtractRowOp, operands, acc.type)
