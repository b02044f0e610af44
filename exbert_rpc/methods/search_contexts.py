"""``searchContexts``: find the contexts of a corpus that are represented most like one token."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from exbert_rpc.corpus import types as corpus
from exbert_rpc.engine import corpus_requests
from exbert_rpc.errors import InvalidParams
from exbert_rpc.methods.describe_model import encode_model
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import DIGITS, cosine, encode_range, encode_tokens, rounded_lines
from exbert_rpc.methods.text_input import model_of, text_input
from exbert_rpc.methods.validation import as_tuple
from exbert_rpc.protocol.positions import OffsetMap, PositionEncoding
from exbert_rpc.protocol.types.hits import Hit, HitAttention, HitSentence, HitToken, MaxAttention, Peak
from exbert_rpc.protocol.types.search_contexts import (
    SIGNATURE,
    ContextQuery,
    Filter,
    SearchParams,
    SearchResult,
    SearchStats,
)


def prepare(params: SearchParams, context: Context) -> Work:
    """Reads the query now."""
    request, encoding = read_request(params, params.corpus, context), context.encoding
    return lambda engine, task: encode_result(engine.search_contexts(request, task), encoding)


def read_request(params: ContextQuery, corpus_name: str | None, context: Context) -> corpus_requests.SearchRequest:
    """What the engine is asked."""
    if corpus_name is None:
        raise InvalidParams("corpus", "is required", hint="listCorpora names those there are.")
    layer = _layer(params)
    _check_one_place(params)
    return corpus_requests.SearchRequest(
        session=context.session,
        corpus=corpus_name,
        layer=layer,
        space=params.space,
        input=text_input(params, context, params.position),
        capture_id=params.capture_id,
        token=params.token,
        tokens=as_tuple(params.tokens),
        model=model_of(params, context),
        heads=as_tuple(params.heads),
        k=params.k,
        weighting=params.weighting,
        exact=params.exact,
        rerank=params.rerank,
        distinct=params.distinct,
        filter=read_filter(params.filter),
    )


def _check_one_place(params: ContextQuery) -> None:
    """What is looked for is named once: ``token``, ``tokens`` or ``position``."""
    places = {"token": params.token, "tokens": params.tokens, "position": params.position}
    given = [name for name, value in places.items() if value is not None]
    if not given:
        raise InvalidParams("token", "is required", hint="Give `token`, or `textDocument` with `position`.")
    if len(given) > 1:
        raise InvalidParams(given[1], f"may not be given together with `{given[0]}`", hint="Give one of them.")
    if params.tokens == []:
        raise InvalidParams("tokens", "names nothing", hint="Name one token or more, such as the sub-words of a word.")


_COUNTED = {"headOutput": "attention layer, counted from 0", "hiddenState": "hidden state; 0 is the embedding output"}


def _layer(params: ContextQuery) -> int:
    """The layer within the space: ``layer`` goes with head outputs, ``hiddenLayer`` with hidden states."""
    given = {"headOutput": ("layer", params.layer), "hiddenState": ("hiddenLayer", params.hidden_layer)}
    name, layer = given.pop(params.space)
    ((other_space, (other_name, other)),) = given.items()
    if layer is None:
        hint = f"Name the {_COUNTED[params.space]}."
        if other is not None:
            hint = f'`{other_name}` goes with `space: "{other_space}"`.'
        raise InvalidParams(name, f"is required in space `{params.space}`", hint=hint)
    if other is not None:
        raise InvalidParams(other_name, f"does not exist in space `{params.space}`", hint=f"Give `{name}` only.")
    return layer


def read_filter(params: Filter | None) -> corpus.Filter:
    """What a hit must be; raises ``InvalidParams`` for a field that names nothing."""
    if params is None:
        return corpus.Filter()
    return corpus.Filter(
        pos=_allowed("pos", params.pos),
        dep=_allowed("dep", params.dep),
        entity=_allowed("entity", params.entity),
        token=_allowed("token", params.token),
        documents=_allowed("documents", params.documents),
        metadata=None if params.metadata is None else _metadata(params.metadata),
        match_case=params.match_case,
    )


def _metadata(wanted: dict[str, str | list[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not wanted:
        raise InvalidParams("filter.metadata", "names nothing", hint="Leave it out if it does not matter.")
    return tuple((key, _allowed(f"metadata.{key}", values) or ()) for key, values in sorted(wanted.items()))


def _allowed(name: str, value: str | list[str] | None) -> tuple[str, ...] | None:
    values = (value,) if isinstance(value, str) else as_tuple(value)
    if values is not None and not any(values):
        raise InvalidParams(f"filter.{name}", "names nothing", hint="Leave it out if it does not matter.")
    return values


def encode_result(answer: corpus_requests.SearchResult, encoding: PositionEncoding) -> SearchResult:
    """The engine's answer on the wire."""
    query = encode_tokens(answer.query, encoding)
    return SearchResult(
        search_id=answer.search_id,
        model=encode_model(answer.model),
        hits=encode_hits(answer.hits, answer.attention_layer, answer.heads, encoding),
        stats=encode_stats(answer.stats),
        query=query[answer.token] if 0 <= answer.token < len(query) else None,
    )


