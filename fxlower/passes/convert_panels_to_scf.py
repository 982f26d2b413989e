"""`convert-panels-to-scf`: turn kernels that move a matrix to panels into loops.

Before:

    func.func private @pack_1a2b(%w: tensor<768x3072xf32>) -> tensor<24x3072x32xf32>
        attributes {fxlower.kernel = "pack"} {
      %p = tile.to_panels %w, 0, 1 : tensor<768x3072xf32> -> tensor<24x3072x32xf32>
      func.return %p : tensor<24x3072x32xf32>
    }

After:

    func.func private @pack_1a2b(%w: memref<768x3072xf32>, %out: memref<24x3072x32xf32>) {
      "scf.parallel"(%c0, %c24, %c1) ({
      ^bb0(%panel: index):
        %matrix = memref.reinterpret_cast %w ...            // lanes, depth
        %one = memref.reinterpret_cast %out ...             // a panel: memref<1x3072x32xf32>
        tile.pack %matrix[%first, %c0] bounds %lanes, %c3072 into %one
      }) {fxlower.grain = 1 : i64}

Needs kernels of kind `pack` (docs/design.md, section 4). Leaves no op on tensors in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, MemRefType, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import tile
from fxlower.dialects.build import I32, emit
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.loop_builder import Index, LoopBuilder

_SEGMENTS = {"operandSegmentSizes": DenseArrayBase.from_list(I32, [1, 2, 1, 1, 1])}

GRAIN_ELEMENTS = 1 << 16
"""Elements that are worth another thread."""


def convert_kernel(kernel: FuncOp) -> None:
    """Replace one kernel by its loops."""
    found = [op for op in kernel.body.block.ops if isinstance(op, tile.ToPanelsOp)]
    if len(found) != 1:
        raise PassFailedException(
            f"convert-panels-to-scf: '{kernel.sym_name.data}' must hold one tile.to_panels, "
            f"got {len(found)}"
        )
    (op,) = found
    function = DestinationFunction(kernel)
    source, result = function.arguments[op.source], function.results[0]
    type_ = result.base.type
    assert isinstance(type_, MemRefType)
    shape = type_.get_shape()
    lane, depth = op.lane.value.data, op.depth.value.data
    rest = [axis for axis in range(len(source.sizes)) if axis not in (lane, depth)]
    count, *panel = shape[len(rest) :]
    lanes = panel[1]
    at = function.builder
    space: list[Index] = [source.size(axis) for axis in rest]

    def one(inner: LoopBuilder, index: SSAValue) -> None:
        *batch, number = inner.split(index, [*space, count])
        offset: Index = 0
        for axis, i in zip(rest, batch):
            offset = inner.add(offset, inner.mul(i, source.stride(axis)))
        sizes = (source.size(lane), source.size(depth))
        strides = (source.stride(lane), source.stride(depth))
        matrix = inner.view(source.base, offset, sizes, strides, "matrix")
        steps = [prod(panel[i + 1 :]) for i in range(len(panel))]
        into = inner.view(
            result.base,
            inner.mul(index, prod(panel)),
            (1, *panel),
            (prod(panel), *steps),
            "panel",
        )
        first = inner.mul(number, lanes)
        left = inner.sub(sizes[0], first)
        whole = isinstance(sizes[0], int) and sizes[0] % lanes == 0
        bound = lanes if whole else inner.min(left, lanes)
        operands = (matrix, *map(inner.value, (first, 0, bound, sizes[1])), into)
        emit(inner.block, tile.PackOp, operands, (), _SEGMENTS)

    total: Index = count
    for size in space:
        total = at.mul(total, size)
    at.parallel(total, one, max(1, GRAIN_ELEMENTS // prod(panel)), "panel")
    function.finish()


@dataclass(frozen=True)
class ConvertPanelsToScfPass(ModulePass):
    """Turn kernels that move a matrix to panels into loops."""

    name = "convert-panels-to-scf"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in kernels_of_kind(op, "pack"):
            convert_kernel(kernel)
