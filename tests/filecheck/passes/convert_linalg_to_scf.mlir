// RUN: fxlower-opt -p convert-linalg-to-scf %s | filecheck %s

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// Contiguous dims become one loop, in chunks.
// CHECK-LABEL: func.func private @flat(%x: memref<8x32xf32>, %y: memref<8x32xf32>, %out: memref<8x32xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     %x_1 = memref.reinterpret_cast %x to offset: [0], sizes: [256], strides: [1] : memref<8x32xf32> to memref<256xf32>
// CHECK-NEXT:     %y_1 = memref.reinterpret_cast %y to offset: [0], sizes: [256], strides: [1] : memref<8x32xf32> to memref<256xf32>
// CHECK-NEXT:     %out_1 = memref.reinterpret_cast %out to offset: [0], sizes: [256], strides: [1] : memref<8x32xf32> to memref<256xf32>
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c4 = arith.constant 4 : index
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c4, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %1 = arith.muli %0, %c64 : index
// CHECK-NEXT:       %2 = arith.addi %1, %c64 : index
// CHECK-NEXT:       scf.for %3 = %1 to %2 step %c1 {
// CHECK-NEXT:         %x_2 = memref.load %x_1[%3] : memref<256xf32>
// CHECK-NEXT:         %y_2 = memref.load %y_1[%3] : memref<256xf32>
// CHECK-NEXT:         %r = arith.addf %x_2, %y_2 : f32
// CHECK-NEXT:         memref.store %r, %out_1[%3] : memref<256xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @flat(%x: tensor<8x32xf32>, %y: tensor<8x32xf32>) -> (tensor<8x32xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 2 : i64, grain = 1 : i64, chunk = 64 : i64}]} {
  %v1 = tensor.empty() : tensor<8x32xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<8x32xf32>, tensor<8x32xf32>) outs(%v1 : tensor<8x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<8x32xf32>
  func.return %v2 : tensor<8x32xf32>
}

// A broadcast operand keeps the loops apart.
// CHECK-LABEL: func.func private @broadcast(%x: memref<8x32xf32>, %y: memref<32xf32>, %out: memref<8x32xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c32 = arith.constant 32 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c8 = arith.constant 8 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c8, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       scf.for %1 = %c0 to %c32 step %c1 {
// CHECK-NEXT:         %x_1 = memref.load %x[%0, %1] : memref<8x32xf32>
// CHECK-NEXT:         %y_1 = memref.load %y[%1] : memref<32xf32>
// CHECK-NEXT:         %r = arith.addf %x_1, %y_1 : f32
// CHECK-NEXT:         memref.store %r, %out[%0, %1] : memref<8x32xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @broadcast(%x: tensor<8x32xf32>, %y: tensor<32xf32>) -> (tensor<8x32xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 32 : i64}]} {
  %v1 = tensor.empty() : tensor<8x32xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<8x32xf32>, tensor<32xf32>) outs(%v1 : tensor<8x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<8x32xf32>
  func.return %v2 : tensor<8x32xf32>
}

// What does not depend on the loop is computed before it. One chunk: no parallel loop.
// CHECK-LABEL: func.func private @hoisted(%x: memref<4xf32>, %y: memref<f32>, %out: memref<4xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c4 = arith.constant 4 : index
// CHECK-NEXT:     %y_1 = memref.load %y[] : memref<f32>
// CHECK-NEXT:     %e = math.exp %y_1 : f32
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     scf.for %0 = %c0 to %c4 step %c1 {
// CHECK-NEXT:       %x_1 = memref.load %x[%0] : memref<4xf32>
// CHECK-NEXT:       %r = arith.addf %x_1, %e : f32
// CHECK-NEXT:       memref.store %r, %out[%0] : memref<4xf32>
// CHECK-NEXT:     } {fxlower.vector = 4 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @hoisted(%x: tensor<4xf32>, %y: tensor<f32>) -> (tensor<4xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 0 : i64, width = 4 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 4 : i64}]} {
  %v1 = tensor.empty() : tensor<4xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x, %y : tensor<4xf32>, tensor<f32>) outs(%v1 : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %e = math.exp %b : f32
    %r = arith.addf %a, %e : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  func.return %v2 : tensor<4xf32>
}

