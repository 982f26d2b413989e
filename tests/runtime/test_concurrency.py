"""Compiled functions in threads and forked processes, and one after the other by the hundred."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fxlower.runtime.loading import KERNELS

TIMEOUT = 60
"""Seconds after which a process that waits for another is taken to hang."""


@pytest.fixture(autouse=True)
def fresh_dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(function, backend="fxlower", dynamic=False)


def softmax_of_rows(x: Tensor) -> Tensor:
    return ((x - x.mean(0)).softmax(-1) @ x.t()).cumsum(0)


# ------------------------------------------------------------------------------- threads


def test_threads_call_one_function() -> None:
    function = compiled(softmax_of_rows)
    inputs = [torch.randn(67, 33) for _ in range(40)]
    expected = [softmax_of_rows(x) for x in inputs]
    function(inputs[0])
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(function, inputs * 5), expected * 5, strict=True):
            torch.testing.assert_close(found, wanted)


def test_threads_compile_different_functions() -> None:
    errors: list[BaseException] = []
    together = threading.Barrier(3)

    def work(number: int) -> None:
        def function(x: Tensor) -> Tensor:
            return (x * number).sin().sum(number % 2)

        try:
            together.wait(TIMEOUT)
            x = torch.randn(8, 16 + number)
            torch.testing.assert_close(compiled(function)(x), function(x))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert not errors and not any(t.is_alive() for t in threads)


def ticks_of_other_threads() -> int:
    """Clock ticks of CPU time that threads of this process but the main one have used."""
    total = 0
    for task in os.listdir("/proc/self/task"):
        if int(task) != os.getpid():
            with open(f"/proc/self/task/{task}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="reads /proc")
def test_one_thread_where_torch_has_one() -> None:
    function = compiled(lambda x: (x * 2 + 1).exp().sin())
    x = torch.randn(1 << 20)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = function(x)
        start = ticks_of_other_threads()
        for _ in range(100):
            function(x)
        assert ticks_of_other_threads() - start <= 2
        torch.set_num_threads(4)
        torch.testing.assert_close(function(x), alone, rtol=0, atol=0)
    finally:
        torch.set_num_threads(before)


# ------------------------------------------------------------------------------- memory


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def graph(number: int) -> torch.fx.GraphModule:
    made = torch.fx.Graph()
    x = made.placeholder("x")
    product = made.call_function(torch.mul, (x, float(number)))
    made.output((made.call_function(torch.sum, (product,), {"dim": 1}),))
    return torch.fx.GraphModule(torch.nn.Module(), made)


def compile_and_drop(numbers: range) -> None:
    from fxlower.standalone import compile

    x = torch.ones(3, 5)
    for number in numbers:
        (found,) = compile(graph(number), [x])(x)
        assert found.tolist() == [5.0 * number] * 3
    gc.collect()


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")
def test_code_that_nobody_holds_is_freed() -> None:
    compile_and_drop(range(1, 21))
    held, before = len(KERNELS), resident_bytes()
    compile_and_drop(range(21, 121))
    assert len(KERNELS) <= held
    assert resident_bytes() - before < 30 << 20


def test_code_lives_as_long_as_its_function() -> None:
    from fxlower.standalone import compile

    x = torch.ones(3, 5)
    first, second = compile(graph(7), [x]), compile(graph(7), [x])
    del first
    gc.collect()
    assert second(x)[0].tolist() == [35.0] * 3


# ------------------------------------------------------------------------------- processes


def _call_in_child(function: Callable[..., Any], x: Tensor, wanted: Tensor) -> None:
    torch.set_num_threads(1)
    torch.testing.assert_close(function(x), wanted)


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_forked_child_calls_compiled_code() -> None:
    function = compiled(softmax_of_rows)
    x = torch.randn(67, 33)
    wanted = function(x)
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_call_in_child, args=(function, x, wanted), daemon=True)
    child.start()
    child.join(TIMEOUT)
    alive = child.is_alive()
    if alive:
        child.kill()
    assert not alive and child.exitcode == 0


class Augmented(Dataset[Tensor]):
    """Items that a compiled function makes."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Tensor:
        return self.function(torch.full((40, 33), float(index)))


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_workers_of_a_data_loader_call_compiled_code() -> None:
    function = compiled(lambda x: (x + 1).sum(-1))
    function(torch.zeros(40, 33))
    loader = DataLoader(
        Augmented(function), 2, num_workers=2, timeout=TIMEOUT, multiprocessing_context="fork"
    )
    batches = torch.cat(list(loader))
    torch.testing.assert_close(batches, (torch.arange(8.0)[:, None] + 1).expand(8, 40) * 33)


# ------------------------------------------------------------------------------- modes


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_under_grad_modes(mode: Callable[[], Any]) -> None:
    weight = torch.randn(33, 5, requires_grad=True)
    function = compiled(lambda x: (x @ weight).relu().sum(0))
    x = torch.randn(7, 33)
    with mode():
        found, wanted = function(x), (x @ weight).relu().sum(0)
        torch.testing.assert_close(found, wanted)
        assert found.requires_grad == wanted.requires_grad
        assert found.is_inference() == wanted.is_inference()


def test_good_calls_after_failed_ones() -> None:
    def eager(table: Tensor, index: Tensor) -> Tensor:
        return (table.exp()[index] * 2).sum(-1).cumsum(0)

    function = compiled(eager)
    table, good = torch.randn(9, 33), torch.tensor([0, 8, -9])
    for _ in range(5):
        with pytest.raises(IndexError):
            function(table, torch.tensor([0, 9, 1]))
        torch.testing.assert_close(function(table, good), eager(table, good))
