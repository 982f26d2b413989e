"""`fxlower.bisect` on compilers with a pass that computes something else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

import fxlower
from fxlower import compiler
from fxlower.dialects import arith, fxt
from fxlower.runtime import loading
from fxlower.targets.host import host


@dataclass(frozen=True)
class SabotagePass(ModulePass):
    """Additions in functions whose name begins with `kernel` become subtractions."""

    name = "sabotage"
    kernel: str = "add_mul"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, FuncOp) and function.sym_name.data.startswith(self.kernel):
                spoil(function)


def spoil(function: FuncOp) -> None:
    others: dict[type[Operation], type[Operation]] = {
        arith.AddfOp: arith.SubfOp,
        fxt.AddOp: fxt.SubOp,
    }
    for op in list(function.walk()):
        if (other := others.get(type(op))) is not None:
            made = other.create(operands=op.operands, result_types=[r.type for r in op.results])
            assert op.parent is not None
            op.parent.insert_op_before(made, op)
            for before, after in zip(op.results, made.results, strict=True):
                after.name_hint = before.name_hint
                before.replace_all_uses_with(after)
            op.detach()
            op.erase()


@pytest.fixture
def sabotaged(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts the pass behind another one of the pipeline."""

    def put(behind: str, kernel: str) -> None:
        compiler.compiler_pass("form-kernels")
        monkeypatch.setitem(compiler._PASSES, "sabotage", SabotagePass(kernel))
        stages = tuple(
            (stage, ",".join(f"{n},sabotage" if n == behind else n for n in names.split(",")))
            for stage, names in host().stages
        )
        target = replace(host(), stages=stages)
        monkeypatch.setattr(compiler, "machine", lambda name: target)
        for module in (compiler, loading):
            monkeypatch.setattr(module, "KERNELS", {})

    return put


def two_kernels(x: Tensor, y: Tensor) -> Tensor:
    product = (x + y) * 2
    return torch.cumsum(product, 0).sin() + y


def inputs() -> tuple[Tensor, Tensor]:
    return torch.randn(17, 33), torch.randn(17, 33)


def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path) -> None:
    found = fxlower.bisect(two_kernels, *inputs(), folder=tmp_path)
    assert not found and str(found).startswith("nothing differs in 1 graphs")


@pytest.mark.parametrize("behind", ["convert-linalg-to-scf", "vectorize"])
def test_a_pass_on_kernels(sabotaged, tmp_path: Path, behind: str) -> None:
    sabotaged(behind, "add_mul")
    found = fxlower.bisect(two_kernels, *inputs(), folder=tmp_path)
    assert found.level == "machine code"
    assert found.passes == ("sabotage",)
    assert found.kernel is not None and found.kernel.startswith("add_mul")
    assert found.source is not None and found.source.startswith("test_bisect.py:")
    assert "instead of" in found.difference
    names = [file.name.split("-", 1)[1] for file in found.files]
    assert names[0] == "linalg.mlir" and "sabotage.mlir" in names
    assert "sabotage of kernel add_mul" in str(found)


@pytest.mark.parametrize(
    "behind,kernel,level",
    [("canonicalize-fxt", "main", "tensor"), ("form-kernels", "add_mul", "linalg")],
)
def test_a_pass_on_the_graph(sabotaged, tmp_path, behind: str, kernel: str, level: str) -> None:
    sabotaged(behind, kernel)
    found = fxlower.bisect(two_kernels, *inputs(), folder=tmp_path)
    assert (found.level, found.passes) == (level, ("sabotage",))
    assert found.source is not None and found.source.startswith("test_bisect.py:")
    before, after = found.files
    assert before.read_text() != after.read_text()
    if level == "linalg":
        assert found.kernel is not None and found.kernel.startswith("add_mul")


def test_a_rule_of_the_importer(monkeypatch, tmp_path: Path) -> None:
    from fxlower.frontend import aten, registry  # noqa: F401  (all rules, before one is replaced)

    monkeypatch.setitem(registry.RULES, torch.ops.aten.sin.default, lambda b, x: b.neg(x))
    found = fxlower.bisect(two_kernels, *inputs(), folder=tmp_path)
    assert (found.level, found.passes) == ("fxt", ("import",))
    assert found.source is not None and found.source.startswith("aten.sin.default at test_bisect")


def test_a_pass_that_cannot_be_left_out(monkeypatch, tmp_path: Path) -> None:
    from fxlower.passes.convert_linalg_to_scf import ConvertLinalgToScfPass

    original = ConvertLinalgToScfPass.apply

    def apply(self: Any, ctx: Context, op: ModuleOp) -> None:
        original(self, ctx, op)
        SabotagePass().apply(ctx, op)

    monkeypatch.setattr(ConvertLinalgToScfPass, "apply", apply)
    found = fxlower.bisect(two_kernels, *inputs(), folder=tmp_path)
    assert found.level == "machine code" and "convert-linalg-to-scf" in found.passes
    assert "vectorize" not in found.passes


def test_the_backward_and_dynamic_sizes(sabotaged, tmp_path: Path) -> None:
    def function(x: Tensor, w: Tensor) -> Tensor:
        return ((x @ w).tanh() * 3 + 1).sum()

    x, w = torch.randn(9, 8, requires_grad=True), torch.randn(8, 11, requires_grad=True)
    right = fxlower.bisect(function, x, w, backward=True, dynamic=True, folder=tmp_path)
    assert not right and right.graphs == 2
    assert x.grad is None


class Layer(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(width, 4, batch_first=True)
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(width) for _ in range(2))
        self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norms[0](x + self.attention(x, x, x, need_weights=False)[0])
        return self.norms[1](x + self.down(torch.nn.functional.gelu(self.up(x))))


def test_a_transformer_of_two_layers(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Embedding(50, 64), Layer(64), Layer(64))
    found = fxlower.bisect(model, torch.randint(50, (2, 21)), backward=True, folder=tmp_path)
    assert not found, str(found)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sort(-1)[0] * 2,
        lambda x: x.add_(1) * 2,
        lambda x: x[2:9:3].mul_(2).sum() + x.flip(0).t().cumsum(0).sum(),
        lambda x: torch.linalg.qr(x)[1].abs() + 1,
        lambda x: (x.bfloat16() @ x.bfloat16().t()).softmax(-1),
        lambda x: torch.nn.functional.conv2d(x[None, None], x[None, None, :3, :3]).relu(),
        lambda x: torch.zeros(7, 9).index_add(0, x.argsort(0)[:, 0] % 7, x),
        lambda x: torch.complex(x, x).abs() + torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,)),
    ],
    ids=["sort", "in_place", "views", "fallback", "bf16", "conv", "scatter", "control_flow"],
)
def test_what_is_right_is_not_blamed(tmp_path, function: Any, dynamic: bool) -> None:
    x = torch.randn(12, 9)
    before = x.clone()
    found = fxlower.bisect(function, x.clone(), dynamic=dynamic, folder=tmp_path)
    assert not found, str(found)
    assert torch.equal(x, before)
