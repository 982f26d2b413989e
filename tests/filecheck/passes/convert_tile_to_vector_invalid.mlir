// RUN: fxlower-opt -p convert-tile-to-vector --split-input-file --verify-diagnostics %s | filecheck %s

// CHECK: convert-tile-to-vector: !tile.acc<4x24xf32> must be a multiple of 16 columns wide, the lanes of target 'x86-64-v4'; tile for that target
builtin.module attributes {fxlower.machine = "x86-64-v4"} {
  func.func @narrow() {
    %zero = tile.zero : !tile.acc<4x24xf32>
    func.return
  }
}
