// RUN: fxlower-opt -p split-segments --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: split-segments: @main must hold calls, views and fxt.aten only, got 'fxt.exp'; run form-kernels first
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = fxt.exp %x : tensor<8xf32>
  func.return %0 : tensor<8xf32>
}
