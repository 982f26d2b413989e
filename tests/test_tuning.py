"""Schedules by measurement: they are found, kept, used again, and change nothing but rounding."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import fxlower
from fxlower.explanation import isolated
from fxlower.targets.host import host
from fxlower.tools import tune
from fxlower.tuning import cache, tuner


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner, "SECONDS", 0.0)
    monkeypatch.setattr(tuner, "ROUNDS", 1)


def run(f: Callable[..., Any], *inputs: torch.Tensor, folder: Path, dynamic: bool = False) -> Any:
    torch._dynamo.reset()
    options = {"autotune": True, "cache_dir": folder}
    compiled = torch.compile(isolated(f), backend="fxlower", options=options, dynamic=dynamic)
    with torch.no_grad():
        return compiled(*inputs)


def schedule_in(text: str) -> dict[str, int]:
    """The schedule of the only kernel in the text of stage `linalg`."""
    inside = text.split("fxlower.schedule = {")[1].split("}")[0]
    pairs = (part.split(" = ") for part in inside.replace(" : i64", "").split(", "))
    return {key: int(value) for key, value in pairs}


def scheduled(f: Callable[..., Any], *inputs: torch.Tensor, **options: Any) -> dict[str, int]:
    return schedule_in(fxlower.stages(f, *inputs, options=options)["linalg"])


def only_file(folder: Path) -> Path:
    (file,) = folder.glob("*")
    return file


A, B = torch.randn(40, 48), torch.randn(48, 64)


def test_a_kernel_is_measured_once_and_its_schedule_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.testing.assert_close(run(torch.mm, A, B, folder=tmp_path), A @ B, rtol=1e-4, atol=1e-4)
    (name,) = json.loads(only_file(tmp_path).read_text())["kernels"]
    assert name.startswith("matmul_")

    # What the file says is what is used: another schedule than any that was chosen.
    known = json.loads(only_file(tmp_path).read_text())
    other = {"mr": 2, "nr": 64, "mc": 4, "nc": 64, "kc": 16, "grain": 7}
    known["kernels"][name]["schedule"] = other | {"pack_left": 1, "pack_right": 1, "prefetch": 0}
    only_file(tmp_path).write_text(json.dumps(known))
    monkeypatch.setattr(tuner, "measure", lambda *_, **__: pytest.fail("measured again"))
    torch.testing.assert_close(run(torch.mm, A, B, folder=tmp_path), A @ B, rtol=1e-4, atol=1e-4)
    used = scheduled(torch.mm, A, B, autotune=True, cache_dir=tmp_path)
    assert {k: used[k] for k in other} == other


def test_without_the_option_nothing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = scheduled(torch.mm, A, B)
    run(torch.mm, A, B, folder=tmp_path)
    monkeypatch.setattr(cache, "read", lambda _: pytest.fail("the disk was read"))
    assert scheduled(torch.mm, A, B, cache_dir=tmp_path) == model


def test_a_schedule_that_does_not_fit_is_not_used(tmp_path: Path) -> None:
    model = scheduled(torch.mm, A, B)
    run(torch.mm, A, B, folder=tmp_path)
    known = json.loads(only_file(tmp_path).read_text())
    (entry,) = known["kernels"].values()
    for bad in ({"mc": 41}, {"mr": 0}, {"nr": 7}, {"kc": 1 << 30}, {"mc": 0}, {"pack_left": 2}):
        entry["schedule"] = model | bad
        only_file(tmp_path).write_text(json.dumps(known))
        assert scheduled(torch.mm, A, B, autotune=True, cache_dir=tmp_path) == model


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"kernels": {"a": 1}}', '{"kernels": {"a": {"schedule": {"mr": "x"}}}}'],
)
def test_a_damaged_file_is_told_of_and_written_anew(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(torch.mm, A, B, folder=tmp_path)
    file = only_file(tmp_path)
    file.write_text(text)
    with caplog.at_level(logging.WARNING):
        result = run(torch.mm, A, B, folder=tmp_path)
    assert f"{file} is damaged" in caplog.text
    torch.testing.assert_close(result, A @ B, rtol=1e-4, atol=1e-4)
    assert len(cache.read(file)) == 1 and only_file(tmp_path) == file


def test_what_others_wrote_meanwhile_is_kept(tmp_path: Path) -> None:
    one, two = (cache.tuned_schedules(str(tmp_path), host(), 1) for _ in range(2))
    one.entries["a"] = cache.Entry({"mr": 1}, 1.0, 2.0)
    two.entries["b"] = cache.Entry({"mr": 2}, 1.0, 2.0)
    one.save()
    two.save()
    assert cache.read(one.file).keys() == {"a", "b"}


def test_machines_and_threads_have_files_of_their_own(tmp_path: Path) -> None:
    here = host()
    targets = [(here, 1), (here, 2), (replace(here, l2_bytes=12345), 1)]
    assert len({cache.tuned_schedules(str(tmp_path), *t).file for t in targets}) == 3


def gelu_linear(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.gelu(F.linear(x, w, b))


def residual(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return x.add_(a @ b)


LOW = torch.bfloat16


@pytest.mark.parametrize(
    ("f", "inputs", "dynamic"),
    [
        (torch.mm, (torch.randn(37, 100), torch.randn(100, 70)), False),
        (torch.mm, (torch.randn(37, 100), torch.randn(100, 70)), True),
        (torch.mm, (torch.randn(1, 100), torch.randn(100, 70)), False),
        (torch.mm, (torch.randn(37, 100).to(LOW), torch.randn(100, 70).to(LOW)), False),
        (torch.mm, (torch.randint(-9, 9, (20, 30)), torch.randint(-9, 9, (30, 40))), False),
        (torch.bmm, (torch.randn(3, 33, 40), torch.randn(3, 40, 50)), False),
        (gelu_linear, (torch.randn(33, 90), torch.randn(64, 90), torch.randn(64)), False),
        (residual, (torch.randn(33, 64), torch.randn(33, 90), torch.randn(90, 64)), False),
    ],
    ids=["mm", "mm of any size", "one row", "bf16", "integers", "bmm", "epilogue", "in place"],
)
def test_every_candidate_computes_the_same(
    f: Callable[..., Any],
    inputs: tuple[torch.Tensor, ...],
    dynamic: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = f(*(t.clone() for t in inputs))
    tolerance = 5e-2 if expected.dtype == LOW else 1e-4
    measure, count, chosen = tuner.measure, 1, 0
    while chosen < count:

        def fastest(*args: Any, chosen: int = chosen, **options: Any) -> list[float]:
            nonlocal count
            count = len(args[1])
            if chosen == 0:
                assert all(second > 0 for second in measure(*args, **options))
            return [0.1 if i == chosen else 1.0 for i in range(count)]

        monkeypatch.setattr(tuner, "measure", fastest)
        found = run(f, *(t.clone() for t in inputs), folder=tmp_path / str(chosen), dynamic=dynamic)
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
        chosen += 1
    assert count > 3


def test_weights_in_panels_are_tuned(tmp_path: Path) -> None:
    layer = torch.nn.Linear(128, 192)
    x = torch.randn(50, 128)
    with torch.no_grad():
        expected = layer(x)
    torch.testing.assert_close(run(layer, x, folder=tmp_path), expected, rtol=1e-4, atol=1e-4)
    (entry,) = cache.read(only_file(tmp_path)).values()
    assert entry.schedule["pack_right"] == 0


def test_the_model_stays_unless_another_is_clearly_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = scheduled(torch.mm, A, B)
    seconds = {"near": 0.98, "far": 0.9}
    for name, second in seconds.items():
        monkeypatch.setattr(
            tuner, "least_seconds", lambda runs, _, s=second: [1.0, s] + [2.0] * (len(runs) - 2)
        )
        run(torch.mm, A, B, folder=tmp_path / name)
        (entry,) = cache.read(only_file(tmp_path / name)).values()
        assert (entry.schedule == model) is (name == "near")
        assert entry.model_seconds == 1.0


def example() -> tuple[Callable[..., Any], tuple[torch.Tensor, ...]]:
    return torch.mm, (A, B)


def test_the_command_tunes_lists_and_clears(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "import_module", lambda _: __import__("sys").modules[__name__])
    folder = ["--cache-dir", str(tmp_path)]
    tune.main(["my_model:example", *folder])
    assert "matmul_" in capsys.readouterr().out
    tune.main(["mm 64x64x64", *folder])
    assert len(cache.read(only_file(tmp_path))) == 2
    capsys.readouterr()
    tune.main(["--list", *folder])
    assert capsys.readouterr().out.count("matmul_") == 2
    tune.main(["--clear", *folder])
    assert "removed" in capsys.readouterr().out and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"), [([], "say what to tune"), (["mm 3x3"], "no case of bench gemm")]
)
def test_the_command_says_what_it_lacks(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        tune.main(arguments)
    assert message in capsys.readouterr().err
