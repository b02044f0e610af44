"""What one search does, settled once and then carried; it is what remains to be known of the search afterwards, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.corpus.search.exact import find_exactly
from exbert_rpc.corpus.search.finding import Find, Scope
from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.search.relations import Relation
from exbert_rpc.corpus.search.rerun import AttentionSource, RerunAttention, StoredAttention
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.corpus.vectors import Query, score


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """One search.

    Attributes:
        scope: Corpus, space, layer, and the rows that may be hits.
        query: What is looked for.
        k: How many places.
        distinct: One place for each distinct sentence.
        model: What the sentences of the corpus were run by.
        heads: Heads that count in space ``headOutput``; hits carry the mean of their attention.
        attention_layer: Layer whose attention hits carry.
        reranks: Whether candidates are scored by a rerun of their sentences, not by their codes.
        candidates: Least number of candidates to score.
        note: What limits the answer, in words; ``None`` if nothing does.
        find: Finds candidates.
        exact: Whether ``find`` compares all vectors.
        relation: Both ends of what is looked for; ``None``: the query alone is.
    """

    scope: Scope
    query: Query
    k: int
    distinct: bool
    model: CorpusModel
    heads: tuple[int, ...]
    attention_layer: int
    reranks: bool
    candidates: int
    note: str | None = None
    find: Find = find_exactly
    exact: bool = True
    relation: Relation | None = None

    @property
    def reader(self) -> CorpusReader:
        """The corpus."""
        return self.scope.reader

    def score(
        self,
        segment: OpenSegment,
        rows: NDArray[np.int64],
        vectors: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """What rows score; a :class:`~exbert_rpc.corpus.search.finding.Score`."""
        if self.relation is not None:
            return self.relation.score(segment, rows, vectors)
        return score(self.query, vectors(rows))

    @property
    def attention_source(self) -> AttentionSource:
        """Where attention of corpus sentences comes from: from the disk if it is stored there."""
        if self.reader.config.attention_layers:
            return StoredAttention(self.reader)
        return RerunAttention(self.reader, self.model)
