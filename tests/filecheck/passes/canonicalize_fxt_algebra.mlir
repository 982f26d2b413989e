// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// The identities of `fxt_folds/algebra.py`. Results are printed under the name of the op they came from.

// CHECK-LABEL: func.func @add_zero(
// CHECK-NEXT:    func.return %x, %y : tensor<4xi64>, tensor<4xf32>
func.func @add_zero(%x: tensor<4xi64>, %y: tensor<4xf32>) -> (tensor<4xi64>, tensor<4xf32>) {
  %zero = fxt.full 0 : i64 : tensor<4xi64>
  %a = fxt.add %zero, %x : tensor<4xi64>
  %minus_zero = fxt.full -0.000000e+00 : f32 : tensor<4xf32>
  %b = fxt.add %y, %minus_zero : tensor<4xf32>
  func.return %a, %b : tensor<4xi64>, tensor<4xf32>
}

// -0.0 + 0.0 is 0.0.

// CHECK-LABEL: func.func @keep_add_positive_zero(
// CHECK-NEXT:    %zero = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    %r = fxt.add %x, %zero : tensor<4xf32>
// CHECK-NEXT:    func.return %r : tensor<4xf32>
func.func @keep_add_positive_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
  %r = fxt.add %x, %zero : tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// CHECK-LABEL: func.func @sub_zero(
// CHECK-NEXT:    func.return %x : tensor<4xf32>
func.func @sub_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
  %r = fxt.sub %x, %zero : tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// CHECK-LABEL: func.func @sub_self(
// CHECK-NEXT:    %a = fxt.full 0 : i64 : tensor<4xi64>
// CHECK-NEXT:    %b = fxt.sub %y, %y : tensor<4xf32>
// CHECK-NEXT:    func.return %a, %b : tensor<4xi64>, tensor<4xf32>
func.func @sub_self(%x: tensor<4xi64>, %y: tensor<4xf32>) -> (tensor<4xi64>, tensor<4xf32>) {
  %a = fxt.sub %x, %x : tensor<4xi64>
  %b = fxt.sub %y, %y : tensor<4xf32>
  func.return %a, %b : tensor<4xi64>, tensor<4xf32>
}

