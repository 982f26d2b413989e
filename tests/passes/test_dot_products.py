"""Contractions in short types against exact references, on several machines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from math import prod
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from contraction_text import Dim, contraction  # noqa: E402
from kernel_runner import kernel_assembly, load_kernel, parse, run_passes  # noqa: E402
from torch import Tensor  # noqa: E402

from fxlower.errors import TargetError  # noqa: E402
from fxlower.runtime import jit  # noqa: E402
from fxlower.targets.machines import ensure_runs_here, machine  # noqa: E402

PASSES = "tile-contractions,convert-tile-to-vector,vectorize"
DTYPES = {
    "i8": torch.int8,
    "ui8": torch.uint8,
    "i16": torch.int16,
    "i32": torch.int32,
    "f32": torch.float32,
    "bf16": torch.bfloat16,
}
RANGES = {"i8": (-128, 128), "ui8": (0, 256), "i16": (-32768, 32768)}
INSTRUCTIONS = {
    ("znver4", "bf16", "bf16"): "vdpbf16ps",
    ("znver4", "i8", "i8"): "vpdpbusd",
    ("znver4", "i8", "ui8"): "vpdpbusd",
    ("znver4", "ui8", "ui8"): "vpdpwssd",
    ("znver4", "i16", "i8"): "vpdpwssd",
    ("x86-64-v4", "i8", "i8"): "vpmaddwd",
    ("x86-64-v3", "ui8", "i8"): "vpmaddwd",
}


def on(target: str, text: str) -> str:
    return f'builtin.module attributes {{fxlower.machine = "{target}"}} {{{text}}}'


@cache
def compiled(text: str) -> jit.LoadedCode:
    return load_kernel(text, ["mm"], PASSES)


@pytest.fixture(params=["x86-64-v3", "znver4", "host"])
def here(request: pytest.FixtureRequest) -> str:
    """The machines whose code runs on this one."""
    try:
        ensure_runs_here(machine(request.param))
    except TargetError as error:
        pytest.skip(str(error))
    return request.param


def memory(shape: Sequence[int], strides: Sequence[int] | None, element: str) -> Tensor:
    """Random numbers with these strides."""
    dtype = DTYPES[element]
    if strides is None:
        strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
    if dtype.is_floating_point:
        values = torch.randn(shape).to(dtype)
    else:
        values = torch.randint(*RANGES[element], shape).to(dtype)
    made = torch.empty_strided(shape, strides, dtype=dtype)
    return made.copy_(values)


def check(
    target: str,
    sizes: Sequence[int],
    factors: tuple[str, str],
    *,
    text_sizes: Sequence[Dim] | None = None,
    strides: Sequence[Sequence[int] | None] = (None, None, None),
) -> None:
    """Run a product of `factors` and compare with float64, or exactly."""
    *batch, m, n, k = sizes
    torch.manual_seed(0)
    shapes = (*batch, m, k), (*batch, k, n)
    lhs, rhs = (memory(s, t, e) for s, t, e in zip(shapes, strides, factors))
    element = "f32" if factors[0] == "bf16" else "i32"
    out_strides = strides[2] or [n * m, n, 1][-2 - len(batch) :]
    out = torch.full((*batch, m, n), 99, dtype=DTYPES[element])
    out = torch.empty_strided(out.shape, out_strides, dtype=out.dtype).copy_(out)
    written = [None if s is None else list(s) for s in strides]
    text = contraction(
        text_sizes or sizes,
        element=element,
        factors=factors,
        lhs_strides=written[0],
        rhs_strides=written[1],
        out_strides=written[2],
    )
    symbols = [s for s, d in zip(sizes, text_sizes or ()) if isinstance(d, str)]
    pointers = [t.data_ptr() for t in (lhs, rhs, out)]
    jit.call(compiled(on(target, text)).address("mm"), [*pointers, *symbols])
    if element == "i32":
        assert torch.equal(out, (lhs.long() @ rhs.long()).int())
        return
    bound = lhs.double().abs() @ rhs.double().abs() * 1e-6 + 1e-30
    assert ((out - lhs.double() @ rhs.double()).abs() <= bound).all()


FACTORS = [
    ("bf16", "bf16"),
    ("i8", "i8"),
    ("ui8", "i8"),
    ("i8", "ui8"),
    ("ui8", "ui8"),
    ("i16", "i8"),
]


@pytest.mark.parametrize("factors", FACTORS, ids="-".join)
@pytest.mark.parametrize("sizes", [(128, 96, 64), (33, 31, 65), (40, 70, 131)])
@pytest.mark.parametrize("transposed", [False, True])
def test_factors(
    here: str, factors: tuple[str, str], sizes: tuple[int, int, int], transposed: bool
) -> None:
    check(here, sizes, factors, strides=(None, (1, sizes[2]) if transposed else None, None))


STRIDES = {"rows": (1100, 1), "columns": (1, 90), "neither": (2200, 2)}


@pytest.mark.parametrize("factors", [("bf16", "bf16"), ("i8", "i8")], ids="-".join)
@pytest.mark.parametrize("lhs", STRIDES)
@pytest.mark.parametrize("rhs", STRIDES)
def test_strides(here: str, factors: tuple[str, str], lhs: str, rhs: str) -> None:
    """One kernel takes every depth."""
    columns = {"rows": (90, 1), "columns": (1, 1100), "neither": (180, 2)}
    for k in (1, 2, 3, 15, 17, 31, 33, 64, 100, 129, 1030):
        check(
            here,
            (37, 70, k),
            factors,
            text_sizes=(37, 70, "d0"),
            strides=(STRIDES[lhs], columns[rhs], None),
        )


@pytest.mark.parametrize("out", [(1, 80), (160, 2)])
@pytest.mark.parametrize("factors", [("bf16", "bf16"), ("i8", "i8")], ids="-".join)
def test_result_strides(here: str, factors: tuple[str, str], out: tuple[int, int]) -> None:
    """A result that is written transposed exchanges the operands."""
    check(here, (80, 70, 300), factors, strides=(None, None, out))


SYMBOLIC = [(1, 1, 1), (0, 5, 6), (5, 6, 0), (7, 100, 33), (130, 65, 402), (130, 65, 1031)]


@pytest.mark.parametrize("sizes", SYMBOLIC)
@pytest.mark.parametrize("factors", [("bf16", "bf16"), ("i8", "i8")], ids="-".join)
def test_symbolic_sizes(here: str, sizes: tuple[int, int, int], factors: tuple[str, str]) -> None:
    check(here, sizes, factors, text_sizes=("d0", "d1", "d2"))


@pytest.mark.parametrize("factors", [("bf16", "bf16"), ("i8", "i8")], ids="-".join)
def test_batches(here: str, factors: tuple[str, str]) -> None:
    check(here, (3, 33, 65, 34), factors)


@pytest.mark.parametrize("k", [63, 64, 301])
@pytest.mark.parametrize("transposed", [False, True])
def test_reads_nothing_outside(here: str, k: int, transposed: bool) -> None:
    """What lies around the operands is NaN, and zeros that complete groups meet no infinity."""
    m, n = 37, 45
    lhs, rhs = (torch.full((400, 400), torch.nan, dtype=torch.bfloat16) for _ in range(2))
    lhs[:m, :k], rhs[:k, :n] = torch.randn(m, k), torch.randn(k, n)
    rhs[k - 1, 3] = torch.inf
    if transposed:
        rhs = rhs.t().contiguous().t()
    out = torch.full((m + 10, n), 99.0)
    text = contraction(
        (m, n, k),
        factors=("bf16", "bf16"),
        lhs_strides=lhs.stride(),
        rhs_strides=rhs.stride(),
    )
    code = compiled(on(here, text))
    jit.call(code.address("mm"), [t.data_ptr() for t in (lhs, rhs, out)])
    expected = lhs[:m, :k].double() @ rhs[:k, :n].double()
    torch.testing.assert_close(out[:m].double(), expected, rtol=1e-4, atol=1e-4)
    assert (out[m:] == 99).all()


@pytest.mark.parametrize(("target", "lhs", "rhs"), INSTRUCTIONS)
def test_uses_the_instruction(target: str, lhs: str, rhs: str) -> None:
    element = "f32" if lhs == "bf16" else "i32"
    text = contraction((128, 96, 64), element=element, factors=(lhs, rhs))
    assert INSTRUCTIONS[target, lhs, rhs] in kernel_assembly(on(target, text), PASSES)


@pytest.mark.parametrize("target", ["aarch64-neon", "riscv64-v"])
@pytest.mark.parametrize("factors", FACTORS, ids="-".join)
def test_lowers_without_instructions(target: str, factors: tuple[str, str]) -> None:
    element = "f32" if factors[0] == "bf16" else "i32"
    module = parse(on(target, contraction((40, 70, 50), element=element, factors=factors)))
    run_passes(module, f"{PASSES},expand-math,convert-to-llvm")
