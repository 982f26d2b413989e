// RUN: fxlower-opt -p form-kernels{traffic=true} --split-input-file %s | filecheck %s

// Two groups that read the same tensor are one kernel: 4 KiB in instead of 8.
func.func @maps(%x: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>) {
  %0 = fxt.exp %x : tensor<32x32xf32>
  %1 = fxt.sin %x : tensor<32x32xf32>
  func.return %0, %1 : tensor<32x32xf32>, tensor<32x32xf32>
}

// CHECK-LABEL: func.func @maps(%x: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>) {
// CHECK-NEXT:    %0, %1 = fxt.call @exp_sin_{{[0-9a-f]+}}(%x) : (tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>)
// CHECK-NEXT:    func.return %0, %1 : tensor<32x32xf32>, tensor<32x32xf32>
// CHECK:       func.func private @exp_sin_{{[0-9a-f]+}}(%0: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>) attributes {fxlower.kernel = "loops", fxlower.ops = "exp,sin", fxlower.shape = "32x32", fxlower.traffic = {reads = 4096 : i64, writes = 8192 : i64, unfused = 16384 : i64, operations = 2048 : i64}} {

// -----

// A map and a reduction of rows.
func.func @map_and_rows(%x: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32xf32>) {
  %0 = fxt.exp %x : tensor<32x32xf32>
  %1 = fxt.sum %x, array<i64: 1> : (tensor<32x32xf32>) -> tensor<32xf32>
  func.return %0, %1 : tensor<32x32xf32>, tensor<32xf32>
}

// CHECK-LABEL: func.func @map_and_rows(%x: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32xf32>) {
// CHECK-NEXT:    %0, %1 = fxt.call @exp_sum_{{[0-9a-f]+}}(%x) : (tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32xf32>)
// CHECK-NEXT:    func.return %0, %1 : tensor<32x32xf32>, tensor<32xf32>
// CHECK:       func.func private @exp_sum_{{[0-9a-f]+}}(%0: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32xf32>) attributes {fxlower.kernel = "loops", fxlower.ops = "exp,sum", fxlower.shape = "32[32]", fxlower.traffic = {reads = 4096 : i64, writes = 4224 : i64, unfused = 12416 : i64, operations = 2048 : i64}} {

// -----

// Not a map and a reduction of columns, whose lanes are elsewhere.
func.func @map_and_columns(%x: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32xf32>) {
  %0 = fxt.exp %x : tensor<32x32xf32>
  %1 = fxt.sum %x, array<i64: 0> : (tensor<32x32xf32>) -> tensor<32xf32>
  func.return %0, %1 : tensor<32x32xf32>, tensor<32xf32>
}

// CHECK-LABEL: func.func @map_and_columns(%x: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32xf32>) {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<32x32xf32>) -> tensor<32x32xf32>
// CHECK-NEXT:    %1 = fxt.call @sum_{{[0-9a-f]+}}(%x) : (tensor<32x32xf32>) -> tensor<32xf32>
// CHECK-NEXT:    func.return %0, %1 : tensor<32x32xf32>, tensor<32xf32>
// CHECK:       func.func private @exp_{{[0-9a-f]+}}(%0: tensor<32x32xf32>) -> tensor<32x32xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "32x32", fxlower.traffic = {reads = 4096 : i64, writes = 4096 : i64, unfused = 8192 : i64, operations = 1024 : i64}} {
// CHECK:       func.func private @sum_{{[0-9a-f]+}}(%0: tensor<32x32xf32>) -> tensor<32xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "sum", fxlower.shape = "32[32]", fxlower.traffic = {reads = 4096 : i64, writes = 128 : i64, unfused = 4224 : i64, operations = 1024 : i64}} {

// -----

// Not reductions of rows and of columns.
func.func @rows_and_columns(%x: tensor<32x32xf32>) -> (tensor<32xf32>, tensor<32xf32>) {
  %0 = fxt.sum %x, array<i64: 1> : (tensor<32x32xf32>) -> tensor<32xf32>
  %1 = fxt.sum %x, array<i64: 0> : (tensor<32x32xf32>) -> tensor<32xf32>
  func.return %0, %1 : tensor<32xf32>, tensor<32xf32>
}

// CHECK-LABEL: func.func @rows_and_columns(%x: tensor<32x32xf32>) -> (tensor<32xf32>, tensor<32xf32>) {
// CHECK-NEXT:    %0 = fxt.call @sum_{{[0-9a-f]+}}(%x) : (tensor<32x32xf32>) -> tensor<32xf32>
// CHECK-NEXT:    %1 = fxt.call @sum_{{[0-9a-f]+}}(%x) : (tensor<32x32xf32>) -> tensor<32xf32>
// CHECK-NEXT:    func.return %0, %1 : tensor<32xf32>, tensor<32xf32>
// CHECK:       func.func private @sum_{{[0-9a-f]+}}(%0: tensor<32x32xf32>) -> tensor<32xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "sum", fxlower.shape = "32[32]", fxlower.traffic = {reads = 4096 : i64, writes = 128 : i64, unfused = 4224 : i64, operations = 1024 : i64}} {
// CHECK:       func.func private @sum_{{[0-9a-f]+}}(%0: tensor<32x32xf32>) -> tensor<32xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "sum", fxlower.shape = "32[32]", fxlower.traffic = {reads = 4096 : i64, writes = 128 : i64, unfused = 4224 : i64, operations = 1024 : i64}} {

