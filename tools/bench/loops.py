"""Code that is not a matrix product: fxlower beside others and beside what the machine can do.

Every alternative is called as its users call it: fxlower and Inductor through `torch.compile`,
whose part is some 20 us a call, the runtimes on inputs and results that are bound once. What of
fxlower's time is machine code stands beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from rich.console import Console

from fxlower.tools.bench import loop_cases, peers, size_cases, summary, timing
from fxlower.tools.bench.case import WRONG, Case, in_float64, largest_error, selected, traffic
from fxlower.tools.bench.peers import Fxlower, Peer, fresh, outcome
from fxlower.tools.bench.summary import Measured
from fxlower.tuning import roofline
from fxlower.tuning.roofline import Roofline

Statistic = Callable[[Sequence[float]], float]
"""What is taken of the samples: the median, or the least where others use the machine."""


def cases(names: Sequence[str] = ()) -> list[Case]:
    """Those whose name contains one of `names`; all of them for none."""
    return selected([*loop_cases.cases(), *size_cases.cases()], names)


def run(
    names: Sequence[str],
    *,
    with_peers: Sequence[str],
    seconds: float,
    statistic: Statistic = median,
    json: Path | None = None,
    verbose: bool = False,
) -> list[Measured]:
    """Print a table of the cases and what it amounts to; what was measured is returned."""
    console = Console(width=max(150, Console().width))
    limits = roofline.measure(min(seconds, 0.5))
    alternatives = [peers.make(name) for name in with_peers]
    found = measure_all(cases(names), alternatives, limits, seconds, statistic)
    console.print(summary.table(found, with_peers, limits))
    console.print(summary.conclusions(found, with_peers, limits, verbose), highlight=False)
    if json is not None:
        json.write_text(summary.as_json(found, with_peers, limits))
    return found


def measure_all(
    chosen: Sequence[Case],
    alternatives: Sequence[Peer],
    limits: Roofline,
    seconds: float,
    statistic: Statistic,
) -> list[Measured]:
    """`measure` for one case after another, with a line for each on stderr."""
    found: list[Measured] = []
    for number, case in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}] {case.name}", file=sys.stderr)
        found.append(measure(case, alternatives, limits, seconds, statistic))
    return found


def measure(
    case: Case,
    alternatives: Sequence[Peer],
    limits: Roofline | None,
    seconds: float,
    statistic: Statistic,
    own: Fxlower | None = None,
) -> Measured:
    """Run a case on fxlower, `own`, and the others. What fails is noted, and the others go on."""
    torch._dynamo.reset()
    own, case = own or Fxlower(), case.bound()
    with torch.set_grad_enabled(case.trains):
        inputs = case.inputs()
        state = fresh(case, inputs)
        expected = outcome(case, case.function(*state), state)
        moved = traffic(case, inputs, expected)
        dtype = str(expected[0].dtype).removeprefix("torch.")
        operations = case.all_operations(inputs)
        level = "" if limits is None else limits.level(moved)
        measured = Measured(case.name, level, moved, operations, dtype)
        runs: dict[str, Callable[[], Any]] = {}
        for peer in (own, *alternatives):
            state = fresh(case, inputs)
            try:
                start = perf_counter()
                call = peer.prepare(case, state, expected)
                result = call()
                measured.first[peer.name] = perf_counter() - start
                measured.errors[peer.name] = error_of(case, outcome(case, result, state), expected)
                runs[peer.name] = call
            except Exception as error:  # the others' compilers raise whatever they like
                measured.reasons[peer.name] = reason(error)
        rest = max((p.rest for p in alternatives if p.name in runs), default=0.0)
        times = timing.samples(runs, seconds=seconds, rest=rest)
        measured.seconds |= {name: statistic(values) for name, values in times.items()}
        if own.name in runs:
            measured.native = statistic(own.native_samples(runs[own.name], seconds / len(runs)))
    return measured


def error_of(case: Case, found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> float:
    """Against what eager mode gives; where that differs much, eager mode in float64 is asked too,
    because in short types it adds up thousands of numbers with large errors of its own."""
    error = largest_error(found, expected)
    if error <= WRONG:
        return error
    precise = [
        t.detach().double().requires_grad_(t.requires_grad) if t.is_floating_point() else t
        for t in fresh(case, case.inputs())
    ]
    judge = outcome(case, in_float64(case.function)(*precise), precise)
    return min(error, largest_error(found, judge))


def reason(error: Exception) -> str:
    """The first line that says something, of the error that was first."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines()]
    text = next((line for line in lines if line), "")[:160]
    return text if isinstance(error, peers.Unsupported) else f"{type(error).__name__}: {text}"
