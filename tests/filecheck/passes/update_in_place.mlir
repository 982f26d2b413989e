// RUN: fxlower-opt -p update-in-place --split-input-file %s | filecheck %s

// The old value is read only where the new one is written: both are one buffer.
func.func @main(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.call @add_1(%y, %x) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
func.func private @add_1(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%a, %b : tensor<4x8xf32>, tensor<4x8xf32>) outs(%init : tensor<4x8xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %e = arith.addf %x, %y : f32
    linalg.yield %e : f32
  } -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0 = fxt.call @[[ADD:add_[0-9a-f]*]](%y, %x) {inplace = array<i64: 1>} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT:    func.return %0 : tensor<4x8xf32>
// CHECK-LABEL: func.func private @add_
// CHECK-SAME:    (%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) -> (tensor<4x8xf32> {fxt.inplace = 1 : i64}) attributes {fxlower.kernel = "loops"}

// -----

// The old value is read elsewhere than at the point that is written.
func.func @main(%x: tensor<4x4xf32>) -> (tensor<4x4xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.call @transpose_1(%x) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return %0 : tensor<4x4xf32>
}
func.func private @transpose_1(%a: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4x4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x4xf32>) outs(%init : tensor<4x4xf32>) {
  ^bb0(%x: f32, %y: f32):
    linalg.yield %x : f32
  } -> tensor<4x4xf32>
  func.return %0 : tensor<4x4xf32>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0 = fxt.call @transpose_1(%x) : (tensor<4x4xf32>) -> tensor<4x4xf32>

// -----

// A row that a later phase reads is not overwritten in the phase before it; in the last one it is.
func.func @main(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32> {fxt.mutates = 0 : i64}) {
  %0, %1 = fxt.call @early_1(%x, %y) : (tensor<4x8xf32>, tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
  func.return %1, %0 : tensor<4x8xf32>, tensor<4x8xf32>
}
func.func @last(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32> {fxt.mutates = 0 : i64}) {
  %0, %1 = fxt.call @early_1(%x, %y) : (tensor<4x8xf32>, tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>)
  func.return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}
func.func private @early_1(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4x8xf32>
  %first = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%b : tensor<4x8xf32>) outs(%init : tensor<4x8xf32>) {
  ^bb0(%x: f32, %y: f32):
    %e = arith.negf %x : f32
    linalg.yield %e : f32
  } -> tensor<4x8xf32>
  %empty = tensor.empty() : tensor<4xf32>
  %c = arith.constant 0.0 : f32
  %zero = linalg.fill ins(%c : f32) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  %sum = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%a : tensor<4x8xf32>) outs(%zero : tensor<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %e = arith.addf %y, %x : f32
    linalg.yield %e : f32
  } -> tensor<4xf32>
  %last = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%a, %sum : tensor<4x8xf32>, tensor<4xf32>) outs(%init : tensor<4x8xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %e = arith.divf %x, %y : f32
    linalg.yield %e : f32
  } -> tensor<4x8xf32>
  func.return %first, %last : tensor<4x8xf32>, tensor<4x8xf32>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0, %1 = fxt.call @early_1(%x, %y) : (tensor<4x8xf32>, tensor<4x8xf32>)
// CHECK-LABEL: func.func @last
// CHECK-NEXT:    %0, %1 = fxt.call @early_{{[0-9a-f]+}}(%x, %y) {inplace = array<i64: -1, 0>} : (tensor<4x8xf32>, tensor<4x8xf32>)

// -----

