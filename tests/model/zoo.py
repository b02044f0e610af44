"""Tiny random models of many families, with tokenizers that are trained here; saved as folders of safetensors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = (
    "The girl ran to a local pub to escape the din of her city.",
    "She doesn't know what he's thinking, and they won't say it.",
    "Models attend to words; heads of the first layers attend to their neighbours.",
    "Der Hund läuft schnell über die Straße. Çok güzel bir gün, değil mi?",
    "It was the best of times, it was the worst of times: 1859, 42 and 7.",
    "emoji 👩‍👩‍👧 and naïve café, e\u0301 combining, שלום עולם مرحبا 日本語のテキスト",
    "The quick brown fox jumps over the lazy dog while the cat sleeps on a warm mat.",
)
TEXT = "The girl ran to a local pub, to escape the din of her city; she didn't know why."
LONG_TEXT = " ".join(CORPUS[:3])

Kind = str


@dataclass(frozen=True)
class Family:
    """How to make one tiny model: its configuration and class by name, its tokenizer's kind, its parameters."""

    config: str
    model: str
    tokenizer: Kind
    settings: dict[str, Any]


def _bert(**more: Any) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 37,
        "max_position_embeddings": 128,
        "initializer_range": 0.3,
        **more,
    }


def _llama(**more: Any) -> dict[str, Any]:
    return _bert(**{"num_key_value_heads": 2, "head_dim": 16, "initializer_range": 0.15, **more})


_SLIDING = {"sliding_window": 6, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
_OFFSET = {"max_position_embeddings": 130, "pad_token_id": 1}

FAMILIES: dict[str, Family] = {
    "bert": Family("BertConfig", "BertForMaskedLM", "wordpiece", _bert()),
    "roberta": Family("RobertaConfig", "RobertaForMaskedLM", "bpe", _bert(**_OFFSET)),
    "distilbert": Family(
        "DistilBertConfig",
        "DistilBertForMaskedLM",
        "wordpiece",
        {
            "dim": 32,
            "n_layers": 3,
            "n_heads": 4,
            "hidden_dim": 37,
            "max_position_embeddings": 128,
            "initializer_range": 0.3,
        },
    ),
    "albert": Family("AlbertConfig", "AlbertForMaskedLM", "unigram", _bert(embedding_size=16)),
    "electra": Family("ElectraConfig", "ElectraForMaskedLM", "wordpiece", _bert(embedding_size=16)),
    "xlm-roberta": Family("XLMRobertaConfig", "XLMRobertaForMaskedLM", "unigram", _bert(**_OFFSET)),
    "modernbert": Family(
        "ModernBertConfig",
        "ModernBertForMaskedLM",
        "bpe",
        _bert(local_attention=8, global_attn_every_n_layers=2, initializer_cutoff_factor=2.0),
    ),
    "gpt2": Family(
        "GPT2Config",
        "GPT2LMHeadModel",
        "bpe",
        {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 128, "initializer_range": 0.3},
    ),
    "gpt_neox": Family("GPTNeoXConfig", "GPTNeoXForCausalLM", "bpe", _bert()),
    "opt": Family(
        "OPTConfig", "OPTForCausalLM", "bpe", _bert(ffn_dim=37, word_embed_proj_dim=32, init_std=0.3, pad_token_id=1)
    ),
    "llama": Family("LlamaConfig", "LlamaForCausalLM", "metaspace-bpe", _llama()),
    "mistral": Family("MistralConfig", "MistralForCausalLM", "metaspace-bpe", _llama(sliding_window=6)),
    "qwen2": Family("Qwen2Config", "Qwen2ForCausalLM", "bpe", _bert(num_key_value_heads=2)),
    "qwen3": Family("Qwen3Config", "Qwen3ForCausalLM", "bpe", _llama()),
    "gemma2": Family(
        "Gemma2Config",
        "Gemma2ForCausalLM",
        "metaspace-bpe",
        _llama(query_pre_attn_scalar=16, attn_logit_softcapping=2.0, **_SLIDING),
    ),
    "gemma3": Family(
        "Gemma3TextConfig", "Gemma3ForCausalLM", "metaspace-bpe", _llama(query_pre_attn_scalar=16, **_SLIDING)
    ),
    "phi3": Family("Phi3Config", "Phi3ForCausalLM", "metaspace-bpe", _bert(num_key_value_heads=2, pad_token_id=1)),
    "gpt_oss": Family(
        "GptOssConfig",
        "GptOssForCausalLM",
        "bpe",
        _llama(num_local_experts=2, num_experts_per_tok=1, **{**_SLIDING, "intermediate_size": 32}),
    ),
    "t5": Family(
        "T5Config",
        "T5ForConditionalGeneration",
        "unigram",
        {
            "d_model": 32,
            "d_kv": 16,
            "num_heads": 4,
            "num_layers": 3,
            "num_decoder_layers": 2,
            "d_ff": 37,
            "decoder_start_token_id": 1,
            "initializer_factor": 1.0,
        },
    ),
    "bart": Family(
        "BartConfig",
        "BartForConditionalGeneration",
        "bpe",
        {
            "d_model": 32,
            "encoder_layers": 3,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 37,
            "decoder_ffn_dim": 37,
            "max_position_embeddings": 128,
            "init_std": 0.3,
            "pad_token_id": 1,
        },
    ),
    "deberta-v2": Family(
        "DebertaV2Config",
        "DebertaV2ForMaskedLM",
        "unigram",
        _bert(
            relative_attention=True,
            pos_att_type=["p2c", "c2p"],
            position_buckets=16,
            share_att_key=True,
            norm_rel_ebd="layer_norm",
        ),
    ),
    "deberta": Family(
        "DebertaConfig",
        "DebertaForMaskedLM",
        "bpe",
        _bert(relative_attention=True, pos_att_type=["p2c", "c2p"], max_relative_positions=16),
    ),
    "mpnet": Family("MPNetConfig", "MPNetForMaskedLM", "wordpiece", _bert(**_OFFSET)),
    "gptj": Family(
        "GPTJConfig",
        "GPTJForCausalLM",
        "bpe",
        {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 128, "rotary_dim": 4, "initializer_range": 0.3},
    ),
    "gpt_neo": Family(
        "GPTNeoConfig",
        "GPTNeoForCausalLM",
        "bpe",
        {
            "hidden_size": 32,
            "num_layers": 4,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 2]],
            "window_size": 6,
            "max_position_embeddings": 128,
            "initializer_range": 0.3,
        },
    ),
    "bloom": Family(
        "BloomConfig",
        "BloomForCausalLM",
        "bpe",
        {"hidden_size": 32, "n_layer": 3, "n_head": 4, "initializer_range": 0.3},
    ),
    "mamba": Family(
        "MambaConfig", "MambaForCausalLM", "bpe", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}
    ),
}
_ROUTED = {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1}
_LATENT = {"q_lora_rank": 16, "kv_lora_rank": 8, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 12}


