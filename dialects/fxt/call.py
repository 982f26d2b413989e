"""`fxt.call`: a call between functions whose types name different symbols, or are of two levels.

A kernel names its symbols `d0`, `d1`, ..., whatever its callers name theirs, so that equal kernels
are one function. And the host's plan, which passes tensors, calls segments that may have been taken
down to memory already. Upstream's `func.call` wants equal types; this one takes both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xdsl.dialects.builtin import (
    DenseArrayBase,
    IntegerAttr,
    StringAttr,
    SymbolRefAttr,
    TensorType,
)
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    prop_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import SymbolTable, SymbolUserOpInterface
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects.build import dims_of


class _CalleeAgrees(SymbolUserOpInterface):
    """The callee is a function, and takes and gives tensors of the types of the call."""

    def verify(self, op: Operation) -> None:
        assert isinstance(op, CallOp)
        callee = SymbolTable.lookup_symbol(op, op.callee)
        if not isinstance(callee, FuncOp):
            raise VerifyException(f"'{op.callee}' does not name a function")
        types = callee.function_type
        expected = (*types.inputs, *types.outputs)
        found = (*[v.type for v in op.operands], *[r.type for r in op.results])
        if _level(expected) != _level(found):
            return
        if (len(types.inputs), len(types.outputs)) != (len(op.operands), len(op.results)):
            raise VerifyException(
                f"{op.callee} has {len(types.inputs)} operands and {len(types.outputs)} results, "
                f"got {len(op.operands)} and {len(op.results)}"
            )
        renamed = _has_symbols(callee)
        for i, (a, b) in enumerate(zip(expected, found)):
            if a != b and not (renamed and _same_but_for_symbols(a, b)):
                raise VerifyException(f"operand or result {i} of {op.callee} must be {a}, got {b}")
        if op.inplace != (declared := inplace_results(callee)):
            raise VerifyException(
                f"results of {op.callee} are in the memory of arguments {list(declared)} (-1: in "
                f"their own), got {list(op.inplace)}"
            )


def _level(types: tuple[Attribute, ...]) -> bool:
    return any(isinstance(t, TensorType) for t in types)


def _has_symbols(function: FuncOp) -> bool:
    attributes: Any = function.arg_attrs
    return attributes is not None and any(
        isinstance(a.data.get("fxt.symbol"), StringAttr) for a in attributes
    )


def inplace_results(function: FuncOp) -> tuple[int, ...]:
    """For each result of a kernel on tensors the argument in whose memory it is, or -1."""
    attributes: Any = function.res_attrs
    if attributes is None:
        return (-1,) * len(function.function_type.outputs)
    found = [a.data.get("fxt.inplace") for a in attributes]
    return tuple(f.value.data if isinstance(f, IntegerAttr) else -1 for f in found)


def _same_but_for_symbols(a: Attribute, b: Attribute) -> bool:
    if not isinstance(a, TensorType) or not isinstance(b, TensorType):
        return False
    if a.element_type != b.element_type or len(a.shape) != len(b.shape):
        return False
    pairs = zip(dims_of(a), dims_of(b))
    return all(m == n or (isinstance(m, str) and isinstance(n, str)) for m, n in pairs)


@irdl_op_definition
class CallOp(IRDLOperation):
    """A call of a kernel or a segment, by the tensor level.

    %r = fxt.call @exp_1a2b3c4d(%x, %s0) : (tensor<?xf32, ["s0"]>, index) -> tensor<?xf32, ["s0"]>

    Its attribute `strides` gives the layout of results that are not row-major, and `inplace`, for
    each result, the operand whose memory the kernel writes it to, or -1; other values of that
    memory must not be read afterwards.

    %r = fxt.call @add_1a2b3c4d(%x) {inplace = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32>
    """

    name = "fxt.call"

    callee = prop_def(SymbolRefAttr)
    arguments = var_operand_def()
    res = var_result_def()

    traits = traits_def(_CalleeAgrees())

    @property
    def inplace(self) -> tuple[int, ...]:
        """For each result the operand in whose memory it is, or -1."""
        found = self.attributes.get("inplace")
        if isinstance(found, DenseArrayBase):
            return tuple(found.get_values())  # type: ignore[arg-type]
        return (-1,) * len(self.results)

    def verify_(self) -> None:
        if len(self.inplace) != len(self.results):
            raise VerifyException(
                f"'inplace' has an entry for each of the {len(self.results)} results, "
                f"got {list(self.inplace)}"
            )
        for result, operand in zip(self.results, self.inplace):
            if operand == -1:
                continue
            if not 0 <= operand < len(self.operands):
                raise VerifyException(
                    f"'inplace' names one of the {len(self.operands)} operands or -1, got {operand}"
                )
            if result.type != (found := self.operands[operand].type):
                raise VerifyException(
                    f"a result in the memory of operand {operand} must be {found}, "
                    f"got {result.type}"
                )

    assembly_format = "$callee `(` $arguments `)` attr-dict `:` functional-type($arguments, $res)"

    def __init__(
        self,
        callee: str | SymbolRefAttr,
        arguments: Sequence[SSAValue],
        return_types: Sequence[Attribute],
    ):
        super().__init__(
            operands=[list(arguments)],
            result_types=[list(return_types)],
            properties={"callee": SymbolRefAttr(callee) if isinstance(callee, str) else callee},
        )
