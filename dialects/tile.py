"""`tile`: the instructions of a matrix accelerator, in small.

An accumulator tile lives in registers; panels of the operands lie in the scratchpad. A *panel* is
a slice of a block, `lanes` wide and stored depth by depth, so that one step of the product reads
one run of memory: panels have type `memref<panels x depth x lanes>`. Where an instruction takes
several steps of depth at once, these lie together: `memref<panels x depth/2 x lanes x 2xbf16>` has
groups of two; the elements that complete the last group are zeros.

    tile.pack %a[%i, %k] bounds %rows, %depth into %ap       move a block into panels of %ap
    %c0 = tile.zero : !tile.acc<14x32xf32>
    %c1 = tile.mma %ap[%p, %k0], %bp[%q, %k1], %depth, %c0   accumulate two panels' product
    tile.store %c1, %c[%i, %j] bounds %rows, %columns        move a tile out

On a CPU `convert-tile-to-vector` makes accumulators of vectors and packing of vector copies; a
target with a matrix unit maps the same ops to its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    IndexType,
    IntAttr,
    IntegerAttr,
    IntegerType,
    MemRefType,
    UnitAttr,
)
from xdsl.ir import Attribute, Dialect, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    base,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, Pure
from xdsl.utils.exceptions import VerifyException

from fxlower.dialects.tile_panels import FromPanelsOp, ToPanelsOp


@irdl_attr_definition
class AccType(ParametrizedAttribute, TypeAttribute):
    """An accumulator tile in registers: `!tile.acc<14x32xf32>` is 14 rows of 32 columns."""

    name = "tile.acc"

    rows: IntAttr
    columns: IntAttr
    element_type: Attribute

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            shape, element = parser.parse_ranked_shape()
            if len(shape) != 2 or DYNAMIC_INDEX in shape:
                parser.raise_error("an accumulator tile has two static dimensions")
        return [IntAttr(shape[0]), IntAttr(shape[1]), element]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.rows.data}x{self.columns.data}x")
            printer.print_attribute(self.element_type)

    def verify(self) -> None:
        if self.rows.data < 1 or self.columns.data < 1:
            raise VerifyException(f"an accumulator tile needs rows and columns, got {self}")


def acc_type(rows: int, columns: int, element: Attribute) -> AccType:
    return AccType(IntAttr(rows), IntAttr(columns), element)


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise VerifyException(message)


def _expect_rank(value: SSAValue, rank: int, indices: Sequence[SSAValue], what: str) -> MemRefType:
    type_ = value.type
    assert isinstance(type_, MemRefType)
    found = len(type_.get_shape())
    _expect(found == rank, f"{what} must have rank {rank}, got {type_}")
    _expect(len(indices) == rank, f"{what} needs {rank} indices, got {len(indices)}")
    return type_


def _expect_bounds(bounds: Sequence[SSAValue]) -> None:
    _expect(len(bounds) in (0, 2), f"bounds are a pair, rows and columns, got {len(bounds)}")


@irdl_op_definition
class PackOp(IRDLOperation):
    """Copy `lanes x depth` elements of `source`, from the given indices on, to panels.

    Dimension 0 of the source runs across the lanes of the panels (at least one), dimension 1 along
    their depth: element (i, k) goes to `panels[i / L, k, i % L]` where the panels are L wide, or to
    `panels[i / L, k / g, i % L, k % g]` where they hold groups of g. What the last panel holds
    beyond `lanes` is unspecified; products with it reach only elements of an accumulator that a
    bounded `tile.store` drops. So is what panels hold beyond `depth`, but for the last group, which
    zeros complete.

    Narrow elements are widened to the panels' type, integers by their sign if they are not
    `unsigned`. `offset` is added to each element of grouped panels, modulo its width; zeros that
    complete a group get it or not.

    tile.pack %a[%i, %k] bounds %rows, %depth into %panels
      : memref<128x768xf32> into memref<10x384x14xf32>
    tile.pack %a[%i, %k] bounds %rows, %depth into %panels {offset = 128 : i64}
      : memref<128x768xi8> into memref<10x192x14x4xi8>
    """

    name = "tile.pack"

    source = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    lanes = operand_def(IndexType)
    depth = operand_def(IndexType)
    panels = operand_def(MemRefType)
    unsigned = opt_prop_def(UnitAttr)
    offset = opt_prop_def(IntegerAttr)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(MemoryReadEffect(), MemoryWriteEffect())

    assembly_format = (
        "$source `[` $indices `]` `bounds` $lanes `,` $depth `into` $panels attr-dict `:` "
        "type($source) `into` type($panels)"
    )

    def verify_(self) -> None:
        source = _expect_rank(self.source, 2, self.indices, "source")
        panels = self.panels.type
        assert isinstance(panels, MemRefType)
        shape = panels.get_shape()
        _expect(
            len(shape) in (3, 4) and DYNAMIC_INDEX not in shape[2:],
            "panels must be memref<panels x depth x lanes>, or memref<panels x depth x lanes x "
            f"group>, with static lanes and group, got {panels}",
        )
        kinds = [isinstance(t.element_type, IntegerType) for t in (source, panels)]
        _expect(kinds[0] == kinds[1], f"cannot widen elements of {source} to those of {panels}")
        _expect(
            self.offset is None or (kinds[1] and len(shape) == 4),
            f"an offset needs grouped panels of integers, got {panels}",
        )


@irdl_op_definition
class ZeroOp(IRDLOperation):
    """A tile of zeros.

    %c = tile.zero : !tile.acc<14x32xf32>
    """

    name = "tile.zero"

    result = result_def(AccType)

    traits = traits_def(Pure())

    assembly_format = "attr-dict `:` type($result)"


@irdl_op_definition
class AddOp(IRDLOperation):
    """The sum of two tiles.

    %c = tile.add %a, %b : !tile.acc<14x32xf32>
    """

    name = "tile.add"

    T: ClassVar = VarConstraint("T", base(AccType))

    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure())

    assembly_format = "$lhs `,` $rhs attr-dict `:` type($result)"


@irdl_op_definition
class LoadOp(IRDLOperation):
    """A tile of `source` from the given indices on. With bounds, only so many rows and columns of
    it are read; the others are unspecified.

    %c = tile.load %m[%i, %j] bounds %rows, %columns : memref<128x768xf32>, !tile.acc<14x32xf32>
    """

    name = "tile.load"

    source = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    bounds = var_operand_def(IndexType)
    result = result_def(AccType)

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(MemoryReadEffect())

    assembly_format = (
        "$source `[` $indices `]` (`bounds` $bounds^)? attr-dict `:` "
        "type($source) `,` type($result)"
    )

    def verify_(self) -> None:
        source = _expect_rank(self.source, 2, self.indices, "source")
        _expect_bounds(self.bounds)
        _expect_element(source, self.result.type)


@irdl_op_definition
class StoreOp(IRDLOperation):
    """Write a tile to `target` from the given indices on. With bounds, only so many rows and
    columns of it.

    tile.store %c, %m[%i, %j] bounds %rows, %columns : !tile.acc<14x32xf32>, memref<128x768xf32>
    """

    name = "tile.store"

    value = operand_def(AccType)
    target = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    bounds = var_operand_def(IndexType)

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(MemoryWriteEffect())

    assembly_format = (
        "$value `,` $target `[` $indices `]` (`bounds` $bounds^)? attr-dict `:` "
        "type($value) `,` type($target)"
    )

    def verify_(self) -> None:
        target = _expect_rank(self.target, 2, self.indices, "target")
        _expect_bounds(self.bounds)
        _expect_element(target, self.value.type)


@irdl_op_definition
class MmaOp(IRDLOperation):
    """`acc[r, c] += sum over k < depth of a[p, ka + k, r] * b[q, kb + k, c]`, for the panel p of
    `a` from depth ka on, and the panel q of `b` from kb on.

    The panels are as wide as the accumulator; those of `b` have unit stride across their lanes,
    those of `a` may have any strides, so that rows of a matrix in memory can be read unpacked. With
    a bound, only so many lanes of `b` are read; the columns of the result beyond are unspecified.

    Panels in groups have elements narrower than the accumulator's, floats with a float accumulator
    or integers, `a_unsigned` and `b_unsigned` or not, with an integer one. `ka` and `kb` count
    groups, `depth` elements; the last group counts as a whole. The target must have a dot product
    instruction for the types.

    At step k of the depth the elements `ahead[*, first + k]` are prefetched: what is needed later
    comes into the second cache meanwhile. They need not be in the bounds of anything.

    %d = tile.mma %a[%p, %ka], %b[%q, %kb], %depth, %c
      : memref<10x384x14xf32>, memref<1x384x32xf32>, !tile.acc<14x32xf32>
    %d = tile.mma %a[%p, %ka], %b[%q, %kb], %depth, %c {a_unsigned}
      : memref<10x192x14x4xi8>, memref<1x192x32x4xi8>, !tile.acc<14x32xi32>
    """

    name = "tile.mma"

    T: ClassVar = VarConstraint("T", base(AccType))

    a = operand_def(MemRefType)
    a_indices = var_operand_def(IndexType)
    b = operand_def(MemRefType)
    b_indices = var_operand_def(IndexType)
    depth = operand_def(IndexType)
    acc = operand_def(T)
    columns = var_operand_def(IndexType)
    ahead = opt_operand_def(MemRefType)
    ahead_first = opt_operand_def(IndexType)
    result = result_def(T)
    a_unsigned = opt_prop_def(UnitAttr)
    b_unsigned = opt_prop_def(UnitAttr)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(MemoryReadEffect())

    assembly_format = (
        "$a `[` $a_indices `]` `,` $b `[` $b_indices `]` `,` $depth `,` $acc "
        "(`bounds` $columns^)? (`ahead` $ahead^ `[` $ahead_first `]`)? attr-dict `:` "
        "type($a) `,` type($b) `,` type($acc) (`,` type($ahead)^)?"
    )

    def verify_(self) -> None:
        acc = self.acc.type
        assert isinstance(acc, AccType)
        for what, value, indices, lanes in (
            ("a", self.a, self.a_indices, acc.rows.data),
            ("b", self.b, self.b_indices, acc.columns.data),
        ):
            type_ = value.type
            assert isinstance(type_, MemRefType)
            shape = type_.get_shape()
            _expect(
                len(shape) in (3, 4) and shape[2] == lanes,
                f"{what} must be memref<panels x depth x {lanes}> for {acc}, got {type_}",
            )
            _expect(len(indices) == 2, f"{what} needs a panel and a depth, got {len(indices)}")
            if len(shape) == 3:
                _expect_element(type_, acc)
            else:
                _expect_narrow(type_, acc)
        _expect(len(self.columns) <= 1, f"one bound, of columns, got {len(self.columns)}")
        if self.ahead is not None:
            shape = self.ahead.type.get_shape()  # type: ignore[union-attr]
            _expect(
                len(shape) == 2 and shape[0] != DYNAMIC_INDEX and self.ahead_first is not None,
                f"what is ahead must be memref<lines x depth> with static lines, got {shape}",
            )
        a, b = self.a.type, self.b.type
        assert isinstance(a, MemRefType) and isinstance(b, MemRefType)
        groups = [t.get_shape()[3:] for t in (a, b)]
        _expect(groups[0] == groups[1], f"panels must have equal groups, got {a} and {b}")
        _expect(not (groups[0] and self.columns), f"panels in groups are read whole, got {b}")
        steps = (b.get_strides() or ())[2:]
        _expect(
            tuple(steps) == (*groups[1], 1),
            f"b must have unit stride across its lanes, got {b}",
        )
        if groups[0]:
            steps = (a.get_strides() or ())[3:]
            _expect(tuple(steps) == (1,), f"a must have unit stride in its groups, got {a}")


@irdl_op_definition
class SubtractRowOp(IRDLOperation):
    """`acc[r, c] - row[q, j + c]`: the same row of memory from each row of the tile.

    %d = tile.subtract_row %c, %sums[%q, %j] : memref<1x32xi32>, !tile.acc<14x32xi32>
    """

    name = "tile.subtract_row"

    T: ClassVar = VarConstraint("T", base(AccType))

    acc = operand_def(T)
    row = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    result = result_def(T)

    traits = traits_def(MemoryReadEffect())

    assembly_format = "$acc `,` $row `[` $indices `]` attr-dict `:` type($row) `,` type($acc)"

    def verify_(self) -> None:
        row = _expect_rank(self.row, 2, self.indices, "row")
        _expect_element(row, self.acc.type)
        strides = row.get_strides()
        _expect(
            strides is not None and strides[1] == 1,
            f"row must have unit stride, got {row}",
        )


def _expect_element(type_: MemRefType, acc: Attribute) -> None:
    assert isinstance(acc, AccType)
    _expect(
        type_.element_type == acc.element_type,
        f"memory and accumulator must hold one element type, got {type_} and {acc}",
    )


def _expect_narrow(type_: MemRefType, acc: Attribute) -> None:
    """Elements of a group, which are summed into the accumulator."""
    assert isinstance(acc, AccType)
    element, total = type_.element_type, acc.element_type
    kinds = [isinstance(e, IntegerType) for e in (element, total)]
    _expect(
        kinds[0] == kinds[1] and element.bitwidth < total.bitwidth,  # type: ignore[attr-defined]
        f"groups must hold elements narrower than the accumulator's, got {type_} and {acc}",
    )


TILE = Dialect(
    "tile",
    [PackOp, ZeroOp, AddOp, LoadOp, StoreOp, MmaOp, SubtractRowOp, ToPanelsOp, FromPanelsOp],
    [AccType],
)
