// RUN: fxlower-opt -p convert-tile-to-vector %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func @mma(%a: memref<3x64x2xf32>, %b: memref<1x64x32xf32>, %p: index, %depth: index, %c: memref<8x64xf32>) {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %1, %2, %3, %4 = scf.for %k = %c0 to %depth step %c1 iter_args(%5 = %0, %6 = %0, %7 = %0, %8 = %0) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
// CHECK-NEXT:        %9 = vector.load %b[%c0, %k, %c0] : memref<1x64x32xf32>, vector<16xf32>
// CHECK-NEXT:        %c16 = arith.constant 16 : index
// CHECK-NEXT:        %10 = vector.load %b[%c0, %k, %c16] : memref<1x64x32xf32>, vector<16xf32>
// CHECK-NEXT:        %11 = memref.load %a[%p, %k, %c0] : memref<3x64x2xf32>
// CHECK-NEXT:        %12 = vector.broadcast %11 : f32 to vector<16xf32>
// CHECK-NEXT:        %13 = math.fma %12, %9, %5 : vector<16xf32>
// CHECK-NEXT:        %14 = math.fma %12, %10, %6 : vector<16xf32>
// CHECK-NEXT:        %15 = memref.load %a[%p, %k, %c1] : memref<3x64x2xf32>
// CHECK-NEXT:        %16 = vector.broadcast %15 : f32 to vector<16xf32>
// CHECK-NEXT:        %17 = math.fma %16, %9, %7 : vector<16xf32>
// CHECK-NEXT:        %18 = math.fma %16, %10, %8 : vector<16xf32>
// CHECK-NEXT:        scf.yield %13, %14, %17, %18 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      }
// CHECK-NEXT:      vector.store %1, %c[%p, %c0] : memref<8x64xf32>, vector<16xf32>
// CHECK-NEXT:      %c16_1 = arith.constant 16 : index
// CHECK-NEXT:      vector.store %2, %c[%p, %c16_1] : memref<8x64xf32>, vector<16xf32>
// CHECK-NEXT:      %19 = arith.addi %p, %c1 : index
// CHECK-NEXT:      vector.store %3, %c[%19, %c0] : memref<8x64xf32>, vector<16xf32>
// CHECK-NEXT:      vector.store %4, %c[%19, %c16_1] : memref<8x64xf32>, vector<16xf32>
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @mma(%a: memref<3x64x2xf32>, %b: memref<1x64x32xf32>, %p: index, %depth: index, %c: memref<8x64xf32>) {
  %c0 = arith.constant 0 : index
  %zero = tile.zero : !tile.acc<2x32xf32>
  %sum = tile.mma %a[%p, %c0], %b[%c0, %c0], %depth, %zero : memref<3x64x2xf32>, memref<1x64x32xf32>, !tile.acc<2x32xf32>
  tile.store %sum, %c[%p, %c0] : !tile.acc<2x32xf32>, memref<8x64xf32>
  func.return
}

// CHECK-LABEL: func.func @accumulators_through_an_if(%first: i1, %i: index, %c: memref<8x64xf64>) {
// CHECK-NEXT:      %0, %1 = scf.if %first -> (vector<8xf64>, vector<8xf64>) {
// CHECK-NEXT:        %2 = arith.constant dense<0.000000e+00> : vector<8xf64>
// CHECK-NEXT:        scf.yield %2, %2 : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:      } else {
// CHECK-NEXT:        %3 = vector.load %c[%i, %i] : memref<8x64xf64>, vector<8xf64>
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        %4 = arith.addi %i, %c8 : index
// CHECK-NEXT:        %5 = vector.load %c[%i, %4] : memref<8x64xf64>, vector<8xf64>
// CHECK-NEXT:        scf.yield %3, %5 : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:      }
// CHECK-NEXT:      vector.store %0, %c[%i, %i] : memref<8x64xf64>, vector<8xf64>
// CHECK-NEXT:      %c8_1 = arith.constant 8 : index
// CHECK-NEXT:      %6 = arith.addi %i, %c8_1 : index
// CHECK-NEXT:      vector.store %1, %c[%i, %6] : memref<8x64xf64>, vector<8xf64>
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @accumulators_through_an_if(%first: i1, %i: index, %c: memref<8x64xf64>) {
  %acc = scf.if %first -> (!tile.acc<1x16xf64>) {
    %zero = tile.zero : !tile.acc<1x16xf64>
    scf.yield %zero : !tile.acc<1x16xf64>
  } else {
    %old = tile.load %c[%i, %i] : memref<8x64xf64>, !tile.acc<1x16xf64>
    scf.yield %old : !tile.acc<1x16xf64>
  }
  tile.store %acc, %c[%i, %i] : !tile.acc<1x16xf64>, memref<8x64xf64>
  func.return
}

