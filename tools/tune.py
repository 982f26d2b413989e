"""Measure schedules of matrix products ahead of use.

    python -m fxlower.tools.tune "linear 128x768x768"    # cases of the benchmark `gemm`
    python -m fxlower.tools.tune my_model:example        # a function: (callable, inputs)
    python -m fxlower.tools.tune --list | --clear

What is found is kept in the folder of the option `cache_dir`, and used by
`torch.compile(options={"autotune": True})`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from fxlower.explanation import explain
from fxlower.options import Options
from fxlower.runtime.jit import thread_count
from fxlower.targets.machines import machine
from fxlower.tools.bench import gemm
from fxlower.tuning import cache

Program = tuple[str, Callable[..., Any], Sequence[Any]]


def main(arguments: Sequence[str] | None = None) -> None:
    made = parser()
    args = made.parse_args(arguments)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    given = {} if args.cache_dir is None else {"cache_dir": args.cache_dir}
    options = Options.read({"autotune": True, **given})
    console = Console(width=max(150, Console().width))
    if args.clear:
        for file in cache.clear(options.cache_dir):
            console.print(f"removed {file}", soft_wrap=True)
    elif args.list:
        for file in cache.files_in(options.cache_dir):
            console.print(table(str(file), cache.read(file)))
    else:
        if not args.names:
            made.error("say what to tune: NAME or MODULE:FUNCTION, or --list or --clear")
        if not (programs := list(programs_of(args.names))):
            made.error(f"no case of bench gemm has a name with {' or '.join(args.names)} in it")
        console.print(table("tuned", tune(programs, options)))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m fxlower.tools.tune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "names",
        nargs="*",
        help="MODULE:FUNCTION, of no arguments, that returns a callable and the tuple of its "
        "inputs; or a part of the names of bench gemm's cases",
    )
    made.add_argument("--list", action="store_true", help="show what is known, for all machines")
    made.add_argument("--clear", action="store_true", help="forget it")
    made.add_argument("--cache-dir", type=Path, help="another folder than the option's")
    made.add_argument("--threads", type=int, help="tune for so many threads")
    return made


def programs_of(names: Sequence[str]) -> Iterator[Program]:
    """What is named: functions, or cases of the benchmark of products."""
    for name in names:
        module, colon, function = name.partition(":")
        if colon:
            program, inputs = getattr(import_module(module), function)()
            yield name, program, inputs
            continue
        for case in gemm.cases([name]):
            yield case.name, case.bound().function, case.inputs()


def tune(programs: Sequence[Program], options: Options) -> dict[str, cache.Entry]:
    """Compile programs for inference, each with what is measured on the way; all that the cache
    knows of their kernels."""
    names: list[str] = []
    settings = {"autotune": True, "cache_dir": options.cache_dir, "machine": options.machine}
    for _, program, inputs in programs:
        torch._dynamo.reset()
        with torch.no_grad():
            explanation = explain(program, *inputs, options=settings)
        names += [k.name for g in explanation.graphs for k in g.kernels]
    known = cache.tuned_schedules(options.cache_dir, machine(options.machine), thread_count())
    return {n: known.entries[n] for n in dict.fromkeys(names) if n in known.entries}


def table(title: str, entries: dict[str, cache.Entry]) -> Table:
    made = Table(title=title)
    for heading in ("kernel", "us", "model's", "ratio", "schedule"):
        made.add_column(heading, justify="left" if heading in ("kernel", "schedule") else "right")
    for name, entry in entries.items():
        made.add_row(
            name,
            f"{entry.seconds * 1e6:.1f}",
            f"{entry.model_seconds * 1e6:.1f}",
            f"{entry.seconds / entry.model_seconds:.2f}x",
            ", ".join(f"{k} {v}" for k, v in entry.schedule.items()),
        )
    return made


if __name__ == "__main__":
    main()
