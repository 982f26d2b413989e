"""What upstream MLIR says of our IR: `iree-opt` parses and verifies the generic form of each stage.

Ops of `fxt` and `tile` are unregistered there. Two things are taken out first: `@main`, the host's
plan, whose calls cross levels; and the names of symbols in tensor types, which differ between a
kernel and its callers.
"""

import re
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from xdsl.printer import Printer

from fxlower.passes.legality import is_host_plan
from fxlower.tools.fxlower_opt import FxlowerOptMain

ROOT = Path(__file__).resolve().parent.parent
IREE_OPT = shutil.which("iree-opt", path=str(Path(sys.executable).parent))
FILES = sorted((ROOT / "tests/filecheck/pipelines").glob("*.mlir"))


def at_stage(file: Path, stage: str) -> str:
    """The generic form of the module in `file` at `stage`."""
    main = FxlowerOptMain(args=["--machine", "x86-64-v4", "--until", stage, str(file)])
    with file.open("rb") as stream:
        module = main.parse_chunk(stream, "mlir")
    assert module is not None
    main.apply_passes(module)
    for op in list(module.ops):
        if is_host_plan(op) and stage not in ("fxt", "tensor"):
            op.detach()
    text = StringIO()
    Printer(text, print_generic_format=True).print_op(module)
    return re.sub(r', \["[^]]*\]>', ">", text.getvalue())


@pytest.mark.skipif(IREE_OPT is None, reason="iree-base-compiler is not installed")
@pytest.mark.parametrize("stage", ["fxt", "tensor", "linalg", "loops", "vector", "llvm"])
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_upstream_mlir_accepts(file: Path, stage: str) -> None:
    assert IREE_OPT is not None
    run = subprocess.run(
        [IREE_OPT, "--allow-unregistered-dialect", "--mlir-print-op-generic", "-"],
        input=at_stage(file, stage),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
