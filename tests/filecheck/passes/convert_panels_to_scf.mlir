// RUN: fxlower-opt -p convert-panels-to-scf --verify-each --split-input-file %s | filecheck %s

func.func private @pack(%w: tensor<90x70xf32>) -> tensor<2x70x48xf32> attributes {fxlower.kernel = "pack"} {
  %p = tile.to_panels %w, 0, 1 : tensor<90x70xf32> -> tensor<2x70x48xf32>
  func.return %p : tensor<2x70x48xf32>
}

// CHECK-LABEL: func.func private @pack(%w: memref<90x70xf32>, %out: memref<2x70x48xf32>)
// CHECK:         "scf.parallel"
// CHECK:         ^bb0(%panel: index):
// CHECK:           %matrix = memref.reinterpret_cast %w to offset: [0], sizes: [90, 70], strides: [70, 1]
// CHECK:           %panel_1 = memref.reinterpret_cast %out to offset: [%{{.*}}], sizes: [1, 70, 48], strides: [3360, 48, 1]
// CHECK:           arith.minsi
// CHECK:           tile.pack %matrix[%{{.*}}, %c0] bounds %{{.*}}, %c70 into %panel_1

// -----

// Transposed and with a batch, from strides: lanes are dim 2, which divides.
func.func private @batch(%w: tensor<3x70x64xf32> {fxt.strides = [64, 192, 1]}) -> tensor<3x2x70x32xf32> attributes {fxlower.kernel = "pack"} {
  %p = tile.to_panels %w, 2, 1 : tensor<3x70x64xf32> -> tensor<3x2x70x32xf32>
  func.return %p : tensor<3x2x70x32xf32>
}

// CHECK-LABEL: func.func private @batch
// CHECK:           arith.remui
// CHECK:           %matrix = memref.reinterpret_cast %w to offset: [%{{.*}}], sizes: [64, 70], strides: [1, 192]
// CHECK-NOT:       arith.minsi
// CHECK:           tile.pack %matrix[%{{.*}}, %c0] bounds %c32, %c70 into
