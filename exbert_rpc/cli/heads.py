"""``exbert-rpc heads``."""

from __future__ import annotations

from argparse import Namespace

from exbert_rpc.cli.calls import call
from exbert_rpc.cli.rows import deliver, wants_rows
from exbert_rpc.cli.work import engine_of
from exbert_rpc.errors import InvalidParams


def heads(options: Namespace) -> int:
    """Say what heads do everywhere in a corpus."""
    from exbert_rpc.cli.show_heads import show_heads
    from exbert_rpc.protocol.types.profile_heads import ProfileParams, ProfileResult

    if not 0 <= options.examples <= 20:
        raise InvalidParams("examples", f"{options.examples} is out of range", hint="0 to 20")
    params = ProfileParams(
        corpus=options.corpus,
        layers=None if options.layer is None else list(options.layer),
        heads=None if options.head is None else list(options.head),
        min_pairs=options.min_pairs,
        examples=options.examples,
    )
    wants_rows(options)
    with engine_of(options) as engine:
        answer = call(engine, params, ProfileResult, "heads", options=options)
    deliver(answer, options, show_heads)
    return 0
