"""Where compile time goes: processor time of each step on every unique kernel, one after another.

Kernels are those of the loop cases, forward and backward, and of the models. In `torch.compile`,
LLVM works on one kernel while Python lowers the next, so that less is waited for than is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import mean, median
from time import thread_time
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch.fx import GraphModule
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp

from fxlower.backend import compile_aten_graph, compile_with_autograd
from fxlower.codegen.emitter import emit_llvm_ir
from fxlower.codegen.object import compile_object
from fxlower.compiler import GRAPH_STAGES, KERNEL_STAGES, Stages, Timings, collector_off
from fxlower.explanation import isolated
from fxlower.frontend.importer import import_graph
from fxlower.options import Options
from fxlower.targets.machines import machine
from fxlower.tools.bench import loops, models

TARGET = {"Python": 10e-3, "LLVM": 15e-3}
"""Seconds for a kernel, on the mean."""


class ProcessorTimings(Timings):
    """Timings that others on the machine disturb little."""

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        start = thread_time()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + thread_time() - start


@dataclass
class Collector:
    """A backend that compiles every graph, and every kernel it has not seen, step by step."""

    options: Options = field(default_factory=lambda: Options.read(None))
    kernels: dict[str, dict[str, float]] = field(default_factory=dict)
    """Seconds of each step, by kernel."""

    kinds: dict[str, str] = field(default_factory=dict)

    graphs: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """Of each graph: operators, and the seconds of each step before kernels are apart."""

    def backend(self, gm: GraphModule, example_inputs: Sequence[Any]) -> Any:
        return compile_with_autograd(gm, example_inputs, self.compiler_of)

    def compiler_of(self, kind: str) -> Callable[[GraphModule, Sequence[Any]], Any]:
        def compile(gm: GraphModule, _: Sequence[Any]) -> Any:
            with collector_off():
                self.take_apart(gm)
            return compile_aten_graph(gm, self.options, name=kind)

        return compile

    def take_apart(self, gm: GraphModule) -> None:
        stages = Stages(machine(self.options.machine), self.options, None, ProcessorTimings())
        with stages.timings.measure("import"):
            imported = import_graph(gm, fallback=self.options.fallback)
        stages.run(imported.module, GRAPH_STAGES)
        self.graphs.append((imported.operators, stages.timings.seconds))
        for function in list(imported.module.ops):
            if isinstance(function, FuncOp):
                kind, name = function.attributes.get("fxlower.kernel"), function.sym_name.data
                if isinstance(kind, StringAttr) and name not in self.kernels:
                    function.detach()
                    self.kinds[name] = kind.data
                    self.kernels[name] = self.kernel_seconds(function)

    def kernel_seconds(self, function: FuncOp) -> dict[str, float]:
        target = machine(self.options.machine)
        stages = Stages(target, self.options, None, ProcessorTimings())
        module = ModuleOp([function])
        stages.run(module, KERNEL_STAGES)
        with stages.timings.measure("emit LLVM IR"):
            text = emit_llvm_ir(module, target)
        with stages.timings.measure("LLVM"):
            compile_object(text, target)
        return stages.timings.seconds


def run(names: Sequence[str]) -> Collector:
    """Compile the loop cases and the models whose name contains one of `names`, and print."""
    warm_up = torch.compile(isolated(torch.exp), backend=Collector().backend)
    warm_up(torch.ones(8))  # the first kernel of a process also pays for what is loaded late
    found = Collector()
    for case in loops.cases(names):
        print(case.name, file=sys.stderr)
        torch._dynamo.reset()
        with torch.set_grad_enabled(case.trains):
            compiled = torch.compile(
                isolated(case.function), backend=found.backend, dynamic=case.dynamic
            )
            compiled(*case.inputs())
    for model_case in models.cases(names):
        print(model_case.name, file=sys.stderr)
        torch._dynamo.reset()
        model, inputs = model_case.make()
        with torch.no_grad():
            torch.compile(model.eval(), backend=found.backend)(**inputs)
    console = Console(width=max(120, Console().width))
    console.print(kernel_table(found))
    console.print(graph_table(found))
    console.print(verdict(found), highlight=False)
    return found


def kernel_table(found: Collector) -> Table:
    table = Table(title=f"ms of processor time for each of {len(found.kernels)} unique kernels")
    table.add_column("step")
    for heading in ("mean", "median", "worst"):
        table.add_column(heading, justify="right")
    table.add_column("the worst")
    for step, seconds in {**by_step(found), **totals(found)}.items():
        worst = max(seconds, key=lambda name: seconds[name])
        values = list(seconds.values())
        figures = [f"{s * 1e3:.2f}" for s in (mean(values), median(values), seconds[worst])]
        table.add_row(step, *figures, worst)
    return table


def by_step(found: Collector) -> dict[str, dict[str, float]]:
    """Seconds of each kernel, by step."""
    steps = dict.fromkeys(step for seconds in found.kernels.values() for step in seconds)
    return {
        step: {name: seconds.get(step, 0.0) for name, seconds in found.kernels.items()}
        for step in steps
        if step != "LLVM"
    }


def totals(found: Collector) -> dict[str, dict[str, float]]:
    """Seconds of each kernel in Python, that is all but LLVM, and in LLVM."""
    kernels = found.kernels.items()
    return {
        "Python": {name: sum(s.values()) - s["LLVM"] for name, s in kernels},
        "LLVM": {name: s["LLVM"] for name, s in kernels},
    }


def graph_table(found: Collector) -> Table:
    operators = sum(n for n, _ in found.graphs)
    table = Table(title=f"ms for the whole graphs: {len(found.graphs)}, {operators} operators")
    table.add_column("step")
    for heading in ("all", "for an operator", "for a unique kernel"):
        table.add_column(heading, justify="right")
    for step in dict.fromkeys(step for _, seconds in found.graphs for step in seconds):
        total = 1e3 * sum(seconds.get(step, 0.0) for _, seconds in found.graphs)
        of_kernel = total / max(1, len(found.kernels))
        table.add_row(step, f"{total:.1f}", f"{total / operators:.3f}", f"{of_kernel:.2f}")
    return table


def verdict(found: Collector) -> str:
    lines: list[str] = []
    for part, seconds in totals(found).items():
        lines.append(
            f"{part}: {mean(seconds.values()) * 1e3:.1f} ms for a kernel, target "
            f"{TARGET[part] * 1e3:.0f} ms; {sum(s > TARGET[part] for s in seconds.values())} of "
            f"{len(seconds)} kernels take longer"
        )
        for kind in sorted(set(found.kinds.values())):
            of_kind = [s for name, s in seconds.items() if found.kinds[name] == kind]
            lines.append(f"  {mean(of_kind) * 1e3:5.1f} ms for each of {len(of_kind)} {kind}")
    return "\n".join(lines)
