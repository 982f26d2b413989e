"""`map-to-library`: products that a library of the target computes become calls of it.

For a target with `library=(LibraryProduct(element="f32", symbol="sgemm_"),)`. Before:

    func.func private @matmul_1a2b(%a: tensor<64x32xf32>, %b: tensor<32x96xf32>)
        -> tensor<64x96xf32> attributes {fxlower.kernel = "contraction", fxlower.schedule = {...}} {
      %c = linalg.generic {...} ins(%a, %b) outs(%zeros) {mulf, addf}
      func.return %c

After:

    func.func private @sgemm_(memref<i8>, memref<i8>, memref<i32>, ..., memref<i32>)
    func.func private @matmul_1a2b(%a: memref<64x32xf32>, %b: memref<32x96xf32>,
        %out: memref<64x96xf32>) attributes {fxlower.kernel = "library"} {
      %n96 = memref.alloca() : memref<i32>     // and a place for each other number
      memref.store %1, %n96[] : memref<i32>
      ...
      func.call @sgemm_(%as_stored, %as_stored, %n96, %n64, %n32, %one, %right, %n96, %left, %n32,
          %zero, %result, %n96) : (...) -> ()

The convention is that of Fortran's BLAS: `C = alpha op(A) op(B) + beta C` on matrices in columns,
every argument a pointer, sizes of 32 bits. A matrix in rows is its transpose in columns, so what is
asked for is `C^T = B^T A^T`. Batches are a loop around the call. An epilogue follows as a loop nest
of its own over the product, which is in the kernel's first result until then.

Needs kernels of kind `contraction` (docs/design.md, section 4). Maps one where

- all sizes and strides are known, and fit in 32 bits;
- operands and accumulators are of the library's element type, and it is at least as much work as
  the library is worth calling for;
- operands do not lie in panels, which `pack-weights` spares those that are mapped;
- a dim of each operand and of the result has unit stride, and the other one steps over it;
- its first result, if there is an epilogue, holds accumulators, and is not in the memory of an
  argument, which the epilogue may read.

Leaves the others, and what is no such kernel, as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp, SymbolRefAttr
from xdsl.dialects.func import CallOp, FuncOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from fxlower.analysis.contraction_schedule import PARALLEL_CYCLES
from fxlower.analysis.library_products import AS_STORED, TRANSPOSED, LibraryCall, library_call
from fxlower.dialects.build import (
    ELEMENT_BITS,
    I8,
    I32,
    emit,
    string_attr,
)
from fxlower.passes.contraction_builder import ContractionBuilder
from fxlower.passes.destination_style import DestinationFunction, kernels_of_kind
from fxlower.passes.loop_builder import Index, LoopBuilder, vector_loop, view_type
from fxlower.passes.target import target_of
from fxlower.targets.spec import LibraryProduct, TargetSpec

FORMS = {AS_STORED: "as_stored", TRANSPOSED: "transposed"}


class CallBuilder(ContractionBuilder):
    """Builds the call, the loops of the batch around it, and the epilogue behind."""

    def __init__(self, function: DestinationFunction, call: LibraryCall, target: TargetSpec):
        super().__init__(function, call.contraction, target)
        self.call = call
        self._places: dict[tuple[float, Attribute], SSAValue] = {}

    def build(self) -> FunctionType:
        """The type of the function that is called is returned."""
        at = self.function.builder
        call, element = self.call, self.contraction.element
        left, right = call.left, call.right
        # In the order of the arguments; the matrices, None here, are different in each batch.
        numbers = [
            *(self._place(at, form, I8, FORMS[form]) for form in (right.form, left.form)),
            *(self._size(at, size) for size in (call.columns, call.rows, call.depth)),
            self._place(at, 1.0, element, "one"),
            None,
            self._size(at, right.leading),
            None,
            self._size(at, left.leading),
            self._place(at, 0.0, element, "zero"),
            None,
            self._size(at, call.result),
        ]
        types = [
            view_type(element, (), (), None) if number is None else number.type
            for number in numbers
        ]
        self._batch(at, numbers, [])
        if not self.contraction.writes_accumulator:
            self._epilogue(at)
        return FunctionType.from_lists(types, [])

    def _size(self, at: LoopBuilder, value: int) -> SSAValue:
        return self._place(at, value, I32, f"n{value}")

    def _place(self, at: LoopBuilder, value: float, type_: Attribute, name: str) -> SSAValue:
        """Where a number is in memory."""
        if (known := self._places.get((value, type_))) is None:
            known = at.scratch(type_, (), name)
            at.store(at.constant(value, type_), known, ())
            self._places[value, type_] = known
        return known

    def _batch(
        self,
        at: LoopBuilder,
        numbers: Sequence[SSAValue | None],
        batch: list[Index],
    ) -> None:
        """The loops of the batch that are not in `batch` yet, and the call inside them."""
        if len(batch) < len(self.batch):
            size = self.batch[len(batch)]
            if size == 1:
                self._batch(at, numbers, [*batch, 0])
                return
            at.serial(size, lambda inner, i: self._batch(inner, numbers, [*batch, i]), name="batch")
            return
        c, arguments = self.contraction, self.function.arguments
        matrices = iter(
            (
                self._pointer(at, arguments[c.right.argument].base, c.right.batch, batch, "right"),
                self._pointer(at, arguments[c.left.argument].base, c.left.batch, batch, "left"),
                self._pointer(at, self.function.results[0].base, c.batch_strides, batch, "result"),
            )
        )
        operands = [next(matrices) if number is None else number for number in numbers]
        emit(at.block, CallOp, operands, (), {"callee": SymbolRefAttr(self.call.symbol)})

    def _pointer(self, at: LoopBuilder, base: SSAValue, strides, batch, name: str) -> SSAValue:
        """A memref of one element, the first of a matrix."""
        return at.view(base, at.value(self.offset(at, strides, batch)), (), (), name)

    def _epilogue(self, at: LoopBuilder) -> None:
        lanes = self.target.lanes(ELEMENT_BITS[self.contraction.element])
        total: Index = self.rows
        for size in self.batch:
            total = at.mul(total, size)

        def row(inner: LoopBuilder, index: SSAValue) -> None:
            *batch, i = inner.split(index, [*self.batch, self.rows])
            product = self.result(inner, batch)

            def element(body: LoopBuilder, j: SSAValue) -> None:
                self.finish_element(body, batch, i, j, body.load(product, (i, j)))

            inner.serial(self.columns, element, attributes=vector_loop(lanes, 2), name="j")

        grain = max(1, PARALLEL_CYCLES // max(self.call.columns, 1))
        at.parallel(total, row, grain, "row")


def map_kernel(kernel: FuncOp, call: LibraryCall, target: TargetSpec) -> None:
    """Replace a contraction kernel by a call."""
    module = kernel.parent_op()
    assert isinstance(module, ModuleOp)
    function = DestinationFunction(kernel, trap=call.contraction.may_trap)
    type_ = CallBuilder(function, call, target).build()
    made = function.finish()
    made.attributes["fxlower.kernel"] = string_attr("library")
    _declare(module, call.symbol, type_)


def _declare(module: ModuleOp, symbol: str, type_: FunctionType) -> None:
    block = module.body.block
    first = block.first_op
    known = (f for f in block.ops if isinstance(f, FuncOp) and f.sym_name.data == symbol)
    if next(known, None) is None and first is not None:
        block.insert_op_before(FuncOp.external(symbol, type_.inputs.data, ()), first)


@dataclass(frozen=True)
class MapToLibraryPass(ModulePass):
    """Turn contraction kernels into calls of the target's library, or of the one named here."""

    name = "map-to-library"

    symbol: str | None = None
    """A function to call, instead of those that the target names."""
    element: str = "f32"
    min_operations: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        library = target.library
        if self.symbol is not None:
            library = (
                LibraryProduct(
                    element=self.element,
                    symbol=self.symbol,
                    min_operations=self.min_operations,
                ),
            )
        for kernel in kernels_of_kind(op, "contraction"):
            if (call := library_call(kernel, library)) is not None:
                map_kernel(kernel, call, target)