// Rows are summed in iter_args.
// CHECK-LABEL: func.func private @row_sum(%x: memref<8x64xf32>, %out: memref<8xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %v3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c8 = arith.constant 8 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c8, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %1 = scf.for %2 = %c0 to %c64 step %c1 iter_args(%3 = %v3) -> (f32) {
// CHECK-NEXT:         %x_1 = memref.load %x[%0, %2] : memref<8x64xf32>
// CHECK-NEXT:         %r = arith.addf %x_1, %3 : f32
// CHECK-NEXT:         scf.yield %r : f32
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:       memref.store %1, %out[%0] : memref<8xf32>
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @row_sum(%x: tensor<8x64xf32>) -> (tensor<8xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 4 : i64, grain = 1 : i64, chunk = 1 : i64}]} {
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
// CHECK-LABEL: func.func private @column_sum(%x: memref<9x64xf32>, %out: memref<64xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c32 = arith.constant 32 : index
// CHECK-NEXT:     %v3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c9 = arith.constant 9 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c2 = arith.constant 2 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c2, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %1 = arith.muli %0, %c32 : index
// CHECK-NEXT:       %2 = arith.addi %1, %c32 : index
// CHECK-NEXT:       scf.for %3 = %1 to %2 step %c1 {
// CHECK-NEXT:         %4 = scf.for %5 = %c0 to %c9 step %c1 iter_args(%6 = %v3) -> (f32) {
// CHECK-NEXT:           %x_1 = memref.load %x[%5, %3] : memref<9x64xf32>
// CHECK-NEXT:           %r = arith.addf %x_1, %6 : f32
// CHECK-NEXT:           scf.yield %r : f32
// CHECK-NEXT:         }
// CHECK-NEXT:         memref.store %4, %out[%3] : memref<64xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @column_sum(%x: tensor<9x64xf32>) -> (tensor<64xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 0 : i64, width = 16 : i64, unroll = 2 : i64, grain = 1 : i64, chunk = 32 : i64}]} {
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

// Strips of more columns than one iteration takes: a few rows at a time, into a buffer.
// CHECK-LABEL: func.func private @column_sum_in_strips(%x: memref<100x300xf32>, %out: memref<300xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:    %c128 = arith.constant 128 : index
// CHECK-NEXT:    %c300 = arith.constant 300 : index
// CHECK-NEXT:    %v3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c100 = arith.constant 100 : index
// CHECK-NEXT:    %c8 = arith.constant 8 : index
// CHECK-NEXT:    %c3 = arith.constant 3 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c3, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%0: index):
// CHECK-NEXT:      %lanes = memref.alloca() {alignment = 64 : i64} : memref<128xf32>
// CHECK-NEXT:      %1 = arith.muli %0, %c128 : index
// CHECK-NEXT:      %2 = arith.addi %1, %c128 : index
// CHECK-NEXT:      %3 = arith.minui %2, %c300 : index
// CHECK-NEXT:      scf.for %4 = %1 to %3 step %c1 {
// CHECK-NEXT:        %5 = arith.subi %4, %1 : index
// CHECK-NEXT:        memref.store %v3, %lanes[%5] : memref<128xf32>
// CHECK-NEXT:      } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      scf.for %6 = %c0 to %c100 step %c8 {
// CHECK-NEXT:        %7 = arith.addi %6, %c8 : index
// CHECK-NEXT:        %8 = arith.minui %7, %c100 : index
// CHECK-NEXT:        scf.for %9 = %1 to %3 step %c1 {
// CHECK-NEXT:          %10 = scf.for %11 = %6 to %8 step %c1 iter_args(%12 = %v3) -> (f32) {
// CHECK-NEXT:            %x_1 = memref.load %x[%11, %9] : memref<100x300xf32>
// CHECK-NEXT:            %r = arith.addf %x_1, %12 : f32
// CHECK-NEXT:            scf.yield %r : f32
// CHECK-NEXT:          }
// CHECK-NEXT:          %13 = arith.subi %9, %1 : index
// CHECK-NEXT:          %14 = memref.load %lanes[%13] : memref<128xf32>
// CHECK-NEXT:          %15 = arith.addf %14, %10 : f32
// CHECK-NEXT:          memref.store %15, %lanes[%13] : memref<128xf32>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      }
// CHECK-NEXT:      scf.for %16 = %1 to %3 step %c1 {
// CHECK-NEXT:        %17 = arith.subi %16, %1 : index
// CHECK-NEXT:        %18 = memref.load %lanes[%17] : memref<128xf32>
// CHECK-NEXT:        memref.store %18, %out[%16] : memref<300xf32>
// CHECK-NEXT:      } {fxlower.vector = 16 : i64, fxlower.unroll = 2 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
func.func private @column_sum_in_strips(%x: tensor<100x300xf32>) -> (tensor<300xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 0 : i64, width = 16 : i64, unroll = 2 : i64, grain = 1 : i64, chunk = 128 : i64}]} {
  %v1 = tensor.empty() : tensor<300xf32>
  %v3 = arith.constant 0.0 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<300xf32>) -> tensor<300xf32>
  %v4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<100x300xf32>) outs(%v2 : tensor<300xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<300xf32>
  func.return %v4 : tensor<300xf32>
}

// Long sums are made in blocks of blocks.
// CHECK-LABEL: func.func private @long_sum(%x: memref<2x100000xf32>, %out: memref<2xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %v3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c100000 = arith.constant 100000 : index
// CHECK-NEXT:     %c16384 = arith.constant 16384 : index
// CHECK-NEXT:     %c1024 = arith.constant 1024 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c2 = arith.constant 2 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c2, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %1 = scf.for %2 = %c0 to %c100000 step %c16384 iter_args(%3 = %v3) -> (f32) {
// CHECK-NEXT:         %4 = arith.addi %2, %c16384 : index
// CHECK-NEXT:         %5 = arith.minui %4, %c100000 : index
// CHECK-NEXT:         %6 = scf.for %7 = %2 to %5 step %c1024 iter_args(%8 = %v3) -> (f32) {
// CHECK-NEXT:           %9 = arith.addi %7, %c1024 : index
// CHECK-NEXT:           %10 = arith.minui %9, %5 : index
// CHECK-NEXT:           %11 = scf.for %12 = %7 to %10 step %c1 iter_args(%13 = %v3) -> (f32) {
// CHECK-NEXT:             %x_1 = memref.load %x[%0, %12] : memref<2x100000xf32>
// CHECK-NEXT:             %r = arith.addf %x_1, %13 : f32
// CHECK-NEXT:             scf.yield %r : f32
// CHECK-NEXT:           } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:           %14 = arith.addf %8, %11 : f32
// CHECK-NEXT:           scf.yield %14 : f32
// CHECK-NEXT:         }
// CHECK-NEXT:         %15 = arith.addf %3, %6 : f32
// CHECK-NEXT:         scf.yield %15 : f32
// CHECK-NEXT:       }
// CHECK-NEXT:       memref.store %1, %out[%0] : memref<2xf32>
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @long_sum(%x: tensor<2x100000xf32>) -> (tensor<2xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 4 : i64, grain = 1 : i64, chunk = 1 : i64}]} {
  %v1 = tensor.empty() : tensor<2xf32>
  %v3 = arith.constant 0.0 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<2xf32>) -> tensor<2xf32>
  %v4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<2x100000xf32>) outs(%v2 : tensor<2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<2xf32>
  func.return %v4 : tensor<2xf32>
}

