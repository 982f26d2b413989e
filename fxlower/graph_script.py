"""A graph of ATen operators as a Python program that compiles it: what repeats errors that happen
before there is any IR."""

from __future__ import annotations

import dataclasses
from textwrap import indent
from typing import Any

import torch
from torch.fx import GraphModule

from fxlower.options import Options

INLINE_ELEMENTS = 1024
"""Tensors that a graph holds are written with their elements up to so many, else as zeros."""

HEADER = """\
\"\"\"A graph that fxlower failed to compile. Import what defines your own operators first.\"\"\"

import torch
from torch import device, inf, nan, tensor
from torch.fx.experimental.proxy_tensor import make_fx

from fxlower.backend import compile_aten_graph
from fxlower.options import Options
"""


def script_of(gm: GraphModule, options: Options) -> str | None:
    """The program, or None where the graph holds more than tensors or has inputs of other kinds."""
    held = [_held(gm, node.target) for node in gm.graph.nodes if node.op == "get_attr"]
    inputs = [node.meta.get("val") for node in gm.graph.nodes if node.op == "placeholder"]
    if not all(isinstance(value, torch.Tensor) for value in held):
        return None
    if not all(isinstance(value, (torch.Tensor, torch.SymInt, int)) for value in inputs):
        return None
    attributes = {n.target: _held(gm, n.target) for n in gm.graph.nodes if n.op == "get_attr"}
    if any("." in str(name) for name in attributes):
        return None
    lines = [HEADER, "", "class Graph(torch.nn.Module):"]
    lines += ["    def __init__(self) -> None:", "        super().__init__()"]
    lines += [f"        self.{name} = {_tensor(value)}" for name, value in attributes.items()]
    code = "\n".join(_statements(gm.code))
    lines += ["", indent(code, "    "), "", "", "inputs = ["]
    lines += [f"    {_input(value)}," for value in inputs]
    dynamic = any(_is_dynamic(value) for value in inputs)
    given = {
        f.name: value
        for f in dataclasses.fields(options)
        if (value := getattr(options, f.name)) != f.default and f.name != "dump_ir"
    }
    lines += [
        "]",
        f"mode = {'symbolic' if dynamic else 'fake'!r}",
        "graph = make_fx(Graph(), tracing_mode=mode, _allow_non_fake_inputs=True)(*inputs)",
        f"compile_aten_graph(graph, Options.read({given | {'on_error': 'raise'}}), name='graph')",
    ]
    return "\n".join(lines) + "\n"


def _held(gm: GraphModule, path: Any) -> Any:
    value: Any = gm
    for part in str(path).split("."):
        value = getattr(value, part)
    return value


def _statements(code: str) -> list[str]:
    return [line for line in code.splitlines() if line.strip()]


def _is_dynamic(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return any(isinstance(n, torch.SymInt) for n in (*value.shape, *value.stride()))
    return isinstance(value, torch.SymInt)


def _hint(number: Any) -> int:
    if isinstance(number, int):
        return number
    hint = number.node.hint
    return hint if isinstance(hint, int) else 2  # unbacked: any size


def _input(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return str(_hint(value))
    sizes, strides = (tuple(map(_hint, n)) for n in (value.shape, value.stride()))
    return f"torch.empty_strided({sizes}, {strides}, dtype={value.dtype}).fill_(1)"


def _tensor(value: torch.Tensor) -> str:
    if value.numel() > INLINE_ELEMENTS or isinstance(value, torch._subclasses.FakeTensor):
        return _input(value)
    return f"tensor({value.tolist()}, dtype={value.dtype})"
