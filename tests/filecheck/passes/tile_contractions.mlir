// RUN: fxlower-opt -p tile-contractions %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func private @packed(%a: memref<64x32xf32>, %b: memref<32x96xf32, strided<[1, 32]>>, %out: memref<64x96xf32>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%block: index):
// CHECK-NEXT:        %a_panels = memref.alloca() {alignment = 64 : i64} : memref<8x32x8xf32>
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [0], sizes: [64, 32], strides: [32, 1] : memref<64x32xf32> to memref<64x32xf32>
// CHECK-NEXT:        %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x32x48xf32>
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [0], sizes: [96, 32], strides: [32, 1] : memref<32x96xf32, strided<[1, 32]>> to memref<96x32xf32>
// CHECK-NEXT:        %result = memref.reinterpret_cast %out to offset: [0], sizes: [64, 96], strides: [96, 1] : memref<64x96xf32> to memref<64x96xf32>
// CHECK-NEXT:        %c64 = arith.constant 64 : index
// CHECK-NEXT:        %c32 = arith.constant 32 : index
// CHECK-NEXT:        tile.pack %left[%c0, %c0] bounds %c64, %c32 into %a_panels : memref<64x32xf32> into memref<8x32x8xf32>
// CHECK-NEXT:        %c2 = arith.constant 2 : index
// CHECK-NEXT:        scf.for %p = %c0 to %c2 step %c1 {
// CHECK-NEXT:          %c48 = arith.constant 48 : index
// CHECK-NEXT:          %0 = arith.muli %p, %c48 : index
// CHECK-NEXT:          %c96 = arith.constant 96 : index
// CHECK-NEXT:          %1 = arith.subi %c96, %0 : index
// CHECK-NEXT:          %2 = arith.minsi %1, %c48 : index
// CHECK-NEXT:          tile.pack %right[%0, %c0] bounds %c48, %c32 into %b_panel : memref<96x32xf32> into memref<1x32x48xf32>
// CHECK-NEXT:          %c8 = arith.constant 8 : index
// CHECK-NEXT:          scf.for %p_1 = %c0 to %c8 step %c1 {
// CHECK-NEXT:            %3 = arith.muli %p_1, %c8 : index
// CHECK-NEXT:            %4 = arith.muli %p, %c48 : index
// CHECK-NEXT:            %5 = tile.zero : !tile.acc<8x48xf32>
// CHECK-NEXT:            %6 = tile.mma %a_panels[%p_1, %c0], %b_panel[%c0, %c0], %c32, %5 : memref<8x32x8xf32>, memref<1x32x48xf32>, !tile.acc<8x48xf32>
// CHECK-NEXT:            tile.store %6, %result[%3, %4] : !tile.acc<8x48xf32>, memref<64x96xf32>
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 2 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @packed(%a: tensor<64x32xf32>, %b: tensor<32x96xf32> {fxt.strides = [1 : i64, 32 : i64]}) -> (tensor<64x96xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 48 : i64, mc = 64 : i64, nc = 96 : i64, kc = 32 : i64, grain = 2 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<64x96xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<64x96xf32>) -> tensor<64x96xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<64x32xf32>, tensor<32x96xf32>) outs(%init : tensor<64x96xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<64x96xf32>
  func.return %c : tensor<64x96xf32>
}

