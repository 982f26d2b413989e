// RUN: fxlower-opt -p convert-scan-to-scf %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func private @across_lanes(%a: memref<4x200xf32>, %out: memref<4x200xf32>) attributes {fxlower.kernel = "scan"} {
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c2 = arith.constant 2 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c2, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%strip: index):
// CHECK-NEXT:      %c128 = arith.constant 128 : index
// CHECK-NEXT:      %0 = arith.muli %strip, %c128 : index
// CHECK-NEXT:      %c200 = arith.constant 200 : index
// CHECK-NEXT:      %1 = arith.subi %c200, %0 : index
// CHECK-NEXT:      %2 = arith.minsi %c128, %1 : index
// CHECK-NEXT:      %running = memref.alloca() {alignment = 64 : i64} : memref<128xf64>
// CHECK-NEXT:      %3 = arith.constant 0.000000e+00 : f64
// CHECK-NEXT:      scf.for %j = %c0 to %2 step %c1 {
// CHECK-NEXT:        memref.store %3, %running[%j] : memref<128xf64>
// CHECK-NEXT:      } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      %c4 = arith.constant 4 : index
// CHECK-NEXT:      scf.for %block = %c0 to %c4 step %c4 {
// CHECK-NEXT:        %4 = arith.addi %block, %c4 : index
// CHECK-NEXT:        %5 = arith.minsi %4, %c4 : index
// CHECK-NEXT:        scf.for %j_1 = %c0 to %2 step %c1 {
// CHECK-NEXT:          %6 = arith.addi %0, %j_1 : index
// CHECK-NEXT:          %7 = memref.load %running[%j_1] : memref<128xf64>
// CHECK-NEXT:          %8 = scf.for %k = %block to %5 step %c1 iter_args(%9 = %7) -> (f64) {
// CHECK-NEXT:            %10 = memref.load %a[%k, %6] : memref<4x200xf32>
// CHECK-NEXT:            %11 = arith.extf %10 : f32 to f64
// CHECK-NEXT:            %12 = arith.addf %9, %11 : f64
// CHECK-NEXT:            %13 = arith.truncf %12 : f64 to f32
// CHECK-NEXT:            memref.store %13, %out[%k, %6] : memref<4x200xf32>
// CHECK-NEXT:            scf.yield %12 : f64
// CHECK-NEXT:          }
// CHECK-NEXT:          memref.store %8, %running[%j_1] : memref<128xf64>
// CHECK-NEXT:        } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 64 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @across_lanes(%a: tensor<4x200xf32>) -> tensor<4x200xf32> attributes {fxlower.kernel = "scan"} {
  %r = fxt.cumsum %a, 0 : (tensor<4x200xf32>) -> tensor<4x200xf32>
  func.return %r : tensor<4x200xf32>
}

// CHECK-LABEL: func.func private @along_rows(%a: memref<i32>, %out: memref<i32>, %d0: index {fxt.symbol = "d0"}) attributes {fxlower.kernel = "scan"} {
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %out_1 = memref.reinterpret_cast %out to offset: [0], sizes: [%d0, 8], strides: [8, 1] : memref<i32> to memref<?x8xi32>
// CHECK-NEXT:    %a_1 = memref.reinterpret_cast %a to offset: [0], sizes: [%d0, 8], strides: [8, 1] : memref<i32> to memref<?x8xi32>
// CHECK-NEXT:    "scf.parallel"(%c0, %d0, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%row: index):
// CHECK-NEXT:      %0 = arith.constant 1 : i32
// CHECK-NEXT:      %c8 = arith.constant 8 : index
// CHECK-NEXT:      %1 = scf.for %k = %c0 to %c8 step %c1 iter_args(%2 = %0) -> (i32) {
// CHECK-NEXT:        %3 = memref.load %a_1[%row, %k] : memref<?x8xi32>
// CHECK-NEXT:        %4 = arith.muli %2, %3 : i32
// CHECK-NEXT:        memref.store %4, %out_1[%row, %k] : memref<?x8xi32>
// CHECK-NEXT:        scf.yield %4 : i32
// CHECK-NEXT:      } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
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
// CHECK-NEXT:    ^bb0(%row: index):
// CHECK-NEXT:      %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      %c8 = arith.constant 8 : index
// CHECK-NEXT:      %1 = scf.for %k = %c0 to %c8 step %c1 iter_args(%2 = %0) -> (f32) {
// CHECK-NEXT:        %3 = memref.load %a[%k] : memref<8xbf16>
// CHECK-NEXT:        %4 = arith.extf %3 : bf16 to f32
// CHECK-NEXT:        %5 = arith.addf %2, %4 : f32
// CHECK-NEXT:        %6 = arith.truncf %5 : f32 to bf16
// CHECK-NEXT:        memref.store %6, %out[%k] : memref<8xbf16>
// CHECK-NEXT:        scf.yield %5 : f32
// CHECK-NEXT:      } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 4096 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @carried_in_f32(%a: tensor<8xbf16>) -> tensor<8xbf16> attributes {fxlower.kernel = "scan"} {
  %r = fxt.cumsum %a, 0 : (tensor<8xbf16>) -> tensor<8xbf16>
  func.return %r : tensor<8xbf16>
}