// Phases: the exponentials are kept in a row buffer, 1 / sum is computed between loops.
// CHECK-LABEL: func.func private @softmax(%x: memref<64x256xf32>, %out: memref<64x256xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %v3 = arith.constant 0xff800000 : f32
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c256 = arith.constant 256 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %v6 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %one = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c64, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %row = memref.alloca() {alignment = 64 : i64} : memref<256xf32>
// CHECK-NEXT:       %1 = scf.for %2 = %c0 to %c256 step %c1 iter_args(%3 = %v3) -> (f32) {
// CHECK-NEXT:         %x_1 = memref.load %x[%0, %2] : memref<64x256xf32>
// CHECK-NEXT:         %r = arith.maximumf %x_1, %3 : f32
// CHECK-NEXT:         scf.yield %r : f32
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:       %4 = scf.for %5 = %c0 to %c256 step %c1 iter_args(%6 = %v6) -> (f32) {
// CHECK-NEXT:         %x_2 = memref.load %x[%0, %5] : memref<64x256xf32>
// CHECK-NEXT:         %s = arith.subf %x_2, %1 : f32
// CHECK-NEXT:         %r_1 = math.exp %s : f32
// CHECK-NEXT:         memref.store %r_1, %row[%5] : memref<256xf32>
// CHECK-NEXT:         %r_2 = arith.addf %r_1, %6 : f32
// CHECK-NEXT:         scf.yield %r_2 : f32
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       %r_3 = arith.divf %one, %4 : f32
// CHECK-NEXT:       scf.for %7 = %c0 to %c256 step %c1 {
// CHECK-NEXT:         %8 = memref.load %row[%7] : memref<256xf32>
// CHECK-NEXT:         %r_4 = arith.mulf %8, %r_3 : f32
// CHECK-NEXT:         memref.store %r_4, %out[%0, %7] : memref<64x256xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @softmax(%x: tensor<64x256xf32>) -> (tensor<64x256xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 4 : i64, grain = 1 : i64, chunk = 1 : i64}]} {
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

// Four rows at once, each with a row buffer of its own.
// CHECK-LABEL: func.func private @softmax_of_rows(%x: memref<62x256xf32>, %out: memref<62x256xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:    %c4 = arith.constant 4 : index
// CHECK-NEXT:    %c62 = arith.constant 62 : index
// CHECK-NEXT:    %v3 = arith.constant 0xff800000 : f32
// CHECK-NEXT:    %c0 = arith.constant 0 : index
// CHECK-NEXT:    %c256 = arith.constant 256 : index
// CHECK-NEXT:    %c1 = arith.constant 1 : index
// CHECK-NEXT:    %v6 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:    %one = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:    %c16 = arith.constant 16 : index
// CHECK-NEXT:    "scf.parallel"(%c0, %c16, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:    ^bb0(%0: index):
// CHECK-NEXT:      %row = memref.alloca() {alignment = 64 : i64} : memref<4x256xf32>
// CHECK-NEXT:      %1 = arith.muli %0, %c4 : index
// CHECK-NEXT:      %2 = arith.addi %1, %c4 : index
// CHECK-NEXT:      %3 = arith.minui %2, %c62 : index
// CHECK-NEXT:      scf.for %4 = %1 to %3 step %c1 {
// CHECK-NEXT:        %5 = scf.for %6 = %c0 to %c256 step %c1 iter_args(%7 = %v3) -> (f32) {
// CHECK-NEXT:          %x_1 = memref.load %x[%4, %6] : memref<62x256xf32>
// CHECK-NEXT:          %r = arith.maximumf %x_1, %7 : f32
// CHECK-NEXT:          scf.yield %r : f32
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:        %8 = arith.subi %4, %1 : index
// CHECK-NEXT:        %9 = scf.for %10 = %c0 to %c256 step %c1 iter_args(%11 = %v6) -> (f32) {
// CHECK-NEXT:          %x_2 = memref.load %x[%4, %10] : memref<62x256xf32>
// CHECK-NEXT:          %s = arith.subf %x_2, %5 : f32
// CHECK-NEXT:          %r_1 = math.exp %s : f32
// CHECK-NEXT:          memref.store %r_1, %row[%8, %10] : memref<4x256xf32>
// CHECK-NEXT:          %r_2 = arith.addf %r_1, %11 : f32
// CHECK-NEXT:          scf.yield %r_2 : f32
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:        %r_3 = arith.divf %one, %9 : f32
// CHECK-NEXT:        scf.for %12 = %c0 to %c256 step %c1 {
// CHECK-NEXT:          %13 = memref.load %row[%8, %12] : memref<4x256xf32>
// CHECK-NEXT:          %r_4 = arith.mulf %13, %r_3 : f32
// CHECK-NEXT:          memref.store %r_4, %out[%4, %12] : memref<62x256xf32>
// CHECK-NEXT:        } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:      } {fxlower.rows = 4 : i64}
// CHECK-NEXT:      scf.reduce
// CHECK-NEXT:    }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:    func.return
func.func private @softmax_of_rows(%x: tensor<62x256xf32>) -> (tensor<62x256xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 4 : i64, grain = 1 : i64, chunk = 1 : i64, rows = 4 : i64}]} {
  %v1 = tensor.empty() : tensor<62xf32>
  %v3 = arith.constant 0xFF800000 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<62xf32>) -> tensor<62xf32>
  %v4 = tensor.empty() : tensor<62xf32>
  %v6 = arith.constant 0.0 : f32
  %v5 = linalg.fill ins(%v6 : f32) outs(%v4 : tensor<62xf32>) -> tensor<62xf32>
  %v7 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<62x256xf32>) outs(%v2 : tensor<62xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<62xf32>
  %v8 = tensor.empty() : tensor<62x256xf32>
  %v9 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %v7 : tensor<62x256xf32>, tensor<62xf32>) outs(%v8 : tensor<62x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.subf %a, %b : f32
    %r = math.exp %s : f32
    linalg.yield %r : f32
  } -> tensor<62x256xf32>
  %v10 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%v9 : tensor<62x256xf32>) outs(%v5 : tensor<62xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<62xf32>
  %v11 = tensor.empty() : tensor<62xf32>
  %v12 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%v10 : tensor<62xf32>) outs(%v11 : tensor<62xf32>) {
  ^bb0(%a: f32, %o: f32):
    %one = arith.constant 1.0 : f32
    %r = arith.divf %one, %a : f32
    linalg.yield %r : f32
  } -> tensor<62xf32>
  %v13 = tensor.empty() : tensor<62x256xf32>
  %v14 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%v9, %v12 : tensor<62x256xf32>, tensor<62xf32>) outs(%v13 : tensor<62x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<62x256xf32>
  func.return %v14 : tensor<62x256xf32>
}

