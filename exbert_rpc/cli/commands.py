"""``exbert-rpc attend``, ``search`` and ``summarize``."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from exbert_rpc.cli.output import Screen, write_json
from exbert_rpc.cli.work import engine_of, run
from exbert_rpc.corpus.types import HitFilter
from exbert_rpc.engine.requests import Attended, AttendRequest, SearchRequest, SummarizeRequest, TextInput
from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.types import Encoding

if TYPE_CHECKING:
    from exbert_rpc.engine.facade import Engine

SESSION = "command line"


def attend(options: Namespace) -> int:
    """Show what each token attends to, or one token's attention head by head."""
    from exbert_rpc.engine.facade import DEFAULT_MODEL

    with engine_of(options) as engine:
        given = _text_input(options)
        info = run(lambda task: engine.describe_model(options.model or DEFAULT_MODEL, task), "attend")
        layers = options.layer if options.layer is not None or options.json else (info.n_layers - 1,)
        request = AttendRequest(
            session=SESSION,
            input=given,
            model=options.model,
            layers=layers,
            heads=options.heads,
            top_k=options.top,
            pipeline=options.pipeline,
        )
        answer = run(lambda task: engine.attend(request, task), "attend")
    if options.json:
        from exbert_rpc.server.jsonrpc import encode
        from exbert_rpc.server.wire import attend_result

        write_json(sys.stdout, encode(attend_result(answer, options.tensors, "utf-16")))
    else:
        _show_attention(Screen.of(sys.stdout), answer, options.token)
    return 0


def _show_attention(screen: Screen, answer: Attended, token: str | None) -> None:
    from exbert_rpc.cli.show_attention import AttentionView, show_every_token, show_one_token
    from exbert_rpc.server import wire

    view = AttentionView(
        model=wire.model_description(answer.model),
        tokens=wire.tokens(answer.tokens, "utf-32"),
        attention=answer.attention,
        layers=answer.layers,
        heads=answer.heads,
        notes=answer.notes,
    )
    if token is None:
        show_every_token(screen, view)
    else:
        show_one_token(screen, view, token_index(answer.tokens.encoding, token))


def search(options: Namespace) -> int:
    """Find similar contexts."""
    from exbert_rpc.server import wire

    with engine_of(options) as engine:
        request = _search_request(options, engine)
        found = run(lambda task: engine.search_contexts(request, task), "search")
    answer = wire.search_result(found, "utf-16" if options.json else "utf-32")
    if options.json:
        from exbert_rpc.server.jsonrpc import encode

        write_json(sys.stdout, encode(answer))
        return 0
    from exbert_rpc.cli.show_hits import show_hits

    show_hits(Screen.of(sys.stdout), answer)
    return 0


def summarize(options: Namespace) -> int:
    """Say what similar contexts have in common."""
    from exbert_rpc.server import wire

    with engine_of(options) as engine:
        request = SummarizeRequest(
            session=SESSION,
            search=_search_request(options, engine),
            subject=options.subject,
            attention=options.direction,
            include_special=options.include_special,
        )
        answer = wire.summarize_result(run(lambda task: engine.summarize(request, task), "summarize"))
    if options.json:
        from exbert_rpc.server.jsonrpc import encode

        write_json(sys.stdout, encode(answer))
        return 0
    from exbert_rpc.cli.show_summary import show_summary

    show_summary(Screen.of(sys.stdout), answer, options.bins)
    return 0


def _search_request(options: Namespace, engine: Engine) -> SearchRequest:
    """The request, with the token as a number."""
    if not 1 <= options.k <= 1000:
        raise InvalidParams("k", f"{options.k} is out of range", hint="1 to 1000")
    model = options.model or _model_of(engine, options.corpus)
    read = AttendRequest(SESSION, _text_input(options), model=model, layers=(0,), heads=(0,), top_k=0, annotate=False)
    read_pass = run(lambda task: engine.attend(read, task), "search")
    return SearchRequest(
        session=SESSION,
        corpus=options.corpus,
        space="headOutput" if options.hidden_layer is None else "hiddenState",
        capture_id=read_pass.capture_id,
        token=token_index(read_pass.tokens.encoding, options.token),
        model=options.model,
        hidden_layer=options.hidden_layer,
        layer=options.layer,
        heads=options.heads,
        k=options.k,
        weighting=options.weighting,
        exact=options.exact,
        rerank=options.rerank,
        distinct=options.distinct,
        filter=HitFilter(options.pos, options.dep, options.entity, options.words, options.documents),
    )


def _model_of(engine: Engine, corpus: str) -> str | None:
    """The model that a corpus was built with; ``None`` if its manifest cannot be read, which the search will report.

    Raises:
        CorpusNotFound: there is no such corpus; said before any model is loaded.
    """
    info = next((info for info in engine.list_corpora() if info.name == corpus), None)
    return (engine.describe_corpus(corpus) if info is None else info).model or None


def _text_input(options: Namespace) -> TextInput:
    text = sys.stdin.read() if options.text == "-" else options.text
    return TextInput(text, options.pair, options.mask or ())


def token_index(encoding: Encoding, named: str) -> int:
    """The token that a number or a word names; of a word in pieces, the first piece.

    Raises:
        InvalidParams: there is no such token, or several.
    """
    n = len(encoding.ids)
    if named.lstrip("-").isdecimal():
        if not 0 <= int(named) < n:
            raise InvalidParams("token", f"{named} is out of range", hint=f"tokens of this text are 0 to {n - 1}")
        return int(named)
    found = _standing(encoding, named, 0) or _standing(encoding, named, re.IGNORECASE)
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(str(index) for index in found)
        raise InvalidParams("token", f"{named!r} stands there {len(found)} times", hint=f"give its number: {places}")
    texts = (encoding.text[int(s) : int(e)] for s, e in zip(encoding.start, encoding.end, strict=True))
    known = " ".join(f"{index}:{text}" for index, text in enumerate(texts) if text)
    raise InvalidParams(
        "token", f"{named!r} is no word of the text", hint=f"choose from {known[:300]} or give a number"
    )


def _standing(encoding: Encoding, word: str, flags: int) -> list[int]:
    """Tokens at which a whole word begins, in the first segment."""
    found: list[int] = []
    for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", encoding.text, flags):
        for index in range(len(encoding.ids)):
            is_text = not encoding.is_special[index] and encoding.segment[index] == 0
            if is_text and encoding.start[index] <= match.start() < encoding.end[index]:
                found.append(index)
                break
    return found
