"""Composition of views, and views of generators.

The canonical order, from memory outwards, is reshape, permute, slice, broadcast: a reshape of a
permute becomes a permute of a reshape where their axes allow it, a permute of a slice a slice of a
permute, and every view of a broadcast a broadcast of a view. A permute that moves only axes of
size 1 is a reshape.
"""

from __future__ import annotations

from itertools import product as cartesian

from xdsl.ir import SSAValue

from fxlower.analysis.reassociation import reassociation
from fxlower.analysis.symbols import add, mul
from fxlower.dialects.build import I64, Dim, dims_from, dims_of, int_attr, tensor_type
from fxlower.dialects.fxt import (
    AddOp,
    BroadcastOp,
    FullOp,
    IotaOp,
    MulOp,
    PermuteOp,
    ReshapeOp,
    SliceOp,
    axes_of,
    dims,
    element,
)
from fxlower.passes.fxt_folds.constants import dense, dense_values
from fxlower.passes.fxt_folds.rebuild import Rebuilder, Request, in_memory


def fold_of_full(r: Rebuilder, q: Request) -> SSAValue | None:
    """Any view of equal elements."""
    owner = q.operands[0].owner
    if isinstance(owner, FullOp):
        return r.build(FullOp, (), q.type, {"value": owner.value})
    return None


def iota(r: Rebuilder, axis: int, shape: tuple[Dim, ...]) -> SSAValue:
    return r.build(IotaOp, (), tensor_type(I64, shape), {"axis": int_attr(axis)})


# ------------------------------------------------------------------------------- reshape


def fold_reshape(r: Rebuilder, q: Request) -> SSAValue | None:
    (value,) = q.operands
    source, target = dims(value), dims_of(q.type)
    if source == target:
        return value
    owner = value.owner
    match owner:
        case ReshapeOp():
            return r.build(ReshapeOp, (owner._operands[0],), q.type)
        case BroadcastOp():
            inner = reshaped_broadcast(owner, target)
            return None if inner is None else _rebroadcast(r, owner, inner, target)
        case PermuteOp():
            return _reshape_of_permute(r, owner, target)
        case IotaOp():
            axis = reshaped_iota(owner, target)
            return None if axis is None else iota(r, axis, target)
        case _:
            pass
    values = dense_values(value)
    if values is not None:
        return dense(r, values, element(value), target)  # type: ignore[arg-type]
    return None


def reshaped_iota(op: IotaOp, target: tuple[Dim, ...]) -> int | None:
    """The axis that counts after a reshape to `target`, if one still does."""
    axis = op.axis.value.data
    source = dims(op.results[0])
    for before, after in reassociation(source, target) or ():
        if axis in before:
            wide = [a for a in after if target[a] != 1]
            if len(wide) == 1 and target[wide[0]] == source[axis]:
                return wide[0]
    return None


def reshaped_broadcast(
    op: BroadcastOp, target: tuple[Dim, ...]
) -> tuple[tuple[Dim, ...], tuple[int, ...]] | None:
    """Dims for the operand and its axes, so that the broadcast has dims `target`; None where a
    group of axes that become one mixes repeated and stored elements."""
    source, mapped = dims(op.results[0]), set(op.axes)
    groups = reassociation(source, target)
    if groups is None:
        return None
    axes: list[int] = []
    for before, after in groups:
        wide = [a for a in before if source[a] != 1]
        stored = [a for a in wide if a in mapped]
        if not stored:
            continue
        if len(stored) != len(wide):
            return None
        axes.extend(after)
    return tuple(target[a] for a in axes), tuple(axes)


def _rebroadcast(
    r: Rebuilder,
    op: BroadcastOp,
    inner: tuple[tuple[Dim, ...], tuple[int, ...]],
    target: tuple[Dim, ...],
) -> SSAValue:
    return r.broadcast(r.reshape(op._operands[0], inner[0]), inner[1], target)


def permute_after_reshape(
    op: PermuteOp, target: tuple[Dim, ...]
) -> tuple[tuple[Dim, ...], tuple[int, ...]] | None:
    """`reshape(permute(x))` as `permute(reshape(x))`: the dims of that reshape and the
    permutation; None where a group of axes is not a run of x's axes."""
    source, permutation = dims(op._operands[0]), op.axes
    permuted = dims(op.results[0])
    groups = reassociation(permuted, target)
    if groups is None:
        return None
    wide = [a for a in range(len(source)) if source[a] != 1]
    rank = {axis: i for i, axis in enumerate(wide)}
    runs: list[tuple[int, tuple[int, ...]]] = []
    for before, after in groups:
        places = [rank[permutation[a]] for a in before if permuted[a] != 1]
        if any(b != a + 1 for a, b in zip(places, places[1:])):
            return None
        runs.append((places[0] if places else -1, after))
    order = [axis for _, after in sorted(runs, key=lambda run: run[0]) for axis in after]
    inverse = [0] * len(order)
    for position, axis in enumerate(order):
        inverse[axis] = position
    return tuple(target[a] for a in order), tuple(inverse)


def _reshape_of_permute(r: Rebuilder, op: PermuteOp, target: tuple[Dim, ...]) -> SSAValue | None:
    found = permute_after_reshape(op, target)
    if found is None:
        return None
    return r.permute(r.reshape(op._operands[0], found[0]), found[1])


# ------------------------------------------------------------------------------- permute


