"""Sorting, selecting and searching: what becomes of each, and what is rejected."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from test_indexing import assert_same, ops
from torch import Tensor
from tracing import traced

from fxlower.dialects import fxt
from fxlower.reference.fxt import Trap, run

X = torch.randn(4, 21)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_sorts(dtype: torch.dtype) -> None:
    x = (X * 3).to(dtype)
    for dim in (0, 1, -1):
        assert_same(lambda x, dim=dim: torch.sort(x, dim=dim, stable=True), x)
        assert_same(lambda x, dim=dim: torch.argsort(x, dim=dim, descending=True, stable=True), x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.topk(3),
        lambda x: x.topk(2, 0, largest=False),
        lambda x: x.kthvalue(4),
        lambda x: (x.median(), *x.median(1), x.nanmedian(), *x.nanmedian(0)),
        lambda x: x.mode(1),
        lambda x: (*x.cummax(0), *x.cummin(1), x.logcumsumexp(1)),
        lambda x: torch.histc(x, 9),
        lambda x: torch.searchsorted(x.sort()[0], x),
        lambda x: torch.bucketize(x, torch.linspace(-1, 1, 5)),
        lambda x: torch.isin(x, x[:1]),
        lambda x: (*x.sort(0)[0].sort(1), *x.topk(21)),
    ],
)
def test_values(f: Callable[..., object]) -> None:
    assert_same(f, X)


def test_only_the_first_ones_are_sorted() -> None:
    (sort,) = ops(assert_same(lambda x: x.topk(3), X), fxt.ArgsortOp)
    assert fxt.dims(sort.result) == (4, 3) and sort.order.data == "descending"


def test_the_largest_one_is_a_reduction() -> None:
    program = assert_same(lambda x: x.topk(1), X)
    assert not ops(program, fxt.ArgsortOp) and ops(program, fxt.AmaxOp)


def test_too_few_elements_for_a_mask_are_an_error() -> None:
    x, mask = torch.zeros(5), torch.ones(5, dtype=torch.bool)
    program = traced(lambda x, m, s: x.masked_scatter(m, s), x, mask, torch.ones(3))
    with pytest.raises(Trap, match="IndexError"):
        run(program, [x, mask, torch.ones(3)])
    (found,) = run(program, [x, torch.arange(5) < 3, torch.ones(3)])
    assert found.tolist() == [1, 1, 1, 0, 0]


def test_a_range_that_is_not_finite_is_an_error() -> None:
    program = traced(lambda x: torch.histc(x, 4), torch.ones(3))
    with pytest.raises(Trap, match="IndexError"):
        run(program, [torch.tensor([1.0, torch.inf, 2.0])])


def test_masks_of_many_elements_and_what_comes_back() -> None:
    mask = torch.rand(4, 21) > 0.5
    assert_same(lambda x, m, s: x.masked_scatter(m, s), X, mask, torch.randn(100))
    assert_same(lambda g, m: torch.ops.aten.masked_scatter_backward(g, m, [10, 10]), X, mask)


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda x: x.masked_scatter(x > 9, x[:0]), "a source that may have no elements"),
        (lambda x: x[:, None][:0].median(1), "a median of no elements"),
    ],
)
def test_rejected(f: Callable[[Tensor], Tensor], why: str) -> None:
    (call,) = traced(f, torch.ones(5)).fallbacks
    assert why in call.reason
