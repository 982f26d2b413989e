"""Write the `llvm` dialect as LLVM IR text.

One pass over the operations, 1-2 us each. Constants are written where they are used; block
arguments become phis. Every function gets the target's attributes.

    llvm.func @f(%x: f32) -> f32 {                      define float @f(float %v0) #0 {
      %c = llvm.mlir.constant(2.0 : f32) : f32            %v1 = fmul float %v0, 0x4000...
      %y = llvm.fmul %x, %c : f32                          ret float %v1
      llvm.return %y : f32                              }
    }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Block, Operation, SSAValue

from fxlower.codegen.llvm_text import attribute_text, constant_text, quoted, type_text
from fxlower.dialects import llvm
from fxlower.dialects.build import cached_by_identity
from fxlower.targets.spec import TargetSpec


class EmitterError(Exception):
    """The module holds something that has no LLVM IR; a conversion should have lowered it."""


def emit_llvm_ir(module: ModuleOp, target: TargetSpec) -> str:
    """The LLVM IR of `module`, which must hold nothing but `llvm` functions and globals.

    Raises:
        EmitterError: an op without a rule, by name.
    """
    return _ModuleEmitter(target).emit(module)


class _ModuleEmitter:
    def __init__(self, target: TargetSpec):
        self.target = target
        self.intrinsics: dict[str, str] = {}  # name -> declaration

    def emit(self, module: ModuleOp) -> str:
        parts = [f"target triple = {quoted(self.target.triple)}\n"]
        for op in module.body.block.ops:
            if not isinstance(op, llvm.FuncOp):
                raise EmitterError(f"expected only llvm.func in the module, found '{op.name}'")
            parts.append(_FunctionEmitter(op, self.intrinsics).emit())
        parts.extend(self.intrinsics.values())
        parts.append(_attributes_of_functions(self.target))
        parts.append('!0 = !{!"branch_weights", i32 1, i32 1000}\n')  # of rare branches
        return "\n".join(parts)


@cache
def _attributes_of_functions(target: TargetSpec) -> str:
    attributes = ["nounwind"]
    if target.cpu:
        attributes.append(f'"target-cpu"={quoted(target.cpu)}')
    if target.features:
        attributes.append(f'"target-features"={quoted(target.features)}')
    if target.triple.startswith(("x86", "i686")):
        # Without these LLVM may split 512-bit vectors on CPUs that prefer 256 bits.
        attributes.append(f'"prefer-vector-width"="{target.vector_bits}"')
        attributes.append(f'"min-legal-vector-width"="{target.vector_bits}"')
    return f"attributes #0 = {{ {' '.join(attributes)} }}\n"


class _FunctionEmitter:
    """The text of one function. Names of values are `%v0, %v1, ...` in order of first sight."""

    def __init__(self, function: llvm.FuncOp, intrinsics: dict[str, str]):
        self.function = function
        self.intrinsics = intrinsics
        self.names: dict[SSAValue, str] = {}
        self.labels: dict[Block, str] = {}
        self.lines: list[str] = []

    def emit(self) -> str:
        function = self.function
        type_ = function.function_type
        name = quoted_symbol(function.sym_name.data)
        result = type_text(type_.output)
        argument_attributes = function.arg_attrs.data if function.arg_attrs else ()
        parameters = [
            type_text(t)
            + (attribute_text(argument_attributes[i].data) if argument_attributes else "")
            for i, t in enumerate(type_.inputs.data)
        ]
        blocks = list(function.body.blocks)
        if not blocks:
            return f"declare {result} {name}({', '.join(parameters)}) #0\n"
        linkage = function.linkage.linkage.data
        linkage = "" if linkage == "external" else linkage + " "
        for argument, text in zip(blocks[0].args, parameters, strict=True):
            self.lines.append(f"{text} {self.value(argument)}")
        head = f"define {linkage}{result} {name}({', '.join(self.lines)}) #0 {{"
        self.lines = [head]
        self.labels = {block: f"b{i}" for i, block in enumerate(blocks)}
        incoming = _incoming(blocks)
        for i, block in enumerate(blocks):
            if i:
                self.lines.append(f"{self.labels[block]}:")
                self._phis(block, incoming[block])
            else:
                self.lines.append("b0:")
            for op in block.ops:
                rule = RULES.get(type(op))
                if rule is None:
                    raise EmitterError(
                        f"no LLVM IR for '{op.name}' in @{function.sym_name.data}; "
                        "run convert-to-llvm first"
                    )
                rule(self, op)
        self.lines.append("}\n")
        return "\n".join(self.lines)

    def _phis(self, block: Block, incoming: list[tuple[Block, Sequence[SSAValue]]]) -> None:
        for index, argument in enumerate(block.args):
            edges = ", ".join(
                f"[ {self.value(values[index])}, %{self.labels[source]} ]"
                for source, values in incoming
            )
            self.lines.append(f"  {self.value(argument)} = phi {type_text(argument.type)} {edges}")

    def value(self, value: SSAValue) -> str:
        """The name of a value, or the text of a constant."""
        name = self.names.get(value)
        if name is None:
            owner = value.owner
            inline = INLINE.get(type(owner))
            name = f"%v{len(self.names)}" if inline is None else inline(owner)
            self.names[value] = name
        return name

    def typed(self, value: SSAValue) -> str:
        return f"{type_text(value.type)} {self.value(value)}"

    def result(self, op: Operation, text: str) -> None:
        (result,) = op.results
        name = self.names.get(result)  # a phi may have named it
        if name is None:
            name = self.names[result] = f"%v{len(self.names)}"
        self.lines.append(f"  {name} = {text}")

    def declare(self, name: str, result: str, arguments: Sequence[SSAValue]) -> None:
        if name not in self.intrinsics:
            parameters = ", ".join(type_text(a.type) for a in arguments)
            self.intrinsics[name] = f"declare {result} @{name}({parameters})\n"


def quoted_symbol(name: str) -> str:
    return f"@{name}" if name.replace("_", "a").replace(".", "a").isalnum() else f"@{quoted(name)}"


def _incoming(blocks: Sequence[Block]) -> dict[Block, list[tuple[Block, Sequence[SSAValue]]]]:
    """Of each block, its predecessors and the values they pass to its arguments."""
    incoming: dict[Block, list[tuple[Block, Sequence[SSAValue]]]] = {b: [] for b in blocks}
    for block in blocks:
        end = block.last_op
        if isinstance(end, llvm.BrOp):
            incoming[end.successors[0]].append((block, end.operands))
        elif isinstance(end, llvm.CondBrOp):
            split = 1 + len(end.then_arguments)
            incoming[end.successors[0]].append((block, end.operands[1:split]))
            incoming[end.successors[1]].append((block, end.operands[split:]))
    return incoming


def _constant(op: llvm.ConstantOp) -> str:
    value = op.properties["value"]
    known = _CONSTANTS.get(id(value))
    if known is None:
        if len(_CONSTANTS) >= _MANY:
            _CONSTANTS.clear()
        known = _CONSTANTS[id(value)] = (value, constant_text(value))
    return known[1]


_CONSTANTS: dict[int, tuple[Attribute, str]] = {}
"""Texts by identity, which is faster than equality."""
_MANY = 1 << 14

INLINE: dict[type[Any], Callable[[Any], str]] = {
    llvm.ConstantOp: _constant,
    llvm.ZeroOp: lambda op: "null" if op.res.type == llvm.PTR else "zeroinitializer",
    llvm.PoisonOp: lambda op: "poison",
    llvm.UndefOp: lambda op: "undef",
    llvm.AddressOfOp: lambda op: quoted_symbol(op.global_name.string_value()),
}
"""Values that are written where they are used."""


# ------------------------------------------------------------------------------- operations

Rule = Callable[[_FunctionEmitter, Any], None]


def _skip(e: _FunctionEmitter, op: Operation) -> None:
    """Written where it is used."""


def _fastmath(op: Operation) -> str:
    flags = op.properties.get("fastmathFlags")
    return "" if flags is None else _flags_text(flags)


@cached_by_identity
def _flags_text(flags: Attribute) -> str:
    return "".join(f" {flag.value}" for flag in sorted(flags.data))  # type: ignore[attr-defined]


def _binary(opcode: str) -> Rule:
    def rule(e: _FunctionEmitter, op: Operation) -> None:
        lhs, rhs = op._operands
        e.result(op, f"{opcode} {type_text(lhs.type)} {e.value(lhs)}, {e.value(rhs)}")

    return rule


OVERFLOW = {0: "", 1: " nsw", 2: " nuw", 3: " nuw nsw"}


def _wrapping(opcode: str) -> Rule:
    def rule(e: _FunctionEmitter, op: Operation) -> None:
        lhs, rhs = op._operands
        flags = op.properties.get("overflowFlags")
        text = "" if flags is None else OVERFLOW[flags.value.data]  # type: ignore[attr-defined]
        e.result(op, f"{opcode}{text} {type_text(lhs.type)} {e.value(lhs)}, {e.value(rhs)}")

    return rule


def _float_binary(opcode: str) -> Rule:
    def rule(e: _FunctionEmitter, op: Operation) -> None:
        lhs, rhs = op._operands
        e.result(
            op, f"{opcode}{_fastmath(op)} {type_text(lhs.type)} {e.value(lhs)}, {e.value(rhs)}"
        )

    return rule


def _cast(opcode: str) -> Rule:
    def rule(e: _FunctionEmitter, op: Operation) -> None:
        e.result(op, f"{opcode} {e.typed(op._operands[0])} to {type_text(op.results[0].type)}")

    return rule


def _fneg(e: _FunctionEmitter, op: llvm.FNegOp) -> None:
    e.result(op, f"fneg{_fastmath(op)} {e.typed(op._operands[0])}")


def _icmp(e: _FunctionEmitter, op: llvm.ICmpOp) -> None:
    lhs, rhs = op._operands
    predicate = llvm.ALL_ICMP_FLAGS[op.predicate.value.data].value
    e.result(op, f"icmp {predicate} {e.typed(lhs)}, {e.value(rhs)}")


def _fcmp(e: _FunctionEmitter, op: llvm.FCmpOp) -> None:
    lhs, rhs = op._operands
    predicate = llvm.ALL_FCMP_FLAGS[op.predicate.value.data].value.removeprefix("_")
    e.result(op, f"fcmp{_fastmath(op)} {predicate} {e.typed(lhs)}, {e.value(rhs)}")


def _select(e: _FunctionEmitter, op: llvm.SelectOp) -> None:
    e.result(op, f"select{_fastmath(op)} " + ", ".join(e.typed(o) for o in op._operands))


def _freeze(e: _FunctionEmitter, op: llvm.FreezeOp) -> None:
    e.result(op, f"freeze {e.typed(op._operands[0])}")


def _gep(e: _FunctionEmitter, op: llvm.GEPOp) -> None:
    pointer, *dynamic = map(e.typed, op._operands)
    element = type_text(op.properties["elem_type"])
    indices = _indices_text(op.properties["rawConstantIndices"]).format(*dynamic)
    e.result(op, f"getelementptr {element}, {pointer}, {indices}")


@cached_by_identity
def _indices_text(constant: Any) -> str:
    """The indices of a `getelementptr`, with `{}` for those that are operands."""
    values = constant.get_values()
    return ", ".join("{}" if i == llvm.GEP_USE_SSA_VAL else f"i32 {i}" for i in values)


def _align(op: Operation) -> str:
    alignment = op.properties.get("alignment")
    return "" if alignment is None else f", align {alignment.value.data}"  # type: ignore[attr-defined]


def _alloca(e: _FunctionEmitter, op: llvm.AllocaOp) -> None:
    e.result(op, f"alloca {type_text(op.elem_type)}, {e.typed(op._operands[0])}{_align(op)}")


def _ordering(op: Operation) -> tuple[str, str]:
    """`atomic` and the ordering, in the two places of a load or store; empty if it is plain."""
    ordering = op.properties.get("ordering")
    if ordering is None or ordering.value.data == 0:  # type: ignore[attr-defined]
        return "", ""
    return " atomic", " " + llvm.ATOMIC_ORDERING_KEYWORDS[ordering.value.data]  # type: ignore[attr-defined]


def _load(e: _FunctionEmitter, op: llvm.LoadOp) -> None:
    atomic, ordering = _ordering(op)
    (pointer,), (result,) = op._operands, op.results
    type_ = type_text(result.type)
    e.result(op, f"load{atomic} {type_}, {e.typed(pointer)}{ordering}{_align(op)}")


def _store(e: _FunctionEmitter, op: llvm.StoreOp) -> None:
    atomic, ordering = _ordering(op)
    value, pointer = op._operands
    e.lines.append(f"  store{atomic} {e.typed(value)}, {e.typed(pointer)}{ordering}{_align(op)}")


def _extract_element(e: _FunctionEmitter, op: llvm.ExtractElementOp) -> None:
    vector, position = op._operands
    e.result(op, f"extractelement {e.typed(vector)}, {e.typed(position)}")


def _insert_element(e: _FunctionEmitter, op: llvm.InsertElementOp) -> None:
    vector, value, position = op._operands
    e.result(op, f"insertelement {e.typed(vector)}, {e.typed(value)}, {e.typed(position)}")


def _shuffle_vector(e: _FunctionEmitter, op: llvm.ShuffleVectorOp) -> None:
    a, b = op._operands
    mask = _mask_text(op.properties["mask"])
    e.result(op, f"shufflevector {e.typed(a)}, {e.typed(b)}, {mask}")


@cached_by_identity
def _mask_text(mask: Any) -> str:
    lanes = ["i32 poison" if i < 0 else f"i32 {i}" for i in mask.get_values()]
    return f"<{len(lanes)} x i32> <{', '.join(lanes)}>"


def _call_text(e: _FunctionEmitter, op: Operation, callee: str, args: Sequence[SSAValue]) -> None:
    result = type_text(op.results[0].type) if op.results else "void"
    text = f"call{_fastmath(op)} {result} {callee}({', '.join(map(e.typed, args))})"
    if op.results:
        e.result(op, text)
    else:
        e.lines.append(f"  {text}")


def _call(e: _FunctionEmitter, op: llvm.CallOp) -> None:
    arguments = op._operands
    if op.callee is None:
        _call_text(e, op, e.value(arguments[0]), arguments[1:])
    else:
        _call_text(e, op, quoted_symbol(op.callee.string_value()), arguments)


def _call_intrinsic(e: _FunctionEmitter, op: llvm.CallIntrinsicOp) -> None:
    name = op.intrin.data
    e.declare(name, type_text(op.results[0].type) if op.results else "void", op._operands)
    _call_text(e, op, f"@{name}", op._operands)


def mangled(type_: Attribute) -> str:
    """The suffix of an overloaded intrinsic's name: `v16f32`, `v16p0`, `i64`."""
    return (
        type_text(type_)
        .replace("<", "v")
        .replace(">", "")
        .replace(" x ", "")
        .replace("ptr", "p0")
        .replace("bfloat", "bf16")
        .replace("half", "f16")
        .replace("float", "f32")
        .replace("double", "f64")
    )


