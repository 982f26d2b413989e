"""Lower functions of stage `vector` to the `llvm` dialect.

Before:

    func.func @scale(%x: memref<512xf32>, %out: memref<512xf32>) {
      %c0 = arith.constant 0 : index
      %c512 = arith.constant 512 : index
      %c16 = arith.constant 16 : index
      scf.for %i = %c0 to %c512 step %c16 {
        %v = vector.load %x[%i] : memref<512xf32>, vector<16xf32>
        %w = arith.addf %v, %v : vector<16xf32>
        vector.store %w, %out[%i] : memref<512xf32>, vector<16xf32>
      }
      func.return
    }

After:

    llvm.func @scale(%0: !llvm.ptr, %1: !llvm.ptr {llvm.noalias}) {
      %2 = llvm.mlir.constant(0) : i64
      ...
      llvm.br ^bb1(%2 : i64)
    ^bb1(%5: i64):
      %6 = llvm.getelementptr %0[%5] : (!llvm.ptr, i64) -> !llvm.ptr, f32
      %7 = llvm.load %6 {alignment = 4 : i64} : !llvm.ptr -> vector<16xf32>
      ...
    }

A memref is a pointer to its first element, `index` is `i64`. The body of an `scf.parallel` becomes
a function of its own that `fxlower_parallel_for` calls. A function with the attribute
`fxlower.arena`, a segment, also gets `@NAME_entry(%table: !llvm.ptr)` for the host.

Needs: no `linalg`, `tensor`, `tile`, `fxt`. Leaves: `llvm` only; the host's plan, `@main` on
tensors, is not compiled and is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, MemRefType, ModuleOp, UnitAttr
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.dialects import llvm
from fxlower.dialects.build import I64
from fxlower.dialects.llvm import PTR
from fxlower.passes.legality import is_host_plan
from fxlower.passes.target import target_of
from fxlower.passes.to_llvm.builder import FunctionBuilder, ModuleBuilder, aligned
from fxlower.passes.to_llvm.control import lower_function
from fxlower.passes.to_llvm.types import convert_type


def convert_function(module: ModuleBuilder, function: func.FuncOp) -> None:
    """Lower one function; its parallel bodies come before it."""
    name = function.sym_name.data
    inputs = [convert_type(t) for t in function.function_type.inputs.data]
    outputs = function.function_type.outputs.data
    if len(outputs) > 1:
        raise PassFailedException(
            f"convert-to-llvm: @{name} must return one value at most, got {len(outputs)}"
        )
    result = convert_type(outputs[0]) if outputs else None
    if isinstance(result, llvm.LLVMPointerType):
        raise PassFailedException(f"convert-to-llvm: @{name} must not return a memref")
    builder = FunctionBuilder(module, name, inputs)
    lower_function(builder, function.body.block)
    builder.finish(result, argument_attributes=_argument_attributes(function))
    if "fxlower.arena" in function.attributes:
        _build_entry(module, name, inputs)


def _argument_attributes(function: func.FuncOp) -> Sequence[Attribute]:
    """No other pointer sees what an argument or result of a kernel points to: a result in the
    memory of an argument has no pointer of its own."""
    if "fxlower.kernel" not in function.attributes:
        return ()
    noalias = DictionaryAttr({"llvm.noalias": UnitAttr()})
    none = DictionaryAttr({})
    return [
        noalias if isinstance(t, MemRefType) else none for t in function.function_type.inputs.data
    ]


def _build_entry(module: ModuleBuilder, name: str, inputs: Sequence[Attribute]) -> None:
    """`@NAME_entry(%table)`: every argument from its slot of 8 bytes."""
    builder = FunctionBuilder(module, f"{name}_entry", [PTR])
    (table,) = builder.head.args
    arguments = [
        builder.read(
            llvm.LoadOp,
            (builder.offset(table, builder.integer(slot), I64),),
            type_,
            aligned(8),
        )
        for slot, type_ in enumerate(inputs)
    ]
    builder.call(name, arguments, None)
    builder.effect(llvm.ReturnOp, ())
    builder.finish()


@dataclass(frozen=True)
class ConvertToLlvmPass(ModulePass):
    """Lower functions of `scf`, `memref`, `vector`, `arith` and `math` to `llvm`."""

    name = "convert-to-llvm"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions: list[func.FuncOp] = []
        for child in op.body.block.ops:
            if not isinstance(child, func.FuncOp):
                raise PassFailedException(
                    f"{self.name}: expected functions in the module, found '{child.name}'"
                )
            functions.append(child)
        defined = [f for f in functions if f.body.blocks and not is_host_plan(f)]
        module = ModuleBuilder(target_of(op), {f.sym_name.data for f in defined})
        for function in defined:
            convert_function(module, function)
        for function in functions:
            function.detach()
        block = op.body.block
        for made in (*module.functions, *module.declared.values()):
            block.add_op(made)
