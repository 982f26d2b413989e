"""What this machine can do: bandwidth of copies and of reads in each level of the memory, and
arithmetic.

Both are machine code made here, run by as many threads as torch uses, long enough in one call for
the call not to count. `measure` does it now; `known` once for a machine, a version and a number of
threads, and keeps the figures on disk.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from fxlower.codegen.object import compile_object
from fxlower.runtime.jit import LoadedCode, call, load, thread_count
from fxlower.targets.host import host
from fxlower.targets.spec import TargetSpec
from fxlower.tuning.cache import machine_file, write_whole

log = logging.getLogger(__name__)

LEVELS = ("L1", "L2", "L3", "memory")

MOST_BYTES = 1 << 30
"""Last-level caches of servers are said to be large, and a machine has a part of one only."""


@dataclass(frozen=True)
class Roofline:
    """`copies` are bytes read and written per second, by level; `operations` per second in f32.

    What only matrix products ask for: `reads` are bytes per second that are only read, `double`
    are operations in f64, and `core` operations in f32 of one core alone."""

    copies: dict[str, float]
    operations: float
    capacities: dict[str, int]
    reads: dict[str, float] = field(default_factory=dict)
    double: float = 0.0
    core: float = 0.0

    def level(self, traffic: int) -> str:
        """The nearest level that holds so many bytes, in the caches of all threads."""
        return next((n for n, bytes_ in self.capacities.items() if traffic <= bytes_), "memory")

    def seconds(self, traffic: int, operations: int) -> float:
        """No program can take less, if it has to move and compute so much."""
        return max(traffic / self.copies[self.level(traffic)], operations / self.operations)

    def kernel_seconds(
        self, reads: int, writes: int, operations: int, *, is_double: bool = False
    ) -> float:
        """The same, where it is known what is only read: that is faster than copying."""
        level = self.level(reads + writes)
        alone = max(reads - writes, 0)
        moving = (reads + writes - alone) / self.copies[level] + alone / self.reads[level]
        return max(moving, operations / (self.double if is_double else self.operations))

    def is_memory_bound(self, traffic: int, operations: int) -> bool:
        """The data comes from memory, and moving it takes longer than computing on it."""
        level = self.level(traffic)
        moving = traffic / self.copies[level]
        return level == "memory" and moving > operations / self.operations


def measure(seconds: float, *, products: bool = False) -> Roofline:
    """Figures of this machine, each from about `seconds` of work; also those that matter to matrix
    `products`."""
    target, threads = host(), thread_count()
    capacities = {
        "L1": target.l1_bytes * threads,
        "L2": target.l2_bytes * threads,
        "L3": target.l3_bytes,
    }
    sizes = {name: bytes_ // 2 for name, bytes_ in capacities.items()}
    sizes["memory"] = max(min(16 * target.l3_bytes, MOST_BYTES), 256 << 20)
    code = load_copy()
    copies = {n: copy_rate(code, s // threads, threads, seconds) for n, s in sizes.items()}
    _order(copies)
    found = Roofline(copies, arithmetic_rate(target, threads, seconds), capacities)
    if not products:
        return found
    reading = load_read(target)
    reads = {n: read_rate(reading, s // threads, threads, seconds) for n, s in sizes.items()}
    _order(reads)
    return replace(
        found,
        reads=reads,
        double=arithmetic_rate(target, threads, seconds, bits=64),
        core=arithmetic_rate(target, 1, seconds),
    )


def _order(rates: dict[str, float]) -> None:
    """No level is slower than one further away; it seems so where others use it meanwhile."""
    for level, further in zip(LEVELS[-2::-1], LEVELS[:0:-1]):
        rates[level] = max(rates[level], rates[further])


SECONDS = 0.1
"""For each of the figures of `known`, which takes a second or two."""


def known(cache_dir: str | None = None) -> Roofline:
    """The figures of this machine for as many threads as there are now, from the disk if they were
    measured before."""
    file = machine_file("roofline", cache_dir, host(), thread_count())
    found = read(file)
    if found is None:
        found = measure(SECONDS, products=True)
        write_whole(file, json.dumps(asdict(found), indent=1) + "\n")
    return found


def read(file: Path) -> Roofline | None:
    """The figures in a file; None, with a warning, if it is damaged."""
    try:
        return _checked(json.loads(file.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("%s is damaged and not used: %r; it is measured anew", file, error)
        return None


def _checked(values: dict[str, Any]) -> Roofline:
    made = Roofline(**values)
    rates = [made.operations, made.double, made.core]
    rates += [table[name] for table in (made.copies, made.reads) for name in LEVELS]
    rates += [made.capacities[name] for name in LEVELS[:-1]]
    if not all(type(r) in (int, float) and r > 0 for r in rates):
        raise ValueError(f"rates must be positive numbers, got {values}")
    return made


def load_copy() -> LoadedCode:
    return load(compile_object(copy_text(), host()), exports=["copy"])


def copy_rate(code: LoadedCode, size: int, threads: int, seconds: float) -> float:
    """Bytes per second that all threads read and write, each within `size` bytes."""
    half = size // 2
    places = [memory(2 * half) for _ in range(threads)]

    def run(thread: int, repeats: int) -> None:
        target = places[thread].ctypes.data
        call(code.address("copy"), [target, target + half, half, repeats])

    return 2 * half * threads * rate(run, threads, seconds)


def load_read(target: TargetSpec) -> LoadedCode:
    return load(compile_object(read_text(target.lanes(32)), target), exports=["read"])


def read_rate(code: LoadedCode, size: int, threads: int, seconds: float) -> float:
    """Bytes per second that all threads read, each within `size` bytes."""
    step = READ_VECTORS * host().vector_bits // 8
    rounded = max(size // step, 1) * step
    places = [memory(rounded) for _ in range(threads)]
    sums = [memory(4) for _ in range(threads)]

    def run(thread: int, repeats: int) -> None:
        addresses = sums[thread].ctypes.data, places[thread].ctypes.data
        call(code.address("read"), [*addresses, rounded // 4, repeats])

    return rounded * threads * rate(run, threads, seconds)


def arithmetic_rate(target: TargetSpec, threads: int, seconds: float, bits: int = 32) -> float:
    """Operations per second of fused multiply-adds on floats of 32 or 64 bits, two a lane."""
    lanes, chains = target.lanes(bits), target.vector_registers * 3 // 4
    text = arithmetic_text(lanes, chains, bits)
    code = load(compile_object(text, target), exports=["arithmetic"])
    places = [memory(lanes * 8) for _ in range(threads)]

    def run(thread: int, repeats: int) -> None:
        call(code.address("arithmetic"), [places[thread].ctypes.data, repeats])

    return 2 * lanes * chains * threads * rate(run, threads, seconds)


LINE = 64


def memory(size: int) -> np.ndarray:
    """Zeros that have been written, from a cache line's beginning on."""
    whole = np.empty(size + LINE, np.uint8)
    start = -whole.ctypes.data % LINE
    found = whole[start : start + size]
    found[:] = 0
    return found


