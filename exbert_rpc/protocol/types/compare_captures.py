"""``compareCaptures``: how two passes over the same tokens differ."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from exbert_rpc.protocol.types.base import Params, Probability, ProgressToken, Result, Score, Signature
from exbert_rpc.protocol.types.tokens import Prediction


class CompareCapturesParams(Params, frozen=True, kw_only=True):
    """Two passes.

    Attributes:
        capture_ids: Handles of two passes over the same tokens; only masked tokens may differ.
        work_done_token: Token that progress is reported under (LSP).
    """

    capture_ids: Annotated[list[str], Meta(min_length=2, max_length=2)]
    work_done_token: ProgressToken | None = None


class HeadDivergence(Result, frozen=True, kw_only=True):
    """How far the attention of a head differs.

    Attributes:
        layer: Its layer.
        head: The head.
        divergence: Jensen-Shannon distance (base 2) of its two rows, mean over all rows.
    """

    layer: int
    head: int
    divergence: Probability


class HiddenStateCosine(Result, frozen=True, kw_only=True):
    """How alike a hidden state is in both passes.

    Attributes:
        hidden_layer: Which hidden state; 0 is the embedding output.
        cosine: One a token.
    """

    hidden_layer: int
    cosine: list[Score]


class ChangedPrediction(Result, frozen=True, kw_only=True):
    """A position whose likeliest token differs.

    Attributes:
        token: The position (of the decoder, if there is one).
        before: The likeliest token of the first pass.
        after: The likeliest token of the second pass.
    """

    token: int
    before: Prediction
    after: Prediction


class CompareCapturesResult(Result, frozen=True, kw_only=True):
    """How two passes over the same tokens differ.

    Attributes:
        heads: Every head, by layer and head.
        hidden_states: Every hidden state.
        predictions: The positions whose likeliest token differs; empty without a language-model head.
    """

    heads: list[HeadDivergence]
    hidden_states: list[HiddenStateCosine]
    predictions: list[ChangedPrediction]


SIGNATURE = Signature("compareCaptures", CompareCapturesParams, CompareCapturesResult)
