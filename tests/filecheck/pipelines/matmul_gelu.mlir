func.func @main(%x: tensor<64x128xf32>, %w: tensor<128x256xf32>, %bias: tensor<256xf32>) -> tensor<64x256xf32> {
  %product = fxt.matmul %x, %w : (tensor<64x128xf32>, tensor<128x256xf32>) -> tensor<64x256xf32>
  %rows = fxt.broadcast %bias, array<i64: 1> : (tensor<256xf32>) -> tensor<64x256xf32>
  %sum = fxt.add %product, %rows : tensor<64x256xf32>
  %half = fxt.full 5.000000e-01 : f32 : tensor<64x256xf32>
  %root = fxt.full 0.707106769 : f32 : tensor<64x256xf32>
  %one = fxt.full 1.000000e+00 : f32 : tensor<64x256xf32>
  %scaled = fxt.mul %sum, %root : tensor<64x256xf32>
  %erf = fxt.erf %scaled : tensor<64x256xf32>
  %gate = fxt.add %erf, %one : tensor<64x256xf32>
  %halved = fxt.mul %sum, %half : tensor<64x256xf32>
  %gelu = fxt.mul %halved, %gate : tensor<64x256xf32>
  func.return %gelu : tensor<64x256xf32>
}
