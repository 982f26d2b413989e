// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// Composition of views, and views of generators.

// CHECK-LABEL: func.func @identities(
// CHECK-NEXT:    func.return %x, %x, %x, %x : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
func.func @identities(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %a = fxt.reshape %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = fxt.permute %x, array<i64: 0, 1> : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = fxt.broadcast %x, array<i64: 0, 1> : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %d = fxt.slice %x, [0 : i64, 0 : i64], array<i64: 1, 1> : (tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %a, %b, %c, %d : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @compositions(
// CHECK-NEXT:    %a = fxt.reshape %x : (tensor<2x3x4xf32>) -> tensor<24xf32>
// CHECK-NEXT:    %b = fxt.permute %x, array<i64: 2, 0, 1> : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT:    %c = fxt.slice %x, [1 : i64, 0 : i64, 2 : i64], array<i64: 1, 1, -2> : (tensor<2x3x4xf32>) -> tensor<1x3x2xf32>
// CHECK-NEXT:    %d = fxt.broadcast %x, array<i64: 1, 2, 3> : (tensor<2x3x4xf32>) -> tensor<5x2x3x4x6xf32>
// CHECK-NEXT:    func.return %a, %b, %c, %d : tensor<24xf32>, tensor<4x2x3xf32>, tensor<1x3x2xf32>, tensor<5x2x3x4x6xf32>
func.func @compositions(%x: tensor<2x3x4xf32>) -> (tensor<24xf32>, tensor<4x2x3xf32>, tensor<1x3x2xf32>, tensor<5x2x3x4x6xf32>) {
  %a0 = fxt.reshape %x : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %a = fxt.reshape %a0 : (tensor<6x4xf32>) -> tensor<24xf32>
  %b0 = fxt.permute %x, array<i64: 1, 2, 0> : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %b = fxt.permute %b0, array<i64: 1, 2, 0> : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  %c0 = fxt.slice %x, [1 : i64, 0 : i64, 3 : i64], array<i64: 1, 1, -1> : (tensor<2x3x4xf32>) -> tensor<1x3x4xf32>
  %c = fxt.slice %c0, [0 : i64, 0 : i64, 1 : i64], array<i64: 1, 1, 2> : (tensor<1x3x4xf32>) -> tensor<1x3x2xf32>
  %d0 = fxt.broadcast %x, array<i64: 0, 1, 2> : (tensor<2x3x4xf32>) -> tensor<2x3x4x6xf32>
  %d = fxt.broadcast %d0, array<i64: 1, 2, 3, 4> : (tensor<2x3x4x6xf32>) -> tensor<5x2x3x4x6xf32>
  func.return %a, %b, %c, %d : tensor<24xf32>, tensor<4x2x3xf32>, tensor<1x3x2xf32>, tensor<5x2x3x4x6xf32>
}

// CHECK-LABEL: func.func @permute_of_unit_axes(
// CHECK-NEXT:    %r = fxt.reshape %x : (tensor<1x3x4xf32>) -> tensor<3x1x4xf32>
// CHECK-NEXT:    func.return %r : tensor<3x1x4xf32>
func.func @permute_of_unit_axes(%x: tensor<1x3x4xf32>) -> tensor<3x1x4xf32> {
  %r = fxt.permute %x, array<i64: 1, 0, 2> : (tensor<1x3x4xf32>) -> tensor<3x1x4xf32>
  func.return %r : tensor<3x1x4xf32>
}

// CHECK-LABEL: func.func @views_of_broadcast(
// CHECK-NEXT:    %p = fxt.broadcast %x, array<i64: 0> : (tensor<3xf32>) -> tensor<3x5xf32>
// CHECK-NEXT:    %s = fxt.broadcast %x, array<i64: 1> : (tensor<3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT:    %q = fxt.broadcast %x, array<i64: 1> : (tensor<3xf32>) -> tensor<10x3xf32>
// CHECK-NEXT:    func.return %p, %s, %q : tensor<3x5xf32>, tensor<2x3xf32>, tensor<10x3xf32>
func.func @views_of_broadcast(%x: tensor<3xf32>) -> (tensor<3x5xf32>, tensor<2x3xf32>, tensor<10x3xf32>) {
  %b = fxt.broadcast %x, array<i64: 1> : (tensor<3xf32>) -> tensor<5x3xf32>
  %p = fxt.permute %b, array<i64: 1, 0> : (tensor<5x3xf32>) -> tensor<3x5xf32>
  %s = fxt.slice %b, [1 : i64, 0 : i64], array<i64: 2, 1> : (tensor<5x3xf32>) -> tensor<2x3xf32>
  %c = fxt.broadcast %x, array<i64: 2> : (tensor<3xf32>) -> tensor<2x5x3xf32>
  %q = fxt.reshape %c : (tensor<2x5x3xf32>) -> tensor<10x3xf32>
  func.return %p, %s, %q : tensor<3x5xf32>, tensor<2x3xf32>, tensor<10x3xf32>
}

// Repeated and stored elements in one axis.

// CHECK-LABEL: func.func @keep_reshape_of_broadcast(
// CHECK-NEXT:    %b = fxt.broadcast %x, array<i64: 1> : (tensor<3xf32>) -> tensor<5x3xf32>
// CHECK-NEXT:    %r = fxt.reshape %b : (tensor<5x3xf32>) -> tensor<15xf32>
// CHECK-NEXT:    func.return %r : tensor<15xf32>
func.func @keep_reshape_of_broadcast(%x: tensor<3xf32>) -> tensor<15xf32> {
  %b = fxt.broadcast %x, array<i64: 1> : (tensor<3xf32>) -> tensor<5x3xf32>
  %r = fxt.reshape %b : (tensor<5x3xf32>) -> tensor<15xf32>
  func.return %r : tensor<15xf32>
}

// CHECK-LABEL: func.func @broadcast_to_ones(
// CHECK-NEXT:    %r = fxt.reshape %x : (tensor<3xf32>) -> tensor<1x3x1xf32>
// CHECK-NEXT:    func.return %r : tensor<1x3x1xf32>
func.func @broadcast_to_ones(%x: tensor<3xf32>) -> tensor<1x3x1xf32> {
  %r = fxt.broadcast %x, array<i64: 1> : (tensor<3xf32>) -> tensor<1x3x1xf32>
  func.return %r : tensor<1x3x1xf32>
}

// Reshapes come before permutes where no axis is merged across.

// CHECK-LABEL: func.func @reshape_of_permute(
// CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<1x8x4x6xf32>) -> tensor<2x4x4x6xf32>
// CHECK-NEXT:    %r = fxt.permute %0, array<i64: 2, 0, 1, 3> : (tensor<2x4x4x6xf32>) -> tensor<4x2x4x6xf32>
// CHECK-NEXT:    func.return %r : tensor<4x2x4x6xf32>
func.func @reshape_of_permute(%x: tensor<1x8x4x6xf32>) -> tensor<4x2x4x6xf32> {
  %p = fxt.permute %x, array<i64: 0, 2, 1, 3> : (tensor<1x8x4x6xf32>) -> tensor<1x4x8x6xf32>
  %r = fxt.reshape %p : (tensor<1x4x8x6xf32>) -> tensor<4x2x4x6xf32>
  func.return %r : tensor<4x2x4x6xf32>
}

// CHECK-LABEL: func.func @keep_reshape_that_merges_permuted(
// CHECK-NEXT:    %p = fxt.permute %x, array<i64: 1, 0> : (tensor<8x4xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %r = fxt.reshape %p : (tensor<4x8xf32>) -> tensor<32xf32>
// CHECK-NEXT:    func.return %r : tensor<32xf32>
func.func @keep_reshape_that_merges_permuted(%x: tensor<8x4xf32>) -> tensor<32xf32> {
  %p = fxt.permute %x, array<i64: 1, 0> : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %r = fxt.reshape %p : (tensor<4x8xf32>) -> tensor<32xf32>
  func.return %r : tensor<32xf32>
}

// CHECK-LABEL: func.func @permute_of_slice(
// CHECK-NEXT:    %0 = fxt.permute %x, array<i64: 1, 0> : (tensor<8x4xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %r = fxt.slice %0, [0 : i64, 5 : i64], array<i64: 2, 1> : (tensor<4x8xf32>) -> tensor<2x3xf32>
// CHECK-NEXT:    func.return %r : tensor<2x3xf32>
func.func @permute_of_slice(%x: tensor<8x4xf32>) -> tensor<2x3xf32> {
  %s = fxt.slice %x, [5 : i64, 0 : i64], array<i64: 1, 2> : (tensor<8x4xf32>) -> tensor<3x2xf32>
  %r = fxt.permute %s, array<i64: 1, 0> : (tensor<3x2xf32>) -> tensor<2x3xf32>
  func.return %r : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @counters(
// CHECK-NEXT:    %a = fxt.iota 1 : tensor<3x4xi64>
// CHECK-NEXT:    %b = fxt.iota 0 : tensor<4x1x3xi64>
// CHECK-NEXT:    %0 = fxt.iota 0 : tensor<2x3xi64>
// CHECK-NEXT:    %1 = fxt.full 2 : i64 : tensor<2x3xi64>
// CHECK-NEXT:    %2 = fxt.mul %0, %1 : tensor<2x3xi64>
// CHECK-NEXT:    %3 = fxt.full 1 : i64 : tensor<2x3xi64>
// CHECK-NEXT:    %c = fxt.add %2, %3 : tensor<2x3xi64>
// CHECK-NEXT:    %d = fxt.iota 1 : tensor<5x4x3xi64>
// CHECK-NEXT:    func.return %a, %b, %c, %d : tensor<3x4xi64>, tensor<4x1x3xi64>, tensor<2x3xi64>, tensor<5x4x3xi64>
func.func @counters() -> (tensor<3x4xi64>, tensor<4x1x3xi64>, tensor<2x3xi64>, tensor<5x4x3xi64>) {
  %i = fxt.iota 0 : tensor<4x3xi64>
  %a = fxt.permute %i, array<i64: 1, 0> : (tensor<4x3xi64>) -> tensor<3x4xi64>
  %b = fxt.reshape %i : (tensor<4x3xi64>) -> tensor<4x1x3xi64>
  %c = fxt.slice %i, [1 : i64, 0 : i64], array<i64: 2, 1> : (tensor<4x3xi64>) -> tensor<2x3xi64>
  %d = fxt.broadcast %i, array<i64: 1, 2> : (tensor<4x3xi64>) -> tensor<5x4x3xi64>
  func.return %a, %b, %c, %d : tensor<3x4xi64>, tensor<4x1x3xi64>, tensor<2x3xi64>, tensor<5x4x3xi64>
}

// CHECK-LABEL: func.func @keep_reshape_of_counter(
// CHECK-NEXT:    %i = fxt.iota 0 : tensor<4x3xi64>
// CHECK-NEXT:    %r = fxt.reshape %i : (tensor<4x3xi64>) -> tensor<12xi64>
// CHECK-NEXT:    func.return %r : tensor<12xi64>
func.func @keep_reshape_of_counter() -> tensor<12xi64> {
  %i = fxt.iota 0 : tensor<4x3xi64>
  %r = fxt.reshape %i : (tensor<4x3xi64>) -> tensor<12xi64>
  func.return %r : tensor<12xi64>
}

// Sizes are equal where their text is.

// CHECK-LABEL: func.func @symbolic(
// CHECK-NEXT:    %c = fxt.permute %x, array<i64: 1, 0> : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<8x?xf32, [8 : i64, "s0"]>
// CHECK-NEXT:    func.return %x, %c : tensor<?x8xf32, ["s0", 8 : i64]>, tensor<8x?xf32, [8 : i64, "s0"]>
func.func @symbolic(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"}) -> (tensor<?x8xf32, ["s0", 8 : i64]>, tensor<8x?xf32, [8 : i64, "s0"]>) {
  %a = fxt.reshape %x : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<?xf32, ["8*s0"]>
  %b = fxt.reshape %a : (tensor<?xf32, ["8*s0"]>) -> tensor<?x8xf32, ["s0", 8 : i64]>
  %c = fxt.permute %x, array<i64: 1, 0> : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<8x?xf32, [8 : i64, "s0"]>
  func.return %b, %c : tensor<?x8xf32, ["s0", 8 : i64]>, tensor<8x?xf32, [8 : i64, "s0"]>
}
