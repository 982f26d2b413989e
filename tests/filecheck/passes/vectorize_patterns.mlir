// RUN: fxlower-opt -p vectorize %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// Each element in two lanes.
// CHECK-LABEL: func.func @twice(%x: memref<16xf32>, %out: memref<32xf32>) {
// CHECK-NEXT:       %c32 = arith.constant 32 : index
// CHECK-NEXT:       %c16 = arith.constant 16 : index
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c32_1 = arith.constant 32 : index
// CHECK-NEXT:       scf.for %j = %c0 to %c32 step %c16 {
// CHECK-NEXT:         %0 = arith.divsi %j, %c2 : index
// CHECK-NEXT:         %1 = vector.load %x[%0] : memref<16xf32>, vector<8xf32>
// CHECK-NEXT:         %v = vector.shuffle %1, %1 [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7] : vector<8xf32>, vector<8xf32>
// CHECK-NEXT:         vector.store %v, %out[%j] : memref<32xf32>, vector<16xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @twice(%x: memref<16xf32>, %out: memref<32xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  scf.for %j = %c0 to %c32 step %c1 {
    %half = arith.divsi %j, %c2 : index
    %v = memref.load %x[%half] : memref<16xf32>
    memref.store %v, %out[%j] : memref<32xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// From the middle of a pair on, nine elements: two loads that overlap. The last five lanes need
// three elements.
// CHECK-LABEL: func.func @between(%x: memref<16xf32>, %out: memref<21xf32>) {
// CHECK-NEXT:       %c16 = arith.constant 16 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %mask = vector.constant_mask [5] : vector<16xi1>
// CHECK-NEXT:       %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:       %mask_1 = vector.constant_mask [3] : vector<16xi1>
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c21 = arith.constant 21 : index
// CHECK-NEXT:       %1 = arith.addi %c0, %c1_1 : index
// CHECK-NEXT:       %2 = arith.divsi %1, %c2 : index
// CHECK-NEXT:       %3 = vector.load %x[%2] : memref<16xf32>, vector<8xf32>
// CHECK-NEXT:       %4 = arith.addi %2, %c1 : index
// CHECK-NEXT:       %5 = vector.load %x[%4] : memref<16xf32>, vector<8xf32>
// CHECK-NEXT:       %v = vector.shuffle %3, %5 [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 15] : vector<8xf32>, vector<8xf32>
// CHECK-NEXT:       vector.store %v, %out[%c0] : memref<21xf32>, vector<16xf32>
// CHECK-NEXT:       %6 = arith.addi %c16, %c1_1 : index
// CHECK-NEXT:       %7 = arith.divsi %6, %c2 : index
// CHECK-NEXT:       %8 = vector.maskedload %x[%7], %mask_1, %0 : memref<16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK-NEXT:       %v_1 = vector.shuffle %8, %8 [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:       vector.maskedstore %out[%c16], %mask, %v_1 : memref<21xf32>, vector<16xi1>, vector<16xf32>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @between(%x: memref<16xf32>, %out: memref<21xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c21 = arith.constant 21 : index
  scf.for %j = %c0 to %c21 step %c1 {
    %next = arith.addi %j, %c1 : index
    %half = arith.divsi %next, %c2 : index
    %v = memref.load %x[%half] : memref<16xf32>
    memref.store %v, %out[%j] : memref<21xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Of a mask that is not known, the lanes where an element begins.
// CHECK-LABEL: func.func @masked(%x: memref<?xf32>, %out: memref<?xf32>, %n: index) {
// CHECK-NEXT:       %c8 = arith.constant 8 : index
// CHECK-NEXT:       %0 = arith.constant dense<0.000000e+00> : vector<4xf32>
// CHECK-NEXT:       %mask = vector.constant_mask [0] : vector<8xi1>
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %1 = arith.remui %n, %c8 : index
// CHECK-NEXT:       %2 = arith.subi %n, %1 : index
// CHECK-NEXT:       scf.for %j = %c0 to %2 step %c8 {
// CHECK-NEXT:         %3 = arith.divsi %j, %c2 : index
// CHECK-NEXT:         %4 = vector.load %x[%3] : memref<?xf32>, vector<4xf32>
// CHECK-NEXT:         %v = vector.shuffle %4, %4 [0, 0, 1, 1, 2, 2, 3, 3] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         vector.store %v, %out[%j] : memref<?xf32>, vector<8xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       scf.for %j_1 = %2 to %n step %c8 {
// CHECK-NEXT:         %5 = arith.subi %n, %j_1 : index
// CHECK-NEXT:         %mask_1 = vector.create_mask %5 : vector<8xi1>
// CHECK-NEXT:         %6 = arith.divsi %j_1, %c2 : index
// CHECK-NEXT:         %7 = vector.shuffle %mask_1, %mask [0, 2, 4, 6] : vector<8xi1>, vector<8xi1>
// CHECK-NEXT:         %8 = vector.maskedload %x[%6], %7, %0 : memref<?xf32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
// CHECK-NEXT:         %v_1 = vector.shuffle %8, %8 [0, 0, 1, 1, 2, 2, 3, 3] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         vector.maskedstore %out[%j_1], %mask_1, %v_1 : memref<?xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @masked(%x: memref<?xf32>, %out: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  scf.for %j = %c0 to %n step %c1 {
    %half = arith.divsi %j, %c2 : index
    %v = memref.load %x[%half] : memref<?xf32>
    memref.store %v, %out[%j] : memref<?xf32>
  } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// The distance to the begin of the pair is a constant of each lane.