def _masked(name: str, kind: str, order: tuple[int, ...], address: int) -> Rule:
    """`llvm.masked.KIND`, whose arguments are the operands in `order`; the address carries the
    alignment. `kind` tells whether the name ends in the types of the value and the address."""

    def rule(e: _FunctionEmitter, op: Operation) -> None:
        operands = [op._operands[i] for i in order]
        pointer = op._operands[address]
        data = op.results[0] if op.results else op._operands[0]
        intrinsic = f"llvm.masked.{name}.{mangled(data.type)}.{mangled(pointer.type)}"
        result = type_text(data.type) if kind == "read" else "void"
        e.declare(intrinsic, result, operands)
        alignment = op.properties["alignment"].value.data  # type: ignore[attr-defined]
        arguments = ", ".join(
            f"{type_text(o.type)} align {alignment} {e.value(o)}" if o is pointer else e.typed(o)
            for o in operands
        )
        text = f"call {result} @{intrinsic}({arguments})"
        if kind == "read":
            e.result(op, text)
        else:
            e.lines.append(f"  {text}")

    return rule


def _br(e: _FunctionEmitter, op: llvm.BrOp) -> None:
    e.lines.append(f"  br label %{e.labels[op.successors[0]]}")


def _cond_br(e: _FunctionEmitter, op: llvm.CondBrOp) -> None:
    then, otherwise = (e.labels[b] for b in op.successors)
    condition = e.value(op._operands[0])
    weights = ", !prof !0" if llvm.RARE in op.attributes else ""
    e.lines.append(f"  br i1 {condition}, label %{then}, label %{otherwise}{weights}")


