"""Time that the host spends in parts of a call, where calls of graphs lie within each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any


class _Nested(threading.local):
    """Nanoseconds of this thread that stopwatches inside of the running one have counted."""

    nanoseconds = 0


_nested = _Nested()


class Stopwatch:
    """Counts how often something ran and for how long, without what other stopwatches counted
    meanwhile: the graph of a branch is not counted again as a part of `cond`. Safe to use from
    several threads at once."""

    def __init__(self) -> None:
        self.calls = 0
        self.nanoseconds = 0
        self._lock = threading.Lock()

    def reset(self) -> None:
        with self._lock:
            self.calls = self.nanoseconds = 0

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """What `function` returns; its call is counted."""
        outer, _nested.nanoseconds = _nested.nanoseconds, 0
        start = perf_counter_ns()
        try:
            return function(*args, **kwargs)
        finally:
            elapsed = perf_counter_ns() - start
            with self._lock:
                self.calls += 1
                self.nanoseconds += elapsed - _nested.nanoseconds
            _nested.nanoseconds = outer + elapsed
