"""``describeCorpus``: what a corpus is."""

from __future__ import annotations

from exbert_rpc.protocol.types.base import Params, Precision, Result, Signature, Space


class CorpusParams(Params, frozen=True, kw_only=True):
    """A corpus by name.

    Attributes:
        corpus: Name of the corpus.
    """

    corpus: str


class CorpusDescription(Result, frozen=True, kw_only=True):
    """What a corpus is. ``damaged`` names files that are not what was written; empty is healthy."""

    corpus: str
    model: str
    pipeline: str
    precision: Precision
    documents: int
    sentences: int
    tokens: int
    bytes: int
    layers: list[int]
    spaces: list[Space]
    fingerprint: str
    damaged: list[str]


SIGNATURE = Signature("describeCorpus", CorpusParams, CorpusDescription, order=6, positional=("corpus",))
