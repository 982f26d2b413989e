// RUN: fxlower-opt %s | fxlower-opt | filecheck %s
// RUN: fxlower-opt %s --print-op-generic | fxlower-opt | filecheck %s

// The vector forms, and hexadecimal floats in dense literals, which are bits and not numbers.
// CHECK-LABEL: func.func @arith(%a: vector<4xf32>, %i: vector<4xi32>, %x: f32, %n: index) {
// CHECK-NEXT:    %c = arith.cmpf olt, %a, %a : vector<4xf32>
// CHECK-NEXT:    %c2 = arith.cmpf ult, %a, %a fastmath<nnan> {foo = 1 : i64} : vector<4xf32>
// CHECK-NEXT:    %d = arith.cmpi slt, %i, %i : vector<4xi32>
// CHECK-NEXT:    %e = arith.cmpf uno, %x, %x : f32
// CHECK-NEXT:    %s = arith.select %c, %a, %a : vector<4xi1>, vector<4xf32>
// CHECK-NEXT:    %s2 = arith.select %e, %a, %a : vector<4xf32>
// CHECK-NEXT:    %f = arith.sitofp %i : vector<4xi32> to vector<4xf32>
// CHECK-NEXT:    %g = arith.fptosi %f : vector<4xf32> to vector<4xi64>
// CHECK-NEXT:    %g1 = arith.trunci %g : vector<4xi64> to vector<4xi8>
// CHECK-NEXT:    %g2 = arith.extsi %g1 : vector<4xi8> to vector<4xi32>
// CHECK-NEXT:    %g3 = arith.index_cast %g2 : vector<4xi32> to vector<4xindex>
// CHECK-NEXT:    %g4 = arith.index_castui %n : index to i64
// CHECK-NEXT:    %r = arith.remf %x, %x : f32
// CHECK-NEXT:    %k0 = arith.constant dense<0xff800000> : vector<4xf32>
// CHECK-NEXT:    %k1 = arith.constant dense<[0x7fc00000, 1.000000e+00]> : vector<2xf32>
// CHECK-NEXT:    %k2 = arith.constant dense<0x7c00> : vector<4xf16>
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }

func.func @arith(%a: vector<4xf32>, %i: vector<4xi32>, %x: f32, %n: index) {
  %c = arith.cmpf olt, %a, %a : vector<4xf32>
  %c2 = arith.cmpf ult, %a, %a fastmath<nnan> {foo = 1 : i64} : vector<4xf32>
  %d = arith.cmpi slt, %i, %i : vector<4xi32>
  %e = arith.cmpf uno, %x, %x : f32
  %s = arith.select %c, %a, %a : vector<4xi1>, vector<4xf32>
  %s2 = arith.select %e, %a, %a : vector<4xf32>
  %f = arith.sitofp %i : vector<4xi32> to vector<4xf32>
  %g = arith.fptosi %f : vector<4xf32> to vector<4xi64>
  %g1 = arith.trunci %g : vector<4xi64> to vector<4xi8>
  %g2 = arith.extsi %g1 : vector<4xi8> to vector<4xi32>
  %g3 = arith.index_cast %g2 : vector<4xi32> to vector<4xindex>
  %g4 = arith.index_castui %n : index to i64
  %r = arith.remf %x, %x : f32
  %k0 = arith.constant dense<0xFF800000> : vector<4xf32>
  %k1 = arith.constant dense<[0x7FC00000, 1.0]> : vector<2xf32>
  %k2 = arith.constant dense<0x7C00> : vector<4xf16>
  func.return
}
