"""`fxlower.bisect`: which pass, and which kernel, makes the results of a function wrong.

The graphs of the function are taken from eager runs. Each is then computed level by level:

    eager ATen     the graph as torch runs it
    fxt            as imported, each op by its meaning (`fxlower/reference/fxt.py`)
    tensor         the same after the passes of that stage
    linalg         kernels by the meaning of `linalg` (`fxlower/reference/linalg.py`)
    machine code   each kernel alone, on the operands that it has at level linalg

The first level that differs from the one before is done again pass by pass. Below `linalg`, passes
that can be left out are put back one by one.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch._functorch._aot_autograd.utils import make_boxed_func
from torch.fx import GraphModule, Interpreter, Node
from xdsl.dialects.builtin import StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from fxlower import backend, compiler
from fxlower.dialects.build import INDEX
from fxlower.dialects.fxt.call import CallOp
from fxlower.explanation import differentiate, isolated
from fxlower.frontend.importer import import_graph
from fxlower.frontend.program import Imported
from fxlower.frontend.types import DTYPE
from fxlower.kernel_calls import LoadedKernel, Texts, as_dtype
from fxlower.options import Options
from fxlower.reference.fxt import Run
from fxlower.reference.linalg import Kernel, NoMeaning, symbols_of

TOLERANCE = {
    torch.float16: 1e-2,
    torch.bfloat16: 5e-2,
    torch.float32: 1e-3,
    torch.float64: 1e-8,
}
"""Of an element, beside the larger of its size and the root mean square of its tensor."""


@dataclass
class Bisection:
    """What `bisect` found; print it. Nothing differs where `level` is None."""

    graphs: int
    """How many graphs were looked at."""
    level: str | None = None
    """The first level whose numbers differ from those of the level before."""
    passes: tuple[str, ...] = ()
    """The pass that is to blame, or the few among which it is."""
    kernel: str | None = None
    source: str | None = None
    """The user's line."""
    difference: str = ""
    files: list[Path] = field(default_factory=list)
    """IR to look at: after each pass, or before and after the one that is to blame."""
    unchecked: list[str] = field(default_factory=list)
    """Kernels without an interpretation: that of their own machine code was taken for right."""

    def __bool__(self) -> bool:
        return self.level is not None

    def __str__(self) -> str:
        if self.level is None:
            lines = [f"nothing differs in {self.graphs} graphs"]
        else:
            kernel = f" of kernel {self.kernel}" if self.kernel else ""
            blame = " or ".join(self.passes)
            lines = [f"{blame}{kernel} (level {self.level}): {self.difference}"]
            if self.source is not None:
                lines.append(f"  computes {self.source}")
            lines += [f"  {file}" for file in self.files]
        if self.unchecked:
            lines.append(f"  not interpreted: {', '.join(self.unchecked)}")
        return "\n".join(lines)


@dataclass
class Captured:
    """A graph of ATen operators, how it is imported, and the arguments of its first call."""

    kind: str
    gm: GraphModule
    again: Callable[[], Imported]
    arguments: list[Any] | None = None


def bisect(
    fn: Callable[..., Any],
    *args: Any,
    backward: bool = False,
    options: dict[str, Any] | None = None,
    dynamic: bool | None = None,
    tolerance: float | None = None,
    folder: str | Path | None = None,
    **kwargs: Any,
) -> Bisection:
    """Find what makes `fn(*args, **kwargs)` differ from eager mode when it is compiled.

    Args:
        backward: look at the backward of the sum of the outputs too.
        options: as for `torch.compile`.
        tolerance: relative, for all dtypes, in place of `TOLERANCE`.
        folder: where IR is written; a new temporary folder otherwise.
    """
    chosen = replace(Options.read(options), dump_ir=None, timing=False)
    graphs = capture(fn, args, kwargs, chosen, dynamic, backward)
    place = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="fxlower-bisect-"))
    place.mkdir(parents=True, exist_ok=True)
    found = Bisection(len(graphs))
    for graph in graphs:
        if graph.arguments is None:
            continue
        with torch.no_grad(), compiler.collector_off():
            found = _Search(graph, chosen, tolerance, place, len(graphs), found.unchecked).run()
        if found:
            break
    return found


