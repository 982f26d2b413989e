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

Of an axis of symbolic size as many parts as there are have 32768 elements each.

Needs the canonical form of `canonicalize-fxt`, which it leaves as well. A reduction is split where
it has fewer results than 4 times the cores of the target and at least 65536 elements, or a symbolic
number of them, to each; or where it goes across long rows, which are best read on and on: then
cores share the rows, not the columns. Its producers must allow the view to move up to memory
(`fxt_folds/motion.py`): a view between them and the reduction would cost more than it gains.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from fxlower.analysis import symbols
from fxlower.dialects import fxt
from fxlower.dialects.build import I1, Dim, dims_of, tensor_type
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

PART = 1 << 15
"""Elements of a part where their number is not known; a smaller rest is left to one core."""

ROW_PARTS = 16
MIN_ROWS = 16
STRIP = 1024
"""Parts of a reduction across rows, each of which gives a row of results; rows that a part has at
least; how many columns of them are reduced at a time (`fxlower/passes/strip_emitter.py`)."""

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
        splitter = Splitter(4 * target_of(op).cores)
        folds = {**FOLDS, **{cls: (*FOLDS[cls], splitter.split) for cls in REDUCTIONS}}
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and len(function.body.blocks) == 1:
                reductions = (o for o in function.body.block.ops if type(o) in _SET)
                if any(splitter.parts(dims(o._operands[0]), o.axes) for o in reductions):  # type: ignore[attr-defined]
                    canonicalize(function, folds)


