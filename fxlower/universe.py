"""What fxlower adds to xDSL, by name. Factories import lazily, so `fxlower-opt --help` is fast."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from xdsl.universe import Universe


def _lazy(module: str, name: str) -> Callable[[], Any]:
    return lambda: getattr(import_module(module), name)


def _pass(name: str) -> Callable[[], Any]:
    """`form-kernels` is `FormKernelsPass` in `fxlower/passes/form_kernels.py`."""
    stem = name.replace("-", "_")
    return _lazy(f"fxlower.passes.{stem}", stem.title().replace("_", "") + "Pass")


PASSES = (
    "canonicalize-fxt",
    "split-reductions",
    "form-kernels",
    "update-in-place",
    "hoist-constants",
    "pack-weights",
    "split-segments",
    "choose-schedule",
    "convert-linalg-to-scf",
    "convert-scan-to-scf",
    "convert-scatter-to-scf",
    "convert-sort-to-scf",
    "convert-panels-to-scf",
    "map-to-library",
    "tile-contractions",
    "plan-memory",
    "convert-tile-to-vector",
    "peel-borders",
    "vectorize",
    "expand-math",
    "convert-to-llvm",
)

DIALECTS = {
    "fxt": _lazy("fxlower.dialects.fxt", "FXT"),
    "tile": _lazy("fxlower.dialects.tile", "TILE"),
}

REPLACED_DIALECTS = {
    "arith": _lazy("fxlower.dialects.arith", "ARITH"),
    "vector": _lazy("fxlower.dialects.vector", "VECTOR"),
    "llvm": _lazy("fxlower.dialects.llvm", "LLVM"),
    "memref": _lazy("fxlower.dialects.memref", "MEMREF"),
}
"""Upstream dialects with the ops and vector forms that MLIR has and xDSL 0.74 lacks."""

FXLOWER_UNIVERSE = Universe(
    all_dialects=DIALECTS, all_passes={name: _pass(name) for name in PASSES}
)
