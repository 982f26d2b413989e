// RUN: fxlower-opt -p canonicalize-fxt %s | filecheck %s

// CHECK-LABEL: func.func @same_type(
// CHECK-NEXT:    func.return %x : tensor<4xf32>
func.func @same_type(%x: tensor<4xf32>) -> tensor<4xf32> {
  %r = fxt.cast %x : (tensor<4xf32>) -> tensor<4xf32>
  func.return %r : tensor<4xf32>
}

// An inner cast that keeps every value can be left out.

// CHECK-LABEL: func.func @exact_inner(
// CHECK-NEXT:    %a = fxt.cast %x : (tensor<4xbf16>) -> tensor<4xf64>
// CHECK-NEXT:    %c = fxt.cast %i : (tensor<4xi8>) -> tensor<4xi64>
// CHECK-NEXT:    func.return %a, %c, %b : tensor<4xf64>, tensor<4xi64>, tensor<4xi1>
func.func @exact_inner(%x: tensor<4xbf16>, %i: tensor<4xi8>, %b: tensor<4xi1>) -> (tensor<4xf64>, tensor<4xi64>, tensor<4xi1>) {
  %f = fxt.cast %x : (tensor<4xbf16>) -> tensor<4xf32>
  %a = fxt.cast %f : (tensor<4xf32>) -> tensor<4xf64>
  %g = fxt.cast %i : (tensor<4xi8>) -> tensor<4xf32>
  %c = fxt.cast %g : (tensor<4xf32>) -> tensor<4xi64>
  %h = fxt.cast %b : (tensor<4xi1>) -> tensor<4xi64>
  %d = fxt.cast %h : (tensor<4xi64>) -> tensor<4xi1>
  func.return %a, %c, %d : tensor<4xf64>, tensor<4xi64>, tensor<4xi1>
}

// Not the value: the value before it was rounded, as in every fused kernel.

// CHECK-LABEL: func.func @low_precision_round_trip(
// CHECK-NEXT:    %n = fxt.cast %x : (tensor<4xf32>) -> tensor<4xbf16>
// CHECK-NEXT:    func.return %x, %n : tensor<4xf32>, tensor<4xbf16>
func.func @low_precision_round_trip(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xbf16>) {
  %n = fxt.cast %x : (tensor<4xf32>) -> tensor<4xbf16>
  %r = fxt.cast %n : (tensor<4xbf16>) -> tensor<4xf32>
  func.return %r, %n : tensor<4xf32>, tensor<4xbf16>
}

// CHECK-LABEL: func.func @keep_double_round_trip(
// CHECK-NEXT:    %n = fxt.cast %x : (tensor<4xf64>) -> tensor<4xf32>
// CHECK-NEXT:    %r = fxt.cast %n : (tensor<4xf32>) -> tensor<4xf64>
// CHECK-NEXT:    func.return %r : tensor<4xf64>
func.func @keep_double_round_trip(%x: tensor<4xf64>) -> tensor<4xf64> {
  %n = fxt.cast %x : (tensor<4xf64>) -> tensor<4xf32>
  %r = fxt.cast %n : (tensor<4xf32>) -> tensor<4xf64>
  func.return %r : tensor<4xf64>
}

// CHECK-LABEL: func.func @integers_wrap(
// CHECK-NEXT:    %n = fxt.cast %x : (tensor<4xi64>) -> tensor<4xi32>
// CHECK-NEXT:    %a = fxt.cast %x : (tensor<4xi64>) -> tensor<4xi8>
// CHECK-NEXT:    %b = fxt.cast %n : (tensor<4xi32>) -> tensor<4xi64>
// CHECK-NEXT:    func.return %a, %b : tensor<4xi8>, tensor<4xi64>
func.func @integers_wrap(%x: tensor<4xi64>) -> (tensor<4xi8>, tensor<4xi64>) {
  %n = fxt.cast %x : (tensor<4xi64>) -> tensor<4xi32>
  %a = fxt.cast %n : (tensor<4xi32>) -> tensor<4xi8>
  %b = fxt.cast %n : (tensor<4xi32>) -> tensor<4xi64>
  func.return %a, %b : tensor<4xi8>, tensor<4xi64>
}

// 2 is true, and true is 1.

// CHECK-LABEL: func.func @keep_cast_to_bool(
// CHECK-NEXT:    %n = fxt.cast %x : (tensor<4xi64>) -> tensor<4xi1>
// CHECK-NEXT:    %r = fxt.cast %n : (tensor<4xi1>) -> tensor<4xi64>
// CHECK-NEXT:    func.return %r : tensor<4xi64>
func.func @keep_cast_to_bool(%x: tensor<4xi64>) -> tensor<4xi64> {
  %n = fxt.cast %x : (tensor<4xi64>) -> tensor<4xi1>
  %r = fxt.cast %n : (tensor<4xi1>) -> tensor<4xi64>
  func.return %r : tensor<4xi64>
}

// CHECK-LABEL: func.func @bitcasts(
// CHECK-NEXT:    %i = fxt.bitcast %x : (tensor<4xf32>) -> tensor<4xi32>
// CHECK-NEXT:    func.return %x, %i : tensor<4xf32>, tensor<4xi32>
func.func @bitcasts(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xi32>) {
  %i = fxt.bitcast %x : (tensor<4xf32>) -> tensor<4xi32>
  %a = fxt.bitcast %i : (tensor<4xi32>) -> tensor<4xf32>
  %b = fxt.bitcast %i : (tensor<4xi32>) -> tensor<4xi32>
  func.return %a, %b : tensor<4xf32>, tensor<4xi32>
}
