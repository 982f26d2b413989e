"""The benchmarks run, and say so where something is wrong."""

import math
import re
from collections import Counter
from dataclasses import replace
from time import perf_counter, sleep

import pytest
import torch
from transformers.modeling_outputs import BaseModelOutput

from fxlower.runtime.jit import call
from fxlower.tools.bench import (
    calls,
    compile_time,
    gemm,
    loops,
    models,
    peers,
    start,
    summary,
    timing,
)
from fxlower.tools.bench.case import Case, largest_error, normal
from fxlower.tools.bench.loop_cases import adam
from fxlower.tools.bench.start import Start
from fxlower.tools.bench.summary import Measured
from fxlower.tuning import roofline
from fxlower.tuning.roofline import Roofline

LIMITS = Roofline(
    copies={"L1": 1e11, "L2": 5e10, "L3": 2e10, "memory": 1e10},
    operations=1e11,
    double=5e10,
    capacities={"L1": 1 << 15, "L2": 1 << 20, "L3": 1 << 25},
)
OTHERS = [name for name in peers.PEERS if peers.missing(name) is None]


STEP = adam("a step of a parameter", ((3, 5),))


@pytest.mark.parametrize(
    "case", [*loops.cases(["x+1, 16", "layer norm, 8 KiB"]), STEP], ids=lambda c: c.name
)
def test_cases_run_from_end_to_end(case: Case) -> None:
    others = [n for n in OTHERS if n != "inductor"]  # g++ takes seconds
    found = loops.measure(case, [peers.make(n) for n in others], LIMITS, 0.01, min)
    refused = {"onednn"} | ({"openvino", "onnxruntime"} if case.mutates else set())
    assert found.reasons.keys() == refused & {*others}
    assert found.seconds.keys() == {"fxlower", *others} - refused
    assert all(found.is_right(peer) for peer in found.seconds)
    assert found.native is not None and found.native > 0
    text = summary.conclusions([found], others, LIMITS)
    assert f"x {others[0]}, 1 cases" in text


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("mm 64x64x64", {"onednn"}),
        ("linear 64x64x64", set()),
        ("linear without bias 100x77x333", set()),
        ("linear+residual 128x768x768", set()),
        ("linear+gelu 128x768x768", set()),
        ("mm 512x512x512 f64", {"onednn", "openvino"}),
        ("bmm 12 of 128x64x128", {"onednn"}),
    ],
)
def test_products_run_from_end_to_end(name: str, refused: set[str]) -> None:
    others = [n for n in OTHERS if n != "inductor"]
    (case,) = (c for c in gemm.cases() if c.name == name)
    found = loops.measure(case, [peers.make(n) for n in others], LIMITS, 0.01, min)
    assert found.reasons.keys() == refused & {*others}
    assert all(found.is_right(peer) for peer in found.seconds)
    assert found.native is not None and found.native > 0
    sizes = [int(n) for n in re.findall(r"\d+", name.split(" f64")[0])]
    assert found.operations == 2 * math.prod(sizes)
    assert len(gemm.cells(found, others, LIMITS)) == 7 + len(others)
    assert f"x {others[0]}, 1 cases" in gemm.conclusions([found], others)


def test_weights_are_parameters_and_count_as_traffic() -> None:
    (case,) = (c for c in gemm.cases() if c.name == "linear 128x3072x768")
    bound = case.bound()
    assert isinstance(bound.function, torch.nn.Module)
    assert [tuple(p.shape) for p in bound.function.parameters()] == [(3072, 768), (3072,)]
    assert [tuple(t.shape) for t in bound.inputs()] == [(128, 768)]
    found = loops.measure(case, [], LIMITS, 0.01, min)
    assert found.moved == 4 * (128 * 768 + 3072 * 768 + 3072 + 128 * 3072)


def test_products_of_few_rows_are_measured_against_reads() -> None:
    limits = replace(LIMITS, reads=LIMITS.copies)
    one = Measured("linear 1x4096x4096", "L3", 1 << 24, 1 << 23, native=1e-3)
    many = replace(one, operations=1 << 40)
    gemm.add_reads([one, many], limits, 0.01)
    assert one.reads is not None and one.reads > 1e8
    assert many.reads is None
    one.seconds, one.errors = {"fxlower": 2e-3}, {"fxlower": 0.0}
    assert gemm.cells(one, [], replace(limits, operations=1e12))[-3] == "1%"
    assert gemm.cells(replace(one, dtype="float64"), [], limits)[-3] == "17%"


