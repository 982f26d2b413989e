// RUN: fxlower-opt -p canonicalize,cse --print-after-all %s 2>&1 | filecheck %s --check-prefix=ALL
// RUN: fxlower-opt -p canonicalize,cse --print-after-change %s 2>&1 | filecheck %s --check-prefix=CHANGE
// RUN: fxlower-opt -p canonicalize,cse --timing --verify-each -o %t %s 2>&1 | filecheck %s --check-prefix=TIME

func.func @twice(%x: f32) -> f32 {
  %a = arith.addf %x, %x : f32
  %b = arith.addf %x, %x : f32
  %c = arith.mulf %a, %b : f32
  func.return %c : f32
}

// ALL:      // -----// IR after canonicalize //----- //
// ALL-NEXT: builtin.module {
// ALL:      // -----// IR after cse //----- //
// ALL-NEXT: builtin.module {

// CHANGE-NOT:  IR after canonicalize
// CHANGE:      // -----// IR after cse //----- //
// CHANGE-NEXT: builtin.module {
// CHANGE-NEXT:   func.func @twice(%x: f32) -> f32 {
// CHANGE-NEXT:     %a = arith.addf %x, %x : f32
// CHANGE-NEXT:     %c = arith.mulf %a, %a : f32

// TIME:      ms      %      ops  pass
// TIME-NEXT: {{[0-9. ]+}} 6  canonicalize
// TIME-NEXT: {{[0-9. ]+}} 5  cse
// TIME-NEXT: {{[0-9. ]+}} 100.0           total
