// RUN: fxlower-opt -p convert-tile-to-vector %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v3"} {

// CHECK-LABEL: func.func @sums_are_added(%a: memref<3x32x1x2xi16>, %b: memref<1x32x8x2xi16>, %p: index, %depth: index, %c: memref<1x8xi32>) {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %0 = arith.constant dense<0> : vector<8xi32>
// CHECK-NEXT:      %1 = memref.reinterpret_cast %b to offset: [0], sizes: [1, 32, 16], strides: [512, 16, 1] : memref<1x32x8x2xi16> to memref<1x32x16xi16>
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %2 = arith.addi %depth, %c1 : index
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %3 = arith.divui %2, %c2 : index
// CHECK-NEXT:      %4 = scf.for %k = %c0 to %3 step %c1 iter_args(%5 = %0) -> (vector<8xi32>) {
// CHECK-NEXT:        %6 = vector.load %1[%c0, %k, %c0] : memref<1x32x16xi16>, vector<16xi16>
// CHECK-NEXT:        %7 = vector.load %a[%p, %k, %c0, %c0] : memref<3x32x1x2xi16>, vector<2xi16>
// CHECK-NEXT:        %8 = vector.bitcast %7 : vector<2xi16> to vector<1xi32>
// CHECK-NEXT:        %9 = vector.broadcast %8 : vector<1xi32> to vector<8xi32>
// CHECK-NEXT:        %10 = vector.bitcast %9 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %11 = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%10, %6) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
// CHECK-NEXT:        %12 = arith.addi %5, %11 : vector<8xi32>
// CHECK-NEXT:        scf.yield %12 : vector<8xi32>
// CHECK-NEXT:      }
// CHECK-NEXT:      vector.store %4, %c[%c0, %c0] : memref<1x8xi32>, vector<8xi32>
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @sums_are_added(%a: memref<3x32x1x2xi16>, %b: memref<1x32x8x2xi16>, %p: index, %depth: index, %c: memref<1x8xi32>) {
  %c0 = arith.constant 0 : index
  %zero = tile.zero : !tile.acc<1x8xi32>
  %sum = tile.mma %a[%p, %c0], %b[%c0, %c0], %depth, %zero : memref<3x32x1x2xi16>, memref<1x32x8x2xi16>, !tile.acc<1x8xi32>
  tile.store %sum, %c[%c0, %c0] : !tile.acc<1x8xi32>, memref<1x8xi32>
  func.return
}

