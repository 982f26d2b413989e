"""Timing of alternatives in turn, so that a machine's drift hits all of them alike.

In each round every alternative gives one sample, in an order drawn anew. A sample of a short run
is several calls after one that is not timed: caches are then as the alternative itself left them,
and threads that slept are awake.

Alternatives with a pool of threads of their own disturb each other: workers that wait for work spin
on the cores that the next alternative wants. What was chosen so that nobody profits:

- libgomp (eager, Inductor, fxlower): `GOMP_SPINCOUNT=1000`, microseconds.
- ONNX Runtime: workers spin within a run, as is its default, and stop at the end of it
  (`session.force_spinning_stop`; else it is 20 ms or more of processor time).
- OpenVINO: TBB's workers spin for about a millisecond, and nothing can be set; so there is a `rest`
  before each sample where it takes part.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from math import ceil
from statistics import median
from time import perf_counter, sleep, thread_time

import torch

Run = Callable[[], object]

SAMPLE_SECONDS = 1e-3
"""A sample has so many calls as to last this long."""

SHORT_SECONDS = 1e-2
"""What runs longer needs no call to warm up."""


def clock() -> Callable[[], float]:
    """Time on the processor for one thread, so that others that use the machine matter less, else
    time on the wall."""
    return thread_time if torch.get_num_threads() == 1 else perf_counter


def medians(
    runs: Mapping[str, Run], *, seconds: float = 2.0, least: int = 5, rest: float = 0.0
) -> dict[str, float]:
    """Median seconds of a call of each run; see `samples`."""
    found = samples(runs, seconds=seconds, least=least, rest=rest)
    return {name: median(times) for name, times in found.items()}


def samples(
    runs: Mapping[str, Run], *, seconds: float = 2.0, least: int = 5, rest: float = 0.0
) -> dict[str, list[float]]:
    """Seconds of a call of each run, from rounds for about `seconds` in total, at least `least`
    of them. Each sample begins with `rest` seconds of sleep."""
    now = clock()
    typical: dict[str, float] = {}
    for name, run in runs.items():
        run()
        before = now()
        run()
        typical[name] = max(now() - before, 1e-7)
    found: dict[str, list[float]] = {name: [] for name in runs}
    order = list(runs)
    shuffle = random.Random(0).shuffle
    rounds, start = 0, perf_counter()
    while rounds < least or perf_counter() - start < seconds:
        shuffle(order)
        for name in order:
            if rest:
                sleep(rest)
            run, calls = runs[name], ceil(SAMPLE_SECONDS / typical[name])
            if typical[name] < SHORT_SECONDS:
                run()
            before = now()
            for _ in range(calls):
                run()
            found[name].append((now() - before) / calls)
        rounds += 1
    return found
