// RUN: fxlower-opt %s | filecheck %s
// RUN: fxlower-opt --print-op-generic %s | fxlower-opt | filecheck %s

// A kernel has names of its own for symbols; a segment may be in memory already.
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0 = fxt.call @exp_1(%x, %s) : (tensor<?x8xf32, ["s0", 8 : i64]>, index) -> tensor<?x8xf32, ["s0", 8 : i64]>
// CHECK-NEXT:    %1 = fxt.call @segment_0(%0) {strides = {{\[}}[1 : i64, "s0"]]} : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<?x8xf32, ["s0", 8 : i64]>
func.func @main(%x: tensor<?x8xf32, ["s0", 8]>, %s: index {fxt.symbol = "s0"}) {
  %0 = fxt.call @exp_1(%x, %s) : (tensor<?x8xf32, ["s0", 8]>, index) -> tensor<?x8xf32, ["s0", 8]>
  %1 = fxt.call @segment_0(%0) {strides = [[1, "s0"]]} : (tensor<?x8xf32, ["s0", 8]>) -> tensor<?x8xf32, ["s0", 8]>
  func.return
}
func.func private @exp_1(%x: tensor<?x8xf32, ["d0", 8]>, %d: index {fxt.symbol = "d0"}) -> tensor<?x8xf32, ["d0", 8]> {
  func.return %x : tensor<?x8xf32, ["d0", 8]>
}
func.func private @segment_0(memref<?xi8>, memref<?xi8>)

// A kernel writes its second result to the memory of its argument.
// CHECK-LABEL: func.func @in_place
// CHECK-NEXT:    %0, %1 = fxt.call @add_1(%x) {inplace = array<i64: -1, 0>} : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
func.func @in_place(%x: tensor<4xf32>) {
  %0, %1 = fxt.call @add_1(%x) {inplace = array<i64: -1, 0>} : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  func.return
}
func.func private @add_1(tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32> {fxt.inplace = 0 : i64})
