"""The demo on the terminal: what became of the model, one kernel at every level, the training."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from time import perf_counter

import torch
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

import fxlower
from fxlower.demo.model import CharGPT, Config, Text
from fxlower.demo.training import Run, train
from fxlower.explanation import Explanation

BATCH = 16
TRAINING_SECONDS = 25
TOLERANCE = 0.02
"""How far the two loss curves may part: rounding differs, and training amplifies that."""

LEVELS = (
    ("fxt", "as imported: one op per step"),
    ("linalg", "one kernel: a sequence of loops over one space, with its schedule"),
    ("loops", "buffers assigned, scalar loops"),
    ("vector", "vectors of the machine, tails masked"),
    ("llvm", "bare pointers and branches"),
    ("s", "assembly"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; the exit status says whether compiled training agrees with eager."""
    parser = argparse.ArgumentParser(
        prog="python -m fxlower",
        description="Train a small GPT, compiled by fxlower beside eager, and show how.",
    )
    parser.add_argument("--steps", type=int, default=100, help="training steps (default: 100)")
    steps = max(1, parser.parse_args(arguments).steps)
    console = Console(highlight=False)

    torch.manual_seed(0)
    text = Text()
    config = Config(vocabulary=len(text.alphabet))
    model = CharGPT(config)
    generator = torch.Generator().manual_seed(0)

    def batch() -> tuple[Tensor, Tensor]:
        return text.batch(BATCH, config.context, generator)

    weights = sum(p.numel() for p in model.parameters())
    console.print(
        f"[bold]fxlower {fxlower.__version__}[/]: a character-level GPT of {weights:,} weights on "
        f"{len(text.data):,} characters of Shakespeare, batch {BATCH} x {config.context}"
    )
    start = perf_counter()
    explanation = fxlower.explain(model, *batch(), backward=True)
    seconds = perf_counter() - start
    show_kernels(console, explanation)
    show_compile_time(console, explanation, seconds)
    show_levels(console)

    console.rule("[bold]Training, eager and compiled, from one seed", align="left")
    with console.status("training"):
        eager, compiled = train(model, steps, batch, seconds=TRAINING_SECONDS)
    return show_training(console, eager, compiled)


def show_kernels(console: Console, explanation: Explanation) -> None:
    """The graphs, the kernels that fusion made of them, and what fell back."""
    console.rule("[bold]Graphs and kernels", align="left")
    for graph in explanation.graphs:
        kinds: Counter[str] = Counter()
        for kernel in graph.kernels:
            kinds[kernel.kind] += kernel.calls
        console.print(
            f"{graph.name}: {graph.operators} operators in {graph.kernel_calls} kernels, "
            f"{len(graph.kernels)} of them unique "
            f"({', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}); "
            f"{len(graph.fallbacks)} in eager mode"
        )
    table = Table("calls", "kind", "loops", "operators fused", box=None, padding=(0, 2, 0, 0))
    graph = explanation.graphs[0]
    largest = sorted(graph.kernels, key=lambda k: (-k.calls * len(k.ops), k.name))[:8]
    for kernel in largest:
        table.add_row(str(kernel.calls), kernel.kind, kernel.loops, ", ".join(kernel.ops))
    console.print(f"[dim]of the {graph.name} graph, by operators:[/]")
    console.print(table)
    for call in explanation.fallbacks:
        console.print(f"in eager mode: {call.target}, {call.reason} ({call.source})")


def show_compile_time(console: Console, explanation: Explanation, seconds: float) -> None:
    ours = sum(g.total_seconds for g in explanation.graphs)
    steps: dict[str, float] = {}
    for graph in explanation.graphs:
        for name, spent in graph.seconds.items():
            steps[name] = steps.get(name, 0.0) + spent
    most = sorted(steps.items(), key=lambda item: -item[1])[:5]
    console.print(
        f"compiled in [bold]{seconds:.1f} s[/], tracing by PyTorch included, "
        f"{ours:.2f} s of it by fxlower: "
        + ", ".join(f"{name} {1e3 * spent:.0f} ms" for name, spent in most)
    )


