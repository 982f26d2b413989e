"""Where `tile.mma` finds the panels of an operand: packed in the scratchpad, in place, or given.

A block of the result walks its panels of columns, and for each of them its panels of rows, once for
each step of depth. A source is told of each, and gives what the product reads:

    source.begin_step(at, k, depth)       a step of `depth` from `k` on begins
    source.begin_panel(at, p)             panel p of this step is used from here on
    source.panel(p, lanes)                -> memref<panels x depth x lanes>, panel, depth index

Packed panels may have groups of depth (`fxlower/analysis/panels.py`), and their depth index counts
groups; operands in place have none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import DenseArrayBase, MemRefType, UnitAttr
from xdsl.ir import Attribute, SSAValue

from fxlower.dialects import tile
from fxlower.dialects.build import I32, emit, int_attr
from fxlower.passes.lane_memory import offset_of
from fxlower.passes.loop_builder import Index, LoopBuilder, strides_of

_PACK_SEGMENTS = {"operandSegmentSizes": DenseArrayBase.from_list(I32, [1, 2, 1, 1, 1])}

Panel = tuple[SSAValue, Index, Index]
"""Panels, which of them, and the depth in it where the step begins."""


@dataclass(frozen=True)
class OperandBlock:
    """The lanes of an operand that a block of the result needs: `count` of them from `first` on.

    The operand is (lanes, depth) of `sizes` and `strides` from the element `offset` of `base` on.
    """

    base: SSAValue
    offset: Index
    sizes: tuple[Index, Index]
    strides: tuple[Index, Index]
    first: Index
    count: Index
    width: int
    """Lanes in a panel."""
    name: str


class PanelSource(ABC):
    """The panels of one operand in one block of the result."""

    def __init__(self, block: OperandBlock):
        self.block = block
        self.k: Index = 0
        self.depth: Index = 0

    def begin_step(self, at: LoopBuilder, k: Index, depth: Index) -> None:
        """Before anything of the step from `k` on is read."""
        self.k, self.depth = k, depth

    def begin_panel(self, at: LoopBuilder, index: Index) -> None:
        """Before panel `index` of the step is read, or read again."""
        return  # most sources have nothing to do

    def place(self, at: LoopBuilder, index: Index) -> tuple[Index, Index]:
        """Where panel `index` begins in the operand's memory, and its stride along the depth."""
        block = self.block
        lane = at.add(block.first, at.mul(index, block.width))
        return at.add(block.offset, at.mul(lane, block.strides[0])), block.strides[1]

    @abstractmethod
    def panel(self, at: LoopBuilder, index: Index, lanes: int) -> Panel:
        """Panel `index` of the step, as if it were `lanes` wide (at most a panel's width)."""


class PackedBlock(PanelSource):
    """All panels of the block are packed when a step begins: for an operand whose panels are read
    once for each panel of the other."""

    def __init__(
        self,
        at: LoopBuilder,
        block: OperandBlock,
        panels: SSAValue,
        unsigned: bool = False,
        offset: int = 0,
    ):
        super().__init__(block)
        self.panels = panels
        self.properties: dict[str, Attribute] = dict(_PACK_SEGMENTS)
        if unsigned:
            self.properties["unsigned"] = UnitAttr()
        if offset:
            self.properties["offset"] = int_attr(offset)
        self.matrix = at.view(block.base, block.offset, block.sizes, block.strides, block.name)

    def begin_step(self, at: LoopBuilder, k: Index, depth: Index) -> None:
        super().begin_step(at, k, depth)
        self.pack(at, self.block.first, self.block.count)

    def pack(self, at: LoopBuilder, first: Index, count: Index) -> None:
        indices = (first, self.k, count, self.depth)
        operands = (self.matrix, *map(at.value, indices), self.panels)
        emit(at.block, tile.PackOp, operands, (), self.properties)

    def panel(self, at: LoopBuilder, index: Index, lanes: int) -> Panel:
        return _narrowed(at, self.panels, lanes), index, 0


class PackedPanel(PackedBlock):
    """One panel is packed at a time, and read while it is in the first cache."""

    def begin_step(self, at: LoopBuilder, k: Index, depth: Index) -> None:
        PanelSource.begin_step(self, at, k, depth)

    def begin_panel(self, at: LoopBuilder, index: Index) -> None:
        block = self.block
        first = at.mul(index, block.width)
        left = at.sub(block.count, first)
        count = at.min(left, block.width)
        if isinstance(block.count, int) and block.count % block.width == 0:
            count = block.width
        self.pack(at, at.add(block.first, first), count)

    def panel(self, at: LoopBuilder, index: Index, lanes: int) -> Panel:
        return _narrowed(at, self.panels, lanes), 0, 0


class InPlace(PanelSource):
    """The operand's own memory seen as panels. Whoever reads the last one has to stay inside."""

    def __init__(self, at: LoopBuilder, block: OperandBlock, panels: int):
        super().__init__(block)
        self.panels = panels
        lane = block.strides[0]
        self.first = at.add(block.offset, at.mul(block.first, lane))
        self.pitch = at.mul(block.width, lane)

    def panel(self, at: LoopBuilder, index: Index, lanes: int) -> Panel:
        lane, depth = self.block.strides
        sizes = (self.panels, self.block.sizes[1], lanes)
        view = at.view(
            self.block.base, self.first, sizes, (self.pitch, depth, lane), self.block.name
        )
        return view, index, self.k


class InPanels(PanelSource):
    """The operand lies in memory as panels already, in groups of depth or not, and is no block of
    anything else."""

    def __init__(self, at: LoopBuilder, block: OperandBlock, group: int = 1):
        super().__init__(block)
        type_ = block.base.type
        assert isinstance(type_, MemRefType)
        shape = type_.get_shape()[-3:] if group == 1 else type_.get_shape()[-4:]
        strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
        self.panels = at.view(block.base, block.offset, shape, strides, block.name)
        self.first = at.div(block.first, block.width)
        self.group = group
        self.panel_elements = prod(shape[1:])

    def place(self, at: LoopBuilder, index: Index) -> tuple[Index, Index]:
        start = at.mul(at.add(self.first, index), self.panel_elements)
        return at.add(self.block.offset, start), self.block.width

    def panel(self, at: LoopBuilder, index: Index, lanes: int) -> Panel:
        panels = _narrowed(at, self.panels, lanes)
        return panels, at.add(self.first, index), at.div(self.k, self.group)


def _narrowed(at: LoopBuilder, panels: SSAValue, lanes: int) -> SSAValue:
    """The first lanes of packed panels."""
    type_ = panels.type
    assert isinstance(type_, MemRefType)
    count, depth, width, *group = type_.get_shape()
    if lanes == width:
        return panels
    strides = [s for s in strides_of(type_) if s is not None]
    offset, offsets = offset_of(panels)
    start = offsets[0] if offsets else offset
    return at.view(panels, start, (count, depth, lanes, *group), strides, panels.name_hint)
