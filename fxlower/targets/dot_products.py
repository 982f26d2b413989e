"""The dot product instructions of CPUs, by the feature, in LLVM's words, that brings them."""

from __future__ import annotations

from collections.abc import Collection

from fxlower.targets.spec import DotProduct


def _bytes(lhs: str, rhs: str, intrinsic: str) -> DotProduct:
    return DotProduct(lhs=lhs, rhs=rhs, accumulator="i32", depth=4, intrinsic=intrinsic)


def _pairs(intrinsic: str, accumulates: bool = True) -> DotProduct:
    return DotProduct(
        lhs="i16",
        rhs="i16",
        accumulator="i32",
        depth=2,
        intrinsic=intrinsic,
        accumulates=accumulates,
    )


_BF16 = DotProduct(
    lhs="bf16",
    rhs="bf16",
    accumulator="f32",
    depth=2,
    intrinsic="llvm.x86.avx512bf16.dpbf16ps.512",
)

_INSTRUCTIONS: tuple[tuple[str, int, DotProduct], ...] = (
    ("avx512bf16", 512, _BF16),
    ("avx512vnni", 512, _bytes("ui8", "i8", "llvm.x86.avx512.vpdpbusd.512")),
    ("avx512vnni", 512, _pairs("llvm.x86.avx512.vpdpwssd.512")),
    ("avx512bw", 512, _pairs("llvm.x86.avx512.pmaddw.d.512", accumulates=False)),
    ("avxvnni", 256, _bytes("ui8", "i8", "llvm.x86.avx512.vpdpbusd.256")),
    ("avxvnni", 256, _pairs("llvm.x86.avx512.vpdpwssd.256")),
    ("avx2", 256, _pairs("llvm.x86.avx2.pmadd.wd", accumulates=False)),
    ("dotprod", 128, _bytes("i8", "i8", "llvm.aarch64.neon.sdot.v4i32.v16i8")),
    ("dotprod", 128, _bytes("ui8", "ui8", "llvm.aarch64.neon.udot.v4i32.v16i8")),
)
"""Feature, bits of a register, instruction; of those for the same elements the best comes first."""


def dot_products(features: Collection[str], vector_bits: int) -> tuple[DotProduct, ...]:
    """Those that a CPU with `features` has on registers of `vector_bits`, the fastest first."""
    return tuple(
        d for feature, bits, d in _INSTRUCTIONS if feature in features and bits == vector_bits
    )
