"""One compilation serves later sizes, and the backend adds no guards to those of Dynamo."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._dynamo.backends.debugging import aot_eager
from torch._guards import TracingContext

from fxlower import backend

R = torch.randn
SIZES = [(4, 6), (8, 10), (16, 33), (5, 7)]
Maker = Callable[[int, int], list[Any]]


def expressions(x: Tensor) -> tuple[Tensor, ...]:
    n, m = x.shape
    return (
        x * n / (m**2),
        x / (m**0.5) + max(n, m),
        torch.ones((n + 3) // 4, -(-m // 3)) * x.mean(),
        torch.arange(n * m).view(m, n) + min(n, 7),
        x * float(n) / math.sqrt(m),
        x[:, : m // 2].sum(1),
        x.new_zeros(n * 3 + 1),
    )


def images(x: Tensor) -> tuple[Tensor, ...]:
    height, width = x.shape[2:]
    return (
        F.conv2d(x, torch.ones(4, 3, 3, 3), padding=1),
        F.max_pool2d(x, 2),
        F.adaptive_avg_pool2d(x, 1),
        F.interpolate(x, scale_factor=2.0),
        F.interpolate(x, size=(height // 2, width * 2), mode="bilinear"),
    )


def changed(x: Tensor) -> Tensor:
    x.add_(1)
    x[1:].mul_(2)
    x[:, -1] = 0
    return x * 2


def parts_from_the_end(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    n = y.shape[0]
    made = x * 2
    made[:, -2 * n : -n] = y
    made[:, -n:] += 1
    zeros = torch.zeros_like(x)
    zeros[n : 2 * n, -2 * n : -n] = 1
    zeros[:, 3 * n : -1] = x[:, 3 * n : -1]
    return made, zeros, x[:, n : 2 * n] + 1, x[n:-n] * 2, x[-2 * n : -n].sum(0)


def heads(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """Sizes such as `256//(256//s0)`."""
    size = 256 // y.shape[0]
    x = x.view(-1, 256 // size, size)
    first, second = (x * 2).chunk(2, 1)
    return x.softmax(-1)[:, :, 1:], first * second, (x + 1).sum(1)


def ones_by_computation(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """A size whose text does not say that it is 1."""
    mean = F.avg_pool1d(x, 10)
    changed = y.clone()
    changed[1:] = mean[1:]
    changed += mean
    return (
        mean * y + mean.expand(-1, y.shape[1]),
        torch.where(y > 0, mean, y),
        torch.lerp(y, mean, 0.3).sum(1),
        changed,
    )


def fours_by_computation(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """A size whose text does not say that it is 4."""
    windows = F.avg_pool1d(x, 5, 4, padding=2)
    joined = torch.cat([windows, torch.ones(3, 4)])
    return windows + torch.arange(4.0), torch.addmm(windows, y @ y.t(), joined[2:5]), joined


def strides_that_start_with_a_minus(x: Tensor) -> tuple[Tensor, ...]:
    """`-(m//2) + m - 1` is positive, and the stride of what is flipped is not, whatever they look
    like: operators in eager mode get tensors of both."""
    n, m = x.shape
    part = (x * 2)[:, : m - m // 2 - 1].contiguous()
    flipped = part.flip(0)
    return part, torch.fft.rfft(flipped).abs(), torch.fft.fft(part).abs(), part.flip(0, 1).logdet()


def train(x: Tensor) -> Tensor:
    y = F.layer_norm(x, x.shape[-1:])
    return (F.gelu(y) @ y.t()).logsumexp(-1)


PROGRAMS: dict[str, tuple[Callable[..., Any], Maker]] = {
    "elementwise": (lambda x: (x.sin() + 1, x.softmax(-1), x.sum(0)), lambda n, m: [R(n, m)]),
    "products": (lambda x, y: (x @ y, F.gelu(y @ x)), lambda n, m: [R(n, m), R(m, n)]),
    "expressions": (expressions, lambda n, m: [R(n, m)]),
    "images": (images, lambda n, m: [R(2, 3, n + 8, m + 8)]),
    "sequences": (
        lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True),
        lambda n, m: [R(2, 4, m, 8)],
    ),
    "indices": (
        lambda x, i: (x[i], x.index_add(0, i, x[i]), x.scatter(0, i[None], 1.0)),
        lambda n, m: [R(n, m), torch.randint(0, n, (m,))],
    ),
    "strides": (
        lambda x: (x + 1, x.contiguous(), x @ x.t(), x.view(x.shape[0], -1)),
        lambda n, m: [R(2 * n, m)[::2]],
    ),
    "transposed": (lambda x: (x + 1, x.sum(-1), x.contiguous()), lambda n, m: [R(n, m).t()]),
    "numbers": (
        lambda x, k, f: (x * k, x[: k - 1], torch.full((k, 2), 3.0), x + f),
        lambda n, m: [R(n, m), n, m / 3],
    ),
    "windows": (
        lambda x: (x.unfold(1, 3, 1).sum(-1), x.diagonal(), x.tril(), F.pad(x, (1, 2))),
        lambda n, m: [R(n, m)],
    ),
    "parts from the end": (parts_from_the_end, lambda n, m: [R(4 * n, 4 * n + m), R(n)]),
    "repeated": (
        lambda x: (
            torch.arange(x.shape[1]).expand(x.shape),
            torch.ones(x.shape[0], 1).expand(x.shape)[1:],
            (torch.arange(x.shape[1]) * 2)[:, None].expand(x.shape[1], x.shape[0]),
        ),
        lambda n, m: [R(n, m)],
    ),
    "heads": (heads, lambda n, m: [R(3, 256), R({4: 8, 8: 16, 16: 64, 5: 32}[n])]),
    "ones by computation": (ones_by_computation, lambda n, m: [R(3, 10 + n // 2), R(3, m)]),
    "sums of ones": (
        lambda x: F.avg_pool1d(x, 10) + F.max_pool1d(x, 9),
        lambda n, m: [R(3, 10 + n // 2)],
    ),
    "fours by computation": (
        fours_by_computation,
        lambda n, m: [R(3, {4: 14, 8: 13, 16: 16, 5: 15}[n]), R(3, m)],
    ),
    "strides that start with a minus": (
        strides_that_start_with_a_minus,
        lambda n, m: [R(n + 1, 2 * (n + 1) + 1 + n % 2)],
    ),
    "real Fourier transforms, trained": (
        lambda x: torch.fft.irfft(torch.fft.rfft(x) * 2, n=x.shape[1]),
        lambda n, m: [R(n, m).requires_grad_()],
    ),
    "repeated and trained": (
        lambda x, y: F.avg_pool1d(x, 10).expand_as(y) * y,
        lambda n, m: [R(3, 10 + n // 2).requires_grad_(), R(3, m)],
    ),
    "lists": (
        lambda xs: (torch.cat(xs).sum(0), xs[0] + xs[1]),
        lambda n, m: [[R(n, 3) for _ in range(3)]],
    ),
    "a branch in Python": (
        lambda x: x * 2 if x.shape[0] > 6 else x + 1,
        lambda n, m: [R(n, m)],
    ),
    "changed": (changed, lambda n, m: [R(n, m)]),
    "trained": (train, lambda n, m: [R(n, m).requires_grad_()]),
    "0 and 1": (
        lambda x: (x + 1, x.sum(0), x @ x.t(), x.softmax(-1)),
        lambda n, m: [R({4: 4, 8: 1, 16: 0, 5: 9}[n], 4)],
    ),
}


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """For each graph compiled meanwhile, whether the backend changed what is known of sizes."""
    seen: list[bool] = []
    original = backend.compile_aten_graph

    def state() -> tuple[Any, ...]:
        context = TracingContext.get()
        assert context.fake_mode is not None
        env = context.fake_mode.shape_env
        assert env is not None
        return len(env.guards), dict(env.replacements), set(env.divisible), dict(env.var_to_range)

    def watched(*args: Any, **kwargs: Any) -> Any:
        before = state()
        made = original(*args, **kwargs)
        seen.append(state() != before)
        return made

    monkeypatch.setattr(backend, "compile_aten_graph", watched)
    yield seen
    torch._dynamo.reset()


def graphs_compiled(function: Any, make: Maker, compile_graph: Any, dynamic: bool | None) -> int:
    """How many graphs serve all sizes; results and gradients are checked."""
    torch._dynamo.reset()
    count = 0

    def counting(gm: Any, inputs: Any) -> Any:
        nonlocal count
        count += 1
        return compile_graph(gm, inputs)

    compiled = torch.compile(function, backend=counting, dynamic=dynamic)
    for n, m in SIZES:
        torch.manual_seed(n)
        theirs = make(n, m)
        torch.manual_seed(n)
        ours = make(n, m)
        expected, found = function(*theirs), compiled(*ours)
        torch.testing.assert_close((found, ours), (expected, theirs), equal_nan=True)
        if isinstance(found, Tensor) and found.requires_grad:
            found.sum().backward()
            expected.sum().backward()
            torch.testing.assert_close(ours[0].grad, theirs[0].grad, atol=1e-5, rtol=1e-4)
    return count


@pytest.mark.parametrize("dynamic", [None, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_many_compilations_as_without_a_compiler(
    name: str, dynamic: bool | None, changes: list[bool]
) -> None:
    function, make = PROGRAMS[name]
    ours = graphs_compiled(function, make, backend.fxlower, dynamic)
    assert ours == graphs_compiled(function, make, aot_eager, dynamic)
    assert changes and not any(changes)


def diagonals(x: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    """Views with gaps, made in eager mode, that are results and are kept for the backward."""
    n, m = x.shape
    diagonal = (x * 1).as_strided((n,), (m + 1,))
    pairs = (x * 1).as_strided((n - 1, 2), (m + 1, 1))
    return diagonal.sin() * w, pairs.t() @ w[1:], diagonal, pairs


@pytest.mark.parametrize("step", [1, 2])
def test_copies_of_views_with_gaps_have_their_strides(step: int) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(diagonals, backend="fxlower", dynamic=True)
    for n, m in SIZES:
        base, w = R(n, (n + m) * step), R(n, requires_grad=True)
        theirs = base.clone()[:, ::step].requires_grad_()
        ours = base.clone()[:, ::step].requires_grad_()
        expected, found = diagonals(theirs, w), compiled(ours, w)
        torch.testing.assert_close(found, expected)
        assert [t.stride() for t in found] == [t.stride() for t in expected]
        torch.testing.assert_close(
            torch.autograd.grad(sum(t.sum() for t in found), [ours, w]),
            torch.autograd.grad(sum(t.sum() for t in expected), [theirs, w]),
        )


def test_elements_beyond_32_bits() -> None:
    """Index arithmetic is in 64 bits: the last of more than 2**31 bytes."""
    count = 2**31 + 5
    base = torch.zeros(count, dtype=torch.uint8)
    base[-1] = 7
    index = torch.tensor([count - 1, -1, 0])

    def read(x: Tensor, i: Tensor) -> tuple[Tensor, ...]:
        return x[i] + 1, x[-3:] * 2, x.view(-1, 1)[:, 0][i]

    def write(x: Tensor, i: Tensor) -> Tensor:
        x[i] = 9
        x[-2:].add_(1)
        return x[-1] * 2

    for dynamic in (False, True):
        torch._dynamo.reset()
        compiled = torch.compile(read, backend="fxlower", dynamic=dynamic)
        torch.testing.assert_close(compiled(base, index), read(base, index))
        compiled = torch.compile(write, backend="fxlower", dynamic=dynamic)
        assert compiled(base, index).item() == 20
        assert base[[0, -2, -1]].tolist() == [9, 1, 10]
        base[[0, -2]] = 0
        base[-1] = 7


def test_more_expanded_elements_than_32_bits_count() -> None:
    rows = torch.randint(0, 2, (1, 64), dtype=torch.bool)

    def total(x: Tensor) -> Tensor:
        return x.expand(2**26, 64).sum()

    torch._dynamo.reset()
    found = torch.compile(total, backend="fxlower")(rows)
    assert found.item() == rows.sum().item() * 2**26
