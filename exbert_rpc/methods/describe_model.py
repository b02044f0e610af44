"""``describeModel``: what a model is; loads it."""

from __future__ import annotations

from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.model import types as model
from exbert_rpc.protocol.types.describe_model import SIGNATURE, ModelDescription, ModelParams


def prepare(params: ModelParams, context: Context) -> Work:  # noqa: ARG001
    """Nothing to check."""
    return lambda engine, task: encode_model(engine.describe_model(params.model, task))


def encode_model(info: model.ModelDescription) -> ModelDescription:
    """A model on the wire."""
    return ModelDescription(
        id=info.id,
        architecture=info.architecture,
        kind=info.kind,
        n_layers=info.n_layers,
        n_heads=info.n_heads,
        n_kv_heads=info.n_kv_heads,
        hidden_size=info.hidden_size,
        head_size=info.head_size,
        max_tokens=info.max_tokens,
        has_lm_head=info.has_lm_head,
        mask_token=info.mask_token,
        fingerprint=info.fingerprint,
        device=info.device,
        n_decoder_layers=info.n_decoder_layers,
        attention_layers=list(info.attention_layers),
        head_sizes=list(info.head_sizes) if set(info.head_sizes) - {0, info.head_size} else None,
        hidden_sizes=list(info.hidden_sizes) if set(info.hidden_sizes) - {info.hidden_size} else None,
        attentions_per_layer=info.attentions_per_layer,
        hidden_state_view=info.hidden_view,
        dtype=info.dtype,
        quantization=info.quantization,
        unused_weights=list(info.unused_weights),
    )


METHOD = Method(SIGNATURE, prepare)
