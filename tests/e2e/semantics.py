"""Compiled against eager mode in all that a caller can see: values, layouts, who shares memory with
whom, what is written through what, and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

Function = Callable[..., Any]


def tensors(tree: Any) -> list[Tensor]:
    return [t for t in tree_leaves(tree) if isinstance(t, Tensor)]


def sharing(values: list[Tensor]) -> list[list[bool]]:
    """For each pair, whether the two are in one storage; empty storages have no address."""
    starts = [t.untyped_storage().data_ptr() or id(t) for t in values]
    return [[a == b for b in starts] for a in starts]


def layout(tensor: Tensor) -> tuple[Any, ...]:
    return (
        tuple(tensor.shape),
        tensor.stride() if tensor.numel() else None,
        tensor.storage_offset(),
        tensor.dtype,
        tensor.requires_grad,
    )


def write_through(theirs: list[Tensor], ours: list[Tensor], seen: list[tuple[Tensor, Tensor]]):
    """Write to each output: the same other tensors change."""
    for number, (a, b) in enumerate(zip(theirs, ours, strict=True)):
        try:
            a.detach().fill_(number % 2 + 3)
        except RuntimeError:  # expanded
            continue
        b.detach().fill_(number % 2 + 3)
        for left, right in seen:
            torch.testing.assert_close(right.detach(), left.detach(), equal_nan=True)


def assert_as_in_eager_mode(
    function: Function,
    make: Callable[[], list[Any]],
    *,
    dynamic: bool | None = False,
    calls: int = 2,
    backend: str = "fxlower",
) -> None:
    """`function` compiled and not, each called `calls` times with what `make` makes."""
    torch._dynamo.reset()
    compiled = torch.compile(function, backend=backend, dynamic=dynamic)
    for seed in range(calls):
        torch.manual_seed(seed)
        theirs = make()
        torch.manual_seed(seed)
        ours = make()
        try:
            torch.manual_seed(9)
            expected = function(*theirs)
        except (RuntimeError, IndexError) as error:
            eager_error: Exception | None = error
        else:
            eager_error = None
        torch.manual_seed(9)
        if eager_error is not None:
            try:
                compiled(*ours)
            except Exception:
                continue
            raise AssertionError(f"eager mode raises {eager_error!r}, compiled code does not")
        found = compiled(*ours)
        compare(expected, theirs, found, ours)


def compare(expected: Any, theirs: Any, found: Any, ours: Any) -> None:
    left, right = tensors([expected, theirs]), tensors([found, ours])
    for a, b in zip(left, right, strict=True):
        torch.testing.assert_close(b.detach(), a.detach(), equal_nan=True)
        assert layout(a) == layout(b), f"eager has {layout(a)}, compiled code has {layout(b)}"
    assert sharing(left) == sharing(right)
    plain = [x for x in tree_leaves(expected) if not isinstance(x, Tensor)]
    assert plain == [x for x in tree_leaves(found) if not isinstance(x, Tensor)]
    pairs = list(zip(left, right, strict=True))
    write_through(tensors(expected), tensors(found), pairs)
