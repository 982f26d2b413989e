"""`memref` with the op of MLIR that xDSL 0.74 lacks: `prefetch`. Import the others from xDSL."""

from __future__ import annotations

from xdsl.dialects import memref as upstream
from xdsl.dialects.builtin import BoolAttr, IndexType, IntegerAttr, MemRefType
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects.arith import replace_operations


@irdl_op_definition
class PrefetchOp(IRDLOperation):
    """A hint that an element will be read or written; any address will do, as none is accessed.

    `localityHint` runs from 0 (once) to 3 (keep it in the first cache).

    "memref.prefetch"(%m, %i) <{isWrite = false, localityHint = 2 : i32, isDataCache = true}>
      : (memref<64xf32>, index) -> ()
    """

    name = "memref.prefetch"

    memref = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    isWrite = prop_def(BoolAttr)
    localityHint = prop_def(IntegerAttr)
    isDataCache = prop_def(BoolAttr)

    def verify_(self) -> None:
        type_ = self.memref.type
        assert isinstance(type_, MemRefType)
        if len(self.indices) != len(type_.get_shape()):
            raise VerifyException(f"{type_} needs as many indices, got {len(self.indices)}")
        if not 0 <= self.localityHint.value.data <= 3:
            raise VerifyException(f"localityHint must be 0 to 3, got {self.localityHint}")


MEMREF = replace_operations(upstream.MemRef, (PrefetchOp,))
