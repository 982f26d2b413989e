"""The units that a graph is divided into, each to become one kernel or one host call, and the
order between them.

A unit is a *group* of operations over one loop space, or a single operation with a kernel of its
own. What must run before a unit is a bitset (a Python int) over unit numbers, so that asking
whether joining two groups would make a cycle is one `and`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from fxlower.analysis.layout import Strides
from fxlower.analysis.loop_dims import Axes, LoopDims, flatten, resolve, same_loops, unify
from fxlower.dialects.build import Dim


@dataclass(eq=False)
class Member:
    """An operation of a group. `axes` are those of its result; `domain` those it runs over, which
    differ for a reduction: the axes of its operand."""

    op: Operation
    axes: Axes
    domain: Axes


@dataclass(frozen=True)
class Piece:
    """A result of a group that is a part of a joined tensor, from `offsets` on."""

    value: SSAValue
    offsets: tuple[Dim, ...]


@dataclass(frozen=True)
class Join:
    """A tensor that is written in pieces."""

    value: SSAValue
    pieces: tuple[Piece, ...]


@dataclass(eq=False)
class Unit:
    """What becomes one kernel, or one call of the host."""

    index: int
    op: Operation | None = None
    """The operation of a unit that is no group."""
    members: dict[SSAValue, Member] = field(default_factory=dict)
    space: LoopDims = ()
    inner: LoopDims = ()
    """The loop dims that the reductions of the group reduce; empty where none does."""
    is_product: bool = False
    """A product of matrices is among the members: `inner` is its depth, and the others are maps of
    its outer dims."""
    results: dict[SSAValue, None] = field(default_factory=dict)
    """Values that are needed in memory, in the order in which that was found."""
    clones: set[SSAValue] = field(default_factory=set)
    """Values of other groups that this one computes again rather than reads."""
    joins: list[Join] = field(default_factory=list)
    """The tensors that a unit of joins makes."""
    nests: list[Unit] = field(default_factory=list)
    """The groups that make their pieces, each a nest of its own in one kernel."""
    bits: int = 0
    needed: bool = False
    """Some unit depends on this one."""
    absorbed: Unit | None = None
    """The group that this one has become part of."""

    def operations(self) -> Iterator[Operation]:
        """The operations that it computes, those of its nests too."""
        if self.op is not None:
            yield self.op
        for member in self.members.values():
            yield member.op
        for nest in self.nests:
            yield from nest.operations()

    @property
    def outer(self) -> LoopDims:
        inner = set(map(id, resolve(self.inner)))
        return tuple(d for d in resolve(self.space) if id(d) not in inner)

    def covers(self, axes: Axes) -> str | None:
        """Whether a value with `axes` exists at every point of the loop space ("full"), at every
        point of its outer dims ("outer"), or is of some other shape (None): `v[:, None] * v[None]`
        has the loop of `v` twice, and is none of its group's maps."""
        dims = flatten(axes)
        found = set(map(id, dims))
        if len(found) != len(dims):
            return None
        space = set(map(id, resolve(self.space)))
        if found == space:
            return "full"
        if self.inner and found == space - set(map(id, resolve(self.inner))):
            return "outer"
        return None


@dataclass
class Partition:
    """The result of the analysis."""

    units: list[Unit]
    """In an order in which they can run."""
    strides: dict[SSAValue, Strides]
    """Of every value in memory."""
    roots: dict[SSAValue, SSAValue]
    """Of every value in memory, the argument or result of a unit that it is a view of."""
    bases: dict[SSAValue, SSAValue]
    """Of members, generators and views of them: the member or generator."""
    read: set[SSAValue]
    """Values in memory that something reads there, beside the joins that they are pieces of."""
    outputs: list[SSAValue]
    """What `@main` returns: its operands of `func.return`, or copies of them."""
    graph: UnitGraph
    """The units with what must run before what."""


