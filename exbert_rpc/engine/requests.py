"""What the engine is asked about texts and what it answers; plain frozen dataclasses, no JSON.

What it is asked about corpora is in ``corpus_requests.py``.

Offsets are code points within the text that was sent. ``None`` means "not given" throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.ablation import Effect
from exbert_rpc.analysis.comparison import Comparison
from exbert_rpc.model.contributions import Contributions
from exbert_rpc.model.types import ChatMessage, Encoding, ModelDescription, Prediction

Stream = Literal["self", "decoder", "cross"]
AblationMode = Literal["mean", "zero"]
Weights = Literal["attention", "valueNorm"]
SpecialTokens = Literal["literal", "parse"]


@dataclass(frozen=True, slots=True)
class TextInput:
    """A text to run the model on.

    Attributes:
        text: The exact text.
        pair: A second segment.
        mask: Token positions that are replaced by the mask token.
        sentence_at: Offset in ``text``: only the sentence around it is read (for ``textDocument`` + ``position``).
        is_markdown: With ``sentence_at``: whether ``text`` is cut as Markdown is when it is indexed.
        messages: Chat messages, which are read by the model's chat template instead of ``text``.
        special_tokens: Whether special tokens in the text are ordinary characters, or parsed.
    """

    text: str
    pair: str | None = None
    mask: tuple[int, ...] = ()
    sentence_at: int | None = None
    is_markdown: bool = False
    messages: tuple[ChatMessage, ...] | None = None
    special_tokens: SpecialTokens = "literal"

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts that a pipeline will annotate."""
        if self.messages is not None:
            return tuple(message.content for message in self.messages)
        return (self.text,) if self.pair is None else (self.text, self.pair)


@dataclass(frozen=True, slots=True)
class AttendRequest:
    """See ``attend`` in the protocol. Exactly one of ``input`` and ``capture_id`` is given.

    ``generate`` tokens are written behind the text; 0: none. Without ``wait_for_annotations`` those that take long are
    left out.
    """

    session: str
    input: TextInput | None = None
    capture_id: str | None = None
    model: str | None = None
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None
    top_k: int = 5
    annotate: bool = True
    pipeline: str | None = None
    weights: Weights = "attention"
    generate: int = 0
    wait_for_annotations: bool = True


@dataclass(frozen=True, slots=True)
class TokenAnnotations:
    """spaCy's word of each token, ``n`` entries each; ``None`` for special tokens and where the pipeline has none.

    ``syntactic_head`` is the first token of the word that the token's word depends on; ``word`` and ``sentence``
    count from 0 within the segment's text. ``meanings`` has, by label, what the pipeline's labels stand for.
    """

    pos: tuple[str | None, ...]
    tag: tuple[str | None, ...]
    dep: tuple[str | None, ...]
    lemma: tuple[str | None, ...]
    entity: tuple[str | None, ...]
    syntactic_head: tuple[int | None, ...]
    word: tuple[int | None, ...]
    sentence: tuple[int | None, ...]
    meanings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenTable:
    """Tokens of one stream with all that is known of each.

    Attributes:
        encoding: The tokens.
        annotations: Their annotation; ``None`` if none was asked for, or if it was not waited for.
        predictions: ``n`` tuples of candidates; ``None`` without an LM head or with ``top_k`` 0.
    """

    encoding: Encoding
    annotations: TokenAnnotations | None = None
    predictions: tuple[tuple[Prediction, ...], ...] | None = None

    @property
    def meanings(self) -> Mapping[str, str]:
        """What labels stand for, as far as the pipeline says; empty without annotations."""
        return {} if self.annotations is None else self.annotations.meanings


@dataclass(frozen=True, slots=True)
class AnswerSize:
    """How large an answer would be, before anything is computed: ``n`` tokens, layers and heads asked for."""

    n_tokens: int
    n_decoder_tokens: int
    n_layers: int
    n_heads: int


@dataclass(frozen=True, slots=True)
class AttendResult:
    """Answer of ``attend``.

    Attributes:
        capture_id: Handle of the pass.
        model: What ran.
        tokens: The (encoder's) tokens.
        attention: float32 ``[len(layers), len(heads), n, n]``, rows sum to 1.
        layers: First axis.
        heads: Second axis.
        decoder_tokens: The decoder's tokens; ``None`` unless encoder-decoder. Likewise below.
        decoder_attention: float32 ``[len(decoder_layers), len(heads), m, m]``.
        cross_attention: float32 ``[len(decoder_layers), len(heads), m, n]``.
        decoder_layers: First axis of the decoder's attention.
        notes: Sentences that a person should read with the answer.
        annotations_pending: Whether annotations are left out because they were not waited for.
    """

    capture_id: str
    model: ModelDescription
    tokens: TokenTable
    attention: NDArray[np.float32]
    layers: tuple[int, ...]
    heads: tuple[int, ...]
    decoder_tokens: TokenTable | None = None
    decoder_attention: NDArray[np.float32] | None = None
    cross_attention: NDArray[np.float32] | None = None
    decoder_layers: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()
    annotations_pending: bool = False


