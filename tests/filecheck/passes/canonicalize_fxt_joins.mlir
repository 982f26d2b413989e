// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// Piece by piece: slices of what is in memory are views, and what only this op uses is computed in
// parts as well.

// CHECK-LABEL: func.func @elementwise_of_concat(
// CHECK-NEXT:    %0 = fxt.slice %y, [0 : i64, 0 : i64], array<i64: 1, 1> : (tensor<4x5xf32>) -> tensor<4x2xf32>
// CHECK-NEXT:    %1 = fxt.exp %0 : tensor<4x2xf32>
// CHECK-NEXT:    %2 = fxt.mul %a, %1 : tensor<4x2xf32>
// CHECK-NEXT:    %3 = fxt.slice %y, [0 : i64, 2 : i64], array<i64: 1, 1> : (tensor<4x5xf32>) -> tensor<4x3xf32>
// CHECK-NEXT:    %4 = fxt.exp %3 : tensor<4x3xf32>
// CHECK-NEXT:    %5 = fxt.mul %b, %4 : tensor<4x3xf32>
// CHECK-NEXT:    %r = fxt.concat 1(%2, %5) : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<4x5xf32>
// CHECK-NEXT:    func.return %r : tensor<4x5xf32>
func.func @elementwise_of_concat(%a: tensor<4x2xf32>, %b: tensor<4x3xf32>, %y: tensor<4x5xf32>) -> tensor<4x5xf32> {
  %c = fxt.concat 1 (%a, %b) : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<4x5xf32>
  %e = fxt.exp %y : tensor<4x5xf32>
  %r = fxt.mul %c, %e : tensor<4x5xf32>
  func.return %r : tensor<4x5xf32>
}

// What others use is not computed twice.

// CHECK-LABEL: func.func @keep_elementwise_of_concat(
// CHECK-NEXT:    %c = fxt.concat 1(%a, %b) : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<4x5xf32>
// CHECK-NEXT:    %e = fxt.exp %y : tensor<4x5xf32>
// CHECK-NEXT:    %r = fxt.mul %c, %e : tensor<4x5xf32>
// CHECK-NEXT:    func.return %r, %e : tensor<4x5xf32>, tensor<4x5xf32>
func.func @keep_elementwise_of_concat(%a: tensor<4x2xf32>, %b: tensor<4x3xf32>, %y: tensor<4x5xf32>) -> (tensor<4x5xf32>, tensor<4x5xf32>) {
  %c = fxt.concat 1 (%a, %b) : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<4x5xf32>
  %e = fxt.exp %y : tensor<4x5xf32>
  %r = fxt.mul %c, %e : tensor<4x5xf32>
  func.return %r, %e : tensor<4x5xf32>, tensor<4x5xf32>
}

// The backward of two slices: no tensor is filled with zeros.

// CHECK-LABEL: func.func @sum_of_pads(
// CHECK-NEXT:    %0 = fxt.full 0.000000e+00 : f32 : tensor<2xf32>
// CHECK-NEXT:    %1 = fxt.add %a, %0 : tensor<2xf32>
// CHECK-NEXT:    %2 = fxt.full 0.000000e+00 : f32 : tensor<3xf32>
// CHECK-NEXT:    %3 = fxt.add %2, %b : tensor<3xf32>
// CHECK-NEXT:    %r = fxt.concat 0(%1, %3) : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
// CHECK-NEXT:    func.return %r : tensor<5xf32>
func.func @sum_of_pads(%a: tensor<2xf32>, %b: tensor<3xf32>) -> tensor<5xf32> {
  %p = fxt.pad %a, 0.000000e+00 : f32, [0 : i64] : (tensor<2xf32>) -> tensor<5xf32>
  %q = fxt.pad %b, 0.000000e+00 : f32, [2 : i64] : (tensor<3xf32>) -> tensor<5xf32>
  %r = fxt.add %p, %q : tensor<5xf32>
  func.return %r : tensor<5xf32>
}

// Seams of both; along the second axis the inner part is still padded.

