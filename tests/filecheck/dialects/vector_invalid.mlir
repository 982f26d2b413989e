// RUN: fxlower-opt %s --verify-diagnostics --split-input-file | filecheck %s

// CHECK: 'vector.gather': needs 2 indices for its base
func.func @f(%x: memref<4x4xf32>, %n: index, %i: vector<4xi32>, %m: vector<4xi1>, %v: vector<4xf32>) {
  %g = vector.gather %x[%n] [%i], %m, %v : memref<4x4xf32>, vector<4xi32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
  func.return
}

// -----

// CHECK: 'vector.scatter': the mask must be of i1, got vector<4xi8>
func.func @f(%x: memref<4xf32>, %n: index, %i: vector<4xi32>, %m: vector<4xi8>, %v: vector<4xf32>) {
  vector.scatter %x[%n] [%i], %m, %v : memref<4xf32>, vector<4xi32>, vector<4xi8>, vector<4xf32>
  func.return
}

// -----

// CHECK: 'vector.constant_mask': sizes must be within (4,), got (5,)
func.func @f() {
  %m = vector.constant_mask [5] : vector<4xi1>
  func.return
}
