// RUN: fxlower-opt -p tile-contractions %s | filecheck %s

builtin.module attributes {fxlower.machine = "znver4"} {

// CHECK-LABEL: func.func private @bytes(%a: memref<64x64xi8>, %b: memref<64x96xi8>, %out: memref<64x96xi32>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%block: index):
// CHECK-NEXT:        %a_panels = memref.alloca() {alignment = 64 : i64} : memref<8x16x8x4xi8>
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [0], sizes: [64, 64], strides: [64, 1] : memref<64x64xi8> to memref<64x64xi8>
// CHECK-NEXT:        %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x16x32x4xi8>
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [0], sizes: [96, 64], strides: [1, 96] : memref<64x96xi8> to memref<96x64xi8, strided<[1, 96]>>
// CHECK-NEXT:        %offset_sums = memref.alloca() {alignment = 64 : i64} : memref<1x32xi32>
// CHECK-NEXT:        %offset_row = memref.alloca() {alignment = 64 : i64} : memref<1x1x1x4xi8>
// CHECK-NEXT:        %0 = arith.constant -128 : i8
// CHECK-NEXT:        memref.store %0, %offset_row[%c0, %c0, %c0, %c0] : memref<1x1x1x4xi8>
// CHECK-NEXT:        memref.store %0, %offset_row[%c0, %c0, %c0, %c1] : memref<1x1x1x4xi8>
// CHECK-NEXT:        %c2 = arith.constant 2 : index
// CHECK-NEXT:        memref.store %0, %offset_row[%c0, %c0, %c0, %c2] : memref<1x1x1x4xi8>
// CHECK-NEXT:        %c3 = arith.constant 3 : index
// CHECK-NEXT:        memref.store %0, %offset_row[%c0, %c0, %c0, %c3] : memref<1x1x1x4xi8>
// CHECK-NEXT:        %result = memref.reinterpret_cast %out to offset: [0], sizes: [64, 96], strides: [96, 1] : memref<64x96xi32> to memref<64x96xi32>
// CHECK-NEXT:        %c64 = arith.constant 64 : index
// CHECK-NEXT:        tile.pack %left[%c0, %c0] bounds %c64, %c64 into %a_panels {offset = 128 : i64} : memref<64x64xi8> into memref<8x16x8x4xi8>
// CHECK-NEXT:        scf.for %p = %c0 to %c3 step %c1 {
// CHECK-NEXT:          %c32 = arith.constant 32 : index
// CHECK-NEXT:          %1 = arith.muli %p, %c32 : index
// CHECK-NEXT:          %c96 = arith.constant 96 : index
// CHECK-NEXT:          %2 = arith.subi %c96, %1 : index
// CHECK-NEXT:          %3 = arith.minsi %2, %c32 : index
// CHECK-NEXT:          tile.pack %right[%1, %c0] bounds %c32, %c64 into %b_panel : memref<96x64xi8, strided<[1, 96]>> into memref<1x16x32x4xi8>
// CHECK-NEXT:          %4 = memref.reinterpret_cast %offset_row to offset: [0], sizes: [1, 16, 1, 4], strides: [0, 0, 0, 1] : memref<1x1x1x4xi8> to memref<1x16x1x4xi8, strided<[0, 0, 0, 1]>>
// CHECK-NEXT:          %5 = tile.zero : !tile.acc<1x32xi32>
// CHECK-NEXT:          %6 = tile.mma %4[%c0, %c0], %b_panel[%c0, %c0], %c64, %5 {a_unsigned} : memref<1x16x1x4xi8, strided<[0, 0, 0, 1]>>, memref<1x16x32x4xi8>, !tile.acc<1x32xi32>
// CHECK-NEXT:          tile.store %6, %offset_sums[%c0, %c0] : !tile.acc<1x32xi32>, memref<1x32xi32>
// CHECK-NEXT:          %c8 = arith.constant 8 : index
// CHECK-NEXT:          scf.for %p_1 = %c0 to %c8 step %c1 {
// CHECK-NEXT:            %7 = arith.muli %p_1, %c8 : index
// CHECK-NEXT:            %8 = arith.muli %p, %c32 : index
// CHECK-NEXT:            %9 = tile.zero : !tile.acc<8x32xi32>
// CHECK-NEXT:            %10 = tile.subtract_row %9, %offset_sums[%c0, %c0] : memref<1x32xi32>, !tile.acc<8x32xi32>
// CHECK-NEXT:            %11 = tile.mma %a_panels[%p_1, %c0], %b_panel[%c0, %c0], %c64, %10 {a_unsigned} : memref<8x16x8x4xi8>, memref<1x16x32x4xi8>, !tile.acc<8x32xi32>
// CHECK-NEXT:            tile.store %11, %result[%7, %8] : !tile.acc<8x32xi32>, memref<64x96xi32>
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 2 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @bytes(%a: tensor<64x64xi8>, %b: tensor<64x96xi8>) -> (tensor<64x96xi32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 32 : i64, mc = 64 : i64, nc = 96 : i64, kc = 64 : i64, grain = 2 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<64x96xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<64x96xi32>) -> tensor<64x96xi32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<64x64xi8>, tensor<64x96xi8>) outs(%init : tensor<64x96xi32>) {
  ^bb0(%x: i8, %y: i8, %acc: i32):
    %xw = arith.extsi %x : i8 to i32
    %yw = arith.extsi %y : i8 to i32
    %p = arith.muli %xw, %yw : i32
    %s = arith.addi %acc, %p : i32
    linalg.yield %s : i32
  } -> tensor<64x96xi32>
  func.return %c : tensor<64x96xi32>
}