// CHECK-LABEL: func.func private @bounded_and_stepped(%a: memref<f32>, %b: memref<f32>, %out: memref<f32>, %d0: index {fxt.symbol = "d0"}, %d1: index {fxt.symbol = "d1"}) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c27 = arith.constant 27 : index
// CHECK-NEXT:      %0 = arith.addi %d0, %c27 : index
// CHECK-NEXT:      %c28 = arith.constant 28 : index
// CHECK-NEXT:      %1 = arith.divui %0, %c28 : index
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %2 = arith.muli %1, %c2 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %2, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%block: index):
// CHECK-NEXT:        %3 = arith.remui %block, %c2 : index
// CHECK-NEXT:        %4 = arith.divui %block, %c2 : index
// CHECK-NEXT:        %5 = arith.muli %4, %c28 : index
// CHECK-NEXT:        %c64 = arith.constant 64 : index
// CHECK-NEXT:        %6 = arith.muli %3, %c64 : index
// CHECK-NEXT:        %7 = arith.subi %d0, %5 : index
// CHECK-NEXT:        %8 = arith.minsi %c28, %7 : index
// CHECK-NEXT:        %c100 = arith.constant 100 : index
// CHECK-NEXT:        %9 = arith.subi %c100, %6 : index
// CHECK-NEXT:        %10 = arith.minsi %c64, %9 : index
// CHECK-NEXT:        %a_panels = memref.alloca() {alignment = 64 : i64} : memref<2x128x14xf32>
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [0], sizes: [%d0, %d1], strides: [%d1, 1] : memref<f32> to memref<?x?xf32, strided<[?, 1]>>
// CHECK-NEXT:        %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x128x32xf32>
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [0], sizes: [100, %d1], strides: [1, 100] : memref<f32> to memref<100x?xf32, strided<[1, 100]>>
// CHECK-NEXT:        %result = memref.reinterpret_cast %out to offset: [0], sizes: [%d0, 100], strides: [100, 1] : memref<f32> to memref<?x100xf32>
// CHECK-NEXT:        %11 = arith.maxsi %d1, %c1 : index
// CHECK-NEXT:        %c128 = arith.constant 128 : index
// CHECK-NEXT:        scf.for %k = %c0 to %11 step %c128 {
// CHECK-NEXT:          %12 = arith.addi %k, %c128 : index
// CHECK-NEXT:          %13 = arith.cmpi sge, %12, %11 : index
// CHECK-NEXT:          %14 = arith.subi %d1, %k : index
// CHECK-NEXT:          %15 = arith.minsi %c128, %14 : index
// CHECK-NEXT:          %16 = arith.cmpi eq, %k, %c0 : index
// CHECK-NEXT:          tile.pack %left[%5, %k] bounds %8, %15 into %a_panels : memref<?x?xf32, strided<[?, 1]>> into memref<2x128x14xf32>
// CHECK-NEXT:          %c13 = arith.constant 13 : index
// CHECK-NEXT:          %17 = arith.addi %8, %c13 : index
// CHECK-NEXT:          %c14 = arith.constant 14 : index
// CHECK-NEXT:          %18 = arith.divui %17, %c14 : index
// CHECK-NEXT:          %c31 = arith.constant 31 : index
// CHECK-NEXT:          %19 = arith.addi %10, %c31 : index
// CHECK-NEXT:          %c32 = arith.constant 32 : index
// CHECK-NEXT:          %20 = arith.divui %19, %c32 : index
// CHECK-NEXT:          %21 = arith.divui %10, %c32 : index
// CHECK-NEXT:          scf.for %p = %c0 to %21 step %c1 {
// CHECK-NEXT:            %22 = arith.muli %p, %c32 : index
// CHECK-NEXT:            %23 = arith.subi %10, %22 : index
// CHECK-NEXT:            %24 = arith.minsi %23, %c32 : index
// CHECK-NEXT:            %25 = arith.addi %6, %22 : index
// CHECK-NEXT:            tile.pack %right[%25, %k] bounds %24, %15 into %b_panel : memref<100x?xf32, strided<[1, 100]>> into memref<1x128x32xf32>
// CHECK-NEXT:            scf.for %p_1 = %c0 to %18 step %c1 {
// CHECK-NEXT:              %26 = arith.muli %p_1, %c14 : index
// CHECK-NEXT:              %27 = arith.muli %p, %c32 : index
// CHECK-NEXT:              %28 = arith.subi %8, %26 : index
// CHECK-NEXT:              %29 = arith.minsi %28, %c14 : index
// CHECK-NEXT:              %30 = tile.zero : !tile.acc<14x32xf32>
// CHECK-NEXT:              %31 = tile.mma %a_panels[%p_1, %c0], %b_panel[%c0, %c0], %15, %30 : memref<2x128x14xf32>, memref<1x128x32xf32>, !tile.acc<14x32xf32>
// CHECK-NEXT:              %32 = scf.if %16 -> (!tile.acc<14x32xf32>) {
// CHECK-NEXT:                scf.yield %31 : !tile.acc<14x32xf32>
// CHECK-NEXT:              } else {
// CHECK-NEXT:                %33 = arith.addi %5, %26 : index
// CHECK-NEXT:                %34 = arith.addi %6, %27 : index
// CHECK-NEXT:                %35 = tile.load %result[%33, %34] bounds %29, %c32 : memref<?x100xf32>, !tile.acc<14x32xf32>
// CHECK-NEXT:                %36 = tile.add %35, %31 : !tile.acc<14x32xf32>
// CHECK-NEXT:                scf.yield %36 : !tile.acc<14x32xf32>
// CHECK-NEXT:              }
// CHECK-NEXT:              %37 = arith.addi %5, %26 : index
// CHECK-NEXT:              %38 = arith.addi %6, %27 : index
// CHECK-NEXT:              tile.store %32, %result[%37, %38] bounds %29, %c32 : !tile.acc<14x32xf32>, memref<?x100xf32>
// CHECK-NEXT:            }
// CHECK-NEXT:          }
// CHECK-NEXT:          scf.for %p_2 = %21 to %20 step %c1 {
// CHECK-NEXT:            %39 = arith.muli %p_2, %c32 : index
// CHECK-NEXT:            %40 = arith.subi %10, %39 : index
// CHECK-NEXT:            %41 = arith.minsi %40, %c32 : index
// CHECK-NEXT:            %42 = arith.addi %6, %39 : index
// CHECK-NEXT:            tile.pack %right[%42, %k] bounds %41, %15 into %b_panel : memref<100x?xf32, strided<[1, 100]>> into memref<1x128x32xf32>
// CHECK-NEXT:            scf.for %p_3 = %c0 to %18 step %c1 {
// CHECK-NEXT:              %43 = arith.muli %p_3, %c14 : index
// CHECK-NEXT:              %44 = arith.muli %p_2, %c32 : index
// CHECK-NEXT:              %45 = arith.subi %8, %43 : index
// CHECK-NEXT:              %46 = arith.minsi %45, %c14 : index
// CHECK-NEXT:              %c4 = arith.constant 4 : index
// CHECK-NEXT:              %47 = tile.zero : !tile.acc<14x16xf32>
// CHECK-NEXT:              %b_panel_1 = memref.reinterpret_cast %b_panel to offset: [0], sizes: [1, 128, 16], strides: [4096, 32, 1] : memref<1x128x32xf32> to memref<1x128x16xf32, strided<[4096, 32, 1]>>
// CHECK-NEXT:              %48 = tile.mma %a_panels[%p_3, %c0], %b_panel_1[%c0, %c0], %15, %47 : memref<2x128x14xf32>, memref<1x128x16xf32, strided<[4096, 32, 1]>>, !tile.acc<14x16xf32>
// CHECK-NEXT:              %49 = scf.if %16 -> (!tile.acc<14x16xf32>) {
// CHECK-NEXT:                scf.yield %48 : !tile.acc<14x16xf32>
// CHECK-NEXT:              } else {
// CHECK-NEXT:                %50 = arith.addi %5, %43 : index
// CHECK-NEXT:                %51 = arith.addi %6, %44 : index
// CHECK-NEXT:                %52 = tile.load %result[%50, %51] bounds %46, %c4 : memref<?x100xf32>, !tile.acc<14x16xf32>
// CHECK-NEXT:                %53 = tile.add %52, %48 : !tile.acc<14x16xf32>
// CHECK-NEXT:                scf.yield %53 : !tile.acc<14x16xf32>
// CHECK-NEXT:              }
// CHECK-NEXT:              %54 = arith.addi %5, %43 : index
// CHECK-NEXT:              %55 = arith.addi %6, %44 : index
// CHECK-NEXT:              tile.store %49, %result[%54, %55] bounds %46, %c4 : !tile.acc<14x16xf32>, memref<?x100xf32>
// CHECK-NEXT:            }
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @bounded_and_stepped(%a: tensor<?x?xf32, ["d0", "d1"]>, %b: tensor<?x100xf32, ["d1", 100 : i64]>, %d0: index {fxt.symbol = "d0"}, %d1: index {fxt.symbol = "d1"}) -> (tensor<?x100xf32, ["d0", 100 : i64]>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 14 : i64, nr = 32 : i64, mc = 28 : i64, nc = 64 : i64, kc = 128 : i64, grain = 1 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty(%d0) : tensor<?x100xf32, ["d0", 100 : i64]>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x100xf32, ["d0", 100 : i64]>) -> tensor<?x100xf32, ["d0", 100 : i64]>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<?x?xf32, ["d0", "d1"]>, tensor<?x100xf32, ["d1", 100 : i64]>) outs(%init : tensor<?x100xf32, ["d0", 100 : i64]>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x100xf32, ["d0", 100 : i64]>
  func.return %c : tensor<?x100xf32, ["d0", 100 : i64]>
}

