"""What the sweep knows of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class ZooModel:
    """`make` builds the module; `inputs(batch, length)` or `inputs(batch, length, module)` its
    arguments by name; `lengths`: whether the length may change from call to call."""

    name: str
    group: str
    make: Callable[[], nn.Module]
    inputs: Callable[..., dict[str, Any]]
    lengths: bool = True
    generates: bool = False

    def build(self, *, train: bool = False) -> nn.Module:
        torch.manual_seed(0)
        return self.make().train(train)
