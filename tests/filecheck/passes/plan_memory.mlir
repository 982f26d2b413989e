// RUN: fxlower-opt -p choose-schedule,convert-linalg-to-scf,plan-memory --split-input-file %s | filecheck %s

// A value that is returned lives in the caller's memory, a temporary in the arena, and an argument
// where it is.
func.func private @exp_1(%a: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x8xf32>) outs(%init : tensor<4x8xf32>) {
  ^bb0(%x: f32, %y: f32):
    %e = math.exp %x : f32
    linalg.yield %e : f32
  } -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
func.func private @segment_0(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = fxt.call @exp_1(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = fxt.call @exp_1(%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %1 : tensor<4x8xf32>
}
// CHECK-LABEL: func.func private @segment_0
// CHECK-SAME:    (%x: memref<?xi8>, %out: memref<?xi8>, %arena: memref<?xi8>, %trap: memref<1xi64> {fxt.trap})
// CHECK-SAME:    attributes {fxlower.arena = [128 : i64]}
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %0 = memref.view %x[%c0][] : memref<?xi8> to memref<4x8xf32>
// CHECK-NEXT:    %1 = memref.view %arena[%c0][] : memref<?xi8> to memref<4x8xf32>
// CHECK-NEXT:    func.call @exp_1(%0, %1) : (memref<4x8xf32>, memref<4x8xf32>) -> ()
// CHECK-NEXT:    %2 = memref.view %out[%c0][] : memref<?xi8> to memref<4x8xf32>
// CHECK-NEXT:    func.call @exp_1(%1, %2) : (memref<4x8xf32>, memref<4x8xf32>) -> ()
// CHECK-NEXT:    func.return

// -----

// Views are offsets and strides; the trap is passed to kernels that take it.
func.func private @take_1(%a: tensor<8x2xi64> {fxt.strides = [1, 8]}) -> tensor<8x2xi64> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<8x2xi64>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<8x2xi64>) outs(%init : tensor<8x2xi64>) {
  ^bb0(%x: i64, %y: i64):
    %e = fxt.normalize_index 4, %x : i64
    linalg.yield %e : i64
  } -> tensor<8x2xi64>
  func.return %0 : tensor<8x2xi64>
}
func.func private @segment_1(%x: tensor<4x8xi64>) -> tensor<8x2xi64> {
  %0 = fxt.slice %x, [2, 0], array<i64: 1, 1> : (tensor<4x8xi64>) -> tensor<2x8xi64>
  %1 = fxt.permute %0, array<i64: 1, 0> : (tensor<2x8xi64>) -> tensor<8x2xi64>
  %2 = fxt.call @take_1(%1) : (tensor<8x2xi64>) -> tensor<8x2xi64>
  func.return %2 : tensor<8x2xi64>
}
// CHECK-LABEL: func.func private @segment_1
// CHECK-NEXT:    %c128 = arith.constant 128 : index
// CHECK-NEXT:    %0 = memref.view %x[%c128][] : memref<?xi8> to memref<i64>
// CHECK-NEXT:    %1 = memref.reinterpret_cast %0 to offset: [0], sizes: [8, 2], strides: [1, 8] : memref<i64> to memref<8x2xi64, strided<[1, 8]>>
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %2 = memref.view %out[%c0][] : memref<?xi8> to memref<8x2xi64>
// CHECK-NEXT:    func.call @take_1(%1, %2, %trap)

// -----

// Symbolic sizes: pointers without a shape, and an arena whose size is an expression.
func.func private @exp_2(%a: tensor<?xf32, ["d0"]>, %d0: index {fxt.symbol = "d0"}) -> tensor<?xf32, ["d0"]> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty(%d0) : tensor<?xf32, ["d0"]>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a : tensor<?xf32, ["d0"]>) outs(%init : tensor<?xf32, ["d0"]>) {
  ^bb0(%x: f32, %y: f32):
    %e = math.exp %x : f32
    linalg.yield %e : f32
  } -> tensor<?xf32, ["d0"]>
  func.return %0 : tensor<?xf32, ["d0"]>
}
func.func private @segment_2(%x: tensor<?xf32, ["s0"]>, %s: index {fxt.symbol = "s0"}) -> tensor<?xf32, ["s0"]> {
  %0 = fxt.call @exp_2(%x, %s) : (tensor<?xf32, ["s0"]>, index) -> tensor<?xf32, ["s0"]>
  %1 = fxt.call @exp_2(%0, %s) : (tensor<?xf32, ["s0"]>, index) -> tensor<?xf32, ["s0"]>
  func.return %1 : tensor<?xf32, ["s0"]>
}
// CHECK-LABEL: func.func private @segment_2
// CHECK-SAME:    fxlower.arena = ["64*((4*s0 + 63)//64)"]
// CHECK:         func.call @exp_2(%0, %1, %s) : (memref<f32>, memref<f32>, index) -> ()

// -----

// Kernels and @main are left alone.
// CHECK-LABEL: func.func @main(%x: tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}

// -----

// A result in place is where its operand is, and a kernel behind one that may trap is called only if
// that has not.
func.func private @take_2(memref<4xi64>, memref<4xi64>, memref<1xi64>)
func.func private @double_2(memref<4xf32>)
func.func private @sum_2(memref<4xf32>, memref<f32>)
func.func private @segment_3(%x: tensor<4xf32> {fxt.written}, %i: tensor<4xi64>) -> (tensor<4xi64>, tensor<f32>) {
  %0 = fxt.call @take_2(%i) : (tensor<4xi64>) -> tensor<4xi64>
  %1 = fxt.call @double_2(%x) {inplace = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = fxt.call @sum_2(%1) : (tensor<4xf32>) -> tensor<f32>
  func.return %0, %2 : tensor<4xi64>, tensor<f32>
}
// CHECK-LABEL: func.func private @segment_3
// CHECK-SAME:    (%x: memref<?xi8> {fxt.written}, %i: memref<?xi8>, %out: memref<?xi8>, %out_1: memref<?xi8>, %arena: memref<?xi8>, %trap: memref<1xi64> {fxt.trap})
// CHECK:         func.call @take_2
// CHECK-NEXT:    %2 = memref.view %x[%c0][] : memref<?xi8> to memref<4xf32>
// CHECK-NEXT:    %3 = memref.load %trap[%c0] : memref<1xi64>
// CHECK-NEXT:    %4 = arith.constant 0 : i64
// CHECK-NEXT:    %5 = arith.cmpi eq, %3, %4 : i64
// CHECK-NEXT:    scf.if %5 {
// CHECK-NEXT:      func.call @double_2(%2) : (memref<4xf32>) -> ()
// CHECK-NEXT:    }
// CHECK-NEXT:    %6 = memref.view %out_1[%c0][] : memref<?xi8> to memref<f32>
// CHECK-NEXT:    func.call @sum_2(%2, %6)
