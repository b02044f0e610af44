"""What the browser can reach: a socket to the server, its status, a restart and its log.

Every address is behind Jupyter's own authentication and authorisation (resource ``exbert``), the
socket behind its origin check and the restart behind its XSRF check as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from exbert_jupyterlab import __version__
from exbert_jupyterlab.process import MAX_MESSAGE, ServerProcess, ServerUnavailable, Upstream

AUTH_RESOURCE = "exbert"
# Close codes of the application range, known to the browser's side (src/connection.ts).
SERVER_ENDED = 4001
SERVER_UNAVAILABLE = 4002
# The first message down: from now on a close means that the session ended, not that it never began.
CONNECTED = '{"jsonrpc":"2.0","method":"bridge/connected"}'
# A close frame carries at most 123 bytes of reason; the whole one is at /exbert/status.
REASON_BYTES = 120


class BridgeHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One browser socket, one session on the server: text messages pass both ways unchanged."""

    auth_resource = AUTH_RESOURCE

    def initialize(self) -> None:
        """Nothing is connected yet."""
        self._upstream: Upstream | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def max_message_size(self) -> int:
        """Take what the protocol takes, not tornado's 10 MiB."""
        return MAX_MESSAGE

    def set_default_headers(self) -> None:
        """Send none of JupyterHandler's headers: this is no page."""

    def get_compression_options(self) -> None:
        """Compress nothing: deflating 60 MB would hold up Jupyter's event loop."""

    @ws_authenticated
    async def get(self) -> None:
        """Let in who may execute."""
        user = self.current_user
        if not await ensure_async(self.authorizer.is_authorized(self, user, "execute", AUTH_RESOURCE)):
            raise web.HTTPError(403)
        await super().get()

    async def open(self) -> None:
        """Connect to the server; the socket's close code and reason report a failure."""
        super().open()
        process: ServerProcess = self.settings["exbert_process"]
        try:
            upstream = await process.connect()
        except ServerUnavailable as exc:
            self._close_with(SERVER_UNAVAILABLE, str(exc))
            return
        if self.ws_connection is None or self.ws_connection.is_closing():
            upstream.socket.close()
            return
        self._upstream = upstream
        await self.write_message(CONNECTED)
        self._pump = asyncio.get_running_loop().create_task(self._pass_down(upstream))

    async def on_message(self, message: str | bytes) -> None:
        """Pass a message up; awaiting it slows the browser down instead of filling memory."""
        if self._upstream is None:
            return
        with contextlib.suppress(WebSocketClosedError):
            await self._upstream.socket.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        """End the session; the process stays for the next page."""
        if self._upstream is not None:
            self._upstream.socket.close()

    async def _pass_down(self, upstream: Upstream) -> None:
        with contextlib.suppress(WebSocketClosedError):
            while (message := await upstream.socket.read_message()) is not None:
                await self.write_message(message, binary=isinstance(message, bytes))
        if self.ws_connection is not None:
            self._close_with(SERVER_ENDED, await upstream.why_closed())

    def _close_with(self, code: int, reason: str) -> None:
        if self.ws_connection is not None:
            self.close(code, reason.encode()[:REASON_BYTES].decode(errors="ignore"))


class _ExbertHandler(APIHandler):
    auth_resource = AUTH_RESOURCE

    @property
    def process(self) -> ServerProcess:
        """The server that all sockets share."""
        process: ServerProcess = self.settings["exbert_process"]
        return process

    def _status(self) -> str:
        process = self.process
        return json.dumps(
            {
                "state": process.state,
                "reason": process.reason,
                "pid": process.pid,
                "starts": process.starts,
                "python": process.python,
                "root": str(process.root),
                "rootUri": process.root.as_uri(),
                "version": __version__,
            }
        )


class StatusHandler(_ExbertHandler):
    """What the process is doing."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the state; starts nothing."""
        self.finish(self._status())


class RestartHandler(_ExbertHandler):
    """Restarts the process."""

    @web.authenticated
    @authorized("execute")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Restart; 503 with the reason if it does not come back."""
        try:
            await self.process.restart()
        except ServerUnavailable:
            self.set_status(503)
        self.finish(self._status())


class LogHandler(_ExbertHandler):
    """The end of the server's error stream."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with plain text."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(self.process.log_text())
