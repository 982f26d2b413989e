"""A group of operations as a program in local numbers: what its kernel is made from, and known by.

A program holds numbers, strings and tuples only. Two groups with equal programs are the same
kernel, so a program is looked up before any IR is built, and its text gives the kernel its name.

An instruction is a tuple; operands are numbers of earlier instructions, `loops` are loop dims:

    ("load", argument, loops)             an element of an argument at the point
    ("const", value, element)             a number; the value by its repr
    ("iota", loops)                       the row-major index into these loops
    ("size", dim)                         a symbolic size
    ("dense", values, element, loops)     an element of a constant table at the index into loops
    ("gather", argument, *operands)       an element of an argument at computed indices
    ("reduce", operation, element, operand)
    ("product", factors, element, left, right)   a sum over the inner loop of left * right
    ("spread", loops, element, operand)   a value at every point of loops along which it is the same
    ("op", operation, detail, operand element, element, *operands)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from typing import Any, TypeAlias

from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, FloatAttr, IntegerAttr
from xdsl.ir import Attribute, Operation, SSAValue

from fxlower.analysis.fusion import GENERATORS
from fxlower.analysis.fusion_axes import renames_only, same_but_for_ones, widened_source
from fxlower.analysis.fusion_units import Member, Partition, Unit
from fxlower.analysis.layout import Strides, reshape_strides
from fxlower.analysis.loop_dims import Axes, LoopDim, LoopDims, flatten, resolve
from fxlower.analysis.symbols import substitute, symbols_of
from fxlower.dialects import fxt
from fxlower.dialects.build import Dim, dim_of, dims_of

Instruction: TypeAlias = tuple[Any, ...]

_SHORT_FLOATS = ("f16", "bf16")


DIGITS = 12
"""Hex digits of a digest: with 8, one process in some hundreds that compiles ten thousand kernels
would take one kernel for another."""


def digest_of(made_from: object) -> str:
    """What names a kernel by all that it is made from, in any process."""
    return sha1(repr(made_from).encode()).hexdigest()[:DIGITS]


@dataclass(frozen=True)
class Argument:
    """A tensor argument of a kernel."""

    element: str
    sizes: tuple[Dim, ...]
    strides: Strides


@dataclass(frozen=True)
class Result:
    """A result: instruction `value` at the points of `loops`, stored with `strides`."""

    value: int
    loops: tuple[int, ...]
    strides: Strides


@dataclass(frozen=True)
class Program:
    """A kernel of kind `loops`. Symbols are `d0`, `d1`, ... in order of appearance."""

    sizes: tuple[Dim, ...]
    """Of the loops: the outer ones first."""
    outer: int
    arguments: tuple[Argument, ...]
    instructions: tuple[Instruction, ...]
    results: tuple[Result, ...]
    symbols: int

    @property
    def digest(self) -> str:
        return digest_of(self)


@dataclass(frozen=True)
class Call:
    """A program with what the call of its kernel passes: arguments are values in memory, each
    seen under sizes of its own, and the caller's symbols."""

    program: Program
    arguments: tuple[tuple[SSAValue, tuple[Dim, ...]], ...]
    results: tuple[SSAValue, ...]
    symbols: tuple[str, ...]


def operands_of(instruction: Instruction) -> tuple[int, ...]:
    match instruction[0]:
        case "op":
            return instruction[5:]
        case "gather":
            return instruction[2:]
        case "reduce" | "spread" | "product":
            return instruction[3:]
        case _:
            return ()


@dataclass(frozen=True)
class Extent:
    """Of each instruction, the loops along which its value varies, and those along which
    computing it reads memory."""

    varies: tuple[frozenset[int], ...]
    reads: tuple[frozenset[int], ...]

    @staticmethod
    def of(instructions: tuple[Instruction, ...], outer: int) -> Extent:
        varies: list[frozenset[int]] = []
        reads: list[frozenset[int]] = []
        for instruction in instructions:
            match instruction[0]:
                case "load" | "iota" | "dense":
                    loops = frozenset(instruction[-1])
                    varies.append(loops)
                    reads.append(loops if instruction[0] == "load" else frozenset())
                case "reduce" | "spread" | "product":
                    first = instruction[0] != "spread"
                    loops = frozenset(range(outer) if first else instruction[1])
                    varies.append(loops)
                    reads.append(loops)
                case _:
                    operands = operands_of(instruction)
                    varies.append(frozenset().union(*[varies[o] for o in operands]))
                    reads.append(frozenset().union(*[reads[o] for o in operands]))
        return Extent(tuple(varies), tuple(reads))


