"""From an imported graph to something that runs: a target's pipeline, kernel by kernel.

The whole graph goes through the stages up to `linalg`. Then every kernel is cut out into a module
of its own and taken down alone, unless an equal one was compiled before: that is the unit of
caching. One worker thread runs LLVM while Python lowers the next kernel.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter

from xdsl.context import Context
from xdsl.dialects.builtin import FunctionType, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute
from xdsl.parser import Parser
from xdsl.passes import ModulePass

from fxlower.codegen.emitter import emit_llvm_ir
from fxlower.codegen.object import compile_object
from fxlower.dialects.build import INDEX, dims_from, string_attr
from fxlower.dialects.fxt import AtenOp
from fxlower.dialects.fxt.call import CallOp
from fxlower.dump import Dump
from fxlower.errors import CompilerError
from fxlower.fingerprint import facts_digest
from fxlower.frontend.program import Imported
from fxlower.options import Options, cache_folder
from fxlower.passes.choose_schedule import TUNED
from fxlower.profile_report import GraphProfile
from fxlower.progress import CompileProgress
from fxlower.report import GraphReport, KernelReport, describe_kernels
from fxlower.runtime.executable import Executable
from fxlower.runtime.jit import LoadedCode, load, thread_count
from fxlower.runtime.loading import (
    KERNELS,
    CompiledGraph,
    KernelKey,
    KernelObject,
    LoadedGraph,
    SegmentsObject,
)
from fxlower.runtime.object_cache import Store, digest, open_store, settled
from fxlower.runtime.peak_memory import peak_memory
from fxlower.runtime.perf_map import perf_map
from fxlower.runtime.plan import Shape
from fxlower.runtime.planner import Elements, build_plan
from fxlower.runtime.timed_executable import TimedExecutable, timed_plan
from fxlower.targets.machines import ensure_runs_here, machine
from fxlower.targets.spec import TargetSpec
from fxlower.universe import FXLOWER_UNIVERSE, REPLACED_DIALECTS

log = logging.getLogger(__name__)

GRAPH_STAGES = ("tensor", "linalg")
KERNEL_STAGES = ("loops", "vector", "llvm")
PLAN, EMIT, LLVM, LINK = "host plan", "emit LLVM IR", "LLVM", "link"
"""Steps that are no passes, by the names that errors and timings have for them."""


@dataclass(eq=False)
class Begun:
    """A module at stage `loops`, where all that its callers need is known."""

    name: str
    module: ModuleOp
    signature: FunctionType
    arenas: dict[str, Shape]
    """Bytes of arena of each segment in the module."""

    is_contraction: bool


Phase = Callable[[str], AbstractContextManager[object]]
"""A context for a part of a compilation, by name: "graph passes", "kernel passes", "LLVM"..."""


def no_phase(name: str) -> AbstractContextManager[object]:
    return nullcontext()


_LOCK = threading.RLock()
"""One compilation at a time: Python would not run two at once, and LLVM is behind a lock too."""


def _renew_lock() -> None:
    global _LOCK
    _LOCK = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)  # another thread may hold it where we fork


class Timings:
    """Seconds by pass or step, in order of first use."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start


