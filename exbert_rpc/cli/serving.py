"""``exbert-rpc serve``."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from exbert_rpc.cli.parser import UsageError
from exbert_rpc.cli.work import actors_of, store_of

if TYPE_CHECKING:
    from exbert_rpc.server.transports import entry as transports

TOKEN_VARIABLE = "EXBERT_RPC_TOKEN"


def serve(options: Namespace) -> int:
    """Serve until the client, a signal or the parent's death ends it."""
    from exbert_rpc.server.host import real_engine
    from exbert_rpc.server.options import EngineSettings
    from exbert_rpc.server.transports import entry as transports

    kind, host, port = _address(options)
    transport = transports.TransportOptions(
        kind=kind,
        host=host,
        port=port,
        path=None if options.unix is None else Path(options.unix),
        token=None if kind == "stdio" else _token(options),
        allow_remote=options.allow_remote,
        allowed_origins=tuple(options.allow_origin or ()),
        allowed_hosts=tuple(options.allow_host or ()),
        port_file=None if options.port_file is None else Path(options.port_file),
    )
    if kind in ("tcp", "websocket") and transport.token is None and transport.port_file is None:
        raise UsageError(
            "a socket needs a secret that clients must know",
            hint=f"set {TOKEN_VARIABLE}, or give --token-file, or --port-file for a new one to be written to",
        )
    settings = EngineSettings(
        store=store_of(options),
        model=options.model,
        device=options.device,
        dtype=options.dtype,
        allow_network=options.allow_network,
        pipeline=options.pipeline,
        allowed_roots=None if options.root is None else tuple(Path(root).expanduser() for root in options.root),
        origin=options.origin,
        actors=actors_of(options),
    )
    return transports.serve(real_engine, transport, settings)


def _address(options: Namespace) -> tuple[transports.TransportKind, str, int]:
    if options.unix is not None:
        return "unix", "", 0
    if options.tcp is not None:
        return "tcp", *split_address(options.tcp)
    if options.ws is not None:
        return "websocket", *split_address(options.ws)
    return "stdio", "", 0


def split_address(address: str) -> tuple[str, int]:
    """``127.0.0.1:8765``, ``[::1]:0`` or a port alone (then on this machine only)."""
    host, colon, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"{address!r} is no address", hint="use HOST:PORT, such as 127.0.0.1:8765")
    return (host.removeprefix("[").removesuffix("]") if colon else "127.0.0.1"), int(port)


def _token(options: Namespace) -> str | None:
    if options.token_file is not None:
        return Path(options.token_file).expanduser().read_text(encoding="utf-8").strip()
    return os.environ.get(TOKEN_VARIABLE) or None