// A cheap map is computed again in a later phase. Reductions are results too.
// CHECK-LABEL: func.func private @recomputed(%x: memref<64x256xf32>, %out0: memref<64x256xf32>, %out1: memref<64xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %v3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c256 = arith.constant 256 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c64, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %1 = scf.for %2 = %c0 to %c256 step %c1 iter_args(%3 = %v3) -> (f32) {
// CHECK-NEXT:         %x_1 = memref.load %x[%0, %2] : memref<64x256xf32>
// CHECK-NEXT:         %r = arith.addf %x_1, %3 : f32
// CHECK-NEXT:         scf.yield %r : f32
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:       memref.store %1, %out1[%0] : memref<64xf32>
// CHECK-NEXT:       %4 = scf.for %5 = %c0 to %c256 step %c1 iter_args(%6 = %v3) -> (f32) {
// CHECK-NEXT:         %x_2 = memref.load %x[%0, %5] : memref<64x256xf32>
// CHECK-NEXT:         %r_1 = arith.subf %x_2, %1 : f32
// CHECK-NEXT:         %p = arith.mulf %r_1, %r_1 : f32
// CHECK-NEXT:         %r_2 = arith.addf %p, %6 : f32
// CHECK-NEXT:         scf.yield %r_2 : f32
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:       scf.for %7 = %c0 to %c256 step %c1 {
// CHECK-NEXT:         %x_3 = memref.load %x[%0, %7] : memref<64x256xf32>
// CHECK-NEXT:         %r_3 = arith.subf %x_3, %1 : f32
// CHECK-NEXT:         %r_4 = arith.mulf %r_3, %4 : f32
// CHECK-NEXT:         memref.store %r_4, %out0[%0, %7] : memref<64x256xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @recomputed(%x: tensor<64x256xf32>) -> (tensor<64x256xf32>, tensor<64xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 4 : i64, grain = 1 : i64, chunk = 1 : i64}]} {
  %v1 = tensor.empty() : tensor<64xf32>
  %v3 = arith.constant 0.0 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<64xf32>) -> tensor<64xf32>
  %v4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<64x256xf32>) outs(%v2 : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  %v5 = tensor.empty() : tensor<64x256xf32>
  %v6 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %v4 : tensor<64x256xf32>, tensor<64xf32>) outs(%v5 : tensor<64x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.subf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<64x256xf32>
  %v7 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%v6 : tensor<64x256xf32>) outs(%v2 : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %p = arith.mulf %a, %a : f32
    %r = arith.addf %p, %o : f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  %v8 = tensor.empty() : tensor<64x256xf32>
  %v9 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%v6, %v7 : tensor<64x256xf32>, tensor<64xf32>) outs(%v8 : tensor<64x256xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<64x256xf32>
  func.return %v9, %v4 : tensor<64x256xf32>, tensor<64xf32>
}

