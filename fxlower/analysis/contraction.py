"""What a contraction kernel computes: sizes, strides along each loop, and what follows the product.

A kernel of kind `contraction` (docs/design.md, section 4) is one `linalg.generic` over
(batch..., m, n, k) and maps of its result, the epilogue; loops of m or n may be missing, where
there is one row or column only. m is the last loop that only the first operand has, n the last
one that only the second has, all others are batch. Reading it gives a `Contraction`, in which
the *rows* are the loop of the accumulator's rows and the *columns* that of its vectors: a product
whose result has unit stride along m is computed transposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from xdsl.dialects.builtin import AffineMapAttr, DictionaryAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.symbols import contiguous_strides
from fxlower.dialects import arith, fxt, tile
from fxlower.dialects.build import F32, F64, Dim, dims_from, dims_of

_PRODUCT_BODY = (
    arith.ExtFOp,
    arith.SIToFPOp,
    arith.UIToFPOp,
    arith.MulfOp,
    arith.AddfOp,
    linalg.YieldOp,
)
_INTEGER_BODY = (arith.ExtSIOp, arith.ExtUIOp, arith.MuliOp, arith.AddiOp, linalg.YieldOp)


@dataclass(frozen=True)
class Factor:
    """One operand: its stride along each batch loop, across rows or columns, and along depth.
    Strides are 0 along loops that the operand lacks. `unsigned` tells how integers are widened.
    With `panels` the argument lies in panels of so many lanes (`tile.from_panels`), and strides
    along lanes and depth say nothing."""

    argument: SSAValue
    element: Attribute
    batch: tuple[Dim, ...]
    lane: Dim
    depth: Dim
    unsigned: bool = False
    panels: int = 0


@dataclass(frozen=True)
class Contraction:
    """`result[batch, i, j] = sum over k of left[batch, i, k] * right[batch, k, j]`, i below `rows`
    and j below `columns`. The axes are loop dims of the generic; None for rows or columns that it
    has no loop for, because there is one only."""

    generic: linalg.GenericOp
    batch: tuple[Dim, ...]
    rows: Dim
    columns: Dim
    depth: Dim
    batch_axes: tuple[int, ...]
    row_axis: int | None
    column_axis: int | None
    left: Factor
    right: Factor
    left_operand: int
    element: Attribute
    result_strides: tuple[Dim, ...]
    """Of the kernel's first result, by the loop dims of the generic."""
    epilogue: tuple[linalg.GenericOp, ...]
    returned: tuple[SSAValue, ...]

    @property
    def row_stride(self) -> Dim:
        return 0 if self.row_axis is None else self.result_strides[self.row_axis]

    @property
    def column_stride(self) -> Dim:
        return 1 if self.column_axis is None else self.result_strides[self.column_axis]

    @property
    def batch_strides(self) -> tuple[Dim, ...]:
        return tuple(self.result_strides[axis] for axis in self.batch_axes)

    def point(self, batch: Sequence[Any], row: Any, column: Any, *more: Any) -> list[Any]:
        """The loop indices of a point, in the order of the generic's loops; `more` come last."""
        found: dict[int | None, Any] = dict(zip(self.batch_axes, batch))
        found |= {
            a: i for a, i in ((self.row_axis, row), (self.column_axis, column)) if a is not None
        }
        return [*(found[axis] for axis in sorted(found)), *more]  # type: ignore[type-var]

    @property
    def is_float_product(self) -> bool:
        """Whether it is a plain product of floats accumulated in f32 or f64."""
        return self.element in (F32, F64) and all(
            isinstance(op, _PRODUCT_BODY) for op in self.generic.body.block.ops
        )

    @property
    def is_integer_product(self) -> bool:
        """Whether it is a plain product of integers, widened or not."""
        return all(isinstance(op, _INTEGER_BODY) for op in self.generic.body.block.ops)

    @property
    def writes_accumulator(self) -> bool:
        """Whether the accumulator itself is the kernel's only result, with unit stride."""
        return self.returned == (self.generic.results[0],) and self.column_stride == 1

    @property
    def may_trap(self) -> bool:
        """Whether a body has an op that reports an error at run time."""
        return any(
            isinstance(op, (fxt.NormalizeIndexOp, fxt.NonzeroDivisorOp))
            for generic in self.epilogue
            for op in generic.body.block.ops
        )

    def transposed(self) -> Contraction:
        """The same product with rows and columns exchanged."""
        return replace(
            self,
            rows=self.columns,
            columns=self.rows,
            row_axis=self.column_axis,
            column_axis=self.row_axis,
            left=self.right,
            right=self.left,
            left_operand=1 - self.left_operand,
        )


def map_axes(map_: AffineMap) -> tuple[int, ...]:
    """The loop dims that a projected permutation names."""
    axes = tuple(r.position if isinstance(r, AffineDimExpr) else -1 for r in map_.results)
    if -1 in axes or len(set(axes)) != len(axes):
        raise PassFailedException(f"operand maps must be projected permutations, got {map_}")
    return axes


