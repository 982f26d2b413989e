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
// CHECK-NEXT:    %3 = llvm.fcmp "ogt" %y, %x_1 : f32
// CHECK-NEXT:    %4 = llvm.select %3, %y, %x_1 : i1, f32
// CHECK-NEXT:    %5 = llvm.fadd %y, %y : f32
// CHECK-NEXT:    %6 = llvm.fcmp "uno" %y, %y : f32
// CHECK-NEXT:    %7 = llvm.select %6, %5, %4 : i1, f32
// CHECK-NEXT:    llvm.return %7 : f32
// CHECK-NEXT:  }
func.func @maximum(%x: f32, %y: f32) -> f32 {
  %z = arith.maximumf %x, %y : f32
  func.return %z : f32
}

// To nearest even, NaN to NaN, denormals kept.
// CHECK-LABEL: llvm.func @truncf_bf16(%x_2: f32) -> i16 {
// CHECK-NEXT:    %8 = llvm.mlir.constant(16 : i32) : i32
// CHECK-NEXT:    %9 = llvm.mlir.constant(1 : i32) : i32
// CHECK-NEXT:    %10 = llvm.mlir.constant(32767 : i32) : i32
// CHECK-NEXT:    %11 = llvm.mlir.constant(32704 : i32) : i32
// CHECK-NEXT:    %12 = llvm.bitcast %x_2 : f32 to i32
// CHECK-NEXT:    %13 = llvm.lshr %12, %8 : i32
// CHECK-NEXT:    %14 = llvm.and %13, %9 : i32
// CHECK-NEXT:    %15 = llvm.add %12, %10 : i32
// CHECK-NEXT:    %16 = llvm.add %15, %14 : i32
// CHECK-NEXT:    %17 = llvm.lshr %16, %8 : i32
// CHECK-NEXT:    %18 = llvm.fcmp "uno" %x_2, %x_2 : f32
// CHECK-NEXT:    %19 = llvm.select %18, %11, %17 : i1, i32
// CHECK-NEXT:    %20 = llvm.trunc %19 : i32 to i16
// CHECK-NEXT:    llvm.return %20 : i16
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
// CHECK-LABEL: llvm.func @extf_bf16(%x_4: vector<4xi16>) -> vector<4xf32> {
// CHECK-NEXT:    %23 = llvm.mlir.constant(dense<16> : vector<4xi32>) : vector<4xi32>
// CHECK-NEXT:    %24 = llvm.zext %x_4 : vector<4xi16> to vector<4xi32>
// CHECK-NEXT:    %25 = llvm.shl %24, %23 : vector<4xi32>
// CHECK-NEXT:    %26 = llvm.bitcast %25 : vector<4xi32> to vector<4xf32>
// CHECK-NEXT:    llvm.return %26 : vector<4xf32>
// CHECK-NEXT:  }
func.func @extf_bf16(%x: vector<4xbf16>) -> vector<4xf32> {
  %y = arith.extf %x : vector<4xbf16> to vector<4xf32>
  func.return %y : vector<4xf32>
}

// Through i32, as in C; whatever does not fit is fixed to what the instruction gives.
// CHECK-LABEL: llvm.func @fptosi(%x_5: f32) -> i8 {
// CHECK-NEXT:    %27 = llvm.fptosi %x_5 : f32 to i32
// CHECK-NEXT:    %28 = llvm.freeze %27 : i32
// CHECK-NEXT:    %29 = llvm.trunc %28 : i32 to i8
// CHECK-NEXT:    llvm.return %29 : i8
// CHECK-NEXT:  }
func.func @fptosi(%x: f32) -> i8 {
  %y = arith.fptosi %x : f32 to i8
  func.return %y : i8
}