// CHECK-LABEL: func.func private @batched_and_rounded(%a: memref<3x16x8xbf16>, %b: memref<8x32xbf16>, %out: memref<3x16x32xbf16>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c3 = arith.constant 3 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c3, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%block: index):
// CHECK-NEXT:        %c128 = arith.constant 128 : index
// CHECK-NEXT:        %0 = arith.muli %block, %c128 : index
// CHECK-NEXT:        %a_panels = memref.alloca() {alignment = 64 : i64} : memref<1x16x16xf32>
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [%0], sizes: [16, 8], strides: [8, 1] : memref<3x16x8xbf16> to memref<16x8xbf16, strided<[8, 1], offset: ?>>
// CHECK-NEXT:        %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x16x16xf32>
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [0], sizes: [32, 8], strides: [1, 32] : memref<8x32xbf16> to memref<32x8xbf16, strided<[1, 32]>>
// CHECK-NEXT:        %tile = memref.alloca() {alignment = 64 : i64} : memref<16x16xf32>
// CHECK-NEXT:        %c16 = arith.constant 16 : index
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        tile.pack %left[%c0, %c0] bounds %c16, %c8 into %a_panels : memref<16x8xbf16, strided<[8, 1], offset: ?>> into memref<1x16x16xf32>
// CHECK-NEXT:        %c2 = arith.constant 2 : index
// CHECK-NEXT:        scf.for %p = %c0 to %c2 step %c1 {
// CHECK-NEXT:          %1 = arith.muli %p, %c16 : index
// CHECK-NEXT:          %c32 = arith.constant 32 : index
// CHECK-NEXT:          %2 = arith.subi %c32, %1 : index
// CHECK-NEXT:          %3 = arith.minsi %2, %c16 : index
// CHECK-NEXT:          tile.pack %right[%1, %c0] bounds %c16, %c8 into %b_panel : memref<32x8xbf16, strided<[1, 32]>> into memref<1x16x16xf32>
// CHECK-NEXT:          scf.for %p_1 = %c0 to %c1 step %c1 {
// CHECK-NEXT:            %4 = arith.muli %p_1, %c16 : index
// CHECK-NEXT:            %5 = arith.muli %p, %c16 : index
// CHECK-NEXT:            %6 = tile.zero : !tile.acc<16x16xf32>
// CHECK-NEXT:            %7 = tile.mma %a_panels[%p_1, %c0], %b_panel[%c0, %c0], %c8, %6 : memref<1x16x16xf32>, memref<1x16x16xf32>, !tile.acc<16x16xf32>
// CHECK-NEXT:            tile.store %7, %tile[%c0, %c0] : !tile.acc<16x16xf32>, memref<16x16xf32>
// CHECK-NEXT:            scf.for %i = %c0 to %c16 step %c1 {
// CHECK-NEXT:              scf.for %j = %c0 to %c16 step %c1 {
// CHECK-NEXT:                %8 = memref.load %tile[%i, %j] : memref<16x16xf32>
// CHECK-NEXT:                %9 = arith.addi %4, %i : index
// CHECK-NEXT:                %10 = arith.addi %5, %j : index
// CHECK-NEXT:                %11 = arith.truncf %8 : f32 to bf16
// CHECK-NEXT:                memref.store %11, %out[%block, %9, %10] : memref<3x16x32xbf16>
// CHECK-NEXT:              } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:            }
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @batched_and_rounded(%a: tensor<3x16x8xbf16>, %b: tensor<8x32xbf16>) -> (tensor<3x16x32xbf16>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 16 : i64, nr = 16 : i64, mc = 16 : i64, nc = 32 : i64, kc = 16 : i64, grain = 1 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<3x16x32xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<3x16x32xf32>) -> tensor<3x16x32xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%a, %b : tensor<3x16x8xbf16>, tensor<8x32xbf16>) outs(%init : tensor<3x16x32xf32>) {
  ^bb0(%x: bf16, %y: bf16, %acc: f32):
    %xw = arith.extf %x : bf16 to f32
    %yw = arith.extf %y : bf16 to f32
    %p = arith.mulf %xw, %yw : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<3x16x32xf32>
  %empty2 = tensor.empty() : tensor<3x16x32xbf16>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%c : tensor<3x16x32xf32>) outs(%empty2 : tensor<3x16x32xbf16>) {
  ^bb0(%v: f32, %o: bf16):
    %t = arith.truncf %v : f32 to bf16
    linalg.yield %t : bf16
  } -> tensor<3x16x32xbf16>
  func.return %r : tensor<3x16x32xbf16>
}

