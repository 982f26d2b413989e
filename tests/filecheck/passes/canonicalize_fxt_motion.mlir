// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// Where views come to rest: see `fxt_folds/motion.py`.

// CHECK-LABEL: func.func @permute_moves_up(
// CHECK-NEXT:    %0 = fxt.permute %x, array<i64: 1, 0> : (tensor<3x4xf32>) -> tensor<4x3xf32>
// CHECK-NEXT:    %1 = fxt.broadcast %b, array<i64: 0> : (tensor<4xf32>) -> tensor<4x3xf32>
// CHECK-NEXT:    %2 = fxt.add %0, %1 : tensor<4x3xf32>
// CHECK-NEXT:    %p = fxt.exp %2 : tensor<4x3xf32>
// CHECK-NEXT:    %n = fxt.neg %p : tensor<4x3xf32>
// CHECK-NEXT:    %r = fxt.sum %n, array<i64: 1> : (tensor<4x3xf32>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %r : tensor<4xf32>
func.func @permute_moves_up(%x: tensor<3x4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %c = fxt.broadcast %b, array<i64: 1> : (tensor<4xf32>) -> tensor<3x4xf32>
  %a = fxt.add %x, %c : tensor<3x4xf32>
  %e = fxt.exp %a : tensor<3x4xf32>
  %p = fxt.permute %e, array<i64: 1, 0> : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %n = fxt.neg %p : tensor<4x3xf32>
  %r = fxt.sum %n, array<i64: 1> : (tensor<4x3xf32>) -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// CHECK-LABEL: func.func @slice_saves_work(
// CHECK-NEXT:    %0 = fxt.slice %x, [5 : i64], array<i64: 1> : (tensor<100xf32>) -> tensor<3xf32>
// CHECK-NEXT:    %r = fxt.exp %0 : tensor<3xf32>
// CHECK-NEXT:    func.return %r : tensor<3xf32>
func.func @slice_saves_work(%x: tensor<100xf32>) -> tensor<3xf32> {
  %e = fxt.exp %x : tensor<100xf32>
  %r = fxt.slice %e, [5 : i64], array<i64: 1> : (tensor<100xf32>) -> tensor<3xf32>
  func.return %r : tensor<3xf32>
}

// The halves of a gate: both slices move.

// CHECK-LABEL: func.func @slices_that_share(
// CHECK-NEXT:    %0 = fxt.slice %x, [0 : i64], array<i64: 1> : (tensor<8xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %a = fxt.exp %0 : tensor<4xf32>
// CHECK-NEXT:    %1 = fxt.slice %x, [4 : i64], array<i64: 1> : (tensor<8xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %b = fxt.exp %1 : tensor<4xf32>
// CHECK-NEXT:    %r = fxt.mul %a, %b : tensor<4xf32>
// CHECK-NEXT:    func.return %r : tensor<4xf32>
func.func @slices_that_share(%x: tensor<8xf32>) -> tensor<4xf32> {
  %e = fxt.exp %x : tensor<8xf32>
  %a = fxt.slice %e, [0 : i64], array<i64: 1> : (tensor<8xf32>) -> tensor<4xf32>
  %b = fxt.slice %e, [4 : i64], array<i64: 1> : (tensor<8xf32>) -> tensor<4xf32>
  %r = fxt.mul %a, %b : tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// Nothing would share a loop with it.

// CHECK-LABEL: func.func @keep_view_of_result(
// CHECK-NEXT:    %e = fxt.exp %x : tensor<3x4xf32>
// CHECK-NEXT:    %r = fxt.reshape %e : (tensor<3x4xf32>) -> tensor<12xf32>
// CHECK-NEXT:    func.return %r : tensor<12xf32>
func.func @keep_view_of_result(%x: tensor<3x4xf32>) -> tensor<12xf32> {
  %e = fxt.exp %x : tensor<3x4xf32>
  %r = fxt.reshape %e : (tensor<3x4xf32>) -> tensor<12xf32>
  func.return %r : tensor<12xf32>
}

// The exponential is needed as it is, too.

// CHECK-LABEL: func.func @keep_view_of_shared(
// CHECK-NEXT:    %e = fxt.exp %x : tensor<3x4xf32>
// CHECK-NEXT:    %p = fxt.permute %e, array<i64: 1, 0> : (tensor<3x4xf32>) -> tensor<4x3xf32>
// CHECK-NEXT:    %n = fxt.neg %p : tensor<4x3xf32>
// CHECK-NEXT:    func.return %n, %e : tensor<4x3xf32>, tensor<3x4xf32>
func.func @keep_view_of_shared(%x: tensor<3x4xf32>) -> (tensor<4x3xf32>, tensor<3x4xf32>) {
  %e = fxt.exp %x : tensor<3x4xf32>
  %p = fxt.permute %e, array<i64: 1, 0> : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %n = fxt.neg %p : tensor<4x3xf32>
  func.return %n, %e : tensor<4x3xf32>, tensor<3x4xf32>
}

// `exp` of 4 elements, not of 400.

// CHECK-LABEL: func.func @keep_broadcast(
// CHECK-NEXT:    %e = fxt.exp %x : tensor<4xf32>
// CHECK-NEXT:    %b = fxt.broadcast %e, array<i64: 1> : (tensor<4xf32>) -> tensor<100x4xf32>
// CHECK-NEXT:    %r = fxt.add %b, %y : tensor<100x4xf32>
// CHECK-NEXT:    func.return %r : tensor<100x4xf32>
func.func @keep_broadcast(%x: tensor<4xf32>, %y: tensor<100x4xf32>) -> tensor<100x4xf32> {
  %e = fxt.exp %x : tensor<4xf32>
  %b = fxt.broadcast %e, array<i64: 1> : (tensor<4xf32>) -> tensor<100x4xf32>
  %r = fxt.add %b, %y : tensor<100x4xf32>
  func.return %r : tensor<100x4xf32>
}

// Merged axes of a strided argument are no view of it.

// CHECK-LABEL: func.func @keep_reshape_of_strided(
// CHECK-NEXT:    %e = fxt.exp %x : tensor<3x4xf32>
// CHECK-NEXT:    %s = fxt.reshape %e : (tensor<3x4xf32>) -> tensor<12xf32>
// CHECK-NEXT:    %r = fxt.neg %s : tensor<12xf32>
// CHECK-NEXT:    func.return %r : tensor<12xf32>
func.func @keep_reshape_of_strided(%x: tensor<3x4xf32> {fxt.strides = [1 : i64, 3 : i64]}) -> tensor<12xf32> {
  %e = fxt.exp %x : tensor<3x4xf32>
  %s = fxt.reshape %e : (tensor<3x4xf32>) -> tensor<12xf32>
  %r = fxt.neg %s : tensor<12xf32>
  func.return %r : tensor<12xf32>
}

// A trap of an element that is sliced away is still a trap.

// CHECK-LABEL: func.func @keep_slice_of_trapping(
// CHECK-NEXT:    %n = fxt.normalize_index 9 : i64, %i : tensor<8xi64>
// CHECK-NEXT:    %r = fxt.slice %n, [0 : i64], array<i64: 1> : (tensor<8xi64>) -> tensor<4xi64>
// CHECK-NEXT:    func.return %r : tensor<4xi64>
func.func @keep_slice_of_trapping(%i: tensor<8xi64>) -> tensor<4xi64> {
  %n = fxt.normalize_index 9 : i64, %i : tensor<8xi64>
  %r = fxt.slice %n, [0 : i64], array<i64: 1> : (tensor<8xi64>) -> tensor<4xi64>
  func.return %r : tensor<4xi64>
}

// The epilogue of a product stays at its dims.

// CHECK-LABEL: func.func @views_sink_below_epilogue(
// CHECK-NEXT:    %m = fxt.matmul %a, %b : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
// CHECK-NEXT:    %0 = fxt.broadcast %c, array<i64: 1> : (tensor<4xf32>) -> tensor<6x4xf32>
// CHECK-NEXT:    %1 = fxt.add %m, %0 : tensor<6x4xf32>
// CHECK-NEXT:    %2 = fxt.full 2.000000e+00 : f32 : tensor<6x4xf32>
// CHECK-NEXT:    %3 = fxt.mul %1, %2 : tensor<6x4xf32>
// CHECK-NEXT:    %r = fxt.reshape %3 : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT:    func.return %r : tensor<2x3x4xf32>
func.func @views_sink_below_epilogue(%a: tensor<6x8xf32>, %b: tensor<8x4xf32>, %c: tensor<4xf32>) -> tensor<2x3x4xf32> {
  %m = fxt.matmul %a, %b : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
  %v = fxt.reshape %m : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
  %d = fxt.broadcast %c, array<i64: 2> : (tensor<4xf32>) -> tensor<2x3x4xf32>
  %e = fxt.add %v, %d : tensor<2x3x4xf32>
  %two = fxt.full 2.000000e+00 : f32 : tensor<2x3x4xf32>
  %r = fxt.mul %e, %two : tensor<2x3x4xf32>
  func.return %r : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @views_sink_below_scalars_of_reduction(
// CHECK-NEXT:    %s = fxt.sum %x, array<i64: 1> : (tensor<3x4xf32>) -> tensor<3xf32>
// CHECK-NEXT:    %0 = fxt.full 2.500000e-01 : f32 : tensor<3xf32>
// CHECK-NEXT:    %1 = fxt.mul %s, %0 : tensor<3xf32>
// CHECK-NEXT:    %b = fxt.broadcast %1, array<i64: 0> : (tensor<3xf32>) -> tensor<3x4xf32>
// CHECK-NEXT:    %r = fxt.sub %x, %b : tensor<3x4xf32>
// CHECK-NEXT:    func.return %r : tensor<3x4xf32>
func.func @views_sink_below_scalars_of_reduction(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %s = fxt.sum %x, array<i64: 1> : (tensor<3x4xf32>) -> tensor<3xf32>
  %k = fxt.reshape %s : (tensor<3xf32>) -> tensor<3x1xf32>
  %four = fxt.full 4.000000e+00 : f32 : tensor<3x1xf32>
  %m = fxt.div %k, %four : tensor<3x1xf32>
  %n = fxt.reshape %m : (tensor<3x1xf32>) -> tensor<3xf32>
  %b = fxt.broadcast %n, array<i64: 0> : (tensor<3xf32>) -> tensor<3x4xf32>
  %r = fxt.sub %x, %b : tensor<3x4xf32>
  func.return %r : tensor<3x4xf32>
}

// The other operand lives at the viewed dims.

// CHECK-LABEL: func.func @keep_view_of_product(
// CHECK-NEXT:    %m = fxt.matmul %a, %b : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
// CHECK-NEXT:    %v = fxt.reshape %m : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT:    %r = fxt.add %v, %x : tensor<2x3x4xf32>
// CHECK-NEXT:    func.return %r : tensor<2x3x4xf32>
func.func @keep_view_of_product(%a: tensor<6x8xf32>, %b: tensor<8x4xf32>, %x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %m = fxt.matmul %a, %b : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
  %v = fxt.reshape %m : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
  %r = fxt.add %v, %x : tensor<2x3x4xf32>
  func.return %r : tensor<2x3x4xf32>
}

// The mean keeps its unit dim, and so the loops of `%x`.

// CHECK-LABEL: func.func @unit_dims_of_reduction(
// CHECK-NEXT:    %s = fxt.sum %x, array<i64: 2> : (tensor<1x3x4xf32>) -> tensor<1x3xf32>
// CHECK-NEXT:    %b = fxt.broadcast %s, array<i64: 0, 1> : (tensor<1x3xf32>) -> tensor<1x3x4xf32>
// CHECK-NEXT:    %r = fxt.sub %x, %b : tensor<1x3x4xf32>
// CHECK-NEXT:    func.return %r : tensor<1x3x4xf32>
func.func @unit_dims_of_reduction(%x: tensor<1x3x4xf32>) -> tensor<1x3x4xf32> {
  %s = fxt.sum %x, array<i64: 2> : (tensor<1x3x4xf32>) -> tensor<1x3xf32>
  %k = fxt.reshape %s : (tensor<1x3xf32>) -> tensor<3xf32>
  %b = fxt.broadcast %k, array<i64: 1> : (tensor<3xf32>) -> tensor<1x3x4xf32>
  %r = fxt.sub %x, %b : tensor<1x3x4xf32>
  func.return %r : tensor<1x3x4xf32>
}

// The scale belongs to the softmax, which reads the product at these dims.

// CHECK-LABEL: func.func @keep_in_loops_of_reduction(
// CHECK-NEXT:    %m = fxt.matmul %a, %b : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
// CHECK-NEXT:    %v = fxt.reshape %m : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT:    %two = fxt.full 2.000000e+00 : f32 : tensor<2x3x4xf32>
// CHECK-NEXT:    %s = fxt.mul %v, %two : tensor<2x3x4xf32>
// CHECK-NEXT:    %r = fxt.amax %s, array<i64: 2> : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
// CHECK-NEXT:    func.return %r : tensor<2x3xf32>
func.func @keep_in_loops_of_reduction(%a: tensor<6x8xf32>, %b: tensor<8x4xf32>) -> tensor<2x3xf32> {
  %m = fxt.matmul %a, %b : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
  %v = fxt.reshape %m : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
  %two = fxt.full 2.000000e+00 : f32 : tensor<2x3x4xf32>
  %s = fxt.mul %v, %two : tensor<2x3x4xf32>
  %r = fxt.amax %s, array<i64: 2> : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
  func.return %r : tensor<2x3xf32>
}
