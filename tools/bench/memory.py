"""The most memory that a model takes while it runs or trains, each alternative in its own process.

The figure is what Linux calls the peak of the resident set, from the third call to the fifth, less
what the process held when the model was made: activations, gradients, packed weights, memory that
an alternative keeps for the next call, and its own code. What compilation left behind is given back
to the system before (`malloc_trim`).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json as json_format
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from fxlower.tools.bench.case import selected

PEERS = ("eager", "inductor")


@dataclass(frozen=True)
class Case:
    """`make` gives a model and the keywords of a call, whose result is a loss if it `trains`."""

    name: str
    make: Callable[[], tuple[torch.nn.Module, dict[str, torch.Tensor]]]
    trains: bool = False


def bert() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    from transformers import BertConfig, BertForMaskedLM

    tokens = torch.randint(30000, (8, 128))
    return BertForMaskedLM(BertConfig()), {"input_ids": tokens, "labels": tokens}


def resnet18() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic", num_labels=1000
    )
    images, labels = torch.randn(8, 3, 224, 224), torch.randint(1000, (8,))
    return ResNetForImageClassification(config), {"pixel_values": images, "labels": labels}


CASES = (
    Case("bert-base 8x128", bert),
    Case("bert-base 8x128, training", bert, trains=True),
    Case("resnet-18 8x3x224x224, training", resnet18, trains=True),
)


def cases(names: Sequence[str] = ()) -> list[Case]:
    return selected(CASES, names)


def peak_bytes(case: Case, backend: str) -> int:
    """Of this process, which should do nothing else."""
    torch.manual_seed(0)
    model, keywords = case.make()
    model.train(case.trains)
    parameters = list(model.parameters())
    run: Callable[..., Any] = model
    if backend != "eager":
        run = torch.compile(model, backend=backend)
    before = give_back()

    def call() -> None:
        if not case.trains:
            with torch.no_grad():
                run(**keywords)
            return
        run(**keywords).loss.backward()
        for parameter in parameters:
            parameter.grad = None

    for _ in range(2):
        call()
    give_back()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is held now
    for _ in range(3):
        call()
    return status("VmHWM") - before


def give_back() -> int:
    """Bytes that the process holds when it has given back what it can."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return status("VmRSS")


def status(name: str) -> int:
    """A line of the process's status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise OSError(f"/proc/self/status has no {name}")


def run(
    names: Sequence[str], *, with_peers: Sequence[str], json: Path | None = None
) -> list[dict[str, Any]]:
    """Measure and print MiB, beside the `with_peers`."""
    alternatives = ("fxlower", *with_peers)
    table = Table(title="Peak memory, MiB")
    for column in ("case", *alternatives):
        table.add_column(column, justify="left" if column == "case" else "right")
    measured: list[dict[str, Any]] = []
    for case in cases(names):
        found = {name: in_process(case, name) / 2**20 for name in alternatives}
        measured.append({"case": case.name, **found})
        table.add_row(case.name, *(f"{found[name]:.0f}" for name in alternatives))
    Console(width=100).print(table)
    if json is not None:
        json.write_text(json_format.dumps(measured, indent=1))
    return measured


def in_process(case: Case, backend: str) -> int:
    command = [sys.executable, "-m", "fxlower.tools.bench.memory", case.name, backend]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=[case.name for case in CASES])
    parser.add_argument("backend")
    args = parser.parse_args()
    (case,) = (case for case in CASES if case.name == args.case)
    print(peak_bytes(case, args.backend))


if __name__ == "__main__":
    main()
