"""`python -m fxlower.tools.bench loops|gemm|models|compile|start|calls|memory [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from statistics import median

ENVIRONMENT = {"GOMP_SPINCOUNT": "1000", "FXLOWER_CACHE": "0"}
"""libgomp's threads wait without spinning for long; see `timing.py`. What is compiled is not taken
from disk."""

KEEP_MEMORY = (
    "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776:glibc.malloc.tcache_count=0"
)
"""For loops and products, glibc keeps memory that is freed. A large result else comes in fresh
pages, whose faults (0.25 us for 4 KiB) cost more than most kernels; and they would count against
those who return new tensors, not against the runtimes, whose results are allocated once. Without
the small caches of each thread, as what they keep lies between large pieces that could be
joined."""

KEPT = ("loops", "gemm")


def main() -> None:
    args = parser().parse_args()
    wanted = ENVIRONMENT | ({"GLIBC_TUNABLES": KEEP_MEMORY} if args.suite in KEPT else {})
    if not wanted.keys() <= os.environ.keys():  # libraries read it when they are loaded
        os.environ.update({**wanted, **os.environ})
        os.execv(sys.executable, [sys.executable, "-m", "fxlower.tools.bench", *sys.argv[1:]])
    import torch

    from fxlower.tools.bench import (
        calls,
        compile_time,
        gemm,
        loops,
        memory,
        models,
        peers,
        start,
    )

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if args.suite == "calls":
        calls.run(
            args.names,
            with_peers=calls.PEERS if args.peers is None else args.peers.split(","),
            seconds=args.seconds or 2.0,
            statistic=min if args.least else median,
            json=args.json,
        )
        return
    if args.suite == "memory":
        memory.run(
            args.names,
            with_peers=memory.PEERS if args.peers is None else args.peers.split(","),
            json=args.json,
        )
        return
    defaults = peers.default_peers(products=args.suite == "gemm")
    chosen = defaults if args.peers is None else args.peers.split(",")
    for name in chosen:
        if (lacking := peers.missing(name)) is not None:
            parser().error(f"peer {name}: {lacking}")
    suites = {
        "loops": [loops],
        "gemm": [gemm],
        "models": [models],
        "compile": [loops, models],
        "start": [models],
    }
    if not any(suite.cases(args.names) for suite in suites[args.suite]):
        parser().error(f"no case has a name with {' or '.join(args.names)} in it")
    if args.suite == "start":
        start.run(args.names)
        return
    if args.suite == "compile":
        compile_time.run(args.names)
        return
    suite, seconds = {"loops": (loops, 0.5), "gemm": (gemm, 0.5), "models": (models, 5.0)}[
        args.suite
    ]
    suite.run(
        args.names,
        with_peers=chosen,
        seconds=args.seconds or seconds,
        statistic=min if args.least else median,
        json=args.json,
        verbose=args.verbose,
    )


SUITES = ("loops", "gemm", "models", "compile", "start", "calls", "memory")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m fxlower.tools.bench", description=__doc__)
    made.add_argument("suite", choices=SUITES)
    made.add_argument("names", nargs="*", help="cases whose name contains one of these")
    made.add_argument(
        "--peers",
        help="what to compare with: eager,inductor,onednn,openvino,onnxruntime "
        "(default: eager, inductor if there is g++, and for gemm onednn)",
    )
    made.add_argument(
        "--inductor",
        action="store_const",
        const="eager,inductor",
        dest="peers",
        help="the same as --peers eager,inductor",
    )
    made.add_argument("--threads", type=int, help="threads of all; where a machine is busy: 1")
    made.add_argument("--seconds", type=float, help="time for each case")
    made.add_argument(
        "--least",
        action="store_true",
        help="compare the least times instead of the medians, where others use the machine",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    made.add_argument(
        "--verbose",
        action="store_true",
        help="why peers are missing, case by case; of models, the time of each step",
    )
    return made


if __name__ == "__main__":
    main()
