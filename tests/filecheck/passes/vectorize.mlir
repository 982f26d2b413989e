// RUN: fxlower-opt -p vectorize %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// A map whose size divides: no remainder.
// CHECK-LABEL: func.func @map(%x: memref<64xf32>, %out: memref<64xf32>) {
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     %c16 = arith.constant 16 : index
// CHECK-NEXT:     %c32 = arith.constant 32 : index
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c64_1 = arith.constant 64 : index
// CHECK-NEXT:     scf.for %i = %c0 to %c64 step %c32 {
// CHECK-NEXT:       %0 = arith.addi %i, %c16 : index
// CHECK-NEXT:       %v = vector.load %x[%i] : memref<64xf32>, vector<16xf32>
// CHECK-NEXT:       %v_1 = vector.load %x[%0] : memref<64xf32>, vector<16xf32>
// CHECK-NEXT:       %r = arith.mulf %v, %v : vector<16xf32>
// CHECK-NEXT:       %r_1 = arith.mulf %v_1, %v_1 : vector<16xf32>
// CHECK-NEXT:       vector.store %r, %out[%i] : memref<64xf32>, vector<16xf32>
// CHECK-NEXT:       vector.store %r_1, %out[%0] : memref<64xf32>, vector<16xf32>
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @map(%x: memref<64xf32>, %out: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c64 step %c1 {
    %v = memref.load %x[%i] : memref<64xf32>
    %r = arith.mulf %v, %v : f32
    memref.store %r, %out[%i] : memref<64xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
  func.return
}

// A known tail: one vector with a constant mask.
// CHECK-LABEL: func.func @tail(%x: memref<20xf32>, %out: memref<20xf32>) {
// CHECK-NEXT:     %c16 = arith.constant 16 : index
// CHECK-NEXT:     %mask = vector.constant_mask [4] : vector<16xi1>
// CHECK-NEXT:     %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c20 = arith.constant 20 : index
// CHECK-NEXT:     %v = vector.load %x[%c0] : memref<20xf32>, vector<16xf32>
// CHECK-NEXT:     vector.store %v, %out[%c0] : memref<20xf32>, vector<16xf32>
// CHECK-NEXT:     %v_1 = vector.maskedload %x[%c16], %mask, %0 : memref<20xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK-NEXT:     vector.maskedstore %out[%c16], %mask, %v_1 : memref<20xf32>, vector<16xi1>, vector<16xf32>
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @tail(%x: memref<20xf32>, %out: memref<20xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  scf.for %i = %c0 to %c20 step %c1 {
    %v = memref.load %x[%i] : memref<20xf32>
    memref.store %v, %out[%i] : memref<20xf32>
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return
}

// A dynamic sum: accumulators, then what is left a masked vector at a time, then all lanes.
// CHECK-LABEL: func.func @sum(%x: memref<?xf32>, %n: index) -> f32 {
// CHECK-NEXT:     %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:     %c32 = arith.constant 32 : index
// CHECK-NEXT:     %c16 = arith.constant 16 : index
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %1 = arith.remui %n, %c32 : index
// CHECK-NEXT:     %2 = arith.subi %n, %1 : index
// CHECK-NEXT:     %3, %4 = scf.for %i = %c0 to %2 step %c32 iter_args(%5 = %0, %6 = %0) -> (vector<16xf32>, vector<16xf32>) {
// CHECK-NEXT:       %7 = arith.addi %i, %c16 : index
// CHECK-NEXT:       %v = vector.load %x[%i] : memref<?xf32>, vector<16xf32>
// CHECK-NEXT:       %v_1 = vector.load %x[%7] : memref<?xf32>, vector<16xf32>
// CHECK-NEXT:       %next = arith.addf %v, %5 : vector<16xf32>
// CHECK-NEXT:       %next_1 = arith.addf %v_1, %6 : vector<16xf32>
// CHECK-NEXT:       scf.yield %next, %next_1 : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:     }
// CHECK-NEXT:     %8 = scf.for %i_1 = %2 to %n step %c16 iter_args(%9 = %3) -> (vector<16xf32>) {
// CHECK-NEXT:       %10 = arith.subi %n, %i_1 : index
// CHECK-NEXT:       %mask = vector.create_mask %10 : vector<16xi1>
// CHECK-NEXT:       %v_2 = vector.maskedload %x[%i_1], %mask, %0 : memref<?xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK-NEXT:       %next_2 = arith.addf %v_2, %9 : vector<16xf32>
// CHECK-NEXT:       %11 = arith.select %mask, %next_2, %9 : vector<16xi1>, vector<16xf32>
// CHECK-NEXT:       scf.yield %11 : vector<16xf32>
// CHECK-NEXT:     }
// CHECK-NEXT:     %12 = arith.addf %8, %4 : vector<16xf32>
// CHECK-NEXT:     %s = vector.reduction <add>, %12 fastmath<reassoc> : vector<16xf32> into f32
// CHECK-NEXT:     func.return %s : f32
// CHECK-NEXT:   }
func.func @sum(%x: memref<?xf32>, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %s = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (f32) {
    %v = memref.load %x[%i] : memref<?xf32>
    %next = arith.addf %v, %acc : f32
    scf.yield %next : f32
  } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
  func.return %s : f32
}

// A start that is not neutral is combined at the end; a dynamic size that is known to divide.
// CHECK-LABEL: func.func @max(%x: memref<?xi32>, %n: index, %start: i32) -> i32 {
// CHECK-NEXT:     %0 = arith.constant dense<-2147483648> : vector<16xi32>
// CHECK-NEXT:     %c16 = arith.constant 16 : index
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c16_1 = arith.constant 16 : index
// CHECK-NEXT:     %size = arith.muli %n, %c16_1 : index
// CHECK-NEXT:     %1 = scf.for %i = %c0 to %size step %c16 iter_args(%2 = %0) -> (vector<16xi32>) {
// CHECK-NEXT:       %v = vector.load %x[%i] : memref<?xi32>, vector<16xi32>
// CHECK-NEXT:       %next = arith.maxsi %v, %2 : vector<16xi32>
// CHECK-NEXT:       scf.yield %next : vector<16xi32>
// CHECK-NEXT:     }
// CHECK-NEXT:     %3 = vector.reduction <maxsi>, %1 : vector<16xi32> into i32
// CHECK-NEXT:     %s = arith.maxsi %start, %3 : i32
// CHECK-NEXT:     func.return %s : i32
// CHECK-NEXT:   }
func.func @max(%x: memref<?xi32>, %n: index, %start: i32) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %size = arith.muli %n, %c16 : index
  %s = scf.for %i = %c0 to %size step %c1 iter_args(%acc = %start) -> (i32) {
    %v = memref.load %x[%i] : memref<?xi32>
    %next = arith.maxsi %v, %acc : i32
    scf.yield %next : i32
  } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
  func.return %s : i32
}

// Lanes along an outer loop: the inner loop carries vectors.
// CHECK-LABEL: func.func @column_sums(%x: memref<9x16xf32>, %out: memref<16xf32>) {
// CHECK-NEXT:     %c16 = arith.constant 16 : index
// CHECK-NEXT:     %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c9 = arith.constant 9 : index
// CHECK-NEXT:     %c16_1 = arith.constant 16 : index
// CHECK-NEXT:     %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %1 = scf.for %i = %c0 to %c9 step %c1 iter_args(%2 = %0) -> (vector<16xf32>) {
// CHECK-NEXT:       %v = vector.load %x[%i, %c0] : memref<9x16xf32>, vector<16xf32>
// CHECK-NEXT:       %next = arith.addf %v, %2 : vector<16xf32>
// CHECK-NEXT:       scf.yield %next : vector<16xf32>
// CHECK-NEXT:     }
// CHECK-NEXT:     vector.store %1, %out[%c0] : memref<16xf32>, vector<16xf32>
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @column_sums(%x: memref<9x16xf32>, %out: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  scf.for %j = %c0 to %c16 step %c1 {
    %s = scf.for %i = %c0 to %c9 step %c1 iter_args(%acc = %zero) -> (f32) {
      %v = memref.load %x[%i, %j] : memref<9x16xf32>
      %next = arith.addf %v, %acc : f32
      scf.yield %next : f32
    }
    memref.store %s, %out[%j] : memref<16xf32>
  } {fxlower.vector = 16 : i64}
  func.return
}

// Lanes far apart are gathered, those of a store go one by one.
// CHECK-LABEL: func.func @transpose(%x: memref<4x5xf32>, %out: memref<4x5xf32>) {
// CHECK-NEXT:       %c4 = arith.constant 4 : index
// CHECK-NEXT:       %c5 = arith.constant 5 : index
// CHECK-NEXT:       %ramp = arith.constant dense<[0, 5, 10, 15]> : vector<4xi32>
// CHECK-NEXT:       %mask = vector.constant_mask [4] : vector<4xi1>
// CHECK-NEXT:       %0 = arith.constant dense<0.000000e+00> : vector<4xf32>
// CHECK-NEXT:       %c0 = arith.constant 0 : index
// CHECK-NEXT:       %c10 = arith.constant 10 : index
// CHECK-NEXT:       %c15 = arith.constant 15 : index
// CHECK-NEXT:       %c0_1 = arith.constant 0 : index
// CHECK-NEXT:       %c1 = arith.constant 1 : index
// CHECK-NEXT:       %c4_1 = arith.constant 4 : index
// CHECK-NEXT:       %1 = memref.reinterpret_cast %x to offset: [0], sizes: [20], strides: [1] : memref<4x5xf32> to memref<20xf32>
// CHECK-NEXT:       %2 = arith.muli %c0_1, %c5 : index
// CHECK-NEXT:       %3 = arith.addi %2, %c1 : index
// CHECK-NEXT:       %v = vector.gather %1[%3] [%ramp], %mask, %0 : memref<20xf32>, vector<4xi32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
// CHECK-NEXT:       %4 = memref.reinterpret_cast %out to offset: [0], sizes: [20], strides: [1] : memref<4x5xf32> to memref<20xf32>
// CHECK-NEXT:       %5 = arith.muli %c0_1, %c5 : index
// CHECK-NEXT:       %6 = arith.addi %5, %c0_1 : index
// CHECK-NEXT:       %7 = vector.extract %v[0] : f32 from vector<4xf32>
// CHECK-NEXT:       %8 = arith.addi %6, %c0 : index
// CHECK-NEXT:       memref.store %7, %4[%8] : memref<20xf32>
// CHECK-NEXT:       %9 = vector.extract %v[1] : f32 from vector<4xf32>
// CHECK-NEXT:       %10 = arith.addi %6, %c5 : index
// CHECK-NEXT:       memref.store %9, %4[%10] : memref<20xf32>
// CHECK-NEXT:       %11 = vector.extract %v[2] : f32 from vector<4xf32>
// CHECK-NEXT:       %12 = arith.addi %6, %c10 : index
// CHECK-NEXT:       memref.store %11, %4[%12] : memref<20xf32>
// CHECK-NEXT:       %13 = vector.extract %v[3] : f32 from vector<4xf32>
// CHECK-NEXT:       %14 = arith.addi %6, %c15 : index
// CHECK-NEXT:       memref.store %13, %4[%14] : memref<20xf32>
// CHECK-NEXT:       func.return
// CHECK-NEXT:     }
func.func @transpose(%x: memref<4x5xf32>, %out: memref<4x5xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %v = memref.load %x[%i, %c1] : memref<4x5xf32>
    memref.store %v, %out[%i, %c0] : memref<4x5xf32>
  } {fxlower.vector = 4 : i64}
  func.return
}

