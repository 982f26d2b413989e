"""Measure the errors of expanded math functions: `python -m fxlower.tools.ulp [FUNCTION ...]`.

Each function goes through the passes that compiled kernels go through and runs on random and
special values. Errors are in units in the last place of the exact result rounded to the type; the
reference is numpy (or Python, or mpmath) in the next wider type. Prints

    function   type   lanes   range           max ulp   mean ulp   worst at
    exp        f32    16      [-104, 89]        0.986      0.312   -5.854603

and how many numbers are not rounded to nearest even by conversions to bf16 and f16.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp, mpf
from xdsl.context import Context
from xdsl.parser import Parser
from xdsl.universe import XDSL_UNIVERSE

from fxlower.codegen.emitter import emit_llvm_ir
from fxlower.codegen.object import compile_object
from fxlower.passes.convert_to_llvm import ConvertToLlvmPass
from fxlower.passes.expand_math import ExpandMathPass
from fxlower.passes.target import target_of
from fxlower.runtime import jit
from fxlower.universe import FXLOWER_UNIVERSE, REPLACED_DIALECTS

Array = np.ndarray[Any, Any]

DTYPES = {"f32": np.float32, "f64": np.float64}
LANES = 16
EVERY_FLOAT = "any bits"

SPECIAL = (
    (0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0)
    + (1e-45, -1e-45, 1e-40, -1e-40, 1.1754944e-38, -1.1754944e-38, 3.4028235e38, -3.4028235e38)
    + (88.72283, 88.72284, -87.33655, -103.97, -103.98, 128.0, -149.0, -150.0, 1e5, 1.1e5, 1e30)
    + (5e-324, 1e-310, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308)
    + (
        709.7827128933840,
        709.782712893385,
        -708.4,
        -745.13,
        -745.14,
        1024.0,
        -1074.0,
        -1075.0,
        1e22,
    )
)
"""Where expansions tend to go wrong: ends of ranges, signs of zero, denormal numbers."""


@dataclass(frozen=True)
class Function:
    """A function of `math`, its reference, and ranges of interest."""

    reference: Callable[..., Array]
    ranges: tuple[tuple[float, float], ...]
    operands: int = 1


def _erf(x: Array) -> Array:
    if x.dtype == np.float64:
        return np.fromiter(map(math.erf, x), np.float64, len(x))
    with mp.workdps(25):
        digits = [mp.nstr(mp.erf(mpf(float(v))), 25) for v in x]
    return np.copysign(np.array(list(map(np.longdouble, digits))), x)


def _fmod(x: Array, y: Array) -> Array:
    """Exact in any type, but numpy's of longdouble is slow and wrong."""
    exact = np.fmod(x.astype(np.float64), y.astype(np.float64))
    return exact.astype(x.dtype)


FUNCTIONS: dict[str, Function] = {
    "exp": Function(np.exp, ((-1, 1), (-104, 89))),
    "exp2": Function(np.exp2, ((-1, 1), (-150, 128))),
    "expm1": Function(np.expm1, ((-1, 1), (-20, 89))),
    "log": Function(np.log, ((0.5, 2), (0, 1000))),
    "log2": Function(np.log2, ((0.5, 2), (0, 1000))),
    "log10": Function(np.log10, ((0.5, 2), (0, 1000))),
    "log1p": Function(np.log1p, ((-1, 1), (0, 1000))),
    "sin": Function(np.sin, ((-4, 4), (-1000, 1000), (-2e5, 2e5))),
    "cos": Function(np.cos, ((-4, 4), (-1000, 1000), (-2e5, 2e5))),
    "tan": Function(np.tan, ((-4, 4), (-1000, 1000), (-2e5, 2e5))),
    "asin": Function(np.arcsin, ((-1, 1),)),
    "acos": Function(np.arccos, ((-1, 1),)),
    "atan": Function(np.arctan, ((-1, 1), (-100, 100))),
    "atan2": Function(np.arctan2, ((-1, 1), (-100, 100)), operands=2),
    "sinh": Function(np.sinh, ((-1, 1), (-90, 90))),
    "cosh": Function(np.cosh, ((-1, 1), (-90, 90))),
    "tanh": Function(np.tanh, ((-1, 1), (-10, 10))),
    "asinh": Function(np.arcsinh, ((-1, 1), (-1e5, 1e5))),
    "acosh": Function(np.arccosh, ((1, 2), (1, 1e5))),
    "atanh": Function(np.arctanh, ((-1, 1),)),
    "erf": Function(_erf, ((-1, 1), (-6, 6))),
    "powf": Function(np.power, ((0, 2), (-10, 10), (0, 100)), operands=2),
    "remf": Function(_fmod, ((-10, 10), (-1e6, 1e6)), operands=2),
    "rsqrt": Function(lambda x: 1 / np.sqrt(x), ((0, 1), (0, 1000))),
}


