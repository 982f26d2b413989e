"""Stage `vector` to machine code: numbers of every type, and the errors of functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fxlower.tools import ulp
from tests.kernel_runner import kernel_assembly, run_kernel

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)

INTEGERS = {"i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64}
FLOATS = {"f32": np.float32, "f64": np.float64}


def elementwise(body: str, inputs: str, output: str, lanes: int = 8) -> str:
    """A kernel over 64 elements: `body` computes %y from %a (and %b) of the types `inputs`."""
    loads, arguments = "", ""
    names = {}
    for name, type_ in zip("ab", inputs.split()):
        names[name.upper()] = f"vector<{lanes}x{type_}>"
        arguments += f"%m{name}: memref<64x{type_}>, "
        loads += f"%{name} = vector.load %m{name}[%i] : memref<64x{type_}>, {names[name.upper()]}\n"
    for name, type_ in {**names, "Y": f"vector<{lanes}x{output}>"}.items():
        body = body.replace(f"!{name}", type_)
    return f"""
    func.func @kernel({arguments}%out: memref<64x{output}>) {{
      %c0 = arith.constant 0 : index
      %c64 = arith.constant 64 : index
      %step = arith.constant {lanes} : index
      scf.for %i = %c0 to %c64 step %step {{
        {loads}
        {body}
        vector.store %y, %out[%i] : memref<64x{output}>, vector<{lanes}x{output}>
        scf.yield
      }}
      func.return
    }}
    """


def apply(text: str, *inputs: Array, output: Any) -> Array:
    out = np.zeros(64, output)
    run_kernel(text, "kernel", [*inputs, out])
    return out


# ----------------------------------------------------------------------------- integer arithmetic

DIVISIONS = {
    "divsi": lambda a, b: np.fix(a / b),
    "remsi": np.fmod,
    "floordivsi": lambda a, b: np.floor(a / b),
    "ceildivsi": lambda a, b: np.ceil(a / b),
}


@pytest.mark.parametrize("type_", ["i8", "i32"])
@pytest.mark.parametrize("op", DIVISIONS)
def test_division(op: str, type_: str) -> None:
    """Zero and minus one as divisors do not stop the process."""
    dtype = INTEGERS[type_]
    a = RNG.integers(-100, 100, 64).astype(dtype)
    b = RNG.integers(-10, 10, 64).astype(dtype)
    a[:3], b[:3] = np.iinfo(dtype).min, [-1, 0, 1]
    out = apply(
        elementwise(f"%y = arith.{op} %a, %b : !A", f"{type_} {type_}", type_), a, b, output=dtype
    )
    defined = (b != 0) & ~((a == np.iinfo(dtype).min) & (b == -1))
    expected = DIVISIONS[op](a[defined].astype(float), b[defined].astype(float))
    np.testing.assert_array_equal(out[defined], expected.astype(dtype))


@pytest.mark.parametrize(
    ("op", "reference"),
    [
        ("minsi", np.minimum),
        ("maxsi", np.maximum),
        ("andi", np.bitwise_and),
        ("xori", np.bitwise_xor),
        ("muli", np.multiply),
        ("subi", np.subtract),
    ],
)
@pytest.mark.parametrize("type_", INTEGERS)
def test_integer_arithmetic(op: str, reference: Any, type_: str) -> None:
    dtype = INTEGERS[type_]
    a, b = (RNG.integers(-100, 100, 64).astype(dtype) for _ in range(2))
    text = elementwise(f"%y = arith.{op} %a, %b : !A", f"{type_} {type_}", type_)
    np.testing.assert_array_equal(apply(text, a, b, output=dtype), reference(a, b))


def test_wide_multiplication() -> None:
    body = "%low, %y = arith.mului_extended %a, %b : !A"
    a, b = (RNG.integers(0, 2**32, 64).astype(np.uint32) for _ in range(2))
    high = (a.astype(np.uint64) * b) >> np.uint64(32)
    out = apply(elementwise(body, "i32 i32", "i32"), a, b, output=np.uint32)
    np.testing.assert_array_equal(out, high.astype(np.uint32))


# ----------------------------------------------------------------------------------- conversions


@pytest.mark.parametrize("source", INTEGERS)
@pytest.mark.parametrize("target", FLOATS)
def test_integers_to_floats_and_back(source: str, target: str) -> None:
    integer, floating = INTEGERS[source], FLOATS[target]
    a = RNG.integers(-100, 100, 64).astype(integer)
    body = f"""
        %f = arith.sitofp %a : !A to vector<8x{target}>
        %y = arith.fptosi %f : vector<8x{target}> to !A
    """
    np.testing.assert_array_equal(apply(elementwise(body, source, source), a, output=integer), a)
    body = "%y = arith.sitofp %a : !A to !Y"
    out = apply(elementwise(body, source, target), a, output=floating)
    np.testing.assert_array_equal(out, a.astype(floating))


def test_floats_that_do_not_fit_integers() -> None:
    """What x86 gives, and no undefined behaviour, also for constants."""
    a = np.array([np.nan, np.inf, -np.inf, 3e9, -3e9, 1.5, -1.5, 0] * 8, np.float32)
    body = """
        %c = arith.constant dense<3.0e+09> : !A
        %z = arith.mulf %a, %c : !A
        %y = arith.fptosi %a : !A to !Y
    """
    out = apply(elementwise(body, "f32", "i32"), a, output=np.int32)
    np.testing.assert_array_equal(out[5:8], [1, -1, 0])
    body = "%y = arith.fptosi %a : !A to !Y"
    wrapped = apply(
        elementwise(body, "f32", "i8"), np.resize(np.float32([-1, 255, 300]), 64), output=np.uint8
    )
    np.testing.assert_array_equal(wrapped[:3], [255, 255, 44])


def test_comparison_select_and_bool() -> None:
    body = """
        %c = arith.cmpf olt, %a, %b : !A
        %m = arith.select %c, %a, %b : vector<8xi1>, !A
        %n = arith.cmpf uno, %a, %b : !A
        %either = arith.ori %c, %n : vector<8xi1>
        %y = arith.extui %either : vector<8xi1> to !Y
    """
    a, b = (RNG.standard_normal(64).astype(np.float32) for _ in range(2))
    a[3] = np.nan
    out = apply(elementwise(body, "f32 f32", "i8"), a, b, output=np.int8)
    np.testing.assert_array_equal(out, (a < b) | np.isnan(a))


@pytest.mark.parametrize("lanes", [0, 8, 16])
@pytest.mark.parametrize("type_", ulp.NARROW)
def test_rounding_to_16_bits(type_: str, lanes: int) -> None:
    assert ulp.wrong_roundings(type_, lanes, 1 << 12) == 0


@pytest.mark.parametrize("lanes", [4, 8, 16, 32])
def test_bf16(lanes: int) -> None:
    """With denormal numbers, in some vectors and not in others."""
    body = f"""
        %t = arith.truncf %a : !A to vector<{lanes}xbf16>
        %y = arith.bitcast %t : vector<{lanes}xbf16> to !Y
    """
    x = RNG.integers(0, 2**32, 64).astype(np.uint32).view(np.float32)
    x[:8] = [np.nan, np.inf, -np.inf, 1e-40, -1e-45, 3.4e38, 0.0, -0.0]
    x[32:] = np.where(np.abs(x[32:]) < 1e-37, 1, x[32:])
    out = apply(elementwise(body, "f32", "i16", lanes), x, output=np.uint16)
    nan = np.isnan(x)
    np.testing.assert_array_equal(out[~nan], ulp.bf16_bits(x)[~nan])
    assert ((out[nan] & 0x7FFF) > 0x7F80).all()
    body = f"""
        %t = arith.bitcast %a : !A to vector<{lanes}xbf16>
        %y = arith.extf %t : vector<{lanes}xbf16> to !Y
    """
    back = apply(elementwise(body, "i16", "f32", lanes), out, output=np.float32)
    np.testing.assert_array_equal(back, (out.astype(np.uint32) << 16).view(np.float32))


def test_f16() -> None:
    with np.errstate(over="ignore"):
        x = RNG.standard_normal(64).astype(np.float32) * 1e4
        x[:6] = [np.nan, np.inf, 1e-7, 65520, 65519, -0.0]
        body = "%y = arith.truncf %a : !A to !Y"
        out = apply(elementwise(body, "f32", "f16"), x, output=np.float16)
        np.testing.assert_array_equal(out, x.astype(np.float16))
        body = "%y = arith.extf %a : !A to !Y"
        back = apply(elementwise(body, "f16", "f32"), out, output=np.float32)
        np.testing.assert_array_equal(back, out.astype(np.float32))


# ------------------------------------------------------------------------------------- extremes


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("op", ["maximumf", "minimumf"])
def test_extremes_keep_nan(op: str, constant: bool) -> None:
    a, b = (RNG.standard_normal(64).astype(np.float32) for _ in range(2))
    a[:4], b[2:6] = np.nan, np.nan
    body = f"%y = arith.{op} %a, %b : !A"
    if constant:
        b = np.zeros(64, np.float32)
        body = f"%c = arith.constant dense<0.0> : !A\n%y = arith.{op} %a, %c : !A"
    out = apply(elementwise(body, "f32 f32", "f32"), a, b, output=np.float32)
    np.testing.assert_array_equal(out, (np.maximum if op == "maximumf" else np.minimum)(a, b))


REDUCTIONS = {
    "add": ("i32", np.add),
    "mul": ("i32", np.multiply),
    "minsi": ("i32", np.minimum),
    "maxsi": ("i32", np.maximum),
    "maxui": ("i32", lambda a, b: np.maximum(a.astype(np.uint32), b.astype(np.uint32))),
    "and": ("i32", np.bitwise_and),
    "or": ("i32", np.bitwise_or),
    "xor": ("i32", np.bitwise_xor),
    "maximumf": ("f32", np.maximum),
    "minimumf": ("f32", np.minimum),
    "maxnumf": ("f32", np.fmax),
}


@pytest.mark.parametrize("kind", REDUCTIONS)
@pytest.mark.parametrize("lanes", [1, 4, 6, 16])
def test_reductions(kind: str, lanes: int) -> None:
    type_, combine = REDUCTIONS[kind]
    text = f"""
    func.func @kernel(%x: memref<{lanes}x{type_}>, %acc: memref<1x{type_}>,
                      %out: memref<2x{type_}>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %v = vector.load %x[%c0] : memref<{lanes}x{type_}>, vector<{lanes}x{type_}>
      %a = memref.load %acc[%c0] : memref<1x{type_}>
      %r = vector.reduction <{kind}>, %v : vector<{lanes}x{type_}> into {type_}
      %s = vector.reduction <{kind}>, %v, %a : vector<{lanes}x{type_}> into {type_}
      memref.store %r, %out[%c0] : memref<2x{type_}>
      memref.store %s, %out[%c1] : memref<2x{type_}>
      func.return
    }}
    """
    dtype = np.int32 if type_ == "i32" else np.float32
    x = RNG.integers(-9, 9, lanes).astype(dtype)
    if type_ == "f32" and lanes > 4:
        x[3] = np.nan
    acc, out = np.array([5], dtype), np.zeros(2, dtype)
    run_kernel(text, "kernel", [x, acc, out])
    expected = x[:1]
    for i in range(1, lanes):
        expected = combine(expected, x[i : i + 1])
    np.testing.assert_array_equal(out[0], expected.astype(dtype)[0])
    np.testing.assert_array_equal(out[1], combine(expected.astype(dtype), acc).astype(dtype)[0])


@pytest.mark.parametrize("mask", [[], [5], list(range(8))])
def test_reduction_of_bools(mask: list[int]) -> None:
    text = """
    func.func @kernel(%x: memref<8xi8>, %out: memref<2xi8>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %v = vector.load %x[%c0] : memref<8xi8>, vector<8xi8>
      %zero = arith.constant dense<0> : vector<8xi8>
      %m = arith.cmpi ne, %v, %zero : vector<8xi8>
      %any = vector.reduction <or>, %m : vector<8xi1> into i1
      %all = vector.reduction <and>, %m : vector<8xi1> into i1
      %a = arith.extui %any : i1 to i8
      %b = arith.extui %all : i1 to i8
      memref.store %a, %out[%c0] : memref<2xi8>
      memref.store %b, %out[%c1] : memref<2xi8>
      func.return
    }
    """
    x, out = np.zeros(8, np.int8), np.zeros(2, np.int8)
    x[mask] = 1
    run_kernel(text, "kernel", [x, out])
    np.testing.assert_array_equal(out, [x.any(), x.all()])


def test_lanes() -> None:
    """extract, insert, step, and shuffles of vectors of unlike length."""
    text = """
    func.func @kernel(%x: memref<4xi64>, %out: memref<8xi64>, %i: index) {
      %c0 = arith.constant 0 : index
      %v = vector.load %x[%c0] : memref<4xi64>, vector<4xi64>
      %e = vector.extract %v[%i] : i64 from vector<4xi64>
      %f = vector.extract %v[1] : i64 from vector<4xi64>
      %w = vector.insert %e, %v [0] : i64 into vector<4xi64>
      %u = vector.insert %f, %w [%i] : i64 into vector<4xi64>
      %s = vector.step : vector<2xindex>
      %t = arith.index_cast %s : vector<2xindex> to vector<2xi64>
      %y = vector.shuffle %u, %t [0, 1, 2, 3, 5, 4, 0, 5] : vector<4xi64>, vector<2xi64>
      vector.store %y, %out[%c0] : memref<8xi64>, vector<8xi64>
      func.return
    }
    """
    x, out = np.array([10, 11, 12, 13]), np.zeros(8, np.int64)
    run_kernel(text, "kernel", [x, out, 2])
    np.testing.assert_array_equal(out, [12, 11, 11, 13, 1, 0, 12, 1])


# ------------------------------------------------------------------------------------ functions


@pytest.mark.parametrize(("type_", "lanes"), [("f32", 0), ("f32", 16), ("f64", 0), ("f64", 8)])
@pytest.mark.parametrize("name", ulp.FUNCTIONS)
def test_errors_of_functions(name: str, type_: str, lanes: int) -> None:
    """At most 2 units in the last place, everywhere; special values as in C."""
    for label, error, operands in ulp.measure(name, type_, lanes, 1 << 12):
        worst = int(error.argmax())
        assert error[worst] < 2, (label, [o[worst] for o in operands])


def test_functions_without_expansion_are_those_of_libm() -> None:
    a = RNG.standard_normal(64)
    out = apply(elementwise("%y = math.cbrt %a : !A", "f64", "f64"), a, output=np.float64)
    np.testing.assert_allclose(out, np.cbrt(a), rtol=1e-15)


@pytest.mark.parametrize("op", ["sqrt", "floor", "ceil", "trunc", "absf", "roundeven"])
@pytest.mark.parametrize("type_", FLOATS)
def test_instructions(op: str, type_: str) -> None:
    reference = {"absf": np.abs, "roundeven": np.rint}.get(op) or getattr(np, op)
    a = (RNG.standard_normal(64) * 10).astype(FLOATS[type_])
    a = np.abs(a) if op == "sqrt" else a
    out = apply(elementwise(f"%y = math.{op} %a : !A", type_, type_), a, output=FLOATS[type_])
    np.testing.assert_array_equal(out, reference(a))


@pytest.mark.parametrize("machine", ["x86-64-v3", "x86-64-v4", "aarch64-neon", "riscv64-v"])
@pytest.mark.parametrize("type_", FLOATS)
@pytest.mark.parametrize("name", ulp.FUNCTIONS)
def test_no_calls_on_any_machine(name: str, type_: str, machine: str) -> None:
    """Not even hidden ones, as for conversions and powers of two that a target lacks."""
    lanes = {"aarch64-neon": 128, "x86-64-v4": 512}.get(machine, 256) // int(type_[1:])
    assert not CALLS & set(instructions(ulp.kernel(name, type_, lanes, machine)))


CASTS = (
    *(("arith.sitofp", i, f) for i in INTEGERS for f in FLOATS),
    *(("arith.fptosi", f, i) for i in INTEGERS for f in FLOATS),
    *(("arith.extf", low, f) for low in ("bf16", "f16") for f in FLOATS),
    *(("arith.truncf", f, low) for low in ("bf16", "f16") for f in FLOATS),
    ("arith.extf", "f32", "f64"),
    ("arith.truncf", "f64", "f32"),
)


@pytest.mark.parametrize("machine", ["x86-64-v3", "x86-64-v4", "aarch64-neon", "riscv64-v"])
def test_casts_are_of_whole_vectors(machine: str) -> None:
    """Neither calls nor lane by lane, which would take more than two instructions a lane."""
    bits = {"aarch64-neon": 128, "x86-64-v4": 512}.get(machine, 256)
    for op, source, target in CASTS:
        widths = [int(t.lstrip("ibf")) for t in (source, target)]
        lanes = bits // max(*widths, 32)
        text = elementwise(f"%y = {op} %a : !A to !Y", source, target, lanes)
        found = instructions(
            f'builtin.module attributes {{fxlower.machine = "{machine}"}} {{{text}}}'
        )
        assert not CALLS & set(found), (op, source, target)
        if {source, target} != {"f32", "i64"}:  # for which AVX2 has no instruction
            assert len(found) < 20 + 2 * lanes, (op, source, target)


CALLS = {"call", "callq", "bl", "tail"}


def instructions(text: str) -> list[str]:
    """The names of the instructions that a module becomes on its machine."""
    lines = kernel_assembly(text).splitlines()
    return [line.split()[0] for line in lines if line.startswith("\t") and line[1] != "."]
