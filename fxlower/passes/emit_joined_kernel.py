"""A joined program as `linalg` on tensors: a function of kind `loops` with a nest for each piece.

Before: a `JoinedProgram` (fxlower/analysis/joined_program.py)
After:

    func.func private @neg_concat_1a2b3c4d(%0: tensor<4x8xf32>, %1: tensor<4x2xf32>)
        -> tensor<4x10xf32> attributes {fxlower.kernel = "loops", ...} {
      %2 = tensor.empty() : tensor<4x10xf32>
      %3 = tensor.empty() : tensor<4x8xf32>
      %4 = linalg.generic {...} ins(%0) outs(%3) {...}
      %5 = tensor.insert_slice %4 into %2[0, 0] [4, 8] [1, 1]
      ...
"""

from __future__ import annotations

from xdsl.dialects import tensor
from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue

from fxlower.analysis.joined_program import JoinedProgram
from fxlower.analysis.symbols import product
from fxlower.dialects.build import (
    DYNAMIC,
    I32,
    I64,
    Dim,
    dims_of,
    emit1,
    int_attr,
    signless,
    string_attr,
    tensor_type,
)
from fxlower.passes.emit_loops_kernel import Made, emit_nest, operation_names
from fxlower.passes.kernel_bodies import ELEMENTS
from fxlower.passes.kernel_shell import KernelShell, kernel_name


def emit_joined_kernel(program: JoinedProgram, scratchpad_bytes: int) -> tuple[FuncOp, int]:
    """The kernel, and how many results it has beyond those of the program, as in
    `emit_loops_kernel`."""
    arguments = [(ELEMENTS[a.element], a.sizes, a.strides) for a in program.arguments]
    shell = KernelShell(arguments, program.symbols)
    joined = [shell.empty(signless(ELEMENTS[j.element]), j.sizes) for j in program.joins]
    returned: Made = []
    kept: Made = []
    names: dict[str, None] = {}
    for nest in program.nests:
        own = [shell.arguments[i] for i in nest.arguments]
        results, more = emit_nest(nest.program, shell, own, scratchpad_bytes)
        kept += more
        for number, join, offsets, loops in nest.pieces:
            piece = _by_axes(shell, results[number][0], loops)
            joined[join] = _insert(shell, piece, joined[join], offsets, loops)
        returned += [results[number] for number in nest.returned]
        names.update(dict.fromkeys(operation_names(nest.program)))
    made = [(value, join.strides) for value, join in zip(joined, program.joins)]
    listed = [*(n for n in names if n != "copy"), "join"]
    attributes: dict[str, Attribute] = {
        "fxlower.kernel": string_attr("loops"),
        "fxlower.ops": string_attr(",".join(listed)),
        "fxlower.shape": string_attr("x".join(map(str, program.joins[0].sizes))),
    }
    name = kernel_name(listed, program.digest)
    return shell.finish(name, [*made, *returned, *kept], attributes), len(kept)


def _by_axes(shell: KernelShell, value: SSAValue, loops: tuple[int, ...]) -> SSAValue:
    """A value with a dim for each loop, as one with a dim for each axis that has any."""
    if max(loops, default=0) <= 1:
        return value
    sizes = dims_of(value.type)
    merged: list[Dim] = []
    groups: list[ArrayAttr[Attribute]] = []
    first = 0
    for count in loops:
        if count:
            merged.append(product(sizes[first : first + count]))
            groups.append(ArrayAttr([int_attr(i) for i in range(first, first + count)]))
            first += count
    type_ = tensor_type(value.type.element_type, tuple(merged))  # type: ignore[attr-defined]
    properties: dict[str, Attribute] = {"reassociation": ArrayAttr(groups)}
    return emit1(shell.block, tensor.CollapseShapeOp, (value,), type_, properties)


def _insert(
    shell: KernelShell,
    piece: SSAValue,
    whole: SSAValue,
    offsets: tuple[Dim, ...],
    loops: tuple[int, ...],
) -> SSAValue:
    """`whole` with `piece`, which lacks the axes of size 1 (those without loops), at `offsets`."""
    own = iter(dims_of(piece.type))
    sizes: tuple[Dim, ...] = tuple(next(own) if count else 1 for count in loops)
    moving = [shell.dims.value(o) for o in offsets if isinstance(o, str)]
    extents = [shell.dims.value(n) for n in sizes if isinstance(n, str)]
    properties: dict[str, Attribute] = {
        "static_offsets": _static(offsets),
        "static_sizes": _static(sizes),
        "static_strides": _static((1,) * len(sizes)),
        "operandSegmentSizes": DenseArrayBase.from_list(I32, [1, 1, len(moving), len(extents), 0]),
    }
    operands = (piece, whole, *moving, *extents)
    return emit1(shell.block, tensor.InsertSliceOp, operands, whole.type, properties)


def _static(dims: tuple[Dim, ...]) -> DenseArrayBase:
    return DenseArrayBase.from_list(I64, [d if isinstance(d, int) else DYNAMIC for d in dims])
