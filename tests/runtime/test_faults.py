"""What goes wrong around the compiler: interrupts, threads, forks, memory, large graphs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.fx.passes.fake_tensor_prop import FakeTensorProp

from fxlower.backend import compile_aten_graph
from fxlower.options import Options

aten = torch.ops.aten

TIMEOUT = 240
"""Seconds after which a process is taken to hang."""


def run(tmp_path: Path, program: str, **environment: str) -> str:
    """What a program prints in a process of its own."""
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "TMPDIR": str(tmp_path / "tmp"),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr[-3000:]}"
    return done.stdout


INTERRUPTED = """
import os, signal, sys, threading
import torch
from fxlower.passes.{module} import {cls}

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
original = {cls}.apply
def apply(self, ctx, module):
    {cls}.apply = original
    os.kill(os.getpid(), signal.SIGINT)
    original(self, ctx, module)
{cls}.apply = apply

def function(x, y):
    return ((x @ y).softmax(-1) * 2).cumsum(0).sin() + 1

x, y = torch.randn(17, 23), torch.randn(23, 9)
compiled = torch.compile(function, backend="fxlower")
try:
    compiled(x, y)
except KeyboardInterrupt:
    print("interrupted")
threads = [t.name for t in threading.enumerate() if t.name.startswith("fxlower")]
assert not threads, threads
torch.testing.assert_close(compiled(x, y), function(x, y))
other = torch.compile(lambda x: x.exp() + 2, backend="fxlower")
thread = threading.Thread(target=lambda: print(other(x).shape))  # no lock is held
thread.start()
thread.join(60)
assert not thread.is_alive()
assert not os.listdir(os.environ["TMPDIR"]), os.listdir(os.environ["TMPDIR"])
"""


@pytest.mark.parametrize(
    "module,cls",
    [("form_kernels", "FormKernelsPass"), ("vectorize", "VectorizePass")],
)
def test_an_interrupt_in_the_middle_of_a_compilation(tmp_path, module: str, cls: str) -> None:
    program = INTERRUPTED.replace("{module}", module).replace("{cls}", cls)
    assert run(tmp_path, program).split()[0] == "interrupted"


OUT_OF_MEMORY = """
import resource
import torch

def function(x, y):
    return x[:, None] + y[None, :]

compiled = torch.compile(function, backend="fxlower", dynamic=True)
small = torch.ones(4), torch.ones(5)
torch.testing.assert_close(compiled(*small), function(*small))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), resource.RLIM_INFINITY))
large = torch.ones(1 << 16), torch.ones(1 << 16)  # 16 GiB
for f in (function, compiled):
    try:
        f(*large)
    except RuntimeError as error:
        print("can't allocate memory" in str(error))
torch.testing.assert_close(compiled(*small), function(*small))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")
def test_an_output_that_does_not_fit_into_memory(tmp_path) -> None:
    assert run(tmp_path, OUT_OF_MEMORY).split() == ["True", "True"]


FORKED = """
import os, signal
import torch

def function(x):
    return (x.softmax(-1) @ x.t()).sum(0)

x = torch.randn(300, 300)
compiled = torch.compile(function, backend="fxlower")
wanted = compiled(x)
child = os.fork()
if child == 0:
    signal.alarm(100)  # ends a child that hangs
    torch.set_num_threads(1)
    torch.testing.assert_close(compiled(x), wanted)
    other = torch.compile(lambda x: x.exp() + 2, backend="fxlower")  # compiles in the child
    torch.testing.assert_close(other(x), x.exp() + 2)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_a_forked_child_calls_and_compiles(tmp_path) -> None:
    assert run(tmp_path, FORKED).split() == ["0"]


THREADS = """
import threading
import torch

def maker(number):
    def function(x, y):
        return ((x @ y) * number).softmax(-1).sum(number % 2)
    return function

functions = [maker(n) for n in range(1, 5)]
compiled = [torch.compile(f, backend="fxlower", dynamic=False) for f in functions]
errors, barrier = [], threading.Barrier(4)

def compile_and_call(n):
    try:
        barrier.wait(60)
        x, y = torch.randn(9, 10 + n), torch.randn(10 + n, 17)
        torch.testing.assert_close(compiled[n](x, y), functions[n](x, y))
    except BaseException as error:
        errors.append(error)

def call(n):
    try:
        for _ in range(50):
            x, y = torch.randn(9, 10 + n % 4), torch.randn(10 + n % 4, 17)
            torch.testing.assert_close(compiled[n % 4](x, y), functions[n % 4](x, y))
    except BaseException as error:
        errors.append(error)

