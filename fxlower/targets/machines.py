"""Fixed machines for cross compilation, and the lookup of targets by name."""

from __future__ import annotations

from importlib.metadata import entry_points

from fxlower.errors import TargetError, choices
from fxlower.targets.dot_products import dot_products
from fxlower.targets.host import host
from fxlower.targets.spec import TargetSpec

X86_64_V3 = TargetSpec(
    name="x86-64-v3",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v3",
    requires=("avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe"),
    vector_bits=256,
    vector_registers=16,
    dot_products=dot_products(("avx2",), 256),
)

X86_64_V4 = TargetSpec(
    name="x86-64-v4",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v4",
    requires=(*X86_64_V3.requires, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    vector_bits=512,
    vector_registers=32,
    masks=True,
    avx512=True,
    dot_products=dot_products(("avx512bw",), 512),
)

ZNVER4 = TargetSpec(
    name="znver4",
    triple="x86_64-unknown-linux-gnu",
    cpu="znver4",
    requires=(*X86_64_V4.requires, "avx512bf16", "avx512vnni"),
    vector_bits=512,
    vector_registers=32,
    masks=True,
    avx512=True,
    avx512_bf16=True,
    dot_products=dot_products(("avx512bf16", "avx512vnni", "avx512bw"), 512),
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
    features="+m,+a,+f,+d,+c,+zfhmin,+v,+zvl256b,+zvfhmin",
    vector_bits=256,
    vector_registers=32,
    masks=True,
)

FIXED = {t.name: t for t in (X86_64_V3, X86_64_V4, ZNVER4, AARCH64_NEON, RISCV64_V)}


def machine(name: str) -> TargetSpec:
    """The target called `name`: `host` is the running CPU, others are shipped, or come from
    packages that list them under the entry point group `fxlower.targets`.

    Raises:
        TargetError: there is none; the message lists those there are.
    """
    if name == "host":
        return host()
    if name in FIXED:
        return FIXED[name]
    found = {point.name: point for point in entry_points(group="fxlower.targets")}
    if name not in found:
        raise TargetError(f"no machine '{name}'; {choices(name, ['host', *FIXED, *found])}")
    return found[name].load()


def ensure_runs_here(target: TargetSpec) -> None:
    """Refuse to run code for another machine: it would stop the process.

    Raises:
        TargetError: names what the running CPU lacks, and what to do.
    """
    here = host()
    features = here.features.split(",")
    missing = [f for f in target.requires if f"+{f}" not in features]
    if target.triple.split("-")[0] != here.triple.split("-")[0]:
        missing = [f"architecture {target.triple.split('-')[0]}"]
    if missing:
        raise TargetError(
            f"code for machine '{target.name}' cannot run here: this CPU ({here.cpu}) lacks "
            f"{', '.join(missing)}. Use machine 'host', or look at the code with "
            f"fxlower-opt --machine {target.name} --emit asm"
        )
