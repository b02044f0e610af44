"""Text into tokens that know which characters they cover.

1. The tokenizer is a copy of the model's fast tokenizer that knows no special token by its spelling, so that
   "[CLS]" or "<s>" typed by a person is ordinary text (:func:`literal_tokenizer`).
2. Offsets are those of the ``tokenizers`` library, repaired where it covers white space in front of a word, part of
   a character, or a character that belongs to the next token (:func:`visible_span`).
3. Nothing is truncated: what does not fit is refused before the model sees it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.errors import InvalidParams, TextTooLong
from exbert_rpc.model.predictions import vocabulary_form
from exbert_rpc.model.types import Encoding

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_CHARACTERS = 1_000_000
SPACE_MARKS = "▁Ġ "
_MARKS = frozenset({"Mn", "Mc", "Me", "Lm", "Lo", "Sk"})


class RawEncoding(Protocol):
    """What a tokenizer gives of a text or a pair: ids, whose they are, and offsets within their segments."""

    @property
    def ids(self) -> list[int]: ...  # noqa: D102
    @property
    def special_tokens_mask(self) -> list[int]: ...  # noqa: D102
    @property
    def sequence_ids(self) -> list[int | None]: ...  # noqa: D102
    @property
    def type_ids(self) -> list[int]: ...  # noqa: D102
    @property
    def offsets(self) -> list[tuple[int, int]]: ...  # noqa: D102


class Cutter(Protocol):
    """A tokenizer that cuts any text: the ``tokenizers`` library's, or one of Python with offsets of our own."""

    def encode(self, sequence: str, pair: str | None = None, /) -> RawEncoding: ...  # noqa: D102
    def encode_batch(self, input: Sequence[str], /) -> Sequence[RawEncoding]: ...  # noqa: D102
    def to_str(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class TextTokenizer:
    """A tokenizer with what its model needs to know of it.

    Attributes:
        tokenizer: See :func:`literal_tokenizer` and ``slow_tokenizer.py``.
        vocabulary: Vocabulary form of each id.
        max_tokens: Longest input, special tokens included.
        mask_id: Id of the mask token, or ``None``.
        mask_token: Its vocabulary form, or ``None``.
        gives_types: Whether the model reads token types.
    """

    tokenizer: Cutter
    vocabulary: Sequence[str]
    max_tokens: int
    mask_id: int | None
    mask_token: str | None
    gives_types: bool

    def tokenize(self, text: str, pair: str | None = None, mask: Sequence[int] = ()) -> Encoding:
        """Tokens of a text or a pair, with some of them masked.

        Raises:
            InvalidParams: ``text`` or ``textPair`` is blank or not encodable; ``mask`` names no maskable token.
            TextTooLong: More than 1,000,000 characters, or more tokens than the model takes.
        """
        check_text(text, "text")
        if pair is not None:
            check_text(pair, "textPair")
        raw = self.tokenizer.encode(text, pair) if pair is not None else self.tokenizer.encode(text)
        self._check_length(len(raw.ids))
        encoding = self.read(raw, text, pair)
        if encoding.is_special.all():
            raise InvalidParams("text", "the tokenizer keeps nothing of it", hint="send text with visible characters")
        return self.masked(encoding, mask) if len(mask) > 0 else encoding

    def tokenize_pair_aside(self, text: str, pair: str, mask: Sequence[int] = ()) -> Encoding:
        """Tokens of ``text`` alone, for an encoder whose decoder will read ``pair``, which is only checked here."""
        try:
            self.tokenize(pair)
        except InvalidParams as exc:
            raise InvalidParams("textPair", exc.message.removeprefix("text: "), hint=exc.hint) from exc
        return replace(self.tokenize(text, mask=mask), pair=pair)

    def tokenize_many(self, texts: Sequence[str]) -> list[Encoding]:
        """Like :meth:`tokenize` for many single texts at once; lengths are not checked.

        Raises:
            InvalidParams: One of the texts is blank or not encodable.
            TextTooLong: One has more than 1,000,000 characters.
        """
        for text in texts:
            check_text(text, "text")
        raws = self.tokenizer.encode_batch(list(texts))
        return [self.read(raw, text, None) for raw, text in zip(raws, texts, strict=True)]

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, special ones included, whether or not they fit the model."""
        check_text(text, "text")
        return len(self.tokenizer.encode(text).ids)

    def check_length(self, encoding: Encoding) -> None:
        """Return at once, or raise :class:`~exbert_rpc.errors.TextTooLong` with both lengths."""
        self._check_length(len(encoding.ids))

    def _check_length(self, length: int) -> None:
        if length > self.max_tokens:
            raise TextTooLong(
                f"the text has {length} tokens (special ones included), the model takes at most {self.max_tokens}",
                hint="send a shorter text, such as one paragraph or one sentence",
                length=length,
                limit=self.max_tokens,
                unit="tokens",
            )

    def form(self, id_: int) -> str:
        """Vocabulary form of an id."""
        return vocabulary_form(self.vocabulary, id_)

    def read(self, raw: RawEncoding, text: str, pair: str | None) -> Encoding:
        """What a tokenizer gave for these texts, with offsets repaired; neither length nor content is checked."""
        special = np.array(raw.special_tokens_mask, dtype=np.bool_)
        segments = _segments(raw.sequence_ids)
        tokens = tuple(map(self.form, raw.ids))
        spans = np.zeros((len(tokens), 2), dtype=np.int32)
        for index, (start, end) in enumerate(raw.offsets):
            if not special[index]:
                source = pair if segments[index] == 1 and pair is not None else text
                spans[index] = visible_span(source, start, end, tokens[index])
        _adopt_marks(text, spans, [index for index, segment in enumerate(segments) if segment == 0])
        if pair is not None:
            _adopt_marks(pair, spans, [index for index, segment in enumerate(segments) if segment == 1])
        return Encoding(
            text=text,
            pair=pair,
            ids=np.array(raw.ids, dtype=np.int64),
            tokens=tokens,
            start=spans[:, 0].copy(),
            end=spans[:, 1].copy(),
            segment=np.array(segments, dtype=np.int32),
            is_special=special,
            is_masked=np.zeros(len(tokens), dtype=np.bool_),
            type_ids=np.array(raw.type_ids, dtype=np.int32) if self.gives_types else None,
        )

    def masked(self, encoding: Encoding, mask: Sequence[int]) -> Encoding:
        """The encoding with some tokens masked; raises ``InvalidParams`` for one that is not maskable."""
        if self.mask_id is None or self.mask_token is None:
            raise InvalidParams("mask", "this model's tokenizer has no mask token", hint="leave `mask` out")
        n = len(encoding.ids)
        outside = [index for index in mask if not 0 <= index < n]
        if outside:
            raise InvalidParams("mask", f"{outside[0]} is not a token of this text", hint=f"tokens are 0 to {n - 1}")
        special = [index for index in mask if encoding.is_special[index]]
        if special:
            raise InvalidParams(
                "mask",
                f"token {special[0]} ({encoding.tokens[special[0]]}) was added by the tokenizer",
                hint="mask tokens of the text only",
            )
        chosen = sorted(set(mask))
        ids, is_masked = encoding.ids.copy(), encoding.is_masked.copy()
        ids[chosen] = self.mask_id
        is_masked[chosen] = True
        tokens = [self.mask_token if is_masked[i] else token for i, token in enumerate(encoding.tokens)]
        return replace(encoding, ids=ids, tokens=tuple(tokens), is_masked=is_masked)


def check_text(text: str, field: str) -> None:
    """Return at once if a tokenizer can take the text.

    Raises:
        InvalidParams: It is empty, blank, or has a lone surrogate.
        TextTooLong: It has more than 1,000,000 characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise TextTooLong(
            f"the text has {len(text)} characters; at most {MAX_CHARACTERS} are allowed",
            hint="send a part of it",
            length=len(text),
            limit=MAX_CHARACTERS,
            unit="characters",
        )
    if not text or text.isspace():
        raise InvalidParams(field, "is empty or blank", hint="send at least one visible character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidParams(
            field,
            f"character {exc.start} is a lone surrogate (U+{ord(text[exc.start]):04X}), which is not a character",
            hint="send well-formed Unicode",
            offset=exc.start,
        ) from exc


def visible_span(text: str, start: int, end: int, token: str) -> tuple[int, int]:
    """Offsets of the characters that a token covers, given the library's offsets.

    White space in front belongs to no token, unless the token is nothing else. A token that only marks a space
    that the text does not have is empty; one that covers a part of a character covers all of it.
    """
    if start < end and token[:1] not in SPACE_MARKS and not (text[start].isspace() or text[end - 1].isspace()):
        return start, end  # nearly always
    only_marks = not token.strip(SPACE_MARKS)
    piece = text[start:end]
    if only_marks and not all(character.isspace() or character in token for character in piece):
        return start, start
    if end <= start:
        return (start, start + 1) if start < len(text) and not only_marks else (start, start)
    if only_marks or piece.isspace():
        return start, end
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))