// Strides of arguments and results are in their types; a transposed operand is read where it is.
// CHECK-LABEL: func.func private @strides(%x: memref<8x4xf32, strided<[1, 8]>>, %y: memref<4x8xf32>, %out: memref<4x8xf32, strided<[16, 2]>>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c8 = arith.constant 8 : index
// CHECK-NEXT:     %x_1 = memref.reinterpret_cast %x to offset: [0], sizes: [32], strides: [1] : memref<8x4xf32, strided<[1, 8]>> to memref<32xf32>
// CHECK-NEXT:     %y_1 = memref.reinterpret_cast %y to offset: [0], sizes: [32], strides: [1] : memref<4x8xf32> to memref<32xf32>
// CHECK-NEXT:     %out_1 = memref.reinterpret_cast %out to offset: [0], sizes: [32], strides: [2] : memref<4x8xf32, strided<[16, 2]>> to memref<32xf32, strided<[2]>>
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c4 = arith.constant 4 : index
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c4, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %1 = arith.muli %0, %c8 : index
// CHECK-NEXT:       %2 = arith.addi %1, %c8 : index
// CHECK-NEXT:       scf.for %3 = %1 to %2 step %c1 {
// CHECK-NEXT:         %x_2 = memref.load %x_1[%3] : memref<32xf32>
// CHECK-NEXT:         %y_2 = memref.load %y_1[%3] : memref<32xf32>
// CHECK-NEXT:         %r = arith.addf %x_2, %y_2 : f32
// CHECK-NEXT:         memref.store %r, %out_1[%3] : memref<32xf32, strided<[2]>>
// CHECK-NEXT:       } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @strides(%x: tensor<8x4xf32> {fxt.strides = [1 : i64, 8 : i64]}, %y: tensor<4x8xf32>) -> (tensor<4x8xf32> {fxt.strides = [16 : i64, 2 : i64]}) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 8 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 8 : i64}]} {
  %v1 = tensor.empty() : tensor<4x8xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<8x4xf32>, tensor<4x8xf32>) outs(%v1 : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<4x8xf32>
  func.return %v2 : tensor<4x8xf32>
}

// Symbolic sizes and strides are computed from the symbols.
// CHECK-LABEL: func.func private @dynamic(%x: memref<f32>, %y: memref<f32>, %out: memref<f32>, %d0: index {fxt.symbol = "d0"}, %d1: index {fxt.symbol = "d1"}) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c63 = arith.constant 63 : index
// CHECK-NEXT:     %0 = arith.addi %d1, %c63 : index
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     %1 = arith.divui %0, %c64 : index
// CHECK-NEXT:     %c64_1 = arith.constant 64 : index
// CHECK-NEXT:     %c2 = arith.constant 2 : index
// CHECK-NEXT:     %2 = arith.muli %c2, %d1 : index
// CHECK-NEXT:     %x_1 = memref.reinterpret_cast %x to offset: [0], sizes: [%d0, %d1], strides: [%2, 1] : memref<f32> to memref<?x?xf32, strided<[?, 1]>>
// CHECK-NEXT:     %y_1 = memref.reinterpret_cast %y to offset: [0], sizes: [%d0, %d1], strides: [%d1, 1] : memref<f32> to memref<?x?xf32, strided<[?, 1]>>
// CHECK-NEXT:     %out_1 = memref.reinterpret_cast %out to offset: [0], sizes: [%d0, %d1], strides: [%d1, 1] : memref<f32> to memref<?x?xf32, strided<[?, 1]>>
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %3 = arith.muli %1, %d0 : index
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %3, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%4: index):
// CHECK-NEXT:       %5 = arith.remui %4, %1 : index
// CHECK-NEXT:       %6 = arith.divui %4, %1 : index
// CHECK-NEXT:       %7 = arith.muli %5, %c64_1 : index
// CHECK-NEXT:       %8 = arith.addi %7, %c64_1 : index
// CHECK-NEXT:       %9 = arith.minui %8, %d1 : index
// CHECK-NEXT:       scf.for %10 = %7 to %9 step %c1 {
// CHECK-NEXT:         %x_2 = memref.load %x_1[%6, %10] : memref<?x?xf32, strided<[?, 1]>>
// CHECK-NEXT:         %y_2 = memref.load %y_1[%6, %10] : memref<?x?xf32, strided<[?, 1]>>
// CHECK-NEXT:         %r = arith.addf %x_2, %y_2 : f32
// CHECK-NEXT:         memref.store %r, %out_1[%6, %10] : memref<?x?xf32, strided<[?, 1]>>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @dynamic(%x: tensor<?x?xf32, ["d0", "d1"]> {fxt.strides = ["2*d1", 1 : i64]}, %y: tensor<?x?xf32, ["d0", "d1"]>, %d0: index {fxt.symbol = "d0"}, %d1: index {fxt.symbol = "d1"}) -> (tensor<?x?xf32, ["d0", "d1"]>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 64 : i64}]} {
  %v1 = tensor.empty(%d0, %d1) : tensor<?x?xf32, ["d0", "d1"]>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<?x?xf32, ["d0", "d1"]>, tensor<?x?xf32, ["d0", "d1"]>) outs(%v1 : tensor<?x?xf32, ["d0", "d1"]>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<?x?xf32, ["d0", "d1"]>
  func.return %v2 : tensor<?x?xf32, ["d0", "d1"]>
}

