"""What a kernel moves through memory and computes, and what its fusion saves.

Each argument and result counts once, though a gather may read less and a row that is longer than
the caches is read in every phase. Symbols count as a typical size.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp
from xdsl.dialects.linalg.ops import GenericOp, IndexOp, YieldOp
from xdsl.ir import Attribute, SSAValue

from fxlower.analysis.loop_space import estimate
from fxlower.dialects import arith
from fxlower.dialects.build import ELEMENT_BITS, INDEX, dims_of, signless


@dataclass(frozen=True)
class Traffic:
    """Bytes of one call of a kernel, and its scalar operations."""

    reads: int
    writes: int
    unfused: int
    """Bytes that the same operations would move if each were a kernel of its own."""
    operations: int

    def __str__(self) -> str:
        parts = f"{_size(self.reads)} in, {_size(self.writes)} out"
        return f"{parts} ({_size(self.unfused)} unfused), {self.operations:,} operations"


def _size(count: int) -> str:
    """Bytes, to be read."""
    return f"{count} B" if count < 10_000 else f"{count / 1e6:.4g} MB"


def traffic_of(function: FuncOp) -> Traffic:
    """The traffic of a kernel at stage `linalg`."""
    reads = sum(map(tensor_bytes, function.function_type.inputs))
    writes = sum(map(tensor_bytes, function.function_type.outputs))
    unfused = operations = 0
    for op in function.body.block.ops:
        if isinstance(op, GenericOp):
            moved, computed = _of_generic(op)
            unfused += moved
            operations += computed
    return Traffic(reads, writes, max(unfused, reads + writes), operations)


def _of_generic(op: GenericOp) -> tuple[int, int]:
    """Bytes that the operations of a body would move one by one, and how often they run."""
    extents: dict[int, int] = {}
    for value, map_ in zip((*op.inputs, *op.results), op.indexing_maps):
        for size, expression in zip(dims_of(value.type), map_.data.results):
            extents[expression.position] = estimate(size)  # type: ignore[attr-defined]
    points = prod(extents.values())
    results = sum(map(tensor_bytes, (r.type for r in op.results)))
    block = op.body.block
    accumulators = set(block.args[len(op.inputs) :])
    moved = operations = 0
    for inner in block.ops:
        if isinstance(inner, YieldOp | IndexOp | arith.ConstantOp):
            continue
        operations += points
        combines = any(o in accumulators for o in inner.operands)
        for operand in inner.operands:
            if operand not in accumulators and not _is_constant(operand):
                moved += points * _scalar_bytes(operand.type)
        for result in inner.results:
            moved += results if combines else points * _scalar_bytes(result.type)
    return moved, operations


def _is_constant(value: SSAValue) -> bool:
    return value.type == INDEX or isinstance(value.owner, arith.ConstantOp)


def _scalar_bytes(type_: Attribute) -> int:
    return max(ELEMENT_BITS.get(type_, 8), 8) // 8


def element_bytes(type_: Attribute) -> int:
    """Bytes of an element of a tensor in memory."""
    assert isinstance(type_, TensorType)
    return _scalar_bytes(signless(type_.element_type))


def tensor_bytes(type_: Attribute) -> int:
    """Bytes of a tensor, with a typical size for each symbol; 0 for anything else."""
    if not isinstance(type_, TensorType):
        return 0
    return prod(map(estimate, dims_of(type_))) * element_bytes(type_)
