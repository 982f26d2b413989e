"""Where the time goes: `fxlower.profile`, the option `profile`, and ranges in torch's profiler."""

from __future__ import annotations

import gc
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.utils import compilation_time_metrics
from torch.profiler import ProfilerActivity
from torch.profiler import profile as torch_profile

import fxlower
from fxlower.explanation import isolated
from fxlower.profile_report import Profile
from fxlower.runtime import loading
from fxlower.tuning import roofline
from fxlower.tuning.roofline import Roofline

LIMITS = Roofline(
    copies={"L1": 400e9, "L2": 200e9, "L3": 100e9, "memory": 50e9},
    operations=100e9,
    capacities={"L1": 1 << 15, "L2": 1 << 20, "L3": 1 << 25},
    reads={"L1": 800e9, "L2": 400e9, "L3": 200e9, "memory": 100e9},
    double=50e9,
    core=100e9,
)


@pytest.fixture(autouse=True)
def known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    gc.collect()  # graphs of other tests
    monkeypatch.setattr(roofline, "known", lambda cache_dir: LIMITS)


def compiled(f: Callable[..., Any], *, dynamic: bool | None = None) -> Callable[..., Any]:
    return torch.compile(isolated(f), backend="fxlower", dynamic=dynamic, options={"profile": True})


def quick(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Profile:
    return fxlower.profile(f, *args, seconds=0.0, **kwargs)


def softmax_of_sorted(x: torch.Tensor) -> torch.Tensor:
    y = torch.linalg.eigvalsh(x @ x.mT)
    return torch.softmax(y, -1)


def test_kernels_and_operators_are_counted_with_their_lines() -> None:
    found = quick(softmax_of_sorted, torch.randn(3, 8, 16))
    names = {row.name: row for row in found.kernels}
    (product,) = (row for name, row in names.items() if name.startswith("matmul"))
    (softmax,) = (row for name, row in names.items() if name.startswith("amax"))
    assert product.calls == softmax.calls == found.calls == 3
    assert product.operations == 3 * 3 * 2 * 8 * 8 * 16
    assert softmax.bytes == 3 * 3 * 8 * 4 * 2
    assert "in softmax_of_sorted" in product.details[-1]
    assert "exp" in softmax.details[0] and softmax.seconds > 0
    (operator,) = found.operators
    assert "eigvalsh" in operator.name or "eigh" in operator.name
    assert operator.calls == 3 and "test_profile.py" in operator.details[-1]
    assert [row.name.split()[0] for row in found.remainders if row.graph] == ["host"]
    assert found.total_seconds == pytest.approx(found.seconds, rel=0.01)
    text = str(found)
    assert product.name in text and operator.name in text and "outside of graphs" in text


def test_worst_is_first() -> None:
    """What could be gained, not what takes longest."""
    found = quick(softmax_of_sorted, torch.randn(3, 64, 64))
    lost = [row.seconds - row.limit for row in found.kernels]
    assert lost == sorted(lost, reverse=True) and len(lost) > 1
    for row in found.kernels:
        assert row.share_of_roofline == pytest.approx(row.limit / row.seconds)


def test_the_limit_is_that_of_the_bytes_or_of_the_operations() -> None:
    both = LIMITS.kernel_seconds(1000, 1000, 0)
    assert both == pytest.approx(2000 / 400e9)
    assert LIMITS.kernel_seconds(3000, 1000, 0) == pytest.approx(both + 2000 / 800e9)
    assert LIMITS.kernel_seconds(1000, 3000, 0) == pytest.approx(4000 / 400e9)
    assert LIMITS.kernel_seconds(1000, 1000, 10**6) == pytest.approx(1e-5)
    assert LIMITS.kernel_seconds(1000, 1000, 10**6, is_double=True) == pytest.approx(2e-5)


def test_sizes_that_change_are_added_up_as_they_were() -> None:
    f = compiled(lambda x: (x @ x.mT).exp(), dynamic=True)
    for rows, columns in ((4, 6), (10, 3), (7, 7)):
        f(torch.randn(rows, columns))
    (row,) = fxlower.profiles().kernels
    sizes = ((4, 6), (10, 3), (7, 7))
    assert row.calls == 3
    assert row.operations == sum(2 * m * m * n + m * m for m, n in sizes)
    assert row.bytes == sum(4 * (m * n + m * m) for m, n in sizes)


def test_gathers_count_what_they_take() -> None:
    table, index = torch.randn(5000, 16), torch.arange(4)
    found = quick(lambda t, i: t[i] + 1, table, index)
    (row,) = found.kernels
    assert row.bytes == found.calls * (4 * 16 * 4 * 2 + 4 * 8)


def test_the_backward_is_a_graph_of_its_own() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 4))
    found = quick(model, torch.randn(5, 8), backward=True)
    assert {row.graph for row in found.kernels} == {"forward", "backward"}
    modules = {line for row in found.kernels for line in row.details[1:]}
    assert any("0 (Linear)" in line for line in modules)
    assert all(p.grad is None for p in model.parameters())
    assert all(row.calls % found.calls == 0 for row in found.kernels)


def test_results_are_the_same() -> None:
    def f(x: torch.Tensor) -> torch.Tensor:
        return softmax_of_sorted(x).cumsum(-1) + x.sum()

    x = torch.randn(3, 8, 16)
    plain = torch.compile(isolated(f), backend="fxlower")
    assert torch.equal(compiled(f)(x), plain(x))


