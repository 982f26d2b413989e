"""`convert-sort-to-scf`: turn sort kernels into loops over rows.

Before:

    func.func private @argsort_1a2b(%a: tensor<512x8xf32>) -> tensor<512x2xi64>
        attributes {fxlower.kernel = "sort"} {
      %r = fxt.argsort "descending", %a, 1 : (tensor<512x8xf32>) -> tensor<512x2xi64>
      func.return %r : tensor<512x2xi64>
    }

After:

    func.func private @argsort_1a2b(%a: memref<512x8xf32>, %out: memref<512x2xi64>) {
      "scf.parallel"(%c0, %c512, %c1) ({
      ^bb0(%row: index):
        %words = memref.alloca() : memref<128xi64>
        scf.for %i = %c0 to %c8 step %c1 {
          memref.store %word, %words[%i]            key of %a[%row, %i] * 2^32 + %i
        } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
        scf.for %i = %c0 to %c8 step %c1 {
          %rank = scf.for %j = %c0 to %c8 step %c1 iter_args(...) { words[%j] < words[%i] ... }
          memref.store %rank, %ranks[%i]
        } {fxlower.vector = 8 : i64, fxlower.unroll = 2 : i64}
        scf.for %i = %c0 to %c8 step %c1 {
          scf.if (%rank = %ranks[%i]) < 2 { memref.store %i, %out[%row, %rank] }
        }
      }) {fxlower.grain = 32 : i64}

A row is sorted in one of three ways (`fxlower/analysis/sorting.py`): short ones by rank, as above;
the first few of a long one by insertion into a short list, for which most blocks of the row need
only be compared with its last entry; others by a radix sort in scratch memory, which skips the
digits that all keys have in common. Where the size is symbolic the row's length decides between
the first and the last. All are stable: keys of 32 bits and less carry the position below them.

Needs kernels of kind `sort` (docs/design.md, section 4). Leaves no `fxt` op in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.sorting import ASSUMED_SIZE, RANKED, SortPlan
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.loop_builder import Index, LoopBuilder
from fxlower.passes.order_keys import OrderKeys
from fxlower.passes.sort_rows import RadixSort, Ranking, Row, Selection
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

PARALLEL_WORK = 16 * 1024
"""Steps worth waking another core for."""


class SortLowering:
    """Builds the loops of one sort in `function`."""

    def __init__(self, function: DestinationFunction, sort: fxt.ArgsortOp, target: TargetSpec):
        self.function = function
        self.source = function.arguments[sort.input]
        self.result = function.results[0]
        self.scratch = function.results[1] if sort.scratch is not None else None
        self.axis = sort.axis.value.data
        self.keys = OrderKeys(
            self.source.element,
            unsigned="fxlower.unsigned" in sort.attributes,
            descending=sort.order.data == "descending",
        )
        self.plan = SortPlan(
            self.source.sizes[self.axis], self.result.sizes[self.axis], self.keys.bits
        )
        self.lanes = max(1, target.lanes(64))

    def build(self) -> None:
        outer = [d for d in range(len(self.source.sizes)) if d != self.axis]
        at, rows = self.function.builder, 1
        for d in outer:
            rows = at.mul(rows, self.source.size(d))
        work = self._work()
        if self.scratch is None:

            def one(inner: LoopBuilder, index: SSAValue) -> None:
                sort = self._methods(inner, 0)
                sort(inner, self._row(inner, index, outer))

            at.parallel(rows, one, max(1, PARALLEL_WORK // work), "row")
            return
        slots = self.scratch.size(0)
        share = at.ceil_div(rows, slots) if isinstance(slots, int) else rows

        def some(inner: LoopBuilder, slot: SSAValue) -> None:
            sort = self._methods(inner, slot)
            first = inner.mul(slot, share)
            count = inner.min(share, inner.sub(rows, first))

            def each(loop: LoopBuilder, k: SSAValue) -> None:
                sort(loop, self._row(loop, loop.add(first, k), outer))

            inner.serial(count, each, name="k")

        known = [_assumed(self.source.sizes[d]) for d in outer]
        in_slot = -(-prod(known) // slots) if isinstance(slots, int) else 1
        at.parallel(slots, some, max(1, PARALLEL_WORK // (work * max(1, in_slot))), "slot")

    def _row(self, at: LoopBuilder, index: Index, outer: list[int]) -> Row:
        parts = at.split(index, [self.source.size(d) for d in outer])
        place: list[Index] = [0] * len(self.source.sizes)
        for d, part in zip(outer, parts):
            place[d] = part
        return Row(self.source, self.result, self.keys, self.axis, place, self.lanes)

    def _methods(self, at: LoopBuilder, slot: Index):
        """What sorts a row, with the buffers that it needs made at the start of `at`."""
        plan = self.plan
        if plan.selects:
            assert isinstance(plan.count, int)
            return Selection(at, self.keys, plan.count, self.lanes).sort
        ranking = Ranking(at, self.keys) if plan.ranks else None
        if self.scratch is None:
            assert ranking is not None
            return ranking.sort
        radix = RadixSort(at, self.keys, self.scratch, slot, self.lanes)
        if ranking is None:
            return radix.sort

        def either(inner: LoopBuilder, row: Row) -> None:
            def short(branch: LoopBuilder) -> tuple[()]:
                ranking.sort(branch, row)
                return ()

            def long(branch: LoopBuilder) -> tuple[()]:
                radix.sort(branch, row)
                return ()

            inner.if_(inner.compare("sle", row.size, RANKED), short, long)

        return either

    def _work(self) -> int:
        """Steps that a row takes, roughly."""
        size = _assumed(self.plan.size)
        if self.plan.selects:
            return max(1, size // 2 + 32 * _assumed(self.plan.count))
        if isinstance(self.plan.size, int) and self.plan.ranks:
            return max(1, size * size // 4 + 4 * size)
        return max(1, 12 * size)


def _assumed(dim: Dim) -> int:
    return dim if isinstance(dim, int) else ASSUMED_SIZE


@dataclass(frozen=True)
class ConvertSortToScfPass(ModulePass):
    """Turn sort kernels into loops."""

    name = "convert-sort-to-scf"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for kernel in kernels_of_kind(op, "sort"):
            block = kernel.body.block
            sorts = [o for o in block.ops if isinstance(o, fxt.ArgsortOp)]
            if len(sorts) != 1 or sorts[0].input not in block.args:
                raise PassFailedException(
                    f"{self.name}: kernel '{kernel.sym_name.data}' must hold one fxt.argsort of an "
                    f"argument, got {[o.name for o in block.ops]}"
                )
            function = DestinationFunction(kernel)
            lowering = SortLowering(function, sorts[0], target)
            if lowering.plan.distributes and lowering.scratch is None:
                raise PassFailedException(
                    f"{self.name}: kernel '{kernel.sym_name.data}' sorts rows of "
                    f"{lowering.plan.size}, which needs scratch memory: a `tensor.empty` that is "
                    "an operand of fxt.argsort and the second result"
                )
            lowering.build()
            function.finish()
