"""WebSocket: one message is one JSON-RPC message, without headers (as vscode-ws-jsonrpc speaks it).

The handshake decides: Host and Origin against their allow-lists, and the token in ``?token=``, in
``Authorization: Bearer``, or as a subprotocol ``token.<token>`` beside ``exbert-rpc``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import MultipleValuesError
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from exbert_rpc.protocol.framing import MAX_BODY
from exbert_rpc.server.access import host_allowed, origin_allowed, token_matches
from exbert_rpc.server.host import Host
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
from exbert_rpc.server.transports.page import IdleEnd, Page, answer_http, same_origin

logger = logging.getLogger(__name__)

SUBPROTOCOL = "exbert-rpc"


@dataclass(frozen=True, slots=True)
class Gate:
    """Which handshakes are accepted."""

    token: str | None
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    page: Page | None = None

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        """The refusal of a handshake; ``None`` lets it pass. A plain request is answered with the page."""
        if self.page is not None:
            answer = answer_http(self.page, connection, request)
            if answer is not None:
                return answer
        try:
            host, origin = request.headers.get("Host"), request.headers.get("Origin")
            if not host_allowed(host, self.hosts):
                return connection.respond(HTTPStatus.FORBIDDEN, "this Host is not allowed\n")
            own = self.page is not None and same_origin(request)
            if not own and not origin_allowed(origin, self.origins):
                return connection.respond(HTTPStatus.FORBIDDEN, "this Origin is not allowed\n")
            if self.token is not None and not any(token_matches(self.token, word) for word in _tokens(request)):
                return connection.respond(HTTPStatus.UNAUTHORIZED, "a valid token is needed\n")
        except (MultipleValuesError, ValueError):
            return connection.respond(HTTPStatus.BAD_REQUEST, "a header is not understood\n")
        return None


def _tokens(request: Request) -> list[str]:
    """Every token that a handshake carries."""
    found = parse_qs(urlsplit(request.path).query).get("token", [])[:2]
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        found.append(bearer.strip())
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).split(",")
    found += [word.strip().removeprefix("token.") for word in offered if word.strip().startswith("token.")][:2]
    return found


def _subprotocol(_connection: ServerConnection, offered: Sequence[str]) -> str | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


class SocketWriter:
    """Sends messages in order; callable from any thread."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._size = 0

    def send(self, body: bytes) -> None:
        """Queue one message."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._put, body)

    def close(self) -> None:
        """Close the connection once all is sent."""
        self._loop.call_soon(self._waiting.put_nowait, None)

    async def run(self) -> None:
        """Send what is queued until the connection closes."""
        with contextlib.suppress(ConnectionClosed):
            while (body := await self._waiting.get()) is not None:
                await self._socket.send(body, text=True)
                self._size -= len(body)
        await self._socket.close()

    def _put(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MAX_OUTBOX:
            logger.warning("a client that does not read its answers was dropped")
            self._socket.transport.abort()
            return
        self._waiting.put_nowait(body)


async def _serve_client(socket: ServerConnection, clients: Clients) -> None:
    writer = SocketWriter(socket)
    sending = asyncio.create_task(writer.run())
    try:
        with clients.session(writer.send, writer.close) as session:
            async for message in socket:
                body = message.encode() if isinstance(message, str) else bytes(message)
                session.receive(await decode_aside(body))
    except ConnectionClosed:
        logger.debug("a client left without closing")
    except ConnectionLimit:
        await socket.close(1013, "too many clients")
    finally:
        sending.cancel()


async def serve_websocket(
    host: Host,
    stopped: asyncio.Event,
    *,
    address: tuple[str, int],
    gate: Gate,
    port_file: Path | None,
    publish_token: bool,
    on_listening: Callable[[int], None] | None = None,
) -> int:
    """Serve WebSocket clients until ``stopped``; ``on_listening`` is told the port, instead of the public."""
    clients = Clients(host)
    idle = None if gate.page is None else IdleEnd(stopped, gate.page.idle_seconds)

    async def handler(socket: ServerConnection) -> None:
        with contextlib.nullcontext() if idle is None else idle.connected():
            await _serve_client(socket, clients)

    with address_errors():
        server = await serve(
            handler,
            *address,
            process_request=gate.check,
            select_subprotocol=_subprotocol,
            max_size=MAX_BODY,
            compression=None,
            server_header=None,
            ping_interval=None,
            open_timeout=HANDSHAKE_SECONDS,
            close_timeout=CLOSE_SECONDS,
        )
    port = next(iter(server.sockets)).getsockname()[1]
    where = f"ws://{address[0]}:{port}"
    details: dict[str, object] = {"transport": "websocket", "host": address[0], "port": port}
    try:
        with contextlib.ExitStack() as stack:
            if on_listening is None:
                stack.enter_context(announced(where, details, port_file, gate.token if publish_token else None))
            else:
                on_listening(port)
            await stopped.wait()
    finally:
        server.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), CLOSE_SECONDS)
    return 0
