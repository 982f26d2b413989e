"""Who shares memory with whom, who is changed, and with which strides: as in eager mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._pytree import tree_leaves


def old_value(x: torch.Tensor) -> torch.Tensor:
    old = x.clone()
    x.add_(1)
    return old


def swap(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    old = x.clone()
    x.copy_(y)
    y.copy_(old)
    return x - y


def reverse(x: torch.Tensor) -> torch.Tensor:
    x.copy_(x.flip(0))
    return x * 2


def change_view(x: torch.Tensor) -> torch.Tensor:
    x[1:].mul_(2)
    return x + 1


def write_cache(cache: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    cache[:, 2] = new[:, 0]
    return cache * 2


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last) + 1


def many_views(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    made = x * 2
    return made, made, made.t(), made[1:], x, x.view(-1), x.expand(3, 4, 6)


def repeated(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Views that repeat what is made of nothing in memory."""
    row = torch.arange(44)
    return (
        row.expand(2, 4, 44)[..., :40],
        (row * 2 + 1)[:, None].expand(44, 5),
        torch.zeros(()).expand(3, 40),
        torch.ones(4, 1).expand(4, 100).t(),
        (x[:, 0] + 1)[:, None].expand(4, 33),
        torch.arange(9.0)[None].expand(3, 9).unfold(1, 4, 2),
    )


CASES: dict[str, Callable[..., Any]] = {
    "clone": lambda x: x.clone(),
    "times one": lambda x: x * 1,
    "two clones": lambda x: (x.clone(), x.clone()),
    "equal results": lambda x: (x + 1, x + 1),
    "constants": lambda x: (torch.ones(3), torch.ones(3), x + 1),
    "view of an input": lambda x: x.t(),
    "many views": many_views,
    "old value": old_value,
    "swap": swap,
    "reverse in place": reverse,
    "changed view": change_view,
    "cache": write_cache,
    "channels last": channels_last,
    "repeated": repeated,
    "expanded clone": lambda x: x[0].expand(4, 6).clone(),
    "nothing": lambda x: x,
    "no inputs": lambda x: torch.arange(5),
}


def sharing(tensors: list[torch.Tensor]) -> list[list[bool]]:
    starts = [t.untyped_storage().data_ptr() for t in tensors]
    return [[a == b for b in starts] for a in starts]


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_as_in_eager_mode(name: str, dynamic: bool) -> None:
    function = CASES[name]
    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower", dynamic=dynamic)
    count = function.__code__.co_argcount
    for seed in (0, 1):  # the second call meets what the first one left
        torch.manual_seed(seed)
        arguments = [torch.randint(-9, 9, (4, 6)).float() for _ in range(count)]
        copies = [a.clone() for a in arguments]
        expected, found = tree_leaves(function(*arguments)), tree_leaves(compiled(*copies))
        for a, b in zip([*expected, *arguments], [*found, *copies], strict=True):
            assert torch.equal(a, b) and a.stride() == b.stride()
        assert sharing([*expected, *arguments]) == sharing([*found, *copies])


def written_through(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    made = x * 2
    made[1] = 0
    return made[0], made[1:], made.t(), made.flatten()[3:9]


def views_of_an_old_value(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    old = x.clone()
    x.add_(1)
    return old[1:, 2:], old.t(), x[0]


def views_of_what_is_joined(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    made = torch.nn.functional.pad(torch.cat([x, x + 1]), (1, 0))
    return made[:3], made[2:], made[:, 1:4].view(-1, 3)


def views_of_a_constant(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    one = torch.tensor([1.0])
    piece = one[0:1]
    number = piece.squeeze()
    piece[0] = 0
    return piece, number, x + one


def views_of_integers(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    whole = (x * 2).long()
    return x + 1, whole[0], whole.t(), whole.sum()


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize(
    "function",
    [
        written_through,
        views_of_an_old_value,
        views_of_what_is_joined,
        views_of_a_constant,
        views_of_integers,
        lambda x: (x + 1).split([1, 2, 1]),
        lambda x: x.clone().chunk(3, 1),
    ],
)
def test_a_result_that_is_written_changes_the_others(
    function: Callable[..., Any], dynamic: bool, gradients: bool
) -> None:
    torch._dynamo.reset()
    found: list[list[torch.Tensor]] = []
    for run in (function, torch.compile(function, backend="fxlower", dynamic=dynamic)):
        x = torch.arange(24.0).view(4, 6).clone()
        outputs = tree_leaves(run(x.requires_grad_(gradients and "old" not in function.__name__)))
        for i, output in enumerate(outputs):
            output.detach().mul_(i + 2).add_(1)
        found.append([t.detach() for t in [*outputs, x]])
    for a, b in zip(*found, strict=True):
        assert torch.equal(a, b) and a.stride() == b.stride()


def test_a_negative_bit_is_resolved() -> None:
    negative = torch.randn(5, dtype=torch.complex64).conj().imag
    assert negative.is_neg()
    torch._dynamo.reset()
    found = torch.compile(lambda x: x * 2, backend="fxlower")(negative)
    assert torch.equal(found, negative * 2)


def test_result_may_be_changed_in_place_with_gradients() -> None:
    """Where the graph makes a result as a view, that is none of autograd's."""

    def fill(x: torch.Tensor) -> torch.Tensor:
        filled, doubled = torch.zeros_like(x), x * 2
        torch._dynamo.graph_break()
        filled[:, :, 3:] = doubled[:, :, 3:]
        return filled

    x = torch.randn(2, 1, 12, requires_grad=True)
    torch._dynamo.reset()
    found = torch.compile(fill, backend="fxlower")(x)
    assert torch.equal(found, fill(x))
    gradients = [torch.autograd.grad(y.square().sum(), x)[0] for y in (found, fill(x))]
    assert torch.equal(*gradients)
