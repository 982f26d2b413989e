// RUN: fxlower-opt -p form-kernels --split-input-file %s | filecheck %s

// What follows a product at its dims is its epilogue; what is needed in memory are its results. The
// matmul's residual comes along with what computes it.
func.func @epilogue(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %b: tensor<4xf32>, %r: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %0 = fxt.matmul %x, %w : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %1 = fxt.broadcast %b, array<i64: 1> : (tensor<4xf32>) -> tensor<8x4xf32>
  %2 = fxt.add %0, %1 : tensor<8x4xf32>
  %3 = fxt.exp %r : tensor<8x4xf32>
  %4 = fxt.mul %2, %3 : tensor<8x4xf32>
  func.return %2, %4 : tensor<8x4xf32>, tensor<8x4xf32>
}

// CHECK-LABEL: func.func @epilogue(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %b: tensor<4xf32>, %r: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
// CHECK-NEXT:    %0, %1 = fxt.call @matmul_exp_add_mul_{{[0-9a-f]+}}(%r, %x, %w, %b) : (tensor<8x4xf32>, tensor<8x16xf32>, tensor<16x4xf32>, tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>)
// CHECK-NEXT:    func.return %0, %1 : tensor<8x4xf32>, tensor<8x4xf32>
// CHECK-LABEL: func.func private @matmul_exp_add_mul_{{[0-9a-f]+}}(%0: tensor<8x4xf32>, %1: tensor<8x16xf32>, %2: tensor<16x4xf32>, %3: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul,exp,add,mul", fxlower.shape = "8x4[16]"} {
// CHECK-NEXT:    %4 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %5 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %6 = linalg.fill ins(%5 : f32) outs(%4 : tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %7 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%1, %2 : tensor<8x16xf32>, tensor<16x4xf32>) outs(%6 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%8: f32, %9: f32, %10: f32):
// CHECK-NEXT:      %11 = arith.mulf %8, %9 : f32
// CHECK-NEXT:      %12 = arith.addf %10, %11 : f32
// CHECK-NEXT:      linalg.yield %12 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    %13 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%7, %3 : tensor<8x4xf32>, tensor<4xf32>) outs(%13 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%15: f32, %16: f32, %17: f32):
// CHECK-NEXT:      %18 = arith.addf %15, %16 : f32
// CHECK-NEXT:      linalg.yield %18 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    %19 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %20 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%14, %0 : tensor<8x4xf32>, tensor<8x4xf32>) outs(%19 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%21: f32, %22: f32, %23: f32):
// CHECK-NEXT:      %24 = math.exp %22 : f32
// CHECK-NEXT:      %25 = arith.mulf %21, %24 : f32
// CHECK-NEXT:      linalg.yield %25 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %14, %20 : tensor<8x4xf32>, tensor<8x4xf32>

// -----

// A row's reduction reads the product from memory, as does what sees its columns as two dims.
func.func @outside(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %h: tensor<8x2xf32>) -> (tensor<8xf32>, tensor<8x2x2xf32>) {
  %0 = fxt.matmul %x, %w : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %1 = fxt.neg %0 : tensor<8x4xf32>
  %2 = fxt.sum %1, array<i64: 1> : (tensor<8x4xf32>) -> tensor<8xf32>
  %3 = fxt.reshape %1 : (tensor<8x4xf32>) -> tensor<8x2x2xf32>
  %4 = fxt.broadcast %h, array<i64: 0, 2> : (tensor<8x2xf32>) -> tensor<8x2x2xf32>
  %5 = fxt.mul %3, %4 : tensor<8x2x2xf32>
  func.return %2, %5 : tensor<8xf32>, tensor<8x2x2xf32>
}

