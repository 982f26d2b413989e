"""`vectorize`: scalar loops that carry `fxlower.vector` become loops over vectors.

Before:

    %s = scf.for %j = %c0 to %n step %c1 iter_args(%acc = %zero) -> (f32) {
      %v = memref.load %x[%j] : memref<?xf32>
      %next = arith.addf %v, %acc : f32
      scf.yield %next : f32
    } {fxlower.vector = 16 : i64, fxlower.unroll = 1 : i64}

After:

    %rest = arith.remui %n, %c16 : index
    %end = arith.subi %n, %rest : index
    %main = scf.for %j = %c0 to %end step %c16 iter_args(%acc = %zeros) -> (vector<16xf32>) {
      %v = vector.load %x[%j] : memref<?xf32>, vector<16xf32>
      %next = arith.addf %v, %acc : vector<16xf32>
      scf.yield %next : vector<16xf32>
    }
    %tail = scf.for %j = %end to %n step %c16 iter_args(%acc = %main) -> (vector<16xf32>) {
      %left = arith.subi %n, %j : index
      %mask = vector.create_mask %left : vector<16xi1>
      %v = vector.maskedload %x[%j], %mask, %zeros : ...
      %sum = arith.addf %v, %acc : vector<16xf32>
      %next = arith.select %mask, %sum, %acc : vector<16xi1>, vector<16xf32>
      scf.yield %next : vector<16xf32>
    }
    %s = vector.reduction <add>, %tail fastmath<reassoc> : vector<16xf32> into f32

With `fxlower.unroll = U` the main loop takes U vectors an iteration, with as many accumulators;
what is left runs a vector at a time. Nothing is made for remainders that cannot occur.

Needs loops as docs/design.md, section 5, describes them: step 1, iterations independent but for
`iter_args` that an associative op combines. Leaves no `fxlower.vector`; loops without it stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from xdsl.context import Context
from xdsl.dialects import memref, scf
from xdsl.dialects.arith import FastMathFlagsAttr
from xdsl.dialects.builtin import IntegerAttr, IntegerType, MemRefType, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.dialects.utils import FastMathFlag
from xdsl.dialects.vector import CombiningKindAttr, CombiningKindFlag
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import arith, vector
from fxlower.dialects.build import ELEMENT_BITS, I1, INDEX, emit, emit1, vector_type
from fxlower.passes.lane_values import Constants, Preheader, extent_of, number_of
from fxlower.passes.target import target_of
from fxlower.passes.widening import Widening
from fxlower.targets.spec import TargetSpec

MASKED_BITS = 32
"""Targets without masks have masked loads and stores of elements from this width on (vmaskmov)."""


def _lowest(type_: Attribute) -> int:
    assert isinstance(type_, IntegerType)
    return -1 << (type_.width.data - 1)


_NEUTRAL = {
    arith.AddfOp: lambda t: 0.0,
    arith.MulfOp: lambda t: 1.0,
    arith.MaximumfOp: lambda t: float("-inf"),
    arith.MinimumfOp: lambda t: float("inf"),
    arith.AddiOp: lambda t: 0,
    arith.MuliOp: lambda t: 1,
    arith.MaxSIOp: _lowest,
    arith.MinSIOp: lambda t: -1 - _lowest(t),
    arith.MaxUIOp: lambda t: 0,
    arith.MinUIOp: lambda t: -1,
    arith.OrIOp: lambda t: 0,
    arith.AndIOp: lambda t: -1,
    arith.XOrIOp: lambda t: 0,
}

_KINDS = {
    cls: CombiningKindAttr(CombiningKindFlag(kind))
    for cls, kind in {
        arith.AddfOp: "add",
        arith.MulfOp: "mul",
        arith.MaximumfOp: "maximumf",
        arith.MinimumfOp: "minimumf",
        arith.AddiOp: "add",
        arith.MuliOp: "mul",
        arith.MaxSIOp: "maxsi",
        arith.MinSIOp: "minsi",
        arith.MaxUIOp: "maxui",
        arith.MinUIOp: "minui",
        arith.OrIOp: "or",
        arith.AndIOp: "and",
        arith.XOrIOp: "xor",
    }.items()
}

_NO_FASTMATH = FastMathFlagsAttr("none")
_REASSOCIATE = FastMathFlagsAttr([FastMathFlag.REASSOC])


class LoopVectorizer:
    """Replaces one marked loop by code appended to `block`."""

    def __init__(self, loop: scf.ForOp, block: Block, constants: Constants, target: TargetSpec):
        self.loop = loop
        self.block = block
        self.constants = constants
        self.width = _mark(loop, "fxlower.vector")
        self.copies = _mark(loop, "fxlower.unroll")
        self.preheader = Preheader(block, constants, target.masks)
        self.combiners = [_combiner(loop, i) for i in range(len(loop.iter_args))]
        self.peels_tail = not target.masks and any(
            ELEMENT_BITS[m.element_type] < MASKED_BITS for m in _memory(loop)
        )
        if number_of(loop.step) != 1:
            raise PassFailedException("vectorize: a loop with fxlower.vector must have step 1")

    def run(self) -> list[SSAValue]:
        """The values of the loop's results."""
        lower, upper = self.loop.lb, self.loop.ub
        extent = extent_of(lower, upper)
        if extent is not None:
            return self._static(lower, max(extent, 0))
        return self._dynamic(lower, upper)

    # ------------------------------------------------------------------ splitting

    def _static(self, lower: SSAValue, extent: int) -> list[SSAValue]:
        width, step = self.width, self.width * self.copies
        carried = self._neutral(self.copies)
        main, rest = extent // step, extent % step
        position = lower
        if main:
            end = self._offset(lower, main * step)
            carried = self._repeat(position, end, main, self.copies, carried)
            position = end
        carried = self._combine(carried, self.copies if main else 1)
        vectors, tail = divmod(rest, width)
        if vectors and (not tail or self.peels_tail):
            end = self._offset(position, vectors * width)
            carried = self._repeat(position, end, vectors, 1, carried)
            position, vectors = end, 0
        if tail and self.peels_tail:
            return self._scalar(position, self._offset(position, tail), self._reduce(carried))
        if tail and not vectors:
            mask = self.constants.mask(tail, width)
            carried = self._body(self.block, position, 1, carried, mask, tail)
        elif tail:
            end = self._offset(position, rest)
            carried = self._masked(position, end, carried)
        return self._reduce(carried)

    def _dynamic(self, lower: SSAValue, upper: SSAValue) -> list[SSAValue]:
        width, step = self.width, self.width * self.copies
        divisor = gcd(_divisor(lower), _divisor(upper))
        carried = self._neutral(self.copies)
        if divisor % step == 0:
            carried = self._repeat(lower, upper, None, self.copies, carried)
            return self._reduce(self._combine(carried, self.copies))
        end = self._round_down(lower, upper, step)
        carried = self._repeat(lower, end, None, self.copies, carried)
        carried = self._combine(carried, self.copies)
        if divisor % width == 0:
            return self._reduce(self._repeat(end, upper, None, 1, carried))
        if not self.peels_tail:
            return self._reduce(self._masked(end, upper, carried))
        if self.copies > 1:
            start, end = end, self._round_down(end, upper, width)
            carried = self._repeat(start, end, None, 1, carried)
        return self._scalar(end, upper, self._reduce(carried))

    def _offset(self, value: SSAValue, offset: int) -> SSAValue:
        known = number_of(value)
        if known is not None:
            return self.constants.number(known + offset)
        return emit1(self.block, arith.AddiOp, (value, self.constants.number(offset)), INDEX)

    def _round_down(self, lower: SSAValue, upper: SSAValue, step: int) -> SSAValue:
        """The end of as many whole steps from `lower` as `upper` allows."""
        block, extent = self.block, upper
        if number_of(lower) != 0:
            extent = emit1(block, arith.SubiOp, (upper, lower), INDEX)
            extent = emit1(block, arith.MaxSIOp, (extent, self.constants.number(0)), INDEX)
        rest = emit1(block, arith.RemUIOp, (extent, self.constants.number(step)), INDEX)
        whole = emit1(block, arith.SubiOp, (extent, rest), INDEX)
        return whole if extent is upper else emit1(block, arith.AddiOp, (lower, whole), INDEX)

    # ---------------------------------------------------------------------- loops

    def _repeat(
        self,
        lower: SSAValue,
        upper: SSAValue,
        trips: int | None,
        copies: int,
        carried: list[SSAValue],
    ) -> list[SSAValue]:
        """Unmasked vectors from `lower` to `upper`, `copies` an iteration."""
        if trips == 1:
            return self._body(self.block, lower, copies, carried, None)
        return self._loop(lower, upper, copies, carried, masked=False)

    def _masked(self, lower: SSAValue, upper: SSAValue, carried: list[SSAValue]) -> list[SSAValue]:
        """What is left, a vector at a time, all masked; the last one needs it."""
        return self._loop(lower, upper, 1, carried, masked=True)

    def _loop(
        self, lower: SSAValue, upper: SSAValue, copies: int, carried: list[SSAValue], masked: bool
    ) -> list[SSAValue]:
        block = Block(arg_types=[INDEX, *(v.type for v in carried)])
        index = block.args[0]
        index.name_hint = self.loop.body.block.args[0].name_hint
        mask = left = None
        if masked:
            left = emit1(block, arith.SubiOp, (upper, index), INDEX)
            mask = emit1(block, vector.CreateMaskOp, (left,), vector_type(I1, self.width))
            mask.name_hint = "mask"
        results = self._body(block, index, copies, list(block.args[1:]), mask, left)
        emit(block, scf.YieldOp, results)
        step = self.constants.number(self.width * copies)
        made = emit(
            self.block,
            scf.ForOp,
            (lower, upper, step, *carried),
            tuple(v.type for v in carried),
            regions=(Region(block),),
        )
        return list(made.results)

    def _body(
        self,
        block: Block,
        index: SSAValue,
        copies: int,
        carried: list[SSAValue],
        mask: SSAValue | None,
        left: SSAValue | int | None = None,
    ) -> list[SSAValue]:
        """The body once, for `copies` vectors from `index` on; the accumulators after it."""
        widening = Widening(self.preheader, self.width, copies, mask, block, left)
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

    # ----------------------------------------------------------------- reductions

    def _neutral(self, copies: int) -> list[SSAValue]:
        return [
            self.constants.splat(_NEUTRAL[type(op)](op.results[0].type), init.type, self.width)
            for op, init in zip(self.combiners, self.loop.iter_args)
            for _ in range(copies)
        ]

    def _combine(self, carried: list[SSAValue], copies: int) -> list[SSAValue]:
        """One accumulator for each reduction, of `copies`."""
        results: list[SSAValue] = []
        for i, op in enumerate(self.combiners):
            parts = carried[i * copies : (i + 1) * copies]
            while len(parts) > 1:
                pairs = zip(parts[::2], parts[1::2])
                odd = parts[-1:] if len(parts) % 2 else []
                parts = [
                    emit1(self.block, type(op), pair, pair[0].type, op.properties) for pair in pairs
                ] + odd
            results += parts
        return results

    def _reduce(self, carried: list[SSAValue]) -> list[SSAValue]:
        """All lanes of each accumulator, combined with the initial value of the loop."""
        results: list[SSAValue] = []
        for op, lanes, init in zip(self.combiners, carried, self.loop.iter_args):
            fast = isinstance(op, arith.AddfOp | arith.MulfOp)
            properties = {
                "kind": _KINDS[type(op)],
                "fastmath": _REASSOCIATE if fast else _NO_FASTMATH,
            }
            value = emit1(self.block, vector.ReductionOp, (lanes,), init.type, properties)
            if not self._is_neutral(op, init):
                value = emit1(self.block, type(op), (init, value), init.type, op.properties)
            results.append(value)
        return results

    def _is_neutral(self, op: Operation, init: SSAValue) -> bool:
        owner = init.owner
        if not isinstance(owner, arith.ConstantOp):
            return False
        value = owner.properties["value"]
        return value.value.data == _NEUTRAL[type(op)](init.type)  # type: ignore[attr-defined]

    def _scalar(self, lower: SSAValue, upper: SSAValue, init: list[SSAValue]) -> list[SSAValue]:
        """The rest by the loop as it was."""
        old = self.loop
        copy = old.clone()
        made = emit(
            self.block,
            scf.ForOp,
            (lower, upper, old.step, *init),
            tuple(v.type for v in init),
            regions=(copy.detach_region(copy.body),),
        )
        copy.erase()
        return list(made.results)


