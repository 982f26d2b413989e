"""`torch.compile(backend="fxlower")`: AOTAutograd in front, `compile_graph` behind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import torch
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.utils import counters, dynamo_timed
from torch._functorch._aot_autograd.utils import make_boxed_func
from torch._functorch.aot_autograd import SerializableAOTDispatchCompiler, aot_module_simplified
from torch._functorch.partitioners import min_cut_rematerialization_partition
from torch._guards import TracingContext
from torch._inductor import config as inductor_config
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
from fxlower.frontend.decompositions import DecompositionTable
from fxlower.frontend.fallback import source_of
from fxlower.frontend.importer import import_graph
from fxlower.frontend.program import Imported
from fxlower.frontend.registry import has_foreign_rules
from fxlower.frontend.tracing import compiled_forms
from fxlower.graph_cache import KeptGraph, is_switched_on, kept, salt_of
from fxlower.graph_script import script_of
from fxlower.options import Options, cache_folder
from fxlower.report import GraphReport
from fxlower.reproduction import keep
from fxlower.runtime.executable import check_tensor
from fxlower.runtime.object_cache import open_store
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
    if torch.compiler.config.force_disable_caches:
        chosen = replace(chosen, cache=False)
    if chosen.cache:
        open_store(cache_folder(chosen.cache_dir), chosen.cache_bytes)
    if may_be_kept(example_inputs, chosen):
        start, before = perf_counter(), counters["fxlower"]["graphs_from_cache"]
        with kept(salt_of(chosen)):
            compiled = compile_with_autograd(
                gm, example_inputs, lambda kind: kept_compiler(kind, chosen)
            )
        if (found := counters["fxlower"]["graphs_from_cache"] - before) > 0:
            what = f"{found} graphs found on disk, in {(perf_counter() - start) * 1e3:.1f} ms"
            log.info(what)
            if chosen.timing:
                print(what)
    else:
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

    for name in ASKED_BY_MINIFIER:
        if hasattr(compiled, name):
            setattr(call, name, getattr(compiled, name))
    return call


ASKED_BY_MINIFIER = ("zero_grad", "named_parameters", "named_buffers")
"""Methods of modules that torch's minifier calls on what a backend returns."""


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
    kwargs = {
        "fw_compiler": compiler_of("forward"),
        "bw_compiler": compiler_of("backward"),
        "inference_compiler": compiler_of("inference"),
        "partition_fn": min_cut_rematerialization_partition,
        "decompositions": DecompositionTable(),
        "keep_inference_input_mutations": True,
    }
    if inductor_config.trace.enabled or any(
        isinstance(value, (list, tuple, dict)) for value in example_inputs
    ):
        with compiled_forms():
            return aot_autograd(**kwargs)(gm, example_inputs)
    # The same without what logs to Inductor's debug folder: that takes its imports, 0.2 s.
    backward = kwargs["bw_compiler"]
    if isinstance(backward, SerializableAOTDispatchCompiler):
        backward.compiler_fn = untraced(backward.compiler_fn)
    else:
        kwargs["bw_compiler"] = untraced(backward)
    with ExitStack() as stack:

        def before_tracing(gm: GraphModule, _: Any) -> GraphModule:
            stack.enter_context(compiled_forms())
            return gm

        # Not for the whole call: the mode takes longer than making the inputs fake does without it.
        counters["aot_autograd"]["total"] += 1  # how the DDP optimizer knows of AOTAutograd
        compiled = aot_module_simplified(
            gm, example_inputs, pre_grad_passes=before_tracing, **kwargs
        )
        counters["aot_autograd"]["ok"] += 1
    return compiled


def untraced(compiler: GraphCompiler) -> GraphCompiler:
    """A compiler of backward graphs such that Dynamo traces neither it nor what it returns: both
    may be called while a backward is traced."""

    def compile_backward(gm: GraphModule, example_inputs: Sequence[Any]) -> Any:
        quiet: Any = torch._dynamo.disable(compiler, reason="do not trace the backward's compiler")
        made = quiet(gm, example_inputs)
        return torch._dynamo.disable(made, reason="do not trace generated backwards pass")

    return compile_backward


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
            return in_eager_mode(gm, kind, error)

    return compile_aten


