"""A few models of the zoo, chosen so that they show unlike things; `make zoo` runs it whole."""

from __future__ import annotations

import copy
import os
import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from zoo_checks import (
    LEAST_SCALE,
    PART_OF_LAYER,
    Different,
    check,
    compare,
    double,
    layer_scales,
    step,
)
from zoo_model import KINKS, ZooModel
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


def test_gradient_that_vanishes_is_measured_by_its_layer() -> None:
    """That of a bias ahead of a batch norm is 0, and rounding is not held against it; more is."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6))
    exact, inputs = copy.deepcopy(module).double(), {"input": torch.randn(32, 8)}
    eager = step(module, module, inputs)
    judge = step(exact, exact, double(inputs))
    scales = [LEAST_SCALE, *layer_scales(module)]

    def off_by(part_of_layer: float) -> list[torch.Tensor]:
        moved = torch.zeros(6)
        moved[3] = part_of_layer * eager[1].abs().max()
        return [*eager[:2], moved, *eager[3:]]

    assert judge[2].abs().max() < 1e-15
    eager[2] = torch.zeros(6)  # where eager mode has luck
    compare(off_by(1e-6), eager, lambda: judge, "step", scales)
    for found, measures in ((off_by(1e-6), []), (off_by(1e-5), scales)):
        with pytest.raises(Different, match="step, tensor 2"):
            compare(found, eager, lambda: judge, "step", measures)


def test_infinite_gradient_does_not_hide_others() -> None:
    module = nn.Linear(3, 2)
    module.weight.grad, module.bias.grad = torch.full((2, 3), torch.inf), torch.ones(2)
    assert layer_scales(module) == [PART_OF_LAYER, PART_OF_LAYER]
    compared = [module.bias.grad]
    with pytest.raises(Different):
        compare([torch.tensor([1, 1.1])], compared, lambda: compared, "step", [PART_OF_LAYER])


def test_kinks_are_smoothed_for_training_alone() -> None:
    make = partial(nn.Sequential, nn.Linear(3, 3), nn.Sequential(nn.ReLU(), nn.Hardswish()))
    model = ZooModel("kinks", "plain", make, dict, smooth=True)
    assert not any(isinstance(m, KINKS) for m in model.build(train=True).modules())
    make = partial(nn.Sequential, nn.Linear(3, 3), nn.Sequential(nn.ReLU(), nn.Hardswish()))
    assert sum(isinstance(m, KINKS) for m in replace(model, make=make).build().modules()) == 2


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
