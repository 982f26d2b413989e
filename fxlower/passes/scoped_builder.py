"""Building code in nested scopes, where every pure op goes to the outermost scope that has its
operands, and once: loop-invariant code motion and common subexpressions by construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import DenseArrayBase, MemRefType
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from fxlower.dialects import arith
from fxlower.dialects.build import I1, I8, I32, INDEX, emit, emit1, int_attr
from fxlower.passes.loop_builder import Index, LoopBuilder

_ONE_LOOP = {"operandSegmentSizes": DenseArrayBase.from_list(I32, [1, 1, 1, 0])}
_NE = {"predicate": int_attr(arith.CMPI_COMPARISON_OPERATIONS.index("ne"))}


class Scope:
    """An open block, and what has been computed in it."""

    def __init__(self, builder: LoopBuilder):
        self.builder = builder
        self.block = builder.block
        self.computed: dict[tuple[object, ...], SSAValue] = {}


class ScopedBuilder:
    """A stack of scopes; the first is the function's entry block.

    A loop is opened as a detached block and appended to the scope around it when it is closed,
    so that invariant ops still find their place before it.
    """

    def __init__(self, entry: LoopBuilder):
        self.scopes = [Scope(entry)]
        self._depths: dict[SSAValue, int] = {}

    @property
    def entry(self) -> LoopBuilder:
        return self.scopes[0].builder

    @property
    def depth(self) -> int:
        """Depth of the innermost scope."""
        return len(self.scopes) - 1

    def depth_of(self, value: SSAValue) -> int:
        """Depth of the scope that `value` was made in."""
        return self._depths.get(value, 0)

    def enter(self, value: SSAValue) -> SSAValue:
        """Tell that `value` was made in the innermost scope."""
        self._depths[value] = self.depth
        return value

    # -------------------------------------------------------------------------- values

    def constant(self, value: int | float, type_: Attribute = INDEX) -> SSAValue:
        made = self.entry.constant(value, type_)
        if type_ == INDEX and made.name_hint is None:
            made.name_hint = f"c{value}"
        return made

    def value(self, index: Index) -> SSAValue:
        return self.constant(index) if isinstance(index, int) else index

    def pure(
        self,
        cls: type[Operation],
        operands: Sequence[SSAValue],
        type_: Attribute,
        properties: Mapping[str, Attribute] | None = None,
        hint: str | None = None,
        floor: int = 0,
    ) -> SSAValue:
        """The result of an op without effects, made in the outermost scope that can have it, but
        not above depth `floor`."""
        depths = self._depths
        depth = floor
        for operand in operands:
            found = depths.get(operand, 0)
            if found > depth:
                depth = found
        scope = self.scopes[depth]
        key = (cls, *operands, type_, *(properties.values() if properties else ()))
        known = scope.computed.get(key)
        if known is None:
            known = emit1(scope.block, cls, operands, type_, properties)
            known.name_hint = hint
            scope.computed[key] = known
            if depth:
                depths[known] = depth
        return known

    def load(
        self,
        source: SSAValue,
        indices: Sequence[SSAValue],
        element: Attribute,
        hint: str | None = None,
        floor: int = 0,
    ) -> SSAValue:
        """A load from memory that is not written while the scopes of the indices are open."""
        type_ = source.type
        assert isinstance(type_, MemRefType)
        operands = (source, *indices)
        value = self.pure(memref.LoadOp, operands, type_.element_type, None, hint, floor)
        if element != I1:
            return value
        return self.pure(arith.CmpiOp, (value, self.constant(0, I8)), I1, _NE, hint)

    def store(self, value: SSAValue, target: SSAValue, indices: Sequence[SSAValue]) -> None:
        """A store in the innermost scope."""
        if value.type == I1:
            value = self.pure(arith.ExtUIOp, (value,), I8)
        emit(self.scopes[-1].block, memref.StoreOp, (value, target, *indices))

    # --------------------------------------------------------------------------- loops

    def open(self, argument_types: Sequence[Attribute]) -> Sequence[SSAValue]:
        """Open a scope; the arguments of its block."""
        builder = self.scopes[-1].builder.inner(argument_types)
        self.scopes.append(Scope(builder))
        for argument in builder.block.args:
            self._depths[argument] = self.depth
        return builder.block.args

    def close(self) -> Block:
        """Close the innermost scope; its block, to be put into an op of the scope around it."""
        scope = self.scopes.pop()
        for value in scope.computed.values():
            self._depths.pop(value, None)
        return scope.block

    def close_for(
        self,
        bounds: tuple[SSAValue, SSAValue, SSAValue],
        init: Sequence[SSAValue],
        results: Sequence[SSAValue],
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Sequence[SSAValue]:
        """Close the innermost scope as the body of an `scf.for` that yields `results`."""
        emit(self.scopes[-1].block, scf.YieldOp, tuple(results))
        block = self.close()
        loop = emit(
            self.scopes[-1].block,
            scf.ForOp,
            (*bounds, *init),
            tuple(v.type for v in init),
            None,
            attributes,
            (Region(block),),
        )
        for result in loop.results:
            self._depths[result] = self.depth
        return loop.results

    def close_parallel(self, upper: SSAValue, grain: int) -> None:
        """Close the innermost scope as the body of an `scf.parallel` from 0."""
        emit(self.scopes[-1].block, scf.ReduceOp)
        block = self.close()
        emit(
            self.scopes[-1].block,
            scf.ParallelOp,
            (self.constant(0), upper, self.constant(1)),
            (),
            _ONE_LOOP,
            {"fxlower.grain": int_attr(grain)},
            (Region(block),),
        )
