"""Memory of large results, kept for the next call.

The C library returns large blocks to the system when they are freed (always above 32 MiB, and
smaller ones when the top of its heap is free), and a fresh page costs 0.3 to 2 us when it is first
written: filling 64 MiB takes 28 ms on fresh pages and 0.8 ms on pages that were used before. So
storages of large results stay in a pool, and a result gets one that nobody else holds any more.

A result is a tensor like any other: it owns its storage, of exactly its size, which may be resized,
shared or kept for ever. The pool merely holds a reference as well, and takes a storage back when
that is the only one left.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import torch

LEAST_BYTES = 1 << 20
"""Smaller results come from torch's allocator, whose heap keeps them."""

MOST_BYTES = 4 << 30
MOST_SHARE = 8
"""The pool holds at most 4 GiB, and at most an eighth of the machine's memory."""

empty_strided = torch._C._dynamo.guards._empty_strided_cpu
"""Of sizes, strides and a dtype; twice as fast as `torch.empty_strided`."""

reinterpreted = torch._C._dynamo.guards._reinterpret_tensor
"""Of a tensor, sizes, strides and an offset in elements from its first one: a tensor of its own on
that memory. A view of autograd's, made without gradients, could not be changed in place by a caller
who wants gradients."""

_count_owners = torch._C._storage_Use_Count


@dataclass(eq=False)
class Block:
    """A storage and what it was when it was made: one that was resized or moved to shared memory
    since then is not the pool's any more."""

    storage: torch.UntypedStorage
    address: int
    size: int

    @property
    def is_free(self) -> bool:
        # Owners are tensors and this object; references to the storage as a Python object are
        # the block's own and the argument of getrefcount.
        return _count_owners(self.storage._cdata) == 1 and sys.getrefcount(self.storage) == 2

    @property
    def is_intact(self) -> bool:
        return self.storage.data_ptr() == self.address and self.storage.nbytes() == self.size


class StoragePool:
    """Storages by size. Calls from several threads are safe."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        """Bytes of all blocks."""
        self.most_lent = 0
        """The most bytes that were in use at once, as far as was seen."""

        self._lock = threading.Lock()
        self._free: dict[int, list[Block]] = {}
        self._lent: dict[int, list[Block]] = {}

    def empty_strided(
        self, size: int, sizes: tuple[int, ...], strides: tuple[int, ...], dtype: torch.dtype
    ) -> torch.Tensor | None:
        """An uninitialised tensor of `size` bytes; None where the limit leaves no room for it."""
        with self._lock:
            block = self._take(size) or self._add(size)
        if block is None:
            return None
        empty = empty_strided((0,), (1,), dtype)
        return empty.set_(block.storage, 0, sizes, strides)  # type: ignore[call-overload]

    def renew_lock(self) -> None:
        self._lock = threading.Lock()

    def _take(self, size: int) -> Block | None:
        free = self._free.get(size)
        if not free:
            self._reclaim(size)
            free = self._free.get(size)
        while free:
            block = free.pop()
            if block.is_intact:
                self._lend(block)
                return block
            self.held -= size
        return None

    def _lend(self, block: Block) -> None:
        lent = self._lent.pop(block.size, [])
        lent.append(block)
        self._lent[block.size] = lent  # the last size of all: the one asked for most recently

    def _add(self, size: int) -> Block | None:
        """A new block. The pool holds no more than was in use at some time: what other sizes have
        left over is freed for it."""
        for other in list(self._lent):
            self._reclaim(other)
        self.most_lent = max(self.most_lent, self._lent_bytes() + size)
        excess = self.held + size - min(self.limit, self.most_lent)
        if excess > 0:
            self._release(excess)
        if self.held + size > self.limit:
            return None
        storage = torch.UntypedStorage(size, device="cpu")
        block = Block(storage, storage.data_ptr(), size)
        self.held += size
        self._lend(block)
        return block

    def _lent_bytes(self) -> int:
        return sum(size * len(blocks) for size, blocks in self._lent.items())

    def _reclaim(self, size: int) -> None:
        """Find the blocks of `size` that have been given back."""
        lent = self._lent.get(size)
        if not lent:
            return
        kept: list[Block] = []
        free = self._free.setdefault(size, [])
        for block in lent:
            (free if block.is_free else kept).append(block)
        self._lent[size] = kept

    def _release(self, bytes_needed: int) -> None:
        """Free blocks that nobody uses, of the sizes asked for longest ago first."""
        for size in list(self._lent):
            free = self._free.get(size, [])
            while free and bytes_needed > 0:
                free.pop()
                self.held -= size
                bytes_needed -= size


def bytes_of(sizes: Sequence[int], strides: Sequence[int], dtype: torch.dtype) -> int:
    """Bytes from the first element to the end of the last one."""
    if 0 in sizes:
        return 0
    return dtype.itemsize * (1 + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True)))


_SHARED: weakref.WeakValueDictionary[str, StoragePool] = weakref.WeakValueDictionary()


def shared_pool() -> StoragePool:
    """The pool of this process, which lives as long as some compiled graph holds it."""
    pool = _SHARED.get("")
    if pool is None:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        pool = _SHARED.setdefault("", StoragePool(min(MOST_BYTES, physical // MOST_SHARE)))
    return pool


def _renew_locks() -> None:
    for pool in _SHARED.values():
        pool.renew_lock()


os.register_at_fork(after_in_child=_renew_locks)  # another thread may hold one where we fork
