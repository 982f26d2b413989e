// RUN: fxlower-opt -p form-kernels --split-input-file %s | filecheck %s

// Equal groups are one kernel, whatever their symbols are called.
func.func @duplicates(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %y: tensor<?x8xf32, ["s1", 8 : i64]>, %s0: index {fxt.symbol = "s0"}, %s1: index {fxt.symbol = "s1"}) -> (tensor<?x8xf32, ["s0", 8 : i64]>, tensor<?x8xf32, ["s1", 8 : i64]>) {
  %0 = fxt.exp %x : tensor<?x8xf32, ["s0", 8 : i64]>
  %1 = fxt.exp %y : tensor<?x8xf32, ["s1", 8 : i64]>
  func.return %0, %1 : tensor<?x8xf32, ["s0", 8 : i64]>, tensor<?x8xf32, ["s1", 8 : i64]>
}

// CHECK-LABEL: func.func @duplicates(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %y: tensor<?x8xf32, ["s1", 8 : i64]>, %s0: index {fxt.symbol = "s0"}, %s1: index {fxt.symbol = "s1"}) -> (tensor<?x8xf32, ["s0", 8 : i64]>, tensor<?x8xf32, ["s1", 8 : i64]>) {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x, %s0) : (tensor<?x8xf32, ["s0", 8 : i64]>, index) -> tensor<?x8xf32, ["s0", 8 : i64]>
// CHECK-NEXT:    %1 = fxt.call @exp_{{[0-9a-f]+}}(%y, %s1) : (tensor<?x8xf32, ["s1", 8 : i64]>, index) -> tensor<?x8xf32, ["s1", 8 : i64]>
// CHECK-NEXT:    func.return %0, %1 : tensor<?x8xf32, ["s0", 8 : i64]>, tensor<?x8xf32, ["s1", 8 : i64]>
// CHECK-LABEL: func.func private @exp_{{[0-9a-f]+}}(%0: tensor<?x8xf32, ["d0", 8 : i64]>, %d0: index {fxt.symbol = "d0"}) -> tensor<?x8xf32, ["d0", 8 : i64]> attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "d0x8"} {
// CHECK-NEXT:    %1 = tensor.empty(%d0) : tensor<?x8xf32, ["d0", 8 : i64]>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<?x8xf32, ["d0", 8 : i64]>) outs(%1 : tensor<?x8xf32, ["d0", 8 : i64]>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<?x8xf32, ["d0", 8 : i64]>
// CHECK-NEXT:    func.return %2 : tensor<?x8xf32, ["d0", 8 : i64]>

// -----

// A row that does not fit in the scratchpad (here: of unknown length) is one more result.
func.func @long_rows(%x: tensor<8x?xf32, [8 : i64, "s0"]>, %s0: index {fxt.symbol = "s0"}) -> tensor<8x?xf32, [8 : i64, "s0"]> {
  %e = fxt.exp %x : tensor<8x?xf32, [8 : i64, "s0"]>
  %s = fxt.sum %e, array<i64: 1> : (tensor<8x?xf32, [8 : i64, "s0"]>) -> tensor<8xf32>
  %sb = fxt.broadcast %s, array<i64: 0> : (tensor<8xf32>) -> tensor<8x?xf32, [8 : i64, "s0"]>
  %r = fxt.div %e, %sb : tensor<8x?xf32, [8 : i64, "s0"]>
  func.return %r : tensor<8x?xf32, [8 : i64, "s0"]>
}