def test_one_slower_than_the_best_of_all_peers_is_a_miss() -> None:
    found = measured("a", 0.3, 0.4, errors={"fxlower": 0.0, "eager": 0.0, "onednn": 0.0})
    found.seconds["onednn"] = 0.2
    text = gemm.conclusions([found], ["eager", "onednn"])
    assert "0 of 1 cases" in text and "1.50x onednn" in text
    assert not summary.is_miss(found) and summary.is_miss(found, ["eager", "onednn"])


class TinyModel(torch.nn.Module):
    """As models of transformers are called, and what they return."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = torch.nn.Embedding(10, 8), torch.nn.Linear(8, 4)

    def forward(self, *, input_ids: torch.Tensor) -> BaseModelOutput:
        return BaseModelOutput(self.head(self.embedding(input_ids)).softmax(-1))


def test_models_run_from_end_to_end() -> None:
    others = [n for n in OTHERS if n not in ("inductor", "onednn")]
    chosen = models.Case("tiny", lambda: (TinyModel(), {"input_ids": torch.tensor([[1, 2, 3]])}))
    with torch.random.fork_rng():
        found = models.measure(chosen, [peers.make(n) for n in others], 0.01, min)
    assert found.seconds.keys() == found.first.keys() == {"fxlower", *others}
    assert found.reasons == {} and all(found.is_right(name) for name in found.seconds)
    assert found.first["fxlower"] >= sum(g.total_seconds for g in found.graphs) > 0
    assert models.described(found)[2].startswith("100.0% of ")
    assert models.table([found], others).row_count == max(4, 1 + len(others))
    assert models.cells(found, "eager")[3].endswith("x")
    json = summary.as_json([found], others, None)
    assert '"first"' in json and '"graphs"' in json


@pytest.mark.skipif("inductor" not in OTHERS, reason="Inductor needs g++")
def test_inductor_is_a_peer() -> None:
    (case,) = loops.cases(["x+1, 16"])
    found = loops.measure(case, [peers.make("inductor")], LIMITS, 0.01, min)
    assert found.is_right("inductor") and found.ratio("inductor") is not None


@pytest.mark.parametrize("cases", [loops.cases([]), gemm.cases([])], ids=["loops", "gemm"])
def test_names_are_unique(cases: list[Case]) -> None:
    assert [n for n, count in Counter(c.name for c in cases).items() if count > 1] == []


def test_a_failure_is_a_reason_and_the_others_go_on() -> None:
    def picky(x: torch.Tensor) -> torch.Tensor:
        if torch.compiler.is_exporting():
            raise ValueError("not for export")
        return x + 1

    others = [n for n in OTHERS if n != "inductor"]
    case = Case("picky", picky, (normal(4),))
    found = loops.measure(case, [peers.make(n) for n in others], LIMITS, 0.01, min)
    assert found.seconds.keys() == {"fxlower", "eager"}
    assert found.reasons.pop("onednn", "linear layers only") == "linear layers only"
    assert all("not for export" in reason for reason in found.reasons.values())


def measured(name: str, own: float, eager: float, **others: object) -> Measured:
    made = Measured(name, "memory", moved=1 << 30, operations=1 << 28)
    made.seconds, made.errors = {"fxlower": own, "eager": eager}, {"fxlower": 0.0, "eager": 0.0}
    return replace(made, **others)


def test_the_summary_counts_and_orders_misses() -> None:
    found = [measured("a", 0.2, 0.4), measured("b", 0.3, 0.2), measured("c", 0.8, 0.2)]
    text = summary.conclusions(found, ["eager"], LIMITS)
    assert "1.44x eager, 3 cases" in text  # the third root of 1/2 * 3/2 * 4
    assert "1 of 3 cases take at most 1.0x" in text
    assert text.index("4.00x eager") < text.index("1.50x eager")
    assert "3 cases from memory: median 36%" in text


def test_a_wrong_result_is_marked_and_not_counted() -> None:
    wrong = measured("a", 0.1, 0.4, errors={"fxlower": 0.0, "eager": 1.0})
    assert summary.comparison(wrong, "eager").endswith("WRONG")
    assert wrong.ratio("eager") is None
    assert "eager is wrong, and not counted: a" in summary.conclusions([wrong], ["eager"], LIMITS)
    own = measured("b", 0.1, 0.4, errors={"fxlower": 1.0, "eager": 0.0})
    assert "fails or is wrong: b" in summary.conclusions([own], ["eager"], LIMITS)


@pytest.mark.parametrize(
    ("found", "expected", "error"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 1.0], [1.0, 2.0], 0.5),
        ([float("nan"), float("inf")], [float("nan"), float("inf")], 0.0),
        ([float("nan"), 1.0], [1.0, 1.0], float("inf")),
        ([float("inf"), 1.0], [-float("inf"), 1.0], float("inf")),
        ([], [], 0.0),
    ],
)
def test_errors(found: list[float], expected: list[float], error: float) -> None:
    assert largest_error([torch.tensor(found)], [torch.tensor(expected)]) == error


def test_float64_is_the_judge_where_eager_mode_rounds() -> None:
    def sums(x: torch.Tensor) -> torch.Tensor:
        return x.cumsum(0)[-1] if x.dtype == torch.float64 else torch.full_like(x[0], 256.0)

    case = Case("sums", sums, (lambda: torch.ones(512, dtype=torch.bfloat16),))
    expected = [sums(*case.inputs())]
    assert loops.error_of(case, [torch.tensor(256.0)], expected) == 0.0
    assert loops.error_of(case, [torch.tensor(512.0)], expected) == 0.0
    assert loops.error_of(case, [torch.tensor(384.0)], expected) == 0.25


def test_samples_are_of_one_call_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock by which every call takes 0.12 ms: nine calls in a sample, one before it."""
    calls = Counter[str]()
    monkeypatch.setattr(timing, "clock", lambda: lambda: calls.total() * 2.0**-13)
    runs = {n: lambda n=n: calls.update([n]) for n in "ab"}
    found = timing.samples(runs, seconds=0.0, least=3, rest=1e-4)
    assert found == {"a": [2.0**-13] * 3, "b": [2.0**-13] * 3}
    assert calls == {"a": 2 + 3 * 10, "b": 2 + 3 * 10}


