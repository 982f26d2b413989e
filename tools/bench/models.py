"""Whole models: first call, the backend's share of it by step, and run time beside eager and
Inductor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

import fxlower.backend as backend
from fxlower.report import GraphReport
from fxlower.tools.bench.case import selected
from fxlower.tools.bench.timing import medians


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], tuple[torch.nn.Module, dict[str, torch.Tensor]]]


def bert_base() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig()), {"input_ids": torch.randint(30000, (1, 128))}


def gpt2() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(use_cache=False))
    return model, {"input_ids": torch.randint(50000, (1, 128))}


def llama() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=8000,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=8,
        num_attention_heads=12,
        num_key_value_heads=4,
        use_cache=False,
    )
    return LlamaForCausalLM(config), {"input_ids": torch.randint(8000, (1, 128))}


def vit_base() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    from transformers import ViTConfig, ViTModel

    return ViTModel(ViTConfig()), {"pixel_values": torch.randn(1, 3, 224, 224)}


CASES = (
    Case("bert-base 1x128", bert_base),
    Case("gpt2 1x128", gpt2),
    Case("llama-style 8 layers 1x128", llama),
    Case("vit-base 1x3x224x224", vit_base),
)


def cases(names: Sequence[str] = ()) -> list[Case]:
    """Those whose name contains one of `names`; all of them for none."""
    return selected(CASES, names)


def run(names: list[str], *, inductor: bool, seconds: float) -> None:
    """Print a table of the cases whose name contains one of `names` (all of them for none)."""
    console = Console(width=140)
    table = Table(title="inference, no_grad, f32")
    for heading in (
        "model", "first call", "backend", "in kernels", "kernels", "unique",
        "eager", "fxlower", "ratio", "inductor", "ratio", "max error",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for case in cases(names):
        report = add_row(table, case, inductor, seconds)
        console.print(report.timing_table())
    console.print(table)


def add_row(table: Table, case: Case, inductor: bool, seconds: float) -> GraphReport:
    torch._dynamo.reset()
    torch.manual_seed(0)
    model, inputs = case.make()
    model.eval()
    found: list[GraphReport] = []
    token = backend.reports.set(found)
    compiled: Any = torch.compile(model, backend="fxlower")
    with torch.no_grad():
        start = perf_counter()
        result = compiled(**inputs)[0]
        first = perf_counter() - start
        backend.reports.reset(token)
        error = (result - model(**inputs)[0]).abs().max().item()
        runs: dict[str, Callable[[], object]] = {
            "eager": lambda: model(**inputs),
            "fxlower": lambda: compiled(**inputs),
        }
        if inductor:
            other: Any = torch.compile(model, backend="inductor")
            other(**inputs)
            runs["inductor"] = lambda: other(**inputs)
        times = medians(runs, seconds=seconds)
    report = found[0]
    share = sum(len(r.fallbacks) for r in found) / max(1, sum(r.operators for r in found))
    table.add_row(
        case.name,
        f"{first:.2f} s",
        f"{sum(r.total_seconds for r in found):.2f} s",
        f"{1 - share:.1%}",
        str(sum(r.kernel_calls for r in found)),
        str(sum(len(r.kernels) for r in found)),
        f"{times['eager'] * 1e3:.1f} ms",
        f"{times['fxlower'] * 1e3:.1f} ms",
        f"{times['eager'] / times['fxlower']:.2f}x",
        f"{times['inductor'] * 1e3:.1f} ms" if inductor else "-",
        f"{times['inductor'] / times['fxlower']:.2f}x" if inductor else "-",
        f"{error:.1e}",
    )
    return report
