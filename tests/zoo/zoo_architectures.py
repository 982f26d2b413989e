"""Architectures of transformers with small sizes and random weights; to add one is a line.

A configuration class gets those of `SMALL` that it has fields for, then what the line says. Nothing
is downloaded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import zoo_inputs as inputs
from torch import nn
from zoo_model import ZooModel

SMALL: dict[str, Any] = {
    **dict.fromkeys(
        (
            "hidden_size",
            "d_model",
            "n_embd",
            "dim",
            "embed_dim",
            "embedding_size",
            "projection_dim",
        ),
        64,
    ),
    **dict.fromkeys(("word_embed_proj_dim", "attention_hidden_size", "lru_width"), 64),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers"), 1),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_encoder_layers"), 1),
    **dict.fromkeys(("num_decoder_layers", "num_blocks"), 1),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("num_encoder_attention_heads", "num_decoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(("intermediate_size", "d_ff", "d_inner", "ffn_dim", "hidden_dim"), 96),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "shared_intermediate_size"), 96),
    **dict.fromkeys(("head_dim", "d_kv", "d_head", "attention_head_size"), 16),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 32),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    "num_experts_per_tok": 2,
    "vocab_size": inputs.VOCABULARY,
    "max_position_embeddings": 128,
    "n_positions": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "image_size": inputs.IMAGE,
    "patch_size": 8,
}


NOISE = ("dropout", "pdrop", "drop_path", "layerdrop")
"""What names of probabilities contain."""


def small(cls: Any, **given: Any) -> Any:
    """A configuration of `cls` with small sizes and no dropout; configurations inside it too."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.name in SMALL:
            values[field.name] = SMALL[field.name]
        elif any(part in field.name for part in NOISE) and type(field.default) in (int, float):
            values[field.name] = type(field.default)(0)
    values |= given
    for name, part in cls.sub_configs.items():
        inside = given.get(name, {})
        if isinstance(inside, dict) and "model_type" not in inside and has_fields(part):
            values[name] = small(part, **inside).to_dict()
    return cls(**values)


def has_fields(part: Any) -> bool:
    """Whether `part` is one class of configurations, not any of them."""
    return dataclasses.is_dataclass(part) and part.__name__ != "AutoConfig"


def build(kind: str, head: str, given: dict[str, Any]) -> nn.Module:
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    given = {k: v() if callable(v) else v for k, v in given.items()}
    config = small(CONFIG_MAPPING[kind], **given)
    auto = getattr(transformers, head)
    return auto.from_config(config) if hasattr(auto, "from_config") else auto(config)


def arch(
    kind: str,
    make_inputs: Callable[..., Any],
    head: str = "AutoModel",
    /,
    *,
    name: str | None = None,
    group: str,
    dynamic: bool | None = None,
    generates: bool = False,
    smooth: bool = False,
    **given: Any,
) -> ZooModel:
    return ZooModel(
        name=name or kind,
        group=group,
        make=partial(build, kind, head, given),
        inputs=make_inputs,
        lengths=make_inputs in inputs.WITH_LENGTH if dynamic is None else dynamic,
        generates=generates,
        smooth=smooth,
    )


CAUSAL = "AutoModelForCausalLM"
encoder = partial(arch, group="encoder")
decoder = partial(arch, group="decoder")
moe = partial(arch, group="mixture of experts")
recurrent = partial(arch, group="state space")
seq2seq = partial(arch, group="encoder-decoder")
vision = partial(arch, group="vision")
audio = partial(arch, group="audio")
multimodal = partial(arch, group="multimodal")
series = partial(arch, group="time series")

text, pairs, image = inputs.text, inputs.pairs, inputs.image

