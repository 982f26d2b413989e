// RUN: fxlower-opt -p form-kernels --split-input-file %s | filecheck %s

// A chain of elementwise operations is one kernel; a broadcast operand lacks a dim in its map.
func.func @pointwise(%x: tensor<8x16xf32>, %b: tensor<16xf32>) -> tensor<8x16xf32> {
  %0 = fxt.broadcast %b, array<i64: 1> : (tensor<16xf32>) -> tensor<8x16xf32>
  %1 = fxt.add %x, %0 : tensor<8x16xf32>
  %2 = fxt.tanh %1 : tensor<8x16xf32>
  func.return %2 : tensor<8x16xf32>
}

// CHECK-LABEL: func.func @pointwise(%x: tensor<8x16xf32>, %b: tensor<16xf32>) -> tensor<8x16xf32> {
// CHECK-NEXT:    %0 = fxt.call @add_tanh_{{[0-9a-f]+}}(%x, %b) : (tensor<8x16xf32>, tensor<16xf32>) -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %0 : tensor<8x16xf32>
// CHECK-LABEL: func.func private @add_tanh_{{[0-9a-f]+}}(%0: tensor<8x16xf32>, %1: tensor<16xf32>) -> tensor<8x16xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "add,tanh", fxlower.shape = "8x16"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8x16xf32>
// CHECK-NEXT:    %3 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0, %1 : tensor<8x16xf32>, tensor<16xf32>) outs(%2 : tensor<8x16xf32>) {
// CHECK-NEXT:    ^bb0(%4: f32, %5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.addf %4, %5 : f32
// CHECK-NEXT:      %8 = math.tanh %7 : f32
// CHECK-NEXT:      linalg.yield %8 : f32
// CHECK-NEXT:    } -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %3 : tensor<8x16xf32>

// -----

// Softmax: exp is kept along the row, x - max would be cheap to compute again.
func.func @softmax(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %m = fxt.amax %x, array<i64: 1> : (tensor<8x16xf32>) -> tensor<8xf32>
  %mb = fxt.broadcast %m, array<i64: 0> : (tensor<8xf32>) -> tensor<8x16xf32>
  %d = fxt.sub %x, %mb : tensor<8x16xf32>
  %e = fxt.exp %d : tensor<8x16xf32>
  %s = fxt.sum %e, array<i64: 1> : (tensor<8x16xf32>) -> tensor<8xf32>
  %sb = fxt.broadcast %s, array<i64: 0> : (tensor<8xf32>) -> tensor<8x16xf32>
  %r = fxt.div %e, %sb : tensor<8x16xf32>
  func.return %r : tensor<8x16xf32>
}

// CHECK-LABEL: func.func @softmax(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
// CHECK-NEXT:    %r = fxt.call @amax_sub_exp_sum_div_{{[0-9a-f]+}}(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %r : tensor<8x16xf32>
// CHECK-LABEL: func.func private @amax_sub_exp_sum_div_{{[0-9a-f]+}}(%0: tensor<8x16xf32>) -> tensor<8x16xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "amax,sub,exp,sum,div", fxlower.shape = "8[16]"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %2 = arith.constant 0xff800000 : f32
// CHECK-NEXT:    %3 = linalg.fill ins(%2 : f32) outs(%1 : tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%0 : tensor<8x16xf32>) outs(%3 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.maximumf %6, %5 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %8 = tensor.empty() : tensor<8x16xf32>
// CHECK-NEXT:    %9 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0, %4 : tensor<8x16xf32>, tensor<8xf32>) outs(%8 : tensor<8x16xf32>) {
// CHECK-NEXT:    ^bb0(%10: f32, %11: f32, %12: f32):
// CHECK-NEXT:      %13 = arith.subf %10, %11 : f32
// CHECK-NEXT:      %14 = math.exp %13 : f32
// CHECK-NEXT:      linalg.yield %14 : f32
// CHECK-NEXT:    } -> tensor<8x16xf32>
// CHECK-NEXT:    %15 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %16 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %17 = linalg.fill ins(%16 : f32) outs(%15 : tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %18 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%9 : tensor<8x16xf32>) outs(%17 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%19: f32, %20: f32):
// CHECK-NEXT:      %21 = arith.addf %20, %19 : f32
// CHECK-NEXT:      linalg.yield %21 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %22 = tensor.empty() : tensor<8x16xf32>
// CHECK-NEXT:    %23 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%9, %18 : tensor<8x16xf32>, tensor<8xf32>) outs(%22 : tensor<8x16xf32>) {
// CHECK-NEXT:    ^bb0(%24: f32, %25: f32, %26: f32):
// CHECK-NEXT:      %27 = arith.divf %24, %25 : f32
// CHECK-NEXT:      linalg.yield %27 : f32
// CHECK-NEXT:    } -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %23 : tensor<8x16xf32>

