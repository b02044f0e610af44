"""``describeModel``: what a model is."""

from __future__ import annotations

from msgspec import field

from exbert_rpc.protocol.types.base import ModelKind, Params, Result, Signature


class ModelParams(Params, frozen=True, kw_only=True):
    """A model by id.

    Attributes:
        model: Hub id, folder, .gguf file, or a name that `listModels` gives.
    """

    model: str


class ModelDescription(Result, frozen=True, kw_only=True):
    """What a model is, as it was loaded.

    Attributes:
        n_layers: Layers of the model, with or without attention.
        attention_layers: Layers that have softmax attention, ascending; the others have hidden states but no heads.
        head_sizes: Width of a head's output in each layer (0: no heads); null where it is `headSize` in all that have.
        hidden_sizes: Width of each hidden state; null where `hiddenSize` is that of all.
        attentions_per_layer: How often each layer attends; the heads of a second attention follow those of the first.
        hidden_state_view: What is shown of a residual stream that is several, in words; null: there is one.
        dtype: What weights are kept in, and passes computed in: `float32`, `bfloat16` or `float16`.
        quantization: What of the checkpoint was quantized and what became of it, in words; null: nothing was.
        unused_weights: Weights in the files that the model's class does not have, so that nothing reads them.
    """

    id: str
    architecture: str
    kind: ModelKind
    n_layers: int
    n_heads: int
    n_kv_heads: int
    hidden_size: int
    head_size: int
    max_tokens: int
    has_lm_head: bool
    mask_token: str | None
    fingerprint: str
    device: str = "cpu"
    n_decoder_layers: int | None = None
    attention_layers: list[int] | None = None
    head_sizes: list[int] | None = None
    hidden_sizes: list[int] | None = None
    attentions_per_layer: int = 1
    hidden_state_view: str | None = None
    dtype: str = "float32"
    quantization: str | None = None
    unused_weights: list[str] = field(default_factory=list)


SIGNATURE = Signature("describeModel", ModelParams, ModelDescription, order=9, positional=("model",))
