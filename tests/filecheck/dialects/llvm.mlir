// RUN: fxlower-opt %s | fxlower-opt | filecheck %s
// RUN: fxlower-opt %s --print-op-generic | fxlower-opt | filecheck %s

// CHECK-LABEL: llvm.func @f(%p: !llvm.ptr, %v: vector<4xf32>, %i: vector<4xi32>, %n: i64, %k: vector<4xi1>) {
// CHECK-NEXT:    %a = llvm.fptosi %v : vector<4xf32> to vector<4xi32>
// CHECK-NEXT:    %b = llvm.fptoui %v : vector<4xf32> to vector<4xi32>
// CHECK-NEXT:    %c = llvm.uitofp %b : vector<4xi32> to vector<4xf32>
// CHECK-NEXT:    %z = llvm.mlir.zero : vector<4xf32>
// CHECK-NEXT:    %q = llvm.mlir.poison : vector<4xf32>
// CHECK-NEXT:    %fr = llvm.freeze %a : vector<4xi32>
// CHECK-NEXT:    %e = llvm.extractelement %v[%n : i64] : vector<4xf32>
// CHECK-NEXT:    %c2 = llvm.fcmp "olt" %v, %c {fastmathFlags = #llvm.fastmath<nnan>} : vector<4xf32>
// CHECK-NEXT:    %s = llvm.select %c2, %v, %c : vector<4xi1>, vector<4xf32>
// CHECK-NEXT:    %g = llvm.getelementptr %p[%n] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    %g1 = llvm.getelementptr %p[4] : (!llvm.ptr) -> !llvm.ptr, f32
// CHECK-NEXT:    %gs = llvm.getelementptr %p[%i] : (!llvm.ptr, vector<4xi32>) -> vector<4x!llvm.ptr>, f32
// CHECK-NEXT:    %l = llvm.intr.masked.load %p, %k, %z {alignment = 4 : i32} : (!llvm.ptr, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
// CHECK-NEXT:    %l2 = llvm.intr.masked.gather %gs, %k, %z {alignment = 4 : i32} : (vector<4x!llvm.ptr>, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
// CHECK-NEXT:    llvm.intr.masked.store %l, %p, %k {alignment = 4 : i32} : vector<4xf32>, vector<4xi1> into !llvm.ptr
// CHECK-NEXT:    llvm.intr.masked.scatter %l2, %gs, %k {alignment = 4 : i32} : vector<4xf32>, vector<4xi1> into vector<4x!llvm.ptr>
// CHECK-NEXT:    %r = llvm.call_intrinsic "llvm.fma.v4f32"(%v, %v, %c) : (vector<4xf32>, vector<4xf32>, vector<4xf32>) -> vector<4xf32>
// CHECK-NEXT:    %f2 = llvm.fcmp "uno" %e, %e : f32
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }

llvm.func @f(%p: !llvm.ptr, %v: vector<4xf32>, %i: vector<4xi32>, %n: i64, %k: vector<4xi1>) {
  %a = llvm.fptosi %v : vector<4xf32> to vector<4xi32>
  %b = llvm.fptoui %v : vector<4xf32> to vector<4xi32>
  %c = llvm.uitofp %b : vector<4xi32> to vector<4xf32>
  %z = llvm.mlir.zero : vector<4xf32>
  %q = llvm.mlir.poison : vector<4xf32>
  %fr = llvm.freeze %a : vector<4xi32>
  %e = llvm.extractelement %v[%n : i64] : vector<4xf32>
  %c2 = llvm.fcmp "olt" %v, %c {fastmathFlags = #llvm.fastmath<nnan>} : vector<4xf32>
  %s = llvm.select %c2, %v, %c : vector<4xi1>, vector<4xf32>
  %g = llvm.getelementptr %p[%n] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %g1 = llvm.getelementptr %p[4] : (!llvm.ptr) -> !llvm.ptr, f32
  %gs = llvm.getelementptr %p[%i] : (!llvm.ptr, vector<4xi32>) -> vector<4x!llvm.ptr>, f32
  %l = llvm.intr.masked.load %p, %k, %z {alignment = 4 : i32} : (!llvm.ptr, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
  %l2 = llvm.intr.masked.gather %gs, %k, %z {alignment = 4 : i32} : (vector<4x!llvm.ptr>, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
  llvm.intr.masked.store %l, %p, %k {alignment = 4 : i32} : vector<4xf32>, vector<4xi1> into !llvm.ptr
  llvm.intr.masked.scatter %l2, %gs, %k {alignment = 4 : i32} : vector<4xf32>, vector<4xi1> into vector<4x!llvm.ptr>
  %r = llvm.call_intrinsic "llvm.fma.v4f32"(%v, %v, %c) : (vector<4xf32>, vector<4xf32>, vector<4xf32>) -> vector<4xf32>
  %f2 = llvm.fcmp "uno" %e, %e : f32
  llvm.return
}