def literal_tokenizer(serialized: str) -> Tokenizer:
    """A tokenizer to which no special token can be typed, from the JSON of a fast tokenizer.

    1. Special tokens are not looked for in the text (``encode_special_tokens``).
    2. Where the model would still find their spelling among its pieces (Unigram, BPE), they are respelled, at the
       same id, in a way that no text is after pre-tokenization: with spaces. The ids that the post-processor adds and
       those of ordinary added tokens stay what they were.
    """
    data: dict[str, Any] = json.loads(serialized)
    special = {token["content"] for token in data.get("added_tokens", []) if token.get("special")}
    tokenizer = respelled_tokenizer(serialized, frozenset(special) - _needed_as_they_are(data["model"]))
    tokenizer.encode_special_tokens = True
    return tokenizer


def shared_spellings(serialized: str) -> frozenset[str]:
    """Pieces of a fast tokenizer that cannot be respelled, from its JSON."""
    return frozenset(_needed_as_they_are(json.loads(serialized)["model"]))


def respelled_tokenizer(serialized: str, special: frozenset[str]) -> Tokenizer:
    """A fast tokenizer, without truncation or padding, that knows some special tokens by another spelling alone."""
    from tokenizers import Tokenizer

    data: dict[str, Any] = json.loads(serialized)
    data["truncation"] = data["padding"] = None
    vocabulary = data["model"].get("vocab")
    if isinstance(vocabulary, list):
        data["model"]["vocab"] = [[respelled(piece, special), score] for piece, score in vocabulary]
    elif isinstance(vocabulary, dict):
        data["model"]["vocab"] = {respelled(piece, special): id_ for piece, id_ in vocabulary.items()}
    for token in data.get("added_tokens", []):
        token["content"] = respelled(token["content"], special)
    return Tokenizer.from_str(json.dumps(data))


