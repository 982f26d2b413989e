"""What one step of a scan does: the values that it carries, and how an element changes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from xdsl.dialects import math
from xdsl.ir import Attribute, SSAValue

from fxlower.dialects import arith, fxt
from fxlower.dialects.build import BF16, F16, F32, F64, I64, is_float
from fxlower.passes.loop_builder import LoopBuilder, bits_of
from fxlower.passes.order_keys import OrderKeys, compare

_NO_FASTMATH = {"fastmath": arith.FastMathFlagsAttr("none")}

_WIDER: dict[Attribute, Attribute] = {F16: F32, BF16: F32, F32: F64}


class ScanStep(ABC):
    """A kind of scan over `element`."""

    carried: tuple[Attribute, ...]
    """Types of the values that are carried from element to element."""
    is_slow: bool = False
    """Whether a step takes longer than to bring lanes together from anywhere."""

    def __init__(self, element: Attribute):
        self.element = element

    @property
    def bits(self) -> int:
        return max(map(bits_of, self.carried))

    @abstractmethod
    def neutral(self, at: LoopBuilder) -> list[SSAValue]:
        """What is carried before the first element."""

    @abstractmethod
    def next(
        self, at: LoopBuilder, carried: Sequence[SSAValue], x: SSAValue, k: SSAValue
    ) -> list[SSAValue]:
        """What is carried after element `k`, which is `x`."""

    def result(self, at: LoopBuilder, carried: Sequence[SSAValue]) -> SSAValue:
        """What is stored for the last element."""
        return carried[0]


class Fold(ScanStep):
    """Carries one value, in the precision of eager mode: f32 in f64, f16 and bf16 in f32."""

    is_associative: bool = False
    """Whether `combine` may take any two values: then lanes may lie along the axis, and long rows
    fall into parts."""

    def __init__(self, element: Attribute):
        super().__init__(element)
        self.type = _WIDER.get(element, element)
        self.carried = (self.type,)

    def next(
        self, at: LoopBuilder, carried: Sequence[SSAValue], x: SSAValue, k: SSAValue
    ) -> list[SSAValue]:
        if self.type != self.element:
            x = at.op(arith.ExtFOp, (x,), self.type)
        return [self.combine(at, carried[0], x)]

    @abstractmethod
    def combine(self, at: LoopBuilder, a: SSAValue, b: SSAValue) -> SSAValue:
        """What two values, or one and an element, are together."""

    def result(self, at: LoopBuilder, carried: Sequence[SSAValue]) -> SSAValue:
        value = carried[0]
        if self.type != self.element:
            value = at.op(arith.TruncFOp, (value,), self.element)
        return value


class SumOrProduct(Fold):
    """Running sums and products."""

    is_associative = True

    def __init__(self, element: Attribute, is_sum: bool):
        super().__init__(element)
        self.is_sum = is_sum

    def neutral(self, at: LoopBuilder) -> list[SSAValue]:
        neutral = 0 if self.is_sum else 1
        return [at.constant(float(neutral) if is_float(self.type) else neutral, self.type)]

    def combine(self, at: LoopBuilder, a: SSAValue, b: SSAValue) -> SSAValue:
        if is_float(self.type):
            cls = arith.AddfOp if self.is_sum else arith.MulfOp
            return at.op(cls, (a, b), self.type, _NO_FASTMATH)
        return at.op(arith.AddiOp if self.is_sum else arith.MuliOp, (a, b), self.type)


class LogAddExp(Fold):
    """log(exp(a) + exp(b)), from the larger one: a + log(1 + exp(b - a))."""

    is_slow = True

    def neutral(self, at: LoopBuilder) -> list[SSAValue]:
        return [at.constant(float("-inf"), self.type)]

    def combine(self, at: LoopBuilder, a: SSAValue, b: SSAValue) -> SSAValue:
        most = at.op(arith.MaximumfOp, (a, b), self.type, _NO_FASTMATH)
        least = at.op(arith.MinimumfOp, (a, b), self.type, _NO_FASTMATH)
        distance = at.op(arith.SubfOp, (least, most), self.type, _NO_FASTMATH)
        power = at.op(math.ExpOp, (distance,), self.type, _NO_FASTMATH)
        more = at.op(math.Log1pOp, (power,), self.type, _NO_FASTMATH)
        total = at.op(arith.AddfOp, (most, more), self.type, _NO_FASTMATH)
        # Two infinities of one sign have no distance.
        size = at.op(math.AbsFOp, (most,), self.type, _NO_FASTMATH)
        infinite = compare(at, "oeq", size, at.constant(float("inf"), self.type))
        same = compare(at, "oeq", least, most)
        both = at.op(arith.AndIOp, (infinite, same), infinite.type)
        return at.op(arith.SelectOp, (both, most, total), self.type)


class Extremum(ScanStep):
    """The key of the extremum so far and its position. The smallest element comes with the largest
    key of descending order, in which NaN has the smallest: it is given the largest one."""

    def __init__(self, element: Attribute, largest: bool, unsigned: bool):
        super().__init__(element)
        self.largest = largest
        self.keys = OrderKeys(element, unsigned=unsigned, descending=not largest)
        self.carried = (self.keys.type, I64)

    def neutral(self, at: LoopBuilder) -> list[SSAValue]:
        type_ = self.keys.type
        return [at.constant(-(1 << (bits_of(type_) - 1)), type_), at.constant(0, I64)]

    def next(
        self, at: LoopBuilder, carried: Sequence[SSAValue], x: SSAValue, k: SSAValue
    ) -> list[SSAValue]:
        key = self.keys.of(at, x)
        if is_float(self.element) and not self.largest:
            value = at.op(arith.ExtFOp, (x,), F32) if self.element in (F16, BF16) else x
            nan = compare(at, "uno", value, value)
            most = at.constant((1 << (bits_of(self.keys.type) - 1)) - 1, self.keys.type)
            key = at.op(arith.SelectOp, (nan, most, key), self.keys.type)
        position = at.op(arith.IndexCastOp, (k,), I64)
        better = compare(at, "sge", key, carried[0])
        return [
            at.op(arith.SelectOp, (better, new, old), old.type)
            for new, old in zip((key, position), carried)
        ]

    def result(self, at: LoopBuilder, carried: Sequence[SSAValue]) -> SSAValue:
        return carried[1]


def step_of(scan: fxt.ScanOp, element: Attribute) -> ScanStep:
    match scan:
        case fxt.CumlogaddexpOp():
            return LogAddExp(element)
        case fxt.PositionScanOp():
            unsigned = "fxlower.unsigned" in scan.attributes
            return Extremum(element, isinstance(scan, fxt.CumargmaxOp), unsigned)
        case _:
            return SumOrProduct(element, isinstance(scan, fxt.CumsumOp))
