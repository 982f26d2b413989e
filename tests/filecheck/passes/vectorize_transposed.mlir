// RUN: fxlower-opt -p vectorize %s | filecheck %s

builtin.module attributes {fxlower.machine = "aarch64-neon"} {

// Rows of four lanes that run along the loop inside are loaded as vectors and transposed.
// CHECK-LABEL: func.func @square(%x: memref<8x8xf32>, %out: memref<8x8xf32>) {
// CHECK-NEXT:       %c8 = arith.constant 8 : index
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c16 = arith.constant 16 : index
// CHECK-NEXT:       %c3 = arith.constant 3 : index
// CHECK-NEXT:       %c24 = arith.constant 24 : index
// CHECK-NEXT:       %c4 = arith.constant 4 : index
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       %c8_1 = arith.constant 8 : index
// CHECK-NEXT:       %0 = memref.reinterpret_cast %x to offset: [0], sizes: [64], strides: [1] : memref<8x8xf32> to memref<64xf32>
// CHECK-NEXT:       scf.for %v = %c0_1 to %c8 step %c4 {
// CHECK-NEXT:         %1 = arith.muli %v, %c8 : index
// CHECK-NEXT:         scf.for %t = %c0_1 to %c8_1 step %c4 {
// CHECK-NEXT:           %2 = arith.addi %1, %t : index
// CHECK-NEXT:           %3 = arith.addi %2, %c8 : index
// CHECK-NEXT:           %4 = arith.addi %2, %c16 : index
// CHECK-NEXT:           %5 = arith.addi %2, %c24 : index
// CHECK-NEXT:           %6 = vector.load %0[%2] : memref<64xf32>, vector<4xf32>
// CHECK-NEXT:           %7 = vector.load %0[%3] : memref<64xf32>, vector<4xf32>
// CHECK-NEXT:           %8 = vector.load %0[%4] : memref<64xf32>, vector<4xf32>
// CHECK-NEXT:           %9 = vector.load %0[%5] : memref<64xf32>, vector<4xf32>
// CHECK-NEXT:           %10 = vector.shuffle %6, %7 [0, 4, 1, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:           %11 = vector.shuffle %6, %7 [2, 6, 3, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:           %12 = vector.shuffle %8, %9 [0, 4, 1, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:           %13 = vector.shuffle %8, %9 [2, 6, 3, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:           %14 = vector.shuffle %10, %12 [0, 1, 4, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:           %15 = vector.shuffle %10, %12 [2, 3, 6, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:           %16 = vector.shuffle %11, %13 [0, 1, 4, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:           %17 = vector.shuffle %11, %13 [2, 3, 6, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:           vector.store %14, %out[%t, %v] : memref<8x8xf32>, vector<4xf32>
// CHECK-NEXT:           %18 = arith.addi %t, %c1 : index
// CHECK-NEXT:           vector.store %15, %out[%18, %v] : memref<8x8xf32>, vector<4xf32>
// CHECK-NEXT:           %19 = arith.addi %t, %c2 : index
// CHECK-NEXT:           vector.store %16, %out[%19, %v] : memref<8x8xf32>, vector<4xf32>
// CHECK-NEXT:           %20 = arith.addi %t, %c3 : index
// CHECK-NEXT:           vector.store %17, %out[%20, %v] : memref<8x8xf32>, vector<4xf32>
// CHECK-NEXT:         }
// CHECK-NEXT:       }
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @square(%x: memref<8x8xf32>, %out: memref<8x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %v = %c0 to %c8 step %c1 {
    scf.for %t = %c0 to %c8 step %c1 {
      %a = memref.load %x[%v, %t] : memref<8x8xf32>
      memref.store %a, %out[%t, %v] : memref<8x8xf32>
    } {fxlower.transpose = 4 : i64}
  } {fxlower.vector = 4 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Two more columns than fit in squares are gathered.
// CHECK-LABEL: func.func @columns_left(%x: memref<4x6xf32>, %out: memref<6x4xf32>) {
// CHECK-NEXT:       %c4 = arith.constant 4 : index
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c6 = arith.constant 6 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c12 = arith.constant 12 : index
// CHECK-NEXT:       %c3 = arith.constant 3 : index
// CHECK-NEXT:       %c18 = arith.constant 18 : index
// CHECK-NEXT:       %ramp = arith.constant dense<[0, 6, 12, 18]> : vector<4xi32>
// CHECK-NEXT:       %mask = vector.constant_mask [4] : vector<4xi1>
// CHECK-NEXT:       %0 = arith.constant dense<0.000000e+00> : vector<4xf32>
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       %c4_1 = arith.constant 4 : index
// CHECK-NEXT:       %c6_1 = arith.constant 6 : index
// CHECK-NEXT:       %1 = memref.reinterpret_cast %x to offset: [0], sizes: [24], strides: [1] : memref<4x6xf32> to memref<24xf32>
// CHECK-NEXT:       scf.for %t = %c0_1 to %c4 step %c4 {
// CHECK-NEXT:         %2 = arith.addi %t, %c6 : index
// CHECK-NEXT:         %3 = arith.addi %t, %c12 : index
// CHECK-NEXT:         %4 = arith.addi %t, %c18 : index
// CHECK-NEXT:         %5 = vector.load %1[%t] : memref<24xf32>, vector<4xf32>
// CHECK-NEXT:         %6 = vector.load %1[%2] : memref<24xf32>, vector<4xf32>
// CHECK-NEXT:         %7 = vector.load %1[%3] : memref<24xf32>, vector<4xf32>
// CHECK-NEXT:         %8 = vector.load %1[%4] : memref<24xf32>, vector<4xf32>
// CHECK-NEXT:         %9 = vector.shuffle %5, %6 [0, 4, 1, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %10 = vector.shuffle %5, %6 [2, 6, 3, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %11 = vector.shuffle %7, %8 [0, 4, 1, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %12 = vector.shuffle %7, %8 [2, 6, 3, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %13 = vector.shuffle %9, %11 [0, 1, 4, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %14 = vector.shuffle %9, %11 [2, 3, 6, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %15 = vector.shuffle %10, %12 [0, 1, 4, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %16 = vector.shuffle %10, %12 [2, 3, 6, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         vector.store %13, %out[%t, %c0_1] : memref<6x4xf32>, vector<4xf32>
// CHECK-NEXT:         %17 = arith.addi %t, %c1 : index
// CHECK-NEXT:         vector.store %14, %out[%17, %c0_1] : memref<6x4xf32>, vector<4xf32>
// CHECK-NEXT:         %18 = arith.addi %t, %c2 : index
// CHECK-NEXT:         vector.store %15, %out[%18, %c0_1] : memref<6x4xf32>, vector<4xf32>
// CHECK-NEXT:         %19 = arith.addi %t, %c3 : index
// CHECK-NEXT:         vector.store %16, %out[%19, %c0_1] : memref<6x4xf32>, vector<4xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       scf.for %t_1 = %c4 to %c6_1 step %c1_1 {
// CHECK-NEXT:         %20 = arith.muli %c0_1, %c6 : index
// CHECK-NEXT:         %21 = arith.addi %20, %t_1 : index
// CHECK-NEXT:         %a = vector.gather %1[%21] [%ramp], %mask, %0 : memref<24xf32>, vector<4xi32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
// CHECK-NEXT:         vector.store %a, %out[%t_1, %c0_1] : memref<6x4xf32>, vector<4xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @columns_left(%x: memref<4x6xf32>, %out: memref<6x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  scf.for %v = %c0 to %c4 step %c1 {
    scf.for %t = %c0 to %c6 step %c1 {
      %a = memref.load %x[%v, %t] : memref<4x6xf32>
      memref.store %a, %out[%t, %v] : memref<6x4xf32>
    } {fxlower.transpose = 4 : i64}
  } {fxlower.vector = 4 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Three lanes are set: the fourth row is the third again, and nothing is read beyond it. Sums go on
// from column to column.
// CHECK-LABEL: func.func @lanes_left(%x: memref<3x4xf32>, %out: memref<3xf32>) {
// CHECK-NEXT:       %mask = vector.constant_mask [3] : vector<4xi1>
// CHECK-NEXT:       %0 = arith.constant dense<0.000000e+00> : vector<4xf32>
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c4 = arith.constant 4 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c2 = arith.constant 2 : index
// CHECK-NEXT:       %c8 = arith.constant 8 : index
// CHECK-NEXT:       %c3 = arith.constant 3 : index
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c1_1 = arith.constant 1 : index
// CHECK-NEXT:       %c3_1 = arith.constant 3 : index
// CHECK-NEXT:       %c4_1 = arith.constant 4 : index
// CHECK-NEXT:       %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:       %1 = memref.reinterpret_cast %x to offset: [0], sizes: [12], strides: [1] : memref<3x4xf32> to memref<12xf32>
// CHECK-NEXT:       %2 = scf.for %t = %c0_1 to %c4_1 step %c4 iter_args(%3 = %0) -> (vector<4xf32>) {
// CHECK-NEXT:         %4 = arith.addi %t, %c4 : index
// CHECK-NEXT:         %5 = arith.addi %t, %c8 : index
// CHECK-NEXT:         %6 = arith.addi %t, %c8 : index
// CHECK-NEXT:         %7 = vector.load %1[%t] : memref<12xf32>, vector<4xf32>
// CHECK-NEXT:         %8 = vector.load %1[%4] : memref<12xf32>, vector<4xf32>
// CHECK-NEXT:         %9 = vector.load %1[%5] : memref<12xf32>, vector<4xf32>
// CHECK-NEXT:         %10 = vector.load %1[%6] : memref<12xf32>, vector<4xf32>
// CHECK-NEXT:         %11 = vector.shuffle %7, %8 [0, 4, 1, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %12 = vector.shuffle %7, %8 [2, 6, 3, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %13 = vector.shuffle %9, %10 [0, 4, 1, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %14 = vector.shuffle %9, %10 [2, 6, 3, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %15 = vector.shuffle %11, %13 [0, 1, 4, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %16 = vector.shuffle %11, %13 [2, 3, 6, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %17 = vector.shuffle %12, %14 [0, 1, 4, 5] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %18 = vector.shuffle %12, %14 [2, 3, 6, 7] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:         %next = arith.addf %3, %15 : vector<4xf32>
// CHECK-NEXT:         %19 = arith.addi %t, %c1 : index
// CHECK-NEXT:         %next_1 = arith.addf %next, %16 : vector<4xf32>
// CHECK-NEXT:         %20 = arith.addi %t, %c2 : index
// CHECK-NEXT:         %next_2 = arith.addf %next_1, %17 : vector<4xf32>
// CHECK-NEXT:         %21 = arith.addi %t, %c3 : index
// CHECK-NEXT:         %next_3 = arith.addf %next_2, %18 : vector<4xf32>
// CHECK-NEXT:         scf.yield %next_3 : vector<4xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       vector.maskedstore %out[%c0_1], %mask, %2 : memref<3xf32>, vector<4xi1>, vector<4xf32>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @lanes_left(%x: memref<3x4xf32>, %out: memref<3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  scf.for %v = %c0 to %c3 step %c1 {
    %s = scf.for %t = %c0 to %c4 step %c1 iter_args(%acc = %zero) -> (f32) {
      %a = memref.load %x[%v, %t] : memref<3x4xf32>
      %next = arith.addf %acc, %a : f32
      scf.yield %next : f32
    } {fxlower.transpose = 4 : i64}
    memref.store %s, %out[%v] : memref<3xf32>
  } {fxlower.vector = 4 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// Nothing runs along the loop inside: it stays as it is.
// CHECK-LABEL: func.func @along_lanes(%x: memref<4x4xf32>, %out: memref<4x4xf32>) {
// CHECK-NEXT:       %c4 = arith.constant 4 : index
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c4_1 = arith.constant 4 : index
// CHECK-NEXT:       scf.for %t = %c0 to %c4_1 step %c1 {
// CHECK-NEXT:         %a = vector.load %x[%t, %c0] : memref<4x4xf32>, vector<4xf32>
// CHECK-NEXT:         vector.store %a, %out[%t, %c0] : memref<4x4xf32>, vector<4xf32>
// CHECK-NEXT:       }
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @along_lanes(%x: memref<4x4xf32>, %out: memref<4x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %v = %c0 to %c4 step %c1 {
    scf.for %t = %c0 to %c4 step %c1 {
      %a = memref.load %x[%t, %v] : memref<4x4xf32>
      memref.store %a, %out[%t, %v] : memref<4x4xf32>
    } {fxlower.transpose = 4 : i64}
  } {fxlower.vector = 4 : i64, fxlower.unroll = 1 : i64}
  func.return
}
}