// A few long rows, in parts: their sums, those of the parts before each, the scans.
// CHECK-LABEL: func.func private @long_row(%a: memref<100000xi64>, %out: memref<100000xi64>) attributes {fxlower.kernel = "scan"} {
// CHECK-NEXT:    %sums = memref.alloca() {alignment = 64 : i64} : memref<64xi64>
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c64 = arith.constant 64 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c64, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%part: index):
// CHECK-NEXT:      %c1563 = arith.constant 1563 : index
// CHECK-NEXT:      %0 = arith.muli %part, %c1563 : index
// CHECK-NEXT:      %c100000 = arith.constant 100000 : index
// CHECK-NEXT:      %1 = arith.minsi %0, %c100000 : index
// CHECK-NEXT:      %2 = arith.addi %1, %c1563 : index
// CHECK-NEXT:      %3 = arith.minsi %2, %c100000 : index
// CHECK-NEXT:      %4 = arith.constant 0 : i64
// CHECK-NEXT:      %5 = scf.for %k = %1 to %3 step %c1 iter_args(%6 = %4) -> (i64) {
// CHECK-NEXT:        %7 = memref.load %a[%k] : memref<100000xi64>
// CHECK-NEXT:        %8 = arith.addi %6, %7 : i64
// CHECK-NEXT:        scf.yield %8 : i64
// CHECK-NEXT:      } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      memref.store %5, %sums[%part] : memref<64xi64>
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 20 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    scf.for %row = %c0 to %c1 step %c1 {
// CHECK-NEXT:      %9 = arith.constant 0 : i64
// CHECK-NEXT:      %10 = scf.for %part_1 = %c0 to %c64 step %c1 iter_args(%11 = %9) -> (i64) {
// CHECK-NEXT:        %12 = arith.muli %row, %c64 : index
// CHECK-NEXT:        %13 = arith.addi %12, %part_1 : index
// CHECK-NEXT:        %14 = memref.load %sums[%13] : memref<64xi64>
// CHECK-NEXT:        memref.store %11, %sums[%13] : memref<64xi64>
// CHECK-NEXT:        %15 = arith.addi %11, %14 : i64
// CHECK-NEXT:        scf.yield %15 : i64
// CHECK-NEXT:      }
// CHECK-NEXT:    }
// CHECK-NEXT:    "scf.parallel"(%c0, %c64, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%part_2: index):
// CHECK-NEXT:      %16 = memref.load %sums[%part_2] : memref<64xi64>
// CHECK-NEXT:      %c1563_1 = arith.constant 1563 : index
// CHECK-NEXT:      %17 = arith.muli %part_2, %c1563_1 : index
// CHECK-NEXT:      %c100000_1 = arith.constant 100000 : index
// CHECK-NEXT:      %18 = arith.minsi %17, %c100000_1 : index
// CHECK-NEXT:      %19 = arith.addi %18, %c1563_1 : index
// CHECK-NEXT:      %20 = arith.minsi %19, %c100000_1 : index
// CHECK-NEXT:      %21 = scf.for %k_1 = %18 to %20 step %c1 iter_args(%22 = %16) -> (i64) {
// CHECK-NEXT:        %23 = memref.load %a[%k_1] : memref<100000xi64>
// CHECK-NEXT:        %24 = arith.addi %22, %23 : i64
// CHECK-NEXT:        memref.store %24, %out[%k_1] : memref<100000xi64>
// CHECK-NEXT:        scf.yield %24 : i64
// CHECK-NEXT:      } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 20 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
func.func private @long_row(%a: tensor<100000xi64>) -> tensor<100000xi64> attributes {fxlower.kernel = "scan"} {
  %r = fxt.cumsum %a, 0 : (tensor<100000xi64>) -> tensor<100000xi64>
  func.return %r : tensor<100000xi64>
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
