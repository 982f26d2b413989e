"""Scans along lanes: a marked loop whose running values are used, not only its last ones.

Before:

    %last = scf.for %k = %c0 to %c64 step %c1 iter_args(%sum = %zero) -> (f32) {
      %x = memref.load %a[%k]
      %s = arith.addf %sum, %x : f32
      memref.store %s, %out[%k]
      scf.yield %s : f32
    } {fxlower.vector = 4 : i64}

After:

    %last = scf.for %k = %c0 to %c64 step %c4 iter_args(%carry = %zeros) -> (vector<4xf32>) {
      %x = vector.load %a[%k]
      %x1 = vector.shuffle %x, %x [3, 0, 1, 2]           // x turned by one lane
      %s1 = arith.addf %x1, %x
      %p1 = arith.select %above1, %s1, %x                // sums of 2
      %x2 = vector.shuffle %p1, %p1 [2, 3, 0, 1]
      %s2 = arith.addf %x2, %p1
      %p = arith.select %above2, %s2, %p1                // sums from the first lane on
      %s = arith.addf %carry, %p
      vector.store %s, %out[%k]
      %total = vector.shuffle %p, %p [3, 3, 3, 3]
      %next = arith.addf %carry, %total                  // all that one vector waits for another
      scf.yield %next
    }
"""

from __future__ import annotations

from functools import cache

from xdsl.dialects import scf
from xdsl.dialects.builtin import DenseArrayBase, DenseIntOrFPElementsAttr, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, vector
from fxlower.dialects.build import I1, INDEX, emit, emit1, vector_type
from fxlower.passes.lane_reductions import combine, neutral_of
from fxlower.passes.lane_values import VARYING, Constants, Lanes, Preheader, extent_of
from fxlower.passes.loop_vectorizer import (
    UNROLL,
    VECTOR,
    combiner,
    peels_tail,
    positive_mark,
    round_down,
)
from fxlower.passes.widening import Widening
from fxlower.targets.spec import TargetSpec


def is_scan(loop: scf.ForOp) -> bool:
    """Whether running values of the marked loop are used in it."""
    if VECTOR not in loop.attributes:
        return False
    return any(
        use.operation is not loop.body.block.last_op
        for i in range(len(loop.iter_args))
        for use in combiner(loop, i).results[0].uses
    )


class ScanVectorizer:
    """Puts vector loops in `block` for a marked loop all of whose carried values are scanned."""

    def __init__(self, loop: scf.ForOp, block: Block, constants: Constants, target: TargetSpec):
        self.loop = loop
        self.block = block
        self.constants = constants
        self.width = positive_mark(loop, VECTOR)
        self.copies = positive_mark(loop, UNROLL)
        self.preheader = Preheader(block, constants)
        self.combiners = [combiner(loop, i) for i in range(len(loop.iter_args))]
        self.peels_tail = peels_tail(loop, target)
        for argument in loop.body.block.args[1:]:
            if len(list(argument.uses)) != 1:
                raise PassFailedException(
                    "vectorize: a value that a vectorized loop carries must be used by nothing "
                    "but the op that combines it with the next one"
                )

    def run(self) -> list[SSAValue]:
        """The values of the loop's results."""
        block, constants, width = self.block, self.constants, self.width
        position, upper = self.loop.lb, self.loop.ub
        extent, step = extent_of(position, upper), width * self.copies
        carried: list[SSAValue] = [
            emit1(block, vector.BroadcastOp, (v,), vector_type(v.type, width))
            for v in self.loop.iter_args
        ]
        if extent is None or extent >= step:
            whole = extent is not None and extent % step == 0
            end = upper if whole else round_down(block, constants, position, upper, step)
            carried = self._loop(position, end, self.copies, carried, masked=False)
            if whole:
                return [self._first(v) for v in carried]
            position = end
        if not self.peels_tail:
            carried = self._loop(position, upper, 1, carried, masked=True)
            return [self._first(v) for v in carried]
        end = round_down(block, constants, position, upper, width)
        carried = self._loop(position, end, 1, carried, masked=False)
        return self._scalar(end, upper, [self._first(v) for v in carried])

    def _first(self, carry: SSAValue) -> SSAValue:
        """The running value, which is in all lanes."""
        element = carry.type.element_type  # type: ignore[attr-defined]
        return emit1(self.block, vector.ExtractOp, (carry,), element, _position(0))

    def _loop(
        self, lower: SSAValue, upper: SSAValue, copies: int, carried: list[SSAValue], masked: bool
    ) -> list[SSAValue]:
        block = Block(arg_types=[INDEX, *(v.type for v in carried)])
        index, *running = block.args
        index.name_hint = self.loop.body.block.args[0].name_hint
        mask = None
        if masked:
            left = emit1(block, arith.SubiOp, (upper, index), INDEX)
            mask = emit1(block, vector.CreateMaskOp, (left,), vector_type(I1, self.width))
            mask.name_hint = "mask"
        widening = ScanWidening(self.preheader, self.width, copies, mask, block)
        old = self.loop.body.block
        starts: list[SSAValue] = [index]
        for copy in range(1, copies):
            offset = self.constants.number(copy * self.width)
            starts.append(emit1(block, arith.AddiOp, (index, offset), INDEX))
        widening.bind_linear(old.args[0], starts)
        widening.running = dict(zip(old.args[1:], running))
        widening.combiners = dict(zip(self.combiners, old.args[1:]))
        widening.body(old)
        emit(block, scf.YieldOp, [widening.running[argument] for argument in old.args[1:]])
        step = self.constants.number(self.width * copies)
        types = tuple(v.type for v in carried)
        operands = (lower, upper, step, *carried)
        made = emit(self.block, scf.ForOp, operands, types, regions=(Region(block),))
        return list(made.results)

    def _scalar(self, lower: SSAValue, upper: SSAValue, init: list[SSAValue]) -> list[SSAValue]:
        """The rest by the loop as it was."""
        copy = self.loop.clone()
        types = tuple(v.type for v in init)
        operands = (lower, upper, self.loop.step, *init)
        regions = (copy.detach_region(copy.body),)
        made = emit(self.block, scf.ForOp, operands, types, regions=regions)
        copy.erase()
        return list(made.results)


