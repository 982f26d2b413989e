// RUN: fxlower-opt -p form-kernels --split-input-file %s | filecheck %s

// Producers are computed in the pieces, and the axis of size 1 has no loop.
func.func @concat(%x: tensor<4x8xf32>, %y: tensor<4xf32>) -> tensor<4x9xf32> {
  %n = fxt.neg %x : tensor<4x8xf32>
  %e = fxt.exp %y : tensor<4xf32>
  %c = fxt.reshape %e : (tensor<4xf32>) -> tensor<4x1xf32>
  %0 = fxt.concat 1 (%n, %c) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x9xf32>
  func.return %0 : tensor<4x9xf32>
}

// CHECK-LABEL: func.func @concat(%x: tensor<4x8xf32>, %y: tensor<4xf32>) -> tensor<4x9xf32> {
// CHECK-NEXT:    %0 = fxt.call @neg_exp_join_{{[0-9a-f]+}}(%x, %y) : (tensor<4x8xf32>, tensor<4xf32>) -> tensor<4x9xf32>
// CHECK-NEXT:    func.return %0 : tensor<4x9xf32>
// CHECK-LABEL: func.func private @neg_exp_join_{{[0-9a-f]+}}(%0: tensor<4x8xf32>, %1: tensor<4xf32>) -> tensor<4x9xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "neg,exp,join", fxlower.shape = "4x9"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<4x9xf32>
// CHECK-NEXT:    %3 = tensor.empty() : tensor<4x8xf32>
// CHECK-NEXT:    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x8xf32>) outs(%3 : tensor<4x8xf32>) {
// CHECK-NEXT:    ^bb0(%5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.negf %5 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<4x8xf32>
// CHECK-NEXT:    %8 = tensor.insert_slice %4 into %2[0, 0] [4, 8] [1, 1] : tensor<4x8xf32> into tensor<4x9xf32>
// CHECK-NEXT:    %9 = tensor.empty() : tensor<4xf32>
// CHECK-NEXT:    %10 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%1 : tensor<4xf32>) outs(%9 : tensor<4xf32>) {
// CHECK-NEXT:    ^bb0(%11: f32, %12: f32):
// CHECK-NEXT:      %13 = math.exp %11 : f32
// CHECK-NEXT:      linalg.yield %13 : f32
// CHECK-NEXT:    } -> tensor<4xf32>
// CHECK-NEXT:    %14 = tensor.insert_slice %10 into %8[0, 8] [4, 1] [1, 1] : tensor<4xf32> into tensor<4x9xf32>
// CHECK-NEXT:    func.return %14 : tensor<4x9xf32>

// -----

// Padding is a piece before and one after; each element is written once.
func.func @pad(%x: tensor<4x8xf32>) -> tensor<6x8xf32> {
  %0 = fxt.pad %x, 1.000000e+00 : f32, [1 : i64, 0 : i64] : (tensor<4x8xf32>) -> tensor<6x8xf32>
  func.return %0 : tensor<6x8xf32>
}

// CHECK-LABEL: func.func @pad(%x: tensor<4x8xf32>) -> tensor<6x8xf32> {
// CHECK-NEXT:    %0 = fxt.call @join_{{[0-9a-f]+}}(%x) : (tensor<4x8xf32>) -> tensor<6x8xf32>
// CHECK-NEXT:    func.return %0 : tensor<6x8xf32>
// CHECK-LABEL: func.func private @join_{{[0-9a-f]+}}(%0: tensor<4x8xf32>) -> tensor<6x8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "join", fxlower.shape = "6x8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<6x8xf32>
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %3 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%2 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%4: f32):
// CHECK-NEXT:      %5 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %6 = tensor.insert_slice %3 into %1[0, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<6x8xf32>
// CHECK-NEXT:    %7 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %8 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%7 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%9: f32):
// CHECK-NEXT:      %10 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %11 = tensor.insert_slice %8 into %6[5, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<6x8xf32>
// CHECK-NEXT:    %12 = tensor.empty() : tensor<4x8xf32>
// CHECK-NEXT:    %13 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x8xf32>) outs(%12 : tensor<4x8xf32>) {
// CHECK-NEXT:    ^bb0(%14: f32, %15: f32):
// CHECK-NEXT:      linalg.yield %14 : f32
// CHECK-NEXT:    } -> tensor<4x8xf32>
// CHECK-NEXT:    %16 = tensor.insert_slice %13 into %11[1, 0] [4, 8] [1, 1] : tensor<4x8xf32> into tensor<6x8xf32>
// CHECK-NEXT:    func.return %16 : tensor<6x8xf32>

// -----