// Memory that the kernel does not read becomes an argument. What reads the old value goes first. Of
// two that need each other's old value one is written in place, and the host copies the other.
func.func @order(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.call @neg_1(%y) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = fxt.call @neg_1(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %1, %0 : tensor<4xf32>, tensor<4xf32>
}
func.func @swap(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32> {fxt.mutates = 0 : i64}, tensor<4xf32> {fxt.mutates = 1 : i64}) {
  %0 = fxt.call @neg_1(%y) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = fxt.call @neg_1(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
func.func private @neg_1(%a: tensor<4xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a : tensor<4xf32>) outs(%init : tensor<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %e = arith.negf %x : f32
    linalg.yield %e : f32
  } -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
// CHECK-LABEL: func.func @order
// CHECK-NEXT:    %0 = fxt.call @neg_1(%x) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %1 = fxt.call @neg_{{[0-9a-f]+}}(%y, %x) {inplace = array<i64: 1>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %0, %1 : tensor<4xf32>, tensor<4xf32>
// CHECK-LABEL: func.func @swap
// CHECK-NEXT:    %0 = fxt.call @neg_1(%x) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    %1 = fxt.call @neg_{{[0-9a-f]+}}(%y, %x) {inplace = array<i64: 1>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:    func.return %1, %0 : tensor<4xf32>, tensor<4xf32>
// CHECK-LABEL: func.func private @neg_1(%a: tensor<4xf32>) -> tensor<4xf32>
// CHECK:       func.func private @neg_{{[0-9a-f]+}}(%a: tensor<4xf32>, %0: tensor<4xf32>) -> (tensor<4xf32> {fxt.inplace = 1 : i64})

// -----

// A result that is returned as well is stored twice.
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.call @neg_1(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %0, %0 : tensor<4xf32>, tensor<4xf32>
}
func.func private @neg_1(%a: tensor<4xf32>) -> tensor<4xf32> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a : tensor<4xf32>) outs(%init : tensor<4xf32>) {
  ^bb0(%x: f32, %y: f32):
    %e = arith.negf %x : f32
    linalg.yield %e : f32
  } -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0, %1 = fxt.call @neg_{{[0-9a-f]+}}(%x) {inplace = array<i64: -1, 0>} : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
// CHECK-NEXT:    func.return %0, %1 : tensor<4xf32>, tensor<4xf32>
// CHECK-LABEL: func.func private @neg_
// CHECK-SAME:    (%a: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32> {fxt.inplace = 0 : i64})
// CHECK:         func.return %0, %0 : tensor<4xf32>, tensor<4xf32>

// -----

// Slices of the argument stay where they are; the one between them is written where it goes by the
// kernel that makes it, which thereby gets other strides.
func.func @main(%x: tensor<4x8xf32>, %y: tensor<4x2xf32>) -> (tensor<4x8xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.slice %x, [0, 0], array<i64: 1, 1> : (tensor<4x8xf32>) -> tensor<4x5xf32>
  %1 = fxt.call @neg_1(%y) : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = fxt.slice %x, [0, 7], array<i64: 1, 1> : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %3 = fxt.call @concat_1(%0, %1, %2) : (tensor<4x5xf32>, tensor<4x2xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  func.return %3 : tensor<4x8xf32>
}
func.func private @neg_1(%a: tensor<4x2xf32>) -> tensor<4x2xf32> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4x2xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x2xf32>) outs(%init : tensor<4x2xf32>) {
  ^bb0(%x: f32, %y: f32):
    %e = arith.negf %x : f32
    linalg.yield %e : f32
  } -> tensor<4x2xf32>
  func.return %0 : tensor<4x2xf32>
}
func.func private @concat_1(%0: tensor<4x5xf32> {fxt.strides = [8, 1]}, %1: tensor<4x2xf32>, %2: tensor<4x1xf32> {fxt.strides = [8, 1]}) -> tensor<4x8xf32> attributes {fxlower.kernel = "loops"} {
  %3 = tensor.empty() : tensor<4x8xf32>
  %4 = tensor.empty() : tensor<4x5xf32>
  %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<4x5xf32>) outs(%4 : tensor<4x5xf32>) {
  ^bb0(%6: f32, %7: f32):
    linalg.yield %6 : f32
  } -> tensor<4x5xf32>
  %8 = tensor.insert_slice %5 into %3[0, 0] [4, 5] [1, 1] : tensor<4x5xf32> into tensor<4x8xf32>
  %9 = tensor.empty() : tensor<4x2xf32>
  %10 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<4x2xf32>) outs(%9 : tensor<4x2xf32>) {
  ^bb0(%11: f32, %12: f32):
    linalg.yield %11 : f32
  } -> tensor<4x2xf32>
  %13 = tensor.insert_slice %10 into %8[0, 5] [4, 2] [1, 1] : tensor<4x2xf32> into tensor<4x8xf32>
  %14 = tensor.empty() : tensor<4x1xf32>
  %15 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%2 : tensor<4x1xf32>) outs(%14 : tensor<4x1xf32>) {
  ^bb0(%16: f32, %17: f32):
    linalg.yield %16 : f32
  } -> tensor<4x1xf32>
  %18 = tensor.insert_slice %15 into %13[0, 7] [4, 1] [1, 1] : tensor<4x1xf32> into tensor<4x8xf32>
  func.return %18 : tensor<4x8xf32>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0 = fxt.slice %x, [0 : i64, 5 : i64], array<i64: 1, 1> : (tensor<4x8xf32>) -> tensor<4x2xf32>
