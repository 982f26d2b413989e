"""Outline the kernel calls between two host calls into a function of their own.

Before:

    func.func @main(%x: tensor<4x8xf32>) -> tensor<32xf32> {
      %0 = fxt.call @exp_1a2b3c4d(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
      %1 = fxt.aten "aten.sort.default", 0 (%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
      %2 = fxt.reshape %1 : (tensor<4x8xf32>) -> tensor<32xf32>
      %3 = fxt.call @tanh_5e6f7a8b(%2) : (tensor<32xf32>) -> tensor<32xf32>
      func.return %3 : tensor<32xf32>
    }

After:

    func.func @main(%x: tensor<4x8xf32>) -> tensor<32xf32> {
      %0 = fxt.call @segment_0(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
      %1 = fxt.aten "aten.sort.default", 0 (%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
      %2 = fxt.call @segment_1(%1) : (tensor<4x8xf32>) -> tensor<32xf32>
      func.return %2 : tensor<32xf32>
    }
    func.func private @segment_0(%x: tensor<4x8xf32>) -> tensor<4x8xf32> { ... }
    func.func private @segment_1(%0: tensor<4x8xf32>) -> tensor<32xf32> {
      %1 = fxt.reshape %0 : (tensor<4x8xf32>) -> tensor<32xf32>
      ...

Operands and results of a segment are whole tensors with their strides; views of them are made
again inside. A kernel's result `inplace` is no result of its segment: outside, it is the operand
that it took the memory of, which the segment marks `fxt.written`.

Calls with `fxt.constant`, whose operands seldom change, are the host's, and go first.

A segment ends early where many bytes would be free if the host could let go of them: its results
are allocated when it begins, and a backward graph would hold all that was saved for it, beside all
gradients, until it ends.

Needs `@main` as `update-in-place` or `pack-weights` leaves it. Leaves in it calls of segments, host
calls, the views that those and the return need, and the return.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntegerAttr,
    ModuleOp,
    SymbolRefAttr,
    TensorType,
    UnitAttr,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, OpResult, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.constants import CONSTANT
from fxlower.analysis.layout import Strides, declared_strides, result_strides
from fxlower.analysis.lifetimes import LastUses, static_bytes
from fxlower.analysis.symbols import symbols_of
from fxlower.dialects import fxt
from fxlower.dialects.build import (
    INDEX,
    Dim,
    dim_of,
    dims_from,
    dims_of,
    emit,
    emit1,
    string_attr,
)
from fxlower.dialects.fxt.call import CallOp
from fxlower.dialects.fxt.view import VIEWS
from fxlower.passes.kernel_shell import strides_dictionary, strides_of_results
from fxlower.passes.materialize_dims import symbol_arguments

ENOUGH_BYTES = 32 << 20
"""So many bytes that the host could let go of end a segment."""


@dataclass(eq=False)
class _Segment:
    """A run of kernel calls."""

    calls: list[CallOp] = field(default_factory=list)
    operands: dict[SSAValue, None] = field(default_factory=dict)
    """Tensors from outside that are read, directly or through views."""
    results: dict[SSAValue, None] = field(default_factory=dict)
    """Results of its calls that something outside reads."""


class _Splitter:
    def __init__(self, function: FuncOp, first_number: int):
        self.function = function
        self.first_number = first_number
        self.made: list[FuncOp] = []
        old = function.body.block
        self.block = Block(arg_types=[a.type for a in old.args])
        self.values: dict[SSAValue, SSAValue] = {}
        self.strides: dict[SSAValue, Strides] = {}
        self.segment_of: dict[SSAValue, _Segment] = {}
        self.replaced: dict[SSAValue, SSAValue] = {}
        """For each result in place the operand whose memory it is in."""
        for i, (argument, new) in enumerate(zip(old.args, self.block.args)):
            new.name_hint = argument.name_hint
            self.values[argument] = new
            if isinstance(argument.type, TensorType):
                self.strides[argument] = declared_strides(argument.type, function.arg_attrs, i)
        self.symbols = {name: self.values[v] for name, v in symbol_arguments(function).items()}

    def build(self) -> FuncOp:
        for step in self._steps():
            if isinstance(step, _Segment):
                self._call_segment(step)
            elif isinstance(step, ReturnOp):
                self._return(step)
            else:
                self._copy(step)
        return FuncOp.create(
            properties=dict(self.function.properties),
            attributes=dict(self.function.attributes),
            regions=[Region(self.block)],
        )

    def _steps(self) -> list[_Segment | Operation]:
        """Segments, host calls and the return, in order; what segments read and give is noted."""
        steps: list[_Segment | Operation] = []
        first: list[_Segment | Operation] = []
        open_segment: _Segment | None = None
        last_uses = LastUses(self.function, self._memory_of)
        dead_bytes = 0
        for op in self.function.body.block.ops:
            if isinstance(op, VIEWS):
                continue
            if isinstance(op, CallOp) and CONSTANT in op.attributes:
                first.append(op)
                self.strides.update((r, result_strides(op, i)) for i, r in enumerate(op.results))
                continue
            if isinstance(op, CallOp):
                if open_segment is None or dead_bytes >= ENOUGH_BYTES:
                    open_segment = _Segment()
                    dead_bytes = 0
                    steps.append(open_segment)
                open_segment.calls.append(op)
                self.segment_of.update(dict.fromkeys(op.results, open_segment))
                for result, at in zip(op.results, op.inplace):
                    if at >= 0:
                        self.replaced[result] = op.operands[at]
            elif isinstance(op, fxt.AtenOp | ReturnOp):
                open_segment = None
                steps.append(op)
            else:
                raise PassFailedException(
                    f"split-segments: @{self.function.sym_name.data} must hold calls, views and "
                    f"fxt.aten only, got '{op.name}'; run form-kernels first"
                )
            for i, result in enumerate(op.results):
                self.strides[result] = result_strides(op, i)
            for operand in op.operands:
                if not isinstance(operand.type, TensorType):
                    continue
                root = self._root_of(operand, open_segment)
                source = self.segment_of.get(root)
                if open_segment is not None and source is not open_segment:
                    open_segment.operands[root] = None
                if source is not None and source is not open_segment:
                    source.results[root] = None
            if open_segment is not None:
                dead_bytes += sum(
                    static_bytes(root)
                    for root in last_uses.of.get(op, ())
                    if self.segment_of.get(root) is not open_segment
                )
        return first + steps

    @staticmethod
    def _memory_of(value: SSAValue) -> SSAValue:
        """The argument, or result of a call, in whose memory `value` is."""
        value = _without_views(value)
        while isinstance(value, OpResult) and isinstance(value.op, CallOp):
            at = value.op.inplace[value.index]
            if at < 0:
                break
            value = _without_views(value.op.operands[at])
        return value

    def _root_of(self, value: SSAValue, segment: _Segment | None = None) -> SSAValue:
        """The argument, or result of a call, in whose memory `value` is: of results in place those
        of `segment` only, in which they are values of their own."""
        while True:
            value = _without_views(value)
            if value not in self.replaced or self.segment_of[value] is segment:
                return value
            value = self.replaced[value]

    def _source(self, value: SSAValue) -> SSAValue:
        """What a view, or a result in place of another segment, is made of."""
        replaced = self.replaced.get(value)
        return value.owner.operands[0] if replaced is None else replaced  # type: ignore[union-attr]

    def _symbol_name(self, value: SSAValue) -> str:
        for name, argument in symbol_arguments(self.function).items():
            if argument is value:
                return name
        raise PassFailedException("split-segments: a symbol operand must be an argument")

    # ------------------------------------------------------------------------ the host's plan

    def _value(self, old: SSAValue) -> SSAValue:
        known = self.values.get(old)
        if known is None:
            known = self._value(self._source(old))
            if old not in self.replaced:
                known = _view(self.block, old, known)
            self.values[old] = known
        return known

    def _return(self, op: ReturnOp) -> None:
        """A value that is where the argument lies that it is to be written to is that argument."""
        arguments = self.function.body.block.args
        attributes = self.function.res_attrs
        values: list[SSAValue] = []
        for i, value in enumerate(op.operands):
            target = attributes.data[i].data.get("fxt.mutates") if attributes is not None else None
            if isinstance(target, IntegerAttr):
                argument = arguments[target.value.data]
                made = _without_views(value)
                if made in self.replaced and self._root_of(made) is argument:
                    value = argument
            values.append(self._value(value))
        emit(self.block, ReturnOp, values)

    def _copy(self, op: Operation) -> None:
        operands = [self._value(v) for v in op.operands]
        types = [r.type for r in op.results]
        made = emit(self.block, type(op), operands, types, op.properties, op.attributes)
        self._define(op.results, made.results)

    def _define(self, old: Sequence[SSAValue], new: Sequence[SSAValue]) -> None:
        for before, after in zip(old, new):
            after.name_hint = before.name_hint
            self.values[before] = after

    def _call_segment(self, segment: _Segment) -> None:
        name = f"segment_{self.first_number + len(self.made)}"
        function, symbols = self._outline(name, segment)
        self.made.append(function)
        operands = [*map(self._value, segment.operands), *(self.symbols[s] for s in symbols)]
        types = [r.type for r in segment.results]
        callee: dict[str, Attribute] = {"callee": SymbolRefAttr(name)}
        strides = strides_of_results(types, [self.strides[r] for r in segment.results])
        call = emit(self.block, CallOp, operands, types, callee, strides)
        self._define(list(segment.results), call.results)

    # ------------------------------------------------------------------------------ segments

    def _outline(self, name: str, segment: _Segment) -> tuple[FuncOp, list[str]]:
        """The function of `segment`, and the symbols it takes."""
        operands = list(segment.operands)
        symbols = self._symbols_in(segment)
        block = Block(arg_types=[*[v.type for v in operands], *[INDEX] * len(symbols)])
        values: dict[SSAValue, SSAValue] = dict(zip(operands, block.args))
        by_symbol = dict(zip(symbols, block.args[len(operands) :]))
        for old, new in values.items():
            new.name_hint = old.name_hint
        for symbol, new in by_symbol.items():
            new.name_hint = symbol
        for symbol, argument in symbol_arguments(self.function).items():
            if symbol in by_symbol:
                values[argument] = by_symbol[symbol]

        def value_of(old: SSAValue) -> SSAValue:
            known = values.get(old)
            if known is None:
                known = value_of(self._source(old))
                if old not in self.replaced:
                    known = _view(block, old, known)
                values[old] = known
            return known

        for call in segment.calls:
            made = emit(
                block,
                CallOp,
                [value_of(v) for v in call.operands],
                [r.type for r in call.results],
                call.properties,
                call.attributes,
            )
            for old, new in zip(call.results, made.results):
                new.name_hint = old.name_hint
                values[old] = new
        results = list(segment.results)
        emit(block, ReturnOp, [values[v] for v in results])
        function_type = FunctionType.from_lists(block.arg_types, [v.type for v in results])
        properties: dict[str, Attribute] = {
            "sym_name": string_attr(name),
            "sym_visibility": string_attr("private"),
            "function_type": function_type,
        }
        written = {self._root_of(v) for c in segment.calls for v in c.results if v in self.replaced}
        arg_attrs = [self._layout(v, written=v in written) for v in operands]
        arg_attrs += [DictionaryAttr({"fxt.symbol": string_attr(s)}) for s in symbols]
        if any(d.data for d in arg_attrs):
            properties["arg_attrs"] = ArrayAttr(arg_attrs)
        res_attrs = [self._layout(v) for v in results]
        if any(d.data for d in res_attrs):
            properties["res_attrs"] = ArrayAttr(res_attrs)
        return FuncOp.create(properties=properties, regions=[Region(block)]), symbols

    def _layout(self, value: SSAValue, *, written: bool = False) -> DictionaryAttr:
        layout = strides_dictionary(dims_of(value.type), self.strides[value])
        return DictionaryAttr({**layout.data, "fxt.written": UnitAttr()}) if written else layout

    def _symbols_in(self, segment: _Segment) -> list[str]:
        """The symbols of a segment, in order of appearance: arguments first."""
        found: dict[str, None] = {}

        def note(dims: Sequence[Dim]) -> None:
            for dim in dims:
                found.update(dict.fromkeys(symbols_of(dim)))

        for operand in segment.operands:
            note((*dims_of(operand.type), *self.strides[operand]))
        seen: set[SSAValue] = set(segment.operands)
        for call in segment.calls:
            for operand in call.operands:
                if not isinstance(operand.type, TensorType):
                    found[self._symbol_name(operand)] = None
                    continue
                while operand not in seen:
                    seen.add(operand)
                    if operand not in self.replaced:
                        assert isinstance(operand.owner, VIEWS)
                        note(dims_of(operand.type))
                        note(_sizes_in_view(operand.owner))
                    operand = self._source(operand)
            for result in call.results:
                note((*dims_of(result.type), *self.strides[result]))
                seen.add(result)
        missing = [s for s in found if s not in self.symbols]
        if missing:
            raise PassFailedException(
                f"split-segments: @{self.function.sym_name.data} uses the symbols {missing}, but "
                f"has only the symbol arguments {list(self.symbols)}"
            )
        return list(found)


def _without_views(value: SSAValue) -> SSAValue:
    while isinstance(value, OpResult) and isinstance(value.op, VIEWS):
        value = value.op.operands[0]
    return value


def _view(block: Block, old: SSAValue, source: SSAValue) -> SSAValue:
    """The view that `old` is, of `source`."""
    op = old.owner
    assert isinstance(op, VIEWS)
    made = emit1(block, type(op), (source,), old.type, op.properties, op.attributes)
    made.name_hint = old.name_hint
    return made


def _sizes_in_view(op: Operation) -> tuple[Dim, ...]:
    if isinstance(op, fxt.SliceOp):
        return dims_from(op.starts)
    if isinstance(op, fxt.AsStridedOp):
        return (*dims_from(op.strides), dim_of(op.offset))
    return ()


@dataclass(frozen=True)
class SplitSegmentsPass(ModulePass):
    """Outline the kernel calls between two host calls."""

    name = "split-segments"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        block = op.body.block
        functions = {f.sym_name.data: f for f in block.ops if isinstance(f, FuncOp)}
        number = 0
        for name, function in functions.items():
            outlined = "fxlower.kernel" in function.attributes or name.startswith("segment_")
            if outlined or not function.body.blocks:
                continue
            splitter = _Splitter(function, number)
            plan = splitter.build()
            for made in (plan, *splitter.made):
                block.insert_op_before(made, function)
            number += len(splitter.made)
            function.detach()
            function.erase()
