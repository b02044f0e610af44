"""Hits counted by label, against what the corpus has anyway.

1. Hits whose subject does not exist (no next token) are left out, of counts and denominators alike; so are hits
   without a target from the histograms of the strongest attention.
2. Counts, shares and lift are of all hits that remain. Significance and interval count every distinct sentence once:
   of identical sentences the best hit stands for all, so that a line repeated a hundred times proves nothing more.
3. Where documents are given, hits of one document count as fewer than independent ones, in significance and interval
   (:func:`~exbert_rpc.analysis.statistics.effective_size`).
4. Where it is known which hits are from the query's own sentence, they count, but not in significance and interval:
   any search finds them.
5. A bin is a label that some hit carries, or that none carries although q < 0.05 says that some should.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.contrast import SIGNIFICANT, Tally, tally
from exbert_rpc.analysis.findings import Evidence, choose, find
from exbert_rpc.analysis.statistics import benjamini_hochberg, log_fisher_two_sided, wilson_interval
from exbert_rpc.analysis.types import (
    Attribute,
    Bin,
    Controls,
    Direction,
    Finding,
    Histogram,
    HistogramOf,
    Subject,
    Summary,
)

NONE = "none"
"""The label of what has none: no entity, or a pipeline without that attribute."""


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """How often each label occurs in a baseline; ``total`` is their sum, and labels that are missing have 0."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Number of tokens behind the counts."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of the subjects of some rows, or of their targets.

    Attributes:
        exists: bool ``[n]``, False where a row has no such token.
        labels: For each attribute ``n`` labels; ``""`` and ``None`` count as ``"none"``, offsets are integers. What
            stands where ``exists`` is False does not matter.
    """

    exists: NDArray[np.bool_]
    labels: Mapping[Attribute, Sequence[str | int | None]]


@dataclass(frozen=True, slots=True)
class Observations(Labels):
    """Labels of the hits' subjects (or targets), and of the baseline they are compared with.

    Attributes:
        baseline: For each attribute of ``labels`` the counts under the same conditions, named as by :func:`label_of`.
    """

    baseline: Mapping[Attribute, LabelCounts]


@dataclass(frozen=True, slots=True)
class CountedHits:
    """Hits counted, before findings are chosen.

    Attributes:
        n_hits: Hits whose subject exists.
        n_distinct: Distinct sentences among them.
        n_baseline: Corpus tokens behind the base rates of the subject histograms.
        histograms: One for each attribute.
        evidence: What the significant bins are made of.
    """

    n_hits: int
    n_distinct: int
    n_baseline: int
    histograms: tuple[Histogram, ...]
    evidence: tuple[Evidence, ...]


def label_of(value: str | int | None) -> str:
    """The name under which a label is counted: itself, ``"none"`` for ``""`` and ``None``, ``"-1"`` for an offset."""
    if value is None or value == "":
        return NONE
    return str(value)


def count_labels(values: Sequence[str | int | None]) -> LabelCounts:
    """The labels of a baseline, counted as hits are."""
    return LabelCounts(Counter(label_of(value) for value in values))


def summarize_hits(
    sentences: Sequence[Hashable],
    subjects: Observations,
    targets: Observations,
    *,
    subject: Subject,
    attention: Direction,
    meanings: Mapping[str, str] = MappingProxyType({}),
) -> Summary:
    """What the hits have in common.

    Args:
        sentences: ``n_hits`` keys in the order of rank, equal for hits from identical sentences.
        subjects: Of each hit's match or next token.
        targets: Of the token that the subject attends to most, or that attends to it most; attribute ``offset`` too.
        subject: Which token the subjects are.
        attention: Which way ``targets`` looked.
        meanings: What labels stand for; one that is missing is shown alone.
    """
    counted = count_hits(sentences, subjects, targets, meanings=meanings)
    chosen = [one.evidence for one in choose(counted.evidence)]
    findings = find(counted.evidence, subject, attention)
    return Summary(
        subject=subject,
        attention=attention,
        n_hits=counted.n_hits,
        n_distinct=counted.n_distinct,
        n_baseline=counted.n_baseline,
        histograms=counted.histograms,
        findings=findings,
        findings_detailed=tuple(
            Finding(sentence, one.of, one.attribute, one.row.label, "unchecked", 1.0, Controls())
            for sentence, one in zip(findings, chosen, strict=True)
        ),
    )


def count_hits(
    sentences: Sequence[Hashable],
    subjects: Observations,
    targets: Observations,
    documents: Sequence[Hashable] | None = None,
    own: NDArray[np.bool_] | None = None,
    *,
    meanings: Mapping[str, str] = MappingProxyType({}),
) -> CountedHits:
    """Hits by label, and what of it is significant.

    Args:
        sentences: See :func:`summarize_hits`; so are ``subjects`` and ``targets``.
        documents: ``n_hits`` keys, equal for hits of one document; ``None`` takes all hits as independent.
        own: bool ``[n_hits]``, hits from the query's own sentence, which prove nothing; ``None``: none of them.
        meanings: What labels stand for.
    """
    parts: tuple[tuple[HistogramOf, Observations], ...]
    parts = (("subject", subjects), ("maxAttention", _within(targets, subjects.exists)))
    tables = [
        _Table.count(of, attribute, values, observed, sentences, documents, own)
        for of, observed in parts
        for attribute, values in observed.labels.items()
    ]
    log_p = [value for table in tables for value in table.log_p]
    q_values = iter(benjamini_hochberg(np.exp(log_p)).tolist())
    histograms: list[Histogram] = []
    evidence: list[Evidence] = []
    for table in tables:
        histogram, seen = table.finish([next(q_values) for _ in table.log_p], meanings)
        histograms.append(histogram)
        evidence += seen
    counted = [key for key, exists in zip(sentences, subjects.exists, strict=True) if exists]
    return CountedHits(
        n_hits=len(counted),
        n_distinct=len(set(counted)),
        n_baseline=max((counts.total for counts in subjects.baseline.values()), default=0),
        histograms=tuple(histograms),
        evidence=tuple(evidence),
    )


def distinct_rows(sentences: Sequence[Hashable], exists: NDArray[np.bool_]) -> list[int]:
    """Of rows that exist the first from each distinct sentence, hence the best one, in order."""
    first: dict[Hashable, int] = {}
    for row in np.flatnonzero(exists).tolist():
        first.setdefault(sentences[row], row)
    return list(first.values())


def _within(observed: Observations, exists: NDArray[np.bool_]) -> Observations:
    return Observations(observed.exists & exists, observed.labels, observed.baseline)


@dataclass(frozen=True, slots=True)
class _Table:
    """One histogram before q-values: its labels, their counts, and how surprising each is."""

    of: HistogramOf
    attribute: Attribute
    counts: Counter[str]
    distinct: Mapping[str, Tally]
    hits: Mapping[str, set[int]]
    baseline: LabelCounts
    log_p: list[float]

    @classmethod
    def count(
        cls,
        of: HistogramOf,
        attribute: Attribute,
        values: Sequence[str | int | None],
        observed: Observations,
        sentences: Sequence[Hashable],
        documents: Sequence[Hashable] | None,
        own: NDArray[np.bool_] | None,
    ) -> _Table:
        """Count one attribute."""
        hits: defaultdict[str, set[int]] = defaultdict(set)
        for hit in np.flatnonzero(observed.exists).tolist():
            hits[label_of(values[hit])].add(hit)
        counts = Counter({label: len(found) for label, found in hits.items()})
        baseline = observed.baseline[attribute]
        labels = sorted({*counts, *(label for label, number in baseline.counts.items() if number > 0)})
        kept = distinct_rows(sentences, observed.exists if own is None else observed.exists & ~own)
        owners = None if documents is None else [documents[hit] for hit in kept]
        distinct = {label: tally([hit in hits.get(label, ()) for hit in kept], owners) for label in labels}
        log_p = [
            log_fisher_two_sided(one.count, one.n, baseline.counts.get(label, 0), baseline.total, one.size)
            for label, one in distinct.items()
        ]
        return cls(of, attribute, counts, distinct, hits, baseline, log_p)

    def finish(self, q_values: Sequence[float], meanings: Mapping[str, str]) -> tuple[Histogram, list[Evidence]]:
        """The histogram, and what of it may be said: its labels with q below ``SIGNIFICANT``."""
        bins: list[Bin] = []
        evidence: list[Evidence] = []
        n, base_n = self.counts.total(), self.baseline.total
        for (label, distinct), log_p, q_value in zip(self.distinct.items(), self.log_p, q_values, strict=True):
            if self.counts[label] == 0 and q_value >= SIGNIFICANT:
                continue
            share = self.counts[label] / n if n else 0.0
            base = self.baseline.counts.get(label, 0) / base_n if base_n else 0.0
            low, high = wilson_interval(share, distinct.size)
            row = Bin(label, self.counts[label], share, base, share / base if base else None, low, high, q_value)
            bins.append(row)
            # copies may tip the share the other way than the distinct sentences: then nothing is said
            agrees = (share > base) == (distinct.count > base * distinct.n)
            if q_value < SIGNIFICANT and agrees:
                hits = frozenset(self.hits.get(label, ()))
                meaning = meanings.get(label)
                evidence.append(Evidence(self.of, self.attribute, row, n, distinct.n, log_p, hits, meaning))
        bins.sort(key=lambda row: (-row.count, row.label))
        return Histogram(self.of, self.attribute, tuple(bins)), evidence
