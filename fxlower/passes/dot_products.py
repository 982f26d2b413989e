"""Lowering of `tile.mma` on panels in groups to dot product instructions.

%b0 = vector.load %panel[%q, %k, %c0] : memref<1x384x64xbf16>, vector<32xbf16>
%x = vector.load %a[%p, %k, %c0, %c0] : memref<10x384x14x2xbf16>, vector<2xbf16>
%word = vector.bitcast %x : vector<2xbf16> to vector<1xi32>
%words = vector.broadcast %word : vector<1xi32> to vector<16xi32>
%x0 = vector.bitcast %words : vector<16xi32> to vector<32xbf16>
%s0 = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%acc0, %x0, %b0)
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerType, MemRefType, StringAttr, VectorType
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.panels import find_dot_product
from fxlower.dialects import arith, llvm, tile, vector
from fxlower.dialects.build import DYNAMIC, vector_type
from fxlower.passes.lane_memory import element_strides, offset_of
from fxlower.passes.loop_builder import Index, LoopBuilder, bits_of, folded
from fxlower.passes.pack_lowering import UNBOUNDED
from fxlower.passes.to_llvm.builder import segments
from fxlower.targets.spec import TargetSpec


def group_of(panels: SSAValue) -> int:
    """Steps of depth that lie together in a panel."""
    assert isinstance(panels.type, MemRefType)
    shape = panels.type.get_shape()
    return shape[3] if len(shape) == 4 else 1


def flat_panels(at: LoopBuilder, panels: SSAValue) -> SSAValue:
    """Packed panels with the groups of all lanes as one dim, which vectors run along."""
    type_ = panels.type
    assert isinstance(type_, MemRefType)
    sizes = type_.get_shape()
    offset, offsets = offset_of(panels)
    strides = element_strides(panels)
    # A size that is not in the type is not needed either: loads and stores do not ask for it.
    count, depth = (at.value(UNBOUNDED) if size == DYNAMIC else size for size in sizes[:2])
    return at.view(
        panels,
        offsets[0] if offsets else offset,
        (count, depth, sizes[2] * sizes[3]),
        (strides[0], strides[1], 1),
    )


class DotProductLowering:
    """One `tile.mma`, for vectors of the type `vector` in its accumulators."""

    def __init__(self, op: tile.MmaOp, vector: VectorType, target: TargetSpec):
        a, b = op.a.type, op.b.type
        assert isinstance(a, MemRefType) and isinstance(b, MemRefType)
        self.group = group_of(op.a)
        self.vector = vector
        self.lanes = vector.get_shape()[0]
        self.a_element, self.b_element = a.element_type, b.element_type
        found = find_dot_product(
            target,
            (self.a_element, op.a_unsigned is not None),
            (self.b_element, op.b_unsigned is not None),
            vector.element_type,
            self.group,
        )
        if found is None:
            raise PassFailedException(
                f"convert-tile-to-vector: target '{target.name}' has no dot product of {a} and {b} "
                f"into {vector.element_type}; pack for the instructions it has"
            )
        self.dot, self.swapped = found

    def emit(
        self,
        at: LoopBuilder,
        a: tuple[SSAValue, SSAValue, SSAValue],
        b: tuple[SSAValue, SSAValue, SSAValue],
        depth: SSAValue,
        shape: tuple[int, int],
        sums: Sequence[SSAValue],
    ) -> Sequence[SSAValue]:
        """The accumulators after the products of `a` and `b`: memory, panel and first group."""
        (rows, p, first_a), (columns, q, first_b) = a, b
        columns = flat_panels(at, columns)
        row_count, vectors = shape
        step_lanes = self.lanes * self.group
        b_type = vector_type(self.b_element, step_lanes)

        def step(inner: LoopBuilder, k: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
            a_k, b_k = (inner.value(inner.add(folded(x), k)) for x in (first_a, first_b))
            loaded = [
                inner.op(vector.LoadOp, (columns, q, b_k, inner.constant(v * step_lanes)), b_type)
                for v in range(vectors)
            ]
            made: list[SSAValue] = []
            for row in range(row_count):
                spread = self._spread(inner, rows, (p, a_k, row))
                for v, column in enumerate(loaded):
                    made.append(self._product(inner, sums[row * vectors + v], spread, column))
            return made

        return at.for_(at.ceil_div(folded(depth), self.group), step, sums, name="k")

    def _spread(self, at: LoopBuilder, rows: SSAValue, place: Sequence[Index]) -> SSAValue:
        """A group of the left operand in all lanes."""
        word_bits = self.group * bits_of(self.a_element)
        word = IntegerType(word_bits)
        operands = (rows, *[at.value(i) for i in place], at.constant(0))
        group = at.op(vector.LoadOp, operands, vector_type(self.a_element, self.group))
        one = at.op(vector.BitcastOp, (group,), vector_type(word, 1))
        words = at.op(vector.BroadcastOp, (one,), vector_type(word, self.lanes))
        type_ = vector_type(self.a_element, self.lanes * self.group)
        return at.op(vector.BitcastOp, (words,), type_)

    def _product(self, at: LoopBuilder, acc: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
        factors = (b, a) if self.swapped else (a, b)
        if self.dot.accumulates:
            return self._call(at, (acc, *factors))
        return at.op(arith.AddiOp, (acc, self._call(at, factors)), self.vector)

    def _call(self, at: LoopBuilder, operands: Sequence[SSAValue]) -> SSAValue:
        properties: dict[str, Attribute] = {
            "intrin": StringAttr(self.dot.intrinsic),
            "fastmathFlags": llvm.NO_FASTMATH,
            "operandSegmentSizes": segments(len(operands), 0),
        }
        return at.op(llvm.CallIntrinsicOp, operands, self.vector, properties)
