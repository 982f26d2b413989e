"""Every family of operators against eager mode, by the interpreter of `fxt`: no rule may need the
compiler behind it to be right. Each case runs with static and with symbolic sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tracing import traced

from fxlower.reference.fxt import Trap, run

aten = torch.ops.aten
F = torch.nn.functional

Case = tuple[Callable[..., Any], tuple[Any, ...]]


def floats(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return (torch.randn(shape, generator=generator, dtype=torch.float64) * 2).to(dtype)


def integers(*shape: int, dtype: torch.dtype = torch.int64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(0 if dtype == torch.uint8 else -9, 10, shape, generator=generator).to(
        dtype
    )


def bools(*shape: int) -> torch.Tensor:
    return integers(*shape) > 0


SPECIAL = torch.tensor([0.0, -0.0, 1.0, -1.5, 2.5, math.inf, -math.inf, math.nan, 1e-30, -7.25])
PAIRS = torch.cartesian_prod(SPECIAL, SPECIAL).unbind(1)

UNARY = [
    "abs",
    "neg",
    "sign",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "rsqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "erf",
    "erfc",
    "floor",
    "ceil",
    "round",
    "trunc",
    "frac",
    "sigmoid",
    "reciprocal",
    "square",
    "relu",
    "isnan",
    "isinf",
    "isfinite",
    "isposinf",
    "isneginf",
    "signbit",
    "nan_to_num",
    "deg2rad",
    "rad2deg",
    "logit",
    "sgn",
]

ACTIVATIONS = [
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "hardtanh",
    "hardswish",
    "hardsigmoid",
    "mish",
    "softplus",
    "logsigmoid",
    "silu",
    "gelu",
    "softshrink",
    "hardshrink",
    "softsign",
    "tanhshrink",
]

BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "atan2",
    "copysign",
    "hypot",
    "pow",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "logical_and",
    "logical_or",
    "logical_xor",
    "logaddexp",
    "logaddexp2",
    "xlogy",
]

INTEGER_BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
]

REDUCTIONS: list[Case] = [
    (lambda x: x.sum(), (floats(3, 4, 5),)),
    (lambda x: x.sum((0, -1)), (floats(3, 4, 5),)),
    (lambda x: x.sum(1, keepdim=True, dtype=torch.float64), (floats(3, 4, 5),)),
    (lambda x: x.sum(-1), (floats(3, 50, dtype=torch.bfloat16),)),
    (lambda x: x.sum(), (integers(3, 4, dtype=torch.int32),)),
    (lambda x: x.sum(0), (bools(3, 4),)),
    (lambda x: x.sum(), (floats(),)),
    (lambda x: x.mean(), (floats(3, 4),)),
    (lambda x: x.mean((0, 2), keepdim=True), (floats(3, 4, 5),)),
    (lambda x: x.mean(0), (floats(0, 4),)),
    (lambda x: x.prod(), (floats(3, 4),)),
    (lambda x: x.prod(1, keepdim=True), (integers(3, 4),)),
    (lambda x: x.amax((0, 1)), (floats(3, 4, 5),)),
    (lambda x: x.amin(-1, keepdim=True), (floats(3, 4, 5),)),
    (lambda x: x.max(), (integers(3, 4),)),
    (lambda x: tuple(x.max(1)), (integers(3, 40),)),
    (lambda x: tuple(x.min(0, keepdim=True)), (floats(3, 4),)),
    (lambda x: tuple(x.max(-1)), (SPECIAL.clone(),)),
    (lambda x: (x.argmax(), x.argmin(0), x.argmax(1, keepdim=True)), (integers(6, 40),)),
    (lambda x: (x.any(), x.all(), x.any(0), x.all(1, keepdim=True)), (bools(3, 4),)),
    (lambda x: (x.any(), x.all(-1)), (integers(3, 4, dtype=torch.uint8),)),
    (lambda x: (x.var(), x.var(0), x.std(1, correction=0)), (floats(3, 4),)),
    (lambda x: torch.var_mean(x, (0, 2), correction=2, keepdim=True), (floats(3, 4, 5),)),
    (lambda x: torch.std_mean(x, 1), (floats(3, 4, dtype=torch.bfloat16),)),
    (lambda x: x.var(0), (floats(1, 4),)),
    *(
        (lambda x, p=p: torch.linalg.vector_norm(x, p, dim=1), (floats(3, 4),))
        for p in (0, 1, 2, 3.5, math.inf, -math.inf)
    ),
    (lambda x: x.norm(), (floats(3, 4),)),
    (lambda x: x.logsumexp((0, 1)), (floats(3, 4),)),
    (lambda x: x.logsumexp(0), (torch.tensor([-math.inf, -math.inf]),)),
    (lambda x: (x.cumsum(1), x.cumprod(0)), (floats(3, 4),)),
    (lambda x: (x.cumsum(-1), x.cumsum(0, dtype=torch.float32)), (integers(3, 4),)),
    (lambda x: x.cumsum(0), (floats(50, dtype=torch.bfloat16),)),
    (lambda x: x.count_nonzero(1), (integers(3, 4),)),
]

VIEWS: list[Case] = [
    (lambda x: x.view(-1, 2), (floats(4, 6),)),
    (lambda x: x.permute(2, 0, 1).reshape(6, -1), (floats(2, 4, 6),)),
    (lambda x: x.t() + x.mT, (floats(4, 4),)),
    (lambda x: x.transpose(-1, 0).contiguous(), (floats(2, 4, 6),)),
    (lambda x: x.expand(5, -1, 4), (floats(3, 1),)),
    (lambda x: x.squeeze(1).unsqueeze(-1), (floats(3, 1, 4),)),
    (lambda x: x.select(1, -1) + x[:, 0], (floats(3, 4),)),
    (lambda x: (x[1:], x[-2:], x[:, 1:100:2], x[5:], x[-100:2]), (floats(4, 6),)),
    (lambda x: x.split(4, 1), (floats(4, 10),)),
    (lambda x: x.split([1, 3], 0), (floats(4, 6),)),
    (lambda x: x.chunk(3), (floats(7, 2),)),
    (lambda x: x.unbind(1), (floats(4, 3),)),
    (lambda x: x.narrow(1, 1, 3), (floats(4, 6),)),
    (lambda x: (x.diagonal(), x.diagonal(1), x.diagonal(-2, 1, 0)), (floats(4, 5),)),
    (lambda x: x.diagonal(1, 0, 2), (floats(4, 3, 5),)),
    (lambda x: x.flip(0, -1), (floats(4, 5),)),
    (lambda x: x.repeat(2, 1, 3), (floats(4, 5),)),
    (lambda x: x.as_strided((3, 2), (1, 4), 2), (floats(12),)),
    (lambda x: x.movedim(0, -1), (floats(2, 3, 4),)),
    (lambda x, y: torch.cat([x, y, x], -1), (floats(4, 5), floats(4, 2))),
    (lambda x, y: torch.cat([x, torch.empty(0), y]), (floats(4, 5), integers(3, 5))),
    (lambda x, y: torch.stack([x, y], 1), (floats(4, 5), floats(4, 5))),
    (lambda x: F.pad(x, (1, 2, 0, 3), value=7.0), (floats(4, 5),)),
    (lambda x: F.pad(x, (-1, 2, 1, -2)), (floats(4, 5),)),
    (lambda x: (x.tril(), x.triu(1), x.tril(-1)), (floats(3, 4, 5),)),
    (lambda x: x.view(torch.int32), (floats(4, 5),)),
]

CREATION: list[Case] = [
    (lambda x: torch.full_like(x, 2.5), (integers(3, 4),)),
    (lambda x: x.new_ones(2, 3) + torch.zeros(3), (floats(3, 4),)),
    (lambda x: torch.arange(3, 17, 4) + x, (integers(4),)),
    (lambda x: torch.arange(0.5, 2.0, 0.25) + x, (floats(6),)),
    (lambda x: torch.arange(x.shape[0]) * 2, (floats(6),)),
    (lambda x: torch.linspace(-1, 3, 7) + x, (floats(7),)),
    (lambda x: torch.eye(3, 4) + x, (floats(3, 4),)),
    (lambda x: torch.scalar_tensor(3) + x, (floats(3, 4),)),
]

CONTRACTIONS: list[Case] = [
    (torch.mm, (floats(3, 4), floats(4, 5))),
    (torch.mm, (floats(3, 0), floats(0, 5))),
    (torch.mm, (integers(3, 4), integers(4, 5))),
    (torch.matmul, (floats(2, 3, 4), floats(4, 5))),
    (torch.bmm, (floats(2, 3, 4), floats(2, 4, 5))),
    (
        lambda c, a, b: torch.addmm(c, a, b, beta=0.5, alpha=2),
        (floats(5), floats(3, 4), floats(4, 5)),
    ),
    (
        lambda c, a, b: torch.addmm(c, a, b, beta=0),
        (torch.full((3, 5), math.nan), floats(3, 4), floats(4, 5)),
    ),
    (torch.baddbmm, (floats(3, 5), floats(2, 3, 4), floats(2, 4, 5))),
    (torch.addbmm, (floats(3, 5), floats(2, 3, 4), floats(2, 4, 5))),
    (torch.mv, (floats(3, 4), floats(4))),
    (torch.addmv, (floats(3), floats(3, 4), floats(4))),
    (torch.dot, (floats(4), floats(4))),
    (torch.addr, (floats(3, 4), floats(3), floats(4))),
    (F.linear, (floats(2, 3, 4), floats(5, 4), floats(5))),
    (torch.mm, (floats(3, 4, dtype=torch.bfloat16), floats(4, 5, dtype=torch.bfloat16))),
]

OTHERS: list[Case] = [
    (lambda x, y: torch.add(x, y, alpha=3), (integers(3, 4), integers(4))),
    (lambda x, y: torch.sub(x, y, alpha=0.5), (floats(3, 4), floats(4))),
    (lambda x: 2 - x, (integers(3),)),
    (lambda x, y: x + y, (bools(3, 4), bools(4))),
    (lambda x, y: x + y, (floats(3, dtype=torch.float16), floats())),
    (lambda x, y: x < y, (integers(3), floats())),
    (lambda x: x > 2.5, (integers(9),)),
    (lambda x, y: torch.where(x > 0, x, y), (floats(3, 4), integers(4))),
    (lambda x, m: x.masked_fill(m, -math.inf), (floats(3, 4), bools(4))),
    (lambda x: x.clamp(-1, 1), (SPECIAL.clone(),)),
    (lambda x, y: torch.clamp(x, min=y), (floats(3, 4), floats(4))),
    (lambda x: x.clamp(max=0.5), (integers(3, 4),)),
    (lambda x, y: torch.lerp(x, y, 0.7), (floats(3), floats(3))),
    (lambda x, y, z: torch.addcmul(x, y, z, value=2), (floats(3), floats(3), floats(3))),
    (lambda x, y, z: torch.addcdiv(x, y, z, value=0.5), (floats(3), floats(3), floats(3))),
    *((lambda x, e=e: x**e, (SPECIAL.clone(),)) for e in (0, 0.5, 1, 2, 3, -0.5, -1, -2, 2.5)),
    (lambda x: (x**2, x**3, x**0, x**13, x**0.5), (integers(9),)),
    (lambda x: (2**x, 1.5**x), (floats(9),)),
    (lambda x: x.round(decimals=1), (floats(9),)),
    (lambda x: (x << 2, x >> 1), (integers(9),)),
    (lambda x: (x.to(torch.int32), x.to(torch.bool), x.bfloat16().float()), (floats(9),)),
    (lambda x: F.threshold(x, 0.5, 3.0), (floats(9),)),
    (lambda x: F.gelu(x, approximate="tanh"), (floats(9),)),
    (lambda x, w: F.prelu(x, w), (floats(2, 3, 4), floats(3))),
    (lambda x: x / x.shape[0] ** 0.5, (floats(9),)),
]


def cases() -> list[Any]:
    found: list[Any] = []

    def add(name: str, case: Case) -> None:
        found.append(pytest.param(*case, id=f"{name}"))

    for name in UNARY:
        function = getattr(torch, name)
        add(f"{name}-special", (function, (SPECIAL.clone(),)))
        add(f"{name}-bf16", (function, (floats(3, 4, dtype=torch.bfloat16),)))
        if name not in ("frac", "logit"):
            add(f"{name}-i64", (function, (integers(3, 4),)))
    for name in ACTIVATIONS:
        # gelu of infinity is NaN in oneDNN, which eager mode calls for f32
        special = SPECIAL[:5] if name == "gelu" else SPECIAL
        add(f"{name}-special", (getattr(F, name), (special.clone(),)))
        add(f"{name}-f64", (getattr(F, name), (floats(3, 4, dtype=torch.float64),)))
    for name in BINARY:
        function = getattr(torch, name)
        add(f"{name}-special", (function, PAIRS))
        add(f"{name}-broadcast", (function, (floats(3, 1, 4), floats(5, 1))))
    for name in INTEGER_BINARY:
        function = getattr(torch, name)
        add(f"{name}-integers", (function, (integers(3, 4), integers(4, dtype=torch.uint8))))
    for mode in ("floor", "trunc"):
        divide = lambda x, y, mode=mode: torch.div(x, y, rounding_mode=mode)  # noqa: E731
        add(f"div-{mode}-special", (divide, PAIRS))
        add(f"div-{mode}-integers", (divide, (integers(4, 5), integers(4, 5) * 2 + 1)))
        add(f"div-{mode}-scalar", (lambda x, f=divide: f(x, -3), (integers(4, 5),)))
    for name in ("remainder", "fmod"):
        function = getattr(torch, name)
        add(f"{name}-integers", (function, (integers(4, 5), integers(4, 5) * 2 + 1)))
        add(f"{name}-scalar", (lambda x, f=function: f(x, -3), (integers(4, 5),)))
    for name, family in (
        ("reduction", REDUCTIONS),
        ("view", VIEWS),
        ("creation", CREATION),
        ("contraction", CONTRACTIONS),
        ("other", OTHERS),
    ):
        for index, case in enumerate(family):
            add(f"{name}{index}", case)
    return found


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize(("function", "args"), cases())
def test_operator(function: Callable[..., Any], args: tuple[Any, ...], dynamic: bool) -> None:
    expected = function(*args)
    # make_fx takes parameters with defaults for inputs, so it gets a function without any
    program = traced(lambda *given: function(*given), *args, dynamic=dynamic)
    program.module.verify()
    if not dynamic:
        assert [str(c.target) for c in program.fallbacks] == []
    found = run(program, list(args))
    tolerance = {"rtol": 2e-2, "atol": 2e-2} if args[0].dtype == torch.bfloat16 else {}
    torch.testing.assert_close(
        found,
        list(expected) if isinstance(expected, (list, tuple)) else [expected],
        equal_nan=True,
        check_stride=False,
        **tolerance,
    )


def test_zero_divisors_set_the_trap() -> None:
    x, y = torch.tensor([1, 2]), torch.tensor([1, 0])
    program = traced(lambda x, y: x // y, x, y)
    with pytest.raises(Trap, match="ZeroDivisionError"):
        run(program, [x, y])


def test_the_least_integer_by_minus_one() -> None:
    x, y = torch.tensor([-(2**63)]), torch.tensor([-1])
    program = traced(lambda x, y: (x // y, torch.fmod(x, y)), x, y)
    assert [t.item() for t in run(program, [x, y])] == [-(2**63), 0]


@pytest.mark.parametrize(
    ("backward", "args"),
    [
        (aten.gelu_backward, (floats(9), floats(9) * 2)),
        (aten.silu_backward, (floats(9), floats(9) * 2)),
        (aten.mish_backward, (floats(9), floats(9) * 2)),
        (aten.sigmoid_backward, (floats(9), floats(9).sigmoid())),
        (aten.tanh_backward, (floats(9), floats(9).tanh())),
        (aten.threshold_backward, (floats(9), floats(9) * 2, 0)),
        (aten.hardtanh_backward, (floats(9), floats(9) * 2, -1, 1)),
        (aten.hardswish_backward, (floats(9), floats(9) * 2)),
        (aten.hardsigmoid_backward, (floats(9), floats(9) * 2)),
        (aten.leaky_relu_backward, (floats(9), floats(9) * 2, 0.1, False)),
        (aten.elu_backward, (floats(9), 1.5, 2, 0.5, False, floats(9))),
        (aten.elu_backward, (floats(9), 1.5, 2, 0.5, True, floats(9))),
        (aten.softplus_backward, (floats(9), floats(9) * 2, 2, 3)),
    ],
    ids=lambda value: str(value) if callable(value) else "",
)
def test_backward(backward: Callable[..., Any], args: tuple[Any, ...]) -> None:
    tensors = [a for a in args if isinstance(a, torch.Tensor)]

    def function(*given: torch.Tensor) -> torch.Tensor:
        rest = iter(given)
        return backward(*(next(rest) if isinstance(a, torch.Tensor) else a for a in args))

    program = traced(function, *tensors)
    assert not program.calls
    torch.testing.assert_close(run(program, tensors)[0], backward(*args))
