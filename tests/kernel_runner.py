"""Run MLIR text on numpy arrays: the helper of tests that check numbers.

    run_kernel(text, "softmax_1a2b", [x, out], passes="vectorize")

Memref arguments are arrays, passed as the address of their first element; index arguments are
integers. `passes` come first; `expand-math` and `convert-to-llvm` follow by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.passes import PassPipeline
from xdsl.universe import XDSL_UNIVERSE

from fxlower.codegen.emitter import emit_llvm_ir
from fxlower.codegen.object import assembly, compile_object
from fxlower.passes.target import target_of
from fxlower.runtime import jit
from fxlower.universe import FXLOWER_UNIVERSE, PASSES, REPLACED_DIALECTS

TO_LLVM = "expand-math,convert-to-llvm"


@cache
def context() -> Context:
    made = Context()
    dialects = XDSL_UNIVERSE.all_dialects | REPLACED_DIALECTS | FXLOWER_UNIVERSE.all_dialects
    for name, factory in dialects.items():
        made.register_dialect(name, factory)
    return made


def parse(text: str) -> ModuleOp:
    module = Parser(context(), text).parse_module()
    module.verify()
    return module


def run_passes(module: ModuleOp, passes: str) -> None:
    """Apply passes in place, as `fxlower-opt -p` would; the module is verified after each."""
    factories = {**XDSL_UNIVERSE.all_passes, **FXLOWER_UNIVERSE.all_passes}
    assert set(PASSES) <= set(factories)
    pipeline = PassPipeline.parse_spec(factories, passes)
    for pass_ in pipeline.passes:
        pass_.apply(context(), module)
        module.verify()


def lowered(source: str | ModuleOp, passes: str = "") -> ModuleOp:
    """The module in the `llvm` dialect."""
    module = parse(source) if isinstance(source, str) else source.clone()
    run_passes(module, ",".join(p for p in (passes, TO_LLVM) if p))
    return module


def llvm_ir(source: str | ModuleOp, passes: str = "") -> str:
    module = lowered(source, passes)
    return emit_llvm_ir(module, target_of(module))


def kernel_assembly(source: str | ModuleOp, passes: str = "") -> str:
    """The assembly for the module's machine."""
    module = lowered(source, passes)
    target = target_of(module)
    return assembly(emit_llvm_ir(module, target), target)


def load_kernel(
    source: str | ModuleOp,
    names: Sequence[str],
    passes: str = "",
    symbols: Mapping[str, int] | None = None,
) -> jit.LoadedCode:
    """Compile and link; the code gives the addresses of the functions called `names`."""
    module = lowered(source, passes)
    target = target_of(module)
    return jit.load(compile_object(emit_llvm_ir(module, target), target), names, symbols)


def run_kernel(
    source: str | ModuleOp, name: str, args: Sequence[np.ndarray[Any, Any] | int], passes: str = ""
) -> None:
    """Compile and call the function `name`; results are written into the arrays."""
    code = load_kernel(source, [name], passes)
    jit.call(
        code.address(name), [a.ctypes.data if isinstance(a, np.ndarray) else int(a) for a in args]
    )
