// RUN: fxlower-opt -p plan-memory --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: plan-memory: kernel @exp_1 must be declared with memrefs before its callers are lowered
func.func private @exp_1(tensor<4xf32>) -> tensor<4xf32>
func.func private @segment_0(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fxt.call @exp_1(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}

// -----

// CHECK: plan-memory: fxt.reshape of strides [1, 2] is no view; form-kernels copies such values first
func.func private @copy(tensor<8xf32>) -> tensor<8xf32>
func.func private @segment_0(%x: tensor<2x4xf32> {fxt.strides = [1, 2]}) -> tensor<8xf32> {
  %p = fxt.permute %x, array<i64: 1, 0> : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %q = fxt.permute %p, array<i64: 1, 0> : (tensor<4x2xf32>) -> tensor<2x4xf32>
  %r = fxt.reshape %q : (tensor<2x4xf32>) -> tensor<8xf32>
  %0 = fxt.call @copy(%r) : (tensor<8xf32>) -> tensor<8xf32>
  func.return %0 : tensor<8xf32>
}

// -----

// CHECK: plan-memory: expected calls and views in @segment_0, got 'fxt.exp'
func.func private @segment_0(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fxt.exp %x : tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