// Indices from memory; the row's stride is dynamic.
// CHECK-LABEL: func.func @gather(%table: memref<f32>, %ids: memref<16xi64>, %out: memref<16xf32>, %n: index) {
// CHECK-NEXT:     %c16 = arith.constant 16 : index
// CHECK-NEXT:     %c9223372036854775807 = arith.constant 9223372036854775807 : index
// CHECK-NEXT:     %ramp = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]> : vector<16xi64>
// CHECK-NEXT:     %mask = vector.constant_mask [16] : vector<16xi1>
// CHECK-NEXT:     %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c16_1 = arith.constant 16 : index
// CHECK-NEXT:     %rows = memref.reinterpret_cast %table to offset: [0], sizes: [%n, %n], strides: [%n, 1] : memref<f32> to memref<?x?xf32>
// CHECK-NEXT:     %id = vector.load %ids[%c0] : memref<16xi64>, vector<16xi64>
// CHECK-NEXT:     %1 = memref.reinterpret_cast %rows to offset: [0], sizes: [%c9223372036854775807], strides: [1] : memref<?x?xf32> to memref<?xf32>
// CHECK-NEXT:     %2 = arith.index_cast %n : index to i64
// CHECK-NEXT:     %n_1 = vector.broadcast %2 : i64 to vector<16xi64>
// CHECK-NEXT:     %3 = arith.muli %id, %n_1 : vector<16xi64>
// CHECK-NEXT:     %4 = arith.addi %3, %ramp : vector<16xi64>
// CHECK-NEXT:     %v = vector.gather %1[%c0] [%4], %mask, %0 : memref<?xf32>, vector<16xi64>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK-NEXT:     vector.store %v, %out[%c0] : memref<16xf32>, vector<16xf32>
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @gather(%table: memref<f32>, %ids: memref<16xi64>, %out: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %rows = memref.reinterpret_cast %table to offset: [0], sizes: [%n, %n], strides: [%n, 1] : memref<f32> to memref<?x?xf32>
  scf.for %i = %c0 to %c16 step %c1 {
    %id = memref.load %ids[%i] : memref<16xi64>
    %row = arith.index_cast %id : i64 to index
    %v = memref.load %rows[%row, %i] : memref<?x?xf32>
    memref.store %v, %out[%i] : memref<16xf32>
  } {fxlower.vector = 16 : i64}
  func.return
}

