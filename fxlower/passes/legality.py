"""Post-conditions of conversion passes, and whom they concern."""

from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects.build import operations


def is_host_plan(op: Operation) -> bool:
    """Whether `op` is the `@main` that the host interprets. It is not compiled: it keeps its
    tensors at every level, and ends with the stage `vector`."""
    return (
        isinstance(op, FuncOp)
        and op.sym_name.data == "main"
        and any(
            isinstance(t, TensorType) for t in (*op.function_type.inputs, *op.function_type.outputs)
        )
    )


def require_lowered(module: ModuleOp, *, dialect: str, by: str) -> None:
    """Fail unless the compiled functions of `module` are free of `dialect`; name the first op that
    is left."""
    prefix = f"{dialect}."
    for function in module.ops:
        if is_host_plan(function):
            continue
        for op in operations(function):
            if op.name.startswith(prefix):
                where = f" in @{function.sym_name.data}" if isinstance(function, FuncOp) else ""
                raise PassFailedException(f"{by}: no rule lowers '{op.name}'{where}")