// CHECK-LABEL: func.func private @dot_products(%a: memref<2x30xf32>, %b: memref<30x40xf32, strided<[1, 30]>>, %out: memref<2x40xf32>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%strip: index):
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [0], sizes: [2, 30], strides: [30, 1] : memref<2x30xf32> to memref<2x30xf32>
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [0], sizes: [40, 30], strides: [30, 1] : memref<30x40xf32, strided<[1, 30]>> to memref<40x30xf32>
// CHECK-NEXT:        %c39 = arith.constant 39 : index
// CHECK-NEXT:        %c3 = arith.constant 3 : index
// CHECK-NEXT:        scf.for %j = %c0 to %c39 step %c3 {
// CHECK-NEXT:          %0 = arith.addi %j, %c1 : index
// CHECK-NEXT:          %c2 = arith.constant 2 : index
// CHECK-NEXT:          %1 = arith.addi %j, %c2 : index
// CHECK-NEXT:          %2 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:          %c30 = arith.constant 30 : index
// CHECK-NEXT:          %3, %4, %5, %6, %7, %8 = scf.for %k = %c0 to %c30 step %c1 iter_args(%9 = %2, %10 = %2, %11 = %2, %12 = %2, %13 = %2, %14 = %2) -> (f32, f32, f32, f32, f32, f32) {
// CHECK-NEXT:            %15 = memref.load %right[%j, %k] : memref<40x30xf32>
// CHECK-NEXT:            %16 = memref.load %right[%0, %k] : memref<40x30xf32>
// CHECK-NEXT:            %17 = memref.load %right[%1, %k] : memref<40x30xf32>
// CHECK-NEXT:            %18 = memref.load %left[%c0, %k] : memref<2x30xf32>
// CHECK-NEXT:            %19 = arith.mulf %18, %15 fastmath<contract> : f32
// CHECK-NEXT:            %20 = arith.addf %9, %19 fastmath<contract> : f32
// CHECK-NEXT:            %21 = arith.mulf %18, %16 fastmath<contract> : f32
// CHECK-NEXT:            %22 = arith.addf %10, %21 fastmath<contract> : f32
// CHECK-NEXT:            %23 = arith.mulf %18, %17 fastmath<contract> : f32
// CHECK-NEXT:            %24 = arith.addf %11, %23 fastmath<contract> : f32
// CHECK-NEXT:            %25 = memref.load %left[%c1, %k] : memref<2x30xf32>
// CHECK-NEXT:            %26 = arith.mulf %25, %15 fastmath<contract> : f32
// CHECK-NEXT:            %27 = arith.addf %12, %26 fastmath<contract> : f32
// CHECK-NEXT:            %28 = arith.mulf %25, %16 fastmath<contract> : f32
// CHECK-NEXT:            %29 = arith.addf %13, %28 fastmath<contract> : f32
// CHECK-NEXT:            %30 = arith.mulf %25, %17 fastmath<contract> : f32
// CHECK-NEXT:            %31 = arith.addf %14, %30 fastmath<contract> : f32
// CHECK-NEXT:            scf.yield %20, %22, %24, %27, %29, %31 : f32, f32, f32, f32, f32, f32
// CHECK-NEXT:          } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:          memref.store %3, %out[%c0, %j] : memref<2x40xf32>
// CHECK-NEXT:          memref.store %4, %out[%c0, %0] : memref<2x40xf32>
// CHECK-NEXT:          memref.store %5, %out[%c0, %1] : memref<2x40xf32>
// CHECK-NEXT:          memref.store %6, %out[%c1, %j] : memref<2x40xf32>
// CHECK-NEXT:          memref.store %7, %out[%c1, %0] : memref<2x40xf32>
// CHECK-NEXT:          memref.store %8, %out[%c1, %1] : memref<2x40xf32>
// CHECK-NEXT:        }
// CHECK-NEXT:        %c40 = arith.constant 40 : index
// CHECK-NEXT:        scf.for %j_1 = %c39 to %c40 step %c1 {
// CHECK-NEXT:          %32 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:          %c30_1 = arith.constant 30 : index
// CHECK-NEXT:          %33, %34 = scf.for %k_1 = %c0 to %c30_1 step %c1 iter_args(%35 = %32, %36 = %32) -> (f32, f32) {
// CHECK-NEXT:            %37 = memref.load %right[%j_1, %k_1] : memref<40x30xf32>
// CHECK-NEXT:            %38 = memref.load %left[%c0, %k_1] : memref<2x30xf32>
// CHECK-NEXT:            %39 = arith.mulf %38, %37 fastmath<contract> : f32
// CHECK-NEXT:            %40 = arith.addf %35, %39 fastmath<contract> : f32
// CHECK-NEXT:            %41 = memref.load %left[%c1, %k_1] : memref<2x30xf32>
// CHECK-NEXT:            %42 = arith.mulf %41, %37 fastmath<contract> : f32
// CHECK-NEXT:            %43 = arith.addf %36, %42 fastmath<contract> : f32
// CHECK-NEXT:            scf.yield %40, %43 : f32, f32
// CHECK-NEXT:          } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:          memref.store %33, %out[%c0, %j_1] : memref<2x40xf32>
// CHECK-NEXT:          memref.store %34, %out[%c1, %j_1] : memref<2x40xf32>
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @dot_products(%a: tensor<2x30xf32>, %b: tensor<30x40xf32> {fxt.strides = [1 : i64, 30 : i64]}) -> (tensor<2x40xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 2 : i64, nr = 3 : i64, mc = 0 : i64, nc = 40 : i64, kc = 0 : i64, grain = 1 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<2x40xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x40xf32>) -> tensor<2x40xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<2x30xf32>, tensor<30x40xf32>) outs(%init : tensor<2x40xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x40xf32>
  func.return %c : tensor<2x40xf32>
}

