"""The view in a browser window, for an editor whose server this is: one page on loopback, served while it is open."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exbert_rpc.server.host import Host

ADDRESS = "127.0.0.1"


class LivePage:
    """Serves the view to browsers of this machine, with the engine of a process; starts when first asked for.

    Everything here runs on the event loop.

    Args:
        host: What the process' clients share.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._stopped = asyncio.Event()
        self._serving: asyncio.Task[int] | None = None
        self._listening: asyncio.Future[tuple[str, str]] | None = None

    async def address(self) -> tuple[str, str]:
        """Origin and token of the page; a server whose last page was closed a while ago is followed by a new one.

        Raises:
            PageMissing: this installation has no view.
        """
        if self._listening is None or self._stopped.is_set() or (self._serving is not None and self._serving.done()):
            self._start()
        assert self._listening is not None
        return await asyncio.shield(self._listening)

    def _start(self) -> None:
        from exbert_rpc.report.window import make_window
        from exbert_rpc.server.transports.page import Page
        from exbert_rpc.server.transports.websocket import Gate, serve_websocket

        window, token = make_window(), secrets.token_urlsafe(32)
        self._stopped = asyncio.Event()
        listening: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()

        def tell(port: int) -> None:
            listening.set_result((f"http://{ADDRESS}:{port}", token))

        def ended(serving: asyncio.Task[int]) -> None:
            if not listening.done():
                error = None if serving.cancelled() else serving.exception()
                listening.set_exception(error or ConnectionError("the page is not served"))

        self._listening = listening
        self._serving = asyncio.create_task(
            serve_websocket(
                self._host,
                self._stopped,
                address=(ADDRESS, 0),
                gate=Gate(token, (ADDRESS,), (), Page(window.html, window.policy)),
                port_file=None,
                publish_token=False,
                on_listening=tell,
            )
        )
        self._serving.add_done_callback(ended)