class ScanWidening(Widening):
    """The body of a loop with scans."""

    running: dict[SSAValue, SSAValue]
    """What the lanes before sum up to, in all lanes, for each value that the loop carries."""
    combiners: dict[Operation, SSAValue]

    def widen(self, op: Operation) -> None:
        carried = self.combiners.get(op)
        if carried is None:
            super().widen(op)
            return
        (value,) = [o for o in op.operands if o is not carried]
        found: list[SSAValue] = []
        neutral = self.constants.splat(neutral_of(op), value.type, self.width)
        for lanes in self.vectors(value):
            if self.mask is not None:
                operands = (self.mask, lanes, neutral)
                lanes = emit1(self.block, arith.SelectOp, operands, lanes.type)
            distance = 1
            while distance < self.width:
                # Not a shuffle with neutral lanes: LLVM makes slow `vexpand`s of those with 0.
                before = self._shuffle(lanes, lanes, _turned(self.width, distance))
                both = combine(self.block, op, before, lanes)
                above = self._above(distance)
                lanes = emit1(self.block, arith.SelectOp, (above, both, lanes), lanes.type)
                distance *= 2
            total = self._shuffle(lanes, lanes, (self.width - 1,) * self.width)
            found.append(combine(self.block, op, self.running[carried], lanes))
            self.running[carried] = combine(self.block, op, self.running[carried], total)
        self.values[op.results[0]] = Lanes(VARYING, found)

    def _above(self, distance: int) -> SSAValue:
        """True in the lanes from `distance` on."""
        type_ = vector_type(I1, self.width)
        lanes = [int(lane >= distance) for lane in range(self.width)]
        return self.constants.get(DenseIntOrFPElementsAttr.from_list(type_, lanes), type_)

    def _shuffle(self, a: SSAValue, b: SSAValue, mask: tuple[int, ...]) -> SSAValue:
        return emit1(self.block, vector.ShuffleOp, (a, b), a.type, _mask(mask))


def _turned(width: int, distance: int) -> tuple[int, ...]:
    """All lanes up by `distance`, the last ones coming in below."""
    return tuple((lane - distance) % width for lane in range(width))


@cache
def _mask(mask: tuple[int, ...]) -> dict[str, Attribute]:
    return {"mask": DenseArrayBase.from_list(i64, mask)}


def _position(lane: int) -> dict[str, Attribute]:
    return {"static_position": DenseArrayBase.from_list(i64, [lane])}
