// A contraction and its pointwise tail, static sizes; README.md shows it at every level.

// RUN: fxlower-opt --machine x86-64-v4 --until linalg %s | filecheck %s --check-prefix=LINALG
// RUN: fxlower-opt --machine x86-64-v4 --until loops --verify-each %s | filecheck %s --check-prefix=LOOPS
// RUN: fxlower-opt --machine x86-64-v4 --until vector %s | filecheck %s --check-prefix=VECTOR
// RUN: fxlower-opt --machine x86-64-v4 --until llvm %s | filecheck %s --check-prefix=LLVM
// RUN: fxlower-opt --machine x86-64-v4 --emit asm %s | filecheck %s --check-prefix=X86
// RUN: fxlower-opt --machine x86-64-v3 --emit asm %s | filecheck %s --check-prefix=AVX2
// RUN: fxlower-opt --machine aarch64-neon --emit asm %s | filecheck %s --check-prefix=NEON
// RUN: fxlower-opt --machine riscv64-v --emit asm %s | filecheck %s --check-prefix=RVV

// Every stage can be entered from the one before, as text, and ends in the same.
// RUN: fxlower-opt --machine x86-64-v4 --until llvm -o %t.direct %s
// RUN: fxlower-opt --machine x86-64-v4 --until tensor %s | fxlower-opt --from tensor --until linalg | fxlower-opt --from linalg --until loops | fxlower-opt --from loops --until vector | fxlower-opt --from vector --until llvm -o %t.stepwise
// RUN: diff %t.direct %t.stepwise

func.func @main(%x: tensor<64x128xf32>, %w: tensor<128x256xf32>, %bias: tensor<256xf32>) -> tensor<64x256xf32> {
  %product = fxt.matmul %x, %w : (tensor<64x128xf32>, tensor<128x256xf32>) -> tensor<64x256xf32>
  %rows = fxt.broadcast %bias, array<i64: 1> : (tensor<256xf32>) -> tensor<64x256xf32>
  %sum = fxt.add %product, %rows : tensor<64x256xf32>
  %half = fxt.full 5.000000e-01 : f32 : tensor<64x256xf32>
  %root = fxt.full 0.707106769 : f32 : tensor<64x256xf32>
  %one = fxt.full 1.000000e+00 : f32 : tensor<64x256xf32>
  %scaled = fxt.mul %sum, %root : tensor<64x256xf32>
  %erf = fxt.erf %scaled : tensor<64x256xf32>
  %gate = fxt.add %erf, %one : tensor<64x256xf32>
  %halved = fxt.mul %sum, %half : tensor<64x256xf32>
  %gelu = fxt.mul %halved, %gate : tensor<64x256xf32>
  func.return %gelu : tensor<64x256xf32>
}

// LINALG-LABEL: func.func @main
// LINALG:         fxt.call @segment_0
// LINALG-LABEL: func.func private @segment_0
// LINALG:         fxt.call @matmul_add_mul_erf_[[MATMUL:[0-9a-f]+]](%x, %w, %bias)
// LINALG:       func.func private @matmul_add_mul_erf_[[MATMUL]]
// LINALG-SAME:    fxlower.kernel = "contraction"
// LINALG-SAME:    fxlower.schedule = {mr =
// LINALG:         linalg.generic

// LOOPS:        func.func private @segment_0
// LOOPS-SAME:     %arena: memref<?xi8>, %trap: memref<1xi64> {fxt.trap}
// LOOPS-NOT:    linalg.
// LOOPS:          tile.mma
// LOOPS:          math.erf %{{.*}} : f32
// LOOPS:          fxlower.vector = 16

// VECTOR-NOT:   tile.
// VECTOR-NOT:   math.erf
// VECTOR:         math.fma %{{.*}} : vector<16xf32>
// VECTOR:         vector.store

// LLVM-NOT:     func.func
// LLVM-NOT:     vector.
// LLVM:         llvm.func @segment_0_entry
// LLVM:         llvm.func internal @matmul_add_mul_erf_{{[0-9a-f]+}}_parallel_0

// X86:          vfmadd{{[0-9]+}}ps {{.*}}zmm
// AVX2:         vfmadd{{[0-9]+}}ps {{.*}}ymm
// NEON:         fmla v
// RVV:          vfmacc
