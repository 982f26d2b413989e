"""Complex numbers against eager: natively where there is a rule, else in eager mode; gradients,
conjugate and negative bits, what shares memory, changing sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_leaves

import fxlower

DTYPES = {torch.complex64: torch.float32, torch.complex128: torch.float64}


def complex_(*sizes: int) -> Callable[[torch.dtype], Tensor]:
    return lambda dtype: torch.randn(*sizes, dtype=dtype, requires_grad=True)


def real(*sizes: int) -> Callable[[torch.dtype], Tensor]:
    return lambda dtype: torch.randn(*sizes, dtype=DTYPES[dtype], requires_grad=True)


def rotated(x: Tensor, f: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * f).flatten(-2)


X = (complex_(5, 37),)
BINARY = {
    "complex": (complex_(5, 37), complex_(37)),
    "real right": (complex_(5, 37), real(37)),
    "real left": (real(5, 37), complex_(5, 1)),
}
NATIVE: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    **{
        f"{op.__name__}, {kind}": (op, args)
        for op in (torch.add, torch.sub, torch.mul, torch.div)
        for kind, args in BINARY.items()
    },
    "numbers": (lambda x: (2 - 3j) / (x * (1 + 2j) - 0.5), X),
    "number with real": (lambda x: x * 2j + 1, (real(5, 37),)),
    "alpha": (lambda x: torch.add(x, x.conj(), alpha=2), X),
    "neg, conj": (lambda x: -x.conj(), X),
    "abs": (torch.abs, X),
    "angle": (torch.angle, X),
    "sgn": (torch.sgn, X),
    "exp": (torch.exp, X),
    "exp of imaginary": (lambda x: torch.exp(1j * x), (real(5, 37),)),
    "log": (torch.log, X),
    "reciprocal": (torch.reciprocal, X),
    "real, imag": (lambda x: (x.real * 2, x.conj().imag + 1), X),
    "view_as_real": (lambda x: torch.view_as_real(x) + 1, X),
    "rotary": (rotated, (real(2, 5, 3, 8), complex_(5, 1, 4))),
    "complex": (torch.complex, (real(5, 37), real(5, 37))),
    "polar": (torch.polar, (real(5, 37), real(5, 37))),
    "sums": (lambda x: (x.sum(), x.sum(0), x.mean(1, keepdim=True)), X),
    "cumsum": (lambda x: x.cumsum(1), X),
    "eq, ne": (lambda x: (x == x.conj(), x != x, x == 1), X),
    "where": (lambda x: torch.where(x.real > 0, x, x.conj()), X),
    "masked_fill": (lambda x: x.masked_fill(x.real > 0, 1j), X),
    "cat": (lambda x, y: torch.cat([x, x * 2, y]), (complex_(5, 37), real(2, 37))),
    "stack": (lambda x: torch.stack([x, x * 2j]), X),
    "pad": (lambda x: F.pad(x, (1, 2)), X),
    "views": (lambda x: x.t()[1:, ::2].reshape(-1) * 2j, X),
    "expand": (lambda x: x[:, None].expand(5, 3, 37), X),
    "index": (lambda x, i: x[i] + x.flip(0)[:3], (complex_(5, 37), torch.tensor([0, 4, 4]))),
    "unbind": (lambda x: sum(t * t for t in x.unbind(0)), X),
    "casts": (lambda x: x.to(torch.complex128) * 2, X),
    "real to complex": (lambda x: x.to(torch.complex64) * 1j, (real(5, 37),)),
    "mm": (torch.mm, (complex_(5, 37), complex_(37, 3))),
    "bmm": (torch.bmm, (complex_(2, 5, 37), complex_(2, 37, 3))),
    "mv": (torch.mv, (complex_(5, 37), complex_(37))),
    "dot": (lambda x, y: (torch.dot(x, y), torch.vdot(x, y)), (complex_(37), complex_(37))),
    "addmm": (torch.addmm, (complex_(3), complex_(5, 37), complex_(37, 3))),
    "adjoint": (lambda x: x.mH @ x, X),
    "tests": (lambda x: (torch.isnan(x / 0), torch.isinf(x / 0), torch.isfinite(x)), X),
    "made": (lambda x: (torch.zeros_like(x) + torch.full((3, 1, 1), 1 - 2j)) * x, X),
}

IN_EAGER_MODE: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "fft": (lambda x: torch.fft.ifft(torch.fft.fft(x) * x.conj()), X),
    "rfft": (lambda x: torch.fft.irfft(torch.fft.rfft(x) * 2j), (real(5, 38),)),
    "inverse": (lambda x: torch.linalg.inv(x[:, :5]) @ x, X),
    "functions": (lambda x: (x.sqrt(), x.sin(), x.tanh(), x**1.5, x.prod()), X),
}


def inputs(specs: tuple[Any, ...], dtype: torch.dtype, seed: int) -> list[Any]:
    torch.manual_seed(seed)
    return [spec if isinstance(spec, Tensor) else spec(dtype) for spec in specs]


def results(function: Callable[..., Any], args: list[Any]) -> list[Tensor]:
    """Outputs and gradients."""
    leaves = [a.detach().requires_grad_(a.requires_grad) for a in args]
    outputs = tree_leaves(function(*leaves))
    roots = [o for o in outputs if o.requires_grad]
    wanted = [a for a in leaves if a.requires_grad]
    torch.manual_seed(7)
    seeds = [torch.randn_like(o) for o in roots]
    grads = torch.autograd.grad(roots, wanted, seeds, allow_unused=True) if roots else ()
    return [t.detach().resolve_conj() for t in (*outputs, *grads) if t is not None]


def assert_equal(found: list[Tensor], wanted: list[Tensor]) -> None:
    assert len(found) == len(wanted)
    for f, w in zip(found, wanted):
        assert f.dtype == w.dtype and f.shape == w.shape
        torch.testing.assert_close(f.resolve_neg(), w.resolve_neg(), equal_nan=True)


def check(function: Callable[..., Any], specs: tuple[Any, ...], **options: Any) -> None:
    for dtype in DTYPES:
        torch._dynamo.reset()
        args = inputs(specs, dtype, 0)
        compiled = torch.compile(function, backend="fxlower", fullgraph=True, **options)
        assert_equal(results(compiled, args), results(function, args))


@pytest.mark.parametrize("name", NATIVE)
def test_native(name: str) -> None:
    check(*NATIVE[name], options={"fallback": "error"})


@pytest.mark.parametrize("name", IN_EAGER_MODE)
def test_in_eager_mode(name: str) -> None:
    check(*IN_EAGER_MODE[name])


def test_rotary_embedding_is_one_kernel() -> None:
    explanation = fxlower.explain(rotated, torch.randn(2, 5, 3, 8), torch.randn(5, 1, 4) + 0j)
    (graph,) = explanation.graphs
    assert graph.kernel_calls == 1 and not explanation.fallbacks, str(explanation)


def test_changing_sizes() -> None:
    def function(x: Tensor, y: Tensor, f: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        return (x.t() @ y + x.sum()).t(), torch.fft.fft(x * 2), x.conj() * y, rotated(v, f)

    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower", dynamic=True)
    for step, n in enumerate((5, 6, 9, 2)):
        x, y, f = (torch.randn(n, m, dtype=torch.complex64) for m in (7, 7, 4))
        args = x, y, f[:, None], torch.randn(2, n, 3, 8)
        with torch.compiler.set_stance("fail_on_recompile" if step else "default"):
            found = compiled(*args)
        for r, e in zip(found, function(*args)):
            torch.testing.assert_close(r, e)
            assert r.stride() == e.stride()


@pytest.mark.parametrize("bit", ["conjugate", "negative"])
def test_lazy_bits(bit: str) -> None:
    """Of inputs that are read, and that are written."""

    def view(x: Tensor) -> Tensor:
        return x.conj() if bit == "conjugate" else x.conj().imag

    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        y = x.exp().sum()
        x.mul_(3).add_(y)
        return y, x * 2

    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower")
    base = torch.randn(5, 37, dtype=torch.complex64)
    memories = [base.clone(), base.clone()]
    found, wanted = compiled(view(memories[0])), function(view(memories[1]))
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*memories)


def complex_view_of_changed(x: Tensor) -> tuple[Tensor, ...]:
    """What the host reads of `x` by another dtype, it must read before `x` is overwritten."""
    spectrum = torch.fft.fft(torch.view_as_complex(x)).abs()
    x.mul_(2)
    return spectrum + x[..., 0], x


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (y := torch.view_as_complex(x) * 2, y.clone(), torch.view_as_real(y)),
        lambda x: (y := torch.view_as_complex(x) * 1j, y.conj(), y.t(), y.imag, y[::2], y.t() * 2),
        lambda x: (torch.view_as_complex(x) + 0, x.clone(), x),
        lambda x: (torch.complex(x[..., 0], x[..., 1]), x.view(torch.int32), x.clone()),
        complex_view_of_changed,
    ],
)
def test_shared_memory(function: Callable[[Tensor], tuple[Tensor, ...]]) -> None:
    """Results share memory with each other and with inputs exactly as in eager mode."""
    torch._dynamo.reset()
    compiled = torch.compile(function, backend="fxlower")
    base = torch.randn(5, 37, 2)
    x, y = base.clone(), base.clone()
    found, wanted = compiled(x), function(y)
    for results_ in (found, wanted):
        results_[0].mul_(3)
    for f, w in zip((*found, x), (*wanted, y), strict=True):
        torch.testing.assert_close(f, w)


def test_special_values() -> None:
    """Zeros, infinities, NaN and the ends of the range."""
    parts = [0.0, -0.0, 1.0, 2.0, torch.inf, -torch.inf, torch.nan, 1e30, 1e-30]
    values = torch.tensor([complex(a, b) for a in parts for b in parts], dtype=torch.complex64)
    x, y = values[:, None].expand(81, 81).contiguous(), values.expand(81, 81).contiguous()

    def function(x: Tensor, y: Tensor, v: Tensor) -> list[Tensor]:
        ones = [torch.abs, torch.angle, torch.exp, torch.log, torch.sgn, torch.isnan, torch.isinf]
        return [x * y, *(f(v) for f in ones)]

    torch._dynamo.reset()
    found = torch.compile(function, backend="fxlower")(x, y, values)
    for f, w in zip(found, function(x, y, values)):
        f, w = (torch.view_as_real(t) if t.is_complex() else t for t in (f, w))
        torch.testing.assert_close(f, w, equal_nan=True, rtol=1e-5, atol=0)
    found, wanted = torch.compile(torch.div, backend="fxlower")(x, y), x / y
    finite = wanted.isfinite()
    torch.testing.assert_close(found[finite], wanted[finite], rtol=1e-5, atol=1e-37)
    others = (torch.view_as_real(t[~finite]) for t in (found, wanted))
    torch.testing.assert_close(*others, equal_nan=True)


def test_conjugates_whose_elements_share_memory() -> None:
    memory = torch.randn(20, dtype=torch.complex64)
    views = [memory[:10:2].expand(3, 5), memory.unfold(0, 4, 2), memory[1].expand(3)]

    def function(x: Tensor) -> tuple[Tensor, ...]:
        return x * 2, x.cumprod(0), torch.fft.fft(x)

    for view in views:
        for x in (view.conj(), torch._neg_view(view), torch._neg_view(view.conj())):
            torch._dynamo.reset()
            found = torch.compile(function, backend="fxlower")(x)
            torch.testing.assert_close(found, function(x))


def test_a_result_is_changed_in_place_with_gradients() -> None:
    def used(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        made = function(x)
        made[made.real > 0] = 1j
        made.abs().square().sum().backward()
        assert x.grad is not None
        return x.grad

    x = torch.randn(3, 4, dtype=torch.complex64)
    torch._dynamo.reset()
    compiled = torch.compile(lambda z: z * 2, backend="fxlower")
    found, wanted = (used(f, x.clone().requires_grad_()) for f in (compiled, lambda z: z * 2))
    torch.testing.assert_close(found, wanted)
