"""``describeCorpus``: what a corpus is."""

from __future__ import annotations

import msgspec

from exbert_rpc.protocol.types.base import Params, Precision, Result, Signature, Space


class CorpusParams(Params, frozen=True, kw_only=True):
    """A corpus by name.

    Attributes:
        corpus: Name of the corpus.
    """

    corpus: str


class CorpusDescription(Result, frozen=True, kw_only=True):
    """What a corpus is. ``damaged`` names files that are not what was written; empty is healthy.

    ``annotations`` counts texts of treebanks by whose annotations they have: ``gold`` or ``automatic``; texts of other
    files have those of the pipeline. ``metadata`` has the keys that are known of its documents, and of how many.
    ``dtype`` is what the model was computed in; it has to run in the same one to search.
    """

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
    annotations: dict[str, int] = msgspec.field(default_factory=dict)
    metadata: dict[str, int] = msgspec.field(default_factory=dict)
    dtype: str = "float32"


SIGNATURE = Signature("describeCorpus", CorpusParams, CorpusDescription, order=6, positional=("corpus",))
