"""What the rows of a corpus say of a head: words that it looks at, and examples. Only peaks are read, no attention."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.profile.types import SAME_WORD, AttractingWord, Role
from exbert_rpc.analysis.profile.vocabulary import LEAST_WEIGHT, WordTable, attracting_words
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.tasks import Task

MOST_WORDS = 20
"""Words of a vocabulary."""


@dataclass(frozen=True, slots=True)
class SegmentRows:
    """Rows of a segment that are in the corpus, ``R`` rows and ``T`` tokens.

    Attributes:
        segment: The segment.
        alive: bool ``[R]``.
        first_token: int32 ``[R]``, first token of the row's sentence.
        token: int32 ``[R]``, token of each row.
        place: uint16 ``[R]``, the same, counted in its sentence.
        word: int32 ``[T]``, number of each token's word in the corpus; -1 for none.
        pair: int64 ``[T]``, number of its word in its document in the table; one more than there are for tokens of no
            word, and for those that are in no document.
    """

    segment: OpenSegment
    alive: NDArray[np.bool_]
    first_token: NDArray[np.int32]
    token: NDArray[np.int32]
    place: NDArray[np.uint16]
    word: NDArray[np.int32]
    pair: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CorpusWords:
    """All rows of a corpus by their words.

    Attributes:
        table: The words.
        segments: The rows.
        causal: Whether rows see no token behind them. Then a peak on the first token of a pass says nothing of its
            word: many heads rest there, whatever it is.
    """

    table: WordTable
    segments: tuple[SegmentRows, ...]
    causal: bool = False
    _known: dict[tuple[int, int], tuple[AttractingWord, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, reader: CorpusReader, causal: bool = False) -> CorpusWords:
        """Number the words of a corpus."""
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        words = [_words_of(segment, numbers) for segment in reader.segments]
        alive = [segment.multiplicity > 0 for segment in reader.segments]
        rows = [segment.row_token[some] for segment, some in zip(reader.segments, alive, strict=True)]
        word = [one[some] for one, some in zip(words, rows, strict=True)]
        document = [_documents_of(one)[some] for one, some in zip(reader.segments, alive, strict=True)]
        none = np.zeros(0, np.int32)
        table, pair = WordTable.of(list(numbers), np.concatenate([none, *word]), np.concatenate([none, *document]))
        pairs = np.split(pair, np.cumsum([len(some) for some in rows])[:-1])
        parts = zip(reader.segments, alive, words, rows, pairs, strict=False)
        return cls(table, tuple(_rows(*part, table.n_pairs) for part in parts), causal)

    def vocabularies(self, heads: Sequence[tuple[int, int]], task: Task) -> list[tuple[AttractingWord, ...]]:
        """For each head the words that draw its attention, see :mod:`~exbert_rpc.analysis.profile.vocabulary`.

        Raises:
            Cancelled: the task was cancelled.
        """

        def find(head: tuple[int, int]) -> None:
            task.check()
            self._known[head] = self._vocabulary(*head)

        with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="vocabulary") as threads:
            list(threads.map(find, [head for head in heads if head not in self._known]))
        return [self._known[head] for head in heads]

    def _vocabulary(self, layer: int, head: int) -> tuple[AttractingWord, ...]:
        pairs = np.empty(sum(len(one.token) for one in self.segments), np.int64)
        taken = 0
        for one in self.segments:
            target, weight = one.segment.stored_peaks(layer, head)
            counts = weight >= LEAST_WEIGHT
            counts &= target != one.place
            if self.causal:
                counts &= target != 0
            # a target stands in the sentence, and so in the document, of its row
            targets = (one.first_token + target)[counts]
            one.pair.take(targets, out=pairs[taken : taken + len(targets)], mode="clip")  # unchecked, so unbuffered
            taken += len(targets)
        pair_peaks = np.bincount(pairs[:taken], minlength=self.table.n_pairs + 1)[:-1]
        return attracting_words(self.table, pair_peaks, MOST_WORDS)


def _words_of(segment: OpenSegment, numbers: defaultdict[str, int]) -> NDArray[np.int32]:
    """int32 ``[T]``: number of each token's word."""
    names = segment.segment.meta["labels"]["form"]
    of_form = np.array([-1, *map(numbers.__getitem__, names)], dtype=np.int32)
    return np.asarray(of_form[segment.segment.array("token/form")])


