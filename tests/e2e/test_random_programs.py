"""Random programs against eager: values and gradients, fixed and changing sizes.

`make random-programs` looks for new ones. What fails is printed as a script.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_programs import Program, random_program
from torch import Tensor

CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
LONG = settings.get_current_profile_name() == "long"

COARSEST = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11, torch.float32: 2.0**-24}


def evaluate(program: Program, run: Any, inputs: list[Tensor]) -> list[Tensor]:
    """The results, then the inputs afterwards, then the gradients."""
    if program.grad:
        inputs = [t.requires_grad_(t.is_floating_point()) for t in inputs]
    results = run(*inputs)
    gradients: list[Any] = []
    roots = [r for r in results if r.requires_grad]
    if roots:
        generator = torch.Generator().manual_seed(7)
        seeds = [
            torch.rand(r.shape, generator=generator, dtype=torch.float64).to(r.dtype) for r in roots
        ]
        leaves = [t for t in inputs if t.requires_grad]
        found = torch.autograd.grad(roots, leaves, seeds, allow_unused=True)
        # What does not use an input has no gradient in eager mode, and may have zeros in a graph.
        pairs = zip(leaves, found, strict=True)
        gradients = [torch.zeros_like(t) if g is None else g for t, g in pairs]
    return [t.detach() for t in (*results, *inputs, *gradients)]


def double(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


def same(a: Tensor, b: Tensor) -> Tensor:
    return (a == b) | (a.isnan() & b.isnan())


def assert_as_good_as_eager(
    found: list[Tensor],
    eager: list[Tensor],
    exact: list[Tensor],
    nearby: list[Tensor],
    coarsest: float,
) -> None:
    """Integers are equal; the error of the others is that of eager, or of inputs that are rounded
    otherwise (`nearby`), within a factor; so are roundings to a `coarsest` type on the way."""
    assert len(found) == len(eager)
    coarsest = max(coarsest, *(COARSEST.get(t.dtype, 0.0) for t in eager), 0.0)
    for position, (f, e, x, y) in enumerate(zip(found, eager, exact, nearby, strict=True)):
        where = f"tensor {position}"
        assert f.dtype == e.dtype and f.shape == e.shape, f"{where}: {f.dtype} {list(f.shape)}"
        if not f.is_floating_point():
            assert torch.equal(f, e), f"{where}: {f}, eager has {e}"
            continue
        finite = e.isfinite() & x.isfinite() & y.isfinite()
        odd = same(f, e) | same(f, x.to(f.dtype))
        assert odd[~finite].all(), f"{where}: {f[~finite]}, eager has {e[~finite]}"
        f, e, x, y = (t[finite].double() for t in (f, e, x, y))
        if not f.numel():
            continue
        rounding = max(coarsest, torch.finfo(found[position].dtype).eps) * x.abs().max()
        allowed = 8 * (e - x).abs().max() + 8 * (y - x).abs().max() + 16 * rounding + 1e-12
        error = (f - x).abs().max()
        assert error <= allowed, f"{where}: error {error:.2e}, allowed {allowed:.2e}"


def check(program: Program, backend: str = "fxlower") -> None:
    """Raises where compiled code differs from eager mode."""
    torch._dynamo.reset()
    make, run = program.load()
    compiled = torch.compile(run, backend=backend, fullgraph=True, dynamic=program.dynamic)
    text = program.source()
    coarsest = max((e for dtype, e in COARSEST.items() if str(dtype) in text), default=0.0)
    epsilon = max((COARSEST.get(t.dtype, 0.0) for t in make(*program.sizes[0])), default=0.0)
    for position, (n, m) in enumerate(program.sizes):
        try:
            eager = evaluate(program, run, make(n, m))
        except (RuntimeError, IndexError, ValueError, TypeError):
            if position == 0:
                raise
            return  # the program only fits the first sizes
        exact = evaluate(program, run, [double(t) for t in make(n, m)])
        moved = [t * (1 + 2 * epsilon) if t.is_floating_point() else t for t in make(n, m)]
        nearby = evaluate(program, run, [double(t) for t in moved])
        found = evaluate(program, compiled, make(n, m))
        assert_as_good_as_eager(found, eager, exact, nearby, coarsest)


def check_or_explain(program: Program) -> None:
    """As `check`; a failure says how to see it again, and what `torch.compile` itself cannot do is
    passed over."""
    try:
        check(program)
    except Exception as error:
        try:
            check(program, backend="aot_eager")
        except Exception:
            return
        raise AssertionError(f"{error}\n\n{program.script()}") from error


@pytest.mark.filterwarnings("ignore")
@settings(
    max_examples=5000 if LONG else 100,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=CHECKS,
)
@given(st.data())
def test_random_programs(data: st.DataObject) -> None:
    program = random_program(lambda low, high: data.draw(st.integers(low, high)))
    check_or_explain(program)
