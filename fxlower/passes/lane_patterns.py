"""Indices whose lanes repeat: divisions of linear ones, as in `%x[%i / 2]`.

    %h = arith.divsi %i, %c2                  %h = arith.divsi %i, %c2     (of lane 0)
    %v = memref.load %x[%h]            =>     %x0 = vector.load %x[%h] : vector<8xf32>
                                              %v = vector.shuffle %x0, %x0 [0, 0, 1, 1, ...]

A *pattern* is a scalar, that of lane 0, and a constant for each lane that is added to it. Sums and
differences of patterns are patterns. Where the last index of a load is one whose lanes cover a few
elements in order, these are loaded and shuffled, which is no gather.
"""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, MemRefType, VectorType
from xdsl.dialects.builtin import i64 as I64_ELEMENT
from xdsl.ir import Operation, SSAValue

from fxlower.dialects import arith, vector
from fxlower.dialects.build import I1, INDEX, emit1, vector_type
from fxlower.passes.lane_memory import LaneMemory, element_strides
from fxlower.passes.lane_values import LINEAR, PATTERN, UNIFORM, VARYING, Lanes

_CASTS = (arith.IndexCastOp, arith.IndexCastUIOp)


class LanePatterns(LaneMemory):
    """Widens divisions of indices, and loads at what they give."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self.multiples: dict[SSAValue, int] = {}
        """Of indices of loops: a number that divides them."""

    def offsets(self, lanes: Lanes) -> tuple[int, ...]:
        """What is added to the scalar in each lane."""
        if lanes.kind == PATTERN:
            return lanes.offsets
        step = lanes.step if lanes.kind == LINEAR else 0
        return tuple(step * i for i in range(self.width))

    def bind_pattern(
        self, value: SSAValue, parts: list[SSAValue], offsets: tuple[int, ...]
    ) -> None:
        self.values[value] = Lanes(PATTERN, parts, offsets=offsets)
        for part in parts:
            self.depths[part] = len(self.blocks) - 1

    # ------------------------------------------------------------------------ arithmetic

    def pattern_arithmetic(self, op: Operation) -> bool:
        """Whether `op` is a sum, difference or multiple of patterns, and has been emitted."""
        a, b = (self.lanes(o) for o in op.operands)
        if PATTERN not in (a.kind, b.kind) or VARYING in (a.kind, b.kind):
            return False
        x, y = self.offsets(a), self.offsets(b)
        match op:
            case arith.AddiOp():
                offsets = tuple(m + n for m, n in zip(x, y))
            case arith.SubiOp():
                offsets = tuple(m - n for m, n in zip(x, y))
            case _:
                pattern, factor = (x, b) if a.kind == PATTERN else (y, a)
                number = constant_of(factor.parts[0]) if factor.kind == UNIFORM else None
                if number is None:
                    return False
                offsets = tuple(n * number for n in pattern)
        pairs = zip(self._each(a), self._each(b))
        type_ = op.results[0].type
        made: list[SSAValue] = [emit1(self.block, type(op), p, type_, op.properties) for p in pairs]
        self.bind_pattern(op.results[0], made, offsets)
        return True

    def _each(self, lanes: Lanes) -> list[SSAValue]:
        return lanes.parts * (self.copies if lanes.kind == UNIFORM else 1)

    def division(self, op: Operation) -> bool:
        """Whether `op` is `linear / constant` with the same pattern in all copies, and has been
        emitted: the remainder of lane 0 must be known, and the quotient not negative."""
        a, b = (self.lanes(o) for o in op.operands)
        divisor = constant_of(b.parts[0]) if b.kind == UNIFORM else None
        if a.kind != LINEAR or a.step != 1 or divisor is None or divisor < 2:
            return False
        rests = {self._remainder(part, divisor) for part in a.parts}
        rest = rests.pop()
        if rests or rest is None or not all(map(self._is_nonnegative, a.parts)):
            return False
        type_ = op.results[0].type
        divisors = self._each(b)
        made: list[SSAValue] = [
            emit1(self.block, type(op), p, type_, op.properties) for p in zip(a.parts, divisors)
        ]
        offsets = tuple((rest + lane) // divisor for lane in range(self.width))
        self.bind_pattern(op.results[0], made, offsets)
        return True

    def _remainder(self, value: SSAValue, divisor: int) -> int | None:
        """`value % divisor`, where it is known."""
        number = constant_of(value)
        if number is not None:
            return number % divisor
        known = self.multiples.get(value)
        if known is not None:
            return 0 if known % divisor == 0 else None
        op = value.owner
        if isinstance(op, _CASTS):
            return self._remainder(op.operands[0], divisor)
        if isinstance(op, arith.AddiOp | arith.SubiOp):
            a, b = (self._remainder(o, divisor) for o in op.operands)
            if a is None or b is None:
                return None
            return (a + b if isinstance(op, arith.AddiOp) else a - b) % divisor
        return None

    def _is_nonnegative(self, value: SSAValue) -> bool:
        number = constant_of(value)
        if number is not None:
            return number >= 0
        if value in self.multiples:  # loops count from 0, or from what does
            return True
        op = value.owner
        if isinstance(op, _CASTS):
            return self._is_nonnegative(op.operands[0])
        return isinstance(op, arith.AddiOp) and all(map(self._is_nonnegative, op.operands))

    # ----------------------------------------------------------------------------- loads

    def load(self, op: Operation) -> None:
        source, *indices = op.operands
        *rows, last = [self.lanes(i) for i in indices] or [Lanes(UNIFORM, [])]
        if (
            last.kind != PATTERN
            or any(r.kind != UNIFORM for r in rows)
            or element_strides(source)[-1] != 1
            or not _covers_in_order(last.offsets)
        ):
            super().load(op)
            return
        result = op.results[0]
        prefix = [r.parts[0] for r in rows]
        parts = [self._spread(source, [*prefix, part], last.offsets) for part in last.parts]
        for part in parts:
            part.name_hint = result.name_hint
        self.values[result] = Lanes(VARYING, parts)

    def _spread(
        self, source: SSAValue, indices: list[SSAValue], offsets: tuple[int, ...]
    ) -> SSAValue:
        """The elements from `indices` on that the lanes cover, each in its lanes."""
        count = offsets[-1] + 1
        type_ = source.type
        assert isinstance(type_, MemRefType)
        if self.mask is not None:
            lanes = 1 << (count - 1).bit_length()
            part = vector_type(type_.element_type, lanes)
            zero = self.constants.splat(0, type_.element_type, lanes)
            operands = (source, *indices, self._mask_of(offsets, lanes), zero)
            first = second = emit1(self.block, vector.MaskedLoadOp, operands, part)
            positions = list(offsets)
        else:
            # Two loads that overlap end exactly where the lanes do.
            lanes = 1 << (count.bit_length() - 1)
            part = vector_type(type_.element_type, lanes)
            first = second = emit1(self.block, vector.LoadOp, (source, *indices), part)
            skipped = count - lanes
            if skipped:
                *rows, last = indices
                end = emit1(self.block, arith.AddiOp, (last, self.constants.number(skipped)), INDEX)
                second = emit1(self.block, vector.LoadOp, (source, *rows, end), part)
            positions = [n if n < lanes else n - skipped + lanes for n in offsets]
        spread = {"mask": DenseArrayBase.from_list(I64_ELEMENT, positions)}
        wide = vector_type(type_.element_type, self.width)
        return emit1(self.block, vector.ShuffleOp, (first, second), wide, spread)

    def _mask_of(self, offsets: tuple[int, ...], lanes: int) -> SSAValue:
        """The elements that lanes under the mask need."""
        assert self.mask is not None
        assert isinstance(self.mask.type, VectorType)
        owner = self.mask.owner
        if isinstance(owner, vector.ConstantMaskOp):
            inside = owner.mask_dim_sizes.get_values()[0]
            return self.constants.mask(offsets[inside - 1] + 1, lanes)
        # Lanes that begin an element, of those that are inside, gathered at the front: as the
        # offsets grow by at most 1, that is a mask of the first elements.
        starts = [i for i, n in enumerate(offsets) if i == 0 or n != offsets[i - 1]]
        starts += [self.width] * (lanes - len(starts))  # a lane of `none`
        none = self.constants.mask(0, self.width)
        shuffle = {"mask": DenseArrayBase.from_list(I64_ELEMENT, starts)}
        operands = (self.mask, none)
        return emit1(self.block, vector.ShuffleOp, operands, vector_type(I1, lanes), shuffle)


def _covers_in_order(offsets: tuple[int, ...]) -> bool:
    """Whether lanes begin at offset 0 and go on by 0 or 1 each."""
    return offsets[0] == 0 and all(b - a in (0, 1) for a, b in zip(offsets, offsets[1:]))


def constant_of(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None