def capture(
    fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    options: Options,
    dynamic: bool | None,
    backward: bool,
) -> list[Captured]:
    """The graphs that `fn` is compiled to, run in eager mode."""
    found: list[Captured] = []

    def compiler_of(kind: str) -> backend.GraphCompiler:
        def compile_aten(gm: GraphModule, example_inputs: Sequence[Any]) -> Any:
            constants = backend.constant_inputs(gm, options) if kind == "inference" else ()
            visible = backend.visible_outputs(kind)

            def again() -> Imported:
                return import_graph(
                    gm,
                    fallback=options.fallback,
                    constants=constants,
                    visible=visible,
                    sources=True,
                )

            graph = Captured(kind, gm, again)
            found.append(graph)

            def call(*values: Any) -> Any:
                if graph.arguments is None:
                    graph.arguments = copies(values)
                return gm(*values)

            return make_boxed_func(call)

        return compile_aten

    def capturing(gm: GraphModule, example_inputs: Sequence[Any], **_: Any) -> Callable[..., Any]:
        return backend.compile_with_autograd(gm, example_inputs, compiler_of)

    compiled = torch.compile(isolated(fn), backend=capturing, dynamic=dynamic)
    result = compiled(*args, **kwargs)
    if backward:
        differentiate(result, fn, (args, kwargs))
    return found


def copies(values: Sequence[Any]) -> list[Any]:
    return [v.detach().clone() if isinstance(v, torch.Tensor) else v for v in values]


class Level(Run):
    """A run of a graph at any level up to `linalg`. `calls` are those of kernels, in order."""

    def __init__(self, program: Imported, arguments: list[Any], stages: compiler.Stages) -> None:
        super().__init__(program, copies(arguments))
        self.stages = stages
        self.functions = {f.sym_name.data: f for f in program.module.ops if isinstance(f, FuncOp)}
        self.calls: list[tuple[CallOp, list[Any], dict[str, int], list[torch.Tensor]]] = []
        self.unchecked: list[str] = []

    def check(self, value: SSAValue, tensor: Any) -> None:
        """Types below `tensor` have lost their signs."""

    def execute(self, op: Operation) -> list[Any]:
        if not isinstance(op, CallOp):
            return super().execute(op)
        return self.call_function(op, self.functions["main"], self.symbols, self.values)

    def call_function(
        self, op: CallOp, caller: FuncOp, symbols: dict[str, int], values: dict[SSAValue, Any]
    ) -> list[Any]:
        function = self.functions[op.callee.string_value()]
        operands: list[Any] = [
            number_of(v, caller, symbols) if v.type == INDEX else values[v] for v in op.operands
        ]
        own = symbols_of(function, operands)
        if "fxlower.kernel" in function.attributes:
            written = [k for k in op.inplace if k >= 0]
            kept = [o.clone() if k in written else o for k, o in enumerate(operands)]
            results = self.call_kernel(function, operands, own)
            self.calls.append((op, kept, own, results))
            made = list(results)
            for i, k in enumerate(op.inplace):
                if k >= 0:  # outside of its segment, the operand is the result
                    made[i] = operands[k].copy_(as_dtype(results[i], operands[k].dtype))
            return made
        inner = Level(self.program, [], self.stages)
        inner.symbols, inner.calls, inner.unchecked = own, self.calls, self.unchecked
        known: dict[SSAValue, Any] = dict(zip(function.body.block.args, operands, strict=True))
        inner.values = known
        for each in function.body.block.ops:
            if isinstance(each, ReturnOp):
                return [known[v] for v in each.operands]
            made = (
                self.call_function(each, function, own, known)
                if isinstance(each, CallOp)
                else inner.execute(each)
            )
            known.update(zip(each.results, made, strict=True))
        raise AssertionError("no return")

    def call_kernel(
        self, function: FuncOp, operands: list[Any], symbols: dict[str, int]
    ) -> list[torch.Tensor]:
        typed = [
            as_dtype(o, DTYPE[a.type.element_type]) if isinstance(o, torch.Tensor) else o  # type: ignore[attr-defined]
            for o, a in zip(operands, function.body.block.args, strict=True)
        ]
        try:
            return Kernel(function, typed, symbols).run()
        except (NoMeaning, AssertionError, NotImplementedError):  # named in the result
            name = function.sym_name.data
            if name not in self.unchecked:
                self.unchecked.append(name)
            return LoadedKernel(function, self.stages)(typed, symbols)


