// A row kernel, with a symbolic number of rows: one kernel, one parallel loop, two passes over memory.

// RUN: fxlower-opt --machine x86-64-v4 --until linalg %s | filecheck %s --check-prefix=LINALG
// RUN: fxlower-opt --machine x86-64-v4 --until loops --verify-each %s | filecheck %s --check-prefix=LOOPS
// RUN: fxlower-opt --machine x86-64-v4 --until vector %s | filecheck %s --check-prefix=VECTOR
// RUN: fxlower-opt --machine x86-64-v4 --until llvm %s | filecheck %s --check-prefix=LLVM

// RUN: fxlower-opt --machine x86-64-v4 --until llvm -o %t.direct %s
// RUN: fxlower-opt --machine x86-64-v4 --until tensor %s | fxlower-opt --from tensor --until linalg | fxlower-opt --from linalg --until loops | fxlower-opt --from loops --until vector | fxlower-opt --from vector --until llvm -o %t.stepwise
// RUN: diff %t.direct %t.stepwise

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

// LINALG:       func.func private @amax_sub_exp_sum_div_{{[0-9a-f]+}}(%{{.*}}: tensor<?x512xf32, ["d0", 512 : i64]>, %d0: index {fxt.symbol = "d0"})
// LINALG-SAME:    fxlower.kernel = "loops"

// LOOPS:        func.func private @amax_sub_exp_sum_div_
// LOOPS:          "scf.parallel"
// LOOPS:            arith.maximumf {{.*}} : f32
// LOOPS:            math.exp {{.*}} : f32
// LOOPS:            arith.divf {{.*}} : f32
// LOOPS-NOT:      "scf.parallel"

// VECTOR:         vector.reduction <maximumf>
// VECTOR-NOT:     math.exp
// VECTOR:         vector.reduction <add>

// LLVM-NOT:     func.func
// LLVM:         llvm.func internal @amax_sub_exp_sum_div_{{[0-9a-f]+}}_parallel_0(%begin: i64, %end: i64, %captured: !llvm.ptr)
// LLVM:         llvm.call @fxlower_parallel_for
