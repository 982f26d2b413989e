"""What a kernel moves through memory and computes, and what its fusion saves.

Each argument and result counts once, though a row that is longer than the caches is read in every
phase. What a gather takes from an argument counts only as far as it is taken. Symbols count as a
typical size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod

from xdsl.dialects import tensor
from xdsl.dialects.builtin import StringAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.dialects.linalg.ops import GenericOp, IndexOp, YieldOp
from xdsl.ir import Attribute, SSAValue

from fxlower.analysis.loop_space import estimate
from fxlower.analysis.symbols import add, canonical, mul, product
from fxlower.dialects import arith
from fxlower.dialects.build import ELEMENT_BITS, F64, INDEX, Dim, dims_of, signless

MOVES = {
    "arith.bitcast",
    "arith.extf",
    "arith.extsi",
    "arith.extui",
    "arith.fptosi",
    "arith.fptoui",
    "arith.index_cast",
    "arith.sitofp",
    "arith.truncf",
    "arith.trunci",
    "arith.uitofp",
    "fxt.normalize_index",
    "tensor.extract",
}
"""What is part of getting a value from memory or to it: not counted as an operation."""


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
    counted = _Count(function, estimate)
    reads, writes, unfused, operations = map(
        estimate, (counted.reads, counted.writes, counted.unfused, counted.operations)
    )
    return Traffic(reads, writes, max(unfused, reads + writes), operations)


@dataclass(frozen=True)
class Work:
    """What a call of a kernel moves through memory, and its scalar operations, in the symbols that
    are its last arguments."""

    symbols: tuple[str, ...]
    reads: Dim
    writes: Dim
    operations: Dim
    is_double: bool
    """Whether it computes in f64."""


def work_of(function: FuncOp) -> Work:
    """The work of a kernel at stage `linalg`, whatever the sizes are."""
    types = function.function_type
    attributes = function.arg_attrs.data if function.arg_attrs else ()
    names = [a.data.get("fxt.symbol") for t, a in zip(types.inputs, attributes) if t == INDEX]
    counted = _Count(function, canonical)
    return Work(
        symbols=tuple(n.data for n in names if isinstance(n, StringAttr)),
        reads=counted.reads,
        writes=counted.writes,
        operations=counted.operations,
        is_double=any(
            isinstance(t, TensorType) and t.element_type == F64
            for t in (*types.inputs, *types.outputs)
        ),
    )


class _Count:
    """Adds up a kernel. `size` says what a dim counts as: itself, or a number."""

    def __init__(self, function: FuncOp, size: Callable[[Dim], Dim]) -> None:
        self.size = size
        self.unfused: Dim = 0
        self.operations: Dim = 0
        self.gathered: dict[SSAValue, Dim] = {}
        """Bytes that gathers take from an argument."""
        self.whole: set[SSAValue] = set()
        """Arguments that something else reads too."""
        block = function.body.block
        for op in block.ops:
            if isinstance(op, GenericOp):
                self.generic(op)
            self.whole.update(op.operands)
        types = function.function_type
        self.writes = self.sum(map(self.bytes, types.outputs))
        self.reads = self.sum(map(self.bytes_read, block.args))

    def sum(self, values: Iterable[Dim]) -> Dim:
        total: Dim = 0
        for value in values:
            total = add(total, value)
        return total

    def bytes(self, type_: Attribute) -> Dim:
        if not isinstance(type_, TensorType):
            return 0
        return mul(product(map(self.size, dims_of(type_))), element_bytes(type_))

    def bytes_read(self, argument: SSAValue) -> Dim:
        """Of what is only gathered from, at most what is gathered."""
        whole = self.bytes(argument.type)
        taken = self.gathered.get(argument)
        if taken is None or argument in self.whole:
            return whole
        if isinstance(taken, int) and isinstance(whole, int):
            return min(taken, whole)
        return canonical(f"min({taken}, {whole})")

    def generic(self, op: GenericOp) -> None:
        """Bytes that the operations of a body would move one by one, and how often they run."""
        extents: dict[int, Dim] = {}
        for value, map_ in zip((*op.inputs, *op.results), op.indexing_maps):
            for size, expression in zip(dims_of(value.type), map_.data.results):
                extents[expression.position] = self.size(size)  # type: ignore[attr-defined]
        points = product(extents.values())
        results = self.sum(self.bytes(r.type) for r in op.results)
        block = op.body.block
        accumulators = set(block.args[len(op.inputs) :])
        for inner in block.ops:
            if isinstance(inner, tensor.ExtractOp):
                taken = mul(points, element_bytes(inner.tensor.type))
                known = self.gathered.get(inner.tensor, 0)
                self.gathered[inner.tensor] = add(known, taken)
            if isinstance(inner, YieldOp | IndexOp | arith.ConstantOp):
                continue
            if inner.name not in MOVES:
                self.operations = add(self.operations, points)
            combines = any(o in accumulators for o in inner.operands)
            for operand in inner.operands:
                if operand not in accumulators and not _is_constant(operand):
                    moved = mul(points, _scalar_bytes(operand.type))
                    self.unfused = add(self.unfused, moved)
            for result in inner.results:
                moved = results if combines else mul(points, _scalar_bytes(result.type))
                self.unfused = add(self.unfused, moved)


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