// The index as a number; a uniform load is a broadcast.
// CHECK-LABEL: func.func @index(%x: memref<3xf32>, %out: memref<3x16xf32>) {
// CHECK-NEXT:     %c16 = arith.constant 16 : index
// CHECK-NEXT:     %ramp = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]> : vector<16xi64>
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c3 = arith.constant 3 : index
// CHECK-NEXT:     %c16_1 = arith.constant 16 : index
// CHECK-NEXT:     scf.for %i = %c0 to %c3 step %c1 {
// CHECK-NEXT:       %v = memref.load %x[%i] : memref<3xf32>
// CHECK-NEXT:       %0 = arith.addi %i, %c0 : index
// CHECK-NEXT:       %1 = arith.index_cast %0 : index to i64
// CHECK-NEXT:       %2 = vector.broadcast %1 : i64 to vector<16xi64>
// CHECK-NEXT:       %3 = arith.addi %2, %ramp : vector<16xi64>
// CHECK-NEXT:       %f = arith.sitofp %3 : vector<16xi64> to vector<16xf32>
// CHECK-NEXT:       %v_1 = vector.broadcast %v : f32 to vector<16xf32>
// CHECK-NEXT:       %r = arith.mulf %f, %v_1 : vector<16xf32>
// CHECK-NEXT:       vector.store %r, %out[%i, %c0] : memref<3x16xf32>, vector<16xf32>
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @index(%x: memref<3xf32>, %out: memref<3x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c16 = arith.constant 16 : index
  scf.for %j = %c0 to %c16 step %c1 {
    scf.for %i = %c0 to %c3 step %c1 {
      %v = memref.load %x[%i] : memref<3xf32>
      %p = arith.addi %i, %j : index
      %n = arith.index_cast %p : index to i64
      %f = arith.sitofp %n : i64 to f32
      %r = arith.mulf %f, %v : f32
      memref.store %r, %out[%i, %j] : memref<3x16xf32>
    }
  } {fxlower.vector = 16 : i64}
  func.return
}

