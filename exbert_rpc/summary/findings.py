"""Histograms in plain sentences: only what q-values support, strongest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from exbert_rpc.summary.glossary import explain
from exbert_rpc.summary.types import Attribute, Direction, HistogramOf, LabelCount, Subject

MAX_FINDINGS = 12
"""More than a person reads at once would hide the strong ones."""

_NOUN = {"match": "matches", "next": "next tokens"}
_PER_HISTOGRAM = 2
_HARDLY_SPECIAL = 1.5  # a lift below this is mostly habit, however sure
_WORTH_MISSING = 0.1  # labels rarer than this in the corpus are not missed


@dataclass(frozen=True, slots=True)
class Evidence:
    """A significant bin.

    Attributes:
        of: Histogram that it stands in.
        attribute: Likewise.
        row: The bin.
        n: Hits behind its share.
        n_distinct: Distinct sentences behind its q-value.
        log_p: Natural logarithm of its p-value, the measure of strength.
    """

    of: HistogramOf
    attribute: Attribute
    row: LabelCount
    n: int
    n_distinct: int
    log_p: float

    @property
    def is_more(self) -> bool:
        """Whether the label is more frequent than expected."""
        return self.row.share > self.row.baseline


def find(evidence: Sequence[Evidence], subject: Subject, attention: Direction) -> tuple[str, ...]:
    """At most ``MAX_FINDINGS`` sentences, strongest (smallest p-value) first.

    What is missing is said only where nothing in the same histogram is found more often: that would explain it.
    """
    explained = {(one.of, one.attribute) for one in evidence if one.is_more}
    said: Counter[tuple[HistogramOf, Attribute]] = Counter()
    sentences: list[str] = []
    for one in sorted(evidence, key=lambda one: (one.log_p, one.of, one.attribute, one.row.label)):
        place = (one.of, one.attribute)
        if not one.is_more and (place in explained or one.row.baseline < _WORTH_MISSING):
            continue
        sentence = _sentence(one, subject, attention)
        # special tokens have one label in every attribute: once is enough
        if said[place] < _PER_HISTOGRAM and sentence not in sentences:
            said[place] += 1
            sentences.append(sentence)
    return tuple(sentences[:MAX_FINDINGS])


def _sentence(one: Evidence, subject: Subject, attention: Direction) -> str:
    if one.of == "subject":
        return _subject_sentence(one, subject)
    return _target_sentence(one, subject, attention)


def _subject_sentence(one: Evidence, subject: Subject) -> str:
    row = one.row
    share = f"{_percent(row.share)}, {_percent(row.baseline)} expected, {_times(row)}{_certainty(one)}"
    habit = "; hardly special, it is common all over this corpus" if _is_habit(one) else ""
    return f"{row.count} of {one.n} {_NOUN[subject]} {_predicate(one)}: {share}{habit}."


def _predicate(one: Evidence) -> str:
    label = explain(one.attribute, one.row.label)
    if one.row.label == "none":
        nothing = {"pos": "part of speech", "tag": "tag", "dep": "dependency"}.get(one.attribute)
        return "are in no entity" if nothing is None else f"have no {nothing}"
    return {
        "tag": f"are tagged {label}",
        "dep": f"have the dependency {label}",
        "entity": f"are in an entity of type {label}",
    }.get(one.attribute, f"are {label}")


def _target_sentence(one: Evidence, subject: Subject, attention: Direction) -> str:
    row = one.row
    noun = _NOUN[subject]
    if attention == "outgoing":
        opening = f"The {noun}' strongest attention goes"
    else:
        opening = f"The strongest attention to the {noun} comes from"
    share = f"in {_percent(row.share)} ({_percent(row.baseline)} expected, {_times(row)})"
    habit = "; hardly special, these heads do so anyway" if _is_habit(one) else ""
    return f"{opening} {_place(one, attention)} {share}{_certainty(one)}{habit}."


def _place(one: Evidence, attention: Direction) -> str:
    to = "to " if attention == "outgoing" else ""
    label = one.row.label
    if one.attribute == "offset":
        offset = int(label)
        if offset == 0:
            return f"{to}the token itself (offset 0)"
        tokens = f"{abs(offset)} token{'s'[: abs(offset) > 1]}"
        return f"{to}{tokens} {'back' if offset < 0 else 'ahead'} (offset {offset:+d})".replace("-", "−")
    if label == "none":
        return f"{to}tokens " + ("in no entity" if one.attribute == "entity" else f"without {one.attribute}")
    if label == "special":
        return f"{to}special tokens"
    named = explain(one.attribute, label)
    return {"tag": f"{to}tokens tagged {named}", "dep": f"{to}tokens with the dependency {named}"}.get(
        one.attribute, f"{to}{named}"
    )


def _is_habit(one: Evidence) -> bool:
    return one.is_more and one.row.lift is not None and one.row.lift < _HARDLY_SPECIAL


def _certainty(one: Evidence) -> str:
    q_value = one.row.q_value
    sure = ", q < 0.001" if q_value < 0.001 else f", q = {q_value:.2g}"
    return sure + (f" over {one.n_distinct} distinct sentences" if one.n_distinct < one.n else "")


def _percent(share: float) -> str:
    percent = 100 * share
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.1f} %" if 0 < percent < 1 or 99 < percent < 100 else f"{percent:.0f} %"


def _times(row: LabelCount) -> str:
    if row.lift is None:
        return "never seen there"
    return f"{row.lift:.0f}×" if row.lift >= 10 else f"{row.lift:.1f}×"
