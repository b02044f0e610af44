"""``exbert-rpc schema``: the protocol's generated files."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from exbert_rpc.cli.output import Screen, write_json


def schema(options: Namespace) -> int:
    """Print one of the documents, or write the generated files."""
    from exbert_rpc.protocol.schema import OPENRPC_FILE, SCHEMA_FILE, render, write

    if options.client is not None:
        from exbert_rpc.protocol.client_methods import render_client

        Path(options.client).write_text(render_client(), encoding="utf-8")
    if options.write is None and options.client is None:
        document = render()[OPENRPC_FILE if options.openrpc else SCHEMA_FILE]
        write_json(sys.stdout, document.rstrip("\n").encode())
        return 0
    if options.write is None:
        return 0
    screen = Screen.of(sys.stdout)
    changed = write(Path(options.write))
    for path in changed:
        screen.line(f"wrote {path}")
    if not changed:
        screen.line("nothing has changed")
    return 0
