"""The most memory that one call of a plan takes at once: results, intermediates, arenas.

Inputs and kept values are not counted, nor is what an operator in eager mode takes for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from fxlower.analysis.loop_space import estimate
from fxlower.dialects.build import Dim
from fxlower.runtime.memory import bytes_of
from fxlower.runtime.plan import AtenStep, HostPlan, SegmentStep, Shape, ViewStep


@dataclass(frozen=True)
class PeakMemory:
    """Bytes at the step where they are most: of tensors, and of the arena there. `is_estimate`:
    sizes are not known, and typical ones were taken."""

    tensors: int
    arena: int
    step: str
    is_estimate: bool

    @property
    def bytes(self) -> int:
        return self.tensors + self.arena

    def __str__(self) -> str:
        about = "about " if self.is_estimate else ""
        arena = f", {self.arena / 1e6:.4g} MB of it intermediates" if self.arena else ""
        return f"{about}{self.bytes / 1e6:.4g} MB in {self.step}{arena}"


def peak_memory(plan: HostPlan, arenas: Mapping[str, Shape]) -> PeakMemory:
    """Of a call of `plan`; `arenas` are the bytes that each segment needs."""
    count = _Count()
    peak = PeakMemory(0, 0, "no step", False)
    for step in plan.steps:
        arena, name = 0, "a view"
        if isinstance(step, SegmentStep):
            arena, name = count.number(arenas[step.segment].dims[0]), step.segment
            for buffer in step.results:
                count.made(buffer.value, buffer.sizes, buffer.strides, buffer.dtype)
        elif isinstance(step, AtenStep):
            name = str(step.call.target)
            for value, sizes, strides, dtype in zip(
                step.results, step.sizes, step.strides, step.dtypes, strict=True
            ):
                if sizes is not None and dtype is not None:
                    count.made(value, sizes, strides, dtype)
        if count.total + arena > peak.bytes:
            peak = PeakMemory(count.total, arena, name, False)
        if isinstance(step, ViewStep):
            count.viewed(step.value, step.base)
        for value in step.release:
            count.released(value)
    return PeakMemory(peak.tensors, peak.arena, peak.step, count.is_estimate)


class _Count:
    """Bytes of storages that somebody still needs. An operator in eager mode may return a view,
    which counts as a tensor of its own here."""

    def __init__(self) -> None:
        self.total = 0
        self.is_estimate = False
        self.storage_of: dict[int, int] = {}
        self.users: dict[int, int] = {}
        self.bytes: dict[int, int] = {}

    def number(self, dim: Dim) -> int:
        self.is_estimate |= not isinstance(dim, int)
        return estimate(dim)

    def made(self, value: int, sizes: Shape, strides: Shape, dtype: torch.dtype) -> None:
        counts = [self.number(n) for n in sizes.dims]
        steps = [self.number(s) for s in strides.dims]
        self.bytes[value] = bytes_of(counts, steps, dtype)
        self.storage_of[value] = value
        self.users[value] = 1
        self.total += self.bytes[value]

    def viewed(self, value: int, base: int) -> None:
        storage = self.storage_of.get(base)
        if storage is not None:
            self.storage_of[value] = storage
            self.users[storage] += 1

    def released(self, value: int) -> None:
        storage = self.storage_of.pop(value, None)
        if storage is not None:
            self.users[storage] -= 1
            if self.users[storage] == 0:
                self.total -= self.bytes[storage]
