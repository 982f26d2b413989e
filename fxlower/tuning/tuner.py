"""Measuring schedules of contraction kernels, and keeping the best of each.

    tuned = tuned_schedules(options.cache_dir, target, threads)
    tune_kernels(kernels, tuned, target, build)     # measures those without an entry

Every candidate (`fxlower/analysis/contraction_candidates.py`) is compiled, called on memory of the
kernel's sizes, and timed in turn with the others, so that a machine's drift hits all alike. The
least time counts; the model's choice stays unless another one is clearly faster.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from xdsl.dialects.builtin import DictionaryAttr
from xdsl.dialects.func import FuncOp

from fxlower.analysis.contraction import read_contraction
from fxlower.analysis.contraction_candidates import Schedule, candidates
from fxlower.analysis.library_products import library_call
from fxlower.dialects.build import int_attr, string_attr
from fxlower.targets.spec import TargetSpec
from fxlower.tuning.buffers import arguments_of
from fxlower.tuning.cache import Entry, TunedSchedules

Build = Callable[[FuncOp], tuple[int, object]]
"""Compiles a kernel at stage `linalg`, by its `fxlower.schedule`: the address of its code, and what
keeps that in memory. It may take the function for itself."""

SECONDS = 0.5
"""Time for the samples of one kernel, at least `ROUNDS` of each candidate."""
ROUNDS = 5
SAMPLE_SECONDS = 2e-4
GAIN = 0.97
"""A candidate must take no more of the time of the model's choice to be preferred."""


def tune_kernels(
    kernels: Mapping[str, FuncOp],
    tuned: TunedSchedules,
    target: TargetSpec,
    build: Build,
    *,
    console: Console | None = None,
) -> list[str]:
    """Measure the contraction kernels without an entry, give them the schedules found, and save
    the entries. Returns the names of those that were measured."""
    missing = {
        name: kernel
        for name, kernel in kernels.items()
        if name not in tuned.entries
        and kernel.attributes.get("fxlower.kernel") == string_attr("contraction")
        and library_call(kernel, target.library) is None
    }
    if not missing:
        return []
    console = console or Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        for name, kernel in missing.items():
            choices = candidates(read_contraction(kernel), target)
            task = progress.add_task(f"tuning {name}", total=len(choices) + 1)
            seconds = measure(
                kernel, choices, build, advance=lambda task=task: progress.advance(task)
            )
            best = min(range(len(choices)), key=seconds.__getitem__)
            if seconds[best] > GAIN * seconds[0]:
                best = 0
            tuned.entries[name] = Entry(choices[best], seconds[best], seconds[0])
            kernel.attributes["fxlower.schedule"] = schedule_attribute(choices[best])
    tuned.save()
    return list(missing)


def schedule_attribute(schedule: Schedule) -> DictionaryAttr:
    return DictionaryAttr({key: int_attr(value) for key, value in schedule.items()})


def measure(
    kernel: FuncOp,
    choices: Sequence[Schedule],
    build: Build,
    *,
    seconds: float = SECONDS,
    advance: Callable[[], None] = lambda: None,
) -> list[float]:
    """The least seconds of a call with each of `choices`."""
    arguments = arguments_of(kernel, trap=read_contraction(kernel).may_trap)
    runs: list[Callable[[], None]] = []
    alive: list[object] = []
    for choice in choices:
        copy = kernel.clone()
        copy.attributes["fxlower.schedule"] = schedule_attribute(choice)
        address, code = build(copy)
        runs.append(arguments.call_of(address))
        alive.append(code)
        advance()
    found = least_seconds(runs, seconds)
    advance()
    return found


def least_seconds(runs: Sequence[Callable[[], None]], seconds: float) -> list[float]:
    """The least seconds of a call of each, from rounds in which each has a sample."""
    least = [_sample(run, 1) for run in runs]
    least = [min(known, _sample(run, 1)) for known, run in zip(least, runs, strict=True)]
    calls = [max(1, round(SAMPLE_SECONDS / max(known, 1e-9))) for known in least]
    order, shuffle = list(range(len(runs))), random.Random(0).shuffle
    rounds, start = 0, perf_counter()
    while rounds < ROUNDS or perf_counter() - start < seconds:
        shuffle(order)
        for i in order:
            least[i] = min(least[i], _sample(runs[i], calls[i]))
        rounds += 1
    return least


def _sample(run: Callable[[], None], calls: int) -> float:
    start = perf_counter()
    for _ in range(calls):
        run()
    return (perf_counter() - start) / calls
