"""Transposing a block of elements held in vectors, by shuffles of two vectors.

Stages with growing distance combine vectors i and i + d: first elements within 128-bit groups,
which x86 does with one `unpack`, then whole groups. The stages leave the columns in an order of
their own, which is found by running them on names. Of short rows, several are first joined into
one vector, so that one shuffle works on as many squares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias, TypeVar

GROUP_BITS = 128

Mask: TypeAlias = tuple[int, ...]
T = TypeVar("T")


@cache
def transpose_stages(
    lanes: int, element_bits: int, side: int
) -> tuple[tuple[int, Mask, Mask], ...]:
    """`(distance, low mask, high mask)` of each stage; masks index the lanes of two vectors, which
    hold the rows of `lanes / side` squares next to each other."""

    def everywhere(mask: Mask) -> Mask:
        return tuple(
            first + (m if m < side else m - side + lanes)
            for first in range(0, lanes, side)
            for m in mask
        )

    return tuple(
        (d, everywhere(low), everywhere(high)) for d, low, high in _stages(side, element_bits)
    )


def _stages(lanes: int, element_bits: int) -> tuple[tuple[int, Mask, Mask], ...]:
    """The stages of one square."""
    group = min(lanes, GROUP_BITS // element_bits)
    stages: list[tuple[int, Mask, Mask]] = []
    distance = 1
    while distance < group:
        # Runs of `distance` elements, alternately from both, of the low and the high half group.
        halves: list[Mask] = []
        for half in (0, group // 2):
            halves.append(
                tuple(
                    source + first + half + run + x
                    for first in range(0, lanes, group)
                    for run in range(0, group // 2, distance)
                    for source in (0, lanes)
                    for x in range(distance)
                )
            )
        stages.append((distance, halves[0], halves[1]))
        distance *= 2
    while distance < lanes:
        even, odd = (
            tuple(
                source + first + x
                for source in (0, lanes)
                for first in range(start, lanes, 2 * group)
                for x in range(group)
            )
            for start in (0, group)
        )
        stages.append((distance, even, odd))
        distance *= 2
    return tuple(stages)


def transpose(
    rows: Sequence[T], lanes: int, element_bits: int, shuffle: Callable[[T, T, Mask], T]
) -> list[T]:
    """The columns of the square that begins with `rows`, in order; `shuffle(a, b, mask)` takes
    lanes of a and b. Where rows are missing, lanes of the columns are unspecified."""

    def shuffle_present(a: T | None, b: T | None, mask: Mask) -> T | None:
        if a is None:
            return None
        return shuffle(a, a if b is None else b, mask)

    vectors = _run([*rows, *[None] * (lanes - len(rows))], lanes, element_bits, shuffle_present)
    columns = [vectors[i] for i in _order(lanes, element_bits)]
    assert None not in columns, "the first row reaches every column"
    return columns  # type: ignore[return-value]


def transpose_short(
    rows: Sequence[T], columns: int, element_bits: int, shuffle: Callable[[T, T, Mask], T]
) -> list[T]:
    """The columns of `rows`, each of `columns` elements: no more than there are rows, and both
    powers of two. `shuffle(a, b, mask)` may be longer or shorter than a and b."""
    lanes = len(rows)
    # Vector i holds rows i, i + columns, i + 2 * columns, ..., one square beside the other.
    joined = [list(rows[i::columns]) for i in range(columns)]
    length = columns
    while length < lanes:
        whole = tuple(range(2 * length))
        joined = [[shuffle(a, b, whole) for a, b in zip(r[::2], r[1::2])] for r in joined]
        length *= 2
    vectors = _run([r[0] for r in joined], lanes, element_bits, shuffle)
    return [vectors[i] for i in _order(columns, element_bits)]


def _run(
    rows: Sequence[T], lanes: int, element_bits: int, shuffle: Callable[[T, T, Mask], T]
) -> list[T]:
    vectors = list(rows)
    for distance, low, high in transpose_stages(lanes, element_bits, len(rows)):
        for i in range(len(rows)):
            if not i & distance:
                a, b = vectors[i], vectors[i + distance]
                vectors[i], vectors[i + distance] = shuffle(a, b, low), shuffle(a, b, high)
    return vectors


@cache
def _order(side: int, element_bits: int) -> tuple[int, ...]:
    """Where each column ends up."""
    names = [tuple((row, column) for column in range(side)) for row in range(side)]
    made = _run(names, side, element_bits, lambda a, b, mask: tuple((a + b)[i] for i in mask))
    places = {vector: place for place, vector in enumerate(made)}
    return tuple(places[tuple((r, column) for r in range(side))] for column in range(side))
