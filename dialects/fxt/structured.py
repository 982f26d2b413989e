"""Operations of `fxt` with a loop structure of their own: generators, indexing, joining, products,
and the opaque call of an ATen operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    I64 as I64Type,
)
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import Pure

from fxlower.dialects.build import (
    BF16,
    F16,
    F32,
    I8,
    I16,
    I32,
    I64,
    UI8,
    UI16,
    Dim,
    dim_attr,
    dim_of,
    dims_attr,
    dims_from,
    int_attr,
    tensor_type,
)
from fxlower.dialects.fxt.base import dims, element, expect, expect_axes, expect_dims
from fxlower.dialects.fxt.reduction import REDUCTIONS, SCANS
from fxlower.dialects.fxt.sorting import SORTS
from fxlower.dialects.fxt.view import axes_attr, axes_of

# --------------------------------------------------------------------------- generators


def expect_number(value: Attribute, tensor: SSAValue) -> None:
    """`value` must be a number of the element type of `tensor`."""
    expect(
        isinstance(value, FloatAttr | IntegerAttr) and value.type == element(tensor),
        f"value must be a number of type {element(tensor)}, got {value}",
    )


@irdl_op_definition
class FullOp(IRDLOperation):
    """Every element is `value`, a float or integer attribute of the element type (bool: i1).

    %r = fxt.full 1.000000e+00 : f32 : tensor<4xf32>
    """

    name = "fxt.full"

    value = prop_def()
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$value attr-dict `:` type($result)"

    def __init__(self, value: Attribute, result_type: Attribute):
        super().__init__(result_types=[result_type], properties={"value": value})

    def verify_(self) -> None:
        dims(self.result)
        expect_number(self.value, self.result)


@irdl_op_definition
class DenseOp(IRDLOperation):
    """A small constant tensor, in row-major order.

    %r = fxt.dense dense<[1, 2]> : tensor<2xi64> : tensor<2xi64>
    """

    name = "fxt.dense"

    value = prop_def()
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$value attr-dict `:` type($result)"

    def __init__(self, value: DenseIntOrFPElementsAttr):
        super().__init__(result_types=[value.type], properties={"value": value})

    def verify_(self) -> None:
        expect(
            isinstance(self.value, DenseIntOrFPElementsAttr)
            and self.value.type == self.result.type,
            f"value must be a dense constant of type {self.result.type}, got {self.value}",
        )


@irdl_op_definition
class IotaOp(IRDLOperation):
    """The index along `axis`: 0, 1, 2, ... The result is of i64.

    %r = fxt.iota 1 : tensor<2x8xi64>
    """

    name = "fxt.iota"

    axis = prop_def(IntegerAttr[I64Type])
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$axis attr-dict `:` type($result)"

    def __init__(self, axis: int, result_dims: tuple[Dim, ...]):
        super().__init__(
            result_types=[tensor_type(I64, result_dims)], properties={"axis": int_attr(axis)}
        )

    def verify_(self) -> None:
        expect_axes((self.axis.value.data,), len(dims(self.result)), "axis")
        expect(element(self.result) == I64, f"result must be of i64, got {self.result.type}")


@irdl_op_definition
class SizeOp(IRDLOperation):
    """A symbolic size as a number: a 0-d tensor of i64.

    %r = fxt.size ["s0*2"] : tensor<i64>
    """

    name = "fxt.size"

    size = prop_def()
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "`[` $size `]` attr-dict `:` type($result)"

    def __init__(self, size: Dim):
        super().__init__(result_types=[tensor_type(I64, ())], properties={"size": dim_attr(size)})

    def verify_(self) -> None:
        expect_dims(self.result, ())


# ----------------------------------------------------------------------------- indexing


@irdl_op_definition
class NormalizeIndexOp(IRDLOperation):
    """A valid index into a dimension of `size`: i, or i + size where i is negative. An index
    outside [-size, size) becomes 0 and raises the trap "IndexError" after the kernel. On tensors
    of i64, and on scalars and vectors in bodies.

    %r = fxt.normalize_index "s0", %i : tensor<4xi64>
    """

    name = "fxt.normalize_index"

    T: ClassVar = VarConstraint("T", AnyAttr())

    size = prop_def()
    input = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())

    assembly_format = "$size `,` $input attr-dict `:` type($result)"

    def __init__(self, input: SSAValue, size: Dim):
        super().__init__(
            operands=[input], result_types=[input.type], properties={"size": dim_attr(size)}
        )

    def verify_(self) -> None:
        dim_of(self.size)
        if isinstance(self.input.type, TensorType):
            expect(element(self.input) == I64, f"index must be of i64, got {self.input.type}")


@irdl_op_definition
class GatherOp(IRDLOperation):
    """Element p of the result is `source[indices[0][p], indices[1][p], ...]`: one index tensor of
    i64 per dimension of the source, each with the result's dims. Indices must be valid (see
    `fxt.normalize_index`). Axes that run along are `fxt.iota`, which costs nothing in a kernel.

    %r = fxt.gather %table[%row, %column]
      : (tensor<9x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<4x8xf32>
    """

    name = "fxt.gather"

    source = operand_def(TensorType)
    indices = var_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$source `[` $indices `]` attr-dict `:` functional-type(operands, results)"

    def __init__(self, source: SSAValue, indices: Sequence[SSAValue], result_dims: tuple[Dim, ...]):
        super().__init__(
            operands=[source, list(indices)],
            result_types=[tensor_type(element(source), result_dims)],
        )

    def verify_(self) -> None:
        rank = len(dims(self.source))
        expect(
            len(self.indices) == rank,
            f"a rank-{rank} source needs {rank} indices, got {len(self.indices)}",
        )
        expect(
            element(self.source) == element(self.result),
            f"element types must agree, got {self.source.type} and {self.result.type}",
        )
        for index in self.indices:
            expect_dims(index, dims(self.result), "index")
            expect(element(index) == I64, f"index must be of i64, got {index.type}")


SCATTER_MODES = ("set", "add", "mul", "max", "min")


@irdl_op_definition
class ScatterOp(IRDLOperation):
    """A copy of `dest` with `updates` combined at the indices, in row-major order of the updates
    (so that repeated indices are deterministic: the last one wins under "set").

    The indices are i64 tensors of one shape I, one for each axis of `dest` in `axes`; the updates
    have dims I followed by the remaining dims of `dest`. Indices must be valid. In kernels, where
    integers are signless, the attribute `fxlower.unsigned` says that they compare as unsigned.

    %r = fxt.scatter "add", %dest, %updates, array<i64: 0>[%i]
      : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4xi64>) -> tensor<9x8xf32>
    """

    name = "fxt.scatter"

    mode = prop_def(StringAttr)
    axes_ = prop_def(prop_name="axes")
    dest = operand_def(TensorType)
    updates = operand_def(TensorType)
    indices = var_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = (
        "$mode `,` $dest `,` $updates `,` $axes `[` $indices `]` attr-dict `:` "
        "functional-type(operands, results)"
    )

    def __init__(
        self,
        mode: str,
        dest: SSAValue,
        updates: SSAValue,
        axes: Sequence[int],
        indices: Sequence[SSAValue],
    ):
        super().__init__(
            operands=[dest, updates, list(indices)],
            result_types=[dest.type],
            properties={"mode": StringAttr(mode), "axes": axes_attr(axes)},
        )

    @property
    def axes(self) -> tuple[int, ...]:
        return axes_of(self.axes_)

    def verify_(self) -> None:
        expect(
            self.mode.data in SCATTER_MODES,
            f"mode must be one of {', '.join(SCATTER_MODES)}, got {self.mode.data!r}",
        )
        shape = dims(self.dest)
        expect_axes(self.axes, len(shape), "axes")
        expect(
            len(self.indices) == len(self.axes) > 0,
            f"{len(self.axes)} axes need as many indices, got {len(self.indices)}",
        )
        common = dims(self.indices[0])
        for index in self.indices:
            expect_dims(index, common, "index")
            expect(element(index) == I64, f"index must be of i64, got {index.type}")
        rest = tuple(d for i, d in enumerate(shape) if i not in self.axes)
        expect_dims(self.updates, common + rest, "updates")
        expect_dims(self.result, shape)
        expect(
            element(self.dest) == element(self.updates) == element(self.result),
            f"element types must agree, got {self.dest.type}, {self.updates.type} "
            f"and {self.result.type}",
        )


# ------------------------------------------------------------------- joining, products


@irdl_op_definition
class ConcatOp(IRDLOperation):
    """Operands joined along `axis`.

    %r = fxt.concat 1 (%a, %b) : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<4x10xf32>
    """

    name = "fxt.concat"

    axis = prop_def(IntegerAttr[I64Type])
    inputs = var_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$axis `(` $inputs `)` attr-dict `:` functional-type(operands, results)"

    def __init__(self, inputs: Sequence[SSAValue], axis: int, result_dims: tuple[Dim, ...]):
        super().__init__(
            operands=[list(inputs)],
            result_types=[tensor_type(element(inputs[0]), result_dims)],
            properties={"axis": int_attr(axis)},
        )

    def verify_(self) -> None:
        expect(len(self.inputs) > 0, "needs at least one operand")
        result = dims(self.result)
        axis = self.axis.value.data
        expect_axes((axis,), len(result), "axis")
        for value in self.inputs:
            shape = dims(value)
            expect_dims(
                value, result[:axis] + shape[axis : axis + 1] + result[axis + 1 :], "operand"
            )
            expect(
                element(value) == element(self.result),
                f"element types must agree, got {value.type} and {self.result.type}",
            )
        sizes = [dims(value)[axis] for value in self.inputs]
        if all(isinstance(size, int) for size in (*sizes, result[axis])):
            expect(
                sum(sizes) == result[axis],  # type: ignore[arg-type]
                f"sizes {sizes} along axis {axis} must add up to {result[axis]}",
            )


@irdl_op_definition
class PadOp(IRDLOperation):
    """The operand with `low[i]` elements of `value` before and the rest after it along axis i.

    %r = fxt.pad %a, 0.000000e+00 : f32, [0, 1] : (tensor<4x8xf32>) -> tensor<4x10xf32>
    """

    name = "fxt.pad"

    value = prop_def()
    low = prop_def(ArrayAttr[Attribute])
    input = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$input `,` $value `,` $low attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        input: SSAValue,
        value: Attribute,
        low: tuple[Dim, ...],
        result_dims: tuple[Dim, ...],
    ):
        super().__init__(
            operands=[input],
            result_types=[tensor_type(element(input), result_dims)],
            properties={"value": value, "low": dims_attr(low)},
        )

    def verify_(self) -> None:
        shape, result, low = dims(self.input), dims(self.result), dims_from(self.low)
        expect(
            len(shape) == len(result) == len(low),
            f"operand, result and low must have one rank, got {len(shape)}, {len(result)}, "
            f"{len(low)}",
        )
        expect_number(self.value, self.result)
        expect(
            element(self.input) == element(self.result),
            f"element types must agree, got {self.input.type} and {self.result.type}",
        )
        for axis, (size, total, before) in enumerate(zip(shape, result, low)):
            if isinstance(size, int) and isinstance(total, int) and isinstance(before, int):
                expect(
                    0 <= before <= total - size,
                    f"axis {axis}: {size} elements after {before} do not fit into {total}",
                )


@irdl_op_definition
class MatmulOp(IRDLOperation):
    """Product of two matrices, or of two batches of them with equal batch dims.

    Low-precision floats (f16, bf16) accumulate in f32 and round once. No inner extent gives 0.

    The result may be wider: i32 from integers of 8 or 16 bits, signed or not, each as if cast to
    i32 first; and f32 from two f16 or two bf16, which is then not rounded.

    %c = fxt.matmul %a, %b : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
    %d = fxt.matmul %p, %q : (tensor<4x8xui8>, tensor<8x2xi8>) -> tensor<4x2xi32>
    """

    name = "fxt.matmul"

    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    assembly_format = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)"

    def __init__(self, lhs: SSAValue, rhs: SSAValue, result: Attribute | None = None):
        type_ = tensor_type(result or element(lhs), self.infer_dims(dims(lhs), dims(rhs)))
        super().__init__(operands=[lhs, rhs], result_types=[type_])

    @staticmethod
    def widens(lhs: Attribute, rhs: Attribute, result: Attribute) -> bool:
        """Whether operands of these elements may have a product of another one."""
        if result == F32:
            return lhs == rhs and lhs in (F16, BF16)
        return result == I32 and {lhs, rhs} <= {I8, UI8, I16, UI16}

    @staticmethod
    def infer_dims(lhs: tuple[Dim, ...], rhs: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """The one statement of the shape rule: the builder uses it, the verifier checks it."""
        expect(
            len(lhs) == len(rhs) >= 2 and lhs[:-2] == rhs[:-2] and lhs[-1] == rhs[-2],
            f"operands must be (..., m, k) and (..., k, n), got {list(lhs)} and {list(rhs)}",
        )
        return (*lhs[:-1], rhs[-1])

    def verify_(self) -> None:
        expect_dims(self.result, self.infer_dims(dims(self.lhs), dims(self.rhs)))
        elements = element(self.lhs), element(self.rhs), element(self.result)
        expect(
            len(set(elements)) == 1 or self.widens(*elements),
            f"element types must agree, got {self.lhs.type}, {self.rhs.type} "
            f"and {self.result.type}",
        )


@irdl_op_definition
class AtenOp(IRDLOperation):
    """A call of an ATen operator that has no lowering: opaque, but typed. `id` finds the FX node
    and its non-tensor arguments in the host's table; `strides` are those of each result.

    %r = fxt.aten "aten.sort.default", 3 (%a) {strides = [[8, 1], [8, 1]]}
      : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>)
    """

    name = "fxt.aten"

    target = prop_def(StringAttr)
    id = prop_def(IntegerAttr[I64Type])
    inputs = var_operand_def()
    outputs = var_result_def()

    assembly_format = (
        "$target `,` $id `(` $inputs `)` attr-dict `:` functional-type(operands, results)"
    )

    def __init__(
        self,
        target: str,
        id: int,
        inputs: Sequence[SSAValue],
        result_types: Sequence[Attribute],
        strides: Sequence[tuple[Dim, ...]],
    ):
        super().__init__(
            operands=[list(inputs)],
            result_types=[list(result_types)],
            properties={"target": StringAttr(target), "id": int_attr(id)},
            attributes={"strides": ArrayAttr([dims_attr(s) for s in strides])},
        )


STRUCTURED = (
    FullOp,
    DenseOp,
    IotaOp,
    SizeOp,
    *REDUCTIONS,
    *SCANS,
    *SORTS,
    NormalizeIndexOp,
    GatherOp,
    ScatterOp,
    ConcatOp,
    PadOp,
    MatmulOp,
    AtenOp,
)
