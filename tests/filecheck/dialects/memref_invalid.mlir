// RUN: fxlower-opt --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: memref<8x64xf32> needs as many indices, got 1
func.func @indices(%m: memref<8x64xf32>, %i: index) {
  "memref.prefetch"(%m, %i) <{isWrite = false, localityHint = 2 : i32, isDataCache = true}> : (memref<8x64xf32>, index) -> ()
  func.return
}

// -----

// CHECK: localityHint must be 0 to 3, got 4 : i32
func.func @hint(%m: memref<8xf32>, %i: index) {
  "memref.prefetch"(%m, %i) <{isWrite = false, localityHint = 4 : i32, isDataCache = true}> : (memref<8xf32>, index) -> ()
  func.return
}
