// RUN: fxlower-opt --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: panels of tensor<50x70xf32> must have dims [2, 70, 32], got tensor<3x70x32xf32>
func.func @count(%w: tensor<50x70xf32>) -> tensor<3x70x32xf32> {
  %0 = tile.to_panels %w, 0, 1 : tensor<50x70xf32> -> tensor<3x70x32xf32>
  func.return %0 : tensor<3x70x32xf32>
}

// -----

// CHECK: lanes and depth must be dims of tensor<50x70xf32>, got 1 and 1
func.func @same(%w: tensor<50x70xf32>) -> tensor<3x50x32xf32> {
  %0 = tile.to_panels %w, 1, 1 : tensor<50x70xf32> -> tensor<3x50x32xf32>
  func.return %0 : tensor<3x50x32xf32>
}

// -----

// CHECK: panels have static sizes, got tensor<?x70xf32, ["s0", 70 : i64]> and tensor<2x70x32xf32>
func.func @symbolic(%w: tensor<?x70xf32, ["s0", 70]>) -> tensor<2x70x32xf32> {
  %0 = tile.to_panels %w, 0, 1 : tensor<?x70xf32, ["s0", 70]> -> tensor<2x70x32xf32>
  func.return %0 : tensor<2x70x32xf32>
}
