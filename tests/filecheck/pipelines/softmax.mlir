func.func @main(%x: tensor<?x512xf32, ["s0", 512 : i64]>, %s0: index {fxt.symbol = "s0"}) -> tensor<?x512xf32, ["s0", 512 : i64]> {
  %max = fxt.amax %x, array<i64: 1> : (tensor<?x512xf32, ["s0", 512 : i64]>) -> tensor<?xf32, ["s0"]>
  %max_rows = fxt.broadcast %max, array<i64: 0> : (tensor<?xf32, ["s0"]>) -> tensor<?x512xf32, ["s0", 512 : i64]>
  %shifted = fxt.sub %x, %max_rows : tensor<?x512xf32, ["s0", 512 : i64]>
  %exp = fxt.exp %shifted : tensor<?x512xf32, ["s0", 512 : i64]>
  %sum = fxt.sum %exp, array<i64: 1> : (tensor<?x512xf32, ["s0", 512 : i64]>) -> tensor<?xf32, ["s0"]>
  %sum_rows = fxt.broadcast %sum, array<i64: 0> : (tensor<?xf32, ["s0"]>) -> tensor<?x512xf32, ["s0", 512 : i64]>
  %softmax = fxt.div %exp, %sum_rows : tensor<?x512xf32, ["s0", 512 : i64]>
  func.return %softmax : tensor<?x512xf32, ["s0", 512 : i64]>
}
