"""Tiny random models of every text class of transformers, made from configurations in which only sizes are changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

THRESHOLD = 40
"""Stands for every window, chunk and index: longer than a probe reaches, shorter than the longer text."""

VOCABULARY = 120

_SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "hidden_dim", "embed_dim"), 32),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "n_inner", "encoder_ffn_dim", "decoder_ffn_dim"), 48),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "shared_intermediate_size"), 16),
    **dict.fromkeys(
        ("ffn_hidden_size", "expert_ffn_hidden_size", "dense_intermediate_size", "hidden_size_per_head"), 32
    ),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers"), 3),
    **dict.fromkeys(("decoder_layers", "num_decoder_layers", "num_encoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "num_encoder_attention_heads", "num_decoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "v_head_dim", "attention_head_size", "global_head_dim"), 8),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "rotary_dim", "index_head_dim", "indexer_head_dim"), 8),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "o_lora_rank"), 16),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_k", "top_k_experts", "moe_topk", "moe_top_k"), 2),
    **dict.fromkeys(("n_group", "topk_group", "n_shared_experts", "moe_num_shared_experts"), 1),
    **dict.fromkeys(("index_n_heads", "indexer_n_heads", "mamba_n_groups", "n_groups"), 2),
    **dict.fromkeys(("embedding_size", "word_embed_proj_dim", "ffn_embed_dim", "pooler_hidden_size"), 32),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "max_target_positions"), 512),
    **dict.fromkeys(("vocab_size", "decoder_vocab_size", "encoder_vocab_size", "text_vocab_size"), VOCABULARY),
    **dict.fromkeys(("initializer_range", "init_std", "initializer_factor"), 0.3),
    **dict.fromkeys(("image_size", "img_size"), 32),
    "patch_size": 16,
    "hidden_size_global": 32,
    "depth": 2,
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": VOCABULARY,
    "first_k_dense_replace": 1,
    "num_kv_shared_layers": 0,
    "altup_num_inputs": 2,
    "expert_capacity": THRESHOLD,
}
_THRESHOLDS = re.compile(
    r"^(sliding_window(_size)?|window_size|attention_window(_size)?|local_attention|keep_window_size|index_topk"
    r"|attention_chunk_size|local_radius|original_max_position_embeddings|local_attention_window_len)$"
)
_SPECIAL = re.compile(r"(_token_id|_token_index|_index)$|^(bos|eos|pad|sep|cls)_token_id$")
_SECTIONS = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}}
_ROPE = {"rope_type": "default", "rope_theta": 1e4}
_SCALED = {"partial_rotary_factor": 1, "llama_4_scaling_beta": 0.1, "original_max_position_embeddings": THRESHOLD}
_KIMI = {"linear_num_heads": 4, "linear_head_dim": 8, "num_experts": 4, "num_experts_per_token": 2, "head_dim": 8}
_KIMI |= {"qk_head_dim": 16, "layer_types": ["linear_attention", "full_attention", "linear_attention"]}
_KIMI |= {"mlp_layer_types": ["dense", "sparse", "sparse"]}
_WIDER_PICTURES = {"model_type": "clip_vision_model", "hidden_size": 64, "intermediate_size": 32, "image_size": 32}
_WIDER_PICTURES |= {"num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 16}
_PICTURES = {"base_channels": 32, "latent_channels": 8, "channel_multiplier": (1, 1), "num_embeddings": 16}
_PICTURES |= {"codebook_size": 16, "num_res_blocks": 1}
_LINEAR = {
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 2),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
}
_OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("glm4v_text", "glm46v_text", "glm_ocr_text", "qwen2_vl_text"), _SECTIONS),
    **dict.fromkeys(("qwen2_5_vl_text", "qwen2_5_omni_text", "paddleocr_vl_text"), _SECTIONS),
    "bamba": {"mamba_n_heads": 8, "mamba_d_head": 8, "attn_layer_indices": [1]},
    "bailing_hybrid": _KIMI | {"num_expert_group": 1, "topk_group": 1, "num_key_value_heads": 4},
    "blt": {"encoder_hash_byte_group_vocab": 200},
    "chameleon": {"vocabulary_map": {"<image>": VOCABULARY - 2}},
    "chameleon_vqgan": _PICTURES,
    "cohere_compass_text": {"rope_parameters": {"full_attention": _ROPE, "sliding_attention": _ROPE}},
    "dbrx": {"attn_config": {"kv_n_heads": 2, "clip_qkv": 8, "rope_theta": 1e4}, "ffn_config": {"ffn_hidden_size": 32}},
    "deepseek_ocr2_text": {"mlp_layer_types": ["dense", "sparse", "sparse"], "num_key_value_heads": 4, "n_group": 1}
    | {"topk_group": 1, "num_experts_per_tok": 2},
    "emu3": {"vocabulary_map": {"<image>": VOCABULARY - 2, **{f"<|extra_{n}|>": 100 + n for n in range(4)}}},
    "emu3_vqgan": _PICTURES,
    "ernie4_5_vl_moe_text": {"moe_intermediate_size": [16, 16], "moe_num_experts": 4, "moe_k": 2}
    | {"rope_parameters": {**_ROPE, "mrope_section": [1, 1, 2]}},
    "florence_vision": {"depths": (1, 1), "patch_size": (7, 3), "patch_stride": (4, 2), "patch_padding": (3, 1)}
    | {"patch_prenorm": (False, True), "embed_dim": (8, 8), "num_heads": (2, 2), "num_groups": (2, 2)}
    | {"projection_dim": 32},
    "glm5_next_text": {"index_topk": 32, "qk_rope_head_dim": 0, "num_key_value_heads": 4, **_KIMI}
    | {"layer_types": ["linear_attention", "indexed_attention", "linear_attention"], "index_head_dim": 8}
    | {"mlp_layer_types": ["dense", "sparse", "sparse"], "indexer_types": ["full"] * 3, "hc_mult": 2},
    "granite4_vision": {"deepstack_layer_map": [[0, 0]], "downsample_rate": "1/2", "spatial_target_layers": [0, 1]}
    | {"vision_config": _WIDER_PICTURES},
    "voxtral_realtime": {"hidden_size": 32},
    "granite_docling_vision": {"out_hidden_size": 32},
    "hunyuan_vl_text": {"rope_parameters": {**_ROPE, "mrope_section": [1, 1, 1, 1]}, "head_dim": 8},
    "hunyuan_vl": {"head_dim": 8},
    "inkling2_vision": {"text_hidden_size": 32},
    "janus_vqgan": _PICTURES,
    "janus_vision_model": {"projection_dim": 32},
    "kimi_linear": _KIMI | {"num_expert_group": 1, "topk_group": 1, "num_key_value_heads": 4},
    "luke": {"entity_vocab_size": 16, "entity_emb_size": 16},
    "minimax": {"layer_types": ["full_attention", "linear_attention", "full_attention"]},
    "mistral4": {"num_key_value_heads": 4, "qk_head_dim": 16, "rope_parameters": {**_ROPE, **_SCALED}},
    "molmo2_adapter": {"vision_feature_layer": [1, 0], "text_hidden_size": 32},
    "muse_glimmer": {"out_hidden_size": 32, "projector_hidden_size": 32},
    "muse_spark": {"out_hidden_size": 32, "projector_hidden_size": 32},
    "muse_spark_audio": {"num_hidden_layers": 2, "patch_sizes": (4, 2), "hidden_sizes": (8, 8), "depths": (1, 1)}
    | {"out_hidden_size": 32},
    "neomme": {"head_dim": 16, "num_key_value_heads": 2, "embedding_rank": 16, "embedding_dim": 16},
    "qwen2_5_omni_thinker": {"vision_start_token_id": 3, "vision_end_token_id": 2},
    "qwen3_omni_moe_thinker": {"vision_start_token_id": 3, "vision_end_token_id": 2},
    "qwen4_exp_text": _LINEAR
    | {"layer_types": ["linear_attention", "indexed_attention", "linear_attention"], "hc_lowrank": 8, "hc_count": 2}
    | {"ngram_vocab_size_base": 200, "ple_embed_dim": 16, "indexer_n_heads": 2, "indexer_kv_heads": 1}
    | {"indexer_head_dim": 8, "indexer_budget": THRESHOLD, "indexer_compress_ratio": 4},
    "radio": {"video_temporal_patch_size": 2, "max_img_size": 32},
    "step3p5": {"sliding_window": THRESHOLD, "num_sliding_attention_heads": 4, "share_expert_dim": 16},
    "unlimited_ocr_text": {
        "num_key_value_heads": 4,
        "num_experts_per_tok": 2,
        "mlp_layer_types": ["dense", "sparse", "sparse"],
    },
    "xmod": {"default_language": "en_XX"},
    "zamba2": {"layers_block_type": ["linear_attention", "hybrid", "linear_attention"], "n_mamba_heads": 4}
    | {
        "mamba_headdim": 16,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "adapter_rank": 8,
        "mamba_d_state": 8,
    },
    "zamba": {"num_hidden_layers": 4, "attn_layer_period": 2, "attn_layer_offset": 1, "attention_hidden_size": 64}
    | {"attention_head_dim": 16, "mamba_dt_rank": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2},
    "granitemoehybrid": {"mamba_n_heads": 8, "mamba_d_head": 8, "layer_types": ["mamba", "attention", "mamba"]},
    "dots1": {"n_shared_experts": 1, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1},
    "deepseek_v2": {"num_key_value_heads": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1},
    "dots3_note_text": {"num_key_value_heads": 4, "layer_types": ["indexed_attention"] * 3, "per_layer_config": {}}
    | {"shared_experts_intermediate_size": 16, "mlp_layer_types": ["dense", "sparse", "sparse"]},
    "dots3_note_vision_encoder": {"per_layer_config": {}, "mlp_layer_types": ["dense"] * 3}
    | {"adapter_in_dim": 32, "adapter_out_dim": 32},
    "dots3_note_audio_encoder": {"downsample_hidden_size": 8, "adapter_input_size": 32, "adapter_out_dim": 32}
    | {"conv_output_size": 128},
    "diffusion_gemma_text": {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 16},
    "glm5_next_vision": {"projection_intermediate_size": 32, "out_hidden_size": 32},
    "glm4v_moe_text": {"rope_parameters": {**_ROPE, "partial_rotary_factor": 0.5, "mrope_section": [1, 1, 0]}},
    "esmc": {"num_key_value_heads": 4},
    "esm": {"vocab_size": VOCABULARY, "pad_token_id": 1, "mask_token_id": 4, "position_embedding_type": "rotary"},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]], "num_layers": 4},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "ministral": {"head_dim": 8},
    "nemotron": {"head_dim": 8, "num_key_value_heads": 2},
    "lfm2_moe": {"layer_types": ["full_attention", "conv", "full_attention"]},
    "zaya": {"num_experts_per_tok": 1},
    **dict.fromkeys(("qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"), _LINEAR),
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "num_hidden_layers": 4, "mamba_dt_rank": 4},
    "reformer": {"axial_pos_embds_dim": [8, 24], "axial_pos_shape": [16, 32], "is_decoder": True},
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "perceiver": {"num_latents": 8, "d_latents": 32, "num_self_attends_per_block": 2}
    | dict.fromkeys(("num_self_attention_heads", "num_cross_attention_heads"), 4),
    "big_bird": {"block_size": 4, "num_random_blocks": 1},
    "minimax_m3_vl_text": {
        "layer_types": ["full_attention", "minimax_m3_sparse", "minimax_m3_sparse"],
        "index_block_size": 10,
        "index_topk_blocks": 4,
    },
    "deepseek_v32": {"num_key_value_heads": 4, "mlp_layer_types": ["dense", "sparse", "dense"]},
    "glm_moe_dsa": {"num_key_value_heads": 4, "mlp_layer_types": ["dense", "sparse", "dense"]},
}


@dataclass(frozen=True, slots=True)
class TextClass:
    """One class: ``task`` is that of transformers' automatic classes."""

    model_type: str
    name: str
    task: str


