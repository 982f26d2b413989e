// RUN: fxlower-opt -p expand-math %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// Range reduction, a polynomial, and two factors of 2**n.
// CHECK-LABEL: func.func @exp(%x: vector<8xf32>) -> vector<8xf32> {
// CHECK-NEXT:    %0 = arith.constant dense<8.950000e+01> : vector<8xf32>
// CHECK-NEXT:    %1 = arith.cmpf olt, %0, %x : vector<8xf32>
// CHECK-NEXT:    %2 = arith.select %1, %0, %x : vector<8xi1>, vector<8xf32>
// CHECK-NEXT:    %3 = arith.constant dense<-1.040000e+02> : vector<8xf32>
// CHECK-NEXT:    %4 = arith.cmpf ogt, %3, %2 : vector<8xf32>
// CHECK-NEXT:    %5 = arith.select %4, %3, %2 : vector<8xi1>, vector<8xf32>
// CHECK-NEXT:    %6 = arith.constant dense<1.44269502> : vector<8xf32>
// CHECK-NEXT:    %7 = arith.constant dense<0x4B400000> : vector<8xf32>
// CHECK-NEXT:    %8 = math.fma %5, %6, %7 : vector<8xf32>
// CHECK-NEXT:    %9 = arith.subf %8, %7 : vector<8xf32>
// CHECK-NEXT:    %10 = arith.bitcast %8 : vector<8xf32> to vector<8xi32>
// CHECK-NEXT:    %11 = arith.constant dense<-0.693359375> : vector<8xf32>
// CHECK-NEXT:    %12 = math.fma %9, %11, %5 : vector<8xf32>
// CHECK-NEXT:    %13 = arith.constant dense<0.000212194442> : vector<8xf32>
// CHECK-NEXT:    %14 = math.fma %9, %13, %12 : vector<8xf32>
// CHECK-NEXT:    %15 = arith.constant dense<0.00276291813> : vector<8xf32>
// CHECK-NEXT:    %16 = arith.constant dense<0.0167374332> : vector<8xf32>
// CHECK-NEXT:    %17 = math.fma %15, %14, %16 : vector<8xf32>
// CHECK-NEXT:    %18 = arith.constant dense<0.083336778> : vector<8xf32>
// CHECK-NEXT:    %19 = math.fma %17, %14, %18 : vector<8xf32>
// CHECK-NEXT:    %20 = arith.constant dense<0.333330423> : vector<8xf32>
// CHECK-NEXT:    %21 = math.fma %19, %14, %20 : vector<8xf32>
// CHECK-NEXT:    %22 = arith.constant dense<0.999999881> : vector<8xf32>
// CHECK-NEXT:    %23 = math.fma %21, %14, %22 : vector<8xf32>
// CHECK-NEXT:    %24 = arith.constant dense<2.000000e+00> : vector<8xf32>
// CHECK-NEXT:    %25 = math.fma %23, %14, %24 : vector<8xf32>
// CHECK-NEXT:    %26 = math.fma %25, %14, %24 : vector<8xf32>
// CHECK-NEXT:    %27 = arith.constant dense<23> : vector<8xi32>
// CHECK-NEXT:    %28 = arith.shli %10, %27 : vector<8xi32>
// CHECK-NEXT:    %29 = arith.constant dense<1056964608> : vector<8xi32>
// CHECK-NEXT:    %30 = arith.addi %28, %29 : vector<8xi32>
// CHECK-NEXT:    %31 = arith.constant dense<-8.000000e+01> : vector<8xf32>
// CHECK-NEXT:    %32 = arith.cmpf olt, %5, %31 : vector<8xf32>
// CHECK-NEXT:    %33 = arith.constant dense<536870912> : vector<8xi32>
// CHECK-NEXT:    %34 = arith.addi %30, %33 : vector<8xi32>
// CHECK-NEXT:    %35 = arith.select %32, %34, %30 : vector<8xi1>, vector<8xi32>
// CHECK-NEXT:    %36 = arith.bitcast %35 : vector<8xi32> to vector<8xf32>
// CHECK-NEXT:    %37 = arith.mulf %26, %36 : vector<8xf32>
// CHECK-NEXT:    %38 = arith.constant dense<5.42101086e-20> : vector<8xf32>
// CHECK-NEXT:    %39 = arith.mulf %37, %38 : vector<8xf32>
// CHECK-NEXT:    %y = arith.select %32, %39, %37 : vector<8xi1>, vector<8xf32>
// CHECK-NEXT:    func.return %y : vector<8xf32>
// CHECK-NEXT:  }
func.func @exp(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp %x : vector<8xf32>
  func.return %y : vector<8xf32>
}

