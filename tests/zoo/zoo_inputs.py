"""Arguments of the models of the zoo, by the batch and the length of a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

VOCABULARY = 211
IMAGE = 32
IMAGE_TOKEN = 5

Inputs = dict[str, torch.Tensor]


def generator(batch: int, length: int) -> torch.Generator:
    return torch.Generator().manual_seed(batch * 1000 + length)


def ids(batch: int, length: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed * 10**6 + batch * 1000 + length)
    return torch.randint(10, VOCABULARY, (batch, length), generator=random)


def normal(*sizes: int) -> torch.Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(sum(sizes)))


def text(batch: int, length: int) -> Inputs:
    """Tokens, with padding at the end of the last row."""
    mask = torch.ones(batch, length, dtype=torch.int64)
    mask[-1, -2:] = 0
    return {"input_ids": ids(batch, length), "attention_mask": mask}


def long_text(batch: int, length: int) -> Inputs:
    return text(batch, 16 * length)


def pairs(batch: int, length: int) -> Inputs:
    return {**text(batch, length), "decoder_input_ids": ids(batch, length // 2 + 2, seed=1)}


def image(batch: int, length: int) -> Inputs:
    return {"pixel_values": normal(batch, 3, IMAGE, IMAGE)}


def image_of(size: int) -> Callable[[int, int], Inputs]:
    def make(batch: int, length: int) -> Inputs:
        return {"pixel_values": normal(batch, 3, size, size)}

    return make


def large_image(batch: int, length: int) -> Inputs:
    return {"pixel_values": normal(batch, 3, 256, 256)}


def one_image(batch: int, length: int) -> Inputs:
    return {"pixel_values": normal(1, 3, IMAGE, IMAGE)}


def image_text(batch: int, length: int) -> Inputs:
    return {**text(batch, length), **image(batch, length)}


def video(batch: int, length: int) -> Inputs:
    return {"pixel_values": normal(batch, 4, 3, IMAGE, IMAGE)}


def vjepa(batch: int, length: int) -> Inputs:
    return {"pixel_values_videos": normal(batch, 4, 3, IMAGE, IMAGE)}


def waveform(batch: int, length: int) -> Inputs:
    return {"input_values": normal(batch, 80 * length)}


def wave3(batch: int, length: int) -> Inputs:
    return {"input_values": normal(batch, 1, 16 * length)}


def frames(features: int) -> Callable[[int, int], Inputs]:
    def make(batch: int, length: int) -> Inputs:
        return {"input_features": normal(batch, length, features)}

    WITH_LENGTH.append(make)
    return make


def whisper(batch: int, length: int) -> Inputs:
    return {"input_features": normal(batch, 16, 64), "decoder_input_ids": ids(batch, length)}


def speech_to_text(batch: int, length: int) -> Inputs:
    return {"input_features": normal(batch, 40, 16), "decoder_input_ids": ids(batch, length)}


def spectrogram(batch: int, length: int) -> Inputs:
    return {"input_values": normal(batch, 64, 16)}


def univnet(batch: int, length: int) -> Inputs:
    return {"input_features": normal(batch, 8, 16), "noise_sequence": normal(batch, 8, 8)}


def speecht5(batch: int, length: int) -> Inputs:
    return {
        "input_ids": ids(batch, length),
        "decoder_input_values": normal(batch, 12, 16),
        "speaker_embeddings": normal(batch, 8),
    }


def clap_audio(batch: int, length: int) -> Inputs:
    return {"input_features": normal(batch, 1, 256, 16)}


def moonshine(batch: int, length: int) -> Inputs:
    return {"input_values": normal(batch, 4000), "decoder_input_ids": ids(batch, length)}


def parakeet(batch: int, length: int) -> Inputs:
    return {"input_features": normal(batch, 8 * length, 16)}


def musicgen(batch: int, length: int) -> Inputs:
    return {"input_ids": ids(2 * batch, length)}


def visual_bert(batch: int, length: int) -> Inputs:
    return {**text(batch, length), "visual_embeds": normal(batch, 6, 32)}


def lxmert(batch: int, length: int) -> Inputs:
    return {
        **text(batch, length),
        "visual_feats": normal(batch, 6, 32),
        "visual_pos": normal(batch, 6, 4),
    }


def layout(batch: int, length: int) -> Inputs:
    box = torch.tensor([1, 2, 30, 40]).expand(batch, length, 4).clone()
    return {**image_text(batch, length), "bbox": box}


def perceiver(batch: int, length: int) -> Inputs:
    return {"inputs": normal(batch, length, 64)}


def llava(batch: int, length: int) -> Inputs:
    tokens = ids(batch, 24)
    tokens[:, 2:18] = IMAGE_TOKEN
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), **image(batch, length)}


def sam(batch: int, length: int) -> Inputs:
    points = torch.tensor([[[5.0, 7.0]]]).expand(batch, 1, 1, 2).clone()
    return {**image(batch, length), "input_points": points}


def time_series(batch: int, length: int) -> Inputs:
    past, future = 8 + 2, 4
    return {
        "past_values": normal(batch, past).abs() + 0.5,
        "past_time_features": normal(batch, past, 2),
        "past_observed_mask": torch.ones(batch, past),
        "future_values": normal(batch, future).abs() + 0.5,
        "future_time_features": normal(batch, future, 2),
    }


def patchtst(batch: int, length: int) -> Inputs:
    return {"past_values": normal(batch, 32, 3)}


def decision(batch: int, length: int) -> Inputs:
    return {
        "states": normal(batch, length, 5),
        "actions": normal(batch, length, 3),
        "rewards": normal(batch, length, 1),
        "returns_to_go": normal(batch, length, 1),
        "timesteps": torch.arange(length).expand(batch, length).clone(),
        "attention_mask": torch.ones(batch, length),
    }


WITH_LENGTH: list[Any] = [
    text, long_text, pairs, image_text, waveform, whisper, speech_to_text, moonshine, parakeet,
    musicgen, visual_bert, lxmert, perceiver, decision,
]  # fmt: skip


def convnext_backbone() -> Any:
    from transformers import ConvNextConfig

    return ConvNextConfig(depths=[1, 1, 1, 1], hidden_sizes=[16, 24, 32, 48], image_size=IMAGE,
                          out_features=["stage1", "stage2", "stage3", "stage4"])  # fmt: skip


def resnet_backbone() -> Any:
    from transformers import ResNetConfig

    return ResNetConfig(embedding_size=16, depths=[1, 1, 1, 1], hidden_sizes=[16, 24, 32, 48],
                        layer_type="basic", out_features=["stage3", "stage4"])  # fmt: skip


def rt_detr_backbone() -> Any:
    from transformers import RTDetrResNetConfig

    return RTDetrResNetConfig(embedding_size=16, depths=[1, 1, 1, 1], hidden_sizes=[16, 16, 24, 32],
                              out_features=["stage2", "stage3", "stage4"])  # fmt: skip


def swin_backbone() -> Any:
    from transformers import SwinConfig

    return SwinConfig(image_size=IMAGE, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[2, 2, 2, 2],
                      patch_size=2, window_size=2, drop_path_rate=0.0,
                      out_features=["stage1", "stage2", "stage3", "stage4"])  # fmt: skip


def small_text(kind: str) -> dict[str, Any]:
    return {"model_type": kind, "vocab_size": VOCABULARY, "hidden_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
            "intermediate_size": 96, "max_position_embeddings": 128, "pad_token_id": 0,
            "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip


def small_llama() -> dict[str, Any]:
    return small_text("llama")


def small_gemma() -> dict[str, Any]:
    return small_text("gemma")


def small_vision(kind: str) -> dict[str, Any]:
    return {"model_type": kind, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 96, "image_size": IMAGE, "patch_size": 8,
            "projection_dim": 64}  # fmt: skip


def small_clip_vision() -> dict[str, Any]:
    return small_vision("clip_vision_model")


def small_siglip_vision() -> dict[str, Any]:
    return small_vision("siglip_vision_model")
