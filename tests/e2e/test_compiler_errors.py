"""A bug in the compiler: what the error says and leaves behind, and going on in eager mode."""

from __future__ import annotations

import logging
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

import fxlower
from fxlower import compiler
from fxlower.backend import compile_aten_graph
from fxlower.errors import CompilerError
from fxlower.options import Options
from fxlower.passes.form_kernels import FormKernelsPass
from fxlower.passes.vectorize import VectorizePass
from fxlower.standalone import trace
from fxlower.tools import fxlower_opt

aten = torch.ops.aten


class Bug(Exception):
    pass


@pytest.fixture(autouse=True)
def fresh_dynamo() -> None:
    torch._dynamo.reset()


def function(x: Tensor, y: Tensor) -> Tensor:
    return ((x @ y).relu() * 2).softmax(-1)


def inputs() -> tuple[Tensor, Tensor]:
    return torch.randn(17, 23), torch.randn(23, 9)


def error_of(
    tmp_path: Path, fn: Callable[..., Any] = function, args: Any = None, **options: Any
) -> CompilerError:
    """The error that compiling `fn` ends in."""
    compiled = torch.compile(fn, backend="fxlower", options={"dump_ir": str(tmp_path), **options})
    with pytest.raises(Exception) as raised:
        compiled(*(inputs() if args is None else args))
    error: BaseException | None = raised.value
    while error is not None and not isinstance(error, CompilerError):
        error = getattr(error, "inner_exception", None) or error.__cause__
    assert error is not None, raised.value
    assert str(error) in str(raised.value)
    return error


def repeated(error: CompilerError, capsys: pytest.CaptureFixture[str]) -> str:
    """What the error's command says in this process, where the bug is."""
    assert error.command is not None and error.file is not None
    program, *args = shlex.split(error.command)
    assert program == "fxlower-opt" and args[-1] == error.file
    with pytest.raises(BaseException) as raised:
        fxlower_opt.main(args)
    if isinstance(raised.value, SystemExit):
        assert raised.value.code == 1
        return capsys.readouterr().err
    return f"{type(raised.value).__name__}: {raised.value}"


def fails_for(kind: str) -> Callable[..., None]:
    """A pass that fails on modules with a function whose name begins with `kind`."""

    def apply(self: Any, ctx: Any, module: ModuleOp) -> None:
        for op in module.ops:
            if isinstance(op, FuncOp) and op.sym_name.data.startswith(kind):
                raise Bug(f"cannot do {op.sym_name.data}")

    return apply


