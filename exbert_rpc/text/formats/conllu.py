"""CoNLL-U: treebanks with gold annotations, which take the place of a pipeline's.

1. The text of a sentence is its ``# text``; without one, its forms with ``SpaceAfter``. Its characters stand where the
   forms do.
2. The words of a multi-word token share its characters: as its forms say where they add up to it, else in equal parts.
3. Empty nodes are no words. ``_`` is no label.
4. Comments of the form ``# key = value`` are metadata; sentences behind a ``# newdoc`` count as one document.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from exbert_rpc.text.formats.derived import Derived
from exbert_rpc.text.formats.format import Content, Format, Found, ReadingOptions, UnreadableSource
from exbert_rpc.text.formats.records import LONGEST_VALUE, MOST_FIELDS, Problems
from exbert_rpc.text.types import AnnotatedText, Document, GoldSentence

_COMMENT = re.compile(r"#\s*([^=]*?)\s*(?:=\s*(.*?)\s*)?$")
_ID = re.compile(r"([1-9][0-9]*)(?:-([1-9][0-9]*)|\.([0-9]+))?")
_COLUMNS = 10


class _Wrong(Exception):
    """A sentence is not what it should be: the line within it, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Surface:
    """A stretch of the text: its form, where that stands in the raw sentence, whether a space follows, its words."""

    form: str
    at: int
    space: bool
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    surfaces: list[_Surface]
    words: list[list[str]]
    comments: dict[str, str]


def _read(content: Content, options: ReadingOptions) -> Found:
    problems, found, group = Problems(content.uri), 0, ""
    for number, (line, raw) in enumerate(_sentences(content.lines())):
        try:
            sentence = _parse(raw)
        except _Wrong as wrong:
            problems.add(line + wrong.line, wrong.reason)
            continue
        if sentence is None:
            continue
        if "newdoc" in sentence.comments or "newdoc id" in sentence.comments:
            group = sentence.comments.get("newdoc id", "") or str(number)
        found += 1
        yield from _documents(content.uri, number, group, line, raw, sentence, options)
    if not found:
        raise UnreadableSource(f"has no sentence: {problems.first()}" if problems else "has no sentences")
    yield from problems.told()


