// RUN: fxlower-opt -p split-segments --split-input-file %s | filecheck %s

// Calls between two calls of the host become a segment; views are made again where they are used.
func.func @main(%x: tensor<4x8xf32>) -> tensor<8x4xf32> {
  %0 = fxt.call @exp_0(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = fxt.call @exp_0(%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = fxt.aten "aten.sort.default", 0 (%1) {strides = [[1 : i64, 4 : i64]]} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = fxt.permute %2, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %4 = fxt.reshape %3 : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %5 = fxt.call @exp_0(%4) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %6 = fxt.call @add_1(%5, %0) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %7 = fxt.permute %6, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  func.return %7 : tensor<8x4xf32>
}
func.func private @exp_0(tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops"}
func.func private @add_1(tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops"}

// CHECK-LABEL: func.func @main(%x: tensor<4x8xf32>) -> tensor<8x4xf32> {
// CHECK-NEXT:    %0, %1 = fxt.call @segment_0(%x) : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
// CHECK-NEXT:    %2 = fxt.aten "aten.sort.default", 0(%0) {strides = [[1 : i64, 4 : i64]]} : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %3 = fxt.call @segment_1(%2, %1) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %4 = fxt.permute %3, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %4 : tensor<8x4xf32>
// CHECK-LABEL: func.func private @segment_0(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
// CHECK-NEXT:    %0 = fxt.call @exp_0(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %1 = fxt.call @exp_0(%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %1, %0 : tensor<4x8xf32>, tensor<4x8xf32>
// CHECK-LABEL: func.func private @segment_1(%0: tensor<4x8xf32> {fxt.strides = [1 : i64, 4 : i64]}, %1: tensor<4x8xf32>) -> tensor<4x8xf32> {
// CHECK-NEXT:    %2 = fxt.permute %0, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    %3 = fxt.reshape %2 : (tensor<8x4xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %4 = fxt.call @exp_0(%3) : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %5 = fxt.call @add_1(%4, %1) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %5 : tensor<4x8xf32>
// CHECK-LABEL: func.func private @exp_0(tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops"}
// CHECK-LABEL: func.func private @add_1(tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops"}

// -----

// A segment takes the symbols that its types, strides and kernels name.
func.func @symbols(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %y: tensor<4xf32>, %s1: index {fxt.symbol = "s1"}, %s0: index {fxt.symbol = "s0"}) -> tensor<?x8xf32, ["s0", 8 : i64]> {
  %0 = fxt.call @exp_0(%x, %s0) : (tensor<?x8xf32, ["s0", 8 : i64]>, index) -> tensor<?x8xf32, ["s0", 8 : i64]>
  func.return %0 : tensor<?x8xf32, ["s0", 8 : i64]>
}
func.func private @exp_0(%0: tensor<?x8xf32, ["d0", 8 : i64]>, %d0: index {fxt.symbol = "d0"}) -> tensor<?x8xf32, ["d0", 8 : i64]> attributes {fxlower.kernel = "loops"} {
  func.return %0 : tensor<?x8xf32, ["d0", 8 : i64]>
}

// CHECK-LABEL: func.func @symbols(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %y: tensor<4xf32>, %s1: index {fxt.symbol = "s1"}, %s0: index {fxt.symbol = "s0"}) -> tensor<?x8xf32, ["s0", 8 : i64]> {
// CHECK-NEXT:    %0 = fxt.call @segment_0(%x, %s0) : (tensor<?x8xf32, ["s0", 8 : i64]>, index) -> tensor<?x8xf32, ["s0", 8 : i64]>
// CHECK-NEXT:    func.return %0 : tensor<?x8xf32, ["s0", 8 : i64]>
// CHECK-LABEL: func.func private @segment_0(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"}) -> tensor<?x8xf32, ["s0", 8 : i64]> {
// CHECK-NEXT:    %0 = fxt.call @exp_0(%x, %s0) : (tensor<?x8xf32, ["s0", 8 : i64]>, index) -> tensor<?x8xf32, ["s0", 8 : i64]>
// CHECK-NEXT:    func.return %0 : tensor<?x8xf32, ["s0", 8 : i64]>
// CHECK-LABEL: func.func private @exp_0(%0: tensor<?x8xf32, ["d0", 8 : i64]>, %d0: index {fxt.symbol = "d0"}) -> tensor<?x8xf32, ["d0", 8 : i64]> attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:    func.return %0 : tensor<?x8xf32, ["d0", 8 : i64]>

// -----

// Without kernels there is no segment.
func.func @views(%x: tensor<4x8xf32>) -> tensor<8x4xf32> {
  %0 = fxt.permute %x, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  func.return %0 : tensor<8x4xf32>
}

// CHECK-LABEL: func.func @views(%x: tensor<4x8xf32>) -> tensor<8x4xf32> {
// CHECK-NEXT:    %0 = fxt.permute %x, array<i64: 1, 0> : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK-NEXT:    func.return %0 : tensor<8x4xf32>

// -----

// Outside of its segment a result in place is the operand whose memory it took.
func.func @main(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.reshape %x : (tensor<4x8xf32>) -> tensor<32xf32>
  %1 = fxt.call @exp_0(%0) {inplace = array<i64: 0>} : (tensor<32xf32>) -> tensor<32xf32>
  %2 = fxt.call @neg_1(%1) : (tensor<32xf32>) -> tensor<32xf32>
  %3 = fxt.reshape %2 : (tensor<32xf32>) -> tensor<4x8xf32>
  %4 = fxt.aten "aten.sort.default", 0 (%3) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %5 = fxt.reshape %4 : (tensor<4x8xf32>) -> tensor<32xf32>
  %6 = fxt.call @add_2(%1, %5) : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  %7 = fxt.reshape %6 : (tensor<32xf32>) -> tensor<4x8xf32>
  %8 = fxt.reshape %1 : (tensor<32xf32>) -> tensor<4x8xf32>
  func.return %7, %8 : tensor<4x8xf32>, tensor<4x8xf32>
}
func.func private @exp_0(tensor<32xf32>) -> (tensor<32xf32> {fxt.inplace = 0 : i64}) attributes {fxlower.kernel = "loops"}
func.func private @neg_1(tensor<32xf32>) -> tensor<32xf32> attributes {fxlower.kernel = "loops"}
func.func private @add_2(tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32> attributes {fxlower.kernel = "loops"}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0 = fxt.call @segment_0(%x) : (tensor<4x8xf32>) -> tensor<32xf32>
// CHECK-NEXT:    %1 = fxt.reshape %0 : (tensor<32xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %2 = fxt.aten "aten.sort.default", 0(%1) : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %3 = fxt.call @segment_1(%x, %2) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<32xf32>
// CHECK-NEXT:    %4 = fxt.reshape %3 : (tensor<32xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %4, %x
// CHECK-LABEL: func.func private @segment_0(%x: tensor<4x8xf32> {fxt.written}) -> tensor<32xf32> {
// CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<4x8xf32>) -> tensor<32xf32>
// CHECK-NEXT:    %1 = fxt.call @exp_0(%0) {inplace = array<i64: 0>} : (tensor<32xf32>) -> tensor<32xf32>
// CHECK-NEXT:    %2 = fxt.call @neg_1(%1) : (tensor<32xf32>) -> tensor<32xf32>
// CHECK-NEXT:    func.return %2 : tensor<32xf32>
// CHECK-LABEL: func.func private @segment_1(%x: tensor<4x8xf32>, %0: tensor<4x8xf32>) -> tensor<32xf32> {
// CHECK-NEXT:    %1 = fxt.reshape %x : (tensor<4x8xf32>) -> tensor<32xf32>
// CHECK-NEXT:    %2 = fxt.reshape %0 : (tensor<4x8xf32>) -> tensor<32xf32>
// CHECK-NEXT:    %3 = fxt.call @add_2(%1, %2) : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>

// -----

// 32 MiB that the host could free end a segment: a saved tensor, or what an earlier segment made; an
// argument that somebody else holds does not.
// CHECK:       func.func @main(
// CHECK:         %[[#]] = fxt.call @segment_0(%x)
// CHECK-NEXT:    %[[#]] = fxt.call @segment_1(%y
// CHECK-NOT:     fxt.call @segment_2
// CHECK:       func.func private @segment_0
func.func @main(%x: tensor<8388608xf32> {fxt.dying}, %y: tensor<8388608xf32>) -> (tensor<8388608xf32>, tensor<8388608xf32>) {
  %0 = fxt.call @neg_1a2b3c4d(%x) : (tensor<8388608xf32>) -> tensor<8388608xf32>
  %1 = fxt.call @neg_1a2b3c4d(%y) : (tensor<8388608xf32>) -> tensor<8388608xf32>
  %2 = fxt.call @neg_1a2b3c4d(%1) : (tensor<8388608xf32>) -> tensor<8388608xf32>
  func.return %0, %2 : tensor<8388608xf32>, tensor<8388608xf32>
}
func.func private @neg_1a2b3c4d(%arg0: tensor<8388608xf32>) -> tensor<8388608xf32> {
  func.return %arg0 : tensor<8388608xf32>
}
