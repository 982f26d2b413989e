"""Post-conditions of conversion passes."""

from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import PassFailedException


def require_lowered(module: ModuleOp, *, dialect: str, by: str) -> None:
    """Fail unless `module` is free of `dialect`; name the first op that is left."""
    for op in module.walk():
        if op.dialect_name() == dialect:
            raise PassFailedException(f"{by}: no rule lowers '{op.name}' ({op.location})")
