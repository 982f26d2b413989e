"""A few models of the zoo, chosen so that they show unlike things; `make zoo` runs it whole."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from zoo_checks import Different, check, compare
from zoo_sweep import MODELS, run, share_in_kernels, summary, worst_operators

SHARD = {
    "longformer": "training",  # overlapping windows of memory
    "t5": "sizes",  # buckets of relative positions, an encoder and a decoder
    "gpt2": "generation",  # a cache that grows, one that is written
    "qwen2_moe": "inference",  # experts by sorted tokens
    "mamba": "inference",  # a state space
    "GraphAttention": "training",  # scatters
    "KolmogorovArnold": "sizes",  # searches
}


@pytest.mark.parametrize("name", SHARD)
def test_model(name: str) -> None:
    outcome = check(MODELS[name], SHARD[name])
    assert outcome.ok, f"{outcome.problem} (aot_eager: {outcome.peer})"
    assert outcome.graphs > 0
    assert share_in_kernels([outcome.as_dict()]) >= 0.95, outcome.fallbacks


def test_difference_is_seen() -> None:
    eager = [torch.randn(5, 7)]
    wrong = eager[0].clone()
    wrong[2, 3] += 1e-3
    compare([eager[0].clone()], eager, lambda: [t.double() for t in eager], "output")
    with pytest.raises(Different, match="output, tensor 0"):
        compare([wrong], eager, lambda: [t.double() for t in eager], "output")
    with pytest.raises(Different, match="float64"):
        compare([eager[0].double()], eager, lambda: eager, "output")


def test_crash_and_hang_are_failures_of_one_model() -> None:
    def crash() -> nn.Module:
        os.abort()

    def hang() -> Any:
        time.sleep(60)

    model = MODELS["Siren"]
    records = run(replace(model, make=crash), ["training", "sizes"], 30)
    assert [r["check"] for r in records] == ["training"] and "-6" in records[0]["problem"]
    (record,) = run(replace(model, make=hang), ["inference"], 1)
    assert not record["ok"] and "timeout" in record["problem"]
    records = [*records, {**record, "operators": 4, "fallbacks": {"aten.sort: no lowering": 1}}]
    assert share_in_kernels(records) == 0.75
    assert summary(records).row_count == 2 and worst_operators(records).row_count == 1
