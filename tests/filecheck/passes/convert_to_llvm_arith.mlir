// RUN: fxlower-opt -p convert-to-llvm %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// The first operand of a maximum with a constant is the constant: one instruction gives the NaN of
// the other.
// CHECK-LABEL: llvm.func @relu(%x: vector<16xf32>) -> vector<16xf32> {
// CHECK-NEXT:    %0 = llvm.mlir.constant(dense<0.000000e+00> : vector<16xf32>) : vector<16xf32>
// CHECK-NEXT:    %1 = llvm.fcmp "ogt" %0, %x : vector<16xf32>
// CHECK-NEXT:    %2 = llvm.select %1, %0, %x : vector<16xi1>, vector<16xf32>
// CHECK-NEXT:    llvm.return %2 : vector<16xf32>
// CHECK-NEXT:  }
func.func @relu(%x: vector<16xf32>) -> vector<16xf32> {
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %y = arith.maximumf %x, %zero : vector<16xf32>
  func.return %y : vector<16xf32>
}

// A NaN in either operand is kept.
// CHECK-LABEL: llvm.func @maximum(%x_1: f32, %y: f32) -> f32 {
// CHECK-NEXT:    %3 = llvm.fcmp "ogt" %x_1, %y : f32
// CHECK-NEXT:    %4 = llvm.select %3, %x_1, %y : i1, f32
// CHECK-NEXT:    %5 = llvm.fcmp "uno" %x_1, %x_1 : f32
// CHECK-NEXT:    %6 = llvm.select %5, %x_1, %4 : i1, f32
// CHECK-NEXT:    llvm.return %6 : f32
// CHECK-NEXT:  }
func.func @maximum(%x: f32, %y: f32) -> f32 {
  %z = arith.maximumf %x, %y : f32
  func.return %z : f32
}

// To nearest even, NaN to NaN, denormals kept.
// CHECK-LABEL: llvm.func @truncf_bf16(%x_2: f32) -> bf16 {
// CHECK-NEXT:    %7 = llvm.mlir.constant(16 : i32) : i32
// CHECK-NEXT:    %8 = llvm.mlir.constant(1 : i32) : i32
// CHECK-NEXT:    %9 = llvm.mlir.constant(32767 : i32) : i32
// CHECK-NEXT:    %10 = llvm.mlir.constant(32704 : i32) : i32
// CHECK-NEXT:    %11 = llvm.bitcast %x_2 : f32 to i32
// CHECK-NEXT:    %12 = llvm.lshr %11, %7 : i32
// CHECK-NEXT:    %13 = llvm.and %12, %8 : i32
// CHECK-NEXT:    %14 = llvm.add %11, %9 : i32
// CHECK-NEXT:    %15 = llvm.add %14, %13 : i32
// CHECK-NEXT:    %16 = llvm.lshr %15, %7 : i32
// CHECK-NEXT:    %17 = llvm.fcmp "uno" %x_2, %x_2 : f32
// CHECK-NEXT:    %18 = llvm.select %17, %10, %16 : i1, i32
// CHECK-NEXT:    %19 = llvm.trunc %18 : i32 to i16
// CHECK-NEXT:    %20 = llvm.bitcast %19 : i16 to bf16
// CHECK-NEXT:    llvm.return %20 : bf16
// CHECK-NEXT:  }
func.func @truncf_bf16(%x: f32) -> bf16 {
  %y = arith.truncf %x : f32 to bf16
  func.return %y : bf16
}

// torch rounds twice.
// CHECK-LABEL: llvm.func @truncf_f64_to_f16(%x_3: f64) -> f16 {
// CHECK-NEXT:    %21 = llvm.fptrunc %x_3 : f64 to f32
// CHECK-NEXT:    %22 = llvm.fptrunc %21 : f32 to f16
// CHECK-NEXT:    llvm.return %22 : f16
// CHECK-NEXT:  }
func.func @truncf_f64_to_f16(%x: f64) -> f16 {
  %y = arith.truncf %x : f64 to f16
  func.return %y : f16
}

// A shift.
// CHECK-LABEL: llvm.func @extf_bf16(%x_4: vector<4xbf16>) -> vector<4xf32> {
// CHECK-NEXT:    %23 = llvm.mlir.constant(dense<16> : vector<4xi32>) : vector<4xi32>
// CHECK-NEXT:    %24 = llvm.bitcast %x_4 : vector<4xbf16> to vector<4xi16>
// CHECK-NEXT:    %25 = llvm.zext %24 : vector<4xi16> to vector<4xi32>
// CHECK-NEXT:    %26 = llvm.shl %25, %23 : vector<4xi32>
// CHECK-NEXT:    %27 = llvm.bitcast %26 : vector<4xi32> to vector<4xf32>
// CHECK-NEXT:    llvm.return %27 : vector<4xf32>
// CHECK-NEXT:  }
func.func @extf_bf16(%x: vector<4xbf16>) -> vector<4xf32> {
  %y = arith.extf %x : vector<4xbf16> to vector<4xf32>
  func.return %y : vector<4xf32>
}

