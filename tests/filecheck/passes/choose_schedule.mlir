// RUN: fxlower-opt -p choose-schedule %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// Contiguous dims become one loop, in chunks.
// CHECK-LABEL: func.func private @flat
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64, grain = 625 : i64, chunk = 256 : i64}]
func.func private @flat(%x: tensor<8x32xf32>, %y: tensor<8x32xf32>) -> (tensor<8x32xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<8x32xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<8x32xf32>, tensor<8x32xf32>) outs(%v1 : tensor<8x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<8x32xf32>
  func.return %v2 : tensor<8x32xf32>
}

// A broadcast operand keeps the loops apart.
// CHECK-LABEL: func.func private @broadcast
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64, grain = 5000 : i64, chunk = 32 : i64}]
func.func private @broadcast(%x: tensor<8x32xf32>, %y: tensor<32xf32>) -> (tensor<8x32xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<8x32xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<8x32xf32>, tensor<32xf32>) outs(%v1 : tensor<8x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<8x32xf32>
  func.return %v2 : tensor<8x32xf32>
}

// Rows are summed in iter_args.
// CHECK-LABEL: func.func private @row_sum
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 4 : i64, grain = 625 : i64, chunk = 1 : i64, rows = 8 : i64}]
func.func private @row_sum(%x: tensor<8x64xf32>) -> (tensor<8xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<8xf32>
  %v3 = arith.constant 0.0 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<8xf32>) -> tensor<8xf32>
  %v4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<8x64xf32>) outs(%v2 : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<8xf32>
  func.return %v4 : tensor<8xf32>
}

// Lanes along the columns: the vector loop encloses the reduction.
// CHECK-LABEL: func.func private @column_sum
// CHECK-SAME: fxlower.schedule = [{vector_dim = 0 : i64, width = 16 : i64, unroll = 4 : i64, grain = 556 : i64, chunk = 64 : i64}]
func.func private @column_sum(%x: tensor<9x64xf32>) -> (tensor<64xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<64xf32>
  %v3 = arith.constant 0.0 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<64xf32>) -> tensor<64xf32>
  %v4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<9x64xf32>) outs(%v2 : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  func.return %v4 : tensor<64xf32>
}

// Phases: the exponentials are kept in a row buffer, 1 / sum is computed between loops.
// CHECK-LABEL: func.func private @softmax
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 4 : i64, grain = 77 : i64, chunk = 1 : i64}]
func.func private @softmax(%x: tensor<64x256xf32>) -> (tensor<64x256xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<64xf32>
  %v3 = arith.constant 0xFF800000 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<64xf32>) -> tensor<64xf32>
  %v4 = tensor.empty() : tensor<64xf32>
  %v6 = arith.constant 0.0 : f32
  %v5 = linalg.fill ins(%v6 : f32) outs(%v4 : tensor<64xf32>) -> tensor<64xf32>
  %v7 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<64x256xf32>) outs(%v2 : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  %v8 = tensor.empty() : tensor<64x256xf32>
  %v9 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %v7 : tensor<64x256xf32>, tensor<64xf32>) outs(%v8 : tensor<64x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.subf %a, %b : f32
    %r = math.exp %s : f32
    linalg.yield %r : f32
  } -> tensor<64x256xf32>
  %v10 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%v9 : tensor<64x256xf32>) outs(%v5 : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  %v11 = tensor.empty() : tensor<64xf32>
  %v12 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%v10 : tensor<64xf32>) outs(%v11 : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %one = arith.constant 1.0 : f32
    %r = arith.divf %one, %a : f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  %v13 = tensor.empty() : tensor<64x256xf32>
  %v14 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%v9, %v12 : tensor<64x256xf32>, tensor<64xf32>) outs(%v13 : tensor<64x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<64x256xf32>
  func.return %v14 : tensor<64x256xf32>
}

// Strides of arguments and results are in their types; a transposed operand is read where it is.
// CHECK-LABEL: func.func private @strides
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64, grain = 5000 : i64, chunk = 32 : i64}]
func.func private @strides(%x: tensor<8x4xf32> {fxt.strides = [1 : i64, 8 : i64]}, %y: tensor<4x8xf32>) -> (tensor<4x8xf32> {fxt.strides = [16 : i64, 2 : i64]}) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<4x8xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<8x4xf32>, tensor<4x8xf32>) outs(%v1 : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<4x8xf32>
  func.return %v2 : tensor<4x8xf32>
}