def _documents_of(segment: OpenSegment) -> NDArray[np.int32]:
    """int32 ``[R]``: the first document that each row stands in; 0 for rows that have left."""
    of_sentence = segment.occurrences.first_document[segment.sentence_block]
    return np.asarray(of_sentence[segment.row_sentence])


def _rows(
    segment: OpenSegment,
    alive: NDArray[np.bool_],
    word: NDArray[np.int32],
    tokens: NDArray[np.int64],
    pairs: NDArray[np.int64],
    n_pairs: int,
) -> SegmentRows:
    """Rows of a segment, of which some tokens are of these pairs."""
    pair = np.full(len(word), n_pairs, dtype=np.int64)
    pair[tokens] = pairs
    return SegmentRows(
        segment,
        alive,
        segment.row_first_token.astype(np.int32),
        segment.row_token.astype(np.int32),
        (segment.row_token - segment.row_first_token).astype(np.uint16),
        word,
        pair,
    )


@dataclass(frozen=True, slots=True)
class Example:
    """A row that shows what a head does.

    Attributes:
        segment: Number of its segment.
        row: The row.
        target: What it looks at most, a token of its sentence.
        weight: In [0, 1].
    """

    segment: int
    row: int
    target: int
    weight: float


def examples_of_role(words: CorpusWords, layer: int, head: int, role: Role, most: int) -> list[Example]:
    """Rows whose strongest attention is in a role, strongest first, one a sentence."""
    return _strongest(words, most, lambda one: _in_role(one, layer, head, role), layer, head)


def examples_of_word(words: CorpusWords, layer: int, head: int, word: str, most: int) -> list[Example]:
    """Rows whose strongest attention goes to a word, strongest first, one a sentence."""

    def looks_at(one: SegmentRows) -> NDArray[np.bool_]:
        form = one.segment.form_number(word)
        target, weight = one.segment.peaks(layer, head)
        if form is None:
            return np.zeros(len(target), dtype=bool)
        found = one.segment.segment.array("token/form")[target] == form
        return np.asarray(found & (weight >= LEAST_WEIGHT) & (target != one.token))

    return _strongest(words, most, looks_at, layer, head)


def _in_role(one: SegmentRows, layer: int, head: int, role: Role) -> NDArray[np.bool_]:
    """bool ``[R]``: rows whose peak goes from word to word, by their first sub-words, in that role."""
    arrays = one.segment.segment
    sentence = np.repeat(one.segment.first_token[:-1], np.diff(one.segment.first_token))
    # tokens of the segment; what stands for no token lies behind the sentence and equals none of its tokens
    word, parent = (sentence + arrays.array(f"token/{name}").astype(np.int64) for name in ("word", "head"))
    target, _ = one.segment.peaks(layer, head)
    starts = (word[one.token] == one.token) & (word[target] == target) & (target != one.token)
    if role.role == SAME_WORD:
        return np.asarray(starts & (one.word[one.token] == one.word[target]))
    names = arrays.meta["labels"]["dep"]
    if role.role not in names:
        return np.zeros(len(target), dtype=bool)
    dependent, governor = (one.token, target) if role.direction == "toHead" else (target, one.token)
    labeled = arrays.array("token/dep")[dependent] == names.index(role.role) + 1
    return np.asarray(starts & labeled & (parent[dependent] == governor))


def _strongest(
    words: CorpusWords, most: int, chosen: Callable[[SegmentRows], NDArray[np.bool_]], layer: int, head: int
) -> list[Example]:
    found: list[Example] = []
    for number, one in enumerate(words.segments):
        target, weight = one.segment.stored_peaks(layer, head)
        rows = np.flatnonzero(chosen(one) & one.alive & ((target != 0) | (not words.causal)))
        rows = rows[np.argsort(-weight[rows].astype(np.int64), kind="stable")]
        _, first = np.unique(one.segment.row_sentence[rows], return_index=True)
        rows = rows[np.sort(first)[:most]]
        found += [Example(number, row, int(target[row]), float(weight[row]) / 255) for row in rows.tolist()]
    return sorted(found, key=lambda example: -example.weight)[:most]
