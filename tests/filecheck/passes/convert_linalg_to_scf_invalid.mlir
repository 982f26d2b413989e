// RUN: fxlower-opt -p convert-linalg-to-scf --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: @copy: needs a schedule for each of its 1 nests (choose-schedule attaches them), got None
func.func private @copy(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "loops"} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

// CHECK: @copy: width, unroll, grain and chunk must be positive
func.func private @copy(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 0 : i64, width = 4 : i64, unroll = 0 : i64, grain = 1 : i64, chunk = 4 : i64}]} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

// CHECK: convert-linalg-to-scf: the init of a reduction must be a linalg.fill with the neutral element, got tensor<f32>
func.func private @sum(%x: tensor<4xf32>, %init: tensor<f32>) -> tensor<f32> attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 0 : i64, width = 4 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 1 : i64}]} {
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} ins(%x : tensor<4xf32>) outs(%init : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  func.return %r : tensor<f32>
}

// -----

// CHECK: linalg.generic: maps must be projected permutations
func.func private @diagonal(%x: tensor<4x4xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 0 : i64, width = 4 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 4 : i64}]} {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0, d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4x4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// -----

// CHECK: tensor.insert_slice into tensor<4xf32>: the destination must be tensor.empty, linalg.fill, another tensor.insert_slice or the argument in whose memory the result is
func.func private @update(%x: tensor<4xf32>, %y: tensor<2xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "loops", fxlower.schedule = []} {
  %r = tensor.insert_slice %y into %x[0] [2] [1] : tensor<2xf32> into tensor<4xf32>
  func.return %r : tensor<4xf32>
}
