"""Graphs from an earlier process: what is found again, and what must not be."""

from __future__ import annotations

import builtins
import dataclasses
import gc
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.utils import counters
from torch._functorch import config as functorch_config
from torch._functorch._aot_autograd.schemas import SerializableAOTDispatchCompiler
from torch.fx.experimental.proxy_tensor import make_fx

from fxlower import backend, fingerprint, graph_cache
from fxlower.errors import FxlowerError
from fxlower.frontend import registry
from fxlower.options import Options
from fxlower.runtime.object_cache import Damaged

PROGRAM = Path(__file__).with_name("graph_cache_program.py")
GRAPHS = 6
"""What the program compiles: two functions for inference, two with their backward."""


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FXLOWER_CACHE", "1")
    monkeypatch.setenv("FXLOWER_CACHE_DIR", str(tmp_path / "fxlower"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "torch"))
    yield tmp_path
    torch._dynamo.reset()


def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, str]:
    """Call `function` compiled afresh; the result, and what torch's cache made of it."""
    torch._dynamo.reset()
    gc.collect()
    counters.clear()
    options = {"backend": "fxlower", "dynamic": False, **kwargs}
    result = torch.compile(function, **options)(*args)
    aot = counters["aot_autograd"]
    found = [n for n in ("hit", "miss", "bypass", "saved") if aot[f"autograd_cache_{n}"]]
    if "hit" in found and options["backend"] == "fxlower":
        assert counters["fxlower"]["graphs_compiled"] == 0
        assert counters["fxlower"]["graphs_from_cache"] > 0
    return result, " ".join(found)


def affine(x: Tensor) -> Tensor:
    return (x * 2 + 1).sum(0)


X = torch.arange(24.0).reshape(4, 6)


# ---------------------------------------------------------------------------- processes


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    variables = {
        "FXLOWER_CACHE_DIR": str(folder / "fxlower"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "torch"),
        "FXLOWER_CACHE": "1",
    }
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(process: subprocess.Popen[str]) -> dict[str, int]:
    shown, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert errors == ""
    return json.loads(shown)


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    """Two processes that compile the same at once, one after them, and one on another machine."""
    here, there = tmp_path / "here", tmp_path / "there"
    artifacts = str(tmp_path / "artifacts")
    cold = [start(here, "--save", artifacts), start(here)]
    for found in map(result_of, cold):
        assert found.get("graphs_compiled", 0) + found.get("graphs_from_cache", 0) == GRAPHS
    warm = {"graphs_from_cache": GRAPHS, "hits": 4}
    assert result_of(start(here)) == warm
    assert result_of(start(there, "--load", artifacts)) == warm


# ------------------------------------------------------------------------------- graphs


def test_a_graph_is_found_again() -> None:
    assert run(affine, X)[1] == "miss saved"
    result, found = run(affine, X)
    assert found == "hit"
    torch.testing.assert_close(result, affine(X))


def test_a_graph_that_is_found_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    run(affine, X)
    assert run(affine, X, options={"timing": True})[1] == "hit"
    assert "1 graphs found on disk" in capsys.readouterr().out


def test_a_backward_is_found_again() -> None:
    x = X.clone().requires_grad_()
    for expected in ("miss saved", "hit"):
        x.grad = None
        result, found = run(lambda x: (x.sin() * x).sum(), x)
        assert found == expected
        result.backward(retain_graph=True)
        result.backward()
        assert x.grad is not None
        torch.testing.assert_close(x.grad, 2 * (X.cos() * X + X.sin()))


def test_sizes_are_guarded_as_when_compiled() -> None:
    def function(x: Tensor) -> Tensor:
        return x * 2 if x.shape[0] > 5 else x.sum(0)

    large, small = torch.ones(7, 3), torch.ones(4, 3)
    assert run(function, large, dynamic=True)[1] == "miss saved"
    assert run(function, torch.ones(9, 3), dynamic=True)[1] == "hit"
    compiled = torch.compile(function, backend="fxlower", dynamic=True)
    for x in (large, small, torch.ones(9, 3), torch.ones(5, 2)):
        torch.testing.assert_close(compiled(x), function(x))


def test_what_changes_inputs_is_found_again() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        x.add_(y)
        y.copy_(x * 3)
        return x[1:].view(-1)

    for expected in ("miss saved", "hit"):
        x, y = X.clone(), X.clone()
        result, found = run(function, x, y)
        assert found == expected
        torch.testing.assert_close((x, y), (X * 2, X * 6))
        assert result.data_ptr() == x[1:].data_ptr()


