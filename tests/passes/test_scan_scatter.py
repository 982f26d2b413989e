"""Scan and scatter kernels against numpy."""
# ruff: noqa: E501  (lines of IR)

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from contraction_text import Dim, strided, tensor  # noqa: E402
from kernel_runner import load_kernel  # noqa: E402

from fxlower.runtime import jit  # noqa: E402

PASSES = "convert-scan-to-scf,convert-scatter-to-scf,vectorize"
Array = np.ndarray[Any, Any]

NUMPY = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "i8": np.int8,
    "i32": np.int32,
    "i64": np.int64,
    "ui8": np.uint8,
    "i1": np.bool_,
}


@cache
def compiled(text: str) -> jit.LoadedCode:
    return load_kernel(text, ["k"], PASSES)


def call(text: str, arrays: Sequence[Array], symbols: Sequence[int] = ()) -> None:
    jit.call(compiled(text).address("k"), [*[a.ctypes.data for a in arrays], *symbols])


def symbol_arguments(dims: Sequence[Dim]) -> str:
    symbols = dict.fromkeys(d for d in dims if isinstance(d, str))
    return "".join(f', %{s}: index {{fxt.symbol = "{s}"}}' for s in symbols)


def scan_text(
    dims: Sequence[Dim],
    axis: int,
    element: str = "f32",
    op: str = "cumsum",
    strides: Sequence[Dim] | None = None,
) -> str:
    type_ = tensor(dims, element)
    return f"""
func.func @k(%a: {type_}{strided(strides)}{symbol_arguments(dims)}) -> {type_} attributes {{fxlower.kernel = "scan"}} {{
  %r = fxt.{op} %a, {axis} : ({type_}) -> {type_}
  func.return %r : {type_}
}}
"""


def values(rng: np.random.Generator, shape: Sequence[int], element: str) -> Array:
    if element.startswith("f"):
        return rng.standard_normal(shape).astype(NUMPY[element])
    if element == "i1":
        return rng.integers(0, 2, shape).astype(np.bool_)
    low, high = (0, 256) if element.startswith("u") else (-50, 50)
    return rng.integers(low, high, shape).astype(NUMPY[element])


