// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// Only what is read is computed, at the rows of the reduction; the source is not needed in memory.

// CHECK-LABEL: func.func @gather_of_elementwise(
// CHECK-NEXT:    %m = fxt.amax %x, array<i64: 1> : (tensor<4x64xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %row = fxt.iota 0 : tensor<4x1xi64>
// CHECK-NEXT:    %0 = fxt.gather %x[%row, %i] : (tensor<4x64xf32>, tensor<4x1xi64>, tensor<4x1xi64>) -> tensor<4x1xf32>
// CHECK-NEXT:    %1 = fxt.reshape %m : (tensor<4xf32>) -> tensor<4x1xf32>
// CHECK-NEXT:    %r = fxt.sub %0, %1 : tensor<4x1xf32>
// CHECK-NEXT:    func.return %r : tensor<4x1xf32>
func.func @gather_of_elementwise(%x: tensor<4x64xf32>, %i: tensor<4x1xi64>) -> tensor<4x1xf32> {
  %m = fxt.amax %x, array<i64: 1> : (tensor<4x64xf32>) -> tensor<4xf32>
  %b = fxt.broadcast %m, array<i64: 0> : (tensor<4xf32>) -> tensor<4x64xf32>
  %s = fxt.sub %x, %b : tensor<4x64xf32>
  %row = fxt.iota 0 : tensor<4x1xi64>
  %r = fxt.gather %s[%row, %i] : (tensor<4x64xf32>, tensor<4x1xi64>, tensor<4x1xi64>) -> tensor<4x1xf32>
  func.return %r : tensor<4x1xf32>
}

// As much is read as there is: others need the source, and one gather is better than two.

