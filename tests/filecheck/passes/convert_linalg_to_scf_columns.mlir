// RUN: fxlower-opt --machine x86-64-v4 -p choose-schedule,convert-linalg-to-scf %s | filecheck %s

// A long body over columns runs along the rows, with the sums of a strip in the scratchpad.
func.func private @gradient(%x: tensor<24x1024xf32>) -> (tensor<24x1024xf32>, tensor<1024xf32>) attributes {fxlower.kernel = "loops"} {
  %zero = arith.constant 0.000000e+00 : f32
  %0 = tensor.empty() : tensor<24x1024xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d1, d0)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<24x1024xf32>) outs(%0 : tensor<24x1024xf32>) {
  ^bb0(%a: f32, %o: f32):
    %e = math.erf %a : f32
    %s = math.sin %e : f32
    linalg.yield %s : f32
  } -> tensor<24x1024xf32>
  %2 = tensor.empty() : tensor<1024xf32>
  %3 = linalg.fill ins(%zero : f32) outs(%2 : tensor<1024xf32>) -> tensor<1024xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%1 : tensor<24x1024xf32>) outs(%3 : tensor<1024xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %s = arith.addf %acc, %a : f32
    linalg.yield %s : f32
  } -> tensor<1024xf32>
  func.return %1, %4 : tensor<24x1024xf32>, tensor<1024xf32>
}

// CHECK-LABEL: func.func private @gradient(%x: memref<24x1024xf32>, %out0: memref<24x1024xf32>, %out1: memref<1024xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:      %c256 = arith.constant 256 : index
// CHECK-NEXT:      %zero = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:      %c1 = arith.constant 1 : index
// CHECK-NEXT:      %c0 = arith.constant 0 : index
// CHECK-NEXT:      %c24 = arith.constant 24 : index
// CHECK-NEXT:      %c4 = arith.constant 4 : index
// CHECK-NEXT:      "scf.parallel"(%c0, %c4, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:      ^bb0(%0: index):
// CHECK-NEXT:        %1 = arith.muli %0, %c256 : index
// CHECK-NEXT:        %2 = arith.addi %1, %c256 : index
// CHECK-NEXT:        %sums = memref.alloca() {alignment = 64 : i64} : memref<256xf32>
// CHECK-NEXT:        scf.for %3 = %1 to %2 step %c1 {
// CHECK-NEXT:          %4 = arith.subi %3, %1 : index
// CHECK-NEXT:          memref.store %zero, %sums[%4] : memref<256xf32>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:        scf.for %5 = %c0 to %c24 step %c1 {
// CHECK-NEXT:          scf.for %6 = %1 to %2 step %c1 {
// CHECK-NEXT:            %7 = arith.subi %6, %1 : index
// CHECK-NEXT:            %8 = memref.load %sums[%7] : memref<256xf32>
// CHECK-NEXT:            %x_1 = memref.load %x[%5, %6] : memref<24x1024xf32>
// CHECK-NEXT:            %e = math.erf %x_1 : f32
// CHECK-NEXT:            %s = math.sin %e : f32
// CHECK-NEXT:            memref.store %s, %out0[%5, %6] : memref<24x1024xf32>
// CHECK-NEXT:            %s_1 = arith.addf %8, %s : f32
// CHECK-NEXT:            memref.store %s_1, %sums[%7] : memref<256xf32>
// CHECK-NEXT:          } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:        }
// CHECK-NEXT:        scf.for %9 = %1 to %2 step %c1 {
// CHECK-NEXT:          %10 = arith.subi %9, %1 : index
// CHECK-NEXT:          %11 = memref.load %sums[%10] : memref<256xf32>
// CHECK-NEXT:          memref.store %11, %out1[%9] : memref<1024xf32>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:        scf.reduce
// CHECK-NEXT:      }) {fxlower.grain = 3 : i64} : (index, index, index) -> ()
// CHECK-NEXT:      func.return
// CHECK-NEXT:    }
// CHECK-NEXT:  }