@dataclass
class Stages:
    """Runs the passes of a target's stages on modules."""

    target: TargetSpec
    options: Options
    dump: Dump | None
    phase: Phase = no_phase
    timings: Timings = field(default_factory=Timings)
    wanted: tuple[str, str] | None = None
    """The step, and the kernel it is done for, whose input is kept: see `fxlower.reproduction`."""

    kept: str | None = None
    names: tuple[str, ...] = ()
    """What the wanted kernel computes, by the names that the graph has for it."""

    @property
    def module_attributes(self) -> dict[str, Attribute]:
        """What marks a module as being for this target; nothing for the host, the default."""
        if self.options.machine == "host":
            return {}
        return {"fxlower.machine": StringAttr(self.options.machine)}

    @cached_property
    def store(self) -> Store | None:
        """Where compiled code is kept on disk. A dump shows how each kernel is compiled, so that
        all are, as when a failure is repeated."""
        if not self.options.cache or self.dump is not None or self.wanted is not None:
            return None
        return open_store(cache_folder(self.options.cache_dir), self.options.cache_bytes)

    @cached_property
    def facts(self) -> str:
        return facts_digest(self.options)

    def key_of(self, kernel: FuncOp) -> KernelKey:
        """Tuned kernels have no schedule of their name."""
        schedule = str(kernel.attributes.get("fxlower.schedule")) if self.options.autotune else ""
        return kernel.sym_name.data, self.options.machine, schedule

    def run(self, module: ModuleOp, stages: tuple[str, ...], of: str = "") -> None:
        """Take `module`, that of kernel `of` or a whole graph, through `stages`.

        Raises:
            CompilerError: a pass failed, or left what does not verify.
        """
        for stage, names in self.target.stages:
            if stage not in stages:
                continue
            for name in filter(None, names.split(",")):
                self.keep(name, of, module)
                with self.guarded(name, stage, of):
                    with self.timings.measure(name):
                        compiler_pass(name).apply(context(), module)
                    if self.options.verify_each:
                        with self.timings.measure("verify"):
                            module.verify()
            if self.dump is not None:
                self.dump.add(stage, module)

    @contextmanager
    def guarded(self, step: str, stage: str, of: str = "") -> Iterator[None]:
        """Whatever fails is a `CompilerError` that names the step."""
        try:
            yield
        except CompilerError:
            raise
        except Exception as error:
            raise CompilerError(step, stage, error, of) from error

    @contextmanager
    def step(self, name: str, stage: str, of: str = "") -> Iterator[None]:
        """A step that is no pass."""
        with self.guarded(name, stage, of), self.timings.measure(name):
            yield

    def keep(self, step: str, of: str, module: ModuleOp) -> None:
        """Keep the text of `module` if it is the wanted one: printing each costs too much."""
        if self.wanted == (step, of):
            self.kept = str(module)


_PASSES: dict[str, ModulePass] = {}
_CONTEXT: list[Context] = []


def compiler_pass(name: str) -> ModulePass:
    if name not in _PASSES:
        _PASSES[name] = FXLOWER_UNIVERSE.all_passes[name]()()
    return _PASSES[name]


def load_passes() -> None:
    """Import what a compilation for this machine needs, so that the first one does not have to."""
    for _, names in machine("host").stages:
        for name in filter(None, names.split(",")):
            compiler_pass(name)


def context() -> Context:
    """The context that passes get: every dialect, loaded when first needed."""
    if not _CONTEXT:
        from xdsl.universe import XDSL_UNIVERSE

        made = Context()
        dialects = XDSL_UNIVERSE.all_dialects | REPLACED_DIALECTS | FXLOWER_UNIVERSE.all_dialects
        for dialect, factory in dialects.items():
            made.register_dialect(dialect, factory)
        _CONTEXT.append(made)
    return _CONTEXT[0]


@contextmanager
def collector_off() -> Iterator[None]:
    """A full garbage collection with torch loaded takes 0.2 s, and IR is all cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class Origin:
    """Where a graph came from, to say more about a failure."""

    again: Callable[[], Imported]
    """Imports it once more, with the user's lines."""

    source: Callable[[], str | None]
    """The user's line of its beginning."""

    script: Callable[[], str | None]
    """A Python program that compiles it, if it can be written as one."""


