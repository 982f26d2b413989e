// RUN: fxlower-opt -p convert-scan-to-scf --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: convert-scan-to-scf: kernel 'two' must hold one scan of an argument, got ['fxt.cumsum', 'fxt.cumsum', 'func.return']
func.func @two(%a: tensor<8xf32>) -> tensor<8xf32> attributes {fxlower.kernel = "scan"} {
  %r = fxt.cumsum %a, 0 : (tensor<8xf32>) -> tensor<8xf32>
  %q = fxt.cumsum %r, 0 : (tensor<8xf32>) -> tensor<8xf32>
  func.return %q : tensor<8xf32>
}
