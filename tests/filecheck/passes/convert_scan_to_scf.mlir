// RUN: fxlower-opt -p convert-scan-to-scf %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func private @across_lanes(%a: memref<4x200xf32>, %out: memref<4x200xf32>) attributes {fxlower.kernel = "scan"} {
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c4 = arith.constant 4 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c4, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%strip: index):
// CHECK-NEXT:      %c64 = arith.constant 64 : index
// CHECK-NEXT:      %0 = arith.muli %strip, %c64 : index
// CHECK-NEXT:      %c200 = arith.constant 200 : index
// CHECK-NEXT:      %1 = arith.subi %c200, %0 : index
// CHECK-NEXT:      %2 = arith.minsi %c64, %1 : index
// CHECK-NEXT:      scf.for %j = %c0 to %2 step %c1 {
// CHECK-NEXT:        %3 = arith.addi %0, %j : index
// CHECK-NEXT:        %4 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:        %5 = scf.for %k = %c0 to %c4 step %c1 iter_args(%6 = %4) -> (f32) {
// CHECK-NEXT:          %7 = memref.load %a[%k, %3] : memref<4x200xf32>
// CHECK-NEXT:          %8 = arith.addf %6, %7 : f32
// CHECK-NEXT:          memref.store %8, %out[%k, %3] : memref<4x200xf32>
// CHECK-NEXT:          scf.yield %8 : f32
// CHECK-NEXT:        }
// CHECK-NEXT:      } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 128 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @across_lanes(%a: tensor<4x200xf32>) -> tensor<4x200xf32> attributes {fxlower.kernel = "scan"} {
  %r = fxt.cumsum %a, 0 : (tensor<4x200xf32>) -> tensor<4x200xf32>
  func.return %r : tensor<4x200xf32>
}

// CHECK-LABEL: func.func private @along_rows(%a: memref<i32>, %out: memref<i32>, %d0: index {fxt.symbol = "d0"}) attributes {fxlower.kernel = "scan"} {
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %a_1 = memref.reinterpret_cast %a to offset: [0], sizes: [%d0, 8], strides: [8, 1] : memref<i32> to memref<?x8xi32>
// CHECK-NEXT:    %out_1 = memref.reinterpret_cast %out to offset: [0], sizes: [%d0, 8], strides: [8, 1] : memref<i32> to memref<?x8xi32>
// CHECK-NEXT:    "scf.parallel"(%c0, %d0, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%strip: index):
// CHECK-NEXT:      %0 = arith.constant 1 : i32
// CHECK-NEXT:      %c8 = arith.constant 8 : index
// CHECK-NEXT:      %1 = scf.for %k = %c0 to %c8 step %c1 iter_args(%2 = %0) -> (i32) {
// CHECK-NEXT:        %3 = memref.load %a_1[%strip, %k] : memref<?x8xi32>
// CHECK-NEXT:        %4 = arith.muli %2, %3 : i32
// CHECK-NEXT:        memref.store %4, %out_1[%strip, %k] : memref<?x8xi32>
// CHECK-NEXT:        scf.yield %4 : i32
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 4096 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @along_rows(%a: tensor<?x8xi32, ["d0", 8]>, %d0: index {fxt.symbol = "d0"}) -> tensor<?x8xi32, ["d0", 8]> attributes {fxlower.kernel = "scan"} {
  %r = fxt.cumprod %a, 1 : (tensor<?x8xi32, ["d0", 8]>) -> tensor<?x8xi32, ["d0", 8]>
  func.return %r : tensor<?x8xi32, ["d0", 8]>
}

// CHECK-LABEL: func.func private @carried_in_f32(%a: memref<8xbf16>, %out: memref<8xbf16>) attributes {fxlower.kernel = "scan"} {
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%strip: index):
// CHECK-NEXT:      %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      %c8 = arith.constant 8 : index
// CHECK-NEXT:      %1 = scf.for %k = %c0 to %c8 step %c1 iter_args(%2 = %0) -> (f32) {
// CHECK-NEXT:        %3 = memref.load %a[%k] : memref<8xbf16>
// CHECK-NEXT:        %4 = arith.extf %3 : bf16 to f32
// CHECK-NEXT:        %5 = arith.addf %2, %4 : f32
// CHECK-NEXT:        %6 = arith.truncf %5 : f32 to bf16
// CHECK-NEXT:        memref.store %6, %out[%k] : memref<8xbf16>
// CHECK-NEXT:        scf.yield %5 : f32
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 4096 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @carried_in_f32(%a: tensor<8xbf16>) -> tensor<8xbf16> attributes {fxlower.kernel = "scan"} {
  %r = fxt.cumsum %a, 0 : (tensor<8xbf16>) -> tensor<8xbf16>
  func.return %r : tensor<8xbf16>
}

// CHECK-LABEL: func.func private @not_a_scan(%a: tensor<8xf32>) -> tensor<8xf32> attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:    %r = fxt.cumsum %a, 0 : (tensor<8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    func.return %r : tensor<8xf32>
// CHECK-NEXT:  }
func.func private @not_a_scan(%a: tensor<8xf32>) -> tensor<8xf32> attributes {fxlower.kernel = "loops"} {
  %r = fxt.cumsum %a, 0 : (tensor<8xf32>) -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

}
