"""A range of addresses that memory is taken from, and given back to, without asking the system.

    region = Region(1 << 30)
    address = region.take(3 << 20)
    region.give(address)

A block is taken from the smallest free range that it fits in ("best fit"), and neighbours that are
free are one range again, so that blocks of all sizes share the memory. Those that will be given
back soon are taken from the end of a range, others from its beginning: what lives long lies close
together then, and what is free is in fewer pieces. Pages that were written stay with the process
until `release`. They are huge where the system has such pages: a fault fills 2 MiB and a core keeps
all the addresses at hand.
"""

from __future__ import annotations

import ctypes
import mmap
import sys

LINE_BYTES = 64
SPACING_BYTES = 5 * LINE_BYTES
"""Left over behind a block. Arrays whose sizes are powers of two would begin at the same place of
their pages, where they compete for few sets of the first cache, and loads wait for stores that only
seem to be to the same address."""

# Of Linux: MAP_NORESERVE, MADV_HUGEPAGE, MADV_DONTNEED. Others have no such flag or advice.
_NO_RESERVE = 0x4000 if sys.platform == "linux" else 0
_HUGE_PAGES, _NOT_NEEDED = 14, 4


class Region:
    """`size` bytes of addresses, never given up: blocks may outlive whoever took them. Calls must
    not overlap.

    Raises:
        MemoryError: the system does not reserve as much.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.base = reserve(size)
        self.used = 0
        """Bytes of all blocks."""
        self.reach = 0
        """The end of the part that was ever used."""

        self._blocks: dict[int, int] = {}  # sizes by where they begin
        self._free: dict[int, int] = {}  # so are these, all of them below `reach`
        self._free_ends: dict[int, int] = {}  # beginnings by where they end

    def take(self, size: int, briefly: bool = False) -> int | None:
        """The address of a block, None where there is no room for it."""
        size = -(-(size + SPACING_BYTES) // LINE_BYTES) * LINE_BYTES
        fitting = [(length, at) for at, length in self._free.items() if length >= size]
        if fitting:
            length, at = min(fitting)
            self._forget(at)
            if length > size:
                self._remember(at if briefly else at + size, length - size)
                at += length - size if briefly else 0
        else:
            at = self._free_ends.get(self.reach, self.reach)
            if at + size > self.size:
                return None
            if at < self.reach:
                self._forget(at)
            self.reach = at + size
        self._blocks[at] = size
        self.used += size
        return self.base + at

    def give(self, address: int) -> None:
        """Give back what `take` gave."""
        at = address - self.base
        size = self._blocks.pop(at)
        self.used -= size
        behind = at + size
        if behind in self._free:
            size += self._forget(behind)
        if at in self._free_ends:
            at = self._free_ends[at]
            size += self._forget(at)
        self._remember(at, size)

    def release(self) -> None:
        """Give the system all pages that no block lies on."""
        page = mmap.PAGESIZE
        for at, size in self._free.items():
            first, end = -(-at // page) * page, (at + size) // page * page
            if first < end:
                advise(self.base + first, end - first, _NOT_NEEDED)
        if self.reach in self._free_ends:
            self.reach = self._free_ends[self.reach]
            self._forget(self.reach)

    def _remember(self, at: int, size: int) -> None:
        self._free[at] = size
        self._free_ends[at + size] = at

    def _forget(self, at: int) -> int:
        size = self._free.pop(at)
        del self._free_ends[at + size]
        return size


def reserve(size: int) -> int:
    """The first of `size` addresses on pages that the system gives when they are first written, and
    that stay until the process ends.

    Raises:
        MemoryError: the system refuses.
    """
    map_ = ctypes.CDLL(None, use_errno=True).mmap
    map_.restype = ctypes.c_void_p
    map_.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
    address = map_(None, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    if address is None or address == ctypes.c_void_p(-1).value:
        raise MemoryError(f"cannot reserve {size} bytes of addresses")
    advise(address, size, _HUGE_PAGES)
    return address


def advise(address: int, size: int, advice: int) -> None:
    """Tell the system; where it does not know the advice, nothing happens."""
    if sys.platform != "linux":
        return
    function = ctypes.CDLL(None).madvise
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    function(address, size, advice)
