"""One page over HTTP beside the WebSocket: the page at ``/``, and nothing else.

The page is public; what it asks for over the WebSocket needs the token, and the page's own origin.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers, MultipleValuesError
from websockets.http11 import Request, Response

from exbert_rpc.server.access import host_allowed

IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Page:
    """What is served.

    Attributes:
        html: The page.
        policy: Its Content-Security-Policy without ``connect-src``.
        idle_seconds: How long the server stays once the last page was closed.
    """

    html: str
    policy: str
    idle_seconds: float = IDLE_SECONDS


def answer_http(page: Page, connection: ServerConnection, request: Request) -> Response | None:
    """The answer to a plain request; ``None`` for a WebSocket's handshake, which the gate decides."""
    try:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        host = request.headers.get("Host")
    except MultipleValuesError:
        return connection.respond(HTTPStatus.BAD_REQUEST, "a header is not understood\n")
    if host is None or not host_allowed(host, ()):
        return connection.respond(HTTPStatus.FORBIDDEN, "this Host is not allowed\n")
    if request.path.partition("?")[0] != "/":
        return connection.respond(HTTPStatus.NOT_FOUND, "there is only one page here: /\n")
    return _page(page, host.strip().lower())


def same_origin(request: Request) -> bool:
    """Whether a handshake comes from the page that this server sent; ``Host`` must have been checked."""
    try:
        origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
    except MultipleValuesError:
        return False
    return origin is not None and origin.strip().lower() == f"http://{host.strip().lower()}"


def _page(page: Page, host: str) -> Response:
    body = page.html.encode()
    headers = Headers(
        {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(body)),
            # as an address, not 'self': older browsers do not take a WebSocket for the page's own origin
            "Content-Security-Policy": f"{page.policy}; connect-src ws://{host}",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
    )
    return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, headers, body)


class IdleEnd:
    """Sets ``stopped`` when no page was open for a while. Before the first one opens, it waits for good."""

    def __init__(self, stopped: asyncio.Event, seconds: float) -> None:
        self._stopped = stopped
        self._seconds = seconds
        self._open = 0
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """For the time of one connection."""
        self._open += 1
        if self._timer is not None:
            self._timer.cancel()
        try:
            yield
        finally:
            self._open -= 1
            if self._open == 0:
                self._timer = asyncio.get_running_loop().call_later(self._seconds, self._stopped.set)
