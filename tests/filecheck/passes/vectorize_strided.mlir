// RUN: fxlower-opt -p vectorize %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// Every second element: two vectors, of which the last ends with the last lane.
// CHECK-LABEL: func.func @pairs(%x: memref<16xf32, strided<[2]>>, %out: memref<16xf32>) {
// CHECK-NEXT:       %c16 = arith.constant 16 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %ramp = arith.constant dense<[0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]> : vector<16xi32>
// CHECK-NEXT:       %c15 = arith.constant 15 : index
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c16_1 = arith.constant 16 : index
// CHECK-NEXT:       %0 = memref.reinterpret_cast %x to offset: [0], sizes: [31], strides: [1] : memref<16xf32, strided<[2]>> to memref<31xf32>
// CHECK-NEXT:       %1 = arith.muli %c0, %c2 : index
// CHECK-NEXT:       %2 = vector.load %0[%1] : memref<31xf32>, vector<16xf32>
// CHECK-NEXT:       %3 = arith.addi %1, %c15 : index
// CHECK-NEXT:       %4 = vector.load %0[%3] : memref<31xf32>, vector<16xf32>
// CHECK-NEXT:       %a = vector.shuffle %2, %4 [0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:       vector.store %a, %out[%c0] : memref<16xf32>, vector<16xf32>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @pairs(%x: memref<16xf32, strided<[2]>>, %out: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  scf.for %i = %c0 to %c16 step %c1 {
    %a = memref.load %x[%i] : memref<16xf32, strided<[2]>>
    memref.store %a, %out[%i] : memref<16xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Backwards: one vector from the last lane on, reversed.
// CHECK-LABEL: func.func @backwards(%x: memref<16xf32, strided<[-1]>>, %out: memref<16xf32>) {
// CHECK-NEXT:       %c16 = arith.constant 16 : index
// CHECK-NEXT:       %c9223372036854775807 = arith.constant 9223372036854775807 : index
// CHECK-NEXT:       %0 = arith.constant -1 : index
// CHECK-NEXT:       %ramp = arith.constant dense<[0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15]> : vector<16xi32>
// CHECK-NEXT:       %1 = arith.constant -15 : index
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c16_1 = arith.constant 16 : index
// CHECK-NEXT:       %2 = memref.reinterpret_cast %x to offset: [0], sizes: [%c9223372036854775807], strides: [1] : memref<16xf32, strided<[-1]>> to memref<?xf32>
// CHECK-NEXT:       %3 = arith.muli %c0, %0 : index
// CHECK-NEXT:       %4 = arith.addi %3, %1 : index
// CHECK-NEXT:       %5 = vector.load %2[%4] : memref<?xf32>, vector<16xf32>
// CHECK-NEXT:       %a = vector.shuffle %5, %5 [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:       vector.store %a, %out[%c0] : memref<16xf32>, vector<16xf32>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @backwards(%x: memref<16xf32, strided<[-1]>>, %out: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  scf.for %i = %c0 to %c16 step %c1 {
    %a = memref.load %x[%i] : memref<16xf32, strided<[-1]>>
    memref.store %a, %out[%i] : memref<16xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Of three channels: two shuffles, each of which adds the lanes of one more vector.
// CHECK-LABEL: func.func @channels(%x: memref<8xf64, strided<[3]>>, %out: memref<8xf64>) {
// CHECK-NEXT:       %c8 = arith.constant 8 : index
// CHECK-NEXT:       %c3 = arith.constant 3 : index
// CHECK-NEXT:       %ramp = arith.constant dense<[0, 3, 6, 9, 12, 15, 18, 21]> : vector<8xi32>
// CHECK-NEXT:       %c14 = arith.constant 14 : index
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c8_1 = arith.constant 8 : index
// CHECK-NEXT:       %0 = memref.reinterpret_cast %x to offset: [0], sizes: [22], strides: [1] : memref<8xf64, strided<[3]>> to memref<22xf64>
// CHECK-NEXT:       %1 = arith.muli %c0, %c3 : index
// CHECK-NEXT:       %2 = vector.load %0[%1] : memref<22xf64>, vector<8xf64>
// CHECK-NEXT:       %3 = arith.addi %1, %c8 : index
// CHECK-NEXT:       %4 = vector.load %0[%3] : memref<22xf64>, vector<8xf64>
// CHECK-NEXT:       %5 = vector.shuffle %2, %4 [0, 3, 6, 9, 12, 15, 0, 0] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:       %6 = arith.addi %1, %c14 : index
// CHECK-NEXT:       %7 = vector.load %0[%6] : memref<22xf64>, vector<8xf64>
// CHECK-NEXT:       %a = vector.shuffle %5, %7 [0, 1, 2, 3, 4, 5, 12, 15] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:       vector.store %a, %out[%c0] : memref<8xf64>, vector<8xf64>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @channels(%x: memref<8xf64, strided<[3]>>, %out: memref<8xf64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %a = memref.load %x[%i] : memref<8xf64, strided<[3]>>
    memref.store %a, %out[%i] : memref<8xf64>
  } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Lanes that are not set are not read: they are gathered under the mask.
