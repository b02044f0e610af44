"""``summarize``: what the hits of a search have in common."""

from __future__ import annotations

from typing import Literal

import msgspec

from exbert_rpc.protocol.tables import Row, TableResult, plain_fields, same_columns
from exbert_rpc.protocol.types.base import Attribute, Direction, Probability, Result, Signature
from exbert_rpc.protocol.types.search_contexts import ContextQuery

Control = Literal["word", "echo", "peers"]


class SummarizeParams(ContextQuery, frozen=True, kw_only=True):
    """A search (by its handle, or all fields of `searchContexts`) and what to count in it.

    Attributes:
        search_id: Handle of a search, instead of all its fields.
        subject: Whose labels are counted: the match or the token after it (auto: as the model reads).
        attention: Direction of the attention whose strongest target is counted.
        include_special: Whether special tokens may be that target.
        controls: What findings are compared with: `word` (the same search in hidden layer 0), `echo` (what else attends
            to the same words) and `peers` (the other heads of the layer); by default all that apply, `[]` for none.
        metadata: Keys of the documents' metadata by which hits are counted, too (`folder` is known of all files).
        corpus: Name of the corpus to search.
    """

    search_id: str | None = None
    subject: Literal["auto", "match", "next"] = "auto"
    attention: Direction = "outgoing"
    include_special: bool = False
    controls: list[Control] | None = None
    metadata: list[str] | None = None
    corpus: str | None = None


class ControlShare(Result, frozen=True, kw_only=True):
    """How often the rows of a control carry a label: the share, and how many rows it is of."""

    share: Probability
    n: int


class Peers(Result, frozen=True, kw_only=True):
    """How a head stands among the heads of its layer.

    Attributes:
        rank: Its place by the share of a label, from 1; heads with an equal share count as better.
        of: Heads of the layer.
        median: Median share of the other heads.
    """

    rank: int
    of: int
    median: Probability


class Controls(Result, frozen=True, kw_only=True):
    """How often a label occurs without the head; ``null`` where that was not looked at, or where there are no rows.

    Attributes:
        word: The nearest rows of hidden layer 0, read with the same heads: the same word, without any head.
        echo: Rows whose strongest attention goes to the same words as that of the hits.
        peers: The same query in each other head of the layer.
    """

    word: ControlShare | None
    echo: ControlShare | None
    peers: Peers | None


class Bin(Result, frozen=True, kw_only=True):
    """One label: how often, how often expected, and how sure. ``qValue`` is Benjamini-Hochberg.

    Attributes:
        controls: How often without the head; null without controls.
    """

    label: str
    count: int
    share: Probability
    baseline: Probability
    lift: float | None
    low: Probability
    high: Probability
    q_value: Probability
    controls: Controls | None = None


class Histogram(Result, frozen=True, kw_only=True):
    """Counts of one attribute over the subjects, or over the targets of their strongest attention."""

    of: Literal["subject", "maxAttention"]
    attribute: Attribute
    bins: list[Bin]


class MetadataHistogram(Result, frozen=True, kw_only=True):
    """Hits by the values that one key has in the metadata of their documents; `none` where a document has none.

    Attributes:
        key: The key.
        bins: One for each value.
        findings: Plain sentences, strongest first, only what q < 0.05 supports; q is over all keys that were asked for.
    """

    key: str
    bins: list[Bin]
    findings: list[str]


class Finding(Result, frozen=True, kw_only=True):
    """One sentence of `findings`, and whose finding it is.

    Attributes:
        sentence: The sentence.
        of: Histogram that its label stands in.
        attribute: Likewise.
        label: The label.
        verdict: `head` if neither the word nor what is attended to explains it, `word` or `echo` if that does,
            `unchecked` if a control that is needed to say so was not looked at, or has too few rows to tell.
        q_value: Benjamini-Hochberg adjusted p-value, over the findings, of the largest p-value against `word` and
            `echo`; 1 where neither can tell.
        controls: How often the label occurs without the head.
    """

    sentence: str
    of: Literal["subject", "maxAttention"]
    attribute: Attribute
    label: str
    verdict: Literal["head", "word", "echo", "unchecked"]
    q_value: Probability
    controls: Controls


class SummarizeResult(TableResult, frozen=True, kw_only=True):
    """What the hits have in common, against what the corpus has anyway.

    ``nHits`` counts the hits whose subject exists. If that is ``match``, these are all hits of the search. If it is
    ``next``, hits whose own ``next`` is null, their match being the last token of its sentence, are left out: of
    ``nHits``, ``nDistinct``, the histograms and the findings. Such tokens of the corpus are not in ``nBaseline`` and
    the base rates either.

    With controls, hits from the query's own sentence are counted, but not in intervals, q-values and verdicts, and hits
    of one document are worth fewer than independent ones. Findings of the head come first.

    Attributes:
        findings_detailed: The same findings, each with its verdict.
        notes: What limits the controls, in words.
        metadata: Hits by metadata of their documents, for the keys that were asked for.
    """

    subject: Literal["match", "next"]
    n_hits: int
    n_distinct: int
    histograms: list[Histogram]
    findings: list[str]
    search_id: str
    attention: Direction
    n_baseline: int
    findings_detailed: list[Finding]
    notes: list[str]
    metadata: list[MetadataHistogram] = msgspec.field(default_factory=list)

    def to_rows(self) -> list[Row]:
        """One row a bin of each histogram; of metadata, ``attribute`` is the key."""
        rows = [
            {"of": one.of, "attribute": one.attribute, **_bin_row(row)} for one in self.histograms for row in one.bins
        ]
        rows += [{"of": "metadata", "attribute": one.key, **_bin_row(row)} for one in self.metadata for row in one.bins]
        return same_columns(rows)

    def _repr_html_(self) -> str:
        """For notebooks; no script, at most 50 kB."""
        from exbert_rpc.protocol.html.summary import summary_html  # only a notebook draws

        return summary_html(self)


def _bin_row(row: Bin) -> Row:
    controls = row.controls
    word = None if controls is None or controls.word is None else controls.word.share
    echo = None if controls is None or controls.echo is None else controls.echo.share
    rank = None if controls is None or controls.peers is None else controls.peers.rank
    return {**plain_fields(row, ["controls"]), "word_share": word, "echo_share": echo, "peers_rank": rank}


SIGNATURE = Signature("summarize", SummarizeParams, SummarizeResult, order=3, positional=("search_id",))
