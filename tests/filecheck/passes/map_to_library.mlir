// RUN: fxlower-opt -p 'map-to-library{symbol="sgemm_" min_operations=100}' %s | filecheck %s
// RUN: fxlower-opt -p map-to-library %s | filecheck %s --check-prefix HOST

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// The right operand lies in columns: transposed in the library's eyes.

// CHECK: func.func private @sgemm_(memref<i8>, memref<i8>, memref<i32>, memref<i32>, memref<i32>, memref<f32>, memref<f32, strided<[], offset: ?>>, memref<i32>, memref<f32, strided<[], offset: ?>>, memref<i32>, memref<f32>, memref<f32, strided<[], offset: ?>>, memref<i32>) -> ()
// CHECK-LABEL: func.func private @product(%a: memref<4x8xf32>, %b: memref<8x6xf32, strided<[1, 9]>>, %out: memref<4x6xf32>) attributes {fxlower.kernel = "library"} {
// CHECK-NEXT:      %transposed = memref.alloca() {alignment = 64 : i64} : memref<i8>
// CHECK-NEXT:      %0 = arith.constant 84 : i8
// CHECK-NEXT:      memref.store %0, %transposed[] : memref<i8>
// CHECK-NEXT:      %as_stored = memref.alloca() {alignment = 64 : i64} : memref<i8>
// CHECK-NEXT:      %1 = arith.constant 78 : i8
// CHECK-NEXT:      memref.store %1, %as_stored[] : memref<i8>
// CHECK-NEXT:      %n6 = memref.alloca() {alignment = 64 : i64} : memref<i32>
// CHECK-NEXT:      %2 = arith.constant 6 : i32
// CHECK-NEXT:      memref.store %2, %n6[] : memref<i32>
// CHECK-NEXT:      %n4 = memref.alloca() {alignment = 64 : i64} : memref<i32>
// CHECK-NEXT:      %3 = arith.constant 4 : i32
// CHECK-NEXT:      memref.store %3, %n4[] : memref<i32>
// CHECK-NEXT:      %n8 = memref.alloca() {alignment = 64 : i64} : memref<i32>
// CHECK-NEXT:      %4 = arith.constant 8 : i32
// CHECK-NEXT:      memref.store %4, %n8[] : memref<i32>
// CHECK-NEXT:      %one = memref.alloca() {alignment = 64 : i64} : memref<f32>
// CHECK-NEXT:      %5 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:      memref.store %5, %one[] : memref<f32>
// CHECK-NEXT:      %n9 = memref.alloca() {alignment = 64 : i64} : memref<i32>
// CHECK-NEXT:      %6 = arith.constant 9 : i32
// CHECK-NEXT:      memref.store %6, %n9[] : memref<i32>
// CHECK-NEXT:      %zero = memref.alloca() {alignment = 64 : i64} : memref<f32>
// CHECK-NEXT:      %7 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      memref.store %7, %zero[] : memref<f32>
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %right = memref.reinterpret_cast %b to offset: [%c0], sizes: [], strides: [] : memref<8x6xf32, strided<[1, 9]>> to memref<f32, strided<[], offset: ?>>
// CHECK-NEXT:      %left = memref.reinterpret_cast %a to offset: [%c0], sizes: [], strides: [] : memref<4x8xf32> to memref<f32, strided<[], offset: ?>>
// CHECK-NEXT:      %result = memref.reinterpret_cast %out to offset: [%c0], sizes: [], strides: [] : memref<4x6xf32> to memref<f32, strided<[], offset: ?>>
// CHECK-NEXT:      func.call @sgemm_(%transposed, %as_stored, %n6, %n4, %n8, %one, %right, %n9, %left, %n8, %zero, %result, %n6) : (memref<i8>, memref<i8>, memref<i32>, memref<i32>, memref<i32>, memref<f32>, memref<f32, strided<[], offset: ?>>, memref<i32>, memref<f32, strided<[], offset: ?>>, memref<i32>, memref<f32>, memref<f32, strided<[], offset: ?>>, memref<i32>) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
// HOST: func.func private @product(
// HOST-NOT: sgemm_
func.func private @product(%a: tensor<4x8xf32>, %b: tensor<8x6xf32> {fxt.strides = [1 : i64, 9 : i64]}) -> (tensor<4x6xf32>) attributes {fxlower.kernel = "contraction"} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<4x6xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x6xf32>) -> tensor<4x6xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<4x8xf32>, tensor<8x6xf32>) outs(%init : tensor<4x6xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x6xf32>
  func.return %c : tensor<4x6xf32>
}

