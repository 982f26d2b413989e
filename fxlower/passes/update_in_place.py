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
where they are. The others may be written there by the kernels that make them. A result that is
needed in memory of its own besides is stored twice. Where any of this cannot be shown, the host
copies.

AOTAutograd makes inputs that overlap in memory, where one of them is changed, views of one input (a
synthetic base), so that what is an argument by itself here does not overlap others. Programs that
are called without AOTAutograd have it checked by the host (`fxlower/standalone.py`).

Needs `@main` as `form-kernels` leaves it, which it leaves as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, ModuleOp, SymbolRefAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, OpResult, Region, SSAValue
from xdsl.passes import ModulePass

from fxlower.analysis.call_order import CallOrder
from fxlower.analysis.inplace import (
    Piece,
    kind_of,
    may_overwrite,
    pieces_of,
    symbol_names,
    traps,
)
from fxlower.analysis.layout import (
    Strides,
    canonical,
    declared_strides,
    has_own_elements,
    result_strides,
    view_offset,
    view_strides,
)
from fxlower.analysis.symbols import add, substitute, symbols_of
from fxlower.dialects import fxt
from fxlower.dialects.build import INDEX, Dim, dims_attr, dims_of, emit, emit1
from fxlower.dialects.fxt.call import CallOp
from fxlower.dialects.fxt.view import VIEWS, axes_attr
from fxlower.passes.inplace_kernel import InPlace, inplace_kernel
from fxlower.passes.kernel_shell import strides_of_results


@dataclass(frozen=True)
class Place:
    """Where a value in memory is: elements of `root` from `offset` on, by `strides`."""

    root: SSAValue
    offset: Dim
    strides: Strides


@dataclass(eq=False)
class Change:
    """A result of `call` that is written to the memory of `target`, a view of an argument."""

    call: CallOp
    kernel: InPlace
    target: SSAValue
    read: int
    """The operand that is the target's old value; -1 for none."""
    pieces: tuple[tuple[Piece, SSAValue], ...] = ()
    """Joined slices that do not lie there, with the slice of the target that each is copied to."""


