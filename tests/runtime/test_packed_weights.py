"""Weights that are kept packed follow every change that a version counter or an optimizer tells."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing._internal.two_tensor import TwoTensor

import fxlower
from fxlower.errors import OptionError
from fxlower.report import GraphReport
from fxlower.runtime.kept_values import _COPIES


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(70, 90)
        self.second = nn.Parameter(torch.randn(90, 50) / 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(self.first(x)) @ self.second


@pytest.fixture
def net() -> Net:
    torch._dynamo.reset()
    torch.manual_seed(0)
    return Net()


X = torch.randn(100, 70, generator=torch.Generator().manual_seed(1))


def check(compiled: Callable[[torch.Tensor], torch.Tensor], net: Net) -> None:
    with torch.no_grad():
        torch.testing.assert_close(compiled(X), net(X), rtol=1e-4, atol=1e-4)


def assign(net: Net) -> None:
    state = {k: v * 1.5 for k, v in net.state_dict().items()}
    net.load_state_dict(state, assign=True)


def new_parameter(net: Net) -> None:
    """Often at the address of the one that it replaces, with the same version."""
    net.second = nn.Parameter(torch.randn(90, 50))


def optimize(kind: Callable[..., Any], **options: Any) -> Callable[[Net], None]:
    def step(net: Net) -> None:
        optimizer = kind(net.parameters(), lr=0.1, **options)
        net(X).square().mean().backward()
        optimizer.step()

    step.__name__ = f"{kind.__name__}({options})"
    return step


CHANGES: list[Callable[[Net], object]] = [
    lambda net: net.second.mul_(2),
    lambda net: net.second[3:5].zero_(),
    lambda net: net.first.weight.t().add_(1),
    lambda net: net.load_state_dict({k: v + 1 for k, v in net.state_dict().items()}),
    assign,
    new_parameter,
    lambda net: setattr(net.second, "data", torch.randn(90, 50)),
]

STEPS = [
    optimize(torch.optim.SGD, foreach=False),
    optimize(torch.optim.SGD, foreach=True),
    optimize(torch.optim.SGD, fused=True),
    optimize(torch.optim.AdamW, foreach=True),
    optimize(torch.optim.AdamW, fused=True),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_weight_is_packed_again(net: Net, change: Callable[[Net], object]) -> None:
    compiled = torch.compile(net, backend="fxlower")
    check(compiled, net)
    for _ in range(3):
        with torch.no_grad():
            change(net)
        check(compiled, net)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_optimizer_steps(net: Net, step: Callable[[Net], None]) -> None:
    compiled = torch.compile(net, backend="fxlower")
    check(compiled, net)
    for _ in range(2):
        step(net)
        check(compiled, net)


def test_a_compiled_optimizer(net: Net) -> None:
    compiled = torch.compile(net, backend="fxlower")
    check(compiled, net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net(X).square().mean().backward()
    torch.compile(optimizer.step, backend="fxlower")()
    check(compiled, net)


def test_packing_once(net: Net) -> None:
    """Writes that nothing tells of are not seen, which shows that nothing is packed again."""
    compiled = torch.compile(net, backend="fxlower")
    with torch.no_grad():
        before = compiled(X)
        net.second.data.mul_(2)
        assert torch.equal(compiled(X), before)
        net.second.add_(0)
        torch.testing.assert_close(compiled(X), 2 * before, rtol=1e-4, atol=1e-4)


def test_constant_weights_are_not_looked_at(net: Net) -> None:
    compiled = torch.compile(net, backend="fxlower", options={"packed_weights": "constant"})
    with torch.no_grad():
        before = compiled(X)
        net.second.mul_(2)
        assert torch.equal(compiled(X), before)


def test_weights_that_are_never_packed(net: Net) -> None:
    compiled = torch.compile(net, backend="fxlower", options={"packed_weights": "never"})
    check(compiled, net)
    assert not _COPIES
    with torch.no_grad():
        net.second.data.mul_(2)
    check(compiled, net)


def test_tensors_without_versions() -> None:
    torch._dynamo.reset()
    with torch.inference_mode():
        net = Net()
        compiled = torch.compile(net, backend="fxlower")
        check(compiled, net)
        net.second.mul_(2)
        check(compiled, net)


def test_what_explain_says(net: Net) -> None:
    def graph(**options: Any) -> GraphReport:
        with torch.no_grad():
            return fxlower.explain(net, X, options=options).graphs[0]

    kept = graph()
    assert kept.kept == 2 and "keeps 2 weights packed" in str(kept)
    assert graph(packed_weights_bytes=90 * 70 * 4).kept == 1
    assert graph(packed_weights_bytes=90 * 50 * 4).kept == 1  # the other one fits
    assert graph(packed_weights="never").kept == 0


def test_slices_of_one_weight_are_packed_apart(net: Net) -> None:
    """As of a weight for queries, keys and values."""

    def run(x: torch.Tensor) -> torch.Tensor:
        a, b, c = net.first.weight.chunk(3)
        return F.linear(x, a) + 2 * F.linear(x, b) * F.linear(x, c)

    compiled = torch.compile(run, backend="fxlower")
    torch._dynamo.mark_static_address(net.first.weight)
    with torch.no_grad():
        torch.testing.assert_close(compiled(X), run(X), rtol=1e-4, atol=1e-4)
        net.first.weight.add_(0.1)
        torch.testing.assert_close(compiled(X), run(X), rtol=1e-4, atol=1e-4)


def test_heads_of_one_weight() -> None:
    """Cross attention multiplies by slices of one parameter."""
    torch._dynamo.reset()
    attention = nn.MultiheadAttention(64, 4, batch_first=True).eval()

    def run(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        return attention(q, k, k, need_weights=False)[0]

    compiled = torch.compile(run, backend="fxlower")
    q, k = torch.randn(2, 20, 64), torch.randn(2, 21, 64)
    with torch.no_grad():
        torch.testing.assert_close(compiled(q, k), run(q, k), rtol=1e-4, atol=1e-4)


def test_a_slice_at_a_symbolic_position() -> None:
    torch._dynamo.reset()
    table = nn.Parameter(torch.randn(512, 64))

    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = table

        def forward(self, x: torch.Tensor, position: int) -> torch.Tensor:
            return x @ self.table[position : position + 64].T

    compiled = torch.compile(Positions(), backend="fxlower")
    x = torch.randn(8, 64)
    with torch.no_grad():
        for position in (3, 4, 100):
            wanted = x @ table[position : position + 64].T
            torch.testing.assert_close(compiled(x, position), wanted, rtol=1e-4, atol=1e-4)


def test_symbolic_strides() -> None:
    torch._dynamo.reset()
    x, w = torch.randn(64 * 256), torch.randn(256, 300)
    for tensor in (x, w):
        torch._dynamo.mark_static_address(tensor, guard=False)

    def run(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return x.reshape(64, 256) @ w[:, 10:138]

    with torch.no_grad():
        found = torch.compile(run, backend="fxlower", dynamic=True)(x, w)
        torch.testing.assert_close(found, run(x, w), rtol=1e-4, atol=1e-4)


def test_data_assigned_twice(net: Net) -> None:
    """The allocator likes to give the second one the address of the first."""
    compiled = torch.compile(net, backend="fxlower")
    for _ in range(8):
        check(compiled, net)
        for _ in range(2):
            net.second.data = net.second.data * 0.9


def test_shared_memory_is_packed_each_time(net: Net) -> None:
    net.second.share_memory_()
    compiled = torch.compile(net, backend="fxlower")
    check(compiled, net)
    with torch.no_grad():
        net.second.data.mul_(2)  # as another process might
    check(compiled, net)


def test_parameters_inside_subclasses() -> None:
    """Operators on a subclass (as on a DTensor) do not increment the versions of what is inside."""
    torch._dynamo.reset()
    layer = nn.Linear(70, 90, bias=False)
    halves = layer.weight.detach(), layer.weight.detach() / 2
    layer.weight = nn.Parameter(TwoTensor(*halves), requires_grad=False)
    compiled = torch.compile(layer, backend="fxlower")
    x = TwoTensor(X, X)
    with torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(compiled(x).b, layer(x).b, rtol=1e-4, atol=1e-4)
            layer.weight.mul_(2)


def test_two_values_of_one_weight(net: Net) -> None:
    """One kernel makes both, and each is kept."""

    def run(x: torch.Tensor) -> torch.Tensor:
        w = net.first.weight
        return x @ w.exp().T + x @ (w * 2 + 1).T

    compiled = torch.compile(run, backend="fxlower")
    with torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(compiled(X), run(X), rtol=1e-4, atol=1e-4)
            net.first.weight.mul_(0.5)


def test_casts_under_autocast_are_kept(net: Net) -> None:
    def run(x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return net(x)

    def check_both() -> None:
        with torch.no_grad():
            torch.testing.assert_close(compiled(X), run(X), rtol=3e-2, atol=3e-2)

    compiled = torch.compile(run, backend="fxlower")
    check_both()
    with torch.no_grad():
        before = compiled(X)
        net.second.data.mul_(2)
        assert torch.equal(compiled(X), before), "the cast was made again"
        net.second.add_(0)
    check_both()


def test_training_packs_nothing(net: Net) -> None:
    report = fxlower.explain(net, X, backward=True)
    assert [g.kept for g in report.graphs] == [0, 0]


def test_copies_are_shared_and_released(net: Net) -> None:
    def run(x: torch.Tensor) -> torch.Tensor:
        return net(x)

    def run_twice(x: torch.Tensor) -> torch.Tensor:
        return net(net(x)[:, :1] + x)

    gc.collect()
    before = len(_COPIES)
    compiled = [torch.compile(f, backend="fxlower") for f in (run, run_twice)]
    with torch.no_grad():
        for f in compiled:
            f(X)
    assert len(_COPIES) == before + 2
    del compiled, f
    torch._dynamo.reset()
    gc.collect()
    assert len(_COPIES) == before


def test_calls_while_a_weight_changes(net: Net) -> None:
    """Each call computes with some state of the weight, in any of the threads."""
    compiled = torch.compile(net, backend="fxlower")
    with torch.no_grad():
        net.second.fill_(1.0)
        first = compiled(X)
    errors: list[str] = []

    def call() -> None:
        with torch.no_grad():
            for _ in range(50):
                found = compiled(X)
                if not torch.isfinite(found).all() or found.shape != first.shape:
                    errors.append("garbage")

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    with torch.no_grad():
        for i in range(50):
            net.second.fill_(float(i))
    for thread in threads:
        thread.join()
    assert not errors
    check(compiled, net)


def test_constant_weights_without_versions_are_packed_once() -> None:
    torch._dynamo.reset()
    with torch.inference_mode():
        net = Net()
        compiled = torch.compile(net, backend="fxlower", options={"packed_weights": "constant"})
        before = compiled(X)
        net.second.mul_(2)
        assert torch.equal(compiled(X), before)


def test_fewer_bytes_than_none() -> None:
    with pytest.raises(OptionError, match="at least 0, got -1"):
        fxlower.Options.read({"packed_weights_bytes": -1})


def test_an_unknown_way() -> None:
    with pytest.raises(OptionError, match="checked, constant, never"):
        fxlower.Options.read({"packed_weights": "sometimes"})


def test_threads_with_weights_of_their_own_share_a_graph() -> None:
    """One compiled function, called with four models by four threads."""
    models = [torch.nn.Sequential(torch.nn.Linear(64, 96), torch.nn.Linear(96, 64)) for _ in "abcd"]
    x = torch.randn(40, 64)

    def call(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        return model(x)

    torch._dynamo.reset()
    gc.collect()
    before = len(_COPIES)
    compiled = torch.compile(call, backend="fxlower")
    with torch.no_grad():
        compiled(models[0], x)
        assert len(_COPIES) > before
        expected = [model(x) for model in models]
        wrong: list[int] = []

        def work(number: int) -> None:
            with torch.no_grad():
                for _ in range(400):
                    found = compiled(models[number], x)
                    if not torch.allclose(found, expected[number], atol=1e-4):
                        wrong.append(number)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(len(models))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
