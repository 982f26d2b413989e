// RUN: fxlower-opt --verify-diagnostics --split-input-file %s | filecheck %s

// CHECK: '@missing' does not name a function
func.func @main(%x: tensor<4xf32>) {
  %0 = fxt.call @missing(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// CHECK: @exp_1 has 1 operands and 1 results, got 2 and 1
func.func @main(%x: tensor<4xf32>) {
  %0 = fxt.call @exp_1(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}
func.func private @exp_1(tensor<4xf32>) -> tensor<4xf32>

// -----

// CHECK: operand or result 0 of @exp_1 must be tensor<4xf32>, got tensor<5xf32>
func.func @main(%x: tensor<5xf32>) {
  %0 = fxt.call @exp_1(%x) : (tensor<5xf32>) -> tensor<4xf32>
  func.return
}
func.func private @exp_1(tensor<4xf32>) -> tensor<4xf32>

// -----

// CHECK: results of @exp_1 are in the memory of arguments [0] (-1: in their own), got [-1]
func.func @main(%x: tensor<4xf32>) {
  %0 = fxt.call @exp_1(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}
func.func private @exp_1(tensor<4xf32>) -> (tensor<4xf32> {fxt.inplace = 0 : i64})

// -----

// CHECK: 'inplace' has an entry for each of the 1 results, got [0, 0]
func.func @main(%x: tensor<4xf32>) {
  %0 = fxt.call @exp_1(%x) {inplace = array<i64: 0, 0>} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}
func.func private @exp_1(memref<4xf32>)

// -----

// CHECK: 'inplace' names one of the 1 operands or -1, got 1
func.func @main(%x: tensor<4xf32>) {
  %0 = fxt.call @exp_1(%x) {inplace = array<i64: 1>} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}
func.func private @exp_1(memref<4xf32>)

// -----

// CHECK: a result in the memory of operand 0 must be tensor<5xf32>, got tensor<4xf32>
func.func @main(%x: tensor<5xf32>) {
  %0 = fxt.call @exp_1(%x) {inplace = array<i64: 0>} : (tensor<5xf32>) -> tensor<4xf32>
  func.return
}
func.func private @exp_1(memref<5xf32>)
