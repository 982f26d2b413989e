"""The form of a kernel that works in place, made by `update-in-place`.

Before:

    func.func private @mul_1a2b(%0: tensor<4xf32>) -> tensor<4xf32>

After:

    func.func private @mul_3c4d(%0: tensor<4xf32>) -> (tensor<4xf32> {fxt.inplace = 0 : i64})

Memory that the kernel does not read is one more argument. A copy of an argument into the slice
where it lies anyway is a `tensor.insert_slice` of the argument itself, for which nothing is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue

from fxlower.analysis.inplace import pieces_of
from fxlower.analysis.kernel_program import digest_of
from fxlower.analysis.layout import Strides
from fxlower.dialects.build import INDEX, dims_of, int_attr, string_attr
from fxlower.passes.kernel_shell import strides_dictionary


@dataclass(frozen=True)
class InPlace:
    """A result in the memory of an argument."""

    result: int
    argument: int
    """-1 for memory that the kernel does not read."""
    strides: Strides
    present: tuple[int, ...] = ()
    """Arguments that are slices of the result and lie there already."""
    doubled: bool = False
    """Whether the result is needed in memory of its own as well."""


def inplace_kernel(kernel: FuncOp, changes: Sequence[InPlace]) -> FuncOp:
    """`kernel` with `changes`. New arguments come after the other tensors, in the order of
    `changes`; so do, after the other results, those that are doubled."""
    made = kernel.clone()
    block = made.body.block
    last = block.last_op
    assert last is not None
    plain = DictionaryAttr({})
    arguments = [*made.arg_attrs] if made.arg_attrs else [plain] * len(block.args)
    results = [*made.res_attrs] if made.res_attrs else [plain] * len(last.operands)
    values = list(last.operands)
    memory: list[SSAValue] = []
    for change in changes:
        value = values[change.result]
        sizes = dims_of(value.type)
        layout = strides_dictionary(sizes, change.strides)
        argument = change.argument
        if argument < 0:
            argument = sum(a.type != INDEX for a in block.args)
            block.insert_arg(value.type, argument)
            arguments.insert(argument, layout)
        attributes = DictionaryAttr({**layout.data, "fxt.inplace": int_attr(argument)})
        if change.doubled:
            values.append(value)
            results.append(attributes)
        else:
            results[change.result] = attributes
        memory.append(block.args[argument])
    last.operands = values
    name, digest = kernel.sym_name.data, digest_of((kernel.sym_name.data, tuple(changes)))
    properties: dict[str, Attribute] = {
        "sym_name": string_attr(f"{name.rpartition('_')[0] or name}_{digest}"),
        "function_type": FunctionType.from_lists(
            [a.type for a in block.args], [v.type for v in values]
        ),
        "arg_attrs": ArrayAttr(arguments),
        "res_attrs": ArrayAttr(results),
    }
    made.properties.update(properties)
    for change, argument in zip(changes, memory):
        if change.present:
            _keep(made, change, argument)
    return made


def _keep(function: FuncOp, change: InPlace, memory: SSAValue) -> None:
    """Join the result of slices of itself."""
    pieces = pieces_of(function, change.result)
    empty = pieces[0].insert.operands[1].owner
    for piece in pieces:
        if piece.argument not in change.present:
            continue
        copy = piece.insert.source.owner
        piece.insert.operands[0] = function.body.block.args[piece.argument]
        init = copy.operands[1].owner  # type: ignore[union-attr]
        for op in (copy, init):
            op.detach()  # type: ignore[union-attr]
            op.erase()  # type: ignore[union-attr]
    pieces[0].insert.operands[1] = memory
    empty.detach()  # type: ignore[union-attr]
    empty.erase()  # type: ignore[union-attr]