// A join that is only a piece of another one is no tensor; a group that another unit needs before
// the join is a kernel of its own, whose result is copied.
func.func @nested(%x: tensor<4xf32>, %y: tensor<4x4xf32>) -> tensor<14xf32> {
  %p = fxt.pad %x, 1.000000e+00 : f32, [0 : i64] : (tensor<4xf32>) -> tensor<6xf32>
  %e = fxt.exp %x : tensor<4xf32>
  %row = fxt.reshape %e : (tensor<4xf32>) -> tensor<1x4xf32>
  %product = fxt.matmul %row, %y : (tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  %flat = fxt.reshape %product : (tensor<1x4xf32>) -> tensor<4xf32>
  %0 = fxt.concat 0 (%p, %e, %flat) : (tensor<6xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<14xf32>
  func.return %0 : tensor<14xf32>
}

// CHECK-LABEL: func.func @nested(%x: tensor<4xf32>, %y: tensor<4x4xf32>) -> tensor<14xf32> {
// CHECK-NEXT:    %e = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %0 = fxt.call @matmul_{{[0-9a-f]+}}(%e, %y) : (tensor<4xf32>, tensor<4x4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %1 = fxt.call @join_{{[0-9a-f]+}}(%x, %e, %0) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<14xf32>
// CHECK-NEXT:    func.return %1 : tensor<14xf32>
// CHECK-LABEL: func.func private @exp_{{[0-9a-f]+}}(%0: tensor<4xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "4"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<4xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : tensor<4xf32>) outs(%1 : tensor<4xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<4xf32>
// CHECK-NEXT:    func.return %2 : tensor<4xf32>
// CHECK-LABEL: func.func private @matmul_{{[0-9a-f]+}}(%0: tensor<4xf32>, %1: tensor<4x4xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul", fxlower.shape = "4[4]"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<4xf32>
// CHECK-NEXT:    %3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %4 = linalg.fill ins(%3 : f32) outs(%2 : tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%0, %1 : tensor<4xf32>, tensor<4x4xf32>) outs(%4 : tensor<4xf32>) {
// CHECK-NEXT:    ^bb0(%6: f32, %7: f32, %8: f32):
// CHECK-NEXT:      %9 = arith.mulf %6, %7 : f32
// CHECK-NEXT:      %10 = arith.addf %8, %9 : f32
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<4xf32>
// CHECK-NEXT:    func.return %5 : tensor<4xf32>
// CHECK-LABEL: func.func private @join_{{[0-9a-f]+}}(%0: tensor<4xf32>, %1: tensor<4xf32>, %2: tensor<4xf32>) -> tensor<14xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "join", fxlower.shape = "14"} {
// CHECK-NEXT:    %3 = tensor.empty() : tensor<14xf32>
// CHECK-NEXT:    %4 = tensor.empty() : tensor<2xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%4 : tensor<2xf32>) {
// CHECK-NEXT:    ^bb0(%6: f32):
// CHECK-NEXT:      %7 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<2xf32>
// CHECK-NEXT:    %8 = tensor.insert_slice %5 into %3[4] [2] [1] : tensor<2xf32> into tensor<14xf32>
// CHECK-NEXT:    %9 = tensor.empty() : tensor<4xf32>
// CHECK-NEXT:    %10 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : tensor<4xf32>) outs(%9 : tensor<4xf32>) {
// CHECK-NEXT:    ^bb0(%11: f32, %12: f32):
// CHECK-NEXT:      linalg.yield %11 : f32
// CHECK-NEXT:    } -> tensor<4xf32>
// CHECK-NEXT:    %13 = tensor.insert_slice %10 into %8[0] [4] [1] : tensor<4xf32> into tensor<14xf32>
// CHECK-NEXT:    %14 = tensor.empty() : tensor<4xf32>
// CHECK-NEXT:    %15 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%1 : tensor<4xf32>) outs(%14 : tensor<4xf32>) {
// CHECK-NEXT:    ^bb0(%16: f32, %17: f32):
// CHECK-NEXT:      linalg.yield %16 : f32
// CHECK-NEXT:    } -> tensor<4xf32>
// CHECK-NEXT:    %18 = tensor.insert_slice %15 into %13[6] [4] [1] : tensor<4xf32> into tensor<14xf32>
// CHECK-NEXT:    %19 = tensor.empty() : tensor<4xf32>
// CHECK-NEXT:    %20 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%2 : tensor<4xf32>) outs(%19 : tensor<4xf32>) {
// CHECK-NEXT:    ^bb0(%21: f32, %22: f32):
// CHECK-NEXT:      linalg.yield %21 : f32
// CHECK-NEXT:    } -> tensor<4xf32>
// CHECK-NEXT:    %23 = tensor.insert_slice %20 into %18[10] [4] [1] : tensor<4xf32> into tensor<14xf32>
// CHECK-NEXT:    func.return %23 : tensor<14xf32>

// -----

// Two joins of the same groups are one kernel; a piece that others read is a result too. Loops that
// an axis of the join has several of are merged.
func.func @two_joins(%x: tensor<6x2xf32>, %y: tensor<2xf32>) -> (tensor<14xf32>, tensor<14xf32>, tensor<6x2xf32>) {
  %e = fxt.exp %x : tensor<6x2xf32>
  %t = fxt.permute %e, array<i64: 1, 0> : (tensor<6x2xf32>) -> tensor<2x6xf32>
  %flat = fxt.reshape %t : (tensor<2x6xf32>) -> tensor<12xf32>
  %n = fxt.neg %y : tensor<2xf32>
  %0 = fxt.concat 0 (%flat, %n) : (tensor<12xf32>, tensor<2xf32>) -> tensor<14xf32>
  %1 = fxt.concat 0 (%n, %flat) : (tensor<2xf32>, tensor<12xf32>) -> tensor<14xf32>
  func.return %0, %1, %e : tensor<14xf32>, tensor<14xf32>, tensor<6x2xf32>
}

// CHECK-LABEL: func.func @two_joins(%x: tensor<6x2xf32>, %y: tensor<2xf32>) -> (tensor<14xf32>, tensor<14xf32>, tensor<6x2xf32>) {
// CHECK-NEXT:    %0, %1, %e = fxt.call @exp_neg_join_{{[0-9a-f]+}}(%x, %y) : (tensor<6x2xf32>, tensor<2xf32>) -> (tensor<14xf32>, tensor<14xf32>, tensor<6x2xf32>)
// CHECK-NEXT:    func.return %1, %0, %e : tensor<14xf32>, tensor<14xf32>, tensor<6x2xf32>
// CHECK-LABEL: func.func private @exp_neg_join_{{[0-9a-f]+}}(%0: tensor<6x2xf32>, %1: tensor<2xf32>) -> (tensor<14xf32>, tensor<14xf32>, tensor<6x2xf32>) attributes {fxlower.kernel = "loops", fxlower.ops = "exp,neg,join", fxlower.shape = "14"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<14xf32>
// CHECK-NEXT:    %3 = tensor.empty() : tensor<14xf32>
// CHECK-NEXT:    %4 = tensor.empty() : tensor<6x2xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<6x2xf32>) outs(%4 : tensor<6x2xf32>) {
// CHECK-NEXT:    ^bb0(%6: f32, %7: f32):
// CHECK-NEXT:      %8 = math.exp %6 : f32
// CHECK-NEXT:      linalg.yield %8 : f32
// CHECK-NEXT:    } -> tensor<6x2xf32>
// CHECK-NEXT:    %9 = tensor.empty() : tensor<2x6xf32>
// CHECK-NEXT:    %10 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1, d0)>], iterator_types = ["parallel", "parallel"]} ins(%5 : tensor<6x2xf32>) outs(%9 : tensor<2x6xf32>) {
// CHECK-NEXT:    ^bb0(%11: f32, %12: f32):
// CHECK-NEXT:      linalg.yield %11 : f32
// CHECK-NEXT:    } -> tensor<2x6xf32>
// CHECK-NEXT:    %13 = tensor.empty() : tensor<2x6xf32>
// CHECK-NEXT:    %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1, d0)>], iterator_types = ["parallel", "parallel"]} ins(%5 : tensor<6x2xf32>) outs(%13 : tensor<2x6xf32>) {
// CHECK-NEXT:    ^bb0(%15: f32, %16: f32):
// CHECK-NEXT:      linalg.yield %15 : f32
// CHECK-NEXT:    } -> tensor<2x6xf32>
// CHECK-NEXT:    %17 = tensor.collapse_shape %14 {{\[\[}}0 : i64, 1 : i64]] : tensor<2x6xf32> into tensor<12xf32>
// CHECK-NEXT:    %18 = tensor.insert_slice %17 into %2[2] [12] [1] : tensor<12xf32> into tensor<14xf32>
// CHECK-NEXT:    %19 = tensor.collapse_shape %10 {{\[\[}}0 : i64, 1 : i64]] : tensor<2x6xf32> into tensor<12xf32>
// CHECK-NEXT:    %20 = tensor.insert_slice %19 into %3[0] [12] [1] : tensor<12xf32> into tensor<14xf32>
// CHECK-NEXT:    %21 = tensor.empty() : tensor<2xf32>
// CHECK-NEXT:    %22 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%1 : tensor<2xf32>) outs(%21 : tensor<2xf32>) {
// CHECK-NEXT:    ^bb0(%23: f32, %24: f32):
// CHECK-NEXT:      %25 = arith.negf %23 : f32
// CHECK-NEXT:      linalg.yield %25 : f32
// CHECK-NEXT:    } -> tensor<2xf32>
// CHECK-NEXT:    %26 = tensor.insert_slice %22 into %18[0] [2] [1] : tensor<2xf32> into tensor<14xf32>
// CHECK-NEXT:    %27 = tensor.insert_slice %22 into %20[12] [2] [1] : tensor<2xf32> into tensor<14xf32>
// CHECK-NEXT:    func.return %26, %27, %5 : tensor<14xf32>, tensor<14xf32>, tensor<6x2xf32>