def encode_stats(stats: corpus.SearchStats) -> SearchStats:
    """What was searched, on the wire."""
    return SearchStats(
        searched=stats.searched,
        exact=stats.exact,
        milliseconds=round(stats.milliseconds, 3),
        precision=stats.precision,
        reranked=stats.reranked,
        note=stats.note,
    )


def encode_hits(hits: Sequence[corpus.Hit], layer: int, heads: Sequence[int], encoding: PositionEncoding) -> list[Hit]:
    """Hits on the wire; attention is of one layer, mean over heads."""
    lines = rounded_lines([line for hit in hits for line in (hit.outgoing, hit.incoming)])
    shown = list(heads)
    return [
        _encode_hit(hit, HitAttention(layer=layer, heads=shown, outgoing=outgoing, incoming=incoming), encoding)
        for hit, outgoing, incoming in zip(hits, lines[::2], lines[1::2], strict=True)
    ]


def _encode_hit(hit: corpus.Hit, attention: HitAttention, encoding: PositionEncoding) -> Hit:
    return Hit(
        rank=hit.rank,
        score=cosine(hit.score),
        document=hit.document,
        range=encode_range(hit.start, hit.end, encoding),
        stale=hit.stale,
        sentence=HitSentence(index=hit.sentence_index, text=hit.sentence_text),
        match=hit.match,
        next=hit.next,
        tokens=_hit_tokens(hit, encoding),
        attention=attention,
        max_attention=MaxAttention(
            outgoing=_peak(hit.peak_outgoing), incoming=_peak(hit.peak_incoming), next=_peak(hit.peak_next)
        ),
        cell=hit.cell,
        sentence_range=encode_range(hit.sentence_start, hit.sentence_end, encoding),
        target=hit.target,
        record=hit.record,
        metadata=dict(hit.metadata),
    )


def _hit_tokens(hit: corpus.Hit, encoding: PositionEncoding) -> list[HitToken]:
    table, text = hit.tokens, hit.sentence_text
    start, end = table.start.tolist(), table.end.tolist()
    units = OffsetMap(text, encoding)
    columns = (
        [text[first:last] for first, last in zip(start, end, strict=True)],
        units(start),
        units(end),
        table.pos,
        table.tag,
        table.dep,
        table.lemma,
        table.entity,
        table.is_special.tolist(),
        repeat(None) if table.syntactic_head is None else table.syntactic_head,
    )
    return list(map(HitToken, *columns))  # by place: a third of the time of naming each field


def _peak(peak: corpus.Peak | None) -> Peak | None:
    if peak is None:
        return None
    return Peak(index=peak.index, offset=peak.offset, weight=round(float(peak.weight), DIGITS))


METHOD = Method(SIGNATURE, prepare, title="searching contexts")
