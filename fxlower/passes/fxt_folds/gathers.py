"""Folds of reading and writing at computed positions.

A gather moves up through the elementwise ops that make its source, so that only what is read is
computed, and nothing is written to memory to be read from there:

    gather(x - broadcast(m), [rows, i])   ->   gather(x, [rows, i]) - gather(broadcast(m), ...)

A scatter that writes one position of each row is a comparison with the loop index:

    scatter "set" zeros, ones[rows, i]    ->   select(iota == broadcast(i), ones, zeros)
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation, SSAValue

from fxlower.analysis.symbols import exact_div, product
from fxlower.dialects.build import I1, I64, Dim, dims_of, int_attr, tensor_type
from fxlower.dialects.fxt import (
    AddOp,
    BroadcastOp,
    CmpOp,
    FullOp,
    GatherOp,
    IotaOp,
    MatmulOp,
    MaxOp,
    MinOp,
    MulOp,
    NonzeroDivisorOp,
    SelectOp,
    axes_of,
    dims,
    element,
)
from fxlower.passes.fxt_folds.constants import full_value
from fxlower.passes.fxt_folds.rebuild import ELEMENTWISE_SET, Rebuilder, Request, in_memory

FEW = 8
"""Elements of the source to each element that is read, from which on it is always better to
compute what is read, even where others need all of the source."""

MAX_DEPTH = 32
"""Elementwise ops that a gather moves through at most."""


# ------------------------------------------------------------------------------- gathers


def fold_gather_counters(r: Rebuilder, q: Request) -> SSAValue | None:
    """A gather whose indices are counters along distinct axes, or single numbers, is a view."""
    source, *indices = q.operands
    shape, target = dims(source), dims_of(q.type)
    if 0 in target or full_value(source) is not None:
        return None
    starts: list[Dim] = []
    counts: list[Dim] = []
    axes: list[int] = []
    for index, size in zip(indices, shape):
        number = full_value(index)
        owner = index.owner
        if number is not None:
            if not isinstance(size, int) or not 0 <= number < size:
                return None
            starts.append(int(number))
            counts.append(1)
        elif isinstance(owner, IotaOp) and owner.axis.value.data not in axes:
            axis = owner.axis.value.data
            extent = target[axis]
            if extent != size and not (
                isinstance(extent, int) and isinstance(size, int) and extent <= size
            ):
                return None
            starts.append(0)
            counts.append(extent)
            axes.append(axis)
        else:
            return None
    picked = r.slice(source, tuple(starts), (1,) * len(shape), tuple(counts))
    named = r.reshape(picked, tuple(target[a] for a in axes))
    order = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return r.broadcast(r.permute(named, order), tuple(sorted(axes)), target)


def fold_gather_of_elementwise(r: Rebuilder, q: Request) -> SSAValue | None:
    """A gather of what elementwise ops make, where that is less work than to make all of it."""
    source, *indices = q.operands
    if type(source.owner) not in ELEMENTWISE_SET:
        return None
    ratio = _ratio(product(dims(source)), product(dims_of(q.type)))
    if ratio is None or ratio == 0:
        return None
    few = isinstance(ratio, str) or ratio >= FEW
    leaves: set[SSAValue] = set()
    if not _is_gathered(r, source, None, few, leaves, MAX_DEPTH):
        return None
    # Without a value that is read at the indices, nobody would check them.
    if not leaves or (len(leaves) > 1 and not few):
        return None
    return _gathered(r, source, tuple(indices), dims_of(q.type), leaves)


def _ratio(all_: Dim, read: Dim) -> Dim | None:
    """How many elements there are to each that is read, rounded down; None where not known."""
    if isinstance(all_, int) and isinstance(read, int):
        return all_ // read if read else None
    return exact_div(all_, read)


def _is_gathered(
    r: Rebuilder,
    value: SSAValue,
    user: Operation | None,
    few: bool,
    leaves: set[SSAValue],
    depth: int,
) -> bool:
    """Whether `value` may be computed where it is read; adds what is in memory to `leaves`."""
    owner = value.owner
    if isinstance(owner, FullOp | IotaOp | BroadcastOp):
        return True
    if isinstance(owner, NonzeroDivisorOp):
        return False  # it reports a 0 wherever that is
    if type(owner) in ELEMENTWISE_SET:
        assert isinstance(owner, Operation)
        if not r.used_only_by(value, user) and _ends_product(owner):
            leaves.add(value)
            return user is not None
        return (
            depth > 0
            and (few or r.used_only_by(value, user))
            and all(_is_gathered(r, v, owner, few, leaves, depth - 1) for v in owner._operands)
        )
    leaves.add(value)
    return in_memory(value)


def _ends_product(op: Operation) -> bool:
    """Whether `op` is computed with a product of matrices: from its result and from what is in
    memory. If others need what comes out, that is in memory as well, and not the product."""
    worklist, products, steps = list(op.operands), 0, 0
    while worklist:
        value = worklist.pop()
        steps += 1
        owner = value.owner
        if type(owner) is MatmulOp:
            products += 1
        elif isinstance(owner, Operation) and type(owner) in ELEMENTWISE_SET:
            worklist += owner.operands
        elif not isinstance(owner, FullOp | IotaOp) and not in_memory(value):
            return False
        if steps > MAX_DEPTH:
            return False
    return products > 0


def _gathered(
    r: Rebuilder,
    value: SSAValue,
    indices: tuple[SSAValue, ...],
    shape: tuple[Dim, ...],
    leaves: Set[SSAValue],
) -> SSAValue:
    """`value` at `indices`, which are of `shape`, from what is read of `leaves`."""
    owner = value.owner
    type_ = tensor_type(element(value), shape)
    match owner:
        case FullOp():
            return r.build(FullOp, (), type_, {"value": owner.value})
        case IotaOp():
            return indices[owner.axis.value.data]
        case BroadcastOp():
            picked = tuple(indices[a] for a in owner.axes)
            if not picked:
                return r.broadcast(owner._operands[0], (), shape)
            return _gathered(r, owner._operands[0], picked, shape, leaves)
        case _:
            pass
    is_made = type(owner) in ELEMENTWISE_SET and value not in leaves
    if is_made and len(dims(value)) == len(indices):
        assert isinstance(owner, Operation)
        operands = tuple(_gathered(r, v, indices, shape, leaves) for v in owner._operands)
        return r.build(type(owner), operands, type_, owner.properties)
    return r.build(GatherOp, (value, *indices), type_)


# ------------------------------------------------------------------------------ scatters

_COMBINE: dict[str, type[Operation]] = {"add": AddOp, "mul": MulOp, "max": MaxOp, "min": MinOp}


def fold_scatter_of_one(r: Rebuilder, q: Request) -> SSAValue | None:
    """A scatter of one position to each row, into what a kernel makes anyway: a selection by the
    loop index, which fuses with what is around it.

    Some indices count (`fxt.iota`) through all of their axis of the destination, one is computed,
    and the updates have no other dims than those counted along.
    """
    dest, updates, *indices = q.operands
    if in_memory(dest) and not isinstance(dest.owner, FullOp):
        return None  # the scatter copies it, or works in its place
    mode = q.properties["mode"].data  # type: ignore[attr-defined]
    shape, axes = dims(dest), axes_of(q.properties["axes"])
    common = dims(indices[0])
    at: dict[int, int] = {}  # the axis of the result that each dim of the indices counts along
    computed: list[tuple[int, SSAValue]] = []
    for axis, index in zip(axes, indices):
        owner = index.owner
        if isinstance(owner, IotaOp) and owner.axis.value.data not in at:
            dim = owner.axis.value.data
            if common[dim] != shape[axis]:
                return None
            at[dim] = axis
        elif shape[axis] != 1 or full_value(index) != 0:
            computed.append((axis, index))
    if len(computed) != 1 or any(d not in at and n != 1 for d, n in enumerate(common)):
        return None
    ((axis, index),) = computed
    where = _spread(r, index, at, shape)
    through = [a for a in range(len(shape)) if a not in axes]
    at.update({len(common) + i: a for i, a in enumerate(through)})
    new = _spread(r, updates, at, shape)
    if mode != "set":
        if element(dest) == I1:
            return None
        new = r.build(_COMBINE[mode], (dest, new), q.type)
    counter = r.build(IotaOp, (), tensor_type(I64, shape), {"axis": int_attr(axis)})
    here = r.build(CmpOp, (counter, where), tensor_type(I1, shape), {"predicate": _EQUAL})
    return r.build(SelectOp, (here, new, dest), q.type)


_EQUAL = StringAttr("eq")


def _spread(
    r: Rebuilder, value: SSAValue, at: Mapping[int, int], shape: tuple[Dim, ...]
) -> SSAValue:
    """`value`, whose dim d becomes axis `at[d]`, repeated along the others; dims that are not in
    `at` have size 1."""
    sizes = dims(value)
    kept = [d for d in range(len(sizes)) if d in at]
    named = r.reshape(value, tuple(sizes[d] for d in kept))
    order = tuple(sorted(range(len(kept)), key=lambda i: at[kept[i]]))
    return r.broadcast(r.permute(named, order), tuple(sorted(at[d] for d in kept)), shape)
