// RUN: fxlower-opt -p convert-scatter-to-scf %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func private @rows(%d: memref<9x8xf32>, %u: memref<4x8xf32>, %i: memref<4xi64>, %out: memref<9x8xf32>) attributes {fxlower.kernel = "scatter"} {
// CHECK-NEXT:    %0 = memref.reinterpret_cast %out to offset: [0], sizes: [72], strides: [1] : memref<9x8xf32> to memref<72xf32>
// CHECK-NEXT:    %1 = memref.reinterpret_cast %d to offset: [0], sizes: [72], strides: [1] : memref<9x8xf32> to memref<72xf32>
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%2: index):
// CHECK-NEXT:      %c72 = arith.constant 72 : index
// CHECK-NEXT:      scf.for %j = %c0 to %c72 step %c1 {
// CHECK-NEXT:        %3 = memref.load %1[%j] : memref<72xf32>
// CHECK-NEXT:        memref.store %3, %0[%j] : memref<72xf32>
// CHECK-NEXT:      } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 455 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%4: index):
// CHECK-NEXT:      %c4 = arith.constant 4 : index
// CHECK-NEXT:      scf.for %i_1 = %c0 to %c4 step %c1 {
// CHECK-NEXT:        %5 = memref.load %i[%i_1] : memref<4xi64>
// CHECK-NEXT:        %6 = arith.index_cast %5 : i64 to index
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        scf.for %j_1 = %c0 to %c8 step %c1 {
// CHECK-NEXT:          %7 = memref.load %u[%i_1, %j_1] : memref<4x8xf32>
// CHECK-NEXT:          %8 = memref.load %out[%6, %j_1] : memref<9x8xf32>
// CHECK-NEXT:          %9 = arith.addf %8, %7 : f32
// CHECK-NEXT:          memref.store %9, %out[%6, %j_1] : memref<9x8xf32>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 1024 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @rows(%d: tensor<9x8xf32>, %u: tensor<4x8xf32>, %i: tensor<4xi64>) -> tensor<9x8xf32> attributes {fxlower.kernel = "scatter"} {
  %r = fxt.scatter "add", %d, %u, array<i64: 0>[%i] : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4xi64>) -> tensor<9x8xf32>
  func.return %r : tensor<9x8xf32>
}

// CHECK-LABEL: func.func private @own_places(%d: memref<3x9xi8>, %u: memref<3x4xi8>, %i: memref<3x4xi64>, %out: memref<3x9xi8>) attributes {fxlower.kernel = "scatter"} {
// CHECK-NEXT:    %0 = memref.reinterpret_cast %out to offset: [0], sizes: [27], strides: [1] : memref<3x9xi8> to memref<27xi8>
// CHECK-NEXT:    %1 = memref.reinterpret_cast %d to offset: [0], sizes: [27], strides: [1] : memref<3x9xi8> to memref<27xi8>
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%2: index):
// CHECK-NEXT:      %c27 = arith.constant 27 : index
// CHECK-NEXT:      scf.for %j = %c0 to %c27 step %c1 {
// CHECK-NEXT:        %3 = memref.load %1[%j] : memref<27xi8>
// CHECK-NEXT:        memref.store %3, %0[%j] : memref<27xi8>
// CHECK-NEXT:      } {fxlower.vector = 64 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 1213 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    %c3 = arith.constant 3 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c3, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%4: index):
// CHECK-NEXT:      %c4 = arith.constant 4 : index
// CHECK-NEXT:      scf.for %i_1 = %c0 to %c4 step %c1 {
// CHECK-NEXT:        %5 = memref.load %i[%4, %i_1] : memref<3x4xi64>
// CHECK-NEXT:        %6 = arith.index_cast %5 : i64 to index
// CHECK-NEXT:        %7 = memref.load %u[%4, %i_1] : memref<3x4xi8>
// CHECK-NEXT:        %8 = arith.constant 0 : i8
// CHECK-NEXT:        %9 = arith.cmpi ne, %7, %8 : i8
// CHECK-NEXT:        %10 = arith.extui %9 : i1 to i8
// CHECK-NEXT:        memref.store %10, %out[%4, %6] : memref<3x9xi8>
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 8192 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @own_places(%d: tensor<3x9xi1>, %u: tensor<3x4xi1>, %i: tensor<3x4xi64>) -> tensor<3x9xi1> attributes {fxlower.kernel = "scatter"} {
  %row = fxt.iota 0 : tensor<3x4xi64>
  %r = fxt.scatter "set", %d, %u, array<i64: 0, 1>[%row, %i] : (tensor<3x9xi1>, tensor<3x4xi1>, tensor<3x4xi64>, tensor<3x4xi64>) -> tensor<3x9xi1>
  func.return %r : tensor<3x9xi1>
}

