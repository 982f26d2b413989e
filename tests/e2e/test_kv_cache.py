"""A cache of keys or values is written where it is, and never copied, whatever writes to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fxlower import backend
from fxlower.runtime import executable as executable_module
from fxlower.runtime import segment
from fxlower.runtime.executable import Executable
from fxlower.runtime.plan import AtenStep

SHAPE = (2, 4, 1024, 16)


def index_copy(cache: Tensor, position: Tensor, value: Tensor) -> Tensor:
    cache.index_copy_(2, position, value)
    return F.scaled_dot_product_attention(value, cache, cache)


def index_put(cache: Tensor, position: Tensor, value: Tensor) -> Tensor:
    cache[:, :, position] = value
    return cache.sum(-1)


def slice_assignment(cache: Tensor, position: Tensor, value: Tensor) -> Tensor:
    cache[:, :, 3:4] = value
    return cache.sum(-1)


def scatter(cache: Tensor, position: Tensor, value: Tensor) -> Tensor:
    cache.scatter_(2, position.view(1, 1, 1, 1).expand(2, 4, 1, 16), value)
    return cache.sum(-1)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("write", [index_copy, index_put, slice_assignment, scatter])
def test_no_copy(
    write: Callable[..., Tensor], dynamic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Executable] = []
    allocated: list[Tensor] = []
    original, allocate, arena = backend.compile_graph, segment.allocate, segment.allocate_arena

    def compile_graph(*args: Any, **kwargs: Any) -> Any:
        made.append(original(*args, **kwargs))
        return made[-1]

    def noting(*args: Any) -> Tensor:
        allocated.append(allocate(*args))
        return allocated[-1]

    def noting_arena(size: int) -> Tensor:
        allocated.append(arena(size))
        return allocated[-1]

    monkeypatch.setattr(backend, "compile_graph", compile_graph)
    monkeypatch.setattr(executable_module, "launcher", lambda: None)  # calls are in Python then
    monkeypatch.setattr(segment, "allocate", noting)
    monkeypatch.setattr(segment, "allocate_arena", noting_arena)
    torch._dynamo.reset()
    options = {"output_pool": False}
    run = torch.compile(write, backend="fxlower", dynamic=dynamic, options=options)
    theirs, ours = torch.zeros(SHAPE), torch.zeros(SHAPE)
    for position in (7, 0, 1023):
        index, value = torch.tensor([position]), torch.full((2, 4, 1, 16), position + 1.0)
        torch.testing.assert_close(run(ours, index, value), write(theirs, index, value))
        assert torch.equal(ours, theirs)
    (executable,) = made
    assert not executable.plan.mutations and executable.plan.written
    assert not any(isinstance(step, AtenStep) for step in executable.plan.steps)
    assert max(t.nbytes for t in allocated) < ours.nbytes
