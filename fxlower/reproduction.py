"""What an error inside the compiler leaves behind: the IR that the step began with, in a file, and
the command that repeats it.

Nothing is kept while all goes well. A graph that failed is imported and compiled once more, and the
module that the failing step is about to take is printed on the way.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fxlower.compiler import EMIT, LINK, LLVM, Origin, Stages
from fxlower.errors import CompilerError
from fxlower.frontend.program import Imported

COMMANDS = {
    EMIT: ["--from", "llvm", "--emit", "llvm"],
    LLVM: ["--from", "llvm", "--emit", "obj", "-o", "/dev/null"],
    LINK: ["--from", "llvm", "--emit", "addresses"],
}
"""Options of `fxlower-opt` for steps that are no passes."""


def reproduce(
    error: CompilerError,
    stages: Stages,
    origin: Origin | None,
    compile_again: Callable[[Imported, Stages], Any],
) -> None:
    """Complete `error`, from a compilation by `stages`, with files and commands."""
    if origin is None:
        return
    replay = Stages(stages.target, stages.options, None, wanted=(error.step, error.of))
    fxt = ""
    sources: dict[str, str] = {}
    try:
        imported = origin.again()
        sources = imported.sources
        fxt = str(imported.module)
        compile_again(imported, replay)
        error.note = "It does not fail when it is done again: this is the graph as imported."
    except CompilerError as again:
        if (again.step, again.of) != (error.step, error.of):
            error.note = f"Done again, it fails otherwise: {again.step}: {again.cause}"
            replay.kept = None
    except Exception as again:  # of the importer: reporting must not hide what is reported
        error.note = f"It cannot be done again: {type(again).__name__}: {again}"
    error.source = next(filter(None, map(sources.get, replay.names)), None) or origin.source()
    is_pass = error.step in stages.target.pipeline().split(",")
    if error.note is None and replay.kept is not None and (is_pass or error.step in COMMANDS):
        options = ["-p", error.step] if is_pass else COMMANDS[error.step]
        keep(error, stages.options.dump_ir, replay.kept, "mlir", ["fxlower-opt", *options])
    elif (script := origin.script()) is not None:
        keep(error, stages.options.dump_ir, script, "py", ["python"])
    elif fxt:
        keep(error, stages.options.dump_ir, fxt, "mlir", None)


def keep(
    error: CompilerError, folder: str | None, text: str, suffix: str, command: list[str] | None
) -> None:
    """Write what a step failed on to a file of its own in `folder`, or in the system's for
    temporary files; `command` with the file at its end repeats the failure."""
    name = "-".join(error.step.split())
    try:
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"fxlower-{name}-", suffix=f".{suffix}", dir=folder, delete=False
        ) as file:
            file.write(text)
    except OSError as reason:
        error.note = f"What it started from cannot be written: {reason}"
        return
    error.file = file.name
    if command is not None:
        error.command = shlex.join([*command, file.name])