// CHECK-LABEL: func.func @pads_along_two_axes(
// CHECK-NEXT:    %0 = fxt.full 1.000000e+00 : f32 : tensor<1x4xf32>
// CHECK-NEXT:    %1 = fxt.slice %b, [0 : i64, 0 : i64], array<i64: 1, 1> : (tensor<4x4xf32>) -> tensor<1x4xf32>
// CHECK-NEXT:    %2 = fxt.add %0, %1 : tensor<1x4xf32>
// CHECK-NEXT:    %3 = fxt.full 1.000000e+00 : f32 : tensor<2x1xf32>
// CHECK-NEXT:    %4 = fxt.slice %b, [1 : i64, 0 : i64], array<i64: 1, 1> : (tensor<4x4xf32>) -> tensor<2x1xf32>
// CHECK-NEXT:    %5 = fxt.add %3, %4 : tensor<2x1xf32>
// CHECK-NEXT:    %6 = fxt.slice %b, [1 : i64, 1 : i64], array<i64: 1, 1> : (tensor<4x4xf32>) -> tensor<2x3xf32>
// CHECK-NEXT:    %7 = fxt.add %a, %6 : tensor<2x3xf32>
// CHECK-NEXT:    %8 = fxt.concat 1(%5, %7) : (tensor<2x1xf32>, tensor<2x3xf32>) -> tensor<2x4xf32>
// CHECK-NEXT:    %9 = fxt.slice %b, [3 : i64, 0 : i64], array<i64: 1, 1> : (tensor<4x4xf32>) -> tensor<1x4xf32>
// CHECK-NEXT:    %10 = fxt.add %0, %9 : tensor<1x4xf32>
// CHECK-NEXT:    %r = fxt.concat 0(%2, %8, %10) : (tensor<1x4xf32>, tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
// CHECK-NEXT:    func.return %r : tensor<4x4xf32>
func.func @pads_along_two_axes(%a: tensor<2x3xf32>, %b: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %p = fxt.pad %a, 1.000000e+00 : f32, [1 : i64, 1 : i64] : (tensor<2x3xf32>) -> tensor<4x4xf32>
  %r = fxt.add %p, %b : tensor<4x4xf32>
  func.return %r : tensor<4x4xf32>
}

// CHECK-LABEL: func.func @symbolic(
// CHECK-NEXT:    %0 = fxt.slice %y, [0 : i64, 0 : i64], array<i64: 1, 1> : (tensor<?x2xf32, ["s0 + s1", 2 : i64]>) -> tensor<?x2xf32, ["s0", 2 : i64]>
// CHECK-NEXT:    %1 = fxt.mul %a, %0 : tensor<?x2xf32, ["s0", 2 : i64]>
// CHECK-NEXT:    %2 = fxt.slice %y, ["s0", 0 : i64], array<i64: 1, 1> : (tensor<?x2xf32, ["s0 + s1", 2 : i64]>) -> tensor<?x2xf32, ["s1", 2 : i64]>
// CHECK-NEXT:    %3 = fxt.mul %b, %2 : tensor<?x2xf32, ["s1", 2 : i64]>
// CHECK-NEXT:    %r = fxt.concat 0(%1, %3) : (tensor<?x2xf32, ["s0", 2 : i64]>, tensor<?x2xf32, ["s1", 2 : i64]>) -> tensor<?x2xf32, ["s0 + s1", 2 : i64]>
// CHECK-NEXT:    func.return %r : tensor<?x2xf32, ["s0 + s1", 2 : i64]>
func.func @symbolic(%a: tensor<?x2xf32, ["s0", 2 : i64]>, %b: tensor<?x2xf32, ["s1", 2 : i64]>, %y: tensor<?x2xf32, ["s0 + s1", 2 : i64]>, %s0: index {fxt.symbol = "s0"}, %s1: index {fxt.symbol = "s1"}) -> tensor<?x2xf32, ["s0 + s1", 2 : i64]> {
  %c = fxt.concat 0 (%a, %b) : (tensor<?x2xf32, ["s0", 2 : i64]>, tensor<?x2xf32, ["s1", 2 : i64]>) -> tensor<?x2xf32, ["s0 + s1", 2 : i64]>
  %r = fxt.mul %c, %y : tensor<?x2xf32, ["s0 + s1", 2 : i64]>
  func.return %r : tensor<?x2xf32, ["s0 + s1", 2 : i64]>
}

// What follows a reduction of the joined tensor shares the loops of the reduction.

// CHECK-LABEL: func.func @keep_concat_under_reduction(
// CHECK-NEXT:    %c = fxt.concat 1(%a, %b) : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<4x5xf32>
// CHECK-NEXT:    %m = fxt.amax %c, array<i64: 1> : (tensor<4x5xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %over = fxt.broadcast %m, array<i64: 0> : (tensor<4xf32>) -> tensor<4x5xf32>
// CHECK-NEXT:    %r = fxt.sub %c, %over : tensor<4x5xf32>
// CHECK-NEXT:    func.return %r : tensor<4x5xf32>
func.func @keep_concat_under_reduction(%a: tensor<4x2xf32>, %b: tensor<4x3xf32>) -> tensor<4x5xf32> {
  %c = fxt.concat 1 (%a, %b) : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<4x5xf32>
  %m = fxt.amax %c, array<i64: 1> : (tensor<4x5xf32>) -> tensor<4xf32>
  %over = fxt.broadcast %m, array<i64: 0> : (tensor<4xf32>) -> tensor<4x5xf32>
  %r = fxt.sub %c, %over : tensor<4x5xf32>
  func.return %r : tensor<4x5xf32>
}