def number_of(value: SSAValue, function: FuncOp, symbols: dict[str, int]) -> int:
    """The value of a symbol among the arguments of `function`."""
    index = list(function.body.block.args).index(value)  # type: ignore[arg-type]
    assert function.arg_attrs is not None
    name = function.arg_attrs.data[index].data["fxt.symbol"]
    assert isinstance(name, StringAttr)
    return symbols[name.data]


class _Search:
    def __init__(
        self,
        graph: Captured,
        options: Options,
        tolerance: float | None,
        folder: Path,
        graphs: int,
        unchecked: list[str],
    ) -> None:
        assert graph.arguments is not None
        self.graph = graph
        self.arguments = graph.arguments
        self.tolerance = tolerance
        self.folder = folder
        self.result = Bisection(graphs, unchecked=unchecked)
        self.stages = compiler.Stages(compiler.machine(options.machine), options, None)
        self.numbers = itertools.count()
        self.sources: dict[str, str] = {}

    def run(self) -> Bisection:
        imported = self.graph.again()
        self.sources = imported.sources
        fxt = Run(imported, copies(self.arguments))
        outputs = fxt.run()
        expected = self.eager(copies(self.arguments))

        def moved() -> Run:
            """The graph on arguments that differ by rounding."""
            run = Run(self.graph.again(), perturbed(self.arguments))
            run.run()
            return run

        self.moved = cache(moved)
        difference = self.first_difference(
            outputs, expected, lambda: self.eager(perturbed(self.arguments))
        )
        if difference is not None:
            return self.blame_import(fxt, difference)
        before = fxt.results
        for stage in compiler.GRAPH_STAGES:
            level = self.level_after(stage)
            difference = self.first_difference(level.results, before, lambda: self.moved().results)
            if difference is not None:
                return self.blame_graph_pass(stage, before, fxt)
            before = level.results
        self.result.unchecked = sorted({*self.result.unchecked, *level.unchecked})
        for call, operands, symbols, results in level.calls:
            kernel = level.functions[call.callee.string_value()]
            typed = [as_argument(o, a) for o, a in zip(operands, kernel.body.block.args)]
            used = [r.first_use is not None for r in call.results]  # others are scratch memory
            found = LoadedKernel(kernel, self.stages)(typed, symbols)

            noisy = partial(level.call_kernel, kernel, perturbed(typed), symbols)
            expected = [r if u else None for r, u in zip(results, used, strict=True)]
            difference = self.first_difference(found, expected, noisy)
            if difference is not None:
                self.result.kernel = kernel.sym_name.data
                self.result.source = self.source(call.results)
                return self.blame_kernel_pass(kernel, typed, symbols, expected, noisy, difference)
        executable = compiler.compile_graph(self.graph.again(), self.stages.options)
        difference = self.first_difference(
            executable(copies(self.arguments)), outputs, lambda: self.moved().outputs
        )
        if difference is not None:
            self.result.level = "machine code"
            self.result.passes = ("plan-memory", "the host's plan")
            self.result.difference = difference
        return self.result

    # -------------------------------------------------------------------------------- levels

    def eager(self, arguments: list[Any]) -> list[Any]:
        returned = self.graph.gm(*arguments)
        return list(returned) if isinstance(returned, (list, tuple)) else [returned]

    def level_after(self, stage: str, passes: int | None = None) -> Level:
        """The graph after `stage`, or only the first `passes` of its passes."""
        program = self.graph.again()
        program.module.attributes |= self.stages.module_attributes
        reached: list[tuple[str, str]] = []
        for name, names in self.stages.target.stages:
            each = [n for n in names.split(",") if n]
            reached.append((name, ",".join(each[:passes] if name == stage else each)))
            if name == stage:
                break
        shortened = replace(self.stages.target, stages=tuple(reached))
        compiler.Stages(shortened, self.stages.options, None).run(
            program.module, compiler.GRAPH_STAGES
        )
        level = Level(program, self.arguments, self.stages)
        level.run()
        return level

    # --------------------------------------------------------------------------------- blame

    def blame_import(self, fxt: Run, difference: str) -> Bisection:
        result = self.result
        result.level, result.passes, result.difference = "fxt", ("import",), difference
        result.files = [
            self.write("aten.txt", self.graph.gm.print_readable(print_output=False)),
            self.write("fxt.mlir", str(fxt.program.module)),
        ]
        values = named(fxt)
        for node, expected in _Nodes(self.graph.gm).values(copies(self.arguments)):
            if not isinstance(expected, torch.Tensor):
                continue
            found = [t for t in values.get(f"{node.name}_", ()) if t.shape == expected.shape]
            words = [self.first_difference([t], [expected]) for t in found]
            if words and None not in words:
                result.source = f"{node.target} at {backend.source_of(node)}"
                result.difference = f"{node.name}: {words[0]}"
                break
        return result

    def blame_graph_pass(self, stage: str, before: list[Any], fxt: Run) -> Bisection:
        result = self.result
        result.level = stage
        names = [n for n in dict(self.stages.target.stages)[stage].split(",") if n]
        previous = self.level_after(stage, 0)
        for count, name in enumerate(names, 1):
            level = self.level_after(stage, count)
            difference = self.first_difference(level.results, before, lambda: self.moved().results)
            if difference is not None:
                result.passes, result.difference = (name,), difference
                result.files = [
                    self.write(f"before-{name}.mlir", str(previous.program.module)),
                    self.write(f"after-{name}.mlir", str(level.program.module)),
                ]
                self.blame_value(level, fxt)
                return result
            previous = level
        return result

    def blame_value(self, level: Level, fxt: Run) -> None:
        """The first value that differs from what has its name in the graph as imported."""
        known = named(fxt)
        made = [(c.results, r, c.callee.string_value()) for c, _, _, r in level.calls]
        if not made:
            made = [((v,), (t,), None) for v, t in level.values.items()]
        for values, tensors, kernel in made:
            for value, tensor in zip(values, tensors):
                same = [t for t in known.get(value.name_hint or "", ()) if t.shape == tensor.shape]
                if same and all(self.first_difference([tensor], [t]) for t in same):
                    self.result.kernel = kernel
                    self.result.source = self.source([value])
                    return

    def blame_kernel_pass(
        self,
        kernel: FuncOp,
        operands: list[Any],
        symbols: dict[str, int],
        expected: list[Any],
        noisy: Callable[[], list[Any]],
        difference: str,
    ) -> Bisection:
        result = self.result
        result.level, result.difference = "machine code", difference
        texts: Texts = []
        LoadedKernel(kernel, self.stages, texts=texts)
        result.files = [self.write(f"{name}.mlir", text) for name, text in texts]
        effective = [name for name, _ in texts[1:]]

        def is_right(left_out: Sequence[str]) -> bool | None:
            try:
                found = LoadedKernel(kernel, self.stages, left_out)(operands, symbols)
            except Exception:  # what fails without a pass needs that pass
                return None
            return self.first_difference(found, expected, noisy) is None

        optional = [name for name in effective if is_right([name]) is not None]
        for count in range(len(optional), -1, -1):  # without all of them, one less, ... none
            if is_right(optional[len(optional) - count :]) is False:
                if count == len(optional):
                    break
                result.passes = (optional[len(optional) - count - 1],)
                return result
        needed = [name for name in effective if name not in optional]
        result.passes = (*needed, "LLVM")
        return result

    # ------------------------------------------------------------------------------- helpers

    def source(self, values: Sequence[SSAValue]) -> str | None:
        return next(
            (self.sources[v.name_hint] for v in values if v.name_hint in self.sources), None
        )

    def write(self, name: str, text: str) -> Path:
        file = self.folder / f"{next(self.numbers):02}-{name}"
        file.write_text(text)
        return file

    def first_difference(
        self,
        found: Sequence[Any],
        expected: Sequence[Any],
        moved: Callable[[], Sequence[Any]] | None = None,
    ) -> str | None:
        """How some result differs by more than rounding; `moved` is what is expected of operands
        that differ by rounding, by which results that cancel out are judged."""
        for index, (a, b) in enumerate(zip(found, expected, strict=True)):
            if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
                continue
            words = difference_of(a, b, self.tolerance)
            if words is not None and moved is not None:
                words = difference_of(a, b, self.tolerance, moved()[index])
            if words is not None:
                return f"result {index}: {words}"
        return None


