"""`convert-tile-to-vector`: lower register tiles to vectors held in `scf.for` iteration arguments.

Before:

    %s = tile.mma %a[%p, %c0], %b[%c0, %c0], %depth, %acc
      : memref<10x384x14xf32>, memref<1x384x32xf32>, !tile.acc<14x32xf32>

After:

    %s:28 = scf.for %k = %c0 to %depth step %c1 iter_args(%acc0 = ..., %acc27 = ...) {
      %b0 = vector.load %b[%c0, %k, %c0] : memref<1x384x32xf32>, vector<16xf32>
      %b1 = vector.load %b[%c0, %k, %c16] : memref<1x384x32xf32>, vector<16xf32>
      %x = memref.load %a[%p, %k, %c0] : memref<10x384x14xf32>
      %x0 = vector.broadcast %x : f32 to vector<16xf32>
      %s0 = math.fma %x0, %b0, %acc0 : vector<16xf32>
      ...

These are 14 rows of two vectors. Bounds of columns alone are masks, where the target has them.
Other loads and stores with bounds take the fast path where the whole tile lies inside, and go
through a tile in the scratchpad where it does not, element by element (marked for `vectorize`).
`tile.pack` becomes vector copies, or transposed squares: see `fxlower/passes/pack_lowering.py`.
Panels in groups are multiplied by the target's dot product instructions, and packed by
`fxlower/passes/group_packing.py`.

Needs accumulators as wide as a whole number of the target's vectors. Leaves no `tile` op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.context import Context
from xdsl.dialects import math, scf
from xdsl.dialects.builtin import BoolAttr, MemRefType, ModuleOp, VectorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, tile, vector
from fxlower.dialects.build import (
    I1,
    I32,
    INDEX,
    emit,
    emit1,
    int_attr,
    is_float,
    operations,
    splat,
    vector_type,
)
from fxlower.dialects.memref import PrefetchOp
from fxlower.passes.dot_products import DotProductLowering, group_of
from fxlower.passes.group_packing import GroupPacking
from fxlower.passes.legality import require_lowered
from fxlower.passes.loop_builder import LoopBuilder, bits_of, folded, strides_of, vector_loop
from fxlower.passes.pack_lowering import PackLowering, first_lanes
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

Masks: TypeAlias = Sequence[SSAValue | None]
"""A mask for each vector of a row, None where all lanes count."""

_INTO_SECOND_CACHE = {
    "isWrite": BoolAttr.from_bool(False),
    "localityHint": int_attr(2, I32),
    "isDataCache": BoolAttr.from_bool(True),
}

_NO_FASTMATH = arith.FastMathFlagsAttr("none")


class TileLowering:
    """Rebuilds one function without `tile`."""

    def __init__(self, target: TargetSpec):
        self.target = target
        self.values: dict[SSAValue, SSAValue] = {}
        self.tiles: dict[SSAValue, Sequence[SSAValue]] = {}
        self.scratch: dict[tuple[Block, Attribute], SSAValue] = {}
        self.rules: dict[type[Operation], Callable[..., None]] = {
            tile.PackOp: self._pack,
            tile.ZeroOp: self._zero,
            tile.AddOp: self._add,
            tile.LoadOp: self._load,
            tile.StoreOp: self._store,
            tile.MmaOp: self._mma,
            tile.SubtractRowOp: self._subtract_row,
        }

    # ------------------------------------------------------------------- the walk

    def function(self, function: FuncOp) -> None:
        old = function.body.block
        new = Block(arg_types=[a.type for a in old.args])
        at = LoopBuilder(new)
        self._rename(old.args, new.args)
        self._block(old, at, at)
        function.body.detach_block(old)
        function.body.add_block(new)
        old.erase()

    def _rename(self, old: Sequence[SSAValue], new: Sequence[SSAValue]) -> None:
        for before, after in zip(old, new):
            after.name_hint = before.name_hint
            self.values[before] = after

    def _block(self, old: Block, at: LoopBuilder, frame: LoopBuilder) -> None:
        """Append the ops of `old`. `frame` is where scratch memory is made: the body of the
        function or of its parallel loop."""
        for op in old.ops:
            rule = self.rules.get(type(op))
            if rule is not None:
                rule(op, at, frame)
            else:
                self._copy(op, at, frame)

    def _copy(self, op: Operation, at: LoopBuilder, frame: LoopBuilder) -> None:
        """The op on new operands; a tile among operands or results is spread into its vectors."""
        regions: list[Region] = []
        for region in op.regions:
            if not region.blocks:
                regions.append(Region())
                continue
            block = region.block
            inner = at.inner(self._spread_types(block.args))
            self._bind(block.args, inner.block.args)
            self._block(block, inner, inner if isinstance(op, scf.ParallelOp) else frame)
            regions.append(Region(inner.block))
        operands: list[SSAValue] = []
        for operand in op.operands:
            if operand in self.tiles:
                operands.extend(self.tiles[operand])
            else:
                operands.append(self.values[operand])
        types = self._spread_types(op.results)
        made = emit(at.block, type(op), operands, types, op.properties, op.attributes, regions)
        self._bind(op.results, made.results)
        if isinstance(op, arith.ConstantOp) and op.result.type == INDEX:
            at.constants.setdefault((op.value.value.data, INDEX), made.results[0])  # type: ignore[union-attr]

    def _spread_types(self, values: Sequence[SSAValue]) -> list[Attribute]:
        types: list[Attribute] = []
        for value in values:
            type_ = value.type
            if isinstance(type_, tile.AccType):
                rows, vectors, vector_ = self._shape(type_)
                types.extend([vector_] * (rows * vectors))
            else:
                types.append(type_)
        return types

    def _bind(self, old: Sequence[SSAValue], new: Sequence[SSAValue]) -> None:
        position = 0
        for value in old:
            if isinstance(value.type, tile.AccType):
                rows, vectors, _ = self._shape(value.type)
                self.tiles[value] = tuple(new[position : position + rows * vectors])
                position += rows * vectors
            else:
                new[position].name_hint = value.name_hint
                self.values[value] = new[position]
                position += 1

    def _shape(self, type_: Attribute) -> tuple[int, int, VectorType]:
        """Rows, vectors in a row, and the type of the vectors."""
        assert isinstance(type_, tile.AccType)
        lanes = self.target.lanes(bits_of(type_.element_type))
        if lanes == 0 or type_.columns.data % lanes:
            raise PassFailedException(
                f"convert-tile-to-vector: {type_} must be a multiple of {lanes} columns wide, the "
                f"lanes of target '{self.target.name}'; tile for that target"
            )
        vectors = type_.columns.data // lanes
        return type_.rows.data, vectors, vector_type(type_.element_type, lanes)

    # ---------------------------------------------------------------------- rules

    def _pack(self, op: tile.PackOp, at: LoopBuilder, frame: LoopBuilder) -> None:
        packing = PackLowering if group_of(op.panels) == 1 else GroupPacking
        packing(op, [self.values[o] for o in op.operands], self.target).emit(at)

    def _zero(self, op: tile.ZeroOp, at: LoopBuilder, frame: LoopBuilder) -> None:
        rows, vectors, type_ = self._shape(op.result.type)
        zero = at.op(arith.ConstantOp, (), type_, {"value": _zeros(type_)})
        self.tiles[op.result] = (zero,) * (rows * vectors)

    def _add(self, op: tile.AddOp, at: LoopBuilder, frame: LoopBuilder) -> None:
        pairs = zip(self.tiles[op.lhs], self.tiles[op.rhs], strict=True)
        self.tiles[op.result] = tuple(_add(at, a, b) for a, b in pairs)

    def _mma(self, op: tile.MmaOp, at: LoopBuilder, frame: LoopBuilder) -> None:
        rows, vectors, type_ = self._shape(op.result.type)
        lanes = type_.get_shape()[0]
        a, p, ka, b, q, kb, depth = (self.values[o] for o in op.operands[:7])
        if group_of(op.a) > 1:
            products = DotProductLowering(op, type_, self.target)
            self.tiles[op.result] = products.emit(
                at, (a, p, ka), (b, q, kb), depth, (rows, vectors), self.tiles[op.acc]
            )
            return
        fused = self.target.fma
        masks: Masks = [None] * vectors
        if op.columns:
            masks = self._masks(at, vectors, lanes, self.values[op.columns[0]])
        ahead = None
        if op.ahead is not None and op.ahead_first is not None:
            ahead = self.values[op.ahead], self.values[op.ahead_first]

        def step(inner: LoopBuilder, k: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
            a_k, b_k = (inner.value(inner.add(folded(start), k)) for start in (ka, kb))
            columns = [
                _load(inner, (b, q, b_k, inner.constant(v * lanes)), type_, mask)
                for v, mask in enumerate(masks)
            ]
            if ahead is not None:
                self._prefetch(inner, *ahead, k)
            made: list[SSAValue] = []
            for row in range(rows):
                scalar = inner.load(a, (p, a_k, row))
                spread = inner.op(vector.BroadcastOp, (scalar,), type_)
                for v, column in enumerate(columns):
                    made.append(
                        _multiply_add(inner, spread, column, sums[row * vectors + v], fused)
                    )
            return made

        self.tiles[op.result] = at.for_(depth, step, self.tiles[op.acc], name="k")

    def _subtract_row(self, op: tile.SubtractRowOp, at: LoopBuilder, frame: LoopBuilder) -> None:
        rows, vectors, type_ = self._shape(op.result.type)
        row, q, j = (self.values[o] for o in (op.row, *op.indices))
        subtrahends = self._vectors(at, (1, vectors, type_), row, q, j)
        subtract, properties = arith.SubiOp, None
        if is_float(type_.element_type):
            subtract, properties = arith.SubfOp, {"fastmath": _NO_FASTMATH}
        self.tiles[op.result] = [
            at.op(subtract, (acc, subtrahends[i % vectors]), type_, properties)
            for i, acc in enumerate(self.tiles[op.acc])
        ]

    def _prefetch(self, at: LoopBuilder, source: SSAValue, first: SSAValue, k: SSAValue) -> None:
        assert isinstance(source.type, MemRefType)
        position = at.value(at.add(folded(first), k))
        for line in range(source.type.get_shape()[0]):
            operands = (source, at.constant(line), position)
            emit(at.block, PrefetchOp, operands, (), _INTO_SECOND_CACHE)

    def _load(self, op: tile.LoadOp, at: LoopBuilder, frame: LoopBuilder) -> None:
        shape = self._shape(op.result.type)
        source, row, column = (self.values[o] for o in (op.source, *op.indices))
        bounds = [self.values[b] for b in op.bounds]

        masks = self._row_masks(at, shape, bounds)

        def whole(inner: LoopBuilder) -> Sequence[SSAValue]:
            return self._vectors(inner, shape, source, row, column, masks)

        if masks is not None and _unit_columns(source):
            self.tiles[op.result] = whole(at)
            return
        scratch = self._scratch(frame, op.result.type)

        def edge(inner: LoopBuilder) -> Sequence[SSAValue]:
            self._elements(
                inner,
                shape,
                bounds,
                lambda body, i, j: body.store(
                    body.load(source, (body.add(row, i), body.add(column, j))), scratch, (i, j)
                ),
            )
            zero = inner.constant(0)
            return self._vectors(inner, shape, scratch, zero, zero)

        if not _unit_columns(source):
            self.tiles[op.result] = edge(at)
            return
        types = [shape[2]] * (shape[0] * shape[1])
        self.tiles[op.result] = at.if_(self._inside(at, shape, bounds), whole, edge, types)

    def _store(self, op: tile.StoreOp, at: LoopBuilder, frame: LoopBuilder) -> None:
        shape = self._shape(op.value.type)
        target, row, column = (self.values[o] for o in (op.target, *op.indices))
        bounds = [self.values[b] for b in op.bounds]
        vectors = self.tiles[op.value]

        masks = self._row_masks(at, shape, bounds)

        def put(
            inner: LoopBuilder,
            into: SSAValue,
            i: SSAValue,
            j: SSAValue,
            masks: Masks | None = None,
        ) -> Sequence[SSAValue]:
            lanes = shape[2].get_shape()[0]
            for r in range(shape[0]):
                at_row = inner.value(inner.add(folded(i), r))
                for v in range(shape[1]):
                    place = (into, at_row, inner.value(inner.add(folded(j), v * lanes)))
                    _store(inner, vectors[r * shape[1] + v], place, masks[v] if masks else None)
            return ()

        if masks is not None and _unit_columns(target):
            put(at, target, row, column, masks)
            return
        scratch = self._scratch(frame, op.value.type)

        def edge(inner: LoopBuilder) -> Sequence[SSAValue]:
            zero = inner.constant(0)
            put(inner, scratch, zero, zero)
            self._elements(
                inner,
                shape,
                bounds,
                lambda body, i, j: body.store(
                    body.load(scratch, (i, j)), target, (body.add(row, i), body.add(column, j))
                ),
            )
            return ()

        if not _unit_columns(target):
            edge(at)
            return
        inside = self._inside(at, shape, bounds)
        at.if_(inside, lambda inner: put(inner, target, row, column), edge)

    # -------------------------------------------------------------------- helpers

    def _vectors(
        self,
        at: LoopBuilder,
        shape: tuple[int, int, VectorType],
        source: SSAValue,
        row: SSAValue,
        column: SSAValue,
        masks: Masks | None = None,
    ) -> list[SSAValue]:
        rows, vectors, type_ = shape
        lanes = type_.get_shape()[0]
        loaded: list[SSAValue] = []
        for r in range(rows):
            at_row = at.value(at.add(folded(row), r))
            for v in range(vectors):
                at_column = at.value(at.add(folded(column), v * lanes))
                mask = masks[v] if masks else None
                loaded.append(_load(at, (source, at_row, at_column), type_, mask))
        return loaded

    def _row_masks(
        self, at: LoopBuilder, shape: tuple[int, int, VectorType], bounds: Sequence[SSAValue]
    ) -> Masks | None:
        """Masks of the vectors in each row, where rows are whole and the target has masks; None
        where the tile has to be moved by elements instead if it is not inside."""
        rows, vectors, type_ = shape
        if not bounds:
            return [None] * vectors
        row_bound = folded(bounds[0])
        if not self.target.masks or not isinstance(row_bound, int) or row_bound < rows:
            return None
        return self._masks(at, vectors, type_.get_shape()[0], bounds[1])

    def _masks(self, at: LoopBuilder, vectors: int, lanes: int, bound: SSAValue) -> Masks:
        """For each of so many vectors the mask of its lanes below `bound`, None where all are."""
        masks: list[SSAValue | None] = []
        for v in range(vectors):
            left = at.sub(folded(bound), v * lanes)
            if isinstance(left, int):
                masks.append(None if left >= lanes else first_lanes(at, max(0, left), lanes))
            else:
                masks.append(at.op(vector.CreateMaskOp, (left,), vector_type(I1, lanes)))
        return masks

    def _inside(
        self, at: LoopBuilder, shape: tuple[int, int, VectorType], bounds: Sequence[SSAValue]
    ) -> SSAValue:
        """Whether the bounds leave the whole tile."""
        rows, vectors, type_ = shape
        whole = at.compare("sge", bounds[0], rows)
        wide = at.compare("sge", bounds[1], vectors * type_.get_shape()[0])
        return emit1(at.block, arith.AndIOp, (whole, wide), whole.type)

    def _elements(
        self,
        at: LoopBuilder,
        shape: tuple[int, int, VectorType],
        bounds: Sequence[SSAValue],
        move: Callable[[LoopBuilder, SSAValue, SSAValue], None],
    ) -> None:
        """`move` each element of a tile within bounds, in loops for `vectorize`."""
        rows, vectors, type_ = shape
        lanes = type_.get_shape()[0]
        row_bound, column_bound = bounds or (rows, vectors * lanes)
        at.serial(
            row_bound,
            lambda inner, i: inner.serial(
                column_bound,
                lambda body, j: move(body, i, j),
                attributes=vector_loop(lanes),
            ),
        )

    def _scratch(self, frame: LoopBuilder, type_: Attribute) -> SSAValue:
        """A tile in the scratchpad, one for each type and frame."""
        assert isinstance(type_, tile.AccType)
        key = (frame.block, type_)
        if key not in self.scratch:
            shape = (type_.rows.data, type_.columns.data)
            self.scratch[key] = frame.scratch(type_.element_type, shape, "edge")
        return self.scratch[key]


def _zeros(type_: VectorType) -> Attribute:
    return splat(0.0 if is_float(type_.element_type) else 0, type_)


def _load(
    at: LoopBuilder, place: Sequence[SSAValue], type_: VectorType, mask: SSAValue | None
) -> SSAValue:
    if mask is None:
        return at.op(vector.LoadOp, place, type_)
    zeros = at.op(arith.ConstantOp, (), type_, {"value": _zeros(type_)})
    return at.op(vector.MaskedLoadOp, (*place, mask, zeros), type_)


def _store(
    at: LoopBuilder, value: SSAValue, place: Sequence[SSAValue], mask: SSAValue | None
) -> None:
    if mask is None:
        emit(at.block, vector.StoreOp, (value, *place))
    else:
        emit(at.block, vector.MaskedStoreOp, (*place, mask, value))


def _unit_columns(value: SSAValue) -> bool:
    assert isinstance(value.type, MemRefType)
    return strides_of(value.type)[1] == 1


def _add(at: LoopBuilder, a: SSAValue, b: SSAValue) -> SSAValue:
    if not is_float(a.type.element_type):  # type: ignore[attr-defined]
        return at.op(arith.AddiOp, (a, b), a.type)
    return at.op(arith.AddfOp, (a, b), a.type, {"fastmath": _NO_FASTMATH})


def _multiply_add(
    at: LoopBuilder, x: SSAValue, y: SSAValue, acc: SSAValue, fused: bool
) -> SSAValue:
    if not is_float(x.type.element_type):  # type: ignore[attr-defined]
        return at.op(arith.AddiOp, (acc, at.op(arith.MuliOp, (x, y), acc.type)), acc.type)
    flags = {"fastmath": _NO_FASTMATH}
    if fused:
        return at.op(math.FmaOp, (x, y, acc), acc.type, flags)
    return at.op(arith.AddfOp, (acc, at.op(arith.MulfOp, (x, y), acc.type, flags)), acc.type, flags)


@dataclass(frozen=True)
class ConvertTileToVectorPass(ModulePass):
    """Lower `tile` to `vector`, `memref`, `scf`, `arith` and `math.fma`."""

    name = "convert-tile-to-vector"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks and _has_tiles(function):
                TileLowering(target).function(function)
        require_lowered(op, dialect="tile", by=self.name)


def _has_tiles(function: FuncOp) -> bool:
    return any(op.name.startswith("tile.") for op in operations(function))
