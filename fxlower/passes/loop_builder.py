"""Building loop nests: `LoopBuilder` appends to a block, and opens the blocks of loops under it.

Index arithmetic takes numbers and SSA values alike and folds numbers, so that a pass is written
once for static and symbolic sizes. Constants are made once in a block and seen from the blocks
inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import (
    DenseArrayBase,
    IntAttr,
    IntegerType,
    MemRefType,
    StridedLayoutAttr,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from fxlower.dialects import arith
from fxlower.dialects.build import (
    DYNAMIC,
    I1,
    I8,
    I32,
    INDEX,
    emit,
    emit1,
    float_attr,
    int_attr,
    is_float,
    memref_type,
)

Index: TypeAlias = int | SSAValue
"""An index: a number known now, or a value of type `index`."""

_PREDICATES = {name: int_attr(i) for i, name in enumerate(arith.CMPI_COMPARISON_OPERATIONS)}
_ONE_LOOP = {"operandSegmentSizes": DenseArrayBase.from_list(I32, [1, 1, 1, 0])}
_NO_DYNAMIC_SIZES = DenseArrayBase.from_list(I32, [0, 0])


TRANSPOSE = "fxlower.transpose"
"""On a loop inside a vectorized one: so many of its iterations are transposed at once."""


def vector_loop(width: int, unroll: int = 1) -> dict[str, Attribute]:
    """The attributes of a loop that `vectorize` widens to `width` lanes, `unroll` times."""
    return {"fxlower.vector": int_attr(width), "fxlower.unroll": int_attr(unroll)}


class LoopBuilder:
    """Appends to `block`; `outer` is the builder of the block that contains it."""

    def __init__(self, block: Block, outer: LoopBuilder | None = None):
        self.block = block
        self.outer = outer
        self.constants: dict[tuple[int | float | str, Attribute], SSAValue] = {}

    # ---------------------------------------------------------------------- scalars

    def constant(self, value: int | float, type_: Attribute = INDEX) -> SSAValue:
        key = (repr(value) if isinstance(value, float) else value, type_)
        scope: LoopBuilder | None = self
        while scope is not None:
            if (found := scope.constants.get(key)) is not None:
                return found
            scope = scope.outer
        attr = float_attr(value, type_) if is_float(type_) else int_attr(int(value), type_)
        made = emit1(self.block, arith.ConstantOp, (), type_, {"value": attr})
        if type_ == INDEX:
            made.name_hint = f"c{value}" if value >= 0 else f"cm{-value}"
        self.constants[key] = made
        return made

    def value(self, index: Index) -> SSAValue:
        return self.constant(index) if isinstance(index, int) else index

    def op(
        self,
        cls: type[Operation],
        operands: Sequence[SSAValue],
        result_type: Attribute,
        properties: Mapping[str, Attribute] | None = None,
    ) -> SSAValue:
        return emit1(self.block, cls, operands, result_type, properties)

    def _binary(self, cls: type[Operation], a: Index, b: Index) -> SSAValue:
        return emit1(self.block, cls, (self.value(a), self.value(b)), INDEX)

    def add(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0:
            return b
        return a if b == 0 else self._binary(arith.AddiOp, a, b)

    def sub(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        return a if b == 0 else self._binary(arith.SubiOp, a, b)

    def mul(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if a == 0 or b == 0:
            return 0
        if a == 1:
            return b
        return a if b == 1 else self._binary(arith.MuliOp, a, b)

    def div(self, a: Index, b: Index) -> Index:
        """a / b rounded down, of numbers that are not negative."""
        if isinstance(a, int) and isinstance(b, int):
            return a // b
        return a if b == 1 else self._binary(arith.DivUIOp, a, b)

    def rem(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return a % b
        return 0 if b == 1 else self._binary(arith.RemUIOp, a, b)

    def ceil_div(self, a: Index, b: int) -> Index:
        return self.div(self.add(a, b - 1), b)

    def min(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self._binary(arith.MinSIOp, a, b)

    def max(self, a: Index, b: Index) -> Index:
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self._binary(arith.MaxSIOp, a, b)

    def compare(self, predicate: str, a: Index, b: Index) -> SSAValue:
        operands = (self.value(a), self.value(b))
        return emit1(self.block, arith.CmpiOp, operands, I1, {"predicate": _PREDICATES[predicate]})

    def split(self, index: Index, sizes: Sequence[Index]) -> list[Index]:
        """`index` into a space of `sizes` taken apart, last size fastest."""
        parts: list[Index] = []
        for size in reversed(sizes[1:]):
            parts.append(self.rem(index, size))
            index = self.div(index, size)
        if not sizes:
            return []
        return [0 if sizes[0] == 1 else index, *reversed(parts)]

    # ------------------------------------------------------------------------ loops

    def inner(self, argument_types: Sequence[Attribute] = ()) -> LoopBuilder:
        return LoopBuilder(Block(arg_types=argument_types), self)

    def for_(
        self,
        upper: Index,
        body: Callable[[LoopBuilder, SSAValue, Sequence[SSAValue]], Sequence[SSAValue]],
        init: Sequence[SSAValue] = (),
        *,
        lower: Index = 0,
        step: int = 1,
        attributes: Mapping[str, Attribute] | None = None,
        name: str | None = None,
    ) -> Sequence[SSAValue]:
        """`scf.for`; `body` gets the index and the carried values and returns the next ones."""
        bounds = (self.value(lower), self.value(upper), self.constant(step))
        types = [v.type for v in init]
        inner = self.inner((INDEX, *types))
        index, *carried = inner.block.args
        index.name_hint = name
        results = body(inner, index, carried)
        emit(inner.block, scf.YieldOp, tuple(results))
        regions = (Region(inner.block),)
        loop = emit(
            self.block, scf.ForOp, (*bounds, *init), types, None, attributes, regions=regions
        )
        return loop.results

    def serial(
        self, upper: Index, body: Callable[[LoopBuilder, SSAValue], None], **options: Any
    ) -> None:
        """`scf.for` without carried values."""

        def without_results(inner: LoopBuilder, index: SSAValue, _: Sequence[SSAValue]):
            body(inner, index)
            return ()

        self.for_(upper, without_results, **options)

    def parallel(
        self,
        upper: Index,
        body: Callable[[LoopBuilder, SSAValue], None],
        grain: int,
        name: str | None = None,
    ) -> None:
        """The one-dimensional `scf.parallel` from 0; each thread gets at least `grain` of it."""
        bounds = (self.constant(0), self.value(upper), self.constant(1))
        inner = self.inner((INDEX,))
        inner.block.args[0].name_hint = name
        body(inner, inner.block.args[0])
        emit(inner.block, scf.ReduceOp)
        emit(
            self.block,
            scf.ParallelOp,
            bounds,
            (),
            _ONE_LOOP,
            {"fxlower.grain": int_attr(grain)},
            regions=(Region(inner.block),),
        )

    def if_(
        self,
        condition: SSAValue,
        then: Callable[[LoopBuilder], Sequence[SSAValue]],
        otherwise: Callable[[LoopBuilder], Sequence[SSAValue]] | None = None,
        result_types: Sequence[Attribute] = (),
    ) -> Sequence[SSAValue]:
        regions: list[Region] = []
        for branch in (then, otherwise):
            if branch is None:
                regions.append(Region())
                continue
            inner = self.inner()
            emit(inner.block, scf.YieldOp, tuple(branch(inner)))
            regions.append(Region(inner.block))
        return emit(self.block, scf.IfOp, (condition,), result_types, regions=regions).results

    # ----------------------------------------------------------------------- memory

    def load(self, source: SSAValue, indices: Sequence[Index]) -> SSAValue:
        type_ = source.type
        assert isinstance(type_, MemRefType)
        operands = (source, *[self.value(i) for i in indices])
        return emit1(self.block, memref.LoadOp, operands, type_.element_type)

    def store(self, value: SSAValue, target: SSAValue, indices: Sequence[Index]) -> None:
        emit(self.block, memref.StoreOp, (value, target, *[self.value(i) for i in indices]))

    def load_element(self, source: SSAValue, indices: Sequence[Index], element: Attribute):
        """A load from a tensor's memory: a bool is an i8 there."""
        value = self.load(source, indices)
        if element != I1:
            return value
        operands = (value, self.constant(0, I8))
        return emit1(self.block, arith.CmpiOp, operands, I1, {"predicate": _PREDICATES["ne"]})

    def store_element(self, value: SSAValue, target: SSAValue, indices: Sequence[Index]) -> None:
        if value.type == I1:
            value = emit1(self.block, arith.ExtUIOp, (value,), I8)
        self.store(value, target, indices)

    def scratch(self, element: Attribute, shape: tuple[int, ...], name: str) -> SSAValue:
        """A buffer in the scratchpad, aligned to a cache line."""
        properties = {"operandSegmentSizes": _NO_DYNAMIC_SIZES, "alignment": int_attr(64)}
        type_ = memref_type(element, shape)
        buffer = emit1(self.block, memref.AllocaOp, (), type_, properties)
        buffer.name_hint = name
        return buffer

    def view(
        self,
        source: SSAValue,
        offset: Index,
        sizes: Sequence[Index],
        strides: Sequence[Index],
        name: str | None = None,
    ) -> SSAValue:
        """`memref.reinterpret_cast`: other sizes and strides of the memory behind `source`."""
        type_ = source.type
        assert isinstance(type_, MemRefType)
        result_type = view_type(type_.element_type, _known(sizes), _known(strides), _one(offset))
        offsets = () if isinstance(offset, int) else (offset,)
        dynamic_sizes = [s for s in sizes if not isinstance(s, int)]
        dynamic_strides = [s for s in strides if not isinstance(s, int)]
        view = emit1(
            self.block,
            memref.ReinterpretCastOp,
            (source, *offsets, *dynamic_sizes, *dynamic_strides),
            result_type,
            {
                "static_offsets": _static((_one(offset),)),
                "static_sizes": _static(_known(sizes)),
                "static_strides": _static(_known(strides)),
                "operandSegmentSizes": _segments(
                    len(offsets), len(dynamic_sizes), len(dynamic_strides)
                ),
            },
        )
        view.name_hint = name
        return view


