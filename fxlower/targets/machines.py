"""Fixed machines for cross compilation, and the lookup of targets by name."""

from __future__ import annotations

from fxlower.errors import TargetError, choices
from fxlower.targets.host import host
from fxlower.targets.spec import TargetSpec

X86_64_V3 = TargetSpec(
    name="x86-64-v3",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v3",
    vector_bits=256,
    vector_registers=16,
)

X86_64_V4 = TargetSpec(
    name="x86-64-v4",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v4",
    vector_bits=512,
    vector_registers=32,
    masks=True,
)

AARCH64_NEON = TargetSpec(
    name="aarch64-neon",
    triple="aarch64-unknown-linux-gnu",
    cpu="generic",
    features="+neon",
    vector_bits=128,
    vector_registers=32,
)

RISCV64_V = TargetSpec(
    name="riscv64-v",
    triple="riscv64-unknown-linux-gnu",
    cpu="generic-rv64",
    features="+m,+a,+f,+d,+c,+v,+zvl256b",
    vector_bits=256,
    vector_registers=32,
    masks=True,
)

FIXED = {t.name: t for t in (X86_64_V3, X86_64_V4, AARCH64_NEON, RISCV64_V)}


def machine(name: str) -> TargetSpec:
    """The target called `name`; `host` is the running CPU.

    Raises:
        TargetError: there is none; the message lists those there are.
    """
    if name == "host":
        return host()
    if name not in FIXED:
        raise TargetError(f"no machine '{name}'; {choices(name, ['host', *FIXED])}")
    return FIXED[name]
