// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// CHECK-LABEL: func.func @arithmetic(
// CHECK-NEXT:    %a = fxt.full 0.333333343 : f32 : tensor<4xf32>
// CHECK-NEXT:    %b = fxt.full true : tensor<4xi1>
// CHECK-NEXT:    %c = fxt.full 3.339840e-01 : bf16 : tensor<4xbf16>
// CHECK-NEXT:    %d = fxt.full -56 : i8 : tensor<4xi8>
// CHECK-NEXT:    func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xi1>, tensor<4xbf16>, tensor<4xi8>
func.func @arithmetic() -> (tensor<4xf32>, tensor<4xi1>, tensor<4xbf16>, tensor<4xi8>) {
  %one = fxt.full 1.000000e+00 : f32 : tensor<4xf32>
  %three = fxt.full 3.000000e+00 : f32 : tensor<4xf32>
  %a = fxt.div %one, %three : tensor<4xf32>
  %b = fxt.cmp "lt", %one, %three : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %c = fxt.cast %a : (tensor<4xf32>) -> tensor<4xbf16>
  %i = fxt.full 100 : i8 : tensor<4xi8>
  %d = fxt.add %i, %i : tensor<4xi8>
  func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xi1>, tensor<4xbf16>, tensor<4xi8>
}

// Left to the machine: rounding of `exp`, division by zero, casts that do not fit.

// CHECK-LABEL: func.func @keep_inexact(
// CHECK-NEXT:    %one = fxt.full 1.000000e+00 : f32 : tensor<f32>
// CHECK-NEXT:    %zero = fxt.full 0.000000e+00 : f32 : tensor<f32>
// CHECK-NEXT:    %big = fxt.full 1.000000e+03 : f32 : tensor<f32>
// CHECK-NEXT:    %a = fxt.exp %one : tensor<f32>
// CHECK-NEXT:    %b = fxt.div %one, %zero : tensor<f32>
// CHECK-NEXT:    %c = fxt.cast %big : (tensor<f32>) -> tensor<i8>
// CHECK-NEXT:    func.return %a, %b, %c : tensor<f32>, tensor<f32>, tensor<i8>
func.func @keep_inexact() -> (tensor<f32>, tensor<f32>, tensor<i8>) {
  %one = fxt.full 1.000000e+00 : f32 : tensor<f32>
  %zero = fxt.full 0.000000e+00 : f32 : tensor<f32>
  %big = fxt.full 1.000000e+03 : f32 : tensor<f32>
  %a = fxt.exp %one : tensor<f32>
  %b = fxt.div %one, %zero : tensor<f32>
  %c = fxt.cast %big : (tensor<f32>) -> tensor<i8>
  func.return %a, %b, %c : tensor<f32>, tensor<f32>, tensor<i8>
}

// CHECK-LABEL: func.func @views_of_full(
// CHECK-NEXT:    %d = fxt.full 2.000000e+00 : f32 : tensor<2x6xf32>
// CHECK-NEXT:    func.return %d : tensor<2x6xf32>
func.func @views_of_full() -> tensor<2x6xf32> {
  %x = fxt.full 2.000000e+00 : f32 : tensor<4x3xf32>
  %a = fxt.permute %x, array<i64: 1, 0> : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %b = fxt.slice %a, [0 : i64, 0 : i64], array<i64: 1, 2> : (tensor<3x4xf32>) -> tensor<3x2xf32>
  %c = fxt.reshape %b : (tensor<3x2xf32>) -> tensor<6xf32>
  %d = fxt.broadcast %c, array<i64: 1> : (tensor<6xf32>) -> tensor<2x6xf32>
  func.return %d : tensor<2x6xf32>
}

// CHECK-LABEL: func.func @dense(
// CHECK-NEXT:    %a = fxt.dense dense<[2, 4, 6, 8]> : tensor<4xi64> : tensor<4xi64>
// CHECK-NEXT:    %b = fxt.dense dense<[4, 2]> : tensor<2xi64> : tensor<2xi64>
// CHECK-NEXT:    %c = fxt.full 0 : i64 : tensor<4xi64>
// CHECK-NEXT:    func.return %a, %b, %c : tensor<4xi64>, tensor<2xi64>, tensor<4xi64>
func.func @dense() -> (tensor<4xi64>, tensor<2xi64>, tensor<4xi64>) {
  %x = fxt.dense dense<[1, 2, 3, 4]> : tensor<4xi64> : tensor<4xi64>
  %two = fxt.full 2 : i64 : tensor<4xi64>
  %a = fxt.mul %x, %two : tensor<4xi64>
  %b = fxt.slice %x, [3 : i64], array<i64: -2> : (tensor<4xi64>) -> tensor<2xi64>
  %c = fxt.sub %x, %x : tensor<4xi64>
  func.return %a, %b, %c : tensor<4xi64>, tensor<2xi64>, tensor<4xi64>
}

