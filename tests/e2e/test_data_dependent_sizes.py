"""Sizes that are known only while the program runs: from none to many elements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

ROWS = 40

FUNCTIONS: dict[str, Callable[[Tensor], Any]] = {
    "map": lambda n: n * 2 + 1,
    "reduce": lambda n: (n.sum(0), n.sum(), n.softmax(-1)),
    "product": lambda n: n.t() @ n,
    "scan": lambda n: n.cumsum(0),
    "scatter": lambda n: torch.zeros(7, 3).index_add(0, torch.zeros_like(n[:, 0]).long(), n),
    "tail": lambda n: (n[5:] * 2, n[5:].sum(0), n[-5:] + 1),
    "head": lambda n: (n[:5] * 2, n[:-5].sum(0)),
    "steps": lambda n: (n[1::2] * 2, n[3:9:4] + 1, n[::3].sum()),
    "steps_of_tail": lambda n: (n[5::2] * 2, n[5::2].sum(0), n[7:-3:3] + 1, n[-9:-2:2] * 3),
    "backwards": lambda n: n.flip(0)[4::3] + 1,
    "join": lambda n: (F.pad(n, (0, 0, 2, 1)) * 2, torch.cat([n, n[2:]]) + 1),
    "search": lambda n: torch.searchsorted(n[:, 0].sort().values, torch.arange(-9.0, 9)),
    "membership": lambda n: torch.isin(torch.zeros(4), n),
    "chosen": lambda n: torch.zeros(4).masked_scatter(torch.arange(4) < n.size(0), n.exp()),
    "maxima of bags": lambda n: F.embedding_bag(
        (n[:, 0] > 0).long(), torch.ones(2, 3), torch.tensor([0, 0, 0]), mode="max"
    ),
}


@pytest.fixture(autouse=True)
def unbacked() -> Iterator[None]:
    torch._dynamo.reset()
    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        yield
    torch._dynamo.reset()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sizes(name: str) -> None:
    def select(x: Tensor, mask: Tensor) -> Any:
        return FUNCTIONS[name](x[mask])

    compiled = torch.compile(select, backend="fxlower", dynamic=False, fullgraph=True)
    x = torch.randn(ROWS, 3)
    for count in (20, 7, 5, 3, 1, 0):
        mask = torch.arange(ROWS) < count
        torch.testing.assert_close(compiled(x, mask), select(x, mask), equal_nan=True)


@pytest.mark.parametrize("count", [20, 0])
def test_reads_and_writes_out_of_range(count: int) -> None:
    def read(x: Tensor, mask: Tensor, index: Tensor) -> Tensor:
        return x[mask][index] * 2

    def write(x: Tensor, mask: Tensor, index: Tensor) -> Tensor:
        return (x[mask] * 2).index_put((index,), x[:1])

    x, mask = torch.randn(ROWS, 3), torch.arange(ROWS) < count
    for function in (read, write):
        compiled = torch.compile(function, backend="fxlower", dynamic=False)
        with pytest.raises(IndexError):
            compiled(x, mask, torch.tensor([count, 0]))


def image(n: Tensor) -> Tensor:
    return n.sort(0).values.t()[None, :, :, None].expand(1, 3, -1, 3)


WINDOWS: dict[str, Callable[[Tensor], Tensor]] = {
    "samples": lambda n: F.grid_sample(image(n), torch.ones(1, 2, 2, 2), align_corners=False),
    "enlarged": lambda n: F.interpolate(image(n), size=(7, 7), mode="bicubic"),
    "shares": lambda n: F.adaptive_avg_pool2d(image(n), 2),
    "taps": lambda n: F.conv1d(image(n)[..., 0].contiguous(), torch.ones(3, 1, 3), None, groups=3),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_into_nothing_raise(name: str) -> None:
    def select(x: Tensor, mask: Tensor) -> Any:
        return WINDOWS[name](x[mask])

    compiled = torch.compile(select, backend="fxlower", dynamic=False)
    x = torch.randn(ROWS, 3)
    for count in (20, 5):
        mask = torch.arange(ROWS) < count
        torch.testing.assert_close(compiled(x, mask), select(x, mask))
    for function in (select, compiled):
        with pytest.raises((RuntimeError, IndexError)):
            function(x, torch.zeros(ROWS, dtype=torch.bool))


@pytest.mark.parametrize("computed", [False, True])
def test_views_that_begin_at_a_number_from_a_tensor(computed: bool) -> None:
    def split(x: torch.Tensor, at: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.tensor_split(x.exp() if computed else x, at, 0)

    torch._dynamo.reset()
    with torch._dynamo.config.patch(capture_scalar_outputs=True):
        compiled = torch.compile(split, backend="fxlower", fullgraph=True)
        for at in ([1, 3, 5], [0, 2, 9]):
            x = torch.randn(11, 4)[1:]
            found, wanted = compiled(x, torch.tensor(at)), split(x, torch.tensor(at))
            torch.testing.assert_close(found, wanted)
            assert [t.storage_offset() for t in found] == [t.storage_offset() for t in wanted]


def exactly_four(x: Tensor, i: Tensor) -> Tensor:
    n = i.item()
    torch._check(n == 4)
    return x * n


def at_most_all(x: Tensor, i: Tensor) -> Tensor:
    n = i.item()
    torch._check(n >= 0)
    torch._check(n <= x.shape[0])
    return x[:n] * 2


def even(x: Tensor, i: Tensor) -> Tensor:
    n = i.item()
    torch._check(n % 2 == 0)
    return x + n


def four_found(x: Tensor, i: Tensor) -> Tensor:
    found = (x < i).nonzero()
    torch._check(found.size(0) == 4)
    return found + 3


def as_many_found(x: Tensor, i: Tensor) -> Tensor:
    found = (x < i).nonzero().squeeze(1)
    torch._check(found.size(0) == i.item())
    return torch.ones(i.item()) + found


@pytest.mark.parametrize("function", [exactly_four, at_most_all, even, four_found, as_many_found])
def test_checks_that_make_a_size_known_are_kept(function: Callable[..., Any]) -> None:
    """A promise made by `torch._check` that does not hold raises, and nothing is read outside."""
    x = torch.arange(20.0)
    with torch._dynamo.config.patch(capture_scalar_outputs=True):
        compiled = torch.compile(function, backend="fxlower", fullgraph=True)
        torch.testing.assert_close(compiled(x, torch.tensor([4])), function(x, torch.tensor([4])))
        for wrong in (51, 2**40 + 1, -1):
            with pytest.raises(RuntimeError):
                compiled(x, torch.tensor([wrong]))


def test_an_operator_whose_fake_is_wrong_raises() -> None:
    @torch.library.custom_op("fxlower_tests::shorter", mutates_args=())
    def shorter(x: Tensor) -> Tensor:
        return x[:-3].clone()

    shorter.register_fake(torch.empty_like)
    compiled = torch.compile(lambda x: shorter(x) + 1, backend="fxlower")
    with pytest.raises(RuntimeError, match=r"gave a tensor of \[7\].*expected one of \[10\]"):
        compiled(torch.ones(10))


def test_a_wrong_dtype_of_a_fake_implementation() -> None:
    """That of `_batch_norm_with_update` says that running statistics of bf16 become f32."""

    def f(x: Tensor, mean: Tensor, variance: Tensor) -> Any:
        made = torch.ops.aten._batch_norm_with_update(x, None, None, mean, variance, 0.1, 1e-5)
        return made[0] + 1

    x = torch.randn(7, 5, 3).bfloat16()
    own, other = ([torch.zeros(5).bfloat16(), torch.ones(5).bfloat16()] for _ in range(2))
    compiled = torch.compile(f, backend="fxlower")
    torch.testing.assert_close(compiled(x, *own), f(x, *other))
    torch.testing.assert_close(own, other)


def with_an_integer(x: Tensor) -> Any:
    top = x.max()
    n = top.long().item()
    return x + n, x * top, x + 1, n


def with_floor_and_ceil(x: Tensor) -> Any:
    top = x.max().item()
    return x + math.floor(top), x * top, torch.full((3,), math.ceil(top)), x.sum().item() + top


def with_a_length(x: Tensor) -> Any:
    top = x.max().item()
    n = int(top)
    torch._check(n >= 0)
    torch._check(n < 20)
    return torch.arange(20)[:n] * 2, torch.zeros(n) + top, x - n


def with_a_start(x: Tensor) -> Any:
    n = x.max().long().item()
    torch._check(n >= 0)
    torch._check(n < 17)
    many = torch.arange(20.0)
    return many.narrow(0, n, 3) * 2, x + n, x * 3


def with_a_count(x: Tensor) -> Any:
    n = (x > 2).nonzero().size(0)
    return x + n, x * x.sum(), x + 1


@pytest.mark.parametrize(
    "function",
    [with_an_integer, with_floor_and_ceil, with_a_length, with_a_start, with_a_count],
)
def test_numbers_of_the_data_are_read_before_they_are_used(function: Callable[..., Any]) -> None:
    with torch._dynamo.config.patch(capture_scalar_outputs=True):
        compiled = torch.compile(function, backend="fxlower", fullgraph=True)
        for top in (7.25, 3.75, 2.0):
            x = torch.tensor([1.5, top, -2.0])
            torch.testing.assert_close(compiled(x), function(x))
