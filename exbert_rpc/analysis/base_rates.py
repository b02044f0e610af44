"""What a corpus has anyway: base rates under the same conditions as a search.

1. Subjects: the labels of every row that may be a hit, or of the token after it, each counted at every place.
2. Targets of the strongest attention: the same heads of the same layer are looked up for a seeded sample of those rows
   (whole sentences at random, until ``SAMPLE_ROWS``), with the same choice of direction and of special tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.filters import Eligible
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.search.rerun import AttentionSource
from exbert_rpc.corpus.store.layout import ANNOTATIONS
from exbert_rpc.tasks import Task

SAMPLE_ROWS = 8000
SPECIAL = "special"
"""The label of a target that is a special token, where those are included."""

_SEED = 20191011  # the day exBERT appeared; any fixed number makes answers repeatable
_SENTENCES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """How the strongest attention is looked up.

    Attributes:
        layer: Attention layer.
        heads: Heads whose mean counts.
        subject: Whose row is read: the match's or the next token's.
        outgoing: From the subject (else: to it).
        include_special: Whether special tokens may be targets.
    """

    layer: int
    heads: tuple[int, ...]
    subject: Literal["match", "next"]
    outgoing: bool
    include_special: bool


@dataclass
class BaseRates:
    """Counts of labels: ``labels[attribute][label]``; targets have ``offset`` too, with integers as labels.

    Without a label is ``None``.
    """

    labels: dict[str, Counter[str | int | None]] = field(default_factory=dict)

    def add(self, attribute: str, label: str | int | None, count: int) -> None:
        """Count a label ``count`` times."""
        self.labels.setdefault(attribute, Counter())[label] += count


def subject_rates(reader: CorpusReader, eligible: Eligible, subject: Literal["match", "next"]) -> BaseRates:
    """Labels of all rows that may be hits, or of the tokens after them."""
    rates = BaseRates()
    for segment, weights in zip(reader.segments, eligible.weights, strict=True):
        rows = np.flatnonzero(weights)
        counted = rows if subject == "match" else segment.row_next[rows]
        exists = counted >= 0
        _count(rates, segment, segment.row_token[counted[exists]], weights[rows[exists]])
    return rates


def target_rates(
    reader: CorpusReader, eligible: Eligible, choice: TargetChoice, source: AttentionSource, task: Task
) -> BaseRates:
    """Labels and offsets of the strongest attention over a sample of rows that may be hits."""
    rates = BaseRates()
    seen = 0
    sentences = _sample(reader, eligible)
    for start in range(0, len(sentences), _SENTENCES_AT_ONCE):
        some = sentences[start : start + _SENTENCES_AT_ONCE]
        for (number, sentence), attention in zip(some, source.attention(some, choice.layer, task), strict=True):
            segment = reader.segments[number]
            seen += _count_targets(rates, segment, sentence, attention, eligible.weights[number], choice)
        if seen >= SAMPLE_ROWS:
            break
    return rates


def _sample(reader: CorpusReader, eligible: Eligible) -> Sequence[tuple[int, int]]:
    """Sentences with a row that may be a hit, shuffled; each (segment, sentence)."""
    pairs = [
        np.stack([np.full(len(found), number), found], axis=1)
        for number, (segment, weights) in enumerate(zip(reader.segments, eligible.weights, strict=True))
        for found in (np.unique(segment.row_sentence[weights > 0]),)
    ]
    everything = np.concatenate([np.zeros((0, 2), np.int64), *pairs])
    shuffled: list[list[int]] = np.random.default_rng(_SEED).permutation(everything)[:SAMPLE_ROWS].tolist()
    return [(number, sentence) for number, sentence in shuffled]


def _count_targets(
    rates: BaseRates,
    segment: OpenSegment,
    sentence: int,
    attention: NDArray[np.float32],
    weights: NDArray[np.int32],
    choice: TargetChoice,
) -> int:
    """Count the targets of one sentence's eligible rows; returns how many rows were counted."""
    rows = np.arange(segment.first_row[sentence], segment.first_row[sentence + 1])
    rows = rows[weights[rows] > 0]
    weight = weights[rows]
    subjects = rows if choice.subject == "match" else segment.row_next[rows]
    weight, subjects = weight[subjects >= 0], subjects[subjects >= 0]
    if len(subjects) == 0:
        return 0
    first = int(segment.first_token[sentence])
    at = segment.row_token[subjects] - first
    mean = attention[list(choice.heads)].mean(axis=0)
    table = mean[at] if choice.outgoing else mean[:, at].T
    special = segment.is_special(sentence)
    targets = np.argmax(table if choice.include_special else np.where(special, -1.0, table), axis=1)
    plain = ~special[targets]
    _count(rates, segment, first + targets[plain], weight[plain])
    for attribute in ANNOTATIONS if not plain.all() else ():
        rates.add(attribute, SPECIAL, int(weight[~plain].sum()))
    for offset, count in zip((targets - at).tolist(), weight.tolist(), strict=True):
        rates.add("offset", offset, count)
    return len(subjects)


def _count(rates: BaseRates, segment: OpenSegment, tokens: NDArray[np.int64], weights: NDArray[np.int32]) -> None:
    for attribute in ANNOTATIONS:
        names: list[str | None] = [None, *segment.segment.meta["labels"][attribute]]
        numbers = segment.segment.array(f"token/{attribute}")[tokens]
        counts = np.bincount(numbers, weights=weights, minlength=len(names))
        for number in np.flatnonzero(counts):
            rates.add(attribute, names[number], int(counts[number]))