def compile_graph(
    imported: Imported,
    options: Options,
    *,
    name: str = "graph",
    dump: Dump | None = None,
    on_report: Callable[[GraphReport], None] | None = None,
    phase: Phase = no_phase,
    origin: Origin | None = None,
) -> Executable:
    """Machine code for an imported graph. `on_report` is given what there is to say about it, and
    `dump` the text of every stage. Each part of the work is done in a context of `phase`.

    Raises:
        CompilerError: a step failed, which is a bug in fxlower. It names files and commands that
            repeat the failure as far as `origin` tells how to.
    """
    with _LOCK, collector_off():
        target = machine(options.machine)
        ensure_runs_here(target)
        if options.perf_map:
            perf_map.enable()
        stages = Stages(target, options, dump, phase)
        try:
            executable, report = _compile(imported, stages, name)
        except CompilerError as error:
            from fxlower.reproduction import reproduce

            reproduce(error, stages, origin, lambda again, with_: _compile(again, with_, name))
            raise
    log.info("%s", report)
    if options.timing:
        print(report.timing_table())
    if on_report is not None:
        on_report(report)
    return executable


def _compile(imported: Imported, stages: Stages, name: str) -> tuple[Executable, GraphReport]:
    start = perf_counter()
    options = stages.options
    module = imported.module
    module.attributes |= stages.module_attributes
    if stages.dump is not None:
        stages.dump.add("fxt", module)
    elements = Elements.of(main_of(module))
    with stages.phase("graph passes"):
        if options.autotune:
            _run_tuned(module, stages)
        else:
            stages.run(module, GRAPH_STAGES)

    functions = {f.sym_name.data: f for f in module.ops if isinstance(f, FuncOp)}
    main = functions.pop("main")
    kernels = {n: f for n, f in functions.items() if "fxlower.kernel" in f.attributes}
    segments = {n: f for n, f in functions.items() if n not in kernels}
    if stages.wanted is not None:
        stages.names = names_of_results(stages.wanted[1], segments)
    stages.keep(PLAN, "", module)
    with stages.step(PLAN, "linalg"), stages.phase(PLAN):
        plan = build_plan(main, segments, imported, elements)
        sources = imported.sources if options.profile else None
        reports = describe_kernels(kernels, segments, sources)
    with (
        CompileProgress(name, wanted=options.progress, start=start) as progress,
        settled(stages.store),
    ):
        objects, calling = _build(kernels, segments, stages, reports, progress)
    compiled = CompiledGraph(
        machine=options.machine,
        plan=plan,
        kernels=objects,
        segments=calling,
        checked=options.packed_weights == "checked",
        output_pool=options.output_pool,
    )
    report = GraphReport(
        name=name,
        operators=imported.operators,
        kernels=reports,
        fallbacks=[
            call
            for op in main.walk()
            if isinstance(op, AtenOp) and (call := imported.calls[op.id.value.data]).reason
        ],
        segments=len(segments),
        kept=len(plan.kept),
        kept_bytes=sum(step.bytes for step in plan.kept),
        peak=peak_memory(plan, calling.arenas if calling is not None else {}),
    )
    with stages.phase(LINK):
        loaded = LoadedGraph(compiled, lambda name: stages.step(LINK, "object", name))
        with stages.step(LINK, "object", SEGMENTS):
            executable = _executable(loaded, report, options)
    report.seconds = dict(stages.timings.seconds)
    report.total_seconds = perf_counter() - start
    return executable, report


def _executable(loaded: LoadedGraph, report: GraphReport, options: Options) -> Executable:
    """What runs a graph, with counters under the option `profile`."""
    if not options.profile:
        return loaded.executable()
    works = {k.name: k.work for k in report.kernels if k.work is not None}
    code, timers = loaded.timed(works)
    counted, fallbacks = timed_plan(loaded.compiled.plan)
    profile = GraphProfile(report, timers, fallbacks, options.cache_dir)
    report.profile = profile
    kept = loaded.kept(code)
    return TimedExecutable(counted, code.entries, code, loaded.pool, kept, profile)


