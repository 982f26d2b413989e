// RUN: fxlower-opt -p form-kernels,pack-weights,split-segments --verify-each --split-input-file %s | filecheck %s

// A constant operand is moved to panels by a call that the host makes; the bias is none of a product.
func.func @main(%x: tensor<100x70xf32>, %w: tensor<90x70xf32> {fxt.constant}, %b: tensor<90xf32> {fxt.constant}) -> tensor<100x90xf32> {
  %t = fxt.permute %w, array<i64: 1, 0> : (tensor<90x70xf32>) -> tensor<70x90xf32>
  %0 = fxt.matmul %x, %t : (tensor<100x70xf32>, tensor<70x90xf32>) -> tensor<100x90xf32>
  %1 = fxt.broadcast %b, array<i64: 1> : (tensor<90xf32>) -> tensor<100x90xf32>
  %2 = fxt.add %0, %1 : tensor<100x90xf32>
  func.return %2 : tensor<100x90xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %[[P:.*]] = fxt.call @pack_[[PACK:[0-9a-f]+]](%w) {fxt.constant} : (tensor<90x70xf32>) -> tensor<[[PANELS:[0-9]+x70x[0-9]+xf32]]>
// CHECK-NEXT:    %{{.*}} = fxt.call @segment_0(%x, %[[P]], %b)
// CHECK:       func.func private @segment_0
// CHECK-NEXT:    %{{.*}} = fxt.call @matmul_add_[[PRODUCT:[0-9a-f]+]](
// CHECK:       func.func private @pack_[[PACK]](%0: tensor<90x70xf32>) -> tensor<[[PANELS]]> attributes {fxlower.kernel = "pack"
// CHECK-NEXT:    %1 = tile.to_panels %0, 0, 1 : tensor<90x70xf32> -> tensor<[[PANELS]]>
// CHECK-NEXT:    func.return %1
// CHECK:       func.func private @matmul_add_[[PRODUCT]](%0: tensor<100x70xf32>, %1: tensor<[[PANELS]]>, %2: tensor<90xf32>)
// CHECK-NEXT:    %{{.*}} = tile.from_panels %1, 0, 1 : tensor<[[PANELS]]> -> tensor<90x70xf32>
// CHECK:         linalg.generic

// -----

// Two products read the same panels; a product of one row reads the weight where it is.
func.func @main(%x: tensor<100x70xf32>, %y: tensor<1x70xf32>, %w: tensor<70x90xf32> {fxt.constant}) -> (tensor<100x90xf32>, tensor<100x90xf32>, tensor<1x90xf32>) {
  %0 = fxt.matmul %x, %w : (tensor<100x70xf32>, tensor<70x90xf32>) -> tensor<100x90xf32>
  %1 = fxt.neg %x : tensor<100x70xf32>
  %2 = fxt.matmul %1, %w : (tensor<100x70xf32>, tensor<70x90xf32>) -> tensor<100x90xf32>
  %3 = fxt.matmul %y, %w : (tensor<1x70xf32>, tensor<70x90xf32>) -> tensor<1x90xf32>
  func.return %0, %2, %3 : tensor<100x90xf32>, tensor<100x90xf32>, tensor<1x90xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %[[P:.*]] = fxt.call @pack_{{[0-9a-f]+}}(%w) {fxt.constant}
// CHECK-NOT:     fxt.constant
// CHECK:         fxt.call @segment_0(%x, %[[P]], %y, %w)

// -----

// Many rows make up for packing the weight in each call.
func.func @main(%x: tensor<1024x70xf32>, %w: tensor<70x90xf32> {fxt.constant}) -> tensor<1024x90xf32> {
  %0 = fxt.matmul %x, %w : (tensor<1024x70xf32>, tensor<70x90xf32>) -> tensor<1024x90xf32>
  func.return %0 : tensor<1024x90xf32>
}

// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %{{.*}} = fxt.call @segment_0(%x, %w)
// CHECK-NOT:     tile.from_panels
