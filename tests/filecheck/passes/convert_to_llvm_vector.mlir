// RUN: fxlower-opt -p convert-to-llvm %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// The mask compares narrow integers with the clamped bound.
// CHECK-LABEL: llvm.func @create_mask(%n: i64) -> vector<16xi1> {
// CHECK-NEXT:    %0 = llvm.mlir.constant(16) : i64
// CHECK-NEXT:    %1 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %2 = llvm.mlir.constant(dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]> : vector<16xi32>) : vector<16xi32>
// CHECK-NEXT:    %3 = llvm.mlir.poison : vector<16xi32>
// CHECK-NEXT:    %4 = llvm.call_intrinsic "llvm.smin.i64"(%n, %0) : (i64, i64) -> i64
// CHECK-NEXT:    %5 = llvm.call_intrinsic "llvm.smax.i64"(%4, %1) : (i64, i64) -> i64
// CHECK-NEXT:    %6 = llvm.trunc %5 : i64 to i32
// CHECK-NEXT:    %7 = llvm.insertelement %6, %3[%1 : i64] : vector<16xi32>
// CHECK-NEXT:    %8 = llvm.shufflevector %7, %3 [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] : vector<16xi32>
// CHECK-NEXT:    %9 = llvm.icmp "ult" %2, %8 : vector<16xi32>
// CHECK-NEXT:    llvm.return %9 : vector<16xi1>
// CHECK-NEXT:  }
func.func @create_mask(%n: index) -> vector<16xi1> {
  %m = vector.create_mask %n : vector<16xi1>
  func.return %m : vector<16xi1>
}

// Masked accesses are aligned to elements.
// CHECK-LABEL: llvm.func @masked(%x: !llvm.ptr, %i: i64, %m: vector<16xi1>, %v: vector<16xf32>) {
// CHECK-NEXT:    %10 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %11 = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    %12 = llvm.intr.masked.load %11, %m, %v {alignment = 4 : i64} : (!llvm.ptr, vector<16xi1>, vector<16xf32>) -> vector<16xf32>
// CHECK-NEXT:    llvm.intr.masked.store %12, %11, %m {alignment = 4 : i64} : vector<16xf32>, vector<16xi1> into !llvm.ptr
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
func.func @masked(%x: memref<64xf32>, %i: index, %m: vector<16xi1>, %v: vector<16xf32>) {
  %w = vector.maskedload %x[%i], %m, %v : memref<64xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
  vector.maskedstore %x[%i], %m, %w : memref<64xf32>, vector<16xi1>, vector<16xf32>
  func.return
}

// Lanes are addresses; a stride multiplies the indices.
// CHECK-LABEL: llvm.func @gather(%x_1: !llvm.ptr, %i_1: i64, %j: vector<4xi64>, %m_1: vector<4xi1>, %v_1: vector<4xf32>) -> vector<4xf32> {
// CHECK-NEXT:    %13 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %14 = llvm.mlir.constant(8) : i64
// CHECK-NEXT:    %15 = llvm.mlir.constant(dense<8> : vector<4xi64>) : vector<4xi64>
// CHECK-NEXT:    %16 = llvm.mul %i_1, %14 : i64
// CHECK-NEXT:    %17 = llvm.add %i_1, %16 : i64
// CHECK-NEXT:    %18 = llvm.getelementptr %x_1[%17] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    %19 = llvm.mul %j, %15 : vector<4xi64>
// CHECK-NEXT:    %20 = llvm.getelementptr %18[%19] : (!llvm.ptr, vector<4xi64>) -> vector<4x!llvm.ptr>, f32
// CHECK-NEXT:    %21 = llvm.intr.masked.gather %20, %m_1, %v_1 {alignment = 4 : i64} : (vector<4x!llvm.ptr>, vector<4xi1>, vector<4xf32>) -> vector<4xf32>
// CHECK-NEXT:    llvm.return %21 : vector<4xf32>
// CHECK-NEXT:  }
func.func @gather(%x: memref<8x8xf32, strided<[1, 8]>>, %i: index, %j: vector<4xi64>, %m: vector<4xi1>, %v: vector<4xf32>) -> vector<4xf32> {
  %w = vector.gather %x[%i, %i] [%j], %m, %v : memref<8x8xf32, strided<[1, 8]>>, vector<4xi64>, vector<4xi1>, vector<4xf32> into vector<4xf32>
  func.return %w : vector<4xf32>
}

