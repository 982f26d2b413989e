"""Contraction kernels against numpy: shapes, strides, element types, symbolic sizes."""
# ruff: noqa: E501  (lines of IR)

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from contraction_text import contraction, strided, tensor, with_epilogue  # noqa: E402
from kernel_runner import load_kernel, parse, run_passes  # noqa: E402

from fxlower.runtime import jit  # noqa: E402

PASSES = "tile-contractions,convert-tile-to-vector,vectorize"
NUMPY = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
}
TOLERANCE = {"f32": 1e-5, "f64": 1e-14, "f16": 2e-3}

Array = np.ndarray[Any, Any]


@cache
def compiled(text: str) -> jit.LoadedCode:
    return load_kernel(text, ["mm"], PASSES)


def memory(shape: Sequence[int], strides: Sequence[int], dtype: Any) -> Array:
    """An array with exactly these strides, in elements, over its own memory."""
    span = 1 + sum((n - 1) * s for n, s in zip(shape, strides)) if prod(shape) else 1
    base = np.zeros(span, dtype)
    item = base.itemsize
    return np.lib.stride_tricks.as_strided(base, shape, [s * item for s in strides])


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def random(rng: np.random.Generator, shape: Sequence[int], element: str) -> Array:
    if element.startswith("f"):
        return rng.standard_normal(shape).astype(NUMPY[element])
    return rng.integers(-100, 100, shape).astype(NUMPY[element])


def check(
    text: str,
    sizes: Sequence[int],
    element: str = "f32",
    *,
    lhs_strides: Sequence[int] | None = None,
    rhs_strides: Sequence[int] | None = None,
    out_strides: Sequence[int] | None = None,
    symbols: Sequence[int] = (),
) -> None:
    """Run the kernel in `text` and compare with numpy."""
    *batch, m, n, k = sizes
    rng = np.random.default_rng(0)
    shapes = (*batch, m, k), (*batch, k, n), (*batch, m, n)
    strides = (lhs_strides, rhs_strides, out_strides)
    arrays = [
        memory(shape, stride or contiguous(shape), NUMPY[element])
        for shape, stride in zip(shapes, strides)
    ]
    lhs, rhs, out = arrays
    for array in (lhs, rhs):
        array[...] = random(rng, array.shape, element)
    out[...] = 99
    jit.call(compiled(text).address("mm"), [*[a.ctypes.data for a in arrays], *symbols])
    wide = np.float64 if element.startswith("f") else np.int64
    expected = np.matmul(lhs.astype(wide), rhs.astype(wide))
    if not element.startswith("f"):
        np.testing.assert_array_equal(out, expected.astype(NUMPY[element]))
        return
    bound = np.matmul(abs(lhs).astype(wide), abs(rhs).astype(wide)) * TOLERANCE[element] + 1e-30
    assert (abs(out - expected) <= bound).all(), abs(out - expected).max()


SHAPES = [
    (128, 96, 64),
    (64, 64, 64),
    (33, 31, 65),
    (100, 130, 401),
    (14, 32, 16),
    (5, 200, 30),
    (200, 5, 30),
    (61, 67, 1),
    (129, 257, 770),
]


@pytest.mark.parametrize("sizes", SHAPES)
def test_shapes(sizes: tuple[int, int, int]) -> None:
    check(contraction(sizes), sizes)


@pytest.mark.parametrize("sizes", [(40, 70, 50), (128, 64, 96), (37, 129, 400)])
@pytest.mark.parametrize("lhs", ["rows", "columns", "neither"])
@pytest.mark.parametrize("rhs", ["rows", "columns", "neither"])
def test_operand_strides(sizes: tuple[int, int, int], lhs: str, rhs: str) -> None:
    m, n, k = sizes

    def strides(kind: str, rows: int, columns: int) -> tuple[int, int]:
        return {"rows": (columns + 3, 1), "columns": (1, rows + 1), "neither": (2 * columns, 2)}[
            kind
        ]

    chosen = {"lhs_strides": strides(lhs, m, k), "rhs_strides": strides(rhs, k, n)}
    check(contraction(sizes, **chosen), sizes, **chosen)


@pytest.mark.parametrize("out", [(1, 80), (160, 2), (200, 1)])
@pytest.mark.parametrize("sizes", [(80, 70, 500), (3, 70, 50)])
def test_result_strides(sizes: tuple[int, int, int], out: tuple[int, int]) -> None:
    check(contraction(sizes, out_strides=out), sizes, out_strides=out)


