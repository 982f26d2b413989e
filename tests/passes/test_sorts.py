"""Sort kernels against numpy."""
# ruff: noqa: E501  (lines of IR)

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from contraction_text import Dim, strided, tensor  # noqa: E402
from kernel_runner import load_kernel  # noqa: E402
from test_scan_scatter import NUMPY, scan_text, symbol_arguments  # noqa: E402

from fxlower.analysis.sorting import RANKED, SortPlan  # noqa: E402
from fxlower.runtime import jit  # noqa: E402

PASSES = "convert-scan-to-scf,convert-sort-to-scf,peel-borders,vectorize"
SLOTS = 3
Array = np.ndarray[Any, Any]


def sort_text(
    dims: Sequence[Dim],
    axis: int,
    element: str = "f32",
    order: str = "ascending",
    count: Dim | None = None,
    strides: Sequence[Dim] | None = None,
    machine: str = "host",
) -> str:
    result = list(dims)
    result[axis] = dims[axis] if count is None else count
    attributes = " {fxlower.unsigned}" if element.startswith("ui") else ""
    type_, order_type = tensor(dims, element.removeprefix("u")), tensor(result, "i64")
    bits = 8 if element == "i1" else int(element.lstrip("uif"))
    plan = SortPlan(dims[axis], result[axis], bits)
    scratch, empty, returned = "", "", ("%r", order_type)
    if plan.distributes:
        length = dims[axis]
        words = 2 * plan.words
        columns = words * length if isinstance(length, int) else f"{words}*{length}"
        scratch_type = tensor((SLOTS, columns), "i64")
        size = "" if isinstance(length, int) else "%n"
        empty = (
            f"  %c = arith.constant {words} : index\n  %n = arith.muli %c, %{length} : index\n"
            if size
            else ""
        )
        empty += f"  %w = tensor.empty({size}) : {scratch_type}\n"
        scratch, returned = scratch_type, ("%r, %w", f"{order_type}, {scratch_type}")
    operands, types = (
        ("%a, {axis}, %w", f"{type_}, {scratch}") if scratch else ("%a, {axis}", type_)
    )
    operands = operands.format(axis=axis)
    return f"""
builtin.module attributes {{fxlower.machine = "{machine}"}} {{
func.func @k(%a: {type_}{strided(strides)}{symbol_arguments([*dims, *result])}) -> ({returned[1]}) attributes {{fxlower.kernel = "sort"}} {{
{empty}  %r = fxt.argsort "{order}", {operands}{attributes} : ({types}) -> {order_type}
  func.return {returned[0]} : {returned[1]}
}}
}}
"""


def argsort(
    a: Array, axis: int, element: str = "f32", symbols: dict[int, str] | None = None, **options: Any
) -> Array:
    """What the kernel makes of `a`, some of whose dims may be symbols."""
    names = symbols or {}
    dims: list[Dim] = [names.get(d, n) for d, n in enumerate(a.shape)]
    shape = list(a.shape)
    count = options.get("count")
    shape[axis] = a.shape[axis] if count is None else count
    code = load_kernel(sort_text(dims, axis, element, **options), ["k"], PASSES)
    out = np.full(shape, -1, np.int64)
    guard = np.full((SLOTS, 4 * a.shape[axis] + 8), 7, np.int64)
    arrays = [a, out, guard] if "%w" in sort_text(dims, axis, element, **options) else [a, out]
    jit.call(code.address("k"), [*[x.ctypes.data for x in arrays], *[a.shape[d] for d in names]])
    return out


def expected(a: Array, axis: int, order: str = "ascending") -> Array:
    """Stable in both orders, NaN largest."""
    keys = a.astype(np.float64) if a.dtype.kind == "f" else a.astype(object)
    if order == "descending":
        keys = np.where(np.isnan(keys), -np.inf, -keys) if a.dtype.kind == "f" else -keys
        if a.dtype.kind == "f":  # NaN before infinity
            return np.lexsort((keys, ~np.isnan(a)), axis=axis)
    return np.argsort(keys, axis, kind="stable")


def values(shape: Sequence[int], element: str, seed: int = 0) -> Array:
    """With ties, and what is special of each kind of number."""
    rng = np.random.default_rng(seed)
    if element == "i1":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if element.startswith("f"):
        a = rng.integers(-9, 9, shape).astype(NUMPY[element]) / 2
        odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, np.nan, 1e-7], a.dtype)
    else:
        a = rng.integers(0, 99, shape).astype(NUMPY[element])
        odd = np.array([np.iinfo(a.dtype).max, np.iinfo(a.dtype).min, 0, 1], a.dtype)
    count = min(a.size, len(odd))
    a.reshape(-1)[rng.permutation(a.size)[:count]] = odd[:count]
    return a


