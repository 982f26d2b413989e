"""Split long reductions with few results into two steps, so that all cores take part.

Before:

    %e = fxt.mul %x, %x : tensor<1048576xf32>
    %s = fxt.sum %e, array<i64: 0> : (tensor<1048576xf32>) -> tensor<f32>

After:

    %y = fxt.reshape %x : (tensor<1048576xf32>) -> tensor<256x4096xf32>
    %e = fxt.mul %y, %y : tensor<256x4096xf32>
    %p = fxt.sum %e, array<i64: 1> : (tensor<256x4096xf32>) -> tensor<256xf32>
    %s = fxt.sum %p, array<i64: 0> : (tensor<256xf32>) -> tensor<f32>

The partial results also keep rounding errors small. An axis whose size has no suitable divisor
loses a rest to a reduction of its own: `sum(main) + sum(rest)`.

Needs static sizes, and the canonical form of `canonicalize-fxt`, which it leaves as well. A
reduction is split where it has fewer results than 4 times the cores of the target and at least
65536 elements to each, and where its producers allow the view to move up to memory
(`fxt_folds/motion.py`): a view between them and the reduction would cost more than it gains.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from fxlower.dialects import fxt
from fxlower.dialects.build import I1, dims_of, tensor_type
from fxlower.dialects.fxt import REDUCTIONS, axes_attr, axes_of, dims, element
from fxlower.passes.canonicalize_fxt import canonicalize, is_pure
from fxlower.passes.fxt_folds import FOLDS
from fxlower.passes.fxt_folds.motion import MOVING, move_up
from fxlower.passes.fxt_folds.rebuild import POINTWISE, Rebuilder, Request
from fxlower.passes.target import target_of

MIN_ELEMENTS = 1 << 16
"""Fewer elements to a result are reduced by one core in less time than others need to start."""

PARTS = 256
"""Parts to aim at: enough for any number of cores, few enough to be reduced in no time."""

_SET = frozenset(REDUCTIONS)

_COMBINE: dict[type[Operation], type[Operation]] = {
    fxt.SumOp: fxt.AddOp,
    fxt.ProdOp: fxt.MulOp,
    fxt.AmaxOp: fxt.MaxOp,
    fxt.AminOp: fxt.MinOp,
}


@dataclass(frozen=True)
class SplitReductionsPass(ModulePass):
    """Give long reductions with few results parallel partial results."""

    name = "split-reductions"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        enough = 4 * target_of(op).cores

        def split(r: Rebuilder, q: Request) -> SSAValue | None:
            return _split(r, q, enough)

        folds = {**FOLDS, **{cls: (*FOLDS[cls], split) for cls in REDUCTIONS}}
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and len(function.body.blocks) == 1:
                reductions = (o for o in function.body.block.ops if type(o) in _SET)
                if any(_is_long(dims(o._operands[0]), o.axes, enough) for o in reductions):  # type: ignore[attr-defined]
                    canonicalize(function, folds)


@cache
def _is_long(shape: tuple[int | str, ...], axes: tuple[int, ...], enough: int) -> bool:
    results = elements = 1
    for axis, size in enumerate(shape):
        if isinstance(size, str):
            return False
        if axis in axes:
            elements *= size
        else:
            results *= size
    return 0 < results < enough and elements >= MIN_ELEMENTS


def _split(r: Rebuilder, q: Request, enough: int) -> SSAValue | None:
    (value,) = q.operands
    axes, shape = axes_of(q.properties["axes"]), dims(value)
    if not _is_long(shape, axes, enough):
        return None
    sizes: tuple[int, ...] = shape  # type: ignore[assignment]
    axis = next((a for a in axes if sizes[a] >= enough), max(axes, key=sizes.__getitem__))
    size = sizes[axis]
    rest = [a for a in axes if a != axis]
    if rest and enough <= size <= 4 * PARTS:
        partial = _reduce(r, q, value, rest)
        return _reduce(r, q, partial, [axis - sum(a < axis for a in rest)])
    parts = divisor_near(size, PARTS, enough)
    if parts is not None:
        return _in_parts(r, q, value, axis, parts)
    return _with_rest(r, q, value, axis)


def divisor_near(size: int, wanted: int, least: int) -> int | None:
    """The divisor of `size` in [least, 16 * wanted] nearest to `wanted` by ratio, if any."""
    limit = min(max(16 * wanted, least), size // 2)
    found = [d for d in range(max(least, 2), limit + 1) if size % d == 0]
    return min(found, key=lambda d: max(d / wanted, wanted / d), default=None)


def _reduce(r: Rebuilder, q: Request, value: SSAValue, axes: list[int]) -> SSAValue:
    kept = tuple(d for a, d in enumerate(dims(value)) if a not in axes)
    type_ = tensor_type(element(value), kept)
    return r.build(q.cls, (value,), type_, {"axes": axes_attr(axes)})


def _in_parts(r: Rebuilder, q: Request, value: SSAValue, axis: int, parts: int) -> SSAValue | None:
    """Split `axis` into (parts, size of a part); reduce all but the first, then that."""
    shape, axes = dims(value), axes_of(q.properties["axes"])
    size = shape[axis]
    assert isinstance(size, int)
    viewed = _view(
        r, value, r.reshape(value, (*shape[:axis], parts, size // parts, *shape[axis + 1 :]))
    )
    if viewed is None:
        return None
    inner = [a + (a >= axis) for a in axes]
    partial = _reduce(r, q, viewed, inner)
    return _reduce(r, q, partial, [axis - sum(a < axis for a in axes)])


def _with_rest(r: Rebuilder, q: Request, value: SSAValue, axis: int) -> SSAValue | None:
    """Reduce a main part whose size has `PARTS` as a divisor, and the rest, apart."""
    shape = dims(value)
    size = shape[axis]
    assert isinstance(size, int)
    whole = size - size % PARTS
    if whole == 0:
        return None
    pieces: list[SSAValue] = []
    for start, count in (0, whole), (whole, size - whole):
        starts = tuple(start if a == axis else 0 for a in range(len(shape)))
        target = (*shape[:axis], count, *shape[axis + 1 :])
        piece = _view(r, value, r.slice(value, starts, (1,) * len(shape), target))
        if piece is None:
            return None
        pieces.append(piece)
    axes = list(axes_of(q.properties["axes"]))
    main, rest = (_reduce(r, q, piece, axes) for piece in pieces)
    combine = _COMBINE[q.cls]
    if element(value) == I1:
        combine = fxt.OrOp if q.cls is fxt.AmaxOp else fxt.AndOp
    return r.build(combine, (main, rest), tensor_type(element(value), dims_of(q.type)))


def _view(r: Rebuilder, value: SSAValue, view: SSAValue) -> SSAValue | None:
    """`view`, a view of `value`, moved up to memory; None if elementwise ops are in the way."""
    if not isinstance(view.owner, MOVING) or type(value.owner) not in POINTWISE:
        return view
    moved = move_up(r, view, 0)
    r.pending[value] = r.pending.get(value, 0) + 1  # a second view of it may follow
    r.erase_if_dead(view, is_pure)
    r.pending[value] -= 1
    return moved
