"""What a custom operator may say in its schema: mutation, lists, optional and symbolic arguments,
layouts, gradients, effects, sizes that depend on data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional

import pytest
import torch
from semantics import assert_as_in_eager_mode
from torch import Tensor

import fxlower
from fxlower.errors import CompilerError
from fxlower.frontend.registry import RULES

R = torch.randn
NAME = "fxlower_schemas"


@torch.library.custom_op(f"{NAME}::add_and_store", mutates_args=("x", "out"))
def add_and_store(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    x.add_(y)
    out.copy_(x * 2)
    return x.sum()[None].clone()


@add_and_store.register_fake
def _(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    return x.new_empty(1)


@torch.library.custom_op(f"{NAME}::scale_all", mutates_args=("xs",))
def scale_all(xs: Sequence[Tensor], factor: Optional[Tensor]) -> None:  # noqa: UP045
    for x in xs:
        x.mul_(2 if factor is None else factor)


@torch.library.custom_op(f"{NAME}::multiples", mutates_args=())
def multiples(x: Tensor, n: int) -> list[Tensor]:
    return [x * i for i in range(n)]


@multiples.register_fake
def _(x: Tensor, n: int) -> list[Tensor]:
    return [torch.empty_like(x) for _ in range(n)]


@torch.library.custom_op(f"{NAME}::filled", mutates_args=())
def filled(x: Tensor, n: int, sizes: Sequence[int]) -> Tensor:
    return x.new_ones(*sizes) * n


@filled.register_fake
def _(x: Tensor, n: int, sizes: Sequence[int]) -> Tensor:
    return x.new_empty(*sizes)


@torch.library.custom_op(f"{NAME}::positive", mutates_args=())
def positive(x: Tensor) -> Tensor:
    return x[x > 0].clone()


@positive.register_fake
def _(x: Tensor) -> Tensor:
    return x.new_empty(torch.library.get_ctx().new_dynamic_size())


@torch.library.custom_op(f"{NAME}::sine", mutates_args=())
def sine(x: Tensor) -> Tensor:
    return x.sin()


@sine.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


sine.register_autograd(
    lambda ctx, g: g * ctx.saved_tensors[0].cos() * 3,
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]),
)

LAYOUTS = {
    "exact": torch.Tag.needs_exact_strides,
    "ordered": torch.Tag.needs_fixed_stride_order,
    "flexible": torch.Tag.flexible_layout,
}
LIBRARY = torch.library.Library(f"{NAME}_layouts", "DEF")
SEEN: list[tuple[int, ...]] = []


def note(x: Tensor) -> Tensor:
    SEEN.append(x.stride())
    return x * 2


for _name, _tag in LAYOUTS.items():
    LIBRARY.define(f"{_name}(Tensor x) -> Tensor", tags=[_tag])
    LIBRARY.impl(_name, note, "CPU")
    LIBRARY.impl(_name, torch.empty_like, "Meta")


def changes(x: Tensor, y: Tensor, out: Tensor) -> tuple[Tensor, ...]:
    z = x * 1
    first = add_and_store(z, y, out)
    second = add_and_store(x[1:3], y[:2], out[2:])
    return first, second, z, x + 1


def changes_lists(xs: list[Tensor]) -> Tensor:
    own = xs[0] * 2
    scale_all([own, xs[1]], None)
    scale_all(xs, torch.tensor(3.0))
    return own


def symbolic(x: Tensor) -> Tensor:
    return filled(x, x.shape[0] * 2, [x.shape[1], x.shape[0] + 1]) + 1


def of_data(x: Tensor) -> tuple[Tensor, ...]:
    return positive(x) * 2, positive(x).sum(), torch.zeros(positive(x + 1).shape[0]) + 1


def backward(x: Tensor) -> Tensor:
    return torch.autograd.grad((sine(x * 2) + 1).sum(), x)[0]


CASES: dict[str, tuple[Callable[..., Any], Callable[[], list[Any]]]] = {
    "arguments and views are changed": (changes, lambda: [R(4), R(4), R(4)]),
    "lists are changed": (changes_lists, lambda: [[R(4), R(3)]]),
    "a list is returned": (
        lambda x: (multiples(x + 1, 3)[0], multiples(x, 2)[1].sin()),
        lambda: [R(4)],
    ),
    "symbolic sizes": (symbolic, lambda: [R(4, 3)]),
    "sizes of data": (of_data, lambda: [R(20)]),
    "a gradient of its own": (backward, lambda: [R(20).requires_grad_()]),
}


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_as_in_eager_mode(name: str, dynamic: bool) -> None:
    function, make = CASES[name]
    assert_as_in_eager_mode(function, make, dynamic=dynamic)


@pytest.mark.parametrize("name", LAYOUTS)
def test_strides_are_those_of_eager_mode(name: str) -> None:
    operator = getattr(getattr(torch.ops, f"{NAME}_layouts"), name)

    def function(x: Tensor) -> tuple[Tensor, ...]:
        y, z = (x + 1).t(), (x * 2).view(2, 2, 3).permute(2, 0, 1)
        views = (y, z, z[:, :1], z[:, :, ::2] + 0, y[:, :2])
        return tuple(operator(v) for v in views)

    x = R(4, 3)
    torch._dynamo.reset()
    SEEN.clear()
    expected = function(x)
    eager = SEEN.copy()
    SEEN.clear()
    torch.testing.assert_close(torch.compile(function, backend="fxlower")(x), expected)
    assert eager == SEEN


@pytest.fixture
def rule() -> Iterator[Callable[[Any], None]]:
    """Registers a lowering of `multiples`, for one test."""
    overload = torch.ops.fxlower_schemas.multiples.default
    yield lambda lowering: fxlower.register_lowering(overload, lowering, override=True)
    RULES.pop(overload, None)


def three(x: Tensor) -> tuple[Tensor, ...]:
    a, b, c = multiples(x + 1, 3)
    return a, b * 2, c


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_lowering_with_several_results(rule: Any, dynamic: bool) -> None:
    rule(lambda b, x, n: [b.mul(x, b.full_like(i, x)) for i in range(n)])
    x = R(5, 7)
    torch._dynamo.reset()
    explanation = fxlower.explain(three, x, dynamic=dynamic)
    assert not explanation.fallbacks
    torch.testing.assert_close(explanation.result, three(x))


def refuse(b: Any, x: Any, n: int) -> Any:
    raise fxlower.NotLowered("not today")


def test_a_lowering_that_refuses(rule: Any) -> None:
    rule(refuse)
    explanation = fxlower.explain(three, R(5, 7))
    (call,) = explanation.fallbacks
    assert call.reason == "not today"


WRONG: dict[str, tuple[Any, str]] = {
    "too few": (lambda b, x, n: [x], "1 results.*expected 3"),
    "a dtype": (
        lambda b, x, n: [b.compare("lt", x, x)] * n,
        r"tensor<5x7xi1>.*expected tensor<5x7xf32>",
    ),
    "a shape": (
        lambda b, x, n: [b.reshape(x, (7, 5))] * n,
        r"tensor<7x5xf32>.*expected tensor<5x7xf32>",
    ),
    "an error": (lambda b, x, n: [b.add(x, {}[n])], "KeyError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_lowering_that_is_wrong(rule: Any, name: str) -> None:
    lowering, message = WRONG[name]
    rule(lowering)
    with pytest.raises(Exception, match=rf"(?s)test_custom_operator_schemas.*{message}") as raised:
        fxlower.explain(three, R(5, 7))
    assert CompilerError.__name__ in str(raised.value)