// CHECK-LABEL: func.func private @sum_of_rows(%a: memref<2x30xi32>, %b: memref<30x40xi32>, %out: memref<2x40xi32>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%strip: index):
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [0], sizes: [2, 30], strides: [30, 1] : memref<2x30xi32> to memref<2x30xi32>
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [0], sizes: [40, 30], strides: [1, 40] : memref<30x40xi32> to memref<40x30xi32, strided<[1, 40]>>
// CHECK-NEXT:        %c40 = arith.constant 40 : index
// CHECK-NEXT:        scf.for %j = %c0 to %c40 step %c1 {
// CHECK-NEXT:          %0 = arith.constant 0 : i32
// CHECK-NEXT:          %c30 = arith.constant 30 : index
// CHECK-NEXT:          %1, %2 = scf.for %k = %c0 to %c30 step %c1 iter_args(%3 = %0, %4 = %0) -> (i32, i32) {
// CHECK-NEXT:            %5 = memref.load %right[%j, %k] : memref<40x30xi32, strided<[1, 40]>>
// CHECK-NEXT:            %6 = memref.load %left[%c0, %k] : memref<2x30xi32>
// CHECK-NEXT:            %7 = arith.muli %6, %5 : i32
// CHECK-NEXT:            %8 = arith.addi %3, %7 : i32
// CHECK-NEXT:            %9 = memref.load %left[%c1, %k] : memref<2x30xi32>
// CHECK-NEXT:            %10 = arith.muli %9, %5 : i32
// CHECK-NEXT:            %11 = arith.addi %4, %10 : i32
// CHECK-NEXT:            scf.yield %8, %11 : i32, i32
// CHECK-NEXT:          }
// CHECK-NEXT:          memref.store %1, %out[%c0, %j] : memref<2x40xi32>
// CHECK-NEXT:          memref.store %2, %out[%c1, %j] : memref<2x40xi32>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @sum_of_rows(%a: tensor<2x30xi32>, %b: tensor<30x40xi32>) -> (tensor<2x40xi32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 2 : i64, nr = 16 : i64, mc = 0 : i64, nc = 40 : i64, kc = 0 : i64, grain = 1 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<2x40xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<2x40xi32>) -> tensor<2x40xi32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<2x30xi32>, tensor<30x40xi32>) outs(%init : tensor<2x40xi32>) {
  ^bb0(%x: i32, %y: i32, %acc: i32):
    
    %p = arith.muli %x, %y : i32
    %s = arith.addi %acc, %p : i32
    linalg.yield %s : i32
  } -> tensor<2x40xi32>
  func.return %c : tensor<2x40xi32>
}

