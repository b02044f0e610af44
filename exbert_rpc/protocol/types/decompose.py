"""``decompose``: which parts of a model a prediction, or the similarity of two texts, is the sum of."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from exbert_rpc.protocol.types.ablate_heads import PredictionTarget
from exbert_rpc.protocol.types.base import (
    Index,
    Params,
    Probability,
    ProgressToken,
    Range,
    Result,
    Signature,
    Tensor,
    TextDocumentIdentifier,
)
from exbert_rpc.protocol.types.describe_model import ModelDescription
from exbert_rpc.protocol.types.tokens import Prediction


class DecomposeParams(Params, frozen=True, kw_only=True):
    """A text input, and the prediction (or the second text) that is explained.

    Attributes:
        text: The text to read.
        text_pair: A second segment.
        text_document: An open document; goes with `range`.
        range: The part of the document to read.
        capture_id: An earlier pass, instead of a text.
        model: Model id; by default the model of the session.
        mask: Token positions that are replaced by the mask token.
        token: Position whose prediction is explained; by default the last one.
        target: The predicted token: its id, or its exact text; by default the likeliest one.
        contrast: Another token, whose logit is subtracted; by default the mean of all logits is.
        against: A second text, instead of `token`, `target` and `contrast`: the cosine of the two texts (means of the
            last hidden states over all tokens) is explained.
        top_k: Predictions a hidden state (default 3; 0: none).
        work_done_token: Token that progress is reported under (LSP).
    """

    text: str | None = None
    text_pair: str | None = None
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    capture_id: str | None = None
    model: str | None = None
    mask: list[Index] | None = None
    token: Index | None = None
    target: Index | str | None = None
    contrast: Index | str | None = None
    against: str | None = None
    top_k: Annotated[int, Meta(ge=0, le=100)] = 3
    work_done_token: ProgressToken | None = None


class Part(Result, frozen=True, kw_only=True):
    """A part of the sum.

    Attributes:
        kind: What it is; `bias` are all biases together, that of the language-model head among them.
        layer: Its layer; null for embedding and bias.
        head: Its head; null unless it is one.
        value: What it contributes.
    """

    kind: Literal["embedding", "head", "mlp", "bias"]
    layer: int | None
    head: int | None
    value: float


class LensLayer(Result, frozen=True, kw_only=True):
    """What a hidden state predicts through the final norm and the language-model head.

    Attributes:
        hidden_layer: Which hidden state; 0 is the embedding output.
        top: Its likeliest tokens.
        target_rank: Rank of the target, 1 for the likeliest.
        target_probability: Probability of the target.
    """

    hidden_layer: int
    top: list[Prediction]
    target_rank: int
    target_probability: Probability


class DecomposeResult(Result, frozen=True, kw_only=True):
    """The parts of a model that a prediction, or the similarity of two texts, is the sum of.

    Attributes:
        measure: What `total` is: logit less the mean of all logits, less another logit, or cosine.
        total: The number that is explained.
        residual: The total less the sum of the parts: rounding.
        parts: Embedding, heads, MLPs and biases; norms are frozen at their scale in this pass.
        model: The model that ran.
        target: The prediction; null for a cosine.
        contrast: The token whose logit was subtracted, if one was named.
        token_pairs: Tensor `[n, m]` over pairs of tokens, which sums to the cosine; null for a prediction.
        lens: What each hidden state predicts at that position; empty for a cosine.
    """

    measure: Literal["logit", "logitDifference", "cosine"]
    total: float
    residual: float
    parts: list[Part]
    model: ModelDescription
    target: PredictionTarget | None = None
    contrast: PredictionTarget | None = None
    token_pairs: Tensor | None = None
    lens: list[LensLayer]


SIGNATURE = Signature("decompose", DecomposeParams, DecomposeResult)
