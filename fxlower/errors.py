"""Every error a user can meet. Each says what was met, where, and what to do."""

import tempfile
from collections.abc import Iterable
from difflib import get_close_matches


def choices(found: str, valid: Iterable[str], shown: Iterable[str] | None = None) -> str:
    """How a message about an unknown name ends: the valid one it is near to, if any, and all of
    them (or those `shown`)."""
    valid = list(valid)
    near = get_close_matches(found, valid, n=1)
    meant = f"did you mean '{near[0]}'? " if near else ""
    return f"{meant}there are {', '.join(valid if shown is None else shown)}"


class FxlowerError(Exception):
    """Base of all errors raised on purpose."""


class OptionError(FxlowerError, ValueError):
    """An option that does not exist or has the wrong type."""


class TargetError(FxlowerError, ValueError):
    """A machine, stage or fact of one that does not exist."""


class UnsupportedGraph(FxlowerError):
    """Operators without a lowering under `fallback="error"`; maps names to source lines."""

    def __init__(self, operators: dict[str, list[str]]):
        self.operators = operators
        lines = [
            f"  {name}  x{len(sites)}  first at {sites[0]}"
            for name, sites in sorted(operators.items())
        ]
        super().__init__(
            f"no lowering for {len(operators)} operator(s):\n"
            + "\n".join(lines)
            + "\nGive them one with fxlower.register_lowering (docs/adding-an-operator.md),"
            ' or let them run in eager mode with options={"fallback": "aten"}.'
        )


class UnsupportedInput(FxlowerError):
    """A tensor that compiled code cannot read: sparse, quantized, on another device..."""


class CompilerError(FxlowerError):
    """A pass failed: a bug in fxlower. The message names the pass and, where the IR before it was
    kept (`options={"verify_each": True}`), ends in the command that repeats the failure."""

    def __init__(self, pass_name: str, stage: str, before: str | None, cause: Exception):
        text = f"{pass_name} (stage '{stage}') failed: {type(cause).__name__}: {cause}"
        if before is None:
            text += '\nSet options={"verify_each": True} to get the IR that it failed on.'
        else:
            with tempfile.NamedTemporaryFile(
                "w", prefix=f"fxlower-{pass_name}-", suffix=".mlir", delete=False
            ) as file:
                file.write(before)
            text += f"\nRepeat it with: fxlower-opt -p {pass_name} {file.name}"
        super().__init__(text)
