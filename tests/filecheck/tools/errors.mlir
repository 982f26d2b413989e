// What was found, what there is, what to do; one message on stderr, no traceback.

// RUN: not fxlower-opt -p canonicalise-fxt %s 2>&1 | filecheck %s --check-prefix=PASS
// PASS: fxlower-opt: error: no pass 'canonicalise-fxt'; did you mean 'canonicalize-fxt'? there are canonicalize-fxt, 

// RUN: not fxlower-opt -p cse{x=1} %s 2>&1 | filecheck %s --check-prefix=ARGUMENT
// ARGUMENT: fxlower-opt: error: pass 'cse': Provided arguments ["x"] not found

// RUN: not fxlower-opt -p cse{ %s 2>&1 | filecheck %s --check-prefix=PIPELINE
// PIPELINE: fxlower-opt: error: Error parsing pass pipeline specification:

// RUN: not fxlower-opt --until loop %s 2>&1 | filecheck %s --check-prefix=STAGE
// STAGE: fxlower-opt: error: target 'host' has no stage 'loop'; did you mean 'loops'? there are fxt, tensor, linalg, loops, vector, llvm

// RUN: not fxlower-opt --from loops --until tensor %s 2>&1 | filecheck %s --check-prefix=ORDER
// ORDER: fxlower-opt: error: stage 'tensor' comes before stage 'loops', not after it

// RUN: not fxlower-opt -p cse --until tensor %s 2>&1 | filecheck %s --check-prefix=BOTH
// BOTH: fxlower-opt: error: -p names the passes, --from and --until choose them: give one or the other

// RUN: not fxlower-opt --machine x86-64-v5 %s 2>&1 | filecheck %s --check-prefix=MACHINE
// MACHINE: fxlower-opt: error: no machine 'x86-64-v5'; did you mean 'x86-64-v4'? there are host, x86-64-v3,

// RUN: not fxlower-opt --emit exe %s 2>&1 | filecheck %s --check-prefix=EMIT
// EMIT: fxlower-opt: error: argument --emit: invalid choice: 'exe'

// RUN: not fxlower-opt -p cse --emit llvm %s 2>&1 | filecheck %s --check-prefix=LEVEL
// LEVEL: fxlower-opt: error: --emit llvm needs a module at stage llvm: expected only llvm.func in the module, found 'func.func'

// RUN: not fxlower-opt %s.missing 2>&1 | filecheck %s --check-prefix=FILE
// FILE: fxlower-opt: error: No such file or directory: {{.*}}errors.mlir.missing

func.func @f(%x: f32) -> f32 {
  func.return %x : f32
}
