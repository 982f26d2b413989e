"""What a case of the benchmarks is: a function, how to make its inputs, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar

import torch
from torch.utils import _pytree as pytree

Make = Callable[[], torch.Tensor]


@dataclass(frozen=True)
class Case:
    """`makes` are called when the case runs, so that a list of cases costs no memory.

    `operations` are arithmetic operations per element of the largest input, roughly: those of the
    polynomial for `exp` and its like, see below. `traffic` are bytes that must move between memory
    and the processor; None says every input and every result once.
    """

    name: str
    function: Callable[..., Any]
    makes: tuple[Make, ...]
    operations: int = 1
    traffic: int | None = None
    trains: bool = False
    """The function computes gradients."""

    mutates: bool = False
    dynamic: bool = False
    """Compiled for any sizes."""

    constants: tuple[Make, ...] = ()
    """What `function` takes after the inputs and what is known when it is compiled: the parameters
    of a module."""

    total: int | None = None
    """All arithmetic operations, where `operations` do not tell."""

    layer: str | None = None
    """Says that the function is a linear layer whose constants are its weight and perhaps its bias,
    and what follows it by oneDNN's name: `none`, `gelu`, or `add` of a second input."""

    def all_operations(self, inputs: Sequence[torch.Tensor]) -> int:
        if self.total is not None:
            return self.total
        return self.operations * max(t.numel() for t in inputs)

    def bound(self) -> Case:
        """The case of a module that holds the constants, if there are any."""
        if not self.constants:
            return self
        torch.manual_seed(1)
        module = Bound(self.function, [make() for make in self.constants])
        return replace(self, function=module, constants=())

    def inputs(self) -> tuple[torch.Tensor, ...]:
        """Equal ones for each call."""
        torch.manual_seed(0)
        return tuple(make() for make in self.makes)


class Bound(torch.nn.Module):
    """A function with its last arguments as parameters."""

    def __init__(self, function: Callable[..., Any], constants: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.function = function
        self.constants = torch.nn.ParameterList(constants)

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs, *self.constants)


def constants_of(case: Case) -> list[torch.Tensor]:
    """The parameters of a bound case."""
    return list(case.function.parameters()) if isinstance(case.function, torch.nn.Module) else []


def in_float64(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its parameters in float64 where it is a module."""
    return deepcopy(function).double() if isinstance(function, torch.nn.Module) else function


class Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def selected(every: Sequence[N], names: Sequence[str]) -> list[N]:
    """Those whose name contains one of `names`; all of them for none."""
    return [c for c in every if not names or any(n in c.name for n in names)]


EXP, LOG, DIVIDE = 12, 20, 4
SIGMOID = EXP + DIVIDE + 1
ERF = TANH = SIN = 25
"""Operations of one element."""


def normal(*shape: int, dtype: torch.dtype = torch.float32) -> Make:
    return lambda: torch.randn(*shape).to(dtype)


def positive(*shape: int) -> Make:
    return lambda: torch.rand(*shape) + 0.5


def integers(high: int, *shape: int) -> Make:
    return partial(torch.randint, high, shape)


def mask(*shape: int) -> Make:
    return lambda: torch.randn(*shape) > 0


def leaf(make: Make) -> Make:
    """A tensor that gradients are wanted of."""
    return lambda: make().requires_grad_()


def tensors(result: Any) -> list[torch.Tensor]:
    """The tensors in what a function returned."""
    return [t for t in pytree.tree_leaves(result) if isinstance(t, torch.Tensor)]


def traffic(case: Case, inputs: Sequence[torch.Tensor], results: Sequence[torch.Tensor]) -> int:
    if case.traffic is not None:
        return case.traffic
    return sum(t.nbytes for t in (*inputs, *constants_of(case), *results))


WRONG = 1e-2
"""An error beyond it says that something else was computed."""


def largest_error(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> float:
    """Relative to the largest finite element of each tensor; infinite where shapes, NaN or infinite
    elements differ."""
    if [t.shape for t in found] != [t.shape for t in expected]:
        return float("inf")
    return max((_error(a, b) for a, b in zip(found, expected, strict=True)), default=0.0)


def _error(found: torch.Tensor, expected: torch.Tensor) -> float:
    a, b = found.detach().double(), expected.detach().double()
    same = (a == b) | (a.isnan() & b.isnan())
    difference = (
        (a - b).abs().masked_fill(same, 0.0).nan_to_num(nan=float("inf"), posinf=float("inf"))
    )
    if difference.numel() == 0:
        return 0.0
    finite = b.abs().masked_fill(~b.isfinite(), 0.0)
    return (difference.max() / finite.max().clamp(min=1e-30)).item()