// CHECK-LABEL: func.func @bounds(%rows: index, %columns: index, %i: index, %c: memref<8x64xf32>) {
// CHECK-NEXT:      %edge = memref.alloca() {alignment = 64 : i64} : memref<1x16xf32>
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %0 = arith.cmpi sge, %rows, %c1 : index
// CHECK-NEXT:      %c16 = arith.constant 16 : index
// CHECK-NEXT:      %1 = arith.cmpi sge, %columns, %c16 : index
// CHECK-NEXT:      %2 = arith.andi %0, %1 : i1
// CHECK-NEXT:      %3 = scf.if %2 -> (vector<16xf32>) {
// CHECK-NEXT:        %4 = vector.load %c[%i, %i] : memref<8x64xf32>, vector<16xf32>
// CHECK-NEXT:        scf.yield %4 : vector<16xf32>
// CHECK-NEXT:      } else {
// CHECK-NEXT:        %c0 = arith.constant 0 : index
// CHECK-NEXT:        scf.for %5 = %c0 to %rows step %c1 {
// CHECK-NEXT:          scf.for %6 = %c0 to %columns step %c1 {
// CHECK-NEXT:            %7 = arith.addi %i, %5 : index
// CHECK-NEXT:            %8 = arith.addi %i, %6 : index
// CHECK-NEXT:            %9 = memref.load %c[%7, %8] : memref<8x64xf32>
// CHECK-NEXT:            memref.store %9, %edge[%5, %6] : memref<1x16xf32>
// CHECK-NEXT:          } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:        }
// CHECK-NEXT:        %10 = vector.load %edge[%c0, %c0] : memref<1x16xf32>, vector<16xf32>
// CHECK-NEXT:        scf.yield %10 : vector<16xf32>
// CHECK-NEXT:      }
// CHECK-NEXT:      %11 = arith.cmpi sge, %rows, %c1 : index
// CHECK-NEXT:      %12 = arith.cmpi sge, %columns, %c16 : index
// CHECK-NEXT:      %13 = arith.andi %11, %12 : i1
// CHECK-NEXT:      scf.if %13 {
// CHECK-NEXT:        vector.store %3, %c[%i, %i] : memref<8x64xf32>, vector<16xf32>
// CHECK-NEXT:      } else {
// CHECK-NEXT:        %c0_1 = arith.constant 0 : index
// CHECK-NEXT:        vector.store %3, %edge[%c0_1, %c0_1] : memref<1x16xf32>, vector<16xf32>
// CHECK-NEXT:        scf.for %14 = %c0_1 to %rows step %c1 {
// CHECK-NEXT:          scf.for %15 = %c0_1 to %columns step %c1 {
// CHECK-NEXT:            %16 = memref.load %edge[%14, %15] : memref<1x16xf32>
// CHECK-NEXT:            %17 = arith.addi %i, %14 : index
// CHECK-NEXT:            %18 = arith.addi %i, %15 : index
// CHECK-NEXT:            memref.store %16, %c[%17, %18] : memref<8x64xf32>
// CHECK-NEXT:          } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:        }
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @bounds(%rows: index, %columns: index, %i: index, %c: memref<8x64xf32>) {
  %acc = tile.load %c[%i, %i] bounds %rows, %columns : memref<8x64xf32>, !tile.acc<1x16xf32>
  tile.store %acc, %c[%i, %i] bounds %rows, %columns : !tile.acc<1x16xf32>, memref<8x64xf32>
  func.return
}

