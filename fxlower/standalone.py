"""Compiling without `torch.compile`: a plain FX graph, or an exported program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.autograd.graph import increment_version
from torch.export import ExportedProgram
from torch.export.graph_signature import ExportGraphSignature, InputKind, OutputKind
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree
from xdsl.dialects.builtin import ModuleOp

from fxlower.backend import compile_aten_graph
from fxlower.errors import FxlowerError
from fxlower.frontend.decompositions import decomposition_table
from fxlower.frontend.importer import import_graph
from fxlower.frontend.tracing import compiled_forms
from fxlower.options import Options
from fxlower.runtime.executable import Executable


def compile(
    program: GraphModule | ExportedProgram,
    example_inputs: Sequence[Any] | None = None,
    *,
    dynamic: bool = False,
    options: dict[str, Any] | None = None,
) -> Callable[..., Any]:
    """Compile a graph for inference; the result is called as the program is.

    Args:
        program: an `ExportedProgram`, or a `GraphModule` of torch functions and modules, as
            `torch.fx.symbolic_trace` makes it.
        example_inputs: of a `GraphModule`: inputs of the sizes to compile for.
        dynamic: of a `GraphModule`: compile for inputs of any size.
        options: as for `torch.compile`.

    Raises:
        FxlowerError: no example inputs for a `GraphModule`; later, inputs that do not fit.
    """
    chosen = Options.read(options)
    if isinstance(program, ExportedProgram):
        return _compile_exported(program, chosen)
    if example_inputs is None:
        raise FxlowerError(
            "fxlower.compile needs example_inputs for a GraphModule: a list of tensors of the "
            "sizes and dtypes it will be called with"
        )
    return _compile_graph_module(program, list(example_inputs), dynamic, chosen)


def import_fx(
    program: GraphModule | ExportedProgram,
    example_inputs: Sequence[Any] | None = None,
    *,
    dynamic: bool = False,
) -> ModuleOp:
    """The `fxt` module of a graph; its text is `str(import_fx(...))`.

    A `GraphModule` of ATen operators with fake values in its nodes' metadata (from AOTAutograd or
    `make_fx`) needs no example inputs; any other is traced with them, see `compile`.
    """
    if isinstance(program, ExportedProgram):
        with compiled_forms():
            core = program.run_decompositions(decomposition_table())
            return import_graph(core.graph_module).module
    if example_inputs is not None:
        program, _ = trace(program, list(example_inputs), dynamic)
    return import_graph(program).module


def trace(gm: GraphModule, inputs: list[Any], dynamic: bool) -> tuple[GraphModule, Any]:
    """A functional ATen graph of `gm` with a flat list of outputs, and the outputs' structure."""
    structure: list[Any] = []

    def flat(*args: Any) -> list[Any]:
        leaves, tree = pytree.tree_flatten(gm(*args))
        structure[:] = [tree]
        return leaves

    with torch.no_grad(), compiled_forms():
        traced = make_fx(
            torch.func.functionalize(flat, remove="mutations_and_views"),
            decomposition_table=decomposition_table(),
            tracing_mode="symbolic" if dynamic else "fake",
            _allow_non_fake_inputs=True,
        )(*inputs)
    traced.graph.eliminate_dead_code()
    traced.recompile()
    return traced, structure[0]


def _compile_graph_module(
    gm: GraphModule, inputs: list[Any], dynamic: bool, options: Options
) -> Callable[..., Any]:
    traced, structure = trace(gm, inputs, dynamic)
    executable = compile_aten_graph(traced, options, name="graph")

    def call(*args: Any) -> Any:
        expect_count(args, len(inputs))
        executable.check(list(args))
        if dynamic and not guards_hold(traced, args):
            raise FxlowerError(
                f"compiled for sizes like {[_size(t) for t in inputs]}; the graph that was traced "
                f"does not hold for {[_size(t) for t in args]}"
            )
        return pytree.tree_unflatten(run(executable, args), structure)

    return call


