"""The rules of `convert-to-llvm`, one module per source dialect."""