def _indexed(**more: Any) -> dict[str, Any]:
    """As DeepSeek V3.2: latent attention, of which an index keeps some keys for each query."""
    index = {"index_topk": 24, "index_head_dim": 16, "index_n_heads": 2}
    kept = _bert(**_ROUTED, **_LATENT, **index, moe_intermediate_size=16, num_key_value_heads=4)
    return {**kept, "max_position_embeddings": 512, "mlp_layer_types": ["dense", "sparse", "dense"], **more}


def _long_rope(threshold: int) -> dict[str, Any]:
    factors = {"short_factor": [1.0] * 4, "long_factor": [3.0] * 4, "original_max_position_embeddings": threshold}
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "partial_rotary_factor": 1.0, **factors}
    return _bert(
        num_key_value_heads=2,
        max_position_embeddings=512,
        original_max_position_embeddings=threshold,
        rope_parameters=rope,
        pad_token_id=1,
    )


# what changes with length: met by the probe (24), or beyond it (90), where only a copy with lowered thresholds shows it
LENGTHS: dict[str, Family] = {
    "phi3-long": Family("Phi3Config", "Phi3ForCausalLM", "bpe", _long_rope(24)),
    "phi3-longer": Family("Phi3Config", "Phi3ForCausalLM", "bpe", _long_rope(90)),
    "deepseek_v32": Family("DeepseekV32Config", "DeepseekV32ForCausalLM", "bpe", _indexed()),
    "deepseek_v32-90": Family("DeepseekV32Config", "DeepseekV32ForCausalLM", "bpe", _indexed(index_topk=90)),
    "glm_moe_dsa-90": Family("GlmMoeDsaConfig", "GlmMoeDsaForCausalLM", "bpe", _indexed(index_topk=90)),
    "minimax_m3-90": Family(
        "MiniMaxM3VLTextConfig",
        "MiniMaxM3VLForCausalLM",
        "bpe",
        _llama(
            dense_intermediate_size=40,
            layer_types=["full_attention", "minimax_m3_sparse", "minimax_m3_sparse"],
            intermediate_size=16,
            shared_intermediate_size=16,
            num_local_experts=4,
            num_experts_per_tok=2,
            rotary_dim=8,
            index_n_heads=2,
            index_head_dim=16,
            index_block_size=30,
            index_topk_blocks=3,
            max_position_embeddings=512,
        ),
    ),
    "mistral-90": Family("MistralConfig", "MistralForCausalLM", "bpe", _llama(sliding_window=90)),
    "gemma3-90": Family(
        "Gemma3TextConfig",
        "Gemma3ForCausalLM",
        "bpe",
        _llama(query_pre_attn_scalar=16, **{**_SLIDING, "sliding_window": 90, "max_position_embeddings": 512}),
    ),
    "gpt_neo-90": Family(
        "GPTNeoConfig",
        "GPTNeoForCausalLM",
        "bpe",
        {
            "hidden_size": 32,
            "num_layers": 4,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 2]],
            "window_size": 90,
            "max_position_embeddings": 512,
            "initializer_range": 0.3,
        },
    ),
    "modernbert-90": Family(
        "ModernBertConfig",
        "ModernBertForMaskedLM",
        "bpe",
        _bert(local_attention=90, global_attn_every_n_layers=2, initializer_cutoff_factor=2.0),
    ),
}
_UNEVEN = {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 420, "num_kv_shared_layers": 0}
_LINEAR = {
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 2),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
}
_MIXED = ["linear_attention", "full_attention", "linear_attention", "full_attention"]
# layers that are not alike: some without attention, or with wider heads
LAYERS: dict[str, Family] = {
    "lfm2": Family(
        "Lfm2Config",
        "Lfm2ForCausalLM",
        "bpe",
        _bert(
            num_hidden_layers=4,
            num_key_value_heads=2,
            layer_types=["conv", "full_attention", "conv", "full_attention"],
            block_auto_adjust_ff_dim=False,
            pad_token_id=1,
        ),
    ),
    "qwen3_next": Family(
        "Qwen3NextConfig",
        "Qwen3NextForCausalLM",
        "bpe",
        _llama(
            num_hidden_layers=4,
            layer_types=_MIXED,
            moe_intermediate_size=16,
            shared_expert_intermediate_size=16,
            num_experts=4,
            num_experts_per_tok=2,
            **_LINEAR,
        ),
    ),
    "gemma4": Family(
        "Gemma4TextConfig",
        "Gemma4ForCausalLM",
        "bpe",
        _llama(**{**_UNEVEN, **_SLIDING, "head_dim": 8, "global_head_dim": 16}),
    ),
}
# of several residual streams one view is shown; hidden states of OPT-350m's shape end narrower than they begin
LAYERS["gemma3n"] = Family(
    "Gemma3nTextConfig",
    "Gemma3nForCausalLM",
    "bpe",
    _llama(**{**_UNEVEN, **_SLIDING, "laurel_rank": 8, "altup_num_inputs": 2, "initializer_range": 0.3}),
)
LAYERS["narrow-opt"] = Family(
    "OPTConfig",
    "OPTForCausalLM",
    "bpe",
    _bert(ffn_dim=37, word_embed_proj_dim=16, do_layer_norm_before=False, init_std=0.3, pad_token_id=1),
)
FAMILIES |= LENGTHS | LAYERS
FALLBACK = ["deberta-v2", "deberta", "mpnet", "gptj", "gpt_neo", "bloom"]
ENCODER_DECODER = ["t5", "bart"]
ON_INTERFACE = [
    name for name in FAMILIES if name not in {*FALLBACK, *ENCODER_DECODER, *LENGTHS, *LAYERS, "gpt_oss", "mamba"}
]