def run(executable: Executable, args: Sequence[Any]) -> list[Any]:
    """Call a graph as eager mode would, without AOTAutograd in between: it makes inputs that
    overlap views of one, and bumps the version counters of those that kernels write. Here, where
    one that is written shares memory with another, the kernels write to a copy."""
    plan = executable.plan
    values = [*(args[p] for p in plan.tensor_inputs), *plan.attributes]
    copies: dict[int, torch.Tensor] = {}
    written: list[torch.Tensor] = []
    for number in plan.written:
        tensor = values[number]
        others = (v for i, v in enumerate(values) if i != number)
        if number < len(plan.tensor_inputs) and any(overlap(tensor, other) for other in others):
            copies[plan.tensor_inputs[number]] = torch.empty_strided(
                tensor.shape, tensor.stride(), dtype=tensor.dtype
            ).copy_(tensor)
        else:
            written.append(tensor)
    with torch.no_grad():
        outputs = executable([copies.get(i, a) for i, a in enumerate(args)])
        for position, copy in copies.items():
            args[position].copy_(copy)
    increment_version(written)
    originals = {id(copy): args[position] for position, copy in copies.items()}
    return [originals.get(id(o), o) for o in outputs]


def overlap(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors may have a byte in common."""
    return a.numel() > 0 and b.numel() > 0 and _first(a) < _end(b) and _first(b) < _end(a)


def _first(tensor: torch.Tensor) -> int:
    return tensor.data_ptr()


def _end(tensor: torch.Tensor) -> int:
    last = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride()))
    return tensor.data_ptr() + (last + 1) * tensor.element_size()


def guards_hold(traced: GraphModule, args: Sequence[Any]) -> bool:
    """Whether what tracing assumed of the symbolic sizes is true of `args`."""
    fakes = [n.meta["val"] for n in traced.graph.find_nodes(op="placeholder")]
    return traced.shape_env.evaluate_guards_for_args(fakes, list(args))  # type: ignore[union-attr]


def _size(value: Any) -> Any:
    return list(value.shape) if isinstance(value, torch.Tensor) else value


def _compile_exported(program: ExportedProgram, options: Options) -> Callable[..., Any]:
    with compiled_forms():
        core = program.run_decompositions(decomposition_table())
    signature = core.graph_signature
    _write_mutated(core.graph_module, signature)
    executable = compile_aten_graph(core.graph_module, options, name="exported")
    state = {**core.state_dict, **core.constants}
    user_inputs = [s.arg.name for s in signature.input_specs if s.kind is InputKind.USER_INPUT]
    ranges = {str(symbol): range_ for symbol, range_ in core.range_constraints.items()}

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, found = pytree.tree_flatten((args, kwargs))
        if found != core.call_spec.in_spec:
            raise FxlowerError(
                f"the program was exported with inputs {core.call_spec.in_spec}, got {found}"
            )
        expect_count(leaves, len(user_inputs))
        by_name = dict(zip(user_inputs, leaves, strict=True))
        values = [
            by_name[s.arg.name] if s.kind is InputKind.USER_INPUT else state[str(s.target)]
            for s in signature.input_specs
        ]
        _expect_ranges(executable.check(values), ranges)
        outputs = run(executable, values)
        tree = core.call_spec.out_spec
        assert tree is not None
        return pytree.tree_unflatten(outputs, tree)

    return call


def _write_mutated(gm: GraphModule, signature: ExportGraphSignature) -> None:
    """What an exported program returns as the new values of buffers and inputs is written to them,
    as AOTAutograd does it, and only what the user gets is returned."""
    placeholders = {node.name: node for node in gm.graph.find_nodes(op="placeholder")}
    buffers = {
        str(s.target): s.arg.name for s in signature.input_specs if s.kind is InputKind.BUFFER
    }
    output = gm.graph.output_node()
    results = output.args[0]
    assert isinstance(results, (list, tuple))
    returned: list[Any] = []
    for spec, result in zip(signature.output_specs, results, strict=True):
        if spec.kind is OutputKind.USER_OUTPUT:
            returned.append(result)
        elif spec.kind in (OutputKind.BUFFER_MUTATION, OutputKind.USER_INPUT_MUTATION):
            name = str(spec.target)
            target = placeholders[buffers.get(name, name)]
            with gm.graph.inserting_before(output):
                gm.graph.call_function(torch.ops.aten.copy_.default, (target, result))
    output.args = (tuple(returned),)
    gm.recompile()


def _expect_ranges(sizes: Mapping[str, int], ranges: Mapping[str, Any]) -> None:
    """Refuse sizes that the program was not exported for: its slices may not exist in them."""
    for name, size in sizes.items():
        range_ = ranges.get(name)
        if range_ is not None and not range_.lower <= size <= range_.upper:
            raise FxlowerError(
                f"the program was exported for sizes {name} from {range_.lower} to {range_.upper}, "
                f"got {size}: export it with a torch.export.Dim that allows {size}"
            )


def expect_count(args: Sequence[Any], count: int) -> None:
    if len(args) != count:
        raise FxlowerError(f"compiled for {count} inputs, got {len(args)}")
