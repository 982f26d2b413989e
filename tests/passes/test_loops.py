"""Kernels of kind `loops`, from text to machine code, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.passes.kernels import NUMPY, KernelText, guarded, run

SIZES = [1, 3, 15, 16, 17, 64, 65, 100, 128, 1000]


def random(dims, element="f32", seed=0):
    generator = np.random.default_rng(seed)
    if element == "i1":
        return generator.integers(0, 2, dims).astype(np.bool_)
    if element.startswith("i"):
        return generator.integers(-50, 50, dims).astype(NUMPY[element])
    return generator.standard_normal(dims).astype(NUMPY[element])


def check(text, inputs, expected, symbols=None, rtol=2e-6, atol=1e-6, **options):
    """Runs with guarded arrays, and compares every result."""
    outputs = [guarded(np.zeros_like(e)) for e in expected]
    inputs = [guarded(np.asarray(i)) for i in inputs]
    trap = run(text, inputs, outputs, symbols, **options)
    for found, wanted in zip(outputs, expected):
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol)
    return trap


@pytest.mark.parametrize("size", SIZES)
def test_map(size):
    k = KernelText()
    x, y = k.input("x", "f32", (size,)), k.input("y", "f32", (size,))
    r = k.generic([(x, "0"), (y, "0")], "f32", (size,), "0", "%r = arith.subf %a, %b : f32; %r")
    a, b = random(size), random(size, seed=1)
    check(k.text(r), [a, b], [a - b])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("element", ["f64", "i8", "i32", "i64"])
def test_map_of_other_elements(size, element):
    k = KernelText()
    x, y = k.input("x", element, (size,)), k.input("y", element, (size,))
    op = "arith.mulf" if element == "f64" else "arith.muli"
    r = k.generic([(x, "0"), (y, "0")], element, (size,), "0", f"%r = {op} %a, %b : {element}; %r")
    a, b = random(size, element), random(size, element, 1)
    check(k.text(r), [a, b], [a * b])


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


# ------------------------------------------------------------------------- access patterns


@pytest.mark.parametrize("rows,columns", [(4, 7), (16, 16), (33, 70), (100, 3), (130, 257)])
@pytest.mark.parametrize("element", ["f32", "f64", "i8", "i16", "i64"])
def test_transposed_operand(rows, columns, element):
    k = KernelText()
    x, y = k.input("x", element, (columns, rows)), k.input("y", element, (rows, columns))
    op = "arith.addf" if element.startswith("f") else "arith.addi"
    r = k.generic(
        [(x, "10"), (y, "01")], element, (rows, columns), "01", f"%r = {op} %a, %b : {element}; %r"
    )
    a, b = random((columns, rows), element), random((rows, columns), element, 1)
    check(k.text(r), [a, b], [a.T + b])


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


def test_strides_of_arguments_and_results():
    k = KernelText()
    x = k.input("x", "f32", (6, 20), strides=(0, 1))
    y = k.input("y", "f32", (6, 20), strides=(-20, 1))
    r = k.generic([(x, "01"), (y, "01")], "f32", (6, 20), "01", "%r = arith.addf %a, %b : f32; %r")
    a, b = random(20), random((6, 20), seed=1)
    out = guarded(np.zeros((20, 6), np.float32))
    last = b[5:]
    run(k.text(r, strides=[(1, 6)]), [a, last], [out])
    np.testing.assert_allclose(out.T, a + b[::-1], rtol=1e-6)


def test_channels_last_is_one_loop():
    dims, strides = (3, 5, 7, 9), (5 * 7 * 9, 1, 9 * 5, 5)
    k = KernelText()
    x = k.input("x", "f32", dims, strides)
    r = k.generic([(x, "0123")], "f32", dims, "0123", "%r = arith.mulf %a, %a : f32; %r")
    a = random((3, 7, 9, 5))
    out = guarded(np.zeros_like(a))
    run(k.text(r, strides=[strides]), [guarded(a)], [out])
    np.testing.assert_allclose(out, a * a, rtol=1e-6)


@pytest.mark.parametrize("dims", [(4, 33, 5), (2, 3, 64), (7, 1, 100), (1, 1, 1)])
@pytest.mark.parametrize("map_,broadcast", [("0", 0), ("1", 1), ("2", 2), ("02", 3), ("", 4)])
def test_broadcast(dims, map_, broadcast):
    shape = tuple(dims[int(d)] for d in map_)
    k = KernelText()
    x, y = k.input("x", "f32", dims), k.input("y", "f32", shape)
    r = k.generic([(x, "012"), (y, map_)], "f32", dims, "012", "%r = arith.mulf %a, %b : f32; %r")
    a, b = random(dims), random(shape, seed=1)
    full = b.reshape([d if str(i) in map_ else 1 for i, d in enumerate(dims)])
    check(k.text(r), [a, b], [a * full])


@pytest.mark.parametrize("rows,columns,count", [(10, 8, 5), (50, 100, 33), (9, 1, 17)])
def test_gather_of_rows(rows, columns, count):
    k = KernelText()
    table, ids = k.input("table", "f32", (rows, columns)), k.input("ids", "i64", (count,))
    body = (
        f"%n = fxt.normalize_index {rows} : i64, %a : i64; %i = arith.index_cast %n : i64 to index;"
        f"%j = linalg.index 1 : index; %r = tensor.extract %{table}[%i, %j] : "
        f"tensor<{rows}x{columns}xf32>; %r"
    )
    r = k.generic([(ids, "0")], "f32", (count, columns), "01", body)
    a = random((rows, columns))
    i = np.random.default_rng(0).integers(-rows, rows, count)
    assert check(k.text(r), [a, i], [a[i]], trap=True) == 0
    bad = i.copy()
    bad[-1] = rows
    out = np.zeros((count, columns), np.float32)
    assert run(k.text(r), [a, bad], [out], trap=True) == 1


@pytest.mark.parametrize("rows,count,trap", [(0, 5, 1), (0, 0, 0), (3, 20, 0), (1, 1, 0)])
def test_gather_from_a_source_that_may_be_empty(rows, count, trap):
    k = KernelText()
    k.symbol("d0")
    k.symbol("d1")
    table, ids = k.input("table", "f32", ("d0",)), k.input("ids", "i64", ("d1",))
    body = (
        '%n = fxt.normalize_index "d0", %a : i64; %i = arith.index_cast %n : i64 to index;'
        f'%r = tensor.extract %{table}[%i] : tensor<?xf32, ["d0"]>; %r'
    )
    r = k.generic([(ids, "0")], "f32", ("d1",), "0", body)
    a, i = random(rows), np.zeros(count, np.int64)
    expected = a[i] if not trap else np.zeros(count, np.float32)
    symbols = {"d0": rows, "d1": count}
    assert check(k.text(r), [a, i], [expected], symbols, trap=True) == trap


@pytest.mark.parametrize("count", [5, 16, 37])
@pytest.mark.parametrize("element", ["f32", "f64", "i8", "i64", "i1"])
def test_gather_of_elements(count, element):
    k = KernelText()
    table, ids = k.input("table", element, (9, 11)), k.input("ids", "i64", (count,))
    body = (
        "%n = fxt.normalize_index 9 : i64, %a : i64; %i = arith.index_cast %n : i64 to index;"
        "%c = arith.constant 3 : index; %j = arith.addi %c, %c : index;"
        f"%r = tensor.extract %{table}[%i, %j] : tensor<9x11x{element}>; %r"
    )
    r = k.generic([(ids, "0")], element, (count,), "0", body)
    a = random((9, 11), element)
    i = np.random.default_rng(0).integers(-9, 9, count)
    assert check(k.text(r), [a, i], [a[i, 6]], trap=True) == 0


@pytest.mark.parametrize("size", SIZES)
def test_zero_divisors_trap_only_where_they_are(size):
    k = KernelText()
    x, y = k.input("x", "i32", (size,)), k.input("y", "i32", (size,))
    body = "%d = fxt.nonzero_divisor %b : i32; %r = arith.divsi %a, %d : i32; %r"
    r = k.generic([(x, "0"), (y, "0")], "i32", (size,), "0", body)
    a, b = np.full(size, 7, np.int32), np.full(size, 2, np.int32)
    assert check(k.text(r), [a, b], [a // b], trap=True) == 0
    b[-1] = 0
    assert run(k.text(r), [a, b], [np.zeros(size, np.int32)], trap=True) == 2


@pytest.mark.parametrize("size", SIZES)
def test_index_as_a_number(size):
    k = KernelText()
    body = (
        "%i = linalg.index 0 : index; %j = linalg.index 1 : index; %p = arith.addi %i, %j : index;"
        "%n = arith.index_cast %p : index to i64; %c = arith.constant 3 : i64;"
        "%m = arith.muli %n, %c : i64; %r = arith.sitofp %m : i64 to f32; %r"
    )
    r = k.generic([], "f32", (3, size), "01", body)
    i, j = np.indices((3, size))
    check(k.text(r), [], [((i + j) * 3).astype(np.float32)])


# ------------------------------------------------------------------------------- bools


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
def test_bool_map(size, machine):
    k = KernelText(machine)
    x, y = k.input("x", "i1", (size,)), k.input("y", "f32", (size,))
    z = k.fill("0.0", "f32", (size,))
    r = k.generic(
        [(x, "0"), (y, "0"), (z, "0")],
        "f32",
        (size,),
        "0",
        "%r = arith.select %a, %b, %c : f32; %r",
    )
    s = k.generic(
        [(x, "0"), (y, "0")],
        "i1",
        (size,),
        "0",
        "%z = arith.constant 0.0 : f32; %p = arith.cmpf ogt, %b, %z : f32;"
        "%r = arith.xori %a, %p : i1; %r",
    )
    a, b = random(size, "i1"), random(size, seed=1)
    check(k.text(r, s), [a, b], [np.where(a, b, 0), a ^ (b > 0)])


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


# --------------------------------------------------------------------------- reductions


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


@pytest.mark.parametrize("element", ["bf16", "f16"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
def test_low_precision(element, size, machine):
    k = KernelText(machine)
    x = k.input("x", element, (4, size))
    up = k.generic(
        [(x, "01")], "f32", (4, size), "01", f"%r = arith.extf %a : {element} to f32; %r"
    )
    zero = k.fill("0.0", "f32", (4,))
    add = "%r = arith.addf %a, %o : f32; %r"
    s = k.generic([(up, "01")], "f32", (4,), "0", add, rank=2, init=zero)
    body = f"%s = arith.mulf %a, %a : f32; %r = arith.truncf %s : f32 to {element}; %r"
    r = k.generic([(up, "01")], element, (4, size), "01", body)
    a = random((4, size))
    if element == "f16":
        low = a.astype(np.float16)
        wide, square = low.astype(np.float32), (low.astype(np.float32) ** 2).astype(np.float16)
    else:
        low = (a.view(np.uint32) >> 16).astype(np.uint16)
        wide = (low.astype(np.uint32) << 16).view(np.float32)
        bits = (wide * wide).view(np.uint32)
        square = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    total = wide.sum(1, dtype=np.float64).astype(np.float32)
    check(k.text(r, s), [low], [square, total], rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------------- several nests


@pytest.mark.parametrize("machine", ["host", "x86-64-v3"])
@pytest.mark.parametrize("element", ["f32", "i8", "i1"])
@pytest.mark.parametrize("left,right", [(8, 2), (100, 33), (1, 64)])
def test_concat(machine, element, left, right):
    k = KernelText(machine)
    x, y = k.input("x", element, (5, left)), k.input("y", element, (5, right))
    whole = k.empty(element, (5, left + right))
    a = k.generic([(x, "01")], element, (5, left), "01", "%a")
    b = k.generic([(y, "01")], element, (5, right), "01", "%a")
    first = k.insert(a, whole, (0, 0))
    r = k.insert(b, first, (0, left))
    p, q = random((5, left), element), random((5, right), element, 1)
    check(k.text(r), [p, q], [np.concatenate([p, q], 1)])


def test_pad_of_dynamic_size():
    k = KernelText()
    k.symbol("d0")
    k.symbol("d1")
    x = k.input("x", "f32", (3, "d0"))
    whole = k.fill("2.5", "f32", (5, "d1"))
    a = k.generic([(x, "01")], "f32", (3, "d0"), "01", "%r = arith.negf %a : f32; %r")
    r = k.insert(a, whole, (1, "d0"))
    p = random((3, 20))
    check(
        k.text(r), [p], [np.pad(-p, ((1, 1), (20, 10)), constant_values=2.5)], {"d0": 20, "d1": 50}
    )


@pytest.mark.parametrize("dims", [(0, 5), (5, 0), (0,)])
def test_empty_tensors_are_not_touched(dims):
    k = KernelText()
    map_ = "01"[: len(dims)]
    x, y = k.input("x", "f32", dims), k.input("y", "f32", ())
    body = "%r = arith.addf %a, %b : f32; %r"
    r = k.generic([(x, map_), (y, "")], "f32", dims, map_, body)
    init = k.fill("1.5", "f32", dims[:1])
    s = (
        k.generic(
            [(r, map_)],
            "f32",
            dims[:1],
            "0",
            "%r = arith.addf %a, %o : f32; %r",
            rank=len(dims),
            init=init,
        )
        if len(dims) == 2
        else r
    )
    a = np.zeros(dims, np.float32)
    expected = np.full(dims[:1], 1.5, np.float32) if len(dims) == 2 else a
    check(k.text(s), [a, random(())], [expected])
    dynamic = KernelText()
    names = tuple(f"d{i}" for i in range(len(dims)))
    for name in names:
        dynamic.symbol(name)
    x = dynamic.input("x", "f32", names)
    r = dynamic.generic([(x, map_)], "f32", names, map_, "%r = arith.negf %a : f32; %r")
    check(dynamic.text(r), [a], [a], dict(zip(names, dims)))


@pytest.mark.parametrize("sizes", [(1, 1), (7, 100), (300, 33)])
def test_dynamic_strides(sizes):
    rows, columns = sizes
    k = KernelText()
    k.symbol("d0")
    k.symbol("d1")
    x = k.input("x", "f32", ("d0", "d1"), strides=(1, "d0"))
    y = k.input("y", "f32", ("d0", "d1"), strides=("2*d1", 2))
    body = "%r = arith.addf %a, %b : f32; %r"
    r = k.generic([(x, "01"), (y, "01")], "f32", ("d0", "d1"), "01", body)
    a, b = random((columns, rows)), random((rows, columns, 2), seed=1)
    check(k.text(r), [a, b], [a.T + b[:, :, 0]], {"d0": rows, "d1": columns})


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
