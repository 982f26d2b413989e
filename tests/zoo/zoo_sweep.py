"""Every model of the zoo, each in a process of its own.

python tests/zoo/zoo_sweep.py [--models bert gpt2] [--groups vision] [--checks training]
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import os
import resource
import signal
import sys
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import torch
import zoo_plain_images  # noqa: F401  (registers its models)
from rich.console import Console
from rich.table import Table
from zoo_architectures import ARCHITECTURES
from zoo_checks import CHECKS, check
from zoo_model import ZooModel
from zoo_plain import PLAIN

MODELS = {m.name: m for m in [*ARCHITECTURES, *PLAIN]}

Record = dict[str, Any]


def work(model: ZooModel, checks: list[str], out: int) -> None:
    """In the child: a line for each check, at once, so that a crash loses no more than one."""
    for name in checks:
        record = check(model, name).as_dict()
        os.write(out, (json.dumps(record) + "\n").encode())


def run(model: ZooModel, checks: list[str], timeout: int) -> list[Record]:
    """The records of a model's checks; a crash or a hang is a failure of the check it was in.
    `timeout` is in seconds of CPU; eight times as long is waited for a process that waits."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        signal.alarm(8 * timeout)  # nobody handles these signals: the process ends
        resource.setrlimit(resource.RLIMIT_CPU, (timeout, timeout + 1))
        faulthandler.disable()  # a crash is one line of the record
        try:
            work(model, checks, write)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as lines:
        records = [json.loads(line) for line in lines]
    _, status = os.waitpid(child, 0)
    if len(records) < len(checks):
        number = os.waitstatus_to_exitcode(status)
        late = number in (-signal.SIGALRM, -signal.SIGXCPU)
        problem = f"timeout after {timeout} s" if late else f"exit {number}"
        lost = {"model": model.name, "group": model.group, "check": checks[len(records)]}
        records.append({**lost, "ok": False, "problem": problem, "peer": "", "seconds": timeout,
                        "graphs": 0, "breaks": 0, "operators": 0, "fallbacks": {}})  # fmt: skip
    return records


def checks_of(model: ZooModel, wanted: list[str]) -> list[str]:
    return [c for c in wanted if c != "generation" or model.generates]


def is_fair(record: Record) -> bool:
    """Whether this could be better: what fails under aot_eager too is not counted."""
    return record["ok"] or record["peer"] in ("", "passes")


def share_in_kernels(records: list[Record]) -> float:
    """Share of all operator calls that fxlower compiled."""
    operators = sum(r["operators"] for r in records)
    calls = sum(sum(r["fallbacks"].values()) for r in records)
    return 1 - calls / operators if operators else 1.0


def summary(records: list[Record]) -> Table:
    """By group: checks that pass, operators in kernels, calls in eager mode."""
    table = Table(title="The zoo")
    for column in ("group", "models", *CHECKS, "operators", "fall back", "in kernels"):
        table.add_column(column, justify="left" if column == "group" else "right")
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record["group"]].append(record)
    for group, found in [*groups.items(), ("all", records)]:
        row = [group, str(len({r["model"] for r in found}))]
        for name in CHECKS:
            outcomes = [r["ok"] for r in found if r["check"] == name and is_fair(r)]
            row.append(f"{sum(outcomes)}/{len(outcomes)}" if outcomes else "")
        counted = [r for r in found if r["check"] in ("inference", "training")]
        operators = sum(r["operators"] for r in counted)
        fallbacks = sum(sum(r["fallbacks"].values()) for r in counted)
        share = f"{share_in_kernels(counted):.2%}" if operators else ""
        table.add_row(*row, str(operators), str(fallbacks), share)
    return table


def worst_operators(records: list[Record]) -> Table:
    """What falls back most, over inference and training."""
    calls: Counter[str] = Counter()
    models: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record["check"] in ("inference", "training"):
            for name, count in record["fallbacks"].items():
                calls[name] += count
                models[name].add(record["model"])
    table = Table(title="Calls in eager mode")
    for column in ("calls", "models", "operator: reason", "for example"):
        table.add_column(column)
    for name, count in calls.most_common(60):
        some = ", ".join(sorted(models[name])[:4])
        table.add_row(str(count), str(len(models[name])), name, some)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*")
    parser.add_argument("--groups", nargs="*")
    parser.add_argument("--checks", nargs="*", default=list(CHECKS), choices=list(CHECKS))
    parser.add_argument("--out", type=Path, default=Path("zoo.jsonl"))
    parser.add_argument("--timeout", type=int, default=300, help="seconds of CPU for a model")
    options = parser.parse_args()
    console = Console(width=150)
    quiet()
    records: list[Record] = []
    with options.out.open("a") as out:
        for model in map(MODELS.__getitem__, options.models or MODELS):
            if options.groups is not None and model.group not in options.groups:
                continue
            begin = time.time()
            found = run(model, checks_of(model, options.checks), options.timeout)
            records += found
            for record in found:
                out.write(json.dumps(record) + "\n")
            out.flush()
            states = " ".join(f"{r['check']} {'ok' if r['ok'] else 'FAILS'}" for r in found)
            console.print(
                f"{model.name:32} {time.time() - begin:6.1f} s  {states}", highlight=False
            )
            for record in found:
                if not record["ok"]:
                    console.print(
                        f"    {record['check']}: {record['problem']}"[:2000], markup=False
                    )
                    if record["peer"]:
                        console.print(f"    aot_eager: {record['peer']}"[:500], markup=False)
    console.print(summary(records), worst_operators(records))
    return 0 if all(r["ok"] for r in records if is_fair(r)) else 1


def quiet() -> None:
    """Models of transformers warn of much that does not matter here."""
    import transformers

    transformers.logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch._dynamo.config.allow_rnn = True


if __name__ == "__main__":
    sys.exit(main())
