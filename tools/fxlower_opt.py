"""`fxlower-opt`: parse IR, run passes, print IR. Never imports torch.

fxlower-opt -p canonicalize-fxt,form-kernels model.mlir       passes by name
fxlower-opt --until loops model.mlir                          the machine's pipeline
fxlower-opt --from linalg --until vector kernel.mlir          the part of it in between
fxlower-opt --machine x86-64-v4 --emit asm model.mlir         all of it, and code generation
fxlower-opt --from llvm --emit addresses kernel.mlir          the linker, on this machine
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import IO, NoReturn, cast

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass
from xdsl.universe import XDSL_UNIVERSE
from xdsl.utils.arg_spec import parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError
from xdsl.utils.mlir_lexer import MLIRLexer
from xdsl.xdsl_opt_main import xDSLOptMain

from fxlower.errors import FxlowerError, TargetError, choices
from fxlower.passes.target import target_of
from fxlower.targets.machines import FIXED, machine
from fxlower.targets.spec import PIPELINE, TargetSpec
from fxlower.tools.instrumentation import Instrumentation
from fxlower.universe import FXLOWER_UNIVERSE, PASSES, REPLACED_DIALECTS

STAGES = [stage for stage, _ in PIPELINE]


# xDSL 0.74's expression has a nested quantifier: time exponential in the length of a string that is
# not closed. This one takes the same strings without going back.
MLIRLexer._unescaped_characters_regex = re.compile(  # pyright: ignore[reportPrivateUsage]
    r'"(?:[^"\\\n\v\f]++|\\(?:["nt\\]|[0-9A-Fa-f]{2}))*+"'
)


class UsageError(FxlowerError):
    """A command line that cannot be run."""


class InputError(FxlowerError):
    """A file that is not IR, in a way that the parser has no words for."""


class FxlowerOptMain(xDSLOptMain):
    """xdsl-opt with exactly two universes: other installed plugins cannot change a test."""

    version_format = "fxlower-opt built on xdsl {xdsl_version}"

    def register_all_dialects(self) -> None:
        dialects = XDSL_UNIVERSE.all_dialects | REPLACED_DIALECTS | FXLOWER_UNIVERSE.all_dialects
        for name, factory in dialects.items():
            self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        for universe in (XDSL_UNIVERSE, FXLOWER_UNIVERSE):
            for name, factory in universe.all_passes.items():
                self.register_pass(name, factory)

    def register_all_targets(self) -> None:
        self.available_targets.update(XDSL_UNIVERSE.all_targets)

    def get_input_stream(self) -> tuple[IO[bytes], str]:
        """Read any file as IR, whatever its extension."""
        stream, _ = super().get_input_stream()
        return stream, "mlir"

    def parse_chunk(
        self, chunk: IO[bytes], file_extension: str, start_offset: int = 0
    ) -> ModuleOp | None:
        try:
            return super().parse_chunk(chunk, file_extension, start_offset)
        except (ParseError, DiagnosticException):
            raise
        except Exception as error:  # of the constructors of attributes, which xDSL lets through
            message = str(error) or type(error).__name__
            raise InputError(f"{self.get_input_name()}: malformed IR: {message}") from error

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.prog = "fxlower-opt"
        ours = arg_parser.add_argument_group("fxlower")
        ours.add_argument(
            "--machine",
            metavar="NAME",
            help=f"compile for this machine: host, {', '.join(FIXED)}",
        )
        ours.add_argument(
            "--from",
            dest="start",
            metavar="STAGE",
            help=f"the input is at this stage: {', '.join(STAGES)}",
        )
        ours.add_argument(
            "--until", metavar="STAGE", help="run the machine's passes up to this stage"
        )
        ours.add_argument(
            "--emit",
            choices=("llvm", "asm", "obj", "addresses"),
            help="print LLVM IR, assembly, an object file, or where its functions are once they are"
            " linked into this process; after all stages or those of -p",
        )
        ours.add_argument(
            "--print-after-all",
            dest="print_between_passes",
            action="store_true",
            help="print the IR after each pass (to stderr)",
        )
        ours.add_argument(
            "--print-after-change",
            action="store_true",
            help="print the IR after each pass that changed it (to stderr)",
        )
        ours.add_argument(
            "--verify-each",
            action="store_true",
            help="verify after each pass, not only the input and the result",
        )
        ours.add_argument(
            "--timing",
            dest="time_passes",
            action="store_true",
            help="print a table of the time of each pass (to stderr)",
        )

    def setup_pipeline(self) -> None:
        """Check what can be checked before the input is read."""
        args = self.args
        staged = args.start is not None or args.until is not None
        if args.passes and staged:
            raise UsageError(
                "-p names the passes, --from and --until choose them: give one or the other"
            )
        if args.machine is not None:
            machine(args.machine)
        self.passes_text: str | None = args.passes
        if staged or (args.emit and not args.passes):
            self.passes_text = None
        if self.passes_text is not None:
            self.parse_passes(self.passes_text)

    def parse_passes(self, text: str) -> tuple[ModulePass, ...]:
        try:
            specs = tuple(parse_pipeline(text))
        except ArgSpecParseError as error:
            raise UsageError(str(error).rstrip()) from None
        passes: list[ModulePass] = []
        for spec in specs:
            if spec.name not in self.available_passes:
                raise UsageError(
                    f"no pass '{spec.name}'; {choices(spec.name, self.available_passes, PASSES)}"
                    " (--help lists those of xDSL as well)"
                )
            try:
                passes.append(self.available_passes[spec.name]().from_spec(spec))
            except ValueError as error:
                raise UsageError(f"pass '{spec.name}': {error}") from None
        return tuple(passes)

    def apply_passes(self, prog: ModuleOp) -> None:
        if self.args.machine is not None:
            prog.attributes["fxlower.machine"] = StringAttr(self.args.machine)
        target = target_of(prog)
        text = self.passes_text
        if text is None:
            text = target.pipeline(start=self.args.start, until=self.args.until)
        passes = self.parse_passes(text)
        verify = not self.args.disable_verify
        if verify:
            prog.verify()
        instrumentation = Instrumentation(
            print_all=self.args.print_between_passes,
            print_changed=self.args.print_after_change,
            verify_each=verify and self.args.verify_each,
            generic=self.args.print_op_generic,
        )
        for index, each in enumerate(passes):
            try:
                instrumentation.run(each, self.ctx, prog)
            except Exception as error:
                if not self.args.verify_diagnostics:
                    error.add_note(f"reproduce: {self.command(passes[: index + 1])}")
                raise
        if self.args.time_passes:
            instrumentation.print_times()
        if verify and passes and not self.args.verify_each:
            prog.verify()

    def command(self, passes: Sequence[ModulePass]) -> str:
        """The command line that runs just `passes` on this input."""
        words = ["fxlower-opt", "-p", ",".join(str(p.spec()) for p in passes)]
        if self.args.machine is not None:
            words += ["--machine", self.args.machine]
        words += [self.args.input_file] if self.args.input_file else []
        return shlex.join(words)

    def prepare_output(self) -> IO[str]:
        self.output = super().prepare_output()
        return self.output

    def output_resulting_program(self, prog: ModuleOp) -> str:
        if self.args.emit is None:
            return super().output_resulting_program(prog)
        from fxlower.codegen.emitter import EmitterError, emit_llvm_ir
        from fxlower.codegen.object import CodegenError, assembly, compile_object

        target = target_of(prog)
        try:
            text = emit_llvm_ir(prog, target)
            if self.args.emit == "llvm":
                return text
            if self.args.emit == "asm":
                return assembly(text, target)
            code = compile_object(text, target)
            if self.args.emit == "addresses":
                return addresses(prog, code, target)
        except (EmitterError, CodegenError) as error:
            raise InputError(
                f"--emit {self.args.emit} needs a module at stage llvm: {error}"
            ) from error
        self.output.flush()
        cast(TextIOWrapper, self.output).buffer.write(code)
        return ""


def addresses(prog: ModuleOp, code: bytes, target: TargetSpec) -> str:
    """Where the functions of `prog` are in memory after `code` was linked. Those that it only
    declares are taken to be anywhere: nothing is called."""
    from fxlower.dialects import llvm
    from fxlower.runtime.jit import library_symbols, load, serial_parallel_for

    functions = [op for op in prog.ops if isinstance(op, llvm.FuncOp)]
    exports = [
        f.sym_name.data for f in functions if f.body.blocks and f.linkage.linkage.data != "internal"
    ]
    library = {p.symbol for p in target.library}
    declared = [f.sym_name.data for f in functions if not f.body.blocks]
    symbols = {n: serial_parallel_for() for n in declared if n not in library}
    symbols |= library_symbols(n for n in declared if n in library)
    loaded = load(code, exports, {n: a for n, a in symbols.items() if n != "fxlower_parallel_for"})
    return "".join(f"{loaded.address(name):#018x} {name}\n" for name in exports)


def main(args: Sequence[str] | None = None) -> None:
    """Run the tool. Bad input ends in one message and status 1, a bad command line in status 2."""
    try:
        FxlowerOptMain("Parse IR, run passes, print IR.", args).run()
    except (UsageError, TargetError) as error:
        fail(2, str(error))
    except (ParseError, DiagnosticException, FxlowerError) as error:
        fail(1, "\n".join([str(error).rstrip(), *getattr(error, "__notes__", ())]))
    except BrokenPipeError:  # `fxlower-opt ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        fail(1, f"{error.strerror}: {error.filename}")


def fail(status: int, message: str) -> NoReturn:
    print(f"fxlower-opt: error: {message}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
