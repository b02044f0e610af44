"""``searchRelations``: find the contexts in which a head draws the same relation between two tokens."""

from __future__ import annotations

from exbert_rpc.engine import corpus_requests
from exbert_rpc.methods.describe_model import encode_model
from exbert_rpc.methods.method import Context, Method, Work
from exbert_rpc.methods.results import encode_tokens, share
from exbert_rpc.methods.search_contexts import encode_hits, encode_stats, read_filter
from exbert_rpc.methods.text_input import model_of, text_input
from exbert_rpc.protocol.positions import PositionEncoding
from exbert_rpc.protocol.types.search_relations import SIGNATURE, SearchRelationsParams, SearchRelationsResult


def prepare(params: SearchRelationsParams, context: Context) -> Work:
    """Reads the query now."""
    request, encoding = read_request(params, context), context.encoding
    return lambda engine, task: encode_result(engine.search_relations(request, task), encoding)


def read_request(params: SearchRelationsParams, context: Context) -> corpus_requests.RelationRequest:
    """What the engine is asked."""
    search = corpus_requests.SearchRequest(
        session=context.session,
        corpus=params.corpus,
        layer=params.layer,
        space="hiddenState",
        input=text_input(params, context),
        capture_id=params.capture_id,
        token=params.source,
        model=model_of(params, context),
        heads=(params.head,),
        k=params.k,
        rerank=params.rerank,
        distinct=params.distinct,
        filter=read_filter(params.filter),
    )
    return corpus_requests.RelationRequest(search, params.target, params.head, params.min_weight)


def encode_result(answer: corpus_requests.SearchResult, encoding: PositionEncoding) -> SearchRelationsResult:
    """The engine's answer on the wire."""
    assert answer.target is not None
    assert answer.weight is not None
    query = encode_tokens(answer.query, encoding)
    return SearchRelationsResult(
        search_id=answer.search_id,
        model=encode_model(answer.model),
        hits=encode_hits(answer.hits, answer.attention_layer, answer.heads, encoding),
        stats=encode_stats(answer.stats),
        source=query[answer.token],
        target=query[answer.target],
        weight=share(answer.weight),
    )


METHOD = Method(SIGNATURE, prepare, title="searching relations")
