"""What runs compiled code: executables, the JIT linker, caches and threads."""

if __name__ != "fxlower.runtime":  # a second import name would duplicate every class
    raise ImportError("import this package as fxlower.runtime")