def show_levels(console: Console) -> None:
    """A layer norm with its activation, one kernel, on its way down."""

    def norm_gelu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.gelu(F.layer_norm(x, (128,), weight, bias))

    console.rule("[bold]One kernel at every level: gelu(layer_norm(x))", align="left")
    texts = fxlower.stages(norm_gelu, torch.randn(1024, 128), torch.ones(128), torch.zeros(128))
    for stage, what in LEVELS:
        if stage not in texts:
            continue
        lines = kernel_lines(stage, texts[stage])
        console.print(f"[bold]{stage}[/] [dim]{what}; {len(lines)} lines[/]")
        lexer = "gas" if stage == "s" else "llvm"
        shown = "\n".join(telling_lines(stage, lines, console.width - 2))
        console.print(
            Syntax(shown, lexer, theme="ansi_dark", background_color="default", padding=(0, 1))
        )


def kernel_lines(stage: str, text: str) -> list[str]:
    """The lines of the first kernel in the text of a stage, outermost function only."""
    opening = {
        "fxt": r"^\s*func\.func @main",
        "s": r"^\w*layer_norm\w*:|^\w+:",
        "llvm": r"^\s*llvm\.func (?!.*external)[^@]*@(?!segment)\w+.*\{$",
    }.get(stage, r"^\s*func\.func private @(?!segment)\w+.*\{$")
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if re.match(opening, line)), 0)
    indent = len(lines[first]) - len(lines[first].lstrip())
    end = re.compile(r"\.Lfunc_end" if stage == "s" else rf"^ {{{indent}}}\}}")
    last = next((i for i in range(first + 1, len(lines)) if end.match(lines[i])), len(lines) - 1)
    return [line[indent:] for line in lines[first : last + 1]]


def telling_lines(stage: str, lines: list[str], width: int, count: int = 9) -> list[str]:
    """The start of a function and of its innermost loop, without constants."""
    dull = re.compile(r"\.constant|mlir\.zero|poison|^\s*\.|^\s*#|^\s*$")
    rest = [line for line in lines[1:-1] if not dull.search(line)]
    marks = {
        "loops": "scf.for",
        "vector": "vector.",
        "llvm": "llvm.load",
        "s": "mulps|fmadd|fmla|fmul",
    }
    mark = re.compile(marks.get(stage, ""))
    first = next((i for i, line in enumerate(rest) if mark.search(line)), 0)
    middle = rest[first : first + count]
    shown = [lines[0], *(["  ..."] if first else []), *middle]
    if first + count < len(rest):
        shown.append("  ...")
    if stage != "s":
        shown.append(lines[-1])
    return [line if len(line) <= width else line[: width - 3] + "..." for line in shown]


def show_training(console: Console, eager: Run, compiled: Run) -> int:
    last = len(eager.losses) - 1
    table = Table("step", "eager", "fxlower", "difference", box=None, padding=(0, 2, 0, 0))
    for step in sorted({round(i * last / 6) for i in range(7)}):
        a, b = eager.losses[step], compiled.losses[step]
        table.add_row(str(step), f"{a:.5f}", f"{b:.5f}", f"{b - a:+.1e}")
    console.print(table)
    console.print(f"eager    {sparkline(eager.losses)}\nfxlower  {sparkline(compiled.losses)}")
    worst = max(abs(a - b) for a, b in zip(eager.losses, compiled.losses, strict=True))
    agree = worst <= TOLERANCE
    verdict = "[green]the curves agree[/]" if agree else "[red]the curves do not agree[/]"
    console.print(f"largest difference of the losses {worst:.1e}: {verdict}")
    slow, fast = eager.milliseconds_per_step, compiled.milliseconds_per_step
    console.print(
        f"time per step, forward, backward and AdamW: eager {slow:.1f} ms, "
        f"fxlower {fast:.1f} ms ([bold]{slow / fast:.2f}x[/])"
    )
    return 0 if agree else 1


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """The values as a row of bars, at most `width` of them."""
    step = max(1, -(-len(values) // width))
    points = [sum(v) / len(v) for v in (values[i : i + step] for i in range(0, len(values), step))]
    low, high = min(points), max(points)
    unit = (high - low) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[round(7 * (v - low) / unit)] for v in points)
