"""`torch.compile(backend="fxlower")`: AOTAutograd in front, `compile_graph` behind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.utils import dynamo_timed
from torch._functorch._aot_autograd.utils import make_boxed_func
from torch._functorch.partitioners import min_cut_rematerialization_partition
from torch._guards import TracingContext
from torch._logging import trace_structured
from torch._logging._internal import trace_log
from torch.autograd import forward_ad
from torch.fx import GraphModule
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from fxlower.analysis.layout import has_own_elements
from fxlower.compiler import Origin, collector_off, compile_graph, load_passes
from fxlower.dump import Dump
from fxlower.errors import (
    CompilerError,
    FxlowerError,
    InternalError,
    UnsupportedGraph,
    UnsupportedInput,
)
from fxlower.frontend.decompositions import decomposition_table
from fxlower.frontend.fallback import source_of
from fxlower.frontend.importer import import_graph
from fxlower.frontend.program import Imported
from fxlower.frontend.tracing import compiled_forms
from fxlower.graph_script import script_of
from fxlower.options import Options
from fxlower.report import GraphReport
from fxlower.reproduction import keep
from fxlower.runtime.executable import check_tensor
from fxlower.runtime.subgraph import Subgraph

log = logging.getLogger(__name__)

load_passes()

reports: ContextVar[list[GraphReport] | None] = ContextVar("fxlower_reports", default=None)
"""Where graphs compiled in this context are reported to, for `fxlower.explain`."""


def fxlower(
    gm: GraphModule,
    example_inputs: Sequence[Any],
    *,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
) -> Callable[..., Any]:
    """Compile a graph from Dynamo, with its backward where gradients are needed.

    Graphs on tensors that compiled code cannot read (sparse, quantized, not on the CPU) run in
    eager mode, with a warning that says why.

    Raises:
        OptionError: an option does not exist or has the wrong type.
        UnsupportedGraph: under `fallback="error"`, operators have no lowering.
        CompilerError: under `on_error="raise"`, a bug in fxlower.
    """
    chosen = Options.read(options)
    if mode not in (None, "default"):
        log.warning("mode=%r has no meaning for fxlower and is ignored; use options", mode)
    for position, value in enumerate(example_inputs):
        if isinstance(value, torch.Tensor):
            try:
                check_tensor(value, f"input {position} of the graph")
            except UnsupportedInput as reason:
                log.warning("%s; this graph runs in eager mode", reason)
                return gm.forward
    if not tells_of_changes(example_inputs):
        chosen = replace(chosen, packed_weights="never")
    compiled = compile_with_autograd(gm, example_inputs, lambda kind: compiler(kind, chosen))
    if changes_overlapping_memory(example_inputs):
        log.warning(
            "an input whose elements share memory is changed; this graph runs in eager mode"
        )
        return gm.forward
    return outside_forward_mode(compiled, gm.forward)


def outside_forward_mode(
    compiled: Callable[..., Any], eager: Callable[..., Any]
) -> Callable[..., Any]:
    """`compiled`, but `eager` while forward-mode differentiation is on: kernels would drop the
    tangents of their inputs, and Dynamo has no guard for it."""
    # AOTAutograd's `disable` is taken off: Dynamo puts one around what a backend returns, and each
    # costs a call half a microsecond.
    inner = getattr(compiled, "_torchdynamo_orig_callable", compiled)

    def call(*args: Any) -> Any:
        if forward_ad._current_level >= 0:
            return eager(*args)
        return inner(*args)

    for name in (
        "zero_grad",
        "named_parameters",
        "named_buffers",
    ):  # torch's minifier asks for them
        if hasattr(compiled, name):
            setattr(call, name, getattr(compiled, name))
    return call


def changes_overlapping_memory(inputs: Sequence[Any]) -> bool:
    """Whether the graph just traced changes an input with several elements in one place: what is
    written to one of them changes the others, which a functional graph does not know."""
    found = [isinstance(value, torch.Tensor) and overlaps(value) for value in inputs]
    context = TracingContext.try_get()
    if not any(found) or context is None or context.fw_metadata is None:
        return False
    changed = [info.mutates_data for info in context.fw_metadata.input_info]
    if len(changed) != len(found):  # inputs that are views of each other became one
        return any(changed)
    return any(a and b for a, b in zip(found, changed, strict=True))


def overlaps(tensor: torch.Tensor) -> bool:
    """Whether elements of `tensor` share memory, by what its sizes are now; adds no guard."""
    if is_traceable_wrapper_subclass(tensor):
        return False
    if tensor.layout is not torch.strided:
        return False
    sizes, strides = (tuple(map(hint_of, n)) for n in (tensor.shape, tensor.stride()))
    return not has_own_elements(sizes, strides)


def hint_of(number: int | torch.SymInt) -> int:
    if isinstance(number, int):
        return number
    hint = number.node.hint
    return hint if isinstance(hint, int) else 2  # unbacked: any size


def tells_of_changes(inputs: Sequence[Any]) -> bool:
    """Whether version counters say when a tensor among `inputs` changes. Those of the tensors
    inside a subclass (DTensor) are not incremented by operators on it, and those of tensors that
    collectives write are not by these."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return False
    return not any(is_traceable_wrapper_subclass(value) for value in inputs)


BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the importer raises only by mistake: other errors are the user's, or have a meaning to
Dynamo, which breaks the graph there."""

GraphCompiler = Callable[[GraphModule, Sequence[Any]], Any]


def compile_with_autograd(
    gm: GraphModule, example_inputs: Sequence[Any], compiler_of: Callable[[str], GraphCompiler]
) -> Callable[..., Any]:
    """A graph from Dynamo through AOTAutograd. `compiler_of` is asked for the compilers of its
    "forward", "backward" and "inference" graphs, which are of ATen operators."""
    with compiled_forms():
        return aot_autograd(
            fw_compiler=compiler_of("forward"),
            bw_compiler=compiler_of("backward"),
            inference_compiler=compiler_of("inference"),
            partition_fn=min_cut_rematerialization_partition,
            decompositions=decomposition_table(),
            keep_inference_input_mutations=True,
        )(gm, example_inputs)


def compiler(kind: str, options: Options) -> GraphCompiler:
    """The compiler of AOTAutograd's forward, backward or inference graphs."""

    def compile_aten(gm: GraphModule, example_inputs: Sequence[Any]) -> Any:
        sink = reports.get()
        try:
            return compile_aten_graph(
                gm, options, name=kind, on_report=None if sink is None else sink.append
            )
        except CompilerError as error:
            if options.on_error == "raise":
                raise
            log.warning("a %s graph runs in eager mode: %s", kind, error)
            return make_boxed_func(gm.forward)

    return compile_aten


def compile_aten_graph(
    gm: GraphModule,
    options: Options,
    *,
    name: str,
    on_report: Callable[[GraphReport], None] | None = None,
) -> Any:
    """An executable for a graph of ATen operators with fake tensors in its nodes' metadata."""
    constants = constant_inputs(gm, options) if name == "inference" else ()

    def compile_subgraph(inner: GraphModule) -> Callable[..., Any]:
        try:
            made = compile_aten_graph(inner, options, name="subgraph", on_report=on_report)
        except UnsupportedGraph:
            raise
        except FxlowerError as reason:
            log.warning("a subgraph runs in eager mode: %s", reason)
            return inner
        return Subgraph(inner, made)

    subgraphs = remembered(compile_subgraph)

    def again(sources: bool = True) -> Imported:
        return import_graph(
            gm,
            fallback=options.fallback,
            constants=constants,
            dying=dying_inputs() if name == "backward" else (),
            visible=visible_outputs(name),
            subgraphs=subgraphs,
            sources=sources,
        )

    origin = Origin(again, partial(first_line, gm), partial(script_of, gm, options))
    with phase("import"):
        imported = first_import(partial(again, options.profile), origin, options)
    dump = Dump() if options.dump_ir or texts_wanted() else None
    if dump is not None:
        dump.add_text("fx", gm.print_readable(print_output=False))
    executable = compile_graph(
        imported,
        options,
        name=name,
        dump=dump,
        on_report=on_report,
        phase=phase,
        origin=origin,
    )
    if dump is not None:
        publish(dump, name)
        if options.dump_ir:
            dump.write(options.dump_ir, name)
    return executable


