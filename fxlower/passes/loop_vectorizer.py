"""One marked loop as loops over vectors, with the loops around it that carry its accumulators: the
work of `vectorize`.

A *carrying* loop holds one loop and passes its own accumulators through it, or has it start anew
and combines what it yields with its own (a sum in blocks). Its accumulators become vectors like
those of the marked loop, so that lanes are combined once, after the outermost.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import IntegerAttr, MemRefType
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, vector
from fxlower.dialects.build import ELEMENT_BITS, I1, INDEX, emit, emit1, vector_type
from fxlower.passes.lane_reductions import (
    NEUTRAL,
    combine,
    combine_all,
    is_neutral,
    neutral_of,
    reduce_lanes,
)
from fxlower.passes.lane_values import UNIFORM, Constants, Lanes, Preheader, extent_of, number_of
from fxlower.passes.widening import Widening
from fxlower.targets.spec import TargetSpec

VECTOR = "fxlower.vector"
UNROLL = "fxlower.unroll"

MASKED_BITS = 32
"""Targets without masks have masked loads and stores of elements from this width on (vmaskmov)."""


def marked_nest(loop: scf.ForOp) -> list[scf.ForOp]:
    """`loop` and the loops in it that carry its accumulators, down to a marked one; empty if there
    is none."""
    nest = [loop]
    while VECTOR not in nest[-1].attributes:
        inner = _carried_loop(nest[-1])
        if inner is None:
            return []
        nest.append(inner)
    combiners = [combiner(nest[-1], i) for i in range(len(nest[-1].iter_args))]
    if not all(_passes_on(loop, combiners) or _restarts(loop, combiners) for loop in nest[:-1]):
        return []
    return nest


def _carried_loop(loop: scf.ForOp) -> scf.ForOp | None:
    """The only loop in `loop`, which carries as much as it does."""
    if not loop.iter_args:
        return None
    nested = [op for op in loop.body.block.ops if op.regions]
    if len(nested) != 1 or not isinstance(nested[0], scf.ForOp):
        return None
    return nested[0] if len(nested[0].iter_args) == len(loop.iter_args) else None


def _passes_on(loop: scf.ForOp, combiners: list[Operation]) -> bool:
    block, inner = loop.body.block, _carried_loop(loop)
    assert inner is not None and block.last_op is not None
    own = block.args[1:]
    return tuple(inner.iter_args) == tuple(own) and tuple(block.last_op.operands) == tuple(
        inner.results
    )


def _restarts(loop: scf.ForOp, combiners: list[Operation]) -> bool:
    block, inner = loop.body.block, _carried_loop(loop)
    assert inner is not None and block.last_op is not None
    for op, own, init, made, result in zip(
        combiners, block.args[1:], inner.iter_args, inner.results, block.last_op.operands
    ):
        total = result.owner
        if type(total) is not type(op) or set(total.operands) != {own, made}:  # type: ignore[union-attr]
            return False
        if not is_neutral(op, init):
            return False
    return True


class LoopVectorizer:
    """Puts vector loops in `block` for a nest as `marked_nest` finds it.

    `environment` tells what values defined around the nest have become.
    """

    def __init__(
        self,
        nest: list[scf.ForOp],
        block: Block,
        constants: Constants,
        target: TargetSpec,
        environment: Mapping[SSAValue, SSAValue] | None = None,
    ):
        self.nest = nest
        self.loop = loop = nest[-1]
        self.block = block
        self.constants = constants
        self.environment = dict(environment or {})
        self.width = positive_mark(loop, VECTOR)
        self.copies = positive_mark(loop, UNROLL)
        self.preheader = Preheader(block, constants)
        self.combiners = [combiner(loop, i) for i in range(len(loop.iter_args))]
        self.peels_tail = peels_tail(loop, target)
        self.neutral = [
            constants.splat(neutral_of(op), init.type, self.width)
            for op, init in zip(self.combiners, loop.iter_args)
        ]
        if number_of(loop.step) != 1:
            raise PassFailedException("vectorize: a loop with fxlower.vector must have step 1")

    def run(self) -> list[SSAValue]:
        """The values of the nest's results."""
        results: list[SSAValue] = []
        lanes, scalars = self.lanes()
        for op, vectors, value in zip(self.combiners, lanes, scalars):
            total = reduce_lanes(self.block, op, vectors)
            if not is_neutral(op, value):
                total = combine(self.block, op, value, total)
            results.append(total)
        return results

    def lanes(self) -> tuple[list[SSAValue], list[SSAValue]]:
        """For each reduction a vector, and a value to combine its lanes with."""
        scalars = [self._new(v) for v in self.nest[0].iter_args]
        carried = [v for v in self.neutral for _ in range(self.copies)]
        carried, scalars = self._level(0, carried, scalars)
        lanes: list[SSAValue] = []
        for i, (op, neutral) in enumerate(zip(self.combiners, self.neutral)):
            own = carried[i * self.copies : (i + 1) * self.copies]
            used = [v for v in own if v is not neutral] or own[:1]
            lanes.append(combine_all(self.block, op, used))
        return lanes, scalars

    def _new(self, value: SSAValue) -> SSAValue:
        return self.environment.get(value, value)

    # -------------------------------------------------------------------- carrying loops

    def _level(
        self, level: int, carried: list[SSAValue], scalars: list[SSAValue]
    ) -> tuple[list[SSAValue], list[SSAValue]]:
        """Loop `level` of the nest and all in it. `scalars` are carried too where the last
        iterations are peeled, and unchanged elsewhere."""
        loop = self.nest[level]
        if loop is self.loop:
            return self._marked(carried, scalars)
        outside, preheader = self.block, self.preheader
        kept = scalars if self.peels_tail else []
        block = Block(arg_types=[INDEX, *(v.type for v in (*carried, *kept))])
        self.block, self.preheader = block, Preheader(block, self.constants)
        index = block.args[0]
        own: list[SSAValue] = list(block.args[1:])
        old = loop.body.block
        index.name_hint = old.args[0].name_hint
        self.environment[old.args[0]] = index
        for op in old.ops:
            if op.regions:
                break
            made = emit(
                block,
                type(op),
                [self._new(o) for o in op.operands],
                [r.type for r in op.results],
                op.properties,
                op.attributes,
            )
            for before, after in zip(op.results, made.results):
                after.name_hint = before.name_hint
                self.environment[before] = after
        lanes, rest = own[: len(carried)], own[len(carried) :]
        if _restarts(loop, self.combiners):
            start = [v for v in self.neutral for _ in range(self.copies)]
            inner = self.nest[level + 1]
            init = [self._new(v) for v in inner.iter_args]
            lanes_after, rest_after = self._level(level + 1, start, init)
            lanes_after = [
                a if b is self.neutral[i // self.copies] else combine(block, op, a, b)
                for i, (a, b) in enumerate(zip(lanes, lanes_after))
                for op in (self.combiners[i // self.copies],)
            ]
            rest_after = [
                combine(block, op, a, b) for op, a, b in zip(self.combiners, rest, rest_after)
            ]
        else:
            lanes_after, rest_after = self._level(level + 1, lanes, rest or scalars)
        emit(block, scf.YieldOp, (*lanes_after, *(rest_after if kept else ())))
        self.block, self.preheader = outside, preheader
        bounds = [self._new(b) for b in (loop.lb, loop.ub, loop.step)]
        results = self._for(bounds, [*carried, *kept], block)
        return results[: len(carried)], results[len(carried) :] if kept else scalars

    # ------------------------------------------------------------------------- splitting

    def _marked(
        self, carried: list[SSAValue], scalars: list[SSAValue]
    ) -> tuple[list[SSAValue], list[SSAValue]]:
        extent = extent_of(self.loop.lb, self.loop.ub)
        if extent is not None:
            return self._static(max(extent, 0), carried, scalars)
        return self._dynamic(carried, scalars)

    def _static(
        self, extent: int, carried: list[SSAValue], scalars: list[SSAValue]
    ) -> tuple[list[SSAValue], list[SSAValue]]:
        width, step = self.width, self.width * self.copies
        main, rest = extent // step, extent % step
        vectors, tail = divmod(rest, width)
        position = lower = self._new(self.loop.lb)
        if main:
            end = self._offset(lower, main * step)
            carried = self._repeat(position, end, main, carried)
            position = end
        if vectors:
            carried = self._body_at(position, 0, vectors, carried, None)
            position = self._offset(lower, extent - tail)
        if tail and self.peels_tail:
            scalars = self._scalar(position, self._offset(lower, extent), scalars)
        elif tail:
            mask = self.constants.mask(tail, width)
            carried = self._body_at(position, vectors, 1, carried, mask)
        return carried, scalars

    def _dynamic(
        self, carried: list[SSAValue], scalars: list[SSAValue]
    ) -> tuple[list[SSAValue], list[SSAValue]]:
        width, step = self.width, self.width * self.copies
        lower, upper = self._new(self.loop.lb), self._new(self.loop.ub)
        divisor = gcd(_divisor(self.loop.lb), _divisor(self.loop.ub))
        if divisor % step == 0:
            return self._repeat(lower, upper, None, carried), scalars
        end = round_down(self.block, self.constants, lower, upper, step)
        carried = self._repeat(lower, end, None, carried)
        if divisor % width == 0:
            return self._loop(end, upper, 1, carried, masked=False), scalars
        if not self.peels_tail:
            return self._loop(end, upper, 1, carried, masked=True), scalars
        if self.copies > 1:
            start, end = end, round_down(self.block, self.constants, end, upper, width)
            carried = self._loop(start, end, 1, carried, masked=False)
        return carried, self._scalar(end, upper, scalars)

    def _offset(self, value: SSAValue, offset: int) -> SSAValue:
        known = number_of(value)
        if known is not None:
            return self.constants.number(known + offset)
        return emit1(self.block, arith.AddiOp, (value, self.constants.number(offset)), INDEX)

    # ----------------------------------------------------------------------------- loops

    def _repeat(
        self, lower: SSAValue, upper: SSAValue, trips: int | None, carried: list[SSAValue]
    ) -> list[SSAValue]:
        """Unmasked vectors from `lower` to `upper`, all copies an iteration."""
        if trips == 1:
            return self._body_at(lower, 0, self.copies, carried, None)
        return self._loop(lower, upper, self.copies, carried, masked=False)

    def _loop(
        self, lower: SSAValue, upper: SSAValue, copies: int, carried: list[SSAValue], masked: bool
    ) -> list[SSAValue]:
        own = self._chosen(carried, 0, copies)
        block = Block(arg_types=[INDEX, *(v.type for v in own)])
        index = block.args[0]
        index.name_hint = self.loop.body.block.args[0].name_hint
        mask = None
        if masked:
            left = emit1(block, arith.SubiOp, (upper, index), INDEX)
            mask = emit1(block, vector.CreateMaskOp, (left,), vector_type(I1, self.width))
            mask.name_hint = "mask"
        results = self._body(block, index, copies, list(block.args[1:]), mask)
        emit(block, scf.YieldOp, results)
        step = self.constants.number(self.width * copies)
        return self._with(carried, 0, copies, self._for((lower, upper, step), own, block))

    def _for(self, bounds, init: list[SSAValue], block: Block) -> list[SSAValue]:
        types = tuple(v.type for v in init)
        made = emit(self.block, scf.ForOp, (*bounds, *init), types, regions=(Region(block),))
        return list(made.results)

    def _body_at(
        self,
        index: SSAValue,
        first: int,
        copies: int,
        carried: list[SSAValue],
        mask: SSAValue | None,
    ) -> list[SSAValue]:
        """The body once, outside of a loop, with the accumulators from copy `first` on."""
        own = self._chosen(carried, first, copies)
        return self._with(carried, first, copies, self._body(self.block, index, copies, own, mask))

    def _chosen(self, carried: list[SSAValue], first: int, copies: int) -> list[SSAValue]:
        """Those of copies `first` to `first + copies`, for each reduction."""
        if copies == self.copies:
            return carried
        starts = range(first, len(carried), self.copies)
        return [v for start in starts for v in carried[start : start + copies]]

    def _with(
        self, carried: list[SSAValue], first: int, copies: int, new: list[SSAValue]
    ) -> list[SSAValue]:
        """`carried` with those that `_chosen` takes replaced."""
        if copies == self.copies:
            return new
        carried = list(carried)
        for i, start in enumerate(range(first, len(carried), self.copies)):
            carried[start : start + copies] = new[i * copies : (i + 1) * copies]
        return carried

    def _body(
        self,
        block: Block,
        index: SSAValue,
        copies: int,
        carried: list[SSAValue],
        mask: SSAValue | None,
    ) -> list[SSAValue]:
        """The body once, for `copies` vectors from `index` on; the accumulators after it."""
        widening = Widening(self.preheader, self.width, copies, mask, block)
        for before, after in self.environment.items():
            widening.values[before] = Lanes(UNIFORM, [after])
        starts = [index]
        for copy in range(1, copies):
            offset = self.constants.number(copy * self.width)
            starts.append(emit1(block, arith.AddiOp, (index, offset), INDEX))
        old = self.loop.body.block
        widening.bind_linear(old.args[0], starts)
        for i, argument in enumerate(old.args[1:]):
            widening.bind_vectors(argument, carried[i * copies : (i + 1) * copies])
        terminator = widening.body(old)
        results: list[SSAValue] = [v for o in terminator.operands for v in widening.vectors(o)]
        if mask is not None:
            results = [
                emit1(block, arith.SelectOp, (mask, new, old_value), new.type)
                for new, old_value in zip(results, carried)
            ]
        return results

    def _scalar(self, lower: SSAValue, upper: SSAValue, init: list[SSAValue]) -> list[SSAValue]:
        """The rest by the loop as it was."""
        old = self.loop
        copy = old.clone(dict(self.environment))
        made = emit(
            self.block,
            scf.ForOp,
            (lower, upper, old.step, *init),
            tuple(v.type for v in init),
            regions=(copy.detach_region(copy.body),),
        )
        copy.erase()
        return list(made.results)


def round_down(
    block: Block, constants: Constants, lower: SSAValue, upper: SSAValue, step: int
) -> SSAValue:
    """The end of as many whole steps from `lower` as `upper` allows."""
    extent = upper
    if number_of(lower) != 0:
        extent = emit1(block, arith.SubiOp, (upper, lower), INDEX)
        extent = emit1(block, arith.MaxSIOp, (extent, constants.number(0)), INDEX)
    rest = emit1(block, arith.RemUIOp, (extent, constants.number(step)), INDEX)
    whole = emit1(block, arith.SubiOp, (extent, rest), INDEX)
    return whole if extent is upper else emit1(block, arith.AddiOp, (lower, whole), INDEX)


# ----------------------------------------------------------------------------- questions


def positive_mark(loop: scf.ForOp, name: str) -> int:
    value = loop.attributes.get(name)
    if value is None and name == UNROLL:
        return 1
    if not isinstance(value, IntegerAttr) or value.value.data < 1:
        raise PassFailedException(f"vectorize: {name} must be a positive integer, got {value}")
    return value.value.data


def combiner(loop: scf.ForOp, index: int) -> Operation:
    """The op that makes iter_arg `index` a reduction."""
    block = loop.body.block
    terminator = block.last_op
    assert terminator is not None
    op, accumulator = terminator.operands[index].owner, block.args[index + 1]
    if not isinstance(op, Operation) or type(op) not in NEUTRAL or accumulator not in op.operands:
        found = f"'{op.name}'" if isinstance(op, Operation) else "a value passed through"
        raise PassFailedException(
            "vectorize: an iter_arg of a vectorized loop must be combined with the next value by "
            f"an associative op of arith, got {found}"
        )
    return op


def peels_tail(loop: scf.ForOp, target: TargetSpec) -> bool:
    """Whether the last iterations stay scalar, for want of masked loads and stores."""
    return not target.masks and any(
        ELEMENT_BITS[m.element_type] < MASKED_BITS for m in _memory(loop)
    )


def _memory(loop: scf.ForOp) -> list[MemRefType]:
    return [
        operand.type
        for op in loop.walk()
        if isinstance(op, memref.LoadOp | memref.StoreOp)
        for operand in op.operands
        if isinstance(operand.type, MemRefType)
    ]


def _divisor(value: SSAValue) -> int:
    """A number that divides `value`; 0 for 0."""
    owner = value.owner
    known = number_of(value)
    if known is not None:
        return abs(known)
    if isinstance(owner, arith.MuliOp):
        return _divisor(owner.lhs) * _divisor(owner.rhs)
    if isinstance(owner, arith.AddiOp | arith.SubiOp | arith.MinUIOp | arith.MaxUIOp):
        return gcd(_divisor(owner.lhs), _divisor(owner.rhs))
    if isinstance(owner, arith.MinSIOp | arith.MaxSIOp):
        return gcd(_divisor(owner.lhs), _divisor(owner.rhs))
    # The index of a loop is a multiple of what divides its start and its step.
    if isinstance(owner, Block) and value is owner.args[0]:
        loop = owner.parent_op()
        if isinstance(loop, scf.ForOp):
            return gcd(_divisor(loop.lb), _divisor(loop.step))
    return 1