def make_model(family: str, folder: Path, *, seed: int = 0) -> Path:
    """A tiny random model of that family with a tokenizer, saved in ``folder`` as safetensors; gives the folder."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    recipe = FAMILIES[family]
    tokenizer = make_tokenizer(recipe.tokenizer, folder)
    settings = {"pad_token_id": tokenizer.pad_token_id, **recipe.settings}
    settings |= {"vocab_size": len(tokenizer), "bos_token_id": tokenizer.bos_token_id}
    settings["eos_token_id"] = tokenizer.eos_token_id
    torch.manual_seed(seed)
    config = getattr(transformers, recipe.config)(**settings)
    model = getattr(transformers, recipe.model)(config).eval()
    _disturb(model, seed)
    model.save_pretrained(folder)
    return folder


def make_tokenizer(kind: Kind, folder: Path) -> Any:
    """A tokenizer of a kind (wordpiece, bpe: byte-level, unigram, metaspace-bpe), saved in ``folder``."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import PreTrainedTokenizerFast

    tokenizer, special = _TRAINERS[kind]()
    names = ["input_ids", *(["token_type_ids"] if kind == "wordpiece" else []), "attention_mask"]
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **special)
    folder.mkdir(parents=True, exist_ok=True)
    fast.save_pretrained(folder)
    return fast


