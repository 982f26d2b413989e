"""LLVM IR text to object code, for the host or any other target.

The kernels are already vectorized, unrolled and free of common subexpressions, so LLVM's -O3
would cost several times more than it gives: a few clean-up passes and the code generator remain.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    with _tools(target) as tools:
        return tools.machine.emit_object(tools.optimized(ir))


def assembly(ir: str, target: TargetSpec) -> str:
    """The assembly text of a module, to look at."""
    with _tools(target) as tools:
        return tools.machine.emit_assembly(tools.optimized(ir))


class _Tools:
    """What generates code for a target. It takes a millisecond to make, llvmlite does not free all
    of it, and no two threads may use it at once."""

    def __init__(self, target: TargetSpec) -> None:
        initialize()
        self.machine = binding.Target.from_triple(target.triple).create_target_machine(
            cpu=target.cpu,
            features=target.features,
            opt=CODEGEN_OPT_LEVEL,
            reloc="pic",
            codemodel="default",
            abiname="lp64d" if target.triple.startswith("riscv64") else "",
        )
        options = binding.create_pipeline_tuning_options(2)
        self.builder = binding.create_pass_builder(self.machine, options)
        self.passes = binding.create_new_module_pass_manager()
        self.passes.add_sroa_pass()
        self.passes.add_simplify_cfg_pass()
        self.passes.add_instruction_combine_pass()

    def optimized(self, ir: str) -> Any:
        """The module of a text, after the passes. It owns its context, which threads cannot share
        either."""
        try:
            module = binding.parse_assembly(ir, binding.create_context())
        except RuntimeError as error:
            raise CodegenError(str(error).rstrip(), ir) from None
        self.passes.run(module, self.builder)
        return module


_Key = tuple[str, str, str]
_UNUSED: dict[_Key, list[_Tools]] = {}
"""Tools that no thread uses now; `pop` and `append` are atomic."""


@contextmanager
def _tools(target: TargetSpec) -> Iterator[_Tools]:
    unused = _UNUSED.setdefault((target.triple, target.cpu, target.features), [])
    try:
        tools = unused.pop()
    except IndexError:
        tools = _Tools(target)
    try:
        yield tools
    finally:
        unused.append(tools)


@cache
def initialize() -> None:
    """Make LLVM know all its targets; needed before anything else, done once."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    binding.initialize_native_asmparser()
