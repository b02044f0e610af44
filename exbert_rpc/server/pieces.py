"""Pieces that several objects of the protocol are made of; ``protocol.py`` says what they are for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Index = Annotated[int, Meta(ge=0)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Score = Annotated[float, Meta(ge=-1, le=1)]
ProgressToken = int | str
Space = Literal["hiddenState", "headOutput"]
Weighting = Literal["uniform", "norm"]
Precision = Literal["int8", "int4", "binary"]
Direction = Literal["outgoing", "incoming"]
Attribute = Literal["pos", "tag", "dep", "entity", "offset"]
TensorForm = Literal["list", "float16", "uint8"]
ModelKind = Literal["bidirectional", "autoregressive", "encoderDecoder"]


class Params(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of everything a client sends: an unknown field is an error that names it."""


class Result(Struct, frozen=True, rename="camel", kw_only=True):
    """Base of everything the server sends."""


class Position(Params, frozen=True, kw_only=True):
    """A place in a document (LSP)."""

    line: Index
    character: Index


class Range(Params, frozen=True, kw_only=True):
    """A half-open stretch of a document (LSP)."""

    start: Position
    end: Position


class TextDocumentIdentifier(Params, frozen=True, kw_only=True):
    """A document that the client has opened (LSP)."""

    uri: str


class Tensor(Result, frozen=True, kw_only=True):
    """An array of numbers: nested lists, one level an axis, or base64 (little-endian, C order).

    ``uint8`` means value / 255.
    """

    dtype: Literal["float32", "float16", "uint8"]
    shape: list[int]
    encoding: Literal["list", "base64"]
    data: list[Any] | str


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


class Prediction(Result, frozen=True, kw_only=True):
    """A token that the language-model head expects."""

    token: str
    id: int
    probability: Probability


class Token(Result, frozen=True, kw_only=True):
    """One token of a forward pass. Annotations of special tokens are null; sub-words inherit their word's."""

    index: int
    id: int
    token: str
    text: str
    start: int
    end: int
    segment: int
    is_special: bool
    is_masked: bool
    pos: str | None = None
    tag: str | None = None
    dep: str | None = None
    lemma: str | None = None
    syntactic_head: int | None = None
    entity: str | None = None
    word: int | None = None
    sentence: int | None = None
    predictions: list[Prediction] | None = None


class HitSentence(Result, frozen=True, kw_only=True):
    """The sentence of a hit: its number in its document, and its exact text."""

    index: int
    text: str


class HitToken(Result, frozen=True, kw_only=True):
    """One token of a hit's sentence; ``start`` and ``end`` count within the sentence."""

    text: str
    start: int
    end: int
    pos: str | None
    tag: str | None
    dep: str | None
    lemma: str | None
    entity: str | None
    is_special: bool


class HitAttention(Result, frozen=True, kw_only=True):
    """Attention of the match, mean over ``heads``: from it, and to it."""

    layer: int
    heads: list[int]
    outgoing: list[float]
    incoming: list[float]


class Peak(Result, frozen=True, kw_only=True):
    """The strongest attention of a row: where, how far in tokens, how much."""

    index: int
    offset: int
    weight: float


class MaxAttention(Result, frozen=True, kw_only=True):
    """Strongest attention from the match, to the match, and from the next token; null if there is none."""

    outgoing: Peak | None = None
    incoming: Peak | None = None
    next: Peak | None = None


class Hit(Result, frozen=True, kw_only=True):
    """One context of the corpus. ``cell`` is set for a notebook; its ``range`` then counts in that cell."""

    rank: int
    score: Score
    document: str
    range: Range
    stale: bool
    sentence: HitSentence
    match: int
    next: int | None
    tokens: list[HitToken]
    attention: HitAttention
    max_attention: MaxAttention
    cell: int | None = None
    sentence_range: Range | None = None