def in_eager_mode(gm: GraphModule, kind: str, reason: CompilerError) -> Callable[..., Any]:
    log.warning("a %s graph runs in eager mode: %s", kind, reason)
    return make_boxed_func(gm.forward)


def kept_compiler(kind: str, options: Options) -> GraphCompiler:
    """As `compiler`, for results that torch keeps on disk."""

    def compile_aten(gm: GraphModule, example_inputs: Sequence[Any]) -> KeptGraph:
        try:
            return build_aten_graph(gm, options, name=kind)
        except Exception as reason:  # a forward alone must not fail for its backward
            if isinstance(reason, CompilerError) and options.on_error != "raise":
                return KeptGraph(in_eager_mode(gm, kind, reason))
            if kind != "backward":
                raise
            return KeptGraph(failing(reason))

    return SerializableAOTDispatchCompiler(KeptGraph, compile_aten)


def failing(reason: Exception) -> Callable[[list[Any]], Any]:
    """Stands for a backward that cannot be compiled: an error where it is called."""

    def run(inputs: list[Any]) -> Any:
        raise reason

    return run


def may_be_kept(inputs: Sequence[Any], options: Options) -> bool:
    """Whether what is made of a graph may come from another process, or go to one. Whoever looks at
    how a graph is compiled wants it compiled."""
    if not options.cache or options.autotune or options.verify_each:
        return False
    if options.profile or options.perf_map:
        return False
    if reports.get() is not None or options.dump_ir or texts_wanted() or has_foreign_rules():
        return False
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return False
    if any(isinstance(v, torch.Tensor) and not is_ordinary(v) for v in inputs):
        return False
    return is_switched_on()


def is_ordinary(tensor: torch.Tensor) -> bool:
    """Whether the graph's text and the sizes say all that compiling it depends on."""
    return not is_traceable_wrapper_subclass(tensor) and not overlaps(tensor)


def compile_aten_graph(
    gm: GraphModule,
    options: Options,
    *,
    name: str,
    on_report: Callable[[GraphReport], None] | None = None,
) -> Any:
    """An executable for a graph of ATen operators with fake tensors in its nodes' metadata."""
    return build_aten_graph(gm, options, name=name, on_report=on_report).executable


def build_aten_graph(
    gm: GraphModule,
    options: Options,
    *,
    name: str,
    on_report: Callable[[GraphReport], None] | None = None,
) -> KeptGraph:
    """As `compile_aten_graph`, with what there is to keep of it."""
    dying = dying_inputs() if name == "backward" else ()
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
            dying=dying,
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

    def note(report: GraphReport) -> None:
        counters["fxlower"]["graphs_compiled"] += 1
        counters["fxlower"]["kernels_compiled"] += len(report.compiled)
        counters["fxlower"]["kernels_found"] += len(report.kernels) - len(report.compiled)
        if on_report is not None:
            on_report(report)

    executable = compile_graph(
        imported,
        options,
        name=name,
        dump=dump,
        on_report=note,
        phase=phase,
        origin=origin,
    )
    if dump is not None:
        publish(dump, name)
        if options.dump_ir:
            dump.write(options.dump_ir, name)
    return KeptGraph(executable, getattr(executable, "compiled", None))


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
    """Placeholders of a backward graph that only its call holds: what the forward graph saved.

    AOTAutograd is told that there are none: it would take the graph to write to them, and refuse
    `retain_graph=True`."""
    context = TracingContext.try_get()
    if context is None or context.fw_metadata is None:
        return ()
    found = context.fw_metadata.bw_donated_idxs or ()
    context.fw_metadata.bw_donated_idxs = []
    return tuple(found)


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
