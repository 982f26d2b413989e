"""`fxlower.profile`: where the time of a function's calls goes."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch

from fxlower.backend import fxlower
from fxlower.explanation import differentiate, isolated, reported
from fxlower.profile_report import Profile

LEAST_CALLS = 3


def profile(
    fn: Callable[..., Any],
    *args: Any,
    backward: bool = False,
    seconds: float = 1.0,
    options: dict[str, Any] | None = None,
    dynamic: bool | None = None,
    **kwargs: Any,
) -> Profile:
    """Compile `fn` afresh, call it for about so many `seconds`, and say where they went: kernels,
    operators in eager mode, the host, and what is in no graph.

    The function is called many times, with the same arguments: what it changes stays changed.

    Args:
        fn: a function or an `nn.Module`; what `torch.compile` made of it before is untouched.
        backward: also call `.backward()` on the sum of the floating-point outputs that need
            gradients. Gradients are left as they were.
        options: as for `torch.compile`.
    """
    chosen = {**(options or {}), "profile": True}
    compiled = torch.compile(isolated(fn), backend=fxlower, dynamic=dynamic, options=chosen)

    def run() -> None:
        result = compiled(*args, **kwargs)
        if backward:
            differentiate(result, fn, (args, kwargs))

    with reported() as found:
        run()
        run()
        for report in found:
            assert report.profile is not None
            report.profile.reset()
        calls, start = 0, perf_counter()
        while calls < LEAST_CALLS or perf_counter() - start < seconds:
            run()
            calls += 1
        elapsed = perf_counter() - start
    return Profile([r.profile for r in found if r.profile is not None], calls, elapsed)
