"""Tokenizers that are written in Python and give no offsets: Marian, M2M100, ESM, BERTweet, ByT5 and others.

1. The stock tokenizer cuts the text. It knows no special token by its spelling, so that "</s>" typed by a person is
   ordinary text; a piece that is spelled like a special token all the same is an unknown one.
2. Pieces are freed of the marks of their vocabulary. Which marks these are is found out when the tokenizer is loaded:
   the spelling under which the pieces of some texts spell these texts again. A tokenizer without one is refused.
3. Offsets are those of ``align_pieces.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

import xxhash

from exbert_rpc.errors import InvalidParams, ModelNotSupported
from exbert_rpc.model.align_pieces import Span, align_pieces, spells

_PROBES = ("The girl ran to a local pub, unbelievably!", "MKTAYIAKQR x1859 (3.5)", "Der Fuß ging über Straßen.")
_MAY_HAVE_NAMES = "&|<>'\"[]`´‘’‚“”„«»"
_FILES = ("vocab*", "*.model", "*.spm", "*.codes", "merges.txt", "*.json", "*.txt")
_OF_THE_MODEL = ("config.json", "generation_config.json")


@dataclass(frozen=True, slots=True)
class RawTokens:
    """What the ``tokenizers`` library calls an encoding: ids and whose they are; offsets within their segments."""

    ids: list[int]
    special_tokens_mask: list[int]
    sequence_ids: list[int | None]
    type_ids: list[int]
    offsets: list[Span]


class SlowTokenizer:
    """A tokenizer of Python with offsets. Safe to use from several threads.

    Args:
        load: Loads the stock tokenizer; called once for each side, as a tokenizer has a state.
        folder: Its files.
        of_target: Whether texts are those that a decoder writes.
        parses: Whether special tokens are found in a text.

    Raises:
        ModelNotSupported: Its pieces do not spell a text again.
    """

    def __init__(self, load: Callable[[], Any], folder: Path, *, of_target: bool = False, parses: bool = False) -> None:
        self._load = load
        self._folder = folder
        self._stock = load()
        self._lock = threading.Lock()
        if of_target:
            self._stock._switch_to_target_mode()
        self._special = frozenset() if parses else special_spellings(self._stock)
        self._cutter = self._stock if parses else _without_special(load(), self._special, of_target=of_target)
        self._spelling = self._find_spelling()
        self._names = self._find_names()

    def encode(self, text: str, pair: str | None = None, *, add_special_tokens: bool = True) -> RawTokens:
        """Ids of a text or a pair, in the frame of special tokens (unless that is not wanted), with offsets.

        Raises:
            InvalidParams: It holds what this tokenizer takes for a special token, or cannot be followed.
        """
        with self._lock:
            cut = [self._cut(segment) for segment in (text, pair) if segment is not None]
            ids = [self._ids(pieces) for pieces in cut]
            return self._framed(
                ids, [self._offsets(*one) for one in zip((text, pair or ""), cut, strict=False)], add_special_tokens
            )

    def encode_batch(self, texts: Sequence[str]) -> list[RawTokens]:
        """:meth:`encode` of single texts."""
        return [self.encode(text) for text in texts]

    def to_str(self) -> str:
        """What tells this tokenizer from others: its class and a digest of its files."""
        digest = xxhash.xxh3_128()
        for path in sorted({path for pattern in _FILES for path in self._folder.glob(pattern) if path.is_file()}):
            if path.name not in _OF_THE_MODEL and not path.name.endswith(".index.json"):
                digest.update(path.name.encode() + b"\x00" + path.read_bytes())
        return f"{type(self._stock).__name__} {self._spelling} {digest.hexdigest()}"

    def of_target(self) -> SlowTokenizer | None:
        """The tokenizer of what a decoder writes, where that is another one; ``None``: there is none."""
        if not hasattr(self._stock, "spm_target"):
            return None
        return SlowTokenizer(self._load, self._folder, of_target=True)

    def parsing(self) -> SlowTokenizer:
        """The same tokenizer, which finds special tokens in a text."""
        return SlowTokenizer(self._load, self._folder, parses=True)

    def _cut(self, text: str) -> list[str]:
        return [str(piece) for piece in self._cutter.tokenize(text)]

    def _ids(self, pieces: Sequence[str]) -> list[int]:
        unknown = self._stock.unk_token_id
        for piece in pieces:
            if piece in self._special and unknown is None:
                raise InvalidParams(
                    "text",
                    f"the tokenizer cannot tell {piece!r} in it from its own special token",
                    hint='leave it out, or send `specialTokens: "parse"` where that is what you mean',
                )
        return [
            unknown if piece in self._special else int(self._stock.convert_tokens_to_ids(piece)) for piece in pieces
        ]

    def _offsets(self, text: str, pieces: Sequence[str]) -> list[Span]:
        if self._spelling == "bytes":
            return _bytes_of(text, pieces)
        spelled = [self._spelled(piece) for piece in pieces]
        return align_pieces(text, spelled, mark_is_space=self._spelling == "plain", names=self._names)

    def _spelled(self, piece: str) -> str | None:
        return None if piece == self._stock.unk_token else _SPELLINGS[self._spelling](piece)

    def _framed(self, ids: list[list[int]], offsets: list[list[Span]], framed: bool) -> RawTokens:
        """The tokens in the frame that the tokenizer builds, which is found with numbers that are no ids."""
        marks = [[-1 - n - 1_000_000 * segment for n in range(len(own))] for segment, own in enumerate(ids)]
        build = self._stock.build_inputs_with_special_tokens
        frame = [int(id_) for id_ in (build(*(list(own) for own in marks)) if framed else chain(*marks))]
        places = [(divmod(-1 - id_, 1_000_000) if id_ < 0 else None) for id_ in frame]
        return RawTokens(
            ids=[id_ if place is None else ids[place[0]][place[1]] for id_, place in zip(frame, places, strict=True)],
            special_tokens_mask=[int(place is None) for place in places],
            sequence_ids=[None if place is None else place[0] for place in places],
            type_ids=self._types(ids, len(frame)),
            offsets=[(0, 0) if place is None else offsets[place[0]][place[1]] for place in places],
        )

    def _types(self, ids: list[list[int]], n: int) -> list[int]:
        types = [int(one) for one in self._stock.create_token_type_ids_from_sequences(*(list(own) for own in ids))]
        return types if len(types) == n else [0] * n

    def _find_names(self) -> dict[str, str]:
        """What the tokenizer writes as named characters of HTML, as that of Moses does: "&amp;" for "&"."""
        if self._spelling == "bytes":
            return {}
        written = {one: "".join(map(_SPELLINGS[self._spelling], self._cut(one))) for one in _MAY_HAVE_NAMES}
        return {one: name for one, name in written.items() if name != one and unescape(name) != name}

    def _find_spelling(self) -> str:
        cut = [(probe, self._cut(probe)) for probe in _PROBES]
        if all([ord(piece) for piece in pieces if len(piece) == 1] == list(text.encode()) for text, pieces in cut):
            return "bytes"
        for name, spelling in _SPELLINGS.items():
            known = [
                (text, [spelling(piece) for piece in pieces])
                for text, pieces in cut
                if self._stock.unk_token not in pieces
            ]
            if known and all(spells(text, pieces) for text, pieces in known):
                return name
        raise ModelNotSupported(
            f"its tokenizer ({type(self._stock).__name__}) gives no character offsets, and its tokens do not spell the "
            f"text again: {_PROBES[0]!r} became {' '.join(cut[0][1])[:120]!r}",
            hint="A folder with a tokenizer.json is needed; some tokenizers can be converted with "
            "transformers.convert_slow_tokenizer.",
        )


_SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda piece: piece,  # sentencepiece's mark of a space is folded away
    "@@": lambda piece: piece.removesuffix("@@"),
    "</w>": lambda piece: piece.removesuffix("</w>"),
    "##": lambda piece: piece.removeprefix("##"),
}


def special_spellings(tokenizer: Any) -> frozenset[str]:  # noqa: ANN401 - a transformers tokenizer
    """Spellings of all special tokens of a tokenizer."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    return frozenset(added | {str(token) for token in tokenizer.all_special_tokens})


