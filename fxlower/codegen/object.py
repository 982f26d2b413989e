"""LLVM IR text to object code, for the host or any other target.

The kernels are already vectorized, unrolled and free of common subexpressions, so LLVM's -O3
would cost several times more than it gives: a few clean-up passes and the code generator remain.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from llvmlite import binding

from fxlower.targets.spec import TargetSpec

CODEGEN_OPT_LEVEL = 2


class CodegenError(Exception):
    """LLVM rejected its input: an error of fxlower, with LLVM's words. `ir` is the text."""

    def __init__(self, words: str, ir: str) -> None:
        super().__init__(f"LLVM rejected the module: {words}")
        self.ir = ir


def compile_object(ir: str, target: TargetSpec) -> bytes:
    """The object file of a module in LLVM IR text. Safe to call from several threads.

    Raises:
        CodegenError: the text is not valid LLVM IR.
    """
    machine, module, context = _optimized(ir, target)
    with module:
        return machine.emit_object(module)


def assembly(ir: str, target: TargetSpec) -> str:
    """The assembly text of a module, to look at."""
    machine, module, context = _optimized(ir, target)
    with module:
        return machine.emit_assembly(module)


class _Machines(threading.local):
    """Target machines are not safe to share between threads, and cost a millisecond to make."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, str, str], Any] = {}


_machines = _Machines()


@cache
def initialize() -> None:
    """Make LLVM know all its targets; needed before anything else, done once."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    binding.initialize_native_asmparser()


def target_machine(target: TargetSpec) -> Any:
    """This thread's `llvmlite.binding.TargetMachine` for `target`."""
    key = (target.triple, target.cpu, target.features)
    machine = _machines.of.get(key)
    if machine is None:
        initialize()
        machine = binding.Target.from_triple(target.triple).create_target_machine(
            cpu=target.cpu,
            features=target.features,
            opt=CODEGEN_OPT_LEVEL,
            reloc="pic",
            codemodel="default",
            abiname="lp64d" if target.triple.startswith("riscv64") else "",
        )
        _machines.of[key] = machine
    return machine


def _optimized(ir: str, target: TargetSpec) -> tuple[Any, Any, Any]:
    machine = target_machine(target)
    context = binding.create_context()  # one each: a shared context is not safe among threads
    try:
        module = binding.parse_assembly(ir, context)
    except RuntimeError as error:
        raise CodegenError(str(error).rstrip(), ir) from None
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(2))
    passes = binding.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    passes.run(module, builder)
    return machine, module, context
