"""Stage `vector` to machine code: small kernels on numpy arrays, and the errors of functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fxlower.runtime import jit
from fxlower.tools import ulp
from tests.kernel_runner import kernel_assembly, load_kernel, parse, run_kernel

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)

INTEGERS = {"i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64}
FLOATS = {"f32": np.float32, "f64": np.float64}


def elementwise(body: str, inputs: str, output: str, lanes: int = 8) -> str:
    """A kernel over 64 elements: `body` computes %y from %a (and %b) of the types `inputs`."""
    loads, arguments = "", ""
    names = {}
    for name, type_ in zip("ab", inputs.split()):
        names[name.upper()] = f"vector<{lanes}x{type_}>"
        arguments += f"%m{name}: memref<64x{type_}>, "
        loads += f"%{name} = vector.load %m{name}[%i] : memref<64x{type_}>, {names[name.upper()]}\n"
    for name, type_ in {**names, "Y": f"vector<{lanes}x{output}>"}.items():
        body = body.replace(f"!{name}", type_)
    return f"""
    func.func @kernel({arguments}%out: memref<64x{output}>) {{
      %c0 = arith.constant 0 : index
      %c64 = arith.constant 64 : index
      %step = arith.constant {lanes} : index
      scf.for %i = %c0 to %c64 step %step {{
        {loads}
        {body}
        vector.store %y, %out[%i] : memref<64x{output}>, vector<{lanes}x{output}>
        scf.yield
      }}
      func.return
    }}
    """


def apply(text: str, *inputs: Array, output: Any) -> Array:
    out = np.zeros(64, output)
    run_kernel(text, "kernel", [*inputs, out])
    return out


# ------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 16, 31])
def test_masked_tail(n: int) -> None:
    """The elements beyond the end are neither read nor written."""
    text = """
    func.func @kernel(%x: memref<?xf32>, %out: memref<?xf32>, %n: index) {
      %c0 = arith.constant 0 : index
      %c8 = arith.constant 8 : index
      %zero = arith.constant dense<0.0> : vector<8xf32>
      scf.for %i = %c0 to %n step %c8 {
        %left = arith.subi %n, %i : index
        %mask = vector.create_mask %left : vector<8xi1>
        %v = vector.maskedload %x[%i], %mask, %zero
          : memref<?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
        %w = arith.addf %v, %v : vector<8xf32>
        vector.maskedstore %out[%i], %mask, %w : memref<?xf32>, vector<8xi1>, vector<8xf32>
        scf.yield
      }
      func.return
    }
    """
    x = RNG.standard_normal(32).astype(np.float32)
    out = np.full(32, 7, np.float32)
    run_kernel(text, "kernel", [x, out, n])
    np.testing.assert_array_equal(out[:n], 2 * x[:n])
    assert (out[n:] == 7).all()


@pytest.mark.parametrize("lanes", [4, 16, 32, 64, 128])
@pytest.mark.parametrize("n", [-3, 0, 1, 5, 128, 1000])
def test_create_mask(lanes: int, n: int) -> None:
    text = f"""
    func.func @kernel(%out: memref<{lanes}xi8>, %n: index) {{
      %c0 = arith.constant 0 : index
      %mask = vector.create_mask %n : vector<{lanes}xi1>
      %y = arith.extui %mask : vector<{lanes}xi1> to vector<{lanes}xi8>
      vector.store %y, %out[%c0] : memref<{lanes}xi8>, vector<{lanes}xi8>
      func.return
    }}
    """
    out = np.zeros(lanes, np.int8)
    run_kernel(text, "kernel", [out, n])
    np.testing.assert_array_equal(out, np.arange(lanes) < n)


@pytest.mark.parametrize("index", ["i32", "i64", "index"])
@pytest.mark.parametrize("stride", [1, 3])
def test_gather_and_scatter(index: str, stride: int) -> None:
    text = f"""
    func.func @kernel(%base: memref<f32>, %where: memref<8x{index}>, %out: memref<8xf32>) {{
      %x = memref.reinterpret_cast %base to offset: [2], sizes: [20], strides: [{stride}]
        : memref<f32> to memref<20xf32, strided<[{stride}], offset: 2>>
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %i = vector.load %where[%c0] : memref<8x{index}>, vector<8x{index}>
      %mask = vector.constant_mask [7] : vector<8xi1>
      %other = arith.constant dense<-1.0> : vector<8xf32>
      %v = vector.gather %x[%c1] [%i], %mask, %other
        : memref<20xf32, strided<[{stride}], offset: 2>>, vector<8x{index}>, vector<8xi1>,
          vector<8xf32> into vector<8xf32>
      vector.store %v, %out[%c0] : memref<8xf32>, vector<8xf32>
      vector.scatter %x[%c1] [%i], %mask, %other
        : memref<20xf32, strided<[{stride}], offset: 2>>, vector<8x{index}>, vector<8xi1>,
          vector<8xf32>
      func.return
    }}
    """
    x = RNG.standard_normal(80).astype(np.float32)
    where = np.array([3, 0, 7, 1, 15, 12, 9, 2], np.int32 if index == "i32" else np.int64)
    out = np.zeros(8, np.float32)
    places = 2 + (1 + where.astype(int)) * stride
    expected = np.where(np.arange(8) < 7, x[places], -1)
    after = x.copy()
    after[places[:7]] = -1
    run_kernel(text, "kernel", [x, where, out])
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(x, after)


def test_views_of_memory() -> None:
    """subview, view, reinterpret_cast, and a dynamic row length."""
    text = """
    func.func @kernel(%base: memref<f32>, %bytes: memref<256xi8>, %out: memref<4xf32>, %n: index) {
      %x = memref.reinterpret_cast %base to offset: [0], sizes: [%n, 6], strides: [6, 1]
        : memref<f32> to memref<?x6xf32, strided<[6, 1]>>
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %row = memref.subview %x[%c1, 1] [1, 2] [1, 2]
        : memref<?x6xf32, strided<[6, 1]>> to memref<2xf32, strided<[2], offset: ?>>
      %a = memref.load %row[%c0] : memref<2xf32, strided<[2], offset: ?>>
      %b = memref.load %row[%c1] : memref<2xf32, strided<[2], offset: ?>>
      %view = memref.view %bytes[%c16][] : memref<256xi8> to memref<4x4xf32>
      %c = memref.load %view[%c1, %c1] : memref<4x4xf32>
      %d = memref.dim %x, %c0 : memref<?x6xf32, strided<[6, 1]>>
      %di = arith.index_cast %d : index to i32
      %df = arith.sitofp %di : i32 to f32
      %c2 = arith.constant 2 : index
      %c3 = arith.constant 3 : index
      memref.store %a, %out[%c0] : memref<4xf32>
      memref.store %b, %out[%c1] : memref<4xf32>
      memref.store %c, %out[%c2] : memref<4xf32>
      memref.store %df, %out[%c3] : memref<4xf32>
      func.return
    }
    """
    x = np.arange(18, dtype=np.float32)
    memory = np.arange(64, dtype=np.float32)
    out = np.zeros(4, np.float32)
    run_kernel(text, "kernel", [x, memory, out, 3])
    np.testing.assert_array_equal(out, [7, 9, 9, 3])


# ------------------------------------------------------------------------------------ control


@pytest.mark.parametrize("n", [0, 1, 5])
def test_nested_loops_and_branches(n: int) -> None:
    """Sum over i < n, j < i of x[j] where positive, and of 1 elsewhere."""
    text = """
    func.func @kernel(%x: memref<8xf32>, %out: memref<1xf32>, %n: index) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %zero = arith.constant 0.0 : f32
      %sum = scf.for %i = %c0 to %n step %c1 iter_args(%a = %zero) -> (f32) {
        %inner = scf.for %j = %c0 to %i step %c1 iter_args(%b = %a) -> (f32) {
          %v = memref.load %x[%j] : memref<8xf32>
          %positive = arith.cmpf ogt, %v, %zero : f32
          %w = scf.if %positive -> (f32) {
            scf.yield %v : f32
          } else {
            %one = arith.constant 1.0 : f32
            scf.yield %one : f32
          }
          %next = arith.addf %b, %w : f32
          scf.yield %next : f32
        }
        scf.yield %inner : f32
      }
      %some = arith.cmpi sgt, %n, %c1 : index
      scf.if %some {
        memref.store %sum, %out[%c0] : memref<1xf32>
      }
      func.return
    }
    """
    x = np.array([1, -2, 3, -4, 5, 6, 7, 8], np.float32)
    out = np.full(1, -1, np.float32)
    run_kernel(text, "kernel", [x, out, n])
    expected = sum(np.where(x[:i] > 0, x[:i], 1).sum() for i in range(n)) if n > 1 else -1
    assert out[0] == expected


PARALLEL = """
func.func @kernel(%x: memref<f32>, %out: memref<f32>, %n: index, %m: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %scale = memref.load %x[] : memref<f32>
  %vscale = vector.broadcast %scale : f32 to vector<4xf32>
  %xs = memref.reinterpret_cast %x to offset: [0], sizes: [%n, %m], strides: [%m, 1]
    : memref<f32> to memref<?x?xf32, strided<[?, 1]>>
  %outs = memref.reinterpret_cast %out to offset: [0], sizes: [%n, %m], strides: [%m, 1]
    : memref<f32> to memref<?x?xf32, strided<[?, 1]>>
  %c4 = arith.constant 4 : index
  "scf.parallel"(%c0, BOUND, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
  ^bb0(%i: index):
    %row = memref.alloca() : memref<64xf32>
    scf.for %j = %c0 to %m step %c4 {
      %v = vector.load %xs[%i, %j] : memref<?x?xf32, strided<[?, 1]>>, vector<4xf32>
      %w = arith.mulf %v, %vscale : vector<4xf32>
      vector.store %w, %row[%j] : memref<64xf32>, vector<4xf32>
      scf.yield
    }
    scf.for %j = %c0 to %m step %c1 {
      %v = memref.load %row[%j] : memref<64xf32>
      %w = arith.addf %v, %scale : f32
      memref.store %w, %outs[%i, %j] : memref<?x?xf32, strided<[?, 1]>>
      scf.yield
    }
    scf.reduce
  }) {fxlower.grain = 4 : i64} : (index, index, index) -> ()
  func.return
}
"""


@pytest.mark.parametrize("bound", ["%n", "%c4"])
@pytest.mark.parametrize("n", [0, 1, 4, 100])
def test_parallel(bound: str, n: int) -> None:
    """Pointers, sizes, floats and vectors are captured; rows are on the stack of the body."""
    if bound == "%c4" and n < 4:
        pytest.skip("reads four rows")
    x = RNG.standard_normal((max(n, 1), 16)).astype(np.float32)
    out = np.zeros_like(x)
    run_kernel(PARALLEL.replace("BOUND", bound), "kernel", [x, out, n, 16])
    rows = n if bound == "%n" else 4
    np.testing.assert_allclose(out[:rows], x[:rows] * x[0, 0] + x[0, 0], rtol=1e-6)
    assert (out[rows:] == 0).all()


def test_calls_and_the_entry_of_a_segment() -> None:
    """A kernel, linked by address, doubles an element of a view into the arena."""
    text = """
    func.func @segment_0(%x: memref<4xf32>, %out: memref<4xf32>, %arena: memref<?xi8>,
                         %trap: memref<1xi64> {fxt.trap}, %s0: index {fxt.symbol = "s0"})
        attributes {fxlower.arena = ["s0"]} {
      %c1 = arith.constant 1 : index
      %tail = memref.reinterpret_cast %x to offset: [1], sizes: [3], strides: [1]
        : memref<4xf32> to memref<3xf32, strided<[1], offset: 1>>
      %view = memref.view %arena[%s0][] : memref<?xi8> to memref<4xf32>
      func.call @double(%tail, %view, %c1)
        : (memref<3xf32, strided<[1], offset: 1>>, memref<4xf32>, index) -> ()
      %v = memref.load %view[%c1] : memref<4xf32>
      memref.store %v, %out[%s0] : memref<4xf32>
      func.return
    }
    func.func private @double(memref<3xf32, strided<[1], offset: 1>>, memref<4xf32>, index) -> ()
    """
    kernel = """
    func.func private @double(%x: memref<4xf32>, %out: memref<4xf32>, %i: index) {
      %c1 = arith.constant 1 : index
      %v = memref.load %x[%c1] : memref<4xf32>
      %w = arith.addf %v, %v : f32
      memref.store %w, %out[%i] : memref<4xf32>
      func.return
    }
    """
    segment = parse(text)
    double = load_kernel(kernel, ["double"])
    code = load_kernel(segment, ["segment_0_entry"], symbols=double.addresses)
    x, out = np.arange(4, dtype=np.float32), np.zeros(4, np.float32)
    arena, trap = np.zeros(64, np.int8), np.zeros(1, np.int64)
    table = np.array([*(a.ctypes.data for a in (x, out, arena, trap)), 2], np.int64)
    jit.call(code.address("segment_0_entry"), [table.ctypes.data])
    np.testing.assert_array_equal(arena[2:18].view(np.float32), [0, 4, 0, 0])
    np.testing.assert_array_equal(out, [0, 0, 4, 0])


@pytest.mark.parametrize("bad", [None, 3])
def test_traps(bad: int | None) -> None:
    text = """
    func.func @kernel(%d: memref<8xi32>, %i: memref<8xi64>, %safe: memref<8xi32>,
                      %index: memref<8xi64>, %trap: memref<1xi64> {fxt.trap},
                      %s0: index {fxt.symbol = "s0"}) {
      %c0 = arith.constant 0 : index
      %a = vector.load %d[%c0] : memref<8xi32>, vector<8xi32>
      %b = fxt.nonzero_divisor %a : vector<8xi32>
      vector.store %b, %safe[%c0] : memref<8xi32>, vector<8xi32>
      %j = vector.load %i[%c0] : memref<8xi64>, vector<8xi64>
      %k = fxt.normalize_index "2*s0", %j : vector<8xi64>
      vector.store %k, %index[%c0] : memref<8xi64>, vector<8xi64>
      func.return
    }
    """
    divisors = np.arange(1, 9, dtype=np.int32)
    indices = np.array([0, -1, 5, -6, 3, 2, 1, 0], np.int64)
    expected = np.where(indices < 0, indices + 6, indices)
    safe, normal, trap = np.zeros(8, np.int32), np.zeros(8, np.int64), np.zeros(1, np.int64)
    code = load_kernel(text, ["kernel"])
    arguments = [a.ctypes.data for a in (divisors, indices, safe, normal, trap)]
    jit.call(code.address("kernel"), [*arguments, 3])
    np.testing.assert_array_equal(safe, divisors)
    np.testing.assert_array_equal(normal, expected)
    assert trap[0] == 0
    if bad is None:
        return
    indices[bad] = -7
    jit.call(code.address("kernel"), [*arguments, 3])
    expected[bad] = 0
    np.testing.assert_array_equal(normal, expected)
    assert trap[0] == 1
    divisors[bad] = 0
    jit.call(code.address("kernel"), [*arguments, 3])
    np.testing.assert_array_equal(safe, np.where(divisors == 0, 1, divisors))


# ----------------------------------------------------------------------------- integer arithmetic

DIVISIONS = {
    "divsi": lambda a, b: np.fix(a / b),
    "remsi": np.fmod,
    "floordivsi": lambda a, b: np.floor(a / b),
    "ceildivsi": lambda a, b: np.ceil(a / b),
}


@pytest.mark.parametrize("type_", ["i8", "i32"])
@pytest.mark.parametrize("op", DIVISIONS)
def test_division(op: str, type_: str) -> None:
    """Zero and minus one as divisors do not stop the process."""
    dtype = INTEGERS[type_]
    a = RNG.integers(-100, 100, 64).astype(dtype)
    b = RNG.integers(-10, 10, 64).astype(dtype)
    a[:3], b[:3] = np.iinfo(dtype).min, [-1, 0, 1]
    out = apply(
        elementwise(f"%y = arith.{op} %a, %b : !A", f"{type_} {type_}", type_), a, b, output=dtype
    )
    defined = (b != 0) & ~((a == np.iinfo(dtype).min) & (b == -1))
    expected = DIVISIONS[op](a[defined].astype(float), b[defined].astype(float))
    np.testing.assert_array_equal(out[defined], expected.astype(dtype))


@pytest.mark.parametrize(
    ("op", "reference"),
    [
        ("minsi", np.minimum),
        ("maxsi", np.maximum),
        ("andi", np.bitwise_and),
        ("xori", np.bitwise_xor),
        ("muli", np.multiply),
        ("subi", np.subtract),
    ],
)
@pytest.mark.parametrize("type_", INTEGERS)
def test_integer_arithmetic(op: str, reference: Any, type_: str) -> None:
    dtype = INTEGERS[type_]
    a, b = (RNG.integers(-100, 100, 64).astype(dtype) for _ in range(2))
    text = elementwise(f"%y = arith.{op} %a, %b : !A", f"{type_} {type_}", type_)
    np.testing.assert_array_equal(apply(text, a, b, output=dtype), reference(a, b))


def test_wide_multiplication() -> None:
    body = "%low, %y = arith.mului_extended %a, %b : !A"
    a, b = (RNG.integers(0, 2**32, 64).astype(np.uint32) for _ in range(2))
    high = (a.astype(np.uint64) * b) >> np.uint64(32)
    out = apply(elementwise(body, "i32 i32", "i32"), a, b, output=np.uint32)
    np.testing.assert_array_equal(out, high.astype(np.uint32))


# ----------------------------------------------------------------------------------- conversions


@pytest.mark.parametrize("source", INTEGERS)
@pytest.mark.parametrize("target", FLOATS)
def test_integers_to_floats_and_back(source: str, target: str) -> None:
    integer, floating = INTEGERS[source], FLOATS[target]
    a = RNG.integers(-100, 100, 64).astype(integer)
    body = f"""
        %f = arith.sitofp %a : !A to vector<8x{target}>
        %y = arith.fptosi %f : vector<8x{target}> to !A
    """
    np.testing.assert_array_equal(apply(elementwise(body, source, source), a, output=integer), a)
    body = "%y = arith.sitofp %a : !A to !Y"
    out = apply(elementwise(body, source, target), a, output=floating)
    np.testing.assert_array_equal(out, a.astype(floating))


def test_floats_that_do_not_fit_integers() -> None:
    """What x86 gives, and no undefined behaviour, also for constants."""
    a = np.array([np.nan, np.inf, -np.inf, 3e9, -3e9, 1.5, -1.5, 0] * 8, np.float32)
    body = """
        %c = arith.constant dense<3.0e+09> : !A
        %z = arith.mulf %a, %c : !A
        %y = arith.fptosi %a : !A to !Y
    """
    out = apply(elementwise(body, "f32", "i32"), a, output=np.int32)
    np.testing.assert_array_equal(out[5:8], [1, -1, 0])
    body = "%y = arith.fptosi %a : !A to !Y"
    wrapped = apply(
        elementwise(body, "f32", "i8"), np.resize(np.float32([-1, 255, 300]), 64), output=np.uint8
    )
    np.testing.assert_array_equal(wrapped[:3], [255, 255, 44])


def test_comparison_select_and_bool() -> None:
    body = """
        %c = arith.cmpf olt, %a, %b : !A
        %m = arith.select %c, %a, %b : vector<8xi1>, !A
        %n = arith.cmpf uno, %a, %b : !A
        %either = arith.ori %c, %n : vector<8xi1>
        %y = arith.extui %either : vector<8xi1> to !Y
    """
    a, b = (RNG.standard_normal(64).astype(np.float32) for _ in range(2))
    a[3] = np.nan
    out = apply(elementwise(body, "f32 f32", "i8"), a, b, output=np.int8)
    np.testing.assert_array_equal(out, (a < b) | np.isnan(a))


@pytest.mark.parametrize("lanes", [0, 8, 16])
@pytest.mark.parametrize("type_", ulp.NARROW)
def test_rounding_to_16_bits(type_: str, lanes: int) -> None:
    assert ulp.wrong_roundings(type_, lanes, 1 << 12) == 0


@pytest.mark.parametrize("lanes", [4, 8, 16, 32])
def test_bf16(lanes: int) -> None:
    """With denormal numbers, in some vectors and not in others."""
    body = f"""
        %t = arith.truncf %a : !A to vector<{lanes}xbf16>
        %y = arith.bitcast %t : vector<{lanes}xbf16> to !Y
    """
    x = RNG.integers(0, 2**32, 64).astype(np.uint32).view(np.float32)
    x[:8] = [np.nan, np.inf, -np.inf, 1e-40, -1e-45, 3.4e38, 0.0, -0.0]
    x[32:] = np.where(np.abs(x[32:]) < 1e-37, 1, x[32:])
    out = apply(elementwise(body, "f32", "i16", lanes), x, output=np.uint16)
    nan = np.isnan(x)
    np.testing.assert_array_equal(out[~nan], ulp.bf16_bits(x)[~nan])
    assert ((out[nan] & 0x7FFF) > 0x7F80).all()
    body = f"""
        %t = arith.bitcast %a : !A to vector<{lanes}xbf16>
        %y = arith.extf %t : vector<{lanes}xbf16> to !Y
    """
    back = apply(elementwise(body, "i16", "f32", lanes), out, output=np.float32)
    np.testing.assert_array_equal(back, (out.astype(np.uint32) << 16).view(np.float32))


def test_f16() -> None:
    with np.errstate(over="ignore"):
        x = RNG.standard_normal(64).astype(np.float32) * 1e4
        x[:6] = [np.nan, np.inf, 1e-7, 65520, 65519, -0.0]
        body = "%y = arith.truncf %a : !A to !Y"
        out = apply(elementwise(body, "f32", "f16"), x, output=np.float16)
        np.testing.assert_array_equal(out, x.astype(np.float16))
        body = "%y = arith.extf %a : !A to !Y"
        back = apply(elementwise(body, "f16", "f32"), out, output=np.float32)
        np.testing.assert_array_equal(back, out.astype(np.float32))


# ------------------------------------------------------------------------------------- extremes


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("op", ["maximumf", "minimumf"])
def test_extremes_keep_nan(op: str, constant: bool) -> None:
    a, b = (RNG.standard_normal(64).astype(np.float32) for _ in range(2))
    a[:4], b[2:6] = np.nan, np.nan
    body = f"%y = arith.{op} %a, %b : !A"
    if constant:
        b = np.zeros(64, np.float32)
        body = f"%c = arith.constant dense<0.0> : !A\n%y = arith.{op} %a, %c : !A"
    out = apply(elementwise(body, "f32 f32", "f32"), a, b, output=np.float32)
    np.testing.assert_array_equal(out, (np.maximum if op == "maximumf" else np.minimum)(a, b))


REDUCTIONS = {
    "add": ("i32", np.add),
    "mul": ("i32", np.multiply),
    "minsi": ("i32", np.minimum),
    "maxsi": ("i32", np.maximum),
    "maxui": ("i32", lambda a, b: np.maximum(a.astype(np.uint32), b.astype(np.uint32))),
    "and": ("i32", np.bitwise_and),
    "or": ("i32", np.bitwise_or),
    "xor": ("i32", np.bitwise_xor),
    "maximumf": ("f32", np.maximum),
    "minimumf": ("f32", np.minimum),
    "maxnumf": ("f32", np.fmax),
}


@pytest.mark.parametrize("kind", REDUCTIONS)
@pytest.mark.parametrize("lanes", [1, 4, 6, 16])
def test_reductions(kind: str, lanes: int) -> None:
    type_, combine = REDUCTIONS[kind]
    text = f"""
    func.func @kernel(%x: memref<{lanes}x{type_}>, %acc: memref<1x{type_}>,
                      %out: memref<2x{type_}>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %v = vector.load %x[%c0] : memref<{lanes}x{type_}>, vector<{lanes}x{type_}>
      %a = memref.load %acc[%c0] : memref<1x{type_}>
      %r = vector.reduction <{kind}>, %v : vector<{lanes}x{type_}> into {type_}
      %s = vector.reduction <{kind}>, %v, %a : vector<{lanes}x{type_}> into {type_}
      memref.store %r, %out[%c0] : memref<2x{type_}>
      memref.store %s, %out[%c1] : memref<2x{type_}>
      func.return
    }}
    """
    dtype = np.int32 if type_ == "i32" else np.float32
    x = RNG.integers(-9, 9, lanes).astype(dtype)
    if type_ == "f32" and lanes > 4:
        x[3] = np.nan
    acc, out = np.array([5], dtype), np.zeros(2, dtype)
    run_kernel(text, "kernel", [x, acc, out])
    expected = x[:1]
    for i in range(1, lanes):
        expected = combine(expected, x[i : i + 1])
    np.testing.assert_array_equal(out[0], expected.astype(dtype)[0])
    np.testing.assert_array_equal(out[1], combine(expected.astype(dtype), acc).astype(dtype)[0])


@pytest.mark.parametrize("mask", [[], [5], list(range(8))])
def test_reduction_of_bools(mask: list[int]) -> None:
    text = """
    func.func @kernel(%x: memref<8xi8>, %out: memref<2xi8>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %v = vector.load %x[%c0] : memref<8xi8>, vector<8xi8>
      %zero = arith.constant dense<0> : vector<8xi8>
      %m = arith.cmpi ne, %v, %zero : vector<8xi8>
      %any = vector.reduction <or>, %m : vector<8xi1> into i1
      %all = vector.reduction <and>, %m : vector<8xi1> into i1
      %a = arith.extui %any : i1 to i8
      %b = arith.extui %all : i1 to i8
      memref.store %a, %out[%c0] : memref<2xi8>
      memref.store %b, %out[%c1] : memref<2xi8>
      func.return
    }
    """
    x, out = np.zeros(8, np.int8), np.zeros(2, np.int8)
    x[mask] = 1
    run_kernel(text, "kernel", [x, out])
    np.testing.assert_array_equal(out, [x.any(), x.all()])


def test_lanes() -> None:
    """extract, insert, step, and shuffles of vectors of unlike length."""
    text = """
    func.func @kernel(%x: memref<4xi64>, %out: memref<8xi64>, %i: index) {
      %c0 = arith.constant 0 : index
      %v = vector.load %x[%c0] : memref<4xi64>, vector<4xi64>
      %e = vector.extract %v[%i] : i64 from vector<4xi64>
      %f = vector.extract %v[1] : i64 from vector<4xi64>
      %w = vector.insert %e, %v [0] : i64 into vector<4xi64>
      %u = vector.insert %f, %w [%i] : i64 into vector<4xi64>
      %s = vector.step : vector<2xindex>
      %t = arith.index_cast %s : vector<2xindex> to vector<2xi64>
      %y = vector.shuffle %u, %t [0, 1, 2, 3, 5, 4, 0, 5] : vector<4xi64>, vector<2xi64>
      vector.store %y, %out[%c0] : memref<8xi64>, vector<8xi64>
      func.return
    }
    """
    x, out = np.array([10, 11, 12, 13]), np.zeros(8, np.int64)
    run_kernel(text, "kernel", [x, out, 2])
    np.testing.assert_array_equal(out, [12, 11, 11, 13, 1, 0, 12, 1])


# ------------------------------------------------------------------------------------ functions


@pytest.mark.parametrize(("type_", "lanes"), [("f32", 0), ("f32", 16), ("f64", 0), ("f64", 8)])
@pytest.mark.parametrize("name", ulp.FUNCTIONS)
def test_errors_of_functions(name: str, type_: str, lanes: int) -> None:
    """At most 2 units in the last place, everywhere; special values as in C."""
    for label, error, operands in ulp.measure(name, type_, lanes, 1 << 12):
        worst = int(error.argmax())
        assert error[worst] < 2, (label, [o[worst] for o in operands])


def test_functions_without_expansion_are_those_of_libm() -> None:
    a = RNG.standard_normal(64)
    out = apply(elementwise("%y = math.cbrt %a : !A", "f64", "f64"), a, output=np.float64)
    np.testing.assert_allclose(out, np.cbrt(a), rtol=1e-15)


@pytest.mark.parametrize("op", ["sqrt", "floor", "ceil", "trunc", "absf", "roundeven"])
@pytest.mark.parametrize("type_", FLOATS)
def test_instructions(op: str, type_: str) -> None:
    reference = {"absf": np.abs, "roundeven": np.rint}.get(op) or getattr(np, op)
    a = (RNG.standard_normal(64) * 10).astype(FLOATS[type_])
    a = np.abs(a) if op == "sqrt" else a
    out = apply(elementwise(f"%y = math.{op} %a : !A", type_, type_), a, output=FLOATS[type_])
    np.testing.assert_array_equal(out, reference(a))


@pytest.mark.parametrize("machine", ["x86-64-v3", "x86-64-v4", "aarch64-neon", "riscv64-v"])
@pytest.mark.parametrize("type_", FLOATS)
@pytest.mark.parametrize("name", ulp.FUNCTIONS)
def test_no_calls_on_any_machine(name: str, type_: str, machine: str) -> None:
    """Not even hidden ones, as for conversions and powers of two that a target lacks."""
    lanes = {"aarch64-neon": 128, "x86-64-v4": 512}.get(machine, 256) // int(type_[1:])
    assert not CALLS & set(instructions(ulp.kernel(name, type_, lanes, machine)))


CASTS = (
    *(("arith.sitofp", i, f) for i in INTEGERS for f in FLOATS),
    *(("arith.fptosi", f, i) for i in INTEGERS for f in FLOATS),
    *(("arith.extf", low, f) for low in ("bf16", "f16") for f in FLOATS),
    *(("arith.truncf", f, low) for low in ("bf16", "f16") for f in FLOATS),
    ("arith.extf", "f32", "f64"),
    ("arith.truncf", "f64", "f32"),
)


@pytest.mark.parametrize("machine", ["x86-64-v3", "x86-64-v4", "aarch64-neon", "riscv64-v"])
def test_casts_are_of_whole_vectors(machine: str) -> None:
    """Neither calls nor lane by lane, which would take more than two instructions a lane."""
    bits = {"aarch64-neon": 128, "x86-64-v4": 512}.get(machine, 256)
    for op, source, target in CASTS:
        widths = [int(t.lstrip("ibf")) for t in (source, target)]
        lanes = bits // max(*widths, 32)
        text = elementwise(f"%y = {op} %a : !A to !Y", source, target, lanes)
        found = instructions(
            f'builtin.module attributes {{fxlower.machine = "{machine}"}} {{{text}}}'
        )
        assert not CALLS & set(found), (op, source, target)
        if {source, target} != {"f32", "i64"}:  # for which AVX2 has no instruction
            assert len(found) < 20 + 2 * lanes, (op, source, target)


CALLS = {"call", "callq", "bl", "tail"}


def instructions(text: str) -> list[str]:
    """The names of the instructions that a module becomes on its machine."""
    lines = kernel_assembly(text).splitlines()
    return [line.split()[0] for line in lines if line.startswith("\t") and line[1] != "."]
