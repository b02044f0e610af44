"""What TCP, Unix and WebSocket servers have in common: limits, and telling where they listen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from exbert_rpc.errors import InvalidParams
from exbert_rpc.protocol.jsonrpc import Message
from exbert_rpc.server.host import Host
from exbert_rpc.server.session import Session
from exbert_rpc.server.transports.stdio import message_of

MAX_CONNECTIONS = 256
MAX_OUTBOX = 256 * 1024 * 1024  # a client that reads more slowly than it asks is dropped here
HANDSHAKE_SECONDS = 10.0
CLOSE_SECONDS = 0.5
_DECODE_ASIDE = 256 * 1024


class ConnectionLimit(Exception):
    """Too many clients are connected."""


class Clients:
    """The sessions of a listening server."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._sessions: set[Session] = set()

    @contextlib.contextmanager
    def session(self, send: Callable[[bytes], None], close: Callable[[], None]) -> Iterator[Session]:
        """A session for the time of one connection; raises :class:`ConnectionLimit` beyond the limit."""
        if len(self._sessions) >= MAX_CONNECTIONS:
            raise ConnectionLimit
        session = Session(self._host, send, lambda _code: close(), "socket")
        self._sessions.add(session)
        try:
            yield session
        finally:
            self._sessions.discard(session)
            session.close()


@contextlib.contextmanager
def address_errors() -> Iterator[None]:
    """Turn the refusal of an address into :class:`InvalidParams`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidParams("port", f"cannot be listened on: {reason}", hint="Choose another one, or 0.") from error


async def decode_aside(body: bytes) -> Message | list[Message]:
    """Decode a message; a large one in a thread, so that other clients need not wait."""
    return message_of(body) if len(body) < _DECODE_ASIDE else await asyncio.to_thread(message_of, body)


@contextlib.contextmanager
def announced(address: str, details: dict[str, object], file: Path | None, token: str | None) -> Iterator[None]:
    """Say on standard error, and in ``file``, where the server listens; ``token`` goes only into the file."""
    where = {"address": address, "pid": os.getpid(), **details}
    sys.stderr.write(json.dumps({"listening": where}) + "\n")
    sys.stderr.flush()
    if file is None:
        yield
        return
    content = json.dumps(where if token is None else {**where, "token": token}) + "\n"
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)  # never written through: somebody else's file or link may stand there
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)
    partial.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
