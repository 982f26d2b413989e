"""What a compiled graph depends on besides the program: the machine, versions, options."""

from __future__ import annotations

from dataclasses import asdict

from fxlower.options import Options
from fxlower.runtime.fingerprint import machine_facts
from fxlower.runtime.object_cache import digest

ASIDE = frozenset(
    {
        "autotune",
        "cache",
        "cache_bytes",
        "cache_dir",
        "dump_ir",
        "on_error",
        "perf_map",
        "profile",
        "progress",
        "timing",
        "verify_each",
    }
)
"""Options that do not change what is made of a graph (schedules that were measured are in the text
of kernels)."""


def facts_digest(options: Options) -> str:
    """What the code of a kernel depends on besides its text at stage `linalg`."""
    chosen = {name: value for name, value in asdict(options).items() if name not in ASIDE}
    return digest(machine_facts(options.machine), repr(sorted(chosen.items())))
