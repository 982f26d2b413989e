"""Tensors that a program changes, by all the ways that torch has: as in eager mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from semantics import assert_as_in_eager_mode
from torch import Tensor

R = torch.randn
Maker = Callable[[], list[Any]]

CASES: dict[str, tuple[Callable[..., Any], Maker]] = {}


def case(make: Maker) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        CASES[function.__name__] = function, make
        return function

    return register


def one() -> list[Tensor]:
    return [R(4, 6)]


def two() -> list[Tensor]:
    return [R(4, 6), R(4, 6)]


@case(one)
def several_times(x):
    x.add_(1)
    y = x * 2
    x.mul_(3)
    z = x + y
    x.t().sub_(1)
    x.view(-1)[3:7].zero_()
    return y, z


@case(one)
def split_and_unbound(x):
    a, b = x.split(3, 1)
    a.add_(b)
    c = x.unbind(0)
    c[2].mul_(2)
    x.chunk(2)[0].neg_()
    return a, b, c


@case(lambda: [R(2, 4, 6)])
def windows(x):
    y = x.unfold(2, 2, 2)
    y.add_(1)
    return y, x.movedim(0, 2), x.swapaxes(0, 1).flatten(1), torch.narrow(x, 1, 1, 2)


@case(one)
def changed_metadata(x):
    x.unsqueeze_(0)
    x.transpose_(1, 2)
    x.squeeze_(0)
    x.t_()
    x.add_(1)
    return x, x + 1


@case(one)
def resized(x):
    x.resize_(2, 3)
    return x + 1


@case(two)
def set_to_another(x, y):
    x.set_(y)
    return x + 1


@case(two)
def assigned_data(x, y):
    x.data = y
    return x + 1


@case(two)
def assigned_computed_data(x, y):
    z = y.t() * 2
    x.data = z.t()
    return x + 1, z, x


@case(two)
def swapped_data(x, y):
    old = x.data + 0
    x.data = y
    y.data = old
    return x * 2


@case(lambda: [torch.nn.Parameter(R(4, 6)), R(4, 6)])
def assigned_data_of_a_parameter(x, y):
    x.data = y * 3
    return (x + 1).detach()


@case(lambda: [*two(), torch.empty(4, 6), torch.empty(6, 4).t(), torch.empty(4, 6).double()])
def out_arguments(x, y, plain, transposed, wide):
    torch.add(x, y, out=plain)
    torch.mul(plain, 2, out=plain)
    torch.sin(x, out=transposed)
    torch.add(x, 1, out=wide)
    return plain, transposed + 1


@case(lambda: [R(4, 6), R(6, 3), torch.empty(0)])
def resized_out(x, y, out):
    return torch.mm(x, y, out=out)


@case(lambda: [[R(4, 6), R(3), R(2, 2)], [R(4, 6), R(3), R(2, 2)]])
def foreach(xs, ys):
    torch._foreach_add_(xs, ys, alpha=2)
    torch._foreach_mul_(xs, 0.5)
    roots = torch._foreach_sqrt(torch._foreach_abs(xs))
    torch._foreach_addcdiv_(ys, xs, [t + 9 for t in roots], value=0.1)
    return roots


@case(lambda: [R(4, 6), torch.tensor([1, 3]), R(2, 6)])
def indexed(x, i, v):
    x[i] = v
    x.index_put_((i, i), torch.tensor(3.0))
    x.index_add_(0, i, v)
    x.index_copy_(0, i, v * 2)
    x.index_fill_(1, i, 9.0)
    x.scatter_(1, i.expand(4, 2), 7.0)
    x.masked_fill_(x > 1, 0)
    return x + 1


@case(lambda: [R(5, 5)])
def diagonals(x):
    x.diagonal().fill_(1)
    torch.diagonal(x, 1).add_(3)
    x.fill_diagonal_(2)
    return x


@case(lambda: (lambda base: [base, base[1:], base.t()])(R(4, 4)))
def arguments_of_one_memory(a, b, c):
    b.add_(1)
    c.mul_(2)
    return a + 1, b, c + a


@case(lambda: (lambda base: [base[:6], base[3:9]])(R(10)))
def arguments_that_overlap(a, b):
    a.add_(b.sum())
    return a * 2, b * 3


@case(lambda: (lambda base: [base, base])(R(4, 4)))
def one_argument_twice(a, b):
    a.add_(1)
    return a + b


@case(lambda: [R(100)[7:31].view(4, 6), R(100)[1:25].view(4, 6)])
def behind_an_offset(a, b):
    a.add_(b)
    return a[1:], a * 2, b.t()


@case(lambda: [torch.as_strided(R(10), (4, 3), (2, 1))])
def copied_into_overlapping_rows(x):
    x.copy_(torch.arange(12.0).view(4, 3))
    return x * 2


@case(lambda: [torch.as_strided(R(10), (4, 3), (2, 1))])
def one_of_overlapping_rows(x):
    x[0].add_(5)
    return x + 0


@case(lambda: [torch.as_strided(R(10), (4, 3), (2, 1))])
def overlapping_rows_read(x):
    return x * 2, x.sum(1), x.t() @ x


@case(lambda: [R(1, 6).expand(4, 6)])
def expanded(x):
    x.add_(1)
    return x * 2


@case(lambda: [torch.randn(4, dtype=torch.complex64)])
def parts_of_complex_numbers(x):
    x.add_(1)
    torch.view_as_real(x).mul_(2)
    return x.real, x.imag, x * x, torch.view_as_real(x)


@case(lambda: [torch.randn(4, dtype=torch.complex64).conj()])
def conjugated(x):
    return x.imag + 1, x.real * 2


@case(lambda: [R(8)])
def through_another_dtype(x):
    y = x.view(torch.int32)
    y.add_(1)
    return x, y


@case(lambda: [R(2, 3, 4, 4).to(memory_format=torch.channels_last)])
def channels_last(x):
    x.relu_()
    return x * 2, x.contiguous(), x.clone(), torch.empty_like(x).fill_(1), x.sum(1), x[:, 1:]


@case(one)
def no_copies(x):
    y, z = x.to(torch.float32), x.contiguous()
    y.add_(1)
    z.mul_(2)
    return x, y, z, x.float(), x.reshape(6, 4), x.reshape(4, 6)


@case(one)
def between_graphs(x):
    results = []
    for i in range(3):
        x = x * 2
        torch._dynamo.graph_break()
        results.append(x)
        x.add_(i)
    return results, x


@case(lambda: [R(4, 4).requires_grad_() * 2])
def no_leaf(x):
    v = x[1:]
    v.mul_(3)
    return (x * 2).detach(), v.detach()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_as_in_eager_mode(name: str, dynamic: bool) -> None:
    function, make = CASES[name]
    assert_as_in_eager_mode(function, make, dynamic=dynamic)