// CHECK-LABEL: func.func @long_rows(%x: tensor<8x?xf32, [8 : i64, "s0"]>, %s0: index {fxt.symbol = "s0"}) -> tensor<8x?xf32, [8 : i64, "s0"]> {
// CHECK-NEXT:    %r, %0 = fxt.call @exp_sum_div_{{[0-9a-f]+}}(%x, %s0) : (tensor<8x?xf32, [8 : i64, "s0"]>, index) -> (tensor<8x?xf32, [8 : i64, "s0"]>, tensor<8x?xf32, [8 : i64, "s0"]>)
// CHECK-NEXT:    func.return %r : tensor<8x?xf32, [8 : i64, "s0"]>
// CHECK-LABEL: func.func private @exp_sum_div_{{[0-9a-f]+}}(%0: tensor<8x?xf32, [8 : i64, "d0"]>, %d0: index {fxt.symbol = "d0"}) -> (tensor<8x?xf32, [8 : i64, "d0"]>, tensor<8x?xf32, [8 : i64, "d0"]>) attributes {fxlower.kernel = "loops", fxlower.ops = "exp,sum,div", fxlower.shape = "8[d0]"} {
// CHECK-NEXT:    %1 = tensor.empty(%d0) : tensor<8x?xf32, [8 : i64, "d0"]>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<8x?xf32, [8 : i64, "d0"]>) outs(%1 : tensor<8x?xf32, [8 : i64, "d0"]>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<8x?xf32, [8 : i64, "d0"]>
// CHECK-NEXT:    %6 = tensor.empty() : tensor<8xf32>
// CHECK-NEXT:    %7 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %8 = linalg.fill ins(%7 : f32) outs(%6 : tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %9 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%2 : tensor<8x?xf32, [8 : i64, "d0"]>) outs(%8 : tensor<8xf32>) {
// CHECK-NEXT:    ^bb0(%10: f32, %11: f32):
// CHECK-NEXT:      %12 = arith.addf %11, %10 : f32
// CHECK-NEXT:      linalg.yield %12 : f32
// CHECK-NEXT:    } -> tensor<8xf32>
// CHECK-NEXT:    %13 = tensor.empty(%d0) : tensor<8x?xf32, [8 : i64, "d0"]>
// CHECK-NEXT:    %14 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%2, %9 : tensor<8x?xf32, [8 : i64, "d0"]>, tensor<8xf32>) outs(%13 : tensor<8x?xf32, [8 : i64, "d0"]>) {
// CHECK-NEXT:    ^bb0(%15: f32, %16: f32, %17: f32):
// CHECK-NEXT:      %18 = arith.divf %15, %16 : f32
// CHECK-NEXT:      linalg.yield %18 : f32
// CHECK-NEXT:    } -> tensor<8x?xf32, [8 : i64, "d0"]>
// CHECK-NEXT:    func.return %14, %2 : tensor<8x?xf32, [8 : i64, "d0"]>, tensor<8x?xf32, [8 : i64, "d0"]>

// -----

// The transposed weight is an argument with strides.
func.func @matmul(%x: tensor<8x16xbf16>, %w: tensor<4x16xbf16>) -> tensor<8x4xbf16> {
  %0 = fxt.permute %w, array<i64: 1, 0> : (tensor<4x16xbf16>) -> tensor<16x4xbf16>
  %1 = fxt.matmul %x, %0 : (tensor<8x16xbf16>, tensor<16x4xbf16>) -> tensor<8x4xbf16>
  func.return %1 : tensor<8x4xbf16>
}

// CHECK-LABEL: func.func @matmul(%x: tensor<8x16xbf16>, %w: tensor<4x16xbf16>) -> tensor<8x4xbf16> {
// CHECK-NEXT:    %0 = fxt.call @matmul_cast_{{[0-9a-f]+}}(%x, %w) : (tensor<8x16xbf16>, tensor<4x16xbf16>) -> tensor<8x4xbf16>
// CHECK-NEXT:    func.return %0 : tensor<8x4xbf16>
// CHECK-LABEL: func.func private @matmul_cast_{{[0-9a-f]+}}(%0: tensor<8x16xbf16>, %1: tensor<4x16xbf16>) -> tensor<8x4xbf16> attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul,cast", fxlower.shape = "8x4[16]"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %4 = linalg.fill ins(%3 : f32) outs(%2 : tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<8x16xbf16>, tensor<4x16xbf16>) outs(%4 : tensor<8x4xf32>) {
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

// -----

// A batch dim that an operand only repeats along is no dim of it.
func.func @broadcast_batch(%x: tensor<2x8x16xf32>, %w: tensor<16x4xf32>) -> tensor<2x8x4xf32> {
  %0 = fxt.broadcast %w, array<i64: 1, 2> : (tensor<16x4xf32>) -> tensor<2x16x4xf32>
  %1 = fxt.matmul %x, %0 : (tensor<2x8x16xf32>, tensor<2x16x4xf32>) -> tensor<2x8x4xf32>
  func.return %1 : tensor<2x8x4xf32>
}