// AVX-512 scales by powers of two, and has registers for tables.
// CHECK-LABEL: func.func @exp_of_a_register(%x: vector<16xf32>) -> vector<16xf32> {
// CHECK-NEXT:    %0 = arith.constant dense<8.950000e+01> : vector<16xf32>
// CHECK-NEXT:    %1 = arith.cmpf olt, %0, %x : vector<16xf32>
// CHECK-NEXT:    %2 = arith.select %1, %0, %x : vector<16xi1>, vector<16xf32>
// CHECK-NEXT:    %3 = arith.constant dense<-1.040000e+02> : vector<16xf32>
// CHECK-NEXT:    %4 = arith.cmpf ogt, %3, %2 : vector<16xf32>
// CHECK-NEXT:    %5 = arith.select %4, %3, %2 : vector<16xi1>, vector<16xf32>
// CHECK-NEXT:    %6 = arith.constant dense<1.44269502> : vector<16xf32>
// CHECK-NEXT:    %7 = arith.constant dense<0x4B400000> : vector<16xf32>
// CHECK-NEXT:    %8 = math.fma %5, %6, %7 : vector<16xf32>
// CHECK-NEXT:    %9 = arith.subf %8, %7 : vector<16xf32>
// CHECK-NEXT:    %10 = arith.bitcast %8 : vector<16xf32> to vector<16xi32>
// CHECK-NEXT:    %11 = arith.constant dense<-0.693359375> : vector<16xf32>
// CHECK-NEXT:    %12 = math.fma %9, %11, %5 : vector<16xf32>
// CHECK-NEXT:    %13 = arith.constant dense<0.000212194442> : vector<16xf32>
// CHECK-NEXT:    %14 = math.fma %9, %13, %12 : vector<16xf32>
// CHECK-NEXT:    %15 = arith.constant dense<0.00138145906> : vector<16xf32>
// CHECK-NEXT:    %16 = arith.constant dense<0.00836871658> : vector<16xf32>
// CHECK-NEXT:    %17 = math.fma %15, %14, %16 : vector<16xf32>
// CHECK-NEXT:    %18 = arith.constant dense<0.041668389> : vector<16xf32>
// CHECK-NEXT:    %19 = math.fma %17, %14, %18 : vector<16xf32>
// CHECK-NEXT:    %20 = arith.constant dense<0.166665211> : vector<16xf32>
// CHECK-NEXT:    %21 = math.fma %19, %14, %20 : vector<16xf32>
// CHECK-NEXT:    %22 = arith.constant dense<0.49999994> : vector<16xf32>
// CHECK-NEXT:    %23 = math.fma %21, %14, %22 : vector<16xf32>
// CHECK-NEXT:    %24 = arith.constant dense<1.000000e+00> : vector<16xf32>
// CHECK-NEXT:    %25 = math.fma %23, %14, %24 : vector<16xf32>
// CHECK-NEXT:    %26 = math.fma %25, %14, %24 : vector<16xf32>
// CHECK-NEXT:    %27 = arith.constant -1 : i16
// CHECK-NEXT:    %28 = arith.constant 4 : i32
// CHECK-NEXT:    %y = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%26, %9, %26, %27, %28) : (vector<16xf32>, vector<16xf32>, vector<16xf32>, i16, i32) -> vector<16xf32>
// CHECK-NEXT:    func.return %y : vector<16xf32>
// CHECK-NEXT:  }
func.func @exp_of_a_register(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp %x : vector<16xf32>
  func.return %y : vector<16xf32>
}