// CHECK-LABEL: func.func @keep_gather_of_elementwise(
// CHECK-NEXT:    %row = fxt.iota 0 : tensor<4x8xi64>
// CHECK-NEXT:    %e = fxt.exp %x : tensor<4x8xf32>
// CHECK-NEXT:    %a = fxt.gather %e[%row, %i] : (tensor<4x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<4x8xf32>
// CHECK-NEXT:    %s = fxt.add %x, %y : tensor<4x8xf32>
// CHECK-NEXT:    %b = fxt.gather %s[%row, %i] : (tensor<4x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %a, %b, %e : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
func.func @keep_gather_of_elementwise(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>, %i: tensor<4x8xi64>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %row = fxt.iota 0 : tensor<4x8xi64>
  %e = fxt.exp %x : tensor<4x8xf32>
  %a = fxt.gather %e[%row, %i] : (tensor<4x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<4x8xf32>
  %s = fxt.add %x, %y : tensor<4x8xf32>
  %b = fxt.gather %s[%row, %i] : (tensor<4x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<4x8xf32>
  func.return %a, %b, %e : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// All rows are the same: the index of the row is still checked where the source is in memory.

// CHECK-LABEL: func.func @keep_gather_of_broadcast(
// CHECK-NEXT:    %e = fxt.exp %x : tensor<8xf32>
// CHECK-NEXT:    %b = fxt.broadcast %e, array<i64: 1> : (tensor<8xf32>) -> tensor<64x8xf32>
// CHECK-NEXT:    %n = fxt.neg %b : tensor<64x8xf32>
// CHECK-NEXT:    %row = fxt.normalize_index 64 : i64, %i : tensor<4xi64>
// CHECK-NEXT:    %column = fxt.full 0 : i64 : tensor<4xi64>
// CHECK-NEXT:    %r = fxt.gather %n[%row, %column] : (tensor<64x8xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %r : tensor<4xf32>
func.func @keep_gather_of_broadcast(%x: tensor<8xf32>, %i: tensor<4xi64>) -> tensor<4xf32> {
  %e = fxt.exp %x : tensor<8xf32>
  %b = fxt.broadcast %e, array<i64: 1> : (tensor<8xf32>) -> tensor<64x8xf32>
  %n = fxt.neg %b : tensor<64x8xf32>
  %row = fxt.normalize_index 64, %i : tensor<4xi64>
  %column = fxt.full 0 : i64 : tensor<4xi64>
  %r = fxt.gather %n[%row, %column] : (tensor<64x8xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// One position of each row, in an order of axes of its own.

// CHECK-LABEL: func.func @scatter_of_one(
// CHECK-NEXT:    %z = fxt.full 0.000000e+00 : f32 : tensor<8x4xf32>
// CHECK-NEXT:    %0 = fxt.broadcast %i, array<i64: 1> : (tensor<4xi64>) -> tensor<8x4xi64>
// CHECK-NEXT:    %1 = fxt.broadcast %u, array<i64: 1> : (tensor<4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %2 = fxt.iota 0 : tensor<8x4xi64>
// CHECK-NEXT:    %3 = fxt.cmp "eq", %2, %0 : (tensor<8x4xi64>, tensor<8x4xi64>) -> tensor<8x4xi1>
// CHECK-NEXT:    %a = fxt.select %3, %1, %z : (tensor<8x4xi1>, tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %4 = fxt.add %z, %1 : tensor<8x4xf32>
// CHECK-NEXT:    %b = fxt.select %3, %4, %z : (tensor<8x4xi1>, tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %a, %b : tensor<8x4xf32>, tensor<8x4xf32>
func.func @scatter_of_one(%i: tensor<4xi64>, %u: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %z = fxt.full 0.000000e+00 : f32 : tensor<8x4xf32>
  %column = fxt.iota 0 : tensor<4xi64>
  %a = fxt.scatter "set", %z, %u, array<i64: 0, 1>[%i, %column] : (tensor<8x4xf32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<8x4xf32>
  %b = fxt.scatter "add", %z, %u, array<i64: 0, 1>[%i, %column] : (tensor<8x4xf32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<8x4xf32>
  func.return %a, %b : tensor<8x4xf32>, tensor<8x4xf32>
}

// Rows of 3 may meet, a destination in memory is copied, and not every column is written.

// CHECK-LABEL: func.func @keep_scatter(
// CHECK-NEXT:    %z = fxt.full 0.000000e+00 : f32 : tensor<8x4xf32>
// CHECK-NEXT:    %a = fxt.scatter "add", %z, %u, array<i64: 0>[%i] : (tensor<8x4xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<8x4xf32>
// CHECK-NEXT:    %column = fxt.iota 0 : tensor<4xi64>
// CHECK-NEXT:    %b = fxt.scatter "set", %x, %v, array<i64: 0, 1>[%j, %column] : (tensor<8x4xf32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<8x4xf32>
// CHECK-NEXT:    %w = fxt.full 0.000000e+00 : f32 : tensor<8x6xf32>
// CHECK-NEXT:    %c = fxt.scatter "set", %w, %v, array<i64: 0, 1>[%j, %column] : (tensor<8x6xf32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<8x6xf32>
// CHECK-NEXT:    func.return %a, %b, %c : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x6xf32>
func.func @keep_scatter(%x: tensor<8x4xf32>, %i: tensor<3xi64>, %u: tensor<3x4xf32>, %j: tensor<4xi64>, %v: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x6xf32>) {
  %z = fxt.full 0.000000e+00 : f32 : tensor<8x4xf32>
  %a = fxt.scatter "add", %z, %u, array<i64: 0>[%i] : (tensor<8x4xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<8x4xf32>
  %column = fxt.iota 0 : tensor<4xi64>
  %b = fxt.scatter "set", %x, %v, array<i64: 0, 1>[%j, %column] : (tensor<8x4xf32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<8x4xf32>
  %w = fxt.full 0.000000e+00 : f32 : tensor<8x6xf32>
  %c = fxt.scatter "set", %w, %v, array<i64: 0, 1>[%j, %column] : (tensor<8x6xf32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<8x6xf32>
  func.return %a, %b, %c : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x6xf32>
}

// What is computed with a product is in memory if others need it; the product is not.

// CHECK-LABEL: func.func @gather_of_product(
// CHECK-NEXT:    %row = fxt.iota 0 : tensor<4x1xi64>
// CHECK-NEXT:    %p = fxt.matmul %x, %y : (tensor<4x8xf32>, tensor<8x64xf32>) -> tensor<4x64xf32>
// CHECK-NEXT:    %s = fxt.add %p, %z : tensor<4x64xf32>
// CHECK-NEXT:    %m = fxt.amax %s, array<i64: 1> : (tensor<4x64xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %0 = fxt.gather %s[%row, %i] : (tensor<4x64xf32>, tensor<4x1xi64>, tensor<4x1xi64>) -> tensor<4x1xf32>
// CHECK-NEXT:    %1 = fxt.reshape %m : (tensor<4xf32>) -> tensor<4x1xf32>
// CHECK-NEXT:    %r = fxt.sub %0, %1 : tensor<4x1xf32>
// CHECK-NEXT:    func.return %r, %s : tensor<4x1xf32>, tensor<4x64xf32>
func.func @gather_of_product(%x: tensor<4x8xf32>, %y: tensor<8x64xf32>, %z: tensor<4x64xf32>, %i: tensor<4x1xi64>) -> (tensor<4x1xf32>, tensor<4x64xf32>) {
  %row = fxt.iota 0 : tensor<4x1xi64>
  %p = fxt.matmul %x, %y : (tensor<4x8xf32>, tensor<8x64xf32>) -> tensor<4x64xf32>
  %s = fxt.add %p, %z : tensor<4x64xf32>
  %m = fxt.amax %s, array<i64: 1> : (tensor<4x64xf32>) -> tensor<4xf32>
  %b = fxt.broadcast %m, array<i64: 0> : (tensor<4xf32>) -> tensor<4x64xf32>
  %d = fxt.sub %s, %b : tensor<4x64xf32>
  %r = fxt.gather %d[%row, %i] : (tensor<4x64xf32>, tensor<4x1xi64>, tensor<4x1xi64>) -> tensor<4x1xf32>
  func.return %r, %s : tensor<4x1xf32>, tensor<4x64xf32>
}