// CHECK-LABEL: func.func @in_place(%a: memref<10x16xf32>, %b: memref<16x40xf32>, %out: memref<10x40xf32>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c2, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%block: index):
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        %0 = arith.muli %block, %c8 : index
// CHECK-NEXT:        %c10 = arith.constant 10 : index
// CHECK-NEXT:        %1 = arith.subi %c10, %0 : index
// CHECK-NEXT:        %2 = arith.minsi %c8, %1 : index
// CHECK-NEXT:        %c16 = arith.constant 16 : index
// CHECK-NEXT:        %3 = arith.muli %0, %c16 : index
// CHECK-NEXT:        %result = memref.reinterpret_cast %out to offset: [0], sizes: [10, 40], strides: [40, 1] : memref<10x40xf32> to memref<10x40xf32>
// CHECK-NEXT:        %c3 = arith.constant 3 : index
// CHECK-NEXT:        %4 = arith.addi %2, %c3 : index
// CHECK-NEXT:        %c4 = arith.constant 4 : index
// CHECK-NEXT:        %5 = arith.divui %4, %c4 : index
// CHECK-NEXT:        %6 = arith.divui %2, %c4 : index
// CHECK-NEXT:        scf.for %p = %c0 to %c1 step %c1 {
// CHECK-NEXT:          scf.for %p_1 = %c0 to %6 step %c1 {
// CHECK-NEXT:            %7 = arith.muli %p_1, %c4 : index
// CHECK-NEXT:            %c32 = arith.constant 32 : index
// CHECK-NEXT:            %8 = arith.muli %p, %c32 : index
// CHECK-NEXT:            %9 = tile.zero : !tile.acc<4x32xf32>
// CHECK-NEXT:            %left = memref.reinterpret_cast %a to offset: [%3], sizes: [2, 16, 4], strides: [64, 1, 16] : memref<10x16xf32> to memref<2x16x4xf32, strided<[64, 1, 16], offset: ?>>
// CHECK-NEXT:            %right = memref.reinterpret_cast %b to offset: [0], sizes: [2, 16, 32], strides: [32, 40, 1] : memref<16x40xf32> to memref<2x16x32xf32, strided<[32, 40, 1]>>
// CHECK-NEXT:            %10 = tile.mma %left[%p_1, %c0], %right[%p, %c0], %c16, %9 : memref<2x16x4xf32, strided<[64, 1, 16], offset: ?>>, memref<2x16x32xf32, strided<[32, 40, 1]>>, !tile.acc<4x32xf32>
// CHECK-NEXT:            %11 = arith.addi %0, %7 : index
// CHECK-NEXT:            tile.store %10, %result[%11, %8] : !tile.acc<4x32xf32>, memref<10x40xf32>
// CHECK-NEXT:          }
// CHECK-NEXT:          scf.for %p_2 = %6 to %5 step %c1 {
// CHECK-NEXT:            %12 = arith.muli %p_2, %c4 : index
// CHECK-NEXT:            %c32_1 = arith.constant 32 : index
// CHECK-NEXT:            %13 = arith.muli %p, %c32_1 : index
// CHECK-NEXT:            %14 = tile.zero : !tile.acc<2x32xf32>
// CHECK-NEXT:            %left_1 = memref.reinterpret_cast %a to offset: [%3], sizes: [2, 16, 2], strides: [64, 1, 16] : memref<10x16xf32> to memref<2x16x2xf32, strided<[64, 1, 16], offset: ?>>
// CHECK-NEXT:            %right_1 = memref.reinterpret_cast %b to offset: [0], sizes: [2, 16, 32], strides: [32, 40, 1] : memref<16x40xf32> to memref<2x16x32xf32, strided<[32, 40, 1]>>
// CHECK-NEXT:            %15 = tile.mma %left_1[%p_2, %c0], %right_1[%p, %c0], %c16, %14 : memref<2x16x2xf32, strided<[64, 1, 16], offset: ?>>, memref<2x16x32xf32, strided<[32, 40, 1]>>, !tile.acc<2x32xf32>
// CHECK-NEXT:            %16 = arith.addi %0, %12 : index
// CHECK-NEXT:            tile.store %15, %result[%16, %13] : !tile.acc<2x32xf32>, memref<10x40xf32>
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.for %p_3 = %c1 to %c2 step %c1 {
// CHECK-NEXT:          scf.for %p_4 = %c0 to %6 step %c1 {
// CHECK-NEXT:            %17 = arith.muli %p_4, %c4 : index
// CHECK-NEXT:            %c32_2 = arith.constant 32 : index
// CHECK-NEXT:            %18 = arith.muli %p_3, %c32_2 : index
// CHECK-NEXT:            %19 = tile.zero : !tile.acc<4x16xf32>
// CHECK-NEXT:            %left_2 = memref.reinterpret_cast %a to offset: [%3], sizes: [2, 16, 4], strides: [64, 1, 16] : memref<10x16xf32> to memref<2x16x4xf32, strided<[64, 1, 16], offset: ?>>
// CHECK-NEXT:            %right_2 = memref.reinterpret_cast %b to offset: [0], sizes: [2, 16, 16], strides: [32, 40, 1] : memref<16x40xf32> to memref<2x16x16xf32, strided<[32, 40, 1]>>
// CHECK-NEXT:            %20 = tile.mma %left_2[%p_4, %c0], %right_2[%p_3, %c0], %c16, %19 bounds %c8 : memref<2x16x4xf32, strided<[64, 1, 16], offset: ?>>, memref<2x16x16xf32, strided<[32, 40, 1]>>, !tile.acc<4x16xf32>
// CHECK-NEXT:            %21 = arith.addi %0, %17 : index
// CHECK-NEXT:            tile.store %20, %result[%21, %18] bounds %c4, %c8 : !tile.acc<4x16xf32>, memref<10x40xf32>
// CHECK-NEXT:          }
// CHECK-NEXT:          scf.for %p_5 = %6 to %5 step %c1 {
// CHECK-NEXT:            %22 = arith.muli %p_5, %c4 : index
// CHECK-NEXT:            %c32_3 = arith.constant 32 : index
// CHECK-NEXT:            %23 = arith.muli %p_3, %c32_3 : index
// CHECK-NEXT:            %24 = tile.zero : !tile.acc<2x16xf32>
// CHECK-NEXT:            %left_3 = memref.reinterpret_cast %a to offset: [%3], sizes: [2, 16, 2], strides: [64, 1, 16] : memref<10x16xf32> to memref<2x16x2xf32, strided<[64, 1, 16], offset: ?>>
// CHECK-NEXT:            %right_3 = memref.reinterpret_cast %b to offset: [0], sizes: [2, 16, 16], strides: [32, 40, 1] : memref<16x40xf32> to memref<2x16x16xf32, strided<[32, 40, 1]>>
// CHECK-NEXT:            %25 = tile.mma %left_3[%p_5, %c0], %right_3[%p_3, %c0], %c16, %24 bounds %c8 : memref<2x16x2xf32, strided<[64, 1, 16], offset: ?>>, memref<2x16x16xf32, strided<[32, 40, 1]>>, !tile.acc<2x16xf32>
// CHECK-NEXT:            %26 = arith.addi %0, %22 : index
// CHECK-NEXT:            tile.store %25, %result[%26, %23] bounds %c2, %c8 : !tile.acc<2x16xf32>, memref<10x40xf32>
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @in_place(%a: tensor<10x16xf32>, %b: tensor<16x40xf32>) -> (tensor<10x40xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 4 : i64, nr = 32 : i64, mc = 8 : i64, nc = 64 : i64, kc = 16 : i64, grain = 1 : i64, pack_left = 0 : i64, pack_right = 0 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<10x40xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<10x40xf32>) -> tensor<10x40xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<10x16xf32>, tensor<16x40xf32>) outs(%init : tensor<10x40xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<10x40xf32>
  func.return %c : tensor<10x40xf32>
}

