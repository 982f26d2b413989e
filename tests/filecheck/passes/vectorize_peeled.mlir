// RUN: fxlower-opt -p vectorize %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v3"} {

// AVX2 has no masks for bytes: the tail is the scalar loop.
// CHECK-LABEL: func.func @bytes(%x: memref<40xi8>, %out: memref<40xi8>) {
// CHECK-NEXT:     %c32 = arith.constant 32 : index
// CHECK-NEXT:     %c40 = arith.constant 40 : index
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c40_1 = arith.constant 40 : index
// CHECK-NEXT:     %v = vector.load %x[%c0] : memref<40xi8>, vector<32xi8>
// CHECK-NEXT:     vector.store %v, %out[%c0] : memref<40xi8>, vector<32xi8>
// CHECK-NEXT:     scf.for %i = %c32 to %c40 step %c1 {
// CHECK-NEXT:       %v_1 = memref.load %x[%i] : memref<40xi8>
// CHECK-NEXT:       memref.store %v_1, %out[%i] : memref<40xi8>
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @bytes(%x: memref<40xi8>, %out: memref<40xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c40 = arith.constant 40 : index
  scf.for %i = %c0 to %c40 step %c1 {
    %v = memref.load %x[%i] : memref<40xi8>
    memref.store %v, %out[%i] : memref<40xi8>
  } {fxlower.vector = 32 : i64}
  func.return
}

// But it has them for words.
// CHECK-LABEL: func.func @words(%x: memref<12xf32>, %out: memref<12xf32>) {
// CHECK-NEXT:     %c8 = arith.constant 8 : index
// CHECK-NEXT:     %mask = vector.constant_mask [4] : vector<8xi1>
// CHECK-NEXT:     %0 = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c12 = arith.constant 12 : index
// CHECK-NEXT:     %v = vector.load %x[%c0] : memref<12xf32>, vector<8xf32>
// CHECK-NEXT:     vector.store %v, %out[%c0] : memref<12xf32>, vector<8xf32>
// CHECK-NEXT:     %v_1 = vector.maskedload %x[%c8], %mask, %0 : memref<12xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT:     vector.maskedstore %out[%c8], %mask, %v_1 : memref<12xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func @words(%x: memref<12xf32>, %out: memref<12xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c12 = arith.constant 12 : index
  scf.for %i = %c0 to %c12 step %c1 {
    %v = memref.load %x[%i] : memref<12xf32>
    memref.store %v, %out[%i] : memref<12xf32>
  } {fxlower.vector = 8 : i64}
  func.return
}
}