def test_a_pass_on_the_graph(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(FormKernelsPass, "apply", fails_for("main"))
    error = error_of(tmp_path)
    assert str(error).startswith("form-kernels (stage 'linalg') failed: Bug: cannot do main\n")
    assert "It was compiling test_compiler_errors.py:" in str(error)
    assert error.file is not None and Path(error.file).parent == tmp_path
    assert error.command == f"fxlower-opt -p form-kernels {error.file}"
    assert repeated(error, capsys) == "Bug: cannot do main"
    monkeypatch.undo()
    done = subprocess.run(
        [sys.executable, "-m", "fxlower.tools.fxlower_opt", *shlex.split(error.command)[1:]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "fxlower.kernel" in done.stdout


@pytest.mark.parametrize("options", [{}, {"verify_each": True}, {"machine": "x86-64-v3"}])
def test_a_pass_on_a_kernel_leaves_that_kernel_alone(
    tmp_path, monkeypatch, capsys, options
) -> None:
    apply = fails_for("matmul")
    monkeypatch.setattr(VectorizePass, "apply", apply)
    error = error_of(tmp_path, **options)
    assert error.step == "vectorize" and error.of.startswith("matmul")
    assert error.file is not None
    text = Path(error.file).read_text()
    assert text.count("func.func") == 1 and "scf.for" in text
    assert ("fxlower.machine" in text) == ("machine" in options)
    assert "Bug: cannot do matmul" in repeated(error, capsys)


def test_the_users_line_is_that_of_the_kernel(tmp_path, monkeypatch) -> None:
    def two(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        first = x.sin().cos()
        return first, y @ y

    line = two.__code__.co_firstlineno + 2
    monkeypatch.setattr(VectorizePass, "apply", fails_for("matmul"))
    error = error_of(tmp_path, two, (torch.randn(9), torch.randn(33, 33)))
    assert error.source == f"test_compiler_errors.py:{line} in two"


def test_a_pass_on_segments(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(VectorizePass, "apply", fails_for("segment"))
    error = error_of(tmp_path)
    assert error.of == "segments"
    assert "Bug: cannot do segment_0" in repeated(error, capsys)


def test_ir_that_does_not_verify_names_the_pass(tmp_path, monkeypatch, capsys) -> None:
    original = FormKernelsPass.apply

    def apply(self: Any, ctx: Any, module: ModuleOp) -> None:
        original(self, ctx, module)
        main = compiler.main_of(module)
        main.properties["function_type"] = main.function_type.from_lists([], [])

    monkeypatch.setattr(FormKernelsPass, "apply", apply)
    error = error_of(tmp_path, verify_each=True)
    assert error.step == "form-kernels"
    assert "VerifyException" in str(error)
    assert str(error.cause).splitlines()[0] in repeated(error, capsys)


def test_the_emitter(tmp_path, monkeypatch, capsys) -> None:
    from fxlower.codegen import emitter

    def emit(module: ModuleOp, target: Any) -> str:
        raise emitter.EmitterError("no rule for it")

    monkeypatch.setattr(compiler, "emit_llvm_ir", emit)
    monkeypatch.setattr(emitter, "emit_llvm_ir", emit)
    error = error_of(tmp_path)
    assert error.step == "emit LLVM IR"
    assert "no rule for it" in repeated(error, capsys)


def append(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let the emitter write `text` at the end of each module."""
    from fxlower.codegen import emitter

    original = emitter.emit_llvm_ir

    def emit(module: ModuleOp, target: Any) -> str:
        return original(module, target) + text

    monkeypatch.setattr(compiler, "emit_llvm_ir", emit)
    monkeypatch.setattr(emitter, "emit_llvm_ir", emit)


@pytest.mark.parametrize("dumped", [False, True])
def test_llvm(tmp_path, monkeypatch, capsys, dumped) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    append(monkeypatch, "define nonsense")
    error = error_of(tmp_path, dump_ir=str(tmp_path) if dumped else None)
    assert error.step == "LLVM" and error.of
    assert len(str(error).splitlines()) < 15, "the text itself is in the file"
    assert "LLVM rejected the module" in repeated(error, capsys)


def test_the_linker(tmp_path, monkeypatch, capfd) -> None:
    append(
        monkeypatch,
        "declare void @nowhere()\ndefine void @there() {\n  call void @nowhere()\n  ret void\n}\n",
    )
    error = error_of(tmp_path)
    assert error.step == "link"
    assert "cannot link" in repeated(error, capfd)


def test_the_host_plan_leaves_a_program(tmp_path, monkeypatch) -> None:
    def plan(*args: Any) -> None:
        raise Bug("no plan")

    monkeypatch.setattr(compiler, "build_plan", plan)
    error = error_of(tmp_path)
    assert error.file is not None and error.command == f"python {error.file}"
    with pytest.raises(CompilerError, match="no plan"):
        exec(compile(Path(error.file).read_text(), error.file, "exec"), {})


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_lowering_rule_leaves_a_program(tmp_path, monkeypatch, dynamic) -> None:
    from fxlower.frontend import registry

    def rule(b: Any, x: Any) -> Any:
        raise AssertionError("cannot lower")

    monkeypatch.setitem(registry.RULES, aten.relu.default, rule)
    compiled = torch.compile(
        function, backend="fxlower", dynamic=dynamic, options={"dump_ir": str(tmp_path)}
    )
    with pytest.raises(Exception, match="(?s)import.*cannot lower") as raised:
        compiled(*inputs())
    found = re.search(r"Repeat it with: python (\S+)", str(raised.value))
    assert found is not None
    assert re.search(r"of aten.relu.default at test_compiler_errors.py:\d+", str(raised.value))
    program = Path(found[1]).read_text()
    assert ("symbolic" in program) == dynamic
    with pytest.raises(CompilerError, match="cannot lower"):
        exec(compile(program, found[1], "exec"), {})
    monkeypatch.undo()
    done = subprocess.run([sys.executable, found[1]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_happens_only_once_is_said_to(tmp_path, monkeypatch) -> None:
    original, calls = VectorizePass.apply, []

    def apply(self: Any, ctx: Any, module: ModuleOp) -> None:
        calls.append(module)
        if len(calls) == 1:
            raise Bug("once")
        original(self, ctx, module)

    monkeypatch.setattr(VectorizePass, "apply", apply)
    error = error_of(tmp_path)
    assert "It does not fail when it is done again" in str(error)
    assert error.file is not None and Path(error.file).suffix == ".py"


def test_files_go_to_the_temporary_folder_without_another(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(FormKernelsPass, "apply", fails_for("main"))
    with pytest.raises(Exception, match="fxlower-opt -p form-kernels"):
        torch.compile(function, backend="fxlower")(*inputs())
    (file,) = tmp_path.iterdir()
    assert "func.func @main" in file.read_text()


def test_a_folder_that_cannot_be_written_hides_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(FormKernelsPass, "apply", fails_for("main"))
    (tmp_path / "file").write_text("")
    gm, _ = trace(torch.fx.symbolic_trace(function), list(inputs()), False)
    with pytest.raises(CompilerError, match="(?s)cannot do main.*cannot be written"):
        compile_aten_graph(gm, Options(dump_ir=str(tmp_path / "file")), name="graph")


# ------------------------------------------------------------------------------ on_error


def test_fallback_runs_the_graph_in_eager_mode_with_one_warning(
    tmp_path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(VectorizePass, "apply", fails_for("matmul"))
    options = {"on_error": "fallback", "dump_ir": str(tmp_path)}
    compiled = torch.compile(function, backend="fxlower", options=options)
    args = inputs()
    with caplog.at_level(logging.WARNING, "fxlower"):
        for _ in range(3):
            torch.testing.assert_close(compiled(*args), function(*args))
    (record,) = caplog.records
    (file,) = tmp_path.glob("fxlower-vectorize-*.mlir")
    assert f"fxlower-opt -p vectorize {file}" in record.getMessage()
    assert "eager mode" in record.getMessage()


def test_fallback_of_a_backward_alone(monkeypatch, caplog, tmp_path) -> None:
    def fn(x: Tensor) -> Tensor:
        return x.sin().sum()

    original = compiler.build_plan

    def plan(main: FuncOp, *args: Any) -> Any:
        if "cos" in str(main.parent_op()):
            raise Bug("no plan")
        return original(main, *args)

    monkeypatch.setattr(compiler, "build_plan", plan)
    options = {"on_error": "fallback", "dump_ir": str(tmp_path)}
    compiled = torch.compile(fn, backend="fxlower", options=options)
    x = torch.randn(31, requires_grad=True)
    with caplog.at_level(logging.WARNING, "fxlower"):
        compiled(x).backward()
    torch.testing.assert_close(x.grad, x.detach().cos())
    (record,) = caplog.records
    assert record.getMessage().startswith("a backward graph runs in eager mode")


def test_fallback_keeps_mutation_and_dynamic_sizes(monkeypatch, tmp_path) -> None:
    def fn(x: Tensor, y: Tensor) -> Tensor:
        x.add_(y)
        return x.sum(-1) * x.shape[0]

    monkeypatch.setattr(FormKernelsPass, "apply", fails_for("main"))
    options = {"on_error": "fallback", "dump_ir": str(tmp_path)}
    compiled = torch.compile(fn, backend="fxlower", dynamic=True, options=options)
    for n in (3, 8):
        x, y = torch.randn(n, 5), torch.randn(n, 5)
        x2 = x.clone()
        torch.testing.assert_close(compiled(x, y), fn(x2, y))
        torch.testing.assert_close(x, x2)


def test_fallback_hides_no_error_of_the_user(monkeypatch) -> None:
    options = {"on_error": "fallback", "fallback": "error"}
    with pytest.raises(Exception, match="no lowering for"):
        torch.compile(torch.linalg.eigvals, backend="fxlower", options=options)(torch.eye(3))


def test_raising_is_the_default() -> None:
    assert fxlower.Options().on_error == "raise"
