// RUN: fxlower-opt -p form-kernels,hoist-constants --verify-each --split-input-file %s | filecheck %s

// The cast of a weight is the host's; what reads the input is not.
func.func @main(%x: tensor<100x70xbf16>, %w: tensor<90x70xf32> {fxt.constant}) -> tensor<100x90xbf16> {
  %c = fxt.cast %w : (tensor<90x70xf32>) -> tensor<90x70xbf16>
  %t = fxt.permute %c, array<i64: 1, 0> : (tensor<90x70xbf16>) -> tensor<70x90xbf16>
  %0 = fxt.matmul %x, %t : (tensor<100x70xbf16>, tensor<70x90xbf16>) -> tensor<100x90xbf16>
  func.return %0 : tensor<100x90xbf16>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %{{.*}} = fxt.call @cast_{{[0-9a-f]+}}(%w) {fxt.constant}
// CHECK-NEXT:    %{{.*}} = fxt.call @matmul_cast_{{[0-9a-f]+}}(%x, %{{.*}}) : (

// -----

// What the caller gets must be new; so must what an operator in eager mode sees.
func.func @main(%w: tensor<90x70xf32> {fxt.constant}, %v: tensor<90x70xf32> {fxt.constant}) -> (tensor<90x70xf32>, tensor<90x70xf32>) {
  %0 = fxt.exp %w : tensor<90x70xf32>
  %1 = fxt.tanh %v : tensor<90x70xf32>
  %2 = fxt.aten "aten.sort.default", 0 (%1) {strides = [[70 : i64, 1 : i64]]} : (tensor<90x70xf32>) -> tensor<90x70xf32>
  func.return %0, %2 : tensor<90x70xf32>, tensor<90x70xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NOT:     fxt.constant} :
// CHECK:         func.return

// -----

// What is larger than the weights it comes from is not kept.
func.func @main(%x: tensor<4096xf32>, %w: tensor<64x1xf32> {fxt.constant}, %v: tensor<1x4096xf32> {fxt.constant}) -> tensor<64xf32> {
  %a = fxt.reshape %w : (tensor<64x1xf32>) -> tensor<64xf32>
  %b = fxt.broadcast %a, array<i64: 0> : (tensor<64xf32>) -> tensor<64x4096xf32>
  %c = fxt.exp %b : tensor<64x4096xf32>
  %d = fxt.reshape %c : (tensor<64x4096xf32>) -> tensor<262144xf32>
  %e = fxt.reshape %d : (tensor<262144xf32>) -> tensor<4096x64xf32>
  %f = fxt.sum %e, array<i64: 0> : (tensor<4096x64xf32>) -> tensor<64xf32>
  func.return %f : tensor<64xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NOT:     {fxt.constant} :
// CHECK:         func.return
