"""The host's part of a call as a Python function, written for each graph.

    def run(args):
        if profiler._is_profiler_enabled and traced: return traced(args)
        (arg0, arg1, s0, ) = args
        args.clear()
        x2, x3 = segment_0(arg0, arg1, s0)
        arg0 = None
        x4 = call_0(x2, [1, 1])
        if type(x4) is not Tensor or x4.shape != (s0, 8, ) or x4.stride() != (8, 1, ): ...
        return [x4, x3]

A step of the plan is a line or two, values are local variables, and die where the plan says so. It
is what an interpreter of the plan would do, at a fifth of its cost: a call of a small graph takes a
few microseconds, of which such an interpreter would be the larger part.

Text from outside never gets into the program: names are made here, sizes are written by
`fxlower.analysis.symbols`, and everything else is a constant that the program refers to.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

import torch
from torch.autograd import profiler
from torch.utils._pytree import tree_flatten

from fxlower.analysis.symbols import mul, symbols_of
from fxlower.dialects.build import Dim
from fxlower.frontend.program import (
    OFFSET,
    ExpressionSlot,
    FallbackCall,
    InputSlot,
    ScalarSlot,
    SizeSlot,
    TensorSlot,
)
from fxlower.runtime.folded_views import extent
from fxlower.runtime.host_steps import (
    as_traced,
    copied,
    copied_together,
    expect_number,
    number_of,
    with_exact_strides,
)
from fxlower.runtime.kept_values import KeptValues
from fxlower.runtime.memory import LEAST_BYTES, MemoryPool, reinterpreted
from fxlower.runtime.plan import (
    AtenStep,
    Buffer,
    HostPlan,
    SegmentStep,
    Shape,
    SymbolStep,
    ViewStep,
)
from fxlower.runtime.segment import Layout

Run = Callable[[list[Any]], list[Any]]

HELPERS = {
    "Tensor": torch.Tensor,
    "as_traced": as_traced,
    "copied": copied,
    "copied_together": copied_together,
    "expect_number": expect_number,
    "leaves": lambda tree: tree_flatten(tree)[0],
    "number_of": number_of,
    "profiler": profiler,
    "reinterpreted": reinterpreted,
    "with_exact_strides": with_exact_strides,
}


class HostProgram:
    """Writes the program of a plan. `layouts` are those of the segments, by name."""

    def __init__(self, plan: HostPlan, layouts: Mapping[str, Layout]) -> None:
        self.plan = plan
        self.layouts = layouts
        self.constants: dict[str, Any] = {}
        self.lines: list[str] = []
        self.known: set[str] = set()
        """Symbols that are variables by now."""
        self.unknown: list[SymbolStep] = []
        self.names: dict[int, str] = {}
        """Variables of the plan's values."""
        self.held = {f"arg{position}" for position in plan.held}
        """Variables that are read at the end."""
        self.dying = {value for step in plan.steps for value in step.release}
        """Values that are not needed at the end. Views of them may be."""

        self.write()
        self.source = "def run(args):\n" + "".join(f"    {line}\n" for line in self.lines)
        module = compile(self.source, "<fxlower host program>", "exec")
        self.code = next(c for c in module.co_consts if isinstance(c, CodeType))

    def function(
        self, segments: Mapping[str, Callable[..., Any]], pool: MemoryPool | None, kept: KeptValues
    ) -> Run:
        """The program, with what it calls."""
        # What torch imports when it is first needed takes the importer's builtins from here.
        scope: dict[str, Any] = {**HELPERS, **self.constants, "kept": kept}
        scope["__builtins__"] = builtins
        scope["traced"] = None
        scope["pooled"] = None if pool is None else pool.empty_strided
        for number, name in enumerate(self.layouts):
            scope[f"segment_{number}"] = segments[name]
        return FunctionType(self.code, scope)

    # ----------------------------------------------------------------------------- lines

    def write(self) -> None:
        plan = self.plan
        self.lines.append("if profiler._is_profiler_enabled and traced: return traced(args)")
        if plan.arguments:
            self.lines.append(f"({''.join(f'arg{i}, ' for i in range(plan.arguments))}) = args")
        self.lines.append("args.clear()")
        for number, position in enumerate(plan.tensor_inputs):
            self.names[number] = f"arg{position}"
        for tensor in plan.attributes:
            self.names[len(self.names)] = self.constant(tensor, "tensor")
        self.symbols(plan.symbols)
        self.divisors()
        self.keep()
        self.segment_names = {name: f"segment_{i}" for i, name in enumerate(self.layouts)}
        for step in plan.steps:
            if isinstance(step, SegmentStep):
                self.segment(step)
            elif isinstance(step, ViewStep):
                self.view(step)
            else:
                OperatorLines(self, step).write()
            self.release(step.release)
        self.finish()

    def variable(self, value: int) -> str:
        return self.names.setdefault(value, f"x{value}")

    def constant(self, value: Any, kind: str = "constant") -> str:
        """The name of a constant of the program."""
        name = f"{kind}_{len(self.constants)}"
        self.constants[name] = value
        return name

    def symbols(self, steps: Sequence[SymbolStep]) -> None:
        """Find those symbols that can be found now."""
        self.unknown = []
        for step in steps:
            if not self.known.issuperset(step.needs):
                self.unknown.append(step)
                continue
            source = step.source
            match source.kind:
                case "value":
                    text = f"int(arg{source.input})"
                case "size":
                    text = f"arg{source.input}.size({source.axis})"
                case "stride":
                    text = f"arg{source.input}.stride({source.axis})"
                case _:
                    assert source.expression is not None
                    text = self.expression(source.expression, source.symbols)
            self.lines.append(f"{step.symbol} = {text}")
            self.known.add(step.symbol)

    def divisors(self) -> None:
        """Have Python say that a size is divided by 0."""
        for divisor in self.plan.divisors:
            if self.known.issuperset(symbols_of(divisor.dims[0])):
                self.lines.append(f"1 // ({divisor.dims[0]})")

    def expression(self, function: Callable[..., Any], names: Sequence[str]) -> str:
        values = ", ".join(f"{name!r}: {name}" for name in names)
        return f"{self.constant(function, 'expression')}({{{values}}})"

    def keep(self) -> None:
        """Values made of weights: those that are kept, if no weight has changed."""
        if not self.plan.kept:
            return
        made = "".join(f"{self.variable(step.value)}, " for step in self.plan.kept)
        roots = dict.fromkeys(root for step in self.plan.kept for root in step.roots)
        weights = ", ".join(self.variable(root) for root in roots)
        self.lines.append("(unchanged, tensors, _) = kept.state")
        self.lines.append(
            f"({made}) = tensors if unchanged({weights}) else kept.refresh({weights})"
        )
        self.lines.append("tensors = None")

    def segment(self, step: SegmentStep) -> None:
        layout = self.layouts[step.segment]
        results = [self.variable(buffer.value) for buffer in step.results]
        arguments = [self.variable(value) for value in step.operands]
        arguments += [str(number) for number in layout.numbers]
        arguments += [self.given(step.results[i]) for i in layout.pooled]
        if layout.arena_pooled:
            (size,) = layout.arena_size.dims
            arguments.append(self.pooled(size, f"({size}, )", "(1, )", torch.uint8, True))
        made = f"{', '.join(results)} = " if results else ""
        self.lines.append(f"{made}{self.segment_names[step.segment]}({', '.join(arguments)})")

    def given(self, buffer: Buffer) -> str:
        size = mul(extent(buffer.sizes, buffer.strides), buffer.dtype.itemsize)
        briefly = buffer.value in self.dying
        return self.pooled(size, buffer.sizes.text, buffer.strides.text, buffer.dtype, briefly)

    def pooled(self, size: Dim, sizes: str, strides: str, dtype: torch.dtype, briefly: bool) -> str:
        """A tensor from the pool; None where it turns out to be small."""
        made = f"pooled({size}, {sizes}, {strides}, {self.constant(dtype, 'dtype')}, {briefly})"
        return made if isinstance(size, int) else f"{made} if {size} >= {LEAST_BYTES} else None"

    def view(self, step: ViewStep) -> None:
        (offset,) = step.offset.dims
        self.lines.append(
            f"{self.variable(step.value)} = reinterpreted({self.variable(step.base)}, "
            f"{step.sizes.text}, {step.strides.text}, {offset})"
        )

    def release(self, values: Sequence[int]) -> None:
        """Let go of what is not needed any more; of arguments in use for something else, not."""
        names = [self.names[v] for v in values if v in self.names]
        dead = [n for n in names if n.startswith(("x", "arg")) and n not in self.held]
        if dead:
            self.lines.append(f"{' = '.join(dead)} = None")

    def finish(self) -> None:
        """Outputs, which may be copies of what is then written, and writes to inputs."""
        plan = self.plan
        copies: dict[int, str] = {}
        for kind, what in plan.outputs:
            if kind == "copies" and what[1] not in copies:
                group = what[0]
                copies |= {number: f"copy{number}" for number in group}
                sources = ", ".join(self.variable(number) for number in group)
                made = "".join(f"copy{number}, " for number in group)
                self.lines.append(f"({made}) = copied_together([{sources}])")
        outputs = [self.output(kind, what, copies) for kind, what in plan.outputs]
        returned = len(outputs) - len(plan.assigned)
        made = f"[{', '.join(outputs[:returned])}]"
        if not plan.assigned and not plan.mutations:
            self.lines.append(f"return {made}")
            return
        self.lines.append(f"outputs = {made}")
        for i, output in enumerate(outputs[returned:]):
            self.lines.append(f"assigned{i} = {output}")
        for i, (_, value, apart) in enumerate(plan.mutations):
            if apart:
                self.lines.append(f"written{i} = copied({self.variable(value)})")
        for i, (target, value, apart) in enumerate(plan.mutations):
            source = f"written{i}" if apart else self.variable(value)
            self.lines.append(f"{self.variable(target)}.copy_({source})")
        for i, position in enumerate(plan.assigned):
            self.lines.append(f"arg{position}.set_(assigned{i})")
        self.lines.append("return outputs")

    def output(self, kind: str, what: Any, copies: Mapping[int, str]) -> str:
        match kind:
            case "tensor":
                return self.variable(what)
            case "copy":
                return f"copied({self.variable(what)})"
            case "copies":
                return copies[what[1]]
            case "number":
                return f"{self.variable(what)}.item()"
            case "size":
                return str(what.dims[0])
            case "expression":
                return self.expression(what.evaluate, what.symbols)
            case "input":
                return f"arg{what}"
            case _:
                return self.literal(what)

    def literal(self, value: Any) -> str:
        """A constant of any type."""
        is_plain = value is None or type(value) in (bool, int, str)
        if is_plain or (type(value) is float and math.isfinite(value)):
            return repr(value)
        return self.constant(value)