def test_the_roofline_is_measured() -> None:
    code = roofline.load_copy()
    assert roofline.copy_rate(code, 1 << 14, 2, seconds=0.01) > 1e8
    assert roofline.arithmetic_rate(roofline.host(), 2, seconds=0.01) > 1e8
    assert roofline.arithmetic_rate(roofline.host(), 1, seconds=0.01, bits=64) > 1e8


def test_reading_adds_up_what_is_read() -> None:
    code = roofline.load_read(roofline.host())
    count = roofline.READ_VECTORS * roofline.host().lanes(32) * 3
    source, result = torch.arange(count, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    call(code.address("read"), [result.data_ptr(), source.data_ptr(), count, 2])
    assert result.item() == 2 * source.sum().item()
    assert roofline.read_rate(code, 1 << 14, 2, seconds=0.01) > 1e8


def test_levels_hold_what_fits() -> None:
    assert [LIMITS.level(n) for n in (1, 1 << 20, 1 << 21, 1 << 30)] == ["L1", "L2", "L3", "memory"]


def test_compile_time_is_taken_apart(capsys: pytest.CaptureFixture[str]) -> None:
    found = compile_time.run(["softmax+backward", "x+1, 16"])
    assert len(found.graphs) == 3 and len(found.kernels) >= 3
    assert all({"vectorize", "emit LLVM IR", "LLVM"} <= s.keys() for s in found.kernels.values())
    assert "for each of 3 loops" in capsys.readouterr().out


def test_calls_are_measured_beside_a_backend_that_computes_nothing() -> None:
    names = ["x + 1, 4x4", "with backward"]
    found = calls.run(names, with_peers=["eager", "floor"], seconds=0.01, statistic=min)
    assert [m["case"] for m in found] == [c.name for c in calls.cases(names)]
    assert all(m[name] > 0 for m in found for name in ("fxlower", "eager", "floor"))


def test_starts_are_told_apart() -> None:
    def made(backend: float, fxlower: float, kernels: int) -> Start:
        return Start((2.0, 1.5), (4.0, 3.0), (backend, backend), (fxlower, fxlower), kernels, 0)

    starts = [
        ("model", "cold", made(3.0, 2.0, 7)),
        ("model", "warm 1", made(0.2, 0.1, 0)),
        ("model", "warm 2", made(0.125, 0.0625, 0)),
    ]
    assert start.table(starts).row_count == 3
    assert "0.125 s" in start.verdict(starts) and "0 kernels compiled" in start.verdict(starts)


def test_a_clock_counts_calls_of_one_by_another_once() -> None:
    clock = start.Clock()
    inner = clock.timed(lambda: sleep(0.02))
    before = perf_counter()
    clock.timed(inner)()
    assert 0.02 <= clock.spent[0] <= perf_counter() - before
