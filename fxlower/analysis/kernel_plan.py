"""Which values of a kernel program become `linalg.generic` ops, and in which order.

Everything else is computed inside the bodies that use it. The values that get a generic of their
own, the *roots*, are

- results and reductions;
- what is computed once for each row from its reductions (a mean, 1 / a sum) and used along the row;
- what several generics need and is not cheap to compute again.

A root depends on the reductions of earlier *phases*; each phase is one trip over the inner loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fxlower.analysis.kernel_program import Extent, Instruction, Program, operands_of
from fxlower.dialects.build import ELEMENT_BITS

RECOMPUTE_COST = 5
"""Computing a value again costs at most so many simple operations and loads, else it is kept."""

_COSTLY = 100
_CHEAP = frozenset(
    ("neg", "abs", "not", "add", "sub", "mul", "max", "min", "and", "or", "xor", "cmp", "select")
    + ("cast", "bitcast", "floor", "ceil", "round", "trunc", "copysign")
)
_BYTES = {str(element): bits // 8 for element, bits in ELEMENT_BITS.items()}
_REDUCING = ("reduce", "product")
_LEAVES = ("load", "const", "iota", "size", "dense")


@dataclass(frozen=True)
class Plan:
    """The generics of a program."""

    roots: tuple[int, ...]
    """Instructions with a generic, in the order of the generics."""
    on_rows: frozenset[int]
    """Roots that exist once for each point of the outer loops: reductions and maps over O."""
    kept: tuple[int, ...]
    """Roots that are no results, but must be: a row too long for the scratchpad."""


def element_of(program: Program, i: int) -> str:
    """The element, by name, of what instruction `i` computes."""
    instruction = program.instructions[i]
    match instruction[0]:
        case "op":
            return instruction[4]
        case "load" | "gather":
            return program.arguments[instruction[1]].element
        case "reduce" | "product" | "const" | "dense" | "spread":
            return instruction[2]
        case _:
            return "i64"


def plan_of(program: Program, scratchpad_bytes: int) -> Plan:
    """Choose the roots."""
    return _Planner(program, scratchpad_bytes).plan()


class _Planner:
    def __init__(self, program: Program, scratchpad_bytes: int):
        self.program = program
        self.scratchpad_bytes = scratchpad_bytes
        everywhere = frozenset(range(len(program.sizes)))
        self.everywhere = everywhere
        self.inner = everywhere - frozenset(range(program.outer))
        instructions = program.instructions
        self.loops = Extent.of(instructions, program.outer).varies
        self.phase = [0] * len(instructions)
        self.cost = [0] * len(instructions)
        for i, instruction in enumerate(instructions):
            self._measure(i, instruction)

    def _measure(self, i: int, instruction: Instruction) -> None:
        kind, operands = instruction[0], operands_of(instruction)
        if kind in _LEAVES:
            self.cost[i] = len(instruction[1]) if kind == "dense" else int(kind == "load")
            return
        self.phase[i] = max((self.phase[o] for o in operands), default=0)
        self.cost[i] = sum(self.cost[o] for o in operands)
        if kind in _REDUCING:
            self.phase[i] += 1
            self.cost[i] = 0
        elif kind == "gather" or (kind == "op" and instruction[1] not in _CHEAP):
            self.cost[i] += _COSTLY
        else:
            self.cost[i] += int(kind == "op")
        if kind == "op" and self.phase[i] > 0 and not self.loops[i] & self.inner:
            self.cost[i] = 0  # gets a generic of its own, or is used on rows only

    def plan(self) -> Plan:
        program = self.program
        instructions = program.instructions
        results = {r.value: r for r in program.results}
        users: list[list[int]] = [[] for _ in instructions]
        for i, instruction in enumerate(instructions):
            for operand in operands_of(instruction):
                users[operand].append(i)
        bodies: list[set[int]] = [set() for _ in instructions]
        """Of each instruction, the roots in whose bodies it is used."""
        self.placed: dict[int, int] = {}
        self.rows: set[int] = set()
        for i in range(len(instructions) - 1, -1, -1):
            for user in users[i]:
                bodies[i] |= {user} if user in self.placed else bodies[user]
            kind = instructions[i][0]
            if kind in _REDUCING:
                self._place(i, self.phase[i] - 1, on_rows=True)
            elif i in results:
                inner = any(n >= program.outer for n in results[i].loops)
                # A nest must not begin with a map over rows.
                late = not inner and program.outer < len(program.sizes)
                self._place(i, max(self.phase[i], int(late)), on_rows=late)
            elif kind == "spread":
                self._place(i, self.phase[i], on_rows=False)
            elif kind not in _LEAVES and self._deserves_generic(i, bodies[i]):
                first = min(self.placed[b] for b in bodies[i])
                self._place(i, first, on_rows=not self.loops[i] & self.inner and bool(self.inner))
        order = sorted(
            self.placed,
            key=lambda i: (self.placed[i], self._is_reduction(i) or i not in self.rows, i),
        )
        return Plan(tuple(order), frozenset(self.rows), self._too_long(bodies, results))

    def _place(self, i: int, phase: int, *, on_rows: bool) -> None:
        self.placed[i] = phase
        if on_rows:
            self.rows.add(i)

    def _is_reduction(self, i: int) -> bool:
        return self.program.instructions[i][0] in _REDUCING

    def _deserves_generic(self, i: int, bodies: set[int]) -> bool:
        if self.inner and not self.loops[i] & self.inner:
            if self.phase[i] == 0:
                return False
            along_row = any(b not in self.rows or self._is_reduction(b) for b in bodies)
            return along_row or len(bodies) > 1
        if self.loops[i] != self.everywhere:
            return False
        return len(bodies) > 1 and self.cost[i] > RECOMPUTE_COST

    def _too_long(self, bodies: list[set[int]], results: Mapping[int, object]) -> tuple[int, ...]:
        """Row buffers that do not fit in the scratchpad."""
        extent: int | None = 1
        for size in self.program.sizes[self.program.outer :]:
            extent = None if extent is None or isinstance(size, str) else extent * size
        used = 0
        kept: list[int] = []
        for i in sorted(self.placed):
            if i in results or i in self.rows or self._is_reduction(i):
                continue
            if all(self.placed[b] == self.placed[i] for b in bodies[i]):
                continue  # stays in a register
            size = None if extent is None else extent * _BYTES[element_of(self.program, i)]
            if size is None or used + size > self.scratchpad_bytes:
                kept.append(i)
            else:
                used += size
        return tuple(kept)
