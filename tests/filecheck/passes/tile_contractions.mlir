// RUN: fxlower-opt -p tile-contractions %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func private @packed(%a: memref<64x32xf32>, %b: memref<32x96xf32, strided<[1, 32]>>, %out: memref<64x96xf32>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%block: index):
// CHECK-NEXT:      %a_panels = memref.alloca() {alignment = 64 : i64} : memref<8x32x8xf32>
// CHECK-NEXT:      %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x32x48xf32>
// CHECK-NEXT:      %left = memref.reinterpret_cast %a to offset: [0], sizes: [64, 32], strides: [32, 1] : memref<64x32xf32> to memref<64x32xf32>
// CHECK-NEXT:      %right = memref.reinterpret_cast %b to offset: [0], sizes: [96, 32], strides: [32, 1] : memref<32x96xf32, strided<[1, 32]>> to memref<96x32xf32>
// CHECK-NEXT:      %result = memref.reinterpret_cast %out to offset: [0], sizes: [64, 96], strides: [96, 1] : memref<64x96xf32> to memref<64x96xf32>
// CHECK-NEXT:      %c64 = arith.constant 64 : index
// CHECK-NEXT:      %c32 = arith.constant 32 : index
// CHECK-NEXT:      tile.pack %left[%c0, %c0] bounds %c64, %c32 into %a_panels : memref<64x32xf32> into memref<8x32x8xf32>
// CHECK-NEXT:      %c96 = arith.constant 96 : index
// CHECK-NEXT:      %c48 = arith.constant 48 : index
// CHECK-NEXT:      scf.for %j = %c0 to %c96 step %c48 {
// CHECK-NEXT:        tile.pack %right[%j, %c0] bounds %c48, %c32 into %b_panel : memref<96x32xf32> into memref<1x32x48xf32>
// CHECK-NEXT:        %c8 = arith.constant 8 : index
// CHECK-NEXT:        scf.for %p = %c0 to %c8 step %c1 {
// CHECK-NEXT:          %0 = arith.muli %p, %c8 : index
// CHECK-NEXT:          %1 = tile.zero : !tile.acc<8x48xf32>
// CHECK-NEXT:          %2 = tile.mma %a_panels[%p, %c0], %b_panel[%c0, %c0], %c32, %1 : memref<8x32x8xf32>, memref<1x32x48xf32>, !tile.acc<8x48xf32>
// CHECK-NEXT:          tile.store %2, %result[%0, %j] : !tile.acc<8x48xf32>, memref<64x96xf32>
// CHECK-NEXT:        }
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 2 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @packed(%a: tensor<64x32xf32>, %b: tensor<32x96xf32> {fxt.strides = [1 : i64, 32 : i64]}) -> (tensor<64x96xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 48 : i64, mc = 64 : i64, nc = 96 : i64, kc = 32 : i64, grain = 2 : i64}} {
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
// CHECK-NEXT:    %c27 = arith.constant 27 : index
// CHECK-NEXT:    %0 = arith.addi %d0, %c27 : index
// CHECK-NEXT:    %c28 = arith.constant 28 : index
// CHECK-NEXT:    %1 = arith.divui %0, %c28 : index
// CHECK-NEXT:    %c2 = arith.constant 2 : index
// CHECK-NEXT:    %2 = arith.muli %1, %c2 : index
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %2, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%block: index):
// CHECK-NEXT:      %3 = arith.remui %block, %c2 : index
// CHECK-NEXT:      %4 = arith.divui %block, %c2 : index
// CHECK-NEXT:      %a_panels = memref.alloca() {alignment = 64 : i64} : memref<2x128x14xf32>
// CHECK-NEXT:      %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x128x32xf32>
// CHECK-NEXT:      %5 = arith.muli %4, %c28 : index
// CHECK-NEXT:      %c64 = arith.constant 64 : index
// CHECK-NEXT:      %6 = arith.muli %3, %c64 : index
// CHECK-NEXT:      %7 = arith.subi %d0, %5 : index
// CHECK-NEXT:      %8 = arith.minsi %c28, %7 : index
// CHECK-NEXT:      %c100 = arith.constant 100 : index
// CHECK-NEXT:      %9 = arith.subi %c100, %6 : index
// CHECK-NEXT:      %10 = arith.minsi %c64, %9 : index
// CHECK-NEXT:      %left = memref.reinterpret_cast %a to offset: [0], sizes: [%d0, %d1], strides: [%d1, 1] : memref<f32> to memref<?x?xf32, strided<[?, 1]>>
// CHECK-NEXT:      %right = memref.reinterpret_cast %b to offset: [0], sizes: [100, %d1], strides: [1, 100] : memref<f32> to memref<100x?xf32, strided<[1, 100]>>
// CHECK-NEXT:      %result = memref.reinterpret_cast %out to offset: [0], sizes: [%d0, 100], strides: [100, 1] : memref<f32> to memref<?x100xf32>
// CHECK-NEXT:      %11 = arith.maxsi %d1, %c1 : index
// CHECK-NEXT:      %c128 = arith.constant 128 : index
// CHECK-NEXT:      scf.for %k = %c0 to %11 step %c128 {
// CHECK-NEXT:        %12 = arith.subi %d1, %k : index
// CHECK-NEXT:        %13 = arith.minsi %c128, %12 : index
// CHECK-NEXT:        %14 = arith.cmpi eq, %k, %c0 : index
// CHECK-NEXT:        tile.pack %left[%5, %k] bounds %8, %13 into %a_panels : memref<?x?xf32, strided<[?, 1]>> into memref<2x128x14xf32>
// CHECK-NEXT:        %c32 = arith.constant 32 : index
// CHECK-NEXT:        scf.for %j = %c0 to %10 step %c32 {
// CHECK-NEXT:          %15 = arith.subi %10, %j : index
// CHECK-NEXT:          %16 = arith.minsi %15, %c32 : index
// CHECK-NEXT:          %17 = arith.addi %6, %j : index
// CHECK-NEXT:          tile.pack %right[%17, %k] bounds %16, %13 into %b_panel : memref<100x?xf32, strided<[1, 100]>> into memref<1x128x32xf32>
// CHECK-NEXT:          %c13 = arith.constant 13 : index
// CHECK-NEXT:          %18 = arith.addi %8, %c13 : index
// CHECK-NEXT:          %c14 = arith.constant 14 : index
// CHECK-NEXT:          %19 = arith.divui %18, %c14 : index
// CHECK-NEXT:          scf.for %p = %c0 to %19 step %c1 {
// CHECK-NEXT:            %20 = arith.muli %p, %c14 : index
// CHECK-NEXT:            %21 = arith.addi %5, %20 : index
// CHECK-NEXT:            %22 = arith.addi %6, %j : index
// CHECK-NEXT:            %23 = arith.subi %8, %20 : index
// CHECK-NEXT:            %24 = arith.minsi %23, %c14 : index
// CHECK-NEXT:            %25 = arith.subi %10, %j : index
// CHECK-NEXT:            %26 = arith.minsi %25, %c32 : index
// CHECK-NEXT:            %27 = scf.if %14 -> (!tile.acc<14x32xf32>) {
// CHECK-NEXT:              %28 = tile.zero : !tile.acc<14x32xf32>
// CHECK-NEXT:              scf.yield %28 : !tile.acc<14x32xf32>
// CHECK-NEXT:            } else {
// CHECK-NEXT:              %29 = tile.load %result[%21, %22] bounds %24, %26 : memref<?x100xf32>, !tile.acc<14x32xf32>
// CHECK-NEXT:              scf.yield %29 : !tile.acc<14x32xf32>
// CHECK-NEXT:            }
// CHECK-NEXT:            %30 = tile.mma %a_panels[%p, %c0], %b_panel[%c0, %c0], %13, %27 : memref<2x128x14xf32>, memref<1x128x32xf32>, !tile.acc<14x32xf32>
// CHECK-NEXT:            tile.store %30, %result[%21, %22] bounds %24, %26 : !tile.acc<14x32xf32>, memref<?x100xf32>
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @bounded_and_stepped(%a: tensor<?x?xf32, ["d0", "d1"]>, %b: tensor<?x100xf32, ["d1", 100 : i64]>, %d0: index {fxt.symbol = "d0"}, %d1: index {fxt.symbol = "d1"}) -> (tensor<?x100xf32, ["d0", 100 : i64]>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 14 : i64, nr = 32 : i64, mc = 28 : i64, nc = 64 : i64, kc = 128 : i64, grain = 1 : i64}} {
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
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c3 = arith.constant 3 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c3, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%block: index):
// CHECK-NEXT:      %a_panels = memref.alloca() {alignment = 64 : i64} : memref<1x16x16xf32>
// CHECK-NEXT:      %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x16x16xf32>
// CHECK-NEXT:      %c128 = arith.constant 128 : index
// CHECK-NEXT:      %0 = arith.muli %block, %c128 : index
// CHECK-NEXT:      %left = memref.reinterpret_cast %a to offset: [%0], sizes: [16, 8], strides: [8, 1] : memref<3x16x8xbf16> to memref<16x8xbf16, strided<[8, 1], offset: ?>>
// CHECK-NEXT:      %right = memref.reinterpret_cast %b to offset: [0], sizes: [32, 8], strides: [1, 32] : memref<8x32xbf16> to memref<32x8xbf16, strided<[1, 32]>>
// CHECK-NEXT:      %accumulators = memref.alloca() {alignment = 64 : i64} : memref<16x32xf32>
// CHECK-NEXT:      %c16 = arith.constant 16 : index
// CHECK-NEXT:      %c8 = arith.constant 8 : index
// CHECK-NEXT:      tile.pack %left[%c0, %c0] bounds %c16, %c8 into %a_panels : memref<16x8xbf16, strided<[8, 1], offset: ?>> into memref<1x16x16xf32>
// CHECK-NEXT:      %c32 = arith.constant 32 : index
// CHECK-NEXT:      scf.for %j = %c0 to %c32 step %c16 {
// CHECK-NEXT:        tile.pack %right[%j, %c0] bounds %c16, %c8 into %b_panel : memref<32x8xbf16, strided<[1, 32]>> into memref<1x16x16xf32>
// CHECK-NEXT:        scf.for %p = %c0 to %c1 step %c1 {
// CHECK-NEXT:          %1 = arith.muli %p, %c16 : index
// CHECK-NEXT:          %2 = tile.zero : !tile.acc<16x16xf32>
// CHECK-NEXT:          %3 = tile.mma %a_panels[%p, %c0], %b_panel[%c0, %c0], %c8, %2 : memref<1x16x16xf32>, memref<1x16x16xf32>, !tile.acc<16x16xf32>
// CHECK-NEXT:          tile.store %3, %accumulators[%1, %j] : !tile.acc<16x16xf32>, memref<16x32xf32>
// CHECK-NEXT:        }
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.for %i = %c0 to %c16 step %c1 {
// CHECK-NEXT:        scf.for %j_1 = %c0 to %c32 step %c1 {
// CHECK-NEXT:          %4 = memref.load %accumulators[%i, %j_1] : memref<16x32xf32>
// CHECK-NEXT:          %5 = arith.truncf %4 : f32 to bf16
// CHECK-NEXT:          memref.store %5, %out[%block, %i, %j_1] : memref<3x16x32xbf16>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @batched_and_rounded(%a: tensor<3x16x8xbf16>, %b: tensor<8x32xbf16>) -> (tensor<3x16x32xbf16>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 16 : i64, nr = 16 : i64, mc = 16 : i64, nc = 32 : i64, kc = 16 : i64, grain = 1 : i64}} {
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
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%strip: index):
// CHECK-NEXT:      %left = memref.reinterpret_cast %a to offset: [0], sizes: [2, 30], strides: [30, 1] : memref<2x30xf32> to memref<2x30xf32>
// CHECK-NEXT:      %right = memref.reinterpret_cast %b to offset: [0], sizes: [40, 30], strides: [30, 1] : memref<30x40xf32, strided<[1, 30]>> to memref<40x30xf32>
// CHECK-NEXT:      %c40 = arith.constant 40 : index
// CHECK-NEXT:      scf.for %j = %c0 to %c40 step %c1 {
// CHECK-NEXT:        %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:        %c30 = arith.constant 30 : index
// CHECK-NEXT:        %1, %2 = scf.for %k = %c0 to %c30 step %c1 iter_args(%3 = %0, %4 = %0) -> (f32, f32) {
// CHECK-NEXT:          %5 = memref.load %right[%j, %k] : memref<40x30xf32>
// CHECK-NEXT:          %6 = memref.load %left[%c0, %k] : memref<2x30xf32>
// CHECK-NEXT:          %7 = arith.mulf %6, %5 fastmath<contract> : f32
// CHECK-NEXT:          %8 = arith.addf %3, %7 fastmath<contract> : f32
// CHECK-NEXT:          %9 = memref.load %left[%c1, %k] : memref<2x30xf32>
// CHECK-NEXT:          %10 = arith.mulf %9, %5 fastmath<contract> : f32
// CHECK-NEXT:          %11 = arith.addf %4, %10 fastmath<contract> : f32
// CHECK-NEXT:          scf.yield %8, %11 : f32, f32
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:        memref.store %1, %out[%c0, %j] : memref<2x40xf32>
// CHECK-NEXT:        memref.store %2, %out[%c1, %j] : memref<2x40xf32>
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @dot_products(%a: tensor<2x30xf32>, %b: tensor<30x40xf32> {fxt.strides = [1 : i64, 30 : i64]}) -> (tensor<2x40xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 2 : i64, nr = 16 : i64, mc = 0 : i64, nc = 40 : i64, kc = 0 : i64, grain = 1 : i64}} {
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
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%strip: index):
// CHECK-NEXT:      %left = memref.reinterpret_cast %a to offset: [0], sizes: [2, 30], strides: [30, 1] : memref<2x30xi32> to memref<2x30xi32>
// CHECK-NEXT:      %right = memref.reinterpret_cast %b to offset: [0], sizes: [40, 30], strides: [1, 40] : memref<30x40xi32> to memref<40x30xi32, strided<[1, 40]>>
// CHECK-NEXT:      %c40 = arith.constant 40 : index
// CHECK-NEXT:      scf.for %j = %c0 to %c40 step %c1 {
// CHECK-NEXT:        %0 = arith.constant 0 : i32
// CHECK-NEXT:        %c30 = arith.constant 30 : index
// CHECK-NEXT:        %1, %2 = scf.for %k = %c0 to %c30 step %c1 iter_args(%3 = %0, %4 = %0) -> (i32, i32) {
// CHECK-NEXT:          %5 = memref.load %right[%j, %k] : memref<40x30xi32, strided<[1, 40]>>
// CHECK-NEXT:          %6 = memref.load %left[%c0, %k] : memref<2x30xi32>
// CHECK-NEXT:          %7 = arith.muli %6, %5 : i32
// CHECK-NEXT:          %8 = arith.addi %3, %7 : i32
// CHECK-NEXT:          %9 = memref.load %left[%c1, %k] : memref<2x30xi32>
// CHECK-NEXT:          %10 = arith.muli %9, %5 : i32
// CHECK-NEXT:          %11 = arith.addi %4, %10 : i32
// CHECK-NEXT:          scf.yield %8, %11 : i32, i32
// CHECK-NEXT:        }
// CHECK-NEXT:        memref.store %1, %out[%c0, %j] : memref<2x40xi32>
// CHECK-NEXT:        memref.store %2, %out[%c1, %j] : memref<2x40xi32>
// CHECK-NEXT:      } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }
func.func private @sum_of_rows(%a: tensor<2x30xi32>, %b: tensor<30x40xi32>) -> (tensor<2x40xi32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 2 : i64, nr = 16 : i64, mc = 0 : i64, nc = 40 : i64, kc = 0 : i64, grain = 1 : i64}} {
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

}
