"""Memory of large results and intermediates, kept for the next call.

The C library returns large blocks to the system when they are freed (always above 32 MiB, and
smaller ones when the top of its heap is free), and a fresh page costs 0.3 to 2 us when it is first
written: filling 64 MiB takes 28 ms on fresh pages and 0.8 ms on pages that were used before. So
memory for large results comes from a region of our own (`fxlower.runtime.region`), whose pages stay
for as long as there are compiled functions.

A result is a tensor like any other: it owns its storage, of exactly its size, which may be resized,
moved to shared memory or kept for ever. Its memory is free again when the storage dies
(`fxlower.runtime.lent_storage`).
"""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import weakref
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy
import torch

from fxlower.runtime.lent_storage import can_lend, lend, spin_locks
from fxlower.runtime.region import Region, reserve

LEAST_BYTES = 1 << 20
"""Smaller results come from torch's allocator, whose heap keeps them."""

MOST_BYTES = 16 << 30
MOST_SHARE = 4
"""The pool holds at most 16 GiB, and at most a quarter of the machine's memory."""

MOST_BLOCKS = 1 << 14
"""So many blocks may be in use at once."""

empty_strided = torch._C._dynamo.guards._empty_strided_cpu
"""Of sizes, strides and a dtype; twice as fast as `torch.empty_strided`."""

reinterpreted = torch._C._dynamo.guards._reinterpret_tensor
"""Of a tensor, sizes, strides and an offset in elements from its first one: a tensor of its own on
that memory. A view of autograd's, made without gradients, could not be changed in place by a caller
who wants gradients."""


class MemoryPool:
    """Memory for storages, `limit` bytes at most. Calls from several threads are safe.

    Raises:
        MemoryError: the system does not reserve the addresses.
    """

    def __init__(self, limit: int) -> None:
        self.region = Region(limit)
        self.most_used = 0
        """The most bytes that were in use at once, as far as was seen."""

        locks = spin_locks()
        assert locks is not None, "ask can_lend() before"
        self._opened, self._closed = locks.opened, locks.closed
        # The locks of the blocks, which stay for as long as storages may open them.
        self._locks_at = reserve(MOST_BLOCKS * ctypes.sizeof(ctypes.c_int))
        array = (ctypes.c_int * MOST_BLOCKS).from_address(self._locks_at)
        self._locks = numpy.ctypeslib.as_array(array)
        self._blocks: list[int | None] = []  # where the block of each lock is
        self._spare: list[int] = []  # locks that have none
        self._mutex = threading.Lock()
        self._users: list[None] = []  # as many as there are: `append` and `pop` are atomic

    @property
    def held(self) -> int:
        """Bytes of the pages that the pool keeps from the system, about."""
        return self.region.reach

    def empty_strided(
        self,
        size: int,
        sizes: tuple[int, ...],
        strides: tuple[int, ...],
        dtype: torch.dtype,
        briefly: bool = False,
    ) -> torch.Tensor | None:
        """An uninitialised tensor of `size` bytes; None where there is no room for it. `briefly`:
        it dies within the call, as far as is known."""
        with self._mutex:
            self._reclaim()
            address = self.region.take(size, briefly)
            if address is None:
                return None
            lock = self._lock_of(address)
            if lock is None:
                self.region.give(address)
                return None
            self.most_used = max(self.most_used, self.region.used)
        storage = torch.UntypedStorage(0, device="cpu")
        lend(storage, address, size, self._locks_at + lock * ctypes.sizeof(ctypes.c_int))
        empty = empty_strided((0,), (1,), dtype)
        # torch's stubs have this overload of set_ for typed storages only.
        return empty.set_(storage, 0, sizes, strides)  # type: ignore[call-overload]

    def hold(self, user: object) -> None:
        """Keep memory until the last of the users is gone."""
        self._users.append(None)
        weakref.finalize(user, self._leave).atexit = False

    def release(self) -> None:
        """Give back to the system what is not in use."""
        # This may be called from a garbage collection that began in another method of the pool.
        if self._mutex.acquire(blocking=False):
            try:
                self._reclaim()
                self.region.release()
            finally:
                self._mutex.release()

    def renew_mutex(self) -> None:
        self._mutex = threading.Lock()

    def collected(self, phase: str, info: dict[str, Any]) -> None:
        """After a full garbage collection: results that outlived all compiled functions may have
        died since the last one."""
        if phase == "stop" and info["generation"] == 2 and not self._users and self.region.reach:
            self.release()

    def _leave(self) -> None:
        self._users.pop()
        if not self._users:
            self.release()

    def _lock_of(self, address: int) -> int | None:
        """A closed lock for a block; None if all are in use."""
        if self._spare:
            lock = self._spare.pop()
            self._blocks[lock] = address
        elif len(self._blocks) < MOST_BLOCKS:
            lock = len(self._blocks)
            self._blocks.append(address)
        else:
            return None
        self._locks[lock] = self._closed
        return lock

    def _reclaim(self) -> None:
        """Take back the blocks whose storages have died."""
        for lock in numpy.flatnonzero(self._locks[: len(self._blocks)] == self._opened).tolist():
            address = self._blocks[lock]
            assert address is not None
            self._blocks[lock] = None
            self._locks[lock] = self._closed
            self._spare.append(lock)
            self.region.give(address)


def bytes_of(sizes: Sequence[int], strides: Sequence[int], dtype: torch.dtype) -> int:
    """Bytes from the first element to the end of the last one."""
    if 0 in sizes:
        return 0
    return dtype.itemsize * (1 + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True)))


@cache
def shared_pool() -> MemoryPool | None:
    """The pool of this process; None where torch or the system are not as it needs them."""
    if not can_lend():
        return None
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        pool = MemoryPool(min(MOST_BYTES, physical // MOST_SHARE))
    except MemoryError:
        return None
    gc.callbacks.append(pool.collected)
    os.register_at_fork(after_in_child=pool.renew_mutex)  # another thread may hold it where we fork
    return pool
