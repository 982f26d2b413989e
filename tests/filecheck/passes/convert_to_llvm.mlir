// RUN: fxlower-opt -p convert-to-llvm %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// A loop tests at its end; the address of a row is made outside of the loop over it, and the
// constant offset comes last.
// CHECK-LABEL: llvm.func @row(%x: !llvm.ptr, %i: i64, %n: i64) {
// CHECK-NEXT:    %0 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %1 = llvm.mlir.constant(16) : i64
// CHECK-NEXT:    %2 = llvm.mlir.constant(512) : i64
// CHECK-NEXT:    %3 = llvm.mul %i, %2 : i64
// CHECK-NEXT:    %4 = llvm.getelementptr %x[%3] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    %5 = llvm.icmp "slt" %0, %n : i64
// CHECK-NEXT:    llvm.cond_br %5, ^bb1(%0 : i64), ^bb2
// CHECK-NEXT:  ^bb1(%6: i64):
// CHECK-NEXT:    %7 = llvm.add %6, %1 : i64
// CHECK-NEXT:    %8 = llvm.getelementptr %4[%6] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    %9 = llvm.load %8 {alignment = 4 : i64} : !llvm.ptr -> vector<16xf32>
// CHECK-NEXT:    %10 = llvm.getelementptr %8[%1] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    llvm.store %9, %10 {alignment = 4 : i64} : vector<16xf32>, !llvm.ptr
// CHECK-NEXT:    %11 = llvm.add %6, %1 overflow<nsw> : i64
// CHECK-NEXT:    %12 = llvm.icmp "slt" %11, %n : i64
// CHECK-NEXT:    llvm.cond_br %12, ^bb1(%11 : i64), ^bb2
// CHECK-NEXT:  ^bb2:
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
func.func @row(%x: memref<4x512xf32>, %i: index, %n: index) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  scf.for %j = %c0 to %n step %c16 {
    %k = arith.addi %j, %c16 : index
    %v = vector.load %x[%i, %j] : memref<4x512xf32>, vector<16xf32>
    vector.store %v, %x[%i, %k] : memref<4x512xf32>, vector<16xf32>
  }
  func.return
}

// Known bounds need no test before the loop; carried values are block arguments.
// CHECK-LABEL: llvm.func @sum(%x_1: !llvm.ptr, %out: !llvm.ptr) {
// CHECK-NEXT:    %13 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %14 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %15 = llvm.mlir.constant(8) : i64
// CHECK-NEXT:    %16 = llvm.mlir.constant(0.000000e+00 : f32) : f32
// CHECK-NEXT:    llvm.br ^bb1(%13, %16 : i64, f32)
// CHECK-NEXT:  ^bb1(%17: i64, %18: f32):
// CHECK-NEXT:    %19 = llvm.getelementptr %x_1[%17] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    %20 = llvm.load %19 {alignment = 4 : i64} : !llvm.ptr -> f32
// CHECK-NEXT:    %21 = llvm.fadd %18, %20 : f32
// CHECK-NEXT:    %22 = llvm.add %17, %14 overflow<nsw> : i64
// CHECK-NEXT:    %23 = llvm.icmp "slt" %22, %15 : i64
// CHECK-NEXT:    llvm.cond_br %23, ^bb1(%22, %21 : i64, f32), ^bb2(%21 : f32)
// CHECK-NEXT:  ^bb2(%24: f32):
// CHECK-NEXT:    llvm.store %24, %out {alignment = 4 : i64} : f32, !llvm.ptr
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
func.func @sum(%x: memref<8xf32>, %out: memref<f32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %sum = scf.for %j = %c0 to %c8 step %c1 iter_args(%a = %zero) -> (f32) {
    %v = memref.load %x[%j] : memref<8xf32>
    %n = arith.addf %a, %v : f32
    scf.yield %n : f32
  }
  memref.store %sum, %out[] : memref<f32>
  func.return
}

// What a branch computes stays in it.
// CHECK-LABEL: llvm.func @branch(%c: i1, %x_2: f32) -> f32 {
// CHECK-NEXT:    llvm.cond_br %c, ^bb1, ^bb2
// CHECK-NEXT:  ^bb1:
// CHECK-NEXT:    %25 = llvm.call_intrinsic "llvm.sqrt.f32"(%x_2) : (f32) -> f32
// CHECK-NEXT:    llvm.br ^bb3(%25 : f32)
// CHECK-NEXT:  ^bb2:
// CHECK-NEXT:    llvm.br ^bb3(%x_2 : f32)
// CHECK-NEXT:  ^bb3(%26: f32):
// CHECK-NEXT:    llvm.return %26 : f32
// CHECK-NEXT:  }
func.func @branch(%c: i1, %x: f32) -> f32 {
  %y = scf.if %c -> (f32) {
    %s = math.sqrt %x : f32
    scf.yield %s : f32
  } else {
    scf.yield %x : f32
  }
  func.return %y : f32
}

