"""What a summary is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Subject = Literal["match", "next"]
Direction = Literal["outgoing", "incoming"]
HistogramOf = Literal["subject", "maxAttention"]
Attribute = Literal["pos", "tag", "dep", "entity", "offset"]


@dataclass(frozen=True, slots=True)
class Bin:
    """One label of a histogram.

    Attributes:
        label: The label; ``"none"`` where there is none.
        count: Hits that carry it.
        share: ``count`` over all hits that were counted, in [0, 1].
        baseline: The label's share in the corpus under the same conditions, in [0, 1].
        lift: ``share / baseline``; ``None`` if the baseline is 0.
        low: Lower end of the 95 % Wilson interval of the share.
        high: Upper end.
        q_value: Benjamini-Hochberg adjusted p-value over all labels of all histograms of the summary, in [0, 1].
    """

    label: str
    count: int
    share: float
    baseline: float
    lift: float | None
    low: float
    high: float
    q_value: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of one attribute over the subjects, or over the targets of their strongest attention."""

    of: HistogramOf
    attribute: Attribute
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What hits have in common.

    Attributes:
        subject: The token that was counted: the match, or the one after it.
        attention: Whose strongest attention was read: from the subject, or to it.
        n_hits: Hits that were summarised: those whose subject exists.
        n_distinct: Distinct sentences among them: what significance counts.
        n_baseline: Corpus tokens behind the base rates of the subject histograms.
        histograms: One for each attribute.
        findings: Plain sentences, strongest first; only what q < 0.05 supports.
    """

    subject: Subject
    attention: Direction
    n_hits: int
    n_distinct: int
    n_baseline: int
    histograms: tuple[Histogram, ...]
    findings: tuple[str, ...]