def read_contraction(kernel: FuncOp) -> Contraction:
    """The product in `kernel`, with rows and columns as m and n.

    Raises:
        PassFailedException: the kernel is not of the form that docs/design.md states.
    """
    generics = [op for op in kernel.body.block.ops if isinstance(op, linalg.GenericOp)]
    if not generics:
        raise PassFailedException(f"kernel '{_name(kernel)}' has no linalg.generic")
    generic, *epilogue = generics
    iterators = [i.data.value for i in generic.iterator_types]
    rank = len(iterators) - 1
    if rank < 0 or iterators != ["parallel"] * rank + ["reduction"]:
        raise PassFailedException(
            f"kernel '{_name(kernel)}' must iterate over (batch..., m, n, k) with k the only "
            f"reduction, got {iterators}"
        )
    maps = [_map(m) for m in generic.indexing_maps]
    if len(maps) != 3 or len(generic.inputs) != 2:
        raise PassFailedException(
            f"kernel '{_name(kernel)}' must contract two operands, got {len(generic.inputs)}"
        )
    axes = [map_axes(m) for m in maps]
    if sorted(axes[2]) != list(range(rank)):
        raise PassFailedException(
            f"kernel '{_name(kernel)}' must map the result to all of (batch, m, n), got {maps[2]}"
        )
    sizes = _loop_sizes(generic, axes)
    k = rank
    row_axis = _last([a for a in range(rank) if a in axes[0] and a not in axes[1]])
    column_axis = _last([a for a in range(rank) if a in axes[1] and a not in axes[0]])
    batch = tuple(a for a in range(rank) if a not in (row_axis, column_axis))
    strides = _argument_strides(kernel)

    def factor(operand: int, lane: int | None) -> Factor:
        value = generic.inputs[operand]
        if isinstance(value.owner, tile.FromPanelsOp):
            return _panel_factor(value.owner, dict(zip(axes[operand], range(rank + 1))), batch)
        if value not in strides:
            raise PassFailedException(
                f"kernel '{_name(kernel)}': operands of the product must be arguments"
            )
        along = dict(zip(axes[operand], strides[value]))
        return Factor(
            value,
            value.type.element_type,  # type: ignore[union-attr]
            tuple(along.get(b, 0) for b in batch),
            0 if lane is None else along.get(lane, 0),
            along.get(k, 0),
            any(
                isinstance(use.operation, arith.ExtUIOp | arith.UIToFPOp)
                for use in generic.body.block.args[operand].uses
            ),
        )

    last = kernel.body.block.last_op
    assert isinstance(last, ReturnOp)
    return Contraction(
        generic,
        tuple(sizes[b] for b in batch),
        1 if row_axis is None else sizes[row_axis],
        1 if column_axis is None else sizes[column_axis],
        sizes[k],
        batch,
        row_axis,
        column_axis,
        factor(0, row_axis),
        factor(1, column_axis),
        0,
        generic.results[0].type.element_type,  # type: ignore[union-attr]
        _result_strides(kernel, last),
        tuple(epilogue),
        tuple(last.arguments),
    )


def _panel_factor(op: tile.FromPanelsOp, dims: dict[int, int], batch: tuple[int, ...]) -> Factor:
    """An operand in panels; `dims` tells the dim of the whole operand that runs along each loop."""
    moved = (op.lane.value.data, op.depth.value.data)
    rest = [d for d in range(len(dims)) if d not in moved]
    sizes = dims_of(op.source.type)
    strides = contiguous_strides(sizes)
    along = {loop: strides[rest.index(d)] for loop, d in dims.items() if d in rest}
    grouped = len(sizes) == len(dims) + 2
    lanes = sizes[-2] if grouped else sizes[-1]
    assert isinstance(lanes, int) and isinstance(op.source.type, TensorType)
    return Factor(
        op.source,
        op.source.type.element_type,
        tuple(along.get(b, 0) for b in batch),
        0,
        0,
        panels=lanes,
    )


def _last(axes: Sequence[int]) -> int | None:
    return axes[-1] if axes else None


def _name(kernel: FuncOp) -> str:
    return kernel.sym_name.data


def _map(attr: Attribute) -> AffineMap:
    assert isinstance(attr, AffineMapAttr)
    return attr.data


def _loop_sizes(generic: linalg.GenericOp, axes: list[tuple[int, ...]]) -> tuple[Dim, ...]:
    sizes: dict[int, Dim] = {}
    for value, value_axes in zip((*generic.inputs, *generic.outputs), axes):
        sizes.update(zip(value_axes, dims_of(value.type)))
    rank = len(generic.iterator_types)
    if len(sizes) != rank:
        raise PassFailedException(
            f"every loop of a contraction needs an operand with that dim, got sizes {sizes} of "
            f"{rank} loops"
        )
    return tuple(sizes[i] for i in range(rank))


def _strides(type_: Attribute, attributes: DictionaryAttr | None) -> tuple[Dim, ...]:
    if attributes is not None and (found := attributes.data.get("fxt.strides")) is not None:
        return dims_from(found)
    return contiguous_strides(dims_of(type_))


def _argument_strides(kernel: FuncOp) -> dict[SSAValue, tuple[Dim, ...]]:
    arguments = kernel.body.block.args
    attributes = kernel.arg_attrs.data if kernel.arg_attrs else (None,) * len(arguments)
    return {
        value: _strides(value.type, attribute)
        for value, attribute in zip(arguments, attributes)
        if hasattr(value.type, "element_type")
    }


def _result_strides(kernel: FuncOp, last: ReturnOp) -> tuple[Dim, ...]:
    """Strides of the first result, along the loops of the contraction."""
    first = last.arguments[0]
    attributes = kernel.res_attrs.data[0] if kernel.res_attrs else None
    strides = _strides(first.type, attributes)
    owner = first.owner
    if not isinstance(owner, linalg.GenericOp):
        raise PassFailedException(
            f"kernel '{_name(kernel)}' must return results of its linalg.generic ops"
        )
    along = dict(zip(map_axes(_map(owner.indexing_maps.data[-1])), strides))
    return tuple(along[axis] for axis in range(len(strides)))
