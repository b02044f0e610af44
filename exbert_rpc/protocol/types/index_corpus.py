"""``indexCorpus``: make a corpus hold exactly what the sources name."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import Index, Params, Precision, ProgressToken, Result, Signature, Space


class InlineSource(Params, frozen=True, kw_only=True):
    """A document given by value."""

    uri: str
    text: str


class IndexParams(Params, frozen=True, kw_only=True):
    """What to index, and how. ``sources`` is the whole corpus: what is no longer named leaves."""

    corpus: str
    sources: list[str | InlineSource]
    model: str | None = None
    pipeline: str | None = None
    layers: list[Index] | None = None
    spaces: list[Space] | None = None
    precision: Precision | None = None
    work_done_token: ProgressToken | None = None


class Skipped(Result, frozen=True, kw_only=True):
    """Something that was not indexed, and why."""

    uri: str
    reason: str


class IndexResult(Result, frozen=True, kw_only=True):
    """What the corpus holds now, and what this build did."""

    corpus: str
    documents: int
    sentences: int
    tokens: int
    bytes: int
    seconds: float
    unchanged: int
    skipped: list[Skipped]


SIGNATURE = Signature("indexCorpus", IndexParams, IndexResult, order=4)