// -----

// A norm: what depends on rows only is computed once for each row; x - mean is computed twice.
func.func @norm(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %n = fxt.full 1.600000e+01 : f32 : tensor<8xf32>
  %s = fxt.sum %x, array<i64: 1> : (tensor<8x16xf32>) -> tensor<8xf32>
  %m = fxt.div %s, %n : tensor<8xf32>
  %mb = fxt.broadcast %m, array<i64: 0> : (tensor<8xf32>) -> tensor<8x16xf32>
  %d = fxt.sub %x, %mb : tensor<8x16xf32>
  %q = fxt.mul %d, %d : tensor<8x16xf32>
  %v = fxt.sum %q, array<i64: 1> : (tensor<8x16xf32>) -> tensor<8xf32>
  %r = fxt.rsqrt %v : tensor<8xf32>
  %rb = fxt.broadcast %r, array<i64: 0> : (tensor<8xf32>) -> tensor<8x16xf32>
  %y = fxt.mul %d, %rb : tensor<8x16xf32>
  func.return %y : tensor<8x16xf32>
}

// CHECK-LABEL: func.func @norm(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
// CHECK-NEXT:    %y = fxt.call @sum_div_sub_mul_rsqrt_{{[0-9a-f]+}}(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %y : tensor<8x16xf32>
// CHECK-LABEL: func.func private @sum_div_sub_mul_rsqrt_{{[0-9a-f]+}}(%0: tensor<8x16xf32>) -> tensor<8x16xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "sum,div,sub,mul,rsqrt", fxlower.shape = "8[16]"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %2 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %3 = linalg.fill ins(%2 : f32) outs(%1 : tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%0 : tensor<8x16xf32>) outs(%3 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.addf %6, %5 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %8 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %9 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%4 : tensor<8xf32>) outs(%8 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%10: f32, %11: f32):
// CHECK-NEXT:      %12 = arith.constant 1.600000e+01 : f32
// CHECK-NEXT:      %13 = arith.divf %10, %12 : f32
// CHECK-NEXT:      linalg.yield %13 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %14 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %15 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %16 = linalg.fill ins(%15 : f32) outs(%14 : tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %17 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%0, %9 : tensor<8x16xf32>, tensor<8xf32>) outs(%16 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%18: f32, %19: f32, %20: f32):
// CHECK-NEXT:      %21 = arith.subf %18, %19 : f32
// CHECK-NEXT:      %22 = arith.mulf %21, %21 : f32
// CHECK-NEXT:      %23 = arith.addf %20, %22 : f32
// CHECK-NEXT:      linalg.yield %23 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %24 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %25 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%17 : tensor<8xf32>) outs(%24 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%26: f32, %27: f32):
// CHECK-NEXT:      %28 = math.rsqrt %26 : f32
// CHECK-NEXT:      linalg.yield %28 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %29 = tensor.empty() : tensor<8x16xf32>
// CHECK-NEXT:    %30 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0, %9, %25 : tensor<8x16xf32>, tensor<8xf32>, tensor<8xf32>) outs(%29 : tensor<8x16xf32>) {
// CHECK-NEXT:    ^bb0(%31: f32, %32: f32, %33: f32, %34: f32):
// CHECK-NEXT:      %35 = arith.subf %31, %32 : f32
// CHECK-NEXT:      %36 = arith.mulf %35, %33 : f32
// CHECK-NEXT:      linalg.yield %36 : f32
// CHECK-NEXT:    } -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %30 : tensor<8x16xf32>

// -----

// Values that are needed outside are results, and not computed again for the second one.
func.func @two_results(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = fxt.exp %x : tensor<64xf32>
  %1 = fxt.sin %0 : tensor<64xf32>
  func.return %0, %1 : tensor<64xf32>, tensor<64xf32>
}

