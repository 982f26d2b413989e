// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// CHECK-LABEL: func.func @reductions(
// CHECK-NEXT:    %b = fxt.reshape %x : (tensor<2x1x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT:    %c = fxt.sum %x, array<i64: 1, 2> : (tensor<2x1x4xf32>) -> tensor<2xf32>
// CHECK-NEXT:    func.return %x, %b, %c : tensor<2x1x4xf32>, tensor<2x4xf32>, tensor<2xf32>
func.func @reductions(%x: tensor<2x1x4xf32>) -> (tensor<2x1x4xf32>, tensor<2x4xf32>, tensor<2xf32>) {
  %a = fxt.sum %x, array<i64> : (tensor<2x1x4xf32>) -> tensor<2x1x4xf32>
  %b = fxt.amax %x, array<i64: 1> : (tensor<2x1x4xf32>) -> tensor<2x4xf32>
  %c = fxt.sum %x, array<i64: 1, 2> : (tensor<2x1x4xf32>) -> tensor<2xf32>
  func.return %a, %b, %c : tensor<2x1x4xf32>, tensor<2x4xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @reductions_of_full(
// CHECK-NEXT:    %a = fxt.full 2.400000e+01 : f32 : tensor<2xf32>
// CHECK-NEXT:    %b = fxt.full 3.000000e+00 : f32 : tensor<2xf32>
// CHECK-NEXT:    func.return %a, %b : tensor<2xf32>, tensor<2xf32>
func.func @reductions_of_full() -> (tensor<2xf32>, tensor<2xf32>) {
  %x = fxt.full 3.000000e+00 : f32 : tensor<2x8xf32>
  %a = fxt.sum %x, array<i64: 1> : (tensor<2x8xf32>) -> tensor<2xf32>
  %b = fxt.amin %x, array<i64: 1> : (tensor<2x8xf32>) -> tensor<2xf32>
  func.return %a, %b : tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @reduction_of_permute(
// CHECK-NEXT:    %a = fxt.sum %x, array<i64: 1> : (tensor<2x3x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT:    %0 = fxt.sum %x, array<i64: 2> : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
// CHECK-NEXT:    %b = fxt.permute %0, array<i64: 1, 0> : (tensor<2x3xf32>) -> tensor<3x2xf32>
// CHECK-NEXT:    func.return %a, %b : tensor<2x4xf32>, tensor<3x2xf32>
func.func @reduction_of_permute(%x: tensor<2x3x4xf32>) -> (tensor<2x4xf32>, tensor<3x2xf32>) {
  %p = fxt.permute %x, array<i64: 0, 2, 1> : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %a = fxt.sum %p, array<i64: 2> : (tensor<2x4x3xf32>) -> tensor<2x4xf32>
  %q = fxt.permute %x, array<i64: 1, 2, 0> : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %b = fxt.sum %q, array<i64: 1> : (tensor<3x4x2xf32>) -> tensor<3x2xf32>
  func.return %a, %b : tensor<2x4xf32>, tensor<3x2xf32>
}

// The other user is at the permuted dims.

// CHECK-LABEL: func.func @keep_reduction_of_shared_permute(
// CHECK-NEXT:    %p = fxt.permute %x, array<i64: 1, 0> : (tensor<3x4xf32>) -> tensor<4x3xf32>
// CHECK-NEXT:    %a = fxt.sum %p, array<i64: 1> : (tensor<4x3xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %b = fxt.exp %p : tensor<4x3xf32>
// CHECK-NEXT:    func.return %b, %a : tensor<4x3xf32>, tensor<4xf32>
func.func @keep_reduction_of_shared_permute(%x: tensor<3x4xf32>) -> (tensor<4x3xf32>, tensor<4xf32>) {
  %p = fxt.permute %x, array<i64: 1, 0> : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %a = fxt.sum %p, array<i64: 1> : (tensor<4x3xf32>) -> tensor<4xf32>
  %b = fxt.exp %p : tensor<4x3xf32>
  func.return %b, %a : tensor<4x3xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @concat(
// CHECK-NEXT:    %c = fxt.full 1.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    func.return %x, %x, %c : tensor<2x3xf32>, tensor<2x3xf32>, tensor<4xf32>
func.func @concat(%x: tensor<2x3xf32>, %y: tensor<2x0xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<4xf32>) {
  %a = fxt.concat 1(%x, %y) : (tensor<2x3xf32>, tensor<2x0xf32>) -> tensor<2x3xf32>
  %l = fxt.slice %x, [0 : i64, 0 : i64], array<i64: 1, 1> : (tensor<2x3xf32>) -> tensor<2x1xf32>
  %r = fxt.slice %x, [0 : i64, 1 : i64], array<i64: 1, 1> : (tensor<2x3xf32>) -> tensor<2x2xf32>
  %b = fxt.concat 1(%l, %r) : (tensor<2x1xf32>, tensor<2x2xf32>) -> tensor<2x3xf32>
  %f = fxt.full 1.000000e+00 : f32 : tensor<2xf32>
  %c = fxt.concat 0(%f, %f) : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  func.return %a, %b, %c : tensor<2x3xf32>, tensor<2x3xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @keep_concat_of_swapped_slices(
// CHECK-NEXT:    %l = fxt.slice %x, [0 : i64], array<i64: 1> : (tensor<4xf32>) -> tensor<2xf32>
// CHECK-NEXT:    %r = fxt.slice %x, [2 : i64], array<i64: 1> : (tensor<4xf32>) -> tensor<2xf32>
// CHECK-NEXT:    %c = fxt.concat 0(%r, %l) : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %c : tensor<4xf32>
func.func @keep_concat_of_swapped_slices(%x: tensor<4xf32>) -> tensor<4xf32> {
  %l = fxt.slice %x, [0 : i64], array<i64: 1> : (tensor<4xf32>) -> tensor<2xf32>
  %r = fxt.slice %x, [2 : i64], array<i64: 1> : (tensor<4xf32>) -> tensor<2xf32>
  %c = fxt.concat 0(%r, %l) : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  func.return %c : tensor<4xf32>
}

// Two parts of a tensor are changed one after the other.
// CHECK-LABEL: func.func @concat_of_slices_of_concat(
// CHECK-NEXT:    %a = fxt.slice %x, [0 : i64], array<i64: 1> : (tensor<9xf32>) -> tensor<2xf32>
// CHECK-NEXT:    %e = fxt.slice %x, [7 : i64], array<i64: 1> : (tensor<9xf32>) -> tensor<2xf32>
// CHECK-NEXT:    %0 = fxt.slice %x, [3 : i64], array<i64: 1> : (tensor<9xf32>) -> tensor<3xf32>
// CHECK-NEXT:    %f = fxt.concat 0(%a, %y, %0, %z, %e) : (tensor<2xf32>, tensor<1xf32>, tensor<3xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<9xf32>
// CHECK-NEXT:    func.return %f : tensor<9xf32>
func.func @concat_of_slices_of_concat(%x: tensor<9xf32>, %y: tensor<1xf32>, %z: tensor<1xf32>) -> tensor<9xf32> {
  %a = fxt.slice %x, [0], array<i64: 1> : (tensor<9xf32>) -> tensor<2xf32>
  %b = fxt.slice %x, [3], array<i64: 1> : (tensor<9xf32>) -> tensor<6xf32>
  %c = fxt.concat 0(%a, %y, %b) : (tensor<2xf32>, tensor<1xf32>, tensor<6xf32>) -> tensor<9xf32>
  %d = fxt.slice %c, [0], array<i64: 1> : (tensor<9xf32>) -> tensor<6xf32>
  %e = fxt.slice %c, [7], array<i64: 1> : (tensor<9xf32>) -> tensor<2xf32>
  %f = fxt.concat 0(%d, %z, %e) : (tensor<6xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<9xf32>
  func.return %f : tensor<9xf32>
}

// CHECK-LABEL: func.func @slice_of_concat(
// CHECK-NEXT:    %c = fxt.concat 0(%x, %y) : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
// CHECK-NEXT:    %b = fxt.slice %y, [2 : i64], array<i64: -2> : (tensor<3xf32>) -> tensor<2xf32>
// CHECK-NEXT:    %d = fxt.slice %c, [1 : i64], array<i64: 1> : (tensor<5xf32>) -> tensor<2xf32>
// CHECK-NEXT:    func.return %y, %b, %d : tensor<3xf32>, tensor<2xf32>, tensor<2xf32>
func.func @slice_of_concat(%x: tensor<2xf32>, %y: tensor<3xf32>) -> (tensor<3xf32>, tensor<2xf32>, tensor<2xf32>) {
  %c = fxt.concat 0(%x, %y) : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  %a = fxt.slice %c, [2 : i64], array<i64: 1> : (tensor<5xf32>) -> tensor<3xf32>
  %b = fxt.slice %c, [4 : i64], array<i64: -2> : (tensor<5xf32>) -> tensor<2xf32>
  %d = fxt.slice %c, [1 : i64], array<i64: 1> : (tensor<5xf32>) -> tensor<2xf32>
  func.return %a, %b, %d : tensor<3xf32>, tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @pad(
// CHECK-NEXT:    %f = fxt.full 1.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    %b = fxt.full 1.000000e+00 : f32 : tensor<6xf32>
// CHECK-NEXT:    %c = fxt.pad %f, 2.000000e+00 : f32, [1 : i64] : (tensor<4xf32>) -> tensor<6xf32>
// CHECK-NEXT:    func.return %x, %b, %c : tensor<4xf32>, tensor<6xf32>, tensor<6xf32>
func.func @pad(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<6xf32>, tensor<6xf32>) {
  %a = fxt.pad %x, 0.000000e+00 : f32, [0 : i64] : (tensor<4xf32>) -> tensor<4xf32>
  %f = fxt.full 1.000000e+00 : f32 : tensor<4xf32>
  %b = fxt.pad %f, 1.000000e+00 : f32, [1 : i64] : (tensor<4xf32>) -> tensor<6xf32>
  %c = fxt.pad %f, 2.000000e+00 : f32, [1 : i64] : (tensor<4xf32>) -> tensor<6xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<6xf32>, tensor<6xf32>
}

// CHECK-LABEL: func.func @gather_is_a_view(
// CHECK-NEXT:    %0 = fxt.slice %x, [2 : i64, 0 : i64], array<i64: 1, 1> : (tensor<8x4xf32>) -> tensor<1x4xf32>
// CHECK-NEXT:    %1 = fxt.reshape %0 : (tensor<1x4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %r = fxt.broadcast %1, array<i64: 1> : (tensor<4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT:    func.return %r : tensor<3x4xf32>
func.func @gather_is_a_view(%x: tensor<8x4xf32>) -> tensor<3x4xf32> {
  %row = fxt.full 2 : i64 : tensor<3x4xi64>
  %column = fxt.iota 1 : tensor<3x4xi64>
  %r = fxt.gather %x[%row, %column] : (tensor<8x4xf32>, tensor<3x4xi64>, tensor<3x4xi64>) -> tensor<3x4xf32>
  func.return %r : tensor<3x4xf32>
}

// The diagonal is no view of this dialect's.

// CHECK-LABEL: func.func @keep_gather_of_diagonal(
// CHECK-NEXT:    %i = fxt.iota 0 : tensor<4xi64>
// CHECK-NEXT:    %r = fxt.gather %x[%i, %i] : (tensor<4x4xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %r : tensor<4xf32>
func.func @keep_gather_of_diagonal(%x: tensor<4x4xf32>) -> tensor<4xf32> {
  %i = fxt.iota 0 : tensor<4xi64>
  %r = fxt.gather %x[%i, %i] : (tensor<4x4xf32>, tensor<4xi64>, tensor<4xi64>) -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// The operand is made in a loop nest over [2, 3, 4]; the reduction joins it.

// CHECK-LABEL: func.func @reduction_of_reshape(
// CHECK-NEXT:    %e = fxt.exp %x : tensor<2x3x4xf32>
// CHECK-NEXT:    %0 = fxt.sum %e, array<i64: 0> : (tensor<2x3x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT:    %a = fxt.reshape %0 : (tensor<3x4xf32>) -> tensor<12xf32>
// CHECK-NEXT:    %w = fxt.reshape %e : (tensor<2x3x4xf32>) -> tensor<8x3xf32>
// CHECK-NEXT:    %b = fxt.sum %w, array<i64: 0> : (tensor<8x3xf32>) -> tensor<3xf32>
// CHECK-NEXT:    func.return %e, %a, %b : tensor<2x3x4xf32>, tensor<12xf32>, tensor<3xf32>
func.func @reduction_of_reshape(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<12xf32>, tensor<3xf32>) {
  %e = fxt.exp %x : tensor<2x3x4xf32>
  %v = fxt.reshape %e : (tensor<2x3x4xf32>) -> tensor<2x12xf32>
  %a = fxt.sum %v, array<i64: 0> : (tensor<2x12xf32>) -> tensor<12xf32>
  %w = fxt.reshape %e : (tensor<2x3x4xf32>) -> tensor<8x3xf32>
  %b = fxt.sum %w, array<i64: 0> : (tensor<8x3xf32>) -> tensor<3xf32>
  func.return %e, %a, %b : tensor<2x3x4xf32>, tensor<12xf32>, tensor<3xf32>
}

// One short operand is no gain, and products of f32 keep denormal numbers, which those of bf16 drop.

// CHECK-LABEL: func.func @product_of_casts(
// CHECK-NEXT:    %aw = fxt.cast %a : (tensor<4x8xi8>) -> tensor<4x8xi32>
// CHECK-NEXT:    %p = fxt.matmul %a, %b : (tensor<4x8xi8>, tensor<8x2xui8>) -> tensor<4x2xi32>
// CHECK-NEXT:    %q = fxt.matmul %aw, %c : (tensor<4x8xi32>, tensor<8x2xi32>) -> tensor<4x2xi32>
// CHECK-NEXT:    %dw = fxt.cast %d : (tensor<4x8xbf16>) -> tensor<4x8xf32>
// CHECK-NEXT:    %ew = fxt.cast %e : (tensor<8x2xbf16>) -> tensor<8x2xf32>
// CHECK-NEXT:    %r = fxt.matmul %dw, %ew : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT:    func.return %p, %q, %r : tensor<4x2xi32>, tensor<4x2xi32>, tensor<4x2xf32>
func.func @product_of_casts(%a: tensor<4x8xi8>, %b: tensor<8x2xui8>, %c: tensor<8x2xi32>, %d: tensor<4x8xbf16>, %e: tensor<8x2xbf16>) -> (tensor<4x2xi32>, tensor<4x2xi32>, tensor<4x2xf32>) {
  %aw = fxt.cast %a : (tensor<4x8xi8>) -> tensor<4x8xi32>
  %bw = fxt.cast %b : (tensor<8x2xui8>) -> tensor<8x2xi32>
  %p = fxt.matmul %aw, %bw : (tensor<4x8xi32>, tensor<8x2xi32>) -> tensor<4x2xi32>
  %q = fxt.matmul %aw, %c : (tensor<4x8xi32>, tensor<8x2xi32>) -> tensor<4x2xi32>
  %dw = fxt.cast %d : (tensor<4x8xbf16>) -> tensor<4x8xf32>
  %ew = fxt.cast %e : (tensor<8x2xbf16>) -> tensor<8x2xf32>
  %r = fxt.matmul %dw, %ew : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  func.return %p, %q, %r : tensor<4x2xi32>, tensor<4x2xi32>, tensor<4x2xf32>
}
