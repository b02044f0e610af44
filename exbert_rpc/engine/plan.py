"""From a request to the plan of its search: what a corpus' precision means for it is decided here.

With the numbers of candidates below, recall@50 among 100,000 vectors of MiniLM reaches 95 % for int4 with head sets of
every size, and for one bit with hidden states and half of the heads or more (docs/benchmarks.md, "Recall").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exbert_rpc.corpus.search.exact import find_exactly
from exbert_rpc.corpus.search.filters import eligible_rows
from exbert_rpc.corpus.search.finding import Scope
from exbert_rpc.corpus.search.graph import Graph
from exbert_rpc.corpus.search.plan import SearchPlan
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.store.manifest import CorpusConfig
from exbert_rpc.corpus.types import CorpusModel, Filter
from exbert_rpc.corpus.vectors import Query, make_query
from exbert_rpc.engine.captures import chosen_heads
from exbert_rpc.engine.corpus_requests import SearchRequest
from exbert_rpc.model.types import Capture

_LEAST_CANDIDATES = 512
_PER_PLACE = 8
_LEAST_RERANKED = 64

_COARSE = "corpus and query were computed in {}, so that scores that are close may change places"
_WEAK = (
    "this corpus keeps one bit a dimension, which says little of so few heads: some of the nearest contexts may be "
    "missing; choose at least half of the heads, or index with precision int8 or int4"
)


def make_plan(
    request: SearchRequest, reader: CorpusReader, model: CorpusModel, query: Query, graph: Graph | None = None
) -> SearchPlan:
    """The plan of one search.

    ``request.rerank`` decides whether candidates are reranked; by default those of compact corpora are.

    Args:
        request: Its layer has been checked (``reader.check_layer``).
        reader: The corpus.
        model: What the corpus was built by.
        query: See :func:`query_of`.
        graph: Searched instead of all vectors, if given.

    Raises:
        InvalidParams: a head is out of range, or a filter matches nothing there is.
    """
    heads = chosen_heads(request.heads, reader.config.n_heads)
    reranks = reader.config.precision != "int8" if request.rerank is None else request.rerank
    few = request.space == "headOutput" and 2 * len(heads) < reader.config.n_heads
    return SearchPlan(
        scope=scope_of(request, reader, request.filter),
        query=query,
        k=request.k,
        distinct=request.distinct,
        model=model,
        heads=heads,
        attention_layer=_shown_layer(request, reader),
        reranks=reranks,
        candidates=_candidates(request, reader, len(heads), reranks=reranks),
        note=_note(reader.config, few=few),
        find=find_exactly if graph is None else graph.find,
        exact=graph is None,
    )


def _note(config: CorpusConfig, *, few: bool) -> str | None:
    notes = [_WEAK] if config.precision == "binary" and few else []
    notes += [_COARSE.format(config.dtype)] if config.dtype != "float32" else []
    return ". ".join(notes) or None


def scope_of(request: SearchRequest, reader: CorpusReader, where: Filter) -> Scope:
    """The layer that a request searches, with the rows that pass a filter; raises ``InvalidParams`` as filters do."""
    eligible = reader.cached(("eligible", where), lambda: eligible_rows(reader, where))
    return Scope(reader, request.space, request.layer, eligible)


def query_of(request: SearchRequest, capture: Capture, tokens: Sequence[int]) -> Query:
    """What is looked for: the vector of a token of a pass, or the mean of several.

    The mean of head outputs is what a head gives for the mean of their attention rows, which is how a view joins
    sub-words into words.
    """
    if request.space == "hiddenState":
        return make_query(capture.hidden_state(request.layer)[list(tokens)].mean(axis=0)[None, :], None, by_norm=False)
    vector = capture.head_output(request.layer)[:, list(tokens)].mean(axis=1)
    heads = chosen_heads(request.heads, len(vector))
    return make_query(vector, np.array(heads), by_norm=request.weighting == "norm")


def _shown_layer(request: SearchRequest, reader: CorpusReader) -> int:
    """The layer that is searched, or the first one with attention that reads the hidden state; else the last one."""
    stored = reader.config.layers
    return next((layer for layer in stored if layer >= request.layer), stored[-1])


def _candidates(request: SearchRequest, reader: CorpusReader, n_heads: int, *, reranks: bool) -> int:
    """Least number of candidates: the fewer bits and heads decide, the more are needed."""
    if not reranks:
        return max(_LEAST_CANDIDATES, _PER_PLACE * request.k)
    few = request.space == "headOutput" and 2 * n_heads < reader.config.n_heads
    some = request.space == "headOutput" and n_heads < reader.config.n_heads
    per_place = {"int8": 2, "int4": 8 if few else 4, "binary": 40 if few else 28 if some else 16}
    return max(_LEAST_RERANKED, per_place[reader.config.precision] * request.k)