def test_a_branch_is_not_counted_twice() -> None:
    def f(x: torch.Tensor) -> torch.Tensor:
        return torch.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos(), (x,))

    found = quick(f, torch.ones(300, 300))
    assert {row.graph for row in found.kernels} >= {"subgraph"}
    assert found.total_seconds == pytest.approx(found.seconds, rel=0.01)


def test_an_error_is_raised_and_the_call_counted() -> None:
    f = compiled(lambda x, i: x[i] + 1)
    f(torch.ones(4), torch.tensor([3]))
    with pytest.raises(IndexError):
        f(torch.ones(4), torch.tensor([4]))
    (row,) = fxlower.profiles().kernels
    assert row.calls == 2


def test_profiles_live_as_long_as_what_they_are_of() -> None:
    assert not fxlower.profiles().graphs and "nothing was compiled" in str(fxlower.profiles())
    f = compiled(torch.sin)
    f(torch.ones(7))
    before = fxlower.profiles()
    assert [row.calls for row in before.kernels] == [1]
    before.reset()
    assert not fxlower.profiles().kernels and [row.calls for row in before.kernels] == [1]
    f(torch.ones(7))
    assert [row.calls for row in fxlower.profiles().kernels] == [1]
    del f, before
    torch._dynamo.reset()
    gc.collect()
    assert not fxlower.profiles().graphs


def test_threads_count_together() -> None:
    f = compiled(lambda x: x.sin().sort()[0])
    x = torch.randn(40)
    f(x)

    def calls() -> None:
        for _ in range(100):
            f(x)

    threads = [threading.Thread(target=calls) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = fxlower.profiles()
    assert {row.calls for row in (*found.kernels, *found.remainders)} == {401}


def test_without_the_option_there_is_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "KernelTimers", None)
    f = torch.compile(isolated(torch.tanh), backend="fxlower")
    torch.testing.assert_close(f(torch.ones(3)), torch.ones(3).tanh())


# ---------------------------------------------------------------------- torch's profiler


def events_of(run: Callable[[], object]) -> list[Any]:
    with torch_profile(activities=[ProfilerActivity.CPU]) as found:
        run()
    return list(found.events())


@pytest.mark.parametrize("options", [None, {"profile": True}])
def test_kernels_are_ranges_of_torchs_profiler(options: dict[str, Any] | None) -> None:
    x = torch.randn(6, 8, requires_grad=True)
    f = torch.compile(
        isolated(lambda x: x.mm(x.mT).softmax(-1)), backend="fxlower", options=options
    )

    def run() -> None:
        f(x).backward(torch.ones(6, 6))

    run()
    expected, x.grad = x.grad, None
    events = events_of(run)
    assert torch.equal(x.grad, expected)  # type: ignore[arg-type]
    product, *others = [e for e in events if "matmul" in e.name]
    (softmax,) = (e for e in events if e.name.startswith("amax_"))
    assert product.time_range.end <= softmax.time_range.start
    assert others and all(softmax.time_range.end <= e.time_range.start for e in others)
    run()  # it is off again
    assert events_of(lambda: torch.ones(3) + 1)[0].name.startswith("aten::")


def test_weights_that_are_packed_are_a_range_once() -> None:
    model = torch.nn.Linear(512, 512)
    f = torch.compile(model, backend="fxlower")
    x = torch.randn(64, 512)
    with torch.no_grad():
        expected = f(x)
        events = events_of(lambda: torch.testing.assert_close(f(x), expected, rtol=0, atol=0))
    assert any(e.name.startswith("matmul") for e in events)


# ------------------------------------------------------------------------- compile times


def test_stages_are_in_torchs_table_of_compile_times() -> None:
    compilation_time_metrics.clear()
    torch.compile(isolated(lambda x: x.sin().sum()), backend="fxlower")(torch.ones(5, 5))
    found = {k: v for k, v in compilation_time_metrics.items() if k.startswith("fxlower: ")}
    assert {"import", "graph passes", "kernel passes", "LLVM", "link"} <= {
        k.removeprefix("fxlower: ") for k in found
    }
    assert all(seconds > 0 for times in found.values() for seconds in times)


# ------------------------------------------------------------------------ the machine's limits


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.undo()  # of `known_machine`
    found: list[float] = []

    def measure(seconds: float, *, products: bool) -> Roofline:
        assert products
        found.append(seconds)
        return LIMITS

    monkeypatch.setattr(roofline, "measure", measure)
    return found


def test_the_machine_is_measured_once(tmp_path: Path, measured: list[float]) -> None:
    first, second = roofline.known(str(tmp_path)), roofline.known(str(tmp_path))
    assert first == second == LIMITS and len(measured) == 1
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["operations"] == LIMITS.operations


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"copies": {}}', "null"])
def test_damaged_figures_are_measured_again(
    tmp_path: Path, measured: list[float], caplog: pytest.LogCaptureFixture, text: str
) -> None:
    roofline.known(str(tmp_path))
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert roofline.known(str(tmp_path)) == LIMITS
    assert len(measured) == 2 and "damaged" in caplog.text
    assert roofline.known(str(tmp_path)) == LIMITS and len(measured) == 2


def test_negative_rates_are_damage(tmp_path: Path, measured: list[float]) -> None:
    roofline.known(str(tmp_path))
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text().replace("50000000000.0", "-1.0"))
    assert roofline.known(str(tmp_path)) == LIMITS and len(measured) == 2