// CHECK-LABEL: func.func @strided_result(%acc_source: memref<1x16xf32>, %i: index, %c: memref<8x64xf32, strided<[128, 2]>>) {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %0 = vector.load %acc_source[%c0, %c0] : memref<1x16xf32>, vector<16xf32>
// CHECK-NEXT:      %edge = memref.alloca() {alignment = 64 : i64} : memref<1x16xf32>
// CHECK-NEXT:      vector.store %0, %edge[%c0, %c0] : memref<1x16xf32>, vector<16xf32>
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      scf.for %1 = %c0 to %c1 step %c1 {
// CHECK-NEXT:        %c16 = arith.constant 16 : index
// CHECK-NEXT:        scf.for %2 = %c0 to %c16 step %c1 {
// CHECK-NEXT:          %3 = memref.load %edge[%1, %2] : memref<1x16xf32>
// CHECK-NEXT:          %4 = arith.addi %i, %1 : index
// CHECK-NEXT:          %5 = arith.addi %i, %2 : index
// CHECK-NEXT:          memref.store %3, %c[%4, %5] : memref<8x64xf32, strided<[128, 2]>>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @strided_result(%acc_source: memref<1x16xf32>, %i: index, %c: memref<8x64xf32, strided<[128, 2]>>) {
  %c0 = arith.constant 0 : index
  %acc = tile.load %acc_source[%c0, %c0] : memref<1x16xf32>, !tile.acc<1x16xf32>
  tile.store %acc, %c[%i, %i] : !tile.acc<1x16xf32>, memref<8x64xf32, strided<[128, 2]>>
  func.return
}

// CHECK-LABEL: func.func @pack_across_lanes(%a: memref<64x64xf16, strided<[1, 64]>>, %k: index, %n: index) {
// CHECK-NEXT:      %panels = memref.alloca() : memref<2x64x20xf32>
// CHECK-NEXT:      %c19 = arith.constant 19 : index
// CHECK-NEXT:      %0 = arith.addi %n, %c19 : index
// CHECK-NEXT:      %c20 = arith.constant 20 : index
// CHECK-NEXT:      %1 = arith.divui %0, %c20 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      scf.for %p = %c0 to %1 step %c1 {
// CHECK-NEXT:        %2 = arith.muli %p, %c20 : index
// CHECK-NEXT:        %3 = arith.subi %n, %2 : index
// CHECK-NEXT:        %4 = arith.muli %p, %c20 : index
// CHECK-NEXT:        %5 = arith.addi %k, %4 : index
// CHECK-NEXT:        %6 = arith.cmpi sge, %3, %c20 : index
// CHECK-NEXT:        scf.if %6 {
// CHECK-NEXT:          %7 = memref.reinterpret_cast %a to offset: [0], sizes: [64, 64], strides: [64, 1] : memref<64x64xf16, strided<[1, 64]>> to memref<64x64xf16>
// CHECK-NEXT:          scf.for %k_1 = %c0 to %n step %c1 {
// CHECK-NEXT:            %8 = arith.addi %k, %k_1 : index
// CHECK-NEXT:            %9 = vector.load %7[%8, %5] : memref<64x64xf16>, vector<16xf16>
// CHECK-NEXT:            %10 = arith.extf %9 : vector<16xf16> to vector<16xf32>
// CHECK-NEXT:            vector.store %10, %panels[%p, %k_1, %c0] : memref<2x64x20xf32>, vector<16xf32>
// CHECK-NEXT:            %c16 = arith.constant 16 : index
// CHECK-NEXT:            %11 = arith.addi %5, %c16 : index
// CHECK-NEXT:            %12 = arith.constant dense<0.000000e+00> : vector<16xf16>
// CHECK-NEXT:            %13 = vector.constant_mask [4] : vector<16xi1>
// CHECK-NEXT:            %14 = vector.maskedload %7[%8, %11], %13, %12 : memref<64x64xf16>, vector<16xi1>, vector<16xf16> into vector<16xf16>
// CHECK-NEXT:            %15 = arith.extf %14 : vector<16xf16> to vector<16xf32>
// CHECK-NEXT:            %16 = vector.constant_mask [4] : vector<16xi1>
// CHECK-NEXT:            vector.maskedstore %panels[%p, %k_1, %c16], %16, %15 : memref<2x64x20xf32>, vector<16xi1>, vector<16xf32>
// CHECK-NEXT:          }
// CHECK-NEXT:        } else {
// CHECK-NEXT:          scf.for %k_2 = %c0 to %n step %c1 {
// CHECK-NEXT:            %17 = arith.addi %k, %k_2 : index
// CHECK-NEXT:            scf.for %i = %c0 to %3 step %c1 {
// CHECK-NEXT:              %18 = arith.addi %5, %i : index
// CHECK-NEXT:              %19 = memref.load %a[%18, %17] : memref<64x64xf16, strided<[1, 64]>>
// CHECK-NEXT:              %20 = arith.extf %19 : f16 to f32
// CHECK-NEXT:              memref.store %20, %panels[%p, %k_2, %i] : memref<2x64x20xf32>
// CHECK-NEXT:            } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_across_lanes(%a: memref<64x64xf16, strided<[1, 64]>>, %k: index, %n: index) {
  %panels = memref.alloca() : memref<2x64x20xf32>
  tile.pack %a[%k, %k] bounds %n, %n into %panels : memref<64x64xf16, strided<[1, 64]>> into memref<2x64x20xf32>
  func.return
}

