"""``summarize``: what the hits of a search have in common."""

from __future__ import annotations

from typing import Literal

from exbert_rpc.protocol.types.base import Attribute, Direction, Probability, Result, Signature
from exbert_rpc.protocol.types.search_contexts import ContextQuery


class SummarizeParams(ContextQuery, frozen=True, kw_only=True):
    """A search (by its handle, or all fields of `searchContexts`) and what to count in it.

    Attributes:
        search_id: Handle of a search, instead of all its fields.
        subject: Whose labels are counted: the match or the token after it (auto: as the model reads).
        attention: Direction of the attention whose strongest target is counted.
        include_special: Whether special tokens may be that target.
        corpus: Name of the corpus to search.
    """

    search_id: str | None = None
    subject: Literal["auto", "match", "next"] = "auto"
    attention: Direction = "outgoing"
    include_special: bool = False
    corpus: str | None = None


class Bin(Result, frozen=True, kw_only=True):
    """One label: how often, how often expected, and how sure. ``qValue`` is Benjamini-Hochberg."""

    label: str
    count: int
    share: Probability
    baseline: Probability
    lift: float | None
    low: Probability
    high: Probability
    q_value: Probability


class Histogram(Result, frozen=True, kw_only=True):
    """Counts of one attribute over the subjects, or over the targets of their strongest attention."""

    of: Literal["subject", "maxAttention"]
    attribute: Attribute
    bins: list[Bin]


class SummarizeResult(Result, frozen=True, kw_only=True):
    """What the hits have in common, against what the corpus has anyway.

    ``nHits`` counts the hits whose subject exists. If that is ``match``, these are all hits of the search. If it is
    ``next``, hits whose own ``next`` is null, their match being the last token of its sentence, are left out: of
    ``nHits``, ``nDistinct``, the histograms and the findings. Such tokens of the corpus are not in ``nBaseline`` and
    the base rates either.
    """

    subject: Literal["match", "next"]
    n_hits: int
    n_distinct: int
    histograms: list[Histogram]
    findings: list[str]
    search_id: str
    attention: Direction
    n_baseline: int


SIGNATURE = Signature("summarize", SummarizeParams, SummarizeResult, order=3, positional=("search_id",))
