"""Kernels of kind `loops` without reductions, from text to machine code, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.passes.kernels import KernelText, check, guarded, random, run

SIZES = [1, 3, 15, 16, 17, 64, 65, 100, 128, 1000]


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