// CHECK-LABEL: func.func @broadcast_batch(%x: tensor<2x8x16xf32>, %w: tensor<16x4xf32>) -> tensor<2x8x4xf32> {
// CHECK-NEXT:    %0 = fxt.call @matmul_{{[0-9a-f]+}}(%x, %w) : (tensor<2x8x16xf32>, tensor<16x4xf32>) -> tensor<2x8x4xf32>
// CHECK-NEXT:    func.return %0 : tensor<2x8x4xf32>
// CHECK-LABEL: func.func private @matmul_{{[0-9a-f]+}}(%0: tensor<2x8x16xf32>, %1: tensor<16x4xf32>) -> tensor<2x8x4xf32> attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul", fxlower.shape = "2x8x4[16]"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<2x8x4xf32>
// CHECK-NEXT:    %3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %4 = linalg.fill ins(%3 : f32) outs(%2 : tensor<2x8x4xf32>) -> tensor<2x8x4xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<2x8x16xf32>, tensor<16x4xf32>) outs(%4 : tensor<2x8x4xf32>) {
// CHECK-NEXT:    ^bb0(%6: f32, %7: f32, %8: f32):
// CHECK-NEXT:      %9 = arith.mulf %6, %7 : f32
// CHECK-NEXT:      %10 = arith.addf %8, %9 : f32
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<2x8x4xf32>
// CHECK-NEXT:    func.return %5 : tensor<2x8x4xf32>

// -----

