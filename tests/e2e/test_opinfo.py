"""A part of PyTorch's operator database, in workers that may crash. `make opinfo` runs it whole."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from fxlower.tools.opinfo import pool
from fxlower.tools.opinfo.outcome import Comparison, run, widened
from fxlower.tools.opinfo.pool import Task
from fxlower.tools.opinfo.samples import CHECKS, Sample
from fxlower.tools.opinfo.summary import describe, failures
from fxlower.tools.opinfo.trial import entries

DTYPES = ("float32", "bfloat16", "int64", "bool")

SHARDS = 4
STRIDE = 11
"""Every so many entries one is run, for one dtype."""

ONCE_WRONG = (
    ("nn.functional.max_unpool2d", "float32"),
    ("nn.functional.softplus", "float32"),
    ("bool", "bfloat16"),
    ("_batch_norm_with_update", "bfloat16"),
    ("tensor_split", "float32"),
)
"""Entries that found bugs; they run each time."""


def problems_of(tasks: list[Task]) -> list[str]:
    """What fails."""
    problems: list[str] = []

    def on_done(task: Task) -> None:
        line = {"name": task.name, "dtype": task.dtype, "records": task.records}
        problems.extend(describe(line, record) for record in failures(line))

    settings = {"checks": CHECKS, "count": 1, "backend": "fxlower", "timed": False}
    pool.run_tasks(tasks, settings, on_done, jobs=1, seconds=120)
    return problems


def tasks_of(shard: int) -> list[Task]:
    names = list(entries())
    tasks = []
    for number, i in enumerate(range(shard, len(names), STRIDE * SHARDS)):
        tasks.append(Task(names[i], DTYPES[number % len(DTYPES)]))
    tasks += [Task(name, dtype) for name, dtype in ONCE_WRONG[shard::SHARDS]]
    return tasks


@pytest.mark.parametrize("shard", range(SHARDS))
def test_entries_do_as_in_eager_mode(shard: int) -> None:
    tasks = tasks_of(shard)
    assert not problems_of(tasks)
    assert sum(len(task.records) for task in tasks) >= len(tasks)


ODD_WORKER = """
import json, os, sys, time

def say(**message):
    print(json.dumps(message), flush=True)

say(event="ready")
for line in sys.stdin:
    task = json.loads(line)
    for sample in "012":
        if ["forward", sample] not in task["done"]:
            say(event="begin", check="forward", sample=sample)
            if sample == "1" and task["name"] == "crashes":
                os.abort()
            if sample == "1" and task["name"] == "hangs":
                time.sleep(60)
            record = {"check": "forward", "sample": sample, "status": "pass", "message": ""}
            say(event="record", record=record)
    say(event="done")
"""


def test_a_crash_and_a_hang_do_not_end_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "WORKER", (sys.executable, "-c", ODD_WORKER))
    tasks = [Task(name, "float32") for name in ("crashes", "hangs", "works")]
    pool.run_tasks(tasks, {}, lambda task: None, jobs=1, seconds=2)
    found = {task.name: [r["status"] for r in task.records] for task in tasks}
    assert found == {
        "crashes": ["pass", "crash", "pass"],
        "hangs": ["pass", "hang", "pass"],
        "works": ["pass", "pass", "pass"],
    }


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (lambda x: x + 1e-3, "differ"),
        (lambda x: x.double(), "float64"),
        (lambda x: x.t().contiguous().t(), "strides"),
        (lambda x: x[:1], "eager has"),
        (lambda x: x.where(x > 0, torch.nan), "nan"),
        (lambda x: (x,), "structure"),
    ],
)
def test_differences_are_found(found: Any, problem: str) -> None:
    sample = Sample("", (torch.randn(5, 7),), {})

    def function(x: torch.Tensor) -> torch.Tensor:
        return x * 1

    eager = run(function, sample)
    comparison = Comparison(eager, lambda: run(function, sample, widened), {})
    assert not comparison.difference(run(function, sample))
    assert problem in comparison.difference(run(lambda x: found(function(x)), sample))


def test_gradients_arguments_and_aliases_are_compared() -> None:
    x = torch.randn(5, 7, requires_grad=True)
    sample = Sample("", (x,), {})
    comparison = Comparison(run(torch.exp, sample), lambda: run(torch.exp, sample), {})
    other = run(lambda x: x.exp() + 0 * x + (x - x.detach()), sample)
    assert "gradient 0" in comparison.difference(other)

    sample = Sample("", (torch.randn(5, 7),), {})
    comparison = Comparison(run(torch.exp, sample), lambda: run(torch.exp, sample), {})
    assert "argument 0" in comparison.difference(
        run(lambda x: x.clone().exp() + 0 * x.zero_(), sample)
    )
    comparison = Comparison(run(torch.t, sample), lambda: run(torch.t, sample), {})
    assert "aliases" in comparison.difference(run(lambda x: x.clone().t(), sample))
    comparison = Comparison(run(torch.rand_like, sample), lambda: run(torch.rand_like, sample), {})
    assert comparison.difference(run(lambda x: (torch.rand(3), torch.rand_like(x))[1], sample))