def rate(run: Callable[[int, int], None], threads: int, seconds: float) -> float:
    """How often per second every thread does what `run(thread, repeats)` does `repeats` times."""
    # Of one thread its time on the processor, so that others that use the machine matter less.
    now = thread_time if threads == 1 else perf_counter
    barrier = threading.Barrier(threads)

    def timed(thread: int, repeats: int) -> float:
        barrier.wait()
        before = now()
        run(thread, repeats)
        return now() - before

    with ThreadPoolExecutor(threads) as pool:

        def sample(repeats: int) -> float:
            return max(pool.map(timed, range(threads), [repeats] * threads))

        repeats = 1
        while (once := sample(repeats)) < seconds / 20:
            repeats *= max(2, min(100, int(seconds / 10 / max(once, 1e-7))))
        found: list[float] = []
        start = perf_counter()
        while len(found) < 5 or perf_counter() - start < seconds:
            found.append(sample(repeats) / repeats)
    return 1 / median(found)


def copy_text() -> str:
    """`copy(target, source, bytes, repeats)` in LLVM IR."""
    return """
declare ptr @memcpy(ptr, ptr, i64)

define void @copy(ptr %target, ptr %source, i64 %bytes, i64 %repeats) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %ignored = call ptr @memcpy(ptr %target, ptr %source, i64 %bytes)
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %repeats
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


READ_VECTORS, READ_STREAMS = 8, 4
"""So many vectors are on their way at once, and from so many places: one core alone has no more
than two thirds of the bandwidth of the memory if it reads on from one place."""


def read_text(lanes: int) -> str:
    """`read(result, source, count, repeats)` in LLVM IR adds up `count` i32 of `source`, a multiple
    of `READ_VECTORS * lanes`, and does so `repeats` times."""
    vector = f"<{lanes} x i32>"
    chains, together = range(READ_VECTORS), READ_VECTORS // READ_STREAMS
    starts = "\n".join(
        f"  %v{i} = phi {vector} [ %t{i}, %again ], [ %w{i}, %loop ]" for i in chains
    )
    totals = "\n".join(
        f"  %t{i} = phi {vector} [ zeroinitializer, %entry ], [ %w{i}, %next ]" for i in chains
    )
    steps = "\n".join(
        f"  %k{i} = mul i64 %part, {i // together}\n"
        f"  %l{i} = add i64 %k{i}, %at\n"
        f"  %j{i} = add i64 %l{i}, {i % together * lanes}\n"
        f"  %p{i} = getelementptr i32, ptr %source, i64 %j{i}\n"
        f"  %x{i} = load {vector}, ptr %p{i}, align 4\n"
        f"  %w{i} = add {vector} %v{i}, %x{i}"
        for i in chains
    )
    sums = "\n".join(
        f"  %s{i} = add {vector} {'zeroinitializer' if i == 0 else f'%s{i - 1}'}, %w{i}"
        for i in chains
    )
    return f"""