for target, count in ((compile_and_call, 4), (call, 8)):
    threads = [threading.Thread(target=target, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert not errors, errors
    assert not any(t.is_alive() for t in threads)
print("done")
"""


def test_four_threads_compile_and_eight_call(tmp_path) -> None:
    assert run(tmp_path, THREADS).split() == ["done"]


# ------------------------------------------------------------------------------- values


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    torch._dynamo.reset()
    return torch.compile(function, backend="fxlower", **options)


def test_weights_that_are_not_numbers() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(9, 17), torch.nn.ReLU(), torch.nn.Linear(17, 5))
    with torch.no_grad():
        model[0].weight[3, 4] = torch.nan
        model[2].bias[1] = torch.inf
        x = torch.randn(6, 9)
        torch.testing.assert_close(compiled(model)(x), model(x), equal_nan=True)
    found, wanted = compiled(model)(x), model(x)
    assert found.isnan().equal(wanted.isnan())
    found.nan_to_num().sum().backward()
    gradient = model[0].weight.grad
    assert gradient is not None
    model.zero_grad()
    wanted.nan_to_num().sum().backward()
    torch.testing.assert_close(gradient, model[0].weight.grad, equal_nan=True)


@pytest.mark.parametrize(
    "bad,dynamic", [(35, False), (-36, True), (2**62, True), (-(2**63), False)]
)
@pytest.mark.parametrize(
    "function",
    [
        lambda t, i: t[i],
        lambda t, i: t.index_select(0, i),
        lambda t, i: t.gather(0, i[:, None].expand(-1, 5)),
        lambda t, i: torch.nn.functional.embedding(i, t),
        lambda t, i: t.take(i),
        lambda t, i: t.index_put((i,), t[0]),
        lambda t, i: t.scatter(0, i[:, None].expand(-1, 5), 1.0),
        lambda t, i: t.index_add(0, i, t[: i.shape[0]]),
    ],
    ids=["index", "index_select", "gather", "embedding", "take", "index_put", "scatter", "add"],
)
def test_indices_out_of_range(function: Callable[..., Any], bad: int, dynamic: bool) -> None:
    table = torch.randn(7, 5)
    call = compiled(function, dynamic=dynamic)
    good = torch.tensor([2, 0, 6])
    torch.testing.assert_close(call(table, good), function(table, good))
    with pytest.raises((IndexError, RuntimeError), match=r"(?i)out of (range|bounds)"):
        call(table, torch.tensor([2, bad, 6]))
    torch.testing.assert_close(call(table, good), function(table, good))


# ------------------------------------------------------------------------- large graphs


def chain(length: int, step: Callable[[torch.fx.Graph, Any, int], Any]) -> torch.fx.GraphModule:
    """A graph of `length` steps one after the other, on matrices of 16 x 16."""
    graph = torch.fx.Graph()
    value = graph.placeholder("x")
    for number in range(length):
        value = step(graph, value, number)
    graph.output((value,))
    gm = torch.fx.GraphModule(torch.nn.Module(), graph)
    with FakeTensorMode() as mode:
        FakeTensorProp(gm, mode).propagate(torch.empty(16, 16))
    return gm


def pointwise(graph: torch.fx.Graph, value: Any, number: int) -> Any:
    if number % 2:
        return graph.call_function(aten.mul.Tensor, (value, 0.9999))
    return graph.call_function(aten.abs.default, (value,))


def products(graph: torch.fx.Graph, value: Any, number: int) -> Any:
    if number % 2:
        return graph.call_function(aten.mul.Tensor, (value, 0.1))
    return graph.call_function(aten.mm.default, (value, value))


def moving_values(graph: torch.fx.Graph, value: Any, number: int) -> Any:
    if number == 0:
        return graph.call_function(aten.cumsum.default, (value, 0))
    return moving_views(graph, value, number)


def views(graph: torch.fx.Graph, value: Any, number: int) -> Any:
    if number % 2:
        return graph.call_function(aten.view.default, (value, [16, 16]))
    return graph.call_function(aten.view.default, (value, [4, 64]))


def moving_views(graph: torch.fx.Graph, value: Any, number: int) -> Any:
    if number % 2:
        return graph.call_function(
            aten.reshape.default, (value, [[16, 16], [4, 64]][number // 2 % 2])
        )
    return graph.call_function(aten.permute.default, (value, [1, 0]))


def reductions(graph: torch.fx.Graph, value: Any, number: int) -> Any:
    if number % 2:
        return graph.call_function(aten.sub.Tensor, (number_of(graph), value))
    return graph.call_function(aten.amax.default, (value, [number // 2 % 2], True))


def number_of(graph: torch.fx.Graph) -> torch.fx.Node:
    return next(iter(graph.nodes))


@pytest.mark.parametrize(
    "step,length",
    [(pointwise, 5000), (products, 5000), (views, 5000), (moving_values, 2000), (reductions, 2000)],
)
def test_long_chains(step: Callable[..., Any], length: int) -> None:
    gm = chain(length, step)
    x = torch.randn(16, 16) * 0.1
    start = time.process_time()
    found = compile_aten_graph(gm, Options(), name="graph")([x])[0]
    assert time.process_time() - start < 100
    torch.testing.assert_close(found, gm(x)[0], rtol=1e-3, atol=1e-5)


def test_thousands_of_outputs() -> None:
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    graph.output(tuple(graph.call_function(aten.mul.Tensor, (x, float(n))) for n in range(1500)))
    gm = torch.fx.GraphModule(torch.nn.Module(), graph)
    with FakeTensorMode() as mode:
        FakeTensorProp(gm, mode).propagate(torch.empty(16, 16))
    value = torch.randn(16, 16)
    start = time.process_time()
    outputs = compile_aten_graph(gm, Options(), name="graph")([value])
    assert time.process_time() - start < 60
    for number in (0, 1, 700, 1499):
        torch.testing.assert_close(outputs[number], value * number)


def test_a_function_that_calls_itself() -> None:
    def power(x: Tensor, n: int) -> Tensor:
        return x if n == 0 else power(x, n - 1) * x.cos()

    x = torch.randn(33)
    torch.testing.assert_close(compiled(power)(x, 60), power(x, 60))