// CHECK-LABEL: func.func @mul_one(
// CHECK-NEXT:    func.return %x : tensor<4xf32>
func.func @mul_one(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = fxt.full 1.000000e+00 : f32 : tensor<4xf32>
  %r = fxt.mul %one, %x : tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// 0.0 * inf is NaN.

// CHECK-LABEL: func.func @mul_zero(
// CHECK-NEXT:    %i = fxt.full 0 : i64 : tensor<4xi64>
// CHECK-NEXT:    %f = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    %b = fxt.mul %y, %f : tensor<4xf32>
// CHECK-NEXT:    func.return %i, %b : tensor<4xi64>, tensor<4xf32>
func.func @mul_zero(%x: tensor<4xi64>, %y: tensor<4xf32>) -> (tensor<4xi64>, tensor<4xf32>) {
  %i = fxt.full 0 : i64 : tensor<4xi64>
  %a = fxt.mul %x, %i : tensor<4xi64>
  %f = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
  %b = fxt.mul %y, %f : tensor<4xf32>
  func.return %a, %b : tensor<4xi64>, tensor<4xf32>
}

// CHECK-LABEL: func.func @div_by_power_of_two(
// CHECK-NEXT:    %0 = fxt.full 1.250000e-01 : f32 : tensor<4xf32>
// CHECK-NEXT:    %r = fxt.mul %x, %0 : tensor<4xf32>
// CHECK-NEXT:    func.return %r : tensor<4xf32>
func.func @div_by_power_of_two(%x: tensor<4xf32>) -> tensor<4xf32> {
  %eight = fxt.full 8.000000e+00 : f32 : tensor<4xf32>
  %r = fxt.div %x, %eight : tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// CHECK-LABEL: func.func @keep_div_by_three(
// CHECK-NEXT:    %three = fxt.full 3.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    %r = fxt.div %x, %three : tensor<4xf32>
// CHECK-NEXT:    func.return %r : tensor<4xf32>
func.func @keep_div_by_three(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = fxt.full 3.000000e+00 : f32 : tensor<4xf32>
  %r = fxt.div %x, %three : tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// CHECK-LABEL: func.func @negations(
// CHECK-NEXT:    %b = fxt.sub %x, %y : tensor<4xf32>
// CHECK-NEXT:    %c = fxt.add %x, %y : tensor<4xf32>
// CHECK-NEXT:    %d = fxt.abs %y : tensor<4xf32>
// CHECK-NEXT:    func.return %y, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
func.func @negations(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %n = fxt.neg %y : tensor<4xf32>
  %a = fxt.neg %n : tensor<4xf32>
  %b = fxt.add %x, %n : tensor<4xf32>
  %c = fxt.sub %x, %n : tensor<4xf32>
  %d = fxt.abs %n : tensor<4xf32>
  func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @pow(
// CHECK-NEXT:    %c7 = fxt.full 7.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    %b = fxt.mul %x, %x : tensor<4xf32>
// CHECK-NEXT:    %c = fxt.sqrt %x : tensor<4xf32>
// CHECK-NEXT:    %d = fxt.pow %x, %c7 : tensor<4xf32>
// CHECK-NEXT:    func.return %x, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
func.func @pow(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %c1 = fxt.full 1.000000e+00 : f32 : tensor<4xf32>
  %c2 = fxt.full 2.000000e+00 : f32 : tensor<4xf32>
  %half = fxt.full 5.000000e-01 : f32 : tensor<4xf32>
  %c7 = fxt.full 7.000000e+00 : f32 : tensor<4xf32>
  %a = fxt.pow %x, %c1 : tensor<4xf32>
  %b = fxt.pow %x, %c2 : tensor<4xf32>
  %c = fxt.pow %x, %half : tensor<4xf32>
  %d = fxt.pow %x, %c7 : tensor<4xf32>
  func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @logic(
// CHECK-NEXT:    %b = fxt.not %x : tensor<4xi1>
// CHECK-NEXT:    %ones = fxt.full -1 : i32 : tensor<4xi32>
// CHECK-NEXT:    %d = fxt.full 0 : i32 : tensor<4xi32>
// CHECK-NEXT:    func.return %x, %b, %ones, %d, %y : tensor<4xi1>, tensor<4xi1>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
func.func @logic(%x: tensor<4xi1>, %y: tensor<4xi32>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
  %true = fxt.full true : tensor<4xi1>
  %a = fxt.and %x, %true : tensor<4xi1>
  %b = fxt.xor %true, %x : tensor<4xi1>
  %ones = fxt.full -1 : i32 : tensor<4xi32>
  %c = fxt.or %y, %ones : tensor<4xi32>
  %d = fxt.xor %y, %y : tensor<4xi32>
  %n = fxt.not %y : tensor<4xi32>
  %e = fxt.not %n : tensor<4xi32>
  func.return %a, %b, %c, %d, %e : tensor<4xi1>, tensor<4xi1>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
}

// CHECK-LABEL: func.func @extrema(
// CHECK-NEXT:    %inf = fxt.full 0x7f800000 : f32 : tensor<4xf32>
// CHECK-NEXT:    %c = fxt.max %x, %inf : tensor<4xf32>
// CHECK-NEXT:    func.return %x, %x, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
func.func @extrema(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %inf = fxt.full 0x7f800000 : f32 : tensor<4xf32>
  %a = fxt.max %x, %x : tensor<4xf32>
  %b = fxt.min %x, %inf : tensor<4xf32>
  %c = fxt.max %x, %inf : tensor<4xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// A NaN is not equal to itself.

// CHECK-LABEL: func.func @cmp_self(
// CHECK-NEXT:    %a = fxt.full true : tensor<4xi1>
// CHECK-NEXT:    %b = fxt.full false : tensor<4xi1>
// CHECK-NEXT:    %c = fxt.cmp "ne", %y, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT:    func.return %a, %b, %c : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
func.func @cmp_self(%x: tensor<4xi64>, %y: tensor<4xf32>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
  %a = fxt.cmp "le", %x, %x : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi1>
  %b = fxt.cmp "ne", %x, %x : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi1>
  %c = fxt.cmp "ne", %y, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return %a, %b, %c : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
}

// CHECK-LABEL: func.func @not_of_cmp(
// CHECK-NEXT:    %one = fxt.full 1 : i64 : tensor<4xi64>
// CHECK-NEXT:    %zero = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
// CHECK-NEXT:    %lt = fxt.cmp "lt", %y, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT:    %a = fxt.cmp "ge", %x, %one : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi1>
// CHECK-NEXT:    %b = fxt.cmp "ne", %y, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK-NEXT:    %c = fxt.not %lt : tensor<4xi1>
// CHECK-NEXT:    func.return %a, %b, %c : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
func.func @not_of_cmp(%x: tensor<4xi64>, %y: tensor<4xf32>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
  %one = fxt.full 1 : i64 : tensor<4xi64>
  %i = fxt.cmp "lt", %x, %one : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi1>
  %zero = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
  %eq = fxt.cmp "eq", %y, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %lt = fxt.cmp "lt", %y, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %a = fxt.not %i : tensor<4xi1>
  %b = fxt.not %eq : tensor<4xi1>
  %c = fxt.not %lt : tensor<4xi1>
  func.return %a, %b, %c : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
}

// CHECK-LABEL: func.func @cmp_of_bool(
// CHECK-NEXT:    %b = fxt.not %x : tensor<4xi1>
// CHECK-NEXT:    func.return %x, %b : tensor<4xi1>, tensor<4xi1>
func.func @cmp_of_bool(%x: tensor<4xi1>) -> (tensor<4xi1>, tensor<4xi1>) {
  %f = fxt.cast %x : (tensor<4xi1>) -> tensor<4xf32>
  %zero = fxt.full 0.000000e+00 : f32 : tensor<4xf32>
  %a = fxt.cmp "ne", %f, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %b = fxt.cmp "eq", %f, %zero : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  func.return %a, %b : tensor<4xi1>, tensor<4xi1>
}

// CHECK-LABEL: func.func @select(
// CHECK-NEXT:    %d = fxt.select %c, %y, %x : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %x, %y, %d, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi1>
func.func @select(%c: tensor<4xi1>, %x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi1>) {
  %true = fxt.full true : tensor<4xi1>
  %false = fxt.full false : tensor<4xi1>
  %n = fxt.not %c : tensor<4xi1>
  %a = fxt.select %c, %x, %x : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %b = fxt.select %false, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %d = fxt.select %n, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = fxt.select %c, %true, %false : (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  func.return %a, %b, %d, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi1>
}

// CHECK-LABEL: func.func @round_of_rounded(
// CHECK-NEXT:    %f = fxt.floor %x : tensor<4xf32>
// CHECK-NEXT:    %c = fxt.cast %i : (tensor<4xi32>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %f, %c : tensor<4xf32>, tensor<4xf32>
func.func @round_of_rounded(%x: tensor<4xf32>, %i: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %f = fxt.floor %x : tensor<4xf32>
  %a = fxt.ceil %f : tensor<4xf32>
  %c = fxt.cast %i : (tensor<4xi32>) -> tensor<4xf32>
  %b = fxt.trunc %c : tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}