// CHECK-LABEL: func.func @pack_across_lanes(%a: memref<64x64xi16, strided<[1, 64]>>, %lane: index, %k: index, %lanes: index) {
// CHECK-NEXT:      %panel = memref.alloca() : memref<1x16x6x2xi16>
// CHECK-NEXT:      %c32 = arith.constant 32 : index
// CHECK-NEXT:      %0 = memref.reinterpret_cast %panel to offset: [0], sizes: [1, 16, 12], strides: [192, 12, 1] : memref<1x16x6x2xi16> to memref<1x16x12xi16>
// CHECK-NEXT:      %c6 = arith.constant 6 : index
// CHECK-NEXT:      %1 = arith.cmpi sge, %lanes, %c6 : index
// CHECK-NEXT:      scf.if %1 {
// CHECK-NEXT:        %2 = memref.reinterpret_cast %a to offset: [0], sizes: [64, 64], strides: [64, 1] : memref<64x64xi16, strided<[1, 64]>> to memref<64x64xi16>
// CHECK-NEXT:        %c0 = arith.constant 0 : index
// CHECK-NEXT:        %c16 = arith.constant 16 : index
// CHECK-NEXT:        %c1 = arith.constant 1 : index
// CHECK-NEXT:        scf.for %g = %c0 to %c16 step %c1 {
// CHECK-NEXT:          %c2 = arith.constant 2 : index
// CHECK-NEXT:          %3 = arith.muli %g, %c2 : index
// CHECK-NEXT:          %4 = arith.addi %k, %3 : index
// CHECK-NEXT:          %5 = vector.load %2[%4, %lane] : memref<64x64xi16>, vector<4xi16>
// CHECK-NEXT:          %6 = arith.addi %3, %c1 : index
// CHECK-NEXT:          %7 = arith.addi %k, %6 : index
// CHECK-NEXT:          %8 = vector.load %2[%7, %lane] : memref<64x64xi16>, vector<4xi16>
// CHECK-NEXT:          %9 = vector.shuffle %5, %8 [0, 4, 1, 5, 2, 6, 3, 7] : vector<4xi16>, vector<4xi16>
// CHECK-NEXT:          vector.store %9, %0[%c0, %g, %c0] : memref<1x16x12xi16>, vector<8xi16>
// CHECK-NEXT:          %c4 = arith.constant 4 : index
// CHECK-NEXT:          %10 = arith.addi %lane, %c4 : index
// CHECK-NEXT:          %11 = arith.addi %k, %3 : index
// CHECK-NEXT:          %12 = vector.load %2[%11, %10] : memref<64x64xi16>, vector<2xi16>
// CHECK-NEXT:          %13 = arith.addi %3, %c1 : index
// CHECK-NEXT:          %14 = arith.addi %lane, %c4 : index
// CHECK-NEXT:          %15 = arith.addi %k, %13 : index
// CHECK-NEXT:          %16 = vector.load %2[%15, %14] : memref<64x64xi16>, vector<2xi16>
// CHECK-NEXT:          %17 = vector.shuffle %12, %16 [0, 2, 1, 3] : vector<2xi16>, vector<2xi16>
// CHECK-NEXT:          %c8 = arith.constant 8 : index
// CHECK-NEXT:          vector.store %17, %0[%c0, %g, %c8] : memref<1x16x12xi16>, vector<4xi16>
// CHECK-NEXT:        }
// CHECK-NEXT:      } else {
// CHECK-NEXT:        %c0_1 = arith.constant 0 : index
// CHECK-NEXT:        %c16_1 = arith.constant 16 : index
// CHECK-NEXT:        %c1_1 = arith.constant 1 : index
// CHECK-NEXT:        scf.for %g_1 = %c0_1 to %c16_1 step %c1_1 {
// CHECK-NEXT:          %c2_1 = arith.constant 2 : index
// CHECK-NEXT:          %18 = arith.muli %g_1, %c2_1 : index
// CHECK-NEXT:          scf.for %i = %c0_1 to %lanes step %c1_1 {
// CHECK-NEXT:            %19 = arith.addi %lane, %i : index
// CHECK-NEXT:            %20 = arith.addi %k, %18 : index
// CHECK-NEXT:            %21 = memref.load %a[%19, %20] : memref<64x64xi16, strided<[1, 64]>>
// CHECK-NEXT:            memref.store %21, %panel[%c0_1, %g_1, %i, %c0_1] : memref<1x16x6x2xi16>
// CHECK-NEXT:          } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:          scf.for %i_1 = %c0_1 to %lanes step %c1_1 {
// CHECK-NEXT:            %22 = arith.addi %lane, %i_1 : index
// CHECK-NEXT:            %23 = arith.addi %18, %c1_1 : index
// CHECK-NEXT:            %24 = arith.addi %k, %23 : index
// CHECK-NEXT:            %25 = memref.load %a[%22, %24] : memref<64x64xi16, strided<[1, 64]>>
// CHECK-NEXT:            memref.store %25, %panel[%c0_1, %g_1, %i_1, %c1_1] : memref<1x16x6x2xi16>
// CHECK-NEXT:          } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:        }
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_across_lanes(%a: memref<64x64xi16, strided<[1, 64]>>, %lane: index, %k: index, %lanes: index) {
  %panel = memref.alloca() : memref<1x16x6x2xi16>
  %c32 = arith.constant 32 : index
  tile.pack %a[%lane, %k] bounds %lanes, %c32 into %panel : memref<64x64xi16, strided<[1, 64]>> into memref<1x16x6x2xi16>
  func.return
}

