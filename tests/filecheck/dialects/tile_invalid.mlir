// RUN: fxlower-opt %s --verify-diagnostics --split-input-file | filecheck %s

// CHECK: source needs 2 indices, got 1
func.func @f(%a: memref<8x8xf32>, %p: memref<2x8x4xf32>, %n: index) {
  tile.pack %a[%n] bounds %n, %n into %p : memref<8x8xf32> into memref<2x8x4xf32>
  func.return
}

// -----

// CHECK: panels must be memref<panels x depth x lanes>, or memref<panels x depth x lanes x group>, with static lanes and group, got memref<8x4xf32>
func.func @f(%a: memref<8x8xf32>, %p: memref<8x4xf32>, %n: index) {
  tile.pack %a[%n, %n] bounds %n, %n into %p : memref<8x8xf32> into memref<8x4xf32>
  func.return
}

// -----

// CHECK: a must be memref<panels x depth x 8> for !tile.acc<8x16xf32>, got memref<2x8x4xf32>
func.func @f(%a: memref<2x8x4xf32>, %b: memref<1x8x16xf32>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xf32>
  %sum = tile.mma %a[%n, %n], %b[%n, %n], %n, %zero : memref<2x8x4xf32>, memref<1x8x16xf32>, !tile.acc<8x16xf32>
  func.return
}

// -----

// CHECK: b must have unit stride across its lanes, got memref<1x8x16xf32, strided<[128, 1, 8]>>
func.func @f(%a: memref<2x8x8xf32>, %b: memref<1x8x16xf32, strided<[128, 1, 8]>>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xf32>
  %sum = tile.mma %a[%n, %n], %b[%n, %n], %n, %zero : memref<2x8x8xf32>, memref<1x8x16xf32, strided<[128, 1, 8]>>, !tile.acc<8x16xf32>
  func.return
}

// -----

// CHECK: a needs a panel and a depth, got 1
func.func @f(%a: memref<2x8x8xf32>, %b: memref<1x8x16xf32>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xf32>
  %sum = tile.mma %a[%n], %b[%n, %n], %n, %zero : memref<2x8x8xf32>, memref<1x8x16xf32>, !tile.acc<8x16xf32>
  func.return
}

// -----

// CHECK: bounds are a pair, rows and columns, got 1
func.func @f(%c: memref<8x16xf32>, %n: index) {
  %acc = tile.load %c[%n, %n] bounds %n : memref<8x16xf32>, !tile.acc<8x16xf32>
  func.return
}

// -----

// CHECK: memory and accumulator must hold one element type, got memref<8x16xf64> and !tile.acc<8x16xf32>
func.func @f(%c: memref<8x16xf64>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xf32>
  tile.store %zero, %c[%n, %n] : !tile.acc<8x16xf32>, memref<8x16xf64>
  func.return
}

// -----

// CHECK: an accumulator tile needs rows and columns, got !tile.acc<0x16xf32>
func.func @f(%acc: !tile.acc<0x16xf32>) {
  func.return
}

// -----

// CHECK: cannot widen elements of memref<8x8xf32> to those of memref<2x2x4x4xi8>
func.func @f(%a: memref<8x8xf32>, %p: memref<2x2x4x4xi8>, %n: index) {
  tile.pack %a[%n, %n] bounds %n, %n into %p : memref<8x8xf32> into memref<2x2x4x4xi8>
  func.return
}

// -----

// CHECK: an offset needs grouped panels of integers, got memref<2x4x4x2xbf16>
func.func @f(%a: memref<8x8xbf16>, %p: memref<2x4x4x2xbf16>, %n: index) {
  tile.pack %a[%n, %n] bounds %n, %n into %p {offset = 128 : i64} : memref<8x8xbf16> into memref<2x4x4x2xbf16>
  func.return
}

// -----

// CHECK: groups must hold elements narrower than the accumulator's, got memref<2x4x8x2xbf16> and !tile.acc<8x16xi32>
func.func @f(%a: memref<2x4x8x2xbf16>, %b: memref<1x4x16x2xbf16>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xi32>
  %sum = tile.mma %a[%n, %n], %b[%n, %n], %n, %zero : memref<2x4x8x2xbf16>, memref<1x4x16x2xbf16>, !tile.acc<8x16xi32>
  func.return
}

// -----

// CHECK: panels must have equal groups, got memref<2x4x8x2xi16> and memref<1x2x16x4xi8>
func.func @f(%a: memref<2x4x8x2xi16>, %b: memref<1x2x16x4xi8>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xi32>
  %sum = tile.mma %a[%n, %n], %b[%n, %n], %n, %zero : memref<2x4x8x2xi16>, memref<1x2x16x4xi8>, !tile.acc<8x16xi32>
  func.return
}

// -----

// CHECK: panels in groups are read whole, got memref<1x4x16x2xbf16>
func.func @f(%a: memref<2x4x8x2xbf16>, %b: memref<1x4x16x2xbf16>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xf32>
  %sum = tile.mma %a[%n, %n], %b[%n, %n], %n, %zero bounds %n : memref<2x4x8x2xbf16>, memref<1x4x16x2xbf16>, !tile.acc<8x16xf32>
  func.return
}

// -----

// CHECK: row must have unit stride, got memref<1x16xi32, strided<[32, 2]>>
func.func @f(%row: memref<1x16xi32, strided<[32, 2]>>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xi32>
  %less = tile.subtract_row %zero, %row[%n, %n] : memref<1x16xi32, strided<[32, 2]>>, !tile.acc<8x16xi32>
  func.return
}

// -----

// CHECK: what is ahead must be memref<lines x depth> with static lines, got (8,)
func.func @f(%a: memref<2x8x8xf32>, %b: memref<1x8x16xf32>, %next: memref<8xf32>, %n: index) {
  %zero = tile.zero : !tile.acc<8x16xf32>
  %sum = tile.mma %a[%n, %n], %b[%n, %n], %n, %zero ahead %next[%n] : memref<2x8x8xf32>, memref<1x8x16xf32>, !tile.acc<8x16xf32>, memref<8xf32>
  func.return
}