// A bool is a byte in memory.
// CHECK-LABEL: func.func private @bool(%x: memref<3x64xi8>, %y: memref<64xi8>, %out: memref<3x64xi8>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     %0 = arith.constant 0 : i8
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c3 = arith.constant 3 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c3, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%1: index):
// CHECK-NEXT:       scf.for %2 = %c0 to %c64 step %c1 {
// CHECK-NEXT:         %x_1 = memref.load %x[%1, %2] : memref<3x64xi8>
// CHECK-NEXT:         %x_2 = arith.cmpi ne, %x_1, %0 : i8
// CHECK-NEXT:         %y_1 = memref.load %y[%2] : memref<64xi8>
// CHECK-NEXT:         %y_2 = arith.cmpi ne, %y_1, %0 : i8
// CHECK-NEXT:         %r = arith.andi %x_2, %y_2 : i1
// CHECK-NEXT:         %3 = arith.extui %r : i1 to i8
// CHECK-NEXT:         memref.store %3, %out[%1, %2] : memref<3x64xi8>
// CHECK-NEXT:       } {fxlower.vector = 64 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @bool(%x: tensor<3x64xi1>, %y: tensor<64xi1>) -> (tensor<3x64xi1>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 64 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 64 : i64}]} {
  %v1 = tensor.empty() : tensor<3x64xi1>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x, %y : tensor<3x64xi1>, tensor<64xi1>) outs(%v1 : tensor<3x64xi1>) {
  ^bb0(%a: i1, %b: i1, %o: i1):
    %r = arith.andi %a, %b : i1
    linalg.yield %r : i1
  } -> tensor<3x64xi1>
  func.return %v2 : tensor<3x64xi1>
}

// A gather loads at computed indices; what may trap gets the trap argument.
// CHECK-LABEL: func.func private @gather(%table: memref<50x32xf32>, %ids: memref<8xi64>, %out: memref<8x32xf32>, %trap: memref<1xi64> {fxt.trap}) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c32 = arith.constant 32 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c8 = arith.constant 8 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c8, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %ids_1 = memref.load %ids[%0] : memref<8xi64>
// CHECK-NEXT:       %n = fxt.normalize_index 50 : i64, %ids_1 : i64
// CHECK-NEXT:       %i = arith.index_cast %n : i64 to index
// CHECK-NEXT:       scf.for %1 = %c0 to %c32 step %c1 {
// CHECK-NEXT:         %r = memref.load %table[%i, %1] : memref<50x32xf32>
// CHECK-NEXT:         memref.store %r, %out[%0, %1] : memref<8x32xf32>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @gather(%table: tensor<50x32xf32>, %ids: tensor<8xi64>) -> (tensor<8x32xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 32 : i64}]} {
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

// Joined pieces are nests of their own that write to slices; those with as many parallel iterations
// share the parallel loop.
// CHECK-LABEL: func.func private @concat(%x: memref<4x16xf32>, %y: memref<4x8xf32>, %out: memref<4x24xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c16 = arith.constant 16 : index
// CHECK-NEXT:     %out_1 = memref.reinterpret_cast %out to offset: [0], sizes: [4, 16], strides: [24, 1] : memref<4x24xf32> to memref<4x16xf32, strided<[24, 1]>>
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c8 = arith.constant 8 : index
// CHECK-NEXT:     %out_2 = memref.reinterpret_cast %out to offset: [16], sizes: [4, 8], strides: [24, 1] : memref<4x24xf32> to memref<4x8xf32, strided<[24, 1], offset: 16>>
// CHECK-NEXT:     %c4 = arith.constant 4 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c4, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       scf.for %1 = %c0 to %c16 step %c1 {
// CHECK-NEXT:         %x_1 = memref.load %x[%0, %1] : memref<4x16xf32>
// CHECK-NEXT:         memref.store %x_1, %out_1[%0, %1] : memref<4x16xf32, strided<[24, 1]>>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.for %2 = %c0 to %c8 step %c1 {
// CHECK-NEXT:         %y_1 = memref.load %y[%0, %2] : memref<4x8xf32>
// CHECK-NEXT:         memref.store %y_1, %out_2[%0, %2] : memref<4x8xf32, strided<[24, 1], offset: 16>>
// CHECK-NEXT:       } {fxlower.vector = 8 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @concat(%x: tensor<4x16xf32>, %y: tensor<4x8xf32>) -> (tensor<4x24xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 16 : i64}, {vector_dim = 1 : i64, width = 8 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 8 : i64}]} {
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

// A filled destination is written first.
// CHECK-LABEL: func.func private @pad(%x: memref<4xf32>, %out: memref<6xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c6 = arith.constant 6 : index
// CHECK-NEXT:     %v3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     scf.for %0 = %c0 to %c6 step %c1 {
// CHECK-NEXT:       memref.store %v3, %out[%0] : memref<6xf32>
// CHECK-NEXT:     } {fxlower.vector = 4 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:     %c4 = arith.constant 4 : index
// CHECK-NEXT:     %out_1 = memref.reinterpret_cast %out to offset: [1], sizes: [4], strides: [1] : memref<6xf32> to memref<4xf32, strided<[1], offset: 1>>
// CHECK-NEXT:     scf.for %1 = %c0 to %c4 step %c1 {
// CHECK-NEXT:       %x_1 = memref.load %x[%1] : memref<4xf32>
// CHECK-NEXT:       memref.store %x_1, %out_1[%1] : memref<4xf32, strided<[1], offset: 1>>
// CHECK-NEXT:     } {fxlower.vector = 4 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @pad(%x: tensor<4xf32>) -> (tensor<6xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 0 : i64, width = 4 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 6 : i64}, {vector_dim = 0 : i64, width = 4 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 4 : i64}]} {
  %v1 = tensor.empty() : tensor<6xf32>
  %v3 = arith.constant 0.0 : f32
  %v2 = linalg.fill ins(%v3 : f32) outs(%v1 : tensor<6xf32>) -> tensor<6xf32>
  %v4 = tensor.empty() : tensor<4xf32>
  %v5 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%v4 : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<4xf32>
  %v6 = tensor.insert_slice %v5 into %v2[1] [4] [1] : tensor<4xf32> into tensor<6xf32>
  func.return %v6 : tensor<6xf32>
}

