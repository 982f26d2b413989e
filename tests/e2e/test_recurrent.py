"""LSTMs, GRUs and RNNs, traced with `torch._dynamo.config.allow_rnn`: step by step where that is
little code or gradients are wanted, else as one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import fxlower


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    torch._dynamo.reset()
    with torch._dynamo.config.patch(allow_rnn=True):
        yield
    torch._dynamo.reset()


LAYERS: dict[str, Any] = {
    "lstm": lambda: nn.LSTM(5, 6, batch_first=True),
    "lstm_deep": lambda: nn.LSTM(5, 6, 2, bidirectional=True),
    "lstm_without_bias": lambda: nn.LSTM(5, 6, bias=False),
    "lstm_projected": lambda: nn.LSTM(5, 6, proj_size=3),
    "gru": lambda: nn.GRU(5, 6, 2, bidirectional=True),
    "rnn": lambda: nn.RNN(5, 6, batch_first=True),
    "rnn_relu": lambda: nn.RNN(5, 6, nonlinearity="relu"),
}


def gradients(layer: nn.Module, output: Tensor) -> list[Tensor]:
    seed = torch.linspace(-1, 1, output.numel()).view(output.shape)
    return list(torch.autograd.grad(output, list(layer.parameters()), seed))


@pytest.mark.parametrize("name", LAYERS)
def test_trains(name: str) -> None:
    torch.manual_seed(0)
    layer, x = LAYERS[name](), torch.randn(4, 3, 5)
    compiled = torch.compile(layer, backend="fxlower", fullgraph=True)
    found, expected = compiled(x), layer(x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(layer, found[0]), gradients(layer, expected[0]))


@pytest.mark.parametrize("name", LAYERS)
def test_infers_in_kernels(name: str) -> None:
    torch.manual_seed(0)
    layer, x = LAYERS[name](), torch.randn(4, 3, 5)
    with torch.no_grad():
        explanation = fxlower.explain(layer, x)
        torch.testing.assert_close(explanation.result, layer(x))
    assert not explanation.fallbacks, explanation


def test_many_steps_are_one_call() -> None:
    layer = nn.LSTM(5, 6)
    with torch.no_grad():
        for dynamic, steps in ((False, 200), (True, 10)):
            x = torch.randn(steps, 3, 5)
            explanation = fxlower.explain(layer, x, dynamic=dynamic)
            torch.testing.assert_close(explanation.result, layer(x))
            targets = [call.target for call in explanation.fallbacks]
            assert targets == [torch.ops.aten.mkldnn_rnn_layer.default], explanation


def test_mkldnn_stays_as_it_is() -> None:
    enabled = torch._C._get_mkldnn_enabled()
    torch.compile(nn.LSTM(5, 6), backend="fxlower")(torch.randn(4, 3, 5))
    assert torch._C._get_mkldnn_enabled() == enabled
