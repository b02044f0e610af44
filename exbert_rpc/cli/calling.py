"""``exbert-rpc call``: any method of the protocol, with JSON in and out."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from exbert_rpc.cli.calls import call as run_method
from exbert_rpc.cli.calls import print_json
from exbert_rpc.cli.output import Screen
from exbert_rpc.cli.parser import UsageError
from exbert_rpc.cli.tables import Cell, Column, Row, draw
from exbert_rpc.cli.work import engine_of

if TYPE_CHECKING:
    from exbert_rpc.protocol.types.base import Signature


def call(options: Namespace) -> int:
    """Answer one request in this process, or say what can be asked."""
    screen = Screen.of(sys.stdout)
    if options.method is None:
        _show_methods(screen)
        return 0
    signature = _signature(options.method)
    if options.fields:
        _show_fields(screen, signature)
        return 0
    from exbert_rpc.methods.validation import validate

    params = validate(signature.params, _read(options.params))
    with engine_of(options) as engine:
        print_json(run_method(engine, params, signature.result, signature.name, options=options))
    return 0


def _signature(name: str) -> Signature:
    from difflib import get_close_matches

    from exbert_rpc.protocol.types import signatures

    if name not in signatures():
        close = get_close_matches(name, signatures(), n=1)
        hint = f"did you mean {close[0]}?" if close else f"methods: {', '.join(signatures())}"
        raise UsageError(f"the protocol has no method {name!r}", hint=hint)
    return signatures()[name]


def _read(given: str | None) -> object:
    text = sys.stdin.read() if given == "-" else given or "{}"
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the parameters are not JSON: {error}", hint='give an object such as {"text": "…"}'
        ) from error


def _show_methods(screen: Screen) -> None:
    from exbert_rpc.protocol.fields import summary
    from exbert_rpc.protocol.types import signatures

    rows: list[Row] = [
        [Cell(name, screen.bold), summary(one.result).partition("\n")[0].replace("``", "")]
        for name, one in signatures().items()
    ]
    draw(screen, [Column("method"), Column("answers", may_shrink=True)], rows)


def _show_fields(screen: Screen, signature: Signature) -> None:
    from exbert_rpc.protocol.expected import expected_at
    from exbert_rpc.protocol.fields import wire_fields

    for name, required, meaning in wire_fields(signature.params):
        takes = expected_at(signature.params, name)
        screen.line(f"{screen.bold(name)} ({takes}{', required' if required else ''})")
        screen.line(f"    {meaning}")
