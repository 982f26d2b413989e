// RUN: fxlower-opt -p convert-tile-to-vector --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: convert-tile-to-vector: !tile.acc<4x24xf32> must be a multiple of 16 columns wide, the lanes of target 'x86-64-v4'; tile for that target
builtin.module attributes {fxlower.machine = "x86-64-v4"} {
  func.func @narrow() {
    %zero = tile.zero : !tile.acc<4x24xf32>
    func.return
  }
}

// -----

// CHECK: convert-tile-to-vector: target 'aarch64-neon' has no dot product of memref<2x4x8x2xbf16> and memref<1x4x16x2xbf16> into f32; pack for the instructions it has
builtin.module attributes {fxlower.machine = "aarch64-neon"} {
  func.func @pairs(%a: memref<2x4x8x2xbf16>, %b: memref<1x4x16x2xbf16>, %n: index) {
    %zero = tile.zero : !tile.acc<8x16xf32>
    %sum = tile.mma %a[%n, %n], %b[%n, %n], %n, %zero : memref<2x4x8x2xbf16>, memref<1x4x16x2xbf16>, !tile.acc<8x16xf32>
    func.return
  }
}