def _return(e: _FunctionEmitter, op: llvm.ReturnOp) -> None:
    e.lines.append(f"  ret {e.typed(op._operands[0])}" if op._operands else "  ret void")


def _unreachable(e: _FunctionEmitter, op: llvm.UnreachableOp) -> None:
    e.lines.append("  unreachable")


RULES: dict[type[Operation], Rule] = {
    llvm.ConstantOp: _skip,
    llvm.ZeroOp: _skip,
    llvm.PoisonOp: _skip,
    llvm.UndefOp: _skip,
    llvm.AddressOfOp: _skip,
    llvm.AddOp: _wrapping("add"),
    llvm.SubOp: _wrapping("sub"),
    llvm.MulOp: _wrapping("mul"),
    llvm.ShlOp: _wrapping("shl"),
    llvm.UDivOp: _binary("udiv"),
    llvm.SDivOp: _binary("sdiv"),
    llvm.URemOp: _binary("urem"),
    llvm.SRemOp: _binary("srem"),
    llvm.AndOp: _binary("and"),
    llvm.OrOp: _binary("or"),
    llvm.XOrOp: _binary("xor"),
    llvm.LShrOp: _binary("lshr"),
    llvm.AShrOp: _binary("ashr"),
    llvm.FAddOp: _float_binary("fadd"),
    llvm.FSubOp: _float_binary("fsub"),
    llvm.FMulOp: _float_binary("fmul"),
    llvm.FDivOp: _float_binary("fdiv"),
    llvm.FRemOp: _float_binary("frem"),
    llvm.FNegOp: _fneg,
    llvm.TruncOp: _cast("trunc"),
    llvm.ZExtOp: _cast("zext"),
    llvm.SExtOp: _cast("sext"),
    llvm.FPTruncOp: _cast("fptrunc"),
    llvm.FPExtOp: _cast("fpext"),
    llvm.FPToSIOp: _cast("fptosi"),
    llvm.FPToUIOp: _cast("fptoui"),
    llvm.SIToFPOp: _cast("sitofp"),
    llvm.UIToFPOp: _cast("uitofp"),
    llvm.BitcastOp: _cast("bitcast"),
    llvm.PtrToIntOp: _cast("ptrtoint"),
    llvm.IntToPtrOp: _cast("inttoptr"),
    llvm.ICmpOp: _icmp,
    llvm.FCmpOp: _fcmp,
    llvm.SelectOp: _select,
    llvm.FreezeOp: _freeze,
    llvm.GEPOp: _gep,
    llvm.AllocaOp: _alloca,
    llvm.LoadOp: _load,
    llvm.StoreOp: _store,
    llvm.ExtractElementOp: _extract_element,
    llvm.InsertElementOp: _insert_element,
    llvm.ShuffleVectorOp: _shuffle_vector,
    llvm.CallOp: _call,
    llvm.CallIntrinsicOp: _call_intrinsic,
    llvm.MaskedLoadOp: _masked("load", "read", (0, 1, 2), 0),
    llvm.MaskedGatherOp: _masked("gather", "read", (0, 1, 2), 0),
    llvm.MaskedStoreOp: _masked("store", "write", (0, 1, 2), 1),
    llvm.MaskedScatterOp: _masked("scatter", "write", (0, 1, 2), 1),
    llvm.BrOp: _br,
    llvm.CondBrOp: _cond_br,
    llvm.ReturnOp: _return,
    llvm.UnreachableOp: _unreachable,
}
