"""Compiled functions under autograd, transforms, hooks, modes and threads, as users call them."""

from __future__ import annotations

import copy
import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.testing import assert_close
from torch.testing._internal.two_tensor import TwoTensor

import fxlower

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def fresh() -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)


def compiled(function: Any, **options: Any) -> Any:
    return torch.compile(function, backend="fxlower", **options)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 4))


def test_a_copied_module_has_weights_of_its_own() -> None:
    module, x = network(), torch.randn(3, 8)
    first = compiled(module)
    first(x)
    second = copy.deepcopy(first)
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.add_(1)
    assert not torch.allclose(second(x), module(x))
    assert_close(first(x), module(x))


def test_a_pickled_module_and_a_saved_state() -> None:
    first, x = compiled(network()), torch.randn(3, 8)
    expected = first(x)
    assert_close(pickle.loads(pickle.dumps(first))(x), expected)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = compiled(network())
    second.load_state_dict(torch.load(file))
    assert_close(second(x), expected)


def test_hooks_of_modules_and_tensors() -> None:
    module, calls = network(), []
    module[1].register_forward_hook(lambda m, inputs, output: output * 2)
    module[0].register_full_backward_hook(lambda m, inputs, outputs: calls.append(1))
    gradients: list[Tensor] = []
    for run in (module, compiled(module)):
        x = torch.ones(3, 8, requires_grad=True)
        x.register_hook(lambda g: g * 3)
        run(x).sum().backward()
        assert x.grad is not None
        gradients.append(x.grad)
    assert_close(*gradients)
    assert len(calls) == 2


def test_hooks_of_saved_tensors() -> None:
    def function(x: Tensor) -> Tensor:
        return (x.sin() * x.cos()).exp()

    packed: list[Tensor] = []
    x = torch.randn(5, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: (packed.append(t), t.double())[1], lambda t: t.float()
    ):
        y = compiled(function)(x)
    assert packed
    assert_close(torch.autograd.grad(y.sum(), x), torch.autograd.grad(function(x).sum(), x))


def test_compiled_autograd() -> None:
    module, x = network(), torch.randn(3, 8)
    module(x).square().sum().backward()
    expected = [p.grad for p in module.parameters()]
    module.zero_grad()
    run = compiled(module)
    with torch._dynamo.compiled_autograd._enable(lambda gm: compiled(gm, fullgraph=True)):
        run(x).square().sum().backward()
    assert_close([p.grad for p in module.parameters()], expected)


def test_a_second_derivative_is_refused() -> None:
    x = torch.randn(5, requires_grad=True)
    y = compiled(lambda a: (a**3).sum())(x)
    with pytest.raises(RuntimeError, match="double backward"):
        torch.autograd.grad(torch.autograd.grad(y, x, create_graph=True)[0].sum(), x)


def test_backward_twice_and_in_parts() -> None:
    x, y = (torch.randn(4, 4, requires_grad=True) for _ in range(2))
    product, sine = compiled(lambda x, y: (x * y, x.sin()))(x, y)
    for _ in range(2):
        (gradient,) = torch.autograd.grad(product.sum(), x, retain_graph=True)
        assert_close(gradient, y.detach())
    assert_close(torch.autograd.grad(sine.sum(), x)[0], x.detach().cos())


def test_version_counters() -> None:
    base = torch.randn(4, 4)
    view = base[1:]
    before = base._version
    compiled(lambda a: a + 1)(base)
    assert base._version == before
    compiled(lambda a: a[0].mul_(2))(base)
    assert base._version > before and view._version > before


def test_what_backward_needs_must_not_change() -> None:
    z = torch.randn(4, requires_grad=True) * 2
    y = z.sin()
    compiled(lambda a: a.add_(1))(z.detach())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def loss(x: Tensor) -> Tensor:
    return (x.sin() * 2).sum()