// Lanes beyond the end must not trap.
// CHECK-LABEL: func.func @trap(%x: memref<3xi32>, %out: memref<3xi32>, %trap: memref<1xi64> {fxt.trap}) {
// CHECK-NEXT:     %mask = vector.constant_mask [3] : vector<4xi1>
// CHECK-NEXT:     %0 = arith.constant dense<0> : vector<4xi32>
// CHECK-NEXT:     %1 = arith.constant dense<1> : vector<4xi32>
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c3 = arith.constant 3 : index
// CHECK-NEXT:     %v = vector.maskedload %x[%c0], %mask, %0 : memref<3xi32>, vector<4xi1>, vector<4xi32> into vector<4xi32>
// CHECK-NEXT:     %2 = arith.select %mask, %v, %1 : vector<4xi1>, vector<4xi32>
// CHECK-NEXT:     %3 = fxt.nonzero_divisor %2 : vector<4xi32>
// CHECK-NEXT:     %r = arith.divsi %v, %3 : vector<4xi32>
// CHECK-NEXT:     vector.maskedstore %out[%c0], %mask, %r : memref<3xi32>, vector<4xi1>, vector<4xi32>
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @trap(%x: memref<3xi32>, %out: memref<3xi32>, %trap: memref<1xi64> {fxt.trap}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  scf.for %i = %c0 to %c3 step %c1 {
    %v = memref.load %x[%i] : memref<3xi32>
    %d = fxt.nonzero_divisor %v : i32
    %r = arith.divsi %v, %d : i32
    memref.store %r, %out[%i] : memref<3xi32>
  } {fxlower.vector = 4 : i64}
  func.return
}