// CHECK-LABEL: func.func private @filled_destination(%u: memref<4xi8>, %i: memref<4xi64>, %out: memref<9xi8>) attributes {fxlower.kernel = "scatter"} {
// CHECK-NEXT:    %0 = memref.reinterpret_cast %out to offset: [0], sizes: [9], strides: [1] : memref<9xi8> to memref<9xi8>
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %1 = arith.constant 0 : i8
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%2: index):
// CHECK-NEXT:      %c9 = arith.constant 9 : index
// CHECK-NEXT:      scf.for %j = %c0 to %c9 step %c1 {
// CHECK-NEXT:        memref.store %1, %0[%j] : memref<9xi8>
// CHECK-NEXT:      } {fxlower.vector = 64 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 3640 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%3: index):
// CHECK-NEXT:      %c4 = arith.constant 4 : index
// CHECK-NEXT:      scf.for %i_1 = %c0 to %c4 step %c1 {
// CHECK-NEXT:        %4 = memref.load %i[%i_1] : memref<4xi64>
// CHECK-NEXT:        %5 = arith.index_cast %4 : i64 to index
// CHECK-NEXT:        %6 = memref.load %u[%i_1] : memref<4xi8>
// CHECK-NEXT:        %7 = memref.load %out[%5] : memref<9xi8>
// CHECK-NEXT:        %8 = arith.maxui %7, %6 : i8
// CHECK-NEXT:        memref.store %8, %out[%5] : memref<9xi8>
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 8192 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @filled_destination(%u: tensor<4xi8>, %i: tensor<4xi64>) -> tensor<9xi8> attributes {fxlower.kernel = "scatter"} {
  %d = fxt.full 0 : i8 : tensor<9xi8>
  %r = fxt.scatter "max", %d, %u, array<i64: 0>[%i] {fxlower.unsigned} : (tensor<9xi8>, tensor<4xi8>, tensor<4xi64>) -> tensor<9xi8>
  func.return %r : tensor<9xi8>
}

// In the memory of the destination nothing is copied.
// CHECK-LABEL: func.func private @in_place(%dest: memref<9x8xf32> {fxt.written}, %updates: memref<4x8xf32>, %i: memref<4xi64>) attributes {fxlower.kernel = "scatter"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %c4 = arith.constant 4 : index
// CHECK-NEXT:       scf.for %i_1 = %c0 to %c4 step %c1 {
// CHECK-NEXT:         %1 = memref.load %i[%i_1] : memref<4xi64>
// CHECK-NEXT:         %2 = arith.index_cast %1 : i64 to index
// CHECK-NEXT:         %c8 = arith.constant 8 : index
// CHECK-NEXT:         scf.for %j = %c0 to %c8 step %c1 {
// CHECK-NEXT:           %3 = memref.load %updates[%i_1, %j] : memref<4x8xf32>
// CHECK-NEXT:           memref.store %3, %dest[%2, %j] : memref<9x8xf32>
// CHECK-NEXT:         } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:       }
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1024 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @in_place(%dest: tensor<9x8xf32>, %updates: tensor<4x8xf32>, %i: tensor<4xi64>) -> (tensor<9x8xf32> {fxt.inplace = 0 : i64}) attributes {fxlower.kernel = "scatter"} {
  %r = fxt.scatter "set", %dest, %updates, array<i64: 0>[%i] : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4xi64>) -> tensor<9x8xf32>
  func.return %r : tensor<9x8xf32>
}

}
