"""``describeModel``: what a model is."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import ModelKind, Params, Result, Signature


class ModelParams(Params, frozen=True, kw_only=True):
    """A model by id.

    Attributes:
        model: Hub id, folder, .gguf file, or a name that `listModels` gives.
    """

    model: str


class ModelDescription(Result, frozen=True, kw_only=True):
    """What a model is, as it was loaded."""

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


SIGNATURE = Signature("describeModel", ModelParams, ModelDescription, order=9, positional=("model",))
