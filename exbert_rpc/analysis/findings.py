"""Histograms in plain sentences: only what q-values support, strongest first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from exbert_rpc.analysis.types import Attribute, Bin, Controls, Direction, HistogramOf, Subject

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
        hits: The hits that carry the label, by their place in the answer.
        meaning: What the label stands for; ``None`` if nobody says.
    """

    of: HistogramOf
    attribute: Attribute
    row: Bin
    n: int
    n_distinct: int
    log_p: float
    hits: frozenset[int]
    meaning: str | None = None

    @property
    def is_more(self) -> bool:
        """Whether the label is more frequent than expected."""
        return self.row.share > self.row.baseline

    @property
    def named(self) -> str:
        """The label with its meaning behind it in brackets, where that says more: ``"VERB (verb)"``."""
        label = self.row.label
        return label if self.meaning is None or self.meaning == label else f"{label} ({self.meaning})"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A finding: a significant bin that is worth a sentence, and what else the very same hits are."""

    evidence: Evidence
    also: tuple[Evidence, ...]


def find(evidence: Sequence[Evidence], subject: Subject, attention: Direction) -> tuple[str, ...]:
    """At most ``MAX_FINDINGS`` sentences, strongest (smallest p-value) first."""
    return tuple(sentence_of(one, subject, attention) for one in choose(evidence))


def choose(evidence: Sequence[Evidence]) -> tuple[Chosen, ...]:
    """At most ``MAX_FINDINGS`` findings, strongest (smallest p-value) first.

    What is missing is said only where nothing in the same histogram is found more often: that would explain it.
    Labels of several annotations on the very same hits are one finding, said of the label that is rarest in the corpus.
    """
    explained = {(one.of, one.attribute) for one in evidence if one.is_more}
    ranked = sorted(evidence, key=lambda one: (one.log_p, one.of, one.attribute, one.row.label))
    same_hits: defaultdict[tuple[object, ...], list[Evidence]] = defaultdict(list)
    for one in ranked:
        same_hits[_topic(one)].append(one)
    said: Counter[tuple[HistogramOf, Attribute]] = Counter()
    chosen: list[Chosen] = []
    for one in ranked:
        place = (one.of, one.attribute)
        if not one.is_more and (place in explained or one.row.baseline < _WORTH_MISSING):
            continue
        key = _topic(one)
        if said[place] < _PER_HISTOGRAM and key in same_hits:
            said[place] += 1
            chosen.append(Chosen(one, tuple(other for other in same_hits.pop(key) if other is not one)))
    return tuple(chosen[:MAX_FINDINGS])


def sentence_of(finding: Chosen, subject: Subject, attention: Direction) -> str:
    """A finding in words."""
    if finding.evidence.of == "subject":
        return _subject_sentence(finding.evidence, finding.also, subject)
    return _target_sentence(finding.evidence, finding.also, subject, attention)


def with_controls(sentence: str, controls: Controls, attended: str | None) -> str:
    """The sentence of a finding, and how often its label occurs in controls.

    Args:
        sentence: As from :func:`sentence_of`.
        controls: Those that were looked at.
        attended: The word that the strongest attention of most hits goes to; ``None`` if it goes to many words.
    """
    parts = []
    if controls.word is not None:
        parts.append(f"the word alone gives {_percent(controls.word.share)}")
    if controls.echo is not None:
        looked_at = "the same words" if attended is None else f"“{attended}”"
        parts.append(f"tokens that look at {looked_at} give {_percent(controls.echo.share)}")
    if controls.peers is not None:
        peers = controls.peers
        place = f"this head is {_ordinal(peers.rank)} of {peers.of}"
        parts.append(f"the median other head of the layer gives {_percent(peers.median)} ({place})")
    return f"{sentence.removesuffix('.')}; {', '.join(parts)}." if parts else sentence


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _topic(one: Evidence) -> tuple[object, ...]:
    """What a finding is about: equal for labels that the very same tokens of the hits carry.

    Two kinds stay findings of their own: a distance is not what a token is, and what hits lack is not in them.
    """
    if one.row.label == "special":  # in every attribute
        return (one.of, one.row.label)
    if one.attribute == "offset" or not one.is_more:
        return (one.of, one.attribute, one.row.label)
    return (one.of, one.hits)


def _subject_sentence(one: Evidence, also: Sequence[Evidence], subject: Subject) -> str:
    row = one.row
    share = f"{_percent(row.share)}, {_percent(row.baseline)} expected, {_times(row)}{_certainty(one)}"
    habit = "; hardly special, it is common all over this corpus" if _is_habit(one) else ""
    return f"{row.count} of {one.n} {_NOUN[subject]} {_predicate(one)}{_likewise(one, also)}: {share}{habit}."


def _predicate(one: Evidence) -> str:
    label = one.named
    if one.row.label == "none":
        nothing = {"pos": "part of speech", "tag": "tag", "dep": "dependency"}.get(one.attribute)
        return "are in no entity" if nothing is None else f"have no {nothing}"
    return {
        "tag": f"are tagged {label}",
        "dep": f"have the dependency {label}",
        "entity": f"are in an entity of type {label}",
    }.get(one.attribute, f"are {label}")


def _target_sentence(one: Evidence, also: Sequence[Evidence], subject: Subject, attention: Direction) -> str:
    row = one.row
    noun = _NOUN[subject]
    if attention == "outgoing":
        opening = f"The {noun}' strongest attention goes"
    else:
        opening = f"The strongest attention to the {noun} comes from"
    likewise = _likewise(one, also)
    place = _place(one, attention) + (f"{likewise}," if likewise else "")
    share = f"in {_percent(row.share)} ({_percent(row.baseline)} expected, {_times(row)})"
    habit = "; hardly special, these heads do so anyway" if _is_habit(one) else ""
    return f"{opening} {place} {share}{_certainty(one)}{habit}."


def _likewise(one: Evidence, also: Sequence[Evidence]) -> str:
    """What else the hits of a finding are. What is common anyway does not add to what is not."""
    worth = [other for other in also if other.row.label != "special" and (_is_habit(one) or not _is_habit(other))]
    return f", all of them {' and '.join(map(_trait, worth))}" if worth else ""


def _trait(one: Evidence) -> str:
    if one.row.label == "none":
        return "in no entity" if one.attribute == "entity" else f"without {one.attribute}"
    label = one.named
    return {
        "tag": f"tagged {label}",
        "dep": f"with the dependency {label}",
        "entity": f"in an entity of type {label}",
    }.get(one.attribute, label)


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
    return {"tag": f"{to}tokens tagged {one.named}", "dep": f"{to}tokens with the dependency {one.named}"}.get(
        one.attribute, f"{to}{one.named}"
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


def _times(row: Bin) -> str:
    if row.lift is None:
        return "never seen there"
    return f"{row.lift:.0f}×" if row.lift >= 10 else f"{row.lift:.1f}×"
