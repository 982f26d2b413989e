// RUN: fxlower-opt -p convert-scatter-to-scf --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: convert-scatter-to-scf: kernel 'none' must hold one fxt.scatter, got ['func.return']
func.func @none(%a: tensor<8xf32>) -> tensor<8xf32> attributes {fxlower.kernel = "scatter"} {
  func.return %a : tensor<8xf32>
}

// -----

// CHECK: convert-scatter-to-scf: kernel 'of_exp' may hold arguments, fxt.full and fxt.iota beside its fxt.scatter, got 'fxt.exp'
func.func @of_exp(%a: tensor<8xf32>, %u: tensor<2xf32>, %i: tensor<2xi64>) -> tensor<8xf32> attributes {fxlower.kernel = "scatter"} {
  %d = fxt.exp %a : tensor<8xf32>
  %r = fxt.scatter "add", %d, %u, array<i64: 0>[%i] : (tensor<8xf32>, tensor<2xf32>, tensor<2xi64>) -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}