def _one(index: Index) -> int | None:
    return index if isinstance(index, int) else None


def _known(indices: Sequence[Index]) -> tuple[int | None, ...]:
    return tuple(_one(i) for i in indices)


@cache
def _static(numbers: tuple[int | None, ...]) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, [DYNAMIC if n is None else n for n in numbers])


@cache
def _segments(offsets: int, sizes: int, strides: int) -> DenseArrayBase:
    return DenseArrayBase.from_list(I32, [1, offsets, sizes, strides])


@cache
def view_type(
    element: Attribute,
    sizes: tuple[int | None, ...],
    strides: tuple[int | None, ...],
    offset: int | None = 0,
) -> MemRefType[Any]:
    """The memref of `sizes` and `strides`, None where not known; rows in order have no layout."""
    step, plain = 1, offset == 0
    for size, stride in zip(reversed(sizes), reversed(strides)):
        plain = plain and stride == step
        step = step * size if size is not None and plain else -1
    shape = tuple(DYNAMIC if s is None else s for s in sizes)
    return memref_type(element, shape, None if plain else strides, offset)


def folded(value: Index) -> Index:
    """The number behind a constant index."""
    if isinstance(value, SSAValue) and isinstance(value.owner, arith.ConstantOp):
        return value.owner.value.value.data  # type: ignore[union-attr]
    return value


def memory_element(element: Attribute) -> Attribute:
    """The element type in memory: a bool takes a byte."""
    return I8 if element == I1 else element


def strides_of(type_: MemRefType[Any]) -> tuple[int | None, ...]:
    """Strides of a memref type in elements; None where they are not known."""
    if isinstance(type_.layout, StridedLayoutAttr):
        return tuple(s.data if isinstance(s, IntAttr) else None for s in type_.layout.strides)
    strides: list[int | None] = []
    step: int | None = 1
    for size in reversed(type_.get_shape()):
        strides.append(step)
        step = None if step is None or size == DYNAMIC else step * size
    return tuple(reversed(strides))


def bits_of(element: Attribute) -> int:
    """Bits of an element in memory."""
    if isinstance(element, IntegerType):
        return max(8, element.width.data)
    return 64 if element == INDEX else element.bitwidth  # type: ignore[attr-defined]
