"""Inputs that a graph changes are written by kernels, where that gives what eager mode gives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_leaves

import fxlower
from fxlower import backend
from fxlower.runtime.plan import HostPlan, SegmentStep

Function = Callable[..., Any]


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[HostPlan]:
    """The plans of what is compiled meanwhile."""
    made: list[HostPlan] = []
    compile_graph = backend.compile_graph

    def noting(*args: Any, **kwargs: Any) -> Any:
        executable = compile_graph(*args, **kwargs)
        made.append(executable.plan)
        return executable

    monkeypatch.setattr(backend, "compile_graph", noting)
    return made


def copied(value: Any) -> Any:
    """A copy with the strides that the tensor has."""
    if not isinstance(value, Tensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype).copy_(value)


def compare(function: Function, arguments: list[Any], **options: Any) -> None:
    """Results and inputs of two calls, the second of which meets what the first one left."""
    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower", **options)
    theirs, ours = [copied(a) for a in arguments], [copied(a) for a in arguments]
    with torch.no_grad():
        for _ in range(2):
            expected, found = tree_leaves(function(*theirs)), tree_leaves(compiled(*ours))
            for a, b in zip([*expected, *theirs], [*found, *ours], strict=True):
                torch.testing.assert_close(b, a, equal_nan=True)


_NUMBERS = torch.Generator().manual_seed(0)


def floats(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=_NUMBERS)


def adam(p: Tensor, g: Tensor, m: Tensor, v: Tensor) -> None:
    m.lerp_(g, 0.1)
    v.mul_(0.9).addcmul_(g, g, value=0.1)
    p.addcdiv_(m, v.sqrt() + 1e-8, value=-1e-3)


def batch_norm(x: Tensor, mean: Tensor, var: Tensor, w: Tensor, b: Tensor, n: Tensor) -> Tensor:
    n.add_(1)
    return F.batch_norm(x, mean, var, w, b, training=True)


def swap(a: Tensor, b: Tensor) -> None:
    old = a.clone()
    a.copy_(b)
    b.copy_(old)


def rotate(a: Tensor, b: Tensor, c: Tensor) -> None:
    old = a.clone()
    a.copy_(b)
    b.copy_(c)
    c.copy_(old)


def of_each_other(a: Tensor, b: Tensor) -> Tensor:
    total, difference = a + b, a - b
    a.copy_(total)
    b.copy_(difference)
    return total * difference


def rows_of_each_other(a: Tensor, b: Tensor) -> None:
    # Means, not sums, whose rounding shows where they almost cancel with an element.
    total, difference = a.mean(1, keepdim=True) + b, a - b.mean(1, keepdim=True)
    a.copy_(total)
    b.copy_(difference)


def old_row(a: Tensor, b: Tensor) -> Tensor:
    old = a.softmax(-1)
    a.copy_(b)
    return old + a


def count(n: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    total = x.sum()
    n.add_(1)
    scaled = x * n + total
    n.mul_(2)
    return scaled, n * 3


def set_position(cache: Tensor, k: Tensor) -> None:
    cache[:, :, 5] = k


def set_nested(cache: Tensor, k: Tensor) -> None:
    cache[1, :, 2:5] = k * 2


def set_slice(cache: Tensor, k: Tensor, position: int) -> Tensor:
    cache[:, :, position : position + k.shape[2]] = k
    return (cache * 2).sum(-1)


def add_to_rows(x: Tensor) -> None:
    x[1] += 1
    x[3] *= 2
    x[3] -= x[1]


def around_the_host(x: Tensor) -> Tensor:
    ordered = torch.linalg.qr(x)[1]
    x[1:3].copy_(ordered[1:3] * 2)
    x[0].add_(ordered[2])
    return torch.linalg.qr(x)[1]


def twice(x: Tensor, y: Tensor) -> Tensor:
    total = x + y
    x.copy_(total)
    y.copy_(total)
    return total


def swap_rows(x: Tensor) -> None:
    old = x[0].clone()
    x[0] = x[1]
    x[1] = old


def copy_row(x: Tensor) -> None:
    x[3] = x[1]


def next_to(x: Tensor) -> None:
    x[:, 4] = x[:, :4].sum(-1)


def sum_of_all(x: Tensor) -> None:
    x[:, 4] = x.sum(-1)


def softmax_of_columns(x: Tensor) -> Tensor:
    x[:, 2:5] = x[:, 2:5].softmax(-1)
    return x[:, 2:5] + 1


def reverse_rows(x: Tensor) -> None:
    x[2:6] = x[2:6].flip(0)


def border(x: Tensor) -> None:
    x[0], x[-1], x[:, 0], x[:, -1] = 0, 1, 2, 3


def two_caches(keys: Tensor, values: Tensor, k: Tensor, v: Tensor) -> Tensor:
    keys[:, :, 5] = k * 2 + 1
    values[:, :, 5] = v.sin()
    return (keys * values).sum(-1)


def beside_its_transpose(x: Tensor, y: Tensor) -> Tensor:
    """Two nests with as many parallel iterations, which must not run together."""
    product = x * y.transpose(0, 1)
    joined = torch.cat([x.transpose(0, 1) + 1, product])
    x.copy_(product)
    return joined


def shift(x: Tensor) -> None:
    x[1:] = x[:-1].clone()


def integers(high: int, *shape: int) -> Tensor:
    return torch.randint(0, high, shape)


CASES: dict[str, tuple[Function, list[Any], int]] = {
    # A function, its arguments, and how many inputs the host still has to copy.
    "add": (lambda x: x.add_(1), [floats(40, 7)], 0),
    "zero": (lambda x: x.zero_(), [floats(40, 7)], 0),
    "of another": (lambda x, y: x.copy_(y), [floats(40), integers(9, 40)], 0),
    "empty": (lambda x: x.add_(1), [floats(0, 3)], 0),
    "scalar": (lambda x: x.add_(1), [torch.tensor(3)], 0),
    "bool": (lambda x, y: x.logical_and_(y), [floats(33) > 0, floats(33) > 0], 0),
    "bfloat16": (lambda x, y: x.add_(y), [floats(99).bfloat16(), floats(99).bfloat16()], 0),
    "float64": (lambda x, y: x.mul_(y), [floats(99).double(), floats(99).double()], 0),
    "gaps": (lambda x: x.add_(1), [floats(6, 20)[:, ::2]], 0),
    "transposed": (lambda x: x.t().mul_(2), [floats(6, 20)], 1),
    "adam": (adam, [floats(37, 5), floats(37, 5), floats(37, 5), floats(37, 5).abs()], 0),
    "batch norm": (batch_norm, [floats(4, 8, 5, 5), floats(8), floats(8).abs(), floats(8),
                                floats(8), torch.tensor(0)], 0),
    "softmax": (lambda x: x.copy_(x.softmax(-1)), [floats(33, 70)], 0),
    "centered rows": (lambda x: x.sub_(x.mean(-1, keepdim=True)), [floats(33, 70)], 0),
    "centered columns": (lambda x: x.sub_(x.mean(0)), [floats(33, 70)], 0),
    "product": (lambda x, a, b: x.copy_(a @ b), [floats(7, 9), floats(7, 5), floats(5, 9)], 0),
    "product of itself": (lambda x, b: x.copy_(x @ b), [floats(7, 9), floats(9, 9)], 1),
    "cumsum": (lambda x: x.cumsum_(0), [floats(40, 7)], 1),
    "transposition": (lambda x: x.copy_(x.t().clone()), [floats(9, 9)], 1),
    "reversal": (lambda x: x.copy_(x.flip(0)), [floats(9, 3)], 1),
    "shift": (shift, [floats(9, 3)], 1),
    "swap": (swap, [floats(40, 7), floats(40, 7)], 1),
    "rotation": (rotate, [floats(40), floats(40), floats(40)], 1),
    "of each other": (of_each_other, [floats(40, 7), floats(40, 7)], 0),
    "rows of each other": (rows_of_each_other, [floats(9, 50), floats(9, 50)], 0),
    # The row is copied in the first pass over it, and the softmax needs the old one in the last.
    "old row": (old_row, [floats(9, 50), floats(9, 50)], 1),
    "counter": (count, [torch.tensor(0.0), floats(40, 7)], 0),
    "one value twice": (twice, [floats(40, 7), floats(40, 7)], 0),
    "joined": (lambda x, a, b: x.copy_(torch.cat([a * 2, b + 1], 1)),
               [floats(6, 10), floats(6, 4), floats(6, 6)], 0),
    "position": (set_position, [floats(2, 3, 9, 4), floats(2, 3, 4)], 0),
    "nested": (set_nested, [floats(2, 3, 9, 4), floats(3, 3, 4)], 0),
    "slice": (set_slice, [floats(2, 3, 9, 4), floats(2, 3, 2, 4), 3], 0),
    "one row": (add_to_rows, [floats(7, 5)], 0),
    "narrow": (lambda c, k: c.narrow(1, 2, 3).copy_(k), [floats(2, 9, 4), floats(2, 3, 4)], 0),
    "slice of itself": (lambda x: x[1:4].mul_(2), [floats(9, 3)], 0),
    "swapped rows": (swap_rows, [floats(6, 90)], 0),
    "copied row": (copy_row, [floats(6, 9)], 1),
    "next to": (next_to, [floats(6, 9)], 0),
    "sum of all": (sum_of_all, [floats(6, 9)], 1),
    "softmax of columns": (softmax_of_columns, [floats(6, 9)], 0),
    "reversed rows": (reverse_rows, [floats(9, 4)], 1),
    "border": (border, [floats(7, 9)], 0),
    "two caches": (two_caches, [*[floats(2, 3, 9, 4)] * 2, *[floats(2, 3, 4)] * 2], 0),
    "beside its transpose": (beside_its_transpose, [floats(48, 48, 128)] * 2, 0),
    "index": (lambda c, i, k: c.index_copy_(1, i, k),
              [floats(2, 9, 4), torch.tensor([7, 2]), floats(2, 2, 4)], 0),
    "index add": (lambda c, i, k: c.index_add_(1, i, k),
                  [floats(2, 9, 4), torch.tensor([7, 2, 7]), floats(2, 3, 4)], 0),
    "scatter": (lambda c, i, k: c.scatter_add_(0, i, k),
                [floats(9, 4), integers(9, 5, 4), floats(5, 4)], 0),
    "scatter of itself": (lambda c, i: c.scatter_add_(0, i, c[:5].clone()),
                          [floats(9, 4), integers(9, 5, 4)], 1),
    "gathered": (lambda c, i: c.add_(c.gather(0, i)), [floats(9, 4), integers(9, 9, 4)], 1),
    "around the host": (around_the_host, [floats(7, 5)], 0),
    "views returned": (lambda x: (x.add_(1), x.view(-1), x[1:], x.t(), x.clone(), x * 1),
                       [floats(7, 6)], 0),
}  # fmt: skip


NOT_WITH_SYMBOLS = ("gaps",)
"""Whether elements share memory is not known of strides that are symbols and not row-major."""

WITH_SYMBOLS = {"one row": 1}
"""Inputs that the host has to copy where sizes are symbols: updates of several rows are then joined
one after the other, and the second one reads what the first one replaces."""


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_as_in_eager_mode(name: str, dynamic: bool, plans: list[HostPlan]) -> None:
    function, arguments, host_copies = CASES[name]
    if dynamic:
        host_copies = WITH_SYMBOLS.get(name, host_copies)
    compare(function, arguments, dynamic=dynamic)
    assert len(plans) == 1
    if not dynamic or name not in NOT_WITH_SYMBOLS:
        assert len(plans[0].mutations) == host_copies
        assert len(plans[0].written) + host_copies > 0


@pytest.mark.parametrize("machine", ["x86-64-v3", "x86-64-v4"])
def test_on_other_machines(machine: str) -> None:
    for name in ("adam", "batch norm", "softmax", "swap", "nested", "index add"):
        function, arguments, _ = CASES[name]
        try:
            compare(function, arguments, options={"machine": machine})
        except Exception as error:
            if "TargetError" in str(error) or type(error).__name__ == "TargetError":
                pytest.skip(f"this machine does not run {machine}")
            raise


def test_what_is_overwritten_is_not_read(plans: list[HostPlan]) -> None:
    """Not even by the host, where it cannot be known that a slice is not clamped."""
    compare(set_slice, [floats(2, 3, 9, 4), floats(2, 3, 2, 4), 3], dynamic=True)
    assert all(type(step) is SegmentStep for step in plans[0].steps)


# ---------------------------------------------------------------------------------- errors


def take_and_add(x: Tensor, table: Tensor, i: Tensor) -> Tensor:
    x.add_(1)
    return table[i]


def test_an_index_out_of_range_changes_nothing(plans: list[HostPlan]) -> None:
    torch._dynamo.reset()
    calls: list[tuple[Function, list[Tensor]]] = [
        (lambda c, k, i: c.index_copy_(1, i, k), [floats(2, 9, 4), floats(2, 2, 4)]),
        (take_and_add, [floats(40), floats(9)]),
        (lambda x, y, i: x.add_(y[i]), [floats(2), floats(9)]),
    ]
    for function, arguments in calls:
        compiled = torch.compile(function, backend="fxlower", dynamic=False)
        before = [a.clone() for a in arguments]
        compiled(*(a.clone() for a in arguments), torch.tensor([1, 0]))
        with pytest.raises(IndexError):
            compiled(*arguments, torch.tensor([1, 99]))
        assert all(torch.equal(a, b) for a, b in zip(arguments, before))
    assert [len(p.written) for p in plans] == [1, 1, 0]


def test_a_division_by_zero_changes_nothing() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(lambda x, y: x.floor_divide_(y), backend="fxlower")
    x = torch.arange(9)
    with pytest.raises(RuntimeError, match="division by zero"):
        compiled(x, torch.arange(9).flip(0))
    assert torch.equal(x, torch.arange(9))


# -------------------------------------------------------------------------- version counters


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_version_counters_move(mode: Callable[[], Any]) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(lambda x, y: (x.add_(1), x.view(-1), y * 2)[1:], backend="fxlower")
    with mode():
        x, y = floats(4), floats(4)
        view, _ = compiled(x, y)
        assert x._version > 0 and y._version == 0 and view._version == x._version
        assert view.data_ptr() == x.data_ptr()


def test_what_backward_needs_must_not_be_changed() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(lambda x: x.add_(1), backend="fxlower")
    x, w = floats(4), floats(4).requires_grad_()
    y = (x * w).sum()
    with torch.no_grad():
        compiled(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_inference_tensors() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(lambda x: x.add_(1), backend="fxlower")
    with torch.inference_mode():
        x = torch.zeros(4)
        compiled(x)
        compiled(x)
    assert torch.equal(x, torch.full((4,), 2.0))


def test_training_statistics(plans: list[HostPlan]) -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    layer, twin = torch.nn.BatchNorm1d(6), torch.nn.BatchNorm1d(6)
    compiled = torch.compile(twin, backend="fxlower")
    for _ in range(3):
        x = floats(8, 6)
        layer(x).square().sum().backward()
        compiled(x).square().sum().backward()
    for a, b in zip(layer.state_dict().values(), twin.state_dict().values()):
        torch.testing.assert_close(a, b)
    assert layer.weight.grad is not None and twin.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, twin.weight.grad)
    assert len(plans[0].written) == 3 and not plans[0].mutations


# ------------------------------------------------------------------------------- overlaps


def test_inputs_that_overlap() -> None:
    """AOTAutograd makes them views of one input."""

    def change(a: Tensor, b: Tensor) -> Tensor:
        a.add_(1)
        b.mul_(2)
        return a + b

    torch._dynamo.reset()
    compiled = torch.compile(change, backend="fxlower")
    ours, theirs = torch.arange(10.0), torch.arange(10.0)
    for _ in range(2):
        found, expected = compiled(ours[:6], ours[4:]), change(theirs[:6], theirs[4:])
        assert torch.equal(found, expected) and torch.equal(ours, theirs)
    assert torch.equal(compiled(ours, ours), change(theirs, theirs)) and torch.equal(ours, theirs)


def test_inputs_that_overlap_without_aot_autograd() -> None:
    def change(a: Tensor, b: Tensor) -> Tensor:
        return a.add_(b.flip(0))

    example = [torch.zeros(6), torch.zeros(6)]
    compiled = fxlower.compile(torch.fx.symbolic_trace(change), example)
    ours, theirs = torch.arange(10.0), torch.arange(10.0)
    version = ours._version
    compiled(ours[:6], ours[4:])
    change(theirs[:6], theirs[4:].clone())
    assert torch.equal(ours, theirs) and ours._version > version
    apart = [torch.ones(6), torch.ones(6)]
    compiled(*apart)
    assert torch.equal(apart[0], torch.full((6,), 2.0)) and apart[0]._version > 0


class Cache(torch.nn.Module):
    rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(4, 3))

    def forward(self, x: Tensor, row: Tensor) -> Tensor:
        self.rows.index_copy_(0, row, x)
        return self.rows.sum(0)


def test_a_buffer_of_an_exported_program(plans: list[HostPlan]) -> None:
    example = torch.ones(1, 3), torch.tensor([0])
    program = torch.export.export(Cache(), example)
    compiled = fxlower.compile(program)
    assert torch.equal(compiled(torch.ones(1, 3), torch.tensor([1])), torch.ones(3))
    assert torch.equal(compiled(torch.ones(1, 3), torch.tensor([2])), torch.full((3,), 2.0))
    assert len(plans[-1].written) == 1 and not plans[-1].mutations


def test_threads() -> None:
    """Each on tensors of its own."""
    torch._dynamo.reset()
    compiled = torch.compile(adam, backend="fxlower")
    states = [[floats(999), floats(999), floats(999), floats(999).abs()] for _ in range(4)]
    expected = [[t.clone() for t in state] for state in states]
    with torch.no_grad():
        compiled(*(t.clone() for t in states[0]))
        for state in expected:
            for _ in range(20):
                adam(*state)

        def work(state: list[Tensor]) -> None:
            with torch.no_grad():
                for _ in range(20):
                    compiled(*state)

        threads = [threading.Thread(target=work, args=(state,)) for state in states]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for a, b in zip(tree_leaves(states), tree_leaves(expected), strict=True):
        torch.testing.assert_close(a, b)
