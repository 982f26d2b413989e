// RUN: fxlower-opt -p form-kernels %s | filecheck %s

// Each operand is widened by its own sign.

// CHECK-LABEL: func.func @main(%a: tensor<8x16xi8>, %b: tensor<16x4xi8>) -> tensor<8x4xi32> {
// CHECK-NEXT:    %0 = fxt.call @matmul_{{[0-9a-f]+}}(%a, %b) : (tensor<8x16xi8>, tensor<16x4xi8>) -> tensor<8x4xi32>
// CHECK-NEXT:    func.return %0 : tensor<8x4xi32>
// CHECK-NEXT:  }
// CHECK-LABEL: func.func private @matmul_{{[0-9a-f]+}}(%0: tensor<8x16xi8>, %1: tensor<16x4xi8>) -> tensor<8x4xi32> attributes {fxlower.kernel = "contraction", fxlower.ops = "matmul", fxlower.shape = "8x4[16]"} {
// CHECK-NEXT:    %2 = tensor.empty() : tensor<8x4xi32>
// CHECK-NEXT:    %3 = arith.constant 0 : i32
// CHECK-NEXT:    %4 = linalg.fill ins(%3 : i32) outs(%2 : tensor<8x4xi32>) -> tensor<8x4xi32>
// CHECK-NEXT:    %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<8x16xi8>, tensor<16x4xi8>) outs(%4 : tensor<8x4xi32>) {
// CHECK-NEXT:    ^bb0(%6: i8, %7: i8, %8: i32):
// CHECK-NEXT:      %9 = arith.extui %6 : i8 to i32
// CHECK-NEXT:      %10 = arith.extsi %7 : i8 to i32
// CHECK-NEXT:      %11 = arith.muli %9, %10 : i32
// CHECK-NEXT:      %12 = arith.addi %8, %11 : i32
// CHECK-NEXT:      linalg.yield %12 : i32
// CHECK-NEXT:    } -> tensor<8x4xi32>
// CHECK-NEXT:    func.return %5 : tensor<8x4xi32>
// CHECK-NEXT:  }
func.func @main(%a: tensor<8x16xui8>, %b: tensor<16x4xi8>) -> tensor<8x4xi32> {
  %0 = fxt.matmul %a, %b : (tensor<8x16xui8>, tensor<16x4xi8>) -> tensor<8x4xi32>
  func.return %0 : tensor<8x4xi32>
}
