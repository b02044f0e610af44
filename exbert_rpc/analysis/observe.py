"""What is counted of each hit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.base_rates import SPECIAL, BaseRates, TargetChoice
from exbert_rpc.analysis.controls import LabeledRows
from exbert_rpc.analysis.peaks import subject_token
from exbert_rpc.analysis.summary import LabelCounts, Labels, Observations, label_of
from exbert_rpc.analysis.types import Attribute, Direction, Subject
from exbert_rpc.corpus.search.hits import FoundRow, peak_of
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.types import Hit

ATTRIBUTES: tuple[Attribute, ...] = ("pos", "tag", "dep", "entity")


def observe_subjects(hits: Sequence[Hit], subject: Subject, rates: BaseRates) -> Observations:
    """Labels of each hit's match or next token, against the corpus'."""
    tokens = [hit.match if subject == "match" else hit.next for hit in hits]
    labels: dict[Attribute, Sequence[str | int | None]] = {
        attribute: [None if at is None else _label(hit, attribute, at) for hit, at in zip(hits, tokens, strict=True)]
        for attribute in ATTRIBUTES
    }
    exists = np.array([at is not None for at in tokens], dtype=bool)
    return Observations(exists, labels, _baseline(rates, ATTRIBUTES))


def observe_targets(
    hits: Sequence[Hit], subject: Subject, direction: Direction, include_special: bool, rates: BaseRates
) -> Observations:
    """Labels and offset of the token that each subject attends to most, or that attends to it most."""
    found = [_target(hit, subject, direction, include_special) for hit in hits]
    columns: dict[Attribute, Sequence[str | int | None]] = {
        attribute: [
            None if one is None else _label(hit, attribute, one[0]) for hit, one in zip(hits, found, strict=True)
        ]
        for attribute in ATTRIBUTES
    }
    columns["offset"] = [None if one is None else one[1] for one in found]
    exists = np.array([one is not None for one in found], dtype=bool)
    return Observations(exists, columns, _baseline(rates, (*ATTRIBUTES, "offset")))


def observe_rows(
    reader: CorpusReader, rows: Sequence[FoundRow], targets: Sequence[int | None], choice: TargetChoice
) -> LabeledRows:
    """Labels of rows of a corpus, as :func:`observe_subjects` and :func:`observe_targets` give those of hits.

    Args:
        reader: The corpus.
        rows: The rows, best first.
        targets: For each row the target of its strongest attention, a token of its sentence.
        choice: How that was looked up.
    """
    segments = [reader.segments[one.segment] for one in rows]
    sentences = [int(segment.row_sentence[one.row]) for segment, one in zip(segments, rows, strict=True)]
    subjects = [subject_token(segment, one.row, choice) for segment, one in zip(segments, rows, strict=True)]
    places = list(zip(segments, sentences, strict=True))

    def labels(tokens: Sequence[int | None]) -> dict[Attribute, Sequence[str | int | None]]:
        return {
            attribute: [
                None if token is None else _stored_label(segment, sentence, attribute, token)
                for (segment, sentence), token in zip(places, tokens, strict=True)
            ]
            for attribute in ATTRIBUTES
        }

    offsets = [
        None if target is None or subject is None else target - subject
        for target, subject in zip(targets, subjects, strict=True)
    ]
    return LabeledRows(
        keys=[segment.sentence_text(sentence) for segment, sentence in places],
        documents=[reader.documents.head(one.occurrence.document).unit for one in rows],
        subjects=Labels(np.array([one is not None for one in subjects], dtype=bool), labels(subjects)),
        targets=Labels(
            np.array([one is not None for one in targets], dtype=bool), {**labels(targets), "offset": offsets}
        ),
    )


def _stored_label(segment: OpenSegment, sentence: int, attribute: Attribute, token: int) -> str | None:
    at = int(segment.first_token[sentence]) + token
    return SPECIAL if segment.segment.array("token/special")[at] else segment.label(attribute, at)


def _target(hit: Hit, subject: Subject, direction: Direction, include_special: bool) -> tuple[int, int] | None:
    """Token and offset of the strongest attention of a hit's subject."""
    at = hit.match if subject == "match" else hit.next
    rows: dict[tuple[Subject, Direction], NDArray[np.float32] | None] = {
        ("match", "outgoing"): hit.outgoing,
        ("match", "incoming"): hit.incoming,
        ("next", "outgoing"): hit.next_outgoing,
        ("next", "incoming"): hit.next_incoming,
    }
    row = rows[subject, direction]
    if at is None or row is None:
        return None
    allowed = np.ones(len(row), dtype=bool) if include_special else ~hit.tokens.is_special
    peak = peak_of(row, at, allowed)
    return None if peak is None else (peak.index, peak.offset)


def _label(hit: Hit, attribute: Attribute, token: int) -> str | None:
    if hit.tokens.is_special[token]:
        return SPECIAL
    columns = {"pos": hit.tokens.pos, "tag": hit.tokens.tag, "dep": hit.tokens.dep, "entity": hit.tokens.entity}
    return columns[attribute][token]


def _baseline(rates: BaseRates, attributes: Sequence[Attribute]) -> dict[Attribute, LabelCounts]:
    return {
        attribute: LabelCounts({label_of(label): n for label, n in rates.labels.get(attribute, {}).items()})
        for attribute in attributes
    }
