"""What a contraction kernel computes: sizes, strides along each loop, and what follows the product.

A kernel of kind `contraction` (docs/design.md, section 4) is one `linalg.generic` over
(batch..., m, n, k) and maps of its result, the epilogue. Reading it gives a `Contraction`, in which
the *rows* are the loop of the accumulator's rows and the *columns* that of its vectors: a product
whose result has unit stride along m is computed transposed.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import AffineMapAttr, DictionaryAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.symbols import contiguous_strides
from fxlower.dialects import arith, fxt
from fxlower.dialects.build import F32, F64, Dim, dims_from, dims_of

_PRODUCT_BODY = (arith.ExtFOp, arith.MulfOp, arith.AddfOp, linalg.YieldOp)


@dataclass(frozen=True)
class Factor:
    """One operand: its stride along each batch loop, across rows or columns, and along depth.
    Strides are 0 along loops that the operand lacks."""

    argument: SSAValue
    element: Attribute
    batch: tuple[Dim, ...]
    lane: Dim
    depth: Dim


@dataclass(frozen=True)
class Contraction:
    """`result[batch, i, j] = sum over k of left[batch, i, k] * right[batch, k, j]`, i below `rows`
    and j below `columns`; `row_axis` and `column_axis` are their loop dims in the generic."""

    generic: linalg.GenericOp
    batch: tuple[Dim, ...]
    rows: Dim
    columns: Dim
    depth: Dim
    row_axis: int
    column_axis: int
    left: Factor
    right: Factor
    left_operand: int
    element: Attribute
    result_strides: tuple[Dim, ...]
    epilogue: tuple[linalg.GenericOp, ...]
    returned: tuple[SSAValue, ...]

    @property
    def sizes(self) -> tuple[Dim, ...]:
        """Sizes of the result's loops, in the order of the generic: batch, m, n."""
        m_n = (self.rows, self.columns)
        return (*self.batch, *(m_n if self.row_axis < self.column_axis else m_n[::-1]))

    @property
    def row_stride(self) -> Dim:
        return self.result_strides[self.row_axis]

    @property
    def column_stride(self) -> Dim:
        return self.result_strides[self.column_axis]

    @property
    def is_float_product(self) -> bool:
        """Whether it is a plain product of floats accumulated in f32 or f64."""
        return self.element in (F32, F64) and all(
            isinstance(op, _PRODUCT_BODY) for op in self.generic.body.block.ops
        )

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
        return Contraction(
            self.generic,
            self.batch,
            self.columns,
            self.rows,
            self.depth,
            self.column_axis,
            self.row_axis,
            self.right,
            self.left,
            1 - self.left_operand,
            self.element,
            self.result_strides,
            self.epilogue,
            self.returned,
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
    if rank < 2 or iterators != ["parallel"] * rank + ["reduction"]:
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
    sizes = _loop_sizes(generic, axes)
    m, n, k = rank - 2, rank - 1, rank
    left_operand = 0 if n not in axes[0] and m not in axes[1] else 1
    left_axes, right_axes = axes[left_operand], axes[1 - left_operand]
    if n in left_axes or m in right_axes or axes[2] != tuple(range(rank)):
        raise PassFailedException(
            f"kernel '{_name(kernel)}' must map operands to (batch, m, k) and (batch, k, n) and "
            f"the result to (batch, m, n), got {', '.join(str(x) for x in maps)}"
        )
    strides = _argument_strides(kernel)

    def factor(operand: int, lane: int) -> Factor:
        value = generic.inputs[operand]
        if value not in strides:
            raise PassFailedException(
                f"kernel '{_name(kernel)}': operands of the product must be arguments"
            )
        along = dict(zip(axes[operand], strides[value]))
        return Factor(
            value,
            value.type.element_type,  # type: ignore[union-attr]
            tuple(along.get(b, 0) for b in range(m)),
            along.get(lane, 0),
            along.get(k, 0),
        )

    last = kernel.body.block.last_op
    assert isinstance(last, ReturnOp)
    return Contraction(
        generic,
        sizes[:m],
        sizes[m],
        sizes[n],
        sizes[k],
        m,
        n,
        factor(left_operand, m),
        factor(1 - left_operand, n),
        left_operand,
        generic.results[0].type.element_type,  # type: ignore[union-attr]
        _result_strides(kernel, last, generic),
        tuple(epilogue),
        tuple(last.arguments),
    )


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


def _result_strides(kernel: FuncOp, last: ReturnOp, generic: linalg.GenericOp) -> tuple[Dim, ...]:
    """Strides of the first result, along the loops of the contraction."""
    first = last.arguments[0]
    attributes = kernel.res_attrs.data[0] if kernel.res_attrs else None
    strides = _strides(first.type, attributes)
    owner = first.owner
    if not isinstance(owner, linalg.GenericOp):
        raise PassFailedException(
            f"kernel '{_name(kernel)}' must return results of its linalg.generic ops"
        )
    if owner is generic:
        return strides
    along = dict(zip(map_axes(_map(owner.indexing_maps.data[-1])), strides))
    return tuple(along[axis] for axis in range(len(strides)))
