"""Relation search against head-output search: how many hits draw the query's dependency relation.

A query is a row of the corpus whose strongest attention, of at least a quarter, goes along a dependency, in either
direction. Both searches look for the nearest 50 distinct sentences but the query's own. A hit draws the query's
relation if its strongest attention goes along the same dependency in the same direction. A word is meant by its first
sub-word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from exbert_rpc.corpus.search.reader import CorpusReader, OpenSegment
from exbert_rpc.corpus.types import Hit, SentenceTokens
from exbert_rpc.engine import Engine
from exbert_rpc.engine.corpus_requests import RelationRequest, SearchRequest
from exbert_rpc.engine.requests import AttendRequest, TextInput
from exbert_rpc.tasks import Task

HEADS = ((1, 4), (1, 7), (1, 11), (2, 0), (2, 8), (2, 10), (2, 11), (3, 2))
_LEAST_WEIGHT = 64  # of 255
_HITS = 50

Arc = tuple[str, str]
"""A dependency and its direction, as the attention goes: ``("dobj", "toHead")``."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Of one head: mean shares, in [0, 1], of hits with the query's relation, and of all rows that have it."""

    head: tuple[int, int]
    by_output: float
    by_relation: float
    base: float


@dataclass(frozen=True, slots=True)
class _Query:
    text: str
    source: int
    target: int
    arc: Arc


def relation_shares(engine: Engine, reader: CorpusReader, heads: Sequence[tuple[int, int]], n: int) -> list[Shares]:
    """Both searches for ``n`` seeded queries of each head."""
    found = []
    for layer, head in heads:
        rates = _base_rates(reader, layer, head)
        rows = []
        for query in _queries(reader, layer, head, n):
            read = engine.attend(
                AttendRequest("bench", TextInput(query.text), layers=(0,), heads=(0,), top_k=0), Task()
            )
            common = {"capture_id": read.capture_id, "token": query.source, "heads": (head,), "distinct": True}
            plain = SearchRequest("bench", reader.name, layer, k=_HITS + 1, **common)
            pairs = SearchRequest("bench", reader.name, layer, "hiddenState", k=_HITS + 1, **common)
            related = engine.search_relations(RelationRequest(pairs, query.target, head), Task())
            by_output = _share(engine.search_contexts(plain, Task()).hits, query)
            rows.append((by_output, _share(related.hits, query), rates.get(query.arc, 0.0)))
        means = np.mean(rows, axis=0) if rows else np.zeros(3)
        found.append(Shares((layer, head), *(float(one) for one in means)))
    return found


def _share(hits: Sequence[Hit], query: _Query) -> float:
    others = [hit for hit in hits if hit.sentence_text != query.text][:_HITS]
    arcs = [
        arc_of(hit.tokens, hit.match, hit.peak_outgoing.index if hit.target is None else hit.target)
        for hit in others
        if hit.peak_outgoing is not None
    ]
    return sum(arc == query.arc for arc in arcs) / max(1, len(others))


def arc_of(tokens: SentenceTokens, source: int, target: int) -> Arc | None:
    """The dependency between two tokens of a sentence, seen from the first one; ``None`` if there is none."""
    heads = tokens.syntactic_head
    if heads is None or source == target:
        return None
    if heads[source] == target:
        return tokens.dep[source] or "", "toHead"
    return (tokens.dep[target] or "", "toDependent") if heads[target] == source else None


def _base_rates(reader: CorpusReader, layer: int, head: int) -> dict[Arc, float]:
    """The share of all rows whose strongest attention goes along each dependency."""
    arcs = [arc for segment in reader.segments for _row, arc in _arcs(segment, layer, head, 0)]
    total = sum(segment.n_rows for segment in reader.segments)
    return {arc: arcs.count(arc) / total for arc in set(arcs)}


def _queries(reader: CorpusReader, layer: int, head: int, n: int) -> list[_Query]:
    places = [
        (segment, row, arc) for segment in reader.segments for row, arc in _arcs(segment, layer, head, _LEAST_WEIGHT)
    ]
    chosen = np.random.default_rng(3).permutation(len(places))[:n].tolist()
    queries = []
    for segment, row, arc in (places[number] for number in chosen):
        sentence = int(segment.row_sentence[row])
        source = int(segment.row_token[row] - segment.first_token[sentence])
        target = int(segment.stored_peaks(layer, head)[0][row])
        queries.append(_Query(segment.sentence_text(sentence), source, target, arc))
    return queries


def _arcs(segment: OpenSegment, layer: int, head: int, least: int) -> Iterator[tuple[int, Arc]]:
    """Rows whose strongest attention goes along a dependency, with it."""
    target, weight = segment.stored_peaks(layer, head)
    for sentence in range(len(segment.first_row) - 1):
        tokens = segment.tokens(sentence)
        first = int(segment.first_token[sentence])
        for row in range(int(segment.first_row[sentence]), int(segment.first_row[sentence + 1])):
            arc = arc_of(tokens, int(segment.row_token[row]) - first, int(target[row]))
            if arc is not None and weight[row] >= least:
                yield row, arc
