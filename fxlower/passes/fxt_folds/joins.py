"""Joined tensors move down through elementwise ops.

An elementwise op on a joined tensor is computed piece by piece, each from the piece and a slice of
the other operands, so that the joined operand need not exist:

    mul(concat(a, b), y)   ->   concat(mul(a, y[:n]), mul(b, y[n:]))
    add(pad(a), pad(b))    ->   concat(a + 0, 0 + b)

Every element is computed once, as before. What ends up at the bottom is written in pieces by one
kernel (`fxlower/analysis/fusion_joins.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Attribute, Operation, SSAValue

from fxlower.analysis.symbols import add, sub
from fxlower.dialects.build import Dim, dims_attr, dims_from, dims_of, int_attr, tensor_type
from fxlower.dialects.fxt import (
    ConcatOp,
    FullOp,
    IotaOp,
    NonzeroDivisorOp,
    PadOp,
    SliceOp,
    axes_attr,
    dims,
    element,
)
from fxlower.passes.fxt_folds.motion import MAX_DEPTH, View, movable, moved
from fxlower.passes.fxt_folds.rebuild import POINTWISE, Rebuilder, Request, in_memory

MAX_PIECES = 8
"""Pieces that elementwise ops are split into: each is a loop nest to compile."""

Cuts = tuple[tuple[Dim, Dim], ...]
"""Where each piece along an axis begins, and its size."""


def fold_elementwise_of_join(r: Rebuilder, q: Request) -> SSAValue | None:
    """Piece by piece along one axis; other axes follow when the pieces are built."""
    joined = [v.owner for v in q.operands if isinstance(v.owner, ConcatOp | PadOp)]
    if not joined or q.cls is NonzeroDivisorOp:
        return None
    shape = dims_of(q.type)
    axis = min(_axis(op) for op in joined)
    found = {_cuts(op) for op in joined if _axis(op) == axis}
    cuts = next(iter(found)) if len(found) == 1 else _common(found, shape[axis])
    if cuts is None or not 1 < len(cuts) <= MAX_PIECES:
        return None
    parts = [[_part(v, axis, start, size) for v in q.operands] for start, size in cuts]
    if not all(_is_free(r, part) for piece in parts for part in piece):
        return None
    elements = q.type.element_type  # type: ignore[attr-defined]
    pieces: list[SSAValue] = []
    for (_, size), piece in zip(cuts, parts):
        operands = tuple(_made(r, part) for part in piece)
        type_ = tensor_type(elements, _with(shape, axis, size))
        pieces.append(r.build(q.cls, operands, type_, q.properties))
    return r.build(ConcatOp, tuple(pieces), q.type, {"axis": int_attr(axis)})


def _axis(op: Operation | object) -> int:
    """The axis that a join is taken apart along: of a pad the first that is padded."""
    if isinstance(op, ConcatOp):
        return op.axis.value.data
    assert isinstance(op, PadOp)
    pairs = zip(dims(op.input), dims(op.result))
    return next(axis for axis, (size, total) in enumerate(pairs) if size != total)


def _cuts(op: Operation | object) -> Cuts:
    axis = _axis(op)
    sizes: list[Dim]
    if isinstance(op, ConcatOp):
        sizes = [dims(v)[axis] for v in op._operands]
    else:
        assert isinstance(op, PadOp)
        low, size, total = dims_from(op.low)[axis], dims(op.input)[axis], dims(op.result)[axis]
        sizes = [low, size, sub(total, add(low, size))]
    out: list[tuple[Dim, Dim]] = []
    start: Dim = 0
    for size in sizes:
        if size != 0:
            out.append((start, size))
        start = add(start, size)
    return tuple(out)


def _common(found: set[Cuts], total: Dim) -> Cuts | None:
    """The pieces that have a seam wherever one of `found` has; None where sizes are symbolic."""
    starts = {start for cuts in found for start, _ in cuts}
    if not isinstance(total, int) or not all(isinstance(s, int) for s in starts):
        return None
    seams = sorted(starts)  # type: ignore[type-var]
    return tuple((a, b - a) for a, b in zip(seams, [*seams[1:], total]))  # type: ignore[operator]


# --------------------------------------------------------------------------- one part


@dataclass(frozen=True)
class Part:
    """What an operand is in one piece."""

    user: Operation | None
    """The join that has the part as a piece."""
    value: SSAValue
    """All of it, or what `view` is to be of; what is padded is its operand."""
    view: View | None
    """None for all of `value`."""
    shape: tuple[Dim, ...]
    pad: PadOp | None = None
    """What the part is still padded by, along other axes."""
    low: tuple[Dim, ...] = ()
    is_padding: bool = False


def _part(value: SSAValue, axis: int, start: Dim, size: Dim) -> Part:
    owner = value.owner
    shape = _with(dims(value), axis, size)
    if isinstance(owner, ConcatOp) and _axis(owner) == axis:
        offset: Dim = 0
        for piece in owner._operands:
            count = dims(piece)[axis]
            if _holds(offset, count, start):
                view = _slice(piece, axis, sub(start, offset), size)
                return Part(owner, piece, view, shape)
            offset = add(offset, count)
    if isinstance(owner, PadOp):
        low = dims_from(owner.low)
        first, count = low[axis], dims(owner.input)[axis]
        low = _with(low, axis, 0)
        if count != dims(value)[axis] and not _holds(first, count, start):
            return Part(owner, value, None, shape, owner, low, is_padding=True)
        view = _slice(owner.input, axis, sub(start, first), size)
        return Part(owner, owner.input, view, shape, owner, low)
    return Part(None, value, _slice(value, axis, start, size), shape)


def _holds(first: Dim, count: Dim, start: Dim) -> bool:
    """Whether a piece of `count` elements from `first` on has the one at `start`, a seam."""
    if isinstance(first, int) and isinstance(count, int) and isinstance(start, int):
        return first <= start < first + count
    return start == first


def _with(shape: tuple[Dim, ...], axis: int, size: Dim) -> tuple[Dim, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _slice(value: SSAValue, axis: int, start: Dim, size: Dim) -> View | None:
    """The view of `size` elements from `start` on; None for all of `value`."""
    shape = dims(value)
    if start == 0 and size == shape[axis]:
        return None
    zeros, ones = (0,) * len(shape), (1,) * len(shape)
    starts = dims_attr(_with(zeros, axis, start))
    properties: dict[str, Attribute] = {"starts": starts, "steps": axes_attr(ones)}
    return View(SliceOp, _with(shape, axis, size), properties)


def _is_free(r: Rebuilder, part: Part) -> bool:
    """Whether the part is there, a view, or computed instead of the whole."""
    if part.is_padding or part.view is None:
        return True
    owner = part.value.owner
    if isinstance(owner, ConcatOp | PadOp):
        return False  # along another axis, and wanted in parts
    if isinstance(owner, IotaOp):
        starts = dims_from(part.view.properties["starts"])
        return isinstance(starts[owner.axis.value.data], int)
    if not movable(r, part.view, part.value, part.user, 0, MAX_DEPTH):
        return False
    return _rests_on_memory(part.value)


def _rests_on_memory(value: SSAValue) -> bool:
    """Whether no reduction is among what makes `value`, which is movable: what follows a reduction
    of the joined tensor belongs into the loops of that reduction, which need all of it."""
    owner = value.owner
    if type(owner) in POINTWISE:
        assert isinstance(owner, Operation)
        return all(_rests_on_memory(v) for v in owner._operands)
    return in_memory(value)


def _made(r: Rebuilder, part: Part) -> SSAValue:
    type_ = tensor_type(element(part.value), part.shape)
    if part.is_padding:
        assert part.pad is not None
        return r.build(FullOp, (), type_, {"value": part.pad.value})
    value = part.value if part.view is None else moved(r, part.view, part.value)
    if part.pad is None:
        return value
    properties = {"value": part.pad.value, "low": dims_attr(part.low)}
    return r.build(PadOp, (value,), type_, properties)