// CHECK-LABEL: func.func @outside(%x: tensor<8x16xf32>, %w: tensor<16x4xf32>, %h: tensor<8x2xf32>) -> (tensor<8xf32>, tensor<8x2x2xf32>) {
// CHECK-NEXT:    %0 = fxt.call @matmul_neg_{{[0-9a-f]+}}(%x, %w) : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %1 = fxt.call @sum_{{[0-9a-f]+}}(%0) : (tensor<8x4xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %2 = fxt.reshape %0 : (tensor<8x4xf32>) -> tensor<8x2x2xf32>
// CHECK-NEXT:    %3 = fxt.call @mul_{{[0-9a-f]+}}(%2, %h) : (tensor<8x2x2xf32>, tensor<8x2xf32>) -> tensor<8x2x2xf32>
// CHECK-NEXT:    func.return %1, %3 : tensor<8xf32>, tensor<8x2x2xf32>
// CHECK-LABEL: func.func private @matmul_neg_{{[0-9a-f]+}}(%0: tensor<8x16xf32>, %1: tensor<16x4xf32>) -> tensor<8x4xf32> attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul,neg", fxlower.shape = "8x4[16]"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %4 = linalg.fill ins(%3 : f32) outs(%2 : tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<8x16xf32>, tensor<16x4xf32>) outs(%4 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%6: f32, %7: f32, %8: f32):
// CHECK-NEXT:      %9 = arith.mulf %6, %7 : f32
// CHECK-NEXT:      %10 = arith.addf %8, %9 : f32
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    %11 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %12 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%5 : tensor<8x4xf32>) outs(%11 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%13: f32, %14: f32):
// CHECK-NEXT:      %15 = arith.negf %13 : f32
// CHECK-NEXT:      linalg.yield %15 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %12 : tensor<8x4xf32>
// CHECK-LABEL: func.func private @sum_{{[0-9a-f]+}}(%0: tensor<8x4xf32>) -> tensor<8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "sum", fxlower.shape = "8[4]"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %2 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %3 = linalg.fill ins(%2 : f32) outs(%1 : tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%0 : tensor<8x4xf32>) outs(%3 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.addf %6, %5 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    func.return %4 : tensor<8xf32>
// CHECK-LABEL: func.func private @mul_{{[0-9a-f]+}}(%0: tensor<8x2x2xf32>, %1: tensor<8x2xf32>) -> tensor<8x2x2xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "mul", fxlower.shape = "8x2x2"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8x2x2xf32>
// CHECK-NEXT:    %3 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%0, %1 : tensor<8x2x2xf32>, tensor<8x2xf32>) outs(%2 : tensor<8x2x2xf32>) {
// CHECK-NEXT:    ^bb0(%4: f32, %5: f32, %6: f32):
// CHECK-NEXT:      %7 = arith.mulf %4, %5 : f32
// CHECK-NEXT:      linalg.yield %7 : f32
// CHECK-NEXT:    } -> tensor<8x2x2xf32>
// CHECK-NEXT:    func.return %3 : tensor<8x2x2xf32>

// -----

// A cast to a wider type is done by who reads the product.
func.func @narrow(%x: tensor<8x16xbf16>, %w: tensor<16x4xbf16>) -> tensor<8xf32> {
  %0 = fxt.matmul %x, %w : (tensor<8x16xbf16>, tensor<16x4xbf16>) -> tensor<8x4xbf16>
  %1 = fxt.cast %0 : (tensor<8x4xbf16>) -> tensor<8x4xf32>
  %2 = fxt.sum %1, array<i64: 1> : (tensor<8x4xf32>) -> tensor<8xf32>
  func.return %2 : tensor<8xf32>
}

