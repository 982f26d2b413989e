"""Whole models: what is imported verifies, survives printing, and computes what eager mode does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from tracing import compile_with_interpreter
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin
from xdsl.dialects.func import Func
from xdsl.parser import Parser

from fxlower.dialects.fxt import FXT
from fxlower.frontend.program import Imported

transformers = pytest.importorskip("transformers")


def bert() -> tuple[nn.Module, Callable[[int], Any]]:
    config = transformers.BertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        vocab_size=50,
        max_position_embeddings=32,
    )
    return transformers.AutoModel.from_config(config), tokens


def gpt2() -> tuple[nn.Module, Callable[[int], Any]]:
    config = transformers.GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=50, n_positions=32)
    return transformers.AutoModel.from_config(config), tokens


def llama() -> tuple[nn.Module, Callable[[int], Any]]:
    config = transformers.LlamaConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=32,
        vocab_size=50,
        max_position_embeddings=32,
    )
    return transformers.AutoModel.from_config(config), tokens


def vit() -> tuple[nn.Module, Callable[[int], Any]]:
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=16,
        patch_size=8,
    )
    return transformers.AutoModel.from_config(config), lambda n: torch.randn(n, 3, 16, 16)


class Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(x + self.norm2(self.conv2(y)))


def resnet() -> tuple[nn.Module, Callable[[int], Any]]:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=2, padding=3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        Residual(8),
        Residual(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )
    return model, lambda n: torch.randn(n, 3, 16, 16)


def tokens(n: int) -> torch.Tensor:
    return torch.randint(0, 50, (n, 7))


MODELS = [bert, gpt2, llama, vit, resnet]


def first_tensor(output: Any) -> torch.Tensor:
    return output if isinstance(output, torch.Tensor) else output[0]


def assert_round_trips(program: Imported) -> None:
    context = Context()
    for dialect in (Builtin, Func, FXT):
        context.load_dialect(dialect)
    text = str(program.module)
    parsed = Parser(context, text).parse_module()
    parsed.verify()
    assert str(parsed) == text


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("make", MODELS)
def test_inference(make: Callable[[], Any], dynamic: bool) -> None:
    torch.manual_seed(0)
    model, batch = make()
    model.eval()
    seen: list[Imported] = []
    with torch.no_grad():
        compiled = compile_with_interpreter(model, seen, dynamic=dynamic)
        for n in (4, 6) if dynamic else (4,):
            x = batch(n)
            torch.testing.assert_close(
                first_tensor(compiled(x)), first_tensor(model(x)), rtol=1e-4, atol=1e-4
            )
    assert len(seen) == 1
    assert bool(seen[0].symbols) == dynamic
    for program in seen:
        assert_round_trips(program)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("make", MODELS)
def test_training(make: Callable[[], Any], dynamic: bool) -> None:
    torch.manual_seed(0)
    model, batch = make()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x = batch(3)
    first_tensor(model(x)).square().sum().backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    seen: list[Imported] = []
    compiled = compile_with_interpreter(model, seen, dynamic=dynamic)
    first_tensor(compiled(x)).square().sum().backward()
    for name, parameter in model.named_parameters():
        if name in expected:
            torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-3, atol=1e-3)
    assert len(seen) == 2
    for program in seen:
        assert_round_trips(program)