// CHECK-LABEL: func.func @erf_of_a_register(%x: vector<16xf32>) -> vector<16xf32> {
// CHECK-NEXT:    %0 = math.absf %x : vector<16xf32>
// CHECK-NEXT:    %1 = arith.constant dense<3.93300772> : vector<16xf32>
// CHECK-NEXT:    %2 = arith.cmpf olt, %1, %0 : vector<16xf32>
// CHECK-NEXT:    %3 = arith.select %2, %1, %0 : vector<16xi1>, vector<16xf32>
// CHECK-NEXT:    %4 = arith.constant dense<3.93846154> : vector<16xf32>
// CHECK-NEXT:    %5 = arith.constant dense<0x4B400000> : vector<16xf32>
// CHECK-NEXT:    %6 = math.fma %3, %4, %5 : vector<16xf32>
// CHECK-NEXT:    %7 = arith.bitcast %6 : vector<16xf32> to vector<16xi32>
// CHECK-NEXT:    %8 = arith.subf %6, %5 : vector<16xf32>
// CHECK-NEXT:    %9 = arith.constant dense<-0.25390625> : vector<16xf32>
// CHECK-NEXT:    %10 = math.fma %8, %9, %3 : vector<16xf32>
// CHECK-NEXT:    %11 = arith.constant dense<[{{.*}}]> : vector<16xf32>
// CHECK-NEXT:    %12 = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%11, %7) : (vector<16xf32>, vector<16xi32>) -> vector<16xf32>
// CHECK-NEXT:    %13 = arith.constant dense<[{{.*}}]> : vector<16xf32>
// CHECK-NEXT:    %14 = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%13, %7) : (vector<16xf32>, vector<16xi32>) -> vector<16xf32>
// CHECK-NEXT:    %15 = arith.constant dense<[{{.*}}]> : vector<16xf32>
// CHECK-NEXT:    %16 = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%15, %7) : (vector<16xf32>, vector<16xi32>) -> vector<16xf32>
// CHECK-NEXT:    %17 = arith.constant dense<[{{.*}}]> : vector<16xf32>
// CHECK-NEXT:    %18 = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%17, %7) : (vector<16xf32>, vector<16xi32>) -> vector<16xf32>
// CHECK-NEXT:    %19 = arith.constant dense<[{{.*}}]> : vector<16xf32>
// CHECK-NEXT:    %20 = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%19, %7) : (vector<16xf32>, vector<16xi32>) -> vector<16xf32>
// CHECK-NEXT:    %21 = arith.constant dense<[{{.*}}]> : vector<16xf32>
// CHECK-NEXT:    %22 = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%21, %7) : (vector<16xf32>, vector<16xi32>) -> vector<16xf32>
// CHECK-NEXT:    %23 = math.fma %12, %10, %14 : vector<16xf32>
// CHECK-NEXT:    %24 = math.fma %23, %10, %16 : vector<16xf32>
// CHECK-NEXT:    %25 = math.fma %24, %10, %18 : vector<16xf32>
// CHECK-NEXT:    %26 = math.fma %25, %10, %20 : vector<16xf32>
// CHECK-NEXT:    %27 = math.fma %26, %10, %22 : vector<16xf32>
// CHECK-NEXT:    %28 = arith.constant dense<[{{.*}}]> : vector<16xf32>
// CHECK-NEXT:    %29 = llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%28, %7) : (vector<16xf32>, vector<16xi32>) -> vector<16xf32>
// CHECK-NEXT:    %30 = math.fma %29, %3, %27 : vector<16xf32>
// CHECK-NEXT:    %y = math.copysign %30, %x : vector<16xf32>
// CHECK-NEXT:    func.return %y : vector<16xf32>
// CHECK-NEXT:  }
func.func @erf_of_a_register(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.erf %x : vector<16xf32>
  func.return %y : vector<16xf32>
}

// Scalars too; functions of one block share constants.
// CHECK-LABEL: func.func @rsqrt(%x: f32) -> f32 {
// CHECK-NEXT:    %0 = math.sqrt %x : f32
// CHECK-NEXT:    %1 = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %y = arith.divf %1, %0 : f32
// CHECK-NEXT:    %2 = math.sqrt %y : f32
// CHECK-NEXT:    %z = arith.divf %1, %2 : f32
// CHECK-NEXT:    func.return %z : f32
// CHECK-NEXT:  }
func.func @rsqrt(%x: f32) -> f32 {
  %y = math.rsqrt %x : f32
  %z = math.rsqrt %y : f32
  func.return %z : f32
}

