"""Writing the IR of every stage to files that `fxlower-opt` reads again."""

from __future__ import annotations

import itertools
from io import StringIO
from pathlib import Path
from textwrap import indent

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.printer import Printer

from fxlower.codegen.object import assembly
from fxlower.targets.spec import TargetSpec

_GRAPHS = itertools.count()

STAGES = ("fx", "fxt", "tensor", "linalg", "loops", "vector", "llvm", "ll", "s")
SUFFIXES = {"fx": "txt", "ll": "ll", "s": "s"}


class Dump:
    """Collects the text of each stage of one graph; `write` makes `NN-NAME/K-STAGE.mlir` of it.

    Kernels are taken down in modules of their own; their functions of one stage are joined in
    one file again.
    """

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, str]] = {}
        self.texts: dict[str, list[str]] = {}

    def add(self, stage: str, module: ModuleOp) -> None:
        """Keep the functions of `module` as they are at `stage`; a definition wins over a
        declaration of the same name."""
        kept = self.functions.setdefault(stage, {})
        for op in module.ops:
            text = _text(op)
            symbol = getattr(op, "sym_name", None)
            key = symbol.data if symbol is not None else text
            if key not in kept or len(op.regions[0].blocks):
                kept[key] = text

    def add_text(self, stage: str, text: str) -> None:
        self.texts.setdefault(stage, []).append(text)

    def add_llvm(self, ir: str, target: TargetSpec) -> None:
        self.add_text("ll", ir)
        self.add_text("s", assembly(ir, target))

    def stages(self) -> dict[str, str]:
        """The text of every stage, in order."""
        found: dict[str, str] = {}
        for stage in STAGES:
            if stage in self.functions:
                body = indent("\n".join(self.functions[stage].values()), "  ")
                found[stage] = f"builtin.module {{\n{body}\n}}\n"
            elif stage in self.texts:
                found[stage] = "\n".join(self.texts[stage])
        return found

    def write(self, folder: str | Path, name: str) -> None:
        """Write one numbered file for each stage into a new folder inside `folder`."""
        graph = Path(folder) / f"{next(_GRAPHS):02}-{name}"
        graph.mkdir(parents=True, exist_ok=True)
        for number, (stage, text) in enumerate(self.stages().items()):
            file = graph / f"{number:02}-{stage}.{SUFFIXES.get(stage, 'mlir')}"
            file.write_text(text)


def _text(op: Operation) -> str:
    stream = StringIO()
    Printer(stream=stream).print_op(op)
    return stream.getvalue()