// CHECK-LABEL: func.func private @batch_and_epilogue(%a: memref<3x4x8xf32>, %b: memref<8x6xf32>, %bias: memref<6xf32>, %out: memref<3x4x6xf32>) attributes {fxlower.kernel = "library"} {
// CHECK-NEXT:      %as_stored = memref.alloca() {alignment = 64 : i64} : memref<i8>
// CHECK-NEXT:      %0 = arith.constant 78 : i8
// CHECK-NEXT:      memref.store %0, %as_stored[] : memref<i8>
// CHECK-NEXT:      %n6 = memref.alloca() {alignment = 64 : i64} : memref<i32>
// CHECK-NEXT:      %1 = arith.constant 6 : i32
// CHECK-NEXT:      memref.store %1, %n6[] : memref<i32>
// CHECK-NEXT:      %n4 = memref.alloca() {alignment = 64 : i64} : memref<i32>
// CHECK-NEXT:      %2 = arith.constant 4 : i32
// CHECK-NEXT:      memref.store %2, %n4[] : memref<i32>
// CHECK-NEXT:      %n8 = memref.alloca() {alignment = 64 : i64} : memref<i32>
// CHECK-NEXT:      %3 = arith.constant 8 : i32
// CHECK-NEXT:      memref.store %3, %n8[] : memref<i32>
// CHECK-NEXT:      %one = memref.alloca() {alignment = 64 : i64} : memref<f32>
// CHECK-NEXT:      %4 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:      memref.store %4, %one[] : memref<f32>
// CHECK-NEXT:      %zero = memref.alloca() {alignment = 64 : i64} : memref<f32>
// CHECK-NEXT:      %5 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      memref.store %5, %zero[] : memref<f32>
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c3 = arith.constant 3 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      scf.for %batch = %c0 to %c3 step %c1 {
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [%c0], sizes: [], strides: [] : memref<8x6xf32> to memref<f32, strided<[], offset: ?>>
// CHECK-NEXT:        %c32 = arith.constant 32 : index
// CHECK-NEXT:        %6 = arith.muli %batch, %c32 : index
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [%6], sizes: [], strides: [] : memref<3x4x8xf32> to memref<f32, strided<[], offset: ?>>
// CHECK-NEXT:        %c24 = arith.constant 24 : index
// CHECK-NEXT:        %7 = arith.muli %batch, %c24 : index
// CHECK-NEXT:        %result = memref.reinterpret_cast %out to offset: [%7], sizes: [], strides: [] : memref<3x4x6xf32> to memref<f32, strided<[], offset: ?>>
// CHECK-NEXT:        func.call @sgemm_(%as_stored, %as_stored, %n6, %n4, %n8, %one, %right, %n6, %left, %n8, %zero, %result, %n6) : (memref<i8>, memref<i8>, memref<i32>, memref<i32>, memref<i32>, memref<f32>, memref<f32, strided<[], offset: ?>>, memref<i32>, memref<f32, strided<[], offset: ?>>, memref<i32>, memref<f32>, memref<f32, strided<[], offset: ?>>, memref<i32>) -> ()
// CHECK-NEXT:      }
// CHECK-NEXT:      %c12 = arith.constant 12 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c12, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%row: index):
// CHECK-NEXT:        %c4 = arith.constant 4 : index
// CHECK-NEXT:        %8 = arith.remui %row, %c4 : index
// CHECK-NEXT:        %9 = arith.divui %row, %c4 : index
// CHECK-NEXT:        %c24_1 = arith.constant 24 : index
// CHECK-NEXT:        %10 = arith.muli %9, %c24_1 : index
// CHECK-NEXT:        %result_1 = memref.reinterpret_cast %out to offset: [%10], sizes: [4, 6], strides: [6, 1] : memref<3x4x6xf32> to memref<4x6xf32, strided<[6, 1], offset: ?>>
// CHECK-NEXT:        %c6 = arith.constant 6 : index
// CHECK-NEXT:        scf.for %j = %c0 to %c6 step %c1 {
// CHECK-NEXT:          %11 = memref.load %result_1[%8, %j] : memref<4x6xf32, strided<[6, 1], offset: ?>>
// CHECK-NEXT:          %12 = memref.load %bias[%j] : memref<6xf32>
// CHECK-NEXT:          %13 = arith.addf %11, %12 : f32
// CHECK-NEXT:          memref.store %13, %out[%9, %8, %j] : memref<3x4x6xf32>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 5000 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @batch_and_epilogue(%a: tensor<3x4x8xf32>, %b: tensor<8x6xf32>, %bias: tensor<6xf32>) -> (tensor<3x4x6xf32>) attributes {fxlower.kernel = "contraction"} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<3x4x6xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<3x4x6xf32>) -> tensor<3x4x6xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%a, %b : tensor<3x4x8xf32>, tensor<8x6xf32>) outs(%init : tensor<3x4x6xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x4x6xf32>
  %empty2 = tensor.empty() : tensor<3x4x6xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%c, %bias : tensor<3x4x6xf32>, tensor<6xf32>) outs(%empty2 : tensor<3x4x6xf32>) {
  ^bb0(%v: f32, %w: f32, %o: f32):
    %t = arith.addf %v, %w : f32
    linalg.yield %t : f32
  } -> tensor<3x4x6xf32>
  func.return %r : tensor<3x4x6xf32>
}