@cache
def element_text(element: Attribute) -> str:
    return str(element)


def element_of(value: SSAValue) -> str:
    return element_text(value.type.element_type)  # type: ignore[attr-defined]


def program_of(unit: Unit, partition: Partition) -> Call:
    """The program of a group."""
    return _Builder(unit, partition).build()


def memory_reads(unit: Unit, partition: Partition) -> dict[SSAValue, Axes]:
    """What the kernel of a group reads from memory, each value with the loops over its dims. A
    value that is read in two ways is left out, as is what a gather reads."""
    builder = _Builder(unit, partition)
    found: dict[SSAValue, Axes] = {}
    twice: set[SSAValue] = set()
    for _, member in builder.needed():
        if isinstance(member.op, GENERATORS):
            continue
        operands = member.op._operands
        for operand in operands[1:] if isinstance(member.op, fxt.GatherOp) else operands:
            if builder.inside(operand) is not None or builder.computed_again(operand) is not None:
                continue
            value, axes = builder.in_memory(operand, member.domain)
            if value in found and flatten(found[value]) != flatten(axes):
                twice.add(value)
            found[value] = axes
    return {value: axes for value, axes in found.items() if value not in twice}


def with_names(program: Program, names: Mapping[str, Dim]) -> Program:
    """The program with other symbols."""
    if not names or all(old == new for old, new in names.items()):
        return program

    def local(dims: Sequence[Dim]) -> tuple[Dim, ...]:
        return tuple(substitute(d, names) for d in dims)

    return Program(
        local(program.sizes),
        program.outer,
        tuple(Argument(a.element, local(a.sizes), local(a.strides)) for a in program.arguments),
        tuple(_with_sizes(i, local(_sizes_in(i))) for i in program.instructions),
        tuple(Result(r.value, r.loops, local(r.strides)) for r in program.results),
        program.symbols,
    )


