"""The peak memory that `explain` reports."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
import torch

import fxlower
from fxlower.runtime.memory import shared_pool

MIB = 1 << 20


def used_at_most(call: Callable[[], object]) -> int:
    """Bytes that results and arenas of 1 MiB and more took at once."""
    pool = shared_pool()
    assert pool is not None
    call()
    gc.collect()
    pool.release()
    before = pool.most_used = pool.region.used
    call()
    return pool.most_used - before


def chain(x: torch.Tensor) -> torch.Tensor:
    """Three products, of which two are alive at once."""
    return (((x @ x) / 512) @ x / 512) @ x


def in_eager_mode(x: torch.Tensor) -> torch.Tensor:
    """A result, and what an operator in eager mode makes of it."""
    return torch.linalg.qr(x + 1).R.sum()


@pytest.mark.parametrize("function", [chain, lambda x: [x + i for i in range(5)]])
def test_it_is_what_a_call_takes(function: Callable[..., object]) -> None:
    x = torch.randn(1024, 1024)
    (graph,) = fxlower.explain(function, x, dynamic=False).graphs
    assert graph.peak is not None and not graph.peak.is_estimate
    compiled = torch.compile(function, backend="fxlower", dynamic=False)
    found = used_at_most(lambda: compiled(x))
    assert found > 4 * MIB and abs(graph.peak.bytes - found) <= 0.01 * found
    assert f"peak memory {graph.peak.bytes / 1e6:.4g} MB in segment_0" in str(graph)


def test_intermediates() -> None:
    (graph,) = fxlower.explain(chain, torch.randn(1024, 1024), dynamic=False).graphs
    assert graph.peak is not None
    assert graph.peak.tensors == 4 * MIB and graph.peak.arena == 8 * MIB


def test_operators_in_eager_mode() -> None:
    (graph,) = fxlower.explain(in_eager_mode, torch.randn(512, 512), dynamic=False).graphs
    assert graph.peak is not None
    # The sum may begin before Q is gone: x + 1, Q and R.
    assert 2 * MIB <= graph.peak.bytes <= 3 * MIB + 4096


def test_sizes_that_are_not_known() -> None:
    (graph,) = fxlower.explain(lambda x: x + 1, torch.randn(16, 16), dynamic=True).graphs
    assert graph.peak is not None and graph.peak.is_estimate
    assert "peak memory about 1.049 MB in segment_0" in str(graph)
