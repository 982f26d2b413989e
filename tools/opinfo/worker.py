"""The process that runs entries: tasks come in by standard input, a JSON object a line, and what
becomes of them goes out by standard output."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from typing import Any

import torch

from fxlower.tools.opinfo.trial import as_json, trials, warm_up


def main() -> None:
    faulthandler.enable()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what operators print
    torch.set_num_threads(1)

    def say(**message: Any) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    warm_up()
    say(event="ready")
    for line in sys.stdin:
        task = json.loads(line)
        done = {tuple(pair) for pair in task["done"]}

        def begin(check: str, sample: str, done: set[Any] = done) -> bool:
            if (check, sample) in done:
                return False
            say(event="begin", check=check, sample=sample)
            return True

        for record in trials(
            task["name"],
            getattr(torch, task["dtype"]),
            task["checks"],
            task["count"],
            backend=task["backend"],
            timed=task["timed"],
            begin=begin,
        ):
            say(event="record", record=as_json(record))
        say(event="done")


if __name__ == "__main__":
    main()
