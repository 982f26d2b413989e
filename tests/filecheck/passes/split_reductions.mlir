// RUN: fxlower-opt -p split-reductions %s | filecheck %s

// `x86-64-v4` has one core on paper: fewer than 4 results are too few.

builtin.module attributes {fxlower.machine = "x86-64-v4"} {

// CHECK-LABEL: func.func @full(
// CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<1048576xf32>) -> tensor<256x4096xf32>
// CHECK-NEXT:    %1 = fxt.mul %0, %0 : tensor<256x4096xf32>
// CHECK-NEXT:    %2 = fxt.sum %1, array<i64: 1> : (tensor<256x4096xf32>) -> tensor<256xf32>
// CHECK-NEXT:    %s = fxt.sum %2, array<i64: 0> : (tensor<256xf32>) -> tensor<f32>
// CHECK-NEXT:    func.return %s : tensor<f32>
func.func @full(%x: tensor<1048576xf32>) -> tensor<f32> {
  %e = fxt.mul %x, %x : tensor<1048576xf32>
  %s = fxt.sum %e, array<i64: 0> : (tensor<1048576xf32>) -> tensor<f32>
  func.return %s : tensor<f32>
}

// CHECK-LABEL: func.func @bc(
// CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<4096x768xf32>) -> tensor<256x16x768xf32>
// CHECK-NEXT:    %1 = fxt.broadcast %b, array<i64: 2> : (tensor<768xf32>) -> tensor<256x16x768xf32>
// CHECK-NEXT:    %2 = fxt.sub %0, %1 : tensor<256x16x768xf32>
// CHECK-NEXT:    %3 = fxt.sum %2, array<i64: 1, 2> : (tensor<256x16x768xf32>) -> tensor<256xf32>
// CHECK-NEXT:    %s = fxt.sum %3, array<i64: 0> : (tensor<256xf32>) -> tensor<f32>
// CHECK-NEXT:    func.return %s : tensor<f32>
func.func @bc(%x: tensor<4096x768xf32>, %b: tensor<768xf32>) -> tensor<f32> {
  %c = fxt.broadcast %b, array<i64: 1> : (tensor<768xf32>) -> tensor<4096x768xf32>
  %e = fxt.sub %x, %c : tensor<4096x768xf32>
  %s = fxt.sum %e, array<i64: 0, 1> : (tensor<4096x768xf32>) -> tensor<f32>
  func.return %s : tensor<f32>
}

// CHECK-LABEL: func.func @prime(
// CHECK-NEXT:    %0 = fxt.slice %x, [0 : i64], array<i64: 1> : (tensor<1000003xf32>) -> tensor<999936xf32>
// CHECK-NEXT:    %1 = fxt.slice %x, [999936 : i64], array<i64: 1> : (tensor<1000003xf32>) -> tensor<67xf32>
// CHECK-NEXT:    %2 = fxt.abs %1 : tensor<67xf32>
// CHECK-NEXT:    %3 = fxt.reshape %0 : (tensor<999936xf32>) -> tensor<256x3906xf32>
// CHECK-NEXT:    %4 = fxt.abs %3 : tensor<256x3906xf32>
// CHECK-NEXT:    %5 = fxt.amax %4, array<i64: 1> : (tensor<256x3906xf32>) -> tensor<256xf32>
// CHECK-NEXT:    %6 = fxt.amax %5, array<i64: 0> : (tensor<256xf32>) -> tensor<f32>
// CHECK-NEXT:    %7 = fxt.amax %2, array<i64: 0> : (tensor<67xf32>) -> tensor<f32>
// CHECK-NEXT:    %s = fxt.max %6, %7 : tensor<f32>
// CHECK-NEXT:    func.return %s : tensor<f32>
func.func @prime(%x: tensor<1000003xf32>) -> tensor<f32> {
  %e = fxt.abs %x : tensor<1000003xf32>
  %s = fxt.amax %e, array<i64: 0> : (tensor<1000003xf32>) -> tensor<f32>
  func.return %s : tensor<f32>
}

// CHECK-LABEL: func.func @rows(
// CHECK-NEXT:    %0 = fxt.sum %x, array<i64: 1> : (tensor<128x768xf32>) -> tensor<128xf32>
// CHECK-NEXT:    %s = fxt.sum %0, array<i64: 0> : (tensor<128xf32>) -> tensor<f32>
// CHECK-NEXT:    func.return %s : tensor<f32>
func.func @rows(%x: tensor<128x768xf32>) -> tensor<f32> {
  %s = fxt.sum %x, array<i64: 0, 1> : (tensor<128x768xf32>) -> tensor<f32>
  func.return %s : tensor<f32>
}

// CHECK-LABEL: func.func @columns(
// CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<1048576x3xf32>) -> tensor<256x4096x3xf32>
// CHECK-NEXT:    %1 = fxt.sum %0, array<i64: 1> : (tensor<256x4096x3xf32>) -> tensor<256x3xf32>
// CHECK-NEXT:    %s = fxt.sum %1, array<i64: 0> : (tensor<256x3xf32>) -> tensor<3xf32>
// CHECK-NEXT:    func.return %s : tensor<3xf32>
func.func @columns(%x: tensor<1048576x3xf32>) -> tensor<3xf32> {
  %s = fxt.sum %x, array<i64: 0> : (tensor<1048576x3xf32>) -> tensor<3xf32>
  func.return %s : tensor<3xf32>
}

// Already parallel.

// CHECK-LABEL: func.func @keep_many_results(
// CHECK-NEXT:    %s = fxt.sum %x, array<i64: 1> : (tensor<8x1048576xf32>) -> tensor<8xf32>
// CHECK-NEXT:    func.return %s : tensor<8xf32>
func.func @keep_many_results(%x: tensor<8x1048576xf32>) -> tensor<8xf32> {
  %s = fxt.sum %x, array<i64: 1> : (tensor<8x1048576xf32>) -> tensor<8xf32>
  func.return %s : tensor<8xf32>
}

// CHECK-LABEL: func.func @keep_short(
// CHECK-NEXT:    %s = fxt.sum %x, array<i64: 0> : (tensor<4096xf32>) -> tensor<f32>
// CHECK-NEXT:    func.return %s : tensor<f32>
func.func @keep_short(%x: tensor<4096xf32>) -> tensor<f32> {
  %s = fxt.sum %x, array<i64: 0> : (tensor<4096xf32>) -> tensor<f32>
  func.return %s : tensor<f32>
}

// A size that is not known may be long. Reduced axes become one.

// CHECK-LABEL: func.func @dynamic(
// CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<?xf32, ["8*s0"]>
// CHECK-NEXT:    %1 = fxt.slice %0, [0 : i64], array<i64: 1> : (tensor<?xf32, ["8*s0"]>) -> tensor<?xf32, ["32768*((8*s0)//32768)"]>
// CHECK-NEXT:    %2 = fxt.slice %0, ["32768*((8*s0)//32768)"], array<i64: 1> : (tensor<?xf32, ["8*s0"]>) -> tensor<?xf32, ["-32768*((8*s0)//32768) + 8*s0"]>
// CHECK-NEXT:    %3 = fxt.abs %2 : tensor<?xf32, ["-32768*((8*s0)//32768) + 8*s0"]>
// CHECK-NEXT:    %4 = fxt.reshape %1 : (tensor<?xf32, ["32768*((8*s0)//32768)"]>) -> tensor<?x32768xf32, ["((8*s0)//32768)", 32768 : i64]>
// CHECK-NEXT:    %5 = fxt.abs %4 : tensor<?x32768xf32, ["((8*s0)//32768)", 32768 : i64]>
// CHECK-NEXT:    %6 = fxt.amax %5, array<i64: 1> : (tensor<?x32768xf32, ["((8*s0)//32768)", 32768 : i64]>) -> tensor<?xf32, ["((8*s0)//32768)"]>
// CHECK-NEXT:    %7 = fxt.amax %6, array<i64: 0> : (tensor<?xf32, ["((8*s0)//32768)"]>) -> tensor<f32>
// CHECK-NEXT:    %8 = fxt.amax %3, array<i64: 0> : (tensor<?xf32, ["-32768*((8*s0)//32768) + 8*s0"]>) -> tensor<f32>
// CHECK-NEXT:    %s = fxt.max %7, %8 : tensor<f32>
// CHECK-NEXT:    func.return %s : tensor<f32>
func.func @dynamic(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"}) -> tensor<f32> {
  %e = fxt.abs %x : tensor<?x8xf32, ["s0", 8 : i64]>
  %s = fxt.amax %e, array<i64: 0, 1> : (tensor<?x8xf32, ["s0", 8 : i64]>) -> tensor<f32>
  func.return %s : tensor<f32>
}

// CHECK-LABEL: func.func @dynamic_rest(
// CHECK-NEXT:    %0 = fxt.slice %x, [0 : i64], array<i64: 1> : (tensor<?xf32, ["s0"]>) -> tensor<?xf32, ["32768*((s0)//32768)"]>
// CHECK-NEXT:    %1 = fxt.slice %x, ["32768*((s0)//32768)"], array<i64: 1> : (tensor<?xf32, ["s0"]>) -> tensor<?xf32, ["-32768*((s0)//32768) + s0"]>
// CHECK-NEXT:    %2 = fxt.reshape %0 : (tensor<?xf32, ["32768*((s0)//32768)"]>) -> tensor<?x32768xf32, ["((s0)//32768)", 32768 : i64]>
// CHECK-NEXT:    %3 = fxt.sum %2, array<i64: 1> : (tensor<?x32768xf32, ["((s0)//32768)", 32768 : i64]>) -> tensor<?xf32, ["((s0)//32768)"]>
// CHECK-NEXT:    %4 = fxt.sum %3, array<i64: 0> : (tensor<?xf32, ["((s0)//32768)"]>) -> tensor<f32>
// CHECK-NEXT:    %5 = fxt.sum %1, array<i64: 0> : (tensor<?xf32, ["-32768*((s0)//32768) + s0"]>) -> tensor<f32>
// CHECK-NEXT:    %s = fxt.add %4, %5 : tensor<f32>
// CHECK-NEXT:    func.return %s : tensor<f32>
func.func @dynamic_rest(%x: tensor<?xf32, ["s0"]>, %s0: index {fxt.symbol = "s0"}) -> tensor<f32> {
  %s = fxt.sum %x, array<i64: 0> : (tensor<?xf32, ["s0"]>) -> tensor<f32>
  func.return %s : tensor<f32>
}

// CHECK-LABEL: func.func @keep_dynamic_results(
// CHECK-NEXT:    %s = fxt.sum %x, array<i64: 1> : (tensor<?x100000xf32, ["s0", 100000 : i64]>) -> tensor<?xf32, ["s0"]>
// CHECK-NEXT:    func.return %s : tensor<?xf32, ["s0"]>
func.func @keep_dynamic_results(%x: tensor<?x100000xf32, ["s0", 100000 : i64]>, %s0: index {fxt.symbol = "s0"}) -> tensor<?xf32, ["s0"]> {
  %s = fxt.sum %x, array<i64: 1> : (tensor<?x100000xf32, ["s0", 100000 : i64]>) -> tensor<?xf32, ["s0"]>
  func.return %s : tensor<?xf32, ["s0"]>
}

// Across long rows: parts of the rows, each read on and on.

// CHECK-LABEL: func.func @across_rows(
// CHECK-NEXT:    %0 = fxt.reshape %x : (tensor<4096x1024xf32>) -> tensor<16x256x1024xf32>
// CHECK-NEXT:    %1 = fxt.sum %0, array<i64: 1> : (tensor<16x256x1024xf32>) -> tensor<16x1024xf32>
// CHECK-NEXT:    %s = fxt.sum %1, array<i64: 0> : (tensor<16x1024xf32>) -> tensor<1024xf32>
// CHECK-NEXT:    func.return %s : tensor<1024xf32>
func.func @across_rows(%x: tensor<4096x1024xf32>) -> tensor<1024xf32> {
  %s = fxt.sum %x, array<i64: 0> : (tensor<4096x1024xf32>) -> tensor<1024xf32>
  func.return %s : tensor<1024xf32>
}

// CHECK-LABEL: func.func @keep_across_few_rows(
// CHECK-NEXT:    %s = fxt.sum %x, array<i64: 0> : (tensor<128x65536xf32>) -> tensor<65536xf32>
// CHECK-NEXT:    func.return %s : tensor<65536xf32>
func.func @keep_across_few_rows(%x: tensor<128x65536xf32>) -> tensor<65536xf32> {
  %s = fxt.sum %x, array<i64: 0> : (tensor<128x65536xf32>) -> tensor<65536xf32>
  func.return %s : tensor<65536xf32>
}

// Its producer is needed as it is, in one loop nest with the reduction.

// CHECK-LABEL: func.func @keep_shared_producer(
// CHECK-NEXT:    %e = fxt.exp %x : tensor<1x1048576xf32>
// CHECK-NEXT:    %s = fxt.sum %e, array<i64: 1> : (tensor<1x1048576xf32>) -> tensor<1xf32>
// CHECK-NEXT:    %b = fxt.broadcast %s, array<i64: 0> : (tensor<1xf32>) -> tensor<1x1048576xf32>
// CHECK-NEXT:    %r = fxt.div %e, %b : tensor<1x1048576xf32>
// CHECK-NEXT:    func.return %r : tensor<1x1048576xf32>
func.func @keep_shared_producer(%x: tensor<1x1048576xf32>) -> tensor<1x1048576xf32> {
  %e = fxt.exp %x : tensor<1x1048576xf32>
  %s = fxt.sum %e, array<i64: 1> : (tensor<1x1048576xf32>) -> tensor<1xf32>
  %b = fxt.broadcast %s, array<i64: 0> : (tensor<1xf32>) -> tensor<1x1048576xf32>
  %r = fxt.div %e, %b : tensor<1x1048576xf32>
  func.return %r : tensor<1x1048576xf32>
}

// CHECK-LABEL: func.func @any(
// CHECK-NEXT:    %0 = fxt.slice %x, [0 : i64], array<i64: 1> : (tensor<1000003xi1>) -> tensor<999936xi1>
// CHECK-NEXT:    %1 = fxt.slice %x, [999936 : i64], array<i64: 1> : (tensor<1000003xi1>) -> tensor<67xi1>
// CHECK-NEXT:    %2 = fxt.reshape %0 : (tensor<999936xi1>) -> tensor<256x3906xi1>
// CHECK-NEXT:    %3 = fxt.amax %2, array<i64: 1> : (tensor<256x3906xi1>) -> tensor<256xi1>
// CHECK-NEXT:    %4 = fxt.amax %3, array<i64: 0> : (tensor<256xi1>) -> tensor<i1>
// CHECK-NEXT:    %5 = fxt.amax %1, array<i64: 0> : (tensor<67xi1>) -> tensor<i1>
// CHECK-NEXT:    %s = fxt.or %4, %5 : tensor<i1>
// CHECK-NEXT:    func.return %s : tensor<i1>
func.func @any(%x: tensor<1000003xi1>) -> tensor<i1> {
  %s = fxt.amax %x, array<i64: 0> : (tensor<1000003xi1>) -> tensor<i1>
  func.return %s : tensor<i1>
}

}
