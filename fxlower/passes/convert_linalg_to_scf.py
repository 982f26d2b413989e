"""`convert-linalg-to-scf`: kernels of kind `loops` become fused loops on memory.

Before:

    func.func private @k(%x: tensor<64x512xf32>) -> tensor<64x512xf32> attributes {
        fxlower.kernel = "loops",
        fxlower.schedule = [{vector_dim = 1, width = 16, unroll = 4, grain = 1, chunk = 1}]} {
      %max = linalg.generic ... reduction over d1, maximumf
      %out = linalg.generic ... subf(%x, %max)
      func.return %out
    }

After:

    func.func private @k(%x: memref<64x512xf32>, %out: memref<64x512xf32>) {
      "scf.parallel"(%c0, %c64, %c1) ({
      ^bb0(%i: index):
        %max = scf.for %j = %c0 to %c512 step %c1 iter_args(%m = %neg_inf) -> (f32) {
          %v = memref.load %x[%i, %j] : memref<64x512xf32>
          %n = arith.maximumf %v, %m : f32
          scf.yield %n : f32
        } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
        scf.for %j = %c0 to %c512 step %c1 {
          ...
          memref.store %r, %out[%i, %j] : memref<64x512xf32>
        } {fxlower.vector = 16 : i64, fxlower.unroll = 4 : i64}
        scf.reduce
      }) {fxlower.grain = 1 : i64}
    }

Needs kernels as `form-kernels` makes them, with the schedule that `choose-schedule` attaches
(docs/design.md, sections 4 and 5). Leaves no `linalg` and no tensor in these kernels, and other
kinds of kernels alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.dialects.tensor import ExtractOp
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from fxlower.analysis.loop_space import NestSchedule, read_kernel
from fxlower.dialects.build import dims_of
from fxlower.dialects.fxt import NonzeroDivisorOp, NormalizeIndexOp
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.nest_emitter import NestEmitter
from fxlower.passes.nest_sequence import emit_nests
from fxlower.passes.scoped_builder import ScopedBuilder
from fxlower.passes.target import target_of
from fxlower.targets.spec import TargetSpec

_KEYS = ("vector_dim", "width", "unroll", "grain", "chunk")


def convert_kernel(function: FuncOp, target: TargetSpec) -> None:
    """Replace the `loops` kernel `function` by its loops."""
    kernel = read_kernel(function)
    schedules = _schedules(function, len(kernel.nests))
    made = DestinationFunction(function, trap=any(map(_may_trap, function.walk())))
    builder = ScopedBuilder(made.builder)
    emit_nests(
        [
            NestEmitter(kernel, nest, schedule, made, builder, target.scratchpad_bytes)
            for nest, schedule in zip(kernel.nests, schedules)
        ]
    )
    made.finish()


def _may_trap(op: Operation) -> bool:
    """Whether `op` may find an error: a gather from a source that may be empty does too, as no
    index into that is valid."""
    if isinstance(op, ExtractOp):
        return any(d == 0 or isinstance(d, str) for d in dims_of(op.tensor.type))
    return isinstance(op, NormalizeIndexOp | NonzeroDivisorOp)


def _schedules(function: FuncOp, count: int) -> list[NestSchedule]:
    attribute = function.attributes.get("fxlower.schedule")
    if not isinstance(attribute, ArrayAttr) or len(attribute) != count:
        raise PassFailedException(
            f"@{function.sym_name.data}: needs a schedule for each of its {count} nests "
            f"(choose-schedule attaches them), got {attribute}"
        )
    return [_schedule(function, entry) for entry in attribute]


def _schedule(function: FuncOp, entry: Attribute) -> NestSchedule:
    data = entry.data if isinstance(entry, DictionaryAttr) else {}
    values: dict[str, int] = {}
    for key in _KEYS:
        value = data.get(key)
        if not isinstance(value, IntegerAttr):
            raise PassFailedException(
                f"@{function.sym_name.data}: a nest's schedule needs the integers "
                f"{', '.join(_KEYS)}, got {entry}"
            )
        values[key] = value.value.data
    for key, least in (("tile", 0), ("block", 1), ("transpose", 0), ("rows", 0)):
        value = data.get(key)
        if isinstance(value, IntegerAttr):
            values[key] = max(value.value.data, least)
    if min(values["width"], values["unroll"], values["grain"], values["chunk"]) < 1:
        raise PassFailedException(
            f"@{function.sym_name.data}: width, unroll, grain and chunk must be positive, "
            f"got {entry}"
        )
    return NestSchedule(**values)


@dataclass(frozen=True)
class ConvertLinalgToScfPass(ModulePass):
    """Turn `loops` kernels into loops on memory."""

    name = "convert-linalg-to-scf"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        for function in kernels_of_kind(op, "loops"):
            convert_kernel(function, target)
