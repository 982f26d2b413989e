"""What was compiled, on disk: files named by a hash of all that they are made from.

    store = open_store(folder, max_bytes)
    store.put(key, {"signature": "..."}, object_code)
    header, object_code = store.get(key)

A file is

    magic (8 bytes) | BLAKE2b of the rest (32) | length of the header (4) | header, JSON | data

so that one which was cut short, damaged, or written by another version is told from a good one
before anything in it is used; it is removed, and made anew. Files are written beside their place
and renamed into it: readers see all of one or none, and any number of processes may write. Nothing
here raises for what is wrong with the disk: what cannot be read is missing, what cannot be written
is not kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import time
from typing import Any

log = logging.getLogger(__name__)

MAGIC = b"fxlower\x01"
"""Its last byte is the version of the format."""

_DIGEST = 32
_START = len(MAGIC) + _DIGEST + 4

SUFFIX = ".fxo"
FRESH_SECONDS = 600.0
"""A file used so recently is not marked as used again."""

KEPT_SHARE = 0.75
"""Of the bound on the size, what is left when least recently used files were removed."""

SCAN_SHARE = 0.125
"""After so much of the bound was written, files are counted again: others may have removed some."""


class Damaged(Exception):
    """Bytes that are not what was sealed."""


Header = Mapping[str, Any]


def digest(*parts: str | bytes) -> str:
    """A hash that names what is made of `parts`."""
    made = hashlib.blake2b(digest_size=_DIGEST)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        made.update(len(data).to_bytes(8, "little") + data)
    return made.hexdigest()


def sealed(header: Header, data: bytes) -> bytes:
    """The bytes of a file."""
    text = json.dumps(header, separators=(",", ":")).encode()
    rest = len(text).to_bytes(4, "little") + text + data
    return MAGIC + hashlib.blake2b(rest, digest_size=_DIGEST).digest() + rest


def unsealed(content: bytes) -> tuple[Header, bytes]:
    """Header and data of a file.

    Raises:
        Damaged: it is not one that this version wrote.
    """
    if len(content) < _START or not content.startswith(MAGIC):
        raise Damaged("no file of this version")
    rest = memoryview(content)[len(MAGIC) + _DIGEST :]
    expected = content[len(MAGIC) : len(MAGIC) + _DIGEST]
    if hashlib.blake2b(rest, digest_size=_DIGEST).digest() != expected:
        raise Damaged("the checksum differs")
    end = 4 + int.from_bytes(rest[:4], "little")
    return json.loads(bytes(rest[4:end])), bytes(rest[end:])


@dataclass
class Store:
    """The files of one folder, at most about `max_bytes` of them."""

    folder: Path
    max_bytes: int
    unwritable: bool = False
    """Whether it was said that files cannot be written."""

    _written: int = 0
    """Bytes since `settle`; threads that write at once may miss some of each other's."""

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def get(self, key: str) -> tuple[Header, bytes] | None:
        """What was put under `key`, if it is there and whole."""
        path = self.path(key)
        try:
            with open(path, "rb") as file:
                content = file.read()
                if time() - os.fstat(file.fileno()).st_mtime > FRESH_SECONDS:
                    with suppress(OSError):
                        os.utime(path)
            return unsealed(content)
        except OSError:
            return None
        except Damaged as reason:
            log.info("%s is damaged (%s) and made anew", path, reason)
            with suppress(OSError):
                path.unlink()
            return None

    def put(self, key: str, header: Header, data: bytes) -> None:
        """Keep `data`, for all processes of this user."""
        content = sealed(header, data)
        path = self.path(key)
        try:
            make_private(self.folder)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _write(path, content)
        except OSError as error:
            if not self.unwritable:
                self.unwritable = True
                reason = str(error)  # the error itself would keep the frames below alive
                log.warning(
                    "what is compiled is not kept, %s cannot be written: %s", self.folder, reason
                )
            return
        self._written += len(content)

    def settle(self) -> None:
        """Remove the least recently used files if there are too many; call it after some `put`."""
        written, self._written = self._written, 0
        if not written:
            return
        known, since = self._counted()
        if known is None or since + written > self.max_bytes * SCAN_SHARE:
            known, since = sum(size for _, size, _ in self.files()), 0
        else:
            known, since = known + written, since + written
        if known > self.max_bytes:
            known, since = self.shrink(int(self.max_bytes * KEPT_SHARE)), 0
        with suppress(OSError):
            _write(self.folder / "bytes", f"{known} {since}".encode())

    def _counted(self) -> tuple[int | None, int]:
        """Bytes of files when they were counted, with what was written since; and the latter."""
        try:
            known, since = map(int, (self.folder / "bytes").read_text().split())
            return known, since
        except (OSError, ValueError):
            return None, 0

    def shrink(self, to_bytes: int) -> int:
        """Remove files, the least recently used first; the bytes that are left."""
        files = sorted(self.files(), key=lambda f: f[2])
        total = sum(size for _, size, _ in files)
        for path, size, _ in files:
            if total <= to_bytes:
                break
            with suppress(OSError):
                path.unlink()
            total -= size
        return total

    def verify(self) -> list[Path]:
        """Remove what is damaged, and what processes that were ended left behind."""
        damaged: list[Path] = []
        for path, _, used in self.files():
            if path.name.startswith(".") and time() - used < FRESH_SECONDS:  # being written
                continue
            try:
                unsealed(path.read_bytes())
            except (OSError, Damaged):
                damaged.append(path)
                with suppress(OSError):
                    path.unlink()
        return damaged

    def clear(self) -> int:
        """Remove everything; how many files that were."""
        count = sum(1 for _ in self.files())
        self.shrink(-1)
        with suppress(OSError):
            (self.folder / "bytes").unlink()
        return count

    def files(self) -> Iterator[tuple[Path, int, float]]:
        """All files, with their sizes and the times of their last use."""
        for folder in _entries(self.folder):
            if len(folder.name) != 2 or not folder.is_dir(follow_symlinks=False):
                continue
            for file in _entries(Path(folder.path)):
                try:
                    found = file.stat(follow_symlinks=False)
                except OSError:
                    continue
                yield Path(file.path), found.st_size, found.st_mtime


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _write(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def make_private(folder: Path) -> None:
    """Make a folder that only this user can change, if there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def objection_to(folder: Path) -> str | None:
    """Why code must not be loaded from `folder`, or None: others could have written it, or could
    put another in its place."""
    if not hasattr(os, "getuid"):
        return None
    me = os.getuid()
    try:
        found, above = os.stat(folder), os.stat(folder.parent)
    except OSError:
        return None
    if found.st_uid != me:
        return f"it belongs to user {found.st_uid}, not to you ({me})"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others may write to it (chmod 700 {folder} ends that)"
    if above.st_uid not in (me, 0):
        return f"the folder that it is in belongs to user {above.st_uid}, not to you ({me})"
    if above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
        return "anybody may write to the folder that it is in"
    return None


@cache
def open_store(folder: Path, max_bytes: int) -> Store | None:
    """The store in `folder`; None, with a warning, if it is not this user's alone."""
    place = folder / "objects"
    with suppress(OSError):
        make_private(folder)
        make_private(place)
    for checked in (folder, place):
        if (reason := objection_to(checked)) is not None:
            log.warning("the cache %s is not used: %s", checked, reason)
            return None
    opened = Store(place, max_bytes)
    _OPEN.append(opened)
    return opened


_OPEN: list[Store] = []


def first_open() -> Store | None:
    """The store that this process opened first, for what all graphs share."""
    return _OPEN[0] if _OPEN else None


@contextmanager
def settled(store: Store | None) -> Iterator[None]:
    """What is put meanwhile is counted at the end."""
    try:
        yield
    finally:
        if store is not None:
            store.settle()