// CHECK-LABEL: func.func @pack_transposed(%a: memref<64x64xi16>, %lane: index, %k: index, %depth: index) {
// CHECK-NEXT:      %panel = memref.alloca() : memref<1x16x1x2xi16>
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %0 = memref.reinterpret_cast %panel to offset: [0], sizes: [1, 16, 2], strides: [32, 2, 1] : memref<1x16x1x2xi16> to memref<1x16x2xi16>
// CHECK-NEXT:      %1 = arith.addi %lane, %c1 : index
// CHECK-NEXT:      %2 = arith.subi %1, %c1 : index
// CHECK-NEXT:      %3 = arith.minsi %lane, %2 : index
// CHECK-NEXT:      %c16 = arith.constant 16 : index
// CHECK-NEXT:      %4 = arith.divui %depth, %c16 : index
// CHECK-NEXT:      %5 = arith.muli %4, %c16 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      scf.for %k_1 = %c0 to %5 step %c16 {
// CHECK-NEXT:        %6 = arith.addi %k, %k_1 : index
// CHECK-NEXT:        %7 = vector.load %a[%3, %6] : memref<64x64xi16>, vector<16xi16>
// CHECK-NEXT:        %8 = vector.bitcast %7 : vector<16xi16> to vector<8xi32>
// CHECK-NEXT:        %9 = vector.shuffle %8, %8 [0, 8, 1, 9, 4, 12, 5, 13] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %10 = vector.shuffle %8, %8 [2, 10, 3, 11, 6, 14, 7, 15] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %11 = vector.shuffle %9, %9 [0, 1, 8, 9, 4, 5, 12, 13] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %12 = vector.shuffle %9, %9 [2, 3, 10, 11, 6, 7, 14, 15] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %13 = vector.shuffle %10, %10 [0, 1, 8, 9, 4, 5, 12, 13] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %14 = vector.shuffle %10, %10 [2, 3, 10, 11, 6, 7, 14, 15] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %15 = vector.shuffle %11, %11 [0, 1, 2, 3, 8, 9, 10, 11] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %16 = vector.shuffle %11, %11 [4, 5, 6, 7, 12, 13, 14, 15] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %17 = vector.shuffle %13, %13 [0, 1, 2, 3, 8, 9, 10, 11] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %18 = vector.shuffle %13, %13 [4, 5, 6, 7, 12, 13, 14, 15] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %19 = vector.shuffle %12, %12 [0, 1, 2, 3, 8, 9, 10, 11] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %20 = vector.shuffle %12, %12 [4, 5, 6, 7, 12, 13, 14, 15] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %21 = vector.shuffle %14, %14 [0, 1, 2, 3, 8, 9, 10, 11] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %22 = vector.shuffle %14, %14 [4, 5, 6, 7, 12, 13, 14, 15] : vector<8xi32>, vector<8xi32>
// CHECK-NEXT:        %c2 = arith.constant 2 : index
// CHECK-NEXT:        %23 = arith.divui %k_1, %c2 : index
// CHECK-NEXT:        %24 = vector.bitcast %15 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %25 = vector.shuffle %24, %24 [0, 1] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %25, %0[%c0, %23, %c0] : memref<1x16x2xi16>, vector<2xi16>
// CHECK-NEXT:        %26 = vector.bitcast %19 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %27 = arith.addi %23, %c1 : index
// CHECK-NEXT:        %28 = vector.shuffle %26, %26 [0, 1] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %28, %0[%c0, %27, %c0] : memref<1x16x2xi16>, vector<2xi16>
// CHECK-NEXT:        %29 = vector.bitcast %17 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %30 = arith.addi %23, %c2 : index
// CHECK-NEXT:        %31 = vector.shuffle %29, %29 [0, 1] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %31, %0[%c0, %30, %c0] : memref<1x16x2xi16>, vector<2xi16>
// CHECK-NEXT:        %32 = vector.bitcast %21 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %c3 = arith.constant 3 : index
// CHECK-NEXT:        %33 = arith.addi %23, %c3 : index
// CHECK-NEXT:        %34 = vector.shuffle %32, %32 [0, 1] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %34, %0[%c0, %33, %c0] : memref<1x16x2xi16>, vector<2xi16>
// CHECK-NEXT:        %35 = vector.bitcast %16 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %c4 = arith.constant 4 : index
// CHECK-NEXT:        %36 = arith.addi %23, %c4 : index
// CHECK-NEXT:        %37 = vector.shuffle %35, %35 [0, 1] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %37, %0[%c0, %36, %c0] : memref<1x16x2xi16>, vector<2xi16>
// CHECK-NEXT:        %38 = vector.bitcast %20 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %c5 = arith.constant 5 : index
// CHECK-NEXT:        %39 = arith.addi %23, %c5 : index
// CHECK-NEXT:        %40 = vector.shuffle %38, %38 [0, 1] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %40, %0[%c0, %39, %c0] : memref<1x16x2xi16>, vector<2xi16>
// CHECK-NEXT:        %41 = vector.bitcast %18 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %c6 = arith.constant 6 : index
// CHECK-NEXT:        %42 = arith.addi %23, %c6 : index
// CHECK-NEXT:        %43 = vector.shuffle %41, %41 [0, 1] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %43, %0[%c0, %42, %c0] : memref<1x16x2xi16>, vector<2xi16>
// CHECK-NEXT:        %44 = vector.bitcast %22 : vector<8xi32> to vector<16xi16>
// CHECK-NEXT:        %c7 = arith.constant 7 : index
// CHECK-NEXT:        %45 = arith.addi %23, %c7 : index
// CHECK-NEXT:        %46 = vector.shuffle %44, %44 [0, 1] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %46, %0[%c0, %45, %c0] : memref<1x16x2xi16>, vector<2xi16>
// CHECK-NEXT:      }
// CHECK-NEXT:      %c2_1 = arith.constant 2 : index
// CHECK-NEXT:      scf.for %k_2 = %5 to %depth step %c2_1 {
// CHECK-NEXT:        %47 = arith.divui %k_2, %c2_1 : index
// CHECK-NEXT:        %48 = arith.subi %depth, %c1 : index
// CHECK-NEXT:        %49 = arith.minsi %k_2, %48 : index
// CHECK-NEXT:        %50 = arith.addi %k, %49 : index
// CHECK-NEXT:        %51 = memref.load %a[%3, %50] : memref<64x64xi16>
// CHECK-NEXT:        %52 = arith.cmpi slt, %k_2, %depth : index
// CHECK-NEXT:        %53 = arith.constant 0 : i16
// CHECK-NEXT:        %54 = arith.select %52, %51, %53 : i16
// CHECK-NEXT:        memref.store %54, %panel[%c0, %47, %c0, %c0] : memref<1x16x1x2xi16>
// CHECK-NEXT:        %55 = arith.addi %k_2, %c1 : index
// CHECK-NEXT:        %56 = arith.subi %depth, %c1 : index
// CHECK-NEXT:        %57 = arith.minsi %55, %56 : index
// CHECK-NEXT:        %58 = arith.addi %k, %57 : index
// CHECK-NEXT:        %59 = memref.load %a[%3, %58] : memref<64x64xi16>
// CHECK-NEXT:        %60 = arith.cmpi slt, %55, %depth : index
// CHECK-NEXT:        %61 = arith.select %60, %59, %53 : i16
// CHECK-NEXT:        memref.store %61, %panel[%c0, %47, %c0, %c1] : memref<1x16x1x2xi16>
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_transposed(%a: memref<64x64xi16>, %lane: index, %k: index, %depth: index) {
  %panel = memref.alloca() : memref<1x16x1x2xi16>
  %c1 = arith.constant 1 : index
  tile.pack %a[%lane, %k] bounds %c1, %depth into %panel : memref<64x64xi16> into memref<1x16x1x2xi16>
  func.return
}

}
