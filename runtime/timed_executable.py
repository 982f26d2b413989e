"""An executable that counts its calls and those of operators in eager mode, with their time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from fxlower.frontend.program import FallbackCall
from fxlower.runtime.executable import Executable
from fxlower.runtime.kept_values import KeptValue
from fxlower.runtime.memory import MemoryPool
from fxlower.runtime.plan import AtenStep, HostPlan
from fxlower.runtime.segment import Entry
from fxlower.runtime.stopwatch import Stopwatch


class TimedOperator:
    """An operator that is called as it is, and else looks like it."""

    def __init__(self, target: Callable[..., Any], stopwatch: Stopwatch) -> None:
        self.target = target
        self.stopwatch = stopwatch

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.stopwatch.call(self.target, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    def __str__(self) -> str:
        return str(self.target)


@dataclass(frozen=True)
class TimedFallback:
    """A call that the host makes, and its time."""

    call: FallbackCall
    stopwatch: Stopwatch


def timed_plan(plan: HostPlan) -> tuple[HostPlan, list[TimedFallback]]:
    """`plan` with operators that count, and these, in order."""
    found: list[TimedFallback] = []

    def timed(step: Any) -> Any:
        if not isinstance(step, AtenStep) or not step.call.reason:
            return step
        call, stopwatch = step.call, Stopwatch()
        found.append(TimedFallback(call, stopwatch))
        return replace(step, call=replace(call, target=TimedOperator(call.target, stopwatch)))

    return replace(plan, steps=tuple(map(timed, plan.steps))), found


class TimedExecutable(Executable):
    """See `Executable`. Its calls are counted by `profile`, which lives as long as it does."""

    def __init__(
        self,
        plan: HostPlan,
        entries: Mapping[str, Entry],
        keep_alive: object,
        pool: MemoryPool | None,
        kept: Sequence[KeptValue],
        profile: HasStopwatch,
    ) -> None:
        super().__init__(plan, entries, keep_alive, pool, kept)
        self.profile = profile

    def __call__(self, args: list[Any]) -> list[Any]:
        return self.profile.stopwatch.call(super().__call__, args)


class HasStopwatch(Protocol):
    @property
    def stopwatch(self) -> Stopwatch: ...


class MadeWhenCalled:
    """An executable that is made when it is first called."""

    def __init__(self, make: Callable[[], Executable]) -> None:
        self.make = make
        self.made: Executable | None = None

    def __call__(self, args: list[Any]) -> list[Any]:
        if self.made is None:
            self.made = self.make()
        return self.made(args)