// The body of a parallel loop becomes a function; what it uses travels through memory, constants
// are made again.
// CHECK-LABEL: llvm.func internal @parallel_parallel_0(%begin: i64, %end: i64, %captured: !llvm.ptr) {
// CHECK-NEXT:    %27 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %28 = llvm.load %captured {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT:    %29 = llvm.getelementptr %captured[8] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK-NEXT:    %30 = llvm.load %29 {alignment = 8 : i64} : !llvm.ptr -> i64
// CHECK-NEXT:    %31 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %32 = llvm.mlir.constant(2) : i64
// CHECK-NEXT:    %33 = llvm.getelementptr %captured[16] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK-NEXT:    %34 = llvm.load %33 {alignment = 8 : i64} : !llvm.ptr -> f32
// CHECK-NEXT:    llvm.br ^bb1(%begin : i64)
// CHECK-NEXT:  ^bb1(%35: i64):
// CHECK-NEXT:    %36 = llvm.mul %35, %32 : i64
// CHECK-NEXT:    %37 = llvm.getelementptr %28[%36] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    llvm.store %34, %37 {alignment = 4 : i64} : f32, !llvm.ptr
// CHECK-NEXT:    %38 = llvm.add %35, %27 overflow<nsw> : i64
// CHECK-NEXT:    %39 = llvm.icmp "slt" %38, %end : i64
// CHECK-NEXT:    llvm.cond_br %39, ^bb1(%38 : i64), ^bb2
// CHECK-NEXT:  ^bb2:
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
// CHECK-LABEL: llvm.func @parallel(%x_3: !llvm.ptr, %n_1: i64, %v: f32) {
// CHECK-NEXT:    %40 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %41 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %42 = llvm.alloca %41 x !llvm.array<24 x i8> {alignment = 64 : i64} : (i64) -> !llvm.ptr
// CHECK-NEXT:    %43 = llvm.mlir.addressof @parallel_parallel_0 : !llvm.ptr
// CHECK-NEXT:    %44 = llvm.mlir.constant(8) : i64
// CHECK-NEXT:    llvm.store %x_3, %42 {alignment = 8 : i64} : !llvm.ptr, !llvm.ptr
// CHECK-NEXT:    %45 = llvm.getelementptr %42[8] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK-NEXT:    llvm.store %n_1, %45 {alignment = 8 : i64} : i64, !llvm.ptr
// CHECK-NEXT:    %46 = llvm.getelementptr %42[16] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK-NEXT:    llvm.store %v, %46 {alignment = 8 : i64} : f32, !llvm.ptr
// CHECK-NEXT:    llvm.call @fxlower_parallel_for(%40, %n_1, %44, %43, %42) : (i64, i64, i64, !llvm.ptr, !llvm.ptr) -> ()
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
func.func @parallel(%x: memref<f32>, %n: index, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %xs = memref.reinterpret_cast %x to offset: [0], sizes: [%n], strides: [2] : memref<f32> to memref<?xf32, strided<[2]>>
  "scf.parallel"(%c0, %n, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
  ^bb0(%i: index):
    memref.store %v, %xs[%i] : memref<?xf32, strided<[2]>>
    scf.reduce
  }) {fxlower.grain = 8 : i64} : (index, index, index) -> ()
  func.return
}

