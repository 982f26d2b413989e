"""Training the demo's model twice, from one seed and on the same batches: eager and compiled."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

import torch
from torch import Tensor, nn


@dataclass
class Run:
    """One model on its way: its losses, and the seconds of each step."""

    model: nn.Module
    call: Callable[[Tensor, Tensor], Tensor]
    losses: list[float] = field(default_factory=list[float])
    seconds: list[float] = field(default_factory=list[float])

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)

    def step(self, x: Tensor, y: Tensor) -> None:
        start = perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.call(x, y)
        loss.backward()
        self.optimizer.step()
        self.seconds.append(perf_counter() - start)
        self.losses.append(loss.item())

    @property
    def milliseconds_per_step(self) -> float:
        """Of the steps after the first two, which compile and warm up."""
        return 1e3 * median(self.seconds[2:] or self.seconds)


def train(
    model: nn.Module, steps: int, batch: Callable[[], tuple[Tensor, Tensor]], seconds: float
) -> tuple[Run, Run]:
    """Train copies of `model`, eager and compiled in turn, so that both meet the same machine.
    Ends after `steps`, or on a slow machine after `seconds`."""
    copies = deepcopy(model), deepcopy(model)
    eager = Run(copies[0], copies[0])
    compiled = Run(copies[1], torch.compile(copies[1], backend="fxlower"))
    end = perf_counter() + seconds
    while len(eager.losses) < steps and perf_counter() < end:
        x, y = batch()
        eager.step(x, y)
        compiled.step(x, y)
    return eager, compiled