// Loops around that pass the accumulators on, or add up sums of blocks, carry them as vectors.
// CHECK-LABEL: func.func @carried(%x: memref<3x64x32xf32>) -> f32 {
// CHECK-NEXT:    %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:    %c32 = arith.constant 32 : index
// CHECK-NEXT:    %c16 = arith.constant 16 : index
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %c3 = arith.constant 3 : index
// CHECK-NEXT:    %c16_1 = arith.constant 16 : index
// CHECK-NEXT:    %c32_1 = arith.constant 32 : index
// CHECK-NEXT:    %c64 = arith.constant 64 : index
// CHECK-NEXT:    %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %1, %2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%3 = %0, %4 = %0) -> (vector<16xf32>, vector<16xf32>) {
// CHECK-NEXT:      %5, %6 = scf.for %start = %c0 to %c64 step %c16_1 iter_args(%7 = %0, %8 = %0) -> (vector<16xf32>, vector<16xf32>) {
// CHECK-NEXT:        %end = arith.addi %start, %c16_1 : index
// CHECK-NEXT:        %9, %10 = scf.for %j = %start to %end step %c1 iter_args(%11 = %7, %12 = %8) -> (vector<16xf32>, vector<16xf32>) {
// CHECK-NEXT:          %13 = arith.addi %c0, %c16 : index
// CHECK-NEXT:          %v = vector.load %x[%i, %j, %c0] : memref<3x64x32xf32>, vector<16xf32>
// CHECK-NEXT:          %v_1 = vector.load %x[%i, %j, %13] : memref<3x64x32xf32>, vector<16xf32>
// CHECK-NEXT:          %next = arith.addf %v, %11 : vector<16xf32>
// CHECK-NEXT:          %next_1 = arith.addf %v_1, %12 : vector<16xf32>
// CHECK-NEXT:          scf.yield %next, %next_1 : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.yield %9, %10 : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      }
// CHECK-NEXT:      %14 = arith.addf %3, %5 : vector<16xf32>
// CHECK-NEXT:      %15 = arith.addf %4, %6 : vector<16xf32>
// CHECK-NEXT:      scf.yield %14, %15 : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    %16 = arith.addf %1, %2 : vector<16xf32>
// CHECK-NEXT:    %s = vector.reduction <add>, %16 fastmath<reassoc> : vector<16xf32> into f32
// CHECK-NEXT:    func.return %s : f32
func.func @carried(%x: memref<3x64x32xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %s = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (f32) {
    %t = scf.for %start = %c0 to %c64 step %c16 iter_args(%b = %zero) -> (f32) {
      %end = arith.addi %start, %c16 : index
      %u = scf.for %j = %start to %end step %c1 iter_args(%c = %b) -> (f32) {
        %w = scf.for %k = %c0 to %c32 step %c1 iter_args(%acc = %c) -> (f32) {
          %v = memref.load %x[%i, %j, %k] : memref<3x64x32xf32>
          %next = arith.addf %v, %acc : f32
          scf.yield %next : f32
        } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
        scf.yield %w : f32
      }
      scf.yield %u : f32
    }
    %total = arith.addf %a, %t : f32
    scf.yield %total : f32
  }
  func.return %s : f32
}

