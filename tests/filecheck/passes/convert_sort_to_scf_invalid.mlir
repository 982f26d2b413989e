// RUN: fxlower-opt -p convert-sort-to-scf --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: convert-sort-to-scf: kernel 'two' must hold one fxt.argsort of an argument, got ['fxt.argsort', 'fxt.argsort', 'func.return']
func.func @two(%a: tensor<8xf32>) -> tensor<8xi64> attributes {fxlower.kernel = "sort"} {
  %r = fxt.argsort "ascending", %a, 0 : (tensor<8xf32>) -> tensor<8xi64>
  %q = fxt.argsort "ascending", %r, 0 : (tensor<8xi64>) -> tensor<8xi64>
  func.return %q : tensor<8xi64>
}

// -----

// CHECK: convert-sort-to-scf: kernel 'long' sorts rows of 1000, which needs scratch memory: a `tensor.empty` that is an operand of fxt.argsort and the second result
func.func @long(%a: tensor<1000xf32>) -> tensor<1000xi64> attributes {fxlower.kernel = "sort"} {
  %r = fxt.argsort "ascending", %a, 0 : (tensor<1000xf32>) -> tensor<1000xi64>
  func.return %r : tensor<1000xi64>
}
