"""`vector` with the ops of MLIR that xDSL 0.74 lacks or builds wrongly.

Everything of `xdsl.dialects.vector` is here under its own name; `gather`, `scatter`, `step` and
`constant_mask` are added, `reduction` has a constructor that gives its element type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects import vector as upstream
from xdsl.dialects.arith import FastMathFlagsAttr
from xdsl.dialects.builtin import (
    DenseArrayBase,
    IndexType,
    IntegerAttr,
    MemRefType,
    VectorType,
    i64,
)
from xdsl.dialects.vector import *  # type: ignore[assignment]  # noqa: F403
from xdsl.dialects.vector import CombiningKindAttr, CombiningKindFlag
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects.arith import NO_FASTMATH, replace_operations
from fxlower.dialects.build import I1


def _verify_lanes(op: Operation, base: SSAValue, indices: int, *vectors: SSAValue) -> None:
    """One index per dimension of `base`, and vectors with equally many lanes.

    The first vector holds the data, the second the lane indices, the third the mask.
    """
    assert isinstance(base.type, MemRefType)
    if base.type.get_num_dims() != indices:
        raise VerifyException(f"'{op.name}': needs {base.type.get_num_dims()} indices for its base")
    types = [v.type for v in vectors]
    assert all(isinstance(t, VectorType) for t in types)
    shapes = {t.get_shape() for t in types}  # type: ignore[attr-defined]
    if len(shapes) != 1:
        raise VerifyException(f"'{op.name}': all vectors must have one shape, got {types}")
    data, _, mask = types[:3]
    if data.element_type != base.type.element_type:  # type: ignore[attr-defined]
        raise VerifyException(
            f"'{op.name}': elements of {base.type} and {data} must have the same type"
        )
    if mask.element_type != I1:  # type: ignore[attr-defined]
        raise VerifyException(f"'{op.name}': the mask must be of i1, got {mask}")


@irdl_op_definition
class GatherOp(IRDLOperation):
    """Lane i is `base[offsets + indices[i]]` (the index counts in the last dimension, scaled by
    its stride) where the mask is set, else `pass_thru[i]`.

    %v = vector.gather %base[%c0] [%indices], %mask, %zero
        : memref<?xf32>, vector<16xi32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
    """

    name = "vector.gather"

    base = operand_def(MemRefType)
    offsets = var_operand_def(IndexType)
    indices = operand_def(VectorType)
    mask = operand_def(VectorType)
    pass_thru = operand_def(VectorType)
    result = result_def(VectorType)
    alignment = opt_prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)

    assembly_format = (
        "$base `[` $offsets `]` `[` $indices `]` `,` $mask `,` $pass_thru attr-dict `:`"
        " type($base) `,` type($indices) `,` type($mask) `,` type($pass_thru) `into` type($result)"
    )

    def __init__(
        self,
        base: SSAValue | Operation,
        offsets: Sequence[SSAValue | Operation],
        indices: SSAValue | Operation,
        mask: SSAValue | Operation,
        pass_thru: SSAValue | Operation,
    ):
        super().__init__(
            operands=[base, offsets, indices, mask, pass_thru],
            result_types=[SSAValue.get(pass_thru).type],
        )

    def verify_(self) -> None:
        _verify_lanes(
            self,
            self.base,
            len(self.offsets),
            self.result,
            self.indices,
            self.mask,
            self.pass_thru,
        )


@irdl_op_definition
class ScatterOp(IRDLOperation):
    """Store lane i to `base[offsets + indices[i]]` where the mask is set, in order of lanes.

    vector.scatter %base[%c0] [%indices], %mask, %value
        : memref<?xf32>, vector<16xi32>, vector<16xi1>, vector<16xf32>
    """

    name = "vector.scatter"

    base = operand_def(MemRefType)
    offsets = var_operand_def(IndexType)
    indices = operand_def(VectorType)
    mask = operand_def(VectorType)
    value_to_store = operand_def(VectorType)
    alignment = opt_prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)

    assembly_format = (
        "$base `[` $offsets `]` `[` $indices `]` `,` $mask `,` $value_to_store attr-dict `:`"
        " type($base) `,` type($indices) `,` type($mask) `,` type($value_to_store)"
    )

    def __init__(
        self,
        base: SSAValue | Operation,
        offsets: Sequence[SSAValue | Operation],
        indices: SSAValue | Operation,
        mask: SSAValue | Operation,
        value_to_store: SSAValue | Operation,
    ):
        super().__init__(operands=[base, offsets, indices, mask, value_to_store])

    def verify_(self) -> None:
        _verify_lanes(
            self,
            self.base,
            len(self.offsets),
            self.value_to_store,
            self.indices,
            self.mask,
        )


@irdl_op_definition
class StepOp(IRDLOperation):
    """0, 1, 2, ...

    %s = vector.step : vector<16xindex>
    """

    name = "vector.step"

    result = result_def(VectorType.constr(IndexType()))

    traits = traits_def(Pure())

    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, result_type: VectorType[Any]):
        super().__init__(result_types=[result_type])


@irdl_op_definition
class ConstantMaskOp(IRDLOperation):
    """True in the first lanes.

    %m = vector.constant_mask [3] : vector<16xi1>
    """

    name = "vector.constant_mask"

    mask_dim_sizes = prop_def(DenseArrayBase.constr(i64))
    result = result_def(VectorType.constr(I1))

    traits = traits_def(Pure())

    assembly_format = "$mask_dim_sizes attr-dict `:` type($result)"

    def __init__(self, sizes: Sequence[int], result_type: VectorType[Any]):
        super().__init__(
            result_types=[result_type],
            properties={"mask_dim_sizes": DenseArrayBase.from_list(i64, sizes)},
        )

    def verify_(self) -> None:
        assert isinstance(self.result.type, VectorType)
        shape, sizes = self.result.type.get_shape(), self.mask_dim_sizes.get_values()
        if len(shape) != len(sizes) or any(not 0 <= n <= d for n, d in zip(sizes, shape)):
            raise VerifyException(f"'{self.name}': sizes must be within {shape}, got {sizes}")


@irdl_op_definition
class ReductionOp(IRDLOperation):
    """Combination of all lanes, and of `acc` if given, in no particular order.

    %s = vector.reduction <add>, %v, %acc : vector<16xf32> into f32
    """

    name = "vector.reduction"

    _T: ClassVar = VarConstraint("T", AnyAttr())

    vector = operand_def(VectorType.constr(_T))
    acc = opt_operand_def(_T)
    dest = result_def(_T)
    kind = prop_def(CombiningKindAttr)
    fastmath = prop_def(FastMathFlagsAttr, default_value=NO_FASTMATH)

    traits = traits_def(Pure())

    assembly_format = (
        "$kind `,` $vector (`,` $acc^)? (`fastmath` `` $fastmath^)?"
        " attr-dict `:` type($vector) `into` type($dest)"
    )

    def __init__(
        self,
        vector: SSAValue | Operation,
        kind: CombiningKindAttr | str,
        acc: SSAValue | Operation | None = None,
        fastmath: FastMathFlagsAttr | None = None,
    ):
        vector = SSAValue.get(vector)
        assert isinstance(vector.type, VectorType)
        if isinstance(kind, str):
            kind = CombiningKindAttr(CombiningKindFlag(kind))
        super().__init__(
            operands=[vector, acc],
            result_types=[vector.type.element_type],
            properties={"kind": kind, "fastmath": fastmath or NO_FASTMATH},
        )


VECTOR = replace_operations(
    upstream.Vector, (GatherOp, ScatterOp, StepOp, ConstantMaskOp, ReductionOp)
)
