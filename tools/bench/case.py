"""What a case of the loop benchmark is: a function, how to make its inputs, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

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

    def inputs(self) -> tuple[torch.Tensor, ...]:
        """Equal ones for each call."""
        torch.manual_seed(0)
        return tuple(make() for make in self.makes)


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
    return sum(t.nbytes for t in (*inputs, *results))


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
