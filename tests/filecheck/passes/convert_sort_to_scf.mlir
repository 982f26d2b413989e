// RUN: fxlower-opt -p convert-sort-to-scf %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func private @ranked(%a: memref<512x8xf32>, %out: memref<512x2xi64>) attributes {fxlower.kernel = "sort"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c512 = arith.constant 512 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c512, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%row: index):
// CHECK-NEXT:        %words = memref.alloca() {alignment = 64 : i64} : memref<128xi64>
// CHECK-NEXT:        %ranks = memref.alloca() {alignment = 64 : i64} : memref<128xi64>
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        scf.for %i = %c0 to %c8 step %c1 {
// CHECK-NEXT:          %0 = memref.load %a[%row, %i] : memref<512x8xf32>
// CHECK-NEXT:          %1 = arith.bitcast %0 : f32 to i32
// CHECK-NEXT:          %2 = arith.constant 31 : i32
// CHECK-NEXT:          %3 = arith.shrsi %1, %2 : i32
// CHECK-NEXT:          %4 = arith.constant 2147483647 : i32
// CHECK-NEXT:          %5 = arith.andi %3, %4 : i32
// CHECK-NEXT:          %6 = arith.xori %1, %5 : i32
// CHECK-NEXT:          %7 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:          %8 = arith.cmpf oeq, %0, %7 : f32
// CHECK-NEXT:          %9 = arith.constant 0 : i32
// CHECK-NEXT:          %10 = arith.select %8, %9, %6 : i32
// CHECK-NEXT:          %11 = arith.cmpf uno, %0, %0 : f32
// CHECK-NEXT:          %12 = arith.select %11, %4, %10 : i32
// CHECK-NEXT:          %13 = arith.constant -1 : i32
// CHECK-NEXT:          %14 = arith.xori %12, %13 : i32
// CHECK-NEXT:          %15 = arith.index_cast %i : index to i64
// CHECK-NEXT:          %16 = arith.extsi %14 : i32 to i64
// CHECK-NEXT:          %17 = arith.constant 32 : i64
// CHECK-NEXT:          %18 = arith.shli %16, %17 : i64
// CHECK-NEXT:          %19 = arith.ori %18, %15 : i64
// CHECK-NEXT:          memref.store %19, %words[%i] : memref<128xi64>
// CHECK-NEXT:        } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:        scf.for %i_1 = %c0 to %c8 step %c1 {
// CHECK-NEXT:          %20 = memref.load %words[%i_1] : memref<128xi64>
// CHECK-NEXT:          %21 = arith.constant 0 : i64
// CHECK-NEXT:          %22 = scf.for %j = %c0 to %c8 step %c1 iter_args(%23 = %21) -> (i64) {
// CHECK-NEXT:            %24 = memref.load %words[%j] : memref<128xi64>
// CHECK-NEXT:            %25 = arith.cmpi slt, %24, %20 : i64
// CHECK-NEXT:            %26 = arith.extui %25 : i1 to i64
// CHECK-NEXT:            %27 = arith.addi %23, %26 : i64
// CHECK-NEXT:            scf.yield %27 : i64
// CHECK-NEXT:          }
// CHECK-NEXT:          memref.store %22, %ranks[%i_1] : memref<128xi64>
// CHECK-NEXT:        } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:        scf.for %i_2 = %c0 to %c8 step %c1 {
// CHECK-NEXT:          %28 = memref.load %ranks[%i_2] : memref<128xi64>
// CHECK-NEXT:          %29 = arith.index_cast %28 : i64 to index
// CHECK-NEXT:          %30 = arith.index_cast %i_2 : index to i64
// CHECK-NEXT:          %c2 = arith.constant 2 : index
// CHECK-NEXT:          %31 = arith.cmpi slt, %29, %c2 : index
// CHECK-NEXT:          scf.if %31 {
// CHECK-NEXT:            memref.store %30, %out[%row, %29] : memref<512x2xi64>
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 341 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @ranked(%a: tensor<512x8xf32>) -> tensor<512x2xi64> attributes {fxlower.kernel = "sort"} {
  %r = fxt.argsort "descending", %a, 1 : (tensor<512x8xf32>) -> tensor<512x2xi64>
  func.return %r : tensor<512x2xi64>
}

// CHECK-LABEL: func.func private @ranked_doublewords(%a: memref<8x4xi64>, %out: memref<8x4xi64>) attributes {fxlower.kernel = "sort"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c4 = arith.constant 4 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c4, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%row: index):
// CHECK-NEXT:        %words = memref.alloca() {alignment = 64 : i64} : memref<128xi64>
// CHECK-NEXT:        %ranks = memref.alloca() {alignment = 64 : i64} : memref<128xi64>
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        scf.for %i = %c0 to %c8 step %c1 {
// CHECK-NEXT:          %0 = memref.load %a[%i, %row] : memref<8x4xi64>
// CHECK-NEXT:          %1 = arith.constant -9223372036854775808 : i64
// CHECK-NEXT:          %2 = arith.xori %0, %1 : i64
// CHECK-NEXT:          %3 = arith.index_cast %i : index to i64
// CHECK-NEXT:          memref.store %2, %words[%i] : memref<128xi64>
// CHECK-NEXT:        } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:        scf.for %i_1 = %c0 to %c8 step %c1 {
// CHECK-NEXT:          %4 = memref.load %words[%i_1] : memref<128xi64>
// CHECK-NEXT:          %5 = arith.constant 0 : i64
// CHECK-NEXT:          %6 = scf.for %j = %c0 to %c8 step %c1 iter_args(%7 = %5) -> (i64) {
// CHECK-NEXT:            %8 = memref.load %words[%j] : memref<128xi64>
// CHECK-NEXT:            %9 = arith.cmpi slt, %8, %4 : i64
// CHECK-NEXT:            %10 = arith.cmpi slt, %j, %i_1 : index
// CHECK-NEXT:            %11 = arith.cmpi eq, %8, %4 : i64
// CHECK-NEXT:            %12 = arith.andi %11, %10 : i1
// CHECK-NEXT:            %13 = arith.ori %9, %12 : i1
// CHECK-NEXT:            %14 = arith.extui %13 : i1 to i64
// CHECK-NEXT:            %15 = arith.addi %7, %14 : i64
// CHECK-NEXT:            scf.yield %15 : i64
// CHECK-NEXT:          }
// CHECK-NEXT:          memref.store %6, %ranks[%i_1] : memref<128xi64>
// CHECK-NEXT:        } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:        scf.for %i_2 = %c0 to %c8 step %c1 {
// CHECK-NEXT:          %16 = memref.load %ranks[%i_2] : memref<128xi64>
// CHECK-NEXT:          %17 = arith.index_cast %16 : i64 to index
// CHECK-NEXT:          %18 = arith.index_cast %i_2 : index to i64
// CHECK-NEXT:          memref.store %18, %out[%17, %row] : memref<8x4xi64>
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 341 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @ranked_doublewords(%a: tensor<8x4xi64>) -> tensor<8x4xi64> attributes {fxlower.kernel = "sort"} {
  %r = fxt.argsort "ascending", %a, 0 {fxlower.unsigned} : (tensor<8x4xi64>) -> tensor<8x4xi64>
  func.return %r : tensor<8x4xi64>
}

// CHECK-LABEL: func.func private @selected(%a: memref<50000xi8>, %out: memref<4xi64>) attributes {fxlower.kernel = "sort"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%row: index):
// CHECK-NEXT:        %kept = memref.alloca() {alignment = 64 : i64} : memref<5xi64>
// CHECK-NEXT:        %next_kept = memref.alloca() {alignment = 64 : i64} : memref<5xi64>
// CHECK-NEXT:        %0 = arith.constant -9223372036854775808 : i64
// CHECK-NEXT:        memref.store %0, %kept[%c0] : memref<5xi64>
// CHECK-NEXT:        %c4 = arith.constant 4 : index
// CHECK-NEXT:        scf.for %s = %c0 to %c4 step %c1 {
// CHECK-NEXT:          %1 = arith.constant 9223372036854775807 : i64
// CHECK-NEXT:          %2 = arith.addi %s, %c1 : index
// CHECK-NEXT:          memref.store %1, %kept[%2] : memref<5xi64>
// CHECK-NEXT:        } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:        %c50000 = arith.constant 50000 : index
// CHECK-NEXT:        %c64 = arith.constant 64 : index
// CHECK-NEXT:        scf.for %block = %c0 to %c50000 step %c64 {
// CHECK-NEXT:          %3 = arith.addi %block, %c64 : index
// CHECK-NEXT:          %4 = arith.minsi %3, %c50000 : index
// CHECK-NEXT:          %5 = arith.constant 2147483647 : i32
// CHECK-NEXT:          %6 = scf.for %i = %block to %4 step %c1 iter_args(%7 = %5) -> (i32) {
// CHECK-NEXT:            %8 = memref.load %a[%i] : memref<50000xi8>
// CHECK-NEXT:            %9 = arith.extsi %8 : i8 to i32
// CHECK-NEXT:            %10 = arith.minsi %7, %9 : i32
// CHECK-NEXT:            scf.yield %10 : i32
// CHECK-NEXT:          } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:          %11 = arith.constant 0 : i64
// CHECK-NEXT:          %12 = arith.extsi %6 : i32 to i64
// CHECK-NEXT:          %13 = arith.constant 32 : i64
// CHECK-NEXT:          %14 = arith.shli %12, %13 : i64
// CHECK-NEXT:          %15 = arith.ori %14, %11 : i64
// CHECK-NEXT:          %16 = memref.load %kept[%c4] : memref<5xi64>
// CHECK-NEXT:          %17 = arith.cmpi slt, %15, %16 : i64
// CHECK-NEXT:          scf.if %17 {
// CHECK-NEXT:            scf.for %i_1 = %block to %4 step %c1 {
// CHECK-NEXT:              %18 = memref.load %a[%i_1] : memref<50000xi8>
// CHECK-NEXT:              %19 = arith.extsi %18 : i8 to i32
// CHECK-NEXT:              %20 = arith.index_cast %i_1 : index to i64
// CHECK-NEXT:              %21 = arith.extsi %19 : i32 to i64
// CHECK-NEXT:              %22 = arith.shli %21, %13 : i64
// CHECK-NEXT:              %23 = arith.ori %22, %20 : i64
// CHECK-NEXT:              %24 = memref.load %kept[%c4] : memref<5xi64>
// CHECK-NEXT:              %25 = arith.cmpi slt, %23, %24 : i64
// CHECK-NEXT:              scf.if %25 {
// CHECK-NEXT:                %26 = arith.index_cast %i_1 : index to i64
// CHECK-NEXT:                scf.for %s_1 = %c0 to %c4 step %c1 {
// CHECK-NEXT:                  %27 = arith.subi %s_1, %c1 : index
// CHECK-NEXT:                  %28 = arith.addi %27, %c1 : index
// CHECK-NEXT:                  %29 = memref.load %kept[%28] : memref<5xi64>
// CHECK-NEXT:                  %30 = arith.cmpi slt, %23, %29 : i64
// CHECK-NEXT:                  %31 = arith.addi %s_1, %c1 : index
// CHECK-NEXT:                  %32 = memref.load %kept[%31] : memref<5xi64>
// CHECK-NEXT:                  %33 = arith.cmpi slt, %23, %32 : i64
// CHECK-NEXT:                  %34 = arith.addi %s_1, %c1 : index
// CHECK-NEXT:                  %35 = memref.load %kept[%34] : memref<5xi64>
// CHECK-NEXT:                  %36 = arith.select %33, %23, %35 : i64
// CHECK-NEXT:                  %37 = memref.load %kept[%s_1] : memref<5xi64>
// CHECK-NEXT:                  %38 = arith.select %30, %37, %36 : i64
// CHECK-NEXT:                  memref.store %38, %next_kept[%s_1] : memref<5xi64>
// CHECK-NEXT:                } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:                scf.for %s_2 = %c0 to %c4 step %c1 {
// CHECK-NEXT:                  %39 = memref.load %next_kept[%s_2] : memref<5xi64>
// CHECK-NEXT:                  %40 = arith.addi %s_2, %c1 : index
// CHECK-NEXT:                  memref.store %39, %kept[%40] : memref<5xi64>
// CHECK-NEXT:                } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:              }
// CHECK-NEXT:            }
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.for %s_3 = %c0 to %c4 step %c1 {
// CHECK-NEXT:          %41 = arith.addi %s_3, %c1 : index
// CHECK-NEXT:          %42 = memref.load %kept[%41] : memref<5xi64>
// CHECK-NEXT:          %43 = arith.constant 4294967295 : i64
// CHECK-NEXT:          %44 = arith.andi %42, %43 : i64
// CHECK-NEXT:          memref.store %44, %out[%s_3] : memref<4xi64>
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @selected(%a: tensor<50000xi8>) -> tensor<4xi64> attributes {fxlower.kernel = "sort"} {
  %r = fxt.argsort "ascending", %a, 0 : (tensor<50000xi8>) -> tensor<4xi64>
  func.return %r : tensor<4xi64>
}

// CHECK-LABEL: func.func private @by_radix(%a: memref<5x1000xbf16>, %out0: memref<5x1000xi64>, %out1: memref<3x2000xi64>) attributes {fxlower.kernel = "sort"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c3 = arith.constant 3 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c3, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%slot: index):
// CHECK-NEXT:        %counts = memref.alloca() {alignment = 64 : i64} : memref<512xi64>
// CHECK-NEXT:        %c2 = arith.constant 2 : index
// CHECK-NEXT:        %0 = arith.muli %slot, %c2 : index
// CHECK-NEXT:        %c5 = arith.constant 5 : index
// CHECK-NEXT:        %1 = arith.subi %c5, %0 : index
// CHECK-NEXT:        %2 = arith.minsi %c2, %1 : index
// CHECK-NEXT:        scf.for %k = %c0 to %2 step %c1 {
// CHECK-NEXT:          %3 = arith.addi %0, %k : index
// CHECK-NEXT:          %c1000 = arith.constant 1000 : index
// CHECK-NEXT:          scf.for %i = %c0 to %c1000 step %c1 {
// CHECK-NEXT:            %4 = memref.load %a[%3, %i] : memref<5x1000xbf16>
// CHECK-NEXT:            %5 = arith.bitcast %4 : bf16 to i16
// CHECK-NEXT:            %6 = arith.extsi %5 : i16 to i32
// CHECK-NEXT:            %7 = arith.extf %4 : bf16 to f32
// CHECK-NEXT:            %8 = arith.constant 15 : i32
// CHECK-NEXT:            %9 = arith.shrsi %6, %8 : i32
// CHECK-NEXT:            %10 = arith.constant 32767 : i32
// CHECK-NEXT:            %11 = arith.andi %9, %10 : i32
// CHECK-NEXT:            %12 = arith.xori %6, %11 : i32
// CHECK-NEXT:            %13 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:            %14 = arith.cmpf oeq, %7, %13 : f32
// CHECK-NEXT:            %15 = arith.constant 0 : i32
// CHECK-NEXT:            %16 = arith.select %14, %15, %12 : i32
// CHECK-NEXT:            %17 = arith.cmpf uno, %7, %7 : f32
// CHECK-NEXT:            %18 = arith.select %17, %10, %16 : i32
// CHECK-NEXT:            %19 = arith.constant -32768 : i32
// CHECK-NEXT:            %20 = arith.xori %18, %19 : i32
// CHECK-NEXT:            %21 = arith.index_cast %i : index to i64
// CHECK-NEXT:            %22 = arith.extsi %20 : i32 to i64
// CHECK-NEXT:            %23 = arith.constant 32 : i64
// CHECK-NEXT:            %24 = arith.shli %22, %23 : i64
// CHECK-NEXT:            %25 = arith.ori %24, %21 : i64
// CHECK-NEXT:            memref.store %25, %out1[%slot, %i] : memref<3x2000xi64>
// CHECK-NEXT:          } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:          %c512 = arith.constant 512 : index
// CHECK-NEXT:          scf.for %d = %c0 to %c512 step %c1 {
// CHECK-NEXT:            %26 = arith.constant 0 : i64
// CHECK-NEXT:            memref.store %26, %counts[%d] : memref<512xi64>
// CHECK-NEXT:          } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:          scf.for %i_1 = %c0 to %c1000 step %c1 {
// CHECK-NEXT:            %27 = memref.load %out1[%slot, %i_1] : memref<3x2000xi64>
// CHECK-NEXT:            %28 = arith.constant 32 : i64
// CHECK-NEXT:            %29 = arith.shrui %27, %28 : i64
// CHECK-NEXT:            %30 = arith.constant 255 : i64
// CHECK-NEXT:            %31 = arith.andi %29, %30 : i64
// CHECK-NEXT:            %32 = arith.index_cast %31 : i64 to index
// CHECK-NEXT:            %33 = memref.load %counts[%32] : memref<512xi64>
// CHECK-NEXT:            %34 = arith.constant 1 : i64
// CHECK-NEXT:            %35 = arith.addi %33, %34 : i64
// CHECK-NEXT:            memref.store %35, %counts[%32] : memref<512xi64>
// CHECK-NEXT:            %36 = arith.constant 40 : i64
// CHECK-NEXT:            %37 = arith.shrui %27, %36 : i64
// CHECK-NEXT:            %38 = arith.andi %37, %30 : i64
// CHECK-NEXT:            %39 = arith.index_cast %38 : i64 to index
// CHECK-NEXT:            %c256 = arith.constant 256 : index
// CHECK-NEXT:            %40 = arith.addi %c256, %39 : index
// CHECK-NEXT:            %41 = memref.load %counts[%40] : memref<512xi64>
// CHECK-NEXT:            %42 = arith.addi %41, %34 : i64
// CHECK-NEXT:            memref.store %42, %counts[%40] : memref<512xi64>
// CHECK-NEXT:          }
// CHECK-NEXT:          %43 = scf.for %digit = %c0 to %c2 step %c1 iter_args(%44 = %c0) -> (index) {
// CHECK-NEXT:            %45 = memref.load %out1[%slot, %44] : memref<3x2000xi64>
// CHECK-NEXT:            %c8 = arith.constant 8 : index
// CHECK-NEXT:            %46 = arith.muli %digit, %c8 : index
// CHECK-NEXT:            %c32 = arith.constant 32 : index
// CHECK-NEXT:            %47 = arith.addi %46, %c32 : index
// CHECK-NEXT:            %48 = arith.index_cast %47 : index to i64
// CHECK-NEXT:            %49 = arith.shrui %45, %48 : i64
// CHECK-NEXT:            %50 = arith.constant 255 : i64
// CHECK-NEXT:            %51 = arith.andi %49, %50 : i64
// CHECK-NEXT:            %c256_1 = arith.constant 256 : index
// CHECK-NEXT:            %52 = arith.muli %digit, %c256_1 : index
// CHECK-NEXT:            %53 = arith.index_cast %51 : i64 to index
// CHECK-NEXT:            %54 = arith.addi %52, %53 : index
// CHECK-NEXT:            %55 = memref.load %counts[%54] : memref<512xi64>
// CHECK-NEXT:            %56 = arith.index_cast %c1000 : index to i64
// CHECK-NEXT:            %57 = arith.cmpi ne, %55, %56 : i64
// CHECK-NEXT:            %58 = scf.if %57 -> (index) {
// CHECK-NEXT:              %59 = arith.subi %c1000, %44 : index
// CHECK-NEXT:              %60 = arith.constant 0 : i64
// CHECK-NEXT:              %61 = scf.for %d_1 = %c0 to %c256_1 step %c1 iter_args(%62 = %60) -> (i64) {
// CHECK-NEXT:                %63 = arith.muli %digit, %c256_1 : index
// CHECK-NEXT:                %64 = arith.addi %63, %d_1 : index
// CHECK-NEXT:                %65 = memref.load %counts[%64] : memref<512xi64>
// CHECK-NEXT:                memref.store %62, %counts[%64] : memref<512xi64>
// CHECK-NEXT:                %66 = arith.addi %62, %65 : i64
// CHECK-NEXT:                scf.yield %66 : i64
// CHECK-NEXT:              }
// CHECK-NEXT:              scf.for %i_2 = %c0 to %c1000 step %c1 {
// CHECK-NEXT:                %67 = arith.addi %44, %i_2 : index
// CHECK-NEXT:                %68 = memref.load %out1[%slot, %67] : memref<3x2000xi64>
// CHECK-NEXT:                %69 = arith.muli %digit, %c8 : index
// CHECK-NEXT:                %70 = arith.addi %69, %c32 : index
// CHECK-NEXT:                %71 = arith.index_cast %70 : index to i64
// CHECK-NEXT:                %72 = arith.shrui %68, %71 : i64
// CHECK-NEXT:                %73 = arith.andi %72, %50 : i64
// CHECK-NEXT:                %74 = arith.muli %digit, %c256_1 : index
// CHECK-NEXT:                %75 = arith.index_cast %73 : i64 to index
// CHECK-NEXT:                %76 = arith.addi %74, %75 : index
// CHECK-NEXT:                %77 = memref.load %counts[%76] : memref<512xi64>
// CHECK-NEXT:                %78 = arith.constant 1 : i64
// CHECK-NEXT:                %79 = arith.addi %77, %78 : i64
// CHECK-NEXT:                memref.store %79, %counts[%76] : memref<512xi64>
// CHECK-NEXT:                %80 = arith.index_cast %77 : i64 to index
// CHECK-NEXT:                %81 = arith.addi %59, %80 : index
// CHECK-NEXT:                memref.store %68, %out1[%slot, %81] : memref<3x2000xi64>
// CHECK-NEXT:              }
// CHECK-NEXT:              scf.yield %59 : index
// CHECK-NEXT:            } else {
// CHECK-NEXT:              scf.yield %44 : index
// CHECK-NEXT:            }
// CHECK-NEXT:            scf.yield %58 : index
// CHECK-NEXT:          }
// CHECK-NEXT:          scf.for %i_3 = %c0 to %c1000 step %c1 {
// CHECK-NEXT:            %82 = arith.addi %43, %i_3 : index
// CHECK-NEXT:            %83 = memref.load %out1[%slot, %82] : memref<3x2000xi64>
// CHECK-NEXT:            %84 = arith.constant 4294967295 : i64
// CHECK-NEXT:            %85 = arith.andi %83, %84 : i64
// CHECK-NEXT:            memref.store %85, %out0[%3, %i_3] : memref<5x1000xi64>
// CHECK-NEXT:          } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @by_radix(%a: tensor<5x1000xbf16>) -> (tensor<5x1000xi64>, tensor<3x2000xi64>) attributes {fxlower.kernel = "sort"} {
  %w = tensor.empty() : tensor<3x2000xi64>
  %r = fxt.argsort "ascending", %a, 1, %w : (tensor<5x1000xbf16>, tensor<3x2000xi64>) -> tensor<5x1000xi64>
  func.return %r, %w : tensor<5x1000xi64>, tensor<3x2000xi64>
}

}
