"""Texts in which special tokens are meant: chat messages, and texts whose special tokens are to be parsed.

1. A text whose special tokens are parsed is cut by the stock tokenizer as it is.
2. The prompt of chat messages is cut in the same way. Where a content holds the text of a special token, which stays
   ordinary text unless the request says otherwise, special tokens are respelled as in the literal tokenizer
   (``encoding.py``), in the template's part of the prompt alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.chat_template import Prompt, render_messages
from exbert_rpc.model.encoding import TextTokenizer, check_text, respelled, respelled_tokenizer, shared_spellings
from exbert_rpc.model.slow_tokenizer import SlowTokenizer, special_spellings
from exbert_rpc.model.types import ChatMessage, Encoding

if TYPE_CHECKING:
    from exbert_rpc.model.encoding import RawEncoding


class Prompts:
    """Cuts prompts for one model. Safe to use from several threads.

    Args:
        stock: The model's tokenizer as transformers loads it.
        texts: What cuts its ordinary texts.
    """

    def __init__(self, stock: Any, texts: TextTokenizer) -> None:  # noqa: ANN401 - a transformers tokenizer
        self._stock = stock
        self._texts = texts

    def parse(self, text: str, pair: str | None = None, mask: Sequence[int] = ()) -> Encoding:
        """Tokens of a text or a pair whose special tokens are those that they spell.

        A mask token in the text is a masked position; other special tokens are marked as special, at their characters.

        Raises:
            InvalidParams, TextTooLong: as of :meth:`TextTokenizer.tokenize`.
        """
        check_text(text, "text")
        if pair is not None:
            check_text(pair, "textPair")
        raw = self._parsing.encode(text) if pair is None else self._parsing.encode(text, pair)
        return self._finished(self._texts.read(raw, text, pair), mask)

    def tokenize_messages(
        self, messages: Sequence[ChatMessage], mask: Sequence[int] = (), *, parse: bool = False, continues: bool = False
    ) -> Encoding:
        """Tokens of what the model reads for messages; ``messages`` of the encoding say where contents stand.

        Args:
            messages: At least one.
            mask: Token positions to mask.
            parse: Whether special tokens in contents are parsed, too.
            continues: Whether an answer at the end is left open.

        Raises:
            InvalidParams: The template does not take or show these messages, or a text cannot be read.
            TextTooLong: More characters or tokens than can be taken.
        """
        for number, message in enumerate(messages):
            if message.content.strip():
                check_text(message.content, f"messages[{number}].content")
        prompt = render_messages(self._stock, messages, continues=continues)
        typed = () if parse else self.special_in(*(message.content for message in messages))
        encoding = self._texts.read(self._cut(prompt, typed), prompt.text, None)
        return self._finished(replace(encoding, messages=prompt.places), mask)

    def special_in(self, *texts: str) -> tuple[str, ...]:
        """Special tokens whose text stands in one of the texts, in the order in which they are first found."""
        found = (match[0] for text in texts for match in self._pattern.finditer(text))
        return tuple(dict.fromkeys(found))

    @property
    def unknown_id(self) -> int | None:
        """Id of what stands for characters that the vocabulary lacks."""
        unknown = self._stock.unk_token_id
        return None if unknown is None else int(unknown)

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids of all special tokens."""
        return frozenset(self._special.values())

    def continuation(self, encoding: Encoding, ids: Sequence[int]) -> Encoding:
        """An encoding with generated tokens behind it, and with their text; ``generated`` marks them."""
        if encoding.generated is not None:  # a character may begin in the earlier ones and end in these
            n = len(encoding.ids) - int(encoding.generated.sum())
            return self.continuation(_without_generated(encoding, n), [*encoding.ids[n:].tolist(), *ids])
        text, spans = self._continued_text(encoding, ids)
        n, m = len(encoding.ids), len(ids)
        is_special = np.array([id_ in self.special_ids for id_ in ids], dtype=np.bool_)
        return replace(
            encoding,
            text=text,
            ids=np.concatenate((encoding.ids, np.array(ids, dtype=np.int64))),
            tokens=(*encoding.tokens, *(self._texts.form(id_) for id_ in ids)),
            start=np.concatenate((encoding.start, np.array([start for start, _end in spans], dtype=np.int32))),
            end=np.concatenate((encoding.end, np.array([end for _start, end in spans], dtype=np.int32))),
            segment=np.concatenate((encoding.segment, np.full(m, encoding.segment[-1] if n else 0, dtype=np.int32))),
            is_special=np.concatenate((encoding.is_special, is_special)),
            is_masked=np.concatenate((encoding.is_masked, np.zeros(m, dtype=np.bool_))),
            type_ids=None if encoding.type_ids is None else np.pad(encoding.type_ids, (0, m)),
            generated=np.arange(n + m) >= n,
        )

    def _continued_text(self, encoding: Encoding, ids: Sequence[int]) -> tuple[str, list[tuple[int, int]]]:
        """The text with what the tokens spell behind it, and the characters of each token.

        A token that is a part of a character covers the whole character.
        """
        anchor = [int(id_) for id_ in encoding.ids[-1:]]
        base = self._decode(anchor)
        written = [self._decode([*anchor, *ids[: k + 1]])[len(base) :] for k in range(len(ids))]
        whole = [len(one.rstrip("\ufffd")) for one in written]
        whole[-1:] = [len(one) for one in written[-1:]]
        ends = np.minimum.accumulate(np.array(whole[::-1], dtype=np.int64))[::-1].tolist() if whole else []
        offset, starts = len(encoding.text), [0, *ends[:-1]]
        spans: list[tuple[int, int]] = []
        for start, end in zip(starts, ends, strict=True):
            if end == start and end < (ends[-1] if ends else 0) and "\ufffd" in written[len(spans)]:
                end = start + 1
            spans.append((offset + start, offset + end))
        return encoding.text + (written[-1] if written else ""), spans

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._stock.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _finished(self, encoding: Encoding, mask: Sequence[int]) -> Encoding:
        """The encoding with its typed special tokens marked; raises what :meth:`TextTokenizer.tokenize` raises."""
        self._texts.check_length(encoding)
        special, masked = encoding.is_special.copy(), encoding.is_masked.copy()
        for index in np.flatnonzero(~encoding.is_special).tolist():
            spelling = self._spellings.get(int(encoding.ids[index]))
            covered = _segment_text(encoding, index)[encoding.start[index] : encoding.end[index]].strip()
            if spelling is None or covered != spelling.strip():
                continue
            if int(encoding.ids[index]) == self._texts.mask_id:
                masked[index] = True
            else:
                special[index] = True
        if special.all():
            field = "text" if encoding.messages is None else "messages"
            raise InvalidParams(field, "hold nothing but special tokens", hint="send text with visible characters")
        marked = replace(encoding, is_special=special, is_masked=masked)
        return self._texts.masked(marked, mask) if len(mask) > 0 else marked

    def _cut(self, prompt: Prompt, typed: Sequence[str]) -> RawEncoding:
        """The prompt as the stock tokenizer cuts it; ``typed`` special tokens in contents stay ordinary text."""
        if not typed:
            return self._parsing_bare(prompt.text)
        if self._respelled is None:
            raise InvalidParams(
                "messages",
                f"a content holds the special token {typed[0]!r}, which this model's tokenizer cannot read as text",
                hint='Leave it out, or send `specialTokens: "parse"`.',
            )
        text, place = self._respell(prompt)
        return _Moved(self._respelled.encode(text, add_special_tokens=False), place)

    def _respell(self, prompt: Prompt) -> tuple[str, NDArray[np.int64]]:
        """The prompt with the template's special tokens respelled, and for each of its offsets that in the prompt."""
        parts: list[str] = []
        places: list[NDArray[np.int64]] = []
        at = 0

        def keep(until: int) -> None:
            parts.append(prompt.text[at:until])
            places.append(np.arange(at, until))

        for match in self._pattern.finditer(prompt.text):
            if any(match.start() < one.end and match.end() > one.start for one in prompt.places):
                continue
            keep(match.start())
            spelling = respelled(match[0], frozenset(self._special) - self._shared)
            inner = np.linspace(match.start(), match.end(), len(spelling), endpoint=False).astype(np.int64)
            parts.append(spelling)
            places.append(inner)
            at = match.end()
        keep(len(prompt.text))
        return "".join(parts), np.concatenate([*places, [len(prompt.text)]])

    @cached_property
    def _special(self) -> dict[str, int]:
        spellings = special_spellings(self._stock)
        return {spelling: int(self._stock.convert_tokens_to_ids(spelling)) for spelling in sorted(spellings)}

    @cached_property
    def _spellings(self) -> dict[int, str]:
        return {id_: spelling for spelling, id_ in self._special.items()}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted((one for one in self._special if one.strip()), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    @cached_property
    def _shared(self) -> frozenset[str]:
        return shared_spellings(self._stock.backend_tokenizer.to_str())

    @cached_property
    def _parsing(self) -> Any:  # noqa: ANN401 - a Tokenizer, or a SlowTokenizer
        if isinstance(self._texts.tokenizer, SlowTokenizer):
            return self._texts.tokenizer.parsing()
        return respelled_tokenizer(self._stock.backend_tokenizer.to_str(), frozenset())

    def _parsing_bare(self, text: str) -> RawEncoding:
        bare: RawEncoding = self._parsing.encode(text, add_special_tokens=False)
        return bare

    @cached_property
    def _respelled(self) -> Any:  # noqa: ANN401
        """Knows special tokens by their new spelling alone; ``None`` for tokenizers of Python."""
        if isinstance(self._texts.tokenizer, SlowTokenizer):
            return None
        return respelled_tokenizer(self._stock.backend_tokenizer.to_str(), frozenset(self._special) - self._shared)


class _Moved:
    """An encoding whose offsets count in another text."""

    def __init__(self, raw: RawEncoding, place: NDArray[np.int64]) -> None:
        self.ids = raw.ids
        self.special_tokens_mask = raw.special_tokens_mask
        self.sequence_ids = raw.sequence_ids
        self.type_ids = raw.type_ids
        self.offsets = [_moved(start, end, place) for start, end in raw.offsets]


def _moved(start: int, end: int, place: NDArray[np.int64]) -> tuple[int, int]:
    if start == end:
        return int(place[start]), int(place[start])
    return int(place[start]), max(int(place[end]), int(place[end - 1]) + 1)


def _without_generated(encoding: Encoding, n: int) -> Encoding:
    """The first ``n`` tokens, which are those that the model did not write."""
    names = ("ids", "tokens", "start", "end", "segment", "is_special", "is_masked")
    kept = {name: getattr(encoding, name)[:n] for name in names}
    types = None if encoding.type_ids is None else encoding.type_ids[:n]
    return replace(encoding, **kept, text=encoding.text[: int(encoding.start[n])], type_ids=types, generated=None)


def _segment_text(encoding: Encoding, index: int) -> str:
    return encoding.pair or "" if encoding.segment[index] == 1 else encoding.text
