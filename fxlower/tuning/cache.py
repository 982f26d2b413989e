"""Tuned schedules on disk: one JSON file for each machine and version, read and written whole.

    {"machine": "host, znver4, 2 threads, ...", "kernels": {"matmul_1a2b3c4d": {
     "schedule": {"mr": 14, ...}, "seconds": 1.1e-4, "model_seconds": 1.2e-4}}}

A kernel's name holds a hash of what it computes, so that an entry is for these very sizes, strides
and epilogue. The file's name holds one of the target's facts and of the versions of fxlower and
llvmlite, and of the number of threads: entries of others are not seen.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import llvmlite
from xdsl.dialects.builtin import DictionaryAttr

import fxlower
from fxlower.dialects.build import int_attr
from fxlower.options import cache_folder
from fxlower.targets.spec import TargetSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """What was measured of a kernel: seconds of a call with `schedule`, and with the model's."""

    schedule: dict[str, int]
    seconds: float
    model_seconds: float


@dataclass
class TunedSchedules:
    """The entries of one machine."""

    file: Path
    machine: str
    entries: dict[str, Entry] = field(default_factory=dict)

    def attribute(self) -> DictionaryAttr:
        """The schedules by kernel, as the module's attribute `fxlower.tuned`."""
        return DictionaryAttr(
            {
                name: DictionaryAttr({k: int_attr(v) for k, v in entry.schedule.items()})
                for name, entry in sorted(self.entries.items())
            }
        )

    def save(self) -> None:
        """Write the entries, with those that others have written meanwhile. Readers see the file
        as it was or as it is then."""
        self.entries = read(self.file) | self.entries
        kernels = {name: asdict(entry) for name, entry in sorted(self.entries.items())}
        text = json.dumps({"machine": self.machine, "kernels": kernels}, indent=1) + "\n"
        write_whole(self.file, text)


def write_whole(file: Path, text: str) -> None:
    """Write a file that readers see as it was or as it is then; a warning where that fails."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=file.parent, prefix=file.name, suffix=".new", delete=False
        ) as written:
            written.write(text)
        os.replace(written.name, file)
    except OSError as error:
        log.warning("what was measured is not kept, %s cannot be written: %s", file, error)


def machine_file(kind: str, cache_dir: str | None, target: TargetSpec, threads: int) -> Path:
    """The file for what was measured, `kind`, of `target` with so many threads."""
    facts = repr((target, threads, fxlower.__version__, llvmlite.__version__))
    digest = hashlib.sha256(facts.encode()).hexdigest()[:16]
    return cache_folder(cache_dir) / f"{kind}-{target.name}-{digest}.json"


def tuned_schedules(cache_dir: str | None, target: TargetSpec, threads: int) -> TunedSchedules:
    """What is known of `target` with so many threads."""
    file = machine_file("schedules", cache_dir, target, threads)
    machine = (
        f"{target.name}, {target.cpu}, {threads} threads, fxlower {fxlower.__version__}, "
        f"llvmlite {llvmlite.__version__}"
    )
    return TunedSchedules(file, machine, read(file))


def read(file: Path) -> dict[str, Entry]:
    """The entries of a file; none, with a warning, if it is damaged."""
    try:
        found = json.loads(file.read_text())["kernels"]
        return {name: _entry(values) for name, values in found.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("%s is damaged and not used: %r; it is written anew when tuning", file, error)
        return {}


def _entry(values: dict[str, Any]) -> Entry:
    entry = Entry(**values)
    if not all(type(v) is int for v in entry.schedule.values()):
        raise TypeError(f"a schedule must have integers, got {entry.schedule}")
    return entry


def clear(cache_dir: str | None) -> list[Path]:
    """Remove the files of all machines and versions; those that there were."""
    files = files_in(cache_dir)
    for file in files:
        file.unlink(missing_ok=True)
    return files


def files_in(cache_dir: str | None) -> list[Path]:
    return sorted(cache_folder(cache_dir).glob("schedules-*.json"))
