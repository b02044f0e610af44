"""``exbert-rpc ablate``, ``decompose`` and ``compare``."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from exbert_rpc.cli.calls import call, print_json, read_once
from exbert_rpc.cli.commands import text_input, token_index
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.work import engine_of
from exbert_rpc.engine.requests import TextInput
from exbert_rpc.errors import InvalidParams

if TYPE_CHECKING:
    from exbert_rpc.engine.requests import AttendResult
    from exbert_rpc.protocol.types.ablate_heads import HeadIndex


def ablate(options: Namespace) -> int:
    """Show what changes without each head, or without some together."""
    from exbert_rpc.cli.show_effects import show_ablation
    from exbert_rpc.protocol.types.ablate_heads import AblateHeadsParams, AblateHeadsResult, PredictionIndex

    with engine_of(options) as engine:
        read = read_once(engine, text_input(options), options.model, "ablate")
        target = None
        if options.token is not None or options.target is not None:
            target = PredictionIndex(token=_token(read, options.token), id=_id_or_text(options.target))
        params = AblateHeadsParams(
            capture_id=read.capture_id,
            heads="each" if options.heads is None else _heads(options.heads),
            mode=options.mode,
            against=options.against,
            corpus=options.corpus,
            target=target,
        )
        answer = call(engine, params, AblateHeadsResult, "ablate", options=options)
    if options.json:
        print_json(answer)
    else:
        show_ablation(Screen.of(sys.stdout), answer, options.rows, alone=options.against is None)
    return 0


def decompose(options: Namespace) -> int:
    """Show which parts of the model a prediction, or the similarity of two texts, is the sum of."""
    from exbert_rpc.cli.show_effects import show_decomposition
    from exbert_rpc.protocol.types.decompose import DecomposeParams, DecomposeResult

    with engine_of(options) as engine:
        read = read_once(engine, text_input(options), options.model, "decompose")
        params = DecomposeParams(
            capture_id=read.capture_id,
            token=_token(read, options.token),
            target=_id_or_text(options.target),
            contrast=_id_or_text(options.contrast),
            against=options.against,
        )
        answer = call(engine, params, DecomposeResult, "decompose", options=options)
    if options.json:
        print_json(answer)
    else:
        show_decomposition(Screen.of(sys.stdout), answer, options.rows)
    return 0


def compare(options: Namespace) -> int:
    """Show how a pass differs from the same one with masked tokens, without some heads, or by another model."""
    from exbert_rpc.cli.show_effects import show_comparison
    from exbert_rpc.protocol.types.ablate_heads import AblateHeadsParams, AblateHeadsResult
    from exbert_rpc.protocol.types.compare_captures import CompareCapturesParams, CompareCapturesResult

    changes = [name for name in ("mask", "heads", "other") if getattr(options, name) is not None]
    if len(changes) != 1:
        raise InvalidParams("mask", "one of --mask, --heads and --other is needed", hint="say what the second pass is")
    given = text_input(options)
    plain = TextInput(given.text, given.pair)
    with engine_of(options) as engine:
        first = read_once(engine, plain, options.model, "compare")
        if options.heads is not None:
            ablation = AblateHeadsParams(
                capture_id=first.capture_id, heads=_heads(options.heads), mode=options.mode, keep=True
            )
            second = call(engine, ablation, AblateHeadsResult, "compare", options=options).capture_id
        else:
            model = options.model if options.other is None else options.other
            second = read_once(engine, given, model, "compare").capture_id
        assert second is not None
        params = CompareCapturesParams(capture_ids=[first.capture_id, second])
        answer = call(engine, params, CompareCapturesResult, "compare", options=options)
    if options.json:
        print_json(answer)
    else:
        show_comparison(Screen.of(sys.stdout), answer, first.tokens.encoding.tokens, options.rows)
    return 0


def _token(read: AttendResult, named: str | None) -> int | None:
    if named is None:
        return None
    table = read.tokens if read.decoder_tokens is None else read.decoder_tokens
    return token_index(table.encoding, named)


def _id_or_text(named: str | None) -> int | str | None:
    """``#123`` is an id; anything else is the text of a token."""
    if named is not None and named.startswith("#") and named[1:].isdecimal():
        return int(named[1:])
    return named


def _heads(named: tuple[tuple[int, int], ...]) -> list[HeadIndex]:
    from exbert_rpc.protocol.types.ablate_heads import HeadIndex

    return [HeadIndex(layer=layer, head=head) for layer, head in named]
