"""What a corpus' precision means for a search: how many candidates are looked at twice, and how.

With the numbers of candidates below, recall@50 among 100,000 vectors of MiniLM reaches 95 % for int4 with head sets of
every size, and for one bit with hidden states and half of the heads or more (docs/benchmarks.md, "Recall").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exbert_rpc.corpus.search.exact import Candidates, Rescore
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.rerun import AttentionSource, FreshAttention, StoredAttention, rescore_by_pass
from exbert_rpc.corpus.types import CorpusModel, Space
from exbert_rpc.corpus.vectors import Query
from exbert_rpc.engine.requests import SearchRequest
from exbert_rpc.tasks import Task

_WEAK = (
    "this corpus keeps one bit a dimension, which says little of so few heads: some of the nearest contexts may be "
    "missing; choose at least half of the heads, or index with precision int8 or int4"
)


@dataclass(frozen=True, slots=True)
class Tier:
    """How one search treats its candidates.

    Attributes:
        reader: The corpus.
        model: What ran its sentences.
        space: What is compared.
        source: Where attention of its sentences comes from.
        reranks: Whether candidates are scored by a fresh pass.
        candidates: How many; 0 leaves it to the scan.
        note: What limits the answer, in words.
    """

    reader: CorpusReader
    model: CorpusModel
    space: Space
    source: AttentionSource
    reranks: bool
    candidates: int
    note: str | None

    def rescore(self, layer: int, query: Query, task: Task) -> Rescore | None:
        """What scores candidates again; ``None``: their codes do."""
        if not self.reranks:
            return None

        def run(candidates: Sequence[Candidates]) -> list[Candidates]:
            return rescore_by_pass(self.reader, self.model, self.space, layer, query, candidates, task)

        return run


def make_tier(reader: CorpusReader, request: SearchRequest, model: CorpusModel, n_heads: int) -> Tier:
    """The treatment of one search. ``request.rerank`` overrides; by default only compact corpora are re-ranked."""
    precision = reader.config.precision
    compact = precision != "int8"
    reranks = compact if request.rerank is None else request.rerank
    few = request.space == "headOutput" and 2 * n_heads < reader.config.n_heads
    some = request.space == "headOutput" and n_heads < reader.config.n_heads
    per_hit = {"int8": 2, "int4": 8 if few else 4, "binary": 40 if few else 28 if some else 16}[precision]
    return Tier(
        reader=reader,
        model=model,
        space=request.space,
        source=FreshAttention(reader, model) if compact else StoredAttention(reader),
        reranks=reranks,
        candidates=max(64, per_hit * request.k) if reranks else 0,
        note=_WEAK if precision == "binary" and few else None,
    )