class OperatorLines:
    """The lines of an operator in eager mode: the call, then whether it gave what the graph was
    compiled for. Kernels would read outside of another tensor."""

    def __init__(self, program: HostProgram, step: AtenStep) -> None:
        self.program = program
        self.step = step
        self.call: FallbackCall = step.call
        self.number = len(program.constants)

    def write(self) -> None:
        program, call = self.program, self.call
        operands = [
            program.variable(value)
            if strides is None
            else f"with_exact_strides({program.variable(value)}, {strides.text})"
            for value, strides in zip(self.step.operands, self.step.operand_strides, strict=True)
        ]
        arguments = [self.argument(a, operands) for a in call.args]
        arguments += [f"{k}={self.argument(v, operands)}" for k, v in call.kwargs.items()]
        name = program.constant(direct(call.target), "call")
        text = f"{name}({', '.join(arguments)})"
        leaves = [f"leaf{i}" for i in range(len(call.results))]
        count = returned_tensors(call.target)
        if not leaves:
            program.lines.append(text)
        elif count == len(leaves):
            program.lines.append(f"{', '.join(leaves)} = {text}")
        else:
            program.lines.append(f"({', '.join(leaves)}, ) = leaves({text})")
        self.bind_symbols(operands)
        step = program.constant(self.step, "step")
        for position, number in self.step.numbers:
            program.lines.append(f"expect_number({step}, {leaves[position]}, {number.dims[0]})")
        for position, result in enumerate(call.results):
            if result is not None:
                self.result(step, leaves[position], result)
        if leaves:
            program.lines.append(f"{' = '.join(leaves)} = None")

    def argument(self, value: Any, operands: Sequence[str]) -> str:
        program = self.program
        match value:
            case TensorSlot(index):
                return operands[index]
            case ScalarSlot(index):
                return f"{operands[index]}.item()"
            case SizeSlot(size):
                return str(size)
            case InputSlot(index):
                return f"arg{index}"
            case ExpressionSlot():
                return program.expression(value.evaluate, value.symbols)
            case list():
                return f"[{', '.join(self.argument(v, operands) for v in value)}]"
            case tuple() if type(value) is tuple:
                return f"({''.join(f'{self.argument(v, operands)}, ' for v in value)})"
            case dict():
                items = (
                    f"{program.literal(k)}: {self.argument(v, operands)}" for k, v in value.items()
                )
                return f"{{{', '.join(items)}}}"
            case _:
                return program.literal(value)

    def bind_symbols(self, operands: Sequence[str]) -> None:
        """Symbols whose values the results give."""
        program, call = self.program, self.call
        leaf_of = {result: i for i, result in enumerate(call.results) if result is not None}
        for symbol, of, axis in call.symbols:
            if axis is None:
                text = f"number_of(leaf{of})"
            elif axis <= OFFSET:
                base = f"{operands[0]}.storage_offset()"
                text = f"leaf{leaf_of[of]}.storage_offset() - {base} + {OFFSET - axis}"
            else:
                text = f"leaf{leaf_of[of]}.size({axis})"
            program.lines.append(f"{symbol} = {text}")
            program.known.add(symbol)
        if call.symbols and program.unknown:
            program.symbols(program.unknown)

    def result(self, step: str, leaf: str, result: int) -> None:
        program = self.program
        made = program.variable(self.step.results[result])
        sizes, strides = self.step.sizes[result], self.step.strides[result]
        dtype = self.step.dtypes[result]
        expected = "None" if sizes is None else sizes.text
        checked = f"as_traced({step}, {result}, {leaf}, {expected}, {strides.text})"
        if sizes is None:
            program.lines.append(f"{made} = {checked}")
            return
        conditions = [f"type({leaf}) is Tensor", f"{leaf}.shape == {sizes.text}"]
        conditions.append(f"{leaf}.stride() == {strides.text}")
        if dtype is not None:
            conditions.append(f"{leaf}.dtype is {program.constant(dtype, 'dtype')}")
        conditions.append(f"not {leaf}.is_neg()")
        program.lines.append(f"{made} = {leaf} if {' and '.join(conditions)} else {checked}")


def direct(target: Callable[..., Any]) -> Callable[..., Any]:
    """What an operator calls in the end: the dispatcher, without a Python frame in between."""
    return target._op if type(target) is torch._ops.OpOverload else target


def returned_tensors(target: Callable[..., Any]) -> int | None:
    """How many tensors an operator returns, where its schema says that it returns no lists."""
    if type(target) is not torch._ops.OpOverload:
        return None
    returns = target._schema.returns
    plain = all(r.type.kind() == "TensorType" for r in returns)
    return len(returns) if plain and len(returns) > 0 else None


def pooled_memory(step: SegmentStep, arena: Shape, has_pool: bool) -> tuple[list[bool], bool]:
    """For which results the pool is asked, and whether for the arena: where they are large, or it
    is not known whether they are."""
    if not has_pool:
        return [], False
    (size,) = arena.dims
    sizes = [buffer.static_bytes for buffer in step.results]
    large = [n is None or n >= LEAST_BYTES for n in sizes]
    return large, not isinstance(size, int) or size >= LEAST_BYTES