def _run_tuned(module: ModuleOp, stages: Stages) -> None:
    """The stages of graphs, with schedules that were measured on this machine; what has not been
    measured is."""
    from fxlower.tuning.cache import tuned_schedules
    from fxlower.tuning.tuner import tune_kernels

    tuned = tuned_schedules(stages.options.cache_dir, stages.target, thread_count())
    module.attributes[TUNED] = tuned.attribute()
    stages.run(module, GRAPH_STAGES)
    kernels = {f.sym_name.data: f for f in module.ops if isinstance(f, FuncOp)}
    quiet = Stages(stages.target, stages.options, None)

    def build(kernel: FuncOp) -> tuple[int, LoadedCode]:
        name = kernel.sym_name.data
        begun = _begin(name, [kernel], quiet)
        quiet.run(begun.module, KERNEL_STAGES[1:], name)
        data = compile_object(emit_llvm_ir(begun.module, quiet.target), quiet.target)
        code = load(data, exports=[name])
        return code.address(name), code

    with stages.timings.measure("autotune"):
        measured = tune_kernels(kernels, tuned, stages.target, build)
    if measured and stages.dump is not None:
        stages.dump.add(GRAPH_STAGES[-1], module)


def main_of(module: ModuleOp) -> FuncOp:
    return next(f for f in module.ops if isinstance(f, FuncOp) and f.sym_name.data == "main")


def names_of_results(kernel: str, segments: dict[str, FuncOp]) -> tuple[str, ...]:
    """Under which names the segments have the results of `kernel`."""
    calls = [op for s in segments.values() for op in s.walk() if isinstance(op, CallOp)]
    results = [r for c in calls if c.callee.string_value() == kernel for r in c.results]
    return tuple(r.name_hint for r in results if r.name_hint is not None)


def _build(
    kernels: dict[str, FuncOp],
    segments: dict[str, FuncOp],
    stages: Stages,
    reports: list[KernelReport],
    progress: CompileProgress,
) -> tuple[tuple[KernelObject, ...], SegmentsObject | None]:
    """Object code of the kernels and of the segments that call them, from this process or from disk
    where it is there."""
    if not segments:
        return (), None
    keys = {name: stages.key_of(function) for name, function in kernels.items()}
    progress.kernels = len(kernels)
    with stages.timings.measure("look up"), stages.phase("look up"):
        ready, places = _look_up(kernels, keys, stages, reports)
        calls = "" if stages.store is None else _place_of_segments(segments, keys, stages)
        calling = _kept_segments(calls, stages)
    begun: list[Begun] = []
    with stages.phase("kernel passes"):
        for name, function in kernels.items():
            if name not in ready:
                begun.append(_begin(name, [function], stages))
                progress.update(len(ready) + len(begun), len(ready))
        signatures = {item.name: item.signature for item in begun}
        if calling is None:
            for name, kernel in ready.items():
                signatures[name] = _parsed(kernel.signature)
            declared = [FuncOp.external(n, signatures[n].inputs.data, ()) for n in kernels]
            begun.append(_begin(SEGMENTS, [*declared, *segments.values()], stages))
    if stages.dump is None:  # LLVM takes longest for contractions, and should not end with one
        begun.sort(key=lambda b: (not b.is_contraction, b.name != SEGMENTS))
    made = _compile_all(begun, stages, progress)
    for item in begun:
        code = made[item.name]
        if item.name == SEGMENTS:
            calling = SegmentsObject(item.arenas, code)
            arenas = {name: shape.dims for name, shape in item.arenas.items()}
            place, header = calls, {"arenas": arenas}
        else:
            indices = tuple(type_ == INDEX for type_ in item.signature.inputs)
            kernel = KernelObject(keys[item.name], str(item.signature), indices, code)
            ready[item.name] = kernel
            place, header = (
                places.get(item.name, ""),
                {"signature": kernel.signature, "indices": indices},
            )
        if stages.store is not None:
            stages.store.put(place, header, code)
    return tuple(ready[name] for name in kernels), calling


SEGMENTS = "segments"
"""The module of a graph's segments; kernels have other names."""


