// RUN: fxlower-opt %s | filecheck %s
// RUN: fxlower-opt --print-op-generic %s | fxlower-opt | filecheck %s

// CHECK-LABEL: func.func @unary
// CHECK-NEXT:    %neg = fxt.neg %a : tensor<4x8xf32>
// CHECK-NEXT:    %abs = fxt.abs %a : tensor<4x8xf32>
// CHECK-NEXT:    %floor = fxt.floor %a : tensor<4x8xf32>
// CHECK-NEXT:    %ceil = fxt.ceil %a : tensor<4x8xf32>
// CHECK-NEXT:    %round = fxt.round %a : tensor<4x8xf32>
// CHECK-NEXT:    %trunc = fxt.trunc %a : tensor<4x8xf32>
// CHECK-NEXT:    %sqrt = fxt.sqrt %a : tensor<4x8xf32>
// CHECK-NEXT:    %rsqrt = fxt.rsqrt %a : tensor<4x8xf32>
// CHECK-NEXT:    %exp = fxt.exp %a : tensor<4x8xf32>
// CHECK-NEXT:    %exp2 = fxt.exp2 %a : tensor<4x8xf32>
// CHECK-NEXT:    %expm1 = fxt.expm1 %a : tensor<4x8xf32>
// CHECK-NEXT:    %log = fxt.log %a : tensor<4x8xf32>
// CHECK-NEXT:    %log2 = fxt.log2 %a : tensor<4x8xf32>
// CHECK-NEXT:    %log10 = fxt.log10 %a : tensor<4x8xf32>
// CHECK-NEXT:    %log1p = fxt.log1p %a : tensor<4x8xf32>
// CHECK-NEXT:    %sin = fxt.sin %a : tensor<4x8xf32>
// CHECK-NEXT:    %cos = fxt.cos %a : tensor<4x8xf32>
// CHECK-NEXT:    %tan = fxt.tan %a : tensor<4x8xf32>
// CHECK-NEXT:    %asin = fxt.asin %a : tensor<4x8xf32>
// CHECK-NEXT:    %acos = fxt.acos %a : tensor<4x8xf32>
// CHECK-NEXT:    %atan = fxt.atan %a : tensor<4x8xf32>
// CHECK-NEXT:    %sinh = fxt.sinh %a : tensor<4x8xf32>
// CHECK-NEXT:    %cosh = fxt.cosh %a : tensor<4x8xf32>
// CHECK-NEXT:    %tanh = fxt.tanh %a : tensor<4x8xf32>
// CHECK-NEXT:    %asinh = fxt.asinh %a : tensor<4x8xf32>
// CHECK-NEXT:    %acosh = fxt.acosh %a : tensor<4x8xf32>
// CHECK-NEXT:    %atanh = fxt.atanh %a : tensor<4x8xf32>
// CHECK-NEXT:    %erf = fxt.erf %a : tensor<4x8xf32>
func.func @unary(%a: tensor<4x8xf32>) {
  %neg = fxt.neg %a : tensor<4x8xf32>
  %abs = fxt.abs %a : tensor<4x8xf32>
  %floor = fxt.floor %a : tensor<4x8xf32>
  %ceil = fxt.ceil %a : tensor<4x8xf32>
  %round = fxt.round %a : tensor<4x8xf32>
  %trunc = fxt.trunc %a : tensor<4x8xf32>
  %sqrt = fxt.sqrt %a : tensor<4x8xf32>
  %rsqrt = fxt.rsqrt %a : tensor<4x8xf32>
  %exp = fxt.exp %a : tensor<4x8xf32>
  %exp2 = fxt.exp2 %a : tensor<4x8xf32>
  %expm1 = fxt.expm1 %a : tensor<4x8xf32>
  %log = fxt.log %a : tensor<4x8xf32>
  %log2 = fxt.log2 %a : tensor<4x8xf32>
  %log10 = fxt.log10 %a : tensor<4x8xf32>
  %log1p = fxt.log1p %a : tensor<4x8xf32>
  %sin = fxt.sin %a : tensor<4x8xf32>
  %cos = fxt.cos %a : tensor<4x8xf32>
  %tan = fxt.tan %a : tensor<4x8xf32>
  %asin = fxt.asin %a : tensor<4x8xf32>
  %acos = fxt.acos %a : tensor<4x8xf32>
  %atan = fxt.atan %a : tensor<4x8xf32>
  %sinh = fxt.sinh %a : tensor<4x8xf32>
  %cosh = fxt.cosh %a : tensor<4x8xf32>
  %tanh = fxt.tanh %a : tensor<4x8xf32>
  %asinh = fxt.asinh %a : tensor<4x8xf32>
  %acosh = fxt.acosh %a : tensor<4x8xf32>
  %atanh = fxt.atanh %a : tensor<4x8xf32>
  %erf = fxt.erf %a : tensor<4x8xf32>
  func.return
}

