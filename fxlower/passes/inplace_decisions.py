"""What `update-in-place` may do in a function: which results are written to the memory of
arguments, and in which order calls then run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, OpResult, SSAValue

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
)
from fxlower.analysis.places import Places
from fxlower.analysis.symbols import product, substitute, symbols_of
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim, dims_attr, dims_of, tensor_type
from fxlower.dialects.fxt.call import CallOp
from fxlower.dialects.fxt.view import axes_attr
from fxlower.passes.inplace_kernel import InPlace, InPlaceSlice, inplace_kernel


@dataclass(eq=False)
class Change:
    """A result of `call` that is written to the memory of `target`, a view of an argument."""

    call: CallOp
    kernel: InPlace
    target: SSAValue
    read: int
    """The operand that is the target's old value; -1 for none."""
    slices: tuple[SSAValue, ...] = ()
    """The slice of the target that each of `kernel.slices` is written to."""
    movable: dict[int, int] = field(default_factory=dict)
    """Pieces that are copies of an operand, by number, where the call does not read what they
    overwrite: what makes the operand may write it there."""


class Decisions:
    """What may be written in place in `function`, which calls `kernels`."""

    def __init__(self, function: FuncOp, kernels: dict[str, FuncOp]):
        self.function = function
        self.kernels = kernels
        self.block = function.body.block
        terminator = self.block.last_op
        assert isinstance(terminator, ReturnOp)
        self.terminator = terminator
        self.places = Places(function)
        self.order = CallOrder([op for op in self.block.ops if isinstance(op, CallOp | fxt.AtenOp)])
        self.uses = self.places.uses
        """Of each argument, the operands that read its old value."""
        self.changes: dict[CallOp, list[Change]] = {}
        self.returned: dict[int, tuple[CallOp, int]] = {}
        """Results of the function that are stored a second time: the change that does so."""
        self.trapping = [op for op in self.order.nodes if self._traps(op)]
        for index in range(len(self.terminator.operands)):
            target = mutated_argument(function, index)
            if target is not None:
                self._update(index, target)

    def _traps(self, op: Operation) -> bool:
        kernel = self.kernels.get(op.callee.string_value()) if isinstance(op, CallOp) else None
        return kernel is not None and traps(kernel)

    def _update(self, index: int, argument: SSAValue) -> None:
        value = self.terminator.operands[index]
        place, own = self.places.of[value], self.places.of[argument]
        sizes = dims_of(argument.type)
        if place.strides != own.strides or not has_own_elements(sizes, own.strides):
            return
        for op, i in self.uses[argument]:
            if isinstance(op, fxt.AtenOp) and "pure" in op.attributes:
                return  # a view that the host makes: who reads it, and when, is not known
            if isinstance(op, ReturnOp) and mutated_argument(self.function, i) is not argument:
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
            self.places.of[v].root is root and mutated_argument(self.function, i) is None
            for i, v in enumerate(self.terminator.operands)
            if i != index and v in self.places.of
        )

    def _seen_from(self, memory: SSAValue, value: SSAValue, root: SSAValue) -> SSAValue | None:
        """`memory`, where `value` is to be, with the sizes that `root` has, which `value` is a view
        of; None if it is not all of it."""
        found: SSAValue | None = memory
        while value is not root and found is not None:
            op = value.owner
            if isinstance(op, fxt.ReshapeOp):
                found = self.places.view(fxt.ReshapeOp, found, op.input.type)
            elif isinstance(op, fxt.PermuteOp):
                back = axes_attr([op.axes.index(i) for i in range(len(op.axes))])
                found = self.places.view(fxt.PermuteOp, found, op.input.type, permutation=back)
            else:
                return None
            value = op.input
        return found

    def _change(
        self, result: OpResult, target: SSAValue, *, doubled: bool = False
    ) -> Change | None:
        """How the kernel of `result` writes it to `target`; None if it may not."""
        call = result.op
        assert isinstance(call, CallOp)
        kernel = self.kernels.get(call.callee.string_value())
        if kernel is None or traps(kernel) or not kind_of(kernel):
            return None
        strides = self._for_kernel(call, kernel, self.places.of[target].strides)
        if strides is None:
            return None
        moves = canonical(dims_of(result.type), strides) != self._strides_in(kernel, result.index)
        if (moves or doubled) and kind_of(kernel) != "loops":
            return None
        root = self.places.of[target].root
        read = [i for op, i in self.uses[root] if op is call]
        pieces = pieces_of(kernel, result.index) if kind_of(kernel) == "loops" else []
        if pieces and not doubled:
            joined = self._joined(call, kernel, result, target, pieces)
            if joined is not None or read:
                return joined
        if not read:
            return Change(call, InPlace(result.index, -1, strides, doubled=doubled), target, -1)
        if len(read) > 1 or not self.places.same(call.operands[read[0]], target):
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
        pieces: list[Piece],
    ) -> Change | None:
        """How slices of a joined result are written to those of `target`. An operand that is one of
        these shares no element with the others."""
        names = self._symbols(call, kernel)
        root = self.places.of[target].root
        unknown = {i for op, i in self.uses[root] if op is call}
        """Operands that read the old value, of which it is not known yet where."""
        slices: list[InPlaceSlice] = []
        written: list[SSAValue] = []
        movable: dict[int, int] = {}
        for number, piece in enumerate(pieces):
            there = self._slice(target, piece, names)
            read = [i for i in unknown if self._is_at(call.operands[i], there)]
            unknown -= set(read)
            if piece.copied in read:
                continue  # it lies there already
            sizes = tuple(substitute(d, names) for d in dims_of(piece.source.type))
            memory = self._with_sizes(there, sizes)
            strides = memory and self._for_kernel(call, kernel, self.places.of[memory].strides)
            if memory is None or strides is None or len(read) > 1:
                return None
            if read and not self.places.same(call.operands[read[0]], memory):
                return None
            if piece.copied >= 0 and not read:
                movable[number] = piece.copied
            slices.append(InPlaceSlice(number, read[0] if read else -1, strides))
            written.append(memory)
        strides = self._for_kernel(call, kernel, self.places.of[target].strides)
        if unknown or strides is None:
            return None
        change = InPlace(result.index, -1, strides, joined=True, slices=tuple(slices))
        candidate = inplace_kernel(kernel, [change])
        first = len(kernel.function_type.outputs.data)
        for i, slice_ in enumerate(slices, first):
            if slice_.argument >= 0 and not may_overwrite(candidate, i, slice_.argument):
                return None
        return Change(call, change, target, -1, tuple(written), movable)

    def _slice(self, target: SSAValue, piece: Piece, names: dict[str, Dim]) -> SSAValue:
        """Where `piece` is of `target`."""
        starts = tuple(substitute(d, names) for d in piece.offsets)
        sizes = tuple(substitute(d, names) for d in piece.sizes)
        steps = axes_attr([1] * len(starts))
        type_ = tensor_type(target.type.element_type, sizes)  # type: ignore[attr-defined]
        made = self.places.view(fxt.SliceOp, target, type_, starts=dims_attr(starts), steps=steps)
        assert made is not None
        return made

    def _with_sizes(self, value: SSAValue, sizes: tuple[Dim, ...]) -> SSAValue | None:
        """`value` seen under `sizes`; None where that is no view of it."""
        if dims_of(value.type) == sizes:
            return value
        if product(dims_of(value.type)) != product(sizes):
            return None
        type_ = tensor_type(value.type.element_type, sizes)  # type: ignore[attr-defined]
        return self.places.view(fxt.ReshapeOp, value, type_)

    def _is_at(self, operand: SSAValue, there: SSAValue) -> bool:
        """Whether `operand` is `there`, maybe seen under other sizes."""
        if self.places.of[operand].offset != self.places.of[there].offset:
            return False
        seen = self._with_sizes(there, dims_of(operand.type))
        return seen is not None and self.places.same(operand, seen)

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
        uses = [use for use in self.uses[argument] if use[0] is not call]
        others = {op for op, _ in uses if not isinstance(op, ReturnOp)}
        if not self.order.put_before(others, call):
            return False
        for op in self.trapping:
            self.order.put_before({op}, call)
        self.uses[argument] = uses
        self.changes.setdefault(call, []).append(change)
        return True

    def _write_pieces(self, joined: Change, argument: SSAValue) -> None:
        """Have the kernels that make the slices of a joined result write them where they go."""
        for slice_, there in zip(joined.kernel.slices, joined.slices):
            if slice_.piece not in joined.movable:
                continue
            operand = joined.call.operands[joined.movable[slice_.piece]]
            root = self.places.of[operand].root
            if not isinstance(root, OpResult) or not isinstance(root.op, CallOp):
                continue
            if root.op in self.changes or not _used_once(operand, root):
                continue
            target = self._seen_from(there, operand, root)
            change = None if target is None else self._change(root, target)
            if change is None or not self._commit(change, argument):
                continue
            left = [(k, v) for k, v in zip(joined.kernel.slices, joined.slices) if k is not slice_]
            joined.kernel = replace(joined.kernel, slices=tuple(k for k, _ in left))
            joined.slices = tuple(v for _, v in left)
            self._write_pieces(change, argument)


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
