"""Every error a user can meet. Each says what was met, where, and what to do."""

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


class InternalError(FxlowerError):
    """What no graph should lead to: a bug in fxlower."""


SHOWN_LINES = 8


class CompilerError(FxlowerError):
    """A step of the compiler failed: a bug in fxlower. The message names the step and, once they
    are known, the user's line, the file with what the step started from, and the command that
    repeats it.

    `of` is the kernel that it was done for (or "segments"), empty where it was for a whole graph;
    `stage` is where the step leads to.
    """

    def __init__(self, step: str, stage: str, cause: BaseException, of: str = "") -> None:
        super().__init__(step, stage)
        self.step = step
        self.stage = stage
        self.cause = cause
        self.of = of
        self.source: str | None = None
        self.file: str | None = None
        self.command: str | None = None
        self.note: str | None = None

    def __str__(self) -> str:
        what = f" of {self.of}" if self.of else ""
        first = f"{self.step}{what} (stage '{self.stage}') failed: "
        words = str(self.cause).splitlines() or [""]
        if len(words) > SHOWN_LINES:  # xDSL shows all of the IR
            words[SHOWN_LINES:] = ["..."]
        lines = [f"{first}{type(self.cause).__name__}: " + "\n".join(words)]
        if self.source is not None:
            lines.append(f"It was compiling {self.source}")
        if self.note is not None:
            lines.append(self.note)
        if self.file is not None:
            lines.append(f"What it started from is in {self.file}")
        if self.command is not None:
            lines.append(f"Repeat it with: {self.command}")
        lines.append('To go on without: options={"on_error": "fallback"}')
        return "\n".join(lines)
