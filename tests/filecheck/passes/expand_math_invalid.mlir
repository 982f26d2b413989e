// RUN: fxlower-opt -p expand-math --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: expand-math: @f may trap and needs an argument %trap: memref<1xi64> {fxt.trap}
func.func @f(%d: i32) -> i32 {
  %y = fxt.nonzero_divisor %d : i32
  func.return %y : i32
}

// -----

// CHECK: size uses the symbol 's1', but the function has only the symbol arguments ['s0']
func.func @f(%i: i64, %trap: memref<1xi64> {fxt.trap}, %s0: index {fxt.symbol = "s0"}) -> i64 {
  %y = fxt.normalize_index "s1", %i : i64
  func.return %y : i64
}
