"""Whole models: the first call, which compiles, and the calls after it, of fxlower and of others.

All are given the same torch model in f32, in eager mode's results its first output; the runtimes
get it exported, with inputs and results bound. Caches on disk are off, and every alternative has
compiled something small before: what it takes to load its libraries is not the model's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch._inductor.config
from rich.console import Console
from rich.table import Table

from fxlower.report import GraphReport
from fxlower.tools.bench import case, loops, peers, summary
from fxlower.tools.bench.case import normal, selected
from fxlower.tools.bench.peers import Fxlower, Peer
from fxlower.tools.bench.summary import Measured


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


@dataclass
class MeasuredModel(Measured):
    """A model, with what became of its graphs."""

    graphs: list[GraphReport] = field(default_factory=list)


class FirstOutput(torch.nn.Module):
    """A model of tensors by position, that returns the first of its outputs: models of
    transformers take keywords and return dataclasses."""

    def __init__(self, model: torch.nn.Module, keywords: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.keywords = tuple(keywords)

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.model(**dict(zip(self.keywords, inputs, strict=True)))[0]


def run(
    names: Sequence[str],
    *,
    with_peers: Sequence[str],
    seconds: float,
    statistic: loops.Statistic = median,
    json: Path | None = None,
    verbose: bool = False,
) -> list[MeasuredModel]:
    """Print a table of the cases whose name contains one of `names` (all of them for none)."""
    console = Console(width=max(120, Console().width))
    alternatives = [peers.make(name) for name in with_peers]
    warm_up(alternatives)
    found: list[MeasuredModel] = []
    for number, chosen in enumerate(selected(CASES, names), 1):
        print(f"[{number}] {chosen.name}", file=sys.stderr)
        found.append(measure(chosen, alternatives, seconds, statistic))
        if verbose:
            console.print(*(g.timing_table() for g in found[-1].graphs), sep="\n")
    console.print(table(found, with_peers))
    console.print(conclusions(found, with_peers, verbose), highlight=False)
    if json is not None:
        json.write_text(summary.as_json(found, with_peers, None))
    return found


def warm_up(alternatives: Sequence[Peer]) -> None:
    """Load what alternatives load late, the first time they compile."""
    small = case.Case("warm up", torch.relu, (normal(2, 3),))
    loops.measure(small, alternatives, None, 0.0, min)


def measure(
    chosen: Case, alternatives: Sequence[Peer], seconds: float, statistic: loops.Statistic
) -> MeasuredModel:
    """A model on fxlower and the others. What fails is noted, and the others go on."""
    torch.manual_seed(0)
    model, inputs = chosen.make()
    function = FirstOutput(model.eval(), list(inputs))
    makes = tuple(lambda value=value: value for value in inputs.values())
    own = Fxlower()
    with torch._inductor.config.patch(force_disable_caches=True):
        measured = loops.measure(
            case.Case(chosen.name, function, makes), alternatives, None, seconds, statistic, own
        )
    return MeasuredModel(**vars(measured), graphs=own.reports)


def table(found: Sequence[MeasuredModel], names: Sequence[str]) -> Table:
    made = Table(title=f"inference in f32, {torch.get_num_threads()} threads")
    made.add_column("model")
    made.add_column("by")
    for heading in ("first call", "a call", "fxlower / it", "error"):
        made.add_column(heading, justify="right")
    made.add_column("of fxlower")
    for m in found:
        notes = described(m)
        for row, name in enumerate(("fxlower", *names)):
            note = notes[row] if row < len(notes) else ""
            made.add_row(m.name if row == 0 else "", *cells(m, name), note)
        for note in notes[1 + len(names) :]:
            made.add_row(*[""] * 6, note)
        made.add_section()
    return made


def cells(m: Measured, name: str) -> list[str]:
    """A runtime's row: its name, its times, the ratio and the error."""
    if name not in m.seconds:
        return [name, "", "FAILS", "", ""]
    ratio = m.ratio(name)
    return [
        name,
        f"{m.first[name]:.2f} s",
        f"{m.seconds[name] * 1e3:.1f} ms",
        "-" if name == "fxlower" or ratio is None else f"{ratio:.2f}x",
        f"{m.errors[name]:.0e}" + ("" if m.is_right(name) else " WRONG"),
    ]


def described(m: MeasuredModel) -> list[str]:
    """What became of the graphs, in lines."""
    operators = sum(g.operators for g in m.graphs)
    fallbacks = sum(len(g.fallbacks) for g in m.graphs)
    seconds = sum(g.total_seconds for g in m.graphs)
    lines = [
        f"{sum(g.kernel_calls for g in m.graphs)} kernels, "
        f"{sum(len(g.kernels) for g in m.graphs)} unique",
        f"{1 - fallbacks / max(1, operators):.1%} of {operators} operators",
        f"{seconds:.2f} s of the first call",
    ]
    if m.native is not None:
        lines.insert(0, f"{m.native * 1e3:.1f} ms in machine code")
    return lines


def conclusions(found: Sequence[MeasuredModel], names: Sequence[str], verbose: bool = False) -> str:
    lines = [*summary.means(found, names), "", *summary.misses(found, names), ""]
    return "\n".join([*lines, *summary.absences(found, names, verbose)]).strip()
