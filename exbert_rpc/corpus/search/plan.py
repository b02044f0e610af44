"""What one search does, settled once and then carried; it is what remains to be known of the search afterwards, too."""

from __future__ import annotations

from dataclasses import dataclass

from exbert_rpc.corpus.search.exact import find_exactly
from exbert_rpc.corpus.search.finding import Find, Scope
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.rerun import AttentionSource, RerunAttention, StoredAttention
from exbert_rpc.corpus.types import CorpusModel
from exbert_rpc.corpus.vectors import Query


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

    @property
    def reader(self) -> CorpusReader:
        """The corpus."""
        return self.scope.reader

    @property
    def attention_source(self) -> AttentionSource:
        """Where attention of corpus sentences comes from: from the disk if it is stored there."""
        if self.reader.config.attention_layers:
            return StoredAttention(self.reader)
        return RerunAttention(self.reader, self.model)
