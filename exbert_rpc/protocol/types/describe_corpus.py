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


class GraphRecall(Result, frozen=True, kw_only=True):
    """Share of the exact nearest fifty contexts that a graph finds with so many heads (1 for hidden states)."""

    heads: int
    recall: float


class GraphDescription(Result, frozen=True, kw_only=True):
    """A search graph beside a corpus.

    Attributes:
        space: What it compares.
        layer: Attention layer, or hidden state.
        coverage: Share of the corpus' vectors that it holds; the others are compared one by one.
        bytes: Size of its file; not counted in that of the corpus.
        recall: Measured on vectors of the corpus, by number of heads, descending; with fewer heads it is not used.
        damaged: Whether its file is not what was written; it is not used then.
    """

    space: Space
    layer: int
    coverage: float
    bytes: int
    recall: list[GraphRecall]
    damaged: bool = False


class CorpusDescription(Result, frozen=True, kw_only=True):
    """What a corpus is. ``damaged`` names files that are not what was written; empty is healthy.

    ``annotations`` counts texts of treebanks by whose annotations they have: ``gold`` or ``automatic``; texts of other
    files have those of the pipeline. ``metadata`` has the keys that are known of its documents, and of how many.
    ``dtype`` is what the model was computed in; it has to run in the same one to search. ``graphs`` are its search
    graphs, which searches use with ``exact: false``, and by themselves where that is faster.
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
    graphs: list[GraphDescription] = msgspec.field(default_factory=list)


SIGNATURE = Signature("describeCorpus", CorpusParams, CorpusDescription, order=6, positional=("corpus",))
