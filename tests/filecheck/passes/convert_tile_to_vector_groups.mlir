// RUN: fxlower-opt -p convert-tile-to-vector %s | filecheck %s

builtin.module attributes {fxlower.machine = "znver4"} {

// CHECK-LABEL: func.func @pairs(%a: memref<3x32x2x2xbf16>, %b: memref<1x32x16x2xbf16>, %p: index, %depth: index, %c: memref<2x16xf32>) {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %0 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT:      %1 = memref.reinterpret_cast %b to offset: [0], sizes: [1, 32, 32], strides: [1024, 32, 1] : memref<1x32x16x2xbf16> to memref<1x32x32xbf16>
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %2 = arith.addi %depth, %c1 : index
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %3 = arith.divui %2, %c2 : index
// CHECK-NEXT:      %4, %5 = scf.for %k = %c0 to %3 step %c1 iter_args(%6 = %0, %7 = %0) -> (vector<16xf32>, vector<16xf32>) {
// CHECK-NEXT:        %8 = vector.load %1[%c0, %k, %c0] : memref<1x32x32xbf16>, vector<32xbf16>
// CHECK-NEXT:        %9 = vector.load %a[%p, %k, %c0, %c0] : memref<3x32x2x2xbf16>, vector<2xbf16>
// CHECK-NEXT:        %10 = vector.bitcast %9 : vector<2xbf16> to vector<1xi32>
// CHECK-NEXT:        %11 = vector.broadcast %10 : vector<1xi32> to vector<16xi32>
// CHECK-NEXT:        %12 = vector.bitcast %11 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %13 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%6, %12, %8) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
// CHECK-NEXT:        %14 = vector.load %a[%p, %k, %c1, %c0] : memref<3x32x2x2xbf16>, vector<2xbf16>
// CHECK-NEXT:        %15 = vector.bitcast %14 : vector<2xbf16> to vector<1xi32>
// CHECK-NEXT:        %16 = vector.broadcast %15 : vector<1xi32> to vector<16xi32>
// CHECK-NEXT:        %17 = vector.bitcast %16 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %18 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%7, %17, %8) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
// CHECK-NEXT:        scf.yield %13, %18 : vector<16xf32>, vector<16xf32>
// CHECK-NEXT:      }
// CHECK-NEXT:      vector.store %4, %c[%c0, %c0] : memref<2x16xf32>, vector<16xf32>
// CHECK-NEXT:      vector.store %5, %c[%c1, %c0] : memref<2x16xf32>, vector<16xf32>
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pairs(%a: memref<3x32x2x2xbf16>, %b: memref<1x32x16x2xbf16>, %p: index, %depth: index, %c: memref<2x16xf32>) {
  %c0 = arith.constant 0 : index
  %zero = tile.zero : !tile.acc<2x16xf32>
  %sum = tile.mma %a[%p, %c0], %b[%c0, %c0], %depth, %zero : memref<3x32x2x2xbf16>, memref<1x32x16x2xbf16>, !tile.acc<2x16xf32>
  tile.store %sum, %c[%c0, %c0] : !tile.acc<2x16xf32>, memref<2x16xf32>
  func.return
}

// CHECK-LABEL: func.func @bytes_the_other_way_round(%a: memref<1x8x1x4xi8>, %b: memref<1x8x16x4xi8>, %sums: memref<1x16xi32>, %p: index, %c: memref<1x16xi32>) {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c32 = arith.constant 32 : index
// CHECK-NEXT:      %0 = arith.constant dense<0> : vector<16xi32>
// CHECK-NEXT:      %1 = vector.load %sums[%c0, %c0] : memref<1x16xi32>, vector<16xi32>
// CHECK-NEXT:      %2 = arith.subi %0, %1 : vector<16xi32>
// CHECK-NEXT:      %3 = memref.reinterpret_cast %b to offset: [0], sizes: [1, 8, 64], strides: [512, 64, 1] : memref<1x8x16x4xi8> to memref<1x8x64xi8>
// CHECK-NEXT:      %c8 = arith.constant 8 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %4 = scf.for %k = %c0 to %c8 step %c1 iter_args(%5 = %2) -> (vector<16xi32>) {
// CHECK-NEXT:        %6 = vector.load %3[%c0, %k, %c0] : memref<1x8x64xi8>, vector<64xi8>
// CHECK-NEXT:        %7 = vector.load %a[%p, %k, %c0, %c0] : memref<1x8x1x4xi8>, vector<4xi8>
// CHECK-NEXT:        %8 = vector.bitcast %7 : vector<4xi8> to vector<1xi32>
// CHECK-NEXT:        %9 = vector.broadcast %8 : vector<1xi32> to vector<16xi32>
// CHECK-NEXT:        %10 = vector.bitcast %9 : vector<16xi32> to vector<64xi8>
// CHECK-NEXT:        %11 = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%5, %6, %10) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
// CHECK-NEXT:        scf.yield %11 : vector<16xi32>
// CHECK-NEXT:      }
// CHECK-NEXT:      vector.store %4, %c[%c0, %c0] : memref<1x16xi32>, vector<16xi32>
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @bytes_the_other_way_round(%a: memref<1x8x1x4xi8>, %b: memref<1x8x16x4xi8>, %sums: memref<1x16xi32>, %p: index, %c: memref<1x16xi32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %zero = tile.zero : !tile.acc<1x16xi32>
  %less = tile.subtract_row %zero, %sums[%c0, %c0] : memref<1x16xi32>, !tile.acc<1x16xi32>
  %sum = tile.mma %a[%p, %c0], %b[%c0, %c0], %c32, %less {b_unsigned} : memref<1x8x1x4xi8>, memref<1x8x16x4xi8>, !tile.acc<1x16xi32>
  tile.store %sum, %c[%c0, %c0] : !tile.acc<1x16xi32>, memref<1x16xi32>
  func.return
}

// CHECK-LABEL: func.func @pack_across_lanes(%a: memref<64x64xi8, strided<[1, 64]>>, %lane: index, %k: index, %lanes: index) {
// CHECK-NEXT:      %panel = memref.alloca() : memref<1x16x20x4xi8>
// CHECK-NEXT:      %c32 = arith.constant 32 : index
// CHECK-NEXT:      %0 = memref.reinterpret_cast %panel to offset: [0], sizes: [1, 16, 80], strides: [1280, 80, 1] : memref<1x16x20x4xi8> to memref<1x16x80xi8>
// CHECK-NEXT:      %1 = memref.reinterpret_cast %a to offset: [0], sizes: [64, 64], strides: [64, 1] : memref<64x64xi8, strided<[1, 64]>> to memref<64x64xi8>
// CHECK-NEXT:      %c16 = arith.constant 16 : index
// CHECK-NEXT:      %2 = arith.minsi %lanes, %c16 : index
// CHECK-NEXT:      %3 = vector.create_mask %2 : vector<16xi1>
// CHECK-NEXT:      %4 = arith.subi %lanes, %c16 : index
// CHECK-NEXT:      %c4 = arith.constant 4 : index
// CHECK-NEXT:      %5 = arith.minsi %4, %c4 : index
// CHECK-NEXT:      %6 = vector.create_mask %5 : vector<16xi1>
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c8 = arith.constant 8 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      scf.for %g = %c0 to %c8 step %c1 {
// CHECK-NEXT:        %7 = arith.muli %g, %c4 : index
// CHECK-NEXT:        %8 = arith.addi %k, %7 : index
// CHECK-NEXT:        %9 = arith.constant dense<0> : vector<16xi8>
// CHECK-NEXT:        %10 = vector.maskedload %1[%8, %lane], %3, %9 : memref<64x64xi8>, vector<16xi1>, vector<16xi8> into vector<16xi8>
// CHECK-NEXT:        %11 = arith.constant dense<-128> : vector<16xi8>
// CHECK-NEXT:        %12 = arith.addi %10, %11 : vector<16xi8>
// CHECK-NEXT:        %13 = arith.addi %7, %c1 : index
// CHECK-NEXT:        %14 = arith.addi %k, %13 : index
// CHECK-NEXT:        %15 = arith.constant dense<0> : vector<16xi8>
// CHECK-NEXT:        %16 = vector.maskedload %1[%14, %lane], %3, %15 : memref<64x64xi8>, vector<16xi1>, vector<16xi8> into vector<16xi8>
// CHECK-NEXT:        %17 = arith.constant dense<-128> : vector<16xi8>
// CHECK-NEXT:        %18 = arith.addi %16, %17 : vector<16xi8>
// CHECK-NEXT:        %c2 = arith.constant 2 : index
// CHECK-NEXT:        %19 = arith.addi %7, %c2 : index
// CHECK-NEXT:        %20 = arith.addi %k, %19 : index
// CHECK-NEXT:        %21 = arith.constant dense<0> : vector<16xi8>
// CHECK-NEXT:        %22 = vector.maskedload %1[%20, %lane], %3, %21 : memref<64x64xi8>, vector<16xi1>, vector<16xi8> into vector<16xi8>
// CHECK-NEXT:        %23 = arith.constant dense<-128> : vector<16xi8>
// CHECK-NEXT:        %24 = arith.addi %22, %23 : vector<16xi8>
// CHECK-NEXT:        %c3 = arith.constant 3 : index
// CHECK-NEXT:        %25 = arith.addi %7, %c3 : index
// CHECK-NEXT:        %26 = arith.addi %k, %25 : index
// CHECK-NEXT:        %27 = arith.constant dense<0> : vector<16xi8>
// CHECK-NEXT:        %28 = vector.maskedload %1[%26, %lane], %3, %27 : memref<64x64xi8>, vector<16xi1>, vector<16xi8> into vector<16xi8>
// CHECK-NEXT:        %29 = arith.constant dense<-128> : vector<16xi8>
// CHECK-NEXT:        %30 = arith.addi %28, %29 : vector<16xi8>
// CHECK-NEXT:        %31 = vector.shuffle %12, %24 [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31] : vector<16xi8>, vector<16xi8>
// CHECK-NEXT:        %32 = vector.shuffle %18, %30 [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31] : vector<16xi8>, vector<16xi8>
// CHECK-NEXT:        %33 = vector.shuffle %31, %32 [0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63] : vector<32xi8>, vector<32xi8>
// CHECK-NEXT:        vector.store %33, %0[%c0, %g, %c0] : memref<1x16x80xi8>, vector<64xi8>
// CHECK-NEXT:        %34 = arith.addi %lane, %c16 : index
// CHECK-NEXT:        %35 = arith.addi %k, %7 : index
// CHECK-NEXT:        %36 = arith.constant dense<0> : vector<16xi8>
// CHECK-NEXT:        %37 = vector.maskedload %1[%35, %34], %6, %36 : memref<64x64xi8>, vector<16xi1>, vector<16xi8> into vector<16xi8>
// CHECK-NEXT:        %38 = arith.constant dense<-128> : vector<16xi8>
// CHECK-NEXT:        %39 = arith.addi %37, %38 : vector<16xi8>
// CHECK-NEXT:        %40 = arith.addi %7, %c1 : index
// CHECK-NEXT:        %41 = arith.addi %lane, %c16 : index
// CHECK-NEXT:        %42 = arith.addi %k, %40 : index
// CHECK-NEXT:        %43 = arith.constant dense<0> : vector<16xi8>
// CHECK-NEXT:        %44 = vector.maskedload %1[%42, %41], %6, %43 : memref<64x64xi8>, vector<16xi1>, vector<16xi8> into vector<16xi8>
// CHECK-NEXT:        %45 = arith.constant dense<-128> : vector<16xi8>
// CHECK-NEXT:        %46 = arith.addi %44, %45 : vector<16xi8>
// CHECK-NEXT:        %47 = arith.addi %7, %c2 : index
// CHECK-NEXT:        %48 = arith.addi %lane, %c16 : index
// CHECK-NEXT:        %49 = arith.addi %k, %47 : index
// CHECK-NEXT:        %50 = arith.constant dense<0> : vector<16xi8>
// CHECK-NEXT:        %51 = vector.maskedload %1[%49, %48], %6, %50 : memref<64x64xi8>, vector<16xi1>, vector<16xi8> into vector<16xi8>
// CHECK-NEXT:        %52 = arith.constant dense<-128> : vector<16xi8>
// CHECK-NEXT:        %53 = arith.addi %51, %52 : vector<16xi8>
// CHECK-NEXT:        %54 = arith.addi %7, %c3 : index
// CHECK-NEXT:        %55 = arith.addi %lane, %c16 : index
// CHECK-NEXT:        %56 = arith.addi %k, %54 : index
// CHECK-NEXT:        %57 = arith.constant dense<0> : vector<16xi8>
// CHECK-NEXT:        %58 = vector.maskedload %1[%56, %55], %6, %57 : memref<64x64xi8>, vector<16xi1>, vector<16xi8> into vector<16xi8>
// CHECK-NEXT:        %59 = arith.constant dense<-128> : vector<16xi8>
// CHECK-NEXT:        %60 = arith.addi %58, %59 : vector<16xi8>
// CHECK-NEXT:        %61 = vector.shuffle %39, %53 [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31] : vector<16xi8>, vector<16xi8>
// CHECK-NEXT:        %62 = vector.shuffle %46, %60 [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31] : vector<16xi8>, vector<16xi8>
// CHECK-NEXT:        %63 = vector.shuffle %61, %62 [0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63] : vector<32xi8>, vector<32xi8>
// CHECK-NEXT:        %c64 = arith.constant 64 : index
// CHECK-NEXT:        %64 = vector.constant_mask [16] : vector<64xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %g, %c64], %64, %63 : memref<1x16x80xi8>, vector<64xi1>, vector<64xi8>
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_across_lanes(%a: memref<64x64xi8, strided<[1, 64]>>, %lane: index, %k: index, %lanes: index) {
  %panel = memref.alloca() : memref<1x16x20x4xi8>
  %c32 = arith.constant 32 : index
  tile.pack %a[%lane, %k] bounds %lanes, %c32 into %panel {offset = 128 : i64} : memref<64x64xi8, strided<[1, 64]>> into memref<1x16x20x4xi8>
  func.return
}

// CHECK-LABEL: func.func @pack_odd_depth_widened(%a: memref<64x64xi8, strided<[1, 64]>>, %lane: index, %k: index, %depth: index) {
// CHECK-NEXT:      %panel = memref.alloca() : memref<1x16x16x2xi16>
// CHECK-NEXT:      %c16 = arith.constant 16 : index
// CHECK-NEXT:      %0 = memref.reinterpret_cast %panel to offset: [0], sizes: [1, 16, 32], strides: [512, 32, 1] : memref<1x16x16x2xi16> to memref<1x16x32xi16>
// CHECK-NEXT:      %1 = memref.reinterpret_cast %a to offset: [0], sizes: [64, 64], strides: [64, 1] : memref<64x64xi8, strided<[1, 64]>> to memref<64x64xi8>
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %2 = arith.divui %depth, %c2 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      scf.for %g = %c0 to %2 step %c1 {
// CHECK-NEXT:        %3 = arith.muli %g, %c2 : index
// CHECK-NEXT:        %4 = arith.addi %k, %3 : index
// CHECK-NEXT:        %5 = vector.load %1[%4, %lane] : memref<64x64xi8>, vector<16xi8>
// CHECK-NEXT:        %6 = arith.extui %5 : vector<16xi8> to vector<16xi16>
// CHECK-NEXT:        %7 = arith.addi %3, %c1 : index
// CHECK-NEXT:        %8 = arith.addi %k, %7 : index
// CHECK-NEXT:        %9 = vector.load %1[%8, %lane] : memref<64x64xi8>, vector<16xi8>
// CHECK-NEXT:        %10 = arith.extui %9 : vector<16xi8> to vector<16xi16>
// CHECK-NEXT:        %11 = vector.shuffle %6, %10 [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %11, %0[%c0, %g, %c0] : memref<1x16x32xi16>, vector<32xi16>
// CHECK-NEXT:      }
// CHECK-NEXT:      %12 = arith.addi %depth, %c1 : index
// CHECK-NEXT:      %13 = arith.divui %12, %c2 : index
// CHECK-NEXT:      scf.for %g_1 = %2 to %13 step %c1 {
// CHECK-NEXT:        %14 = arith.muli %g_1, %c2 : index
// CHECK-NEXT:        %15 = arith.addi %k, %14 : index
// CHECK-NEXT:        %16 = vector.load %1[%15, %lane] : memref<64x64xi8>, vector<16xi8>
// CHECK-NEXT:        %17 = arith.extui %16 : vector<16xi8> to vector<16xi16>
// CHECK-NEXT:        %18 = arith.addi %14, %c1 : index
// CHECK-NEXT:        %19 = arith.subi %depth, %c1 : index
// CHECK-NEXT:        %20 = arith.minsi %18, %19 : index
// CHECK-NEXT:        %21 = arith.addi %k, %20 : index
// CHECK-NEXT:        %22 = vector.load %1[%21, %lane] : memref<64x64xi8>, vector<16xi8>
// CHECK-NEXT:        %23 = arith.extui %22 : vector<16xi8> to vector<16xi16>
// CHECK-NEXT:        %24 = arith.cmpi slt, %18, %depth : index
// CHECK-NEXT:        %25 = arith.constant dense<0> : vector<16xi16>
// CHECK-NEXT:        %26 = arith.select %24, %23, %25 : vector<16xi16>
// CHECK-NEXT:        %27 = vector.shuffle %17, %26 [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31] : vector<16xi16>, vector<16xi16>
// CHECK-NEXT:        vector.store %27, %0[%c0, %g_1, %c0] : memref<1x16x32xi16>, vector<32xi16>
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_odd_depth_widened(%a: memref<64x64xi8, strided<[1, 64]>>, %lane: index, %k: index, %depth: index) {
  %panel = memref.alloca() : memref<1x16x16x2xi16>
  %c16 = arith.constant 16 : index
  tile.pack %a[%lane, %k] bounds %c16, %depth into %panel {unsigned} : memref<64x64xi8, strided<[1, 64]>> into memref<1x16x16x2xi16>
  func.return
}

// CHECK-LABEL: func.func @pack_with_two_strides(%a: memref<64x64xbf16, strided<[128, 2]>>, %lane: index, %k: index, %lanes: index, %depth: index) {
// CHECK-NEXT:      %panel = memref.alloca() : memref<1x16x16x2xbf16>
// CHECK-NEXT:      %0 = memref.reinterpret_cast %panel to offset: [0], sizes: [1, 16, 32], strides: [512, 32, 1] : memref<1x16x16x2xbf16> to memref<1x16x32xbf16>
// CHECK-NEXT:      %c16 = arith.constant 16 : index
// CHECK-NEXT:      %1 = arith.minsi %lanes, %c16 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %2 = arith.addi %depth, %c1 : index
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %3 = arith.divui %2, %c2 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      scf.for %g = %c0 to %3 step %c1 {
// CHECK-NEXT:        %4 = arith.muli %g, %c2 : index
// CHECK-NEXT:        scf.for %i = %c0 to %1 step %c1 {
// CHECK-NEXT:          %5 = arith.addi %lane, %i : index
// CHECK-NEXT:          %6 = arith.subi %depth, %c1 : index
// CHECK-NEXT:          %7 = arith.minsi %4, %6 : index
// CHECK-NEXT:          %8 = arith.addi %k, %7 : index
// CHECK-NEXT:          %9 = memref.load %a[%5, %8] : memref<64x64xbf16, strided<[128, 2]>>
// CHECK-NEXT:          %10 = arith.cmpi slt, %4, %depth : index
// CHECK-NEXT:          %11 = arith.constant 0.000000e+00 : bf16
// CHECK-NEXT:          %12 = arith.select %10, %9, %11 : bf16
// CHECK-NEXT:          memref.store %12, %panel[%c0, %g, %i, %c0] : memref<1x16x16x2xbf16>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:        scf.for %i_1 = %c0 to %1 step %c1 {
// CHECK-NEXT:          %13 = arith.addi %lane, %i_1 : index
// CHECK-NEXT:          %14 = arith.addi %4, %c1 : index
// CHECK-NEXT:          %15 = arith.subi %depth, %c1 : index
// CHECK-NEXT:          %16 = arith.minsi %14, %15 : index
// CHECK-NEXT:          %17 = arith.addi %k, %16 : index
// CHECK-NEXT:          %18 = memref.load %a[%13, %17] : memref<64x64xbf16, strided<[128, 2]>>
// CHECK-NEXT:          %19 = arith.cmpi slt, %14, %depth : index
// CHECK-NEXT:          %20 = arith.constant 0.000000e+00 : bf16
// CHECK-NEXT:          %21 = arith.select %19, %18, %20 : bf16
// CHECK-NEXT:          memref.store %21, %panel[%c0, %g, %i_1, %c1] : memref<1x16x16x2xbf16>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_with_two_strides(%a: memref<64x64xbf16, strided<[128, 2]>>, %lane: index, %k: index, %lanes: index, %depth: index) {
  %panel = memref.alloca() : memref<1x16x16x2xbf16>
  tile.pack %a[%lane, %k] bounds %lanes, %depth into %panel : memref<64x64xbf16, strided<[128, 2]>> into memref<1x16x16x2xbf16>
  func.return
}

// CHECK-LABEL: func.func @pack_transposed(%a: memref<64x64xbf16>, %lane: index, %k: index, %depth: index) {
// CHECK-NEXT:      %panel = memref.alloca() : memref<1x32x1x2xbf16>
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %0 = memref.reinterpret_cast %panel to offset: [0], sizes: [1, 32, 2], strides: [64, 2, 1] : memref<1x32x1x2xbf16> to memref<1x32x2xbf16>
// CHECK-NEXT:      %1 = arith.addi %lane, %c1 : index
// CHECK-NEXT:      %2 = arith.subi %1, %c1 : index
// CHECK-NEXT:      %3 = arith.minsi %lane, %2 : index
// CHECK-NEXT:      %c32 = arith.constant 32 : index
// CHECK-NEXT:      %4 = arith.divui %depth, %c32 : index
// CHECK-NEXT:      %5 = arith.muli %4, %c32 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      scf.for %k_1 = %c0 to %5 step %c32 {
// CHECK-NEXT:        %6 = arith.addi %k, %k_1 : index
// CHECK-NEXT:        %7 = vector.load %a[%3, %6] : memref<64x64xbf16>, vector<32xbf16>
// CHECK-NEXT:        %8 = vector.bitcast %7 : vector<32xbf16> to vector<16xi32>
// CHECK-NEXT:        %9 = vector.shuffle %8, %8 [0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %10 = vector.shuffle %8, %8 [2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %11 = vector.shuffle %9, %9 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %12 = vector.shuffle %9, %9 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %13 = vector.shuffle %10, %10 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %14 = vector.shuffle %10, %10 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %15 = vector.shuffle %11, %11 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %16 = vector.shuffle %11, %11 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %17 = vector.shuffle %13, %13 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %18 = vector.shuffle %13, %13 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %19 = vector.shuffle %12, %12 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %20 = vector.shuffle %12, %12 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %21 = vector.shuffle %14, %14 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %22 = vector.shuffle %14, %14 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %23 = vector.shuffle %15, %15 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %24 = vector.shuffle %15, %15 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %25 = vector.shuffle %17, %17 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %26 = vector.shuffle %17, %17 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %27 = vector.shuffle %19, %19 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %28 = vector.shuffle %19, %19 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %29 = vector.shuffle %21, %21 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %30 = vector.shuffle %21, %21 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %31 = vector.shuffle %16, %16 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %32 = vector.shuffle %16, %16 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %33 = vector.shuffle %18, %18 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %34 = vector.shuffle %18, %18 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %35 = vector.shuffle %20, %20 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %36 = vector.shuffle %20, %20 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %37 = vector.shuffle %22, %22 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %38 = vector.shuffle %22, %22 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %c2 = arith.constant 2 : index
// CHECK-NEXT:        %39 = arith.divui %k_1, %c2 : index
// CHECK-NEXT:        %40 = vector.bitcast %23 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %41 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %39, %c0], %41, %40 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %42 = vector.bitcast %27 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %43 = arith.addi %39, %c1 : index
// CHECK-NEXT:        %44 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %43, %c0], %44, %42 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %45 = vector.bitcast %25 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %46 = arith.addi %39, %c2 : index
// CHECK-NEXT:        %47 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %46, %c0], %47, %45 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %48 = vector.bitcast %29 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c3 = arith.constant 3 : index
// CHECK-NEXT:        %49 = arith.addi %39, %c3 : index
// CHECK-NEXT:        %50 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %49, %c0], %50, %48 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %51 = vector.bitcast %31 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c4 = arith.constant 4 : index
// CHECK-NEXT:        %52 = arith.addi %39, %c4 : index
// CHECK-NEXT:        %53 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %52, %c0], %53, %51 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %54 = vector.bitcast %35 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c5 = arith.constant 5 : index
// CHECK-NEXT:        %55 = arith.addi %39, %c5 : index
// CHECK-NEXT:        %56 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %55, %c0], %56, %54 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %57 = vector.bitcast %33 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c6 = arith.constant 6 : index
// CHECK-NEXT:        %58 = arith.addi %39, %c6 : index
// CHECK-NEXT:        %59 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %58, %c0], %59, %57 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %60 = vector.bitcast %37 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c7 = arith.constant 7 : index
// CHECK-NEXT:        %61 = arith.addi %39, %c7 : index
// CHECK-NEXT:        %62 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %61, %c0], %62, %60 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %63 = vector.bitcast %24 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        %64 = arith.addi %39, %c8 : index
// CHECK-NEXT:        %65 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %64, %c0], %65, %63 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %66 = vector.bitcast %28 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c9 = arith.constant 9 : index
// CHECK-NEXT:        %67 = arith.addi %39, %c9 : index
// CHECK-NEXT:        %68 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %67, %c0], %68, %66 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %69 = vector.bitcast %26 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c10 = arith.constant 10 : index
// CHECK-NEXT:        %70 = arith.addi %39, %c10 : index
// CHECK-NEXT:        %71 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %70, %c0], %71, %69 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %72 = vector.bitcast %30 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c11 = arith.constant 11 : index
// CHECK-NEXT:        %73 = arith.addi %39, %c11 : index
// CHECK-NEXT:        %74 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %73, %c0], %74, %72 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %75 = vector.bitcast %32 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c12 = arith.constant 12 : index
// CHECK-NEXT:        %76 = arith.addi %39, %c12 : index
// CHECK-NEXT:        %77 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %76, %c0], %77, %75 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %78 = vector.bitcast %36 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c13 = arith.constant 13 : index
// CHECK-NEXT:        %79 = arith.addi %39, %c13 : index
// CHECK-NEXT:        %80 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %79, %c0], %80, %78 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %81 = vector.bitcast %34 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c14 = arith.constant 14 : index
// CHECK-NEXT:        %82 = arith.addi %39, %c14 : index
// CHECK-NEXT:        %83 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %82, %c0], %83, %81 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %84 = vector.bitcast %38 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c15 = arith.constant 15 : index
// CHECK-NEXT:        %85 = arith.addi %39, %c15 : index
// CHECK-NEXT:        %86 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %85, %c0], %86, %84 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.for %k_2 = %5 to %depth step %c32 {
// CHECK-NEXT:        %87 = arith.subi %depth, %k_2 : index
// CHECK-NEXT:        %88 = vector.create_mask %87 : vector<32xi1>
// CHECK-NEXT:        %89 = arith.addi %k, %k_2 : index
// CHECK-NEXT:        %90 = arith.constant dense<0.000000e+00> : vector<32xbf16>
// CHECK-NEXT:        %91 = vector.maskedload %a[%3, %89], %88, %90 : memref<64x64xbf16>, vector<32xi1>, vector<32xbf16> into vector<32xbf16>
// CHECK-NEXT:        %92 = vector.bitcast %91 : vector<32xbf16> to vector<16xi32>
// CHECK-NEXT:        %93 = vector.shuffle %92, %92 [0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %94 = vector.shuffle %92, %92 [2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %95 = vector.shuffle %93, %93 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %96 = vector.shuffle %93, %93 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %97 = vector.shuffle %94, %94 [0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %98 = vector.shuffle %94, %94 [2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %99 = vector.shuffle %95, %95 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %100 = vector.shuffle %95, %95 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %101 = vector.shuffle %97, %97 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %102 = vector.shuffle %97, %97 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %103 = vector.shuffle %96, %96 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %104 = vector.shuffle %96, %96 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %105 = vector.shuffle %98, %98 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %106 = vector.shuffle %98, %98 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %107 = vector.shuffle %99, %99 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %108 = vector.shuffle %99, %99 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %109 = vector.shuffle %101, %101 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %110 = vector.shuffle %101, %101 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %111 = vector.shuffle %103, %103 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %112 = vector.shuffle %103, %103 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %113 = vector.shuffle %105, %105 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %114 = vector.shuffle %105, %105 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %115 = vector.shuffle %100, %100 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %116 = vector.shuffle %100, %100 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %117 = vector.shuffle %102, %102 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %118 = vector.shuffle %102, %102 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %119 = vector.shuffle %104, %104 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %120 = vector.shuffle %104, %104 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %121 = vector.shuffle %106, %106 [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %122 = vector.shuffle %106, %106 [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
// CHECK-NEXT:        %c2_1 = arith.constant 2 : index
// CHECK-NEXT:        %123 = arith.divui %k_2, %c2_1 : index
// CHECK-NEXT:        %124 = vector.bitcast %107 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %125 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %123, %c0], %125, %124 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %126 = vector.bitcast %111 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %127 = arith.addi %123, %c1 : index
// CHECK-NEXT:        %128 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %127, %c0], %128, %126 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %129 = vector.bitcast %109 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %130 = arith.addi %123, %c2_1 : index
// CHECK-NEXT:        %131 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %130, %c0], %131, %129 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %132 = vector.bitcast %113 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c3_1 = arith.constant 3 : index
// CHECK-NEXT:        %133 = arith.addi %123, %c3_1 : index
// CHECK-NEXT:        %134 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %133, %c0], %134, %132 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %135 = vector.bitcast %115 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c4_1 = arith.constant 4 : index
// CHECK-NEXT:        %136 = arith.addi %123, %c4_1 : index
// CHECK-NEXT:        %137 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %136, %c0], %137, %135 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %138 = vector.bitcast %119 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c5_1 = arith.constant 5 : index
// CHECK-NEXT:        %139 = arith.addi %123, %c5_1 : index
// CHECK-NEXT:        %140 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %139, %c0], %140, %138 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %141 = vector.bitcast %117 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c6_1 = arith.constant 6 : index
// CHECK-NEXT:        %142 = arith.addi %123, %c6_1 : index
// CHECK-NEXT:        %143 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %142, %c0], %143, %141 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %144 = vector.bitcast %121 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c7_1 = arith.constant 7 : index
// CHECK-NEXT:        %145 = arith.addi %123, %c7_1 : index
// CHECK-NEXT:        %146 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %145, %c0], %146, %144 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %147 = vector.bitcast %108 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c8_1 = arith.constant 8 : index
// CHECK-NEXT:        %148 = arith.addi %123, %c8_1 : index
// CHECK-NEXT:        %149 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %148, %c0], %149, %147 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %150 = vector.bitcast %112 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c9_1 = arith.constant 9 : index
// CHECK-NEXT:        %151 = arith.addi %123, %c9_1 : index
// CHECK-NEXT:        %152 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %151, %c0], %152, %150 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %153 = vector.bitcast %110 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c10_1 = arith.constant 10 : index
// CHECK-NEXT:        %154 = arith.addi %123, %c10_1 : index
// CHECK-NEXT:        %155 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %154, %c0], %155, %153 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %156 = vector.bitcast %114 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c11_1 = arith.constant 11 : index
// CHECK-NEXT:        %157 = arith.addi %123, %c11_1 : index
// CHECK-NEXT:        %158 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %157, %c0], %158, %156 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %159 = vector.bitcast %116 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c12_1 = arith.constant 12 : index
// CHECK-NEXT:        %160 = arith.addi %123, %c12_1 : index
// CHECK-NEXT:        %161 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %160, %c0], %161, %159 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %162 = vector.bitcast %120 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c13_1 = arith.constant 13 : index
// CHECK-NEXT:        %163 = arith.addi %123, %c13_1 : index
// CHECK-NEXT:        %164 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %163, %c0], %164, %162 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %165 = vector.bitcast %118 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c14_1 = arith.constant 14 : index
// CHECK-NEXT:        %166 = arith.addi %123, %c14_1 : index
// CHECK-NEXT:        %167 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %166, %c0], %167, %165 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:        %168 = vector.bitcast %122 : vector<16xi32> to vector<32xbf16>
// CHECK-NEXT:        %c15_1 = arith.constant 15 : index
// CHECK-NEXT:        %169 = arith.addi %123, %c15_1 : index
// CHECK-NEXT:        %170 = vector.constant_mask [2] : vector<32xi1>
// CHECK-NEXT:        vector.maskedstore %0[%c0, %169, %c0], %170, %168 : memref<1x32x2xbf16>, vector<32xi1>, vector<32xbf16>
// CHECK-NEXT:      }
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @pack_transposed(%a: memref<64x64xbf16>, %lane: index, %k: index, %depth: index) {
  %panel = memref.alloca() : memref<1x32x1x2xbf16>
  %c1 = arith.constant 1 : index
  tile.pack %a[%lane, %k] bounds %c1, %depth into %panel : memref<64x64xbf16> into memref<1x32x1x2xbf16>
  func.return
}

}
