"""Folding on `fxt.full` and `fxt.dense`."""

from __future__ import annotations

from xdsl.dialects.builtin import DenseIntOrFPElementsAttr
from xdsl.ir import Attribute, SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.build import I1, I64, dim_of, tensor_type
from fxlower.dialects.fxt import DenseOp, FullOp, dims, element
from fxlower.passes.fxt_folds.number import (
    Number,
    compare,
    convert,
    evaluate,
    number_of,
)
from fxlower.passes.fxt_folds.rebuild import Rebuilder, Request

MAX_DENSE = 256
"""Elements of the largest `fxt.dense` that is computed on at compile time."""


def full_value(value: SSAValue) -> Number | None:
    """The one number that all elements of `value` are, if it is an `fxt.full`."""
    owner = value.owner
    return number_of(owner.value) if isinstance(owner, FullOp) else None


def dense_values(value: SSAValue) -> tuple[Number, ...] | None:
    """The elements of a small `fxt.dense`, in row-major order."""
    owner = value.owner
    if not isinstance(owner, DenseOp) or not isinstance(owner.value, DenseIntOrFPElementsAttr):
        return None
    count = 1
    for size in dims(value):
        assert isinstance(size, int)
        count *= size
    if count > MAX_DENSE:
        return None
    numbers = tuple(owner.value.get_values())
    if len(numbers) == 1:
        numbers *= count
    return tuple(n & 1 for n in numbers) if element(value) == I1 else numbers


def dense(
    r: Rebuilder, values: tuple[Number, ...], elements: Attribute, shape: tuple[int, ...]
) -> SSAValue:
    """`fxt.dense`, or `fxt.full` where all elements are the same bits."""
    if values and all(v == values[0] and repr(v) == repr(values[0]) for v in values):
        return r.full(values[0], elements, shape)
    type_ = tensor_type(elements, shape)
    attr = DenseIntOrFPElementsAttr.from_list(type_, list(values))
    return r.build(DenseOp, (), type_, {"value": attr})


def fold_elementwise(r: Rebuilder, q: Request) -> SSAValue | None:
    """Arithmetic, comparison, selection and casts of constants."""
    columns: list[tuple[Number, ...]] = []
    for value in q.operands:
        number = full_value(value)
        column = (number,) if number is not None else dense_values(value)
        if column is None:
            return None
        columns.append(column)
    count = max(map(len, columns))
    rows = zip(*(c * count if len(c) == 1 else c for c in columns))
    elements = q.type.element_type  # type: ignore[attr-defined]
    results: list[Number] = []
    for row in rows:
        number = _evaluate(q, elements, row)
        if number is None:
            return None
        results.append(number)
    shape = dims(q.operands[0])
    if len(results) == 1:
        return r.full(results[0], elements, shape)
    return dense(r, tuple(results), elements, shape)  # type: ignore[arg-type]


def _evaluate(q: Request, elements: Attribute, row: tuple[Number, ...]) -> Number | None:
    if q.cls is fxt.CastOp:
        return convert(row[0], element(q.operands[0]), elements)
    if q.cls is fxt.CmpOp:
        return compare(q.properties["predicate"].data, *row)  # type: ignore[attr-defined]
    if q.cls is fxt.SelectOp:
        return row[1] if row[0] else row[2]
    if q.cls is fxt.NonzeroDivisorOp:
        return row[0] if row[0] != 0 else None
    return evaluate(q.cls, elements, row)


def fold_normalize_index(r: Rebuilder, q: Request) -> SSAValue | None:
    """Constant indices into a static size, and counters, are normalized already or can be."""
    (index,) = q.operands
    size = dim_of(q.properties["size"])
    owner = index.owner
    if isinstance(owner, fxt.IotaOp):
        return index if dims(index)[owner.axis.value.data] == size else None
    if isinstance(owner, fxt.NormalizeIndexOp):
        return index if dim_of(owner.size) == size else None
    if not isinstance(size, int):
        return None
    number = full_value(index)
    values = (number,) if number is not None else dense_values(index)
    if values is None or not all(-size <= v < size for v in values):
        return None
    values = tuple(v + size if v < 0 else v for v in values)
    if number is not None:
        return r.full(values[0], I64, dims(index))
    return dense(r, values, I64, dims(index))  # type: ignore[arg-type]


def fold_size(r: Rebuilder, q: Request) -> SSAValue | None:
    size = dim_of(q.properties["size"])
    return r.full(size, I64, ()) if isinstance(size, int) else None


def fold_dense(r: Rebuilder, q: Request) -> SSAValue | None:
    """A splat is an `fxt.full`."""
    attr = q.properties["value"]
    if not isinstance(attr, DenseIntOrFPElementsAttr) or not attr.is_splat():
        return None
    elements = q.type.element_type  # type: ignore[attr-defined]
    number = attr.get_values()[0]
    shape = tuple(attr.type.get_shape())
    return r.full(number & 1 if elements == I1 else number, elements, shape)
