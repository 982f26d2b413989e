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


def test_a_number_made_of_strided_operands() -> None:
    same(lambda x, y: x @ y, torch.randn(1, 64), torch.randn(64, 2)[..., 0])
    same(torch.mv, torch.randn(1, 64), torch.randn(64, 2)[:, 0])
    same(lambda x, y: torch.einsum("bi,bi->b", x, y), torch.randn(8, 64), torch.randn(64, 8).t())
    same(lambda x, y: F.relu(x) @ y.expand(1, 65), torch.randn(2, 31, 1), torch.randn(2, 2)[1:, 1:])


def test_casts_that_change_numbers() -> None:
    """Bytes as signed ones, and the low bytes of longer integers, are what is multiplied."""
    x = torch.randint(0, 256, (32, 64), dtype=torch.uint8)
    y = torch.randint(0, 256, (64, 48), dtype=torch.uint8)
    same(lambda x, y: torch._int_mm(x.to(torch.int8), y.to(torch.int8)), x, y)
    same(lambda x, y: x.to(torch.int8).int() @ y.to(torch.int8).int(), x, y)
    same(lambda x, y: x.to(torch.int8).float() @ y.float(), x.int() * 3, y)


def test_a_rounded_result_and_its_cast() -> None:
    def run(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        product = x @ y
        return product, product.float()

    x, y = torch.randn(64, 64).bfloat16(), torch.randn(64, 64).bfloat16()
    rounded, wide = compiled(run, x, y)
    assert torch.equal(rounded.float(), wide)


def test_widened_operands_that_repeat_along_the_depth() -> None:
    x, w = torch.randn(13, 1).bfloat16(), torch.randint(-9, 9, (1, 32), dtype=torch.int8)
    same(lambda x, w: x.float().expand(13, 7) @ w.float().expand(7, 32), x, w)
    same(lambda x, w: x.float() @ w.float(), x, w)


def test_more_rows_than_the_smallest_shares_hold() -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(1030, 50257, generator=generator).bfloat16()
    b = torch.randn(1030, 40, generator=generator).bfloat16()
    found = torch.compile(lambda a, b: a.t() @ b, backend="fxlower")(a, b)
    torch.testing.assert_close(found.float(), a.float().t() @ b.float(), rtol=1e-2, atol=1e-2)


def test_long_sums_are_as_exact_as_eager_modes() -> None:
    """Partial sums are added up: one sum of 40,000 terms of one sign has twenty times the error."""
    torch.manual_seed(0)
    a, b = torch.rand(16, 40000), torch.rand(40000, 64)
    exact = a.double() @ b.double()

    def error(found: Tensor) -> float:
        return float(((found.double() - exact) / exact).abs().max())

    found = torch.compile(torch.mm, backend="fxlower")(a, b)
    assert error(found) < 4 * error(a @ b)
