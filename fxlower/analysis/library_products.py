"""Which products a function of a library computes, and how it is called (`map-to-library`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute

from fxlower.analysis.contraction import Contraction, Factor, read_contraction
from fxlower.dialects.build import F32, F64
from fxlower.dialects.fxt.call import inplace_results
from fxlower.targets.spec import LibraryProduct

ELEMENTS: dict[str, Attribute] = {"f32": F32, "f64": F64}
MOST = 2**31 - 1
"""The largest size that the library takes."""

AS_STORED, TRANSPOSED = ord("N"), ord("T")


@dataclass(frozen=True)
class Columns:
    """A matrix as the library takes it: whether that is to be transposed, and the elements from
    one stored column to the next, its leading dimension."""

    form: int
    leading: int


def stored(size: int, stride: int, columns: int, step: int) -> int | None:
    """The leading dimension of a matrix with columns of `size` elements `stride` apart, each `step`
    behind the last; None if there is none."""
    if size > 1 and stride != 1:
        return None
    if columns <= 1:
        return max(size, 1)
    return step if max(size, 1) <= step <= MOST else None


@dataclass(frozen=True)
class LibraryCall:
    """A product as the function `symbol` computes it: `rows` and `columns` as in `contraction`,
    whose sizes and strides are all known."""

    symbol: str
    contraction: Contraction
    rows: int
    columns: int
    depth: int
    left: Columns
    right: Columns
    result: int
    """The result's leading dimension."""

    @property
    def operations(self) -> int:
        return 2 * self.rows * self.columns * self.depth


def library_call(kernel: FuncOp, library: Sequence[LibraryProduct]) -> LibraryCall | None:
    """How one of `library` is called for a contraction kernel, if it computes such a product and is
    worth the call."""
    if not library:
        return None
    contraction = read_contraction(kernel)
    product = next((p for p in library if ELEMENTS.get(p.element) == contraction.element), None)
    if product is None or not _is_plain(kernel, contraction):
        return None
    call = _call_for(contraction, product.symbol)
    if call is None or call.operations < max(product.min_operations, 1):
        return None
    return call


def _is_plain(kernel: FuncOp, contraction: Contraction) -> bool:
    """Whether it is a product of elements of one type, which the first result can hold."""
    element = contraction.element
    if not contraction.is_float_product:
        return False
    if any(f.element != element or f.panels for f in (contraction.left, contraction.right)):
        return False
    first = kernel.function_type.outputs.data[0]
    assert isinstance(first, TensorType)
    return first.element_type == element and inplace_results(kernel)[0] < 0


def _call_for(contraction: Contraction, symbol: str) -> LibraryCall | None:
    c = contraction
    if c.column_stride != 1 and c.row_stride == 1:
        c = c.transposed()
    m, n, k = sizes = (c.rows, c.columns, c.depth)
    strides = (
        *(s for f in (c.left, c.right) for s in (*f.batch, f.lane, f.depth)),
        *c.result_strides,
    )
    if not all(isinstance(d, int) for d in (*sizes, *c.batch, *strides)):
        return None
    assert isinstance(m, int) and isinstance(n, int) and isinstance(k, int)
    assert isinstance(c.row_stride, int) and isinstance(c.column_stride, int)
    left, right = _operand(c.left, m, k, by_lane=False), _operand(c.right, n, k, by_lane=True)
    result = stored(n, c.column_stride, m, c.row_stride)
    if left is None or right is None or result is None or max(m, n, k) > MOST:
        return None
    return LibraryCall(symbol, c, m, n, k, left, right, result)


def _operand(factor: Factor, lanes: int, depth: int, *, by_lane: bool) -> Columns | None:
    """The operand, whose columns are wanted along its lanes or else along the depth."""
    assert isinstance(factor.lane, int) and isinstance(factor.depth, int)
    along_lanes = stored(lanes, factor.lane, depth, factor.depth)
    along_depth = stored(depth, factor.depth, lanes, factor.lane)
    wanted, other = (along_lanes, along_depth) if by_lane else (along_depth, along_lanes)
    if wanted is not None:
        return Columns(AS_STORED, wanted)
    return None if other is None else Columns(TRANSPOSED, other)
