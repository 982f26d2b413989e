"""Storages of torch whose memory is lent to them: it is marked as free when they die.

    lend(storage, address, size, lock)

A storage calls a function with one pointer when it lets go of its memory, on whatever thread that
happens, with or without Python. Here that is `pthread_spin_unlock` of the C library, and the
pointer is to a lock: a storage holds the lock of its memory, and that it is open again says that
the memory is free. Nothing of ours has to be in memory by then.

torch has no function in Python that makes such a storage and lets it be resized or moved to shared
memory as any other. So its address, its size and that function are written into an empty one,
`c10::StorageImpl`, whose words are found by comparing storages. Where they are not found, or the C
library has no such locks, nothing is lent. (`torch._lazy_clone` refuses such storages, as it does
those of arrays of numpy.)
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

import torch

_WORDS = 10
"""More of a storage is not looked at."""


@dataclass(frozen=True)
class StorageWords:
    """Which words of a storage have the address, the function that frees it, what that function is
    called with, and the bytes."""

    address: int
    deleter: int
    context: int
    size: int


@dataclass(frozen=True)
class Locks:
    """Locks of the C library: the function that opens one, and what an open and a closed one hold
    (an `int`)."""

    unlock: int
    opened: int
    closed: int


def lend(storage: torch.UntypedStorage, address: int, size: int, lock: int) -> None:
    """Give an empty `storage` `size` bytes at `address`, and let it open the closed lock at `lock`
    when it dies or takes other memory. `storage_words` and `spin_locks` are not None."""
    at, locks = storage_words(), spin_locks()
    assert at is not None and locks is not None
    words = (ctypes.c_int64 * _WORDS).from_address(storage._cdata)
    words[at.deleter] = locks.unlock
    words[at.context] = lock
    words[at.address] = address
    words[at.size] = size


@cache
def can_lend() -> bool:
    """Whether torch and the C library are as `lend` needs them: it was tried."""
    if storage_words() is None or spin_locks() is None:
        return False
    memory, lock = (ctypes.c_int64 * 4)(), ctypes.c_int(spin_locks().closed)
    storage = torch.UntypedStorage(0, device="cpu")
    lend(storage, ctypes.addressof(memory), ctypes.sizeof(memory), ctypes.addressof(lock))
    is_there = storage.data_ptr() == ctypes.addressof(memory) and storage.nbytes() == 32
    is_closed = lock.value == spin_locks().closed
    del storage
    return is_there and is_closed and lock.value == spin_locks().opened


@cache
def storage_words() -> StorageWords | None:
    """None where storages are not as they were when this was written."""
    sizes = 4096, 8192, 12288
    samples = [torch.UntypedStorage(size, device="cpu") for size in sizes]
    rows = [(ctypes.c_int64 * _WORDS).from_address(s._cdata)[:] for s in samples]
    empty = (ctypes.c_int64 * _WORDS).from_address(
        (nothing := torch.UntypedStorage(0, device="cpu"))._cdata
    )[:]
    places = range(_WORDS)
    pointers = [p for p in places if all(r[p] == s.data_ptr() for r, s in zip(rows, samples))]
    lengths = [p for p in places if tuple(r[p] for r in rows) == sizes]
    if len(pointers) != 2 or len(lengths) != 1 or pointers[1] != pointers[0] + 2:
        return None
    deleter = pointers[0] + 1
    is_same = len({row[deleter] for row in rows}) == 1 and rows[0][deleter] not in (0, -1)
    is_empty = nothing.data_ptr() == empty[pointers[0]] == empty[pointers[1]] == empty[lengths[0]]
    if not is_same or not is_empty or empty[lengths[0]] != 0:
        return None
    # The pointer that is handed out comes first, then the one that is owned and its function.
    return StorageWords(pointers[0], deleter, pointers[1], lengths[0])


@cache
def spin_locks() -> Locks | None:
    library = ctypes.CDLL(None)
    try:
        make, lock = library.pthread_spin_init, library.pthread_spin_lock
        unlock = library.pthread_spin_unlock
    except AttributeError:
        return None
    word = ctypes.c_int()
    make(ctypes.byref(word), 0)
    lock(ctypes.byref(word))
    closed = word.value
    unlock(ctypes.byref(word))
    address = ctypes.cast(unlock, ctypes.c_void_p).value
    if address is None or word.value == closed:
        return None
    return Locks(address, word.value, closed)
