"""Compiling graphs and exported programs without torch.compile; explain, stages, dumps."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

import fxlower
from fxlower.errors import FxlowerError


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(19, 23)
        self.norm = nn.LayerNorm(23)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": torch.nn.functional.gelu(self.norm(self.linear(x))), "n": self.count + 1}


class Counter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count.add_(1)
        return x * self.count


def test_a_traced_module():
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(7, 19)
    run = fxlower.compile(torch.fx.symbolic_trace(net), [x])
    found, expected = run(x), net(x)
    assert set(found) == {"y", "n"}
    torch.testing.assert_close(found["y"], expected["y"].detach())


def test_a_traced_module_of_any_size():
    torch.manual_seed(0)
    net = Net().eval()
    run = fxlower.compile(torch.fx.symbolic_trace(net), [torch.randn(7, 19)], dynamic=True)
    for rows in (2, 7, 33):
        x = torch.randn(rows, 19)
        torch.testing.assert_close(run(x)["y"], net(x)["y"].detach())
    with pytest.raises(FxlowerError, match="sizes"):
        run(torch.randn(7, 20))


def test_an_exported_program():
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(7, 19)
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(net, (x,), dynamic_shapes={"x": {0: batch}})
    run = fxlower.compile(program)
    for rows in (2, 7, 33):
        x = torch.randn(rows, 19)
        torch.testing.assert_close(run(x)["y"], net(x)["y"].detach())


def test_sizes_that_an_exported_program_is_not_for():
    class Head(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:3] * 2

    sizes = ({0: torch.export.Dim("rows", min=3)},)
    compiled = fxlower.compile(
        torch.export.export(Head(), (torch.ones(9, 6),), dynamic_shapes=sizes)
    )
    assert compiled(torch.ones(3, 6)).tolist() == [[2.0] * 6] * 3
    for rows in (2, 0):
        with pytest.raises(FxlowerError, match=f"got {rows}"):
            compiled(torch.ones(rows, 6))


def test_an_exported_program_that_changes_a_buffer():
    program = torch.export.export(Counter(), (torch.ones(3),))
    run = fxlower.compile(program)
    assert run(torch.ones(3)).tolist() == [1, 1, 1]
    assert run(torch.ones(3)).tolist() == [2, 2, 2]


def test_example_inputs_are_needed():
    with pytest.raises(FxlowerError, match="example_inputs"):
        fxlower.compile(torch.fx.symbolic_trace(lambda x: x + 1))


def test_import_fx_is_text():
    gm = torch.fx.experimental.proxy_tensor.make_fx(lambda x: torch.relu(x) + 1)(torch.ones(3))
    traced = torch.fx.symbolic_trace(Net())
    program = torch.export.export(Net(), (torch.ones(3, 19),))
    for text in (
        str(fxlower.import_fx(gm)),
        str(fxlower.import_fx(traced, [torch.ones(3, 19)])),
        str(fxlower.import_fx(program)),
    ):
        assert "fxt.add" in text and "func.func @main" in text


def softmax(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x * 2, -1)


def test_explain_says_what_was_fused_and_what_falls_back():
    explanation = fxlower.explain(lambda x: torch.linalg.svdvals(softmax(x)), torch.randn(8, 40))
    (graph,) = explanation.graphs
    (kernel,) = [k for k in graph.kernels if "exp" in k.ops]
    assert {"amax", "sub", "exp", "sum", "div"} <= set(kernel.ops)
    assert kernel.calls == 1 and "[40]" in kernel.loops and "vector_dim" in kernel.schedule
    (fallback,) = explanation.fallbacks
    assert "svd" in str(fallback.target) and "test_standalone.py" in fallback.source
    for part in (kernel.name, "aten._linalg_svd", "no lowering", "test_standalone.py"):
        assert part in str(explanation)


def test_explain_compiles_the_backward_too():
    weight = torch.randn(5, 5, requires_grad=True)
    explanation = fxlower.explain(lambda w: (w @ w).sin(), weight, backward=True)
    assert [g.name for g in explanation.graphs] == ["forward", "backward"]
    assert weight.grad is None


def test_stages_are_all_there():
    stages = fxlower.stages(softmax, torch.randn(512, 333))
    assert list(stages) == ["fx", "fxt", "tensor", "linalg", "loops", "vector", "llvm", "ll", "s"]
    for stage, text in (
        ("fxt", "fxt.exp"),
        ("linalg", "linalg.generic"),
        ("loops", "scf.parallel"),
        ("vector", "vector<16xf32>" if "v16f32" in stages["ll"] else "vector<"),
        ("llvm", "llvm.func"),
        ("ll", "define"),
    ):
        assert text in stages[stage], stage


def test_dumped_files_are_read_again(tmp_path):
    torch._dynamo.reset()
    run = torch.compile(softmax, backend="fxlower", options={"dump_ir": str(tmp_path)})
    run(torch.randn(4, 33))
    (folder,) = tmp_path.iterdir()
    files = sorted(folder.glob("*.mlir"))
    assert [f.stem[3:] for f in files] == ["fxt", "tensor", "linalg", "loops", "vector", "llvm"]
    for file in files:
        command = [sys.executable, "-m", "fxlower.tools.fxlower_opt", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == file.read_text().strip() or file.stem[3:] != "fxt"
    again = [sys.executable, "-m", "fxlower.tools.fxlower_opt", "--until", "llvm", str(files[0])]
    done = subprocess.run(again, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "llvm.func" in done.stdout, done.stderr


def test_timing_is_printed(capsys):
    torch._dynamo.reset()
    torch.compile(softmax, backend="fxlower", options={"timing": True})(torch.randn(4, 34))
    assert "form-kernels" in capsys.readouterr().out


def test_torch_trace_gets_the_stages(tmp_path):
    script = (
        "import torch\n"
        "torch.compile(lambda x: torch.softmax(x, -1), backend='fxlower')(torch.randn(4, 33))\n"
    )
    env = {**os.environ, "TORCH_TRACE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], env=env, check=True, capture_output=True)
    text = "".join(f.read_text() for f in tmp_path.rglob("*.log"))
    for stage in ("fxt", "linalg", "loops", "vector", "llvm"):
        assert f"fxlower_inference_{stage}" in text


def test_verify_each_finds_nothing():
    torch._dynamo.reset()
    run = torch.compile(softmax, backend="fxlower", options={"verify_each": True})
    x = torch.randn(4, 35)
    torch.testing.assert_close(run(x), softmax(x))


def test_explanations_of_other_sizes_are_not_dynamic():
    for size in (19, 20, 21, 22):
        assert (
            f"tensor<{size}x{size}xf32>"
            in fxlower.stages(torch.neg, torch.randn(size, size))["fxt"]
        )
