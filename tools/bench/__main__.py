"""`python -m fxlower.tools.bench models [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import sys


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fxlower.tools.bench", description=__doc__)
    parser.add_argument("suite", choices=["models"])
    parser.add_argument("names", nargs="*", help="cases whose name contains one of these")
    parser.add_argument("--inductor", action="store_true", help="compare with Inductor (needs g++)")
    parser.add_argument("--seconds", type=float, default=5.0, help="time for each case")
    args = parser.parse_args()
    if "GOMP_SPINCOUNT" not in os.environ:  # must be set before libgomp is loaded
        os.environ["GOMP_SPINCOUNT"] = "1000"
        os.execv(sys.executable, [sys.executable, "-m", "fxlower.tools.bench", *sys.argv[1:]])
    from fxlower.tools.bench import models

    models.run(args.names, inductor=args.inductor, seconds=args.seconds)


if __name__ == "__main__":
    main()