ENCODERS = [
    *[encoder(k, text) for k in (
        "bert", "roberta", "albert", "electra", "distilbert", "mpnet", "ernie", "camembert",
        "xlm-roberta", "rembert", "megatron-bert", "roformer", "convbert", "squeezebert",
        "nystromformer", "ibert", "layoutlm", "fnet", "modernbert", "mobilebert", "esm",
        "mra", "yoso", "data2vec-text", "roberta-prelayernorm", "eurobert",
    )],
    encoder("deberta", text, relative_attention=True, pos_att_type=["c2p", "p2c"]),
    encoder("deberta-v2", text, relative_attention=True, pos_att_type=["c2p", "p2c"],
            position_buckets=16, norm_rel_ebd="layer_norm", share_att_key=True),
    encoder("xlm", text, emb_dim=64),
    encoder("flaubert", text, emb_dim=64),
    encoder("xmod", text, default_language="en_XX"),
    encoder("funnel", text, "FunnelModel", block_sizes=[1, 1, 1]),
    encoder("xlnet", text),
    encoder("longformer", text, attention_window=8),
    encoder("big_bird", inputs.long_text, block_size=8, num_random_blocks=2,
            max_position_embeddings=512),
    encoder("canine", inputs.long_text, downsampling_rate=4, local_transformer_stride=16,
            num_hash_buckets=512, max_position_embeddings=512),
    encoder("reformer", inputs.long_text, axial_pos_embds=False, lsh_attn_chunk_length=8,
            local_attn_chunk_length=8, attn_layers=["local", "lsh"], num_buckets=4, hash_seed=1,
            feed_forward_size=96, max_position_embeddings=512),
]  # fmt: skip

DECODERS = [
    *[decoder(k, text, CAUSAL, generates=k in ("gpt2", "llama", "qwen3", "gemma2", "bloom", "phi3"))
      for k in (
        "gpt2", "gpt_neox", "opt", "bloom", "llama", "mistral", "qwen2", "qwen3",
        "gemma", "phi", "phi3", "stablelm", "cohere", "cohere2", "olmo", "olmo2", "olmo3",
        "granite", "starcoder2", "gpt_bigcode", "biogpt", "xglm", "persimmon",
        "nemotron", "glm", "glm4", "smollm3", "helium", "openai-gpt", "ctrl", "exaone4",
        "ernie4_5", "apertus", "arcee", "seed_oss", "bitnet", "diffllama",
        "gpt_neox_japanese", "trocr",
    )],
    decoder("gpt_neo", text, CAUSAL, num_layers=2, attention_types=[[["global", "local"], 1]],
            window_size=8),
    decoder("gemma2", text, CAUSAL, num_hidden_layers=2, generates=True, sliding_window=8,
            query_pre_attn_scalar=16),
    decoder("gemma3_text", text, CAUSAL, num_hidden_layers=2, sliding_window=8,
            query_pre_attn_scalar=16),
    decoder("gptj", text, CAUSAL, rotary_dim=8),
    decoder("codegen", text, CAUSAL, rotary_dim=8),
    decoder("falcon", text, CAUSAL, num_kv_heads=1),
    decoder("mpt", text, CAUSAL, max_seq_len=128, attn_config={"attn_pdrop": 0}),
]  # fmt: skip

EXPERTS = [
    *[moe(k, text, CAUSAL, generates=k == "mixtral") for k in (
        "mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "granitemoe", "granitemoeshared", "phimoe",
        "gpt_oss", "jetmoe", "ernie4_5_moe",
    )],
    moe("deepseek_v2", text, CAUSAL, kv_lora_rank=32, q_lora_rank=32, qk_rope_head_dim=16,
        qk_nope_head_dim=16, v_head_dim=16, n_group=2, topk_group=1, first_k_dense_replace=1,
        num_key_value_heads=4, head_dim=16),
    moe("deepseek_v3", text, CAUSAL, kv_lora_rank=32, q_lora_rank=32, qk_rope_head_dim=16,
        qk_nope_head_dim=16, v_head_dim=16, n_group=2, topk_group=1, first_k_dense_replace=1,
        num_key_value_heads=4),
    moe("glm4_moe", text, CAUSAL, n_group=2, topk_group=1),
    moe("switch_transformers", pairs, "AutoModelForSeq2SeqLM", num_sparse_encoder_layers=1,
        num_sparse_decoder_layers=1),
    moe("nllb-moe", pairs, "AutoModelForSeq2SeqLM", encoder_sparse_step=2, decoder_sparse_step=2),
]  # fmt: skip

