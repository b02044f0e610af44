"""``exbert-rpc report``: one web page to send."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from exbert_rpc import __version__
from exbert_rpc.cli.calls import call, read_once
from exbert_rpc.cli.commands import model_of, text_input, token_index
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.show_corpora import size
from exbert_rpc.cli.work import engine_of
from exbert_rpc.errors import ExbertError, InvalidParams

if TYPE_CHECKING:
    from exbert_rpc.engine import Engine
    from exbert_rpc.engine.requests import TextInput
    from exbert_rpc.protocol.types.base import Params, Result

R = TypeVar("R", bound="Result")


def report(options: Namespace) -> int:
    """Write a page that shows a text, its attention and the contexts of its tokens, and needs no server."""
    from exbert_rpc.report import ReportRequest, make_page, record

    if not 1 <= options.k <= 1000:
        raise InvalidParams("k", f"{options.k} is out of range", hint="1 to 1000")
    target = Path(options.output)
    if not target.parent.is_dir():
        raise InvalidParams("output", f"there is no folder {target.parent}", hint="make it, or choose another one")
    given = text_input(options)  # once: it may be standard input
    options.json = True  # offsets as a web page counts them
    with engine_of(options) as engine:

        def ask(params: Params, result: type[R]) -> R:
            return call(engine, params, result, "report", options=options)

        request = ReportRequest(
            text=given.text,
            model=options.model,
            corpus=options.corpus,
            layer=options.layer,
            heads=options.heads,
            token=None if options.token is None else _token(engine, given, options),
            k=options.k,
        )
        page = make_page(record(request, ask), __version__)
    _write(target, page)
    Screen.of(sys.stdout).line(f"wrote {target} ({size(len(page.encode()))}); open it in a browser, or send it")
    return 0


def _token(engine: Engine, given: TextInput, options: Namespace) -> int:
    model = options.model or (None if options.corpus is None else model_of(engine, options.corpus))
    answer = read_once(engine, given, model, "report")
    return token_index(answer.tokens.encoding, options.token)


def _write(target: Path, page: str) -> None:
    try:
        target.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ExbertError(f"{target} cannot be written: {error.strerror}", hint="choose another file") from error
