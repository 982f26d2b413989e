// A pass that fails says so in one message, and how to see it fail again.

// RUN: not fxlower-opt --machine x86-64-v3 -p cse,convert-to-llvm,dce %s 2>&1 | filecheck %s
// RUN: not fxlower-opt --from loops --until llvm %s 2>&1 | filecheck %s --check-prefix=STAGES

// CHECK:      fxlower-opt: error: convert-to-llvm: no rule lowers 'fxt.neg' in @f
// CHECK-NEXT: reproduce: fxlower-opt -p cse,convert-to-llvm --machine x86-64-v3 {{.*}}pass_failure.mlir
// CHECK-NOT:  Traceback

// STAGES:      fxlower-opt: error: {{.*}}: no rule lowers 'fxt.neg' in @f
// STAGES-NEXT: reproduce: fxlower-opt -p {{.*}}vectorize,expand-math{{.*}} {{.*}}pass_failure.mlir

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = fxt.neg %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}
