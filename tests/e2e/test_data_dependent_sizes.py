"""Sizes that are known only while the program runs: from none to many elements."""

from __future__ import annotations

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


@pytest.mark.parametrize("computed", [False, True])
def test_views_that_begin_at_a_number_from_a_tensor(computed: bool) -> None:
    def split(x: torch.Tensor, at: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.tensor_split(x.exp() if computed else x, at, 0)

    torch._dynamo.reset()
    with torch._dynamo.config.patch(capture_scalar_outputs=True):
        compiled = torch.compile(split, backend="fxlower", fullgraph=True)
        for at in ([1, 3, 5], [0, 2, 9]):
            x = torch.randn(10, 4)
            found, wanted = compiled(x, torch.tensor(at)), split(x, torch.tensor(at))
            torch.testing.assert_close(found, wanted)
            assert [t.storage_offset() for t in found] == [t.storage_offset() for t in wanted]
