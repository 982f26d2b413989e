"""Every case of the operator table against eager: values, gradients, changing sizes, low precision,
with float64 eager as the judge of rounding."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from case import Case
from cases import BY_NAME
from torch import Tensor
from torch.utils._pytree import tree_leaves

BACKEND = "fxlower"

STATIC = [n for n, c in BY_NAME.items() if torch.float32 in c.dtypes]
DYNAMIC = [n for n in STATIC if BY_NAME[n].dynamic]
LOW = [(n, d) for n, c in BY_NAME.items() for d in c.dtypes if d != torch.float32]


def copied(value: Any) -> Any:
    """A leaf with the same values, sizes and strides."""
    if not isinstance(value, Tensor):
        return copy.copy(value)
    base = value.detach()
    if 0 in base.stride():
        return base.requires_grad_(value.requires_grad)  # expanded inputs are only read
    storage = torch.empty(base.untyped_storage().nbytes() // base.element_size(), dtype=base.dtype)
    storage.copy_(base.as_strided(storage.shape, (1,), 0))
    made = storage.as_strided(base.shape, base.stride(), base.storage_offset())
    return made.requires_grad_(value.requires_grad)


def double(value: Any) -> Any:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return copied(value)
    return value.detach().double().requires_grad_(value.requires_grad)


def evaluate(case: Case, fn: Any, inputs: list[Any]) -> list[Tensor]:
    """Outputs, then the inputs afterwards, then the gradients of the inputs."""
    outputs = [t for t in tree_leaves(fn(*inputs)) if isinstance(t, Tensor)]
    tensors = [t for t in inputs if isinstance(t, Tensor)]
    gradients: list[Tensor] = []
    if case.grad and (roots := [o for o in outputs if o.requires_grad]):
        generator = torch.Generator().manual_seed(7)
        seeds = [
            torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype)
            for o in roots
        ]
        leaves = [t for t in tensors if t.requires_grad]
        found = torch.autograd.grad(roots, leaves, seeds, allow_unused=True)
        gradients = [g for g in found if g is not None]
    return [t.detach() for t in (*outputs, *tensors, *gradients)]


def same(a: Tensor, b: Tensor) -> Tensor:
    return (a == b) | (a.isnan() & b.isnan())


def assert_as_good_as_eager(
    found: list[Tensor], eager: list[Tensor], exact: list[Tensor], case: Case, what: str
) -> None:
    """Integers are equal, NaN and infinities are where eager has them, and the error of each other
    number is at most `case.tol` times the worst that eager makes, and some roundings."""
    assert len(found) == len(eager) == len(exact), f"{what}: number of tensors"
    for position, (f, e, x) in enumerate(zip(found, eager, exact, strict=True)):
        where = f"{what}, tensor {position}"
        assert f.dtype == e.dtype and f.shape == e.shape, (
            f"{where}: {f.dtype} {list(f.shape)}, eager has {e.dtype} {list(e.shape)}"
        )
        if not f.is_floating_point():
            assert torch.equal(f, e), f"{where}: {f} differs from {e}"
            continue
        finite = e.isfinite() & x.isfinite()
        # Where eager's vector code and its scalar code differ (gelu of inf), both will do.
        odd = same(f, e) | same(f, x.to(f.dtype))
        assert odd[~finite].all(), f"{where}: {f[~finite]}, eager has {e[~finite]}"
        f, e, x = (t[finite].double() for t in (f, e, x))
        if not f.numel():
            continue
        precision = case.precision or found[position].dtype
        rounding = 8 * torch.finfo(precision).eps * x.abs().max()
        allowed = case.tol * (e - x).abs().max() + rounding
        error = (f - x).abs().max()
        assert error <= allowed, f"{where}: error {error:.2e}, allowed {allowed:.2e}"


def check(case: Case, dtype: torch.dtype, seeds: tuple[int, ...], dynamic: bool) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(case.fn, backend=BACKEND, fullgraph=True, dynamic=dynamic)
    for seed in seeds:
        inputs = case.make_inputs(dtype, seed)
        exact = evaluate(case, case.fn, [double(x) for x in inputs])
        eager = evaluate(case, case.fn, [copied(x) for x in inputs])
        found = evaluate(case, compiled, [copied(x) for x in inputs])
        assert_as_good_as_eager(found, eager, exact, case, f"{case.name}, seed {seed}")


@pytest.mark.parametrize("name", STATIC)
def test_static(name: str) -> None:
    check(BY_NAME[name], torch.float32, (0,), dynamic=False)


@pytest.mark.parametrize("name", DYNAMIC)
def test_dynamic(name: str) -> None:
    check(BY_NAME[name], torch.float32, (0, 1, 2), dynamic=True)


@pytest.mark.parametrize(("name", "dtype"), LOW, ids=lambda v: str(v).removeprefix("torch."))
def test_low_precision(name: str, dtype: torch.dtype) -> None:
    check(BY_NAME[name], dtype, (0,), dynamic=False)


@pytest.mark.parametrize(
    ("fn", "bad"),
    [
        (lambda x, i: x[i], 5),
        (lambda x, i: x[i], -6),
        (lambda x, i: x.index_select(0, i), 5),
        (lambda x, i: torch.nn.functional.embedding(i, x), -1),
        (lambda x, i: x.gather(0, i[:, None]), 5),
        (lambda x, i: x.index_put((i,), x.new_ones(())), 5),
        (lambda x, i: x.scatter(0, i[:, None], 1.0), -1),
    ],
)
def test_index_out_of_range(fn: Any, bad: int) -> None:
    torch._dynamo.reset()
    x = torch.randn(5, 37)
    compiled = torch.compile(fn, backend=BACKEND, fullgraph=True)
    good, out_of_range = torch.tensor([1, 2]), torch.tensor([1, bad])
    assert torch.equal(compiled(x, good), fn(x, good))
    with pytest.raises((IndexError, RuntimeError)):
        compiled(x, out_of_range)
    assert torch.equal(compiled(x, good), fn(x, good))
