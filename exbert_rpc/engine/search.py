"""From a request to hits, and from hits to a summary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from exbert_rpc.analysis.base_rates import BaseRates, TargetChoice, subject_rates, target_rates
from exbert_rpc.analysis.observe import observe_subjects, observe_targets
from exbert_rpc.analysis.summary import summarize_hits
from exbert_rpc.analysis.types import Subject, Summary
from exbert_rpc.corpus.search.exact import search_exactly
from exbert_rpc.corpus.search.filters import Eligible, eligible_rows
from exbert_rpc.corpus.search.graph import Graph, Graphs
from exbert_rpc.corpus.search.hits import FoundRow, make_hits
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.search.rerun import AttentionSource
from exbert_rpc.corpus.types import Filter, Hit, SearchStats
from exbert_rpc.corpus.vectors import Query, make_query
from exbert_rpc.engine.annotations import Annotators, annotate_tokens, sentence_around, token_at
from exbert_rpc.engine.captures import Pass, chosen_heads, read_text
from exbert_rpc.engine.corpora import Corpora
from exbert_rpc.engine.handles import Handles
from exbert_rpc.engine.models import Models
from exbert_rpc.engine.requests import SearchRequest, SearchResult, SummarizeRequest, TokenTable
from exbert_rpc.engine.tiers import make_tier
from exbert_rpc.errors import CorpusMismatch, InvalidParams
from exbert_rpc.model.types import Capture
from exbert_rpc.tasks import Task

_HIT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class KeptSearch:
    """A search with all that a summary of it needs.

    Attributes:
        request: What was asked.
        reader: The corpus as it was then.
        capture: The query's pass.
        table: Its tokens.
        token: The token that was looked for.
        attention_layer: Layer whose attention the hits carry.
        heads: Heads that it is the mean over.
        eligible: Rows that might have been hits.
        hits: Best first.
        stats: What was searched, and how.
        source: Where attention of corpus sentences comes from.
    """

    request: SearchRequest
    reader: CorpusReader
    capture: Capture
    table: TokenTable
    token: int
    attention_layer: int
    heads: tuple[int, ...]
    eligible: Eligible
    hits: tuple[Hit, ...]
    stats: SearchStats
    source: AttentionSource

    @property
    def nbytes(self) -> int:
        """Bytes that it keeps in memory, about."""
        return _HIT_BYTES * len(self.hits) + self.capture.nbytes + sum(w.nbytes for w in self.eligible.weights)

    def answer(self, search_id: str) -> SearchResult:
        """What the caller sees of it."""
        return SearchResult(
            search_id,
            self.capture.info,
            self.table,
            self.token,
            self.attention_layer,
            self.heads,
            self.hits,
            self.stats,
        )


class Searcher:
    """Runs searches.

    Args:
        corpora: Where to search.
        models: What reads queries.
        annotators: What finds a query's sentence in a document.
        captures: Passes that sessions keep.
        graphs: Search graphs of large corpora.
        allowed_roots: Folders that may be looked into for files that have changed; ``None``: anywhere.
    """

    def __init__(
        self,
        corpora: Corpora,
        models: Models,
        annotators: Annotators,
        captures: Handles[Pass],
        graphs: Graphs,
        allowed_roots: Sequence[Path] | None = None,
    ) -> None:
        self._corpora = corpora
        self._models = models
        self._annotators = annotators
        self._captures = captures
        self._graphs = graphs
        self._allowed_roots = allowed_roots

    def search(self, request: SearchRequest, task: Task) -> KeptSearch:
        """The nearest contexts of a token."""
        reader = self._corpora.reader(request.corpus)
        layer = _searched_layer(reader, request)
        kept, token = self._query(reader, request, task)
        capture = kept.capture
        heads = chosen_heads(request.heads, reader.config.n_heads)
        started = time.perf_counter()
        eligible = reader.cached(("eligible", request.filter), lambda: eligible_rows(reader, request.filter))
        query = _query_vector(capture, token, request, layer, heads)
        tier = make_tier(reader, request, kept.model, len(heads))
        graph = self._graph(reader, request, layer, len(heads))
        found, n_scored = search_exactly(
            reader,
            request.space,
            layer,
            query,
            eligible,
            request.k,
            distinct=request.distinct,
            task=task,
            rescore=tier.rescore(layer, query, task),
            candidates=tier.candidates,
            find=None if graph is None else partial(graph.candidates, query),
        )
        attention_layer = layer if request.space == "headOutput" else min(layer, reader.config.n_layers - 1)
        attention = _attention(reader, found, tier.source, attention_layer, heads, task)
        hits = make_hits(reader, found, attention, self._allowed_roots)
        milliseconds = (time.perf_counter() - started) * 1000
        stats = SearchStats(
            searched=eligible.total,
            exact=graph is None,
            milliseconds=milliseconds,
            precision=reader.config.precision,
            reranked=n_scored if tier.reranks else 0,
            note=tier.note,
        )
        annotations = annotate_tokens(capture.encoding, self._annotators.get(reader.config.pipeline))
        table = TokenTable(capture.encoding, annotations)
        return KeptSearch(
            request, reader, capture, table, token, attention_layer, heads, eligible, hits, stats, tier.source
        )

    def _graph(self, reader: CorpusReader, request: SearchRequest, layer: int, n_heads: int) -> Graph | None:
        """The graph to search, if one is ready, good enough for so many heads, and the answer need not be exact."""
        if request.exact or request.filter != Filter() or request.weighting != "uniform":
            return None
        everything = reader.cached(("eligible", Filter()), lambda: eligible_rows(reader, Filter()))
        n_parts = n_heads if request.space == "headOutput" else 1
        asked = request.exact is False
        return self._graphs.find(reader, request.space, layer, n_parts, everything, asked=asked)

    def _query(self, reader: CorpusReader, request: SearchRequest, task: Task) -> tuple[Pass, int]:
        """The pass that holds the query, and its token."""
        if request.capture_id is not None:
            kept = self._captures.get(request.session, request.capture_id)
            _check_model(reader, kept, request.model)
            return kept, _checked_token(kept.capture, request.token)
        model = self._models.get(reader.config.model if request.model is None else request.model, task)
        given = request.input
        if given is None or given.sentence_at is None:
            kept = read_text(model, given, task)
            _check_model(reader, kept, request.model)
            return kept, _checked_token(kept.capture, request.token)
        pool = self._annotators.get(reader.config.pipeline)
        if pool.info.fingerprint != reader.config.pipeline_fingerprint:
            raise _mismatch(reader, "pipeline", reader.config.pipeline, pool.info.version)
        sentence, offset = sentence_around(given.text, given.sentence_at, given.is_markdown, pool)
        kept = read_text(model, replace(given, text=sentence, pair=None), task)
        _check_model(reader, kept, request.model)
        token = request.token if request.token is not None else token_at(kept.capture.encoding, offset)
        return kept, _checked_token(kept.capture, token)


def summarize_kept(kept: KeptSearch, request: SummarizeRequest, task: Task) -> Summary:
    """What the hits of a search have in common, against base rates under the same conditions."""
    subject = _subject(kept, request)
    choice = TargetChoice(
        layer=kept.attention_layer,
        heads=kept.heads,
        subject=subject,
        outgoing=request.attention == "outgoing",
        include_special=request.include_special,
    )
    reader, where = kept.reader, kept.request.filter
    reader.check_unchanged()
    subjects = reader.cached(("subjects", where, subject), lambda: subject_rates(reader, kept.eligible, subject))
    targets: BaseRates = reader.cached(
        ("targets", where, choice), lambda: target_rates(reader, kept.eligible, choice, kept.source, task)
    )
    return summarize_hits(
        [hit.sentence_text for hit in kept.hits],
        observe_subjects(kept.hits, subject, subjects),
        observe_targets(kept.hits, subject, request.attention, request.include_special, targets),
        subject=subject,
        attention=request.attention,
    )


def _subject(kept: KeptSearch, request: SummarizeRequest) -> Subject:
    if request.subject != "auto":
        chosen: Literal["match", "next"] = request.subject
        return chosen
    return "next" if kept.capture.info.kind == "autoregressive" else "match"


def _searched_layer(reader: CorpusReader, request: SearchRequest) -> int:
    """The layer of the space that is searched; raises ``InvalidParams``."""
    n_layers = reader.config.n_layers
    if request.space == "hiddenState":
        field, given, last = "hiddenLayer", request.hidden_layer, n_layers
    else:
        field, given, last = "layer", request.layer, n_layers - 1
    if given is None:
        raise InvalidParams(field, f"is required for space {request.space}", hint=f"0 to {last}")
    if not 0 <= given <= last:
        raise InvalidParams(field, f"{given} is out of range", hint=f"0 to {last}", allowed=last)
    reader.check_layer(request.space, given)
    return given


def _checked_token(capture: Capture, token: int | None) -> int:
    n = len(capture.encoding.ids)
    if token is None:
        raise InvalidParams("token", "is missing", hint=f"tokens of this text are 0 to {n - 1}")
    if not 0 <= token < n:
        raise InvalidParams("token", f"{token} is out of range", hint=f"tokens of this text are 0 to {n - 1}")
    return token


def _check_model(reader: CorpusReader, kept: Pass, asked: str | None) -> None:
    info = kept.capture.info
    if info.fingerprint != reader.config.model_fingerprint:
        raise _mismatch(reader, "model or tokenizer", reader.config.model, asked or info.id)
    reader.check_fits(info)


def _mismatch(reader: CorpusReader, what: str, built: str, given: str) -> CorpusMismatch:
    same = " (the same name, but other weights, settings or library versions)" if built == given else ""
    return CorpusMismatch(
        f"corpus {reader.name!r} was built by another {what}: {built}, not {given}{same}",
        hint=f"use {built}, or index the corpus again",
        built=built,
        given=given,
    )


def _query_vector(capture: Capture, token: int, request: SearchRequest, layer: int, heads: tuple[int, ...]) -> Query:
    if request.space == "hiddenState":
        return make_query(capture.hidden_states[layer, token][None, :], None, by_norm=False)
    vector = capture.head_outputs[layer, :, token]
    return make_query(vector, np.array(heads), by_norm=request.weighting == "norm")


def _attention(
    reader: CorpusReader,
    found: Sequence[FoundRow],
    source: AttentionSource,
    layer: int,
    heads: tuple[int, ...],
    task: Task,
) -> list[NDArray[np.float32]]:
    """Mean attention ``[n, n]`` of each hit's sentence; one array for hits of the same sentence."""
    keys = [(one.segment, int(reader.segments[one.segment].row_sentence[one.row])) for one in found]
    sentences = list(dict.fromkeys(keys))
    means = [attention[list(heads)].mean(axis=0) for attention in source.attention(sentences, layer, task)]
    kept = dict(zip(sentences, means, strict=True))
    return [kept[key] for key in keys]
