"""A unit of joins as a program: a nest for each group that makes pieces, in one kernel.

Each nest is a program of its own (`fxlower/analysis/kernel_program.py`), with the arguments and the
symbols of the whole; equal joined programs are the same kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from fxlower.analysis.fusion_units import Partition, Unit
from fxlower.analysis.kernel_program import (
    Argument,
    Program,
    digest_of,
    element_of,
    program_of,
    with_names,
)
from fxlower.analysis.loop_dims import resolve
from fxlower.analysis.symbols import substitute, symbols_of
from fxlower.dialects.build import Dim, dims_of


@dataclass(frozen=True)
class Nest:
    """A program of a joined kernel."""

    program: Program
    """With the kernel's symbols; its own arguments are numbered from 0."""
    arguments: tuple[int, ...]
    """The kernel's argument that each argument of the program is."""
    pieces: tuple[tuple[int, int, tuple[Dim, ...], tuple[int, ...]], ...]
    """A result of the program, the join that it is a piece of, where it begins there, and how many
    of its loops each axis of the join has."""
    returned: tuple[int, ...]
    """Results of the program that are results of the kernel too."""


@dataclass(frozen=True)
class JoinedProgram:
    """A kernel of kind `loops` that writes tensors in pieces, each made by a nest."""

    joins: tuple[Argument, ...]
    """What is joined: the first results."""
    arguments: tuple[Argument, ...]
    nests: tuple[Nest, ...]
    symbols: int

    @property
    def digest(self) -> str:
        return digest_of(self)


@dataclass(frozen=True)
class JoinedCall:
    """A joined program with what the call of its kernel passes, as in `Call`."""

    program: JoinedProgram
    arguments: tuple[tuple[SSAValue, tuple[Dim, ...]], ...]
    results: tuple[SSAValue, ...]
    symbols: tuple[str, ...]


def joined_program_of(unit: Unit, partition: Partition) -> JoinedCall:
    """The program of a unit of joins."""
    calls = [program_of(nest, partition) for nest in unit.nests]
    joins = [
        Argument(element_of(j.value), dims_of(j.value.type), partition.strides[j.value])
        for j in unit.joins
    ]
    symbols = dict.fromkeys(s for call in calls for s in call.symbols)
    for join, made in zip(joins, unit.joins):
        for dims in (join.sizes, join.strides, *(p.offsets for p in made.pieces)):
            symbols.update(dict.fromkeys(s for d in dims for s in symbols_of(d)))
    names: dict[str, Dim] = {s: f"d{i}" for i, s in enumerate(symbols)}

    def local(dims: Sequence[Dim]) -> tuple[Dim, ...]:
        return tuple(substitute(d, names) for d in dims) if names else tuple(dims)

    arguments: dict[tuple[SSAValue, tuple[Dim, ...]], int] = {}
    described: list[Argument] = []
    nests: list[Nest] = []
    results = [j.value for j in unit.joins]
    for call, group in zip(calls, unit.nests):
        program = with_names(call.program, {f"d{i}": names[s] for i, s in enumerate(call.symbols)})
        for argument, passed in zip(program.arguments, call.arguments):
            if passed not in arguments:
                arguments[passed] = len(arguments)
                described.append(argument)
        number = {value: i for i, value in enumerate(call.results)}
        pieces = [
            (number[p.value], n, local(p.offsets), _loops_by_axis(group, p.value))
            for n, join in enumerate(unit.joins)
            for p in join.pieces
            if p.value in number
        ]
        returned = [v for v in call.results if v in partition.read]
        results += returned
        nests.append(
            Nest(
                program,
                tuple(arguments[a] for a in call.arguments),
                tuple(pieces),
                tuple(number[v] for v in returned),
            )
        )
    joined = [Argument(j.element, local(j.sizes), local(j.strides)) for j in joins]
    made = JoinedProgram(tuple(joined), tuple(described), tuple(nests), len(names))
    return JoinedCall(made, tuple(arguments), tuple(results), tuple(symbols))


def _loops_by_axis(group: Unit, value: SSAValue) -> tuple[int, ...]:
    axes = group.members[value].axes
    return tuple(0 if a is None else len(resolve(a)) for a in axes)
