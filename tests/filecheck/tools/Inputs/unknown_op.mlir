func.func @f(%x: f32) -> f32 {
  %y = fxt.unknown %x : f32
}