// Symbolic sizes and strides are computed from the symbols.
// CHECK-LABEL: func.func private @dynamic
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64, grain = 313 : i64, chunk = 65536 : i64}]
func.func private @dynamic(%x: tensor<?x?xf32, ["d0", "d1"]> {fxt.strides = ["2*d1", 1 : i64]}, %y: tensor<?x?xf32, ["d0", "d1"]>, %d0: index {fxt.symbol = "d0"}, %d1: index {fxt.symbol = "d1"}) -> (tensor<?x?xf32, ["d0", "d1"]>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty(%d0, %d1) : tensor<?x?xf32, ["d0", "d1"]>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<?x?xf32, ["d0", "d1"]>, tensor<?x?xf32, ["d0", "d1"]>) outs(%v1 : tensor<?x?xf32, ["d0", "d1"]>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<?x?xf32, ["d0", "d1"]>
  func.return %v2 : tensor<?x?xf32, ["d0", "d1"]>
}

// A bool is a byte in memory.
// CHECK-LABEL: func.func private @bool
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 64 : i64, unroll = 1 : i64, grain = 10000 : i64, chunk = 64 : i64}]
func.func private @bool(%x: tensor<3x64xi1>, %y: tensor<64xi1>) -> (tensor<3x64xi1>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<3x64xi1>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<3x64xi1>, tensor<64xi1>) outs(%v1 : tensor<3x64xi1>) {
  ^bb0(%a: i1, %b: i1, %o: i1):
    %r = arith.andi %a, %b : i1
    linalg.yield %r : i1
  } -> tensor<3x64xi1>
  func.return %v2 : tensor<3x64xi1>
}

// A gather loads at computed indices; what may trap gets the trap argument.
// CHECK-LABEL: func.func private @gather
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64, grain = 2858 : i64, chunk = 32 : i64}]
func.func private @gather(%table: tensor<50x32xf32>, %ids: tensor<8xi64>) -> (tensor<8x32xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<8x32xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%ids : tensor<8xi64>) outs(%v1 : tensor<8x32xf32>) {
  ^bb0(%a: i64, %o: f32):
    %n = fxt.normalize_index 50 : i64, %a : i64
    %i = arith.index_cast %n : i64 to index
    %j = linalg.index 1 : index
    %r = tensor.extract %table[%i, %j] : tensor<50x32xf32>
    linalg.yield %r : f32
  } -> tensor<8x32xf32>
  func.return %v2 : tensor<8x32xf32>
}

// Joined pieces are nests of their own that write to slices.
// CHECK-LABEL: func.func private @concat
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 1 : i64, grain = 20000 : i64, chunk = 16 : i64}, {vector_dim = 1 : i64, width = 8 : i64, unroll = 1 : i64, grain = 20000 : i64, chunk = 8 : i64}]
func.func private @concat(%x: tensor<4x16xf32>, %y: tensor<4x8xf32>) -> (tensor<4x24xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<4x24xf32>
  %v2 = tensor.empty() : tensor<4x16xf32>
  %v3 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x16xf32>) outs(%v2 : tensor<4x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<4x16xf32>
  %v4 = tensor.empty() : tensor<4x8xf32>
  %v5 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<4x8xf32>) outs(%v4 : tensor<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<4x8xf32>
  %v6 = tensor.insert_slice %v3 into %v1[0, 0] [4, 16] [1, 1] : tensor<4x16xf32> into tensor<4x24xf32>
  %v7 = tensor.insert_slice %v5 into %v6[0, 16] [4, 8] [1, 1] : tensor<4x8xf32> into tensor<4x24xf32>
  func.return %v7 : tensor<4x24xf32>
}

// The order of the loops follows memory.
// CHECK-LABEL: func.func private @channels_last
// CHECK-SAME: fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64, grain = 1778 : i64, chunk = 128 : i64}]
func.func private @channels_last(%x: tensor<2x3x4x5xf32> {fxt.strides = [60 : i64, 1 : i64, 15 : i64, 3 : i64]}) -> (tensor<2x3x4x5xf32> {fxt.strides = [60 : i64, 1 : i64, 15 : i64, 3 : i64]}) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<2x3x4x5xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<2x3x4x5xf32>) outs(%v1 : tensor<2x3x4x5xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x5xf32>
  func.return %v2 : tensor<2x3x4x5xf32>
}

