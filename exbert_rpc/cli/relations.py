"""``exbert-rpc relations``."""

from __future__ import annotations

from argparse import Namespace

from exbert_rpc.cli.calls import call
from exbert_rpc.cli.commands import filter_of, read_query, token_index
from exbert_rpc.cli.rows import deliver, wants_rows
from exbert_rpc.cli.work import engine_of
from exbert_rpc.errors import InvalidParams


def relations(options: Namespace) -> int:
    """Find the contexts in which a head draws the same relation between two tokens."""
    from exbert_rpc.cli.show_hits import show_relations
    from exbert_rpc.protocol.types.search_relations import SearchRelationsParams, SearchRelationsResult

    if not 0 <= options.min_weight <= 1:
        raise InvalidParams("min-weight", f"{options.min_weight} is out of range", hint="0 to 1")
    wants_rows(options)
    with engine_of(options) as engine:
        read = read_query(options, engine, "relations")
        params = SearchRelationsParams(
            corpus=options.corpus,
            capture_id=read.capture_id,
            source=token_index(read.tokens.encoding, options.source),
            target=token_index(read.tokens.encoding, options.target),
            layer=options.layer,
            head=options.head,
            model=options.model,
            k=options.k,
            filter=filter_of(options),
            min_weight=options.min_weight,
            distinct=options.distinct,
            rerank=options.rerank,
        )
        answer = call(engine, params, SearchRelationsResult, "relations", options=options)
    deliver(answer, options, show_relations)
    return 0
