"""``exbert-rpc schema``: the protocol's generated files."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from exbert_rpc.cli.output import Screen, write_json


def schema(options: Namespace) -> int:
    """Print one of the documents, or write both."""
    from exbert_rpc.protocol.schema import OPENRPC_FILE, SCHEMA_FILE, render, write

    if options.write is None:
        document = render()[OPENRPC_FILE if options.openrpc else SCHEMA_FILE]
        write_json(sys.stdout, document.rstrip("\n").encode())
        return 0
    screen = Screen.of(sys.stdout)
    changed = write(Path(options.write))
    for path in changed:
        screen.line(f"wrote {path}")
    if not changed:
        screen.line("nothing has changed")
    return 0
