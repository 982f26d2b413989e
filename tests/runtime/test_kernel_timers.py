"""Counters around kernels: what they count, with sizes that change, from several threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from fxlower.analysis.symbols import canonical, evaluate
from fxlower.codegen.object import compile_object
from fxlower.runtime.jit import LoadedCode, call, load
from fxlower.runtime.kernel_timers import RANGES, Counted, KernelTimers, TimedKernel, timers_text
from fxlower.targets.host import host

KERNEL = """
define void @add_product(ptr %x, ptr %out, i64 %m, i64 %n) {
  %v = load i64, ptr %x
  %p = mul i64 %m, %n
  %w = add i64 %v, %p
  store i64 %w, ptr %out
  ret void
}
"""


@pytest.fixture(scope="module")
def kernel() -> LoadedCode:
    return load(compile_object(KERNEL, host()), ["add_product"])


def timers_of(kernel: LoadedCode, **work: int | str) -> KernelTimers:
    return KernelTimers([TimedKernel("add_product", kernel, 2, ("d0", "d1"), **work)])  # type: ignore[arg-type]


def run(timers: KernelTimers, m: int, n: int) -> int:
    x, out = np.array([7]), np.array([0])
    address = timers.code.address("add_product")
    call(address, [x.ctypes.data, out.ctypes.data, m, n])
    return int(out[0])


def test_the_kernel_is_called_and_what_it_does_is_added_up(kernel: LoadedCode) -> None:
    timers = timers_of(kernel, reads="8*d0*d1", writes=8, operations="d0*d1 + 3")
    assert run(timers, 2, 3) == 7 + 6 and run(timers, 5, 4) == 7 + 20
    counted = timers.read()["add_product"]
    assert counted.nanoseconds > 0
    expected = Counted(2, counted.nanoseconds, reads=8 * 26, writes=16, operations=26 + 6)
    assert counted == expected
    timers.reset()
    assert timers.read()["add_product"] == Counted()


@pytest.mark.parametrize(
    "size",
    [
        "d0 - d1",
        "-3*d0*d0 + 2",
        "((d0 + 1)//2)*d1",
        "((d0 + 7)%(d1))",
        "((d0)//(d1))",
        "max(d0, d1, 9)",
        "min(d0*d1, 2*d0) + max(d0, 4)",
    ],
)
def test_sizes_are_what_python_makes_of_them(kernel: LoadedCode, size: str) -> None:
    timers = timers_of(kernel, reads=canonical(size))
    for m, n in (3, 5), (12, 1), (6, 4):
        timers.reset()
        run(timers, m, n)
        expected = evaluate(canonical(size), {"d0": m, "d1": n})
        assert timers.read()["add_product"].reads == expected


def test_a_size_divided_by_nothing_does_not_end_the_process(kernel: LoadedCode) -> None:
    timers = timers_of(kernel, reads="((d0)//(d1))", writes="((d0)%(d1))")
    assert run(timers, 3, 0) == 7


def test_no_call_of_several_threads_is_lost(kernel: LoadedCode) -> None:
    timers = timers_of(kernel, reads="d0")

    def calls() -> None:
        for _ in range(500):
            run(timers, 2, 1)

    threads = [threading.Thread(target=calls) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = timers.read()["add_product"]
    assert (counted.calls, counted.reads) == (2000, 4000)


def test_without_torch_there_are_no_ranges(kernel: LoadedCode) -> None:
    text = timers_text([TimedKernel("add_product", kernel, 2)], {})
    assert not any(name in text for name in RANGES)
    compile_object(text, host())
