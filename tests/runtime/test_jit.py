"""Linking object code: addresses, references between codes, errors, threads, unloading."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from fxlower.codegen.object import CodegenError, compile_object
from fxlower.runtime import jit
from fxlower.targets.host import host
from fxlower.targets.machines import FIXED

ADD_ONE = """
define void @add_one(ptr %p) {
  %x = load double, ptr %p
  %y = fadd double %x, 1.0
  store double %y, ptr %p
  ret void
}
"""

TWICE = """
declare void @add_one(ptr)
define void @twice(ptr %p) {
  call void @add_one(ptr %p)
  call void @add_one(ptr %p)
  ret void
}
"""


def run(code: jit.LoadedCode, name: str, value: float) -> float:
    array = np.array([value])
    jit.call(code.address(name), [array.ctypes.data])
    return float(array[0])


def test_code_is_called_by_address() -> None:
    code = jit.load(compile_object(ADD_ONE, host()), ["add_one"])
    assert run(code, "add_one", 1.0) == 2.0


def test_the_same_object_twice() -> None:
    """Names belong to one code: equal kernels of two graphs do not collide."""
    image = compile_object(ADD_ONE, host())
    first, second = jit.load(image, ["add_one"]), jit.load(image, ["add_one"])
    assert first.address("add_one") != second.address("add_one")


def test_symbols_by_address() -> None:
    add_one = jit.load(compile_object(ADD_ONE, host()), ["add_one"])
    code = jit.load(compile_object(TWICE, host()), ["twice"], symbols=add_one.addresses)
    assert run(code, "twice", 1.0) == 3.0


def test_code_that_is_used_stays() -> None:
    add_one = jit.load(compile_object(ADD_ONE, host()), ["add_one"])
    code = jit.load(compile_object(TWICE, host()), ["twice"], uses=[add_one])
    del add_one
    gc.collect()
    assert run(code, "twice", 1.0) == 3.0


def test_code_is_unloaded() -> None:
    """Loading and dropping does not let memory grow."""
    image = compile_object(ADD_ONE, host())
    for _ in range(200):
        assert run(jit.load(image, ["add_one"]), "add_one", 1.0) == 2.0


def test_missing_symbol() -> None:
    with pytest.raises(jit.LinkError, match="cannot link twice"):
        jit.load(compile_object(TWICE, host()), ["twice"])


def test_libm_is_there() -> None:
    text = "declare double @log2(double)\n" + ADD_ONE.replace(
        "fadd double %x, 1.0", "call double @log2(double %x)"
    )
    assert run(jit.load(compile_object(text, host()), ["add_one"]), "add_one", 8.0) == 3.0


PARALLEL = """
declare void @fxlower_parallel_for(i64, i64, i64, ptr, ptr)
define internal void @body(i64 %begin, i64 %end, ptr %out) {
  br label %loop
loop:
  %i = phi i64 [ %begin, %0 ], [ %next, %loop ]
  %p = getelementptr i64, ptr %out, i64 %i
  %old = atomicrmw add ptr %p, i64 %i monotonic
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %end
  br i1 %more, label %loop, label %done
done:
  ret void
}
define void @fill(ptr %out, i64 %n) {
  call void @fxlower_parallel_for(i64 0, i64 %n, i64 16, ptr @body, ptr %out)
  ret void
}
"""


@pytest.mark.parametrize("n", [0, 1, 16, 17, 31, 33, 257, 1000])
@pytest.mark.parametrize("with_torch", [False, True])
def test_parallel_for(n: int, with_torch: bool) -> None:
    """Each iteration once, on torch's threads where torch is loaded, else in a plain call."""
    symbols = {}
    if with_torch:
        pytest.importorskip("torch")
    else:
        symbols["fxlower_parallel_for"] = jit.serial_parallel_for()
    code = jit.load(compile_object(PARALLEL, host()), ["fill"], symbols)
    out = np.full(1000, -1)
    out[:n] = 0
    jit.call(code.address("fill"), [out.ctypes.data, n])
    np.testing.assert_array_equal(out[:n], np.arange(n))
    assert (out[n:] == -1).all()


def test_threads_compile_and_link() -> None:
    results: list[float] = []

    def work(k: int) -> None:
        text = ADD_ONE.replace("1.0", f"{k}.0").replace("add_one", f"add_{k}")
        code = jit.load(compile_object(text, host()), [f"add_{k}"])
        results.append(run(code, f"add_{k}", 0.0))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [float(k) for k in range(8)]


def test_invalid_text() -> None:
    with pytest.raises(CodegenError, match="LLVM rejected the module"):
        compile_object("define void @f() { ret i32 0 }", host())


@pytest.mark.parametrize("name", FIXED)
def test_cross_compilation(name: str) -> None:
    image = compile_object(ADD_ONE, FIXED[name])
    assert image[:4] == b"\x7fELF"


CROWDED = """
import ctypes, mmap
import torch
from fxlower.runtime.region import reserve

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE

def taken(size):
    return libc.mmap(None, size, 0, flags, -1, 0)

def functions(x, n):
    return torch.erf(x.sin() * 3) * n + x.exp() * n + torch.softmax(x, 0)

def compiles(n):
    x = torch.randn(1000)
    made = torch.compile(functions, backend="fxlower")(x, n)
    torch.testing.assert_close(made, functions(x, n))

torch.compile(lambda x: x + 1, backend="fxlower")(torch.randn(4))  # loads what it takes
above = taken(1 << 20)
below = reserve(8 << 30)
assert below < above, "the system gives addresses from the top down"
for size in (1 << 24, 1 << 20, 1 << 16, 1 << 12):
    while taken(size) > below:
        pass
for page in range(0, 256, 2):
    libc.munmap(above + 4096 * page, 4096)
for n in range(2, 6):
    compiles(n)
print("compiled")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's order of addresses")
def test_the_parts_of_an_object_lie_together() -> None:
    """There is room for a page here and there, but for more of them only 8 GiB away."""
    environment = {**os.environ, "FXLOWER_CACHE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", CROWDED], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["compiled"], done.stderr[-2000:]
