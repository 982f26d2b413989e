"""`fxlower.explain`: what became of a function, and `fxlower.stages`: its IR at every level."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.utils import _pytree as pytree

from fxlower.backend import fxlower, reports
from fxlower.report import GraphReport

_NUMBERS = itertools.count()


@dataclass
class Explanation:
    """The graphs that one call of a function compiled, in order; print it."""

    graphs: list[GraphReport]
    result: Any
    """What the call returned."""

    @property
    def operators(self) -> int:
        return sum(g.operators for g in self.graphs)

    @property
    def fallbacks(self) -> list[Any]:
        return [call for g in self.graphs for call in g.fallbacks]

    @property
    def share_in_kernels(self) -> float:
        """Share of all operator calls that fxlower compiled."""
        return 1.0 - len(self.fallbacks) / self.operators if self.operators else 1.0

    def __str__(self) -> str:
        return "\n".join(str(g) for g in self.graphs) or "nothing was compiled"


def explain(
    fn: Callable[..., Any],
    *args: Any,
    backward: bool = False,
    options: dict[str, Any] | None = None,
    dynamic: bool | None = None,
    **kwargs: Any,
) -> Explanation:
    """Compile `fn` afresh, call it once with the arguments, and say what became of it.

    Args:
        fn: a function or an `nn.Module`; what `torch.compile` made of it before is untouched.
        backward: also call `.backward()` on the sum of the floating-point outputs that need
            gradients, so that the backward graph is compiled. Gradients are left as they were.
        options: as for `torch.compile`.
    """
    with reported() as found:
        compiled = torch.compile(
            isolated(fn), backend=fxlower, dynamic=dynamic, options=options or None
        )
        result = compiled(*args, **kwargs)
        if backward:
            differentiate(result, fn, (args, kwargs))
    return Explanation(found, result)


@contextmanager
def reported() -> Iterator[list[GraphReport]]:
    """A list to which the graphs compiled meanwhile are added."""
    found: list[GraphReport] = []
    token = reports.set(found)
    try:
        yield found
    finally:
        reports.reset(token)


def isolated(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function of its own code object, so that Dynamo's cache for `fn` does not take part."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    # Dynamo remembers by file, line and name which sizes have changed: no name may come twice.
    call.__code__ = call.__code__.replace(co_name=f"explain_{next(_NUMBERS)}")
    return call


def differentiate(result: Any, fn: Callable[..., Any], arguments: Any) -> None:
    """Run the backward of the outputs' sum without leaving gradients behind."""
    outputs = [
        t for t in pytree.tree_leaves(result) if isinstance(t, torch.Tensor) and t.requires_grad
    ]
    leaves = [t for t in pytree.tree_leaves(arguments) if isinstance(t, torch.Tensor)]
    if isinstance(fn, torch.nn.Module):
        leaves += list(fn.parameters())
    wanted = [t for t in leaves if t.requires_grad]
    if outputs and wanted:
        torch.autograd.grad([o.sum() for o in outputs], wanted, allow_unused=True)


def stages(
    fn: Callable[..., Any], *args: Any, options: dict[str, Any] | None = None, **kwargs: Any
) -> dict[str, str]:
    """The text of the first graph of `fn` at every stage: fx, fxt, tensor, linalg, loops, vector,
    llvm, ll (LLVM IR), s (assembly). `fxlower-opt` reads those from fxt to llvm."""
    with TemporaryDirectory() as folder:
        explain(fn, *args, options={**(options or {}), "dump_ir": folder}, **kwargs)
        first = min(Path(folder).iterdir(), default=None)
        files = sorted(first.iterdir()) if first is not None else []
        return {f.stem.split("-", 1)[1]: f.read_text() for f in files}
