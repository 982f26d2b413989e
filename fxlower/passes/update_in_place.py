"""Let kernels write results that are copied into an argument of `@main` to that argument's memory.

Before:

    func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32> {fxt.mutates = 0 : i64}) {
      %0 = fxt.call @mul_1a2b(%x) : (tensor<4xf32>) -> tensor<4xf32>
      func.return %0 : tensor<4xf32>
    }

After:

    func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32> {fxt.mutates = 0 : i64}) {
      %0 = fxt.call @mul_3c4d(%x) {inplace = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32>
      func.return %0 : tensor<4xf32>
    }
    func.func private @mul_3c4d(%0: tensor<4xf32>) -> (tensor<4xf32> {fxt.inplace = 0 : i64}) ...

A result may be written there if

- it has the layout of the argument, whose elements do not overlap;
- the kernel reads the argument's old value only where it writes (`fxlower/analysis/inplace.py`),
  and does not trap half way;
- all else that reads the old value can run before: calls are put in such an order. A kernel that
  may trap runs before as well where it can, so that a call that raises has changed nothing.

Of a result that is joined of slices, those that are slices of the argument at their place stay
where they are. The others are written there, by the kernel that joins them, or by those that make
them where it would but copy. The joining kernel may read the argument's slices at the place of any
of these. A result that is needed in memory of its own besides is stored twice. Where any of this
cannot be shown, the host copies.

AOTAutograd makes inputs that overlap in memory, where one of them is changed, views of one input (a
synthetic base), so that what is an argument by itself here does not overlap others. Programs that
are called without AOTAutograd have it checked by the host (`fxlower/standalone.py`).

Needs `@main` as `form-kernels` leaves it, which it leaves as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, SymbolRefAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from fxlower.analysis.layout import result_strides
from fxlower.dialects.build import INDEX, emit, emit1
from fxlower.dialects.fxt.call import CallOp
from fxlower.dialects.fxt.view import VIEWS, axes_attr
from fxlower.passes.inplace_decisions import Change, Decisions
from fxlower.passes.inplace_kernel import inplace_kernel
from fxlower.passes.kernel_shell import strides_of_results


class _Rebuilder:
    """A function anew, with what was decided for it."""

    def __init__(self, made: Decisions):
        self.made = made
        old = made.block
        self.new = Block(arg_types=[a.type for a in old.args])
        self.values: dict[SSAValue, SSAValue] = dict(zip(old.args, self.new.args))
        for before, after in self.values.items():
            after.name_hint = before.name_hint

    def run(self) -> FuncOp:
        made = self.made
        doubles: dict[tuple[CallOp, int], SSAValue] = {}
        for op in made.order.sorted():
            if isinstance(op, CallOp) and op in made.changes:
                self._call(op, made.changes[op], doubles)
                continue
            operands = [self._value(v) for v in op.operands]
            types = [r.type for r in op.results]
            self._define(
                op, emit(self.new, type(op), operands, types, op.properties, op.attributes)
            )
        values: list[SSAValue] = []
        for i, value in enumerate(made.terminator.operands):
            if i in made.returned:
                double = doubles[made.returned[i]]
                values.append(self._view_of(double, value, made.places.of[value].root))
            else:
                values.append(self._value(value))
        emit(self.new, ReturnOp, values)
        return FuncOp.create(
            properties=dict(made.function.properties),
            attributes=dict(made.function.attributes),
            regions=[Region(self.new)],
        )

    def _value(self, old: SSAValue) -> SSAValue:
        known = self.values.get(old)
        if known is None:
            op = old.owner
            assert isinstance(op, VIEWS)
            source = self._value(op.input)
            known = emit1(self.new, type(op), (source,), old.type, op.properties, op.attributes)
            known.name_hint = old.name_hint
            self.values[old] = known
        return known

    def _view_of(self, source: SSAValue, value: SSAValue, root: SSAValue) -> SSAValue:
        """The view of `source` that `value` is of `root`."""
        if value is root:
            return source
        op = value.owner
        assert isinstance(op, VIEWS)
        source = self._view_of(source, op.input, root)
        return emit1(self.new, type(op), (source,), value.type, op.properties, op.attributes)

    def _define(self, old: Operation, new: Operation) -> None:
        for before, after in zip(old.results, new.results):
            after.name_hint = before.name_hint
            self.values[before] = after

    def _call(
        self, op: CallOp, changes: list[Change], doubles: dict[tuple[CallOp, int], SSAValue]
    ) -> None:
        kernel = self.made.kernels[op.callee.string_value()]
        made = inplace_kernel(kernel, [c.kernel for c in changes])
        made = self.made.kernels.setdefault(made.sym_name.data, made)
        tensors = [self._value(v) for v in op.operands if v.type != INDEX]
        symbols = [self._value(v) for v in op.operands if v.type == INDEX]
        types = [r.type for r in op.results]
        strides = [result_strides(op, i) for i in range(len(types))]
        inplace = [-1] * len(types)
        double: dict[int, int] = {}
        for number, change in enumerate(changes):
            at = change.read
            if at < 0:
                at = len(tensors)
                tensors.append(self._value(change.target))
            result, layout = change.kernel.result, self.made.places.of[change.target].strides
            if change.kernel.doubled:
                double[number] = len(types)
                types.append(types[result])
                strides.append(layout)
                inplace.append(at)
            else:
                strides[result], inplace[result] = layout, at
            for slice_, there in zip(change.kernel.slices, change.slices, strict=True):
                at = slice_.argument
                if at < 0:
                    at = len(tensors)
                    tensors.append(self._value(there))
                types.append(there.type)
                strides.append(self.made.places.of[there].strides)
                inplace.append(at)
        call = emit(
            self.new,
            CallOp,
            (*tensors, *symbols),
            types,
            {"callee": SymbolRefAttr(made.sym_name)},
            {**strides_of_results(types, strides), "inplace": axes_attr(inplace)},
        )
        self._define(op, call)
        doubles.update(((op, number), call.results[i]) for number, i in double.items())


@dataclass(frozen=True)
class UpdateInPlacePass(ModulePass):
    """Let kernels write to the memory of the arguments that they change."""

    name = "update-in-place"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        block = op.body.block
        functions = [f for f in block.ops if isinstance(f, FuncOp) and f.body.blocks]
        kernels = {f.sym_name.data: f for f in functions if "fxlower.kernel" in f.attributes}
        known = set(kernels)
        for function in functions:
            if "fxlower.kernel" in function.attributes or not _mutates(function):
                continue
            decisions = Decisions(function, kernels)
            if decisions.changes:
                block.insert_op_before(_Rebuilder(decisions).run(), function)
                function.detach()
                function.erase()
        made = [k for name, k in kernels.items() if name not in known]
        if not made:
            return
        called = {
            c.callee.string_value()
            for f in block.ops
            if isinstance(f, FuncOp)
            for c in f.body.ops
            if isinstance(c, CallOp)
        }
        for name in known - called:
            kernels[name].detach()
            kernels[name].erase()
        for kernel in made:
            block.add_op(kernel)


def _mutates(function: FuncOp) -> bool:
    attributes: ArrayAttr | None = function.res_attrs
    return attributes is not None and any("fxt.mutates" in a.data for a in attributes.data)