@dataclass(frozen=True, slots=True)
class AblateRequest:
    """See ``ablateHeads``. Exactly one of ``input`` and ``capture_id`` is given.

    Attributes:
        heads: Pairs of layer and head, replaced together; ``None``: each head of the model alone.
        target_token: Position whose prediction is measured.
        target: The token that is measured there, by id or as text; ``None``: the likeliest one.
    """

    session: str
    input: TextInput | None = None
    capture_id: str | None = None
    model: str | None = None
    against: str | None = None
    heads: tuple[tuple[int, int], ...] | None = None
    mode: AblationMode = "mean"
    corpus: str | None = None
    target_token: int | None = None
    target: int | str | None = None
    top_k: int = 1
    keep: bool = False


@dataclass(frozen=True, slots=True)
class PredictionTarget:
    """A prediction: of which position, and of which token (id and vocabulary form)."""

    position: int
    id: int
    token: str


@dataclass(frozen=True, slots=True)
class HeadEffect:
    """What replacing a head does; ``layer`` and ``head`` are ``None`` for several heads together."""

    layer: int | None
    head: int | None
    effect: Effect


@dataclass(frozen=True, slots=True)
class AblateResult:
    """Answer of ``ablateHeads``.

    Attributes:
        mode: What the heads gave instead: their mean, or zero.
        measure: What ``base`` and each ``value`` are.
        base: The measure of the unchanged pass.
        effects: One a head by layer and head, or one for all heads together.
        target: The prediction that is measured; ``None`` for a cosine.
        base_top: The likeliest tokens of the unchanged pass.
        capture_id: Handle of the pass with the heads replaced; ``None`` unless it is kept.
        model: What ran.
    """

    mode: AblationMode
    measure: Literal["logProbability", "cosine"]
    base: float
    effects: tuple[HeadEffect, ...]
    target: PredictionTarget | None = None
    base_top: tuple[Prediction, ...] | None = None
    capture_id: str | None = None
    model: ModelDescription | None = None


@dataclass(frozen=True, slots=True)
class DecomposeRequest:
    """See ``decompose``. Exactly one of ``input`` and ``capture_id`` is given.

    Attributes:
        against: A second text: the similarity of the two is decomposed; then the next three are ``None``.
        token: Position whose prediction is decomposed; ``None``: the last one, or the one that is masked.
        target: The predicted token, by id or as text; ``None``: the likeliest one.
        contrast: Another token, whose logit is subtracted; ``None``: the mean of all logits is.
    """

    session: str
    input: TextInput | None = None
    capture_id: str | None = None
    model: str | None = None
    against: str | None = None
    token: int | None = None
    target: int | str | None = None
    contrast: int | str | None = None
    top_k: int = 3


@dataclass(frozen=True, slots=True)
class QueryKeyRequest:
    """One attention row of a pass that is kept.

    Attributes:
        stream: Whose attention; ``self`` is the encoder's, or that of a model with one stack.
    """

    session: str
    capture_id: str
    token: int
    layer: int
    head: int
    stream: Stream = "self"


@dataclass(frozen=True, slots=True)
class LensLayer:
    """What one hidden state predicts; see :class:`~exbert_rpc.analysis.decomposition.LensRow`."""

    hidden_layer: int
    top: tuple[Prediction, ...]
    target_rank: int
    target_probability: float


@dataclass(frozen=True, slots=True)
class DecomposeResult:
    """Answer of ``decompose``.

    Attributes:
        measure: What ``parts`` sum to.
        parts: The parts.
        model: What ran.
        target: The prediction; ``None`` for a cosine.
        contrast: What it is compared with.
        token_pairs: float32 ``[n, m]``, which sums to the cosine; ``None`` for a prediction.
        lens: One entry a hidden state; empty for a cosine.
    """

    measure: Literal["logit", "logitDifference", "cosine"]
    parts: Contributions
    model: ModelDescription
    target: PredictionTarget | None = None
    contrast: PredictionTarget | None = None
    token_pairs: NDArray[np.float32] | None = None
    lens: tuple[LensLayer, ...] = ()


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """See ``compareCaptures``: handles of two passes over the same tokens."""

    session: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class CompareResult:
    """Answer of ``compareCaptures``.

    Attributes:
        comparison: Differences of heads and hidden states.
        changed: Positions whose likeliest token differs: index, before, after.
    """

    comparison: Comparison
    changed: tuple[tuple[int, Prediction, Prediction], ...]


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A model that can be asked for, and where it comes from."""

    id: str
    source: str
    loaded: bool
    is_default: bool
