"""`python -m fxlower.tools.soak`: many calls from many threads, and many compilations.

Every result is compared with eager mode's, bit for bit where nothing is rounded and else closely,
and the memory of the process is looked at before and after. Ends with status 1 if a result was
wrong, or memory grew by more than `--growth` MiB.
"""

from __future__ import annotations

import argparse
import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import fxlower
from fxlower.tools.bench.memory import give_back


@dataclass(frozen=True)
class Program:
    """A function, with what it is called with at size n."""

    function: Callable[..., Any]
    inputs: Callable[[int], tuple[torch.Tensor, ...]]


def attention(x: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    q = x @ w
    return (q @ x.T).softmax(-1) @ x, q.relu()


def gather(x: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    return x[i] * 2 + x.sum(0)


def with_operator(x: torch.Tensor) -> torch.Tensor:
    return torch.linalg.matrix_exp(x + 1).tril() * x


PROGRAMS = (
    Program(attention, lambda n: (torch.randn(n, 24), torch.randn(24, 24))),
    Program(gather, lambda n: (torch.randn(n, 40), torch.randint(n, (3 * n,)))),
    Program(with_operator, lambda n: (torch.randn(n % 7 + 2, n % 7 + 2),)),
)
SIZES = (5, 16, 33, 80)


def call_often(calls: int, threads: int) -> int:
    """Call each program from all threads, `calls` times in total; returns how many were wrong."""
    torch.manual_seed(0)
    work = []
    for program in PROGRAMS:
        compiled = torch.compile(program.function, backend="fxlower", dynamic=True)
        for size in SIZES:
            inputs = program.inputs(size)
            with torch.no_grad():
                compiled(*inputs)
                work.append((compiled, inputs, program.function(*inputs)))
    wrong: list[str] = []

    def run(seed: int) -> None:
        for i in range(calls // threads):
            compiled, inputs, expected = work[(seed + i) % len(work)]
            try:
                with torch.no_grad():
                    torch.testing.assert_close(compiled(*inputs), expected)
            except Exception as error:
                wrong.append(str(error))

    workers = [threading.Thread(target=run, args=(5 * n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for message in wrong[:5]:
        print(message, file=sys.stderr)
    return len(wrong)


def compile_often(count: int) -> None:
    """Compile functions that are all different, call them, and forget them."""
    x = torch.randn(8, 16)
    for number in range(count):

        def function(x: torch.Tensor, number: int = number) -> torch.Tensor:
            return (x @ x.T).softmax(-1) + number % 13

        torch.testing.assert_close(fxlower.compile(function, [x])(x), function(x))


def grown(work: Callable[[], object], warm_up: Callable[[], object]) -> float:
    """MiB that the process has more after `work`."""
    warm_up()
    torch._dynamo.reset()
    gc.collect()
    before = give_back()
    work()
    torch._dynamo.reset()
    gc.collect()
    return (give_back() - before) / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--compiles", type=int, default=1000)
    parser.add_argument("--growth", type=float, default=40.0, help="MiB that are no leak")
    args = parser.parse_args()
    wrong = 0

    def calls() -> None:
        nonlocal wrong
        wrong += call_often(args.calls, args.threads)

    by_calls = grown(calls, lambda: call_often(1000, args.threads))
    print(f"{args.calls} calls from {args.threads} threads: {wrong} wrong, {by_calls:+.1f} MiB")
    by_compiles = grown(lambda: compile_often(args.compiles), lambda: compile_often(50))
    print(f"{args.compiles} compilations: {by_compiles:+.1f} MiB")
    return int(wrong > 0 or max(by_calls, by_compiles) > args.growth)


if __name__ == "__main__":
    sys.exit(main())