def _without_special(tokenizer: Any, special: frozenset[str], *, of_target: bool) -> Any:  # noqa: ANN401
    """The tokenizer, changed so that it finds no special token in a text. Its ids are not to be used."""
    if of_target:
        tokenizer._switch_to_target_mode()
    trie = type(tokenizer.tokens_trie)
    kept = sorted(token for token in tokenizer.tokens_trie._tokens if token not in special)
    own = type(tokenizer)
    tokenizer.__class__ = type(own.__name__, (own,), {"all_special_tokens": property(lambda _self: [])})
    tokenizer.tokens_trie = trie(kept)
    known = tokenizer._added_tokens_encoder
    tokenizer._added_tokens_encoder = {token: id_ for token, id_ in known.items() if token not in special}
    return tokenizer


def _bytes_of(text: str, pieces: Sequence[str]) -> list[Span]:
    """The character of each byte; a token that an added spelling stands for covers as many bytes as it has."""
    ends = list(accumulate((len(character.encode()) for character in text), initial=0))
    character_at = [number for number, (start, end) in enumerate(pairwise(ends)) for _ in range(end - start)]
    sizes = [1 if len(piece) == 1 else len(piece.encode()) for piece in pieces]
    starts = list(accumulate(sizes, initial=0))
    if starts[-1] != len(character_at):
        raise InvalidParams("text", "the tokenizer's bytes are not those of the text", hint="remove what it rewrites")
    return [(character_at[start], character_at[end - 1] + 1) for start, end in pairwise(starts)]
