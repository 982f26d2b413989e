"""Operations of `fxt` that order the elements along an axis."""

from __future__ import annotations

from xdsl.dialects.builtin import I64 as I64Type
from xdsl.dialects.builtin import IntegerAttr, StringAttr, TensorType
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from fxlower.dialects.build import I64, Dim, int_attr, string_attr, tensor_type
from fxlower.dialects.fxt.base import dims, element, expect, expect_axes, expect_dims

ORDERS = ("ascending", "descending")


@irdl_op_definition
class ArgsortOp(IRDLOperation):
    """Where the first elements in order along `axis` are: as many as the result has there.

    Equal elements stay in the order of their positions. NaN is larger than all numbers, and -0
    equals 0. In kernels, where integers are signless, the attribute `fxlower.unsigned` says that
    they compare as unsigned, and there may be `scratch` memory of i64 to work in.

    %r = fxt.argsort "descending", %a, 1 : (tensor<4x8xf32>) -> tensor<4x3xi64>
    """

    name = "fxt.argsort"

    order = prop_def(StringAttr)
    axis = prop_def(IntegerAttr[I64Type])
    input = operand_def(TensorType)
    scratch = opt_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = (
        "$order `,` $input `,` $axis (`,` $scratch^)? attr-dict `:` functional-type(operands, "
        "results)"
    )

    def __init__(
        self,
        order: str,
        input: SSAValue,
        axis: int,
        count: Dim | None = None,
        scratch: SSAValue | None = None,
    ):
        shape = dims(input)
        size = shape[axis] if count is None else count
        super().__init__(
            operands=[input, scratch],
            result_types=[tensor_type(I64, (*shape[:axis], size, *shape[axis + 1 :]))],
            properties={"order": string_attr(order), "axis": int_attr(axis)},
        )

    def verify_(self) -> None:
        shape, axis = dims(self.input), self.axis.value.data
        order = self.order.data
        expect(order in ORDERS, f"order must be one of {', '.join(ORDERS)}, got {order!r}")
        expect_axes((axis,), len(shape), "axis")
        expect(len(dims(self.result)) == len(shape), "operand and result must have one rank")
        count = dims(self.result)[axis]
        expect_dims(self.result, (*shape[:axis], count, *shape[axis + 1 :]))
        expect(element(self.result) == I64, f"result must be of i64, got {self.result.type}")
        if isinstance(count, int) and isinstance(shape[axis], int):
            expect(
                count <= shape[axis],
                f"{shape[axis]} elements along axis {axis} have no first {count}",
            )
        if self.scratch is not None:
            expect(
                element(self.scratch) == I64 and len(dims(self.scratch)) == 2,
                f"scratch must be a matrix of i64, got {self.scratch.type}",
            )


SORTS = (ArgsortOp,)