def _sentences(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """First line and raw text of each sentence."""
    start = 0
    current: list[str] = []
    for number, line in enumerate(lines):
        if line.strip():
            if not current:
                start = number
            current.append(line)
        elif current:
            yield start, "".join(current)
            current = []
    if current:
        yield start, "".join(current)


def _parse(raw: str) -> _Sentence | None:
    """A sentence, or ``None`` for comments alone."""
    surfaces: list[_Surface] = []
    words: list[list[str]] = []
    comments: dict[str, str] = {}
    covered, offset = 0, 0  # words up to this one belong to a multi-word token
    for number, line in enumerate(raw.splitlines(keepends=True)):
        row = line.rstrip("\r\n")
        if row.startswith("#"):
            match = _COMMENT.match(row)
            comments[match[1] if match else ""] = (match[2] or "") if match else ""
        else:
            columns = row.split("\t")
            first, last = _ids(columns, number)
            at = offset + len(columns[0]) + 1
            if last is not None:
                covered = last
                surfaces.append(_Surface(columns[1], at, _space(columns), tuple(range(first - 1, last))))
            elif first > 0:
                if first != len(words) + 1:
                    raise _Wrong(number, f"word {first} stands where word {len(words) + 1} should")
                words.append(columns)
                if first > covered:
                    surfaces.append(_Surface(columns[1], at, _space(columns), (first - 1,)))
        offset += len(line)
    if not words:
        return None
    if covered > len(words):
        raise _Wrong(0, f"a token has words up to {covered}, and there are {len(words)}")
    return _Sentence(surfaces, words, comments)


def _ids(columns: Sequence[str], number: int) -> tuple[int, int | None]:
    """First and last word of a row; 0 for an empty node."""
    if len(columns) != _COLUMNS:
        raise _Wrong(number, f"has {len(columns)} columns instead of {_COLUMNS}")
    match = _ID.fullmatch(columns[0])
    if match is None and not re.fullmatch(r"0\.[0-9]+", columns[0]):
        raise _Wrong(number, "does not begin with the number of a word")
    if not columns[1]:
        raise _Wrong(number, "has an empty form")
    if match is None or match[3] is not None:
        return 0, None
    last = None if match[2] is None else int(match[2])
    if last is not None and not int(match[1]) <= last < int(match[1]) + 1000:
        raise _Wrong(number, "is a token of no words")
    return int(match[1]), last


def _space(columns: Sequence[str]) -> bool:
    return "SpaceAfter=No" not in columns[9].split("|")


def _documents(
    uri: str, number: int, group: str, line: int, raw: str, sentence: _Sentence, options: ReadingOptions
) -> Iterator[Document]:
    derived, spans = _text(sentence)
    metadata = tuple(
        (key, value)
        for key, value in sentence.comments.items()
        if key and value and key != "text" and len(value) <= LONGEST_VALUE
    )[:MOST_FIELDS]
    document = Document(
        uri, derived.text, record=number, group=group, excerpt=derived.excerpt(raw, line), metadata=metadata
    )
    if options.annotations != "automatic":
        gold = GoldSentence(0, _annotated(derived.text, sentence, spans))
        yield replace(document, gold=(gold,), metadata=(*metadata, ("annotation", "gold")))
    if options.annotations != "gold":
        yield replace(document, metadata=(*metadata, ("annotation", "automatic")), is_lines=True)


def _text(sentence: _Sentence) -> tuple[Derived, list[tuple[int, int]]]:
    """The text of a sentence, and where each word stands in it."""
    text = sentence.comments.get("text", "")
    starts = _aligned(text, [surface.form for surface in sentence.surfaces])
    derived, spans = Derived(), [(0, 0)] * len(sentence.words)
    for index, surface in enumerate(sentence.surfaces):
        if starts is not None:
            derived.insert(text[derived.length : starts[index]])
        start = derived.length
        derived.take(surface.form, surface.at)
        forms = [sentence.words[word][1] for word in surface.words]
        for word, span in zip(surface.words, _shares(start, surface.form, forms), strict=True):
            spans[word] = span
        if starts is None and surface.space and index + 1 < len(sentence.surfaces):
            derived.insert(" ")
    if starts is not None:
        derived.insert(text[derived.length :])
    return derived, spans


def _aligned(text: str, forms: Sequence[str]) -> list[int] | None:
    """Where each form begins in the text; ``None`` unless there is nothing but white space between them."""
    starts, at = [], 0
    for form in forms:
        while at < len(text) and text[at].isspace() and not text.startswith(form, at):
            at += 1
        if not text.startswith(form, at):
            return None
        starts.append(at)
        at += len(form)
    return starts if not text[at:].strip() else None


def _shares(start: int, form: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Stretches of a token for its words, in order."""
    if "".join(words) == form:
        ends = np.cumsum([len(word) for word in words])
    else:
        ends = np.arange(1, len(words) + 1) * len(form) // len(words)
    bounds = [start, *(start + int(end) for end in ends)]
    return list(pairwise(bounds))


def _annotated(text: str, sentence: _Sentence, spans: Sequence[tuple[int, int]]) -> AnnotatedText:
    n = len(sentence.words)
    heads = np.array([_head(row, at, n) for at, row in enumerate(sentence.words)], dtype=np.int32)
    columns = {
        name: tuple("" if row[number] == "_" else row[number] for row in sentence.words)
        for name, number in (("lemma", 2), ("pos", 3), ("tag", 4), ("dep", 7))
    }
    lead = len(text) - len(text.lstrip())
    digest = hashlib.blake2b(repr((columns, heads.tolist(), list(spans))).encode(), digest_size=8).hexdigest()
    return AnnotatedText(
        text=text,
        word_start=np.array([start for start, _ in spans], dtype=np.int32),
        word_end=np.array([end for _, end in spans], dtype=np.int32),
        pos=columns["pos"],
        tag=columns["tag"],
        dep=columns["dep"],
        lemma=columns["lemma"],
        entity=("",) * n,
        syntactic_head=heads,
        sentence=np.zeros(n, dtype=np.int32),
        sentence_start=np.array([lead], dtype=np.int32),
        sentence_end=np.array([len(text.rstrip())], dtype=np.int32),
        variant=f"gold {digest}",
    )


def _head(row: Sequence[str], at: int, n: int) -> int:
    """The word that a word depends on (itself: the root); -1 if none is given, or none that exists."""
    head = row[6]
    if not (head.isascii() and head.isdigit()) or int(head) > n:
        return -1
    return at if int(head) == 0 else int(head) - 1


def _looks_like(beginning: str) -> bool:
    rows = [line for line in beginning.splitlines()[:-1] if line.strip() and not line.startswith("#")]
    return bool(rows) and all(len(row.split("\t")) == _COLUMNS and _ID.match(row) for row in rows[:20])


FORMAT = Format(
    "conllu",
    (".conllu", ".conll"),
    "treebanks: tokens, tags, relations and heads are the gold ones of the file",
    _read,
    looks_like=_looks_like,
)