class Splitter:
    """The rule that splits reductions; `enough` results keep all cores busy."""

    def __init__(self, enough: int):
        self.enough = enough
        self.rests: set[SSAValue] = set()
        """What is not to be split, although its size is not known."""

    def parts(self, shape: tuple[Dim, ...], axes: tuple[int, ...]) -> int:
        """In about how many parts a reduction is to be split; 0 for none."""
        kept = [d for a, d in enumerate(shape) if a not in axes]
        if any(isinstance(d, str) for d in kept):
            return 0
        results: int = prod(kept)  # type: ignore[arg-type]
        few = 0 < results < self.enough
        if any(isinstance(shape[a], str) for a in axes):
            return PARTS if few else 0
        elements: int = prod(shape[a] for a in axes)  # type: ignore[arg-type]
        if few and elements >= MIN_ELEMENTS:
            return PARTS
        if not kept or len(shape) - 1 in axes or results * elements < ROW_PARTS * MIN_ELEMENTS:
            return 0
        strips = results // kept[-1] * ceil(kept[-1] / STRIP)  # type: ignore[operator]
        return ROW_PARTS if elements >= MIN_ROWS * ROW_PARTS and strips < self.enough else 0

    def split(self, r: Rebuilder, q: Request) -> SSAValue | None:
        (value,) = q.operands
        axes, shape = axes_of(q.properties["axes"]), dims(value)
        parts = self.parts(shape, axes)
        if not parts or value in self.rests:
            return None
        if any(isinstance(shape[a], str) for a in axes):
            return self._dynamic(r, q, value, axes)
        sizes: tuple[int, ...] = shape  # type: ignore[assignment]
        axis = next((a for a in axes if sizes[a] >= self.enough), max(axes, key=sizes.__getitem__))
        size = sizes[axis]
        rest = [a for a in axes if a != axis]
        if rest and self.enough <= size <= 4 * parts:
            partial = _reduce(r, q, value, rest)
            return _reduce(r, q, partial, [axis - sum(a < axis for a in rest)])
        found = divisor_near(size, parts, min(self.enough, parts))
        if found is not None:
            return self._in_parts(r, q, value, axis, found)
        whole = size - size % parts
        return self._with_rest(r, q, value, axis, whole, parts) if whole else None

    def _dynamic(
        self, r: Rebuilder, q: Request, value: SSAValue, axes: tuple[int, ...]
    ) -> SSAValue | None:
        """Parts of a size that is worth a core, as many as there are. Adjacent axes become one
        first, so that it does not matter which is long."""
        shape, first, end = dims(value), axes[0], axes[-1] + 1
        if axes != tuple(range(first, end)):
            return None
        if len(axes) > 1:
            whole = symbols.product(shape[first:end])
            flat = _view(r, value, r.reshape(value, (*shape[:first], whole, *shape[end:])))
            return None if flat is None else _reduce(r, q, flat, [first])
        results: int = prod(d for a, d in enumerate(shape) if a != first)  # type: ignore[misc]
        part = PART // (1 << (results - 1).bit_length())
        parts = symbols.canonical(f"({shape[first]}) // {part}")
        return self._with_rest(r, q, value, first, symbols.mul(parts, part), parts)

    def _with_rest(
        self, r: Rebuilder, q: Request, value: SSAValue, axis: int, whole: Dim, parts: Dim
    ) -> SSAValue | None:
        """Reduce a main part of size `whole`, in so many parts, and the rest, apart."""
        shape = dims(value)
        size = shape[axis]
        pieces: list[SSAValue] = []
        for start, count in (0, whole), (whole, symbols.sub(size, whole)):
            starts = tuple(start if a == axis else 0 for a in range(len(shape)))
            target = (*shape[:axis], count, *shape[axis + 1 :])
            piece = _view(r, value, r.slice(value, starts, (1,) * len(shape), target))
            if piece is None:
                return None
            pieces.append(piece)
        self.rests.add(pieces[1])
        main = self._in_parts(r, q, pieces[0], axis, parts)
        if main is None:
            return None
        rest = _reduce(r, q, pieces[1], list(axes_of(q.properties["axes"])))
        combine = _COMBINE[q.cls]
        if element(value) == I1:
            combine = fxt.OrOp if q.cls is fxt.AmaxOp else fxt.AndOp
        return r.build(combine, (main, rest), tensor_type(element(value), dims_of(q.type)))

    def _in_parts(
        self, r: Rebuilder, q: Request, value: SSAValue, axis: int, parts: Dim
    ) -> SSAValue | None:
        """Split `axis` into (parts, size of a part); reduce all but the first, then that."""
        shape, axes = dims(value), axes_of(q.properties["axes"])
        part = symbols.exact_div(shape[axis], parts)
        assert part is not None
        viewed = _view(r, value, r.reshape(value, (*shape[:axis], parts, part, *shape[axis + 1 :])))
        if viewed is None:
            return None
        inner = [a + (a >= axis) for a in axes]
        partial = _reduce(r, q, viewed, inner)
        self.rests.add(partial)
        return _reduce(r, q, partial, [axis - sum(a < axis for a in axes)])


def divisor_near(size: int, wanted: int, least: int) -> int | None:
    """The divisor of `size` in [least, 16 * wanted] nearest to `wanted` by ratio, if any."""
    limit = min(max(16 * wanted, least), size // 2)
    found = [d for d in range(max(least, 2), limit + 1) if size % d == 0]
    return min(found, key=lambda d: max(d / wanted, wanted / d), default=None)


def _reduce(r: Rebuilder, q: Request, value: SSAValue, axes: list[int]) -> SSAValue:
    kept = tuple(d for a, d in enumerate(dims(value)) if a not in axes)
    type_ = tensor_type(element(value), kept)
    return r.build(q.cls, (value,), type_, {"axes": axes_attr(axes)})


def _view(r: Rebuilder, value: SSAValue, view: SSAValue) -> SSAValue | None:
    """`view`, a view of `value`, moved up to memory; None if elementwise ops are in the way."""
    if not isinstance(view.owner, MOVING) or type(value.owner) not in POINTWISE:
        return view
    moved = move_up(r, view, 0)
    r.pending[value] = r.pending.get(value, 0) + 1  # a second view of it may follow
    r.erase_if_dead(view, is_pure)
    r.pending[value] -= 1
    return moved
