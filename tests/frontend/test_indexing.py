"""Reading and writing at computed positions: forms, results, and what is rejected."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten
from tracing import traced
from xdsl.ir import Operation

from fxlower.dialects import fxt
from fxlower.errors import UnsupportedGraph
from fxlower.frontend.program import Imported
from fxlower.reference.fxt import Trap, run

aten = torch.ops.aten


def ops(program: Imported, kind: type[Operation]) -> list[Any]:
    return [op for op in program.module.walk() if isinstance(op, kind)]


def integers(high: int, *sizes: int, low: int = 0) -> Tensor:
    return torch.randint(low, high, sizes)


def distinct(high: int, count: int) -> Tensor:
    return torch.randperm(high)[:count]


def assert_same(f: Any, *args: Any) -> Imported:
    """`f` is lowered without a fallback, and computes what eager does. Tensors anywhere in `args`
    are the inputs of the graph."""
    leaves, structure = tree_flatten(args)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]

    def of_tensors(*inputs: Tensor) -> Any:
        pending = iter(inputs)
        values = [next(pending) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        return f(*tree_unflatten(values, structure))

    program = traced(of_tensors, *tensors, fallback="error")
    expected = f(*args)
    results = [expected] if isinstance(expected, Tensor) else list(expected)
    for found, wanted in zip(run(program, tensors), results, strict=True):
        loose = {"rtol": 2e-2, "atol": 2e-2} if wanted.dtype == torch.bfloat16 else {}
        torch.testing.assert_close(found, wanted, equal_nan=True, **loose)
    return program


INDICES = {
    "first": ((7, 5), [integers(7, 3, low=-7)]),
    "second": ((7, 5), [None, integers(5, 3)]),
    "around a kept axis": ((4, 5, 6), [integers(4, 3), None, integers(6, 2, 1)]),
    "inner axes": ((4, 5, 6), [None, integers(5, 3, 1), integers(6, 4)]),
    "broadcast": ((4, 5, 6), [integers(4, 3, 1), integers(5, 1, 2)]),
    "0-d": ((4, 5, 6), [None, torch.tensor(2)]),
    "int32": ((4, 5, 6), [integers(4, 3).int(), None, integers(6, 3)]),
    "last": ((4, 5, 6), [None, None, integers(6, 1)]),
    "empty": ((7, 5), [integers(7, 0)]),
}


@pytest.mark.parametrize("name", INDICES)
def test_index(name: str) -> None:
    shape, indices = INDICES[name]
    assert_same(aten.index, torch.randn(shape), indices)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("name", INDICES)
def test_index_put(name: str, accumulate: bool) -> None:
    shape, indices = INDICES[name]
    x = torch.randn(shape)
    full = torch.randn(aten.index(x, indices).shape)
    for values in (full, torch.randn(full.shape[-1:]), torch.randn(())):
        if not accumulate and values is full and 1 not in full.shape:
            continue  # which of several values at one position is written is not defined
        assert_same(aten.index_put, x, indices, values, accumulate)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(
    ("mask_dims", "first", "value_dims"),
    [
        ((7, 5), 0, ()),
        ((7, 5), 0, (1,)),
        ((7,), 0, (5,)),
        ((7,), 0, (1, 5)),
        ((5,), 1, (7, 1)),
        ((5,), 1, ()),
    ],
)
def test_mask_is_a_select(
    mask_dims: tuple[int, ...], first: int, value_dims: tuple[int, ...], accumulate: bool
) -> None:
    mask = torch.rand(mask_dims) > 0.5
    indices = [None] * first + [mask]
    values = torch.randn(value_dims)
    program = assert_same(aten.index_put, torch.randn(7, 5), indices, values, accumulate)
    assert len(ops(program, fxt.SelectOp)) == 1 and not ops(program, fxt.ScatterOp)


def test_index_is_checked_before_it_is_broadcast() -> None:
    program = assert_same(lambda x, i: x[i], torch.randn(7, 5), integers(7, 3))
    (check,) = ops(program, fxt.NormalizeIndexOp)
    assert fxt.dims(check.result) == (3,)
    (gather,) = ops(program, fxt.GatherOp)
    assert isinstance(gather.indices[1].owner, fxt.IotaOp)


@pytest.mark.parametrize(
    ("f", "bad"),
    [
        (lambda x, i: aten.index(x, [i]), 7),
        (lambda x, i: aten.index(x, [i]), -8),
        (lambda x, i: aten.embedding(x, i), -1),
        (lambda x, i: aten.index_select(x, 0, i), -1),
        (lambda x, i: aten.gather(x, 0, i.unsqueeze(1)), 7),
        (lambda x, i: aten.scatter(x, 0, i.unsqueeze(1), 1.0), -1),
        (lambda x, i: aten.scatter_add(x, 0, i.unsqueeze(1), x), 7),
        (lambda x, i: aten.index_put(x, [i], x[:2]), 7),
        (lambda x, i: aten.embedding_dense_backward(x[:2], i, 7, -1, False), 7),
    ],
)
def test_out_of_range_raises(f: Any, bad: int) -> None:
    x = torch.randn(7, 5)
    program = traced(f, x, torch.tensor([1, 2]), fallback="error")
    run(program, [x, torch.tensor([0, 6])])
    with pytest.raises(Trap, match="IndexError"):
        run(program, [x, torch.tensor([0, bad])])


def test_sizes_that_depend_on_data_are_not_lowered() -> None:
    x = torch.randn(7, 5)

    def write(x: Tensor, v: Tensor) -> Tensor:
        return aten.index_put(x, [x > 0], v)

    with pytest.raises(UnsupportedGraph, match="index_put"):
        traced(write, x, torch.randn(int((x > 0).sum())), fallback="error")


READS = {
    "gather": (lambda x, i: x.gather(1, i), (7, 5), integers(5, 7, 3)),
    "gather fewer rows": (lambda x, i: x.gather(0, i), (7, 5), integers(7, 3, 4)),
    "gather 0-d": (lambda x, i: x.gather(0, i), (), torch.tensor([0, 0])),
    "index_select 0-d index": (lambda x, i: x.index_select(1, i), (3, 7), torch.tensor(3)),
    "embedding int32": (lambda x, i: aten.embedding(x, i, 0), (7, 5), integers(7, 2, 3).int()),
    "unfold": (lambda x, i: x.unfold(1, 3, 2), (3, 9), torch.tensor(0)),
    "unfold 0-d": (lambda x, i: x.unfold(0, 1, 1), (), torch.tensor(0)),
    "take": (lambda x, i: x.take(i), (7, 5), integers(35, 4, low=-35)),
    "take_along_dim": (lambda x, i: x.take_along_dim(i, 1), (7, 5), integers(5, 7, 2)),
}


@pytest.mark.parametrize("name", READS)
def test_read(name: str) -> None:
    f, shape, index = READS[name]
    assert_same(f, torch.randn(shape), index)


def test_roll_is_two_slices() -> None:
    program = assert_same(lambda x: aten.roll(x, [2], [1]), torch.randn(7, 5))
    assert len(ops(program, fxt.SliceOp)) == 2 and len(ops(program, fxt.ConcatOp)) == 1


@pytest.mark.parametrize(
    ("shifts", "dims", "shape"),
    [([-1, 8], [0, 1], (7, 5)), ([3], [], (7, 5)), ([2, 3], [1, 1], (7, 5)), ([3], [0], (0, 3)),
     ([5], [1], (7, 5)), ([2], [], ())],
)  # fmt: skip
def test_roll(shifts: list[int], dims: list[int], shape: tuple[int, ...]) -> None:
    assert_same(lambda x: aten.roll(x, shifts, dims), torch.randn(shape))


def test_roll_of_symbolic_size() -> None:
    program = traced(lambda x: x.roll(9, 1), torch.randn(7, 5), dynamic=True, fallback="error")
    x = torch.randn(3, 4)
    torch.testing.assert_close(run(program, [x])[0], x.roll(9, 1))