RECURRENT = [
    recurrent("mamba", text, CAUSAL, state_size=8),
    recurrent("mamba2", text, CAUSAL, state_size=8, n_groups=2, num_heads=8, head_dim=16,
              chunk_size=8),
    recurrent("falcon_mamba", text, CAUSAL, state_size=8),
    recurrent("rwkv", text, CAUSAL, num_hidden_layers=2),
    recurrent("jamba", text, CAUSAL, num_hidden_layers=2, attn_layer_period=2,
              attn_layer_offset=1, mamba_d_state=8,
              use_mamba_kernels=False),
    recurrent("bamba", text, CAUSAL, num_hidden_layers=2, mamba_n_heads=8, mamba_d_head=16,
              mamba_d_state=8,
              mamba_chunk_size=8, attn_layer_indices=[1]),
    recurrent("zamba2", text, CAUSAL, num_hidden_layers=2, mamba_d_state=8, n_mamba_heads=8,
              mamba_headdim=16,
              chunk_size=8, num_mem_blocks=1, layers_block_type=["mamba", "hybrid"],
              hybrid_layer_ids=[1], use_mem_rope=True),
    recurrent("recurrent_gemma", text, CAUSAL, attention_window_size=8, num_hidden_layers=3),
    recurrent("qwen3_next", text, CAUSAL, num_hidden_layers=2, linear_num_key_heads=2,
              linear_num_value_heads=4,
              linear_key_head_dim=16, linear_value_head_dim=16,
              layer_types=["linear_attention", "full_attention"]),
    recurrent("lfm2", text, CAUSAL, num_hidden_layers=2, full_attn_idxs=[1]),
    recurrent("xlstm", text, CAUSAL, chunk_size=8, qk_dim_factor=1.0),
    recurrent("minimax", text, CAUSAL, num_hidden_layers=2, layer_types=["linear_attention",
              "full_attention"], block_size=8),
    recurrent("granitemoehybrid", text, CAUSAL, num_hidden_layers=2, mamba_n_heads=8,
              mamba_d_head=16, mamba_d_state=8,
              mamba_chunk_size=8, layer_types=["mamba", "attention"]),
]  # fmt: skip

SEQ2SEQ = [
    *[seq2seq(k, pairs, "AutoModelForSeq2SeqLM", generates=k in ("t5", "bart")) for k in (
        "t5", "mt5", "umt5", "bart", "mbart", "pegasus", "marian", "m2m_100", "blenderbot",
        "blenderbot-small", "plbart", "mvp", "longt5", "fsmt",
    )],
    seq2seq("led", pairs, "AutoModelForSeq2SeqLM", attention_window=8),
    seq2seq("pegasus_x", pairs, "AutoModelForSeq2SeqLM", block_size=8, num_global_tokens=4),
    seq2seq("bigbird_pegasus", pairs, "AutoModelForSeq2SeqLM", attention_type="original_full"),
    seq2seq("prophetnet", pairs, "AutoModelForSeq2SeqLM"),
    seq2seq("t5gemma", pairs, "AutoModelForSeq2SeqLM"),
]  # fmt: skip

STAGES = {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 24, 32, 48]}

