// RUN: fxlower-opt -p form-kernels --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: form-kernels: @no_argument uses the symbol 's0', but has only the symbol arguments []
func.func @no_argument(%x: tensor<?xf32, ["s0"]>) -> tensor<?xf32, ["s0"]> {
  %0 = fxt.exp %x : tensor<?xf32, ["s0"]>
  func.return %0 : tensor<?xf32, ["s0"]>
}