// CHECK-LABEL: func.func @lanes_left(%x: memref<5xf32, strided<[2]>>, %out: memref<5xf32>) {
// CHECK-NEXT:       %mask = vector.constant_mask [5] : vector<16xi1>
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %ramp = arith.constant dense<[0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]> : vector<16xi32>
// CHECK-NEXT:       %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c5 = arith.constant 5 : index
// CHECK-NEXT:       %1 = memref.reinterpret_cast %x to offset: [0], sizes: [9], strides: [1] : memref<5xf32, strided<[2]>> to memref<9xf32>
// CHECK-NEXT:       %2 = arith.muli %c0, %c2 : index
// CHECK-NEXT:       %a = vector.gather %1[%2] [%ramp], %mask, %0 : memref<9xf32>, vector<16xi32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK-NEXT:       vector.maskedstore %out[%c0], %mask, %a : memref<5xf32>, vector<16xi1>, vector<16xf32>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @lanes_left(%x: memref<5xf32, strided<[2]>>, %out: memref<5xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  scf.for %i = %c0 to %c5 step %c1 {
    %a = memref.load %x[%i] : memref<5xf32, strided<[2]>>
    memref.store %a, %out[%i] : memref<5xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}
// Stores of every third element: what lies between them stays.
// CHECK-LABEL: func.func @spread(%x: memref<8xf64>, %out: memref<8xf64, strided<[3]>>) {
// CHECK-NEXT:       %c8 = arith.constant 8 : index
// CHECK-NEXT:       %c3 = arith.constant 3 : index
// CHECK-NEXT:       %ramp = arith.constant dense<[0, 3, 6, 9, 12, 15, 18, 21]> : vector<8xi32>
// CHECK-NEXT:       %mask = arith.constant dense<[true, false, false, true, false, false, true, false]> : vector<8xi1>
// CHECK-NEXT:       %mask_1 = arith.constant dense<[false, true, false, false, true, false, false, true]> : vector<8xi1>
// CHECK-NEXT:       %mask_2 = arith.constant dense<[false, false, true, false, false, true, false, false]> : vector<8xi1>
// CHECK-NEXT:       %c16 = arith.constant 16 : index
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c8_1 = arith.constant 8 : index
// CHECK-NEXT:       %a = vector.load %x[%c0] : memref<8xf64>, vector<8xf64>
// CHECK-NEXT:       %0 = memref.reinterpret_cast %out to offset: [0], sizes: [22], strides: [1] : memref<8xf64, strided<[3]>> to memref<22xf64>
// CHECK-NEXT:       %1 = arith.muli %c0, %c3 : index
// CHECK-NEXT:       %2 = vector.shuffle %a, %a [0, 1, 1, 1, 2, 2, 2, 3] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:       vector.maskedstore %0[%1], %mask, %2 : memref<22xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:       %3 = vector.shuffle %a, %a [3, 3, 4, 4, 4, 5, 5, 5] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:       %4 = arith.addi %1, %c8 : index
// CHECK-NEXT:       vector.maskedstore %0[%4], %mask_1, %3 : memref<22xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:       %5 = vector.shuffle %a, %a [6, 6, 6, 7, 7, 7, 7, 7] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:       %6 = arith.addi %1, %c16 : index
// CHECK-NEXT:       vector.maskedstore %0[%6], %mask_2, %5 : memref<22xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @spread(%x: memref<8xf64>, %out: memref<8xf64, strided<[3]>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %a = memref.load %x[%i] : memref<8xf64>
    memref.store %a, %out[%i] : memref<8xf64, strided<[3]>>
  } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
  func.return
}
}
