"""`python -m fxlower.tools.bench models|loops [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import sys


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fxlower.tools.bench", description=__doc__)
    parser.add_argument("suite", choices=["models", "loops"])
    parser.add_argument("names", nargs="*", help="cases whose name contains one of these")
    parser.add_argument("--inductor", action="store_true", help="compare with Inductor (needs g++)")
    parser.add_argument("--seconds", type=float, help="time for each case")
    parser.add_argument("--threads", type=int, help="threads, where a machine is busy: 1")
    args = parser.parse_args()
    if "GOMP_SPINCOUNT" not in os.environ:  # must be set before libgomp is loaded
        os.environ["GOMP_SPINCOUNT"] = "1000"
        os.execv(sys.executable, [sys.executable, "-m", "fxlower.tools.bench", *sys.argv[1:]])
    import torch

    from fxlower.tools.bench import loops, models

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    suite, seconds = {"models": (models, 5.0), "loops": (loops, 0.5)}[args.suite]
    suite.run(args.names, inductor=args.inductor, seconds=args.seconds or seconds)


if __name__ == "__main__":
    main()