def test_constants_calls_and_kept_weights_are_found_again() -> None:
    weight = torch.nn.Parameter(torch.randn(64, 64))

    def function(x: Tensor) -> Tensor:
        table = torch.tensor([3.0, 1.0, 2.0, 5.0])
        return torch.linalg.qr(x @ weight)[1] + table.repeat(16) + torch.fft.fft(x[0]).real

    x = torch.randn(64, 64)
    with torch.no_grad():
        for expected in ("miss saved", "hit"):
            result, found = run(function, x)
            assert found == expected
            torch.testing.assert_close(result, function(x), rtol=1e-4, atol=1e-4)
            compiled = torch.compile(function, backend="fxlower", dynamic=False)
            compiled(x)
            weight.mul_(2)
            torch.testing.assert_close(compiled(x), function(x), rtol=1e-4, atol=1e-3)


def test_inputs_that_share_memory_have_a_graph_of_their_own() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        x.add_(1)
        return y * 2

    x, y = torch.zeros(6), torch.zeros(6)
    assert run(function, x[:4], y[:4])[1] == "miss saved"
    x = torch.zeros(6)
    result, found = run(function, x[:4], x[2:])
    assert found == "miss saved"
    assert result.tolist() == [2.0, 2.0, 0.0, 0.0]


def test_the_host_may_import_what_torch_needs_late() -> None:
    """Operators import from C++ what they have not needed before; where nothing was traced in this
    process, that is while the host's program calls them."""
    gm = make_fx(lambda x: torch.linalg.qr(x)[0] * 2, tracing_mode="fake")(X)
    executable = backend.compile_aten_graph(gm, Options.read(), name="inference")
    assert executable.run.__globals__["__builtins__"] is builtins


def test_forward_mode_runs_in_eager_mode_after_a_hit() -> None:
    run(affine, X)
    torch._dynamo.reset()
    compiled = torch.compile(affine, backend="fxlower", dynamic=False)
    compiled(X)
    with torch.autograd.forward_ad.dual_level():
        x = torch.autograd.forward_ad.make_dual(X, torch.ones_like(X))
        tangent = torch.autograd.forward_ad.unpack_dual(compiled(x)).tangent
    assert tangent is not None and tangent.tolist() == [8.0] * 6


# --------------------------------------------------------------------------- never served


def test_other_options_have_a_graph_of_their_own() -> None:
    assert run(affine, X)[1] == "miss saved"
    assert run(affine, X, options={"packed_weights": "never"})[1] == "miss saved"
    assert run(affine, X, options={"fallback": "error"})[1] == "miss saved"
    assert run(affine, X)[1] == "hit"


def test_another_cpu_compiles_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(affine, X)[1] == "miss saved"
    facts = fingerprint.machine_facts("host")
    for module in (fingerprint, graph_cache):
        monkeypatch.setattr(module, "machine_facts", lambda name: facts + "another CPU")
    assert run(affine, X)[1] == "miss saved"
    assert len(graph_cache.files()) == 2


