"""TCP and Unix sockets: frames as on stdio, many clients, each behind the token.

The first message must be an ``initialize`` whose ``initializationOptions.token`` is right. Until then messages are
small and the patience short, and bytes that are not a frame (HTTP from a web page, say) end the connection before
anything of it is looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from exbert_rpc.errors import InvalidParams
from exbert_rpc.protocol.error_codes import reserved
from exbert_rpc.protocol.framing import MAX_BODY, FrameError, FrameReader, encode_frame
from exbert_rpc.protocol.jsonrpc import Invalid, Message, Request, error_reply
from exbert_rpc.server.access import token_matches
from exbert_rpc.server.host import Host
from exbert_rpc.server.session import Session
from exbert_rpc.server.transports.listening import (
    CLOSE_SECONDS,
    HANDSHAKE_SECONDS,
    MAX_OUTBOX,
    Clients,
    ConnectionLimit,
    address_errors,
    announced,
    decode_aside,
)

logger = logging.getLogger(__name__)

_CHUNK = 1 << 16
_HANDSHAKE_BODY = 1 << 20
_HIGH_WATER = 16 * 1024 * 1024  # bytes to be written beyond which no more requests are read


class _Refused(Exception):
    """The peer does not speak the protocol."""


class StreamConnection:
    """One connection of a TCP or Unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str | None) -> None:
        self._reader = reader
        self._writer = writer
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader(max_body=MAX_BODY if token is None else _HANDSHAKE_BODY)
        self._admitted = token is None
        self._closing = False
        writer.transport.set_write_buffer_limits(high=_HIGH_WATER)

    def send(self, body: bytes) -> None:
        """Send one message; callable from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._write, encode_frame(body))

    def close(self) -> None:
        """Stop reading; what is written is still sent."""
        self._closing = True
        self._reader.feed_eof()

    async def run(self, clients: Clients) -> None:
        """Serve until either side closes."""
        try:
            with clients.session(self.send, self.close) as session:
                await self._serve(session)
        except (_Refused, ConnectionLimit) as error:
            logger.info("a connection was refused: %s", error or "too many clients")
        except (ConnectionError, TimeoutError) as error:
            logger.debug("a connection ended: %s", error)
        await self._finish()

    async def _serve(self, session: Session) -> None:
        deadline = self._loop.time() + HANDSHAKE_SECONDS
        while not self._closing:
            async with asyncio.timeout_at(None if self._admitted else deadline):
                data = await self._reader.read(_CHUNK)
            if not data:
                return
            for body in self._frames.feed(data):
                if self._closing:
                    return
                await self._take(body, session)
            await self._writer.drain()
            await asyncio.sleep(0)

    async def _take(self, body: bytes | FrameError, session: Session) -> None:
        if isinstance(body, FrameError):
            if self._admitted:
                self._refuse(error_reply(None, reserved("parseError", body.reason)))
            raise _Refused(body.reason)
        message = await decode_aside(body)
        if not self._admitted:
            self._admit(message)
        session.receive(message)

    def _admit(self, message: Message | list[Message]) -> None:
        """Let the client in, or raise."""
        if isinstance(message, Request) and message.method == "initialize" and self._knows_token(message.params):
            self._admitted = True
            self._frames.max_body = MAX_BODY
            return
        if isinstance(message, (Request, Invalid)):
            kind = "invalidRequest" if isinstance(message, Invalid) or message.method == "initialize" else None
            hint = "The first message must be `initialize` with `initializationOptions.token`."
            self._refuse(error_reply(message.id, reserved(kind or "notInitialized", "not admitted", hint)))
        raise _Refused("no valid token")

    def _knows_token(self, params: object) -> bool:
        options = params.get("initializationOptions") if isinstance(params, dict) else None
        given = options.get("token") if isinstance(options, dict) else None
        return self._token is None or token_matches(self._token, given)

    def _refuse(self, reply: bytes) -> None:
        self._write(encode_frame(reply))

    def _write(self, frame: bytes) -> None:
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_OUTBOX:
            logger.warning("a client that does not read its answers was dropped")
            transport.abort()
            self.close()
            return
        transport.write(frame)

    async def _finish(self) -> None:
        await asyncio.sleep(0)  # replies that were sent on the way out are written first
        self._writer.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.wait_closed()
        self._writer.transport.abort()


@contextlib.asynccontextmanager
async def _listening(server: asyncio.Server, connections: set[asyncio.Task[None]]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        if connections:
            await asyncio.wait(list(connections), timeout=CLOSE_SECONDS)


async def serve_stream(
    host: Host,
    stopped: asyncio.Event,
    *,
    address: tuple[str, int] | Path,
    token: str | None,
    port_file: Path | None,
    publish_token: bool,
) -> int:
    """Serve TCP clients (``address`` is host and port) or Unix-socket clients (a path) until ``stopped``."""
    clients, connections = Clients(host), set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(StreamConnection(reader, writer, token).run(clients))
        connections.add(task)
        task.add_done_callback(connections.discard)

    if isinstance(address, Path):
        server = await _start_unix(connected, address)
        where, details = f"unix:{address}", {"transport": "unix", "path": str(address)}
    else:
        with address_errors():
            server = await asyncio.start_server(connected, address[0], address[1])
        port = server.sockets[0].getsockname()[1]
        where, details = f"tcp://{address[0]}:{port}", {"transport": "tcp", "host": address[0], "port": port}
    async with _listening(server, connections):
        with announced(where, dict(details), port_file, token if publish_token else None):
            await stopped.wait()
    if isinstance(address, Path):
        address.unlink(missing_ok=True)
    return 0


async def _start_unix(
    connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None], path: Path
) -> asyncio.Server:
    """Listen on a path that only the user can open; a socket that a dead server left is replaced."""
    if path.exists() and _answers(path):  # asyncio would take it over in silence
        raise InvalidParams("path", "another server listens there", hint="Stop it, or choose another path.")
    if sys.platform == "win32":
        raise InvalidParams("path", "this system has no Unix sockets", hint="Listen on a TCP port instead.")
    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(connected, path)
    finally:
        os.umask(before)


def _answers(path: Path) -> bool:
    if sys.platform == "win32":
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
