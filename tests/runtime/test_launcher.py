"""Calls of machine code by the native launcher, and in Python where that cannot take over."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_leaves

import fxlower
from fxlower import backend
from fxlower.runtime import executable as executable_module
from fxlower.runtime import launcher
from fxlower.runtime.executable import Executable
from fxlower.runtime.segment import SegmentCall

Made = list[Executable]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """The graphs that a test compiles."""
    graphs: Made = []
    original = backend.compile_graph

    def compile_graph(*args: Any, **kwargs: Any) -> Executable:
        graphs.append(original(*args, **kwargs))
        return graphs[-1]

    monkeypatch.setattr(backend, "compile_graph", compile_graph)
    torch._dynamo.reset()
    return graphs


@pytest.fixture
def calls_in_python(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The segments that were called in Python."""
    called: list[str] = []
    original = SegmentCall.__call__

    def call(self: SegmentCall, *args: Any) -> Any:
        called.append(self.layout.step.segment)
        return original(self, *args)

    monkeypatch.setattr(SegmentCall, "__call__", call)
    return called


@pytest.fixture
def without_launcher(made: Made, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(executable_module, "launcher", lambda: None)
        yield


def several(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    return a @ b, (a * 2).sum(), a.relu().to(torch.bfloat16), a > 0, (a.T + 1).reshape(-1)


def with_operator(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.matrix_exp(a @ b + 1).tril() * 2


def large(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return (a @ b).repeat(64, 1024) + 1, a.sum(0)


def write(a: Tensor, b: Tensor) -> Tensor:
    a.add_(b)
    return a.sum()


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("function", [several, with_operator, large, write])
@pytest.mark.parametrize("native", [True, False])
def test_both_ways_give_what_eager_mode_gives(
    function: Callable[..., Any],
    dynamic: bool,
    native: bool,
    made: Made,
    calls_in_python: list[str],
    request: pytest.FixtureRequest,
) -> None:
    if not native:
        request.getfixturevalue("without_launcher")
    compiled = torch.compile(function, backend="fxlower", dynamic=dynamic)
    for size in (8, 24) if dynamic else (8,):
        a, b = torch.randn(size, size), torch.randn(size, size)
        theirs, ours = (a.clone(), b), (a.clone(), b)
        expected, found = function(*theirs), compiled(*ours)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(ours, theirs)
        for x, y in zip(tree_leaves(found), tree_leaves(expected), strict=True):
            assert x.stride() == y.stride() and x.device == y.device and not x.requires_grad
    assert bool(calls_in_python) is not native


def test_launcher_is_there() -> None:
    assert launcher.launcher() is not None


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_results_belong_to_the_mode(mode: Any, calls_in_python: list[str]) -> None:
    compiled = torch.compile(lambda x: x + 1, backend="fxlower")
    with mode():
        assert compiled(torch.ones(3)).is_inference() == (mode is torch.inference_mode)
    assert not calls_in_python


def test_parameters_are_plain(calls_in_python: list[str]) -> None:
    layer = torch.nn.Linear(5, 7)
    x = torch.randn(3, 5)
    compiled = torch.compile(layer, backend="fxlower")
    torch.testing.assert_close(compiled(x), layer(x))
    assert not calls_in_python


class Named(Tensor):
    """A subclass without behaviour of its own."""


@pytest.mark.parametrize("kind", ["subclass", "empty"])
def test_other_tensors_are_called_in_python(
    kind: str, made: Made, calls_in_python: list[str]
) -> None:
    x = torch.randn(0 if kind == "empty" else 4, 3)
    compiled = fxlower.compile(lambda x: (x + 1).sum(0), [x])
    y = x.as_subclass(Named) if kind == "subclass" else x
    torch.testing.assert_close(compiled(y).as_subclass(Tensor), (x + 1).sum(0))
    assert calls_in_python


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
def test_fake_tensors_are_refused(made: Made) -> None:
    torch.compile(lambda x: x + 1, backend="fxlower")(torch.randn(4))
    with FakeTensorMode() as mode, pytest.raises(RuntimeError, match="no memory"):
        made[0]([mode.from_tensor(torch.randn(4))])


def test_real_tensors_under_a_mode_are_computed(made: Made) -> None:
    x = torch.randn(4)
    torch.compile(lambda x: x + 1, backend="fxlower")(x)
    with FakeTensorMode():
        (y,) = made[0]([x])
    assert type(y) is Tensor and torch.equal(y, x + 1)


@pytest.mark.parametrize("args", [[], [1], [None], [torch.randn(4), 2], ["x"]])
def test_wrong_arguments_are_errors(args: list[Any], made: Made) -> None:
    torch.compile(lambda x: x + 1, backend="fxlower")(torch.randn(4))
    with pytest.raises((TypeError, ValueError, AttributeError)):
        made[0](args)


def test_traps_raise_and_free_results(made: Made, calls_in_python: list[str]) -> None:
    table = torch.randn(5, 3)
    compiled = torch.compile(
        torch.nn.functional.embedding, backend="fxlower", options={"output_pool": False}
    )
    compiled(torch.tensor([1]), table)
    gc.collect()
    before = live_tensors()
    for _ in range(3):
        with pytest.raises(IndexError, match="index out of range"):
            compiled(torch.tensor([7]), table)
    gc.collect()
    assert live_tensors() == before
    assert not calls_in_python


def live_tensors() -> int:
    return sum(1 for value in gc.get_objects() if type(value) is Tensor)


def test_memory_that_is_out_is_an_error(made: Made) -> None:
    compiled = torch.compile(
        lambda x, n: x.expand(n, 1 << 20) + 1,
        backend="fxlower",
        dynamic=True,
        options={"output_pool": False},
    )
    x = torch.zeros(1, 1)
    compiled(x, 2)
    with pytest.raises(RuntimeError, match="alloc"):
        compiled(x, 1 << 30)
    assert torch.equal(compiled(x, 3), torch.ones(3, 1 << 20))


def test_functions_outlive_what_made_them(made: Made) -> None:
    torch.compile(lambda x: x + 1, backend="fxlower")(torch.randn(4))
    run, code = made[0].run, made[0].keep_alive
    made.clear()
    torch._dynamo.reset()
    gc.collect()
    x = torch.randn(4)
    assert torch.equal(run([x])[0], x + 1) and code


def test_arguments_are_let_go(made: Made) -> None:
    """What is passed in a list dies as early as the graph does not need it any more."""
    torch.compile(with_operator, backend="fxlower")(torch.randn(4, 4), torch.randn(4, 4))
    seen: list[bool] = []

    def watching(*args: Any) -> Any:
        gc.collect()
        seen.append(alive() is not None)
        return original(*args)

    scope = made[0].run.__globals__  # type: ignore[attr-defined]
    (name,) = (name for name in scope if name.startswith("call_"))
    original, scope[name] = scope[name], watching
    args = [torch.randn(4, 4), torch.randn(4, 4)]
    alive = weakref.ref(args[0])
    made[0](args)
    assert seen == [False] and not args


def test_arenas_are_freed_with_the_last_graph(made: Made) -> None:
    native = launcher.launcher()
    assert native is not None

    def two(x: Tensor) -> Tensor:
        return (x @ x).softmax(-1) @ x

    x = torch.randn(64, 64)
    before = len(native.users)
    torch.testing.assert_close(torch.compile(two, backend="fxlower")(x), two(x))
    assert len(native.users) == before + 1
    made.clear()
    torch._dynamo.reset()
    gc.collect()
    assert len(native.users) <= before
