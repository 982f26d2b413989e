// RUN: fxlower-opt -p convert-to-llvm --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: convert-to-llvm: no rule lowers 'linalg.fill' in @f
func.func @f(%x: memref<4xf32>, %v: f32) {
  linalg.fill ins(%v : f32) outs(%x : memref<4xf32>)
  func.return
}

// -----

// CHECK: convert-to-llvm: memref<4xi1> is not addressable; bools in memory are i8
func.func @f(%x: memref<4xi1>) {
  func.return
}

// -----

// CHECK: convert-to-llvm: vectors must have one dimension, got vector<2x2xf32>
func.func @f(%x: vector<2x2xf32>) {
  func.return
}

// -----

// CHECK: convert-to-llvm: the strides of argument type memref<?x?xf32> are not known; pass a 0-d memref and use memref.reinterpret_cast
func.func @f(%x: memref<?x?xf32>) {
  func.return
}

// -----

// CHECK: convert-to-llvm: stack memory must have a fixed size, got memref<?xf32>
func.func @f(%n: index) {
  %x = memref.alloca(%n) : memref<?xf32>
  func.return
}

// -----

// CHECK: convert-to-llvm: scf.parallel must have step 1 in @f
func.func @f(%x: memref<4xf32>, %v: f32) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  "scf.parallel"(%c0, %c4, %c2) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
  ^bb0(%i: index):
    memref.store %v, %x[%i] : memref<4xf32>
    scf.reduce
  }) : (index, index, index) -> ()
  func.return
}

// -----

// CHECK: convert-to-llvm: 'math.exp' computes in f32 or f64, got bf16
func.func @f(%x: bf16) -> bf16 {
  %y = math.exp %x : bf16
  func.return %y : bf16
}
