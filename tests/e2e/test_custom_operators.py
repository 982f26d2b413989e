"""Operators that users define: opaque ones run in eager mode, `register_lowering` compiles them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import fxlower
from fxlower.frontend.registry import RULES


@torch.library.custom_op("fxlower_e2e::shifted_relu", mutates_args=())
def shifted_relu(x: torch.Tensor, shift: float) -> torch.Tensor:
    return torch.relu(x) + shift


@shifted_relu.register_fake
def _(x: torch.Tensor, shift: float) -> torch.Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("fxlower_e2e::needs_columns", mutates_args=())
def needs_columns(x: torch.Tensor) -> torch.Tensor:
    assert x.stride() == (1, 5), "the operator must get the strides that it gets in eager mode"
    return x * 2


@needs_columns.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("fxlower_e2e::increment", mutates_args=("x",))
def increment(x: torch.Tensor) -> None:
    x.add_(1)


OVERLOAD = torch.ops.fxlower_e2e.shifted_relu.default


@pytest.fixture
def lowered() -> Iterator[None]:
    def rule(b, x, shift):
        zero, amount = b.full_like(0.0, x), b.full_like(shift, x)
        return b.add(b.max(x, zero), amount)

    fxlower.register_lowering(OVERLOAD, rule)
    yield
    del RULES[OVERLOAD]


def program(x: torch.Tensor) -> torch.Tensor:
    return shifted_relu(x * 2, 0.5).sin()


def test_an_opaque_operator_runs_in_eager_mode() -> None:
    x = torch.randn(7, 19)
    explanation = fxlower.explain(program, x)
    torch.testing.assert_close(explanation.result, program(x))
    (call,) = explanation.fallbacks
    assert call.target is OVERLOAD and "no lowering" in call.reason


def test_a_registered_lowering_is_used(lowered: None) -> None:
    x = torch.randn(7, 19)
    explanation = fxlower.explain(program, x)
    torch.testing.assert_close(explanation.result, program(x))
    assert not explanation.fallbacks
    (kernel,) = explanation.graphs[0].kernels
    assert {"mul", "max", "add", "sin"} <= set(kernel.ops)


def test_a_mistake_in_a_lowering_names_it_and_the_line() -> None:
    def wrong(b, x, shift):
        return b.add(x, shift)

    fxlower.register_lowering(OVERLOAD, wrong)
    try:
        with pytest.raises(Exception, match=r"wrong of fxlower_e2e.*test_custom_operators.py:\d+"):
            fxlower.explain(program, torch.randn(3))
    finally:
        del RULES[OVERLOAD]


def test_a_second_lowering_is_refused(lowered: None) -> None:
    with pytest.raises(ValueError, match="override=True"):
        fxlower.register_lowering(OVERLOAD, lambda b, x, shift: x)
    with pytest.raises(ValueError, match="fxlower itself"):
        fxlower.register_lowering(torch.ops.aten.relu.default, lambda b, x: x)


def test_an_opaque_operator_gets_the_strides_of_eager_mode() -> None:
    def columns(x: torch.Tensor) -> torch.Tensor:
        return needs_columns((x + 1).t()) - 1

    x = torch.randn(3, 5)
    torch._dynamo.reset()
    torch.testing.assert_close(torch.compile(columns, backend="fxlower")(x), columns(x))


def test_an_operator_that_changes_its_argument() -> None:
    def twice(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        increment(y)
        increment(x)
        return x + y

    a, b = torch.ones(9), torch.ones(9)
    torch._dynamo.reset()
    found, expected = torch.compile(twice, backend="fxlower")(a), twice(b)
    assert torch.equal(found, expected) and torch.equal(a, b)
