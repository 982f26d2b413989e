"""Models for end-to-end tests: small sizes, random weights, nothing downloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY = 211


@dataclass(frozen=True)
class Model:
    """`make` builds the module, `inputs(batch, length)` its arguments."""

    name: str
    make: Callable[[], nn.Module]
    inputs: Callable[[int, int], dict[str, torch.Tensor]]
    length_is_dynamic: bool = True

    def build(self, *, train: bool = False) -> nn.Module:
        torch.manual_seed(0)
        return self.make().train(train)


def tokens(batch: int, length: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch * 1000 + length)
    return {"input_ids": torch.randint(VOCABULARY, (batch, length), generator=generator)}


def images(size: int) -> Callable[[int, int], dict[str, torch.Tensor]]:
    def make(batch: int, length: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(batch)
        return {"pixel_values": torch.randn(batch, 3, size, size, generator=generator)}

    return make


def bert() -> nn.Module:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertModel(config)


def gpt2() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=64,
        n_embd=48,
        n_layer=2,
        n_head=4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
    )
    return GPT2LMHeadModel(config)


def llama() -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=112,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        use_cache=False,
    )
    return LlamaForCausalLM(config)


def vit() -> nn.Module:
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return ViTModel(config)


class Block(nn.Module):
    """ResNet's basic block."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.shortcut = nn.Sequential()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    """ResNet-18 with `width` channels in the first stage (64 in the paper)."""

    def __init__(self, width: int = 8, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        blocks: list[nn.Module] = []
        channels = width
        for stage in range(4):
            out = width * 2**stage
            blocks += [Block(channels, out, 1 if stage == 0 else 2), Block(out, out, 1)]
            channels = out
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, classes)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(pixel_values)).mean((2, 3)))


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(37, 64), nn.ReLU(), nn.Linear(64, 51), nn.GELU(), nn.Linear(51, 7)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class GruCell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(19, 23)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = x.new_zeros(x.shape[0], 23)
        for step in range(3):
            state = self.cell(x[:, step], state)
        return state


class Encoder(nn.Module):
    """Two layers of torch's own transformer encoder and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, VOCABULARY)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.embedding(input_ids)))


def rows(width: int) -> Callable[[int, int], dict[str, torch.Tensor]]:
    def make(batch: int, length: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(batch)
        return {"x": torch.randn(batch, width, generator=generator)}

    return make


def sequences(batch: int, length: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch)
    return {"x": torch.randn(batch, length, 19, generator=generator)}


MODELS = (
    Model("bert", bert, tokens),
    Model("gpt2", gpt2, tokens),
    Model("llama", llama, tokens),
    Model("vit", vit, images(32), length_is_dynamic=False),
    Model("resnet18", ResNet18, images(64), length_is_dynamic=False),
    Model("mlp", Mlp, rows(37), length_is_dynamic=False),
    Model("gru_cell", GruCell, sequences),
    Model("encoder", Encoder, tokens),
)