@pytest.mark.parametrize("element", ["f32", "f64", "f16", "i8", "i16", "i32", "i64"])
@pytest.mark.parametrize("sizes", [(40, 70, 50), (2, 130, 90), (90, 1, 130), (13, 11, 7)])
@pytest.mark.parametrize("transposed", [False, True])
def test_elements(element: str, sizes: tuple[int, int, int], transposed: bool) -> None:
    rhs = (1, sizes[2]) if transposed else None
    check(contraction(sizes, element=element, rhs_strides=rhs), sizes, element, rhs_strides=rhs)


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_few_rows_or_columns(rows: int, transposed: bool, swapped: bool) -> None:
    sizes = (300, rows, 200) if swapped else (rows, 300, 200)
    m, n, k = sizes
    lhs = (1, m) if transposed and swapped else None
    rhs = (1, k) if transposed and not swapped else None
    check(
        contraction(sizes, lhs_strides=lhs, rhs_strides=rhs),
        sizes,
        lhs_strides=lhs,
        rhs_strides=rhs,
    )


@pytest.mark.parametrize("rows", [1, 2, 4, 5, 8, 13, 17])
@pytest.mark.parametrize("columns", [1, 2, 3, 31, 100])
@pytest.mark.parametrize("depth", [0, 1, 40, 402])
def test_rows_that_share_dot_products(rows: int, columns: int, depth: int) -> None:
    sizes, rhs = (rows, columns, depth), (1, depth + 2)
    check(contraction(sizes, rhs_strides=rhs), sizes, rhs_strides=rhs)


def test_dot_product() -> None:
    check(contraction((1, 1, 1000)), (1, 1, 1000))


@pytest.mark.parametrize(
    "sizes", [(6, 40, 50, 60), (2, 3, 33, 65, 34), (5, 1, 70, 40), (0, 8, 9, 7)]
)
def test_batches(sizes: tuple[int, ...]) -> None:
    check(contraction(sizes), sizes)


def test_broadcast_batch_by_stride() -> None:
    sizes = (4, 40, 50, 60)
    check(contraction(sizes, rhs_strides=(0, 50, 1)), sizes, rhs_strides=(0, 50, 1))