def _needed_as_they_are(model: dict[str, Any]) -> set[str]:
    """Pieces that a model refers to by spelling: its unknown piece (not Unigram's), what merges are made of."""
    needed = {model["unk_token"]} if model.get("unk_token") is not None else set()
    for merge in model.get("merges", ()):
        left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
        needed |= {left, right, left + right}
    return needed


def respelled(piece: str, special: frozenset[str]) -> str:
    """The spelling of a special token that no person can type; other pieces as they are."""
    return f" \x00{piece}\x00 " if piece in special else piece


def _adopt_marks(text: str, spans: NDArray[np.int32], tokens: Sequence[int]) -> None:
    """Extend tokens over the marks that follow them (accents, voicing) and that normalization merged into them.

    The library gives a composed character the offset of its first part only. ``spans`` is changed in place.
    """
    if text.isascii():
        return
    covered = np.zeros(len(text) + 1, dtype=np.bool_)
    for index in tokens:
        covered[spans[index, 0] : spans[index, 1]] = True
    for index in tokens:
        end = int(spans[index, 1])
        if end == spans[index, 0]:
            continue
        while end < len(text) and not covered[end] and unicodedata.category(text[end]) in _MARKS:
            covered[end] = True
            end += 1
        spans[index, 1] = end


def _segments(sequence_ids: Sequence[int | None]) -> list[int]:
    """Segment of each token; a special token belongs to the segment in front of it."""
    segments: list[int] = []
    current = 0
    for sequence in sequence_ids:
        current = current if sequence is None else sequence
        segments.append(current)
    return segments