def _look_up(
    kernels: dict[str, FuncOp],
    keys: dict[str, KernelKey],
    stages: Stages,
    reports: list[KernelReport],
) -> tuple[dict[str, KernelObject], dict[str, str]]:
    """The kernels there are, and where on disk the others are to go."""
    ready: dict[str, KernelObject] = {}
    places: dict[str, str] = {}
    for (name, function), report in zip(kernels.items(), reports, strict=True):
        known = KERNELS.get(keys[name])
        if known is not None and stages.dump is None:
            ready[name] = known.object
            report.cached = "in this process"
        elif stages.store is not None:
            places[name] = digest("kernel", str(function), stages.facts)
            if (found := stages.store.get(places[name])) is not None:
                header, code = found
                indices = tuple(header["indices"])
                ready[name] = KernelObject(keys[name], header["signature"], indices, code)
                report.cached = "on disk"
    return ready, places


def _place_of_segments(
    segments: dict[str, FuncOp], keys: dict[str, KernelKey], stages: Stages
) -> str:
    texts = (str(function) for function in segments.values())
    return digest(SEGMENTS, *texts, repr(tuple(keys.values())), stages.facts)


def _kept_segments(place: str, stages: Stages) -> SegmentsObject | None:
    """The segments that are on disk."""
    if stages.store is None or (found := stages.store.get(place)) is None:
        return None
    header, code = found
    arenas = {name: Shape.of(tuple(dims)) for name, dims in header["arenas"].items()}
    return SegmentsObject(arenas, code)


def _parsed(signature: str) -> FunctionType:
    """A function type from its text."""
    type_ = Parser(context(), signature).parse_attribute()
    assert isinstance(type_, FunctionType)
    return type_


def _compile_all(begun: list[Begun], stages: Stages, progress: CompileProgress) -> dict[str, bytes]:
    """The object files of modules; LLVM works on one while passes take the next one down."""
    objects: dict[str, Future[bytes]] = {}
    known = progress.kernels - sum(item.name != SEGMENTS for item in begun)

    def tell() -> None:
        done = sum(future.done() for future in objects.values())
        progress.update(progress.kernels, min(known + done, progress.kernels))

    worker = ThreadPoolExecutor(1, "fxlower-llvm")
    try:
        with stages.phase("kernel passes"):
            for item in begun:
                objects[item.name] = _finish(item, stages, worker)
                tell()
        with stages.timings.measure("wait for LLVM"), stages.phase(LLVM):
            for name, future in objects.items():
                with stages.guarded(LLVM, "object", name):
                    future.result()
                tell()
    finally:  # after an error or an interrupt, what has not begun need not be done
        worker.shutdown(cancel_futures=True)
    return {name: future.result() for name, future in objects.items()}


def _begin(name: str, functions: list[FuncOp], stages: Stages) -> Begun:
    """Take functions to stage `loops` as a module of their own."""
    for function in functions:
        if function.parent is not None:
            function.detach()
    kind = functions[0].attributes.get("fxlower.kernel")
    module = ModuleOp(functions, dict(stages.module_attributes))
    stages.run(module, KERNEL_STAGES[:1], name)
    bodies = [f for f in module.ops if isinstance(f, FuncOp) and f.body.blocks]
    arenas = {
        f.sym_name.data: Shape.of(dims_from(f.attributes["fxlower.arena"]))
        for f in bodies
        if "fxlower.arena" in f.attributes
    }
    is_contraction = kind == string_attr("contraction")
    return Begun(name, module, bodies[0].function_type, arenas, is_contraction)


def _finish(begun: Begun, stages: Stages, worker: ThreadPoolExecutor) -> Future[bytes]:
    """Take a module through the other stages; LLVM goes on behind."""
    stages.run(begun.module, KERNEL_STAGES[1:], begun.name)
    for step in (EMIT, LLVM, LINK):
        stages.keep(step, begun.name, begun.module)
    with stages.step(EMIT, "llvm", begun.name):
        text = emit_llvm_ir(begun.module, stages.target)
    if stages.dump is not None:
        with stages.guarded(LLVM, "object", begun.name):
            stages.dump.add_llvm(text, stages.target)
    return worker.submit(compile_object, text, stages.target)
