"""The IR of whole models at every stage: it verifies, prints and parses back the same, and
upstream MLIR accepts it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import torch
from models import MODELS, Model
from xdsl.parser import Parser
from xdsl.printer import Printer

import fxlower
from fxlower.compiler import context

IREE_OPT = shutil.which("iree-opt", path=str(Path(sys.executable).parent)) or shutil.which(
    "iree-opt"
)

STAGES = ("fxt", "tensor", "linalg", "loops", "vector", "llvm")


@pytest.fixture(scope="module", params=MODELS, ids=lambda m: m.name)
def texts(request: pytest.FixtureRequest) -> dict[str, str]:
    """The stages of a model's forward graph with dynamic sizes."""
    model: Model = request.param
    torch._dynamo.reset()
    with torch.no_grad():
        return fxlower.stages(model.build(), dynamic=True, **model.inputs(2, 13))


def generic(text: str) -> str:
    """`text` in the generic form, after a check that each form reads back as the same module."""
    module = Parser(context(), text).parse_module()
    module.verify()
    assert str(Parser(context(), str(module)).parse_module()) == str(module)
    stream = StringIO()
    Printer(stream=stream, print_generic_format=True).print_op(module)
    again = Parser(context(), stream.getvalue()).parse_module()
    assert str(again) == str(module)
    return stream.getvalue()


def test_every_stage_prints_and_parses_back(texts: dict[str, str]) -> None:
    for stage in STAGES:
        generic(texts[stage])


@pytest.mark.skipif(IREE_OPT is None, reason="iree-opt is not installed")
def test_upstream_mlir_accepts_every_stage(texts: dict[str, str]) -> None:
    assert IREE_OPT is not None
    for stage in STAGES:
        done = subprocess.run(
            [IREE_OPT, "--allow-unregistered-dialect", "-"],
            input=generic(texts[stage]),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"stage {stage}: {done.stderr[:2000]}"