// CHECK-LABEL: func.func @pack_transposed(%a: memref<64x64xf64>, %k: index, %n: index) {
// CHECK-NEXT:      %panel = memref.alloca() : memref<1x64x2xf64>
// CHECK-NEXT:      %0 = arith.addi %k, %n : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %1 = arith.subi %0, %c1 : index
// CHECK-NEXT:      %2 = arith.minsi %k, %1 : index
// CHECK-NEXT:      %3 = arith.addi %k, %c1 : index
// CHECK-NEXT:      %4 = arith.minsi %3, %1 : index
// CHECK-NEXT:      %c8 = arith.constant 8 : index
// CHECK-NEXT:      %5 = arith.divui %n, %c8 : index
// CHECK-NEXT:      %6 = arith.muli %5, %c8 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      scf.for %k_1 = %c0 to %6 step %c8 {
// CHECK-NEXT:        %7 = arith.addi %k, %k_1 : index
// CHECK-NEXT:        %8 = vector.load %a[%2, %7] : memref<64x64xf64>, vector<8xf64>
// CHECK-NEXT:        %9 = vector.load %a[%4, %7] : memref<64x64xf64>, vector<8xf64>
// CHECK-NEXT:        %10 = vector.shuffle %8, %9 [0, 8, 2, 10, 4, 12, 6, 14] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %11 = vector.shuffle %8, %9 [1, 9, 3, 11, 5, 13, 7, 15] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %12 = vector.shuffle %10, %10 [0, 1, 4, 5, 8, 9, 12, 13] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %13 = vector.shuffle %10, %10 [2, 3, 6, 7, 10, 11, 14, 15] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %14 = vector.shuffle %11, %11 [0, 1, 4, 5, 8, 9, 12, 13] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %15 = vector.shuffle %11, %11 [2, 3, 6, 7, 10, 11, 14, 15] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %16 = vector.shuffle %12, %12 [0, 1, 4, 5, 8, 9, 12, 13] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %17 = vector.shuffle %12, %12 [2, 3, 6, 7, 10, 11, 14, 15] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %18 = vector.shuffle %14, %14 [0, 1, 4, 5, 8, 9, 12, 13] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %19 = vector.shuffle %14, %14 [2, 3, 6, 7, 10, 11, 14, 15] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %20 = vector.shuffle %13, %13 [0, 1, 4, 5, 8, 9, 12, 13] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %21 = vector.shuffle %13, %13 [2, 3, 6, 7, 10, 11, 14, 15] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %22 = vector.shuffle %15, %15 [0, 1, 4, 5, 8, 9, 12, 13] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %23 = vector.shuffle %15, %15 [2, 3, 6, 7, 10, 11, 14, 15] : vector<8xf64>, vector<8xf64>
// CHECK-NEXT:        %24 = vector.constant_mask [2] : vector<8xi1>
// CHECK-NEXT:        vector.maskedstore %panel[%c0, %k_1, %c0], %24, %16 : memref<1x64x2xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:        %25 = arith.addi %k_1, %c1 : index
// CHECK-NEXT:        %26 = vector.constant_mask [2] : vector<8xi1>
// CHECK-NEXT:        vector.maskedstore %panel[%c0, %25, %c0], %26, %18 : memref<1x64x2xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:        %c2 = arith.constant 2 : index
// CHECK-NEXT:        %27 = arith.addi %k_1, %c2 : index
// CHECK-NEXT:        %28 = vector.constant_mask [2] : vector<8xi1>
// CHECK-NEXT:        vector.maskedstore %panel[%c0, %27, %c0], %28, %20 : memref<1x64x2xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:        %c3 = arith.constant 3 : index
// CHECK-NEXT:        %29 = arith.addi %k_1, %c3 : index
// CHECK-NEXT:        %30 = vector.constant_mask [2] : vector<8xi1>
// CHECK-NEXT:        vector.maskedstore %panel[%c0, %29, %c0], %30, %22 : memref<1x64x2xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:        %c4 = arith.constant 4 : index
// CHECK-NEXT:        %31 = arith.addi %k_1, %c4 : index
// CHECK-NEXT:        %32 = vector.constant_mask [2] : vector<8xi1>
// CHECK-NEXT:        vector.maskedstore %panel[%c0, %31, %c0], %32, %17 : memref<1x64x2xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:        %c5 = arith.constant 5 : index
// CHECK-NEXT:        %33 = arith.addi %k_1, %c5 : index
// CHECK-NEXT:        %34 = vector.constant_mask [2] : vector<8xi1>
// CHECK-NEXT:        vector.maskedstore %panel[%c0, %33, %c0], %34, %19 : memref<1x64x2xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:        %c6 = arith.constant 6 : index
// CHECK-NEXT:        %35 = arith.addi %k_1, %c6 : index
// CHECK-NEXT:        %36 = vector.constant_mask [2] : vector<8xi1>
// CHECK-NEXT:        vector.maskedstore %panel[%c0, %35, %c0], %36, %21 : memref<1x64x2xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:        %c7 = arith.constant 7 : index
// CHECK-NEXT:        %37 = arith.addi %k_1, %c7 : index
// CHECK-NEXT:        %38 = vector.constant_mask [2] : vector<8xi1>
// CHECK-NEXT:        vector.maskedstore %panel[%c0, %37, %c0], %38, %23 : memref<1x64x2xf64>, vector<8xi1>, vector<8xf64>
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.for %k_2 = %6 to %n step %c1 {
// CHECK-NEXT:        %39 = arith.addi %k, %k_2 : index
// CHECK-NEXT:        %40 = memref.load %a[%2, %39] : memref<64x64xf64>
// CHECK-NEXT:        memref.store %40, %panel[%c0, %k_2, %c0] : memref<1x64x2xf64>
// CHECK-NEXT:        %41 = memref.load %a[%4, %39] : memref<64x64xf64>
// CHECK-NEXT:        memref.store %41, %panel[%c0, %k_2, %c1] : memref<1x64x2xf64>
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_transposed(%a: memref<64x64xf64>, %k: index, %n: index) {
  %panel = memref.alloca() : memref<1x64x2xf64>
  tile.pack %a[%k, %k] bounds %n, %n into %panel : memref<64x64xf64> into memref<1x64x2xf64>
  func.return
}

// CHECK-LABEL: func.func @pack_with_two_strides(%a: memref<64x64xf32, strided<[128, 2]>>, %k: index, %n: index) {
// CHECK-NEXT:      %panel = memref.alloca() : memref<1x64x16xf32>
// CHECK-NEXT:      %c16 = arith.constant 16 : index
// CHECK-NEXT:      %0 = arith.minsi %n, %c16 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      scf.for %k_1 = %c0 to %n step %c1 {
// CHECK-NEXT:        %1 = arith.addi %k, %k_1 : index
// CHECK-NEXT:        scf.for %i = %c0 to %0 step %c1 {
// CHECK-NEXT:          %2 = arith.addi %k, %i : index
// CHECK-NEXT:          %3 = memref.load %a[%2, %1] : memref<64x64xf32, strided<[128, 2]>>
// CHECK-NEXT:          memref.store %3, %panel[%c0, %k_1, %i] : memref<1x64x16xf32>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_with_two_strides(%a: memref<64x64xf32, strided<[128, 2]>>, %k: index, %n: index) {
  %panel = memref.alloca() : memref<1x64x16xf32>
  tile.pack %a[%k, %k] bounds %n, %n into %panel : memref<64x64xf32, strided<[128, 2]>> into memref<1x64x16xf32>
  func.return
}

