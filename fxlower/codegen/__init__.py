"""LLVM IR text and object bytes from the `llvm` dialect."""
