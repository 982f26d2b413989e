// RUN: fxlower-opt %s --verify-diagnostics --split-input-file | filecheck %s
// CHECK: operand must be floating point, got tensor<4xi32>
func.func @f(%a: tensor<4xi32>) {
  %r = fxt.exp %a : tensor<4xi32>
  func.return
}

// -----

// CHECK: operands must be integers or bools, got tensor<4xf32>
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  %r = fxt.and %a, %b : tensor<4xf32>
  func.return
}

// -----

// CHECK: operand 'rhs' at position 1 does not verify
func.func @f(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  %r = "fxt.add"(%a, %b) : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: a dynamic dimension needs its symbol in the encoding, got tensor<?xf32>
func.func @f(%a: tensor<?xf32>) {
  %r = fxt.neg %a : tensor<?xf32>
  func.return
}

// -----

// CHECK: encoding does not match the shape in tensor<?x8xf32, ["s0"]>
func.func @f(%a: tensor<?x8xf32, ["s0"]>) {
  %r = fxt.neg %a : tensor<?x8xf32, ["s0"]>
  func.return
}

// -----

// CHECK: predicate must be one of eq, ne, lt, le, gt, ge, got 'less'
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  %r = fxt.cmp "less", %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return
}

// -----

// CHECK: condition must be bools, got tensor<4xi8>
func.func @f(%c: tensor<4xi8>, %a: tensor<4xf32>) {
  %r = fxt.select %c, %a, %a : (tensor<4xi8>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: result must have dims [4], got [5]
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.cast %a : (tensor<4xf32>) -> tensor<5xf64>
  func.return
}

// -----

// CHECK: element widths must agree, got tensor<4xf32> and tensor<4xi64>
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.bitcast %a : (tensor<4xf32>) -> tensor<4xi64>
  func.return
}

// -----

// CHECK: element counts must agree, got 32 in [4, 8] and 40 in [5, 8]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.reshape %a : (tensor<4x8xf32>) -> tensor<5x8xf32>
  func.return
}

// -----

// CHECK: permutation must be distinct axes of a rank-2 tensor, got [0, 0]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.permute %a, array<i64: 0, 0> : (tensor<4x8xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// CHECK: operand dims [8] must equal the result dims at axes [0], got [4, 8]
func.func @f(%a: tensor<8xf32>) {
  %r = fxt.broadcast %a, array<i64: 0> : (tensor<8xf32>) -> tensor<4x8xf32>
  func.return
}

// -----

// CHECK: elements 4..8 of axis 0 must lie in [0, 8)
func.func @f(%a: tensor<8xf32>) {
  %r = fxt.slice %a, [4 : i64], array<i64: 2> : (tensor<8xf32>) -> tensor<3xf32>
  func.return
}

// -----

// CHECK: strides must have the result's rank 2, got 1
func.func @f(%a: tensor<8xf32>) {
  %r = fxt.as_strided %a, 0 : i64, [1 : i64] : (tensor<8xf32>) -> tensor<2x3xf32>
  func.return
}

// -----

// CHECK: axes must be distinct axes of a rank-2 tensor, got [2]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.sum %a, array<i64: 2> : (tensor<4x8xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: result must have dims [4], got [8]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.sum %a, array<i64: 1> : (tensor<4x8xf32>) -> tensor<8xf32>
  func.return
}

// -----

// CHECK: axis must be distinct axes of a rank-2 tensor, got [2]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.cumsum %a, 2 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return
}

// -----

// CHECK: a rank-2 source needs 2 indices, got 1
func.func @f(%a: tensor<4x8xf32>, %i: tensor<3xi64>) {
  %r = fxt.gather %a[%i] : (tensor<4x8xf32>, tensor<3xi64>) -> tensor<3xf32>
  func.return
}

// -----

// CHECK: index must be of i64, got tensor<3xi32>
func.func @f(%a: tensor<4xf32>, %i: tensor<3xi32>) {
  %r = fxt.gather %a[%i] : (tensor<4xf32>, tensor<3xi32>) -> tensor<3xf32>
  func.return
}

// -----

// CHECK: mode must be one of set, add, mul, max, min, got 'sub'
func.func @f(%a: tensor<4xf32>, %u: tensor<3xf32>, %i: tensor<3xi64>) {
  %r = fxt.scatter "sub", %a, %u, array<i64: 0>[%i] : (tensor<4xf32>, tensor<3xf32>, tensor<3xi64>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: updates must have dims [3, 8], got [3]
func.func @f(%a: tensor<4x8xf32>, %u: tensor<3xf32>, %i: tensor<3xi64>) {
  %r = fxt.scatter "set", %a, %u, array<i64: 0>[%i] : (tensor<4x8xf32>, tensor<3xf32>, tensor<3xi64>) -> tensor<4x8xf32>
  func.return
}

// -----

// CHECK: operand must have dims [4, 8], got [5, 8]
func.func @f(%a: tensor<4x8xf32>, %b: tensor<5x8xf32>) {
  %r = fxt.concat 1(%a, %b) : (tensor<4x8xf32>, tensor<5x8xf32>) -> tensor<4x16xf32>
  func.return
}

// -----

// CHECK: operand, result and low must have one rank, got 2, 2, 1
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.pad %a, 0.000000e+00 : f32, [0 : i64] : (tensor<4x8xf32>) -> tensor<4x10xf32>
  func.return
}

// -----

// CHECK: operands must be (..., m, k) and (..., k, n), got [4, 8] and [9, 2]
func.func @f(%a: tensor<4x8xf32>, %b: tensor<9x2xf32>) {
  %r = fxt.matmul %a, %b : (tensor<4x8xf32>, tensor<9x2xf32>) -> tensor<4x2xf32>
  func.return
}

// -----

// CHECK: axis must be distinct axes of a rank-1 tensor, got [1]
func.func @f() {
  %r = fxt.iota 1 : tensor<4xi64>
  func.return
}

// -----

// CHECK: result must be of bools, got tensor<4xi8>
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.cmp "lt", %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi8>
  func.return
}

