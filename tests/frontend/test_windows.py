"""Positions of taps, by numbers: all are valid, and those inside are the ones of the window.

Loads are made at these positions without a check, so that one outside the source would read other
memory; what the load gives there is not used, and no comparison of results would show it.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from fxlower.frontend import windows
from fxlower.frontend.windows import Adaptive, Covering, Sliding, WindowAxis


class Numbers:
    """The part of `RuleBuilder` that windows are made with, on arrays of numpy."""

    add, sub, mul, max, min = np.add, np.subtract, np.multiply, np.maximum, np.minimum
    neg, logical_and, full_like = np.negative, np.logical_and, lambda _, n, x: np.full_like(x, n)

    def div(self, x: Any, y: Any) -> Any:
        return np.trunc(x / y).astype(np.int64)  # towards zero, as fxt.div of integers

    def compare(self, predicate: str, x: Any, y: Any) -> Any:
        return {"ge": np.greater_equal, "le": np.less_equal, "lt": np.less}[predicate](x, y)


def taps(axis: WindowAxis, monkeypatch: pytest.MonkeyPatch) -> tuple[list[set[int]], Any]:
    """Of each window the positions that are inside, and all positions."""
    monkeypatch.setattr(windows, "number", lambda _, value, like: np.full_like(like, value))
    assert isinstance(axis.result, int) and isinstance(axis.count, int)
    index: Any = np.arange(axis.result)
    inside: list[set[int]] = [set() for _ in index]
    positions = []
    builder: Any = Numbers()
    for number in range(axis.count):
        tap: Any = axis.tap(builder, index, np.full_like(index, number))
        positions.append(tap.position)
        holds = np.ones_like(index, bool) if tap.inside is None else tap.inside
        for window in index[holds]:
            inside[window].add(int(tap.position[window]))
    return inside, np.array(positions)


def sliding() -> list[Sliding]:
    """As torch allows them: up to half of the kernel as padding, windows that begin in it."""
    found: list[Sliding] = []
    sizes = product(range(1, 9), range(1, 5), range(1, 5), range(1, 4), (False, True))
    for size, kernel, stride, dilation, rounds_up in sizes:
        for padding in range(kernel // 2 + 1):
            room = size + 2 * padding - dilation * (kernel - 1) - 1
            count = (room + (stride - 1 if rounds_up else 0)) // stride + 1
            if rounds_up and (count - 1) * stride >= size + padding:
                count -= 1
            if count > 0:
                found.append(
                    Sliding(size, count, kernel, stride, padding, dilation, rounds_up=rounds_up)
                )
    return found


def members(axis: Sliding) -> list[set[int]]:
    starts = [i * axis.stride - axis.padding for i in range(axis.result)]  # type: ignore[arg-type]
    return [
        {p for t in range(axis.kernel) if 0 <= (p := start + t * axis.dilation) < axis.source}  # type: ignore[operator]
        for start in starts
    ]


def check(axis: WindowAxis, expected: list[set[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    inside, positions = taps(axis, monkeypatch)
    assert inside == expected, axis
    assert positions.min(initial=0) >= 0, axis
    assert positions.max(initial=0) < axis.source, axis  # type: ignore[operator]


def test_sliding(monkeypatch: pytest.MonkeyPatch) -> None:
    for axis in sliding():
        check(axis, members(axis), monkeypatch)


def test_taps_outside_repeat_some_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of windows that have one: then they change no maximum."""
    for axis in sliding():
        inside, positions = taps(axis, monkeypatch)
        for window, wanted in enumerate(inside):
            assert not wanted or set(positions[:, window]) == wanted, axis
            assert wanted or axis.may_be_empty, axis


def test_covering(monkeypatch: pytest.MonkeyPatch) -> None:
    for axis in sliding():
        if axis.dilation == 1:
            windows_of = members(axis)
            wanted = [
                {i for i, window in enumerate(windows_of) if p in window}
                for p in range(axis.source)  # type: ignore[arg-type]
            ]
            check(Covering(axis), wanted, monkeypatch)


def test_covering_by_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the caller tells windows apart, none may be missing."""
    for axis in sliding():
        inside, positions = taps(Covering(axis, exact=False), monkeypatch)
        assert positions.min() >= 0 and positions.max() < axis.result, axis  # type: ignore[operator]
        for i, window in enumerate(members(axis)):
            assert all(i in inside[p] for p in window), axis


@pytest.mark.parametrize("size", range(1, 12))
def test_adaptive(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in range(1, 14):
        wanted = [set(range(i * size // count, -(-(i + 1) * size // count))) for i in range(count)]
        check(Adaptive(size, count), wanted, monkeypatch)