// CHECK-LABEL: func.func private @widened(%a: memref<64x64xi8>, %b: memref<64x96xi8>, %out: memref<64x96xi32>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%block: index):
// CHECK-NEXT:        %a_panels = memref.alloca() {alignment = 64 : i64} : memref<8x32x8x2xi16>
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [0], sizes: [64, 64], strides: [64, 1] : memref<64x64xi8> to memref<64x64xi8>
// CHECK-NEXT:        %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x32x32x2xi16>
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [0], sizes: [96, 64], strides: [1, 96] : memref<64x96xi8> to memref<96x64xi8, strided<[1, 96]>>
// CHECK-NEXT:        %result = memref.reinterpret_cast %out to offset: [0], sizes: [64, 96], strides: [96, 1] : memref<64x96xi32> to memref<64x96xi32>
// CHECK-NEXT:        %c64 = arith.constant 64 : index
// CHECK-NEXT:        tile.pack %left[%c0, %c0] bounds %c64, %c64 into %a_panels {unsigned} : memref<64x64xi8> into memref<8x32x8x2xi16>
// CHECK-NEXT:        %c3 = arith.constant 3 : index
// CHECK-NEXT:        scf.for %p = %c0 to %c3 step %c1 {
// CHECK-NEXT:          %c32 = arith.constant 32 : index
// CHECK-NEXT:          %0 = arith.muli %p, %c32 : index
// CHECK-NEXT:          %c96 = arith.constant 96 : index
// CHECK-NEXT:          %1 = arith.subi %c96, %0 : index
// CHECK-NEXT:          %2 = arith.minsi %1, %c32 : index
// CHECK-NEXT:          tile.pack %right[%0, %c0] bounds %c32, %c64 into %b_panel {unsigned} : memref<96x64xi8, strided<[1, 96]>> into memref<1x32x32x2xi16>
// CHECK-NEXT:          %c8 = arith.constant 8 : index
// CHECK-NEXT:          scf.for %p_1 = %c0 to %c8 step %c1 {
// CHECK-NEXT:            %3 = arith.muli %p_1, %c8 : index
// CHECK-NEXT:            %4 = arith.muli %p, %c32 : index
// CHECK-NEXT:            %5 = tile.zero : !tile.acc<8x32xi32>
// CHECK-NEXT:            %6 = tile.mma %a_panels[%p_1, %c0], %b_panel[%c0, %c0], %c64, %5 : memref<8x32x8x2xi16>, memref<1x32x32x2xi16>, !tile.acc<8x32xi32>
// CHECK-NEXT:            tile.store %6, %result[%3, %4] : !tile.acc<8x32xi32>, memref<64x96xi32>
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 2 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @widened(%a: tensor<64x64xi8>, %b: tensor<64x96xi8>) -> (tensor<64x96xi32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 32 : i64, mc = 64 : i64, nc = 96 : i64, kc = 64 : i64, grain = 2 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<64x96xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<64x96xi32>) -> tensor<64x96xi32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<64x64xi8>, tensor<64x96xi8>) outs(%init : tensor<64x96xi32>) {
  ^bb0(%x: i8, %y: i8, %acc: i32):
    %xw = arith.extui %x : i8 to i32
    %yw = arith.extui %y : i8 to i32
    %p = arith.muli %xw, %yw : i32
    %s = arith.addi %acc, %p : i32
    linalg.yield %s : i32
  } -> tensor<64x96xi32>
  func.return %c : tensor<64x96xi32>
}

