"""``ablateHeads``: what changes when heads give their mean output, or nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from exbert_rpc.protocol.types.base import (
    Index,
    Params,
    ProgressToken,
    Range,
    Result,
    Signature,
    TextDocumentIdentifier,
)
from exbert_rpc.protocol.types.describe_model import ModelDescription
from exbert_rpc.protocol.types.tokens import Prediction


class HeadIndex(Params, frozen=True, kw_only=True):
    """One head.

    Attributes:
        layer: Attention layer, counted from 0.
        head: Head of that layer, counted from 0.
    """

    layer: Index
    head: Index


class PredictionIndex(Params, frozen=True, kw_only=True):
    """A prediction.

    Attributes:
        token: Position whose prediction is meant; by default the last one, or the one that is masked.
        id: The predicted token: its id, or its exact text; by default the likeliest one.
    """

    token: Index | None = None
    id: Index | str | None = None


class AblateHeadsParams(Params, frozen=True, kw_only=True):
    """A text input, the heads whose output is replaced, and what is measured.

    Attributes:
        text: The text to read.
        text_pair: A second segment.
        text_document: An open document; goes with `range`.
        range: The part of the document to read.
        capture_id: An earlier pass, instead of a text.
        model: Model id; by default the model of the session.
        mask: Token positions that are replaced by the mask token.
        against: A second text: the measure is the cosine of the two texts (means of the last hidden states over all
            tokens), with the same heads replaced in both.
        heads: Heads to replace together, or `each`: every head of the model alone.
        mode: What they give instead of their output: their mean, or zero.
        corpus: Corpus over whose sentences means are taken; by default a text that comes with the package.
        target: Whose log-probability is measured; by default the likeliest token of the last or masked position. Models
            without a language-model head compare the text with its own unchanged pass instead.
        top_k: Predictions with each head replaced (default 1; 0: none).
        keep: Whether the pass with the heads replaced is kept; goes with a list of heads.
        work_done_token: Token that progress is reported under (LSP).
    """

    heads: list[HeadIndex] | Literal["each"]
    text: str | None = None
    text_pair: str | None = None
    text_document: TextDocumentIdentifier | None = None
    range: Range | None = None
    capture_id: str | None = None
    model: str | None = None
    mask: list[Index] | None = None
    against: str | None = None
    mode: Literal["mean", "zero"] = "mean"
    corpus: str | None = None
    target: PredictionIndex | None = None
    top_k: Annotated[int, Meta(ge=0, le=100)] = 1
    keep: bool = False
    work_done_token: ProgressToken | None = None


class HeadEffect(Result, frozen=True, kw_only=True):
    """What replacing a head does.

    Attributes:
        layer: Its layer; null for several heads together.
        head: The head; null for several heads together.
        value: The measure with the head replaced: log-probability (natural logarithm) of the target, or cosine.
        delta: The value less `base`.
        kl_divergence: KL divergence (nats) of the prediction from that of the unchanged pass; null for a cosine.
        top: The likeliest tokens with the head replaced; null for a cosine.
    """

    layer: int | None
    head: int | None
    value: float
    delta: float
    kl_divergence: float | None = None
    top: list[Prediction] | None = None


class PredictionTarget(Result, frozen=True, kw_only=True):
    """The prediction that was measured.

    Attributes:
        token: Position (of the decoder, if there is one).
        id: Id of the predicted token.
        piece: The predicted token as the vocabulary has it.
    """

    token: int
    id: int
    piece: str


class AblateHeadsResult(Result, frozen=True, kw_only=True):
    """What changes when heads give a constant instead of their output.

    Attributes:
        mode: What the heads gave instead.
        measure: What `base` and the values are.
        base: The measure of the unchanged pass.
        effects: One a head, by layer and head; or one for all heads together.
        model: The model that ran.
        target: The prediction that was measured; null for a cosine.
        base_top: The likeliest tokens of the unchanged pass; null for a cosine.
        capture_id: Handle of the pass with the heads replaced, if it is kept; `attend` and `searchContexts` take it.
    """

    mode: Literal["mean", "zero"]
    measure: Literal["logProbability", "cosine"]
    base: float
    effects: list[HeadEffect]
    model: ModelDescription
    target: PredictionTarget | None = None
    base_top: list[Prediction] | None = None
    capture_id: str | None = None


SIGNATURE = Signature("ablateHeads", AblateHeadsParams, AblateHeadsResult)