NOISE = 100.0
"""By how many times what operands that differ by rounding make of a result it may differ."""


def perturbed(values: Sequence[Any]) -> list[Any]:
    """Copies of values of which floats differ by a rounding error or two."""
    generator = torch.Generator().manual_seed(0)
    made = copies(values)
    for tensor in made:
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) * 2 - 1
            tensor.mul_(1 + 2 * torch.finfo(tensor.dtype).eps * noise)
    return made


def named(run: Run) -> dict[str, list[torch.Tensor]]:
    """The tensors of a run by the names that their values have."""
    found: dict[str, list[torch.Tensor]] = {}
    for value, tensor in run.values.items():
        if value.name_hint and isinstance(tensor, torch.Tensor):
            found.setdefault(value.name_hint, []).append(tensor)
    return found


def as_argument(value: Any, argument: SSAValue) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return as_dtype(value, DTYPE[argument.type.element_type])  # type: ignore[attr-defined]


def difference_of(
    found: torch.Tensor,
    expected: torch.Tensor,
    tolerance: float | None,
    moved: torch.Tensor | None = None,
) -> str | None:
    """How `found` differs by more than rounding, in words."""
    if found.shape != expected.shape:
        return f"{list(found.shape)} elements instead of {list(expected.shape)}"
    if found.numel() == 0:
        return None
    if found.dtype != expected.dtype and found.element_size() == expected.element_size():
        found = found.view(expected.dtype)
    if not (expected.is_floating_point() or expected.is_complex()):
        wrong = found != expected
    else:
        allowed = TOLERANCE.get(expected.dtype, 1e-3) if tolerance is None else tolerance
        wide = torch.complex128 if expected.is_complex() else torch.float64
        a, b = found.to(wide), expected.to(wide)
        finite = b.isfinite()
        size = b[finite].abs()
        scale = size.square().mean().sqrt() if size.numel() else torch.zeros(())
        limit = allowed * torch.maximum(b.abs(), scale)
        if moved is not None:
            noise = (moved.to(wide) - b).abs().nan_to_num(0.0, 0.0)
            limit = limit + NOISE * torch.maximum(noise, noise.square().mean().sqrt())
        wrong = (a - b).abs() > limit
        same = (a == b) | (a.isnan() & b.isnan())
        wrong = (wrong | ~(a.isfinite() & finite)) & ~same
    count = int(wrong.sum())
    if not count:
        return None
    place = tuple(int(i) for i in wrong.nonzero()[0])
    return (
        f"{count} of {found.numel()} elements, first {list(place)}: "
        f"{found[place].item()} instead of {expected[place].item()}"
    )


class _Nodes(Interpreter):
    """The values of a graph's nodes in eager mode."""

    def values(self, arguments: Sequence[Any]) -> list[tuple[Node, Any]]:
        self.found: list[tuple[Node, Any]] = []
        self.run(*arguments)
        return self.found

    def run_node(self, n: Node) -> Any:
        value = super().run_node(n)
        if n.op == "call_function":
            self.found.append((n, value.clone() if isinstance(value, torch.Tensor) else value))
        return value