// A loop that does more with what the marked one yields has it as a scalar.
// CHECK-LABEL: func.func @not_carried(%x: memref<3x32xf32>) -> f32 {
// CHECK-NEXT:    %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:    %c32 = arith.constant 32 : index
// CHECK-NEXT:    %c16 = arith.constant 16 : index
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %c3 = arith.constant 3 : index
// CHECK-NEXT:    %c32_1 = arith.constant 32 : index
// CHECK-NEXT:    %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %s = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (f32) {
// CHECK-NEXT:      %1 = arith.addi %c0, %c16 : index
// CHECK-NEXT:      %v = vector.load %x[%i, %c0] : memref<3x32xf32>, vector<16xf32>
// CHECK-NEXT:      %v_1 = vector.load %x[%i, %1] : memref<3x32xf32>, vector<16xf32>
// CHECK-NEXT:      %next = arith.addf %v, %0 : vector<16xf32>
// CHECK-NEXT:      %next_1 = arith.addf %v_1, %0 : vector<16xf32>
// CHECK-NEXT:      %2 = arith.addf %next, %next_1 : vector<16xf32>
// CHECK-NEXT:      %t = vector.reduction <add>, %2 fastmath<reassoc> : vector<16xf32> into f32
// CHECK-NEXT:      %square = arith.mulf %t, %t : f32
// CHECK-NEXT:      %total = arith.addf %a, %square : f32
// CHECK-NEXT:      scf.yield %total : f32
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %s : f32
func.func @not_carried(%x: memref<3x32xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  %s = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (f32) {
    %t = scf.for %k = %c0 to %c32 step %c1 iter_args(%acc = %zero) -> (f32) {
      %v = memref.load %x[%i, %k] : memref<3x32xf32>
      %next = arith.addf %v, %acc : f32
      scf.yield %next : f32
    } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
    %square = arith.mulf %t, %t : f32
    %total = arith.addf %a, %square : f32
    scf.yield %total : f32
  }
  func.return %s : f32
}