// CHECK-LABEL: func.func @two_results(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
// CHECK-NEXT:    %0, %1 = fxt.call @exp_sin_{{[0-9a-f]+}}(%x) : (tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>)
// CHECK-NEXT:    func.return %0, %1 : tensor<64xf32>, tensor<64xf32>
// CHECK-LABEL: func.func private @exp_sin_{{[0-9a-f]+}}(%0: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) attributes {fxlower.kernel = "loops", fxlower.ops = "exp,sin", fxlower.shape = "64"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<64xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : tensor<64xf32>) outs(%1 : tensor<64xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<64xf32>
// CHECK-NEXT:    %6 = tensor.empty() : tensor<64xf32>
// CHECK-NEXT:    %7 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%2 : tensor<64xf32>) outs(%6 : tensor<64xf32>) {
// CHECK-NEXT:    ^bb0(%8: f32, %9: f32):
// CHECK-NEXT:      %10 = math.sin %8 : f32
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<64xf32>
// CHECK-NEXT:    func.return %2, %7 : tensor<64xf32>, tensor<64xf32>

// -----

// A reshape inside a group splits a loop dim; the operand is seen with the dim split.
func.func @group_norm_sum(%x: tensor<2x6x5xf32>) -> tensor<2x3xf32> {
  %0 = fxt.exp %x : tensor<2x6x5xf32>
  %1 = fxt.reshape %0 : (tensor<2x6x5xf32>) -> tensor<2x3x10xf32>
  %2 = fxt.sum %1, array<i64: 2> : (tensor<2x3x10xf32>) -> tensor<2x3xf32>
  func.return %2 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @group_norm_sum(%x: tensor<2x6x5xf32>) -> tensor<2x3xf32> {
// CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<2x6x5xf32>) -> tensor<2x3x2x5xf32>
// CHECK-NEXT:    %1 = fxt.call @exp_sum_{{[0-9a-f]+}}(%0) : (tensor<2x3x2x5xf32>) -> tensor<2x3xf32>
// CHECK-NEXT:    func.return %1 : tensor<2x3xf32>
// CHECK-LABEL: func.func private @exp_sum_{{[0-9a-f]+}}(%0: tensor<2x3x2x5xf32>) -> tensor<2x3xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "exp,sum", fxlower.shape = "2x3[2x5]"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<2x3xf32>
// CHECK-NEXT:    %2 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %3 = linalg.fill ins(%2 : f32) outs(%1 : tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT:    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%0 : tensor<2x3x2x5xf32>) outs(%3 : tensor<2x3xf32>) {
// CHECK-NEXT:    ^bb0(%5: f32, %6: f32):
// CHECK-NEXT:      %7 = math.exp %5 : f32
// CHECK-NEXT:      %8 = arith.addf %6, %7 : f32
// CHECK-NEXT:      linalg.yield %8 : f32
// CHECK-NEXT:    } -> tensor<2x3xf32>
// CHECK-NEXT:    func.return %4 : tensor<2x3xf32>

// -----

// A permuted operand is read where it is.
func.func @permuted(%x: tensor<8x16xf32>, %y: tensor<16x8xf32>) -> tensor<8x16xf32> {
  %0 = fxt.permute %y, array<i64: 1, 0> : (tensor<16x8xf32>) -> tensor<8x16xf32>
  %1 = fxt.mul %x, %0 : tensor<8x16xf32>
  func.return %1 : tensor<8x16xf32>
}

// CHECK-LABEL: func.func @permuted(%x: tensor<8x16xf32>, %y: tensor<16x8xf32>) -> tensor<8x16xf32> {
// CHECK-NEXT:    %0 = fxt.call @mul_{{[0-9a-f]+}}(%x, %y) : (tensor<8x16xf32>, tensor<16x8xf32>) -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %0 : tensor<8x16xf32>
// CHECK-LABEL: func.func private @mul_{{[0-9a-f]+}}(%0: tensor<8x16xf32>, %1: tensor<16x8xf32>) -> tensor<8x16xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "mul", fxlower.shape = "8x16"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8x16xf32>
// CHECK-NEXT:    %3 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0, %1 : tensor<8x16xf32>, tensor<16x8xf32>) outs(%2 : tensor<8x16xf32>) {
// CHECK-NEXT:    ^bb0(%4: f32, %5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.mulf %4, %5 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %3 : tensor<8x16xf32>

// -----

// A gather reads its source, which must be in memory, at computed indices.
func.func @gather(%table: tensor<100x16xf32>, %i: tensor<8xi64>) -> tensor<8x16xf32> {
  %0 = fxt.normalize_index 100 : i64, %i : tensor<8xi64>
  %1 = fxt.broadcast %0, array<i64: 0> : (tensor<8xi64>) -> tensor<8x16xi64>
  %2 = fxt.iota 1 : tensor<8x16xi64>
  %3 = fxt.gather %table[%1, %2] : (tensor<100x16xf32>, tensor<8x16xi64>, tensor<8x16xi64>) -> tensor<8x16xf32>
  %4 = fxt.neg %3 : tensor<8x16xf32>
  func.return %4 : tensor<8x16xf32>
}

// CHECK-LABEL: func.func @gather(%table: tensor<100x16xf32>, %i: tensor<8xi64>) -> tensor<8x16xf32> {
// CHECK-NEXT:    %0 = fxt.call @normalize_index_gather_neg_{{[0-9a-f]+}}(%table, %i) : (tensor<100x16xf32>, tensor<8xi64>) -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %0 : tensor<8x16xf32>
// CHECK-LABEL: func.func private @normalize_index_gather_neg_{{[0-9a-f]+}}(%0: tensor<100x16xf32>, %1: tensor<8xi64>) -> tensor<8x16xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "normalize_index,gather,neg", fxlower.shape = "8x16"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8x16xf32>
// CHECK-NEXT:    %3 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<8xi64>) outs(%2 : tensor<8x16xf32>) {
// CHECK-NEXT:    ^bb0(%4: i64, %5: f32):
// CHECK-NEXT:      %6 = fxt.normalize_index 100 : i64, %4 : i64
// CHECK-NEXT:      %7 = arith.index_cast %6 : i64 to index
// CHECK-NEXT:      %8 = linalg.index 1 : index
// CHECK-NEXT:      %9 = arith.index_cast %8 : index to i64
// CHECK-NEXT:      %10 = arith.index_cast %9 : i64 to index
// CHECK-NEXT:      %11 = tensor.extract %0[%7, %10] : tensor<100x16xf32>
// CHECK-NEXT:      %12 = arith.negf %11 : f32
// CHECK-NEXT:      linalg.yield %12 : f32
// CHECK-NEXT:    } -> tensor<8x16xf32>
// CHECK-NEXT:    func.return %3 : tensor<8x16xf32>

// -----

// A sum over rows and the columns of what it sums: two kernels, the second reads the first's.
func.func @rows_then_columns(%x: tensor<8x16xf32>) -> (tensor<8xf32>, tensor<16xf32>) {
  %0 = fxt.exp %x : tensor<8x16xf32>
  %1 = fxt.sum %0, array<i64: 1> : (tensor<8x16xf32>) -> tensor<8xf32>
  %2 = fxt.sum %0, array<i64: 0> : (tensor<8x16xf32>) -> tensor<16xf32>
  func.return %1, %2 : tensor<8xf32>, tensor<16xf32>
}

// CHECK-LABEL: func.func @rows_then_columns(%x: tensor<8x16xf32>) -> (tensor<8xf32>, tensor<16xf32>) {
// CHECK-NEXT:    %0, %1 = fxt.call @exp_sum_{{[0-9a-f]+}}(%x) : (tensor<8x16xf32>) -> (tensor<8x16xf32>, tensor<8xf32>)
// CHECK-NEXT:    %2 = fxt.call @sum_{{[0-9a-f]+}}(%0) : (tensor<8x16xf32>) -> tensor<16xf32>
// CHECK-NEXT:    func.return %1, %2 : tensor<8xf32>, tensor<16xf32>
// CHECK-LABEL: func.func private @exp_sum_{{[0-9a-f]+}}(%0: tensor<8x16xf32>) -> (tensor<8x16xf32>, tensor<8xf32>) attributes {fxlower.kernel = "loops", fxlower.ops = "exp,sum", fxlower.shape = "8[16]"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8x16xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<8x16xf32>) outs(%1 : tensor<8x16xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<8x16xf32>
// CHECK-NEXT:    %6 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %7 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %8 = linalg.fill ins(%7 : f32) outs(%6 : tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %9 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%2 : tensor<8x16xf32>) outs(%8 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%10: f32, %11: f32):
// CHECK-NEXT:      %12 = arith.addf %11, %10 : f32
// CHECK-NEXT:      linalg.yield %12 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    func.return %2, %9 : tensor<8x16xf32>, tensor<8xf32>
// CHECK-LABEL: func.func private @sum_{{[0-9a-f]+}}(%0: tensor<8x16xf32>) -> tensor<16xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "sum", fxlower.shape = "16[8]"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<16xf32>
// CHECK-NEXT:    %2 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %3 = linalg.fill ins(%2 : f32) outs(%1 : tensor<16xf32>) -> tensor<16xf32>
// CHECK-NEXT:    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%0 : tensor<8x16xf32>) outs(%3 : tensor<16xf32>) {
// CHECK-NEXT:    ^bb0(%5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.addf %6, %5 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<16xf32>
// CHECK-NEXT:    func.return %4 : tensor<16xf32>

// -----

// Must not fuse: x and its transpose are different points of one loop space.
func.func @with_own_transpose(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = fxt.exp %x : tensor<8x8xf32>
  %1 = fxt.permute %0, array<i64: 1, 0> : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = fxt.add %0, %1 : tensor<8x8xf32>
  func.return %2 : tensor<8x8xf32>
}

// CHECK-LABEL: func.func @with_own_transpose(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32>
// CHECK-NEXT:    %1 = fxt.call @add_{{[0-9a-f]+}}(%0) : (tensor<8x8xf32>) -> tensor<8x8xf32>
// CHECK-NEXT:    func.return %1 : tensor<8x8xf32>
// CHECK-LABEL: func.func private @exp_{{[0-9a-f]+}}(%0: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "8x8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8x8xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<8x8xf32>) outs(%1 : tensor<8x8xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<8x8xf32>
// CHECK-NEXT:    func.return %2 : tensor<8x8xf32>
// CHECK-LABEL: func.func private @add_{{[0-9a-f]+}}(%0: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "add", fxlower.shape = "8x8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8x8xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0, %0 : tensor<8x8xf32>, tensor<8x8xf32>) outs(%1 : tensor<8x8xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32, %5: f32):
// CHECK-NEXT:      %6 = arith.addf %3, %4 : f32
// CHECK-NEXT:      linalg.yield %6 : f32
// CHECK-NEXT:    } -> tensor<8x8xf32>
// CHECK-NEXT:    func.return %2 : tensor<8x8xf32>

// -----

// Must not fuse: a slice of a value needs the value in memory.
func.func @slice(%x: tensor<8x8xf32>) -> tensor<4x8xf32> {
  %0 = fxt.exp %x : tensor<8x8xf32>
  %1 = fxt.slice %0, [4 : i64, 0 : i64], array<i64: 1, 1> : (tensor<8x8xf32>) -> tensor<4x8xf32>
  %2 = fxt.sin %1 : tensor<4x8xf32>
  func.return %2 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @slice(%x: tensor<8x8xf32>) -> tensor<4x8xf32> {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32>
// CHECK-NEXT:    %1 = fxt.slice %0, [4 : i64, 0 : i64], array<i64: 1, 1> : (tensor<8x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %2 = fxt.call @sin_{{[0-9a-f]+}}(%1) : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %2 : tensor<4x8xf32>
// CHECK-LABEL: func.func private @exp_{{[0-9a-f]+}}(%0: tensor<8x8xf32>) -> tensor<8x8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "8x8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8x8xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<8x8xf32>) outs(%1 : tensor<8x8xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<8x8xf32>
// CHECK-NEXT:    func.return %2 : tensor<8x8xf32>
// CHECK-LABEL: func.func private @sin_{{[0-9a-f]+}}(%0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "sin", fxlower.shape = "4x8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<4x8xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x8xf32>) outs(%1 : tensor<4x8xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.sin %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %2 : tensor<4x8xf32>

// -----

// Must not fuse through a call of the host: that would be a cycle.
func.func @around_aten(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = fxt.exp %x : tensor<8xf32>
  %1 = fxt.aten "aten.sort.default", 0 (%0) : (tensor<8xf32>) -> tensor<8xf32>
  %2 = fxt.add %0, %1 : tensor<8xf32>
  func.return %2 : tensor<8xf32>
}

// CHECK-LABEL: func.func @around_aten(%x: tensor<8xf32>) -> tensor<8xf32> {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %1 = fxt.aten "aten.sort.default", 0(%0) : (tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %2 = fxt.call @add_{{[0-9a-f]+}}(%0, %1) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    func.return %2 : tensor<8xf32>
// CHECK-LABEL: func.func private @exp_{{[0-9a-f]+}}(%0: tensor<8xf32>) -> tensor<8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : tensor<8xf32>) outs(%1 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    func.return %2 : tensor<8xf32>
// CHECK-LABEL: func.func private @add_{{[0-9a-f]+}}(%0: tensor<8xf32>, %1: tensor<8xf32>) -> tensor<8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "add", fxlower.shape = "8"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %3 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0, %1 : tensor<8xf32>, tensor<8xf32>) outs(%2 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%4: f32, %5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.addf %4, %5 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    func.return %3 : tensor<8xf32>

// -----

// Unsigned and bool: integers are signless and the operation carries the sign.
func.func @signs(%x: tensor<8xui8>, %y: tensor<8xi8>, %p: tensor<8xi1>) -> (tensor<8xui8>, tensor<8xi1>, tensor<8xf32>) {
  %0 = fxt.max %x, %x : tensor<8xui8>
  %1 = fxt.cmp "lt", %y, %y : (tensor<8xi8>, tensor<8xi8>) -> tensor<8xi1>
  %2 = fxt.add %p, %1 : tensor<8xi1>
  %3 = fxt.cast %0 : (tensor<8xui8>) -> tensor<8xf32>
  func.return %0, %2, %3 : tensor<8xui8>, tensor<8xi1>, tensor<8xf32>
}

// CHECK-LABEL: func.func @signs(%x: tensor<8xi8>, %y: tensor<8xi8>, %p: tensor<8xi1>) -> (tensor<8xi8>, tensor<8xi1>, tensor<8xf32>) {
// CHECK-NEXT:    %0 = fxt.call @cmp_add_{{[0-9a-f]+}}(%y, %p) : (tensor<8xi8>, tensor<8xi1>) -> tensor<8xi1>
// CHECK-NEXT:    %1, %2 = fxt.call @max_cast_{{[0-9a-f]+}}(%x) : (tensor<8xi8>) -> (tensor<8xi8>, tensor<8xf32>)
// CHECK-NEXT:    func.return %1, %0, %2 : tensor<8xi8>, tensor<8xi1>, tensor<8xf32>
// CHECK-LABEL: func.func private @cmp_add_{{[0-9a-f]+}}(%0: tensor<8xi8>, %1: tensor<8xi1>) -> tensor<8xi1> attributes {fxlower.kernel = "loops", fxlower.ops = "cmp,add", fxlower.shape = "8"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8xi1>
// CHECK-NEXT:    %3 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%1, %0 : tensor<8xi1>, tensor<8xi8>) outs(%2 : tensor<8xi1>) {
// CHECK-NEXT:    ^bb0(%4: i1, %5: i8, %6: i1):
// CHECK-NEXT:      %7 = arith.cmpi slt, %5, %5 : i8
// CHECK-NEXT:      %8 = arith.ori %4, %7 : i1
// CHECK-NEXT:      linalg.yield %8 : i1
// CHECK-NEXT:    } -> tensor<8xi1>
// CHECK-NEXT:    func.return %3 : tensor<8xi1>
// CHECK-LABEL: func.func private @max_cast_{{[0-9a-f]+}}(%0: tensor<8xi8>) -> (tensor<8xi8>, tensor<8xf32>) attributes {fxlower.kernel = "loops", fxlower.ops = "max,cast", fxlower.shape = "8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8xi8>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%0 : tensor<8xi8>) outs(%1 : tensor<8xi8>) {
// CHECK-NEXT:    ^bb0(%3: i8, %4: i8):
// CHECK-NEXT:      %5 = arith.maxui %3, %3 : i8
// CHECK-NEXT:      linalg.yield %5 : i8
// CHECK-NEXT:    } -> tensor<8xi8>
// CHECK-NEXT:    %6 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %7 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%2 : tensor<8xi8>) outs(%6 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%8: i8, %9: f32):
// CHECK-NEXT:      %10 = arith.uitofp %8 : i8 to f32
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    func.return %2, %7 : tensor<8xi8>, tensor<8xf32>
