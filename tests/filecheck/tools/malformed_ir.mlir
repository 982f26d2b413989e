// RUN: not fxlower-opt %S/Inputs/unknown_op.mlir 2>&1 | filecheck %s --check-prefix=UNKNOWN
// UNKNOWN:      fxlower-opt: error: {{.*}}unknown_op.mlir:2
// UNKNOWN-NEXT:   %y = fxt.unknown %x : f32
// UNKNOWN:        Operation fxt.unknown is not registered
// UNKNOWN-NOT:  Traceback

// RUN: not fxlower-opt %S/Inputs/open_string.mlir 2>&1 | filecheck %s --check-prefix=STRING
// STRING:      fxlower-opt: error: {{.*}}open_string.mlir:2
// STRING-NOT:  Traceback

// RUN: not fxlower-opt %S/Inputs/bad_iterator.mlir 2>&1 | filecheck %s --check-prefix=ITERATOR
// ITERATOR:      fxlower-opt: error: {{.*}}bad_iterator.mlir: malformed IR: {{.*}}'paralel' is not a valid IteratorType
// ITERATOR-NOT:  Traceback

// RUN: not fxlower-opt %S/Inputs/does_not_verify.mlir 2>&1 | filecheck %s --check-prefix=VERIFY
// VERIFY:      fxlower-opt: error:
// VERIFY:      Expected arguments to have the same types as the function output types
// VERIFY-NOT:  Traceback

// RUN: not fxlower-opt %S/Inputs/not_text.bin 2>&1 | filecheck %s --check-prefix=BINARY
// BINARY:      fxlower-opt: error: {{.*}}not_text.bin: malformed IR: {{.*}}'utf-8' codec can't decode
// BINARY-NOT:  Traceback
