"""One token of a forward pass."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import Probability, Result


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
