"""From `@main` at stage `linalg` to the steps that the host takes at each call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch.utils._pytree import tree_flatten
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from fxlower.analysis.constants import CONSTANT
from fxlower.analysis.layout import (
    Strides,
    canonical,
    declared_strides,
    is_dense,
    result_strides,
    view_offset,
    view_strides,
)
from fxlower.analysis.symbols import add
from fxlower.dialects.build import INDEX, Dim, dims_from, dims_of
from fxlower.dialects.fxt import VIEWS, AtenOp
from fxlower.dialects.fxt.call import CallOp
from fxlower.frontend.program import (
    ExpressionSlot,
    Imported,
    InputSlot,
    ScalarSlot,
    SizeSlot,
    TensorOutput,
)
from fxlower.frontend.types import DTYPE, OPAQUE
from fxlower.runtime.folded_views import fold_views
from fxlower.runtime.memory import bytes_of
from fxlower.runtime.plan import (
    AtenStep,
    Buffer,
    HostPlan,
    KeepStep,
    KeptTensor,
    KernelCall,
    SegmentStep,
    Shape,
    SymbolStep,
    ViewStep,
)

Step = SegmentStep | AtenStep | ViewStep


@dataclass(frozen=True)
class Elements:
    """Element types at stage `fxt`: from `linalg` on, unsigned ones can no longer be told."""

    arguments: tuple[Attribute | None, ...]
    results: tuple[Attribute | None, ...]
    operands: dict[int, tuple[Attribute | None, ...]]
    """Of each `fxt.aten`, by its id."""

    outputs: dict[int, tuple[Attribute | None, ...]]

    @classmethod
    def of(cls, main: FuncOp) -> Elements:
        def elements(values: Iterable[SSAValue]) -> tuple[Attribute | None, ...]:
            return tuple(getattr(v.type, "element_type", None) for v in values)

        block = main.body.block
        calls = [op for op in block.ops if isinstance(op, AtenOp)]
        assert block.last_op is not None
        return cls(
            elements(block.args),
            elements(block.last_op.operands),
            {op.id.value.data: elements(op.inputs) for op in calls},
            {op.id.value.data: elements(op.outputs) for op in calls},
        )


def build_plan(
    main: FuncOp, segments: Mapping[str, FuncOp], imported: Imported, elements: Elements
) -> HostPlan:
    """The host's plan for the `@main` that `split-segments` left: calls of `segments`,
    `fxt.aten`, views, and the return."""
    return Planner(main, segments, imported, elements).build()


class Planner:
    def __init__(
        self,
        main: FuncOp,
        segments: Mapping[str, FuncOp],
        imported: Imported,
        elements: Elements,
    ) -> None:
        self.main = main
        self.elements = elements
        self.segments = segments
        self.imported = imported
        self.numbers: dict[SSAValue, int] = {}
        self.strides: dict[SSAValue, Strides] = {}
        self.offsets: dict[SSAValue, Dim] = {}
        """From the first element of the value's root."""

        self.roots: dict[SSAValue, SSAValue] = {}
        """For a view, the input or result in whose memory it is."""

        self.viewed: dict[SSAValue, SSAValue] = {}
        """For a result of an operator that only views memory, the value that it views."""

        self.symbols: dict[SSAValue, str] = {}
        self.steps: list[Step] = []
        self.constants: dict[SSAValue, CallOp] = {}
        """Results of the calls that the host makes only when their operands have changed."""
        self.kept: list[KeepStep] = []

    def build(self) -> HostPlan:
        block = self.main.body.block
        assert block.last_op is not None
        self.exact_strides = {
            block.last_op.operands[o.index]: o.strides
            for o in self.imported.outputs
            if isinstance(o, TensorOutput)
        }
        inputs: list[Buffer] = []
        for i, arg in enumerate(block.args):
            if is_strided(arg):
                strides = declared_strides(arg.type, self.main.arg_attrs, i)
                inputs.append(self.define(arg, strides, self.elements.arguments[i]))
            elif arg.type == INDEX:
                assert self.main.arg_attrs is not None
                name = self.main.arg_attrs.data[i].data["fxt.symbol"]
                assert isinstance(name, StringAttr)
                self.symbols[arg] = name.data
            else:
                self.numbers[arg] = len(self.numbers)
        for op in block.ops:
            if isinstance(op, CallOp) and CONSTANT in op.attributes:
                self.add_constant(op)
            elif isinstance(op, CallOp):
                self.add_call(op)
            elif isinstance(op, AtenOp):
                self.add_operator(op)
            elif isinstance(op, VIEWS):
                self.add_view(op)
            elif not isinstance(op, ReturnOp):
                raise ValueError(f"@main must hold calls, views and fxt.aten, got '{op.name}'")
        outputs, mutations, written = self.returns(block.last_op)
        kept = {what for kind, what in outputs if kind in ("tensor", "copy", "number")}
        kept |= {number for kind, what in outputs if kind == "copies" for number in what[0]}
        kept |= {number for mutation in mutations for number in mutation[:2]}
        return HostPlan(
            arguments=self.imported.placeholders,
            tensor_inputs=self.imported.tensor_inputs,
            inputs=tuple(inputs[: len(self.imported.tensor_inputs)]),
            attributes=self.imported.attributes,
            held=self.held(),
            symbols=tuple(
                SymbolStep(name, source)
                for name, source in self.imported.symbols.items()
                if source.kind != "fallback"
            ),
            divisors=tuple(Shape.of((dim,)) for dim in self.imported.divisors),
            kept=tuple(self.kept),
            steps=released(fold_views(self.steps, kept), kept),
            outputs=outputs,
            mutations=mutations,
            written=written,
            assigned=self.imported.assigned,
            values=len(self.numbers),
        )

    def define(self, value: SSAValue, strides: Strides, element: Attribute | None) -> Buffer:
        """Number a tensor that is no view."""
        number = self.numbers[value] = len(self.numbers)
        self.strides[value] = strides
        self.offsets[value] = 0
        self.roots[value] = value
        dims = dims_of(value.type)
        if element is None:
            assert isinstance(value.type, TensorType)
            element = value.type.element_type
        return Buffer(
            number, len(dims), Shape.of(dims), self.written(value, strides), DTYPE[element]
        )

    def written(self, value: SSAValue, strides: Strides) -> Shape:
        """The strides that torch gets to see: eager's own spelling of the same layout."""
        exact = self.exact_strides.get(value, strides)
        dims = dims_of(value.type)
        if len(exact) != len(dims) or canonical(dims, exact) != strides:
            exact = strides
        return Shape.of(exact)

    def element(self, value: SSAValue) -> Attribute | None:
        """The element type that the users of a segment's result outside segments know it by."""
        for use in value.uses:
            op = use.operation
            if isinstance(op, ReturnOp):
                return self.elements.results[use.index]
            if isinstance(op, AtenOp):
                return self.elements.operands[op.id.value.data][use.index]
            if isinstance(op, VIEWS) and (found := self.element(op.results[0])) is not None:
                return found
        return None

    def held(self) -> tuple[int, ...]:
        """Arguments that outputs or operators in eager mode want as they were passed."""
        calls = self.imported.calls.values()
        wanted = [*self.imported.outputs, *(s for c in calls for s in slots((c.args, c.kwargs)))]
        found = {s.index for s in wanted if isinstance(s, InputSlot)}
        return tuple(sorted(found.union(self.imported.assigned)))

    # ------------------------------------------------------------------------------- steps

    def add_call(self, op: CallOp) -> None:
        name = op.callee.string_value()
        attrs = self.segments[name].res_attrs
        operands = tuple(self.numbers[v] for v in op.operands if v not in self.symbols)
        results = [
            self.define(value, declared_strides(value.type, attrs, i), self.element(value))
            for i, value in enumerate(op.results)
        ]
        self.steps.append(
            SegmentStep(
                segment=name,
                operands=operands,
                results=tuple(results),
                symbols=tuple(self.symbols[v] for v in op.operands if v in self.symbols),
            )
        )

    def add_constant(self, op: CallOp) -> None:
        for i, value in enumerate(op.results):
            strides = result_strides(op, i)
            self.define(value, strides, value.type.element_type)  # type: ignore[attr-defined]
            self.constants[value] = op
        for value in op.results:
            if not all(_is_constant(use.operation) for use in value.uses):
                self.kept.append(self.keep(value))

    def keep(self, value: SSAValue) -> KeepStep:
        """How `value` is made of weights, by as many calls as that takes."""
        calls = self.needed_calls(value)
        made = [v for call in calls for v in call.results]
        roots = list(dict.fromkeys(self.roots[v] for call in calls for v in call.operands))
        roots = [v for v in roots if v not in self.constants]
        slots = {v: i for i, v in enumerate((*roots, *made))}
        return KeepStep(
            value=self.numbers[value],
            roots=tuple(self.numbers[v] for v in roots),
            calls=tuple(self.kernel_call(call, slots) for call in calls),
            slot=slots[value],
            bytes=bytes_of(*self.kept_layout(value)),
        )

    def needed_calls(self, value: SSAValue) -> list[CallOp]:
        """The constant calls that `value` comes from, in order."""
        found: dict[CallOp, None] = {}

        def visit(call: CallOp) -> None:
            for operand in call.operands:
                source = self.constants.get(self.roots[operand])
                if source is not None and source not in found:
                    visit(source)
            found[call] = None

        visit(self.constants[value])
        return list(found)

    def kernel_call(self, op: CallOp, slots: Mapping[SSAValue, int]) -> KernelCall:
        operands: list[tuple[int, int]] = []
        for value in op.operands:
            offset = self.offsets[value]
            assert isinstance(offset, int) and isinstance(value.type, TensorType)
            size = DTYPE[value.type.element_type].itemsize
            operands.append((slots[self.roots[value]], offset * size))
        results = tuple(KeptTensor(*self.kept_layout(v)) for v in op.results)
        return KernelCall(op.callee.string_value(), tuple(operands), results)

    def kept_layout(self, value: SSAValue) -> tuple[tuple[int, ...], tuple[int, ...], Any]:
        assert isinstance(value.type, TensorType)
        sizes, strides = dims_of(value.type), self.strides[value]
        assert all(isinstance(n, int) for n in (*sizes, *strides))
        return sizes, strides, DTYPE[value.type.element_type]  # type: ignore[return-value]

    def add_operator(self, op: AtenOp) -> None:
        call = self.imported.calls[op.id.value.data]
        operands = tuple(self.numbers[v] for v in op.inputs)
        strides = op.attributes["strides"]
        assert isinstance(strides, ArrayAttr)
        made: list[Buffer | None] = []
        dtypes: list[Any] = []
        elements = self.elements.outputs[op.id.value.data]
        for value, given, element in zip(op.outputs, strides, elements, strict=True):
            if is_strided(value):
                made.append(self.define(value, dims_from(given), element))
            else:  # of a type that only operators in eager mode know
                self.numbers[value] = len(self.numbers)
                made.append(None)
            # Fake implementations of torch's own give floats for quantized tensors.
            read = any(not isinstance(use.operation, (AtenOp, ReturnOp)) for use in value.uses)
            dtypes.append(made[-1].dtype if made[-1] is not None and read else None)
        if "pure" in op.attributes:
            self.viewed.update((r, op.inputs[0]) for r in op.outputs)
        self.steps.append(
            AtenStep(
                call=call,
                operands=operands,
                operand_strides=tuple(
                    eager_layout(v, given) for v, given in zip(op.inputs, call.operand_strides)
                ),
                results=tuple(self.numbers[v] for v in op.outputs),
                sizes=tuple(m and m.sizes for m in made),
                strides=tuple(Shape.of(dims_from(given)) for given in strides),
                dtypes=tuple(dtypes),
                numbers=tuple((position, Shape.of((n,))) for position, n in call.numbers),
            )
        )

    def add_view(self, op: Any) -> None:
        source: SSAValue = op.input
        strides = view_strides(op, self.strides[source])
        if strides is None:
            raise ValueError(f"{op.name} in @main is no view of strides {self.strides[source]}")
        number = self.numbers[op.result] = len(self.numbers)
        self.strides[op.result] = strides
        offset = self.offsets[op.result] = add(
            self.offsets[source], view_offset(op, self.strides[source])
        )
        self.roots[op.result] = self.roots[source]
        if all(_is_constant(use.operation) for use in op.result.uses):
            return
        self.steps.append(
            ViewStep(
                value=number,
                base=self.numbers[self.roots[source]],
                sizes=Shape.of(dims_of(op.result.type)),
                strides=self.written(op.result, strides),
                offset=Shape.of((offset,)),
            )
        )

    # ----------------------------------------------------------------------------- outputs

    def returns(
        self, op: Any
    ) -> tuple[tuple[tuple[str, Any], ...], tuple[tuple[int, int, bool], ...], tuple[int, ...]]:
        """What the call returns, which inputs the host writes, and which ones kernels do."""
        assert isinstance(op, ReturnOp)
        args = self.main.body.block.args
        attrs = self.main.res_attrs
        targets: dict[SSAValue, SSAValue] = {}
        for i, value in enumerate(op.operands):
            target = attrs.data[i].data.get("fxt.mutates") if attrs is not None else None
            if isinstance(target, IntegerAttr):
                targets[args[target.value.data]] = value
        mutations = [
            (self.numbers[t], self.numbers[v], self.memory(v) in targets)
            for t, v in targets.items()
            if v is not t
        ]
        written = tuple(self.numbers[t] for t, v in targets.items() if v is t)
        owners: dict[SSAValue, int] = dict(zip(args, self.imported.storages))
        outputs = [self.output(o, op.operands, owners) for o in self.imported.outputs]
        return self.copied_together(outputs, op.operands), tuple(mutations), written

    def copied_together(
        self, outputs: list[tuple[str, Any]], results: Sequence[SSAValue]
    ) -> tuple[tuple[str, Any], ...]:
        """Copies of one storage are one copy, of which the outputs are views."""
        groups: dict[tuple[SSAValue | None, int], dict[int, None]] = {}
        for (kind, what), output in zip(outputs, self.imported.outputs, strict=True):
            if kind == "copy":
                key = self.memory(results[output.index]), output.storage
                groups.setdefault(key, {})[what] = None
        group_of = {n: tuple(g) for g in groups.values() if len(g) > 1 for n in g}
        return tuple(
            ("copies", (group_of[what], what))
            if kind == "copy" and what in group_of
            else (kind, what)
            for kind, what in outputs
        )

    def memory(self, value: SSAValue) -> SSAValue | None:
        """In whose memory a value is, or may be."""
        root = self.roots.get(value)
        while root is not None and root in self.viewed:
            root = self.roots.get(self.viewed[root])
        return root

    def output(
        self, output: Any, results: Sequence[SSAValue], owners: dict[SSAValue, int]
    ) -> tuple[str, Any]:
        """How one output is made. `owners` are the storages, in eager mode, whose memory each
        root holds: an output of another storage must be a copy."""
        match output:
            case TensorOutput(index, storage):
                value = results[index]
                root = self.memory(value)
                if root is not None and owners.setdefault(root, storage) != storage:
                    return "copy", self.numbers[value]
                return "tensor", self.numbers[value]
            case ScalarSlot(index):
                return "number", self.numbers[results[index]]
            case SizeSlot(size):
                return "size", Shape.of((size,))
            case ExpressionSlot():
                return "expression", output
            case InputSlot(index):
                return "input", index
            case _:
                return "constant", output


