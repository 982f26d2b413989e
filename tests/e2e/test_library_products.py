"""A target that names functions of a library has its matrix products done there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import fxlower
from fxlower.errors import TargetError
from fxlower.explanation import isolated
from fxlower.runtime.jit import LinkError, library_symbols
from fxlower.targets import machines
from fxlower.targets.host import host
from fxlower.targets.spec import LibraryProduct

LIBRARY = (
    LibraryProduct(element="f32", symbol="sgemm_"),
    LibraryProduct(element="f64", symbol="dgemm_"),
)
LARGE = replace(LIBRARY[0], min_operations=2 * 20**3)


@pytest.fixture(autouse=True)
def targets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, library in (("with-blas", LIBRARY), ("large-only", (LARGE,))):
        machine = replace(host(), name=name, library=library)
        monkeypatch.setitem(machines.FIXED, name, machine)
    yield


def compiled(
    f: Callable[..., Any], machine: str = "with-blas", **options: Any
) -> Callable[..., Any]:
    torch._dynamo.reset()
    return torch.compile(
        isolated(f), backend="fxlower", options={"machine": machine, "verify_each": True}, **options
    )


def calls(f: Callable[..., Any], *inputs: torch.Tensor, machine: str = "with-blas") -> int:
    """How many places in the code call the library."""
    return fxlower.stages(f, *inputs, options={"machine": machine})["loops"].count("func.call @sg")


def check(f: Callable[..., Any], *inputs: torch.Tensor) -> None:
    expected = f(*(t.double() for t in inputs))
    torch.testing.assert_close(
        compiled(f)(*inputs).double(), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item()
    )


def residual_gelu(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.gelu(a @ b + b[0, 0]) + a[:, :1]


@pytest.mark.parametrize(
    ("m", "n", "k"), [(64, 96, 32), (1, 33, 17), (31, 1, 15), (2, 3, 1), (1, 1, 129), (100, 77, 33)]
)
def test_every_layout_of_operands(m: int, n: int, k: int) -> None:
    a, b = torch.randn(m, k), torch.randn(k, n)
    wide = torch.randn(2 * max(m, k, n), 3 * max(m, n, k))
    for x in (a, a.T.contiguous().T, wide[3 : m + 3, 2 : k + 2], wide.T[1 : m + 1, 1 : k + 1]):
        for y in (b, b.T.contiguous().T, wide[:k, :n]):
            check(torch.mm, x, y)
            assert calls(torch.mm, x, y) == 1


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (torch.bmm, [(3, 8, 5), (3, 5, 7)]),
        (lambda a, b: a @ b, [(2, 3, 8, 5), (5, 7)]),
        (lambda a, b: a @ b, [(2, 3, 8, 5), (1, 3, 5, 7)]),
        (lambda a, b: (a @ b.mT).transpose(1, 2), [(3, 8, 5), (3, 7, 5)]),
        (F.linear, [(2, 9, 20), (30, 20), (30,)]),
        (torch.addmm, [(30,), (9, 20), (20, 30)]),
        (residual_gelu, [(31, 17), (17, 33)]),
        (lambda a, b: torch.einsum("bik,bkj->jbi", a, b), [(3, 8, 5), (3, 5, 7)]),
    ],
)
def test_batches_and_epilogues(f: Callable[..., Any], shapes: list[tuple[int, ...]]) -> None:
    inputs = [torch.randn(shape) for shape in shapes]
    check(f, *inputs)
    assert calls(f, *inputs) == 1


def test_two_results_of_one_product() -> None:
    def both(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        c = a @ b
        return c, c.relu() + 1

    a, b = torch.randn(17, 33), torch.randn(33, 40)
    for found, expected in zip(compiled(both)(a, b), both(a, b), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert calls(both, a, b) == 1


def test_float64() -> None:
    a, b = torch.randn(17, 33, dtype=torch.float64), torch.randn(33, 15, dtype=torch.float64)
    torch.testing.assert_close(compiled(torch.mm)(a, b), a @ b, rtol=1e-12, atol=1e-12)
    assert "@dgemm_" in fxlower.stages(torch.mm, a, b, options={"machine": "with-blas"})["loops"]


def test_what_the_library_does_not_take_is_generated() -> None:
    a, b = torch.randn(17, 33), torch.randn(33, 15)
    for x, y in (
        (a[:, :1].expand(17, 33), b),  # strides of 0
        (torch.randn(17, 66)[:, ::2], b[::2, :].repeat(2, 1)[:33, ::3]),
        (a.bfloat16(), b.bfloat16()),
        (torch.randn(4, 0), torch.randn(0, 5)),
    ):
        tolerance = 5e-2 if x.dtype == torch.bfloat16 else 1e-4
        torch.testing.assert_close(compiled(torch.mm)(x, y), x @ y, rtol=tolerance, atol=tolerance)
        assert calls(torch.mm, x, y) == 0


def test_a_result_in_the_memory_of_an_argument_is_not_the_place_of_the_product() -> None:
    def update(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> None:
        x.add_(a @ b)

    x, a, b = torch.randn(17, 40), torch.randn(17, 33), torch.randn(33, 40)
    y = x.clone()
    update(y, a, b)
    compiled(update)(x, a, b)
    torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-4)


def test_symbolic_sizes_are_generated() -> None:
    run = compiled(torch.mm, dynamic=True)
    for m in (5, 64, 129):
        a, b = torch.randn(m, 33), torch.randn(33, 15)
        torch.testing.assert_close(run(a, b), a @ b, rtol=1e-4, atol=1e-4)


def test_small_products_are_not_worth_a_call() -> None:
    small, large = torch.randn(19, 19), torch.randn(20, 20)
    assert calls(torch.mm, small, small, machine="large-only") == 0
    assert calls(torch.mm, large, large, machine="large-only") == 1
    check(torch.mm, small, small)


def test_weights_of_the_library_are_not_packed() -> None:
    layer, x = torch.nn.Linear(100, 200), torch.randn(33, 100)
    with torch.no_grad():
        expected = layer(x)
        torch.testing.assert_close(compiled(layer)(x), expected, rtol=1e-4, atol=1e-4)
        assert calls(layer, x) == 1
        assert "to_panels" in fxlower.stages(layer, x)["linalg"]


def test_the_host_generates_its_products() -> None:
    a = torch.randn(64, 64)
    assert host().library == () and calls(torch.mm, a, a, machine="host") == 0


def test_errors_name_what_there_is() -> None:
    with pytest.raises(TargetError, match=r"no element type .* 'i8'; .*f32, f64"):
        LibraryProduct(element="i8", symbol="igemm")
    with pytest.raises(LinkError, match="has 'no_such_gemm'"):
        library_symbols(["no_such_gemm"])
