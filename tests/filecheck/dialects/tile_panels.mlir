// RUN: fxlower-opt %s | fxlower-opt | filecheck %s
// RUN: fxlower-opt --print-op-generic %s | filecheck %s --check-prefix=GENERIC

func.func @panels(%w: tensor<50x70xf32>, %v: tensor<3x70x50xbf16>) -> (tensor<50x70xf32>, tensor<3x4x35x16x2xbf16>) {
  %0 = tile.to_panels %w, 0, 1 : tensor<50x70xf32> -> tensor<2x70x32xf32>
  %1 = tile.from_panels %0, 0, 1 : tensor<2x70x32xf32> -> tensor<50x70xf32>
  %2 = tile.to_panels %v, 2, 1 : tensor<3x70x50xbf16> -> tensor<3x4x35x16x2xbf16>
  func.return %1, %2 : tensor<50x70xf32>, tensor<3x4x35x16x2xbf16>
}

// CHECK:      %0 = tile.to_panels %w, 0, 1 : tensor<50x70xf32> -> tensor<2x70x32xf32>
// CHECK-NEXT: %1 = tile.from_panels %0, 0, 1 : tensor<2x70x32xf32> -> tensor<50x70xf32>
// CHECK-NEXT: %2 = tile.to_panels %v, 2, 1 : tensor<3x70x50xbf16> -> tensor<3x4x35x16x2xbf16>

// GENERIC:    "tile.to_panels"(%w) <{lane = 0 : i64, depth = 1 : i64}> : (tensor<50x70xf32>) -> tensor<2x70x32xf32>