def _is_constant(op: Operation) -> bool:
    """Whether an operation is only there to make values of weights."""
    if isinstance(op, VIEWS):
        return all(_is_constant(use.operation) for use in op.results[0].uses)
    return isinstance(op, CallOp) and CONSTANT in op.attributes


def slots(tree: Any) -> list[Any]:
    return tree_flatten(tree)[0]


def is_strided(value: SSAValue) -> bool:
    """Whether a value has memory that compiled code can read."""
    return isinstance(value.type, TensorType) and value.type.element_type != OPAQUE


def eager_layout(value: SSAValue, strides: Strides | None) -> Shape | None:
    """`strides` if a tensor of its own can have them."""
    if strides is None or not is_strided(value):
        return None
    return Shape.of(strides) if is_dense(dims_of(value.type), strides) else None


def released(steps: list[Step], kept: set[int]) -> tuple[Step, ...]:
    """The steps, each with the values that no later step needs."""
    seen = set(kept)
    done: list[Step] = []
    for step in reversed(steps):
        if isinstance(step, ViewStep):
            used = {step.base, step.value}
        elif isinstance(step, SegmentStep):
            used = {*step.operands, *(b.value for b in step.results)}
        else:
            used = {*step.operands, *step.results}
        done.append(replace(step, release=tuple(sorted(used - seen))))
        seen |= used
    return tuple(reversed(done))
