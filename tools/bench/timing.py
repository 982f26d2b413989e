"""Timing of alternatives in turn, so that a machine's drift hits all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter, thread_time

import torch

Run = Callable[[], object]


def medians(runs: Mapping[str, Run], *, seconds: float = 2.0, least: int = 5) -> dict[str, float]:
    """Median seconds of each run: A B C A B C ..., for about `seconds` in total, at least `least`
    rounds after one warm-up. With one thread it is time on the processor, so that others that use
    the machine matter less."""
    clock = thread_time if torch.get_num_threads() == 1 else perf_counter
    for run in runs.values():
        run()
    samples: dict[str, list[float]] = {name: [] for name in runs}
    start = perf_counter()
    while len(next(iter(samples.values()))) < least or perf_counter() - start < seconds:
        for name, run in runs.items():
            before = clock()
            run()
            samples[name].append(clock() - before)
    return {name: median(times) for name, times in samples.items()}
