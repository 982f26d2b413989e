// RUN: fxlower-opt -p peel-borders %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// Windows of three that begin at -1: the first one is a border.
// CHECK-LABEL: func.func @first(%x: memref<56xf32>, %out: memref<28xf32>) {
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c28 = arith.constant 28 : index
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       scf.for %j = %c0_1 to %c1_1 step %c1_1 {
// CHECK-NEXT:         %i = arith.muli %j, %c2 : index
// CHECK-NEXT:         %below = arith.subi %i, %c1 : index
// CHECK-NEXT:         %clamped = arith.maxsi %below, %c0 : index
// CHECK-NEXT:         %v = memref.load %x[%clamped] : memref<56xf32>
// CHECK-NEXT:         memref.store %v, %out[%j] : memref<28xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       %c28_1 = arith.constant 28 : index
// CHECK-NEXT:       scf.for %j_1 = %c1_1 to %c28_1 step %c1_1 {
// CHECK-NEXT:         %i_1 = arith.muli %j_1, %c2 : index
// CHECK-NEXT:         %below_1 = arith.subi %i_1, %c1 : index
// CHECK-NEXT:         %v_1 = memref.load %x[%below_1] : memref<56xf32>
// CHECK-NEXT:         memref.store %v_1, %out[%j_1] : memref<28xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @first(%x: memref<56xf32>, %out: memref<28xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c28 = arith.constant 28 : index
  scf.for %j = %c0 to %c28 step %c1 {
    %i = arith.muli %j, %c2 : index
    %below = arith.subi %i, %c1 : index
    %clamped = arith.maxsi %below, %c0 : index
    %v = memref.load %x[%clamped] : memref<56xf32>
    memref.store %v, %out[%j] : memref<28xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Both ends; what compares the same index with the same bounds is known in the middle, and the
// condition of the row is what is left of the select.
// CHECK-LABEL: func.func @both(%x: memref<64xf32>, %out: memref<64xf32>, %row: i1) {
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c63 = arith.constant 63 : index
// CHECK-NEXT:       %c64 = arith.constant 64 : index
// CHECK-NEXT:       %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       scf.for %j = %c0_1 to %c1_1 step %c1_1 {
// CHECK-NEXT:         %i = arith.subi %j, %c1 : index
// CHECK-NEXT:         %above = arith.maxsi %i, %c0 : index
// CHECK-NEXT:         %clamped = arith.minsi %above, %c63 : index
// CHECK-NEXT:         %v = memref.load %x[%clamped] : memref<64xf32>
// CHECK-NEXT:         %ge = arith.cmpi sge, %i, %c0 : index
// CHECK-NEXT:         %le = arith.cmpi sle, %i, %c63 : index
// CHECK-NEXT:         %inside = arith.andi %ge, %le : i1
// CHECK-NEXT:         %all = arith.andi %inside, %row : i1
// CHECK-NEXT:         %padded = arith.select %all, %v, %zero : f32
// CHECK-NEXT:         memref.store %padded, %out[%j] : memref<64xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       %c64_1 = arith.constant 64 : index
// CHECK-NEXT:       scf.for %j_1 = %c1_1 to %c64_1 step %c1_1 {
// CHECK-NEXT:         %i_1 = arith.subi %j_1, %c1 : index
// CHECK-NEXT:         %v_1 = memref.load %x[%i_1] : memref<64xf32>
// CHECK-NEXT:         %padded_1 = arith.select %row, %v_1, %zero : f32
// CHECK-NEXT:         memref.store %padded_1, %out[%j_1] : memref<64xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @both(%x: memref<64xf32>, %out: memref<64xf32>, %row: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c63 = arith.constant 63 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  scf.for %j = %c0 to %c64 step %c1 {
    %i = arith.subi %j, %c1 : index
    %above = arith.maxsi %i, %c0 : index
    %clamped = arith.minsi %above, %c63 : index
    %v = memref.load %x[%clamped] : memref<64xf32>
    %ge = arith.cmpi sge, %i, %c0 : index
    %le = arith.cmpi sle, %i, %c63 : index
    %inside = arith.andi %ge, %le : i1
    %all = arith.andi %inside, %row : i1
    %padded = arith.select %all, %v, %zero : f32
    memref.store %padded, %out[%j] : memref<64xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// The middle begins where the quotient does.
// CHECK-LABEL: func.func @quotient(%x: memref<28xf32>, %out: memref<56xf32>) {
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c56 = arith.constant 56 : index
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c2_1 = arith.constant 2 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       scf.for %j = %c0_1 to %c2_1 step %c1_1 {
// CHECK-NEXT:         %i = arith.addi %j, %c1 : index
// CHECK-NEXT:         %half = arith.divsi %i, %c2 : index
// CHECK-NEXT:         %before = arith.subi %half, %c1 : index
// CHECK-NEXT:         %clamped = arith.maxsi %before, %c0 : index
// CHECK-NEXT:         %v = memref.load %x[%clamped] : memref<28xf32>
// CHECK-NEXT:         memref.store %v, %out[%j] : memref<56xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       %c56_1 = arith.constant 56 : index
// CHECK-NEXT:       scf.for %j_1 = %c2_1 to %c56_1 step %c1_1 {
// CHECK-NEXT:         %i_1 = arith.addi %j_1, %c1 : index
// CHECK-NEXT:         %half_1 = arith.divsi %i_1, %c2 : index
// CHECK-NEXT:         %before_1 = arith.subi %half_1, %c1 : index
// CHECK-NEXT:         %v_1 = memref.load %x[%before_1] : memref<28xf32>
// CHECK-NEXT:         memref.store %v_1, %out[%j_1] : memref<56xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @quotient(%x: memref<28xf32>, %out: memref<56xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c56 = arith.constant 56 : index
  scf.for %j = %c0 to %c56 step %c1 {
    %i = arith.addi %j, %c1 : index
    %half = arith.divsi %i, %c2 : index
    %before = arith.subi %half, %c1 : index
    %clamped = arith.maxsi %before, %c0 : index
    %v = memref.load %x[%clamped] : memref<28xf32>
    memref.store %v, %out[%j] : memref<56xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// An index that falls.
// CHECK-LABEL: func.func @mirrored(%x: memref<40xf32>, %out: memref<40xf32>) {
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c37 = arith.constant 37 : index
// CHECK-NEXT:       %c40 = arith.constant 40 : index
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c38 = arith.constant 38 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       scf.for %j = %c0_1 to %c38 step %c1_1 {
// CHECK-NEXT:         %i = arith.subi %c37, %j : index
// CHECK-NEXT:         %v = memref.load %x[%i] : memref<40xf32>
// CHECK-NEXT:         memref.store %v, %out[%j] : memref<40xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       %c40_1 = arith.constant 40 : index
// CHECK-NEXT:       scf.for %j_1 = %c38 to %c40_1 step %c1_1 {
// CHECK-NEXT:         %i_1 = arith.subi %c37, %j_1 : index
// CHECK-NEXT:         %clamped = arith.maxsi %i_1, %c0 : index
// CHECK-NEXT:         %v_1 = memref.load %x[%clamped] : memref<40xf32>
// CHECK-NEXT:         memref.store %v_1, %out[%j_1] : memref<40xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @mirrored(%x: memref<40xf32>, %out: memref<40xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c37 = arith.constant 37 : index
  %c40 = arith.constant 40 : index
  scf.for %j = %c0 to %c40 step %c1 {
    %i = arith.subi %c37, %j : index
    %clamped = arith.maxsi %i, %c0 : index
    %v = memref.load %x[%clamped] : memref<40xf32>
    memref.store %v, %out[%j] : memref<40xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Sizes and ranges that are not known.
// CHECK-LABEL: func.func @dynamic(%x: memref<?xf32>, %out: memref<?xf32>, %lower: index, %upper: index, %last: index) {
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       %0 = arith.addi %last, %c1_1 : index
// CHECK-NEXT:       %1 = arith.subi %0, %c1_1 : index
// CHECK-NEXT:       %2 = arith.minsi %upper, %1 : index
// CHECK-NEXT:       %3 = arith.maxsi %2, %lower : index
// CHECK-NEXT:       %4 = arith.minsi %3, %upper : index
// CHECK-NEXT:       %5 = arith.maxsi %4, %lower : index
// CHECK-NEXT:       scf.for %j = %lower to %5 step %c1_1 {
// CHECK-NEXT:         %i = arith.addi %j, %c1 : index
// CHECK-NEXT:         %v = memref.load %x[%i] : memref<?xf32>
// CHECK-NEXT:         memref.store %v, %out[%j] : memref<?xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.for %j_1 = %5 to %upper step %c1_1 {
// CHECK-NEXT:         %i_1 = arith.addi %j_1, %c1 : index
// CHECK-NEXT:         %clamped = arith.minsi %i_1, %last : index
// CHECK-NEXT:         %v_1 = memref.load %x[%clamped] : memref<?xf32>
// CHECK-NEXT:         memref.store %v_1, %out[%j_1] : memref<?xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @dynamic(%x: memref<?xf32>, %out: memref<?xf32>, %lower: index, %upper: index, %last: index) {
  %c1 = arith.constant 1 : index
  scf.for %j = %lower to %upper step %c1 {
    %i = arith.addi %j, %c1 : index
    %clamped = arith.minsi %i, %last : index
    %v = memref.load %x[%clamped] : memref<?xf32>
    memref.store %v, %out[%j] : memref<?xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Not split: the clamp is not of an address, the index is read from memory, the middle would be
// less than half, the loop has no lanes.
// CHECK-LABEL: func.func @whole(%x: memref<64xf32>, %at: memref<64xindex>, %out: memref<64xf32>, %ints: memref<64xindex>) {
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c40 = arith.constant 40 : index
// CHECK-NEXT:       %c64 = arith.constant 64 : index
// CHECK-NEXT:       scf.for %j = %c0 to %c64 step %c1 {
// CHECK-NEXT:         %i = arith.maxsi %j, %c40 : index
// CHECK-NEXT:         memref.store %i, %ints[%j] : memref<64xindex>
// CHECK-NEXT:       } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.for %j_1 = %c0 to %c64 step %c1 {
// CHECK-NEXT:         %i_1 = memref.load %at[%j_1] : memref<64xindex>
// CHECK-NEXT:         %clamped = arith.maxsi %i_1, %c1 : index
// CHECK-NEXT:         %v = memref.load %x[%clamped] : memref<64xf32>
// CHECK-NEXT:         memref.store %v, %out[%j_1] : memref<64xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.for %j_2 = %c0 to %c64 step %c1 {
// CHECK-NEXT:         %clamped_1 = arith.maxsi %j_2, %c40 : index
// CHECK-NEXT:         %v_1 = memref.load %x[%clamped_1] : memref<64xf32>
// CHECK-NEXT:         memref.store %v_1, %out[%j_2] : memref<64xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.for %j_3 = %c0 to %c64 step %c1 {
// CHECK-NEXT:         %clamped_2 = arith.maxsi %j_3, %c1 : index
// CHECK-NEXT:         %v_2 = memref.load %x[%clamped_2] : memref<64xf32>
// CHECK-NEXT:         memref.store %v_2, %out[%j_3] : memref<64xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @whole(%x: memref<64xf32>, %at: memref<64xindex>, %out: memref<64xf32>, %ints: memref<64xindex>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c40 = arith.constant 40 : index
  %c64 = arith.constant 64 : index
  scf.for %j = %c0 to %c64 step %c1 {
    %i = arith.maxsi %j, %c40 : index
    memref.store %i, %ints[%j] : memref<64xindex>
  } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
  scf.for %j = %c0 to %c64 step %c1 {
    %i = memref.load %at[%j] : memref<64xindex>
    %clamped = arith.maxsi %i, %c1 : index
    %v = memref.load %x[%clamped] : memref<64xf32>
    memref.store %v, %out[%j] : memref<64xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  scf.for %j = %c0 to %c64 step %c1 {
    %clamped = arith.maxsi %j, %c40 : index
    %v = memref.load %x[%clamped] : memref<64xf32>
    memref.store %v, %out[%j] : memref<64xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  scf.for %j = %c0 to %c64 step %c1 {
    %clamped = arith.maxsi %j, %c1 : index
    %v = memref.load %x[%clamped] : memref<64xf32>
    memref.store %v, %out[%j] : memref<64xf32>
  }
  func.return
}
}
