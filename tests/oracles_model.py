"""What the model code is compared with: the stock model, eagerly, and values read from its own modules.

Nothing here uses ``exbert_rpc``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

# family -> (end of the name of the module that gives the values, how its output is read)
VALUES = {
    "bert": (".attention.self.value", "alone"),
    "roberta": (".attention.self.value", "alone"),
    "electra": (".attention.self.value", "alone"),
    "xlm-roberta": (".attention.self.value", "alone"),
    "albert": (".attention.value", "alone"),
    "distilbert": (".attention.v_lin", "alone"),
    "modernbert": (".attn.Wqkv", "third"),
    "gpt2": (".attn.c_attn", "third"),
    "gpt_neox": (".attention.query_key_value", "third of each head"),
    "opt": (".self_attn.v_proj", "alone"),
    "phi3": (".self_attn.qkv_proj", "last"),
    "t5": (".SelfAttention.v", "alone"),
    "bart": (".self_attn.v_proj", "alone"),
    "deberta-v2": (".attention.self.value_proj", "alone"),
    "deberta": (".attention.self.in_proj", "third of each head, with bias"),
    "mpnet": (".attn.v", "alone"),
    "gptj": (".attn.v_proj", "alone"),
    "gpt_neo": (".attention.v_proj", "alone"),
    "bloom": (".self_attention.query_key_value", "third of each head"),
    **dict.fromkeys(
        ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "gpt_oss"], (".self_attn.v_proj", "alone")
    ),
}


# end of the name of the module that takes the heads' outputs
PROJECTIONS = {
    **dict.fromkeys(["bert", "roberta", "electra", "xlm-roberta", "deberta", "deberta-v2"], ".attention.output.dense"),
    "distilbert": ".attention.out_lin",
    "albert": ".attention.dense",
    "modernbert": ".attn.Wo",
    "gpt2": ".attn.c_proj",
    "gpt_neox": ".attention.dense",
    "opt": ".self_attn.out_proj",
    "t5": ".SelfAttention.o",
    "bart": ".self_attn.out_proj",
    "mpnet": ".attn.o",
    "gptj": ".attn.out_proj",
    "gpt_neo": ".attention.out_proj",
    "bloom": ".self_attention.dense",
    **dict.fromkeys(["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "gpt_oss"], ".self_attn.o_proj"),
}


@dataclass(frozen=True)
class Stock:
    """A pass of the stock model: ``attentions`` [L, H, n, n], ``hidden`` [L + 1, n, D], ``heads`` [L, H, n, d]."""

    attentions: np.ndarray
    hidden: np.ndarray
    heads: np.ndarray
    logits: np.ndarray
    decoder: np.ndarray | None = None
    cross: np.ndarray | None = None


def stock_model(folder: Path, **options: Any) -> Any:
    """The checkpoint in its own class, with eager attention."""
    import json

    import transformers

    name = json.loads((folder / "config.json").read_text())["architectures"][0]
    model = getattr(transformers, name).from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, **options
    )
    return model.eval()


def stock_pass(folder: Path, family: str, inputs: dict[str, Sequence[int]], n_kv_heads: int) -> Stock:
    """Attention, hidden states and logits as transformers gives them; head outputs as its weights times its values."""
    model = stock_model(folder)
    values: list[torch.Tensor] = []
    suffix, reading = VALUES[family]
    for name, module in model.named_modules():
        if name.endswith(suffix) and "decoder." not in name.replace("model.decoder.", "", family == "opt"):
            bias = model.get_submodule(name.removesuffix(".in_proj")).v_bias if "bias" in reading else None
            module.register_forward_hook(
                lambda _m, _i, output, bias=bias: values.append(_read(output[0], reading, n_kv_heads, bias))
            )
    tensors = {name: torch.tensor(np.asarray(ids), dtype=torch.long)[None] for name, ids in inputs.items()}
    with torch.inference_mode():
        out = model(**tensors, output_attentions=True, output_hidden_states=True)
    both = hasattr(out, "encoder_attentions")
    attentions = _stack(out.encoder_attentions if both else out.attentions)
    heads = np.stack([_mix(weights, value) for weights, value in zip(attentions, values, strict=True)])
    return Stock(
        attentions=attentions,
        hidden=_stack(out.encoder_hidden_states if both else out.hidden_states),
        heads=heads,
        logits=out.logits[0].numpy(),
        decoder=_stack(out.decoder_attentions) if both else None,
        cross=_stack(out.cross_attentions) if both else None,
    )


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def _read(output: torch.Tensor, reading: str, n_kv_heads: int, bias: torch.Tensor | None) -> np.ndarray:
    """``[h, n, d]`` from what a module gave."""
    n = output.shape[0]
    if reading == "third":
        output = output[:, 2 * output.shape[1] // 3 :]
    elif reading.startswith("third of each head"):
        output = output.reshape(n, n_kv_heads, 3, -1)[:, :, 2].reshape(n, -1)
    elif reading == "last":  # queries are as many as 2 of 4 parts when there are half as many key heads
        output = output[:, 3 * output.shape[1] // 4 :]
    if bias is not None:
        output = output + bias
    return output.reshape(n, n_kv_heads, -1).transpose(0, 1).detach().numpy()


def _mix(weights: np.ndarray, value: np.ndarray) -> np.ndarray:
    group = weights.shape[0] // value.shape[0]
    return np.stack([weights[head].astype(np.float64) @ value[head // group] for head in range(weights.shape[0])])


def _stack(tensors: Sequence[torch.Tensor]) -> np.ndarray:
    return np.stack([tensor[0].float().numpy() for tensor in tensors])


@contextmanager
def zeroed_columns(reader, family, heads, head_size):
    """While each layer's output projection runs, the columns of that layer's heads are zero; gives the number of calls.

    (Albert's layers share one module, so the columns differ from call to call.)
    """
    calls = [0]
    kept = []

    def before(module, args):
        kept.append(module.weight.detach().clone())
        weight = module.weight.data.T if type(module).__name__ == "Conv1D" else module.weight.data
        for head in [h for layer, h in heads if layer == calls[0]]:
            weight[:, head * head_size : (head + 1) * head_size] = 0
        calls[0] += 1

    def after(module, args, output):
        module.weight.data.copy_(kept.pop())

    projections = [module for name, module in reader.named_modules() if name.endswith(PROJECTIONS[family])]
    handles = [module.register_forward_pre_hook(before) for module in projections]
    handles += [module.register_forward_hook(after) for module in projections]
    try:
        with torch.no_grad():
            yield calls
    finally:
        for handle in handles:
            handle.remove()


def zeroed(folder, family, inputs, heads, head_size):
    """Last hidden state (of the encoder) and logits of the stock model with columns of W_O set to zero."""
    model = stock_model(folder)
    both = family in ("t5", "bart")
    tensors = {name: torch.tensor(np.asarray(ids), dtype=torch.long)[None] for name, ids in inputs.items()}
    with zeroed_columns(model.get_encoder() if both else model, family, heads, head_size) as calls:
        out = model(**tensors, output_hidden_states=True)
    hidden = out.encoder_hidden_states if both else out.hidden_states
    assert calls[0] == len(hidden) - 1
    return hidden[-1][0].numpy(), out.logits[0].numpy()
