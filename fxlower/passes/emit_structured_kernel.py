"""Kernels of operations that have one of their own: scans and scatters.

Before: `%c = fxt.cumsum %a, 1 : tensor<4x8xf32>` in `@main`
After: `%c = fxt.call @cumsum_1a2b3c4d(%a)`, and the function with a `fxt.cumsum` in it. Operands
stay where they are in memory; their strides are on the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue

from fxlower.analysis.fusion_axes import made_in_scatter
from fxlower.analysis.fusion_units import Partition
from fxlower.analysis.kernel_program import digest_of
from fxlower.analysis.layout import Strides
from fxlower.dialects import fxt
from fxlower.dialects.build import (
    I64,
    Dim,
    dims_of,
    emit1,
    int_attr,
    signless,
    string_attr,
    tensor_type,
)
from fxlower.dialects.fxt.view import axes_attr
from fxlower.passes.kernel_bodies import ELEMENTS, number, number_attr
from fxlower.passes.kernel_shell import KernelShell, kernel_name, local_symbols


@dataclass(frozen=True)
class StructuredKernel:
    """A kernel by what it is made from: equal ones are the same function."""

    operation: str
    detail: tuple[str | int | tuple[Dim, ...], ...]
    """What the operation's properties say."""
    arguments: tuple[tuple[str, tuple[Dim, ...], Strides], ...]
    """Element, sizes and strides of each."""
    result: tuple[str, tuple[Dim, ...], Strides]
    symbols: int

    def build(self) -> FuncOp:
        shell = KernelShell([(ELEMENTS[e], n, s) for e, n, s in self.arguments], self.symbols)
        kind, emitter = _KINDS[self.operation]
        value = emitter(self, shell)
        name = kernel_name([self.operation], digest_of(self))
        attributes: dict[str, Attribute] = {
            "fxlower.kernel": string_attr(kind),
            "fxlower.ops": string_attr(self.operation),
            "fxlower.shape": string_attr(self._shape()),
        }
        return shell.finish(name, [(value, self.result[2])], attributes)

    def _shape(self) -> str:
        return "x".join(map(str, self.result[1]))


def structured_kernel(
    op: Operation, partition: Partition
) -> tuple[StructuredKernel, list[SSAValue], tuple[str, ...]]:
    """The kernel of `op`, the values in memory that it is called with, and the caller's symbols."""
    operands = list(op.operands)
    detail: list[Any] = []
    sizes_in_detail: tuple[Dim, ...] = ()
    match op:
        case fxt.CumsumOp() | fxt.CumprodOp():
            detail = [op.axis.value.data]
        case fxt.ScatterOp():
            detail = [op.mode.data, op.axes, tuple(_how_made(v) for v in operands)]
            operands = [v for v in operands if not made_in_scatter(v)]
            sizes_in_detail = (*dims_of(op.updates.type), -1, *dims_of(op.indices[0].type))
        case _:
            raise TypeError(f"not an operation with a kernel of its own: {op.name}")
    result = op.results[0]
    groups = [sizes_in_detail]
    for value in (*operands, result):
        groups += [dims_of(value.type), partition.strides[value]]
    local, symbols = local_symbols([*groups[1:], groups[0]])
    if sizes_in_detail or isinstance(op, fxt.ScatterOp):
        detail.append(local[-1])
    tensors = tuple(
        (str(v.type.element_type), local[2 * i], local[2 * i + 1])  # type: ignore[attr-defined]
        for i, v in enumerate((*operands, result))
    )
    kernel = StructuredKernel(op.name[4:], tuple(detail), tensors[:-1], tensors[-1], len(symbols))
    return kernel, operands, symbols


# ---------------------------------------------------------------------- scans and scatters


def _scan(kernel: StructuredKernel, shell: KernelShell) -> SSAValue:
    cls = fxt.CumsumOp if kernel.operation == "cumsum" else fxt.CumprodOp
    (axis,) = kernel.detail
    assert isinstance(axis, int)
    made = cls(shell.arguments[0], axis)
    shell.block.add_op(made)
    return made.result


def _how_made(operand: SSAValue) -> tuple[Dim, ...]:
    """How a scatter's kernel makes an operand, as `_scatter` reads it; () for an argument."""
    match operand.owner:
        case fxt.IotaOp(axis=axis):
            return ("iota", axis.value.data)
        case fxt.FullOp(value=FloatAttr() | IntegerAttr() as value):
            return ("full", repr(value.value.data))
        case _:
            return ()


def _scatter(kernel: StructuredKernel, shell: KernelShell) -> SSAValue:
    mode, axes, recipes, sizes = kernel.detail
    element, dest_sizes, _ = kernel.result
    assert isinstance(axes, tuple) and isinstance(recipes, tuple) and isinstance(sizes, tuple)
    split = len(sizes) - 1 - list(reversed(sizes)).index(-1)
    shapes = [dest_sizes, sizes[:split]] + [sizes[split + 1 :]] * (len(recipes) - 2)
    given = iter(shell.arguments)
    operands: list[SSAValue] = []
    for i, (recipe, shape) in enumerate(zip(recipes, shapes)):
        if recipe == ():
            operands.append(next(given))
            continue
        kind, detail = recipe  # type: ignore[misc]
        type_ = tensor_type(signless(ELEMENTS[element]) if i < 2 else I64, shape)
        if kind == "iota":
            made = emit1(shell.block, fxt.IotaOp, (), type_, {"axis": int_attr(int(detail))})
        else:
            value = number_attr(number(str(detail)), type_.element_type)
            made = emit1(shell.block, fxt.FullOp, (), type_, {"value": value})
        operands.append(made)
    properties: dict[str, Attribute] = {"mode": string_attr(str(mode)), "axes": axes_attr(axes)}  # type: ignore[arg-type]
    unsigned = {"fxlower.unsigned": UnitAttr()} if element.startswith("ui") else None
    type_ = tensor_type(signless(ELEMENTS[element]), dest_sizes)
    return emit1(shell.block, fxt.ScatterOp, operands, type_, properties, unsigned)


_KINDS: dict[str, tuple[str, Callable[[StructuredKernel, KernelShell], SSAValue]]] = {
    "cumsum": ("scan", _scan),
    "cumprod": ("scan", _scan),
    "scatter": ("scatter", _scatter),
}
"""Operations with a kernel of their own: its kind, and what emits its body."""
