// RUN: fxlower-opt -p tile-contractions --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: tile-contractions: the schedule of 'mm' must have the integers mr, nr, mc, nc, kc, grain, pack_left, pack_right, prefetch, got {mr = 8 : i64, nr = 16 : i64}
func.func @mm(%a: tensor<8x32xf32>, %b: tensor<32x16xf32>) -> (tensor<8x16xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 16 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<8x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x16xf32>) -> tensor<8x16xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<8x32xf32>, tensor<32x16xf32>) outs(%init : tensor<8x16xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x16xf32>
  func.return %c : tensor<8x16xf32>
}

// -----

// CHECK: tile-contractions: the schedule of 'mm' must have positive sizes with mc a multiple of mr and nc of nr
func.func @mm(%a: tensor<8x32xf32>, %b: tensor<32x16xf32>) -> (tensor<8x16xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 16 : i64, mc = 20 : i64, nc = 16 : i64, kc = 32 : i64, grain = 1 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<8x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x16xf32>) -> tensor<8x16xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<8x32xf32>, tensor<32x16xf32>) outs(%init : tensor<8x16xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x16xf32>
  func.return %c : tensor<8x16xf32>
}

// -----

// CHECK: tile-contractions: 'mm' accumulates in i32, which has no register tiles; give it a schedule with mc = 0
func.func @mm(%a: tensor<8x32xi32>, %b: tensor<32x16xi32>) -> (tensor<8x16xi32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 16 : i64, mc = 8 : i64, nc = 16 : i64, kc = 32 : i64, grain = 1 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<8x16xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<8x16xi32>) -> tensor<8x16xi32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<8x32xi32>, tensor<32x16xi32>) outs(%init : tensor<8x16xi32>) {
  ^bb0(%x: i32, %y: i32, %acc: i32):
    
    %p = arith.muli %x, %y : i32
    %s = arith.addi %acc, %p : i32
    linalg.yield %s : i32
  } -> tensor<8x16xi32>
  func.return %c : tensor<8x16xi32>
}

// -----

// CHECK: operand maps must be projected permutations, got (d0, d1, d2) -> (d0, d0)
func.func @mm(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>) -> (tensor<8x8xf32>) attributes {fxlower.kernel = "contraction"} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<8x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x8xf32>) -> tensor<8x8xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d0)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<8x8xf32>, tensor<8x8xf32>) outs(%init : tensor<8x8xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x8xf32>
  func.return %c : tensor<8x8xf32>
}

// -----

// CHECK: kernel 'nothing' has no linalg.generic
func.func @nothing(%a: tensor<4xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "contraction"} {
  func.return %a : tensor<4xf32>
}

// -----

// CHECK: tile-contractions: the schedule of 'mm' has pack_left = 0, but that operand is of d0 rows, which no tile ends with
func.func @mm(%a: tensor<?x32xf32, ["d0", 32 : i64]>, %b: tensor<32x16xf32>, %d0: index {fxt.symbol = "d0"}) -> (tensor<?x16xf32, ["d0", 16 : i64]>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 16 : i64, mc = 8 : i64, nc = 16 : i64, kc = 32 : i64, grain = 1 : i64, pack_left = 0 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty(%d0) : tensor<?x16xf32, ["d0", 16 : i64]>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x16xf32, ["d0", 16 : i64]>) -> tensor<?x16xf32, ["d0", 16 : i64]>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<?x32xf32, ["d0", 32 : i64]>, tensor<32x16xf32>) outs(%init : tensor<?x16xf32, ["d0", 16 : i64]>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x16xf32, ["d0", 16 : i64]>
  func.return %c : tensor<?x16xf32, ["d0", 16 : i64]>
}

// -----

// CHECK: tile-contractions: the schedule of 'mm' has pack_right = 0, but that operand is of stride 32, not 1, across its columns
func.func @mm(%a: tensor<8x32xf32>, %b: tensor<32x16xf32> {fxt.strides = [1 : i64, 32 : i64]}) -> (tensor<8x16xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 16 : i64, mc = 8 : i64, nc = 16 : i64, kc = 32 : i64, grain = 1 : i64, pack_left = 0 : i64, pack_right = 0 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<8x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x16xf32>) -> tensor<8x16xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<8x32xf32>, tensor<32x16xf32>) outs(%init : tensor<8x16xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x16xf32>
  func.return %c : tensor<8x16xf32>
}

// -----

// CHECK: tile-contractions: the schedule of 'mm' has pack_right = 0, but that operand is of bf16, not f32
func.func @mm(%a: tensor<8x32xbf16>, %b: tensor<32x16xbf16>) -> (tensor<8x16xbf16>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 16 : i64, mc = 8 : i64, nc = 16 : i64, kc = 32 : i64, grain = 1 : i64, pack_left = 1 : i64, pack_right = 0 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<8x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x16xf32>) -> tensor<8x16xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<8x32xbf16>, tensor<32x16xbf16>) outs(%init : tensor<8x16xf32>) {
  ^bb0(%x: bf16, %y: bf16, %acc: f32):
    %xw = arith.extf %x : bf16 to f32
    %yw = arith.extf %y : bf16 to f32
    %p = arith.mulf %xw, %yw : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x16xf32>
  %empty2 = tensor.empty() : tensor<8x16xbf16>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%c : tensor<8x16xf32>) outs(%empty2 : tensor<8x16xbf16>) {
  ^bb0(%v: f32, %o: bf16):
    %t = arith.truncf %v : f32 to bf16
    linalg.yield %t : bf16
  } -> tensor<8x16xbf16>
  func.return %r : tensor<8x16xbf16>
}