class _Builder:
    def __init__(self, unit: Unit, partition: Partition):
        self.unit = unit
        self.partition = partition
        self.instructions: dict[Instruction, int] = {}
        self.arguments: dict[tuple[SSAValue, tuple[Dim, ...]], int] = {}
        self.value: dict[SSAValue, int] = {}
        self.extent = Extent((), ())
        inner = set(map(id, resolve(unit.inner)))
        space = resolve(unit.space)
        self.outer = [d for d in space if id(d) not in inner]
        self.inner = [d for d in space if id(d) in inner]
        self.loops = {id(d): i for i, d in enumerate((*self.outer, *self.inner))}

    def build(self) -> Call:
        unit = self.unit
        for result, member in self.needed():
            self.value[result] = self._member(member)
        order = [v for v in unit.members if v in unit.results]
        self._drop_unused_loops(order)
        results = [self._result(v) for v in order]
        return self._with_local_symbols(results, tuple(order))

    def needed(self) -> list[tuple[SSAValue, Member]]:
        """The members that results are computed from, in order."""
        wanted = set(self.unit.results)
        out: list[tuple[SSAValue, Member]] = []
        for result, member in reversed(self.unit.members.items()):
            if result in wanted:
                out.append((result, member))
                operands = member.op._operands
                for operand in operands[1:] if isinstance(member.op, fxt.GatherOp) else operands:
                    inside = self.inside(operand)
                    if inside is not None:
                        wanted.add(inside)
        out.reverse()
        return out

    def inside(self, value: SSAValue) -> SSAValue | None:
        """The member of this group that `value` is, or renames the dims of; of a copy of a
        member, that member, since others may have used it before there was the copy."""
        members = self.unit.members
        base = self.partition.bases.get(value)
        if base is not None and base in self.unit.clones and renames_only(value, base):
            return None  # decided before the group of `base` became part of this one
        found: SSAValue | None = None
        while True:
            op = value.owner
            if value in members:
                found = value
                if not isinstance(op, fxt.ReshapeOp):
                    return found
            if not isinstance(op, fxt.PermuteOp | fxt.BroadcastOp | fxt.ReshapeOp):
                return found
            value = op.input

    # ------------------------------------------------------------------------ instructions

    def _emit(self, instruction: Instruction) -> int:
        return self.instructions.setdefault(instruction, len(self.instructions))

    def _member(self, member: Member) -> int:
        op = member.op
        if isinstance(op, GENERATORS):
            return self._generator(op, member.domain)
        if isinstance(op, fxt.MatmulOp):
            return self._product(op, member.axes)
        operands = op._operands
        if isinstance(op, fxt.GatherOp):
            source, *indices = operands
            argument = self._argument(source, dims_of(source.type))
            return self._emit(
                ("gather", argument, *[self._read(i, member.domain) for i in indices])
            )
        values = [self._read(v, member.domain) for v in operands]
        if isinstance(op, fxt.ReshapeOp):
            return values[0]
        if isinstance(op, fxt.REDUCTIONS):
            if flatten(member.axes) == flatten(member.domain):
                return values[0]  # over dims of size 1
            return self._reduce(op, values[0])
        return self._pointwise(op, values)

    def _pointwise(self, op: Operation, values: Sequence[int]) -> int:
        detail: str | Dim = ""
        if isinstance(op, fxt.CmpOp):
            detail = op.predicate.data
        elif isinstance(op, fxt.NormalizeIndexOp):
            detail = dim_of(op.size)
        operand, result = op._operands[-1], op.results[0]
        if isinstance(op, fxt.CastOp) and (exact := self._unrounded(values[0], element_of(result))):
            return exact[0]
        return self._emit(
            ("op", op.name[4:], detail, element_of(operand), element_of(result), *values)
        )

    def _unrounded(self, number: int, element: str) -> tuple[int] | None:
        """The sum of a product that instruction `number` rounds, if it is of type `element` and the
        rounded one is no result."""
        if any(self.value.get(result) == number for result in self.unit.results):
            return None
        listed = list(self.instructions)
        rounding = listed[number]
        if rounding[:2] == ("op", "cast") and rounding[3] == element:
            source = rounding[5]
            if listed[source][0] == "product":
                return (source,)
        return None

    def _product(self, op: fxt.MatmulOp, axes: Axes) -> int:
        """A product of two tensors in memory; short floats accumulate in f32, and are rounded
        where the sum itself is asked for."""
        element = element_of(op.result)
        *batch, rows, columns = axes
        depth = self.unit.inner
        lhs = self._factor(op.lhs, (*batch, rows, depth), len(axes) - 1)
        rhs = self._factor(op.rhs, (*batch, depth, columns), len(axes) - 2)
        left, right = self._load(*self.in_memory(*lhs)), self._load(*self.in_memory(*rhs))
        (loop,) = self._numbers(depth)
        if all(loop not in list(self.instructions)[i][2] for i in (left, right)):
            # Some operand must tell the depth, though all repeat along it.
            left = self._load(*lhs)
        accumulator = "f32" if element in _SHORT_FLOATS else element
        factors = element_of(lhs[0]), element_of(rhs[0])
        total = self._emit(("product", factors, accumulator, left, right))
        if accumulator == element:
            return total
        return self._emit(("op", "cast", "", accumulator, element, total))

    def _factor(self, value: SSAValue, axes: Axes, depth: int) -> tuple[SSAValue, Axes]:
        """What is read for an operand of a product, and its axes: what it is cast from, if that was
        decided. `depth` is the axis that the product sums over."""
        base, source = self.partition.bases.get(value), widened_source(value, depth)
        if base is None or source is None or base not in self.unit.clones:
            return value, axes
        while value is not base:
            value, axes = _through_view(value, axes)
        return source, axes

    def _extent(self) -> Extent:
        if len(self.extent.varies) != len(self.instructions):
            self.extent = Extent.of(tuple(self.instructions), len(self.outer))
        return self.extent

    def _reduce(self, op: Operation, operand: int) -> int:
        """Floats of 16 bits are reduced in f32 and rounded once, at the end."""
        element = element_of(op.results[0])
        if element in _SHORT_FLOATS:
            wide = self._emit(("op", "cast", "", element, "f32", operand))
            reduced = self._reduce_in("f32", op, wide)
            return self._emit(("op", "cast", "", "f32", element, reduced))
        return self._reduce_in(element, op, operand)

    def _reduce_in(self, element: str, op: Operation, operand: int) -> int:
        everywhere = tuple(range(len(self.loops)))
        extent = self._extent()
        if len(extent.reads[operand]) < len(everywhere):
            # No operand in memory would tell how far the loops go.
            operand = self._emit(("spread", everywhere, element, operand))
        return self._emit(("reduce", op.name[4:], element, operand))

    def _read(self, value: SSAValue, axes: Axes) -> int:
        inside = self.inside(value)
        if inside is not None:
            return self.value[inside]
        return self._outside(value, axes)

    def computed_again(self, value: SSAValue) -> SSAValue | None:
        """The value of which `value` renames the dims, if this group computes it again."""
        base = self.partition.bases.get(value)
        if base is None or not renames_only(value, base):
            return None
        again = isinstance(base.owner, GENERATORS) or base in self.unit.clones
        return base if again else None

    def in_memory(self, value: SSAValue, axes: Axes) -> tuple[SSAValue, Axes]:
        """What is read for `value`: it, or what it renames the dims of, and its axes."""
        roots = self.partition.roots
        while roots[value] is not value:
            op = value.owner
            assert isinstance(op, Operation)
            if not isinstance(op, fxt.PermuteOp | fxt.BroadcastOp | fxt.ReshapeOp):
                break
            if op.input not in roots or not renames_only(value, op.input):
                break
            value, axes = _through_view(value, axes)
        return value, axes

    def _outside(self, value: SSAValue, axes: Axes) -> int:
        """A value that is computed again here, or read from memory."""
        base = self.computed_again(value)
        if base is not None:
            while value is not base:
                value, axes = _through_view(value, axes)
            op = base.owner
            assert isinstance(op, Operation)
            if isinstance(op, GENERATORS):
                return self._generator(op, axes)
            return self._pointwise(op, [self._outside(v, axes) for v in op._operands])
        return self._load(*self.in_memory(value, axes))

    def _load(self, value: SSAValue, axes: Axes) -> int:
        dims = flatten(axes)
        argument = self._argument(value, tuple(d.size for d in dims))
        return self._emit(("load", argument, self._numbers(dims)))

    def _generator(self, op: Operation, axes: Axes) -> int:
        match op:
            case fxt.FullOp():
                return self._emit(("const", _number(op.value), element_of(op.result)))
            case fxt.IotaOp():
                axis = axes[op.axis.value.data]
                dims = resolve(axis) if axis is not None else ()
                return self._emit(("iota", self._numbers(dims)))
            case fxt.SizeOp():
                return self._emit(("size", dim_of(op.size)))
            case fxt.DenseOp():
                value = op.value
                assert isinstance(value, DenseIntOrFPElementsAttr)
                values = tuple(repr(v) for v in value.get_values())
                element = element_of(op.result)
                if len(set(values)) == 1:
                    return self._emit(("const", values[0], element))
                return self._emit(("dense", values, element, self._numbers(flatten(axes))))
            case _:
                raise TypeError(f"not a generator: {op.name}")

    def _numbers(self, dims: LoopDims) -> tuple[int, ...]:
        return tuple(self.loops[id(d)] for d in dims)

    def _argument(self, value: SSAValue, sizes: tuple[Dim, ...]) -> int:
        return self.arguments.setdefault((value, sizes), len(self.arguments))

    # ----------------------------------------------------------------------------- results

    def _result(self, value: SSAValue) -> Result:
        dims = flatten(self.unit.members[value].axes)
        sizes = tuple(d.size for d in dims)
        strides = reshape_strides(dims_of(value.type), self.partition.strides[value], sizes)
        assert strides is not None
        number, loops = self.value[value], self._numbers(dims)
        extent = self._extent()
        if extent.varies[number] != set(loops):
            spread = ("spread", tuple(sorted(loops)), element_of(value), number)
            number = self._emit(spread)
        return Result(number, loops, strides)

    def _drop_unused_loops(self, results: Sequence[SSAValue]) -> None:
        """Where no reduction is needed after all, only the loops of the results are."""
        if any(i[0] in ("reduce", "product") for i in self.instructions):
            return
        used = {id(d) for v in results for d in flatten(self.unit.members[v].axes)}
        kept: list[LoopDim] = [d for d in (*self.outer, *self.inner) if id(d) in used]
        if len(kept) < len(self.loops):
            self.outer, self.inner = kept, []
            old = {self.loops[id(d)]: i for i, d in enumerate(kept)}
            self.loops = {id(d): i for i, d in enumerate(kept)}
            self.instructions = {_renumbered(i, old): n for i, n in self.instructions.items()}
            self.extent = Extent((), ())
        elif self.inner:
            self.outer, self.inner = kept, []

    def _with_local_symbols(self, results: list[Result], order: tuple[SSAValue, ...]) -> Call:
        """The program with symbols renamed, so that it does not depend on the caller's."""
        strides = self.partition.strides
        arguments: list[Argument] = []
        for value, sizes in self.arguments:
            laid_out = reshape_strides(dims_of(value.type), strides[value], sizes)
            assert laid_out is not None
            arguments.append(Argument(element_of(value), sizes, laid_out))
        sizes = tuple(d.size for d in (*self.outer, *self.inner))
        instructions = tuple(self.instructions)

        symbols: dict[str, Dim] = {}

        def note(dims: Sequence[Dim]) -> None:
            for dim in dims:
                for symbol in symbols_of(dim):
                    symbols.setdefault(symbol, f"d{len(symbols)}")

        for argument in arguments:
            note((*argument.sizes, *argument.strides))
        note(sizes)
        for result in results:
            note(result.strides)
        for instruction in instructions:
            note(_sizes_in(instruction))

        program = Program(
            sizes, len(self.outer), tuple(arguments), instructions, tuple(results), len(symbols)
        )
        program = with_names(program, symbols)
        return Call(program, tuple(self.arguments), order, tuple(symbols))