class Updater:
    """Works on one function."""

    def __init__(self, function: FuncOp, kernels: dict[str, FuncOp]):
        self.function = function
        self.kernels = kernels
        self.block = function.body.block
        terminator = self.block.last_op
        assert isinstance(terminator, ReturnOp)
        self.terminator = terminator
        self.views = Block()
        """Views made here; they are rebuilt where they are used."""
        self.places: dict[SSAValue, Place] = {}
        self.order = CallOrder([op for op in self.block.ops if isinstance(op, CallOp | fxt.AtenOp)])
        self.uses: dict[SSAValue, list[tuple[Operation, int]]] = {}
        """Of each argument, the operands that are views of it and read its old value."""
        self.changes: dict[CallOp, list[Change]] = {}
        self.returned: dict[int, tuple[CallOp, int]] = {}
        """Results of the function that are stored a second time: the change that does so."""
        self._find_places()
        self.trapping = [op for op in self.order.nodes if self._traps(op)]

    def run(self) -> FuncOp | None:
        """The function, rebuilt; None if there is nothing to do."""
        for index in range(len(self.terminator.operands)):
            target = mutated_argument(self.function, index)
            if target is not None:
                self._update(index, target)
        return self._rebuild() if self.changes else None

    def _traps(self, op: Operation) -> bool:
        kernel = self.kernels.get(op.callee.string_value()) if isinstance(op, CallOp) else None
        return kernel is not None and traps(kernel)

    # ------------------------------------------------------------------------------- places

    def _find_places(self) -> None:
        for i, argument in enumerate(self.block.args):
            if isinstance(argument.type, TensorType):
                strides = declared_strides(argument.type, self.function.arg_attrs, i)
                self.places[argument] = Place(argument, 0, strides)
                self.uses[argument] = []
        for op in self.block.ops:
            if isinstance(op, VIEWS):
                self._place_view(op)
                continue
            for i, operand in enumerate(op.operands):
                place = self.places.get(operand)
                if place is not None and place.root in self.uses:
                    self.uses[place.root].append((op, i))
            for i, result in enumerate(op.results):
                if isinstance(result.type, TensorType):
                    self.places[result] = Place(result, 0, result_strides(op, i))

    def _place_view(self, op: Operation) -> None:
        source, result = self.places[op.operands[0]], op.results[0]
        strides = view_strides(op, source.strides)
        if strides is None:  # of a value that is in memory only after all
            self.places[result] = Place(result, 0, source.strides)
            return
        offset = add(source.offset, view_offset(op, source.strides))
        self.places[result] = Place(source.root, offset, strides)

    def _at(self, value: SSAValue) -> tuple[Dim, tuple[Dim, ...], Strides]:
        place = self.places[value]
        return place.offset, dims_of(value.type), place.strides

    def _view(
        self, cls: type[Operation], source: SSAValue, type_: Attribute, **properties: Attribute
    ) -> SSAValue:
        made = emit1(self.views, cls, (source,), type_, properties)
        self._place_view(made.owner)  # type: ignore[arg-type]
        return made

    # ------------------------------------------------------------------------------ deciding

    def _update(self, index: int, argument: SSAValue) -> None:
        value = self.terminator.operands[index]
        place, own = self.places[value], self.places[argument]
        if place.strides != own.strides or not has_own_elements(
            dims_of(argument.type), own.strides
        ):
            return
        for op, operand in self.uses[argument]:
            if (
                isinstance(op, ReturnOp)
                and mutated_argument(self.function, operand) is not argument
            ):
                return  # the old value is returned, or written to another argument
        target = self._seen_from(argument, value, place.root)
        root = place.root
        if target is None or not isinstance(root, OpResult) or not isinstance(root.op, CallOp):
            return
        doubled = self._is_returned(root, index) or any(
            c.kernel.result == root.index and not c.kernel.doubled
            for c in self.changes.get(root.op, ())
        )
        change = self._change(root, target, doubled=doubled)
        if change is None or not self._commit(change, argument):
            return
        if doubled:
            self.returned[index] = (root.op, len(self.changes[root.op]) - 1)
        self._write_pieces(change, argument)

    def _is_returned(self, root: SSAValue, index: int) -> bool:
        """Whether something that is to have memory of its own is a view of `root`."""
        return any(
            self.places[v].root is root and mutated_argument(self.function, i) is None
            for i, v in enumerate(self.terminator.operands)
            if i != index and v in self.places
        )

    def _seen_from(self, memory: SSAValue, value: SSAValue, root: SSAValue) -> SSAValue | None:
        """`memory`, where `value` is to be, with the sizes that `root` has, which `value` is a view
        of; None if it is not all of it."""
        while value is not root:
            op = value.owner
            if isinstance(op, fxt.ReshapeOp):
                memory = self._view(fxt.ReshapeOp, memory, op.input.type)
                if self.places[memory].root is memory:
                    return None
            elif isinstance(op, fxt.PermuteOp):
                back = axes_attr([op.axes.index(i) for i in range(len(op.axes))])
                memory = self._view(fxt.PermuteOp, memory, op.input.type, permutation=back)
            else:
                return None
            value = op.input
        return memory

    def _change(
        self, result: OpResult, target: SSAValue, *, doubled: bool = False
    ) -> Change | None:
        """How the kernel of `result` writes it to `target`; None if it may not."""
        call = result.op
        assert isinstance(call, CallOp)
        kernel = self.kernels.get(call.callee.string_value())
        if kernel is None or traps(kernel) or not kind_of(kernel):
            return None
        strides = self._for_kernel(call, kernel, self.places[target].strides)
        if strides is None:
            return None
        moves = canonical(dims_of(result.type), strides) != self._strides_in(kernel, result.index)
        if (moves or doubled) and kind_of(kernel) != "loops":
            return None
        root = self.places[target].root
        read = [i for op, i in self.uses[root] if op is call]
        pieces = pieces_of(kernel, result.index) if kind_of(kernel) == "loops" else []
        if pieces:
            return None if doubled else self._joined(call, kernel, result, target, strides, pieces)
        if not read:
            return Change(call, InPlace(result.index, -1, strides, doubled=doubled), target, -1)
        if len(read) > 1 or self._at(call.operands[read[0]]) != self._at(target):
            return None
        change = InPlace(result.index, read[0], strides, doubled=doubled)
        candidate = inplace_kernel(kernel, [change]) if moves else kernel
        if not may_overwrite(candidate, result.index, read[0]):
            return None
        return Change(call, change, target, read[0])

    def _joined(
        self,
        call: CallOp,
        kernel: FuncOp,
        result: OpResult,
        target: SSAValue,
        strides: Strides,
        pieces: list[Piece],
    ) -> Change | None:
        names = self._symbols(call, kernel)
        present: list[int] = []
        others: list[tuple[Piece, SSAValue]] = []
        for piece in pieces:
            operand = call.operands[piece.argument]
            starts = tuple(substitute(o, names) for o in piece.offsets)
            steps = axes_attr([1] * len(starts))
            there = self._view(
                fxt.SliceOp, target, operand.type, starts=dims_attr(starts), steps=steps
            )
            same = self._at(operand) == self._at(there)
            if same and self.places[operand].root is self.places[target].root:
                present.append(piece.argument)
            else:
                others.append((piece, there))
        root = self.places[target].root
        read = {i for op, i in self.uses[root] if op is call}
        arguments = [p.argument for p in pieces]
        if not read <= set(present) or len(set(arguments)) < len(arguments):
            return None  # it is copied from one place to another
        change = InPlace(result.index, -1, strides, tuple(present))
        return Change(call, change, target, -1, tuple(others))

    def _strides_in(self, kernel: FuncOp, result: int) -> Strides:
        return declared_strides(kernel.function_type.outputs.data[result], kernel.res_attrs, result)

    def _symbols(self, call: CallOp, kernel: FuncOp) -> dict[str, Dim]:
        """What the caller calls each symbol of the kernel."""
        outside = symbol_names(self.function)
        inside = symbol_names(kernel)
        arguments = kernel.body.block.args
        return {inside[a]: outside[v] for a, v in zip(arguments, call.operands) if a in inside}

    def _for_kernel(self, call: CallOp, kernel: FuncOp, dims: Strides) -> Strides | None:
        """`dims` in the symbols of the kernel; None if it lacks some."""
        names: dict[str, Dim] = {
            str(outside): inside for inside, outside in self._symbols(call, kernel).items()
        }
        if any(s not in names for d in dims for s in symbols_of(d)):
            return None
        return tuple(substitute(d, names) for d in dims)

    def _commit(self, change: Change, argument: SSAValue) -> bool:
        """Decide for `change` if all other readers of the old value can run before it."""
        call = change.call
        mine = {(call, change.read), *((call, i) for i in change.kernel.present)}
        others = {
            op
            for op, i in self.uses[argument]
            if not isinstance(op, ReturnOp) and op is not call and (op, i) not in mine
        }
        if not self.order.put_before(others, call):
            return False
        for op in self.trapping:
            self.order.put_before({op}, call)
        self.uses[argument] = [use for use in self.uses[argument] if use not in mine]
        self.changes.setdefault(call, []).append(change)
        return True

    def _write_pieces(self, joined: Change, argument: SSAValue) -> None:
        """Have the kernels that make the slices of a joined result write them where they go."""
        for piece, there in joined.pieces:
            operand = joined.call.operands[piece.argument]
            root = self.places[operand].root
            if not isinstance(root, OpResult) or not isinstance(root.op, CallOp):
                continue
            if root.op in self.changes or not _used_once(operand, root):
                continue
            target = self._seen_from(there, operand, root)
            change = None if target is None else self._change(root, target)
            if change is None or not self._commit(change, argument):
                continue
            present = (*joined.kernel.present, piece.argument)
            joined.kernel = replace(joined.kernel, present=present)
            self._write_pieces(change, argument)

    # ---------------------------------------------------------------------------- rebuilding

    def _rebuild(self) -> FuncOp:
        old = self.block
        self.new = Block(arg_types=[a.type for a in old.args])
        self.values: dict[SSAValue, SSAValue] = dict(zip(old.args, self.new.args))
        for before, after in self.values.items():
            after.name_hint = before.name_hint
        doubles: dict[tuple[CallOp, int], SSAValue] = {}
        for op in self.order.sorted():
            if isinstance(op, CallOp) and op in self.changes:
                self._call(op, self.changes[op], doubles)
                continue
            operands = [self._value(v) for v in op.operands]
            types = [r.type for r in op.results]
            made = emit(self.new, type(op), operands, types, op.properties, op.attributes)
            self._define(op, made)
        values: list[SSAValue] = []
        for i, value in enumerate(self.terminator.operands):
            if i in self.returned:
                double = doubles[self.returned[i]]
                values.append(self._view_of(double, value, self.places[value].root))
            else:
                values.append(self._value(value))
        emit(self.new, ReturnOp, values)
        return FuncOp.create(
            properties=dict(self.function.properties),
            attributes=dict(self.function.attributes),
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
        kernel = self.kernels[op.callee.string_value()]
        made = inplace_kernel(kernel, [c.kernel for c in changes])
        made = self.kernels.setdefault(made.sym_name.data, made)
        tensors = [self._value(v) for v in op.operands if v.type != INDEX]
        symbols = [self._value(v) for v in op.operands if v.type == INDEX]
        types = [r.type for r in op.results]
        strides = [result_strides(op, i) for i in range(len(types))]
        inplace = [-1] * len(types)
        for change in changes:
            at = change.read
            if at < 0:
                at = len(tensors)
                tensors.append(self._value(change.target))
            result, layout = change.kernel.result, self.places[change.target].strides
            if change.kernel.doubled:
                types.append(types[result])
                strides.append(layout)
                inplace.append(at)
            else:
                strides[result], inplace[result] = layout, at
        call = emit(
            self.new,
            CallOp,
            (*tensors, *symbols),
            types,
            {"callee": SymbolRefAttr(made.sym_name)},
            {**strides_of_results(types, strides), "inplace": axes_attr(inplace)},
        )
        self._define(op, call)
        extra = iter(call.results[len(op.results) :])
        for i, change in enumerate(changes):
            if change.kernel.doubled:
                doubles[op, i] = next(extra)


def mutated_argument(function: FuncOp, result: int) -> SSAValue | None:
    """The argument that the host writes `result` of `@main` to."""
    attributes: ArrayAttr | None = function.res_attrs
    found = None if attributes is None else attributes.data[result].data.get("fxt.mutates")
    return function.body.block.args[found.value.data] if isinstance(found, IntegerAttr) else None


def _used_once(value: SSAValue, root: SSAValue) -> bool:
    """Whether `value`, a view of `root`, has one use and is the only one of `root`."""
    while value.has_one_use():
        if value is root:
            return True
        value = value.owner.operands[0]  # type: ignore[union-attr]
    return False


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
            updated = Updater(function, kernels).run()
            if updated is not None:
                block.insert_op_before(updated, function)
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