// CHECK-LABEL: func.func @rest(%out: memref<8xi64>) {
// CHECK-NEXT:       %c8 = arith.constant 8 : index
// CHECK-NEXT:       %0 = arith.constant dense<[0, 1, 0, 1, 0, 1, 0, 1]> : vector<8xi64>
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c8_1 = arith.constant 8 : index
// CHECK-NEXT:       %1 = arith.divsi %c0, %c2 : index
// CHECK-NEXT:       %2 = arith.muli %1, %c2 : index
// CHECK-NEXT:       %3 = arith.subi %c0, %2 : index
// CHECK-NEXT:       %4 = arith.index_cast %3 : index to i64
// CHECK-NEXT:       %5 = vector.broadcast %4 : i64 to vector<8xi64>
// CHECK-NEXT:       %6 = arith.addi %5, %0 : vector<8xi64>
// CHECK-NEXT:       vector.store %6, %out[%c0] : memref<8xi64>, vector<8xi64>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @rest(%out: memref<8xi64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  scf.for %j = %c0 to %c8 step %c1 {
    %half = arith.divsi %j, %c2 : index
    %even = arith.muli %half, %c2 : index
    %rest = arith.subi %j, %even : index
    %number = arith.index_cast %rest : index to i64
    memref.store %number, %out[%j] : memref<8xi64>
  } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Where the lanes begin is not known, or may be negative: a division in each lane, and a gather.
// CHECK-LABEL: func.func @unknown(%x: memref<16xf32>, %out: memref<8xf32>, %start: index) {
// CHECK-NEXT:       %c8 = arith.constant 8 : index
// CHECK-NEXT:       %ramp = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7]> : vector<8xi64>
// CHECK-NEXT:       %0 = arith.constant dense<2> : vector<8xi64>
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %mask = vector.constant_mask [8] : vector<8xi1>
// CHECK-NEXT:       %1 = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c8_1 = arith.constant 8 : index
// CHECK-NEXT:       %2 = arith.addi %c0_1, %start : index
// CHECK-NEXT:       %3 = arith.index_cast %2 : index to i64
// CHECK-NEXT:       %4 = vector.broadcast %3 : i64 to vector<8xi64>
// CHECK-NEXT:       %5 = arith.addi %4, %ramp : vector<8xi64>
// CHECK-NEXT:       %half = arith.divsi %5, %0 : vector<8xi64>
// CHECK-NEXT:       %v = vector.gather %x[%c0] [%half], %mask, %1 : memref<16xf32>, vector<8xi64>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT:       vector.store %v, %out[%c0_1] : memref<8xf32>, vector<8xf32>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @unknown(%x: memref<16xf32>, %out: memref<8xf32>, %start: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  scf.for %j = %c0 to %c8 step %c1 {
    %next = arith.addi %j, %start : index
    %half = arith.divsi %next, %c2 : index
    %v = memref.load %x[%half] : memref<16xf32>
    memref.store %v, %out[%j] : memref<8xf32>
  } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
  func.return
}
}
