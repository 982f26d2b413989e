"""Divide `@main` into kernels: fused loops, products, scans, scatters, sorts.

Before:

    func.func @main(%x: tensor<8x16xf32>, %b: tensor<16xf32>) -> tensor<8x16xf32> {
      %0 = fxt.broadcast %b, array<i64: 1> : (tensor<16xf32>) -> tensor<8x16xf32>
      %1 = fxt.add %x, %0 : tensor<8x16xf32>
      %2 = fxt.tanh %1 : tensor<8x16xf32>
      func.return %2 : tensor<8x16xf32>
    }

After:

    func.func @main(%x: tensor<8x16xf32>, %b: tensor<16xf32>) -> tensor<8x16xf32> {
      %0 = fxt.call @add_tanh_1a2b3c4d(%x, %b) : (...) -> tensor<8x16xf32>
      func.return %0 : tensor<8x16xf32>
    }
    func.func private @add_tanh_1a2b3c4d(%0: tensor<8x16xf32>, %1: tensor<16xf32>)
        -> tensor<8x16xf32> attributes {fxlower.kernel = "loops", ...} { linalg.generic ... }

Needs functions at stage `tensor` (canonical `fxt`). Leaves, in them, calls of kernels, views of
values in memory, `fxt.aten` and the return; integers are signless. Equal groups share a kernel.
What fuses is decided by `fxlower/analysis/fusion.py` and `fusion_siblings.py`. With `traffic`,
each kernel says in `fxlower.traffic` what that is worth: the bytes it reads and writes, those that
its operations would move one by one, and how many operations it does.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import DictionaryAttr, FunctionType, ModuleOp, SymbolRefAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.fusion import partition
from fxlower.analysis.fusion_costs import FusionCosts
from fxlower.analysis.fusion_siblings import merge_siblings
from fxlower.analysis.fusion_units import Partition, Unit
from fxlower.analysis.joined_program import JoinedProgram, joined_program_of
from fxlower.analysis.kernel_program import Program, program_of
from fxlower.analysis.layout import Strides, canonical, declared_strides
from fxlower.analysis.symbols import substitute
from fxlower.analysis.traffic import traffic_of
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim, dims_of, emit, emit1, int_attr, signless, tensor_type
from fxlower.dialects.fxt.call import CallOp
from fxlower.passes.emit_joined_kernel import emit_joined_kernel
from fxlower.passes.emit_loops_kernel import emit_loops_kernel
from fxlower.passes.emit_structured_kernel import StructuredKernel, structured_kernel
from fxlower.passes.kernel_shell import strides_of_results
from fxlower.passes.materialize_dims import symbol_arguments
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec


class Kernels:
    """The kernels of a module, each once."""

    def __init__(self, scratchpad_bytes: int):
        self.scratchpad_bytes = scratchpad_bytes
        self.functions: list[FuncOp] = []
        self.known: dict[Program | JoinedProgram | StructuredKernel, FuncOp] = {}

    def of(self, key: Program | JoinedProgram | StructuredKernel) -> FuncOp:
        known = self.known.get(key)
        if known is None:
            if isinstance(key, Program):
                known, _ = emit_loops_kernel(key, self.scratchpad_bytes)
            elif isinstance(key, JoinedProgram):
                known, _ = emit_joined_kernel(key, self.scratchpad_bytes)
            else:
                known = key.build()
            self.known[key] = known
            self.functions.append(known)
        return known


class _HostPlan:
    """The new body of one function: calls, views, host calls."""

    def __init__(self, function: FuncOp, kernels: Kernels, target: TargetSpec):
        self.function = function
        self.kernels = kernels
        self.cores = target.cores
        costs = FusionCosts(target)
        self.partition: Partition = partition(function, costs)
        merge_siblings(self.partition, costs)
        old = function.body.block
        self.block = Block(arg_types=[signless_type(a.type) for a in old.args])
        self.values: dict[SSAValue, SSAValue] = dict(zip(old.args, self.block.args))
        for argument, new in self.values.items():
            new.name_hint = argument.name_hint
        symbols = symbol_arguments(function)
        self.symbols = {name: self.values[value] for name, value in symbols.items()}
        self.reshaped: dict[tuple[SSAValue, tuple[Dim, ...]], SSAValue] = {}

    def build(self) -> FuncOp:
        for unit in self.partition.units:
            if unit.op is None or unit.joins:
                self._call_group(unit)
            elif isinstance(unit.op, fxt.AtenOp):
                self._call_host(unit.op)
            else:
                self._call_structured(unit.op)
        emit(self.block, ReturnOp, [self._value(v) for v in self.partition.outputs])
        properties = dict(self.function.properties)
        properties["function_type"] = FunctionType.from_lists(
            self.block.arg_types,
            [signless_type(t) for t in self.function.function_type.outputs],
        )
        return FuncOp.create(
            properties=properties,
            attributes=dict(self.function.attributes),
            regions=[Region(self.block)],
        )

    # -------------------------------------------------------------------------- values

    def _value(self, old: SSAValue) -> SSAValue:
        """A value in memory; views are made where they are first used."""
        known = self.values.get(old)
        if known is None:
            op = old.owner
            assert isinstance(op, Operation)
            source = self._value(op.operands[0])
            type_ = signless_type(old.type)
            known = emit1(self.block, type(op), (source,), type_, op.properties, op.attributes)
            known.name_hint = old.name_hint
            self.values[old] = known
        return known

    def _seen_as(self, old: SSAValue, sizes: tuple[Dim, ...]) -> SSAValue:
        value = self._value(old)
        if dims_of(old.type) == sizes:
            return value
        known = self.reshaped.get((old, sizes))
        if known is None:
            known = self.reshaped[old, sizes] = self._reshape(value, sizes)
        return known

    def _reshape(self, value: SSAValue, sizes: tuple[Dim, ...]) -> SSAValue:
        element = value.type.element_type  # type: ignore[attr-defined]
        return emit1(self.block, fxt.ReshapeOp, (value,), tensor_type(element, sizes))

    # --------------------------------------------------------------------------- units

    def _call_group(self, unit: Unit) -> None:
        program = joined_program_of if unit.joins else program_of
        call = program(unit, self.partition)
        arguments = [self._seen_as(v, sizes) for v, sizes in call.arguments]
        results = self._call(self.kernels.of(call.program), arguments, call.symbols)
        for old, new in zip(call.results, results):
            self._define(old, new)

    def _call_structured(self, op: Operation) -> None:
        kernel, operands, symbols = structured_kernel(op, self.partition, self.cores)
        arguments = [self._value(v) for v in operands]
        result, *_ = self._call(self.kernels.of(kernel), arguments, symbols)
        self._define(op.results[0], result)

    def _define(self, old: SSAValue, new: SSAValue) -> None:
        sizes = dims_of(old.type)
        if dims_of(new.type) != sizes:
            new = self._reshape(new, sizes)
        new.name_hint = old.name_hint
        self.values[old] = new

    def _call(
        self, kernel: FuncOp, arguments: list[SSAValue], symbols: tuple[str, ...]
    ) -> tuple[SSAValue, ...]:
        for symbol in symbols:
            if symbol not in self.symbols:
                raise PassFailedException(
                    f"form-kernels: @{self.function.sym_name.data} uses the symbol '{symbol}', but "
                    f"has only the symbol arguments {list(self.symbols)}; add "
                    f'`%{symbol}: index {{fxt.symbol = "{symbol}"}}`'
                )
            arguments.append(self.symbols[symbol])
        names: dict[str, Dim] = {f"d{i}": s for i, s in enumerate(symbols)}

        def for_caller(dims: tuple[Dim, ...]) -> tuple[Dim, ...]:
            return tuple(substitute(d, names) for d in dims) if names else dims

        types: list[Attribute] = []
        strides: list[Strides] = []
        for i, type_ in enumerate(kernel.function_type.outputs):
            sizes = for_caller(dims_of(type_))
            types.append(tensor_type(type_.element_type, sizes))  # type: ignore[attr-defined]
            declared = for_caller(declared_strides(type_, kernel.res_attrs, i))
            strides.append(canonical(sizes, declared))
        callee = {"callee": SymbolRefAttr(kernel.sym_name)}
        layout = strides_of_results(types, strides)
        return tuple(emit(self.block, CallOp, arguments, types, callee, layout).results)

    def _call_host(self, op: fxt.AtenOp) -> None:
        operands = [self._value(v) for v in op.operands]
        types = [signless_type(r.type) for r in op.results]
        made = emit(self.block, fxt.AtenOp, operands, types, op.properties, op.attributes)
        for old, new in zip(op.results, made.results):
            new.name_hint = old.name_hint
            self.values[old] = new


def signless_type(type_: Attribute) -> Attribute:
    if isinstance(type_, TensorType):
        element = signless(type_.element_type)
        if element is not type_.element_type:
            return tensor_type(element, dims_of(type_))
    return type_


@dataclass(frozen=True)
class FormKernelsPass(ModulePass):
    """Divide `@main` into kernels."""

    name = "form-kernels"

    traffic: bool = False
    """Attach `fxlower.traffic`, to look at."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        kernels = Kernels(target.scratchpad_bytes)
        block = op.body.block
        for function in list(block.ops):
            if not isinstance(function, FuncOp) or "fxlower.kernel" in function.attributes:
                continue
            plan = _HostPlan(function, kernels, target).build()
            block.insert_op_before(plan, function)
            function.detach()
            function.erase()
        for kernel in kernels.functions:
            if self.traffic:
                numbers = {k: int_attr(v) for k, v in vars(traffic_of(kernel)).items()}
                kernel.attributes["fxlower.traffic"] = DictionaryAttr(numbers)
            block.add_op(kernel)
