"""Folds of reductions and joins."""

from __future__ import annotations

from xdsl.ir import SSAValue

from fxlower.analysis.reassociation import reassociation
from fxlower.analysis.symbols import add, mul, product
from fxlower.dialects.build import Dim, dims_from, dims_of, is_float, tensor_type
from fxlower.dialects.fxt import (
    AmaxOp,
    AminOp,
    CastOp,
    ConcatOp,
    FullOp,
    MatmulOp,
    PermuteOp,
    ReshapeOp,
    SliceOp,
    SumOp,
    axes_attr,
    axes_of,
    dims,
    element,
)
from fxlower.passes.fxt_folds.constants import full_value
from fxlower.passes.fxt_folds.number import number_of, round_to, wrap
from fxlower.passes.fxt_folds.rebuild import Rebuilder, Request, in_memory

# ------------------------------------------------------------------------------ products


def fold_product_of_casts(r: Rebuilder, q: Request) -> SSAValue | None:
    """`matmul(cast(a: i8 -> i32), cast(b: i8 -> i32))` is the i32 product of a and b."""
    result = q.type.element_type  # type: ignore[attr-defined]
    casts = [v.owner for v in q.operands if isinstance(v.owner, CastOp)]
    if len(casts) != 2 or any(element(c.result) != result for c in casts):
        return None  # a cast to a short type changes numbers
    sources = [c.input for c in casts]
    elements = [*map(element, sources), result]
    if is_float(elements[2]) or not MatmulOp.widens(*elements):
        return None
    return r.build(MatmulOp, tuple(sources), q.type)


# ---------------------------------------------------------------------------- reductions


def fold_reduction(r: Rebuilder, q: Request) -> SSAValue | None:
    (value,) = q.operands
    axes, shape = axes_of(q.properties["axes"]), dims(value)
    if not axes:
        return value
    if all(shape[a] == 1 for a in axes):
        return r.reshape(value, dims_of(q.type))
    number = full_value(value)
    if number is None:
        return None
    count = product(shape[a] for a in axes)
    if not isinstance(count, int) or count == 0:
        return None
    elements = element(value)
    if q.cls in (AmaxOp, AminOp):
        return r.full(number, elements, dims_of(q.type))
    if q.cls is SumOp:
        total = (
            round_to(number * count + 0.0, elements)  # a sum starts at 0.0: never -0.0
            if is_float(elements)
            else wrap(int(number) * count, elements)
        )
        return r.full(total, elements, dims_of(q.type))
    return None


def fold_reduction_of_permute(r: Rebuilder, q: Request) -> SSAValue | None:
    """The order of reduced axes does not matter, and kept ones can be permuted afterwards.

    Only where nothing else uses the permuted value: its other users would be left at dims that
    no longer are those of the reduction, and could not share its loops.
    """
    (value,) = q.operands
    owner = value.owner
    if not isinstance(owner, PermuteOp) or not r.used_only_by(value, owner):
        return None
    permutation, axes = owner.axes, axes_of(q.properties["axes"])
    source = owner._operands[0]
    inner = tuple(sorted(permutation[a] for a in axes))
    kept = [a for a in range(len(permutation)) if a not in inner]
    order = tuple(kept.index(permutation[a]) for a in range(len(permutation)) if a not in axes)
    shape = dims(source)
    type_ = tensor_type(element(source), tuple(shape[a] for a in kept))
    reduced = r.build(q.cls, (source,), type_, {"axes": axes_attr(inner)})
    return r.permute(reduced, order)


def fold_reduction_of_reshape(r: Rebuilder, q: Request) -> SSAValue | None:
    """A reshape of what a loop nest makes is left out or done to the result, if it keeps reduced
    elements and others apart: the reduction then shares the loops of its operand."""
    (value,) = q.operands
    owner = value.owner
    if not isinstance(owner, ReshapeOp) or in_memory(value):
        return None
    source = owner._operands[0]
    shape, axes = dims(value), axes_of(q.properties["axes"])
    inner: list[int] = []
    for before, after in reassociation(dims(source), shape) or ():
        wide = [a for a in after if shape[a] != 1]
        reduced = [a for a in wide if a in axes]
        if reduced and reduced != wide:
            return None
        if reduced:
            inner.extend(before)
    if not inner:
        return None
    kept = tuple(d for a, d in enumerate(dims(source)) if a not in inner)
    type_ = tensor_type(element(source), kept)
    result = r.build(q.cls, (source,), type_, {"axes": axes_attr(inner)})
    return r.reshape(result, dims_of(q.type))


# --------------------------------------------------------------------------------- joins