// CHECK-LABEL: func.func @without_tiles(%x: index) -> index {
// CHECK-NEXT:      func.return %x : index
// CHECK-NEXT:    }
func.func @without_tiles(%x: index) -> index {
  func.return %x : index
}

// CHECK-LABEL: func.func @bounded_columns(%a: memref<2x8x2xf32>, %b: memref<1x8x16xf32>, %next: memref<1x8xf32>, %c: memref<8x64xf32>, %i: index, %n: index) {
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:      %1 = vector.create_mask %n : vector<16xi1>
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %2, %3 = scf.for %k = %c0 to %n step %c1 iter_args(%4 = %0, %5 = %0) -> (vector<16xf32>, vector<16xf32>) {
// CHECK-NEXT:        %6 = arith.addi %i, %k : index
// CHECK-NEXT:        %7 = arith.addi %i, %k : index
// CHECK-NEXT:        %8 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:        %9 = vector.maskedload %b[%i, %7, %c0], %1, %8 : memref<1x8x16xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK-NEXT:        %10 = arith.addi %n, %k : index
// CHECK-NEXT:        "memref.prefetch"(%next, %c0, %10) <{isWrite = false, localityHint = 2 : i32, isDataCache = true}> : (memref<1x8xf32>, index, index) -> ()
// CHECK-NEXT:        %11 = memref.load %a[%i, %6, %c0] : memref<2x8x2xf32>
// CHECK-NEXT:        %12 = vector.broadcast %11 : f32 to vector<16xf32>
// CHECK-NEXT:        %13 = math.fma %12, %9, %4 : vector<16xf32>
// CHECK-NEXT:        %14 = memref.load %a[%i, %6, %c1] : memref<2x8x2xf32>
// CHECK-NEXT:        %15 = vector.broadcast %14 : f32 to vector<16xf32>
// CHECK-NEXT:        %16 = math.fma %15, %9, %5 : vector<16xf32>
// CHECK-NEXT:        scf.yield %13, %16 : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      }
// CHECK-NEXT:      %17 = vector.create_mask %n : vector<16xi1>
// CHECK-NEXT:      vector.maskedstore %c[%i, %i], %17, %2 : memref<8x64xf32>, vector<16xi1>, vector<16xf32>
// CHECK-NEXT:      %18 = arith.addi %i, %c1 : index
// CHECK-NEXT:      vector.maskedstore %c[%18, %i], %17, %3 : memref<8x64xf32>, vector<16xi1>, vector<16xf32>
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @bounded_columns(%a: memref<2x8x2xf32>, %b: memref<1x8x16xf32>, %next: memref<1x8xf32>, %c: memref<8x64xf32>, %i: index, %n: index) {
  %c2 = arith.constant 2 : index
  %zero = tile.zero : !tile.acc<2x16xf32>
  %sum = tile.mma %a[%i, %i], %b[%i, %i], %n, %zero bounds %n ahead %next[%n] : memref<2x8x2xf32>, memref<1x8x16xf32>, !tile.acc<2x16xf32>, memref<1x8xf32>
  tile.store %sum, %c[%i, %i] bounds %c2, %n : !tile.acc<2x16xf32>, memref<8x64xf32>
  func.return
}

}
