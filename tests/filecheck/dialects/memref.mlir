// RUN: fxlower-opt %s | fxlower-opt | filecheck %s
// RUN: fxlower-opt -p convert-to-llvm %s | filecheck %s --check-prefix=LLVM

// CHECK-LABEL: func.func @ahead(%m: memref<8x64xf32>, %i: index) {
// CHECK-NEXT:    "memref.prefetch"(%m, %i, %i) <{isWrite = false, localityHint = 2 : i32, isDataCache = true}> : (memref<8x64xf32>, index, index) -> ()
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }

// LLVM-LABEL: llvm.func @ahead
// LLVM-DAG:     %[[READ:.*]] = llvm.mlir.constant(0{{.*}}) : i32
// LLVM-DAG:     %[[SECOND:.*]] = llvm.mlir.constant(2{{.*}}) : i32
// LLVM-DAG:     %[[DATA:.*]] = llvm.mlir.constant(1{{.*}}) : i32
// LLVM:         llvm.call_intrinsic "llvm.prefetch.p0"(%{{.*}}, %[[READ]], %[[SECOND]], %[[DATA]])
func.func @ahead(%m: memref<8x64xf32>, %i: index) {
  "memref.prefetch"(%m, %i, %i) <{isWrite = false, localityHint = 2 : i32, isDataCache = true}> : (memref<8x64xf32>, index, index) -> ()
  func.return
}
