"""From a request to hits, and from hits to a summary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from exbert_rpc.analysis.base_rates import BaseRates, TargetChoice, subject_rates, target_rates
from exbert_rpc.analysis.controls import summarize_with_controls
from exbert_rpc.analysis.metadata import metadata_histograms
from exbert_rpc.analysis.observe import observe_subjects, observe_targets
from exbert_rpc.analysis.summary import summarize_hits
from exbert_rpc.analysis.types import Subject, Summary
from exbert_rpc.corpus.search.attended import attended
from exbert_rpc.corpus.search.graph import Graph
from exbert_rpc.corpus.search.graphs import Graphs, keeps_graphs, scope_of_all
from exbert_rpc.corpus.search.hits import make_hits
from exbert_rpc.corpus.search.nearest import nearest_places
from exbert_rpc.corpus.search.plan import SearchPlan
from exbert_rpc.corpus.search.reader import CorpusReader
from exbert_rpc.corpus.types import Filter, Hit, SearchStats
from exbert_rpc.engine.annotations import Annotators, annotate_tokens, sentence_around, token_at
from exbert_rpc.engine.captures import Pass, chosen_heads, read_text
from exbert_rpc.engine.controls import Searched, own_sentences, read_controls
from exbert_rpc.engine.corpora import Corpora
from exbert_rpc.engine.corpus_requests import RelationRequest, SearchRequest, SearchResult, SummarizeRequest
from exbert_rpc.engine.handles import Handles
from exbert_rpc.engine.models import Models
from exbert_rpc.engine.plan import make_plan, query_of
from exbert_rpc.engine.relations import check_relations, relation_plan, weight_of
from exbert_rpc.engine.requests import TokenTable
from exbert_rpc.errors import CorpusMismatch, InvalidParams
from exbert_rpc.model.types import Capture, ModelDescription
from exbert_rpc.tasks import Task

_HIT_BYTES = 4096
_ALWAYS_EXACT = "searches with a filter, or weighted by norm, compare all vectors"
_BY_OTHERS = "searches on other machines, and of corpora behind a URL, compare all vectors"


@dataclass(frozen=True, slots=True)
class KeptSearch:
    """A search with all that a summary of it needs.

    Attributes:
        where: The filter that was asked for.
        plan: What was searched, and how; it holds the corpus as it was then.
        capture: The query's pass.
        table: Its tokens.
        tokens: The token that was looked for, or those that counted as one.
        hits: Best first.
        stats: What was searched, and how, in numbers.
        target: Of a relation: the token that it attends to.
    """

    where: Filter
    plan: SearchPlan
    capture: Capture
    table: TokenTable
    tokens: tuple[int, ...]
    hits: tuple[Hit, ...]
    stats: SearchStats
    target: int | None = None

    @property
    def token(self) -> int:
        """The token that was looked for; of several, the first one."""
        return self.tokens[0]

    @property
    def nbytes(self) -> int:
        """Bytes that it keeps in memory, about."""
        eligible = self.plan.scope.eligible
        return _HIT_BYTES * len(self.hits) + self.capture.nbytes + sum(w.nbytes for w in eligible.weights)

    def answer(self, search_id: str) -> SearchResult:
        """What the caller sees of it."""
        return SearchResult(
            search_id,
            self.capture.info,
            self.table,
            self.token,
            self.plan.attention_layer,
            self.plan.heads,
            self.hits,
            self.stats,
            self.target,
            None
            if self.target is None
            else weight_of(self.capture, self.plan.attention_layer, self.plan.heads[0], self.token, self.target),
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
        reader.check_layer(request.space, request.layer)
        kept, tokens = self._query(reader, request, task)
        query = query_of(request, kept.capture, tokens)
        started = time.perf_counter()
        graph, why_exact = self._graph(reader, request)
        plan = make_plan(request, reader, kept.model, query, graph)
        if why_exact is not None:
            plan = replace(plan, note=". ".join(filter(None, (plan.note, why_exact))))
        return self._carry_out(request, plan, kept, tokens, started, task)

    def search_relations(self, request: RelationRequest, task: Task) -> KeptSearch:
        """The contexts in which a head draws the relation between two tokens most alike."""
        reader = self._corpora.reader(request.search.corpus)
        check_relations(request, reader)
        kept, (source,) = self._query(reader, request.search, task, "source")
        started = time.perf_counter()
        plan = relation_plan(request, reader, kept.model, kept.capture, source)
        found = self._carry_out(request.search, plan, kept, (source,), started, task)
        return replace(found, target=request.target)

    def _carry_out(
        self,
        request: SearchRequest,
        plan: SearchPlan,
        kept: Pass,
        tokens: tuple[int, ...],
        started: float,
        task: Task,
    ) -> KeptSearch:
        reader = plan.reader
        found, n_scored = nearest_places(plan, task)
        source = plan.attention_source
        attention = attended(source, reader, found, plan.attention_layer, plan.heads, task)
        hits = make_hits(reader, found, attention, self._allowed_roots)
        if plan.relation is not None:
            targets = [plan.relation.target_token(reader.segments[one.segment], one.row) for one in found]
            hits = tuple(replace(hit, target=target) for hit, target in zip(hits, targets, strict=True))
        stats = SearchStats(
            searched=plan.scope.eligible.total,
            exact=plan.exact,
            milliseconds=(time.perf_counter() - started) * 1000,
            precision=reader.config.precision,
            reranked=n_scored if plan.reranks else 0,
            note=plan.note,
        )
        annotations = annotate_tokens(kept.capture.encoding, self._annotators.get(reader.config.pipeline))
        table = TokenTable(kept.capture.encoding, annotations)
        return KeptSearch(request.filter, plan, kept.capture, table, tokens, hits, stats)

    def _graph(self, reader: CorpusReader, request: SearchRequest) -> tuple[Graph | None, str | None]:
        """The graph to search, if one is there and good enough, and the answer need not be exact.

        Otherwise why a search that asked for one compares all vectors.
        """
        if request.exact:
            return None, None
        asked = request.exact is False
        if reader.gather is not None or not keeps_graphs(
            reader.folder
        ):  # it may be too large for a graph in this process
            return None, _BY_OTHERS if asked else None
        if request.filter != Filter() or request.weighting != "uniform":
            return None, _ALWAYS_EXACT if asked else None
        n_heads = len(chosen_heads(request.heads, reader.config.n_heads)) if request.space == "headOutput" else 1
        everything = scope_of_all(reader, request.space, request.layer)
        graph = self._graphs.graph_of(everything, n_heads, asked=asked)
        return graph, self._graphs.why_exact(everything, n_heads) if asked and graph is None else None

    def _query(
        self, reader: CorpusReader, request: SearchRequest, task: Task, field: str = "token"
    ) -> tuple[Pass, tuple[int, ...]]:
        """The pass that holds the query, and its token, which requests call ``field``, or those that count as one."""
        if request.capture_id is not None:
            kept = self._captures.get(request.session, request.capture_id)
            _check_model(reader, kept, request.model)
            return kept, _checked_tokens(kept.capture, request, field)
        model = self._models.get(reader.config.model if request.model is None else request.model, task)
        given = request.input
        if given is None or given.sentence_at is None:
            kept = read_text(model, given, task)
            _check_model(reader, kept, request.model)
            return kept, _checked_tokens(kept.capture, request, field)
        pool = self._annotators.get(reader.config.pipeline)
        if pool.info.fingerprint != reader.config.pipeline_fingerprint:
            raise mismatch(reader, "pipeline", reader.config.pipeline, pool.info.version)
        sentence, offset = sentence_around(given.text, given.sentence_at, given.is_markdown, pool)
        kept = read_text(model, replace(given, text=sentence, pair=None), task)
        _check_model(reader, kept, request.model)
        token = request.token if request.token is not None else token_at(kept.capture.encoding, offset)
        return kept, _checked_tokens(kept.capture, replace(request, token=token), field)


def summarize_kept(kept: KeptSearch, request: SummarizeRequest, task: Task) -> Summary:
    """What the hits of a search have in common, and which documents they come from."""
    summary = _summarize(kept, request, task)
    if not request.metadata:
        return summary
    own = own_sentences(kept.table, kept.token)
    is_own = np.array([hit.sentence_text.strip() in own for hit in kept.hits], dtype=bool)
    eligible = kept.plan.scope.eligible
    found = metadata_histograms(kept.plan.reader, eligible, kept.hits, request.metadata, is_own, summary.subject)
    return replace(summary, metadata=found)


def _summarize(kept: KeptSearch, request: SummarizeRequest, task: Task) -> Summary:
    """What hits have in common, against base rates under the same conditions, and against controls."""
    subject = _subject(kept, request)
    choice = TargetChoice(
        layer=kept.plan.attention_layer,
        heads=kept.plan.heads,
        subject=subject,
        outgoing=request.attention == "outgoing",
        include_special=request.include_special,
    )
    subjects, targets = _base_rates(kept, choice, task)
    keys, meanings = [hit.sentence_text for hit in kept.hits], kept.table.meanings
    observed = (
        observe_subjects(kept.hits, subject, subjects),
        observe_targets(kept.hits, subject, request.attention, request.include_special, targets),
    )
    if request.controls == ():
        return summarize_hits(keys, *observed, subject=subject, attention=request.attention, meanings=meanings)
    own = own_sentences(kept.table, kept.token)
    is_own = np.array([key.strip() in own for key in keys], dtype=bool)
    others = [hit for hit, mine in zip(kept.hits, is_own.tolist(), strict=True) if not mine]
    searched = Searched(kept.plan, kept.where, kept.capture, kept.tokens, own, others)
    controls = read_controls(searched, request.controls, choice, task)
    documents = [hit.unit for hit in kept.hits]
    return summarize_with_controls(
        keys,
        documents,
        *observed,
        controls,
        own=is_own,
        subject=subject,
        attention=request.attention,
        meanings=meanings,
    )


def _base_rates(kept: KeptSearch, choice: TargetChoice, task: Task) -> tuple[BaseRates, BaseRates]:
    """Of the subjects and of the targets, among the rows that might have been hits; counted once for a corpus."""
    reader, eligible = kept.plan.reader, kept.plan.scope.eligible
    reader.check_unchanged()
    subjects: BaseRates = reader.cached(
        ("subjects", kept.where, choice.subject), lambda: subject_rates(reader, eligible, choice.subject)
    )
    targets: BaseRates = reader.cached(
        ("targets", kept.where, choice),
        lambda: target_rates(reader, eligible, choice, kept.plan.attention_source, task),
    )
    return subjects, targets


def _subject(kept: KeptSearch, request: SummarizeRequest) -> Subject:
    if request.subject != "auto":
        chosen: Literal["match", "next"] = request.subject
        return chosen
    return "next" if kept.capture.info.kind == "autoregressive" else "match"


def _checked_tokens(capture: Capture, request: SearchRequest, field: str) -> tuple[int, ...]:
    n = len(capture.encoding.ids)
    hint = f"tokens of this text are 0 to {n - 1}"
    if request.tokens is not None:
        return tuple(dict.fromkeys(_in_range(token, n, "tokens", hint) for token in request.tokens))
    if request.token is None:
        raise InvalidParams(field, "is missing", hint=hint)
    return (_in_range(request.token, n, field, hint),)


def _in_range(token: int, n: int, field: str, hint: str) -> int:
    if not 0 <= token < n:
        raise InvalidParams(field, f"{token} is out of range", hint=hint)
    return token


def _check_model(reader: CorpusReader, kept: Pass, asked: str | None) -> None:
    info = kept.capture.info
    if info.fingerprint != reader.config.model_fingerprint:
        raise model_mismatch(reader, info, asked or info.id)
    reader.check_fits(info)


def model_mismatch(reader: CorpusReader, info: ModelDescription, given: str) -> CorpusMismatch:
    """The error for a corpus of another model, or of the same one in another dtype; ``given`` is the model's name."""
    built = reader.config.dtype
    if built == info.dtype:
        return mismatch(reader, "model or tokenizer", reader.config.model, given)
    return CorpusMismatch(
        f"corpus {reader.name!r} was built in {built}, and {given} runs in {info.dtype}",
        hint=f"start with --dtype {built}, or index the corpus again",
        built=built,
        given=info.dtype,
    )


def mismatch(reader: CorpusReader, what: str, built: str, given: str) -> CorpusMismatch:
    """The error for a corpus that was built by something else than what is there now."""
    same = " (the same name, but other weights, settings or library versions)" if built == given else ""
    return CorpusMismatch(
        f"corpus {reader.name!r} was built by another {what}: {built}, not {given}{same}",
        hint=f"use {built}, or index the corpus again",
        built=built,
        given=given,
    )