def fold_permute(r: Rebuilder, q: Request) -> SSAValue | None:
    (value,) = q.operands
    axes = axes_of(q.properties["permutation"])
    if axes == tuple(range(len(axes))):
        return value
    shape = dims(value)
    wide = [a for a in axes if shape[a] != 1]
    if wide == sorted(wide):
        return r.build(ReshapeOp, (value,), q.type)
    owner = value.owner
    match owner:
        case PermuteOp():
            inner = owner.axes
            return r.permute(owner._operands[0], tuple(inner[a] for a in axes))
        case SliceOp():
            starts, steps = dims_from(owner.starts), axes_of(owner.steps)
            return r.slice(
                r.permute(owner._operands[0], axes),
                tuple(starts[a] for a in axes),
                tuple(steps[a] for a in axes),
                dims_of(q.type),
            )
        case BroadcastOp():
            order, targets = permuted_broadcast(owner, axes)
            return r.broadcast(r.permute(owner._operands[0], order), targets, dims_of(q.type))
        case IotaOp():
            return iota(r, axes.index(owner.axis.value.data), dims_of(q.type))
        case _:
            pass
    values = dense_values(value)
    if values is not None:
        return _pick(r, values, shape, [range(s) for s in dims_of(q.type)], axes, q)  # type: ignore[arg-type]
    return None


def permuted_broadcast(
    op: BroadcastOp, axes: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The permutation of the operand, and the axes its dims go to."""
    place = {axis: new for new, axis in enumerate(axes)}
    targets = [place[a] for a in op.axes]
    order = sorted(range(len(targets)), key=targets.__getitem__)
    return tuple(order), tuple(sorted(targets))


def _pick(r, values, shape, ranges, axes, q: Request) -> SSAValue:  # type: ignore[no-untyped-def]
    """The dense constant whose element at a point p of `ranges` is `values` at p, its
    coordinate i along axis `axes[i]`."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 1, 0, -1):
        strides[axis - 1] = strides[axis] * shape[axis]
    picked = tuple(
        values[sum(i * strides[a] for i, a in zip(point, axes))] for point in cartesian(*ranges)
    )
    return dense(r, picked, element(q.operands[0]), dims_of(q.type))  # type: ignore[arg-type]


# ----------------------------------------------------------------------------- broadcast


def fold_broadcast(r: Rebuilder, q: Request) -> SSAValue | None:
    (value,) = q.operands
    axes, target, shape = axes_of(q.properties["mapping"]), dims_of(q.type), dims(value)
    if len(shape) == len(target):
        return value
    if all(target[a] == 1 for a in range(len(target)) if a not in axes):
        return r.build(ReshapeOp, (value,), q.type)
    owner = value.owner
    if in_memory(value):
        if 1 in shape:
            kept = tuple(a for a in axes if target[a] != 1)
            return r.broadcast(r.reshape(value, tuple(target[a] for a in kept)), kept, target)
    elif isinstance(owner, ReshapeOp):
        whole = _axes_with_units(dims(owner._operands[0]), axes, target)
        if whole is not None:
            return r.broadcast(owner._operands[0], whole, target)
    match owner:
        case BroadcastOp():
            return r.broadcast(owner._operands[0], tuple(axes[a] for a in owner.axes), target)
        case IotaOp():
            return iota(r, axes[owner.axis.value.data], target)
        case _:
            return None


def _axes_with_units(
    source: tuple[Dim, ...], axes: tuple[int, ...], target: tuple[Dim, ...]
) -> tuple[int, ...] | None:
    """Axes for `source`, which has more dims of 1 than the value broadcast along `axes` had.

    A reduction keeps its dims of 1 that way, and its users its loops.
    """
    mapped: list[int] = []
    wide = [a for a in axes if target[a] != 1]
    for size in source:
        after = mapped[-1] + 1 if mapped else 0
        if size == 1:
            if after >= len(target) or target[after] != 1:
                return None
            mapped.append(after)
        else:
            if not wide or target[wide[0]] != size or wide[0] < after:
                return None
            mapped.append(wide.pop(0))
    return None if wide else tuple(mapped)


# --------------------------------------------------------------------------------- slice


def fold_slice(r: Rebuilder, q: Request) -> SSAValue | None:
    (value,) = q.operands
    starts, steps = dims_from(q.properties["starts"]), axes_of(q.properties["steps"])
    source, target = dims(value), dims_of(q.type)
    if source == target and all(s == 0 for s in starts) and all(s == 1 for s in steps):
        return value
    if any(count == 1 and step != 1 for count, step in zip(target, steps)):
        plain = tuple(1 if count == 1 else step for count, step in zip(target, steps))
        return r.slice(value, starts, plain, target)
    owner = value.owner
    match owner:
        case SliceOp():
            first, strides = dims_from(owner.starts), axes_of(owner.steps)
            return r.slice(
                owner._operands[0],
                tuple(add(a, mul(b, s)) for a, b, s in zip(first, starts, strides)),
                tuple(a * b for a, b in zip(strides, steps)),
                target,
            )
        case BroadcastOp():
            axes = owner.axes
            inner = r.slice(
                owner._operands[0],
                tuple(starts[a] for a in axes),
                tuple(steps[a] for a in axes),
                tuple(target[a] for a in axes),
            )
            return r.broadcast(inner, axes, target)
        case IotaOp():
            axis = owner.axis.value.data
            start, step = starts[axis], steps[axis]
            if not isinstance(start, int):
                return None
            count = iota(r, axis, target)
            if step != 1:
                count = r.like(MulOp, count, r.full(step, element(value), target))
            return r.like(AddOp, count, r.full(start, element(value), target)) if start else count
        case _:
            pass
    values = dense_values(value)
    if values is None or not all(isinstance(d, int) for d in (*starts, *target)):
        return None
    ranges = [[s + k * t for k in range(n)] for s, t, n in zip(starts, steps, target)]  # type: ignore[arg-type,operator]
    return _pick(r, values, source, ranges, tuple(range(len(source))), q)