// Through i32, as in C; whatever does not fit is fixed to what the instruction gives.
// CHECK-LABEL: llvm.func @fptosi(%x_5: f32) -> i8 {
// CHECK-NEXT:    %28 = llvm.fptosi %x_5 : f32 to i32
// CHECK-NEXT:    %29 = llvm.freeze %28 : i32
// CHECK-NEXT:    %30 = llvm.trunc %29 : i32 to i8
// CHECK-NEXT:    llvm.return %30 : i8
// CHECK-NEXT:  }
func.func @fptosi(%x: f32) -> i8 {
  %y = arith.fptosi %x : f32 to i8
  func.return %y : i8
}

// Neither 0 nor -1 reaches the instruction.
// CHECK-LABEL: llvm.func @divsi(%x_6: i32, %y_1: i32) -> i32 {
// CHECK-NEXT:    %31 = llvm.mlir.constant(1 : i32) : i32
// CHECK-NEXT:    %32 = llvm.mlir.constant(2 : i32) : i32
// CHECK-NEXT:    %33 = llvm.mlir.constant(-1 : i32) : i32
// CHECK-NEXT:    %34 = llvm.mlir.constant(0 : i32) : i32
// CHECK-NEXT:    %35 = llvm.add %y_1, %31 : i32
// CHECK-NEXT:    %36 = llvm.icmp "ult" %35, %32 : i32
// CHECK-NEXT:    %37 = llvm.select %36, %31, %y_1 : i1, i32
// CHECK-NEXT:    %38 = llvm.sdiv %x_6, %37 : i32
// CHECK-NEXT:    %39 = llvm.icmp "eq" %y_1, %33 : i32
// CHECK-NEXT:    %40 = llvm.sub %34, %x_6 : i32
// CHECK-NEXT:    %41 = llvm.select %39, %40, %38 : i1, i32
// CHECK-NEXT:    llvm.return %41 : i32
// CHECK-NEXT:  }
func.func @divsi(%x: i32, %y: i32) -> i32 {
  %z = arith.divsi %x, %y : i32
  func.return %z : i32
}

// A divisor that is known needs no care.
// CHECK-LABEL: llvm.func @divsi_constant(%x_7: i32) -> i32 {
// CHECK-NEXT:    %42 = llvm.mlir.constant(7 : i32) : i32
// CHECK-NEXT:    %43 = llvm.sdiv %x_7, %42 : i32
// CHECK-NEXT:    llvm.return %43 : i32
// CHECK-NEXT:  }
func.func @divsi_constant(%x: i32) -> i32 {
  %c7 = arith.constant 7 : i32
  %z = arith.divsi %x, %c7 : i32
  func.return %z : i32
}

// index is i64: nothing to do, or a change of width.
// CHECK-LABEL: llvm.func @index_cast(%x_8: i64, %v: vector<4xi32>) -> i64 {
// CHECK-NEXT:    %44 = llvm.sext %v : vector<4xi32> to vector<4xi64>
// CHECK-NEXT:    llvm.return %x_8 : i64
// CHECK-NEXT:  }
func.func @index_cast(%x: index, %v: vector<4xi32>) -> i64 {
  %y = arith.index_cast %x : index to i64
  %w = arith.index_cast %v : vector<4xi32> to vector<4xindex>
  func.return %y : i64
}

// Equal operations are one.
// CHECK-LABEL: llvm.func @common(%x_9: f32, %y_2: f32) -> f32 {
// CHECK-NEXT:    %45 = llvm.fadd %x_9, %y_2 : f32
// CHECK-NEXT:    %46 = llvm.fmul %45, %45 : f32
// CHECK-NEXT:    llvm.return %46 : f32
// CHECK-NEXT:  }
func.func @common(%x: f32, %y: f32) -> f32 {
  %a = arith.addf %x, %y : f32
  %b = arith.addf %x, %y : f32
  %c = arith.mulf %a, %b : f32
  func.return %c : f32
}

// What has no instruction is called from libm, lane by lane.
// CHECK-LABEL: llvm.func @libm(%x_10: vector<2xf64>) -> vector<2xf64> {
// CHECK-NEXT:    %47 = llvm.mlir.poison : vector<2xf64>
// CHECK-NEXT:    %48 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %49 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %50 = llvm.extractelement %x_10[%48 : i64] : vector<2xf64>
// CHECK-NEXT:    %51 = llvm.call @exp(%50) : (f64) -> f64
// CHECK-NEXT:    %52 = llvm.insertelement %51, %47[%48 : i64] : vector<2xf64>
// CHECK-NEXT:    %53 = llvm.extractelement %x_10[%49 : i64] : vector<2xf64>
// CHECK-NEXT:    %54 = llvm.call @exp(%53) : (f64) -> f64
// CHECK-NEXT:    %55 = llvm.insertelement %54, %52[%49 : i64] : vector<2xf64>
// CHECK-NEXT:    llvm.return %55 : vector<2xf64>
// CHECK-NEXT:  }
func.func @libm(%x: vector<2xf64>) -> vector<2xf64> {
  %y = math.exp %x : vector<2xf64>
  func.return %y : vector<2xf64>
}

}

// What is called and not defined here is declared.
// CHECK-LABEL: llvm.func @exp(f64) -> f64
