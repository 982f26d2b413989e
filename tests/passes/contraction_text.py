"""Text of contraction kernels, as `form-kernels` writes them, for tests."""
# ruff: noqa: E501  (lines of IR)

from __future__ import annotations

import re
from collections.abc import Sequence

Dim = int | str


def tensor(dims: Sequence[Dim], element: str) -> str:
    shape = "".join(f"{'?' if isinstance(d, str) else d}x" for d in dims)
    if all(isinstance(d, int) for d in dims):
        return f"tensor<{shape}{element}>"
    encoding = ", ".join(f'"{d}"' if isinstance(d, str) else f"{d} : i64" for d in dims)
    return f"tensor<{shape}{element}, [{encoding}]>"


def strided(strides: Sequence[Dim] | None) -> str:
    if strides is None:
        return ""
    written = ", ".join(f'"{s}"' if isinstance(s, str) else f"{s} : i64" for s in strides)
    return f" {{fxt.strides = [{written}]}}"


def affine(rank: int, axes: Sequence[int]) -> str:
    loops = ", ".join(f"d{i}" for i in range(rank))
    return f"affine_map<({loops}) -> ({', '.join(f'd{a}' for a in axes)})>"


def contraction(
    sizes: Sequence[Dim],
    *,
    element: str = "f32",
    factors: Sequence[str] | None = None,
    lhs_strides: Sequence[Dim] | None = None,
    rhs_strides: Sequence[Dim] | None = None,
    out_strides: Sequence[Dim] | None = None,
    lhs_axes: Sequence[int] | None = None,
    rhs_axes: Sequence[int] | None = None,
    schedule: str = "",
    name: str = "mm",
) -> str:
    """A kernel over loops of `sizes` (batch..., m, n, k). f16 and bf16 accumulate in f32 and are
    rounded by a map. `factors` are the elements of the operands if they are widened to `element`,
    with a `u` where that is without sign."""
    rank = len(sizes)
    m, n, k = rank - 3, rank - 2, rank - 1
    batch = tuple(range(m))
    lhs_axes = (*batch, m, k) if lhs_axes is None else lhs_axes
    rhs_axes = (*batch, k, n) if rhs_axes is None else rhs_axes
    out_axes = (*batch, m, n)
    low = element in ("f16", "bf16")
    if factors is None:
        factors = (element, element)
    elements = [f.removeprefix("u") for f in factors]
    types = [
        tensor([sizes[a] for a in axes], e)
        for axes, e in zip((lhs_axes, rhs_axes, out_axes), (*elements, element))
    ]
    acc = "f32" if low else element
    acc_type = tensor([sizes[a] for a in out_axes], acc)
    symbols = list(dict.fromkeys(d for d in sizes if isinstance(d, str)))
    arguments = "".join(f', %{s}: index {{fxt.symbol = "{s}"}}' for s in symbols)
    dynamic = ", ".join(f"%{sizes[a]}" for a in out_axes if isinstance(sizes[a], str))
    is_float = acc.startswith("f")
    zero = "0.000000e+00" if is_float else "0"
    suffix = "f" if is_float else "i"
    widen, names = "", ["%x", "%y"]
    for i, (factor, operand) in enumerate(zip(factors, ("%x", "%y"))):
        if elements[i] != acc:
            cast = "extf" if is_float else "extui" if factor[0] == "u" else "extsi"
            widen += f"{operand}w = arith.{cast} {operand} : {elements[i]} to {acc}\n    "
            names[i] = f"{operand}w"
    iterators = ", ".join(['"parallel"'] * (rank - 1) + ['"reduction"'])
    maps = ", ".join(affine(rank, axes) for axes in (lhs_axes, rhs_axes, out_axes))
    rounding = ""
    result = "%c"
    if low:
        identity = affine(rank - 1, range(rank - 1))
        parallels = ", ".join(['"parallel"'] * (rank - 1))
        rounding = f"""
  %empty2 = tensor.empty({dynamic}) : {types[2]}
  %r = linalg.generic {{indexing_maps = [{identity}, {identity}], iterator_types = [{parallels}]}} ins(%c : {acc_type}) outs(%empty2 : {types[2]}) {{
  ^bb0(%v: f32, %o: {element}):
    %t = arith.truncf %v : f32 to {element}
    linalg.yield %t : {element}
  }} -> {types[2]}"""
        result = "%r"
    attributes = f", fxlower.schedule = {{{schedule}}}" if schedule else ""
    return f"""
func.func @{name}(%a: {types[0]}{strided(lhs_strides)}, %b: {types[1]}{strided(rhs_strides)}{arguments}) -> ({types[2]}{strided(out_strides)}) attributes {{fxlower.kernel = "contraction"{attributes}}} {{
  %zero = arith.constant {zero} : {acc}
  %empty = tensor.empty({dynamic}) : {acc_type}
  %init = linalg.fill ins(%zero : {acc}) outs(%empty : {acc_type}) -> {acc_type}
  %c = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{iterators}]}} ins(%a, %b : {types[0]}, {types[1]}) outs(%init : {acc_type}) {{
  ^bb0(%x: {elements[0]}, %y: {elements[1]}, %acc: {acc}):
    {widen}%p = arith.mul{suffix} {", ".join(names)} : {acc}
    %s = arith.add{suffix} %acc, %p : {acc}
    linalg.yield %s : {acc}
  }} -> {acc_type}{rounding}
  func.return {result} : {types[2]}
}}
"""