// A broadcast constant is a constant.
// CHECK-LABEL: llvm.func @broadcast(%x_2: f32) -> vector<4xf32> {
// CHECK-NEXT:    %22 = llvm.mlir.constant(2.000000e+00 : f32) : f32
// CHECK-NEXT:    %23 = llvm.mlir.constant(dense<2.000000e+00> : vector<4xf32>) : vector<4xf32>
// CHECK-NEXT:    %24 = llvm.mlir.poison : vector<4xf32>
// CHECK-NEXT:    %25 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %26 = llvm.insertelement %x_2, %24[%25 : i64] : vector<4xf32>
// CHECK-NEXT:    %27 = llvm.shufflevector %26, %24 [0, 0, 0, 0] : vector<4xf32>
// CHECK-NEXT:    %28 = llvm.fmul %23, %27 : vector<4xf32>
// CHECK-NEXT:    llvm.return %28 : vector<4xf32>
// CHECK-NEXT:  }
func.func @broadcast(%x: f32) -> vector<4xf32> {
  %two = arith.constant 2.0 : f32
  %a = vector.broadcast %two : f32 to vector<4xf32>
  %b = vector.broadcast %x : f32 to vector<4xf32>
  %c = arith.mulf %a, %b : vector<4xf32>
  func.return %c : vector<4xf32>
}

// Halves are combined until two lanes are left.
// CHECK-LABEL: llvm.func @reduction(%x_3: vector<8xf32>, %acc: f32) -> f32 {
// CHECK-NEXT:    %29 = llvm.mlir.poison : vector<8xf32>
// CHECK-NEXT:    %30 = llvm.mlir.poison : vector<4xf32>
// CHECK-NEXT:    %31 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %32 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %33 = llvm.shufflevector %x_3, %29 [0, 1, 2, 3] : vector<8xf32>
// CHECK-NEXT:    %34 = llvm.shufflevector %x_3, %29 [4, 5, 6, 7] : vector<8xf32>
// CHECK-NEXT:    %35 = llvm.fadd %33, %34 : vector<4xf32>
// CHECK-NEXT:    %36 = llvm.shufflevector %35, %30 [0, 1] : vector<4xf32>
// CHECK-NEXT:    %37 = llvm.shufflevector %35, %30 [2, 3] : vector<4xf32>
// CHECK-NEXT:    %38 = llvm.fadd %36, %37 : vector<2xf32>
// CHECK-NEXT:    %39 = llvm.extractelement %38[%31 : i64] : vector<2xf32>
// CHECK-NEXT:    %40 = llvm.extractelement %38[%32 : i64] : vector<2xf32>
// CHECK-NEXT:    %41 = llvm.fadd %acc, %39 : f32
// CHECK-NEXT:    %42 = llvm.fadd %41, %40 : f32
// CHECK-NEXT:    llvm.return %42 : f32
// CHECK-NEXT:  }
func.func @reduction(%x: vector<8xf32>, %acc: f32) -> f32 {
  %r = vector.reduction <add>, %x, %acc : vector<8xf32> into f32
  func.return %r : f32
}

// Of bools: one test of the mask register.
// CHECK-LABEL: llvm.func @any(%x_4: vector<8xi1>) -> i1 {
// CHECK-NEXT:    %43 = llvm.mlir.constant(0 : i8) : i8
// CHECK-NEXT:    %44 = llvm.bitcast %x_4 : vector<8xi1> to i8
// CHECK-NEXT:    %45 = llvm.icmp "ne" %44, %43 : i8
// CHECK-NEXT:    llvm.return %45 : i1
// CHECK-NEXT:  }
func.func @any(%x: vector<8xi1>) -> i1 {
  %r = vector.reduction <or>, %x : vector<8xi1> into i1
  func.return %r : i1
}

// Intrinsics take bf16 as such.
// CHECK-LABEL: llvm.func @intrinsic(
// CHECK-NEXT:    %46 = llvm.bitcast %a : vector<32xi16> to vector<32xbf16>
// CHECK-NEXT:    %47 = llvm.bitcast %b : vector<32xi16> to vector<32xbf16>
// CHECK-NEXT:    %48 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%acc_1, %46, %47) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
// CHECK-NEXT:    llvm.return %48 : vector<16xf32>
// CHECK-NEXT:  }
func.func @intrinsic(%acc: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xbf16>) -> vector<16xf32> {
  %r = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%acc, %a, %b) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
  func.return %r : vector<16xf32>
}

}