class UnitGraph:
    """All units and their order."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.before: list[int] = []

    def new(self, op: Operation | None = None) -> Unit:
        unit = Unit(len(self.units), op)
        unit.bits = 1 << unit.index
        self.units.append(unit)
        self.before.append(0)
        return unit

    def follows(self, later: Unit, earlier: Unit) -> bool:
        """Whether `later` needs `earlier`, directly or through others."""
        return bool(self.before[later.index] & earlier.bits)

    def add_edge(self, earlier: Unit, later: Unit) -> None:
        """`later` reads something of `earlier`."""
        assert earlier is not later and not self.follows(earlier, later)
        new = self.before[earlier.index] | earlier.bits
        known = self.before[later.index]
        earlier.needed = True
        if known | new != known:
            self.before[later.index] = known | new
            if later.needed:
                self._propagate(later)

    def _propagate(self, unit: Unit) -> None:
        bits, new = unit.bits, self.before[unit.index] | unit.bits
        before = self.before
        for i, known in enumerate(before):
            if known & bits:
                before[i] = known | new

    def absorb(self, kept: Unit, gone: Unit) -> None:
        """`gone` becomes part of `kept`; neither follows the other."""
        kept.members.update(gone.members)
        kept.results.update(gone.results)
        kept.clones |= gone.clones
        kept.bits |= gone.bits
        kept.needed |= gone.needed
        kept.is_product |= gone.is_product
        self.before[kept.index] |= self.before[gone.index]
        gone.absorbed = kept
        gone.members, gone.results = {}, {}
        if kept.needed:
            self._propagate(kept)

    def join(self, kept: Unit, gone: Unit) -> bool:
        """Make `gone`, a group or a unit of joins that `kept` needs, part of the unit of joins
        `kept`. Does nothing and returns False where something else is to run between them, or
        where a nest would read what another nest of the same kernel writes."""
        if gone.is_product or any(n.is_product for n in gone.nests):
            return False
        if any(self.before[nest.index] & gone.bits for nest in kept.nests):
            return False
        if any(self.before[nest.index] & kept.bits for nest in gone.nests or [gone]):
            return False
        needed = self.before[kept.index]
        between = (u for u in self.units if u.absorbed is None and u is not gone)
        if any(needed & u.bits and self.before[u.index] & gone.bits for u in between):
            return False
        kept.joins += gone.joins
        kept.nests += gone.nests or [gone]
        kept.bits |= gone.bits
        kept.needed |= gone.needed
        self.before[kept.index] = (needed | self.before[gone.index]) & ~kept.bits
        gone.absorbed = kept
        if kept.needed:
            self._propagate(kept)
        return True

    def in_order(self, position: Callable[[Unit], int] = lambda unit: unit.index) -> list[Unit]:
        """Units that are still there, each after those it needs, else by `position`, which is the
        order of creation."""
        done = 0
        order: list[Unit] = []
        for first in sorted(self.units, key=position):
            stack = [first]
            while stack:
                unit = stack[-1]
                while unit.absorbed is not None:
                    unit = unit.absorbed
                if done & unit.bits:
                    stack.pop()
                elif missing := self.before[unit.index] & ~done:
                    stack.append(self.units[(missing & -missing).bit_length() - 1])
                else:
                    done |= unit.bits
                    order.append(unit)
                    stack.pop()
        return order


def try_merge(graph: UnitGraph, kept: Unit, at: Axes, gone: Unit, axes: Axes) -> bool:
    """Make two groups one, so that a value of `gone` with `axes` (None where it repeats) is at the
    point `at` of `kept`. Does nothing and returns False where they do not fit: they must be
    independent of each other and, where both reduce, reduce the same dims.
    """
    if graph.follows(kept, gone) or graph.follows(gone, kept):
        return False
    pairs = [(a, b) for a, b in zip(at, axes) if a is not None and b is not None]
    wild = any(b is None and a for a, b in zip(at, axes))
    kept_level, gone_level = kept.covers(at), gone.covers(axes)
    if kept_level is None or gone_level is None:
        return False
    if kept.is_product or gone.is_product:
        product, maps = (kept, gone) if kept.is_product else (gone, kept)
        if maps.inner or wild or not same_loops(pairs):
            return False
        if (kept_level, gone_level) != (
            ("outer", "full") if product is kept else ("full", "outer")
        ):
            return False
    inner = kept.inner
    if not gone.inner:
        if wild:  # a map over the outer dims of `kept`, repeated along its inner dims
            repeated = tuple(b if b is None else a for a, b in zip(at, axes))
            if not kept.inner or kept.covers(repeated) != "outer":
                return False
    elif not kept.inner:
        if wild:
            if gone_level != "outer":
                return False
            repeats = tuple(d for a, b in zip(at, axes) if b is None and a for d in resolve(a))
            pairs.append((repeats, gone.inner))
        elif gone_level == "outer":
            return _merge_into_outer(graph, kept, gone, pairs)
        inner = gone.inner
    else:
        if not _same_levels(kept, at, gone, axes):
            return False
        if gone_level == "outer":
            pairs.append((kept.inner, gone.inner))
    if not unify(pairs, merge=True):
        return False
    kept.inner = inner
    graph.absorb(kept, gone)
    return True


def _merge_into_outer(graph: UnitGraph, kept: Unit, gone: Unit, pairs: list) -> bool:
    """All of `kept` is at the outer dims of `gone`."""
    if not unify(pairs, merge=True):
        return False
    kept.space = (*resolve(kept.space), *resolve(gone.inner))
    kept.inner = gone.inner
    graph.absorb(kept, gone)
    return True


def _same_levels(kept: Unit, at: Axes, gone: Unit, axes: Axes) -> bool:
    """Whether each axis runs over dims of one level only, the same on both sides."""
    kept_inner = set(map(id, resolve(kept.inner)))
    gone_inner = set(map(id, resolve(gone.inner)))
    for a, b in zip(at, axes):
        if a is None:
            return False
        left = {id(d) in kept_inner for d in resolve(a)}
        right = {id(d) in gone_inner for d in resolve(b)} if b is not None else {True}
        if a and left != right:
            return False
    return True
