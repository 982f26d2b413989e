// RUN: fxlower-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: 'arith.cmpf': result type must be vector<4xi1>, got i1
func.func @f(%a: vector<4xf32>) {
  %c = "arith.cmpf"(%a, %a) <{predicate = 1 : i64}> : (vector<4xf32>, vector<4xf32>) -> i1
  func.return
}

// -----

// CHECK: 'arith.select': shapes must agree, got vector<8xi1> and vector<4xf32>
func.func @f(%c: vector<8xi1>, %a: vector<4xf32>) {
  %r = arith.select %c, %a, %a : vector<8xi1>, vector<4xf32>
  func.return
}

// -----

// CHECK: 'arith.extsi': the result must be wider than i32, got i8
func.func @f(%a: vector<4xi32>) {
  %r = arith.extsi %a : vector<4xi32> to vector<4xi8>
  func.return
}

// -----

// CHECK: 'arith.sitofp': shapes must agree, got vector<4xi32> and f32
func.func @f(%a: vector<4xi32>) {
  %r = arith.sitofp %a : vector<4xi32> to f32
  func.return
}

// -----

// CHECK: 'arith.index_cast': exactly one side must be index, got i32 and i64
func.func @f(%a: i32) {
  %r = arith.index_cast %a : i32 to i64
  func.return
}

// -----

// CHECK: expected one of eq, ne, slt, sle, sgt, sge, ult, ule, ugt, uge
func.func @f(%a: i32) {
  %r = arith.cmpi lt, %a, %a : i32
  func.return
}

// -----

// CHECK: expected 8 hexadecimal digits for f32
func.func @f() {
  %r = arith.constant dense<0xFFF0000000000000> : vector<4xf32>
  func.return
}
