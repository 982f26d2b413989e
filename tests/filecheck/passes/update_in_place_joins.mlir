// RUN: fxlower-opt -p update-in-place --split-input-file %s | filecheck %s

// The kernel that joins the slices makes the one that is new from the old one, and returns it, too:
// it is stored at its place, the copies are left out, and the whole is the argument.
func.func @main(%x: tensor<4x8xf32>) -> (tensor<4x2xf32>, tensor<4x8xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.slice %x, [0, 0], array<i64: 1, 1> : (tensor<4x8xf32>) -> tensor<4x6xf32>
  %1 = fxt.slice %x, [0, 6], array<i64: 1, 1> : (tensor<4x8xf32>) -> tensor<4x2xf32>
  %2, %3 = fxt.call @join_1(%0, %1) : (tensor<4x6xf32>, tensor<4x2xf32>) -> (tensor<4x8xf32>, tensor<4x2xf32>)
  func.return %3, %2 : tensor<4x2xf32>, tensor<4x8xf32>
}
func.func private @join_1(%a: tensor<4x6xf32> {fxt.strides = [8, 1]}, %b: tensor<4x2xf32> {fxt.strides = [8, 1]}) -> (tensor<4x8xf32>, tensor<4x2xf32>) attributes {fxlower.kernel = "loops"} {
  %whole = tensor.empty() : tensor<4x8xf32>
  %init0 = tensor.empty() : tensor<4x6xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<4x6xf32>) outs(%init0 : tensor<4x6xf32>) {
  ^bb0(%x: f32, %y: f32):
    linalg.yield %x : f32
  } -> tensor<4x6xf32>
  %1 = tensor.insert_slice %0 into %whole[0, 0] [4, 6] [1, 1] : tensor<4x6xf32> into tensor<4x8xf32>
  %init1 = tensor.empty() : tensor<4x2xf32>
  %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%b : tensor<4x2xf32>) outs(%init1 : tensor<4x2xf32>) {
  ^bb0(%x: f32, %y: f32):
    %e = arith.negf %x : f32
    linalg.yield %e : f32
  } -> tensor<4x2xf32>
  %3 = tensor.insert_slice %2 into %1[0, 6] [4, 2] [1, 1] : tensor<4x2xf32> into tensor<4x8xf32>
  func.return %3, %2 : tensor<4x8xf32>, tensor<4x2xf32>
}
// CHECK-LABEL: func.func @main
// CHECK:         %2, %3, %4 = fxt.call @join_{{[0-9a-f]+}}(%0, %1, %x) {strides = {{.*}}, inplace = array<i64: 2, -1, 1>}
// CHECK-NEXT:    func.return %3, %2
// CHECK-LABEL: func.func private @join_
// CHECK-SAME:    (%a: tensor<4x6xf32> {{.*}}, %b: tensor<4x2xf32> {{.*}}, %0: tensor<4x8xf32>) -> (tensor<4x8xf32> {fxt.inplace = 2 : i64}, tensor<4x2xf32>, tensor<4x2xf32> {{{.*}}fxt.inplace = 1 : i64})
// CHECK-NEXT:    tensor.empty
// CHECK-NEXT:    linalg.generic
// CHECK:           arith.negf
// CHECK:         func.return %0, %1, %1 : tensor<4x8xf32>, tensor<4x2xf32>, tensor<4x2xf32>

// -----

// A nest reads, at other points, what one before it would overwrite; or what it reads is no slice at
// the place of one that is joined.
func.func @main(%x: tensor<4x3xf32>) -> (tensor<4x3xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.slice %x, [0, 0], array<i64: 1, 1> : (tensor<4x3xf32>) -> tensor<1x3xf32>
  %1 = fxt.reshape %0 : (tensor<1x3xf32>) -> tensor<3xf32>
  %2 = fxt.call @rows_1(%1) : (tensor<3xf32>) -> tensor<4x3xf32>
  func.return %2 : tensor<4x3xf32>
}
func.func @moved(%x: tensor<4x3xf32>) -> (tensor<4x3xf32> {fxt.mutates = 0 : i64}) {
  %0 = fxt.slice %x, [3, 0], array<i64: 1, 1> : (tensor<4x3xf32>) -> tensor<1x3xf32>
  %1 = fxt.reshape %0 : (tensor<1x3xf32>) -> tensor<3xf32>
  %2 = fxt.call @rows_1(%1) : (tensor<3xf32>) -> tensor<4x3xf32>
  func.return %2 : tensor<4x3xf32>
}
func.func private @rows_1(%a: tensor<3xf32>) -> tensor<4x3xf32> attributes {fxlower.kernel = "loops"} {
  %whole = tensor.empty() : tensor<4x3xf32>
  %init0 = tensor.empty() : tensor<3xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a : tensor<3xf32>) outs(%init0 : tensor<3xf32>) {
  ^bb0(%x: f32, %y: f32):
    %e = arith.negf %x : f32
    linalg.yield %e : f32
  } -> tensor<3xf32>
  %1 = tensor.insert_slice %0 into %whole[0, 0] [1, 3] [1, 1] : tensor<3xf32> into tensor<4x3xf32>
  %init1 = tensor.empty() : tensor<3x3xf32>
  %2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<3xf32>) outs(%init1 : tensor<3x3xf32>) {
  ^bb0(%x: f32, %y: f32):
    linalg.yield %x : f32
  } -> tensor<3x3xf32>
  %3 = tensor.insert_slice %2 into %1[1, 0] [3, 3] [1, 1] : tensor<3x3xf32> into tensor<4x3xf32>
  func.return %3 : tensor<4x3xf32>
}
// CHECK-LABEL: func.func @main
// CHECK:         %2 = fxt.call @rows_1(%1) : (tensor<3xf32>) -> tensor<4x3xf32>
// CHECK-LABEL: func.func @moved
// CHECK:         %2 = fxt.call @rows_1(%1) : (tensor<3xf32>) -> tensor<4x3xf32>
