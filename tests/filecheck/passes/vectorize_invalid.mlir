// RUN: fxlower-opt -p vectorize --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: vectorize: an iter_arg of a vectorized loop must be combined with the next value by an associative op of arith, got 'arith.subf'
func.func @not_associative(%x: memref<64xf32>, %zero: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %s = scf.for %i = %c0 to %c64 step %c1 iter_args(%acc = %zero) -> (f32) {
    %v = memref.load %x[%i] : memref<64xf32>
    %next = arith.subf %v, %acc : f32
    scf.yield %next : f32
  } {fxlower.vector = 16 : i64}
  func.return %s : f32
}

// -----

// CHECK: vectorize: a loop with fxlower.vector must have step 1
func.func @step(%x: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c64 step %c2 {
    scf.yield
  } {fxlower.vector = 16 : i64}
  func.return
}

// -----

// CHECK: vectorize: index must be the same in all lanes here, but depends on the loop that is vectorized
func.func @triangle(%x: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c64 step %c1 {
    scf.for %j = %c0 to %i step %c1 {
      scf.yield
    }
  } {fxlower.vector = 16 : i64}
  func.return
}

// -----

// CHECK: vectorize: all lanes store to the same element of memref<1xf32>; iterations of a vectorized loop must be independent
func.func @dependent(%x: memref<64xf32>, %out: memref<1xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c64 step %c1 {
    %v = memref.load %x[%i] : memref<64xf32>
    memref.store %v, %out[%c0] : memref<1xf32>
  } {fxlower.vector = 16 : i64}
  func.return
}

// -----

// CHECK: vectorize: memref<?x?xf32, strided<[?, 1]>> has dynamic strides; only memref.reinterpret_cast tells them
func.func @unknown_stride(%x: memref<?x?xf32, strided<[?, 1]>>, %out: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c64 step %c1 {
    %v = memref.load %x[%i, %c0] : memref<?x?xf32, strided<[?, 1]>>
    memref.store %v, %out[%i] : memref<64xf32>
  } {fxlower.vector = 16 : i64}
  func.return
}

// -----

// CHECK: vectorize: fxlower.vector must be a positive integer, got "wide"
func.func @mark(%x: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c64 step %c1 {
    scf.yield
  } {fxlower.vector = "wide"}
  func.return
}

// -----

// CHECK: vectorize: a value that a vectorized loop carries must be used by nothing but the op that combines it with the next one
func.func @exclusive_scan(%x: memref<64xf32>, %out: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %last = scf.for %i = %c0 to %c64 step %c1 iter_args(%sum = %zero) -> (f32) {
    %v = memref.load %x[%i] : memref<64xf32>
    memref.store %sum, %out[%i] : memref<64xf32>
    %s = arith.addf %sum, %v : f32
    memref.store %s, %x[%i] : memref<64xf32>
    scf.yield %s : f32
  } {fxlower.vector = 16 : i64}
  func.return
}

// -----

// CHECK: vectorize: a loop with fxlower.rows carries no values
func.func @rows_carry(%x: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %last = scf.for %i = %c0 to %c64 step %c1 iter_args(%sum = %zero) -> (f32) {
    scf.yield %sum : f32
  } {fxlower.rows = 16 : i64}
  func.return
}