// CHECK-LABEL: func.func private @pairs(%a: memref<64x500xbf16>, %b: memref<500x96xbf16>, %out: memref<64x96xf32>) attributes {fxlower.kernel = "contraction"} {
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c1, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%block: index):
// CHECK-NEXT:        %a_panels = memref.alloca() {alignment = 64 : i64} : memref<8x32x8x2xbf16>
// CHECK-NEXT:        %left = memref.reinterpret_cast %a to offset: [0], sizes: [64, 500], strides: [500, 1] : memref<64x500xbf16> to memref<64x500xbf16>
// CHECK-NEXT:        %b_panel = memref.alloca() {alignment = 64 : i64} : memref<1x32x32x2xbf16>
// CHECK-NEXT:        %right = memref.reinterpret_cast %b to offset: [0], sizes: [96, 500], strides: [1, 96] : memref<500x96xbf16> to memref<96x500xbf16, strided<[1, 96]>>
// CHECK-NEXT:        %result = memref.reinterpret_cast %out to offset: [0], sizes: [64, 96], strides: [96, 1] : memref<64x96xf32> to memref<64x96xf32>
// CHECK-NEXT:        %c500 = arith.constant 500 : index
// CHECK-NEXT:        %c64 = arith.constant 64 : index
// CHECK-NEXT:        scf.for %k = %c0 to %c500 step %c64 {
// CHECK-NEXT:          %0 = arith.addi %k, %c64 : index
// CHECK-NEXT:          %1 = arith.cmpi sge, %0, %c500 : index
// CHECK-NEXT:          %2 = arith.subi %c500, %k : index
// CHECK-NEXT:          %3 = arith.minsi %c64, %2 : index
// CHECK-NEXT:          %4 = arith.cmpi eq, %k, %c0 : index
// CHECK-NEXT:          tile.pack %left[%c0, %k] bounds %c64, %3 into %a_panels : memref<64x500xbf16> into memref<8x32x8x2xbf16>
// CHECK-NEXT:          %c3 = arith.constant 3 : index
// CHECK-NEXT:          scf.for %p = %c0 to %c3 step %c1 {
// CHECK-NEXT:            %c32 = arith.constant 32 : index
// CHECK-NEXT:            %5 = arith.muli %p, %c32 : index
// CHECK-NEXT:            %c96 = arith.constant 96 : index
// CHECK-NEXT:            %6 = arith.subi %c96, %5 : index
// CHECK-NEXT:            %7 = arith.minsi %6, %c32 : index
// CHECK-NEXT:            tile.pack %right[%5, %k] bounds %c32, %3 into %b_panel : memref<96x500xbf16, strided<[1, 96]>> into memref<1x32x32x2xbf16>
// CHECK-NEXT:            %c8 = arith.constant 8 : index
// CHECK-NEXT:            scf.for %p_1 = %c0 to %c8 step %c1 {
// CHECK-NEXT:              %8 = arith.muli %p_1, %c8 : index
// CHECK-NEXT:              %9 = arith.muli %p, %c32 : index
// CHECK-NEXT:              %10 = tile.zero : !tile.acc<8x32xf32>
// CHECK-NEXT:              %11 = tile.mma %a_panels[%p_1, %c0], %b_panel[%c0, %c0], %3, %10 : memref<8x32x8x2xbf16>, memref<1x32x32x2xbf16>, !tile.acc<8x32xf32>
// CHECK-NEXT:              %12 = scf.if %4 -> (!tile.acc<8x32xf32>) {
// CHECK-NEXT:                scf.yield %11 : !tile.acc<8x32xf32>
// CHECK-NEXT:              } else {
// CHECK-NEXT:                %13 = tile.load %result[%8, %9] : memref<64x96xf32>, !tile.acc<8x32xf32>
// CHECK-NEXT:                %14 = tile.add %13, %11 : !tile.acc<8x32xf32>
// CHECK-NEXT:                scf.yield %14 : !tile.acc<8x32xf32>
// CHECK-NEXT:              }
// CHECK-NEXT:              tile.store %12, %result[%8, %9] : !tile.acc<8x32xf32>, memref<64x96xf32>
// CHECK-NEXT:            }
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 2 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
func.func private @pairs(%a: tensor<64x500xbf16>, %b: tensor<500x96xbf16>) -> (tensor<64x96xf32>) attributes {fxlower.kernel = "contraction", fxlower.schedule = {mr = 8 : i64, nr = 32 : i64, mc = 64 : i64, nc = 96 : i64, kc = 64 : i64, grain = 2 : i64, pack_left = 1 : i64, pack_right = 1 : i64, prefetch = 0 : i64}} {
  %zero = arith.constant 0.000000e+00 : f32
  %empty = tensor.empty() : tensor<64x96xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<64x96xf32>) -> tensor<64x96xf32>
  %c = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : tensor<64x500xbf16>, tensor<500x96xbf16>) outs(%init : tensor<64x96xf32>) {
  ^bb0(%x: bf16, %y: bf16, %acc: f32):
    %xw = arith.extf %x : bf16 to f32
    %yw = arith.extf %y : bf16 to f32
    %p = arith.mulf %xw, %yw : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<64x96xf32>
  func.return %c : tensor<64x96xf32>
}

}
