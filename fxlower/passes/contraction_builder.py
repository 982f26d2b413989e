"""What the two forms of a contraction, tiled and direct, share: operand matrices of a batch
element, and the epilogue that takes accumulators to results."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import tensor
from xdsl.dialects.builtin import AffineMapAttr
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.contraction import Contraction, Factor, map_axes
from fxlower.dialects import arith
from fxlower.dialects.build import Dim, emit
from fxlower.passes.destination_style import DestinationFunction
from fxlower.passes.loop_builder import Index, LoopBuilder
from fxlower.targets.spec import TargetSpec


class ContractionBuilder:
    """A contraction on its way to loops in `function`."""

    def __init__(self, function: DestinationFunction, contraction: Contraction, target: TargetSpec):
        self.function = function
        self.contraction = contraction
        self.target = target
        self.batch = function.sizes(contraction.batch)
        self.rows = function.size(contraction.rows)
        self.columns = function.size(contraction.columns)
        self.depth = function.size(contraction.depth)
        self._captured: dict[SSAValue, SSAValue] = {}

    # -------------------------------------------------------------------- matrices

    def offset(self, at: LoopBuilder, strides: Sequence[Dim], batch: Sequence[Index]) -> Index:
        """Elements from a tensor's first to that of one batch element's matrix."""
        offset: Index = 0
        for index, stride in zip(batch, strides):
            offset = at.add(offset, at.mul(index, self.function.size(stride)))
        return offset

    def matrix(
        self,
        at: LoopBuilder,
        factor: Factor,
        lanes: Index,
        batch: Sequence[Index],
        name: str,
    ) -> SSAValue:
        """The operand's matrix (lanes, depth) of one batch element."""
        offset = self.offset(at, factor.batch, batch)
        base = self.function.arguments[factor.argument].base
        strides = (self.function.size(factor.lane), self.function.size(factor.depth))
        return at.view(base, offset, (lanes, self.depth), strides, name)

    def left(self, at: LoopBuilder, batch: Sequence[Index]) -> SSAValue:
        return self.matrix(at, self.contraction.left, self.rows, batch, "left")

    def right(self, at: LoopBuilder, batch: Sequence[Index]) -> SSAValue:
        return self.matrix(at, self.contraction.right, self.columns, batch, "right")

    def result(self, at: LoopBuilder, batch: Sequence[Index]) -> SSAValue:
        """The result's matrix (rows, columns) of one batch element."""
        size, c = self.function.size, self.contraction
        offset = self.offset(at, c.batch_strides, batch)
        strides = (size(c.row_stride), size(c.column_stride))
        base = self.function.results[0].base
        return at.view(base, offset, (self.rows, self.columns), strides, "result")

    # -------------------------------------------------------------------- epilogue

    def finish_element(
        self, at: LoopBuilder, batch: Sequence[Index], row: Index, column: Index, acc: SSAValue
    ) -> None:
        """Run the epilogue on one accumulator and store the kernel's results."""
        c = self.contraction
        point: list[Index] = c.point(batch, row, column)
        values: dict[SSAValue, SSAValue] = {c.generic.results[0]: acc}
        axes: dict[SSAValue, tuple[int, ...]] = {c.generic.results[0]: _axes(c.generic)[-1]}
        for generic in c.epilogue:
            values[generic.results[0]] = self._map_element(at, generic, point, values)
            axes[generic.results[0]] = _axes(generic)[-1]
        for value, buffer in zip(c.returned, self.function.results):
            if value not in values:
                raise PassFailedException(
                    f"kernel '{self.function.kernel.sym_name.data}' returns a value that neither "
                    "the contraction nor its epilogue computes"
                )
            at.store_element(values[value], buffer.view, [point[a] for a in axes[value]])

    def _map_element(
        self,
        at: LoopBuilder,
        generic: linalg.GenericOp,
        point: Sequence[Index],
        values: dict[SSAValue, SSAValue],
    ) -> SSAValue:
        """The body of a map generic at one point of the loop space."""
        arguments: list[SSAValue | None] = []
        for value, axes in zip(generic.inputs, _axes(generic)):
            if value in values:
                arguments.append(values[value])
                continue
            buffer = self.function.arguments[value]
            arguments.append(at.load_element(buffer.view, [point[a] for a in axes], buffer.element))
        return self.emit_body(at, generic, arguments, point)

    def emit_body(
        self,
        at: LoopBuilder,
        generic: linalg.GenericOp,
        arguments: Sequence[SSAValue | None],
        point: Sequence[Index],
    ) -> SSAValue:
        """Append the scalar body of `generic`; returns what it yields. `arguments` are the first
        block arguments, `point` the loop indices."""
        block = generic.body.block
        scalars: dict[SSAValue, SSAValue] = {
            old: new for old, new in zip(block.args, arguments) if new is not None
        }
        for op in block.ops:
            if isinstance(op, linalg.YieldOp):
                return self._scalar(scalars, op.operands[0])
            if isinstance(op, linalg.IndexOp):
                scalars[op.results[0]] = at.value(point[op.dim.value.data])
            elif isinstance(op, tensor.ExtractOp):
                buffer = self.function.arguments[op.tensor]
                indices = [self._scalar(scalars, i) for i in op.indices]
                scalars[op.results[0]] = at.load_element(buffer.view, indices, buffer.element)
            else:
                operands = [self._scalar(scalars, o) for o in op.operands]
                types = [r.type for r in op.results]
                made = emit(at.block, type(op), operands, types, op.properties, op.attributes)
                scalars.update(zip(op.results, made.results))
        raise PassFailedException("a linalg.generic must end in linalg.yield")

    def _scalar(self, scalars: dict[SSAValue, SSAValue], value: SSAValue) -> SSAValue:
        """The new value for one used in a body: made there, a symbol, or a constant outside."""
        if (known := scalars.get(value)) is not None:
            return known
        if (symbol := self.function.symbols.get(value)) is not None:
            return symbol
        if (copied := self._captured.get(value)) is not None:
            return copied
        owner = value.owner
        if not isinstance(owner, arith.ConstantOp):
            raise PassFailedException(
                "a body may use its arguments, symbols and constants of the kernel, got "
                f"{value.type} of {owner.name if isinstance(owner, Operation) else 'an argument'}"
            )
        block = self.function.block
        copied = emit(block, arith.ConstantOp, (), (value.type,), owner.properties).results[0]
        self._captured[value] = copied
        return copied


def _axes(generic: linalg.GenericOp) -> list[tuple[int, ...]]:
    axes: list[tuple[int, ...]] = []
    for attr in generic.indexing_maps:
        assert isinstance(attr, AffineMapAttr)
        axes.append(map_axes(attr.data))
    return axes
