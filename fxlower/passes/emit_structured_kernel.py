"""Kernels of operations that have one of their own: scans, scatters and sorts.

Before: `%c = fxt.cumsum %a, 1 : tensor<4x8xf32>` in `@main`
After: `%c = fxt.call @cumsum_1a2b3c4d(%a)`, and the function with a `fxt.cumsum` in it. Operands
stay where they are in memory; their strides are on the arguments. What a sort needs to work in is
a result beyond the one that the caller uses.
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
from fxlower.analysis.sorting import SortPlan
from fxlower.analysis.symbols import contiguous_strides, product
from fxlower.dialects import fxt
from fxlower.dialects.build import (
    ELEMENT_BITS,
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
    scratch: tuple[Dim, ...] = ()
    """The sizes of the scratch memory, of i64."""

    def build(self) -> FuncOp:
        shell = KernelShell([(ELEMENTS[e], n, s) for e, n, s in self.arguments], self.symbols)
        kind, emitter = _KINDS[self.operation]
        value, *more = emitter(self, shell)
        name = kernel_name([self.operation], digest_of(self))
        attributes: dict[str, Attribute] = {
            "fxlower.kernel": string_attr(kind),
            "fxlower.ops": string_attr(self.operation),
            "fxlower.shape": string_attr(self._shape()),
        }
        results = [(value, self.result[2])]
        results += [(v, contiguous_strides(dims_of(v.type))) for v in more]
        return shell.finish(name, results, attributes)

    def _shape(self) -> str:
        return "x".join(map(str, self.result[1]))


def structured_kernel(
    op: Operation, partition: Partition, cores: int
) -> tuple[StructuredKernel, list[SSAValue], tuple[str, ...]]:
    """The kernel of `op`, the values in memory that it is called with, and the caller's symbols."""
    operands = list(op.operands)
    detail: list[Any] = []
    sizes_in_detail: tuple[Dim, ...] = ()
    match op:
        case fxt.ScanOp():
            detail = [op.axis.value.data]
        case fxt.ScatterOp():
            detail = [op.mode.data, op.axes, tuple(_how_made(v) for v in operands)]
            operands = [v for v in operands if not made_in_scatter(v)]
            sizes_in_detail = (*dims_of(op.updates.type), -1, *dims_of(op.indices[0].type))
        case fxt.ArgsortOp():
            detail = [op.order.data, op.axis.value.data]
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
    scratch: tuple[Dim, ...] = ()
    if isinstance(op, fxt.ArgsortOp):
        scratch = _scratch(op, local[0], local[-3], cores)
    kernel = StructuredKernel(
        op.name[4:], tuple(detail), tensors[:-1], tensors[-1], len(symbols), scratch
    )
    return kernel, operands, symbols


# ------------------------------------------------------------------ scans, scatters, sorts


def _scan(kernel: StructuredKernel, shell: KernelShell) -> list[SSAValue]:
    (axis,) = kernel.detail
    assert isinstance(axis, int)
    element, sizes, _ = kernel.result
    type_ = tensor_type(signless(ELEMENTS[element]), sizes)
    operands, properties = shell.arguments[:1], {"axis": int_attr(axis)}
    cls = _SCANS[kernel.operation]
    attributes = _signedness(kernel) if issubclass(cls, fxt.PositionScanOp) else None
    return [emit1(shell.block, cls, operands, type_, properties, attributes)]


def _signedness(kernel: StructuredKernel) -> dict[str, Attribute] | None:
    """The attribute that says that integers compare as unsigned."""
    unsigned = kernel.arguments[0][0].startswith("ui")
    return {"fxlower.unsigned": UnitAttr()} if unsigned else None


def _how_made(operand: SSAValue) -> tuple[Dim, ...]:
    """How a scatter's kernel makes an operand, as `_scatter` reads it; () for an argument."""
    match operand.owner:
        case fxt.IotaOp(axis=axis):
            return ("iota", axis.value.data)
        case fxt.FullOp(value=FloatAttr() | IntegerAttr() as value):
            return ("full", repr(value.value.data))
        case _:
            return ()


def _scatter(kernel: StructuredKernel, shell: KernelShell) -> list[SSAValue]:
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
    return [emit1(shell.block, fxt.ScatterOp, operands, type_, properties, unsigned)]


def _scratch(
    op: fxt.ArgsortOp, sizes: tuple[Dim, ...], sorted_sizes: tuple[Dim, ...], cores: int
) -> tuple[Dim, ...]:
    """The sizes of the memory that the sort of a tensor of `sizes` needs, if any."""
    axis = op.axis.value.data
    bits = ELEMENT_BITS[op.input.type.element_type]  # type: ignore[attr-defined]
    plan = SortPlan(sizes[axis], sorted_sizes[axis], bits)
    if not plan.distributes:
        return ()
    rows = product(size for d, size in enumerate(sizes) if d != axis)
    return plan.slots(rows, cores), product((2 * plan.words, sizes[axis]))


def _sort(kernel: StructuredKernel, shell: KernelShell) -> list[SSAValue]:
    order, axis = kernel.detail
    assert isinstance(axis, int)
    operands: list[SSAValue] = [shell.arguments[0]]
    if kernel.scratch:
        operands.append(shell.empty(I64, kernel.scratch))
    properties = {"order": string_attr(str(order)), "axis": int_attr(axis)}
    type_ = tensor_type(I64, kernel.result[1])
    unsigned = _signedness(kernel)
    made = emit1(shell.block, fxt.ArgsortOp, operands, type_, properties, unsigned)
    return [made, *operands[1:]]


_SCANS = {cls.name[4:]: cls for cls in fxt.SCANS}

_KINDS: dict[str, tuple[str, Callable[[StructuredKernel, KernelShell], list[SSAValue]]]] = {
    **dict.fromkeys(_SCANS, ("scan", _scan)),
    "scatter": ("scatter", _scatter),
    "argsort": ("sort", _sort),
}
"""Operations with a kernel of their own: its kind, and what emits its results."""
