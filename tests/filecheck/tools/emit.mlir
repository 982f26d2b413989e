// RUN: fxlower-opt -p cse --machine x86-64-v3 --emit llvm %s | filecheck %s --check-prefix=LLVM
// RUN: fxlower-opt -p cse --machine x86-64-v3 --emit asm %s | filecheck %s --check-prefix=ASM
// RUN: fxlower-opt -p cse --machine aarch64-neon --emit asm %s | filecheck %s --check-prefix=ARM
// RUN: fxlower-opt -p cse --emit obj -o %t.o %s
// RUN: %python -c "import llvmlite.binding as b; print({s.name(): s.size() for s in b.ObjectFileRef.from_path('%t.o').sections()}[b'.text'])" | filecheck %s --check-prefix=OBJ

llvm.func @twice(%x: f32) -> f32 {
  %y = llvm.fadd %x, %x : f32
  llvm.return %y : f32
}

// LLVM:      target triple = "x86_64-unknown-linux-gnu"
// LLVM:      define float @twice(float {{.*}})
// LLVM:        fadd float

// ASM:       twice:
// ASM:         vaddss %xmm0, %xmm0, %xmm0
// ASM:         retq

// ARM:       twice:
// ARM:         fadd s0, s0, s0

// OBJ: {{^[1-9][0-9]*$}}