TRANSFORMS: dict[str, Callable[[Any, Tensor], Any]] = {
    "grad": lambda f, x: torch.func.grad(f)(x),
    "vmap": lambda f, x: torch.vmap(f)(x),
    "jvp": lambda f, x: torch.func.jvp(f, (x,), (x,)),
    "jacrev": lambda f, x: torch.func.jacrev(f)(x),
    "hessian": lambda f, x: torch.func.hessian(f)(x),
    "gradients of samples": lambda f, x: torch.vmap(torch.func.grad(f))(x),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_around_and_inside(name: str) -> None:
    transform, x = TRANSFORMS[name], torch.randn(3, 4)
    expected = transform(loss, x)
    assert_close(transform(compiled(loss), x), expected)
    torch._dynamo.reset()
    assert_close(compiled(lambda x: transform(loss, x), fullgraph=True)(x), expected)


def test_forward_mode() -> None:
    def function(x: Tensor) -> Tensor:
        return x.sin() * 2

    run, x = compiled(function), torch.randn(3)
    assert_close(run(x), function(x))
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones(3))
        found, expected = (forward_ad.unpack_dual(f(dual)) for f in (run, function))
        assert_close(found.tangent, expected.tangent)
    assert_close(run(x), function(x))
    explanation = fxlower.explain(lambda x: torch.func.jvp(function, (x,), (x,)), x)
    assert explanation.operators and not explanation.fallbacks


def test_a_functional_call() -> None:
    module, x = nn.Linear(4, 4), torch.randn(2, 4)
    parameters = {"weight": torch.randn(4, 4), "bias": torch.randn(4)}

    def call(parameters: Any, x: Tensor) -> Tensor:
        return torch.func.functional_call(module, parameters, (x,))

    assert_close(compiled(call)(parameters, x), call(parameters, x))


@pytest.mark.parametrize("mode", ["default", "reduce-overhead", "max-autotune"])
def test_modes(mode: str) -> None:
    assert_close(compiled(lambda a: a + 1, mode=mode)(torch.ones(2)), torch.full((2,), 2.0))


def test_more_variants_than_dynamo_compiles() -> None:
    run = compiled(lambda x, k: x + k, dynamic=False)
    for i in range(20):
        assert_close(run(torch.ones(i + 2), i), torch.full((i + 2,), 1.0 + i))


def test_threads_with_sizes_of_their_own() -> None:
    module = network()
    run, errors = compiled(module), []

    def work(rows: int) -> None:
        try:
            x = torch.full((rows, 8), float(rows))
            for _ in range(10):
                assert_close(run(x), module(x))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in (2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_subclasses() -> None:
    def function(x: Tensor) -> tuple[Tensor, ...]:
        y = x * 2
        x.add_(1)
        x[1:].mul_(2)
        return y, y.t(), x @ y

    pairs = [TwoTensor(torch.ones(4, 4), torch.full((4, 4), 2.0)) for _ in range(2)]
    expected, found = function(pairs[0]), compiled(function)(pairs[1])
    for a, b in zip((*expected, pairs[0]), (*found, pairs[1]), strict=True):
        assert isinstance(b, TwoTensor)
        assert_close((b.a, b.b), (a.a, a.b))


def test_nested_tensors() -> None:
    parts = [torch.randn(2, 4), torch.randn(3, 4)]
    ragged = torch.nested.nested_tensor(parts, layout=torch.jagged)
    found = compiled(lambda x: (x * 2).sin())(ragged)
    assert_close(found.values(), (ragged * 2).sin().values())


def test_sparse_and_meta_tensors_made_in_a_graph() -> None:
    index = torch.tensor([[0, 1], [1, 2]])

    def function(x: Tensor) -> tuple[Tensor, ...]:
        sparse = torch.sparse_coo_tensor(index, x[0, :2], (3, 3))
        return sparse @ x, torch.empty(3, device="meta") + 1, x + 1

    x = torch.randn(3, 3)
    for a, b in zip(function(x), compiled(function)(x), strict=True):
        assert a.device == b.device and a.shape == b.shape
        if a.device.type == "cpu":
            assert_close(b, a)
