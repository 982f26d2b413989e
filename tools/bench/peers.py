"""What fxlower is compared with, and fxlower itself: each makes something to call of a case."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from time import perf_counter
from typing import Any, Protocol

import torch

from fxlower.backend import compile_aten_graph, compile_with_autograd
from fxlower.errors import choices
from fxlower.explanation import isolated
from fxlower.options import Options
from fxlower.report import GraphReport
from fxlower.runtime.executable import Executable
from fxlower.tools.bench import timing
from fxlower.tools.bench.case import Case, constants_of, tensors


class Unsupported(Exception):
    """This peer cannot run this kind of case."""


class Peer(Protocol):
    name: str
    rest: float
    """Seconds that its idle threads keep spinning after a run."""

    def prepare(
        self, case: Case, inputs: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]
    ) -> Callable[[], Any]:
        """A call on `inputs`, whose results are like `expected`.

        Raises:
            Unsupported: it runs no such cases. Any other error is the peer's own.
        """
        ...


@dataclass
class Eager:
    name: str = "eager"
    rest: float = 0.0

    def prepare(
        self, case: Case, inputs: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]
    ) -> Callable[[], Any]:
        return lambda: case.function(*inputs)


@dataclass
class Inductor:
    name: str = "inductor"
    rest: float = 0.0

    def prepare(
        self, case: Case, inputs: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]
    ) -> Callable[[], Any]:
        compiled = torch.compile(
            isolated(case.function), backend="inductor", dynamic=case.dynamic, fullgraph=False
        )
        return lambda: compiled(*inputs)


@dataclass
class Fxlower:
    """As `torch.compile(backend="fxlower")`; it also keeps what was compiled of the last case, and
    the reports on it."""

    name: str = "fxlower"
    rest: float = 0.0
    executables: list[Executable] = field(default_factory=list)
    reports: list[GraphReport] = field(default_factory=list)

    def prepare(
        self, case: Case, inputs: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]
    ) -> Callable[[], Any]:
        self.executables, self.reports = [], []
        compiled = torch.compile(
            isolated(case.function), backend=self.backend, dynamic=case.dynamic
        )
        return lambda: compiled(*inputs)

    def backend(self, gm: torch.fx.GraphModule, example_inputs: Sequence[Any]) -> Any:
        def compiler_of(kind: str) -> Callable[..., Executable]:
            def compile(gm: torch.fx.GraphModule, _: Sequence[Any]) -> Executable:
                made = compile_aten_graph(
                    gm, Options.read(None), name=kind, on_report=self.reports.append
                )
                self.executables.append(made)
                return made

            return compile

        return compile_with_autograd(gm, example_inputs, compiler_of)

    def native_samples(self, run: Callable[[], Any], seconds: float) -> list[float]:
        """Seconds that a call of `run`, which `prepare` gave, is in machine code: without
        Dynamo, AOTAutograd and the host's part."""
        clock, spent = timing.clock(), 0.0

        def timed(function: Callable[[int], None]) -> Callable[[int], None]:
            def call(table: int) -> None:
                nonlocal spent
                before = clock()
                function(table)
                spent += clock() - before

            return call

        for executable in self.executables:
            executable.observe(timed)
        found: list[float] = []
        start = perf_counter()
        while len(found) < 5 or perf_counter() - start < seconds:
            spent = 0.0
            run()
            found.append(spent)
        return found


@dataclass
class OneDnn:
    """oneDNN on packed weights, as Inductor calls it for linear layers of a frozen model."""

    name: str = "onednn"
    rest: float = 0.0

    def prepare(
        self, case: Case, inputs: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]
    ) -> Callable[[], Any]:
        if case.layer is None:
            raise Unsupported("linear layers only")
        ops = torch.ops.mkldnn
        x, *others = inputs
        weight, *bias = constants_of(case)
        packed = ops._reorder_linear_weight(weight.detach(), x.shape[0])
        b = bias[0] if bias else None
        if case.layer == "add":
            return lambda: ops._linear_pointwise.binary(x, others[0], packed, b, "add")
        return lambda: ops._linear_pointwise(x, packed, b, case.layer, [], "none")


PEERS = ("eager", "inductor", "onednn", "openvino", "onnxruntime")


def missing(name: str) -> str | None:
    """What is missing for a peer to take part."""
    if name not in PEERS:
        return f"there is none of this name; {choices(name, PEERS)}"
    if name == "inductor":
        return None if shutil.which("g++") else "no g++"
    if name == "onednn":
        there = hasattr(torch.ops.mkldnn, "_linear_pointwise")
        return None if there else "torch is built without it"
    needs = {"openvino": ["openvino"], "onnxruntime": ["onnxruntime", "onnx", "onnxscript"]}
    lacking = [module for module in needs.get(name, []) if find_spec(module) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else None


def default_peers(products: bool = False) -> list[str]:
    """The peers that come with torch and a C++ compiler; oneDNN is one of matrix products."""
    names = ("eager", "inductor", *(("onednn",) if products else ()))
    return [name for name in names if missing(name) is None]


def make(name: str) -> Peer:
    if name == "eager":
        return Eager()
    if name == "inductor":
        return Inductor()
    if name == "onednn":
        return OneDnn()
    from fxlower.tools.bench import runtimes

    return runtimes.OpenVino() if name == "openvino" else runtimes.OnnxRuntime()


def fresh(case: Case, inputs: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """`inputs` for one peer: its own where the case changes them."""
    return [t.clone() for t in inputs] if case.mutates else inputs


def outcome(case: Case, result: Any, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Copies of all that a call gave: its results and, where it changes them, its inputs."""
    found = tensors(result) + (list(inputs) if case.mutates else [])
    return [t.detach().clone() for t in found]
