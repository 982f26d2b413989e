"""`canonicalize-fxt` on random modules computes the same bits."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from fxlower.dialects import fxt
from fxlower.passes.canonicalize_fxt import CanonicalizeFxtPass
from tests.passes.fxt_evaluator import DTYPES, evaluate
from tests.passes.fxt_modules import random_module


def arguments_for(module: ModuleOp, seed: int) -> list[torch.Tensor]:
    """Few distinct numbers, so that special cases meet; sums of them are exact."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.tensor([0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 7.0])
    out = []
    for argument in module.body.block.first_op.regions[0].block.args:
        index = torch.randint(len(numbers), fxt.dims(argument), generator=generator)
        out.append(numbers[index].to(DTYPES[fxt.element(argument)]))
    return out


def assert_same_bits(got: torch.Tensor, expected: torch.Tensor, module: ModuleOp) -> None:
    assert got.dtype == expected.dtype
    torch.testing.assert_close(
        got, expected, rtol=0, atol=0, equal_nan=True, msg=lambda m: f"{m}\n{module}"
    )
    if got.is_floating_point():
        numbers = ~expected.isnan()
        assert torch.equal(torch.signbit(got)[numbers], torch.signbit(expected)[numbers]), (
            f"sign of zero\n{got}\n{expected}\n{module}"
        )


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.data(), st.integers(1, 14))
def test_random_modules(data: st.DataObject, steps: int) -> None:
    module = random_module(lambda low, high: data.draw(st.integers(low, high)), steps)
    check(module)


def check(module: ModuleOp) -> None:
    arguments = arguments_for(module, 0)
    expected = evaluate(module, arguments)
    text = str(module)
    CanonicalizeFxtPass().apply(Context(), module)
    module.verify()
    for got, want in zip(evaluate(module, arguments), expected, strict=True):
        assert_same_bits(got, want, f"{text}\n{module}")  # type: ignore[arg-type]
    once = str(module)
    CanonicalizeFxtPass().apply(Context(), module)
    module.verify()
    for got, want in zip(evaluate(module, arguments), expected, strict=True):
        assert_same_bits(got, want, f"{once}\n{module}")  # type: ignore[arg-type]
