// RUN: fxlower-opt -p form-kernels %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func @short_and_of_symbolic_size(%x: tensor<8x16xf32>, %y: tensor<2x?x8xi8, [2 : i64, "s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"}) -> (tensor<8x3xi64>, tensor<2x?x8xi64, [2 : i64, "s0", 8 : i64]>) {
// CHECK-NEXT:      %0 = fxt.call @argsort_{{[0-9a-f]+}}(%x) : (tensor<8x16xf32>) -> tensor<8x3xi64>
// CHECK-NEXT:      %1, %2 = fxt.call @argsort_{{[0-9a-f]+}}(%y, %s0) : (tensor<2x?x8xi8, [2 : i64, "s0", 8 : i64]>, index) -> (tensor<2x?x8xi64, [2 : i64, "s0", 8 : i64]>, tensor<4x?xi64, [4 : i64, "2*s0"]>)
// CHECK-NEXT:      func.return %0, %1 : tensor<8x3xi64>, tensor<2x?x8xi64, [2 : i64, "s0", 8 : i64]>
// CHECK-NEXT:    }
// CHECK-LABEL: func.func private @argsort_{{[0-9a-f]+}}(%0: tensor<8x16xf32>) -> tensor<8x3xi64> attributes {fxlower.kernel = "sort", fxlower.ops = "argsort", fxlower.shape = "8x3"} {
// CHECK-NEXT:      %1 = fxt.argsort "ascending", %0, 1 : (tensor<8x16xf32>) -> tensor<8x3xi64>
// CHECK-NEXT:      func.return %1 : tensor<8x3xi64>
// CHECK-NEXT:    }
// CHECK-LABEL: func.func private @argsort_{{[0-9a-f]+}}(%0: tensor<2x?x8xi8, [2 : i64, "d0", 8 : i64]>, %d0: index {fxt.symbol = "d0"}) -> (tensor<2x?x8xi64, [2 : i64, "d0", 8 : i64]>, tensor<4x?xi64, [4 : i64, "2*d0"]>) attributes {fxlower.kernel = "sort", fxlower.ops = "argsort", fxlower.shape = "2xd0x8"} {
// CHECK-NEXT:      %c2 = arith.constant 2 : index
// CHECK-NEXT:      %1 = arith.muli %c2, %d0 : index
// CHECK-NEXT:      %2 = tensor.empty(%1) : tensor<4x?xi64, [4 : i64, "2*d0"]>
// CHECK-NEXT:      %3 = fxt.argsort "descending", %0, 1, %2 {fxlower.unsigned} : (tensor<2x?x8xi8, [2 : i64, "d0", 8 : i64]>, tensor<4x?xi64, [4 : i64, "2*d0"]>) -> tensor<2x?x8xi64, [2 : i64, "d0", 8 : i64]>
// CHECK-NEXT:      func.return %3, %2 : tensor<2x?x8xi64, [2 : i64, "d0", 8 : i64]>, tensor<4x?xi64, [4 : i64, "2*d0"]>
// CHECK-NEXT:    }
func.func @short_and_of_symbolic_size(%x: tensor<8x16xf32>, %y: tensor<2x?x8xui8, [2 : i64, "s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"}) -> (tensor<8x3xi64>, tensor<2x?x8xi64, [2 : i64, "s0", 8 : i64]>) {
  %0 = fxt.argsort "ascending", %x, 1 : (tensor<8x16xf32>) -> tensor<8x3xi64>
  %1 = fxt.argsort "descending", %y, 1 : (tensor<2x?x8xui8, [2 : i64, "s0", 8 : i64]>) -> tensor<2x?x8xi64, [2 : i64, "s0", 8 : i64]>
  func.return %0, %1 : tensor<8x3xi64>, tensor<2x?x8xi64, [2 : i64, "s0", 8 : i64]>
}

}
