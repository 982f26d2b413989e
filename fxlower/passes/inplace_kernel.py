"""The form of a kernel that works in place, made by `update-in-place`.

Before:

    func.func private @mul_1a2b(%0: tensor<4xf32>) -> tensor<4xf32>

After:

    func.func private @mul_3c4d(%0: tensor<4xf32>) -> (tensor<4xf32> {fxt.inplace = 0 : i64})

Memory that the kernel does not read is one more argument. Of a joined result, the slices are
results of their own, each in the memory of that slice, but for those that are copies of what lies
there anyway: nothing is done for them. The result itself is then the argument that is returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, SSAValue

from fxlower.analysis.inplace import pieces_of
from fxlower.analysis.kernel_program import digest_of
from fxlower.analysis.layout import Strides
from fxlower.dialects.build import INDEX, dims_of, int_attr, string_attr
from fxlower.passes.kernel_shell import strides_dictionary


@dataclass(frozen=True)
class InPlaceSlice:
    """A slice of a joined result in the memory of an argument."""

    piece: int
    """Its number in `pieces_of` the result."""
    argument: int
    """-1 for memory that the kernel does not read."""
    strides: Strides
    """With a dim for each loop of the nest that makes it."""


@dataclass(frozen=True)
class InPlace:
    """A result in the memory of an argument."""

    result: int
    argument: int
    """-1 for memory that the kernel does not read."""
    strides: Strides
    doubled: bool = False
    """Whether the result is needed in memory of its own as well."""
    joined: bool = False
    """Whether the result is joined, of `slices` and of what is there already."""
    slices: tuple[InPlaceSlice, ...] = ()


def inplace_kernel(kernel: FuncOp, changes: Sequence[InPlace]) -> FuncOp:
    """`kernel` with `changes`. New arguments come after the other tensors, in the order of
    `changes`, each before those of its slices; so do, after the other results, those that are
    doubled and slices."""
    made = kernel.clone()
    block = made.body.block
    last = block.last_op
    assert last is not None
    pieces = [pieces_of(made, c.result) if c.joined else [] for c in changes]
    plain = DictionaryAttr({})
    arguments = [*made.arg_attrs] if made.arg_attrs else [plain] * len(block.args)
    results = [*made.res_attrs] if made.res_attrs else [plain] * len(last.operands)
    values = list(last.operands)

    def memory(value: SSAValue, strides: Strides, argument: int) -> tuple[int, DictionaryAttr]:
        layout = strides_dictionary(dims_of(value.type), strides)
        if argument < 0:
            argument = sum(a.type != INDEX for a in block.args)
            block.insert_arg(value.type, argument)
            arguments.insert(argument, layout)
        return argument, DictionaryAttr({**layout.data, "fxt.inplace": int_attr(argument)})

    for change, parts in zip(changes, pieces):
        value = values[change.result]
        argument, attributes = memory(value, change.strides, change.argument)
        if change.doubled:
            values.append(value)
            results.append(attributes)
        else:
            results[change.result] = attributes
        if change.joined:
            values[change.result] = block.args[argument]
        for slice_ in change.slices:
            source = parts[slice_.piece].source
            values.append(source)
            results.append(memory(source, slice_.strides, slice_.argument)[1])
    last.operands = values
    _erase_unused(block)
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
    return made


def _erase_unused(block: Block) -> None:
    """Slices are not joined any more, and what lies there already is not copied."""
    op = block.last_op
    while op is not None:
        before = op.prev_op
        if op.results and all(r.first_use is None for r in op.results):
            op.detach()
            op.erase()
        op = before