def test_code_for_another_cpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key does not tell, the entry does."""
    monkeypatch.setattr(backend, "salt_of", lambda options: "the same")
    assert run(affine, X)[1] == "miss saved"
    facts = fingerprint.machine_facts("host")
    monkeypatch.setattr(graph_cache, "machine_facts", lambda name: facts + "another CPU")
    result, found = run(affine, X)
    assert found == "bypass"
    torch.testing.assert_close(result, affine(X))


@dataclasses.dataclass
class Doubled(graph_cache.OutputCode):
    """The graph of a backend that is wrong: everything twice."""

    def __post_init__(self) -> None:
        self._boxed_call = True

    def __call__(self, inputs: Any) -> Any:
        return [inputs[0].sum(0) * 0 - 1]

    def prepare_for_serialization(self) -> None: ...

    def post_compile(self, *args: Any) -> None: ...

    def set_triton_bundle(self, triton_bundle: Any) -> None: ...


def test_graphs_of_other_backends_are_not_served() -> None:
    compiler = SerializableAOTDispatchCompiler(Doubled, lambda gm, inputs: Doubled())
    other = aot_autograd(fw_compiler=compiler, keep_inference_input_mutations=True)
    with functorch_config.patch(bundled_autograd_cache=True):
        assert run(affine, X, backend=other)[0].tolist() == [-1.0] * 6
        result, found = run(affine, X)
        assert found == "miss saved"
        torch.testing.assert_close(result, affine(X))
        assert run(affine, X, backend=other)[0].tolist() == [-1.0] * 6


# ------------------------------------------------------------------------------ not kept


def test_a_damaged_entry_is_removed_and_made_again() -> None:
    run(affine, X)
    (file,) = graph_cache.files()
    content = file.read_bytes()
    for position in (0, len(content) // 3, len(content) // 2, len(content) - 1):
        damaged = bytearray(content)
        damaged[position] ^= 16
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(damaged)
        result, found = run(affine, X)
        assert found == "miss saved" and not file.exists()
        torch.testing.assert_close(result, affine(X))
        assert run(affine, X)[1] == "hit"
        graph_cache.clear()


def test_a_damaged_graph_is_not_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    run(affine, X)
    made: list[bytes] = []
    monkeypatch.setattr(graph_cache, "unsealed", lambda data: made.append(data) or ({}, b""))
    run(affine, X)
    monkeypatch.undo()
    monkeypatch.setattr(graph_cache.pickle, "loads", lambda data: pytest.fail("unpickled"))
    (data,) = made
    for position in range(0, len(data), 64):
        damaged = bytearray(data)
        damaged[position] ^= 2
        with pytest.raises(Damaged):
            graph_cache.from_bytes(bytes(damaged))
        with pytest.raises(Damaged):
            graph_cache.from_bytes(data[:position])


def test_graphs_that_cannot_be_kept_are_compiled(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    def branches(x: Tensor) -> Tensor:
        return torch.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos(), (x,))

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore
            return grad * 3

    for function, x in (
        (branches, X),
        (lambda x: Twice.apply(x), X.clone().requires_grad_()),
    ):
        for _ in range(2):
            result, found = run(function, x)
            assert "hit" not in found and "saved" not in found
            torch.testing.assert_close(result, function(x))
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_operators_of_others_are_not_kept() -> None:
    @torch.library.custom_op("fxlower_tests::kept", mutates_args=())
    def kept(x: Tensor) -> Tensor:
        return x + 1

    kept.register_fake(lambda x: torch.empty_like(x))
    for _ in range(2):
        result, found = run(lambda x: kept(x) * 2, X)
        assert found == "bypass"
        torch.testing.assert_close(result, (X + 1) * 2)


def test_rules_of_others_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    run(affine, X)
    rule = registry.RULES[torch.ops.aten.mul.Tensor]

    def times(b: Any, lhs: Any, rhs: Any) -> Any:
        return rule(b, lhs, rhs)

    monkeypatch.setitem(registry.RULES, torch.ops.aten.mul.Tensor, times)
    assert run(affine, X)[1] == ""


def test_overlapping_inputs_that_are_changed_run_in_eager_mode() -> None:
    def function(x: Tensor) -> Tensor:
        x[:, 0].add_(1)
        return x * 1

    for _ in range(2):
        base = torch.zeros(4)
        result, found = run(function, base.as_strided((3, 2), (1, 1)))
        assert found == ""
        expected = torch.zeros(4)
        torch.testing.assert_close(result, function(expected.as_strided((3, 2), (1, 1))))


def test_a_backward_that_cannot_be_compiled_fails_when_it_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build = backend.build_aten_graph

    def fail(gm: Any, options: Any, *, name: str, **kwargs: Any) -> Any:
        if name == "backward":
            raise FxlowerError("no backward today")
        return build(gm, options, name=name, **kwargs)

    monkeypatch.setattr(backend, "build_aten_graph", fail)
    result, found = run(affine, X.clone().requires_grad_())
    assert "saved" not in found
    with pytest.raises(FxlowerError, match="no backward today"):
        result.sum().backward()


def test_switches_are_heeded(caches: Path) -> None:
    assert run(affine, X, options={"cache": False})[1] == ""
    with torch.compiler.config.patch(force_disable_caches=True):
        assert run(affine, X)[1] == ""
    assert not (caches / "fxlower").exists()
    with functorch_config.patch(enable_autograd_cache=False):
        assert run(affine, X)[1] == ""
    assert (caches / "fxlower").exists()
    assert not (caches / "torch" / "aotautograd").exists()


def test_a_folder_of_torch_that_others_can_write_is_refused(
    caches: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = caches / "torch" / "aotautograd"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert run(affine, X)[1] == ""
    assert "others may write to it" in caplog.text
    assert list(folder.iterdir()) == []
