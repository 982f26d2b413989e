"""The command line: run entries, write a line of JSON for each, and say what failed."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from fxlower.tools.opinfo.pool import Task, run_tasks
from fxlower.tools.opinfo.samples import CHECKS
from fxlower.tools.opinfo.summary import describe, failures, summarise
from fxlower.tools.opinfo.trial import entries

DTYPES = ("float32", "bfloat16", "int64", "bool")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="opinfo", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="OP", help="entries or operators; default: all")
    parser.add_argument("--dtypes", default=",".join(DTYPES))
    parser.add_argument("--checks", default=",".join(CHECKS))
    parser.add_argument("--samples", type=int, default=3, help="of OpInfo's own, for each check")
    parser.add_argument("--all-samples", action="store_true")
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="every N-th entry from I on")
    parser.add_argument("--backend", default="fxlower")
    parser.add_argument("--timed", action="store_true", help="run aot_eager on every sample too")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="what one sample may take")
    parser.add_argument(
        "--to", type=Path, help="a file of JSON lines; what it has is not run again"
    )
    parser.add_argument("--errors", type=Path, help="where what workers print goes")
    parser.add_argument("--again", action="store_true", help="run what failed in --to again")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    names = [n for n, op in entries().items() if not given.names or {n, op.name} & set(given.names)]
    if missing := set(given.names) - set(names) - {entries()[n].name for n in names}:
        sys.exit(f"opinfo: no entry {', '.join(sorted(missing))}")
    first, step = map(int, given.shard.split("/"))
    names = names[first % step :: step]
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    if given.to is not None and given.to.exists():
        for line in map(json.loads, given.to.read_text().splitlines()):
            lines[line["name"], line["dtype"]] = line
    if given.again:
        lines = {key: line for key, line in lines.items() if not failures(line)}
    tasks = [
        Task(n, dtype)
        for dtype in given.dtypes.split(",")
        for n in names
        if (n, dtype) not in lines
    ]
    out = given.to.open("w") if given.to is not None else None
    if out is not None:
        out.writelines(json.dumps(line) + "\n" for line in lines.values())
        out.flush()

    def on_done(task: Task) -> None:
        line = {"name": task.name, "dtype": task.dtype, "records": task.records}
        lines[task.name, task.dtype] = line
        if out is not None:
            out.write(json.dumps(line) + "\n")
            out.flush()
        for record in failures(line):
            print(describe(line, record), flush=True)

    settings = {
        "checks": given.checks.split(","),
        "count": None if given.all_samples else given.samples,
        "backend": given.backend,
        "timed": given.timed,
    }
    start = perf_counter()
    errors = given.errors.open("ab") if given.errors is not None else subprocess.DEVNULL
    run_tasks(tasks, settings, on_done, jobs=given.jobs, seconds=given.seconds, errors=errors)
    print(summarise(list(lines.values())))
    print(f"{len(tasks)} entries in {perf_counter() - start:.0f} s")
    return 1 if any(failures(line) for line in lines.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
