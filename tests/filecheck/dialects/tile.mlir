// RUN: fxlower-opt %s | fxlower-opt | filecheck %s

// CHECK-LABEL: func.func @block
func.func @block(%a: memref<128x768xf32>, %b: memref<768x512xf32, strided<[1, 768]>>, %c: memref<128x512xf32>, %next: memref<2x512xf32, strided<[16, 768]>>, %i: index, %n: index) {
  %ap = memref.alloca() : memref<10x384x14xf32>
  %bp = memref.alloca() : memref<1x384x32xf32>
  // CHECK:      tile.pack %a[%i, %i] bounds %n, %n into %ap : memref<128x768xf32> into memref<10x384x14xf32>
  tile.pack %a[%i, %i] bounds %n, %n into %ap : memref<128x768xf32> into memref<10x384x14xf32>
  // CHECK-NEXT: tile.pack %b[%i, %i] bounds %n, %n into %bp : memref<768x512xf32, strided<[1, 768]>> into memref<1x384x32xf32>
  tile.pack %b[%i, %i] bounds %n, %n into %bp : memref<768x512xf32, strided<[1, 768]>> into memref<1x384x32xf32>
  // CHECK-NEXT: %zero = tile.zero : !tile.acc<14x32xf32>
  %zero = tile.zero : !tile.acc<14x32xf32>
  // CHECK-NEXT: %twice = tile.add %zero, %zero : !tile.acc<14x32xf32>
  %twice = tile.add %zero, %zero : !tile.acc<14x32xf32>
  // CHECK-NEXT: %sum = tile.mma %ap[%i, %i], %bp[%i, %i], %n, %zero : memref<10x384x14xf32>, memref<1x384x32xf32>, !tile.acc<14x32xf32>
  %sum = tile.mma %ap[%i, %i], %bp[%i, %i], %n, %zero : memref<10x384x14xf32>, memref<1x384x32xf32>, !tile.acc<14x32xf32>
  // CHECK-NEXT: %more = tile.mma %ap[%i, %i], %bp[%i, %i], %n, %zero bounds %n ahead %next[%i] : memref<10x384x14xf32>, memref<1x384x32xf32>, !tile.acc<14x32xf32>, memref<2x512xf32, strided<[16, 768]>>
  %more = tile.mma %ap[%i, %i], %bp[%i, %i], %n, %zero bounds %n ahead %next[%i] : memref<10x384x14xf32>, memref<1x384x32xf32>, !tile.acc<14x32xf32>, memref<2x512xf32, strided<[16, 768]>>
  // CHECK-NEXT: tile.store %sum, %c[%i, %i] : !tile.acc<14x32xf32>, memref<128x512xf32>
  tile.store %sum, %c[%i, %i] : !tile.acc<14x32xf32>, memref<128x512xf32>
  // CHECK-NEXT: tile.store %sum, %c[%i, %i] bounds %n, %i : !tile.acc<14x32xf32>, memref<128x512xf32>
  tile.store %sum, %c[%i, %i] bounds %n, %i : !tile.acc<14x32xf32>, memref<128x512xf32>
  // CHECK-NEXT: %again = tile.load %c[%i, %i] : memref<128x512xf32>, !tile.acc<14x32xf32>
  %again = tile.load %c[%i, %i] : memref<128x512xf32>, !tile.acc<14x32xf32>
  // CHECK-NEXT: %edge = tile.load %c[%i, %i] bounds %n, %i : memref<128x512xf32>, !tile.acc<14x32xf32>
  %edge = tile.load %c[%i, %i] bounds %n, %i : memref<128x512xf32>, !tile.acc<14x32xf32>
  func.return
}

// CHECK-LABEL: func.func @groups
func.func @groups(%a: memref<128x768xi8>, %b: memref<768x512xi8>, %sums: memref<1x32xi32>, %i: index, %n: index) {
  %ap = memref.alloca() : memref<10x96x14x4xi8>
  %bp = memref.alloca() : memref<1x96x32x4xi8>
  // CHECK:      tile.pack %a[%i, %i] bounds %n, %n into %ap {offset = 128 : i64} : memref<128x768xi8> into memref<10x96x14x4xi8>
  tile.pack %a[%i, %i] bounds %n, %n into %ap {offset = 128 : i64} : memref<128x768xi8> into memref<10x96x14x4xi8>
  // CHECK-NEXT: tile.pack %b[%i, %i] bounds %n, %n into %bp {unsigned} : memref<768x512xi8> into memref<1x96x32x4xi8>
  tile.pack %b[%i, %i] bounds %n, %n into %bp {unsigned} : memref<768x512xi8> into memref<1x96x32x4xi8>
  %zero = tile.zero : !tile.acc<14x32xi32>
  // CHECK:      %less = tile.subtract_row %zero, %sums[%i, %i] : memref<1x32xi32>, !tile.acc<14x32xi32>
  %less = tile.subtract_row %zero, %sums[%i, %i] : memref<1x32xi32>, !tile.acc<14x32xi32>
  // CHECK-NEXT: %sum = tile.mma %ap[%i, %i], %bp[%i, %i], %n, %less {a_unsigned} : memref<10x96x14x4xi8>, memref<1x96x32x4xi8>, !tile.acc<14x32xi32>
  %sum = tile.mma %ap[%i, %i], %bp[%i, %i], %n, %less {a_unsigned} : memref<10x96x14x4xi8>, memref<1x96x32x4xi8>, !tile.acc<14x32xi32>
  func.return
}