// The order of the loops follows memory.
// CHECK-LABEL: func.func private @channels_last(%x: memref<2x3x4x5xf32, strided<[60, 1, 15, 3]>>, %out: memref<2x3x4x5xf32, strided<[60, 1, 15, 3]>>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c40 = arith.constant 40 : index
// CHECK-NEXT:     %x_1 = memref.reinterpret_cast %x to offset: [0], sizes: [3, 40], strides: [1, 3] : memref<2x3x4x5xf32, strided<[60, 1, 15, 3]>> to memref<3x40xf32, strided<[1, 3]>>
// CHECK-NEXT:     %out_1 = memref.reinterpret_cast %out to offset: [0], sizes: [3, 40], strides: [1, 3] : memref<2x3x4x5xf32, strided<[60, 1, 15, 3]>> to memref<3x40xf32, strided<[1, 3]>>
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c3 = arith.constant 3 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c3, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       scf.for %1 = %c0 to %c40 step %c1 {
// CHECK-NEXT:         %x_2 = memref.load %x_1[%0, %1] : memref<3x40xf32, strided<[1, 3]>>
// CHECK-NEXT:         %r = arith.negf %x_2 : f32
// CHECK-NEXT:         memref.store %r, %out_1[%0, %1] : memref<3x40xf32, strided<[1, 3]>>
// CHECK-NEXT:       } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 2 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @channels_last(%x: tensor<2x3x4x5xf32> {fxt.strides = [60 : i64, 1 : i64, 15 : i64, 3 : i64]}) -> (tensor<2x3x4x5xf32> {fxt.strides = [60 : i64, 1 : i64, 15 : i64, 3 : i64]}) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 3 : i64, width = 16 : i64, unroll = 1 : i64, grain = 2 : i64, chunk = 64 : i64}]} {
  %v1 = tensor.empty() : tensor<2x3x4x5xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<2x3x4x5xf32>) outs(%v1 : tensor<2x3x4x5xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4x5xf32>
  func.return %v2 : tensor<2x3x4x5xf32>
}

// Several reduced dims: nested loops carry the sum.
// CHECK-LABEL: func.func private @batch_sum(%x: memref<3x4x32xf32>, %out: memref<4xf32>) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %v3 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c3 = arith.constant 3 : index
// CHECK-NEXT:     %c32 = arith.constant 32 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     %c4 = arith.constant 4 : index
// CHECK-NEXT:     "scf.parallel"(%c0, %c4, %c1) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
// CHECK-NEXT:     ^bb0(%0: index):
// CHECK-NEXT:       %1 = scf.for %2 = %c0 to %c3 step %c1 iter_args(%3 = %v3) -> (f32) {
// CHECK-NEXT:         %4 = scf.for %5 = %c0 to %c32 step %c1 iter_args(%6 = %3) -> (f32) {
// CHECK-NEXT:           %x_1 = memref.load %x[%2, %0, %5] : memref<3x4x32xf32>
// CHECK-NEXT:           %r = arith.addf %x_1, %6 : f32
// CHECK-NEXT:           scf.yield %r : f32
// CHECK-NEXT:         } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:         scf.yield %4 : f32
// CHECK-NEXT:       }
// CHECK-NEXT:       memref.store %1, %out[%0] : memref<4xf32>
// CHECK-NEXT:       scf.reduce
// CHECK-NEXT:     }) {fxlower.grain = 1 : i64} : (index, index, index) -> ()
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @batch_sum(%x: tensor<3x4x32xf32>) -> (tensor<4xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 2 : i64, width = 16 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 1 : i64}]} {
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

// A transposed operand is read in tiles; the store stays contiguous.
// CHECK-LABEL: func.func private @transposed_tiles
// CHECK: %tile = memref.alloca() {alignment = 64 : i64} : memref<1x64x64xf32>
// CHECK: tile.pack %{{.*}}[%{{.*}}, %{{.*}}] bounds %{{.*}}, %{{.*}} into %tile : memref<256x100xf32> into memref<1x64x64xf32>
// CHECK: memref.load %tile[%c0, %{{.*}}, %{{.*}}] : memref<1x64x64xf32>
// CHECK: {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
func.func private @transposed_tiles(%x: tensor<256x100xf32>) -> (tensor<100x256xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 4 : i64, grain = 1 : i64, chunk = 64 : i64, tile = 64 : i64}]} {
  %v1 = tensor.empty() : tensor<100x256xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<256x100xf32>) outs(%v1 : tensor<100x256xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  } -> tensor<100x256xf32>
  func.return %v2 : tensor<100x256xf32>
}

