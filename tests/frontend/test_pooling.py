"""Windows: what their lowering is made of, and that it means what eager mode computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_indexing import assert_same, ops
from tracing import traced

from fxlower.dialects import fxt

aten = torch.ops.aten

MAX = {
    "strided": ((2, 3, 9, 11), ([3, 3], [2, 2], [1, 1])),
    "uneven": ((2, 3, 9, 11), ([3, 2], [1, 3], [1, 0])),
    "dilated": ((2, 3, 9, 11), ([2, 3], [2, 1], [1, 1], [3, 2])),
    "rounded up": ((2, 3, 10, 12), ([3, 3], [2, 2], [1, 1], [1, 1], True)),
    "more taps than are unrolled": ((2, 3, 15, 16), ([7, 7], [2, 2], [3, 3])),
    "one number for all axes": ((3, 9, 11), ([3], [2], [1])),
}


@pytest.mark.parametrize("name", MAX)
def test_max_pool(name: str) -> None:
    shape, arguments = MAX[name]
    x = torch.randn(shape).round(decimals=1)
    x.flatten()[::17] = float("nan")
    assert_same(lambda x: aten.max_pool2d_with_indices(x, *arguments), x)


@pytest.mark.parametrize("name", MAX)
def test_max_pool_backward(name: str) -> None:
    shape, arguments = MAX[name]
    x = torch.randn(shape)
    values, indices = aten.max_pool2d_with_indices(x, *arguments)
    full = [*arguments, *([], [], [], [1, 1], False)[len(arguments) :]]

    def backward(grad: Any, x: Any, indices: Any) -> Any:
        return aten.max_pool2d_with_indices_backward(grad, x, *full, indices)

    program = assert_same(backward, torch.randn(values.shape), x, indices)
    assert not ops(program, fxt.ScatterOp)


def test_many_windows_around_an_element_are_scattered() -> None:
    x = torch.randn(2, 3, 12, 13)
    values, indices = aten.max_pool2d_with_indices(x, [5, 5], [1, 1], [2, 2])

    def backward(grad: Any, x: Any, indices: Any) -> Any:
        return aten.max_pool2d_with_indices_backward(
            grad, x, [5, 5], [1, 1], [2, 2], [1, 1], False, indices
        )

    assert ops(assert_same(backward, torch.randn(values.shape), x, indices), fxt.ScatterOp)


def test_windows_side_by_side_are_slices() -> None:
    """What computes the operand can be fused then."""
    program = assert_same(
        lambda x: aten.max_pool2d_with_indices(x.relu(), [2, 2])[0], torch.randn(2, 3, 8, 11)
    )
    assert not ops(program, fxt.GatherOp)
    program = assert_same(lambda x: aten.avg_pool2d(x, [2, 3]), torch.randn(2, 3, 8, 11))
    assert not ops(program, fxt.GatherOp)


def test_large_windows_are_reduced_over() -> None:
    program = assert_same(
        lambda x: aten.avg_pool2d(x, [9, 9], [2, 2], [4, 4]), torch.randn(1, 2, 14, 15)
    )
    assert len(ops(program, fxt.GatherOp)) == 1
    assert len(ops(program, fxt.SumOp)) == 1


AVERAGE = {
    "padded": ([3, 3], [2, 2], [1, 1]),
    "padding not counted": ([3, 3], [2, 2], [1, 1], False, False),
    "rounded up": ([3, 3], [2, 2], [1, 1], True),
    "rounded up, padding not counted": ([3, 2], [2, 3], [1, 1], True, False),
    "divisor": ([3, 3], [2, 2], [1, 1], False, True, 5),
}


@pytest.mark.parametrize("name", AVERAGE)
def test_avg_pool(name: str) -> None:
    arguments: Any = AVERAGE[name]
    x = torch.randn(2, 3, 10, 12)
    assert_same(lambda x: aten.avg_pool2d(x, *arguments), x)
    full = [*arguments, *([], [], [], False, True, None)[len(arguments) :]]
    grad = torch.randn(aten.avg_pool2d(x, *arguments).shape)
    program = assert_same(lambda g, x: aten.avg_pool2d_backward(g, x, *full), grad, x)
    assert not ops(program, fxt.ScatterOp)


def test_average_of_integers_stays_eager() -> None:
    program = traced(lambda x: aten.avg_pool2d(x, [2, 2]), torch.ones(1, 1, 4, 4).long())
    assert [op.target.data for op in ops(program, fxt.AtenOp)] == ["aten.avg_pool2d.default"]


@pytest.mark.parametrize("sizes", [(1, 1), (3, 4), (4, 5), (9, 12), (10, 30)])
def test_adaptive(sizes: tuple[int, int]) -> None:
    x = torch.randn(2, 3, 9, 12)
    assert_same(lambda x: aten._adaptive_avg_pool2d(x, sizes), x)
    assert_same(lambda x: aten.adaptive_max_pool2d(x, sizes), x)
    values, indices = aten.adaptive_max_pool2d(x, sizes)
    grad = torch.randn(values.shape)
    assert_same(lambda g, x: aten._adaptive_avg_pool2d_backward(g, x), grad, x)
    assert_same(lambda g, x, i: aten.adaptive_max_pool2d_backward(g, x, i), grad, x, indices)


@pytest.mark.parametrize("padding", [(1, 2, 0, 3), (-1, 2, 3, -2)])
def test_replication_pad_backward(padding: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, 5, 6)
    grad = torch.randn(aten.replication_pad2d(x, padding).shape)
    assert_same(lambda g, x: aten.replication_pad2d_backward(g, x, padding), grad, x)
