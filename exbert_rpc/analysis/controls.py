"""A summary with controls: how often each label occurs in them, and whose each finding is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.contrast import Contrast, Sampled, Tally, judge, stand_among, tally
from exbert_rpc.analysis.findings import choose, sentence_of, with_controls
from exbert_rpc.analysis.summary import Labels, Observations, count_hits, distinct_rows, label_of
from exbert_rpc.analysis.types import (
    Attribute,
    Bin,
    Controls,
    ControlShare,
    Direction,
    Finding,
    Histogram,
    HistogramOf,
    Subject,
    Summary,
)


@dataclass(frozen=True, slots=True)
class LabeledRows:
    """Rows of a corpus with what a summary counts of each; ``n`` of them, best first where that means anything.

    Attributes:
        keys: Equal for rows that count once: identical sentences.
        documents: Equal for rows of one document.
        subjects: Labels of each row's match or next token.
        targets: Labels of the strongest attention's target.
    """

    keys: Sequence[Hashable]
    documents: Sequence[Hashable]
    subjects: Labels
    targets: Labels


@dataclass(frozen=True, slots=True)
class ControlRows:
    """What hits are compared with; ``None`` where a control was not looked at.

    Attributes:
        word: The nearest rows of hidden layer 0.
        echo: Rows whose strongest attention goes to the same words.
        peers: For each other head of the layer, the hits of the same query.
        needed: Controls that a finding has to exceed to be the head's.
        attended: The word that the strongest attention of most hits goes to, if it is one.
        notes: What limits the controls, in words.
    """

    word: LabeledRows | None = None
    echo: LabeledRows | None = None
    peers: Sequence[LabeledRows] | None = None
    needed: tuple[Sampled, ...] = ()
    attended: str | None = None
    notes: tuple[str, ...] = ()


def summarize_with_controls(
    keys: Sequence[Hashable],
    documents: Sequence[Hashable],
    subjects: Observations,
    targets: Observations,
    controls: ControlRows,
    *,
    own: NDArray[np.bool_],
    subject: Subject,
    attention: Direction,
    meanings: Mapping[str, str] = MappingProxyType({}),
) -> Summary:
    """What the hits have in common, and how much of it is the head's.

    Args:
        keys: ``n_hits`` keys in the order of rank, equal for hits from identical sentences.
        documents: ``n_hits`` keys, equal for hits of one document.
        subjects: Of each hit's match or next token.
        targets: Of the token that the subject attends to most, or that attends to it most.
        controls: What to compare with, labeled in the same way.
        own: bool ``[n_hits]``, hits from the query's own sentence: they are counted, but prove nothing.
        subject: Which token the subjects are.
        attention: Which way ``targets`` looked.
        meanings: What labels stand for; one that is missing is shown alone.
    """
    counted = count_hits(keys, subjects, targets, documents, own, meanings=meanings)
    others = [Labels(part.exists & ~own, part.labels) for part in (subjects, targets)]
    table = _ControlTable(LabeledRows(keys, documents, *others), controls)
    chosen = choose(counted.evidence)
    verdicts = judge(
        [table.contrast(one.evidence.of, one.evidence.attribute, one.evidence.row) for one in chosen], controls.needed
    )
    findings = []
    for one, (verdict, q_value) in zip(chosen, verdicts, strict=True):
        of, attribute, row = one.evidence.of, one.evidence.attribute, one.evidence.row
        found = table.controls(of, attribute, row)
        sentence = with_controls(sentence_of(one, subject, attention), found, controls.attended)
        findings.append(Finding(sentence, of, attribute, row.label, verdict, q_value, found))
    findings.sort(key=lambda one: one.verdict != "head")  # stable: the strongest stay first
    return Summary(
        subject=subject,
        attention=attention,
        n_hits=counted.n_hits,
        n_distinct=counted.n_distinct,
        n_baseline=counted.n_baseline,
        histograms=tuple(map(table.complete, counted.histograms)),
        findings=tuple(one.sentence for one in findings),
        findings_detailed=tuple(findings),
        notes=controls.notes,
    )


_Column = tuple[list[str], list[Hashable]]
"""Of distinct rows: label, document."""


class _ControlTable:
    """Looks labels up in the hits and in their controls."""

    def __init__(self, hits: LabeledRows, controls: ControlRows) -> None:
        self._hits = hits
        samples: dict[Sampled, LabeledRows | None] = {"word": controls.word, "echo": controls.echo}
        self._samples = {name: rows for name, rows in samples.items() if rows is not None}
        self._peers = controls.peers or ()
        self._columns: dict[tuple[int, HistogramOf, Attribute], _Column] = {}
        self._counts: dict[tuple[int, HistogramOf, Attribute], Counter[str]] = {}

    def complete(self, histogram: Histogram) -> Histogram:
        """A histogram whose bins have controls."""
        of, attribute = histogram.of, histogram.attribute
        bins = tuple(replace(one, controls=self.controls(of, attribute, one)) for one in histogram.bins)
        return Histogram(of, attribute, bins)

    def controls(self, of: HistogramOf, attribute: Attribute, row: Bin) -> Controls:
        """How often a label occurs in each control that has rows."""
        shares = {
            name: ControlShare(counts[row.label] / counts.total(), counts.total())
            for name, rows in self._samples.items()
            if (counts := self._count(rows, of, attribute)).total()
        }
        others = [self._share(rows, of, attribute, row.label) for rows in self._peers]
        peers = None
        if others:
            mine = self._share(self._hits, of, attribute, row.label)
            peers = stand_among(mine, others, more=row.share > row.baseline)
        return Controls(shares.get("word"), shares.get("echo"), peers)

    def contrast(self, of: HistogramOf, attribute: Attribute, row: Bin) -> Contrast:
        """A finding beside its samples."""

        def count(rows: LabeledRows) -> Tally:
            labels, documents = self._column(rows, of, attribute)
            return tally([label == row.label for label in labels], documents)

        samples = {name: count(rows) for name, rows in self._samples.items()}
        return Contrast(count(self._hits), row.share > row.baseline, samples)

    def _share(self, rows: LabeledRows, of: HistogramOf, attribute: Attribute, label: str) -> float:
        counts = self._count(rows, of, attribute)
        return counts[label] / counts.total() if counts.total() else 0.0

    def _count(self, rows: LabeledRows, of: HistogramOf, attribute: Attribute) -> Counter[str]:
        key = (id(rows), of, attribute)
        if key not in self._counts:
            self._counts[key] = Counter(self._column(rows, of, attribute)[0])
        return self._counts[key]

    def _column(self, rows: LabeledRows, of: HistogramOf, attribute: Attribute) -> _Column:
        key = (id(rows), of, attribute)
        if key not in self._columns:
            self._columns[key] = _column(rows, of, attribute)
        return self._columns[key]


def _column(rows: LabeledRows, of: HistogramOf, attribute: Attribute) -> _Column:
    """Labels of the distinct rows that have such a token."""
    part = rows.subjects if of == "subject" else rows.targets
    exists = part.exists if of == "subject" else part.exists & rows.subjects.exists
    kept = distinct_rows(rows.keys, exists)
    values = part.labels[attribute]
    return [label_of(values[row]) for row in kept], [rows.documents[row] for row in kept]