def first_import(again: Callable[[], Imported], origin: Origin, options: Options) -> Imported:
    """The graph as imported. What fails without the user's doing is a `CompilerError`."""
    try:
        with collector_off():
            return again()
    except (InternalError, *BUGS) as cause:
        error = CompilerError("import", "fxt", cause)
        error.source = None if isinstance(cause, InternalError) else origin.source()
        script = origin.script()
        if script is not None:
            keep(error, options.dump_ir, script, "py", ["python"])
        raise error from cause


def remembered(function: Callable[[GraphModule], Any]) -> Callable[[GraphModule], Any]:
    """`function`, called once for each graph."""
    known: dict[GraphModule, Any] = {}

    def call(gm: GraphModule) -> Any:
        if gm not in known:
            known[gm] = function(gm)
        return known[gm]

    return call


def first_line(gm: GraphModule) -> str | None:
    """The user's line of the first node that has one."""
    for node in gm.graph.nodes:
        if node.op == "call_function" and node.stack_trace:
            return source_of(node)
    return None


def phase(name: str) -> AbstractContextManager[object]:
    """A part of a compilation, in torch's own table (`torch._dynamo.utils.compile_times()`) and in
    the events that `TORCH_TRACE` gets."""
    return dynamo_timed(f"fxlower: {name}")


def visible_outputs(name: str) -> int | None:
    """How many outputs of a graph the user gets, None where all are: what a forward graph saves
    for its backward, and gradients, nobody else writes to."""
    if name == "backward":
        return 0
    context = TracingContext.try_get()
    if name != "forward" or context is None or context.fw_metadata is None:
        return None
    return context.fw_metadata.num_forward_returns


def constant_inputs(gm: GraphModule, options: Options) -> tuple[int, ...]:
    """Placeholders of parameters and buffers, which seldom change where no gradients are wanted: as
    many as `packed_weights_bytes` leaves room for."""
    context = TracingContext.try_get()
    if options.packed_weights == "never" or context is None or context.fw_metadata is None:
        return ()
    inputs = [n.meta.get("val") for n in gm.graph.nodes if n.op == "placeholder"]
    room = options.packed_weights_bytes
    found: list[int] = []
    for position in context.fw_metadata.static_input_indices:
        value = inputs[position] if position < len(inputs) else None
        if isinstance(value, torch.Tensor) and value.layout is torch.strided and value.dim() > 1:
            size = value.numel() * value.element_size()
            if size <= room:
                room -= size
                found.append(position)
    return tuple(found)


def dying_inputs() -> Sequence[int]:
    """Placeholders of a backward graph that only its call holds: what the forward graph saved."""
    context = TracingContext.try_get()
    if context is None or context.fw_metadata is None:
        return ()
    return context.fw_metadata.bw_donated_idxs or ()


def texts_wanted() -> bool:
    """Whether the text of the stages goes to `TORCH_TRACE` or `TORCH_LOGS="+fxlower"`."""
    traced = any(getattr(handler, "root_dir", None) for handler in trace_log.handlers)
    return traced or log.isEnabledFor(logging.DEBUG)


def publish(dump: Dump, name: str) -> None:
    """Give every stage to torch's structured trace (tlparse shows it) and to the debug log."""
    for stage, text in dump.stages().items():
        log.debug("stage %s of %s:\n%s", stage, name, text)
        trace_structured(
            "artifact",
            metadata_fn=lambda stage=stage: {
                "name": f"fxlower_{name}_{stage}",
                "encoding": "string",
            },
            payload_fn=lambda text=text: text,
        )
