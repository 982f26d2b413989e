// RUN: fxlower-opt %s | filecheck %s
// RUN: fxlower-opt --print-op-generic %s | fxlower-opt | filecheck %s

// CHECK-LABEL: func.func @generators
// CHECK-NEXT:    %full = fxt.full 1.000000e+00 : f32 : tensor<4x8xf32>
// CHECK-NEXT:    %true = fxt.full true : tensor<4xi1>
// CHECK-NEXT:    %dense = fxt.dense dense<[1, 2]> : tensor<2xi64> : tensor<2xi64>
// CHECK-NEXT:    %column = fxt.iota 1 : tensor<2x8xi64>
// CHECK-NEXT:    %size = fxt.size["s0*2"] : tensor<i64>
func.func @generators() {
  %full = fxt.full 1.000000e+00 : f32 : tensor<4x8xf32>
  %true = fxt.full true : tensor<4xi1>
  %dense = fxt.dense dense<[1, 2]> : tensor<2xi64> : tensor<2xi64>
  %column = fxt.iota 1 : tensor<2x8xi64>
  %size = fxt.size["s0*2"] : tensor<i64>
  func.return
}

// CHECK-LABEL: func.func @reductions
// CHECK-NEXT:    %sum = fxt.sum %a, array<i64: 1> : (tensor<4x8xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %prod = fxt.prod %a, array<i64: 0, 1> : (tensor<4x8xf32>) -> tensor<f32>
// CHECK-NEXT:    %amax = fxt.amax %a, array<i64: 0> : (tensor<4x8xf32>) -> tensor<8xf32>
// CHECK-NEXT:    %all = fxt.amin %m, array<i64: 1> : (tensor<4x8xi1>) -> tensor<4xi1>
// CHECK-NEXT:    %cumsum = fxt.cumsum %a, 1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    %cumprod = fxt.cumprod %a, 0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
func.func @reductions(%a: tensor<4x8xf32>, %m: tensor<4x8xi1>) {
  %sum = fxt.sum %a, array<i64: 1> : (tensor<4x8xf32>) -> tensor<4xf32>
  %prod = fxt.prod %a, array<i64: 0, 1> : (tensor<4x8xf32>) -> tensor<f32>
  %amax = fxt.amax %a, array<i64: 0> : (tensor<4x8xf32>) -> tensor<8xf32>
  %all = fxt.amin %m, array<i64: 1> : (tensor<4x8xi1>) -> tensor<4xi1>
  %cumsum = fxt.cumsum %a, 1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %cumprod = fxt.cumprod %a, 0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return
}

// CHECK-LABEL: func.func @orders
// CHECK-NEXT:    %first = fxt.argsort "descending", %a, 1 : (tensor<4x8xf32>) -> tensor<4x3xi64>
// CHECK-NEXT:    %order = fxt.argsort "ascending", %a, 0, %scratch {fxlower.unsigned} : (tensor<4x8xf32>, tensor<2x8xi64>) -> tensor<4x8xi64>
// CHECK-NEXT:    %largest = fxt.cumargmax %a, 1 : (tensor<4x8xf32>) -> tensor<4x8xi64>
// CHECK-NEXT:    %smallest = fxt.cumargmin %a, 0 : (tensor<4x8xf32>) -> tensor<4x8xi64>
// CHECK-NEXT:    %log = fxt.cumlogaddexp %a, 0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
func.func @orders(%a: tensor<4x8xf32>, %scratch: tensor<2x8xi64>) {
  %first = fxt.argsort "descending", %a, 1 : (tensor<4x8xf32>) -> tensor<4x3xi64>
  %order = fxt.argsort "ascending", %a, 0, %scratch {fxlower.unsigned} : (tensor<4x8xf32>, tensor<2x8xi64>) -> tensor<4x8xi64>
  %largest = fxt.cumargmax %a, 1 : (tensor<4x8xf32>) -> tensor<4x8xi64>
  %smallest = fxt.cumargmin %a, 0 : (tensor<4x8xf32>) -> tensor<4x8xi64>
  %log = fxt.cumlogaddexp %a, 0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return
}

// CHECK-LABEL: func.func @indexing
// CHECK-NEXT:    %valid = fxt.normalize_index 9 : i64, %i : tensor<4xi64>
// CHECK-NEXT:    %column = fxt.iota 1 : tensor<4x8xi64>
// CHECK-NEXT:    %rows = fxt.gather %table[%row, %column] : (tensor<9x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<4x8xf32>
// CHECK-NEXT:    %added = fxt.scatter "add", %table, %updates, array<i64: 0>[%valid] : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4xi64>) -> tensor<9x8xf32>
func.func @indexing(%table: tensor<9x8xf32>, %i: tensor<4xi64>, %row: tensor<4x8xi64>, %updates: tensor<4x8xf32>) {
  %valid = fxt.normalize_index 9 : i64, %i : tensor<4xi64>
  %column = fxt.iota 1 : tensor<4x8xi64>
  %rows = fxt.gather %table[%row, %column] : (tensor<9x8xf32>, tensor<4x8xi64>, tensor<4x8xi64>) -> tensor<4x8xf32>
  %added = fxt.scatter "add", %table, %updates, array<i64: 0>[%valid] : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4xi64>) -> tensor<9x8xf32>
  func.return
}

// CHECK-LABEL: func.func @joining
// CHECK-NEXT:    %joined = fxt.concat 1(%a, %b) : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<4x10xf32>
// CHECK-NEXT:    %padded = fxt.pad %a, 0.000000e+00 : f32, [0 : i64, 1 : i64] : (tensor<4x8xf32>) -> tensor<4x10xf32>
func.func @joining(%a: tensor<4x8xf32>, %b: tensor<4x2xf32>) {
  %joined = fxt.concat 1(%a, %b) : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<4x10xf32>
  %padded = fxt.pad %a, 0.000000e+00 : f32, [0 : i64, 1 : i64] : (tensor<4x8xf32>) -> tensor<4x10xf32>
  func.return
}

// CHECK-LABEL: func.func @products
// CHECK-NEXT:    %p = fxt.matmul %a, %b : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT:    %q = fxt.matmul %c, %d : (tensor<5x4x8xf32>, tensor<5x8x2xf32>) -> tensor<5x4x2xf32>
// CHECK-NEXT:    %r = fxt.matmul %e, %f : (tensor<4x8xui8>, tensor<8x2xi8>) -> tensor<4x2xi32>
func.func @products(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>, %c: tensor<5x4x8xf32>, %d: tensor<5x8x2xf32>, %e: tensor<4x8xui8>, %f: tensor<8x2xi8>) {
  %p = fxt.matmul %a, %b : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  %q = fxt.matmul %c, %d : (tensor<5x4x8xf32>, tensor<5x8x2xf32>) -> tensor<5x4x2xf32>
  %r = fxt.matmul %e, %f : (tensor<4x8xui8>, tensor<8x2xi8>) -> tensor<4x2xi32>
  func.return
}

// CHECK-LABEL: func.func @fallback
// CHECK-NEXT:    %sorted, %order = fxt.aten "aten.sort.default", 3(%a) {strides = [[8 : i64, 1 : i64], [8 : i64, 1 : i64]]} : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>)
func.func @fallback(%a: tensor<4x8xf32>) {
  %sorted, %order = fxt.aten "aten.sort.default", 3(%a) {strides = [[8 : i64, 1 : i64], [8 : i64, 1 : i64]]} : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>)
  func.return
}