// Transposed in registers: the loop along which the operand runs is inside that over the lanes.
// CHECK-LABEL: func.func private @transposed_in_registers
// CHECK:     scf.for %[[V:[0-9]+]] = %c0 to %c256 step %c1 {
// CHECK-NEXT:       scf.for %[[T:[0-9]+]] = %{{.*}} to %{{.*}} step %c1 {
// CHECK-NEXT:         %[[X:[_a-z0-9]+]] = memref.load %x[%[[V]], %[[T]]] : memref<256x100xf32>
// CHECK-NEXT:         %[[R:[_a-z0-9]+]] = arith.negf %[[X]] : f32
// CHECK-NEXT:         memref.store %[[R]], %{{.*}}[%[[T]], %[[V]]] : memref<100x256xf32>
// CHECK-NEXT:       } {fxlower.transpose = 16 : i64}
// CHECK-NEXT:     } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
func.func private @transposed_in_registers(%x: tensor<256x100xf32>) -> (tensor<100x256xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 1 : i64, width = 16 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 1024 : i64, tile = 16 : i64, transpose = 16 : i64}]} {
  %v1 = tensor.empty() : tensor<100x256xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<256x100xf32>) outs(%v1 : tensor<100x256xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  } -> tensor<100x256xf32>
  func.return %v2 : tensor<100x256xf32>
}
// A block of points: the last loop whole, of the one before it three iterations.
// CHECK-LABEL: func.func private @block
// CHECK:     "scf.parallel"(%c0, %c8, %c1) <{{.*}}> ({
// CHECK:       %[[START:[0-9]+]] = arith.muli %{{[0-9]+}}, %c3 : index
// CHECK-NEXT:       %[[END:[0-9]+]] = arith.addi %[[START]], %c3 : index
// CHECK-NEXT:       %[[UPPER:[0-9]+]] = arith.minui %[[END]], %c10 : index
// CHECK-NEXT:       scf.for %[[J:[0-9]+]] = %[[START]] to %[[UPPER]] step %c1 {
// CHECK-NEXT:         scf.for %[[K:[0-9]+]] = %c0 to %c5 step %c1 {
// CHECK-NEXT:           scf.for %[[L:[0-9]+]] = %c0 to %c16 step %c1 {
// CHECK-NEXT:             %{{.*}} = memref.load %x[%[[I:[0-9]+]], %[[K]], %[[J]], %[[L]]] : memref<2x5x10x16xf32>
// CHECK-NEXT:             memref.store %{{.*}}, %out[%[[I]], %[[J]], %[[K]], %[[L]]] : memref<2x10x5x16xf32>
func.func private @block(%x: tensor<2x5x10x16xf32>) -> (tensor<2x10x5x16xf32>) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 3 : i64, width = 16 : i64, unroll = 1 : i64, grain = 1 : i64, chunk = 16 : i64, block = 17 : i64}]} {
  %v1 = tensor.empty() : tensor<2x10x5x16xf32>
  %v2 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d2, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<2x5x10x16xf32>) outs(%v1 : tensor<2x10x5x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<2x10x5x16xf32>
  func.return %v2 : tensor<2x10x5x16xf32>
}

// Two results take over the memory of each other's operand: what the second reads is loaded before
// the first is stored.
// CHECK-LABEL: func.func private @swap(%a: memref<64xf32> {fxt.written}, %b: memref<64xf32> {fxt.written}) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c64 = arith.constant 64 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     scf.for %0 = %c0 to %c64 step %c1 {
// CHECK-NEXT:       %b_1 = memref.load %b[%0] : memref<64xf32>
// CHECK-NEXT:       %a_1 = memref.load %a[%0] : memref<64xf32>
// CHECK-NEXT:       memref.store %b_1, %a[%0] : memref<64xf32>
// CHECK-NEXT:       memref.store %a_1, %b[%0] : memref<64xf32>
// CHECK-NEXT:     } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @swap(%a: tensor<64xf32>, %b: tensor<64xf32>) -> (tensor<64xf32> {fxt.inplace = 0 : i64}, tensor<64xf32> {fxt.inplace = 1 : i64}) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = 0, width = 16, unroll = 1, grain = 64, chunk = 64}]} {
  %init = tensor.empty() : tensor<64xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%b : tensor<64xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%x: f32, %y: f32):
    linalg.yield %x : f32
  } -> tensor<64xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a : tensor<64xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%x: f32, %y: f32):
    linalg.yield %x : f32
  } -> tensor<64xf32>
  func.return %0, %1 : tensor<64xf32>, tensor<64xf32>
}

// A slice that is an argument lies in the result's memory already.
// CHECK-LABEL: func.func private @update(%before: memref<4xf32>, %new: memref<2xf32>, %memory: memref<6xf32> {fxt.written}) attributes {fxlower.kernel = "loops"} {
// CHECK-NEXT:     %memory_1 = memref.reinterpret_cast %memory to offset: [4], sizes: [2], strides: [1] : memref<6xf32> to memref<2xf32, strided<[1], offset: 4>>
// CHECK-NEXT:     %c0 = arith.constant 0 : index
// CHECK-NEXT:     %c2 = arith.constant 2 : index
// CHECK-NEXT:     %c1 = arith.constant 1 : index
// CHECK-NEXT:     scf.for %0 = %c0 to %c2 step %c1 {
// CHECK-NEXT:       %new_1 = memref.load %new[%0] : memref<2xf32>
// CHECK-NEXT:       memref.store %new_1, %memory_1[%0] : memref<2xf32, strided<[1], offset: 4>>
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return
// CHECK-NEXT:   }
func.func private @update(%before: tensor<4xf32>, %new: tensor<2xf32>, %memory: tensor<6xf32>) -> (tensor<6xf32> {fxt.inplace = 2 : i64}) attributes {fxlower.kernel = "loops", fxlower.schedule = [{vector_dim = -1, width = 1, unroll = 1, grain = 64, chunk = 64}]} {
  %0 = tensor.insert_slice %before into %memory[0] [4] [1] : tensor<4xf32> into tensor<6xf32>
  %init = tensor.empty() : tensor<2xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%new : tensor<2xf32>) outs(%init : tensor<2xf32>) {
  ^bb0(%x: f32, %y: f32):
    linalg.yield %x : f32
  } -> tensor<2xf32>
  %2 = tensor.insert_slice %1 into %0[4] [2] [1] : tensor<2xf32> into tensor<6xf32>
  func.return %2 : tensor<6xf32>
}
}
