// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// Common subexpressions, dead code, and what is left alone.

// CHECK-LABEL: func.func @common_subexpressions(
// CHECK-NEXT:    %a = fxt.exp %x : tensor<4xf32>
// CHECK-NEXT:    %c = fxt.neg %a : tensor<4xf32>
// CHECK-NEXT:    func.return %c, %c : tensor<4xf32>, tensor<4xf32>
func.func @common_subexpressions(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = fxt.exp %x : tensor<4xf32>
  %b = fxt.exp %x : tensor<4xf32>
  %c = fxt.neg %a : tensor<4xf32>
  %d = fxt.neg %b : tensor<4xf32>
  func.return %c, %d : tensor<4xf32>, tensor<4xf32>
}

// 0.0 and -0.0 are different numbers.

// CHECK-LABEL: func.func @keep_signed_zeros(
// CHECK-NEXT:    %a = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    %b = fxt.full -0.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    func.return %a, %b : tensor<4xf32>, tensor<4xf32>
func.func @keep_signed_zeros() -> (tensor<4xf32>, tensor<4xf32>) {
  %a = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
  %b = fxt.full -0.000000e+00 : f32 : tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @dead_code(
// CHECK-NEXT:    func.return %x : tensor<4xf32>
func.func @dead_code(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = fxt.exp %x : tensor<4xf32>
  %b = fxt.neg %a : tensor<4xf32>
  func.return %x : tensor<4xf32>
}

// An operator without a lowering may draw random numbers or write somewhere, unless it is known not to.

// CHECK-LABEL: func.func @opaque(
// CHECK-NEXT:    %a = fxt.aten "aten.f", 0(%x) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %b = fxt.aten "aten.f", 0(%x) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %c = fxt.aten "aten.g", 1(%x) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %a, %b : tensor<4xf32>, tensor<4xf32>
func.func @opaque(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = fxt.aten "aten.f", 0(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %b = fxt.aten "aten.f", 0(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %c = fxt.aten "aten.g", 1(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %d = fxt.aten "aten.h", 2(%x) {pure} : (tensor<4xf32>) -> tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// The memory of an operand of `fxt.as_strided` must stay what it is.

// CHECK-LABEL: func.func @as_strided(
// CHECK-NEXT:    %m = fxt.matmul %x, %y : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT:    %a = fxt.permute %m, array<i64: 1, 0> : (tensor<3x4xf32>) -> tensor<4x3xf32>
// CHECK-NEXT:    %e = fxt.exp %a : tensor<4x3xf32>
// CHECK-NEXT:    %r = fxt.as_strided %e, 1 : i64, [3 : i64] : (tensor<4x3xf32>) -> tensor<2xf32>
// CHECK-NEXT:    func.return %r : tensor<2xf32>
func.func @as_strided(%x: tensor<3x4xf32>, %y: tensor<4x4xf32>) -> (tensor<2xf32>) {
  %m = fxt.matmul %x, %y : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %a = fxt.permute %m, array<i64: 1, 0> : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %e = fxt.exp %a : tensor<4x3xf32>
  %r = fxt.as_strided %e, 1 : i64, [3 : i64] : (tensor<4x3xf32>) -> tensor<2xf32>
  func.return %r : tensor<2xf32>
}

// CHECK-LABEL: func.func private @declaration(
func.func private @declaration(tensor<4xf32>) -> tensor<4xf32>
