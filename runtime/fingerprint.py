"""What object code depends on besides the program: the machine, versions, this source code."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

import llvmlite
from llvmlite import binding

import fxlower
from fxlower.targets.machines import machine


@cache
def source_digest() -> str:
    """A hash of the compiler's own source code: whoever edits a pass gets no code of the old one.
    Files are hashed by content, which is the same on other machines (6 ms for all of them)."""
    made = hashlib.blake2b(digest_size=16)
    root = str(Path(fxlower.__file__).parent)
    for folder, folders, files in os.walk(root, followlinks=True):  # some are links in a checkout
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(n for n in files if n.endswith(".py")):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read()
            made.update(f"{os.path.relpath(path, root)}\0{len(content)}\0".encode() + content)
    return made.hexdigest()


@cache
def machine_facts(name: str) -> str:
    """The machine called `name` and all that generates code for it."""
    versions = (
        fxlower.__version__,
        source_digest(),
        llvmlite.__version__,
        binding.llvm_version_info,
        version("xdsl"),
    )
    return repr((machine(name), versions))