VISION = [
    *[vision(k, image) for k in (
        "vit", "deit", "beit", "dinov2", "dinov2_with_registers", "data2vec-vision",
        "vit_msn", "vit_mae", "ijepa", "vitdet", "dinov3_vit",
        "mlcd", "siglip_vision_model", "clip_vision_model", "aimv2_vision_model",
    )],
    vision("swin", image, embed_dim=16, depths=[1, 2], num_heads=[2, 4], window_size=2,
           patch_size=4),
    vision("swinv2", image, embed_dim=16, depths=[1, 2], num_heads=[2, 4], window_size=2,
           patch_size=4),
    vision("swin2sr", image, "AutoModel", embed_dim=16, depths=[1, 1], num_heads=[2, 2],
           window_size=4,
           patch_size=1, upscale=2),
    vision("donut-swin", image, embed_dim=16, depths=[1, 1], num_heads=[2, 4], window_size=2,
           patch_size=4),
    vision("convnext", image, patch_size=4, **STAGES),
    vision("convnextv2", image, patch_size=4, **STAGES),
    vision("resnet", image, embedding_size=16, layer_type="basic", **STAGES),
    vision("regnet", image, embedding_size=16, groups_width=8, **STAGES),
    vision("bit", image, embedding_size=16, num_groups=4, depths=[1, 1, 1, 1], hidden_sizes=[16,
           24, 32, 48]),
    vision("mobilevit", image, hidden_sizes=[16, 24, 32], neck_hidden_sizes=[8, 16, 24, 32, 32,
           32, 32]),
    # Images so large that batch norms have eight elements or more: of two they make 1 and -1,
    # whatever these are, and their gradient is nothing but rounding. Behind some dozens of such
    # layers that is many times what float64 makes, in eager mode too, and differences say nothing.
    vision("mobilenet_v1", inputs.image_of(64), image_size=64, smooth=True),
    vision("mobilenet_v2", inputs.image_of(64), image_size=64, smooth=True),
    vision("hgnet_v2", inputs.image_of(128), "HGNetV2ForImageClassification", smooth=True),
    vision("levit", inputs.image_of(128), image_size=128, hidden_sizes=[16, 32, 48],
           num_attention_heads=[1, 2, 3], depths=[1, 1, 1], key_dim=[8, 8, 8], patch_size=16),
    vision("mobilevitv2", inputs.large_image, image_size=256),
    vision("yolos", image, image_size=[32, 32], num_detection_tokens=5),
    vision("efficientnet", image, hidden_dim=320, width_coefficient=0.25, depth_coefficient=0.3),
    vision("segformer", image, "SegformerForSemanticSegmentation", depths=[1, 1, 1, 1],
           hidden_sizes=[16, 16, 32, 32], decoder_hidden_size=32, num_attention_heads=[1, 2, 2, 4]),
    vision("cvt", image, num_channels=3,  embed_dim=[16, 16, 32], num_heads=[1, 2, 2], depth=[1,
           2, 3],
           drop_rate=[0.0, 0.0, 0.0], patch_sizes=[7, 3, 3],
           drop_path_rate=[0.0, 0.0, 0.0]),
    vision("poolformer", image, hidden_sizes=[16, 16, 32, 32], depths=[1, 1, 1, 1],
           patch_sizes=[7, 3, 3, 3]),
    vision("focalnet", image, embed_dim=16, depths=[1, 1], focal_levels=[1, 1], focal_windows=[3,
           3],
           patch_size=4, hidden_sizes=[16, 32]),
    vision("swiftformer", image, depths=[1, 1, 1, 1], embed_dims=[16, 16, 32, 32]),
    vision("pvt", image, hidden_sizes=[16, 16, 32, 32], depths=[1, 1, 1, 1],
           num_attention_heads=[1, 1, 2, 2]),
    vision("pvt_v2", image, hidden_sizes=[16, 16, 32, 32], depths=[1, 1, 1, 1],
           num_attention_heads=[1, 1, 2, 2]),
    vision("hiera", image, image_size=[32, 32], embed_dim=16, patch_stride=[4, 4], patch_size=[7,
           7], depths=[1, 1, 1],
           num_heads=[1, 2, 2], query_stride=[2, 2], num_query_pool=1, masked_unit_size=[4, 4]),
    vision("upernet", image, "UperNetForSemanticSegmentation",
           backbone_config=inputs.convnext_backbone,
           hidden_size=32, auxiliary_in_channels=32),
    vision("dpt", image, "DPTForDepthEstimation", num_hidden_layers=4, backbone_out_indices=[0, 1,
           2, 3], neck_hidden_sizes=[16, 16, 32, 32],
           fusion_hidden_size=16, num_channels=3),
    vision("glpn", image, "GLPNForDepthEstimation", depths=[1, 1, 1, 1], hidden_sizes=[16, 16, 32,
           32],
           num_attention_heads=[1, 2, 2, 4], decoder_hidden_size=16),
    vision("detr", image, backbone_config=inputs.resnet_backbone, num_queries=7),
    vision("conditional_detr", image, backbone_config=inputs.resnet_backbone, num_queries=7),
    vision("deformable_detr", image, backbone_config=inputs.resnet_backbone, num_queries=7,
           num_feature_levels=2),
    vision("rt_detr", image, backbone_config=inputs.rt_detr_backbone, num_queries=7,
           encoder_hidden_dim=32, encoder_in_channels=[16, 24, 32], decoder_in_channels=[32, 32,
           32],
           num_denoising=0),
    vision("mask2former", image, backbone_config=inputs.swin_backbone, feature_size=32,
           mask_feature_size=32,
           hidden_dim=32, num_attention_heads=4, num_queries=7, encoder_layers=1, decoder_layers=2),
    vision("maskformer", image, "AutoModel", backbone_config=inputs.swin_backbone,
           fpn_feature_size=32,
           mask_feature_size=32, smooth=True),
    vision("imagegpt", text, vocab_size=inputs.VOCABULARY),
    vision("superpoint", inputs.one_image, "SuperPointForKeypointDetection",
           encoder_hidden_sizes=[16, 16, 32, 32],
           decoder_hidden_size=32, keypoint_decoder_dim=65, descriptor_decoder_dim=32,
           initializer_range=0.5),  # or scores are equal but for rounding, which chooses points
]  # fmt: skip

