"""FX graphs to `fxt`: one walk over the nodes, in order.

Every node of the graph becomes a value: a tensor an SSA value, a symbolic integer a `Sym` (dims
are in types, so integers need no IR), anything else itself. Operators are lowered by the rules in
`fxlower.frontend.registry`; those without one become an `fxt.aten` each, see
`fxlower.frontend.fallback`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.fx import GraphModule, Node
from xdsl.dialects.builtin import (
    ArrayAttr,
    ComplexType,
    DictionaryAttr,
    ModuleOp,
    UnitAttr,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, OpResult, Region, SSAValue

import fxlower.frontend.aten  # noqa: F401  (registers the shipped rules)
from fxlower.analysis.constants import CONSTANT
from fxlower.analysis.lifetimes import DYING
from fxlower.dialects.build import (
    ELEMENT_BITS,
    INDEX,
    dims_attr,
    dims_of,
    emit,
    int_attr,
    string_attr,
)
from fxlower.errors import FxlowerError, InternalError, UnsupportedGraph
from fxlower.frontend.builder import RuleBuilder, TensorInfo
from fxlower.frontend.encoded import Encoded, encoded_among
from fxlower.frontend.fallback import Fallbacks
from fxlower.frontend.metadata import complete_values
from fxlower.frontend.program import (
    ExpressionSlot,
    Imported,
    InputSlot,
    ScalarSlot,
    SizeSlot,
    TensorOutput,
)
from fxlower.frontend.registry import (
    COMPLEX_RULES,
    FLOAT8_RULES,
    NotLowered,
    Rule,
    Sym,
    describe,
    rule_of,
)
from fxlower.frontend.scalars import Scalar, ScalarBuilder, has_symbolic_number, scalar_of
from fxlower.frontend.shared_results import SharedResults
from fxlower.frontend.sources import place_of, source_of
from fxlower.frontend.subgraphs import is_control_flow, is_inlined
from fxlower.frontend.symbolic import SymbolTable, expression_of
from fxlower.frontend.tensors import TensorReader, packed
from fxlower.frontend.types import PART

aten = torch.ops.aten

_SYMBOLIC = (torch.SymInt, torch.SymFloat, torch.SymBool)

SIZE_QUERIES = {
    aten.sym_size.int,
    aten.sym_stride.int,
    aten.sym_numel.default,
    aten.sym_storage_offset.default,
    aten.sym_is_contiguous.default,
}
"""Operators whose result is known from the graph: no call is needed."""


SubgraphCompiler = Callable[[GraphModule], Callable[..., Any]]
"""What a higher-order operator calls instead of a graph that is its argument."""


def import_graph(
    gm: GraphModule,
    *,
    name: str = "main",
    fallback: str = "aten",
    constants: Sequence[int] = (),
    dying: Sequence[int] = (),
    visible: int | None = None,
    subgraphs: SubgraphCompiler | None = None,
    sources: bool = False,
) -> Imported:
    """The `fxt` module of a functional ATen graph with fake values in `node.meta["val"]`: from
    AOTAutograd, `make_fx`, or `ExportedProgram.run_decompositions(...).graph_module`.

    `fallback`: "aten" calls operators without a lowering in eager mode; "error" raises.
    `constants` are placeholders, by position, of tensors that seldom change, `dying` those of
    tensors that nobody holds once the graph does not need them any more. The first `visible`
    results (None: all) may be written to by the caller, who sees it in others of that memory.
    `subgraphs` compiles the branches and bodies of control flow, which stay graphs without it.
    With `sources`, names of values tell the user's lines that they are from (`Imported.sources`).

    Raises:
        UnsupportedGraph: operators without a lowering under `fallback="error"`, all of them.
        FxlowerError: the graph changes a tensor in place, or lacks fake values.
    """
    if fallback not in ("aten", "error"):
        raise FxlowerError(f'fallback must be "aten" or "error", got {fallback!r}')
    complete_values(gm)
    importer = _Importer(gm, visible, subgraphs, sources)
    importer.walk()
    if fallback == "error" and (sites := importer.fallbacks.unsupported()):
        raise UnsupportedGraph(sites)
    return importer.finish(name, constants, dying)


class _Importer:
    def __init__(
        self,
        gm: GraphModule,
        visible: int | None,
        subgraphs: SubgraphCompiler | None,
        with_sources: bool,
    ):
        self.gm = gm
        self.with_sources = with_sources
        self.sources: dict[str, str] = {}
        self.visible = visible
        self.subgraphs = subgraphs
        self.block = Block()
        self.symbols = SymbolTable()
        self.tensors = TensorReader(self.symbols)
        self.builder = RuleBuilder(self.block, self.symbols)
        self.scalars = ScalarBuilder(self.builder, self.symbols)
        self.fallbacks = Fallbacks(self.builder, self.symbols, self.tensors)
        self.encoder = self.fallbacks.encoder
        self.values: dict[Node, Any] = {}
        self.opaque: set[Node] = set()
        """Nodes with a tensor that `fxt` does not compute with."""
        self.inputs: list[tuple[int, TensorInfo]] = []
        self.attributes: dict[str, tuple[torch.Tensor, TensorInfo, Any]] = {}
        self.mutated: dict[Node, SSAValue] = {}
        self.positions: dict[Node, int] = {}
        self.arguments: dict[Node, SSAValue] = {}
        self.results: list[tuple[SSAValue, TensorInfo]] = []
        self.outputs: tuple[Any, ...] = ()
        self.assigned: dict[int, Node] = {}
        """What placeholders, by position, are set to when all else is done."""
        self.operators = 0

    # ------------------------------------------------------------------------- arguments

    def walk(self) -> None:
        nodes = list(self.gm.graph.nodes)
        for position, node in enumerate(n for n in nodes if n.op == "placeholder"):
            self.positions[node] = position
            self.placeholder(node, position)
        for node in nodes:  # attributes are arguments too, so all come before any operation
            if node.op == "get_attr":
                self.attribute(node)
            if node.target is aten.copy_.default:
                target = self.values.get(node.args[0])  # type: ignore[arg-type]
                if isinstance(target, SSAValue):
                    self.builder.changed.add(target)
        self.symbols.find_sources()
        for node in nodes:
            if node.op == "call_function":
                self.call(node)
            elif node.op == "output":
                self.output(node)
            elif node.op not in ("placeholder", "get_attr"):
                raise FxlowerError(
                    f"expected a graph of ATen operators, got a {node.op} of {node.target} at "
                    f"{source_of(node)}: trace with make_fx, AOTAutograd or torch.export first"
                )

    def placeholder(self, node: Node, position: int) -> None:
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor):
            info = self.tensors.info(value)
            self.inputs.append((position, info))
            self.arguments[node] = self.argument(node, info)
            self.values[node] = self.value_of(self.arguments[node], info)
            self.symbols.add_tensor(position, info.dims, info.strides)
            self.mark_opaque(node)
        elif isinstance(value, torch.SymInt):
            self.symbols.add_number(position, value)
            self.values[node] = _sym(self.symbols.dim(value))
        elif type(value) in (int, bool, float):
            self.values[node] = value
        else:
            self.values[node] = InputSlot(position)

    def attribute(self, node: Node) -> None:
        path = str(node.target)
        held: Any = self.gm
        for part in path.split("."):
            held = getattr(held, part)
        if not isinstance(held, torch.Tensor):
            if self.subgraphs is not None and is_control_flow(node, held):
                held = self.subgraphs(held)
            self.values[node] = held
            return
        if path not in self.attributes:
            info = self.tensors.info(held)
            value = self.value_of(self.argument(node, info), info)
            self.attributes[path] = held, info, value
        _, info, self.values[node] = self.attributes[path]
        if info.element not in ELEMENT_BITS and info.element not in PART:
            self.opaque.add(node)

    def argument(self, node: Node, info: TensorInfo) -> SSAValue:
        argument = self.block.insert_arg(info.type, len(self.block.args))
        argument.name_hint = node.name
        return argument

    def value_of(self, argument: SSAValue, info: TensorInfo) -> SSAValue | Encoded:
        return self.encoder.taken_apart(argument, info) if info.element in PART else argument

    # ------------------------------------------------------------------------- operators

    def call(self, node: Node) -> None:
        target: Any = node.target
        if target is operator.getitem:
            self.values[node] = self.values[node.args[0]][node.args[1]]  # type: ignore[index]
            if isinstance(node.args[0], Node) and node.args[0] in self.opaque:
                self.mark_opaque(node)
            return
        value = node.meta.get("val")
        if not isinstance(target, torch._ops.OpOverload) or target in SIZE_QUERIES:
            if isinstance(value, _SYMBOLIC):
                self.symbols.note_division(node)
                self.values[node] = self.symbolic(value)
                return
            if isinstance(value, (bool, int, float)):
                self.values[node] = value
                return
        if is_inlined(node, self.values) and self.inline(node):
            return
        self.operators += 1
        if target is aten.copy_.default:
            self.mutation(node)
            return
        if target is aten.set_.source_Tensor and node.args[0] in self.positions:
            self.assigned[self.positions[node.args[0]]] = node.args[1]  # type: ignore[index, assignment]
            return
        _require_functional(node)
        if target is aten._local_scalar_dense.default and isinstance(value, torch.SymFloat):
            if expression_of(value).free_symbols & self.symbols_of_integers():
                self.fall_back(node, "an integer is computed from it")
            source = self.values[node.args[0]]  # type: ignore[index]
            self.values[node] = self.scalars.item(source, value)
            return
        if target is aten._assert_scalar.default and self.holds(node.args[0]):
            return
        reason = self.lower(node, target, value)
        if reason is not None:
            self.fall_back(node, reason)

    def inline(self, node: Node) -> bool:
        """Lower the nodes of a subgraph in place of its call, where its types are those here."""
        subgraph: GraphModule = self.values[node.args[0]]  # type: ignore[index]
        nodes = list(subgraph.graph.nodes)
        placeholders = [n for n in nodes if n.op == "placeholder"]
        for placeholder, operand in zip(placeholders, node.args[2:], strict=True):
            value = self.values[operand] if isinstance(operand, Node) else operand
            expected = placeholder.meta["val"]
            if isinstance(expected, torch.Tensor):
                given = operand.meta["val"] if isinstance(operand, Node) else None
                if not isinstance(given, torch.Tensor) or not isinstance(value, SSAValue):
                    return False
                if self.tensors.info(expected) != self.tensors.info(given):
                    return False
            elif isinstance(expected, torch.SymInt):
                if value != self.symbols.dim(expected):
                    return False
            elif value != expected:
                return False
        for placeholder, operand in zip(placeholders, node.args[2:], strict=True):
            self.values[placeholder] = (
                self.values[operand] if isinstance(operand, Node) else operand
            )
            if operand in self.opaque:
                self.opaque.add(placeholder)
        for inner in nodes:
            if inner.op == "call_function":
                self.call(inner)
        returned = nodes[-1].args[0]
        self.values[node] = [self.values[v] if isinstance(v, Node) else v for v in returned]  # type: ignore[union-attr]
        self.mark_opaque(node)
        return True

    def symbols_of_integers(self) -> set[Any]:
        """Symbols, of floats too, that integers of the graph depend on."""
        values = [node.meta.get("val") for node in self.gm.graph.nodes]
        integers = [expression_of(v) for v in values if isinstance(v, torch.SymInt)]
        return {symbol for n in integers for symbol in getattr(n, "free_symbols", ())}

    def symbolic(self, value: Any) -> Any:
        """The value of a node that computes with sizes: known from its expression."""
        if isinstance(value, torch.SymInt):
            return _sym(self.symbols.dim(value))
        return scalar_of(value)

    def lower(self, node: Node, target: Any, value: Any) -> str | None:
        """Build the node by its rule; the reason if that is impossible."""
        rule, missing = self.rule(node, target, value)
        if rule is None:
            return missing
        if any(n in self.opaque for n in node.all_input_nodes):
            return "an argument has a dtype or layout that fxt lacks"
        if node.meta.get("unbacked_bindings"):
            return "the sizes of its result depend on data"
        builder = self.builder
        builder.node = node
        try:
            infos = self.tensors.results(value)
            builder.results = tuple(i and i.of_part() for i in infos)
            builder.elements = tuple(i and i.element for i in infos)
            args, kwargs = self.scalars.arguments(*_normalized(node), self.values)
        except NotLowered as error:
            return str(error)
        last = self.block.last_op
        try:
            made = rule(builder, *args, **kwargs)
            values = list(made) if isinstance(made, (list, tuple)) else [made]
            self.check(node, rule, values)
        except (
            NotLowered, TypeError, ValueError, AttributeError, LookupError, AssertionError
        ) as error:  # fmt: skip
            if not isinstance(error, NotLowered) and not has_symbolic_number(node):
                raise InternalError(
                    f"the lowering {describe(rule)} of {target} at {source_of(node)} failed: "
                    f"{type(error).__name__}: {error}"
                ) from error
            while self.block.last_op is not last:
                assert self.block.last_op is not None
                self.block.erase_op(self.block.last_op)
            return str(error) if isinstance(error, NotLowered) else "a symbolic number as argument"
        for result in values:
            for part in result.parts if isinstance(result, Encoded) else (result,):
                if isinstance(part, OpResult) and part._name is None:
                    part.name_hint = self.hint(node)
        self.values[node] = values if isinstance(value, (list, tuple)) else made
        return None

    def hint(self, node: Node) -> str:
        if not self.with_sources:
            return node.name
        name = f"{node.name}_"  # IR drops a number at the end, which tells nodes apart
        self.sources[name] = place_of(node)
        return name

    def rule(self, node: Node, target: Any, value: Any) -> tuple[Rule | None, str]:
        """The rule for these arguments, or why there is none."""
        inputs = [e for n in node.all_input_nodes for e in encoded_among(self.values[n])]
        results = value if isinstance(value, (list, tuple)) else (value,)
        infos = [self.tensors.info(v) for v in results if isinstance(v, torch.Tensor)]
        elements = {e.element for e in inputs} | {i.element for i in infos if i.element in PART}
        numbers = any(isinstance(a, complex) for a in (*node.args, *node.kwargs.values()))
        if not elements and not numbers:
            return rule_of(target), "no lowering"
        if all(isinstance(e, ComplexType) for e in elements):
            return COMPLEX_RULES.get(target), "no lowering of complex numbers"
        return FLOAT8_RULES.get(target), "no lowering of float8"

    def check(self, node: Node, rule: Any, values: Sequence[SSAValue | Encoded | None]) -> None:
        """The one invariant of rules: the types that the graph says."""
        expected = self.builder.results
        if len(values) != len(expected):
            raise InternalError(
                f"{describe(rule)} gave {len(values)} results for {node.target}, "
                f"expected {len(expected)}"
            )
        for made, info, wanted in zip(values, expected, self.builder.elements):
            if info is None or made is None:
                continue
            value = made.parts[0] if isinstance(made, Encoded) else made
            element = made.element if isinstance(made, Encoded) else RuleBuilder.element(value)
            if element == wanted and value.type == info.type:
                continue
            if RuleBuilder.element(value) == info.element and _may_agree(value, info):
                raise NotLowered(f"sizes are not known to agree: {value.type} and {info.type}")
            raise InternalError(
                f"{describe(rule)} gave {value.type} for {node.target} "
                f"({node.name}, {source_of(node)}), expected {info.type}"
            )

    def fall_back(self, node: Node, reason: str) -> None:
        """Let the host run the node."""
        convert = self.fallbacks.converter(self.scalars, self.values)
        self.values[node] = self.fallbacks.call(node, convert, self.values, reason)
        self.mark_opaque(node)

    def mark_opaque(self, node: Node) -> None:
        for info in self.tensors.flat(node.meta.get("val")):
            if info is not None and info.element not in ELEMENT_BITS and info.element not in PART:
                self.opaque.add(node)

    def mutation(self, node: Node) -> None:
        """`copy_` into an input: `@main` gets a result that the host writes there."""
        target, source = node.args[:2]
        value: Any = self.values[source] if isinstance(source, Node) else source
        if not isinstance(target, Node) or target not in self.positions:
            raise FxlowerError(
                f"expected copy_ into an input of the graph, got {node.format_node()} at "
                f"{source_of(node)}: run the graph through AOTAutograd or functionalize it"
            )
        destination = self.arguments[target]
        info = self.tensors.info(target.meta["val"])
        seen = value
        if isinstance(value, Encoded):
            value = self.encoder.put_together(value, info.strides)
        if isinstance(value, SSAValue) and value.type != destination.type:
            if not {RuleBuilder.element(value), info.element} <= set(ELEMENT_BITS):
                raise FxlowerError(
                    f"copy_ of {value.type} into {destination.type} at {source_of(node)}: "
                    "cast the value to the input's dtype first"
                )
            self.builder.results = (info,)
            seen = value = self.builder.to_result(value)
        elif not isinstance(value, SSAValue):
            seen = value = self.builder.operand(value, info.element, info.dims)
        self.mutated[target] = value
        self.values[node] = self.values[target] = seen

    def holds(self, predicate: Any) -> bool:
        """Whether an assertion on sizes is known to hold: sizes are not negative."""
        value = self.values[predicate] if isinstance(predicate, Node) else predicate
        if not isinstance(value, Scalar):
            return value is True
        return value.is_nonnegative_size(self.symbols.sizes)

    # --------------------------------------------------------------------------- results

    def output(self, node: Node) -> None:
        returned = node.args[0]
        outputs: list[Any] = []
        index_of: dict[tuple[SSAValue, TensorInfo], int] = {}
        returned = list(returned) if isinstance(returned, (list, tuple)) else [returned]
        shared = SharedResults(
            returned, self.values, self.fallbacks, self.scalars, self.positions, self.visible
        )
        for out in [*returned, *self.assigned.values()]:
            if not isinstance(out, Node):
                outputs.append(out)
                continue
            while out.target is aten.copy_.default:  # the input itself, after the mutation
                out = out.args[0]
                assert isinstance(out, Node)
            value = self.values[out]
            if out in self.positions and isinstance(value, (SSAValue, Encoded, InputSlot)):
                outputs.append(InputSlot(self.positions[out]))
            elif isinstance(value, (SSAValue, Encoded)):
                info = self.tensors.info(out.meta["val"])
                if out in shared:
                    value = shared.in_memory(out)
                elif isinstance(value, Encoded):
                    info = self.encoder.layout(info)
                    value = self.encoder.put_together(value, info.strides)
                index = index_of.setdefault((value, info), len(self.results))
                if index == len(self.results):
                    self.results.append((value, info))
                fake = out.meta["val"]
                is_strided = fake.layout is torch.strided
                strides = self.tensors.strides(fake) if is_strided else ()
                outputs.append(TensorOutput(index, self.tensors.storage(fake), strides))
            elif isinstance(value, Sym):
                outputs.append(SizeSlot(str(value)))
            elif isinstance(value, Scalar):
                outputs.append(self.scalar_output(value))
            else:
                outputs.append(value)
        self.outputs = tuple(outputs)

    def scalar_output(self, value: Scalar) -> ScalarSlot | ExpressionSlot:
        if value.is_computable(self.scalars):
            result = self.scalars.emit(value)
            self.results.append((result, TensorInfo(RuleBuilder.element(result), (), ())))
            return ScalarSlot(len(self.results) - 1)
        return value.slot(self.symbols)

    def finish(self, name: str, constants: Sequence[int], dying: Sequence[int]) -> Imported:
        infos = [i for _, i in self.inputs] + [i for _, i, _ in self.attributes.values()]
        argument_attrs = [_layout(i) for i in infos]
        mutated = {self.positions[node] for node in self.mutated}
        for (position, _), attributes in zip(self.inputs, argument_attrs):
            if position in constants and position not in mutated:
                attributes[CONSTANT] = UnitAttr()
            if position in dying:
                attributes[DYING] = UnitAttr()
        result_attrs = [_layout(i) for _, i in self.results]
        arguments = {node: i for i, node in enumerate(self.tensor_placeholders())}
        returned = [v for v, _ in self.results]
        for target, value in self.mutated.items():
            returned.append(value)
            layout = _layout(self.tensors.info(target.meta["val"]))
            result_attrs.append({**layout, "fxt.mutates": int_attr(arguments[target])})
        used = self.needed_symbols()
        for symbol in used:
            argument = self.block.insert_arg(INDEX, len(self.block.args))
            argument.name_hint = symbol
            argument_attrs.append({"fxt.symbol": string_attr(symbol)})
        emit(self.block, ReturnOp, returned)
        function = FuncOp(
            name,
            ([a.type for a in self.block.args], [v.type for v in returned]),
            Region(self.block),
            arg_attrs=_attr_dicts(argument_attrs),
            res_attrs=_attr_dicts(result_attrs),
        )
        calls = self.fallbacks.calls
        return Imported(
            module=ModuleOp([function]),
            placeholders=len(self.positions),
            tensor_inputs=tuple(position for position, _ in self.inputs),
            attributes=tuple(t for t, _, _ in self.attributes.values()),
            storages=tuple(self.tensors.storage(t) for t in self.argument_tensors()),
            symbols=self.symbols.needed_sources(used),
            divisors=tuple(self.symbols.divisors),
            outputs=self.outputs,
            assigned=tuple(self.assigned),
            calls=calls,
            operators=self.operators,
            fallbacks=[call for call in calls.values() if call.reason],
            sources=self.sources,
        )

    def argument_tensors(self) -> list[torch.Tensor]:
        """The inputs, as fake tensors, then the attributes."""
        inputs = [n.meta["val"] for n in self.tensor_placeholders()]
        return [*inputs, *(t for t, _, _ in self.attributes.values())]

    def tensor_placeholders(self) -> list[Node]:
        tensor_positions = {position for position, _ in self.inputs}
        return [n for n, position in self.positions.items() if position in tensor_positions]

    def needed_symbols(self) -> list[str]:
        """Symbols in order of first appearance; each must have a source by now."""
        for symbol in self.symbols.used:
            if symbol not in self.symbols.sources:
                raise InternalError(f"no input or operator gives the symbolic size {symbol}")
        return list(self.symbols.used)


def _sym(dim: int | str) -> int | Sym:
    return Sym(dim) if isinstance(dim, str) else dim


def _may_agree(value: SSAValue, info: TensorInfo) -> bool:
    """Whether the dims could be equal for some values of the symbols."""
    found = dims_of(value.type)
    return len(found) == len(info.dims) and all(
        a == b or isinstance(a, str) or isinstance(b, str) for a, b in zip(found, info.dims)
    )


def _layout(info: TensorInfo) -> dict[str, Any]:
    return {} if packed(info) else {"fxt.strides": dims_attr(info.strides)}


def _attr_dicts(dicts: Sequence[dict[str, Any]]) -> ArrayAttr[DictionaryAttr] | None:
    return ArrayAttr([DictionaryAttr(d) for d in dicts]) if any(dicts) else None


def _normalized(node: Node) -> tuple[Sequence[Any], dict[str, Any]]:
    """The node's arguments in the order of the schema; only keyword-only ones by name."""
    kwargs = dict(node.kwargs)
    if not kwargs:
        return node.args, kwargs
    args = list(node.args)
    for index, argument in enumerate(node.target._schema.arguments):  # type: ignore[union-attr]
        if argument.kwarg_only:
            break
        if index >= len(args):
            if not any(
                a.name in kwargs and not a.kwarg_only
                for a in node.target._schema.arguments[index:]  # type: ignore[union-attr]
            ):
                break
            args.append(kwargs.pop(argument.name, argument.default_value))
    return args, kwargs


def _require_functional(node: Node) -> None:
    schema = getattr(node.target, "_schema", None)
    if isinstance(node.target, torch._ops.OpOverload) and schema is not None and schema.is_mutable:
        raise FxlowerError(
            f"{node.target} at {source_of(node)} changes a tensor in place, expected a functional "
            "graph: run it through AOTAutograd, functionalize or ExportedProgram.run_decompositions"
        )