@pytest.mark.parametrize("element", ["f16", "f32", "f64", "i1", "i8", "ui8", "i32", "i64"])
@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("size", [1, 37, RANKED, RANKED + 1, 700])
def test_elements(element: str, order: str, size: int) -> None:
    a = values((4, size), element)
    found = argsort(a, 1, element, order=order)
    np.testing.assert_array_equal(found, expected(a, 1, order))


@pytest.mark.parametrize("machine", ["x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("element", ["f32", "i64"])
def test_machines(machine: str, element: str) -> None:
    for size, count in [(37, None), (300, None), (2000, 5)]:
        a = values((3, size), element)
        found = argsort(a, 1, element, count=count, machine=machine)
        np.testing.assert_array_equal(found, expected(a, 1)[:, :count])


@pytest.mark.parametrize(
    "shape", [(7,), (5, 130), (130, 5), (3, 140, 33), (0, 4), (0, 140), (1, 1)]
)
def test_shapes(shape: tuple[int, ...]) -> None:
    for axis in range(len(shape)):
        if shape[axis]:
            a = values(shape, "f32")
            np.testing.assert_array_equal(argsort(a, axis), expected(a, axis))


@pytest.mark.parametrize("element", ["f32", "i64", "ui8", "f64"])
@pytest.mark.parametrize(
    ("size", "count"), [(8, 2), (100, 99), (300, 1), (300, 8), (5000, 50), (1000, 900)]
)
def test_first_ones(element: str, size: int, count: int) -> None:
    a = values((3, size), element)
    for order in ("ascending", "descending"):
        found = argsort(a, 1, element, order=order, count=count)
        np.testing.assert_array_equal(found, expected(a, 1, order)[:, :count])


def test_first_ones_of_equal_and_of_ordered_elements() -> None:
    for a in (np.zeros((1, 500), np.float32), np.arange(500, dtype=np.float32)[None]):
        for order in ("ascending", "descending"):
            found = argsort(a, 1, order=order, count=9)
            np.testing.assert_array_equal(found, expected(a, 1, order)[:, :9])


def test_symbolic_sizes() -> None:
    for shape in [(3, 5), (1, 1), (2, 0), (0, 7), (7, 129), (5, 1000)]:
        a = values(shape, "f32")
        for axis in (0, 1):
            found = argsort(a, axis, symbols={0: "d0", 1: "d1"})
            np.testing.assert_array_equal(found, expected(a, axis), str(shape))
    for size in (9, 64, 65, 500):
        a = values((2, size), "f64")
        found = argsort(a, 1, "f64", symbols={1: "d0"}, count=9)
        np.testing.assert_array_equal(found, expected(a, 1)[:, :9], str(size))


def test_transposed_operand() -> None:
    for rows in (40, 200):
        base = values((rows, 30), "f32")
        code = load_kernel(sort_text((30, rows), 1, strides=(1, 30)), ["k"], PASSES)
        out, scratch = np.zeros((30, rows), np.int64), np.zeros((SLOTS, 2 * rows), np.int64)
        arrays = [base, out, scratch] if rows > RANKED else [base, out]
        jit.call(code.address("k"), [x.ctypes.data for x in arrays])
        np.testing.assert_array_equal(out, expected(base.T, 1))


@pytest.mark.parametrize("element", ["f16", "f32", "f64", "i1", "ui8", "i64"])
@pytest.mark.parametrize("op", ["cumargmax", "cumargmin"])
@pytest.mark.parametrize("axis", [0, 1])
def test_running_extrema(element: str, op: str, axis: int) -> None:
    a = values((9, 37), element)
    type_, result = tensor((9, 37), element.removeprefix("u")), tensor((9, 37), "i64")
    text = scan_text((9, 37), axis, element.removeprefix("u"), op).replace(
        f"-> {type_}", f"-> {result}"
    )
    text = text.replace(f"%r : {type_}", f"%r : {result}")
    if element.startswith("u"):
        text = text.replace(f"%a, {axis} :", f"%a, {axis} {{fxlower.unsigned}} :")
    out = np.zeros((9, 37), np.int64)
    code = load_kernel(text, ["k"], PASSES)
    jit.call(code.address("k"), [a.ctypes.data, out.ctypes.data])
    for place in np.ndindex(a.shape):
        row = a[: place[0] + 1, place[1]] if axis == 0 else a[place[0], : place[1] + 1]
        numbers = row.astype(np.float64) if a.dtype.kind == "f" else row.astype(object)
        best = numbers.max() if op == "cumargmax" else numbers.min()
        same = np.isnan(numbers) if best != best else numbers == best
        assert out[place] == np.nonzero(same)[0][-1], place