declare i32 @llvm.vector.reduce.add.v{lanes}i32({vector})

define void @read(ptr %result, ptr %source, i64 %count, i64 %repeats) {{
entry:
  %part = udiv i64 %count, {READ_STREAMS}
  br label %again
again:
  %i = phi i64 [ 0, %entry ], [ %following, %next ]
{totals}
  br label %loop
loop:
  %at = phi i64 [ 0, %again ], [ %step, %loop ]
{starts}
{steps}
  %step = add i64 %at, {together * lanes}
  %more = icmp slt i64 %step, %part
  br i1 %more, label %loop, label %next
next:
  call void asm sideeffect "", "~{{memory}}"()
  %following = add i64 %i, 1
  %others = icmp slt i64 %following, %repeats
  br i1 %others, label %again, label %done
done:
{sums}
  %sum = call i32 @llvm.vector.reduce.add.v{lanes}i32({vector} %s{READ_VECTORS - 1})
  store i32 %sum, ptr %result, align 4
  ret void
}}
"""


def arithmetic_text(lanes: int, chains: int, bits: int = 32) -> str:
    """`arithmetic(result, repeats)` in LLVM IR: each of `chains` vectors becomes `v * a + b` again
    and again, which needs nothing of the others. `a` and `b` are read, so that they are unknown."""
    vector = f"<{lanes} x {'float' if bits == 32 else 'double'}>"
    function = f"@llvm.fmuladd.v{lanes}f{bits}"
    starts = "\n".join(
        f"  %v{i} = phi {vector} [ %b, %entry ], [ %w{i}, %loop ]" for i in range(chains)
    )
    steps = "\n".join(
        f"  %w{i} = call {vector} {function}({vector} %v{i}, {vector} %a, {vector} %b)"
        for i in range(chains)
    )
    sums = "\n".join(
        f"  %s{i} = fadd {vector} %{'b' if i == 0 else f's{i - 1}'}, %w{i}" for i in range(chains)
    )
    return f"""
declare {vector} {function}({vector}, {vector}, {vector})

define void @arithmetic(ptr %result, i64 %repeats) {{
entry:
  %a = load {vector}, ptr %result, align 4
  %b = fadd {vector} %a, %a
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{starts}
{steps}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %repeats
  br i1 %more, label %loop, label %done
done:
{sums}
  store {vector} %s{chains - 1}, ptr %result, align 4
  ret void
}}
"""