def _sizes_in(instruction: Instruction) -> tuple[Dim, ...]:
    if instruction[0] == "size":
        return (instruction[1],)
    if instruction[0] == "op" and instruction[1] == "normalize_index":
        return (instruction[2],)
    return ()


def _with_sizes(instruction: Instruction, sizes: tuple[Dim, ...]) -> Instruction:
    if not sizes:
        return instruction
    if instruction[0] == "size":
        return ("size", sizes[0])
    return (*instruction[:2], sizes[0], *instruction[3:])


def _renumbered(instruction: Instruction, loops: dict[int, int]) -> Instruction:
    """The instruction with other loop numbers."""
    if instruction[0] in ("load", "iota", "dense"):
        return (*instruction[:-1], tuple(loops[n] for n in instruction[-1]))
    assert instruction[0] != "spread"
    return instruction


def _through_view(value: SSAValue, axes: Axes) -> tuple[SSAValue, Axes]:
    """The operand of the view `value`, and its axes where `value` has `axes`."""
    op = value.owner
    match op:
        case fxt.PermuteOp():
            source: list[LoopDims | None] = [None] * len(axes)
            for i, axis in zip(op.axes, axes):
                source[i] = axis
            return op.input, tuple(source)
        case fxt.BroadcastOp():
            return op.input, tuple(axes[a] for a in op.axes)
        case fxt.ReshapeOp() if same_but_for_ones(dims_of(op.input.type), dims_of(value.type)):
            kept = iter([a for a, n in zip(axes, dims_of(value.type)) if n != 1])
            return op.input, tuple(() if n == 1 else next(kept) for n in dims_of(op.input.type))
        case _:
            raise TypeError(f"not a renaming of dims: {value}")


def _number(attribute: Attribute) -> str:
    if isinstance(attribute, FloatAttr | IntegerAttr):
        return repr(attribute.value.data)
    raise TypeError(f"not a number: {attribute}")
