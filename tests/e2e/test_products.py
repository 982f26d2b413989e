"""Products of matrices that are unusual in their memory: eager mode's results, or its errors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F


def compiled(function, *args):
    torch._dynamo.reset()
    return torch.compile(function, backend="fxlower")(*args)


def same(function, *args: Tensor) -> None:
    expected = function(*[a.clone() if 0 not in a.stride() else a for a in args])
    torch.testing.assert_close(compiled(function, *args), expected, rtol=1e-4, atol=1e-4)


def test_operands_at_odd_addresses() -> None:
    x = torch.frombuffer(bytearray(4 * 33 * 70 + 1), dtype=torch.float32, offset=1).view(33, 70)
    assert x.data_ptr() % 4
    x.copy_(torch.randn(33, 70))
    same(lambda x, w: F.relu(x @ w), x, torch.randn(70, 20))


def test_operands_that_overlap_themselves() -> None:
    x = torch.randn(200)
    same(lambda x: x.as_strided((50, 60), (1, 1)) @ x.as_strided((60, 30), (2, 1)), x)


def test_operands_that_overlap_each_other() -> None:
    x = torch.randn(100, 100)
    same(lambda x: x[10:60, :40] @ x[20:60, 5:95], x)


def test_a_result_in_the_memory_of_an_operand() -> None:
    x, y = torch.randn(20, 20), torch.randn(20, 20)
    expected = x @ y
    result = compiled(lambda x, y: torch.mm(x, y, out=x), x, y)
    assert result is x
    torch.testing.assert_close(x, expected, rtol=1e-4, atol=1e-4)


def test_a_residual_that_is_the_operand_and_the_result() -> None:
    x, w = torch.randn(40, 40), torch.randn(40, 40)
    expected = x + x @ w
    compiled(lambda x, w: x.add_(x @ w), x, w)
    torch.testing.assert_close(x, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sizes", [(0, 4, 5), (3, 0, 5), (3, 4, 0), (0, 0, 0), (1, 0, 1)])
def test_empty_products_with_an_epilogue(sizes: tuple[int, int, int]) -> None:
    m, k, n = sizes
    same(
        lambda x, w, b: F.gelu(torch.addmm(b, x, w)),
        torch.randn(m, k),
        torch.randn(k, n),
        torch.randn(n),
    )
    same(torch.bmm, torch.randn(0, m, k), torch.randn(0, k, n))


def test_sizes_that_do_not_contract() -> None:
    with pytest.raises(Exception, match="reduction dim"):
        compiled(torch.mm, torch.randn(3, 4), torch.randn(5, 6))


def test_results_are_the_callers_own() -> None:
    """What is made of a parameter alone is kept from call to call, but not if it is returned."""
    layer = torch.nn.Linear(70, 90)

    def run(x: Tensor) -> tuple[Tensor, ...]:
        return layer(x), layer.weight.bfloat16(), layer.weight.t() @ layer.weight

    torch._dynamo.reset()
    function = torch.compile(run, backend="fxlower")
    x = torch.randn(33, 70)
    with torch.no_grad():
        expected = run(x)
        for result in function(x):
            result.zero_()
        torch.testing.assert_close(function(x), expected, rtol=1e-2, atol=1e-2)