// Several rows at once: their lanes are combined together, and what is between loops has a lane for
// each row. The last row is done by itself.
// CHECK-LABEL: func.func @rows(%x: memref<5x16xf32>, %out: memref<5xf32>, %y: memref<5x16xf32>) {
// CHECK-NEXT:    %c4 = arith.constant 4 : index
// CHECK-NEXT:    %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:    %c16 = arith.constant 16 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %c2 = arith.constant 2 : index
// CHECK-NEXT:    %c3 = arith.constant 3 : index
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1_1 = arith.constant 1 : index
// CHECK-NEXT:    %c5 = arith.constant 5 : index
// CHECK-NEXT:    %c16_1 = arith.constant 16 : index
// CHECK-NEXT:    %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %1 = arith.remui %c5, %c4 : index
// CHECK-NEXT:    %2 = arith.subi %c5, %1 : index
// CHECK-NEXT:    scf.for %i = %c0 to %2 step %c4 {
// CHECK-NEXT:      %v = vector.load %x[%i, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:      %next = arith.addf %v, %0 : vector<16xf32>
// CHECK-NEXT:      %3 = arith.addi %i, %c1 : index
// CHECK-NEXT:      %v_1 = vector.load %x[%3, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:      %next_1 = arith.addf %v_1, %0 : vector<16xf32>
// CHECK-NEXT:      %4 = vector.shuffle %next, %next_1 [0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %5 = vector.shuffle %next, %next_1 [2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %6 = arith.addf %4, %5 : vector<16xf32>
// CHECK-NEXT:      %7 = arith.addi %i, %c2 : index
// CHECK-NEXT:      %v_2 = vector.load %x[%7, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:      %next_2 = arith.addf %v_2, %0 : vector<16xf32>
// CHECK-NEXT:      %8 = arith.addi %i, %c3 : index
// CHECK-NEXT:      %v_3 = vector.load %x[%8, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:      %next_3 = arith.addf %v_3, %0 : vector<16xf32>
// CHECK-NEXT:      %9 = vector.shuffle %next_2, %next_3 [0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %10 = vector.shuffle %next_2, %next_3 [2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %11 = arith.addf %9, %10 : vector<16xf32>
// CHECK-NEXT:      %12 = vector.shuffle %6, %11 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %13 = vector.shuffle %6, %11 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %14 = arith.addf %12, %13 : vector<16xf32>
// CHECK-NEXT:      %15 = vector.shuffle %14, %14 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %16 = vector.shuffle %14, %14 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %17 = arith.addf %15, %16 : vector<16xf32>
// CHECK-NEXT:      %18 = vector.shuffle %17, %17 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %19 = vector.shuffle %17, %17 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %20 = arith.addf %18, %19 : vector<16xf32>
// CHECK-NEXT:      %s = vector.shuffle %20, %20 [0, 1, 2, 3] : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      %r = math.sqrt %s : vector<4xf32>
// CHECK-NEXT:      vector.store %r, %out[%i] : memref<5xf32>, vector<4xf32>
// CHECK-NEXT:      %21 = vector.extract %r[0] : f32 from vector<4xf32>
// CHECK-NEXT:      %22 = vector.broadcast %21 : f32 to vector<16xf32>
// CHECK-NEXT:      vector.store %22, %y[%i, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:      %23 = vector.extract %r[1] : f32 from vector<4xf32>
// CHECK-NEXT:      %24 = arith.addi %i, %c1 : index
// CHECK-NEXT:      %25 = vector.broadcast %23 : f32 to vector<16xf32>
// CHECK-NEXT:      vector.store %25, %y[%24, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:      %26 = vector.extract %r[2] : f32 from vector<4xf32>
// CHECK-NEXT:      %27 = arith.addi %i, %c2 : index
// CHECK-NEXT:      %28 = vector.broadcast %26 : f32 to vector<16xf32>
// CHECK-NEXT:      vector.store %28, %y[%27, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:      %29 = vector.extract %r[3] : f32 from vector<4xf32>
// CHECK-NEXT:      %30 = arith.addi %i, %c3 : index
// CHECK-NEXT:      %31 = vector.broadcast %29 : f32 to vector<16xf32>
// CHECK-NEXT:      vector.store %31, %y[%30, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    scf.for %i_1 = %2 to %c5 step %c1_1 {
// CHECK-NEXT:      %v_4 = vector.load %x[%i_1, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:      %next_4 = arith.addf %v_4, %0 : vector<16xf32>
// CHECK-NEXT:      %s_1 = vector.reduction <add>, %next_4 fastmath<reassoc> : vector<16xf32> into f32
// CHECK-NEXT:      %r_1 = math.sqrt %s_1 : f32
// CHECK-NEXT:      memref.store %r_1, %out[%i_1] : memref<5xf32>
// CHECK-NEXT:      %r_2 = vector.broadcast %r_1 : f32 to vector<16xf32>
// CHECK-NEXT:      vector.store %r_2, %y[%i_1, %c0] : memref<5x16xf32>, vector<16xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return
func.func @rows(%x: memref<5x16xf32>, %out: memref<5xf32>, %y: memref<5x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c5 step %c1 {
    %s = scf.for %j = %c0 to %c16 step %c1 iter_args(%acc = %zero) -> (f32) {
      %v = memref.load %x[%i, %j] : memref<5x16xf32>
      %next = arith.addf %v, %acc : f32
      scf.yield %next : f32
    } {fxlower.vector = 16 : i64}
    %r = math.sqrt %s : f32
    memref.store %r, %out[%i] : memref<5xf32>
    scf.for %j = %c0 to %c16 step %c1 {
      memref.store %r, %y[%i, %j] : memref<5x16xf32>
    } {fxlower.vector = 16 : i64}
  } {fxlower.rows = 4 : i64}
  func.return
}