// CHECK-LABEL: func.func @epilogue(%a: memref<2x8x16xf32>, %b: memref<2x16x64xf32>, %bias: memref<64xf32>, %scale: memref<2x8x64xf32>, %out0: memref<2x8x64xf32>, %out1: memref<2x8x64xf16>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c2, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%block: index):
// CHECK-NEXT:        %c128 = arith.constant 128 : index
// CHECK-NEXT:        %0 = arith.muli %block, %c128 : index
// CHECK-NEXT:        %c1024 = arith.constant 1024 : index
// CHECK-NEXT:        %1 = arith.muli %block, %c1024 : index
// CHECK-NEXT:        %tile = memref.alloca() {alignment = 64 : i64} : memref<4x32xf32>
// CHECK-NEXT:        %accumulators = memref.alloca() {alignment = 64 : i64} : memref<8x64xf32>
// CHECK-NEXT:        %c16 = arith.constant 16 : index
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        scf.for %k = %c0 to %c16 step %c8 {
// CHECK-NEXT:          %2 = arith.addi %k, %c8 : index
// CHECK-NEXT:          %3 = arith.cmpi sge, %2, %c16 : index
// CHECK-NEXT:          %4 = arith.cmpi eq, %k, %c0 : index
// CHECK-NEXT:          scf.for %p = %c0 to %c2 step %c1 {
// CHECK-NEXT:            scf.for %p_1 = %c0 to %c2 step %c1 {
// CHECK-NEXT:              %c4 = arith.constant 4 : index
// CHECK-NEXT:              %5 = arith.muli %p_1, %c4 : index
// CHECK-NEXT:              %c32 = arith.constant 32 : index
// CHECK-NEXT:              %6 = arith.muli %p, %c32 : index
// CHECK-NEXT:              %7 = tile.zero : !tile.acc<4x32xf32>
// CHECK-NEXT:              %left = memref.reinterpret_cast %a to offset: [%0], sizes: [2, 16, 4], strides: [64, 1, 16] : memref<2x8x16xf32> to memref<2x16x4xf32, strided<[64, 1, 16], offset: ?>>
// CHECK-NEXT:              %right = memref.reinterpret_cast %b to offset: [%1], sizes: [2, 16, 32], strides: [32, 64, 1] : memref<2x16x64xf32> to memref<2x16x32xf32, strided<[32, 64, 1], offset: ?>>
// CHECK-NEXT:              %8 = tile.mma %left[%p_1, %k], %right[%p, %k], %c8, %7 : memref<2x16x4xf32, strided<[64, 1, 16], offset: ?>>, memref<2x16x32xf32, strided<[32, 64, 1], offset: ?>>, !tile.acc<4x32xf32>
// CHECK-NEXT:              %9 = scf.if %4 -> (!tile.acc<4x32xf32>) {
// CHECK-NEXT:                scf.yield %8 : !tile.acc<4x32xf32>
// CHECK-NEXT:              } else {
// CHECK-NEXT:                %10 = tile.load %accumulators[%5, %6] : memref<8x64xf32>, !tile.acc<4x32xf32>
// CHECK-NEXT:                %11 = tile.add %10, %8 : !tile.acc<4x32xf32>
// CHECK-NEXT:                scf.yield %11 : !tile.acc<4x32xf32>
// CHECK-NEXT:              }
// CHECK-NEXT:              scf.if %3 {
// CHECK-NEXT:                tile.store %9, %tile[%c0, %c0] : !tile.acc<4x32xf32>, memref<4x32xf32>
// CHECK-NEXT:                scf.for %i = %c0 to %c4 step %c1 {
// CHECK-NEXT:                  scf.for %j = %c0 to %c32 step %c1 {
// CHECK-NEXT:                    %12 = memref.load %tile[%i, %j] : memref<4x32xf32>
// CHECK-NEXT:                    %13 = arith.addi %5, %i : index
// CHECK-NEXT:                    %14 = arith.addi %6, %j : index
// CHECK-NEXT:                    %15 = memref.load %bias[%14] : memref<64xf32>
// CHECK-NEXT:                    %16 = memref.load %scale[%block, %13, %14] : memref<2x8x64xf32>
// CHECK-NEXT:                    %17 = arith.addf %12, %15 : f32
// CHECK-NEXT:                    %18 = arith.mulf %17, %16 : f32
// CHECK-NEXT:                    %19 = arith.truncf %18 : f32 to f16
// CHECK-NEXT:                    memref.store %18, %out0[%block, %13, %14] : memref<2x8x64xf32>
// CHECK-NEXT:                    memref.store %19, %out1[%block, %13, %14] : memref<2x8x64xf16>
// CHECK-NEXT:                  } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:                }
// CHECK-NEXT:              } else {
// CHECK-NEXT:                tile.store %9, %accumulators[%5, %6] : !tile.acc<4x32xf32>, memref<8x64xf32>
// CHECK-NEXT:              }
// CHECK-NEXT:            }
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func @epilogue(%a: tensor<2x8x16xf32>, %b: tensor<2x16x64xf32>, %bias: tensor<64xf32>, %scale: tensor<2x8x64xf32>) -> (tensor<2x8x64xf32>, tensor<2x8x64xf16>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 4 : i64, nr = 32 : i64, mc = 8 : i64, nc = 64 : i64, kc = 8 : i64, grain = 1 : i64, pack_left = 0 : i64, pack_right = 0 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<2x8x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x8x64xf32>) -> tensor<2x8x64xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%a, %b : tensor<2x8x16xf32>, tensor<2x16x64xf32>) outs(%init : tensor<2x8x64xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x8x64xf32>
  
  %e1 = tensor.empty() : tensor<2x8x64xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%c, %bias, %scale : tensor<2x8x64xf32>, tensor<64xf32>, tensor<2x8x64xf32>) outs(%e1 : tensor<2x8x64xf32>) {
  ^bb0(%v: f32, %w: f32, %x: f32, %o: f32):
    %p = arith.addf %v, %w : f32
    %q = arith.mulf %p, %x : f32
    linalg.yield %q : f32
  } -> tensor<2x8x64xf32>
  %e2 = tensor.empty() : tensor<2x8x64xf16>
  %t = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x8x64xf32>) outs(%e2 : tensor<2x8x64xf16>) {
  ^bb0(%v: f32, %o: f16):
    %q = arith.truncf %v : f32 to f16
    linalg.yield %q : f16
  } -> tensor<2x8x64xf16>
  func.return %s, %t : tensor<2x8x64xf32>, tensor<2x8x64xf16>
}

}
