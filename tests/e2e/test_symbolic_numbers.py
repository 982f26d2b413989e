"""Numbers among the arguments of operators that change from call to call: with `dynamic=True` they
are symbols in the graph, and one compilation serves them all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

FUNCTIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "softplus": lambda x, n: F.softplus(x, beta=n, threshold=2 * n),
    "elu": lambda x, n: F.elu(x, alpha=n),
    "celu": lambda x, n: F.celu(x, n),
    "leaky_relu": lambda x, n: F.leaky_relu(x, n * 0.1),
    "hardtanh": lambda x, n: F.hardtanh(x, -n, n),
    "threshold": lambda x, n: F.threshold(x, n, -n),
    "softshrink": lambda x, n: F.softshrink(x, n * 0.1),
    "clamp": lambda x, n: x.clamp(-n, n),
    "add": lambda x, n: torch.add(x, x, alpha=n),
    "addmm": lambda x, n: torch.addmm(x[:5, :5], x[:5], x[:5].t(), alpha=n, beta=n),
    "logit": lambda x, n: torch.logit(x, eps=n * 0.01),
    "layer_norm": lambda x, n: F.layer_norm(x, (7,), eps=n * 0.1),
    "huber_loss": lambda x, n: F.huber_loss(x, x * 2, delta=n),
    "vector_norm": lambda x, n: torch.linalg.vector_norm(x, n),
    "masked_fill": lambda x, n: x.masked_fill(x > 0, n),
    "pad": lambda x, n: F.pad(x, (1, 2), value=n),
}


@pytest.mark.parametrize("first", [3, 3.5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_numbers_change(name: str, first: float) -> None:
    function = FUNCTIONS[name]
    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower", dynamic=True)
    for more in (0, 1):
        x = torch.randn(13 + more, 7, requires_grad=True)
        found, wanted = compiled(x, first + more), function(x, first + more)
        torch.testing.assert_close(found, wanted)
        (mine,), (eagers,) = (torch.autograd.grad(y.sum(), x) for y in (found, wanted))
        torch.testing.assert_close(mine, eagers)
