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
_LINEAR = {
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 2),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
}
_OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("glm4v_text", "glm46v_text", "glm_ocr_text", "glm4v_moe_text", "qwen2_vl_text"), _SECTIONS),
    **dict.fromkeys(("qwen2_5_vl_text", "qwen2_5_omni_text", "paddleocr_vl_text"), _SECTIONS),
    "bamba": {"mamba_n_heads": 8, "mamba_d_head": 8},
    "granitemoehybrid": {"mamba_n_heads": 8, "mamba_d_head": 8, "layer_types": ["mamba", "attention", "mamba"]},
    "dots1": {"n_shared_experts": 1, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1},
    "deepseek_v2": {"num_key_value_heads": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1},
    "dots3_note_text": {"num_key_value_heads": 4},
    "esmc": {"num_key_value_heads": 4},
    "esm": {"vocab_size": VOCABULARY, "pad_token_id": 1, "mask_token_id": 4, "position_embedding_type": "rotary"},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]], "num_layers": 4},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "ministral": {"head_dim": 8},
    "nemotron": {"head_dim": 8},
    "lfm2_moe": {"layer_types": ["full_attention", "conv", "full_attention"]},
    "zaya": {"num_experts_per_tok": 1},
    **dict.fromkeys(("qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"), _LINEAR),
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "num_hidden_layers": 4, "mamba_dt_rank": 4},
    "reformer": {"axial_pos_embds_dim": [8, 24], "axial_pos_shape": [16, 32], "is_decoder": True},
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
    return cls(**_small(cls()))


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
