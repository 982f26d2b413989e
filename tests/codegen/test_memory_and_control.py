"""Stage `vector` to machine code: memory, control flow, calls and traps, on numpy arrays."""

from __future__ import annotations

import numpy as np
import pytest

from fxlower.runtime import jit
from tests.kernel_runner import load_kernel, parse, run_kernel

RNG = np.random.default_rng(0)


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
