"""A compiled graph that a higher-order operator calls: a branch, or the body of a loop."""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import GraphModule

from fxlower.errors import UnsupportedInput
from fxlower.runtime.executable import Executable


class Subgraph:
    """Called as `module` is, with tensors. Where they are not as in tracing (the operator cuts
    them as it likes, and there are no guards), `module` itself runs."""

    def __init__(self, module: GraphModule, executable: Executable) -> None:
        self.module = module
        self.executable = executable
        self.returned = module.graph.output_node().args[0]

    def __call__(self, *args: Any) -> Any:
        if any(isinstance(a, torch.Tensor) and not _is_real(a) for a in args):
            return self.module(*args)
        try:
            self.executable.check(list(args))
        except UnsupportedInput:
            return self.module(*args)
        results = self.executable(list(args))
        if isinstance(self.returned, (list, tuple)):
            return type(self.returned)(results)
        return results[0]


def _is_real(tensor: torch.Tensor) -> bool:
    """Whether a tensor has memory: it is neither fake nor in a transform such as `vmap`."""
    return type(tensor) in (
        torch.Tensor,
        torch.nn.Parameter,
    ) and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
