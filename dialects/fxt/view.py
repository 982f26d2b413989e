"""Views: operations that rename elements and move none.

A view of a value in memory is another (offset, sizes, strides) of the same buffer, and costs
nothing. `fxlower.analysis.layout` states which reshapes of which strides have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects.build import I64, Dim, dim_attr, dims_attr, dims_from, tensor_type
from fxlower.dialects.fxt.base import dims, element, expect, expect_axes, expect_dims


def axes_attr(axes: Sequence[int]) -> DenseArrayBase:
    """`array<i64: ...>`."""
    return _axes_attr(tuple(axes))


@cache
def _axes_attr(axes: tuple[int, ...]) -> DenseArrayBase:
    return DenseArrayBase.from_list(I64, axes)


@cache
def axes_of(attr: Attribute) -> tuple[int, ...]:
    """The numbers of an `array<i64: ...>`."""
    if not isinstance(attr, DenseArrayBase):
        raise VerifyException(f"axes must be an array<i64: ...>, got {attr}")
    return cast(tuple[int, ...], attr.get_values())


class ViewOp(IRDLOperation):
    """Base of the views: one tensor in, one out, same element type."""

    input = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def verify_(self) -> None:
        expect(
            element(self.input) == element(self.result),
            f"element types must agree, got {self.input.type} and {self.result.type}",
        )


@irdl_op_definition
class ReshapeOp(ViewOp):
    """The same elements in row-major order under other dims.

    %r = fxt.reshape %a : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
    """

    name = "fxt.reshape"

    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, result_dims: tuple[Dim, ...]):
        super().__init__(operands=[input], result_types=[tensor_type(element(input), result_dims)])

    def verify_(self) -> None:
        super().verify_()
        sizes = [dims(self.input), dims(self.result)]
        if all(isinstance(d, int) for s in sizes for d in s):
            counts = [_product(s) for s in sizes]
            expect(
                counts[0] == counts[1],
                f"element counts must agree, got {counts[0]} in {list(sizes[0])} "
                f"and {counts[1]} in {list(sizes[1])}",
            )


def _product(sizes: Sequence[Dim]) -> int:
    count = 1
    for size in sizes:
        assert isinstance(size, int)
        count *= size
    return count


@irdl_op_definition
class PermuteOp(ViewOp):
    """Dimension i of the result is dimension `permutation[i]` of the operand.

    %r = fxt.permute %a, array<i64: 1, 0> : (tensor<2x3xf32>) -> tensor<3x2xf32>
    """

    name = "fxt.permute"

    permutation = prop_def()

    assembly_format = "$input `,` $permutation attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, permutation: Sequence[int]):
        shape = dims(input)
        super().__init__(
            operands=[input],
            result_types=[tensor_type(element(input), tuple(shape[p] for p in permutation))],
            properties={"permutation": axes_attr(permutation)},
        )

    @property
    def axes(self) -> tuple[int, ...]:
        return axes_of(self.permutation)

    def verify_(self) -> None:
        super().verify_()
        shape = dims(self.input)
        expect_axes(self.axes, len(shape), "permutation")
        expect(len(self.axes) == len(shape), f"permutation must name all {len(shape)} axes")
        expect_dims(self.result, tuple(shape[p] for p in self.axes))


@irdl_op_definition
class BroadcastOp(ViewOp):
    """Dimension i of the operand becomes dimension `axes[i]` of the result; the result repeats
    along all others. Dims are equal, never 1 against n: drop size-1 dims by `fxt.reshape` first.

    %r = fxt.broadcast %a, array<i64: 1> : (tensor<8xf32>) -> tensor<4x8xf32>
    """

    name = "fxt.broadcast"

    mapping = prop_def()

    assembly_format = "$input `,` $mapping attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, axes: Sequence[int], result_dims: tuple[Dim, ...]):
        super().__init__(
            operands=[input],
            result_types=[tensor_type(element(input), result_dims)],
            properties={"mapping": axes_attr(axes)},
        )

    @property
    def axes(self) -> tuple[int, ...]:
        return axes_of(self.mapping)

    def verify_(self) -> None:
        super().verify_()
        shape, result = dims(self.input), dims(self.result)
        expect_axes(self.axes, len(result), "axes")
        expect(list(self.axes) == sorted(self.axes), f"axes must ascend, got {list(self.axes)}")
        expect(
            tuple(result[a] for a in self.axes) == shape,
            f"operand dims {list(shape)} must equal the result dims at axes {list(self.axes)}, "
            f"got {list(result)}",
        )


@irdl_op_definition
class SliceOp(ViewOp):
    """Elements `starts[i] + k * steps[i]`, k below the result's dim i. Steps may be negative
    (a reversal); every element named must exist.

    %r = fxt.slice %a, [0, 4], array<i64: 1, 1> : (tensor<2x8xf32>) -> tensor<2x4xf32>
    """

    name = "fxt.slice"

    starts = prop_def(ArrayAttr[Attribute])
    steps = prop_def()

    assembly_format = (
        "$input `,` $starts `,` $steps attr-dict `:` functional-type(operands, results)"
    )

    def __init__(
        self,
        input: SSAValue,
        starts: tuple[Dim, ...],
        steps: Sequence[int],
        result_dims: tuple[Dim, ...],
    ):
        super().__init__(
            operands=[input],
            result_types=[tensor_type(element(input), result_dims)],
            properties={"starts": dims_attr(starts), "steps": axes_attr(steps)},
        )

    def verify_(self) -> None:
        super().verify_()
        shape, result = dims(self.input), dims(self.result)
        starts = dims_from(self.starts)
        steps: tuple[int, ...] = axes_of(self.steps)
        expect(
            len(shape) == len(result) == len(starts) == len(steps),
            f"operand, result, starts and steps must have one rank, got {len(shape)}, "
            f"{len(result)}, {len(starts)} and {len(steps)}",
        )
        for axis, (size, count, start, step) in enumerate(zip(shape, result, starts, steps)):
            if isinstance(size, str) or isinstance(count, str) or isinstance(start, str):
                continue
            last = start + (count - 1) * step
            expect(
                count == 0 or (0 <= start < size and 0 <= last < size),
                f"elements {start}..{last} of axis {axis} must lie in [0, {size})",
            )


@irdl_op_definition
class AsStridedOp(ViewOp):
    """A view of the operand's storage by sizes, strides and offset in elements, as
    `torch.as_strided`; the operand must be an input or a result in memory, counted from its
    first element. The view must stay inside the storage: the importer checks it.

    %r = fxt.as_strided %a, 2, [3, 1] : (tensor<12xf32>) -> tensor<2x3xf32>
    """

    name = "fxt.as_strided"

    strides = prop_def(ArrayAttr[Attribute])
    offset = prop_def()

    assembly_format = (
        "$input `,` $offset `,` $strides attr-dict `:` functional-type(operands, results)"
    )

    def __init__(
        self,
        input: SSAValue,
        result_dims: tuple[Dim, ...],
        strides: tuple[Dim, ...],
        offset: Dim,
    ):
        super().__init__(
            operands=[input],
            result_types=[tensor_type(element(input), result_dims)],
            properties={"strides": dims_attr(strides), "offset": dim_attr(offset)},
        )

    def verify_(self) -> None:
        super().verify_()
        rank = len(dims(self.result))
        expect(
            len(self.strides) == rank,
            f"strides must have the result's rank {rank}, got {len(self.strides)}",
        )


VIEWS = (ReshapeOp, PermuteOp, BroadcastOp, SliceOp, AsStridedOp)
