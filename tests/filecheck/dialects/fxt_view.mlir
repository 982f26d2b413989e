// RUN: fxlower-opt %s | filecheck %s
// RUN: fxlower-opt --print-op-generic %s | fxlower-opt | filecheck %s

// CHECK-LABEL: func.func @views
// CHECK-NEXT:    %reshaped = fxt.reshape %a : (tensor<4x8xf32>) -> tensor<2x16xf32>
// CHECK-NEXT:    %scalar = fxt.reshape %one : (tensor<1x1xf32>) -> tensor<f32>
// CHECK-NEXT:    %transposed = fxt.permute %a, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %repeated = fxt.broadcast %a, array<i64: 1, 2> : (tensor<4x8xf32>) -> tensor<3x4x8xf32>
// CHECK-NEXT:    %part = fxt.slice %a, [0 : i64, 1 : i64], array<i64: 1, 2> : (tensor<4x8xf32>) -> tensor<4x3xf32>
// CHECK-NEXT:    %reversed = fxt.slice %a, [3 : i64, 0 : i64], array<i64: -1, 1> : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %windows = fxt.as_strided %a, 2 : i64, [3 : i64, 1 : i64] : (tensor<4x8xf32>) -> tensor<2x3xf32>
func.func @views(%a: tensor<4x8xf32>, %one: tensor<1x1xf32>) {
  %reshaped = fxt.reshape %a : (tensor<4x8xf32>) -> tensor<2x16xf32>
  %scalar = fxt.reshape %one : (tensor<1x1xf32>) -> tensor<f32>
  %transposed = fxt.permute %a, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %repeated = fxt.broadcast %a, array<i64: 1, 2> : (tensor<4x8xf32>) -> tensor<3x4x8xf32>
  %part = fxt.slice %a, [0 : i64, 1 : i64], array<i64: 1, 2> : (tensor<4x8xf32>) -> tensor<4x3xf32>
  %reversed = fxt.slice %a, [3 : i64, 0 : i64], array<i64: -1, 1> : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %windows = fxt.as_strided %a, 2 : i64, [3 : i64, 1 : i64] : (tensor<4x8xf32>) -> tensor<2x3xf32>
  func.return
}

// CHECK-LABEL: func.func @symbolic
// CHECK-NEXT:    %flat = fxt.reshape %a : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<?xf32, ["s0*8"]>
// CHECK-NEXT:    %repeated = fxt.broadcast %a, array<i64: 1, 2> : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<?x?x8xf32, ["s1", "s0", 8 : i64]>
// CHECK-NEXT:    %last = fxt.slice %a, ["s0 - 1", 0 : i64], array<i64: 1, 1> : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<1x8xf32>
func.func @symbolic(%a: tensor<?x8xf32, ["s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"}) {
  %flat = fxt.reshape %a : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<?xf32, ["s0*8"]>
  %repeated = fxt.broadcast %a, array<i64: 1, 2> : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<?x?x8xf32, ["s1", "s0", 8 : i64]>
  %last = fxt.slice %a, ["s0 - 1", 0 : i64], array<i64: 1, 1> : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<1x8xf32>
  func.return
}
