"""Where the strongest attention of corpus rows goes, and which rows attend to a word.

:class:`PeakSource` is the seam. :class:`TablePeaks` looks both up in the peak table of the corpus, which knows the
attention of single heads to tokens that are not special. :class:`AttentionPeaks` answers everything else, from the
attention of whole sentences:

1. Targets: the sentence of each row is read.
2. Rows that attend to a word: only sentences that contain the word can have any. These are found by token ids, shuffled
   with a fixed seed, and read until there are enough rows, at most ``MAX_SENTENCES`` of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.base_rates import TargetChoice
from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.hits import peak_of
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.search.rerun import AttentionSource, SentenceKey
from exbert_rpc.tasks import Task

MAX_SENTENCES = 1024
"""Most sentences that are read for rows that attend to words."""

RowKey = tuple[int, int]
"""Number of a segment, and of a row in it."""

_SEED = 20191011  # any fixed number makes answers repeatable
_SENTENCES_A_WORD = 32
_SENTENCE_BITS = 40  # of a number that stands for a segment and a sentence in it


class PeakSource(Protocol):
    """Knows where the strongest attention of rows goes."""

    def targets(
        self, rows: Sequence[RowKey], choice: TargetChoice, heads: Sequence[Sequence[int]], task: Task
    ) -> list[int | None]:
        """The token, counted in its sentence, that each row's subject attends to most; ``None`` where there is none.

        Args:
            rows: The rows.
            choice: What is read; its ``heads`` do not matter.
            heads: For each row the heads whose mean counts.
            task: Obeyed.
        """
        ...

    def attending_to(
        self, wanted: Mapping[str, int], layer: int, heads: Sequence[int], task: Task
    ) -> tuple[dict[str, list[RowKey]], bool]:
        """Eligible rows whose strongest attention to a token that is not special goes to a word, at random.

        Args:
            wanted: How many rows for each word (a token's text in lower case); there may be more, or fewer.
            layer: Attention layer.
            heads: Heads whose mean counts.
            task: Obeyed.

        Returns:
            Rows of each word, and whether a word has fewer than wanted only because not all sentences were read.
        """
        ...


class AttentionPeaks:
    """A :class:`PeakSource` that reads the attention of whole sentences.

    Args:
        reader: The corpus.
        eligible: Rows that count.
        source: Where attention comes from.
    """

    def __init__(self, reader: CorpusReader, eligible: Eligible, source: AttentionSource) -> None:
        self._reader = reader
        self._eligible = eligible
        self._source = source

    def targets(
        self, rows: Sequence[RowKey], choice: TargetChoice, heads: Sequence[Sequence[int]], task: Task
    ) -> list[int | None]:
        """See :class:`PeakSource`."""
        of_sentence: defaultdict[SentenceKey, list[int]] = defaultdict(list)
        for index, (number, row) in enumerate(rows):
            of_sentence[number, int(self._reader.segments[number].row_sentence[row])].append(index)
        found: list[int | None] = [None] * len(rows)
        attention = self._source.attention(list(of_sentence), choice.layer, task)
        for ((number, sentence), indices), pattern in zip(of_sentence.items(), attention, strict=True):
            segment = self._reader.segments[number]
            allowed = np.ones(pattern.shape[-1], bool) if choice.include_special else ~segment.is_special(sentence)
            for index in indices:
                at = subject_token(segment, rows[index][1], choice)
                if at is not None:
                    of_row = pattern[list(heads[index]), at] if choice.outgoing else pattern[list(heads[index]), :, at]
                    peak = peak_of(of_row.mean(axis=0), at, allowed)
                    found[index] = None if peak is None else peak.index
        return found

    def attending_to(
        self, wanted: Mapping[str, int], layer: int, heads: Sequence[int], task: Task
    ) -> tuple[dict[str, list[RowKey]], bool]:
        """See :class:`PeakSource`."""
        found: dict[str, list[RowKey]] = {word: [] for word in sorted(wanted)}
        unread = {word: iter(sentences) for word, sentences in self._sentences_with(sorted(wanted)).items()}
        seen: set[SentenceKey] = set()
        while batch := _next_batch(found, wanted, unread, seen):
            seen.update(batch)
            for key, pattern in zip(batch, self._source.attention(batch, layer, task), strict=True):
                for word, row in self._peaks_of(key, pattern[list(heads)].mean(axis=0)):
                    if word in found:
                        found[word].append(row)
        lacks = any(len(rows) < wanted[word] for word, rows in found.items())
        return found, lacks and len(seen) >= MAX_SENTENCES

    def _peaks_of(self, key: SentenceKey, mean: NDArray[np.float32]) -> Iterator[tuple[str, RowKey]]:
        """Of each eligible row of a sentence the word that it attends to most."""
        number, sentence = key
        segment = self._reader.segments[number]
        rows = np.arange(segment.first_row[sentence], segment.first_row[sentence + 1])
        rows = rows[self._eligible.weights[number][rows] > 0]
        first = int(segment.first_token[sentence])
        special = segment.is_special(sentence)
        targets = np.where(special, -1.0, mean[segment.row_token[rows] - first]).argmax(axis=1)
        words = words_of(segment, sentence)
        for row, target in zip(rows.tolist(), targets.tolist(), strict=True):
            yield words[target], (number, row)

    def _sentences_with(self, words: Sequence[str]) -> dict[str, list[SentenceKey]]:
        """For each word sentences that hold it and a row that counts, shuffled; at most ``MAX_SENTENCES``."""
        number_of_id = _numbers_of_ids(self._reader, words)
        parts = [np.zeros((2, 0), np.int64)]
        for number, (segment, weights) in enumerate(zip(self._reader.segments, self._eligible.weights, strict=True)):
            word_of_token = number_of_id[segment.segment.array("token/id")]
            tokens = np.flatnonzero(word_of_token >= 0)
            sentences = np.searchsorted(segment.first_token, tokens, side="right") - 1
            counts = np.zeros(len(segment.first_row) - 1, dtype=bool)
            counts[segment.row_sentence[weights > 0]] = True
            kept = counts[sentences]
            parts.append(np.stack([word_of_token[tokens[kept]], (number << _SENTENCE_BITS) + sentences[kept]]))
        word_of_place, places = np.concatenate(parts, axis=1)
        order = np.argsort(word_of_place, kind="stable")
        ends = np.searchsorted(word_of_place[order], np.arange(1, len(words)))
        of_word = [np.unique(one) for one in np.split(places[order], ends)]
        rng = np.random.default_rng(_SEED)
        return {
            word: [divmod(one, 1 << _SENTENCE_BITS) for one in rng.permutation(found)[:MAX_SENTENCES].tolist()]
            for word, found in zip(words, of_word, strict=False)  # without words there is one empty part
        }


class TablePeaks:
    """A :class:`PeakSource` that looks up the peak table of a corpus, so far as that can tell.

    It finds every row that attends to a word; those wanted are drawn from all of them with a fixed seed.

    Args:
        reader: A corpus with head tables in all its segments.
        eligible: Rows that count.
        others: Answers for several heads, for incoming attention, and where special tokens may be targets.
    """

    def __init__(self, reader: CorpusReader, eligible: Eligible, others: PeakSource) -> None:
        self._reader = reader
        self._eligible = eligible
        self._others = others

    def targets(
        self, rows: Sequence[RowKey], choice: TargetChoice, heads: Sequence[Sequence[int]], task: Task
    ) -> list[int | None]:
        """See :class:`PeakSource`."""
        if not choice.outgoing or choice.include_special or any(len(some) != 1 for some in heads):
            return self._others.targets(rows, choice, heads, task)
        of_head: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for index, ((number, _), some) in enumerate(zip(rows, heads, strict=True)):
            of_head[number, some[0]].append(index)
        found: list[int | None] = [None] * len(rows)
        for (number, head), indices in of_head.items():
            task.check()
            segment = self._reader.segments[number]
            target, _ = segment.stored_peaks(choice.layer, head)
            for index in indices:
                row = rows[index][1] if choice.subject == "match" else int(segment.row_next[rows[index][1]])
                found[index] = int(target[row]) if row >= 0 else None
        return found

    def attending_to(
        self, wanted: Mapping[str, int], layer: int, heads: Sequence[int], task: Task
    ) -> tuple[dict[str, list[RowKey]], bool]:
        """See :class:`PeakSource`; rows are never missing."""
        if len(heads) != 1:
            return self._others.attending_to(wanted, layer, heads, task)
        words = sorted(wanted)
        number_of_id = _numbers_of_ids(self._reader, words)
        parts = [np.zeros((4, 0), np.int64)]
        for number, (segment, weights) in enumerate(zip(self._reader.segments, self._eligible.weights, strict=True)):
            task.check()
            target, _ = segment.peaks(layer, heads[0])
            word = number_of_id[segment.segment.array("token/id")][target]
            rows = np.flatnonzero((word >= 0) & (weights > 0))
            parts.append(np.stack([word[rows], np.full(len(rows), number), rows, target[rows]]))
        word, segment_number, row, target = np.concatenate(parts, axis=1)
        found: dict[str, list[RowKey]] = {}
        rng = np.random.default_rng(_SEED)
        for number, name in enumerate(words):
            drawn = rng.permutation(np.flatnonzero(word == number))
            # what one token id stands for can read differently in another place
            right = (
                (int(segment_number[at]), int(row[at]))
                for at in drawn.tolist()
                if _reads(self._reader.segments[segment_number[at]], int(row[at]), int(target[at])) == name
            )
            found[name] = list(islice(right, wanted[name]))
        return found, False


def _reads(segment: OpenSegment, row: int, token: int) -> str:
    """The text of a token of the sentence of a row, in lower case."""
    start, end = int(segment.segment.array("token/start")[token]), int(segment.segment.array("token/end")[token])
    return segment.sentence_text(int(segment.row_sentence[row]))[start:end].lower()


def _numbers_of_ids(reader: CorpusReader, words: Sequence[str]) -> NDArray[np.int64]:
    """For each token id the number of the word that it reads like; -1 for none of these."""
    vocabulary = reader.cached("vocabulary", lambda: _vocabulary(reader))
    number_of_id = np.full(vocabulary.n_ids, -1)
    for number, word in enumerate(words):
        number_of_id[vocabulary.ids.get(word, [])] = number
    return number_of_id


def words_of(segment: OpenSegment, sentence: int) -> list[str]:
    """The text of each token of a sentence, in lower case; ``""`` for special tokens."""
    text = segment.sentence_text(sentence)
    span = slice(int(segment.first_token[sentence]), int(segment.first_token[sentence + 1]))
    starts, ends = segment.segment.array("token/start")[span], segment.segment.array("token/end")[span]
    return [text[start:end].lower() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def subject_token(segment: OpenSegment, row: int, choice: TargetChoice) -> int | None:
    """The token, counted in its sentence, whose attention is read; ``None`` where there is no next token."""
    subject = row if choice.subject == "match" else int(segment.row_next[row])
    if subject < 0:
        return None
    return int(segment.row_token[subject] - segment.first_token[int(segment.row_sentence[row])])


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """Ids of the tokens that read like each word at their first place in a segment; all ids are below ``n_ids``."""

    ids: Mapping[str, list[int]]
    n_ids: int


def _vocabulary(reader: CorpusReader) -> _Vocabulary:
    ids: defaultdict[str, set[int]] = defaultdict(set)
    for segment in reader.segments:
        of_token = np.asarray(segment.segment.array("token/id"), dtype=np.int64)
        first = np.full(int(of_token.max(initial=-1)) + 1, -1)
        first[of_token[::-1]] = np.arange(len(of_token))[::-1]  # of equal ids the last one assigned stays
        tokens = np.sort(first[first >= 0])
        sentences = np.searchsorted(segment.first_token, tokens, side="right") - 1
        for sentence, places in groupby(zip(sentences.tolist(), tokens.tolist(), strict=True), key=itemgetter(0)):
            words = words_of(segment, sentence)
            for _, token in places:
                ids[words[token - int(segment.first_token[sentence])]].add(int(of_token[token]))
    highest = max((max(of) for of in ids.values()), default=-1)
    return _Vocabulary({word: sorted(of) for word, of in ids.items()}, highest + 1)


def _next_batch(
    found: Mapping[str, Sequence[RowKey]],
    wanted: Mapping[str, int],
    unread: Mapping[str, Iterator[SentenceKey]],
    seen: set[SentenceKey],
) -> list[SentenceKey]:
    """Sentences of every word that lacks rows, about as many as it lacks, none of them read before."""
    batch: dict[SentenceKey, None] = {}
    for word, rows in found.items():
        lacking = min(wanted[word] - len(rows), _SENTENCES_A_WORD)
        new = (key for key in unread[word] if key not in seen and key not in batch)
        batch.update(dict.fromkeys(islice(new, max(0, lacking))))
    return list(islice(batch, MAX_SENTENCES - len(seen)))