def fold_concat(r: Rebuilder, q: Request) -> SSAValue | None:
    axis = q.properties["axis"].value.data  # type: ignore[attr-defined]
    parts: list[SSAValue] = []
    operands = [part for value in q.operands for part in _parts(r, value, axis)]
    for value in operands:
        if dims(value)[axis] == 0:
            continue
        merged = _adjacent(r, parts[-1], value, axis) if parts else None
        if merged is None:
            parts.append(value)
        else:
            parts[-1] = merged
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return q.operands[0]
    first = parts[0].owner
    if isinstance(first, FullOp) and all(
        isinstance(p.owner, FullOp) and p.owner.value == first.value for p in parts
    ):
        return r.build(FullOp, (), q.type, {"value": first.value})
    if parts != list(q.operands):
        return r.build(ConcatOp, tuple(parts), q.type, q.properties)
    return None


def _parts(r: Rebuilder, value: SSAValue, axis: int) -> list[SSAValue]:
    """What a slice of a join is joined of: of an input with two parts changed, one after the other,
    the parts and what is between them."""
    op = value.owner
    if not isinstance(op, SliceOp) or not isinstance(op._operands[0].owner, ConcatOp):
        return [value]
    join = op._operands[0].owner
    starts, shape = list(dims_from(op.starts)), list(dims(value))
    sizes = [n for part in join._operands if isinstance(n := dims(part)[axis], int)]
    first, count = starts[axis], shape[axis]
    if join.axis.value.data != axis or axes_of(op.steps)[axis] != 1:
        return [value]
    if not isinstance(first, int) or not isinstance(count, int) or len(sizes) < len(join._operands):
        return [value]
    last = first + count
    found: list[SSAValue] = []
    offset = 0
    for part, size in zip(join._operands, sizes):
        low, high = max(first, offset), min(last, offset + size)
        if low < high:
            starts[axis], shape[axis] = low - offset, high - low
            found.append(r.slice(part, tuple(starts), axes_of(op.steps), tuple(shape)))
        offset += size
    return found


def _adjacent(r: Rebuilder, a: SSAValue, b: SSAValue, axis: int) -> SSAValue | None:
    """One slice for two that lie next to each other in the same tensor."""
    left, right = a.owner, b.owner
    if not isinstance(left, SliceOp) or not isinstance(right, SliceOp):
        return None
    if left._operands[0] is not right._operands[0] or left.steps != right.steps:
        return None
    step = axes_of(left.steps)[axis]
    first, second = dims_from(left.starts), dims_from(right.starts)
    expected = list(first)
    expected[axis] = add(first[axis], mul(step, dims(a)[axis]))
    if tuple(expected) != second:
        return None
    joined = list(dims(a))
    joined[axis] = add(joined[axis], dims(b)[axis])
    return r.slice(left._operands[0], first, axes_of(left.steps), tuple(joined))


def fold_slice_of_concat(r: Rebuilder, q: Request) -> SSAValue | None:
    """A slice that stays inside one operand."""
    owner = q.operands[0].owner
    if not isinstance(owner, ConcatOp):
        return None
    axis = owner.axis.value.data
    starts, steps, target = (
        dims_from(q.properties["starts"]),
        axes_of(q.properties["steps"]),
        dims_of(q.type),
    )
    start, count = starts[axis], target[axis]
    offset: Dim = 0
    for value in owner._operands:
        size = dims(value)[axis]
        inside: Dim | None = None
        if start == offset and count == size and steps[axis] == 1:
            inside = 0
        elif (
            isinstance(start, int)
            and isinstance(count, int)
            and isinstance(offset, int)
            and isinstance(size, int)
            and count > 0
        ):
            ends = start - offset, start - offset + (count - 1) * steps[axis]
            if all(0 <= end < size for end in ends):
                inside = ends[0]
        if inside is not None:
            moved = (*starts[:axis], inside, *starts[axis + 1 :])
            return r.slice(value, moved, steps, target)
        offset = add(offset, size)
    return None


def fold_pad(r: Rebuilder, q: Request) -> SSAValue | None:
    (value,) = q.operands
    if dims(value) == dims_of(q.type):
        # Equal sizes and low amounts of 0; a nonzero one would crop at the other end.
        return value if all(a == 0 for a in dims_from(q.properties["low"])) else None
    number = full_value(value)
    padding = number_of(q.properties["value"])
    # The text tells -0.0 from 0.0, and takes a NaN for a NaN.
    if number is not None and repr(number) == repr(padding):
        return r.full(number, element(value), dims_of(q.type))
    return None


# ---------------------------------------------------------------------------- generators


def fold_iota(r: Rebuilder, q: Request) -> SSAValue | None:
    """Counting to one is 0."""
    axis = q.properties["axis"].value.data  # type: ignore[attr-defined]
    elements = q.type.element_type  # type: ignore[attr-defined]
    shape = dims_of(q.type)
    return r.full(0, elements, shape) if shape[axis] == 1 else None