def test_operand_without_batch_dim() -> None:
    sizes = (4, 40, 50, 60)
    text = contraction(sizes, rhs_axes=(3, 2))
    rng = np.random.default_rng(0)
    lhs, rhs = random(rng, (4, 40, 60), "f32"), random(rng, (60, 50), "f32")
    out = np.full((4, 40, 50), 99, np.float32)
    jit.call(compiled(text).address("mm"), [a.ctypes.data for a in (lhs, rhs, out)])
    np.testing.assert_allclose(out, lhs @ rhs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sizes", [(0, 8, 9), (8, 0, 9), (8, 9, 0), (70, 90, 0), (0, 0, 0)])
def test_empty(sizes: tuple[int, int, int]) -> None:
    check(contraction(sizes), sizes)


SYMBOLIC = [(1, 1, 1), (0, 5, 6), (5, 0, 6), (5, 6, 0), (7, 100, 33), (130, 65, 401), (300, 70, 64)]


@pytest.mark.parametrize("sizes", SYMBOLIC)
@pytest.mark.parametrize("element", ["f32", "f16", "i32"])
@pytest.mark.parametrize("transposed", [False, True])
def test_symbolic_sizes(sizes: tuple[int, int, int], element: str, transposed: bool) -> None:
    """One kernel serves all sizes."""
    m, n, k = sizes
    text = contraction(
        ("d0", "d1", "d2"), element=element, rhs_strides=(1, "d2") if transposed else None
    )
    rhs = (1, max(k, 1)) if transposed else None
    check(text, sizes, element, rhs_strides=rhs, symbols=sizes)


@pytest.mark.parametrize("rows", [1, 4, 5, 64, 131])
def test_symbolic_rows_and_batch(rows: int) -> None:
    text = contraction(("d0", "d1", 96, 64))
    for batch in (1, 3):
        check(text, (batch, rows, 96, 64), symbols=(batch, rows))


def test_reads_nothing_outside() -> None:
    """Rows and columns beyond the edges hold NaN, which would show in the result."""
    sizes = (37, 45, 70)
    text = contraction(sizes, lhs_strides=(80, 1), rhs_strides=(50, 1))
    rng = np.random.default_rng(0)
    lhs, rhs = np.full((64, 80), np.nan, np.float32), np.full((96, 50), np.nan, np.float32)
    lhs[:37, :70], rhs[:70, :45] = random(rng, (37, 70), "f32"), random(rng, (70, 45), "f32")
    out = np.full((37 + 10, 45), 99, np.float32)
    jit.call(compiled(text).address("mm"), [a.ctypes.data for a in (lhs, rhs, out)])
    np.testing.assert_allclose(out[:37], lhs[:37, :70] @ rhs[:70, :45], rtol=1e-4, atol=1e-4)
    assert (out[37:] == 99).all()


def test_bf16_rounds_once() -> None:
    torch = pytest.importorskip("torch")
    sizes = (48, 80, 300)
    lhs, rhs = (torch.randn(s).bfloat16() for s in ((48, 300), (300, 80)))
    out = torch.empty(48, 80, dtype=torch.bfloat16)
    code = compiled(contraction(sizes, element="bf16"))
    jit.call(code.address("mm"), [t.data_ptr() for t in (lhs, rhs, out)])
    expected = (lhs.double() @ rhs.double()).bfloat16()
    assert (out.float() - expected.float()).abs().max() <= 2**-7 * expected.float().abs().max()
    assert (out == expected).float().mean() > 0.99


@pytest.mark.parametrize("machine", ["x86-64-v3", "x86-64-v4", "aarch64-neon", "riscv64-v"])
@pytest.mark.parametrize("sizes", [(40, 70, 500), (2, 70, 50)])
def test_lowers_for_other_machines(machine: str, sizes: tuple[int, int, int]) -> None:
    module = parse(
        f'builtin.module attributes {{fxlower.machine = "{machine}"}} {{{contraction(sizes)}}}'
    )
    run_passes(module, f"{PASSES},expand-math,convert-to-llvm")


@pytest.mark.parametrize("sizes", [(50, 70, 90), (13, 70, 800), (3, 5, 90)])
@pytest.mark.parametrize("transposed", [False, True])
def test_epilogue(sizes: tuple[int, int, int], transposed: bool) -> None:
    """A bias and a scale after the product."""
    m, n, k = sizes
    out = tensor((m, n), "f32")
    text = contraction(sizes, rhs_strides=(1, k) if transposed else None).replace(
        f"func.return %c : {out}",
        f"""%e = tensor.empty() : {out}
  %r = linalg.generic {{indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}} ins(%c, %bias : {out}, tensor<{n}xf32>) outs(%e : {out}) {{
  ^bb0(%v: f32, %w: f32, %o: f32):
    %q = arith.addf %v, %w : f32
    linalg.yield %q : f32
  }} -> {out}
  %e2 = tensor.empty() : {out}
  %r2 = linalg.generic {{indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}} ins(%r : {out}) outs(%e2 : {out}) {{
  ^bb0(%v: f32, %o: f32):
    %two = arith.constant 2.0 : f32
    %q = arith.mulf %v, %two : f32
    linalg.yield %q : f32
  }} -> {out}
  func.return %r2 : {out}""",
    )
    text = text.replace(") -> (", f", %bias: tensor<{n}xf32>{strided((2,))}) -> (", 1)
    rng = np.random.default_rng(0)
    lhs, rhs, bias = (random(rng, s, "f32") for s in ((m, k), (k, n), (2 * n,)))
    if transposed:
        rhs = np.asfortranarray(rhs)
    result = np.empty((m, n), np.float32)
    jit.call(compiled(text).address("mm"), [a.ctypes.data for a in (lhs, rhs, bias, result)])
    np.testing.assert_allclose(result, (lhs @ rhs + bias[::2]) * 2, rtol=1e-4, atol=1e-4)


def with_schedule(sizes: Sequence[int | str], schedule: dict[str, int], **options: Any) -> str:
    written = ", ".join(f"{k} = {v} : i64" for k, v in schedule.items())
    return contraction(sizes, schedule=written, **options)


def blocked(mr: int, nr: int, kc: int, left: int, right: int) -> dict[str, int]:
    sizes = {"mr": mr, "nr": nr, "mc": 3 * mr, "nc": 2 * nr, "kc": kc, "grain": 1}
    return {**sizes, "pack_left": left, "pack_right": right, "prefetch": left}


IN_PLACE = [(18, 64, 40), (19, 35, 40), (5, 100, 33), (37, 31, 70), (3, 5, 2), (17, 33, 0)]


@pytest.mark.parametrize("sizes", IN_PLACE)
@pytest.mark.parametrize("kc", [16, 80])
@pytest.mark.parametrize("left, right", [(0, 1), (1, 0), (0, 0), (1, 1)])
@pytest.mark.parametrize("symbolic", [False, True])
def test_operands_in_place(
    sizes: tuple[int, int, int], kc: int, left: int, right: int, symbolic: bool
) -> None:
    m, n, k = sizes
    dims = (("d0" if left else m, "d1", "d2")) if symbolic else sizes
    text = with_schedule(dims, blocked(6, 32, kc, left, right))
    symbols = [size for dim, size in zip(dims, sizes) if isinstance(dim, str)]
    check(text, sizes, symbols=symbols)


@pytest.mark.parametrize("lhs", [(1, 40), (90, 2), (0, 1)])
@pytest.mark.parametrize("out", [(70, 1), (1, 40), (200, 2)])
def test_left_operand_in_place_of_any_strides(lhs: tuple[int, int], out: tuple[int, int]) -> None:
    sizes = (37, 45, 29)
    text = with_schedule(sizes, blocked(6, 32, 16, 0, 1), lhs_strides=lhs, out_strides=out)
    check(text, sizes, lhs_strides=lhs, out_strides=out)


@pytest.mark.parametrize("left, right", [(0, 1), (1, 0), (0, 0)])
@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
def test_reads_nothing_outside_in_place(left: int, right: int, machine: str) -> None:
    """The operands end where a page does that may not be read."""
    sizes = (37, 45, 70)
    text = with_schedule(sizes, blocked(6, 16, 32, left, right))
    text = f'builtin.module attributes {{fxlower.machine = "{machine}"}} {{{text}}}'
    rng = np.random.default_rng(0)
    lhs, rhs = (before_a_guard(s) for s in ((37, 70), (70, 45)))
    lhs[...], rhs[...] = random(rng, lhs.shape, "f32"), random(rng, rhs.shape, "f32")
    out = np.full((37 + 10, 45), 99, np.float32)
    jit.call(compiled(text).address("mm"), [a.ctypes.data for a in (lhs, rhs, out)])
    np.testing.assert_allclose(out[:37], lhs @ rhs, rtol=1e-4, atol=1e-4)
    assert (out[37:] == 99).all()


def before_a_guard(shape: tuple[int, int]) -> Array:
    """An array of floats whose last element is the last before memory that faults when read."""
    page, size = mmap.PAGESIZE, prod(shape) * 4
    pages = -(-size // page)
    region = mmap.mmap(-1, (pages + 1) * page)
    whole = np.frombuffer(region, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    guard = ctypes.c_void_p(whole.ctypes.data + pages * page)
    assert libc.mprotect(guard, ctypes.c_size_t(page), 0) == 0
    return whole[pages * page - size : pages * page].view(np.float32).reshape(shape)


@pytest.mark.parametrize("sizes", [(2, 18, 64, 40), (1, 19, 35, 70), (3, 5, 100, 9), (1, 4, 7, 0)])
@pytest.mark.parametrize("kc", [16, 80])
@pytest.mark.parametrize("left, right", [(1, 1), (0, 0)])
@pytest.mark.parametrize("symbolic", [False, True])
def test_epilogue_of_two_results(
    sizes: tuple[int, int, int, int], kc: int, left: int, right: int, symbolic: bool
) -> None:
    """A broadcast operand, one of other strides, and two results of other types and strides."""
    b, m, n, k = sizes
    dims = ("d0", "d1" if left else m, "d2", "d3") if symbolic else sizes
    schedule = blocked(6, 32, kc, left, right)
    scale = (m * n, 1, m)
    strides = (None, None, None, None) if symbolic else ((2,), scale, (m * n + 1, n, 1), scale)
    written = ", ".join(f"{key} = {v} : i64" for key, v in schedule.items())
    text = with_epilogue(dims, strides, written)
    rng = np.random.default_rng(0)
    lhs, rhs = random(rng, (b, m, k), "f32"), random(rng, (b, k, n), "f32")
    shapes = ((n,), (b, m, n), (b, m, n), (b, m, n))
    arrays = [
        memory(shape, own or contiguous(shape), dtype)
        for shape, own, dtype in zip(shapes, strides, (*[np.float32] * 3, np.float16))
    ]
    bias, scale_, first, second = arrays
    bias[...], scale_[...] = random(rng, bias.shape, "f32"), random(rng, scale_.shape, "f32")
    pointers = [a.ctypes.data for a in (lhs, rhs, *arrays)]
    symbols = [size for dim, size in zip(dims, sizes) if isinstance(dim, str)]
    jit.call(compiled(text).address("mm"), [*pointers, *symbols])
    expected = (np.matmul(lhs, rhs) + bias) * scale_
    np.testing.assert_allclose(first, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(second, expected.astype(np.float16), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    "sizes, packs",
    [
        ((128, 3000, 768), True),  # larger than twice the second cache
        ((16, 3000, 768), False),  # which few rows use
        ((128, 512, 200), True),  # its rows begin at two places of a page
        ((128, 240, 300), False),
        ((600, 240, 300), True),  # which many rows use
    ],
)
def test_a_right_operand_is_packed_where_that_pays(
    sizes: tuple[int, int, int], packs: bool
) -> None:
    module = parse(
        f'builtin.module attributes {{fxlower.machine = "x86-64-v4"}} {{{contraction(sizes)}}}'
    )
    run_passes(module, "choose-schedule")
    (kernel,) = module.body.block.ops
    schedule = kernel.attributes["fxlower.schedule"].data
    assert schedule["pack_right"].value.data == packs
    assert not (packs and schedule["prefetch"].value.data)
