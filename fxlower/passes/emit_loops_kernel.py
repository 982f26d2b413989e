"""A kernel program as `linalg` on tensors: a function of kind `loops`, or `contraction` if it has a
product in it.

Before: a `Program` (fxlower/analysis/kernel_program.py)
After:

    func.func private @amax_sub_exp_sum_div_1a2b3c4d(%0: tensor<8x16xf32>) -> tensor<8x16xf32>
        attributes {fxlower.kernel = "loops", fxlower.ops = "amax,sub,exp,sum,div", ...} {
      %1 = tensor.empty() : tensor<8xf32>
      %2 = arith.constant 0xFF800000 : f32
      %3 = linalg.fill ins(%2 : f32) outs(%1 : tensor<8xf32>) -> tensor<8xf32>
      %4 = linalg.generic {...iterator_types = ["parallel", "reduction"]} ins(%0) outs(%3) {...}
      ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from xdsl.dialects import tensor
from xdsl.dialects.func import FuncOp
from xdsl.dialects.linalg.ops import IndexOp as LinalgIndexOp
from xdsl.dialects.linalg.ops import YieldOp as LinalgYieldOp
from xdsl.ir import Attribute, Block, SSAValue

from fxlower.analysis.kernel_plan import Plan, element_of, plan_of
from fxlower.analysis.kernel_program import Program, Result, operands_of
from fxlower.analysis.layout import Strides
from fxlower.analysis.symbols import contiguous_strides
from fxlower.dialects import arith
from fxlower.dialects.build import (
    I64,
    INDEX,
    dims_of,
    emit,
    int_attr,
    signless,
    string_attr,
)
from fxlower.passes.kernel_bodies import ELEMENTS, BodyBuilder, neutral, number
from fxlower.passes.kernel_shell import KernelShell, kernel_name
from fxlower.passes.materialize_dims import DimEmitter


def emit_loops_kernel(program: Program, scratchpad_bytes: int) -> tuple[FuncOp, int]:
    """The kernel, and how many results it has beyond those of the program: row buffers that do
    not fit in the scratchpad."""
    arguments = [(ELEMENTS[a.element], a.sizes, a.strides) for a in program.arguments]
    shell = KernelShell(arguments, program.symbols)
    results, kept = emit_nest(program, shell, shell.arguments, scratchpad_bytes)
    names = operation_names(program)
    attributes: dict[str, Attribute] = {
        "fxlower.kernel": string_attr("contraction" if has_product(program) else "loops"),
        "fxlower.ops": string_attr(",".join(names)),
        "fxlower.shape": string_attr(_shape(program)),
    }
    name = kernel_name(names, program.digest)
    return shell.finish(name, [*results, *kept], attributes), len(kept)


Made: TypeAlias = list[tuple[SSAValue, Strides]]
"""Results with their strides."""


def emit_nest(
    program: Program, shell: KernelShell, arguments: Sequence[SSAValue], scratchpad_bytes: int
) -> tuple[Made, Made]:
    """The generics of `program` on `arguments`: its results, and row buffers that do not fit in the
    scratchpad."""
    return _Nest(program, plan_of(program, scratchpad_bytes), shell, arguments).build()


class _Nest:
    def __init__(
        self, program: Program, plan: Plan, shell: KernelShell, arguments: Sequence[SSAValue]
    ):
        self.program = program
        self.plan = plan
        self.shell = shell
        self.arguments = arguments
        self.made: dict[int, tuple[SSAValue, tuple[int, ...]]] = {}
        """Roots that are done: their tensor, and the loop of each of its dims."""
        self.reads: list[dict[int, tuple[int, ...]]] = []
        """For each generic: the arguments it reads, with the loops of their dims."""

    def build(self) -> tuple[Made, Made]:
        program = self.program
        first: dict[int, Result] = {}
        for result in program.results:
            first.setdefault(result.value, result)
        for root in self.plan.roots:
            self._generic(root, first.get(root))
        results: Made = []
        for result in program.results:
            value, _ = self.made[result.value]
            if result is not first[result.value]:
                value = self._copy(result)
            results.append((value, result.strides))
        kept = [self.made[i][0] for i in self.plan.kept]
        return results, [(v, contiguous_strides(dims_of(v.type))) for v in kept]

    # ---------------------------------------------------------------------------- generics

    def _generic(self, root: int, result: Result | None) -> None:
        program = self.program
        instruction = program.instructions[root]
        element = signless(ELEMENTS[element_of(program, root)])
        rank, outer = len(program.sizes), program.outer
        if instruction[0] == "product":
            self._product(root, result)
            return
        reduces = instruction[0] == "reduce"
        loops = outer if root in self.plan.on_rows else rank
        result_map = tuple(range(loops)) if result is None else result.loops
        sizes = tuple(program.sizes[n] for n in result_map)
        if reduces:
            start = neutral(instruction[1], ELEMENTS[instruction[2]])
            init = self.shell.fill(start, element, sizes)
            parallel, reduced = outer, rank - outer
        else:
            init = self.shell.empty(element, sizes)
            parallel, reduced = loops, 0
        body = _Body(self, element, parallel + reduced)
        if reduces:
            value = body.value(instruction[3])
            accumulator = body.block.args[-1]
            value = body.builder.combine(instruction[1], instruction[2], accumulator, value)
        else:
            value = body.compute(root)
        emit(body.block, LinalgYieldOp, (value,))
        made = self.shell.generic(body.inputs, init, result_map, parallel, reduced, body.block)
        self.made[root] = (made, result_map)
        self.reads.append(body.arguments)

    def _product(self, root: int, result: Result | None) -> None:
        """The generic of a product, over the outer loops and its depth."""
        program = self.program
        _, factors, element, *operands = program.instructions[root]
        rank, outer = len(program.sizes), program.outer
        result_map = tuple(range(outer)) if result is None else result.loops
        accumulator = signless(ELEMENTS[element])
        body = Block(arg_types=(*(signless(ELEMENTS[f]) for f in factors), accumulator))
        builder = BodyBuilder(body)
        values = [
            builder.cast(v, ELEMENTS[f], ELEMENTS[element]) for v, f in zip(body.args, factors)
        ]
        term = builder.pointwise("mul", "", element, element, values)
        total = builder.pointwise("add", "", element, element, (body.args[2], term))
        emit(body, LinalgYieldOp, (total,))
        loads = [program.instructions[o] for o in operands]
        made = self.shell.generic(
            [(self.arguments[argument], loops) for _, argument, loops in loads],
            self.shell.fill(0, accumulator, tuple(program.sizes[n] for n in result_map)),
            result_map,
            outer,
            rank - outer,
            body,
        )
        self.made[root] = (made, result_map)
        self.reads.append({argument: loops for _, argument, loops in loads})

    def _copy(self, result: Result) -> SSAValue:
        """A second result of one value, with another layout."""
        source, source_map = self.made[result.value]
        element = source.type.element_type  # type: ignore[attr-defined]
        sizes = tuple(self.program.sizes[n] for n in result.loops)
        loops = self.program.outer if result.value in self.plan.on_rows else len(self.program.sizes)
        body = Block(arg_types=(element, element))
        emit(body, LinalgYieldOp, (body.args[0],))
        init = self.shell.empty(element, sizes)
        return self.shell.generic([(source, source_map)], init, result.loops, loops, 0, body)


class _Body:
    """The body of one generic: operands are added as the computation asks for them."""

    def __init__(self, kernel: _Nest, accumulator: Attribute, loops: int):
        self.kernel = kernel
        self.loops = loops
        self.program = kernel.program
        self.block = Block(arg_types=(accumulator,))
        self.builder = BodyBuilder(self.block)
        self.inputs: list[tuple[SSAValue, tuple[int, ...]]] = []
        self.arguments: dict[int, tuple[int, ...]] = {}
        self.known: dict[int, SSAValue] = {}
        self.indices: dict[int, SSAValue] = {}
        self.dims = DimEmitter(self.block, kernel.shell.symbols)

    def value(self, i: int) -> SSAValue:
        """What instruction `i` computes, at the point of the loops."""
        known = self.known.get(i)
        if known is None:
            made = self.kernel.made.get(i)
            if made is not None and all(n < self.loops for n in made[1]):
                known = self._input(*made)
            else:
                known = self.compute(i)
            self.known[i] = known
        return known

    def compute(self, i: int) -> SSAValue:
        instruction = self.program.instructions[i]
        builder = self.builder
        match instruction[0]:
            case "op":
                values = [self.value(o) for o in operands_of(instruction)]
                _, name, detail, operand, result, *_ = instruction
                return builder.pointwise(name, detail, operand, result, values)
            case "load":
                return self._input(self.kernel.arguments[instruction[1]], instruction[2])
            case "const":
                element = ELEMENTS[instruction[2]]
                return builder.constant(number(instruction[1]), signless(element))
            case "iota":
                return builder.op(arith.IndexCastOp, (self._linear(instruction[1]),), I64)
            case "size":
                size = self.dims.value(instruction[1])
                return builder.op(arith.IndexCastOp, (size,), I64)
            case "gather":
                indices = [
                    builder.op(arith.IndexCastOp, (self.value(o),), INDEX)
                    for o in operands_of(instruction)
                ]
                source = self.kernel.arguments[instruction[1]]
                element = source.type.element_type  # type: ignore[attr-defined]
                return builder.op(tensor.ExtractOp, (source, *indices), element)
            case "spread":
                return self.value(instruction[3])
            case "dense":
                return self._table(*instruction[1:])
            case _:
                raise ValueError(f"not computed in a body: {instruction}")

    def _input(self, source: SSAValue, loops: tuple[int, ...]) -> SSAValue:
        for (known, at), argument in zip(self.inputs, self.block.args):
            if known is source and at == loops:
                return argument
        self.inputs.append((source, loops))
        type_ = source.type.element_type  # type: ignore[attr-defined]
        return self.block.insert_arg(type_, len(self.inputs) - 1)

    def _linear(self, loops: tuple[int, ...]) -> SSAValue:
        """The row-major index into some loops."""
        total: SSAValue | None = None
        for loop in loops:
            index = self.indices.get(loop)
            if index is None:
                index = self.indices[loop] = self.builder.op(
                    LinalgIndexOp, (), INDEX, {"dim": int_attr(loop)}
                )
            if total is None:
                total = index
                continue
            size = self.dims.value(self.program.sizes[loop])
            scaled = self.builder.op(arith.MuliOp, (total, size), INDEX)
            total = self.builder.op(arith.AddiOp, (scaled, index), INDEX)
        return self.dims.value(0) if total is None else total

    def _table(self, values: tuple[str, ...], element: str, loops: tuple[int, ...]) -> SSAValue:
        """An element of a small table, by comparing the index with every position."""
        builder, type_ = self.builder, signless(ELEMENTS[element])
        index = builder.op(arith.IndexCastOp, (self._linear(loops),), I64)
        result = builder.constant(number(values[-1]), type_)
        for position in range(len(values) - 2, -1, -1):
            here = builder.compare("eq", index, builder.constant(position, I64))
            result = builder.select(here, builder.constant(number(values[position]), type_), result)
        return result


def _shape(program: Program) -> str:
    sizes, outer = program.sizes, program.outer
    reduced = "x".join(map(str, sizes[outer:]))
    parallel = "x".join(map(str, sizes[:outer]))
    return f"{parallel}[{reduced}]" if reduced else parallel


def has_product(program: Program) -> bool:
    return any(i[0] == "product" for i in program.instructions)


def operation_names(program: Program) -> list[str]:
    """The operations of a program, each once, in order."""
    names: dict[str, None] = {"matmul": None} if has_product(program) else {}
    for instruction in program.instructions:
        if instruction[0] in ("op", "reduce"):
            names[instruction[1]] = None
        elif instruction[0] == "gather":
            names["gather"] = None
    return list(names) or ["copy"]
