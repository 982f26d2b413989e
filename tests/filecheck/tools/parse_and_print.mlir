// RUN: fxlower-opt %s | filecheck %s
// RUN: fxlower-opt --print-op-generic %s | fxlower-opt | filecheck %s

// CHECK-LABEL: func.func @identity(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"})
// CHECK-NEXT:    func.return %x : tensor<?x8xf32, ["s0", 8 : i64]>
func.func @identity(%x: tensor<?x8xf32, ["s0", 8 : i64]>, %s0: index {fxt.symbol = "s0"}) -> tensor<?x8xf32, ["s0", 8 : i64]> {
  func.return %x : tensor<?x8xf32, ["s0", 8 : i64]>
}
