// RUN: fxlower-opt -p choose-schedule %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4", fxlower.tuned = {
  known = {mr = 4 : i64, nr = 16 : i64, mc = 16 : i64, nc = 32 : i64, kc = 32 : i64, grain = 3 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64},
  misfit = {mr = 4 : i64, nr = 16 : i64, mc = 18 : i64, nc = 32 : i64, kc = 32 : i64, grain = 3 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}}} {

// CHECK-LABEL: func.func private @known
// CHECK-SAME: fxlower.schedule = {mr = 4 : i64, nr = 16 : i64, mc = 16 : i64, nc = 32 : i64, kc = 32 : i64, grain = 3 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}
func.func private @known(%a: tensor<64x32xf32>, %b: tensor<32x96xf32>) -> (tensor<64x96xf32>) attributes {fxlower.kernel = "contraction"} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<64x96xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<64x96xf32>) -> tensor<64x96xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<64x32xf32>, tensor<32x96xf32>) outs(%init : tensor<64x96xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<64x96xf32>
  func.return %c : tensor<64x96xf32>
}

// Blocks of 18 rows are no tiles of 4: the model chooses.
// CHECK-LABEL: func.func private @misfit
// CHECK-NOT: mc = 18
// CHECK-SAME: fxlower.schedule = {mr =
func.func private @misfit(%a: tensor<64x32xf32>, %b: tensor<32x96xf32>) -> (tensor<64x96xf32>) attributes {fxlower.kernel = "contraction"} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<64x96xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<64x96xf32>) -> tensor<64x96xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<64x32xf32>, tensor<32x96xf32>) outs(%init : tensor<64x96xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<64x96xf32>
  func.return %c : tensor<64x96xf32>
}
}
