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
    arguments by name; `lengths`: whether the length may change from call to call; `smooth`: to be
    trained without kinks."""

    name: str
    group: str
    make: Callable[[], nn.Module]
    inputs: Callable[..., dict[str, Any]]
    lengths: bool = True
    generates: bool = False
    smooth: bool = False

    def build(self, *, train: bool = False) -> nn.Module:
        torch.manual_seed(0)
        module = self.make().train(train)
        return without_kinks(module) if train and self.smooth else module


KINKS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.Hardswish, nn.Hardsigmoid)


def without_kinks(module: nn.Module) -> nn.Module:
    """`module` with smooth activations. Gradients jump at a kink, and it is chance on which side of
    it rounding puts a value that is all but there. Of some hundred thousand values there is such a
    one, and gradients that pass a batch norm over few elements then are all others."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, KINKS):
                setattr(parent, name, nn.SiLU())
    return module
