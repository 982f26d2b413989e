"""Functional updates of a tensor: scatters, and updates of a regular part."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from test_indexing import assert_same, distinct, integers, ops
from tracing import traced

from fxlower.dialects import fxt
from fxlower.dialects.build import F32
from fxlower.errors import UnsupportedGraph

aten = torch.ops.aten
END = 2**63 - 1

ROWS = torch.stack([torch.randperm(5)[:3] for _ in range(7)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bfloat16])
def test_scatter(dtype: torch.dtype) -> None:
    x, source = torch.randn(7, 5).to(dtype), torch.randn(7, 5).to(dtype)
    assert_same(aten.scatter, x, 1, ROWS, source)
    assert_same(aten.scatter, x, 1, ROWS, 2)
    assert_same(aten.scatter_add, x, 1, integers(5, 7, 4), source)


def test_scatter_0d() -> None:
    assert_same(aten.scatter, torch.randn(()), 0, torch.tensor(0), torch.ones(()))


@pytest.mark.filterwarnings("ignore:.*beta")
@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "prod", "amax", "amin", "mean"])
def test_reductions(reduction: str, include_self: bool) -> None:
    how = {"include_self": include_self}
    for dtype in (torch.float32, torch.bfloat16, torch.int64):
        if dtype == torch.int64 and reduction == "mean":
            continue
        x, source, index = (
            torch.randn(7, 5).to(dtype),
            torch.randn(7, 5).to(dtype),
            integers(5, 7, 4),
        )
        reduce = partial(aten.scatter_reduce, **how)
        assert_same(reduce, x, 1, index, source, reduction)
    if reduction != "sum":
        rows, source = integers(5, 6), torch.randn(7, 6)
        assert_same(partial(aten.index_reduce, **how), x.float(), 1, rows, source, reduction)


def test_low_precision_adds_in_f32() -> None:
    x, v = torch.randn(7, 5).bfloat16(), torch.randn(64, 5).bfloat16()
    program = traced(lambda x, i, v: x.index_put((i,), v, True), x, integers(7, 64), v)
    (scatter,) = ops(program, fxt.ScatterOp)
    assert fxt.element(scatter.result) == F32


X, V = torch.randn(7, 5), torch.randn(7, 7)

RELATIVES: list[tuple[Any, ...]] = [
    (partial(aten.index_add, alpha=2), X, 1, integers(5, 7), V),
    (aten.index_copy, X, 1, distinct(5, 4), V[:, :4]),
    (aten.index_fill, X, 1, integers(5, 3), 2.5),
    (aten.put, X, integers(35, 7, 7, low=-35), V, True),
    (aten.put, X, distinct(35, 7), V[0]),
    (partial(aten.scatter, reduce="add"), X, 1, integers(5, 7, 4), V),
    (partial(aten.scatter, reduce="multiply"), X, 1, integers(5, 7, 4), 2.0),
]


@pytest.mark.parametrize("number", range(len(RELATIVES)))
def test_relatives(number: int) -> None:
    assert_same(*RELATIVES[number])


@pytest.mark.parametrize("padding_idx", [-1, 2])
@pytest.mark.parametrize("by_frequency", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_embedding_dense_backward(padding_idx: int, by_frequency: bool, dtype: torch.dtype) -> None:
    grad, index = torch.randn(3, 4, 5).to(dtype), integers(7, 3, 4)
    backward = aten.embedding_dense_backward
    program = assert_same(backward, grad, index, 7, padding_idx, by_frequency)
    assert len(ops(program, fxt.ScatterOp)) == 1 + by_frequency


SLICES = [
    (1, 1, 4, 1), (1, None, None, 1), (0, -3, END, 1), (1, 0, 5, 2), (0, 1, 7, 3), (1, 3, 3, 1),
    (1, -9, 2, 1), (1, 2, END, 1), (1, 2, 100, 2),
]  # fmt: skip


@pytest.mark.parametrize("bounds", SLICES)
def test_slice_scatter(bounds: tuple[Any, ...]) -> None:
    dim, start, end, step = bounds
    x = torch.randn(7, 5)
    index = [slice(None), slice(None)]
    index[dim] = slice(start, end, step)
    source = torch.randn(x[tuple(index)].shape)
    assert_same(aten.slice_scatter, x, source, dim, start, end, step)
    assert_same(
        lambda v: aten.slice_scatter(torch.full((7, 5), 1.5), v, dim, start, end, step), source
    )


def test_slice_scatter_into_a_constant_pads() -> None:
    program = assert_same(
        lambda v: aten.slice_scatter(torch.zeros(7, 5), v, 1, 1, 4), torch.randn(7, 3)
    )
    assert ops(program, fxt.PadOp) and not ops(program, fxt.ConcatOp)


@pytest.mark.parametrize("offset", [0, 1, -2, -7])
def test_diagonal_scatter(offset: int) -> None:
    x, cube = torch.randn(7, 5), torch.randn(4, 6, 5)
    assert_same(aten.diagonal_scatter, x, torch.randn(x.diagonal(offset).shape), offset)
    source = torch.randn(cube.diagonal(offset, 2, 0).shape)
    assert_same(aten.diagonal_scatter, cube, source, offset, 2, 0)


def test_as_strided_scatter_needs_memory_of_its_own() -> None:
    v = torch.randn(2, 2)
    assert_same(lambda v: aten.as_strided_scatter(torch.zeros(7, 5), v, [2, 2], [5, 1], 3), v)
    with pytest.raises(UnsupportedGraph, match="as_strided_scatter"):
        assert_same(lambda x, v: x.as_strided_scatter(v, [2, 2], [5, 1]), torch.zeros(7, 5), v)