// Too short for two threads: a plain call.
// CHECK-LABEL: llvm.func internal @short_parallel_0(%begin_1: i64, %end_1: i64, %captured_1: !llvm.ptr) {
// CHECK-NEXT:    %47 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %48 = llvm.load %captured_1 {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT:    %49 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %50 = llvm.getelementptr %captured_1[8] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK-NEXT:    %51 = llvm.load %50 {alignment = 8 : i64} : !llvm.ptr -> f32
// CHECK-NEXT:    llvm.br ^bb1(%begin_1 : i64)
// CHECK-NEXT:  ^bb1(%52: i64):
// CHECK-NEXT:    %53 = llvm.getelementptr %48[%52] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    llvm.store %51, %53 {alignment = 4 : i64} : f32, !llvm.ptr
// CHECK-NEXT:    %54 = llvm.add %52, %47 overflow<nsw> : i64
// CHECK-NEXT:    %55 = llvm.icmp "slt" %54, %end_1 : i64
// CHECK-NEXT:    llvm.cond_br %55, ^bb1(%54 : i64), ^bb2
// CHECK-NEXT:  ^bb2:
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
// CHECK-LABEL: llvm.func @short(%x_4: !llvm.ptr, %v_1: f32) {
// CHECK-NEXT:    %56 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %57 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %58 = llvm.mlir.constant(4) : i64
// CHECK-NEXT:    %59 = llvm.alloca %57 x !llvm.array<16 x i8> {alignment = 64 : i64} : (i64) -> !llvm.ptr
// CHECK-NEXT:    llvm.store %x_4, %59 {alignment = 8 : i64} : !llvm.ptr, !llvm.ptr
// CHECK-NEXT:    %60 = llvm.getelementptr %59[8] : (!llvm.ptr) -> !llvm.ptr, i8
// CHECK-NEXT:    llvm.store %v_1, %60 {alignment = 8 : i64} : f32, !llvm.ptr
// CHECK-NEXT:    llvm.call @short_parallel_0(%56, %58, %59) : (i64, i64, !llvm.ptr) -> ()
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
func.func @short(%x: memref<4xf32>, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  "scf.parallel"(%c0, %c4, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
  ^bb0(%i: index):
    memref.store %v, %x[%i] : memref<4xf32>
    scf.reduce
  }) {fxlower.grain = 8 : i64} : (index, index, index) -> ()
  func.return
}

// A kernel that is not here is declared; a segment gets an entry for the host. Arguments are
// pointers to their first element.
// CHECK-LABEL: llvm.func @segment_0(%x_5: !llvm.ptr, %arena: !llvm.ptr, %n_2: i64) {
// CHECK-NEXT:    %61 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %62 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %63 = llvm.getelementptr %arena[%n_2] : (!llvm.ptr, i64) -> !llvm.ptr, i8
// CHECK-NEXT:    %64 = llvm.getelementptr %x_5[%62] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    llvm.call @kernel(%64, %63) : (!llvm.ptr, !llvm.ptr) -> ()
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
// CHECK-LABEL: llvm.func @segment_0_entry(%65: !llvm.ptr) {
// CHECK-NEXT:    %66 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %67 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %68 = llvm.mlir.constant(2) : i64
// CHECK-NEXT:    %69 = llvm.getelementptr %65[%66] : (!llvm.ptr, i64) -> !llvm.ptr, i64
// CHECK-NEXT:    %70 = llvm.load %69 {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT:    %71 = llvm.getelementptr %65[%67] : (!llvm.ptr, i64) -> !llvm.ptr, i64
// CHECK-NEXT:    %72 = llvm.load %71 {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT:    %73 = llvm.getelementptr %65[%68] : (!llvm.ptr, i64) -> !llvm.ptr, i64
// CHECK-NEXT:    %74 = llvm.load %73 {alignment = 8 : i64} : !llvm.ptr -> i64
// CHECK-NEXT:    llvm.call @segment_0(%70, %72, %74) : (!llvm.ptr, !llvm.ptr, i64) -> ()
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
func.func @segment_0(%x: memref<4xf32>, %arena: memref<?xi8>, %n: index) attributes {fxlower.arena = [64 : i64]} {
  %tail = memref.reinterpret_cast %x to offset: [1], sizes: [3], strides: [1] : memref<4xf32> to memref<3xf32, strided<[1], offset: 1>>
  %view = memref.view %arena[%n][] : memref<?xi8> to memref<4xf32>
  func.call @kernel(%tail, %view) : (memref<3xf32, strided<[1], offset: 1>>, memref<4xf32>) -> ()
  func.return
}
func.func private @kernel(memref<3xf32, strided<[1], offset: 1>>, memref<4xf32>) -> ()

// The arguments and results of a kernel overlap nothing: a result in place has no pointer of its own.
// CHECK-LABEL: llvm.func @elementwise(%x_6: !llvm.ptr {llvm.noalias}, %n_3: i64) {
// CHECK-NEXT:    llvm.return
// CHECK-NEXT:  }
func.func @elementwise(%x: memref<4xf32>, %n: index) attributes {fxlower.kernel = "loops"} {
  func.return
}

}

// What is called and not defined here is declared.
// CHECK-LABEL: llvm.func @fxlower_parallel_for(i64, i64, i64, !llvm.ptr, !llvm.ptr)
// CHECK-NEXT:  llvm.func @kernel(!llvm.ptr, !llvm.ptr)
