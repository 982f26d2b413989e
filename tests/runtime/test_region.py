"""Memory taken from a range of addresses."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlower.runtime.region import LINE_BYTES, SPACING_BYTES, Region, reserve

MIB = 1 << 20


def resident_bytes(address: int, size: int) -> int:
    """Bytes of the pages there that are in memory."""
    page = 4096
    found = (ctypes.c_ubyte * (size // page))()
    mincore = ctypes.CDLL(None, use_errno=True).mincore
    mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    assert mincore(address, size, found) == 0
    return page * sum(byte & 1 for byte in found)


def take(region: Region, size: int, briefly: bool = False) -> int:
    """A block of a region that has room."""
    address = region.take(size, briefly)
    assert address is not None
    return address


def test_the_smallest_free_range_is_taken() -> None:
    region = Region(64 * MIB)
    blocks = [take(region, size * MIB) for size in (8, 1, 4, 1, 2, 1)]
    for i in (0, 2, 4):
        region.give(blocks[i])
    assert region.take(3 * MIB) == blocks[2]
    assert region.take(2 * MIB) == blocks[4]
    assert region.take(5 * MIB) == blocks[0]


def test_neighbours_become_one() -> None:
    region = Region(64 * MIB)
    blocks = [take(region, MIB) for _ in range(4)]
    reach = region.reach
    for i in (0, 2, 1, 3):
        region.give(blocks[i])
    assert region.used == 0
    assert region.take(4 * MIB) == blocks[0] and region.reach == reach


def test_the_last_range_grows() -> None:
    region = Region(64 * MIB)
    first = take(region, MIB)
    region.give(first)
    assert region.take(3 * MIB) == first


def test_what_is_taken_briefly_lies_at_the_end() -> None:
    region = Region(64 * MIB)
    whole, behind = take(region, 8 * MIB), take(region, MIB)
    region.give(whole)
    brief, kept = take(region, 2 * MIB, briefly=True), take(region, 2 * MIB)
    assert kept == whole < brief < behind
    region.give(brief)
    assert region.take(5 * MIB) == kept + 2 * MIB + SPACING_BYTES


def test_no_room() -> None:
    region = Region(4 * MIB)
    block = take(region, 3 * MIB)
    assert region.take(2 * MIB) is None
    region.give(block)
    assert region.take(2 * MIB) == block


def test_arrays_begin_at_different_places_of_their_pages() -> None:
    region = Region(64 * MIB)
    starts = {take(region, 4096 * 64) % 4096 for _ in range(8)}
    assert len(starts) == 8 and all(start % LINE_BYTES == 0 for start in starts)


def test_release() -> None:
    region = Region(64 * MIB)
    first, second = take(region, 8 * MIB), take(region, 8 * MIB)
    for block in first, second:
        ctypes.memset(block, 1, 8 * MIB)
    region.give(first)
    assert resident_bytes(region.base, 16 * MIB) == 16 * MIB
    region.release()
    assert resident_bytes(region.base, 8 * MIB - 4096) == 0
    assert ctypes.string_at(second, 8) == b"\1" * 8
    region.give(second)
    region.release()
    assert region.reach == 0


def test_the_system_may_refuse() -> None:
    with pytest.raises(MemoryError, match="cannot reserve"):
        reserve(1 << 62)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(0, 300_000)), max_size=80)
)
def test_blocks_do_not_overlap(steps: list[tuple[bool | None, int]]) -> None:
    region = Region(8 * MIB)
    blocks: dict[int, int] = {}
    for briefly, number in steps:
        if briefly is not None:
            address = region.take(number, briefly)
            if address is not None:
                blocks[address] = number
        elif blocks:
            address = sorted(blocks)[number % len(blocks)]
            del blocks[address]
            region.give(address)
        ordered = sorted(blocks.items())
        for (a, size), (b, _) in zip(ordered, ordered[1:]):
            assert a + size <= b
        assert all(region.base <= a and a + n <= region.base + region.size for a, n in ordered)
    for address in blocks:
        region.give(address)
    assert region.used == 0
    region.release()
    assert region.reach == 0
