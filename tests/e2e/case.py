"""What a case of the operator table is: a function, and how its inputs are made.

Sizes `N` and `M` change from run to run under `dynamic=True`; sizes that are numbers do not. `N` is
37 first, which leaves a tail whatever the vector width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


class Size(int):
    """A size that changes with the seed."""

    values: tuple[int, ...]

    def __new__(cls, *values: int) -> Size:
        size = super().__new__(cls, values[0])
        size.values = values
        return size


N = Size(37, 21, 64)
M = Size(5, 6, 9)

Spec = Callable[[torch.Generator, torch.dtype, int], Any]
"""Makes one input from a generator, the dtype of floating-point inputs, and the seed."""

Layout = Callable[[Tensor], Tensor]


def at(size: int, seed: int) -> int:
    return size.values[seed % len(size.values)] if isinstance(size, Size) else size


def _dims(sizes: tuple[int, ...], seed: int) -> tuple[int, ...]:
    return tuple(at(size, seed) for size in sizes)


def floats(*sizes: int, layout: Layout = lambda x: x, grad: bool = True) -> Spec:
    """Normally distributed; `layout` makes a view of what is laid out row by row."""

    def make(generator: torch.Generator, dtype: torch.dtype, seed: int) -> Tensor:
        values = torch.randn(_dims(sizes, seed), generator=generator, dtype=torch.float64)
        return layout(values.to(dtype)).requires_grad_(grad)

    return make


def between(
    low: float, high: float, *sizes: int, layout: Layout = lambda x: x, grad: bool = True
) -> Spec:
    """Uniformly distributed."""

    def make(generator: torch.Generator, dtype: torch.dtype, seed: int) -> Tensor:
        values = torch.rand(_dims(sizes, seed), generator=generator, dtype=torch.float64)
        return layout((values * (high - low) + low).to(dtype)).requires_grad_(grad)

    return make


def special(*sizes: int) -> Spec:
    """Numbers with NaN, infinities and signed zeros among them; no gradient."""

    def make(generator: torch.Generator, dtype: torch.dtype, seed: int) -> Tensor:
        values = torch.randn(_dims(sizes, seed), generator=generator, dtype=torch.float64)
        odd = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 0.5, -1.5])
        flat = values.flatten()
        count = min(len(odd), flat.numel())
        flat[torch.randperm(flat.numel(), generator=generator)[:count]] = odd[:count].double()
        return flat.view(values.shape).to(dtype)

    return make


def integers(
    low: int,
    high: int,
    *sizes: int,
    dtype: torch.dtype = torch.int64,
    layout: Layout = lambda x: x,
) -> Spec:
    """Uniform in [low, high)."""

    def make(generator: torch.Generator, _: torch.dtype, seed: int) -> Tensor:
        bounds = at(low, seed), at(high, seed)
        values = torch.randint(*bounds, _dims(sizes, seed), generator=generator)
        return layout(values.to(dtype))

    return make


def permutation(size: int) -> Spec:
    """The numbers below `size` in any order: indices of which none repeats."""

    def make(generator: torch.Generator, _: torch.dtype, seed: int) -> Tensor:
        return torch.randperm(at(size, seed), generator=generator)

    return make


def bools(*sizes: int) -> Spec:
    def make(generator: torch.Generator, _: torch.dtype, seed: int) -> Tensor:
        return torch.randint(0, 2, _dims(sizes, seed), generator=generator).bool()

    return make


def constant(value: Any) -> Spec:
    """An argument that is no random tensor."""
    return lambda generator, dtype, seed: value


@dataclass(frozen=True)
class Case:
    """`fn` against eager: outputs, inputs that it writes, and with `grad` the gradients of all
    floating-point inputs; with `dynamic` also for changing sizes. The error against float64 may be
    `tol` times that of eager, and some roundings of `precision`, by default the result's dtype."""

    name: str
    fn: Callable[..., Any]
    specs: tuple[Spec, ...]
    grad: bool = True
    dynamic: bool = True
    tol: float = 4.0
    dtypes: tuple[torch.dtype, ...] = (torch.float32,)
    precision: torch.dtype | None = None

    def make_inputs(self, dtype: torch.dtype, seed: int) -> list[Any]:
        generator = torch.Generator().manual_seed(seed)
        inputs = [spec(generator, dtype, seed) for spec in self.specs]
        if not self.grad:
            inputs = [x.detach() if isinstance(x, Tensor) else x for x in inputs]
        return inputs


LOW_PRECISION = (torch.float32, torch.bfloat16, torch.float16)


def case(name: str, fn: Callable[..., Any], *specs: Spec, **options: Any) -> Case:
    return Case(name, fn, specs, **options)
