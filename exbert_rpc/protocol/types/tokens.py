"""One token of a forward pass."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import Probability, Result


class Prediction(Result, frozen=True, kw_only=True):
    """A token that the language-model head expects."""

    token: str
    id: int
    probability: Probability


class Token(Result, frozen=True, kw_only=True):
    """One token of a forward pass. Annotations of special tokens are null; sub-words inherit their word's.

    Attributes:
        message: With `messages`: the message whose content the token is of; `start` and `end` count in that content.
            Null for what the chat template or the model itself wrote, which has `text` and no offsets.
        generated: Whether the model wrote it (`generate`).
    """

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
    message: int | None = None
    generated: bool = False


class ExpectedToken(Result, frozen=True, kw_only=True):
    """A token of the vocabulary that a text has where a model predicts."""

    token: str
    id: int


class DecoderToken(Token, frozen=True, kw_only=True):
    """One token that a decoder behind an encoder reads.

    Attributes:
        expected: The token of the decoder's text that this position predicts: the one behind it. Null where the
            model has no start token, at the last position.
    """

    expected: ExpectedToken | None = None
