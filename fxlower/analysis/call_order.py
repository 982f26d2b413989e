"""In which order the calls of a function can run when some must run before others that overwrite
what they read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush

from xdsl.ir import Operation, SSAValue

from fxlower.dialects import fxt
from fxlower.dialects.fxt.view import VIEWS


class CallOrder:
    """The calls `nodes` of kernels and of the host, and which must run before which: what makes a
    call's operands, and the host calls among themselves, which may have effects.

    What must run before a call is a bitset over calls (a Python int).
    """

    def __init__(self, nodes: Sequence[Operation]):
        self.nodes = nodes
        self.numbers = {op: i for i, op in enumerate(nodes)}
        self.before = [0] * len(nodes)
        last_host_call = -1
        for i, op in enumerate(nodes):
            makers = (_maker(v) for v in op.operands)
            earlier = {self.numbers[m] for m in makers if m is not None}
            if isinstance(op, fxt.AtenOp):
                earlier |= {last_host_call} - {-1}
                last_host_call = i
            for j in earlier:
                self.before[i] |= self.before[j] | 1 << j

    def put_before(self, earlier: Iterable[Operation], later: Operation) -> bool:
        """Have `earlier` run before `later`; False, and nothing is changed, if one needs it."""
        i = self.numbers[later]
        new = 0
        for op in earlier:
            j = self.numbers[op]
            if self.before[j] >> i & 1:
                return False
            new |= self.before[j] | 1 << j
        if new & ~self.before[i]:
            self.before[i] |= new
            for j, known in enumerate(self.before):
                if known >> i & 1:
                    self.before[j] = known | new
        return True

    def sorted(self) -> list[Operation]:
        """All calls, each after those that must run before it, else in the order of `nodes`."""
        waiting: list[list[int]] = [[] for _ in self.nodes]
        missing = [b.bit_count() for b in self.before]
        for i, before in enumerate(self.before):
            while before:
                lowest = before & -before
                waiting[lowest.bit_length() - 1].append(i)
                before ^= lowest
        ready = [i for i, count in enumerate(missing) if count == 0]
        heapify(ready)
        done: list[Operation] = []
        while ready:
            i = heappop(ready)
            done.append(self.nodes[i])
            for j in waiting[i]:
                missing[j] -= 1
                if missing[j] == 0:
                    heappush(ready, j)
        return done


def _maker(value: SSAValue) -> Operation | None:
    """The operation that makes `value`, or what it is a view of."""
    while isinstance(owner := value.owner, Operation):
        if not isinstance(owner, VIEWS):
            return owner
        value = owner.operands[0]
    return None