def bf16_bits(x: Array) -> Array:
    """The bits of f32 rounded to bf16, in integers."""
    bits = x.view(np.uint32)
    rounded = (bits.astype(np.uint64) + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(x), 0x7FC0, rounded).astype(np.uint16)


def f16_bits(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return x.astype(np.float16).view(np.uint16)


NARROW = {"bf16": bf16_bits, "f16": f16_bits}
"""Types of 16 bits, and the bits of f32 rounded to each."""


def wrong_roundings(type_: str, lanes: int, count: int) -> int:
    """How many of random f32, and of all numbers halfway between two of `type_` and their
    neighbours, are not rounded to nearest even, or become a NaN or cease to be one."""
    rng = np.random.default_rng(0)
    high = np.arange(1 << 16, dtype=np.uint32) << 16
    halfway = [high + low for low in (0, 0x7FFF, 0x8000, 0x8001)]
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32).view(np.uint32)
    halfway += [halves + low for low in (0x0FFF, 0x1000, 0x1001)]
    x = np.concatenate([rng.integers(0, 1 << 32, count).astype(np.uint32), *halfway])
    x = np.resize(x, -(-x.size // 64) * 64).view(np.float32)
    vector = f"vector<{lanes}x" if lanes else ""
    end, dialect = (">", "vector") if lanes else ("", "memref")
    f32, narrow, bits = (f"{vector}{t}{end}" for t in ("f32", type_, "i16"))
    text = f"""
func.func @kernel(%x: memref<?xf32>, %out: memref<?xi16>, %n: index) {{
  %c0 = arith.constant 0 : index
  %step = arith.constant {max(lanes, 1)} : index
  scf.for %i = %c0 to %n step %step {{
    %v = {dialect}.load %x[%i] : memref<?xf32>{f", {f32}" if lanes else ""}
    %t = arith.truncf %v : {f32} to {narrow}
    %y = arith.bitcast %t : {narrow} to {bits}
    {dialect}.store %y, %out[%i] : memref<?xi16>{f", {bits}" if lanes else ""}
    scf.yield
  }}
  func.return
}}
"""
    got = np.empty(x.size, np.uint16)
    code = machine_code(text)
    jit.call(code.address("kernel"), [x.ctypes.data, got.ctypes.data, x.size])
    largest = {"bf16": 0x7F80, "f16": 0x7C00}[type_]
    nan = np.isnan(x)
    right = np.where(nan, (got & 0x7FFF) > largest, got == NARROW[type_](x))
    return int((~right).sum())


def kernel(name: str, type_: str, lanes: int, machine: str = "host") -> str:
    """A loop over arrays that applies `math.NAME`; 0 lanes is the scalar form."""
    value = f"vector<{lanes}x{type_}>" if lanes else type_
    memory = f"memref<?x{type_}>"
    suffix = f"{memory}, {value}" if lanes else memory
    dialect = "vector" if lanes else "memref"
    inputs = [f"%x{i}" for i in range(FUNCTIONS[name].operands)]
    loads = "\n".join(f"%v{x[1:]} = {dialect}.load {x}[%i] : {suffix}" for x in inputs)
    values = ", ".join(f"%v{x[1:]}" for x in inputs)
    arguments = ", ".join(f"{x}: {memory}" for x in (*inputs, "%out"))
    return f"""
builtin.module attributes {{fxlower.machine = "{machine}"}} {{
  func.func @kernel({arguments}, %n: index) {{
    %c0 = arith.constant 0 : index
    %step = arith.constant {max(lanes, 1)} : index
    scf.for %i = %c0 to %n step %step {{
      {loads}
      %y = {"arith" if name == "remf" else "math"}.{name} {values} : {value}
      {dialect}.store %y, %out[%i] : {suffix}
      scf.yield
    }}
    func.return
  }}
}}
"""


def machine_code(text: str) -> jit.LoadedCode:
    """Of the function `kernel`."""
    context = Context()
    dialects = XDSL_UNIVERSE.all_dialects | REPLACED_DIALECTS | FXLOWER_UNIVERSE.all_dialects
    for dialect, factory in dialects.items():
        context.register_dialect(dialect, factory)
    module = Parser(context, text).parse_module()
    ExpandMathPass().apply(context, module)
    ConvertToLlvmPass().apply(context, module)
    target = target_of(module)
    return jit.load(compile_object(emit_llvm_ir(module, target), target), ["kernel"])


def compiled(name: str, type_: str, lanes: int) -> Callable[..., Array]:
    """The function on arrays whose length is a multiple of the lanes."""
    code = machine_code(kernel(name, type_, lanes))

    def run(*inputs: Array) -> Array:
        arrays = [np.ascontiguousarray(x, DTYPES[type_]) for x in inputs]
        out = np.empty_like(arrays[0])
        addresses = [a.ctypes.data for a in (*arrays, out)]
        jit.call(code.address("kernel"), [*addresses, len(out)])
        return out

    return run


def samples(function: Function, type_: str, count: int) -> Iterable[tuple[str, tuple[Array, ...]]]:
    """Named sets of operands: each range, every bit pattern, special values in all pairs."""
    rng = np.random.default_rng(0)
    dtype = DTYPES[type_]
    for low, high in function.ranges:
        operands = [rng.uniform(low, high, count).astype(dtype) for _ in range(function.operands)]
        yield f"[{low:g}, {high:g}]", tuple(operands)
    integer = np.uint32 if type_ == "f32" else np.uint64
    bits = [
        rng.integers(0, 2**64, count, np.uint64).astype(integer).view(dtype)
        for _ in range(function.operands)
    ]
    yield EVERY_FLOAT, tuple(bits)
    with np.errstate(over="ignore"):
        special = np.array(SPECIAL).astype(dtype)
    pairs = np.meshgrid(*[special] * function.operands)
    padded = [np.resize(p.ravel(), -(-p.size // 64) * 64) for p in pairs]
    yield "special", tuple(padded)


def errors(got: Array, exact: Array) -> Array:
    """Of each result in units in the last place: infinite for a wrong NaN or sign of zero."""
    with np.errstate(all="ignore"):
        expected = exact.astype(got.dtype)
        largest = np.finfo(got.dtype).max
        unit = np.spacing(np.minimum(np.abs(expected), largest)).astype(exact.dtype)
        distance = np.abs(got.astype(exact.dtype) - exact) / unit
        right = (got == expected) & ((got != 0) | (np.signbit(got) == np.signbit(expected)))
        right |= np.isnan(got) & np.isnan(expected)
        sign_lost = (got == 0) & (expected == 0) & ~right
        distance = np.where(right & ~np.isfinite(distance), 0, distance)
        return np.where(np.isnan(distance) | sign_lost, np.inf, distance)


def measure(
    name: str, type_: str, lanes: int, count: int
) -> Iterable[tuple[str, Array, tuple[Array, ...]]]:
    """Of each set of samples its name, the errors, and the operands."""
    function = FUNCTIONS[name]
    run = compiled(name, type_, lanes)
    wide = np.float64 if type_ == "f32" else np.longdouble
    for label, operands in samples(function, type_, count):
        with np.errstate(all="ignore"):
            exact = function.reference(*(o.astype(wide) for o in operands))
        yield label, errors(run(*operands), exact), operands


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the errors of expanded math functions.")
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help="default: all")
    parser.add_argument("--type", default="f32", choices=DTYPES)
    parser.add_argument("--lanes", type=int, nargs="*", default=[0, LANES], help="0 is scalar")
    parser.add_argument("--count", type=int, default=1 << 18, help="samples of each range")
    options = parser.parse_args()
    unknown = [f for f in options.functions if f not in FUNCTIONS]
    if unknown:
        parser.error(f"no function {', '.join(unknown)}; there are {', '.join(FUNCTIONS)}")
    print("function   type  lanes  range              max ulp  mean ulp  worst at")
    for name in options.functions or FUNCTIONS:
        for lanes in options.lanes:
            for label, error, operands in measure(name, options.type, lanes, options.count):
                worst = int(error.argmax())
                at = ", ".join(str(o[worst]) for o in operands)
                mean = error[np.isfinite(error)].mean()
                print(
                    f"{name:10} {options.type:5} {lanes:5}  {label:16}"
                    f" {error[worst]:9.3f} {mean:9.3f}  {at}"
                )
    if not options.functions:
        for type_ in NARROW:
            for lanes in options.lanes:
                wrong = wrong_roundings(type_, lanes, options.count)
                print(f"f32 to {type_:4} {lanes:9}  {wrong} wrong")


if __name__ == "__main__":
    main()