// Vectors with large arguments take a branch, with the digits of 2/pi in a table.
// CHECK-LABEL: func.func @sin(%x: vector<4xf32>) -> vector<4xf32> {
// CHECK-NEXT:    %0 = math.absf %x : vector<4xf32>
// CHECK-NEXT:    %1 = arith.constant dense<0.636619747> : vector<4xf32>
// CHECK-NEXT:    %2 = arith.mulf %0, %1 : vector<4xf32>
// CHECK-NEXT:    %3 = arith.constant dense<0x4B400000> : vector<4xf32>
// CHECK-NEXT:    %4 = arith.addf %2, %3 : vector<4xf32>
// CHECK-NEXT:    %5 = arith.subf %4, %3 : vector<4xf32>
// CHECK-NEXT:    %6 = arith.bitcast %4 : vector<4xf32> to vector<4xi32>
// CHECK-NEXT:    %7 = arith.constant dense<1262485504> : vector<4xi32>
// CHECK-NEXT:    %8 = arith.subi %6, %7 : vector<4xi32>
// CHECK-NEXT:    %9 = arith.constant dense<-1.57079637> : vector<4xf32>
// CHECK-NEXT:    %10 = math.fma %5, %9, %0 : vector<4xf32>
// CHECK-NEXT:    %11 = arith.constant dense<4.37113883e-08> : vector<4xf32>
// CHECK-NEXT:    %12 = math.fma %5, %11, %10 : vector<4xf32>
// CHECK-NEXT:    %13 = arith.constant dense<1.71512451e-15> : vector<4xf32>
// CHECK-NEXT:    %14 = math.fma %5, %13, %12 : vector<4xf32>
// CHECK-NEXT:    %15 = arith.constant dense<1.000000e+05> : vector<4xf32>
// CHECK-NEXT:    %16 = arith.cmpf ogt, %0, %15 : vector<4xf32>
// CHECK-NEXT:    %17 = vector.reduction <or>, %16 : vector<4xi1> into i1
// CHECK-NEXT:    %18, %19 = scf.if %17 -> (vector<4xi32>, vector<4xf32>) {
// CHECK:            %57 = vector.gather %32[%34] [%29], %55, %56 : memref<80xf64>, vector<4xi64>, vector<4xi1>, vector<4xf64> into vector<4xf64>
// CHECK:            scf.yield %107, %108 : vector<4xi32>, vector<4xf32>
// CHECK-NEXT:    } else {
// CHECK-NEXT:      scf.yield %8, %14 : vector<4xi32>, vector<4xf32>
// CHECK-NEXT:    }{fxlower.rare}
// CHECK-NEXT:    %109 = arith.mulf %19, %19 : vector<4xf32>
// CHECK-NEXT:    %110 = arith.constant dense<1> : vector<4xi32>
// CHECK-NEXT:    %111 = arith.andi %18, %110 : vector<4xi32>
// CHECK-NEXT:    %112 = arith.constant dense<0> : vector<4xi32>
// CHECK-NEXT:    %113 = arith.cmpi ne, %111, %112 : vector<4xi32>
// CHECK-NEXT:    %114 = arith.constant dense<2.44331568e-05> : vector<4xf32>
// CHECK-NEXT:    %115 = arith.constant dense<-0.00138873165> : vector<4xf32>
// CHECK-NEXT:    %116 = math.fma %114, %109, %115 : vector<4xf32>
// CHECK-NEXT:    %117 = arith.constant dense<0.0416666456> : vector<4xf32>
// CHECK-NEXT:    %118 = math.fma %116, %109, %117 : vector<4xf32>
// CHECK-NEXT:    %119 = arith.mulf %109, %109 : vector<4xf32>
// CHECK-NEXT:    %120 = arith.constant dense<-5.000000e-01> : vector<4xf32>
// CHECK-NEXT:    %121 = arith.constant dense<1.000000e+00> : vector<4xf32>
// CHECK-NEXT:    %122 = math.fma %109, %120, %121 : vector<4xf32>
// CHECK-NEXT:    %123 = math.fma %118, %119, %122 : vector<4xf32>
// CHECK-NEXT:    %124 = arith.constant dense<-0.000195152956> : vector<4xf32>
// CHECK-NEXT:    %125 = arith.constant dense<0.00833216123> : vector<4xf32>
// CHECK-NEXT:    %126 = math.fma %124, %109, %125 : vector<4xf32>
// CHECK-NEXT:    %127 = arith.constant dense<-0.166666552> : vector<4xf32>
// CHECK-NEXT:    %128 = math.fma %126, %109, %127 : vector<4xf32>
// CHECK-NEXT:    %129 = arith.mulf %128, %109 : vector<4xf32>
// CHECK-NEXT:    %130 = math.fma %129, %19, %19 : vector<4xf32>
// CHECK-NEXT:    %131 = arith.select %113, %123, %130 : vector<4xi1>, vector<4xf32>
// CHECK-NEXT:    %132 = arith.bitcast %131 : vector<4xf32> to vector<4xi32>
// CHECK-NEXT:    %133 = arith.constant dense<2> : vector<4xi32>
// CHECK-NEXT:    %134 = arith.andi %18, %133 : vector<4xi32>
// CHECK-NEXT:    %135 = arith.constant dense<30> : vector<4xi32>
// CHECK-NEXT:    %136 = arith.shli %134, %135 : vector<4xi32>
// CHECK-NEXT:    %137 = arith.xori %132, %136 : vector<4xi32>
// CHECK-NEXT:    %138 = arith.bitcast %137 : vector<4xi32> to vector<4xf32>
// CHECK-NEXT:    %139 = arith.bitcast %138 : vector<4xf32> to vector<4xi32>
// CHECK-NEXT:    %140 = arith.bitcast %x : vector<4xf32> to vector<4xi32>
// CHECK-NEXT:    %141 = arith.constant dense<-2147483648> : vector<4xi32>
// CHECK-NEXT:    %142 = arith.andi %140, %141 : vector<4xi32>
// CHECK-NEXT:    %143 = arith.xori %139, %142 : vector<4xi32>
// CHECK-NEXT:    %y = arith.bitcast %143 : vector<4xi32> to vector<4xf32>
// CHECK-NEXT:    func.return %y : vector<4xf32>
// CHECK-NEXT:  }
func.func @sin(%x: vector<4xf32>) -> vector<4xf32> {
  %y = math.sin %x : vector<4xf32>
  func.return %y : vector<4xf32>
}