// -----

// Not what shares only a vector.
func.func @small_share(%x: tensor<32x32xf32>, %y: tensor<32x32xf32>, %v: tensor<32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>) {
  %b = fxt.broadcast %v, array<i64: 1> : (tensor<32xf32>) -> tensor<32x32xf32>
  %0 = fxt.mul %x, %b : tensor<32x32xf32>
  %1 = fxt.sub %y, %b : tensor<32x32xf32>
  func.return %0, %1 : tensor<32x32xf32>, tensor<32x32xf32>
}

// CHECK-LABEL: func.func @small_share(%x: tensor<32x32xf32>, %y: tensor<32x32xf32>, %v: tensor<32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>) {
// CHECK-NEXT:    %0 = fxt.call @mul_{{[0-9a-f]+}}(%x, %v) : (tensor<32x32xf32>, tensor<32xf32>) -> tensor<32x32xf32>
// CHECK-NEXT:    %1 = fxt.call @sub_{{[0-9a-f]+}}(%y, %v) : (tensor<32x32xf32>, tensor<32xf32>) -> tensor<32x32xf32>
// CHECK-NEXT:    func.return %0, %1 : tensor<32x32xf32>, tensor<32x32xf32>
// CHECK:       func.func private @mul_{{[0-9a-f]+}}(%0: tensor<32x32xf32>, %1: tensor<32xf32>) -> tensor<32x32xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "mul", fxlower.shape = "32x32", fxlower.traffic = {reads = 4224 : i64, writes = 4096 : i64, unfused = 12288 : i64, operations = 1024 : i64}} {
// CHECK:       func.func private @sub_{{[0-9a-f]+}}(%0: tensor<32x32xf32>, %1: tensor<32xf32>) -> tensor<32x32xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "sub", fxlower.shape = "32x32", fxlower.traffic = {reads = 4224 : i64, writes = 4096 : i64, unfused = 12288 : i64, operations = 1024 : i64}} {

// -----

// Nor one that needs the other, through a kernel of another kind.
func.func @in_between(%x: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>) {
  %0 = fxt.exp %x : tensor<32x32xf32>
  %1 = fxt.cumsum %0, 1 : (tensor<32x32xf32>) -> tensor<32x32xf32>
  %2 = fxt.mul %1, %x : tensor<32x32xf32>
  func.return %0, %2 : tensor<32x32xf32>, tensor<32x32xf32>
}

// CHECK-LABEL: func.func @in_between(%x: tensor<32x32xf32>) -> (tensor<32x32xf32>, tensor<32x32xf32>) {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<32x32xf32>) -> tensor<32x32xf32>
// CHECK-NEXT:    %1 = fxt.call @cumsum_{{[0-9a-f]+}}(%0) : (tensor<32x32xf32>) -> tensor<32x32xf32>
// CHECK-NEXT:    %2 = fxt.call @mul_{{[0-9a-f]+}}(%1, %x) : (tensor<32x32xf32>, tensor<32x32xf32>) -> tensor<32x32xf32>
// CHECK-NEXT:    func.return %0, %2 : tensor<32x32xf32>, tensor<32x32xf32>
// CHECK:       func.func private @exp_{{[0-9a-f]+}}(%0: tensor<32x32xf32>) -> tensor<32x32xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "exp", fxlower.shape = "32x32", fxlower.traffic = {reads = 4096 : i64, writes = 4096 : i64, unfused = 8192 : i64, operations = 1024 : i64}} {
// CHECK:       func.func private @cumsum_{{[0-9a-f]+}}(%0: tensor<32x32xf32>) -> tensor<32x32xf32> attributes {fxlower.kernel = "scan", fxlower.ops = "cumsum", fxlower.shape = "32x32", fxlower.traffic = {reads = 4096 : i64, writes = 4096 : i64, unfused = 8192 : i64, operations = 0 : i64}} {
// CHECK:       func.func private @mul_{{[0-9a-f]+}}(%0: tensor<32x32xf32>, %1: tensor<32x32xf32>) -> tensor<32x32xf32> attributes {fxlower.kernel = "loops", fxlower.ops = "mul", fxlower.shape = "32x32", fxlower.traffic = {reads = 8192 : i64, writes = 4096 : i64, unfused = 12288 : i64, operations = 1024 : i64}} {

// -----

// Not what is written transposed: some of the stores would go lane by lane.
func.func @transposed(%x: tensor<32x64xf32>) -> (tensor<32x64xf32>, tensor<64x32xf32>) {
  %0 = fxt.exp %x : tensor<32x64xf32>
  %t = fxt.permute %x, array<i64: 1, 0> : (tensor<32x64xf32>) -> tensor<64x32xf32>
  %1 = fxt.sin %t : tensor<64x32xf32>
  func.return %0, %1 : tensor<32x64xf32>, tensor<64x32xf32>
}

// CHECK-LABEL: func.func @transposed(%x: tensor<32x64xf32>) -> (tensor<32x64xf32>, tensor<64x32xf32>) {
// CHECK-NEXT:    %0 = fxt.call @exp_{{[0-9a-f]+}}(%x) : (tensor<32x64xf32>) -> tensor<32x64xf32>
// CHECK-NEXT:    %1 = fxt.call @sin_{{[0-9a-f]+}}(%x) : (tensor<32x64xf32>) -> tensor<64x32xf32>