@pytest.mark.parametrize(
    "shape", [(7,), (1000,), (5, 130), (130, 5), (3, 70, 33), (2, 3, 4, 5), (0, 4), (4, 0), (1, 1)]
)
def test_cumsum_of_shapes(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for axis in range(len(shape)):
        a, out = values(rng, shape, "f32"), np.full(shape, 99, np.float32)
        call(scan_text(shape, axis), [a, out])
        np.testing.assert_allclose(out, np.cumsum(a.astype(np.float64), axis), 1e-4, 1e-4)


@pytest.mark.parametrize("element", ["f32", "f64", "f16", "i8", "i32", "i64"])
@pytest.mark.parametrize("op", ["cumsum", "cumprod"])
@pytest.mark.parametrize("axis", [0, 1])
def test_elements_of_scans(element: str, op: str, axis: int) -> None:
    a = values(np.random.default_rng(0), (9, 37), element)
    out = np.zeros_like(a)
    call(scan_text((9, 37), axis, element, op), [a, out])
    numpy_op = np.cumsum if op == "cumsum" else np.cumprod
    if element.startswith("f"):
        expected = numpy_op(a.astype(np.float64), axis)
        tolerance = 2e-3 if element == "f16" else 1e-5
        np.testing.assert_allclose(out, expected, tolerance, tolerance)
    else:
        np.testing.assert_array_equal(out, numpy_op(a, axis, dtype=a.dtype))


def test_scan_of_a_transposed_operand() -> None:
    base = values(np.random.default_rng(0), (40, 30), "f32")
    out = np.zeros((30, 40), np.float32)
    for axis in (0, 1):
        call(scan_text((30, 40), axis, strides=(1, 30)), [base, out])
        np.testing.assert_allclose(out, np.cumsum(base.T.astype(np.float64), axis), 1e-4, 1e-4)


def test_scan_with_symbolic_sizes() -> None:
    rng = np.random.default_rng(0)
    for shape in [(3, 5), (1, 1), (0, 7), (7, 0), (64, 129)]:
        for axis in (0, 1):
            a, out = values(rng, shape, "f32"), np.full(shape, 99, np.float32)
            call(scan_text(("d0", "d1"), axis), [a, out], shape)
            np.testing.assert_allclose(out, np.cumsum(a.astype(np.float64), axis), 1e-4, 1e-4)


# ----------------------------------------------------------------------------- scatter


def scatter_text(
    mode: str,
    dest: Sequence[Dim],
    index: Sequence[Dim],
    axes: Sequence[int],
    *,
    element: str = "f32",
    iotas: Sequence[int | None] = (),
    fill: str | None = None,
    out_strides: Sequence[int] | None = None,
) -> str:
    """`iotas` gives for each axis the dim that an iota runs along, or None for an argument."""
    iotas = iotas or [None] * len(axes)
    attributes = " {fxlower.unsigned}" if element.startswith("ui") else ""
    element = element.removeprefix("u")
    updates = (*index, *(d for i, d in enumerate(dest) if i not in axes))
    types = {n: tensor(d, element) for n, d in (("d", dest), ("u", updates))}
    index_type = tensor(index, "i64")
    arguments = [] if fill else [f"%d: {types['d']}"]
    arguments.append(f"%u: {types['u']}")
    body = f"  %d = fxt.full {fill} : {types['d']}\n" if fill else ""
    for position, iota in enumerate(iotas):
        if iota is None:
            arguments.append(f"%i{position}: {index_type}")
        else:
            body += f"  %i{position} = fxt.iota {iota} : {index_type}\n"
    indices = ", ".join(f"%i{p}" for p in range(len(axes)))
    index_types = ", ".join([index_type] * len(axes))
    axes_text = ", ".join(map(str, axes))
    return f"""
func.func @k({", ".join(arguments)}{symbol_arguments([*dest, *index])}) -> ({types["d"]}{strided(out_strides)}) attributes {{fxlower.kernel = "scatter"}} {{
{body}  %r = fxt.scatter "{mode}", %d, %u, array<i64: {axes_text}>[{indices}]{attributes} : ({types["d"]}, {types["u"]}, {index_types}) -> {types["d"]}
  func.return %r : {types["d"]}
}}
"""


UFUNCS = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def reference(
    mode: str, dest: Array, updates: Array, axes: Sequence[int], indices: Sequence[Array]
) -> Array:
    """Update after update, in row-major order."""
    out = dest.copy()
    rest = [d for d in range(dest.ndim) if d not in axes]
    moved = np.moveaxis(out, list(axes) + rest, range(dest.ndim))
    for place in np.ndindex(indices[0].shape):
        where = tuple(int(i[place]) for i in indices)
        if mode == "set":
            moved[where] = updates[place]
        else:
            moved[where] = UFUNCS[mode](moved[where], updates[place])
    return out


@pytest.mark.parametrize("mode", ["set", "add", "mul", "max", "min"])
@pytest.mark.parametrize("element", ["f32", "f64", "f16", "i8", "i64", "ui8", "i1"])
@pytest.mark.parametrize("columns", [1, 37])
def test_rows(mode: str, element: str, columns: int) -> None:
    rng = np.random.default_rng(0)
    dest, updates = values(rng, (9, columns), element), values(rng, (20, columns), element)
    index = rng.integers(0, 9, 20)
    out = np.zeros_like(dest)
    call(
        scatter_text(mode, (9, columns), (20,), (0,), element=element), [dest, updates, index, out]
    )
    expected = reference(mode, dest, updates, (0,), [index])
    if element == "f16":
        np.testing.assert_allclose(out, expected, 1e-3, 1e-3)
    else:
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    "dest, index, axes",
    [
        ((9,), (20,), (0,)),
        ((9, 8), (5,), (1,)),
        ((9, 8), (30,), (0, 1)),
        ((9, 8), (30,), (1, 0)),
        ((4, 9, 8), (3, 5), (1,)),
        ((4, 9, 8, 33), (3, 5), (2, 0)),
        ((9, 8), (), (0,)),
        ((9, 8), (0,), (0,)),
        ((9, 0), (4,), (0,)),
        ((300, 600), (70,), (0,)),
    ],
)
@pytest.mark.parametrize("mode", ["set", "add"])
def test_axes(
    mode: str, dest: tuple[int, ...], index: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    rest = tuple(d for i, d in enumerate(dest) if i not in axes)
    d, u = values(rng, dest, "f32"), values(rng, (*index, *rest), "f32")
    indices = [np.asarray(rng.integers(0, dest[a], index), np.int64) for a in axes]
    out = np.full_like(d, 99)
    call(scatter_text(mode, dest, index, axes), [d, u, *indices, out])
    np.testing.assert_allclose(out, reference(mode, d, u, axes, indices), 1e-5, 1e-5)


@pytest.mark.parametrize("mode", ["set", "add"])
@pytest.mark.parametrize("along", [0, 1])
def test_iota_as_in_torch_scatter(mode: str, along: int) -> None:
    """`torch.scatter` along one dim: the other index is the position itself."""
    rng = np.random.default_rng(0)
    dest, updates = values(rng, (30, 40), "f32"), values(rng, (20, 35), "f32")
    index = rng.integers(0, dest.shape[along], (20, 35))
    iotas = [None, 1] if along == 0 else [0, None]
    out = np.zeros_like(dest)
    call(scatter_text(mode, (30, 40), (20, 35), (0, 1), iotas=iotas), [dest, updates, index, out])
    grid = np.indices((20, 35))
    indices = [index, grid[1]] if along == 0 else [grid[0], index]
    np.testing.assert_allclose(out, reference(mode, dest, updates, (0, 1), indices), 1e-5, 1e-5)


def test_destination_made_in_the_kernel() -> None:
    rng = np.random.default_rng(0)
    updates, index = values(rng, (50, 24), "f32"), rng.integers(0, 9, 50)
    out = np.full((9, 24), 99, np.float32)
    text = scatter_text("add", (9, 24), (50,), (0,), fill="1.000000e+00 : f32")
    call(text, [updates, index, out])
    expected = reference("add", np.ones((9, 24), np.float32), updates, (0,), [index])
    np.testing.assert_allclose(out, expected, 1e-5, 1e-5)


def test_strided_result() -> None:
    rng = np.random.default_rng(0)
    dest, updates = values(rng, (9, 24), "f32"), values(rng, (5, 24), "f32")
    index = rng.integers(0, 9, 5)
    base = np.zeros((24, 9), np.float32)
    call(scatter_text("set", (9, 24), (5,), (0,), out_strides=(1, 9)), [dest, updates, index, base])
    np.testing.assert_array_equal(base.T, reference("set", dest, updates, (0,), [index]))


def test_scatter_with_symbolic_sizes() -> None:
    rng = np.random.default_rng(0)
    text = scatter_text("add", ("d0", "d1"), ("d2",), (0,))
    for rows, columns, count in [(9, 24, 5), (1, 1, 1), (300, 700, 40), (3, 0, 2), (4, 5, 0)]:
        dest, updates = (values(rng, (n, columns), "f32") for n in (rows, count))
        index = rng.integers(0, rows, count)
        out = np.full_like(dest, 99)
        call(text, [dest, updates, index, out], (rows, columns, count))
        expected = reference("add", dest, updates, (0,), [index])
        np.testing.assert_allclose(out, expected, 1e-5, 1e-5)


def test_update_of_nothing_writes_nothing() -> None:
    """The index that a failed check goes on with, 0, is no place in an empty axis."""
    guard = np.full(64, 7, np.float32)
    updates, index = np.ones((3, 5), np.float32), np.zeros(3, np.int64)
    dynamic = scatter_text("add", ("d0", "d1"), ("d2",), (0,))
    call(dynamic, [guard[:0], updates, index, guard[32:32]], (0, 5, 3))
    call(scatter_text("set", (0, 5), (3,), (0,)), [guard[:0], updates, index, guard[32:32]])
    np.testing.assert_array_equal(guard, np.full(64, 7, np.float32))