// Several reduced dims: nested loops carry the sum.
// CHECK-LABEL: func.func private @batch_sum
// CHECK-SAME: fxlower.schedule = [{vector_dim = 2 : i64, width = 16 : i64, unroll = 2 : i64, grain = 834 : i64, chunk = 1 : i64, rows = 4 : i64}]
func.func private @batch_sum(%x: tensor<3x4x32xf32>) -> (tensor<4xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<4xf32>
  %v3 = arith.constant 0.0 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<4xf32>) -> tensor<4xf32>
  %v4 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d0, d2)>, affine_map<(d0, d1, d2) -> (d0)>], iterator_types = ["parallel", "reduction", "reduction"]} ins(%x : tensor<3x4x32xf32>) outs(%v2 : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  func.return %v4 : tensor<4xf32>
}

// A schedule that is there stays.
// CHECK-LABEL: func.func private @given
// CHECK-SAME: fxlower.schedule = []
func.func private @given(%x: tensor<64xf32>) -> tensor<64xf32> attributes {fxlower.kernel = "loops", fxlower.schedule = []} {
  func.return %x : tensor<64xf32>
}

// Not a kernel.
// CHECK-LABEL: func.func private @other
// CHECK-NOT: fxlower.schedule
func.func private @other(%x: tensor<64xf32>) -> tensor<64xf32> {
  func.return %x : tensor<64xf32>
}

// A transposed operand of a short computation is transposed in registers, 16 columns at a time.
// CHECK-LABEL: func.func private @transposed_in_registers
// CHECK-SAME: unroll = 1 : i64, grain = 40 : i64, chunk = 1024 : i64, tile = 16 : i64, transpose = 16 : i64}]
func.func private @transposed_in_registers(%x: tensor<256x128xf32>, %y: tensor<128x256xf32>) -> (tensor<128x256xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<128x256xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<256x128xf32>, tensor<128x256xf32>) outs(%v1 : tensor<128x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<128x256xf32>
  func.return %v2 : tensor<128x256xf32>
}

// Bytes as well, 64 rows of 16.
// CHECK-LABEL: func.func private @transposed_bytes
// CHECK-SAME: width = 64 : i64, {{.*}} transpose = 16 : i64}]
func.func private @transposed_bytes(%x: tensor<256x128xi8>) -> (tensor<128x256xi8>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<128x256xi8>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<256x128xi8>) outs(%v1 : tensor<128x256xi8>) {
  ^bb0(%a: i8, %o: i8):
    linalg.yield %a : i8
  } -> tensor<128x256xi8>
  func.return %v2 : tensor<128x256xi8>
}

// A long computation is not repeated for each column: tiles go through the scratchpad.
// CHECK-LABEL: func.func private @transposed_tiles
// CHECK-SAME: tile = 64 : i64}]
func.func private @transposed_tiles(%x: tensor<256x128xf32>, %y: tensor<128x256xf32>) -> (tensor<128x256xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<128x256xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<256x128xf32>, tensor<128x256xf32>) outs(%v1 : tensor<128x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %e = math.exp %a : f32
    %t = math.tanh %e : f32
    %r = arith.addf %t, %b : f32
    linalg.yield %r : f32
  } -> tensor<128x256xf32>
  func.return %v2 : tensor<128x256xf32>
}

// Short rows: a parallel iteration takes many, so that its index is not taken apart for each.
// CHECK-LABEL: func.func private @short_rows
// CHECK-SAME: chunk = 32 : i64, block = 128 : i64}]
func.func private @short_rows(%x: tensor<8x32x32x32xf32>) -> (tensor<8x32x32x32xf32>) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<8x32x32x32xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<8x32x32x32xf32>) outs(%v1 : tensor<8x32x32x32xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<8x32x32x32xf32>
  func.return %v2 : tensor<8x32x32x32xf32>
}
// Lanes go along no loop whose iterations all write to one element.
// CHECK-LABEL: func.func private @repeated_result
// CHECK-SAME: vector_dim = 0 : i64
func.func private @repeated_result(%x: tensor<8x64xf32>) -> (tensor<8x64xf32> {fxt.strides = [1 : i64, 0 : i64]}) attributes {fxlower.kernel = "loops"} {
  %v1 = tensor.empty() : tensor<8x64xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x64xf32>) outs(%v1 : tensor<8x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<8x64xf32>
  func.return %v2 : tensor<8x64xf32>
}
}
