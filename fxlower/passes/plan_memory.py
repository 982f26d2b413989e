"""`plan-memory`: give every tensor of a segment a place: an argument, or an offset in the arena.

Before:
    func.func private @exp_1(memref<4x8xf32>, memref<4x8xf32>)
    func.func private @segment_0(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %0 = fxt.call @exp_1(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
      %1 = fxt.call @exp_1(%0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
      func.return %1 : tensor<4x8xf32>
    }
After:
    func.func private @segment_0(%x: memref<?xi8>, %out: memref<?xi8>, %arena: memref<?xi8>,
                                 %trap: memref<1xi64>) attributes {fxlower.arena = [128]} {
      %c0 = arith.constant 0 : index
      %0 = memref.view %x[%c0][] : memref<?xi8> to memref<4x8xf32>
      %1 = memref.view %arena[%c0][] : memref<?xi8> to memref<4x8xf32>
      func.call @exp_1(%0, %1) : (memref<4x8xf32>, memref<4x8xf32>) -> ()
      %2 = memref.view %out[%c0][] : memref<?xi8> to memref<4x8xf32>
      func.call @exp_1(%1, %2) : (memref<4x8xf32>, memref<4x8xf32>) -> ()
      func.return
    }

Tensors come as bytes from their first element on. A view of a tensor is the same bytes from
another offset under another type. Temporaries share the arena by `fxlower.analysis.arena`.
A result `inplace` is where its operand is, which the kernel is passed once. After kernels that may
trap it is called only if none has, so that a call that raises does not spoil the caller's data:

    %0 = memref.load %trap[%c0] : memref<1xi64>
    %1 = arith.cmpi eq, %0, %c0_i64 : i64
    scf.if %1 { func.call @scatter_1(%x, %updates, %index) : (...) -> () }

Needs the called kernels in memref form (`convert-linalg-to-scf`, `tile-contractions`, ...), as
definitions or as declarations; a function is a segment if it calls only those, and views.
Leaves no tensor in segments; `@main` is untouched, because the host interprets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func, memref, scf
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    FunctionType,
    IntAttr,
    MemRefType,
    ModuleOp,
    NoneAttr,
    StridedLayoutAttr,
    StringAttr,
    TensorType,
    UnitAttr,
)
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.arena import Lifetime, place
from fxlower.analysis.layout import (
    Strides,
    declared_strides,
    result_strides,
    view_offset,
    view_strides,
)
from fxlower.analysis.symbols import add, mul, product
from fxlower.dialects import arith, fxt
from fxlower.dialects.build import (
    DYNAMIC,
    ELEMENT_BITS,
    I1,
    I8,
    I32,
    I64,
    INDEX,
    Dim,
    dims_attr,
    dims_of,
    emit,
    emit1,
    int_attr,
    memref_type,
)
from fxlower.dialects.fxt import VIEWS
from fxlower.passes.materialize_dims import DimEmitter

WRITTEN = DictionaryAttr({"fxt.written": UnitAttr()})
BYTES = memref_type(I8, (DYNAMIC,))
TRAP = memref_type(I64, (1,))
_EQ = {"predicate": int_attr(arith.CMPI_COMPARISON_OPERATIONS.index("eq"))}


@dataclass(eq=False)
class Root:
    """Memory of its own: `offset` bytes into an argument, which is the arena for temporaries."""

    memory: SSAValue
    offset: Dim = 0
    size: Dim = 0
    """Bytes; of temporaries only, as are the steps between which it lives."""

    first: int = -1
    last: int = -1


@dataclass(frozen=True)
class Place:
    """Where a tensor is: elements of `root` from `offset` on, by `strides`."""

    root: Root
    strides: Strides
    offset: Dim = 0


@dataclass(frozen=True)
class PlanMemoryPass(ModulePass):
    """Replace tensors in segments by places in memory."""

    name = "plan-memory"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = [f for f in op.ops if isinstance(f, func.FuncOp)]
        signatures = {f.sym_name.data: f.function_type for f in functions}
        for function in functions:
            if is_segment(function):
                SegmentRewriter(function, signatures).rewrite()


def is_segment(function: func.FuncOp) -> bool:
    """Whether `function` is a segment that still holds tensors."""
    return (
        bool(function.body.blocks)
        and function.sym_name.data.startswith("segment_")
        and "fxlower.arena" not in function.attributes
    )


class SegmentRewriter:
    """Takes one segment from tensors to memory."""

    def __init__(self, function: func.FuncOp, signatures: Mapping[str, FunctionType]) -> None:
        self.function = function
        self.signatures = signatures
        self.block = Block()
        self.may_have_trapped = False
        self.places: dict[SSAValue, Place] = {}
        self.symbols: dict[SSAValue, SSAValue] = {}
        """The new index argument for each old one."""
        self.pointers: dict[tuple[Root, Dim, Attribute, tuple[Dim, ...]], SSAValue] = {}
        """Typed pointers made so far."""

    def rewrite(self) -> None:
        old = self.function.body.block
        attributes = self.make_arguments(old)
        total = self.assign_places(old)
        for op in old.ops:
            if isinstance(op, fxt.CallOp):
                self.emit_call(op)
        emit(self.block, func.ReturnOp)
        self.replace_body(attributes, total)

    # ------------------------------------------------------------------------ arguments

    def make_arguments(self, old: Block) -> list[DictionaryAttr]:
        """Arguments in the order of the contract: operands, results, arena, trap, symbols."""
        made: list[DictionaryAttr] = []

        def argument(type_: Attribute, hint: str | None, attributes: DictionaryAttr) -> SSAValue:
            value = self.block.insert_arg(type_, len(self.block.args))
            value.name_hint = hint
            made.append(attributes)
            return value

        nothing = DictionaryAttr({})
        given = self.function.arg_attrs
        for i, arg in enumerate(old.args):
            if isinstance(arg.type, TensorType):
                written = given is not None and "fxt.written" in given.data[i].data
                root = Root(argument(BYTES, arg.name_hint, WRITTEN if written else nothing))
                strides = declared_strides(arg.type, self.function.arg_attrs, i)
                self.places[arg] = Place(root, strides)
        self.outputs = list(returned(old))
        for i, value in enumerate(self.outputs):
            memory = argument(BYTES, "out", nothing)
            if value in self.places:
                raise PassFailedException(
                    f"plan-memory: @{self.function.sym_name.data} returns a value twice, or an "
                    "argument; "
                    "split-segments returns each value it computes once"
                )
            strides = declared_strides(value.type, self.function.res_attrs, i)
            self.places[value] = Place(Root(memory), strides)
        self.arena = argument(BYTES, "arena", nothing)
        self.trap = argument(TRAP, "trap", DictionaryAttr({"fxt.trap": UnitAttr()}))
        texts: dict[str, SSAValue] = {}
        for arg in old.args:
            if isinstance(arg.type, TensorType):
                continue
            attrs = given.data[arg.index] if given is not None else nothing
            name = attrs.data.get("fxt.symbol")
            if not isinstance(name, StringAttr):
                raise PassFailedException(
                    f"plan-memory: index argument {arg.index} of @{self.function.sym_name.data} "
                    "does not name its symbol: expected {fxt.symbol = ...}"
                )
            self.symbols[arg] = texts[name.data] = argument(INDEX, arg.name_hint, attrs)
        self.dims = DimEmitter(self.block, texts)
        return made

    # ----------------------------------------------------------------------------- places

    def assign_places(self, old: Block) -> Dim:
        """A place for every tensor; returns the bytes of the arena."""
        temporaries: list[Root] = []
        step = 0
        for op in old.ops:
            if isinstance(op, fxt.CallOp):
                for value in op.operands:
                    if value in self.places:
                        self.places[value].root.last = step
                for i, (result, at) in enumerate(zip(op.results, op.inplace)):
                    if at >= 0:
                        place_ = self.places[op.operands[at]]
                        self.places[result] = Place(
                            place_.root, result_strides(op, i), place_.offset
                        )
                    if result in self.places:
                        continue  # it is returned: its memory is an argument
                    dims = dims_of(result.type)
                    bits = ELEMENT_BITS[result.type.element_type]  # type: ignore[attr-defined]
                    root = Root(
                        self.arena, size=mul(product(dims), bits // 8), first=step, last=step
                    )
                    temporaries.append(root)
                    self.places[result] = Place(root, result_strides(op, i))
                step += 1
            elif isinstance(op, VIEWS):
                source = self.places[op.input]
                strides = view_strides(op, source.strides)
                if strides is None:
                    raise PassFailedException(
                        f"plan-memory: {op.name} of strides {list(source.strides)} is no view; "
                        "form-kernels copies such values first"
                    )
                offset = add(source.offset, view_offset(op, source.strides))
                self.places[op.result] = Place(source.root, strides, offset)
            elif not isinstance(op, func.ReturnOp):
                raise PassFailedException(
                    f"plan-memory: expected calls and views in @{self.function.sym_name.data}, "
                    f"got '{op.name}'"
                )
        offsets, total = place([Lifetime(r.size, r.first, r.last) for r in temporaries])
        for root, offset in zip(temporaries, offsets, strict=True):
            root.offset = offset
        return total

    # -------------------------------------------------------------------------------- calls

    def emit_call(self, call: fxt.CallOp) -> None:
        name = call.callee.string_value()
        signature = self.signatures.get(name)
        if signature is None or any(isinstance(t, TensorType) for t in signature.inputs):
            raise PassFailedException(
                f"plan-memory: kernel @{name} must be declared with memrefs before its callers "
                "are lowered"
            )
        wanted = list(signature.inputs)
        tensors = [v for v in call.operands if v in self.places]
        tensors += [r for r, at in zip(call.results, call.inplace) if at < 0]
        operands = [
            self.pointer(self.places[v], type_) for v, type_ in zip(tensors, wanted, strict=False)
        ]
        traps = len(tensors) < len(wanted) and wanted[len(tensors)] == TRAP
        if traps:
            operands.append(self.trap)
        operands += [self.symbols[v] for v in call.operands if v in self.symbols]
        block = self.block
        if self.may_have_trapped and any(at >= 0 for at in call.inplace):
            block = Block()
        emit(block, func.CallOp, operands, (), {"callee": call.callee})
        if block is not self.block:
            emit(block, scf.YieldOp)
            regions = (Region(block), Region())
            emit(self.block, scf.IfOp, (self.has_not_trapped(),), (), regions=regions)
        self.may_have_trapped |= traps

    def has_not_trapped(self) -> SSAValue:
        """Whether every kernel called so far has found its indices and divisors to be valid."""
        block = self.block
        trap = emit1(block, memref.LoadOp, (self.trap, self.dims.value(0)), I64)
        zero = emit1(block, arith.ConstantOp, (), I64, {"value": int_attr(0)})
        return emit1(block, arith.CmpiOp, (trap, zero), I1, _EQ)

    def pointer(self, place: Place, type_: Attribute) -> SSAValue:
        """The memory of `place` as a kernel's argument of `type_`: its first element, typed."""
        assert isinstance(type_, MemRefType)
        bits = ELEMENT_BITS[type_.element_type]
        offset = add(place.root.offset, mul(place.offset, bits // 8))
        strides = () if isinstance(type_.layout, NoneAttr) else place.strides
        key = (place.root, offset, type_, strides)
        if key in self.pointers:
            return self.pointers[key]
        shift = self.dims.value(offset)
        if isinstance(type_.layout, NoneAttr):
            made = emit1(self.block, memref.ViewOp, (place.root.memory, shift), type_)
        else:
            scalar = memref_type(type_.element_type, ())
            base = emit1(self.block, memref.ViewOp, (place.root.memory, shift), scalar)
            made = strided_view(self.block, base, type_)
        self.pointers[key] = made
        return made

    # --------------------------------------------------------------------------------- body

    def replace_body(self, attributes: list[DictionaryAttr], total: Dim) -> None:
        function = self.function
        old = function.body.block
        for op in reversed(list(old.ops)):
            op.detach()
            op.erase(safe_erase=False)
        function.body.detach_block(old)
        function.body.add_block(self.block)
        function.properties["function_type"] = FunctionType.from_lists(self.block.arg_types, [])
        function.properties["arg_attrs"] = ArrayAttr(attributes)
        function.properties.pop("res_attrs", None)
        function.attributes["fxlower.arena"] = dims_attr((total,))


def returned(block: Block) -> tuple[SSAValue, ...]:
    last = block.last_op
    return tuple(last.operands) if isinstance(last, func.ReturnOp) else ()


def strided_view(block: Block, base: SSAValue, type_: MemRefType[Attribute]) -> SSAValue:
    """`base`, a pointer, under a strided type whose sizes and strides are all numbers."""
    layout = type_.layout
    assert isinstance(layout, StridedLayoutAttr)
    strides = [s.data for s in layout.strides if isinstance(s, IntAttr)]
    properties = {
        "static_offsets": i64_array([0]),
        "static_sizes": i64_array(type_.get_shape()),
        "static_strides": i64_array(strides),
        "operandSegmentSizes": DenseArrayBase.from_list(I32, [1, 0, 0, 0]),
    }
    return emit1(block, memref.ReinterpretCastOp, (base,), type_, properties)


def i64_array(values: Sequence[int]) -> DenseArrayBase:
    return DenseArrayBase.from_list(I64, list(values))