def make_masked_lm(folder: Path, words: list[str], *, layers: int = 2, seed: int = 0) -> Path:
    """A tiny BERT with its masked-LM head, whose vocabulary is a list of whole (lower-case) words."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: id_ for id_, word in enumerate([*special, *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    _bert_frame(tokenizer)
    names = ["input_ids", "token_type_ids", "attention_mask"]
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **_BERT_SPECIAL)
    folder.mkdir(parents=True, exist_ok=True)
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(**{**_bert(), "num_hidden_layers": layers, "vocab_size": len(vocabulary), "pad_token_id": 0})
    BertForMaskedLM(config).eval().save_pretrained(folder)
    return folder


def _disturb(model: Any, seed: int) -> None:
    """Fill biases and norms, which start as zeros and ones, so that forgetting one would show."""
    import torch

    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1 and "sinks" not in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)


_BERT_SPECIAL = {
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "mask_token": "[MASK]",
}
_ROBERTA_SPECIAL = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
_ROBERTA_LIST = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def _wordpiece() -> tuple[Any, dict[str, str]]:
    """The trainer of the library breaks ties by a random order, so pieces come from byte pairs, which don't."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=140, show_progress=False))
    pieces = sorted(tokenizer.get_vocab())
    vocabulary = {token: id_ for id_, token in enumerate([*special, *pieces, *(f"##{piece}" for piece in pieces)])}
    tokenizer.model = models.WordPiece(vocabulary, unk_token="[UNK]")
    _bert_frame(tokenizer)
    return tokenizer, _BERT_SPECIAL


def _bert_frame(tokenizer: Any) -> None:
    from tokenizers import decoders, processors

    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )


def _byte_level() -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=_ROBERTA_LIST,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=False)
    return tokenizer, _ROBERTA_SPECIAL


def _unigram() -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.UnigramTrainer(vocab_size=180, special_tokens=_ROBERTA_LIST, unk_token="<unk>", show_progress=False),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer, _ROBERTA_SPECIAL


def _metaspace_bpe() -> tuple[Any, dict[str, str]]:
    """As Llama's: spaces become ``▁``, what is unknown becomes bytes."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

    special = ["<unk>", "<s>", "</s>", *[f"<0x{byte:02X}>" for byte in range(256)]]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False)
    words = [f" {word}" for line in CORPUS[:3] for word in line.split()]
    tokenizer.train_from_iterator(words, trainer)
    tokenizer = _without_byte_specials(tokenizer)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    return tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def _without_byte_specials(tokenizer: Any) -> Any:
    """Byte pieces are ordinary entries of the vocabulary; the trainer can only be given them as special tokens."""
    import json

    from tokenizers import Tokenizer

    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(data))


_TRAINERS = {"wordpiece": _wordpiece, "bpe": _byte_level, "unigram": _unigram, "metaspace-bpe": _metaspace_bpe}