// Instructions stay.
// CHECK-LABEL: func.func @kept(%x: f32, %y: f64) -> f64 {
// CHECK-NEXT:    %a = math.sqrt %x : f32
// CHECK-NEXT:    %b = math.floor %y : f64
// CHECK-NEXT:    func.return %b : f64
// CHECK-NEXT:  }
func.func @kept(%x: f32, %y: f64) -> f64 {
  %a = math.sqrt %x : f32
  %b = math.floor %y : f64
  func.return %b : f64
}

// A zero divisor is 1, and is reported.
// CHECK-LABEL: func.func @nonzero_divisor(%d: vector<4xi32>, %trap: memref<1xi64> {fxt.trap}) -> vector<4xi32> {
// CHECK-NEXT:    %0 = arith.constant dense<0> : vector<4xi32>
// CHECK-NEXT:    %1 = arith.cmpi eq, %d, %0 : vector<4xi32>
// CHECK-NEXT:    %2 = vector.reduction <or>, %1 : vector<4xi1> into i1
// CHECK-NEXT:    scf.if %2 {
// CHECK-NEXT:      %3 = arith.constant 2 : i64
// CHECK-NEXT:      %4 = arith.constant 0 : index
// CHECK-NEXT:      memref.store %3, %trap[%4] : memref<1xi64>
// CHECK-NEXT:    }{fxlower.rare}
// CHECK-NEXT:    %5 = arith.constant dense<1> : vector<4xi32>
// CHECK-NEXT:    %y = arith.select %1, %5, %d : vector<4xi1>, vector<4xi32>
// CHECK-NEXT:    func.return %y : vector<4xi32>
// CHECK-NEXT:  }
func.func @nonzero_divisor(%d: vector<4xi32>, %trap: memref<1xi64> {fxt.trap}) -> vector<4xi32> {
  %y = fxt.nonzero_divisor %d : vector<4xi32>
  func.return %y : vector<4xi32>
}

// An index out of bounds is 0, and is reported.
// CHECK-LABEL: func.func @normalize_index(%i: i64, %trap: memref<1xi64> {fxt.trap}, %s0: index {fxt.symbol = "s0"}) -> i64 {
// CHECK-NEXT:    %c2 = arith.constant 2 : index
// CHECK-NEXT:    %0 = arith.muli %c2, %s0 : index
// CHECK-NEXT:    %1 = arith.index_cast %0 : index to i64
// CHECK-NEXT:    %2 = arith.constant 0 : i64
// CHECK-NEXT:    %3 = arith.cmpi slt, %i, %2 : i64
// CHECK-NEXT:    %4 = arith.addi %i, %1 : i64
// CHECK-NEXT:    %5 = arith.select %3, %4, %i : i64
// CHECK-NEXT:    %6 = arith.cmpi uge, %5, %1 : i64
// CHECK-NEXT:    scf.if %6 {
// CHECK-NEXT:      %7 = arith.constant 1 : i64
// CHECK-NEXT:      %8 = arith.constant 0 : index
// CHECK-NEXT:      memref.store %7, %trap[%8] : memref<1xi64>
// CHECK-NEXT:    }{fxlower.rare}
// CHECK-NEXT:    %y = arith.select %6, %2, %5 : i64
// CHECK-NEXT:    func.return %y : i64
// CHECK-NEXT:  }
func.func @normalize_index(%i: i64, %trap: memref<1xi64> {fxt.trap}, %s0: index {fxt.symbol = "s0"}) -> i64 {
  %y = fxt.normalize_index "2*s0", %i : i64
  func.return %y : i64
}

}
