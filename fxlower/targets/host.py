"""The machine at hand, as a stand-in for an accelerator: facts read from the running CPU."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from fxlower.targets.dot_products import dot_products
from fxlower.targets.spec import TargetSpec


@cache
def host() -> TargetSpec:
    """The target of the running process."""
    from llvmlite import binding

    features = dict(binding.get_host_cpu_features())
    triple = binding.get_process_triple()
    facts = {"vector_bits": 128, "vector_registers": 16, "fma": False, "masks": False}
    natives = ["f32", "f64"]
    if features.get("avx512f") and features.get("avx512vl") and features.get("avx512bw"):
        facts = {"vector_bits": 512, "vector_registers": 32, "fma": True, "masks": True}
        facts["avx512"] = bool(features.get("avx512dq"))
        facts["avx512_bf16"] = facts["avx512"] and bool(features.get("avx512bf16"))
    elif features.get("avx2"):
        facts = {"vector_bits": 256, "vector_registers": 16, "masks": False}
        facts["fma"] = bool(features.get("fma"))
    elif triple.startswith(("aarch64", "arm64")):
        facts = {"vector_bits": 128, "vector_registers": 32, "fma": True, "masks": False}
    return TargetSpec(
        name="host",
        triple=triple,
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        native_floats=tuple(natives),
        dot_products=dot_products([f for f, has in features.items() if has], facts["vector_bits"]),
        l1_bytes=_cache_bytes(1, 32 * 1024),
        l2_bytes=_cache_bytes(2, 512 * 1024),
        l3_bytes=_cache_bytes(3, 8 * 1024 * 1024),
        cores=os.cpu_count() or 1,
        **facts,  # type: ignore[arg-type]
    )


def _cache_bytes(level: int, default: int) -> int:
    """Size of the data cache of `level` as Linux tells it, or `default`."""
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            kind = (index / "type").read_text().strip()
            found = int((index / "level").read_text())
            size = (index / "size").read_text().strip()
        except (OSError, ValueError):
            continue
        if found == level and kind in ("Data", "Unified") and size.endswith("K"):
            return int(size[:-1]) * 1024
    return default
