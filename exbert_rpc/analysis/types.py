"""What a summary is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Subject = Literal["match", "next"]
Direction = Literal["outgoing", "incoming"]
HistogramOf = Literal["subject", "maxAttention"]
Attribute = Literal["pos", "tag", "dep", "entity", "offset"]
Control = Literal["word", "echo", "peers"]
Verdict = Literal["head", "word", "echo", "unchecked"]

CONTROLS: tuple[Control, ...] = ("word", "echo", "peers")


@dataclass(frozen=True, slots=True)
class ControlShare:
    """How often the rows of a control carry a label.

    Attributes:
        share: In [0, 1].
        n: Rows behind it; copies in identical sentences count once.
    """

    share: float
    n: int


@dataclass(frozen=True, slots=True)
class Peers:
    """How a head stands among the heads of its layer.

    Attributes:
        rank: Its place by the share of a label, from 1; heads with an equal share count as better.
        of: Heads of the layer.
        median: Median share of the other heads, in [0, 1].
    """

    rank: int
    of: int
    median: float


@dataclass(frozen=True, slots=True)
class Controls:
    """What else shows a label of the hits; ``None`` where that was not looked at.

    Attributes:
        word: The nearest rows of hidden layer 0: the same word, without any head.
        echo: Rows whose strongest attention goes to the same words as that of the hits.
        peers: The same query in each other head of the layer.
    """

    word: ControlShare | None = None
    echo: ControlShare | None = None
    peers: Peers | None = None


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
        controls: How often the label occurs in controls; ``None`` without any.
    """

    label: str
    count: int
    share: float
    baseline: float
    lift: float | None
    low: float
    high: float
    q_value: float
    controls: Controls | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of a summary, and whose finding it is.

    Attributes:
        sentence: The sentence.
        of: Histogram that its label stands in.
        attribute: Likewise.
        label: The label.
        verdict: ``head`` if neither the word nor what is attended to explains it, ``word`` or ``echo`` if that does,
            ``unchecked`` if a control that is needed to say so was not looked at, or has too few rows to tell.
        q_value: Benjamini-Hochberg adjusted p-value, over the findings, of the largest p-value against the controls;
            1.0 without controls.
        controls: How often the label occurs in controls.
    """

    sentence: str
    of: HistogramOf
    attribute: Attribute
    label: str
    verdict: Verdict
    q_value: float
    controls: Controls


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of one attribute over the subjects, or over the targets of their strongest attention."""

    of: HistogramOf
    attribute: Attribute
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class MetadataHistogram:
    """Hits by the values that one key has in the metadata of their documents.

    Attributes:
        key: The key.
        bins: One for each value; ``"none"`` for documents that have none.
        findings: Plain sentences, strongest first, only what q < 0.05 supports.
    """

    key: str
    bins: tuple[Bin, ...]
    findings: tuple[str, ...]


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
        findings: Plain sentences, strongest first, with controls those of the head before all others; only what
            q < 0.05 supports.
        findings_detailed: The same findings, each with its verdict.
        notes: What limits the controls, in words.
        metadata: One histogram for each key of metadata that was asked for.
    """

    subject: Subject
    attention: Direction
    n_hits: int
    n_distinct: int
    n_baseline: int
    histograms: tuple[Histogram, ...]
    findings: tuple[str, ...]
    findings_detailed: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    metadata: tuple[MetadataHistogram, ...] = ()