def text_classes() -> list[TextClass]:
    """Every class that predicts tokens of text, in order of name; a class with two tasks has the first."""
    from transformers.models.auto import modeling_auto

    found: dict[str, TextClass] = {}
    tasks = {
        "causal": "CAUSAL_LM",
        "masked": "MASKED_LM",
        "seq2seq": "SEQ_TO_SEQ_CAUSAL_LM",
        "vision": "IMAGE_TEXT_TO_TEXT",
    }
    for task, part in tasks.items():
        for model_type, names in getattr(modeling_auto, f"MODEL_FOR_{part}_MAPPING_NAMES").items():
            name = names if isinstance(names, str) else names[0]
            found.setdefault(name, TextClass(model_type, name, task))
    return sorted(found.values(), key=lambda one: (one.name.lower(), one.model_type))


def make_config(one: TextClass) -> Any:
    """The default configuration of a class with small sizes and thresholds of :data:`THRESHOLD`."""
    import transformers

    cls = getattr(transformers, one.name).config_class
    own = {"is_decoder": False} if one.name == "ReformerForMaskedLM" else {}
    return cls(**{**_small(cls()), **own})


def _small(config: Any) -> dict[str, Any]:
    from transformers import PreTrainedConfig

    given: dict[str, Any] = {}
    for name, value in _fields(config):
        if isinstance(value, PreTrainedConfig):
            given[name] = {**_small(value), "model_type": value.model_type}
        elif name in _SIZES and isinstance(value, (int, float)) and not isinstance(value, bool):
            given[name] = _SIZES[name]
        elif _THRESHOLDS.match(name) and isinstance(value, int) and value > 1:
            given[name] = THRESHOLD
        elif _SPECIAL.search(name) and isinstance(value, int) and value >= VOCABULARY:
            given[name] = VOCABULARY - 1
        elif name == "eos_token_id" and isinstance(value, list):
            given[name] = 1
        elif isinstance(value, dict) and "mrope_section" in value:
            given[name] = {**value, "mrope_section": [2, 1, 1]}
    if "kv_lora_rank" in given and "num_key_value_heads" in given:
        given["num_key_value_heads"] = given["num_attention_heads"]  # latent attention has no groups
    return given | _OWN.get(config.model_type, {})


def _fields(config: Any) -> Iterator[tuple[str, Any]]:
    for name, value in vars(config).items():
        if not name.startswith("_"):
            yield name, value