// CHECK-LABEL: func.func @binary
// CHECK-NEXT:    %add = fxt.add %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %sub = fxt.sub %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %mul = fxt.mul %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %div = fxt.div %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %rem = fxt.rem %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %max = fxt.max %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %min = fxt.min %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %pow = fxt.pow %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %atan2 = fxt.atan2 %a, %b : tensor<4x8xf32>
// CHECK-NEXT:    %copysign = fxt.copysign %a, %b : tensor<4x8xf32>
func.func @binary(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) {
  %add = fxt.add %a, %b : tensor<4x8xf32>
  %sub = fxt.sub %a, %b : tensor<4x8xf32>
  %mul = fxt.mul %a, %b : tensor<4x8xf32>
  %div = fxt.div %a, %b : tensor<4x8xf32>
  %rem = fxt.rem %a, %b : tensor<4x8xf32>
  %max = fxt.max %a, %b : tensor<4x8xf32>
  %min = fxt.min %a, %b : tensor<4x8xf32>
  %pow = fxt.pow %a, %b : tensor<4x8xf32>
  %atan2 = fxt.atan2 %a, %b : tensor<4x8xf32>
  %copysign = fxt.copysign %a, %b : tensor<4x8xf32>
  func.return
}

// CHECK-LABEL: func.func @integers
// CHECK-NEXT:    %not = fxt.not %i : tensor<4x8xi32>
// CHECK-NEXT:    %add = fxt.add %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %sub = fxt.sub %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %mul = fxt.mul %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %div = fxt.div %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %floordiv = fxt.floordiv %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %rem = fxt.rem %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %max = fxt.max %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %min = fxt.min %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %and = fxt.and %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %or = fxt.or %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %xor = fxt.xor %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %shl = fxt.shl %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %shr = fxt.shr %i, %j : tensor<4x8xi32>
// CHECK-NEXT:    %nonzero = fxt.nonzero_divisor %j : tensor<4x8xi32>
func.func @integers(%i: tensor<4x8xi32>, %j: tensor<4x8xi32>) {
  %not = fxt.not %i : tensor<4x8xi32>
  %add = fxt.add %i, %j : tensor<4x8xi32>
  %sub = fxt.sub %i, %j : tensor<4x8xi32>
  %mul = fxt.mul %i, %j : tensor<4x8xi32>
  %div = fxt.div %i, %j : tensor<4x8xi32>
  %floordiv = fxt.floordiv %i, %j : tensor<4x8xi32>
  %rem = fxt.rem %i, %j : tensor<4x8xi32>
  %max = fxt.max %i, %j : tensor<4x8xi32>
  %min = fxt.min %i, %j : tensor<4x8xi32>
  %and = fxt.and %i, %j : tensor<4x8xi32>
  %or = fxt.or %i, %j : tensor<4x8xi32>
  %xor = fxt.xor %i, %j : tensor<4x8xi32>
  %shl = fxt.shl %i, %j : tensor<4x8xi32>
  %shr = fxt.shr %i, %j : tensor<4x8xi32>
  %nonzero = fxt.nonzero_divisor %j : tensor<4x8xi32>
  func.return
}

// CHECK-LABEL: func.func @others
// CHECK-NEXT:    %eq = fxt.cmp "eq", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
// CHECK-NEXT:    %ne = fxt.cmp "ne", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
// CHECK-NEXT:    %lt = fxt.cmp "lt", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
// CHECK-NEXT:    %le = fxt.cmp "le", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
// CHECK-NEXT:    %gt = fxt.cmp "gt", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
// CHECK-NEXT:    %ge = fxt.cmp "ge", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
// CHECK-NEXT:    %chosen = fxt.select %eq, %a, %b : (tensor<4x8xi1>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %half = fxt.cast %a : (tensor<4x8xf32>) -> tensor<4x8xbf16>
// CHECK-NEXT:    %byte = fxt.cast %a : (tensor<4x8xf32>) -> tensor<4x8xui8>
// CHECK-NEXT:    %bits = fxt.bitcast %a : (tensor<4x8xf32>) -> tensor<4x8xi32>
func.func @others(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) {
  %eq = fxt.cmp "eq", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
  %ne = fxt.cmp "ne", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
  %lt = fxt.cmp "lt", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
  %le = fxt.cmp "le", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
  %gt = fxt.cmp "gt", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
  %ge = fxt.cmp "ge", %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xi1>
  %chosen = fxt.select %eq, %a, %b : (tensor<4x8xi1>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %half = fxt.cast %a : (tensor<4x8xf32>) -> tensor<4x8xbf16>
  %byte = fxt.cast %a : (tensor<4x8xf32>) -> tensor<4x8xui8>
  %bits = fxt.bitcast %a : (tensor<4x8xf32>) -> tensor<4x8xi32>
  func.return
}

// Equal text of a symbolic dimension is equal size.
// CHECK-LABEL: func.func @symbolic
// CHECK-NEXT:    %exp = fxt.exp %a : tensor<?x8xf32, ["s0", 8 : i64]>
// CHECK-NEXT:    %sum = fxt.add %a, %exp : tensor<?x8xf32, ["s0", 8 : i64]>
func.func @symbolic(%a: tensor<?x8xf32, ["s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"}) {
  %exp = fxt.exp %a : tensor<?x8xf32, ["s0", 8 : i64]>
  %sum = fxt.add %a, %exp : tensor<?x8xf32, ["s0", 8 : i64]>
  func.return
}

// Bodies of kernels hold the trapping ops on scalars and vectors.
// CHECK-LABEL: func.func @scalars
// CHECK-NEXT:    %divisor = fxt.nonzero_divisor %v : vector<8xi64>
func.func @scalars(%x: f32, %v: vector<8xi64>) {
  %divisor = fxt.nonzero_divisor %v : vector<8xi64>
  func.return
}