// CHECK-LABEL: func.func @narrow(%x: tensor<8x16xbf16>, %w: tensor<16x4xbf16>) -> tensor<8xf32> {
// CHECK-NEXT:    %0 = fxt.call @matmul_cast_{{[0-9a-f]+}}(%x, %w) : (tensor<8x16xbf16>, tensor<16x4xbf16>) -> tensor<8x4xbf16>
// CHECK-NEXT:    %1 = fxt.call @cast_sum_{{[0-9a-f]+}}(%0) : (tensor<8x4xbf16>) -> tensor<8xf32>
// CHECK-NEXT:    func.return %1 : tensor<8xf32>
// CHECK-LABEL: func.func private @matmul_cast_{{[0-9a-f]+}}(%0: tensor<8x16xbf16>, %1: tensor<16x4xbf16>) -> tensor<8x4xbf16> attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul,cast", fxlower.shape = "8x4[16]"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %4 = linalg.fill ins(%3 : f32) outs(%2 : tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<8x16xbf16>, tensor<16x4xbf16>) outs(%4 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%6: bf16, %7: bf16, %8: f32):
// CHECK-NEXT:      %9 = arith.extf %6 : bf16 to f32
// CHECK-NEXT:      %10 = arith.extf %7 : bf16 to f32
// CHECK-NEXT:      %11 = arith.mulf %9, %10 : f32
// CHECK-NEXT:      %12 = arith.addf %8, %11 : f32
// CHECK-NEXT:      linalg.yield %12 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    %13 = tensor.empty() : tensor<8x4xbf16>
// CHECK-NEXT:    %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%5 : tensor<8x4xf32>) outs(%13 : tensor<8x4xbf16>) {
// CHECK-NEXT:    ^bb0(%15: f32, %16: bf16):
// CHECK-NEXT:      %17 = arith.truncf %15 : f32 to bf16
// CHECK-NEXT:      linalg.yield %17 : bf16
// CHECK-NEXT:    } -> tensor<8x4xbf16>
// CHECK-NEXT:    func.return %14 : tensor<8x4xbf16>
// CHECK-LABEL: func.func private @cast_sum_{{[0-9a-f]+}}(%0: tensor<8x4xbf16>) -> tensor<8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "cast,sum", fxlower.shape = "8[4]"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %2 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %3 = linalg.fill ins(%2 : f32) outs(%1 : tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%0 : tensor<8x4xbf16>) outs(%3 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%5: bf16, %6: f32):
// CHECK-NEXT:      %7 = arith.extf %5 : bf16 to f32
// CHECK-NEXT:      %8 = arith.addf %6, %7 : f32
// CHECK-NEXT:      linalg.yield %8 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    func.return %4 : tensor<8xf32>

// -----

