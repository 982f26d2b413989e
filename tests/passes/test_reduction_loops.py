"""Kernels of kind `loops` that reduce, from text to machine code, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.passes.kernels import NUMPY, KernelText, check, random


@pytest.mark.parametrize(
    "rows,columns", [(1, 7), (3, 16), (5, 100), (40, 33), (300, 64), (2, 5000)]
)
@pytest.mark.parametrize(
    "kind,neutral,reduce",
    [
        ("arith.addf", "0.0", np.sum),
        ("arith.maximumf", "0xFF800000", np.max),
        ("arith.minimumf", "0x7F800000", np.min),
        ("arith.mulf", "1.0", np.prod),
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_reduction(rows, columns, kind, neutral, reduce, axis):
    k = KernelText()
    # Loop dims: the kept one first, then the reduced one.
    x = k.input("x", "f32", (rows, columns))
    kept = columns if axis == 0 else rows
    init = k.fill(neutral, "f32", (kept,))
    map_ = "10" if axis == 0 else "01"
    body = f"%r = {kind} %a, %o : f32; %r"
    r = k.generic([(x, map_)], "f32", (kept,), "0", body, rank=2, init=init)
    a = random((rows, columns))
    if reduce is np.prod:
        a = (1 + a / 100).astype(np.float32)
    check(k.text(r), [a], [reduce(a, axis=axis)], rtol=1e-5, atol=1e-5)


def softmax(rows, columns, machine="host", strides=None):
    k = KernelText(machine)
    for d in (rows, columns):
        if isinstance(d, str):
            k.symbol(d)
    x = k.input("x", "f32", (rows, columns), strides)
    low, zero = k.fill("0xFF800000", "f32", (rows,)), k.fill("0.0", "f32", (rows,))
    m = k.generic(
        [(x, "01")], "f32", (rows,), "0", "%r = arith.maximumf %a, %o : f32; %r", rank=2, init=low
    )
    e = k.generic(
        [(x, "01"), (m, "0")],
        "f32",
        (rows, columns),
        "01",
        "%s = arith.subf %a, %b : f32; %r = math.exp %s : f32; %r",
    )
    s = k.generic(
        [(e, "01")], "f32", (rows,), "0", "%r = arith.addf %a, %o : f32; %r", rank=2, init=zero
    )
    r = k.generic(
        [(e, "01"), (s, "0")],
        "f32",
        (rows, columns),
        "01",
        "%r = arith.divf %a, %b : f32; %r",
    )
    return k.text(r)


def numpy_softmax(a, axis=-1):
    e = np.exp(a.astype(np.float64) - a.max(axis, keepdims=True))
    return (e / e.sum(axis, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("rows,columns", [(1, 1), (4, 7), (3, 64), (70, 100), (500, 512)])
@pytest.mark.parametrize("dynamic", [False, True])
def test_softmax(rows, columns, dynamic):
    a = random((rows, columns))
    if dynamic:
        symbols = {"d0": rows, "d1": columns}
        check(softmax("d0", "d1"), [a], [numpy_softmax(a)], symbols)
    else:
        check(softmax(rows, columns), [a], [numpy_softmax(a)])


@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
@pytest.mark.parametrize("rows,columns", [(5, 9), (16, 64), (37, 100), (70, 2001)])
def test_softmax_of_transposed_rows(rows, columns, machine):
    a = random((columns, rows))
    text = softmax(rows, columns, machine, strides=(1, rows))
    check(text, [a], [numpy_softmax(a.T)])


@pytest.mark.parametrize("schedule_dim", [0, 1, 2])
@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
@pytest.mark.parametrize("element", ["f32", "f64", "i8", "i16", "i32"])
def test_any_dim_may_be_the_vector(schedule_dim, machine, element):
    schedule = (
        f"[{{vector_dim = {schedule_dim} : i64, width = 8 : i64, unroll = 2 : i64, "
        "grain = 2 : i64, chunk = 16 : i64}]"
    )
    k = KernelText(machine, schedule)
    dims = (5, 19, 37)
    x, y = k.input("x", element, dims), k.input("y", element, (19,))
    z = k.input("z", element, (37, 5))
    op = "arith.addf" if element.startswith("f") else "arith.addi"
    body = f"%s = {op} %a, %b : {element}; %r = {op} %s, %c : {element}; %r"
    r = k.generic([(x, "012"), (y, "1"), (z, "20")], element, dims, "012", body)
    a, b, c = random(dims, element), random(19, element, 1), random((37, 5), element, 2)
    check(k.text(r), [a, b, c], [a + b[:, None] + c.T[:, None, :]])


@pytest.mark.parametrize("rows,columns", [(3, 5), (70, 64), (2, 1000)])
@pytest.mark.parametrize(
    "kind,neutral,reduce", [("ori", "false", np.any), ("andi", "true", np.all)]
)
@pytest.mark.parametrize("axis", [0, 1, None])
def test_any_and_all(rows, columns, kind, neutral, reduce, axis):
    k = KernelText()
    x = k.input("x", "i1", (rows, columns))
    kept = () if axis is None else (columns,) if axis == 0 else (rows,)
    init = k.fill(neutral, "i1", kept)
    map_ = "10" if axis == 0 else "01"
    out = "" if axis is None else "0"
    body = f"%r = arith.{kind} %a, %o : i1; %r"
    r = k.generic([(x, map_)], "i1", kept, out, body, rank=2, init=init)
    for fill in (0.02, 0.98):
        a = np.random.default_rng(0).random((rows, columns)) < fill
        check(k.text(r), [a], [np.asarray(reduce(a, axis=axis))])


@pytest.mark.parametrize(
    "kind,neutral,reduce",
    [
        ("addi", "0", np.sum),
        ("maxsi", "-128", np.max),
        ("minsi", "127", np.min),
        ("xori", "0", np.bitwise_xor.reduce),
    ],
)
@pytest.mark.parametrize("element", ["i8", "i16", "i32", "i64"])
@pytest.mark.parametrize("columns", [5, 64, 1001])
@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
def test_integer_reductions(kind, neutral, reduce, element, columns, machine):
    k = KernelText(machine)
    x = k.input("x", element, (3, columns))
    init = k.fill(neutral, element, (3,))
    body = f"%r = arith.{kind} %o, %a : {element}; %r"
    r = k.generic([(x, "01")], element, (3,), "0", body, rank=2, init=init)
    a = random((3, columns), element)
    check(k.text(r), [a], [reduce(a, axis=1).astype(a.dtype)])


@pytest.mark.parametrize(
    "dims,kept",
    [
        ((4, 6, 5, 7), "1"),
        ((4, 6, 5, 7), "01"),
        ((4, 6, 5, 7), "3"),
        ((2, 1, 40, 3), "03"),
        ((4, 6, 5, 7), ""),
        ((1, 100, 1, 200), ""),
        ((3, 50, 1, 1), "0"),
    ],
)
@pytest.mark.parametrize("dynamic", [False, True])
def test_sums_over_several_dims(dims, kept, dynamic):
    order = kept + "".join(d for d in "0123" if d not in kept)
    map_ = "".join(str(order.index(d)) for d in "0123")
    k = KernelText()
    names = [f"d{i}" if dynamic else d for i, d in enumerate(dims)]
    if dynamic:
        for n in names:
            k.symbol(n)
    x = k.input("x", "f32", names)
    shape = [names[int(d)] for d in kept]
    init = k.fill("0.0", "f32", shape)
    out = "".join(str(i) for i in range(len(kept)))
    r = k.generic(
        [(x, map_)], "f32", shape, out, "%r = arith.addf %a, %o : f32; %r", rank=4, init=init
    )
    a = random(dims)
    expected = a.sum(axis=tuple(i for i in range(4) if str(i) not in kept), dtype=np.float64)
    symbols = {f"d{i}": d for i, d in enumerate(dims)} if dynamic else {}
    check(k.text(r), [a], [expected.astype(np.float32)], symbols, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dynamic", [False, True])
def test_long_sums_stay_accurate(dynamic):
    size = 5_000_000
    k = KernelText()
    if dynamic:
        k.symbol("d0")
    x = k.input("x", "f32", ("d0" if dynamic else size,))
    init = k.fill("0.0", "f32", ())
    r = k.generic([(x, "0")], "f32", (), "", "%r = arith.addf %a, %o : f32; %r", rank=1, init=init)
    a = np.random.default_rng(0).random(size).astype(np.float32)
    expected = np.asarray(a.sum(dtype=np.float64)).astype(np.float32)
    check(k.text(r), [a], [expected], {"d0": size} if dynamic else {}, rtol=3e-7, atol=0)


def test_long_column_sums_stay_accurate():
    rows = 200_000
    k = KernelText()
    x = k.input("x", "f32", (rows, 20))
    init = k.fill("0.0", "f32", (20,))
    r = k.generic(
        [(x, "10")], "f32", (20,), "0", "%r = arith.addf %a, %o : f32; %r", rank=2, init=init
    )
    a = np.random.default_rng(0).random((rows, 20)).astype(np.float32)
    check(k.text(r), [a], [a.sum(0, dtype=np.float64).astype(np.float32)], rtol=1e-6)


def column_softmax(rows, columns):
    """Softmax over dim 0: lanes along the columns, row buffers over rows."""
    k = KernelText()
    for d in (columns, rows):
        if isinstance(d, str):
            k.symbol(d)
    x = k.input("x", "f32", (rows, columns))
    low, zero = k.fill("0xFF800000", "f32", (columns,)), k.fill("0.0", "f32", (columns,))
    maximum, add = "%r = arith.maximumf %a, %o : f32; %r", "%r = arith.addf %a, %o : f32; %r"
    m = k.generic([(x, "10")], "f32", (columns,), "0", maximum, rank=2, init=low)
    body = "%s = arith.subf %a, %b : f32; %r = math.exp %s : f32; %r"
    e = k.generic([(x, "10"), (m, "0")], "f32", (rows, columns), "10", body)
    s = k.generic([(e, "10")], "f32", (columns,), "0", add, rank=2, init=zero)
    body = "%r = arith.divf %a, %b : f32; %r"
    r = k.generic([(e, "10"), (s, "0")], "f32", (rows, columns), "10", body)
    return k.text(r)


@pytest.mark.parametrize("rows,columns", [(1, 1), (7, 4), (64, 3), (100, 70), (12, 500)])
@pytest.mark.parametrize("dynamic", [False, True])
def test_column_softmax(rows, columns, dynamic):
    a = random((rows, columns))
    if dynamic:
        symbols = {"d1": columns, "d0": rows}
        check(column_softmax("d0", "d1"), [a], [numpy_softmax(a, 0)], symbols)
    else:
        check(column_softmax(rows, columns), [a], [numpy_softmax(a, 0)])


@pytest.mark.parametrize("rows,columns", [(2, 5), (10, 768), (33, 100)])
def test_layer_norm_with_several_results(rows, columns):
    k = KernelText()
    x, w = k.input("x", "f32", (rows, columns)), k.input("w", "f32", (columns,))
    zero = k.fill("0.0", "f32", (rows,))
    add = "%r = arith.addf %a, %o : f32; %r"
    s = k.generic([(x, "01")], "f32", (rows,), "0", add, rank=2, init=zero)
    count = f"%n = arith.constant {float(columns)} : f32; %r = arith.divf %a, %n : f32; %r"
    mean = k.generic([(s, "0")], "f32", (rows,), "0", count)
    centered = k.generic(
        [(x, "01"), (mean, "0")], "f32", (rows, columns), "01", "%r = arith.subf %a, %b : f32; %r"
    )
    square = "%q = arith.mulf %a, %a : f32; %r = arith.addf %q, %o : f32; %r"
    v = k.generic([(centered, "01")], "f32", (rows,), "0", square, rank=2, init=zero)
    body = (
        f"%n = arith.constant {float(columns)} : f32; %m = arith.divf %a, %n : f32;"
        "%e = arith.constant 1.0e-5 : f32; %p = arith.addf %m, %e : f32; %r = math.rsqrt %p : f32;"
        "%r"
    )
    rstd = k.generic([(v, "0")], "f32", (rows,), "0", body)
    body = "%s = arith.mulf %a, %b : f32; %r = arith.mulf %s, %c : f32; %r"
    r = k.generic([(centered, "01"), (rstd, "0"), (w, "1")], "f32", (rows, columns), "01", body)
    a, b = random((rows, columns)), random(columns, seed=1)
    mu = a.mean(1, keepdims=True, dtype=np.float64)
    inv = 1 / np.sqrt(a.var(1, keepdims=True, dtype=np.float64) + 1e-5)
    expected = [(a - mu) * inv * b, mu[:, 0], inv[:, 0]]
    expected = [e.astype(np.float32) for e in expected]
    check(k.text(r, mean, rstd), [a, b], expected, rtol=1e-5, atol=1e-5)


COMBINE = {
    "f32": ("0.0", "%r = arith.addf %a, %o : f32; %r", lambda a: a.sum(1, dtype=np.float64)),
    "f64": ("0xFFF0000000000000", "%r = arith.maximumf %a, %o : f64; %r", lambda a: a.max(1)),
    "i64": ("0", "%r = arith.addi %a, %o : i64; %r", lambda a: a.sum(1)),
    "i8": ("127", "%r = arith.minsi %a, %o : i8; %r", lambda a: a.min(1)),
    "i1": ("false", "%r = arith.ori %a, %o : i1; %r", lambda a: a.any(1)),
}


@pytest.mark.parametrize("element", COMBINE)
@pytest.mark.parametrize("rows", [2, 4, 8, 16])
@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
def test_rows_at_once(element, rows, machine):
    """Their lanes are combined together, in the order of the rows, and the last ones apart."""
    neutral, body, reference = COMBINE[element]
    count, columns = 37, 21
    lanes = max(rows, {"f64": 8, "i64": 8}.get(element, 16))
    schedule = (
        f"[{{vector_dim = 1 : i64, width = {lanes} : i64, unroll = 2 : i64, grain = 1 : i64, "
        f"chunk = 1 : i64, rows = {rows} : i64}}]"
    )
    k = KernelText(machine=machine, schedule=schedule)
    x = k.input("x", element, (count, columns))
    init = k.fill(neutral, element, (count,))
    r = k.generic([(x, "01")], element, (count,), "0", body, rank=2, init=init)
    random_bits = np.random.default_rng(0)
    a = random_bits.integers(-50, 50, (count, columns)).astype(NUMPY[element])
    if element == "i1":
        a = random_bits.random((count, columns)) < 0.03
    check(k.text(r), [a], [reference(a).astype(NUMPY[element])])


@pytest.mark.parametrize("rows,columns", [(5, 70), (100, 300), (1000, 129), (3000, 65)])
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
def test_strips_of_columns(rows, columns, dynamic, machine):
    """A mean and what is around it, row block by row block, with both in buffers of lanes."""
    schedule = (
        "[{vector_dim = 0 : i64, width = 16 : i64, unroll = 2 : i64, grain = 1 : i64, "
        "chunk = 128 : i64}]"
    )
    k = KernelText(machine=machine, schedule=schedule)
    sizes = ("d0", "d1") if dynamic else (rows, columns)
    for size in sizes if dynamic else ():
        k.symbol(size)
    x = k.input("x", "f32", sizes)
    zero = k.fill("0.0", "f32", sizes[1:])
    add = "%r = arith.addf %a, %o : f32; %r"
    s = k.generic([(x, "10")], "f32", sizes[1:], "0", add, rank=2, init=zero)
    count = f"%n = arith.constant {float(rows)} : f32; %r = arith.divf %a, %n : f32; %r"
    mean = k.generic([(s, "0")], "f32", sizes[1:], "0", count)
    away = "%r = arith.subf %a, %b : f32; %r"
    centered = k.generic([(x, "10"), (mean, "0")], "f32", sizes, "10", away)
    square = "%q = arith.mulf %a, %a : f32; %r = arith.addf %q, %o : f32; %r"
    spread = k.generic([(centered, "10")], "f32", sizes[1:], "0", square, rank=2, init=zero)
    a = random((rows, columns)) + 3
    exact = a.astype(np.float64)
    expected = [exact.mean(0), exact - exact.mean(0), ((exact - exact.mean(0)) ** 2).sum(0)]
    symbols = {"d0": rows, "d1": columns} if dynamic else {}
    expected = [e.astype(np.float32) for e in expected]
    check(k.text(mean, centered, spread), [a], expected, symbols, rtol=2e-6, atol=2e-6)