// CHECK-LABEL: func.func @splat(
// CHECK-NEXT:    %x = fxt.full 2.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    func.return %x : tensor<4xf32>
func.func @splat() -> tensor<4xf32> {
  %x = fxt.dense dense<2.000000e+00> : tensor<4xf32> : tensor<4xf32>
  func.return %x : tensor<4xf32>
}

// CHECK-LABEL: func.func @size(
// CHECK-NEXT:    %a = fxt.full 8 : i64 : tensor<i64>
// CHECK-NEXT:    %b = fxt.size["s0"] : tensor<i64>
// CHECK-NEXT:    func.return %a, %b : tensor<i64>, tensor<i64>
func.func @size(%s0: index {fxt.symbol = "s0"}) -> (tensor<i64>, tensor<i64>) {
  %a = fxt.size [8 : i64] : tensor<i64>
  %b = fxt.size ["s0"] : tensor<i64>
  func.return %a, %b : tensor<i64>, tensor<i64>
}

// CHECK-LABEL: func.func @iota_of_one(
// CHECK-NEXT:    %r = fxt.full 0 : i64 : tensor<1x4xi64>
// CHECK-NEXT:    func.return %r : tensor<1x4xi64>
func.func @iota_of_one() -> tensor<1x4xi64> {
  %r = fxt.iota 0 : tensor<1x4xi64>
  func.return %r : tensor<1x4xi64>
}

// CHECK-LABEL: func.func @normalize_index(
// CHECK-NEXT:    %i = fxt.full -1 : i64 : tensor<4xi64>
// CHECK-NEXT:    %a = fxt.full 8 : i64 : tensor<4xi64>
// CHECK-NEXT:    %n = fxt.iota 0 : tensor<4xi64>
// CHECK-NEXT:    %c = fxt.normalize_index "s0", %i : tensor<4xi64>
// CHECK-NEXT:    func.return %a, %n, %c : tensor<4xi64>, tensor<4xi64>, tensor<4xi64>
func.func @normalize_index() -> (tensor<4xi64>, tensor<4xi64>, tensor<4xi64>) {
  %i = fxt.full -1 : i64 : tensor<4xi64>
  %a = fxt.normalize_index 9 : i64, %i : tensor<4xi64>
  %n = fxt.iota 0 : tensor<4xi64>
  %b = fxt.normalize_index 4 : i64, %n : tensor<4xi64>
  %c = fxt.normalize_index "s0", %i : tensor<4xi64>
  func.return %a, %b, %c : tensor<4xi64>, tensor<4xi64>, tensor<4xi64>
}

// The trap must be raised at run time.

// CHECK-LABEL: func.func @keep_index_out_of_range(
// CHECK-NEXT:    %i = fxt.full 9 : i64 : tensor<4xi64>
// CHECK-NEXT:    %r = fxt.normalize_index 9 : i64, %i : tensor<4xi64>
// CHECK-NEXT:    func.return %r : tensor<4xi64>
func.func @keep_index_out_of_range() -> tensor<4xi64> {
  %i = fxt.full 9 : i64 : tensor<4xi64>
  %r = fxt.normalize_index 9 : i64, %i : tensor<4xi64>
  func.return %r : tensor<4xi64>
}

// CHECK-LABEL: func.func @nonzero_divisor(
// CHECK-NEXT:    %two = fxt.full 2 : i64 : tensor<4xi64>
// CHECK-NEXT:    %zero = fxt.full 0 : i64 : tensor<4xi64>
// CHECK-NEXT:    %b = fxt.nonzero_divisor %zero : tensor<4xi64>
// CHECK-NEXT:    func.return %two, %b : tensor<4xi64>, tensor<4xi64>
func.func @nonzero_divisor() -> (tensor<4xi64>, tensor<4xi64>) {
  %two = fxt.full 2 : i64 : tensor<4xi64>
  %zero = fxt.full 0 : i64 : tensor<4xi64>
  %a = fxt.nonzero_divisor %two : tensor<4xi64>
  %b = fxt.nonzero_divisor %zero : tensor<4xi64>
  func.return %a, %b : tensor<4xi64>, tensor<4xi64>
}