// Two products are two kernels, and a copy of one in a join is a nest of the join.
func.func @two(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x8xf32>) {
  %0 = fxt.matmul %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = fxt.matmul %w, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = fxt.add %0, %1 : tensor<4x4xf32>
  %3 = fxt.concat 1 (%1, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x8xf32>
  func.return %2, %3 : tensor<4x4xf32>, tensor<4x8xf32>
}

// CHECK-LABEL: func.func @two(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x8xf32>) {
// CHECK-NEXT:    %0 = fxt.call @matmul_{{[0-9a-f]+}}(%x, %w) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-NEXT:    %1, %2 = fxt.call @matmul_add_{{[0-9a-f]+}}(%w, %x, %0) : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
// CHECK-NEXT:    %3 = fxt.call @join_{{[0-9a-f]+}}(%1, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %2, %3 : tensor<4x4xf32>, tensor<4x8xf32>
// CHECK-LABEL: func.func private @matmul_{{[0-9a-f]+}}(%0: tensor<4x4xf32>, %1: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul", fxlower.shape = "4x4[4]"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<4x4xf32>
// CHECK-NEXT:    %3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %4 = linalg.fill ins(%3 : f32) outs(%2 : tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%4 : tensor<4x4xf32>) {
// CHECK-NEXT:    ^bb0(%6: f32, %7: f32, %8: f32):
// CHECK-NEXT:      %9 = arith.mulf %6, %7 : f32
// CHECK-NEXT:      %10 = arith.addf %8, %9 : f32
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<4x4xf32>
// CHECK-NEXT:    func.return %5 : tensor<4x4xf32>
// CHECK-LABEL: func.func private @matmul_add_{{[0-9a-f]+}}(%0: tensor<4x4xf32>, %1: tensor<4x4xf32>, %2: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul,add", fxlower.shape = "4x4[4]"} {
// CHECK-NEXT:    %3 = tensor.empty() : tensor<4x4xf32>
// CHECK-NEXT:    %4 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %5 = linalg.fill ins(%4 : f32) outs(%3 : tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-NEXT:    %6 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%5 : tensor<4x4xf32>) {
// CHECK-NEXT:    ^bb0(%7: f32, %8: f32, %9: f32):
// CHECK-NEXT:      %10 = arith.mulf %7, %8 : f32
// CHECK-NEXT:      %11 = arith.addf %9, %10 : f32
// CHECK-NEXT:      linalg.yield %11 : f32
// CHECK-NEXT:    } -> tensor<4x4xf32>
// CHECK-NEXT:    %12 = tensor.empty() : tensor<4x4xf32>
// CHECK-NEXT:    %13 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%2, %6 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%12 : tensor<4x4xf32>) {
// CHECK-NEXT:    ^bb0(%14: f32, %15: f32, %16: f32):
// CHECK-NEXT:      %17 = arith.addf %14, %15 : f32
// CHECK-NEXT:      linalg.yield %17 : f32
// CHECK-NEXT:    } -> tensor<4x4xf32>
// CHECK-NEXT:    func.return %6, %13 : tensor<4x4xf32>, tensor<4x4xf32>
// CHECK-LABEL: func.func private @join_{{[0-9a-f]+}}(%0: tensor<4x4xf32>, %1: tensor<4x4xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "join", fxlower.shape = "4x8"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<4x8xf32>
// CHECK-NEXT:    %3 = tensor.empty() : tensor<4x4xf32>
// CHECK-NEXT:    %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x4xf32>) outs(%3 : tensor<4x4xf32>) {
// CHECK-NEXT:    ^bb0(%5: f32, %6: f32):
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<4x4xf32>
// CHECK-NEXT:    %7 = tensor.insert_slice %4 into %2[0, 0] [4, 4] [1, 1] : tensor<4x4xf32> into tensor<4x8xf32>
// CHECK-NEXT:    %8 = tensor.empty() : tensor<4x4xf32>
// CHECK-NEXT:    %9 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<4x4xf32>) outs(%8 : tensor<4x4xf32>) {
// CHECK-NEXT:    ^bb0(%10: f32, %11: f32):
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<4x4xf32>
// CHECK-NEXT:    %12 = tensor.insert_slice %9 into %7[0, 4] [4, 4] [1, 1] : tensor<4x4xf32> into tensor<4x8xf32>
// CHECK-NEXT:    func.return %12 : tensor<4x8xf32>

// -----

// What is cast to a wider type for a product is read in the narrow one, which needs no memory for it.
func.func @prologue(%x: tensor<8x16xf32>, %w: tensor<4x16xi8>, %s: tensor<4xf32>) -> tensor<8x4xf32> {
  %0 = fxt.cast %w : (tensor<4x16xi8>) -> tensor<4x16xf32>
  %1 = fxt.permute %0, array<i64: 1, 0> : (tensor<4x16xf32>) -> tensor<16x4xf32>
  %2 = fxt.matmul %x, %1 : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %3 = fxt.broadcast %s, array<i64: 1> : (tensor<4xf32>) -> tensor<8x4xf32>
  %4 = fxt.mul %2, %3 : tensor<8x4xf32>
  func.return %4 : tensor<8x4xf32>
}

// CHECK-LABEL: func.func @prologue(%x: tensor<8x16xf32>, %w: tensor<4x16xi8>, %s: tensor<4xf32>) -> tensor<8x4xf32> {
// CHECK-NEXT:    %0 = fxt.call @matmul_mul_{{[0-9a-f]+}}(%x, %w, %s) : (tensor<8x16xf32>, tensor<4x16xi8>, tensor<4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %0 : tensor<8x4xf32>
// CHECK-LABEL: func.func private @matmul_mul_{{[0-9a-f]+}}(%0: tensor<8x16xf32>, %1: tensor<4x16xi8>, %2: tensor<4xf32>) -> tensor<8x4xf32> attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul,mul", fxlower.shape = "8x4[16]"} {
// CHECK-NEXT:    %3 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %4 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %5 = linalg.fill ins(%4 : f32) outs(%3 : tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %6 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<8x16xf32>, tensor<4x16xi8>) outs(%5 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%7: f32, %8: i8, %9: f32):
// CHECK-NEXT:      %10 = arith.sitofp %8 : i8 to f32
// CHECK-NEXT:      %11 = arith.mulf %7, %10 : f32
// CHECK-NEXT:      %12 = arith.addf %9, %11 : f32
// CHECK-NEXT:      linalg.yield %12 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    %13 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%6, %2 : tensor<8x4xf32>, tensor<4xf32>) outs(%13 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%15: f32, %16: f32, %17: f32):
// CHECK-NEXT:      %18 = arith.mulf %15, %16 : f32
// CHECK-NEXT:      linalg.yield %18 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %14 : tensor<8x4xf32>