// CHECK-NEXT:    %1 = fxt.call @neg_{{[0-9a-f]+}}(%y, %0) {strides = [[8 : i64, 1 : i64]], inplace = array<i64: 1>} : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT:    %2 = fxt.slice %x
// CHECK-NEXT:    %3 = fxt.slice %x
// CHECK-NEXT:    %4 = fxt.call @concat_{{[0-9a-f]+}}(%2, %1, %3, %x) {inplace = array<i64: 3>}
// CHECK-NEXT:    func.return %4 : tensor<4x8xf32>
// CHECK-LABEL: func.func private @neg_
// CHECK-SAME:    -> (tensor<4x2xf32> {fxt.strides = [8 : i64, 1 : i64], fxt.inplace = 1 : i64})
// CHECK-LABEL: func.func private @concat_
// CHECK-SAME:    -> (tensor<4x8xf32> {fxt.inplace = 3 : i64})
// CHECK-NEXT:    func.return %3 : tensor<4x8xf32>

// -----

// A scatter into the argument; what checks its indices goes before it.
func.func @main(%x: tensor<9x8xf32>, %u: tensor<4x8xf32>, %i: tensor<4xi64>) -> (tensor<9x8xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.call @check_1(%i) : (tensor<4xi64>) -> tensor<4xi64>
  %1 = fxt.call @scatter_1(%x, %u, %0) : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4xi64>) -> tensor<9x8xf32>
  func.return %1 : tensor<9x8xf32>
}
func.func private @check_1(%a: tensor<4xi64>) -> tensor<4xi64> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4xi64>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a : tensor<4xi64>) outs(%init : tensor<4xi64>) {
  ^bb0(%x: i64, %y: i64):
    %e = fxt.normalize_index 9, %x : i64
    linalg.yield %e : i64
  } -> tensor<4xi64>
  func.return %0 : tensor<4xi64>
}
func.func private @scatter_1(%dest: tensor<9x8xf32>, %updates: tensor<4x8xf32>, %i: tensor<4xi64>) -> tensor<9x8xf32> attributes {fxlower.kernel = "scatter"} {
  %r = fxt.scatter "add", %dest, %updates, array<i64: 0>[%i] : (tensor<9x8xf32>, tensor<4x8xf32>, tensor<4xi64>) -> tensor<9x8xf32>
  func.return %r : tensor<9x8xf32>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0 = fxt.call @check_1(%i)
// CHECK-NEXT:    %1 = fxt.call @scatter_{{[0-9a-f]+}}(%x, %u, %0) {inplace = array<i64: 0>}

// -----

// A kernel that traps half way would have changed the argument.
func.func @main(%x: tensor<4xi64>) -> (tensor<4xi64> {fxt.mutates = 0 : i64}) {
  %0 = fxt.call @check_1(%x) : (tensor<4xi64>) -> tensor<4xi64>
  func.return %0 : tensor<4xi64>
}
func.func private @check_1(%a: tensor<4xi64>) -> tensor<4xi64> attributes {fxlower.kernel = "loops"} {
  %init = tensor.empty() : tensor<4xi64>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a : tensor<4xi64>) outs(%init : tensor<4xi64>) {
  ^bb0(%x: i64, %y: i64):
    %e = fxt.normalize_index 9, %x : i64
    linalg.yield %e : i64
  } -> tensor<4xi64>
  func.return %0 : tensor<4xi64>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %0 = fxt.call @check_1(%x) : (tensor<4xi64>) -> tensor<4xi64>

// -----

// Elements of the argument that share memory; an old value that is returned.
func.func @shared(%x: tensor<4x4xf32> {fxt.strides = [2, 1]}) -> (tensor<4x4xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.call @neg_1(%x) {strides = [[2, 1]]} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return %0 : tensor<4x4xf32>
}
func.func @old(%x: tensor<4x4xf32> {fxt.strides = [4, 1]}) -> (tensor<4x4xf32> {fxt.mutates = 0 : i64}, tensor<4x4xf32>) {
  %0 = fxt.call @neg_1(%x) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return %0, %x : tensor<4x4xf32>, tensor<4x4xf32>
}
func.func private @neg_1(%a: tensor<4x4xf32> {fxt.strides = [2, 1]}) -> tensor<4x4xf32> attributes {fxlower.kernel = "loops"} {
  func.return %a : tensor<4x4xf32>
}
// CHECK-LABEL: func.func @shared
// CHECK-NEXT:    %0 = fxt.call @neg_1(%x) {strides = {{.*}}} : (tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-LABEL: func.func @old
// CHECK-NEXT:    %0 = fxt.call @neg_1(%x) : (tensor<4x4xf32>) -> tensor<4x4xf32>