// The product is written with strides that make the merge of heads a view.
func.func @heads(%p: tensor<2x4x4xf32>, %v: tensor<2x4x8xf32>) -> tensor<4x16xf32> {
  %0 = fxt.matmul %p, %v : (tensor<2x4x4xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %1 = fxt.permute %0, array<i64: 1, 0, 2> : (tensor<2x4x8xf32>) -> tensor<4x2x8xf32>
  %2 = fxt.reshape %1 : (tensor<4x2x8xf32>) -> tensor<4x16xf32>
  func.return %2 : tensor<4x16xf32>
}

// CHECK-LABEL: func.func @heads(%p: tensor<2x4x4xf32>, %v: tensor<2x4x8xf32>) -> tensor<4x16xf32> {
// CHECK-NEXT:    %0 = fxt.call @matmul_{{[0-9a-f]+}}(%p, %v) {strides = [[8 : i64, 16 : i64, 1 : i64]]} : (tensor<2x4x4xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
// CHECK-NEXT:    %1 = fxt.permute %0, array<i64: 1, 0, 2> : (tensor<2x4x8xf32>) -> tensor<4x2x8xf32>
// CHECK-NEXT:    %2 = fxt.reshape %1 : (tensor<4x2x8xf32>) -> tensor<4x16xf32>
// CHECK-NEXT:    func.return %2 : tensor<4x16xf32>
// CHECK-LABEL: func.func private @matmul_{{[0-9a-f]+}}(%0: tensor<2x4x4xf32>, %1: tensor<2x4x8xf32>) -> (tensor<2x4x8xf32> {fxt.strides = [8 : i64, 16 : i64, 1 : i64]}) attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul", fxlower.shape = "2x4x8[4]"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<2x4x8xf32>
// CHECK-NEXT:    %3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %4 = linalg.fill ins(%3 : f32) outs(%2 : tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<2x4x4xf32>, tensor<2x4x8xf32>) outs(%4 : tensor<2x4x8xf32>) {
// CHECK-NEXT:    ^bb0(%6: f32, %7: f32, %8: f32):
// CHECK-NEXT:      %9 = arith.mulf %6, %7 : f32
// CHECK-NEXT:      %10 = arith.addf %8, %9 : f32
// CHECK-NEXT:      linalg.yield %10 : f32
// CHECK-NEXT:    } -> tensor<2x4x8xf32>
// CHECK-NEXT:    func.return %5 : tensor<2x4x8xf32>

// -----

// A reshape that is no view of its operand is a kernel that copies.
func.func @copy(%x: tensor<4x8xf32>) -> tensor<32xf32> {
  %0 = fxt.permute %x, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %1 = fxt.reshape %0 : (tensor<8x4xf32>) -> tensor<32xf32>
  func.return %1 : tensor<32xf32>
}

// CHECK-LABEL: func.func @copy(%x: tensor<4x8xf32>) -> tensor<32xf32> {
// CHECK-NEXT:    %0 = fxt.call @copy_{{[0-9a-f]+}}(%x) : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %1 = fxt.reshape %0 : (tensor<8x4xf32>) -> tensor<32xf32>
// CHECK-NEXT:    func.return %1 : tensor<32xf32>
// CHECK-LABEL: func.func private @copy_{{[0-9a-f]+}}(%0: tensor<4x8xf32>) -> tensor<8x4xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "copy", fxlower.shape = "8x4"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x8xf32>) outs(%1 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      linalg.yield %3 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %2 : tensor<8x4xf32>

// -----

// A result is written with the strides that the caller expects.
func.func @result_strides(%x: tensor<4x8xf32>) -> (tensor<8x4xf32> {fxt.strides = [1 : i64, 8 : i64]}) {
  %0 = fxt.exp %x : tensor<4x8xf32>
  %1 = fxt.permute %0, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  func.return %1 : tensor<8x4xf32>
}

// CHECK-LABEL: func.func @result_strides(%x: tensor<4x8xf32>) -> (tensor<8x4xf32> {fxt.strides = [1 : i64, 8 : i64]}) {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %1 = fxt.permute %0, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %1 : tensor<8x4xf32>
// CHECK-LABEL: func.func private @exp_{{[0-9a-f]+}}(%0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "4x8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<4x8xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x8xf32>) outs(%1 : tensor<4x8xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %2 : tensor<4x8xf32>

// -----

// A value that goes into an argument's memory is written as that lies.
func.func @mutation(%x: tensor<4x8xf32> {fxt.strides = [1 : i64, 4 : i64]}) -> (tensor<4x8xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.exp %x : tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @mutation(%x: tensor<4x8xf32> {fxt.strides = [1 : i64, 4 : i64]}) -> (tensor<4x8xf32> {fxt.mutates = 0 : i64}) {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) {strides = [[1 : i64, 4 : i64]]} : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %0 : tensor<4x8xf32>
// CHECK-LABEL: func.func private @exp_{{[0-9a-f]+}}(%0: tensor<4x8xf32> {fxt.strides = [1 : i64, 4 : i64]}) -> (tensor<4x8xf32> {fxt.strides = [1 : i64, 4 : i64]}) attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "4x8"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<4x8xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x8xf32>) outs(%1 : tensor<4x8xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      %5 = math.exp %3 : f32
// CHECK-NEXT:      linalg.yield %5 : f32
// CHECK-NEXT:    } -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %2 : tensor<4x8xf32>

// -----

// Inputs and views of them are returned as they are; other strides need a copy.
func.func @inputs(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8x4xf32> {fxt.strides = [1 : i64, 8 : i64]}, tensor<8x4xf32>) {
  %0 = fxt.permute %x, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  func.return %x, %0, %0 : tensor<4x8xf32>, tensor<8x4xf32>, tensor<8x4xf32>
}

// CHECK-LABEL: func.func @inputs(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8x4xf32> {fxt.strides = [1 : i64, 8 : i64]}, tensor<8x4xf32>) {
// CHECK-NEXT:    %0 = fxt.call @copy_{{[0-9a-f]+}}(%x) : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %1 = fxt.permute %x, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %x, %1, %0 : tensor<4x8xf32>, tensor<8x4xf32>, tensor<8x4xf32>
// CHECK-LABEL: func.func private @copy_{{[0-9a-f]+}}(%0: tensor<4x8xf32>) -> tensor<8x4xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "copy", fxlower.shape = "8x4"} {
// CHECK-NEXT:    %1 = tensor.empty() : tensor<8x4xf32>
// CHECK-NEXT:    %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x8xf32>) outs(%1 : tensor<8x4xf32>) {
// CHECK-NEXT:    ^bb0(%3: f32, %4: f32):
// CHECK-NEXT:      linalg.yield %3 : f32
// CHECK-NEXT:    } -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %2 : tensor<8x4xf32>

// -----

func.func @scan(%x: tensor<4x8xui8>) -> tensor<4x8xui8> {
  %0 = fxt.cumsum %x, 1 : (tensor<4x8xui8>) -> tensor<4x8xui8>
  func.return %0 : tensor<4x8xui8>
}

// CHECK-LABEL: func.func @scan(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
// CHECK-NEXT:    %0 = fxt.call @cumsum_{{[0-9a-f]+}}(%x) : (tensor<4x8xi8>) -> tensor<4x8xi8>
// CHECK-NEXT:    func.return %0 : tensor<4x8xi8>
// CHECK-LABEL: func.func private @cumsum_{{[0-9a-f]+}}(%0: tensor<4x8xi8>) -> tensor<4x8xi8> attributes {fxlower.kernel = "scan", fxlower.ops = "cumsum", fxlower.shape = "4x8"} {
// CHECK-NEXT:    %1 = fxt.cumsum %0, 1 : (tensor<4x8xi8>) -> tensor<4x8xi8>
// CHECK-NEXT:    func.return %1 : tensor<4x8xi8>

// -----

// Constants and iota of a scatter are made in its kernel.
func.func @scatter(%u: tensor<4x8xf32>, %i: tensor<4x8xi64>) -> tensor<9x8xf32> {
  %z = fxt.full 0.000000e+00 : f32 : tensor<9x8xf32>
  %j = fxt.iota 1 : tensor<4x8xi64>
  %r = fxt.scatter "add", %z, %u, array<i64: 0, 1>[%i, %j] : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<9x8xf32>
  func.return %r : tensor<9x8xf32>
}

// CHECK-LABEL: func.func @scatter(%u: tensor<4x8xf32>, %i: tensor<4x8xi64>) -> tensor<9x8xf32> {
// CHECK-NEXT:    %r = fxt.call @scatter_{{[0-9a-f]+}}(%u, %i) : (tensor<4x8xf32>, tensor<4x8xi64>) -> tensor<9x8xf32>
// CHECK-NEXT:    func.return %r : tensor<9x8xf32>
// CHECK-LABEL: func.func private @scatter_{{[0-9a-f]+}}(%0: tensor<4x8xf32>, %1: tensor<4x8xi64>) -> tensor<9x8xf32> attributes {fxlower.kernel = "scatter", fxlower.ops = "scatter", fxlower.shape = "9x8"} {
// CHECK-NEXT:    %2 = fxt.full 0.000000e+00 : f32 : tensor<9x8xf32>
// CHECK-NEXT:    %3 = fxt.iota 1 : tensor<4x8xi64>
// CHECK-NEXT:    %4 = fxt.scatter "add", %2, %0, array<i64: 0, 1>[%1, %3] : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<9x8xf32>
// CHECK-NEXT:    func.return %4 : tensor<9x8xf32>

// -----

// What shall repeat a row, and is no view of one in memory, is a view of its first row.
func.func @repeated(%x: tensor<4x8xf32>) -> (tensor<2x8xi64> {fxt.strides = [0 : i64, 1 : i64]}, tensor<4x8xf32> {fxt.strides = [0 : i64, 1 : i64]}) {
  %0 = fxt.iota 1 : tensor<2x8xi64>
  %1 = fxt.exp %x : tensor<4x8xf32>
  func.return %0, %1 : tensor<2x8xi64>, tensor<4x8xf32>
}

// CHECK-LABEL: func.func @repeated
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %1 = fxt.call @copy_{{[0-9a-f]+}}() : () -> tensor<8xi64>
// CHECK-NEXT:    %2 = fxt.reshape %1 : (tensor<8xi64>) -> tensor<1x8xi64>
// CHECK-NEXT:    %3 = fxt.reshape %2 : (tensor<1x8xi64>) -> tensor<8xi64>
// CHECK-NEXT:    %4 = fxt.broadcast %3, array<i64: 1> : (tensor<8xi64>) -> tensor<2x8xi64>
// CHECK-NEXT:    %5 = fxt.slice %0, [0 : i64, 0 : i64], array<i64: 1, 1> : (tensor<4x8xf32>) -> tensor<1x8xf32>
// CHECK-NEXT:    %6 = fxt.reshape %5 : (tensor<1x8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %7 = fxt.broadcast %6, array<i64: 1> : (tensor<8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %4, %7 : tensor<2x8xi64>, tensor<4x8xf32>
