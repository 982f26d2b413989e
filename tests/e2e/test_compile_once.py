"""Equal kernels are compiled once in a process; kernels go to LLVM in the order that ends first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from fxlower import compiler

Compiled = list[list[str]]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Compiled:
    """The functions that each call of LLVM defines for others to call."""
    torch._dynamo.reset()
    seen: Compiled = []
    original = compiler.compile_object

    def recording(ir: str, target: object) -> bytes:
        heads = [line for line in ir.splitlines() if line.startswith("define ")]
        names = [line.split("@", 1)[1].split("(", 1)[0] for line in heads if "internal" not in line]
        seen.append(names)
        return original(ir, target)  # type: ignore[arg-type]

    monkeypatch.setattr(compiler, "compile_object", recording)
    return seen


def kernels(compiled: Compiled) -> list[str]:
    return [n for names in compiled for n in names if not n.startswith("segment_")]


class Layers(nn.Module):
    """`depth` equal layers: two matmuls, two elementwise kernels."""

    def __init__(self, depth: int, width: int):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.Tanh())
            for _ in range(depth)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


@torch.no_grad()
def run(model: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> Callable[..., object]:
    made = torch.compile(model, backend="fxlower", dynamic=False)
    torch.testing.assert_close(made(x), model(x))
    return made


def test_equal_kernels_of_a_graph_are_compiled_once(compiled: Compiled) -> None:
    kept = run(Layers(4, 43), torch.randn(3, 43))
    assert kept is not None
    assert len(kernels(compiled)) == len(set(kernels(compiled))) <= 4


def test_a_second_model_compiles_what_the_first_has_not(compiled: Compiled) -> None:
    kept = [run(Layers(2, 47), torch.randn(3, 47))]
    first = set(kernels(compiled))
    assert first
    compiled.clear()
    kept.append(run(Layers(3, 47), torch.randn(3, 47)))
    assert kernels(compiled) == []
    assert len(compiled) == 1, "only the segment that calls the kernels"
    compiled.clear()
    kept.append(run(Layers(1, 47), torch.randn(5, 47)))
    assert kernels(compiled) and first.isdisjoint(kernels(compiled))


def test_contractions_go_to_llvm_first(compiled: Compiled) -> None:
    kept = run(Layers(1, 59), torch.randn(3, 59))
    assert kept is not None
    kinds = ["matmul" if n[0].startswith("matmul") else n[0].split("_")[0] for n in compiled]
    assert "matmul" in kinds and kinds == sorted(kinds, key=_rank)


def _rank(kind: str) -> int:
    return {"matmul": 0, "segment": 1}.get(kind, 2)
