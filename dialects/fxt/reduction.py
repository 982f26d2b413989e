"""Reductions and scans of `fxt`: operations along axes of one tensor."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from xdsl.dialects.builtin import I64 as I64Type
from xdsl.dialects.builtin import IntegerAttr, TensorType
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

from fxlower.dialects.build import I64, int_attr, is_float, tensor_type
from fxlower.dialects.fxt.base import dims, element, expect, expect_axes, expect_dims
from fxlower.dialects.fxt.view import axes_attr, axes_of


class ReductionOp(IRDLOperation, ABC):
    """Base of the reductions: the result has the operand's dims without those of `axes`. The
    element type does not change; accumulate low precision in f32 by casting first."""

    axes_ = prop_def(prop_name="axes")
    input = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$input `,` $axes attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, axes: Sequence[int]):
        kept = tuple(d for i, d in enumerate(dims(input)) if i not in axes)
        super().__init__(
            operands=[input],
            result_types=[tensor_type(element(input), kept)],
            properties={"axes": axes_attr(sorted(axes))},
        )

    @property
    def axes(self) -> tuple[int, ...]:
        return axes_of(self.axes_)

    def verify_(self) -> None:
        shape = dims(self.input)
        expect_axes(self.axes, len(shape), "axes")
        expect(list(self.axes) == sorted(self.axes), f"axes must ascend, got {list(self.axes)}")
        expect_dims(self.result, tuple(d for i, d in enumerate(shape) if i not in self.axes))
        expect(
            element(self.input) == element(self.result),
            f"element types must agree, got {self.input.type} and {self.result.type}",
        )


@irdl_op_definition
class SumOp(ReductionOp):
    """Sum over axes; 0 of none.

    %r = fxt.sum %a, array<i64: 1> : (tensor<4x8xf32>) -> tensor<4xf32>
    """

    name = "fxt.sum"


@irdl_op_definition
class ProdOp(ReductionOp):
    """Product over axes; 1 of none."""

    name = "fxt.prod"


@irdl_op_definition
class AmaxOp(ReductionOp):
    """Largest element over axes; NaN if any is. Of bools: any."""

    name = "fxt.amax"


@irdl_op_definition
class AminOp(ReductionOp):
    """Smallest element over axes; NaN if any is. Of bools: all."""

    name = "fxt.amin"


REDUCTIONS = (SumOp, ProdOp, AmaxOp, AminOp)


class ScanOp(IRDLOperation, ABC):
    """Base of the scans along `axis`: element k of the result combines operands 0..k."""

    axis = prop_def(IntegerAttr[I64Type])
    input = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$input `,` $axis attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, axis: int, result: Attribute | None = None):
        super().__init__(
            operands=[input],
            result_types=[input.type if result is None else result],
            properties={"axis": int_attr(axis)},
        )

    def verify_(self) -> None:
        expect_axes((self.axis.value.data,), len(dims(self.input)), "axis")
        self.verify_result()

    def verify_result(self) -> None:
        expect(
            self.input.type == self.result.type,
            f"operand and result must have one type, got {self.input.type} and {self.result.type}",
        )


@irdl_op_definition
class CumsumOp(ScanOp):
    """Running sum.

    %r = fxt.cumsum %a, 1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
    """

    name = "fxt.cumsum"


@irdl_op_definition
class CumprodOp(ScanOp):
    """Running product."""

    name = "fxt.cumprod"


@irdl_op_definition
class CumlogaddexpOp(ScanOp):
    """Running logarithm of the sum of exponentials, of floats."""

    name = "fxt.cumlogaddexp"

    def verify_(self) -> None:
        super().verify_()
        expect(is_float(element(self.input)), f"operand must be of floats, got {self.input.type}")


class PositionScanOp(ScanOp):
    """Base of the scans that tell where along `axis` something was last found. In kernels, where
    integers are signless, the attribute `fxlower.unsigned` says that they compare as unsigned."""

    def __init__(self, input: SSAValue, axis: int):
        super().__init__(input, axis, tensor_type(I64, dims(input)))

    def verify_result(self) -> None:
        expect_dims(self.result, dims(self.input))
        expect(element(self.result) == I64, f"result must be of i64, got {self.result.type}")


@irdl_op_definition
class CumargmaxOp(PositionScanOp):
    """Position of the largest element so far, of the last one where several are; NaN is larger.

    %r = fxt.cumargmax %a, 1 : (tensor<4x8xf32>) -> tensor<4x8xi64>
    """

    name = "fxt.cumargmax"


@irdl_op_definition
class CumargminOp(PositionScanOp):
    """Position of the smallest element so far, of the last one where several are; NaN is less."""

    name = "fxt.cumargmin"


SCANS = (CumsumOp, CumprodOp, CumlogaddexpOp, CumargmaxOp, CumargminOp)