// Running values are used: a scan along the lanes.
// CHECK-LABEL: func.func @scan(%x: memref<10xf32>, %out: memref<10xf32>) -> f32 {
// CHECK-NEXT:    %c4 = arith.constant 4 : index
// CHECK-NEXT:    %0 = arith.constant dense<0.000000e+00> : vector<4xf32>
// CHECK-NEXT:    %1 = arith.constant dense<[false, true, true, true]> : vector<4xi1>
// CHECK-NEXT:    %2 = arith.constant dense<[false, false, true, true]> : vector<4xi1>
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %c10 = arith.constant 10 : index
// CHECK-NEXT:    %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %3 = vector.broadcast %zero : f32 to vector<4xf32>
// CHECK-NEXT:    %4 = arith.remui %c10, %c4 : index
// CHECK-NEXT:    %5 = arith.subi %c10, %4 : index
// CHECK-NEXT:    %6 = scf.for %i = %c0 to %5 step %c4 iter_args(%7 = %3) -> (vector<4xf32>) {
// CHECK-NEXT:      %v = vector.load %x[%i] : memref<10xf32>, vector<4xf32>
// CHECK-NEXT:      %8 = vector.shuffle %v, %v [3, 0, 1, 2] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:      %9 = arith.addf %8, %v : vector<4xf32>
// CHECK-NEXT:      %10 = arith.select %1, %9, %v : vector<4xi1>, vector<4xf32>
// CHECK-NEXT:      %11 = vector.shuffle %10, %10 [2, 3, 0, 1] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:      %12 = arith.addf %11, %10 : vector<4xf32>
// CHECK-NEXT:      %13 = arith.select %2, %12, %10 : vector<4xi1>, vector<4xf32>
// CHECK-NEXT:      %14 = vector.shuffle %13, %13 [3, 3, 3, 3] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:      %15 = arith.addf %7, %13 : vector<4xf32>
// CHECK-NEXT:      %16 = arith.addf %7, %14 : vector<4xf32>
// CHECK-NEXT:      vector.store %15, %out[%i] : memref<10xf32>, vector<4xf32>
// CHECK-NEXT:      scf.yield %16 : vector<4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    %17 = scf.for %i_1 = %5 to %c10 step %c4 iter_args(%18 = %6) -> (vector<4xf32>) {
// CHECK-NEXT:      %19 = arith.subi %c10, %i_1 : index
// CHECK-NEXT:      %mask = vector.create_mask %19 : vector<4xi1>
// CHECK-NEXT:      %v_1 = vector.maskedload %x[%i_1], %mask, %0 : memref<10xf32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
// CHECK-NEXT:      %20 = arith.select %mask, %v_1, %0 : vector<4xi1>, vector<4xf32>
// CHECK-NEXT:      %21 = vector.shuffle %20, %20 [3, 0, 1, 2] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:      %22 = arith.addf %21, %20 : vector<4xf32>
// CHECK-NEXT:      %23 = arith.select %1, %22, %20 : vector<4xi1>, vector<4xf32>
// CHECK-NEXT:      %24 = vector.shuffle %23, %23 [2, 3, 0, 1] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:      %25 = arith.addf %24, %23 : vector<4xf32>
// CHECK-NEXT:      %26 = arith.select %2, %25, %23 : vector<4xi1>, vector<4xf32>
// CHECK-NEXT:      %27 = vector.shuffle %26, %26 [3, 3, 3, 3] : vector<4xf32>, vector<4xf32>
// CHECK-NEXT:      %28 = arith.addf %18, %26 : vector<4xf32>
// CHECK-NEXT:      %29 = arith.addf %18, %27 : vector<4xf32>
// CHECK-NEXT:      vector.maskedstore %out[%i_1], %mask, %28 : memref<10xf32>, vector<4xi1>, vector<4xf32>
// CHECK-NEXT:      scf.yield %29 : vector<4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    %last = vector.extract %17[0] : f32 from vector<4xf32>
// CHECK-NEXT:    func.return %last : f32
func.func @scan(%x: memref<10xf32>, %out: memref<10xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c10 = arith.constant 10 : index
  %zero = arith.constant 0.0 : f32
  %last = scf.for %i = %c0 to %c10 step %c1 iter_args(%sum = %zero) -> (f32) {
    %v = memref.load %x[%i] : memref<10xf32>
    %s = arith.addf %sum, %v : f32
    memref.store %s, %out[%i] : memref<10xf32>
    scf.yield %s : f32
  } {fxlower.vector = 4 : i64}
  func.return %last : f32
}

// Not marked: left alone.
// CHECK-LABEL: func.func @scalar(%x: memref<64xf32>, %out: memref<64xf32>) {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     scf.for %i = %c0 to %c64 step %c1 {
// CHECK-NEXT:       %v = memref.load %x[%i] : memref<64xf32>
// CHECK-NEXT:       memref.store %v, %out[%i] : memref<64xf32>
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @scalar(%x: memref<64xf32>, %out: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c64 step %c1 {
    %v = memref.load %x[%i] : memref<64xf32>
    memref.store %v, %out[%i] : memref<64xf32>
  }
  func.return
}
}
