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


def softmax(rows, columns, machine="host"):
    k = KernelText(machine)
    for d in (rows, columns):
        if isinstance(d, str):
            k.symbol(d)
    x = k.input("x", "f32", (rows, columns))
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
