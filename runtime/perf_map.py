"""Names for generated code in Linux's `perf`: the file `/tmp/perf-PID.map` that it reads.

    7f3b2c001000 4a0 softmax_1a2b3c4d
    7f3b2c0014a0 1c0 softmax_1a2b3c4d_parallel_0

One line for each function, its address and size from the symbol table of the object file. Lines are
only ever added, so that other writers (`python -X perf`) may have the same file. A child of a fork
has the code too, and gets a file of its own.
"""

from __future__ import annotations

import logging
import os
import stat
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = Path("/tmp")
"""`perf` looks nowhere else, whatever TMPDIR says."""


class PerfMap:
    """The map of a process. Nothing is written, or kept in memory, before `enable`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.enabled = False
        self._lines: list[str] = []
        self._is_begun = False
        self._lock = threading.Lock()

    @property
    def file(self) -> Path:
        return self.folder / f"perf-{os.getpid()}.map"

    def enable(self) -> None:
        """Name all code that is loaded from now on."""
        self.enabled = True

    def add(self, object_code: bytes, addresses: Mapping[str, int]) -> None:
        """Name the functions of an object file that was loaded with its exports at `addresses`."""
        if not self.enabled:
            return
        lines = [
            f"{address:x} {size:x} {name}\n"
            for name, address, size in located(object_code, addresses)
        ]
        with self._lock:
            self._lines += lines
            self._write(lines)

    def after_fork(self) -> None:
        """In the child: all code that it got from its parent, in its own file."""
        self._lock = threading.Lock()
        self._is_begun = False
        if self.enabled:
            self._write(self._lines)

    def _write(self, lines: list[str]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self.file, flags, 0o600)
            try:
                found = os.fstat(descriptor)
                if found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode):
                    raise OSError("it is not this user's file")
                if not self._is_begun and found.st_mtime < process_start() - 1:
                    os.ftruncate(descriptor, 0)  # of a process that is gone
                os.write(descriptor, "".join(lines).encode())
                self._is_begun = True
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("perf gets no names, %s cannot be written: %s", self.file, error)
            self.enabled = False


perf_map = PerfMap()
"""There is one file for a process, and so one of these."""

os.register_at_fork(after_in_child=lambda: perf_map.after_fork())


def process_start() -> float:
    """When this process began, as seconds since the epoch."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")


# ------------------------------------------------------------------------- object files


@dataclass(frozen=True)
class Function:
    """A function of an object file: `offset` bytes into section number `section`."""

    name: str
    section: int
    offset: int
    size: int


def located(object_code: bytes, addresses: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    """Name, address and size of each function. A section is loaded as a whole, so one function of
    known address tells those of all others in it."""
    found = list(functions(object_code))
    starts = {f.section: addresses[f.name] - f.offset for f in found if f.name in addresses}
    for function in found:
        if function.section in starts:
            yield function.name, starts[function.section] + function.offset, function.size


SYMBOL_TABLE = 2
FUNCTION = 2


def functions(object_code: bytes) -> Iterator[Function]:
    """The functions of an ELF object file of 64 bits; nothing of others."""
    if object_code[:5] != b"\x7fELF\x02":
        return
    order = "<" if object_code[5] == 1 else ">"
    (table,) = struct.unpack_from(f"{order}Q", object_code, 0x28)
    entry_size, count = struct.unpack_from(f"{order}HH", object_code, 0x3A)
    sections = [
        struct.unpack_from(f"{order}IIQQQQIIQQ", object_code, table + i * entry_size)
        for i in range(count)
    ]
    for _, kind, _, _, start, size, link, _, _, step in sections:
        if kind != SYMBOL_TABLE:
            continue
        names = sections[link][4]
        for at in range(start, start + size, step):
            name, info, _, section, offset, length = struct.unpack_from(
                f"{order}IBBHQQ", object_code, at
            )
            if info & 15 == FUNCTION and length:
                end = object_code.index(b"\0", names + name)
                yield Function(object_code[names + name : end].decode(), section, offset, length)
