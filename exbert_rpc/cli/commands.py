"""``exbert-rpc attend``, ``search`` and ``summarize``."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exbert_rpc.cli.calls import SESSION, call, print_json, read_once
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.parser import UsageError
from exbert_rpc.cli.rows import deliver, wants_rows
from exbert_rpc.cli.values import words
from exbert_rpc.cli.work import engine_of, run
from exbert_rpc.engine.requests import AttendRequest, AttendResult, TextInput
from exbert_rpc.errors import InvalidParams
from exbert_rpc.model.types import Encoding

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine
    from exbert_rpc.protocol.types.search_contexts import Filter


def attend(options: Namespace) -> int:
    """Show what each token attends to, or one token's attention head by head."""
    from exbert_rpc.cli.prompts import prompt_input
    from exbert_rpc.protocol.types.attend import AttendParams, AttendResult
    from exbert_rpc.protocol.types.base import ChatMessage

    given = prompt_input(options)
    if options.json:
        messages = [ChatMessage(role=one.role, content=one.content) for one in given.messages or ()]
        params = AttendParams(
            text=given.text if given.messages is None else None,
            text_pair=given.pair,
            messages=None if given.messages is None else messages,
            special_tokens=given.special_tokens,
            generate=options.generate,
            mask=list(given.mask) or None,
            model=options.model,
            layers=_list(options.layer),
            heads=_list(options.heads),
            top_k=options.top,
            pipeline=options.pipeline,
            tensors=options.tensors,
            weights=options.weights,
        )
        with engine_of(options) as engine:
            print_json(call(engine, params, AttendResult, "attend", options=options))
    else:
        with engine_of(options) as engine:
            answer = _read(engine, given, options)
        _show_attention(Screen.of(sys.stdout), answer, options.token)
    return 0


def _read(engine: Engine, given: TextInput, options: Namespace) -> AttendResult:
    """The pass, with its arrays as they are; of all layers with attention the last one, unless others are asked for."""
    from exbert_rpc.engine.defaults import DEFAULT_MODEL

    info = run(lambda task: engine.describe_model(options.model or DEFAULT_MODEL, task), "attend")
    request = AttendRequest(
        session=SESSION,
        input=given,
        model=options.model,
        layers=info.attention_layers[-1:] if options.layer is None else options.layer,
        heads=options.heads,
        top_k=options.top,
        pipeline=options.pipeline,
        weights=options.weights,
        generate=_checked_number(options.generate),
    )
    return run(lambda task: engine.attend(request, task), "attend")


def _checked_number(generate: int | None) -> int:
    """Tokens to write; raises ``InvalidParams`` for a number below 1, which would mean none."""
    if generate is not None and generate < 1:
        raise InvalidParams("generate", f"{generate} is out of range", hint="1 to 256")
    return generate or 0


def _show_attention(screen: Screen, answer: AttendResult, token: str | None) -> None:
    from exbert_rpc.cli.show_attention import AttentionView, show_every_token, show_one_token
    from exbert_rpc.methods.describe_model import encode_model
    from exbert_rpc.methods.results import encode_tokens

    view = AttentionView(
        model=encode_model(answer.model),
        tokens=encode_tokens(answer.tokens, "utf-32"),
        attention=answer.attention,
        layers=answer.layers,
        heads=answer.heads,
        notes=answer.notes,
        roles=[place.role for place in answer.tokens.encoding.messages or ()],
    )
    if token is None:
        show_every_token(screen, view)
    else:
        show_one_token(screen, view, token_index(answer.tokens.encoding, token))


def search(options: Namespace) -> int:
    """Find similar contexts."""
    from exbert_rpc.cli.show_hits import show_hits
    from exbert_rpc.protocol.types.search_contexts import SearchParams, SearchResult

    wants_rows(options)
    with engine_of(options) as engine:
        params = SearchParams(corpus=options.corpus, **_query(options, engine))
        answer = call(engine, params, SearchResult, "search", options=options)
    deliver(answer, options, show_hits)
    return 0


def summarize(options: Namespace) -> int:
    """Say what similar contexts have in common."""
    from exbert_rpc.cli.show_summary import show_summary
    from exbert_rpc.protocol.types.summarize import SummarizeParams, SummarizeResult

    wants_rows(options)
    with engine_of(options) as engine:
        params = SummarizeParams(
            corpus=options.corpus,
            subject=options.subject,
            attention=options.direction,
            include_special=options.include_special,
            controls=None if options.controls is None else list(options.controls),
            metadata=None if options.by is None else list(options.by),
            **_query(options, engine),
        )
        answer = call(engine, params, SummarizeResult, "summarize", options=options)
    deliver(answer, options, lambda screen, it: show_summary(screen, it, options.bins))
    return 0


def _query(options: Namespace, engine: Engine) -> dict[str, Any]:
    """The fields of a query, with the token as a number: the text is read once, before the search."""
    read_pass = read_query(options, engine, "search")
    return {
        "space": "headOutput" if options.hidden_layer is None else "hiddenState",
        "capture_id": read_pass.capture_id,
        "token": token_index(read_pass.tokens.encoding, options.token),
        "model": options.model,
        "hidden_layer": options.hidden_layer,
        "layer": options.layer,
        "heads": _list(options.heads),
        "k": options.k,
        "weighting": options.weighting,
        "exact": options.exact,
        "rerank": options.rerank,
        "distinct": options.distinct,
        "filter": filter_of(options),
    }


def read_query(options: Namespace, engine: Engine, title: str) -> AttendResult:
    """The pass over the text of a query, by the model of the corpus.

    Raises:
        CorpusNotFound: there is no such corpus; said before any model is loaded.
        InvalidParams: so many contexts cannot be asked for.
    """
    if not 1 <= options.k <= 1000:
        raise InvalidParams("k", f"{options.k} is out of range", hint="1 to 1000")
    model = options.model or model_of(engine, options.corpus)
    return read_once(engine, text_input(options), model, title)


def filter_of(options: Namespace) -> Filter:
    """What a hit must be."""
    from exbert_rpc.protocol.types.search_contexts import Filter

    named = ("pos", options.pos), ("dep", options.dep), ("entity", options.entity), ("token", options.words)
    allowed: dict[str, Any] = {
        name: list(labels) for name, labels in (*named, ("documents", _names(options.documents))) if labels is not None
    }
    if options.match_case and options.words is None:
        raise UsageError("--match-case is for words", hint="add --words LIST")
    allowed["match_case"] = options.match_case
    allowed |= {} if options.where is None else {"metadata": _where(options.where)}
    return Filter(**allowed)


def _names(given: list[str] | None) -> list[str] | None:
    """Names of documents: each as it is typed, and with commas also its parts, which was the way to give several."""
    if given is None:
        return None
    return [name for text in given for name in dict.fromkeys((text, *words(text)))]


def _where(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by key; several values of a key are alternatives."""
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _list(values: tuple[int, ...] | None) -> list[int] | None:
    return None if values is None else list(values)


def model_of(engine: Engine, corpus: str) -> str | None:
    """The model that a corpus was built with; ``None`` if its manifest cannot be read, which the search will report.

    Raises:
        CorpusNotFound: there is no such corpus; said before any model is loaded.
    """
    info = next((info for info in engine.list_corpora() if info.name == corpus), None)
    return (engine.describe_corpus(corpus) if info is None else info).model or None


def text_input(options: Namespace) -> TextInput:
    """The text that the options name; ``-`` is standard input."""
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