# ------------------------------------------------------------------------- questions


def _mark(loop: scf.ForOp, name: str) -> int:
    value = loop.attributes.get(name)
    if value is None and name == "fxlower.unroll":
        return 1
    if not isinstance(value, IntegerAttr) or value.value.data < 1:
        raise PassFailedException(f"vectorize: {name} must be a positive integer, got {value}")
    return value.value.data


def _combiner(loop: scf.ForOp, index: int) -> Operation:
    """The op that makes iter_arg `index` a reduction."""
    block = loop.body.block
    terminator = block.last_op
    assert terminator is not None
    op, accumulator = terminator.operands[index].owner, block.args[index + 1]
    if not isinstance(op, Operation) or type(op) not in _NEUTRAL or accumulator not in op.operands:
        found = f"'{op.name}'" if isinstance(op, Operation) else "a value passed through"
        raise PassFailedException(
            "vectorize: an iter_arg of a vectorized loop must be combined with the next value by "
            f"an associative op of arith, got {found}"
        )
    return op


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
    number = number_of(value)
    if number is not None:
        return abs(number)
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


# ------------------------------------------------------------------------------ pass


def _vectorize_block(block: Block, constants: Constants, target: TargetSpec) -> None:
    ops = list(block.ops)
    first = next((i for i, op in enumerate(ops) if "fxlower.vector" in op.attributes), len(ops))
    for op in ops[:first]:
        for region in op.regions:
            for inner in region.blocks:
                _vectorize_block(inner, constants, target)
    for op in ops[first:]:
        op.detach()
    for op in ops[first:]:
        if "fxlower.vector" not in op.attributes:
            block.add_op(op)
            for region in op.regions:
                for inner in region.blocks:
                    _vectorize_block(inner, constants, target)
            continue
        if not isinstance(op, scf.ForOp):
            raise PassFailedException(f"vectorize: fxlower.vector on '{op.name}', not on scf.for")
        for old, new in zip(op.results, LoopVectorizer(op, block, constants, target).run()):
            old.replace_all_uses_with(new)
            new.name_hint = new.name_hint or old.name_hint
        op.erase()


def vectorize_function(function: FuncOp, target: TargetSpec) -> None:
    """Widen every marked loop of `function`."""
    constants = Constants()
    for block in function.body.blocks:
        _vectorize_block(block, constants, target)
    made = list(constants.block.ops)
    if not made:
        return
    entry = function.body.blocks[0]
    for op in made:
        op.detach()
    if entry.first_op is None:
        entry.add_ops(made)
    else:
        entry.insert_ops_before(made, entry.first_op)


@dataclass(frozen=True)
class VectorizePass(ModulePass):
    """Widen loops that carry `fxlower.vector`."""

    name = "vectorize"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                vectorize_function(function, target)