// -----

// CHECK: value must be a number of type f32, got 1 : i64
func.func @f() {
  %r = fxt.full 1 : i64 : tensor<4xf32>
  func.return
}

// -----

// CHECK: value must be a dense constant of type tensor<3xi64>, got dense<[1, 2]> : tensor<2xi64>
func.func @f() {
  %r = fxt.dense dense<[1, 2]> : tensor<2xi64> : tensor<3xi64>
  func.return
}

// -----

// CHECK: result must be of i64, got tensor<4xi32>
func.func @f() {
  %r = fxt.iota 0 : tensor<4xi32>
  func.return
}

// -----

// CHECK: result must have dims [], got [1]
func.func @f() {
  %r = fxt.size ["s0"] : tensor<1xi64>
  func.return
}

// -----

// CHECK: element types must agree, got tensor<4xf32> and tensor<4xf64>
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.reshape %a : (tensor<4xf32>) -> tensor<4xf64>
  func.return
}

// -----

// CHECK: permutation must name all 2 axes
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.permute %a, array<i64: 1> : (tensor<4x8xf32>) -> tensor<8xf32>
  func.return
}

// -----

// CHECK: axes must be an array<i64: ...>, got [1 : i64, 0 : i64]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.permute %a, [1, 0] : (tensor<4x8xf32>) -> tensor<8x4xf32>
  func.return
}

// -----

// CHECK: axes must ascend, got [1, 0]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.broadcast %a, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  func.return
}

// -----

// CHECK: operand, result, starts and steps must have one rank, got 2, 2, 1 and 2
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.slice %a, [0], array<i64: 1, 1> : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return
}

// -----

// CHECK: axes must ascend, got [1, 0]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.sum %a, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<f32>
  func.return
}

// -----

// CHECK: element types must agree, got tensor<4xbf16> and tensor<f32>
func.func @f(%a: tensor<4xbf16>) {
  %r = fxt.sum %a, array<i64: 0> : (tensor<4xbf16>) -> tensor<f32>
  func.return
}

// -----

// CHECK: operand and result must have one type, got tensor<4xi32> and tensor<4xi64>
func.func @f(%a: tensor<4xi32>) {
  %r = fxt.cumsum %a, 0 : (tensor<4xi32>) -> tensor<4xi64>
  func.return
}

// -----

// CHECK: index must be of i64, got tensor<4xi32>
func.func @f(%a: tensor<4xi32>) {
  %r = fxt.normalize_index 9 : i64, %a : tensor<4xi32>
  func.return
}

// -----

// CHECK: 1 axes need as many indices, got 0
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.scatter "set", %a, %a, array<i64: 0>[] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: needs at least one operand
func.func @f() {
  %r = fxt.concat 0() : () -> tensor<4xf32>
  func.return
}

// -----

// CHECK: sizes [4, 4] along axis 0 must add up to 9
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.concat 0(%a, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<9xf32>
  func.return
}

// -----

// CHECK: value must be a number of type f32, got 0 : i64
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.pad %a, 0 : i64, [0] : (tensor<4xf32>) -> tensor<5xf32>
  func.return
}

// -----

// CHECK: axis 0: 4 elements after 2 do not fit into 5
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.pad %a, 0.0 : f32, [2] : (tensor<4xf32>) -> tensor<5xf32>
  func.return
}

// -----

// CHECK: element types must agree, got tensor<4x8xf32>, tensor<8x2xbf16> and tensor<4x2xf32>
func.func @f(%a: tensor<4x8xf32>, %b: tensor<8x2xbf16>) {
  %r = fxt.matmul %a, %b : (tensor<4x8xf32>, tensor<8x2xbf16>) -> tensor<4x2xf32>
  func.return
}

// -----

// CHECK: element types must agree, got tensor<4x8xi8>, tensor<8x2xi8> and tensor<4x2xi64>
func.func @f(%a: tensor<4x8xi8>, %b: tensor<8x2xi8>) {
  %r = fxt.matmul %a, %b : (tensor<4x8xi8>, tensor<8x2xi8>) -> tensor<4x2xi64>
  func.return
}

// -----

// CHECK: order must be one of ascending, descending, got 'up'
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.argsort "up", %a, 0 : (tensor<4xf32>) -> tensor<4xi64>
  func.return
}

// -----

// CHECK: 4 elements along axis 0 have no first 5
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.argsort "ascending", %a, 0 : (tensor<4xf32>) -> tensor<5xi64>
  func.return
}

// -----

// CHECK: result must have dims [4, 3], got [5, 3]
func.func @f(%a: tensor<4x8xf32>) {
  %r = fxt.argsort "ascending", %a, 1 : (tensor<4x8xf32>) -> tensor<5x3xi64>
  func.return
}

// -----

// CHECK: scratch must be a matrix of i64, got tensor<8xi64>
func.func @f(%a: tensor<4xf32>, %w: tensor<8xi64>) {
  %r = fxt.argsort "ascending", %a, 0, %w : (tensor<4xf32>, tensor<8xi64>) -> tensor<4xi64>
  func.return
}

// -----

// CHECK: result must be of i64, got tensor<4xf32>
func.func @f(%a: tensor<4xf32>) {
  %r = fxt.cumargmax %a, 0 : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: operand must be of floats, got tensor<4xi32>
func.func @f(%a: tensor<4xi32>) {
  %r = fxt.cumlogaddexp %a, 0 : (tensor<4xi32>) -> tensor<4xi32>
  func.return
}