CONV = {"conv_dim": [16, 16, 16], "conv_stride": [5, 4, 2], "conv_kernel": [10, 4, 3],
        "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
        "num_feat_extract_layers": 3, "apply_spec_augment": False}  # fmt: skip

AUDIO = [
    *[audio(k, inputs.waveform, **CONV) for k in (
        "wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat", "data2vec-audio",
        "wav2vec2-conformer",
    )],
    audio("sew", inputs.waveform, **CONV, squeeze_factor=2),
    audio("sew-d", inputs.waveform, **CONV, squeeze_factor=2),
    audio("wav2vec2-bert", inputs.frames(160), apply_spec_augment=False),
    audio("whisper", inputs.whisper, "AutoModelForSpeechSeq2Seq", num_mel_bins=16,
          max_source_positions=32,
          max_target_positions=64),
    audio("speech_to_text", inputs.speech_to_text, "AutoModelForSpeechSeq2Seq",
          input_feat_per_channel=16,
          conv_channels=32),
    audio("audio-spectrogram-transformer", inputs.spectrogram, max_length=64, num_mel_bins=16,
          dynamic=False),
    audio("encodec", inputs.wave3, num_filters=8, hidden_size=16, codebook_size=32, codebook_dim=16,
          upsampling_ratios=[4, 2], dynamic=False),
    audio("dac", inputs.wave3, encoder_hidden_size=8, decoder_hidden_size=32,
          downsampling_ratios=[2, 4],
          upsampling_ratios=[4, 2], codebook_size=32, n_codebooks=2, hidden_size=32, dynamic=False),
    audio("mimi", inputs.wave3, num_filters=8, hidden_size=32, codebook_size=32, codebook_dim=16,
          vector_quantization_hidden_dimension=16, upsampling_ratios=[4, 2], num_quantizers=4,
          num_key_value_heads=4, upsample_groups=4,
          dynamic=False),
    audio("univnet", inputs.univnet, "UnivNetModel", model_hidden_channels=8, num_mel_bins=16,
          model_in_channels=8, kernel_predictor_hidden_channels=8, resblock_stride_sizes=[4, 2],
          resblock_kernel_sizes=[3, 3], resblock_dilation_sizes=[[1, 3], [1, 3]],
          dynamic=False),
    audio("speecht5", inputs.speecht5, "SpeechT5ForTextToSpeech", num_mel_bins=16,
          speaker_embedding_dim=8,
          speech_decoder_prenet_units=16, speech_decoder_prenet_layers=1,
          speech_decoder_postnet_units=16,
          speech_decoder_postnet_layers=2, dynamic=False),
    audio("vits", inputs.text, "VitsModel", flow_size=16, spectrogram_bins=17, ffn_dim=32,
          upsample_initial_channel=16, resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 2]],
          upsample_rates=[4, 2], upsample_kernel_sizes=[8, 4], prior_encoder_num_flows=2,
          posterior_encoder_num_wavenet_layers=2, prior_encoder_num_wavenet_layers=2,
          dynamic=False),
    audio("fastspeech2_conformer", inputs.text, "AutoModel", encoder_linear_units=64,
          decoder_linear_units=64,
          num_mel_bins=16, dynamic=False),
    audio("clap_audio_model", inputs.clap_audio, "ClapAudioModel", spec_size=64, num_mel_bins=16,
          patch_embeds_hidden_size=16,
          hidden_size=64, depths=[1, 1], num_attention_heads=[2, 2], window_size=2, patch_size=4,
          patch_stride=[4, 4],
          projection_dim=16, dynamic=False),
    audio("moonshine", inputs.moonshine, "AutoModelForSpeechSeq2Seq", encoder_num_attention_heads=4,
          decoder_num_attention_heads=4, encoder_num_hidden_layers=1, decoder_num_hidden_layers=1,
          encoder_num_key_value_heads=4, decoder_num_key_value_heads=4),
    audio("parakeet_encoder", inputs.parakeet, "AutoModel", num_mel_bins=16,
          subsampling_conv_channels=8,
          num_key_value_heads=4),
    audio("musicgen_decoder", inputs.musicgen, "MusicgenForCausalLM", num_codebooks=2),
]  # fmt: skip

