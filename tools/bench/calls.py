"""Calls of small graphs: what the host, AOTAutograd and Dynamo cost where kernels cost nothing.

Beside eager mode, `aot_eager` and Inductor there is the `floor`: AOTAutograd with graphs that
compute nothing and return the same tensors each time. No backend behind it can be below that.
"""

from __future__ import annotations

import json as json_format
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch._dynamo.backends.common import aot_autograd
from torch._subclasses.fake_tensor import unset_fake_temporarily

from fxlower.tools.bench import timing
from fxlower.tools.bench.case import selected
from fxlower.tools.bench.loops import Statistic

PEERS = ("eager", "floor", "aot_eager", "inductor")


@dataclass(frozen=True)
class Case:
    """`make` gives what is compiled and an input. `backward` as well, or `gradients` on at least:
    autograd has its part in a call then."""

    name: str
    make: Callable[[], tuple[Callable[..., Any], torch.Tensor]]
    gradients: bool = False
    backward: bool = False
    dynamic: bool | None = None


def increment() -> tuple[Callable[..., Any], torch.Tensor]:
    return (lambda x: x + 1), torch.randn(4, 4)


def layers() -> tuple[Callable[..., Any], torch.Tensor]:
    modules = [m for _ in range(8) for m in (torch.nn.Linear(64, 64), torch.nn.ReLU())]
    return torch.nn.Sequential(*modules), torch.randn(1, 64)


def with_operator() -> tuple[Callable[..., Any], torch.Tensor]:
    """An operator in eager mode between two kernels."""
    square = torch.randn(4, 4)
    return (lambda x: torch.linalg.matrix_exp(x + 1) * square), torch.randn(4, 4)


CASES = (
    Case("x + 1, 4x4", increment),
    Case("x + 1, 4x4, dynamic", increment, dynamic=True),
    Case("with an eager operator, 4x4", with_operator),
    Case("8 layers of 64, batch 1", layers),
    Case("8 layers of 64, batch 1, gradients on", layers, gradients=True),
    Case("8 layers of 64, batch 1, with backward", layers, gradients=True, backward=True),
)


def cases(names: Sequence[str] = ()) -> list[Case]:
    return selected(CASES, names)


def constant(gm: torch.fx.GraphModule, _: Sequence[Any]) -> Callable[[list[Any]], list[Any]]:
    """A graph that returns zeros, the same ones each time."""
    outputs = gm.graph.output_node().args[0]
    assert isinstance(outputs, (list, tuple))
    with unset_fake_temporarily():
        made = [
            torch.zeros([int(n) for n in v.shape], dtype=v.dtype) if v is not None else None
            for v in (getattr(n, "meta", {}).get("val") for n in outputs)
        ]

    def run(args: list[Any]) -> list[Any]:
        args.clear()
        return list(made)

    run._boxed_call = True  # type: ignore[attr-defined]
    return run


def prepared(case: Case, peer: str) -> Callable[[], Any]:
    torch.manual_seed(0)
    function, x = case.make()
    if peer != "eager":
        backend = aot_autograd(fw_compiler=constant) if peer == "floor" else peer
        function = torch.compile(function, backend=backend, dynamic=case.dynamic)
    if case.backward:
        return lambda: function(x).sum().backward()
    return lambda: function(x)


@contextmanager
def mode(case: Case) -> Iterator[None]:
    with torch.enable_grad() if case.gradients else torch.no_grad():
        yield


def run(
    names: Sequence[str], *, with_peers: Sequence[str], seconds: float, statistic: Statistic,
    json: Path | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Measure and print microseconds of a call, beside the `with_peers`."""
    table = Table(title="Calls, us")
    alternatives = ("fxlower", *with_peers)
    for column in ("case", *alternatives):
        table.add_column(column, justify="left" if column == "case" else "right")
    measured: list[dict[str, Any]] = []
    for case in cases(names):
        torch._dynamo.reset()
        with mode(case):
            runs = {name: prepared(case, name) for name in alternatives}
            found = timing.samples(runs, seconds=seconds, least=20)
        times = {name: statistic(samples) * 1e6 for name, samples in found.items()}
        measured.append({"case": case.name, **times})
        table.add_row(case.name, *(f"{times[name]:.2f}" for name in alternatives))
    Console(width=120).print(table)
    if json is not None:
        json.write_text(json_format.dumps(measured, indent=1))
    return measured