// Neither 0 nor -1 reaches the instruction.
// CHECK-LABEL: llvm.func @divsi(%x_6: i32, %y_1: i32) -> i32 {
// CHECK-NEXT:    %30 = llvm.mlir.constant(1 : i32) : i32
// CHECK-NEXT:    %31 = llvm.mlir.constant(2 : i32) : i32
// CHECK-NEXT:    %32 = llvm.mlir.constant(-1 : i32) : i32
// CHECK-NEXT:    %33 = llvm.mlir.constant(0 : i32) : i32
// CHECK-NEXT:    %34 = llvm.add %y_1, %30 : i32
// CHECK-NEXT:    %35 = llvm.icmp "ult" %34, %31 : i32
// CHECK-NEXT:    %36 = llvm.select %35, %30, %y_1 : i1, i32
// CHECK-NEXT:    %37 = llvm.sdiv %x_6, %36 : i32
// CHECK-NEXT:    %38 = llvm.icmp "eq" %y_1, %32 : i32
// CHECK-NEXT:    %39 = llvm.sub %33, %x_6 : i32
// CHECK-NEXT:    %40 = llvm.select %38, %39, %37 : i1, i32
// CHECK-NEXT:    llvm.return %40 : i32
// CHECK-NEXT:  }
func.func @divsi(%x: i32, %y: i32) -> i32 {
  %z = arith.divsi %x, %y : i32
  func.return %z : i32
}

// A divisor that is known needs no care.
// CHECK-LABEL: llvm.func @divsi_constant(%x_7: i32) -> i32 {
// CHECK-NEXT:    %41 = llvm.mlir.constant(7 : i32) : i32
// CHECK-NEXT:    %42 = llvm.sdiv %x_7, %41 : i32
// CHECK-NEXT:    llvm.return %42 : i32
// CHECK-NEXT:  }
func.func @divsi_constant(%x: i32) -> i32 {
  %c7 = arith.constant 7 : i32
  %z = arith.divsi %x, %c7 : i32
  func.return %z : i32
}

// index is i64: nothing to do, or a change of width.
// CHECK-LABEL: llvm.func @index_cast(%x_8: i64, %v: vector<4xi32>) -> i64 {
// CHECK-NEXT:    %43 = llvm.sext %v : vector<4xi32> to vector<4xi64>
// CHECK-NEXT:    llvm.return %x_8 : i64
// CHECK-NEXT:  }
func.func @index_cast(%x: index, %v: vector<4xi32>) -> i64 {
  %y = arith.index_cast %x : index to i64
  %w = arith.index_cast %v : vector<4xi32> to vector<4xindex>
  func.return %y : i64
}

// Equal operations are one.
// CHECK-LABEL: llvm.func @common(%x_9: f32, %y_2: f32) -> f32 {
// CHECK-NEXT:    %44 = llvm.fadd %x_9, %y_2 : f32
// CHECK-NEXT:    %45 = llvm.fmul %44, %44 : f32
// CHECK-NEXT:    llvm.return %45 : f32
// CHECK-NEXT:  }
func.func @common(%x: f32, %y: f32) -> f32 {
  %a = arith.addf %x, %y : f32
  %b = arith.addf %x, %y : f32
  %c = arith.mulf %a, %b : f32
  func.return %c : f32
}

// What has no instruction is called from libm, lane by lane.
// CHECK-LABEL: llvm.func @libm(%x_10: vector<2xf64>) -> vector<2xf64> {
// CHECK-NEXT:    %46 = llvm.mlir.poison : vector<2xf64>
// CHECK-NEXT:    %47 = llvm.mlir.constant(0) : i64
// CHECK-NEXT:    %48 = llvm.mlir.constant(1) : i64
// CHECK-NEXT:    %49 = llvm.extractelement %x_10[%47 : i64] : vector<2xf64>
// CHECK-NEXT:    %50 = llvm.call @exp(%49) : (f64) -> f64
// CHECK-NEXT:    %51 = llvm.insertelement %50, %46[%47 : i64] : vector<2xf64>
// CHECK-NEXT:    %52 = llvm.extractelement %x_10[%48 : i64] : vector<2xf64>
// CHECK-NEXT:    %53 = llvm.call @exp(%52) : (f64) -> f64
// CHECK-NEXT:    %54 = llvm.insertelement %53, %51[%48 : i64] : vector<2xf64>
// CHECK-NEXT:    llvm.return %54 : vector<2xf64>
// CHECK-NEXT:  }
func.func @libm(%x: vector<2xf64>) -> vector<2xf64> {
  %y = math.exp %x : vector<2xf64>
  func.return %y : vector<2xf64>
}

}

// What is called and not defined here is declared.
// CHECK-LABEL: llvm.func @exp(f64) -> f64