MULTIMODAL = [
    *[multimodal(k, inputs.image_text) for k in ("clip", "siglip", "blip", "chinese_clip",
    "altclip",
                                                 "groupvit", "flava")],
    multimodal("clipseg", inputs.image_text, reduce_dim=16),
    multimodal("owlvit", inputs.image_text),
    multimodal("align", inputs.image_text, projection_dim=80,
               text_config={"hidden_size": 64},
               vision_config={"hidden_dim": 80, "width_coefficient": 0.25, "depth_coefficient": 0.3,
                              "image_size": 32}),
    multimodal("vilt", inputs.image_text, dynamic=False),
    multimodal("git", inputs.image_text, CAUSAL),
    multimodal("visual_bert", inputs.visual_bert, visual_embedding_dim=32),
    multimodal("lxmert", inputs.lxmert, visual_feat_dim=32, l_layers=1, x_layers=1, r_layers=1),
    multimodal("layoutlmv3", inputs.layout, dynamic=False, coordinate_size=12, shape_size=8,
               has_relative_attention_bias=False, input_size=32, has_spatial_attention_bias=False),
    multimodal("bridgetower", inputs.image_text, dynamic=False),
    multimodal("perceiver", inputs.perceiver, d_latents=32, num_latents=8, num_blocks=1,
               num_self_attends_per_block=2, num_cross_attention_heads=4),
    multimodal("llava", inputs.llava, "AutoModelForImageTextToText", dynamic=False,
               image_token_index=inputs.IMAGE_TOKEN, vision_feature_layer=-1,
               text_config=inputs.small_llama, vision_config=inputs.small_clip_vision),
    multimodal("paligemma", inputs.llava, "AutoModelForImageTextToText", dynamic=False,
               image_token_index=inputs.IMAGE_TOKEN, text_config=inputs.small_gemma,
               vision_config=inputs.small_siglip_vision),
    multimodal("videomae", inputs.video, num_frames=4, tubelet_size=2),
    multimodal("timesformer", inputs.video, num_frames=4),
    multimodal("vivit", inputs.video, num_frames=4, tubelet_size=[2, 8, 8]),
    multimodal("vjepa2", inputs.vjepa, frames_per_clip=4, crop_size=inputs.IMAGE,
               pred_hidden_size=32,
               pred_num_hidden_layers=1, pred_num_attention_heads=2),
    multimodal("sam", inputs.sam, dynamic=False,
               vision_config={"output_channels": 32, "num_pos_feats": 16, "window_size": 2,
               "global_attn_indexes": [1]},
               prompt_encoder_config={"hidden_size": 32, "image_size": inputs.IMAGE,
               "patch_size": 8},
               mask_decoder_config={"hidden_size": 32, "mlp_dim": 32}),
]  # fmt: skip

SERIES = [
    series("time_series_transformer", inputs.time_series, "TimeSeriesTransformerForPrediction",
           prediction_length=4, context_length=8, lags_sequence=[1, 2], num_time_features=2,
           dynamic=False),
    series("informer", inputs.time_series, "InformerForPrediction", prediction_length=4,
           context_length=8,
           lags_sequence=[1, 2], num_time_features=2, dynamic=False),
    series("autoformer", inputs.time_series, "AutoformerForPrediction", prediction_length=4,
           context_length=8,
           lags_sequence=[1, 2], num_time_features=2, label_length=2, dynamic=False),
    series("patchtst", inputs.patchtst, num_input_channels=3, context_length=32, patch_length=4,
           patch_stride=4, do_mask_input=False, dynamic=False),
    series("patchtsmixer", inputs.patchtst, num_input_channels=3, context_length=32, patch_length=4,
           patch_stride=4, dynamic=False),
    series("decision_transformer", inputs.decision, state_dim=5, act_dim=3, hidden_size=64),
]  # fmt: skip

ARCHITECTURES: list[ZooModel] = [
    *ENCODERS, *DECODERS, *EXPERTS, *RECURRENT, *SEQ2SEQ, *VISION, *AUDIO, *MULTIMODAL, *SERIES,
]  # fmt: skip