// Fewer than 100 operations, a symbolic size, and integers stay as they are.

// CHECK-LABEL: func.func private @small(
// CHECK: linalg.generic
// CHECK-NOT: func.call
func.func private @small(%a: tensor<2x4xf32>, %b: tensor<4x6xf32>) -> (tensor<2x6xf32>) attributes {fxlower.kernel = "contraction"} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<2x6xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x6xf32>) -> tensor<2x6xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<2x4xf32>, tensor<4x6xf32>) outs(%init : tensor<2x6xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x6xf32>
  func.return %c : tensor<2x6xf32>
}

// CHECK-LABEL: func.func private @symbolic(
// CHECK: linalg.generic
// CHECK-NOT: func.call
func.func private @symbolic(%a: tensor<?x8xf32, ["d0", 8 : i64]>, %b: tensor<8x6xf32>, %d0: index {fxt.symbol = "d0"}) -> (tensor<?x6xf32, ["d0", 6 : i64]>) attributes {fxlower.kernel = "contraction"} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty(%d0) : tensor<?x6xf32, ["d0", 6 : i64]>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x6xf32, ["d0", 6 : i64]>) -> tensor<?x6xf32, ["d0", 6 : i64]>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<?x8xf32, ["d0", 8 : i64]>, tensor<8x6xf32>) outs(%init : tensor<?x6xf32, ["d0", 6 : i64]>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x6xf32, ["d0", 6 : i64]>
  func.return %c : tensor<?x6xf32, ["d0", 6 : i64]>
}

// CHECK-LABEL: func.func private @integers(
// CHECK: linalg.generic
// CHECK-NOT: func.call
func.func private @integers(%a: tensor<8x8xi32>, %b: tensor<8x8xi32>) -> (tensor<8x8xi32>) attributes {fxlower.kernel = "contraction"} {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<8x8xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<8x8xi32>) -> tensor<8x8xi32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<8x8xi32>, tensor<8x8xi32>) outs(%init : tensor<8x8xi32>) {
  ^bb0(%x: i32, %y: i32, %acc: i32):
    %p = arith.muli %x, %y : i32
    %s = arith.addi %acc, %p : i32
    linalg.yield %s : i32
  } -> tensor<8x8xi32>
  func.return %c : tensor<8x8xi32>
}
}
