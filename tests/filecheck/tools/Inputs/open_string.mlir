func.func @f() {
  "test.op"() {a = "never closed, which takes a while to find out} : () -> ()
  func.return
}