def with_epilogue(
    sizes: Sequence[Dim], strides: Sequence[Sequence[Dim] | None], schedule: str = ""
) -> str:
    """`mm`, then `s = (mm + bias) * scale` and `t = f16(s)`, for sizes (b, m, n, k).

    bias is (n,), scale (b, m, n) of f32; `strides` are those of bias, scale, s and t.
    """
    b, m, n, k = sizes
    product = contraction(sizes, schedule=schedule)
    out, half = tensor((b, m, n), "f32"), tensor((b, m, n), "f16")
    dynamic = ", ".join(f"%{d}" for d in (b, m, n) if isinstance(d, str))
    everywhere, columns = affine(3, range(3)), affine(3, (2,))
    loops = 'iterator_types = ["parallel", "parallel", "parallel"]'
    head, body = product.split(") -> (", 1)
    arguments, *symbols = re.split(r"(?=, %d\d: index)", head, maxsplit=1)
    bias, scale, s, t = (strided(x) for x in strides)
    arguments += f", %bias: {tensor((n,), 'f32')}{bias}, %scale: {out}{scale}"
    arguments += "".join(symbols)
    attributes = body.split(") attributes", 1)[1].split(f"func.return %c : {out}")[0]
    return f"""{arguments}) -> ({out}{s}, {half}{t}) attributes{attributes}
  %e1 = tensor.empty({dynamic}) : {out}
  %s = linalg.generic {{indexing_maps = [{everywhere}, {columns}, {everywhere}, {everywhere}], {loops}}} ins(%c, %bias, %scale : {out}, {tensor((n,), "f32")}, {out}) outs(%e1 : {out}) {{
  ^bb0(%v: f32, %w: f32, %x: f32, %o: f32):
    %p = arith.addf %v, %w : f32
    %q = arith.mulf %p, %x : f32
    linalg.yield %q : f32
  }} -> {out}
  %e2 = tensor.empty({dynamic}) : {half}
  %t = linalg.generic {{indexing_maps = [{everywhere}, {everywhere}], {loops}}} ins(%s : {out}) outs(%e2 : {half}) {{
  ^bb0(%v: f32, %o: f16):
    %q = arith.truncf %v : f32 to f16
    linalg.yield %q : f16
  }} -> {half}
  func.return %s, %t : {out}, {half}
}}
"""
